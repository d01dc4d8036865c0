//! Which packages own a path of the image, before packages are updated.
//!
//! ```text
//! package database --ownership(which packages go)--> Ownership --before(path)--> Owned: class, digest
//!                                                              --stays(path)---> a package keeps it
//! ```
//!
//! All paths are physical: links in their parents are followed, because an old and a new version may
//! reach one file by different names (`lib/x` and `usr/lib/x`).

use std::fmt::Debug;
use std::path::Path;

use crate::package::digest::FileDigest;
use crate::port::FileKind;

/// Says of an installed package, by name and architecture, whether it goes: it is replaced by a new
/// version, or removed.
pub(crate) type Goes<'a> = &'a dyn Fn(&str, &str) -> bool;

/// What the package database says of the files of installed packages.
pub(crate) trait Ownership: Debug {
    /// What packages that go own at this path, one for each of them, in the order of the database.
    fn before(&self, path: &Path) -> Vec<Owned<'_>>;

    /// Whether a package that stays as it is owns the path.
    fn stays(&self, path: &Path) -> bool;

    /// Whether any package, going or staying, owns something below the directory.
    fn owns_below(&self, dir: &Path) -> bool;

    /// All paths that packages that go own, sorted, each once.
    fn going(&self) -> Vec<&Path>;
}

/// A path as a package that goes owns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owned<'a> {
    /// The name of the package.
    pub(crate) package: &'a str,
    /// How the package owns it.
    pub(crate) class: Class,
    /// What the package put there; `None` for a regular file of unknown length (`status.d`).
    pub(crate) kind: Option<FileKind>,
    /// The digest that the database lists; `None` for what is no regular file, for a ghost, and
    /// where the function is not known.
    pub(crate) digest: Option<FileDigest<'a>>,
    /// Whether the package's file was put there: not where it was omitted, as documentation is.
    pub(crate) is_installed: bool,
}

/// How a package owns a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// It ships the file, link or directory.
    Shipped,
    /// The same, and what the user makes of it is to be kept.
    Config,
    /// It owns the path and ships nothing there (RPM: `%ghost`).
    Ghost,
}
