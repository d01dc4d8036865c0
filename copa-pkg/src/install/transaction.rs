//! A transaction: what comes and what goes, together.

use crate::package::fetched::Verified;
use crate::package::removal::Removal;

/// What is installed into an image at once. A plan has decided it, nothing is decided later.
#[derive(Debug, Clone, Copy)]
pub struct Transaction<'a> {
    /// The new packages.
    pub packages: &'a [Verified],
    /// Installed packages that go for them, besides the old versions of those.
    pub removals: &'a [Removal],
}
