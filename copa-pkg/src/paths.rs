//! Where the paths of a package really are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::{Change, ChangeSet, FileKind, Root};

/// As many links are followed on the way to one path.
const LINKS_MAX: u32 = 16;
/// A link to a deeper path is not followed: resolving is recursive.
const DEPTH_MAX: usize = 128;

/// Physical paths: the image's own links followed in all components but the last.
pub(crate) struct Paths<'a> {
    root: &'a dyn Root,
    known: BTreeMap<PathBuf, PathBuf>,
    /// Physical paths that become directories, whatever they are in the image.
    directories: BTreeSet<PathBuf>,
}

impl<'a> Paths<'a> {
    pub(crate) fn new(root: &'a dyn Root) -> Self {
        Self { root, known: BTreeMap::new(), directories: BTreeSet::new() }
    }

    /// The path with its parents resolved. What does not exist stands for itself.
    pub(crate) fn physical(&mut self, path: &Path) -> PathBuf {
        let Some((parent, name)) = path.parent().zip(path.file_name()) else { return path.into() };
        self.directory(parent, LINKS_MAX).join(name)
    }

    /// From here on the physical path is a directory.
    pub(crate) fn becomes_directory(&mut self, path: &Path) {
        self.directories.insert(path.into());
        self.known.clear();
    }

    /// Whether the physical path is a directory, in the image or from here on.
    pub(crate) fn is_directory(&self, path: &Path) -> bool {
        let is_dir = || self.root.stat(path).is_some_and(|stat| stat.kind == FileKind::Directory);
        path.as_os_str().is_empty() || self.directories.contains(path) || is_dir()
    }

    /// Directories above what the changes write that are in neither the image nor the changes.
    pub(crate) fn missing_parents(&self, changes: &ChangeSet) -> BTreeSet<PathBuf> {
        let is_write = |change: &Change| matches!(change, Change::Write(_));
        let written = changes.iter().filter(|(_, change)| is_write(change));
        let above = written.flat_map(|(path, _)| path.ancestors().skip(1));
        let is_missing = |dir: &&Path| {
            !dir.as_os_str().is_empty()
                && !self.is_directory(dir)
                && !changes.get(dir).is_some_and(is_write)
        };
        above.filter(is_missing).map(Path::to_owned).collect()
    }

    /// The path with all links followed, its last component's too.
    fn directory(&mut self, path: &Path, links: u32) -> PathBuf {
        if let Some(known) = self.known.get(path) {
            return known.clone();
        }
        let Some((parent, name)) = path.parent().zip(path.file_name()) else {
            return PathBuf::new();
        };
        let parent = self.directory(parent, links);
        let physical = parent.join(name);
        let target = self.link(&physical).map(|target| join(&parent, &target));
        let real = match target.filter(|t| links > 0 && t.components().count() <= DEPTH_MAX) {
            Some(target) => self.directory(&target, links - 1),
            None => physical,
        };
        self.known.insert(path.into(), real.clone());
        real
    }

    fn link(&self, physical: &Path) -> Option<PathBuf> {
        match self.root.stat(physical)?.kind {
            FileKind::Symlink(target) if !self.directories.contains(physical) => Some(target),
            _ => None,
        }
    }
}

/// Where a link in the directory points to: clean, and never above the root.
pub(crate) fn join(dir: &Path, target: &Path) -> PathBuf {
    let mut path = dir.to_owned();
    for component in target.components() {
        match component {
            Component::RootDir | Component::Prefix(_) => path = PathBuf::new(),
            Component::ParentDir => drop(path.pop()),
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory_root::MemoryRoot;

    #[test]
    fn links_are_followed_in_parents_only() {
        let mut root = MemoryRoot::of(&[("usr/lib/x", "x")]);
        root.link("lib", "usr/lib");
        root.link("usr/lib/deep", "/lib/../lib/./real");
        root.link("dangling", "../../no/where");
        root.link("loop", "loop");
        let mut paths = Paths::new(&root);
        for (path, physical) in [
            ("lib", "lib"),
            ("lib/x", "usr/lib/x"),
            ("lib/deep/y", "usr/lib/real/y"),
            ("dangling/z", "no/where/z"),
            ("loop/z", "loop/z"),
            ("new/z", "new/z"),
        ] {
            assert_eq!(paths.physical(Path::new(path)), Path::new(physical), "{path}");
        }
        paths.becomes_directory(Path::new("lib"));
        assert_eq!(paths.physical(Path::new("lib/x")), Path::new("lib/x"));
        assert!(paths.is_directory(Path::new("lib")) && !paths.is_directory(Path::new("loop")));
    }
}
