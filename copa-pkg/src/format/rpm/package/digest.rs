//! Digests of files, by their numbers in OpenPGP (RFC 9580, 9.5; MD5 is 1), as `FILEDIGESTALGO`
//! has them.

use md5::Md5;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use crate::format::rpm::package::header::Header;
use crate::format::rpm::package::tag::Tag;

/// Which digest a header lists of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Algorithm(u64);

impl Algorithm {
    /// The one of this header: MD5 where it does not say.
    pub(crate) fn of(header: &Header) -> Self {
        Self(header.number(Tag::FILEDIGESTALGO).unwrap_or(1))
    }

    /// The digest in hexadecimal digits; `None` when this is an algorithm of neither family.
    pub(super) fn digest(self, bytes: &[u8]) -> Option<String> {
        Some(match self.0 {
            1 => hex::encode(Md5::digest(bytes)),
            8 => hex::encode(Sha256::digest(bytes)),
            9 => hex::encode(Sha384::digest(bytes)),
            10 => hex::encode(Sha512::digest(bytes)),
            11 => hex::encode(Sha224::digest(bytes)),
            _ => return None,
        })
    }

    /// Whether the bytes have this digest. `None` when that cannot be told: none is listed, or one
    /// of another algorithm.
    pub(crate) fn fits(self, listed: &str, bytes: &[u8]) -> Option<bool> {
        (!listed.is_empty()).then(|| self.digest(bytes))?.map(|d| d.eq_ignore_ascii_case(listed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_their_numbers() {
        for (number, listed) in [
            (1, Some("900150983cd24fb0d6963f7d28e17f72")),
            (8, Some("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")),
            (2, None),
        ] {
            assert_eq!(Algorithm(number).digest(b"abc").as_deref(), listed);
        }
        let md5 = Algorithm(1);
        assert_eq!(md5.fits("900150983CD24FB0D6963F7D28E17F72", b"abc"), Some(true));
        assert_eq!(md5.fits("900150983cd24fb0d6963f7d28e17f72", b"abd"), Some(false));
        assert_eq!(md5.fits("", b"abc"), None);
        assert_eq!(Algorithm(2).fits("00", b"abc"), None);
    }
}
