//! What an image runs on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// An operating system and a processor: `linux/arm64`, `linux/arm/v7`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// `linux` for every image that can be patched.
    pub os: String,
    /// Go's name of the architecture: `amd64`, `arm64`, `arm`, `386`, `ppc64le`, `s390x`, `riscv64`.
    pub architecture: String,
    /// The variant: `v7`, `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Everything else (`os.version`, `os.features`), untouched.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Platform {
    /// Whether an image for `self` is what somebody who asked for `wanted` means:
    /// the same system and architecture, and the same variant unless none was asked for.
    /// `arm64` and `arm64/v8` are the same.
    pub fn satisfies(&self, wanted: &Self) -> bool {
        let variant = |p: &Self| match (p.architecture.as_str(), p.variant.as_deref()) {
            ("arm64", Some("v8")) => None,
            (_, variant) => variant.map(str::to_owned),
        };
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (variant(wanted).is_none() || variant(self) == variant(wanted))
    }
}

impl FromStr for Platform {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match parts[..] {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant)),
            _ => ("", "", None),
        };
        if os.is_empty() || architecture.is_empty() || variant == Some("") {
            return Err(Error::Invalid {
                what: "platform",
                text: text.to_owned(),
                reason: "expected OS/ARCHITECTURE[/VARIANT], such as linux/arm64".into(),
            });
        }
        Ok(Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
            other: Map::new(),
        })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_match_as_people_mean_them() {
        for (have, want, fits) in [
            ("linux/amd64", "linux/amd64", true),
            ("linux/arm64/v8", "linux/arm64", true),
            ("linux/arm64", "linux/arm64/v8", true),
            ("linux/arm/v7", "linux/arm", true),
            ("linux/arm/v6", "linux/arm/v7", false),
            ("windows/amd64", "linux/amd64", false),
        ] {
            let (a, b): (Platform, Platform) = (have.parse().unwrap(), want.parse().unwrap());
            assert_eq!(a.satisfies(&b), fits, "{have} for {want}");
        }
        for text in ["linux", "linux/", "/amd64", "linux/arm/", "a/b/c/d", ""] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }
}
