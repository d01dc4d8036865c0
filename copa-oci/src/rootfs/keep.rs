//! What is kept of files while their layer is streamed past.

use crate::rootfs::digests::Algorithms;

/// What is kept of a regular file while its layer is streamed past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Keep {
    /// That it is there, and its metadata.
    Nothing,
    /// The MD5 of its content as well.
    Md5,
    /// Its content and MD5; the MD5 alone when the content is over [`crate::Limits::file`].
    Content,
    /// The digests of its content with these algorithms.
    Digests(Algorithms),
    /// Its content and these digests; the digests alone when the content is over
    /// [`crate::Limits::file`].
    ContentAndDigests(Algorithms),
}

impl Keep {
    /// Whether the content need not be looked at.
    pub(super) fn is_nothing(self) -> bool {
        !self.content() && self.algorithms() == Algorithms::NONE
    }

    /// Whether the content is kept.
    pub(super) fn content(self) -> bool {
        matches!(self, Self::Content | Self::ContentAndDigests(_))
    }

    /// Which digests are kept.
    pub(super) fn algorithms(self) -> Algorithms {
        match self {
            Self::Nothing => Algorithms::NONE,
            Self::Md5 | Self::Content => Algorithms::MD5,
            Self::Digests(algorithms) | Self::ContentAndDigests(algorithms) => algorithms,
        }
    }
}
