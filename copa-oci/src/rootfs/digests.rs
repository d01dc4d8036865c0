//! Digests of files, as package databases list them: not the digests that name blobs.

use std::ops::BitOr;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// A set of digest algorithms.
///
/// # Examples
///
/// ```
/// use copa_oci::Algorithms;
/// let both = Algorithms::MD5 | Algorithms::SHA256;
/// assert!(both.contains(Algorithms::MD5) && !both.contains(Algorithms::SHA1));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Algorithms(u8);

impl Algorithms {
    /// No algorithm.
    pub const NONE: Self = Self(0);
    /// MD5: what dpkg lists.
    pub const MD5: Self = Self(1);
    /// SHA-1: what apk lists.
    pub const SHA1: Self = Self(2);
    /// SHA-256: what RPM lists.
    pub const SHA256: Self = Self(4);

    const ALL: Self = Self(7);

    /// Whether all algorithms of the other set are in this one.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The set as one byte, for [`Algorithms::from_bits`].
    pub(super) fn bits(self) -> u8 {
        self.0
    }

    /// The set that is this byte; `None` when the byte names unknown algorithms.
    pub(super) fn from_bits(bits: u8) -> Option<Self> {
        Self::ALL.contains(Self(bits)).then_some(Self(bits))
    }

    /// How many bytes the digests of one file take.
    pub(super) fn length(self) -> usize {
        let one = |algorithm, length| if self.contains(algorithm) { length } else { 0 };
        one(Self::MD5, 16) + one(Self::SHA1, 20) + one(Self::SHA256, 32)
    }
}

impl BitOr for Algorithms {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The digests of one regular file, of the algorithms that were asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileDigests {
    /// The MD5.
    pub md5: Option<[u8; 16]>,
    /// The SHA-1.
    pub sha1: Option<[u8; 20]>,
    /// The SHA-256.
    pub sha256: Option<[u8; 32]>,
}

impl FileDigests {
    /// Reads what [`FileHasher::finish`] wrote.
    pub(super) fn read(algorithms: Algorithms, mut bytes: &[u8]) -> Self {
        Self {
            md5: take(algorithms.contains(Algorithms::MD5), &mut bytes),
            sha1: take(algorithms.contains(Algorithms::SHA1), &mut bytes),
            sha256: take(algorithms.contains(Algorithms::SHA256), &mut bytes),
        }
    }
}

fn take<const N: usize>(wanted: bool, bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (digest, rest) = bytes.split_first_chunk().filter(|_| wanted)?;
    *bytes = rest;
    Some(*digest)
}

/// Hashes one file with several algorithms.
pub(super) struct FileHasher {
    md5: Option<Md5>,
    sha1: Option<Sha1>,
    sha256: Option<Sha256>,
}

impl FileHasher {
    pub(super) fn new(algorithms: Algorithms) -> Self {
        Self {
            md5: algorithms.contains(Algorithms::MD5).then(Md5::new),
            sha1: algorithms.contains(Algorithms::SHA1).then(Sha1::new),
            sha256: algorithms.contains(Algorithms::SHA256).then(Sha256::new),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.md5.iter_mut().for_each(|hash| hash.update(bytes));
        self.sha1.iter_mut().for_each(|hash| hash.update(bytes));
        self.sha256.iter_mut().for_each(|hash| hash.update(bytes));
    }

    /// Appends the digests, one after the other in the order of [`FileDigests`].
    pub(super) fn finish(self, digests: &mut Vec<u8>) {
        self.md5.into_iter().for_each(|hash| digests.extend(hash.finalize()));
        self.sha1.into_iter().for_each(|hash| digests.extend(hash.finalize()));
        self.sha256.into_iter().for_each(|hash| digests.extend(hash.finalize()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_written_and_read_as_they_were_asked_for() {
        for bits in 0..=7 {
            let algorithms = Algorithms::from_bits(bits).unwrap();
            let mut hasher = FileHasher::new(algorithms);
            hasher.update(b"a");
            hasher.update(b"bc");
            let mut bytes = Vec::new();
            hasher.finish(&mut bytes);
            assert_eq!((bytes.len(), algorithms.bits()), (algorithms.length(), bits));
            let digests = FileDigests::read(algorithms, &bytes);
            let wanted = |algorithm, text: &str| {
                algorithms.contains(algorithm).then(|| hex::decode(text).unwrap())
            };
            // RFC 1321, A.5; FIPS 180-4 examples.
            let md5 = wanted(Algorithms::MD5, "900150983cd24fb0d6963f7d28e17f72");
            let sha1 = wanted(Algorithms::SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d");
            let sha256 = wanted(
                Algorithms::SHA256,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            );
            assert_eq!(digests.md5.map(Vec::from), md5);
            assert_eq!(digests.sha1.map(Vec::from), sha1);
            assert_eq!(digests.sha256.map(Vec::from), sha256);
        }
        assert_eq!(Algorithms::from_bits(8), None);
        assert_eq!(FileDigests::read(Algorithms::ALL, b"short"), FileDigests::default());
    }
}
