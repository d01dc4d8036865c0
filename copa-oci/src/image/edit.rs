//! Images made from images: the documents are edited as JSON, and unknown fields are kept.

use serde_json::{Map, Value, json};

use crate::image::documents::{Document, Image};
use crate::layer::stored::Layer;
use crate::numbers;
use crate::spec::descriptor::Descriptor;
use crate::spec::digest::Digest;
use crate::spec::media_type::{Family, MediaType};

/// How a layer came to be: one entry of the configuration's `history`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// When, as RFC 3339 has it: `2024-05-01T00:00:00Z`.
    pub created: Option<String>,
    /// The command that made it.
    pub created_by: String,
    /// Who made it.
    pub author: Option<String>,
    /// Anything else.
    pub comment: Option<String>,
}

impl Image {
    /// This image with one more layer on top.
    ///
    /// The layer's media type is put in the image's family: a manifest does not mix them. A
    /// configuration that has a history gets exactly one entry more that made a layer; where
    /// entries were missing before, they are filled in, so that entries and layers agree.
    #[must_use]
    pub fn append(&self, mut layer: Layer, step: History) -> Self {
        layer.descriptor.media_type = in_family(&layer.descriptor.media_type, self.family());
        let mut image = self.clone();
        let diff_id = json!(layer.diff_id.as_str());
        let rootfs = object(&mut image.config.value, "rootfs");
        rootfs.entry("type").or_insert_with(|| json!("layers"));
        array(rootfs, "diff_ids").push(diff_id);
        remember(&mut image.config.value, self.layers.len(), step);
        if let Some(manifest) = image.manifest.value.as_object_mut() {
            array(manifest, "layers").push(json!(layer.descriptor));
        }
        image.layers.push(layer);
        image.sealed()
    }

    /// This image with a label in its configuration (`config.Labels`).
    #[must_use]
    pub fn label(&self, key: &str, value: &str) -> Self {
        let mut image = self.clone();
        let config = object(&mut image.config.value, "config");
        set_text(entry(config, "Labels"), key, value);
        self.unless_same(image)
    }

    /// This image with an annotation on its manifest.
    ///
    /// Docker's manifest has no annotations: an image of that family stays as it is.
    #[must_use]
    pub fn annotate(&self, key: &str, value: &str) -> Self {
        if self.family() == Family::Docker {
            return self.clone();
        }
        let mut image = self.clone();
        set_text(object(&mut image.manifest.value, "annotations"), key, value);
        self.unless_same(image)
    }

    /// This image with another time of creation in its configuration, as RFC 3339 has it.
    #[must_use]
    pub fn created(&self, time: &str) -> Self {
        let mut image = self.clone();
        if let Some(config) = image.config.value.as_object_mut() {
            set_text(config, "created", time);
        }
        self.unless_same(image)
    }

    /// An edit that changed nothing must not change a digest either.
    fn unless_same(&self, edited: Self) -> Self {
        let same = self.config.value == edited.config.value
            && self.manifest.value == edited.manifest.value;
        if same { self.clone() } else { edited.sealed() }
    }

    /// Makes bytes and digests agree with the edited values again.
    fn sealed(mut self) -> Self {
        if numbers::read::<Value>(&self.config.bytes).ok().as_ref() != Some(&self.config.value) {
            self.config = Document::new(self.config.value);
            let bytes = &self.config.bytes;
            let config = object(&mut self.manifest.value, "config");
            config.remove("data");
            config.insert("digest".into(), json!(Digest::sha256(bytes).as_str()));
            config.insert("size".into(), json!(bytes.len()));
        }
        self.manifest = Document::new(self.manifest.value);
        let media_type = self.descriptor.media_type.clone();
        self.descriptor = Descriptor::of(media_type, &self.manifest.bytes);
        self
    }
}

/// Adds the entry of a layer to the history, where the image has a history or no layer yet.
fn remember(config: &mut Value, layers: usize, step: History) {
    let Some(config) = config.as_object_mut() else { return };
    let absent = config.get("history").and_then(Value::as_array).is_none_or(Vec::is_empty);
    if absent && layers > 0 {
        return;
    }
    let history = array(config, "history");
    let empty = |entry: &&Value| entry.get("empty_layer") == Some(&Value::Bool(true));
    let full = history.len() - history.iter().filter(empty).count();
    let missing = layers.saturating_sub(full);
    history.extend((0..missing).map(|_| json!({"comment": "not recorded"})));
    history.push(step.to_json());
}

impl History {
    fn to_json(&self) -> Value {
        let mut entry = Map::new();
        let fields = [
            ("created", &self.created),
            ("author", &self.author),
            ("created_by", &Some(self.created_by.clone())),
            ("comment", &self.comment),
        ];
        for (key, value) in fields {
            value.iter().for_each(|text| drop(entry.insert(key.into(), json!(text))));
        }
        Value::Object(entry)
    }
}

/// The media type of a layer in the other family, with the same compression.
fn in_family(media_type: &MediaType, family: Family) -> MediaType {
    let text = media_type.as_str();
    let (from, to, before, after) = match family {
        Family::Oci => (MediaType::DOCKER_LAYER, MediaType::OCI_LAYER, '.', '+'),
        Family::Docker => (MediaType::OCI_LAYER, MediaType::DOCKER_LAYER, '+', '.'),
    };
    match text.strip_prefix(from) {
        Some("") => to.into(),
        Some(rest) => format!("{to}{after}{}", rest.trim_start_matches(before)).into(),
        None => media_type.clone(),
    }
}

fn set_text(map: &mut Map<String, Value>, key: &str, value: &str) {
    map.insert(key.to_owned(), json!(value));
}

/// The object at `key`, made when there is none.
fn object<'a>(value: &'a mut Value, key: &str) -> &'a mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(map) => entry(map, key),
        _ => unreachable!("it was made an object above"),
    }
}

fn entry<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let slot = map.entry(key).or_insert(Value::Null);
    if !slot.is_object() {
        *slot = json!({});
    }
    match slot {
        Value::Object(map) => map,
        _ => unreachable!("it was made an object above"),
    }
}

fn array<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Vec<Value> {
    let slot = map.entry(key).or_insert(Value::Null);
    if !slot.is_array() {
        *slot = json!([]);
    }
    match slot {
        Value::Array(list) => list,
        _ => unreachable!("it was made an array above"),
    }
}

#[cfg(test)]
#[path = "tests/edit.rs"]
mod tests;
