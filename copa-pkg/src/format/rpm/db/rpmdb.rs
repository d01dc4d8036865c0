//! RPM databases: which one an image has, what it lists, and how it is changed.
//!
//! The database is in `var/lib/rpm` or, on newer systems, in `usr/lib/sysimage/rpm`, and either
//! may be a link to the other. It is kept where it is: scanners look at those very paths, in each
//! layer. Images without any database but with a `container-manifest-2` go by that, and images with
//! both keep both up to date.

use crate::format::rpm::db::bdb;
use crate::format::rpm::db::manifest;
use crate::format::rpm::db::ndb;
use crate::format::rpm::db::wal;
use std::borrow::Cow;
use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use ::bytes::Bytes;

use crate::error::{Error, Result};
use crate::format::rpm::db::installed;
use crate::format::rpm::db::manifest::Manifests;
use crate::format::rpm::db::record;
use crate::format::rpm::db::record::Stamp;
use crate::format::rpm::db::sqlite::{Replacement, SIZE_MAX, Sqlite};
use crate::format::rpm::package::file::PackageFile;
use crate::format::rpm::package::header::Header;
use crate::format::rpm::package::tag::Tag;
use crate::install::change::{ChangeSet, Content, File};
use crate::package::database::{FileSums, PackageDb};
use crate::package::installed::Installed;
use crate::package::relation::Relations;
use crate::port::{FileKind, Root};
use crate::version::format::Format;
use crate::warning::{Code, Warning};

const DIRECTORIES: [&str; 3] = ["var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"];
const KINDS: [(&str, Kind); 3] =
    [("rpmdb.sqlite", Kind::Sqlite), ("Packages.db", Kind::Ndb), ("Packages", Kind::Bdb)];
/// Binaries of 32 and 64 bits: what most distributions take.
const COLOR: u32 = 3;

/// Most relations of all packages together: a large system has some 200 000.
const RELATIONS: usize = 2_000_000;

/// The kind of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sqlite,
    Ndb,
    Bdb,
}

/// The packages that an image lists, and where.
#[derive(Debug, Clone)]
pub(crate) struct RpmDb {
    database: Option<Database>,
    manifests: Option<Manifests>,
    installed: Vec<Installed>,
    warnings: Vec<Warning>,
}

/// A database file.
#[derive(Debug, Clone)]
struct Database {
    kind: Kind,
    /// Its physical path in the image.
    path: PathBuf,
    headers: Vec<(u32, Header)>,
}

/// A package that was installed, for the record.
#[derive(Debug)]
pub(crate) struct Recorded<'a> {
    /// The package file.
    pub(crate) file: &'a PackageFile,
    /// What became of each of its files: [`record::State`].
    pub(crate) states: Vec<u8>,
}

impl RpmDb {
    /// Finds and reads what the image has. `None` when it has nothing, or nothing in it.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] when it has two databases, [`Error::TooLarge`] and
    /// [`Error::Malformed`] when one cannot be read, [`Error::Root`].
    pub(crate) fn open(root: &dyn Root) -> Result<Option<Self>> {
        let mut found = Vec::new();
        for path in candidates(root) {
            found.extend(Database::open(root, path)?);
        }
        let database = found.pop();
        if let (Some(one), Some(other)) = (&database, found.first()) {
            let paths = format!("{} and {}", other.path.display(), one.path.display());
            return Err(unsupported("an image with two RPM databases", format!("it has {paths}")));
        }
        let manifests = Manifests::open(root)?;
        let mut db = Self { database, manifests, installed: Vec::new(), warnings: Vec::new() };
        db.installed = match &db.database {
            Some(database) => {
                each_once(listed(&database.headers, &BTreeSet::new(), &mut db.warnings)?)
            }
            None => each_once(db.manifests.iter().flat_map(from_manifest).collect()),
        };
        db.warnings.extend(db.manifests.iter().flat_map(|manifests| manifests.warnings.clone()));
        Ok((!db.installed.is_empty()).then_some(db))
    }

    /// The headers of all installed packages, when there is a database.
    pub(crate) fn all_headers(&self) -> impl Iterator<Item = &Header> {
        self.database.iter().flat_map(|database| &database.headers).map(|(_, header)| header)
    }

    /// Whether there is nothing but a manifest, which lists no files.
    pub(crate) fn is_manifest_only(&self) -> bool {
        self.database.is_none()
    }

    /// When the installed package of this name and architecture was built, as the manifest says.
    pub(crate) fn built(&self, name: &str, arch: &str) -> Option<i64> {
        let rows = self.manifests.iter().flat_map(|manifests| manifests.rows());
        let mut of = rows.filter(|row| row.name == name && same_place(&row.arch, arch));
        of.find_map(|row| row.built)
    }

    /// Whether the file at this path may be a part of a database.
    pub(crate) fn is_part(path: &Path) -> bool {
        let is_in = |directory: &str| path.parent() == Some(Path::new(directory));
        let is_file = |(name, _): &(&str, Kind)| path.file_name() == Some(OsStr::new(name));
        let beside = ["rpmdb.sqlite-wal", "rpmdb.sqlite-shm", "rpmdb.sqlite-journal"];
        let is_beside = path.file_name().is_some_and(|name| beside.iter().any(|b| *b == name));
        DIRECTORIES.iter().any(|directory| is_in(directory))
            && (KINDS.iter().any(is_file) || is_beside)
    }

    /// The headers of the installed packages of this name, when there is a database.
    pub(crate) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (u32, &'a Header)> {
        let all = self.database.iter().flat_map(|database| &database.headers);
        all.filter(move |(_, header)| header.text(Tag::NAME).is_some_and(|text| text == name))
            .map(|(number, header)| (*number, header))
    }

    /// Records that these packages were installed, each in place of the one of its name and
    /// architecture, and that others (by name and architecture) are gone. `time`, in seconds since
    /// 1970, is when: one for all, and the name of the transaction.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for databases that cannot be written, [`Error::Malformed`],
    /// [`Error::Root`].
    pub(crate) fn record(
        &self,
        root: &dyn Root,
        packages: &[Recorded<'_>],
        erased: &[(String, String)],
        time: u32,
    ) -> Result<ChangeSet> {
        self.check_writable()?;
        let headers = packages.iter().map(|package| self.header(package, time));
        let headers = headers.collect::<Result<Vec<_>>>()?;
        let mut changes = ChangeSet::new();
        if let Some(database) = &self.database {
            let bytes = database.replaced(root, &headers, erased)?;
            changes.write(&database.path, file_like(root, &database.path, bytes, time));
            for path in ["-wal", "-shm"].map(|end| beside(&database.path, end)) {
                if root.stat(&path).is_some() {
                    changes.remove(path);
                }
            }
        }
        if let Some(manifests) = &self.manifests {
            for (path, bytes) in manifests.updated(&headers.iter().collect::<Vec<_>>(), erased) {
                let file = file_like(root, &path, bytes, time);
                changes.write(path, file);
            }
        }
        Ok(changes)
    }

    /// The header that the database gets for a package.
    fn header(&self, package: &Recorded<'_>, time: u32) -> Result<Header> {
        let header = &package.file.header;
        let name = header.text(Tag::NAME).unwrap_or_default();
        let color = |header: &Header| header.number(Tag::INSTALLCOLOR).map(|color| color as u32);
        let of_old = self.headers(&name).find_map(|(_, old)| color(old));
        let of_any = || self.database.iter().flat_map(|db| &db.headers).find_map(|(_, h)| color(h));
        let color = of_old.or_else(of_any).unwrap_or(COLOR);
        let stamp = Stamp { time, transaction: time, color, states: package.states.clone() };
        record::installed(&name, package.file, &stamp)
    }
}

impl PackageDb for RpmDb {
    fn format(&self) -> Format {
        Format::Rpm
    }

    fn installed(&self) -> &[Installed] {
        &self.installed
    }

    fn providing(&self, paths: &BTreeSet<String>) -> Cow<'_, [Installed]> {
        let headers = self.database.as_ref().map(|database| &database.headers);
        let headers = headers.filter(|_| !paths.is_empty());
        let again = headers.and_then(|all| listed(all, paths, &mut Vec::new()).ok());
        again.map_or_else(|| self.installed().into(), |packages| each_once(packages).into())
    }

    fn knows_relations(&self, package: &Installed) -> bool {
        !package.relations.is_empty()
    }

    /// RPM lists other checksums than MD5, in its headers.
    fn files(&self, _package: &Installed) -> Option<&FileSums> {
        None
    }

    fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    fn streams(&self) -> Vec<String> {
        let headers = self.database.iter().flat_map(|database| &database.headers);
        let labels = headers.filter_map(|(_, header)| header.text(Tag::MODULARITYLABEL));
        // `nodejs:18:9040020240807:rhel9`
        let stream = |label: std::borrow::Cow<'_, str>| {
            let mut parts = label.split(':');
            Some(format!("{}:{}", parts.next()?, parts.next()?))
        };
        labels.filter_map(stream).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn keys(&self) -> Vec<String> {
        let imported = self.headers("gpg-pubkey");
        imported.filter_map(|(_, header)| Some(header.text(Tag::DESCRIPTION)?.into())).collect()
    }

    fn check_writable(&self) -> Result<()> {
        let kind = match self.database.as_ref().map(|database| database.kind) {
            None | Some(Kind::Sqlite) => return Ok(()),
            Some(Kind::Ndb) => "ndb (SUSE's Packages.db)",
            Some(Kind::Bdb) => "Berkeley DB (Packages)",
        };
        let reason = "only rpmdb.sqlite is written; a dry run shows what there is to update";
        Err(unsupported(&format!("updating an RPM database of the kind {kind}"), reason.into()))
    }
}

impl Database {
    /// Reads the file. `None` when it lists nothing.
    fn open(root: &dyn Root, (path, kind): (PathBuf, Kind)) -> Result<Option<Self>> {
        let shown = path.display().to_string();
        let headers = match kind {
            Kind::Sqlite => open_sqlite(root, &path)?.map(|db| db.headers()).transpose()?,
            Kind::Ndb | Kind::Bdb => match read(root, &path, SIZE_MAX)? {
                Some(bytes) if bytes.is_empty() => None,
                Some(bytes) if kind == Kind::Ndb => Some(ndb::headers(&shown, &bytes)?),
                Some(bytes) => Some(bdb::headers(&shown, &bytes)?),
                None => None,
            },
        };
        let headers = headers.filter(|headers| !headers.is_empty());
        Ok(headers.map(|headers| Self { kind, path, headers }))
    }

    /// The database after these packages came and those went.
    fn replaced(
        &self,
        root: &dyn Root,
        new: &[Header],
        erased: &[(String, String)],
    ) -> Result<Bytes> {
        let mut database = open_sqlite(root, &self.path)?.ok_or_else(|| {
            let what = self.path.display().to_string();
            Error::Malformed { what, reason: "it is gone".into() }
        })?;
        let numbers = |goes: &dyn Fn(&str, &str) -> bool| -> Vec<u32> {
            let text = |header: &Header, tag| header.text(tag).unwrap_or_default().into_owned();
            let all = self.headers.iter();
            all.filter(|(_, h)| goes(&text(h, Tag::NAME), &text(h, Tag::ARCH)))
                .map(|(number, _)| *number)
                .collect()
        };
        let replacements = new.iter().map(|header| {
            let [new_name, new_arch] =
                [Tag::NAME, Tag::ARCH].map(|tag| header.text(tag).unwrap_or_default());
            let old = numbers(&|name, arch| name == new_name && same_place(arch, &new_arch));
            Replacement { old, new: header.clone() }
        });
        database.replace(&replacements.collect::<Vec<_>>())?;
        let is_erased =
            |name: &str, arch: &str| erased.iter().any(|(n, a)| (&**n, &**a) == (name, arch));
        database.erase(&numbers(&is_erased))?;
        database.into_bytes()
    }
}

/// Whether a package of this name and the second architecture takes the place of one of the first:
/// a package may come to be for all architectures, or cease to be.
pub(crate) fn same_place(old: &str, new: &str) -> bool {
    old == new || old == "noarch" || new == "noarch"
}

/// Physical paths of the files that may be databases, each once.
fn candidates(root: &dyn Root) -> BTreeMap<PathBuf, Kind> {
    let mut found = BTreeMap::new();
    for directory in DIRECTORIES {
        for (name, kind) in KINDS {
            if let Some(path) = root.real_path(&Path::new(directory).join(name)) {
                found.entry(path).or_insert(kind);
            }
        }
    }
    found
}

/// Opens an SQLite database with its log. `None` when the file is empty or none.
fn open_sqlite(root: &dyn Root, path: &Path) -> Result<Option<Sqlite>> {
    let Some(bytes) = read(root, path, SIZE_MAX)?.filter(|bytes| !bytes.is_empty()) else {
        return Ok(None);
    };
    let journal = beside(path, "-journal");
    if read(root, &journal, SIZE_MAX)?.is_some_and(|journal| !journal.is_empty()) {
        let reason = format!("{} holds a transaction that was not finished", journal.display());
        return Err(unsupported("an RPM database in the middle of a change", reason));
    }
    let log = read(root, &beside(path, "-wal"), SIZE_MAX)?.unwrap_or_default();
    let bytes = wal::apply(&bytes, &log, SIZE_MAX)?;
    Sqlite::open(&path.display().to_string(), &bytes).map(Some)
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(end);
    path.into()
}

/// The content of a regular file, when it is no longer than the limit.
pub(super) fn read(root: &dyn Root, path: &Path, limit: u64) -> Result<Option<Bytes>> {
    match root.stat(path).map(|stat| stat.kind) {
        Some(FileKind::Regular(length)) if length > limit => {
            let what = path.display().to_string();
            Err(Error::TooLarge { what, limit: format!("{limit} bytes") })
        }
        Some(FileKind::Regular(_)) => root.read(path),
        _ => Ok(None),
    }
}

/// A database file in place of the one at this path, with its mode and owner.
fn file_like(root: &dyn Root, path: &Path, bytes: Bytes, time: u32) -> File {
    let stat = root.stat(path);
    let (mode, uid, gid) = stat.map_or((0o644, 0, 0), |stat| (stat.mode, stat.uid, stat.gid));
    let content = Content::Regular(bytes);
    File { content, mode, uid, gid, mtime: time.into(), xattrs: Vec::new() }
}

/// The packages of a database, with those of the paths that they have. What cannot be read is left
/// alone, with a warning.
fn listed(
    headers: &[(u32, Header)],
    paths: &BTreeSet<String>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Installed>> {
    let relations = headers.iter().map(|(_, header)| installed::relation_count(header));
    if relations.sum::<usize>() > RELATIONS {
        let what = "what the installed packages say of each other".into();
        return Err(Error::TooLarge { what, limit: format!("{RELATIONS} relations") });
    }
    let mut packages = Vec::new();
    for (_, header) in headers {
        match installed::package(header) {
            Ok(package) => packages.extend(package.map(|package| (package, header))),
            Err(error) => {
                let name = header.text(Tag::NAME).unwrap_or_default();
                let text = format!("{error}: it is left alone");
                warnings.push(Warning::new(Code::LeftAlone, name, text));
            }
        }
    }
    installed::provide_paths(&mut packages, paths);
    Ok(packages.into_iter().map(|(package, _)| package).collect())
}

/// The packages of a manifest, which does not say what they need.
fn from_manifest(manifests: &Manifests) -> Vec<Installed> {
    let package = |row: &manifest::Row| Installed {
        name: row.name.clone(),
        version: crate::version::any::Version::Rpm(row.version.clone()),
        arch: row.arch.clone(),
        source: installed::source_name(&row.source).unwrap_or(&row.name).into(),
        relations: Relations::default(),
        held: false,
    };
    manifests.rows().iter().map(package).collect()
}

/// Of several of one name and architecture the one with the lowest version, sorted.
fn each_once(packages: Vec<Installed>) -> Vec<Installed> {
    let mut all: BTreeMap<(String, String), Installed> = BTreeMap::new();
    for package in packages {
        match all.entry((package.name.clone(), package.arch.clone())) {
            Slot::Vacant(slot) => drop(slot.insert(package)),
            Slot::Occupied(mut slot) if package.version < slot.get().version => {
                slot.insert(package);
            }
            Slot::Occupied(_) => {}
        }
    }
    all.into_values().collect()
}

fn unsupported(what: &str, reason: String) -> Error {
    Error::Unsupported { what: what.into(), reason }
}

#[cfg(test)]
#[path = "tests/rpmdb.rs"]
mod tests;
