//! A tar stream, entry by entry: POSIX ustar and pax, GNU long names and sparse files.
//!
//! It reads what Go's `archive/tar` reads, because that is what runtimes unpack layers with, and
//! where the two formats leave room it decides as Go does. The `tar` crate is not used for
//! reading: it holds extended headers of any length in memory and splits pax records at newlines,
//! which breaks binary attributes.

use std::io::{BufRead, Read};

use crate::error::{Error, Result};
use crate::rootfs::header::{BLOCK, Header, TarType, until_nul};

/// An extended header is this long at most: Go's limit too.
const MAX_EXTENSION: u64 = 1 << 20;
const MAX_SPARSE_PARTS: usize = 100_000;
/// Attributes of an entry, repeated ones too: Linux has room for the names of some thousands, files
/// have a few.
const MAX_XATTRS: usize = 1000;
const XATTR: &[u8] = b"SCHILY.xattr.";

/// The header of an entry, extended headers applied. Reused from entry to entry.
#[derive(Debug, Default)]
pub(super) struct TarEntry {
    pub(super) path: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) kind: TarType,
    /// The length of the file as unpacked.
    pub(super) size: u64,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) mtime: i64,
    pub(super) device: (u32, u32),
    pub(super) xattrs: Vec<(String, Vec<u8>)>,
    /// Where the stored bytes of a sparse file go: offset and length.
    parts: Option<Vec<(u64, u64)>>,
}

pub(super) struct TarReader<R> {
    input: R,
    /// Bytes of the current entry that have not been read, and the padding after them.
    data: u64,
    padding: u64,
}

/// What extended headers say of the entry that follows them.
#[derive(Default)]
struct Extensions {
    pax: Vec<u8>,
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    any: bool,
}

impl<R: BufRead> TarReader<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, data: 0, padding: 0 }
    }

    pub(super) fn into_inner(self) -> R {
        self.input
    }

    pub(super) fn input(&mut self) -> &mut R {
        &mut self.input
    }

    /// Moves to the next entry. `false` at the end marker.
    pub(super) fn next_entry(&mut self, entry: &mut TarEntry) -> Result<bool> {
        let mut extensions = Extensions::default();
        loop {
            self.pass(self.data, &mut |_| {})?;
            self.skip_padding()?;
            let Some(header) = self.header()? else {
                return if extensions.any { Err(corrupt("ends in a header")) } else { Ok(false) };
            };
            match header.flag() {
                b'x' => extensions.pax = self.extension(&header)?,
                b'L' => extensions.name = Some(until_nul(&self.extension(&header)?).to_vec()),
                b'K' => extensions.link = Some(until_nul(&self.extension(&header)?).to_vec()),
                b'g' => drop(self.extension(&header)?),
                _ => {
                    self.begin(entry, &header, &extensions)?;
                    return Ok(true);
                }
            }
            extensions.any |= header.flag() != b'g';
        }
    }

    /// Hands the bytes of the current entry, holes included, to `sink`.
    pub(super) fn read_data(
        &mut self,
        entry: &TarEntry,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<()> {
        let Some(parts) = &entry.parts else {
            return self.pass(self.data, sink);
        };
        let mut at = 0;
        for &(offset, length) in parts {
            zeros(offset - at, sink);
            self.pass(length, sink)?;
            at = offset + length;
        }
        zeros(entry.size - at, sink);
        Ok(())
    }

    /// Passes on stored bytes of the current entry.
    fn pass(&mut self, mut count: u64, sink: &mut dyn FnMut(&[u8])) -> Result<()> {
        while count > 0 {
            let buffer = self.input.fill_buf().map_err(failed)?;
            let usable = buffer.len().min(usize::try_from(count).unwrap_or(usize::MAX));
            if usable == 0 {
                return Err(corrupt("ends in the middle of a file"));
            }
            sink(buffer.get(..usable).unwrap_or_default());
            self.input.consume(usable);
            count -= usable as u64;
            self.data = self.data.saturating_sub(usable as u64);
        }
        Ok(())
    }

    /// What fills the last block of a file. umoci leaves it out at the end of a layer, and the end
    /// marker too; the reader of Docker, Podman and containerd takes that for the end.
    fn skip_padding(&mut self) -> Result<()> {
        let mut left = std::mem::take(&mut self.padding);
        while left > 0 {
            let there = self.input.fill_buf().map_err(failed)?.len() as u64;
            if there == 0 {
                return Ok(());
            }
            let usable = there.min(left);
            self.input.consume(usable as usize);
            left -= usable;
        }
        Ok(())
    }

    /// The next header block; `None` at the end.
    fn header(&mut self) -> Result<Option<Header>> {
        let Some(block) = self.block()? else { return Ok(None) };
        if block.iter().any(|&b| b != 0) {
            let header = Header(block);
            return if header.sum_is_right() {
                Ok(Some(header))
            } else {
                Err(corrupt("has a header with a wrong checksum"))
            };
        }
        match self.block()? {
            Some(second) if second.iter().any(|&b| b != 0) => {
                Err(corrupt("goes on after half an end marker"))
            }
            _ => Ok(None),
        }
    }

    fn block(&mut self) -> Result<Option<[u8; BLOCK]>> {
        if self.input.fill_buf().map_err(failed)?.is_empty() {
            return Ok(None);
        }
        let mut block = [0; BLOCK];
        self.input.read_exact(&mut block).map_err(failed)?;
        Ok(Some(block))
    }

    /// The whole body of an extended header.
    fn extension(&mut self, header: &Header) -> Result<Vec<u8>> {
        let size = header.number(124, 12).and_then(|n| u64::try_from(n).ok());
        let size = size.ok_or_else(|| corrupt("has an extended header of no size"))?;
        if size > MAX_EXTENSION {
            let limit = format!("{MAX_EXTENSION} bytes");
            return Err(Error::TooLarge { what: "extended header of a layer entry".into(), limit });
        }
        self.padding = padding(size);
        let mut body = Vec::new();
        self.input.by_ref().take(size).read_to_end(&mut body).map_err(failed)?;
        if body.len() as u64 != size {
            return Err(corrupt("ends in an extended header"));
        }
        Ok(body)
    }

    fn begin(&mut self, entry: &mut TarEntry, header: &Header, ext: &Extensions) -> Result<()> {
        let mut stored = entry.take_header(header)?;
        if let Some(name) = &ext.name {
            entry.path.clone_from(name);
        }
        if let Some(link) = &ext.link {
            entry.link.clone_from(link);
        }
        if let Some(size) = entry.take_pax(&ext.pax)? {
            stored = size;
        }
        if header.flag() == b'S' {
            entry.parts = Some(self.sparse(header, stored, entry)?);
        } else {
            entry.size = if entry.kind == TarType::Regular { stored } else { 0 };
        }
        self.data = if entry.kind == TarType::Regular { stored } else { 0 };
        self.padding = padding(self.data);
        Ok(())
    }

    /// The map of an old GNU sparse file, in its header and the blocks after it.
    fn sparse(
        &mut self,
        header: &Header,
        stored: u64,
        entry: &mut TarEntry,
    ) -> Result<Vec<(u64, u64)>> {
        let wrong = || corrupt("has a sparse file whose map is wrong");
        entry.size = header.unsigned(483, 12).ok_or_else(wrong)?;
        let mut parts = Vec::new();
        header.sparse_parts(386, 4, &mut parts).ok_or_else(wrong)?;
        let mut more = header.0.get(482).is_some_and(|&b| b != 0);
        while more {
            let block = Header(self.block()?.ok_or_else(wrong)?);
            block.sparse_parts(0, 21, &mut parts).ok_or_else(wrong)?;
            more = block.0.get(504).is_some_and(|&b| b != 0);
            if parts.len() > MAX_SPARSE_PARTS {
                return Err(wrong());
            }
        }
        let (mut at, mut sum) = (0, 0u64);
        for &(offset, length) in &parts {
            if offset < at {
                return Err(wrong());
            }
            at = offset.checked_add(length).ok_or_else(wrong)?;
            sum = sum.checked_add(length).ok_or_else(wrong)?;
        }
        if at > entry.size || sum != stored {
            return Err(wrong());
        }
        Ok(parts)
    }
}

impl TarEntry {
    /// How many bytes the file has that the stream does not store. `None` when it is not sparse.
    pub(super) fn holes(&self) -> Option<u64> {
        let stored = self.parts.as_ref()?.iter().map(|(_, length)| length).sum();
        Some(self.size.saturating_sub(stored))
    }

    /// Takes over a header block, and returns how many bytes are stored after it.
    fn take_header(&mut self, header: &Header) -> Result<u64> {
        let number = |at, length, what| {
            header.number(at, length).ok_or_else(|| corrupt(&format!("has a wrong {what}")))
        };
        let unsigned = |at, length, what| {
            header.unsigned(at, length).ok_or_else(|| corrupt(&format!("has a wrong {what}")))
        };
        self.path.clear();
        header.path_into(&mut self.path);
        self.link.clear();
        self.link.extend_from_slice(until_nul(header.field(157, 100)));
        self.kind = header.kind(&self.path)?;
        self.mode = (unsigned(100, 8, "mode")? & 0o7777) as u32;
        self.uid = unsigned(108, 8, "owner")?;
        self.gid = unsigned(116, 8, "group")?;
        self.mtime = number(136, 12, "time")?;
        self.device = (0, 0);
        if matches!(self.kind, TarType::Char | TarType::Block) {
            let device = |at| {
                u32::try_from(unsigned(at, 8, "device")?).map_err(|_| corrupt("has a wrong device"))
            };
            self.device = (device(329)?, device(337)?);
        }
        self.xattrs.clear();
        self.parts = None;
        unsigned(124, 12, "size")
    }

    /// Takes over pax records, and returns the size if they have one.
    fn take_pax(&mut self, mut records: &[u8]) -> Result<Option<u64>> {
        let mut size = None;
        while !records.is_empty() {
            let (key, value, rest) = pax_record(records)
                .ok_or_else(|| corrupt("has an extended header that is not in pax format"))?;
            records = rest;
            if !value.is_empty() {
                self.take_record(key, value, &mut size)?;
            }
        }
        // Sorted, and of two values of one name the later one counts.
        self.xattrs.reverse();
        self.xattrs.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.xattrs.dedup_by(|(a, _), (b, _)| a == b);
        Ok(size)
    }

    fn take_record(&mut self, key: &[u8], value: &[u8], size: &mut Option<u64>) -> Result<()> {
        let wrong = || corrupt(&format!("has a wrong pax {}", String::from_utf8_lossy(key)));
        let text = || std::str::from_utf8(value).map_err(|_| wrong());
        let unsigned = || text()?.parse::<u64>().map_err(|_| wrong());
        match key {
            b"path" => self.path = value.to_vec(),
            b"linkpath" => self.link = value.to_vec(),
            b"size" => *size = Some(unsigned()?),
            b"uid" => self.uid = unsigned()?,
            b"gid" => self.gid = unsigned()?,
            b"mtime" => self.mtime = seconds(text()?).ok_or_else(wrong)?,
            _ if key.starts_with(b"GNU.sparse.") => {
                return Err(Error::Unsupported {
                    what: format!("sparse layer entry {}", String::from_utf8_lossy(&self.path)),
                    reason: "it is in pax format".into(),
                });
            }
            _ => {
                if let Some(name) = key.strip_prefix(XATTR) {
                    let name = String::from_utf8(name.to_vec()).map_err(|_| wrong())?;
                    self.xattrs.push((name, value.to_vec()));
                    if self.xattrs.len() > MAX_XATTRS {
                        let what = "extended attributes of a layer entry".into();
                        return Err(Error::TooLarge { what, limit: MAX_XATTRS.to_string() });
                    }
                }
            }
        }
        Ok(())
    }
}

/// Splits a record `LENGTH KEY=VALUE\n` off.
fn pax_record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = records.iter().take(20).position(|&b| b == b' ')?;
    let length: usize = std::str::from_utf8(records.get(..blank)?).ok()?.parse().ok()?;
    let body = records.get(blank + 1..length)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|&b| b == b'=')?;
    Some((body.get(..equals)?, body.get(equals + 1..)?, records.get(length..)?))
}

/// Whole seconds of a decimal number, rounded down.
fn seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let round = i64::from(whole.starts_with('-') && fraction.bytes().any(|b| b != b'0'));
    whole.parse::<i64>().ok()?.checked_sub(round)
}

fn padding(size: u64) -> u64 {
    (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64
}

fn zeros(mut count: u64, sink: &mut dyn FnMut(&[u8])) {
    const ZEROS: [u8; 4096] = [0; 4096];
    while count > 0 {
        let part = ZEROS.get(..usize::try_from(count).unwrap_or(usize::MAX)).unwrap_or(&ZEROS);
        sink(part);
        count -= part.len() as u64;
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::from_io("layer", error)
}

fn corrupt(reason: &str) -> Error {
    Error::Corrupt { what: "layer tar".into(), reason: reason.into() }
}
