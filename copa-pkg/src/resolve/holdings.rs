//! What an image holds, for who asks whether needs are met.

use std::collections::BTreeMap;

use crate::package::candidate::Candidate;
use crate::package::constraint::Constraint;
use crate::package::holds::{Answers, Packages};
use crate::package::installed::Installed;
use crate::package::relation::Relations;
use crate::package::requirement::Requirement;
use crate::resolve::world::View;

/// Of a package that was not there before.
static NOTHING: Relations = Relations {
    requires: Vec::new(),
    provides: Vec::new(),
    conflicts: Vec::new(),
    replaces: Vec::new(),
    obsoletes: Vec::new(),
};

/// Packages beside each other. Architectures do not count.
#[derive(Debug, Default)]
pub(super) struct Holdings<'a> {
    packages: Vec<View<'a>>,
    /// The numbers of the packages that answer to a name.
    answering: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Holdings<'a> {
    /// Adds a package as it is installed.
    pub(super) fn add(&mut self, package: &'a Installed) {
        let Installed { name, version, relations, .. } = package;
        self.push(View::new(name, version, relations), name, [relations, &NOTHING]);
    }

    /// Adds a package in place of an installed version of it, if there is one.
    pub(super) fn add_update(&mut self, new: &'a Candidate, old: Option<&'a Installed>) {
        let before = old.map_or(&NOTHING, |old| &old.relations);
        self.push(View::of(new).after(before), &new.name, [&new.relations, before]);
    }

    fn push(&mut self, view: View<'a>, name: &'a str, relations: [&'a Relations; 2]) {
        let number = self.packages.len();
        self.packages.push(view);
        let provides = relations.into_iter().flat_map(|relations| &relations.provides);
        for name in provides.map(|provided| &*provided.name).chain([name]) {
            self.answering.entry(name).or_default().push(number);
        }
    }

    /// Whether the requirement is met, or what is excluded is there. One of which nobody can say
    /// is not.
    pub(super) fn meets(&self, requirement: &Requirement) -> bool {
        requirement.holds(self) == Some(true)
    }
}

impl Packages for Holdings<'_> {
    fn any(&self, constraint: &Constraint, test: &dyn Fn(Answers<'_>) -> bool) -> bool {
        let numbers = self.answering.get(&*constraint.name).into_iter().flatten();
        let views = numbers.filter_map(|number| self.packages.get(*number));
        let mut views = views.filter(|view| view.answers(constraint));
        views.any(|view| test(&|constraint| view.answers(constraint)))
    }
}
