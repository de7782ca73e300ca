//! Rows of PostgreSQL as documents: canonical JSON for the content, and a text for the key.
//!
//! JSON: one object, columns in the order of the table, nothing between the tokens. NULL is `null`; int2, int4, int8 and oid are numbers; bool
//! is `true` or `false`; json and jsonb are `{"$json":"text"}`; bytea is `{"$blob":"base64"}`; every other type is a string as PostgreSQL prints it
//! (with `DateStyle` ISO, `IntervalStyle` postgres, `TimeZone` UTC, `bytea_output` hex); text that is not UTF-8 is `{"$text":"base64"}`.
//!
//! Key text: the values of the key's columns as PostgreSQL prints them, joined by `,`. In a value `%`, `/`, `,`, control characters and bytes
//! that are not UTF-8 are `%XX`, and so is a `#` or `'` at its beginning; an empty value is `''`. Within a table two keys never have the same text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::base::digest::Digest;
use crate::base::error::{Error, Result};
use crate::format::json::put_string;

/// How the values of a type stand in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Number,
    Bool,
    Json,
    Bytes,
    Text,
}

/// The types with a form of their own, by their numbers in `pg_type.dat`, which never change.
fn form_of(type_oid: u32) -> Form {
    match type_oid {
        20 | 21 | 23 | 26 => Form::Number,
        16 => Form::Bool,
        114 | 3802 => Form::Json,
        17 => Form::Bytes,
        _ => Form::Text,
    }
}

/// A value on its way into JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// NULL.
    Null,
    /// What the type's output function printed.
    Text(&'a [u8]),
    /// JSON that stands in an earlier version of the row.
    Json(&'a str),
}

fn put_wrapped(out: &mut String, kind: &str, text: &str) {
    out.push_str("{\"");
    out.push_str(kind);
    out.push_str("\":");
    put_string(out, text);
    out.push('}');
}

fn put_text(out: &mut String, bytes: &[u8], wrap: Option<&str>) {
    match (std::str::from_utf8(bytes), wrap) {
        (Ok(text), None) => put_string(out, text),
        (Ok(text), Some(kind)) => put_wrapped(out, kind, text),
        (Err(_), _) => put_wrapped(out, "$text", &BASE64.encode(bytes)),
    }
}

/// The bytes of a bytea as PostgreSQL prints it (`\x0aff`).
fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.strip_prefix(b"\\x").filter(|d| d.len().is_multiple_of(2))?;
    let digit = |b: &u8| (*b as char).to_digit(16);
    digits.chunks(2).map(|pair| Some((digit(&pair[0])? << 4 | digit(&pair[1])?) as u8)).collect()
}

fn is_integer(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    !digits.is_empty() && digits.len() < 20 && digits.iter().all(u8::is_ascii_digit)
}

/// Appends a value of a type as JSON.
fn put_value(out: &mut String, type_oid: u32, cell: Cell<'_>) {
    let text = match cell {
        Cell::Null => return out.push_str("null"),
        Cell::Json(json) => return out.push_str(json),
        Cell::Text(text) => text,
    };
    match form_of(type_oid) {
        Form::Number if is_integer(text) => text.iter().for_each(|b| out.push(char::from(*b))),
        Form::Bool if text == b"t" => out.push_str("true"),
        Form::Bool if text == b"f" => out.push_str("false"),
        Form::Json => put_text(out, text, Some("$json")),
        Form::Bytes => match unhex(text) {
            Some(bytes) => put_wrapped(out, "$blob", &BASE64.encode(bytes)),
            None => put_text(out, text, None),
        },
        Form::Number | Form::Bool | Form::Text => put_text(out, text, None),
    }
}

/// A row as canonical JSON: name and type of each column with its value.
pub fn row_json<'c>(columns: impl IntoIterator<Item = (&'c str, u32, Cell<'c>)>) -> Vec<u8> {
    let mut out = String::from("{");
    for (i, (name, type_oid, cell)) in columns.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        put_string(&mut out, name);
        out.push(':');
        put_value(&mut out, type_oid, cell);
    }
    out.push('}');
    out.into_bytes()
}

fn escape(out: &mut String, value: &[u8], more: &str) {
    for chunk in value.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || "%/,".contains(c) || more.contains(c) {
                let mut utf8 = [0; 4];
                c.encode_utf8(&mut utf8).bytes().for_each(|b| out.push_str(&format!("%{b:02X}")));
            } else {
                out.push(c);
            }
        }
        chunk.invalid().iter().for_each(|b| out.push_str(&format!("%{b:02X}")));
    }
}

/// The name of a table within keys: its own, and before it that of its schema and a dot unless that is `public`.
pub fn table_text(schema: &str, name: &str) -> String {
    let mut out = String::new();
    if schema != "public" {
        escape(&mut out, schema.as_bytes(), ".");
        out.push('.');
    }
    escape(&mut out, name.as_bytes(), ".");
    out
}

/// The text of a key; one that is longer than `most` bytes becomes `#` and the BLAKE3 digest of that text.
pub fn key_text<'v>(values: impl IntoIterator<Item = &'v [u8]>, most: usize) -> String {
    let mut out = String::new();
    for (i, value) in values.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        match value {
            b"" => out.push_str("''"),
            [first @ (b'#' | b'\''), rest @ ..] => {
                out.push_str(&format!("%{first:02X}"));
                escape(&mut out, rest, "");
            }
            value => escape(&mut out, value, ""),
        }
    }
    if out.len() > most { format!("#{}", Digest::of(out.as_bytes()).to_hex()) } else { out }
}

/// The values of a line of `COPY .. TO STDOUT` in text form (without its line end); `None` is NULL.
///
/// # Errors
/// [`Error::damaged`] for a backslash at the end.
pub fn copy_values(line: &[u8]) -> Result<Vec<Option<Vec<u8>>>> {
    line.split(|b| *b == b'\t').map(copy_value).collect()
}

fn copy_value(field: &[u8]) -> Result<Option<Vec<u8>>> {
    if field == b"\\N" {
        return Ok(None);
    }
    let mut out = Vec::with_capacity(field.len());
    let mut bytes = field.iter();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next().ok_or_else(|| Error::damaged("a line of COPY"))? {
                b'b' => 8,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'v' => 11,
                other => *other,
            },
            byte => *byte,
        });
    }
    Ok(Some(out))
}

/// Appends a value in the form that `COPY .. FROM` reads.
pub fn put_copy_value(out: &mut Vec<u8>, value: Option<&[u8]>) {
    let Some(value) = value else { return out.extend_from_slice(b"\\N") };
    for byte in value {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte => out.push(*byte),
        }
    }
}

/// What PostgreSQL's input function reads, from the bytes of a `$blob` or `$text`.
pub fn unwrap_bytes(kind: &str, base64: &str) -> Result<Vec<u8>> {
    let bytes = BASE64.decode(base64).map_err(|_| Error::damaged("base64 in the JSON of a row"))?;
    Ok(match kind {
        "$blob" => [b"\\x".to_vec(), bytes.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect()].concat(),
        _ => bytes,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(type_oid: u32, text: &[u8]) -> String {
        String::from_utf8(row_json([("c", type_oid, Cell::Text(text))])).expect("text")
    }

    #[test]
    fn values_have_the_forms_of_their_types() {
        assert_eq!(json(23, b"-5"), r#"{"c":-5}"#);
        assert_eq!(json(16, b"t"), r#"{"c":true}"#);
        assert_eq!(json(1700, b"1.50"), r#"{"c":"1.50"}"#);
        assert_eq!(json(701, b"NaN"), r#"{"c":"NaN"}"#);
        assert_eq!(json(3802, br#"{"a": 1}"#), r#"{"c":{"$json":"{\"a\": 1}"}}"#);
        assert_eq!(json(17, b"\\x00ff"), r#"{"c":{"$blob":"AP8="}}"#);
        assert_eq!(json(25, b"a\"\n\xc3\xa5\x01"), "{\"c\":\"a\\\"\\nå\\u0001\"}");
        assert_eq!(json(25, b"\xff"), r#"{"c":{"$text":"/w=="}}"#);
        assert_eq!(row_json([("a", 25, Cell::Null), ("b", 25, Cell::Json("\"x\""))]), br#"{"a":null,"b":"x"}"#);
        assert_eq!(unwrap_bytes("$blob", "AP8=").expect("bytes"), b"\\x00ff");
    }

    #[test]
    fn keys_read_well() {
        assert_eq!(key_text([&b"4711"[..], b"a/b,c%"], 99), "4711,a%2Fb%2Cc%25");
        assert_eq!(key_text([&b"#1"[..], b"", b"'x"], 99), "%231,'',%27x");
        assert!(key_text([&[b'x'; 100][..]], 99).starts_with('#'));
        assert_eq!(table_text("public", "a.b"), "a%2Eb");
        assert_eq!(table_text("shop", "item"), "shop.item");
    }

    proptest! {
        #[test]
        fn different_keys_have_different_texts(
            a in proptest::collection::vec(proptest::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"#',%/".to_vec())], 0..6), 1..4),
            b in proptest::collection::vec(proptest::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"#',%/".to_vec())], 0..6), 1..4),
        ) {
            let text = |key: &[Vec<u8>]| key_text(key.iter().map(|v| &v[..]), 4096);
            prop_assert_eq!(text(&a) == text(&b), a == b);
            let text = text(&a);
            prop_assert!(!text.is_empty() && !text.contains('/') && !text.chars().any(char::is_control));
        }

        #[test]
        fn lines_of_copy_round_trip(values in proptest::collection::vec(proptest::option::of(proptest::collection::vec(any::<u8>(), 0..12)), 1..5)) {
            let mut line = Vec::new();
            for (i, value) in values.iter().enumerate() {
                if i > 0 {
                    line.push(b'\t');
                }
                put_copy_value(&mut line, value.as_deref());
            }
            prop_assert!(!line.contains(&b'\n'));
            prop_assert_eq!(copy_values(&line).expect("read"), values);
        }
    }
}
