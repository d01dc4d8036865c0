//! Whether a requirement holds among packages: yes, no, or nobody can say.

use crate::package::constraint::Constraint;
use crate::package::requirement::Requirement;

/// Whether a package answers to a constraint.
pub(crate) type Answers<'a> = &'a dyn Fn(&Constraint) -> bool;

/// Packages beside each other.
pub(crate) trait Packages {
    /// Whether some package answers to the constraint and passes the test.
    fn any(&self, constraint: &Constraint, test: &dyn Fn(Answers<'_>) -> bool) -> bool;
}

impl Requirement {
    /// Whether it holds among these packages. `None` when nobody can say.
    pub(crate) fn holds(&self, among: &dyn Packages) -> Option<bool> {
        match self {
            Self::One(constraint) => Some(among.any(constraint, &|_| true)),
            Self::All(rules) => all(rules.iter().map(|rule| rule.holds(among))),
            Self::Any(rules) => not(all(rules.iter().map(|rule| not(rule.holds(among))))),
            Self::If { condition, then, otherwise } => match condition.holds(among)? {
                true => then.holds(among),
                false => otherwise.holds(among),
            },
            Self::OnePackage(rule) => rule.holds_in_one(among),
            Self::Not(rule) => not(rule.holds(among)),
            Self::Unknown(_) => None,
            Self::Written { rule, .. } => rule.holds(among),
        }
    }

    /// Whether one package meets all of it.
    fn holds_in_one(&self, among: &dyn Packages) -> Option<bool> {
        // Each part can be decided, whatever a package answers to.
        self.fits(&|_| true)?;
        let meets = |answers: Answers<'_>| self.fits(answers) == Some(true);
        Some(self.wishes().into_iter().any(|constraint| among.any(constraint, &meets)))
    }

    /// Whether this one package meets it. `None` when it does not speak of one package.
    fn fits(&self, answers: Answers<'_>) -> Option<bool> {
        match self {
            Self::One(constraint) => Some(answers(constraint)),
            Self::All(rules) => Some(each(rules, answers)?.into_iter().all(|fits| fits)),
            Self::Any(rules) => Some(each(rules, answers)?.into_iter().any(|fits| fits)),
            Self::Not(rule) => not(rule.fits(answers)),
            Self::OnePackage(rule) | Self::Written { rule, .. } => rule.fits(answers),
            Self::If { .. } | Self::Unknown(_) => None,
        }
    }

    /// Whether a package that answers to one of its [wishes](Self::wishes) may be the one that it
    /// speaks of. Where it speaks of several packages, any may.
    pub(crate) fn admits(&self, answers: Answers<'_>) -> bool {
        match self {
            Self::OnePackage(rule) => rule.fits(answers) == Some(true),
            Self::Written { rule, .. } => rule.admits(answers),
            _ => true,
        }
    }
}

/// What each says of a package: `None` when one cannot.
fn each(rules: &[Requirement], answers: Answers<'_>) -> Option<Vec<bool>> {
    rules.iter().map(|rule| rule.fits(answers)).collect()
}

/// Whether all are true: one that is not decides.
fn all(each: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for one in each {
        match one {
            Some(true) => {}
            Some(false) => return Some(false),
            None => all = None,
        }
    }
    all
}

fn not(value: Option<bool>) -> Option<bool> {
    value.map(|value| !value)
}

#[cfg(test)]
#[path = "tests/holds.rs"]
mod tests;
