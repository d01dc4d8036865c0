//! The strings of the cache: in which order they sort, and the table that holds them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use bytes::Bytes;

/// How glibc orders library names: runs of digits by their value, and after everything else.
pub(super) fn compare_names(mut one: &[u8], mut other: &[u8]) -> Ordering {
    loop {
        match (take(&mut one), take(&mut other)) {
            (None, None) => return Ordering::Equal,
            (one, other) if one != other => return one.cmp(&other),
            _ => {}
        }
    }
}

/// A part of a name, in its order; the end of the name comes before all.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Byte(u8),
    Number(u64),
}

fn take(name: &mut &[u8]) -> Option<Part> {
    let digits = name.iter().take_while(|b| b.is_ascii_digit()).count();
    let (head, rest) = name.split_at(digits.max(1).min(name.len()));
    *name = rest;
    let value = |n: u64, b: &u8| n.saturating_mul(10).saturating_add(u64::from(b - b'0'));
    match (digits, head) {
        (0, []) => None,
        (0, [byte, ..]) => Some(Part::Byte(*byte)),
        _ => Some(Part::Number(head.iter().fold(0, value))),
    }
}

/// Strings that end with a zero byte, after each other. One that another ends with is a part of
/// that one.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) bytes: Vec<u8>,
    places: BTreeMap<Bytes, u32>,
}

impl Table {
    /// The table of these strings.
    pub(super) fn of(strings: impl Iterator<Item = Bytes>) -> Self {
        let mut strings: Vec<Bytes> = strings.collect();
        // What ends alike stands together, the longest first.
        strings.sort_by(|one, other| other.iter().rev().cmp(one.iter().rev()));
        strings.dedup();
        let mut table = Self::default();
        let mut previous = (Bytes::new(), 0);
        for string in strings {
            let (before, place) = &previous;
            let into = before.len().saturating_sub(string.len());
            let shared = place + into;
            let is_new = !before.ends_with(&string) || table.bytes.is_empty();
            let place = if is_new { table.bytes.len() } else { shared };
            if is_new {
                table.bytes.extend_from_slice(&string);
                table.bytes.push(0);
            }
            table.places.insert(string.clone(), u32::try_from(place).unwrap_or(u32::MAX));
            previous = (string, place);
        }
        table
    }

    /// Where the string is in the table.
    pub(super) fn place(&self, string: &Bytes) -> u32 {
        self.places.get(string).copied().unwrap_or_default()
    }
}
