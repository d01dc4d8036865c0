//! What a package format has to provide: the checklist for a new one.

use std::fmt::Debug;
use std::path::Path;

use crate::error::Result;
use crate::install::installation::Installation;
use crate::package::database::PackageDb;
use crate::package::fetched::{Package, Verified};
use crate::package::rules::Rules;
use crate::port::{Interest, Root};
use crate::repository::origins::Origins;
use crate::repository::sources::Sources;
use crate::trust::keys::PackageKeys;
use crate::warning::Warnings;

/// A package manager, as far as an image needs one. Each format has one static of it, listed in
/// [`MANAGERS`](crate::format::managers::MANAGERS).
pub(crate) trait PackageManager: Debug + Sync {
    /// How its packages differ from those of other formats, as data.
    fn rules(&self) -> &'static Rules;

    /// What is worth keeping of the file at this path while layers are streamed past, so that the
    /// database can be opened, packages planned and installed.
    fn interest(&self, path: &Path) -> Interest;

    /// The package database of the image. `None` when the image has none of this format.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`](crate::Error::Unsupported) and
    /// [`Error::Malformed`](crate::Error::Malformed) when it is there and cannot be read.
    fn open(&self, root: &dyn Root) -> Result<Option<Box<dyn PackageDb>>>;

    /// Where packages come from and who may sign them. The image's own configuration is parsed once.
    /// [`Origins::warnings`] is left to the caller, who has `warnings`.
    ///
    /// # Errors
    ///
    /// As [`System::origins`](crate::System::origins).
    fn origins(
        &self,
        sources: &Sources<'_>,
        db: &dyn PackageDb,
        warnings: &mut Warnings<'_>,
    ) -> Result<Origins>;

    /// Checks that somebody who is trusted vouches for a package.
    ///
    /// # Errors
    ///
    /// As [`System::verify`](crate::System::verify).
    fn verify(&self, package: Package, keys: &PackageKeys) -> Result<Verified>;

    /// The data of a package, compressed such that it is quickly unpacked, where that is worth it.
    ///
    /// # Errors
    ///
    /// When the package cannot be read.
    fn repack(&self, package: &Package) -> Result<Option<Vec<u8>>>;

    /// What installing these packages changes, the database included.
    ///
    /// # Errors
    ///
    /// As [`System::install`](crate::System::install).
    fn install(&self, root: &dyn Root, packages: &[Verified]) -> Result<Installation>;
}
