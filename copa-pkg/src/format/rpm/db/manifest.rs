//! `container-manifest-1` and `-2`: the lists of packages that CBL-Mariner's and Azure Linux's
//! distroless images have in place of a database, or beside one.
//!
//! The second list has ten columns between tabs: name, version and release, time of installation,
//! time of build, vendor, epoch, size, architecture, epoch again as a number, source package. In
//! the sixth, some builders write the epoch and some always `(none)`. The first list has one name a
//! line, as `rpm -qa` prints it, or with a dot after the name. Lines of packages that stay are kept
//! to the byte, and so is the order.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::error::Result;
use crate::format::rpm::db::files::read;
use crate::format::rpm::db::place::same_place;
use crate::format::rpm::package::header::Header;
use crate::format::rpm::package::tag::Tag;
use crate::port::Root;
use crate::version::rpm::Version;
use crate::warning::{Code, Warning};

const DIRECTORY: &str = "var/lib/rpmmanifest";
const NAMES: &str = "container-manifest-1";
const TABLE: &str = "container-manifest-2";
/// The largest list that is read: some 100 bytes a package.
const SIZE_MAX: u64 = 16 << 20;
const COLUMNS: usize = 10;
const NONE: &str = "(none)";

/// Both lists.
#[derive(Debug, Clone)]
pub(crate) struct Manifests {
    table: Lines,
    names: Option<Lines>,
    rows: Vec<Row>,
    pub(crate) warnings: Vec<Warning>,
}

/// A file of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lines {
    /// Its physical path in the image.
    pub(crate) path: PathBuf,
    lines: Vec<Vec<u8>>,
    /// Whether the last line ends.
    ended: bool,
}

/// A package in the second list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// Which line says so.
    line: usize,
    pub(crate) name: String,
    pub(crate) version: Version,
    pub(crate) arch: String,
    /// When it was built, in seconds since 1970.
    pub(crate) built: Option<i64>,
    /// The name of the source package's file.
    pub(crate) source: String,
}

impl Manifests {
    /// Reads the lists. `None` when the image has no second one: the first one alone does not say
    /// enough, and no scanner reads it.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`], [`Error::Root`].
    pub(crate) fn open(root: &dyn Root) -> Result<Option<Self>> {
        let Some(table) = Lines::read(root, TABLE)? else { return Ok(None) };
        let names = Lines::read(root, NAMES)?;
        let (mut rows, mut warnings) = (Vec::new(), Vec::new());
        for (line, text) in table.lines.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
            match Row::parse(line, text) {
                Some(row) => rows.push(row),
                // Keys stand among the packages when the builder did not take them out.
                None if text.starts_with(b"gpg-pubkey\t") => {}
                None => {
                    let (path, line) = (table.path.display(), line + 1);
                    let text = format!("{path} line {line} is left alone: it is no package");
                    warnings.push(Warning::new(Code::LeftAlone, path, text));
                }
            }
        }
        Ok(Some(Self { table, names, rows, warnings }))
    }

    /// The packages that the second list has.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The lists after these packages came and these (name and architecture) went.
    pub(crate) fn updated(
        &self,
        new: &[&Header],
        erased: &[(String, String)],
    ) -> Vec<(PathBuf, Bytes)> {
        let mut table = Edit::of(&self.table);
        let mut names = self.names.as_ref().map(Edit::of);
        for header in new {
            let old: Vec<&Row> = self.rows.iter().filter(|row| row.gives_way_to(header)).collect();
            let style = old.first().and_then(|row| self.table.lines.get(row.line));
            let line = row_of(header, style.map_or(&[], Vec::as_slice));
            let lines: Vec<usize> = old.iter().map(|row| row.line).collect();
            table.replace(&lines, line);
            if let (Some(names), Some(list)) = (&mut names, &self.names) {
                let lines: Vec<usize> = old.iter().filter_map(|row| list.place(row)).collect();
                let dotted = lines.first().map_or_else(
                    || self.is_dotted(),
                    |&line| {
                        old.iter().any(|row| list.lines.get(line) == Some(&row.name_line(true)))
                    },
                );
                names.replace(&lines, name_line(header, dotted));
            }
        }
        let is_erased =
            |row: &&Row| erased.iter().any(|(name, arch)| *name == row.name && *arch == row.arch);
        for row in self.rows.iter().filter(is_erased) {
            table.remove(row.line);
            if let (Some(names), Some(list)) = (&mut names, &self.names) {
                list.place(row).into_iter().for_each(|line| names.remove(line));
            }
        }
        [Some(table), names].into_iter().flatten().map(Edit::finish).collect()
    }

    /// Whether most lines of the first list have a dot after the name.
    fn is_dotted(&self) -> bool {
        let Some(list) = &self.names else { return false };
        let of = |dotted| {
            self.rows.iter().filter(|row| list.lines.contains(&row.name_line(dotted))).count()
        };
        of(true) > of(false)
    }
}

impl Lines {
    fn read(root: &dyn Root, name: &str) -> Result<Option<Self>> {
        let Some(path) = root.real_path(&Path::new(DIRECTORY).join(name)) else { return Ok(None) };
        let Some(bytes) = read(root, &path, SIZE_MAX)? else { return Ok(None) };
        let ended = bytes.last().is_none_or(|&byte| byte == b'\n');
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::to_vec);
        let lines = if bytes.is_empty() { Vec::new() } else { lines.collect() };
        Ok(Some(Self { path, lines, ended }))
    }

    /// The line of the first list that is about this package.
    fn place(&self, row: &Row) -> Option<usize> {
        let spellings = [false, true].map(|dotted| row.name_line(dotted));
        self.lines.iter().position(|line| spellings.contains(line))
    }
}

impl Row {
    fn parse(line: usize, text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let columns: Vec<&str> = text.split('\t').collect();
        let &[name, evr, _, built, _, _, _, arch, epoch, source] = columns.as_slice() else {
            return None;
        };
        if name.is_empty() || arch.is_empty() || arch == NONE {
            return None;
        }
        let (version, release) = evr.rsplit_once('-')?;
        let epoch = if epoch == NONE { 0 } else { epoch.parse().ok()? };
        let version = Version::new(epoch, version, release).ok()?;
        Some(Self {
            line,
            name: name.into(),
            version,
            arch: arch.into(),
            built: built.parse().ok(),
            source: source.into(),
        })
    }

    /// What the first list has for it.
    fn name_line(&self, dotted: bool) -> Vec<u8> {
        let release = self.version.release().unwrap_or_default();
        spelled(&self.name, self.version.version(), release, &self.arch, dotted)
    }

    fn gives_way_to(&self, header: &Header) -> bool {
        let text = |tag| header.text(tag).unwrap_or_default();
        text(Tag::NAME) == self.name && same_place(&self.arch, &text(Tag::ARCH))
    }
}

fn name_line(header: &Header, dotted: bool) -> Vec<u8> {
    let [name, version, release, arch] = [Tag::NAME, Tag::VERSION, Tag::RELEASE, Tag::ARCH]
        .map(|tag| header.text(tag).unwrap_or(NONE.into()));
    spelled(&name, &version, &release, &arch, dotted)
}

fn spelled(name: &str, version: &str, release: &str, arch: &str, dotted: bool) -> Vec<u8> {
    let divider = if dotted { '.' } else { '-' };
    format!("{name}{divider}{version}-{release}.{arch}").into_bytes()
}

/// The line of the second list for an installed package, in the style of another line.
fn row_of(header: &Header, style: &[u8]) -> Vec<u8> {
    let text = |tag| header.text(tag).unwrap_or(NONE.into()).into_owned();
    let number = |tag| header.number(tag).map_or(NONE.to_owned(), |number| number.to_string());
    let epoch = header.number(Tag::EPOCH);
    // One scanner reads the epoch here first and another never, so one above zero is written
    // whatever the style. For zero, as the line before had it.
    let zero = style.split(|&byte| byte == b'\t').nth(5) == Some(b"0");
    let shown = match epoch {
        Some(epoch) if epoch > 0 => epoch.to_string(),
        Some(_) if zero => "0".to_owned(),
        _ => NONE.to_owned(),
    };
    let columns: [String; COLUMNS] = [
        text(Tag::NAME),
        format!("{}-{}", text(Tag::VERSION), text(Tag::RELEASE)),
        number(Tag::INSTALLTIME),
        number(Tag::BUILDTIME),
        text(Tag::VENDOR),
        shown,
        number(Tag::SIZE),
        text(Tag::ARCH),
        epoch.unwrap_or_default().to_string(),
        text(Tag::SOURCERPM),
    ];
    // A tab or a line break in a header must not make two columns or lines of one.
    columns.map(|column| column.replace(['\t', '\n'], " ")).join("\t").into_bytes()
}

/// A list while it is changed.
struct Edit<'a> {
    of: &'a Lines,
    /// Lines in place of old ones; `None` where one goes.
    lines: Vec<Option<Vec<u8>>>,
    new: Vec<Vec<u8>>,
}

impl<'a> Edit<'a> {
    fn of(of: &'a Lines) -> Self {
        Self { of, lines: of.lines.iter().cloned().map(Some).collect(), new: Vec::new() }
    }

    /// Puts the line in the place of the first of these, and takes the others out.
    fn replace(&mut self, old: &[usize], line: Vec<u8>) {
        for &old in old {
            self.remove(old);
        }
        match old.first().and_then(|&first| self.lines.get_mut(first)) {
            Some(place) => *place = Some(line),
            None => self.new.push(line),
        }
    }

    fn remove(&mut self, line: usize) {
        self.lines.get_mut(line).into_iter().for_each(|line| *line = None);
    }

    fn finish(self) -> (PathBuf, Bytes) {
        let mut lines: Vec<Vec<u8>> = self.lines.into_iter().flatten().collect();
        let sorted = self.of.lines.is_sorted();
        for line in self.new {
            let sorted_place = lines.partition_point(|before| *before < line);
            lines.insert(if sorted { sorted_place } else { lines.len() }, line);
        }
        let mut bytes = lines.join(&b'\n');
        if self.of.ended && !lines.is_empty() {
            bytes.push(b'\n');
        }
        (self.of.path.clone(), bytes.into())
    }
}

#[cfg(test)]
#[path = "tests/manifest.rs"]
mod tests;
