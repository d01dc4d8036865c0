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

use crate::format::deb::install::scripts;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use bytes::Bytes;

use crate::effect::certificates as cacerts;
use crate::effect::ldcache::update as ldcache;
use crate::error::{Error, Result};
use crate::format::deb::control::Stanza;
use crate::format::deb::db::record;
use crate::format::deb::db::status_d::StatusD;
use crate::format::deb::install::owners::Owners;
use crate::format::deb::install::part::Part;
use crate::format::deb::package::archive::{Archive, Entry};
use crate::install::change::{Content, File};
use crate::install::installation::Installation;
use crate::install::paths::Paths;
use crate::package::fetched::{Package, Verified};
use crate::port::Root;
use crate::unpack::decompress::Budget;

/// Work in progress: the image, what is known of it, and what changes so far.
pub(super) struct Work<'a> {
    pub(super) root: &'a dyn Root,
    pub(super) db: &'a StatusD,
    pub(super) paths: Paths<'a>,
    pub(super) owners: Owners,
    /// All physical paths of the new packages, except directories.
    pub(super) shipped: BTreeSet<PathBuf>,
    /// The directories of the new packages.
    pub(super) directories: BTreeMap<PathBuf, File>,
    /// Files and links of the new packages over which a directory stands.
    pub(super) over_directory: BTreeMap<PathBuf, (String, File)>,
    pub(super) out: Installation,
}

/// One package while it is installed.
pub(super) struct Installing<'a> {
    pub(super) name: &'a str,
    pub(super) part: Part,
    pub(super) conffiles: BTreeSet<PathBuf>,
    /// The regular files of the package seen so far.
    pub(super) files: BTreeMap<PathBuf, Shipped>,
    /// The certificates of `ca-certificates`.
    pub(super) certificates: BTreeMap<PathBuf, Bytes>,
}

/// A regular file of a package: what a hard link to it needs.
pub(super) struct Shipped {
    pub(super) sum: [u8; 16],
    /// Its content, when neither the image nor the change set has it at this path.
    pub(super) content: Option<Bytes>,
    pub(super) file: File,
}

/// What installing these packages changes.
pub(crate) fn install(
    root: &dyn Root,
    db: &StatusD,
    packages: &[Verified],
) -> Result<Installation> {
    let mut paths = Paths::new(root);
    let names: BTreeSet<&str> = packages.iter().map(|p| &*p.candidate().name).collect();
    let owners = Owners::of(root, &db.entries, &names, &mut paths)?;
    let mut work = Work {
        root,
        db,
        paths,
        owners,
        shipped: BTreeSet::new(),
        directories: BTreeMap::new(),
        over_directory: BTreeMap::new(),
        out: Installation::default(),
    };
    let mut budget = Budget::installation();
    for package in packages {
        work.package(&package.package, &mut budget)?;
    }
    work.remove_stale(&names)?;
    work.paths.add_parents(&work.directories, &mut work.out.changes);
    ldcache::update(root, &mut work.out)?;
    work.out.kept.sort();
    work.out.kept.dedup();
    Ok(work.out)
}

impl Work<'_> {
    fn package(&mut self, package: &Package, budget: &mut Budget) -> Result<()> {
        let what = format!("{} {}", package.candidate.name, package.candidate.version);
        let archive =
            Archive::open(&what, &package.bytes)?.with_repacked(package.repacked.as_deref());
        check_identity(&what, package, &archive.control.control.bytes)?;
        for path in scripts::links_that_become_directories(&archive.control.scripts) {
            self.link_becomes_directory(&path);
        }
        let conffiles = &archive.control.conffiles;
        let mut installing = Installing {
            name: &package.candidate.name,
            part: Part::of(self, &package.candidate.name, &archive)?,
            conffiles: conffiles.iter().map(|path| self.paths.physical(path)).collect(),
            files: BTreeMap::new(),
            certificates: BTreeMap::new(),
        };
        archive.walk(budget, |entry| self.entry(&mut installing, entry))?;
        if installing.name == cacerts::PACKAGE {
            self.certificates(&installing)?;
        }
        record::record(self.root, self.db, installing.name, &archive, &mut self.out.changes);
        self.out.unrun.extend(scripts::unrun(installing.name, &archive.control.scripts));
        Ok(())
    }

    fn certificates(&mut self, installing: &Installing<'_>) -> Result<()> {
        let old = self.owners.sums_of(installing.name);
        let update = cacerts::update(self.root, &installing.certificates, &old)?;
        if let Some((path, file)) = update.write {
            self.shipped.insert(path.clone());
            self.out.changes.write(path, file);
        }
        for (path, why) in update.kept {
            self.out.keep(installing.name, &path, why);
        }
        Ok(())
    }
}

/// An entry of a package as a file to be written.
pub(super) fn file_of(entry: Entry, content: Content) -> File {
    let Entry { mode, uid, gid, mtime, xattrs, .. } = entry;
    File { content, mode, uid, gid, mtime, xattrs }
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
