//! A name and the versions of it that will do: the smallest thing that packages say of each other.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::version::any::Version;

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
