//! Document keys and tenant names: what is a name and what is refused.

use crate::base::error::{Error, Result};
use crate::base::limits;

/// The name of the tenant that a single-tenant user never has to type.
pub const DEFAULT_TENANT: &str = "main";

/// Checks a document key: 1 to [`limits::KEY_BYTES_MAX`] bytes, no NUL. Everything else is a name, also bytes that are not UTF-8.
pub fn check_key(key: &[u8]) -> Result<()> {
    if key.is_empty() {
        return Err(Error::usage("key.empty", "a key cannot be empty").hint("give the document a name, for example letters/2024-03-01.txt"));
    }
    if key.len() > limits::KEY_BYTES_MAX {
        return Err(Error::usage("key.long", format!("the key has {} bytes, the most is {}", key.len(), limits::KEY_BYTES_MAX))
            .hint("shorten the key, or put the long part into the document"));
    }
    if key.contains(&0) {
        return Err(Error::usage("key.nul", "a key cannot contain a NUL byte")
            .hint("remove the NUL byte: no file system and no shell can name it")
            .at_key(key));
    }
    Ok(())
}

/// Checks a scope: nothing, or what [`check_key`] takes.
pub fn check_scope(prefix: &[u8]) -> Result<()> {
    if prefix.is_empty() { Ok(()) } else { check_key(prefix) }
}

/// Checks a tenant name: 1 to 128 bytes of UTF-8 without control characters or `/`.
pub fn check_tenant(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > 128 || name.contains('/') || name.chars().any(char::is_control) {
        return Err(
            Error::usage("tenant.bad", format!("not a tenant name: {name:?}")).hint("use 1 to 128 characters without / or control characters")
        );
    }
    Ok(())
}

/// Checks a short text that people write (actor, reason, mark): at most [`limits::TEXT_BYTES_MAX`] bytes.
pub fn check_text(what: &str, text: &str) -> Result<()> {
    if text.len() > limits::TEXT_BYTES_MAX {
        let message = format!("the {what} has {} bytes, the most is {}", text.len(), limits::TEXT_BYTES_MAX);
        return Err(Error::usage("text.long", message).hint("shorten it, or put the long text into a document"));
    }
    Ok(())
}

/// A key as text for people and JSON: UTF-8 as it is, every other byte as `\xNN`, a backslash doubled, so that [`parse_key`] gives the
/// same bytes back.
pub fn show_key(key: &[u8]) -> String {
    let mut out = String::with_capacity(key.len());
    for chunk in key.utf8_chunks() {
        out.push_str(&chunk.valid().replace('\\', "\\\\"));
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

/// A key on one line, as a person can type it into a field: as [`show_key`], and the bytes of control characters as `\xNN` too.
pub fn type_key(key: &[u8]) -> String {
    let mut out = String::with_capacity(key.len());
    for c in show_key(key).chars() {
        match c.is_control() {
            true => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| out.push_str(&format!("\\x{byte:02x}"))),
            false => out.push(c),
        }
    }
    out
}

/// The bytes of a key written by [`show_key`] or [`type_key`], or typed by a person: `\xNN` is a byte, `\\` a backslash, all else stands for itself.
pub fn parse_key(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let rest = &bytes[i..];
        if rest.starts_with(b"\\\\") {
            out.push(b'\\');
            i += 2;
        } else if let Some(byte) = escaped_byte(rest) {
            out.push(byte);
            i += 4;
        } else {
            out.push(bytes[i]);
            i += 1;
        }
    }
    out
}

fn escaped_byte(rest: &[u8]) -> Option<u8> {
    let hex = rest.strip_prefix(b"\\x")?.get(..2)?;
    u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_survive_being_shown(key in proptest::collection::vec(prop_oneof![Just(b'\\'), Just(b'x'), Just(b'4'), any::<u8>()], 0..40)) {
            prop_assert_eq!(&parse_key(&show_key(&key)), &key);
            let typed = type_key(&key);
            prop_assert!(!typed.contains(char::is_control), "{}", typed);
            prop_assert_eq!(parse_key(&typed), key);
        }
    }

    #[test]
    fn refusals_name_the_reason() {
        assert_eq!(check_key(b"").expect_err("empty").code(), "key.empty");
        assert_eq!(check_key(b"a\0b").expect_err("nul").code(), "key.nul");
        assert_eq!(check_key(&[b'a'; 4097]).expect_err("long").code(), "key.long");
        assert!(check_key(b"a/../b\n").is_ok());
        assert!(check_tenant("a/b").is_err());
    }
}
