//! The package database of distroless images: `var/lib/dpkg/status.d/`, one file a package.
//!
//! ```text
//! status.d/* --StatusD::open--> StatusD --installed--> Installed
//!                                  |------ownership--> which package owns a path, with its MD5
//!                                  +------record-----> the files of status.d as they will be
//! ```

#[allow(dead_code, reason = "the installer does not ask it yet")]
pub(crate) mod ownership;
pub(crate) mod record;
pub(crate) mod status_d;
