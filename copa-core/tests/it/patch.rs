//! What a patch does.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use copa_core::oci::{Image, Location};
use copa_core::pkg::{Code, Request, Skip};
use copa_core::{Job, Patcher, Report, Wanted};

use crate::bench::{Bench, access, image, job, quickstart, run};

#[tokio::test(flavor = "multi_thread")]
async fn an_image_gets_one_layer_and_the_new_versions() {
    let bench = Bench::new();
    let patcher = bench.patcher();
    let before = patcher.inspect(patcher.open(&Job::new(image())).await.unwrap()).await.unwrap();
    let (patched, written) = bench.patch(&patcher, "oci:out:new").await.unwrap();
    assert!(patched.is_changed());
    assert_eq!(patched.refused().count(), 0);

    let opened = patcher.open(&Job::new(bench.location("oci:out:new"))).await.unwrap();
    assert_eq!(opened.image.descriptor().digest, written.manifest.digest);
    one_layer_more(&before.opened.image, &opened.image);

    let after = patcher.inspect(opened).await.unwrap();
    let versions = |of: &copa_core::Inspected| -> Vec<(String, String)> {
        let installed = of.system.installed().iter();
        installed.map(|p| (p.name.clone(), p.version.to_string())).collect()
    };
    let mut expected = versions(&before);
    assert!(patched.plan.updates.len() >= 3, "{:?}", patched.plan);
    for update in &patched.plan.updates {
        let package = expected.iter_mut().find(|(name, _)| *name == update.to.name).unwrap();
        package.1 = update.to.version.to_string();
    }
    assert_eq!(versions(&after), expected);
    assert_eq!(after.system.distro, before.system.distro);
}

fn one_layer_more(before: &Image, after: &Image) {
    let digests = |image: &Image| -> Vec<_> {
        let layers = image.layers().iter();
        layers.map(|l| (l.descriptor.digest.clone(), l.diff_id.clone())).collect()
    };
    let (old, new) = (digests(before), digests(after));
    assert_eq!(new.len(), old.len() + 1);
    assert_eq!(new[..old.len()], old);
    let mut config = after.config().clone();
    config["created"] = before.config()["created"].clone();
    config["rootfs"]["diff_ids"].as_array_mut().unwrap().pop();
    let last = config["history"].as_array_mut().unwrap().pop().unwrap();
    assert_eq!(last["created_by"], "copa patch");
    assert!(last["comment"].as_str().unwrap().contains("libssl3 "), "{last}");
    assert_eq!(config, *before.config());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_decides_what_is_patched() {
    let bench = Bench::new();
    let patcher = bench.patcher();
    let report = std::fs::read(quickstart("report.json")).unwrap();
    let report = Arc::new(Report::parse(&report).unwrap());
    let inspected = patcher.inspect(patcher.open(&Job::new(image())).await.unwrap()).await.unwrap();
    let request = report.request(&inspected.subject()).unwrap();
    let planned = patcher.plan(&inspected, &request).await.unwrap();
    let fixed: usize = planned.plan.updates.iter().map(|update| update.fixes.len()).sum();
    assert!(fixed > 0 && fixed <= report.findings().len(), "{fixed}");

    let reported = |from: &Location, to: &str| {
        let mut job = job(from, &bench.location(to));
        job.wanted = Wanted::Report(Arc::clone(&report));
        job
    };
    let (patched, _) = run(&patcher, &reported(&image(), "oci:out:new")).await.unwrap();
    assert_eq!(patched.plan, planned.plan);

    // A patched image is another image: the report is not about it any more.
    let out = bench.location("oci:out:new");
    let again = patcher.patch(&reported(&out, "oci:out:again")).await;
    assert_eq!(again.unwrap_err().code(), "other-image");
}

/// No warning gets lost between the steps.
#[tokio::test(flavor = "multi_thread")]
async fn warnings_of_the_plan_come_with_the_result() {
    let bench = Bench::new();
    let mut config = bench.config();
    let shared = bench.path("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o777)).unwrap();
    config.cache_dir = Some(shared);
    let patcher = Patcher::new(access(), config);
    let (patched, _) = bench.patch(&patcher, "oci:out:new").await.unwrap();
    let warning = &patched.warnings[0];
    assert_eq!(warning.code, Code::CacheNotUsed);
    assert!(warning.text.contains("others can write to it"), "{warning}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nothing_is_to_be_done_the_same_image_is_written() {
    let bench = Bench::new();
    let patcher = bench.patcher();
    let (_, first) = bench.patch(&patcher, "oci:out:new").await.unwrap();
    let (from, to) = (bench.location("oci:out:new"), bench.location("oci-archive:same.tar:x"));
    let (patched, written) = run(&patcher, &job(&from, &to)).await.unwrap();
    assert!(!patched.is_changed());
    assert!(!patched.plan.why_nothing(&Request::Everything).is_empty());
    assert_eq!(written.manifest.digest, first.manifest.digest);
    let there = bench.image("oci-archive:same.tar:x").await;
    assert_eq!(there.descriptor().digest, first.manifest.digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_can_be_stored_and_is_refused_for_another_image() {
    let bench = Bench::new();
    let patcher = bench.patcher();
    let inspected = patcher.inspect(patcher.open(&Job::new(image())).await.unwrap()).await.unwrap();
    let planned = patcher.plan(&inspected, &Request::Everything).await.unwrap();
    let text = serde_json::to_string(&planned.plan).unwrap();
    let patched = patcher.apply(&inspected, serde_json::from_str(&text).unwrap()).await.unwrap();
    assert!(patched.is_changed());
    patcher.write(&patched, &bench.location("oci:out:new").into()).await.unwrap();
    let opened = patcher.open(&Job::new(bench.location("oci:out:new"))).await.unwrap();
    let newer = patcher.inspect(opened).await.unwrap();
    let error = patcher.apply(&newer, planned.plan).await.unwrap_err();
    assert_eq!(error.kind(), copa_core::Kind::Input, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_image_does_not_hold_is_said() {
    let bench = Bench::new();
    let patcher = bench.patcher();
    let finding = copa_core::pkg::Finding {
        package: "emacs".into(),
        installed: None,
        vulnerability: "CVE-1".into(),
        fixed: vec!["1".into()],
    };
    let inspected = patcher.inspect(patcher.open(&Job::new(image())).await.unwrap()).await.unwrap();
    let planned = patcher.plan(&inspected, &Request::Only(vec![finding])).await.unwrap();
    assert_eq!(planned.plan.skipped[0].reason, Skip::NotInstalled);
    assert!(!patcher.apply(&inspected, planned.plan).await.unwrap().is_changed());
}
