//! Uploads of blobs: in one request where the registry accepts that, else in chunks.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Method, Response, StatusCode};
use tokio::time::timeout;
use url::Url;

use crate::error::{Error, Result};
use crate::http::address::origin;
use crate::http::refusal::Refusal;
use crate::http::upload::Broken;
use crate::registry::answer::confirm;
use crate::registry::scope::Scope;
use crate::registry::session::{Session, authorized};
use crate::spec::descriptor::Descriptor;
use crate::store::blob::Blob;
use crate::stream::ByteStream;

/// The length of a chunk: some registries take no more in one request.
const CHUNK: usize = 4 << 20;
/// A registry that insists on larger chunks than this is not served.
const LARGEST_CHUNK: usize = 64 << 20;
/// How long the registry may take to cancel an upload.
const ABANDON: Duration = Duration::from_secs(2);

/// An upload that the registry has opened.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    location: Url,
    chunk: usize,
}

impl Opened {
    /// Reads the answer that opens an upload.
    pub(super) fn read(answer: &Response) -> Result<Self> {
        let least = answer.headers().get("OCI-Chunk-Min-Length").and_then(|v| v.to_str().ok());
        let least: usize = least.and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(Self { location: location(answer)?, chunk: least.clamp(CHUNK, LARGEST_CHUNK) })
    }
}

/// One blob on its way to one repository.
pub(super) struct Upload<'a> {
    pub(super) session: &'a Session,
    pub(super) scope: Scope,
    pub(super) content: &'a Descriptor,
    pub(super) blob: &'a Blob,
}

/// Why an attempt failed, sorted by what may help.
enum Failure {
    /// No further attempt helps.
    Final(Error),
    /// Another attempt may help after this delay; without one, there were enough attempts.
    Passing(Error, Option<Duration>),
    /// Another attempt helps, with the token that the challenge was noted for.
    Expired(Error),
    /// The body is too long for one request: chunks may help.
    TooLong(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

/// One request of an upload.
struct Part {
    method: Method,
    url: Url,
    range: Option<String>,
    length: u64,
    body: ByteStream,
}

impl Upload<'_> {
    /// Uploads, and starts again when an attempt breaks off or is refused for a while.
    pub(super) async fn run(&self, mut opened: Option<Opened>) -> Result<()> {
        let (mut attempt, mut renewed, mut chunked) = (0, false, false);
        loop {
            let upload = match opened.take() {
                Some(opened) => opened,
                None => self.open().await?,
            };
            let sent = match chunked {
                true => self.send_chunks(&upload, attempt).await,
                false => self.send_whole(&upload, attempt).await,
            };
            let Err(failure) = sent else { return Ok(()) };
            self.abandon(&upload).await;
            match failure {
                Failure::Expired(_) if !renewed => renewed = true,
                Failure::TooLong(_) if !chunked => chunked = true,
                Failure::Passing(_, Some(delay)) => {
                    tokio::time::sleep(delay).await;
                    attempt += 1;
                    // A long body that was cut off twice may get through in chunks.
                    chunked |= attempt > 1 && self.content.size > CHUNK as u64;
                }
                Failure::Final(error)
                | Failure::Passing(error, None)
                | Failure::Expired(error)
                | Failure::TooLong(error) => return Err(error),
            }
        }
    }

    #[cfg(test)]
    pub(super) async fn run_in_chunks(&self) -> Result<()> {
        match self.send_chunks(&self.open().await?, 0).await {
            Ok(()) => Ok(()),
            Err(
                Failure::Final(error)
                | Failure::Passing(error, _)
                | Failure::Expired(error)
                | Failure::TooLong(error),
            ) => Err(error),
        }
    }

    async fn open(&self) -> Result<Opened> {
        let url = self.session.url("blobs/uploads/").await?;
        let empty = |request: reqwest::RequestBuilder| request.header(CONTENT_LENGTH, 0);
        let answer = self.session.send(&self.scope, Method::POST, &url, empty).await?;
        Opened::read(&self.session.accept(&self.scope, "POST", answer).await?)
    }

    async fn send_whole(&self, upload: &Opened, attempt: u32) -> Result<(), Failure> {
        let body = self.blob.open(self.content).await?;
        let url = self.closing(&upload.location);
        let length = self.content.size;
        let part = Part { method: Method::PUT, url, range: None, length, body };
        let answer = self.send(part, attempt).await?;
        Ok(confirm(&answer, &self.content.digest)?)
    }

    async fn send_chunks(&self, upload: &Opened, attempt: u32) -> Result<(), Failure> {
        let mut chunks = Chunks::new(self.blob.open(self.content).await?, upload.chunk);
        let (mut url, mut sent) = (upload.location.clone(), 0_u64);
        while let Some(chunk) = chunks.next().await? {
            let length = chunk.len() as u64;
            let end = sent.saturating_add(length);
            let range = Some(format!("{sent}-{}", end.saturating_sub(1)));
            let body = ByteStream::once(chunk);
            let part = Part { method: Method::PATCH, url, range, length, body };
            url = location(&self.send(part, attempt).await?)?;
            sent = end;
        }
        let (url, body) = (self.closing(&url), ByteStream::once(Bytes::new()));
        let part = Part { method: Method::PUT, url, range: None, length: 0, body };
        let answer = self.send(part, attempt).await?;
        Ok(confirm(&answer, &self.content.digest)?)
    }

    /// The address that ends an upload.
    fn closing(&self, location: &Url) -> Url {
        let mut url = location.clone();
        url.query_pairs_mut().append_pair("digest", self.content.digest.as_str());
        url
    }

    async fn send(&self, part: Part, attempt: u32) -> Result<Response, Failure> {
        let used = self.session.authorization(&self.scope, &part.url).await?;
        let method = if part.method == Method::PUT { "PUT" } else { "PATCH" };
        let request = self.session.http.client().request(part.method, part.url);
        let request = request.header(CONTENT_TYPE, "application/octet-stream");
        let request =
            part.range.into_iter().fold(request, |r, range| r.header(CONTENT_RANGE, range));
        let request = authorized(request, used.as_ref());
        let outcome = match self.session.http.upload(request, part.length, part.body).await {
            Ok(answer) if answer.status().is_success() => return Ok(answer),
            Ok(answer) => Ok(answer),
            Err(Broken::Source(error)) => return Err(Failure::Final(error)),
            Err(Broken::Line(error)) => Err(error),
        };
        let delay = self.session.http.delay(&outcome, attempt);
        match outcome {
            Ok(answer) => Err(self.judge(method, answer, (delay, attempt), used).await),
            Err(error) => Err(Failure::Passing(error, delay)),
        }
    }

    /// Decides what may help against a refusal.
    async fn judge(
        &self,
        method: &'static str,
        answer: Response,
        (delay, attempt): (Option<Duration>, u32),
        used: Option<HeaderValue>,
    ) -> Failure {
        let (status, headers) = (answer.status(), answer.headers().clone());
        let refusal = Refusal::read(&self.session.http, method, answer).await;
        if status == StatusCode::UNAUTHORIZED {
            let renewed =
                self.session.challenged(&self.scope, &headers, used.as_ref(), refusal.reason());
            return match renewed.await {
                Ok(()) => Failure::Expired(self.session.refused(&self.scope, refusal)),
                Err(error) => Failure::Final(error),
            };
        }
        let chunks = wants_chunks(&refusal);
        let lost = refusal.code == "BLOB_UPLOAD_UNKNOWN";
        let error = self.session.refused(&self.scope, refusal);
        match () {
            () if delay.is_some() => Failure::Passing(error, delay),
            () if lost => Failure::Passing(error, self.session.http.pause(attempt)),
            () if chunks => Failure::TooLong(error),
            () => Failure::Final(error),
        }
    }

    /// Cancels an upload. The registry expires it in the end, so a failure does not matter.
    async fn abandon(&self, upload: &Opened) {
        let Ok(header) = self.session.authorization(&self.scope, &upload.location).await else {
            return;
        };
        let request = self.session.http.client().delete(upload.location.clone());
        let outcome = self.session.http.once(authorized(request, header.as_ref()));
        let _ = timeout(ABANDON, outcome).await;
    }
}

/// Whether a refusal is one of a long body, as registries and the proxies before them word it.
fn wants_chunks(refusal: &Refusal) -> bool {
    matches!(refusal.status, 405 | 411 | 413 | 415 | 501)
        || (refusal.status == 400
            && matches!(refusal.code.as_str(), "BLOB_UPLOAD_INVALID" | "SIZE_INVALID"))
}

/// The address at which an upload continues. It may be relative, and its query is part of it.
fn location(answer: &Response) -> Result<Url> {
    let corrupt = |reason: &str| Error::Corrupt {
        what: format!("answer of {}", origin(answer.url())),
        reason: reason.into(),
    };
    let text = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let text = text.ok_or_else(|| corrupt("it names no place for the upload"))?;
    let mut url = answer.url().join(text).map_err(|_| corrupt("its Location is no address"))?;
    // Registries behind a proxy that ends TLS do not always know that they are.
    if answer.url().scheme() == "https" && url.scheme() == "http" {
        let same = url.host_str() == answer.url().host_str();
        let moved = same && url.set_scheme("https").is_ok();
        return moved.then_some(url).ok_or_else(|| corrupt("it sends the upload away from TLS"));
    }
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(corrupt("its Location is no address")),
    }
}

/// A stream cut into chunks of one length.
struct Chunks {
    stream: ByteStream,
    rest: BytesMut,
    length: usize,
}

impl Chunks {
    fn new(stream: ByteStream, length: usize) -> Self {
        Self { stream, rest: BytesMut::new(), length }
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.rest.len() < self.length {
            match self.stream.try_next().await.map_err(|e| Error::from_io("upload", e))? {
                Some(piece) => self.rest.extend_from_slice(&piece),
                None => break,
            }
        }
        let chunk = self.rest.split_to(self.rest.len().min(self.length)).freeze();
        Ok(Some(chunk).filter(|chunk| !chunk.is_empty()))
    }
}
