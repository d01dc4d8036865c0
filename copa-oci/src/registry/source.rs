//! A registry as a place that images are read from.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::header::RANGE;
use reqwest::{Method, RequestBuilder};

use crate::error::Result;
use crate::http::body::{Reopen, pieces, resumable};
use crate::location::Location;
use crate::registry::answer::{digest_of, header, media_type, path_of, promised, same};
use crate::registry::client::Registry;
use crate::spec::descriptor::Descriptor;
use crate::spec::document;
use crate::store::source::Source;
use crate::stream::ByteStream;

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
        let bytes = body.collect(name, document::LIMIT).await?;
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

impl Registry {
    /// Requests a blob again from where it broke off. Its digest is checked in the end, so no
    /// validator is needed to ensure that both parts belong together.
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
}
