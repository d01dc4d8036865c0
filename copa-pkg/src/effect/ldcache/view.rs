//! The file system as it will be: the image, and what changes in it.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

use crate::error::Result;
use crate::install::change::{Change, ChangeSet, Content};
use crate::port::{FileKind, Root};

/// As many links are followed on the way to one path.
const LINKS_MAX: u32 = 40;
/// As many names are walked through on the way to one path.
const NAMES_MAX: u32 = 4096;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    File,
    Directory,
    Link(PathBuf),
    Special,
}

/// The image after the changes.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) root: &'a dyn Root,
    pub(super) changes: &'a ChangeSet,
}

impl View<'_> {
    /// What is at this physical path itself.
    pub(super) fn node(&self, path: &Path) -> Option<Node> {
        if path.as_os_str().is_empty() {
            return Some(Node::Directory);
        }
        match self.changes.get(path) {
            Some(Change::Write(file)) => Some(written(&file.content)),
            Some(Change::Remove) => None,
            None if self.is_hidden(path) => None,
            None => self.root.stat(path).map(|stat| match stat.kind {
                FileKind::Regular(_) => Node::File,
                FileKind::Directory => Node::Directory,
                FileKind::Symlink(target) => Node::Link(target),
                FileKind::Special => Node::Special,
            }),
        }
    }

    /// Whether the image's own things below this path's parent are gone.
    fn is_hidden(&self, path: &Path) -> bool {
        let is_dir = |path| self.root.stat(path).is_some_and(|s| s.kind == FileKind::Directory);
        path.ancestors().skip(1).any(|above| match self.changes.get(above) {
            Some(Change::Write(file)) => file.content != Content::Directory || !is_dir(above),
            Some(Change::Remove) => true,
            None => false,
        })
    }

    /// The physical path and what is there, all links followed.
    pub(super) fn real(&self, path: &Path) -> Option<(PathBuf, Node)> {
        let mut todo = names_from_the_last(path);
        let (mut real, mut links) = (PathBuf::new(), LINKS_MAX);
        for _ in 0..NAMES_MAX {
            let Some(name) = todo.pop() else {
                let node = self.node(&real)?;
                return Some((real, node));
            };
            if name == ".." {
                real.pop();
                continue;
            }
            real.push(name);
            if let Node::Link(target) = self.node(&real)? {
                links = links.checked_sub(1)?;
                real.pop();
                if target.is_absolute() {
                    real = PathBuf::new();
                }
                todo.extend(names_from_the_last(&target));
            }
        }
        None
    }

    /// The physical path of a regular file, links followed.
    pub(super) fn file(&self, path: &Path) -> Option<PathBuf> {
        self.real(path).filter(|(_, node)| *node == Node::File).map(|(path, _)| path)
    }

    /// The physical path of a directory, links followed.
    pub(super) fn directory(&self, path: &Path) -> Option<PathBuf> {
        self.real(path).filter(|(_, node)| *node == Node::Directory).map(|(path, _)| path)
    }

    /// Whether the content at this physical path comes from the changes.
    pub(super) fn is_written(&self, path: &Path) -> bool {
        matches!(self.changes.get(path), Some(Change::Write(_)))
    }

    /// The content of the regular file at this physical path.
    pub(super) fn read(&self, path: &Path) -> Result<Bytes> {
        let content = |path: &Path| match self.changes.get(path) {
            Some(Change::Write(file)) => Some(&file.content),
            _ => None,
        };
        let source = match content(path) {
            Some(Content::Hardlink(other)) => content(other),
            other => other,
        };
        match source {
            Some(Content::Regular(bytes)) => Ok(bytes.clone()),
            Some(_) => Ok(Bytes::new()),
            None => Ok(self.root.read(path)?.unwrap_or_default()),
        }
    }

    /// The names in this physical directory, sorted.
    pub(super) fn list(&self, dir: &Path) -> BTreeSet<OsString> {
        let below = self.changes.iter().map(|(path, _)| path);
        let below = below.filter(|path| path.parent() == Some(dir)).filter_map(Path::file_name);
        let names = self.root.list(dir).into_iter().chain(below.map(OsStr::to_owned));
        names.filter(|name| self.node(&dir.join(name)).is_some()).collect()
    }
}

fn written(content: &Content) -> Node {
    match content {
        Content::Regular(_) | Content::Hardlink(_) => Node::File,
        Content::Directory => Node::Directory,
        Content::Symlink(target) => Node::Link(target.clone()),
    }
}

/// The names in the path, `..` among them, the last one first.
fn names_from_the_last(path: &Path) -> Vec<OsString> {
    let named = |c: &Component<'_>| matches!(c, Component::Normal(_) | Component::ParentDir);
    path.components().rev().filter(named).map(|c| c.as_os_str().to_owned()).collect()
}
