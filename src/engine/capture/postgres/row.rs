//! Recorded rows on their way back into PostgreSQL.

use serde_json::{Map, Value};

use crate::base::error::{Error, Result};
use crate::format::pgrow;
use crate::storage::source::postgres::Table;
use crate::storage::source::postgres::writer::Texts;

/// What the type's input function reads; `None` is NULL.
pub(super) fn input_text(value: &Value) -> Result<Option<Vec<u8>>> {
    let wrapped = |o: &Map<String, Value>| {
        let (kind, text) = o.iter().next().filter(|_| o.len() == 1)?;
        Some((kind.clone(), text.as_str()?.to_owned()))
    };
    Ok(match value {
        Value::Null => None,
        Value::Bool(true) => Some(b"t".to_vec()),
        Value::Bool(false) => Some(b"f".to_vec()),
        Value::Number(n) => Some(n.to_string().into_bytes()),
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Object(o) => match wrapped(o) {
            Some((kind, text)) if kind == "$json" => Some(text.into_bytes()),
            Some((kind, text)) if kind == "$blob" || kind == "$text" => Some(pgrow::unwrap_bytes(&kind, &text)?),
            _ => return Err(Error::damaged("a value in a recorded row")),
        },
        Value::Array(_) => return Err(Error::damaged("a value in a recorded row")),
    })
}

/// A recorded row as a statement can hold it; the reason where it cannot be written into `table`.
pub(super) fn texts(table: &Table, json: &[u8]) -> Result<std::result::Result<Texts, String>> {
    let row: Map<String, Value> = serde_json::from_slice(json).map_err(|e| Error::damaged("a recorded row").caused_by(e))?;
    let mut out = Texts::new();
    for (name, value) in &row {
        match table.columns.iter().find(|c| c.name == *name) {
            Some(column) if column.generated => continue,
            Some(_) => {}
            None => return Ok(Err(format!("its table has no column {name} any more"))),
        }
        match input_text(value)?.map(String::from_utf8).transpose() {
            Ok(text) => out.push((name.clone(), text)),
            Err(_) => return Ok(Err(format!("{name} holds bytes that are not UTF-8, and cannot be written by a statement"))),
        }
    }
    Ok(Ok(out))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_what_input_functions_read() {
        let text = |v: Value| input_text(&v).expect("text").map(|t| String::from_utf8(t).expect("text"));
        assert_eq!(text(json!({"$json": "[1]"})).as_deref(), Some("[1]"));
        assert_eq!(text(json!({"$blob": "AP8="})).as_deref(), Some("\\x00ff"));
        assert_eq!((text(json!(null)), text(json!(true)).as_deref(), text(json!(-7)).as_deref()), (None, Some("t"), Some("-7")));
        assert!(input_text(&json!({"a": "b"})).is_err() && input_text(&json!([])).is_err());
    }
}
