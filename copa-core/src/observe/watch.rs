//! Events carried out of the work, and the cancellation into it.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::observe::cancel::Cancel;
use crate::observe::event::{Event, Observer, Stage, Transfer};

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
#[path = "tests/watch.rs"]
mod tests;
