//! Packages: installed ones, ones that can be had, and ones whose bytes are here.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::Version;

/// A package that the database of the image lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Its architecture, in the distribution's words: `amd64`, `all`.
    pub arch: String,
    /// The name of the source package it was built from.
    pub source: String,
    /// What it needs, offers and excludes.
    pub relations: Relations,
    /// Held back by the user (`hold` in dpkg's status): never updated.
    pub held: bool,
}

/// A version of a package that a repository offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Its architecture, in the distribution's words.
    pub arch: String,
    /// The name of the source package it was built from.
    pub source: String,
    /// Where its bytes are.
    pub url: Url,
    /// How many they are.
    pub size: u64,
    /// What they hash to, as a signed index says.
    pub checksum: Checksum,
    /// The suite or repository that offers it: `bookworm-security`.
    pub origin: String,
    /// What it needs, offers and excludes.
    #[serde(default, skip_serializing_if = "Relations::is_empty")]
    pub relations: Relations,
}

/// A package whose bytes are here and are the ones that its [`Candidate`] describes.
///
/// It can only come from [`Candidate::download`], which checks them.
#[derive(Debug, Clone)]
pub struct Package {
    pub(crate) candidate: Candidate,
    pub(crate) bytes: Bytes,
}

impl Package {
    /// What the repository says of it.
    pub fn candidate(&self) -> &Candidate {
        &self.candidate
    }

    /// The package file.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// A checksum that an index gives for a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Checksum {
    /// SHA-256, 64 lower-case hexadecimal digits.
    Sha256(String),
}

/// What a package needs, offers and excludes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relations {
    /// Each must be satisfied (Debian: `Pre-Depends` and `Depends`).
    #[serde(default)]
    pub requires: Vec<Dependency>,
    /// What it stands for besides its own name (Debian: `Provides`); a version is exact.
    #[serde(default)]
    pub provides: Vec<Constraint>,
    /// What must not be installed beside it (Debian: `Conflicts` and `Breaks`).
    #[serde(default)]
    pub conflicts: Vec<Constraint>,
    /// Whose files it may take over (Debian: `Replaces`).
    #[serde(default)]
    pub replaces: Vec<Constraint>,
}

impl Relations {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
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
