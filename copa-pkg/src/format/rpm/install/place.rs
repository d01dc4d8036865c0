//! Files, links and directories of a package put into the image.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::format::rpm::db::record::State;
use crate::format::rpm::install::fate::{Fate, beside};
use crate::format::rpm::install::transaction::{New, Work};
use crate::format::rpm::package::archive::Kind;
use crate::install::change::{Change, Content, File};
use crate::install::installation::Why;
use crate::port::FileKind;
use crate::warning::Code;

const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;

/// The physical path at which a group of hard links was written, by the number of its first.
type Groups = BTreeMap<usize, PathBuf>;

impl Work<'_> {
    /// Installs one file of a package. Gives what became of it.
    pub(super) fn file(&mut self, new: &New<'_>, groups: &mut Groups) -> Result<u8> {
        let path = self.paths.physical(&new.file.path);
        if path.as_os_str().is_empty() {
            return Ok(State::NORMAL);
        }
        self.shipped.insert(path.clone());
        if new.file.kind == Kind::Directory {
            return Ok(self.directory(path, new));
        }
        let fate = self.fate(&path, new)?;
        if fate == Fate::Write {
            self.note_unlinked(&path, new);
        }
        self.place(path, new, fate, groups)?;
        Ok(if fate == Fate::LeftOut { self.state_left_out(new) } else { State::NORMAL })
    }

    fn state_left_out(&mut self, new: &New<'_>) -> u8 {
        let path = self.paths.physical(&new.file.path);
        let old = self.owners.old(&path).map(|old| old.state);
        old.filter(|state| *state >= State::NET_SHARED).unwrap_or(State::NOT_INSTALLED)
    }

    fn place(
        &mut self,
        path: PathBuf,
        new: &New<'_>,
        fate: Fate,
        groups: &mut Groups,
    ) -> Result<()> {
        match fate {
            Fate::Same | Fate::Leave | Fate::LeftOut => {}
            Fate::Keep(why) => self.out.keep(new.package, &path, why),
            _ if new.file.kind == Kind::Special => {
                let text = format!("/{} of {} is a device: left out", path.display(), new.package);
                self.out.warn(Code::LeftOut, path.display(), text);
            }
            Fate::OverDirectory => {
                let file = self.owned_file(new);
                self.over_directory.insert(path, (new.package.into(), file));
            }
            Fate::Write => self.write(path, new, groups),
            Fate::Beside(ending) => {
                self.out.keep(new.package, &path, Why::Changed);
                let aside = beside(&path, ending);
                if self.is_free(&aside, new.package) {
                    let file = self.owned_file(new);
                    self.out.changes.write(aside, file);
                }
            }
            Fate::Save(ending) => {
                if self.save(&path, new.package, ending)? {
                    self.write(path, new, groups);
                }
            }
        }
        Ok(())
    }

    /// Whether a file may be put there: a directory of the user's would go with all in it.
    fn is_free(&mut self, path: &Path, package: &str) -> bool {
        let kind = self.root.stat(path).map(|stat| stat.kind);
        let is_free = matches!(kind, None | Some(FileKind::Regular(_)))
            && !self.paths.is_directory(path)
            && !self.is_beside_itself(path);
        if !is_free {
            self.out.keep(package, path, Why::Directory);
        }
        is_free
    }

    /// Puts the user's file at the path aside. Gives whether another may come there: where it
    /// cannot be put aside, it stays.
    pub(super) fn save(&mut self, path: &Path, package: &str, ending: &str) -> Result<bool> {
        let Some(stat) = self.root.stat(path) else { return Ok(true) };
        let content = match stat.kind {
            FileKind::Regular(_) => Content::Regular(self.root.read(path)?.unwrap_or_default()),
            FileKind::Symlink(target) => Content::Symlink(target),
            _ => return Ok(true),
        };
        let saved = beside(path, ending);
        if !self.is_free(&saved, package) {
            self.out.keep(package, path, Why::Changed);
            return Ok(false);
        }
        let (mode, uid, gid) = (stat.mode, stat.uid, stat.gid);
        let file = File { content, mode, uid, gid, mtime: stat.mtime, xattrs: stat.xattrs };
        let text = format!(
            "/{} was changed in the image, and {package} has another: it is /{} now",
            path.display(),
            saved.display()
        );
        self.out.warn(Code::SetAside, path.display(), text);
        self.out.changes.write(saved, file);
        Ok(true)
    }

    fn write(&mut self, path: PathBuf, new: &New<'_>, groups: &mut Groups) {
        if self.is_beside_itself(&path) {
            self.out.keep(new.package, &path, Why::NoDirectory);
            return;
        }
        let mut file = self.owned_file(new);
        if new.is_linked {
            match groups.get(&new.file.first) {
                Some(first) if *first != path => file.content = Content::Hardlink(first.clone()),
                _ => drop(groups.insert(new.file.first, path.clone())),
            }
        }
        self.out.changes.write(path, file);
    }

    /// Whether what is written already is a file above the path, or is below it: a link of the
    /// image can lead one path of a package below another.
    fn is_beside_itself(&self, path: &Path) -> bool {
        let changes = &self.out.changes;
        let is_file = |dir: &Path| match changes.get(dir) {
            Some(Change::Write(file)) => file.content != Content::Directory,
            _ => false,
        };
        path.ancestors().skip(1).any(is_file) || changes.writes_below(path)
    }

    fn directory(&mut self, path: PathBuf, new: &New<'_>) -> u8 {
        let file = self.owned_file(new);
        if new.left_out {
            self.directories.insert(path, file);
            return State::NOT_INSTALLED;
        }
        let write = match self.root.stat(&path).map(|stat| (stat.kind.clone(), stat)) {
            Some((FileKind::Directory, stat)) => {
                (stat.mode, stat.uid, stat.gid) != (file.mode, file.uid, file.gid)
            }
            Some((FileKind::Symlink(_), _)) if self.leads_to_directory(&path) => false,
            None => self.is_new_directory(&path, new),
            Some(_) if self.owners.old(&path).is_some() && !self.owners.is_needed(&path) => true,
            Some(_) => {
                self.out.keep(new.package, &path, Why::NoDirectory);
                false
            }
        };
        if write {
            self.paths.becomes_directory(&path);
            self.out.changes.write(path.clone(), file.clone());
        }
        self.directories.insert(path, file);
        State::NORMAL
    }

    fn leads_to_directory(&self, path: &Path) -> bool {
        self.root.real_path(path).is_some_and(|real| self.paths.is_directory(&real))
    }

    /// Whether a directory that the image lacks is new, and not deleted or left out. Those come
    /// when something is written below them.
    fn is_new_directory(&self, path: &Path, new: &New<'_>) -> bool {
        let parent = path.parent().unwrap_or(Path::new(""));
        let unwanted = new.file.flags.is_ghost() || self.owners.old(path).is_some();
        let known = self.db.is_manifest_only() && new.file.flags.is_doc();
        !unwanted && !known && self.paths.is_directory(parent)
    }

    /// In an image without lists of files: a library's file is the package's when a link of the
    /// package names it, `libx.so.1 -> libx.so.1.2`.
    fn note_unlinked(&mut self, path: &Path, new: &New<'_>) {
        let (Kind::Symlink(target), Some(stat)) = (&new.file.kind, self.root.stat(path)) else {
            return;
        };
        let FileKind::Symlink(old) = stat.kind else { return };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let names_it = old.to_str().is_some_and(|old| old.starts_with(&name) && !old.contains('/'));
        if self.db.is_manifest_only() && old != *target && names_it {
            self.unlinked.insert(path.with_file_name(old));
        }
    }

    /// The new file, with a word for each owner that the image does not know.
    fn owned_file(&mut self, new: &New<'_>) -> File {
        let unknown = [
            ("user", &new.file.user, self.accounts.user(&new.file.user)),
            ("group", &new.file.group, self.accounts.group(&new.file.group)),
        ];
        for (what, name, _) in unknown.into_iter().filter(|(_, _, number)| number.is_none()) {
            let text = format!(
                "{} has files of the {what} {name}, whom the image does not know: root has them",
                new.package
            );
            if !self.out.warnings.iter().any(|warning| warning.text == text) {
                self.out.warn(Code::UnknownOwner, name, text);
            }
        }
        self.file_of(new)
    }

    /// The new file as it is to be in this image.
    pub(super) fn file_of(&self, new: &New<'_>) -> File {
        let (user, group) =
            (self.accounts.user(&new.file.user), self.accounts.group(&new.file.group));
        // Nobody may run as root what was to run as another.
        let lost = [(user, SETUID), (group, SETGID)];
        let lost = lost.iter().filter(|(number, _)| number.is_none()).map(|(_, bit)| bit);
        let mode = lost.fold(new.file.mode, |mode, bit| mode & !bit);
        let content = match &new.file.kind {
            Kind::Directory => Content::Directory,
            Kind::Symlink(target) => Content::Symlink(target.clone()),
            Kind::Regular | Kind::Special => {
                Content::Regular(new.content.cloned().unwrap_or_default())
            }
        };
        let capability = new.file.capability.iter();
        let xattrs = capability.map(|value| ("security.capability".to_owned(), value.clone()));
        File {
            content,
            mode: if matches!(new.file.kind, Kind::Symlink(_)) { 0o777 } else { mode },
            uid: user.unwrap_or_default(),
            gid: group.unwrap_or_default(),
            mtime: new.file.mtime,
            xattrs: xattrs.collect(),
        }
    }
}
