//! Patch the operating-system packages of a container image: no daemon, no root, no emulation.
//!
//! [`Patcher::patch`] does it, in five steps, each of which takes what the one before it gave:
//!
//! ```text
//! open     Location  -> Opened      the image's documents
//! inspect  Opened    -> Inspected   its file system, distribution and packages
//! plan     Inspected -> Planned     what will happen: stop here for a dry run
//! apply    UpdatePlan -> Patched    packages downloaded, one layer built
//! write    Patched   -> Written     at a Location, under a name
//! ```
//!
//! - [`Report`] turns a vulnerability report into what [`Patcher::plan`] is asked for.
//! - [`Observer`] and [`Event`] tell what happens meanwhile, [`Cancel`] stops it.
//! - [`oci`] and [`pkg`] are the two sides that this crate joins: images and packages.
//!
//! Nothing here reads the environment, the clock or a configuration file: see [`Options`] and
//! [`oci::Access`]. The result is a function of its input: the same image, packages and options
//! make the same digest, with one job or eight, on any day.
//!
//! # What a patched image says of itself
//!
//! Its history has one entry more, by `copa patch`. Its configuration has Copacetic's label
//! `BaseImage`: the reference of the image that was patched first. Its manifest has the
//! annotations `org.opencontainers.image.created` and `sh.copa.image.patched` (when), and
//! `org.opencontainers.image.base.name` and `.digest` (which image was patched first); an
//! annotation `org.opencontainers.image.version` that is there becomes the new tag. Docker's
//! manifest has no annotations: there they are labels. Patching a patched image again keeps what
//! it says of its base. Copacetic writes its label below `labels` instead of `Labels`; both are
//! read.

mod adapt;
mod cache;
mod error;
mod fetch;
mod logins;
mod marks;
mod observe;
mod options;
mod patcher;
mod report;
mod run;

pub use cache::DirCache;
pub use copa_oci as oci;
pub use copa_pkg as pkg;
pub use error::{Error, Kind, Result};
pub use fetch::HttpFetch;
pub use observe::{Cancel, Event, Observer, Stage, Transfer};
pub use options::Options;
pub use patcher::{Inspected, Opened, Patched, Patcher, Planned};
pub use report::{Report, Scanned, ScannedSystem, Subject};
pub use {jiff, url};
