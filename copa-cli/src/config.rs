//! The settings file: TOML, the flags by their names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

use crate::args::ProgressStyle;

/// What a settings file may say. A flag or its variable wins over it.
///
/// ```toml
/// keyring = ["/etc/keys/mirror.gpg"]
/// timeout = "10m"
/// [mirror]
/// debian = "https://mirror.example/debian"
/// debian-security = "https://mirror.example/debian-security"
/// ```
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default)]
    pub(crate) mirror: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    pub(crate) keyring: Vec<PathBuf>,
    #[serde(default)]
    pub(crate) ca_file: Vec<PathBuf>,
    pub(crate) authfile: Option<PathBuf>,
    pub(crate) cache_dir: Option<PathBuf>,
    pub(crate) tag_suffix: Option<String>,
    pub(crate) platform: Option<String>,
    pub(crate) snapshot: Option<String>,
    pub(crate) timeout: Option<String>,
    pub(crate) jobs: Option<usize>,
    pub(crate) progress: Option<ProgressStyle>,
    #[serde(default)]
    pub(crate) no_cache: bool,
    #[serde(default)]
    pub(crate) plain_http: bool,
    #[serde(default)]
    pub(crate) ignore_errors: bool,
    #[serde(default)]
    pub(crate) allow_unsigned: bool,
    #[serde(default)]
    pub(crate) allow_expired: bool,
}

/// One mirror of a name, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Config {
    /// Reads a settings file. The one that was named must be there, the default one need not.
    pub(crate) fn load(named: Option<&Path>, default: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = named.or(default.filter(|path| path.is_file())) else {
            return Ok(Self::default());
        };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("read the settings {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("settings {}", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        if text.contains("kind: PatchConfig") {
            anyhow::bail!("this is Copacetic's configuration of many images, which copa cannot \
                do yet: call it once an image");
        }
        Ok(toml::from_str(text)?)
    }

    /// The mirrors, as `NAME=URL`.
    pub(crate) fn mirrors(&self) -> Vec<String> {
        let urls = |urls: &OneOrMany| match urls {
            OneOrMany::One(url) => vec![url.clone()],
            OneOrMany::Many(urls) => urls.clone(),
        };
        let named = |(name, value): (&String, &OneOrMany)| {
            urls(value).into_iter().map(|url| format!("{name}={url}")).collect::<Vec<_>>()
        };
        self.mirror.iter().flat_map(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settings_file_speaks_the_names_of_the_flags() {
        let text = "timeout = '10m'\nignore-errors = true\n[mirror]\ndebian = 'file:///m'\n\
            debian-security = ['http://a', 'http://b']\n";
        let config = Config::parse(text).unwrap();
        assert!(config.ignore_errors);
        assert_eq!(
            config.mirrors(),
            ["debian=file:///m", "debian-security=http://a", "debian-security=http://b"]
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (text, word) in [
            ("mirrors = 1", "mirrors"),
            ("jobs = 'many'", "jobs"),
            ("apiVersion: copa.sh/v1alpha1\nkind: PatchConfig\n", "Copacetic"),
        ] {
            let error = format!("{:#}", Config::parse(text).unwrap_err());
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn only_the_file_that_was_named_must_be_there() {
        let missing = Path::new("no/such/file");
        assert!(Config::load(None, Some(missing)).is_ok());
        assert!(Config::load(Some(missing), None).is_err());
    }
}
