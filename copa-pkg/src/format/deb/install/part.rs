//! How much of a package the image holds.

use std::path::Path;

use crate::error::Result;
use crate::format::deb::install::owners::Owners;
use crate::format::deb::package::archive::{Archive, EntryKind};
use crate::port::Root;
use crate::unpack::decompress::Budget;

/// How much of a package the image holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// It is not installed: all of it comes.
    New,
    /// All of it, but for what the user deleted.
    Whole,
    /// Files chosen by whoever built the image: `ca-certificates`, `libc-bin`.
    Some,
}

impl Part {
    /// Most of its files are missing: somebody chose the others.
    ///
    /// # Errors
    ///
    /// When the package cannot be read.
    pub(super) fn of(
        package: &str,
        owners: &Owners,
        root: &dyn Root,
        archive: &Archive<'_>,
    ) -> Result<Self> {
        let Some(owner) = owners.of_package(package) else { return Ok(Self::New) };
        let (present, listed) = match owner.has_sums {
            true => (owner.present, owner.listed),
            false => count(root, archive)?,
        };
        Ok(if present * 2 < listed { Self::Some } else { Self::Whole })
    }
}

/// How many files of the new version the image has, and how many there are.
fn count(root: &dyn Root, archive: &Archive<'_>) -> Result<(usize, usize)> {
    let (mut present, mut all) = (0, 0);
    archive.walk(&mut Budget::installation(), |entry| {
        if matches!(entry.kind, EntryKind::Regular(_)) {
            all += 1;
            present += usize::from(root.stat(&entry.path).is_some());
        }
        Ok(())
    })?;
    Ok((present, all))
}

impl Owners {
    /// Whether a path that the installed version did not have belongs into the image: not where
    /// all files of the package are missing, and of a chosen part only where none is.
    pub(super) fn wants(&self, package: &str, part: Part, path: &Path) -> bool {
        let Some(owner) = self.of_package(package) else { return true };
        let mut above = path.ancestors().skip(1);
        match part {
            Part::New => true,
            Part::Some => above
                .next()
                .and_then(|dir| owner.directories.get(dir))
                .is_some_and(|(here, gone)| *here > 0 && *gone == 0),
            Part::Whole => {
                above.find_map(|dir| owner.directories.get(dir)).is_none_or(|(here, _)| *here > 0)
            }
        }
    }
}
