//! Changes to a file system, and how they are to be written.

use std::path::PathBuf;

use bytes::Bytes;

use crate::compress::compression::Compression;
use crate::spec::media_type::Family;

/// A change at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where: relative to the root, physical (no parent is a link).
    pub path: PathBuf,
    /// What the path becomes.
    pub kind: EntryKind,
    /// Permission bits with setuid, setgid and sticky.
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

/// What a path becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind {
    /// A regular file with this content.
    Regular(Bytes),
    /// A directory. Over a directory, what is in it stays.
    Directory,
    /// A symbolic link to this target, as written.
    Symlink(PathBuf),
    /// Another name of a regular file among the same entries, whose owner and mode it has.
    Hardlink(PathBuf),
    /// Nothing: the path goes, with everything below it. Mode, owner and time do not matter.
    Whiteout,
}

/// How a layer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerOptions {
    /// The family of the manifest that it is for.
    pub family: Family,
    /// How it is compressed.
    pub compression: Compression,
    /// Which modification times entries get. Parent directories always keep their own.
    pub mtime: Mtime,
}

/// Which modification times the entries of a layer get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mtime {
    /// Their own.
    Keep,
    /// Their own, but none later than this: what `SOURCE_DATE_EPOCH` asks for.
    Clamp(i64),
    /// This one, all of them.
    Set(i64),
}

impl Mtime {
    pub(super) fn of(self, own: i64) -> i64 {
        match self {
            Self::Keep => own,
            Self::Clamp(latest) => own.min(latest),
            Self::Set(time) => time,
        }
    }
}
