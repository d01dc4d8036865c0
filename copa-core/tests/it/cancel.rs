//! Cancellation leaves nothing behind.

use std::sync::Arc;

use copa_core::{Cancel, Error, Event, Stage, Transfer};

use crate::bench::{Bench, run};

/// Patches to this address, cancelled at the first event for which `at` says so.
async fn cancelled(
    bench: &Bench,
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
    let mut job = bench.job(to);
    (job.observer, job.cancel) = (Arc::new(observer), cancel.clone());
    let result = run(&bench.patcher(), &job).await;
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
        cancelled(&bench, "oci-archive:out.tar:new", move |event| *event == Event::Started(stage))
            .await;
        nothing_left(&bench);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_transfer_can_be_cancelled_and_leaves_nothing() {
    let bench = Bench::new();
    let transfers = [Transfer::Blob, Transfer::Metadata, Transfer::Package, Transfer::Upload];
    for transfer in transfers {
        for to in ["oci:out:new", "oci-archive:out.tar:new"] {
            let first = move |event: &Event<'_>| matches!(event, Event::Moved { what, done, .. } if *what == transfer && *done > 0);
            cancelled(&bench, to, first).await;
            nothing_left(&bench);
        }
    }
}

/// No archive, in whole or in part, and no layout that names an image.
fn nothing_left(bench: &Bench) {
    let index = bench.path("out/index.json");
    let text = std::fs::read_to_string(index).unwrap_or_default();
    assert!(!text.contains("sha256:"), "{text}");
    let left = bench.path("").read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name != "out").collect();
    assert_eq!(left, Vec::<std::ffi::OsString>::new());
}
