//! One repository of a registry, and the requests that reading and writing have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};

use crate::credentials::credential::Credentials;
use crate::error::{Error, Result};
use crate::http::client::Http;
use crate::location::Location;
use crate::reference::Reference;
use crate::registry::answer::confirm;
use crate::registry::scope::Scope;
use crate::registry::session::Session;
use crate::registry::upload::Opened;
use crate::spec::descriptor::Descriptor;
use crate::spec::digest::Digest;

/// The manifests that can be read.
const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

/// One repository of a registry, to read images from and to write images to.
///
/// Nothing is asked before it is needed: the first request finds out what the registry wants to
/// see, and what it wanted is remembered. Requests that may succeed later are sent again.
#[derive(Debug)]
pub struct Registry {
    pub(super) location: Location,
    pub(super) reference: Reference,
    pub(super) session: Arc<Session>,
    memory: Mutex<Memory>,
}

/// What earlier answers said, so that it is not asked for again.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The manifest that was resolved last: its content is usually read next.
    pub(super) manifest: Option<(Digest, Bytes)>,
    /// Content that is not in the repository.
    pub(super) absent: BTreeSet<Digest>,
    /// Uploads that the registry opened because it could not mount.
    pub(super) opened: BTreeMap<Digest, Opened>,
}

impl Registry {
    /// The repository of this reference; its tag or digest is the default name.
    ///
    /// TLS is used unless `plain_http` is set. For a registry on a loopback address, TLS is used
    /// where the registry speaks it, and plain HTTP otherwise.
    pub fn new(
        reference: Reference,
        http: Http,
        credentials: Arc<dyn Credentials>,
        plain_http: bool,
    ) -> Self {
        let names = (reference.registry(), reference.host());
        let session = Session::new(http, names, reference.repository(), credentials, plain_http);
        Self {
            location: Location::Registry(reference.clone()),
            session: Arc::new(session),
            reference,
            memory: Mutex::default(),
        }
    }

    pub(super) fn pull(&self) -> Scope {
        Scope::pull(self.reference.repository())
    }

    pub(super) fn push(&self) -> Scope {
        Scope::push(self.reference.repository())
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn missing(&self, what: &str) -> Error {
        let place = format!("{}/{}", self.reference.registry(), self.reference.repository());
        Error::no_such_name(what, place)
    }

    /// A tag or a digest, in the form in which it is part of an address.
    pub(super) fn name<'a>(&'a self, name: &'a str) -> Result<&'a str> {
        let name = if name.is_empty() { self.location.name() } else { name };
        if name.contains(':') {
            return name.parse::<Digest>().map(|_| name);
        }
        let symbol = |b: &u8| b.is_ascii_alphanumeric() || b"._-".contains(b);
        let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
        if first && name.len() <= 128 && name.bytes().all(|b| symbol(&b)) {
            return Ok(name);
        }
        let reason = "expected up to 128 letters, digits, `.`, `_` and `-`".into();
        Err(Error::Invalid { what: "tag", text: name.chars().take(200).collect(), reason })
    }

    /// Sends a `GET` or `HEAD`; `None` when the status is 404.
    pub(super) async fn find(
        &self,
        scope: &Scope,
        method: Method,
        path: &str,
    ) -> Result<Option<Response>> {
        let url = self.session.url(path).await?;
        let verb = if method == Method::HEAD { "HEAD" } else { "GET" };
        let accept = |request: RequestBuilder| match path.starts_with("manifests/") {
            true => request.header(ACCEPT, ACCEPTED),
            false => request,
        };
        let answer = self.session.send(scope, method, &url, accept).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.session.accept(scope, verb, answer).await.map(Some)
    }

    pub(super) async fn put_manifest(
        &self,
        manifest: &Descriptor,
        bytes: &Bytes,
        name: &str,
    ) -> Result<()> {
        let scope = self.push();
        let url = self.session.url(&format!("manifests/{name}")).await?;
        let body = |request: RequestBuilder| {
            request.header(CONTENT_TYPE, manifest.media_type.as_str()).body(bytes.clone())
        };
        let answer = self.session.send(&scope, Method::PUT, &url, body).await?;
        confirm(&self.session.accept(&scope, "PUT", answer).await?, &manifest.digest)
    }
}

#[cfg(test)]
#[path = "tests/client.rs"]
mod tests;
