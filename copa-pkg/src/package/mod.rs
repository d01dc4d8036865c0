//! The nouns of packages, in the words that all formats share.
//!
//! ```text
//! PackageDb --> Installed --+
//!                           +--> (resolve) --> Candidate --download--> Package --verify--> Verified
//! Catalog ----> Candidate --+
//! ```
//!
//! [`rules`] holds what differs between formats and can be said as data. Nothing here knows a
//! repository, an image or a format.

pub(crate) mod arch;
pub(crate) mod candidate;
pub(crate) mod checksum;
pub(crate) mod constraint;
pub(crate) mod database;
#[allow(dead_code, reason = "the installer does not ask it yet")]
pub(crate) mod digest;
pub(crate) mod fetched;
pub(crate) mod holds;
pub(crate) mod installed;
pub(crate) mod relation;
pub(crate) mod removal;
pub(crate) mod requirement;
pub(crate) mod requirement_json;
pub(crate) mod rules;
