//! Progress and cancellation: what a caller sees of the work, and how it is stopped.

mod watched;

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub(crate) use watched::Watched;

use crate::pkg::Warning;
use crate::{Error, Result};

/// Sees what happens while it happens. Every `Fn(&Event)` is one.
///
/// It is called from several threads, often, and between the work: it should be quick.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>);
}

impl<F: Fn(&Event<'_>) + Send + Sync> Observer for F {
    fn event(&self, event: &Event<'_>) {
        self(event);
    }
}

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A part of the work begins.
    Started(Stage),
    /// A part of the work is done. A part that fails never is.
    Finished(Stage),
    /// There is something that a person should know. Each warning is told once, when it arises:
    /// also when what it is about fails later.
    Warned(&'a Warning),
    /// Bytes moved. Of several things at a time, each says this for itself.
    Moved {
        /// What kind of thing it is.
        what: Transfer,
        /// Which one: a digest, the name of a package, an address.
        name: &'a str,
        /// Bytes that have passed.
        done: u64,
        /// Bytes there are, when that is known. The last event of a thing says what has passed.
        total: Option<u64>,
    },
}

/// The parts of the work, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The image's documents are read.
    Open,
    /// The layers are streamed and indexed, the packages are listed.
    Inspect,
    /// The repositories are loaded.
    Load,
    /// It is decided what changes.
    Plan,
    /// Packages are downloaded.
    Download,
    /// The changes are worked out and the layer is built.
    Build,
    /// The image is written.
    Write,
}

/// What moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Transfer {
    /// A document or layer of an image, read.
    Blob,
    /// An index of a repository, read.
    Metadata,
    /// A package, downloaded.
    Package,
    /// A document or layer of an image, written.
    Upload,
}

/// Stops the work from anywhere. Clones are the same switch.
#[derive(Debug, Clone, Default)]
pub struct Cancel(CancellationToken);

impl Cancel {
    /// A switch that is off.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the work: what runs ends with [`Error::Cancelled`] soon, and nothing is tagged.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether the work is to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Ends when the work is to stop.
    pub async fn cancelled(&self) {
        self.0.cancelled().await;
    }
}

/// What carries events out and the cancellation in.
#[derive(Clone)]
pub(crate) struct Watch {
    observer: Arc<dyn Observer>,
    cancel: Cancel,
}

impl Watch {
    pub(crate) fn new(observer: Arc<dyn Observer>, cancel: Cancel) -> Self {
        Self { observer, cancel }
    }

    pub(crate) fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    pub(crate) fn event(&self, event: &Event<'_>) {
        self.observer.event(event);
    }

    pub(crate) fn moved(&self, what: Transfer, name: &str, done: u64, total: Option<u64>) {
        self.observer.event(&Event::Moved { what, name, done, total });
    }

    /// Runs a part of the work, unless and until it is cancelled.
    pub(crate) async fn stage<T>(
        &self,
        stage: Stage,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.observer.event(&Event::Started(stage));
        let result = tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Error::Cancelled),
            result = work => result,
        };
        match result {
            Ok(value) => {
                self.observer.event(&Event::Finished(stage));
                Ok(value)
            }
            // What broke because it was cancelled was cancelled.
            Err(_) if self.cancel.is_cancelled() => Err(Error::Cancelled),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("cancel", &self.cancel).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
