//! The program on real images, mirrors, registries and scanners; `lab.rs` says where they come from.
//!
//! One module for each question; the numbers are those of the list that says when patching is done.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod asked;
mod bomb;
mod copa;
mod flags;
mod golden;
mod hostile;
mod lab;
mod layers;
mod manifests;
mod oracles;
mod peers;
mod places;
mod registry_faults;
mod repeat;
mod rooms;
mod rpm;
mod scanners;
mod warned;
