//! `config.json` of Docker, and `auth.json` of Podman and skopeo.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::Deserialize;
use tokio::io::AsyncReadExt;

use crate::credentials::credential::{Credential, Secret};
use crate::error::{Error, Result};

const LIMIT: u64 = 1 << 20;
/// The name under which Docker keeps its own registry.
const DOCKER_KEY: &str = "https://index.docker.io/v1/";

/// The parts of such a file that are about registries.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AuthFile {
    auths: BTreeMap<String, Option<Login>>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

/// One login, as written.
#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub(super) struct Login {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// What a file knows about a registry: where to find its credential.
pub(super) enum Known {
    /// A program to ask.
    Helper { name: String, server: String },
    /// A login in the file itself.
    Login(Login),
}

/// The file, or nothing when there is none.
pub(super) async fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let failed = |source| Error::Io { action: "read", path: path.to_owned(), source };
    let file = match tokio::fs::File::open(path).await {
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        file => file.map_err(failed)?,
    };
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes).await.map_err(failed)?;
    if bytes.len() as u64 > LIMIT {
        let what = path.display().to_string();
        return Err(Error::TooLarge { what, limit: format!("{LIMIT} bytes") });
    }
    Ok(Some(bytes))
}

impl AuthFile {
    /// An empty file is what `docker logout` and some secrets stores leave.
    pub(super) fn parse(bytes: &[u8]) -> serde_json::Result<Self> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(bytes)
    }

    /// Where this file says that the credential of a repository is, in the order of precedence.
    pub(super) fn entries(self, registry: &str, repository: &str) -> Vec<Known> {
        let registry = normal(registry);
        let server = if registry == "docker.io" { DOCKER_KEY } else { &registry };
        let helper = |name: String| Known::Helper { name, server: server.to_owned() };
        let own = self.cred_helpers.into_iter().find(|(key, _)| normal(key) == registry);
        let mut entries: Vec<_> = own.map(|(_, name)| helper(name)).into_iter().collect();

        let mut logins: Vec<_> =
            self.auths.into_iter().map(|(k, login)| (normal(&k), login)).collect();
        logins.retain(|(key, _)| leads(key, &registry, repository));
        logins.sort_by_key(|(key, _)| std::cmp::Reverse(key.len()));
        entries.extend(logins.into_iter().filter_map(|(_, login)| Some(Known::Login(login?))));

        entries.extend(self.creds_store.filter(|name| !name.is_empty()).map(helper));
        entries
    }
}

/// Whether a key is the registry alone, or the registry and a leading part of the repository that
/// ends at a slash.
fn leads(key: &str, registry: &str, repository: &str) -> bool {
    let Some(rest) = key.strip_prefix(registry) else { return false };
    let namespace = match rest.strip_prefix('/') {
        Some(namespace) => namespace,
        None => return rest.is_empty(),
    };
    repository.strip_prefix(namespace).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A key without its scheme, and without the path that follows a scheme. All names of Docker Hub
/// become `docker.io`.
fn normal(key: &str) -> String {
    let bare = key.strip_prefix("https://").or(key.strip_prefix("http://"));
    let key = match bare {
        Some(rest) => rest.split('/').next().unwrap_or(rest),
        None => key.trim_end_matches('/'),
    };
    let (host, path) = key.split_once('/').unwrap_or((key, ""));
    match (host, path) {
        ("docker.io" | "index.docker.io" | "registry-1.docker.io", "" | "v1") => "docker.io".into(),
        ("index.docker.io" | "registry-1.docker.io", path) => format!("docker.io/{path}"),
        _ => key.to_owned(),
    }
}

impl Login {
    /// The credential written here. `None` for the empty entries that are left where a helper
    /// holds the secret.
    pub(super) fn credential(self, file: &str) -> Result<Option<Credential>> {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        if let Some(token) = filled(self.registrytoken) {
            return Ok(Some(Credential::RegistryToken(token.into())));
        }
        if let Some(token) = filled(self.identitytoken) {
            return Ok(Some(Credential::IdentityToken(token.into())));
        }
        if let Some(auth) = filled(self.auth) {
            let invalid = || Error::Invalid {
                what: "credential file",
                text: file.to_owned(),
                reason: "an `auth` is not USER:PASSWORD in base64".into(),
            };
            let (user, password) = decode(&auth).ok_or_else(invalid)?;
            return Ok(Some(Credential::Basic { user, password }));
        }
        let both = filled(self.username).zip(filled(self.password));
        Ok(both.map(|(user, password)| Credential::Basic { user, password: password.into() }))
    }
}

fn decode(auth: &str) -> Option<(String, Secret)> {
    let auth = auth.trim();
    let bytes = STANDARD.decode(auth).or_else(|_| STANDARD_NO_PAD.decode(auth)).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    // Old versions of Docker pad the password with zero bytes.
    Some((user.to_owned(), password.trim_end_matches('\0').into()))
}
