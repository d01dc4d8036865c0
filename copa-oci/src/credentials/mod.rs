//! Credentials: who we are to a registry.
//!
//! ```text
//!  registry + repository --Credentials--> Credential
//!                             |  Anonymous: none
//!                             |  CredentialFiles: config.json, auth.json --names--> docker-credential-NAME
//! ```

mod auth_file;
pub(crate) mod credential;
pub(crate) mod files;
mod helper;
