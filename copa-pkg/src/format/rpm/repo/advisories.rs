//! The advisories of a repository: its `updateinfo`, read only on request.

use std::io::BufReader;

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use url::Url;

use crate::error::{Error, Result};
use crate::format::rpm::repo::config::Repo;
use crate::format::rpm::repo::files::read_file;
use crate::format::rpm::repo::repomd::{Listed, Repomd};
use crate::format::rpm::repo::updateinfo;
use crate::port::recall;
use crate::repository::access::Ports;
use crate::repository::advisory::{Advisories, LoadedFixes};
use crate::repository::fixes::Fixes;
use crate::warning::{Code, Warning};

/// Where the `updateinfo` of a repository is, and its checksum, as the verified `repomd.xml` says.
#[derive(Debug, Clone)]
pub(crate) struct UpdateInfo {
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
    pub(super) fn advisories(&self, root: &Url, repomd: &Repomd) -> Option<UpdateInfo> {
        Some(UpdateInfo {
            id: self.id.clone(),
            root: root.clone(),
            listed: repomd.file("updateinfo")?.clone(),
            streams: (!self.filter.all_streams).then(|| self.streams.clone()),
            required: self.required,
        })
    }
}

#[async_trait]
impl Advisories for UpdateInfo {
    async fn load(&self, ports: Ports<'_>) -> Result<LoadedFixes> {
        match self.read(ports).await {
            Err(error @ (Error::NotFound { .. } | Error::Fetch { .. })) if !self.required => {
                let text = format!("{}: {error}: what its updates fix is not listed", self.id);
                let warning = Warning::new(Code::FixesUnknown, &self.id, text);
                Ok(LoadedFixes { warning: Some(warning), ..LoadedFixes::default() })
            }
            other => Ok(LoadedFixes { fixes: other?, warning: None }),
        }
    }
}

impl UpdateInfo {
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
            updateinfo::read(BufReader::with_capacity(256 << 10, text), &counts)
        })
        .await?;
        ports.cache.put(&key, fixes.as_bytes());
        Ok(fixes)
    }
}
