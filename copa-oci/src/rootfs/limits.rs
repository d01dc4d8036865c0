//! How much of a layer is read.

use crate::compress::expansion::Expansion;

/// How much of a layer is read and remembered. The defaults hold the largest images there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How much the compressed layer may become.
    pub expansion: Expansion,
    /// Entries in a layer: 4 million by default.
    pub entries: usize,
    /// Bytes in a path or link target: 4096 by default, Linux' limit.
    pub path: usize,
    /// Components in a path or link target: 256 by default. Images have fewer than 40.
    pub depth: usize,
    /// Bytes in all paths and link targets of a layer: 256 MiB by default. As many are followed
    /// through links.
    pub names: usize,
    /// Bytes of a file whose content is kept: 64 MiB by default. Of a longer one the digests are
    /// kept.
    pub file: u64,
    /// Bytes of memory for content and attributes kept of a layer: 128 MiB by default. Of files
    /// that come after them the digests are kept.
    pub kept: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            expansion: Expansion::default(),
            entries: 4_000_000,
            path: 4096,
            depth: 256,
            names: 256 << 20,
            file: 64 << 20,
            kept: 128 << 20,
        }
    }
}
