//! The normal form of a layer: sorted, no path twice, nothing below what is not a directory,
//! hard links resolved.

use crate::rootfs::index::{LayerIndex, NONE, Record, Span, What};
use crate::rootfs::path::{Key, is_below};

/// Brings what a scan found, in the order of the tar, into normal form. Where entries exclude
/// each other the later one counts, as if the tar had been unpacked.
pub(super) fn normalise(index: &mut LayerIndex) {
    let mut order: Vec<u32> = (0..index.records.len() as u32).collect();
    let path =
        |n: u32| index.records.get(n as usize).map_or(b"".as_slice(), |r| index.text(r.path));
    order.sort_unstable_by(|&a, &b| Key(path(a)).cmp(&Key(path(b))).then(a.cmp(&b)));
    let (kept, mut replaced) = surviving(index, &order);
    index.records = kept.iter().filter_map(|&n| index.records.get(n as usize).copied()).collect();
    index.records.shrink_to_fit();
    index.names.shrink_to_fit();
    replaced.append(&mut index.whiteouts);
    index.whiteouts = sorted(index, &replaced);
    index.opaque = sorted(index, &index.opaque);
    resolve_links(index);
}

/// An entry at a parent of the current path.
struct Ancestor {
    path: Span,
    /// The last entry at the path, and its place among the survivors.
    last: u32,
    place: usize,
    is_directory: bool,
    /// Entries below the path that come before this one have been replaced.
    cut: u32,
}

/// The entries that are left after all of them have been unpacked in turn, and the paths that were
/// something else before they became directories, which hide what lower layers have there.
fn surviving(index: &LayerIndex, order: &[u32]) -> (Vec<u32>, Vec<Span>) {
    let mut replaced = Vec::new();
    let record = |n: u32| index.records.get(n as usize);
    let mut kept: Vec<u32> = Vec::with_capacity(order.len());
    let mut ancestors: Vec<Ancestor> = Vec::new();
    let same_path = |&a: &u32, &b: &u32| {
        let path = |n| record(n).map(|r| index.text(r.path));
        path(a) == path(b)
    };
    for group in order.chunk_by(same_path) {
        let Some((last, found)) = group.last().and_then(|&n| Some((n, record(n)?))) else {
            continue;
        };
        while ancestors
            .last()
            .is_some_and(|a| !is_below(index.text(found.path), index.text(a.path)))
        {
            ancestors.pop();
        }
        let inherited = ancestors.last().map_or(0, |a| a.cut);
        if last < inherited {
            continue;
        }
        let blocking = |n: &&u32| record(**n).is_some_and(|r| r.what != What::Directory);
        let blocked = group.iter().rfind(blocking);
        let cut = blocked.map_or(inherited, |&n| inherited.max(n));
        if blocked.is_some() && found.what == What::Directory {
            replaced.push(found.path);
        }
        for ancestor in ancestors.iter_mut().filter(|a| !a.is_directory) {
            make_room(ancestor, &mut kept);
            replaced.push(ancestor.path);
        }
        ancestors.push(Ancestor {
            path: found.path,
            last,
            place: kept.len(),
            is_directory: found.what == What::Directory,
            cut,
        });
        kept.push(last);
    }
    kept.retain(|&n| n != NONE);
    (kept, replaced)
}

/// An implied directory replaces this entry, which is none, because a later entry is below it.
fn make_room(ancestor: &mut Ancestor, kept: &mut [u32]) {
    ancestor.is_directory = true;
    if let Some(place) = kept.get_mut(ancestor.place).filter(|n| **n == ancestor.last) {
        *place = NONE;
    }
}

fn sorted(index: &LayerIndex, spans: &[Span]) -> Vec<Span> {
    let mut spans = spans.to_vec();
    spans.sort_by_key(|&span| Key(index.text(span)));
    spans.dedup_by_key(|span| index.text(*span).to_vec());
    spans
}

#[derive(Clone, Copy, PartialEq)]
enum Link {
    Unknown,
    Walking,
    /// To this record, or to nothing here.
    To(u32),
}

/// Finds the file that each hard link names, through other hard links and in any order.
fn resolve_links(index: &mut LayerIndex) {
    let is_link = |record: &Record| matches!(record.what, What::Hardlink { .. });
    if !index.records.iter().any(is_link) {
        return;
    }
    let mut links = vec![Link::Unknown; index.records.len()];
    for at in 0..index.records.len() as u32 {
        resolve_link(index, &mut links, at);
    }
    for (at, link) in links.iter().enumerate() {
        let Link::To(target) = *link else { continue };
        if target as usize == at {
            continue;
        }
        if let Some(record) = index.records.get_mut(target as usize) {
            record.linked = true;
        }
        if let Some(record) = index.records.get_mut(at) {
            record.what = What::Hardlink { record: target };
        }
    }
}

fn resolve_link(index: &LayerIndex, links: &mut [Link], start: u32) {
    let mut walked = Vec::new();
    let mut at = start;
    let end = loop {
        match links.get(at as usize) {
            None | Some(Link::Walking) => break NONE,
            Some(&Link::To(known)) => break known,
            Some(Link::Unknown) => {}
        }
        let Some(record) = index.records.get(at as usize) else { break NONE };
        if record.what == What::Directory && at != start {
            break NONE;
        }
        walked.push(at);
        set(links, at, Link::Walking);
        match record.what {
            What::Hardlink { .. } => at = index.find(index.text(record.target)).unwrap_or(NONE),
            _ => break at,
        }
    };
    // A link to a directory, a circle, or a file of a lower layer ends in nothing here.
    let end = if is_directory(index, end) && end != start { NONE } else { end };
    walked.iter().for_each(|&at| set(links, at, Link::To(end)));
}

fn is_directory(index: &LayerIndex, record: u32) -> bool {
    index.records.get(record as usize).is_some_and(|r| r.what == What::Directory)
}

fn set(links: &mut [Link], at: u32, link: Link) {
    if let Some(place) = links.get_mut(at as usize) {
        *place = link;
    }
}
