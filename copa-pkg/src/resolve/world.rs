//! The packages of the image, as they are and as they are planned to be.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::package::candidate::Candidate;
use crate::package::constraint::Constraint;
use crate::package::installed::Installed;
use crate::package::relation::{Relations, is_indexed_path};
use crate::package::removal::Removal;
use crate::package::requirement::Requirement;
use crate::package::rules::Rules;
use crate::version::any::Version;

/// Where a package is installed: a name and an architecture; `all` and `noarch` count as the image's
/// own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    pub(super) name: String,
    pub(super) arch: String,
}

/// Which state of the image is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Before,
    Now,
}

/// A package in a slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'w> {
    name: &'w str,
    pub(super) version: &'w Version,
    pub(super) relations: &'w Relations,
    /// What the version before it says.
    before: Option<&'w Relations>,
}

struct Planned {
    candidate: Rc<Candidate>,
    needed_by: Option<String>,
}

/// The image.
pub(super) struct World<'a> {
    rules: &'static Rules,
    native: &'a str,
    installed: BTreeMap<Slot, &'a Installed>,
    planned: BTreeMap<Slot, Planned>,
    /// The planned slots in the order in which they were planned.
    journal: Vec<Slot>,
    /// Packages of the image that go, and the slot of the planned one that makes them obsolete.
    gone: BTreeMap<Slot, Slot>,
    /// Slots that answer to a name, or did in a plan that was taken back.
    answering: BTreeMap<String, BTreeSet<Slot>>,
    /// Slots whose relations name a name, or did.
    naming: BTreeMap<String, BTreeSet<Slot>>,
}

impl<'a> World<'a> {
    pub(super) fn new(
        installed: &'a [Installed],
        (rules, native): (&'static Rules, &'a str),
    ) -> Self {
        let mut world = Self {
            rules,
            native,
            installed: BTreeMap::new(),
            planned: BTreeMap::new(),
            journal: Vec::new(),
            gone: BTreeMap::new(),
            answering: BTreeMap::new(),
            naming: BTreeMap::new(),
        };
        for package in installed {
            let slot = world.slot(&package.name, &package.arch);
            world.note(&slot, &package.relations);
            let old = world.installed.entry(slot).or_insert(package);
            if package.version < old.version {
                *old = package;
            }
        }
        world
    }

    /// The slot of a package.
    pub(super) fn slot(&self, name: &str, arch: &str) -> Slot {
        let arch = if matches!(arch, "all" | "noarch") { self.native } else { arch };
        Slot { name: name.into(), arch: arch.into() }
    }

    /// Whether the candidate may take the slot.
    pub(super) fn fits(&self, slot: &Slot, candidate: &Candidate) -> bool {
        candidate.name == slot.name && self.slot(&slot.name, &candidate.arch) == *slot
    }

    /// The slots that hold something in the image.
    pub(super) fn installed(&self) -> Vec<Slot> {
        self.installed.keys().cloned().collect()
    }

    /// The slots that hold a package of this name in the image.
    pub(super) fn named(&self, name: &str) -> Vec<Slot> {
        let from = Slot { name: name.into(), arch: String::new() };
        let all = self.installed.range(from..).take_while(|(slot, _)| slot.name == name);
        all.map(|(slot, _)| slot.clone()).collect()
    }

    /// What is planned, sorted, and who needs it.
    pub(super) fn planned(&self) -> impl Iterator<Item = (&Slot, &Candidate, Option<&str>)> {
        self.planned.iter().map(|(slot, p)| (slot, &*p.candidate, p.needed_by.as_deref()))
    }

    pub(super) fn is_planned(&self, slot: &Slot) -> bool {
        self.planned.contains_key(slot)
    }

    /// Whether the package changes or goes.
    pub(super) fn is_settled(&self, slot: &Slot) -> bool {
        self.is_planned(slot) || self.is_gone(slot)
    }

    /// Whether a planned package makes what is in the slot obsolete.
    pub(super) fn is_gone(&self, slot: &Slot) -> bool {
        self.gone.contains_key(slot)
    }

    /// The slot of what takes the place of this one's package, or this slot.
    pub(super) fn heir<'s>(&'s self, slot: &'s Slot) -> &'s Slot {
        self.gone.get(slot).unwrap_or(slot)
    }

    /// The first of the slots whose packages go for this one.
    pub(super) fn replaced(&self, by: &Slot) -> Option<&Slot> {
        self.gone.iter().find(|(_, heir)| *heir == by).map(|(old, _)| old)
    }

    /// The slots whose packages go for this one.
    pub(super) fn all_replaced(&self, by: &Slot) -> Vec<Slot> {
        let all = self.gone.iter().filter(|(_, heir)| *heir == by);
        all.map(|(old, _)| old.clone()).collect()
    }

    /// The slots whose packages, as they are now, the candidate makes obsolete.
    pub(super) fn obsoleted_by(&self, candidate: &Candidate) -> Vec<Slot> {
        let names = candidate.relations.obsoletes.iter().map(|constraint| &*constraint.name);
        let names: BTreeSet<&str> = names.collect();
        let slots = names.into_iter().flat_map(|name| self.filled(name));
        let goes = |slot: &Slot| {
            self.version(slot).is_some_and(|has| candidate.makes_obsolete(&slot.name, has))
        };
        slots.filter(goes).collect()
    }

    /// A planned package that would make the candidate obsolete.
    pub(super) fn obsoleting(&self, candidate: &Candidate) -> Option<&Slot> {
        let makes = |p: &Planned| p.candidate.makes_obsolete(&candidate.name, &candidate.version);
        self.planned.iter().find(|(_, planned)| makes(planned)).map(|(slot, _)| slot)
    }

    /// The slots that hold a package of this name now.
    fn filled(&self, name: &str) -> Vec<Slot> {
        let from = Slot { name: name.into(), arch: String::new() };
        let planned = self.planned.range(from..).map(|(slot, _)| slot);
        let planned = planned.take_while(|slot| slot.name == name).cloned();
        let all: BTreeSet<Slot> = self.named(name).into_iter().chain(planned).collect();
        all.into_iter().filter(|slot| self.version(slot).is_some()).collect()
    }

    /// Takes a package of the image away, because of what is planned in the other slot.
    pub(super) fn remove(&mut self, slot: &Slot, by: &Slot) {
        self.gone.insert(slot.clone(), by.clone());
    }

    /// The installed packages that go, each with the planned one that makes it obsolete.
    pub(super) fn removals(&self, installed: &[Installed]) -> Vec<Removal> {
        let removal = |old: &Installed| {
            let heir = self.gone.get(&self.slot(&old.name, &old.arch))?;
            let new = &self.planned.get(heir)?.candidate;
            new.makes_obsolete(&old.name, &old.version).then(|| Removal {
                package: old.name.clone(),
                arch: old.arch.clone(),
                version: old.version.clone(),
                because: new.name.clone(),
            })
        };
        let mut all: Vec<Removal> = installed.iter().filter_map(removal).collect();
        all.sort_by(|a, b| (&a.package, &a.arch).cmp(&(&b.package, &b.arch)));
        all
    }

    pub(super) fn is_held(&self, slot: &Slot) -> bool {
        self.installed.get(slot).is_some_and(|package| package.held)
    }

    /// The version in the image as it was.
    pub(super) fn version_before(&self, slot: &Slot) -> Option<&Version> {
        self.view(When::Before, slot).map(|view| view.version)
    }

    /// The version in the image as planned.
    pub(super) fn version(&self, slot: &Slot) -> Option<&Version> {
        self.view(When::Now, slot).map(|view| view.version)
    }

    pub(super) fn view(&self, when: When, slot: &Slot) -> Option<View<'_>> {
        let planned = self.planned.get(slot).filter(|_| when == When::Now);
        let installed = self.installed.get(slot);
        let planned = planned.map(|planned| {
            let view = View::of(&planned.candidate);
            installed.map_or(view, |package| view.after(&package.relations))
        });
        let stays = when == When::Before || !self.is_gone(slot);
        planned.or_else(|| {
            let installed = installed.filter(|_| stays);
            installed.map(|package| View::new(&package.name, &package.version, &package.relations))
        })
    }

    /// Plans a package into a slot that has no plan yet.
    pub(super) fn plan(&mut self, slot: &Slot, candidate: Rc<Candidate>, needed_by: Option<&str>) {
        self.note(slot, &candidate.relations);
        let needed_by = needed_by.map(Into::into);
        self.planned.insert(slot.clone(), Planned { candidate, needed_by });
        self.journal.push(slot.clone());
    }

    /// A point to which plans can be taken back.
    pub(super) fn mark(&self) -> usize {
        self.journal.len()
    }

    /// Takes back what was planned after the mark.
    pub(super) fn take_back(&mut self, mark: usize) {
        for slot in self.journal.drain(mark.min(self.journal.len())..) {
            self.planned.remove(&slot);
            self.gone.retain(|_, by| *by != slot);
        }
    }

    /// Slots, now filled, that name one of what this slot answers to.
    pub(super) fn naming(&self, slot: &Slot, view: View<'_>) -> Vec<Slot> {
        let provides = view.relations.provides.iter().map(|provided| provided.name.as_str());
        let names = provides.chain([slot.name.as_str()]);
        let all: BTreeSet<&Slot> =
            names.filter_map(|name| self.naming.get(name)).flatten().collect();
        all.into_iter().filter(|other| *other != slot).cloned().collect()
    }

    /// The other slots that hold what the constraint excludes.
    pub(super) fn excluded(&self, when: When, slot: &Slot, constraint: &Constraint) -> Vec<Slot> {
        let all = self.answering(when, constraint);
        all.filter(|other| *other != slot && self.concerns(constraint, other)).cloned().collect()
    }

    /// Whether the image as it was, on purpose or not, did not meet this need of the package in
    /// the slot. Bounds and alternatives may have changed since; one common name makes it the same
    /// need.
    pub(super) fn never_met(&self, slot: &Slot, need: &Requirement) -> bool {
        let named = need.names(false);
        let same = |old: &&Requirement| !old.names(false).is_disjoint(&named);
        self.view(When::Before, slot).is_some_and(|old| {
            let mut old = old.relations.requires.iter().filter(same);
            old.any(|old| !self.meets(When::Before, slot, old))
        })
    }

    /// Whether the package in the slot and the one in the other were beside each other in the
    /// image although the one excludes the other by this name.
    pub(super) fn never_excluded(
        &self,
        slot: &Slot,
        constraint: &Constraint,
        other: &Slot,
    ) -> bool {
        self.view(When::Before, slot).is_some_and(|old| {
            old.relations.conflicts.iter().any(|old| match old {
                Requirement::One(old) if old.name == constraint.name => {
                    self.excluded(When::Before, slot, old).contains(other)
                }
                _ => false,
            })
        })
    }

    /// The slots that hold something that the constraint speaks of.
    pub(super) fn answering(
        &self,
        when: When,
        constraint: &Constraint,
    ) -> impl Iterator<Item = &Slot> {
        let slots = self.answering.get(&constraint.name).into_iter().flatten();
        slots.filter(move |slot| self.view(when, slot).is_some_and(|v| v.answers(constraint)))
    }

    /// Whether a need of `slot` may be met by planning something into `other`: nothing comes along
    /// new for an architecture that is neither its own nor the image's.
    pub(super) fn may_reach(&self, slot: &Slot, other: &Slot) -> bool {
        let used = other.arch == self.native || self.version(other).is_some();
        slot.arch == other.arch || (self.rules.needs_cross_architectures && used)
    }

    /// The slots of the other architectures that held the same version in the image, and that must
    /// go on to do so: their packages share files (RPM).
    pub(super) fn in_step(&self, slot: &Slot) -> Vec<Slot> {
        let in_step = self.rules.architectures_go_in_step;
        let Some(has) = self.version_before(slot).filter(|_| in_step) else { return Vec::new() };
        let same = |other: &Slot| other != slot && self.version_before(other) == Some(has);
        self.named(&slot.name).into_iter().filter(same).collect()
    }

    /// Whether a need of `slot` may be met from `other`, by architecture. With RPM it always may:
    /// names tell where it must not (`libc.so.6()(64bit)`). With Debian, what is `Multi-Arch:
    /// foreign` is not known here; within one architecture it makes no difference.
    pub(super) fn reaches(&self, slot: &Slot, constraint: &Constraint, other: &Slot) -> bool {
        match constraint.arch.as_deref() {
            None => self.rules.needs_cross_architectures || slot.arch == other.arch,
            Some(_) => self.concerns(constraint, other),
        }
    }

    fn concerns(&self, constraint: &Constraint, other: &Slot) -> bool {
        match constraint.arch.as_deref() {
            None | Some("any") => true,
            Some("native") => other.arch == self.native,
            Some(arch) => other.arch == arch,
        }
    }

    /// Remembers what a package answers to and what it names.
    fn note(&mut self, slot: &Slot, relations: &Relations) {
        let provides = relations.provides.iter().map(|provided| &provided.name);
        for name in provides.chain([&slot.name]) {
            self.answering.entry(name.clone()).or_default().insert(slot.clone());
        }
        let asked = relations.requires.iter().chain(&relations.conflicts);
        for name in asked.flat_map(|requirement| requirement.names(true)) {
            self.naming.entry(name.into()).or_default().insert(slot.clone());
        }
    }
}

impl<'w> View<'w> {
    pub(super) fn new(name: &'w str, version: &'w Version, relations: &'w Relations) -> Self {
        Self { name, version, relations, before: None }
    }

    pub(super) fn of(candidate: &'w Candidate) -> Self {
        Self::new(&candidate.name, &candidate.version, &candidate.relations)
    }

    /// The same in place of an installed version.
    pub(super) fn after(self, before: &'w Relations) -> Self {
        Self { before: Some(before), ..self }
    }

    /// Whether the constraint speaks of this package: of its name and version, or of something
    /// that it provides. A bound is only met by what is provided in a version.
    pub(super) fn answers(self, constraint: &Constraint) -> bool {
        let within = |version: Option<&Version>| match (&constraint.version, version) {
            (None, _) => true,
            (Some((operator, bound)), Some(version)) => operator.holds(version, bound),
            (Some(_), None) => false,
        };
        let own = self.name == constraint.name && within(Some(self.version));
        own || self.keeps(constraint)
            || self.relations.provides.iter().any(|provided| {
                let version = provided.version.as_ref().map(|(_, version)| version);
                provided.name == constraint.name && within(version)
            })
    }

    /// Whether it has a file that the version before it had. Indexes list only some files: of the
    /// others it is taken that they stay.
    fn keeps(self, constraint: &Constraint) -> bool {
        let is_path = constraint.name.starts_with('/') && !is_indexed_path(&constraint.name);
        let mut before = self.before.iter().flat_map(|before| &before.provides);
        is_path && before.any(|provided| provided.name == constraint.name)
    }
}
