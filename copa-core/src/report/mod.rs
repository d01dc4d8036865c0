//! Vulnerability reports: what a scanner found, turned into what is wanted.

pub(crate) mod parse;
pub(crate) mod scanned;
pub(crate) mod subject;
pub(crate) mod trivy;
pub(crate) mod vulnerability_report;
