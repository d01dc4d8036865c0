//! What comes along with an update, or stands against it.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::package::candidate::Candidate;
use crate::package::constraint::Constraint;
use crate::package::installed::Installed;
use crate::package::requirement::Requirement;
use crate::package::rules::Rules;
use crate::resolve::plan::Skip;
use crate::resolve::planner::Offers;
use crate::resolve::world::{Slot, View, When, World};

/// How deep needs of needs are followed.
const DEPTH: usize = 48;
/// How many relations are looked at for one package that is to be updated.
const STEPS: usize = 200_000;
/// How many relations are looked at for one plan.
const ALL_STEPS: usize = 10_000_000;
/// Reading so many relations counts as looking at one.
const READ: usize = 16;
/// How many relations of what is on offer are kept. Beyond, they are read again.
const KEPT: usize = 2_000_000;
/// How many ways are tried to meet one need.
const WAYS: usize = 8;

/// The image, and what can be done about it.
pub(super) struct Closure<'a> {
    pub(super) world: World<'a>,
    pub(super) offers: &'a dyn Offers,
    pub(super) known: BTreeMap<String, Rc<[Rc<Candidate>]>>,
    /// How many relations are in there.
    pub(super) kept: usize,
    /// Names of packages that may make one of the image obsolete.
    pub(super) obsoleting: BTreeSet<String>,
    /// How many relations may still be looked at: for this package, for this plan.
    pub(super) steps: usize,
    pub(super) all_steps: usize,
}

/// A need that was met, or an exclusion that was kept, before a package changed.
struct Bond {
    slot: Slot,
    was_planned: bool,
    kind: BondKind,
}

enum BondKind {
    Need(Requirement),
    Exclusion(Requirement),
}

impl<'a> Closure<'a> {
    pub(super) fn new(
        installed: &'a [Installed],
        image: (&'static Rules, &'a str),
        offers: &'a dyn Offers,
    ) -> Self {
        let (world, known) = (World::new(installed, image), BTreeMap::new());
        let names = installed.iter().map(|package| &*package.name).collect();
        let obsoleting = offers.obsoleting(&names);
        let (steps, all_steps) = (STEPS, ALL_STEPS);
        Self { world, offers, known, kept: 0, obsoleting, steps, all_steps }
    }

    pub(super) fn world(&self) -> &World<'a> {
        &self.world
    }

    /// The highest version on offer for the slot, or what makes its package obsolete.
    pub(super) fn best(&mut self, slot: &Slot) -> Option<Rc<Candidate>> {
        let own = self.own_best(slot);
        self.successor(slot, own.as_deref()).or(own)
    }

    pub(super) fn own_best(&mut self, slot: &Slot) -> Option<Rc<Candidate>> {
        let all = self.candidates(&slot.name);
        all.iter().find(|candidate| self.world.fits(slot, candidate)).cloned()
    }

    /// Plans the highest version for the slot and all that comes with it, or nothing.
    ///
    /// There is nothing to do when no higher version is on offer or one is planned already.
    pub(super) fn update(&mut self, slot: &Slot) -> Result<(), Skip> {
        if self.world.is_settled(slot) {
            return Ok(());
        }
        let Some(candidate) = self.newer(slot) else { return Ok(()) };
        if self.world.is_held(slot) {
            return Err(Skip::Held { candidate: candidate.version.clone() });
        }
        self.steps = STEPS.min(self.all_steps);
        let given = self.steps;
        let at = self.world.slot(&candidate.name, &candidate.arch);
        let done = self.put(&at, candidate, None, 0);
        self.all_steps -= given - self.steps;
        done
    }

    /// The highest version on offer, when it is higher than what is in the slot.
    fn newer(&mut self, slot: &Slot) -> Option<Rc<Candidate>> {
        self.best(slot).filter(|best| best.name != slot.name || self.is_newer(slot, best))
    }

    pub(crate) fn is_newer(&self, slot: &Slot, candidate: &Candidate) -> bool {
        self.world.version(slot).is_none_or(|version| candidate.version > *version)
    }

    pub(crate) fn candidates(&mut self, name: &str) -> Rc<[Rc<Candidate>]> {
        if let Some(known) = self.known.get(name) {
            return Rc::clone(known);
        }
        let all = self.offers.candidates(name);
        let read = self.read(&all);
        if self.kept + read > KEPT {
            self.known.clear();
            self.kept = 0;
        }
        self.kept += read;
        let all: Rc<[_]> = all.into_iter().map(Rc::new).collect();
        self.known.insert(name.into(), Rc::clone(&all));
        all
    }

    /// Counts what reading these took.
    fn read(&mut self, all: &[Candidate]) -> usize {
        let read = all.iter().map(|candidate| candidate.relations.count()).sum();
        self.steps = self.steps.saturating_sub(read / READ);
        read
    }

    /// Plans a candidate and all that comes with it, or nothing.
    pub(super) fn put(
        &mut self,
        slot: &Slot,
        candidate: Rc<Candidate>,
        needed_by: Option<&str>,
        depth: usize,
    ) -> Result<(), Skip> {
        if depth > DEPTH || self.steps == 0 {
            let (candidate, needs) =
                (candidate.version.clone(), "more than can be followed".into());
            return Err(Skip::Unsatisfied { candidate, needs });
        }
        if let Some(by) = self.world.obsoleting(&candidate) {
            return Err(self.conflict(&candidate, by));
        }
        let mark = self.world.mark();
        let gone = self.clear_obsolete(&candidate, slot, depth);
        if self.world.is_planned(slot) {
            return gone.map(drop);
        }
        let bonds = self.bonds(slot, &candidate, gone.as_deref().unwrap_or_default());
        self.world.plan(slot, Rc::clone(&candidate), needed_by);
        let done = gone
            .map(|gone| gone.iter().for_each(|old| self.world.remove(old, slot)))
            .and_then(|()| self.keep_step(slot, &candidate, depth))
            .and_then(|()| self.meet_needs(slot, &candidate, depth))
            .and_then(|()| self.clear_conflicts(slot, &candidate, depth))
            .and_then(|()| {
                bonds.iter().try_for_each(|bond| self.keep(bond, slot, &candidate, depth))
            });
        if done.is_err() {
            self.world.take_back(mark);
        }
        done
    }

    fn spend(&mut self, steps: usize) {
        self.steps = self.steps.saturating_sub(steps.max(1));
    }

    /// What holds now between the slot and others, and must hold when the candidate is there and
    /// what it makes obsolete is gone.
    fn bonds(&mut self, slot: &Slot, candidate: &Candidate, gone: &[Slot]) -> Vec<Bond> {
        let old = self.world.view(When::Now, slot);
        let new = View::of(candidate);
        let mut others: BTreeSet<Slot> = self.world.naming(slot, new).into_iter().collect();
        let lost = [slot].into_iter().chain(gone);
        let lost: Vec<_> =
            lost.filter_map(|at| Some((at, self.world.view(When::Now, at)?))).collect();
        others.extend(lost.iter().flat_map(|(at, view)| self.world.naming(at, *view)));
        others.retain(|other| other != slot && !gone.contains(other));
        let mut bonds = Vec::new();
        let mut steps = 0;
        for other in others {
            let Some(view) = self.world.view(When::Now, &other) else { continue };
            steps += view.relations.requires.len() + view.relations.conflicts.len();
            let was_planned = self.world.is_planned(&other);
            let needs = view.relations.requires.iter().filter(|need| {
                let concerned = |old: &View<'_>| need.wishes().iter().any(|c| old.answers(c));
                (need.is_rule() || lost.iter().any(|(_, old)| concerned(old)))
                    && self.world.meets(When::Now, &other, need)
            });
            let exclusions = view.relations.conflicts.iter().filter(|excluded| match excluded {
                Requirement::One(constraint) => {
                    new.answers(constraint) && !old.is_some_and(|old| old.answers(constraint))
                }
                rule => self.world.holds(When::Now, rule) == Some(false),
            });
            let kinds = needs.cloned().map(BondKind::Need);
            let kinds = kinds.chain(exclusions.cloned().map(BondKind::Exclusion));
            bonds.extend(kinds.map(|kind| Bond { slot: other.clone(), was_planned, kind }));
        }
        self.spend(steps);
        bonds
    }

    fn meet_needs(&mut self, slot: &Slot, new: &Candidate, depth: usize) -> Result<(), Skip> {
        self.spend(new.relations.requires.len());
        for need in &new.relations.requires {
            if self.world.meets(When::Now, slot, need) {
                continue;
            }
            if let Some(needs) = self.world.undecided(need) {
                return Err(Skip::Unsatisfied { candidate: new.version.clone(), needs });
            }
            let fine = self.world.never_met(slot, need);
            if !fine && !self.satisfy(slot, need, depth) {
                let candidate = new.version.clone();
                return Err(Skip::Unsatisfied { candidate, needs: need.to_string() });
            }
        }
        Ok(())
    }

    /// Meets a need: by updating what is there, or else by something new. Alternatives in order.
    fn satisfy(&mut self, slot: &Slot, need: &Requirement, depth: usize) -> bool {
        let fits = |new: View<'_>| need.admits(&|constraint| new.answers(constraint));
        let wishes = need.wishes().into_iter();
        let ways: Vec<_> = wishes.flat_map(|wish| self.ways(slot, wish, &fits)).collect();
        let (there, new): (Vec<_>, Vec<_>) =
            ways.into_iter().partition(|(at, _)| self.world.version(at).is_some());
        let (near, far): (Vec<_>, Vec<_>) =
            there.into_iter().partition(|(at, _)| at.arch == slot.arch);
        near.into_iter().chain(far).chain(new).take(WAYS).any(|(at, candidate)| {
            self.spend(1);
            let mark = self.world.mark();
            let done = self.put(&at, candidate, Some(&slot.name), depth + 1).is_ok();
            let met = !need.is_rule() || self.world.meets(When::Now, slot, need);
            if done && !met {
                self.world.take_back(mark);
            }
            done && met
        })
    }

    /// The packages, one version each, that could be planned to answer the constraint.
    fn ways(
        &mut self,
        slot: &Slot,
        constraint: &Constraint,
        fits: &dyn Fn(View<'_>) -> bool,
    ) -> Vec<(Slot, Rc<Candidate>)> {
        if self.steps == 0 {
            return Vec::new();
        }
        let named = self.candidates(&constraint.name);
        let providers = self.offers.providers(&constraint.name);
        self.read(&providers);
        let providers = providers.into_iter().map(Rc::new);
        let all: Vec<Rc<Candidate>> = named.iter().cloned().chain(providers).collect();
        self.spend(all.len());
        let mut ways: Vec<(Slot, Rc<Candidate>)> = Vec::new();
        for candidate in all {
            let at = self.world.slot(&candidate.name, &candidate.arch);
            let arch =
                constraint.arch.as_deref().is_none_or(|arch| arch == at.arch || arch == "any");
            let possible = self.world.may_reach(slot, &at)
                && arch
                && View::of(&candidate).answers(constraint)
                && fits(View::of(&candidate))
                && !self.world.is_settled(&at)
                && !self.world.is_held(&at)
                && self.is_newer(&at, &candidate);
            if possible && ways.iter().all(|(other, _)| *other != at) {
                ways.push((at, candidate));
            }
        }
        ways
    }

    /// Updates what the candidate excludes, where an update ends the conflict.
    fn clear_conflicts(&mut self, slot: &Slot, new: &Candidate, depth: usize) -> Result<(), Skip> {
        self.spend(new.relations.conflicts.len());
        let old = self.world.view(When::Before, slot);
        let old = old.map_or(&[][..], |old| &old.relations.conflicts);
        let all = new.relations.conflicts.iter();
        let is_one = |excluded: &Requirement| matches!(excluded, Requirement::One(_));
        let broken = |e: &&Requirement| !is_one(e) && self.world.is_newly_excluded(e, old);
        if let Some(rule) = all.clone().find(broken) {
            let with = format!("what it excludes: {rule}");
            return Err(Skip::Conflict { candidate: new.version.clone(), with });
        }
        for excluded in all {
            let Requirement::One(constraint) = excluded else { continue };
            for other in self.world.excluded(When::Now, slot, constraint) {
                if self.world.never_excluded(slot, constraint, &other) {
                    continue;
                }
                self.bring_along(&other, slot, depth).map_err(|()| self.conflict(new, &other))?;
                if self.world.view(When::Now, &other).is_some_and(|v| v.answers(constraint)) {
                    return Err(self.conflict(new, &other));
                }
            }
        }
        Ok(())
    }

    /// Sees to it that what was met stays met: by updating the package that would lose it.
    fn keep(
        &mut self,
        bond: &Bond,
        slot: &Slot,
        new: &Candidate,
        depth: usize,
    ) -> Result<(), Skip> {
        let other = &bond.slot;
        let broken = match &bond.kind {
            BondKind::Need(need) => !self.world.meets(When::Now, other, need),
            BondKind::Exclusion(Requirement::One(constraint)) => {
                self.world.excluded(When::Now, other, constraint).contains(slot)
            }
            BondKind::Exclusion(rule) => self.world.holds(When::Now, rule) != Some(false),
        };
        // A package that was planned since has had its own needs and conflicts seen to.
        let replaced = self.world.is_planned(other) && !bond.was_planned;
        if !broken || replaced || self.world.is_gone(other) {
            return Ok(());
        }
        if let BondKind::Need(need) = &bond.kind
            && need.is_rule()
            && self.satisfy(other, need, depth)
        {
            return Ok(());
        }
        self.bring_along(other, slot, depth).map_err(|()| {
            let with = self.named(other);
            let with = match &bond.kind {
                BondKind::Need(need) => {
                    format!("{with}, which needs {need}{}", self.loss(new, slot))
                }
                BondKind::Exclusion(excluded) => format!("{with}, which excludes {excluded}"),
            };
            Skip::Conflict { candidate: new.version.clone(), with }
        })
    }

    /// Updates a package because of another.
    pub(super) fn bring_along(
        &mut self,
        slot: &Slot,
        because_of: &Slot,
        depth: usize,
    ) -> Result<(), ()> {
        if self.world.is_settled(slot) || self.world.is_held(slot) {
            return Err(());
        }
        let candidate = self.newer(slot).ok_or(())?;
        let at = self.world.slot(&candidate.name, &candidate.arch);
        self.put(&at, candidate, Some(&because_of.name), depth + 1).map_err(drop)
    }

    pub(super) fn conflict(&self, new: &Candidate, other: &Slot) -> Skip {
        Skip::Conflict { candidate: new.version.clone(), with: self.named(other) }
    }

    /// `NAME VERSION`, as planned.
    pub(super) fn named(&self, slot: &Slot) -> String {
        let version = self.world.version(slot).map(|version| format!(" {version}"));
        format!("{}{}", slot.name, version.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::planner::fixture::{mirror, packages};

    #[test]
    fn what_is_read_counts_and_is_kept_within_bounds() {
        let names: Vec<String> = (0..1000).map(|i| format!("v{i}")).collect();
        let names = names.join(", ");
        let offers = mirror(&format!("a 1; Provides: {names}\nb 1; Provides: {names}"));
        let installed = packages("c 1");
        let mut closure =
            Closure::new(&installed, (&crate::format::deb::rules::RULES, "amd64"), &offers);
        closure.candidates("a");
        assert_eq!((closure.known.len(), closure.kept), (1, 1000));
        assert_eq!(closure.steps, STEPS - 1000 / READ);
        closure.kept = KEPT;
        closure.candidates("b");
        assert_eq!((closure.known.len(), closure.kept), (1, 1000));
        let (slot, need) = (closure.world.slot("c", "amd64"), "v1".to_owned());
        let need = Constraint { name: need, arch: None, version: None };
        assert_eq!(closure.ways(&slot, &need, &|_| true).len(), 2);
        closure.steps = 0;
        assert!(closure.ways(&slot, &need, &|_| true).is_empty());
    }
}
