//! The documents of an image.

use std::sync::Arc;

use crate::error::Result;
use crate::observe::event::{Stage, Transfer};
use crate::observe::run::Run;
use crate::observe::watched::Watched;
use crate::oci::{self, Image, Location, Source};
use crate::patch::job::{Input, Job};
use crate::patch::patcher::{Patcher, watch};

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
    pub(super) run: Arc<Run>,
    pub(super) job: Arc<Job>,
}

impl Patcher {
    /// Reads the documents of an image. Where there are several platforms, the one asked for is
    /// taken, or the only one, or the host's.
    ///
    /// # Errors
    ///
    /// When it is not there, cannot be read, or has no such platform.
    pub async fn open(&self, job: &Job) -> Result<Opened> {
        let run = Arc::new(Run::new(watch(job)));
        let opened = self.opened(job, Arc::clone(&run));
        run.watch().stage(Stage::Open, opened).await
    }

    async fn opened(&self, job: &Job, run: Arc<Run>) -> Result<Opened> {
        run.settle(&self.warning);
        let (source, name) = match &job.from {
            Input::At(location) => (location.source(&self.access).await?, location.name()),
            Input::Source(source, name) => (Arc::clone(source), name.as_str()),
        };
        let location = match &job.from {
            Input::At(location) => location.clone(),
            Input::Source(source, _) => source.location().clone(),
        };
        let source: Arc<dyn Source> = Arc::new(Watched::new(source, run.watch(), Transfer::Blob));
        let top = source.resolve(name).await?;
        let (wanted, host) = (job.platform.as_ref(), &self.config.host);
        let selected = oci::select(source, top.clone(), wanted, host).await?;
        let (image, chosen) = (selected.image, selected.chosen);
        Ok(Opened { location, image, top, chosen, run, job: Arc::new(job.clone()) })
    }
}
