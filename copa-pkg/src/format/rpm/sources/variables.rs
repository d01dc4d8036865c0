//! Variables of `.repo` files: `$releasever`, `${basearch}`, `${name:-otherwise}`.

use std::collections::BTreeMap;

/// As deep may one expression be in another.
const DEPTH: u32 = 32;
/// No text becomes longer than this by what is filled in.
const LONGEST: usize = 64 << 10;

/// `$releasever`, `$basearch` and whatever else may stand in a `.repo` file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Sets a variable. A release has a major and a minor number, which are variables too.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.into(), value.into());
        if name == "releasever" {
            let (major, minor) = value.split_once('.').unwrap_or((value, ""));
            self.set("releasever_major", major);
            self.set("releasever_minor", minor);
        }
    }

    /// The text with its variables filled in, as dnf does it: `$name`, `${name}`, `${name:-word}`
    /// (the word when the variable is empty or unknown) and `${name:+word}` (the word when it is
    /// neither). What follows a backslash stands for itself, and what has no value stays.
    pub(crate) fn fill(&self, text: &str) -> String {
        self.filled(text, 0).map_or_else(|| text.into(), |(filled, _)| filled)
    }

    /// The text up to a brace that closes, and what is after it; `None` when none does. Outside
    /// all braces the whole text.
    fn filled<'t>(&self, text: &'t str, depth: u32) -> Option<(String, &'t str)> {
        let (mut filled, mut rest) = (String::new(), text);
        while let Some(at) = rest.find(['$', '\\', '}']) {
            let (before, from) = rest.split_at(at);
            filled.push_str(before);
            let mut after = from.chars();
            match after.next() {
                Some('}') if depth > 0 => return Some((filled, after.as_str())),
                Some('\\') if from.len() > 1 => {
                    filled.extend(after.next());
                    rest = after.as_str();
                }
                Some('$') if filled.len() < LONGEST => match self.expression(from, depth) {
                    Some((value, after)) => {
                        filled.push_str(&value);
                        rest = after;
                    }
                    None => {
                        filled.push_str(from);
                        rest = "";
                    }
                },
                first => {
                    filled.extend(first);
                    rest = after.as_str();
                }
            }
        }
        filled.push_str(rest);
        (depth == 0).then_some((filled, ""))
    }

    /// What the expression at the start of the text stands for, and what is after it. `None` when
    /// it does not end.
    fn expression<'t>(&self, text: &'t str, depth: u32) -> Option<(String, &'t str)> {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let start = text.strip_prefix("${").or_else(|| text.strip_prefix('$'))?;
        let end = start.find(|c| !legal(c)).unwrap_or(start.len());
        let (name, after) = start.split_at(end);
        let as_written = |after: &'t str| text.get(..text.len() - after.len()).map(Into::into);
        let value = self.0.get(name);
        if !text.starts_with("${") {
            return Some((value.cloned().or_else(|| as_written(after))?, after));
        }
        if let Some(after) = after.strip_prefix('}') {
            return Some((value.cloned().or_else(|| as_written(after))?, after));
        }
        let otherwise = after.strip_prefix(":-");
        let Some(word) = otherwise.or_else(|| after.strip_prefix(":+")) else {
            return (!after.is_empty()).then_some((as_written(after)?, after));
        };
        if depth == DEPTH {
            return None;
        }
        let (word, after) = self.filled(word, depth + 1)?;
        Some(match (value.filter(|value| !value.is_empty()), otherwise) {
            (Some(value), Some(_)) => (value.clone(), after),
            (None, None) => (String::new(), after),
            _ => (word, after),
        })
    }
}

impl<'v> FromIterator<(&'v str, &'v str)> for Variables {
    fn from_iter<I: IntoIterator<Item = (&'v str, &'v str)>>(all: I) -> Self {
        let mut variables = Self::default();
        all.into_iter().for_each(|(name, value)| variables.set(name, value));
        variables
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn variables() -> Variables {
        [("releasever", "9.4"), ("v", "q"), ("empty", "")].into_iter().collect()
    }

    #[test]
    fn variables_are_filled_in() {
        for (text, wanted) in [
            ("a$v", "aq"),
            ("$v$v-${v}x", "qq-qx"),
            ("$", "$"),
            ("${", "${"),
            ("${v", "${v"),
            ("$vv/$v.", "$vv/q."),
            ("$ä}", "$ä}"),
            ("${v:-x}${no:-x}${empty:-x}", "qxx"),
            ("${v:+x}${no:+x}${empty:+x}.", "x."),
            ("${no:-${v}}/${no:-${no:-$v$v}}", "q/qq"),
            ("${no:-${v}", "${no:-${v}"),
            ("${v:?x}/$v", "${v:?x}/q"),
            ("${v-x}$v", "${v-x}q"),
            ("\\$v\\\\$v\\", "$v\\q\\"),
            ("$releasever_major/${releasever_minor}", "9/4"),
        ] {
            assert_eq!(variables().fill(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_release_has_two_parts() {
        let mut all = variables();
        all.set("releasever", "10");
        assert_eq!(all.fill("$releasever $releasever_major <$releasever_minor>"), "10 10 <>");
    }

    #[test]
    fn nothing_grows_without_end() {
        let mut all = variables();
        all.set("long", &"x".repeat(1000));
        assert!(all.fill(&"$long".repeat(100_000)).len() < 1 << 20);
        all.fill(&"${no:-".repeat(100_000));
    }

    proptest! {
        #[test]
        fn never_panics(text in "(\\$|\\{|\\}|v|:-|:\\+|\\\\|ä| ){0,40}") {
            variables().fill(&text);
        }
    }
}
