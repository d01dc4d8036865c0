//! The file system that all layers of an image make. Nothing is extracted to disk.
//!
//! ```text
//!  stored layer --scan: tar, header--> entries --normal: sorted, links resolved--> LayerIndex
//!                                                                   (encode: to and from a cache)
//!  LayerIndex x n --merge: whiteouts, opaque directories--> RootFs --> Node at a path
//! ```
//!
//! A layer is indexed as a whole before it is merged: a whiteout hides lower layers only, wherever
//! it stands in its own.

pub(crate) mod digests;
mod encode;
#[cfg(test)]
#[path = "tests/fixture.rs"]
pub(crate) mod fixture;
mod header;
pub(crate) mod index;
pub(crate) mod keep;
pub(crate) mod limits;
mod links;
mod listing;
mod merge;
pub(crate) mod node;
mod normal;
mod path;
pub(crate) mod root;
mod scan;
mod tar;
