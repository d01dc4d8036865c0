//! The keys that may sign packages.

use url::Url;

use crate::error::{Error, Result};
use crate::port::Fetch;
use crate::trust::openpgp::Keyring;
use crate::trust::policy::Trust;

/// The keys that may sign packages, and how strictly signatures are checked.
#[derive(Debug, Clone)]
pub struct PackageKeys {
    pub(crate) keyring: Keyring,
    pub(crate) trust: Trust,
}

/// The largest file of keys that is read: 1 MiB. Real ones have a few kilobytes.
const LARGEST_KEYS: u64 = 1 << 20;

impl Trust {
    /// The keys of [`Trust::keyring`]. `None` when it is not set.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when it holds no key.
    pub(crate) fn keys(&self) -> Result<Option<Keyring>> {
        let Some(bytes) = &self.keyring else { return Ok(None) };
        let keys = Keyring::parse(bytes).map_err(|reason| Error::Invalid {
            what: "setting",
            text: "keyring".into(),
            reason: format!("of its {} bytes no public key can be read: {reason}", bytes.len()),
        })?;
        Ok(Some(keys))
    }
}

impl PackageKeys {
    /// Adds the keys that are at this address.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] and [`Error::Fetch`] when the address cannot be read, [`Error::Malformed`]
    /// when it holds no keys.
    pub async fn fetch(&mut self, url: &Url, fetch: &dyn Fetch) -> Result<()> {
        let bytes = fetch.get(url).await?.collect(url, LARGEST_KEYS).await?;
        let keys = Keyring::parse(&bytes)
            .map_err(|reason| Error::Malformed { what: url.to_string(), reason })?;
        self.keyring.extend(&keys);
        Ok(())
    }
}
