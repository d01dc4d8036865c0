//! What one layer holds and hides.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use bytes::Bytes;

use crate::rootfs::digests::{Algorithms, FileDigests};
use crate::rootfs::node::{Node, NodeKind, Origin};
use crate::rootfs::path::Key;
use crate::spec::digest::Digest;

/// What one layer adds and hides: everything in its tar but the content of most files.
///
/// Paths are clean and relative to the root; links of the same layer in their parents are
/// followed. Every path is there once: of two entries the later one counts. It takes some 60
/// bytes and the path for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerIndex {
    pub(super) diff_id: Digest,
    /// All paths and link targets, one after the other.
    pub(super) names: Vec<u8>,
    /// Sorted by path: a directory stands before what is in it.
    pub(super) records: Vec<Record>,
    /// Lower layers lose these paths.
    pub(super) whiteouts: Vec<Span>,
    /// Lower layers lose what is in these directories.
    pub(super) opaque: Vec<Span>,
    pub(super) xattrs: Vec<Xattrs>,
    /// The digests of all files, one after the other.
    pub(super) digests: Vec<u8>,
    pub(super) contents: Vec<Bytes>,
}

pub(super) type Xattrs = Vec<(String, Vec<u8>)>;

/// The memory that an allocation takes besides its bytes, about.
const ALLOCATION: usize = 32;

/// How many bytes of memory the attributes of a file take: a place and two allocations each.
pub(super) fn size_of_xattrs(xattrs: &Xattrs) -> usize {
    let each = size_of::<(String, Vec<u8>)>() + 2 * ALLOCATION;
    let bytes = xattrs.iter().map(|(name, value)| name.len() + value.len() + each);
    size_of::<Xattrs>() + ALLOCATION + bytes.sum::<usize>()
}

/// The memory that a kept content takes besides its bytes.
pub(super) const CONTENT: usize = size_of::<Bytes>() + ALLOCATION;

/// A piece of [`LayerIndex::names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) len: u16,
}

/// The position that stands for no entry of a table.
pub(super) const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) path: Span,
    pub(super) target: Span,
    pub(super) what: What,
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mtime: i64,
    pub(super) xattrs: u32,
    /// Where the digests of the file begin, and of which algorithms they are.
    pub(super) digests: u32,
    pub(super) algorithms: Algorithms,
    pub(super) content: u32,
    /// Another name of this file is in the same layer.
    pub(super) linked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Regular {
        size: u64,
    },
    Directory,
    Symlink,
    Char {
        major: u32,
        minor: u32,
    },
    Block {
        major: u32,
        minor: u32,
    },
    Fifo,
    /// Another name of the record at this position, or of something in a lower layer.
    Hardlink {
        record: u32,
    },
}

impl LayerIndex {
    /// The digest of the uncompressed tar, computed while it was read.
    pub fn diff_id(&self) -> &Digest {
        &self.diff_id
    }

    /// How many bytes of memory it takes, about.
    pub fn size(&self) -> usize {
        let xattrs = self.xattrs.iter().map(size_of_xattrs);
        let contents = self.contents.iter().map(|content| content.len() + CONTENT);
        self.names.len()
            + self.records.len() * size_of::<Record>()
            + (self.whiteouts.len() + self.opaque.len()) * size_of::<Span>()
            + self.digests.len()
            + xattrs.chain(contents).sum::<usize>()
    }

    /// How many paths the layer adds or replaces.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether the layer neither adds nor hides anything.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.whiteouts.is_empty() && self.opaque.is_empty()
    }

    /// All paths that the layer adds or replaces, sorted, and what is there.
    ///
    /// Other names of files of lower layers are left out: see [`crate::RootFs`].
    pub fn iter(&self) -> impl Iterator<Item = (&Path, Node<'_>)> {
        let known = |record| Some((self.path(record), self.node(0, record)?));
        (0..self.records.len() as u32).filter_map(known)
    }

    /// The paths that lower layers lose, sorted.
    pub fn whiteouts(&self) -> impl Iterator<Item = &Path> {
        self.whiteouts.iter().map(|&span| as_path(self.text(span)))
    }

    /// The directories that lower layers lose the content of, sorted.
    pub fn opaque_directories(&self) -> impl Iterator<Item = &Path> {
        self.opaque.iter().map(|&span| as_path(self.text(span)))
    }

    pub(super) fn text(&self, span: Span) -> &[u8] {
        let start = span.start as usize;
        self.names.get(start..start + usize::from(span.len)).unwrap_or_default()
    }

    fn digests_of(&self, record: &Record) -> FileDigests {
        let bytes = self.digests.get(record.digests as usize..).unwrap_or_default();
        FileDigests::read(record.algorithms, bytes)
    }

    /// The path of the record at this position.
    pub(super) fn path(&self, record: u32) -> &Path {
        as_path(self.records.get(record as usize).map_or(b"", |record| self.text(record.path)))
    }

    /// The record of the file that the record at this position names: itself, or the target of a hard
    /// link. `None` when the target is in a lower layer.
    pub(super) fn original(&self, record: u32) -> Option<u32> {
        match self.records.get(record as usize)?.what {
            What::Hardlink { record: NONE } => None,
            What::Hardlink { record } => Some(record),
            _ => Some(record),
        }
    }

    /// The position of the record of this path.
    pub(super) fn find(&self, path: &[u8]) -> Option<u32> {
        let key = |record: &Record| Key(self.text(record.path));
        let found = self.records.binary_search_by(|record| key(record).cmp(&Key(path)));
        found.ok().and_then(|at| u32::try_from(at).ok())
    }

    /// The node of the record at this position, in a stack where this layer has this number.
    pub(super) fn node(&self, layer: usize, record: u32) -> Option<Node<'_>> {
        let number = self.original(record)?;
        let record = self.records.get(number as usize)?;
        let kind = match record.what {
            What::Regular { size } => NodeKind::Regular { size },
            What::Directory => NodeKind::Directory,
            What::Symlink => NodeKind::Symlink(as_path(self.text(record.target))),
            What::Char { major, minor } => NodeKind::Char { major, minor },
            What::Block { major, minor } => NodeKind::Block { major, minor },
            What::Fifo => NodeKind::Fifo,
            What::Hardlink { .. } => return None,
        };
        let digests = self.digests_of(record);
        Some(Node {
            kind,
            mode: u32::from(record.mode),
            uid: u64::from(record.uid),
            gid: u64::from(record.gid),
            mtime: record.mtime,
            xattrs: self.xattrs.get(record.xattrs as usize).map_or(&[], Vec::as_slice),
            md5: digests.md5,
            digests,
            content: self.contents.get(record.content as usize),
            origin: Some(Origin { layer, path: as_path(self.text(record.path)) }),
        })
    }
}

pub(super) fn as_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}
