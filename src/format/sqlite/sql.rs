//! The words of a CREATE statement as SQLite reads them (<https://www.sqlite.org/lang_createtable.html>; `sqlite3GetToken` for what is a token).

use crate::base::error::{Error, Result};

/// Bytes: SQLite's own limit for a statement (SQLITE_MAX_SQL_LENGTH) is a billion; no program writes a table this long.
pub(crate) const SQL_BYTES_MAX: usize = 4 << 20;

/// One token and where it stands in the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its first byte in the statement.
    pub start: usize,
    /// The byte behind its last.
    pub end: usize,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenKind {
    /// A bare word: a keyword or a name.
    Word(String),
    /// A name in double quotes, backticks or brackets, without them. Double quotes may also hold a string.
    Quoted(String),
    /// A string in single quotes, without them.
    Text(String),
    /// The hexadecimal digits of a blob.
    Blob(String),
    /// A number as it is written.
    Number(String),
    /// One other character.
    Sign(char),
}

impl Token {
    /// Whether it is this keyword, in any case and without quotes.
    pub fn is(&self, keyword: &str) -> bool {
        matches!(&self.kind, TokenKind::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// Whether it is this character.
    pub fn is_sign(&self, sign: char) -> bool {
        self.kind == TokenKind::Sign(sign)
    }

    /// The name that it is, where a name may stand: SQLite takes a string for one too.
    pub fn name(&self) -> Option<&str> {
        match &self.kind {
            TokenKind::Word(name) | TokenKind::Quoted(name) | TokenKind::Text(name) => Some(name),
            _ => None,
        }
    }
}

/// Cuts a statement into tokens; comments and space are left out. Fails for an open quote, for a NUL and for more than `SQL_BYTES_MAX` bytes.
pub fn tokens(sql: &str) -> Result<Vec<Token>> {
    if sql.len() > SQL_BYTES_MAX {
        return Err(Error::damaged(format!("a statement of {} bytes in the schema", sql.len())));
    }
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(first) = sql[at..].chars().next() {
        let rest = &sql[at..];
        let start = at;
        if first.is_ascii_whitespace() || first == '\u{b}' || first == '\u{feff}' {
            at += first.len_utf8();
            continue;
        }
        if rest.starts_with("--") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        if let Some(body) = rest.strip_prefix("/*") {
            at += body.find("*/").map_or(rest.len(), |n| n + 4);
            continue;
        }
        let (kind, len) = token(rest, first).ok_or_else(|| Error::damaged(format!("a statement in the schema, at byte {start}")))?;
        at += len;
        out.push(Token { kind, start, end: at });
    }
    Ok(out)
}

fn word_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

fn token(rest: &str, first: char) -> Option<(TokenKind, usize)> {
    match first {
        '\0' => None,
        '\'' => quoted(rest, '\'').map(|(text, len)| (TokenKind::Text(text), len)),
        '"' | '`' => quoted(rest, first).map(|(text, len)| (TokenKind::Quoted(text), len)),
        '[' => rest.find(']').map(|end| (TokenKind::Quoted(rest[1..end].to_owned()), end + 1)),
        'x' | 'X' if rest[1..].starts_with('\'') => {
            let (digits, len) = quoted(&rest[1..], '\'')?;
            let good = digits.len() % 2 == 0 && digits.bytes().all(|b| b.is_ascii_hexdigit());
            good.then_some((TokenKind::Blob(digits), len + 1))
        }
        _ if first.is_ascii_digit() || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) => {
            let len = number_len(rest);
            Some((TokenKind::Number(rest[..len].to_owned()), len))
        }
        _ if word_char(first) => {
            let len = rest.find(|c| !word_char(c)).unwrap_or(rest.len());
            Some((TokenKind::Word(rest[..len].to_owned()), len))
        }
        _ => Some((TokenKind::Sign(first), first.len_utf8())),
    }
}

/// What is between two quotes, where a doubled quote is one, and the length with the quotes.
fn quoted(rest: &str, quote: char) -> Option<(String, usize)> {
    let mut out = String::new();
    let mut at = 1;
    loop {
        let end = at + rest[at..].find(quote)?;
        out.push_str(&rest[at..end]);
        at = end + 1;
        if !rest[at..].starts_with(quote) {
            return Some((out, at));
        }
        out.push(quote);
        at += 1;
    }
}

fn number_len(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let digits = |mut at: usize, good: fn(&u8) -> bool| {
        while bytes.get(at).is_some_and(|b| good(b) || *b == b'_') {
            at += 1;
        }
        at
    };
    if bytes.len() > 2 && bytes[0] == b'0' && bytes[1] | 0x20 == b'x' && bytes[2].is_ascii_hexdigit() {
        return digits(2, u8::is_ascii_hexdigit);
    }
    let mut at = digits(0, u8::is_ascii_digit);
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1, u8::is_ascii_digit);
    }
    if bytes.get(at).is_some_and(|b| b | 0x20 == b'e') {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        if bytes.get(at + 1 + sign).is_some_and(u8::is_ascii_digit) {
            at = digits(at + 1 + sign, u8::is_ascii_digit);
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kinds(sql: &str) -> Vec<TokenKind> {
        tokens(sql).expect("tokens").into_iter().map(|t| t.kind).collect()
    }

    #[test]
    fn quotes_comments_and_numbers() {
        let found = kinds("a \"b\"\"c\" [d e] `f` 'g''h' x'0aFF' -- no\n /* no */ 1.5e-3 .5 0x1F 12e å$1 x(");
        let word = |s: &str| TokenKind::Word(s.into());
        let quoted = |s: &str| TokenKind::Quoted(s.into());
        let number = |s: &str| TokenKind::Number(s.into());
        let expected = [
            word("a"),
            quoted("b\"c"),
            quoted("d e"),
            quoted("f"),
            TokenKind::Text("g'h".into()),
            TokenKind::Blob("0aFF".into()),
            number("1.5e-3"),
            number(".5"),
            number("0x1F"),
            number("12"),
            word("e"),
            word("å$1"),
            word("x"),
            TokenKind::Sign('('),
        ];
        assert_eq!(found, expected);
        assert!(tokens("'open").is_err() && tokens("x'0'").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_cut_without_panic(sql in "[a-z0-9'\"`\\[\\]./*xXeE+\\-å \n]{0,60}") {
            if let Ok(found) = tokens(&sql) {
                let mut at = 0;
                for token in found {
                    prop_assert!(token.start >= at && token.end > token.start && token.end <= sql.len());
                    at = token.end;
                }
            }
        }
    }
}
