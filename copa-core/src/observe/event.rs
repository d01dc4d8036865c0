//! What a caller sees of the work.

use crate::pkg::Warning;

/// Sees what happens while it happens. Every `Fn(&Event)` is one.
///
/// It is called from several threads, often, and between the work: it should be quick.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>);
}

impl<F: Fn(&Event<'_>) + Send + Sync> Observer for F {
    fn event(&self, event: &Event<'_>) {
        self(event);
    }
}

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A part of the work begins.
    Started(Stage),
    /// A part of the work is done. A part that fails never is.
    Finished(Stage),
    /// A warning was raised. Each is told once, when it arises:
    /// also when what it is about fails later.
    Warned(&'a Warning),
    /// Bytes moved. Of several things at a time, each says this for itself.
    Moved {
        /// What kind of thing it is.
        what: Transfer,
        /// Which one: a digest, the name of a package, an address.
        name: &'a str,
        /// Bytes that have passed.
        done: u64,
        /// Bytes there are, when that is known. The last event of a thing says what has passed.
        total: Option<u64>,
    },
}

/// The parts of the work, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The image's documents are read.
    Open,
    /// The layers are streamed and indexed, the packages are listed.
    Inspect,
    /// The repositories are loaded.
    Load,
    /// It is decided what changes.
    Plan,
    /// Packages are downloaded.
    Download,
    /// The changes are worked out and the layer is built.
    Build,
    /// The image is written.
    Write,
}

/// What moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Transfer {
    /// A document or layer of an image, read.
    Blob,
    /// An index of a repository, read.
    Metadata,
    /// A package, downloaded.
    Package,
    /// A document or layer of an image, written.
    Upload,
}
