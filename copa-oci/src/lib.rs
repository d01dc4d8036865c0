//! Container images where they are: read one, look inside it, put a layer on top, write it.
//!
//! The principal types, in the order in which a program meets them:
//!
//! - [`Location`]: an address, spelled as skopeo spells it: a registry reference, `oci:DIR[:TAG]`,
//!   `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:TAG]`.
//! - [`Source`] and [`Sink`]: a place images are read from, and one they are written to.
//! - [`Image`]: the documents of one image (manifest and configuration), never changed in place.
//! - [`LayerIndex`] and [`RootFs`]: what one layer adds and hides; the file system that all layers make.
//! - [`Entry`] and [`build_layer`]: changes to that file system, written as one more [`Layer`].
//!
//! The rooms, each of which imports from those below it only:
//!
//! ```text
//!  open                          a location -> its source or sink
//!  image        registry         documents of an image      one repository of a registry
//!  layer           |             layers, read and built
//!  rootfs  store   |             indexed and merged layers  source, sink; layouts and archives
//!     |      |   http, credentials
//!  compress  stream, location, reference
//!  spec                          digests, media types, descriptors, platforms
//!  error
//! ```
//!
//! The formats are those of the [OCI image specification](https://github.com/opencontainers/image-spec)
//! and of Docker's image manifest version 2, schema 2; registries speak the
//! [OCI distribution specification](https://github.com/opencontainers/distribution-spec).
//! Nothing here knows what a package is. Nothing here reads the environment or the clock.

mod compress;
mod credentials;
mod error;
mod http;
mod image;
mod layer;
mod location;
mod numbers;
mod open;
mod reference;
mod registry;
mod rootfs;
mod spec;
mod store;
mod stream;

pub use compress::compression::Compression;
pub use compress::expansion::Expansion;
pub use credentials::credential::{Anonymous, Credential, Credentials, Secret};
pub use credentials::files::CredentialFiles;
pub use error::{Error, Hint, Kind, Result};
pub use http::client::Http;
pub use http::get::{Get, Response};
pub use http::options::{HttpOptions, ProxyOptions};
pub use image::documents::Image;
pub use image::edit::History;
pub use image::select::{Choice, Selected, select};
pub use image::write::{Moved, Written};
pub use layer::build::build_layer;
pub use layer::entry::{Entry, EntryKind, LayerOptions, Mtime};
pub use layer::read::{FileContent, Keeper, index_layer, read_file, read_files};
pub use layer::stored::Layer;
pub use location::Location;
pub use open::Access;
pub use reference::Reference;
pub use registry::client::Registry;
pub use rootfs::digests::{Algorithms, FileDigests};
pub use rootfs::index::LayerIndex;
pub use rootfs::keep::Keep;
pub use rootfs::limits::Limits;
pub use rootfs::node::{Node, NodeKind, Origin};
pub use rootfs::root::RootFs;
pub use spec::descriptor::Descriptor;
pub use spec::digest::{Digest, Hasher};
pub use spec::media_type::{Family, MediaType};
pub use spec::platform::Platform;
pub use store::archive::{ArchiveSink, ArchiveSource};
pub use store::blob::Blob;
pub use store::docker_archive::read::DockerArchiveSource;
pub use store::docker_archive::write::DockerArchiveSink;
pub use store::layout::{LayoutSink, LayoutSource};
pub use store::sink::Sink;
pub use store::source::Source;
pub use stream::ByteStream;
