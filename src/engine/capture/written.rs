//! A realignment between the commit in the database and the one in the log: kept beside the image, so that a cut in between loses nothing.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::base::digest::Digest;
use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::engine::history::View;
use crate::model::key::{parse_key, show_key};

/// Bytes: the largest row that is read; SQLite's own limit is a billion.
const ROW_BYTES_MAX: usize = 1 << 30;

/// Name of the file in the directory of the image.
const FILE: &str = "realign";
/// Bytes: the largest such file that is read.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// A row that the database has otherwise than its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowDifference {
    /// The document.
    pub key: Vec<u8>,
    /// The row as JSON at the head of the history; `None` where it does not exist there.
    pub recorded: Option<Vec<u8>>,
    /// The row as JSON in the database; `None` where it does not exist there.
    pub there: Option<Vec<u8>>,
}

/// A row that database and history had differently before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WrittenRow {
    key: String,
    recorded: Option<String>,
    there: Option<String>,
}

impl WrittenRow {
    /// The row under `key` as JSON: as recorded, and as the database had it.
    pub(super) fn new(key: &[u8], recorded: Option<&[u8]>, there: Option<&[u8]>) -> WrittenRow {
        let text = |row: Option<&[u8]>| row.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        WrittenRow { key: show_key(key), recorded: text(recorded), there: text(there) }
    }

    pub(super) fn key_bytes(&self) -> Vec<u8> {
        parse_key(&self.key)
    }

    pub(super) fn recorded(&self) -> Option<&[u8]> {
        self.recorded.as_deref().map(str::as_bytes)
    }

    pub(super) fn there(&self) -> Option<&[u8]> {
        self.there.as_deref().map(str::as_bytes)
    }
}

/// A change of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RowStep {
    /// The document.
    pub key: Vec<u8>,
    /// The row before; `None` where it did not exist.
    pub was: Option<Vec<u8>>,
    /// The row after; `None` where it does not exist.
    pub is: Option<Vec<u8>>,
}

/// What is recorded once the database has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    /// Who.
    pub actor: String,
    /// Why, of the batch that records the realignment.
    pub reason: String,
    /// Why, of the batch before it: how the database was found.
    pub found_reason: String,
    /// The last batch that the database and its history have both.
    #[serde(default)]
    pub fork: u64,
    /// The caller's id of the request; empty: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request: String,
    /// The rows that differed.
    pub rows: Vec<WrittenRow>,
    /// Rows that were written, with the digests of what they became.
    gives: Vec<(String, Option<String>)>,
    /// Rows as they were in the database at the end of the transaction, where that was looked at before its commit: of all that differed from the
    /// history before or after.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    made: Vec<(String, Option<String>)>,
    /// What the database's own way of capture has to know of the transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<serde_json::Value>,
    /// It is known that the database has it: this process committed it.
    #[serde(skip)]
    pub sure: bool,
}

impl Written {
    /// `gives` are the rows that are written, by key.
    pub(super) fn new<'r>(
        actor: &str,
        reason: &str,
        found_reason: &str,
        fork: u64,
        rows: Vec<WrittenRow>,
        gives: impl Iterator<Item = (&'r [u8], Option<&'r [u8]>)>,
    ) -> Written {
        let gives = gives.map(|(key, row)| (show_key(key), row.map(|bytes| Digest::of(bytes).to_hex()))).collect();
        Written {
            actor: actor.into(),
            reason: reason.into(),
            found_reason: found_reason.into(),
            fork,
            request: String::new(),
            rows,
            gives,
            made: Vec::new(),
            mark: None,
            sure: false,
        }
    }

    /// The ids under which its two batches are found again.
    pub(super) fn requests(&self) -> [String; 2] {
        requests_of(&self.request)
    }

    /// Keeps what the rows became, by key, with the rows that differ from the history now; what differed before and does not any more is as recorded.
    #[cfg(feature = "postgres")]
    pub(super) fn became(&mut self, differ: &[RowDifference]) {
        let text = |row: &Option<Vec<u8>>| row.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let now: HashMap<String, Option<String>> = differ.iter().map(|row| (show_key(&row.key), text(&row.there))).collect();
        let before = self.rows.iter().filter(|row| !now.contains_key(&row.key)).map(|row| (row.key.clone(), row.recorded.clone()));
        self.made = before.collect();
        self.made.extend(now);
        self.made.sort();
    }

    /// What [`Written::became`] was told.
    #[cfg(feature = "postgres")]
    pub(super) fn made(&self) -> HashMap<Vec<u8>, Option<Vec<u8>>> {
        self.made.iter().map(|(key, row)| (parse_key(key), row.clone().map(String::into_bytes))).collect()
    }

    /// The two steps that the log takes: each row that changes with what it was and what it is. `rows` is what the rows are that were written;
    /// others are as the database was found.
    pub(super) fn steps(&self, now: &View, rows: &HashMap<Vec<u8>, Option<Vec<u8>>>) -> Result<[Vec<RowStep>; 2]> {
        let found = self.rows.iter().map(|row| RowStep {
            key: row.key_bytes(),
            was: row.recorded().map(<[u8]>::to_vec),
            is: row.there().map(<[u8]>::to_vec),
        });
        let known: HashMap<Vec<u8>, &WrittenRow> = self.rows.iter().map(|row| (row.key_bytes(), row)).collect();
        let mut keys: Vec<Vec<u8>> = known.keys().chain(rows.keys()).cloned().collect();
        keys.sort_unstable();
        keys.dedup();
        let mut made = Vec::with_capacity(keys.len());
        for key in keys {
            let recorded = match known.get(&key) {
                Some(row) => row.recorded().map(<[u8]>::to_vec),
                None => content(now, &key)?,
            };
            let was = known.get(&key).map_or_else(|| recorded.clone(), |row| row.there().map(<[u8]>::to_vec));
            let is = rows.get(&key).map_or(recorded, Option::clone);
            made.push(RowStep { key, was, is });
        }
        let changes = |step: &RowStep| step.was != step.is;
        Ok([found.filter(changes).collect(), made.into_iter().filter(changes).collect()])
    }

    /// What was left in the directory of an image.
    pub(super) fn find(dir: &Path) -> Result<Option<Written>> {
        let path = dir.join(FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let bytes = disk::read_file(&path, FILE_BYTES_MAX)?;
        serde_json::from_slice(&bytes).map(Some).map_err(|e| Error::damaged(format_args!("the realignment beside an image: {e}")))
    }

    /// Makes it durable. From here on a database that has these rows is known to be realigned.
    pub(super) fn keep(&self, dir: &Path) -> Result<()> {
        let bytes = serde_json::to_vec(self)
            .map_err(|e| Error::new(Kind::Failed, "realign.write", format!("a realignment cannot be written beside the image: {e}")))?;
        disk::create_dirs(dir)?;
        disk::write_file(&dir.join(FILE), &bytes, 0o600)
    }

    /// Removes what was left, if anything.
    pub(super) fn forget(dir: &Path) -> Result<()> {
        let path = dir.join(FILE);
        if path.is_file() { disk::remove_file(&path) } else { Ok(()) }
    }

    /// Whether the database has it. `held` gives what the database has under a key where that differs from the history.
    pub(super) fn is_done(&self, held: &dyn Fn(&[u8]) -> Option<Option<Digest>>) -> bool {
        let known: HashMap<&str, &WrittenRow> = self.rows.iter().map(|row| (row.key.as_str(), row)).collect();
        let recorded = |key: &str| known.get(key).and_then(|row| row.recorded().map(Digest::of));
        let holds = |(key, wanted): &(String, Option<String>)| {
            let there = held(&parse_key(key)).unwrap_or_else(|| recorded(key));
            there.map(|digest| digest.to_hex()) == *wanted
        };
        self.sure || (!self.gives.is_empty() && self.gives.iter().all(holds))
    }
}

/// The ids of the two batches of a realignment: of the database as it was found, and of what was made of it.
pub(super) fn requests_of(request: &str) -> [String; 2] {
    let found = if request.is_empty() { String::new() } else { format!("{request} (as found)") };
    [found, request.to_owned()]
}

/// The content of a row's document; `None` where there is none at that moment.
pub(super) fn content(view: &View, key: &[u8]) -> Result<Option<Vec<u8>>> {
    match view.get(key) {
        Err(e) if e.kind() == Kind::Missing => Ok(None),
        reader => reader?.bytes(ROW_BYTES_MAX).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_done_once_the_database_holds_every_row() {
        let rows = vec![WrittenRow::new(b"t/1", Some(b"{\"a\":1}"), None), WrittenRow::new(b"t/2", None, Some(b"{\"a\":2}"))];
        let gives = [(&b"t/1"[..], Some(&b"{\"a\":1}"[..])), (&b"t/3"[..], Some(&b"{\"a\":3}"[..]))];
        let written = Written::new("806", "why", "found", 1, rows, gives.into_iter());
        let three = Some(Digest::of(b"{\"a\":3}"));
        assert!(written.is_done(&|key| (key == b"t/3").then_some(three)), "what does not differ is as recorded");
        assert!(!written.is_done(&|key| (key == b"t/1").then_some(None)));
        assert!(!written.is_done(&|key| (key == b"t/3").then_some(None)));
        let dir = tempfile::tempdir().expect("dir");
        assert_eq!(Written::find(dir.path()).expect("find"), None);
        written.keep(dir.path()).expect("keep");
        assert_eq!(Written::find(dir.path()).expect("find"), Some(written));
        Written::forget(dir.path()).expect("forget");
        assert_eq!(Written::find(dir.path()).expect("find"), None);
    }
}
