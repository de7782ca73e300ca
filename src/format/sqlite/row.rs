//! A row as a document: canonical JSON for its content, and a text for its key.
//!
//! JSON: one object, columns in the order of the table, nothing between the tokens. NULL is `null`; an INTEGER is a number; a REAL is a number with
//! a `.` or an `e`, the shortest that reads back the same, and the infinities are `{"$real":"inf"}` and `{"$real":"-inf"}`; valid text is a string;
//! text that is not valid in the database's encoding is `{"$text":"base64"}`; a BLOB is `{"$blob":"base64"}`.
//!
//! Key text: the columns of the primary key in its order, joined by `,`. An integer is decimal, a real is its shortest text, a blob is `x'HEX'`, text
//! stands for itself. In text `%`, `/`, `,`, control characters and bytes that are not UTF-8 are `%XX`. Text that could be read as something else
//! has a `'` before it; in a column of TEXT affinity, which holds no numbers, `12` needs none. Rows without a key, and rows with NULL in their key
//! (which SQLite allows more than once), are `rowid:N`. Within a table two rows never have the same text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::record;
use super::schema::{Affinity, PrimaryKey, Table};
use super::tree::{Cell, Database};
use super::value::{Name, Value};
use crate::base::digest::Digest;
use crate::base::error::{Error, Result};
use crate::format::json::put_string;

/// Media type of the JSON of a row.
pub const ROW_MEDIA_TYPE: &str = "application/vnd.annals.row+json";

/// The columns that a row has, in the order of the table, with their values. A row that was written before a column was added lacks it; a virtual
/// generated column is never there.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Names and values.
    pub columns: Vec<(Name, Value)>,
}

/// By what a row is known within its table.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    /// The rowid: the table has no key, or the row has NULL in it.
    Rowid(i64),
    /// The values of the key's columns, in the order of the key.
    Columns(Vec<Value>),
}

impl Row {
    /// The value of a column; `None` where the row lacks it.
    pub fn get(&self, column: &str) -> Option<&Value> {
        self.columns.iter().find(|(name, _)| &**name == column).map(|(_, value)| value)
    }

    /// The row as canonical JSON. Equal rows have equal bytes, different rows different ones.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = String::from("{");
        for (i, (name, value)) in self.columns.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            put_string(&mut out, name);
            out.push(':');
            put_value(&mut out, value);
        }
        out.push('}');
        out.into_bytes()
    }

    /// Reads the JSON of a row, also with spaces and escapes that [`Row::to_json`] does not write. Fails for everything that is no row of a SQLite
    /// table: other types, a number that fits neither an integer nor a real, one column twice.
    pub fn from_json(json: &[u8]) -> Result<Row> {
        let mut parser = Json { bytes: json, at: 0 };
        parser.row().ok_or_else(|| {
            Error::usage("row.json", format!("not the JSON of a row, at byte {}", parser.at)).hint(
                "a row is one object of columns; values are null, numbers, strings, {\"$blob\":\"base64\"}, {\"$text\":..} or {\"$real\":\"inf\"}",
            )
        })
    }
}

fn put_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Integer(n) => out.push_str(&n.to_string()),
        Value::Real(n) if n.is_infinite() => out.push_str(if *n > 0.0 { "{\"$real\":\"inf\"}" } else { "{\"$real\":\"-inf\"}" }),
        // Shortest text that reads back the same, always with '.' or 'e'.
        Value::Real(n) => out.push_str(&format!("{n:?}")),
        Value::Text(text) => put_string(out, text),
        Value::RawText(bytes) => put_bytes(out, "$text", bytes),
        Value::Blob(bytes) => put_bytes(out, "$blob", bytes),
    }
}

fn put_bytes(out: &mut String, kind: &str, bytes: &[u8]) {
    out.push_str("{\"");
    out.push_str(kind);
    out.push_str("\":\"");
    BASE64.encode_string(bytes, out);
    out.push_str("\"}");
}

/// Reads the JSON of rows. `None` is "not the JSON of a row", and `at` is where.
struct Json<'j> {
    bytes: &'j [u8],
    at: usize,
}

impl Json<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at).is_some_and(|b| b" \t\r\n".contains(b)) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn sign(&mut self, sign: u8) -> Option<()> {
        let found = self.peek()? == sign;
        self.at += usize::from(found);
        found.then_some(())
    }

    fn row(&mut self) -> Option<Row> {
        let mut columns: Vec<(Name, Value)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        self.sign(b'{')?;
        if self.peek()? != b'}' {
            loop {
                let name: Name = self.string()?.into();
                self.sign(b':')?;
                let value = self.value()?;
                if !names.insert(name.clone()) {
                    return None;
                }
                columns.push((name, value));
                if self.peek()? != b',' {
                    break;
                }
                self.at += 1;
            }
        }
        self.sign(b'}')?;
        self.peek().is_none().then_some(Row { columns })
    }

    fn value(&mut self) -> Option<Value> {
        match self.peek()? {
            b'n' => {
                self.bytes[self.at..].starts_with(b"null").then(|| self.at += 4)?;
                Some(Value::Null)
            }
            b'"' => self.string().map(Value::Text),
            b'{' => {
                self.at += 1;
                let kind = self.string()?;
                self.sign(b':')?;
                self.peek()?;
                let text = self.string()?;
                self.sign(b'}')?;
                match (kind.as_str(), text.as_str()) {
                    ("$real", "inf") => Some(Value::Real(f64::INFINITY)),
                    ("$real", "-inf") => Some(Value::Real(f64::NEG_INFINITY)),
                    ("$text", text) => BASE64.decode(text).ok().map(Value::RawText),
                    ("$blob", text) => BASE64.decode(text).ok().map(Value::Blob),
                    _ => None,
                }
            }
            _ => self.number(),
        }
    }

    fn number(&mut self) -> Option<Value> {
        let rest = &self.bytes[self.at..];
        let len = rest.iter().take_while(|b| b.is_ascii_digit() || b"+-.eE".contains(b)).count();
        let text = std::str::from_utf8(&rest[..len]).ok()?;
        // What JSON allows and Rust does too, but not "+1", "01", ".5" and "1.".
        let digits = text.strip_prefix('-').unwrap_or(text);
        let whole = digits.bytes().take_while(u8::is_ascii_digit).count();
        let fraction_ok = digits[whole..].strip_prefix('.').is_none_or(|f| f.starts_with(|c: char| c.is_ascii_digit()));
        if whole == 0 || (whole > 1 && digits.starts_with('0')) || !fraction_ok {
            return None;
        }
        let value =
            if digits.len() == whole { Value::Integer(text.parse().ok()?) } else { Value::Real(text.parse().ok().filter(|n: &f64| n.is_finite())?) };
        self.at += len;
        Some(value)
    }

    fn string(&mut self) -> Option<String> {
        self.sign(b'"')?;
        let mut out = String::new();
        loop {
            let rest = &self.bytes[self.at..];
            let plain = rest.iter().position(|b| *b == b'"' || *b == b'\\' || *b < b' ')?;
            out.push_str(std::str::from_utf8(&rest[..plain]).ok()?);
            self.at += plain + 1;
            match rest[plain] {
                b'"' => return Some(out),
                b'\\' => out.push(self.escaped()?),
                _ => return None,
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        let kind = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(match kind {
            b'"' | b'\\' | b'/' => kind.into(),
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                let first = self.hex()?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(first);
                }
                self.bytes.get(self.at..)?.starts_with(b"\\u").then(|| self.at += 2)?;
                let second = self.hex().filter(|n| (0xdc00..0xe000).contains(n))?;
                char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))?
            }
            _ => return None,
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + 4).filter(|d| d.iter().all(u8::is_ascii_hexdigit))?;
        self.at += 4;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }
}

impl Key {
    /// The text of the key, valid UTF-8 without control characters. One that would be longer than `bytes_max` is `#` and the BLAKE3 digest of it;
    /// the values are in the row itself.
    pub fn text(&self, table: &Table, bytes_max: usize) -> String {
        let text = match (self, &table.key) {
            (Key::Rowid(rowid), _) => format!("rowid:{rowid}"),
            (Key::Columns(values), PrimaryKey::Columns(columns)) => {
                let affinity = |i: usize| columns.get(i).and_then(|c| table.columns.get(*c)).map_or(Affinity::Blob, |c| c.affinity);
                let parts: Vec<String> = values.iter().enumerate().map(|(i, value)| part(value, affinity(i))).collect();
                parts.join(",")
            }
            (Key::Columns(values), _) => {
                let parts: Vec<String> = values.iter().map(|value| part(value, Affinity::Integer)).collect();
                parts.join(",")
            }
        };
        if text.len() > bytes_max { format!("#{}", Digest::of(text.as_bytes()).to_hex()) } else { text }
    }

    /// Reads what [`Key::text`] wrote for this table. Fails for what it never writes, and for the digest of a long key, which does not tell the key.
    pub fn parse(text: &str, table: &Table) -> Result<Key> {
        let refused = || Error::usage("row.key", format!("not the key of a row of {}: {text}", table.name));
        if text.starts_with('#') {
            return Err(refused().hint("this is the digest of a long key: the values of the key are in the row"));
        }
        let key = match (text.strip_prefix("rowid:"), &table.key) {
            (Some(rowid), _) => Some(Key::Rowid(rowid.parse().map_err(|_| refused())?)),
            (None, PrimaryKey::Rowid) => None,
            (None, PrimaryKey::Alias(_)) => text.parse().ok().map(|n| Key::Columns(vec![Value::Integer(n)])),
            (None, PrimaryKey::Columns(columns)) => {
                let parts: Vec<&str> = text.split(',').collect();
                let read = |(part, column): (&&str, &usize)| unpart(part, table.columns.get(*column)?.affinity);
                let values: Option<Vec<Value>> = parts.iter().zip(columns).map(read).collect();
                values.filter(|_| parts.len() == columns.len()).map(Key::Columns)
            }
        };
        key.filter(|key| key.text(table, usize::MAX) == text)
            .ok_or_else(|| refused().hint("a key is the values of the primary key, joined by commas; see the keys that `annals list` shows"))
    }
}

/// What a piece of key text is read as, if it is not text.
fn unquoted(text: &str) -> Option<Value> {
    if text == "null" {
        return Some(Value::Null);
    }
    if let Some(digits) = text.strip_prefix("x'").and_then(|t| t.strip_suffix('\'')) {
        let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect();
        return bytes.map(Value::Blob);
    }
    if let Ok(n) = text.parse() {
        return Some(Value::Integer(n));
    }
    text.parse().ok().filter(|n: &f64| !n.is_nan()).map(Value::Real)
}

fn part(value: &Value, affinity: Affinity) -> String {
    // A number in a column of TEXT affinity is only there if somebody wrote into the file by other means.
    let marked = |text: String| if affinity == Affinity::Text { format!("={text}") } else { text };
    match value {
        Value::Null => "null".to_owned(),
        Value::Integer(n) => marked(n.to_string()),
        Value::Real(n) => marked(format!("{n:?}")),
        Value::Blob(bytes) => format!("x'{}'", bytes.iter().map(|b| format!("{b:02X}")).collect::<String>()),
        // The mark that no valid text has: the bytes are of the database's encoding, which may not be UTF-8.
        Value::RawText(bytes) => format!("'%{}", bytes.iter().map(|b| format!("%{b:02X}")).collect::<String>()),
        Value::Text(text) => {
            let misread =
                text.is_empty() || text.starts_with(['\'', '#', '=']) || text.starts_with("rowid:") || text.starts_with("x'") || text == "null";
            let number = affinity != Affinity::Text && unquoted(text).is_some();
            let mut out = String::from(if misread || number { "'" } else { "" });
            for c in text.chars() {
                if c.is_control() || "%/,".contains(c) {
                    let mut utf8 = [0; 4];
                    c.encode_utf8(&mut utf8).bytes().for_each(|b| out.push_str(&format!("%{b:02X}")));
                } else {
                    out.push(c);
                }
            }
            out
        }
    }
}

fn unpart(part: &str, affinity: Affinity) -> Option<Value> {
    if let Some(raw) = part.strip_prefix("'%").filter(|raw| raw.is_empty() || raw.starts_with('%')) {
        return unescaped(raw).map(Value::RawText);
    }
    if let Some(text) = part.strip_prefix('\'') {
        return String::from_utf8(unescaped(text)?).ok().map(Value::Text);
    }
    if affinity == Affinity::Text {
        if let Some(number) = part.strip_prefix('=') {
            return unquoted(number);
        }
        if part != "null" && !part.starts_with("x'") {
            return String::from_utf8(unescaped(part)?).ok().map(Value::Text);
        }
    }
    match unquoted(part) {
        Some(value) => Some(value),
        None => String::from_utf8(unescaped(part)?).ok().map(Value::Text),
    }
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            out.push(u8::from_str_radix(text.get(at + 1..at + 3)?, 16).ok()?);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    Some(out)
}

impl Table {
    /// The key and the columns of a row from its record. `rowid` counts only for a table that has rowids.
    pub fn row(&self, rowid: i64, values: Vec<Value>) -> Result<(Key, Row)> {
        let mut columns: Vec<Option<Value>> = vec![None; self.columns.len()];
        for (column, value) in self.stored.iter().zip(values) {
            let value = match (self.columns[*column].affinity, value) {
                // SQLite saves space: a whole number in a REAL column is stored as an integer.
                (Affinity::Real, Value::Integer(n)) => Value::Real(n as f64),
                (_, value) => value,
            };
            columns[*column].get_or_insert(value);
        }
        if let PrimaryKey::Alias(column) = self.key {
            columns[column] = Some(Value::Integer(rowid));
        }
        let key = match &self.key {
            PrimaryKey::Rowid => Key::Rowid(rowid),
            PrimaryKey::Alias(_) => Key::Columns(vec![Value::Integer(rowid)]),
            PrimaryKey::Columns(key) => {
                let values: Vec<Value> = key.iter().map(|c| columns[*c].clone().unwrap_or(Value::Null)).collect();
                let null = values.contains(&Value::Null);
                if null && !self.without_rowid { Key::Rowid(rowid) } else { Key::Columns(values) }
            }
        };
        let named = self.columns.iter().zip(columns);
        Ok((key, Row { columns: named.filter_map(|(column, value)| Some((column.name.clone(), value?))).collect() }))
    }

    /// The key and the columns of a row from its cell.
    pub fn row_of(&self, database: &Database<'_>, cell: &Cell<'_>) -> Result<(Key, Row)> {
        let values = record::parse(&database.payload(cell)?, database.header().encoding)?;
        self.row(cell.rowid, values)
    }

    /// Gives every row of the table, in the order of the pages: by rowid, or for a table without rowids parents before children.
    pub fn rows(&self, database: &Database<'_>, each: &mut dyn FnMut(Key, Row) -> Result<()>) -> Result<()> {
        self.check()?;
        if self.root == 0 {
            return Ok(());
        }
        database.walk(self.root, &mut |page, _| {
            if page.kind().has_rowids() == self.without_rowid {
                return Err(Error::damaged(format!("the tree of the SQLite table {}", self.name)));
            }
            if !page.kind().is_leaf() && !self.without_rowid {
                return Ok(());
            }
            for index in 0..page.cells() {
                let (key, row) = self.row_of(database, &page.cell(index)?)?;
                each(key, row)?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;
    use proptest::prelude::*;

    fn values() -> impl Strategy<Value = Value> {
        let odd = "null|'|''|#a|=1|rowid:3|x'00'|12|-5|1e5|inf|NaN|0x10|a,b|a/b|100%|%41|\\PC{0,6}|[\\x00-\\x1f\\u{80}-\\u{9f}]{0,3}| 7|\\+3";
        prop_oneof![
            any::<i64>().prop_map(Value::Integer),
            (-20i64..20).prop_map(Value::Integer),
            any::<f64>().prop_filter("a number", |n| !n.is_nan()).prop_map(Value::Real),
            (-20i64..20).prop_map(|n| Value::Real(n as f64 / 4.0)),
            odd.prop_map(Value::Text),
            proptest::collection::vec(any::<u8>(), 0..5).prop_map(Value::Blob),
            proptest::collection::vec(any::<u8>(), 1..5).prop_map(|mut bytes| {
                bytes.push(0xff);
                Value::RawText(bytes)
            }),
        ]
    }

    fn keyed() -> Table {
        schema::parse("CREATE TABLE t(a TEXT, b, c NUMERIC, d, PRIMARY KEY (a, b, c))", "t", 2)
    }

    proptest! {
        #[test]
        fn keys_are_read_back_and_never_shared(a in (values(), values(), values()), b in (values(), values(), values())) {
            let table = keyed();
            let (a, b) = (Key::Columns(vec![a.0, a.1, a.2]), Key::Columns(vec![b.0, b.1, b.2]));
            let (x, y) = (a.text(&table, usize::MAX), b.text(&table, usize::MAX));
            prop_assert_eq!(x == y, a == b);
            prop_assert!(!x.is_empty() && !x.contains('/') && !x.chars().any(char::is_control));
            prop_assert_eq!(Key::parse(&x, &table).expect("a key"), a);
            prop_assert_eq!(Key::parse(&y, &table).expect("a key"), b);
        }

        #[test]
        fn any_text_is_read_as_a_key_without_panic(text in "[a-z0-9'%,=:#xåé.-]{0,12}") {
            let table = keyed();
            if let Ok(key) = Key::parse(&text, &table) {
                prop_assert_eq!(key.text(&table, usize::MAX), text);
            }
        }

        #[test]
        fn rows_are_read_back_and_their_json_is_canonical(row in proptest::collection::vec(("[a-c$\"\\\\\n]{0,3}", values()), 0..5)) {
            let mut columns: Vec<(Name, Value)> = Vec::new();
            for (name, value) in row {
                if columns.iter().all(|(other, _)| **other != *name) {
                    columns.push((name.into(), value));
                }
            }
            let row = Row { columns };
            let json = row.to_json();
            prop_assert_eq!(&Row::from_json(&json).expect("a row"), &row);
            let standard: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
            prop_assert_eq!(standard.as_object().expect("an object").len(), row.columns.len());
        }

        #[test]
        fn any_bytes_are_read_as_json_without_panic(json in "[{}\":,$a-e0-9.\\\\un-]{0,30}") {
            if let Ok(row) = Row::from_json(json.as_bytes()) {
                prop_assert_eq!(Row::from_json(&row.to_json()).expect("a row"), row);
            }
        }
    }

    #[test]
    fn the_forms_of_keys() {
        let table = keyed();
        let text = |values: [Value; 3]| Key::Columns(values.to_vec()).text(&table, usize::MAX);
        let t = |s: &str| Value::Text(s.into());
        assert_eq!(text([t("12"), t("12"), Value::Integer(12)]), "12,'12,12");
        assert_eq!(text([t("a/b,c%"), Value::Real(5.0), Value::Blob(vec![1, 255])]), "a%2Fb%2Cc%25,5.0,x'01FF'");
        assert_eq!(text([t(""), t("null"), t("x")]), "','null,x");
        assert_eq!(Key::Rowid(-4).text(&table, 40), "rowid:-4");
        let long = Key::Columns(vec![t(&"a".repeat(5000)), Value::Integer(1), Value::Integer(2)]);
        assert_eq!(long.text(&table, 4000).len(), 65);
        assert!(Key::parse(&long.text(&table, 4000), &table).is_err());
    }

    #[test]
    fn the_forms_of_values() {
        let columns = [
            ("n", Value::Null),
            ("i", Value::Integer(-7)),
            ("r", Value::Real(3.0)),
            ("h", Value::Real(1e300)),
            ("f", Value::Real(f64::NEG_INFINITY)),
            ("t", Value::Text("å\"\n\u{1}".into())),
            ("w", Value::RawText(vec![255])),
            ("b", Value::Blob(b"hi".to_vec())),
        ];
        let row = Row { columns: columns.into_iter().map(|(name, value)| (name.into(), value)).collect() };
        let json = r#"{"n":null,"i":-7,"r":3.0,"h":1e300,"f":{"$real":"-inf"},"t":"å\"\n\u0001","w":{"$text":"/w=="},"b":{"$blob":"aGk="}}"#;
        assert_eq!(String::from_utf8(row.to_json()).expect("UTF-8"), json);
        let spaced = json.replace(",\"", " ,\n \"").replace('å', "\\u00e5");
        assert_eq!(Row::from_json(spaced.as_bytes()).expect("a row"), row);
        for bad in [
            "",
            "[]",
            "{\"a\":1",
            "{\"a\":01}",
            "{\"a\":true}",
            "{\"a\":1,\"a\":2}",
            "{\"a\":9223372036854775808}",
            "{\"a\":1e999}",
            "{\"a\":{\"$x\":\"\"}}",
            "{}x",
        ] {
            assert!(Row::from_json(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rowid_is_a_column_where_it_has_a_name_and_a_key_with_null_is_none() {
        let alias = schema::parse("CREATE TABLE t(a, id INTEGER PRIMARY KEY, r REAL)", "t", 2);
        let (key, row) = alias.row(9, vec![Value::Integer(1), Value::Null, Value::Integer(2)]).expect("a row");
        assert_eq!((key.text(&alias, 99), row.get("id"), row.get("r")), ("9".into(), Some(&Value::Integer(9)), Some(&Value::Real(2.0))));
        let table = keyed();
        let (key, row) = table.row(3, vec![Value::Null, Value::Integer(1)]).expect("a row");
        assert_eq!((key, row.columns.len()), (Key::Rowid(3), 2));
    }
}
