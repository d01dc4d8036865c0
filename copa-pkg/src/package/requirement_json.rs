//! How JSON lists requirements.
//!
//! A need is a list of alternatives, an exclusion is one, and both look like a [`Constraint`]. What
//! depends on more than that is one whose name is the text, with the tree beside it as `rule`.

use serde::{Deserialize, Serialize};

use crate::package::constraint::{Constraint, Operator};
use crate::package::requirement::Requirement;
use crate::version::any::Version;

/// An alternative, or a whole rule.
#[derive(Debug, Serialize, Deserialize)]
struct Term {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<(Operator, Version)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<Requirement>,
}

impl Term {
    fn of(constraint: &Constraint) -> Self {
        let Constraint { name, arch, version } = constraint.clone();
        Self { name, arch, version, rule: None }
    }

    fn of_rule(requirement: &Requirement) -> Self {
        let rule = match requirement {
            Requirement::Written { rule, .. } => rule,
            other => other,
        };
        let (name, rule) = (requirement.to_string(), Some(rule.clone()));
        Self { name, arch: None, version: None, rule }
    }

    fn requirement(self) -> Requirement {
        let Self { name, arch, version, rule } = self;
        match rule {
            None => Requirement::One(Constraint { name, arch, version }),
            Some(rule) if rule.to_string() == name => rule,
            Some(rule) => Requirement::Written { text: name, rule: Box::new(rule) },
        }
    }
}

/// A list of needs.
pub(crate) mod needs {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Requirement, Term};

    pub(crate) fn serialize<S: Serializer>(all: &[Requirement], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(all.iter().map(|need| match need.alternatives() {
            Some(any) => any.into_iter().map(Term::of).collect(),
            None => vec![Term::of_rule(need)],
        }))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Requirement>, D::Error> {
        let all = Vec::<Vec<Term>>::deserialize(from)?.into_iter();
        let need = |mut any: Vec<Term>| match (any.pop(), any.is_empty()) {
            (Some(only), true) => only.requirement(),
            (last, _) => {
                Requirement::Any(any.into_iter().chain(last).map(Term::requirement).collect())
            }
        };
        Ok(all.map(need).collect())
    }
}

/// A list of exclusions.
pub(crate) mod exclusions {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Requirement, Term};

    pub(crate) fn serialize<S: Serializer>(all: &[Requirement], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(all.iter().map(|excluded| match excluded {
            Requirement::One(constraint) => Term::of(constraint),
            other => Term::of_rule(other),
        }))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Requirement>, D::Error> {
        let all = Vec::<Term>::deserialize(from)?;
        Ok(all.into_iter().map(Term::requirement).collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::package::constraint::Constraint;
    use crate::package::relation::Relations;
    use crate::package::requirement::Requirement;

    fn one(name: &str) -> Requirement {
        Requirement::One(Constraint { name: name.into(), arch: None, version: None })
    }

    fn written(text: &str, rule: Requirement) -> Requirement {
        Requirement::Written { text: text.into(), rule: Box::new(rule) }
    }

    #[test]
    fn what_is_listed_is_read_again() {
        let relations = Relations {
            requires: vec![
                one("a"),
                Requirement::Any(vec![one("a"), one("b")]),
                Requirement::NEVER,
                Requirement::Unknown("(a foo b)".into()),
                written(
                    "(a if b)",
                    Requirement::If {
                        condition: Box::new(one("b")),
                        then: Box::new(one("a")),
                        otherwise: Box::new(Requirement::ALWAYS),
                    },
                ),
                Requirement::All(vec![one("a"), Requirement::Not(Box::new(one("b")))]),
            ],
            conflicts: vec![one("a"), written("(a or b)", Requirement::NEVER)],
            ..Relations::default()
        };
        let text = serde_json::to_string(&relations).unwrap();
        assert_eq!(serde_json::from_str::<Relations>(&text).unwrap(), relations, "{text}");
    }

    #[test]
    fn constraints_are_listed_as_they_are() {
        let rule = written("(a and b)", Requirement::All(vec![one("a"), one("b")]));
        let relations = Relations {
            requires: vec![one("a"), Requirement::Any(vec![one("b"), one("c")]), rule.clone()],
            conflicts: vec![one("d"), rule],
            ..Relations::default()
        };
        let json = serde_json::to_value(&relations).unwrap();
        let listed =
            r#"{"name":"(a and b)","rule":{"all":[{"one":{"name":"a"}},{"one":{"name":"b"}}]}}"#;
        let needs = format!(r#"[[{{"name":"a"}}],[{{"name":"b"}},{{"name":"c"}}],[{listed}]]"#);
        assert_eq!(json["requires"].to_string(), needs);
        assert_eq!(json["conflicts"].to_string(), format!(r#"[{{"name":"d"}},{listed}]"#));
    }
}
