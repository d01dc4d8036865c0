//! `rpmdb.sqlite`: rpm's database since 4.16.
//!
//! The database is worked on in memory and written out whole, with `journal_mode=DELETE`: readers
//! that cannot write (a read-only file system, an unprivileged user) then need no files beside it.
//! An image is not to be trusted: the schema has to be rpm's to the letter, so that no view,
//! trigger or other expression of the image is ever evaluated, and work is bounded by the size of
//! the file.

use std::collections::BTreeMap;

use bytes::Bytes;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement, ToSql, ffi, params};

use crate::error::{Error, Result};
use crate::format::rpm::db::index::{Shape, TABLES, Table, rows};
use crate::format::rpm::package::header::Header;

/// The largest database that is read: those of large images have some 40 MB.
pub(crate) const SIZE_MAX: u64 = 256 << 20;
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Where the header says which journal readers and writers use: 1 is the rollback journal, 2 the
/// write-ahead log, which a database in memory cannot have.
const JOURNAL: std::ops::Range<usize> = 18..20;

/// A database, in memory.
#[derive(Debug)]
pub(crate) struct Sqlite {
    connection: Connection,
    /// What it is called in errors.
    path: String,
    size: usize,
}

/// A package to be put into a database, and the numbers of the headers that it replaces.
#[derive(Debug, Clone)]
pub(crate) struct Replacement {
    pub(crate) old: Vec<u32>,
    pub(crate) new: Header,
}

impl Sqlite {
    /// Opens a database. `path` names it in errors.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`]; [`Error::Malformed`] when it is no SQLite database;
    /// [`Error::Unsupported`] when its tables are not rpm's.
    pub(crate) fn open(path: &str, bytes: &[u8]) -> Result<Self> {
        let malformed = |reason: String| Error::Malformed { what: path.into(), reason };
        if bytes.len() as u64 > SIZE_MAX {
            return Err(Error::TooLarge { what: path.into(), limit: format!("{SIZE_MAX} bytes") });
        }
        let mut bytes = bytes.to_vec();
        match bytes.get_mut(JOURNAL) {
            Some(journal) => journal.fill(1),
            None => return Err(malformed("it is no SQLite database".into())),
        }
        if !bytes.starts_with(MAGIC) {
            return Err(malformed("it is no SQLite database".into()));
        }
        let connection = connect(&bytes).map_err(|e| malformed(e.to_string()))?;
        let database = Self { connection, path: path.into(), size: bytes.len() };
        database.check_schema()?;
        Ok(database)
    }

    /// All headers by number.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] when the table or a header is broken.
    pub(crate) fn headers(&self) -> Result<Vec<(u32, Header)>> {
        let mut headers = Vec::new();
        for (number, blob) in self.blobs().map_err(|e| self.failed(&e))? {
            let what = format_args!("header {number} of {}", self.path);
            let number = u32::try_from(number).ok().filter(|&number| number != 0);
            let number = number.ok_or_else(|| Error::Malformed {
                what: what.to_string(),
                reason: "its number is not one of 32 bits".into(),
            })?;
            headers.push((number, Header::parse(what, blob)?));
        }
        Ok(headers)
    }

    fn blobs(&self) -> rusqlite::Result<Vec<(i64, Bytes)>> {
        let mut statement =
            self.connection.prepare("SELECT hnum, blob FROM Packages ORDER BY hnum")?;
        let mut rows = statement.query([])?;
        let (mut blobs, mut total) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let blob = row.get_ref(1)?.as_blob()?;
            // In a sound database no two blobs share a page.
            total += blob.len();
            if total > self.size {
                let corrupt = ffi::Error::new(ffi::SQLITE_CORRUPT);
                let why = "its headers share pages".to_owned();
                return Err(rusqlite::Error::SqliteFailure(corrupt, Some(why)));
            }
            blobs.push((row.get(0)?, Bytes::copy_from_slice(blob)));
        }
        Ok(blobs)
    }

    /// Puts packages in, each under a new number, as rpm does: the new one comes before the old
    /// ones go.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] when the database is broken.
    pub(crate) fn replace(&mut self, replacements: &[Replacement]) -> Result<()> {
        let done = self.try_replace(replacements).and_then(|()| {
            self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        });
        let verdict: String = done.map_err(|e| self.failed(&e))?;
        if verdict == "ok" { Ok(()) } else { Err(self.malformed(verdict)) }
    }

    fn try_replace(&mut self, replacements: &[Replacement]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = Inserts::prepare(&transaction)?;
            let mut delete = deletes(&transaction)?;
            for Replacement { old, new } in replacements {
                insert.package(&transaction, new)?;
                for number in old {
                    delete.iter_mut().try_for_each(|delete| delete.execute([number]).map(drop))?;
                }
            }
        }
        transaction.commit()
    }

    /// Takes packages out by number.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] when the database is broken.
    pub(crate) fn erase(&mut self, numbers: &[u32]) -> Result<()> {
        let mut statements = deletes(&self.connection).map_err(|e| self.failed(&e))?;
        for delete in &mut statements {
            for number in numbers {
                delete.execute([number]).map_err(|e| self.failed(&e))?;
            }
        }
        Ok(())
    }

    /// The database as a file.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] when memory does not suffice.
    pub(crate) fn into_bytes(mut self) -> Result<Bytes> {
        let bytes = match self.connection.serialize("main") {
            Ok(data) => Ok(Bytes::copy_from_slice(&data)),
            Err(error) => Err(error),
        };
        bytes.map_err(|e| self.failed(&e))
    }

    /// Tables and indexes are rpm's, each there, and nothing else is.
    fn check_schema(&self) -> Result<()> {
        let mut expected = schema();
        for (name, sql) in self.schema().map_err(|e| self.failed(&e))? {
            let own = sql.starts_with("CREATE TABLE sqlite_stat") && name.starts_with("sqlite_");
            if expected.remove(&name).is_none_or(|expected| expected != sql) && !own {
                return Err(self.unsupported(format!("rpm does not make its `{name}`")));
            }
        }
        match expected.keys().next() {
            Some(name) => Err(self.unsupported(format!("it has no `{name}`"))),
            None => Ok(()),
        }
    }

    fn schema(&self) -> rusqlite::Result<Vec<(String, String)>> {
        let mut statement = self.connection.prepare("SELECT name, sql FROM sqlite_schema")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        // Twice as many as there should be.
        rows.take(200).collect()
    }

    fn unsupported(&self, reason: String) -> Error {
        Error::Unsupported { what: format!("the RPM database {}", self.path), reason }
    }

    fn malformed(&self, reason: String) -> Error {
        Error::Malformed { what: self.path.clone(), reason }
    }

    fn failed(&self, error: &rusqlite::Error) -> Error {
        self.malformed(error.to_string())
    }
}

/// A connection to a database in memory that trusts nothing in it.
fn connect(bytes: &[u8]) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open_in_memory()?;
    for (config, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false),
    ] {
        connection.set_db_config(config, on)?;
    }
    let size = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, size.saturating_add(512 << 20))?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, 10_000)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    // A broken tree can lead a statement in circles.
    let mut budget = 50_000 + bytes.len() / 100;
    let spent = move || {
        budget = budget.saturating_sub(1);
        budget == 0
    };
    connection.progress_handler(10_000, Some(spent))?;
    connection.deserialize_read_exact("main", bytes, bytes.len(), false)?;
    // What is deleted becomes zeros, which compress well.
    connection.execute_batch(
        "PRAGMA cell_size_check = ON; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;",
    )?;
    Ok(connection)
}

/// What rpm creates, by name, in its own spelling.
fn schema() -> BTreeMap<String, String> {
    let mut schema = BTreeMap::from([
        (
            "Packages".to_owned(),
            "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)"
                .to_owned(),
        ),
        ("sqlite_sequence".to_owned(), "CREATE TABLE sqlite_sequence(name,seq)".to_owned()),
    ]);
    for Table { name, shape, .. } in TABLES {
        let kind = if shape == Shape::Bytes { "BLOB" } else { "TEXT" };
        let table = format!(
            "CREATE TABLE '{name}' (key '{kind}' NOT NULL, hnum INTEGER NOT NULL, \
             idx INTEGER NOT NULL, FOREIGN KEY (hnum) REFERENCES 'Packages'(hnum))"
        );
        schema.insert(name.to_owned(), table);
        let columns: &[&str] = match shape {
            Shape::Text => &["key"],
            Shape::Texts => &["key", "hnum"],
            Shape::Bytes => &[],
        };
        for column in columns {
            let index = format!("{name}_{column}_idx");
            let sql = format!("CREATE INDEX '{index}' ON '{name}'({column} ASC)");
            schema.insert(index, sql);
        }
    }
    schema
}

/// Prepared statements that put a package in.
struct Inserts<'c> {
    package: Statement<'c>,
    rows: Vec<(Table, Statement<'c>)>,
}

impl<'c> Inserts<'c> {
    fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        let package = connection.prepare("INSERT INTO Packages (blob) VALUES (?)")?;
        let row = |table: Table| {
            let sql = format!("INSERT INTO '{}' VALUES (?, ?, ?)", table.name);
            Ok((table, connection.prepare(&sql)?))
        };
        let rows = TABLES.into_iter().map(row).collect::<rusqlite::Result<_>>()?;
        Ok(Self { package, rows })
    }

    fn package(&mut self, connection: &Connection, header: &Header) -> rusqlite::Result<()> {
        self.package.execute([header.blob().as_ref()])?;
        let number = connection.last_insert_rowid();
        for (table, insert) in &mut self.rows {
            for row in rows(*table, header) {
                insert.execute(params![Key(*table, &row.key), number, row.idx])?;
            }
        }
        Ok(())
    }
}

/// Prepared statements that take a package out.
fn deletes(connection: &Connection) -> rusqlite::Result<Vec<Statement<'_>>> {
    let tables = std::iter::once("Packages").chain(TABLES.map(|table| table.name));
    tables.map(|name| connection.prepare(&format!("DELETE FROM '{name}' WHERE hnum = ?"))).collect()
}

/// A key in its table's kind. Texts are bytes: file names need not be UTF-8.
struct Key<'a>(Table, &'a [u8]);

impl ToSql for Key<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0.shape {
            Shape::Bytes => ValueRef::Blob(self.1),
            Shape::Text | Shape::Texts => ValueRef::Text(self.1),
        }))
    }
}

#[cfg(test)]
#[path = "tests/sqlite.rs"]
pub(crate) mod tests;
