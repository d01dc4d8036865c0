//! What is kept of files while their layer is streamed past.

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
}
