//! Whether requirements are met in the image, as it was and as it is planned to be.

use crate::package::constraint::Constraint;
use crate::package::holds::{Answers, Packages};
use crate::package::requirement::Requirement;
use crate::resolve::world::{Slot, When, World};

/// The image at one time, and who looks at it.
struct Seen<'w> {
    world: &'w World<'w>,
    when: When,
    /// Only packages that can meet a need of what is in this slot are seen.
    from: Option<&'w Slot>,
}

impl Packages for Seen<'_> {
    fn any(&self, constraint: &Constraint, test: &dyn Fn(Answers<'_>) -> bool) -> bool {
        let Self { world, when, from } = *self;
        let seen = |other: &&Slot| from.is_none_or(|from| world.reaches(from, constraint, other));
        let slots = world.answering(when, constraint).filter(seen);
        let mut views = slots.filter_map(|slot| world.view(when, slot));
        views.any(|view| test(&|constraint| view.answers(constraint)))
    }
}

impl World<'_> {
    /// Whether what `slot` holds has this need met.
    pub(super) fn meets(&self, when: When, slot: &Slot, need: &Requirement) -> bool {
        need.holds(&Seen { world: self, when, from: Some(slot) }) == Some(true)
    }

    /// Whether what a rule excludes is there. `None` when nobody can say.
    pub(super) fn holds(&self, when: When, excluded: &Requirement) -> Option<bool> {
        excluded.holds(&Seen { world: self, when, from: None })
    }

    /// Why nobody can say whether a need is met.
    pub(super) fn undecided(&self, need: &Requirement) -> Option<String> {
        let known = self.holds(When::Now, need).is_some();
        (!known).then(|| format!("{need}, of which nobody can say whether it is met"))
    }

    /// Whether a rule that excludes is broken now and was not before by what was in the slot.
    pub(super) fn is_newly_excluded(&self, excluded: &Requirement, old: &[Requirement]) -> bool {
        let before = old.contains(excluded) && self.holds(When::Before, excluded) != Some(false);
        self.holds(When::Now, excluded) != Some(false) && !before
    }
}
