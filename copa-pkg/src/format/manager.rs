//! What a package format has to provide: the checklist for a new one.

use std::fmt::Debug;

use crate::error::Result;
use crate::format::interests::Interests;
use crate::install::outcome::Installation;
use crate::install::transaction::Transaction;
use crate::package::database::PackageDb;
use crate::package::fetched::{Package, Verified};
use crate::package::rules::Rules;
use crate::port::Root;
use crate::repository::origins::Origins;
use crate::repository::sources::Sources;
use crate::trust::keys::PackageKeys;
use crate::warning::Warnings;

/// How a package manager is found in an image. Each format has one static of it, listed in
/// [`FORMATS`](crate::format::formats::FORMATS).
#[derive(Debug)]
pub(crate) struct PackageFormat {
    /// What is worth keeping of a layer while it is streamed past, so that the database can be opened,
    /// packages planned and installed.
    pub(crate) interests: &'static Interests,
    /// Opens the package database of the image, once a run. `None` when the image has none of this
    /// format.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`](crate::Error::Unsupported) and
    /// [`Error::Malformed`](crate::Error::Malformed) when it is there and cannot be read.
    pub(crate) open: fn(&dyn Root) -> Result<Opened>,
}

/// The package manager of an image that has packages of its format.
pub(crate) type Opened = Option<Box<dyn PackageManager>>;

/// A package manager, as far as an image needs one. It holds the opened package database of the
/// image, so that nothing reads the database a second time.
pub(crate) trait PackageManager: Debug + Send + Sync {
    /// How its packages differ from those of other formats, as data.
    fn rules(&self) -> &'static Rules;

    /// The package database of the image.
    fn db(&self) -> &dyn PackageDb;

    /// Where packages come from and who may sign them. The image's own configuration is parsed once.
    /// [`Origins::warnings`] is left to the caller, who has `warnings`.
    ///
    /// # Errors
    ///
    /// As [`System::origins`](crate::System::origins).
    fn origins(&self, sources: &Sources<'_>, warnings: &mut Warnings<'_>) -> Result<Origins>;

    /// Checks that a trusted key covers the package: by its own signature, or by that of the index.
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

    /// What a transaction changes, the database included.
    ///
    /// # Errors
    ///
    /// As [`System::install`](crate::System::install).
    fn install(&self, root: &dyn Root, transaction: &Transaction<'_>) -> Result<Installation>;
}
