//! What is known of where packages may come from.

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
    /// The image, whose apt sources and keys are looked at.
    pub root: &'a dyn Root,
    /// The release of Debian in it.
    pub distro: &'a Distro,
    /// The architecture of its packages.
    pub arch: Arch,
    /// What the user named.
    pub mirrors: &'a [Mirror],
    /// apt's files of this machine, when it runs the same distribution; else empty.
    pub host: &'a [HostFile],
    /// The moment at which the timestamped archive is looked at, when nothing else is known.
    pub snapshot: Timestamp,
    /// How strictly metadata is checked.
    pub trust: &'a Trust,
}

/// One of apt's files of this machine: sources (`etc/apt/sources.list`,
/// `etc/apt/sources.list.d/*`) and the keys that they name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFile {
    /// Where it is, without the leading slash.
    pub path: PathBuf,
    /// What is in it.
    pub content: Bytes,
}
