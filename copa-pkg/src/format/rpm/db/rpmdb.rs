//! RPM databases: which one an image has, what it lists, and how it is changed.
//!
//! The database is in `var/lib/rpm` or, on newer systems, in `usr/lib/sysimage/rpm`, and either
//! may be a link to the other. It is kept where it is: scanners look at those very paths, in each
//! layer. Images without any database but with a `container-manifest-2` go by that, and images with
//! both keep both up to date.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::format::rpm::db::database_file::{Database, candidates};
use crate::format::rpm::db::files::{beside, file_like};
use crate::format::rpm::db::installed;
use crate::format::rpm::db::manifest;
use crate::format::rpm::db::manifest::Manifests;
use crate::format::rpm::db::place::same_place;
use crate::format::rpm::db::record;
use crate::format::rpm::db::record::Stamp;
use crate::format::rpm::package::file::PackageFile;
use crate::format::rpm::package::header::Header;
use crate::format::rpm::package::tag::Tag;
use crate::install::change::ChangeSet;
use crate::package::database::{FileSums, PackageDb};
use crate::package::installed::{Installed, each_once};
use crate::package::relation::Relations;
use crate::port::Root;
use crate::version::format::Format;
use crate::warning::{Code, Warning};

/// Binaries of 32 and 64 bits: what most distributions take.
const COLOR: u32 = 3;

/// The most relations of all packages together. A large system has some 200 000.
const RELATIONS: usize = 2_000_000;

/// The packages that an image lists, and where.
#[derive(Debug, Clone)]
pub(crate) struct RpmDb {
    database: Option<Database>,
    manifests: Option<Manifests>,
    installed: Vec<Installed>,
    warnings: Vec<Warning>,
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
        for (path, backend) in candidates(root) {
            found.extend(Database::open(root, path, backend)?);
        }
        let database = found.pop();
        if let (Some(one), Some(other)) = (&database, found.first()) {
            return Err(Error::Unsupported {
                what: "an image with two RPM databases".into(),
                reason: format!("it has {} and {}", other.path.display(), one.path.display()),
            });
        }
        let manifests = Manifests::open(root)?;
        let mut db = Self { database, manifests, installed: Vec::new(), warnings: Vec::new() };
        db.installed = match &db.database {
            Some(database) => {
                each_once(listed(&database.headers, &BTreeSet::new(), &mut db.warnings)?)
            }
            None => each_once(db.manifests.iter().flat_map(from_manifest)),
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

    /// The headers of the installed packages of this name, when there is a database.
    pub(crate) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (u32, &'a Header)> {
        let all = self.database.iter().flat_map(|database| &database.headers);
        all.filter(move |(_, header)| header.text(Tag::NAME).is_some_and(|text| text == name))
            .map(|(number, header)| (*number, header))
    }

    /// The streams of modules that packages are installed of: `nodejs:18`, each once.
    pub(crate) fn streams(&self) -> Vec<String> {
        let headers = self.database.iter().flat_map(|database| &database.headers);
        let labels = headers.filter_map(|(_, header)| header.text(Tag::MODULARITYLABEL));
        // `nodejs:18:9040020240807:rhel9`
        let stream = |label: std::borrow::Cow<'_, str>| {
            let mut parts = label.split(':');
            Some(format!("{}:{}", parts.next()?, parts.next()?))
        };
        labels.filter_map(stream).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The public keys that the database trusts: those of `rpm --import`.
    pub(crate) fn keys(&self) -> Vec<String> {
        let imported = self.headers("gpg-pubkey");
        imported.filter_map(|(_, header)| Some(header.text(Tag::DESCRIPTION)?.into())).collect()
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

    fn check_writable(&self) -> Result<()> {
        self.database.as_ref().map_or(Ok(()), Database::check_writable)
    }
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

#[cfg(test)]
#[path = "tests/rpmdb.rs"]
mod tests;
