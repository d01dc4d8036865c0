//! Installing Debian packages into a distroless image.
//!
//! Such an image is made of the data of its packages, laid over each other, and nothing ran: no
//! maintainer script, no trigger. So the image after an update is to be what its builder would
//! make of the new packages: [`install`] finds the difference, path by path.
//!
//! What can be told of the installed version is its `.md5sums`: the regular files, without
//! configuration. The rest is found like this:
//!
//! - **Links** that the new version no longer has are removed when they point at something that
//!   is removed, or when they have the very time at which the package was built.
//! - **Configuration** that differs is replaced when its time lies before that of the build:
//!   builders keep times, and users come later. Images whose times were all set to one value are
//!   told by that, and their configuration is kept.
//! - **Directories** that exist keep their mode and owner, as with dpkg.
//! - **Without `.md5sums`**, all paths of the new version are written over what is there, but for
//!   configuration. What only the old version had cannot be told and stays.
//!
//! Where times tell nothing, a link at a path of the package counts as the package's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::effect::accounts::create::{create, is_made};
use crate::effect::accounts::image::Accounts;
use crate::effect::accounts::sysusers::{is_of_sysusers, is_overridden, parse};
use crate::effect::certificates as cacerts;
use crate::effect::ldcache::update as ldcache;
use crate::error::{Error, Result};
use crate::format::deb::control::Stanza;
use crate::format::deb::db::status_d::StatusD;
use crate::format::deb::install::fate::Distroless;
use crate::format::deb::install::leftovers;
use crate::format::deb::install::ownership::Ownership;
use crate::format::deb::install::part::Part;
use crate::format::deb::install::scripts::{self, Image, Step};
use crate::format::deb::package::archive::{Archive, Entry, EntryKind};
use crate::install::change::{Change, Content, File};
use crate::install::fate::{Fate, Incoming};
use crate::install::installer::Installer;
use crate::install::outcome::{Installation, Unrun};
use crate::install::overlay::Overlay;
use crate::install::place::Groups;
use crate::package::fetched::{Package, Verified};
use crate::port::Root;
use crate::unpack::decompress::Budget;
use crate::warning::Code;

/// Work in progress: the image, and what is known of its packages.
struct Work<'a> {
    image: Installer<'a>,
    db: &'a StatusD,
    ownership: Ownership,
    accounts: Accounts,
    /// The packages so far.
    steps: Vec<Step>,
}

/// One package while it is installed.
struct Installing<'p> {
    policy: Distroless<'p>,
    /// The regular files of the package seen so far.
    files: BTreeMap<PathBuf, Regular>,
    groups: Groups,
    /// The certificates of `ca-certificates`.
    certificates: BTreeMap<PathBuf, Bytes>,
    /// Its files that say which users and groups it wants.
    sysusers: BTreeMap<PathBuf, Bytes>,
}

/// A regular file of a package: what a hard link to it needs.
struct Regular {
    /// Its number among them, which names the group of its hard links.
    number: usize,
    /// Its content, when neither the image nor the change set has it at this path.
    content: Option<Bytes>,
    /// Its attributes.
    bare: File,
}

/// What installing these packages changes.
///
/// # Errors
///
/// As [`System::install`](crate::System::install).
pub(crate) fn install(
    root: &dyn Root,
    db: &StatusD,
    packages: &[Verified],
) -> Result<Installation> {
    let mut image = Installer::new(root);
    let names: BTreeSet<&str> = packages.iter().map(|p| &*p.candidate().name).collect();
    let ownership = db.ownership(root, &names, &mut image.paths)?;
    let accounts = Accounts::of(root)?;
    let mut work = Work { image, db, ownership, accounts, steps: Vec::new() };
    let mut budget = Budget::installation();
    for package in packages {
        work.package(&package.package, &mut budget)?;
    }
    let Work { mut image, ownership, accounts, steps, .. } = work;
    let remains = leftovers::leftovers(&mut image, &ownership, &names)?;
    // Of a directory that no package has files in, nobody knows: it may be a place to mount at.
    image.remove_stale(remains, &|dir| ownership.lists_below(dir));
    let mut out = image.finish();
    let after = Overlay::new(root, &out.changes);
    let found = Image { before: root, after: &after, accounts: &accounts };
    let unrun: Vec<Unrun> = steps.iter().flat_map(|step| step.unrun(found)).collect();
    out.unrun.extend(unrun);
    ldcache::update(root, &mut out)?;
    Ok(out)
}

impl Work<'_> {
    fn package(&mut self, package: &Package, budget: &mut Budget) -> Result<()> {
        let name = &package.candidate.name;
        let what = format!("{name} {}", package.candidate.version);
        let archive =
            Archive::open(&what, &package.bytes)?.with_repacked(package.repacked.as_deref());
        check_identity(&what, package, &archive.control.control.bytes)?;
        for path in scripts::links_that_become_directories(&archive.control.scripts) {
            self.image.link_becomes_directory(&path);
        }
        let conffiles = archive.control.conffiles.iter();
        let conffiles = conffiles.map(|path| self.image.paths.physical(path)).collect();
        let part = Part::of(name, &self.ownership, self.image.root, &archive)?;
        let ownership = &self.ownership;
        let mut installing = Installing {
            policy: Distroless { package: name, ownership, part, conffiles: &conffiles },
            files: BTreeMap::new(),
            groups: Groups::new(),
            certificates: BTreeMap::new(),
            sysusers: BTreeMap::new(),
        };
        archive.walk(budget, |entry| installing.entry(&mut self.image, entry))?;
        let Installing { certificates, sysusers, .. } = installing;
        if name == cacerts::PACKAGE {
            self.certificates(&certificates)?;
        }
        let changes = &mut self.image.out.changes;
        self.db.record(self.image.root, name, &archive, changes);
        let has_sysusers = self.accounts(&sysusers)?;
        self.steps.push(self.step(package, archive, has_sysusers));
        Ok(())
    }

    /// Makes the users and groups that files of a package ask for. Whether all are there then.
    fn accounts(&mut self, files: &BTreeMap<PathBuf, Bytes>) -> Result<bool> {
        let own = files.iter().filter(|(path, _)| !is_overridden(self.image.root, path));
        let own = own.map(|(_, content)| parse(&String::from_utf8_lossy(content)));
        let Ok(wanted) = own.collect::<std::result::Result<Vec<_>, _>>() else { return Ok(false) };
        let wanted = wanted.concat();
        let so_far = Overlay::new(self.image.root, &self.image.out.changes);
        for (path, file) in create(&so_far, &mut self.accounts, &wanted)? {
            self.image.ship(path.clone());
            self.image.out.changes.write(path, file);
        }
        Ok(is_made(&self.accounts, &wanted))
    }

    /// What is to be known of the package when its scripts are read.
    fn step(&self, package: &Package, archive: Archive<'_>, has_sysusers: bool) -> Step {
        let (name, new) = (package.candidate.name.clone(), package.candidate.version.to_string());
        let mut installed = self.db.entries.iter().map(|entry| &entry.installed);
        let old = installed.find(|old| old.name == name).map(|old| old.version.to_string());
        Step { package: name, old, new, scripts: archive.control.scripts, has_sysusers }
    }

    fn certificates(&mut self, new: &BTreeMap<PathBuf, Bytes>) -> Result<()> {
        let old = self.ownership.sums_of(cacerts::PACKAGE);
        let update = cacerts::update(self.image.root, new, &old)?;
        if let Some((path, file)) = update.write {
            self.image.ship(path.clone());
            self.image.out.changes.write(path, file);
        }
        for (path, why) in update.kept {
            self.image.out.keep(cacerts::PACKAGE, &path, why);
        }
        Ok(())
    }
}

impl<'p> Installing<'p> {
    /// Installs one entry.
    fn entry(&mut self, image: &mut Installer<'_>, entry: Entry) -> Result<()> {
        let path = image.paths.physical(&entry.path);
        let is_special = entry.kind == EntryKind::Special;
        let content = match &entry.kind {
            EntryKind::Hardlink(target) => {
                let target = image.paths.physical(target);
                return self.hardlink(image, path, &target);
            }
            EntryKind::Regular(content) => Content::Regular(content.clone()),
            EntryKind::Symlink(target) => Content::Symlink(target.clone()),
            EntryKind::Directory => Content::Directory,
            EntryKind::Special => Content::Regular(Bytes::new()),
        };
        let number = self.files.len();
        let group = matches!(entry.kind, EntryKind::Regular(_)).then_some(number);
        let Entry { mode, uid, gid, mtime, xattrs, .. } = entry;
        let file = File { content, mode, uid, gid, mtime, xattrs };
        let package = self.policy.package;
        let incoming = Incoming { package, path, file, group, is_special };
        match entry.kind {
            EntryKind::Directory => image.place_directory(incoming, &self.policy).map(drop),
            EntryKind::Regular(content) => self.regular(image, incoming, &entry.path, content),
            _ => image.place(incoming, &self.policy, &mut self.groups).map(drop),
        }
    }

    fn regular(
        &mut self,
        image: &mut Installer<'_>,
        incoming: Incoming<'p>,
        as_spelled: &Path,
        content: Bytes,
    ) -> Result<()> {
        if incoming.package == cacerts::PACKAGE && cacerts::is_certificate(as_spelled) {
            self.certificates.insert(as_spelled.to_owned(), content.clone());
        }
        let (path, number) = (incoming.path.clone(), self.files.len());
        let bare = File { content: Content::Directory, ..incoming.file.clone() };
        let fate = image.place(incoming, &self.policy, &mut self.groups)?;
        let stays = !matches!(fate, Fate::Write | Fate::Same);
        // What the image leaves out asks for nothing.
        if !stays && is_of_sysusers(as_spelled) {
            self.sysusers.insert(as_spelled.to_owned(), content.clone());
        }
        let content = stays.then_some(content);
        self.files.insert(path, Regular { number, content, bare });
        Ok(())
    }

    fn hardlink(&mut self, image: &mut Installer<'_>, path: PathBuf, target: &Path) -> Result<()> {
        let package = self.policy.package;
        let Some(regular) = self.files.get(target) else {
            let path_shown = path.display();
            let text = format!("{path_shown} of {package} is another name of nothing: left out");
            image.out.warn(Code::LeftOut, path_shown, text);
            image.ship(path);
            return Ok(());
        };
        let content = match (&regular.content, image.out.changes.get(target)) {
            (Some(content), _) => content.clone(),
            (None, Some(Change::Write(File { content: Content::Regular(content), .. }))) => {
                content.clone()
            }
            (None, _) => image.root.read(target)?.unwrap_or_default(),
        };
        let file = File { content: Content::Regular(content), ..regular.bare.clone() };
        let group = Some(regular.number);
        let incoming = Incoming { package, path, file, group, is_special: false };
        image.place(incoming, &self.policy, &mut self.groups).map(drop)
    }
}

/// The index is signed and the package is not: it has to be the one that the index names.
fn check_identity(what: &str, package: &Package, control: &[u8]) -> Result<()> {
    let text = String::from_utf8_lossy(control);
    let stanza = Stanza::parse(&text)?;
    let expected = &package.candidate;
    let version = expected.version.to_string();
    let pairs =
        [("Package", &expected.name), ("Version", &version), ("Architecture", &expected.arch)];
    for (field, expected) in pairs {
        let found = stanza.require(field)?;
        if found != expected {
            let reason = format!("its {field} is {found}, the repository says {expected}");
            return Err(Error::Malformed { what: what.into(), reason });
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "tests/distroless.rs"]
mod tests;
