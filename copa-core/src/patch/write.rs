//! The patched image written to a place.

use std::sync::Arc;

use crate::error::Result;
use crate::observe::event::{Stage, Transfer};
use crate::observe::watched::Watched;
use crate::oci::{self, Sink};
use crate::patch::apply::Patched;
use crate::patch::job::Output;
use crate::patch::patcher::{Patcher, watch};

impl Patcher {
    /// Writes an image that [`apply`](Self::apply) gave. The name is given last: when anything
    /// fails, it stands for what it stood for before. An image that did not change is written as
    /// it was.
    ///
    /// # Errors
    ///
    /// When content cannot be read, is not what its digest says, or cannot be written.
    pub async fn write(&self, patched: &Patched, to: &Output) -> Result<oci::Written> {
        let watch = watch(&patched.job);
        let work = async {
            let (sink, name) = match to {
                Output::At(location) => (location.sink(&self.access).await?, location.name()),
                Output::Sink(sink, name) => (Arc::clone(sink), name.as_str()),
            };
            let sink: Arc<dyn Sink> = Arc::new(Watched::new(sink, &watch, Transfer::Upload));
            Ok(patched.image.write_to(&*sink, name, self.jobs()).await?)
        };
        watch.stage(Stage::Write, work).await
    }
}
