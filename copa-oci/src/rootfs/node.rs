//! What is at a path.

use std::path::Path;

use bytes::Bytes;

use crate::rootfs::digests::FileDigests;

/// What is at a path. All names of a hard-linked file have the same node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Node<'a> {
    /// What it is.
    pub kind: NodeKind<'a>,
    /// Permission bits with setuid, setgid and sticky: `0o7777` at most.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u64,
    /// Numeric group.
    pub gid: u64,
    /// Modification time, seconds since 1970.
    pub mtime: i64,
    /// Extended attributes, such as `security.capability`.
    pub xattrs: &'a [(String, Vec<u8>)],
    /// The MD5 of a regular file, where it was kept: that of `digests`.
    pub md5: Option<[u8; 16]>,
    /// The digests of a regular file, where they were kept.
    pub digests: FileDigests,
    /// The content of a regular file, where it was kept. A file whose content was not kept is
    /// read again with [`crate::read_file`].
    pub content: Option<&'a Bytes>,
    /// Where it comes from. `None` for a directory that no layer lists: it is there because
    /// something in it is, with mode 0755, owned by root, of time 0.
    pub origin: Option<Origin<'a>>,
}

/// Where a node comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin<'a> {
    /// The layer, counted from the lowest, 0.
    pub layer: usize,
    /// The path that has the content in that layer.
    pub path: &'a Path,
}

/// The kind of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeKind<'a> {
    /// A regular file.
    Regular {
        /// Its length in bytes.
        size: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link and its target, as written.
    Symlink(&'a Path),
    /// A character device.
    Char {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    Block {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

impl Node<'_> {
    /// A directory that no layer lists.
    pub(crate) const IMPLIED: Node<'static> = Node {
        kind: NodeKind::Directory,
        mode: 0o755,
        uid: 0,
        gid: 0,
        mtime: 0,
        xattrs: &[],
        md5: None,
        digests: FileDigests { md5: None, sha1: None, sha256: None },
        content: None,
        origin: None,
    };
}
