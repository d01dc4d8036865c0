//! The parsers of what comes from images and mirrors, each as a function of bytes.
//!
//! For the targets in `copa-pkg/fuzz`, with the feature `fuzz`; no part of the interface. A target
//! is there to find what panics, does not end, or fills the memory: nothing is said of what was
//! read, but by `facts` and `parts`, for which there is another reader to compare with.

pub use crate::effect::ldcache::fuzz::{elf, ld_cache};
pub use crate::format::deb::fuzz::{deb, in_release, packages, status_d};
pub use crate::format::rpm::db::fuzz::{bdb, manifest, ndb, sqlite};
pub use crate::format::rpm::fuzz::facts::{Facts, File, Parts, Value, Values, facts, parts};
pub use crate::format::rpm::fuzz::{cpio, header, metalink, modules, package, primary, repomd};

use crate::trust::openpgp::Keyring;

/// A file of public keys, as an image has them.
pub fn keyring(bytes: &[u8]) {
    let Ok(keyring) = Keyring::parse(bytes) else { return };
    let at = crate::trust::openpgp::Moment { now: now(), allow_expired: false };
    let _ = keyring.verify(b"a text", bytes, at);
}

/// Some day: nothing here asks the clock.
pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_800_000_000).unwrap_or_default()
}
