//! Package formats: the one place that tells them apart.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::deb::{self, Sources, StatusD, distroless};
use crate::index::RelationTexts;
use crate::rpm::{self, Layout, RpmDb};
use crate::signature::Keyring;
use crate::{
    Arch, Distro, Error, Installation, Package, PackageDb, PackageKeys, Relations, Repository,
    Result, Root, Version,
};

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

    /// The architecture that packages of this format have this name for.
    pub(crate) fn arch(self, name: &str) -> Option<Arch> {
        match self {
            Self::Deb => name.parse().ok(),
            Self::Rpm => Arch::from_rpm(name),
        }
    }

    /// What packages of this format call the architecture.
    pub(crate) fn arch_name(self, arch: Arch) -> &'static str {
        match self {
            Self::Deb => arch.as_str(),
            Self::Rpm => arch.as_rpm(),
        }
    }

    /// The format of a version.
    pub(crate) fn of(version: &Version) -> Self {
        match version {
            Version::Deb(_) => Self::Deb,
            Version::Rpm(_) => Self::Rpm,
        }
    }

    /// Whether each package is signed, and not only the index.
    pub(crate) fn signs_packages(self) -> bool {
        match self {
            Self::Deb => false,
            Self::Rpm => true,
        }
    }

    /// Checks who signed a package; gives what a person should know.
    pub(crate) fn verify(self, package: &Package, keys: &PackageKeys) -> Result<Option<String>> {
        match self {
            Self::Deb => Ok(None),
            Self::Rpm => rpm::verify(package, keys),
        }
    }

    /// The data of a package, compressed such that it is quickly unpacked, where that is worth it.
    pub(crate) fn repack(self, package: &Package) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Deb => deb::repack(package),
            Self::Rpm => Ok(None),
        }
    }

    /// What mirrors of the distribution are called.
    pub(crate) fn mirror_names(self, distro: &Distro) -> &'static [&'static str] {
        match self {
            Self::Deb => &["debian", "debian-security"],
            Self::Rpm => Layout::of(distro).map_or(&[], |layout| layout.names),
        }
    }

    /// Where packages come from; `streams` are the streams of modules that are installed.
    pub(crate) fn repositories(
        self,
        sources: &Sources<'_>,
        streams: &[String],
    ) -> Result<Vec<Box<dyn Repository>>> {
        match self {
            Self::Deb => deb::repositories(sources),
            Self::Rpm => rpm::repositories(sources, streams),
        }
    }

    /// Who may sign packages; `imported` are the keys that the package database trusts.
    pub(crate) fn package_keys(
        self,
        sources: &Sources<'_>,
        imported: &[String],
    ) -> Result<PackageKeys> {
        let keyring = match self {
            Self::Deb => Keyring::default(),
            Self::Rpm => rpm::package_keys(sources, imported)?,
        };
        Ok(PackageKeys { keyring, trust: sources.trust.clone() })
    }

    /// Where more of the keys are that the image names.
    pub(crate) fn key_urls(self, sources: &Sources<'_>) -> Result<Vec<Url>> {
        match self {
            Self::Deb => Ok(Vec::new()),
            Self::Rpm => rpm::key_urls(sources),
        }
    }

    /// What a package of an index says of others.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] when that cannot be read.
    pub(crate) fn relations(self, texts: RelationTexts<'_>) -> Result<Relations> {
        match self {
            Self::Deb => deb::indexed_relations(texts),
            Self::Rpm => rpm::relations(texts),
        }
    }

    /// What installing these packages changes.
    pub(crate) fn install(self, root: &dyn Root, packages: &[Package]) -> Result<Installation> {
        match self {
            Self::Deb => distroless::install(root, packages),
            Self::Rpm => rpm::install(root, packages),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deb => "Debian",
            Self::Rpm => "RPM",
        })
    }
}

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

/// Finds and reads the package database.
///
/// # Errors
///
/// [`Error::Unsupported`] when there is none, or one that cannot be updated.
pub(crate) fn open_db(root: &dyn Root) -> Result<Box<dyn PackageDb>> {
    if let Some(db) = StatusD::open(root)? {
        return Ok(Box::new(db));
    }
    if let Some(db) = RpmDb::open(root)? {
        return Ok(Box::new(db));
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
