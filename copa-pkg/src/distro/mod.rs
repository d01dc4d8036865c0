//! Distributions: one table with everything that is known of each, and how the release of an image
//! is told.
//!
//! ```text
//! etc/os-release, usr/lib/os-release, etc/debian_version, release package --detect--> Distro
//!                                                   table (one row a distribution) -----^
//! ```
//!
//! A new distribution is a new row of [`table`].

pub(crate) mod detect;
pub(crate) mod os_release;
pub(crate) mod release;
pub(crate) mod table;
