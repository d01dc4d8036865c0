//! What changes, path by path.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::{Path, PathBuf};

use bytes::Bytes;

/// What changes in the file system: sorted, one change a path. Paths are physical: no component
/// but the last is a link in the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeSet {
    changes: BTreeMap<PathBuf, Change>,
}

/// What happens at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// It becomes this.
    Write(File),
    /// It goes, with everything below it.
    Remove,
}

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What it is.
    pub content: Content,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u64,
    /// Numeric group.
    pub gid: u64,
    /// Modification time, seconds since 1970.
    pub mtime: i64,
    /// Extended attributes, such as `security.capability`.
    pub xattrs: Vec<(String, Vec<u8>)>,
}

/// What a file to be written is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// A regular file.
    Regular(Bytes),
    /// A directory, itself: what is below it stays.
    Directory,
    /// A symbolic link and its target, as written.
    Symlink(PathBuf),
    /// Another name of a regular file that this change set writes.
    Hardlink(PathBuf),
}

impl File {
    /// A directory that no package describes.
    pub(crate) fn plain_directory() -> Self {
        let content = Content::Directory;
        Self { content, mode: 0o755, uid: 0, gid: 0, mtime: 0, xattrs: Vec::new() }
    }
}

impl ChangeSet {
    /// Nothing changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// The path becomes this file, whatever was said of the path before.
    pub fn write(&mut self, path: impl Into<PathBuf>, file: File) {
        self.changes.insert(path.into(), Change::Write(file));
    }

    /// The path goes, unless something is written there.
    pub fn remove(&mut self, path: impl Into<PathBuf>) {
        self.changes.entry(path.into()).or_insert(Change::Remove);
    }

    /// This happens at the path, whatever was said of it before.
    pub(crate) fn put(&mut self, path: PathBuf, change: Change) {
        self.changes.insert(path, change);
    }

    /// What happens at the path.
    pub fn get(&self, path: &Path) -> Option<&Change> {
        self.changes.get(path)
    }

    /// All changes, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &Change)> {
        self.changes.iter().map(|(path, change)| (path.as_path(), change))
    }

    /// What happens below the path, sorted by path.
    pub(crate) fn below(&self, path: &Path) -> impl Iterator<Item = (&Path, &Change)> {
        let below = self.changes.range::<Path, _>((Bound::Excluded(path), Bound::Unbounded));
        let below = below.take_while(move |(other, _)| other.starts_with(path));
        below.map(|(other, change)| (other.as_path(), change))
    }

    /// Whether something below the path is written.
    pub(crate) fn writes_below(&self, path: &Path) -> bool {
        self.below(path).any(|(_, change)| matches!(change, Change::Write(_)))
    }

    /// How many paths change.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl IntoIterator for ChangeSet {
    type Item = (PathBuf, Change);
    type IntoIter = std::collections::btree_map::IntoIter<PathBuf, Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.changes.into_iter()
    }
}
