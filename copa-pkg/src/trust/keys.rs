//! Who may sign packages.

use url::Url;

use crate::error::{Error, Result};
use crate::port::Fetch;
use crate::trust::openpgp::Keyring;
use crate::trust::policy::Trust;

/// Who may sign packages, and how strictly that is checked.
#[derive(Debug, Clone)]
pub struct PackageKeys {
    pub(crate) keyring: Keyring,
    pub(crate) trust: Trust,
}

/// The largest file of keys: 1 MiB. A distribution's has a few kilobytes.
const LARGEST_KEYS: u64 = 1 << 20;

impl PackageKeys {
    /// Adds the keys that are at this address.
    ///
    /// # Errors
    ///
    /// When they cannot be had, or are none.
    pub async fn fetch(&mut self, url: &Url, fetch: &dyn Fetch) -> Result<()> {
        let bytes = fetch.get(url).await?.collect(url, LARGEST_KEYS).await?;
        let keys = Keyring::parse(&bytes)
            .map_err(|reason| Error::Malformed { what: url.to_string(), reason })?;
        self.keyring.extend(&keys);
        Ok(())
    }
}
