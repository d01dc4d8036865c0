//! A registry as a place that images are written to.

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Method, RequestBuilder};

use crate::error::{Error, Result};
use crate::location::Location;
use crate::registry::answer::{confirm, digest_of, is_document, path_of, same};
use crate::registry::client::Registry;
use crate::registry::upload::{Opened, Upload};
use crate::spec::descriptor::Descriptor;
use crate::spec::document;
use crate::store::blob::Blob;
use crate::store::sink::Sink;

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
            let bytes = stream.collect(content.digest.as_str(), document::LIMIT).await?;
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
