//! What becomes of one path of a package: rpm's `rpmfilesDecideFate`, for an image.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use md5::{Digest, Md5};

use crate::error::Result;
use crate::format::rpm::db::record::State;
use crate::format::rpm::install::owners::OldFile;
use crate::format::rpm::install::transaction::{New, Work};
use crate::format::rpm::package::archive::{File, Kind};
use crate::install::installation::Why;
use crate::port::{FileKind, Stat};

/// What becomes of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The image has just this.
    Same,
    Write,
    /// The image's own stays, as it should.
    Leave,
    /// The image's own stays, and the user is told.
    Keep(Why),
    /// The image's own stays, and the new one is put beside it, under this ending.
    Beside(&'static str),
    /// The new one is written, and the image's own is put beside it, under this ending.
    Save(&'static str),
    /// It is left out, and the database says so.
    LeftOut,
    /// It is written if the directory there goes.
    OverDirectory,
}

/// A file of a new package, and what stands where it goes.
struct Meeting<'m> {
    path: &'m Path,
    new: &'m New<'m>,
    /// What the package that goes has there.
    old: Option<OldFile<'m>>,
    /// What the image has there.
    stat: Stat,
}

impl Work<'_> {
    /// What becomes of a file, link or device.
    pub(super) fn fate(&self, path: &Path, new: &New<'_>) -> Result<Fate> {
        if new.file.flags.is_ghost() {
            return Ok(Fate::Leave);
        }
        let old = self.owners.old(path);
        // Of another colour, or on a file system that others share: as it was.
        if new.left_out || old.is_some_and(|old| old.state >= State::NET_SHARED) {
            return Ok(Fate::LeftOut);
        }
        let blocks = |dir: &Path| !self.paths.is_directory(dir) && self.root.stat(dir).is_some();
        if path.ancestors().skip(1).any(blocks) {
            return Ok(Fate::Keep(Why::NoDirectory));
        }
        match self.root.stat(path) {
            None => Ok(self.fate_of_missing(path, new, old)),
            Some(stat) if stat.kind == FileKind::Directory => Ok(Fate::OverDirectory),
            Some(stat) => self.fate_over(&Meeting { path, new, old, stat }),
        }
    }

    /// The image has nothing there.
    fn fate_of_missing(&self, path: &Path, new: &New<'_>, old: Option<OldFile<'_>>) -> Fate {
        let was_there = |old: OldFile<'_>| {
            old.state == State::NORMAL
                && !old.file.flags.is_ghost()
                && old.file.path == new.file.path
        };
        if old.is_some_and(was_there) {
            return if new.file.flags.may_be_missing() {
                Fate::Leave
            } else {
                Fate::Keep(Why::Deleted)
            };
        }
        // Builders of small images take whole directories away.
        let in_removed = || path.parent().is_some_and(|dir| self.was_removed(dir));
        if new.file.flags.is_doc() && in_removed() { Fate::LeftOut } else { Fate::Write }
    }

    /// The image has something else than a directory there.
    fn fate_over(&self, at: &Meeting<'_>) -> Result<Fate> {
        let is_config = |file: &File| file.flags.is_config();
        if is_config(at.new.file) || at.old.is_some_and(|old| is_config(old.file)) {
            return self.fate_of_config(at);
        }
        Ok(if self.is_same(at)? { Fate::Same } else { Fate::Write })
    }

    fn fate_of_config(&self, at: &Meeting<'_>) -> Result<Fate> {
        if self.has_content(at)? {
            return Ok(if self.is_same(at)? { Fate::Same } else { Fate::Write });
        }
        let pristine = match at.old {
            Some(old) => self.is_pristine(at.path, old, &at.stat)?,
            None => self.came_with(at),
        };
        if pristine {
            return Ok(Fate::Write);
        }
        let flags = at.new.file.flags;
        Ok(match at.old {
            Some(_) if !flags.is_config() => Fate::Save(".rpmsave"),
            Some(old) if is_unchanged(old, at.new) => Fate::Leave,
            _ if flags.is_no_replace() => Fate::Beside(".rpmnew"),
            None if !self.db.is_manifest_only() => Fate::Save(".rpmorig"),
            _ => Fate::Save(".rpmsave"),
        })
    }

    /// Whether the image has the content of the new file there.
    fn has_content(&self, Meeting { path, new, stat, .. }: &Meeting<'_>) -> Result<bool> {
        match (&new.file.kind, &stat.kind, new.content) {
            (Kind::Regular, FileKind::Regular(size), Some(content)) => {
                let md5: [u8; 16] = Md5::digest(content).into();
                Ok(*size == content.len() as u64 && self.root.md5(path)? == Some(md5))
            }
            (Kind::Symlink(new), FileKind::Symlink(there), _) => Ok(new == there),
            _ => Ok(false),
        }
    }

    /// Whether the image has just the new file there, its time too: `rpm -V` compares that.
    fn is_same(&self, at: &Meeting<'_>) -> Result<bool> {
        let Meeting { new, stat, .. } = at;
        let wanted = self.file_of(new);
        let link = matches!(new.file.kind, Kind::Symlink(_));
        let alike = (stat.uid, stat.gid, stat.mtime) == (wanted.uid, wanted.gid, wanted.mtime)
            && (link || stat.mode == wanted.mode)
            && stat.xattrs == wanted.xattrs;
        Ok(alike && !new.is_linked && self.has_content(at)?)
    }

    /// Whether the image has there what the old version put there.
    pub(super) fn is_pristine(&self, path: &Path, old: OldFile<'_>, stat: &Stat) -> Result<bool> {
        match (&old.file.kind, &stat.kind) {
            (Kind::Regular, FileKind::Regular(size)) => {
                if *size != old.file.size {
                    return Ok(false);
                }
                let content = self.root.read(path)?.unwrap_or_default();
                Ok(old.algorithm.fits(&old.file.digest, &content).unwrap_or(false))
            }
            (Kind::Symlink(old), FileKind::Symlink(there)) => Ok(old == there),
            _ => Ok(false),
        }
    }

    /// Where no list of files is: whether the file is no younger than the installed version of the
    /// package. Builders keep times, and users come later.
    fn came_with(&self, Meeting { new, stat, .. }: &Meeting<'_>) -> bool {
        let built = self.db.built(new.package, new.arch).filter(|_| self.db.is_manifest_only());
        built.is_some_and(|built| stat.mtime > 0 && stat.mtime <= built)
    }

    /// Whether the directory was there for an old version, or should be for a system with a
    /// manifest only, and is not.
    pub(super) fn was_removed(&self, dir: &Path) -> bool {
        let is_there = self.paths.is_directory(dir);
        let listed = self.owners.old(dir).is_some() || self.owners.is_needed(dir);
        let above = || dir.parent().is_some_and(|above| self.was_removed(above));
        !dir.as_os_str().is_empty()
            && !is_there
            && (listed || self.db.is_manifest_only() || above())
    }
}

/// Whether the package has the same in both versions: then a change of the user's stays silently.
fn is_unchanged(old: OldFile<'_>, new: &New<'_>) -> bool {
    let digests = !old.file.digest.is_empty() && old.file.digest == new.file.digest;
    let links = matches!(&old.file.kind, Kind::Symlink(_)) && old.file.kind == new.file.kind;
    (digests && old.algorithm == new.algorithm) || links
}

/// The path with an ending of rpm's: `.rpmnew`.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// The content, when it is a regular file's.
pub(super) fn content_of<'a>(file: &File, content: Option<&'a Bytes>) -> Option<&'a Bytes> {
    content.filter(|_| file.kind == Kind::Regular)
}
