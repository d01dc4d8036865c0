//! A `.deb` file: `deb(5)`. Nothing in it is trusted to be well-formed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::format::deb::package::ar;
use crate::package::fetched::Package;
use crate::unpack::decompress::{Budget, decompress, is_over_limit};

/// All of `control.tar`, uncompressed.
const CONTROL_LIMIT: u64 = 16 << 20;
/// All of `data.tar`, uncompressed: the largest packages of Debian stay below it.
const DATA_LIMIT: u64 = 4 << 30;
/// However small the package is, its data may grow to this.
const DATA_FREE: u64 = 64 << 20;
/// Above [`DATA_FREE`], how many times larger than the package its data may be.
const DATA_RATIO: u64 = 1000;
/// How `xz` files begin: what Debian's packages have, and what takes long to unpack.
const XZ: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
const REPACK_LEVEL: i32 = 1;
const ENTRIES_MAX: usize = 500_000;
const PATH_MAX: usize = 4096;
const DEPTH_MAX: usize = 128;
const SCRIPTS: [&str; 5] = ["preinst", "postinst", "prerm", "postrm", "config"];

/// A `.deb` whose control members are read and whose data is still packed.
#[derive(Debug)]
pub(crate) struct Archive<'a> {
    what: &'a str,
    data: &'a [u8],
    /// How many bytes the data may unpack to.
    limit: u64,
    /// The control members.
    pub(crate) control: Control,
}

/// What is in `control.tar`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Control {
    /// The `control` file, verbatim.
    pub(crate) control: Member,
    /// The `md5sums` file, verbatim, when there is one.
    pub(crate) md5sums: Option<Member>,
    /// The paths that are configuration.
    pub(crate) conffiles: Vec<PathBuf>,
    /// Lines of the `triggers` file.
    pub(crate) triggers: Vec<String>,
    /// Maintainer scripts by name. They are read, never run.
    pub(crate) scripts: BTreeMap<String, String>,
}

/// A control member: its bytes and its modification time.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) bytes: Bytes,
    pub(crate) mtime: i64,
}

/// An entry of `data.tar`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Relative and clean, as the package spells it.
    pub(crate) path: PathBuf,
    pub(crate) kind: EntryKind,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) mtime: i64,
    pub(crate) xattrs: Vec<(String, Vec<u8>)>,
}

/// What an entry of `data.tar` is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Regular(Bytes),
    Directory,
    /// The target, as written.
    Symlink(PathBuf),
    /// The other name, relative and clean.
    Hardlink(PathBuf),
    /// A device or a pipe.
    Special,
}

impl<'a> Archive<'a> {
    /// Reads the control members of the package in `bytes`; `what` names it in errors.
    pub(crate) fn open(what: &'a str, bytes: &'a [u8]) -> Result<Self> {
        let members = ar::members(what, bytes)?;
        let format = members.first().filter(|m| m.name == "debian-binary");
        if !format.is_some_and(|m| m.data.starts_with(b"2.")) {
            return Err(malformed(what, "it does not begin with debian-binary 2.x"));
        }
        let find = |stem: &str| {
            let named = |m: &&ar::Member<'_>| is_tar_of(m.name, stem);
            members.iter().find(named).ok_or_else(|| malformed(what, format!("no {stem}.tar")))
        };
        let (control, data) = (find("control")?.data, find("data")?.data);
        let control = read_control(control).map_err(|e| of_io(what, &e, CONTROL_LIMIT))?;
        if control.control.bytes.is_empty() {
            return Err(malformed(what, "no control file"));
        }
        let limit = (data.len() as u64).saturating_mul(DATA_RATIO).clamp(DATA_FREE, DATA_LIMIT);
        Ok(Self { what, data, limit, control })
    }

    /// The same with this for `data.tar`, which [`repack`](Self::repack) made of it.
    pub(crate) fn with_repacked(mut self, data: Option<&'a [u8]>) -> Self {
        self.data = data.unwrap_or(self.data);
        self
    }

    /// All of `data.tar`, compressed such that it is quickly unpacked; `None` where it is so
    /// already.
    pub(crate) fn repack(&self) -> Result<Option<Vec<u8>>> {
        if !self.data.starts_with(XZ) {
            return Ok(None);
        }
        let failed = |e: io::Error| of_io(self.what, &e, self.limit);
        let mut packed = zstd::Encoder::new(Vec::new(), REPACK_LEVEL).map_err(failed)?;
        let mut data = decompress(self.data, self.limit).map_err(failed)?;
        io::copy(&mut data, &mut packed).map_err(failed)?;
        packed.finish().map(Some).map_err(failed)
    }

    /// Walks over `data.tar`, in its order. The root itself is left out.
    pub(crate) fn walk(
        &self,
        budget: &mut Budget,
        mut visit: impl FnMut(Entry) -> Result<()>,
    ) -> Result<()> {
        let limit = budget.limit(self.limit);
        let failed = |e: io::Error| of_io(self.what, &e, limit);
        let mut tar = tar::Archive::new(decompress(self.data, limit).map_err(failed)?);
        for (count, entry) in tar.entries().map_err(failed)?.enumerate() {
            if count >= ENTRIES_MAX {
                let limit = format!("{ENTRIES_MAX} entries");
                return Err(Error::TooLarge { what: self.what.into(), limit });
            }
            let entry = read_entry(&mut entry.map_err(failed)?).map_err(failed)?;
            if let EntryKind::Regular(content) = &entry.kind {
                budget.spend(content.len());
            }
            if !entry.path.as_os_str().is_empty() {
                visit(entry)?;
            }
        }
        // What comes after the end mark still has to decompress without an error.
        io::copy(&mut tar.into_inner(), &mut io::sink()).map_err(failed)?;
        Ok(())
    }
}

fn is_tar_of(member: &str, stem: &str) -> bool {
    let suffix = member.strip_prefix(stem).and_then(|rest| rest.strip_prefix(".tar"));
    matches!(suffix, Some("" | ".gz" | ".xz" | ".zst" | ".bz2" | ".lzma"))
}

fn malformed(what: &str, reason: impl Into<String>) -> Error {
    Error::Malformed { what: what.into(), reason: reason.into() }
}

fn of_io(what: &str, error: &io::Error, limit: u64) -> Error {
    if is_over_limit(error) {
        return Error::TooLarge { what: what.into(), limit: format!("{limit} bytes unpacked") };
    }
    malformed(what, error.to_string())
}

fn read_control(bytes: &[u8]) -> io::Result<Control> {
    let mut control = Control::default();
    let mut tar = tar::Archive::new(decompress(bytes, CONTROL_LIMIT)?);
    for entry in tar.entries()? {
        let Entry { path, kind: EntryKind::Regular(bytes), mtime, .. } = read_entry(&mut entry?)?
        else {
            continue;
        };
        let text = || String::from_utf8_lossy(&bytes).into_owned();
        match path.to_str() {
            Some("control") => control.control = Member { bytes, mtime },
            Some("md5sums") => control.md5sums = Some(Member { bytes, mtime }),
            Some("conffiles") => control.conffiles = conffiles(&bytes),
            Some("triggers") => control.triggers = text().lines().map(str::to_owned).collect(),
            Some(name) if SCRIPTS.contains(&name) => {
                control.scripts.insert(name.to_owned(), text());
            }
            _ => {}
        }
    }
    Ok(control)
}

/// `deb-conffiles(5)`: a path a line, absolute, perhaps after flags. Bad lines are no conffiles.
fn conffiles(bytes: &[u8]) -> Vec<PathBuf> {
    let path = |line: &[u8]| {
        let start = line.iter().position(|b| *b == b'/')?;
        clean(line.get(start + 1..)?.trim_ascii_end()).ok()
    };
    bytes.split(|b| *b == b'\n').filter_map(path).collect()
}

fn read_entry<R: Read>(entry: &mut tar::Entry<'_, R>) -> io::Result<Entry> {
    let path = clean(&entry.path_bytes())?;
    let target = entry.link_name_bytes().map(|bytes| bytes.into_owned());
    let target = target.ok_or_else(|| invalid(&path, "a link without a target"));
    let xattrs = xattrs(entry)?;
    let kind = match entry.header().entry_type() {
        tar::EntryType::Regular | tar::EntryType::Continuous => EntryKind::Regular(content(entry)?),
        tar::EntryType::Directory => EntryKind::Directory,
        tar::EntryType::Symlink => EntryKind::Symlink(link_target(&path, &target?)?),
        tar::EntryType::Link => EntryKind::Hardlink(clean(&target?)?),
        tar::EntryType::Char | tar::EntryType::Block | tar::EntryType::Fifo => EntryKind::Special,
        other => return Err(invalid(&path, &format!("an entry of the type {other:?}"))),
    };
    let header = entry.header();
    let mode = header.mode()? & 0o7777;
    let mtime = i64::try_from(header.mtime()?).unwrap_or(i64::MAX);
    Ok(Entry { path, kind, mode, uid: header.uid()?, gid: header.gid()?, mtime, xattrs })
}

/// The whole content. The size in the header is not believed: memory grows as bytes arrive.
fn content<R: Read>(entry: &mut tar::Entry<'_, R>) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(entry.size().min(1 << 20) as usize);
    entry.read_to_end(&mut bytes)?;
    if bytes.len() as u64 != entry.size() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes.into())
}

fn xattrs<R: Read>(entry: &mut tar::Entry<'_, R>) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut xattrs = Vec::new();
    for extension in entry.pax_extensions()?.into_iter().flatten() {
        let extension = extension?;
        let name = extension.key().ok().and_then(|key| key.strip_prefix("SCHILY.xattr."));
        xattrs.extend(name.map(|name| (name.to_owned(), extension.value_bytes().to_vec())));
    }
    xattrs.sort();
    Ok(xattrs)
}

fn link_target(path: &Path, target: &[u8]) -> io::Result<PathBuf> {
    if target.is_empty() || target.len() > PATH_MAX || target.contains(&0) {
        return Err(invalid(path, "a link with a bad target"));
    }
    Ok(OsStr::from_bytes(target).into())
}

/// The path, relative and without `.`; refused when it is absolute, has `..` or NUL in it.
fn clean(path: &[u8]) -> io::Result<PathBuf> {
    let shown = Path::new(OsStr::from_bytes(path));
    if path.len() > PATH_MAX || path.contains(&0) {
        return Err(invalid(shown, "a path that no file can have"));
    }
    let mut clean = PathBuf::new();
    for component in shown.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            _ => return Err(invalid(shown, "a path that leads out of the root")),
        }
    }
    if clean.components().count() > DEPTH_MAX {
        return Err(invalid(shown, "a path that is too deep"));
    }
    Ok(clean)
}

fn invalid(path: &Path, reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{}: {reason}", path.display()))
}

/// The data of a package, compressed such that it is quickly unpacked, where that is worth it.
///
/// # Errors
///
/// [`Error::Malformed`] and [`Error::TooLarge`] when it cannot be read.
pub(crate) fn repack(package: &Package) -> Result<Option<Vec<u8>>> {
    Archive::open(&package.candidate.name, &package.bytes)?.repack()
}

#[cfg(test)]
#[path = "tests/archive.rs"]
mod tests;
