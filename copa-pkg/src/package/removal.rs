//! Packages that go.

use serde::{Deserialize, Serialize};

use crate::version::any::Version;

/// An installed package that goes because a new one makes it obsolete (RPM: `Obsoletes`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Serialize, Deserialize)]
pub struct Removal {
    /// Its name.
    pub package: String,
    /// Its architecture.
    pub arch: String,
    /// The version that is installed.
    pub version: Version,
    /// The name of the update that makes it obsolete.
    pub because: String,
}
