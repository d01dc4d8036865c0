//! Verdicts: what becomes of each vulnerability that a report lists.

use crate::resolve::plan::Skip;
use crate::resolve::request::Finding;
use crate::version::any::Version;
use crate::version::format::Format;

/// A package of the image, and what its plan is.
#[derive(Debug)]
pub(super) struct Case<'a> {
    /// The format whose rules order the versions in a report.
    pub(super) format: Format,
    /// The version in the image.
    pub(super) has: &'a Version,
    /// The version that it gets, or what takes its place; that in the image when nothing changes.
    pub(super) gets: Option<&'a Version>,
    /// The highest version on offer.
    pub(super) best: Option<&'a Version>,
    /// Why it does not get that one.
    pub(super) refused: Option<&'a Skip>,
}

impl Case<'_> {
    /// Why the fix of a vulnerability does not arrive; `None` when it does.
    pub(super) fn verdict(&self, finding: &Finding) -> Option<Skip> {
        let Some(fix) = Fix::of(finding, self.format, self.has) else { return Some(Skip::Unfixed) };
        let no_fix = || Skip::NoFix { wanted: fix.text.into(), best: self.best.cloned() };
        let Some(fixed) = &fix.version else { return Some(no_fix()) };
        let reaches = |version: Option<&Version>| version.is_some_and(|version| version >= fixed);
        if self.has >= fixed {
            return Some(Skip::UpToDate { installed: self.has.clone() });
        }
        match (reaches(self.gets), self.refused) {
            (true, _) => None,
            (false, Some(refused)) if reaches(self.best) => Some(refused.clone()),
            _ => Some(no_fix()),
        }
    }
}

/// Whether the finding names a fix that this version of its package may lack.
pub(super) fn lacks_fix(finding: &Finding, format: Format, has: &Version) -> bool {
    let fix = Fix::of(finding, format, has);
    fix.is_some_and(|fix| fix.version.is_none_or(|fixed| *has < fixed))
}

/// The version that is to fix a vulnerability.
#[derive(Debug, PartialEq, Eq)]
struct Fix<'f> {
    /// As the report writes it.
    text: &'f str,
    /// `None` when the format has no such version.
    version: Option<Version>,
}

impl<'f> Fix<'f> {
    /// The lowest fixed version above the one that the report saw, because each branch of a package
    /// has its own; where none is above, the highest. `None` when nothing fixes it.
    fn of(finding: &'f Finding, format: Format, has: &Version) -> Option<Self> {
        let parse = |text: &str| Version::parse(format, text).ok();
        let seen = finding.installed.as_deref().and_then(parse);
        let seen = seen.as_ref().unwrap_or(has);
        let mut fixes: Vec<(Version, &str)> =
            finding.fixed.iter().filter_map(|text| Some((parse(text)?, &**text))).collect();
        fixes.sort_by(|(a, _), (b, _)| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        let above = fixes.iter().position(|(version, _)| version > seen);
        let at = above.unwrap_or(fixes.len().saturating_sub(1));
        if at < fixes.len() {
            let (version, text) = fixes.swap_remove(at);
            return Some(Self { text, version: Some(version) });
        }
        finding.fixed.first().map(|text| Self { text, version: None })
    }
}

#[cfg(test)]
#[path = "tests/verdict.rs"]
mod tests;
