//! Two jobs at the same time on one `Patcher`, with a way to packages of our own; one of them is
//! cancelled after its plan was read.
//!
//! It works offline, on the image and the mirror of the quick start: `cargo run` in this directory.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use copa_core::async_trait::async_trait;
use copa_core::jiff::Timestamp;
use copa_core::oci::{Access, Location};
use copa_core::pkg::{self, Body, Fetch, Mirror, Request};
use copa_core::url::Url;
use copa_core::{Cancel, Config, Job, Patcher};

/// Packages out of our own store: here a directory, which `https://packages.invalid/` stands for.
#[derive(Debug)]
struct Store {
    directory: PathBuf,
    asked: AtomicUsize,
}

#[async_trait]
impl Fetch for Store {
    async fn get(&self, url: &Url) -> pkg::Result<Body> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match std::fs::read(self.directory.join(url.path().trim_start_matches('/'))) {
            Ok(bytes) => Ok(Body::from_bytes(bytes)),
            Err(_) => Err(pkg::Error::NotFound { url: url.clone() }),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let quickstart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../testdata/quickstart");
    let directory = quickstart.join("mirror");
    let mut config = Config::new(Timestamp::now());
    config.keyring = Some(std::fs::read(directory.join("archive-key.asc"))?.into());
    for name in ["debian", "debian-security"] {
        config.mirrors.push(format!("{name}=https://packages.invalid/{name}").parse::<Mirror>()?);
    }
    let store = Arc::new(Store { directory, asked: AtomicUsize::new(0) });
    let patcher = Patcher::new(Access::anonymous()?, config).with_fetch(store.clone());

    let scratch = std::env::temp_dir().join(format!("embedder-{}", std::process::id()));
    let from: Location = format!("oci-archive:{}/image.tar", quickstart.display()).parse()?;
    let to: Location = format!("oci:{}:patched", scratch.display()).parse()?;

    let mut first = Job::new(from.clone());
    first.to.push(to.into());
    let patching = tokio::spawn({
        let patcher = patcher.clone();
        async move { patcher.patch(&first).await }
    });

    let mut second = Job::new(from);
    second.cancel = Cancel::new();
    let looking = tokio::spawn(async move {
        let inspected = patcher.inspect(patcher.open(&second).await?).await?;
        let planned = patcher.plan(&inspected, &Request::Everything).await?;
        let plan = serde_json::to_string(&planned.plan).unwrap_or_default();
        second.cancel.cancel();
        let applied = patcher.apply(&inspected, planned.plan.clone()).await;
        Ok::<_, copa_core::Error>((planned.plan, plan.len(), applied.is_err()))
    });

    let delivered = patching.await??;
    let (plan, length, was_cancelled) = looking.await??;
    let _ = std::fs::remove_dir_all(&scratch);
    println!("{} updates written, {}", plan.updates.len(), delivered.written[0].manifest.digest);
    println!("the plan is {length} bytes of JSON; the second job was cancelled: {was_cancelled}");
    println!("the store was asked {} times", store.asked.load(Ordering::Relaxed));
    assert!(was_cancelled && delivered.patched.plan == plan);
    // Both jobs load the same indexes, and they are loaded once.
    assert!(store.asked.load(Ordering::Relaxed) < 2 * 6 + plan.updates.len());
    Ok(())
}
