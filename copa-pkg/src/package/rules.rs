//! How package formats differ where data can say it: the resolver and the catalog ask these rules
//! and never which format it is.

use crate::error::Result;
use crate::package::arch::Arch;
use crate::package::relation::{RelationTexts, Relations};
use crate::version::format::Format;

/// The rules of one package format.
#[derive(Debug)]
pub(crate) struct Rules {
    /// The format.
    pub(crate) format: Format,
    /// What its packages call an architecture.
    pub(crate) arch_name: fn(Arch) -> &'static str,
    /// The architecture that its packages have this name for.
    pub(crate) arch: fn(&str) -> Option<Arch>,
    /// Reads the relations that an index keeps of a package.
    pub(crate) relations: fn(RelationTexts<'_>) -> Result<Relations>,
    /// Whether what an index keeps as `replaces` makes installed packages go (RPM: `Obsoletes`).
    pub(crate) replaced_packages_go: bool,
    /// Whether packages may need files by their paths (RPM). Indexes list only some of the files.
    pub(crate) files_are_needed: bool,
    /// Whether a package that provides the name meets a need of a package of another architecture.
    /// With RPM it does: names tell where it must not (`libc.so.6()(64bit)`). With Debian only
    /// `Multi-Arch: foreign` would, which is not known here.
    pub(crate) needs_cross_architectures: bool,
    /// Whether a package that is installed for several architectures must have one version in all of
    /// them, because its files are shared (RPM).
    pub(crate) architectures_go_in_step: bool,
}
