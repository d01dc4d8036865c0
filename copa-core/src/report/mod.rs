//! Vulnerability reports: what a scanner found, turned into what is wanted.

mod scanned;
mod subject;
mod trivy;

pub use scanned::{Scanned, ScannedSystem};
pub use subject::Subject;

use crate::pkg::{Finding, Request};
use crate::{Error, Result};

/// The longest report that is read: 256 MiB.
const LONGEST: usize = 256 << 20;

/// A vulnerability report: what a scanner found in the distribution's packages, and what it says of
/// the image in which it found it.
///
/// Trivy's JSON (`trivy image --format json`, schema version 2) is read, all of its results of
/// the class `os-pkgs`. A program that has findings from elsewhere makes a report of them:
///
/// ```
/// use copa_core::Report;
/// use copa_core::pkg::Finding;
///
/// let report = Report::new(vec![Finding {
///     package: "libssl3".into(),
///     installed: Some("3.0.9-1".into()),
///     vulnerability: "CVE-2023-5363".into(),
///     fixed: vec!["3.0.11-1~deb12u2".into()],
/// }]);
/// assert_eq!(report.findings().len(), 1);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    scanned: Scanned,
    /// What was found, in the report's order.
    findings: Vec<Finding>,
}

impl Report {
    /// A report of these findings, which does not say in what they were found: any image will do.
    pub fn new(findings: Vec<Finding>) -> Self {
        Self { scanned: Scanned::default(), findings }
    }

    /// The same report of an image: it is refused for any other.
    pub fn with_scanned(self, scanned: Scanned) -> Self {
        Self { scanned, ..self }
    }

    /// Reads a report.
    ///
    /// # Errors
    ///
    /// [`Error::Report`] when it is longer than 256 MiB, not JSON, or not of a kind that is known.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > LONGEST {
            return Err(refused(format!("is over the limit of {} MiB", LONGEST >> 20)));
        }
        trivy::parse(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
    }

    /// What was scanned.
    pub fn scanned(&self) -> &Scanned {
        &self.scanned
    }

    /// The vulnerabilities of the distribution's packages, in the report's order.
    pub fn findings(&self) -> impl ExactSizeIterator<Item = &Finding> {
        self.findings.iter()
    }

    /// What the report wants updated in this image. Which of the vulnerabilities have a fix there,
    /// the plan says: it knows how versions are ordered.
    ///
    /// # Errors
    ///
    /// [`Error::OtherImage`] when the report is about another distribution, release, architecture
    /// or image: a tag that was rebuilt after the scan is another image.
    pub fn request(&self, of: &Subject) -> Result<Request> {
        of.check(&self.scanned)?;
        Ok(Request::Only(self.findings.clone()))
    }
}

fn refused(reason: impl Into<String>) -> Error {
    Error::Report { reason: reason.into() }
}

#[cfg(test)]
mod tests;
