//! Debian's package manager.

use std::path::Path;

use crate::error::Result;
use crate::format::deb::db::status_d::StatusD;
use crate::format::deb::install::distroless;
use crate::format::deb::package::archive;
use crate::format::deb::rules::RULES;
use crate::format::deb::sources::discover::repositories;
use crate::format::manager::{PackageFormat, PackageManager};
use crate::install::installation::Installation;
use crate::install::transaction::Transaction;
use crate::package::database::PackageDb;
use crate::package::fetched::{Package, Verified};
use crate::package::rules::Rules;
use crate::port::{Interest, Root};
use crate::repository::origins::Origins;
use crate::repository::sources::Sources;
use crate::trust::keys::PackageKeys;
use crate::trust::openpgp::Keyring;
use crate::warning::Warnings;

/// Files and directories whose content is read. Wherever a link can stand for a directory both names
/// are here: a layer is streamed before its links are known.
const CONTENT: [&str; 7] = [
    "etc",
    "usr/lib/dpkg/status.d",
    "usr/lib/os-release",
    "usr/local/share/ca-certificates",
    "usr/share/keyrings",
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d",
];

/// Where packages put files.
const OWNED: [&str; 13] = [
    "bin", "boot", "lib", "lib32", "lib64", "libo32", "libx32", "opt", "sbin", "srv", "usr", "var",
    "home",
];

/// Images with Debian packages.
pub(crate) static DEB: PackageFormat = PackageFormat { interest, open };

fn interest(path: &Path) -> Interest {
    let inside = |dirs: &[&str]| dirs.iter().any(|dir| path.starts_with(dir));
    if inside(&CONTENT) {
        Interest::Content
    } else if inside(&OWNED) {
        Interest::Checksum
    } else {
        Interest::Existence
    }
}

fn open(root: &dyn Root) -> Result<Option<Box<dyn PackageManager>>> {
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
