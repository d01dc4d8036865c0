//! Files as streams: a section of a file, a stream into a file, a file put in place whole.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use tempfile::{NamedTempFile, TempDir};

use crate::error::{Error, Result};
use crate::stream::ByteStream;

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

/// The prefix of every temporary name; six letters and digits follow.
const TEMPORARY: &str = ".copa-";
/// The writer of a younger file may not have locked it yet.
const YOUNG: Duration = Duration::from_secs(2);

/// A new file without a place yet, in the directory where it will be. It is gone when dropped,
/// and locked until then. Its mode is what the process's umask leaves, as for any file.
pub(super) fn unplaced(directory: &Path) -> Result<NamedTempFile> {
    let file = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(directory)
        .map_err(failed("create a file in", directory))?;
    // On a file system without locks, nothing is swept either.
    let _ = file.as_file().try_lock();
    Ok(file)
}

/// A new directory in this one, gone when dropped, and what keeps it locked until then.
pub(super) fn scratch(directory: &Path) -> Result<(TempDir, File)> {
    let create = "create a directory in";
    let scratch = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(directory);
    let scratch = scratch.map_err(failed(create, directory))?;
    let lock = File::open(scratch.path()).map_err(failed(create, directory))?;
    let _ = lock.try_lock();
    Ok((scratch, lock))
}

/// Removes what writers that were killed left in a directory. `new` was made in it just now.
pub(super) fn sweep(directory: &Path, new: &File) {
    let Ok(now) = new.metadata().and_then(|new| new.modified()) else { return };
    for found in fs::read_dir(directory).into_iter().flatten().flatten() {
        let old =
            |meta: fs::Metadata| meta.modified().ok()?.checked_add(YOUNG).filter(|t| *t < now);
        if is_temporary(&found.file_name()) && found.metadata().ok().and_then(old).is_some() {
            abandoned(&found.path());
        }
    }
}

fn is_temporary(name: &OsStr) -> bool {
    let random = name.to_str().and_then(|name| name.strip_prefix(TEMPORARY));
    random.is_some_and(|text| text.len() == 6 && text.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Removes a file or directory that no writer has locked.
fn abandoned(path: &Path) {
    let Ok(what) = fs::symlink_metadata(path) else { return };
    if !(what.is_file() || what.is_dir()) || !File::open(path).is_ok_and(|f| f.try_lock().is_ok()) {
        return;
    }
    tracing::debug!(path = %path.display(), "left by a writer that was killed: removed");
    let _ = if what.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
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
pub(super) fn put_in_place(file: NamedTempFile, path: &Path) -> Result<()> {
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

/// A temporary file beside `path`, where it will be, and a handle to write it with. What is there
/// and no regular file (a directory, a device) is not replaced.
pub(super) fn beside(path: &Path) -> Result<(NamedTempFile, File)> {
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        let reason = io::Error::new(io::ErrorKind::InvalidInput, "it is there and no regular file");
        return Err(failed("write", path)(reason));
    }
    let temporary = unplaced(&parent(path))?;
    sweep(&parent(path), temporary.as_file());
    let file = temporary.reopen().map_err(failed("open", path))?;
    Ok((temporary, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let all = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> =
            all.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_killed_writers_left_goes_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let old = |name: &str| {
            let path = dir.path().join(name);
            let file = File::create(&path).unwrap();
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
            path
        };
        let others = [".copa-notes", ".copa-Abc12", "copa-Abc123", "image.tar"];
        others.iter().for_each(|name| drop(old(name)));
        old(".copa-Abc123");
        fs::create_dir(dir.path().join(".copa-Dir123")).unwrap();
        fs::write(dir.path().join(".copa-Dir123/blob"), "x").unwrap();
        File::open(dir.path().join(".copa-Dir123"))
            .unwrap()
            .set_modified(std::time::UNIX_EPOCH)
            .unwrap();
        std::os::unix::fs::symlink("image.tar", dir.path().join(".copa-Lnk123")).unwrap();
        let (held, _) = beside(&dir.path().join("other.tar")).unwrap();
        held.as_file().set_modified(std::time::UNIX_EPOCH).unwrap();
        let (young, _) = beside(&dir.path().join("image.tar")).unwrap();
        let stay = [held.path(), young.path()].map(|path| path.file_name().unwrap().to_owned());
        let mut stay: Vec<String> = stay.map(|name| name.into_string().unwrap()).to_vec();
        stay.extend(others.map(str::to_owned));
        stay.push(".copa-Lnk123".into());
        stay.sort();
        assert_eq!(names(dir.path()), stay);
    }

    #[test]
    fn a_device_is_not_replaced_by_a_file() {
        for there in ["/dev/null", "/dev"] {
            let error = beside(Path::new(there)).unwrap_err();
            assert!(error.to_string().contains(there), "{error}");
        }
    }
}
