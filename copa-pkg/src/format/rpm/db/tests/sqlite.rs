use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::format::rpm::db::record;
use crate::format::rpm::db::record::Stamp;
use crate::format::rpm::oracle::{Lab, have, rpm, run};
use crate::format::rpm::package::file::PackageFile;
use crate::format::rpm::package::tag::Tag;

/// The real database of a CBL-Mariner 2.0 image.
pub(crate) fn mariner() -> Option<Vec<u8>> {
    let corpus = crate::fixture::root::corpus()?;
    Some(std::fs::read(corpus.join("knqyf263+go-rpmdb/cbl-mariner-2.0/rpmdb.sqlite")).unwrap())
}

/// All rows of an index table: key, number of the package, place.
fn stored(database: &Sqlite, table: Table) -> BTreeSet<(Vec<u8>, u32, u32, u32)> {
    let sql = format!("SELECT key, hnum, idx, count(*) FROM '{}' GROUP BY 1, 2, 3", table.name);
    let mut statement = database.connection.prepare(&sql).unwrap();
    let rows = statement.query_map([], |row| {
        let key = match row.get_ref(0)? {
            ValueRef::Text(key) if table.shape != Shape::Bytes => key.to_vec(),
            ValueRef::Blob(key) if table.shape == Shape::Bytes => key.to_vec(),
            other => panic!("{other:?}"),
        };
        Ok((key, row.get(1)?, row.get(2)?, row.get(3)?))
    });
    rows.unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

/// The same from the headers.
fn rebuilt(headers: &[(u32, Header)], table: Table) -> BTreeSet<(Vec<u8>, u32, u32, u32)> {
    let mut counts = BTreeMap::new();
    for (number, header) in headers {
        for row in rows(table, header) {
            *counts.entry((row.key.into_owned(), *number, row.idx)).or_insert(0) += 1;
        }
    }
    counts.into_iter().map(|((key, number, idx), count)| (key, number, idx, count)).collect()
}

pub(crate) fn assert_tables_follow(database: &Sqlite) -> usize {
    let headers = database.headers().unwrap();
    let compared = TABLES.into_iter().map(|table| {
        let stored = stored(database, table);
        assert_eq!(stored, rebuilt(&headers, table), "{}", table.name);
        stored.len()
    });
    compared.sum()
}

#[test]
fn all_tables_of_a_real_database_follow_from_its_headers() {
    let Some(bytes) = mariner() else { return };
    let database = Sqlite::open("rpmdb.sqlite", &bytes).unwrap();
    assert_eq!(database.headers().unwrap().len(), 129);
    assert!(assert_tables_follow(&database) > 10_000);
}

#[test]
fn what_is_not_touched_stays() {
    let Some(bytes) = mariner() else { return };
    let mut database = Sqlite::open("rpmdb.sqlite", &bytes).unwrap();
    let before = database.headers().unwrap();
    let (number, header) = before[10].clone();
    database.replace(&[Replacement { old: vec![number], new: header.clone() }]).unwrap();
    let bytes = database.into_bytes().unwrap();
    assert_eq!(bytes[JOURNAL], [1, 1]);
    let database = Sqlite::open("rpmdb.sqlite", &bytes).unwrap();
    assert_tables_follow(&database);
    let after = database.headers().unwrap();
    assert_eq!(after.len(), 129);
    let (last, new) = after.last().unwrap();
    assert_eq!((*last, new.blob()), (130, header.blob()));
    assert!(after.iter().all(|(kept, _)| *kept != number));
    let same = |(number, header): &&(u32, Header)| {
        before.iter().any(|(old, was)| old == number && was.blob() == header.blob())
    };
    assert_eq!(after.iter().filter(same).count(), 128);
}

#[test]
fn a_foreign_schema_is_refused() {
    let Some(bytes) = mariner() else { return };
    for (sql, words) in [
        ("CREATE TRIGGER t AFTER INSERT ON Packages BEGIN DELETE FROM Name; END", "make its `t`"),
        ("CREATE VIEW v AS SELECT 1", "make its `v`"),
        ("CREATE TABLE t (a DEFAULT (abs(-9223372036854775808)))", "make its `t`"),
        ("CREATE INDEX i ON Name(hnum)", "make its `i`"),
        ("ALTER TABLE Name ADD COLUMN x", "make its `Name`"),
        ("DROP TABLE Sigmd5", "it has no `Sigmd5`"),
        ("DROP INDEX Name_key_idx", "it has no `Name_key_idx`"),
    ] {
        let mut database = Sqlite::open("db", &bytes).unwrap();
        database.connection.execute_batch(sql).unwrap();
        let changed = database.connection.serialize("main").unwrap().to_vec();
        let error = Sqlite::open("db", &changed).unwrap_err().to_string();
        assert!(error.contains(words), "{sql}: {error}");
    }
    for bytes in [&b""[..], b"SQLite format 3\0", &[0; 4096], &bytes[..100], &bytes[..4096]] {
        let read = Sqlite::open("db", bytes).and_then(|database| database.headers());
        assert!(matches!(read, Err(Error::Malformed { .. })), "{} bytes", bytes.len());
    }
}

/// Bytes broken all over the file: an answer or an error, soon.
#[test]
fn a_broken_database_is_read_or_refused() {
    let Some(bytes) = mariner() else { return };
    let mut refused = 0;
    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize
    };
    for _ in 0..60 {
        let mut broken = bytes.clone();
        for _ in 0..40 {
            let at = random() % broken.len() / 4096 * 4096 + random() % 64;
            broken[at] = random() as u8;
        }
        let read = Sqlite::open("db", &broken).and_then(|mut database| {
            let headers = database.headers()?;
            let new = headers[0].1.clone();
            database.replace(&[Replacement { old: vec![headers[0].0], new }])
        });
        refused += usize::from(read.is_err());
    }
    assert!(refused > 30, "{refused}");
}

/// All index rows, by the name of the package in place of its number.
fn named(bytes: &[u8]) -> BTreeSet<(&'static str, Vec<u8>, String, u32, u32)> {
    let database = Sqlite::open("db", bytes).unwrap();
    assert_tables_follow(&database);
    let text = |header: &Header| header.text(Tag::NAME).unwrap().into_owned();
    let names = database.headers().unwrap().into_iter().map(|(n, header)| (n, text(&header)));
    let names: BTreeMap<u32, String> = names.collect();
    let rows = TABLES.into_iter().flat_map(|table| {
        let rows = stored(&database, table).into_iter();
        rows.map(move |(key, number, idx, count)| (table.name, key, number, idx, count))
    });
    rows.map(|(table, key, number, idx, count)| (table, key, names[&number].clone(), idx, count))
        .collect()
}

/// All headers, in whatever order they came.
fn blobs(bytes: &[u8]) -> BTreeSet<Bytes> {
    let headers = Sqlite::open("db", bytes).unwrap().headers().unwrap();
    headers.into_iter().map(|(_, header)| header.blob().clone()).collect()
}

/// The packages as our replacements, installed as rpm installed them.
fn replacements(before: &Sqlite, theirs: &Sqlite, packages: &[&Path]) -> Vec<Replacement> {
    let named = |database: &Sqlite, name: &str| -> Vec<(u32, Header)> {
        let all = database.headers().unwrap().into_iter();
        all.filter(|(_, header)| header.text(Tag::NAME).unwrap() == name).collect()
    };
    let replacement = |path: &&Path| {
        let file = PackageFile::parse("it", &std::fs::read(path).unwrap().into()).unwrap();
        let name = file.header.text(Tag::NAME).unwrap();
        let (_, header) = named(theirs, &name).remove(0);
        let stamp = Stamp {
            time: header.number(Tag::INSTALLTIME).unwrap() as u32,
            transaction: header.number(Tag::INSTALLTID).unwrap() as u32,
            color: header.number(Tag::INSTALLCOLOR).unwrap() as u32,
            states: header.numbers(Tag::FILESTATES).map(|state| state as u8).collect(),
        };
        let old = named(before, &name).into_iter().map(|(number, _)| number).collect();
        Replacement { old, new: record::installed("it", &file, &stamp).unwrap() }
    };
    packages.iter().map(replacement).collect()
}

#[test]
fn an_upgrade_ends_as_the_one_of_the_real_rpm() {
    if !have("rpmbuild") {
        return;
    }
    let lab = Lab::new();
    let (old, new) = (lab.build("1", &[]), lab.build("2", &[("gamma", "gamma2"), ("zsh", "fish")]));
    lab.install(&old.iter().map(|path| &**path).collect::<Vec<_>>());
    let before = lab.database();
    let new: Vec<&Path> = new.iter().map(|path| &**path).collect();
    lab.install(&new);
    let theirs = lab.database();
    let theirs_open = Sqlite::open("theirs", &theirs).unwrap();
    let mut ours = Sqlite::open("ours", &before).unwrap();
    let replacements = replacements(&ours, &theirs_open, &new);
    assert!(replacements.iter().all(|replacement| replacement.old.len() == 1));
    ours.replace(&replacements).unwrap();
    let ours = ours.into_bytes().unwrap();
    assert_eq!(named(&ours), named(&theirs));
    assert!(blobs(&ours) == blobs(&theirs));
    lab.put_database(&ours);
    assert_rpm_accepts(&lab, 5);
    rpm(&lab.root(), &["--rebuilddb"]);
    assert_eq!(named(&lab.database()), named(&ours));
}

/// Every question to the real rpm is answered, and by a reader that cannot write too.
fn assert_rpm_accepts(lab: &Lab, packages: usize) {
    let root = lab.root();
    let listed = rpm(&root, &["-qa", "--qf", "%{NEVRA} "]);
    assert_eq!(listed.split_whitespace().count(), packages);
    assert!(listed.contains("demo-1:1.0-2.x86_64"), "{listed}");
    assert_eq!(rpm(&root, &["-V", "--nodeps", "demo-files", "demo-relocatable"]), "");
    assert_eq!(rpm(&root, &["-q", "--whatprovides", "virtual(x)"]).trim(), "demo-1.0-2.x86_64");
    assert_eq!(rpm(&root, &["-q", "--whatrequires", "gamma2"]).trim(), "demo-1.0-2.x86_64");
    assert_eq!(rpm(&root, &["-qf", "/opt/demo/file"]).trim(), "demo-files-1.0-2.x86_64");
    let root = root.to_str().unwrap();
    run("rpmdb", &["--root", root, "--dbpath", "/var/lib/rpm", "--verifydb"]);
}

#[test]
fn a_real_database_goes_on_to_work() {
    let Some(bytes) = mariner().filter(|_| have("rpmbuild")) else { return };
    let lab = Lab::new();
    let mut database = Sqlite::open("db", &bytes).unwrap();
    let headers = database.headers().unwrap();
    let again =
        |(number, header): &(u32, Header)| Replacement { old: vec![*number], new: header.clone() };
    // Every package, as if its own version came again.
    database.replace(&headers.iter().map(again).collect::<Vec<_>>()).unwrap();
    let ours = database.into_bytes().unwrap();
    assert_eq!(named(&ours), named(&bytes));
    lab.put_database(&bytes);
    let format = ["-qa", "--nosignature", "--qf", "%{NEVRA} %{SIZE} %{SOURCERPM}\n"];
    let sorted = |text: String| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let expected = sorted(rpm(&lab.root(), &format));
    lab.put_database(&ours);
    assert_eq!(sorted(rpm(&lab.root(), &format)), expected);
    assert_eq!(expected.len(), 129);
    let root = lab.root();
    let root = root.to_str().unwrap();
    run("rpmdb", &["--root", root, "--dbpath", "/var/lib/rpm", "--verifydb"]);
    rpm(&lab.root(), &["--rebuilddb"]);
    assert_eq!(named(&lab.database()), named(&ours));
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = Sqlite::open("db", &bytes);
        let _ = Sqlite::open("db", &[MAGIC, &bytes].concat());
    }
}
