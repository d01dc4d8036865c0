//! One database file: which backend wrote it, its headers, and how packages are replaced in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::format::rpm::db::bdb;
use crate::format::rpm::db::files::{beside, read};
use crate::format::rpm::db::ndb;
use crate::format::rpm::db::place::same_place;
use crate::format::rpm::db::sqlite::{Replacement, SIZE_MAX, Sqlite};
use crate::format::rpm::db::wal;
use crate::format::rpm::package::header::Header;
use crate::format::rpm::package::tag::Tag;
use crate::port::Root;

pub(crate) const DIRECTORIES: [&str; 3] = ["var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"];
/// The files that are parts of a database: those of [`BACKENDS`], and what SQLite keeps beside its own.
pub(crate) const FILES: [&str; 6] = [
    "rpmdb.sqlite",
    "rpmdb.sqlite-wal",
    "rpmdb.sqlite-shm",
    "rpmdb.sqlite-journal",
    "Packages.db",
    "Packages",
];
const BACKENDS: [(&str, Backend); 3] =
    [("rpmdb.sqlite", Backend::Sqlite), ("Packages.db", Backend::Ndb), ("Packages", Backend::Bdb)];
/// The backend that wrote a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backend {
    Sqlite,
    Ndb,
    Bdb,
}

/// A database file.
#[derive(Debug, Clone)]
pub(super) struct Database {
    pub(super) backend: Backend,
    /// Its physical path in the image.
    pub(super) path: PathBuf,
    pub(super) headers: Vec<(u32, Header)>,
}

impl Database {
    /// Reads the file. `None` when it lists nothing.
    pub(super) fn open(root: &dyn Root, path: PathBuf, backend: Backend) -> Result<Option<Self>> {
        let shown = path.display().to_string();
        let headers = match backend {
            Backend::Sqlite => open_sqlite(root, &path)?.map(|db| db.headers()).transpose()?,
            Backend::Ndb | Backend::Bdb => match read(root, &path, SIZE_MAX)? {
                Some(bytes) if bytes.is_empty() => None,
                Some(bytes) if backend == Backend::Ndb => Some(ndb::headers(&shown, &bytes)?),
                Some(bytes) => Some(bdb::headers(&shown, &bytes)?),
                None => None,
            },
        };
        let headers = headers.filter(|headers| !headers.is_empty());
        Ok(headers.map(|headers| Self { backend, path, headers }))
    }

    /// The database after these packages came and those went.
    pub(super) fn replaced(
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

    /// Whether it can be changed.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] when its backend can only be read.
    pub(super) fn check_writable(&self) -> Result<()> {
        let backend = match self.backend {
            Backend::Sqlite => return Ok(()),
            Backend::Ndb => "ndb (SUSE's Packages.db)",
            Backend::Bdb => "Berkeley DB (Packages)",
        };
        let reason = "only rpmdb.sqlite is written; a dry run shows what there is to update";
        Err(unsupported(&format!("updating an RPM database of the kind {backend}"), reason.into()))
    }
}

/// Physical paths of the files that may be databases, each once.
pub(super) fn candidates(root: &dyn Root) -> BTreeMap<PathBuf, Backend> {
    let mut found = BTreeMap::new();
    for directory in DIRECTORIES {
        for (name, backend) in BACKENDS {
            if let Some(path) = root.real_path(&Path::new(directory).join(name)) {
                found.entry(path).or_insert(backend);
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

fn unsupported(what: &str, reason: String) -> Error {
    Error::Unsupported { what: what.into(), reason }
}
