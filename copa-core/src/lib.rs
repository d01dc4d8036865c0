//! Patch the operating-system packages of a container image: no daemon, no root, no emulation.

pub use copa_oci as oci;
pub use copa_pkg as pkg;
