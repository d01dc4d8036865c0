//! One patcher for several jobs: what one has loaded, the others do not load again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use copa_core::oci::{self, Blob, Descriptor, Location, Sink, Source};
use copa_core::pkg::{self, Body, Fetch};
use copa_core::url::Url;
use copa_core::{Input, Job, Output, Patcher};

use crate::bench::{Bench, access, image};

/// Reads `file:` addresses and counts how often each is asked for.
#[derive(Debug, Default)]
struct Counted(Mutex<BTreeMap<String, usize>>);

#[async_trait]
impl Fetch for Counted {
    async fn get(&self, url: &Url) -> pkg::Result<Body> {
        *self.0.lock().unwrap().entry(url.path().to_owned()).or_default() += 1;
        match std::fs::read(url.to_file_path().unwrap()) {
            Ok(bytes) => Ok(Body::from_bytes(bytes)),
            Err(_) => Err(pkg::Error::NotFound { url: url.clone() }),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_at_the_same_time_load_a_catalog_once() {
    let bench = Bench::new();
    let fetch = Arc::new(Counted::default());
    let patcher = Patcher::new(access(), bench.config()).with_fetch(fetch.clone());
    let jobs = ["oci:out:a", "oci:other:b"].map(|to| bench.job(to));
    let [first, second] = jobs.map(|job| {
        let patcher = patcher.clone();
        tokio::spawn(async move { patcher.patch(&job).await })
    });
    let (first, second) = (first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
    assert_eq!(first.patched.plan, second.patched.plan);
    let manifest = |image: &oci::Image| image.descriptor().clone();
    assert_eq!(manifest(&first.patched.image), manifest(&second.patched.image));
    let asked = fetch.0.lock().unwrap();
    let of_metadata: Vec<_> = asked.iter().filter(|(path, _)| path.contains("/dists/")).collect();
    assert!(
        of_metadata.len() > 2 && of_metadata.iter().all(|(_, count)| **count == 1),
        "{asked:?}"
    );
}

/// A place of the caller's own.
#[derive(Debug, Default)]
struct Shelf {
    blobs: Mutex<Vec<Descriptor>>,
    names: Mutex<Vec<String>>,
}

#[async_trait]
impl Sink for Shelf {
    async fn contains(&self, _: &Descriptor) -> oci::Result<bool> {
        Ok(false)
    }

    async fn put(&self, content: &Descriptor, _: &Blob) -> oci::Result<()> {
        self.blobs.lock().unwrap().push(content.clone());
        Ok(())
    }

    async fn tag(&self, _: &Descriptor, _: &Bytes, name: &str) -> oci::Result<()> {
        self.names.lock().unwrap().push(name.to_owned());
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn images_come_from_and_go_to_places_of_the_callers_own() {
    let bench = Bench::new();
    let location: Location = image();
    let source: Arc<dyn Source> = location.source(&access()).await.unwrap();
    let shelf = Arc::new(Shelf::default());
    let mut job = Job::new(Input::Source(source, location.name().to_owned()));
    job.to.push(Output::Sink(shelf.clone(), "mine".into()));
    let delivered = bench.patcher().patch(&job).await.unwrap();
    assert_eq!(*shelf.names.lock().unwrap(), ["mine"]);
    let layers = delivered.patched.image.layers().len();
    assert_eq!(shelf.blobs.lock().unwrap().len(), layers + 1, "the layers and the configuration");
}
