//! Cancellation leaves nothing behind.

use std::sync::Arc;

use std::time::{Duration, Instant};

use copa_core::{Cancel, Error, Event, Options, Patcher, Stage, Transfer};

use crate::bench::{Bench, access};

/// Patches to this address, cancelled at the first event for which `at` says so.
async fn cancelled(
    (bench, options): (&Bench, Options),
    to: &str,
    at: impl Fn(&Event<'_>) -> bool + Send + Sync + 'static,
) {
    let cancel = Cancel::new();
    let switch = cancel.clone();
    let observer = move |event: &Event<'_>| {
        if at(event) {
            switch.cancel();
        }
    };
    let patcher =
        Patcher::new(access(), options).observe(Arc::new(observer)).cancel(cancel.clone());
    let result = bench.patch(&patcher, to).await;
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    assert!(cancel.is_cancelled());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_stage_can_be_cancelled_and_leaves_nothing() {
    let bench = Bench::new();
    let stages = [
        Stage::Open,
        Stage::Inspect,
        Stage::Load,
        Stage::Plan,
        Stage::Download,
        Stage::Build,
        Stage::Write,
    ];
    for stage in stages {
        let mut options = bench.options();
        options.cache_dir = Some(bench.path("cache"));
        let begins = move |event: &Event<'_>| *event == Event::Started(stage);
        cancelled((&bench, options), "oci-archive:out.tar:new", begins).await;
        nothing_left(&bench);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_transfer_can_be_cancelled_and_leaves_nothing() {
    let bench = Bench::new();
    for (transfer, to) in [
        (Transfer::Blob, "oci:out:new"),
        (Transfer::Metadata, "oci:out:new"),
        (Transfer::Package, "oci:out:new"),
        (Transfer::Upload, "oci:out:new"),
        (Transfer::Upload, "oci-archive:out.tar:new"),
    ] {
        let first = move |event: &Event<'_>| matches!(event, Event::Moved { what, done, .. } if *what == transfer && *done > 0);
        cancelled((&bench, bench.options()), to, first).await;
        nothing_left(&bench);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_says_nothing_holds_nobody_up() {
    let bench = Bench::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = bench.options();
    let mirror = format!("debian=http://{}/debian", silent.local_addr().unwrap());
    options.mirrors = vec![mirror.parse().unwrap()];
    let cancel = Cancel::new();
    let patcher = Patcher::new(access(), options).cancel(cancel.clone());
    let patch = bench.patch(&patcher, "oci:out:new");
    let stop = async {
        // Asked, and left without an answer.
        let asked = tokio::task::spawn_blocking(move || silent.accept().map(|(s, _)| (silent, s)));
        let held = asked.await.unwrap().unwrap();
        cancel.cancel();
        (held, Instant::now())
    };
    let (result, (_held, since)) = tokio::join!(patch, stop);
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
}

/// No archive, in whole or in part, and no layout that names an image.
fn nothing_left(bench: &Bench) {
    let index = bench.path("out/index.json");
    let text = std::fs::read_to_string(index).unwrap_or_default();
    assert!(!text.contains("sha256:"), "{text}");
    let left = bench.path("").read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name != "out" && name != "cache").collect();
    assert_eq!(left, Vec::<std::ffi::OsString>::new());
}
