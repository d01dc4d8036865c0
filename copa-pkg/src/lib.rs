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

#![cfg_attr(
    not(all(feature = "deb", feature = "rpm")),
    allow(
        dead_code,
        unused_imports,
        reason = "some of what formats share serves one of them only"
    )
)]

mod distro;
mod effect;
mod error;
#[cfg(any(test, feature = "fuzz"))]
mod fixture;
pub mod format;
#[cfg(any(test, feature = "fuzz"))]
#[doc(hidden)]
pub mod fuzz;
mod install;
mod package;
mod port;
mod repository;
mod resolve;
mod system;
mod trust;
mod unpack;
pub mod version;
mod warning;

pub use crate::distro::release::Distro;
pub use crate::error::{Error, Hint, Kind, Result};
pub use crate::install::change::{Change, ChangeSet, Content, File};
pub use crate::install::outcome::{Installation, Kept, Unrun, Why};
pub use crate::install::transaction::Transaction;
pub use crate::package::arch::Arch;
pub use crate::package::candidate::Candidate;
pub use crate::package::checksum::Checksum;
pub use crate::package::constraint::{Constraint, Operator};
pub use crate::package::database::{FileSums, PackageDb};
pub use crate::package::fetched::{Package, Verified};
pub use crate::package::installed::Installed;
pub use crate::package::relation::Relations;
pub use crate::package::removal::Removal;
pub use crate::package::requirement::Requirement;
pub use crate::port::{
    Algorithms, Body, Cache, Digests, Fetch, FileKind, Interest, Root, Stat, recall, remember,
};
pub use crate::repository::access::Ports;
pub use crate::repository::catalog::Catalog;
pub use crate::repository::load::{Loaded, Repository, load_all};
pub use crate::repository::mirror::Mirror;
pub use crate::repository::origins::Origins;
pub use crate::repository::sources::{HostFile, Sources};
pub use crate::resolve::plan::{Reason, Skip, Skipped, Update, UpdatePlan};
pub use crate::resolve::request::{Finding, Request};
pub use crate::system::{Hints, System};
pub use crate::trust::keys::PackageKeys;
pub use crate::trust::policy::Trust;
pub use crate::version::any::Version;
pub use crate::version::format::Format;
pub use crate::warning::{Code, Listener, Warning};
