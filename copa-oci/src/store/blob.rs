//! Content on its way to a place.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::Result;
use crate::spec::descriptor::Descriptor;
use crate::store::source::Source;
use crate::stream::ByteStream;

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
