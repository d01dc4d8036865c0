//! Bodies that are sent as streams.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Body, RequestBuilder, Response};
use tokio::time::{Instant, sleep_until};

use crate::error::Error;
use crate::http::address::network;
use crate::http::client::Http;
use crate::stream::ByteStream;

/// Larger pieces are cut, so that progress on a slow line is seen.
const PIECE: usize = 64 << 10;

/// Why an upload got no answer.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The content could not be read, or does not match its descriptor.
    Source(Error),
    /// The connection failed, or the server stopped reading.
    Line(Error),
}

impl Http {
    /// Sends a stream of exactly `length` bytes as the body of a request, once. There is no limit
    /// on the whole time, only on the time in which the server takes nothing.
    pub(crate) async fn upload(
        &self,
        request: RequestBuilder,
        length: u64,
        stream: ByteStream,
    ) -> Result<Response, Broken> {
        let progress = Arc::new(Progress::new());
        let body = Body::wrap_stream(Metered::new(stream, progress.clone()));
        // With a length the body is not sent chunked, which some registries refuse.
        let request = request.header(CONTENT_LENGTH, length).body(body);
        let (client, request) = request.build_split();
        let line = |url: Option<&url::Url>, e: reqwest::Error| network(url, e.without_url());
        let request = request.map_err(|e| Broken::Line(line(None, e)))?;
        let url = request.url().clone();
        let outcome = tokio::select! {
            answer = client.execute(request) => answer.map_err(|e| line(Some(&url), e)),
            () = progress.silence(self.patience()) => Err(self.silence(&url)),
        };
        match progress.failure() {
            Some(error) => Err(Broken::Source(Error::from_io("upload", error))),
            None => outcome.map_err(Broken::Line),
        }
    }
}

/// When a body last made progress, and why it failed.
#[derive(Debug)]
struct Progress(Mutex<State>);

#[derive(Debug)]
struct State {
    /// When the server last took a piece; `None` while the source has none to give.
    since: Option<Instant>,
    failure: Option<io::Error>,
}

impl Progress {
    fn new() -> Self {
        Self(Mutex::new(State { since: Some(Instant::now()), failure: None }))
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn failure(&self) -> Option<io::Error> {
        self.with(|state| state.failure.take())
    }

    /// Ends when the server has taken nothing for this long.
    async fn silence(&self, patience: Duration) {
        loop {
            let now = Instant::now();
            let since = self.with(|state| state.since).unwrap_or(now);
            if now.duration_since(since) >= patience {
                return;
            }
            sleep_until(since + patience).await;
        }
    }
}

/// A stream in small pieces that reports to `Progress` and leaves its failure there.
///
/// It is always one item behind: the last item is passed on only when the stream below has ended
/// well. So the server never gets all bytes of a body that turns out to be wrong.
struct Metered {
    inner: ByteStream,
    rest: Bytes,
    held: Option<Bytes>,
    ended: bool,
    progress: Arc<Progress>,
}

impl Metered {
    fn new(inner: ByteStream, progress: Arc<Progress>) -> Self {
        Self { inner, rest: Bytes::new(), held: None, ended: false, progress }
    }

    fn fail(&mut self, error: io::Error) -> io::Error {
        self.ended = true;
        self.progress.with(|state| state.failure = Some(error));
        io::Error::other("what was to be sent could not be read")
    }
}

impl Stream for Metered {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while this.rest.is_empty() {
            if this.ended {
                return Poll::Ready(None);
            }
            let item = this.inner.poll_next_unpin(cx);
            let since = item.is_ready().then(Instant::now);
            this.progress.with(|state| state.since = since);
            let next = match std::task::ready!(item) {
                Some(Ok(bytes)) => Some(bytes),
                Some(Err(error)) => return Poll::Ready(Some(Err(this.fail(error)))),
                None => None,
            };
            this.ended = next.is_none();
            this.rest = std::mem::replace(&mut this.held, next).unwrap_or_default();
        }
        this.progress.with(|state| state.since = Some(Instant::now()));
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        Poll::Ready(Some(Ok(piece)))
    }
}
