use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::*;
use crate::fixture::root::{MemoryRoot, corpus};
use crate::format::rpm::db::record::State;
use crate::format::rpm::oracle::{Lab, have, rpm};
use crate::install::change::{Change, Content, File};
use crate::package::arch::Arch;
use crate::system::{Hints, System};

const PATH: &str = "var/lib/rpm/rpmdb.sqlite";
const OS_RELEASE: &str = "ID=azurelinux\nVERSION_ID=\"3.0\"\n";

/// What the file becomes.
fn written(changes: &ChangeSet, path: &str) -> Bytes {
    match changes.get(Path::new(path)) {
        Some(Change::Write(File { content: Content::Regular(bytes), .. })) => bytes.clone(),
        other => panic!("{path}: {other:?}"),
    }
}

fn files(packages: &[PathBuf]) -> Vec<PackageFile> {
    let read = |path: &PathBuf| std::fs::read(path).unwrap().into();
    packages.iter().map(|path| PackageFile::parse(path.display(), &read(path)).unwrap()).collect()
}

fn recorded(files: &[PackageFile]) -> Vec<Recorded<'_>> {
    let states =
        |file: &PackageFile| vec![State::NORMAL; file.header.strings(Tag::BASENAMES).count()];
    files.iter().map(|file| Recorded { file, states: states(file) }).collect()
}

/// A lab with release 1 installed, its database as an image, and the files of release 2.
fn upgrade() -> Option<(Lab, MemoryRoot, Vec<PackageFile>)> {
    have("rpmbuild").then(|| {
        let lab = Lab::new();
        let old = lab.build("1", &[]);
        lab.install(&old.iter().map(|path| &**path).collect::<Vec<_>>());
        let new = files(&lab.build("2", &[]));
        let mut root = MemoryRoot::of(&[("etc/os-release", OS_RELEASE)]);
        root.file(PATH, &lab.database());
        (lab, root, new)
    })
}

#[test]
fn an_update_is_recorded_in_database_and_manifests() {
    let Some((lab, mut root, new)) = upgrade() else { return };
    root.file(format!("{PATH}-wal"), b"");
    root.file(format!("{PATH}-shm"), &[0; 100]);
    let format = "%{NAME}\\t%{VERSION}-%{RELEASE}\\t%{INSTALLTIME}\\t%{BUILDTIME}\\t%{VENDOR}\\t(none)\
                  \\t%{SIZE}\\t%{ARCH}\\t%{EPOCHNUM}\\t%{SOURCERPM}\\n";
    let table = rpm(&lab.root(), &["-qa", "--qf", format]);
    let directory = "var/lib/rpmmanifest";
    root.file(format!("{directory}/container-manifest-2"), table.as_bytes());
    let names = rpm(&lab.root(), &["-qa"]);
    root.file(format!("{directory}/container-manifest-1"), names.as_bytes());

    let db = RpmDb::open(&root).unwrap().unwrap();
    let erased = [("demo-empty".to_owned(), "noarch".to_owned())];
    let updates: Vec<_> =
        new.into_iter().filter(|f| f.header.text(Tag::NAME).unwrap() != "demo-empty").collect();
    let changes = db.record(&root, &recorded(&updates), &erased, 1_900_000_000).unwrap();
    let paths: Vec<_> = changes.iter().map(|(path, _)| path.display().to_string()).collect();
    let expected = [
        PATH,
        &format!("{PATH}-shm"),
        &format!("{PATH}-wal"),
        "var/lib/rpmmanifest/container-manifest-1",
        "var/lib/rpmmanifest/container-manifest-2",
    ];
    assert_eq!(paths, expected);
    assert_eq!(changes.get(Path::new(expected[1])), Some(&Change::Remove));

    lab.put_database(&written(&changes, PATH));
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let list = |path| String::from_utf8(written(&changes, path).to_vec()).unwrap();
    assert_eq!(sorted(&list(expected[3])), sorted(&rpm(&lab.root(), &["-qa"])));
    // In the sixth column an epoch is written: the one of `demo`.
    let of_rpm = rpm(&lab.root(), &["-qa", "--qf", &format.replace("(none)", "%{EPOCH}")]);
    assert_eq!(sorted(&list(expected[4])), sorted(&of_rpm));
    assert!(of_rpm.contains("\t1900000000\t") && of_rpm.lines().count() == 4);
    let tids = rpm(&lab.root(), &["-qa", "--qf", "%{INSTALLTID} %{INSTALLCOLOR}\\n"]);
    assert_eq!(sorted(&tids), vec!["1900000000 3"; 4]);
}

#[test]
fn what_is_only_in_the_log_counts() {
    let Some((lab, mut root, new)) = upgrade() else { return };
    // The database as the log of a later change finds it, and that log.
    let path = lab.root().join(PATH);
    let connection = rusqlite::Connection::open(&path).unwrap();
    let no_checkpoint = rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    connection.set_db_config(no_checkpoint, true).unwrap();
    connection
        .execute_batch(
            "PRAGMA foreign_keys = OFF; PRAGMA journal_mode = WAL; PRAGMA wal_checkpoint(TRUNCATE);
             DELETE FROM Packages WHERE hnum = (SELECT hnum FROM Name WHERE key = 'demo-empty');",
        )
        .unwrap();
    root.file(PATH, &std::fs::read(&path).unwrap());
    assert_eq!(RpmDb::open(&root).unwrap().unwrap().installed().len(), 5);
    let log = std::fs::read(lab.root().join(format!("{PATH}-wal"))).unwrap();
    root.file(format!("{PATH}-wal"), &log);
    let db = RpmDb::open(&root).unwrap().unwrap();
    assert_eq!(db.installed().len(), 4);
    let changes = db.record(&root, &recorded(&new[1..2]), &[], 1).unwrap();
    root.file(PATH, &written(&changes, PATH));
    assert!(matches!(changes.get(Path::new(&format!("{PATH}-wal"))), Some(Change::Remove)));
    root.file(format!("{PATH}-wal"), b"");
    assert_eq!(RpmDb::open(&root).unwrap().unwrap().installed().len(), 4);
    root.file(format!("{PATH}-journal"), b"x");
    let error = RpmDb::open(&root).unwrap_err().to_string();
    assert!(error.contains("in the middle of a change"), "{error}");
}

#[test]
fn the_database_stays_where_it_is() {
    let Some((_, root, new)) = upgrade() else { return };
    let bytes = root.read(Path::new(PATH)).unwrap().unwrap();
    let there = "usr/lib/sysimage/rpm/rpmdb.sqlite";
    let mut linked = MemoryRoot::default();
    linked.file(there, &bytes);
    linked.link("var/lib/rpm", "../../usr/lib/sysimage/rpm");
    let db = RpmDb::open(&linked).unwrap().unwrap();
    let changes = db.record(&linked, &recorded(&new), &[], 1).unwrap();
    assert_eq!(changes.iter().map(|(path, _)| path).collect::<Vec<_>>(), [Path::new(there)]);
    let mut two = root.clone();
    two.file(there, &bytes);
    let error = RpmDb::open(&two).unwrap_err().to_string();
    assert!(error.contains("two RPM databases") && error.contains(there), "{error}");
    let mut left = root.clone();
    left.file("var/lib/rpm/Packages", b"");
    assert!(RpmDb::open(&left).unwrap().is_some(), "an empty file is no database");
}

#[test]
fn the_same_packages_make_the_same_bytes() {
    let Some((_, root, new)) = upgrade() else { return };
    let made =
        || RpmDb::open(&root).unwrap().unwrap().record(&root, &recorded(&new), &[], 7).unwrap();
    assert!(made() == made());
}

#[test]
fn systems_with_rpm_packages_are_detected() {
    let Some(corpus) = corpus() else { return };
    let manifest = "derived/mariner-2.0-rpmmanifest/container-manifest-2";
    for (path, from, os, shown, count, writable) in [
        (
            PATH,
            "knqyf263+go-rpmdb/cbl-mariner-2.0/rpmdb.sqlite",
            "mariner:2.0",
            "mariner 2.0",
            129,
            true,
        ),
        (
            "var/lib/rpmmanifest/container-manifest-2",
            manifest,
            "mariner:2.0",
            "mariner 2.0",
            129,
            true,
        ),
        (
            "usr/lib/sysimage/rpm/Packages.db",
            "knqyf263+go-rpmdb/sle15-bci/Packages.db",
            "sles:15.4",
            "sles 15.4",
            35,
            false,
        ),
        (
            "var/lib/rpm/Packages",
            "knqyf263+go-rpmdb/libuuid/Packages",
            "rhel:8.8",
            "rhel 8",
            1,
            false,
        ),
    ] {
        let (id, version) = os.split_once(':').unwrap();
        let mut root =
            MemoryRoot::of(&[("etc/os-release", &format!("ID={id}\nVERSION_ID=\"{version}\"\n"))]);
        root.file(path, &std::fs::read(corpus.join(from)).unwrap());
        let system = System::detect(&root, &Hints::default()).unwrap();
        assert_eq!((system.distro.to_string(), system.arch), (shown.into(), Arch::Amd64), "{path}");
        assert_eq!(system.installed().len(), count, "{path}");
        assert!(system.warnings.is_empty(), "{:?}", system.warnings);
        assert_eq!(system.check_patchable().is_ok(), writable, "{path}");
        let debian = Hints { os: Some("debian:12".parse().unwrap()), arch: None };
        let error = System::detect(&root, &debian).unwrap_err().to_string();
        assert!(error.contains("holds RPM packages"), "{error}");
    }
}

#[test]
fn nothing_and_too_much_are_told() {
    assert!(RpmDb::open(&MemoryRoot::of(&[("var/lib/rpm/x", "")])).unwrap().is_none());
    let broken = MemoryRoot::of(&[(PATH, "SQLite format 3\0")]);
    let error = RpmDb::open(&broken).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{PATH} is malformed")), "{error}");
}

/// A manifest lists names and versions only. What the packages need and provide, the repositories
/// tell, and so an update finds what it needs among packages that stay.
#[test]
fn what_a_manifest_does_not_say_the_repositories_do() {
    let line =
        |name: &str| format!("{name}\t1-1\t0\t0\tV\t(none)\t1\tx86_64\t0\t{name}-1-1.src.rpm\n");
    let manifest: String = ["glibc", "ssl", "old"].map(line).concat();
    let root = MemoryRoot::of(&[
        ("etc/os-release", OS_RELEASE),
        ("var/lib/rpmmanifest/container-manifest-2", &manifest),
    ]);
    let package = |name: &str, version: &str, provides: &str, requires: &str| {
        format!(
            "<package type=\"rpm\"><name>{name}</name><arch>x86_64</arch><version epoch=\"0\" \
             ver=\"{version}\" rel=\"1\"/><checksum type=\"sha256\" pkgid=\"YES\">{}</checksum>\
             <size package=\"1\"/><location href=\"{name}-{version}.rpm\"/><format><rpm:provides>\
             <rpm:entry name=\"{provides}\"/></rpm:provides><rpm:requires>\
             <rpm:entry name=\"{requires}\"/></rpm:requires></format></package>",
            "00".repeat(32)
        )
    };
    let all = [
        package("glibc", "1", "libc.so.6", "libc.so.6"),
        package("ssl", "2", "libssl.so.3", "libc.so.6"),
        // It has no version of the image, and what the next one says is the best that is known.
        package("old", "3", "libold.so.1", "nothing"),
        package("old", "2", "libold.so.1", "libssl.so.3"),
    ];
    let text = format!("<metadata>{}</metadata>", all.concat());
    let mut scanner = crate::format::rpm::repo::primary::Scanner::new(Default::default());
    scanner.read(text.as_bytes()).unwrap();
    let base = "https://mirror.invalid/".parse().unwrap();
    let catalog = crate::repository::catalog::Catalog::new(
        &crate::format::rpm::rules::RULES,
        scanner.finish(),
        base,
        "base".into(),
    );
    let system = System::detect(&root, &Hints::default()).unwrap();
    let plan = system.plan(&catalog, &crate::resolve::request::Request::Everything);
    let updates: Vec<String> = plan.updates.iter().map(|update| update.to.to_string()).collect();
    assert!(updates.len() == 1 && updates[0].starts_with("ssl"), "{plan:?}");
    let skipped: Vec<&str> = plan.skipped.iter().map(|skipped| &*skipped.package).collect();
    assert_eq!(skipped, ["old"], "{plan:?}");
}

#[test]
fn paths_that_are_asked_about_are_provided() {
    let Some(corpus) = corpus() else { return };
    let mut root = MemoryRoot::default();
    let database = corpus.join("knqyf263+go-rpmdb/cbl-mariner-2.0/rpmdb.sqlite");
    root.file(PATH, &std::fs::read(database).unwrap());
    let db = RpmDb::open(&root).unwrap().unwrap();
    let path = "/usr/share/licenses/zlib/LICENSE_1_0.txt";
    let asked = [path, "/usr/share/nothing"].map(Into::into).into_iter().collect();
    let having = |all: &[Installed]| -> Vec<String> {
        let has = |package: &&Installed| package.relations.provides.iter().any(|c| c.name == path);
        all.iter().filter(has).map(|package| package.name.clone()).collect()
    };
    assert_eq!(having(&db.providing(&asked)), ["zlib"]);
    assert!(having(db.installed()).is_empty() && db.providing(&asked).len() == 129);
}
