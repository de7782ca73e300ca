//! Addresses: a document and perhaps a moment.

use crate::base::error::{Error, Result};
use crate::model::key;

use super::shape::{Shape, shape};
use super::words::quoted;

/// What a command line names: a document or prefix, and perhaps a moment.
///
/// The text is divided at the LAST `@` whose right side has the shape of a time expression, so mail addresses and `@scope/name` are keys
/// as they are: `kari@example.no`, `kari@example.no@yesterday`. Doubling an `@` means nothing special: `a@@v7` is version 7 of `a@`. Where a
/// key itself ends in something like `@v7`, write its `@` as `\x40`, as [`Address::show`] does.
/// A slash date counts as a time expression here, so that it is refused with its reason and not looked for as a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The document key or prefix. Empty only for the whole store at a moment: `@mark:NAME`.
    pub key: Vec<u8>,
    /// The time expression as it was typed, for [`parse`](super::parse).
    pub when: Option<String>,
}

impl Address {
    /// Reads `KEY`, `KEY@WHEN` or `@WHEN`. The key may hold escapes, see [`key::parse_key`].
    pub fn parse(text: &str) -> Result<Self> {
        let split = text.rmatch_indices('@').find(|(at, _)| shape(text[at + 1..].trim()).is_some());
        let (name, when) = match split {
            Some((at, _)) => (&text[..at], Some(text[at + 1..].trim())),
            None => (text, None),
        };
        let key = key::parse_key(name);
        match when {
            Some(when) if key.is_empty() => {
                if matches!(shape(when), Some(Shape::Version(_))) {
                    return Err(Error::usage("time.address", format!("a version belongs to a document: {}", quoted(text)))
                        .hint(format!("put the document before it, for example letter.txt@{when}")));
                }
            }
            _ => key::check_key(&key)?,
        }
        Ok(Address { key, when: when.map(str::to_owned) })
    }

    /// The text that [`Address::parse`] reads back as this key and moment. An `@` of the key is escaped only where it would be misread.
    pub fn show(key: &[u8], when: Option<&str>) -> String {
        let join = |name: String| match when {
            Some(when) => format!("{name}@{when}"),
            None => name,
        };
        let plain = join(key::show_key(key));
        match Address::parse(&plain) {
            Ok(address) if address.key == key && address.when.as_deref() == when => plain,
            _ => join(key::show_key(key).replace('@', "\\x40")),
        }
    }
}
