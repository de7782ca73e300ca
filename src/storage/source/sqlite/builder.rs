//! A new database made of rows. It appears at its place whole and checked, or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params_from_iter};

use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::fault;
use crate::format::sqlite::header::{AutoVacuum, Encoding};
use crate::format::sqlite::value::Value;

use super::{Bound, mark, quoted, sql};

/// What a database is besides its tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of a page.
    pub page_bytes: u32,
    /// How text is stored.
    pub encoding: Encoding,
    /// Whether pages that become free leave the file.
    pub auto_vacuum: AutoVacuum,
    /// The application's own version number.
    pub user_version: i32,
    /// The application's own file type.
    pub application_id: i32,
}

/// A database being made in a directory of its own beside its place. Dropped without [`Builder::finish`], it leaves nothing.
pub struct Builder {
    connection: Connection,
    staging: tempfile::TempDir,
    staged: PathBuf,
    target: PathBuf,
    replace: bool,
}

impl Builder {
    /// Starts a database that will appear at `target`, which must not exist unless `replace` is set.
    pub fn create(target: &Path, shape: &Shape, replace: bool) -> Result<Builder> {
        let Some(name) = target.file_name() else {
            return Err(Error::usage("restore.target", format!("not a name for a file: {}", target.display())).hint("name the file to write"));
        };
        refuse_taken(target, replace)?;
        let parent = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fault::point("builder.create")?;
        let staging = tempfile::Builder::new()
            .prefix(".annals-")
            .suffix(".partial")
            .tempdir_in(parent)
            .map_err(|e| Error::io(format_args!("create a file in {}", parent.display()), e))?;
        let staged = staging.path().join(name);
        let fail = |e| sql(target, e);
        let connection = Connection::open(&staged).map_err(fail)?;
        let encoding = shape.encoding.name();
        let auto_vacuum = match shape.auto_vacuum {
            AutoVacuum::None => 0,
            AutoVacuum::Full => 1,
            AutoVacuum::Incremental => 2,
        };
        // Until it has its name, nobody needs it to survive a crash.
        let text = format!(
            "PRAGMA page_size = {}; PRAGMA encoding = '{encoding}'; PRAGMA auto_vacuum = {auto_vacuum}; PRAGMA journal_mode = OFF; \
             PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; PRAGMA trusted_schema = ON; \
             PRAGMA user_version = {}; PRAGMA application_id = {}; BEGIN;",
            shape.page_bytes, shape.user_version, shape.application_id
        );
        connection.execute_batch(&text).map_err(fail)?;
        connection.set_prepared_statement_cache_capacity(256);
        Ok(Builder { connection, staging, staged, target: target.to_owned(), replace })
    }

    /// Makes a table, index, view or trigger as its application made it.
    pub fn execute(&self, text: &str, name: &str) -> Result<()> {
        self.connection.execute_batch(text).map_err(|e| {
            Error::new(Kind::Failed, "restore.schema", format!("{name} cannot be made again: {e}"))
                .hint("its definition needs a function, module or collation of its application; a base image (capture with --image) comes back without it")
                .caused_by(e)
        })
    }

    /// Whether there is a table of this name.
    pub fn has(&self, table: &str) -> Result<bool> {
        let text = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE";
        let found: i64 = self.connection.query_row(text, [table], |r| r.get(0)).map_err(|e| sql(&self.target, e))?;
        Ok(found > 0)
    }

    /// Makes a full-text index anew from the text that it is about.
    pub fn rebuild_text_index(&self, table: &str) -> Result<()> {
        let name = quoted(table);
        self.execute(&format!("INSERT INTO {name}({name}) VALUES('rebuild')"), table)
    }

    /// Lets AUTOINCREMENT of a table go on after `last` at the earliest.
    pub fn raise_sequence(&self, table: &str, last: i64) -> Result<()> {
        let fail = |e| sql(&self.target, e);
        if !self.has("sqlite_sequence")? {
            return Ok(());
        }
        let raised = self.connection.execute("UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1", (table, last)).map_err(fail)?;
        if raised == 0 {
            self.connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", (table, last)).map_err(fail)?;
        }
        Ok(())
    }

    /// Adds a row.
    pub fn insert(&self, table: &str, columns: &[&str], values: &[Value]) -> Result<()> {
        let names = columns.iter().map(|c| quoted(c)).collect::<Vec<_>>().join(",");
        let marks = values.iter().map(mark).collect::<Vec<_>>().join(",");
        let text = match columns {
            [] => format!("INSERT INTO {} DEFAULT VALUES", quoted(table)),
            _ => format!("INSERT INTO {} ({names}) VALUES ({marks})", quoted(table)),
        };
        let fail = |e| sql(&self.target, e);
        let mut statement = self.connection.prepare_cached(&text).map_err(fail)?;
        statement.execute(params_from_iter(values.iter().map(Bound))).map_err(fail)?;
        Ok(())
    }

    /// Checks all of it and gives it its name. Returns how many rows name a row that is not there (foreign keys): the same as in the original.
    pub fn finish(self) -> Result<u64> {
        let Builder { connection, staging, staged, target, replace } = self;
        let fail = |e| sql(&target, e);
        connection.execute_batch("COMMIT").map_err(fail)?;
        let verdict: String = connection.query_row("PRAGMA integrity_check(1)", [], |r| r.get(0)).map_err(fail)?;
        if verdict != "ok" {
            return Err(Error::new(Kind::Failed, "restore.integrity", format!("the restored database is not sound: {verdict}"))
                .hint("nothing was written; annals verify --full tells whether the history is damaged"));
        }
        let orphans = {
            let mut statement = connection.prepare("PRAGMA foreign_key_check").map_err(fail)?;
            let mut rows = statement.query([]).map_err(fail)?;
            let mut found = 0;
            // A foreign key that names a table or column that does not exist cannot be checked, here as little as in the original.
            while matches!(rows.next(), Ok(Some(_))) {
                found += 1;
            }
            found
        };
        connection.close().map_err(|(_, e)| fail(e))?;
        fault::point("builder.sync")?;
        fs::File::open(&staged).and_then(|f| f.sync_all()).map_err(|e| Error::io(format_args!("sync {}", staged.display()), e))?;
        place(&staged, &target, replace)?;
        drop(staging);
        Ok(orphans)
    }
}

/// Gives a finished file its name.
fn place(staged: &Path, target: &Path, replace: bool) -> Result<()> {
    refuse_taken(target, replace)?;
    fault::point("builder.rename")?;
    fs::rename(staged, target).map_err(|e| Error::io(format_args!("rename to {}", target.display()), e))?;
    disk::sync_dir(target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

fn refuse_taken(target: &Path, replace: bool) -> Result<()> {
    for suffix in ["-wal", "-journal"] {
        let mut beside = target.as_os_str().to_owned();
        beside.push(suffix);
        if Path::new(&beside).symlink_metadata().is_ok_and(|m| m.len() > 0) {
            return Err(Error::new(
                Kind::Refused,
                "restore.in_use",
                format!("a log of another database stands there: {}", Path::new(&beside).display()),
            )
            .hint("SQLite would read that log into the new file; choose another name, or move the log away"));
        }
    }
    match target.symlink_metadata() {
        Ok(m) if m.is_dir() => Err(Error::usage("restore.target", format!("is a directory: {}", target.display())).hint("name a file in it")),
        Ok(_) if !replace => Err(Error::new(Kind::Refused, "restore.exists", format!("there is something already: {}", target.display()))
            .hint("choose another name, or add --force to replace it")),
        _ => Ok(()),
    }
}
