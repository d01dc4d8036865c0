//! What the database says of the files of installed packages.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::format::rpm::db::place::same_place;
use crate::format::rpm::db::record::State;
use crate::format::rpm::db::rpmdb::RpmDb;
use crate::format::rpm::package::archive;
use crate::format::rpm::package::archive::{Archive, File};
use crate::format::rpm::package::digest::Algorithm;
use crate::format::rpm::package::header::Header;
use crate::format::rpm::package::tag::Tag;
use crate::install::paths::Paths;

use crate::format::rpm::install::omissions::Omissions;
use crate::warning::{Code, Warning};

/// The files of the installed packages, by physical path.
#[derive(Debug, Default)]
pub(super) struct Ownership<'a> {
    /// The packages that go: replaced, or obsolete.
    pub(super) gone: Vec<Old<'a>>,
    /// What those have at a path: the package and the file, by their places.
    by_path: BTreeMap<PathBuf, (usize, usize)>,
    /// Paths of packages that stay as they are.
    staying: BTreeSet<PathBuf>,
    pub(super) omissions: Omissions,
}

/// A package that goes.
#[derive(Debug)]
pub(super) struct Old<'a> {
    pub(super) header: &'a Header,
    pub(super) name: String,
    pub(super) arch: String,
    /// By physical path, in the order of the header.
    pub(super) files: Vec<(PathBuf, File)>,
    pub(super) states: Vec<u8>,
    pub(super) algorithm: Algorithm,
}

/// A file of a package that goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct OldFile<'a> {
    pub(super) file: &'a File,
    pub(super) state: u8,
    pub(super) algorithm: Algorithm,
}

impl RpmDb {
    /// Reads the lists of files; `erased` are names and architectures of packages that go without
    /// being replaced. What cannot be read is said in `warnings`.
    pub(super) fn ownership(
        &self,
        new: &[Archive],
        erased: &[(String, String)],
        paths: &mut Paths<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Ownership<'_> {
        let mut ownership = Ownership::default();
        for header in self.all_headers() {
            let text = |tag| header.text(tag).unwrap_or_default();
            let (name, arch) = (text(Tag::NAME), text(Tag::ARCH));
            match archive::files(&name, header) {
                Ok(files) => {
                    let goes = is_replaced(&name, &arch, new)
                        || erased.iter().any(|(n, a)| *n == name && *a == arch);
                    ownership.add(header, files, goes, paths);
                }
                Err(error) => {
                    let text = format!("its files are not known: {error}");
                    warnings.push(Warning::new(Code::LeftAlone, name, text));
                }
            }
        }
        ownership
    }
}

impl<'a> Ownership<'a> {
    fn add(&mut self, header: &'a Header, files: Vec<File>, goes: bool, paths: &mut Paths<'_>) {
        let text = |tag| header.text(tag).unwrap_or_default().into_owned();
        let (name, arch) = (text(Tag::NAME), text(Tag::ARCH));
        let states: Vec<u8> = header.numbers(Tag::FILESTATES).map(|state| state as u8).collect();
        self.omissions.add(&name, header, &files, &states);
        let physical = files.into_iter().map(|file| (paths.physical(&file.path), file));
        if !goes {
            self.staying.extend(physical.map(|(path, _)| path));
            return;
        }
        let (files, algorithm) = (physical.collect::<Vec<_>>(), Algorithm::of(header));
        let at = self.gone.len();
        self.by_path.extend(files.iter().enumerate().map(|(i, (p, _))| (p.clone(), (at, i))));
        self.gone.push(Old { header, name, arch, files, states, algorithm });
    }

    /// What a package that goes has at the path.
    pub(super) fn old(&self, path: &Path) -> Option<OldFile<'_>> {
        let (package, file) = self.by_path.get(path)?;
        let old = self.gone.get(*package)?;
        let state = old.states.get(*file).copied().unwrap_or(State::NORMAL);
        Some(OldFile { file: &old.files.get(*file)?.1, state, algorithm: old.algorithm })
    }

    /// Whether a package that stays has the path.
    pub(super) fn is_needed(&self, path: &Path) -> bool {
        self.staying.contains(path)
    }

    /// Whether a package that stays has something whose path begins like this.
    pub(super) fn has_below(&self, beginning: &str) -> bool {
        is_below(&self.staying, beginning)
    }
}

/// Whether one of the paths begins like this, be it in the middle of a name.
pub(super) fn is_below(paths: &BTreeSet<PathBuf>, beginning: &str) -> bool {
    let from = Bound::Included(Path::new(beginning));
    let begins = |path: &PathBuf| path.as_os_str().as_bytes().starts_with(beginning.as_bytes());
    // Of `usr/lib/` the directory may come first, which has no slash at its end.
    paths.range::<Path, _>((from, Bound::Unbounded)).take(2).any(begins)
}

/// Whether one of the new packages takes the place of this one.
fn is_replaced(name: &str, arch: &str, new: &[Archive]) -> bool {
    new.iter().any(|archive| {
        let text = |tag| archive.package.header.text(tag).unwrap_or_default();
        text(Tag::NAME) == name && same_place(arch, &text(Tag::ARCH))
    })
}
