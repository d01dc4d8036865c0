//! Package formats: what each of them does in its own way, and the one list of them.
//!
//! ```text
//! formats::FORMATS --open(image)--> PackageManager: db, rules, origins, verify, install
//!                                          |
//!                        deb/  rpm/   (each: relation package/ db/ repo/ sources/ install/)
//! ```
//!
//! A format implements traits that the rooms below declare; nothing below imports this room. The
//! checklist for a new format is `manager.rs`.

#[cfg(feature = "deb")]
pub mod deb;
pub(crate) mod formats;
pub(crate) mod interests;
pub(crate) mod manager;
#[cfg(feature = "rpm")]
pub mod rpm;
pub(crate) mod self_check;
