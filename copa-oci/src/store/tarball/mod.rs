//! Tar files that hold an image: read where they are, and written from front to back.

pub(super) mod read;
pub(super) mod write;
