//! Patching: open, inspect, plan, apply, write.

mod apply;
mod inspect;
mod plan;

use std::fmt;
use std::sync::Arc;

use crate::logins::Logins;
use crate::observe::{Cancel, Event, Observer, Stage, Transfer, Watch, Watched};
use crate::oci::{self, Access, Image, Location, Sink, Source};
use crate::pkg::{Cache, Request, Warning};
use crate::run::Run;
use crate::{DirCache, Error, HttpFetch, Options, Report, Result};

pub use apply::Patched;
pub use inspect::Inspected;
pub use plan::Planned;

/// Patches images.
///
/// [`patch`](Self::patch) does everything. Of its steps, each takes what the one before it gave:
/// [`open`](Self::open), [`inspect`](Self::inspect), [`plan`](Self::plan),
/// [`apply`](Self::apply), [`write`](Self::write). Nothing is written before the last of them.
///
/// It needs a tokio runtime of the multi-thread kind. To stop it, use a [`Cancel`] rather than
/// dropping the future of a step: a thread that waits for the network goes on waiting otherwise.
///
/// # Examples
///
/// The example `embed` of this crate patches an image from beginning to end.
#[derive(Clone)]
pub struct Patcher {
    access: Access,
    options: Arc<Options>,
    observer: Arc<dyn Observer>,
    cancel: Cancel,
    cache: Arc<dyn Cache>,
    logins: Logins,
    /// What a person should know of the cache.
    warning: Option<Warning>,
}

/// An image whose documents were read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Opened {
    /// Where it is.
    pub location: Location,
    /// The image.
    pub image: Image,
    /// What was asked for: the image's manifest, or the index that lists it.
    pub top: oci::Descriptor,
    /// Why this image was chosen of those that the name stands for.
    pub chosen: oci::Choice,
    run: Arc<Run>,
}

impl Patcher {
    /// A patcher that reaches images and mirrors through `access`.
    pub fn new(access: Access, mut options: Options) -> Self {
        let logins = Logins::taken_from(&mut options.mirrors);
        let dir = options.cache_dir.as_ref().map(|dir| DirCache::new(dir, options.now));
        let warning = dir.as_ref().and_then(DirCache::distrusted);
        let cache: Arc<dyn Cache> = match dir {
            Some(dir) => Arc::new(dir),
            None => Arc::new(()),
        };
        let observer = Arc::new(|_: &Event<'_>| ());
        Self {
            access,
            options: Arc::new(options),
            observer,
            cancel: Cancel::new(),
            cache,
            logins,
            warning,
        }
    }

    /// Tells this observer what happens.
    #[must_use]
    pub fn observe(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    /// Stops when this switch says so.
    #[must_use]
    pub fn cancel(self, cancel: Cancel) -> Self {
        Self { cancel, ..self }
    }

    /// Patches an image: what the report lists, or everything that has an update.
    ///
    /// # Errors
    ///
    /// Those of the steps, and of [`Report::request`]. Nothing is tagged then.
    pub async fn patch(
        &self,
        from: &Location,
        report: Option<&Report>,
        to: &Location,
    ) -> Result<(Patched, oci::Written)> {
        let inspected = self.inspect(self.open(from).await?).await?;
        inspected.check_patchable()?;
        let request = match report {
            Some(report) => report.request(&inspected.subject())?,
            None => Request::Everything,
        };
        let Planned { plan, .. } = self.plan(&inspected, &request).await?;
        let patched = self.apply(&inspected, plan).await?;
        let written = self.write(&patched, to).await?;
        Ok((patched, written))
    }

    /// Reads the documents of an image. Where there are several platforms, the one asked for is
    /// taken, or the only one, or the host's.
    ///
    /// # Errors
    ///
    /// When it is not there, cannot be read, or has no such platform.
    pub async fn open(&self, from: &Location) -> Result<Opened> {
        let run = Arc::new(Run::new(self.watch()));
        let opened = self.opened(from, Arc::clone(&run));
        run.watch().stage(Stage::Open, opened).await
    }

    async fn opened(&self, from: &Location, run: Arc<Run>) -> Result<Opened> {
        run.settle(&self.warning);
        let source = from.source(&self.access).await?;
        let source: Arc<dyn Source> = Arc::new(Watched::new(source, run.watch(), Transfer::Blob));
        let top = source.resolve(from.name()).await?;
        let (wanted, host) = (self.options.platform.as_ref(), &self.options.host);
        let selected = oci::select(source, top.clone(), wanted, host).await?;
        let (image, chosen) = (selected.image, selected.chosen);
        Ok(Opened { location: from.clone(), image, top, chosen, run })
    }

    /// Writes an image that [`apply`](Self::apply) gave. The name is given last: when anything
    /// fails, it stands for what it stood for before. An image that did not change is written as
    /// it was.
    ///
    /// # Errors
    ///
    /// When content cannot be read, is not what its digest says, or cannot be written.
    pub async fn write(&self, patched: &Patched, to: &Location) -> Result<oci::Written> {
        let watch = self.watch();
        let work = async {
            let sink = to.sink(&self.access).await?;
            let sink: Arc<dyn Sink> = Arc::new(Watched::new(sink, &watch, Transfer::Upload));
            Ok(patched.image.write_to(&*sink, to.name(), self.jobs()).await?)
        };
        watch.stage(Stage::Write, work).await
    }

    fn jobs(&self) -> usize {
        self.options.jobs.max(1)
    }

    /// What fetches from mirrors and keeps documents in `kept`.
    fn fetch(&self, kept: &Arc<dyn Cache>) -> HttpFetch {
        HttpFetch::new(self.access.http.clone(), Arc::clone(kept)).known_by(&self.logins)
    }

    fn watch(&self) -> Watch {
        Watch::new(Arc::clone(&self.observer), self.cancel.clone())
    }
}

impl fmt::Debug for Patcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patcher").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Runs work that takes long on the blocking pool.
async fn blocking<T: Send + 'static, E: Into<Error> + Send + 'static>(
    task: &'static str,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|source| Error::Task { task, source })?.map_err(Into::into)
}
