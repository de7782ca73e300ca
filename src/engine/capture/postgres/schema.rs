//! The schema of a captured database as a document, and what its changes mean for the rows that are recorded.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::base::error::{Error, Result};
use crate::storage::source::postgres::Table;

/// The schema as JSON: tables in order of name, and the enumerations.
pub(super) fn document(tables: &[&Table], enums: &[(String, Vec<String>)]) -> Vec<u8> {
    let column = |c: &crate::storage::source::postgres::Column| {
        json!({
            "number": c.number,
            "name": c.name,
            "type": c.type_name,
            "not_null": c.not_null,
            "default": c.default,
            "generated": c.generated,
            "identity": c.identity,
        })
    };
    let table = |t: &&Table| {
        json!({
            "oid": t.oid,
            "schema": t.schema,
            "name": t.name,
            "text": t.text(),
            "partitioned": t.partitioned,
            "key": t.key,
            "columns": t.columns.iter().map(column).collect::<Vec<_>>(),
            "constraints": t.constraints.iter().map(|(name, text)| json!({ "name": name, "definition": text })).collect::<Vec<_>>(),
            "indexes": t.indexes,
        })
    };
    let enums: Vec<Value> = enums.iter().map(|(name, labels)| json!({ "name": name, "labels": labels })).collect();
    let value = json!({ "source": "postgres", "enums": enums, "tables": tables.iter().map(table).collect::<Vec<_>>() });
    let mut out = serde_json::to_vec_pretty(&value).unwrap_or_default();
    out.push(b'\n');
    out
}

/// The schema of these tables as a value, without enumerations.
pub(super) fn value(tables: &[&Table]) -> Result<Value> {
    serde_json::from_slice(&document(tables, &[])).map_err(|e| Error::damaged("a schema").caused_by(e))
}

/// Names (in keys) of the tables of a schema document.
pub(super) fn texts(schema: &Value) -> impl Iterator<Item = &str> {
    schema["tables"].as_array().into_iter().flatten().filter_map(|t| t["text"].as_str())
}

/// The first table whose rows look otherwise in two schema documents, whatever numbers the server gave it: another server has others.
pub(super) fn first_other(old: &Value, new: &Value) -> Option<String> {
    let shape = |t: &Value| {
        let of = |c: &Value| (c["name"].clone(), c["type"].clone(), c["generated"].clone());
        let columns: Vec<_> = t["columns"].as_array().into_iter().flatten().map(of).collect();
        (t["key"].clone(), columns)
    };
    let tables = |schema: &Value| -> BTreeMap<String, _> {
        let all = schema["tables"].as_array().into_iter().flatten();
        all.map(|t| (t["text"].as_str().unwrap_or_default().to_owned(), shape(t))).collect()
    };
    let (old, new) = (tables(old), tables(new));
    old.keys().chain(new.keys()).find(|name| old.get(*name) != new.get(*name)).cloned()
}

/// Whether a table of one schema document is another one in the other, under the same name: it was made anew.
pub(super) fn was_made_anew(old: &Value, new: &Value) -> bool {
    let numbers = |schema: &Value| -> BTreeMap<String, Option<i64>> {
        let all = schema["tables"].as_array().into_iter().flatten();
        all.map(|t| (t["text"].as_str().unwrap_or_default().to_owned(), t["oid"].as_i64())).collect()
    };
    let (old, new) = (numbers(old), numbers(new));
    old.iter().any(|(name, oid)| new.get(name).is_some_and(|now| now != oid))
}

/// What has to be done to the recorded rows because the schema changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    /// Tables (numbers) whose rows have to be read again: new ones, and those whose rows mean or look something else now.
    pub scan: Vec<i64>,
    /// Tables (names in keys) whose rows are to be removed.
    pub gone: Vec<String>,
}

fn columns(table: &Value) -> BTreeMap<i64, (&str, &str)> {
    let rows = table["columns"].as_array().into_iter().flatten();
    let rows = rows.filter(|c| c["generated"] != true);
    rows.filter_map(|c| Some((c["number"].as_i64()?, (c["name"].as_str()?, c["type"].as_str()?)))).collect()
}

/// Compares two schema documents. `exists` says whether the database still has a table that is not captured any more.
pub(super) fn compare(old: &Value, new: &Value, exists: &dyn Fn(i64) -> bool) -> Changed {
    let tables = |schema: &Value| -> BTreeMap<i64, Value> {
        let all = schema["tables"].as_array().into_iter().flatten();
        all.filter_map(|t| Some((t["oid"].as_i64()?, t.clone()))).collect()
    };
    let (old, new) = (tables(old), tables(new));
    let mut changed = Changed::default();
    for (oid, was) in &old {
        let name = was["text"].as_str().unwrap_or_default();
        match new.get(oid) {
            Some(now) if now["text"] != was["text"] => changed.gone.push(name.to_owned()),
            None if !exists(*oid) => changed.gone.push(name.to_owned()),
            _ => {}
        }
    }
    // A table that was dropped and made again has its name: its rows are compared like any other's.
    changed.gone.retain(|name| !new.values().any(|now| now["text"] == **name));
    for (oid, now) in &new {
        // Columns that were only added leave the rows as they are: they lack the field, as PostgreSQL's own rows do.
        let same = old.get(oid).is_some_and(|was| {
            let (had, has) = (columns(was), columns(now));
            was["text"] == now["text"] && was["key"] == now["key"] && had.iter().all(|(number, column)| has.get(number) == Some(column))
        });
        if !same {
            changed.scan.push(*oid);
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(oid: i64, text: &str, columns: &[(i64, &str, &str)]) -> Value {
        let columns: Vec<Value> =
            columns.iter().map(|(n, name, kind)| json!({ "number": n, "name": name, "type": kind, "generated": false })).collect();
        json!({ "oid": oid, "text": text, "key": ["id"], "columns": columns })
    }

    fn changes(old: &[Value], new: &[Value]) -> (Vec<i64>, Vec<String>) {
        let c = compare(&json!({ "tables": old }), &json!({ "tables": new }), &|oid| oid == 9);
        (c.scan, c.gone)
    }

    #[test]
    fn only_what_changes_the_meaning_of_rows_makes_them_read_again() {
        let was = table(1, "t", &[(1, "id", "integer"), (2, "a", "text")]);
        let of = |columns: &[(i64, &str, &str)]| changes(std::slice::from_ref(&was), &[table(1, "t", columns)]);
        let none = (vec![], vec![]);
        assert_eq!(of(&[(1, "id", "integer"), (2, "a", "text")]), none);
        assert_eq!(of(&[(1, "id", "integer"), (2, "a", "text"), (3, "b", "text")]), none, "added");
        assert_eq!(of(&[(1, "id", "integer")]), (vec![1], vec![]), "dropped");
        assert_eq!(of(&[(1, "id", "integer"), (2, "b", "text")]), (vec![1], vec![]), "renamed");
        assert_eq!(of(&[(1, "id", "bigint"), (2, "a", "text")]), (vec![1], vec![]), "another type");
        assert_eq!(changes(&[], std::slice::from_ref(&was)), (vec![1], vec![]), "new table");
        assert_eq!(changes(std::slice::from_ref(&was), &[]), (vec![], vec!["t".to_owned()]), "dropped table");
        assert_eq!(changes(&[table(9, "t", &[])], &[]), none, "not captured any more");
        assert_eq!(changes(std::slice::from_ref(&was), &[table(1, "u", &[])]), (vec![1], vec!["t".to_owned()]), "renamed table");
        assert_eq!(changes(std::slice::from_ref(&was), &[table(2, "t", &[])]), (vec![2], vec![]), "made anew");
    }

    #[test]
    fn numbers_of_another_server_make_no_other_schema() {
        let schema = |oid, n, kind| json!({ "tables": [table(oid, "t", &[(n, "id", kind)])] });
        let was = schema(1, 1, "integer");
        assert_eq!((first_other(&was, &schema(9, 3, "integer")), was_made_anew(&was, &schema(9, 3, "integer"))), (None, true));
        assert_eq!((first_other(&was, &schema(1, 1, "text")), was_made_anew(&was, &schema(1, 1, "text"))), (Some("t".into()), false));
        assert_eq!(first_other(&was, &json!({ "tables": [] })), Some("t".into()));
    }
}
