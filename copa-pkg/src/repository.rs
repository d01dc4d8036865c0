//! Where packages come from.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::try_join_all;
use jiff::Timestamp;

use crate::{Cache, Catalog, Fetch, Result};

/// One suite of one archive, or whatever a distribution calls a set of packages with one index.
///
/// Whoever implements it checks the signatures: what [`load`](Self::load) returns is trusted.
#[async_trait]
pub trait Repository: Debug + Send + Sync {
    /// What it is, in one line: `bookworm-security from https://...`.
    fn describe(&self) -> String;

    /// What it offers.
    ///
    /// # Errors
    ///
    /// [`Error::Untrusted`](crate::Error::Untrusted) when its metadata is not what a trusted key
    /// signed; [`Error::NotFound`](crate::Error::NotFound) and
    /// [`Error::Fetch`](crate::Error::Fetch) when it cannot be had.
    async fn load(&self, fetch: &dyn Fetch, cache: &Arc<dyn Cache>) -> Result<Loaded>;
}

/// How strictly the metadata of repositories is checked.
#[derive(Debug, Clone)]
pub struct Trust {
    /// Now: what dates are held against.
    pub now: Timestamp,
    /// Public keys, armored or not. When given, these and no others may sign.
    pub keyring: Option<Bytes>,
    /// Whether metadata that no trusted key signed is let through. Each time, a warning says so.
    pub allow_unsigned: bool,
    /// Whether expired and rolled back metadata, and keys that have expired since they signed, are
    /// let through. Each time, a warning says so.
    pub allow_expired: bool,
}

impl Trust {
    /// Everything is checked.
    pub fn strict(now: Timestamp) -> Self {
        Self { now, keyring: None, allow_unsigned: false, allow_expired: false }
    }
}

/// What loading repositories gave.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// What they offer.
    pub catalog: Catalog,
    /// What a person should know: checks that were left out, entries that were passed over.
    pub warnings: Vec<String>,
}

/// Loads all of them at once. The order of the result is theirs, whichever answers first.
///
/// # Errors
///
/// The first failure ends it: with an archive missing, an older version could look like the newest.
pub async fn load_all(
    repositories: &[Box<dyn Repository>],
    fetch: &dyn Fetch,
    cache: &Arc<dyn Cache>,
) -> Result<Loaded> {
    let all = repositories.iter().map(|repository| repository.load(fetch, cache));
    Ok(try_join_all(all).await?.into_iter().collect())
}

impl Loaded {
    /// The same with more warnings, which come first.
    pub(crate) fn warned(mut self, warnings: impl IntoIterator<Item = String>) -> Self {
        self.warnings.splice(0..0, warnings);
        self
    }
}

impl FromIterator<Loaded> for Loaded {
    fn from_iter<I: IntoIterator<Item = Loaded>>(all: I) -> Self {
        let mut warnings = Vec::new();
        let catalogs = all.into_iter().map(|loaded| {
            warnings.extend(loaded.warnings);
            loaded.catalog
        });
        let catalog = catalogs.collect();
        Self { catalog, warnings }
    }
}
