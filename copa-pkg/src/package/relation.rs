//! What packages say of each other.

use serde::{Deserialize, Serialize};

use crate::package::constraint::Constraint;
use crate::package::requirement::Requirement;
use crate::package::requirement_json::{exclusions, needs};

/// What a package needs, offers and excludes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relations {
    /// Each must be satisfied (Debian: `Pre-Depends` and `Depends`; RPM: `Requires`).
    #[serde(default, with = "needs")]
    pub requires: Vec<Requirement>,
    /// What it stands for besides its own name (Debian: `Provides`); a version is exact.
    #[serde(default)]
    pub provides: Vec<Constraint>,
    /// What must not be installed beside it (Debian: `Conflicts` and `Breaks`; RPM: `Conflicts`).
    #[serde(default, with = "exclusions")]
    pub conflicts: Vec<Requirement>,
    /// Packages whose files it may take over (Debian: `Replaces`).
    #[serde(default)]
    pub replaces: Vec<Constraint>,
    /// Installed packages that go when it comes (RPM: `Obsoletes`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obsoletes: Vec<Constraint>,
}

/// Whether an RPM index lists the path among what a package provides: createrepo's rule for its
/// `primary`. Of other paths an index does not say which package has them.
pub(crate) fn is_indexed_path(path: &str) -> bool {
    path.starts_with("/etc/") || path.contains("bin/") || path == "/usr/lib/sendmail"
}

impl Relations {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many names are said, each time one is.
    pub(crate) fn count(&self) -> usize {
        let asked: usize =
            self.requires.iter().chain(&self.conflicts).map(Requirement::count).sum();
        asked + self.provides.len() + self.replaces.len() + self.obsoletes.len()
    }
}

/// What a package says of others, as its format spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RelationTexts<'a> {
    /// What it needs.
    pub(crate) requires: &'a str,
    /// What it stands for.
    pub(crate) provides: &'a str,
    /// What it excludes.
    pub(crate) conflicts: &'a str,
    /// What it takes the place of.
    pub(crate) replaces: &'a str,
}

impl RelationTexts<'_> {
    /// How many relations these may be, whichever format they are in; a few too many.
    pub(crate) fn count(self) -> usize {
        let lists = |text: &str| memchr::memchr3_iter(b'\n', b',', b'|', text.as_bytes()).count();
        let texts = [self.requires, self.provides, self.conflicts, self.replaces];
        let texts = texts.into_iter().filter(|text| !text.is_empty());
        texts.map(|text| lists(text) + 1 + operands(text)).sum()
    }
}

/// How many operands the rich dependencies (RPM) of a text may have: a line in parentheses has one
/// at every other word.
fn operands(text: &str) -> usize {
    let rich = text.lines().filter(|line| line.starts_with('('));
    rich.map(|line| memchr::memchr_iter(b' ', line.as_bytes()).count() / 2).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_are_counted_before_they_are_read() {
        for (requires, conflicts, count) in [
            ("", "", 0),
            ("a", "b", 2),
            ("a (>= 1) | b, c", "", 3),
            ("a\nb >= 1\nc", "", 3),
            ("(a and b)\nc", "(a or b or c)", 6),
        ] {
            let texts = RelationTexts { requires, provides: "", conflicts, replaces: "" };
            assert_eq!(texts.count(), count, "{requires} {conflicts}");
        }
    }
}
