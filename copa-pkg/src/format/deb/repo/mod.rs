//! Debian's repository format: the suites of an archive.
//!
//! ```text
//! Suite --metadata--> Release (signed: checksums, dates) --packages--> Packages --scan--> Index
//! ```
//!
//! [`suite`] is the noun; [`metadata`] and [`packages`] are its operations, and [`repository`] puts
//! them in order.

pub(crate) mod packages;
pub(crate) mod release;
pub(crate) mod repository;
pub(crate) mod scan;
pub(crate) mod signed_release;
pub(crate) mod suite;
