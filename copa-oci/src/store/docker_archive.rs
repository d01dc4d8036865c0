//! What `docker save` writes: a tar file with `manifest.json`, configurations and layers.
//!
//! It knows no digests but the diff ids, so a Docker manifest (version 2, schema 2) is made up
//! for each image in it. Newer archives hold an image layout as well; `manifest.json` is what
//! all of them have.

mod read;
mod write;

pub use read::DockerArchiveSource;
pub use write::DockerArchiveSink;

#[cfg(test)]
mod tests;
