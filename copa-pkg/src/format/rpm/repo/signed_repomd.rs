//! `repomd.xml`: fetched, verified, and compared with the age of the one that was seen before.

use std::sync::Arc;

use bytes::Bytes;
use url::Url;

use crate::error::{Error, Hint, Result};
use crate::format::rpm::repo::config::{Place, Repo, below, untrusted};
use crate::format::rpm::repo::metalink::{Metalink, mirror_list};
use crate::format::rpm::repo::repomd::Repomd;
use crate::package::checksum::Checksum;
use crate::port::Fetch;
use crate::repository::access::Ports;
use crate::trust::openpgp::{Keyring, Moment, SKEW};
use crate::warning::{Code, Warning, Warnings};

/// The largest `repomd.xml` or list of mirrors that is read.
const LARGEST: u64 = 8 << 20;

impl Repo {
    /// The folders that hold the repository, and what its `repomd.xml` may hash to.
    pub(super) async fn roots(&self, fetch: &dyn Fetch) -> Result<(Vec<Url>, Vec<Checksum>)> {
        match &self.place {
            Place::Roots(roots) => Ok((roots.clone(), Vec::new())),
            Place::Named(root, _) => Ok((vec![root.clone()], Vec::new())),
            Place::Mirrors(url) => {
                let bytes = fetch.get(url).await?.collect(url, LARGEST).await?;
                Ok((mirror_list(&bytes, url.as_str())?, Vec::new()))
            }
            Place::Metalink(url) => {
                let bytes = fetch.get(url).await?.collect(url, LARGEST).await?;
                let metalink = Metalink::parse(&bytes, url.as_str())?;
                // Over plain http anybody could have written the checksums.
                let counts = matches!(url.scheme(), "https" | "file");
                Ok((metalink.roots, if counts { metalink.hashes } else { Vec::new() }))
            }
        }
    }

    /// The verified `repomd.xml` below this folder.
    pub(super) async fn repomd(
        &self,
        root: &Url,
        hashes: &[Checksum],
        ports: Ports<'_>,
        warnings: &mut Warnings<'_>,
    ) -> Result<Repomd> {
        let url = below(root, "repodata/repomd.xml")?;
        let bytes = ports.fetch.get(&url).await?.collect(&url, LARGEST).await?;
        if self.signed {
            self.check_signature(&url, &bytes, ports.fetch, warnings).await?;
        } else if !hashes.is_empty() {
            self.check_hash(&url, &bytes, hashes, warnings)?;
        } else if url.scheme() == "http" && !is_this_machine(&url) {
            let text = format!(
                "{url}: neither signed nor fetched by https: updates could be hidden; packages \
                 are still checked"
            );
            warnings.push(Warning::new(Code::Unprotected, &url, text));
        }
        let repomd = Repomd::parse(&bytes, url.as_str())?;
        self.check_age(&url, &repomd, ports, warnings)?;
        Ok(repomd)
    }

    async fn check_signature(
        &self,
        url: &Url,
        bytes: &Bytes,
        fetch: &dyn Fetch,
        warnings: &mut Warnings<'_>,
    ) -> Result<()> {
        let mut signature_url = url.clone();
        signature_url.set_path(&format!("{}.asc", url.path()));
        let signature = match fetch.get(&signature_url).await {
            Ok(body) => body.collect(&signature_url, LARGEST).await?,
            Err(Error::NotFound { .. }) => {
                return self.unverified(
                    url,
                    "it is not signed: there is no repomd.xml.asc",
                    warnings,
                );
            }
            Err(other) => return Err(other),
        };
        let keys = match self.all_keys(fetch).await? {
            Ok(keys) => keys,
            Err(reason) => return self.unverified(url, &reason, warnings),
        };
        let at = Moment { now: self.trust.now, allow_expired: self.trust.allow_expired };
        let text = bytes.clone();
        let checked = tokio::task::spawn_blocking(move || keys.verify(&text, &signature, at));
        match checked.await.map_err(|e| Error::Fetch { url: url.clone(), source: Box::new(e) })? {
            Ok(signer) => {
                tracing::debug!(%url, signer, "signature verified");
                Ok(())
            }
            Err(reason) => self.unverified(url, &reason, warnings),
        }
    }

    /// The known keys and those that have to be fetched.
    async fn all_keys(&self, fetch: &dyn Fetch) -> Result<Result<Arc<Keyring>, String>> {
        if self.key_urls.is_empty() {
            return Ok(self.keys.clone());
        }
        let mut all =
            self.keys.as_ref().map_or_else(|_| Keyring::default(), |keys| (**keys).clone());
        for url in &self.key_urls {
            let bytes = fetch.get(url).await?.collect(url, LARGEST).await?;
            match Keyring::parse(&bytes) {
                Ok(keys) => all.extend(&keys),
                Err(reason) => return Ok(Err(format!("{url}: {reason}"))),
            }
        }
        Ok(Ok(Arc::new(all)))
    }

    fn check_hash(
        &self,
        url: &Url,
        bytes: &[u8],
        hashes: &[Checksum],
        warnings: &mut Warnings<'_>,
    ) -> Result<()> {
        let fits = |listed: &Checksum| {
            let mut hasher = listed.hasher();
            hasher.update(bytes);
            hasher.finish().eq_ignore_ascii_case(listed.parts().1)
        };
        if hashes.iter().any(fits) {
            return Ok(());
        }
        self.unverified(url, "its checksum is none of those that the metalink has", warnings)
    }

    /// Refuses metadata that no trusted key signed, or lets it through with a warning.
    fn unverified(&self, url: &Url, reason: &str, warnings: &mut Warnings<'_>) -> Result<()> {
        if self.trust.allow_unsigned {
            let text = format!("NOT VERIFIED, as allowed: {url}: {reason}");
            warnings.push(Warning::new(Code::Unsigned, url, text));
            return Ok(());
        }
        Err(untrusted(url, reason, Hint::NameKeys))
    }

    /// Metadata older than what this repository had before is a replay.
    fn check_age(
        &self,
        url: &Url,
        repomd: &Repomd,
        ports: Ports<'_>,
        warnings: &mut Warnings<'_>,
    ) -> Result<()> {
        let key = format!("rpm-repomd-date {} {}", self.id, self.place.url());
        let seen = ports.cache.get(&key);
        let seen = seen.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.parse::<i64>().ok());
        let date = |seconds| {
            jiff::Timestamp::from_second(seconds)
                .map_or_else(|_| seconds.to_string(), |t| t.to_string())
        };
        match seen {
            Some(seen) if seen > repomd.date => {
                let reason =
                    format!("it is dated {}, before it was {}", date(repomd.date), date(seen));
                if !self.trust.allow_expired {
                    return Err(untrusted(url, &reason, Hint::RolledBack));
                }
                let text = format!("ROLLED BACK, as allowed: {url}: {reason}");
                warnings.push(Warning::new(Code::RolledBack, url, text));
            }
            Some(seen) if seen == repomd.date => {}
            _ if self.trust.allow_unsigned => {}
            // A date in the future would make everything that comes later look like a replay.
            _ if repomd.date > self.trust.now.as_second().saturating_add(SKEW) => {}
            _ => ports.cache.put(&key, repomd.date.to_string().as_bytes()),
        }
        Ok(())
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
