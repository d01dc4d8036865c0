//! What becomes of a path of an RPM package: rpm's `rpmfilesDecideFate`, for an image.

use std::path::Path;

use bytes::Bytes;
use md5::{Digest, Md5};

use crate::effect::accounts::image::Accounts;
use crate::error::Result;
use crate::format::rpm::db::record::State;
use crate::format::rpm::db::rpmdb::RpmDb;
use crate::format::rpm::install::ownership::{OldFile, Ownership};
use crate::format::rpm::package::archive::{File as PackagedFile, Kind};
use crate::format::rpm::package::digest::Algorithm;
use crate::install::change::{Content, File};
use crate::install::fate::{Fate, Incoming, Policy};
use crate::install::installer::Installer;
use crate::install::outcome::Why;
use crate::port::{FileKind, Root, Stat};
use crate::warning::{Code, Warning};

const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;

/// The policy for one file of a package.
#[derive(Debug)]
pub(super) struct RpmFile<'p> {
    /// The name of the package.
    pub(super) package: &'p str,
    pub(super) db: &'p RpmDb,
    pub(super) ownership: &'p Ownership<'p>,
    pub(super) accounts: &'p Accounts,
    pub(super) arch: &'p str,
    /// The file, as the header of the new version describes it.
    pub(super) new: &'p PackagedFile,
    /// The algorithm of its digest.
    pub(super) algorithm: Algorithm,
    /// Whether the image omits files like it.
    pub(super) is_omitted: bool,
}

impl Policy for RpmFile<'_> {
    fn beforehand(&self, at: &Incoming<'_>) -> Option<Fate> {
        if self.new.kind == Kind::Directory {
            return self.is_omitted.then_some(Fate::Omitted);
        }
        if self.new.flags.is_ghost() {
            return Some(Fate::Leave);
        }
        // Files of another colour, or on a file system that machines share, stay as they were.
        let untouched =
            self.ownership.old(&at.path).is_some_and(|old| old.state >= State::NET_SHARED);
        (self.is_omitted || untouched).then_some(Fate::Omitted)
    }

    fn missing(&self, at: &Incoming<'_>, image: &Installer<'_>) -> Result<Fate> {
        let was_there = |old: OldFile<'_>| {
            old.state == State::NORMAL
                && !old.file.flags.is_ghost()
                && old.file.path == self.new.path
        };
        if self.ownership.old(&at.path).is_some_and(was_there) {
            let may = self.new.flags.may_be_missing();
            return Ok(if may { Fate::Leave } else { Fate::Keep(Why::Deleted) });
        }
        // Builders of small images take whole directories away.
        let in_removed = || at.path.parent().is_some_and(|dir| self.was_removed(dir, image));
        Ok(if self.new.flags.is_doc() && in_removed() { Fate::Omitted } else { Fate::Write })
    }

    fn over(&self, at: &Incoming<'_>, there: &Stat, image: &Installer<'_>) -> Result<Fate> {
        let old = self.ownership.old(&at.path);
        let has_content = has_content(at, there, image.root)?;
        let is_config = self.new.flags.is_config() || old.is_some_and(|o| o.file.flags.is_config());
        if has_content || !is_config {
            let same = has_content && at.group.is_none() && has_attributes(&at.file, there);
            return Ok(if same { Fate::Same } else { Fate::Write });
        }
        let pristine = match old {
            Some(old) => is_pristine(&at.path, old, there, image.root)?,
            None => self.came_with(there),
        };
        if pristine {
            return Ok(Fate::Write);
        }
        Ok(match old {
            Some(_) if !self.new.flags.is_config() => Fate::Save(".rpmsave"),
            Some(old) if self.is_unchanged_since(old) => Fate::Leave,
            _ if self.new.flags.is_no_replace() => Fate::Beside(".rpmnew"),
            None if !self.db.is_manifest_only() => Fate::Save(".rpmorig"),
            _ => Fate::Save(".rpmsave"),
        })
    }

    fn directory(
        &self,
        at: &Incoming<'_>,
        there: Option<&Stat>,
        image: &Installer<'_>,
    ) -> Result<Fate> {
        let write = match there {
            Some(stat) if stat.kind == FileKind::Directory => {
                (stat.mode, stat.uid, stat.gid) != (at.file.mode, at.file.uid, at.file.gid)
            }
            Some(Stat { kind: FileKind::Symlink(_), .. }) if image.leads_to_directory(&at.path) => {
                false
            }
            None => self.is_new_directory(&at.path, image),
            Some(_) => {
                let own = self.ownership.old(&at.path).is_some();
                if !own || self.ownership.is_needed(&at.path) {
                    return Ok(Fate::Keep(Why::NoDirectory));
                }
                true
            }
        };
        Ok(if write { Fate::Write } else { Fate::Leave })
    }

    /// Says which owners of the file the image does not know.
    fn adopt(&self, _: &mut File, _: Option<Stat>) -> Vec<Warning> {
        let owners = [
            ("user", &self.new.user, self.accounts.user(&self.new.user)),
            ("group", &self.new.group, self.accounts.group(&self.new.group)),
        ];
        let unknown = owners.into_iter().filter(|(_, _, number)| number.is_none());
        unknown.map(|(what, name, _)| unknown_owner(self.package, what, name)).collect()
    }
}

fn unknown_owner(package: &str, what: &str, name: &str) -> Warning {
    let text = format!(
        "{package} has files of the {what} {name}, whom the image does not know: root has them"
    );
    Warning::new(Code::UnknownOwner, name, text)
}

impl RpmFile<'_> {
    /// The new file as it is to be in this image: owners by name have the numbers that the image
    /// gives them.
    pub(super) fn file(&self, content: Option<&Bytes>) -> File {
        let new = self.new;
        let (user, group) = (self.accounts.user(&new.user), self.accounts.group(&new.group));
        // Nobody may run as root what was to run as another.
        let lost = [(user, SETUID), (group, SETGID)];
        let lost = lost.iter().filter(|(number, _)| number.is_none()).map(|(_, bit)| bit);
        let mode = lost.fold(new.mode, |mode, bit| mode & !bit);
        let content = match &new.kind {
            Kind::Directory => Content::Directory,
            Kind::Symlink(target) => Content::Symlink(target.clone()),
            Kind::Regular => Content::Regular(content.cloned().unwrap_or_default()),
            Kind::Special => Content::Regular(Bytes::new()),
        };
        let capability = new.capability.iter();
        let xattrs = capability.map(|value| ("security.capability".to_owned(), value.clone()));
        File {
            content,
            mode: if matches!(new.kind, Kind::Symlink(_)) { 0o777 } else { mode },
            uid: user.unwrap_or_default(),
            gid: group.unwrap_or_default(),
            mtime: new.mtime,
            xattrs: xattrs.collect(),
        }
    }

    /// Where no list of files is: whether the file is no younger than the installed version of the
    /// package. Builders keep times, and users come later.
    fn came_with(&self, there: &Stat) -> bool {
        let built = self.db.built(self.package, self.arch).filter(|_| self.db.is_manifest_only());
        built.is_some_and(|built| there.mtime > 0 && there.mtime <= built)
    }

    /// Whether the package has the same in both versions: then a change of the user's stays silently.
    fn is_unchanged_since(&self, old: OldFile<'_>) -> bool {
        let digests = !old.file.digest.is_empty() && old.file.digest == self.new.digest;
        let links = matches!(&old.file.kind, Kind::Symlink(_)) && old.file.kind == self.new.kind;
        (digests && old.algorithm == self.algorithm) || links
    }

    /// Whether the directory was there for an old version, or should be for a system with a
    /// manifest only, and is not.
    fn was_removed(&self, dir: &Path, image: &Installer<'_>) -> bool {
        let listed = self.ownership.old(dir).is_some() || self.ownership.is_needed(dir);
        let above = || dir.parent().is_some_and(|above| self.was_removed(above, image));
        !dir.as_os_str().is_empty()
            && !image.paths.is_directory(dir)
            && (listed || self.db.is_manifest_only() || above())
    }

    /// Whether a directory that the image lacks is new, and not deleted or omitted. Those come
    /// when something is written below them.
    fn is_new_directory(&self, path: &Path, image: &Installer<'_>) -> bool {
        let parent = path.parent().unwrap_or(Path::new(""));
        let unwanted = self.new.flags.is_ghost() || self.ownership.old(path).is_some();
        let known = self.db.is_manifest_only() && self.new.flags.is_doc();
        !unwanted && !known && image.paths.is_directory(parent)
    }
}

/// Whether the image has the content of the new file there.
fn has_content(at: &Incoming<'_>, there: &Stat, root: &dyn Root) -> Result<bool> {
    match (&at.file.content, &there.kind) {
        (Content::Regular(content), FileKind::Regular(size)) if !at.is_special => {
            let md5: [u8; 16] = Md5::digest(content).into();
            Ok(*size == content.len() as u64 && root.md5(&at.path)? == Some(md5))
        }
        (Content::Symlink(new), FileKind::Symlink(there)) => Ok(new == there),
        _ => Ok(false),
    }
}

/// Whether the image's file has the attributes of the new one, its time too: `rpm -V` compares that.
fn has_attributes(wanted: &File, there: &Stat) -> bool {
    let link = matches!(wanted.content, Content::Symlink(_));
    (there.uid, there.gid, there.mtime) == (wanted.uid, wanted.gid, wanted.mtime)
        && (link || there.mode == wanted.mode)
        && there.xattrs == wanted.xattrs
}

/// Whether the image has there what the old version put there.
///
/// # Errors
///
/// When the image cannot be read.
pub(super) fn is_pristine(
    path: &Path,
    old: OldFile<'_>,
    there: &Stat,
    root: &dyn Root,
) -> Result<bool> {
    match (&old.file.kind, &there.kind) {
        (Kind::Regular, FileKind::Regular(size)) => {
            if *size != old.file.size {
                return Ok(false);
            }
            let content = root.read(path)?.unwrap_or_default();
            Ok(old.algorithm.fits(&old.file.digest, &content).unwrap_or(false))
        }
        (Kind::Symlink(old), FileKind::Symlink(there)) => Ok(old == there),
        _ => Ok(false),
    }
}
