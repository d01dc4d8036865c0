//! `Release`: what a suite says of itself, and the checksums of its indexes.
//! Format: Debian's repository format, <https://wiki.debian.org/DebianRepository/Format>.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::error::{Error, Result};

/// A `Release` file. Its text is signed; whether the content fits is asked here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Release {
    fields: BTreeMap<String, String>,
    /// When it was made.
    pub(crate) date: Timestamp,
    /// Until when it may be used.
    pub(crate) valid_until: Option<Timestamp>,
    files: BTreeMap<String, Listed>,
}

/// What is said of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listed {
    /// How many bytes it has.
    pub(crate) size: u64,
    /// What they hash to.
    pub(crate) sha256: [u8; 32],
}

impl Release {
    /// Reads it. `what` names the file in errors.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`]: a field twice, no date, a date or a checksum that is none.
    pub(crate) fn parse(text: &str, what: &str) -> Result<Self> {
        let malformed = |reason: String| Error::Malformed { what: what.into(), reason };
        let (mut fields, mut files) = (BTreeMap::new(), BTreeMap::new());
        let mut section = String::new();
        for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
            if line.starts_with([' ', '\t']) {
                if section == "sha256" {
                    let (name, listed) = file(line)
                        .ok_or_else(|| malformed(format!("`{}` lists no file", line.trim())))?;
                    files.insert(name, listed);
                }
                continue;
            }
            let (name, value) =
                line.split_once(':').ok_or_else(|| malformed(format!("`{line}` is no field")))?;
            section = name.to_ascii_lowercase();
            if fields.insert(section.clone(), value.trim().to_owned()).is_some() {
                return Err(malformed(format!("`{name}` is there twice")));
            }
        }
        let time = |name: &str| match fields.get(name) {
            Some(text) => {
                date(text).map(Some).ok_or_else(|| malformed(format!("`{text}` is no date")))
            }
            None => Ok(None),
        };
        let date = time("date")?.ok_or_else(|| malformed("it is not dated".into()))?;
        let valid_until = time("valid-until")?;
        Ok(Self { date, valid_until, fields, files })
    }

    /// The value of a field; names in lower case.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// Whether a field is `yes`.
    pub(crate) fn says(&self, name: &str) -> bool {
        self.get(name).eq_ignore_ascii_case("yes")
    }

    /// Whether this is the suite of that name.
    pub(crate) fn is_suite(&self, name: &str) -> bool {
        [self.get("suite"), self.get("codename")].contains(&name)
    }

    /// Whether packages for all architectures have an index of their own that has to be read.
    pub(crate) fn separate_all(&self) -> bool {
        let words = |name| self.get(name).split_whitespace();
        words("architectures").any(|arch| arch == "all")
            && !words("no-support-for-architecture-all").any(|what| what == "Packages")
    }

    /// What is said of a file.
    pub(crate) fn file(&self, name: &str) -> Option<Listed> {
        self.files.get(name).copied()
    }
}

/// A line of the table: checksum, size, name. Only indexes of packages are of interest.
fn file(line: &str) -> Option<(String, Listed)> {
    let mut words = line.split_whitespace();
    let (checksum, size, name) = (words.next()?, words.next()?, words.next()?);
    let mut sha256 = [0; 32];
    hex::decode_to_slice(checksum, &mut sha256).ok()?;
    Some((name.to_owned(), Listed { size: size.parse().ok()?, sha256 }))
}

/// `Sat, 21 Nov 2026 00:53:02 UTC`.
fn date(text: &str) -> Option<Timestamp> {
    let zone = ["UTC", "GMT", "+0000", "Z"].iter().find_map(|zone| text.strip_suffix(zone))?;
    let time = DateTime::strptime("%a, %d %b %Y %H:%M:%S", zone.trim()).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHA: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn release(more: &str) -> Result<Release> {
        let text = format!(
            "Suite: oldstable\nCodename: bookworm\nDate: Sat, 11 Jul 2026 10:16:37 UTC\n{more}"
        );
        Release::parse(&text, "Release")
    }

    #[test]
    fn fields_dates_and_files_are_read() {
        let release = release(&format!(
            "Valid-Until: Sat, 18 Jul 2026 10:16:37 +0000\nArchitectures: all amd64\n\
             Acquire-By-Hash: yes\nMD5Sum:\n d41d8cd98f00b204e9800998ecf8427e 1 main/x\n\
             SHA256:\n {SHA}        7 main/binary-amd64/Packages.gz\r\n"
        ))
        .unwrap();
        assert_eq!(release.date.to_string(), "2026-07-11T10:16:37Z");
        assert_eq!(release.valid_until.unwrap().to_string(), "2026-07-18T10:16:37Z");
        let listed = release.file("main/binary-amd64/Packages.gz").unwrap();
        assert_eq!((listed.size, hex::encode(listed.sha256)), (7, SHA.to_owned()));
        assert!(release.file("main/x").is_none());
        assert!(release.says("acquire-by-hash") && release.separate_all());
        assert!(release.is_suite("bookworm") && release.is_suite("oldstable"));
        assert!(!release.is_suite("trixie"));
    }

    #[test]
    fn one_index_may_hold_packages_for_all() {
        assert!(!release("Architectures: amd64\n").unwrap().separate_all());
        let debian = "Architectures: all amd64\nNo-Support-for-Architecture-all: Packages\n";
        assert!(!release(debian).unwrap().separate_all());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for bad in [
            "Suite: other\n",
            "no field\n",
            "Valid-Until: tomorrow\n",
            "SHA256:\n abc 7 main/binary-amd64/Packages\n",
            &format!("SHA256:\n {SHA} x main/binary-amd64/Packages\n"),
            &format!("SHA256:\n {SHA} 7\n"),
        ] {
            assert!(matches!(release(bad), Err(Error::Malformed { .. })), "{bad}");
        }
        assert!(Release::parse("Suite: x\n", "Release").is_err());
    }

    proptest! {
        #[test]
        fn text_never_panics(text in "((Date|SHA256|Suite): ?|Sat, 11 Jul 2026 10:16:37 UTC|[a-f0-9 :\r\n]|é){0,80}") {
            let _ = Release::parse(&text, "Release");
            let _ = date(&text);
        }
    }
}
