//! What a patched image says of itself, besides its layer: labels, annotations, history.

use jiff::Timestamp;
use serde_json::Value;

use crate::oci::{Digest, Family, History, Image};
use crate::pkg::{Change, ChangeSet, Content, Update};

/// Copacetic's label: the image that was patched first.
const BASE_IMAGE: &str = "BaseImage";
/// Copacetic's annotation, and the label that its `generate` command writes: when.
const PATCHED: &str = "sh.copa.image.patched";
const BASE_NAME: &str = "org.opencontainers.image.base.name";
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";
const CREATED: &str = "org.opencontainers.image.created";
const VERSION: &str = "org.opencontainers.image.version";

/// The longest comment in a history.
const LONGEST_COMMENT: usize = 1000;

/// What the marks say.
#[derive(Debug)]
pub(crate) struct Marks<'a> {
    /// The reference of the image that is patched, where it has one.
    pub(crate) name: Option<&'a str>,
    /// The digest of the manifest of the image that is patched.
    pub(crate) digest: &'a Digest,
    /// The tag of the patched image.
    pub(crate) tag: Option<&'a str>,
    /// When it is patched.
    pub(crate) time: Timestamp,
}

impl Marks<'_> {
    /// The image with these marks. What is known of the base of an image that was patched before
    /// is kept: it is the image that was patched first.
    ///
    /// In the OCI family annotations carry them, and one label, `BaseImage`. Docker's manifest
    /// has no annotations: there labels carry them all.
    pub(crate) fn put_on(&self, image: &Image) -> Image {
        let time = self.time.to_string();
        let again = was_patched(image);
        let name = base_image(image).filter(|_| again).or(self.name).map(str::to_owned);
        let digest = match again {
            true => mark(image, BASE_DIGEST).map(str::to_owned),
            false => Some(self.digest.to_string()),
        };
        let mut marked = image.created(&time);
        if let Some(name) = &name {
            marked = marked.label(BASE_IMAGE, name);
        }
        let marks = [(BASE_NAME, name), (BASE_DIGEST, digest), (PATCHED, Some(time.clone()))];
        for (key, value) in marks {
            let Some(value) = value else { continue };
            marked = match image.family() {
                Family::Docker => marked.label(key, &value),
                _ => marked.annotate(key, &value),
            };
        }
        marked = marked.annotate(CREATED, &time);
        match (self.tag, annotation(image, VERSION)) {
            (Some(tag), Some(_)) => marked.annotate(VERSION, tag),
            _ => marked,
        }
    }
}

/// The entry of the patch layer in the history.
pub(crate) fn history(updates: &[Update], time: Timestamp) -> History {
    let line = |update: &Update| match &update.from {
        Some(from) => format!("{} {from} -> {}", update.to.name, update.to.version),
        None => format!("{} {}", update.to.name, update.to.version),
    };
    let comment = updates.iter().map(line).collect::<Vec<_>>().join(", ");
    History {
        created: Some(time.to_string()),
        created_by: "copa patch".into(),
        author: None,
        comment: Some(comment.chars().take(LONGEST_COMMENT).collect()),
    }
}

/// When an image is patched, unless somebody says: at the newest of the times of what is in it.
/// The clock has no part in it, so that the same image and packages make the same digest.
pub(crate) fn time(image: &Image, changes: &ChangeSet) -> Timestamp {
    let created = image.config().get("created").and_then(Value::as_str);
    let created = created.and_then(|text| text.parse().ok());
    let files = changes.iter().filter_map(|(_, change)| match change {
        Change::Write(file) if matches!(file.content, Content::Regular(_)) => Some(file.mtime),
        _ => None,
    });
    let newest = files.filter_map(|seconds| Timestamp::from_second(seconds).ok()).max();
    newest.max(created).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Whether this tool or Copacetic patched the image before.
fn was_patched(image: &Image) -> bool {
    mark(image, PATCHED).is_some() || base_image(image).is_some()
}

/// The first image. Copacetic writes its label into `labels`, where Docker's are in `Labels`.
fn base_image(image: &Image) -> Option<&str> {
    let lower = image.config().pointer("/config/labels/BaseImage").and_then(Value::as_str);
    label(image, BASE_IMAGE).or(lower)
}

fn mark<'a>(image: &'a Image, key: &str) -> Option<&'a str> {
    annotation(image, key).or_else(|| label(image, key))
}

fn annotation<'a>(image: &'a Image, key: &str) -> Option<&'a str> {
    image.manifest().get("annotations")?.get(key)?.as_str()
}

fn label<'a>(image: &'a Image, key: &str) -> Option<&'a str> {
    image.config().get("config")?.get("Labels")?.get(key)?.as_str()
}

#[cfg(test)]
#[path = "tests/labels.rs"]
mod tests;
