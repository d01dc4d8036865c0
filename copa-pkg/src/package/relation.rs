//! What packages say of each other.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::version::any::Version;

/// What a package needs, offers and excludes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relations {
    /// Each must be satisfied (Debian: `Pre-Depends` and `Depends`; RPM: `Requires`).
    #[serde(default)]
    pub requires: Vec<Dependency>,
    /// What it stands for besides its own name (Debian: `Provides`); a version is exact.
    #[serde(default)]
    pub provides: Vec<Constraint>,
    /// What must not be installed beside it (Debian: `Conflicts` and `Breaks`; RPM: `Conflicts`).
    #[serde(default)]
    pub conflicts: Vec<Constraint>,
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
        let needs: usize = self.requires.iter().map(|need| need.0.len()).sum();
        needs
            + self.provides.len()
            + self.conflicts.len()
            + self.replaces.len()
            + self.obsoletes.len()
    }
}

/// A need that any one of these satisfies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Dependency(pub Vec<Constraint>);

/// A name and, perhaps, the versions of it that will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    /// A package name or something that packages provide.
    pub name: String,
    /// An architecture qualifier: Debian's `:any`, `:native`, `:amd64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// The bound on the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<(Operator, Version)>,
}

impl Constraint {
    /// The names that it is about: several of a rich dependency (RPM), those that are conditions
    /// only when so asked.
    pub fn names(&self, conditions: bool) -> Vec<&str> {
        crate::resolve::rich::names(self, conditions)
    }
}

/// How a version is compared with a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// Strictly lower: Debian's `<<`.
    #[serde(rename = "<")]
    Less,
    /// Lower or equal.
    #[serde(rename = "<=")]
    LessOrEqual,
    /// Equal.
    #[serde(rename = "=")]
    Equal,
    /// Greater or equal.
    #[serde(rename = ">=")]
    GreaterOrEqual,
    /// Strictly greater: Debian's `>>`.
    #[serde(rename = ">")]
    Greater,
}

impl Operator {
    /// Whether `version` is on the right side of `bound`.
    pub fn holds(self, version: &Version, bound: &Version) -> bool {
        let Some(order) = version.cmp_bound(bound) else { return false };
        match self {
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::GreaterOrEqual => order.is_ge(),
            Self::Greater => order.is_gt(),
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Equal => "=",
            Self::GreaterOrEqual => ">=",
            Self::Greater => ">",
        })
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.arch.iter().try_for_each(|arch| write!(f, ":{arch}"))?;
        self.version.iter().try_for_each(|(op, version)| write!(f, " ({op} {version})"))
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, constraint) in self.0.iter().enumerate() {
            write!(f, "{}{constraint}", if i == 0 { "" } else { " | " })?;
        }
        Ok(())
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
        let count = |text: &str| memchr::memchr3_iter(b'\n', b',', b'|', text.as_bytes()).count();
        let texts = [self.requires, self.provides, self.conflicts, self.replaces];
        texts.into_iter().filter(|text| !text.is_empty()).map(|text| count(text) + 1).sum()
    }
}
