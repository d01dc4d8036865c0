//! Operating-system packages without a package manager: what is installed, what fixes it, what changes.
//!
//! The principal types, in the order in which a program meets them:
//!
//! - [`Root`], [`Fetch`] and [`Cache`]: the ports. This crate opens no socket and no file; whoever
//!   uses it says what the file system looks like and how bytes are had from an address.
//! - [`System`]: the distribution and the package database found below a [`Root`].
//! - [`Repository`] and [`Catalog`]: where packages come from, signatures checked; what they offer.
//! - [`Request`] and [`UpdatePlan`]: what is wanted; what will happen, as a value.
//! - [`Candidate`] and [`Package`]: a version that can be had; its verified bytes.
//! - [`ChangeSet`]: what installing the packages changes, path by path, database included.
//!
//! All paths are relative to the root and clean: `usr/lib/os-release`, no leading slash, no `.`,
//! no `..`; the empty path is the root itself.

mod arch;
mod catalog;
mod change;
mod db;
pub mod deb;
mod decompress;
mod distro;
mod download;
mod error;
mod format;
#[cfg(any(test, feature = "fuzz"))]
#[doc(hidden)]
pub mod fuzz;
mod index;
mod ingest;
mod install;
mod ldcache;
#[cfg(test)]
mod memory_ports;
#[cfg(any(test, feature = "fuzz"))]
mod memory_root;
mod mirror;
mod package;
mod paths;
mod payload;
mod plan;
mod port;
mod repository;
mod resolve;
pub mod rpm;
mod signature;
mod system;
mod version;

pub use arch::Arch;
pub use catalog::Catalog;
pub use change::{Change, ChangeSet, Content, File};
pub use db::{FileSums, PackageDb};
pub use distro::Distro;
pub use error::{Error, Kind, Result};
pub use format::Format;
pub use install::{Installation, Kept, Unrun, Why};
pub use mirror::Mirror;
pub use package::{
    Candidate, Checksum, Constraint, Dependency, Installed, Operator, Package, PackageKeys,
    Relations,
};
pub use plan::{Reason, Request, Skip, Skipped, Update, UpdatePlan, Wanted};
pub use port::{Body, Cache, Fetch, FileKind, Interest, Root, Stat, recall, remember};
pub use repository::{Loaded, Repository, Trust, load_all};
pub use resolve::Holdings;
pub use system::{Hints, System};
pub use version::Version;
