//! One value of a row: the five storage classes of SQLite.

use std::sync::Arc;

use super::header::Encoding;

/// A value as SQLite stores it.
#[derive(Debug, Clone)]
pub enum Value {
    /// NULL. A NaN in the file is read as NULL, as SQLite does.
    Null,
    /// A signed integer.
    Integer(i64),
    /// A floating point number, never NaN.
    Real(f64),
    /// Text that is valid in the database's encoding, as UTF-8.
    Text(String),
    /// Text that is not valid in the database's encoding, as the bytes in the file. `CAST(x'..' AS TEXT)` in a database of the same encoding
    /// makes the same text.
    RawText(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

/// Equal are values that SQLite stores the same: 0.0 and -0.0 are two.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Integer(a), Value::Integer(b)) => a == b,
            (Value::Real(a), Value::Real(b)) => a.to_bits() == b.to_bits(),
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::RawText(a), Value::RawText(b)) | (Value::Blob(a), Value::Blob(b)) => a == b,
            _ => false,
        }
    }
}

impl Value {
    /// Text from its bytes in the file.
    pub fn text(bytes: &[u8], encoding: Encoding) -> Value {
        let decoded = match encoding {
            Encoding::Utf8 => std::str::from_utf8(bytes).ok().map(str::to_owned),
            Encoding::Utf16le => utf16(bytes, u16::from_le_bytes),
            Encoding::Utf16be => utf16(bytes, u16::from_be_bytes),
        };
        decoded.map_or_else(|| Value::RawText(bytes.to_vec()), Value::Text)
    }

    /// The integer, if it is one.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Integer(n) => Some(*n),
            _ => None,
        }
    }

    /// The text, if it is valid text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<Result<String, _>>().ok()
}

/// A name that many rows share.
pub type Name = Arc<str>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf8_or_kept_raw() {
        assert_eq!(Value::text("å".as_bytes(), Encoding::Utf8), Value::Text("å".into()));
        assert_eq!(Value::text(&[0xff], Encoding::Utf8), Value::RawText(vec![0xff]));
        assert_eq!(Value::text(&[0x3d, 0xd8, 0x00, 0xde], Encoding::Utf16le), Value::Text("😀".into()));
        assert_eq!(Value::text(&[0xd8, 0x3d, 0xde, 0x00], Encoding::Utf16be), Value::Text("😀".into()));
        // Half a surrogate pair whose bytes happen to be valid UTF-8, and half a unit.
        assert_eq!(Value::text(&[0x00, 0xd8, 0x80, 0x00], Encoding::Utf16le), Value::RawText(vec![0x00, 0xd8, 0x80, 0x00]));
        assert_eq!(Value::text(b"abc", Encoding::Utf16le), Value::RawText(b"abc".to_vec()));
    }
}
