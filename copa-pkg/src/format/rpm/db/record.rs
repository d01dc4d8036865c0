//! What rpm keeps of a package once it is installed: the header of the package file, with its
//! signatures, and what is only known then.

use std::fmt;

use crate::error::{Error, Result};
use crate::format::rpm::package::file::PackageFile;
use crate::format::rpm::package::header::{Header, Type, Value};
use crate::format::rpm::package::tag::Tag;

/// What is only known when a package is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// When, in seconds since 1970.
    pub(crate) time: u32,
    /// The name of the transaction, one for all packages of a run: when it began.
    pub(crate) transaction: u32,
    /// The kinds of binaries that the system takes (1 is 32-bit, 2 is 64-bit): a setting of the
    /// distribution.
    pub(crate) color: u32,
    /// What became of each file: see [`State`].
    pub(crate) states: Vec<u8>,
}

/// What became of a file of a package: rpm's `rpmfileState`.
pub(crate) struct State;

impl State {
    /// It is there.
    pub(crate) const NORMAL: u8 = 0;
    /// It was left out, as documentation is when asked to.
    pub(crate) const NOT_INSTALLED: u8 = 2;
    /// Others share its file system: not touched. Above it only the wrong colour.
    pub(crate) const NET_SHARED: u8 = 3;
}

/// A tag of the signature header and the tag that it becomes in the header: rpm's `xlateTags`.
struct Translation {
    from: u32,
    to: u32,
    kind: Type,
    /// How many values it has; 0 for any number.
    count: u32,
    /// It may be in either header, only not in both.
    either: bool,
}

const fn tag(from: u32, to: u32, kind: Type, count: u32) -> Translation {
    Translation { from, to, kind, count, either: false }
}

const TRANSLATIONS: [Translation; 17] = [
    tag(1000, 257, Type::Int32, 1),
    tag(1002, 259, Type::Bin, 0),
    tag(1004, 261, Type::Bin, 16),
    tag(1005, 262, Type::Bin, 0),
    Translation { either: true, ..tag(1007, 1046, Type::Int32, 1) },
    Translation { either: true, ..tag(274, 5090, Type::StringArray, 0) },
    Translation { either: true, ..tag(275, 5091, Type::Int32, 1) },
    tag(267, 267, Type::Bin, 0),
    tag(268, 268, Type::Bin, 0),
    tag(269, 269, Type::String, 1),
    tag(270, 270, Type::Int64, 1),
    tag(271, 271, Type::Int64, 1),
    tag(273, 273, Type::String, 1),
    tag(276, 276, Type::StringArray, 0),
    tag(277, 277, Type::Int32, 1),
    tag(278, 278, Type::StringArray, 0),
    tag(279, 279, Type::String, 1),
];

/// The header that the database holds of an installed package. `what` names it in errors.
///
/// # Errors
///
/// [`Error::Malformed`] when a signature tag is not what it should be, or the states are not as
/// many as the files.
pub(crate) fn installed(
    what: impl fmt::Display,
    file: &PackageFile,
    stamp: &Stamp,
) -> Result<Header> {
    let fail = |reason: String| Error::Malformed { what: what.to_string(), reason };
    let mut values: Vec<Value> = file.header.dribbles().collect();
    values.extend(signatures(file).map_err(fail)?);
    let files = file.header.strings(Tag::BASENAMES).count();
    if files != stamp.states.len() {
        return Err(fail(format!("{files} files, {} states", stamp.states.len())));
    }
    if files > 0 {
        values.push(Value::chars(Tag::FILESTATES, &stamp.states));
    }
    values.push(Value::int32(Tag::INSTALLTIME, &[stamp.time]));
    values.push(Value::int32(Tag::INSTALLCOLOR, &[stamp.color]));
    values.push(Value::int32(Tag::INSTALLTID, &[stamp.transaction]));
    if let Some(prefixes) = file.header.value(Tag::PREFIXES) {
        values.push(Value { tag: Tag::INSTPREFIXES, ..prefixes });
    }
    // Without it rpm takes the package for source code.
    if !file.header.has(Tag::SOURCERPM) && !file.header.has(Tag::SOURCEPACKAGE) {
        values.push(Value::string(Tag::SOURCERPM, "(none)"));
    }
    let blob = file.header.with_dribbles(values);
    let blob = blob.ok_or_else(|| fail("its header would be too large".into()))?;
    Header::parse(&what, blob)
}

/// What the signature header says, under the tags of the main header.
fn signatures(file: &PackageFile) -> Result<Vec<Value>, String> {
    let mut values = Vec::new();
    // Since version 6, the old tags only fill space.
    let legacy = file.header.number(Tag::RPMFORMAT).is_none_or(|format| format < 6);
    for translation in TRANSLATIONS.iter().filter(|tag| legacy || tag.from < 1000) {
        let value = file.signature.value(Tag(translation.from));
        if file.header.has(Tag(translation.to)) && !(translation.either && value.is_none()) {
            return Err(format!("its header holds tag {} of signatures", translation.to));
        }
        let Some(value) = value else { continue };
        if value.kind != translation.kind
            || (translation.count != 0 && value.count != translation.count)
        {
            return Err(format!(
                "its signature tag {} has another type or count",
                translation.from
            ));
        }
        values.push(Value { tag: Tag(translation.to), ..value });
    }
    Ok(values)
}

#[cfg(test)]
#[path = "tests/record.rs"]
mod tests;
