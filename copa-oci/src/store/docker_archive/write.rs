//! Writing: layers uncompressed under their diff ids, as every reader of the format wants them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::compress::Expansion;
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result};
use crate::spec::Descriptor;
use crate::store::archive::{BLOCK, append, finish, finished, header};
use crate::store::docker_archive::LIST;
use crate::store::document;
use crate::store::document::corrupt;
use crate::store::file::{beside, blocking, failed, fill, place};
use crate::store::{Blob, Sink};

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
        let out = Section::new(Arc::clone(&self.file), start, Expansion::default());
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
        let out = unpack.ok_or_else(|| corrupt(&what, "it broke off"))?;
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
        let config = digest_of(value.get("config").unwrap_or(&Value::Null))?;
        let Some(Stored::Document(bytes)) = self.stored(&config) else { return Err(lost(&config)) };
        let ids = document::object("the configuration", &bytes)?;
        let ids = ids.pointer("/rootfs/diff_ids").and_then(Value::as_array).cloned();
        let ids = ids.unwrap_or_default();
        let layers = value.get("layers").and_then(Value::as_array).cloned().unwrap_or_default();
        if ids.len() != layers.len() {
            return Err(corrupt(config.as_str(), "its diff_ids are not as many as the layers"));
        }
        let name = |(layer, id): (&Value, &Value)| {
            if document::is_foreign(layer) {
                let reason = "docker save has no place for a layer that lives elsewhere".into();
                return Err(Error::Unsupported { what: "a foreign layer".into(), reason });
            }
            let digest = digest_of(layer)?;
            match self.stored(&digest) {
                Some(Stored::Layer(have)) if Some(have.as_str()) == id.as_str() => {
                    Ok(layer_name(&have))
                }
                Some(Stored::Layer(have)) => {
                    Err(corrupt(digest.as_str(), format!("its diff id is {have}, not {id}")))
                }
                _ => Err(lost(&digest)),
            }
        };
        let names = layers.iter().zip(&ids).map(name).collect::<Result<_>>()?;
        Ok((config, bytes, names))
    }
}

/// The document that names the image, its configuration and its layers.
pub(in crate::store) fn list(config: &str, name: &str, layers: &[String]) -> String {
    json!([{ "Config": config, "RepoTags": repo_tags(name), "Layers": layers }]).to_string()
}

pub(in crate::store) fn digest_of(entry: &Value) -> Result<Digest> {
    entry.get("digest").and_then(Value::as_str).unwrap_or_default().parse()
}

fn layer_name(diff_id: &Digest) -> String {
    format!("{}.tar", diff_id.hex())
}

/// The tag as `docker load` takes it: `REPOSITORY:TAG`. A tag alone names no repository, and the
/// image is then loaded without a name.
fn repo_tags(name: &str) -> Vec<String> {
    let full = name.rsplit('/').next().is_some_and(|last| last.contains(':'));
    if full { vec![name.to_owned()] } else { Vec::new() }
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
        let list = list(&config_name, name, &layers);
        let mut state = self.state.lock().await;
        let temporary = state.temporary.take().ok_or_else(|| finished(&self.path))?;
        let (path, file, mut end) = (self.path.clone(), Arc::clone(&self.file), state.end);
        blocking(move || {
            for (name, bytes) in [(&*config_name, &config[..]), (LIST, list.as_bytes())] {
                end = append(&file, end, name, bytes).map_err(failed("write", &path))?;
            }
            finish(&file, end).map_err(failed("write", &path))?;
            place(temporary, &path)
        })
        .await
    }
}

/// The uncompressed layer, hashed as it is written.
struct Section {
    file: Arc<File>,
    start: u64,
    size: u64,
    /// Bytes of the compressed layer so far.
    taken: u64,
    limit: Expansion,
    hasher: Hasher,
}

impl Section {
    fn new(file: Arc<File>, start: u64, limit: Expansion) -> Self {
        Self { file, start, size: 0, taken: 0, limit, hasher: Hasher::sha256() }
    }
}

impl Write for Section {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.limit.check(self.taken, self.size + bytes.len() as u64)?;
        self.file.write_all_at(bytes, self.start + self.size)?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Undoes a layer's compression, told by its first bytes, as it is pushed through.
enum Unpack {
    Start(Section),
    Plain(Section),
    Gzip(Box<flate2::write::MultiGzDecoder<Section>>),
    Zstd(Box<zstd::stream::write::Decoder<'static, Section>>),
}

impl Unpack {
    fn told(self, chunk: &[u8]) -> io::Result<Self> {
        Ok(match self {
            Self::Start(out) if chunk.starts_with(&[0x1f, 0x8b]) => {
                Self::Gzip(Box::new(flate2::write::MultiGzDecoder::new(out)))
            }
            Self::Start(out) if chunk.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) => {
                let mut decoder = zstd::stream::write::Decoder::new(out)?;
                decoder.window_log_max(crate::compress::ZSTD_WINDOW_LOG)?;
                Self::Zstd(Box::new(decoder))
            }
            Self::Start(out) => Self::Plain(out),
            told => told,
        })
    }

    fn write_all(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.section().taken += chunk.len() as u64;
        match self {
            Self::Start(out) | Self::Plain(out) => out.write_all(chunk),
            Self::Gzip(decoder) => decoder.write_all(chunk),
            Self::Zstd(decoder) => decoder.write_all(chunk),
        }
    }

    fn section(&mut self) -> &mut Section {
        match self {
            Self::Start(out) | Self::Plain(out) => out,
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Zstd(decoder) => decoder.get_mut(),
        }
    }

    fn finish(self) -> io::Result<Section> {
        match self {
            Self::Start(out) | Self::Plain(out) => Ok(out),
            Self::Gzip(decoder) => decoder.finish(),
            Self::Zstd(mut decoder) => {
                decoder.flush()?;
                Ok(decoder.into_inner())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_not_unpacked() {
        let zeros = [0; 100_000];
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&zeros).unwrap();
        for packed in [gzip.finish().unwrap(), zstd::encode_all(&zeros[..], 1).unwrap()] {
            let unpack = |free| {
                let limit = Expansion { free, ..Expansion::default() };
                let file = Arc::new(tempfile::tempfile().unwrap());
                let mut unpack = Unpack::Start(Section::new(file, 0, limit)).told(&packed)?;
                unpack.write_all(&packed)?;
                unpack.finish().map(|out| out.size)
            };
            assert_eq!(unpack(100_000).unwrap(), 100_000);
            let error = Error::from_io("it", unpack(99_999).unwrap_err());
            assert!(matches!(error, Error::TooLarge { .. }), "{error}");
        }
    }
}
