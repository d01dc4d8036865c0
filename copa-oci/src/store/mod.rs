//! Places that hold images: [`Source`](source::Source) and [`Sink`](sink::Sink), whose verbs cover
//! registries, layouts and archives alike; and the places that are files.
//!
//! ```text
//!  Source: resolve(name) -> Descriptor     open(Descriptor) -> ByteStream, checked against its digest
//!                                                |
//!                                              Blob
//!                                                v
//!  Sink:   contains? mount? put(Blob) ... then tag(manifest, name): the commit, last and once
//! ```
//!
//! A sink that is a file or a directory writes beside its place and moves what is finished there in
//! [`Sink::tag`](sink::Sink::tag): a writer that gives up leaves nothing behind. The registry,
//! which is a source and a sink too, has a room of its own.

pub(crate) mod archive;
pub(crate) mod blob;
pub(crate) mod docker_archive;
mod file;
#[cfg(test)]
#[path = "tests/fixture.rs"]
pub(crate) mod fixture;
pub(crate) mod layout;
mod names;
pub(crate) mod sink;
pub(crate) mod source;
mod tarball;
