//! What a repository says of vulnerabilities: read only when somebody asks.

use std::io::BufReader;

use sha2::{Digest, Sha256};
use url::Url;

use crate::error::{Error, Result};
use crate::format::rpm::repo::packages::read_file;
use crate::format::rpm::repo::repomd::{Listed, Repomd};
use crate::format::rpm::repo::repository::Repo;
use crate::format::rpm::repo::updateinfo::Fixes;
use crate::port::{Ports, recall};
use crate::warning::{Code, Warning};

/// Where a repository's `updateinfo` is, and what it must be: out of its verified `repomd.xml`.
#[derive(Debug, Clone)]
pub(crate) struct Advisories {
    id: String,
    root: Url,
    listed: Listed,
    /// The streams of modules that count; `None` when all do.
    streams: Option<Vec<String>>,
    /// Whether it is an error when it cannot be had.
    required: bool,
}

impl Repo {
    /// Where its advisories are, if it has any.
    pub(super) fn advisories(&self, root: &Url, repomd: &Repomd) -> Option<Advisories> {
        Some(Advisories {
            id: self.id.clone(),
            root: root.clone(),
            listed: repomd.file("updateinfo")?.clone(),
            streams: (!self.filter.all_streams).then(|| self.streams.clone()),
            required: self.required,
        })
    }
}

impl Advisories {
    /// Fetches and checks them; a warning when they cannot be had and need not be.
    ///
    /// # Errors
    ///
    /// As [`Repository::load`](crate::Repository::load).
    pub(crate) async fn load(&self, ports: Ports<'_>) -> Result<(Fixes, Option<Warning>)> {
        match self.read(ports).await {
            Err(error @ (Error::NotFound { .. } | Error::Fetch { .. })) if !self.required => {
                let text = format!("{}: {error}: what its updates fix is not listed", self.id);
                let warning = Warning::new(Code::FixesUnknown, &self.id, text);
                Ok((Fixes::default(), Some(warning)))
            }
            other => Ok((other?, None)),
        }
    }

    async fn read(&self, ports: Ports<'_>) -> Result<Fixes> {
        let known = self.listed.checksum.as_ref().map_or("", |checksum| checksum.parts().1);
        let streams = hex::encode(Sha256::digest(format!("{:?}", self.streams)));
        let key = format!("rpm-advisories-1 {streams} {known}");
        let kept = recall(ports.cache, key.clone(), |bytes| Fixes::from_bytes(&bytes));
        if let Some(fixes) = kept.await {
            return Ok(fixes);
        }
        let streams = self.streams.clone();
        let fixes = read_file(&self.root, &self.listed, ports, move |text| {
            let counts = |stream: &str| {
                streams.as_ref().is_none_or(|all| all.iter().any(|ours| ours == stream))
            };
            Fixes::read(BufReader::with_capacity(256 << 10, text), &counts)
        })
        .await?;
        ports.cache.put(&key, fixes.as_bytes());
        Ok(fixes)
    }
}
