//! `InRelease`, or `Release` with `Release.gpg`: fetched, verified, and checked for the right suite
//! and the right time.

use bytes::Bytes;
use url::Url;

use crate::error::{Error, Hint, Result};
use crate::format::deb::repo::release::Release;
use crate::format::deb::repo::suite::Suite;
use crate::port::Fetch;
use crate::repository::access::Ports;
use crate::trust::openpgp as signature;
use crate::trust::openpgp::{Moment, SKEW, Signed};
use crate::warning::{Code, Warning, Warnings};

/// The largest metadata that is read: Debian's have 150 kB.
const LARGEST: u64 = 16 << 20;

/// How a text is signed.
enum Form {
    Clear,
    Detached(Bytes),
}

impl Suite {
    /// The verified metadata. `None` when the suite is missing or asks not to be used, and that is
    /// no error.
    pub(super) async fn release(
        &self,
        ports: Ports<'_>,
        warnings: &mut Warnings<'_>,
    ) -> Result<Option<Release>> {
        let Some((url, text)) = self.text(ports.fetch, warnings).await? else {
            return Ok(None);
        };
        let release = Release::parse(&text, url.as_str())?;
        self.check_suite(&url, &release)?;
        self.check_dates(&url, &release, warnings)?;
        self.check_age(&url, &release, ports, warnings)?;
        if release.says("notautomatic") && !self.required {
            let text = format!("{}: left out: it says NotAutomatic", self.describe());
            warnings.push(self.warning(Code::LeftOut, text));
            return Ok(None);
        }
        if let Some(origin) = self.origin.filter(|origin| release.get("origin") != *origin) {
            let (describe, other) = (self.describe(), release.get("origin"));
            let text = format!("{describe}: left out: its origin is `{other}`, not {origin}");
            warnings.push(self.warning(Code::LeftOut, text));
            return Ok(None);
        }
        Ok(Some(release))
    }

    /// The text of `Release` and where it is from, its signature checked.
    async fn text(
        &self,
        fetch: &dyn Fetch,
        warnings: &mut Warnings<'_>,
    ) -> Result<Option<(Url, String)>> {
        let url = self.url("InRelease")?;
        if let Some(bytes) = get(fetch, &url).await? {
            let text = self.verified(&url, bytes, Form::Clear, warnings).await?;
            return Ok(Some((url, text)));
        }
        let url = self.url("Release")?;
        let Some(bytes) = get(fetch, &url).await? else {
            if self.must_be_there() {
                return Err(Error::NotFound { url: self.url("InRelease")? });
            }
            let text = format!("{}: not there: its updates are not considered", self.describe());
            warnings.push(self.warning(Code::NotConsidered, text));
            return Ok(None);
        };
        let text = match get(fetch, &self.url("Release.gpg")?).await? {
            Some(signature) => {
                self.verified(&url, bytes, Form::Detached(signature), warnings).await?
            }
            None => {
                let reason = "it is not signed: there is no InRelease and no Release.gpg";
                self.unsigned(&url, &bytes, reason, warnings)?
            }
        };
        Ok(Some((url, text)))
    }

    async fn verified(
        &self,
        url: &Url,
        bytes: Bytes,
        form: Form,
        warnings: &mut Warnings<'_>,
    ) -> Result<String> {
        let keys = match &self.keys {
            Ok(keys) => keys.clone(),
            Err(reason) => return self.unsigned(url, &bytes, reason, warnings),
        };
        let at = Moment { now: self.trust.now, allow_expired: self.trust.allow_expired };
        let text = bytes.clone();
        let checked = tokio::task::spawn_blocking(move || match form {
            Form::Clear => keys.verify_clearsigned(&text, at),
            Form::Detached(signature) => keys.verify_detached(&text, &signature, at),
        });
        match checked.await.map_err(|e| Error::Fetch { url: url.clone(), source: Box::new(e) })? {
            Ok(Signed { text, signer }) => {
                tracing::debug!(%url, signer, "signature verified");
                Ok(text)
            }
            Err(reason) => self.unsigned(url, &bytes, &reason, warnings),
        }
    }

    /// Refuses a text that no trusted key signed, or lets it through with a warning.
    fn unsigned(
        &self,
        url: &Url,
        bytes: &[u8],
        reason: &str,
        warnings: &mut Warnings<'_>,
    ) -> Result<String> {
        if !self.trust.allow_unsigned {
            return Err(untrusted(url, reason, Hint::NameKeys));
        }
        let text = format!("NOT VERIFIED, as allowed: {url}: {reason}");
        warnings.push(Warning::new(Code::Unsigned, url, text));
        signature::unverified_text(bytes).map_err(|reason| untrusted(url, &reason, Hint::TryAgain))
    }

    /// Refuses the metadata of another suite, however well it is signed.
    fn check_suite(&self, url: &Url, release: &Release) -> Result<()> {
        if self.is_flat() || release.is_suite(&self.suite) {
            return Ok(());
        }
        let (suite, codename) = (release.get("suite"), release.get("codename"));
        let reason = format!(
            "it is of suite `{suite}`, codename `{codename}`; `{}` was asked for",
            self.suite
        );
        Err(untrusted(url, &reason, Hint::CheckMirror))
    }

    fn check_dates(&self, url: &Url, release: &Release, warnings: &mut Warnings<'_>) -> Result<()> {
        let now = self.trust.now;
        if release.date.as_second() > now.as_second().saturating_add(SKEW) {
            let reason = format!("it is dated {}, now is {now}", release.date);
            return Err(untrusted(url, &reason, Hint::CheckClock));
        }
        let Some(end) = release.valid_until.filter(|end| *end < now) else { return Ok(()) };
        let reason = format!("it expired on {end}, now is {now}");
        if self.trust.allow_expired || !self.check_valid_until {
            let text = format!("EXPIRED, as allowed: {url}: {reason}");
            warnings.push(Warning::new(Code::Expired, url, text));
            return Ok(());
        }
        Err(untrusted(url, &reason, Hint::Expired))
    }

    /// Metadata older than what this address had before is a replay.
    fn check_age(
        &self,
        url: &Url,
        release: &Release,
        ports: Ports<'_>,
        warnings: &mut Warnings<'_>,
    ) -> Result<()> {
        let key = format!("deb-release-date {} {}", self.base, self.suite);
        let seen = ports.cache.get(&key);
        let seen = seen.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.parse::<i64>().ok());
        let date = release.date.as_second();
        match seen {
            Some(seen) if seen > date => {
                let before = jiff::Timestamp::from_second(seen).unwrap_or(release.date);
                let reason = format!("it is dated {}, before it was {before}", release.date);
                if !self.trust.allow_expired {
                    return Err(untrusted(url, &reason, Hint::RolledBack));
                }
                let text = format!("ROLLED BACK, as allowed: {url}: {reason}");
                warnings.push(Warning::new(Code::RolledBack, url, text));
            }
            Some(seen) if seen == date => {}
            _ if self.trust.allow_unsigned => {}
            _ => ports.cache.put(&key, date.to_string().as_bytes()),
        }
        Ok(())
    }
}

/// A small file, unless it does not exist.
async fn get(fetch: &dyn Fetch, url: &Url) -> Result<Option<Bytes>> {
    match fetch.get(url).await {
        Ok(body) => body.collect(url, LARGEST).await.map(Some),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

pub(super) fn untrusted(url: &Url, reason: &str, hint: Hint) -> Error {
    Error::Untrusted { what: url.to_string(), reason: reason.into(), hint }
}
