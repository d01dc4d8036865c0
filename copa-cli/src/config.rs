//! The settings file: TOML, the flags by their names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

use crate::args::ProgressStyle;

/// What a settings file may say. A flag or its variable wins over it; relative paths start at the
/// folder of the file.
///
/// ```toml
/// keyring = ["keys/mirror.gpg"]
/// timeout = "10m"
/// [mirror]
/// debian = "https://mirror.example/debian"
/// debian-security = "https://mirror.example/debian-security"
/// ```
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) image: Option<String>,
    pub(crate) report: Option<PathBuf>,
    pub(crate) tag: Option<String>,
    pub(crate) os: Option<String>,
    #[serde(default)]
    pub(crate) mirror: BTreeMap<String, Urls>,
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
    pub(crate) refuse_scripts: bool,
    #[serde(default)]
    pub(crate) allow_unsigned: bool,
    #[serde(default)]
    pub(crate) allow_expired: bool,
}

/// One mirror of a name, or several.
#[derive(Debug, Deserialize)]
#[serde(from = "OneOrMany")]
pub(crate) struct Urls(Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for Urls {
    fn from(urls: OneOrMany) -> Self {
        match urls {
            OneOrMany::One(url) => Self(vec![url]),
            OneOrMany::Many(urls) => Self(urls),
        }
    }
}

/// `oci:DIR` and its like, with a relative path put below the folder.
fn image_below(image: &str, folder: &Path) -> String {
    const FILES: [&str; 3] = ["oci:", "oci-archive:", "docker-archive:"];
    let file = FILES.iter().find_map(|kind| Some((kind, image.strip_prefix(kind)?)));
    file.map_or_else(
        || image.to_owned(),
        |(kind, path)| format!("{kind}{}", folder.join(path).display()),
    )
}

/// A mirror that is a folder, put below the folder; a URL as it is.
fn folder_below(mirror: &str, folder: &Path) -> String {
    if mirror.contains(':') {
        return mirror.to_owned();
    }
    folder.join(mirror).display().to_string()
}

impl Config {
    /// Reads a settings file. The one that was named must be there, the default one need not.
    pub(crate) fn load(named: Option<&Path>, default: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = named.or(default.filter(|path| path.is_file())) else {
            return Ok(Self::default());
        };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("read the settings {}", path.display()))?;
        let config = Self::parse(&text).with_context(|| format!("settings {}", path.display()))?;
        Ok(config.below(path.parent().unwrap_or(Path::new(""))))
    }

    /// The same settings with relative paths below `folder`.
    fn below(mut self, folder: &Path) -> Self {
        let join = |path: &mut PathBuf| *path = folder.join(&*path);
        self.keyring.iter_mut().chain(&mut self.ca_file).for_each(join);
        for path in [&mut self.report, &mut self.authfile, &mut self.cache_dir] {
            path.iter_mut().for_each(join);
        }
        if let Some(image) = &mut self.image {
            *image = image_below(image, folder);
        }
        for urls in self.mirror.values_mut() {
            urls.0.iter_mut().for_each(|url| *url = folder_below(url, folder));
        }
        self
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        if text.contains("kind: PatchConfig") {
            anyhow::bail!(
                "this is Copacetic's configuration of many images, which copa cannot \
                do yet: call it once an image"
            );
        }
        Ok(toml::from_str(text)?)
    }

    /// The mirrors, as `NAME=URL`.
    pub(crate) fn mirrors(&self) -> Vec<String> {
        let named = |(name, urls): (&String, &Urls)| {
            urls.0.iter().map(|url| format!("{name}={url}")).collect::<Vec<_>>()
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
    fn relative_paths_start_at_the_file() {
        let text = "image = 'oci:image:12'\nreport = '/r.json'\nkeyring = ['k.gpg']\n[mirror]\n\
            debian = ['mirror/debian', 'https://m/debian']\n";
        let config = Config::parse(text).unwrap().below(Path::new("data"));
        assert_eq!(config.image.as_deref(), Some("oci:data/image:12"));
        assert_eq!(config.report, Some(PathBuf::from("/r.json")));
        assert_eq!(config.keyring, [PathBuf::from("data/k.gpg")]);
        assert_eq!(config.mirrors(), ["debian=data/mirror/debian", "debian=https://m/debian"]);
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
