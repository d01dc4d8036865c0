//! One layer: indexed as it is streamed past, or made of changes.
//!
//! ```text
//!  Layer --Source--> stored bytes --read: streamed once--> LayerIndex (what was asked to be kept)
//!  Entry x n + RootFs --build: parents, order, hard links--> write: tar --> Layer, in memory
//! ```

pub(crate) mod build;
pub(crate) mod entry;
pub(crate) mod read;
pub(crate) mod stored;
mod write;
