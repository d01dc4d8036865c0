//! What the resolver and the catalog need to know of RPM packages.

use crate::format::rpm::relation::relations;
use crate::package::arch::Arch;
use crate::package::rules::Rules;
use crate::version::format::Format;

/// RPM's rules.
pub(crate) static RULES: Rules = Rules {
    format: Format::Rpm,
    arch_name: Arch::as_rpm,
    arch: Arch::from_rpm,
    relations,
    replaced_packages_go: true,
    files_are_needed: true,
    needs_cross_architectures: true,
    architectures_go_in_step: true,
};
