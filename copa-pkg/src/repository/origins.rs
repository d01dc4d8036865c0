//! Where packages of an image come from and who may sign them, found in one look at the image.

use url::Url;

use crate::repository::load::Repository;
use crate::trust::keys::PackageKeys;
use crate::warning::Warning;

/// Where packages of an image come from and who may sign them.
#[derive(Debug)]
pub struct Origins {
    /// The repositories, in the order in which they are asked.
    pub repositories: Vec<Box<dyn Repository>>,
    /// Who may sign packages, as far as that is known without fetching anything.
    pub keys: PackageKeys,
    /// Where more keys are that the image's repositories name: `https:`. [`PackageKeys::fetch`] adds
    /// them.
    pub key_urls: Vec<Url>,
    /// What a person should know of how they were found.
    pub warnings: Vec<Warning>,
}
