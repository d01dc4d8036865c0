//! Bytes behind an address: the port of copa-pkg, over HTTP and from local folders.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio_util::io::StreamReader;
use url::Url;

use crate::logins::{Logins, plain};
use crate::oci::{self, Get, Http, Response};
use crate::pkg::{Body, Cache, Error, Fetch, Result, recall, remember};

/// The largest document that is revalidated: 16 MiB. A distribution's InRelease has 0.2.
const LARGEST: u64 = 16 << 20;

/// Fetches over `http:`, `https:` and from `file:` folders.
///
/// Documents that change in place (`InRelease`, `Release`, `Release.gpg`) are kept in the cache
/// and asked for again on condition that they have changed.
#[derive(Debug, Clone)]
pub struct HttpFetch {
    http: Http,
    cache: Arc<dyn Cache>,
    logins: Logins,
}

impl HttpFetch {
    /// Fetches through this client and remembers in this cache.
    pub fn new(http: Http, cache: Arc<dyn Cache>) -> Self {
        Self { http, cache, logins: Logins::default() }
    }

    /// The same, known to these mirrors.
    pub(crate) fn known_by(self, logins: &Logins) -> Self {
        Self { logins: logins.clone(), ..self }
    }

    async fn over_http(&self, url: &Url) -> Result<Body> {
        if changes_in_place(url) {
            return self.revalidated(url).await.map(Body::from_bytes);
        }
        let response = self.ask(url, None).await?;
        Ok(Body::new(response.content_length(), StreamReader::new(response.into_stream())))
    }

    async fn ask(&self, url: &Url, copy: Option<&Copy>) -> Result<Response> {
        let mut request = Get::new(self.logins.put_into(url));
        if let Some(copy) = copy {
            request.if_none_match = copy.etag.clone();
            request.if_modified_since = copy.last_modified.clone();
        }
        self.http.get(request).await.map_err(|e| failed(url, e))
    }

    /// The document as it is now: from the cache when the other side says that it is still that.
    async fn revalidated(&self, url: &Url) -> Result<Bytes> {
        let key = format!("http 1 {url}");
        let copy = recall(&self.cache, key.clone(), |bytes| Copy::read(&bytes)).await;
        let response = self.ask(url, copy.as_ref().map(|(copy, _)| copy)).await?;
        if let Some((_, body)) = copy.filter(|_| response.not_modified()) {
            return Ok(body);
        }
        let copy = Copy::of(&response);
        let what = plain(url).to_string();
        let body = response.into_stream().collect(&what, LARGEST).await;
        let body = body.map_err(|e| failed(url, e))?;
        if copy.can_be_revalidated() {
            remember(&self.cache, key, copy.written(&body)).await;
        }
        Ok(body)
    }
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn get(&self, url: &Url) -> Result<Body> {
        match url.scheme() {
            "http" | "https" => self.over_http(url).await,
            "file" => from_file(url).await,
            _ => Err(unusable(url, "it is none of http, https and file")),
        }
    }
}

/// What is needed to ask whether a copy is still good. It stands before the copy, on a line.
#[derive(Debug, Serialize, Deserialize)]
struct Copy {
    etag: Option<String>,
    last_modified: Option<String>,
}

impl Copy {
    fn of(response: &Response) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self { etag: owned(response.etag()), last_modified: owned(response.last_modified()) }
    }

    fn can_be_revalidated(&self) -> bool {
        self.etag.is_some() || self.last_modified.is_some()
    }

    fn read(cached: &Bytes) -> Option<(Self, Bytes)> {
        let line = cached.iter().position(|&b| b == b'\n')?;
        let copy = serde_json::from_slice(cached.get(..line)?).ok()?;
        Some((copy, cached.slice(line + 1..)))
    }

    fn written(&self, body: &[u8]) -> Vec<u8> {
        let mut all = serde_json::json!(self).to_string().into_bytes();
        all.push(b'\n');
        all.extend_from_slice(body);
        all
    }
}

/// Whether what is at this address is replaced there by newer things.
fn changes_in_place(url: &Url) -> bool {
    let name = url.path().rsplit('/').next().unwrap_or_default();
    matches!(name, "InRelease" | "Release" | "Release.gpg")
}

async fn from_file(url: &Url) -> Result<Body> {
    let path =
        url.to_file_path().map_err(|()| unusable(url, "it names no file of this machine"))?;
    let broken = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => Error::NotFound { url: url.clone() },
        _ => Error::Fetch { url: url.clone(), source: Box::new(e) },
    };
    // Asked before it is opened: opening a pipe would wait for its other end.
    let metadata = tokio::fs::metadata(&path).await.map_err(broken)?;
    if !metadata.is_file() {
        return Err(unusable(url, "it is not a regular file"));
    }
    let file = tokio::fs::File::open(&path).await.map_err(broken)?;
    Ok(Body::new(Some(metadata.len()), file))
}

fn unusable(url: &Url, reason: &str) -> Error {
    Error::Invalid { what: "address", text: plain(url).to_string(), reason: reason.into() }
}

fn failed(url: &Url, error: oci::Error) -> Error {
    let url = plain(url);
    match error {
        oci::Error::NotFound { .. } => Error::NotFound { url },
        other => Error::Fetch { url, source: Box::new(other) },
    }
}

#[cfg(test)]
#[path = "tests/fetch.rs"]
mod tests;
