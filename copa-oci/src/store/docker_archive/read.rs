//! Reads archives: `manifest.json` is presented as content with digests.

use std::collections::BTreeMap;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::location::Location;
use crate::spec::descriptor::Descriptor;
use crate::spec::digest::{Digest, Hasher};
use crate::spec::document;
use crate::spec::media_type::MediaType;
use crate::store::docker_archive::list::NAME;
use crate::store::file::blocking;
use crate::store::names::{file_of, tag_of};
use crate::store::source::Source;
use crate::store::tarball::read::Tarball;
use crate::stream::ByteStream;

/// No archive with more images is read.
const IMAGES: usize = 1024;
/// No image with more layers is read.
const LAYERS: usize = 1024;

/// Images in an archive of `docker save`, read where it is.
///
/// Their layers are uncompressed, named by their diff ids. Layers that were stored compressed
/// (other tools do) are presented as they are.
#[derive(Debug)]
pub struct DockerArchiveSource {
    location: Location,
    tarball: Arc<Tarball>,
    images: Vec<Saved>,
    blobs: BTreeMap<Digest, Content>,
    /// The digests of compressed layers, by where they are: images may share a layer.
    hashed: BTreeMap<(u64, u64), Digest>,
}

/// One image: its manifest and its names.
#[derive(Debug)]
struct Saved {
    manifest: Descriptor,
    names: Vec<String>,
}

/// Where content is: in memory, or in the archive at an offset, of a length.
#[derive(Debug)]
enum Content {
    Bytes(Bytes),
    Section(u64, u64),
}

/// An element of `manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedImage {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

impl DockerArchiveSource {
    /// The archive at `path`, compressed or not.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is not what `docker save` writes.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let location = Location::DockerArchive(path.clone(), None);
        blocking(move || {
            let tarball = Arc::new(Tarball::open(&path)?);
            let missing = || Error::NotFound {
                what: NAME.into(),
                place: format!("{}, so `docker save` did not write it", path.display()),
            };
            let bytes = tarball.document(NAME, document::LIMIT)?.ok_or_else(missing)?;
            let (images, blobs, hashed) = (vec![], BTreeMap::new(), BTreeMap::new());
            let mut source = Self { location, tarball, images, blobs, hashed };
            for entry in entries(&bytes)? {
                source.add(entry)?;
            }
            Ok(source)
        })
        .await
    }

    fn add(&mut self, entry: ListedImage) -> Result<()> {
        let section = self.tarball.find(&entry.config)?;
        let bytes = self.tarball.document(&entry.config, document::LIMIT)?;
        let missing = || self.missing(&entry.config);
        let ((offset, size), bytes) = section.zip(bytes).ok_or_else(missing)?;
        let what = format!("configuration {}", entry.config);
        let value = document::object(&what, &bytes)?;
        let diff_ids = value.pointer("/rootfs/diff_ids").cloned().filter(|v| !v.is_null());
        let diff_ids: Vec<Digest> = serde_json::from_value(diff_ids.unwrap_or_else(|| json!([])))
            .map_err(|source| Error::Json { what: what.clone(), source })?;
        let layers = entry.layers.unwrap_or_default();
        if layers.len() != diff_ids.len() || layers.len() > LAYERS {
            let (layers, ids) = (layers.len(), diff_ids.len());
            let reason = format!("it has {ids} diff_ids for {layers} layers, at most {LAYERS}");
            return Err(Error::corrupt(&what, reason));
        }
        let pairs = layers.iter().zip(diff_ids);
        let layers: Vec<Descriptor> =
            pairs.map(|(name, diff_id)| self.layer(name, diff_id)).collect::<Result<_>>()?;
        let config = Descriptor::of(MediaType::DOCKER_CONFIG, &bytes);
        let manifest = manifest_of(&config, &layers);
        let descriptor = Descriptor::of(MediaType::DOCKER_MANIFEST, &manifest);
        self.blobs.insert(config.digest, Content::Section(offset, size));
        self.blobs.insert(descriptor.digest.clone(), Content::Bytes(manifest));
        let names = entry.repo_tags.unwrap_or_default();
        self.images.push(Saved { manifest: descriptor, names });
        Ok(())
    }

    fn layer(&mut self, name: &str, diff_id: Digest) -> Result<Descriptor> {
        let section = self.tarball.find(name)?.ok_or_else(|| self.missing(name))?;
        let suffix = match self.tarball.start(section, 4)?[..] {
            [0x1f, 0x8b, ..] => ".gzip",
            [0x28, 0xb5, 0x2f, 0xfd] => ".zstd",
            _ => "",
        };
        let digest = match suffix {
            "" => diff_id,
            _ => self.hash(section)?,
        };
        self.blobs.insert(digest.clone(), Content::Section(section.0, section.1));
        let media_type = format!("{}{suffix}", MediaType::DOCKER_LAYER);
        Ok(Descriptor::new(media_type, digest, section.1))
    }

    fn hash(&mut self, section: (u64, u64)) -> Result<Digest> {
        if let Some(known) = self.hashed.get(&section) {
            return Ok(known.clone());
        }
        let mut hasher = Hasher::sha256();
        let (mut at, end) = (section.0, section.0.saturating_add(section.1));
        while at < end {
            let chunk = self.tarball.start((at, end - at), 1 << 20)?;
            hasher.update(&chunk);
            at += chunk.len() as u64;
        }
        let digest = hasher.finish();
        self.hashed.insert(section, digest.clone());
        Ok(digest)
    }

    fn missing(&self, what: &str) -> Error {
        Error::NotFound { what: what.to_owned(), place: file_of(&self.location) }
    }

    fn known(&self) -> String {
        let name = |saved: &Saved| match saved.names.is_empty() {
            true => saved.manifest.digest.to_string(),
            false => saved.names.join(", "),
        };
        let names: Vec<String> = self.images.iter().take(20).map(name).collect();
        if names.is_empty() { "nothing".into() } else { names.join(", ") }
    }
}

fn entries(bytes: &[u8]) -> Result<Vec<ListedImage>> {
    document::check_values(NAME, bytes)?;
    let entries: Vec<ListedImage> = serde_json::from_slice(bytes)
        .map_err(|source| Error::Json { what: NAME.into(), source })?;
    match entries.len() {
        0..=IMAGES => Ok(entries),
        _ => Err(Error::TooLarge { what: NAME.into(), limit: format!("{IMAGES} images") }),
    }
}

fn manifest_of(config: &Descriptor, layers: &[Descriptor]) -> Bytes {
    let manifest: Value = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::DOCKER_MANIFEST,
        "config": config,
        "layers": layers,
    });
    Bytes::from(manifest.to_string())
}

/// `docker.io/library/nginx:1` and `nginx:1` are the same.
fn short(name: &str) -> &str {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

#[async_trait]
impl Source for DockerArchiveSource {
    fn location(&self) -> &Location {
        &self.location
    }

    async fn resolve(&self, name: &str) -> Result<Descriptor> {
        let full = |saved: &&Saved| {
            let same = |have: &String| short(have) == short(name);
            name.is_empty()
                || saved.manifest.digest.as_str() == name
                || saved.names.iter().any(same)
        };
        let tagged = |saved: &&Saved| saved.names.iter().any(|have| tag_of(have) == Some(name));
        let mut found: Vec<&Saved> = self.images.iter().filter(full).collect();
        if found.is_empty() {
            found = self.images.iter().filter(tagged).collect();
        }
        found.dedup_by_key(|saved| &saved.manifest.digest);
        if let [one] = found[..] {
            return Ok(one.manifest.clone());
        }
        let what = match name {
            "" => "the one image to take".to_owned(),
            name => format!("one image of name `{name}`"),
        };
        let place = format!("{}, which holds {}", file_of(&self.location), self.known());
        Err(Error::NotFound { what, place })
    }

    async fn open_unverified(&self, content: &Descriptor) -> Result<ByteStream> {
        match self.blobs.get(&content.digest) {
            None => Err(self.missing(content.digest.as_str())),
            Some(Content::Bytes(bytes)) => Ok(ByteStream::once(bytes.clone())),
            Some(Content::Section(offset, size)) => Ok(self.tarball.section((*offset, *size))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::fixture;

    /// Each image brought its configuration into memory, and hashed each of its layers again.
    #[tokio::test]
    async fn what_images_share_is_read_once_and_stays_in_the_archive() {
        let layer = fixture::compress(&fixture::tar("a", b"1"), "gzip");
        let id = Digest::sha256(b"");
        let config = json!({"os": "linux", "architecture": "amd64",
            "rootfs": {"type": "layers", "diff_ids": [id.as_str(), id.as_str()]}})
        .to_string();
        let image = json!({"Config": "c.json", "RepoTags": null, "Layers": ["l", "l"]});
        let list = json!([image, image]).to_string();
        let mut builder = tar::Builder::new(tempfile::NamedTempFile::new().unwrap());
        let entries = [("l", &layer[..]), ("c.json", config.as_bytes())];
        for (name, bytes) in entries.into_iter().chain([("manifest.json", list.as_bytes())]) {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, name, bytes).unwrap();
        }
        let file = builder.into_inner().unwrap();
        let source = DockerArchiveSource::open(file.path()).await.unwrap();
        assert_eq!((source.images.len(), source.hashed.len()), (2, 1));
        let held = source.blobs.values().filter(|place| matches!(place, Content::Bytes(_)));
        // The manifest alone.
        assert_eq!((source.blobs.len(), held.count()), (3, 1));
        let config = Descriptor::of(MediaType::DOCKER_CONFIG, config.as_bytes());
        let stream = source.open_unverified(&config).await.unwrap().verified(&config);
        assert_eq!(stream.collect("it", 1 << 10).await.unwrap().len() as u64, config.size);
    }

    proptest! {
        #[test]
        fn no_manifest_json_makes_it_panic(text in ".{0,200}", list in "[\\[\\]{}\",:a-z0-9]{0,80}") {
            let _ = entries(text.as_bytes());
            let _ = entries(format!(r#"[{{"Config":"x","Layers":{list}}}]"#).as_bytes());
        }
    }
}
