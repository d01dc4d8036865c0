//! What the index tables of a database say of a package: rpm's `tag2index`.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::format::rpm::package::header::Header;
use crate::format::rpm::package::tag::Tag;
use crate::format::rpm::rich::Rich;

/// An index table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) tag: Tag,
    pub(crate) shape: Shape,
}

/// The kind of a table's keys, on which its SQL indexes depend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One text a package.
    Text,
    /// Texts, any number.
    Texts,
    /// Bytes.
    Bytes,
}

/// All tables in the order in which rpm makes them.
pub(crate) const TABLES: [Table; 18] = {
    use Shape::{Bytes, Text, Texts};
    const fn table(name: &'static str, tag: Tag, shape: Shape) -> Table {
        Table { name, tag, shape }
    }
    [
        table("Name", Tag::NAME, Text),
        table("Basenames", Tag::BASENAMES, Texts),
        table("Group", Tag::GROUP, Text),
        table("Requirename", Tag::REQUIRENAME, Texts),
        table("Providename", Tag::PROVIDENAME, Texts),
        table("Conflictname", Tag::CONFLICTNAME, Texts),
        table("Obsoletename", Tag::OBSOLETENAME, Texts),
        table("Triggername", Tag::TRIGGERNAME, Texts),
        table("Dirnames", Tag::DIRNAMES, Texts),
        table("Installtid", Tag::INSTALLTID, Bytes),
        table("Sigmd5", Tag::SIGMD5, Bytes),
        table("Sha1header", Tag::SHA1HEADER, Text),
        table("Filetriggername", Tag::FILETRIGGERNAME, Texts),
        table("Transfiletriggername", Tag::TRANSFILETRIGGERNAME, Texts),
        table("Recommendname", Tag::RECOMMENDNAME, Texts),
        table("Suggestname", Tag::SUGGESTNAME, Texts),
        table("Supplementname", Tag::SUPPLEMENTNAME, Texts),
        table("Enhancename", Tag::ENHANCENAME, Texts),
    ]
};

/// The tables in which a rich dependency also stands under each of its operands.
const RICH: [Tag; 6] = [
    Tag::REQUIRENAME,
    Tag::CONFLICTNAME,
    Tag::SUGGESTNAME,
    Tag::SUPPLEMENTNAME,
    Tag::RECOMMENDNAME,
    Tag::ENHANCENAME,
];

/// A row of an index table, but for the number of the package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row<'h> {
    pub(crate) key: Cow<'h, [u8]>,
    /// The place in the array: of file names, the number of the file.
    pub(crate) idx: u32,
}

/// The rows of a package in a table.
pub(crate) fn rows(table: Table, header: &Header) -> Vec<Row<'_>> {
    match table.tag {
        Tag::INSTALLTID => transaction(header),
        Tag::SIGMD5 => {
            header.bin(table.tag).map(|sum| Row { key: sum.into(), idx: 0 }).into_iter().collect()
        }
        // The untranslated text, and a word when there is none.
        Tag::GROUP => {
            let group = header.strings(table.tag).next().unwrap_or(b"Unknown");
            vec![Row { key: group.into(), idx: 0 }]
        }
        Tag::REQUIRENAME => requires(header),
        Tag::TRIGGERNAME => triggers(header),
        Tag::FILETRIGGERNAME => numbered(header, table.tag, Tag::FILETRIGGERINDEX),
        Tag::TRANSFILETRIGGERNAME => numbered(header, table.tag, Tag::TRANSFILETRIGGERINDEX),
        tag if RICH.contains(&tag) => {
            texts(header, tag).flat_map(|(idx, text)| with_operands(idx, text)).collect()
        }
        tag => texts(header, tag).map(|(idx, text)| Row { key: text.into(), idx }).collect(),
    }
}

fn texts(header: &Header, tag: Tag) -> impl Iterator<Item = (u32, &[u8])> {
    (0..).zip(header.strings(tag))
}

/// Numbers stand in the order of the machine's bytes. All machines that matter are little-endian
/// but s390x, where a database would be of its own kind anyway.
fn transaction(header: &Header) -> Vec<Row<'_>> {
    let row = |(idx, tid): (u32, u64)| Row { key: (tid as u32).to_le_bytes().to_vec().into(), idx };
    (0..).zip(header.numbers(Tag::INSTALLTID)).map(row).collect()
}

/// What is needed only while the package is installed is not indexed.
fn requires(header: &Header) -> Vec<Row<'_>> {
    let flags = header.numbers(Tag::REQUIREFLAGS).map(Some).chain(std::iter::repeat(None));
    let lasting = texts(header, Tag::REQUIRENAME)
        .zip(flags)
        .filter(|(_, flags)| !flags.is_some_and(is_transient))
        .map(|(text, _)| text);
    lasting.flat_map(|(idx, text)| with_operands(idx, text)).collect()
}

/// rpm's `isTransientReq`.
pub(crate) fn is_transient(flags: u64) -> bool {
    const PRETRANS: u64 = 1 << 7;
    const POSTTRANS: u64 = 1 << 5;
    const PRE: u64 = 1 << 9;
    const POST: u64 = 1 << 10;
    const PREUN: u64 = 1 << 11;
    const POSTUN: u64 = 1 << 12;
    const RPMLIB: u64 = 1 << 24;
    const KEYRING: u64 = 1 << 26;
    const META: u64 = 1 << 29;
    let for_install = PRE | POST | RPMLIB | KEYRING | PRETRANS | POSTTRANS;
    flags & for_install != 0 && flags & (PREUN | POSTUN) == 0 && flags & META == 0
}

/// The dependency itself and, when it is a rich one, its operands.
fn with_operands(idx: u32, text: &[u8]) -> Vec<Row<'_>> {
    let mut rows = vec![Row { key: text.into(), idx }];
    let rich = text.starts_with(b"(").then(|| std::str::from_utf8(text).ok()).flatten();
    for (negated, name) in rich.and_then(Rich::parse).iter().flat_map(Rich::operands) {
        let key = match negated {
            true => format!("!{name}").into_bytes().into(),
            false => name.as_bytes().into(),
        };
        rows.push(Row { key, idx });
    }
    rows
}

/// A trigger on a name that had one before is not listed again.
fn triggers(header: &Header) -> Vec<Row<'_>> {
    let mut seen = BTreeSet::new();
    let new = texts(header, Tag::TRIGGERNAME).filter(|(_, text)| seen.insert(*text));
    new.map(|(idx, text)| Row { key: text.into(), idx }).collect()
}

/// File triggers are listed by the number of the trigger, not of the name.
fn numbered(header: &Header, names: Tag, numbers: Tag) -> Vec<Row<'_>> {
    let pairs = header.strings(names).zip(header.numbers(numbers));
    pairs.map(|(text, number)| Row { key: text.into(), idx: number as u32 }).collect()
}
