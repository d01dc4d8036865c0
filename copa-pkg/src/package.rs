//! Packages: installed ones, ones that can be had, and ones whose bytes are here.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256, Sha384, Sha512};
use url::Url;

use crate::signature::Keyring;
use crate::{Error, Fetch, Format, Result, Trust, Version};

/// The largest package that is repacked: it is in memory twice.
const LARGEST_REPACKED: usize = 16 << 20;

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

/// A version of a package that a repository offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Its architecture, in the distribution's words.
    pub arch: String,
    /// The name of the source package it was built from.
    pub source: String,
    /// Where its bytes are.
    pub url: Url,
    /// How many they are.
    pub size: u64,
    /// What they hash to, as a signed index says.
    pub checksum: Checksum,
    /// The suite or repository that offers it: `bookworm-security`.
    pub origin: String,
    /// What it needs, offers and excludes.
    #[serde(default, skip_serializing_if = "Relations::is_empty")]
    pub relations: Relations,
}

impl Candidate {
    /// Whether an installed package of this name and version goes when this one comes (RPM:
    /// `Obsoletes`; with Debian none does).
    pub fn makes_obsolete(&self, name: &str, version: &Version) -> bool {
        let within = |bound: &Option<(Operator, Version)>| {
            bound.as_ref().is_none_or(|(operator, bound)| operator.holds(version, bound))
        };
        matches!(self.version, Version::Rpm(_))
            && self.name != name
            && self.relations.replaces.iter().any(|c| c.name == name && within(&c.version))
    }
}

/// A package whose bytes are here and are the ones that its [`Candidate`] describes.
///
/// It can only come from [`Candidate::download`], which checks them. Where packages are signed
/// themselves (RPM), it is installed only after [`verify`](Self::verify).
#[derive(Debug, Clone)]
pub struct Package {
    pub(crate) candidate: Candidate,
    pub(crate) bytes: Bytes,
    /// The data in it once more: what [`Package::repack`] gave.
    pub(crate) repacked: Option<Bytes>,
    /// Whether somebody who is trusted vouches for the bytes, or need not.
    pub(crate) vouched: bool,
    /// What a person should know of that.
    pub(crate) warning: Option<String>,
}

impl Package {
    /// What the repository says of it.
    pub fn candidate(&self) -> &Candidate {
        &self.candidate
    }

    /// The package file.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The data of the package, compressed such that it is quickly unpacked: to be kept in a cache,
    /// and for [`with_repacked`](Self::with_repacked). `None` where that is not worth it: where the
    /// package is large, or quickly unpacked itself; and where it cannot be read, which is said
    /// when it is installed.
    pub fn repack(&self) -> Option<Bytes> {
        if self.bytes.len() > LARGEST_REPACKED {
            return None;
        }
        let repacked = Format::of(&self.candidate.version).repack(self);
        repacked.ok().flatten().map(Into::into)
    }

    /// The same package, of which `data` is installed. It is believed to be what
    /// [`repack`](Self::repack) gave for it: nothing else may be able to put it there.
    pub fn with_repacked(self, data: Bytes) -> Self {
        Self { repacked: Some(data), ..self }
    }

    /// Checks who signed the package and that it is the one that its [`Candidate`] names. Where
    /// the index is signed and not the package (Debian), the checksum in the index has said it
    /// already. What a person should know of it is among the warnings of the installation.
    ///
    /// # Errors
    ///
    /// [`Error::Untrusted`](crate::Error::Untrusted) when no trusted key signed it, or it is
    /// another package.
    pub fn verify(mut self, keys: &PackageKeys) -> Result<Self> {
        self.warning = Format::of(&self.candidate.version).verify(&self, keys)?;
        self.vouched = true;
        Ok(self)
    }
}

/// Who may sign packages, and how strictly that is checked.
#[derive(Debug, Clone)]
pub struct PackageKeys {
    pub(crate) keyring: Keyring,
    pub(crate) trust: Trust,
}

/// The largest file of keys: 1 MiB. A distribution's has a few kilobytes.
const LARGEST_KEYS: u64 = 1 << 20;

impl PackageKeys {
    /// Adds the keys that are at this address.
    ///
    /// # Errors
    ///
    /// When they cannot be had, or are none.
    pub async fn fetch(&mut self, url: &Url, fetch: &dyn Fetch) -> Result<()> {
        let bytes = fetch.get(url).await?.collect(url, LARGEST_KEYS).await?;
        let keys = Keyring::parse(&bytes)
            .map_err(|reason| Error::Malformed { what: url.to_string(), reason })?;
        self.keyring.extend(&keys);
        Ok(())
    }
}

/// A checksum that an index gives for a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Checksum {
    /// SHA-256, 64 lower-case hexadecimal digits.
    Sha256(String),
    /// SHA-384, 96 lower-case hexadecimal digits.
    Sha384(String),
    /// SHA-512, 128 lower-case hexadecimal digits.
    Sha512(String),
}

impl Checksum {
    /// The checksum with this digest; its length says which one it is.
    pub(crate) fn from_digest(digest: &[u8]) -> Option<Self> {
        let text = hex::encode(digest);
        match digest.len() {
            32 => Some(Self::Sha256(text)),
            48 => Some(Self::Sha384(text)),
            64 => Some(Self::Sha512(text)),
            _ => None,
        }
    }

    /// What it is called, and its hexadecimal digits.
    pub(crate) fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Sha256(text) => ("SHA-256", text),
            Self::Sha384(text) => ("SHA-384", text),
            Self::Sha512(text) => ("SHA-512", text),
        }
    }

    /// Hashes as this checksum does.
    pub(crate) fn hasher(&self) -> Hasher {
        match self {
            Self::Sha256(_) => Hasher::Sha256(Sha256::new()),
            Self::Sha384(_) => Hasher::Sha384(Sha384::new()),
            Self::Sha512(_) => Hasher::Sha512(Sha512::new()),
        }
    }
}

/// A checksum in the making.
#[derive(Debug, Clone)]
pub(crate) enum Hasher {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    /// Takes in more of what is hashed.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha384(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    /// The hexadecimal digits.
    pub(crate) fn finish(self) -> String {
        match self {
            Self::Sha256(hash) => hex::encode(hash.finalize()),
            Self::Sha384(hash) => hex::encode(hash.finalize()),
            Self::Sha512(hash) => hex::encode(hash.finalize()),
        }
    }
}

/// Whether packages of this architecture are for all: Debian's `all`, RPM's `noarch`.
pub(crate) fn is_for_all(arch: &str) -> bool {
    matches!(arch, "all" | "noarch")
}

/// What a package needs, offers and excludes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relations {
    /// Each must be satisfied (Debian: `Pre-Depends` and `Depends`; RPM: `Requires`).
    #[serde(default)]
    pub requires: Vec<Dependency>,
    /// What it stands for besides its own name (Debian: `Provides`); a version is exact.
    #[serde(default)]
    pub provides: Vec<Constraint>,
    /// What must not be installed beside it (Debian: `Conflicts` and `Breaks`; RPM: `Conflicts`).
    #[serde(default)]
    pub conflicts: Vec<Constraint>,
    /// What it takes the place of (Debian: `Replaces`, whose files it may take over; RPM:
    /// `Obsoletes`, which go when it comes).
    #[serde(default)]
    pub replaces: Vec<Constraint>,
}

impl Relations {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many names are said, each time one is.
    pub(crate) fn count(&self) -> usize {
        let needs: usize = self.requires.iter().map(|need| need.0.len()).sum();
        needs + self.provides.len() + self.conflicts.len() + self.replaces.len()
    }
}

/// A need that any one of these satisfies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Dependency(pub Vec<Constraint>);

/// A name and, perhaps, the versions of it that will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    /// A package name or something that packages provide.
    pub name: String,
    /// An architecture qualifier: Debian's `:any`, `:native`, `:amd64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// The bound on the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<(Operator, Version)>,
}

impl Constraint {
    /// The names that it is about: several of a rich dependency (RPM), those that are conditions
    /// only when so asked.
    pub fn names(&self, conditions: bool) -> Vec<&str> {
        crate::resolve::names(self, conditions)
    }
}

/// How a version is compared with a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// Strictly lower: Debian's `<<`.
    #[serde(rename = "<")]
    Less,
    /// Lower or equal.
    #[serde(rename = "<=")]
    LessOrEqual,
    /// Equal.
    #[serde(rename = "=")]
    Equal,
    /// Greater or equal.
    #[serde(rename = ">=")]
    GreaterOrEqual,
    /// Strictly greater: Debian's `>>`.
    #[serde(rename = ">")]
    Greater,
}

impl Operator {
    /// Whether `version` is on the right side of `bound`.
    pub fn holds(self, version: &Version, bound: &Version) -> bool {
        let Some(order) = version.cmp_bound(bound) else { return false };
        match self {
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::GreaterOrEqual => order.is_ge(),
            Self::Greater => order.is_gt(),
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Equal => "=",
            Self::GreaterOrEqual => ">=",
            Self::Greater => ">",
        })
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.arch.iter().try_for_each(|arch| write!(f, ":{arch}"))?;
        self.version.iter().try_for_each(|(op, version)| write!(f, " ({op} {version})"))
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, constraint) in self.0.iter().enumerate() {
            write!(f, "{}{constraint}", if i == 0 { "" } else { " | " })?;
        }
        Ok(())
    }
}
