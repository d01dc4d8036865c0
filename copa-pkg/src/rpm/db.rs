//! RPM databases.

pub(crate) mod index;
pub(crate) mod sqlite;
pub(crate) mod wal;
