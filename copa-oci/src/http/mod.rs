//! HTTP for registries and package mirrors: one client, set up explicitly, that tries again.
//!
//! ```text
//!  HttpOptions --transport--> Http --send, again when that may help--> answer
//!                                                                       |  refusal -> Error
//!  a mirror:   Get ----------> get ----> Response --> ByteStream <------+  body: continued from
//!  a registry: a blob -------> upload (once, watched for silence)          where it broke off
//! ```
//!
//! Nothing is taken from the environment. There is a limit on silence and none on the whole time.

pub(crate) mod address;
pub(crate) mod body;
pub(crate) mod client;
pub(crate) mod get;
pub(crate) mod options;
pub(crate) mod refusal;
pub(crate) mod retry;
mod transport;
pub(crate) mod upload;
