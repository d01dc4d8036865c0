//! A repository's index in one piece of memory: what an update needs of each package, by name.
//!
//! It serves every format: versions and relations stay in the spelling of their format, and are
//! read when a package is asked for. The same bytes are kept in the cache. All numbers are
//! little-endian:
//!
//! ```text
//! magic      8 bytes: format and version
//! crc        u32, over everything that follows
//! packages   u32, how many
//! provides   u32, how many
//! refused    u32, how many were left out for not being in order
//! records    [lengths of the texts: 10 x u32] [size u64] [the texts]
//! packages   [record u32], sorted by name
//! provides   [name u32] [length of name u32] [record u32], sorted by name
//! ```

use crate::package::relation::RelationTexts;
use bytes::Bytes;

use crate::package::checksum::Checksum;

pub(super) const MAGIC: &[u8; 8] = b"copaidx3";
pub(super) const HEADER: usize = 24;
pub(super) const TEXTS: usize = 10;
/// Where the size stands in a record, behind the lengths.
const SIZE: usize = TEXTS * 4;
pub(super) const FIXED: usize = SIZE + 8;
pub(super) const PROVIDE: usize = 12;

/// The texts of a record, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    Package,
    Version,
    Architecture,
    Source,
    Filename,
    Checksum,
    Requires,
    Provides,
    Conflicts,
    Replaces,
}

/// An index: cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Index {
    pub(super) bytes: Bytes,
    pub(super) packages: usize,
    pub(super) provides: usize,
    pub(super) refused: usize,
}

/// The bytes for the cache.
impl AsRef<[u8]> for Index {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// One package of an index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(super) bytes: &'a [u8],
}

impl Index {
    /// Reads back its bytes; `None` when it is damaged or of another
    /// version of the format.
    pub(crate) fn from_bytes(bytes: Bytes) -> Option<Self> {
        let crc = number(&bytes, 8)?;
        if bytes.get(..8)? != MAGIC || crc32fast::hash(bytes.get(12..)?) as usize != crc {
            return None;
        }
        Self::trusted(bytes)
    }

    fn trusted(bytes: Bytes) -> Option<Self> {
        let (packages, provides) = (number(&bytes, 12)?, number(&bytes, 16)?);
        let refused = number(&bytes, 20)?;
        let tables = packages.checked_mul(4)?.checked_add(provides.checked_mul(PROVIDE)?)?;
        (HEADER.checked_add(tables)? <= bytes.len()).then_some(Self {
            bytes,
            packages,
            provides,
            refused,
        })
    }

    /// How many packages there are.
    pub(crate) fn len(&self) -> usize {
        self.packages
    }

    /// How many packages were left out for not being in order.
    pub(crate) fn refused(&self) -> usize {
        self.refused
    }

    /// The packages of this name.
    pub(crate) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Record<'a>> {
        let first = partition(self.packages, |i| {
            self.package(i).is_some_and(|record| record.name() < name.as_bytes())
        });
        (first..self.packages)
            .map_while(|i| self.package(i))
            .take_while(move |record| record.name() == name.as_bytes())
    }

    /// All packages, by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = Record<'_>> {
        (0..self.packages).filter_map(|i| self.package(i))
    }

    /// The packages that say that they provide this name.
    pub(crate) fn providing<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Record<'a>> {
        let first = partition(self.provides, |i| {
            self.provide(i).is_some_and(|(provided, _)| provided < name.as_bytes())
        });
        (first..self.provides)
            .map_while(|i| self.provide(i))
            .take_while(move |(provided, _)| *provided == name.as_bytes())
            .map(|(_, record)| record)
    }

    fn package(&self, i: usize) -> Option<Record<'_>> {
        let table = self.bytes.len() - self.provides * PROVIDE - self.packages * 4;
        self.record(number(&self.bytes, table + i * 4)?)
    }

    fn provide(&self, i: usize) -> Option<(&[u8], Record<'_>)> {
        let entry = self.bytes.len() - (self.provides - i) * PROVIDE;
        let (at, length) = (number(&self.bytes, entry)?, number(&self.bytes, entry + 4)?);
        let name = self.bytes.get(at..at.checked_add(length)?)?;
        Some((name, self.record(number(&self.bytes, entry + 8)?)?))
    }

    fn record(&self, at: usize) -> Option<Record<'_>> {
        let bytes = self.bytes.get(at..)?;
        (bytes.len() >= FIXED).then_some(Record { bytes })
    }
}

impl<'a> Record<'a> {
    /// The name of the package.
    pub(crate) fn name(self) -> &'a [u8] {
        self.raw(Text::Package)
    }

    /// The name, as text.
    pub(crate) fn package(self) -> &'a str {
        self.text(Text::Package)
    }

    /// The version, not parsed.
    pub(crate) fn version(self) -> &'a str {
        self.text(Text::Version)
    }

    /// The architecture.
    pub(crate) fn architecture(self) -> &'a str {
        self.text(Text::Architecture)
    }

    /// The name of the source package.
    pub(crate) fn source(self) -> &'a str {
        self.text(Text::Source)
    }

    /// Where the package is, below the archive's root; or its whole address.
    pub(crate) fn filename(self) -> &'a str {
        self.text(Text::Filename)
    }

    /// How many bytes it has.
    pub(crate) fn size(self) -> u64 {
        let bytes = self.bytes.get(SIZE..FIXED).and_then(|b| b.try_into().ok());
        bytes.map_or(0, u64::from_le_bytes)
    }

    /// What it hashes to. The length says by which function.
    pub(crate) fn checksum(self) -> Option<Checksum> {
        Checksum::from_digest(self.raw(Text::Checksum))
    }

    /// What it needs, offers and excludes.
    pub(crate) fn relations(self) -> RelationTexts<'a> {
        RelationTexts {
            requires: self.text(Text::Requires),
            provides: self.text(Text::Provides),
            conflicts: self.text(Text::Conflicts),
            replaces: self.text(Text::Replaces),
        }
    }

    fn text(self, text: Text) -> &'a str {
        std::str::from_utf8(self.raw(text)).unwrap_or_default()
    }

    pub(super) fn raw(self, text: Text) -> &'a [u8] {
        let (at, length) = self.place(text);
        self.bytes.get(at..at + length).unwrap_or_default()
    }

    /// Where a text begins, from the start of the record, and its length.
    pub(super) fn place(self, text: Text) -> (usize, usize) {
        let length = |i: usize| number(self.bytes, i * 4).unwrap_or(0);
        let index = text as usize;
        (FIXED + (0..index).map(length).sum::<usize>(), length(index))
    }
}

/// The number at an offset.
fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
}

/// The first index for which `before` is false: a binary search.
fn partition(len: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
#[path = "tests/table.rs"]
mod tests;
