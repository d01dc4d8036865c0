//! RPM packages: headers, databases and manifests, and RPM's repository format.
#![doc = ""]
#![doc = include_str!("../../../docs/rpm.md")]

pub(crate) mod db;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
pub(crate) mod install;
pub(crate) mod manager;
pub(crate) mod package;
pub(crate) mod relation;
pub(crate) mod repo;
pub(crate) mod rich;
pub(crate) mod rules;
pub(crate) mod sources;

#[cfg(test)]
#[path = "tests/oracle.rs"]
pub(crate) mod oracle;
