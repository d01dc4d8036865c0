//! Stacks the indexes of layers into one sorted list of paths.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::rootfs::index::{LayerIndex, NONE, Span, What};
use crate::rootfs::path::{Key, is_below, parent};

/// A path of the merged file system, and what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    /// The layer whose names hold the path.
    pub(super) path_layer: u32,
    pub(super) path: Span,
    /// The layer and record of what is there; no record for an implied directory.
    pub(super) layer: u32,
    pub(super) record: u32,
    /// An upper layer gave another name to this file of a lower one.
    pub(super) linked: bool,
}

/// How many paths all layers may add and hide together, implied directories among them: 16 million.
/// They take some 1 GiB while they are merged.
pub(super) const PATHS: usize = 16_000_000;

/// The merged file system while it grows.
struct Tree<'a> {
    /// What is at a path, and whether something can be below it.
    slots: BTreeMap<Key<'a>, (Slot, bool)>,
    /// How many more paths may be added or hidden. Removing a path does not give it back, or else
    /// layers could add and hide the same paths for ever.
    left: usize,
    most: usize,
}

/// Stacks the layers, the lowest first: the paths that are left, sorted.
pub(super) fn merge(layers: &[Arc<LayerIndex>], most: usize) -> Result<Vec<Slot>> {
    let root = Slot { path_layer: 0, path: Span::default(), layer: 0, record: NONE, linked: false };
    let slots = BTreeMap::from([(Key(&b""[..]), (root, true))]);
    let mut tree = Tree { slots, left: most, most };
    for (number, layer) in (0..).zip(layers) {
        hide(&mut tree, layer, number)?;
        for record in 0..layer.records.len() as u32 {
            place(&mut tree, layer, number, record)?;
        }
    }
    Ok(tree.slots.into_values().map(|(slot, _)| slot).collect())
}

impl Tree<'_> {
    /// Counts a path before it is added or hidden.
    fn count(&mut self) -> Result<()> {
        let limit = || format!("{} paths in all layers", self.most);
        let too_large = || Error::TooLarge { what: "merged file system".into(), limit: limit() };
        self.left = self.left.checked_sub(1).ok_or_else(too_large)?;
        Ok(())
    }
}

/// Removes what a layer hides, before any entry of the layer is added: whiteouts hide lower layers
/// only, wherever they stand in their own layer.
fn hide<'a>(tree: &mut Tree<'a>, layer: &'a LayerIndex, number: u32) -> Result<()> {
    for &span in &layer.opaque {
        tree.count()?;
        remove_below(tree, layer.text(span));
    }
    for &span in &layer.whiteouts {
        tree.count()?;
        remove_below(tree, layer.text(span));
        tree.slots.remove(&Key(layer.text(span)));
    }
    for &span in &layer.opaque {
        let slot =
            Slot { path_layer: number, path: span, layer: number, record: NONE, linked: false };
        imply(tree, layer, slot)?;
    }
    layer.whiteouts.iter().try_for_each(|&span| imply_parents(tree, layer, number, span))
}

/// Adds one record to the tree.
fn place<'a>(tree: &mut Tree<'a>, layer: &'a LayerIndex, number: u32, record: u32) -> Result<()> {
    let Some(entry) = layer.records.get(record as usize) else { return Ok(()) };
    tree.count()?;
    let path = layer.text(entry.path);
    let mut slot =
        Slot { path_layer: number, path: entry.path, layer: number, record, linked: false };
    match entry.what {
        What::Hardlink { record: NONE } => {
            let lower = tree.slots.get_mut(&Key(layer.text(entry.target)));
            let Some((lower, false)) = lower else {
                tracing::debug!(path = %String::from_utf8_lossy(path), "hard link to nothing");
                return Ok(());
            };
            lower.linked = true;
            slot = Slot { path_layer: number, path: entry.path, ..*lower };
        }
        What::Hardlink { record } => slot.record = record,
        _ => {}
    }
    imply_parents(tree, layer, number, entry.path)?;
    let is_directory = entry.what == What::Directory;
    if !is_directory {
        remove_below(tree, path);
    }
    if !path.is_empty() || is_directory {
        tree.slots.insert(Key(path), (slot, is_directory));
    }
    Ok(())
}

/// Makes directories of all parents of a path that are not there.
fn imply_parents<'a>(
    tree: &mut Tree<'a>,
    layer: &'a LayerIndex,
    number: u32,
    path: Span,
) -> Result<()> {
    let Some(dir) = parent(layer.text(path)) else { return Ok(()) };
    let path = Span { start: path.start, len: dir.len() as u16 };
    let slot = Slot { path_layer: number, path, layer: number, record: NONE, linked: false };
    imply(tree, layer, slot)
}

/// Makes a directory of a path and of its parents, unless it is one.
fn imply<'a>(tree: &mut Tree<'a>, layer: &'a LayerIndex, slot: Slot) -> Result<()> {
    let mut path = layer.text(slot.path);
    loop {
        if tree.slots.get(&Key(path)).is_some_and(|&(_, is_directory)| is_directory) {
            return Ok(());
        }
        tree.count()?;
        let span = Span { start: slot.path.start, len: path.len() as u16 };
        tree.slots.insert(Key(path), (Slot { path: span, ..slot }, true));
        let Some(dir) = parent(path) else { return Ok(()) };
        path = dir;
    }
}

fn remove_below<'a>(tree: &mut Tree<'a>, dir: &'a [u8]) {
    let after = (Bound::Excluded(Key(dir)), Bound::Unbounded);
    let below = tree.slots.range(after).map(|(&key, _)| key).take_while(|key| is_below(key.0, dir));
    for key in below.collect::<Vec<_>>() {
        tree.slots.remove(&key);
    }
}

#[cfg(test)]
#[path = "tests/merge.rs"]
mod tests;
