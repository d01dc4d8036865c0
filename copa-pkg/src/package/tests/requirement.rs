use super::*;

fn constraint(name: &str) -> Constraint {
    Constraint { name: name.into(), arch: None, version: None }
}

fn one(name: &str) -> Requirement {
    Requirement::One(constraint(name))
}

fn boxed(name: &str) -> Box<Requirement> {
    Box::new(one(name))
}

/// `(a if b)`, and with an alternative `(a if b else c)`.
fn condition(otherwise: Requirement) -> Requirement {
    let otherwise = Box::new(otherwise);
    Requirement::If { condition: boxed("b"), then: boxed("a"), otherwise }
}

fn words<'a>(all: impl IntoIterator<Item = &'a str>) -> String {
    all.into_iter().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_requirement_says_what_it_is_about() {
    let without = Requirement::All(vec![one("a"), Requirement::Not(boxed("b"))]);
    let without = Requirement::OnePackage(Box::new(without));
    let written = |rule| Requirement::Written { text: "as written".into(), rule: Box::new(rule) };
    let nested = Requirement::If {
        condition: Box::new(condition(Requirement::ALWAYS)),
        then: boxed("x"),
        otherwise: Box::new(Requirement::NEVER),
    };
    for (requirement, shown, wishes, names, conditions) in [
        (one("a"), "a", "a", "a", ""),
        (Requirement::any_of(vec![constraint("b"), constraint("a")]), "b | a", "b a", "a b", ""),
        (Requirement::All(vec![one("a"), one("b")]), "a and b", "a b", "a b", ""),
        (condition(Requirement::ALWAYS), "(a if b else always)", "a", "a", "b"),
        (condition(one("c")), "(a if b else c)", "a c", "a b c", ""),
        (nested, "(x if (a if b else always) else never)", "x", "b x", "a"),
        (without.clone(), "one package with a and not b", "a", "a b", ""),
        (written(without), "as written", "a", "a b", ""),
        (Requirement::Unknown("(a foo b)".into()), "(a foo b)", "", "(a foo b)", ""),
        (Requirement::NEVER, "never", "", "", ""),
        (Requirement::ALWAYS, "always", "", "", ""),
    ] {
        assert_eq!(requirement.to_string(), shown);
        assert_eq!(words(requirement.wishes().into_iter().map(|c| &*c.name)), wishes, "{shown}");
        assert_eq!(words(requirement.names(false)), names, "{shown}");
        let all = requirement.names(true);
        let rest = all.difference(&requirement.names(false)).copied().collect::<Vec<_>>();
        assert_eq!(words(rest), conditions, "{shown}");
        assert!(requirement.count() >= all.len(), "{shown}");
    }
}

#[test]
fn alternatives_are_told_from_rules() {
    let any = Requirement::any_of(vec![constraint("a"), constraint("b")]);
    let written = Requirement::Written { text: "(a or b)".into(), rule: Box::new(any.clone()) };
    let deeper = Requirement::Any(vec![one("a"), condition(Requirement::ALWAYS)]);
    for (requirement, alternatives) in [
        (one("a"), Some("a")),
        (Requirement::any_of(vec![constraint("a")]), Some("a")),
        (any, Some("a b")),
        (Requirement::any_of(Vec::new()), Some("")),
        (written, None),
        (deeper, None),
        (Requirement::ALWAYS, None),
        (Requirement::Unknown("a".into()), None),
    ] {
        let found = requirement.alternatives();
        let found = found.map(|all| words(all.into_iter().map(|c| &*c.name)));
        assert_eq!(found.as_deref(), alternatives, "{requirement}");
        assert_eq!(requirement.is_rule(), alternatives.is_none(), "{requirement}");
    }
}
