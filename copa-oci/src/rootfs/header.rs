//! One header block of a tar.

use crate::error::{Error, Result};

pub(super) const BLOCK: usize = 512;

/// The type of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum TarType {
    #[default]
    Regular,
    Hardlink,
    Symlink,
    Char,
    Block,
    Directory,
    Fifo,
}

/// One block of the stream, read as a header.
pub(super) struct Header(pub(super) [u8; BLOCK]);

impl Header {
    pub(super) fn field(&self, at: usize, length: usize) -> &[u8] {
        self.0.get(at..at + length).unwrap_or_default()
    }

    pub(super) fn flag(&self) -> u8 {
        self.0.get(156).copied().unwrap_or_default()
    }

    pub(super) fn kind(&self, path: &[u8]) -> Result<TarType> {
        Ok(match self.flag() {
            0 if path.ends_with(b"/") => TarType::Directory,
            0 | b'0' | b'7' | b'S' => TarType::Regular,
            b'1' => TarType::Hardlink,
            b'2' => TarType::Symlink,
            b'3' => TarType::Char,
            b'4' => TarType::Block,
            b'5' => TarType::Directory,
            b'6' => TarType::Fifo,
            other => {
                return Err(Error::Unsupported {
                    what: format!("layer entry {}", String::from_utf8_lossy(path)),
                    reason: format!("its type is `{}`", char::from(other).escape_default()),
                });
            }
        })
    }

    /// The name, with the prefix that POSIX (155 bytes) and star (131 bytes) put before it.
    pub(super) fn path_into(&self, path: &mut Vec<u8>) {
        let prefix = match (self.field(257, 6), self.field(508, 4)) {
            (b"ustar\0", b"tar\0") => until_nul(self.field(345, 131)),
            (b"ustar\0", _) => until_nul(self.field(345, 155)),
            _ => b"",
        };
        path.extend_from_slice(prefix);
        if !prefix.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(until_nul(self.field(0, 100)));
    }

    /// Whether the checksum is right: the sum of all bytes, with blanks in place of the field itself.
    /// Old programs added signed bytes.
    pub(super) fn sum_is_right(&self) -> bool {
        let bytes = || {
            let blanks = |(at, &b)| if (148..156).contains(&at) { b' ' } else { b };
            self.0.iter().enumerate().map(blanks)
        };
        let unsigned: i64 = bytes().map(i64::from).sum();
        let signed = || bytes().map(|b| i64::from(b.cast_signed())).sum::<i64>();
        self.number(148, 8).is_some_and(|sum| sum == unsigned || sum == signed())
    }

    pub(super) fn unsigned(&self, at: usize, length: usize) -> Option<u64> {
        u64::try_from(self.number(at, length)?).ok()
    }

    /// A number: octal digits, or two's complement with the top bit of the first byte set.
    pub(super) fn number(&self, at: usize, length: usize) -> Option<i64> {
        let field = self.field(at, length);
        let first = *field.first()?;
        if first & 0x80 != 0 {
            let start = if first & 0x40 == 0 {
                i128::from(first & 0x3f)
            } else {
                i128::from(first.cast_signed())
            };
            let value = field.iter().skip(1).try_fold(start, |value, &b| {
                value.checked_mul(256).map(|value| value | i128::from(b))
            })?;
            return i64::try_from(value).ok();
        }
        let digits = until_nul(trim(field));
        if digits.is_empty() {
            return Some(0);
        }
        let digits = std::str::from_utf8(digits).ok()?;
        i64::from_str_radix(digits, 8).ok().filter(|_| !digits.starts_with(['+', '-']))
    }

    pub(super) fn sparse_parts(
        &self,
        at: usize,
        count: usize,
        parts: &mut Vec<(u64, u64)>,
    ) -> Option<()> {
        for at in (0..count).map(|n| at + n * 24) {
            if self.field(at, 1) == [0] {
                break;
            }
            parts.push((self.unsigned(at, 12)?, self.unsigned(at + 12, 12)?));
        }
        Some(())
    }
}

pub(super) fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|&b| b == 0).next().unwrap_or_default()
}

fn trim(mut field: &[u8]) -> &[u8] {
    while let [b' ' | 0, rest @ ..] | [rest @ .., b' ' | 0] = field {
        field = rest;
    }
    field
}
