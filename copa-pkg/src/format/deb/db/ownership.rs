//! Which packages own a path, as `status.d` says: the regular files of each package, without
//! configuration, with their MD5.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::format::deb::db::status_d::StatusD;
use crate::install::ownership::{Class, Goes, Owned, Ownership};
use crate::install::paths::Paths;
use crate::package::digest::{DigestAlgorithm, FileDigest};

/// The files that `.md5sums` list, by physical path.
#[derive(Debug)]
pub(crate) struct StatusOwnership<'a> {
    files: BTreeMap<PathBuf, Vec<Claim<'a>>>,
}

/// One package that lists a path.
#[derive(Debug)]
struct Claim<'a> {
    package: &'a str,
    md5: &'a [u8; 16],
    goes: bool,
}

impl StatusD {
    /// Which packages own a path. A path that is listed of two files for one package is owned twice.
    pub(crate) fn ownership(&self, goes: Goes<'_>, paths: &mut Paths<'_>) -> StatusOwnership<'_> {
        let mut files: BTreeMap<PathBuf, Vec<Claim<'_>>> = BTreeMap::new();
        for entry in &self.entries {
            let package = &*entry.installed.name;
            let goes = goes(package, &entry.installed.arch);
            for (path, md5) in &entry.files {
                let claim = Claim { package, md5, goes };
                files.entry(paths.physical(path)).or_default().push(claim);
            }
        }
        StatusOwnership { files }
    }
}

impl StatusOwnership<'_> {
    fn claims(&self, path: &Path) -> &[Claim<'_>] {
        self.files.get(path).map_or(&[], Vec::as_slice)
    }
}

impl Ownership for StatusOwnership<'_> {
    fn before(&self, path: &Path) -> Vec<Owned<'_>> {
        self.claims(path).iter().filter(|claim| claim.goes).map(Claim::owned).collect()
    }

    fn stays(&self, path: &Path) -> bool {
        self.claims(path).iter().any(|claim| !claim.goes)
    }

    fn owns_below(&self, dir: &Path) -> bool {
        let mut owned = self.files.range(dir.to_owned()..).map(|(path, _)| path);
        owned.find(|path| *path != dir).is_some_and(|path| path.starts_with(dir))
    }

    fn going(&self) -> Vec<&Path> {
        let goes = |claims: &[Claim<'_>]| claims.iter().any(|claim| claim.goes);
        let files = self.files.iter().filter(|(_, claims)| goes(claims));
        files.map(|(path, _)| path.as_path()).collect()
    }
}

impl Claim<'_> {
    fn owned(&self) -> Owned<'_> {
        let algorithm = DigestAlgorithm::Md5;
        Owned {
            package: self.package,
            class: Class::Shipped,
            kind: None,
            digest: Some(FileDigest { algorithm, hex: hex::encode(self.md5).into() }),
            is_installed: true,
        }
    }
}

#[cfg(test)]
#[path = "tests/ownership.rs"]
mod tests;
