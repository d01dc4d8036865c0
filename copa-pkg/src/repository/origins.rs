//! The repositories of an image and the keys that may sign its packages, found in one pass over its
//! configuration.

use url::Url;

use crate::repository::load::Repository;
use crate::trust::keys::PackageKeys;
use crate::warning::Warning;

/// The repositories of an image and the keys that may sign its packages.
#[derive(Debug)]
pub struct Origins {
    /// The repositories, in the order in which they are asked.
    pub repositories: Vec<Box<dyn Repository>>,
    /// The keys that may sign packages, as far as they are known without fetching anything.
    pub keys: PackageKeys,
    /// Addresses of more keys that the image's repositories name, all `https:`.
    /// [`PackageKeys::fetch`] adds them.
    pub key_urls: Vec<Url>,
    /// Warnings about how they were found: entries that were passed over, options that are not obeyed.
    pub warnings: Vec<Warning>,
}
