//! A repository of RPM packages: its metadata verified, its index read.
//!
//! `repomd.xml` names the other files and their checksums. It is trusted when a trusted key signed
//! it (`repo_gpgcheck`), or a metalink that came by https has its checksum. Where a distribution
//! does neither, it is taken as it comes: each package has to be signed itself, so what somebody
//! on the way can do is hide updates and offer old packages, and an old package is never installed
//! over a newer one.

use std::sync::Arc;

use async_trait::async_trait;
use url::Url;

use crate::error::{Error, Result};
use crate::format::rpm::repo::config::{Place, Repo, below};
use crate::package::checksum::Checksum;
use crate::port::{Cache, Fetch};
use crate::repository::load::{Loaded, Repository};
use crate::repository::ports::Ports;

/// How many mirrors of a list are asked before giving up.
const MIRRORS: usize = 5;

#[async_trait]
impl Repository for Repo {
    fn describe(&self) -> String {
        format!("{} from {}", self.id, self.place.url())
    }

    async fn load(&self, fetch: &dyn Fetch, cache: &Arc<dyn Cache>) -> Result<Loaded> {
        let ports = Ports { fetch, cache };
        let mut warnings = self.notes.clone();
        let loaded = match &self.place {
            Place::Named(root, paths) => self.load_named(root, paths, ports).await,
            _ => self.load_one(ports).await,
        };
        let mut loaded = match loaded {
            Err(Error::NotFound { url }) if !self.required => {
                let id = &self.id;
                warnings.push(format!("{id}: {url} is not there: its updates are not considered"));
                Loaded::default()
            }
            Err(error @ Error::Fetch { .. }) if !self.required => {
                let id = &self.id;
                warnings.push(format!("{id}: {error}: its updates are not considered"));
                Loaded::default()
            }
            other => other?,
        };
        warnings.append(&mut loaded.warnings);
        Ok(Loaded { warnings, catalog: loaded.catalog.ranked(self.priority, self.cost) })
    }
}

impl Repo {
    /// The folder itself, when it holds `repodata`, or else what is below it.
    async fn load_named(&self, root: &Url, paths: &[String], ports: Ports<'_>) -> Result<Loaded> {
        let there = self.at(root.clone(), &self.id, true);
        let missing = match there.load_one(ports).await {
            Err(Error::NotFound { url }) => url,
            other => return other,
        };
        let mut all = Vec::new();
        for (i, path) in paths.iter().enumerate() {
            let root = below(root, path)?;
            let name = path.replace('/', "-");
            all.push(self.at(root, &name, i == 0).load(ports.fetch, ports.cache).await?);
        }
        if all.is_empty() {
            Err(Error::NotFound { url: missing })
        } else {
            Ok(all.into_iter().collect())
        }
    }

    /// The same repository at one place.
    fn at(&self, root: Url, id: &str, required: bool) -> Self {
        let (id, place) = (id.to_owned(), Place::Roots(vec![root]));
        Self { id, place, required, notes: Vec::new(), ..self.clone() }
    }

    /// From the first of the places that has it in order. One that has not is passed over, and
    /// that is said: an old mirror among others is nothing unusual. When none is left, one that is
    /// not trusted is the failure, before those that do not answer.
    async fn load_one(&self, ports: Ports<'_>) -> Result<Loaded> {
        let (roots, hashes) = self.roots(ports.fetch).await?;
        let mut passed: Vec<Error> = Vec::new();
        for root in roots.iter().take(MIRRORS) {
            match self.load_from(root, &hashes, ports).await {
                Ok(loaded) => return Ok(loaded.warned(passed.iter().map(|e| self.passed_over(e)))),
                Err(error) => passed.push(error),
            }
        }
        let untrusted = passed.iter().position(|e| matches!(e, Error::Untrusted { .. }));
        let counts = untrusted.or(passed.len().checked_sub(1));
        Err(counts.map(|i| passed.swap_remove(i)).unwrap_or_else(|| Error::NoRepository {
            system: self.id.clone(),
            reason: "no address is known of it".into(),
            mirror: None,
        }))
    }

    fn passed_over(&self, error: &Error) -> String {
        format!("{}: a mirror is passed over: {error}", self.id)
    }

    async fn load_from(&self, root: &Url, hashes: &[Checksum], ports: Ports<'_>) -> Result<Loaded> {
        let mut warnings = Vec::new();
        let repomd = self.repomd(root, hashes, ports, &mut warnings).await?;
        let catalog = self.packages(root, &repomd, ports, &mut warnings).await?;
        Ok(Loaded { catalog, warnings })
    }
}

#[cfg(test)]
#[path = "tests/repository.rs"]
mod tests;
