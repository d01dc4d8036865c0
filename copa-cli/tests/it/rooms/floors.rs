//! The order of the crates and of the rooms of copa-pkg: what may name what.

use std::cmp::Ordering;

/// Each crate, and the crates that it may name.
pub(super) const CRATES: [(&str, &[&str]); 4] = [
    ("copa-oci", &[]),
    ("copa-pkg", &[]),
    ("copa-core", &["copa_oci", "copa_pkg"]),
    ("copa-cli", &["copa_core"]),
];

/// The names of all crates.
pub(super) fn crates() -> impl Iterator<Item = &'static str> {
    CRATES.into_iter().map(|(name, _)| name)
}

/// The crate that is made of rooms.
const OF_ROOMS: &str = "copa-pkg";

/// The floors of copa-pkg from top to bottom. A room takes from itself and from the floors below
/// it, never from a room beside it or above.
const FLOORS: [&[&str]; 12] = [
    &["system"],
    &["format"],
    &["resolve", "effect"],
    &["repository"],
    &["install"],
    &["distro"],
    &["package"],
    &["version", "trust"],
    &["unpack"],
    &["port"],
    &["warning"],
    &["error"],
];

/// The faults of an import from one room into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wrong {
    Above,
    Beside,
}

/// The room of copa-pkg that a file is in; `lib.rs` is in none: it only hands on.
pub(super) fn room(file: &str) -> Option<&str> {
    let path = file.strip_prefix(OF_ROOMS)?.strip_prefix("/src/")?;
    let room = path.split('/').next()?.trim_end_matches(".rs");
    (room != "lib").then_some(room)
}

/// Whether the table has a room.
pub(super) fn is_known(room: &str) -> bool {
    floor(room).is_some()
}

/// Judges an import from one room into another. Rooms that the table lacks have no fault.
pub(super) fn wrong(from: &str, to: &str) -> Option<Wrong> {
    // The table counts downward: a floor that is further down has the larger number.
    match floor(from)?.cmp(&floor(to)?) {
        Ordering::Less => None,
        Ordering::Equal => (from != to).then_some(Wrong::Beside),
        Ordering::Greater => Some(Wrong::Above),
    }
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}
