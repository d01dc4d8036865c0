//! What stays as it is, collected: one entry for each package and reason.

use std::collections::{BTreeMap, BTreeSet};

use crate::resolve::plan::{Skip, Skipped};

/// Packages that stay, each with the vulnerabilities that stay with it. A report may list a hundred
/// thousand of them.
#[derive(Debug, Default)]
pub(super) struct Skips {
    /// In the order in which they were said.
    entries: Vec<(String, Skip, BTreeSet<String>)>,
    /// Where the entry of a package is whose reason is shown like this.
    places: BTreeMap<(String, String), usize>,
}

impl Skips {
    /// Says that a package stays, and perhaps a vulnerability with it.
    pub(super) fn add(&mut self, package: &str, reason: Skip, vulnerability: Option<&str>) {
        let place = (package.to_owned(), reason.to_string());
        let at = *self.places.entry(place).or_insert_with(|| {
            self.entries.push((package.to_owned(), reason, BTreeSet::new()));
            self.entries.len() - 1
        });
        if let (Some(vulnerability), Some((_, _, all))) = (vulnerability, self.entries.get_mut(at))
        {
            all.insert(vulnerability.to_owned());
        }
    }

    /// All of them, sorted by package; of one package in the order in which they were said.
    pub(super) fn into_sorted(self) -> Vec<Skipped> {
        let all = self.entries.into_iter().map(|(package, reason, vulnerabilities)| Skipped {
            package,
            reason,
            vulnerabilities: vulnerabilities.into_iter().collect(),
        });
        let mut all: Vec<Skipped> = all.collect();
        all.sort_by(|a, b| a.package.cmp(&b.package));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_and_a_reason_are_one_entry() {
        let mut skips = Skips::default();
        let no_fix = |wanted: &str| Skip::NoFix { wanted: wanted.into(), best: None };
        skips.add("b", no_fix("2"), Some("CVE-2"));
        skips.add("b", Skip::Unfixed, Some("CVE-9"));
        skips.add("a", Skip::NotInstalled, None);
        skips.add("b", no_fix("2"), Some("CVE-1"));
        skips.add("b", no_fix("2"), Some("CVE-2"));
        skips.add("b", no_fix("3"), Some("CVE-3"));
        let shown: Vec<String> = skips
            .into_sorted()
            .into_iter()
            .map(|s| format!("{}: {}: {}", s.package, s.reason, s.vulnerabilities.join(" ")))
            .collect();
        let expected = [
            "a: not installed: ",
            "b: no repository offers it, the report wants 2: CVE-1 CVE-2",
            "b: the report knows of no fix: CVE-9",
            "b: no repository offers it, the report wants 3: CVE-3",
        ];
        assert_eq!(shown, expected);
    }
}
