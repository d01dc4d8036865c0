use std::io::Read;
use std::sync::Mutex;

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::*;
use crate::observe::watched::Watched;
use crate::oci::{self, ByteStream, Descriptor, Location, Source};
use crate::pkg::{self, Body, Fetch};
use crate::url::Url;

/// A place that sends two pieces of three bytes and then, perhaps, says nothing more.
#[derive(Debug)]
struct Place(Location, bool);

#[async_trait::async_trait]
impl Source for Place {
    fn location(&self) -> &Location {
        &self.0
    }

    async fn resolve(&self, _: &str) -> oci::Result<Descriptor> {
        Ok(Descriptor::of("a/b", b"abcdef"))
    }

    async fn open_unverified(&self, _: &Descriptor) -> oci::Result<ByteStream> {
        let pieces = stream::iter([Ok(Bytes::from("abc")), Ok(Bytes::from("def"))]);
        match self.1 {
            true => Ok(ByteStream::new(pieces.chain(stream::pending()))),
            false => Ok(ByteStream::new(pieces)),
        }
    }
}

#[async_trait::async_trait]
impl Fetch for Place {
    async fn get(&self, _: &Url) -> pkg::Result<Body> {
        Ok(Body::from_bytes("abcdef"))
    }
}

type Seen = Arc<Mutex<Vec<(Transfer, String, u64, Option<u64>)>>>;

fn watch() -> (Watch, Seen) {
    let seen = Seen::default();
    let list = Arc::clone(&seen);
    let observer = move |event: &Event<'_>| {
        if let Event::Moved { what, name, done, total } = *event {
            list.lock().unwrap().push((what, name.to_owned(), done, total));
        }
    };
    (Watch::new(Arc::new(observer), Cancel::new()), seen)
}

fn source(silent: bool, watch: &Watch) -> (Arc<dyn Source>, Descriptor) {
    let place: Arc<dyn Source> = Arc::new(Place("oci:x".parse().unwrap(), silent));
    (Arc::new(Watched::new(place, watch, Transfer::Blob)), Descriptor::of("a/b", b"abcdef"))
}

#[tokio::test]
async fn bytes_are_reported_as_they_pass() {
    let (watch, seen) = watch();
    let (source, content) = source(false, &watch);
    assert_eq!(source.bytes(&content, 10).await.unwrap(), "abcdef");
    let line = |done| (Transfer::Blob, content.digest.to_string(), done, Some(6));
    assert_eq!(*seen.lock().unwrap(), [line(3), line(6), line(6)]);
}

#[tokio::test]
async fn a_download_is_reported_under_its_name() {
    let (watch, seen) = watch();
    let place = || -> Arc<dyn Fetch> { Arc::new(Place("oci:x".parse().unwrap(), false)) };
    let fetch = Watched::new(place(), &watch, Transfer::Package);
    let url: Url = "http://mirror.invalid/a.deb".parse().unwrap();
    let body = fetch.named("a").get(&url).await.unwrap();
    assert_eq!(body.collect(&url, 10).await.unwrap(), "abcdef");
    let last = seen.lock().unwrap().last().cloned();
    assert_eq!(last, Some((Transfer::Package, "a".into(), 6, Some(6))));

    let fetch = Watched::new(place(), &watch, Transfer::Metadata);
    let url: Url = "http://me:secret@mirror.invalid/a".parse().unwrap();
    fetch.get(&url).await.unwrap().collect(&url, 10).await.unwrap();
    let last = seen.lock().unwrap().last().cloned();
    assert_eq!(last.map(|(_, name, ..)| name), Some("http://mirror.invalid/a".into()));
}

#[tokio::test]
async fn a_cancelled_stream_ends_in_an_error_that_no_reader_repeats() {
    let (watch, _) = watch();
    let (source, content) = source(true, &watch);
    let mut reader = source.open(&content).await.unwrap().into_read();
    let reading = tokio::task::spawn_blocking(move || {
        let mut all = Vec::new();
        reader.read_to_end(&mut all).map_err(|e| e.kind())
    });
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    watch.cancel().cancel();
    let kind = reading.await.unwrap().unwrap_err();
    assert_eq!(kind, std::io::ErrorKind::Other);
}

#[tokio::test]
async fn a_cancelled_stage_says_so_whatever_else_broke() {
    let (watch, _) = watch();
    let never = watch.stage(Stage::Open, std::future::pending::<Result<()>>());
    let (result, ()) = tokio::join!(never, async { watch.cancel().cancel() });
    assert!(matches!(result, Err(Error::Cancelled)));
    let broken = async { Err::<(), _>(Error::Report { reason: "is broken".into() }) };
    assert!(matches!(watch.stage(Stage::Open, broken).await, Err(Error::Cancelled)));
}

#[tokio::test]
async fn a_stage_that_fails_is_never_finished() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&seen);
    let observer = move |event: &Event<'_>| list.lock().unwrap().push(format!("{event:?}"));
    let watch = Watch::new(Arc::new(observer), Cancel::new());
    watch.stage(Stage::Open, async { Ok(()) }).await.unwrap();
    let broken = async { Err::<(), _>(Error::Report { reason: "is broken".into() }) };
    watch.stage(Stage::Plan, broken).await.unwrap_err();
    assert_eq!(*seen.lock().unwrap(), ["Started(Open)", "Finished(Open)", "Started(Plan)"]);
}
