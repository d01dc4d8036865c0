//! All futures of the interface can be spawned: an embedder runs several jobs on one runtime.

use copa_core::oci::Location;
use copa_core::pkg::{Request, UpdatePlan};
use copa_core::{Inspected, Opened, Patched, Patcher, Report};

fn spawnable<F: Future + Send>(future: F) -> F {
    future
}

/// Never called: that it compiles is the test.
#[expect(dead_code, reason = "that it compiles is the test")]
async fn all_futures_are_send(
    patcher: &'static Patcher,
    place: &'static Location,
    opened: Opened,
    inspected: &'static Inspected,
    plan: UpdatePlan,
    patched: &'static Patched,
    report: &'static Report,
) {
    let request: &'static Request = &Request::Everything;
    let _ = spawnable(patcher.patch(place, Some(report), place)).await;
    let _ = spawnable(patcher.open(place)).await;
    let _ = spawnable(patcher.inspect(opened)).await;
    let _ = spawnable(patcher.plan(inspected, request)).await;
    let _ = spawnable(patcher.apply(inspected, plan)).await;
    let _ = spawnable(patcher.write(patched, place)).await;
}
