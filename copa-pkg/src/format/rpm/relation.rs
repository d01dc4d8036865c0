//! What packages say of each other: `rpm-dependencies(7)`.
//!
//! An index keeps one relation a line: a name, and perhaps an operator and a version, divided by
//! blanks: `libc.so.6(GLIBC_2.34)(64bit)`, `openssl-libs = 1:3.0.7-25.el9`. A rich dependency is
//! kept as it is written, in parentheses.

use crate::error::{Error, Result};
use crate::format::rpm::rich::{exclusion, requirements};
use crate::package::constraint::{Constraint, Operator};
use crate::package::relation::{RelationTexts, Relations};
use crate::package::requirement::Requirement;
use crate::version::any::Version;

/// Reads what a record of an index says of other packages.
///
/// # Errors
///
/// [`Error::Malformed`] when a line is none of these.
pub(crate) fn relations(texts: RelationTexts<'_>) -> Result<Relations> {
    Ok(Relations {
        requires: texts.requires.lines().map(needs).collect::<Result<Vec<_>>>()?.concat(),
        provides: constraints(texts.provides)?,
        conflicts: texts.conflicts.lines().map(excluded).collect::<Result<_>>()?,
        replaces: Vec::new(),
        obsoletes: constraints(texts.replaces)?,
    })
}

/// The names in a text of relations, each with its offset.
pub(crate) fn names(text: &[u8]) -> Vec<(usize, &[u8])> {
    let mut at = 0;
    let lines = text.split(|&b| b == b'\n').map(|line| {
        let start = at;
        at += line.len() + 1;
        (start, line.split(|&b| b == b' ').next().unwrap_or_default())
    });
    lines.filter(|(_, name)| !name.is_empty()).collect()
}

/// A relation as the index keeps it; `None` when it is none.
pub(crate) fn line(name: &str, operator: Option<&str>, version: &str) -> Option<String> {
    if name.starts_with('(') {
        return name.chars().all(|c| !c.is_control()).then(|| name.to_owned());
    }
    let plain = |text: &str| !text.contains(|c: char| c.is_whitespace() || c.is_control());
    if name.is_empty() || !plain(name) || !plain(version) {
        return None;
    }
    let Some(operator) = operator else { return Some(name.to_owned()) };
    let operator = match operator {
        "LT" => "<",
        "LE" => "<=",
        "EQ" => "=",
        "GE" => ">=",
        "GT" => ">",
        _ => return None,
    };
    Some(format!("{name} {operator} {version}"))
}

fn constraints(text: &str) -> Result<Vec<Constraint>> {
    text.lines().map(constraint).collect()
}

/// The needs of a line.
fn needs(line: &str) -> Result<Vec<Requirement>> {
    match line.starts_with('(') {
        true => Ok(requirements(line)),
        false => Ok(vec![Requirement::One(constraint(line)?)]),
    }
}

/// The exclusion of a line.
fn excluded(line: &str) -> Result<Requirement> {
    match line.starts_with('(') {
        true => Ok(exclusion(line)),
        false => constraint(line).map(Requirement::One),
    }
}

fn constraint(line: &str) -> Result<Constraint> {
    let malformed = |reason: &str| Error::Malformed {
        what: format!("the relation `{}`", line.chars().take(200).collect::<String>()),
        reason: reason.into(),
    };
    if line.starts_with('(') {
        return Ok(Constraint { name: line.into(), arch: None, version: None });
    }
    let words: Vec<&str> = line.split(' ').collect();
    let (name, version) = match words[..] {
        [name] => (name, None),
        [name, operator, version] => {
            let operator =
                operator_of(operator).ok_or_else(|| malformed("its operator is none"))?;
            (name, Some((operator, Version::Rpm(version.parse()?))))
        }
        _ => return Err(malformed("it is not a name, an operator and a version")),
    };
    if name.is_empty() {
        return Err(malformed("it has no name"));
    }
    Ok(Constraint { name: name.into(), arch: None, version })
}

fn operator_of(text: &str) -> Option<Operator> {
    Some(match text {
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        "=" => Operator::Equal,
        ">=" => Operator::GreaterOrEqual,
        ">" => Operator::Greater,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(requires: &str) -> RelationTexts<'_> {
        RelationTexts { requires, provides: "", conflicts: "", replaces: "" }
    }

    fn shown(requires: &str) -> Vec<String> {
        let relations = relations(texts(requires)).unwrap();
        relations.requires.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn relations_are_read() {
        assert_eq!(
            shown("libc.so.6(GLIBC_2.34)(64bit)\nopenssl-libs = 1:3.0-1\n/bin/sh\n"),
            ["libc.so.6(GLIBC_2.34)(64bit)", "openssl-libs (= 1:3.0-1)", "/bin/sh"]
        );
        assert_eq!(shown("(a or b >= 1)"), ["a | b (>= 1)"]);
        assert_eq!(shown("(a and b and c)"), ["a", "b", "c"]);
        assert_eq!(shown("/usr/share/x\n/usr/bin/x"), ["/usr/share/x", "/usr/bin/x"]);
        for text in ["(a >= 1 with a < 2)", "(a if b)", "(a if b else c)", "(a or (b and c))", "("]
        {
            assert_eq!(shown(text), [text]);
        }
        for bad in ["a =", "a = 1 2", "a ~ 1", "", " = 1", "a = -1"] {
            let bad = format!("{bad}\n");
            assert!(relations(texts(&bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_have_their_offsets() {
        let text = b"a = 1\n\nlibx.so.1()(64bit)\n/bin/sh";
        for (at, name) in names(text) {
            assert_eq!(&text[at..at + name.len()], name);
        }
        assert_eq!(names(text).len(), 3);
        assert_eq!(names(b"").len(), 0);
    }

    #[test]
    fn lines_hold_what_can_be_read_back() {
        assert_eq!(line("a", Some("GE"), "1:2-3").unwrap(), "a >= 1:2-3");
        assert_eq!(line("(a if b)", None, "").unwrap(), "(a if b)");
        assert_eq!(line("a", None, "").unwrap(), "a");
        for (name, operator) in
            [("", None), ("a b", None), ("a\n", None), ("(a\n)", None), ("a", Some("X"))]
        {
            assert_eq!(line(name, operator, "1"), None);
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "([a(]|or|and|if|with| |=|>=|1:2-3|\\)|\n|:|-){0,20}") {
            let _ = relations(texts(&text));
            let _ = names(text.as_bytes());
        }
    }
}
