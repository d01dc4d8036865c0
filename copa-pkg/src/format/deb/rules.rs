//! What the resolver and the catalog need to know of Debian packages.

use crate::format::deb::relation::indexed_relations;
use crate::package::arch::Arch;
use crate::package::rules::Rules;
use crate::version::format::Format;

/// Debian's rules.
pub(crate) static RULES: Rules = Rules {
    format: Format::Deb,
    arch_name: Arch::as_str,
    arch: |name| name.parse().ok(),
    relations: indexed_relations,
    replaced_packages_go: false,
    files_are_needed: false,
    needs_cross_architectures: false,
    architectures_go_in_step: false,
};
