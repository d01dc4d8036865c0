//! RPM's package manager.

use std::path::Path;

use crate::error::Result;
use crate::format::manager::PackageManager;
use crate::format::rpm::db::rpmdb::RpmDb;
use crate::format::rpm::install::transaction;
use crate::format::rpm::package::verify::verify;
use crate::format::rpm::rules::RULES;
use crate::format::rpm::sources::discover;
use crate::install::installation::Installation;
use crate::package::database::PackageDb;
use crate::package::fetched::{Package, Verified};
use crate::package::rules::Rules;
use crate::port::{Interest, Root};
use crate::repository::origins::Origins;
use crate::repository::sources::Sources;
use crate::trust::keys::PackageKeys;
use crate::warning::Warnings;

/// Directories whose content is read. Of `etc` all: what becomes of configuration depends on its
/// content, and a layer that is streamed again for each such file may be far away.
const CONTENT: [&str; 3] = ["etc", "usr/lib/os-release", "var/lib/rpmmanifest"];

/// RPM's package manager: `rpm`, with what `dnf` adds.
#[derive(Debug)]
pub(crate) struct Rpm;

impl PackageManager for Rpm {
    fn rules(&self) -> &'static Rules {
        &RULES
    }

    fn interest(&self, path: &Path) -> Interest {
        let read = CONTENT.iter().any(|dir| path.starts_with(dir)) || RpmDb::is_part(path);
        if read { Interest::Content } else { Interest::Existence }
    }

    fn open(&self, root: &dyn Root) -> Result<Option<Box<dyn PackageDb>>> {
        Ok(RpmDb::open(root)?.map(|db| Box::new(db) as Box<dyn PackageDb>))
    }

    fn origins(
        &self,
        sources: &Sources<'_>,
        db: &dyn PackageDb,
        warnings: &mut Warnings<'_>,
    ) -> Result<Origins> {
        discover::origins(sources, &db.streams(), &db.keys(), warnings)
    }

    fn verify(&self, package: Package, keys: &PackageKeys) -> Result<Verified> {
        let warning = verify(&package, keys)?;
        Ok(Verified { package, warning })
    }

    /// RPM's payloads are in zstd or gzip, which are quickly unpacked.
    fn repack(&self, _: &Package) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn install(&self, root: &dyn Root, packages: &[Verified]) -> Result<Installation> {
        transaction::install(root, packages)
    }
}
