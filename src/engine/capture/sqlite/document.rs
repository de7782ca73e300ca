//! Rows and schemas as documents.

use serde_json::{Map, Value as Json, json};

use crate::base::error::{Error, Result};
use crate::base::limits;
use crate::format::sqlite::header::{AutoVacuum, Header};
use crate::format::sqlite::row::Key;
use crate::format::sqlite::schema::{Role, Schema, Table};
use crate::format::sqlite::tree::Database;
use crate::format::sqlite::value::Value;

/// The table in which an application may say who does a transaction, and why.
pub(super) const CONTEXT: &str = "annals_context";

/// The key of all rows of a table: its name, with what has a meaning in keys escaped, and a slash.
pub(super) fn table_key(prefix: &[u8], table: &str) -> Vec<u8> {
    let mut out = prefix.to_vec();
    for c in table.chars() {
        if c.is_control() || "%/".contains(c) {
            let mut utf8 = [0; 4];
            c.encode_utf8(&mut utf8).bytes().for_each(|b| out.extend_from_slice(format!("%{b:02X}").as_bytes()));
        } else {
            let mut utf8 = [0; 4];
            out.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
        }
    }
    out.push(b'/');
    out
}

/// The key of a row's document.
pub(super) fn row_key(prefix: &[u8], table: &Table, key: &Key) -> Vec<u8> {
    let mut out = table_key(prefix, &table.name);
    let left = limits::KEY_BYTES_MAX.saturating_sub(out.len());
    out.extend_from_slice(key.text(table, left).as_bytes());
    out
}

/// Whether the rows of a table are history: not SQLite's own, and not the index of a virtual table, which is made again from what it indexes.
pub(super) fn is_recorded(table: &Table) -> bool {
    match table.role {
        Role::Plain | Role::Shadow { content: true, .. } => true,
        Role::Internal | Role::Shadow { content: false, .. } | Role::Virtual { .. } => false,
    }
}

/// The schema as a document. Without the numbers of pages, which mean nothing elsewhere; in their order, in which things were made.
pub(super) fn schema(schema: &Schema, header: &Header) -> Json {
    let mut objects: Vec<_> = schema.objects.iter().collect();
    // What has no page, views and triggers, comes last in its own order: it may name everything else.
    objects.sort_by_key(|o| if o.root == 0 && o.kind != "table" { u32::MAX } else { o.root });
    let shown: Vec<Json> = objects.iter().map(|o| json!({ "type": o.kind, "name": o.name, "table": o.table, "sql": o.sql })).collect();
    json!({
        "source": "sqlite",
        "page_size": header.page_size,
        "encoding": header.encoding.name(),
        "auto_vacuum": match header.auto_vacuum { AutoVacuum::None => 0, AutoVacuum::Full => 1, AutoVacuum::Incremental => 2 },
        "user_version": header.user_version,
        "application_id": header.application_id,
        "objects": shown,
    })
}

/// The last numbers that AUTOINCREMENT gave, by table.
pub(super) fn sequence(state: &Schema, database: &Database<'_>) -> Result<Option<Json>> {
    let Some(table) = state.table("sqlite_sequence") else { return Ok(None) };
    let mut out = Map::new();
    table.rows(database, &mut |_, row| {
        if let (Some(Value::Text(name)), Some(Value::Integer(last))) = (row.get("name"), row.get("seq")) {
            out.insert(name.clone(), (*last).into());
        }
        Ok(())
    })?;
    Ok(Some(Json::Object(out)))
}

/// The document's bytes.
pub(super) fn text(document: &Json) -> Result<Vec<u8>> {
    serde_json::to_vec(document)
        .map_err(|e| Error::new(crate::base::error::Kind::Failed, "capture.schema", format!("the schema cannot be written: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables_cannot_be_mistaken_for_paths() {
        assert_eq!(table_key(b"p/", "a/b%\n"), b"p/a%2Fb%25%0A/");
        assert_eq!(table_key(b"p/", "blåbær"), "p/blåbær/".as_bytes());
    }
}
