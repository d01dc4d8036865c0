//! Patch the operating-system packages of a container image: no daemon, no root, no emulation.
//!
//! A [`Patcher`] runs [`Job`]s: one image each, several at a time. [`Patcher::patch`] does it in five
//! steps, each of which takes what the one before it gave, and each of which can be called alone:
//!
//! ```text
//! open     Job        -> Opened      the image's documents
//! inspect  Opened     -> Inspected   its file system, distribution and packages
//! plan     Inspected  -> Planned     what will happen: stop here for a dry run
//! apply    UpdatePlan -> Patched     packages downloaded, one layer built
//! write    Patched    -> Written     at a Location, under a name
//! ```
//!
//! [`oci`] and [`pkg`] are the two sides that this crate joins: images and packages. Nothing here reads
//! the environment, the clock or a configuration file: see [`Config`], [`Job`] and [`oci::Access`]. The
//! result is a function of its input: the same image, packages and options make the same digest, with
//! one job or eight, on any day.
//!
//! # Patch an image
//!
//! ```no_run
//! use copa_core::oci::{Access, Location};
//! use copa_core::{Config, Job, Patcher, jiff::Timestamp};
//!
//! # async fn patch() -> Result<(), Box<dyn std::error::Error>> {
//! let patcher = Patcher::new(Access::anonymous()?, Config::new(Timestamp::now()));
//! let mut job = Job::new("registry.example/app:1.0".parse::<Location>()?);
//! job.to.push("registry.example/app:1.0-patched".parse::<Location>()?.into());
//! let done = patcher.patch(&job).await?;
//! for update in &done.patched.plan.updates {
//!     println!("{} {}: {}", update.to.name, update.to.version, update.fixes.join(", "));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Patch what a report lists, or only plan it
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use copa_core::{Job, Patcher, Report, Wanted};
//! # async fn plan(patcher: Patcher, mut job: Job) -> Result<(), Box<dyn std::error::Error>> {
//! let report = Report::parse(&std::fs::read("trivy.json")?)?;
//! job.wanted = Wanted::Report(Arc::new(report));
//! let inspected = patcher.inspect(patcher.open(&job).await?).await?;
//! let planned = patcher.plan(&inspected, &inspected.request()?).await?;
//! for skipped in &planned.plan.skipped {
//!     println!("{} stays: {}", skipped.package, skipped.reason);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Packages from a place of your own
//!
//! ```
//! use copa_core::async_trait::async_trait;
//! use copa_core::pkg::{Body, Error, Fetch, Result};
//! use copa_core::url::Url;
//!
//! /// Answers every address from memory.
//! #[derive(Debug)]
//! struct Store(std::collections::BTreeMap<String, copa_core::bytes::Bytes>);
//!
//! #[async_trait]
//! impl Fetch for Store {
//!     async fn get(&self, url: &Url) -> Result<Body> {
//!         let found = self.0.get(url.path()).cloned();
//!         found.map(Body::from_bytes).ok_or_else(|| Error::NotFound { url: url.clone() })
//!     }
//! }
//! # use copa_core::{Config, Patcher, jiff::Timestamp, oci::Access};
//! # let config = Config::new(Timestamp::UNIX_EPOCH);
//! # let store = Store(Default::default());
//! let patcher = Patcher::new(Access::anonymous().unwrap(), config)
//!     .with_fetch(std::sync::Arc::new(store));
//! ```
//!
//! Signatures and checksums are checked wherever the bytes come from. [`Patcher::with_cache`] takes a
//! cache of your own, [`Input::Source`] and [`Output::Sink`] are places of your own for images.
//!
//! # Progress, warnings and cancellation
//!
//! ```
//! use std::sync::Arc;
//! use copa_core::{Event, Job, oci::Location};
//!
//! let mut job = Job::new("oci:image:1.0".parse::<Location>().unwrap());
//! job.observer = Arc::new(|event: &Event<'_>| match event {
//!     Event::Started(stage) => println!("{stage:?} ..."),
//!     Event::Warned(warning) => println!("warning: {warning}"),
//!     _ => {}
//! });
//! let cancel = job.cancel.clone();
//! // From any thread, at any time: what runs ends with `Error::Cancelled` soon, and tags nothing.
//! cancel.cancel();
//! assert!(job.cancel.is_cancelled());
//! ```
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
pub use crate::error::{Error, Hint, Kind, Result};
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
