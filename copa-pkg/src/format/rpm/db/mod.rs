//! RPM databases and manifests: which of them an image has, what they list, how they are changed.
//!
//! ```text
//! rpmdb.sqlite + -wal --sqlite, wal--+
//! Packages.db ----------ndb----------+--> Database: headers --+
//! Packages -------------bdb----------+                        +--> RpmDb --installed--> Installed
//! container-manifest-1, -2 ----------------> Manifests -------+      |-----ownership--> who owns a path
//!                                                                    +-----record-----> the files as they will be
//! ```
//!
//! Only `rpmdb.sqlite` and manifests are written. [`record`] makes the header that rpm would store,
//! [`index`] the rows of its index tables.

pub(crate) mod bdb;
pub(crate) mod bytes;
pub(crate) mod database;
pub(crate) mod files;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
pub(crate) mod index;
pub(crate) mod installed;
pub(crate) mod manifest;
pub(crate) mod ndb;
#[allow(dead_code, reason = "the installer does not ask it yet")]
pub(crate) mod ownership;
pub(crate) mod place;
pub(crate) mod record;
pub(crate) mod rpmdb;
pub(crate) mod sqlite;
pub(crate) mod wal;
