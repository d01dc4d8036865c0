//! Places that hold images: five verbs cover registries, layouts and archives.

pub(crate) mod archive;
pub(crate) mod docker_archive;
pub(crate) mod document;
pub(crate) mod file;
#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod layout;
pub(crate) mod names;
mod tarball;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

pub use archive::{ArchiveSink, ArchiveSource};
pub use docker_archive::{DockerArchiveSink, DockerArchiveSource};
pub use layout::{LayoutSink, LayoutSource};

use crate::error::Result;
use crate::location::Location;
use crate::spec::Descriptor;
use crate::stream::ByteStream;

/// A place images are read from: names, and content by descriptor.
#[async_trait]
pub trait Source: Debug + Send + Sync {
    /// Where this is.
    fn location(&self) -> &Location;

    /// The manifest or index that a name stands for: a tag, a digest, or an empty text for the
    /// only image there is.
    async fn resolve(&self, name: &str) -> Result<Descriptor>;

    /// Content as stored. Callers want [`open`](#method.open), which checks it.
    async fn open_unverified(&self, content: &Descriptor) -> Result<ByteStream>;
}

impl dyn Source + '_ {
    /// Content that checks itself: the stream ends in an error unless its bytes are exactly what
    /// the descriptor says. It cannot be overridden, so no place can leave the check out.
    ///
    /// # Errors
    ///
    /// When the content is not there or the place fails.
    pub async fn open(&self, content: &Descriptor) -> Result<ByteStream> {
        Ok(self.open_unverified(content).await?.verified(content))
    }

    /// A whole document, checked, when it is no longer than `limit` bytes.
    ///
    /// # Errors
    ///
    /// As [`open`](#method.open), and when it is too long.
    pub async fn bytes(&self, content: &Descriptor, limit: u64) -> Result<Bytes> {
        self.open(content).await?.collect(content.digest.as_str(), limit).await
    }
}

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

/// Content to be stored: it can be opened more than once, so that a broken upload starts again.
#[derive(Debug, Clone)]
pub enum Blob {
    /// Bytes in memory: documents and patch layers.
    Bytes(Bytes),
    /// Content of another place, moved as a stream.
    From(Arc<dyn Source>),
}

impl Blob {
    /// A fresh, checked stream of the content.
    ///
    /// # Errors
    ///
    /// When the place it comes from fails.
    pub async fn open(&self, content: &Descriptor) -> Result<ByteStream> {
        match self {
            Self::Bytes(bytes) => Ok(ByteStream::once(bytes.clone()).verified(content)),
            Self::From(source) => source.open(content).await,
        }
    }
}
