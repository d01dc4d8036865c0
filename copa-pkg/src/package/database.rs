//! The package database of an image.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::PathBuf;

use crate::error::Result;
use crate::package::installed::Installed;
use crate::version::format::Format;
use crate::warning::Warning;

/// Paths and the MD5 of what the package put there.
pub type FileSums = BTreeMap<PathBuf, [u8; 16]>;

/// A package database, read from the image.
pub trait PackageDb: Debug + Send + Sync {
    /// The format of its packages.
    fn format(&self) -> Format;

    /// The installed packages, sorted by name and architecture, each once.
    fn installed(&self) -> &[Installed];

    /// The same, with those of these paths that each has among what it provides (RPM), where the
    /// database lists files.
    fn providing(&self, _paths: &BTreeSet<String>) -> Cow<'_, [Installed]> {
        self.installed().into()
    }

    /// The regular files that the database lists for the package, as paths in the package: not
    /// all that it owns. `None` when it lists no files for it.
    fn files(&self, package: &Installed) -> Option<&FileSums>;

    /// What in the database could not be read and is left alone, one line each.
    fn warnings(&self) -> &[Warning];

    /// Whether the database says what this package needs and provides. RPM's manifests do not: then the
    /// repositories are asked.
    fn knows_relations(&self, _package: &Installed) -> bool {
        true
    }

    /// Whether the database can be changed; some can only be read, for plans and dry runs.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`](crate::Error::Unsupported) when it cannot, with the reason.
    fn check_writable(&self) -> Result<()> {
        Ok(())
    }
}
