//! What a registry says of content: digests in its headers, and media types of manifests.

use reqwest::Response;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::http::address::origin;
use crate::spec::descriptor::Descriptor;
use crate::spec::digest::{Digest, Hasher};
use crate::spec::media_type::MediaType;

pub(super) fn is_document(media_type: &MediaType) -> bool {
    media_type.is_manifest() || media_type.is_index()
}

pub(super) fn path_of(content: &Descriptor) -> String {
    let kind = if is_document(&content.media_type) { "manifests" } else { "blobs" };
    format!("{kind}/{}", content.digest)
}

pub(super) fn header(answer: &Response, name: &str) -> Option<String> {
    answer.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// The digest that the registry names in its answer, if it names one.
pub(super) fn promised(answer: &Response) -> Result<Option<Digest>> {
    header(answer, "docker-content-digest").map(|text| text.parse()).transpose()
}

/// Compares the digest in an answer with what was sent.
pub(super) fn confirm(answer: &Response, expected: &Digest) -> Result<()> {
    match promised(answer)? {
        // A registry may use another algorithm than we do.
        Some(digest) if digest.algorithm() == expected.algorithm() && digest != *expected => {
            let reason = format!("{} says that its digest is {digest}", origin(answer.url()));
            Err(Error::Corrupt { what: expected.to_string(), reason })
        }
        _ => Ok(()),
    }
}

pub(super) fn digest_of(bytes: &[u8], like: Option<&Digest>) -> Digest {
    let mut hasher = like.map_or_else(Hasher::sha256, Hasher::like);
    hasher.update(bytes);
    hasher.finish()
}

pub(super) fn same(digest: &Digest, expected: Option<&Digest>) -> Result<()> {
    match expected.filter(|expected| *expected != digest) {
        None => Ok(()),
        Some(expected) => {
            let reason = format!("its digest is {digest}");
            Err(Error::Corrupt { what: expected.to_string(), reason })
        }
    }
}

/// The fields that tell the media type of a manifest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    media_type: Option<String>,
    layers: Option<serde::de::IgnoredAny>,
    manifests: Option<serde::de::IgnoredAny>,
}

/// The type of a manifest: as its server declares it, as it says itself, or as it looks.
pub(super) fn media_type(name: &str, declared: Option<&str>, bytes: &[u8]) -> Result<MediaType> {
    let shape: Shape = serde_json::from_slice(bytes)
        .map_err(|source| Error::Json { what: format!("manifest {name}"), source })?;
    let declared = declared.and_then(|text| text.split(';').next()).map(str::trim);
    let declared = declared.map(MediaType::from).filter(is_document);
    let own = shape.media_type.map(MediaType::from);
    if let (Some(declared), Some(own)) = (&declared, &own) {
        // Two readers must not see two different things in the same bytes.
        if declared != own {
            let reason = format!("it is sent as {declared} and says that it is {own}");
            return Err(Error::Corrupt { what: format!("manifest {name}"), reason });
        }
    }
    let looks = match (shape.layers, shape.manifests) {
        (Some(_), None) => Some(MediaType::OCI_MANIFEST),
        (None, Some(_)) => Some(MediaType::OCI_INDEX),
        _ => None,
    };
    let found = declared.or(own).or(looks.map(MediaType::from));
    found.filter(is_document).ok_or_else(|| Error::Unsupported {
        what: format!("manifest {name}"),
        reason: "it is neither an image nor an index of OCI or Docker (schema 2)".into(),
    })
}
