pub(crate) mod catalog;
pub(crate) mod download;
pub(crate) mod index;
pub(crate) mod ingest;
pub(crate) mod load;
pub(crate) mod mirror;
pub(crate) mod origins;
pub(crate) mod sources;
