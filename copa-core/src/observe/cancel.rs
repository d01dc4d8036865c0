//! How the work is stopped.

use tokio_util::sync::CancellationToken;

/// Stops the work from anywhere. Clones are the same switch.
#[derive(Debug, Clone, Default)]
pub struct Cancel(CancellationToken);

impl Cancel {
    /// A switch that is off.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the work: what runs ends with [`Error::Cancelled`](crate::Error::Cancelled) soon, and nothing is tagged.
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
