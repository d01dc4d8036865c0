//! Which packages own a path, as the headers of a database say: every file, link and directory, with
//! its digest, its flags and what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::format::rpm::db::record::State;
use crate::format::rpm::db::rpmdb::RpmDb;
use crate::format::rpm::package::archive::{File, Kind, files};
use crate::format::rpm::package::digest::Algorithm;
use crate::format::rpm::package::header::Header;
use crate::format::rpm::package::tag::Tag;
use crate::install::ownership::{Class, Goes, Owned, Ownership};
use crate::install::paths::Paths;
use crate::package::digest::FileDigest;
use crate::port::FileKind;

/// The files that headers list, by physical path.
#[derive(Debug, Default)]
pub(crate) struct HeaderOwnership {
    /// What packages that go own.
    going: BTreeMap<PathBuf, Vec<Claim>>,
    /// The paths of packages that stay as they are.
    staying: BTreeSet<PathBuf>,
    /// Packages whose lists of files cannot be read: what they own is not known.
    pub(crate) warnings: Vec<String>,
}

/// A file that a package lists.
#[derive(Debug)]
struct Claim {
    package: String,
    file: File,
    state: u8,
    algorithm: Algorithm,
}

impl RpmDb {
    /// Which packages own a path. A manifest lists no files: nobody owns anything then.
    pub(crate) fn ownership(&self, goes: Goes<'_>, paths: &mut Paths<'_>) -> HeaderOwnership {
        let mut ownership = HeaderOwnership::default();
        for header in self.all_headers() {
            let text = |tag| header.text(tag).unwrap_or_default();
            let name = text(Tag::NAME);
            match files(&name, header) {
                Ok(files) if goes(&name, &text(Tag::ARCH)) => {
                    ownership.add_going(&name, header, files, paths);
                }
                Ok(files) => {
                    let physical = files.iter().map(|file| paths.physical(&file.path));
                    ownership.staying.extend(physical);
                }
                Err(error) => {
                    ownership.warnings.push(format!("its files are not known: {error}"));
                }
            }
        }
        ownership
    }
}

impl HeaderOwnership {
    fn add_going(&mut self, name: &str, header: &Header, files: Vec<File>, paths: &mut Paths<'_>) {
        let algorithm = Algorithm::of(header);
        let states = header.numbers(Tag::FILESTATES).map(|state| state as u8);
        for (file, state) in files.into_iter().zip(states.chain(std::iter::repeat(State::NORMAL))) {
            let path = paths.physical(&file.path);
            let claim = Claim { package: name.to_owned(), file, state, algorithm };
            self.going.entry(path).or_default().push(claim);
        }
    }
}

impl Ownership for HeaderOwnership {
    fn before(&self, path: &Path) -> Vec<Owned<'_>> {
        self.going.get(path).into_iter().flatten().map(Claim::owned).collect()
    }

    fn stays(&self, path: &Path) -> bool {
        self.staying.contains(path)
    }

    fn owns_below(&self, dir: &Path) -> bool {
        let is_below = |path: Option<&PathBuf>| path.is_some_and(|path| path.starts_with(dir));
        let staying = self.staying.range(dir.to_owned()..).find(|path| *path != dir);
        let going = self.going.range(dir.to_owned()..).map(|(path, _)| path);
        is_below(staying) || is_below({ going }.find(|path| *path != dir))
    }

    fn going(&self) -> Vec<&Path> {
        self.going.keys().map(PathBuf::as_path).collect()
    }
}

impl Claim {
    fn owned(&self) -> Owned<'_> {
        let Self { package, file, state, algorithm } = self;
        let class = match file.flags {
            flags if flags.is_ghost() => Class::Ghost,
            flags if flags.is_config() => Class::Config,
            _ => Class::Shipped,
        };
        let function = algorithm.function().filter(|_| !file.digest.is_empty());
        let digest = |algorithm| FileDigest { algorithm, hex: file.digest.as_str().into() };
        let (kind, is_installed) = (Some(kind(file)), *state == State::NORMAL);
        Owned { package, class, kind, digest: function.map(digest), is_installed }
    }
}

fn kind(file: &File) -> FileKind {
    match &file.kind {
        Kind::Regular => FileKind::Regular(file.size),
        Kind::Directory => FileKind::Directory,
        Kind::Symlink(target) => FileKind::Symlink(target.clone()),
        Kind::Special => FileKind::Special,
    }
}

#[cfg(test)]
#[path = "tests/ownership.rs"]
mod tests;
