//! Checksums that indexes give for files.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256, Sha384, Sha512};

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
