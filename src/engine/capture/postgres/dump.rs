//! A captured PostgreSQL database as it was at a moment, as SQL that `psql` reads: types, tables, rows, then constraints, indexes and sequences.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::{Map, Value};

use crate::base::error::{Error, Kind, Result};
use crate::base::limits;
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::engine::history::View;
use crate::format::pgrow;
use crate::model::key::show_key;

use super::row::input_text;
use crate::engine::capture::open::SCHEMA;

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dumped {
    /// Tables.
    pub tables: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes of SQL.
    pub bytes: u64,
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn text_of<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value[name].as_array().into_iter().flatten()
}

fn sql_name(table: &Value) -> String {
    format!("{}.{}", quoted(text_of(table, "schema")), quoted(text_of(table, "name")))
}

/// Counts what is written.
struct Counted<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

impl View {
    /// Whether documents under `prefix` were captured from a PostgreSQL database, as far as this view sees.
    pub fn is_postgres(&self, prefix: &[u8]) -> Result<bool> {
        Ok(self.postgres_schema(prefix)?.is_some_and(|schema| schema["source"] == "postgres"))
    }

    fn postgres_schema(&self, prefix: &[u8]) -> Result<Option<Value>> {
        match self.get([prefix, SCHEMA].concat()) {
            Ok(reader) => {
                let bytes = reader.bytes(limits::JSON_FIELDS_BYTES_MAX)?;
                Ok(serde_json::from_slice(&bytes).ok())
            }
            Err(e) if e.kind() == Kind::Missing => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Writes the database that was captured under `prefix`, as it was at the moment of this view, as SQL into the new file `path`: staged beside
    /// it, and renamed when it is whole. Partitioned tables become ordinary ones; views, functions and triggers are not part of it.
    ///
    /// # Errors
    /// [`Kind::Missing`] where no PostgreSQL database was captured under that prefix then; [`Kind::Refused`] where the file exists.
    pub fn dump_postgres(&self, prefix: &[u8], path: &Path, monitor: &dyn Monitor) -> Result<Dumped> {
        let schema = self.postgres_schema(prefix)?.filter(|schema| schema["source"] == "postgres");
        let schema = schema.ok_or_else(|| {
            Error::missing("dump.none", format!("no PostgreSQL database was captured under {} at that moment", show_key(prefix)))
                .hint("annals log PREFIX/.schema shows since when there is one")
        })?;
        if path.exists() {
            return Err(Error::new(Kind::Refused, "restore.exists", format!("{} exists already", path.display())).hint("name a new file"));
        }
        let fail = |e| Error::io(format_args!("write {}", path.display()), e);
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let staged = tempfile::NamedTempFile::new_in(dir).map_err(fail)?;
        let mut out = Counted { out: BufWriter::new(staged.as_file()), bytes: 0 };
        let mut done = self.write_sql(prefix, &schema, &mut out, monitor).map_err(|e| match e {
            Failure::Own(e) => e,
            Failure::Disk(e) => fail(e),
        })?;
        out.flush().map_err(fail)?;
        done.bytes = out.bytes;
        drop(out);
        staged.as_file().sync_all().map_err(fail)?;
        staged.persist_noclobber(path).map_err(|e| fail(e.error))?;
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(fail)?;
        Ok(done)
    }

    fn write_sql(&self, prefix: &[u8], schema: &Value, out: &mut dyn Write, monitor: &dyn Monitor) -> Result<Dumped, Failure> {
        let mut done = Dumped::default();
        let position = self.position()?;
        writeln!(out, "-- {} as of seq {}, digest {}", show_key(prefix), position.seq, position.digest.to_hex())?;
        writeln!(
            out,
            "BEGIN;\nSET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\nSET TimeZone = 'UTC';\nSET check_function_bodies = off;"
        )?;
        let schemas: BTreeSet<&str> = list(schema, "tables").map(|t| text_of(t, "schema")).filter(|name| *name != "public").collect();
        for name in schemas {
            writeln!(out, "CREATE SCHEMA IF NOT EXISTS {};", quoted(name))?;
        }
        for kind in list(schema, "enums") {
            let labels: Vec<String> = list(kind, "labels").filter_map(|l| Some(literal(l.as_str()?))).collect();
            writeln!(out, "CREATE TYPE {} AS ENUM ({});", text_of(kind, "name"), labels.join(", "))?;
        }
        for table in list(schema, "tables") {
            for sequence in list(table, "columns").filter_map(sequence_of) {
                writeln!(out, "CREATE SEQUENCE IF NOT EXISTS {sequence};")?;
            }
            let columns: Vec<String> = list(table, "columns").map(column).collect();
            writeln!(out, "CREATE TABLE {} (\n  {}\n);", sql_name(table), columns.join(",\n  "))?;
            done.tables += 1;
        }
        for table in list(schema, "tables") {
            self.write_rows(prefix, table, out, &mut done, monitor)?;
        }
        for foreign in [false, true] {
            for table in list(schema, "tables") {
                let constraints = list(table, "constraints").filter(|c| text_of(c, "definition").starts_with("FOREIGN KEY") == foreign);
                for c in constraints {
                    writeln!(out, "ALTER TABLE {} ADD CONSTRAINT {} {};", sql_name(table), quoted(text_of(c, "name")), text_of(c, "definition"))?;
                }
                for index in list(table, "indexes").filter_map(Value::as_str).filter(|_| !foreign) {
                    writeln!(out, "{index};")?;
                }
            }
        }
        for table in list(schema, "tables") {
            for c in list(table, "columns") {
                let name = quoted(text_of(c, "name"));
                let sequence = match sequence_of(c) {
                    Some(sequence) => literal(&sequence),
                    None if !text_of(c, "identity").is_empty() => {
                        format!("pg_get_serial_sequence({}, {})", literal(&sql_name(table)), literal(text_of(c, "name")))
                    }
                    None => continue,
                };
                writeln!(out, "SELECT setval({sequence}, coalesce(max({name}), 0) + 1, false) FROM {};", sql_name(table))?;
            }
        }
        writeln!(out, "COMMIT;")?;
        Ok(done)
    }

    fn write_rows(&self, prefix: &[u8], table: &Value, out: &mut dyn Write, done: &mut Dumped, monitor: &dyn Monitor) -> Result<(), Failure> {
        let columns: Vec<&str> = list(table, "columns").filter(|c| c["generated"] != true).map(|c| text_of(c, "name")).collect();
        // Rows that were written before a column was added lack it: they are copied without it, and PostgreSQL fills in the default.
        let mut open: Option<Vec<&str>> = None;
        for version in self.list([prefix, text_of(table, "text").as_bytes(), b"/"].concat()) {
            check_stop(monitor)?;
            let bytes = self.tenant.open(&version?)?.bytes(limits::ROW_BYTES_MAX)?;
            let row: Map<String, Value> = serde_json::from_slice(&bytes).map_err(|e| Error::damaged("a recorded row").caused_by(e))?;
            let present: Vec<&str> = columns.iter().copied().filter(|name| row.contains_key(*name)).collect();
            if open.as_ref() != Some(&present) {
                if open.is_some() {
                    writeln!(out, "\\.")?;
                }
                let names: Vec<String> = present.iter().map(|name| quoted(name)).collect();
                writeln!(out, "COPY {} ({}) FROM stdin;", sql_name(table), names.join(", "))?;
            }
            let mut line = Vec::new();
            for (i, name) in present.iter().enumerate() {
                if i > 0 {
                    line.push(b'\t');
                }
                pgrow::put_copy_value(&mut line, input_text(&row[*name])?.as_deref());
            }
            line.push(b'\n');
            out.write_all(&line)?;
            open = Some(present);
            done.rows += 1;
            if done.rows.is_multiple_of(1024) {
                monitor.progress(&Progress { phase: "writing", items: done.rows, ..Progress::default() });
            }
        }
        if open.is_some() {
            writeln!(out, "\\.")?;
        }
        Ok(())
    }
}

/// What went wrong while SQL was written.
enum Failure {
    Own(Error),
    Disk(std::io::Error),
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        Failure::Own(e)
    }
}

impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Self {
        Failure::Disk(e)
    }
}

/// A column in `CREATE TABLE`.
fn column(c: &Value) -> String {
    let mut out = format!("{} {}", quoted(text_of(c, "name")), text_of(c, "type"));
    match (c["default"].as_str(), c["generated"] == true, text_of(c, "identity")) {
        (Some(expression), true, _) => out.push_str(&format!(" GENERATED ALWAYS AS ({expression}) STORED")),
        (_, _, "a") => out.push_str(" GENERATED ALWAYS AS IDENTITY"),
        (_, _, "d") => out.push_str(" GENERATED BY DEFAULT AS IDENTITY"),
        (Some(expression), false, _) => out.push_str(&format!(" DEFAULT {expression}")),
        (None, ..) => {}
    }
    if c["not_null"] == true {
        out.push_str(" NOT NULL");
    }
    out
}

/// The sequence that a column takes its default from, as SQL names it.
fn sequence_of(c: &Value) -> Option<String> {
    let text = c["default"].as_str()?.strip_prefix("nextval('")?;
    Some(text.split_once("'::regclass")?.0.replace("''", "'"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_and_values_are_sql() {
        let c = |v: Value| column(&v);
        assert_eq!(
            c(json!({"name": "a\"b", "type": "integer", "not_null": true, "default": null, "generated": false, "identity": ""})),
            "\"a\"\"b\" integer NOT NULL"
        );
        assert_eq!(
            c(json!({"name": "a", "type": "text", "not_null": false, "default": "'x'::text", "generated": false, "identity": ""})),
            "\"a\" text DEFAULT 'x'::text"
        );
        assert_eq!(
            c(json!({"name": "a", "type": "bigint", "not_null": true, "default": null, "generated": false, "identity": "a"})),
            "\"a\" bigint GENERATED ALWAYS AS IDENTITY NOT NULL"
        );
        assert_eq!(sequence_of(&json!({"default": "nextval('shop.\"it''s\"'::regclass)"})).as_deref(), Some("shop.\"it's\""));
    }
}
