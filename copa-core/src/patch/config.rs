//! The configuration of a patcher, which all its jobs share.

use std::path::PathBuf;

use bytes::Bytes;
use jiff::Timestamp;

use crate::oci::Platform;
use crate::pkg::{HostFile, Mirror};

/// What a [`Patcher`](crate::Patcher) has for its life, whatever images it patches: where packages
/// come from, what is trusted, and how much is done at a time. What is chosen for one image is in a
/// [`Job`](crate::Job). Everything is explicit: nothing is taken from the environment, the clock or
/// the host.
///
/// # Examples
///
/// ```
/// let mut config = copa_core::Config::new(copa_core::jiff::Timestamp::now());
/// config.jobs = 2;
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// What time it is: signatures and metadata expire. It is not written into the image.
    pub now: Timestamp,
    /// How many layers, packages and uploads are worked on at a time; 0 is 1.
    pub jobs: usize,
    /// The platform to patch where the image has several and none was asked for.
    pub host: Platform,
    /// Where packages come from, by the name of the archive: `debian`, `debian-security`. `http`,
    /// `https` and `file` addresses. A user and password in one are sent to its host and shown
    /// nowhere.
    pub mirrors: Vec<Mirror>,
    /// The host's own apt sources and the keys that they name, when the host is of the same
    /// distribution as the image; used when neither `mirrors` nor the image names any.
    pub host_sources: Vec<HostFile>,
    /// OpenPGP certificates that may sign metadata, instead of the image's and the built-in ones.
    pub keyring: Option<Bytes>,
    /// Takes metadata that nobody signed. Dangerous.
    pub allow_unsigned: bool,
    /// Takes metadata after its time. Dangerous.
    pub allow_expired: bool,
    /// The moment of Debian's timestamped archive; without it, `now`.
    pub snapshot: Option<Timestamp>,
    /// Where indexes of layers and repositories, and packages, are kept between runs; `None`
    /// keeps nothing. Nobody else may be able to write there.
    pub cache_dir: Option<PathBuf>,
}

impl Config {
    /// The defaults at this time.
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            jobs: 4,
            host: host(),
            mirrors: Vec::new(),
            host_sources: Vec::new(),
            keyring: None,
            allow_unsigned: false,
            allow_expired: false,
            snapshot: None,
            cache_dir: None,
        }
    }
}

/// The platform of images for the machine that this was built for.
fn host() -> Platform {
    let (architecture, variant) = match std::env::consts::ARCH {
        "x86_64" => ("amd64", None),
        "aarch64" => ("arm64", None),
        "arm" => ("arm", Some("v7".to_owned())),
        "x86" => ("386", None),
        "powerpc64" => ("ppc64le", None),
        other => (other, None),
    };
    Platform {
        os: "linux".into(),
        architecture: architecture.into(),
        variant,
        other: Default::default(),
    }
}
