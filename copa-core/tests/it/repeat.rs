//! The result is a function of its input.

use std::collections::BTreeSet;

use copa_core::{Job, Patcher};

use crate::bench::{Bench, access, image, job, run};

#[tokio::test(flavor = "multi_thread")]
async fn jobs_cache_time_and_place_do_not_change_the_digest() {
    let bench = Bench::new();
    let mut digests = BTreeSet::new();
    for (jobs, cached, now) in [
        (1, false, "2026-11-23T18:00:00Z"),
        (8, false, "2026-12-31T00:00:00Z"),
        (8, true, "2026-11-23T18:00:00Z"),
        (1, true, "2026-11-24T18:00:00Z"),
    ] {
        let mut config = bench.config();
        config.jobs = jobs;
        config.now = now.parse().unwrap();
        config.cache_dir = cached.then(|| bench.path("cache"));
        let patcher = Patcher::new(access(), config);
        let (_, written) = bench.patch(&patcher, "oci:out:new").await.unwrap();
        digests.insert(written.manifest.digest);
    }
    let patcher = bench.patcher();
    let copy = bench.location("oci:copy:old");
    let opened = patcher.open(&Job::new(image())).await.unwrap();
    let sink = copy.sink(&access()).await.unwrap();
    opened.image.write_to(&*sink, copy.name(), 4).await.unwrap();
    let to = bench.location("oci-archive:out.tar:new");
    let (_, written) = run(&patcher, &job(&copy, &to)).await.unwrap();
    digests.insert(written.manifest.digest);
    assert_eq!(digests.len(), 1, "{digests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_cache_streams_no_layer() {
    use copa_core::{Event, Transfer};
    let bench = Bench::new();
    let mut config = bench.config();
    config.cache_dir = Some(bench.path("cache"));
    let mut streamed = Vec::new();
    for _ in 0..2 {
        let count = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let counted = std::sync::Arc::clone(&count);
        let observer = move |event: &Event<'_>| {
            if let Event::Moved { what: Transfer::Blob, done, total: Some(total), .. } = event
                && done == total
            {
                counted.fetch_add(*total, std::sync::atomic::Ordering::Relaxed);
            }
        };
        let patcher = Patcher::new(access(), config.clone());
        let mut job = Job::new(image());
        job.observer = std::sync::Arc::new(observer);
        let opened = patcher.open(&job).await.unwrap();
        patcher.inspect(opened).await.unwrap();
        streamed.push(count.load(std::sync::atomic::Ordering::Relaxed));
    }
    assert!(streamed[0] > 1 << 20, "{streamed:?}");
    assert!(streamed[1] < 1 << 16, "{streamed:?}");
}
