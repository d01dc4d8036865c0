//! Which installed package a new one takes the place of.

/// Whether a package of this name and the second architecture takes the place of one of the first:
/// a package may come to be for all architectures, or cease to be.
pub(crate) fn same_place(old: &str, new: &str) -> bool {
    old == new || old == "noarch" || new == "noarch"
}
