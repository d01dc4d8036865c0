//! The file: glibc's format 1.1, which `elf/cache.c` of glibc writes and `ld.so` reads.
//!
//! A header, the entries, their strings, and a directory of extensions: who wrote it, and the
//! names of the `glibc-hwcaps` directories. Numbers are in the byte order of the machine. glibc
//! before 2.32 put it behind the same in an older format; that part is skipped.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use bytes::Bytes;

use crate::effect::ldcache::bytes::{Order, text};
use crate::effect::ldcache::strings::{Table, compare_names};

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const OLD_MAGIC: &[u8] = b"ld.so-1.7.0";
const HEADER: usize = 48;
const ENTRY: usize = 24;
const OLD_HEADER: usize = 16;
const OLD_ENTRY: usize = 12;
const EXTENSIONS: u32 = 0xeaa4_2174;
const GENERATOR: u32 = 0;
const HWCAPS: u32 = 1;
/// This bit of an entry says that it is of a `glibc-hwcaps` directory.
const IS_HWCAPS: u64 = 1 << 62;
const ISA_LEVEL_MASK: u64 = 0x3ff;
/// More libraries are not listed for one image.
const ENTRIES_MAX: usize = 1 << 14;

/// What the cache says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cache {
    pub(super) order: Order,
    /// Which program wrote it.
    pub(super) generator: Option<Bytes>,
    pub(super) entries: Vec<Entry>,
}

/// Where one name is found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// The name that programs ask for.
    pub(super) name: Bytes,
    /// The path, absolute.
    pub(super) path: Bytes,
    /// Whose library it is.
    pub(super) flags: u32,
    /// The `glibc-hwcaps` directory that it is in, and the level that it needs.
    pub(super) hwcaps: Option<(Bytes, u32)>,
}

impl Entry {
    /// The order in the file: names from the last to the first, special ones before plain ones.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let hwcaps = |entry: &Self| match &entry.hwcaps {
            Some((name, _)) => (false, name.clone()),
            None => (true, Bytes::new()),
        };
        compare_names(&other.name, &self.name)
            .then(other.flags.cmp(&self.flags))
            .then_with(|| hwcaps(self).cmp(&hwcaps(other)))
    }
}

impl Cache {
    /// Reads a cache. `None` when it is none, or says what this program could not write again.
    pub(super) fn read(file: &Bytes) -> Option<Self> {
        let start = start(file)?;
        let data = file.slice(start..);
        let order = match data.get(28)? & 3 {
            2 => Order::Little,
            3 => Order::Big,
            0 => guess_order(&data)?,
            _ => return None,
        };
        let count = usize::try_from(order.u32(&data, 20)?).ok()?;
        if count > ENTRIES_MAX {
            return None;
        }
        let extensions = Extensions::read(file, &data, order)?;
        let places = (0..count).map(|i| HEADER + i * ENTRY);
        let entries = places.map(|at| entry(&data, at, order, &extensions));
        let entries = entries.collect::<Option<_>>()?;
        Some(Self { order, generator: extensions.generator, entries })
    }

    /// The file.
    pub(super) fn write(&self) -> Vec<u8> {
        let order = self.order;
        let names: BTreeSet<&Bytes> =
            self.entries.iter().filter_map(|e| Some(&e.hwcaps.as_ref()?.0)).collect();
        let names: Vec<&Bytes> = names.into_iter().collect();
        let named = self.entries.iter().flat_map(|e| [&e.name, &e.path]);
        let table = Table::of(named.chain(names.iter().copied()).cloned());
        let strings = HEADER + self.entries.len() * ENTRY;
        let place = |string| number(strings).saturating_add(table.place(string));
        let end = (strings + table.bytes.len()).next_multiple_of(4);
        let extended = self.generator.is_some() || !names.is_empty();

        let mut out = MAGIC.to_vec();
        let header = [number(self.entries.len()), number(table.bytes.len())];
        header.into_iter().for_each(|n| order.put_u32(&mut out, n));
        out.extend([if order == Order::Little { 2 } else { 3 }, 0, 0, 0]);
        order.put_u32(&mut out, if extended { number(end) } else { 0 });
        out.resize(HEADER, 0);
        for entry in &self.entries {
            let fields = [entry.flags, place(&entry.name), place(&entry.path), 0];
            fields.into_iter().for_each(|n| order.put_u32(&mut out, n));
            order.put_u64(&mut out, hwcap(entry, &names));
        }
        out.extend_from_slice(&table.bytes);
        if extended {
            out.resize(end, 0);
            let names: Vec<u32> = names.into_iter().map(place).collect();
            write_extensions(&mut out, order, self.generator.as_ref(), &names);
        }
        out
    }
}

/// Where the format begins in the file.
fn start(file: &Bytes) -> Option<usize> {
    if file.starts_with(MAGIC) {
        return Some(0);
    }
    file.starts_with(OLD_MAGIC).then_some(())?;
    let behind = |order: Order| {
        let count = usize::try_from(order.u32(file, OLD_HEADER - 4)?).ok()?;
        let end = count.checked_mul(OLD_ENTRY)?.checked_add(OLD_HEADER)?;
        let begins = |at: &usize| file.get(*at..).is_some_and(|rest| rest.starts_with(MAGIC));
        [end, end.checked_next_multiple_of(8)?].into_iter().find(begins)
    };
    behind(Order::Little).or_else(|| behind(Order::Big))
}

/// Old files do not say their byte order: only in one of them do the entries fit.
fn guess_order(data: &[u8]) -> Option<Order> {
    let fits = |order: &Order| {
        let numbers = [order.u32(data, 20), order.u32(data, 24)].map(|n| n.map(|n| n as usize));
        let [Some(count), Some(strings)] = numbers else { return false };
        let size = count.checked_mul(ENTRY).and_then(|n| n.checked_add(HEADER + strings));
        size.is_some_and(|size| size <= data.len())
    };
    [Order::Little, Order::Big].into_iter().find(fits)
}

fn entry(data: &Bytes, at: usize, order: Order, extensions: &Extensions) -> Option<Entry> {
    let field = |i: usize| order.u32(data, at.checked_add(i * 4)?);
    let string = |i| text(data, usize::try_from(field(i)?).ok()?);
    let hwcaps = match order.u64(data, at.checked_add(16)?)? {
        0 => None,
        hwcap if (hwcap >> 32) & !ISA_LEVEL_MASK == IS_HWCAPS >> 32 => {
            let name = extensions.hwcaps.get(usize::try_from(hwcap as u32).ok()?)?;
            Some((name.clone(), (hwcap >> 32 & ISA_LEVEL_MASK) as u32))
        }
        // Directories of CPU features by number, as glibc before 2.37 had them.
        _ => return None,
    };
    Some(Entry { name: string(1)?, path: string(2)?, flags: field(0)?, hwcaps })
}

fn hwcap(entry: &Entry, names: &[&Bytes]) -> u64 {
    let Some((name, level)) = &entry.hwcaps else { return 0 };
    let index = names.binary_search(&name).unwrap_or_default();
    IS_HWCAPS | (u64::from(*level) & ISA_LEVEL_MASK) << 32 | index as u64
}

#[derive(Debug, Default)]
struct Extensions {
    generator: Option<Bytes>,
    hwcaps: Vec<Bytes>,
}

impl Extensions {
    fn read(file: &Bytes, data: &Bytes, order: Order) -> Option<Self> {
        let mut found = Self::default();
        let directory = usize::try_from(order.u32(data, 32)?).ok()?;
        if directory == 0 {
            return Some(found);
        }
        let at = |i: usize| directory.checked_add(i * 4);
        let number = |i| order.u32(file, at(i)?);
        let count = number(1).filter(|_| number(0) == Some(EXTENSIONS))?;
        for section in 0..count.min(8) as usize {
            let [kind, offset, size] = [2, 4, 5].map(|field| number(section * 4 + field));
            let (offset, size) = (usize::try_from(offset?).ok()?, usize::try_from(size?).ok()?);
            let end = offset.checked_add(size).filter(|end| *end <= file.len())?;
            let content = file.slice(offset..end);
            match kind? {
                GENERATOR => found.generator = Some(content),
                HWCAPS => found.hwcaps = names(file, &content, order)?,
                _ => {}
            }
        }
        Some(found)
    }
}

fn names(file: &Bytes, places: &[u8], order: Order) -> Option<Vec<Bytes>> {
    let count = (places.len() / 4).min(ENTRIES_MAX);
    let places = (0..count).map(|i| order.u32(places, i * 4));
    places.map(|place| text(file, usize::try_from(place?).ok()?)).collect()
}

fn write_extensions(out: &mut Vec<u8>, order: Order, generator: Option<&Bytes>, hwcaps: &[u32]) {
    let count = usize::from(generator.is_some()) + usize::from(!hwcaps.is_empty());
    let hwcaps_at = out.len() + 8 + count * 16;
    let generator_at = hwcaps_at + hwcaps.len() * 4;
    let mut numbers = vec![EXTENSIONS, number(count)];
    if let Some(generator) = generator {
        numbers.extend([GENERATOR, 0, number(generator_at), number(generator.len())]);
    }
    if !hwcaps.is_empty() {
        numbers.extend([HWCAPS, 0, number(hwcaps_at), number(hwcaps.len() * 4)]);
    }
    numbers.extend(hwcaps);
    numbers.into_iter().for_each(|n| order.put_u32(out, n));
    out.extend(generator.into_iter().flatten());
}

/// What is read is bounded, so that what is written has room in 32 bits.
fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
