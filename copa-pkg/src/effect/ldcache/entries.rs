//! What the cache lists after the changes.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::effect::ldcache::conf;
use crate::effect::ldcache::elf;
use crate::effect::ldcache::elf::{Library, Read};
use crate::effect::ldcache::file_format::{Cache, Entry};
use crate::effect::ldcache::strings::compare_names;
use crate::error::Result;
use crate::install::overlay::Overlay;
use crate::port::{FileKind, Root};

const HWCAPS: &str = "glibc-hwcaps";

/// What becomes of the cache.
#[derive(Debug)]
pub(super) enum Renewed {
    Same,
    Cache(Cache),
    /// Why it cannot be made again.
    Impossible(String),
}

/// Makes the cache of the new file system out of the old cache and the changes.
pub(super) fn renew(after: &Overlay<'_>, cache: &Cache) -> Result<Renewed> {
    let mut renewal = Renewal {
        after,
        cache,
        directories: Directories::of(after, cache)?,
        known: BTreeMap::new(),
        found: BTreeMap::new(),
    };
    let mut changed = renewal.keep();
    renewal.add_written(&mut changed);
    for (dir, name) in changed {
        if let Some(machine) = renewal.add(&dir, &name)? {
            let path = dir.join(name);
            let reason = format!("{} is for the unknown machine {machine}", path.display());
            return Ok(Renewed::Impossible(reason));
        }
    }
    let entries = renewal.entries();
    let set = |entries: &[Entry]| entries.iter().cloned().collect::<BTreeSet<_>>();
    if set(&entries) == set(&cache.entries) {
        return Ok(Renewed::Same);
    }
    Ok(Renewed::Cache(Cache { entries, ..cache.clone() }))
}

/// The directories that hold libraries, by physical path.
struct Directories(BTreeMap<PathBuf, Directory>);

#[derive(Debug, Clone)]
struct Directory {
    /// As the cache spells it: absolute.
    spelled: PathBuf,
    /// Its place among the directories.
    rank: usize,
}

impl Directories {
    /// Those of the configuration come first, then those that Debian's loader knows, then what
    /// else the old cache lists, such as other distributions' `/lib64`.
    fn of(after: &Overlay<'_>, cache: &Cache) -> Result<Self> {
        let listed: Vec<PathBuf> = cache.entries.iter().filter_map(listed_in).collect();
        let mut all = conf::directories(after)?;
        for dir in ["/lib", "/usr/lib"] {
            all.extend(triplets(cache).map(|triplet| Path::new(dir).join(triplet)));
        }
        all.extend(["/lib", "/usr/lib"].map(PathBuf::from));
        all.extend(listed.iter().cloned());
        let mut directories = Self(BTreeMap::new());
        for (rank, spelled) in all.iter().enumerate() {
            let Some(real) = real_directory(after, spelled) else { continue };
            let spelled = spelled.components().collect();
            directories.0.entry(real).or_insert(Directory { spelled, rank });
        }
        // The old cache's own spelling stays.
        for spelled in listed.iter().rev() {
            let known =
                real_directory(after, spelled).and_then(|real| directories.0.get_mut(&real));
            known.into_iter().for_each(|known| known.spelled.clone_from(spelled));
        }
        Ok(directories)
    }

    /// The directory that a physical one is or, by the name of `glibc-hwcaps`, belongs to.
    fn get(&self, real: &Path) -> Option<(Directory, Option<Bytes>)> {
        if let Some(found) = self.0.get(real) {
            return Some((found.clone(), None));
        }
        let (parent, name) = real.parent().zip(real.file_name())?;
        let named = name.as_bytes();
        let is_name = !named.starts_with(b".") && !named.contains(&b':');
        let above = self.0.get(parent.parent().filter(|_| parent.ends_with(HWCAPS) && is_name)?)?;
        let spelled = above.spelled.join(HWCAPS).join(name);
        Some((Directory { spelled, rank: above.rank }, Some(Bytes::copy_from_slice(named))))
    }
}

/// The directory of an entry, without the part that `glibc-hwcaps` adds.
fn listed_in(entry: &Entry) -> Option<PathBuf> {
    let dir = path(&entry.path).parent()?;
    let dir = match entry.hwcaps {
        Some(_) => dir.parent().filter(|dir| dir.ends_with(HWCAPS))?.parent()?,
        None => dir,
    };
    dir.is_absolute().then(|| dir.into())
}

fn path(bytes: &Bytes) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// Debian's names of the architectures' own directories.
fn triplets(cache: &Cache) -> impl Iterator<Item = &'static str> {
    const TRIPLETS: [(u32, &str); 9] = [
        (0x0003, "i386-linux-gnu"),
        (0x0303, "x86_64-linux-gnu"),
        (0x0403, "s390x-linux-gnu"),
        (0x0503, "powerpc64le-linux-gnu"),
        (0x0703, "mips64el-linux-gnuabi64"),
        (0x0903, "arm-linux-gnueabihf"),
        (0x0a03, "aarch64-linux-gnu"),
        (0x0b03, "arm-linux-gnueabi"),
        (0x1003, "riscv64-linux-gnu"),
    ];
    let all = cache.entries.is_empty();
    let listed: BTreeSet<u32> = cache.entries.iter().map(|entry| entry.flags).collect();
    let of = TRIPLETS.into_iter().filter(move |(flags, _)| all || listed.contains(flags));
    of.map(|(_, triplet)| triplet)
}

struct Renewal<'a> {
    after: &'a Overlay<'a>,
    cache: &'a Cache,
    directories: Directories,
    /// What the old cache says of libraries that stay, by physical path.
    known: BTreeMap<PathBuf, Library>,
    /// What is found, by directory and name.
    found: BTreeMap<(PathBuf, Bytes), Found>,
}

/// A library found under its name in a directory.
struct Found {
    entry: Entry,
    rank: usize,
    is_link: bool,
    /// The name of the file.
    file: OsString,
}

type Places = BTreeSet<(PathBuf, OsString)>;

impl Renewal<'_> {
    /// Keeps the entries of files that stay as they are. Returns where the files of others are
    /// that are still there.
    fn keep(&mut self) -> Places {
        let mut changed = Places::new();
        for entry in &self.cache.entries {
            let Some(real) = real_file(self.after, path(&entry.path)) else { continue };
            let Some((dir, name)) = path(&entry.path).parent().zip(path(&entry.path).file_name())
            else {
                continue;
            };
            let Some(dir) = real_directory(self.after, dir) else { continue };
            if self.after.is_written(&real) {
                changed.insert((dir, name.into()));
            } else {
                self.keep_entry(entry, real, &dir, name);
            }
        }
        changed
    }

    fn keep_entry(&mut self, entry: &Entry, real: PathBuf, dir: &Path, name: &OsStr) {
        let library = Library {
            soname: Some(entry.name.clone()),
            flags: entry.flags,
            isa_level: entry.hwcaps.as_ref().map_or(0, |(_, level)| *level),
        };
        // The link for the linker, `libx.so`, is listed too; the library's own name is longer.
        let length = |library: &Library| library.soname.as_ref().map_or(0, Bytes::len);
        let known = self.known.entry(real).or_insert_with(|| library.clone());
        if length(&library) > length(known) {
            *known = library;
        }
        let is_link = is_link(self.after, &dir.join(name));
        let rank = self.directories.get(dir).map_or(usize::MAX, |(dir, _)| dir.rank);
        let found = Found { entry: entry.clone(), rank, is_link, file: name.into() };
        let spelled = path(&entry.path).parent().unwrap_or(Path::new("")).to_owned();
        self.found.entry((spelled, entry.name.clone())).or_insert(found);
    }

    /// Adds the files and links that the changes write where libraries are.
    fn add_written(&self, changed: &mut Places) {
        let paths = self.after.changes().iter().filter(|(path, _)| self.after.is_written(path));
        for (dir, name) in paths.filter_map(|(path, _)| path.parent().zip(path.file_name())) {
            if is_library_name(name.as_bytes()) && self.directories.get(dir).is_some() {
                changed.insert((dir.into(), name.into()));
            }
        }
    }

    /// Adds what is at this place, if it is a library. Returns its machine if that is unknown.
    fn add(&mut self, dir: &Path, name: &OsStr) -> Result<Option<u16>> {
        let Some((directory, hwcaps)) = self.directories.get(dir) else { return Ok(None) };
        let place = dir.join(name);
        let Some(real) = real_file(self.after, &place) else { return Ok(None) };
        let library = match self.known.get(&real) {
            Some(known) => known.clone(),
            None => match self.read(&real)? {
                Read::Library(library) => library,
                Read::Other => return Ok(None),
                Read::Unknown(machine) => return Ok(Some(machine)),
            },
        };
        let link = is_link(self.after, &place);
        let own = Bytes::copy_from_slice(name.as_bytes());
        let soname = library.soname.unwrap_or_else(|| own.clone());
        let is_link = link && (own == soname || is_for_linker(&own, &soname));
        let listed = if is_link { own } else { soname };
        let file = if hwcaps.is_some() { name } else { OsStr::from_bytes(&listed) };
        let listed_path = directory.spelled.join(file);
        let loadable = !listed.is_empty() && !listed.contains(&b'/');
        if loadable && real_file(self.after, &dir.join(file)).is_some() {
            let path = Bytes::copy_from_slice(listed_path.as_os_str().as_bytes());
            let hwcaps = hwcaps.map(|name| (name, library.isa_level));
            let entry = Entry { name: listed, path, flags: library.flags, hwcaps };
            let rank = directory.rank;
            self.insert(directory.spelled, Found { entry, rank, is_link, file: name.into() });
        }
        Ok(None)
    }

    fn read(&self, path: &Path) -> Result<Read> {
        let content = self.after.read(path)?.unwrap_or_default();
        Ok(elf::read(&content, self.cache.order))
    }

    /// Of several files of one name in one directory a file wins over a link, then the newest.
    fn insert(&mut self, dir: PathBuf, found: Found) {
        let key = (dir, found.entry.name.clone());
        let wins = |other: &Found| {
            let newer = compare_names(found.file.as_bytes(), other.file.as_bytes()).is_ge();
            (!found.is_link && other.is_link) || (found.is_link == other.is_link && newer)
        };
        if self.found.get(&key).is_none_or(wins) {
            self.found.insert(key, found);
        }
    }

    fn entries(self) -> Vec<Entry> {
        let mut found: Vec<Found> = self.found.into_values().collect();
        found.sort_by(|a, b| a.entry.compare(&b.entry).then(a.rank.cmp(&b.rank)));
        found.into_iter().map(|found| found.entry).collect()
    }
}

/// The physical path of a regular file, links followed.
pub(super) fn real_file(root: &dyn Root, path: &Path) -> Option<PathBuf> {
    let real = root.real_path(path)?;
    matches!(root.stat(&real)?.kind, FileKind::Regular(_)).then_some(real)
}

/// The physical path of a directory, links followed.
fn real_directory(root: &dyn Root, path: &Path) -> Option<PathBuf> {
    let real = root.real_path(path)?;
    (root.stat(&real)?.kind == FileKind::Directory).then_some(real)
}

fn is_link(root: &dyn Root, path: &Path) -> bool {
    root.stat(path).is_some_and(|stat| matches!(stat.kind, FileKind::Symlink(_)))
}

/// Whether the link is `libx.so`, there for the linker, of the library `libx.so.1`.
fn is_for_linker(link: &[u8], soname: &[u8]) -> bool {
    link.ends_with(b".so") && soname.starts_with(link)
}

/// Whether `ldconfig` looks into files of this name.
fn is_library_name(name: &[u8]) -> bool {
    let starts = |with: &[u8]| name.starts_with(with);
    let contains = |part: &[u8]| memchr::memmem::find(name, part).is_some();
    let library = (starts(b"lib") || starts(b"ld-")) && contains(b".so");
    let unfinished = contains(b";") || name.ends_with(b".dpkg-new") || name.ends_with(b".dpkg-tmp");
    (library || starts(b"ld.so.") || starts(b"ld64.so.")) && !unfinished
}
