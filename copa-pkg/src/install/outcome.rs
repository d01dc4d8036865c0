//! Installing packages: what changes in the file system.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::install::change::ChangeSet;
use crate::warning::{Code, Warning};

/// What installing packages changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Installation {
    /// The files of the packages and the package database.
    pub changes: ChangeSet,
    /// Paths of the packages that stay as they are, sorted by path.
    pub kept: Vec<Kept>,
    /// Scripts of packages that did not run and whose effect is not known, sorted.
    pub unrun: Vec<Unrun>,
    /// Warnings: what was left out, not obeyed or could not be made.
    pub warnings: Vec<Warning>,
}

impl Installation {
    /// Adds a warning.
    pub(crate) fn warn(&mut self, code: Code, about: impl fmt::Display, text: String) {
        self.warnings.push(Warning::new(code, about, text));
    }

    /// Notes that a path of the package stays as it is.
    pub(crate) fn keep(&mut self, package: &str, path: &Path, why: Why) {
        self.kept.push(Kept { path: path.into(), package: package.into(), why });
    }
}

/// A script of a package that a package manager would have run, and that did not run. Its effect
/// is neither carried out here nor known to have no meaning in an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Unrun {
    /// The name of the package.
    pub package: String,
    /// Which of its scripts: `%post`, `postinst`, and what is known of it.
    pub script: String,
    /// The names of the updates that would have made it run, sorted: its own package's, or others
    /// that set it off.
    pub updates: Vec<String>,
}

impl From<&Unrun> for Warning {
    fn from(unrun: &Unrun) -> Self {
        Self::new(Code::ScriptNotRun, &unrun.package, unrun.to_string())
    }
}

impl fmt::Display for Unrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: its {} did not run, as scripts never do", self.package, self.script)
    }
}

/// A path that a package would change and that stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Kept {
    /// The physical path.
    pub path: PathBuf,
    /// The name of the package.
    pub package: String,
    /// Why it stays.
    pub why: Why,
}

/// Why a path stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Why {
    /// It is not what the installed version put there.
    Changed,
    /// The installed version put it there, and it is gone.
    Deleted,
    /// It is there, and the installed version did not put it there.
    Foreign,
    /// A directory that holds other things stands where the package has a file or link.
    Directory,
    /// Something that is no directory stands where the package has one.
    NoDirectory,
    /// The certificates that the user added stay in the bundle.
    OwnCertificates,
    /// It is made from the package by a tool that did not run.
    Derived,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changed => "changed in the image",
            Self::Deleted => "deleted in the image",
            Self::Foreign => "not from the package",
            Self::Directory => "a directory with other things in it",
            Self::NoDirectory => "its directory is a file or a link in the image",
            Self::OwnCertificates => "its own certificates stay",
            Self::Derived => "made from the package by a tool that did not run",
        })
    }
}
