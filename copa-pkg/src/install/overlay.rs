//! The image as it will be: the file system as it is, and what changes in it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

use crate::error::Result;
use crate::install::change::{Change, ChangeSet, Content, File};
use crate::port::{Algorithms, Digests, FileKind, Root, Stat};

/// As many links are followed on the way to one path, as in Linux.
const LINKS_MAX: u32 = 40;
/// As many names are walked through on the way to one path.
const NAMES_MAX: u32 = 4096;

/// The file system below with the changes laid over it, as the patch layer will be laid over the
/// layers of the image.
///
/// What a change removes is gone with everything below it, before anything is written. A directory
/// that is written keeps what was in it. Directories above what is written are there, whether the
/// changes write them or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Overlay<'a> {
    below: &'a dyn Root,
    changes: &'a ChangeSet,
}

/// What is at a physical path.
#[derive(Debug)]
enum Found<'a> {
    /// The changes write it; of a hard link, the file that it names.
    Written(&'a File),
    /// A directory that nobody describes, above something that is written.
    Implied,
    /// It stays as it is.
    Stays(Stat),
}

/// A physical path, and what is there.
#[derive(Debug)]
struct Place<'a> {
    path: PathBuf,
    found: Found<'a>,
    /// Whether the entries that the image has below this path are gone.
    is_emptied: bool,
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(below: &'a dyn Root, changes: &'a ChangeSet) -> Self {
        Self { below, changes }
    }

    /// What changes.
    pub(crate) fn changes(&self) -> &'a ChangeSet {
        self.changes
    }

    /// Whether the changes write what is at this physical path.
    pub(crate) fn is_written(&self, path: &Path) -> bool {
        matches!(self.changes.get(path), Some(Change::Write(_)))
    }

    /// What is at this path, whose parent is a directory at a physical path.
    fn at(&self, path: PathBuf, parent_is_emptied: bool) -> Option<Place<'a>> {
        let change = self.changes.get(&path);
        let is_emptied = parent_is_emptied || matches!(change, Some(Change::Remove));
        let stays = || if is_emptied { None } else { self.below.stat(&path) };
        if let Some(Change::Write(file)) = change {
            let is_emptied = !stays().is_some_and(|stat| stat.kind == FileKind::Directory);
            let found = Found::Written(self.with_content(file)?);
            return Some(Place { path, found, is_emptied });
        }
        let is_directory = self.changes.writes_below(&path);
        let stays = stays().filter(|stat| !is_directory || stat.kind == FileKind::Directory);
        let implied = is_directory.then_some(Found::Implied);
        let is_emptied = stays.is_none();
        let found = stays.map(Found::Stays).or(implied)?;
        Some(Place { path, found, is_emptied })
    }

    /// The file, or that which it is a hard link to. `None` when there is no such file.
    fn with_content(&self, file: &'a File) -> Option<&'a File> {
        let Content::Hardlink(other) = &file.content else { return Some(file) };
        match self.changes.get(other)? {
            Change::Write(file) => Some(file).filter(|f| matches!(f.content, Content::Regular(_))),
            Change::Remove => None,
        }
    }

    /// The root itself is always there, and a directory.
    fn root(&self) -> Place<'a> {
        let path = PathBuf::new();
        let (found, is_emptied) = match self.changes.get(&path) {
            Some(Change::Write(file)) => (Found::Written(file), false),
            Some(Change::Remove) => (Found::Implied, true),
            None => (self.below.stat(&path).map_or(Found::Implied, Found::Stays), false),
        };
        Place { path, found, is_emptied }
    }

    /// Follows the path as a process inside the root would.
    fn walk(&self, path: &Path, follow_last: bool) -> Option<Place<'a>> {
        // Directories on the way, the innermost last, and names still to go, the next one last.
        let (mut way, mut ahead) = (vec![self.root()], names_from_the_last(path));
        let mut links = LINKS_MAX;
        for _ in 0..NAMES_MAX {
            let Some(name) = ahead.pop() else { return way.pop() };
            let here = way.last().filter(|place| place.kind() == FileKind::Directory)?;
            if name == ".." {
                way.truncate(way.len().saturating_sub(1).max(1));
                continue;
            }
            let place = self.at(here.path.join(name), here.is_emptied)?;
            match place.kind() {
                FileKind::Symlink(target) if follow_last || !ahead.is_empty() => {
                    links = links.checked_sub(1)?;
                    way.truncate(if target.is_absolute() { 1 } else { way.len() });
                    ahead.extend(names_from_the_last(&target));
                }
                _ => way.push(place),
            }
        }
        None
    }

    /// A regular file, links followed.
    fn file(&self, path: &Path) -> Option<Place<'a>> {
        self.walk(path, true).filter(|place| matches!(place.kind(), FileKind::Regular(_)))
    }
}

impl Place<'_> {
    fn kind(&self) -> FileKind {
        match &self.found {
            Found::Written(file) => kind(&file.content),
            Found::Implied => FileKind::Directory,
            Found::Stays(stat) => stat.kind.clone(),
        }
    }

    fn stat(self) -> Stat {
        match self.found {
            Found::Written(file) => stat(file),
            Found::Implied => stat(&File::plain_directory()),
            Found::Stays(stat) => stat,
        }
    }

    /// The content of a regular file that the changes write.
    fn written(&self) -> Option<&Bytes> {
        match self.found {
            Found::Written(File { content: Content::Regular(bytes), .. }) => Some(bytes),
            _ => None,
        }
    }
}

impl Root for Overlay<'_> {
    fn stat(&self, path: &Path) -> Option<Stat> {
        self.walk(path, false).map(Place::stat)
    }

    fn real_path(&self, path: &Path) -> Option<PathBuf> {
        self.walk(path, true).map(|place| place.path)
    }

    fn read(&self, path: &Path) -> Result<Option<Bytes>> {
        let Some(place) = self.file(path) else { return Ok(None) };
        match place.written() {
            Some(bytes) => Ok(Some(bytes.clone())),
            None => self.below.read(&place.path),
        }
    }

    /// What is written is hashed here, and all that stays is asked for at once.
    fn digests(
        &self,
        wanted: &BTreeMap<PathBuf, Algorithms>,
    ) -> Result<BTreeMap<PathBuf, Digests>> {
        let (mut found, mut stays, mut below) =
            (BTreeMap::new(), BTreeMap::new(), BTreeMap::<_, Algorithms>::new());
        for (path, algorithms) in wanted {
            let Some(place) = self.file(path) else { continue };
            if let Some(bytes) = place.written() {
                found.insert(path.clone(), Digests::of(bytes, *algorithms));
                continue;
            }
            let asked = below.entry(place.path.clone()).or_default();
            *asked = asked.with(*algorithms);
            stays.insert(path.clone(), place.path);
        }
        let below = self.below.digests(&below)?;
        let answered =
            stays.into_iter().filter_map(|(path, real)| Some((path, *below.get(&real)?)));
        found.extend(answered);
        Ok(found)
    }

    fn list(&self, dir: &Path) -> Vec<OsString> {
        let Some(place) = self.walk(dir, true) else { return Vec::new() };
        if place.kind() != FileKind::Directory {
            return Vec::new();
        }
        let below = self.changes.below(&place.path).filter_map(|(path, _)| {
            path.strip_prefix(&place.path).ok()?.iter().next().map(OsStr::to_owned)
        });
        let mut names: BTreeSet<OsString> = below.collect();
        if !place.is_emptied {
            names.extend(self.below.list(&place.path));
        }
        let is_there = |name: &OsString| self.at(place.path.join(name), place.is_emptied).is_some();
        names.into_iter().filter(is_there).collect()
    }
}

fn kind(content: &Content) -> FileKind {
    match content {
        Content::Regular(bytes) => FileKind::Regular(bytes.len() as u64),
        Content::Hardlink(_) => FileKind::Regular(0),
        Content::Directory => FileKind::Directory,
        Content::Symlink(target) => FileKind::Symlink(target.clone()),
    }
}

fn stat(file: &File) -> Stat {
    let File { content, mode, uid, gid, mtime, xattrs } = file;
    let (mode, uid, gid, mtime) = (*mode, *uid, *gid, *mtime);
    Stat { kind: kind(content), mode, uid, gid, mtime, xattrs: xattrs.clone() }
}

/// The names in the path, `..` among them, the last one first.
fn names_from_the_last(path: &Path) -> Vec<OsString> {
    let named = |c: &Component<'_>| matches!(c, Component::Normal(_) | Component::ParentDir);
    path.components().rev().filter(named).map(|c| c.as_os_str().to_owned()).collect()
}

#[cfg(test)]
#[path = "tests/overlay.rs"]
mod tests;
