//! Digests that package databases list of files.

use std::borrow::Cow;

use md5::Md5;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

/// Which function a digest is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DigestAlgorithm {
    Md5,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl DigestAlgorithm {
    /// The digest of the bytes, in hexadecimal digits.
    pub(crate) fn digest(self, bytes: &[u8]) -> String {
        match self {
            Self::Md5 => hex::encode(Md5::digest(bytes)),
            Self::Sha224 => hex::encode(Sha224::digest(bytes)),
            Self::Sha256 => hex::encode(Sha256::digest(bytes)),
            Self::Sha384 => hex::encode(Sha384::digest(bytes)),
            Self::Sha512 => hex::encode(Sha512::digest(bytes)),
        }
    }
}

/// The digest that a package database lists of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileDigest<'a> {
    /// The function.
    pub(crate) algorithm: DigestAlgorithm,
    /// Its value in hexadecimal digits.
    pub(crate) hex: Cow<'a, str>,
}

impl FileDigest<'_> {
    /// Whether a file with this content is the listed one.
    pub(crate) fn fits(&self, content: &[u8]) -> bool {
        self.algorithm.digest(content).eq_ignore_ascii_case(&self.hex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_their_functions() {
        for (algorithm, hex) in [
            (DigestAlgorithm::Md5, "900150983CD24FB0D6963F7D28E17F72"),
            (DigestAlgorithm::Sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        ] {
            let digest = FileDigest { algorithm, hex: hex.into() };
            assert!(digest.fits(b"abc") && !digest.fits(b"abd"));
        }
    }
}
