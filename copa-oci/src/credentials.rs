//! Who we are to a registry.

mod file;
mod helper;

use std::fmt::{self, Debug};
use std::path::PathBuf;

use async_trait::async_trait;

use crate::credentials::file::{AuthFile, Entry};
use crate::error::{Error, Result};

/// A secret text. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a registry, or the token server it names, accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// A user and a password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// An OAuth 2 refresh token, to be exchanged at the token server.
    IdentityToken(Secret),
    /// A token for the registry itself, sent as it is.
    RegistryToken(Secret),
}

/// Where credentials come from.
#[async_trait]
pub trait Credentials: Debug + Send + Sync {
    /// What to show to this registry (`docker.io`, `127.0.0.1:5000`) for this repository
    /// (`team/app`); `None`: come as nobody.
    ///
    /// # Errors
    ///
    /// When credentials are configured and cannot be read.
    async fn for_registry(&self, registry: &str, repository: &str) -> Result<Option<Credential>>;
}

/// No credentials.
#[derive(Debug, Clone, Copy, Default)]
pub struct Anonymous;

#[async_trait]
impl Credentials for Anonymous {
    async fn for_registry(&self, _registry: &str, _repository: &str) -> Result<Option<Credential>> {
        Ok(None)
    }
}

/// The files that `docker login`, `podman login` and `skopeo login` write, and the helpers that
/// they name.
///
/// In each file, in this order: the helper of the registry (`credHelpers`), the entry with the
/// longest key that leads registry and repository (`auths`), the helper for all (`credsStore`).
/// The first file that knows something is used. A file that is not there is passed over.
///
/// Formats: docker's `config.json`, and `containers-auth.json(5)`.
#[derive(Debug, Clone, Default)]
pub struct CredentialFiles {
    paths: Vec<PathBuf>,
}

impl CredentialFiles {
    /// These files, the most important one first.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths }
    }
}

#[async_trait]
impl Credentials for CredentialFiles {
    async fn for_registry(&self, registry: &str, repository: &str) -> Result<Option<Credential>> {
        for path in &self.paths {
            let Some(bytes) = file::read(path).await? else { continue };
            let what = path.display().to_string();
            // The parser's message may quote a secret: only the place is told.
            let file = AuthFile::parse(&bytes).map_err(|e| Error::Invalid {
                what: "credential file",
                text: what.clone(),
                reason: format!("line {}, column {} is not understood", e.line(), e.column()),
            })?;
            for entry in file.entries(registry, repository) {
                let found = match entry {
                    Entry::Helper { name, server } => helper::ask(&name, &server).await?,
                    Entry::Login(login) => login.credential(&what)?,
                };
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
