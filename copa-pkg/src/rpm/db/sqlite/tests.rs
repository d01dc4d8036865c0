use std::collections::BTreeSet;

use super::*;

/// The real database of a CBL-Mariner 2.0 image.
pub(crate) fn mariner() -> Option<Vec<u8>> {
    let corpus = crate::memory_root::corpus()?;
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
