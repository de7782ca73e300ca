//! A SQLite database that belongs to an application and may be in use. It is read beside SQLite: pages through a descriptor that is never
//! closed, the write-ahead log as it grows. During capture nothing is written to it, nothing is checkpointed, and the only lock is that of a
//! reader. Its rows are written only by [`writer`], when a person asked for that.

pub mod builder;
pub mod device;
pub mod image;
pub mod place;
pub mod tail;
pub mod snapshot;
pub mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql};

use crate::base::error::{Error, Kind, Result};
use crate::format::sqlite::header::Header;
use crate::format::sqlite::value::Value;

use device::Device;
use tail::Log;

/// How long we wait for a lock of the application. Longer than its transactions, shorter than a person's patience.
const BUSY_WAIT: Duration = Duration::from_secs(10);

/// An application's database.
pub struct Source {
    path: PathBuf,
    device: Device,
    /// Open without a transaction: the log is not deleted when the application closes its last connection.
    connection: Option<Connection>,
    /// The write-ahead log, as long as it is the same file.
    log: Option<Log>,
    /// The log was seen to go from its beginning to the place that a capture has come to.
    proven: bool,
    /// The machine was started again since that place was kept.
    doubts: bool,
}

/// Turns an error of SQLite about an application's database into ours.
pub(crate) fn sql(path: &Path, e: rusqlite::Error) -> Error {
    let shown = path.display();
    let fail = |kind, code, message: String, hint: &str| Error::new(kind, code, message).hint(hint);
    match e.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => fail(
            Kind::Locked,
            "source.locked",
            format!("the application holds its database for itself: {shown}"),
            "run the capture again when it is idle; with locking_mode=EXCLUSIVE it can be captured only while the application is stopped",
        ),
        Some(ErrorCode::NotADatabase) => fail(
            Kind::Usage,
            "source.not_sqlite",
            format!("not a SQLite database, or an encrypted one: {shown}"),
            "name the database file itself; one that is encrypted as a whole cannot be captured from outside",
        ),
        Some(ErrorCode::DatabaseCorrupt) => fail(
            Kind::Failed,
            "source.damaged",
            format!("the database is damaged: {shown}: {e}"),
            "let its application repair it, or restore it from the last good state: annals restore PREFIX --at WHEN --into FILE",
        ),
        Some(ErrorCode::DiskFull) => {
            fail(Kind::Space, "disk.full", format!("no space left beside {shown}"), "free some space; nothing was half-written")
        }
        Some(ErrorCode::ReadOnly) => fail(
            Kind::Failed,
            "source.unfinished",
            format!("a transaction was cut short and is not rolled back yet: {shown}"),
            "start the application once, it repairs its database; then run the capture again",
        ),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => fail(
            Kind::Denied,
            "source.denied",
            format!("the database cannot be opened: {shown}"),
            "run the capture as the user who runs the application",
        ),
        _ => Error::new(Kind::Failed, "source.failed", format!("the database failed: {shown}: {e}")).caused_by(e),
    }
}

/// A value on its way into SQLite.
struct Bound<'v>(&'v Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        use rusqlite::types::ValueRef;
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(n) => ValueRef::Integer(*n),
            Value::Real(n) => ValueRef::Real(*n),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            // The statement makes text of it: bound as text it would be taken for UTF-8.
            Value::RawText(bytes) | Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// A name in double quotes.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// How a value stands in a statement.
fn mark(value: &Value) -> &'static str {
    match value {
        Value::RawText(_) => "CAST(? AS TEXT)",
        _ => "?",
    }
}

impl Source {
    /// The database at `path`. Nothing is locked yet.
    ///
    /// # Errors
    /// [`Kind::Missing`] where there is none; [`Kind::Usage`] for what is no SQLite database or an encrypted one; [`Kind::Refused`] for a
    /// file on a network share.
    pub fn open(path: &Path) -> Result<Source> {
        let missing = || {
            Error::missing("source.missing", format!("there is no database at {}", path.display()))
                .hint("name the file of the database; is the disk that it is on mounted?")
        };
        let path = match path.canonicalize() {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(missing()),
            found => found.map_err(|e| Error::io(format_args!("find {}", path.display()), e))?,
        };
        if !path.is_file() {
            return Err(Error::usage("source.not_file", format!("not a file: {}", path.display())).hint("annals capture folder captures a folder"));
        }
        let device = Device::open(&path)?;
        device.refuse_network()?;
        let source = Source { path, device, connection: None, log: None, proven: false, doubts: false };
        source.header()?;
        Ok(source)
    }

    /// Says whether the machine was started again since the place that a capture has come to was kept: how a log ended that was started again since
    /// is not known then.
    pub fn doubt(&mut self, restarted: bool) {
        self.doubts = restarted;
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's header as it is in the file now; the write-ahead log may have a newer one.
    pub fn header(&self) -> Result<Header> {
        let mut first = [0; 100];
        match self.device.bytes()? {
            0 => {
                return Err(Error::usage("source.empty", format!("the database is empty: {}", self.path.display()))
                    .hint("run the capture when its application has made its tables"));
            }
            short if short < first.len() as u64 => {
                return Err(Error::usage("source.not_sqlite", format!("too short to be a SQLite database: {}", self.path.display()))
                    .hint("name the database file itself"));
            }
            _ => {}
        }
        self.device.read_at(0, &mut first)?;
        Header::parse(&first).map_err(|e| match e.kind() {
            Kind::Newer => e,
            _ => {
                let hint = e.what_next().unwrap_or("let its application repair it, or restore it from its history").to_owned();
                Error::usage("source.not_sqlite", format!("{e}: {}", self.path.display())).hint(hint)
            }
        })
    }

    /// Whether the path still leads to the file that was opened.
    pub fn is_current(&self) -> bool {
        self.device.is_current()
    }

    /// The connection, opened now where it was not.
    fn connection(&mut self) -> Result<&Connection> {
        if self.connection.is_none() {
            self.connection = Some(connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?);
        }
        self.connection.as_ref().ok_or_else(|| Error::damaged("a connection that is not there"))
    }
}

/// A connection that never checkpoints, not even when it is closed.
fn connect(path: &Path, access: OpenFlags) -> Result<Connection> {
    let fail = |e| sql(path, e);
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(fail)?;
    connection.busy_timeout(BUSY_WAIT).map_err(fail)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(fail)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0).map_err(fail)?;
    Ok(connection)
}
