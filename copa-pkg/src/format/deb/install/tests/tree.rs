//! A file system of values, with owners, modes and times: what change sets are tried on.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::Bound;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use md5::{Digest, Md5};

use crate::error::Result;
use crate::install::change::{Change, ChangeSet, Content};
use crate::install::paths::join;
use crate::port::{Algorithms, Digests, FileKind, Root, Stat};

#[derive(Debug, Clone, Default)]
pub(super) struct Tree(BTreeMap<PathBuf, (Stat, Bytes)>);

fn stat(kind: FileKind, mode: u32, mtime: i64) -> Stat {
    Stat { kind, mode, uid: 0, gid: 0, mtime, xattrs: Vec::new() }
}

impl Tree {
    fn put(&mut self, path: &Path, stat: Stat, content: Bytes) {
        for dir in path.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty()) {
            let dir = self.0.entry(dir.into());
            dir.or_insert_with(|| (self::stat(FileKind::Directory, 0o755, 0), Bytes::new()));
        }
        self.0.insert(path.into(), (stat, content));
    }

    pub(super) fn file(&mut self, path: &str, content: impl AsRef<[u8]>, mtime: i64) -> &mut Self {
        let content = Bytes::copy_from_slice(content.as_ref());
        let kind = FileKind::Regular(content.len() as u64);
        self.put(Path::new(path), stat(kind, 0o644, mtime), content);
        self
    }

    pub(super) fn link(&mut self, path: &str, target: &str, mtime: i64) -> &mut Self {
        let kind = FileKind::Symlink(target.into());
        self.put(Path::new(path), stat(kind, 0o777, mtime), Bytes::new());
        self
    }

    pub(super) fn directory(&mut self, path: &str) -> &mut Self {
        self.put(Path::new(path), stat(FileKind::Directory, 0o755, 0), Bytes::new());
        self
    }

    pub(super) fn mode(&mut self, path: &str, mode: u32) -> &mut Self {
        self.0.get_mut(Path::new(path)).unwrap().0.mode = mode;
        self
    }

    pub(super) fn xattr(&mut self, path: &str, name: &str, value: &[u8]) -> &mut Self {
        let stat = &mut self.0.get_mut(Path::new(path)).unwrap().0;
        stat.xattrs.push((name.into(), value.into()));
        self
    }

    /// The path and everything below it goes.
    pub(super) fn remove(&mut self, path: impl AsRef<Path>) -> &mut Self {
        self.0.retain(|other, _| !other.starts_with(path.as_ref()));
        self
    }

    pub(super) fn text(&self, path: &str) -> Option<String> {
        let (_, content) = self.0.get(Path::new(path))?;
        Some(String::from_utf8_lossy(content).into_owned())
    }

    pub(super) fn is_file(&self, path: &Path) -> bool {
        let node = self.0.get(path);
        node.is_some_and(|(stat, _)| matches!(stat.kind, FileKind::Regular(_)))
    }

    pub(super) fn kind(&self, path: &str) -> Option<FileKind> {
        self.0.get(Path::new(path)).map(|(stat, _)| stat.kind.clone())
    }

    /// The tree after the changes, as a layer makes it; the changes have to be ones that a layer
    /// can make.
    pub(super) fn after(&self, changes: &ChangeSet) -> Self {
        let mut tree = self.clone();
        for (path, change) in changes.iter() {
            let Change::Write(file) = change else {
                assert!(
                    tree.0.contains_key(path),
                    "removes {}, which is not there",
                    path.display()
                );
                tree.remove(path);
                continue;
            };
            let parent = path.parent().unwrap();
            let parent_kind = tree.0.get(parent).map(|(stat, _)| stat.kind.clone());
            let fits = parent.as_os_str().is_empty() || parent_kind == Some(FileKind::Directory);
            assert!(fits, "{} is in no directory: {parent_kind:?}", path.display());
            let (kind, content) = match &file.content {
                Content::Regular(content) => {
                    (FileKind::Regular(content.len() as u64), content.clone())
                }
                Content::Directory => (FileKind::Directory, Bytes::new()),
                Content::Symlink(target) => (FileKind::Symlink(target.clone()), Bytes::new()),
                Content::Hardlink(target) => {
                    let Some(Change::Write(file)) = changes.get(target) else {
                        panic!("dead hard link")
                    };
                    let Content::Regular(content) = &file.content else { panic!("dead hard link") };
                    (FileKind::Regular(content.len() as u64), content.clone())
                }
            };
            if kind != FileKind::Directory {
                tree.remove(path);
            }
            let (mode, uid, gid, mtime) = (file.mode, file.uid, file.gid, file.mtime);
            let stat = Stat { kind, mode, uid, gid, mtime, xattrs: file.xattrs.clone() };
            tree.0.insert(path.into(), (stat, content));
        }
        tree
    }

    /// What differs, times and the modes of links aside.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let facts = |tree: &Self, path: &PathBuf| {
            let (stat, content) = tree.0.get(path)?.clone();
            let mode = if matches!(stat.kind, FileKind::Symlink(_)) { 0 } else { stat.mode };
            let sum = hex::encode(Md5::digest(&content));
            Some(format!(
                "{:?} {mode:o} {}:{} {:?} {sum}",
                stat.kind, stat.uid, stat.gid, stat.xattrs
            ))
        };
        let all: std::collections::BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        let pairs = all.into_iter().map(|path| (path, facts(self, path), facts(other, path)));
        let different = pairs.filter(|(_, one, other)| one != other);
        different
            .map(|(path, one, other)| format!("{}: {one:?} {other:?}", path.display()))
            .collect()
    }

    fn resolve(&self, path: &Path, follow: bool, links: u32) -> Option<PathBuf> {
        let Some(name) = path.file_name() else { return Some(PathBuf::new()) };
        let parent = self.resolve(path.parent()?, true, links)?;
        let path = parent.join(name);
        match &self.0.get(&path)?.0.kind {
            FileKind::Symlink(target) if follow && links > 0 => {
                self.resolve(&join(&parent, target), true, links - 1)
            }
            _ => Some(path),
        }
    }
}

impl Root for Tree {
    fn stat(&self, path: &Path) -> Option<Stat> {
        Some(self.0.get(&self.resolve(path, false, 40)?)?.0.clone())
    }

    fn real_path(&self, path: &Path) -> Option<PathBuf> {
        self.resolve(path, true, 40)
    }

    fn read(&self, path: &Path) -> Result<Option<Bytes>> {
        let node = self.real_path(path).and_then(|path| self.0.get(&path));
        let file = node.filter(|(stat, _)| matches!(stat.kind, FileKind::Regular(_)));
        Ok(file.map(|(_, content)| content.clone()))
    }

    fn digests(
        &self,
        wanted: &BTreeMap<PathBuf, Algorithms>,
    ) -> Result<BTreeMap<PathBuf, Digests>> {
        let mut found = BTreeMap::new();
        for (path, algorithms) in wanted {
            let content = self.read(path)?;
            found.extend(content.map(|c| (path.clone(), Digests::of(&c, *algorithms))));
        }
        Ok(found)
    }

    fn list(&self, dir: &Path) -> Vec<OsString> {
        let Some(dir) = self.real_path(dir) else { return Vec::new() };
        let below = self.0.range::<Path, _>((Bound::Excluded(&*dir), Bound::Unbounded));
        let below = below.take_while(|(path, _)| path.starts_with(&dir));
        below
            .filter(|(path, _)| path.parent() == Some(&dir))
            .map(|(path, _)| path.file_name().unwrap().into())
            .collect()
    }
}
