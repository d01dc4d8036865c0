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

use crate::format::rpm::install::fate;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use bytes::Bytes;

use crate::effect::ldcache::update as ldcache;
use crate::error::{Error, Result};
use crate::format::rpm::db::installed;
use crate::format::rpm::db::rpmdb::{Recorded, RpmDb};
use crate::format::rpm::install::accounts::Accounts;
use crate::format::rpm::install::owners::Owners;
use crate::format::rpm::package::archive::{Archive, File as PackagedFile, Kind};
use crate::format::rpm::package::digest::Algorithm;
use crate::format::rpm::package::tag::Tag;
use crate::install::change::File;
use crate::install::installation::Installation;
use crate::install::paths::Paths;
use crate::package::fetched::Verified;
use crate::port::Root;
use crate::unpack::decompress::Budget;
use crate::version::any::Version;
use crate::warning::Code;

/// Work in progress: the image, what is known of it, and what changes so far.
pub(super) struct Work<'a> {
    pub(super) root: &'a dyn Root,
    pub(super) db: &'a RpmDb,
    pub(super) paths: Paths<'a>,
    pub(super) accounts: Accounts,
    pub(super) owners: Owners<'a>,
    /// All physical paths of the new packages: whatever is there is theirs.
    pub(super) shipped: BTreeSet<PathBuf>,
    /// The directories of the new packages.
    pub(super) directories: BTreeMap<PathBuf, File>,
    /// Files and links of the new packages over which a directory stands.
    pub(super) over_directory: BTreeMap<PathBuf, (String, File)>,
    /// Files whose names the links of new packages no longer point at.
    pub(super) unlinked: BTreeSet<PathBuf>,
    pub(super) out: Installation,
}

/// A file of a package that is installed.
#[derive(Debug)]
pub(super) struct New<'a> {
    pub(super) package: &'a str,
    pub(super) arch: &'a str,
    pub(super) file: &'a PackagedFile,
    /// Of a regular file that is no ghost.
    pub(super) content: Option<&'a Bytes>,
    pub(super) algorithm: Algorithm,
    /// Whether it has several names.
    pub(super) is_linked: bool,
    /// Whether this image leaves files like it out.
    pub(super) left_out: bool,
}

/// What installing these packages changes.
pub(crate) fn install(root: &dyn Root, packages: &[Verified]) -> Result<Installation> {
    let db = RpmDb::open(root)?.ok_or_else(|| Error::Unsupported {
        what: "an image without an RPM database".into(),
        reason: "there is nothing to record packages in".into(),
    })?;
    let open = |p: &Verified| Archive::open(&p.candidate().to_string(), &p.package.bytes);
    let archives = packages.iter().map(open).collect::<Result<Vec<_>>>()?;
    let erased = obsolete(&db, &archives)?;
    let mut work = Work::new(root, &db, &archives, &erased)?;
    let mut budget = Budget::installation();
    let states = archives
        .iter()
        .map(|archive| work.package(archive, &mut budget))
        .collect::<Result<Vec<_>>>()?;
    work.remove_stale()?;
    work.paths.add_parents(&work.directories, &mut work.out.changes);
    work.scriptlets(&archives);
    let time = time(&db, &archives);
    let recorded = archives.iter().zip(states);
    let recorded: Vec<_> =
        recorded.map(|(archive, states)| Recorded { file: &archive.package, states }).collect();
    for (path, change) in db.record(root, &recorded, &erased, time)? {
        work.out.changes.put(path, change);
    }
    ldcache::update(root, &mut work.out)?;
    work.out.kept.sort();
    work.out.kept.dedup();
    Ok(work.out)
}

impl<'a> Work<'a> {
    fn new(
        root: &'a dyn Root,
        db: &'a RpmDb,
        archives: &[Archive],
        erased: &[(String, String)],
    ) -> Result<Self> {
        let (mut paths, mut out) = (Paths::new(root), Installation::default());
        let owners = Owners::of(db, archives, erased, &mut paths, &mut out.warnings);
        for (name, arch) in erased {
            let text = format!("{name}.{arch} goes: a new package makes it obsolete");
            out.warn(Code::Removed, name, text);
        }
        Ok(Self {
            root,
            db,
            paths,
            accounts: Accounts::of(root)?,
            owners,
            shipped: BTreeSet::new(),
            directories: BTreeMap::new(),
            over_directory: BTreeMap::new(),
            unlinked: BTreeSet::new(),
            out,
        })
    }

    /// Installs the files of a package. Gives what became of each: [`State`].
    fn package(&mut self, archive: &Archive, budget: &mut Budget) -> Result<Vec<u8>> {
        let header = &archive.package.header;
        let (name, arch) = (header.text(Tag::NAME), header.text(Tag::ARCH));
        let (name, arch) = (name.unwrap_or_default(), arch.unwrap_or_default());
        let contents = archive.contents(budget)?;
        let algorithm = Algorithm::of(header);
        check_digests(archive, algorithm, &contents)?;
        let left_out = self.owners.habits.left_out(&name, header, &archive.files);
        let linked = archive.linked();
        let mut groups = BTreeMap::new();
        let mut states = Vec::with_capacity(archive.files.len());
        for (i, (file, left_out)) in archive.files.iter().zip(left_out).enumerate() {
            let content = fate::content_of(file, contents.get(&i));
            let is_linked = linked.contains(&file.first);
            let new =
                New { package: &name, arch: &arch, file, content, algorithm, is_linked, left_out };
            states.push(self.file(&new, &mut groups)?);
        }
        Ok(states)
    }
}

/// Names and architectures of installed packages that new ones make obsolete.
fn obsolete(db: &RpmDb, new: &[Archive]) -> Result<Vec<(String, String)>> {
    let mut found = BTreeSet::new();
    for archive in new {
        let Some(package) = installed::package(&archive.package.header)? else { continue };
        for constraint in &package.relations.obsoletes {
            let within = |version: &Version| match &constraint.version {
                Some((operator, bound)) => operator.holds(version, bound),
                None => true,
            };
            let is = |old: &&crate::package::installed::Installed| {
                old.name == constraint.name && old.name != package.name && within(&old.version)
            };
            let old = crate::package::database::PackageDb::installed(db).iter().filter(is);
            found.extend(old.map(|old| (old.name.clone(), old.arch.clone())));
        }
    }
    let is_new = |name: &str| {
        new.iter().any(|archive| archive.package.header.text(Tag::NAME).is_some_and(|n| n == name))
    };
    Ok(found.into_iter().filter(|(name, _)| !is_new(name)).collect())
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
