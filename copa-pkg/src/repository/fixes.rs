//! Which vulnerabilities the versions of packages fix: what is kept of a repository's advisories.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use bytes::Bytes;

use crate::package::arch::is_for_all;
use crate::version::any::Version;

/// The most text that is kept. RHEL's AppStream, ten years of it, needs some 10 MB.
const LARGEST: usize = 64 << 20;

/// What is kept of the advisories of a repository: a line for each that names vulnerabilities, in it
/// their names divided by blanks, and behind tabs the packages: name, version and architecture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fixes(String);

/// An update of a package, as advisories are asked about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step<'a> {
    /// The name of the package.
    pub(crate) name: &'a str,
    /// The architecture of the new version.
    pub(crate) arch: &'a str,
    /// The version that is installed; `None` for a package that is new.
    pub(crate) from: Option<&'a Version>,
    /// The version that takes its place.
    pub(crate) to: &'a Version,
}

impl Fixes {
    /// Adds an advisory. In `packages`, each has a tab before it; an advisory that names no
    /// vulnerability or no package is left out.
    ///
    /// # Errors
    ///
    /// When there is more to keep than 64 MiB.
    pub(crate) fn add(
        &mut self,
        vulnerabilities: &BTreeSet<String>,
        packages: &str,
    ) -> io::Result<()> {
        if vulnerabilities.is_empty() || packages.is_empty() {
            return Ok(());
        }
        for (i, name) in vulnerabilities.iter().enumerate() {
            self.0.push_str(if i == 0 { "" } else { " " });
            self.0.push_str(name);
        }
        self.0.push_str(packages);
        self.0.push('\n');
        check_size(&self.0)
    }

    /// The bytes for the cache.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Reads back what [`as_bytes`](Self::as_bytes) gave.
    pub(crate) fn from_bytes(bytes: &Bytes) -> Option<Self> {
        Some(Self(std::str::from_utf8(bytes).ok()?.to_owned()))
    }

    /// What each of the updates fixes, by its place among them: whatever is listed for a version
    /// that is higher than the installed one and no higher than the new one.
    pub(crate) fn of(&self, steps: &[Step<'_>]) -> BTreeMap<usize, BTreeSet<String>> {
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (i, step) in steps.iter().enumerate() {
            by_name.entry(step.name).or_default().push(i);
        }
        let mut all: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for line in self.0.lines() {
            let (vulnerabilities, packages) = line.split_once('\t').unwrap_or((line, ""));
            let mut fixed = BTreeSet::new();
            for package in packages.split('\t') {
                let mut words = package.splitn(3, ' ');
                let (name, version, arch) = (words.next(), words.next(), words.next());
                let places = name.and_then(|name| by_name.get(name)).into_iter().flatten();
                fixed.extend(places.filter(|&&i| steps[i].passes(version, arch)));
            }
            for i in fixed {
                let names = vulnerabilities.split(' ').map(Into::into);
                all.entry(i).or_default().extend(names);
            }
        }
        all
    }
}

impl Step<'_> {
    /// Whether it leads from below the version to it, or beyond.
    fn passes(&self, version: Option<&str>, arch: Option<&str>) -> bool {
        let for_any = |arch: &str| arch.is_empty() || is_for_all(arch);
        let arch = arch.unwrap_or_default();
        if arch != self.arch && !for_any(arch) && !for_any(self.arch) {
            return false;
        }
        let version = version.and_then(|text| Version::parse(self.to.format(), text).ok());
        let Some(version) = version else { return false };
        self.from.is_some_and(|from| *from < version) && version <= *self.to
    }
}

/// Checks that a text is no longer than what is kept.
///
/// # Errors
///
/// When it is longer than 64 MiB.
pub(crate) fn check_size(text: &str) -> io::Result<()> {
    match text.len() > LARGEST {
        true => Err(io::Error::other("it lists more than 64 MiB of advisories")),
        false => Ok(()),
    }
}
