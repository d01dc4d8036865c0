//! Rich dependencies: `(foo >= 1 if (bar or baz) else qux)`, as `rpm-dependencies(7)` has them.
//!
//! Each is read once, when the relations of its package are, and is a [`Requirement`] from then on.

use std::collections::BTreeSet;

use crate::package::constraint::{Constraint, Operator};
use crate::package::relation::is_indexed_path;
use crate::package::requirement::Requirement;
use crate::version::any::Version;

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
    name: &'a str,
    /// A comparison, and a version as written.
    bound: Option<(Operator, &'a str)>,
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

const COMPARISONS: [(&str, Operator); 8] = [
    ("<", Operator::Less),
    ("<=", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("=", Operator::Equal),
    ("==", Operator::Equal),
    (">=", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    (">", Operator::Greater),
];

/// What a rich dependency requires: several things of `(a and b)`, alternatives of `(a or b)`. What
/// depends on more than that keeps its text, and so does what rpm would not understand.
pub(crate) fn requirements(text: &str) -> Vec<Requirement> {
    let Some(rule) = Rich::parse(text).and_then(|rich| rich.rule()) else {
        return vec![Requirement::Unknown(text.into())];
    };
    divided(&rule).unwrap_or_else(|| vec![written(text, rule)])
}

/// What a rich dependency excludes.
pub(crate) fn exclusion(text: &str) -> Requirement {
    match Rich::parse(text).and_then(|rich| rich.rule()) {
        Some(rule) => written(text, rule),
        None => Requirement::Unknown(text.into()),
    }
}

fn written(text: &str, rule: Requirement) -> Requirement {
    Requirement::Written { text: text.into(), rule: Box::new(rule) }
}

/// A rule as needs of which each is a list of alternatives. `None` when it is none.
fn divided(rule: &Requirement) -> Option<Vec<Requirement>> {
    match rule {
        Requirement::One(_) => Some(vec![rule.clone()]),
        Requirement::All(all) => {
            Some(all.iter().map(divided).collect::<Option<Vec<_>>>()?.concat())
        }
        Requirement::Any(all) => {
            let each = all.iter().map(|one| match divided(one)?.as_slice() {
                [need] => need.alternatives().map(|any| any.into_iter().cloned().collect()),
                _ => None,
            });
            let alternatives = each.collect::<Option<Vec<Vec<Constraint>>>>()?.concat();
            Some(vec![Requirement::any_of(alternatives)])
        }
        _ => None,
    }
}

impl<'a> Rich<'a> {
    /// Reads a dependency that begins with a parenthesis. `None` when rpm would not understand it.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut rest = text;
        chain(&mut rest, 0)
    }

    /// What it means. `None` of a chain that rpm does not have.
    fn rule(&self) -> Option<Requirement> {
        use Requirement::{All, Any, Not, OnePackage};
        let (first, rest) = match self {
            Self::Simple(simple) => return Some(simple.rule()),
            Self::Chain(first, rest) => (first, rest),
        };
        let operands = rest.iter().map(|(_, operand)| operand);
        let operands = std::iter::once(&**first).chain(operands).map(Rich::rule);
        let mut operands = operands.collect::<Option<Vec<_>>>()?;
        Some(match *rest.iter().map(|(op, _)| *op).collect::<Vec<_>>() {
            [] => operands.pop()?,
            [Op::And, ..] => All(operands),
            [Op::Or, ..] => Any(operands),
            [Op::With, ..] => OnePackage(Box::new(All(operands))),
            [Op::Without] => {
                let excluded = Not(Box::new(operands.pop()?));
                operands.push(excluded);
                OnePackage(Box::new(All(operands)))
            }
            [op @ (Op::If | Op::Unless), ..] => conditional(op, operands)?,
            _ => return None,
        })
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

/// A rule with a condition, of its operands as they are written: `(then if condition else
/// otherwise)`.
fn conditional(op: Op, operands: Vec<Requirement>) -> Option<Requirement> {
    let mut operands = operands.into_iter();
    let (then, condition) = (operands.next()?, operands.next()?);
    let (condition, without) = match op {
        Op::Unless => (Requirement::Not(Box::new(condition)), Requirement::NEVER),
        _ => (condition, Requirement::ALWAYS),
    };
    let otherwise = Box::new(operands.next().unwrap_or(without));
    Some(Requirement::If { condition: Box::new(condition), then: Box::new(then), otherwise })
}

impl Simple<'_> {
    /// Nobody can say what answers to it when its version is none, when it is what rpm itself can
    /// do, or a path that no index lists.
    fn rule(&self) -> Requirement {
        let name = self.name;
        let hidden = is_rpmlib(name) || (name.starts_with('/') && !is_indexed_path(name));
        let version = self.bound.map(|(operator, version)| {
            let version = version.parse().ok()?;
            Some((operator, Version::Rpm(version)))
        });
        match version {
            _ if hidden => Requirement::Unknown(name.into()),
            Some(None) => Requirement::Unknown(name.into()),
            bound => {
                let (name, version) = (name.into(), bound.flatten());
                Requirement::One(Constraint { name, arch: None, version })
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
    let Some((_, operator)) = COMPARISONS.iter().find(|(text, _)| *text == comparison) else {
        return Some(Rich::Simple(Simple { name, bound: None }));
    };
    after = after.trim_start_matches(is_blank);
    let version = word(&mut after);
    *rest = after;
    let bound = Some((*operator, version));
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

    /// What it requires, and of the first requirement the wishes and the names without and with
    /// conditions.
    fn read(text: &str) -> [String; 4] {
        let all = requirements(text);
        let words = |names: Vec<&str>| names.join(" ");
        let shown = all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let wishes = all[0].wishes().into_iter().map(|c| &*c.name).collect();
        let names = |conditions| words(all[0].names(conditions).into_iter().collect());
        [shown, words(wishes), names(false), names(true)]
    }

    #[test]
    fn texts_are_read_once() {
        for (text, expected) in [
            ("(a)", ["a", "a", "a", "a"]),
            ("(a >= 1)", ["a (>= 1)", "a", "a", "a"]),
            ("(a =< 1 and b == 2)", ["a (<= 1); b (= 2)", "a", "a", "a"]),
            ("(b or (a or c))", ["b | a | c", "b a c", "a b c", "a b c"]),
            ("((b or a) and c)", ["b | a; c", "b a", "a b", "a b"]),
            ("(a or (b and c))", ["(a or (b and c))", "a b c", "a b c", "a b c"]),
            ("(a and (b if c))", ["(a and (b if c))", "a b", "a b", "a b c"]),
            ("( a  if b )", ["( a  if b )", "a", "a", "a b"]),
            ("(a if (b if c))", ["(a if (b if c))", "a", "a c", "a b c"]),
            ("(a if b else c)", ["(a if b else c)", "a c", "a b c", "a b c"]),
            ("(a unless b)", ["(a unless b)", "a", "a", "a b"]),
            ("(a unless b else c)", ["(a unless b else c)", "a c", "a b c", "a b c"]),
            ("(a with b)", ["(a with b)", "a b", "a b", "a b"]),
            ("(a without b)", ["(a without b)", "a", "a b", "a b"]),
            ("(a = -1 or b)", ["(a = -1 or b)", "b", "a b", "a b"]),
            ("(/usr/share/x)", ["(/usr/share/x)", "", "/usr/share/x", "/usr/share/x"]),
            ("(/usr/bin/x)", ["/usr/bin/x", "/usr/bin/x", "/usr/bin/x", "/usr/bin/x"]),
            ("(a foo b)", ["(a foo b)", "", "(a foo b)", "(a foo b)"]),
            ("(", ["(", "", "(", "("]),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn an_exclusion_is_one_whatever_it_says() {
        for (text, count) in [("(a and b)", 2), ("(a or b)", 2), ("(a)", 1), ("(a foo b)", 1)] {
            let excluded = exclusion(text);
            assert_eq!((excluded.to_string().as_str(), excluded.count()), (text, count));
            assert!(excluded.is_rule(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[(]{0,3}[ab()<>= ,or]{0,40}") {
            if let Some(rich) = Rich::parse(&text) { prop_assert!(!rich.operands().is_empty()); }
            prop_assert!(!requirements(&text).is_empty());
        }
    }
}
