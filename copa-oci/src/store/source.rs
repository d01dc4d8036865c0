//! Places that images are read from.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;
use crate::location::Location;
use crate::spec::descriptor::Descriptor;
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
