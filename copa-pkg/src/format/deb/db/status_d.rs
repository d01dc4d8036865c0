//! The distroless package database: `var/lib/dpkg/status.d/`, one file a package.
//!
//! A file is the package's `control`, without `Status`; beside it may be a file of the same name
//! with `.md5sums` at its end. What a file is called depends on what built the image: the name of
//! the package (`base-files`), the name up to its first odd character (`base`), or the name in
//! base64. So files are told by their content, and keep their names.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::format::deb::control;
use crate::format::deb::control::{Stanza, source_name};
use crate::format::deb::relation::{is_arch, is_package_name, relations};
use crate::package::database::{FileSums, PackageDb};
use crate::package::installed::{Installed, each_once};
use crate::port::{FileKind, Root};
use crate::version::deb::Version;
use crate::version::format::Format;
use crate::warning::{Code, Warning};

const DIRECTORY: &str = "var/lib/dpkg/status.d";
const FULL: &str = "var/lib/dpkg/status";
const MD5SUMS: &str = ".md5sums";
/// The most files in the directory. A Debian desktop has some 3000 packages.
const FILES: usize = 20_000;
/// The longest `control` that is read. Scanners give up at 128 KiB.
const CONTROL: u64 = 1 << 20;
/// The longest `.md5sums` that is read. The largest packages of Debian have some 5 MB.
const SUMS: u64 = 64 << 20;
/// How much is read of the whole directory: three times a Debian desktop.
const WHOLE: Left =
    Left { control: 64 << 20, sums: 128 << 20, lines: 1_000_000, relations: 500_000 };
/// The longest path that is listed, and the deepest.
const PATH_MAX: usize = 4096;
const DEPTH_MAX: usize = 128;

/// The database.
#[derive(Debug, Clone)]
pub(crate) struct StatusD {
    /// The files, sorted by path. Two of them may be about the same package: both are kept up to
    /// date, or scanners would go on to see the older one.
    pub(crate) entries: Vec<StatusFile>,
    /// The physical path of the directory.
    pub(crate) dir: PathBuf,
    installed: Vec<Installed>,
    warnings: Vec<Warning>,
}

/// What may still be read: bytes of `control` and of `.md5sums`, lines of those, relations.
///
/// Names may be links, all of them to one file: it is what is read that is counted.
#[derive(Debug, Clone, Copy)]
struct Left {
    control: u64,
    sums: u64,
    lines: u64,
    relations: u64,
}

/// One file of the database.
#[derive(Debug, Clone)]
pub(crate) struct StatusFile {
    /// Its physical path in the image.
    pub(crate) file: PathBuf,
    /// The physical path of its `.md5sums`, when there is one.
    pub(crate) md5sums: Option<PathBuf>,
    /// What it says.
    pub(crate) installed: Installed,
    /// What its `.md5sums` lists: clean paths below the root, as in the package.
    pub(crate) files: FileSums,
}

impl StatusD {
    /// Reads the database. `None` when the image has none.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] when a full dpkg database lists packages beside it,
    /// [`Error::TooLarge`] when there is too much to read, [`Error::Root`] when it cannot be read.
    pub(crate) fn open(root: &dyn Root) -> Result<Option<Self>> {
        Self::open_within(root, WHOLE)
    }

    fn open_within(root: &dyn Root, left: Left) -> Result<Option<Self>> {
        let Some(dir) = root.real_path(Path::new(DIRECTORY)) else { return Ok(None) };
        let names = root.list(&dir);
        if names.len() > FILES {
            return Err(too_large(&dir, format!("{FILES} files")));
        }
        let (entries, installed, warnings) = Default::default();
        let mut db = Self { entries, dir, installed, warnings };
        db.read(root, &names, left)?;
        if db.entries.is_empty() {
            return Ok(None);
        }
        refuse_full(root)?;
        db.installed = each_once(db.entries.iter().map(|entry| entry.installed.clone()));
        Ok(Some(db))
    }

    /// The files that are about this package.
    pub(crate) fn entries_of(&self, name: &str, arch: &str) -> impl Iterator<Item = &StatusFile> {
        self.entries.iter().filter(move |e| e.installed.name == name && e.installed.arch == arch)
    }

    /// Reads each file once. Names that are links to it stand for it, and go on to do so.
    fn read(&mut self, root: &dyn Root, names: &[OsString], mut left: Left) -> Result<()> {
        let mut seen = BTreeSet::new();
        for name in names.iter().filter(|name| !is_md5sums(name)) {
            let name = self.dir.join(name);
            let Some(file) = root.real_path(&name) else { continue };
            if seen.insert(file.clone()) {
                self.add(root, &name, file, &mut left)?;
            }
        }
        self.entries.sort_by(|a, b| a.file.cmp(&b.file));
        Ok(())
    }

    /// Adds one file, or a warning when it claims to be about a package and cannot be read.
    fn add(&mut self, root: &dyn Root, name: &Path, file: PathBuf, left: &mut Left) -> Result<()> {
        let Some(control) = read(root, &file, CONTROL)? else { return Ok(()) };
        spend(&mut left.control, control.len(), &self.dir, "64 MiB of packages")?;
        if !claims_a_package(&control) {
            return Ok(());
        }
        let installed = match parse_installed(&String::from_utf8_lossy(&control)) {
            Ok(installed) => installed,
            Err(error) => {
                let file = file.display();
                let text = format!("{file} is left alone: {error}");
                self.warnings.push(Warning::new(Code::LeftAlone, file, text));
                return Ok(());
            }
        };
        spend(&mut left.relations, installed.relations.count(), &self.dir, "500,000 relations")?;
        let (md5sums, files) = match self.sums(root, &file, left)? {
            None if name != file => self.sums(root, name, left)?,
            sums => sums,
        }
        .unzip();
        self.entries.push(StatusFile {
            file,
            md5sums,
            installed,
            files: files.unwrap_or_default(),
        });
        Ok(())
    }

    /// The `.md5sums` beside a file, and what it lists.
    fn sums(
        &mut self,
        root: &dyn Root,
        file: &Path,
        left: &mut Left,
    ) -> Result<Option<(PathBuf, FileSums)>> {
        let mut path = OsString::from(file);
        path.push(MD5SUMS);
        let path = PathBuf::from(path);
        let Some(bytes) = read(root, &path, SUMS)? else { return Ok(None) };
        spend(&mut left.sums, bytes.len(), &self.dir, "128 MiB of checksums")?;
        let lines = memchr::memchr_iter(b'\n', &bytes).count();
        spend(&mut left.lines, lines, &self.dir, "a million checksums")?;
        let (files, refused) = parse_md5sums(&bytes);
        if refused > 0 {
            let path = path.display();
            let text = format!("{path} has {refused} lines that are no checksum of a path");
            self.warnings.push(Warning::new(Code::LeftAlone, path, text));
        }
        Ok(Some((path, files)))
    }
}

/// Counts what is read of the directory.
fn spend(left: &mut u64, read: usize, dir: &Path, limit: &str) -> Result<()> {
    let rest = left.checked_sub(read as u64);
    *left = rest.ok_or_else(|| too_large(dir, limit.into()))?;
    Ok(())
}

impl PackageDb for StatusD {
    fn format(&self) -> Format {
        Format::Deb
    }

    fn installed(&self) -> &[Installed] {
        &self.installed
    }

    fn files(&self, package: &Installed) -> Option<&FileSums> {
        let mut entries = self.entries_of(&package.name, &package.arch);
        entries.find(|entry| entry.md5sums.is_some()).map(|entry| &entry.files)
    }

    fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

/// A full database beside this one would go on to list the old versions.
fn refuse_full(root: &dyn Root) -> Result<()> {
    let Some(status) = root.read(Path::new(FULL))? else { return Ok(()) };
    if status.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    Err(Error::Unsupported {
        what: "an image with two package databases".into(),
        reason: format!("it has {DIRECTORY} and a full dpkg database, {FULL}"),
    })
}

/// The content of a regular file, when it is no longer than the limit.
fn read(root: &dyn Root, path: &Path, limit: u64) -> Result<Option<Bytes>> {
    let Some(path) = root.real_path(path) else { return Ok(None) };
    match root.stat(&path).map(|stat| stat.kind) {
        Some(FileKind::Regular(length)) if length > limit => {
            Err(too_large(&path, format!("{limit} bytes")))
        }
        Some(FileKind::Regular(_)) => root.read(&path),
        _ => Ok(None),
    }
}

fn is_md5sums(name: &OsStr) -> bool {
    name.as_bytes().ends_with(MD5SUMS.as_bytes())
}

/// Whether a line begins with `Package:`. Other files are left alone without a warning.
fn claims_a_package(control: &[u8]) -> bool {
    let field = |line: &[u8]| line.get(..8).is_some_and(|l| l.eq_ignore_ascii_case(b"package:"));
    control.split(|&b| b == b'\n').any(field)
}

/// Reads the stanza of an installed package.
fn parse_installed(text: &str) -> Result<Installed> {
    let stanza = Stanza::parse(text)?;
    let name = stanza.require("Package")?;
    let arch = stanza.require("Architecture")?;
    if !is_package_name(name) || !is_arch(arch) {
        return Err(control::malformed(format!("`{}` is no package", control::shown(name))));
    }
    let status: Vec<&str> = stanza.get("Status").unwrap_or_default().split_whitespace().collect();
    if status.iter().any(|word| ["deinstall", "purge", "not-installed"].contains(word)) {
        return Err(control::malformed(format!("{name} is not installed")));
    }
    Ok(Installed {
        name: name.into(),
        version: crate::version::any::Version::Deb(stanza.require("Version")?.parse::<Version>()?),
        arch: arch.into(),
        source: source_name(&stanza, name).into(),
        relations: relations(&stanza)?,
        held: status.first() == Some(&"hold"),
    })
}

/// Reads `.md5sums`: 32 hexadecimal digits, two blanks, a path below the root. Also says how many
/// lines were not that.
pub(crate) fn parse_md5sums(bytes: &[u8]) -> (FileSums, usize) {
    let mut files = FileSums::new();
    let mut refused = 0;
    for line in bytes.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
        match parse_md5sum(line) {
            Some((path, sum)) => drop(files.insert(path, sum)),
            None => refused += 1,
        }
    }
    (files, refused)
}

fn parse_md5sum(line: &[u8]) -> Option<(PathBuf, [u8; 16])> {
    let (digits, path) = line.split_at_checked(32)?;
    let path = path.strip_prefix(b"  ").or_else(|| path.strip_prefix(b" *"))?;
    let mut sum = [0; 16];
    hex::decode_to_slice(digits, &mut sum).ok()?;
    clean(Path::new(OsStr::from_bytes(path))).map(|path| (path, sum))
}

/// The path without `./` before it; `None` when it leaves the root or is the root, or no package
/// can have it.
fn clean(path: &Path) -> Option<PathBuf> {
    if path.as_os_str().len() > PATH_MAX || path.components().count() > DEPTH_MAX {
        return None;
    }
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) if !name.as_bytes().contains(&0) => clean.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    (!clean.as_os_str().is_empty()).then_some(clean)
}

fn too_large(path: &Path, limit: String) -> Error {
    Error::TooLarge { what: path.display().to_string(), limit }
}

#[cfg(test)]
#[path = "tests/status_d.rs"]
mod tests;
