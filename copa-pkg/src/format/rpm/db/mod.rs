pub(crate) mod bdb;
pub(crate) mod bytes;
pub(crate) mod database_file;
pub(crate) mod files;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
pub(crate) mod index;
pub(crate) mod installed;
pub(crate) mod manifest;
pub(crate) mod ndb;
pub(crate) mod place;
pub(crate) mod record;
pub(crate) mod rpmdb;
pub(crate) mod sqlite;
pub(crate) mod wal;
