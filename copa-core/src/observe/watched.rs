//! The ports, decorated: bytes that pass are reported, and stop when the work is cancelled.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio_util::io::{ReaderStream, StreamReader};

use crate::logins::plain;
use crate::observe::event::Transfer;
use crate::observe::watch::Watch;
use crate::oci::{self, Blob, ByteStream, Descriptor, Location, Sink, Source};
use crate::pkg::{self, Body, Fetch};
use crate::url::Url;

/// A port, watched.
#[derive(Debug, Clone)]
pub(crate) struct Watched<T> {
    inner: T,
    watch: Watch,
    what: Transfer,
    /// What it is called, where one thing passes through the port.
    name: Option<String>,
}

impl<T> Watched<T> {
    pub(crate) fn new(inner: T, watch: &Watch, what: Transfer) -> Self {
        Self { inner, watch: watch.clone(), what, name: None }
    }

    /// The same, reported under this name.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    fn pass(
        &self,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        name: &str,
        total: Option<u64>,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let name = self.name.clone().unwrap_or_else(|| name.to_owned());
        let passing = Passing { watch: self.watch.clone(), what: self.what, name, done: 0, total };
        stream::unfold((Some(Box::pin(bytes)), passing), |(bytes, mut passing)| async move {
            let mut bytes = bytes?;
            match passing.next(&mut bytes).await {
                Some(Ok(piece)) => Some((Ok(piece), (Some(bytes), passing))),
                Some(Err(error)) => Some((Err(error), (None, passing))),
                None => None,
            }
        })
    }
}

struct Passing {
    watch: Watch,
    what: Transfer,
    name: String,
    done: u64,
    total: Option<u64>,
}

impl Passing {
    /// The next piece. Waiting for it ends when the work is cancelled, with an error of a kind
    /// that no reader tries again.
    async fn next(
        &mut self,
        bytes: &mut (impl Stream<Item = io::Result<Bytes>> + Unpin),
    ) -> Option<io::Result<Bytes>> {
        let piece = tokio::select! {
            biased;
            () = self.watch.cancel().cancelled() => return Some(Err(cancelled())),
            piece = bytes.next() => piece,
        };
        match &piece {
            Some(Ok(piece)) => self.done = self.done.saturating_add(piece.len() as u64),
            Some(Err(_)) => return piece,
            None => self.total = Some(self.done),
        }
        self.watch.moved(self.what, &self.name, self.done, self.total);
        piece
    }
}

fn cancelled() -> io::Error {
    io::Error::other("cancelled")
}

#[async_trait]
impl Source for Watched<Arc<dyn Source>> {
    fn location(&self) -> &Location {
        self.inner.location()
    }

    async fn resolve(&self, name: &str) -> oci::Result<Descriptor> {
        self.inner.resolve(name).await
    }

    async fn open_unverified(&self, content: &Descriptor) -> oci::Result<ByteStream> {
        let bytes = self.inner.open_unverified(content).await?;
        Ok(ByteStream::new(self.pass(bytes, content.digest.as_str(), Some(content.size))))
    }
}

#[async_trait]
impl Sink for Watched<Arc<dyn Sink>> {
    async fn contains(&self, content: &Descriptor) -> oci::Result<bool> {
        self.inner.contains(content).await
    }

    /// What comes from another place is reported as it passes, what is in memory when it is there.
    async fn put(&self, content: &Descriptor, blob: &Blob) -> oci::Result<()> {
        let name = content.digest.as_str();
        let blob = match blob {
            Blob::From(source) => {
                let source = Watched::new(Arc::clone(source), &self.watch, self.what);
                Blob::From(Arc::new(source))
            }
            other => other.clone(),
        };
        self.watch.moved(self.what, name, 0, Some(content.size));
        self.inner.put(content, &blob).await?;
        self.watch.moved(self.what, name, content.size, Some(content.size));
        Ok(())
    }

    async fn mount(&self, content: &Descriptor, from: &Location) -> oci::Result<bool> {
        self.inner.mount(content, from).await
    }

    async fn tag(&self, manifest: &Descriptor, bytes: &Bytes, name: &str) -> oci::Result<()> {
        self.inner.tag(manifest, bytes, name).await
    }
}

#[async_trait]
impl Fetch for Watched<Arc<dyn Fetch>> {
    async fn get(&self, url: &Url) -> pkg::Result<Body> {
        let body = self.inner.get(url).await?;
        let length = body.length;
        let bytes = ReaderStream::with_capacity(body.into_async_read(), 1 << 16);
        let bytes = self.pass(bytes, plain(url).as_str(), length);
        Ok(Body::new(length, StreamReader::new(Box::pin(bytes))))
    }
}
