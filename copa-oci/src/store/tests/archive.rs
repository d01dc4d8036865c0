use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::error::{Kind, Result};
use crate::image::documents::Image;
use crate::spec::digest::Digest;
use crate::spec::media_type::Family;
use crate::store::archive::{ArchiveSink, ArchiveSource, docker_list};
use crate::store::docker_archive::read::DockerArchiveSource;
use crate::store::file::fill;
use crate::store::fixture;
use crate::store::fixture::{peer, skopeo_copy};
use crate::store::layout::LayoutSource;
use crate::store::sink::Sink;
use crate::store::source::Source;
use crate::stream::ByteStream;
use std::sync::Arc;

async fn open(source: impl Source + 'static, name: &str) -> Result<Image> {
    let source: Arc<dyn Source> = Arc::new(source);
    let manifest = source.resolve(name).await?;
    Image::open(source, manifest).await
}

async fn image(dir: &Path, family: Family, how: &str) -> Image {
    fixture::layout(dir, family, how);
    open(LayoutSource::open(dir).await.unwrap(), "1.0").await.unwrap()
}

#[tokio::test]
async fn skopeo_writes_what_we_read_and_reads_what_we_write() {
    for how in ["gzip", "zstd", "none"] {
        let dir = tempfile::tempdir().unwrap();
        let at = |kind: &str, name: &str| format!("{kind}:{}:1.0", dir.path().join(name).display());
        let image = image(&dir.path().join("a"), Family::Oci, how).await;
        let path = dir.path().join("b.tar");
        let sink = ArchiveSink::create(&path).await.unwrap();
        image.write_to(&sink, "1.0", 4).await.unwrap();
        if skopeo_copy(&at("oci-archive", "b.tar"), &at("oci-archive", "c.tar")).is_none() {
            return;
        }
        skopeo_copy(&at("oci-archive", "b.tar"), &at("oci", "d")).unwrap();
        let archive = || async { ArchiveSource::open(dir.path().join("c.tar")).await.unwrap() };
        for name in ["1.0", "", image.descriptor().digest.as_str()] {
            if how == "none" && name.starts_with("sha256") {
                continue; // skopeo compresses what is not
            }
            let again = open(archive().await, name).await.unwrap();
            assert_eq!(again.config(), image.config(), "{how}");
            let same = again.descriptor().digest == image.descriptor().digest;
            assert!(same || how == "none", "{how}");
        }
        let layout = open(LayoutSource::open(dir.path().join("d")).await.unwrap(), "1.0").await;
        assert_eq!(layout.unwrap().config(), image.config());
    }
}

/// By `manifest.json`, which Docker reads where it reads no layout.
#[tokio::test]
async fn what_reads_docker_archives_reads_it_too() {
    const NAME: &str = "h.example/team/app:1.0";
    for how in ["gzip", "zstd", "none"] {
        let dir = tempfile::tempdir().unwrap();
        let image = image(&dir.path().join("a"), Family::Oci, how).await;
        let path = dir.path().join("b.tar");
        let sink = ArchiveSink::create(&path).await.unwrap();
        image.write_to(&sink, NAME, 4).await.unwrap();
        let again = open(DockerArchiveSource::open(&path).await.unwrap(), NAME).await.unwrap();
        assert_eq!(again.config(), image.config(), "{how}");
        let archive = format!("docker-archive:{}:{NAME}", path.display());
        let Some(config) = peer("skopeo", &["inspect", "--config", "--raw", &archive]) else {
            return;
        };
        let config: Value = serde_json::from_slice(&config).unwrap();
        assert_eq!(&config, image.config(), "{how}");
        skopeo_copy(&archive, &format!("dir:{}", dir.path().join("c").display())).unwrap();
    }
}

#[test]
fn docker_is_told_of_no_layer_that_lives_elsewhere() {
    let layer = json!({"digest": Digest::sha256(b"layer"), "urls": ["https://h.example/layer"]});
    let config = json!({"digest": Digest::sha256(b"config")});
    for (manifest, told) in [
        (json!({"config": config, "layers": []}), true),
        (json!({"config": config, "layers": [layer]}), false),
        (json!({"manifests": []}), false),
    ] {
        let list = docker_list(manifest.to_string().as_bytes(), "app:1.0").unwrap();
        assert_eq!(list.is_some(), told, "{manifest}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_with_one_job_or_eight() {
    let dir = tempfile::tempdir().unwrap();
    let image = image(&dir.path().join("a"), Family::Docker, "gzip").await;
    let mut archives = Vec::new();
    for jobs in [1, 8] {
        let path = dir.path().join("b.tar");
        let sink = ArchiveSink::create(&path).await.unwrap();
        image.write_to(&sink, "1.0", jobs).await.unwrap();
        archives.push(fs::read(&path).unwrap());
    }
    assert!(archives[0] == archives[1]);
    let again = open(ArchiveSource::open(dir.path().join("b.tar")).await.unwrap(), "1.0").await;
    assert_eq!(again.unwrap().family(), Family::Docker);
}

#[tokio::test]
async fn nothing_is_left_unless_it_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let image = image(&dir.path().join("a"), Family::Oci, "gzip").await;
    let layer = &image.layers()[0];
    let path = dir.path().join("b.tar");
    fs::write(&path, "what was there").unwrap();
    let sink = ArchiveSink::create(&path).await.unwrap();
    sink.put(&layer.descriptor, &layer.blob).await.unwrap();
    drop(sink);
    let blob = dir.path().join("a/blobs/sha256").join(layer.descriptor.digest.hex());
    let good = fs::read(&blob).unwrap();
    fs::write(&blob, &good[..good.len() - 1]).unwrap();
    let sink = ArchiveSink::create(&path).await.unwrap();
    assert_eq!(image.write_to(&sink, "1.0", 2).await.unwrap_err().kind(), Kind::Trust);
    drop(sink);
    assert_eq!(fs::read(&path).unwrap(), b"what was there");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    fs::write(&blob, good).unwrap();
    let sink = ArchiveSink::create(&path).await.unwrap();
    image.write_to(&sink, "1.0", 2).await.unwrap();
    assert!(image.write_to(&sink, "1.0", 2).await.is_err(), "it is finished");
}

#[tokio::test]
async fn a_full_disk_is_a_local_failure_that_names_the_file() {
    use std::io::Write;
    let full = Path::new("/dev/full");
    let mut out = fs::OpenOptions::new().write(true).open(full).unwrap();
    let write = move |chunk: bytes::Bytes| out.write_all(&chunk);
    let stream = ByteStream::once(vec![0; 100]);
    let error = fill(stream, "it", write, full).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Local);
    assert!(error.to_string().contains("/dev/full"), "{error}");
}

#[tokio::test]
async fn a_directory_is_not_replaced_by_a_file() {
    let dir = tempfile::tempdir().unwrap();
    assert!(ArchiveSink::create(dir.path()).await.is_err());
}
