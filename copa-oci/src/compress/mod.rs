//! Compression of layers: recognised by the first bytes, undone within limits, done reproducibly.
//!
//! ```text
//!  stored bytes --Decompressed (within Expansion)--> tar --Hashed--> reader; the diff id
//!  new tar -----Compressor (gzip on several threads, zstd)---------> stored bytes
//! ```

pub(crate) mod compression;
pub(crate) mod compressor;
pub(crate) mod decompress;
pub(crate) mod expansion;
mod gzip;
pub(crate) mod hashed;
