//! RPM packages: headers, databases and manifests, and RPM's repository format.

mod file;
mod header;
mod tag;
