//! Debian versions, ordered as `deb-version(7)` says and `dpkg --compare-versions` does.

use std::cmp::Ordering;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::version::spelled::spelled;

/// A Debian version: `[EPOCH:]UPSTREAM[-REVISION]`.
///
/// Two versions are equal when they compare equal, even when they are spelled differently
/// (`1.0` and `0:1.0-0`); the spelling is kept for printing.
///
/// # Examples
///
/// ```
/// use copa_pkg::version::deb::Version;
/// let (old, new): (Version, Version) = ("3.0.9-1".parse().unwrap(), "3.0.11-1~deb12u2".parse().unwrap());
/// assert!(old < new);
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    text: String,
    epoch: u32,
}

impl Version {
    /// The text as given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Upstream version and revision; a version without revision has an empty one.
    fn parts(&self) -> (&str, &str) {
        let rest = self.text.split_once(':').map_or(self.text.as_str(), |(_, rest)| rest);
        rest.rsplit_once('-').unwrap_or((rest, ""))
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid = |reason: &str| Error::Invalid {
            what: "Debian version",
            text: text.chars().take(200).collect(),
            reason: reason.into(),
        };
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) => {
                let digits = epoch.bytes().all(|b| b.is_ascii_digit());
                let epoch = epoch.parse().ok().filter(|_| digits);
                (epoch.ok_or_else(|| invalid("its epoch is not a number"))?, rest)
            }
            None => (0, text),
        };
        let legal = |b: u8| b.is_ascii_alphanumeric() || b".+-~:".contains(&b);
        if rest.is_empty() || !rest.bytes().all(legal) {
            return Err(invalid("a version is letters, digits and . + - ~ :"));
        }
        Ok(Self { text: text.to_owned(), epoch })
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let ((a, a_revision), (b, b_revision)) = (self.parts(), other.parts());
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| compare(a.as_bytes(), b.as_bytes()))
            .then_with(|| compare(a_revision.as_bytes(), b_revision.as_bytes()))
    }
}

spelled!(Version);

/// Compares alternating runs of non-digits and digits, as dpkg's `verrevcmp` does.
fn compare(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (a_text, a_rest) = split(a, |c| !c.is_ascii_digit());
        let (b_text, b_rest) = split(b, |c| !c.is_ascii_digit());
        let (a_number, a_rest) = split(a_rest, |c| c.is_ascii_digit());
        let (b_number, b_rest) = split(b_rest, |c| c.is_ascii_digit());
        let order = text(a_text, b_text).then_with(|| number(a_number, b_number));
        if order.is_ne() {
            return order;
        }
        (a, b) = (a_rest, b_rest);
    }
    Ordering::Equal
}

fn split(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().position(|&c| !belongs(c)).unwrap_or(bytes.len()))
}

/// A tilde sorts before the end, the end before letters, letters before everything else.
fn text(a: &[u8], b: &[u8]) -> Ordering {
    let weight = |c: Option<&u8>| match c {
        Some(b'~') => -1,
        None => 0,
        Some(&c) if c.is_ascii_alphabetic() => i32::from(c),
        Some(&c) => i32::from(c) + 256,
    };
    (0..a.len().max(b.len()))
        .map(|i| weight(a.get(i)).cmp(&weight(b.get(i))))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Numbers of any length: without leading zeros, the longer one is larger.
fn number(a: &[u8], b: &[u8]) -> Ordering {
    let (_, a) = split(a, |c| c == b'0');
    let (_, b) = split(b, |c| c == b'0');
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn versions_order_as_dpkg_orders_them() {
        for (a, order, b) in [
            ("1.0", Ordering::Equal, "0:1.0-0"),
            ("1.0", Ordering::Equal, "1.0-"),
            ("1.0~rc1", Ordering::Less, "1.0"),
            ("1.0~~", Ordering::Less, "1.0~"),
            ("1.0", Ordering::Less, "1.0+deb12u1"),
            ("1.0a", Ordering::Less, "1.0+"),
            ("2.36-9+deb12u7", Ordering::Less, "2.36-9+deb12u14"),
            ("1:0.1", Ordering::Greater, "9.9"),
            ("1.010", Ordering::Equal, "1.10"),
            ("3.0.17-1~deb12u2", Ordering::Less, "3.0.17-1"),
            ("20230311", Ordering::Less, "20230311+deb12u1"),
            ("99999999999999999999999", Ordering::Greater, "99999999999999999999998"),
            ("1-2-3", Ordering::Less, "1-3-2"),
        ] {
            assert_eq!(version(a).cmp(&version(b)), order, "{a} {b}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", ":1", "a:1", "+1:1", "1 2", "1_2", "1:", "99999999999:1", "é"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in "[0-9a~+.:-]{1,8}", b in "[0-9a~+.:-]{1,8}", c in "[0-9a~+.:-]{1,8}") {
            let parsed: Vec<Version> = [a, b, c].iter().filter_map(|t| t.parse().ok()).collect();
            if let [a, b, c] = &parsed[..] {
                prop_assert_eq!(a.cmp(b), b.cmp(a).reverse());
                if a <= b && b <= c { prop_assert!(a <= c); }
            }
        }
    }
}
