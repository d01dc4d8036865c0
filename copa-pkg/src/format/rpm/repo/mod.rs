//! RPM's repository format: `repomd.xml` and the files that it lists.
//!
//! ```text
//! Repo --metadata--> Repomd (signed, or by checksum of a metalink) --files--> primary --> Index
//!                      |                                                      modules --> Filter
//!                      +--advisories--> updateinfo, when somebody asks --> Fixes
//! ```
//!
//! [`config`] is the noun; [`metadata`], [`packages`] and [`advisories`] are its operations, and
//! [`repository`] puts them in order.

pub(crate) mod advisories;
pub(crate) mod config;
pub(crate) mod files;
pub(crate) mod filter;
pub(crate) mod metalink;
pub(crate) mod modules;
pub(crate) mod nevra;
pub(crate) mod packages;
pub(crate) mod primary;
pub(crate) mod repomd;
pub(crate) mod repository;
pub(crate) mod signed_repomd;
pub(crate) mod updateinfo;
pub(crate) mod xml;
