//! Numbers in bytes of either order, and texts that end with a zero byte. Nothing here panics.

use bytes::Bytes;

/// The order of the bytes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    pub(super) fn u16(self, data: &[u8], at: usize) -> Option<u16> {
        Some(self.number(data, at, 2)? as u16)
    }

    pub(super) fn u32(self, data: &[u8], at: usize) -> Option<u32> {
        Some(self.number(data, at, 4)? as u32)
    }

    pub(super) fn u64(self, data: &[u8], at: usize) -> Option<u64> {
        self.number(data, at, 8)
    }

    fn number(self, data: &[u8], at: usize, length: usize) -> Option<u64> {
        let bytes = data.get(at..at.checked_add(length)?)?;
        let append = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(match self {
            Self::Little => bytes.iter().rev().fold(0, append),
            Self::Big => bytes.iter().fold(0, append),
        })
    }

    pub(super) fn put_u32(self, out: &mut Vec<u8>, number: u32) {
        out.extend(match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        });
    }

    pub(super) fn put_u64(self, out: &mut Vec<u8>, number: u64) {
        out.extend(match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        });
    }
}

/// The longest text that is a path.
const TEXT_MAX: usize = 4096;

/// The text at this place, up to the zero byte that ends it.
pub(super) fn text(data: &Bytes, at: usize) -> Option<Bytes> {
    let rest = data.get(at..)?;
    let length = memchr::memchr(0, rest.get(..TEXT_MAX).unwrap_or(rest))?;
    Some(data.slice(at..at + length))
}
