//! Whether a rich dependency holds: yes, no, or nobody can say.

use crate::format::rpm::db::installed::bounded;
use crate::package::relation::Constraint;
use crate::package::rich::{Op, Rich, Simple};

/// Whether a package answers to a constraint.
pub(crate) type Answers<'a> = &'a dyn Fn(&Constraint) -> bool;

/// The packages of an image.
pub(crate) trait Packages {
    /// Whether some package answers to the constraint and passes the test.
    fn any(&self, constraint: &Constraint, test: &dyn Fn(Answers<'_>) -> bool) -> bool;
}

impl<'a> Rich<'a> {
    /// Whether it holds in the image. `None` when nobody can say.
    pub(crate) fn holds(&self, image: &dyn Packages) -> Option<bool> {
        let (first, rest) = match self {
            Self::Simple(simple) => return Some(image.any(&bounded(simple)?, &|_| true)),
            Self::Chain(first, rest) => (&**first, rest.as_slice()),
        };
        let operands = || std::iter::once(first).chain(rest.iter().map(|(_, operand)| operand));
        match rest {
            [] => first.holds(image),
            [(Op::And, _), ..] => all(operands().map(|operand| operand.holds(image))),
            [(Op::Or, _), ..] => not(all(operands().map(|operand| not(operand.holds(image))))),
            [(Op::With | Op::Without, _), ..] => self.holds_in_one(image),
            [(Op::If, condition)] => match condition.holds(image)? {
                true => first.holds(image),
                false => Some(true),
            },
            [(Op::Unless, condition)] => match condition.holds(image)? {
                true => Some(false),
                false => first.holds(image),
            },
            [(Op::If, condition), (Op::Else, other)] => match condition.holds(image)? {
                true => first.holds(image),
                false => other.holds(image),
            },
            [(Op::Unless, condition), (Op::Else, other)] => match condition.holds(image)? {
                true => other.holds(image),
                false => first.holds(image),
            },
            _ => None,
        }
    }

    /// Whether one package meets all of it (`with`, `without`).
    fn holds_in_one(&self, image: &dyn Packages) -> Option<bool> {
        let names = self.simples(false);
        let wanted: Option<Vec<Constraint>> = names.iter().map(bounded).collect();
        // Each part can be decided, whatever a package answers to.
        self.fits(&|_| true)?;
        let meets = |answers: Answers<'_>| self.fits(answers) == Some(true);
        Some(wanted?.iter().any(|constraint| image.any(constraint, &meets)))
    }

    /// Whether this one package meets it, as far as it speaks of one.
    pub(crate) fn fits(&self, answers: Answers<'_>) -> Option<bool> {
        let (first, rest) = match self {
            Self::Simple(simple) => return Some(answers(&bounded(simple)?)),
            Self::Chain(first, rest) => (&**first, rest.as_slice()),
        };
        let each = rest.iter().map(|(op, operand)| match op {
            Op::Without => not(operand.fits(answers)),
            _ => operand.fits(answers),
        });
        let each: Vec<Option<bool>> = std::iter::once(first.fits(answers)).chain(each).collect();
        match rest.first().map(|(op, _)| op) {
            None | Some(Op::And | Op::With | Op::Without) if each.contains(&None) => None,
            None | Some(Op::And | Op::With | Op::Without) => all(each.into_iter()),
            Some(Op::Or) if each.contains(&None) => None,
            Some(Op::Or) => not(all(each.into_iter().map(not))),
            Some(_) => None,
        }
    }

    /// Whether it speaks of one package that is several things.
    pub(crate) fn is_of_one(&self) -> bool {
        matches!(self, Self::Chain(_, rest) if matches!(rest.first(), Some((Op::With | Op::Without, _))))
    }

    /// What could be added to make it hold: all that is named, but for conditions and, after
    /// `without`, what must not be.
    pub(crate) fn simples(&self, excluded: bool) -> Vec<Simple<'a>> {
        let (first, rest) = match self {
            Self::Simple(_) if excluded => return Vec::new(),
            Self::Simple(simple) => return vec![*simple],
            Self::Chain(first, rest) => (first, rest),
        };
        let mut found = first.simples(excluded);
        for (op, operand) in rest {
            let not = excluded || matches!(op, Op::If | Op::Unless | Op::Without);
            found.extend(operand.simples(not));
        }
        found
    }
}

/// Whether all are true: one that is not decides.
fn all(each: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let each: Vec<Option<bool>> = each.collect();
    match each.contains(&Some(false)) {
        true => Some(false),
        false => each.iter().all(Option::is_some).then_some(true),
    }
}

fn not(value: Option<bool>) -> Option<bool> {
    value.map(|value| !value)
}
