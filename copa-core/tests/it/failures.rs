//! What is refused, and what is left of a patch when parts of it fail.

use std::path::PathBuf;

use copa_core::pkg::Skip;
use copa_core::{Kind, Patcher};

use crate::bench::{Bench, access, files, run};

/// Nothing was written, not even in part.
fn nothing_written(bench: &Bench) {
    let left = bench.path("out").exists().then(|| files(&bench.path("out"), "index.json"));
    assert_eq!(left.unwrap_or_default(), Vec::<PathBuf>::new());
    assert!(!bench.path("out.tar").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_is_gone_stops_the_patch_unless_errors_are_ignored() {
    let (bench, mirror) = Bench::with_own_mirror();
    for deb in files(&mirror, "tzdata") {
        std::fs::remove_file(deb).unwrap();
    }
    let error = bench.patch(&bench.patcher(), "oci-archive:out.tar:new").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Network, "{error}");
    nothing_written(&bench);

    let mut job = bench.job("oci-archive:out.tar:new");
    job.ignore_errors = true;
    let (patched, _) = run(&bench.patcher(), &job).await.unwrap();
    let refused: Vec<_> = patched.refused().collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].package, "tzdata");
    assert!(matches!(refused[0].reason, Skip::Failed { .. }));
    assert!(patched.plan.updates.iter().any(|update| update.to.name == "libssl3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_was_altered_is_never_used() {
    let (bench, mirror) = Bench::with_own_mirror();
    let deb = files(&mirror, "libssl3").remove(0);
    let mut bytes = std::fs::read(&deb).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&deb, bytes).unwrap();
    let error = bench.patch(&bench.patcher(), "oci:out:new").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Trust, "{error}");
    assert!(error.hint().is_some());
    nothing_written(&bench);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_no_trusted_key_signed_is_refused() {
    let (bench, mirror) = Bench::with_own_mirror();
    let mut config = bench.config();
    config.keyring = None;
    config.cache_dir = Some(bench.path("cache"));
    let error = bench.patch(&Patcher::new(access(), config), "oci:out:new").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Trust, "{error}");

    let release = files(&mirror.join("debian-security"), "InRelease").remove(0);
    let text = std::fs::read_to_string(&release).unwrap().replacen("main", "mian", 1);
    std::fs::write(&release, text).unwrap();
    let error = bench.patch(&bench.patcher(), "oci:out:new").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Trust, "{error}");
    nothing_written(&bench);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_cannot_be_written_says_so() {
    let bench = Bench::new();
    std::fs::write(bench.path("file"), "x").unwrap();
    let error = bench.patch(&bench.patcher(), "oci:file/below:new").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Local, "{error}");
}
