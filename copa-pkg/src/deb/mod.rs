//! Debian packages: `deb-version(7)`, `deb-control(5)`, `deb(5)`, and Debian's repository format.

mod ar;
mod archive;
mod cacerts;
mod control;
mod db;
mod discover;
pub(crate) mod listing;
pub(crate) mod distroless;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
#[cfg(test)]
mod oracle;
mod record;
mod relation;
mod release;
mod repo;
mod scan;
mod sources;
mod version;


pub(crate) use db::StatusD;
pub use discover::{HostFile, Sources, repositories};
#[cfg(test)]
pub(crate) use relation::read_relations;
pub use version::Version;

pub use listing::read_packages;
pub(crate) use archive::repack;
pub(crate) use relation::indexed_relations;
