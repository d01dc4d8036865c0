//! Packages that are installed in an image.

use crate::package::relation::Relations;
use crate::version::any::Version;

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
