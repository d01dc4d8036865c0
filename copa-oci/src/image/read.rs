//! Reads the documents of an image, and checks that they belong together.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::image::documents::{Document, Image};
use crate::layer::stored::Layer;
use crate::spec::descriptor::Descriptor;
use crate::spec::digest::Digest;
use crate::spec::document;
use crate::spec::media_type::MediaType;
use crate::spec::platform::Platform;
use crate::store::blob::Blob;
use crate::store::source::Source;

/// No image with more layers is read. Overlay file systems stop far below it.
const LAYERS: usize = 1024;

impl Image {
    /// Reads the documents of the image whose manifest is described by `manifest`.
    ///
    /// At most 16 MiB of manifest, 16 MiB of configuration and 1024 layers are read.
    ///
    /// # Errors
    ///
    /// When the documents cannot be read, are not what their digest says, contradict each other,
    /// or are of something that is not an image: an index (see [`select`](crate::select)),
    /// another artifact, a Docker manifest of schema 1.
    pub async fn open(source: Arc<dyn Source>, manifest: Descriptor) -> Result<Self> {
        let what = format!("manifest {}", manifest.digest);
        let bytes = source.bytes(&manifest, document::LIMIT).await?;
        let descriptor = typed(&what, manifest, &bytes)?;
        let manifest = Document::of(document::object(&what, &bytes)?, bytes);
        let config = config_of(&what, &manifest.value)?;
        let bytes = source.bytes(&config, document::LIMIT).await?;
        let what = format!("configuration {}", config.digest);
        let config = Document::of(document::object(&what, &bytes)?, bytes);
        let layers = layers_of(&descriptor.digest, &manifest.value, &config.value, &source)?;
        let platform = platform_of(&config.value).or(descriptor.platform.clone());
        let platform = platform
            .ok_or_else(|| Error::corrupt(&what, "it names no system and no architecture"))?;
        Ok(Self { descriptor, manifest, config, platform, layers, source })
    }
}

/// The descriptor with the media type that the manifest really has.
fn typed(what: &str, descriptor: Descriptor, bytes: &[u8]) -> Result<Descriptor> {
    let said = descriptor.media_type.as_str();
    if said.starts_with("application/vnd.docker.distribution.manifest.v1+") {
        return Err(document::schema1(what));
    }
    let media_type = document::media_type(what, bytes)?;
    let explicit = document::object(what, bytes)?.get("mediaType").is_some_and(Value::is_string);
    let media_type = match (said, explicit) {
        ("", _) => media_type,
        (_, false) if descriptor.media_type.is_index() == media_type.is_index() => {
            descriptor.media_type.clone()
        }
        _ if descriptor.media_type == media_type => media_type,
        _ => {
            let reason = format!("it is described as {said} and calls itself {media_type}");
            return Err(Error::corrupt(what, reason));
        }
    };
    match media_type.is_manifest() {
        true => Ok(Descriptor { media_type, ..descriptor }),
        false => Err(not_an_image(what, &media_type)),
    }
}

fn not_an_image(what: &str, media_type: &MediaType) -> Error {
    let reason = match media_type.as_str() {
        "" => "it is not an image: it has no media type".to_owned(),
        text => format!("it is not an image but {text}"),
    };
    Error::Unsupported { what: what.to_owned(), reason }
}

pub(super) fn config_of(what: &str, manifest: &Value) -> Result<Descriptor> {
    let value = manifest.get("config").cloned().unwrap_or_default();
    let config: Descriptor = serde_json::from_value(value)
        .map_err(|source| Error::Json { what: format!("`config` of {what}"), source })?;
    match config.media_type.as_str() {
        MediaType::OCI_CONFIG | MediaType::DOCKER_CONFIG => Ok(config),
        _ => Err(not_an_image(what, &config.media_type)),
    }
}

fn layers_of(
    image: &Digest,
    manifest: &Value,
    config: &Value,
    source: &Arc<dyn Source>,
) -> Result<Vec<Layer>> {
    let list = |value: Option<&Value>| value.cloned().filter(|v| !v.is_null());
    let descriptors: Vec<Descriptor> = parsed(image, "layers", list(manifest.get("layers")))?;
    let diff_ids: Vec<Digest> =
        parsed(image, "diff_ids", list(config.pointer("/rootfs/diff_ids")))?;
    if descriptors.len() > LAYERS {
        let limit = format!("{LAYERS} layers");
        return Err(Error::TooLarge { what: format!("image {image}"), limit });
    }
    if descriptors.len() != diff_ids.len() {
        let (layers, ids) = (descriptors.len(), diff_ids.len());
        let reason = format!("its manifest has {layers} layers, its configuration {ids} diff_ids");
        return Err(Error::corrupt(format!("image {image}"), reason));
    }
    descriptors.iter().try_for_each(|layer| is_layer(image, layer))?;
    let blob = || Blob::From(Arc::clone(source));
    let layer = |(descriptor, diff_id)| Layer { descriptor, diff_id, blob: blob() };
    Ok(descriptors.into_iter().zip(diff_ids).map(layer).collect())
}

fn parsed<T: serde::de::DeserializeOwned>(
    image: &Digest,
    key: &str,
    list: Option<Value>,
) -> Result<Vec<T>> {
    let what = || format!("`{key}` of image {image}");
    match list {
        None => Ok(Vec::new()),
        Some(list) => {
            serde_json::from_value(list).map_err(|source| Error::Json { what: what(), source })
        }
    }
}

fn is_layer(image: &Digest, layer: &Descriptor) -> Result<()> {
    let text = layer.media_type.as_str();
    let tar = [
        MediaType::OCI_LAYER,
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        MediaType::DOCKER_LAYER,
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
    ];
    let rest = tar.iter().find_map(|base| text.strip_prefix(base));
    match rest {
        Some("" | "+gzip" | "+zstd" | ".gzip" | ".zstd") => Ok(()),
        _ => Err(Error::Unsupported {
            what: format!("layer {} of image {image}", layer.digest),
            reason: format!("its media type is `{text}`"),
        }),
    }
}

fn platform_of(config: &Value) -> Option<Platform> {
    let text = |key| config.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let known = ["os.version", "os.features"];
    let other =
        known.into_iter().filter_map(|key| Some((key.to_owned(), config.get(key)?.clone())));
    Some(Platform {
        os: text("os")?.to_owned(),
        architecture: text("architecture")?.to_owned(),
        variant: text("variant").map(str::to_owned),
        other: other.collect::<Map<_, _>>(),
    })
}

#[cfg(test)]
#[path = "tests/read.rs"]
mod tests;
