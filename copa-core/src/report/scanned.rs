//! What a report says of the image that was scanned.

/// The image that was scanned, as a report names it. What the report does not say is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scanned {
    /// The scanner's name for it: `registry.example/app:1.0`.
    pub artifact: String,
    /// Its distribution.
    pub system: Option<ScannedSystem>,
    /// Go's name of its architecture: `amd64`.
    pub architecture: Option<String>,
    /// The digest of its configuration.
    pub image_id: Option<String>,
    /// The digests of its uncompressed layers, lowest first.
    pub diff_ids: Vec<String>,
    /// `REPOSITORY@DIGEST`, the digest being the manifest's or the index's.
    pub repo_digests: Vec<String>,
}

/// The distribution of an image in a scanner's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScannedSystem {
    /// The distribution: `debian`.
    pub family: String,
    /// Its release: `12.5`.
    pub release: String,
}
