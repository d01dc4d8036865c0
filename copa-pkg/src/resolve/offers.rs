//! What packages can be had, as far as the resolver asks.

use std::collections::BTreeSet;

use crate::package::candidate::Candidate;
use crate::repository::catalog::Catalog;

/// What packages can be had.
pub(crate) trait Offers {
    /// All versions of the package, the highest first.
    fn candidates(&self, name: &str) -> Vec<Candidate>;

    /// All versions of the packages that provide the name, by name, the highest first.
    fn providers(&self, name: &str) -> Vec<Candidate>;

    /// Names of packages some version of which makes one of these obsolete.
    fn obsoleting(&self, names: &BTreeSet<&str>) -> BTreeSet<String>;
}

impl Offers for Catalog {
    fn candidates(&self, name: &str) -> Vec<Candidate> {
        self.candidates(name)
    }

    fn providers(&self, name: &str) -> Vec<Candidate> {
        self.providers(name)
    }

    fn obsoleting(&self, names: &BTreeSet<&str>) -> BTreeSet<String> {
        self.obsoleting(names)
    }
}
