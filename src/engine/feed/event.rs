//! One event of the change feed.

use crate::base::digest::Digest;
use crate::base::error::{Error, Result};
use crate::base::id::TimelineId;
use crate::engine::history::Event;
use crate::model::change::{Cause, Change, Tenancy};
use crate::model::reference::Reference;
use crate::model::timeline::Position;
use crate::storage::catalog::batches::BatchRow;
use crate::storage::catalog::cursors::{ChangeKind, ChangeRow, Place};

/// What happened to a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedKind {
    /// A new version; with `back`, one that an undo, a rollback or a restore brought back.
    Put {
        /// The document.
        key: Vec<u8>,
        /// Number of the version.
        version: u64,
        /// BLAKE3 of its content.
        digest: Digest,
        /// Its length in bytes.
        size: u64,
        /// It was computed from older versions.
        back: bool,
    },
    /// The document ceased to exist.
    Delete {
        /// The document.
        key: Vec<u8>,
        /// The version that was its last.
        version: u64,
    },
    /// A reference was added, or its state changed.
    Reference {
        /// The document.
        key: Vec<u8>,
        /// The reference as it is from then on.
        reference: Reference,
    },
    /// A position got a name: the one before the batch, or an earlier one.
    Mark {
        /// The name.
        name: String,
    },
    /// Nothing of the documents in a scope may be forgotten from then on.
    Hold {
        /// The name of the hold.
        name: String,
        /// The scope.
        prefix: Vec<u8>,
    },
    /// A hold ended.
    Lift {
        /// The name of the hold.
        name: String,
    },
    /// The bytes of contents were given up; no current document has one of them.
    Forget {
        /// By which rules.
        rule: String,
        /// How many.
        contents: u64,
    },
    /// The tenant was dropped, brought back, or given up.
    Tenant {
        /// Which of them.
        tenancy: Tenancy,
    },
    /// A subject was erased: who keeps copies of what the feed brought should let those go too. Removals of its documents follow.
    Erase {
        /// How many contents.
        contents: u64,
    },
}

/// One change with all that is known of its batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEvent {
    /// The position of the log with the batch as its last.
    pub position: Position,
    /// Place of the change in its batch, from 0.
    pub index: u64,
    /// How many changes the batch has.
    pub changes: u64,
    /// When, who, why.
    pub event: Event,
    /// The caller's id of the request, empty where none.
    pub request: String,
    /// What happened.
    pub kind: FeedKind,
}

/// The partition (from 0) of `partitions` that a key lies in: the first eight bytes of the BLAKE3 digest of the key as a little-endian
/// number, modulo `partitions`. Without a key: 0. Never changes, so that a consumer outside may compute it too.
pub fn partition_of(key: Option<&[u8]>, partitions: u32) -> u32 {
    let Some(key) = key.filter(|_| partitions > 1) else { return 0 };
    let mut first = [0; 8];
    first.copy_from_slice(&Digest::of(key).as_bytes()[..8]);
    (u64::from_le_bytes(first) % u64::from(partitions)) as u32
}

impl FeedEvent {
    pub(super) fn new(timeline: TimelineId, batch: &BatchRow, row: ChangeRow) -> Result<Self> {
        let kind = match row.change {
            ChangeKind::Version { key, number, content: Some((digest, size)) } => FeedKind::Put {
                key,
                version: number,
                digest,
                size,
                back: matches!(batch.head.cause, Cause::Undo(_) | Cause::Rollback(_) | Cause::Restore),
            },
            ChangeKind::Version { key, number, content: None } => FeedKind::Delete { key, version: number },
            ChangeKind::Remark(Change::Refer { key, reference }) => FeedKind::Reference { key, reference },
            ChangeKind::Remark(Change::Mark { name } | Change::MarkAt { name, .. }) => FeedKind::Mark { name },
            ChangeKind::Remark(Change::Tenant(tenancy)) => FeedKind::Tenant { tenancy },
            ChangeKind::Remark(Change::Hold { name, prefix, .. }) => FeedKind::Hold { name, prefix },
            ChangeKind::Remark(Change::Lift { name }) => FeedKind::Lift { name },
            ChangeKind::Remark(Change::Forget { rule, contents }) => FeedKind::Forget { rule, contents: contents.len() as u64 },
            ChangeKind::Remark(Change::Erase { contents, .. }) => FeedKind::Erase { contents: contents.len() as u64 },
            ChangeKind::Remark(Change::Put { .. } | Change::Remove { .. }) => return Err(Error::damaged("a put or removal is not a remark")),
        };
        let position = Position { timeline, seq: batch.head.seq, digest: batch.digest };
        let (changes, request) = (batch.changes, batch.head.request.clone());
        Ok(FeedEvent { position, index: row.place, changes, event: Event::from(batch.clone()), request, kind })
    }

    /// The document, where it is a change of one.
    pub fn key(&self) -> Option<&[u8]> {
        match &self.kind {
            FeedKind::Put { key, .. } | FeedKind::Delete { key, .. } | FeedKind::Reference { key, .. } => Some(key),
            FeedKind::Mark { .. } | FeedKind::Hold { .. } | FeedKind::Lift { .. } => None,
            FeedKind::Forget { .. } | FeedKind::Tenant { .. } | FeedKind::Erase { .. } => None,
        }
    }

    /// The word for what happened: `put`, `restore` (a put that brings an older state back), `realign` (a put, or the mark at its beginning, that
    /// makes two lines of history one), `delete`, `reference`, `mark`, `hold`, `lift`, `forget`, `erase`, and of the tenant itself `drop`,
    /// `undrop` and `gone`. A delete says in the cause of its batch whether it belongs to a realignment.
    pub fn word(&self) -> &'static str {
        match &self.kind {
            FeedKind::Put { .. } | FeedKind::Mark { .. } if matches!(self.event.cause, Cause::Realign(_)) => "realign",
            FeedKind::Put { back: false, .. } => "put",
            FeedKind::Put { back: true, .. } => "restore",
            FeedKind::Delete { .. } => "delete",
            FeedKind::Reference { .. } => "reference",
            FeedKind::Mark { .. } => "mark",
            FeedKind::Hold { .. } => "hold",
            FeedKind::Lift { .. } => "lift",
            FeedKind::Forget { .. } => "forget",
            FeedKind::Tenant { tenancy: Tenancy::Dropped { .. } } => "drop",
            FeedKind::Tenant { tenancy: Tenancy::Back } => "undrop",
            FeedKind::Tenant { tenancy: Tenancy::Gone } => "gone",
            FeedKind::Erase { .. } => "erase",
        }
    }

    /// Whether it is the last change of its batch.
    pub fn ends_batch(&self) -> bool {
        self.index + 1 == self.changes
    }

    /// The place in the log right after it.
    pub(super) fn after(&self) -> Place {
        match self.ends_batch() {
            true => Place { seq: self.position.seq, within: 0 },
            false => Place { seq: self.position.seq - 1, within: self.index + 1 },
        }
    }
}
