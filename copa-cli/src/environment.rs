//! The one place that reads the environment, the clock and the host's own files.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use copa_core::pkg::HostFile;

/// What the process was started with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
}

/// Proxies, as every client reads them: lower case first, `all_proxy` last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Proxies {
    pub(crate) http: Option<String>,
    pub(crate) https: Option<String>,
    pub(crate) none_for: Option<String>,
}

impl Environment {
    /// The environment of this process; variables that are not UTF-8 are left out.
    pub(crate) fn of_this_process() -> Self {
        let utf8 = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self { variables: env::vars_os().filter_map(utf8).collect() }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    fn home(&self, below: &str) -> Option<PathBuf> {
        Some(self.path("HOME")?.join(below))
    }

    /// Where the user's settings are.
    pub(crate) fn config_file(&self) -> Option<PathBuf> {
        let dir = self.path("XDG_CONFIG_HOME").or_else(|| self.home(".config"))?;
        Some(dir.join("copa/config.toml"))
    }

    /// Where things are kept between runs.
    pub(crate) fn cache_dir(&self) -> Option<PathBuf> {
        let dir = self.path("XDG_CACHE_HOME").or_else(|| self.home(".cache"))?;
        Some(dir.join("copa"))
    }

    /// The files in which registry credentials are kept, the first to be looked at first.
    pub(crate) fn credential_files(&self) -> Vec<PathBuf> {
        if let Some(file) = self.path("REGISTRY_AUTH_FILE") {
            return vec![file];
        }
        let podman = [
            self.path("XDG_RUNTIME_DIR").map(|dir| dir.join("containers/auth.json")),
            self.path("XDG_CONFIG_HOME")
                .or_else(|| self.home(".config"))
                .map(|dir| dir.join("containers/auth.json")),
        ];
        let docker = self.path("DOCKER_CONFIG").or_else(|| self.home(".docker"));
        podman.into_iter().chain([docker.map(|dir| dir.join("config.json"))]).flatten().collect()
    }

    /// A bundle of certificates that the user trusts.
    pub(crate) fn ca_file(&self) -> Option<PathBuf> {
        self.path("SSL_CERT_FILE")
    }

    /// The proxies.
    pub(crate) fn proxies(&self) -> Proxies {
        let either = |name: &str| {
            self.get(name).or_else(|| self.get(&name.to_uppercase())).map(str::to_owned)
        };
        let all = either("all_proxy");
        Proxies {
            http: either("http_proxy").or_else(|| all.clone()),
            https: either("https_proxy").or(all),
            none_for: either("no_proxy"),
        }
    }

    /// The moment that everything written is to be dated: `SOURCE_DATE_EPOCH`.
    pub(crate) fn source_date(&self) -> anyhow::Result<Option<jiff::Timestamp>> {
        let Some(text) = self.get("SOURCE_DATE_EPOCH") else { return Ok(None) };
        let invalid = || anyhow::anyhow!("SOURCE_DATE_EPOCH `{text}` is not a number of seconds");
        let seconds = text.parse().map_err(|_| invalid())?;
        Ok(Some(jiff::Timestamp::from_second(seconds).map_err(|_| invalid())?))
    }
}

/// The clock.
pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// The host's own apt sources and the keys that they may name, when it runs Debian. Others take
/// the names of Debian's releases for their own: Raspbian has a `bookworm` too.
pub(crate) fn host_sources() -> Vec<HostFile> {
    let release = ["/etc/os-release", "/usr/lib/os-release"].map(fs::read_to_string);
    if !release.into_iter().find_map(Result::ok).is_some_and(|text| is_debian(&text)) {
        return Vec::new();
    }
    const FILES: [&str; 2] = ["etc/apt/sources.list", "etc/apt/trusted.gpg"];
    const FOLDERS: [&str; 4] = [
        "etc/apt/sources.list.d",
        "etc/apt/keyrings",
        "etc/apt/trusted.gpg.d",
        "usr/share/keyrings",
    ];
    let below = |folder: &&str| {
        let entries = fs::read_dir(Path::new("/").join(folder)).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    let files = FILES.iter().map(|file| Path::new("/").join(file));
    files.chain(FOLDERS.iter().flat_map(below)).filter_map(|path| host_file(&path)).collect()
}

/// Whether an os-release is Debian's.
fn is_debian(os_release: &str) -> bool {
    let id = os_release.lines().rev().find_map(|line| line.trim().strip_prefix("ID="));
    id.is_some_and(|id| id.trim_matches(['"', '\'']) == "debian")
}

/// A regular file of at most 1 MiB.
fn host_file(path: &Path) -> Option<HostFile> {
    let size = fs::metadata(path).ok().filter(fs::Metadata::is_file)?.len();
    let content = (size <= 1 << 20).then(|| fs::read(path).ok()).flatten()?;
    Some(HostFile { path: path.strip_prefix("/").ok()?.to_owned(), content: content.into() })
}

#[cfg(test)]
impl Environment {
    pub(crate) fn with(pairs: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self { variables: pairs.iter().map(owned).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_looked_for_where_podman_and_docker_keep_them() {
        let home = Environment::with(&[("HOME", "/h")]);
        assert_eq!(
            home.credential_files(),
            ["/h/.config/containers/auth.json", "/h/.docker/config.json"].map(PathBuf::from)
        );
        let one = Environment::with(&[("HOME", "/h"), ("REGISTRY_AUTH_FILE", "/a")]);
        assert_eq!(one.credential_files(), [PathBuf::from("/a")]);
        assert!(Environment::default().credential_files().is_empty());
    }

    #[test]
    fn proxies_are_read_in_both_cases() {
        let env = Environment::with(&[
            ("HTTPS_PROXY", "http://p:1"),
            ("https_proxy", "http://q:1"),
            ("ALL_PROXY", "socks5://s"),
            ("NO_PROXY", ""),
        ]);
        let proxies = env.proxies();
        assert_eq!(proxies.https.as_deref(), Some("http://q:1"));
        assert_eq!(proxies.http.as_deref(), Some("socks5://s"));
        assert_eq!(proxies.none_for, None);
    }

    #[test]
    fn only_debian_is_debian() {
        assert!(is_debian("PRETTY_NAME=\"Debian\"\nVERSION_ID=\"12\"\nID=debian\n"));
        assert!(is_debian("ID=\"debian\"\n"));
        for other in ["", "ID=raspbian\nID_LIKE=debian\n", "VERSION_ID=12\n", "#ID=debian\n"] {
            assert!(!is_debian(other), "{other}");
        }
    }

    #[test]
    fn the_source_date_is_seconds() {
        let date = |text| Environment::with(&[("SOURCE_DATE_EPOCH", text)]).source_date();
        assert_eq!(date("0").unwrap(), Some(jiff::Timestamp::UNIX_EPOCH));
        assert!(date("yesterday").is_err());
    }
}
