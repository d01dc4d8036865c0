//! An OCI image layout in a tar file.
//!
//! It holds `manifest.json` as well, as what `docker save` writes holds a layout: `docker load`
//! reads no layout, unless Docker keeps its images in containerd.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::error::{Error, Result};
use crate::location::Location;
use crate::spec::descriptor::Descriptor;
use crate::spec::digest::Digest;
use crate::spec::document;
use crate::store::blob::Blob;
use crate::store::docker_archive::list;
use crate::store::file::{beside, blocking, failed, fill, put_in_place};
use crate::store::layout::MARKER;
use crate::store::names;
use crate::store::names::Names;
use crate::store::sink::Sink;
use crate::store::source::Source;
use crate::store::tarball::read::Tarball;
use crate::store::tarball::write::{BLOCK, append, finish, finished, header};
use crate::stream::ByteStream;

/// Images in an OCI image layout in a tar file, read where it is.
#[derive(Debug)]
pub struct ArchiveSource {
    location: Location,
    tarball: Arc<Tarball>,
    names: Names,
}

impl ArchiveSource {
    /// The archive at `path`, compressed or not.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is no tar file, or holds no image layout.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let location = Location::OciArchive(path.clone(), None);
        blocking(move || {
            let tarball = Arc::new(Tarball::open(&path)?);
            let missing = || Error::NotFound {
                what: "an image layout (index.json)".into(),
                place: path.display().to_string(),
            };
            let bytes = tarball.document("index.json", names::LIMIT)?.ok_or_else(missing)?;
            let names = Names::parse(&bytes, &location)?;
            Ok(Self { location, tarball, names })
        })
        .await
    }

    fn find(&self, digest: &Digest) -> Result<(u64, u64)> {
        let found = self.tarball.find(&blob_name(digest))?;
        let place = || self.location.to_string();
        found.ok_or_else(|| Error::NotFound { what: digest.to_string(), place: place() })
    }
}

#[async_trait]
impl Source for ArchiveSource {
    fn location(&self) -> &Location {
        &self.location
    }

    async fn resolve(&self, name: &str) -> Result<Descriptor> {
        if let Some(descriptor) = self.names.find(name, &self.location)? {
            return Ok(descriptor);
        }
        let digest: Digest = name.parse()?;
        let section = self.find(&digest)?;
        let found = Descriptor::new("", digest, section.1);
        let stream = self.tarball.section(section).verified(&found);
        let bytes = stream.collect(name, document::LIMIT).await?;
        Ok(Descriptor { media_type: document::media_type(name, &bytes)?, ..found })
    }

    async fn open_unverified(&self, content: &Descriptor) -> Result<ByteStream> {
        Ok(self.tarball.section(self.find(&content.digest)?))
    }
}

/// Writes images into a tar file: to a temporary file beside it, put in its place by
/// [`Sink::tag`]. A writer that gives up leaves nothing; a file that was there is replaced.
/// `docker load` takes the archive too, unless it holds an index or layers that live elsewhere.
#[derive(Debug)]
pub struct ArchiveSink {
    path: PathBuf,
    file: Arc<File>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    temporary: Option<NamedTempFile>,
    end: u64,
    reserved: BTreeMap<Digest, Reservation>,
}

/// The part of the file that one piece of content is to fill. It is given out in the order of the calls, so that the
/// archive's bytes do not depend on which download is faster.
#[derive(Debug, Clone)]
struct Reservation {
    offset: u64,
    size: u64,
    done: Arc<tokio::sync::Mutex<bool>>,
}

impl ArchiveSink {
    /// Gets ready to write the archive `path`. Nothing is there yet.
    ///
    /// # Errors
    ///
    /// When the directory cannot be written to.
    pub async fn create(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        blocking(move || {
            let (temporary, file) = beside(&path)?;
            let state = State { temporary: Some(temporary), end: 0, reserved: BTreeMap::new() };
            Ok(Self { path, file: Arc::new(file), state: Mutex::new(state) })
        })
        .await
    }

    fn reserve(&self, content: &Descriptor) -> Result<Reservation> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reservation) = state.reserved.get(&content.digest) {
            return Ok(reservation.clone());
        }
        let long = || corrupt_size(content);
        let offset = state.end;
        let end = offset.checked_add(BLOCK).and_then(|start| start.checked_add(content.size));
        state.end = end.and_then(|end| end.checked_next_multiple_of(BLOCK)).ok_or_else(long)?;
        let reservation = Reservation { offset, size: content.size, done: Arc::default() };
        state.reserved.insert(content.digest.clone(), reservation.clone());
        Ok(reservation)
    }

    /// A part that was reserved and not filled would be damage in the archive.
    fn is_whole(&self) -> Result<()> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = |reservation: &Reservation| reservation.done.try_lock().is_ok_and(|done| *done);
        match state.reserved.iter().find(|(_, reservation)| !whole(reservation)) {
            Some((digest, _)) => Err(Error::corrupt(digest.as_str(), "it was not written whole")),
            None => Ok(()),
        }
    }

    fn is_done(&self, digest: &Digest) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let reservation = state.reserved.get(digest);
        reservation.is_some_and(|reservation| reservation.done.try_lock().is_ok_and(|done| *done))
    }
}

fn corrupt_size(content: &Descriptor) -> Error {
    Error::corrupt(content.digest.as_str(), "its size is impossible")
}

#[async_trait]
impl Sink for ArchiveSink {
    async fn contains(&self, content: &Descriptor) -> Result<bool> {
        Ok(self.is_done(&content.digest))
    }

    async fn put(&self, content: &Descriptor, blob: &Blob) -> Result<()> {
        let reservation = self.reserve(content)?;
        let mut done = reservation.done.lock().await;
        if *done {
            return Ok(());
        }
        let header = header(&blob_name(&content.digest), reservation.size)?;
        let (file, mut at) = (Arc::clone(&self.file), reservation.offset);
        let mut next = move |bytes: &[u8]| {
            file.write_all_at(bytes, at)?;
            at += bytes.len() as u64;
            Ok(())
        };
        next(header.as_bytes()).map_err(failed("write", &self.path))?;
        let stream = blob.open(content).await?;
        let write = move |chunk: Bytes| next(&chunk);
        fill(stream, content.digest.as_str(), write, &self.path).await?;
        *done = true;
        Ok(())
    }

    /// A name that is a digest stores the manifest and does not finish the archive: that is how
    /// the manifests of an index are written.
    async fn tag(&self, manifest: &Descriptor, bytes: &Bytes, name: &str) -> Result<()> {
        for digest in document::named(bytes)? {
            if !self.is_done(&digest) {
                let place = self.path.display().to_string();
                return Err(Error::NotFound { what: digest.to_string(), place });
            }
        }
        self.put(manifest, &Blob::Bytes(bytes.clone())).await?;
        self.is_whole()?;
        if name.parse::<Digest>().is_ok() {
            return Ok(());
        }
        let mut names = Names::empty();
        names.set(manifest, name)?;
        let mut documents = vec![(MARKER.0, MARKER.1.to_vec()), ("index.json", names.to_bytes()?)];
        documents.extend(docker_list(bytes, name)?.map(|list| (list::NAME, list)));
        let (temporary, mut end) = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            (state.temporary.take(), state.end)
        };
        let temporary = temporary.ok_or_else(|| finished(&self.path))?;
        let (path, file) = (self.path.clone(), Arc::clone(&self.file));
        blocking(move || {
            for (name, bytes) in documents {
                end = append(&file, end, name, &bytes).map_err(failed("write", &path))?;
            }
            finish(&file, end).map_err(failed("write", &path))?;
            put_in_place(temporary, &path)
        })
        .await
    }
}

/// What Docker reads in place of `index.json`. It has no place for an index, nor for layers that
/// live elsewhere.
fn docker_list(manifest: &[u8], name: &str) -> Result<Option<Vec<u8>>> {
    let manifest = document::object("the manifest", manifest)?;
    let layers = manifest.get("layers").and_then(Value::as_array);
    let (Some(config), Some(layers)) = (manifest.get("config"), layers) else { return Ok(None) };
    if layers.iter().any(document::is_foreign) {
        return Ok(None);
    }
    let file = |entry| Ok(blob_name(&list::digest_of(entry)?));
    let layers: Vec<_> = layers.iter().map(file).collect::<Result<_>>()?;
    Ok(Some(list::list(&file(config)?, name, &layers).into_bytes()))
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.hex())
}

#[cfg(test)]
#[path = "tests/archive.rs"]
mod tests;
