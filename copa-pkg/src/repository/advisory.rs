//! Advisories: where a repository says which vulnerabilities its packages fix.

use std::fmt::Debug;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::error::Result;
use crate::repository::access::Ports;
use crate::repository::fixes::Fixes;
use crate::warning::Warning;

/// How many are loaded at once.
const AT_ONCE: usize = 8;

/// Where a repository says which vulnerabilities its packages fix. It is known from the verified
/// metadata of the repository, and read only on request.
#[async_trait]
pub(crate) trait Advisories: Debug + Send + Sync {
    /// Fetches and checks the advisories.
    ///
    /// # Errors
    ///
    /// As [`Repository::load`](crate::Repository::load).
    async fn load(&self, ports: Ports<'_>) -> Result<LoadedFixes>;
}

/// The result of loading advisories.
#[derive(Debug, Clone, Default)]
pub(crate) struct LoadedFixes {
    /// What the versions of packages fix.
    pub(crate) fixes: Fixes,
    /// Says that the advisories could not be had, where they need not be.
    pub(crate) warning: Option<Warning>,
}

/// Loads all of them, several at once. The order of the result is theirs.
///
/// # Errors
///
/// The first failure ends it.
pub(crate) async fn load_all(
    advisories: impl Iterator<Item = &dyn Advisories>,
    ports: Ports<'_>,
) -> Result<Vec<LoadedFixes>> {
    let loads: Vec<_> = advisories.map(|of| of.load(ports)).collect();
    stream::iter(loads).buffered(AT_ONCE).try_collect().await
}
