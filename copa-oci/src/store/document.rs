//! What can be said of a manifest or an index without taking it apart: its media type, and the
//! content it names.

use serde_json::Value;

use crate::{Digest, Error, MediaType, Result};

/// No manifest, index or configuration longer than this is read.
pub(crate) const LIMIT: u64 = 16 << 20;

/// The document, which must be a JSON object.
pub(crate) fn object(what: &str, bytes: &[u8]) -> Result<Value> {
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|source| Error::Json { what: what.to_owned(), source })?;
    match value.is_object() {
        true => Ok(value),
        false => Err(corrupt(what, "it is not a JSON object")),
    }
}

/// The media type that a document gives itself, or that its shape shows.
///
/// A document that is a manifest and an index at once is refused: two readers would see two
/// images in it.
pub(crate) fn media_type(what: &str, bytes: &[u8]) -> Result<MediaType> {
    let document = object(what, bytes)?;
    let has = |key| document.get(key).is_some_and(|value: &Value| !value.is_null());
    if has("manifests") && (has("config") || has("layers")) {
        return Err(corrupt(what, "it is an index and a manifest at once"));
    }
    if document.get("schemaVersion").and_then(Value::as_u64) == Some(1) {
        return Err(schema1(what));
    }
    match document.get("mediaType").and_then(Value::as_str) {
        Some(text) => Ok(text.into()),
        None if has("manifests") => Ok(MediaType::OCI_INDEX.into()),
        None if has("config") => Ok(MediaType::OCI_MANIFEST.into()),
        None => Err(corrupt(what, "it is neither a manifest nor an index")),
    }
}

/// The content that a manifest needs beside it, but for layers that live elsewhere (`urls`).
pub(crate) fn named(manifest: &[u8]) -> Result<Vec<Digest>> {
    let document = object("the manifest", manifest)?;
    let layers = document.get("layers").and_then(Value::as_array).into_iter().flatten();
    let manifests = document.get("manifests").and_then(Value::as_array).into_iter().flatten();
    let here = |entry: &&Value| !is_foreign(entry);
    let entries = document.get("config").into_iter().chain(layers.filter(here)).chain(manifests);
    let digests = entries.filter_map(|entry| entry.get("digest").and_then(Value::as_str));
    digests.map(str::parse).collect()
}

/// Whether a layer entry is of a layer that lives elsewhere and must not be uploaded.
pub(crate) fn is_foreign(entry: &Value) -> bool {
    let media_type = entry.get("mediaType").and_then(Value::as_str).unwrap_or_default();
    let urls = entry.get("urls").and_then(Value::as_array);
    MediaType::from(media_type).is_foreign_layer() || urls.is_some_and(|urls| !urls.is_empty())
}

/// The error for the manifests that Docker made before 2016.
pub(crate) fn schema1(what: &str) -> Error {
    let reason = "it is a Docker image manifest of schema 1, which does not name its \
                  configuration; copy the image with a current tool first, such as \
                  `skopeo copy --format v2s2`";
    Error::Unsupported { what: what.to_owned(), reason: reason.into() }
}

pub(crate) fn corrupt(what: &str, reason: impl Into<String>) -> Error {
    Error::Corrupt { what: what.to_owned(), reason: reason.into() }
}
