//! A layer of an image, where it is stored.

use crate::spec::descriptor::Descriptor;
use crate::spec::digest::Digest;
use crate::store::blob::Blob;

/// A layer: which it is, as stored and uncompressed, and where its bytes are.
#[derive(Debug, Clone)]
pub struct Layer {
    /// The layer as stored: media type, digest and size of the compressed bytes.
    pub descriptor: Descriptor,
    /// The digest of the uncompressed tar: an element of the configuration's `rootfs.diff_ids`.
    pub diff_id: Digest,
    /// The bytes as stored.
    pub blob: Blob,
}
