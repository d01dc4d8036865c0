//! Files, links and directories of packages put into the image, for every format.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::install::change::{Content, File};
use crate::install::fate::{Fate, Incoming, Policy, with_ending};
use crate::install::installer::Installer;
use crate::install::outcome::Why;
use crate::port::{FileKind, Stat};
use crate::warning::Code;

/// The physical path at which a group of hard links was written first, by the number of the group.
pub(crate) type Groups = BTreeMap<usize, PathBuf>;

impl Installer<'_> {
    /// Puts a file, link or device of a package into the image, or leaves it, as the policy says.
    /// Gives what became of it.
    ///
    /// # Errors
    ///
    /// When the image cannot be read.
    pub(crate) fn place(
        &mut self,
        incoming: Incoming<'_>,
        policy: &dyn Policy,
        groups: &mut Groups,
    ) -> Result<Fate> {
        self.ship(incoming.path.clone());
        let fate = self.fate(&incoming, policy)?;
        let Incoming { package, path, .. } = &incoming;
        match fate {
            Fate::Same | Fate::Leave | Fate::Omitted => {}
            Fate::Keep(why) => self.out.keep(package, path, why),
            _ if incoming.is_special => {
                let text = format!("/{} of {package} is a device: left out", path.display());
                self.out.warn(Code::LeftOut, path.display(), text);
            }
            Fate::OverDirectory => {
                let file = self.adopted(&incoming, policy);
                self.over_directory.insert(incoming.path, (incoming.package.into(), file));
            }
            Fate::Write => self.write(&incoming, policy, groups),
            Fate::Beside(ending) => self.write_beside(&incoming, ending, policy),
            Fate::Save(ending) => {
                if self.save(path, package, ending)? {
                    self.write(&incoming, policy, groups);
                }
            }
        }
        Ok(fate)
    }

    fn fate(&self, incoming: &Incoming<'_>, policy: &dyn Policy) -> Result<Fate> {
        if let Some(fate) = policy.beforehand(incoming) {
            return Ok(fate);
        }
        match self.root.stat(&incoming.path) {
            None if self.is_blocked(&incoming.path) => Ok(Fate::Keep(Why::NoDirectory)),
            None => policy.missing(incoming, self),
            Some(stat) if stat.kind == FileKind::Directory => Ok(Fate::OverDirectory),
            Some(stat) => policy.over(incoming, &stat, self),
        }
    }

    /// Puts a directory of a package into the image, or leaves it, as the policy says.
    ///
    /// # Errors
    ///
    /// When the image cannot be read.
    pub(crate) fn place_directory(
        &mut self,
        incoming: Incoming<'_>,
        policy: &dyn Policy,
    ) -> Result<Fate> {
        let there = self.root.stat(&incoming.path);
        let fate = match policy.beforehand(&incoming) {
            Some(fate) => fate,
            None => policy.directory(&incoming, there.as_ref(), self)?,
        };
        let file = self.adopted(&incoming, policy);
        let Incoming { package, path, .. } = incoming;
        match fate {
            Fate::Keep(why) => self.out.keep(package, &path, why),
            Fate::Write => {
                self.paths.becomes_directory(&path);
                self.out.changes.write(path.clone(), file.clone());
            }
            _ => {}
        }
        self.directories.insert(path, file);
        Ok(fate)
    }

    /// A link whose place a directory of the new version takes, because its maintainer says so.
    pub(crate) fn link_becomes_directory(&mut self, path: &Path) {
        let path = self.paths.physical(path);
        let is_link = |stat: Stat| matches!(stat.kind, FileKind::Symlink(_));
        if self.root.stat(&path).is_some_and(is_link) {
            self.paths.becomes_directory(&path);
        }
    }

    fn write(&mut self, incoming: &Incoming<'_>, policy: &dyn Policy, groups: &mut Groups) {
        let Incoming { package, path, group, .. } = incoming;
        if self.collides(path) {
            self.out.keep(package, path, Why::NoDirectory);
            return;
        }
        let mut file = self.adopted(incoming, policy);
        if let Some(group) = group {
            match groups.get(group) {
                Some(first) if first != path => file.content = Content::Hardlink(first.clone()),
                _ => drop(groups.insert(*group, path.clone())),
            }
        }
        self.out.changes.write(path, file);
    }

    fn write_beside(&mut self, incoming: &Incoming<'_>, ending: &str, policy: &dyn Policy) {
        self.out.keep(incoming.package, &incoming.path, Why::Changed);
        let aside = with_ending(&incoming.path, ending);
        if self.is_free(&aside, incoming.package) {
            let file = self.adopted(incoming, policy);
            self.out.changes.write(aside, file);
        }
    }

    /// The file as it is to be in this image.
    fn adopted(&mut self, incoming: &Incoming<'_>, policy: &dyn Policy) -> File {
        let mut file = incoming.file.clone();
        for warning in policy.adopt(&mut file, self.root.stat(&incoming.path)) {
            if !self.out.warnings.contains(&warning) {
                self.out.warnings.push(warning);
            }
        }
        file
    }

    /// Whether a file may be put there: a directory of the user's would go with all in it.
    fn is_free(&mut self, path: &Path, package: &str) -> bool {
        let kind = self.root.stat(path).map(|stat| stat.kind);
        let is_free = matches!(kind, None | Some(FileKind::Regular(_)))
            && !self.paths.is_directory(path)
            && !self.collides(path);
        if !is_free {
            self.out.keep(package, path, Why::Directory);
        }
        is_free
    }

    /// Puts the user's file at the path aside. Gives whether another may come there: where it
    /// cannot be put aside, it stays.
    ///
    /// # Errors
    ///
    /// When the image cannot be read.
    pub(crate) fn save(&mut self, path: &Path, package: &str, ending: &str) -> Result<bool> {
        let Some(stat) = self.root.stat(path) else { return Ok(true) };
        let content = match stat.kind {
            FileKind::Regular(_) => Content::Regular(self.root.read(path)?.unwrap_or_default()),
            FileKind::Symlink(target) => Content::Symlink(target),
            _ => return Ok(true),
        };
        let saved = with_ending(path, ending);
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
}
