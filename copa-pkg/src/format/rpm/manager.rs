//! RPM's package manager.

use crate::error::Result;
use crate::format::interests::Interests;
use crate::format::manager::{Opened, PackageFormat, PackageManager};
use crate::format::rpm::db::database_file::{DIRECTORIES, FILES};
use crate::format::rpm::db::rpmdb::RpmDb;
use crate::format::rpm::install::transaction;
use crate::format::rpm::package::verify::verify;
use crate::format::rpm::rules::RULES;
use crate::format::rpm::sources::discover;
use crate::install::outcome::Installation;
use crate::install::transaction::Transaction;
use crate::package::database::PackageDb;
use crate::package::fetched::{Package, Verified};
use crate::package::rules::Rules;
use crate::port::Root;
use crate::repository::origins::Origins;
use crate::repository::sources::Sources;
use crate::trust::keys::PackageKeys;
use crate::warning::Warnings;

/// What is kept of layers: databases and manifests, and all of `etc`. What becomes of configuration
/// depends on its content, and a layer that is streamed again for each such file may be far away.
static INTERESTS: Interests = Interests {
    content: &["etc", "usr/lib/os-release", "var/lib/rpmmanifest"],
    files: (&DIRECTORIES, &FILES),
    checksums: &[],
};

/// Images with RPM packages.
pub(crate) static RPM: PackageFormat = PackageFormat { interests: &INTERESTS, open };

fn open(root: &dyn Root) -> Result<Opened> {
    Ok(RpmDb::open(root)?.map(|db| Box::new(Rpm { db }) as Box<dyn PackageManager>))
}

/// RPM's package manager, `rpm` with what `dnf` adds, and the database of the image.
#[derive(Debug)]
struct Rpm {
    db: RpmDb,
}

impl PackageManager for Rpm {
    fn rules(&self) -> &'static Rules {
        &RULES
    }

    fn db(&self) -> &dyn PackageDb {
        &self.db
    }

    fn origins(&self, sources: &Sources<'_>, warnings: &mut Warnings<'_>) -> Result<Origins> {
        discover::origins(sources, &self.db.streams(), &self.db.keys(), warnings)
    }

    fn verify(&self, package: Package, keys: &PackageKeys) -> Result<Verified> {
        let warning = verify(&package, keys)?;
        Ok(Verified { package, warning })
    }

    /// RPM's payloads are in zstd or gzip, which are quickly unpacked.
    fn repack(&self, _: &Package) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn install(&self, root: &dyn Root, transaction: &Transaction<'_>) -> Result<Installation> {
        transaction::install(root, &self.db, transaction)
    }
}
