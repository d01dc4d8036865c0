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
//! # What an image holds, and what would change
//!
//! A root is any file system: here one of two files. What the repositories offer is read from the text
//! of an index, which nothing vouches for; a [`Repository`] checks signatures.
//!
//! ```
//! # #[cfg(feature = "deb")]
//! # fn main() -> copa_pkg::Result<()> {
//! use std::collections::BTreeMap;
//! use std::ffi::OsString;
//! use std::path::{Path, PathBuf};
//!
//! use copa_pkg::{Algorithms, Digests, FileKind, Hints, Request, Result, Root, Stat, System};
//!
//! #[derive(Debug)]
//! struct Files(BTreeMap<PathBuf, &'static str>);
//!
//! impl Root for Files {
//!     fn stat(&self, path: &Path) -> Option<Stat> {
//!         let is_dir = self.0.keys().any(|file| file != path && file.starts_with(path));
//!         let kind = match self.0.get(path) {
//!             Some(text) => FileKind::Regular(text.len() as u64),
//!             None if is_dir => FileKind::Directory,
//!             None => return None,
//!         };
//!         Some(Stat { kind, mode: 0o644, uid: 0, gid: 0, mtime: 0, xattrs: Vec::new() })
//!     }
//!     fn real_path(&self, path: &Path) -> Option<PathBuf> {
//!         self.stat(path).map(|_| path.to_owned())
//!     }
//!     fn read(&self, path: &Path) -> Result<Option<bytes::Bytes>> {
//!         Ok(self.0.get(path).map(|text| bytes::Bytes::from(*text)))
//!     }
//!     fn digests(
//!         &self,
//!         wanted: &BTreeMap<PathBuf, Algorithms>,
//!     ) -> Result<BTreeMap<PathBuf, Digests>> {
//!         let digests = |(path, which): (&PathBuf, &Algorithms)| {
//!             Some((path.clone(), Digests::of(self.0.get(path)?.as_bytes(), *which)))
//!         };
//!         Ok(wanted.iter().filter_map(digests).collect())
//!     }
//!     fn list(&self, dir: &Path) -> Vec<OsString> {
//!         let below = self.0.keys().filter_map(|file| file.strip_prefix(dir).ok());
//!         let names = below.filter_map(|rest| Some(rest.iter().next()?.to_owned()));
//!         names.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
//!     }
//! }
//!
//! let root = Files(BTreeMap::from([
//!     ("etc/os-release".into(), "ID=debian\nVERSION_ID=12\n"),
//!     (
//!         "var/lib/dpkg/status.d/zlib1g".into(),
//!         "Package: zlib1g\nVersion: 1:1.2.13-1\nArchitecture: amd64\n",
//!     ),
//! ]));
//! let system = System::detect(&root, &Hints::default())?;
//! assert_eq!(system.distro.to_string(), "debian 12 (bookworm)");
//!
//! let index = format!(
//!     "Package: zlib1g\nVersion: 1:1.2.13-2\nArchitecture: amd64\nSize: 1\n\
//!      Filename: pool/zlib1g.deb\nSHA256: {}\n\n",
//!     "00".repeat(32)
//! );
//! let base = "https://mirror.example/debian".parse().unwrap();
//! let offers =
//!     copa_pkg::format::deb::read_packages(index.as_bytes(), "amd64", &base, "bookworm")?;
//! let plan = system.plan(&offers.catalog, &Request::Everything);
//! assert_eq!(plan.updates[0].to.version.to_string(), "1:1.2.13-2");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "deb"))]
//! # fn main() {}
//! ```
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
