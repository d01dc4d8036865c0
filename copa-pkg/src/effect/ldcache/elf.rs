//! What the loader's cache says of a shared library, out of its ELF headers.
//!
//! As `ldconfig` does, only program headers are read, never section headers: a library may have
//! none.

use bytes::Bytes;

use crate::effect::ldcache::bytes::{Order, text};

/// A shared library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Library {
    /// The name that programs ask for, if the library says one.
    pub(super) soname: Option<Bytes>,
    /// Whose library it is: the C library and the architecture, as the cache spells them.
    pub(super) flags: u32,
    /// The level of x86-64 that it needs (0 to 3 for v1 to v4).
    pub(super) isa_level: u32,
}

/// What a file is to the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Read {
    Library(Library),
    /// No shared library of this byte order.
    Other,
    /// A library of a machine that this program does not know.
    Unknown(u16),
}

const ET_DYN: u16 = 3;
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_GNU_PROPERTY: u32 = 0x6474_e553;
const DT_NULL: u64 = 0;
const DT_STRTAB: u64 = 5;
const DT_SONAME: u64 = 14;
/// More program headers, or entries of a dynamic section, no library has.
const ENTRIES_MAX: usize = 4096;

/// Where things are in a file of one class.
#[derive(Debug, Clone, Copy)]
struct Elf<'a> {
    data: &'a Bytes,
    order: Order,
    /// 64 bits, or 32.
    wide: bool,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    length: u64,
    align: u64,
}

/// Reads what is needed of a file. `order` is that of the cache.
pub(super) fn read(data: &Bytes, order: Order) -> Read {
    let wide = match data.get(..6) {
        Some([0x7f, b'E', b'L', b'F', class @ 1..=2, byte_order @ 1..=2])
            if (*byte_order == 1) == (order == Order::Little) =>
        {
            *class == 2
        }
        _ => return Read::Other,
    };
    let elf = Elf { data, order, wide };
    let header = || Some((order.u16(data, 16)?, order.u16(data, 18)?, elf.flags()?));
    let Some((ET_DYN, machine, flags)) = header() else { return Read::Other };
    match cache_flags(machine, wide, flags) {
        Ok(Some(flags)) => elf.library(flags).map_or(Read::Other, Read::Library),
        Ok(None) => Read::Other,
        Err(machine) => Read::Unknown(machine),
    }
}

/// How the cache spells the architecture: `None` when the loader there does not load the
/// library; the machine when it is not known here.
fn cache_flags(machine: u16, wide: bool, flags: u32) -> Result<Option<u32>, u16> {
    const LIBC6: u32 = 3;
    let arch = match (machine, wide) {
        (3, false) | (20, false) | (22, false) => 0,
        (62, true) => 0x0300,
        (62, false) => 0x0800,
        (183, true) => 0x0a00,
        (21, true) => 0x0500,
        (22, true) => 0x0400,
        (40, false) => arm(flags),
        (8, _) => mips(wide, flags),
        (243, _) => return Ok(riscv(flags).map(|arch| arch | LIBC6)),
        _ => return Err(machine),
    };
    Ok(Some(arch | LIBC6))
}

/// Libraries of version 5 of the ABI say how they pass floating-point numbers, most of them.
fn arm(flags: u32) -> u32 {
    match (flags >> 24, flags & 0x400, flags & 0x200) {
        (5, 1.., _) => 0x0900,
        (5, 0, 1..) => 0x0b00,
        _ => 0,
    }
}

fn mips(wide: bool, flags: u32) -> u32 {
    let (n32, nan2008) = (flags & 0x20 != 0, flags & 0x400 != 0);
    match (wide, n32, nan2008) {
        (true, _, false) => 0x0700,
        (true, _, true) => 0x0e00,
        (false, true, false) => 0x0600,
        (false, true, true) => 0x0d00,
        (false, false, false) => 0,
        (false, false, true) => 0x0c00,
    }
}

/// Soft or double; compressed instructions do not matter; nothing else is supported.
fn riscv(flags: u32) -> Option<u32> {
    match flags & !1 {
        0 => Some(0x0f00),
        4 => Some(0x1000),
        _ => None,
    }
}

impl<'a> Elf<'a> {
    /// A number as wide as the class.
    fn word(self, at: usize) -> Option<u64> {
        match self.wide {
            true => self.order.u64(self.data, at),
            false => self.order.u32(self.data, at).map(u64::from),
        }
    }

    /// The machine's own flags in the header.
    fn flags(self) -> Option<u32> {
        self.order.u32(self.data, if self.wide { 48 } else { 36 })
    }

    fn library(self, flags: u32) -> Option<Library> {
        let segments = self.segments()?;
        let dynamic = self.dynamic(&segments)?;
        let find = |tag| dynamic.iter().find(|(found, _)| *found == tag).map(|(_, value)| *value);
        let strings = file_offset(&segments, find(DT_STRTAB)?);
        let soname = match find(DT_SONAME) {
            Some(name) => {
                let at = usize::try_from(strings.checked_add(name)?).ok()?;
                Some(text(self.data, at)?)
            }
            None => None,
        };
        let isa_level = segments.iter().find_map(|segment| self.isa_level(segment)).unwrap_or(0);
        Some(Library { soname, flags, isa_level })
    }

    fn segments(self) -> Option<Vec<Segment>> {
        let start = usize::try_from(self.word(if self.wide { 32 } else { 28 })?).ok()?;
        let count = usize::from(self.order.u16(self.data, if self.wide { 56 } else { 44 })?);
        let size = if self.wide { 56 } else { 32 };
        let places = (0..count.min(ENTRIES_MAX)).map(|i| start.checked_add(i * size));
        places.map(|at| self.segment(at?)).collect()
    }

    fn segment(self, at: usize) -> Option<Segment> {
        // offset, address, length, alignment
        let fields = if self.wide { [8, 16, 32, 48] } else { [4, 8, 16, 28] };
        let [offset, address, length, align] =
            fields.map(|field| at.checked_add(field).and_then(|at| self.word(at)));
        let kind = self.order.u32(self.data, at)?;
        Some(Segment { kind, offset: offset?, address: address?, length: length?, align: align? })
    }

    /// The tags and values of the dynamic section.
    fn dynamic(self, segments: &[Segment]) -> Option<Vec<(u64, u64)>> {
        let segment = segments.iter().rfind(|segment| segment.kind == PT_DYNAMIC)?;
        let start = usize::try_from(segment.offset).ok().filter(|_| segment.length > 0)?;
        let size = if self.wide { 8 } else { 4 };
        let mut entries = Vec::new();
        for i in 0..ENTRIES_MAX {
            let at = start.checked_add(i * 2 * size)?;
            match (self.word(at)?, self.word(at.checked_add(size)?)?) {
                (DT_NULL, _) => break,
                entry => entries.push(entry),
            }
        }
        Some(entries)
    }

    /// The level in the note of properties, on x86.
    fn isa_level(self, segment: &Segment) -> Option<u32> {
        const NOTE: u32 = 5;
        const ISA_1_NEEDED: u32 = 0xc000_8002;
        let word = if self.wide { 8 } else { 4 };
        if segment.kind != PT_GNU_PROPERTY || segment.align != word as u64 {
            return None;
        }
        let start = usize::try_from(segment.offset).ok()?;
        let end = start.checked_add(usize::try_from(segment.length).ok()?)?;
        let notes = self.data.get(start..end)?;
        let number = |at| self.order.u32(notes, at);
        let (name, length, kind) = (number(0)?, number(4)?, number(8)?);
        if (name, kind, notes.get(12..16)?) != (4, NOTE, b"GNU\0") {
            return None;
        }
        let end = usize::try_from(length).ok()?.checked_add(16)?;
        let mut at = 16;
        while at < end {
            let (kind, size) = (number(at)?, usize::try_from(number(at + 4)?).ok()?);
            if kind == ISA_1_NEEDED && size == 4 {
                return Some(number(at + 8)?.checked_ilog2().unwrap_or(0));
            }
            at = size.checked_next_multiple_of(word)?.checked_add(8)?.checked_add(at)?;
        }
        None
    }
}

/// Where in the file an address of the loaded library is.
fn file_offset(segments: &[Segment], address: u64) -> u64 {
    let holds = |s: &&Segment| {
        s.kind == PT_LOAD && address.checked_sub(s.address).is_some_and(|into| into < s.length)
    };
    let segment = segments.iter().find(holds);
    segment.map_or(address, |s| (address - s.address).saturating_add(s.offset))
}
