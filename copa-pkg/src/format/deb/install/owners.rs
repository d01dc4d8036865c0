//! Which package put which file into the image, and what it was.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::format::deb::db::status_d::Entry;
use crate::install::paths::Paths;
use crate::port::{FileKind, Root, Stat};

/// The files that the database lists, by physical path.
#[derive(Debug)]
pub(super) struct Owners {
    files: BTreeMap<PathBuf, Vec<Listed>>,
    packages: BTreeMap<String, Owner>,
    /// Whether modification times tell packages and users apart.
    times_tell: bool,
}

/// One database entry that lists a file.
#[derive(Debug)]
struct Listed {
    package: String,
    sum: [u8; 16],
}

/// What is known of a package's files.
#[derive(Debug, Default)]
pub(super) struct Owner {
    /// Whether the database lists files for it.
    pub(super) has_sums: bool,
    /// When it was built: the latest time of its files. Debian sets later times back to that of
    /// the changelog.
    pub(super) built: Option<i64>,
    /// Whether packages of another source have that very time: then it is not the build's, but
    /// one that whoever made the image gave to everything.
    time_is_shared: bool,
    /// How many of the listed files the image has.
    pub(super) present: usize,
    /// How many files are listed.
    pub(super) listed: usize,
    /// Directories, with how many of the files listed right in them the image has and has not.
    pub(super) directories: BTreeMap<PathBuf, (usize, usize)>,
    updated: bool,
}

impl Owners {
    /// Reads what the database lists and looks up what is there. `updated` names the packages
    /// that will be replaced.
    pub(super) fn of(
        root: &dyn Root,
        entries: &[Entry],
        updated: &BTreeSet<&str>,
        paths: &mut Paths<'_>,
    ) -> Result<Self> {
        let mut files: BTreeMap<PathBuf, Vec<Listed>> = BTreeMap::new();
        let mut packages: BTreeMap<String, Owner> = BTreeMap::new();
        for entry in entries {
            let package = &entry.installed.name;
            let owner = packages.entry(package.clone()).or_default();
            owner.updated = updated.contains(&**package);
            owner.has_sums |= entry.md5sums.is_some();
            for (path, sum) in &entry.files {
                let path = paths.physical(path);
                owner.add(root, &path, sum)?;
                files.entry(path).or_default().push(Listed { package: package.clone(), sum: *sum });
            }
        }
        let builds: BTreeSet<i64> = packages.values().filter_map(|owner| owner.built).collect();
        let times_tell = builds.len() > 1;
        mark_shared_times(&mut packages, entries);
        Ok(Self { files, packages, times_tell })
    }

    pub(super) fn of_package(&self, package: &str) -> Option<&Owner> {
        self.packages.get(package)
    }

    /// Whether the package is installed and the database lists no files for it.
    pub(super) fn lists_nothing_for(&self, package: &str) -> bool {
        self.packages.get(package).is_some_and(|owner| !owner.has_sums)
    }

    /// Whether any package put just this content there.
    pub(super) fn is_pristine(&self, path: &Path, sum: &[u8; 16]) -> bool {
        self.files.get(path).is_some_and(|all| all.iter().any(|listed| listed.sum == *sum))
    }

    /// Whether any package lists the path.
    pub(super) fn is_listed(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }

    /// Whether any package lists something below the directory.
    pub(super) fn lists_below(&self, dir: &Path) -> bool {
        let mut listed = self.files.range(dir.to_owned()..).map(|(path, _)| path);
        listed.find(|path| *path != dir).is_some_and(|path| path.starts_with(dir))
    }

    /// Whether this package lists the path.
    pub(super) fn lists(&self, package: &str, path: &Path) -> bool {
        self.files.get(path).is_some_and(|all| all.iter().any(|listed| listed.package == package))
    }

    /// Whether a package that stays as it is lists the path.
    pub(super) fn is_needed(&self, path: &Path) -> bool {
        let stays =
            |listed: &Listed| !self.packages.get(&listed.package).is_some_and(|o| o.updated);
        self.files.get(path).is_some_and(|all| all.iter().any(stays))
    }

    /// What the package lists.
    pub(super) fn sums_of(&self, package: &str) -> BTreeMap<PathBuf, [u8; 16]> {
        let of = |listed: &&Listed| listed.package == package;
        let files = self.files.iter();
        files.filter_map(|(path, all)| Some((path.clone(), all.iter().find(of)?.sum))).collect()
    }

    /// Whether something with this time came with the package, as far as times can tell.
    /// `None` when they cannot.
    pub(super) fn came_with(&self, package: &str, stat: &Stat) -> Option<bool> {
        let owner = self.packages.get(package)?;
        let built = owner.built.filter(|_| self.times_tell && !owner.time_is_shared)?;
        Some(stat.mtime > 0 && stat.mtime <= built)
    }

    /// Whether something in the directory was made when the package was built, and no package
    /// that stays and has files there was built at the same time.
    pub(super) fn built_with(&self, package: &str, dir: &Path, stat: &Stat) -> bool {
        let built = |owner: &Owner| self.times_tell && owner.built == Some(stat.mtime);
        let in_dir = |owner: &Owner| owner.directories.contains_key(dir);
        let others = || self.packages.values().filter(|o| !o.updated && in_dir(o));
        self.packages.get(package).is_some_and(built) && !others().any(built)
    }
}

/// Finds the packages whose time is also that of a package of another source. An image of which
/// all times were set to one, and of which some packages were updated since, is full of them.
fn mark_shared_times(packages: &mut BTreeMap<String, Owner>, entries: &[Entry]) {
    let mut sources: BTreeMap<i64, BTreeSet<&str>> = BTreeMap::new();
    for entry in entries {
        let built = packages.get(&entry.installed.name).and_then(|owner| owner.built);
        built.into_iter().for_each(|time| {
            sources.entry(time).or_default().insert(&entry.installed.source);
        });
    }
    for owner in packages.values_mut() {
        let of = owner.built.and_then(|time| sources.get(&time));
        owner.time_is_shared = of.is_some_and(|sources| sources.len() > 1);
    }
}

impl Owner {
    fn add(&mut self, root: &dyn Root, path: &Path, sum: &[u8; 16]) -> Result<()> {
        let stat = root.stat(path);
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        let (here, gone) = self.directories.entry(directory).or_default();
        self.listed += 1;
        let Some(stat) = stat else {
            *gone += 1;
            return Ok(());
        };
        *here += 1;
        self.present += 1;
        let regular = matches!(stat.kind, FileKind::Regular(_));
        if regular && stat.mtime > 0 && root.md5(path)?.as_ref() == Some(sum) {
            self.built = self.built.max(Some(stat.mtime));
        }
        Ok(())
    }
}
