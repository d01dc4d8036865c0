//! Package formats, by name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A package format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// Debian's.
    Deb,
    /// RPM's.
    Rpm,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deb => "Debian",
            Self::Rpm => "RPM",
        })
    }
}
