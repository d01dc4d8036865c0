//! Reading `Packages`: one pass over the bytes as they come, no stanza is ever held whole twice.

use std::io::{self, Read};

use memchr::{memchr, memmem};

use crate::repository::index::build::{Builder, Fields};
use crate::repository::index::table::Index;

/// The longest stanza that is read. The longest of Debian has some 80 kB.
const LONGEST_STANZA: usize = 1 << 20;

/// How much is read at once.
const CHUNK: usize = 256 << 10;

/// Builds an [`Index`] out of the text of `Packages`.
#[derive(Debug)]
pub(crate) struct Scanner {
    arch: String,
    index: Builder,
}

/// Where in a stanza the fields of interest are.
#[derive(Debug, Default, Clone, Copy)]
struct Stanza<'a> {
    fields: [Option<&'a [u8]>; FIELDS.len()],
    twice: bool,
}

/// The fields of interest.
const FIELDS: [&[u8]; 13] = [
    b"Package",
    b"Version",
    b"Architecture",
    b"Source",
    b"Filename",
    b"Pre-Depends",
    b"Depends",
    b"Provides",
    b"Conflicts",
    b"Breaks",
    b"Replaces",
    b"Size",
    b"SHA256",
];

const PACKAGE: usize = 0;
const VERSION: usize = 1;
const ARCHITECTURE: usize = 2;
const SOURCE: usize = 3;
const FILENAME: usize = 4;
const PRE_DEPENDS: usize = 5;
const DEPENDS: usize = 6;
const PROVIDES: usize = 7;
const CONFLICTS: usize = 8;
const BREAKS: usize = 9;
const REPLACES: usize = 10;
const SIZE: usize = 11;
const SHA256: usize = 12;

impl Scanner {
    /// Keeps the packages of this architecture and those for all.
    pub(crate) fn new(arch: &str) -> Self {
        Self { arch: arch.into(), index: Builder::new(names) }
    }

    /// Reads all stanzas.
    ///
    /// # Errors
    ///
    /// When reading fails, a stanza is longer than 1 MiB, or there is more to keep than 512 MiB.
    pub(crate) fn read(&mut self, mut source: impl Read) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK];
        let mut filled = 0;
        loop {
            let read = source.read(buffer.get_mut(filled..).unwrap_or_default())?;
            filled += read;
            let text = buffer.get(..filled).unwrap_or_default();
            let taken = self.stanzas(text, read == 0)?;
            buffer.copy_within(taken..filled, 0);
            filled -= taken;
            if read == 0 {
                return Ok(());
            }
            if filled == buffer.len() {
                grow(&mut buffer)?;
            }
        }
    }

    /// Takes in the whole stanzas of `text`; gives how much of it they are.
    fn stanzas(&mut self, text: &[u8], last: bool) -> io::Result<usize> {
        let mut start = 0;
        while let Some(rest) = text.get(start..).filter(|rest| !rest.is_empty()) {
            let Some(end) = memmem::find(rest, b"\n\n") else { break };
            self.stanza(rest.get(..=end).unwrap_or_default())?;
            start += end + 2;
        }
        if last {
            self.stanza(text.get(start..).unwrap_or_default())?;
            return Ok(text.len());
        }
        Ok(start)
    }

    fn stanza(&mut self, text: &[u8]) -> io::Result<()> {
        let stanza = Stanza::parse(text);
        if stanza.is_empty() {
            return Ok(());
        }
        let arch = stanza.get(ARCHITECTURE);
        if !arch.is_empty() && arch != b"all" && arch != self.arch.as_bytes() {
            return Ok(());
        }
        match stanza.index_into(&mut self.index) {
            Some(result) => result,
            None => {
                self.index.refuse();
                Ok(())
            }
        }
    }

    /// The index of all that was read.
    pub(crate) fn finish(self) -> Index {
        self.index.finish()
    }
}

/// The names in a relation field without alternatives, each with its offset.
fn names(text: &[u8]) -> Vec<(usize, &[u8])> {
    let mut at = 0;
    let name = |element: &'_ [u8]| {
        let start = at + element.iter().take_while(|b| b.is_ascii_whitespace()).count();
        at += element.len() + 1;
        start
    };
    let starts: Vec<usize> = text.split(|&b| b == b',').map(name).collect();
    let named = |start: usize| {
        let rest = text.get(start..).unwrap_or_default();
        let end = rest.iter().position(|b| b" \t\r\n(:,".contains(b)).unwrap_or(rest.len());
        (start, rest.get(..end).unwrap_or_default())
    };
    starts.into_iter().map(named).filter(|(_, name)| !name.is_empty()).collect()
}

impl<'a> Stanza<'a> {
    fn parse(text: &'a [u8]) -> Self {
        let mut stanza = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let end = field_end(rest);
            let (field, after) = rest.split_at(end);
            stanza.field(field);
            rest = after;
        }
        stanza
    }

    fn field(&mut self, field: &'a [u8]) {
        // Most fields are of no interest: their first letter says so.
        if !field.first().is_some_and(|b| b"PVASFDCBRpvasfdcbr".contains(b)) {
            return;
        }
        let Some(colon) = memchr(b':', field) else { return };
        let (name, value) = field.split_at(colon);
        let Some(index) = FIELDS.iter().position(|f| name.eq_ignore_ascii_case(f)) else { return };
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        self.twice |= self.fields[index].replace(value).is_some();
    }

    fn is_empty(&self) -> bool {
        self.fields.iter().all(Option::is_none)
    }

    fn get(&self, index: usize) -> &'a [u8] {
        self.fields.get(index).copied().flatten().unwrap_or_default()
    }

    /// Puts it into the index. `None` when the stanza is not in order.
    fn index_into(&self, index: &mut Builder) -> Option<io::Result<()>> {
        let [package, version, arch, source, filename] =
            [PACKAGE, VERSION, ARCHITECTURE, SOURCE, FILENAME].map(|field| self.get(field));
        let orderly = !self.twice
            && is_name(package)
            && is_version(version)
            && is_name(arch)
            && is_filename(filename)
            && self.fields.iter().flatten().all(|value| value.is_ascii());
        if !orderly {
            return None;
        }
        let size: u64 = std::str::from_utf8(self.get(SIZE)).ok()?.parse().ok()?;
        let mut sha256 = [0; 32];
        hex::decode_to_slice(self.get(SHA256), &mut sha256).ok()?;
        // `openssl (3.0.17-1)`; its own name when nothing is said.
        let source = source.split(|b| b" (".contains(b)).next().unwrap_or_default();
        Some(index.add(&Fields {
            package,
            version,
            arch,
            source: if source.is_empty() { package } else { source },
            filename,
            checksum: &sha256,
            requires: &joined(self.get(PRE_DEPENDS), self.get(DEPENDS)),
            provides: self.get(PROVIDES),
            conflicts: &joined(self.get(CONFLICTS), self.get(BREAKS)),
            replaces: self.get(REPLACES),
            size,
        }))
    }
}

/// Two relation fields as one.
fn joined<'a>(a: &'a [u8], b: &'a [u8]) -> std::borrow::Cow<'a, [u8]> {
    match (a.is_empty(), b.is_empty()) {
        (true, _) => b.into(),
        (_, true) => a.into(),
        _ => [a, b", ", b].concat().into(),
    }
}

/// The end of the field that `text` begins with: continuation lines begin with a blank.
fn field_end(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(end) = text.get(at..).and_then(|rest| memchr(b'\n', rest)) {
        at += end + 1;
        if !matches!(text.get(at), Some(b' ' | b'\t')) {
            return at;
        }
    }
    text.len()
}

fn is_name(text: &[u8]) -> bool {
    let legal = |b: &u8| b.is_ascii_alphanumeric() || b"+-._".contains(b);
    !text.is_empty() && text.iter().all(legal)
}

fn is_version(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<crate::version::deb::Version>().is_ok())
}

/// Below the archive's root, and nowhere else.
fn is_filename(text: &[u8]) -> bool {
    let legal = |b: &u8| b.is_ascii_graphic() && !b"\\?#".contains(b);
    let component = |part: &[u8]| !part.is_empty() && part != b"..";
    let scheme = text.split(|&b| b == b'/').next().is_some_and(|first| first.contains(&b':'));
    text.iter().all(legal) && text.split(|&b| b == b'/').all(component) && !scheme
}

fn grow(buffer: &mut Vec<u8>) -> io::Result<()> {
    if buffer.len() >= LONGEST_STANZA {
        return Err(io::Error::other("a stanza is longer than 1 MiB"));
    }
    buffer.resize((buffer.len() * 2).min(LONGEST_STANZA), 0);
    Ok(())
}

#[cfg(test)]
#[path = "tests/scan.rs"]
mod tests;
