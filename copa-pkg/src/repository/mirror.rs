//! Mirrors that the user names.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::distro::table;
use crate::error::{Error, Result};

/// A copy of an archive that is to be used in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mirror {
    /// Which archive: `debian` or `debian-security`; of RPM distributions, which one:
    /// `azurelinux`, `fedora`, `rocky`.
    pub name: String,
    /// The archive's root, below which `dists` and `pool` are, or a folder that holds `repodata`,
    /// or what the distribution's repositories are below: `http:`, `https:` or `file:`.
    pub url: Url,
}

impl Mirror {
    /// A mirror that is a folder of this machine.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when there is no archive of this name, or the path is not absolute.
    ///
    /// # Examples
    ///
    /// ```
    /// let mirror = copa_pkg::Mirror::folder("debian", "/srv/mirror/debian".as_ref()).unwrap();
    /// assert_eq!(mirror.to_string(), "debian=file:///srv/mirror/debian/");
    /// ```
    pub fn folder(name: &str, path: &Path) -> Result<Self> {
        let url = Url::from_directory_path(path).map_err(|()| Error::Invalid {
            what: "mirror",
            text: path.display().to_string(),
            reason: "the path is not absolute".into(),
        })?;
        format!("{name}={url}").parse()
    }
}

impl FromStr for Mirror {
    type Err = Error;

    /// Reads `debian=https://mirror.example/debian`.
    fn from_str(text: &str) -> Result<Self> {
        let invalid = |reason: String| Error::Invalid { what: "mirror", text: text.into(), reason };
        let (name, url) =
            text.split_once('=').ok_or_else(|| invalid("it is not NAME=URL".into()))?;
        if !table::mirror_names().any(|archive| archive == name) {
            let known: Vec<&str> = table::mirror_names().collect();
            return Err(invalid(format!("`{name}` is none of {}", known.join(", "))));
        }
        let url: Url = url.parse().map_err(|e| invalid(format!("its URL: {e}")))?;
        if !matches!(url.scheme(), "http" | "https" | "file") {
            return Err(invalid("its URL is not http, https or file".into()));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("its URL has a query or a fragment".into()));
        }
        Ok(Self { name: name.into(), url })
    }
}

impl TryFrom<String> for Mirror {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Mirror> for String {
    fn from(mirror: Mirror) -> Self {
        mirror.to_string()
    }
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_read_and_written() {
        for text in [
            "debian=https://a.example/debian",
            "debian-security=file:///srv/security",
            "azurelinux=https://a.example/x",
        ] {
            assert_eq!(text.parse::<Mirror>().unwrap().to_string(), text);
        }
        for bad in ["debian", "ubuntu=https://a.example/", "debian=ftp://a.example/", "debian=x"] {
            assert!(bad.parse::<Mirror>().is_err(), "{bad}");
        }
    }
}
