//! The symbolic links of a layer that is being read.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::rootfs::path::parent;

/// Which record is the symbolic link at a path. All directories above a path are looked up at the
/// cost of reading the path once.
///
/// Paths are told apart by their hashes alone. The key of the hash is random, so nobody can make two
/// of them collide; by chance it happens in one of a million layers with four million links.
#[derive(Default)]
pub(super) struct Links {
    key: RandomState,
    records: HashMap<u64, u32>,
}

impl Links {
    /// Notes that there is a link at a path, or something else.
    pub(super) fn set(&mut self, path: &[u8], record: Option<u32>) {
        if record.is_none() && self.records.is_empty() {
            return;
        }
        let Some((_, hash)) = self.hashes(path).last() else { return };
        match record {
            Some(record) => self.records.insert(hash, record),
            None => self.records.remove(&hash),
        };
    }

    /// The links that are directories of a path, the highest first, and where their names end.
    pub(super) fn above(&self, path: &[u8]) -> impl Iterator<Item = (usize, u32)> {
        let dir = parent(path).filter(|dir| !dir.is_empty() && !self.records.is_empty());
        let hashes = dir.into_iter().flat_map(move |dir| self.hashes(dir));
        hashes.filter_map(move |(end, hash)| Some((end, *self.records.get(&hash)?)))
    }

    /// The end of each component, and the hash of everything up to there.
    fn hashes(&self, path: &[u8]) -> impl Iterator<Item = (usize, u64)> {
        let mut hasher = self.key.build_hasher();
        let mut end = 0;
        path.split(|&byte| byte == b'/').map(move |component| {
            end += usize::from(end > 0) + component.len();
            hasher.write(component);
            hasher.write_u8(b'/');
            (end, hasher.finish())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_above_a_path_are_found() {
        let mut links = Links::default();
        let above = |links: &Links, path: &[u8]| links.above(path).collect::<Vec<_>>();
        assert!(above(&links, b"a/b/c").is_empty());
        links.set(b"a", Some(7));
        links.set(b"a/bb", Some(8));
        links.set(b"ab", Some(9));
        assert_eq!(above(&links, b"a/bb/c"), [(1, 7), (4, 8)]);
        assert_eq!(above(&links, b"a/bb"), [(1, 7)]);
        assert_eq!(above(&links, b"ab/c"), [(2, 9)]);
        assert!(above(&links, b"a").is_empty() && above(&links, b"").is_empty());
        links.set(b"a", None);
        assert_eq!(above(&links, b"a/bb/c"), [(4, 8)]);
    }
}
