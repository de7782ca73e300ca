//! What waits to become part of the log, and how callers that commit at the same time share one transaction and its sync.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex};

use crate::base::digest::Digest;
use crate::base::error::Result;
use crate::base::time::Timestamp;
use crate::model::change::{Cause, Meta};
use crate::model::reference::Reference;
use crate::model::timeline::Position;

use super::content::Ingested;

/// Proof that a batch is durably part of the log. It exists only after the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The position of the log with this batch as its last.
    pub position: Position,
    /// The time it was recorded under.
    pub time: Timestamp,
    /// How many changes it holds.
    pub changes: u64,
    /// The request was recorded before; nothing was added now.
    pub repeated: bool,
}

/// What a new version consists of.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Bytes taken in by this batch.
    New(Ingested),
    /// A content that the tenant has already.
    Known { id: i64, digest: Digest, size: u64 },
}

/// One change that is not yet part of the log.
#[derive(Debug, Clone)]
pub(crate) enum Draft {
    Put { key: Vec<u8>, source: Source, meta: Meta, if_version: Option<u64> },
    Remove { key: Vec<u8>, if_version: Option<u64> },
    Refer { key: Vec<u8>, reference: Reference, shared: bool },
    Mark { name: String },
}

/// What the caller says of a batch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    pub actor: String,
    pub reason: String,
    pub origin: String,
    pub request: String,
    pub cause: Cause,
    /// The log must end here, or the commit is refused as stale.
    pub expected: Option<Position>,
    /// Forgotten in the same transaction.
    pub draft: Option<i64>,
    /// What capture saw, noted in the same transaction.
    pub seen: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// A batch on its way into the log.
pub(crate) struct Request {
    pub tenant: i64,
    pub head: Head,
    pub drafts: Vec<Draft>,
    pub sync: bool,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<(u64, Request)>,
    done: HashMap<u64, Result<Receipt>>,
    next: u64,
    leading: bool,
}

/// Callers that commit at the same time: the first one in leads, and commits for all that wait.
#[derive(Default)]
pub(crate) struct CommitQueue {
    state: Mutex<Queue>,
    finished: Condvar,
}

impl CommitQueue {
    /// Commits `request`, alone or with others that wait; `commit` records a group in one transaction and gives a result for each ticket.
    pub(crate) fn submit(&self, request: Request, commit: impl Fn(Vec<(u64, Request)>) -> Vec<(u64, Result<Receipt>)>) -> Result<Receipt> {
        let mut state = self.state.lock().unwrap_or_else(|e| e.into_inner());
        let ticket = state.next;
        state.next += 1;
        state.waiting.push((ticket, request));
        loop {
            if let Some(result) = state.done.remove(&ticket) {
                return result;
            }
            if state.leading {
                state = self.finished.wait(state).unwrap_or_else(|e| e.into_inner());
                continue;
            }
            state.leading = true;
            let group = std::mem::take(&mut state.waiting);
            drop(state);
            let results = commit(group);
            state = self.state.lock().unwrap_or_else(|e| e.into_inner());
            state.done.extend(results);
            state.leading = false;
            self.finished.notify_all();
        }
    }
}
