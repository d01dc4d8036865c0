//! The files of a package. Nothing in it is trusted to be well-formed.
//!
//! What a file is, is said by the header; the payload has only the content. Hard links share the
//! content of the last of them, and files that are only listed (ghosts) have none.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::format::rpm::package::caps;
use crate::format::rpm::package::cpio::{Entry, Reader};
use crate::format::rpm::package::file::PackageFile;
use crate::format::rpm::package::header::Header;
use crate::format::rpm::package::tag::Tag;
use crate::unpack::decompress::{Budget, decompress, is_over_limit};

/// The whole payload, uncompressed: the largest packages of distributions stay below it.
const LIMIT: u64 = 4 << 30;
/// However small the package is, its payload may grow to this.
const FREE: u64 = 64 << 20;
/// Above [`FREE`], how many times larger than the package its payload may be.
const RATIO: u64 = 1000;
const FILES_MAX: usize = 500_000;
/// The lists of a header that describe files.
const FILE_TAGS: [Tag; 17] = [
    Tag::BASENAMES,
    Tag::DIRNAMES,
    Tag::DIRINDEXES,
    Tag::OLDFILENAMES,
    Tag::FILEMODES,
    Tag::FILESIZES,
    Tag::LONGFILESIZES,
    Tag::FILEMTIMES,
    Tag::FILEFLAGS,
    Tag::FILECOLORS,
    Tag::FILEINODES,
    Tag::FILEDEVICES,
    Tag::FILEUSERNAME,
    Tag::FILEGROUPNAME,
    Tag::FILEDIGESTS,
    Tag::FILELINKTOS,
    Tag::FILECAPS,
];
const PATH_MAX: usize = 4096;
/// Bytes in all paths of a package.
const PATHS_MAX: usize = 128 << 20;

const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const SYMLINK: u32 = 0o120_000;

/// A package whose headers are read and whose payload is still packed.
#[derive(Debug)]
pub(crate) struct Archive {
    what: String,
    /// The headers.
    pub(crate) package: PackageFile,
    /// The files, in the header's order.
    pub(crate) files: Vec<File>,
}

/// A file of a package, as the header describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// Relative and clean.
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
    /// Permission bits with setuid, setgid and sticky.
    pub(crate) mode: u32,
    pub(crate) size: u64,
    pub(crate) mtime: i64,
    /// The owner's name.
    pub(crate) user: String,
    /// The group's name.
    pub(crate) group: String,
    /// Hexadecimal digits; empty when it is no regular file or a ghost.
    pub(crate) digest: String,
    pub(crate) flags: Flags,
    /// The value of `security.capability`.
    pub(crate) capability: Option<Vec<u8>>,
    /// Bits of the ELF class: 1 for 32 bits, 2 for 64.
    pub(crate) color: u32,
    /// The number of the first file that is the same one: its own, or that of a hard link.
    pub(crate) first: usize,
}

/// What a file of a package is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Regular,
    Directory,
    /// The target, as written.
    Symlink(PathBuf),
    /// A device, a pipe, a socket.
    Special,
}

/// What the package says of a file: `rpmfileAttrs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flags(pub(crate) u32);

impl Flags {
    const CONFIG: u32 = 1;
    const DOC: u32 = 1 << 1;
    const MISSING_OK: u32 = 1 << 3;
    const NO_REPLACE: u32 = 1 << 4;
    const GHOST: u32 = 1 << 6;
    const LICENSE: u32 = 1 << 7;

    /// Configuration: what the user changed of it stays or is put aside.
    pub(crate) fn is_config(self) -> bool {
        self.0 & Self::CONFIG != 0
    }

    /// Documentation, which images leave out, and no licence.
    pub(crate) fn is_doc(self) -> bool {
        self.0 & Self::DOC != 0 && self.0 & Self::LICENSE == 0
    }

    /// Whether it may be missing.
    pub(crate) fn may_be_missing(self) -> bool {
        self.0 & Self::MISSING_OK != 0
    }

    /// Configuration that is not replaced when the user changed it.
    pub(crate) fn is_no_replace(self) -> bool {
        self.0 & Self::NO_REPLACE != 0
    }

    /// Owned and not in the package.
    pub(crate) fn is_ghost(self) -> bool {
        self.0 & Self::GHOST != 0
    }
}

impl Archive {
    /// Reads the headers of the package in `bytes`; `what` names it in errors.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] when it is no package, or a path in it leads elsewhere;
    /// [`Error::TooLarge`] when it has more files than this program reads.
    pub(crate) fn open(what: &str, bytes: &Bytes) -> Result<Self> {
        let package = PackageFile::parse(what, bytes)?;
        let files = files(what, &package.header)?;
        Ok(Self { what: what.into(), package, files })
    }

    /// The content of all regular files that have one, by their number. Hard links have that of
    /// the last of them, under the number of each.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] when the payload is not what the header describes, [`Error::TooLarge`]
    /// when it is larger than this program reads, or than what is left of the budget,
    /// [`Error::Unsupported`] when it is no cpio.
    pub(crate) fn contents(&self, budget: &mut Budget) -> Result<BTreeMap<usize, Bytes>> {
        let format = self.package.header.text(Tag::PAYLOADFORMAT);
        if let Some(format) = format.filter(|format| format != "cpio") {
            let reason = format!("its payload is in the format {format}");
            return Err(Error::Unsupported { what: self.what.clone(), reason });
        }
        if self.package.payload.is_empty() || !self.files.iter().any(|f| !f.flags.is_ghost()) {
            return self.complete(BTreeMap::new());
        }
        let payload = &self.package.payload;
        let limit = (payload.len() as u64).saturating_mul(RATIO).clamp(FREE, LIMIT);
        let limit = budget.limit(limit);
        let read = decompress(payload, limit).and_then(|reader| self.unpack(reader));
        let found = read.map_err(|e| match is_over_limit(&e) {
            true => Error::TooLarge { what: self.what.clone(), limit: format!("{limit} bytes") },
            false => malformed(&self.what, &format!("its payload: {e}")),
        })?;
        budget.spend(found.values().map(Bytes::len).sum());
        self.complete(found)
    }

    fn unpack(&self, source: impl Read) -> io::Result<BTreeMap<usize, Bytes>> {
        let by_path: BTreeMap<&Path, usize> =
            self.files.iter().enumerate().map(|(i, file)| (file.path.as_path(), i)).collect();
        let last = self.last_links();
        let mut reader = Reader::new(source);
        let mut found = BTreeMap::new();
        while let Some(entry) = reader.next()? {
            let (number, length) = match entry {
                Entry::Named(name, size) => {
                    let path = Path::new(OsStr::from_bytes(&name));
                    let number = clean(path).and_then(|path| by_path.get(&*path).copied());
                    (number.ok_or_else(|| unlisted(&name))?, u64::from(size))
                }
                Entry::Numbered(number) => {
                    let number = number as usize;
                    let file = self.files.get(number).ok_or_else(|| unlisted(b"a number"))?;
                    (number, self.stripped_length(number, file, &last))
                }
            };
            let file = self.files.get(number).ok_or_else(|| unlisted(b"a number"))?;
            if length > 0 && length != file.size {
                return Err(io::Error::other(format!(
                    "{} has {length} bytes, the header says {}",
                    file.path.display(),
                    file.size
                )));
            }
            let data = reader.data(length)?;
            let has_content = file.kind == Kind::Regular && (length > 0 || file.size == 0);
            if has_content && found.insert(number, Bytes::from(data)).is_some() {
                return Err(io::Error::other(format!("{} is there twice", file.path.display())));
            }
        }
        Ok(found)
    }

    /// How much data a numbered entry has: the header knows.
    fn stripped_length(&self, number: usize, file: &File, last: &BTreeMap<usize, usize>) -> u64 {
        match file.kind {
            Kind::Regular if last.get(&file.first) == Some(&number) => file.size,
            Kind::Symlink(_) => file.size,
            _ => 0,
        }
    }

    /// What names the package in errors.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// The groups of hard links, by the number of the first of each.
    pub(crate) fn linked(&self) -> BTreeSet<usize> {
        let links = self.files.iter().enumerate().filter(|(i, file)| file.first != *i);
        links.map(|(_, file)| file.first).collect()
    }

    /// The number of the last of each group of hard links, by that of the first.
    fn last_links(&self) -> BTreeMap<usize, usize> {
        self.files.iter().enumerate().map(|(i, file)| (file.first, i)).collect()
    }

    /// Gives hard links their content; makes sure that no file lacks its own.
    fn complete(&self, mut found: BTreeMap<usize, Bytes>) -> Result<BTreeMap<usize, Bytes>> {
        let mut groups: BTreeMap<usize, Bytes> = BTreeMap::new();
        for (number, data) in &found {
            let first = self.files.get(*number).map_or(*number, |file| file.first);
            groups.insert(first, data.clone());
        }
        for (number, file) in self.files.iter().enumerate() {
            if file.kind != Kind::Regular || file.flags.is_ghost() || found.contains_key(&number) {
                continue;
            }
            let data = groups.get(&file.first).ok_or_else(|| {
                let path = file.path.display();
                malformed(&self.what, &format!("its payload lacks {path}"))
            })?;
            if data.len() as u64 != file.size {
                let reason = format!("links to {} differ in size", file.path.display());
                return Err(malformed(&self.what, &reason));
            }
            found.insert(number, data.clone());
        }
        Ok(found)
    }
}

fn unlisted(name: &[u8]) -> io::Error {
    let name = String::from_utf8_lossy(name);
    io::Error::other(format!("it has an entry that the header does not list: {name}"))
}

/// The files that a header lists.
///
/// # Errors
///
/// [`Error::Malformed`], [`Error::TooLarge`].
pub(crate) fn files(what: &str, header: &Header) -> Result<Vec<File>> {
    let fail = |reason: &str| malformed(what, reason);
    check_size(what, header)?;
    let paths = paths(header).ok_or_else(|| fail("a path in it is none, or leads elsewhere"))?;
    let count = paths.len();
    let table = Table::read(header, count).ok_or_else(|| fail("its lists of files differ"))?;
    let mut first_of: BTreeMap<(u64, u64), usize> = BTreeMap::new();
    let mut files = Vec::with_capacity(count);
    for (i, path) in paths.into_iter().enumerate() {
        let mut file = table.file(i, path).map_err(|reason| fail(&reason))?;
        let inode = table.inodes.get(i).copied().zip(table.devices.get(i).copied());
        file.first = match inode.filter(|_| file.kind == Kind::Regular && !file.flags.is_ghost()) {
            Some(inode) => *first_of.entry(inode).or_insert(i),
            None => i,
        };
        files.push(file);
    }
    Ok(files)
}

/// Refuses too many files before a path is made: four bytes of a header make one of thousands.
fn check_size(what: &str, header: &Header) -> Result<()> {
    let too_large = |limit| Err(Error::TooLarge { what: what.into(), limit });
    let count = |tag| header.entry(tag).map_or(0, |entry| entry.count as usize);
    if FILE_TAGS.into_iter().any(|tag| count(tag) > FILES_MAX) {
        return too_large(format!("{FILES_MAX} files"));
    }
    let directories: Vec<usize> = header.strings(Tag::DIRNAMES).map(<[u8]>::len).collect();
    let length = |index: u64| directories.get(usize::try_from(index).ok()?).copied();
    let lengths = header.numbers(Tag::DIRINDEXES).take(FILES_MAX).filter_map(length);
    if lengths.fold(0, usize::saturating_add) > PATHS_MAX {
        return too_large(format!("{PATHS_MAX} bytes of paths"));
    }
    Ok(())
}

/// The paths of the files. `None` when one is not below the root.
fn paths(header: &Header) -> Option<Vec<PathBuf>> {
    let absolute = |bytes: &[u8]| clean(Path::new(OsStr::from_bytes(bytes.strip_prefix(b"/")?)));
    // As rpm: of both ways to name files the newer counts.
    if header.has(Tag::OLDFILENAMES) && !header.has(Tag::DIRNAMES) {
        return header.strings(Tag::OLDFILENAMES).map(absolute).collect();
    }
    let directories: Vec<&[u8]> = header.strings(Tag::DIRNAMES).collect();
    let indexes = header.numbers(Tag::DIRINDEXES);
    let names: Vec<&[u8]> = header.strings(Tag::BASENAMES).collect();
    let paths: Vec<PathBuf> = names
        .iter()
        .zip(indexes)
        .map(|(name, index)| {
            let directory = directories.get(usize::try_from(index).ok()?)?;
            let legal = !name.contains(&b'/') && !matches!(*name, b"." | b"..");
            legal.then(|| absolute(&[directory, *name].concat()))?
        })
        .collect::<Option<_>>()?;
    (paths.len() == names.len()).then_some(paths)
}

/// The lists of a header that describe files.
struct Table<'a> {
    modes: Vec<u64>,
    sizes: Vec<u64>,
    mtimes: Vec<u64>,
    flags: Vec<u64>,
    colors: Vec<u64>,
    inodes: Vec<u64>,
    devices: Vec<u64>,
    users: Vec<&'a [u8]>,
    groups: Vec<&'a [u8]>,
    digests: Vec<&'a [u8]>,
    links: Vec<&'a [u8]>,
    caps: Vec<&'a [u8]>,
}

impl<'a> Table<'a> {
    /// `None` when a list has not as many elements as there are files.
    fn read(header: &'a Header, count: usize) -> Option<Self> {
        let numbers = |tag| header.numbers(tag).collect::<Vec<u64>>();
        let strings = |tag| header.strings(tag).collect::<Vec<&[u8]>>();
        let long = header.has(Tag::LONGFILESIZES);
        let table = Self {
            modes: numbers(Tag::FILEMODES),
            sizes: numbers(if long { Tag::LONGFILESIZES } else { Tag::FILESIZES }),
            mtimes: numbers(Tag::FILEMTIMES),
            flags: numbers(Tag::FILEFLAGS),
            colors: numbers(Tag::FILECOLORS),
            inodes: numbers(Tag::FILEINODES),
            devices: numbers(Tag::FILEDEVICES),
            users: strings(Tag::FILEUSERNAME),
            groups: strings(Tag::FILEGROUPNAME),
            digests: strings(Tag::FILEDIGESTS),
            links: strings(Tag::FILELINKTOS),
            caps: strings(Tag::FILECAPS),
        };
        let needed = [&table.modes, &table.sizes, &table.mtimes, &table.flags];
        let more = [&table.users, &table.groups, &table.digests, &table.links];
        let whole = needed.iter().all(|list| list.len() == count)
            && more.iter().all(|list| list.len() == count)
            && [table.colors.len(), table.inodes.len(), table.devices.len(), table.caps.len()]
                .iter()
                .all(|length| *length == count || *length == 0);
        (count == 0 || whole).then_some(table)
    }

    fn file(&self, i: usize, path: PathBuf) -> Result<File, String> {
        let number = |list: &[u64]| list.get(i).copied().unwrap_or_default();
        let bytes = |list: &[&'a [u8]]| list.get(i).copied().unwrap_or_default();
        let text = |list: &[&'a [u8]]| String::from_utf8_lossy(bytes(list)).into_owned();
        let mode = number(&self.modes) as u32;
        let kind = match mode & TYPE {
            REGULAR => Kind::Regular,
            DIRECTORY => Kind::Directory,
            SYMLINK => Kind::Symlink(PathBuf::from(OsStr::from_bytes(bytes(&self.links)))),
            _ => Kind::Special,
        };
        let caps = text(&self.caps);
        let capability = match caps.is_empty() {
            true => None,
            false => Some(caps::encode(&caps).ok_or_else(|| {
                format!("{} has capabilities that are none: `{caps}`", path.display())
            })?),
        };
        Ok(File {
            path,
            kind,
            mode: mode & 0o7777,
            size: number(&self.sizes),
            mtime: i64::try_from(number(&self.mtimes)).unwrap_or_default(),
            user: text(&self.users),
            group: text(&self.groups),
            digest: text(&self.digests),
            flags: Flags(number(&self.flags) as u32),
            capability,
            color: number(&self.colors) as u32,
            first: i,
        })
    }
}

/// A path below the root without `.`: `None` when it is not below the root or too long.
fn clean(path: &Path) -> Option<PathBuf> {
    if path.as_os_str().len() > PATH_MAX {
        return None;
    }
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            Component::RootDir if clean.as_os_str().is_empty() => {}
            _ => return None,
        }
    }
    Some(clean)
}

fn malformed(what: &str, reason: &str) -> Error {
    Error::Malformed { what: what.into(), reason: reason.into() }
}

#[cfg(test)]
#[path = "tests/archive.rs"]
pub(crate) mod tests;
