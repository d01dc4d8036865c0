//! What is known about where packages may come from, before the image is asked.

use std::path::PathBuf;

use bytes::Bytes;
use jiff::Timestamp;

use crate::distro::release::Distro;
use crate::package::arch::Arch;
use crate::port::Root;
use crate::repository::mirror::Mirror;
use crate::trust::policy::Trust;

/// What is known about where packages may come from.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The image: its own configuration of repositories and its keys are read.
    pub root: &'a dyn Root,
    /// The release of the distribution in it.
    pub distro: &'a Distro,
    /// The architecture of its packages.
    pub arch: Arch,
    /// The mirrors that the user named.
    pub mirrors: &'a [Mirror],
    /// apt's files of this machine, when it runs the same distribution; else empty.
    pub host: &'a [HostFile],
    /// The moment at which the timestamped archive is read, when no other source is known.
    pub snapshot: Timestamp,
    /// How strictly metadata is checked.
    pub trust: &'a Trust,
}

/// One of apt's files of this machine: sources (`etc/apt/sources.list`,
/// `etc/apt/sources.list.d/*`) and the keys that they name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFile {
    /// Its path, without the leading slash.
    pub path: PathBuf,
    /// Its content.
    pub content: Bytes,
}
