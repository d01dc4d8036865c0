//! Work that takes long, on the blocking pool.

use crate::error::{Error, Result};

/// Runs work that takes long on the blocking pool; `task` says what it is, for errors.
pub(super) async fn blocking<T: Send + 'static, E: Into<Error> + Send + 'static>(
    task: &'static str,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|source| Error::Task { task, source })?.map_err(Into::into)
}
