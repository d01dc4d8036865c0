//! RPM headers: tagged values, as they stand in package files and in databases.
//!
//! A header is `il`, `dl`, `il` entries of 16 bytes (tag, type, offset, count) and `dl` bytes of
//! data, all numbers in network order. The first entry may be a region: it covers as many entries
//! as the trailer at the end of its data says, and those entries and that data are never changed,
//! since digests and signatures are over them. Whatever is added later ("dribbles") stands after
//! it. Headers come from images and mirrors: what `rpm` checks when it reads one is checked here.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::format::rpm::package::tag::Tag;

/// Most entries, as in rpm.
const ENTRIES: u32 = 0xffff;
/// Most bytes of data, as in rpm: 256 MiB.
const DATA: u32 = 0x0fff_ffff;
/// An entry on disk.
const ENTRY: usize = 16;
/// `il` and `dl`.
const INTRO: usize = 8;
/// Tags below this one are regions and the table of languages.
const FIRST_TAG: u32 = 100;
/// Tags of regions: the header as it was, its signatures, the immutable part.
const REGIONS: Range<u32> = 61..64;

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Char,
    Int8,
    Int16,
    Int32,
    Int64,
    String,
    Bin,
    StringArray,
    I18nString,
}

impl Type {
    const ALL: [Self; 9] = [
        Self::Char,
        Self::Int8,
        Self::Int16,
        Self::Int32,
        Self::Int64,
        Self::String,
        Self::Bin,
        Self::StringArray,
        Self::I18nString,
    ];

    /// Type 0 is legal by name, and nothing can be of it.
    fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number.checked_sub(1)?).ok()?).copied()
    }

    fn number(self) -> u32 {
        Self::ALL.iter().position(|&kind| kind == self).map_or(0, |i| i as u32 + 1)
    }

    /// Bytes of one value, which is also its alignment; `None` for strings.
    pub(crate) fn size(self) -> Option<usize> {
        match self {
            Self::Char | Self::Int8 | Self::Bin => Some(1),
            Self::Int16 => Some(2),
            Self::Int32 => Some(4),
            Self::Int64 => Some(8),
            Self::String | Self::StringArray | Self::I18nString => None,
        }
    }
}

/// One entry: where its data is, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) tag: Tag,
    pub(crate) kind: Type,
    pub(crate) count: u32,
    /// In the data.
    range: Range<usize>,
}

/// A header, checked. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    /// From `il` to the end of the data.
    blob: Bytes,
    /// Where the data begins in it.
    data: usize,
    entries: Vec<Entry>,
    region: Option<Region>,
}

/// What the region covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Region {
    tag: u32,
    /// Entries, its own included.
    entries: usize,
    /// Bytes of data, its trailer included.
    data: usize,
}

/// A value to be added to a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) tag: Tag,
    pub(crate) kind: Type,
    pub(crate) count: u32,
    pub(crate) data: Vec<u8>,
}

impl Value {
    /// Numbers of 32 bits.
    pub(crate) fn int32(tag: Tag, numbers: &[u32]) -> Self {
        let data = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        Self { tag, kind: Type::Int32, count: numbers.len() as u32, data }
    }

    /// A text, which must not hold a zero byte.
    pub(crate) fn string(tag: Tag, text: &str) -> Self {
        let data = text.bytes().chain([0]).collect();
        Self { tag, kind: Type::String, count: 1, data }
    }

    /// Characters.
    pub(crate) fn chars(tag: Tag, chars: &[u8]) -> Self {
        Self { tag, kind: Type::Char, count: chars.len() as u32, data: chars.into() }
    }
}

impl Header {
    /// Reads a header that is all of `blob`, as a database holds it. `what` names it in errors.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] when it is not a header that rpm would read.
    pub(crate) fn parse(what: impl fmt::Display, blob: Bytes) -> Result<Self> {
        let fail = |reason| Error::Malformed { what: what.to_string(), reason };
        let length = length(&blob).map_err(fail)?;
        if length != blob.len() {
            return Err(fail(format!("it says that it has {length} bytes and has {}", blob.len())));
        }
        Self::checked(blob).map_err(fail)
    }

    /// Reads the header at the start of `bytes`.
    pub(crate) fn parse_prefix(what: impl fmt::Display, bytes: &Bytes) -> Result<Self> {
        let fail = |reason| Error::Malformed { what: what.to_string(), reason };
        let length = length(bytes).map_err(fail)?;
        if length > bytes.len() {
            return Err(fail(format!("{length} bytes are announced, {} are there", bytes.len())));
        }
        Self::checked(bytes.slice(..length)).map_err(fail)
    }

    fn checked(blob: Bytes) -> Result<Self, String> {
        let il = u32_at(&blob, 0).unwrap_or_default() as usize;
        let data = INTRO + il * ENTRY;
        let mut header = Self { blob, data, entries: Vec::with_capacity(il), region: None };
        header.region = header.read_region(il)?;
        let mut end = 0;
        for i in usize::from(header.region.is_some())..il {
            let entry = header.read_entry(i, end)?;
            end = entry.range.end;
            header.entries.push(entry);
        }
        if header.used() != header.data().len() {
            return Err("its values are not all of its data".into());
        }
        Ok(header)
    }

    /// How much data the values and the region's trailer take, aligned: rpm wants no more.
    fn used(&self) -> usize {
        let values = self.entries.iter().fold(0, |used: usize, entry| {
            used.next_multiple_of(entry.kind.size().unwrap_or(1)) + entry.range.len()
        });
        values + self.region.map_or(0, |_| ENTRY)
    }

    /// The region, when the first entry is one.
    fn read_region(&self, il: usize) -> Result<Option<Region>, String> {
        let [tag, kind, offset, count] = self.raw_entry(0);
        if !REGIONS.contains(&tag) {
            return Ok(None);
        }
        let bad = || format!("its region {tag} is broken");
        let offset = usize::try_from(offset).map_err(|_| bad())?;
        let data = offset.checked_add(ENTRY).ok_or_else(bad)?;
        let trailer = self.data().get(offset..data).ok_or_else(bad)?;
        let field = |i: usize| u32_at(trailer, i * 4).unwrap_or_default();
        let covered = usize::try_from((field(2) as i32).checked_neg().ok_or_else(bad)?);
        let covered = covered.map_err(|_| bad())?;
        // rpm itself wrote the wrong tag into the trailers of signature headers for years.
        let tags = field(0) == tag || (tag == 62 && field(0) == 61);
        let types = [kind, field(1)].iter().all(|&kind| kind == Type::Bin.number());
        let counts = [count, field(3)].iter().all(|&count| count == ENTRY as u32);
        let entries = covered / ENTRY;
        let fits = covered % ENTRY == 0 && (1..=il).contains(&entries);
        if !(tags && types && counts && fits) {
            return Err(bad());
        }
        Ok(Some(Region { tag, entries, data }))
    }

    /// Entry `i`, whose data begins no earlier than `end`: so all data is looked at once.
    fn read_entry(&self, i: usize, end: usize) -> Result<Entry, String> {
        let [tag, number, offset, count] = self.raw_entry(i);
        let bad = |why: &str| format!("its tag {tag} (type {number}, {count} values) {why}");
        let kind = Type::from_number(number).ok_or_else(|| bad("has no known type"))?;
        let start = usize::try_from(offset).map_err(|_| bad("is nowhere"))?;
        if tag < FIRST_TAG || tag > i32::MAX as u32 {
            return Err(bad("is none"));
        }
        if start < end || start % kind.size().unwrap_or(1) != 0 {
            return Err(bad("overlaps another one or is not aligned"));
        }
        let data = self.data().get(start..).ok_or_else(|| bad("begins after the end"))?;
        let length = data_length(kind, count, data).filter(|&length| length > 0);
        let range = start..start + length.ok_or_else(|| bad("does not fit"))?;
        let region = self.region.map_or(0, |region| region.data);
        if range.start < region && range.end > region - ENTRY {
            return Err(bad("overlaps the end of the region"));
        }
        Ok(Entry { tag: Tag(tag), kind, count, range })
    }

    fn raw_entry(&self, i: usize) -> [u32; 4] {
        let at = INTRO + i * ENTRY;
        std::array::from_fn(|field| u32_at(&self.blob, at + field * 4).unwrap_or_default())
    }

    fn data(&self) -> &[u8] {
        self.blob.get(self.data..).unwrap_or_default()
    }

    /// The header as it stands, from `il` to the end of the data.
    pub(crate) fn blob(&self) -> &Bytes {
        &self.blob
    }

    /// The part that never changes, as `il`, `dl`, entries and data: what the digests and
    /// signatures are over, after the eight bytes of magic. `None` without a region.
    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) fn immutable(&self) -> Option<Vec<u8>> {
        let region = self.region?;
        let entries = self.blob.get(INTRO..INTRO + region.entries * ENTRY)?;
        let data = self.data().get(..region.data)?;
        let intro = [region.entries as u32, region.data as u32].map(u32::to_be_bytes).concat();
        Some([&intro, entries, data].concat())
    }

    /// The tag of the region that the header begins with.
    pub(crate) fn region(&self) -> Option<u32> {
        self.region.map(|region| region.tag)
    }

    /// The entries, without the region's own.
    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of the tag: the first one, if a header has it twice.
    pub(crate) fn entry(&self, tag: Tag) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    /// Whether it has the tag.
    pub(crate) fn has(&self, tag: Tag) -> bool {
        self.entry(tag).is_some()
    }

    /// The data of the entry.
    pub(crate) fn data_of(&self, entry: &Entry) -> &[u8] {
        self.data().get(entry.range.clone()).unwrap_or_default()
    }

    /// The value of the tag, to be put into another header.
    pub(crate) fn value(&self, tag: Tag) -> Option<Value> {
        let entry = self.entry(tag)?;
        let data = self.data_of(entry).to_vec();
        Some(Value { tag, kind: entry.kind, count: entry.count, data })
    }

    /// The strings of the tag, without their zero bytes: one or many; of a translated text the
    /// untranslated one first. Empty when it has no strings.
    pub(crate) fn strings(&self, tag: Tag) -> impl Iterator<Item = &[u8]> {
        let entry = self.entry(tag).filter(|entry| entry.kind.size().is_none());
        let data = entry.map(|entry| self.data_of(entry)).unwrap_or_default();
        // Each string ends with a zero byte, the last one too.
        let data = data.strip_suffix(&[0]);
        data.into_iter().flat_map(|data| data.split(|&byte| byte == 0))
    }

    /// The strings of the tag as text; what is no UTF-8 is replaced.
    pub(crate) fn texts(&self, tag: Tag) -> impl Iterator<Item = Cow<'_, str>> {
        self.strings(tag).map(String::from_utf8_lossy)
    }

    /// The first string of the tag as text.
    pub(crate) fn text(&self, tag: Tag) -> Option<Cow<'_, str>> {
        self.texts(tag).next()
    }

    /// The numbers of the tag, whatever their size. Empty when it has none.
    pub(crate) fn numbers(&self, tag: Tag) -> impl Iterator<Item = u64> {
        let is_number =
            |entry: &&Entry| !matches!(entry.kind, Type::Bin) && entry.kind.size().is_some();
        let entry = self.entry(tag).filter(is_number);
        let size = entry.and_then(|entry| entry.kind.size()).unwrap_or(1);
        let data = entry.map(|entry| self.data_of(entry)).unwrap_or_default();
        data.chunks_exact(size).map(|bytes| bytes.iter().fold(0, |n, &b| n << 8 | u64::from(b)))
    }

    /// The first number of the tag.
    pub(crate) fn number(&self, tag: Tag) -> Option<u64> {
        self.numbers(tag).next()
    }

    /// The bytes of the tag, when it is binary.
    pub(crate) fn bin(&self, tag: Tag) -> Option<&[u8]> {
        let entry = self.entry(tag).filter(|entry| entry.kind == Type::Bin)?;
        Some(self.data_of(entry))
    }

    /// The entries that stand after the region, as values.
    pub(crate) fn dribbles(&self) -> impl Iterator<Item = Value> {
        let covered = self.region.map_or(0, |region| region.entries - 1);
        let value = |entry: &Entry| Value {
            tag: entry.tag,
            kind: entry.kind,
            count: entry.count,
            data: self.data_of(entry).to_vec(),
        };
        self.entries.iter().skip(covered).map(value)
    }

    /// A header of this one's region, as it is, and these values, sorted by tag. `None` without a
    /// region, or when that would be larger than a header may be.
    pub(crate) fn with_dribbles(&self, mut values: Vec<Value>) -> Option<Bytes> {
        let region = self.region?;
        values.sort_by_key(|value| value.tag);
        let mut entries = self.blob.get(INTRO..INTRO + region.entries * ENTRY)?.to_vec();
        let mut data = self.data().get(..region.data)?.to_vec();
        for value in &values {
            data.resize(data.len().next_multiple_of(value.kind.size().unwrap_or(1)), 0);
            let offset = u32::try_from(data.len()).ok()?;
            for field in [value.tag.0, value.kind.number(), offset, value.count] {
                entries.extend(field.to_be_bytes());
            }
            data.extend(&value.data);
        }
        let il = u32::try_from(entries.len() / ENTRY).ok().filter(|&il| il <= ENTRIES)?;
        let dl = u32::try_from(data.len()).ok().filter(|&dl| dl <= DATA)?;
        Some([&il.to_be_bytes()[..], &dl.to_be_bytes(), &entries, &data].concat().into())
    }
}

/// How long the header at the start of `bytes` says that it is.
fn length(bytes: &[u8]) -> Result<usize, String> {
    let (Some(il), Some(dl)) = (u32_at(bytes, 0), u32_at(bytes, 4)) else {
        return Err("it is too short for a header".into());
    };
    if il == 0 || il > ENTRIES || dl > DATA {
        return Err(format!("it says that it has {il} entries and {dl} bytes of data"));
    }
    Ok(INTRO + il as usize * ENTRY + dl as usize)
}

/// How many bytes at the start of `data` these values take. `None` when they are not all there.
fn data_length(kind: Type, count: u32, data: &[u8]) -> Option<usize> {
    let count = usize::try_from(count).ok()?;
    let Some(size) = kind.size() else {
        if kind == Type::String && count != 1 {
            return None;
        }
        let last = memchr::memchr_iter(0, data).nth(count.checked_sub(1)?)?;
        return Some(last + 1);
    };
    count.checked_mul(size).filter(|&length| length <= data.len())
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*field))
}

#[cfg(test)]
#[path = "tests/header.rs"]
pub(crate) mod tests;
