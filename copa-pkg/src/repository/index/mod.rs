//! The index of a repository, compact, searchable as it lies in memory and in the cache.
//!
//! ```text
//! Packages, primary.xml --(format)--> Fields --build::Builder--> table::Index --named, providing--> Record
//! ```

pub(crate) mod build;
pub(crate) mod table;
