//! RPM packages: headers, databases and manifests, and RPM's repository format.

mod db;
mod file;
mod header;
#[cfg(test)]
mod oracle;
mod record;
mod rich;
mod tag;
mod version;

pub use version::Version;
