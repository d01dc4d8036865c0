//! A repository of RPM packages as its configuration describes it: where it is, who may sign it,
//! and which of its packages count.

use std::sync::Arc;

use url::Url;

use crate::error::{Error, Hint, Result};
use crate::format::rpm::repo::filter::Filter;
use crate::trust::openpgp::Keyring;
use crate::trust::policy::Trust;
use crate::warning::Warning;

/// A repository.
#[derive(Debug, Clone)]
pub(crate) struct Repo {
    /// Its name in configuration: `baseos`.
    pub(crate) id: String,
    pub(crate) place: Place,
    /// The keys that may sign `repomd.xml`, or the reason why they are not known.
    pub(crate) keys: Result<Arc<Keyring>, String>,
    /// Addresses of more keys, which are fetched when they are needed, by https only.
    pub(crate) key_urls: Vec<Url>,
    /// Whether `repomd.xml` has to be signed.
    pub(crate) signed: bool,
    /// How strictly its metadata is checked.
    pub(crate) trust: Trust,
    /// Which of its packages are used.
    pub(crate) filter: Filter,
    /// The streams of modules that are installed: `nodejs:18`.
    pub(crate) streams: Vec<String>,
    /// A package that a repository of a lower number has is taken from no other.
    pub(crate) priority: i64,
    /// Among equal packages the cheapest repository wins.
    pub(crate) cost: i64,
    /// Whether it is an error when it cannot be loaded.
    pub(crate) required: bool,
    /// Warnings about how it was found, which are given when it is loaded.
    pub(crate) notes: Vec<Warning>,
}

/// Where a repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Folders that hold `repodata`, each the same.
    Roots(Vec<Url>),
    /// A list of such folders.
    Mirrors(Url),
    /// A list of such folders with checksums of `repomd.xml`.
    Metalink(Url),
    /// A folder that holds `repodata`, or several such folders at these paths below it.
    Named(Url, Vec<String>),
}

impl Place {
    pub(super) fn url(&self) -> &str {
        match self {
            Self::Roots(roots) => roots.first().map_or("nowhere", Url::as_str),
            Self::Mirrors(url) | Self::Metalink(url) | Self::Named(url, _) => url.as_str(),
        }
    }
}

/// The address of something below a folder.
pub(super) fn below(root: &Url, path: &str) -> Result<Url> {
    let mut url = root.clone();
    let mut segments = url.path_segments_mut().map_err(|()| Error::Invalid {
        what: "repository",
        text: root.to_string(),
        reason: "nothing can be below this address".into(),
    })?;
    segments.pop_if_empty().extend(path.split('/'));
    drop(segments);
    Ok(url)
}

pub(super) fn untrusted(url: &Url, reason: &str, hint: Hint) -> Error {
    Error::Untrusted { what: url.to_string(), reason: reason.into(), hint }
}
