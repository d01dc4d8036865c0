//! Descriptors: what names content in every document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::spec::digest::Digest;
use crate::spec::media_type::MediaType;
use crate::spec::platform::Platform;

/// What some content is, which it is, and how long: image-spec, `descriptor.md`.
///
/// Fields that are not named here are kept in [`Descriptor::other`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the content is.
    #[serde(default = "no_media_type", skip_serializing_if = "is_empty")]
    pub media_type: MediaType,
    /// Which content it is.
    pub digest: Digest,
    /// Its length in bytes, as stored (compressed).
    pub size: u64,
    /// The platform, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Everything else, untouched. A number that a value would not give back as it was written is a
    /// text here, which begins with the number, and is written as it was.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

fn no_media_type() -> MediaType {
    MediaType::from("")
}

fn is_empty(media_type: &MediaType) -> bool {
    media_type.as_str().is_empty()
}

impl Descriptor {
    /// A descriptor of these bytes.
    pub fn of(media_type: impl Into<MediaType>, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::sha256(bytes), bytes.len() as u64)
    }

    /// A descriptor with nothing but the three fields that all have.
    pub fn new(media_type: impl Into<MediaType>, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.into(),
            digest,
            size,
            platform: None,
            annotations: BTreeMap::new(),
            other: Map::new(),
        }
    }

    /// Whether an index entry can be an image to run: neither an attestation nor another artifact.
    pub(crate) fn can_be_image(&self) -> bool {
        let known = self.media_type.as_str().is_empty()
            || self.media_type.is_index()
            || self.media_type.is_manifest();
        let unknown = self.platform.as_ref().is_some_and(|platform| platform.os == "unknown");
        let artifact = self.other.get("artifactType").and_then(Value::as_str);
        let image = |kind| kind == MediaType::OCI_CONFIG || kind == MediaType::DOCKER_CONFIG;
        known && !unknown && artifact.is_none_or(image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_keeps_what_it_does_not_know() {
        let text = format!(
            r#"{{"mediaType":"a/b","digest":"{}","size":3,"urls":["u"],"x":{{"y":1}}}}"#,
            Digest::sha256(b"abc")
        );
        let descriptor: Descriptor = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&descriptor).unwrap(), text);
    }
}
