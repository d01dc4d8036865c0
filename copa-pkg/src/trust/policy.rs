//! How strictly signatures and dates are checked.

use bytes::Bytes;
use jiff::Timestamp;

/// How strictly the metadata of repositories is checked.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The time of the check: dates of metadata, signatures and keys are compared with it.
    pub now: Timestamp,
    /// Public keys, armored or not. When they are given, signatures by other keys do not count.
    pub keyring: Option<Bytes>,
    /// Whether metadata that no trusted key signed is let through. Each time, a warning says so.
    pub allow_unsigned: bool,
    /// Whether expired and rolled back metadata, and keys that have expired since they signed, are
    /// let through. Each time, a warning says so.
    pub allow_expired: bool,
}

impl Trust {
    /// Everything is checked.
    pub fn strict(now: Timestamp) -> Self {
        Self { now, keyring: None, allow_unsigned: false, allow_expired: false }
    }
}
