//! What is read of databases, as functions of bytes.

use crate::format::rpm::db::sqlite::{Replacement, Sqlite};
use crate::format::rpm::db::{ndb as packages_db, wal};
use crate::format::rpm::fuzz::database;

/// An SQLite database and its log: the length of the log, in 4 little-endian bytes, the log, the
/// database. The checksums of the log are made right, and may be wrong only where pages are.
pub fn sqlite(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return };
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or_default();
    let (log, file) = rest.split_at(length.min(rest.len()));
    let log = summed(log);
    database(&[("rpm/rpmdb.sqlite", file), ("rpm/rpmdb.sqlite-wal", &log)]);
    let Ok(whole) = wal::apply(&bytes::Bytes::copy_from_slice(file), &log, 64 << 20) else {
        return;
    };
    change(&whole);
}

/// Puts every package in once more, and takes it out again.
fn change(file: &[u8]) {
    let Ok(mut database) = Sqlite::open("a database", file) else { return };
    let Ok(headers) = database.headers() else { return };
    let again =
        |(number, header): &(u32, _)| Replacement { old: vec![*number], new: Clone::clone(header) };
    if database.replace(&headers.iter().map(again).collect::<Vec<_>>()).is_err() {
        return;
    }
    let Ok(bytes) = database.into_bytes() else { return };
    let again = Sqlite::open("a database", &bytes).and_then(|database| database.headers());
    assert_eq!(again.map(|again| again.len()).ok(), Some(headers.len()));
}

/// The log with the checksums that its header and frames should have.
fn summed(log: &[u8]) -> Vec<u8> {
    let mut log = log.to_vec();
    let big = log.get(3).is_some_and(|last| last & 1 == 1);
    let size = log.get(8..12).and_then(|b| b.first_chunk()).map(|b| u32::from_be_bytes(*b));
    let size = size.filter(|size| (512..=65536).contains(size)).unwrap_or(512) as usize;
    let Some((header, frames)) = log.split_first_chunk_mut::<32>() else { return log };
    let mut sum = add([0, 0], &header[..24], big);
    header[24..].copy_from_slice(&sum.map(u32::to_be_bytes).concat());
    for frame in frames.chunks_exact_mut(24 + size) {
        sum = add(add(sum, &frame[..8], big), &frame[24..], big);
        frame[8..16].copy_from_slice(&header[16..24]);
        frame[16..24].copy_from_slice(&sum.map(u32::to_be_bytes).concat());
    }
    log
}

/// The running checksum over these bytes.
fn add(sum: [u32; 2], bytes: &[u8], big: bool) -> [u32; 2] {
    let read = if big { u32::from_be_bytes } else { u32::from_le_bytes };
    bytes.as_chunks::<4>().0.chunks_exact(2).fold(sum, |[a, b], words| {
        let a = a.wrapping_add(read(words[0])).wrapping_add(b);
        [a, b.wrapping_add(read(words[1])).wrapping_add(a)]
    })
}

/// SUSE's `Packages.db`. The checksums of its headers are made right.
pub fn ndb(bytes: &[u8]) {
    let mut file = bytes.to_vec();
    let mut left = file.len();
    for slot in packages_db::slots(bytes).unwrap_or_default() {
        let Some(rest) = left.checked_sub(slot.length) else { break };
        left = rest;
        let whole = file.get_mut(slot.start..).and_then(|file| file.get_mut(..slot.length));
        let whole = whole.unwrap_or_default();
        let (body, tail) = whole.split_at_mut(whole.len().saturating_sub(packages_db::TAIL));
        if let Some(sum) = tail.first_chunk_mut() {
            *sum = packages_db::adler32(body).to_le_bytes();
        }
    }
    database(&[("rpm/Packages.db", &file)]);
}

/// Berkeley DB's `Packages`.
pub fn bdb(bytes: &[u8]) {
    database(&[("rpm/Packages", bytes)]);
}

/// The two lists of distroless images: the first, a zero byte, the second.
pub fn manifest(bytes: &[u8]) {
    let mut lists = bytes.splitn(2, |b| *b == 0);
    let table = lists.next().unwrap_or_default();
    let names = lists.next().unwrap_or_default();
    let files = [("container-manifest-2", table), ("container-manifest-1", names)];
    database(
        &files
            .map(|(name, list)| (["rpmmanifest/", name].concat(), list))
            .each_ref()
            .map(|(path, list)| (path.as_str(), *list)),
    );
}
