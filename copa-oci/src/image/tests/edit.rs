use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::error::Result;
use crate::image::write::Moved;
use crate::spec::descriptor::Descriptor;
use crate::store::blob::Blob;
use crate::store::fixture;
use crate::store::layout::{LayoutSink, LayoutSource};
use crate::store::source::Source;

async fn open(dir: &Path, entry: Value) -> Result<Image> {
    let source: Arc<dyn Source> = Arc::new(LayoutSource::open(dir).await?);
    Image::open(source, serde_json::from_value(entry).unwrap()).await
}

fn patch(compression: &str, media_type: &str) -> Layer {
    let tar = fixture::tar("etc/patched", b"new");
    let stored = Bytes::from(fixture::compress(&tar, compression));
    Layer {
        descriptor: Descriptor::of(media_type, &stored),
        diff_id: Digest::sha256(&tar),
        blob: Blob::Bytes(stored),
    }
}

fn step() -> History {
    History {
        created_by: "copa".into(),
        created: Some("2024-05-01T00:00:00Z".into()),
        ..Default::default()
    }
}

#[tokio::test]
async fn an_edit_changes_what_it_says_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let entry = fixture::layout(dir.path(), Family::Oci, "gzip");
    let image = open(dir.path(), entry).await.unwrap();
    let edited = image
        .append(patch("gzip", "application/vnd.oci.image.layer.v1.tar+gzip"), step())
        .label("a", "3")
        .created("2025-01-01T00:00:00Z")
        .annotate("k", "v");
    let layer = &edited.layers()[2];
    let text = String::from_utf8(image.config.bytes.to_vec()).unwrap();
    let expected = text
        .replace(r#""a":"2""#, r#""a":"3""#)
        .replace("2024-01-01", "2025-01-01")
        .replace(r#"]},"history""#, &format!(r#","{}"]}},"history""#, layer.diff_id))
        .replace(
            r#"{"created_by":"two"}]"#,
            r#"{"created_by":"two"},{"created":"2024-05-01T00:00:00Z","created_by":"copa"}]"#,
        );
    assert_eq!(String::from_utf8(edited.config.bytes.to_vec()).unwrap(), expected);
    assert_eq!(edited.manifest()["odd"], image.manifest()["odd"]);
    assert_eq!(edited.manifest()["annotations"], json!({"k": "v"}));
    assert_eq!(
        edited.manifest()["config"]["digest"],
        Digest::sha256(&edited.config.bytes).as_str()
    );
    assert_eq!(edited.descriptor().digest, Digest::sha256(&edited.manifest.bytes));
    let (old, new) = (&image.manifest()["layers"], &edited.manifest()["layers"]);
    assert_eq!((old[0].to_string(), old[1].to_string()), (new[0].to_string(), new[1].to_string()));
    assert_eq!(image.layers().len(), 2, "the image itself is not changed");
}

#[tokio::test]
async fn an_edit_that_changes_nothing_keeps_the_digest() {
    let dir = tempfile::tempdir().unwrap();
    let entry = fixture::layout(dir.path(), Family::Docker, "gzip");
    let image = open(dir.path(), entry).await.unwrap();
    let same = image.label("a", "2").created("2024-01-01T00:00:00Z").annotate("x", "y");
    assert_eq!(same.descriptor(), image.descriptor());
    assert_eq!(same.config.bytes, image.config.bytes);
}

#[tokio::test]
async fn a_layer_is_put_into_the_images_family() {
    for (family, how, given, kept) in [
        (
            Family::Docker,
            "gzip",
            "application/vnd.oci.image.layer.v1.tar+gzip",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        ),
        (
            Family::Oci,
            "gzip",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "application/vnd.oci.image.layer.v1.tar+gzip",
        ),
        (Family::Docker, "none", MediaType::OCI_LAYER, MediaType::DOCKER_LAYER),
        (
            Family::Oci,
            "zstd",
            "application/vnd.oci.image.layer.v1.tar+zstd",
            "application/vnd.oci.image.layer.v1.tar+zstd",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let entry = fixture::layout(dir.path(), family, "gzip");
        let image = open(dir.path(), entry).await.unwrap().append(patch(how, given), step());
        assert_eq!(image.manifest()["layers"][2]["mediaType"], kept);
        let sink = LayoutSink::create(dir.path()).await.unwrap();
        let written = image.write_to(&sink, "new", 2).await.unwrap();
        let moved: Vec<_> = written.layers.iter().map(|(_, moved)| *moved).collect();
        assert_eq!(moved, [Moved::Present, Moved::Present, Moved::Sent]);
        let again = open(dir.path(), json!(written.manifest)).await.unwrap();
        assert_eq!(again.config(), image.config());
        assert_eq!(again.layers()[2].diff_id, image.layers()[2].diff_id);
    }
}

#[test]
fn the_history_agrees_with_the_layers() {
    let full = |config: &Value| {
        let history = config["history"].as_array();
        history.map(|list| list.iter().filter(|e| e["empty_layer"] != json!(true)).count())
    };
    for (config, layers, entries) in [
        (json!({}), 0, Some(1)),
        (json!({}), 2, None),
        (json!({"history": null}), 2, None),
        (json!({"history": [{}, {"empty_layer": true}, {}]}), 2, Some(3)),
        (json!({"history": [{}]}), 2, Some(3)),
    ] {
        let mut edited = config.clone();
        remember(&mut edited, layers, step());
        assert_eq!(full(&edited), entries, "{config}");
    }
}
