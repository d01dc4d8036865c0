//! Where the paths of a package really are.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use crate::install::change::{Change, ChangeSet, File};
use crate::port::{FileKind, Root};

/// As many links are followed on the way to one path, as in Linux.
const LINKS_MAX: u32 = 40;
/// A link to a deeper path is not followed.
const DEPTH_MAX: usize = 128;
/// As many bytes of paths are remembered. What is not is found again.
const KNOWN_MAX: usize = 16 << 20;

/// Physical paths: the image's own links followed in all components but the last.
pub(crate) struct Paths<'a> {
    root: &'a dyn Root,
    /// Directories of the image, and where they really are.
    known: BTreeMap<PathBuf, PathBuf>,
    known_bytes: usize,
    /// Physical paths that become directories, whatever they are in the image.
    directories: BTreeSet<PathBuf>,
}

impl<'a> Paths<'a> {
    pub(crate) fn new(root: &'a dyn Root) -> Self {
        Self { root, known: BTreeMap::new(), known_bytes: 0, directories: BTreeSet::new() }
    }

    /// The path with its parents resolved. What does not exist stands for itself.
    pub(crate) fn physical(&mut self, path: &Path) -> PathBuf {
        let Some((parent, name)) = path.parent().zip(path.file_name()) else { return path.into() };
        self.directory(parent).join(name)
    }

    /// From here on the physical path is a directory.
    pub(crate) fn becomes_directory(&mut self, path: &Path) {
        self.directories.insert(path.into());
        self.known.clear();
        self.known_bytes = 0;
    }

    /// Whether the physical path is a directory, in the image or from here on.
    pub(crate) fn is_directory(&self, path: &Path) -> bool {
        let is_dir = || self.root.stat(path).is_some_and(|stat| stat.kind == FileKind::Directory);
        path.as_os_str().is_empty() || self.directories.contains(path) || is_dir()
    }

    /// Writes the directories above what the changes write that are in neither the image nor the
    /// changes: as packages describe them (`known`), or else plain ones.
    pub(crate) fn add_parents(&self, known: &BTreeMap<PathBuf, File>, changes: &mut ChangeSet) {
        for dir in self.missing_parents(changes) {
            let file = known.get(&dir).cloned().unwrap_or_else(File::plain_directory);
            changes.write(dir, file);
        }
    }

    fn missing_parents(&self, changes: &ChangeSet) -> BTreeSet<PathBuf> {
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
    fn directory(&mut self, path: &Path) -> PathBuf {
        if let Some(known) = self.known.get(path) {
            return known.clone();
        }
        let (real, is_there) = self.resolve(path);
        let bytes = path.as_os_str().len() + real.as_os_str().len();
        if is_there && self.known_bytes + bytes <= KNOWN_MAX {
            self.known_bytes += bytes;
            self.known.insert(path.into(), real.clone());
        }
        real
    }

    /// Where the path really is, and whether that is a directory of the image. Below what is none,
    /// nothing is looked up.
    fn resolve(&self, path: &Path) -> (PathBuf, bool) {
        let (mut real, mut is_there, mut links) = (PathBuf::new(), true, LINKS_MAX);
        // Components still to go, the next one last.
        let mut ahead = components(path);
        while let Some(name) = ahead.pop() {
            real.push(name);
            let stat = if is_there { self.root.stat(&real) } else { None };
            match stat.map(|stat| stat.kind) {
                Some(FileKind::Directory) => {}
                Some(FileKind::Symlink(target))
                    if links > 0 && self.is_followed(&real, &target) =>
                {
                    links -= 1;
                    real.pop();
                    ahead.extend(components(&join(&real, &target)));
                    real = PathBuf::new();
                }
                _ => is_there = false,
            }
        }
        (real, is_there)
    }

    /// Whether a link stays one, and is none to a place that is too deep.
    fn is_followed(&self, physical: &Path, target: &Path) -> bool {
        !self.directories.contains(physical) && target.components().count() <= DEPTH_MAX
    }
}

/// The names in a clean path, the last one first.
fn components(path: &Path) -> Vec<OsString> {
    path.components().rev().map(|name| name.as_os_str().to_owned()).collect()
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
    use crate::fixture::root::MemoryRoot;

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
        assert!(paths.known.keys().all(|dir| root.real_path(dir).is_some()), "{:?}", paths.known);
        paths.becomes_directory(Path::new("lib"));
        assert_eq!(paths.physical(Path::new("lib/x")), Path::new("lib/x"));
        assert!(paths.is_directory(Path::new("lib")) && !paths.is_directory(Path::new("loop")));
    }

    #[test]
    fn a_path_may_be_as_deep_as_it_is_and_what_is_not_there_is_not_remembered() {
        let mut root = MemoryRoot::of(&[("a/x", "x")]);
        root.link("a/a", ".");
        let mut paths = Paths::new(&root);
        let deep: PathBuf = "b/".repeat(200_000).into();
        assert_eq!(paths.physical(&deep), deep);
        assert!(paths.known.is_empty());
        let here: PathBuf = "a/".repeat(30).into();
        assert_eq!(paths.physical(&here.join("x")), Path::new("a/x"));
        assert_eq!((paths.known.len(), paths.known_bytes), (1, 59 + 1));
    }
}
