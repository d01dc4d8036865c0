//! Patching: the steps from an image to a patched image.
//!
//! ```text
//! Job --open--> Opened --inspect--> Inspected --plan--> Planned --apply--> Patched --write--> Written
//! ```
//!
//! Each step takes what the one before it gave. [`Patcher`](patcher::Patcher) holds what all jobs
//! share: the configuration, connections, the cache and loaded catalogs.

pub(crate) mod apply;
mod blocking;
mod catalogs;
pub(crate) mod config;
pub(crate) mod deliver;
pub(crate) mod inspect;
pub(crate) mod job;
pub(crate) mod open;
pub(crate) mod patcher;
pub(crate) mod plan;
mod write;
