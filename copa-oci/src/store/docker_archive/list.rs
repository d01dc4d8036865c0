//! `manifest.json`: the document that lists the images of an archive.

use serde_json::{Value, json};

use crate::error::Result;
use crate::spec::digest::Digest;

/// Its name in the archive.
pub(in crate::store) const NAME: &str = "manifest.json";

/// The document that names the image, its configuration and its layers.
pub(in crate::store) fn list(config: &str, name: &str, layers: &[String]) -> String {
    json!([{ "Config": config, "RepoTags": repo_tags(name), "Layers": layers }]).to_string()
}

pub(in crate::store) fn digest_of(entry: &Value) -> Result<Digest> {
    entry.get("digest").and_then(Value::as_str).unwrap_or_default().parse()
}

/// The tag as `docker load` takes it: `REPOSITORY:TAG`. A tag alone names no repository, and the
/// image is then loaded without a name.
fn repo_tags(name: &str) -> Vec<String> {
    let full = name.rsplit('/').next().is_some_and(|last| last.contains(':'));
    if full { vec![name.to_owned()] } else { Vec::new() }
}
