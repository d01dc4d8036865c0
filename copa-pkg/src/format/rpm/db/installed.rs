//! An installed package, out of its header.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::format::rpm::db::index::is_transient;
use crate::format::rpm::package::header::Header;
use crate::format::rpm::package::tag::Tag;
use crate::format::rpm::rich::{exclusion, requirements};
use crate::package::constraint::{Constraint, Operator};
use crate::package::installed::Installed;
use crate::package::relation::Relations;
use crate::package::requirement::Requirement;
use crate::version::rpm::Version;

/// Bits of a relation's flags.
const LESS: u64 = 1 << 1;
const GREATER: u64 = 1 << 2;
const EQUAL: u64 = 1 << 3;

/// The package of a header, without its files. `None` for what is none: a key.
///
/// # Errors
///
/// [`Error::Malformed`] when it lacks a name, a version or an architecture.
pub(crate) fn package(header: &Header) -> Result<Option<Installed>> {
    let name = header.text(Tag::NAME).unwrap_or_default();
    if name == "gpg-pubkey" {
        return Ok(None);
    }
    let malformed = |reason: &str| Error::Malformed {
        what: format!("the installed package `{}`", shown(&name)),
        reason: reason.into(),
    };
    let text = |tag, what: &str| {
        let text = header.text(tag).filter(|text| is_word(text));
        text.ok_or_else(|| malformed(&format!("it has no {what}")))
    };
    let epoch = u32::try_from(header.number(Tag::EPOCH).unwrap_or_default());
    let epoch = epoch.map_err(|_| malformed("its epoch is too large"))?;
    let (version, release) = (text(Tag::VERSION, "version")?, text(Tag::RELEASE, "release")?);
    let source = header.text(Tag::SOURCERPM).unwrap_or_default();
    Ok(Some(Installed {
        name: text(Tag::NAME, "name")?.into_owned(),
        version: crate::version::any::Version::Rpm(Version::new(epoch, &version, &release)?),
        arch: text(Tag::ARCH, "architecture")?.into_owned(),
        source: source_name(&source).unwrap_or(&name).into(),
        relations: relations(header),
        held: false,
    }))
}

/// `openssl` of `openssl-3.3.0-1.azl3.src.rpm`.
pub(crate) fn source_name(file: &str) -> Option<&str> {
    let stem = file.strip_suffix(".src.rpm").or_else(|| file.strip_suffix(".nosrc.rpm"))?;
    stem.rsplitn(3, '-').nth(2).filter(|name| !name.is_empty())
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

fn shown(text: &str) -> String {
    text.chars().take(60).collect::<String>().escape_debug().to_string()
}

/// How many relations its header lists, before any is read: a few bytes of a header become a
/// hundred of a [`Constraint`].
pub(crate) fn relation_count(header: &Header) -> usize {
    let names = [Tag::REQUIRENAME, Tag::PROVIDENAME, Tag::CONFLICTNAME, Tag::OBSOLETENAME];
    let count = |tag| header.entry(tag).map_or(0, |entry| entry.count as usize);
    names.into_iter().map(|tag| count(tag) + operand_count(header, tag)).sum()
}

/// How many operands the rich dependencies among these names may have.
fn operand_count(header: &Header, names: Tag) -> usize {
    let rich = header.strings(names).filter(|name| name.starts_with(b"("));
    let blanks = rich.flatten().filter(|b| b.is_ascii_whitespace() || matches!(b, b',' | 0xb));
    blanks.count() / 2
}

/// What it needs, offers and excludes, as far as that matters to an update: what is needed only
/// while it is installed does not, since nothing of it runs.
fn relations(header: &Header) -> Relations {
    let lasting = |of: &Relation<'_>| !is_transient(of.flags) && !of.name.starts_with("rpmlib(");
    let requires = list(header, [Tag::REQUIRENAME, Tag::REQUIREFLAGS, Tag::REQUIREVERSION]);
    let provides = list(header, [Tag::PROVIDENAME, Tag::PROVIDEFLAGS, Tag::PROVIDEVERSION]);
    let conflicts = list(header, [Tag::CONFLICTNAME, Tag::CONFLICTFLAGS, Tag::CONFLICTVERSION]);
    let obsoletes = list(header, [Tag::OBSOLETENAME, Tag::OBSOLETEFLAGS, Tag::OBSOLETEVERSION]);
    Relations {
        requires: requires.iter().filter(|of| lasting(of)).flat_map(Relation::needs).collect(),
        provides: provides.iter().map(Relation::constraint).collect(),
        conflicts: conflicts.iter().map(Relation::exclusion).collect(),
        replaces: Vec::new(),
        obsoletes: obsoletes.iter().map(Relation::constraint).collect(),
    }
}

/// A relation as a header has it: in three arrays.
pub(crate) struct Relation<'h> {
    pub(crate) name: std::borrow::Cow<'h, str>,
    pub(crate) flags: u64,
    pub(crate) version: std::borrow::Cow<'h, str>,
}

/// The relations of three arrays: names, flags, versions.
pub(crate) fn list(header: &Header, [names, flags, versions]: [Tag; 3]) -> Vec<Relation<'_>> {
    let flags = header.numbers(flags).chain(std::iter::repeat(0));
    let versions = header.texts(versions).chain(std::iter::repeat("".into()));
    let all = header.texts(names).zip(flags).zip(versions);
    all.map(|((name, flags), version)| Relation { name, flags, version }).collect()
}

impl Relation<'_> {
    pub(crate) fn constraint(&self) -> Constraint {
        let version = operator(self.flags).zip(self.version.parse::<Version>().ok());
        let version = version
            .map(|(operator, version)| (operator, crate::version::any::Version::Rpm(version)));
        Constraint { name: self.name.clone().into_owned(), arch: None, version }
    }

    fn needs(&self) -> Vec<Requirement> {
        match self.is_rich() {
            true => requirements(&self.name),
            false => vec![Requirement::One(self.constraint())],
        }
    }

    fn exclusion(&self) -> Requirement {
        match self.is_rich() {
            true => exclusion(&self.name),
            false => Requirement::One(self.constraint()),
        }
    }

    fn is_rich(&self) -> bool {
        self.name.starts_with('(')
    }
}

fn operator(flags: u64) -> Option<Operator> {
    match flags & (LESS | GREATER | EQUAL) {
        LESS => Some(Operator::Less),
        GREATER => Some(Operator::Greater),
        EQUAL => Some(Operator::Equal),
        flags if flags == LESS | EQUAL => Some(Operator::LessOrEqual),
        flags if flags == GREATER | EQUAL => Some(Operator::GreaterOrEqual),
        _ => None,
    }
}

/// The longest path of Linux.
const PATH_MAX: usize = 4096;
/// Most directories of a package: of empty names a header could have a quarter of a billion.
const DIRECTORIES_MAX: usize = 500_000;
/// Bytes in all paths that are added to what packages provide: in a header a path may be a few.
const PATHS_MAX: usize = 64 << 20;

/// Adds to what packages provide the paths that others require of them, and those that somebody
/// asks about, each once.
pub(crate) fn provide_paths(packages: &mut [(Installed, &Header)], asked: &BTreeSet<String>) {
    let required = packages.iter().flat_map(|(package, _)| &package.relations.requires);
    let names = required.flat_map(|need| need.names(true));
    let names = names.filter(|name| name.starts_with('/')).map(String::from);
    let paths: BTreeSet<String> = names.chain(asked.iter().cloned()).collect();
    let ends: BTreeSet<&str> = paths.iter().filter_map(|path| path.rsplit('/').next()).collect();
    let mut left = PATHS_MAX;
    for (package, header) in packages {
        let mut added = BTreeSet::new();
        let directories: Vec<_> = header.texts(Tag::DIRNAMES).take(DIRECTORIES_MAX).collect();
        let files = header.texts(Tag::BASENAMES).zip(header.numbers(Tag::DIRINDEXES));
        for (name, directory) in files.filter(|(name, _)| ends.contains(&**name)) {
            let Some(directory) = directories.get(directory as usize) else { continue };
            if directory.len() + name.len() > PATH_MAX {
                continue;
            }
            let path = paths.get(&format!("{directory}{name}"));
            let Some(path) = path.filter(|path| added.insert(*path)) else { continue };
            let Some(rest) = left.checked_sub(path.len()) else { return };
            left = rest;
            let constraint = Constraint { name: path.clone(), arch: None, version: None };
            package.relations.provides.push(constraint);
        }
    }
}

#[cfg(test)]
#[path = "tests/installed.rs"]
mod tests;
