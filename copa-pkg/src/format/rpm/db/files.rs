//! The files of a database, read from the image and written in its place.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::install::change::{Content, File};
use crate::port::{FileKind, Root};

/// The path with this ending.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(end);
    path.into()
}

/// The content of a regular file, when it is no longer than the limit.
pub(super) fn read(root: &dyn Root, path: &Path, limit: u64) -> Result<Option<Bytes>> {
    match root.stat(path).map(|stat| stat.kind) {
        Some(FileKind::Regular(length)) if length > limit => {
            let what = path.display().to_string();
            Err(Error::TooLarge { what, limit: format!("{limit} bytes") })
        }
        Some(FileKind::Regular(_)) => root.read(path),
        _ => Ok(None),
    }
}

/// A database file in place of the one at this path, with its mode and owner.
pub(super) fn file_like(root: &dyn Root, path: &Path, bytes: Bytes, time: u32) -> File {
    let stat = root.stat(path);
    let (mode, uid, gid) = stat.map_or((0o644, 0, 0), |stat| (stat.mode, stat.uid, stat.gid));
    let content = Content::Regular(bytes);
    File { content, mode, uid, gid, mtime: time.into(), xattrs: Vec::new() }
}
