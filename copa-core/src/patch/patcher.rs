//! What all jobs share.

use std::fmt;
use std::sync::Arc;

use crate::cache::DirCache;
use crate::fetch::HttpFetch;
use crate::logins::Logins;
use crate::observe::watch::Watch;
use crate::oci::Access;
use crate::patch::catalogs::Catalogs;
use crate::patch::config::Config;
use crate::patch::job::Job;
use crate::pkg::{Cache, Fetch, Warning};

/// Patches images: many, also at the same time. What one job loaded serves the next: connections,
/// the cache, and the catalogs of repositories.
///
/// [`patch`](Self::patch) does everything. Of its steps, each takes what the one before it gave:
/// [`open`](Self::open), [`inspect`](Self::inspect), [`plan`](Self::plan),
/// [`apply`](Self::apply), [`write`](Self::write). Nothing is written before the last of them.
///
/// It needs a tokio runtime of the multi-thread kind. To stop a job, use its
/// [`Cancel`](crate::Cancel) rather than dropping the future of a step: a thread that waits for the
/// network goes on waiting otherwise. Clones share everything.
///
/// # Examples
///
/// The example `embed` of this crate patches an image from beginning to end.
#[derive(Clone)]
pub struct Patcher {
    pub(super) access: Access,
    pub(super) config: Arc<Config>,
    pub(super) cache: Arc<dyn Cache>,
    /// Whether the cache keeps anything.
    pub(super) keeps: bool,
    /// The caller's own way to packages.
    fetch: Option<Arc<dyn Fetch>>,
    logins: Logins,
    pub(super) catalogs: Arc<Catalogs>,
    /// Why the cache is not used.
    pub(super) warning: Option<Warning>,
}

impl Patcher {
    /// A patcher that reaches images and mirrors through `access`.
    pub fn new(access: Access, mut config: Config) -> Self {
        let logins = Logins::taken_from(&mut config.mirrors);
        let dir = config.cache_dir.as_ref().map(|dir| DirCache::new(dir, config.now));
        let warning = dir.as_ref().and_then(DirCache::distrusted);
        let keeps = dir.is_some();
        let cache: Arc<dyn Cache> = match dir {
            Some(dir) => Arc::new(dir),
            None => Arc::new(()),
        };
        let (config, catalogs) = (Arc::new(config), Arc::default());
        Self { access, config, cache, keeps, fetch: None, logins, catalogs, warning }
    }

    /// The same patcher that gets metadata and packages this way, in place of HTTP and folders.
    #[must_use]
    pub fn with_fetch(self, fetch: Arc<dyn Fetch>) -> Self {
        Self { fetch: Some(fetch), ..self }
    }

    /// The same patcher with this cache in place of a directory.
    #[must_use]
    pub fn with_cache(self, cache: Arc<dyn Cache>) -> Self {
        Self { cache, keeps: true, warning: None, ..self }
    }

    /// What every job can be told: how it was configured.
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn jobs(&self) -> usize {
        self.config.jobs.max(1)
    }

    /// What fetches from mirrors and keeps documents in `kept`.
    pub(super) fn fetch(&self, kept: &Arc<dyn Cache>) -> Arc<dyn Fetch> {
        match &self.fetch {
            Some(fetch) => Arc::clone(fetch),
            None => {
                let http = HttpFetch::new(self.access.http.clone(), Arc::clone(kept));
                Arc::new(http.known_by(&self.logins))
            }
        }
    }
}

/// What carries the events of a job out and its cancellation in.
pub(super) fn watch(job: &Job) -> Watch {
    Watch::new(Arc::clone(&job.observer), job.cancel.clone())
}

impl fmt::Debug for Patcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patcher").field("config", &self.config).finish_non_exhaustive()
    }
}
