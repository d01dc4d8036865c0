//! Small shared libraries, made in memory: what `ldconfig` reads of one, and no code.

use crate::effect::ldcache::bytes::Order;

/// A shared library to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Elf<'a> {
    pub(super) machine: u16,
    pub(super) wide: bool,
    pub(super) order: Order,
    pub(super) flags: u32,
    pub(super) soname: Option<&'a str>,
    pub(super) isa_needed: Option<u32>,
}

/// A library for the machine that the tests run on.
pub(super) fn native(soname: Option<&str>) -> Elf<'_> {
    let machine = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    Elf { machine, wide: true, order: Order::Little, flags: 0, soname, isa_needed: None }
}

/// Where the file is loaded.
const ADDRESS: u64 = 0x10_000;

impl Elf<'_> {
    pub(super) fn build(self) -> Vec<u8> {
        let word = if self.wide { 8 } else { 4 };
        let (header, program_header) = if self.wide { (64, 56) } else { (52, 32) };
        let programs = if self.isa_needed.is_some() { 3 } else { 2 };
        let note_at = header + programs * program_header;
        let note = self.note(word);
        let dynamic_at = note_at + note.len();
        let dynamic_size = 3 * 2 * word;
        let strings_at = dynamic_at + dynamic_size;
        let strings = format!("\0{}\0", self.soname.unwrap_or("none"));
        let end = strings_at + strings.len();
        let mut out = self.header(header, programs, program_header);
        self.program(&mut out, (1, 0, end, 4096));
        self.program(&mut out, (2, dynamic_at, dynamic_size, word));
        if self.isa_needed.is_some() {
            self.program(&mut out, (0x6474_e553, note_at, note.len(), word));
        }
        out.extend(note);
        let name = if self.soname.is_some() { (14, 1) } else { (1, 1) };
        for (tag, value) in [name, (5, ADDRESS + strings_at as u64), (0, 0)] {
            self.word(&mut out, tag);
            self.word(&mut out, value);
        }
        out.extend(strings.bytes());
        out
    }

    fn header(self, size: usize, programs: usize, program_header: usize) -> Vec<u8> {
        let byte_order = if self.order == Order::Little { 1 } else { 2 };
        let mut out = b"\x7fELF".to_vec();
        out.extend([if self.wide { 2 } else { 1 }, byte_order, 1]);
        out.resize(16, 0);
        self.half(&mut out, 3);
        self.half(&mut out, self.machine);
        self.order.put_u32(&mut out, 1);
        [0, size as u64, 0].into_iter().for_each(|n| self.word(&mut out, n));
        self.order.put_u32(&mut out, self.flags);
        let sizes = [size, program_header, programs, 0, 0, 0];
        sizes.into_iter().for_each(|n| self.half(&mut out, n as u16));
        out
    }

    fn program(self, out: &mut Vec<u8>, segment: (u32, usize, usize, usize)) {
        let (kind, offset, size, align) = segment;
        self.order.put_u32(out, kind);
        if self.wide {
            self.order.put_u32(out, 4);
        }
        let address = ADDRESS + offset as u64;
        let words = [offset as u64, address, address, size as u64, size as u64];
        words.into_iter().for_each(|n| self.word(out, n));
        if !self.wide {
            self.order.put_u32(out, 4);
        }
        self.word(out, align as u64);
    }

    fn note(self, word: usize) -> Vec<u8> {
        let Some(needed) = self.isa_needed else { return Vec::new() };
        let size = 8 + 4_usize.next_multiple_of(word);
        let mut out = Vec::new();
        [4, size as u32, 5].into_iter().for_each(|n| self.order.put_u32(&mut out, n));
        out.extend(b"GNU\0");
        [0xc000_8002, 4, needed].into_iter().for_each(|n| self.order.put_u32(&mut out, n));
        out.resize(16 + size, 0);
        out
    }

    fn half(self, out: &mut Vec<u8>, number: u16) {
        out.extend(match self.order {
            Order::Little => number.to_le_bytes(),
            Order::Big => number.to_be_bytes(),
        });
    }

    fn word(self, out: &mut Vec<u8>, number: u64) {
        match self.wide {
            true => self.order.put_u64(out, number),
            false => self.order.put_u32(out, number as u32),
        }
    }
}
