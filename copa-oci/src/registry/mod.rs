//! Registries: the OCI distribution specification, and Docker's registry protocol before it.
//!
//! ```text
//!  Source, Sink (source, sink)
//!     |                                                             token server
//!  Registry (client) ---> Session: scheme, headers, refusals --401--> Auth (auth)
//!     |                      |                          challenge, scope: what it asks for
//!  Upload (upload) ----------+---> Http
//! ```
//!
//! Nothing is asked before it is needed, and nothing is sent to a host that did not ask for it.

mod answer;
mod auth;
mod challenge;
pub(crate) mod client;
#[cfg(test)]
#[path = "tests/fake.rs"]
pub(crate) mod fake;
mod scope;
mod session;
mod sink;
mod source;
mod upload;
