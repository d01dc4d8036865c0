//! The index of a layer as bytes, for a cache: a layer never changes, so its index need not be
//! made twice.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::rootfs::digests::Algorithms;
use crate::rootfs::index::{LayerIndex, Record, Span, What};
use crate::rootfs::path::Key;

/// The version of the encoding. It changes with every change of the format, so that old caches are
/// not read.
const MAGIC: &[u8] = b"copa layer index 2\n";
const SUM: usize = 16;

impl LayerIndex {
    /// The index as bytes: versioned, and with a checksum.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.names.len() + self.records.len() * 56);
        put_bytes(&mut body, self.diff_id.as_str().as_bytes());
        put_bytes(&mut body, &self.names);
        put_list(&mut body, &self.records, put_record);
        put_list(&mut body, &self.whiteouts, put_span);
        put_list(&mut body, &self.opaque, put_span);
        put_list(&mut body, &self.xattrs, |body, xattrs| {
            put_list(body, xattrs, |body, (name, value)| {
                put_bytes(body, name.as_bytes());
                put_bytes(body, value);
            });
        });
        put_bytes(&mut body, &self.digests);
        put_list(&mut body, &self.contents, |body, content| put_bytes(body, content));
        let sum = Sha256::digest(&body);
        [MAGIC, sum.get(..SUM).unwrap_or_default(), &body].concat()
    }

    /// The index that [`LayerIndex::to_bytes`] wrote; `None` for bytes of another version, damaged
    /// bytes and anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (sum, body) = bytes.strip_prefix(MAGIC)?.split_at_checked(SUM)?;
        if Sha256::digest(body).get(..SUM) != Some(sum) {
            return None;
        }
        Self::decode(&mut Decoder(body)).filter(Self::is_sound)
    }

    fn decode(input: &mut Decoder<'_>) -> Option<Self> {
        let index = Self {
            diff_id: input.text()?.parse().ok()?,
            names: input.bytes()?.to_vec(),
            records: input.list(Decoder::record)?,
            whiteouts: input.list(Decoder::span)?,
            opaque: input.list(Decoder::span)?,
            xattrs: input.list(|input| {
                input.list(|input| Some((input.text()?.to_owned(), input.bytes()?.to_vec())))
            })?,
            digests: input.bytes()?.to_vec(),
            contents: input.list(|input| input.bytes().map(Bytes::copy_from_slice))?,
        };
        input.0.is_empty().then_some(index)
    }

    /// Whether every position is inside, and the paths are sorted.
    fn is_sound(&self) -> bool {
        let inside = |span: &Span| span.start as usize + usize::from(span.len) <= self.names.len();
        let digests = |r: &Record| r.digests as usize + r.algorithms.length() <= self.digests.len();
        let whole = |r: &Record| inside(&r.path) && inside(&r.target) && digests(r);
        let records = self.records.iter().all(whole);
        let rising = |pair: &[Record]| match pair {
            [a, b] => Key(self.text(a.path)) < Key(self.text(b.path)),
            _ => true,
        };
        records
            && self.whiteouts.iter().chain(&self.opaque).all(inside)
            && self.records.windows(2).all(rising)
    }
}

fn put_number(body: &mut Vec<u8>, number: u32) {
    body.extend(number.to_le_bytes());
}

fn put_bytes(body: &mut Vec<u8>, bytes: &[u8]) {
    put_number(body, bytes.len() as u32);
    body.extend_from_slice(bytes);
}

fn put_list<T>(body: &mut Vec<u8>, list: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    put_number(body, list.len() as u32);
    list.iter().for_each(|item| put(body, item));
}

fn put_span(body: &mut Vec<u8>, span: &Span) {
    put_number(body, span.start);
    body.extend(span.len.to_le_bytes());
}

fn put_record(body: &mut Vec<u8>, record: &Record) {
    put_span(body, &record.path);
    put_span(body, &record.target);
    let (tag, data) = match record.what {
        What::Regular { size } => (0, size),
        What::Directory => (1, 0),
        What::Symlink => (2, 0),
        What::Char { major, minor } => (3, u64::from(major) << 32 | u64::from(minor)),
        What::Block { major, minor } => (4, u64::from(major) << 32 | u64::from(minor)),
        What::Fifo => (5, 0),
        What::Hardlink { record } => (6, u64::from(record)),
    };
    body.extend([tag, u8::from(record.linked), record.algorithms.bits()]);
    body.extend(data.to_le_bytes());
    body.extend(record.mode.to_le_bytes());
    body.extend(record.mtime.to_le_bytes());
    for number in [record.uid, record.gid, record.xattrs, record.digests, record.content] {
        put_number(body, number);
    }
}

/// What is left to decode.
struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = self.number()?;
        self.take(count as usize)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        (0..count).map(|_| item(self)).collect()
    }

    fn span(&mut self) -> Option<Span> {
        Some(Span { start: self.number()?, len: self.array().map(u16::from_le_bytes)? })
    }

    fn record(&mut self) -> Option<Record> {
        let (path, target) = (self.span()?, self.span()?);
        let [tag, linked, algorithms] = self.array()?;
        let data = self.array().map(u64::from_le_bytes)?;
        let (major, minor) = ((data >> 32) as u32, data as u32);
        let what = match tag {
            0 => What::Regular { size: data },
            1 => What::Directory,
            2 => What::Symlink,
            3 => What::Char { major, minor },
            4 => What::Block { major, minor },
            5 => What::Fifo,
            6 => What::Hardlink { record: minor },
            _ => return None,
        };
        Some(Record {
            path,
            target,
            what,
            linked: linked != 0,
            algorithms: Algorithms::from_bits(algorithms)?,
            mode: self.array().map(u16::from_le_bytes)? & 0o7777,
            mtime: self.array().map(i64::from_le_bytes)?,
            uid: self.number()?,
            gid: self.number()?,
            xattrs: self.number()?,
            digests: self.number()?,
            content: self.number()?,
        })
    }
}
