//! The ports: what this crate needs of the world.

use std::ffi::OsString;
use std::fmt::Debug;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::io::SyncIoBridge;
use url::Url;

use crate::error::{Error, Result};

/// A file system that is looked at and never written to: the merged layers of an image.
pub trait Root: Debug + Send + Sync {
    /// What is at the path itself: links in its parents are followed, a link at its end is not.
    fn stat(&self, path: &Path) -> Option<Stat>;

    /// The path with all links followed, inside the root. `None` when nothing is there.
    fn real_path(&self, path: &Path) -> Option<PathBuf>;

    /// The content of a regular file, links followed. `None` when there is no such file.
    ///
    /// # Errors
    ///
    /// When it is there and cannot be read.
    fn read(&self, path: &Path) -> Result<Option<Bytes>>;

    /// The MD5 of a regular file, links followed: what `.md5sums` files list.
    ///
    /// # Errors
    ///
    /// When it is there and cannot be read.
    fn md5(&self, path: &Path) -> Result<Option<[u8; 16]>>;

    /// The names in a directory, sorted; links followed; empty when there is no such directory.
    fn list(&self, dir: &Path) -> Vec<OsString>;
}

/// What the file system knows of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: FileKind,
    /// Permission bits with setuid, setgid and sticky: `0o7777` at most.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u64,
    /// Numeric group.
    pub gid: u64,
    /// Modification time, seconds since 1970.
    pub mtime: i64,
    /// Extended attributes, such as `security.capability`.
    pub xattrs: Vec<(String, Vec<u8>)>,
}

/// The kind of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// A regular file and its length in bytes.
    Regular(u64),
    /// A directory.
    Directory,
    /// A symbolic link and its target, as written.
    Symlink(PathBuf),
    /// A device, a pipe, a socket.
    Special,
}

/// What is worth having of a file while layers are streamed past, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Interest {
    /// That it is there.
    Existence,
    /// Its checksum: whatever a package may own.
    Checksum,
    /// Its content (and checksum): package databases, release files, keys, small configuration.
    Content,
}

/// Bytes behind an address: `http:`, `https:` and `file:`.
#[async_trait]
pub trait Fetch: Debug + Send + Sync {
    /// The bytes at this address.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the address does not exist, [`Error::Fetch`] otherwise.
    async fn get(&self, url: &Url) -> Result<Body>;
}

/// A body on its way.
pub struct Body {
    /// Its length, when the other side said so. Not to be trusted.
    pub length: Option<u64>,
    reader: Box<dyn AsyncRead + Send + Unpin>,
}

impl Body {
    /// A body read from `reader`.
    pub fn new(length: Option<u64>, reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self { length, reader: Box::new(reader) }
    }

    /// A body that is already here.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::new(Some(bytes.len() as u64), std::io::Cursor::new(bytes))
    }

    /// All of it, when it is no longer than `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] beyond the limit, [`Error::Fetch`] when it breaks off.
    pub async fn collect(self, url: &Url, limit: u64) -> Result<Bytes> {
        let mut all = Vec::with_capacity(self.length.unwrap_or(0).min(limit) as usize);
        let failed = |e| Error::Fetch { url: url.clone(), source: Box::new(e) };
        self.reader.take(limit + 1).read_to_end(&mut all).await.map_err(failed)?;
        if all.len() as u64 > limit {
            return Err(Error::TooLarge { what: url.to_string(), limit: format!("{limit} bytes") });
        }
        Ok(all.into())
    }

    /// The bytes as they arrive.
    pub fn into_async_read(self) -> impl AsyncRead + Send + Unpin + 'static {
        self.reader
    }

    /// A blocking reader, for a thread of the blocking pool: the download overlaps with whatever
    /// that thread does with the bytes.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime; reading from it panics on a thread that drives async tasks.
    pub fn into_read(self) -> impl Read + Send + 'static {
        SyncIoBridge::new(self.reader)
    }
}

impl Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("length", &self.length).finish_non_exhaustive()
    }
}

/// Things worked out before, by key. A cache may forget anything at any time; it never fails.
pub trait Cache: Debug + Send + Sync {
    /// What was put under the key, unless forgotten or damaged.
    fn get(&self, key: &str) -> Option<Bytes>;

    /// Remembers the value, or does not.
    fn put(&self, key: &str, value: &[u8]);
}

/// The cache that forgets everything at once.
impl Cache for () {
    fn get(&self, _key: &str) -> Option<Bytes> {
        None
    }

    fn put(&self, _key: &str, _value: &[u8]) {}
}

/// What a cache has, read by a thread of the blocking pool: an index has 25 MB, and others wait.
pub async fn recall<T: Send + 'static>(
    cache: &Arc<dyn Cache>,
    key: String,
    read: impl FnOnce(Bytes) -> Option<T> + Send + 'static,
) -> Option<T> {
    let cache = Arc::clone(cache);
    let found = tokio::task::spawn_blocking(move || cache.get(&key).and_then(read));
    found.await.ok().flatten()
}

/// Gives a cache something to keep, on the blocking pool.
pub async fn remember(
    cache: &Arc<dyn Cache>,
    key: String,
    value: impl AsRef<[u8]> + Send + 'static,
) {
    let cache = Arc::clone(cache);
    // A cache that breaks is a cache that keeps nothing.
    let _ = tokio::task::spawn_blocking(move || cache.put(&key, value.as_ref())).await;
}
