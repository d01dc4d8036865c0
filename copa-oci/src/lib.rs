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
//! # Read an image and copy it
//!
//! ```no_run
//! use copa_oci::{Access, Image, Location};
//!
//! # async fn copy() -> copa_oci::Result<()> {
//! let access = Access::anonymous()?;
//! let (from, to): (Location, Location) = ("debian:12".parse()?, "oci:./debian:12".parse()?);
//! let source = from.source(&access).await?;
//! let manifest = source.resolve(from.name()).await?;
//! let image = Image::open(source, manifest).await?;
//! println!("{} layers for {}", image.layers().len(), image.platform());
//! image.write_to(&*to.sink(&access).await?, to.name(), 4).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Look inside, and put a layer on top
//!
//! ```no_run
//! use std::path::Path;
//! use std::sync::Arc;
//!
//! use copa_oci::{
//!     Compression, Entry, EntryKind, History, Image, Keep, LayerOptions, Limits, Mtime, Result, RootFs,
//!     build_layer, index_layer,
//! };
//!
//! async fn with_a_note(image: &Image) -> Result<Image> {
//!     let mut indexes = Vec::new();
//!     for layer in image.layers() {
//!         let keep = Arc::new(|path: &Path| match path.starts_with("etc") {
//!             true => Keep::Content,
//!             false => Keep::Nothing,
//!         });
//!         indexes.push(index_layer(image.source(), layer, keep, &Limits::default()).await?);
//!     }
//!     let files = RootFs::merge(indexes)?;
//!     let release = files.lookup(Path::new("etc/os-release"));
//!     println!("{:?}", release.and_then(|node| node.content));
//!     let kind = EntryKind::Regular("read me\n".into());
//!     let path = "etc/note".into();
//!     let note = Entry { path, kind, mode: 0o644, uid: 0, gid: 0, mtime: 0, xattrs: Vec::new() };
//!     let (family, compression) = (image.family(), Compression::Gzip);
//!     let options = LayerOptions { family, compression, mtime: Mtime::Keep };
//!     let layer = build_layer(vec![note], &files, &options)?;
//!     let created_by = "a note".into();
//!     Ok(image.append(layer, History { created: None, created_by, author: None, comment: None }))
//! }
//! ```
//!
//! A place of one's own implements [`Source`] or [`Sink`]: what is read from it is held against its
//! digests, whoever implements it.
//!
//! ```
//! use bytes::Bytes;
//! use copa_oci::{ByteStream, Descriptor, Error, Location, Result, Source};
//!
//! /// Documents in memory.
//! #[derive(Debug)]
//! struct Memory(Location, Vec<(Descriptor, Bytes)>);
//!
//! #[async_trait::async_trait]
//! impl Source for Memory {
//!     fn location(&self) -> &Location {
//!         &self.0
//!     }
//!
//!     async fn resolve(&self, name: &str) -> Result<Descriptor> {
//!         let place = self.0.to_string();
//!         let first = self.1.first().map(|(descriptor, _)| descriptor.clone());
//!         first.ok_or_else(|| Error::NotFound { what: name.into(), place })
//!     }
//!
//!     async fn open_unverified(&self, content: &Descriptor) -> Result<ByteStream> {
//!         let found = self.1.iter().find(|(descriptor, _)| descriptor.digest == content.digest);
//!         Ok(ByteStream::once(found.map(|(_, bytes)| bytes.clone()).unwrap_or_default()))
//!     }
//! }
//! ```
//!
//! # Inside
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
