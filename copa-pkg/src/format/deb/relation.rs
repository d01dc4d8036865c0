//! What packages say of each other: `deb-control(5)`'s relation fields, as dpkg reads them.

use crate::error::{Error, Result};
use crate::format::deb::control::Stanza;
use crate::package::constraint::{Constraint, Operator};
use crate::package::relation::{RelationTexts, Relations};
use crate::package::requirement::Requirement;
use crate::version::deb::Version;

/// What the package of a stanza needs, offers and excludes.
///
/// # Errors
///
/// [`Error::Malformed`] when one of its relation fields is.
pub(crate) fn relations(stanza: &Stanza<'_>) -> Result<Relations> {
    let field = |name| stanza.get(name).unwrap_or_default();
    let mut requires = parse_relations(field("Pre-Depends"))?;
    requires.extend(parse_relations(field("Depends"))?);
    let mut conflicts = parse_exclusions(field("Conflicts"))?;
    conflicts.extend(parse_exclusions(field("Breaks"))?);
    let provides = parse_constraints(field("Provides"))?;
    let replaces = parse_constraints(field("Replaces"))?;
    Ok(Relations { requires, provides, conflicts, replaces, obsoletes: Vec::new() })
}

/// Reads what a record of an index says of other packages.
///
/// # Errors
///
/// [`Error::Malformed`] when one of its relation fields is.
pub(crate) fn indexed_relations(texts: RelationTexts<'_>) -> Result<Relations> {
    Ok(Relations {
        requires: parse_relations(texts.requires)?,
        provides: parse_constraints(texts.provides)?,
        conflicts: parse_exclusions(texts.conflicts)?,
        replaces: parse_constraints(texts.replaces)?,
        obsoletes: Vec::new(),
    })
}

/// Reads `Depends` and `Pre-Depends`: needs divided by commas, alternatives by bars.
///
/// Empty needs (`a, , b`) are passed over, as apt does. The old `<` and `>` mean `<=` and `>=`; a
/// version without operator means `=`.
///
/// # Errors
///
/// [`Error::Malformed`] for everything else that dpkg refuses, and for what belongs into source
/// packages only: lists of architectures and build profiles.
pub(crate) fn parse_relations(text: &str) -> Result<Vec<Requirement>> {
    elements(text).map(parse_alternatives).collect()
}

/// Reads `Conflicts` and `Breaks`: as [`parse_constraints`].
fn parse_exclusions(text: &str) -> Result<Vec<Requirement>> {
    Ok(parse_constraints(text)?.into_iter().map(Requirement::One).collect())
}

/// Reads `Provides` and `Replaces`, and what excludes: like [`parse_relations`], without
/// alternatives.
///
/// # Errors
///
/// As [`parse_relations`], and for alternatives.
pub(crate) fn parse_constraints(text: &str) -> Result<Vec<Constraint>> {
    elements(text).map(parse_constraint).collect()
}

fn elements(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|element| !element.is_empty())
}

fn parse_alternatives(text: &str) -> Result<Requirement> {
    text.split('|').map(parse_constraint).collect::<Result<_>>().map(Requirement::any_of)
}

fn parse_constraint(text: &str) -> Result<Constraint> {
    let text = text.trim();
    let end = text.find(|c: char| c == '(' || c.is_ascii_whitespace()).unwrap_or(text.len());
    let (name, bound) = text.split_at(end);
    let (name, arch) = match name.split_once(':') {
        Some((name, arch)) => (name, Some(arch)),
        None => (name, None),
    };
    if !is_package_name(name) {
        return Err(malformed(text, "it does not begin with the name of a package"));
    }
    if arch.is_some_and(|arch| !is_arch(arch)) {
        return Err(malformed(text, "its architecture is not one"));
    }
    let version = parse_bound(bound.trim()).map_err(|reason| malformed(text, &reason))?;
    Ok(Constraint { name: name.into(), arch: arch.map(Into::into), version })
}

/// Reads `(>= 1.0)`, or nothing.
fn parse_bound(text: &str) -> Result<Option<(Operator, crate::version::any::Version)>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
    let inner = inner.ok_or("what follows the name is not a version in parentheses")?.trim();
    let version = inner.trim_start_matches(['<', '>', '=']);
    let operator = operator(&inner[..inner.len() - version.len()])
        .ok_or("its operator is not one of << <= = >= >>")?;
    let version: Version = version.trim().parse().map_err(|e: Error| e.to_string())?;
    Ok(Some((operator, crate::version::any::Version::Deb(version))))
}

fn operator(text: &str) -> Option<Operator> {
    match text {
        "<<" => Some(Operator::Less),
        "<=" | "<" => Some(Operator::LessOrEqual),
        "=" | "" => Some(Operator::Equal),
        ">=" | ">" => Some(Operator::GreaterOrEqual),
        ">>" => Some(Operator::Greater),
        _ => None,
    }
}

/// Whether a text can be the name of a package, as dpkg sees it: never a path, never empty.
pub(crate) fn is_package_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-+._".contains(&b))
}

/// Whether a text can be the name of an architecture or a qualifier.
pub(crate) fn is_arch(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn malformed(text: &str, reason: &str) -> Error {
    let text: String = text.chars().take(100).collect();
    Error::Malformed { what: format!("relation `{}`", text.escape_debug()), reason: reason.into() }
}

/// The relations in a text of one stanza, for tests.
#[cfg(test)]
pub(crate) fn read_relations(text: &str) -> Result<Relations> {
    relations(&Stanza::parse(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        let all = parse_relations(text).unwrap();
        all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn relations_are_read_as_dpkg_reads_them() {
        for (text, expected) in [
            ("", ""),
            ("libc6", "libc6"),
            ("libc6 (>= 2.34), libgcc-s1", "libc6 (>= 2.34), libgcc-s1"),
            ("debconf (>= 0.5) | debconf-2.0", "debconf (>= 0.5) | debconf-2.0"),
            ("python3:any(>=3.9~)", "python3:any (>= 3.9~)"),
            ("a (<< 1) ,b(= 1:2-3)", "a (< 1), b (= 1:2-3)"),
            ("a (< 1), b (> 1)", "a (<= 1), b (>= 1)"),
            ("a (>> 1), b (<= 1)", "a (> 1), b (<= 1)"),
            ("a (1)", "a (= 1)"),
            ("a,\n b,\n\t c", "a, b, c"),
            ("a, , b,", "a, b"),
            ("g++ | libstdc++6 ( >= 1 )", "g++ | libstdc++6 (>= 1)"),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn nonsense_and_source_relations_are_refused() {
        for text in [
            "a [amd64]",
            "a <!nocheck>",
            "a (>= 1) [amd64]",
            "a |",
            "| a",
            "a b",
            "a (=> 1)",
            "a (<> 1)",
            "a (>= )",
            "a (>= 1",
            "a >= 1",
            "a (>= 1_2)",
            "a:",
            "a:b:c",
            "-a",
            "${misc:Depends}",
            "../a",
        ] {
            assert!(parse_relations(text).is_err(), "{text:?}");
        }
        assert!(parse_constraints("a | b").is_err());
    }

    #[test]
    fn fields_are_joined() {
        let text = "Package: a\nPre-Depends: p\nDepends: d\nConflicts: c\nBreaks: b (<< 1)\n\
                    Provides: v (= 1), w\nReplaces: r\n";
        let relations = relations(&Stanza::parse(text).unwrap()).unwrap();
        let names =
            |all: &[Constraint]| all.iter().map(|c| c.name.clone()).collect::<Vec<_>>().join(" ");
        let shown = |all: &[Requirement]| {
            all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(shown(&relations.requires), "p, d");
        assert_eq!(shown(&relations.conflicts), "c, b (< 1)");
        assert_eq!(names(&relations.provides), "v w");
        assert_eq!(names(&relations.replaces), "r");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = parse_relations(&text);
        }

        #[test]
        fn what_is_read_can_be_written_and_read(text in "[ab1:|,()<>= .~-]{0,24}") {
            if let Ok(all) = parse_constraints(&text) {
                for constraint in all {
                    // Debian's `<` is `<=`, ours is strict: only the others have one spelling.
                    let strict = constraint.version.as_ref().map(|(op, _)| *op);
                    if !matches!(strict, Some(Operator::Less | Operator::Greater)) {
                        let again = parse_constraints(&constraint.to_string()).unwrap();
                        prop_assert_eq!(again, vec![constraint]);
                    }
                }
            }
        }
    }
}
