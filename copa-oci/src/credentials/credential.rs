//! Credentials, and where they come from.

use std::fmt::{self, Debug};

use async_trait::async_trait;

use crate::error::Result;

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
    /// The credential for this registry (`docker.io`, `127.0.0.1:5000`) and repository
    /// (`team/app`); `None` for anonymous access.
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
