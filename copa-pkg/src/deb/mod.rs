//! Debian packages: `deb-version(7)`, `deb-control(5)`, `deb(5)`, and Debian's repository format.

#[allow(dead_code, reason = "read by the database and the repository, which come next")]
mod control;
#[allow(dead_code, reason = "read by the database and the repository, which come next")]
mod relation;
mod version;

pub use version::Version;
