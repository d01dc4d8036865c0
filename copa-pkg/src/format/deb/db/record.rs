//! Recording a package in `status.d`, in the image's own style.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::format::deb::db::status_d::{StatusD, StatusFile};
use crate::format::deb::package::archive::{Archive, Member};
use crate::install::change::{ChangeSet, Content, File};
use crate::port::Root;

/// How the files of the database are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    Plain,
    /// Up to the first dot.
    Dot,
    /// Up to the first character that is no letter, digit or underscore.
    Word,
    Base64,
    Base64Url,
}

impl Naming {
    /// In the order of preference when the names at hand fit several.
    const ALL: [Self; 5] = [Self::Plain, Self::Dot, Self::Word, Self::Base64, Self::Base64Url];

    fn name(self, package: &str) -> String {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        match self {
            Self::Plain => package.into(),
            Self::Dot => package.split('.').next().unwrap_or(package).into(),
            Self::Word => package.split(|c| !is_word(c)).next().unwrap_or(package).into(),
            Self::Base64 => STANDARD.encode(package),
            Self::Base64Url => URL_SAFE.encode(package),
        }
    }

    /// The naming that most of the names follow.
    fn of(db: &StatusD) -> Self {
        let follow = |naming: &Self| {
            let fits = |e: &&StatusFile| {
                e.file.file_name().is_some_and(|name| *name == *naming.name(&e.installed.name))
            };
            db.entries.iter().filter(fits).count()
        };
        Self::ALL.into_iter().rev().max_by_key(follow).unwrap_or(Self::Plain)
    }
}

impl StatusD {
    /// Records the package: its `control` and, if the image has such files, its `md5sums`.
    pub(crate) fn record(
        &self,
        root: &dyn Root,
        package: &str,
        archive: &Archive<'_>,
        changes: &mut ChangeSet,
    ) {
        let control = &archive.control;
        let old: Vec<_> = self.entries.iter().filter(|e| e.installed.name == package).collect();
        for entry in &old {
            changes.write(&entry.file, file(root, &entry.file, &control.control));
            match (&entry.md5sums, &control.md5sums) {
                (Some(path), Some(sums)) => changes.write(path, file(root, path, sums)),
                (Some(path), None) => changes.remove(path),
                (None, _) => {}
            }
        }
        if old.is_empty() {
            let Some(path) = new_file(self, package, changes) else { return };
            let like = self.entries.first();
            let style = like.map_or(&*path, |entry| &entry.file);
            changes.write(&path, file(root, style, &control.control));
            let has_sums = self.entries.iter().any(|entry| entry.md5sums.is_some());
            if let Some(sums) = control.md5sums.as_ref().filter(|_| has_sums) {
                changes.write(sums_path(&path), file(root, style, sums));
            }
        }
    }
}

/// A database file. Builders that give their files no time go on to have none.
fn file(root: &dyn Root, like: &Path, member: &Member) -> File {
    let timeless = root.stat(like).is_some_and(|stat| stat.mtime == 0);
    let mtime = if timeless { 0 } else { member.mtime };
    let content = Content::Regular(member.bytes.clone());
    File { content, mode: 0o644, uid: 0, gid: 0, mtime, xattrs: Vec::new() }
}

/// Where a package that was not installed is recorded: never over another package.
fn new_file(db: &StatusD, package: &str, changes: &ChangeSet) -> Option<PathBuf> {
    let taken = |path: &PathBuf| {
        db.entries.iter().any(|entry| entry.file == *path) || changes.get(path).is_some()
    };
    let names = [Naming::of(db).name(package), package.to_owned()];
    let mut paths = names.iter().map(|name| db.dir.join(name));
    paths.find(|path| !taken(path))
}

fn sums_path(file: &Path) -> PathBuf {
    let mut path = OsString::from(file);
    path.push(".md5sums");
    path.into()
}
