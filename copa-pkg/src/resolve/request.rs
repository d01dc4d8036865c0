//! What is wanted: everything that is newer, or the fixes of vulnerabilities.

/// What is to be updated.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// Everything that has an update.
    Everything,
    /// The packages that have these vulnerabilities: what a report lists.
    Only(Vec<Finding>),
}

/// One vulnerability of one package, as a report lists it. Its versions are texts: which rules order
/// them, only the system knows that is updated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The package's name.
    pub package: String,
    /// The version that the report saw installed.
    pub installed: Option<String>,
    /// The vulnerability: `CVE-2026-1234`.
    pub vulnerability: String,
    /// Versions that fix it. Any one of them does, each in its own branch. Empty: nothing fixes it
    /// yet.
    pub fixed: Vec<String>,
}
