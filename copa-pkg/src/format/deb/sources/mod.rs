//! Where the packages of a Debian image come from: apt's own configuration, or what the user names.
//!
//! ```text
//! sources.list, *.sources --apt--> Source --discover--> Suite x m, with its keys
//! ```

pub(crate) mod apt;
pub(crate) mod discover;
