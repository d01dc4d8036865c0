//! An archive read where it is: names and offsets, found in one pass over its headers.
//!
//! Nothing is extracted, so a name can point nowhere but into the archive.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tar::{EntryType, Header, PaxExtensions};

use crate::compress::decompress::Decompressed;
use crate::compress::expansion::Expansion;
use crate::error::{Error, Result};
use crate::store::file::{failed, open_regular, section};
use crate::stream::ByteStream;

/// More entries are not read: an image of 1024 layers needs some 5000.
const ENTRIES: usize = 100_000;
/// No block of extensions that is longer is read.
const EXTENSION: u64 = 64 << 10;
/// A longer name is not remembered.
const NAME: usize = 1024;
/// As many links are followed from one name.
const LINKS: usize = 8;
const BLOCK: u64 = 512;

/// The entries of a tar file by their names.
#[derive(Debug)]
pub(in crate::store) struct Tarball {
    path: PathBuf,
    file: Arc<File>,
    entries: BTreeMap<String, Named>,
}

/// What a name in the archive stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    Content {
        offset: u64,
        size: u64,
    },
    Link(String),
    /// The name stands in the archive more than once: readers disagree on which one counts.
    Twice,
}

impl Tarball {
    /// Reads the headers of the archive at `path`. A compressed archive is first unpacked into a
    /// file that has no name and goes when it is closed.
    pub(in crate::store) fn open(path: &Path) -> Result<Self> {
        let (file, length) = open_regular(path)?;
        let mut magic = [0; 4];
        let packed = file.read_exact_at(&mut magic, 0).is_ok()
            && matches!(magic, [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd]);
        let (file, length) =
            if packed { unpacked(file, path, Expansion::default())? } else { (file, length) };
        let what = path.display().to_string();
        let entries = entries(&file, length, &what)?;
        Ok(Self { path: path.to_owned(), file: Arc::new(file), entries })
    }

    /// Where the content of a name begins and how long it is. `None` when there is none.
    pub(in crate::store) fn find(&self, name: &str) -> Result<Option<(u64, u64)>> {
        let what = || format!("{name} of {}", self.path.display());
        let mut name = clean(name, "");
        for _ in 0..LINKS {
            match name.as_ref().and_then(|name| self.entries.get(name)) {
                None => return Ok(None),
                Some(Named::Content { offset, size }) => return Ok(Some((*offset, *size))),
                Some(Named::Twice) => return Err(Error::corrupt(what(), "the name stands twice")),
                Some(Named::Link(target)) => name = Some(target.clone()),
            }
        }
        Err(Error::corrupt(what(), "its links go round"))
    }

    /// A section as a stream.
    pub(in crate::store) fn section(&self, (offset, size): (u64, u64)) -> ByteStream {
        section(Arc::clone(&self.file), offset, size)
    }

    /// The first bytes of a section, as many as there are up to `length`.
    pub(in crate::store) fn start(
        &self,
        (offset, size): (u64, u64),
        length: u64,
    ) -> Result<Vec<u8>> {
        bytes_at(&self.file, offset, size.min(length)).map_err(failed("read", &self.path))
    }

    /// A short document. `None` when there is none.
    pub(in crate::store) fn document(&self, name: &str, limit: u64) -> Result<Option<Bytes>> {
        let Some((offset, size)) = self.find(name)? else { return Ok(None) };
        if size > limit {
            let what = format!("{name} of {}", self.path.display());
            return Err(Error::TooLarge { what, limit: format!("{limit} bytes") });
        }
        self.start((offset, size), size).map(|bytes| Some(Bytes::from(bytes)))
    }
}

fn unpacked(file: File, path: &Path, limit: Expansion) -> Result<(File, u64)> {
    let failure = |error: io::Error| match error.downcast::<Error>() {
        Ok(Error::TooLarge { limit, .. }) => {
            Error::TooLarge { what: path.display().to_string(), limit }
        }
        Ok(own) => own,
        Err(other) => failed("unpack", path)(other),
    };
    let mut reader = Decompressed::new(file, limit)?;
    let mut out = tempfile::tempfile().map_err(failed("create a temporary file for", path))?;
    let length = io::copy(&mut reader, &mut out).map_err(failure)?;
    Ok((out, length))
}

fn bytes_at(file: &File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

/// What the extension headers before an entry say of it.
#[derive(Debug, Default)]
struct Extended {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

fn entries(file: &File, length: u64, what: &str) -> Result<BTreeMap<String, Named>> {
    let mut found = BTreeMap::new();
    let mut extended = Extended::default();
    let (mut offset, mut count) = (0, 0);
    while let Some(header) = header_at(file, offset, length, what)? {
        count += 1;
        if count > ENTRIES {
            let limit = format!("{ENTRIES} entries");
            return Err(Error::TooLarge { what: what.to_owned(), limit });
        }
        let kind = header.entry_type();
        let own = header.entry_size().map_err(|e| Error::corrupt(what, e.to_string()))?;
        let special = kind.is_gnu_longname()
            || kind.is_gnu_longlink()
            || kind.is_pax_local_extensions()
            || kind.is_pax_global_extensions();
        let size = extended.size.filter(|_| !special).unwrap_or(own);
        let start = offset + BLOCK;
        let end = start.checked_add(size).filter(|end| *end <= length);
        let end = end.ok_or_else(|| Error::corrupt(what, "an entry reaches beyond the end"))?;
        if special {
            extend(&mut extended, kind, &extension(file, start, size, what)?, what)?;
        } else {
            let extended = std::mem::take(&mut extended);
            note(&mut found, &header, extended, Named::Content { offset: start, size }, what)?;
        }
        offset = end.next_multiple_of(BLOCK);
    }
    Ok(found)
}

/// The header at `offset`; `None` at the end of the archive.
fn header_at(file: &File, offset: u64, length: u64, what: &str) -> Result<Option<Header>> {
    if offset.checked_add(BLOCK).is_none_or(|end| end > length) {
        return Ok(None);
    }
    let mut header = Header::new_old();
    file.read_exact_at(header.as_mut_bytes(), offset).map_err(|e| Error::from_io(what, e))?;
    if header.as_bytes().iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let sum: u32 = header.as_bytes().iter().enumerate().fold(0, |sum, (at, byte)| {
        sum + if (148..156).contains(&at) { 32 } else { u32::from(*byte) }
    });
    match header.cksum() {
        Ok(said) if said == sum => Ok(Some(header)),
        _ => Err(Error::corrupt(what, "it is not a tar file, or it is damaged")),
    }
}

fn extension(file: &File, start: u64, size: u64, what: &str) -> Result<Vec<u8>> {
    if size > EXTENSION {
        let limit = format!("{EXTENSION} bytes of name");
        return Err(Error::TooLarge { what: what.to_owned(), limit });
    }
    bytes_at(file, start, size).map_err(|e| Error::from_io(what, e))
}

fn extend(extended: &mut Extended, kind: EntryType, bytes: &[u8], what: &str) -> Result<()> {
    let text = || bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
    if kind.is_gnu_longname() {
        extended.name = Some(text());
    } else if kind.is_gnu_longlink() {
        extended.link = Some(text());
    } else if kind.is_pax_local_extensions() {
        for pair in PaxExtensions::new(bytes) {
            let pair = pair.map_err(|e| Error::corrupt(what, e.to_string()))?;
            let value = pair.value_bytes();
            match pair.key_bytes() {
                b"path" => extended.name = Some(value.to_vec()),
                b"linkpath" => extended.link = Some(value.to_vec()),
                b"size" => {
                    let size = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                    extended.size =
                        Some(size.ok_or_else(|| Error::corrupt(what, "a size is no number"))?);
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn note(
    found: &mut BTreeMap<String, Named>,
    header: &Header,
    extended: Extended,
    content: Named,
    what: &str,
) -> Result<()> {
    let kind = header.entry_type();
    let name = extended.name.unwrap_or_else(|| header.path_bytes().into_owned());
    let link = || extended.link.or_else(|| header.link_name_bytes().map(|link| link.into_owned()));
    // A name that is no text, too long, or leads out of the archive is one that nobody looks up.
    let known = |name: &[u8], from: &str| {
        let text = std::str::from_utf8(name).ok().filter(|text| text.len() <= NAME)?;
        clean(text, from)
    };
    let Some(name) = known(&name, "") else { return Ok(()) };
    let target = |link: Option<Vec<u8>>, from: &str| known(&link?, from).map(Named::Link);
    let named = match kind {
        EntryType::Regular | EntryType::Continuous => Some(content),
        EntryType::Link => target(link(), ""),
        EntryType::Symlink => target(link(), name.rsplit_once('/').map_or("", |(dir, _)| dir)),
        EntryType::GNUSparse => {
            let reason = "sparse files in it are not read".into();
            return Err(Error::Unsupported { what: what.to_owned(), reason });
        }
        _ => None,
    };
    if let Some(named) = named {
        found.entry(name).and_modify(|named| *named = Named::Twice).or_insert(named);
    }
    Ok(())
}

/// A name below the directory `from` without `.` and `..`; `None` when it leads out.
fn clean(name: &str, from: &str) -> Option<String> {
    let from = if name.starts_with('/') { "" } else { from };
    let mut parts: Vec<&str> = Vec::new();
    for part in from.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
#[path = "tests/read.rs"]
mod tests;
