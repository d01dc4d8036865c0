//! Loading repositories.

use std::fmt::Debug;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::error::{Error, Result};
use crate::repository::access::Ports;
use crate::repository::catalog::Catalog;
use crate::warning::Warning;

/// One suite of one archive, or whatever a distribution calls a set of packages with one index.
///
/// The implementation checks the signatures: what [`load`](Self::load) returns is trusted.
#[async_trait]
pub trait Repository: Debug + Send + Sync {
    /// What it is, in one line: `bookworm-security from https://...`.
    fn describe(&self) -> String;

    /// What it offers. Warnings are told to the listener when they arise, and are in the result.
    ///
    /// # Errors
    ///
    /// [`Error::Untrusted`](crate::Error::Untrusted) when its metadata is not what a trusted key
    /// signed; [`Error::NotFound`](crate::Error::NotFound) and
    /// [`Error::Fetch`](crate::Error::Fetch) when it cannot be had.
    async fn load(&self, ports: Ports<'_>) -> Result<Loaded>;
}

/// The result of loading repositories.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// What they offer.
    pub catalog: Catalog,
    /// Warnings: checks that were left out, and entries that were passed over.
    pub warnings: Vec<Warning>,
}

/// The most repositories. Images of RHEL have some tens.
const MOST: usize = 128;
/// How many are loaded at once.
const AT_ONCE: usize = 8;
/// The most bytes of all indexes together. Those of Fedora have some 100 MB.
const INDEXES: usize = 1 << 30;

/// Loads all of them, several at once. The order of the result is theirs, whichever answers first.
///
/// # Errors
///
/// The first failure ends it: with an archive missing, an older version could look like the newest.
/// [`Error::TooLarge`] when they are more than 128, or what they offer takes more than 1 GiB.
pub async fn load_all(repositories: &[Box<dyn Repository>], ports: Ports<'_>) -> Result<Loaded> {
    load_within(repositories, ports, INDEXES).await
}

async fn load_within(
    repositories: &[Box<dyn Repository>],
    ports: Ports<'_>,
    mut left: usize,
) -> Result<Loaded> {
    let too_large = |limit: &str| {
        let what = "what the repositories offer".into();
        Error::TooLarge { what, limit: limit.into() }
    };
    if repositories.len() > MOST {
        return Err(too_large("128 repositories"));
    }
    let loads: Vec<_> = repositories.iter().map(|of| of.load(ports)).collect();
    let mut loads = stream::iter(loads).buffered(AT_ONCE);
    let mut all = Vec::new();
    while let Some(loaded) = loads.try_next().await? {
        let rest = left.checked_sub(loaded.catalog.bytes());
        left = rest.ok_or_else(|| too_large("1 GiB of indexes"))?;
        all.push(loaded);
    }
    Ok(all.into_iter().collect())
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::fixture::ports::{Files, forgetful};

    /// One of a catalog that is here already. It counts how many are loading.
    #[derive(Debug)]
    struct Here {
        catalog: Catalog,
        loading: Arc<AtomicUsize>,
    }

    #[async_trait]
    impl Repository for Here {
        fn describe(&self) -> String {
            "here".into()
        }

        async fn load(&self, _: Ports<'_>) -> Result<Loaded> {
            assert!(self.loading.fetch_add(1, Ordering::SeqCst) < AT_ONCE);
            tokio::task::yield_now().await;
            self.loading.fetch_sub(1, Ordering::SeqCst);
            Ok(Loaded { catalog: self.catalog.clone(), warnings: Vec::new() })
        }
    }

    fn here(count: usize) -> (Vec<Box<dyn Repository>>, usize) {
        let loading = Arc::new(AtomicUsize::new(0));
        let base = "https://mirror.invalid/debian".parse().unwrap();
        let catalog = |i| {
            let text = format!(
                "Package: a\nVersion: {i}\nArchitecture: amd64\nSize: 1\nFilename: pool/a.deb\n\
                 SHA256: {}\n\n",
                "00".repeat(32)
            );
            crate::format::deb::listing::read_packages(
                text.as_bytes(),
                "amd64",
                &base,
                &format!("s{i}"),
            )
            .unwrap()
        };
        let all: Vec<Catalog> = (0..count).map(|i| catalog(i).catalog).collect();
        let bytes = all.iter().map(Catalog::bytes).sum();
        let here = |catalog| -> Box<dyn Repository> {
            Box::new(Here { catalog, loading: Arc::clone(&loading) })
        };
        (all.into_iter().map(here).collect(), bytes)
    }

    #[tokio::test]
    async fn repositories_are_loaded_several_at_once_in_order_and_within_bounds() {
        let (fetch, cache) = (Files::default(), forgetful());
        let ports = Ports::new(&fetch, &cache);
        let (repositories, bytes) = here(MOST);
        let loaded = load_within(&repositories, ports, bytes).await.unwrap();
        let origins: Vec<String> = (0..MOST).map(|i| format!("s{i}")).collect();
        assert!(loaded.catalog.origins().eq(&origins));
        let error = load_within(&repositories, ports, bytes - 1).await.unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
        let error = load_all(&here(MOST + 1).0, ports).await.unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    }
}
