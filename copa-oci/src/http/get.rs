//! Downloads: conditional requests, and streams that continue where they broke off.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, Stream, TryStreamExt};
use reqwest::header::{
    CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_RANGE, LAST_MODIFIED, RANGE,
};
use reqwest::{Response as Answer, StatusCode};
use tokio::time::timeout;
use url::Url;

use super::{Http, Refusal, network, retry};
use crate::{ByteStream, Error, Result};

/// A request for a resource, perhaps only if it has changed.
#[derive(Debug, Clone)]
pub struct Get {
    /// The address. A user and a password in it are sent as basic authentication.
    pub url: Url,
    /// The `ETag` of a copy that is here already.
    pub if_none_match: Option<String>,
    /// The `Last-Modified` of a copy that is here already.
    pub if_modified_since: Option<String>,
}

impl Get {
    /// A request without conditions.
    pub fn new(url: Url) -> Self {
        Self { url, if_none_match: None, if_modified_since: None }
    }

    fn headers(&self) -> HeaderMap {
        let conditions =
            [(IF_NONE_MATCH, &self.if_none_match), (IF_MODIFIED_SINCE, &self.if_modified_since)];
        // A condition that cannot be sent is left out: then the whole thing comes.
        let value = |text: &Option<String>| HeaderValue::from_str(text.as_deref()?).ok();
        conditions.into_iter().filter_map(|(name, text)| Some((name, value(text)?))).collect()
    }
}

/// An answer that is no refusal: the resource, or the word that it has not changed.
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    length: Option<u64>,
    body: ByteStream,
}

impl Response {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Whether the copy that the request named is still good; then there is no body.
    pub fn not_modified(&self) -> bool {
        self.status == StatusCode::NOT_MODIFIED
    }

    /// The `ETag` header, for the next conditional request.
    pub fn etag(&self) -> Option<&str> {
        self.header(ETAG)
    }

    /// The `Last-Modified` header, for the next conditional request.
    pub fn last_modified(&self) -> Option<&str> {
        self.header(LAST_MODIFIED)
    }

    /// The length of the body in bytes, when the other side said so. Not to be trusted.
    pub fn content_length(&self) -> Option<u64> {
        self.length
    }

    /// The body. It continues by itself when it breaks off and the other side can do that.
    pub fn into_stream(self) -> ByteStream {
        self.body
    }

    fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

pub(super) async fn get(http: &Http, request: Get) -> Result<Response> {
    let headers = request.headers();
    let answer =
        http.send(|client| client.get(request.url.clone()).headers(headers.clone())).await?;
    if !answer.status().is_success() && answer.status() != StatusCode::NOT_MODIFIED {
        return Err(Refusal::read(http, "GET", answer).await.into_error());
    }
    let (status, headers) = (answer.status(), answer.headers().clone());
    let length = answer.content_length();
    let body = match validator(&headers) {
        Some(validator) => resumable(http.clone(), answer, reopen(http, request.url, validator)),
        None => ByteStream::new(pieces(http.clone(), answer)),
    };
    Ok(Response { status, headers, length, body })
}

/// What makes sure that the rest is the rest of the same thing: a strong `ETag`, or the date.
fn validator(headers: &HeaderMap) -> Option<HeaderValue> {
    let strong = headers.get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/"));
    strong.or(headers.get(LAST_MODIFIED)).cloned()
}

fn reopen(http: &Http, url: Url, validator: HeaderValue) -> Reopen {
    let http = http.clone();
    Arc::new(move |offset| {
        let (http, url, validator) = (http.clone(), url.clone(), validator.clone());
        Box::pin(async move {
            let range = format!("bytes={offset}-");
            let request = http.client().get(url).header(RANGE, range).header(IF_RANGE, validator);
            http.once(request).await
        })
    })
}

/// Asks for the same thing from this byte on.
pub(crate) type Reopen = Arc<dyn Fn(u64) -> BoxFuture<'static, Result<Answer>> + Send + Sync>;

struct Download {
    http: Http,
    answer: Answer,
    reopen: Reopen,
    offset: u64,
    attempt: u32,
}

/// The body of an answer; where it breaks off it is asked for from there on.
pub(crate) fn resumable(http: Http, answer: Answer, reopen: Reopen) -> ByteStream {
    let download = Download { http, answer, reopen, offset: 0, attempt: 0 };
    ByteStream::new(stream::try_unfold(download, |mut download| async move {
        let piece = download.next().await.map_err(Error::into_io)?;
        Ok::<_, io::Error>(piece.map(|piece| (piece, download)))
    }))
}

impl Download {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            match piece(&self.http, &mut self.answer).await {
                Ok(Some(piece)) => {
                    self.offset = self.offset.saturating_add(piece.len() as u64);
                    return Ok(Some(piece));
                }
                Ok(None) => return Ok(None),
                Err(broken) => self.resume(broken).await?,
            }
        }
    }

    /// Gets an answer that continues, or gives back what broke the last one.
    async fn resume(&mut self, broken: Error) -> Result<()> {
        let broken = Err(broken);
        while let Some(delay) = self.http.delay(&broken, self.attempt) {
            tokio::time::sleep(delay).await;
            self.attempt += 1;
            match (self.reopen)(self.offset).await {
                Ok(answer) if continues(&answer, self.offset) => {
                    self.answer = answer;
                    return Ok(());
                }
                Err(error) if retry::may_pass(&error) => {}
                _ => break,
            }
        }
        broken.map(|_: Answer| ())
    }
}

/// Whether the answer is the part that was asked for.
fn continues(answer: &Answer, offset: u64) -> bool {
    let range = answer.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    answer.status() == StatusCode::PARTIAL_CONTENT
        && range.is_some_and(|range| range.starts_with(&format!("bytes {offset}-")))
}

/// The pieces of a body, each within the time that a silent side is given.
pub(crate) fn pieces(http: Http, answer: Answer) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold((http, answer), |(http, mut answer)| async move {
        let piece = piece(&http, &mut answer).await?;
        Ok(piece.map(|piece| (piece, (http, answer))))
    })
    .map_err(Error::into_io)
}

async fn piece(http: &Http, answer: &mut Answer) -> Result<Option<Bytes>> {
    match timeout(http.patience(), answer.chunk()).await {
        Ok(piece) => piece.map_err(|e| network(Some(answer.url()), e.without_url())),
        Err(_) => Err(http.silence(answer.url())),
    }
}
