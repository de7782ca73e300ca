//! JSON text as rows of databases are written in it: one way for each string, so that the same row has the same bytes.

/// Appends `text` as a JSON string (RFC 8259): the two characters that must be escaped, control characters by their short names or as `\u00xx`,
/// everything else as it is.
pub fn put_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_read_back_by_any_reader() {
        let every: String = (0..0x180).filter_map(char::from_u32).chain(['\u{fffd}', '\u{1f600}']).collect();
        let mut out = String::new();
        put_string(&mut out, &every);
        assert!(out.starts_with("\"\\u0000\\u0001") && out.contains("\\b\\t\\n\\u000b\\f\\r"), "{out}");
        assert_eq!(serde_json::from_str::<String>(&out).expect("JSON"), every);
    }
}
