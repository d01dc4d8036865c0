//! The payload of a package: `cpio` as `rpm` writes it.
//!
//! Two kinds of entries: the portable format of SVR4 (`070701`, `070702`), in which everything is
//! written in hexadecimal digits and names and data are padded to four bytes; and RPM's own
//! (`07070X`), which has nothing but the number of the file in the package's header.

use std::io::{self, Read};

/// The longest name that is read.
const LONGEST_NAME: u32 = 4096;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A file by its name, as written, and how many bytes of data it has.
    Named(Vec<u8>, u32),
    /// A file by its number in the header.
    Numbered(u32),
}

/// Reads entries one after the other.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    source: R,
    /// How far it has been read.
    at: u64,
}

impl<R: Read> Reader<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, at: 0 }
    }

    /// The next entry, or `None` at the trailer. The data of the one before must have been read.
    ///
    /// # Errors
    ///
    /// When reading fails, the archive breaks off, or is none.
    pub(crate) fn next(&mut self) -> io::Result<Option<Entry>> {
        self.align()?;
        let mut magic = [0; 6];
        self.fill(&mut magic)?;
        match &magic {
            b"070701" | b"070702" => self.portable(),
            b"07070X" => {
                let [number] = self.numbers()?;
                self.align()?;
                Ok(Some(Entry::Numbered(number)))
            }
            _ => Err(invalid("an entry does not begin with a magic number of cpio")),
        }
    }

    /// The data of the entry: the caller knows how many bytes it has.
    ///
    /// # Errors
    ///
    /// When reading fails or the archive breaks off.
    pub(crate) fn data(&mut self, length: u64) -> io::Result<Vec<u8>> {
        let mut data = Vec::new();
        let read = self.source.by_ref().take(length).read_to_end(&mut data)? as u64;
        self.at = self.at.saturating_add(read);
        if read != length {
            return Err(invalid("it breaks off"));
        }
        Ok(data)
    }

    fn portable(&mut self) -> io::Result<Option<Entry>> {
        let fields: [u32; 13] = self.numbers()?;
        let (size, length) = (fields[6], fields[11]);
        if length == 0 || length > LONGEST_NAME {
            return Err(invalid("a name in it is empty or too long"));
        }
        let mut name = self.data(u64::from(length))?;
        if name.pop() != Some(0) || name.contains(&0) {
            return Err(invalid("a name in it does not end as it should"));
        }
        self.align()?;
        if name == b"TRAILER!!!" {
            return Ok(None);
        }
        Ok(Some(Entry::Named(name, size)))
    }

    /// Numbers of eight hexadecimal digits.
    fn numbers<const N: usize>(&mut self) -> io::Result<[u32; N]> {
        let mut numbers = [0; N];
        for number in &mut numbers {
            let mut digits = [0; 8];
            self.fill(&mut digits)?;
            let text = std::str::from_utf8(&digits).ok();
            let text = text.filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
            let read = text.and_then(|text| u32::from_str_radix(text, 16).ok());
            *number = read.ok_or_else(|| invalid("a number in it is none"))?;
        }
        Ok(numbers)
    }

    fn align(&mut self) -> io::Result<()> {
        let mut padding = [0; 4];
        let length = (4 - self.at % 4) as usize % 4;
        self.fill(padding.get_mut(..length).unwrap_or_default())
    }

    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.source.read_exact(buffer).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => invalid("it breaks off"),
            _ => e,
        })?;
        self.at = self.at.saturating_add(buffer.len() as u64);
        Ok(())
    }
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn portable(name: &str, data: &[u8]) -> Vec<u8> {
        let mut numbers = [0; 13];
        (numbers[6], numbers[11]) = (data.len(), name.len() + 1);
        let mut entry = b"070701".to_vec();
        numbers.iter().for_each(|n| entry.extend(format!("{n:08x}").bytes()));
        entry.extend(name.bytes().chain([0]));
        entry.resize(entry.len().next_multiple_of(4), 0);
        entry.extend(data);
        entry.resize(entry.len().next_multiple_of(4), 0);
        entry
    }

    fn all(bytes: &[u8]) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let mut reader = Reader::new(bytes);
        let mut found = Vec::new();
        while let Some(entry) = reader.next()? {
            match entry {
                Entry::Named(name, size) => found.push((name, reader.data(size.into())?)),
                Entry::Numbered(number) => {
                    found.push((number.to_string().into_bytes(), reader.data(3)?));
                }
            }
        }
        Ok(found)
    }

    #[test]
    fn both_kinds_of_entries_are_read() {
        let mut bytes = portable("./a", b"hello");
        bytes.extend(b"07070X0000000a\0\0abc\0");
        bytes.extend(portable("./b", b""));
        bytes.extend(portable("TRAILER!!!", b""));
        let found = all(&bytes).unwrap();
        let wanted: [(&[u8], &[u8]); 3] = [(b"./a", b"hello"), (b"10", b"abc"), (b"./b", b"")];
        assert!(found.iter().map(|(n, d)| (&n[..], &d[..])).eq(wanted), "{found:?}");
        for end in 0..bytes.len() - 2 {
            assert!(all(&bytes[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn what_is_hostile_is_an_error() {
        let good = portable("./a", b"");
        let replace = |at: usize, with: &[u8]| {
            let mut bytes = good.clone();
            bytes[at..at + with.len()].copy_from_slice(with);
            bytes
        };
        for bad in [
            replace(0, b"070707"),
            replace(94, b"00000000"),
            replace(94, b"ffffffff"),
            replace(94, b"+0000004"),
            replace(94, b"00000003"),
            replace(54, b"ffffffff"),
            replace(111, b"\0"),
        ] {
            assert!(all(&bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(noise in proptest::collection::vec(any::<u8>(), 0..200), at: prop::sample::Index, byte: u8) {
            let _ = all(&noise);
            let mut bytes = portable("./a", b"hello");
            bytes.extend(portable("TRAILER!!!", b""));
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = all(&bytes);
        }
    }
}
