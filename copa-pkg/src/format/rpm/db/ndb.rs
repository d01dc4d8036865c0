//! `Packages.db`: the database of SUSE's rpm, read only.
//!
//! All numbers are little-endian. Pages of slots come first, a slot saying where a header is; the
//! headers follow, each between a mark and a checksum, in blocks of 16 bytes.

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::format::rpm::db::bytes::Order;
use crate::format::rpm::package::header::Header;

const PAGE: usize = 4096;
const BLOCK: usize = 16;
/// A slot, and the header of the file is as long as two.
const SLOT: usize = 16;
const FILE_MAGIC: &[u8] = b"RpmP";
const SLOT_MAGIC: &[u8] = b"Slot";
const BLOB_START: &[u8] = b"BlbS";
const BLOB_END: &[u8] = b"BlbE";
/// Checksum, length and mark.
pub(super) const TAIL: usize = 12;

/// All headers by number. `path` names the file in errors.
///
/// # Errors
///
/// [`Error::Malformed`] when the file or a header in it is broken.
pub(crate) fn headers(path: &str, file: &Bytes) -> Result<Vec<(u32, Header)>> {
    let fail = |reason: &str| Error::Malformed { what: path.into(), reason: reason.into() };
    let mut headers = Vec::new();
    // In a sound file no two headers share bytes.
    let mut left = file.len();
    for slot in slots(file).ok_or_else(|| fail("it is no ndb database"))? {
        let broken = |reason| fail(&format!("header {}: {reason}", slot.number));
        left = left.checked_sub(slot.length).ok_or_else(|| broken("it shares bytes"))?;
        let blob = blob(file, &slot).ok_or_else(|| broken("it is not where its slot says"))?;
        let what = format_args!("header {} of {path}", slot.number);
        headers.push((slot.number, Header::parse(what, file.slice_ref(blob))?));
    }
    headers.sort_by_key(|(number, _)| *number);
    Ok(headers)
}

/// Where a header is.
pub(super) struct Slot {
    number: u32,
    pub(super) start: usize,
    pub(super) length: usize,
}

/// The slots in use. `None` when the file is not of this format.
pub(super) fn slots(file: &[u8]) -> Option<Vec<Slot>> {
    let pages = Order::Little.u32(file, 12)? as usize;
    let version = Order::Little.u32(file, 4)?;
    if !file.starts_with(FILE_MAGIC) || version != 0 || pages == 0 {
        return None;
    }
    let area = file.get(2 * SLOT..pages.checked_mul(PAGE)?)?;
    let mut slots = Vec::new();
    for slot in area.chunks_exact(SLOT) {
        let field = |i: usize| Order::Little.u32(slot, i * 4);
        let (number, offset, count) = (field(1)?, field(2)?, field(3)?);
        if !slot.starts_with(SLOT_MAGIC) {
            return None;
        }
        if offset != 0 {
            let [start, length] = [offset, count].map(|n| (n as usize).checked_mul(BLOCK));
            slots.push(Slot { number, start: start?, length: length? });
        }
    }
    Some(slots)
}

/// The header in its place, its checksum compared.
fn blob<'f>(file: &'f [u8], slot: &Slot) -> Option<&'f [u8]> {
    let whole = file.get(slot.start..slot.start.checked_add(slot.length)?)?;
    let (body, tail) = whole.split_at_checked(whole.len().checked_sub(TAIL)?)?;
    let length = Order::Little.u32(body, 12)? as usize;
    let blocks = length.checked_add(BLOCK + TAIL)?.div_ceil(BLOCK);
    let marks = body.starts_with(BLOB_START) && tail.ends_with(BLOB_END);
    let numbers = Order::Little.u32(body, 4)? == slot.number
        && Order::Little.u32(tail, 4)? as usize == length
        && blocks.checked_mul(BLOCK)? == slot.length;
    let sum = Order::Little.u32(tail, 0)? == adler32(body);
    if marks && numbers && sum { body.get(16..16 + length) } else { None }
}

/// The checksum of RFC 1950.
pub(super) fn adler32(bytes: &[u8]) -> u32 {
    const BASE: u32 = 65521;
    let (mut a, mut b) = (1u32, 0u32);
    // The most that can be added before a sum may overflow.
    for chunk in bytes.chunks(5552) {
        for &byte in chunk {
            a += u32::from(byte);
            b += a;
        }
        (a, b) = (a % BASE, b % BASE);
    }
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::rpm::package::header::Value;
    use crate::format::rpm::package::header::tests::header;
    use crate::format::rpm::package::tag::Tag;

    /// A database of these headers.
    fn database(blobs: &[Bytes]) -> Vec<u8> {
        let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>();
        let mut slots = [FILE_MAGIC, &words(&[0, 1, 1, 9, 0, 0, 0])].concat();
        let mut area = Vec::new();
        for (number, blob) in (1u32..).zip(blobs) {
            let mut body = [BLOB_START, &words(&[number, 1, blob.len() as u32]), &**blob].concat();
            body.resize((body.len() + TAIL).next_multiple_of(BLOCK) - TAIL, 0);
            let at = ((PAGE + area.len()) / BLOCK) as u32;
            let tail = [&words(&[adler32(&body), blob.len() as u32]), BLOB_END].concat();
            area.extend([body, tail].concat());
            let count = ((PAGE + area.len()) / BLOCK) as u32 - at;
            slots.extend([SLOT_MAGIC, &words(&[number, at, count])].concat());
        }
        let free = [SLOT_MAGIC, &words(&[0, 0, 0])].concat();
        while slots.len() < PAGE {
            slots.extend(&free);
        }
        [slots, area].concat()
    }

    fn sample() -> Vec<u8> {
        let one = |name| header(&[Value::string(Tag::NAME, name)], vec![]).blob().clone();
        database(&[one("demo"), one("another")])
    }

    #[test]
    fn headers_are_found_by_their_slots() {
        let headers = headers("db", &sample().into()).unwrap();
        let names: Vec<_> = headers.iter().map(|(n, h)| (*n, h.text(Tag::NAME).unwrap())).collect();
        assert_eq!(names, [(1, "demo".into()), (2, "another".into())]);
    }

    proptest! {
        #[test]
        fn a_broken_one_is_read_or_refused(at in 0..sample().len() / 4, to: u32, cut in 0..sample().len()) {
            let mut broken = sample();
            broken[at * 4..][..4].copy_from_slice(&to.to_le_bytes());
            let _ = headers("db", &broken.clone().into());
            broken.truncate(cut);
            prop_assert!(headers("db", &broken.into()).is_err());
        }
    }

    fn suse() -> Option<Bytes> {
        let corpus = crate::fixture::root::corpus()?;
        Some(std::fs::read(corpus.join("knqyf263+go-rpmdb/sle15-bci/Packages.db")).unwrap().into())
    }

    #[test]
    fn a_real_database_is_read() {
        let Some(file) = suse() else { return };
        let headers = headers("Packages.db", &file).unwrap();
        assert_eq!(headers.len(), 35);
        let names: Vec<_> = headers.iter().map(|(_, h)| h.text(Tag::NAME).unwrap()).collect();
        assert!(
            names.contains(&"openssl-1_1".into()) || names.contains(&"glibc".into()),
            "{names:?}"
        );
        assert!(headers.iter().all(|(_, header)| header.number(Tag::INSTALLTIME).is_some()));
    }

    #[test]
    fn a_broken_database_is_refused() {
        let Some(file) = suse() else { return };
        let read = |bytes: Vec<u8>| headers("db", &bytes.into()).map(|headers| headers.len());
        assert!(matches!(read(vec![]), Err(Error::Malformed { .. })));
        assert!(read(file[..4096].to_vec()).is_err());
        for at in (0..700).step_by(3).chain((4096..file.len()).step_by(19_997)) {
            let mut broken = file.to_vec();
            broken[at] ^= 0x11;
            // Free slots, generations and free space do not matter.
            if let Ok(count) = read(broken) {
                assert!(count <= 35);
            }
        }
        let (_, header) = headers("db", &file).unwrap().remove(0);
        let blob = header.blob().slice(100..140);
        let at = file.windows(40).position(|window| window == blob).unwrap();
        let mut broken = file.to_vec();
        broken[at] ^= 1;
        assert!(read(broken).unwrap_err().to_string().contains("not where its slot says"));
    }
}
