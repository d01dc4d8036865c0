//! The words of the image specification: digests, media types, platforms, descriptors, and what
//! can be said of a document without taking it apart.
//!
//! Only these few things are read as types. Documents that are edited stay JSON values, so that
//! what is not known here survives an edit.
//!
//! ```text
//!  descriptor { media type, digest, size, platform }  --names-->  document  --names-->  descriptors
//! ```

pub(crate) mod descriptor;
pub(crate) mod digest;
pub(crate) mod document;
pub(crate) mod media_type;
pub(crate) mod platform;
