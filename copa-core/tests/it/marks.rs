//! What a patched image says of itself.

use copa_core::Job;
use copa_core::oci::Family;
use copa_core::pkg::{Finding, Request};
use serde_json::Value;

use crate::bench::{Bench, access, image, job, run};

const BASE_NAME: &str = "org.opencontainers.image.base.name";
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";
const PATCHED: &str = "sh.copa.image.patched";

fn only(package: &str) -> Request {
    Request::Only(vec![Finding {
        package: package.into(),
        installed: None,
        vulnerability: "CVE-1".into(),
        fixed: vec!["0".into()],
    }])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_base_is_the_image_that_was_patched_first() {
    let bench = Bench::new();
    let patcher = bench.patcher();
    let mut first_job = Job::new(image());
    first_job.base_name = Some("registry.example/app:1.0".into());
    first_job.created = Some("2026-11-01T00:00:00Z".parse().unwrap());
    let opened = patcher.open(&first_job).await.unwrap();
    let original = opened.image.descriptor().digest.to_string();
    let first = bench.location("oci:out:first");
    let newer = |name: &str| {
        let mut wanted = only(name);
        if let Request::Only(findings) = &mut wanted {
            findings[0].fixed = vec!["9999".into()];
        }
        wanted
    };
    let inspected = patcher.inspect(opened).await.unwrap();
    let planned = patcher.plan(&inspected, &newer("tzdata")).await.unwrap();
    let patched = patcher.apply(&inspected, planned.plan).await.unwrap();
    patcher.write(&patched, &first.clone().into()).await.unwrap();
    let mut second_job = job(&first, &bench.location("oci:out:second"));
    second_job.base_name = Some("registry.example/app:1.0-patched".into());
    second_job.created = first_job.created;
    run(&patcher, &second_job).await.unwrap();

    let (once, twice) = (bench.image("oci:out:first").await, bench.image("oci:out:second").await);
    assert_eq!(twice.layers().len(), once.layers().len() + 1);
    for image in [once, twice] {
        let annotations = &image.manifest()["annotations"];
        assert_eq!(annotations[BASE_NAME], "registry.example/app:1.0");
        assert_eq!(annotations[BASE_DIGEST], original.as_str());
        assert_eq!(annotations[PATCHED], "2026-11-01T00:00:00Z");
        assert_eq!(annotations["org.opencontainers.image.created"], "2026-11-01T00:00:00Z");
        assert_eq!(image.config()["created"], "2026-11-01T00:00:00Z");
        assert_eq!(image.config()["config"]["Labels"]["BaseImage"], "registry.example/app:1.0");
        assert_eq!(image.config()["config"]["Labels"].get(PATCHED), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_docker_image_carries_labels_only() {
    let bench = Bench::new();
    let patcher = bench.patcher();
    let from = bench.location("docker-archive:docker.tar:app:1.0");
    let opened = patcher.open(&Job::new(image())).await.unwrap();
    let sink = from.sink(&access()).await.unwrap();
    opened.image.write_to(&*sink, from.name(), 1).await.unwrap();

    let to = bench.location("docker-archive:new.tar:app:2.0");
    let (patched, _) = run(&patcher, &job(&from, &to)).await.unwrap();
    assert_eq!(patched.image.family(), Family::Docker);
    assert_eq!(patched.image.manifest().get("annotations"), None);
    let labels = &patched.image.config()["config"]["Labels"];
    assert!(labels[BASE_DIGEST].as_str().unwrap().starts_with("sha256:"));
    assert!(labels[PATCHED].is_string());
    let there = bench.image("docker-archive:new.tar:app:2.0").await;
    assert_eq!(there.config(), patched.image.config());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_is_that_of_what_is_in_it() {
    let bench = Bench::new();
    let (patched, _) = bench.patch(&bench.patcher(), "oci:out:new").await.unwrap();
    let created = patched.image.config()["created"].as_str().unwrap();
    let created: copa_core::jiff::Timestamp = created.parse().unwrap();
    assert!(created > "2024-01-01T00:00:00Z".parse().unwrap(), "{created}");
    assert!(created < bench.config().now, "{created}");
    let history = patched.image.config()["history"].as_array().unwrap().last().unwrap();
    assert_eq!(history["created"], patched.image.config()["created"]);
    assert_eq!(patched.image.manifest()["annotations"].get(BASE_NAME), None::<&Value>);
}
