//! Rows written into an application's own database, because a person asked for it: one transaction, a savepoint for each row.
//!
//! The application's triggers do not fire, because what they did is among the rows already. Its foreign keys and constraints hold: a row that
//! violates one stays undone and is named. So does a row whose foreign key would change other rows.

use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, params_from_iter};

use crate::base::error::Result;
use crate::base::fault;
use crate::format::sqlite::value::Value;
use crate::storage::source::outcome::{Outcome, refused};

use super::{Bound, connect, mark, quoted, sql};

/// A row of a table by its key.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The table.
    pub table: String,
    /// Columns of the key with their values; `rowid` for a table without a key.
    pub key: Vec<(String, Value)>,
}

/// The write transaction. Dropped without [`Writer::commit`], nothing happened.
pub struct Writer {
    connection: Connection,
    path: PathBuf,
}

impl Writer {
    /// Takes the write lock of the database: until the end nobody else can write.
    pub fn begin(path: &Path) -> Result<Writer> {
        let fail = |e| sql(path, e);
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).map_err(fail)?;
        connection.pragma_update(None, "foreign_keys", "ON").map_err(fail)?;
        connection.execute_batch("BEGIN IMMEDIATE").map_err(fail)?;
        Ok(Writer { connection, path: path.to_owned() })
    }

    /// Makes the row at `place` consist of these columns, whether it exists or not.
    pub fn put(&self, place: &Place, columns: &[(String, Value)]) -> Result<Outcome> {
        self.guarded(|| {
            let (found, values) = find(place);
            let set = columns.iter().map(|(name, value)| format!("{}={}", quoted(name), mark(value))).collect::<Vec<_>>().join(",");
            let text = format!("UPDATE {} SET {set} WHERE {found}", quoted(&place.table));
            let changed = match columns {
                [] => 0,
                _ => self.run(&text, columns.iter().map(|(_, value)| value).chain(values))?,
            };
            if changed > 0 {
                return Ok(());
            }
            let mut all: Vec<(&str, &Value)> = columns.iter().map(|(name, value)| (name.as_str(), value)).collect();
            all.extend(place.key.iter().filter(|(name, _)| !columns.iter().any(|(c, _)| c == name)).map(|(name, value)| (name.as_str(), value)));
            let names = all.iter().map(|(name, _)| quoted(name)).collect::<Vec<_>>().join(",");
            let marks = all.iter().map(|(_, value)| mark(value)).collect::<Vec<_>>().join(",");
            let text = format!("INSERT INTO {} ({names}) VALUES ({marks})", quoted(&place.table));
            self.run(&text, all.iter().map(|(_, value)| *value)).map(|_| ())
        })
    }

    /// Removes the row at `place`.
    pub fn remove(&self, place: &Place) -> Result<Outcome> {
        self.guarded(|| {
            let (found, values) = find(place);
            self.run(&format!("DELETE FROM {} WHERE {found}", quoted(&place.table)), values).map(|_| ())
        })
    }

    /// Runs one statement of an administrator that changes rows. Gives how many it changed.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::base::error::Kind::Usage) for what is no such statement, or ends the transaction; in the database's words.
    pub fn change(&self, text: &str) -> Result<u64> {
        let mut statement = self.connection.prepare(text).map_err(|e| refused(text, &e))?;
        // What ends a transaction counts as reading.
        if statement.readonly() {
            return Err(refused(text, &"it changes no rows"));
        }
        statement.execute([]).map(|n| n as u64).map_err(|e| refused(text, &e))
    }

    /// The answer to a statement of an administrator that reads: the first column of the first row, as text.
    ///
    /// # Errors
    /// As of [`Writer::change`].
    pub fn answer(&self, text: &str) -> Result<String> {
        let mut statement = self.connection.prepare(text).map_err(|e| refused(text, &e))?;
        if !statement.readonly() || statement.column_count() == 0 {
            return Err(refused(text, &"it asks nothing"));
        }
        let mut rows = statement.query([]).map_err(|e| refused(text, &e))?;
        let Some(row) = rows.next().map_err(|e| refused(text, &e))? else { return Ok("nothing".to_owned()) };
        Ok(match row.get_ref(0).map_err(|e| refused(text, &e))? {
            ValueRef::Null => "null".to_owned(),
            ValueRef::Integer(n) => n.to_string(),
            ValueRef::Real(n) => n.to_string(),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        })
    }

    /// The highest number in a column; 0 where there is none.
    pub fn highest(&self, table: &str, column: &str) -> Result<i64> {
        let text = format!("SELECT coalesce(max(CAST({} AS INTEGER)), 0) FROM {}", quoted(column), quoted(table));
        self.connection.query_row(&text, [], |row| row.get(0)).map_err(|e| sql(&self.path, e))
    }

    /// Columns of `table` that name a row of another table: its own column, the other table, and the column there (empty: its key).
    pub fn foreign_keys(&self, table: &str) -> Result<Vec<(String, String, String)>> {
        let fail = |e| sql(&self.path, e);
        let mut statement =
            self.connection.prepare("SELECT \"from\", \"table\", coalesce(\"to\", '') FROM pragma_foreign_key_list(?)").map_err(fail)?;
        let rows = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).map_err(fail)?;
        rows.collect::<rusqlite::Result<_>>().map_err(fail)
    }

    /// What is defined in the database, without what is SQLite's own: kind, name and statement, in order.
    pub fn definitions(&self) -> Result<Vec<(String, String, Option<String>)>> {
        let fail = |e| sql(&self.path, e);
        let text = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1, 2";
        let mut statement = self.connection.prepare(text).map_err(fail)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).map_err(fail)?;
        rows.collect::<rusqlite::Result<_>>().map_err(fail)
    }

    /// Commits. `Forbidden` where the whole violates a rule that is checked at the end; nothing has happened then.
    pub fn commit(self) -> Result<Outcome> {
        fault::point("source.commit")?;
        let done = match self.connection.execute_batch("COMMIT") {
            Ok(()) => Outcome::Done,
            Err(e) => forbidden(&self.path, e)?,
        };
        fault::point("source.committed")?;
        Ok(done)
    }

    fn run<'v>(&self, text: &str, values: impl Iterator<Item = &'v Value>) -> rusqlite::Result<usize> {
        self.connection.prepare_cached(text)?.execute(params_from_iter(values.map(Bound)))
    }

    /// Runs `work` in a savepoint that is given up where a rule forbids it, or where more than the one row would change.
    fn guarded(&self, work: impl FnOnce() -> rusqlite::Result<()>) -> Result<Outcome> {
        let fail = |e| sql(&self.path, e);
        self.connection.execute_batch("SAVEPOINT row").map_err(fail)?;
        let before = self.connection.total_changes();
        let outcome = match work() {
            Ok(()) => match self.connection.total_changes() - before {
                0 | 1 => Outcome::Done,
                more => Outcome::Forbidden(format!("a foreign key would change {} more rows", more - 1)),
            },
            Err(e) => forbidden(&self.path, e)?,
        };
        let end = if outcome == Outcome::Done { "RELEASE row" } else { "ROLLBACK TO row; RELEASE row" };
        self.connection.execute_batch(end).map_err(fail)?;
        Ok(outcome)
    }
}

/// Where the row is: keys may hold NULL, and numbers and text that compare equal under a collation are told apart by the caller's key.
fn find(place: &Place) -> (String, impl Iterator<Item = &Value>) {
    let text = place.key.iter().map(|(name, value)| format!("{} IS {}", quoted(name), mark(value))).collect::<Vec<_>>().join(" AND ");
    (text, place.key.iter().map(|(_, value)| value))
}

fn forbidden(path: &Path, e: rusqlite::Error) -> Result<Outcome> {
    match (e.sqlite_error_code(), &e) {
        (Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig), _) => Ok(Outcome::Forbidden(e.to_string())),
        // A table, column or function that the database does not have, or a virtual table that cannot be written.
        (Some(ErrorCode::Unknown), rusqlite::Error::SqlInputError { msg, .. }) => Ok(Outcome::Forbidden(msg.clone())),
        (Some(ErrorCode::Unknown), rusqlite::Error::SqliteFailure(_, Some(message))) => Ok(Outcome::Forbidden(message.clone())),
        _ => Err(sql(path, e)),
    }
}
