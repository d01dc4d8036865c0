//! RPM versions, ordered as `rpmvercmp` does: `rpm-version(7)`.

use std::cmp::Ordering;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::version::spelled::spelled;

/// An RPM version: `[EPOCH:]VERSION[-RELEASE]`.
///
/// Two versions are equal when they compare equal, even when they are spelled differently
/// (`1.0-1` and `0:1.0-1`, `1.0` and `1_0`); the spelling is kept for printing.
///
/// # Examples
///
/// ```
/// use copa_pkg::version::rpm::Version;
/// let (old, new): (Version, Version) = ("3.3.0~rc1-1.azl3".parse().unwrap(), "3.3.0-1.azl3".parse().unwrap());
/// assert!(old < new);
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    text: String,
    epoch: u32,
    /// Where the version begins in the text.
    start: usize,
}

impl Version {
    /// A version from its parts, spelled without an epoch of zero.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when a part holds what it cannot.
    pub fn new(epoch: u32, version: &str, release: &str) -> Result<Self> {
        let mut text = if epoch == 0 { String::new() } else { format!("{epoch}:") };
        text.push_str(version);
        if !release.is_empty() {
            text.push('-');
            text.push_str(release);
        }
        let parsed: Self = text.parse()?;
        let same = (parsed.epoch, parsed.version()) == (epoch, version);
        if same { Ok(parsed) } else { Err(invalid(&text, "its parts run into each other")) }
    }

    /// The text as given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The epoch; zero when there is none.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The upstream version.
    pub fn version(&self) -> &str {
        self.parts().0
    }

    /// The release, when there is one.
    pub fn release(&self) -> Option<&str> {
        self.parts().1
    }

    fn parts(&self) -> (&str, Option<&str>) {
        let rest = self.text.get(self.start..).unwrap_or_default();
        rest.rsplit_once('-').map_or((rest, None), |(version, release)| (version, Some(release)))
    }

    /// How it stands to the bound of a dependency: when one of them has no release, releases do
    /// not count.
    pub fn cmp_bound(&self, bound: &Self) -> Ordering {
        let ((a, a_release), (b, b_release)) = (self.parts(), bound.parts());
        let releases = a_release.zip(b_release).map_or(Ordering::Equal, |(a, b)| compare(a, b));
        self.epoch.cmp(&bound.epoch).then_with(|| compare(a, b)).then(releases)
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (epoch, start) = match text.as_bytes().get(digits) {
            Some(b':') => (text.get(..digits).unwrap_or_default(), digits + 1),
            _ => ("", 0),
        };
        let epoch = if epoch.is_empty() { Some(0) } else { epoch.parse().ok() };
        let epoch = epoch.ok_or_else(|| invalid(text, "its epoch is too large"))?;
        let parsed = Self { text: text.to_owned(), epoch, start };
        let (version, release) = parsed.parts();
        if version.is_empty() || release.is_some_and(str::is_empty) {
            return Err(invalid(text, "a part of it is empty"));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(invalid(text, "a version has no blanks"));
        }
        Ok(parsed)
    }
}

fn invalid(text: &str, reason: &str) -> Error {
    let text = text.chars().take(200).collect();
    Error::Invalid { what: "RPM version", text, reason: reason.into() }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let ((a, a_release), (b, b_release)) = (self.parts(), other.parts());
        let releases = || compare(a_release.unwrap_or_default(), b_release.unwrap_or_default());
        self.epoch.cmp(&other.epoch).then_with(|| compare(a, b)).then_with(releases)
    }
}

spelled!(Version);

/// Compares two versions, or two releases, segment by segment.
fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        let (a_segment, a_rest) = segment(a);
        let (b_segment, b_rest) = segment(b);
        let order = a_segment.cmp(&b_segment);
        if order.is_ne() || a_segment == Segment::End {
            return order;
        }
        (a, b) = (a_rest, b_rest);
    }
}

/// A piece of a version, in the order in which pieces sort.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment<'a> {
    Tilde,
    End,
    Caret,
    Letters(&'a [u8]),
    /// How many digits it has without leading zeros, and those.
    Number(usize, &'a [u8]),
}

/// The first segment, and what follows. All other characters only separate segments.
fn segment(text: &[u8]) -> (Segment<'_>, &[u8]) {
    let counts = |c: &u8| c.is_ascii_alphanumeric() || *c == b'~' || *c == b'^';
    let start = text.iter().position(counts).unwrap_or(text.len());
    let (_, text) = text.split_at(start);
    match text.first() {
        None => (Segment::End, text),
        Some(b'~') => (Segment::Tilde, text.get(1..).unwrap_or_default()),
        Some(b'^') => (Segment::Caret, text.get(1..).unwrap_or_default()),
        Some(c) if c.is_ascii_digit() => {
            let (digits, rest) = run(text, u8::is_ascii_digit);
            let (_, digits) = run(digits, |&c| c == b'0');
            (Segment::Number(digits.len(), digits), rest)
        }
        Some(_) => {
            let (letters, rest) = run(text, u8::is_ascii_alphabetic);
            (Segment::Letters(letters), rest)
        }
    }
}

fn run(text: &[u8], belongs: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|c| !belongs(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    const TABLE: [(&str, Ordering, &str); 47] = {
        use Ordering::{Equal, Greater, Less};
        [
            ("1.0", Equal, "1.0"),
            ("1.0", Less, "2.0"),
            ("2.0.1", Greater, "2.0"),
            ("2.0.1a", Greater, "2.0.1"),
            ("5.5p1", Less, "5.5p2"),
            ("5.5p10", Greater, "5.5p1"),
            ("10xyz", Less, "10.1xyz"),
            ("xyz10", Less, "xyz10.1"),
            ("xyz.4", Less, "8"),
            ("xyz.4", Less, "2"),
            ("5.5p2", Less, "5.6p1"),
            ("5.6p1", Less, "6.5p1"),
            ("6.0.rc1", Greater, "6.0"),
            ("10b2", Greater, "10a1"),
            ("7.4.052", Equal, "7.4.52"),
            ("1.0aa", Greater, "1.0a"),
            ("10.0001", Less, "10.0039"),
            ("4.999.9", Less, "5.0"),
            ("20101122", Greater, "20101121"),
            ("2_0", Equal, "2.0"),
            ("a", Equal, "a"),
            ("a+", Equal, "a_"),
            ("+a", Equal, "_a"),
            ("+", Equal, "_"),
            ("1.0~rc1", Less, "1.0"),
            ("1.0~rc1", Less, "1.0~rc2"),
            ("1.0~rc1~git123", Less, "1.0~rc1"),
            ("1.0^", Greater, "1.0"),
            ("1.0^git1", Greater, "1.0"),
            ("1.0^git1", Less, "1.0^git2"),
            ("1.0^git1", Less, "1.01"),
            ("1.0^20160101", Less, "1.0.1"),
            ("1.0^20160101^git1", Greater, "1.0^20160101"),
            ("1.0^20160102", Greater, "1.0^20160101^git1"),
            ("1.0~rc1^git1", Greater, "1.0~rc1"),
            ("1.0^git1~pre", Less, "1.0^git1"),
            ("1.0^git1", Greater, "1.0^git1~pre"),
            ("1b.fc17", Equal, "1b.fc17"),
            ("1b.fc17", Less, "1.fc17"),
            ("1g.fc17", Greater, "1.fc17"),
            ("1.1.\u{3b1}", Equal, "1.1.\u{3b2}"),
            ("1.0-2", Greater, "1.0-1"),
            ("1.0-1.azl3", Less, "1.0-1.azl4"),
            ("1:1.0-1", Greater, "9.0-9"),
            ("0:1.0-1", Equal, "1.0-1"),
            ("99999999999999999999999", Greater, "99999999999999999999998"),
            ("1.0-1", Greater, "1.0"),
        ]
    };

    #[test]
    fn versions_order_as_rpm_orders_them() {
        for (a, order, b) in TABLE {
            assert_eq!(version(a).cmp(&version(b)), order, "{a} {b}");
            assert_eq!(version(b).cmp(&version(a)), order.reverse(), "{b} {a}");
        }
    }

    #[test]
    fn a_bound_without_release_covers_all_releases() {
        for (version_, order, bound) in [
            ("1.0-5", Ordering::Equal, "1.0"),
            ("1.0-5", Ordering::Less, "1.0-6"),
            ("1:1.0-5", Ordering::Greater, "1.0"),
            ("1.0", Ordering::Equal, "1.0-6"),
        ] {
            assert_eq!(version(version_).cmp_bound(&version(bound)), order, "{version_} {bound}");
        }
    }

    #[test]
    fn parts_are_told_apart() {
        let evr = version("1:3.3.5-4.azl3");
        assert_eq!((evr.epoch(), evr.version(), evr.release()), (1, "3.3.5", Some("4.azl3")));
        assert_eq!(Version::new(1, "3.3.5", "4.azl3").unwrap().as_str(), "1:3.3.5-4.azl3");
        assert_eq!(Version::new(0, "3.3.5", "").unwrap().as_str(), "3.3.5");
        assert_eq!(version("3.3.5").release(), None);
        assert!(Version::new(0, "1:2", "3").is_err() && Version::new(0, "1-2", "3-4").is_err());
        for text in ["", "-1", "1-", "1:", "1 2", "99999999999:1", "1\n"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    /// What rpm says of each pair: one process for all of them.
    fn rpm(pairs: &[(String, String)]) -> Vec<i32> {
        let calls: String =
            pairs.iter().map(|(a, b)| format!("print(rpm.vercmp('{a}','{b}')..' ')")).collect();
        let lua = format!("%{{lua:{calls}}}");
        let out = Command::new("rpm").args(["--eval", &lua]).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        text.split_whitespace().map(|number| number.parse().unwrap()).collect()
    }

    #[test]
    fn the_real_rpm_agrees() {
        if !crate::format::rpm::oracle::have("rpm") {
            return;
        }
        let mut pairs: Vec<(String, String)> = Vec::new();
        let pieces = ["1", "01", "a", "~", "^", ".", "10", "ab", "1.0", "~rc1", "^git", "b2"];
        let words: Vec<String> = (0..pieces.len() * pieces.len())
            .map(|i| format!("1{}{}", pieces[i / pieces.len()], pieces[i % pieces.len()]))
            .collect();
        for (i, a) in words.iter().enumerate() {
            pairs.extend(words.iter().skip(i % 7).step_by(7).map(|b| (a.clone(), b.clone())));
        }
        pairs.extend(TABLE.map(|(a, _, b)| (a.to_owned(), b.to_owned())));
        let said = rpm(&pairs);
        assert_eq!(said.len(), pairs.len());
        for ((a, b), said) in pairs.iter().zip(said) {
            assert_eq!(version(a).cmp(&version(b)) as i32, said, "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in "[0-9a~^+.:-]{1,8}", b in "[0-9a~^+.:-]{1,8}", c in "[0-9a~^+.:-]{1,8}") {
            let parsed: Vec<Version> = [a, b, c].iter().filter_map(|t| t.parse().ok()).collect();
            if let [a, b, c] = &parsed[..] {
                prop_assert_eq!(a.cmp(b), b.cmp(a).reverse());
                if a <= b && b <= c { prop_assert!(a <= c); }
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,20}") {
            if let Ok(version) = text.parse::<Version>() {
                prop_assert_eq!(version.to_string(), text);
                let _ = (version.release(), version.cmp_bound(&version));
            }
        }
    }
}
