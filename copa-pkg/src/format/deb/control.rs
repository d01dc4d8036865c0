//! Stanzas: `deb822(5)` as dpkg reads control files, package databases and indexes.

use crate::error::{Error, Result};

/// The longest name of a field.
const NAME_LIMIT: usize = 256;
/// The most fields in a stanza. Real ones have under fifty.
const FIELD_LIMIT: usize = 1024;

/// One paragraph of fields, borrowed from the text it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stanza<'a> {
    raw: &'a str,
    fields: Vec<(&'a str, &'a str)>,
}

impl<'a> Stanza<'a> {
    /// Reads a text that holds exactly one stanza: a `control` file.
    pub(crate) fn parse(text: &'a str) -> Result<Self> {
        let mut all = stanzas(text);
        let one = all.next().unwrap_or_else(|| Err(malformed("it holds no field".into())))?;
        match all.next() {
            None => Ok(one),
            Some(_) => Err(malformed("it holds more than one stanza".into())),
        }
    }

    /// The value of the field: names are compared without case; blanks around the value are cut,
    /// continuation lines are as written.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of a field that must be there and not be empty.
    pub(crate) fn require(&self, name: &str) -> Result<&'a str> {
        let value = self.get(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| malformed(format!("it has no `{name}`")))
    }

    /// The fields in their order, names as written.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.fields.iter().copied()
    }

    /// The text of the stanza, byte for byte, without the blank lines around it.
    #[allow(dead_code, reason = "for databases that keep all stanzas in one file")]
    pub(crate) fn raw(&self) -> &'a str {
        self.raw
    }

    fn read(raw: &'a str) -> Result<Self> {
        let mut stanza = Self { raw, fields: Vec::with_capacity(24) };
        let mut rest = raw;
        while !rest.is_empty() {
            let (field, after) = rest.split_at(field_end(rest));
            stanza.push(field)?;
            rest = after;
        }
        Ok(stanza)
    }

    fn push(&mut self, field: &'a str) -> Result<()> {
        let first = field.lines().next().unwrap_or_default();
        let (name, _) = first
            .split_once(':')
            .ok_or_else(|| malformed(format!("`{}` is not a field", shown(first))))?;
        let value = field.get(name.len() + 1..).unwrap_or_default().trim();
        let name = name.trim_end();
        check_name(name)?;
        if field.lines().skip(1).any(|line| line.trim().is_empty()) {
            return Err(malformed(format!("field `{name}` holds a blank line")));
        }
        if self.get(name).is_some() {
            return Err(malformed(format!("field `{name}` is there twice")));
        }
        if self.fields.len() == FIELD_LIMIT {
            let limit = format!("{FIELD_LIMIT} fields");
            return Err(Error::TooLarge { what: "a stanza".into(), limit });
        }
        self.fields.push((name, value));
        Ok(())
    }
}

/// The stanzas of a text, one after the other. One that cannot be read does not end the iteration.
pub(crate) fn stanzas(text: &str) -> impl Iterator<Item = Result<Stanza<'_>>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(|c| c != '\n' && c != '\r')?;
        let (raw, after) = rest.get(start..)?.split_at(stanza_end(rest.get(start..)?));
        rest = after;
        Some(Stanza::read(raw))
    })
}

/// Where the first empty line begins, or the text ends.
fn stanza_end(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes())
        .map(|i| i + 1)
        .find(|&i| matches!(text.as_bytes().get(i..), Some([b'\n', ..] | [b'\r', b'\n', ..])))
        .unwrap_or(text.len())
}

/// Where the first field ends: its line and all lines after it that begin with a blank.
fn field_end(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes())
        .map(|i| i + 1)
        .find(|&i| !matches!(text.as_bytes().get(i), Some(b' ' | b'\t')))
        .unwrap_or(text.len())
}

fn check_name(name: &str) -> Result<()> {
    let legal = !name.is_empty()
        && name.len() <= NAME_LIMIT
        && !name.starts_with(['-', '#'])
        && name.bytes().all(|b| b.is_ascii_graphic());
    if legal {
        return Ok(());
    }
    Err(malformed(format!("`{}` is not the name of a field", shown(name))))
}

/// The name in a `Source` field, which may carry a version: `glibc (2.36-9)`; without the field
/// it is the package's own name.
pub(crate) fn source_name<'a>(stanza: &Stanza<'a>, package: &'a str) -> &'a str {
    let named = stanza.get("Source").and_then(|source| source.split_whitespace().next());
    named.unwrap_or(package)
}

pub(crate) fn malformed(reason: String) -> Error {
    Error::Malformed { what: "a Debian control stanza".into(), reason }
}

/// The beginning of a text that may be long.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(60).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_stanza_is_read_as_dpkg_reads_it() {
        let text = "Package: a\nVERSION :\t1.0 \nDescription: short\n long\n .\n  more\nEmpty:\n";
        let stanza = Stanza::parse(text).unwrap();
        assert_eq!(stanza.get("package"), Some("a"));
        assert_eq!(stanza.get("Version"), Some("1.0"));
        assert_eq!(stanza.get("description"), Some("short\n long\n .\n  more"));
        assert_eq!(stanza.get("Empty"), Some(""));
        assert_eq!(stanza.get("Absent"), None);
        assert_eq!(stanza.raw(), text);
        assert!(stanza.require("Empty").is_err());
    }

    #[test]
    fn a_value_may_begin_on_the_next_line_and_hold_colons() {
        let stanza = Stanza::parse("\n\nConffiles:\n /etc/a: b\nUrl: http://x:1/").unwrap();
        assert_eq!(stanza.get("Conffiles"), Some("/etc/a: b"));
        assert_eq!(stanza.get("Url"), Some("http://x:1/"));
    }

    #[test]
    fn stanzas_are_divided_by_empty_lines() {
        let text = "A: 1\n\n\nA: 2\r\nB: 3\r\n\r\nA: 4";
        let all: Vec<_> = stanzas(text).map(Result::unwrap).collect();
        assert_eq!(all.iter().filter_map(|s| s.get("A")).collect::<Vec<_>>(), ["1", "2", "4"]);
        assert_eq!(all[1].get("B"), Some("3"));
        assert_eq!(all[0].raw(), "A: 1\n");
    }

    #[test]
    fn one_bad_stanza_does_not_hide_the_next() {
        let all: Vec<_> = stanzas("nonsense\n\nA: 2\n").collect();
        assert!(all[0].is_err());
        assert_eq!(all[1].as_ref().unwrap().get("A"), Some("2"));
    }

    #[test]
    fn what_is_no_stanza_is_refused() {
        for text in [
            "",
            "\n\n",
            "no colon\n",
            " begins with a blank\n",
            "A: 1\na: 2\n",
            "A: 1\n \n b\n",
            "# comment: 1\n",
            "-A: 1\n",
            ": 1\n",
            "A b: 1\n",
            "A: 1\n\nB: 2\n",
            "#!/bin/sh\nset -e\n",
        ] {
            assert!(Stanza::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_number_of_fields_is_limited() {
        let text: String = (0..=FIELD_LIMIT).map(|i| format!("F{i}: x\n")).collect();
        assert!(matches!(Stanza::parse(&text), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn the_source_may_carry_a_version() {
        let stanza = Stanza::parse("Package: a\nSource: b (1.0)\n").unwrap();
        assert_eq!(source_name(&stanza, "a"), "b");
        let stanza = Stanza::parse("Package: a\n").unwrap();
        assert_eq!(source_name(&stanza, "a"), "a");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[A-C:# \\t\\r\\né.]{0,60}") {
            for stanza in stanzas(&text).flatten() {
                prop_assert!(text.contains(stanza.raw()));
            }
        }

        #[test]
        fn what_is_written_is_read(values in proptest::collection::vec("[a-z(),|]{1,9}", 1..6)) {
            let text: String =
                values.iter().enumerate().map(|(i, v)| format!("F{i}: {v}\n")).collect();
            let stanza = Stanza::parse(&text).unwrap();
            prop_assert_eq!(stanza.iter().map(|(_, v)| v).collect::<Vec<_>>(), values);
        }
    }
}
