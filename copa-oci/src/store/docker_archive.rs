//! What `docker save` writes: a tar file with `manifest.json`, configurations and layers.
//!
//! It knows no digests but the diff ids, so a Docker manifest (version 2, schema 2) is made up
//! for each image in it. Newer archives hold an image layout as well; `manifest.json` is what
//! all of them have.

pub(crate) mod read;
pub(crate) mod write;

pub use read::DockerArchiveSource;
pub use write::DockerArchiveSink;
pub(super) use write::{digest_of, list};

/// The name of the document that lists the images.
pub(super) const LIST: &str = "manifest.json";

#[cfg(test)]
mod tests;
