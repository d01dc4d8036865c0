//! Where package managers differ in what becomes of a path: each format has a policy, and the
//! installer does the rest.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::install::change::File;
use crate::install::installer::Installer;
use crate::install::outcome::Why;
use crate::port::Stat;
use crate::warning::Warning;

/// What becomes of a path of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The image has just this: nothing is written.
    Same,
    /// The package's file is written.
    Write,
    /// The image's own stays, as it should: nobody is told.
    Leave,
    /// The image's own stays, and the user is told why.
    Keep(Why),
    /// The image's own stays, and the package's is put beside it, under this ending (`.rpmnew`).
    Beside(&'static str),
    /// The package's is written, and the image's own is put beside it, under this ending (`.rpmsave`).
    Save(&'static str),
    /// The image omits files like this one, and the database says so.
    Omitted,
    /// A directory stands there: the package's file is written if the directory goes.
    OverDirectory,
}

/// A file of a package on its way into the image.
#[derive(Debug)]
pub(crate) struct Incoming<'p> {
    /// The name of the package.
    pub(crate) package: &'p str,
    /// The physical path.
    pub(crate) path: PathBuf,
    /// What the package has there.
    pub(crate) file: File,
    /// The number of its group of hard links in the package.
    pub(crate) group: Option<usize>,
    /// Whether it is a device, a pipe or a socket, which no layer of ours holds.
    pub(crate) is_special: bool,
}

/// What a package manager decides about one file of a package.
pub(crate) trait Policy {
    /// What is decided without looking at the image.
    fn beforehand(&self, _at: &Incoming<'_>) -> Option<Fate> {
        None
    }

    /// What becomes of a file or link where the image has nothing.
    ///
    /// # Errors
    ///
    /// When the image cannot be read.
    fn missing(&self, at: &Incoming<'_>, image: &Installer<'_>) -> Result<Fate>;

    /// What becomes of a file or link where the image has something else than a directory.
    ///
    /// # Errors
    ///
    /// When the image cannot be read.
    fn over(&self, at: &Incoming<'_>, there: &Stat, image: &Installer<'_>) -> Result<Fate>;

    /// What becomes of a directory: it is written, left, or kept from coming.
    ///
    /// # Errors
    ///
    /// When the image cannot be read.
    fn directory(
        &self,
        at: &Incoming<'_>,
        there: Option<&Stat>,
        image: &Installer<'_>,
    ) -> Result<Fate>;

    /// What the file takes over from the one that it replaces, just before it is written. Gives what
    /// the user is told of it.
    fn adopt(&self, _file: &mut File, _there: Option<Stat>) -> Vec<Warning> {
        Vec::new()
    }
}

/// What remains of the versions that go, found by the format.
#[derive(Debug, Default)]
pub(crate) struct Leftovers {
    /// Files and links that no package has any more.
    pub(crate) files: std::collections::BTreeSet<PathBuf>,
    /// Directories that go when nothing is left in them.
    pub(crate) directories: std::collections::BTreeSet<PathBuf>,
}

/// The path with an ending: `passwd.rpmnew`.
pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}
