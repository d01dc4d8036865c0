//! Digests: the names of content.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha512};

use crate::error::{Error, Result};

/// The digest of some content: `sha256:` or `sha512:` and lower-case hexadecimal.
///
/// # Examples
///
/// ```
/// let digest = copa_oci::Digest::sha256(b"hello");
/// assert!(digest.to_string().starts_with("sha256:2cf24d"));
/// assert_eq!(digest.to_string().parse::<copa_oci::Digest>().unwrap(), digest);
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// The SHA-256 digest of these bytes.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self(format!("sha256:{}", hex::encode(Sha256::digest(bytes))))
    }

    /// `sha256` or `sha512`.
    pub fn algorithm(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// The hexadecimal part: the file name of a blob in an OCI layout.
    pub fn hex(&self) -> &str {
        self.0.split(':').nth(1).unwrap_or_default()
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid = |reason: &str| Error::Invalid {
            what: "digest",
            text: text.chars().take(160).collect(),
            reason: reason.into(),
        };
        let (algorithm, hex) = text.split_once(':').ok_or_else(|| invalid("has no algorithm"))?;
        let length = match algorithm {
            "sha256" => 64,
            "sha512" => 128,
            _ => return Err(invalid("is neither sha256 nor sha512")),
        };
        let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if hex.len() != length || !hex.bytes().all(lower_hex) {
            return Err(invalid("is not lower-case hexadecimal of the right length"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Digest {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Hashes content as it passes, with the algorithm of the digest it is to be compared with.
#[derive(Debug, Clone)]
pub enum Hasher {
    /// SHA-256.
    Sha256(Sha256),
    /// SHA-512.
    Sha512(Sha512),
}

impl Hasher {
    /// A SHA-256 hasher: what this crate uses for everything it makes.
    pub fn sha256() -> Self {
        Self::Sha256(Sha256::new())
    }

    /// A hasher of the same algorithm as `expected`.
    pub fn like(expected: &Digest) -> Self {
        match expected.algorithm() {
            "sha512" => Self::Sha512(Sha512::new()),
            _ => Self::sha256(),
        }
    }

    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
        }
    }

    /// The digest of all bytes taken in.
    pub fn finish(self) -> Digest {
        match self {
            Self::Sha256(state) => Digest(format!("sha256:{}", hex::encode(state.finalize()))),
            Self::Sha512(state) => Digest(format!("sha512:{}", hex::encode(state.finalize()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_refused_unless_exact() {
        let good = Digest::sha256(b"");
        for (text, fine) in [
            (good.to_string(), true),
            (good.to_string().to_uppercase(), false),
            (format!("{good}0"), false),
            ("sha256:".into(), false),
            ("md5:d41d8cd98f00b204e9800998ecf8427e".into(), false),
            ("sha256".into(), false),
            (format!("sha512:{}", "0".repeat(128)), true),
        ] {
            assert_eq!(text.parse::<Digest>().is_ok(), fine, "{text}");
        }
    }
}
