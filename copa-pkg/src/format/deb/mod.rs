//! Debian packages: `deb-version(7)`, `deb-control(5)`, `deb(5)`, and Debian's repository format.
//!
//! ```text
//! sources/ apt's configuration ---> repo/ suites of archives ---> Candidate
//! db/      status.d ------------------------------------------+
//! package/ a .deb file ---> install/ a distroless image <-----+
//! ```
//!
//! `control.rs` reads the stanzas that all of them are written in, `relation.rs` their dependencies.
#![doc = ""]
#![doc = include_str!("../../../docs/debian.md")]

pub(crate) mod control;
pub(crate) mod db;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
pub(crate) mod install;
pub(crate) mod listing;
pub(crate) mod manager;
pub(crate) mod package;
pub(crate) mod relation;
pub(crate) mod repo;
pub(crate) mod rules;
pub(crate) mod sources;

#[cfg(test)]
#[path = "tests/oracle.rs"]
mod oracle;

pub use crate::format::deb::listing::read_packages;
