//! Credentials from the files that other tools write.

use std::path::PathBuf;

use async_trait::async_trait;

use crate::credentials::auth_file;
use crate::credentials::auth_file::{AuthFile, Known};
use crate::credentials::credential::{Credential, Credentials};
use crate::credentials::helper;
use crate::error::{Error, Result};

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
            let Some(bytes) = auth_file::read(path).await? else { continue };
            let what = path.display().to_string();
            // The parser's message may quote a secret: only the place is told.
            let file = AuthFile::parse(&bytes).map_err(|e| Error::Invalid {
                what: "credential file",
                text: what.clone(),
                reason: format!("line {}, column {} is not understood", e.line(), e.column()),
            })?;
            for known in file.entries(registry, repository) {
                let found = match known {
                    Known::Helper { name, server } => helper::ask(&name, &server).await?,
                    Known::Login(login) => login.credential(&what)?,
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
#[path = "tests/files.rs"]
mod tests;
