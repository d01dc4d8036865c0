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
use crate::resolve::plan::{Reason, Request, Skip, Skipped, Update, UpdatePlan, Wanted};
use crate::version::any::Version;

use crate::resolve::closure::Closure;
use crate::resolve::world::Slot;

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
        Request::Only(wanted) => planner.only(wanted),
    }
    planner.finish(installed)
}

struct Planner<'a> {
    rules: &'static Rules,
    closure: Closure<'a>,
    asked: BTreeSet<Slot>,
    fixes: BTreeMap<Slot, BTreeSet<String>>,
    skipped: Vec<Skipped>,
}

impl<'a> Planner<'a> {
    fn new(rules: &'static Rules, closure: Closure<'a>) -> Self {
        let (asked, fixes) = (BTreeSet::new(), BTreeMap::new());
        Self { rules, closure, asked, fixes, skipped: Vec::new() }
    }

    fn everything(&mut self) {
        let all = self.closure.world().installed();
        let refused: Vec<(Slot, Skip)> =
            all.into_iter().filter_map(|slot| Some((slot.clone(), self.update(&slot)?))).collect();
        for (slot, skip) in refused {
            // One that could not have the highest version may since have come along at another, or
            // have gone.
            if !self.closure.world().is_settled(&slot) {
                self.skip(&slot.name, skip, &[]);
            }
        }
    }

    fn only(&mut self, wanted: &[Wanted]) {
        let mut all: Vec<(Slot, &Wanted)> = Vec::new();
        for wanted in in_order(wanted) {
            let slots = self.closure.world().named(&wanted.name);
            if slots.is_empty() {
                self.skip(&wanted.name, Skip::NotInstalled, &wanted.vulnerabilities);
            }
            all.extend(slots.into_iter().map(|slot| (slot, wanted)));
        }
        let lacking = all.iter().filter(|(slot, wanted)| self.lacks_fix(slot, wanted));
        let goals: BTreeSet<Slot> = lacking.map(|(slot, _)| slot.clone()).collect();
        let refused: BTreeMap<Slot, Skip> = goals
            .into_iter()
            .filter_map(|slot| Some((slot.clone(), self.update(&slot)?)))
            .collect();
        for (slot, wanted) in all {
            self.judge(&slot, wanted, refused.get(&slot));
        }
    }

    /// Updates the package as far as it goes. Says why not, when a newer version is there.
    fn update(&mut self, slot: &Slot) -> Option<Skip> {
        self.asked.insert(slot.clone());
        self.closure.update(slot).err()
    }

    /// Whether the report names a fix that the package does not have.
    fn lacks_fix(&self, slot: &Slot, wanted: &Wanted) -> bool {
        let Some(fixed) = &wanted.fixed else { return false };
        match (Version::parse(self.rules.format, fixed), self.closure.world().version_before(slot))
        {
            (Ok(fixed), Some(has)) => has < &fixed,
            _ => true,
        }
    }

    /// Says what became of the vulnerabilities that the report lists for a package.
    fn judge(&mut self, slot: &Slot, wanted: &Wanted, refused: Option<&Skip>) {
        let vulnerabilities = &wanted.vulnerabilities;
        let skip = match &wanted.fixed {
            None => Some(Skip::Unfixed),
            Some(fixed) => self.verdict(slot, fixed, refused),
        };
        match skip {
            Some(skip) => self.skip(&slot.name, skip, vulnerabilities),
            None => {
                let heir = self.closure.world().heir(slot).clone();
                let fixes = self.fixes.entry(heir).or_default();
                fixes.extend(vulnerabilities.iter().cloned());
            }
        }
    }

    /// Why a fix does not arrive; `None` when it does.
    fn verdict(&mut self, slot: &Slot, wanted: &str, refused: Option<&Skip>) -> Option<Skip> {
        let best = self.closure.best(slot).map(|best| best.version.clone());
        let no_fix = |best| Some(Skip::NoFix { wanted: wanted.to_owned(), best });
        let Ok(fixed) = Version::parse(self.rules.format, wanted) else { return no_fix(best) };
        let world = self.closure.world();
        match (world.version_before(slot), world.version(world.heir(slot))) {
            (Some(has), _) if *has >= fixed => Some(Skip::UpToDate { installed: has.clone() }),
            (_, Some(gets)) if *gets >= fixed => None,
            _ if best.as_ref().is_some_and(|best| *best >= fixed) => {
                refused.cloned().or_else(|| no_fix(best))
            }
            _ => no_fix(best),
        }
    }

    /// One entry a package and reason, whatever the report says how often.
    fn skip(&mut self, package: &str, reason: Skip, vulnerabilities: &[String]) {
        let same = |s: &&mut Skipped| s.package == package && s.reason == reason;
        let old = self.skipped.iter_mut().rev().find(same);
        let all: BTreeSet<String> = old
            .iter()
            .flat_map(|skipped| &skipped.vulnerabilities)
            .chain(vulnerabilities)
            .cloned()
            .collect();
        let vulnerabilities = all.into_iter().collect();
        match old {
            Some(skipped) => skipped.vulnerabilities = vulnerabilities,
            None => {
                self.skipped.push(Skipped { package: package.into(), reason, vulnerabilities });
            }
        }
    }

    fn finish(mut self, installed: &[Installed]) -> UpdatePlan {
        self.skipped.sort_by(|a, b| a.package.cmp(&b.package));
        let Self { closure, asked, mut fixes, skipped, .. } = self;
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
        UpdatePlan { updates, removals, skipped }
    }
}

/// What a report wants, in an order that does not depend on the report's.
fn in_order(wanted: &[Wanted]) -> Vec<&Wanted> {
    let mut all: Vec<&Wanted> = wanted.iter().collect();
    all.sort_by_key(|wanted| (&wanted.name, &wanted.fixed, &wanted.installed));
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
