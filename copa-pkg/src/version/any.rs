//! Versions of packages, ordered as their own package manager orders them.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::version::format::Format;
use crate::version::{deb, rpm};

/// A version of a package. Versions of different formats do not compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Version {
    /// A Debian version.
    Deb(deb::Version),
    /// An RPM version.
    Rpm(rpm::Version),
}

impl Version {
    /// Reads a version in the spelling of a format.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) when it is none.
    pub fn parse(format: Format, text: &str) -> Result<Self> {
        match format {
            Format::Deb => text.parse().map(Self::Deb),
            Format::Rpm => text.parse().map(Self::Rpm),
        }
    }

    /// The format whose rules order it.
    pub fn format(&self) -> Format {
        match self {
            Self::Deb(_) => Format::Deb,
            Self::Rpm(_) => Format::Rpm,
        }
    }

    /// How it stands to the bound of a dependency, which may leave parts open. `None` when they
    /// are of different formats.
    pub fn cmp_bound(&self, bound: &Self) -> Option<Ordering> {
        match (self, bound) {
            (Self::Rpm(version), Self::Rpm(bound)) => Some(version.cmp_bound(bound)),
            _ => self.partial_cmp(bound),
        }
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Deb(a), Self::Deb(b)) => Some(a.cmp(b)),
            (Self::Rpm(a), Self::Rpm(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deb(version) => version.fmt(f),
            Self::Rpm(version) => version.fmt(f),
        }
    }
}
