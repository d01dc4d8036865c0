//! What is read of RPM's packages, databases and repositories, as functions of bytes.

pub(crate) mod facts;

use std::path::Path;

use bytes::Bytes;
use url::Url;

use crate::fixture::root::MemoryRoot;
use crate::format::rpm::db::index::{TABLES, rows};
use crate::format::rpm::db::installed;
use crate::format::rpm::db::record;
use crate::format::rpm::db::record::Stamp;
use crate::format::rpm::db::rpmdb::RpmDb;
use crate::format::rpm::package::archive::{Archive, Kind};
use crate::format::rpm::package::cpio::{Entry, Reader};
use crate::format::rpm::package::header::Header;
use crate::format::rpm::package::verify;
use crate::format::rpm::repo::filter::Filter;
use crate::format::rpm::repo::metalink::{Metalink, mirror_list};
use crate::format::rpm::repo::modules::Modules;
use crate::format::rpm::repo::primary::Scanner;
use crate::format::rpm::repo::repomd::Repomd;
use crate::format::rpm::rules::RULES;
use crate::fuzz::now;
use crate::package::database::PackageDb;
use crate::repository::catalog::Catalog;
use crate::trust::openpgp::{Keyring, Moment};
use crate::unpack::decompress::Budget;

/// A header as a database holds it.
pub fn header(blob: &[u8]) {
    if let Ok(header) = Header::parse("a header", Bytes::copy_from_slice(blob)) {
        look(&header);
    }
}

/// All that is made of a header.
pub(super) fn look(header: &Header) {
    for entry in header.entries() {
        header.texts(entry.tag).count();
        header.numbers(entry.tag).count();
    }
    for table in TABLES {
        rows(table, header);
    }
    header.immutable();
    if let Some(blob) = header.with_dribbles(header.dribbles().collect()) {
        let _ = Header::parse("a header", blob);
    }
    if let Ok(Some(package)) = installed::package(header) {
        installed::provide_paths(&mut [(package, header)], &std::collections::BTreeSet::new());
    }
}

/// A package: its headers, its signatures, its files, and what the database gets of it.
pub fn package(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    let Ok(archive) = Archive::open("a package", &bytes) else { return };
    let (file, at) = (&archive.package, Moment { now: now(), allow_expired: false });
    let _ = verify::signers(file, &bytes, Keyring::debian(), at);
    let stamp = Stamp { time: 1, transaction: 1, color: 3, states: vec![0; archive.files.len()] };
    if let Ok(header) = record::installed("a package", file, &stamp) {
        look(&header);
    }
    let Ok(contents) = archive.contents(&mut Budget::installation()) else { return };
    for (number, content) in contents {
        let file = archive.files.get(number);
        let whole = |size: u64| size == content.len() as u64;
        assert!(file.is_some_and(|file| file.kind == Kind::Regular && whole(file.size)));
    }
}

/// A payload, uncompressed.
pub fn cpio(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    while let Ok(Some(entry)) = reader.next() {
        let length = match entry {
            Entry::Named(_, size) => u64::from(size),
            Entry::Numbered(number) => u64::from(number % 64),
        };
        if reader.data(length).is_err() {
            return;
        }
    }
}

/// A `repomd.xml`.
pub fn repomd(bytes: &[u8]) {
    if let Ok(repomd) = Repomd::parse(bytes, "a repomd.xml") {
        repomd.file("primary");
    }
}

/// A `primary.xml`: its index, and all packages in it.
pub fn primary(bytes: &[u8]) {
    let mut scanner = Scanner::new(Filter::default());
    if scanner.read(bytes).is_err() {
        return;
    }
    let Ok(base) = Url::parse("file:///") else { return };
    let catalog = Catalog::new(&RULES, scanner.finish(), base, "a mirror".into());
    let text = String::from_utf8_lossy(bytes);
    let names = text.split("<name>").skip(1).filter_map(|rest| rest.split('<').next());
    for name in names.take(100) {
        catalog.candidates(name);
        catalog.providers(name);
    }
}

/// A metalink, or a plain list of mirrors.
pub fn metalink(bytes: &[u8]) {
    let _ = Metalink::parse(bytes, "a metalink");
    let _ = mirror_list(bytes, "a list of mirrors");
}

/// A `modules.yaml`.
pub fn modules(bytes: &[u8]) {
    let _ = Modules::read(bytes);
}

/// Reads a database whose files are these, and looks at all that is in it.
pub(super) fn database(files: &[(&str, &[u8])]) {
    let mut root = MemoryRoot::default();
    for (path, bytes) in files {
        root.file(Path::new("var/lib").join(path), bytes);
    }
    let Ok(Some(db)) = RpmDb::open(&root) else { return };
    db.streams();
    for package in db.installed() {
        for (_, header) in db.headers(&package.name) {
            look(header);
        }
    }
}
