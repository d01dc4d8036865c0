//! RPM packages: headers, databases and manifests, and RPM's repository format.

mod db;
mod file;
mod header;
mod installed;
#[cfg(test)]
mod oracle;
mod record;
mod rich;
mod tag;
mod version;

pub(crate) use db::RpmDb;
pub use version::Version;
