//! Installing packages: one engine for all formats.
//!
//! ```text
//!  packages --format--> Incoming files + Policy --place--> ChangeSet
//!  what goes --format--> Leftovers --remove_stale-------------^
//! ```
//!
//! A format says what a package holds and, by its [policy](fate), what becomes of a path where package
//! managers differ: configuration, missing files, directories. The [`installer`] does what they have
//! in common: physical paths, hard links, collisions, files put aside, directories that are emptied.

pub(crate) mod change;
pub(crate) mod fate;
pub(crate) mod installer;
pub(crate) mod outcome;
pub(crate) mod overlay;
pub(crate) mod paths;
pub(crate) mod place;
pub(crate) mod stale;
pub(crate) mod transaction;
