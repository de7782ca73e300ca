//! An application's database and a store beside it.

use std::path::{Path, PathBuf};

use annals::engine::capture::sqlite::{SqliteCapture, SqliteCaptured};
use annals::engine::plans::By;
use annals::{Result, Silent, Store};
use rusqlite::Connection;
use rusqlite::types::Value;

pub struct Site {
    pub dir: tempfile::TempDir,
    pub store: Store,
}

pub fn site() -> Site {
    let dir = tempfile::tempdir().expect("dir");
    let store = Store::init(dir.path().join("store"), "test").expect("init");
    Site { dir, store }
}

/// Opens a database as an application does.
pub fn open(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("open");
    connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF").expect("pragmas");
    connection
}

impl Site {
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A new database with a write-ahead log, after `setup`.
    pub fn app(&self, setup: &str) -> Connection {
        let connection = open(&self.path("app.db"));
        connection.execute_batch(setup).expect("setup");
        connection
    }

    pub fn what(&self) -> SqliteCapture {
        SqliteCapture::new(self.path("app.db"), b"app")
    }

    pub fn try_capture(&self) -> Result<SqliteCaptured> {
        self.store.capture_sqlite(&self.what(), &By::default(), &Silent)
    }

    pub fn capture(&self) -> SqliteCaptured {
        self.try_capture().expect("capture")
    }

    /// Makes the captured database again and says what is in it.
    pub fn restored(&self) -> Vec<String> {
        let target = self.path("again.db");
        let report = self.store.now().restore_database(b"app/", &target, true, &Silent).expect("restore");
        assert_eq!(report.missing, Vec::<String>::new());
        let made = open(&target);
        let sound: String = made.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checked");
        assert_eq!(sound, "ok");
        dump(&made)
    }

    pub fn text(&self, key: &str) -> String {
        String::from_utf8(self.store.get(key).expect("document").bytes(1 << 20).expect("bytes")).expect("text")
    }
}

fn shown(value: Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Integer(n) => n.to_string(),
        Value::Real(n) => format!("{n:?}"),
        Value::Text(text) => format!("{text:?}"),
        Value::Blob(bytes) => format!("x{bytes:02x?}"),
    }
}

/// Everything in a database that is not SQLite's own: header fields, definitions, rows in no particular order.
pub fn dump(connection: &Connection) -> Vec<String> {
    let mut out = Vec::new();
    for pragma in ["page_size", "encoding", "auto_vacuum", "user_version", "application_id"] {
        let value = connection.query_row(&format!("PRAGMA {pragma}"), [], |r| r.get::<_, Value>(0)).expect(pragma);
        out.push(format!("{pragma} {}", shown(value)));
    }
    let mut objects = connection.prepare("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2").expect("schema");
    let objects: Vec<(String, String, Option<String>)> =
        objects.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).expect("schema").map(|r| r.expect("object")).collect();
    let is_virtual = |sql: &Option<String>| sql.as_ref().is_some_and(|s| s.to_lowercase().starts_with("create virtual"));
    let virtuals: Vec<String> = objects.iter().filter(|(_, _, sql)| is_virtual(sql)).map(|(_, name, _)| format!("{name}_")).collect();
    for (kind, name, sql) in &objects {
        // What a virtual table keeps its data in may be arranged otherwise.
        if virtuals.iter().any(|v| name.starts_with(v.as_str())) {
            continue;
        }
        out.push(format!("{kind} {name}: {}", sql.as_deref().unwrap_or_default()));
        if kind == "table" {
            out.extend(rows(connection, name));
        }
    }
    out
}

fn rows(connection: &Connection, table: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("SELECT * FROM \"{table}\"")).expect("table");
    let columns = statement.column_count();
    let mut rows = statement.query([]).expect("rows");
    let mut out = Vec::new();
    while let Some(row) = rows.next().expect("row") {
        let values: Vec<String> = (0..columns).map(|i| shown(row.get(i).expect("value"))).collect();
        out.push(format!("{table}({})", values.join(", ")));
    }
    out.sort();
    out
}
