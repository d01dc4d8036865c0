//! Patch the operating-system packages of a container image: no daemon, no root, no emulation.

mod cache;
mod error;
#[allow(dead_code, unused_imports, reason = "used by the patcher, which comes next")]
mod observe;
mod report;
#[allow(dead_code, reason = "used by the patcher, which comes next")]
mod rest;

pub use cache::DirCache;
pub use copa_oci as oci;
pub use copa_pkg as pkg;
pub use error::{Error, Kind, Result};
pub use observe::{Cancel, Event, Observer, Stage, Transfer};
pub use report::{Report, Subject};
pub use {jiff, url};
