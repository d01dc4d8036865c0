//! `Packages`: a Berkeley DB hash, rpm's database before 4.16, read only.
//!
//! Pages that hold pairs of items (a number of four bytes and a header) are found by their type;
//! headers are on chains of overflow pages. Numbers are in the order of the machine that wrote
//! the file, which its magic tells.

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::format::rpm::db::bytes::Order;
use crate::format::rpm::package::header::Header;

const MAGIC: u32 = 0x0006_1561;
/// Types of pages: of a hash, unsorted and sorted, its first page, and of what does not fit.
const HASH_PAGES: [u8; 2] = [2, 13];
const HASH_META: u8 = 8;
const OVERFLOW: u8 = 7;
/// Types of items: on the page, and elsewhere.
const ON_PAGE: u8 = 1;
const OFF_PAGE: u8 = 3;
/// The header of a page.
const PAGE_HEADER: usize = 26;

/// All headers by number. `path` names the file in errors.
///
/// # Errors
///
/// [`Error::Malformed`] when the file or a header in it is broken.
pub(crate) fn headers(path: &str, file: &[u8]) -> Result<Vec<(u32, Header)>> {
    let fail = |reason: &str| Error::Malformed { what: path.into(), reason: reason.into() };
    let hash = Hash::open(file).ok_or_else(|| fail("it is no Berkeley DB hash"))?;
    let mut headers = Vec::new();
    // In a sound file no two headers share a page.
    let mut left = file.len();
    for (number, value) in hash.pairs().ok_or_else(|| fail("an item is outside of its page"))? {
        let what = format_args!("header {number} of {path}");
        let broken =
            |reason: &str| Error::Malformed { what: what.to_string(), reason: reason.into() };
        let blob = hash.value(value, &mut left);
        let blob = blob.ok_or_else(|| broken("its pages are not in order"))?;
        headers.push((number, Header::parse(what, blob)?));
    }
    headers.sort_by_key(|(number, _)| *number);
    Ok(headers)
}

/// A file.
struct Hash<'f> {
    file: &'f [u8],
    order: Order,
    page_size: usize,
}

impl<'f> Hash<'f> {
    fn open(file: &'f [u8]) -> Option<Self> {
        let mut orders = [Order::Little, Order::Big].into_iter();
        let order = orders.find(|order| order.u32(file, 12) == Some(MAGIC))?;
        let page_size = order.u32(file, 20)? as usize;
        let sound = page_size.is_power_of_two() && (512..=65536).contains(&page_size);
        // Encryption and checksums of pages are not rpm's.
        let plain = *file.get(24)? == 0 && *file.get(25)? == HASH_META;
        (sound && plain).then_some(Self { file, order, page_size })
    }

    fn page(&self, number: u32) -> Option<&'f [u8]> {
        let start = (number as usize).checked_mul(self.page_size)?;
        self.file.get(start..start.checked_add(self.page_size)?)
    }

    /// Numbers of headers and the items with their content. Number 0 stands for the largest
    /// number in use, and is no header.
    fn pairs(&self) -> Option<Vec<(u32, &'f [u8])>> {
        let mut pairs = Vec::new();
        for page in self.file.chunks_exact(self.page_size).skip(1) {
            if !HASH_PAGES.contains(page.get(25)?) {
                continue;
            }
            for item in (0..self.order.u16(page, 20)?).step_by(2) {
                let (key, value) = (self.item(page, item)?, self.item(page, item + 1)?);
                let number = self.order.u32(key.strip_prefix(&[ON_PAGE])?, 0)?;
                if number != 0 {
                    pairs.push((number, value));
                }
            }
        }
        Some(pairs)
    }

    /// Item `i`: items fill a page from its end.
    fn item(&self, page: &'f [u8], i: usize) -> Option<&'f [u8]> {
        let offset = |i: usize| self.order.u16(page, PAGE_HEADER + i * 2);
        let end = match i.checked_sub(1) {
            Some(before) => offset(before)?,
            None => self.page_size,
        };
        page.get(offset(i)?..end)
    }

    /// The bytes that an item stands for. `left` is how many there may be in all.
    fn value(&self, item: &[u8], left: &mut usize) -> Option<Bytes> {
        if let Some(bytes) = item.strip_prefix(&[ON_PAGE]) {
            *left = left.checked_sub(bytes.len())?;
            return Some(Bytes::copy_from_slice(bytes));
        }
        let length = self.order.u32(item, 8).filter(|_| item.first() == Some(&OFF_PAGE))? as usize;
        *left = left.checked_sub(length)?;
        let mut bytes = Vec::with_capacity(length);
        let mut next = self.order.u32(item, 4)?;
        while bytes.len() < length {
            let page = self.page(next).filter(|page| page.get(25) == Some(&OVERFLOW))?;
            let used = self.order.u16(page, 22).filter(|&used| used > 0)?;
            bytes.extend(page.get(PAGE_HEADER..PAGE_HEADER + used)?);
            next = self.order.u32(page, 16)?;
        }
        (bytes.len() == length).then(|| bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::format::rpm::oracle::run;
    use crate::format::rpm::package::header::Value;
    use crate::format::rpm::package::header::tests::header;
    use crate::format::rpm::package::tag::Tag;

    /// A file of one header, on two overflow pages, written by a machine of this order.
    fn sample(big: bool) -> Vec<u8> {
        let u32 = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let u16 = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let name = "x".repeat(700);
        let blob = header(&[Value::string(Tag::NAME, &name)], vec![]).blob().clone();
        let mut file = vec![0; 4 * 512];
        let mut put = |page: usize, at: usize, bytes: &[u8]| {
            file[page * 512 + at..][..bytes.len()].copy_from_slice(bytes);
        };
        put(0, 12, &u32(MAGIC));
        put(0, 20, &u32(512));
        put(0, 25, &[HASH_META]);
        put(1, 25, &[13]);
        put(1, 20, &u16(2));
        put(1, 26, &[u16(507), u16(495)].concat());
        put(1, 507, &[&[ON_PAGE][..], &u32(7)].concat());
        put(1, 495, &[&[OFF_PAGE, 0, 0, 0][..], &u32(2), &u32(blob.len() as u32)].concat());
        let (first, second) = blob.split_at(480);
        for (page, next, part) in [(2, 3, first), (3, 0, second)] {
            put(page, 16, &u32(next));
            put(page, 22, &u16(part.len() as u16));
            put(page, 25, &[OVERFLOW]);
            put(page, PAGE_HEADER, part.get(..486).unwrap_or(part));
        }
        file
    }

    #[test]
    fn a_header_is_gathered_from_its_pages() {
        for big in [false, true] {
            let headers = headers("db", &sample(big)).unwrap();
            assert_eq!(headers.len(), 1);
            assert_eq!((headers[0].0, headers[0].1.text(Tag::NAME).unwrap().len()), (7, 700));
        }
        let mut circle = sample(false);
        circle[2 * 512 + 16] = 2;
        circle[512 + 495 + 9] = 0xff;
        assert!(headers("db", &circle).is_err());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(at in 0..2000usize, bytes: [u8; 4], big: bool, cut in 0..2048usize) {
            let mut broken = sample(big);
            broken[at..at + 4].copy_from_slice(&bytes);
            let _ = headers("db", &broken);
            broken.truncate(cut);
            let _ = headers("db", &broken);
        }
    }

    fn real() -> Option<[Vec<u8>; 2]> {
        let corpus = crate::fixture::root::corpus()?;
        let paths = ["knqyf263+go-rpmdb/libuuid/Packages", "anchore+syft/Packages"];
        Some(paths.map(|path| std::fs::read(corpus.join(path)).unwrap()))
    }

    #[test]
    fn real_databases_are_read_as_rpm_reads_them() {
        real().into_iter().flatten().for_each(|file| assert_rpm_agrees(&file));
    }

    fn assert_rpm_agrees(file: &[u8]) {
        let ours = headers("Packages", file).unwrap();
        let shown = |header: &Header| {
            let text = |tag| header.text(tag).unwrap_or("(none)".into()).into_owned();
            let sum = header.bin(Tag::SIGMD5).map_or("(none)".into(), hex::encode);
            format!("{}-{} {sum}", text(Tag::NAME), text(Tag::VERSION))
        };
        let ours: BTreeSet<String> = ours.iter().map(|(_, header)| shown(header)).collect();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("Packages"), file).unwrap();
        let (dir, format) = (dir.path().to_str().unwrap(), "%{NAME}-%{VERSION} %{SIGMD5}\\n");
        let backend = ["--dbpath", dir, "--define", "_db_backend bdb_ro"];
        let theirs =
            run("rpm", &[&backend[..], &["-qa", "--nosignature", "--qf", format]].concat());
        assert_eq!(ours, theirs.lines().map(str::to_owned).collect());
        assert!(!ours.is_empty());
    }

    #[test]
    fn a_broken_database_is_read_or_refused() {
        let Some([file, _]) = real() else { return };
        assert!(headers("db", &[]).is_err() && headers("db", &file[..4096]).unwrap().is_empty());
        let mut refused = 0;
        for page in 0..file.len() / 4096 {
            for at in 8..40 {
                let mut broken = file.clone();
                broken[page * 4096 + at] ^= 0x41;
                refused += usize::from(headers("db", &broken).is_err());
            }
        }
        assert!(refused > 20, "{refused}");
    }
}
