//! What goes because something else comes: RPM's `Obsoletes`.

use std::rc::Rc;

use crate::package::candidate::Candidate;
use crate::resolve::closure::Closure;
use crate::resolve::plan::Skip;
use crate::resolve::world::{Slot, When};

impl Closure<'_> {
    /// What takes the place of the package in the slot: the highest version of a package that
    /// makes it obsolete, unless a higher version of its own, `own`, would stay. What answers to
    /// the old name comes first.
    pub(super) fn successor(
        &mut self,
        slot: &Slot,
        own: Option<&Candidate>,
    ) -> Option<Rc<Candidate>> {
        let old = self.world.version_before(slot).cloned()?;
        let mut found = Vec::new();
        for name in self.obsoleting.clone() {
            let offered = self.candidates(&name);
            let best = offered.iter().find(|c| self.world.slot(&name, &c.arch).arch == slot.arch);
            let Some(best) = best else { continue };
            let replaces = best.makes_obsolete(&slot.name, &old)
                && own.is_none_or(|own| {
                    own.version <= old || best.makes_obsolete(&slot.name, &own.version)
                });
            let at = self.world.slot(&name, &best.arch);
            if replaces && !self.world.is_held(&at) && self.is_newer(&at, best) {
                let provides = best.relations.provides.iter().any(|c| c.name == slot.name);
                found.push((!provides, name.clone(), Rc::clone(best)));
            }
        }
        found.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        found.into_iter().next().map(|(_, _, best)| best)
    }

    /// The slots whose packages go when the candidate comes. Those of which a higher version would
    /// not be obsolete are updated instead: a package that was divided.
    pub(super) fn clear_obsolete(
        &mut self,
        new: &Candidate,
        slot: &Slot,
        depth: usize,
    ) -> Result<Vec<Slot>, Skip> {
        for old in self.world.obsoleted_by(new) {
            let own = self.own_best(&old).filter(|own| self.is_newer(&old, own));
            if own.is_some_and(|own| !new.makes_obsolete(&old.name, &own.version)) {
                // When that fails it goes, and what needs it says whether it may.
                let _ = self.bring_along(&old, slot, depth);
            }
        }
        let gone = self.world.obsoleted_by(new);
        match gone.iter().find(|old| self.world.is_planned(old) || self.world.is_held(old)) {
            Some(old) => Err(self.conflict(new, old)),
            None => Ok(gone),
        }
    }

    /// `, and would lose OLD 1, which NEW makes obsolete`, when it is that.
    pub(super) fn loss(&self, new: &Candidate, slot: &Slot) -> String {
        let old = self.world.replaced(slot);
        let version = old.and_then(|old| self.world.view(When::Before, old)).map(|v| v.version);
        old.zip(version).map_or_else(String::new, |(old, version)| {
            format!(" and would lose {} {version}, which {} makes obsolete", old.name, new.name)
        })
    }
}
