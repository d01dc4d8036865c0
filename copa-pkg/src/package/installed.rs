//! Packages that are installed in an image.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

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

/// The packages that a database lists, sorted by name and architecture. Of several of one name and
/// architecture the one with the lowest version counts, so that a newer one replaces all of them.
pub(crate) fn each_once(packages: impl IntoIterator<Item = Installed>) -> Vec<Installed> {
    let mut all: BTreeMap<(String, String), Installed> = BTreeMap::new();
    for package in packages {
        match all.entry((package.name.clone(), package.arch.clone())) {
            Entry::Vacant(entry) => drop(entry.insert(package)),
            Entry::Occupied(mut entry) if package.version < entry.get().version => {
                entry.insert(package);
            }
            Entry::Occupied(_) => {}
        }
    }
    all.into_values().collect()
}
