pub(crate) mod metadata;
pub(crate) mod packages;
pub(crate) mod release;
pub(crate) mod repository;
pub(crate) mod scan;
pub(crate) mod suite;
