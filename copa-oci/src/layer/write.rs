//! Writes a tar: POSIX ustar, with pax records only where ustar has no room.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::spec::digest::{Digest, Hasher};

const BLOCK: usize = 512;

/// What a member is; the values are the format's type flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MemberType {
    Regular = b'0' as isize,
    Hardlink = b'1' as isize,
    Symlink = b'2' as isize,
    Directory = b'5' as isize,
    Pax = b'x' as isize,
}

/// One member of a tar.
#[derive(Debug)]
pub(super) struct Member<'a> {
    pub(super) name: &'a [u8],
    pub(super) kind: MemberType,
    pub(super) link: &'a [u8],
    pub(super) data: &'a [u8],
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) mtime: i64,
    pub(super) xattrs: &'a [(String, Vec<u8>)],
}

impl<'a> Member<'a> {
    pub(super) fn whiteout(name: &'a [u8]) -> Self {
        Self::plain(name, MemberType::Regular, b"")
    }

    fn plain(name: &'a [u8], kind: MemberType, data: &'a [u8]) -> Self {
        Self { name, kind, link: b"", data, mode: 0o644, uid: 0, gid: 0, mtime: 0, xattrs: &[] }
    }
}

/// Writes members to `out`, and hashes what it writes.
pub(super) struct TarWriter<W> {
    out: W,
    hasher: Hasher,
}

impl<W: Write> TarWriter<W> {
    pub(super) fn new(out: W, hasher: Hasher) -> Self {
        Self { out, hasher }
    }

    pub(super) fn append(&mut self, member: &Member<'_>) -> io::Result<()> {
        let (header, records) = header(member);
        if !records.is_empty() {
            let mut data = Vec::new();
            records.iter().for_each(|(key, value)| push_record(&mut data, key, value));
            let base = member.name.rsplit(|&b| b == b'/').find(|part| !part.is_empty());
            let name = [b"PaxHeaders.0/", base.unwrap_or_default()].concat();
            let (pax, _) = self::header(&Member::plain(&ascii(&name), MemberType::Pax, &data));
            self.put(&pax)?;
            self.put_data(&data)?;
        }
        self.put(&header)?;
        self.put_data(member.data)
    }

    /// Writes the end marker, and returns the digest of the tar.
    pub(super) fn finish(mut self) -> io::Result<(W, Digest)> {
        self.put(&[0; 2 * BLOCK])?;
        Ok((self.out, self.hasher.finish()))
    }

    fn put_data(&mut self, data: &[u8]) -> io::Result<()> {
        self.put(data)?;
        let padding = data.len().next_multiple_of(BLOCK) - data.len();
        self.put([0; BLOCK].get(..padding).unwrap_or_default())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.out.write_all(bytes)
    }
}

/// Pax records, sorted by their keys.
type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// The header block of a member, and the pax records for what does not fit in it.
fn header(member: &Member<'_>) -> (Vec<u8>, Records) {
    let mut records = Records::new();
    let mut note = |key: &str, value: &[u8]| drop(records.insert(key.into(), value.to_vec()));
    let (prefix, name) = split_name(member.name).unwrap_or_else(|| {
        note("path", member.name);
        (b"", member.name)
    });
    if member.link.len() > 100 || !member.link.is_ascii() {
        note("linkpath", member.link);
    }
    let mut number = |key: &str, value: i128, digits: u32| {
        if (0..1 << (3 * digits)).contains(&value) {
            return format!("{value:0width$o}\0", width = digits as usize);
        }
        note(key, value.to_string().as_bytes());
        format!("{:0width$o}\0", 0, width = digits as usize)
    };
    let fields = [
        format!("{:07o}\0", member.mode & 0o7777),
        number("uid", member.uid.into(), 7),
        number("gid", member.gid.into(), 7),
        number("size", member.data.len() as i128, 11),
        number("mtime", member.mtime.into(), 11),
    ];
    for (key, value) in member.xattrs {
        records.insert(format!("SCHILY.xattr.{key}").into_bytes(), value.clone());
    }
    let mut block = Vec::with_capacity(BLOCK);
    push_field(&mut block, &ascii(name), 100);
    block.extend(fields.concat().bytes());
    push_field(&mut block, b"        ", 8);
    block.push(member.kind as u8);
    push_field(&mut block, &ascii(member.link), 100);
    push_field(&mut block, b"ustar\x0000", 8 + 32 + 32);
    push_field(&mut block, b"0000000\x000000000\0", 16);
    push_field(&mut block, prefix, 167);
    let sum: u32 = block.iter().map(|&b| u32::from(b)).sum();
    block.splice(148..156, format!("{sum:06o}\0 ").bytes());
    (block, records)
}

/// Splits a name into ustar's prefix (155 bytes) and name (100 bytes), when it fits.
fn split_name(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if !name.is_ascii() {
        return None;
    }
    if name.len() <= 100 {
        return Some((b"", name));
    }
    let fits =
        |&at: &usize| name.get(at) == Some(&b'/') && (1..=100).contains(&(name.len() - at - 1));
    let at = (1..=155.min(name.len() - 1)).rev().find(fits)?;
    Some((name.get(..at)?, name.get(at + 1..)?))
}

fn push_field(block: &mut Vec<u8>, text: &[u8], length: usize) {
    let end = block.len() + length;
    block.extend(text.iter().take(length));
    block.resize(end, 0);
}

/// What stands in for a name whose true bytes are in a pax record.
fn ascii(name: &[u8]) -> Vec<u8> {
    name.iter().map(|&b| if b.is_ascii() { b } else { b'_' }).collect()
}

/// Appends `LENGTH KEY=VALUE\n`; the length counts its own digits.
fn push_record(records: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    records.extend(format!("{length} ").bytes());
    records.extend([key, b"=", value, b"\n"].concat());
}
