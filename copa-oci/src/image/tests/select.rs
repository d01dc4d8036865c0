use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::spec::media_type::{Family, MediaType};
use crate::store::fixture;
use crate::store::layout::LayoutSource;

const HOST: &str = "linux/amd64";

fn entry(dir: &Path, platform: Option<&str>) -> Value {
    let mut entry = fixture::layout(dir, Family::Oci, "none");
    entry["annotations"] = json!({});
    if let Some(platform) = platform {
        let mut parts = platform.split('/');
        let mut next = || parts.next().map(Value::from);
        entry["platform"] = json!({"os": next(), "architecture": next()});
        if let Some(variant) = next() {
            entry["platform"]["variant"] = variant;
        }
    }
    entry
}

fn index_of(dir: &Path, entries: &[Value]) -> Value {
    let text = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": entries});
    fixture::blob(dir, MediaType::OCI_INDEX, text.to_string().as_bytes())
}

async fn choose_in(dir: &Path, top: Value, wanted: Option<&str>) -> Result<Selected> {
    let source: Arc<dyn Source> = Arc::new(LayoutSource::open(dir).await?);
    let wanted: Option<Platform> = wanted.map(|text| text.parse().unwrap());
    let top = serde_json::from_value(top).unwrap();
    select(source, top, wanted.as_ref(), &HOST.parse().unwrap()).await
}

/// An index that holds no image costs as much to look at as one that does.
#[tokio::test]
async fn indexes_without_images_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let image = entry(dir, None);
    let empty = index_of(dir, &[]);
    let mut entries = vec![empty; ENTRIES - 1];
    entries.push(image.clone());
    assert!(choose_in(dir, index_of(dir, &entries), None).await.is_ok());
    entries.push(image);
    let error = choose_in(dir, index_of(dir, &entries), None).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}

/// Of many images only the first one's documents are held while the others are looked at.
#[tokio::test]
async fn documents_of_many_images_are_not_held() {
    let dir = tempfile::tempdir().unwrap();
    let image = entry(dir.path(), None);
    let top = index_of(dir.path(), &[image.clone(), image.clone(), image]);
    let source: Arc<dyn Source> = Arc::new(LayoutSource::open(dir.path()).await.unwrap());
    let mut found = Found::default();
    gather(&source, serde_json::from_value(top).unwrap(), 0, &mut found).await.unwrap();
    let held: Vec<_> = found.images.iter().map(|found| found.image.is_some()).collect();
    assert_eq!(held, [true, false, false]);
}

#[tokio::test]
async fn the_platform_asked_for_or_the_only_one_or_the_hosts() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for (there, wanted, gives) in [
        (vec![Some("linux/amd64"), Some("linux/arm64")], None, Some(("linux/amd64", Choice::Host))),
        (
            vec![Some("linux/amd64"), Some("linux/arm64")],
            Some("linux/arm64"),
            Some(("linux/arm64", Choice::Asked)),
        ),
        (
            vec![Some("linux/arm64"), Some("unknown/unknown")],
            None,
            Some(("linux/arm64", Choice::Only)),
        ),
        (vec![None], None, Some(("linux/amd64", Choice::Only))),
        (
            vec![Some("linux/arm/v6"), Some("linux/arm/v7")],
            Some("linux/arm/v7"),
            Some(("linux/arm/v7", Choice::Asked)),
        ),
        (vec![Some("linux/arm64"), Some("linux/s390x")], None, None),
        (vec![Some("linux/arm64"), Some("linux/s390x")], Some("linux/386"), None),
        (vec![], None, None),
    ] {
        let entries: Vec<Value> = there.iter().map(|platform| entry(dir, *platform)).collect();
        let result = choose_in(dir, index_of(dir, &entries), wanted).await;
        match gives {
            Some((platform, chosen)) => {
                let selected = result.unwrap();
                assert_eq!(
                    (selected.platform.to_string().as_str(), selected.chosen),
                    (platform, chosen)
                );
                assert_eq!(selected.image.descriptor(), &selected.manifest);
            }
            None => {
                let error = result.unwrap_err().to_string();
                there.iter().flatten().for_each(|p| assert!(error.contains(p), "{error}"));
            }
        }
    }
}

#[tokio::test]
async fn a_plain_manifest_is_for_what_its_configuration_says() {
    let dir = tempfile::tempdir().unwrap();
    let top = entry(dir.path(), None);
    let selected = choose_in(dir.path(), top.clone(), None).await.unwrap();
    assert_eq!((selected.platform.to_string().as_str(), selected.chosen), (HOST, Choice::Only));
    let selected = choose_in(dir.path(), top.clone(), Some(HOST)).await.unwrap();
    assert_eq!(selected.chosen, Choice::Asked);
    let error = choose_in(dir.path(), top, Some("linux/arm64")).await.unwrap_err().to_string();
    assert!(error.contains("linux/arm64") && error.contains(HOST), "{error}");
}

#[tokio::test]
async fn indexes_nest_only_so_deep() {
    let dir = tempfile::tempdir().unwrap();
    let mut top = entry(dir.path(), Some(HOST));
    for depth in 1..=6 {
        top = index_of(dir.path(), &[top]);
        let result = choose_in(dir.path(), top.clone(), None).await;
        assert_eq!(result.is_ok(), depth <= DEPTH, "{depth}");
    }
}

proptest! {
    #[test]
    fn no_index_makes_it_panic(text in ".{0,200}", list in "[\\[\\]{}\",:a-z0-9]{0,80}") {
        let _ = children_in("it", text.as_bytes());
        let _ = children_in("it", format!(r#"{{"manifests":{list}}}"#).as_bytes());
    }
}
