//! Fetching a package. Its bytes are not used before their checksum is right.

use bytes::Bytes;

use crate::error::{Error, Hint, Result};
use crate::package::candidate::Candidate;
use crate::package::fetched::Package;
use crate::port::Fetch;

/// The largest package that is fetched: it is held in memory.
const LARGEST: u64 = 1 << 30;

impl Candidate {
    /// Fetches the package and checks that it is the one that the signed index describes.
    ///
    /// # Errors
    ///
    /// [`Error::Untrusted`] when its size or checksum is another, [`Error::TooLarge`] when it is
    /// over 1 GiB, [`Error::NotFound`] and [`Error::Fetch`] when it cannot be had.
    pub async fn download(&self, fetch: &dyn Fetch) -> Result<Package> {
        if self.size > LARGEST {
            return Err(Error::TooLarge { what: self.to_string(), limit: "1 GiB".into() });
        }
        let body = fetch.get(&self.url).await?;
        let bytes = body.collect(&self.url, self.size).await.map_err(|e| match e {
            Error::TooLarge { .. } => {
                self.untrusted(&format!("it goes on after {} bytes", self.size))
            }
            other => other,
        })?;
        if bytes.len() as u64 != self.size {
            let reason = format!("it has {} bytes, the index says {}", bytes.len(), self.size);
            return Err(self.untrusted(&reason));
        }
        let bytes = self.check(bytes).await?;
        Ok(Package { candidate: self.clone(), bytes, repacked: None })
    }

    /// Hashes on the blocking pool: a large package takes long enough to hold up a network task.
    async fn check(&self, bytes: Bytes) -> Result<Bytes> {
        let data = bytes.clone();
        let mut hasher = self.checksum.hasher();
        let hash = tokio::task::spawn_blocking(move || {
            hasher.update(&data);
            hasher.finish()
        });
        let found =
            hash.await.map_err(|e| Error::Fetch { url: self.url.clone(), source: Box::new(e) })?;
        let (kind, listed) = self.checksum.parts();
        if !found.eq_ignore_ascii_case(listed) {
            let reason = format!("its {kind} is {found}, the index says {listed}");
            return Err(self.untrusted(&reason));
        }
        Ok(bytes)
    }

    fn untrusted(&self, reason: &str) -> Error {
        Error::Untrusted { what: self.to_string(), reason: reason.into(), hint: Hint::TryAgain }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::checksum::Checksum;
    use crate::package::relation::Relations;
    use crate::port::Body;
    use crate::version::any::Version;
    use async_trait::async_trait;
    use sha2::{Digest, Sha256};
    use url::Url;

    /// Bytes that are at every address.
    #[derive(Debug)]
    struct Everywhere(&'static [u8]);

    #[async_trait]
    impl Fetch for Everywhere {
        async fn get(&self, _: &Url) -> Result<Body> {
            Ok(Body::new(None, self.0))
        }
    }

    fn candidate() -> Candidate {
        Candidate {
            name: "hello".into(),
            version: Version::Deb("1.0".parse().unwrap()),
            arch: "amd64".into(),
            source: "hello".into(),
            url: "https://mirror.invalid/hello.deb".parse().unwrap(),
            size: 5,
            checksum: Checksum::Sha256(hex::encode(Sha256::digest(b"hello"))),
            origin: "bookworm".into(),
            relations: Relations::default(),
        }
    }

    #[tokio::test]
    async fn only_the_bytes_that_the_index_describes_become_a_package() {
        let candidate = candidate();
        let package = candidate.download(&Everywhere(b"hello")).await.unwrap();
        assert_eq!((&package.bytes()[..], package.candidate()), (&b"hello"[..], &candidate));
        for (bytes, says) in [
            (&b"hellO"[..], ", the index says 2cf24dba"),
            (b"hell", "it has 4 bytes, the index says 5"),
            (b"hello!", "it goes on after 5 bytes"),
            (b"", "it has 0 bytes"),
        ] {
            let error = candidate.download(&Everywhere(bytes)).await.unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, Error::Untrusted { .. }), "{error:?}");
            let place = "hello 1.0 amd64 (https://mirror.invalid/hello.deb)";
            assert!(text.contains(place) && text.contains(says), "{text}");
        }
    }

    #[tokio::test]
    async fn a_package_that_would_not_fit_is_not_fetched() {
        let huge = Candidate { size: LARGEST + 1, ..candidate() };
        let error = huge.download(&Everywhere(b"")).await.unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
    }
}
