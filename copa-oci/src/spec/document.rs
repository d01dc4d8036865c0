//! What can be said of a manifest or an index without taking it apart: its media type, and the
//! content it names.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::numbers;
use crate::spec::digest::Digest;
use crate::spec::media_type::MediaType;

/// No manifest, index or configuration longer than this is read.
pub(crate) const LIMIT: u64 = 16 << 20;

/// No document with more values is read: as values they take up to a hundred times their bytes.
const VALUES: usize = 1 << 18;

/// Refuses a document of too many values before any of them is made. Text counts for its commas
/// and brackets; no real document comes near.
pub(crate) fn check_values(what: &str, bytes: &[u8]) -> Result<()> {
    let begins = |byte: &&u8| matches!(byte, b',' | b'[' | b'{');
    match bytes.iter().filter(begins).count() <= VALUES {
        true => Ok(()),
        false => Err(Error::TooLarge { what: what.to_owned(), limit: format!("{VALUES} values") }),
    }
}

/// The document, which must be a JSON object.
pub(crate) fn object(what: &str, bytes: &[u8]) -> Result<Value> {
    check_values(what, bytes)?;
    let value: Value =
        numbers::read(bytes).map_err(|source| Error::Json { what: what.to_owned(), source })?;
    match value.is_object() {
        true => Ok(value),
        false => Err(Error::corrupt(what, "it is not a JSON object")),
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
        return Err(Error::corrupt(what, "it is an index and a manifest at once"));
    }
    if document.get("schemaVersion").and_then(Value::as_u64) == Some(1) {
        return Err(schema1(what));
    }
    match document.get("mediaType").and_then(Value::as_str) {
        Some(text) => Ok(text.into()),
        None if has("manifests") => Ok(MediaType::OCI_INDEX.into()),
        None if has("config") => Ok(MediaType::OCI_MANIFEST.into()),
        None => Err(Error::corrupt(what, "it is neither a manifest nor an index")),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_many_values_is_refused_before_it_is_one() {
        let list = |count: usize| format!(r#"{{"layers":[0{}]}}"#, ",0".repeat(count));
        assert!(object("it", list(VALUES - 2).as_bytes()).is_ok());
        let values = |count: usize| object("it", list(count).as_bytes());
        assert!(matches!(values(VALUES - 1), Err(Error::TooLarge { .. })));
        // It is not even looked at whether it is JSON.
        let broken = "[".repeat(VALUES + 1);
        assert!(matches!(named(broken.as_bytes()), Err(Error::TooLarge { .. })));
    }
}
