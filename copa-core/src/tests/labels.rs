use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::oci::{self, ByteStream, Descriptor, Error, Location, MediaType, Source};
use crate::pkg::File;

/// Two documents.
#[derive(Debug)]
struct Documents(Location, [Bytes; 2]);

#[async_trait::async_trait]
impl Source for Documents {
    fn location(&self) -> &Location {
        &self.0
    }

    async fn resolve(&self, name: &str) -> oci::Result<Descriptor> {
        Err(Error::NotFound { what: name.into(), place: "memory".into() })
    }

    async fn open_unverified(&self, content: &Descriptor) -> oci::Result<ByteStream> {
        let found = self.1.iter().find(|bytes| Digest::sha256(bytes) == content.digest);
        Ok(ByteStream::once(found.cloned().unwrap_or_default()))
    }
}

/// An image without layers, with this in `config` and these annotations.
async fn image(family: Family, config: Value, annotations: Value) -> Image {
    let (manifest_type, config_type) = match family {
        Family::Docker => (MediaType::DOCKER_MANIFEST, MediaType::DOCKER_CONFIG),
        _ => (MediaType::OCI_MANIFEST, MediaType::OCI_CONFIG),
    };
    let config = json!({"os": "linux", "architecture": "amd64", "config": config,
        "created": "2024-01-01T00:00:00Z", "rootfs": {"type": "layers", "diff_ids": []}});
    let config = Bytes::from(config.to_string());
    let mut manifest = json!({"schemaVersion": 2, "mediaType": manifest_type, "layers": [],
        "config": Descriptor::of(config_type, &config)});
    if !annotations.is_null() {
        manifest["annotations"] = annotations;
    }
    let manifest = Bytes::from(manifest.to_string());
    let descriptor = Descriptor::of(manifest_type, &manifest);
    let place = Documents("oci:memory".parse().unwrap(), [manifest, config]);
    Image::open(Arc::new(place), descriptor).await.unwrap()
}

/// What `image` says once it is patched: labels and annotations.
fn marked(image: &Image) -> (Value, Value) {
    let digest = Digest::sha256(b"this");
    let time = "2026-11-01T00:00:00Z".parse().unwrap();
    let marks = Marks { name: Some("r/this:1"), digest: &digest, tag: Some("1-patched"), time };
    let image = marks.put_on(image);
    let labels = image.config().pointer("/config/Labels").cloned();
    (labels.unwrap_or_default(), image.manifest().get("annotations").cloned().unwrap_or_default())
}

#[tokio::test]
async fn an_image_says_what_it_was_made_from() {
    let labels = json!({"mine": "1"});
    let (labels, annotations) =
        marked(&image(Family::Oci, json!({"Labels": labels}), json!({VERSION: "1"})).await);
    assert_eq!(labels, json!({"mine": "1", "BaseImage": "r/this:1"}));
    let expected = json!({
        VERSION: "1-patched",
        CREATED: "2026-11-01T00:00:00Z",
        PATCHED: "2026-11-01T00:00:00Z",
        BASE_NAME: "r/this:1",
        BASE_DIGEST: Digest::sha256(b"this"),
    });
    assert_eq!(annotations, expected);
    let (_, annotations) = marked(&image(Family::Oci, json!({}), Value::Null).await);
    assert_eq!(annotations.get(VERSION), None);
}

#[tokio::test]
async fn a_base_of_another_tool_is_not_ours() {
    let from = json!({BASE_NAME: "debian:12", BASE_DIGEST: "sha256:0"});
    let (_, annotations) = marked(&image(Family::Oci, json!({}), from).await);
    assert_eq!(annotations[BASE_NAME], "r/this:1");
    assert_eq!(annotations[BASE_DIGEST], Digest::sha256(b"this").as_str());
}

#[tokio::test]
async fn the_first_image_is_remembered_in_either_spelling() {
    for key in ["Labels", "labels"] {
        let config = json!({key: {"BaseImage": "r/first:1"}});
        let (labels, annotations) = marked(&image(Family::Oci, config, Value::Null).await);
        assert_eq!(labels["BaseImage"], "r/first:1", "{key}");
        assert_eq!(annotations[BASE_NAME], "r/first:1", "{key}");
        // Its digest is not known: this image's would be wrong.
        assert_eq!(annotations.get(BASE_DIGEST), None, "{key}");
    }
}

#[tokio::test]
async fn docker_s_manifest_gets_no_annotations() {
    let config = json!({"Labels": null, "labels": {"other": "x"}});
    let (labels, annotations) = marked(&image(Family::Docker, config, Value::Null).await);
    assert_eq!(annotations, Value::Null);
    assert_eq!(labels["BaseImage"], "r/this:1");
    assert_eq!(labels[BASE_DIGEST], Digest::sha256(b"this").as_str());
    assert_eq!(labels[PATCHED], "2026-11-01T00:00:00Z");
}

#[tokio::test]
async fn the_time_is_the_newest_of_what_is_in_it() {
    let image = image(Family::Oci, json!({}), Value::Null).await;
    let mut changes = ChangeSet::new();
    let file = |content, mtime| File { content, mode: 0, uid: 0, gid: 0, mtime, xattrs: vec![] };
    assert_eq!(time(&image, &changes).to_string(), "2024-01-01T00:00:00Z");
    changes.write("old", file(Content::Regular(Bytes::new()), 0));
    changes.write("dir", file(Content::Directory, 4_000_000_000));
    changes.write("never", file(Content::Regular(Bytes::new()), i64::MAX));
    assert_eq!(time(&image, &changes).to_string(), "2024-01-01T00:00:00Z");
    changes.write("new", file(Content::Regular(Bytes::new()), 1_767_225_600));
    assert_eq!(time(&image, &changes).to_string(), "2026-01-01T00:00:00Z");
}
