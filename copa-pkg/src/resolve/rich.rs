//! Needs and exclusions that depend on conditions: RPM's rich dependencies. They are kept as a
//! constraint whose name is the whole text.

use crate::package::holds::{Answers, Packages};
use crate::package::relation::{Constraint, Dependency};
use crate::package::rich::Rich;
use crate::resolve::world::{When, World};

/// Whether the constraint is a rich dependency.
pub(super) fn is_rich(constraint: &Constraint) -> bool {
    Rich::is(&constraint.name)
}

/// The names that a constraint is about; without those that are conditions, when it is so asked.
pub(crate) fn names(constraint: &Constraint, conditions: bool) -> Vec<&str> {
    let rich = Some(&*constraint.name).filter(|name| Rich::is(name)).and_then(Rich::parse);
    let Some(rich) = rich else { return vec![&constraint.name] };
    let operands = rich.operands().into_iter();
    operands.filter(|(not, _)| conditions || !not).map(|(_, name)| name).collect()
}

/// The image at one time.
struct Seen<'w>(&'w World<'w>, When);

impl Packages for Seen<'_> {
    fn any(&self, constraint: &Constraint, test: &dyn Fn(Answers<'_>) -> bool) -> bool {
        let Self(world, when) = self;
        world.views(*when, constraint).any(|view| test(&|constraint| view.answers(constraint)))
    }
}

impl World<'_> {
    /// Whether a rich dependency holds. `None` when nobody can say.
    pub(super) fn holds(&self, when: When, constraint: &Constraint) -> Option<bool> {
        Rich::parse(&constraint.name)?.holds(&Seen(self, when))
    }

    /// Why nobody can say whether a need is met.
    pub(super) fn undecided(&self, need: &Dependency) -> Option<String> {
        let unknown = |c: &&Constraint| is_rich(c) && self.holds(When::Now, c).is_none();
        let unknown = need.0.iter().find(unknown)?;
        Some(format!("{unknown}, of which nobody can say whether it is met"))
    }

    /// Whether a rich exclusion is broken now and was not before by what was in the slot.
    pub(super) fn is_newly_excluded(&self, constraint: &Constraint, old: &[Constraint]) -> bool {
        let before =
            old.contains(constraint) && self.holds(When::Before, constraint) != Some(false);
        self.holds(When::Now, constraint) != Some(false) && !before
    }
}
