//! One package in several architectures: RPM's multilib.

use std::rc::Rc;

use crate::package::candidate::Candidate;
use crate::resolve::closure::Closure;
use crate::resolve::plan::Skip;
use crate::resolve::world::Slot;

impl Closure<'_> {
    /// Gives the other architectures of the package the same version, which they had before. Where
    /// a package of several architectures goes, its successor comes for each that has one.
    pub(super) fn keep_step(
        &mut self,
        slot: &Slot,
        new: &Candidate,
        depth: usize,
    ) -> Result<(), Skip> {
        for other in self.world.in_step(slot) {
            if self.world.version(&other) != Some(&new.version) {
                let done = self.same_version(new, &other, depth);
                done.ok_or_else(|| Skip::Conflict {
                    candidate: new.version.clone(),
                    with: format!(
                        "{} ({}), which must have the same version",
                        self.named(&other),
                        other.arch
                    ),
                })?;
            }
        }
        for old in self.world.all_replaced(slot) {
            let other = self.world.slot(&new.name, &old.arch);
            if other.arch != slot.arch && self.world.version(&other).is_none() {
                // Where there is none, what needs the old one says whether it may go.
                let _ = self.same_version(new, &other, depth);
            }
        }
        Ok(())
    }

    /// Plans the same version of the candidate's package into a slot of another architecture.
    fn same_version(&mut self, new: &Candidate, slot: &Slot, depth: usize) -> Option<()> {
        if self.world.is_settled(slot) || self.world.is_held(slot) {
            return None;
        }
        let all = self.candidates(&new.name);
        let same = all.iter().find(|c| c.version == new.version && self.world.fits(slot, c))?;
        self.put(slot, Rc::clone(same), Some(&new.name), depth + 1).ok()
    }
}
