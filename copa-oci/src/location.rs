//! Addresses of images, as skopeo spells them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::reference::Reference;
use crate::spec::digest::Digest;

/// Where an image is, or is to be written.
///
/// # Examples
///
/// ```
/// use copa_oci::Location;
/// let short: Location = "nginx".parse().unwrap();
/// assert_eq!(short.to_string(), "docker.io/library/nginx:latest");
/// let layout: Location = "oci:./image:1.0".parse().unwrap();
/// assert_eq!(layout.name(), "1.0");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// A registry: `127.0.0.1:5000/team/app:1.0`, `docker.io/library/nginx@sha256:…`.
    Registry(Reference),
    /// An OCI image layout in a directory: `oci:DIR[:TAG]`.
    OciLayout(PathBuf, Option<String>),
    /// An OCI image layout in a tar file: `oci-archive:FILE[:TAG]`.
    OciArchive(PathBuf, Option<String>),
    /// What `docker save` writes: `docker-archive:FILE[:REPOSITORY:TAG]`.
    DockerArchive(PathBuf, Option<String>),
}

impl Location {
    /// The name to resolve there: a tag, a digest, or empty for the only image there is.
    pub fn name(&self) -> &str {
        match self {
            Self::Registry(reference) => {
                let digest = reference.digest().map(Digest::as_str);
                digest.or(reference.tag()).unwrap_or("latest")
            }
            Self::OciLayout(_, name) | Self::OciArchive(_, name) | Self::DockerArchive(_, name) => {
                name.as_deref().unwrap_or_default()
            }
        }
    }

    /// The same place under another name (a tag).
    #[must_use]
    pub fn with_name(&self, name: &str) -> Self {
        let named = Some(name.to_owned());
        match self {
            Self::Registry(reference) => Self::Registry(reference.with_tag(name)),
            Self::OciLayout(path, _) => Self::OciLayout(path.clone(), named),
            Self::OciArchive(path, _) => Self::OciArchive(path.clone(), named),
            Self::DockerArchive(path, _) => Self::DockerArchive(path.clone(), named),
        }
    }
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let file = |rest: &str| split_name(rest).ok_or_else(|| invalid(text, "names no file"));
        if let Some(rest) = text.strip_prefix("oci:") {
            let (path, name) = file(rest)?;
            return Ok(Self::OciLayout(path, name));
        }
        if let Some(rest) = text.strip_prefix("oci-archive:") {
            let (path, name) = file(rest)?;
            return Ok(Self::OciArchive(path, name));
        }
        if let Some(rest) = text.strip_prefix("docker-archive:") {
            let (path, name) = file(rest)?;
            return Ok(Self::DockerArchive(path, name));
        }
        let reference = text.strip_prefix("docker://").unwrap_or(text);
        reference.parse().map(Self::Registry)
    }
}

/// Splits `PATH[:NAME]` at the first colon, as skopeo does.
fn split_name(text: &str) -> Option<(PathBuf, Option<String>)> {
    let (path, name) = match text.split_once(':') {
        Some((path, name)) => (path, Some(name.to_owned()).filter(|name| !name.is_empty())),
        None => (text, None),
    };
    (!path.is_empty()).then(|| (PathBuf::from(path), name))
}

fn invalid(text: &str, reason: &str) -> Error {
    Error::Invalid { what: "image address", text: text.to_owned(), reason: reason.to_owned() }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, path, name) = match self {
            Self::Registry(reference) => return write!(f, "{reference}"),
            Self::OciLayout(path, name) => ("oci", path, name),
            Self::OciArchive(path, name) => ("oci-archive", path, name),
            Self::DockerArchive(path, name) => ("docker-archive", path, name),
        };
        write!(f, "{scheme}:{}", path.display())?;
        name.iter().try_for_each(|name| write!(f, ":{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_printed() {
        for (text, printed, name) in [
            ("nginx", "docker.io/library/nginx:latest", "latest"),
            ("127.0.0.1:5000/team/app:1.0", "127.0.0.1:5000/team/app:1.0", "1.0"),
            ("docker://localhost/a:b", "localhost/a:b", "b"),
            ("oci:./dir", "oci:./dir", ""),
            ("oci:dir:1.0", "oci:dir:1.0", "1.0"),
            ("oci-archive:/a/b.tar:x", "oci-archive:/a/b.tar:x", "x"),
            ("docker-archive:b.tar:r/n:t", "docker-archive:b.tar:r/n:t", "r/n:t"),
        ] {
            let location: Location = text.parse().unwrap();
            assert_eq!((location.to_string().as_str(), location.name()), (printed, name), "{text}");
        }
        for text in ["", "oci:", "oci::x", "UPPER/case:1 2", "a b", "docker-archive:"] {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_digest_is_the_name() {
        let digest = Digest::sha256(b"");
        let location: Location = format!("h:1/r:tag@{digest}").parse().unwrap();
        assert_eq!(location.name(), digest.as_str());
        assert_eq!(location.with_name("new").to_string(), "h:1/r:new");
    }
}
