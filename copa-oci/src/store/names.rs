//! `index.json` of an image layout: which names stand for which manifests.
//!
//! image-spec, `image-layout.md`. Pure: bytes in, bytes out.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::location::Location;
use crate::numbers;
use crate::spec::descriptor::Descriptor;
use crate::spec::digest::Digest;
use crate::spec::document;

/// No `index.json` longer than this is read.
pub(super) const LIMIT: u64 = 16 << 20;

const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// What BuildKit and containerd write beside it: the full reference.
const FULL_NAME: &str = "io.containerd.image.name";

/// The document, and its entries as types.
#[derive(Debug)]
pub(super) struct Names {
    document: Map<String, Value>,
    entries: Vec<Descriptor>,
}

impl Names {
    /// The document of a layout that holds nothing yet.
    pub(super) fn empty() -> Self {
        let mut document = Map::new();
        document.insert("schemaVersion".into(), json!(2));
        document.insert("manifests".into(), json!([]));
        Self { document, entries: Vec::new() }
    }

    /// Reads the document of the layout at `place`.
    pub(super) fn parse(bytes: &[u8], place: &Location) -> Result<Self> {
        let what = || format!("index.json of {}", file_of(place));
        document::check_values(&what(), bytes)?;
        let json = |source| Error::Json { what: what(), source };
        let document: Map<String, Value> = numbers::read(bytes).map_err(json)?;
        let entries = match document.get("manifests") {
            None | Some(Value::Null) => Vec::new(),
            Some(list) => serde_json::from_value(list.clone()).map_err(json)?,
        };
        Ok(Self { document, entries })
    }

    /// The entry that `name` stands for: a tag, a full reference, a digest, or an empty text for
    /// the only image. `None` when it is a digest that is not listed.
    pub(super) fn find(&self, name: &str, place: &Location) -> Result<Option<Descriptor>> {
        if let Ok(digest) = name.parse::<Digest>() {
            return Ok(self.entries.iter().find(|entry| entry.digest == digest).cloned());
        }
        let found = if name.is_empty() { self.images() } else { self.named(name) };
        let digests: BTreeSet<&Digest> = found.iter().map(|entry| &entry.digest).collect();
        match (found.first(), digests.len()) {
            (Some(entry), 1) => Ok(Some((*entry).clone())),
            (None, _) if name.is_empty() => Err(self.missing("an image", place)),
            (Some(_), _) if name.is_empty() => Err(self.missing("the one image to take", place)),
            (None, _) => Err(self.missing(&format!("tag `{name}`"), place)),
            (Some(_), _) => Err(self.missing(&format!("one image of tag `{name}`"), place)),
        }
    }

    /// Gives `name` to a manifest. Other entries stay as they are, to the last unknown field.
    /// Without a name, the manifest is added beside the others, once.
    pub(super) fn set(&mut self, manifest: &Descriptor, name: &str) -> Result<()> {
        let mut entry = manifest.clone();
        entry.annotations.remove(FULL_NAME);
        entry.annotations.remove(REF_NAME);
        if !name.is_empty() {
            entry.annotations.insert(REF_NAME.into(), name.into());
        }
        let same = |other: &Descriptor| match other.annotations.get(REF_NAME) {
            Some(other) => other == name,
            None => name.is_empty() && other.digest == entry.digest,
        };
        let document = |source| Error::Json { what: "an index entry".into(), source };
        let value = serde_json::to_value(&entry).map_err(document)?;
        let old = self.document.insert("manifests".into(), Value::Null);
        let mut list = match old {
            Some(Value::Array(list)) => list,
            _ => Vec::new(),
        };
        let place = self.entries.iter().position(same).unwrap_or(self.entries.len());
        let mut keep = self.entries.iter().map(|other| !same(other));
        list.retain(|_| keep.next().unwrap_or(true));
        self.entries.retain(|other| !same(other));
        list.insert(place.min(list.len()), value);
        self.entries.insert(place.min(self.entries.len()), entry);
        self.document.insert("manifests".into(), Value::Array(list));
        Ok(())
    }

    /// The document as bytes.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let document = |source| Error::Json { what: "index.json".into(), source };
        Ok(numbers::printed(&self.document).map_err(document)?.into_bytes())
    }

    fn named(&self, name: &str) -> Vec<&Descriptor> {
        let exact =
            |entry: &&Descriptor| entry.annotations.get(REF_NAME).is_some_and(|n| n == name);
        let full = |entry: &&Descriptor| {
            let names = [REF_NAME, FULL_NAME].map(|key| entry.annotations.get(key));
            names.into_iter().flatten().any(|have| have == name || tag_of(have) == Some(name))
        };
        let found: Vec<_> = self.entries.iter().filter(exact).collect();
        if found.is_empty() { self.entries.iter().filter(full).collect() } else { found }
    }

    /// The entries that can be images: no signature, no attestation, no other artifact.
    fn images(&self) -> Vec<&Descriptor> {
        self.entries.iter().filter(|entry| entry.can_be_image()).collect()
    }

    fn missing(&self, what: &str, place: &Location) -> Error {
        let name = |entry: &Descriptor| {
            let annotations = &entry.annotations;
            let name = annotations.get(REF_NAME).or_else(|| annotations.get(FULL_NAME));
            name.cloned().unwrap_or_else(|| entry.digest.to_string())
        };
        let mut names: Vec<String> = self.entries.iter().take(20).map(name).collect();
        match self.entries.len() {
            0 => names.push("nothing".into()),
            more if more > 20 => names.push(format!("{} more", more - 20)),
            _ => {}
        }
        let place = format!("{}, which holds {}", file_of(place), names.join(", "));
        Error::no_such_name(what, place)
    }
}

/// The address without its name.
pub(super) fn file_of(place: &Location) -> String {
    match place {
        Location::OciLayout(path, _) => Location::OciLayout(path.clone(), None).to_string(),
        Location::OciArchive(path, _) => Location::OciArchive(path.clone(), None).to_string(),
        Location::DockerArchive(path, _) => Location::DockerArchive(path.clone(), None).to_string(),
        other @ Location::Registry(_) => other.to_string(),
    }
}

/// The tag of a full reference: `registry:5000/a/b:TAG`.
pub(super) fn tag_of(reference: &str) -> Option<&str> {
    let last = reference.rsplit('/').next().unwrap_or(reference);
    last.split('@').next().and_then(|name| name.split_once(':')).map(|(_, tag)| tag)
}
