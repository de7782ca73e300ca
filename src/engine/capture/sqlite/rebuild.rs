//! A captured database as it was: made again from the schema and the rows of that moment.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value as Json;

use crate::base::error::{Error, Kind, Result};
use crate::base::limits;
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::engine::capture::open::{IMAGE, SCHEMA};
use crate::engine::history::{Version, View, is_under, key_of};
use crate::format::sqlite::header::{AutoVacuum, Encoding};
use crate::format::sqlite::row::Row;
use crate::format::sqlite::schema::{self, PrimaryKey, Role, Table};
use crate::format::sqlite::value::Value;
use crate::model::key::show_key;
use crate::storage::catalog;
use crate::storage::source::sqlite::builder::{Builder, Shape};

use super::document::table_key;

/// Bytes: the largest row that is written into a database; SQLite's own limit is a billion.
pub(super) const ROW_BYTES_MAX: usize = 1 << 30;

/// What the keys of rows without a key begin with.
const BY_ROWID: &[u8] = b"rowid:";

/// A database that was made again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestoredDatabase {
    /// The last batch that it includes.
    pub seq: u64,
    /// Rows.
    pub rows: u64,
    /// Byte for byte the file that it was.
    pub exact: bool,
    /// Rows that name a row that is not there by a foreign key, as they did in the original.
    pub orphans: u64,
    /// What could not be made again, and why.
    pub missing: Vec<String>,
}

/// The schema document, read.
pub(super) struct Recorded {
    pub shape: Shape,
    pub objects: Vec<Object>,
    pub sequence: Vec<(String, i64)>,
}

/// A table, index, view or trigger of a schema document.
pub(super) struct Object {
    pub kind: String,
    pub name: String,
    pub sql: Option<String>,
}

impl Recorded {
    pub(super) fn parse(bytes: &[u8]) -> Result<Recorded> {
        let damaged = || Error::damaged("the schema of a captured database");
        let document: Json = serde_json::from_slice(bytes).map_err(|_| damaged())?;
        let number = |name: &str| document[name].as_i64().ok_or_else(damaged);
        let encoding = match document["encoding"].as_str() {
            Some("UTF-8") => Encoding::Utf8,
            Some("UTF-16le") => Encoding::Utf16le,
            Some("UTF-16be") => Encoding::Utf16be,
            _ => return Err(damaged()),
        };
        let auto_vacuum = match number("auto_vacuum")? {
            0 => AutoVacuum::None,
            1 => AutoVacuum::Full,
            _ => AutoVacuum::Incremental,
        };
        let shape = Shape {
            page_bytes: u32::try_from(number("page_size")?).map_err(|_| damaged())?,
            encoding,
            auto_vacuum,
            user_version: number("user_version")? as i32,
            application_id: number("application_id")? as i32,
        };
        let object = |o: &Json| {
            let text = |name: &str| o[name].as_str().map(str::to_owned);
            Some(Object { kind: text("type")?, name: text("name")?, sql: text("sql") })
        };
        let objects = document["objects"].as_array().ok_or_else(damaged)?;
        let objects = objects.iter().map(object).collect::<Option<Vec<_>>>().ok_or_else(damaged)?;
        let sequence = document["sequence"].as_object().into_iter().flatten();
        let sequence = sequence.filter_map(|(name, last)| Some((name.clone(), last.as_i64()?))).collect();
        Ok(Recorded { shape, objects, sequence })
    }

    /// The tables that rows are written into, by the beginning of their keys below the prefix.
    pub(super) fn tables(&self) -> HashMap<Vec<u8>, Table> {
        let tables = self.objects.iter().filter(|o| o.kind == "table");
        let parsed = tables.filter_map(|o| Some(schema::parse(o.sql.as_deref()?, &o.name, 1)));
        parsed.map(|table| (table_key(b"", &table.name), table)).collect()
    }
}

/// The columns and values of a row as they are written: without generated ones, with the rowid where that is the key.
pub(super) fn written<'r>(table: &'r Table, key: &str, row: &'r Row) -> Result<(Vec<&'r str>, Vec<Value>)> {
    let mut columns = Vec::with_capacity(row.columns.len() + 1);
    let mut values = Vec::with_capacity(row.columns.len() + 1);
    if let Some(rowid) = key.strip_prefix("rowid:").and_then(|n| n.parse().ok())
        && !matches!(table.key, PrimaryKey::Alias(_))
        && !table.without_rowid
    {
        columns.push(rowid_name(table)?);
        values.push(Value::Integer(rowid));
    }
    for (name, value) in &row.columns {
        let column = table.columns.iter().find(|c| c.name == *name);
        let column =
            column.ok_or_else(|| Error::damaged(format_args!("a row of {}: it has a column {name}, which the table has not", table.name)))?;
        if column.generated.is_none() {
            columns.push(&**name);
            values.push(value.clone());
        }
    }
    Ok((columns, values))
}

/// A name of the rowid that is not the name of a column.
pub(super) fn rowid_name(table: &Table) -> Result<&'static str> {
    let names = ["rowid", "_rowid_", "oid"];
    let free = names.into_iter().find(|name| !table.columns.iter().any(|c| c.name.eq_ignore_ascii_case(name)));
    free.ok_or_else(|| {
        Error::new(Kind::Failed, "restore.rowid", format!("the rows of {} are known by a rowid that its columns hide", table.name))
            .hint("nothing can write such a rowid back; the rows are readable as documents")
    })
}

impl View {
    /// The schema document below a prefix that was captured from a database; `None` where it was not, at this moment.
    fn schema_below(&self, prefix: &[u8]) -> Result<Option<Recorded>> {
        let bytes = match self.get([prefix, SCHEMA].concat()) {
            Err(e) if e.kind() == Kind::Missing => return Ok(None),
            reader => reader?.bytes(limits::JSON_FIELDS_BYTES_MAX)?,
        };
        let document: Json = serde_json::from_slice(&bytes).unwrap_or_default();
        if document["source"] != "sqlite" { Ok(None) } else { Recorded::parse(&bytes).map(Some) }
    }

    /// Whether the documents below `prefix` were, at this moment, the rows of a captured database.
    pub fn is_database(&self, prefix: &[u8]) -> Result<bool> {
        Ok(prefix.ends_with(b"/") && self.schema_below(prefix)?.is_some())
    }

    /// Makes the database below `prefix` again as it was at this moment: row for row, and byte for byte where its image was kept at exactly that
    /// moment. It is checked by SQLite before it gets its name; where something fails, nothing is at `target`.
    ///
    /// # Errors
    /// [`Kind::Missing`] where the prefix was no database then; [`Kind::Refused`] where `target` exists and is not to be replaced.
    pub fn restore_database(&self, prefix: &[u8], target: &Path, replace: bool, monitor: &dyn Monitor) -> Result<RestoredDatabase> {
        let seq = self.seq()?;
        let view = View { tenant: self.tenant.clone(), seq: Some(seq) };
        let recorded = view.schema_below(prefix)?.ok_or_else(|| {
            Error::missing("database.missing", format!("{} was no captured database at that moment", show_key(prefix)))
                .hint("annals capture sqlite FILE captures one; annals log lists the batches")
        })?;
        if let Some(image) = view.exact_image(prefix, seq)? {
            self.tenant.restore_file(&image, target, replace)?;
            return Ok(RestoredDatabase { seq, exact: true, ..RestoredDatabase::default() });
        }
        let mut report = RestoredDatabase { seq, ..RestoredDatabase::default() };
        let builder = Builder::create(target, &recorded.shape, replace)?;
        make_tables(&builder, &recorded, &mut report)?;
        view.fill(prefix, &recorded, &builder, &mut report, monitor)?;
        for (table, last) in &recorded.sequence {
            builder.raise_sequence(table, *last)?;
        }
        make_rest(&builder, &recorded, &mut report)?;
        report.orphans = builder.finish()?;
        Ok(report)
    }

    /// The image, where nothing was recorded below the prefix between it and this moment.
    fn exact_image(&self, prefix: &[u8], seq: u64) -> Result<Option<Version>> {
        let image = match self.version(&[prefix, IMAGE].concat()) {
            Err(e) if e.kind() == Kind::Missing => return Ok(None),
            image => image?,
        };
        let (from, to) = (catalog::id(self.tenant.id, image.from.seq), catalog::id(self.tenant.id, seq));
        let moved = self.tenant.inner.catalog.read(|rows| {
            for document in rows.documents_changed(from, to)? {
                if is_under(prefix, &key_of(rows, document)?) {
                    return Ok(true);
                }
            }
            Ok(false)
        })?;
        Ok((!moved).then_some(image))
    }

    fn fill(&self, prefix: &[u8], recorded: &Recorded, builder: &Builder, report: &mut RestoredDatabase, monitor: &dyn Monitor) -> Result<()> {
        let tables = recorded.tables();
        // Rows that are known by their rowid come first: those that get one from SQLite must not take it.
        for name in tables.iter().filter(|(_, t)| matches!(t.key, PrimaryKey::Columns(_)) && !t.without_rowid).map(|(name, _)| name) {
            for version in self.list([prefix, name, BY_ROWID].concat()) {
                self.insert(&version?, prefix, &tables, builder, report)?;
            }
        }
        for version in self.list(prefix) {
            let version = version?;
            let name = &version.key[prefix.len()..];
            if name == SCHEMA || name == IMAGE {
                continue;
            }
            let (table, key) = name.split_at(name.iter().position(|b| *b == b'/').map_or(name.len(), |at| at + 1));
            let inserted = key.starts_with(BY_ROWID) && tables.get(table).is_some_and(|t| t.key != PrimaryKey::Rowid);
            if !inserted {
                self.insert(&version, prefix, &tables, builder, report)?;
            }
            if report.rows.is_multiple_of(1024) {
                check_stop(monitor)?;
                monitor.progress(&Progress { phase: "writing rows", items: report.rows, ..Progress::default() });
            }
        }
        Ok(())
    }
}

impl View {
    fn insert(
        &self,
        version: &Version,
        prefix: &[u8],
        tables: &HashMap<Vec<u8>, Table>,
        builder: &Builder,
        report: &mut RestoredDatabase,
    ) -> Result<()> {
        let name = &version.key[prefix.len()..];
        let (table, key) = name.split_at(name.iter().position(|b| *b == b'/').map_or(name.len(), |at| at + 1));
        let Some(table) = tables.get(table) else {
            report.missing.push(format!("{}: its table is not in the schema", show_key(&version.key)));
            return Ok(());
        };
        let row = Row::from_json(&self.tenant.open(version)?.bytes(ROW_BYTES_MAX)?)?;
        let (columns, values) = written(table, &String::from_utf8_lossy(key), &row)?;
        builder.insert(&table.name, &columns, &values)?;
        report.rows += 1;
        Ok(())
    }
}

/// Makes the tables: those of the application, then virtual ones, which make the tables that they keep their data in by themselves.
fn make_tables(builder: &Builder, recorded: &Recorded, report: &mut RestoredDatabase) -> Result<()> {
    let tables: Vec<(&Object, Table)> = recorded
        .objects
        .iter()
        .filter(|o| o.kind == "table" && !o.name.starts_with("sqlite_"))
        .filter_map(|o| Some((o, schema::parse(o.sql.as_deref()?, &o.name, 1))))
        .collect();
    let virtuals: Vec<&str> = tables.iter().filter(|(_, t)| is_virtual(t)).map(|(o, _)| o.name.as_str()).collect();
    let belongs = |name: &str| virtuals.iter().any(|v| name.strip_prefix(v).is_some_and(|rest| rest.starts_with('_')));
    let make = |object: &Object| builder.execute(object.sql.as_deref().unwrap_or_default(), &object.name);
    for (object, _) in tables.iter().filter(|(o, t)| !is_virtual(t) && !belongs(&o.name)) {
        make(object)?;
    }
    for (object, _) in tables.iter().filter(|(_, t)| is_virtual(t)) {
        // One whose module is not at hand is left out and named: the rest is worth having.
        if let Err(e) = make(object) {
            report.missing.push(e.to_string());
        }
    }
    for (object, _) in tables.iter().filter(|(o, t)| !is_virtual(t) && belongs(&o.name)) {
        if !builder.has(&object.name)? {
            make(object)?;
        }
    }
    Ok(())
}

fn is_virtual(table: &Table) -> bool {
    matches!(table.role, Role::Virtual { .. })
}

/// Makes what stands on rows: indexes, full-text indexes, views, triggers.
fn make_rest(builder: &Builder, recorded: &Recorded, report: &mut RestoredDatabase) -> Result<()> {
    let of = |kind: &'static str| recorded.objects.iter().filter(move |o| o.kind == kind);
    for object in of("index") {
        let Some(sql) = &object.sql else { continue };
        builder.execute(sql, &object.name)?;
    }
    for object in of("table") {
        let Some(sql) = &object.sql else { continue };
        if let Role::Virtual { module } = schema::parse(sql, &object.name, 1).role
            && builder.has(&object.name)?
        {
            let filled = module.to_ascii_lowercase().starts_with("fts") && builder.rebuild_text_index(&object.name).is_ok();
            if !filled {
                report.missing.push(format!("{}: what a virtual table ({module}) holds is not history", object.name));
            }
        }
    }
    for object in of("view").chain(of("trigger")) {
        let Some(sql) = &object.sql else { continue };
        builder.execute(sql, &object.name)?;
    }
    Ok(())
}
