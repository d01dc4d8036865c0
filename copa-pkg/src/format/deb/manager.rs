//! Debian's package manager.

use crate::error::Result;
use crate::format::deb::db::status_d::StatusD;
use crate::format::deb::install::distroless;
use crate::format::deb::package::archive;
use crate::format::deb::rules::RULES;
use crate::format::deb::sources::discover::repositories;
use crate::format::interests::Interests;
use crate::format::manager::{Opened, PackageFormat, PackageManager};
use crate::install::outcome::Installation;
use crate::install::transaction::Transaction;
use crate::package::database::PackageDb;
use crate::package::fetched::{Package, Verified};
use crate::package::rules::Rules;
use crate::port::Root;
use crate::repository::origins::Origins;
use crate::repository::sources::Sources;
use crate::trust::keys::PackageKeys;
use crate::trust::openpgp::Keyring;
use crate::warning::Warnings;

/// What is kept of layers: databases, sources and keys with their content, and a checksum of all that
/// packages own.
static INTERESTS: Interests = Interests {
    content: &[
        "etc",
        "usr/lib/dpkg/status.d",
        "usr/lib/os-release",
        "usr/local/share/ca-certificates",
        "usr/share/keyrings",
        "var/lib/dpkg/status",
        "var/lib/dpkg/status.d",
    ],
    files: (&[], &[]),
    checksums: &[
        "bin", "boot", "lib", "lib32", "lib64", "libo32", "libx32", "opt", "sbin", "srv", "usr",
        "var", "home",
    ],
};

/// Images with Debian packages.
pub(crate) static DEB: PackageFormat = PackageFormat { interests: &INTERESTS, open };

fn open(root: &dyn Root) -> Result<Opened> {
    Ok(StatusD::open(root)?.map(|db| Box::new(Dpkg { db }) as Box<dyn PackageManager>))
}

/// Debian's package manager, and the database of the image.
#[derive(Debug)]
struct Dpkg {
    db: StatusD,
}

impl PackageManager for Dpkg {
    fn rules(&self) -> &'static Rules {
        &RULES
    }

    fn db(&self) -> &dyn PackageDb {
        &self.db
    }

    fn origins(&self, sources: &Sources<'_>, warnings: &mut Warnings<'_>) -> Result<Origins> {
        let keys = PackageKeys { keyring: Keyring::default(), trust: sources.trust.clone() };
        let repositories = repositories(sources, warnings)?;
        Ok(Origins { repositories, keys, key_urls: Vec::new(), warnings: Vec::new() })
    }

    /// The signed index has the checksum of each package, and the package has been held against it.
    fn verify(&self, package: Package, _: &PackageKeys) -> Result<Verified> {
        Ok(Verified { package, warning: None })
    }

    fn repack(&self, package: &Package) -> Result<Option<Vec<u8>>> {
        archive::repack(package)
    }

    fn install(&self, root: &dyn Root, transaction: &Transaction<'_>) -> Result<Installation> {
        distroless::install(root, &self.db, transaction.packages)
    }
}
