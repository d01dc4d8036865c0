//! Files as streams: a section of a file, a stream into a file, a file put in place whole.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use tempfile::NamedTempFile;

use crate::{ByteStream, Error, Result};

/// How much of a file is read at a time.
const CHUNK: u64 = 256 << 10;

/// An [`Error::Io`] about `path`.
pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}

/// Runs blocking work on a thread of the blocking pool.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let lost = |e| Error::Stream { what: "a worker thread".into(), source: io::Error::other(e) };
    tokio::task::spawn_blocking(work).await.map_err(lost)?
}

/// The `length` bytes of a file that begin at `offset`. The file may be replaced meanwhile.
pub(super) fn section(file: Arc<File>, offset: u64, length: u64) -> ByteStream {
    let next = |(file, offset, left): (Arc<File>, u64, u64)| async move {
        if left == 0 {
            return Ok(None);
        }
        let read = move || read_at(&file, offset, left.min(CHUNK)).map(|bytes| (file, bytes));
        let (file, bytes) = tokio::task::spawn_blocking(read).await.map_err(io::Error::other)??;
        let read = bytes.len() as u64;
        Ok(Some((bytes, (file, offset + read, left - read))))
    };
    ByteStream::new(futures_util::stream::try_unfold((file, offset, length), next))
}

fn read_at(file: &File, offset: u64, length: u64) -> io::Result<Bytes> {
    let mut buffer = BytesMut::zeroed(usize::try_from(length).map_err(io::Error::other)?);
    file.read_exact_at(&mut buffer, offset)?;
    Ok(buffer.freeze())
}

/// Opens a regular file; anything else (a pipe would block for ever) is refused.
pub(super) fn open_regular(path: &Path) -> Result<(File, u64)> {
    let what = fs::metadata(path).map_err(failed("read", path))?;
    if !what.is_file() {
        let reason = io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
        return Err(failed("read", path)(reason));
    }
    let file = File::open(path).map_err(failed("read", path))?;
    Ok((file, what.len()))
}

/// A new file without a place yet, in the directory where it will be. It is gone when dropped.
/// Its mode is what the process's umask leaves, as for any file.
pub(super) fn unplaced(directory: &Path) -> Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(".copa-")
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(directory)
        .map_err(failed("create a file in", directory))
}

/// Writes a stream to a file from `offset` on; its length when it ended well.
///
/// The loop is here and not on the blocking pool, so that it stops when it is dropped.
pub(super) async fn fill(
    mut stream: ByteStream,
    what: &str,
    mut write: impl FnMut(Bytes) -> io::Result<()> + Send + 'static,
    path: &Path,
) -> Result<()> {
    while let Some(chunk) = stream.try_next().await.map_err(|e| Error::from_io(what, e))? {
        let task = move || (write(chunk), write);
        let (written, back) = tokio::task::spawn_blocking(task)
            .await
            .map_err(|e| failed("write", path)(io::Error::other(e)))?;
        written.map_err(failed("write", path))?;
        write = back;
    }
    Ok(())
}

/// Puts a finished file in its place: on disk first, then under its name, at once.
pub(super) fn place(file: NamedTempFile, path: &Path) -> Result<()> {
    file.as_file().sync_all().map_err(failed("write", path))?;
    file.persist(path).map_err(|e| failed("write", path)(e.error))?;
    sync_directory(&parent(path))
}

/// Makes renames in a directory last. Some file systems cannot; then there is nothing to do.
pub(super) fn sync_directory(path: &Path) -> Result<()> {
    let directory = File::open(path).map_err(failed("open", path))?;
    let _ = directory.sync_all();
    Ok(())
}

/// The directory a file is in.
pub(super) fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// A temporary file beside `path`, where it will be, and a handle to write it with.
pub(super) fn beside(path: &Path) -> Result<(NamedTempFile, File)> {
    if path.is_dir() {
        return Err(failed("write", path)(io::ErrorKind::IsADirectory.into()));
    }
    let temporary = unplaced(&parent(path))?;
    let file = temporary.reopen().map_err(failed("open", path))?;
    Ok((temporary, file))
}
