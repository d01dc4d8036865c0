//! Package formats: the one place that tells them apart.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::deb::{StatusD, distroless};
use crate::{Error, Installation, Package, PackageDb, Result, Root, Version};

/// A package format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// Debian's.
    Deb,
    /// RPM's.
    Rpm,
}

impl Format {
    /// Reads a version in this format's spelling.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when it is none.
    pub fn version(self, text: &str) -> Result<Version> {
        match self {
            Self::Deb => text.parse().map(Version::Deb),
            Self::Rpm => text.parse().map(Version::Rpm),
        }
    }

    /// What installing these packages changes.
    pub(crate) fn install(self, root: &dyn Root, packages: &[Package]) -> Result<Installation> {
        match self {
            Self::Deb => distroless::install(root, packages),
            Self::Rpm => Err(Error::Unsupported {
                what: "installing RPM packages".into(),
                reason: "so far only Debian packages are".into(),
            }),
        }
    }
}

/// Databases that are known and cannot be updated yet: where they are, and what they are called.
const UNSUPPORTED: [(&str, &str); 7] = [
    ("var/lib/dpkg/status", "an image with a full dpkg database"),
    ("var/lib/chisel/manifest.wall", "an image made by chisel"),
    ("lib/apk/db/installed", "an image with an apk database"),
    ("usr/lib/apk/db/installed", "an image with an apk database"),
    ("var/lib/rpm", "an image with an RPM database"),
    ("usr/lib/sysimage/rpm", "an image with an RPM database"),
    ("var/lib/rpmmanifest", "an image with RPM manifests"),
];

/// Finds and reads the package database.
///
/// # Errors
///
/// [`Error::Unsupported`] when there is none, or one that cannot be updated.
pub(crate) fn open_db(root: &dyn Root) -> Result<Box<dyn PackageDb>> {
    if let Some(db) = StatusD::open(root)? {
        return Ok(Box::new(db));
    }
    let there = |path: &str| root.real_path(Path::new(path)).is_some();
    Err(match UNSUPPORTED.iter().find(|(path, _)| there(path)) {
        Some((path, what)) => Error::Unsupported {
            what: (*what).into(),
            reason: format!("it has {path}; so far only distroless Debian (status.d) is"),
        },
        None => Error::Unsupported {
            what: "an image without a package database".into(),
            reason: "there is nothing in var/lib/dpkg/status.d".into(),
        },
    })
}
