use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::*;

/// A database whose last changes are in its log, both as bytes, and the database as SQLite's own
/// checkpoint makes it.
fn sample(sql: &[&str], page_size: u32) -> (Bytes, Vec<u8>, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let connection = Connection::open(&path).unwrap();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    let setup = format!(
        "PRAGMA page_size={page_size}; PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;
         CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(30000)); PRAGMA wal_checkpoint;"
    );
    connection.execute_batch(&setup).unwrap();
    sql.iter().for_each(|sql| connection.execute_batch(sql).unwrap());
    let database = std::fs::read(&path).unwrap();
    let log = std::fs::read(dir.path().join("db-wal")).unwrap();
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    (database.into(), log, std::fs::read(&path).unwrap())
}

#[test]
fn the_log_is_applied_as_sqlite_applies_it() {
    let series = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i<100)
                  INSERT INTO t SELECT zeroblob(i*50) FROM n";
    let tables: [&[&str]; 5] = [
        &[series],
        &[series, "DELETE FROM t", "VACUUM"],
        &["CREATE TABLE u (y)", series, "INSERT INTO u VALUES (1)"],
        &["PRAGMA user_version=7"],
        &[],
    ];
    for page_size in [512, 4096, 65536] {
        for sql in tables {
            let (database, log, expected) = sample(sql, page_size);
            let ours = apply(&database, &log, 1 << 30).unwrap();
            assert!(ours == expected, "{page_size} {sql:?}: {} {}", ours.len(), expected.len());
        }
    }
}

#[test]
fn only_whole_transactions_count() {
    let truncate = "PRAGMA wal_checkpoint(TRUNCATE)";
    let sql = [truncate, "CREATE TABLE u (y)", "PRAGMA user_version=9"];
    let (database, log, expected) = sample(&sql, 4096);
    let frame = FRAME + 4096;
    let short = apply(&database, &log[..log.len() - 1], 1 << 30).unwrap();
    assert!(short != expected && short != database, "the last transaction is left out");
    for broken in [&log[..0], &log[..20], &log[..HEADER], &log[..HEADER + 100]] {
        assert_eq!(apply(&database, broken, 1 << 30).unwrap(), database);
    }
    let mut flipped = log.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    assert_eq!(apply(&database, &flipped, 1 << 30).unwrap(), short);
    flipped[HEADER + FRAME] ^= 1;
    // Nothing after a bad frame counts.
    assert!(log.len() > 2 * frame);
    assert_eq!(apply(&database, &flipped, 1 << 30).unwrap(), database);
    assert!(matches!(apply(&database, &log, 4096), Err(Error::TooLarge { .. })));
    let (other, ..) = sample(&[], 512);
    assert!(matches!(apply(&other, &log, 1 << 30), Err(Error::Malformed { .. })));
}

/// A frame of 536 bytes would make a database of the greatest length.
#[test]
fn pages_that_are_nowhere_are_not_made_up() {
    for (pages, made) in [(1, true), (2, false), (100_000, false)] {
        let mut header = [MAGIC, VERSION, 512, 0, 1, 2].map(u32::to_be_bytes).concat();
        let mut sum = Sum { big_endian: false, state: [0, 0] };
        sum.add(&header);
        header.extend(sum.state.map(u32::to_be_bytes).concat());
        let (head, page) = ([1, pages].map(u32::to_be_bytes).concat(), [7; 512]);
        sum.add(&head);
        sum.add(&page);
        let sums = [1, 2, sum.state[0], sum.state[1]].map(u32::to_be_bytes).concat();
        let log = [&header[..], &head, &sums, &page].concat();
        match apply(&Bytes::new(), &log, 1 << 30) {
            Ok(whole) => assert!(made && whole == page[..]),
            Err(Error::Malformed { reason, .. }) => {
                assert!(!made && reason.ends_with("1 are there"), "{reason}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_broken_log_is_applied_or_refused() {
    let (database, log, _) = sample(&["CREATE TABLE u (y)"], 512);
    for at in 0..log.len().min(2000) {
        let mut broken = log.clone();
        broken[at] ^= 0x55;
        let _ = apply(&database, &broken, 1 << 20);
    }
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(words in proptest::collection::vec(any::<u32>(), 0..200), pages in 0..3u32) {
        // A header with right checksums, so that what follows is looked at.
        let mut header = [MAGIC, VERSION, 512, 0, 1, 2].map(u32::to_be_bytes).concat();
        let mut sum = Sum { big_endian: false, state: [0, 0] };
        sum.add(&header);
        header.extend(sum.state.map(u32::to_be_bytes).concat());
        let body: Vec<u8> = words.into_iter().flat_map(u32::to_be_bytes).collect();
        let head = [1, pages, 1, 2].map(u32::to_be_bytes).concat();
        let log = [&header, &head, &body[..]].concat();
        let _ = apply(&Bytes::new(), &log, 1 << 20);
        let _ = apply(&Bytes::from_static(&[0; 512]), &log, 1 << 20);
    }
}
