//! A value of a document as its exact text.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// The kinds of JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number, as written.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl ValueKind {
    /// The kind that begins with this byte, in text that is known to be JSON.
    pub(super) fn of_first(byte: u8) -> Self {
        match byte {
            b'{' => ValueKind::Object,
            b'[' => ValueKind::Array,
            b'"' => ValueKind::String,
            b't' | b'f' => ValueKind::Bool,
            b'n' => ValueKind::Null,
            _ => ValueKind::Number,
        }
    }

    /// Whether it can have members or elements.
    pub fn is_container(self) -> bool {
        matches!(self, ValueKind::Array | ValueKind::Object)
    }

    /// The name in JSON's own words: `null`, `boolean`, `number`, `string`, `array`, `object`.
    pub fn name(self) -> &'static str {
        match self {
            ValueKind::Null => "null",
            ValueKind::Bool => "boolean",
            ValueKind::Number => "number",
            ValueKind::String => "string",
            ValueKind::Array => "array",
            ValueKind::Object => "object",
        }
    }
}

/// A JSON value: its text without the white space between tokens, every number and string exactly as it was written. Equality is of the text.
///
/// It serialises as the value itself. `serde_json::to_string` and `to_writer` keep the text; `to_value` makes numbers of it as serde_json
/// does. A value with a number that no `f64` can hold (`1e400`) serialises as a string of its text, so that no reader makes infinity of it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Value {
    kind: ValueKind,
    json: Box<str>,
}

impl Value {
    pub(super) fn new(kind: ValueKind, json: String) -> Self {
        Value { kind, json: json.into_boxed_str() }
    }

    /// What it is.
    pub fn kind(&self) -> ValueKind {
        self.kind
    }

    /// The JSON text, on one line.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The characters of a string, `None` for everything else.
    pub fn as_string(&self) -> Option<String> {
        if self.kind == ValueKind::String { serde_json::from_str(&self.json).ok() } else { None }
    }

    /// For people: the characters of a string, the JSON text of everything else. May hold line breaks and control characters.
    pub fn plain(&self) -> Cow<'_, str> {
        self.as_string().map_or(Cow::Borrowed(&*self.json), Cow::Owned)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.json)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.json)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // What serde_json cannot hold as a Value must not fail in `to_value`, on which its `json!` macro would panic.
        match serde_json::from_str::<&RawValue>(&self.json) {
            Ok(raw) if serde_json::from_str::<serde_json::Value>(&self.json).is_ok() => raw.serialize(serializer),
            _ => serializer.serialize_str(&self.json),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn the_text_survives_serialisation() {
        for text in ["1.0", "1E5", "-0", "123456789012345678901234567890", r#""\u00e5""#, r#"{"a":[1.10,null]}"#, "true"] {
            let value = parse(text.as_bytes()).expect(text);
            assert_eq!(serde_json::to_string(&value).expect(text), text);
        }
        let spaced = parse(b"{ \"a\" : [ 1.10 ,\n null ] }").expect("spaced");
        assert_eq!(spaced.json(), r#"{"a":[1.10,null]}"#);
    }

    #[test]
    fn what_no_float_can_hold_becomes_text_and_never_fails() {
        let value = parse(b"[1e400]").expect("json");
        assert_eq!(serde_json::to_value(&value).expect("total"), serde_json::json!("[1e400]"));
        assert_eq!(value.json(), "[1e400]");
    }

    #[test]
    fn plain_text_for_people() {
        let value = parse(br#""l\u00f8s""#).expect("json");
        assert_eq!((value.plain().as_ref(), value.kind().name()), ("løs", "string"));
        assert_eq!(parse(b"null").expect("json").plain(), "null");
    }
}
