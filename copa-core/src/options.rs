//! What can be chosen.

use std::path::PathBuf;

use bytes::Bytes;
use jiff::Timestamp;

use crate::oci::{Compression, Platform};
use crate::pkg::{Distro, HostFile, Mirror};

/// What can be chosen of a patch. Everything is explicit: nothing is taken from the environment,
/// the clock or the host.
///
/// # Examples
///
/// ```
/// let mut options = copa_core::Options::new(copa_core::jiff::Timestamp::now());
/// options.jobs = 2;
/// options.os = Some("debian:12".parse().unwrap());
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// What time it is: signatures and metadata expire. It is not written into the image.
    pub now: Timestamp,
    /// The time that the patched image says it was made at (`SOURCE_DATE_EPOCH`). Without it, the
    /// newest of the time of the image and the times of the files that the packages bring: the
    /// same image and packages make the same digest on any day.
    pub created: Option<Timestamp>,
    /// How many layers, packages and uploads are worked on at a time; 0 is 1.
    pub jobs: usize,
    /// The platform to patch, where the image has several.
    pub platform: Option<Platform>,
    /// The platform to patch where the image has several and none was asked for.
    pub host: Platform,
    /// The release of the distribution, where the image does not say.
    pub os: Option<Distro>,
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
    /// Patches the rest when some packages cannot be patched.
    pub ignore_errors: bool,
    /// Refuses packages whose scripts would have done something that is neither carried out nor
    /// known to have no meaning in an image; without it, they are warnings.
    pub refuse_scripts: bool,
    /// The moment of Debian's timestamped archive; without it, `now`.
    pub snapshot: Option<Timestamp>,
    /// How the patch layer is compressed.
    pub compression: Compression,
    /// Where indexes of layers and repositories, and packages, are kept between runs; `None`
    /// keeps nothing. Nobody else may be able to write there.
    pub cache_dir: Option<PathBuf>,
    /// What the patched image says it was made from (`org.opencontainers.image.base.name`).
    /// Without it, the reference of an image in a registry, and nothing for an image in a file.
    pub base_name: Option<String>,
    /// The tag of the patched image: what its version annotation says, where it has one.
    pub tag: Option<String>,
}

impl Options {
    /// The defaults at this time.
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            created: None,
            jobs: 4,
            platform: None,
            host: host(),
            os: None,
            mirrors: Vec::new(),
            host_sources: Vec::new(),
            keyring: None,
            allow_unsigned: false,
            allow_expired: false,
            ignore_errors: false,
            refuse_scripts: false,
            snapshot: None,
            compression: Compression::Gzip,
            cache_dir: None,
            base_name: None,
            tag: None,
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
