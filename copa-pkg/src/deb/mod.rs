//! Debian packages: `deb-version(7)`, `deb-control(5)`, `deb(5)`, and Debian's repository format.

mod control;
mod db;
mod relation;
mod version;

pub(crate) use db::StatusD;
#[cfg(test)]
pub(crate) use relation::read_relations;
pub use version::Version;
