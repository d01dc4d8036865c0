//! RPM packages: headers, databases and manifests, and RPM's repository format.
#![doc = ""]
#![doc = include_str!("../../docs/rpm.md")]

mod archive;
mod caps;
mod cpio;
mod db;
mod digest;
mod discover;
mod file;
mod filter;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod header;
mod install;
mod installed;
mod keys;
mod layout;
mod metalink;
mod modules;
#[cfg(test)]
mod oracle;
mod primary;
mod record;
mod relation;
mod repo;
mod repomd;
mod rich;
mod sources;
mod tag;
mod updateinfo;
mod variables;
mod verify;
mod version;
mod xml;

pub(crate) use db::RpmDb;
pub(crate) use discover::{key_urls, package_keys, repositories};
pub(crate) use install::install;
pub(crate) use installed::is_listed;
pub(crate) use layout::Layout;
pub(crate) use relation::relations;
pub(crate) use repo::Advisories;
pub(crate) use rich::{Answers, Packages, Rich};
pub(crate) use verify::verify;
pub use version::Version;
