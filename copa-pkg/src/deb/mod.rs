//! Debian packages: `deb-version(7)`, `deb-control(5)`, `deb(5)`, and Debian's repository format.

mod ar;
mod archive;
mod cacerts;
mod control;
mod db;
mod discover;
pub(crate) mod distroless;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
#[cfg(test)]
mod oracle;
mod record;
mod relation;
mod release;
mod repo;
mod scan;
mod sources;
mod version;

use std::io::Read;

use url::Url;

use crate::index::{Index, RelationTexts};
use crate::{Catalog, Error, Format, Loaded, Package, Relations, Result};

pub(crate) use db::StatusD;
pub use discover::{HostFile, Sources, repositories};
#[cfg(test)]
pub(crate) use relation::read_relations;
pub use version::Version;

/// Reads the text of a `Packages` index: what it offers to this architecture. Nothing vouches for
/// it; a [`Repository`](crate::Repository) checks signatures first.
///
/// Files are below `base`. A stanza that is not in order (a field twice, no checksum, a path that
/// leads elsewhere) is left out; the warning says how many were.
///
/// # Errors
///
/// [`Error::Malformed`] when it cannot be read, or is larger than this program reads.
pub fn read_packages(text: impl Read, arch: &str, base: &Url, origin: &str) -> Result<Loaded> {
    let mut scanner = scan::Scanner::new(arch);
    scanner.read(text).map_err(|e| Error::Malformed {
        what: format!("the index of {origin} at {base}"),
        reason: e.to_string(),
    })?;
    Ok(listed(scanner.finish(), base, origin))
}

/// What an index offers, and how many of its stanzas were left out.
fn listed(index: Index, base: &Url, origin: &str) -> Loaded {
    let mut warnings = Vec::new();
    if index.refused() > 0 {
        let refused = index.refused();
        warnings.push(format!(
            "{origin} at {base}: {refused} packages left out: malformed or listed twice"
        ));
    }
    Loaded { catalog: Catalog::new(Format::Deb, index, base.clone(), origin.into()), warnings }
}

/// The data of a package, compressed such that it is quickly unpacked, where that is worth it.
///
/// # Errors
///
/// [`Error::Malformed`] and [`Error::TooLarge`] when it cannot be read.
pub(crate) fn repack(package: &Package) -> Result<Option<Vec<u8>>> {
    archive::Archive::open(&package.candidate.name, &package.bytes)?.repack()
}

/// Reads what a record of an index says of other packages.
///
/// # Errors
///
/// [`Error::Malformed`] when one of its relation fields is.
pub(crate) fn relations(texts: RelationTexts<'_>) -> Result<Relations> {
    Ok(Relations {
        requires: relation::parse_relations(texts.requires)?,
        provides: relation::parse_constraints(texts.provides)?,
        conflicts: relation::parse_constraints(texts.conflicts)?,
        replaces: relation::parse_constraints(texts.replaces)?,
    })
}
