//! Reading a report of any kind that is known.

use crate::error::{Error, Result};
use crate::report::trivy;
use crate::report::vulnerability_report::Report;

/// The longest report that is read: 256 MiB.
const LONGEST: usize = 256 << 20;

impl Report {
    /// Reads a report.
    ///
    /// # Errors
    ///
    /// [`Error::Report`] when it is longer than 256 MiB, not JSON, or not of a kind that is known.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > LONGEST {
            return Err(Error::report(format!("is over the limit of {} MiB", LONGEST >> 20)));
        }
        trivy::parse(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
    }
}
