//! apt's sources: `sources.list(5)`, one line each or deb822.

use url::Url;

use crate::format::deb::control::{Stanza, stanzas};
use crate::warning::{Code, Warning};

/// An entry: archives, suites, components, and what it says of checks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Source {
    /// Archives, each with the same suites.
    pub(crate) uris: Vec<Url>,
    /// Suites, or paths that end in a slash.
    pub(crate) suites: Vec<String>,
    /// Components; none for paths.
    pub(crate) components: Vec<String>,
    /// The architectures it is for; empty for all.
    pub(crate) archs: Vec<String>,
    /// Who may sign.
    pub(crate) signed_by: Vec<SignedBy>,
    /// Whether indexes are asked for by their checksum.
    pub(crate) by_hash: Option<bool>,
    /// Whether `Valid-Until` counts.
    pub(crate) check_valid_until: Option<bool>,
}

/// Who may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SignedBy {
    /// The keys in this file.
    File(String),
    /// This key of those that are trusted anyway.
    Fingerprint(String),
    /// This armored key.
    Key(String),
}

/// What a file of sources says: entries, and what of it is not understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parsed {
    /// The entries, in their order.
    pub(crate) sources: Vec<Source>,
    /// What was passed over, and why.
    pub(crate) notes: Vec<Warning>,
}

impl Parsed {
    /// Reads a file; its name says in which form it is.
    pub(crate) fn read(name: &str, text: &str) -> Self {
        let mut parsed = Self::default();
        if name.ends_with(".sources") {
            parsed.deb822(name, text);
        } else {
            for line in text.lines() {
                let line = line.split('#').next().unwrap_or_default().trim();
                parsed.entry(name, line, one_line(line));
            }
        }
        parsed
    }

    fn deb822(&mut self, name: &str, text: &str) {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let text: String = lines.flat_map(|line| [line, "\n"]).collect();
        for stanza in stanzas(&text) {
            match stanza {
                Ok(stanza) => self.entry(name, "an entry", deb822(&stanza)),
                Err(e) => {
                    let text = format!("{name}: passed over: {e}");
                    self.notes.push(Warning::new(Code::PassedOver, name, text));
                }
            }
        }
    }

    fn entry(&mut self, name: &str, what: &str, entry: Result<Option<Source>, String>) {
        match entry {
            Ok(source) => self.sources.extend(source),
            Err(reason) => {
                let what: String = what.chars().take(200).collect();
                let text = format!("{name}: `{what}` passed over: {reason}");
                self.notes.push(Warning::new(Code::PassedOver, name, text));
            }
        }
    }
}

/// `deb [options] URI SUITE COMPONENT...`; `None` for nothing and for source packages.
fn one_line(line: &str) -> Result<Option<Source>, String> {
    let Some(rest) = line.strip_prefix("deb").filter(|rest| rest.starts_with([' ', '\t', '[']))
    else {
        let nothing = line.is_empty() || line.starts_with("deb-src");
        return if nothing { Ok(None) } else { Err("it is not understood".into()) };
    };
    let rest = rest.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or("its options have no end")?,
        None => ("", rest),
    };
    let mut source = Source::default();
    for option in options.split_whitespace() {
        let (name, value) = option.split_once('=').ok_or("an option has no value")?;
        source.option(name, &value.replace(',', " "));
    }
    let mut words = rest.split_whitespace();
    source.uris = vec![address(words.next().ok_or("it has no address")?)?];
    source.suites = vec![words.next().ok_or("it has no suite")?.into()];
    source.components = words.map(Into::into).collect();
    source.complete().map(Some)
}

fn deb822(stanza: &Stanza<'_>) -> Result<Option<Source>, String> {
    let words = |name: &str| stanza.get(name).unwrap_or_default().split_whitespace();
    let disabled = stanza.get("Enabled").and_then(truth) == Some(false);
    if disabled || !words("Types").any(|word| word == "deb") {
        return Ok(None);
    }
    let mut source = Source {
        uris: words("URIs").map(address).collect::<Result<_, _>>()?,
        suites: words("Suites").map(Into::into).collect(),
        components: words("Components").map(Into::into).collect(),
        ..Source::default()
    };
    for (name, value) in stanza.iter() {
        let name = match name.to_ascii_lowercase().as_str() {
            "architectures" => "arch".to_owned(),
            other => other.to_owned(),
        };
        source.option(&name, value);
    }
    source.complete().map(Some)
}

impl Source {
    /// Takes in an option. `Trusted` is none: who wants unsigned metadata says so to this program.
    fn option(&mut self, name: &str, value: &str) {
        match name {
            "arch" => self.archs = value.split_whitespace().map(Into::into).collect(),
            "signed-by" => self.signed_by = signed_by(value),
            "by-hash" => self.by_hash = truth(value),
            "check-valid-until" => self.check_valid_until = truth(value),
            _ => {}
        }
    }

    fn complete(self) -> Result<Self, String> {
        if self.uris.is_empty() || self.suites.is_empty() {
            return Err("it has no address or no suite".into());
        }
        let flat = self.suites.iter().filter(|suite| suite.ends_with('/')).count();
        if flat != self.suites.len() && self.components.is_empty() {
            return Err("it has no components".into());
        }
        Ok(self)
    }
}

fn signed_by(value: &str) -> Vec<SignedBy> {
    if value.contains("-----BEGIN PGP PUBLIC KEY BLOCK-----") {
        // A line of the key that is blank is written as a dot.
        let lines = value.lines().map(|line| match line.trim() {
            "." => "",
            line => line,
        });
        let key: String = lines.flat_map(|line| [line, "\n"]).collect();
        return vec![SignedBy::Key(key.trim_start().into())];
    }
    let who = |word: &str| match word.starts_with('/') {
        true => SignedBy::File(word.into()),
        false => SignedBy::Fingerprint(word.trim_end_matches('!').into()),
    };
    value.split_whitespace().map(who).collect()
}

fn truth(value: &str) -> Option<bool> {
    match value.trim().to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" | "1" | "force" | "with" | "enable" => Some(true),
        "no" | "false" | "off" | "0" | "without" | "disable" => Some(false),
        _ => None,
    }
}

fn address(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|e| format!("its address `{text}`: {e}"))?;
    match url.scheme() {
        "http" | "https" | "file" => Ok(url),
        other => Err(format!("{other}: is no way that this program knows")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(name: &str, text: &str) -> Source {
        let parsed = Parsed::read(name, text);
        assert_eq!((parsed.sources.len(), &parsed.notes), (1, &Vec::new()), "{text}");
        parsed.sources.into_iter().next().unwrap()
    }

    #[test]
    fn both_forms_say_the_same() {
        let line = one(
            "sources.list",
            "deb [ arch=amd64,arm64 signed-by=/k.gpg by-hash=no check-valid-until=no trusted=yes ] \
             http://a.example/debian bookworm main contrib # comment",
        );
        let stanza = one(
            "debian.sources",
            "# comment\nTypes: deb deb-src\nURIs: http://a.example/debian\nSuites: bookworm\n\
             Components: main contrib\n# comment\nArchitectures: amd64 arm64\nSigned-By: /k.gpg\n\
             By-Hash: no\nCheck-Valid-Until: no\nTrusted: yes\n",
        );
        assert_eq!(line, stanza);
        assert_eq!(line.archs, ["amd64", "arm64"]);
        assert_eq!(line.signed_by, [SignedBy::File("/k.gpg".into())]);
        assert_eq!((line.by_hash, line.check_valid_until), (Some(false), Some(false)));
    }

    #[test]
    fn keys_are_embedded_or_named() {
        let source = one(
            "x.sources",
            "Types: deb\nURIs: https://a.example/\nSuites: ./\nSigned-By:\n \
             -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQ==\n -----END PGP PUBLIC KEY BLOCK-----\n",
        );
        let [SignedBy::Key(key)] = &source.signed_by[..] else { panic!("{source:?}") };
        assert_eq!(
            key,
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n-----END PGP PUBLIC KEY BLOCK-----\n"
        );
        let named = one("a.list", "deb [signed-by=ABCD!,/b.gpg] https://a.example/ ./");
        let wanted = [SignedBy::Fingerprint("ABCD".into()), SignedBy::File("/b.gpg".into())];
        assert_eq!(named.signed_by, wanted);
    }

    #[test]
    fn what_is_off_is_passed_over_and_what_is_wrong_is_said() {
        for (name, text, notes) in [
            ("a.list", "# deb http://a.example x main\n\ndeb-src http://a.example x main", 0),
            ("a.sources", "Types: deb\nEnabled: no\nURIs: x\n", 0),
            ("a.sources", "Types: deb-src\nURIs: x\n", 0),
            ("a.list", "deb cdrom:[Debian]/ x main", 1),
            ("a.list", "deb [arch=amd64 http://a.example x main", 1),
            ("a.list", "deb http://a.example x", 1),
            ("a.list", "rpm http://a.example x main", 1),
            ("a.sources", "Types: deb\nURIs: ftp://a.example\nSuites: x\nComponents: main\n", 1),
            ("a.sources", "no field\n", 1),
        ] {
            let parsed = Parsed::read(name, text);
            assert_eq!((parsed.sources.len(), parsed.notes.len()), (0, notes), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_never_panics(text in "(deb |\\[|\\]|=|https://a.example|Types: deb|URIs: |Signed-By:|/|[a-z# \n]){0,60}") {
            let _ = Parsed::read("a.list", &text);
            let _ = Parsed::read("a.sources", &text);
        }
    }
}
