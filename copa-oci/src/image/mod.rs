//! The documents of one image: its manifest and its configuration.
//!
//! image-spec, `manifest.md`, `config.md` and `image-index.md`; Docker's image manifest version 2,
//! schema 2.
//!
//! ```text
//!  Descriptor --select--> the manifest of one platform --read--> Image
//!                                                                  |  edit: append, label, annotate
//!                                                                  v
//!                                  Sink <--write: layers, config, tag-- Image'
//! ```
//!
//! An image is a value: an edit gives a new one, and no layer is read here.

pub(crate) mod documents;
pub(crate) mod edit;
mod read;
pub(crate) mod select;
pub(crate) mod write;
