//! Media types of documents and layers, and the two families of them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A media type, as text: whole families of them are in use, and unknown ones must survive.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MediaType(String);

/// The two families of documents. A patched image stays in the family it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Family {
    /// `application/vnd.oci.image.*`.
    Oci,
    /// Docker image manifest version 2, schema 2: `application/vnd.docker.*`.
    Docker,
}

impl MediaType {
    /// OCI image manifest.
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// OCI image index.
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// OCI image configuration.
    pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// OCI layer, uncompressed; `+gzip` and `+zstd` follow it.
    pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    /// Docker image manifest.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker manifest list.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// Docker image configuration.
    pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    /// Docker layer, uncompressed; `.gzip` and `.zstd` follow it.
    pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this names an index or a manifest list: a document that lists manifests.
    pub fn is_index(&self) -> bool {
        self.0 == Self::OCI_INDEX || self.0 == Self::DOCKER_LIST
    }

    /// Whether this names the manifest of one image.
    pub fn is_manifest(&self) -> bool {
        self.0 == Self::OCI_MANIFEST || self.0 == Self::DOCKER_MANIFEST
    }

    /// Whether this names a layer that must not be uploaded (foreign, non-distributable).
    pub fn is_foreign_layer(&self) -> bool {
        self.0.contains(".nondistributable.") || self.0.contains(".rootfs.foreign.")
    }

    /// The family of a document or a layer.
    pub fn family(&self) -> Family {
        if self.0.starts_with("application/vnd.docker.") { Family::Docker } else { Family::Oci }
    }
}

impl<T: Into<String>> From<T> for MediaType {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
