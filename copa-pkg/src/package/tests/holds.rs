//! The texts are RPM's: they say most of what there is.

use super::*;
use crate::format::rpm::rich::exclusion;

/// Packages, each with the names that it answers to.
struct Image(Vec<Vec<&'static str>>);

impl Image {
    /// Packages such as `a b`, divided by commas.
    fn of(text: &'static str) -> Self {
        Self(text.split(',').map(|package| package.split_whitespace().collect()).collect())
    }
}

impl Packages for Image {
    fn any(&self, constraint: &Constraint, test: &dyn Fn(Answers<'_>) -> bool) -> bool {
        self.0.iter().any(|package| {
            let answers = |constraint: &Constraint| package.contains(&&*constraint.name);
            answers(constraint) && test(&answers)
        })
    }
}

#[test]
fn a_requirement_holds_or_does_not_or_nobody_can_say() {
    for (image, text, holds) in [
        ("a", "(a)", Some(true)),
        ("b", "(a)", Some(false)),
        ("a,b", "(a and b)", Some(true)),
        ("a", "(a and b)", Some(false)),
        ("b", "(a or b)", Some(true)),
        ("", "(a or b)", Some(false)),
        ("", "(a if b)", Some(true)),
        ("b", "(a if b)", Some(false)),
        ("a,b", "(a if b)", Some(true)),
        ("a", "(a if b else c)", Some(false)),
        ("c", "(a if b else c)", Some(true)),
        ("a", "(a unless b)", Some(true)),
        ("", "(a unless b)", Some(false)),
        ("a,b", "(a unless b)", Some(false)),
        ("b,c", "(a unless b else c)", Some(true)),
        ("a,b", "(a unless b else c)", Some(false)),
        ("a b", "(a with b)", Some(true)),
        ("a,b", "(a with b)", Some(false)),
        ("a", "(a without b)", Some(true)),
        ("a b", "(a without b)", Some(false)),
        ("a b,a", "(a without b)", Some(true)),
        ("a c", "(a with (b or c))", Some(true)),
        ("a", "(a foo b)", None),
        ("a", "(a with (b if c))", None),
        ("a", "(a and /usr/share/x)", None),
        ("", "(a and /usr/share/x)", Some(false)),
        ("a", "(a or /usr/share/x)", Some(true)),
        ("", "(a or /usr/share/x)", None),
        ("a", "(a if /usr/share/x)", None),
        ("a", "(a without /usr/share/x)", None),
    ] {
        assert_eq!(exclusion(text).holds(&Image::of(image)), holds, "{text} in {image:?}");
    }
}

#[test]
fn nothing_is_always_met_and_no_alternative_never() {
    let image = Image::of("a");
    assert_eq!(Requirement::ALWAYS.holds(&image), Some(true));
    assert_eq!(Requirement::NEVER.holds(&image), Some(false));
    let not = Requirement::Not(Box::new(Requirement::NEVER));
    assert_eq!(not.holds(&image), Some(true));
}

#[test]
fn only_what_speaks_of_one_package_refuses_some() {
    for (text, package, admits) in [
        ("(a with b)", "a", false),
        ("(a with b)", "a b", true),
        ("(a without b)", "a b", false),
        ("(a and b)", "a", true),
        ("((a with b) or c)", "a", true),
        ("(a foo b)", "a", true),
    ] {
        let has: Vec<&str> = package.split(' ').collect();
        let answers = |constraint: &Constraint| has.contains(&&*constraint.name);
        assert_eq!(exclusion(text).admits(&answers), admits, "{text} {package}");
    }
}
