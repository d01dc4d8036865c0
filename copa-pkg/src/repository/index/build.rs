//! Making an [`Index`]: packages in any order, each once.

use std::io;

use bytes::Bytes;

use crate::repository::index::table::{FIXED, HEADER, Index, MAGIC, PROVIDE, Record, TEXTS, Text};

/// The longest text that is kept. The longest of Debian, what a package of Rust bindings provides,
/// has 76 kB.
pub(crate) const LONGEST_TEXT: usize = 256 << 10;

/// The most that is kept of an index: all of Debian's main needs some 25 MB.
const LARGEST_INDEX: usize = 512 << 20;

/// What a package provides: the names in the text, each with its offset.
pub(crate) type Names = fn(&[u8]) -> Vec<(usize, &[u8])>;

/// What is kept of a package. The caller has made sure that it is in order.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fields<'a> {
    pub(crate) package: &'a [u8],
    pub(crate) version: &'a [u8],
    pub(crate) arch: &'a [u8],
    pub(crate) source: &'a [u8],
    /// Where it is, below the archive's root; or its whole address.
    pub(crate) filename: &'a [u8],
    /// The bytes of the digest.
    pub(crate) checksum: &'a [u8],
    pub(crate) requires: &'a [u8],
    pub(crate) provides: &'a [u8],
    pub(crate) conflicts: &'a [u8],
    pub(crate) replaces: &'a [u8],
    pub(crate) size: u64,
}

/// Builds an [`Index`].
#[derive(Debug)]
pub(crate) struct Builder {
    /// The header, then the records.
    bytes: Vec<u8>,
    packages: Vec<u32>,
    refused: u32,
    names: Names,
}

impl Builder {
    /// With nothing in it. `names` reads the text of what a package provides.
    pub(crate) fn new(names: Names) -> Self {
        Self { bytes: vec![0; HEADER], packages: Vec::new(), refused: 0, names }
    }

    /// Counts a package that is not in order.
    pub(crate) fn refuse(&mut self) {
        self.refused = self.refused.saturating_add(1);
    }

    /// Takes in a package; one with a text that is too long counts as not in order.
    ///
    /// # Errors
    ///
    /// When there is more to keep than 512 MiB.
    pub(crate) fn add(&mut self, fields: &Fields<'_>) -> io::Result<()> {
        let Some(record) = encode(fields) else {
            self.refuse();
            return Ok(());
        };
        if self.bytes.len() + record.len() > LARGEST_INDEX {
            return Err(io::Error::other("the index is larger than 512 MiB"));
        }
        let at = u32::try_from(self.bytes.len()).map_err(io::Error::other)?;
        self.packages.push(at);
        self.bytes.extend_from_slice(&record);
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
        let before = packages.len();
        // The place of a record is the last key: the first of those that say the same stays.
        packages.sort_unstable_by(|&a, &b| {
            self.record(a).id().cmp(&self.record(b).id()).then(a.cmp(&b))
        });
        packages.dedup_by(|later, first| self.record(*later).id() == self.record(*first).id());
        packages.sort_unstable_by(|&a, &b| {
            self.record(a).name().cmp(self.record(b).name()).then(a.cmp(&b))
        });
        self.refused = self.refused.saturating_add((before - packages.len()) as u32);
        self.packages = packages;
    }

    /// Each name that a package provides, once for the package.
    fn provides(&self) -> Vec<[u32; 3]> {
        let mut all = Vec::new();
        for &at in &self.packages {
            let record = self.record(at);
            let (start, length) = record.place(Text::Provides);
            let text = record.bytes.get(start..start + length).unwrap_or_default();
            let mut names = (self.names)(text);
            names.sort_unstable_by_key(|&(offset, name)| (name, offset));
            names.dedup_by(|(_, later), (_, first)| later == first);
            for (offset, name) in names {
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

impl<'a> Record<'a> {
    /// What tells it from others: name, version and architecture.
    fn id(self) -> [&'a [u8]; 3] {
        [self.name(), self.raw(Text::Version), self.raw(Text::Architecture)]
    }
}

fn encode(fields: &Fields<'_>) -> Option<Vec<u8>> {
    let texts: [&[u8]; TEXTS] = [
        fields.package,
        fields.version,
        fields.arch,
        fields.source,
        fields.filename,
        fields.checksum,
        fields.requires,
        fields.provides,
        fields.conflicts,
        fields.replaces,
    ];
    let length: usize = texts.iter().map(|text| text.len()).sum();
    let mut record = Vec::with_capacity(FIXED + length);
    for text in texts {
        let length = u32::try_from(text.len()).ok().filter(|_| text.len() <= LONGEST_TEXT)?;
        record.extend(length.to_le_bytes());
    }
    record.extend(fields.size.to_le_bytes());
    texts.iter().for_each(|text| record.extend_from_slice(text));
    Some(record)
}
