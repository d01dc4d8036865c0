//! What packages require of those beside them: one package, or a rule about several.
//!
//! A format reads its own spelling once, Debian's alternatives or RPM's rich dependencies, and gives
//! a tree. Whoever asks whether it is met, what it is about, or what could meet it asks the tree.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::package::constraint::Constraint;

/// What a package requires of the packages beside it, or excludes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Requirement {
    /// Some package answers to this.
    One(Constraint),
    /// Each of these is met.
    All(Vec<Requirement>),
    /// One of these is met, the preferred one first (Debian: `a | b`).
    Any(Vec<Requirement>),
    /// One of two rules is met: a condition says which (RPM: `if`; `unless` turns it round).
    If {
        /// What is asked first.
        condition: Box<Requirement>,
        /// The rule when the condition holds.
        then: Box<Requirement>,
        /// The rule when it does not.
        otherwise: Box<Requirement>,
    },
    /// A single package meets all of this (RPM: `with`, `without`).
    OnePackage(Box<Requirement>),
    /// This is not met.
    Not(Box<Requirement>),
    /// Nobody can say whether it is met: a name, or a text that cannot be understood.
    Unknown(String),
    /// A rule, and the text of the package that says it. The text is what is shown.
    Written {
        /// The text.
        text: String,
        /// What it means.
        rule: Box<Requirement>,
    },
}

impl Requirement {
    /// A requirement that is always met.
    pub const ALWAYS: Self = Self::All(Vec::new());
    /// A requirement that is never met.
    pub const NEVER: Self = Self::Any(Vec::new());

    /// A requirement that any one of these meets.
    pub fn any_of(mut alternatives: Vec<Constraint>) -> Self {
        match (alternatives.pop(), alternatives.is_empty()) {
            (Some(only), true) => Self::One(only),
            (last, _) => Self::Any(alternatives.into_iter().chain(last).map(Self::One).collect()),
        }
    }

    /// The constraints of which any one meets it. `None` when it depends on more than that.
    pub fn alternatives(&self) -> Option<Vec<&Constraint>> {
        match self {
            Self::One(constraint) => Some(vec![constraint]),
            Self::Any(all) if !self.is_rule() => Some(all.iter().flat_map(Self::wishes).collect()),
            _ => None,
        }
    }

    /// Whether it depends on more than one of several constraints being met (RPM: a rich
    /// dependency).
    pub(crate) fn is_rule(&self) -> bool {
        match self {
            Self::One(_) => false,
            Self::Any(all) => !all.iter().all(|of| matches!(of, Self::One(_))),
            _ => true,
        }
    }

    /// What could be added to make it hold: neither conditions nor what must not be there.
    pub(crate) fn wishes(&self) -> Vec<&Constraint> {
        match self {
            Self::One(constraint) => vec![constraint],
            Self::All(all) | Self::Any(all) => all.iter().flat_map(Self::wishes).collect(),
            Self::If { then, otherwise, .. } => [then.wishes(), otherwise.wishes()].concat(),
            Self::OnePackage(rule) | Self::Written { rule, .. } => rule.wishes(),
            Self::Not(_) | Self::Unknown(_) => Vec::new(),
        }
    }

    /// The names that it is about; those that are only conditions when it is so asked.
    pub(crate) fn names(&self, conditions: bool) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        self.gather(false, &mut found);
        let wanted = found.into_iter().filter(|(is_condition, _)| conditions || !is_condition);
        wanted.map(|(_, name)| name).collect()
    }

    /// Adds the names, each with whether it is a condition. A condition of a condition is none: it
    /// is met by what is added.
    fn gather<'a>(&'a self, is_condition: bool, found: &mut BTreeSet<(bool, &'a str)>) {
        match self {
            Self::One(Constraint { name, .. }) | Self::Unknown(name) => {
                found.insert((is_condition, name));
            }
            Self::All(all) | Self::Any(all) => {
                all.iter().for_each(|of| of.gather(is_condition, found));
            }
            Self::If { condition, then, otherwise } => {
                then.gather(is_condition, found);
                otherwise.gather(is_condition, found);
                condition.gather(!is_condition, found);
                if **otherwise != Self::ALWAYS && **otherwise != Self::NEVER {
                    // Of two rules, the one that holds can be chosen by the condition.
                    condition.gather(is_condition, found);
                }
            }
            Self::OnePackage(rule) | Self::Not(rule) | Self::Written { rule, .. } => {
                rule.gather(is_condition, found);
            }
        }
    }

    /// How many names it says, each time one is said.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::One(_) | Self::Unknown(_) => 1,
            Self::All(all) | Self::Any(all) => all.iter().map(Self::count).sum(),
            Self::If { condition, then, otherwise } => {
                condition.count() + then.count() + otherwise.count()
            }
            Self::OnePackage(rule) | Self::Not(rule) | Self::Written { rule, .. } => rule.count(),
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(constraint) => constraint.fmt(f),
            Self::All(all) if all.is_empty() => f.write_str("always"),
            Self::All(all) => joined(f, all, " and "),
            Self::Any(all) if all.is_empty() => f.write_str("never"),
            Self::Any(all) => joined(f, all, " | "),
            Self::If { condition, then, otherwise } => {
                write!(f, "({then} if {condition} else {otherwise})")
            }
            Self::OnePackage(rule) => write!(f, "one package with {rule}"),
            Self::Not(rule) => write!(f, "not {rule}"),
            Self::Unknown(text) | Self::Written { text, .. } => f.write_str(text),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, all: &[Requirement], by: &str) -> fmt::Result {
    for (i, of) in all.iter().enumerate() {
        write!(f, "{}{of}", if i == 0 { "" } else { by })?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "tests/requirement.rs"]
mod tests;
