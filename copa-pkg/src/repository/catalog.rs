//! What the repositories offer, together.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use url::Url;

use crate::package::arch::is_for_all;
use crate::package::candidate::Candidate;
use crate::package::rules::Rules;
use crate::repository::advisory::Advisories;
use crate::repository::index::table::{Index, Record};
use crate::version::any::Version;

/// What one or several repositories offer.
///
/// It keeps the indexes as they are, some 400 bytes a package; candidates are made when asked for.
/// Where two repositories offer different versions, the highest is the best, whatever the
/// repository is called: a point release is often newer than what `-security` still has.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    listings: Vec<Listing>,
}

/// An index and where it came from.
#[derive(Debug, Clone)]
struct Listing {
    rules: &'static Rules,
    index: Index,
    base: Url,
    origin: String,
    /// Lower ones come first: what one of them has is taken from no other.
    priority: i64,
    /// Of what listings have alike, the one with the lowest is taken.
    cost: i64,
    /// Where it is written what its packages fix (RPM).
    advisories: Option<Arc<dyn Advisories>>,
}

/// The priority of a repository that says nothing of it: dnf's.
pub(crate) const PRIORITY: i64 = 99;
/// The cost of a repository that says nothing of it: dnf's.
pub(crate) const COST: i64 = 1000;
/// As many relations are read for one name: all versions of a kernel's modules have some 300,000.
const RELATIONS: usize = 500_000;

impl Catalog {
    /// What one index offers: files are below `base`.
    pub(crate) fn new(rules: &'static Rules, index: Index, base: Url, origin: String) -> Self {
        let (priority, cost, advisories) = (PRIORITY, COST, None);
        Self { listings: vec![Listing { rules, index, base, origin, priority, cost, advisories }] }
    }

    /// The same with a place where it is written what its packages fix.
    pub(crate) fn with_advisories(mut self, advisories: Option<Arc<dyn Advisories>>) -> Self {
        self.listings.iter_mut().for_each(|listing| listing.advisories.clone_from(&advisories));
        self
    }

    /// The same with another priority and cost (RPM: those of a repository): a package that a
    /// repository with a lower priority has is taken from no other, and a version that several
    /// have from the one with the lowest cost.
    pub(crate) fn ranked(mut self, priority: i64, cost: i64) -> Self {
        for listing in &mut self.listings {
            (listing.priority, listing.cost) = (priority, cost);
        }
        self
    }

    /// All versions of this package, the highest first. What several repositories offer alike is
    /// listed once, from the cheapest of them or else the first.
    pub fn candidates(&self, name: &str) -> Vec<Candidate> {
        let has = |listing: &&Listing| listing.index.named(name).next().is_some();
        let first = self.listings.iter().filter(has).map(|listing| listing.priority).min();
        let all = self.cheapest_first().into_iter();
        let all = all.filter(|listing| Some(listing.priority) == first);
        read(
            all.flat_map(|listing| listing.index.named(name).map(move |r| (listing, r))),
            RELATIONS,
        )
    }

    /// All versions of all packages that provide this name (Debian: `Provides`), the highest of
    /// each package first, packages in the order of their names. A package of that very name is
    /// not among them, unless it says so.
    pub fn providers(&self, name: &str) -> Vec<Candidate> {
        let all = self.cheapest_first().into_iter();
        read(
            all.flat_map(|listing| listing.index.providing(name).map(move |r| (listing, r))),
            RELATIONS,
        )
    }

    fn cheapest_first(&self) -> Vec<&Listing> {
        let mut all: Vec<&Listing> = self.listings.iter().collect();
        all.sort_by_key(|listing| listing.cost);
        all
    }

    /// Names of packages some version of which makes one of these obsolete (RPM: `Obsoletes`).
    pub(crate) fn obsoleting(&self, names: &BTreeSet<&str>) -> BTreeSet<String> {
        let all = self.listings.iter().filter(|listing| listing.rules.replaced_packages_go);
        let records = all.flat_map(|listing| listing.index.all());
        let about = |record: &Record<'_>| {
            let mut lines = record.relations().replaces.lines();
            lines.any(|line| names.contains(line.split(' ').next().unwrap_or_default()))
        };
        records.filter(about).map(|record| record.package().to_owned()).collect()
    }

    /// The paths that packages on offer need (RPM): of those no index lists all who have them.
    pub(crate) fn needed_paths(&self) -> BTreeSet<String> {
        let all = self.listings.iter().filter(|listing| listing.rules.files_are_needed);
        let records = all.flat_map(|listing| listing.index.all());
        let lines = records.flat_map(|record| record.relations().requires.lines());
        lines.filter(|line| line.starts_with('/')).map(Into::into).collect()
    }

    /// The highest version of this package.
    pub fn best(&self, name: &str) -> Option<Candidate> {
        self.candidates(name).into_iter().next()
    }

    /// The advisories of the repositories that have a package of one of these names.
    pub(crate) fn advisories<'a>(
        &'a self,
        names: &'a BTreeSet<&str>,
    ) -> impl Iterator<Item = &'a dyn Advisories> {
        let has = |listing: &&Listing| {
            names.iter().any(|name| listing.index.named(name).next().is_some())
        };
        self.listings.iter().filter(has).filter_map(|listing| listing.advisories.as_deref())
    }

    /// How many packages are offered, every version of every repository counted.
    pub fn len(&self) -> usize {
        self.listings.iter().map(|listing| listing.index.len()).sum()
    }

    /// How many bytes the indexes have.
    pub(crate) fn bytes(&self) -> usize {
        self.listings.iter().map(|listing| listing.index.as_ref().len()).sum()
    }

    /// Whether nothing is offered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The suites that offer something: `bookworm`, `bookworm-security`.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        self.listings.iter().map(|listing| listing.origin.as_str())
    }
}

impl FromIterator<Catalog> for Catalog {
    fn from_iter<I: IntoIterator<Item = Catalog>>(all: I) -> Self {
        Self { listings: all.into_iter().flat_map(|catalog| catalog.listings).collect() }
    }
}

impl Listing {
    /// A package whose relations cannot be read is not offered: nobody could say what it needs.
    fn candidate(&self, record: Record<'_>) -> Option<Candidate> {
        let relations = (self.rules.relations)(record.relations())
            .inspect_err(|e| tracing::debug!(package = record.package(), "left out: {e}"))
            .ok()?;
        Some(Candidate {
            name: record.package().into(),
            version: Version::parse(self.rules.format, record.version()).ok()?,
            arch: record.architecture().into(),
            source: record.source().into(),
            url: self.url(record.filename())?,
            size: record.size(),
            checksum: record.checksum()?,
            origin: self.origin.clone(),
            relations,
        })
    }

    /// Where a file is: below the base, unless the index has its whole address.
    fn url(&self, filename: &str) -> Option<Url> {
        if filename.contains("://") {
            return filename.parse().ok();
        }
        let mut url = self.base.clone();
        url.path_segments_mut().ok()?.pop_if_empty().extend(filename.split('/'));
        Some(url)
    }
}

/// The candidates of records: by name, the highest version first, an architecture's own package
/// before one for all. What several say alike is listed once. Only then they are read, as many as
/// have no more relations than this.
fn read<'a>(
    records: impl Iterator<Item = (&'a Listing, Record<'a>)>,
    mut relations: usize,
) -> Vec<Candidate> {
    let with_version = |(listing, record): (&'a Listing, Record<'a>)| {
        Some((Version::parse(listing.rules.format, record.version()).ok()?, listing, record))
    };
    let mut all: Vec<_> = records.filter_map(with_version).collect();
    all.sort_by(|(a_version, _, a), (b_version, _, b)| {
        let versions = || b_version.partial_cmp(a_version).unwrap_or(Ordering::Equal);
        let for_all = |record: &Record<'_>| is_for_all(record.architecture());
        a.name().cmp(b.name()).then_with(versions).then_with(|| for_all(a).cmp(&for_all(b)))
    });
    all.dedup_by(|(later_version, _, later), (first_version, _, first)| {
        let same = |of: fn(Record<'a>) -> &'a str| of(*later) == of(*first);
        later_version == first_version
            && same(Record::package)
            && same(Record::architecture)
            && later.checksum() == first.checksum()
    });
    let fits = |(_, _, record): &(Version, &Listing, Record<'_>)| {
        let rest = relations.checked_sub(record.relations().count());
        relations = rest.unwrap_or_default();
        if rest.is_none() {
            tracing::warn!(package = record.package(), "left out: it has too many relations");
        }
        rest.is_some()
    };
    let all = all.into_iter().take_while(fits);
    all.filter_map(|(_, listing, record)| listing.candidate(record)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(stanzas: &[(&str, &str, &str)], origin: &str) -> Catalog {
        let text: String = stanzas
            .iter()
            .map(|(package, version, more)| {
                format!(
                    "Package: {package}\nVersion: {version}\nArchitecture: amd64\nSize: 1\n{more}\
                     Filename: pool/main/{package}_{version}+x~1.deb\nSHA256: {}\n\n",
                    format!("{:02x}", origin.len()).repeat(32)
                )
            })
            .collect();
        let base = "https://mirror.invalid/debian".parse().unwrap();
        crate::format::deb::listing::read_packages(text.as_bytes(), "amd64", &base, origin)
            .unwrap()
            .catalog
    }

    #[test]
    fn the_highest_version_wins_whatever_its_suite_is_called() {
        let catalog: Catalog = [
            packages(&[("libc6", "2.36-9+deb12u7", "")], "bookworm-security"),
            packages(&[("libc6", "2.36-9+deb12u14", "")], "bookworm"),
            packages(&[("libc6", "2.36-9+deb12u9", "")], "bookworm-updates"),
        ]
        .into_iter()
        .collect();
        let all = catalog.candidates("libc6");
        let origins: Vec<&str> = all.iter().map(|c| c.origin.as_str()).collect();
        assert_eq!(origins, ["bookworm", "bookworm-updates", "bookworm-security"]);
        let best = catalog.best("libc6").unwrap();
        assert_eq!(best.version.to_string(), "2.36-9+deb12u14");
        assert_eq!(
            best.url.as_str(),
            "https://mirror.invalid/debian/pool/main/libc6_2.36-9+deb12u14+x~1.deb"
        );
        assert_eq!(catalog.len(), 3);
        assert!(catalog.best("libc").is_none() && !catalog.is_empty());
    }

    #[test]
    fn what_two_suites_offer_alike_is_listed_once() {
        let (a, b) = (packages(&[("a", "1", "")], "one"), packages(&[("a", "1", "")], "two"));
        let both: Catalog = [a.clone(), b].into_iter().collect();
        assert_eq!(both.candidates("a"), a.candidates("a"));
        assert_eq!(both.origins().collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    fn of_one_version_the_cheapest_is_taken() {
        let of = |origin: &str, version: &str| packages(&[("a", version, "")], origin);
        let best = |costs: [i64; 2], versions: [&str; 2]| {
            let one = of("one", versions[0]).ranked(PRIORITY, costs[0]);
            let other = of("other", versions[1]).ranked(PRIORITY, costs[1]);
            [one, other].into_iter().collect::<Catalog>().best("a").unwrap().origin
        };
        assert_eq!(best([COST, COST], ["1", "1"]), "one");
        assert_eq!(best([COST, 1], ["1", "1"]), "other");
        assert_eq!(best([COST, 1], ["2", "1"]), "one");
    }

    #[test]
    fn the_highest_versions_are_read_up_to_a_number_of_relations() {
        let needs = "Depends: x, y\n";
        let all = packages(&[("a", "1", needs), ("a", "3", needs), ("a", "2", needs)], "suite");
        let listing = &all.listings[0];
        let records = || listing.index.named("a").map(|record| (listing, record));
        for (limit, versions) in [(9, &["3", "2", "1"][..]), (5, &["3", "2"]), (1, &[])] {
            let read: Vec<String> =
                read(records(), limit).iter().map(|c| c.version.to_string()).collect();
            assert_eq!(read, versions);
        }
    }

    #[test]
    fn providers_are_found_and_what_cannot_be_understood_is_not_offered() {
        let catalog = packages(
            &[
                ("b", "1", "Provides: mail (= 3)\n"),
                ("a", "1", "Provides: x, mail\n"),
                ("a", "2", "Provides: mail\n"),
                ("broken", "1", "Provides: mail | x\n"),
            ],
            "suite",
        );
        let providers = catalog.providers("mail");
        let found: Vec<(&str, String)> =
            providers.iter().map(|c| (c.name.as_str(), c.version.to_string())).collect();
        assert_eq!(found, [("a", "2".into()), ("a", "1".into()), ("b", "1".into())]);
        assert!(catalog.providers("b").is_empty() && catalog.best("broken").is_none());
    }
}
