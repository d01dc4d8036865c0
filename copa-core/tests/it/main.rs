//! From an image to a patched image, without a network: the image and the signed mirror of the
//! quick start, real Debian packages.
#![allow(clippy::unwrap_used)]

mod bench;
mod cancel;
mod failures;
mod marks;
mod patch;
mod repeat;
mod send;
mod shared;
mod warnings;
