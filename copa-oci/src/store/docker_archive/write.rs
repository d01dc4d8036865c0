//! Writes archives: layers uncompressed under their diff ids, as every reader of the format wants them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::compress::expansion::Expansion;
use crate::error::{Error, Result};
use crate::spec::descriptor::Descriptor;
use crate::spec::digest::Digest;
use crate::spec::document;
use crate::store::blob::Blob;
use crate::store::docker_archive::list;
use crate::store::docker_archive::unpack::{LayerWriter, Unpack};
use crate::store::file::{beside, blocking, failed, fill, put_in_place};
use crate::store::sink::Sink;
use crate::store::tarball::write::{BLOCK, append, finish, finished, header};

/// Writes one image into an archive that `docker load` reads: to a temporary file beside it, put
/// in its place by [`Sink::tag`]. A writer that gives up leaves nothing; a file that was there is
/// replaced.
///
/// The format has no place for an OCI manifest, for compressed layers and for foreign layers: the
/// configuration and the layers' content are kept, the manifest is not.
#[derive(Debug)]
pub struct DockerArchiveSink {
    path: PathBuf,
    file: Arc<File>,
    /// One layer at a time: its length is known when it is written.
    state: tokio::sync::Mutex<State>,
    stored: Mutex<BTreeMap<Digest, Stored>>,
}

#[derive(Debug)]
struct State {
    temporary: Option<NamedTempFile>,
    end: u64,
}

#[derive(Debug, Clone)]
enum Stored {
    /// A document, kept until the archive is finished.
    Document(Bytes),
    /// A layer, by its diff id.
    Layer(Digest),
}

impl DockerArchiveSink {
    /// Gets ready to write the archive `path`. Nothing is there yet.
    ///
    /// # Errors
    ///
    /// When the directory cannot be written to.
    pub async fn create(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        blocking(move || {
            let (temporary, file) = beside(&path)?;
            let state = State { temporary: Some(temporary), end: 0 };
            let (state, stored) = (tokio::sync::Mutex::new(state), Mutex::default());
            Ok(Self { path, file: Arc::new(file), state, stored })
        })
        .await
    }

    fn stored(&self, digest: &Digest) -> Option<Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    fn store(&self, digest: &Digest, what: Stored) {
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        stored.insert(digest.clone(), what);
    }

    fn has_layer(&self, diff_id: &Digest) -> bool {
        let stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        stored.values().any(|what| matches!(what, Stored::Layer(have) if have == diff_id))
    }

    async fn put_layer(&self, content: &Descriptor, blob: &Blob) -> Result<()> {
        let mut state = self.state.lock().await;
        if self.stored(&content.digest).is_some() {
            return Ok(());
        }
        let start = state.end + BLOCK;
        let out = LayerWriter::new(Arc::clone(&self.file), start, Expansion::default());
        let layer = Arc::new(Mutex::new(Some(Unpack::Start(out))));
        let kept = Arc::clone(&layer);
        let write = move |chunk: Bytes| {
            let mut slot = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let mut unpack =
                slot.take().ok_or_else(|| io::Error::other("broken off"))?.told(&chunk)?;
            unpack.write_all(&chunk)?;
            *slot = Some(unpack);
            Ok(())
        };
        fill(blob.open(content).await?, content.digest.as_str(), write, &self.path).await?;
        let unpack = layer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let what = content.digest.to_string();
        let out = unpack.ok_or_else(|| Error::corrupt(&what, "it broke off"))?;
        let out = out.finish().map_err(|e| Error::from_io(what, e))?;
        let (size, diff_id) = (out.size, out.hasher.finish());
        if !self.has_layer(&diff_id) {
            let header = header(&layer_name(&diff_id), size)?;
            let written = self.file.write_all_at(header.as_bytes(), state.end);
            written.map_err(failed("write", &self.path))?;
            state.end = (start + size).next_multiple_of(BLOCK);
        }
        // Shorter content may have to follow: nothing of this one may show behind it.
        self.file.set_len(state.end).map_err(failed("write", &self.path))?;
        self.store(&content.digest, Stored::Layer(diff_id));
        Ok(())
    }

    /// The configuration and the layers' names that a manifest stands for.
    fn parts(&self, manifest: &[u8]) -> Result<(Digest, Bytes, Vec<String>)> {
        let value = document::object("the manifest", manifest)?;
        let place = || self.path.display().to_string();
        let lost = |digest: &Digest| Error::NotFound { what: digest.to_string(), place: place() };
        let config = list::digest_of(value.get("config").unwrap_or(&Value::Null))?;
        let Some(Stored::Document(bytes)) = self.stored(&config) else { return Err(lost(&config)) };
        let ids = document::object("the configuration", &bytes)?;
        let ids = ids.pointer("/rootfs/diff_ids").and_then(Value::as_array).cloned();
        let ids = ids.unwrap_or_default();
        let layers = value.get("layers").and_then(Value::as_array).cloned().unwrap_or_default();
        if ids.len() != layers.len() {
            return Err(Error::corrupt(
                config.as_str(),
                "its diff_ids are not as many as the layers",
            ));
        }
        let name = |(layer, id): (&Value, &Value)| {
            if document::is_foreign(layer) {
                let reason = "docker save has no place for a layer that lives elsewhere".into();
                return Err(Error::Unsupported { what: "a foreign layer".into(), reason });
            }
            let digest = list::digest_of(layer)?;
            match self.stored(&digest) {
                Some(Stored::Layer(have)) if Some(have.as_str()) == id.as_str() => {
                    Ok(layer_name(&have))
                }
                Some(Stored::Layer(have)) => {
                    Err(Error::corrupt(digest.as_str(), format!("its diff id is {have}, not {id}")))
                }
                _ => Err(lost(&digest)),
            }
        };
        let names = layers.iter().zip(&ids).map(name).collect::<Result<_>>()?;
        Ok((config, bytes, names))
    }
}

fn layer_name(diff_id: &Digest) -> String {
    format!("{}.tar", diff_id.hex())
}

#[async_trait]
impl Sink for DockerArchiveSink {
    async fn contains(&self, content: &Descriptor) -> Result<bool> {
        Ok(self.stored(&content.digest).is_some())
    }

    async fn put(&self, content: &Descriptor, blob: &Blob) -> Result<()> {
        if !content.media_type.as_str().ends_with("json") {
            return self.put_layer(content, blob).await;
        }
        let stream = blob.open(content).await?;
        let bytes = stream.collect(content.digest.as_str(), document::LIMIT).await?;
        self.store(&content.digest, Stored::Document(bytes));
        Ok(())
    }

    async fn tag(&self, manifest: &Descriptor, bytes: &Bytes, name: &str) -> Result<()> {
        if !manifest.media_type.is_manifest() {
            let reason = "docker save has no place for it; write one platform".into();
            return Err(Error::Unsupported { what: manifest.media_type.to_string(), reason });
        }
        let (digest, config, layers) = self.parts(bytes)?;
        let config_name = format!("{}.json", digest.hex());
        let list = list::list(&config_name, name, &layers);
        let mut state = self.state.lock().await;
        let temporary = state.temporary.take().ok_or_else(|| finished(&self.path))?;
        let (path, file, mut end) = (self.path.clone(), Arc::clone(&self.file), state.end);
        blocking(move || {
            for (name, bytes) in [(&*config_name, &config[..]), (list::NAME, list.as_bytes())] {
                end = append(&file, end, name, bytes).map_err(failed("write", &path))?;
            }
            finish(&file, end).map_err(failed("write", &path))?;
            put_in_place(temporary, &path)
        })
        .await
    }
}

#[cfg(test)]
#[path = "tests/write.rs"]
mod tests;
