use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Kind, Result};
use crate::image::documents::Image;
use crate::spec::media_type::Family;
use crate::store::docker_archive::read::DockerArchiveSource;
use crate::store::docker_archive::write::DockerArchiveSink;
use crate::store::fixture;
use crate::store::fixture::{corpus, peer, skopeo_copy};
use crate::store::layout::{LayoutSink, LayoutSource};
use crate::store::source::Source;

async fn open(source: impl Source + 'static, name: &str) -> Result<Image> {
    let source: Arc<dyn Source> = Arc::new(source);
    let manifest = source.resolve(name).await?;
    Image::open(source, manifest).await
}

async fn image(dir: &Path, family: Family, how: &str) -> Image {
    fixture::layout(dir, family, how);
    open(LayoutSource::open(dir).await.unwrap(), "1.0").await.unwrap()
}

fn diff_ids(image: &Image) -> Vec<String> {
    image.layers().iter().map(|layer| layer.diff_id.to_string()).collect()
}

#[tokio::test]
async fn skopeo_writes_what_we_read_and_reads_what_we_write() {
    for how in ["gzip", "zstd", "none"] {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        let image = image(&dir.path().join("a"), Family::Oci, how).await;
        let sink = DockerArchiveSink::create(path("b.tar")).await.unwrap();
        image.write_to(&sink, "h.example/team/app:1.0", 4).await.unwrap();
        let (ours, theirs) = (path("b.tar"), path("c.tar"));
        let copied = skopeo_copy(
            &format!("docker-archive:{ours}"),
            &format!("docker-archive:{theirs}:h.example/team/app:1.0"),
        );
        if copied.is_none() {
            return;
        }
        for file in [&ours, &theirs] {
            for name in ["", "h.example/team/app:1.0", "1.0"] {
                let again =
                    open(DockerArchiveSource::open(file).await.unwrap(), name).await.unwrap();
                assert_eq!((again.family(), diff_ids(&again)), (Family::Docker, diff_ids(&image)));
                assert_eq!(again.config(), image.config(), "{how}");
                let target = LayoutSink::create(path("d")).await.unwrap();
                again.write_to(&target, "1.0", 4).await.unwrap();
            }
        }
        let error = open(DockerArchiveSource::open(&ours).await.unwrap(), "2.0").await.unwrap_err();
        assert!(error.to_string().contains("h.example/team/app:1.0"), "{error}");
        let inspected =
            peer("skopeo", &["inspect", "--config", "--raw", &format!("docker-archive:{ours}")]);
        let inspected: serde_json::Value = serde_json::from_slice(&inspected.unwrap()).unwrap();
        assert_eq!(&inspected, image.config());
    }
}

#[tokio::test]
async fn a_real_image_of_docker_save_is_read() {
    let Some(path) = corpus("aquasecurity+trivy/images/alpine-310.tar.gz") else { return };
    let image = open(DockerArchiveSource::open(&path).await.unwrap(), "").await.unwrap();
    assert_eq!((image.platform().to_string().as_str(), image.layers().len()), ("linux/amd64", 1));
    let dir = tempfile::tempdir().unwrap();
    let sink = LayoutSink::create(dir.path().join("b")).await.unwrap();
    image.write_to(&sink, "1.0", 2).await.unwrap();
    let sink = DockerArchiveSink::create(dir.path().join("c.tar")).await.unwrap();
    image.write_to(&sink, "alpine:3.10", 2).await.unwrap();
    let source = DockerArchiveSource::open(dir.path().join("c.tar")).await.unwrap();
    let again = open(source, "docker.io/library/alpine:3.10").await.unwrap();
    assert_eq!(again.descriptor().digest, image.descriptor().digest);
}

#[tokio::test]
async fn newer_archives_and_compressed_layers_are_read() {
    let dir = tempfile::tempdir().unwrap();
    for how in ["none", "gzip", "zstd"] {
        let root = dir.path().join(how);
        let image = image(&root, Family::Oci, how).await;
        let name = |digest: &str| format!("blobs/sha256/{}", &digest[7..]);
        let blobs = |entry: &serde_json::Value| name(entry["digest"].as_str().unwrap());
        let layers: Vec<_> =
            image.manifest()["layers"].as_array().unwrap().iter().map(blobs).collect();
        let config = blobs(&image.manifest()["config"]);
        let list = serde_json::json!([{"Config": config, "RepoTags": null, "Layers": layers}]);
        fs::write(root.join("manifest.json"), list.to_string()).unwrap();
        let mut tar = tar::Builder::new(fs::File::create(dir.path().join("x.tar")).unwrap());
        tar.append_dir_all(".", &root).unwrap();
        tar.finish().unwrap();
        let source = DockerArchiveSource::open(dir.path().join("x.tar")).await.unwrap();
        let read = open(source, "").await.unwrap();
        assert_eq!(diff_ids(&read), diff_ids(&image));
        let sink = DockerArchiveSink::create(dir.path().join("y.tar")).await.unwrap();
        read.write_to(&sink, "", 1).await.unwrap();
    }
}

#[tokio::test]
async fn a_layer_that_is_not_its_diff_id_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let image = image(&dir.path().join("a"), Family::Oci, "gzip").await;
    let sink = DockerArchiveSink::create(dir.path().join("b.tar")).await.unwrap();
    image.write_to(&sink, "a:b", 1).await.unwrap();
    let mut bytes = fs::read(dir.path().join("b.tar")).unwrap();
    bytes[2000] ^= 1;
    fs::write(dir.path().join("b.tar"), bytes).unwrap();
    let image = open(DockerArchiveSource::open(dir.path().join("b.tar")).await.unwrap(), "").await;
    let sink = DockerArchiveSink::create(dir.path().join("c.tar")).await.unwrap();
    let error = image.unwrap().write_to(&sink, "a:b", 1).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Trust, "{error}");
    drop(sink);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}
