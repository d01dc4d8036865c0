//! An OCI image layout in a directory: image-spec, `image-layout.md`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tempfile::{NamedTempFile, TempDir};

use crate::error::{Error, Result};
use crate::location::Location;
use crate::spec::descriptor::Descriptor;
use crate::spec::digest::Digest;
use crate::spec::document;
use crate::store::blob::Blob;
use crate::store::file::{
    blocking, failed, fill, open_regular, parent, put_in_place, scratch, section, sweep,
    sync_directory, unplaced,
};
use crate::store::names;
use crate::store::names::Names;
use crate::store::sink::Sink;
use crate::store::source::Source;
use crate::stream::ByteStream;

/// The file that marks a directory as an image layout: its name and content.
pub(super) const MARKER: (&str, &[u8]) = ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);

/// Images in an OCI image layout.
#[derive(Debug)]
pub struct LayoutSource {
    path: PathBuf,
    location: Location,
}

impl LayoutSource {
    /// The layout in the directory `path`.
    ///
    /// # Errors
    ///
    /// When there is no layout there.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let location = Location::OciLayout(path.clone(), None);
        let source = Self { path, location };
        let index = source.path.join("index.json");
        let what = blocking(move || fs::metadata(&index).map_err(failed("read", &index))).await;
        match what {
            Ok(_) => Ok(source),
            Err(Error::Io { source: cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {
                let (what, place) = ("an image layout".into(), source.path.display().to_string());
                Err(Error::NotFound { what, place })
            }
            Err(error) => Err(error),
        }
    }

    async fn unlisted(&self, digest: Digest) -> Result<Descriptor> {
        let path = blob_path(&self.path, &digest);
        if !path.is_file() {
            let place = self.location.to_string();
            return Err(Error::NotFound { what: digest.to_string(), place });
        }
        let (file, size) = blocking(move || open_regular(&path)).await?;
        let found = Descriptor::new("", digest, size);
        let stream = section(Arc::new(file), 0, size).verified(&found);
        let bytes = stream.collect(found.digest.as_str(), document::LIMIT).await?;
        let media_type = document::media_type(found.digest.as_str(), &bytes)?;
        Ok(Descriptor { media_type, ..found })
    }
}

#[async_trait]
impl Source for LayoutSource {
    fn location(&self) -> &Location {
        &self.location
    }

    async fn resolve(&self, name: &str) -> Result<Descriptor> {
        let path = self.path.join("index.json");
        let bytes = blocking(move || read_short(&path)).await?;
        let listed = Names::parse(&bytes, &self.location)?.find(name, &self.location)?;
        match listed {
            Some(descriptor) => Ok(descriptor),
            None => self.unlisted(name.parse()?).await,
        }
    }

    async fn open_unverified(&self, content: &Descriptor) -> Result<ByteStream> {
        let path = blob_path(&self.path, &content.digest);
        let (what, place) = (content.digest.to_string(), self.location.to_string());
        let (file, length) = blocking(move || match path.try_exists() {
            Ok(false) => Err(Error::NotFound { what, place }),
            _ => open_regular(&path),
        })
        .await?;
        Ok(section(Arc::new(file), 0, length))
    }
}

/// Writes images into an OCI image layout.
///
/// The directory is created when it is not there. Content waits in a directory of its own until
/// [`Sink::tag`]: a writer that gives up leaves nothing. Several may write to one layout at once.
#[derive(Debug)]
pub struct LayoutSink {
    path: PathBuf,
    staged: TempDir,
    /// The lock that marks `staged` as in use.
    _lock: File,
    blobs: Arc<Mutex<BTreeMap<Digest, PathBuf>>>,
}

impl LayoutSink {
    /// Gets ready to write to the layout in the directory `path`. Nothing is there yet.
    ///
    /// # Errors
    ///
    /// When the place cannot be written to.
    pub async fn create(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let near = nearest(&path);
        let (staged, lock) = blocking(move || {
            let (staged, lock) = scratch(&near)?;
            sweep(&near, &lock);
            Ok((staged, lock))
        })
        .await?;
        Ok(Self { path, staged, _lock: lock, blobs: Arc::default() })
    }

    fn has(&self, digest: &Digest) -> bool {
        let staged = self.blobs.lock().unwrap_or_else(PoisonError::into_inner).contains_key(digest);
        staged || blob_path(&self.path, digest).is_file()
    }
}

#[async_trait]
impl Sink for LayoutSink {
    async fn contains(&self, content: &Descriptor) -> Result<bool> {
        if self.blobs.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&content.digest) {
            return Ok(true);
        }
        let there = fs::metadata(blob_path(&self.path, &content.digest));
        Ok(there.is_ok_and(|what| what.is_file() && what.len() == content.size))
    }

    async fn put(&self, content: &Descriptor, blob: &Blob) -> Result<()> {
        if self.contains(content).await? {
            return Ok(());
        }
        let directory = self.staged.path().to_owned();
        let file = blocking(move || unplaced(&directory)).await?;
        let path = file.path().to_owned();
        let mut out = file.reopen().map_err(failed("open", &path))?;
        let write = move |chunk: Bytes| io::Write::write_all(&mut out, &chunk);
        fill(blob.open(content).await?, content.digest.as_str(), write, &path).await?;
        let kept = blocking(move || {
            file.as_file().sync_all().map_err(failed("write", file.path()))?;
            let kept = file.keep().map_err(|e| failed("write", e.file.path())(e.error));
            kept.map(|(_, path)| path)
        })
        .await?;
        let mut blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(twice) = blobs.insert(content.digest.clone(), kept) {
            let _ = fs::remove_file(twice);
        }
        Ok(())
    }

    /// A name that is a digest stores the manifest without listing it in `index.json`: that is
    /// how the manifests of an index are written.
    async fn tag(&self, manifest: &Descriptor, bytes: &Bytes, name: &str) -> Result<()> {
        self.put(manifest, &Blob::Bytes(bytes.clone())).await?;
        if name.parse::<Digest>().is_ok() {
            return Ok(());
        }
        document::named(bytes)?.iter().filter(|digest| !self.has(digest)).try_for_each(|lost| {
            let place = self.path.display().to_string();
            Err(Error::NotFound { what: lost.to_string(), place })
        })?;
        let (root, blobs) = (self.path.clone(), Arc::clone(&self.blobs));
        let (manifest, name) = (manifest.clone(), name.to_owned());
        blocking(move || commit(&root, &blobs, &manifest, &name)).await
    }
}

/// Moves the staged content in, then replaces `index.json`, with the directory locked. A layout
/// that could not be begun is not there afterwards.
fn commit(
    root: &Path,
    blobs: &Mutex<BTreeMap<Digest, PathBuf>>,
    manifest: &Descriptor,
    name: &str,
) -> Result<()> {
    let new = !root.exists();
    fs::create_dir_all(root).map_err(failed("create", root))?;
    let done = committed(root, blobs, manifest, name);
    if new && done.is_err() {
        // It stays when something is in it.
        let _ = fs::remove_dir(root);
    }
    done
}

fn committed(
    root: &Path,
    blobs: &Mutex<BTreeMap<Digest, PathBuf>>,
    manifest: &Descriptor,
    name: &str,
) -> Result<()> {
    let lock = File::open(root).map_err(failed("open", root))?;
    lock.lock().map_err(failed("lock", root))?;
    let index = root.join("index.json");
    let location = Location::OciLayout(root.to_owned(), None);
    let mut names = match index.try_exists() {
        Ok(false) => Names::empty(),
        _ => Names::parse(&read_short(&index)?, &location)?,
    };
    names.set(manifest, name)?;
    // Everything is on the disk before anything is moved: a full disk changes nothing.
    let next = written(&index, &names.to_bytes()?)?;
    let marker = root.join(MARKER.0);
    let marker_file = (!marker.is_file()).then(|| written(&marker, MARKER.1)).transpose()?;
    move_in(root, blobs)?;
    if let Some(file) = marker_file {
        put_in_place(file, &marker)?;
    }
    put_in_place(next, &index)
}

fn move_in(root: &Path, blobs: &Mutex<BTreeMap<Digest, PathBuf>>) -> Result<()> {
    let mut blobs = blobs.lock().unwrap_or_else(PoisonError::into_inner);
    while let Some((digest, staged)) = blobs.pop_first() {
        let target = blob_path(root, &digest);
        let directory = parent(&target);
        fs::create_dir_all(&directory).map_err(failed("create", &directory))?;
        fs::rename(&staged, &target).map_err(failed("write", &target))?;
        if blobs.keys().next().is_none_or(|next| next.algorithm() != digest.algorithm()) {
            sync_directory(&directory)?;
        }
    }
    Ok(())
}

/// A file that is not in its place yet.
fn written(path: &Path, bytes: &[u8]) -> Result<NamedTempFile> {
    let mut file = unplaced(&parent(path))?;
    io::Write::write_all(&mut file, bytes).map_err(failed("write", path))?;
    file.as_file().sync_all().map_err(failed("write", path))?;
    Ok(file)
}

fn read_short(path: &Path) -> Result<Vec<u8>> {
    let (file, length) = open_regular(path)?;
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, names::LIMIT + 1), &mut bytes)
        .map_err(failed("read", path))?;
    if length > names::LIMIT || bytes.len() as u64 > names::LIMIT {
        let limit = format!("{} bytes", names::LIMIT);
        return Err(Error::TooLarge { what: path.display().to_string(), limit });
    }
    Ok(bytes)
}

fn blob_path(root: &Path, digest: &Digest) -> PathBuf {
    root.join("blobs").join(digest.algorithm()).join(digest.hex())
}

/// The directory itself, or the nearest one above it that is there: on the same file system.
fn nearest(path: &Path) -> PathBuf {
    let mut here = path.to_owned();
    while !here.is_dir() && here != Path::new(".") {
        here = match here.parent() {
            Some(_) => parent(&here),
            None => break,
        };
    }
    here
}

#[cfg(test)]
#[path = "tests/layout.rs"]
mod tests;
