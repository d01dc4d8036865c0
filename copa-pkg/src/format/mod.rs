//! Package formats: what each of them does in its own way, and the one list of them.

pub mod deb;
pub(crate) mod interests;
pub(crate) mod manager;
pub(crate) mod managers;
pub mod rpm;
