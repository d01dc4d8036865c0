//! A release of a distribution.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::distro::table::{self, Releases, Row};
use crate::error::{Error, Result};
use crate::version::format::Format;

/// A release of a distribution.
///
/// Debian's releases are known one by one; of a distribution with RPM packages, any release is
/// taken as its `os-release(5)` numbers it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub struct Distro {
    /// The distribution, as `os-release(5)`'s `ID` has it: `debian`.
    pub id: String,
    /// The release without its point release: `12`, `3.0`.
    pub version: String,
    /// The name of the release, by which archives know it: `bookworm`. Empty where archives go by
    /// the number.
    pub codename: String,
}

impl Distro {
    /// A release of a distribution by its `ID` and `VERSION_ID` in `os-release(5)`, or by the name of
    /// the release where releases have names: `debian` and `12.11` or `bookworm`.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for distributions and releases that are not supported,
    /// [`Error::Invalid`] when the release is not a number.
    pub fn new(id: &str, release: &str) -> Result<Self> {
        let row = table::row(id).ok_or_else(|| unsupported(id, release, ""))?;
        match row.releases {
            Releases::Named(all) => named(row, all, release),
            Releases::Numbered(parts) => numbered(row, parts, release),
        }
    }

    /// The format of its packages.
    pub fn format(&self) -> Format {
        self.row().map_or(Format::Deb, |row| row.format)
    }

    /// What mirrors of it are called in `NAME=URL`; the first is named in hints.
    pub(crate) fn mirror_names(&self) -> &'static [&'static str] {
        self.row().map_or(&[], |row| row.mirrors)
    }

    /// The `ID` of the distribution that a scanner calls by this name: `ol` for Trivy's `oracle`.
    pub fn id_of_scanner(name: &str) -> &str {
        table::id_of_scanner(name)
    }

    fn row(&self) -> Option<&'static Row> {
        table::row(&self.id)
    }
}

fn named(row: &Row, all: &[(&str, &str)], release: &str) -> Result<Distro> {
    let major = release.split('.').next().unwrap_or_default();
    let is = |(version, codename): &&(&str, &str)| {
        *version == major || codename.eq_ignore_ascii_case(release)
    };
    let (version, codename) = all.iter().find(is).ok_or_else(|| Error::Unsupported {
        what: format!("{} {}", row.id, shown(release)),
        reason: supported(),
    })?;
    Ok(Distro { id: row.id.into(), version: (*version).into(), codename: (*codename).into() })
}

fn numbered(row: &Row, parts: usize, release: &str) -> Result<Distro> {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if release.len() > 30 || !release.split('.').all(number) {
        let (what, text) = ("release", shown(release));
        return Err(Error::Invalid { what, text, reason: "it is not a number".into() });
    }
    let version = release.split('.').take(parts).collect::<Vec<_>>().join(".");
    Ok(Distro { id: row.id.into(), version, codename: String::new() })
}

impl FromStr for Distro {
    type Err = Error;

    /// Reads `debian:12`, `debian:12.11`, `debian:bookworm` or `azurelinux:3.0`.
    fn from_str(text: &str) -> Result<Self> {
        match text.split_once(':') {
            Some((id, release)) if !id.is_empty() && !release.is_empty() => Self::new(id, release),
            _ => Err(Error::Invalid {
                what: "distribution",
                text: shown(text),
                reason: "it is a name and a release, like debian:12".into(),
            }),
        }
    }
}

impl TryFrom<String> for Distro {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Distro> for String {
    fn from(distro: Distro) -> Self {
        format!("{}:{}", distro.id, distro.version)
    }
}

impl fmt::Display for Distro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.version)?;
        if self.codename.is_empty() { Ok(()) } else { write!(f, " ({})", self.codename) }
    }
}

/// That a distribution is not supported, and which ones are. `before` says how it came up.
pub(super) fn unsupported(id: &str, release: &str, before: &str) -> Error {
    let what = format!("distribution {} {}", shown(id), shown(release));
    Error::Unsupported { what: what.trim_end().into(), reason: format!("{before}{}", supported()) }
}

/// The supported distributions, in one sentence.
fn supported() -> String {
    let mut ids: Vec<&str> = table::rows().skip(1).map(|row| row.id).collect();
    ids.sort_unstable();
    format!("Debian 11, 12 and 13 are, and {}", ids.join(", "))
}

/// Text of an image, fit to be shown.
pub(super) fn shown(text: &str) -> String {
    text.trim().chars().take(60).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn releases_are_named_in_several_ways() {
        for text in ["debian:12", "debian:12.11", "debian:bookworm", "Debian:Bookworm"] {
            let distro: Distro = text.parse().unwrap();
            assert_eq!((&*distro.version, &*distro.codename), ("12", "bookworm"), "{text}");
        }
        for text in ["", "debian", "debian:", ":12", "debian:10", "debian:sid", "ubuntu:22.04"] {
            assert!(text.parse::<Distro>().is_err(), "{text}");
        }
        assert_eq!("debian:13".parse::<Distro>().unwrap().to_string(), "debian 13 (trixie)");
        for (text, shown) in [
            ("azurelinux:3.0", "azurelinux 3.0"),
            ("azurelinux:3.0.20240101", "azurelinux 3.0"),
            ("rhel:9.4", "rhel 9"),
            ("Fedora:41", "fedora 41"),
            ("amzn:2023", "amzn 2023"),
            ("sles:15.6", "sles 15.6"),
        ] {
            let distro: Distro = text.parse().unwrap();
            assert_eq!((distro.to_string(), distro.format()), (shown.into(), Format::Rpm));
            assert_eq!(String::from(distro.clone()).parse::<Distro>().unwrap(), distro);
        }
        for text in ["rhel:nine", "rhel:9.", "fedora:", "fedora:rawhide", "fedora:../../x"] {
            assert!(text.parse::<Distro>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let _ = text.parse::<Distro>();
        }
    }
}
