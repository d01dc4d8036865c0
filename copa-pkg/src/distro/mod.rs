//! Distributions: one table of what is known of each, and how an image is told to hold one.

pub(crate) mod detect;
pub(crate) mod os_release;
pub(crate) mod release;
pub(crate) mod table;
