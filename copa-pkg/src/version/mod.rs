//! Versions of packages, ordered as their own package manager orders them.
//!
//! [`deb`] and [`rpm`] each hold the order of one format; `any` is the sum of them, and one of the
//! two places where this crate matches on the format. Versions of different formats do not
//! compare.

pub(crate) mod any;
pub mod deb;
pub(crate) mod format;
pub mod rpm;
pub(crate) mod spelled;
