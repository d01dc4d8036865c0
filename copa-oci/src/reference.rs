//! References to images in registries, and their grammar.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::spec::digest::Digest;

/// The registry that a reference without one means.
const DOCKER_HUB: &str = "docker.io";
/// The longest repository, in characters.
const REPOSITORY_MAX: usize = 255;
/// The longest tag, in characters.
const TAG_MAX: usize = 128;

/// An image in a registry: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`.
///
/// The grammar is that of the
/// [reference library](https://pkg.go.dev/github.com/distribution/reference) of Docker and
/// containerd, with their defaults: the registry is `docker.io`, a repository of one word there is
/// below `library/`, and without tag and digest the tag is `latest`.
///
/// It is read by hand: compiling the regular expression that oci-spec has for it took a fifth of
/// the time of a whole patch. The tests compare the two.
///
/// # Examples
///
/// ```
/// use copa_oci::Reference;
/// let reference: Reference = "127.0.0.1:5000/team/app:1.0".parse().unwrap();
/// assert_eq!(reference.registry(), "127.0.0.1:5000");
/// assert_eq!(reference.repository(), "team/app");
/// assert_eq!(reference.tag(), Some("1.0"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// The registry as the reference names it: `HOST[:PORT]`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The host to connect to, with its port: the registry, but that of `docker.io` has another name.
    pub fn host(&self) -> &str {
        if self.registry == DOCKER_HUB { "registry-1.docker.io" } else { &self.registry }
    }

    /// The repository: `team/app`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag. There is none when there is only a digest.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest. It counts, whatever the tag says.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same repository under this tag, without a digest.
    #[must_use]
    pub fn with_tag(&self, tag: &str) -> Self {
        Self { tag: Some(tag.to_owned()), digest: None, ..self.clone() }
    }

    /// Whether this is a tag: a word of letters, digits, `_`, `.` and `-` of at most 128
    /// characters that does not begin with `.` or `-`.
    pub fn is_tag(text: &str) -> bool {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        text.starts_with(word)
            && text.len() <= TAG_MAX
            && text.chars().all(|c| word(c) || c == '.' || c == '-')
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse(text).map_err(|reason| Error::Invalid {
            what: "image reference",
            text: text.to_owned(),
            reason,
        })
    }
}

fn parse(text: &str) -> Result<Reference, String> {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest.parse::<Digest>().map_err(|e| e.to_string())?)),
        None => (text, None),
    };
    let (name, tag) = match rest.rsplit_once(':') {
        // After the colon of a port comes a slash, and a tag has none.
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    if let Some(wrong) = tag.filter(|tag| !Reference::is_tag(tag)) {
        return Err(format!("`{wrong}` is not a tag"));
    }
    let (registry, repository) = normalized(name);
    if !is_host(registry) {
        return Err(format!("`{registry}` is not the host of a registry"));
    }
    check_repository(&repository)?;
    let latest = if digest.is_none() { Some("latest") } else { None };
    let tag = tag.or(latest).map(str::to_owned);
    Ok(Reference { registry: registry.to_owned(), repository, tag, digest })
}

/// The registry and the repository that a name means.
fn normalized(name: &str) -> (&str, String) {
    let like_host = |first: &str| {
        first == "localhost"
            || first.contains(['.', ':', '['])
            || first.contains(|c: char| c.is_ascii_uppercase())
    };
    let (registry, repository) = match name.split_once('/') {
        Some(("index.docker.io", rest)) => (DOCKER_HUB, rest),
        Some((first, rest)) if like_host(first) => (first, rest),
        _ => (DOCKER_HUB, name),
    };
    if registry == DOCKER_HUB && !repository.is_empty() && !repository.contains('/') {
        return (registry, format!("library/{repository}"));
    }
    (registry, repository.to_owned())
}

fn check_repository(repository: &str) -> Result<(), String> {
    if repository.is_empty() {
        return Err("it names no repository".into());
    }
    if repository.chars().count() > REPOSITORY_MAX {
        return Err(format!("its repository has more than {REPOSITORY_MAX} characters"));
    }
    if repository.contains(|c: char| c.is_ascii_uppercase()) {
        return Err("repositories are in lower case".into());
    }
    match repository.split('/').find(|part| !is_component(part)) {
        Some(part) => Err(format!("`{part}` cannot be part of a repository's name")),
        None => Ok(()),
    }
}

/// Words of lower-case letters and digits; between two a dot, one or two underscores, or dashes.
fn is_component(text: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let joins = |gap: &str| matches!(gap, "." | "_" | "__") || gap.chars().all(|c| c == '-');
    text.starts_with(word) && text.ends_with(word) && text.split(word).all(joins)
}

/// `HOST[:PORT]`, where the host is a name, an IPv4 address, or an IPv6 address in brackets.
fn is_host(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        let port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return port && address.parse::<Ipv6Addr>().is_ok();
    }
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    };
    port.is_none_or(is_port) && name.split('.').all(is_label)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

fn is_label(text: &str) -> bool {
    let end = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(end) && text.ends_with(end) && text.chars().all(|c| end(c) || c == '-')
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

#[cfg(test)]
mod tests {
    use oci_spec::distribution::Reference as Oracle;
    use proptest::prelude::*;

    use super::*;

    fn reason(text: &str) -> String {
        match text.parse::<Reference>() {
            Err(Error::Invalid { reason, .. }) => reason,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_the_grammar_leaves_out_has_its_default() {
        let digest = Digest::sha256(b"");
        for (text, whole, host) in [
            ("nginx", "docker.io/library/nginx:latest", "registry-1.docker.io"),
            ("index.docker.io/nginx:1", "docker.io/library/nginx:1", "registry-1.docker.io"),
            ("team/app", "docker.io/team/app:latest", "registry-1.docker.io"),
            ("localhost/app", "localhost/app:latest", "localhost"),
            ("Host/app", "Host/app:latest", "Host"),
            ("[::1]:5000/app:a", "[::1]:5000/app:a", "[::1]:5000"),
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!((reference.to_string().as_str(), reference.host()), (whole, host), "{text}");
            assert_eq!(whole.parse::<Reference>().unwrap(), reference);
        }
        let pinned: Reference = format!("h:1/r@{digest}").parse().unwrap();
        assert_eq!((pinned.tag(), pinned.digest()), (None, Some(&digest)));
        assert_eq!(pinned.with_tag("x").to_string(), "h:1/r:x");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, says) in [
            ("", "no repository"),
            ("host.example/", "no repository"),
            ("host.example/App", "lower case"),
            ("a//b", "`` cannot be part"),
            ("a/b..c", "`b..c` cannot be part"),
            ("a:b c", "`b c` is not a tag"),
            ("-h.example/a", "`-h.example` is not the host"),
            ("h:99999/a", "`h:99999` is not the host"),
            ("[::g]/a", "`[::g]` is not the host"),
            ("[::1]5/a", "`[::1]5` is not the host"),
            ("a@sha256:00", "right length"),
            ("a@md5:00", "neither sha256 nor sha512"),
        ] {
            assert!(reason(text).contains(says), "{text}: {}", reason(text));
        }
        assert!(reason(&format!("h.example/{}", "a".repeat(256))).contains("255"));
        assert!(reason(&format!("a:{}", "b".repeat(129))).contains("not a tag"));
    }

    proptest! {
        /// What the library reads, we read alike; what it refuses, we refuse. It does not know
        /// IPv6 addresses and hosts that only their capitals tell from a repository, and takes
        /// ports over 65535; none of these is made here.
        #[test]
        fn the_grammar_is_the_librarys(
            text in "([a-z0-9-]{1,4}(\\.[a-zA-Z0-9-]{1,4}){1,2}(:[0-9]{1,4})?/|localhost/|index\\.docker\\.io/)?\
                     [a-z0-9._/-]{0,12}(:[a-zA-Z0-9._-]{0,6})?(@sha256:[0-9a-f]{62,65})?"
        ) {
            let oracle = text.parse::<Oracle>().ok();
            let ours = text.parse::<Reference>().ok();
            prop_assert_eq!(ours.as_ref().map(ToString::to_string), oracle.as_ref().map(Oracle::whole));
            if let (Some(ours), Some(oracle)) = (ours, oracle) {
                prop_assert_eq!(ours.registry(), oracle.registry());
                prop_assert_eq!(ours.repository(), oracle.repository());
                prop_assert_eq!(ours.tag(), oracle.tag());
            }
        }

        #[test]
        fn no_text_is_too_much(text in any::<String>()) {
            let _ = text.parse::<Reference>();
        }
    }
}
