//! Rows that were given back to a database, between the commit there and the one in the log: kept beside the image, so that after a cut in between
//! the transaction is still recorded as whose work it is. SQLite keeps no number of a transaction by which it could be known again; it is known by
//! its rows, and by being the first after the state in which it was given.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::engine::capture::open::{Credit, is_so};
use crate::engine::plans::By;
use crate::engine::record::Batch;
use crate::format::record::{cause_from, cause_parts};
use crate::model::key::{parse_key, show_key};

use super::state::State;

/// Name of the file in the directory of the image.
const FILE: &str = "given";
/// Bytes: the largest such file that is read.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// What the rows of a transaction become, by document; `None`: it goes.
type Rows = HashMap<Vec<u8>, Option<Vec<u8>>>;

/// Rows of ours in the database, or about to be there.
pub(super) struct Given {
    /// The state of the capture in which they were given.
    step: u64,
    credit: Credit,
    /// Found after a cut: perhaps they were never committed.
    is_left: bool,
}

#[derive(Serialize, Deserialize)]
struct Note {
    step: u64,
    actor: String,
    reason: String,
    /// As [`cause_parts`] gives it.
    cause: (u8, u64),
    request: String,
    rows: Vec<(String, Option<String>)>,
}

impl Given {
    pub(super) fn new(step: u64, credit: Credit) -> Given {
        Given { step, credit, is_left: false }
    }

    /// Whether a transaction that makes this of the rows is it, and nothing else.
    pub(super) fn is(&self, rows: &Rows) -> bool {
        rows.len() == self.credit.rows.len() && self.is_in(rows)
    }

    /// Whether it is among what makes this of the rows. One that we committed is known by what it touches, for types and statements of the schema
    /// may make something else of a value; one that we may have committed has to have what was given.
    pub(super) fn is_in(&self, rows: &Rows) -> bool {
        self.credit.rows.iter().all(|(key, wanted)| rows.get(key).is_some_and(|row| !self.is_left || is_so(row.as_deref(), wanted.as_deref())))
    }

    /// Whether it changes a document.
    pub(super) fn has(&self, key: &[u8]) -> bool {
        self.credit.rows.contains_key(key)
    }

    /// Makes a batch its work.
    pub(super) fn sign(&self, batch: Batch) -> Batch {
        let Credit { by, cause, request, .. } = &self.credit;
        batch.actor(&by.actor).because(&by.reason).cause(*cause).request_id(request)
    }

    /// Makes it durable.
    pub(super) fn keep(&self, dir: &Path) -> Result<()> {
        let text = |row: &Option<Vec<u8>>| row.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let note = Note {
            step: self.step,
            actor: self.credit.by.actor.clone(),
            reason: self.credit.by.reason.clone(),
            cause: cause_parts(self.credit.cause),
            request: self.credit.request.clone(),
            rows: self.credit.rows.iter().map(|(key, row)| (show_key(key), text(row))).collect(),
        };
        let bytes = serde_json::to_vec(&note)
            .map_err(|e| Error::new(Kind::Failed, "capture.given", format!("what is given cannot be written beside the image: {e}")))?;
        disk::write_file(&dir.join(FILE), &bytes, 0o600)
    }

    /// What was left in the directory of an image, where nothing was recorded since; anything else there is removed.
    pub(super) fn find(dir: &Path, state: Option<&State>) -> Result<Option<Given>> {
        if !Given::is_left(dir) {
            return Ok(None);
        }
        let note: Note = serde_json::from_slice(&disk::read_file(&dir.join(FILE), FILE_BYTES_MAX)?)
            .map_err(|e| Error::damaged(format_args!("what was given, beside an image: {e}")))?;
        if state.is_none_or(|state| state.step != note.step || state.behind.is_some()) {
            return Given::forget(dir).map(|()| None);
        }
        let by = By { actor: note.actor, reason: note.reason, origin: String::new() };
        let rows = note.rows.into_iter().map(|(key, row)| (parse_key(&key), row.map(String::into_bytes))).collect();
        let credit = Credit { by, cause: cause_from(note.cause.0, note.cause.1)?, request: note.request, rows };
        Ok(Some(Given { step: note.step, credit, is_left: true }))
    }

    /// Whether there is one beside an image.
    pub(super) fn is_left(dir: &Path) -> bool {
        dir.join(FILE).is_file()
    }

    /// Removes what was left, if anything.
    pub(super) fn forget(dir: &Path) -> Result<()> {
        if Given::is_left(dir) { disk::remove_file(&dir.join(FILE)) } else { Ok(()) }
    }
}
