//! Trees of files and links, and the changes between two of them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::fixture::root::MemoryRoot;
use crate::install::change::{ChangeSet, Content, File};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    File(Vec<u8>),
    Link(String),
}

/// By path.
pub(super) type Tree = BTreeMap<String, Item>;

pub(super) fn root(tree: &Tree) -> MemoryRoot {
    let mut root = MemoryRoot::default();
    for (path, item) in tree {
        match item {
            Item::File(bytes) => root.file(path, bytes),
            Item::Link(target) => root.link(path, target),
        }
    }
    root
}

/// What makes the one of the other.
pub(super) fn changes(old: &Tree, new: &Tree) -> ChangeSet {
    let mut changes = ChangeSet::new();
    for (path, item) in new.iter().filter(|(path, item)| old.get(*path) != Some(*item)) {
        let content = match item {
            Item::File(bytes) => Content::Regular(bytes.clone().into()),
            Item::Link(target) => Content::Symlink(target.into()),
        };
        changes.write(path, file(content));
        for dir in Path::new(path).ancestors().skip(1) {
            if !old.keys().any(|path| Path::new(path).starts_with(dir)) {
                changes.write(dir, file(Content::Directory));
            }
        }
    }
    old.keys().filter(|path| !new.contains_key(*path)).for_each(|path| changes.remove(path));
    changes
}

fn file(content: Content) -> File {
    File { content, mode: 0o644, uid: 0, gid: 0, mtime: 0, xattrs: Vec::new() }
}
