use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::spec::media_type::Family;
use crate::store::fixture;
use crate::store::layout::LayoutSource;

async fn open(dir: &Path, entry: Value) -> Result<Image> {
    let source: Arc<dyn Source> = Arc::new(LayoutSource::open(dir).await?);
    Image::open(source, serde_json::from_value(entry).unwrap()).await
}

#[tokio::test]
async fn what_is_no_image_is_refused_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    fixture::layout(dir.path(), Family::Oci, "gzip");
    let config = fixture::blob(
        dir.path(),
        MediaType::OCI_CONFIG,
        br#"{"os":"linux","architecture":"amd64"}"#,
    );
    let other = fixture::blob(dir.path(), "application/vnd.oci.empty.v1+json", b"{}");
    let layer = fixture::blob(dir.path(), "application/vnd.oci.image.layer.v1.tar+encrypted", b"");
    let (oci, docker) = (MediaType::OCI_MANIFEST, MediaType::DOCKER_MANIFEST);
    for (described, document, says) in [
        (oci, json!({"schemaVersion": 1, "fsLayers": []}), "schema 1"),
        ("application/vnd.docker.distribution.manifest.v1+prettyjws", json!({}), "schema 1"),
        (oci, json!({"manifests": [], "config": config, "layers": []}), "at once"),
        (oci, json!({"mediaType": docker, "config": config, "layers": []}), "calls itself"),
        (oci, json!({"config": config, "layers": [config]}), "1 layers"),
        (oci, json!({"config": other, "layers": []}), "not an image"),
        (MediaType::OCI_INDEX, json!({"manifests": []}), "not an image"),
        (oci, json!({"config": config, "layers": vec![&layer; 1025]}), "limit"),
        (oci, json!({"config": config, "layers": 7}), "JSON"),
        (oci, json!([]), "object"),
        (oci, json!({}), "neither"),
    ] {
        let entry = fixture::blob(dir.path(), described, document.to_string().as_bytes());
        let error = open(dir.path(), entry).await.unwrap_err().to_string();
        assert!(error.contains(says), "{error}, not {says}");
    }
}

proptest! {
    #[test]
    fn no_document_makes_it_panic(text in ".{0,200}", list in "[\\[\\]{}\",:a-z0-9]{0,80}") {
        for text in [text, format!(r#"{{"config":{list},"layers":{list},"mediaType":{list}}}"#)] {
            let _ = document::media_type("it", text.as_bytes());
            let _ = document::named(text.as_bytes());
            if let Ok(value) = document::object("it", text.as_bytes()) {
                let _ = (config_of("it", &value), platform_of(&value));
            }
        }
    }
}
