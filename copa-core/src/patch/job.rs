//! One image to patch.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::observe::cancel::Cancel;
use crate::observe::event::{Event, Observer};
use crate::oci::{Compression, Location, Platform, Sink, Source};
use crate::pkg::{Distro, Request};
use crate::report::vulnerability_report::Report;

/// One image to patch: where it is, what is wanted of it, and where the patched one goes. One
/// [`Patcher`](crate::Patcher) runs many jobs, also at the same time.
///
/// # Examples
///
/// ```
/// use copa_core::{Job, Wanted};
///
/// let mut job = Job::new("oci:image:1.0".parse::<copa_core::oci::Location>().unwrap());
/// job.to.push("oci-archive:patched.tar:1.0-patched".parse::<copa_core::oci::Location>().unwrap().into());
/// job.os = Some("debian:12".parse().unwrap());
/// assert!(matches!(job.wanted, Wanted::Everything));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Job {
    /// Where the image is.
    pub from: Input,
    /// Where the patched image goes, one after the other. The registry is best the last: when a file
    /// cannot be written, no tag has moved.
    pub to: Vec<Output>,
    /// What is to be updated.
    pub wanted: Wanted,
    /// The platform to patch, where the image has several.
    pub platform: Option<Platform>,
    /// The release of the distribution, where the image does not say.
    pub os: Option<Distro>,
    /// The tag of the patched image: what its version annotation says, where it has one.
    pub tag: Option<String>,
    /// What the patched image says it was made from (`org.opencontainers.image.base.name`).
    /// Without it, the reference of an image in a registry, and nothing for an image in a file.
    pub base_name: Option<String>,
    /// The time that the patched image says it was made at (`SOURCE_DATE_EPOCH`). Without it, the
    /// newest of the time of the image and the times of the files that the packages bring: the
    /// same image and packages make the same digest on any day.
    pub created: Option<Timestamp>,
    /// How the patch layer is compressed.
    pub compression: Compression,
    /// Patches the rest when some packages cannot be patched.
    pub ignore_errors: bool,
    /// Refuses packages whose scripts would have done something that is neither carried out nor
    /// known to have no meaning in an image; without it, they are warnings.
    pub refuse_scripts: bool,
    /// Sees what happens.
    pub observer: Arc<dyn Observer>,
    /// Stops this job.
    pub cancel: Cancel,
}

/// What is to be updated.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Wanted {
    /// Everything that has an update.
    #[default]
    Everything,
    /// What a vulnerability report lists. A report about another image is refused.
    Report(Arc<Report>),
    /// What the caller asks for.
    Request(Request),
}

/// Where an image is read from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Input {
    /// At an address.
    At(Location),
    /// In a place of the caller's own, under this name: a tag, a digest, or nothing for the only image
    /// there is.
    Source(Arc<dyn Source>, String),
}

/// Where an image is written to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Output {
    /// At an address.
    At(Location),
    /// Into a place of the caller's own, under this name.
    Sink(Arc<dyn Sink>, String),
}

impl From<Location> for Input {
    fn from(location: Location) -> Self {
        Self::At(location)
    }
}

impl From<Location> for Output {
    fn from(location: Location) -> Self {
        Self::At(location)
    }
}

impl Job {
    /// Everything that has an update, for the image there. Where the patched image goes is to be added.
    pub fn new(from: impl Into<Input>) -> Self {
        Self {
            from: from.into(),
            to: Vec::new(),
            wanted: Wanted::Everything,
            platform: None,
            os: None,
            tag: None,
            base_name: None,
            created: None,
            compression: Compression::Gzip,
            ignore_errors: false,
            refuse_scripts: false,
            observer: Arc::new(|_: &Event<'_>| ()),
            cancel: Cancel::new(),
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("Job");
        all.field("from", &self.from).field("to", &self.to).field("wanted", &self.wanted);
        all.field("platform", &self.platform).field("os", &self.os).finish_non_exhaustive()
    }
}
