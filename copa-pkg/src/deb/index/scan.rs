//! Reading `Packages`: one pass over the bytes as they come, no stanza is ever held whole twice.

use std::io::{self, Read};

use bytes::Bytes;
use memchr::{memchr, memmem};

use super::{FIXED, HEADER, Index, MAGIC, PROVIDE, Record, TEXTS, Text};

/// The longest stanza that is read. The longest of Debian has some 80 kB.
const LONGEST_STANZA: usize = 1 << 20;

/// The longest text that is kept. The longest of Debian, what a package of Rust bindings provides,
/// has 76 kB.
const LONGEST_TEXT: u32 = 256 << 10;

/// The most that is kept of an index: all of Debian's main needs some 25 MB.
const LARGEST_INDEX: usize = 512 << 20;

/// How much is read at once.
const CHUNK: usize = 256 << 10;

/// Builds an [`Index`] out of the text of `Packages`.
#[derive(Debug)]
pub(crate) struct Scanner {
    arch: String,
    /// The header, then the records.
    bytes: Vec<u8>,
    packages: Vec<u32>,
    refused: u32,
}

/// Where in a stanza the fields of interest are.
#[derive(Debug, Default, Clone, Copy)]
struct Stanza<'a> {
    fields: [Option<&'a [u8]>; FIELDS.len()],
    twice: bool,
}

/// The fields of interest.
const FIELDS: [&[u8]; 13] = [
    b"Package",
    b"Version",
    b"Architecture",
    b"Source",
    b"Filename",
    b"Pre-Depends",
    b"Depends",
    b"Provides",
    b"Conflicts",
    b"Breaks",
    b"Replaces",
    b"Size",
    b"SHA256",
];

const SIZE_FIELD: usize = 11;
const SHA256_FIELD: usize = 12;

impl Scanner {
    /// Keeps the packages of this architecture and those for all.
    pub(crate) fn new(arch: &str) -> Self {
        let bytes = vec![0; HEADER];
        Self { arch: arch.into(), bytes, packages: Vec::new(), refused: 0 }
    }

    /// Reads all stanzas.
    ///
    /// # Errors
    ///
    /// When reading fails, a stanza is longer than 1 MiB, or there is more to keep than 512 MiB.
    pub(crate) fn read(&mut self, mut source: impl Read) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK];
        let mut filled = 0;
        loop {
            let read = source.read(buffer.get_mut(filled..).unwrap_or_default())?;
            filled += read;
            let text = buffer.get(..filled).unwrap_or_default();
            let taken = self.stanzas(text, read == 0)?;
            buffer.copy_within(taken..filled, 0);
            filled -= taken;
            if read == 0 {
                return Ok(());
            }
            if filled == buffer.len() {
                grow(&mut buffer)?;
            }
        }
    }

    /// Takes in the whole stanzas of `text`; gives how much of it they are.
    fn stanzas(&mut self, text: &[u8], last: bool) -> io::Result<usize> {
        let mut start = 0;
        while let Some(rest) = text.get(start..).filter(|rest| !rest.is_empty()) {
            let Some(end) = memmem::find(rest, b"\n\n") else { break };
            self.stanza(rest.get(..=end).unwrap_or_default())?;
            start += end + 2;
        }
        if last {
            self.stanza(text.get(start..).unwrap_or_default())?;
            return Ok(text.len());
        }
        Ok(start)
    }

    fn stanza(&mut self, text: &[u8]) -> io::Result<()> {
        let stanza = Stanza::parse(text);
        if stanza.is_empty() {
            return Ok(());
        }
        let arch = stanza.get(Text::Architecture as usize);
        if !arch.is_empty() && arch != b"all" && arch != self.arch.as_bytes() {
            return Ok(());
        }
        match stanza.record() {
            Some(record) => self.keep(&record),
            None => {
                self.refused = self.refused.saturating_add(1);
                Ok(())
            }
        }
    }

    fn keep(&mut self, record: &[u8]) -> io::Result<()> {
        if self.bytes.len() + record.len() > LARGEST_INDEX {
            return Err(io::Error::other("the index is larger than 512 MiB"));
        }
        let at = u32::try_from(self.bytes.len()).map_err(io::Error::other)?;
        self.packages.push(at);
        self.bytes.extend_from_slice(record);
        Ok(())
    }

    /// The index of all that was read.
    pub(crate) fn finish(mut self) -> Index {
        self.sort();
        let provides = self.provides();
        let counts = [self.packages.len() as u32, provides.len() as u32, self.refused];
        let tables = self.packages.len() * 4 + provides.len() * PROVIDE;
        self.bytes.reserve_exact(tables);
        self.bytes.extend(self.packages.iter().flat_map(|at| at.to_le_bytes()));
        self.bytes.extend(provides.iter().flatten().flat_map(|number| number.to_le_bytes()));
        for (slot, count) in self.bytes[12..HEADER].chunks_exact_mut(4).zip(counts) {
            slot.copy_from_slice(&count.to_le_bytes());
        }
        let crc = crc32fast::hash(&self.bytes[12..]);
        self.bytes[..8].copy_from_slice(MAGIC);
        self.bytes[8..12].copy_from_slice(&crc.to_le_bytes());
        Index {
            packages: counts[0] as usize,
            provides: counts[1] as usize,
            refused: counts[2] as usize,
            bytes: Bytes::from(self.bytes),
        }
    }

    /// Sorts by name and leaves out every stanza that says again what an earlier one said: same
    /// name, version and architecture.
    fn sort(&mut self) {
        let mut packages = std::mem::take(&mut self.packages);
        packages.sort_by(|&a, &b| self.record(a).name().cmp(self.record(b).name()));
        let before = packages.len();
        let mut first = 0;
        let mut kept: Vec<u32> = Vec::with_capacity(before);
        for at in packages {
            let record = self.record(at);
            if kept.get(first).is_some_and(|&other| self.record(other).name() != record.name()) {
                first = kept.len();
            }
            let group = kept.get(first..).unwrap_or_default();
            if !group.iter().any(|&other| self.record(other).is_same(record)) {
                kept.push(at);
            }
        }
        self.refused = self.refused.saturating_add((before - kept.len()) as u32);
        self.packages = kept;
    }

    fn provides(&self) -> Vec<[u32; 3]> {
        let mut all = Vec::new();
        for &at in &self.packages {
            let record = self.record(at);
            let (start, length) = record.place(Text::Provides);
            let text = record.bytes.get(start..start + length).unwrap_or_default();
            for (offset, name) in names(text) {
                let name_at = at as usize + start + offset;
                all.push([name_at as u32, name.len() as u32, at]);
            }
        }
        let name = |entry: &[u32; 3]| {
            let at = entry[0] as usize;
            self.bytes.get(at..at + entry[1] as usize).unwrap_or_default()
        };
        all.sort_by(|a, b| name(a).cmp(name(b)).then(a[2].cmp(&b[2])));
        all
    }

    fn record(&self, at: u32) -> Record<'_> {
        Record { bytes: self.bytes.get(at as usize..).unwrap_or_default() }
    }
}

impl Record<'_> {
    fn is_same(self, other: Self) -> bool {
        self.raw(Text::Version) == other.raw(Text::Version)
            && self.raw(Text::Architecture) == other.raw(Text::Architecture)
    }
}

/// The names in a relation field without alternatives, each with its offset.
fn names(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    text.split(|&b| b == b',').filter_map(move |element| {
        let start = at + element.iter().take_while(|b| b.is_ascii_whitespace()).count();
        at += element.len() + 1;
        let name = element.trim_ascii_start();
        let end = name.iter().position(|b| b" \t\r\n(:".contains(b)).unwrap_or(name.len());
        name.get(..end).filter(|name| !name.is_empty()).map(|name| (start, name))
    })
}

impl<'a> Stanza<'a> {
    fn parse(text: &'a [u8]) -> Self {
        let mut stanza = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let end = field_end(rest);
            let (field, after) = rest.split_at(end);
            stanza.field(field);
            rest = after;
        }
        stanza
    }

    fn field(&mut self, field: &'a [u8]) {
        // Most fields are of no interest: their first letter says so.
        if !field.first().is_some_and(|b| b"PVASFDCBRpvasfdcbr".contains(b)) {
            return;
        }
        let Some(colon) = memchr(b':', field) else { return };
        let (name, value) = field.split_at(colon);
        let Some(index) = FIELDS.iter().position(|f| name.eq_ignore_ascii_case(f)) else { return };
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        self.twice |= self.fields[index].replace(value).is_some();
    }

    fn is_empty(&self) -> bool {
        self.fields.iter().all(Option::is_none)
    }

    fn get(&self, index: usize) -> &'a [u8] {
        self.fields.get(index).copied().flatten().unwrap_or_default()
    }

    /// The record, when the stanza is in order.
    fn record(&self) -> Option<Vec<u8>> {
        let [package, version, arch] =
            [Text::Package, Text::Version, Text::Architecture].map(|text| self.get(text as usize));
        let filename = self.get(Text::Filename as usize);
        let orderly = !self.twice
            && is_name(package)
            && is_version(version)
            && is_name(arch)
            && is_filename(filename)
            && self.fields.iter().flatten().all(|value| value.is_ascii());
        if !orderly {
            return None;
        }
        let size: u64 = std::str::from_utf8(self.get(SIZE_FIELD)).ok()?.parse().ok()?;
        let mut sha256 = [0; 32];
        hex::decode_to_slice(self.get(SHA256_FIELD), &mut sha256).ok()?;
        let texts = [
            package.into(),
            version.into(),
            arch.into(),
            self.get(Text::Source as usize).into(),
            filename.into(),
            joined(self.get(5), self.get(6)),
            self.get(7).into(),
            joined(self.get(8), self.get(9)),
            self.get(10).into(),
        ];
        encode(&texts, size, &sha256)
    }
}

fn encode(texts: &[std::borrow::Cow<'_, [u8]>; TEXTS], size: u64, sha: &[u8]) -> Option<Vec<u8>> {
    let length: usize = texts.iter().map(|text| text.len()).sum();
    let mut record = Vec::with_capacity(FIXED + length);
    for text in texts {
        let length = u32::try_from(text.len()).ok().filter(|length| *length <= LONGEST_TEXT)?;
        record.extend(length.to_le_bytes());
    }
    record.extend(size.to_le_bytes());
    record.extend(sha);
    texts.iter().for_each(|text| record.extend_from_slice(text));
    Some(record)
}

/// Two relation fields as one.
fn joined<'a>(a: &'a [u8], b: &'a [u8]) -> std::borrow::Cow<'a, [u8]> {
    match (a.is_empty(), b.is_empty()) {
        (true, _) => b.into(),
        (_, true) => a.into(),
        _ => [a, b", ", b].concat().into(),
    }
}

/// The end of the field that `text` begins with: continuation lines begin with a blank.
fn field_end(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(end) = text.get(at..).and_then(|rest| memchr(b'\n', rest)) {
        at += end + 1;
        if !matches!(text.get(at), Some(b' ' | b'\t')) {
            return at;
        }
    }
    text.len()
}

fn is_name(text: &[u8]) -> bool {
    let legal = |b: &u8| b.is_ascii_alphanumeric() || b"+-._".contains(b);
    !text.is_empty() && text.iter().all(legal)
}

fn is_version(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<crate::deb::Version>().is_ok())
}

/// Below the archive's root, and nowhere else.
fn is_filename(text: &[u8]) -> bool {
    let legal = |b: &u8| b.is_ascii_graphic() && !b"\\?#".contains(b);
    let component = |part: &[u8]| !part.is_empty() && part != b"..";
    let scheme = text.split(|&b| b == b'/').next().is_some_and(|first| first.contains(&b':'));
    text.iter().all(legal) && text.split(|&b| b == b'/').all(component) && !scheme
}

fn grow(buffer: &mut Vec<u8>) -> io::Result<()> {
    if buffer.len() >= LONGEST_STANZA {
        return Err(io::Error::other("a stanza is longer than 1 MiB"));
    }
    buffer.resize((buffer.len() * 2).min(LONGEST_STANZA), 0);
    Ok(())
}
