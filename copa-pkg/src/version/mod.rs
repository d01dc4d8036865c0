//! Versions of packages, ordered as their own package manager orders them.

pub(crate) mod any;
pub mod deb;
pub(crate) mod format;
pub mod rpm;
pub(crate) mod spelled;
