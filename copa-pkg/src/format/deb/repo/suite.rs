//! One suite of a Debian archive: where it is, who may sign it, and what of it is read.

use std::sync::Arc;

use url::Url;

use crate::error::{Error, Result};
use crate::trust::openpgp::Keyring;
use crate::trust::policy::Trust;
use crate::warning::{Code, Warning};

/// One suite of one archive.
#[derive(Debug, Clone)]
pub(crate) struct Suite {
    /// The archive's root: `dists/` and `pool/` are below it.
    pub(crate) base: Url,
    /// The suite, or a path below the root that ends in a slash: an archive without `dists/`.
    pub(crate) suite: String,
    /// The components to read: `main`.
    pub(crate) components: Vec<String>,
    /// The architecture, in Debian's words.
    pub(crate) arch: String,
    /// The keys that may sign, or the reason why they are not known.
    pub(crate) keys: Result<Arc<Keyring>, String>,
    /// How strictly its metadata is checked.
    pub(crate) trust: Trust,
    /// Whether indexes are asked for by their checksum; `None` when the archive decides.
    pub(crate) by_hash: Option<bool>,
    /// Whether `Valid-Until` counts.
    pub(crate) check_valid_until: bool,
    /// Whether it is the release itself, which has to have the architecture.
    pub(crate) required: bool,
    /// Whether its address is a guess: then a missing suite is no error.
    pub(crate) guessed: bool,
    /// The `Origin` that it must name, where that counts.
    pub(crate) origin: Option<&'static str>,
    /// Warnings about how it was found, which are given when it is loaded.
    pub(crate) notes: Vec<Warning>,
}

impl Suite {
    /// A warning about this suite.
    pub(super) fn warning(&self, code: Code, text: String) -> Warning {
        Warning::new(code, self.describe(), text)
    }

    /// What it is, in one line: `bookworm-security from https://...`.
    pub(super) fn describe(&self) -> String {
        format!("{} from {}", self.suite, self.base)
    }

    /// Whether it is a plain directory of packages, without `dists/`.
    pub(super) fn is_flat(&self) -> bool {
        self.suite.ends_with('/')
    }

    /// Whether a missing suite is an error. A proxy or an attacker must not be able to hide security
    /// updates by an answer that they are not there.
    pub(crate) fn must_be_there(&self) -> bool {
        self.required || (self.suite.ends_with("-security") && !self.guessed)
    }

    /// The address of a file of the suite.
    pub(crate) fn url(&self, name: &str) -> Result<Url> {
        let mut url = self.base.clone();
        let mut segments = url.path_segments_mut().map_err(|()| Error::Invalid {
            what: "archive",
            text: self.base.to_string(),
            reason: "nothing can be below this address".into(),
        })?;
        segments.pop_if_empty();
        if !self.is_flat() {
            segments.push("dists");
        }
        let parts = self.suite.split('/').chain(name.split('/'));
        segments.extend(parts.filter(|part| !matches!(*part, "" | "." | "..")));
        drop(segments);
        Ok(url)
    }
}
