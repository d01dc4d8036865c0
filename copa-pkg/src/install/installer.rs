//! The installation in progress: the image, what is known of its paths, and what changes so far.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::install::change::{Change, Content, File};
use crate::install::outcome::Installation;
use crate::install::paths::Paths;
use crate::port::{FileKind, Root};

/// The installation in progress.
pub(crate) struct Installer<'a> {
    pub(crate) root: &'a dyn Root,
    pub(crate) paths: Paths<'a>,
    /// The physical paths of all files and links of the new packages.
    pub(super) shipped: BTreeSet<PathBuf>,
    /// The directories of the new packages.
    pub(super) directories: BTreeMap<PathBuf, File>,
    /// Files and links of the new packages where the image has a directory, by path, with the name of
    /// the package.
    pub(super) over_directory: BTreeMap<PathBuf, (String, File)>,
    pub(crate) out: Installation,
}

impl<'a> Installer<'a> {
    pub(crate) fn new(root: &'a dyn Root) -> Self {
        Self {
            root,
            paths: Paths::new(root),
            shipped: BTreeSet::new(),
            directories: BTreeMap::new(),
            over_directory: BTreeMap::new(),
            out: Installation::default(),
        }
    }

    /// Whether no package has the path, or anything below it, from here on. `stays` says whether a
    /// package that is not updated has it.
    pub(crate) fn is_nobodys(&self, path: &Path, stays: bool) -> bool {
        let below = self.shipped.range(path.to_owned()..).next();
        let shipped = below.is_some_and(|next| next.starts_with(path));
        !stays
            && !shipped
            && !path.as_os_str().is_empty()
            && !self.directories.contains_key(path)
            && !self.writes(path)
    }

    /// Notes that a path comes with a package although no file of the package is written there.
    pub(crate) fn ship(&mut self, path: PathBuf) {
        self.shipped.insert(path);
    }

    /// Whether the new packages have a directory, a file or a link there.
    pub(crate) fn is_shipped(&self, path: &Path) -> bool {
        self.directories.contains_key(path) || self.shipped.contains(path)
    }

    /// Adds the directories above what is written that neither image nor packages have, and gives the
    /// result.
    pub(crate) fn finish(mut self) -> Installation {
        self.add_parents();
        self.out.kept.sort();
        self.out.kept.dedup();
        self.out
    }

    /// Adds the directories above what is written that are not there.
    pub(crate) fn add_parents(&mut self) {
        self.paths.add_parents(&self.directories, &mut self.out.changes);
    }

    /// Whether something other than a directory is written at the path.
    pub(super) fn writes(&self, path: &Path) -> bool {
        let change = self.out.changes.get(path);
        matches!(change, Some(Change::Write(file)) if file.content != Content::Directory)
    }

    /// Whether a file is written above the path, or something below it: a link of the image can lead
    /// one path of a package below another.
    pub(super) fn collides(&self, path: &Path) -> bool {
        path.ancestors().skip(1).any(|dir| self.writes(dir)) || self.out.changes.writes_below(path)
    }

    /// Whether something that is no directory stands where a directory above the path must be.
    pub(super) fn is_blocked(&self, path: &Path) -> bool {
        let blocks = |dir: &Path| !self.paths.is_directory(dir) && self.root.stat(dir).is_some();
        path.ancestors().skip(1).any(blocks)
    }

    /// Whether the link at the path leads to a directory.
    pub(crate) fn leads_to_directory(&self, path: &Path) -> bool {
        self.root.real_path(path).is_some_and(|real| self.paths.is_directory(&real))
    }

    /// Whether the image has a directory at the path.
    pub(super) fn has_directory(&self, path: &Path) -> bool {
        self.root.stat(path).is_some_and(|stat| stat.kind == FileKind::Directory)
    }
}
