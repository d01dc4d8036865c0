//! The packages that a `Packages` index offers.

use std::io::Read;

use url::Url;

use crate::error::{Error, Result};
use crate::format::deb::repo::scan::Scanner;
use crate::format::deb::rules::RULES;
use crate::repository::catalog::Catalog;
use crate::repository::index::table::Index;
use crate::repository::load::Loaded;
use crate::warning::{Code, Warning};

/// Reads the text of a `Packages` index: the packages for this architecture. The text is
/// taken as it is: only a [`Repository`](crate::Repository) checks signatures.
///
/// Files are below `base`. A stanza that is not in order (a field twice, no checksum, a path that
/// leads elsewhere) is left out; the warning says how many were.
///
/// # Errors
///
/// [`Error::Malformed`] when it cannot be read, or is larger than this program reads.
pub fn read_packages(text: impl Read, arch: &str, base: &Url, origin: &str) -> Result<Loaded> {
    let mut scanner = Scanner::new(arch);
    scanner.read(text).map_err(|e| Error::Malformed {
        what: format!("the index of {origin} at {base}"),
        reason: e.to_string(),
    })?;
    Ok(listed(scanner.finish(), base, origin))
}

/// What an index offers, and how many of its stanzas were left out.
pub(crate) fn listed(index: Index, base: &Url, origin: &str) -> Loaded {
    let mut warnings = Vec::new();
    if index.refused() > 0 {
        let refused = index.refused();
        let text =
            format!("{origin} at {base}: {refused} packages left out: malformed or listed twice");
        warnings.push(Warning::new(Code::LeftOut, origin, text));
    }
    Loaded { catalog: Catalog::new(&RULES, index, base.clone(), origin.into()), warnings }
}
