//! Vulnerability reports: what a scanner found, turned into what is wanted.

mod subject;
mod trivy;

use std::collections::{BTreeMap, BTreeSet};

pub use subject::Subject;

use crate::pkg::{self, Request, Wanted};
use crate::{Error, Result};

/// The longest report that is read: 256 MiB.
const LONGEST: usize = 256 << 20;

/// A vulnerability report: the distribution's packages that a scanner found wanting, and what it
/// says of the image in which it found them.
///
/// Trivy's JSON (`trivy image --format json`, schema version 2) is read, all of its results of
/// the class `os-pkgs`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What was scanned, as the report names it.
    pub(crate) artifact: String,
    /// The distribution in the scanner's words, and its release.
    pub(crate) system: Option<(String, String)>,
    /// Go's name of the architecture.
    pub(crate) architecture: Option<String>,
    /// The digest of the image's configuration.
    pub(crate) image_id: Option<String>,
    /// The digests of the uncompressed layers, lowest first.
    pub(crate) diff_ids: Vec<String>,
    /// `REPOSITORY@DIGEST`, the digest being the manifest's or the index's.
    pub(crate) repo_digests: Vec<String>,
    /// What was found, in the report's order.
    pub(crate) findings: Vec<Finding>,
}

/// One vulnerability in one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) package: String,
    pub(crate) installed: Option<String>,
    pub(crate) vulnerability: String,
    /// Versions that fix it: any one of them does, each in its own branch. Empty: there is none.
    pub(crate) fixed: Vec<String>,
}

impl Report {
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

    /// What was scanned, as the report names it.
    pub fn artifact(&self) -> &str {
        &self.artifact
    }

    /// How many vulnerabilities of the distribution's packages the report lists.
    pub fn findings(&self) -> usize {
        self.findings.len()
    }

    /// What the report wants updated in this image. Sorted by package name. A package has one
    /// entry for the vulnerabilities that have a fix, with the highest of the fixed versions, and
    /// one for those that have none.
    ///
    /// # Errors
    ///
    /// [`Error::OtherImage`] when the report is about another distribution, release, architecture
    /// or image: a tag that was rebuilt after the scan is another image.
    pub fn request(&self, of: &Subject) -> Result<Request> {
        of.check(self)?;
        let mut wanted: BTreeMap<(&str, bool), Wanted> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for finding in &self.findings {
            let fixed = finding.lowest_fix();
            let key = (finding.package.as_str(), fixed.is_none());
            let entry = wanted.entry(key).or_insert_with(|| finding.wanted());
            entry.fixed = higher(entry.fixed.take(), fixed);
            if seen.insert((key, &finding.vulnerability)) {
                entry.vulnerabilities.push(finding.vulnerability.clone());
            }
        }
        Ok(Request::Only(wanted.into_values().collect()))
    }
}

impl Finding {
    fn wanted(&self) -> Wanted {
        Wanted {
            name: self.package.clone(),
            installed: self.installed.clone(),
            fixed: None,
            vulnerabilities: Vec::new(),
        }
    }

    /// The lowest fixed version above the installed one; where none is above, the highest.
    fn lowest_fix(&self) -> Option<String> {
        let installed = self.installed.as_deref();
        let above = |fix: &&String| installed.is_none_or(|installed| is_higher(fix, installed));
        let lowest =
            self.fixed.iter().filter(above).cloned().reduce(|a, b| match is_higher(&a, &b) {
                true => b,
                false => a,
            });
        lowest.or_else(|| self.fixed.iter().cloned().map(Some).reduce(higher).flatten())
    }
}

fn higher(a: Option<String>, b: Option<String>) -> Option<String> {
    match (a, b) {
        (Some(a), Some(b)) if is_higher(&b, &a) => Some(b),
        (Some(a), _) => Some(a),
        (None, b) => b,
    }
}

/// Whether `a` is the higher version. What is not a Debian version is no higher than anything:
/// the distribution of the report is checked before versions are compared, and a version that
/// the distribution cannot have is reported by the plan.
fn is_higher(a: &str, b: &str) -> bool {
    let version = |text: &str| text.parse::<pkg::version::deb::Version>().ok();
    match (version(a), version(b)) {
        (Some(a), Some(b)) => a > b,
        (Some(_), None) => true,
        _ => false,
    }
}

fn refused(reason: impl Into<String>) -> Error {
    Error::Report { reason: reason.into() }
}

#[cfg(test)]
mod tests;
