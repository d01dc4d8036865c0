//! The plan: which packages change, which do not, and why.
//!
//! This is an upgrade closure, not a solver. Each package that is to be updated takes the highest
//! version on offer, never a lower one than it has; what that version needs comes along. An image
//! may lack packages on purpose, as distroless ones do: a need that the installed version had and
//! the image did not meet does not count against the new version either. What was met stays met.

use std::collections::{BTreeMap, BTreeSet};

use crate::package::candidate::Candidate;
use crate::package::installed::Installed;
use crate::package::rules::Rules;
use crate::repository::catalog::Catalog;
use crate::resolve::closure::Closure;
use crate::resolve::plan::{Reason, Skip, Update, UpdatePlan};
use crate::resolve::request::{Finding, Request};
use crate::resolve::skips::Skips;
use crate::resolve::verdict::{Case, lacks_fix};
use crate::resolve::world::Slot;
use crate::version::any::Version;

/// What packages can be had.
pub(crate) trait Offers {
    /// All versions of the package, the highest first.
    fn candidates(&self, name: &str) -> Vec<Candidate>;

    /// All versions of the packages that provide the name, by name, the highest first.
    fn providers(&self, name: &str) -> Vec<Candidate>;

    /// Names of packages some version of which makes one of these obsolete.
    fn obsoleting(&self, names: &BTreeSet<&str>) -> BTreeSet<String>;
}

impl Offers for Catalog {
    fn candidates(&self, name: &str) -> Vec<Candidate> {
        self.candidates(name)
    }

    fn providers(&self, name: &str) -> Vec<Candidate> {
        self.providers(name)
    }

    fn obsoleting(&self, names: &BTreeSet<&str>) -> BTreeSet<String> {
        self.obsoleting(names)
    }
}

/// Decides what happens to the installed packages; `native` is the image's architecture.
pub(crate) fn plan(
    installed: &[Installed],
    (rules, native): (&'static Rules, &str),
    offers: &dyn Offers,
    request: &Request,
) -> UpdatePlan {
    let mut planner = Planner::new(rules, Closure::new(installed, (rules, native), offers));
    match request {
        Request::Everything => planner.everything(),
        Request::Only(findings) => planner.only(findings),
    }
    planner.finish(installed)
}

struct Planner<'a> {
    rules: &'static Rules,
    closure: Closure<'a>,
    asked: BTreeSet<Slot>,
    fixes: BTreeMap<Slot, BTreeSet<String>>,
    skips: Skips,
}

impl<'a> Planner<'a> {
    fn new(rules: &'static Rules, closure: Closure<'a>) -> Self {
        let (asked, fixes) = (BTreeSet::new(), BTreeMap::new());
        Self { rules, closure, asked, fixes, skips: Skips::default() }
    }

    fn everything(&mut self) {
        let all = self.closure.world().installed();
        let refused: Vec<(Slot, Skip)> =
            all.into_iter().filter_map(|slot| Some((slot.clone(), self.update(&slot)?))).collect();
        for (slot, skip) in refused {
            // One that could not have the highest version may since have come along at another, or
            // have gone.
            if !self.closure.world().is_settled(&slot) {
                self.skips.add(&slot.name, skip, None);
            }
        }
    }

    fn only(&mut self, findings: &[Finding]) {
        let findings = by_package(findings);
        let mut goals: BTreeMap<Slot, &[&Finding]> = BTreeMap::new();
        for of_one in findings.chunk_by(|a, b| a.package == b.package) {
            let Some(Finding { package, .. }) = of_one.first() else { continue };
            let slots = self.closure.world().named(package);
            if slots.is_empty() {
                for Finding { vulnerability, .. } in of_one {
                    self.skips.add(package, Skip::NotInstalled, Some(vulnerability));
                }
            }
            goals.extend(slots.into_iter().map(|slot| (slot, of_one)));
        }
        let lacking = goals.iter().filter(|(slot, of_one)| self.lacks_fix(slot, of_one));
        let lacking: Vec<Slot> = lacking.map(|(slot, _)| slot.clone()).collect();
        let refused: BTreeMap<Slot, Skip> = lacking
            .into_iter()
            .filter_map(|slot| Some((slot.clone(), self.update(&slot)?)))
            .collect();
        for (slot, of_one) in goals {
            self.judge(&slot, of_one, refused.get(&slot));
        }
    }

    /// Updates the package as far as it goes. Says why not, when a newer version is there.
    fn update(&mut self, slot: &Slot) -> Option<Skip> {
        self.asked.insert(slot.clone());
        self.closure.update(slot).err()
    }

    /// Whether a fix is named that the package does not have.
    fn lacks_fix(&self, slot: &Slot, findings: &[&Finding]) -> bool {
        let has = self.closure.world().version_before(slot);
        has.is_some_and(|has| findings.iter().any(|of| lacks_fix(of, self.rules.format, has)))
    }

    /// Says what became of each vulnerability of a package. One that is listed twice is fixed when
    /// both fixes arrive.
    fn judge(&mut self, slot: &Slot, findings: &[&Finding], refused: Option<&Skip>) {
        let best = self.closure.best(slot).map(|best| best.version.clone());
        let world = self.closure.world();
        let Some(has) = world.version_before(slot) else { return };
        let (heir, format) = (world.heir(slot), self.rules.format);
        let case = Case { format, has, gets: world.version(heir), best: best.as_ref(), refused };
        let (mut fixed, mut stay) = (BTreeSet::new(), BTreeSet::new());
        for finding in findings {
            let vulnerability = &finding.vulnerability;
            let Some(skip) = case.verdict(finding) else {
                fixed.insert(vulnerability);
                continue;
            };
            if !matches!(skip, Skip::UpToDate { .. }) {
                stay.insert(vulnerability);
            }
            self.skips.add(&slot.name, skip, Some(vulnerability));
        }
        let fixes = self.fixes.entry(heir.clone()).or_default();
        fixes.extend(fixed.difference(&stay).map(|vulnerability| vulnerability.to_string()));
    }

    fn finish(self, installed: &[Installed]) -> UpdatePlan {
        let Self { closure, asked, mut fixes, skips, .. } = self;
        let from =
            |slot: &Slot| -> Option<Version> { closure.world().version_before(slot).cloned() };
        let updates = closure.world().planned().map(|(slot, candidate, needed_by)| Update {
            from: from(slot),
            to: candidate.clone(),
            reason: match needed_by {
                Some(name) if !asked.contains(slot) => Reason::NeededBy(name.into()),
                _ => match closure.world().replaced(slot).filter(|_| from(slot).is_none()) {
                    Some(old) => Reason::Replaces(old.name.clone()),
                    None => Reason::Requested,
                },
            },
            fixes: fixes.remove(slot).unwrap_or_default().into_iter().collect(),
        });
        let (updates, removals) = (updates.collect(), closure.world().removals(installed));
        UpdatePlan { updates, removals, skipped: skips.into_sorted() }
    }
}

/// What a report lists, package by package, in an order that does not depend on the report's.
fn by_package(findings: &[Finding]) -> Vec<&Finding> {
    let mut all: Vec<&Finding> = findings.iter().collect();
    all.sort_by_key(|of| (&of.package, &of.fixed, &of.installed, &of.vulnerability));
    all
}

#[cfg(test)]
#[path = "tests/apt.rs"]
mod apt;
#[cfg(test)]
#[path = "tests/fixture.rs"]
pub(super) mod fixture;
#[cfg(test)]
#[path = "tests/rpm_tests.rs"]
mod rpm_tests;
#[cfg(test)]
#[path = "tests/planner.rs"]
mod tests;
