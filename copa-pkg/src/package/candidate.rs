//! Versions of packages that can be had.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::package::checksum::Checksum;
use crate::package::constraint::Operator;
use crate::package::relation::Relations;
use crate::version::any::Version;

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

impl Candidate {
    /// Whether an installed package of this name and version goes when this one comes (RPM:
    /// `Obsoletes`; with Debian none does).
    pub fn makes_obsolete(&self, name: &str, version: &Version) -> bool {
        let within = |bound: &Option<(Operator, Version)>| {
            bound.as_ref().is_none_or(|(operator, bound)| operator.holds(version, bound))
        };
        self.name != name
            && self.relations.obsoletes.iter().any(|c| c.name == name && within(&c.version))
    }
}

/// The package, its version and architecture, and where it is.
impl std::fmt::Display for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {} ({})", self.name, self.version, self.arch, self.url)
    }
}
