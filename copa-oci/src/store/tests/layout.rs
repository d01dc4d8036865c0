use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::image::documents::Image;
use crate::spec::descriptor::Descriptor;
use crate::spec::digest::Digest;
use crate::spec::media_type::Family;
use crate::store::fixture;
use crate::store::fixture::{peer, skopeo_copy};
use crate::store::layout::{LayoutSink, LayoutSource};
use crate::store::sink::Sink;
use crate::store::source::Source;

async fn open(path: &Path, name: &str) -> Result<Image> {
    let source: Arc<dyn Source> = Arc::new(LayoutSource::open(path).await?);
    let manifest = source.resolve(name).await?;
    Image::open(source, manifest).await
}

fn entries(path: &Path) -> usize {
    fs::read_dir(path).unwrap().count()
}

#[tokio::test]
async fn skopeo_writes_what_we_read_and_reads_what_we_write() {
    for how in ["gzip", "zstd", "none"] {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| format!("oci:{}:1.0", dir.path().join(name).display());
        fixture::layout(&dir.path().join("a"), Family::Oci, how);
        if skopeo_copy(&at("a"), &at("b")).is_none() {
            return;
        }
        let image = open(&dir.path().join("b"), "1.0").await.unwrap();
        let sink = LayoutSink::create(dir.path().join("new/c")).await.unwrap();
        image.write_to(&sink, "1.0", 4).await.unwrap();
        drop(sink);
        skopeo_copy(&at("c").replace("/c:", "/new/c:"), &at("d")).unwrap();
        let again = open(&dir.path().join("d"), "1.0").await.unwrap();
        assert_eq!(again.descriptor().digest, image.descriptor().digest, "{how}");
        let raw = at("d");
        let raw = peer("skopeo", &["inspect", "--raw", &raw]).unwrap();
        assert_eq!(Digest::sha256(&raw), image.descriptor().digest);
        assert_eq!(entries(&dir.path().join("new/c")), 3, "blobs, index.json, oci-layout");
        assert_eq!(entries(&dir.path().join("new")), 1);
    }
}

#[tokio::test]
async fn both_families_are_kept_byte_for_byte() {
    for family in [Family::Oci, Family::Docker] {
        let dir = tempfile::tempdir().unwrap();
        let entry = fixture::layout(&dir.path().join("a"), family, "gzip");
        let image = open(&dir.path().join("a"), "").await.unwrap();
        assert_eq!((image.family(), image.layers().len()), (family, 2));
        let sink = LayoutSink::create(dir.path().join("b")).await.unwrap();
        let written = image.write_to(&sink, "x", 1).await.unwrap();
        assert_eq!(written.manifest.digest.as_str(), entry["digest"]);
        let again = image.write_to(&sink, "y", 1).await.unwrap();
        assert_eq!(again.bytes_sent, 0);
        assert_eq!(open(&dir.path().join("b"), "y").await.unwrap().config(), image.config());
    }
}

#[tokio::test]
async fn nothing_is_left_by_a_writer_that_gives_up() {
    let dir = tempfile::tempdir().unwrap();
    fixture::layout(&dir.path().join("a"), Family::Oci, "gzip");
    let image = open(&dir.path().join("a"), "1.0").await.unwrap();
    fixture::layout(&dir.path().join("old"), Family::Oci, "none");
    for (place, left) in [("new", None), ("deep/new", None), ("old", Some(3))] {
        let path = dir.path().join(place);
        let sink = LayoutSink::create(&path).await.unwrap();
        let layer = &image.layers()[0];
        sink.put(&layer.descriptor, &layer.blob).await.unwrap();
        assert!(sink.contains(&layer.descriptor).await.unwrap());
        drop(sink);
        assert_eq!(path.is_dir().then(|| entries(&path)), left, "{place}");
    }
    assert_eq!(entries(dir.path()), 2);
}

#[tokio::test]
async fn tampered_content_gets_neither_in_nor_out() {
    let dir = tempfile::tempdir().unwrap();
    fixture::layout(dir.path(), Family::Oci, "gzip");
    let image = open(dir.path(), "1.0").await.unwrap();
    let layer = &image.layers()[0].descriptor;
    let path = dir.path().join("blobs/sha256").join(layer.digest.hex());
    let good = fs::read(&path).unwrap();
    let mut bad = good.clone();
    bad[100] ^= 1;
    for bytes in [bad, good[..good.len() - 1].to_vec(), [&good[..], b"x"].concat()] {
        fs::write(&path, bytes).unwrap();
        let target = tempfile::tempdir().unwrap();
        let sink = LayoutSink::create(target.path().join("b")).await.unwrap();
        let error = image.write_to(&sink, "1.0", 2).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Trust, "{error}");
        drop(sink);
        assert_eq!(entries(target.path()), 0);
    }
}

#[tokio::test]
async fn a_manifest_is_not_tagged_before_its_content_is_there() {
    let dir = tempfile::tempdir().unwrap();
    fixture::layout(&dir.path().join("a"), Family::Oci, "gzip");
    let image = open(&dir.path().join("a"), "1.0").await.unwrap();
    let sink = LayoutSink::create(dir.path().join("b")).await.unwrap();
    let bytes = bytes::Bytes::from(image.manifest().to_string());
    let manifest = Descriptor::of(image.descriptor().media_type.as_str(), &bytes);
    let error = sink.tag(&manifest, &bytes, "1.0").await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    assert!(!dir.path().join("b").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_do_not_lose_each_others_names() {
    let dir = tempfile::tempdir().unwrap();
    fixture::layout(&dir.path().join("a"), Family::Oci, "gzip");
    let image = open(&dir.path().join("a"), "1.0").await.unwrap();
    let writers: Vec<_> = (0..8)
        .map(|n| {
            let (image, path) = (image.clone(), dir.path().join("b"));
            tokio::spawn(async move {
                let sink = LayoutSink::create(path).await?;
                image.label("n", &n.to_string()).write_to(&sink, &format!("t{n}"), 2).await
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    for n in 0..8 {
        let image = open(&dir.path().join("b"), &format!("t{n}")).await.unwrap();
        assert_eq!(image.config()["config"]["Labels"]["n"], n.to_string());
    }
}

#[tokio::test]
async fn names_are_resolved_and_the_missing_ones_explained() {
    let dir = tempfile::tempdir().unwrap();
    let entry = fixture::layout(dir.path(), Family::Oci, "gzip");
    let mut other = entry.clone();
    other["annotations"] = serde_json::json!({"org.opencontainers.image.ref.name": "h:5/a/b:2.0"});
    fixture::index(dir.path(), &[entry.clone(), other]);
    let digest = entry["digest"].as_str().unwrap();
    for name in ["1.0", "2.0", "h:5/a/b:2.0", "", digest] {
        assert_eq!(open(dir.path(), name).await.unwrap().descriptor().digest.as_str(), digest);
    }
    let error = open(dir.path(), "3.0").await.unwrap_err().to_string();
    assert!(error.contains("tag `3.0`") && error.contains("1.0, h:5/a/b:2.0"), "{error}");
    fixture::index(dir.path(), &[]);
    assert_eq!(open(dir.path(), digest).await.unwrap().descriptor().digest.as_str(), digest);
    assert!(open(dir.path(), "").await.unwrap_err().to_string().contains("holds nothing"));
    assert!(LayoutSource::open(dir.path().join("no")).await.is_err());
}

#[tokio::test]
async fn a_tag_is_replaced_and_its_neighbours_are_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    fixture::layout(dir.path(), Family::Oci, "gzip");
    let image = open(dir.path(), "1.0").await.unwrap();
    let sink = LayoutSink::create(dir.path()).await.unwrap();
    let second = image.label("a", "b").write_to(&sink, "2.0", 1).await.unwrap();
    let third = image.label("a", "c").write_to(&sink, "2.0", 1).await.unwrap();
    assert_ne!(second.manifest, third.manifest);
    let index = fs::read_to_string(dir.path().join("index.json")).unwrap();
    assert!(index.contains(r#""unknown":{"keep":1.50}"#) && index.contains(r#""other":"kept""#));
    let index: serde_json::Value = serde_json::from_str(&index).unwrap();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
    assert_eq!(index["manifests"][1]["digest"], third.manifest.digest.as_str());
}

#[tokio::test]
async fn a_real_layout_of_the_corpus_is_read() {
    let Some(path) = fixture::corpus("aquasecurity+trivy/images/test.oci") else { return };
    let source = LayoutSource::open(path).await.unwrap();
    let manifest = source.resolve("").await.unwrap();
    let error = Image::open(Arc::new(source), manifest).await.map(|image| image.layers().len());
    assert!(error.is_ok() || matches!(error, Err(Error::NotFound { .. })), "{error:?}");
}
