//! What a registry asks for: `WWW-Authenticate`, RFC 9110, 11.6.1.

use std::collections::BTreeMap;

/// One challenge: a scheme and its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    /// In lower case: `basic`, `bearer`.
    pub(super) scheme: String,
    /// By name in lower case.
    pub(super) parameters: BTreeMap<String, String>,
}

impl Challenge {
    /// All challenges of one header, as far as it can be read.
    pub(super) fn parse(header: &str) -> Vec<Self> {
        let mut challenges: Vec<Self> = Vec::new();
        let mut rest = header;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',', '=']);
            let (name, after) = token(rest);
            if name.is_empty() {
                return challenges;
            }
            let name = name.to_ascii_lowercase();
            match (after.trim_start().strip_prefix('='), challenges.last_mut()) {
                (Some(value), Some(challenge)) => {
                    let (value, after) = value_of(value.trim_start());
                    challenge.parameters.insert(name, value);
                    rest = after;
                }
                (Some(value), None) => rest = value,
                (None, _) => {
                    challenges.push(Self { scheme: name, parameters: BTreeMap::new() });
                    rest = after;
                }
            }
        }
    }

    /// A parameter, or an empty text.
    pub(super) fn get(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }
}

/// The token at the start, and what follows it.
fn token(text: &str) -> (&str, &str) {
    let symbol = |c: char| "!#$%&'*+-.^_`|~/:".contains(c);
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !symbol(c));
    text.split_at(end.unwrap_or(text.len()))
}

/// A token or a quoted string, and what follows it.
fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = token(text);
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (value, quoted.get(at + 1..).unwrap_or_default()),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn challenges_of_real_registries_are_read() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull,push",error="insufficient_scope""#;
        let all = Challenge::parse(hub);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].scheme, "bearer");
        assert_eq!(all[0].get("realm"), "https://auth.docker.io/token");
        assert_eq!(all[0].get("scope"), "repository:library/nginx:pull,push");
        for (header, expected) in [
            (r#"Basic realm="a \"b\", c""#, vec![("basic", "a \"b\", c")]),
            (r#"BASIC REALM=lab"#, vec![("basic", "lab")]),
            (
                r#"Bearer realm = "x" , service=y,Basic realm="z""#,
                vec![("bearer", "x"), ("basic", "z")],
            ),
            ("Negotiate", vec![("negotiate", "")]),
            ("Negotiate YWJj==, Basic realm=z", vec![("negotiate", ""), ("yw", "")]),
            ("=x", vec![("x", "")]),
            (r#"Basic realm="open"#, vec![("basic", "open")]),
            ("", vec![]),
            ("\u{e9}", vec![]),
        ] {
            let found = Challenge::parse(header);
            let first = |c: &Challenge| c.scheme == expected.first().map_or("", |e| e.0);
            assert_eq!(found.first().is_some_and(first), !expected.is_empty(), "{header}");
            if expected.iter().all(|(scheme, _)| ["basic", "bearer"].contains(scheme)) {
                let found: Vec<_> =
                    found.iter().map(|c| (c.scheme.as_str(), c.get("realm"))).collect();
                assert_eq!(found, expected, "{header}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(text in "\\PC*", close in "[A-Za-z =,\"\\\\]*") {
            Challenge::parse(&text);
            Challenge::parse(&close);
        }

        #[test]
        fn quoted_values_come_back(value in "\\PC*") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let found = Challenge::parse(&format!("Bearer realm=\"{quoted}\",service=s"));
            prop_assert_eq!(found[0].get("realm"), value);
            prop_assert_eq!(found[0].get("service"), "s");
        }
    }
}
