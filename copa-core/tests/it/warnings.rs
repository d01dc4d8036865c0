//! What a person should know is said when it arises, and does not get lost when something fails.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use copa_core::pkg::{Code, Warning};
use copa_core::{Event, Job, Kind, Patcher};

use crate::bench::{Bench, access, files, job, run};

/// A patcher that takes metadata that a foreign key signed.
fn careless(bench: &Bench) -> Patcher {
    let mut config = bench.config();
    config.keyring = None;
    config.allow_unsigned = true;
    Patcher::new(access(), config)
}

/// Listens to the warnings of a job.
fn listen(job: &mut Job) -> Arc<Mutex<Vec<Warning>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&heard);
    let observer = move |event: &Event<'_>| {
        if let Event::Warned(warning) = *event {
            list.lock().unwrap().push(warning.clone());
        }
    };
    job.observer = Arc::new(observer);
    heard
}

/// Three suites, none of them signed by a key that the image or Debian trusts.
fn three_are_not_verified(warnings: &[Warning]) {
    let unsigned = warnings.iter().filter(|warning| warning.code == Code::Unsigned);
    let about: Vec<&str> = unsigned.map(|warning| warning.about.as_str()).collect();
    assert_eq!(about.len(), 3, "{warnings:?}");
    assert!(about.iter().all(|url| url.ends_with("/InRelease")), "{about:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn warnings_are_told_once_and_are_in_the_result() {
    let bench = Bench::new();
    let (patcher, mut first) = (careless(&bench), bench.job("oci:out:new"));
    let heard = listen(&mut first);
    let (patched, _) = run(&patcher, &first).await.unwrap();
    three_are_not_verified(&patched.warnings);
    let mut told = heard.lock().unwrap().clone();
    let mut result = patched.warnings;
    told.sort();
    result.sort();
    assert_eq!(told, result);

    // There is nothing to do any more, and what was not checked is said all the same.
    let patcher = careless(&bench);
    let (from, to) = (bench.location("oci:out:new"), bench.location("oci:out:again"));
    let (unchanged, _) = run(&patcher, &job(&from, &to)).await.unwrap();
    assert!(!unchanged.is_changed());
    three_are_not_verified(&unchanged.warnings);
}

#[tokio::test(flavor = "multi_thread")]
async fn warnings_are_told_also_when_something_fails_later() {
    let (bench, mirror) = Bench::with_own_mirror();
    files(&mirror, "tzdata").iter().for_each(|deb| std::fs::remove_file(deb).unwrap());
    let (patcher, mut job) = (careless(&bench), bench.job("oci:out:new"));
    let heard = listen(&mut job);
    let error = run(&patcher, &job).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Network, "{error}");
    three_are_not_verified(&heard.lock().unwrap());
}

/// The repository itself fails after it has raised its warning.
#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_cannot_be_loaded_has_warned_before() {
    let (bench, mirror) = Bench::with_own_mirror();
    let is_index = |path: &&PathBuf| path.ancestors().any(|dir| dir.ends_with("binary-amd64"));
    let all = files(&mirror, "");
    all.iter().filter(is_index).for_each(|index| std::fs::remove_file(index).unwrap());
    let mut job = bench.job("oci:out:new");
    let heard = listen(&mut job);
    run(&careless(&bench), &job).await.unwrap_err();
    let heard = heard.lock().unwrap();
    assert!(heard.iter().any(|warning| warning.code == Code::Unsigned), "{heard:?}");
}
