//! The write-ahead log beside an SQLite database: <https://www.sqlite.org/fileformat2.html#walformat>.
//!
//! rpm leaves its database in this mode, and an image may hold changes that are only in the log.
//! Whoever reads the database alone sees the state before them. So the log is applied, as SQLite's
//! own checkpoint would do it: every page as of the last complete transaction.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::error::{Error, Result};

const HEADER: usize = 32;
const FRAME: usize = 24;
/// The last bit says in which order the checksums read their words.
const MAGIC: u32 = 0x377f_0682;
const VERSION: u32 = 3_007_000;

/// The database with the transactions of the log in it. A log without a complete transaction, or
/// of another database, changes nothing: that is what SQLite makes of it. `limit` is the greatest
/// length of the result.
///
/// # Errors
///
/// [`Error::Malformed`] when log and database do not fit each other, [`Error::TooLarge`] beyond
/// the limit.
pub(crate) fn apply(database: &Bytes, log: &[u8], limit: u64) -> Result<Bytes> {
    let Some(log) = Log::read(log) else { return Ok(database.clone()) };
    if !database.is_empty() && page_size(database) != Some(log.page_size) {
        return Err(Error::Malformed {
            what: "the write-ahead log".into(),
            reason: format!("its pages of {} bytes are not the database's", log.page_size),
        });
    }
    let length = u64::from(log.pages) * log.page_size as u64;
    if length > limit {
        let what = "the database with its write-ahead log".into();
        return Err(Error::TooLarge { what, limit: format!("{limit} bytes") });
    }
    // Every page is in one of the two.
    let there = database.len().div_ceil(log.page_size) + log.content.len();
    if log.pages as usize > there {
        return Err(Error::Malformed {
            what: "the write-ahead log".into(),
            reason: format!("of {} pages of the database, {there} are there", log.pages),
        });
    }
    let mut whole = database.to_vec();
    whole.resize(usize::try_from(length).unwrap_or(usize::MAX), 0);
    for (number, page) in log.content {
        let place = whole.chunks_exact_mut(log.page_size).nth(number as usize - 1);
        place.into_iter().for_each(|place| place.copy_from_slice(page));
    }
    Ok(whole.into())
}

/// The page size that a database's header states; 1 stands for 65536.
fn page_size(database: &[u8]) -> Option<usize> {
    let size = u16::from_be_bytes(*database.get(16..)?.first_chunk()?);
    Some(if size == 1 { 65536 } else { size.into() })
}

/// The complete transactions of a log.
struct Log<'a> {
    page_size: usize,
    /// How many pages the database has in the end.
    pages: u32,
    /// Pages by number, from 1.
    content: BTreeMap<u32, &'a [u8]>,
}

impl<'a> Log<'a> {
    fn read(log: &'a [u8]) -> Option<Self> {
        let (header, frames) = log.split_at_checked(HEADER)?;
        let word = |i: usize| word_at(header, i * 4);
        let page_size = word(2)? as usize;
        let sound = page_size.is_power_of_two() && (512..=65536).contains(&page_size);
        if word(0)? & !1 != MAGIC || word(1)? != VERSION || !sound {
            return None;
        }
        let mut sum = Sum { big_endian: word(0)? & 1 == 1, state: [0, 0] };
        sum.add(header.get(..24)?);
        if sum.state != [word(6)?, word(7)?] {
            return None;
        }
        let mut done = Self { page_size, pages: 0, content: BTreeMap::new() };
        let mut pending = Vec::new();
        for frame in frames.chunks_exact(FRAME + page_size) {
            let (head, page) = frame.split_at(FRAME);
            let Some((number, pages)) = sum.frame(header, head, page) else { break };
            pending.push((number, page));
            if pages != 0 {
                done.pages = pages;
                done.content.extend(pending.drain(..));
            }
        }
        done.content.retain(|number, _| *number <= done.pages);
        (done.pages != 0).then_some(done)
    }
}

/// The running checksum over header and frames.
struct Sum {
    big_endian: bool,
    state: [u32; 2],
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        let read = if self.big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
        let [mut a, mut b] = self.state;
        for &[x0, x1, x2, x3, y0, y1, y2, y3] in bytes.as_chunks::<8>().0 {
            a = a.wrapping_add(read([x0, x1, x2, x3])).wrapping_add(b);
            b = b.wrapping_add(read([y0, y1, y2, y3])).wrapping_add(a);
        }
        self.state = [a, b];
    }

    /// Page number and, at the end of a transaction, the number of pages; `None` when the frame
    /// is not of this log or not whole.
    fn frame(&mut self, header: &[u8], head: &[u8], page: &[u8]) -> Option<(u32, u32)> {
        let word = |i: usize| word_at(head, i * 4);
        if header.get(16..24)? != head.get(8..16)? || word(0)? == 0 {
            return None;
        }
        self.add(head.get(..8)?);
        self.add(page);
        (self.state == [word(4)?, word(5)?]).then_some((word(0)?, word(1)?))
    }
}

fn word_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk::<4>()?))
}

#[cfg(test)]
#[path = "tests/wal.rs"]
mod tests;
