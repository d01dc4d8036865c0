//! Repositories: where packages come from, loaded and checked, and what they offer together.
//!
//! ```text
//! Sources --(format)--> Origins: Repository x m --load--> Loaded --collect--> Catalog --> Candidate
//!                                     |                                          |
//!                  signature, then ingest (checksum) into an Index               +--> Advisories
//!                                                                                        |load
//! Candidate --download (checksum)--> Package                                           Fixes
//! ```
//!
//! A format implements [`Repository`](load::Repository) and [`Advisories`](advisory::Advisories);
//! nothing here knows a format. Indexes and fixes go through the [`Cache`](crate::Cache) under the
//! checksum that a verified document gave for them.

pub(crate) mod access;
pub(crate) mod advisory;
pub(crate) mod catalog;
pub(crate) mod download;
pub(crate) mod fixes;
pub(crate) mod index;
pub(crate) mod ingest;
pub(crate) mod load;
pub(crate) mod mirror;
pub(crate) mod origins;
pub(crate) mod sources;
