//! The merged file system, and paths followed inside it.

use std::ffi::OsStr;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Result;
use crate::rootfs::index::{LayerIndex, NONE, as_path};
use crate::rootfs::merge;
use crate::rootfs::merge::Slot;
use crate::rootfs::node::{Node, NodeKind};
use crate::rootfs::path::{Key, base, is_below, parent, push, push_clean};

/// As many links as Linux follows in one path.
const MAX_LINKS: usize = 40;

/// The file system that a stack of layers makes, as a container sees it. Nothing is extracted:
/// it is a sorted list of paths that points into the layers' indexes.
///
/// Paths may be given with or without the leading `/`; they come out without it. The root is the
/// empty path. Links never lead out of the root.
#[derive(Debug, Clone, Default)]
pub struct RootFs {
    layers: Vec<Arc<LayerIndex>>,
    /// Sorted by path. Nothing is below what is not a directory; every parent is there.
    slots: Vec<Slot>,
}

impl RootFs {
    /// Stacks layers, the lowest first.
    ///
    /// A layer hides what it whites out, what lay in its opaque directories, and what it replaces;
    /// a directory over a directory replaces its attributes only. A parent that a layer uses and
    /// does not list is kept when it is a directory below, and becomes an implied directory
    /// otherwise, even over a link: overlay file systems do the same.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`](crate::Error::TooLarge) when the layers add and hide more than 16
    /// million paths together.
    pub fn merge<L: Into<Arc<LayerIndex>>>(layers: impl IntoIterator<Item = L>) -> Result<Self> {
        let layers: Vec<_> = layers.into_iter().map(Into::into).collect();
        let slots = merge::merge(&layers, merge::PATHS)?;
        Ok(Self { layers, slots })
    }

    /// How many paths there are, the root included.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is nothing but the root.
    pub fn is_empty(&self) -> bool {
        self.slots.len() <= 1
    }

    /// What is at the path itself: links in its parents are followed, a link at its end is not.
    pub fn lookup(&self, path: &Path) -> Option<Node<'_>> {
        self.node(self.walk(path, false)?)
    }

    /// What is at exactly this path, no link followed: the path is physical, or nothing is there.
    pub fn at(&self, path: &Path) -> Option<Node<'_>> {
        let mut clean = Vec::new();
        push_clean(&mut clean, path.as_os_str().as_bytes());
        self.node(self.find(&clean)?)
    }

    /// The path with all links followed, inside the root; `None` when nothing is there.
    pub fn real_path(&self, path: &Path) -> Option<PathBuf> {
        let found = self.walk(path, true)?;
        self.slots.get(found).map(|slot| as_path(self.text(slot)).to_owned())
    }

    /// Everything below a directory, sorted, parents first; links in its path are followed.
    pub fn below(&self, dir: &Path) -> impl Iterator<Item = (&Path, Node<'_>)> {
        let range = self.walk(dir, true).map_or(0..0, |at| at + 1..self.end_of(at));
        self.nodes(range)
    }

    /// Everything but the root, sorted, parents first.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, Node<'_>)> {
        self.nodes(1..self.slots.len())
    }

    /// The names in a directory, sorted; links in its path are followed. Nothing when it is not a
    /// directory.
    pub fn list(&self, dir: &Path) -> impl Iterator<Item = &OsStr> {
        let range = self.walk(dir, true).map_or(0..0, |at| at + 1..self.end_of(at));
        let mut next = range.start;
        std::iter::from_fn(move || {
            let at = next;
            let slot = self.slots.get(at).filter(|_| at < range.end)?;
            next = self.end_of(at);
            Some(OsStr::from_bytes(base(self.text(slot))))
        })
    }

    /// All names of the file at a path, sorted, the path's own among them: more than one when it
    /// is hard-linked. A patch that replaces one of them must write them all.
    pub fn names_of(&self, path: &Path) -> Vec<&Path> {
        let Some(slot) = self.walk(path, false).and_then(|at| self.slots.get(at)) else {
            return Vec::new();
        };
        let same = |other: &&Slot| (other.layer, other.record) == (slot.layer, slot.record);
        if !self.is_linked(slot) {
            return vec![as_path(self.text(slot))];
        }
        self.slots.iter().filter(same).map(|slot| as_path(self.text(slot))).collect()
    }

    fn is_linked(&self, slot: &Slot) -> bool {
        let layer = self.layers.get(slot.layer as usize);
        layer.and_then(|l| l.records.get(slot.record as usize)).is_some_and(|r| r.linked)
            || slot.linked
    }

    fn nodes(&self, range: Range<usize>) -> impl Iterator<Item = (&Path, Node<'_>)> {
        range.filter_map(|at| Some((as_path(self.text(self.slots.get(at)?)), self.node(at)?)))
    }

    fn node(&self, at: usize) -> Option<Node<'_>> {
        let slot = self.slots.get(at)?;
        if slot.record == NONE {
            return Some(Node::IMPLIED);
        }
        self.layers.get(slot.layer as usize)?.node(slot.layer as usize, slot.record)
    }

    fn text(&self, slot: &Slot) -> &[u8] {
        self.layers.get(slot.path_layer as usize).map_or(b"", |layer| layer.text(slot.path))
    }

    fn find(&self, path: &[u8]) -> Option<usize> {
        self.slots.binary_search_by(|slot| Key(self.text(slot)).cmp(&Key(path))).ok()
    }

    /// The position after everything below the slot at this position.
    fn end_of(&self, at: usize) -> usize {
        let rest = self.slots.get(at + 1..).unwrap_or_default();
        let dir = self.slots.get(at).map_or(b"".as_slice(), |slot| self.text(slot));
        at + 1 + rest.partition_point(|slot| is_below(self.text(slot), dir))
    }

    /// Follows a path as a process inside the root would, and finds the slot where it ends.
    fn walk(&self, path: &Path, follow_last: bool) -> Option<usize> {
        // Components still to go, the next one last.
        let mut ahead: Vec<Vec<u8>> = Vec::new();
        prepend(&mut ahead, path.as_os_str().as_bytes());
        let mut here = Vec::new();
        let mut found = self.find(b"")?;
        let mut hops = 0;
        while let Some(component) = ahead.pop() {
            if self.node(found)?.kind != NodeKind::Directory {
                return None;
            }
            if component == b".." {
                here.truncate(parent(&here).map_or(0, <[u8]>::len));
                found = self.find(&here)?;
                continue;
            }
            let length = here.len();
            push(&mut here, &component);
            found = self.find(&here)?;
            let NodeKind::Symlink(target) = self.node(found)?.kind else { continue };
            if ahead.is_empty() && !follow_last {
                return Some(found);
            }
            hops += 1;
            if hops > MAX_LINKS {
                return None;
            }
            let target = target.as_os_str().as_bytes();
            here.truncate(if target.starts_with(b"/") { 0 } else { length });
            prepend(&mut ahead, target);
            found = self.find(&here)?;
        }
        Some(found)
    }
}

/// Puts the components of a path before those that are still to go.
fn prepend(ahead: &mut Vec<Vec<u8>>, path: &[u8]) {
    let components = path.rsplit(|&b| b == b'/').filter(|c| !matches!(*c, b"" | b"."));
    ahead.extend(components.map(<[u8]>::to_vec));
}

#[cfg(test)]
#[path = "tests/root.rs"]
mod tests;
