//! The remainder: what is left of a plan when some of its packages fail.

use std::collections::{BTreeMap, BTreeSet};

use crate::package::candidate::Candidate;
use crate::package::installed::Installed;
use crate::package::relation::Relations;
use crate::package::removal::Removal;
use crate::package::requirement::Requirement;
use crate::resolve::holdings::Holdings;
use crate::resolve::plan::{Skip, Skipped, Update, UpdatePlan};

impl UpdatePlan {
    /// The plan without the packages that failed, and without those that need them: what was
    /// satisfied by the whole plan must be satisfied by the rest. `failed` says by package name
    /// what became of each, `installed` is what the plan starts from.
    pub fn without(&self, installed: &[Installed], failed: BTreeMap<String, Skip>) -> Self {
        let mut rest = Remainder { plan: self, installed, failed };
        let whole = rest.whole();
        while let Some((package, needs)) = rest.broken(&whole) {
            let error = format!("{needs} cannot be had: its update failed");
            rest.failed.insert(package, Skip::Failed { error });
        }
        rest.plan()
    }
}

/// A plan of which some updates have failed.
struct Remainder<'a> {
    plan: &'a UpdatePlan,
    installed: &'a [Installed],
    failed: BTreeMap<String, Skip>,
}

impl<'a> Remainder<'a> {
    fn has_failed(&self, update: &Update) -> bool {
        self.failed.contains_key(&update.to.name)
    }

    /// The updates that are left.
    fn left(&self) -> Vec<&'a Update> {
        self.plan.updates.iter().filter(|update| !self.has_failed(update)).collect()
    }

    /// Whether the installed package goes when the new one comes: for being an older version of
    /// it, or because the plan says so.
    fn replaces(&self, new: &Update, old: &Installed) -> bool {
        is_version_of(&new.to, old) || self.removes(new, old)
    }

    fn removes(&self, new: &Update, old: &Installed) -> bool {
        self.plan.removals.iter().any(|removal| {
            let Removal { package, arch, version, because } = removal;
            *because == new.to.name
                && (package, arch, version) == (&old.name, &old.arch, &old.version)
        })
    }

    /// What the image holds after these updates.
    fn after(&self, updates: &[&'a Update]) -> Holdings<'a> {
        let mut holdings = Holdings::default();
        let stays = |old: &&Installed| !updates.iter().any(|update| self.replaces(update, old));
        self.installed.iter().filter(stays).for_each(|old| holdings.add(old));
        for update in updates {
            let before = |old: &&Installed| is_version_of(&update.to, old);
            holdings.add_update(&update.to, self.installed.iter().find(before));
        }
        holdings
    }

    fn plan(&self) -> UpdatePlan {
        let mut skipped = self.plan.skipped.clone();
        let failed = |update: &Update| {
            let reason = self.failed.get(&update.to.name)?.clone();
            let (package, vulnerabilities) = (update.to.name.clone(), update.fixes.clone());
            Some(Skipped { package, reason, vulnerabilities })
        };
        skipped.extend(self.plan.updates.iter().filter_map(failed));
        skipped.sort_by(|a, b| a.package.cmp(&b.package));
        let updates = self.left().into_iter().cloned().collect();
        let stays = |removal: &&Removal| self.failed.contains_key(&removal.because);
        let removals = self.plan.removals.iter().filter(|removal| !stays(removal));
        UpdatePlan { updates, removals: removals.cloned().collect(), skipped }
    }

    /// What the image would hold if nothing had failed.
    fn whole(&self) -> Holdings<'a> {
        self.after(&self.plan.updates.iter().collect::<Vec<_>>())
    }

    /// A package whose update has to be given up too, and the need that is no longer met.
    fn broken(&self, whole: &Holdings<'_>) -> Option<(String, String)> {
        let state = self.after(&self.left());
        self.broken_by_itself(whole, &state).or_else(|| self.broken_by_what_stays(&state))
    }

    /// An update that lacks what it needs, or is beside what it excludes.
    fn broken_by_itself(
        &self,
        whole: &Holdings<'_>,
        state: &Holdings<'_>,
    ) -> Option<(String, String)> {
        let lost = |need: &&Requirement| whole.meets(need) && !state.meets(need);
        let appears = |excluded: &&Requirement| !whole.meets(excluded) && state.meets(excluded);
        self.left().into_iter().find_map(|update| {
            let Relations { requires, conflicts, .. } = &update.to.relations;
            let needs = requires.iter().find(lost).map(ToString::to_string);
            let beside = || conflicts.iter().find(appears);
            let needs = needs.or_else(|| beside().map(|of| format!("an update beside {of}")))?;
            Some((update.to.name.clone(), needs))
        })
    }

    /// What failed stays as it was, and what it makes obsolete. It must go on having what it had:
    /// an update that takes it away.
    fn broken_by_what_stays(&self, state: &Holdings<'_>) -> Option<(String, String)> {
        let before = self.after(&[]);
        let gone = || self.plan.updates.iter().filter(|update| self.has_failed(update));
        let stays = |old: &&Installed| gone().any(|update| self.replaces(update, old));
        self.installed.iter().filter(stays).find_map(|old| {
            let Installed { name, version, relations, .. } = old;
            if let Some(update) = self.left().into_iter().find(|new| makes_obsolete(&new.to, old)) {
                let kept = format!("{name} {version}, which it makes obsolete and which stays,");
                return Some((update.to.name.clone(), format!("an update beside {kept}")));
            }
            let lost = |need: &&Requirement| before.meets(need) && !state.meets(need);
            let need = relations.requires.iter().find(lost)?;
            let culprit = self.culprit(&need.names(false));
            let culprit = culprit.or_else(|| self.culprit(&need.names(true)))?;
            let kept = format!("{name} {version}, which needs {need} and stays,");
            Some((culprit.to.name.clone(), format!("an update beside {kept}")))
        })
    }

    /// An update that brings one of these names, or makes what has it obsolete.
    fn culprit(&self, names: &BTreeSet<&str>) -> Option<&'a Update> {
        self.left().into_iter().find(|update| {
            let lost = self.installed.iter().filter(|other| self.removes(update, other));
            let mut all = lost.map(|other| (&*other.name, &other.relations));
            let new = (&*update.to.name, &update.to.relations);
            all.any(|lost| concerns(names, lost)) || concerns(names, new)
        })
    }
}

/// Whether one of the names is the package or what it provides.
fn concerns(names: &BTreeSet<&str>, (name, relations): (&str, &Relations)) -> bool {
    let mut provides = relations.provides.iter().map(|provided| &*provided.name).chain([name]);
    provides.any(|provided| names.contains(provided))
}

/// Whether the new package takes the place of the installed one as another version of it.
fn is_version_of(new: &Candidate, old: &Installed) -> bool {
    let for_all = |arch: &str| matches!(arch, "all" | "noarch");
    let same_arch = new.arch == old.arch || for_all(&new.arch) || for_all(&old.arch);
    new.name == old.name && same_arch
}

fn makes_obsolete(new: &Candidate, old: &Installed) -> bool {
    new.makes_obsolete(&old.name, &old.version)
}

#[cfg(test)]
#[path = "tests/remainder.rs"]
mod tests;
