//! An image written to a place.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt};

use crate::error::Result;
use crate::image::documents::Image;
use crate::image::read::config_of;
use crate::layer::stored::Layer;
use crate::spec::descriptor::Descriptor;
use crate::spec::digest::Digest;
use crate::spec::document::is_foreign;
use crate::store::blob::Blob;
use crate::store::sink::Sink;

/// What writing an image did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The manifest that was given the name.
    pub manifest: Descriptor,
    /// What became of each layer, lowest first. A layer that occurs twice is listed once.
    pub layers: Vec<(Digest, Moved)>,
    /// The bytes of layers and configuration that were sent.
    pub bytes_sent: u64,
}

/// How a layer came to its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Moved {
    /// It was there.
    Present,
    /// The registry took it over from another of its repositories.
    Mounted,
    /// Its bytes were sent.
    Sent,
    /// It lives elsewhere and must not be uploaded: only the manifest names it.
    Foreign,
}

impl Image {
    /// Writes this image and gives it a name, last of all. Layers that are there already are not
    /// sent; at most `jobs` are moved at a time.
    ///
    /// # Errors
    ///
    /// When content cannot be read, is not what its digest says, or cannot be written. Then the
    /// name stands for what it stood for before.
    pub async fn write_to(&self, sink: &dyn Sink, name: &str, jobs: usize) -> Result<Written> {
        let mut seen = BTreeSet::new();
        let once = self.layers.iter().filter(|layer| seen.insert(&layer.descriptor.digest));
        let moves: Vec<_> = once.map(|layer| self.move_layer(sink, layer)).collect();
        let layers: Vec<(Digest, Moved, u64)> =
            futures_util::stream::iter(moves).buffered(jobs.max(1)).try_collect().await?;
        let config = config_of("the manifest", &self.manifest.value)?;
        let mut bytes_sent: u64 = layers.iter().map(|(_, _, sent)| sent).sum();
        if !sink.contains(&config).await? {
            sink.put(&config, &Blob::Bytes(self.config.bytes.clone())).await?;
            bytes_sent += config.size;
        }
        sink.tag(&self.descriptor, &self.manifest.bytes, name).await?;
        let layers = layers.into_iter().map(|(digest, moved, _)| (digest, moved)).collect();
        Ok(Written { manifest: self.descriptor.clone(), layers, bytes_sent })
    }

    async fn move_layer(&self, sink: &dyn Sink, layer: &Layer) -> Result<(Digest, Moved, u64)> {
        let content = &layer.descriptor;
        let moved = self.moved(sink, layer).await?;
        tracing::debug!(digest = %content.digest, ?moved, "layer");
        let sent = if moved == Moved::Sent { content.size } else { 0 };
        Ok((content.digest.clone(), moved, sent))
    }

    async fn moved(&self, sink: &dyn Sink, layer: &Layer) -> Result<Moved> {
        let content = &layer.descriptor;
        if is_foreign(&serde_json::json!(content)) {
            return Ok(Moved::Foreign);
        }
        if sink.contains(content).await? {
            return Ok(Moved::Present);
        }
        if let Blob::From(source) = &layer.blob
            && sink.mount(content, source.location()).await?
        {
            return Ok(Moved::Mounted);
        }
        sink.put(content, &layer.blob).await?;
        Ok(Moved::Sent)
    }
}
