//! A file system of values, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use md5::{Digest, Md5};

use crate::{FileKind, Result, Root, Stat};

#[derive(Debug, Clone)]
enum Node {
    File(Bytes),
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests make links"))]
    Link(PathBuf),
}

/// Files and links by path; directories are there when something is below them.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryRoot {
    nodes: BTreeMap<PathBuf, Node>,
}

impl MemoryRoot {
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let mut root = Self::default();
        for (path, text) in files {
            root.file(path, text.as_bytes());
        }
        root
    }

    pub(crate) fn file(&mut self, path: impl AsRef<Path>, bytes: &[u8]) {
        self.nodes.insert(path.as_ref().into(), Node::File(Bytes::copy_from_slice(bytes)));
    }

    #[cfg(test)]
    pub(crate) fn link(&mut self, path: &str, target: &str) {
        self.nodes.insert(path.into(), Node::Link(target.into()));
    }

    #[cfg(test)]
    /// The regular files below a real directory.
    pub(crate) fn copy(dir: &Path) -> Self {
        let mut root = Self::default();
        let mut open = vec![dir.to_owned()];
        while let Some(next) = open.pop() {
            for entry in std::fs::read_dir(&next).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => open.push(path),
                    false => {
                        root.file(path.strip_prefix(dir).unwrap(), &std::fs::read(&path).unwrap())
                    }
                }
            }
        }
        root
    }

    fn is_dir(&self, path: &Path) -> bool {
        self.nodes.keys().any(|node| node != path && node.starts_with(path))
    }

    fn resolve(&self, path: &Path, follow_last: bool, depth: u32) -> Option<PathBuf> {
        let mut real = PathBuf::new();
        let parts: Vec<_> = path.components().collect();
        for (i, part) in parts.iter().enumerate() {
            match part {
                Component::Normal(name) => real.push(name),
                Component::ParentDir => drop(real.pop()),
                _ => continue,
            }
            if let Some(Node::Link(target)) = self.nodes.get(&real) {
                let last = i + 1 == parts.len();
                if depth == 0 || (last && !follow_last) {
                    return last.then_some(real);
                }
                let base = if target.is_absolute() { Path::new("") } else { real.parent()? };
                real = self.resolve(
                    &base.join(target.strip_prefix("/").unwrap_or(target)),
                    true,
                    depth - 1,
                )?;
            }
        }
        (self.nodes.contains_key(&real) || self.is_dir(&real)).then_some(real)
    }
}

impl Root for MemoryRoot {
    fn stat(&self, path: &Path) -> Option<Stat> {
        let kind = match self.nodes.get(&self.resolve(path, false, 16)?) {
            Some(Node::File(bytes)) => FileKind::Regular(bytes.len() as u64),
            Some(Node::Link(target)) => FileKind::Symlink(target.clone()),
            None => FileKind::Directory,
        };
        Some(Stat { kind, mode: 0o644, uid: 0, gid: 0, mtime: 0, xattrs: Vec::new() })
    }

    fn real_path(&self, path: &Path) -> Option<PathBuf> {
        self.resolve(path, true, 16)
    }

    fn read(&self, path: &Path) -> Result<Option<Bytes>> {
        Ok(self.real_path(path).and_then(|path| match self.nodes.get(&path) {
            Some(Node::File(bytes)) => Some(bytes.clone()),
            _ => None,
        }))
    }

    fn md5(&self, path: &Path) -> Result<Option<[u8; 16]>> {
        Ok(self.read(path)?.map(|bytes| Md5::digest(&bytes).into()))
    }

    fn list(&self, dir: &Path) -> Vec<OsString> {
        let Some(dir) = self.real_path(dir) else { return Vec::new() };
        let below = self.nodes.keys().filter_map(|path| path.strip_prefix(&dir).ok());
        let names: BTreeSet<OsString> =
            below.filter_map(|path| Some(path.components().next()?.as_os_str().into())).collect();
        names.into_iter().collect()
    }
}

#[cfg(test)]
/// The folder of real databases and indexes, from `COPA_CORPUS`. Without it a test says loudly
/// that it tests nothing; under `CI=true` that is a failure.
#[expect(clippy::disallowed_methods, reason = "a test may read the environment")]
pub(crate) fn corpus() -> Option<PathBuf> {
    let corpus = std::env::var_os("COPA_CORPUS").map(PathBuf::from);
    if corpus.is_none() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "COPA_CORPUS is not set");
        eprintln!("SKIPPED: COPA_CORPUS is not set, nothing real was tested");
    }
    corpus
}
