//! What `docker save` writes: a tar file with `manifest.json`, configurations and layers.
//!
//! It knows no digests but the diff ids, so a Docker manifest (version 2, schema 2) is made up
//! for each image in it. Newer archives hold an image layout as well; `manifest.json` is what
//! all of them have.
//!
//! ```text
//!  manifest.json  --read-->   made-up manifest -> configuration, layers as they are stored
//!  an image       --write-->  layers, uncompressed (unpack) -> configuration -> manifest.json (list)
//! ```

pub(super) mod list;
pub(crate) mod read;
mod unpack;
pub(crate) mod write;
