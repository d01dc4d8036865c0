//! The one list of package managers.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
#[cfg(feature = "deb")]
use crate::format::deb::manager::DEB;
use crate::format::manager::{PackageFormat, PackageManager};
#[cfg(feature = "rpm")]
use crate::format::rpm::manager::RPM;
use crate::port::{Interest, Root};

/// All of them, in the order in which an image is asked for their databases.
pub(crate) static FORMATS: &[&PackageFormat] = &[
    #[cfg(feature = "deb")]
    &DEB,
    #[cfg(feature = "rpm")]
    &RPM,
];

/// Databases that are known and cannot be updated yet: where they are, and what they are called.
const UNSUPPORTED: [(&str, &str); 7] = [
    ("var/lib/dpkg/status", "an image with a full dpkg database"),
    ("var/lib/chisel/manifest.wall", "an image made by chisel"),
    ("lib/apk/db/installed", "an image with an apk database"),
    ("usr/lib/apk/db/installed", "an image with an apk database"),
    ("var/lib/rpm", "an image with an empty RPM database"),
    ("usr/lib/sysimage/rpm", "an image with an empty RPM database"),
    ("var/lib/rpmmanifest", "an image with an RPM manifest without packages"),
];

/// Finds and reads the package database of the image.
///
/// # Errors
///
/// [`Error::Unsupported`] when there is none, or one that cannot be updated.
pub(crate) fn open(root: &dyn Root) -> Result<Box<dyn PackageManager>> {
    for format in FORMATS {
        if let Some(manager) = (format.open)(root)? {
            return Ok(manager);
        }
    }
    let there = |path: &str| root.real_path(Path::new(path)).is_some();
    Err(match UNSUPPORTED.iter().find(|(path, _)| there(path)) {
        Some((path, what)) => Error::Unsupported {
            what: (*what).into(),
            reason: format!("it has {path}; so far distroless Debian (status.d) and RPM are"),
        },
        None => Error::Unsupported {
            what: "an image without a package database".into(),
            reason: "there is nothing in var/lib/dpkg/status.d, and no RPM database".into(),
        },
    })
}

/// What is worth keeping of the file at this path, for whichever format it may be.
pub(crate) fn interest(path: &Path) -> Interest {
    FORMATS.iter().map(|format| format.interests.of(path)).max().unwrap_or(Interest::Existence)
}

/// A digest of what is kept of layers. What was kept by other lists is not what is needed now.
pub(crate) fn interests_digest() -> String {
    let lists = FORMATS.iter().map(|format| format!("{:?}", format.interests));
    hex::encode(Sha256::digest(lists.collect::<String>()))
}
