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
mod labels;
mod logins;
mod observe;
mod patch;
mod report;

pub use crate::cache::DirCache;
pub use crate::error::{Error, Kind, Result};
pub use crate::fetch::HttpFetch;
pub use crate::observe::cancel::Cancel;
pub use crate::observe::event::{Event, Observer, Stage, Transfer};
pub use crate::patch::apply::Patched;
pub use crate::patch::config::Config;
pub use crate::patch::deliver::Delivered;
pub use crate::patch::inspect::Inspected;
pub use crate::patch::job::{Input, Job, Output, Wanted};
pub use crate::patch::open::Opened;
pub use crate::patch::patcher::Patcher;
pub use crate::patch::plan::Planned;
pub use crate::report::scanned::{Scanned, ScannedSystem};
pub use crate::report::subject::Subject;
pub use crate::report::vulnerability_report::Report;
pub use copa_oci as oci;
pub use copa_pkg as pkg;
pub use {async_trait, bytes, jiff, url};
