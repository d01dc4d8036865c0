//! From an address to the place it names.

use std::sync::Arc;

use crate::credentials::credential::{Anonymous, Credentials};
use crate::error::Result;
use crate::http::client::Http;
use crate::http::options::HttpOptions;
use crate::location::Location;
use crate::reference::Reference;
use crate::registry::client::Registry;
use crate::store::archive::{ArchiveSink, ArchiveSource};
use crate::store::docker_archive::read::DockerArchiveSource;
use crate::store::docker_archive::write::DockerArchiveSink;
use crate::store::layout::{LayoutSink, LayoutSource};
use crate::store::sink::Sink;
use crate::store::source::Source;

/// What it takes to reach a registry. Files need none of it.
#[derive(Debug, Clone)]
pub struct Access {
    /// The HTTP client.
    pub http: Http,
    /// What is shown to a registry that asks.
    pub credentials: Arc<dyn Credentials>,
    /// Whether registries are spoken to without TLS.
    pub plain_http: bool,
}

impl Access {
    /// Reaches registries as anybody, over TLS, with the defaults of [`HttpOptions`].
    ///
    /// # Errors
    ///
    /// When the HTTP client cannot be made.
    pub fn anonymous() -> Result<Self> {
        let http = Http::new(&HttpOptions::default())?;
        Ok(Self { http, credentials: Arc::new(Anonymous), plain_http: false })
    }
}

impl Location {
    /// The place, to read images from. What to [`resolve`](Source::resolve) there is
    /// [`Location::name`].
    ///
    /// # Errors
    ///
    /// When a file or directory is not there or is not of its kind. A registry is not asked yet.
    pub async fn source(&self, access: &Access) -> Result<Arc<dyn Source>> {
        Ok(match self {
            Self::Registry(reference) => Arc::new(registry(reference, access)),
            Self::OciLayout(path, _) => Arc::new(LayoutSource::open(path).await?),
            Self::OciArchive(path, _) => Arc::new(ArchiveSource::open(path).await?),
            Self::DockerArchive(path, _) => Arc::new(DockerArchiveSource::open(path).await?),
        })
    }

    /// The place, to write an image to. The name to give it there is [`Location::name`].
    ///
    /// # Errors
    ///
    /// When a file or directory cannot be written to. A registry is not asked yet.
    pub async fn sink(&self, access: &Access) -> Result<Arc<dyn Sink>> {
        Ok(match self {
            Self::Registry(reference) => Arc::new(registry(reference, access)),
            Self::OciLayout(path, _) => Arc::new(LayoutSink::create(path).await?),
            Self::OciArchive(path, _) => Arc::new(ArchiveSink::create(path).await?),
            Self::DockerArchive(path, _) => Arc::new(DockerArchiveSink::create(path).await?),
        })
    }
}

fn registry(reference: &Reference, access: &Access) -> Registry {
    let Access { http, credentials, plain_http } = access.clone();
    Registry::new(reference.clone(), http, credentials, plain_http)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::documents::Image;
    use crate::spec::media_type::Family;
    use crate::store::fixture;

    #[tokio::test]
    async fn every_file_address_leads_to_the_same_image() {
        let dir = tempfile::tempdir().unwrap();
        let at = |rest: &str| rest.replace("DIR", &dir.path().display().to_string());
        fixture::layout(&dir.path().join("a"), Family::Oci, "none");
        let access = Access::anonymous().unwrap();
        let mut from: Location = at("oci:DIR/a:1.0").parse().unwrap();
        for to in ["oci:DIR/b:x", "oci-archive:DIR/c.tar:x", "docker-archive:DIR/d.tar:r/n:x"] {
            let to: Location = at(to).parse().unwrap();
            let source = from.source(&access).await.unwrap();
            let manifest = source.resolve(from.name()).await.unwrap();
            let image = Image::open(source, manifest).await.unwrap();
            let sink = to.sink(&access).await.unwrap();
            image.write_to(&*sink, to.name(), 4).await.unwrap();
            from = to;
        }
        let source = from.source(&access).await.unwrap();
        let manifest = source.resolve(from.name()).await.unwrap();
        assert_eq!(Image::open(source, manifest).await.unwrap().layers().len(), 2);
        let nowhere: Location = at("oci-archive:DIR/none.tar").parse().unwrap();
        assert!(nowhere.source(&access).await.is_err());
        let registry: Location = "127.0.0.1:1/a:b".parse().unwrap();
        assert!(registry.source(&access).await.is_ok() && registry.sink(&access).await.is_ok());
    }
}
