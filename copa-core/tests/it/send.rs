//! All futures of the interface can be spawned: an embedder runs several jobs on one runtime.

use copa_core::pkg::{Request, UpdatePlan};
use copa_core::{Inspected, Job, Opened, Output, Patched, Patcher};

fn spawnable<F: Future + Send>(future: F) -> F {
    future
}

/// Never called: that it compiles is the test.
#[expect(dead_code, reason = "that it compiles is the test")]
async fn all_futures_are_send(patcher: Patcher, job: Job, opened: Opened, plan: UpdatePlan) {
    let inspected: Inspected = spawnable(patcher.inspect(opened)).await.unwrap();
    let patched: Patched = spawnable(patcher.apply(&inspected, plan)).await.unwrap();
    let to = Output::from(opened_at(&inspected));
    let _ = spawnable(patcher.open(&job)).await;
    let _ = spawnable(patcher.plan(&inspected, &Request::Everything)).await;
    let _ = spawnable(patcher.write(&patched, &to)).await;
    let _ = tokio::spawn(async move { patcher.patch(&job).await }).await;
}

fn opened_at(inspected: &Inspected) -> copa_core::oci::Location {
    inspected.opened.location.clone()
}
