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

/// What is recorded once the database has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    /// Who.
    pub actor: String,
    /// Why, of the batch that records the realignment.
    pub reason: String,
    /// Why, of the batch before it: how the database was found.
    pub found_reason: String,
    /// The rows that differed.
    pub rows: Vec<WrittenRow>,
    /// Rows that were written, with the digests of what they became.
    gives: Vec<(String, Option<String>)>,
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
        rows: Vec<WrittenRow>,
        gives: impl Iterator<Item = (&'r [u8], Option<&'r [u8]>)>,
    ) -> Written {
        let gives = gives.map(|(key, row)| (show_key(key), row.map(|bytes| Digest::of(bytes).to_hex()))).collect();
        Written { actor: actor.into(), reason: reason.into(), found_reason: found_reason.into(), rows, gives, sure: false }
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
        let written = Written::new("806", "why", "found", rows, gives.into_iter());
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
