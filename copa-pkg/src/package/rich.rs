//! Rich dependencies: `(foo >= 1 if (bar or baz) else qux)`, as `rpm-dependencies(7)` has them.

use std::collections::BTreeSet;

/// Deeper ones are not understood. Real ones nest twice or three times.
const DEPTH: usize = 32;

/// A dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rich<'a> {
    Simple(Simple<'a>),
    /// An expression in parentheses: the first operand, then operators with theirs. Chains are of
    /// one operator, or `if` or `unless` and then perhaps `else`.
    Chain(Box<Rich<'a>>, Vec<(Op, Rich<'a>)>),
}

/// A name and perhaps a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Simple<'a> {
    pub(crate) name: &'a str,
    /// A comparison and a version, as written.
    pub(crate) bound: Option<(&'a str, &'a str)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    And,
    Or,
    If,
    Unless,
    Else,
    With,
    Without,
}

const OPS: [(&str, Op); 7] = [
    ("and", Op::And),
    ("or", Op::Or),
    ("if", Op::If),
    ("unless", Op::Unless),
    ("else", Op::Else),
    ("with", Op::With),
    ("without", Op::Without),
];

const COMPARISONS: [&str; 8] = ["<", "<=", "=<", "=", "==", ">=", "=>", ">"];

impl<'a> Rich<'a> {
    /// Reads a dependency that begins with a parenthesis. `None` when rpm would not understand it.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut rest = text;
        chain(&mut rest, 0)
    }

    /// Whether a name is a whole dependency of this kind.
    pub(crate) fn is(name: &str) -> bool {
        name.starts_with('(')
    }

    /// What could be added to make it hold, as constraints.
    pub(crate) fn wishes(&self) -> Vec<crate::package::relation::Constraint> {
        let simples = self.simples(false);
        simples.iter().filter_map(crate::format::rpm::db::installed::bounded).collect()
    }

    /// The names that it is about, with whether each is a condition: what rpm finds a package by
    /// when one of them comes or goes.
    pub(crate) fn operands(&self) -> BTreeSet<(bool, &'a str)> {
        let mut found = Vec::new();
        self.collect(false, &mut found);
        found.into_iter().filter(|(_, name)| !is_rpmlib(name)).collect()
    }

    fn collect(&self, negated: bool, found: &mut Vec<(bool, &'a str)>) {
        let (first, rest) = match self {
            Self::Simple(simple) => return found.push((negated, simple.name)),
            Self::Chain(first, rest) => (first, rest),
        };
        first.collect(negated, found);
        for (op, operand) in rest {
            match op {
                Op::If | Op::Unless => {
                    let start = found.len();
                    operand.collect(!negated, found);
                    if rest.iter().any(|(op, _)| *op == Op::Else) {
                        // With an alternative, the condition counts both ways.
                        let condition = found.get(start..).unwrap_or_default().to_vec();
                        found.extend(condition.into_iter().map(|(not, name)| (!not, name)));
                    }
                }
                _ => operand.collect(negated, found),
            }
        }
    }
}

fn is_rpmlib(name: &str) -> bool {
    name.starts_with("rpmlib(")
}

/// `(` operand, operator, operand ... `)`.
fn chain<'a>(rest: &mut &'a str, depth: usize) -> Option<Rich<'a>> {
    *rest = rest.strip_prefix('(').filter(|_| depth < DEPTH)?;
    let first = operand(rest, depth)?;
    let mut more: Vec<(Op, Rich<'a>)> = Vec::new();
    loop {
        *rest = rest.trim_start_matches(is_blank);
        if let Some(after) = rest.strip_prefix(')') {
            *rest = after;
            return Some(Rich::Chain(Box::new(first), more));
        }
        let word = word(rest);
        let (_, op) = OPS.iter().find(|(name, _)| *name == word)?;
        if !follows(more.last().map(|(op, _)| *op), more.len(), *op) {
            return None;
        }
        more.push((*op, operand(rest, depth)?));
    }
}

/// Whether the operator may stand after the one before it.
fn follows(before: Option<Op>, count: usize, op: Op) -> bool {
    match (before, op) {
        (None, Op::Else) => false,
        (None, _) => true,
        (Some(Op::If | Op::Unless), Op::Else) => count == 1,
        (Some(before), Op::And | Op::Or | Op::With) => before == op,
        _ => false,
    }
}

fn operand<'a>(rest: &mut &'a str, depth: usize) -> Option<Rich<'a>> {
    *rest = rest.trim_start_matches(is_blank);
    if rest.starts_with('(') {
        return chain(rest, depth + 1);
    }
    let name = word(rest);
    if name.is_empty() {
        return None;
    }
    let mut after = rest.trim_start_matches(is_blank);
    let comparison = word(&mut after);
    if !COMPARISONS.contains(&comparison) {
        return Some(Rich::Simple(Simple { name, bound: None }));
    }
    after = after.trim_start_matches(is_blank);
    let version = word(&mut after);
    *rest = after;
    let bound = Some((comparison, version));
    (!version.is_empty()).then_some(Rich::Simple(Simple { name, bound }))
}

/// Up to a blank, or to a parenthesis that was not opened in the word.
fn word<'a>(rest: &mut &'a str) -> &'a str {
    let mut open = 0u32;
    let ends = |c: char| match c {
        '(' => {
            open += 1;
            false
        }
        ')' if open == 0 => true,
        ')' => {
            open -= 1;
            false
        }
        c => is_blank(c),
    };
    let (word, after) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
    *rest = after;
    word
}

/// A comma is a blank.
fn is_blank(c: char) -> bool {
    c.is_ascii_whitespace() || c == ',' || c == '\u{b}'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn operands(text: &str) -> String {
        let Some(rich) = Rich::parse(text) else { return "none".into() };
        let shown = |(not, name)| format!("{}{name}", if not { "!" } else { "" });
        rich.operands().into_iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn operands_are_those_that_rpm_indexes() {
        for (text, expected) in [
            ("(a and b)", "a b"),
            ("(a and b and c)", "a b c"),
            ("(a if b)", "a !b"),
            ("(a if b else c)", "a b c !b"),
            ("(a unless b)", "a !b"),
            ("(a >= 1.0 or b(x) < 2)", "a b(x)"),
            ("((a or b) and c)", "a b c"),
            ("(a if (b and c))", "a !b !c"),
            ("(a if (b and c) else d)", "a b c d !b !c"),
            ("(a if (b if c))", "a c !b"),
            ("(a with b)", "a b"),
            ("(a without b)", "a b"),
            ("(a and a)", "a"),
            ("(a and rpmlib(X))", "a"),
            ("(a)", "a"),
            ("( a , or  b )", "a b"),
            ("(a and b or c)", "none"),
            ("(a if b if c)", "none"),
            ("(a else b)", "none"),
            ("(a without b without c)", "none"),
            ("(a >= )", "none"),
            ("()", "none"),
            ("(a and )", "none"),
            ("(a and b", "none"),
            ("a", "none"),
            ("(a but b)", "none"),
        ] {
            assert_eq!(operands(text), expected, "{text}");
        }
        assert_eq!(operands(&format!("{}a{}", "(".repeat(100_000), ")".repeat(100_000))), "none");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[(]{0,3}[ab()<>= ,or]{0,40}") {
            if let Some(rich) = Rich::parse(&text) { prop_assert!(!rich.operands().is_empty()); }
        }
    }
}
