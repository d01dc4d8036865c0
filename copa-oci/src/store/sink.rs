//! Places that images are written to.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;
use crate::location::Location;
use crate::spec::descriptor::Descriptor;
use crate::store::blob::Blob;

/// A place images are written to. Nothing is visible there until [`Sink::tag`].
#[async_trait]
pub trait Sink: Debug + Send + Sync {
    /// Whether the content is there already.
    async fn contains(&self, content: &Descriptor) -> Result<bool>;

    /// Stores content. Storing what is there already does nothing.
    async fn put(&self, content: &Descriptor, blob: &Blob) -> Result<()>;

    /// Takes content over from another repository of the same registry without moving a byte.
    /// `false` when that cannot be done: then it must be put.
    async fn mount(&self, content: &Descriptor, from: &Location) -> Result<bool> {
        let _ = (content, from);
        Ok(false)
    }

    /// Stores a manifest and gives it a name: the commit. Everything it names must be there.
    async fn tag(&self, manifest: &Descriptor, bytes: &Bytes, name: &str) -> Result<()>;
}
