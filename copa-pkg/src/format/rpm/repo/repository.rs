//! A repository of RPM packages: its metadata verified, its index read.
//!
//! `repomd.xml` names the other files and their checksums. It is trusted when a trusted key signed
//! it (`repo_gpgcheck`), or a metalink that came by https has its checksum. Where a distribution
//! does neither, it is taken as it comes: each package has to be signed itself, so what somebody
//! on the way can do is hide updates and offer old packages, and an old package is never installed
//! over a newer one.

use async_trait::async_trait;
use url::Url;

use crate::error::{Error, Result};
use crate::format::rpm::repo::config::{Place, Repo, below};
use crate::package::checksum::Checksum;
use crate::repository::access::Ports;
use crate::repository::load::{Loaded, Repository};
use crate::warning::{Code, Warning, Warnings};

/// How many mirrors of a list are asked before giving up.
const MIRRORS: usize = 5;

#[async_trait]
impl Repository for Repo {
    fn describe(&self) -> String {
        format!("{} from {}", self.id, self.place.url())
    }

    async fn load(&self, ports: Ports<'_>) -> Result<Loaded> {
        let mut warnings = Warnings::new(ports.listener);
        warnings.extend(self.notes.iter().cloned());
        let loaded = match &self.place {
            Place::Named(root, paths) => self.load_named(root, paths, ports).await,
            _ => self.load_one(ports).await,
        };
        let loaded = match loaded {
            Err(Error::NotFound { url }) if !self.required => {
                warnings.push(self.not_considered(&format!("{url} is not there")));
                Loaded::default()
            }
            Err(error @ Error::Fetch { .. }) if !self.required => {
                warnings.push(self.not_considered(&error.to_string()));
                Loaded::default()
            }
            other => other?,
        };
        warnings.append(loaded.warnings);
        let catalog = loaded.catalog.ranked(self.priority, self.cost);
        Ok(Loaded { warnings: warnings.into_vec(), catalog })
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
            all.push(self.at(root, &name, i == 0).load(ports).await?);
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
                Ok(loaded) => {
                    let mut warnings = Warnings::new(ports.listener);
                    warnings.extend(passed.iter().map(|error| self.passed_over(error)));
                    warnings.append(loaded.warnings);
                    let (catalog, warnings) = (loaded.catalog, warnings.into_vec());
                    return Ok(Loaded { catalog, warnings });
                }
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

    fn passed_over(&self, error: &Error) -> Warning {
        let text = format!("{}: a mirror is passed over: {error}", self.id);
        Warning::new(Code::PassedOver, &self.id, text)
    }

    fn not_considered(&self, reason: &str) -> Warning {
        let text = format!("{}: {reason}: its updates are not considered", self.id);
        Warning::new(Code::NotConsidered, &self.id, text)
    }

    async fn load_from(&self, root: &Url, hashes: &[Checksum], ports: Ports<'_>) -> Result<Loaded> {
        let mut warnings = Warnings::new(ports.listener);
        let repomd = self.repomd(root, hashes, ports, &mut warnings).await?;
        let catalog = self.packages(root, &repomd, ports, &mut warnings).await?;
        Ok(Loaded { catalog, warnings: warnings.into_vec() })
    }
}

#[cfg(test)]
#[path = "tests/repository.rs"]
mod tests;
