//! Installing RPM packages into an image: what `rpm -U` would change, but for what scriptlets do.
//!
//! - **Attributes** are the header's; owners by name have the numbers that the image's own
//!   `etc/passwd` and `etc/group` give them.
//! - **Configuration** that the user changed has rpm's fates: it stays and the new file is put
//!   beside it (`.rpmnew`), or it is put aside (`.rpmsave`).
//! - **What the old version had** and the new one has not goes, unless another package has it too.
//! - **What was deleted** from the image stays deleted, unlike with rpm, and is reported.
//! - **What images leave out** (documentation, languages) is left out of the new versions too.
//! - **Images with a manifest only** have no lists of files. Configuration there is the user's when
//!   it is younger than the package, and of what the old version had only a library's file goes
//!   when the link that names it points elsewhere. Other files of the old version stay.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::effect::accounts::image::Accounts;
use crate::effect::ldcache::update as ldcache;
use crate::error::{Error, Result};
use crate::format::rpm::db::record::State;
use crate::format::rpm::db::rpmdb::{Recorded, RpmDb};
use crate::format::rpm::install::accounts;
use crate::format::rpm::install::fate::RpmFile;
use crate::format::rpm::install::leftovers;
use crate::format::rpm::install::ownership::{OldFile, Ownership};
use crate::format::rpm::package::archive::{Archive, File as PackagedFile, Kind};
use crate::format::rpm::package::digest::Algorithm;
use crate::format::rpm::package::tag::Tag;
use crate::install::fate::{Fate, Incoming};
use crate::install::installer::Installer;
use crate::install::outcome::Installation;
use crate::install::place::Groups;
use crate::install::transaction::Transaction;
use crate::package::fetched::Verified;
use crate::package::removal::Removal;
use crate::port::FileKind;
use crate::port::Root;
use crate::unpack::decompress::Budget;
use crate::warning::{Code, Warning};

/// Work in progress: the image, and what is known of its packages.
pub(super) struct Work<'a> {
    pub(super) image: Installer<'a>,
    pub(super) db: &'a RpmDb,
    pub(super) accounts: Accounts,
    pub(super) ownership: Ownership<'a>,
    /// Files whose names the links of new packages no longer point at.
    unlinked: BTreeSet<PathBuf>,
}

/// What a transaction changes.
///
/// # Errors
///
/// As [`System::install`](crate::System::install).
pub(crate) fn install(
    root: &dyn Root,
    db: &RpmDb,
    transaction: &Transaction<'_>,
) -> Result<Installation> {
    let open = |p: &Verified| Archive::open(&p.candidate().to_string(), &p.package.bytes);
    let archives = transaction.packages.iter().map(open).collect::<Result<Vec<_>>>()?;
    let erased = erased(transaction.removals);
    let mut work = Work::new(root, db, &archives, &erased)?;
    let mut budget = Budget::installation();
    let package = |archive| work.package(archive, &mut budget);
    let states = archives.iter().map(package).collect::<Result<Vec<_>>>()?;
    let unlinked = std::mem::take(&mut work.unlinked);
    let remains = leftovers::leftovers(&mut work.image, &work.ownership, unlinked)?;
    work.image.remove_stale(remains, &|_| false);
    work.image.add_parents();
    work.scriptlets(&archives);
    let time = time(db, &archives);
    let recorded = archives.iter().zip(states);
    let recorded: Vec<_> =
        recorded.map(|(archive, states)| Recorded { file: &archive.package, states }).collect();
    for (path, change) in db.record(root, &recorded, &erased, time)? {
        work.image.out.changes.put(path, change);
    }
    ldcache::update(root, &mut work.image.out)?;
    Ok(work.image.finish())
}

impl<'a> Work<'a> {
    fn new(
        root: &'a dyn Root,
        db: &'a RpmDb,
        archives: &[Archive],
        erased: &[(String, String)],
    ) -> Result<Self> {
        let mut image = Installer::new(root);
        let warnings = &mut image.out.warnings;
        let ownership = db.ownership(archives, erased, &mut image.paths, warnings);
        for (name, arch) in erased {
            let text = format!("{name}.{arch} goes: a new package makes it obsolete");
            warnings.push(Warning::new(Code::Removed, name, text));
        }
        let accounts = accounts::with_new(root, archives, &mut image.out.changes)?;
        Ok(Self { image, db, accounts, ownership, unlinked: BTreeSet::new() })
    }

    /// Installs the files of a package. Gives what became of each: [`State`].
    fn package(&mut self, archive: &Archive, budget: &mut Budget) -> Result<Vec<u8>> {
        let header = &archive.package.header;
        let text = |tag| header.text(tag).unwrap_or_default();
        let (name, arch) = (text(Tag::NAME), text(Tag::ARCH));
        let contents = archive.contents(budget)?;
        let algorithm = Algorithm::of(header);
        check_digests(archive, algorithm, &contents)?;
        let omitted = self.ownership.omissions.omitted(&name, header, &archive.files);
        let linked = archive.linked();
        let mut groups = Groups::new();
        let mut states = Vec::with_capacity(archive.files.len());
        for (i, (new, is_omitted)) in archive.files.iter().zip(omitted).enumerate() {
            let path = self.image.paths.physical(&new.path);
            if path.as_os_str().is_empty() {
                states.push(State::NORMAL);
                continue;
            }
            let Self { db, ownership, accounts, .. } = self;
            let (package, arch) = (&*name, &*arch);
            let policy =
                RpmFile { package, db, ownership, accounts, arch, new, algorithm, is_omitted };
            let file = policy.file(contents.get(&i));
            let group = linked.contains(&new.first).then_some(new.first);
            let is_special = new.kind == Kind::Special;
            let incoming = Incoming { package, path: path.clone(), file, group, is_special };
            let fate = match new.kind {
                Kind::Directory => self.image.place_directory(incoming, &policy)?,
                _ => self.image.place(incoming, &policy, &mut groups)?,
            };
            states.push(state(fate, new, self.ownership.old(&path)));
            if fate == Fate::Write {
                self.note_unlinked(&path, new);
            }
        }
        Ok(states)
    }

    /// In an image without lists of files: a library's file is the package's when a link of the
    /// package names it, `libx.so.1 -> libx.so.1.2`.
    fn note_unlinked(&mut self, path: &Path, new: &PackagedFile) {
        let (Kind::Symlink(target), Some(stat)) = (&new.kind, self.image.root.stat(path)) else {
            return;
        };
        let FileKind::Symlink(old) = stat.kind else { return };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let names_it = old.to_str().is_some_and(|old| old.starts_with(&name) && !old.contains('/'));
        if self.db.is_manifest_only() && old != *target && names_it {
            self.unlinked.insert(path.with_file_name(old));
        }
    }
}

/// What the database says became of a file: [`State`].
fn state(fate: Fate, new: &PackagedFile, old: Option<OldFile<'_>>) -> u8 {
    if fate != Fate::Omitted {
        return State::NORMAL;
    }
    let old = old.map(|old| old.state).filter(|_| new.kind != Kind::Directory);
    old.filter(|state| *state >= State::NET_SHARED).unwrap_or(State::NOT_INSTALLED)
}

/// Names and architectures of the packages that go.
fn erased(removals: &[Removal]) -> Vec<(String, String)> {
    removals.iter().map(|removal| (removal.package.clone(), removal.arch.clone())).collect()
}

/// When the packages are installed: a function of the image and the packages. It is later than any
/// installation before, so that the transaction has a name of its own.
fn time(db: &RpmDb, new: &[Archive]) -> u32 {
    let number = |header: &crate::format::rpm::package::header::Header, tag| {
        header.number(tag).unwrap_or_default()
    };
    let built = new.iter().map(|archive| number(&archive.package.header, Tag::BUILDTIME));
    let before = db.all_headers().flat_map(|header| {
        [Tag::INSTALLTIME, Tag::INSTALLTID].map(|tag| number(header, tag).saturating_add(1))
    });
    let latest = built.chain(before).max().unwrap_or_default();
    u32::try_from(latest).unwrap_or(u32::MAX)
}

/// Whether each file is the one that the header, which is signed, describes.
fn check_digests(
    archive: &Archive,
    algorithm: Algorithm,
    contents: &BTreeMap<usize, Bytes>,
) -> Result<()> {
    let wrong = contents.iter().find_map(|(number, content)| {
        let file = archive.files.get(*number).filter(|file| file.kind == Kind::Regular)?;
        (algorithm.fits(&file.digest, content) == Some(false)).then_some(file)
    });
    match wrong {
        None => Ok(()),
        Some(file) => Err(Error::Malformed {
            what: archive.what().into(),
            reason: format!("{} is not what its header says", file.path.display()),
        }),
    }
}

#[cfg(test)]
#[path = "tests/transaction.rs"]
pub(crate) mod tests;
