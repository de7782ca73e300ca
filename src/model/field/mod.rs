//! JSON documents as fields: what differs between two versions, and a merge of three that leaves untouched text alone.
//!
//! A **field** is a leaf of the document: a scalar, or an empty object or array. Empty is not absent: `""`, `[]`, `{}`, `null` and "no such
//! member" are five different things. Values are the text of the document and are never turned into floating point, so `1.0` is not `1`,
//! and `1e400` or a number of forty digits stays what was written. The `arbitrary_precision` feature of serde_json would have done the same
//! at the price of changing `Number` for every user of serde_json in the program that embeds us (it breaks untagged and flattened types).
//!
//! Two values are the same if they have the same kind and: numbers the same digits, strings the same characters (`"\u00e5"` is `"å"`), arrays
//! the same elements in order, objects the same members in any order.
//!
//! Elements of arrays are matched by the first of the members `id`, `key`, `uuid`, `nr`, `name` that every element of the array has, with a
//! string or a number that is unique in it, in every version that is compared; other arrays by a longest common subsequence of equal values,
//! with what is left between two matches paired in order.
//!
//! Grammar: RFC 8259, checked by serde_json. Beyond it, a document is refused as fields (and compared as text) if an object has one name twice,
//! since RFC 8259 leaves open which one is meant; if a string holds half a surrogate pair; or above the limits on bytes, depth and values.

use std::fmt;

use crate::base::error::Error;
use crate::base::limits;
use crate::base::limits::JSON_VALUES_MAX;

mod path;
mod value;
mod tree;
pub(in crate::model) mod align;
mod layout;
mod diff;
mod merge;
mod history;
mod labels;

pub use diff::{FieldChange, FieldDiff, Row, diff};
pub use history::{History, HistoryRow, field_history};
pub use labels::{Labels, Name};
pub use merge::{Conflict, Merge, Side, inverse, inverse_by, merge, merge_by};
pub use path::{Path, Step};
pub use value::{Value, ValueKind};

use tree::{At, Classes, Tree};

/// Why bytes cannot be seen as fields. Not a failure of the store: such a document is compared as text or bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotFields {
    /// More than [`limits::JSON_FIELDS_BYTES_MAX`] bytes: this many.
    Large(usize),
    /// The bytes were forgotten.
    Forgotten,
    /// The bytes were erased by law.
    Erased,
    /// Nests deeper than [`limits::JSON_DEPTH_MAX`] levels.
    Deep,
    /// More than [`JSON_VALUES_MAX`] values.
    Many,
    /// Not UTF-8, so not JSON.
    NotUtf8,
    /// Not JSON; line and column from 1.
    Syntax {
        /// Line from 1.
        line: usize,
        /// Column in bytes from 1.
        column: usize,
    },
    /// One object names this member twice.
    Twice {
        /// The name.
        name: String,
        /// Line of the second one, from 1.
        line: usize,
    },
    /// A string that is not Unicode (half a surrogate pair).
    NotUnicode {
        /// Line from 1.
        line: usize,
    },
}

impl fmt::Display for NotFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotFields::Forgotten => f.write_str("its bytes were forgotten"),
            NotFields::Erased => f.write_str("it was erased"),
            NotFields::Large(bytes) => write!(f, "{bytes} bytes are too many for fields, the most is {}", limits::JSON_FIELDS_BYTES_MAX),
            NotFields::Deep => write!(f, "nests deeper than {} levels", limits::JSON_DEPTH_MAX),
            NotFields::Many => write!(f, "more than {JSON_VALUES_MAX} values"),
            NotFields::NotUtf8 => f.write_str("not JSON: not UTF-8"),
            NotFields::Syntax { line, column } => write!(f, "not JSON: line {line}, column {column}"),
            NotFields::Twice { name, line } => write!(f, "a member is named twice in one object: line {line}, {name:?}"),
            NotFields::NotUnicode { line } => write!(f, "a string with half a surrogate pair: line {line}"),
        }
    }
}

impl std::error::Error for NotFields {}

impl From<NotFields> for Error {
    fn from(reason: NotFields) -> Self {
        Error::usage("document.not_fields", format!("the document cannot be seen as fields: {reason}"))
            .hint("compare it as text, or choose one whole version of it")
    }
}

/// One leaf of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Where it stands.
    pub path: Path,
    /// What stands there.
    pub value: Value,
}

/// Reads a whole document as one value. A byte order mark is skipped.
pub fn parse(bytes: &[u8]) -> Result<Value, NotFields> {
    let tree = Tree::read(bytes, &mut Classes::default())?;
    Ok(value_of(tree.root()))
}

/// Whether bytes begin as an object or an array does. A scalar is JSON as well, but is read better as text.
pub fn has_fields(bytes: &[u8]) -> bool {
    let first = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start().first();
    matches!(first, Some(b'{' | b'['))
}

/// All fields of a document in its own order.
pub fn fields(bytes: &[u8]) -> Result<Vec<Field>, NotFields> {
    let tree = Tree::read(bytes, &mut Classes::default())?;
    let mut out = Vec::new();
    leaves(tree.root(), &mut Path::root(), &mut |path, leaf| out.push(Field { path: path.clone(), value: value_of(leaf) }));
    Ok(out)
}

/// Calls `see` with every leaf at or below `at`, which stands at `path`.
fn leaves<'t>(at: At<'t>, path: &mut Path, see: &mut impl FnMut(&Path, At<'t>)) {
    if at.is_leaf() {
        return see(path, at);
    }
    for (i, child) in at.children().enumerate() {
        path.push(step_to(child, i));
        leaves(child, path, see);
        path.pop();
    }
}

/// The step from a container to its child, the `index`-th.
fn step_to(child: At<'_>, index: usize) -> Step {
    child.name().map_or(Step::Index(index), |name| Step::Key(name.into_owned()))
}

fn value_of(at: At<'_>) -> Value {
    Value::new(at.kind(), layout::compact(at))
}

#[cfg(test)]
mod tests;
