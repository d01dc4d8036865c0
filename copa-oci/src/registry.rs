//! Registries: the OCI distribution specification, and Docker's registry protocol before it.

mod auth;
mod challenge;
mod scope;
mod session;
mod upload;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, RANGE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;

use crate::credentials::Credentials;
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result};
use crate::http::address::origin;
use crate::http::body::{Reopen, pieces, resumable};
use crate::http::client::Http;
use crate::location::Location;
use crate::reference::Reference;
use crate::registry::scope::Scope;
use crate::registry::session::Session;
use crate::registry::upload::{Opened, Upload};
use crate::spec::{Descriptor, MediaType};
use crate::store::{Blob, Sink, Source};
use crate::stream::ByteStream;

/// Longer manifests are refused; registries take 4 MiB.
const MANIFEST: u64 = 16 << 20;
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
    location: Location,
    reference: Reference,
    session: Arc<Session>,
    memory: Mutex<Memory>,
}

/// What is known from earlier answers.
#[derive(Debug, Default)]
struct Memory {
    /// The manifest resolved last: it is asked for next.
    manifest: Option<(Digest, Bytes)>,
    /// Content that is not in the repository.
    absent: BTreeSet<Digest>,
    /// Uploads that a mount opened instead.
    opened: BTreeMap<Digest, Opened>,
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

    fn pull(&self) -> Scope {
        Scope::pull(self.reference.repository())
    }

    fn push(&self) -> Scope {
        Scope::push(self.reference.repository())
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn missing(&self, what: &str) -> Error {
        let place = format!("{}/{}", self.reference.registry(), self.reference.repository());
        Error::NotFound { what: what.to_owned(), place }
    }

    /// A tag or a digest, in the form in which it is part of an address.
    fn name<'a>(&'a self, name: &'a str) -> Result<&'a str> {
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

    /// Asks for something; `None` when it is not there.
    async fn find(&self, scope: &Scope, method: Method, path: &str) -> Result<Option<Response>> {
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

    /// A blob, continued where it breaks off: it is checked against its digest in the end, so
    /// nothing else need make sure that the rest belongs to the beginning.
    fn reopen(&self, path: &str) -> Reopen {
        let (session, scope, path) = (self.session.clone(), self.pull(), path.to_owned());
        Arc::new(move |offset| {
            let (session, scope, path) = (session.clone(), scope.clone(), path.clone());
            Box::pin(async move {
                let url = session.url(&path).await?;
                let from =
                    |request: RequestBuilder| request.header(RANGE, format!("bytes={offset}-"));
                session.send(&scope, Method::GET, &url, from).await
            })
        })
    }

    async fn put_manifest(&self, manifest: &Descriptor, bytes: &Bytes, name: &str) -> Result<()> {
        let scope = self.push();
        let url = self.session.url(&format!("manifests/{name}")).await?;
        let body = |request: RequestBuilder| {
            request.header(CONTENT_TYPE, manifest.media_type.as_str()).body(bytes.clone())
        };
        let answer = self.session.send(&scope, Method::PUT, &url, body).await?;
        confirm(&self.session.accept(&scope, "PUT", answer).await?, &manifest.digest)
    }
}

#[async_trait]
impl Source for Registry {
    fn location(&self) -> &Location {
        &self.location
    }

    async fn resolve(&self, name: &str) -> Result<Descriptor> {
        let name = self.name(name)?;
        let found = self.find(&self.pull(), Method::GET, &format!("manifests/{name}")).await?;
        let answer = found.ok_or_else(|| self.missing(name))?;
        let (declared, promised) = (header(&answer, "content-type"), promised(&answer)?);
        let body = ByteStream::new(pieces(self.session.http.clone(), answer));
        let bytes = body.collect(name, MANIFEST).await?;
        let expected = name.parse().ok().or(promised);
        let digest = digest_of(&bytes, expected.as_ref());
        same(&digest, expected.as_ref())?;
        let media_type = media_type(name, declared.as_deref(), &bytes)?;
        let found = Descriptor::new(media_type, digest.clone(), bytes.len() as u64);
        self.memory().manifest = Some((digest, bytes));
        Ok(found)
    }

    async fn open_unverified(&self, content: &Descriptor) -> Result<ByteStream> {
        let known = self.memory().manifest.clone();
        if let Some((_, bytes)) = known.filter(|(digest, _)| *digest == content.digest) {
            return Ok(ByteStream::once(bytes));
        }
        let path = path_of(content);
        let found = self.find(&self.pull(), Method::GET, &path).await?;
        let answer = found.ok_or_else(|| self.missing(content.digest.as_str()))?;
        Ok(resumable(self.session.http.clone(), answer, self.reopen(&path)))
    }
}

#[async_trait]
impl Sink for Registry {
    async fn contains(&self, content: &Descriptor) -> Result<bool> {
        let found = self.find(&self.push(), Method::HEAD, &path_of(content)).await?.is_some();
        if !found {
            self.memory().absent.insert(content.digest.clone());
        }
        Ok(found)
    }

    async fn put(&self, content: &Descriptor, blob: &Blob) -> Result<()> {
        let known_absent = self.memory().absent.contains(&content.digest);
        if !known_absent && self.contains(content).await? {
            return Ok(());
        }
        if is_document(&content.media_type) {
            let stream = blob.open(content).await?;
            let bytes = stream.collect(content.digest.as_str(), MANIFEST).await?;
            self.put_manifest(content, &bytes, content.digest.as_str()).await?;
        } else {
            let opened = self.memory().opened.remove(&content.digest);
            let session = &self.session;
            Upload { session, scope: self.push(), content, blob }.run(opened).await?;
        }
        self.memory().absent.remove(&content.digest);
        Ok(())
    }

    async fn mount(&self, content: &Descriptor, from: &Location) -> Result<bool> {
        let Location::Registry(origin) = from else { return Ok(false) };
        let same = origin.registry() == self.reference.registry();
        if !same || origin.repository() == self.reference.repository() {
            return Ok(false);
        }
        let scope = self.push().and(&format!("repository:{}:pull", origin.repository()));
        let mut url = self.session.url("blobs/uploads/").await?;
        url.query_pairs_mut()
            .append_pair("mount", content.digest.as_str())
            .append_pair("from", origin.repository());
        let empty = |request: RequestBuilder| request.header(CONTENT_LENGTH, 0);
        let answer = match self.session.send(&scope, Method::POST, &url, empty).await {
            // Who may not read the origin may still be allowed to upload.
            Err(Error::Denied { .. }) => return Ok(false),
            answer => answer?,
        };
        match answer.status().as_u16() {
            201 => {
                confirm(&answer, &content.digest)?;
                self.memory().absent.remove(&content.digest);
                Ok(true)
            }
            202 => {
                let opened = Opened::read(&answer)?;
                self.memory().opened.insert(content.digest.clone(), opened);
                Ok(false)
            }
            400..=499 => Ok(false),
            _ => self.session.accept(&scope, "POST", answer).await.map(|_| false),
        }
    }

    async fn tag(&self, manifest: &Descriptor, bytes: &Bytes, name: &str) -> Result<()> {
        let name = self.name(name)?;
        let digest = digest_of(bytes, Some(&manifest.digest));
        same(&digest, Some(&manifest.digest))?;
        same(&digest, name.parse().ok().as_ref())?;
        self.put_manifest(manifest, bytes, name).await
    }
}

fn is_document(media_type: &MediaType) -> bool {
    media_type.is_manifest() || media_type.is_index()
}

fn path_of(content: &Descriptor) -> String {
    let kind = if is_document(&content.media_type) { "manifests" } else { "blobs" };
    format!("{kind}/{}", content.digest)
}

fn header(answer: &Response, name: &str) -> Option<String> {
    answer.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// The digest that the registry names in its answer, if it names one.
fn promised(answer: &Response) -> Result<Option<Digest>> {
    header(answer, "docker-content-digest").map(|text| text.parse()).transpose()
}

/// Compares the digest in an answer with what was sent.
fn confirm(answer: &Response, expected: &Digest) -> Result<()> {
    match promised(answer)? {
        // A registry may use another algorithm than we do.
        Some(digest) if digest.algorithm() == expected.algorithm() && digest != *expected => {
            let reason = format!("{} says that its digest is {digest}", origin(answer.url()));
            Err(Error::Corrupt { what: expected.to_string(), reason })
        }
        _ => Ok(()),
    }
}

fn digest_of(bytes: &[u8], like: Option<&Digest>) -> Digest {
    let mut hasher = like.map_or_else(Hasher::sha256, Hasher::like);
    hasher.update(bytes);
    hasher.finish()
}

fn same(digest: &Digest, expected: Option<&Digest>) -> Result<()> {
    match expected.filter(|expected| *expected != digest) {
        None => Ok(()),
        Some(expected) => {
            let reason = format!("its digest is {digest}");
            Err(Error::Corrupt { what: expected.to_string(), reason })
        }
    }
}

/// What a document says about itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    media_type: Option<String>,
    layers: Option<serde::de::IgnoredAny>,
    manifests: Option<serde::de::IgnoredAny>,
}

/// The type of a manifest: as its server declares it, as it says itself, or as it looks.
fn media_type(name: &str, declared: Option<&str>, bytes: &[u8]) -> Result<MediaType> {
    let document: Document = serde_json::from_slice(bytes)
        .map_err(|source| Error::Json { what: format!("manifest {name}"), source })?;
    let declared = declared.and_then(|text| text.split(';').next()).map(str::trim);
    let declared = declared.map(MediaType::from).filter(is_document);
    let own = document.media_type.map(MediaType::from);
    if let (Some(declared), Some(own)) = (&declared, &own) {
        // Two readers must not see two different things in the same bytes.
        if declared != own {
            let reason = format!("it is sent as {declared} and says that it is {own}");
            return Err(Error::Corrupt { what: format!("manifest {name}"), reason });
        }
    }
    let looks = match (document.layers, document.manifests) {
        (Some(_), None) => Some(MediaType::OCI_MANIFEST),
        (None, Some(_)) => Some(MediaType::OCI_INDEX),
        _ => None,
    };
    let found = declared.or(own).or(looks.map(MediaType::from));
    found.filter(is_document).ok_or_else(|| Error::Unsupported {
        what: format!("manifest {name}"),
        reason: "it is neither an image nor an index of OCI or Docker (schema 2)".into(),
    })
}

#[cfg(test)]
mod tests;
