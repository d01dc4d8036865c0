//! Downloads: conditional requests, and streams that continue where they broke off.

use std::fmt;
use std::sync::Arc;

use reqwest::StatusCode;
use reqwest::header::{
    ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    LAST_MODIFIED, RANGE,
};
use url::Url;

use crate::error::Result;
use crate::http::body::{Reopen, pieces, resumable};
use crate::http::client::Http;
use crate::http::refusal::Refusal;
use crate::stream::ByteStream;

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
        // A condition that cannot be sent is left out: then the server sends the whole resource.
        let value = |text: &Option<String>| HeaderValue::from_str(text.as_deref()?).ok();
        conditions.into_iter().filter_map(|(name, text)| Some((name, value(text)?))).collect()
    }
}

/// A successful answer: the resource, or the statement that it has not changed.
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

    /// Whether the copy that the request named is still current; then there is no body.
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

    /// The length of the body in bytes, when the server names it. It is not checked.
    pub fn content_length(&self) -> Option<u64> {
        self.length
    }

    /// The body. When it breaks off, it is resumed where the server supports that.
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

impl Http {
    /// Asks for a resource, again after a failure that may pass, and gives its body as a stream
    /// that is resumed where it broke off.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) for the statuses 404 and 410,
    /// [`Error::Registry`](crate::Error::Registry) for other refusals,
    /// [`Error::Network`](crate::Error::Network) when no answer came.
    pub async fn get(&self, request: Get) -> Result<Response> {
        get(self, request).await
    }
}

async fn get(http: &Http, request: Get) -> Result<Response> {
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

/// The validator for `If-Range`, a strong `ETag` or else `Last-Modified`: it ensures that a resumed
/// body belongs to the same version of the resource.
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

#[cfg(test)]
#[path = "tests/get.rs"]
mod tests;
