//! Rows on their way into the log: compared with what is recorded, collected as batches, committed together.

use std::collections::HashMap;

use crate::base::digest::Digest;
use crate::base::error::Result;
use crate::base::limits;
use crate::engine::record::Batch;
use crate::engine::store::Tenant;
use crate::format::sqlite::row::ROW_MEDIA_TYPE;
use crate::model::change::Meta;

use super::{PgCaptured, state::State};

/// Bytes of rows, and batches, that wait for one durable step.
const WAIT_BYTES_MAX: usize = 8 << 20;
const WAIT_BATCHES_MAX: usize = 1000;

/// What a document is now: nothing, or a row.
pub(super) enum Current {
    /// It does not exist.
    Absent,
    /// It is recorded.
    Recorded {
        /// Id of the document.
        document: i64,
        content: i64,
        digest: Digest,
    },
    /// It waits to be recorded.
    Waiting(Vec<u8>),
}

impl Current {
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Current::Absent)
    }

    fn is(&self, digest: &Digest) -> bool {
        match self {
            Current::Absent => false,
            Current::Recorded { digest: known, .. } => known == digest,
            Current::Waiting(json) => Digest::of(json) == *digest,
        }
    }
}

/// Collects batches and commits them in order.
pub(super) struct Recorder<'a> {
    pub(super) tenant: &'a Tenant,
    /// The fact that holds the state.
    pub(super) fact: String,
    pub(super) report: &'a mut PgCaptured,
    batches: Vec<Batch>,
    waiting: HashMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
    /// Which of the batches is the one that we wrote into the database ourselves.
    given: Option<usize>,
}

/// Metadata of a row: what it is stands in its content.
pub(super) fn meta() -> Meta {
    Meta { media: ROW_MEDIA_TYPE.into(), ..Meta::default() }
}

impl<'a> Recorder<'a> {
    pub(super) fn new(tenant: &'a Tenant, fact: String, report: &'a mut PgCaptured) -> Self {
        Recorder { tenant, fact, report, batches: Vec::new(), waiting: HashMap::new(), bytes: 0, given: None }
    }

    /// What `key` is when everything that waits is recorded.
    pub(super) fn current(&self, key: &[u8]) -> Result<Current> {
        match self.waiting.get(key) {
            Some(Some(json)) => return Ok(Current::Waiting(json.clone())),
            Some(None) => return Ok(Current::Absent),
            None => {}
        }
        self.tenant.inner.catalog.read(|rows| {
            let Some(document) = rows.document(self.tenant.id, key)? else { return Ok(Current::Absent) };
            let Some(content) = document.content else { return Ok(Current::Absent) };
            Ok(Current::Recorded { document: document.id, content, digest: rows.content_digest(content)?.0 })
        })
    }

    /// The row that a document is, `None` where it does not exist.
    pub(super) fn json(&self, current: &Current) -> Result<Option<Vec<u8>>> {
        match current {
            Current::Absent => Ok(None),
            Current::Waiting(json) => Ok(Some(json.clone())),
            Current::Recorded { content, .. } => {
                let row = self.tenant.inner.catalog.read(|rows| rows.content(*content))?;
                let reader = crate::engine::content::ContentReader::open(&self.tenant.inner.chunks, &row)?;
                reader.bytes(limits::ROW_BYTES_MAX).map(Some)
            }
        }
    }

    /// Adds to `batch` that `key` is `row` from then on, unless it is so already, and counts what that means.
    pub(super) fn set(&mut self, batch: &mut Batch, key: &[u8], row: Option<&[u8]>, current: &Current) -> Result<()> {
        let Some(row) = row else {
            if !current.is_absent() {
                batch.remove(key)?;
                self.report.removed += 1;
                self.report.rows += 1;
            }
            return Ok(());
        };
        if current.is(&Digest::of(row)) {
            self.report.unchanged += 1;
            return Ok(());
        }
        batch.put_with(key, &mut &row[..], meta())?;
        match current.is_absent() {
            true => self.report.added += 1,
            false => self.report.changed += 1,
        }
        self.report.rows += 1;
        self.report.bytes_new += row.len() as u64;
        Ok(())
    }

    /// Takes a batch with the state that it leads to. `rows` are what it sets, so that later ones of the same step see them.
    pub(super) fn take(&mut self, batch: Batch, state: &State, rows: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>) -> Result<()> {
        self.batches.push(batch.fact(&self.fact, state.to_bytes()?));
        for (key, row) in rows {
            self.bytes += key.len() + row.as_ref().map_or(0, Vec::len);
            self.waiting.insert(key, row);
        }
        if self.bytes >= WAIT_BYTES_MAX || self.batches.len() >= WAIT_BATCHES_MAX { self.commit() } else { Ok(()) }
    }

    /// The batch that is taken next is what we wrote into the database ourselves.
    pub(super) fn next_is_given(&mut self) {
        self.given = Some(self.batches.len());
    }

    /// Commits a batch that leads to no new state: part of something larger, which is done again if it does not come to its end.
    pub(super) fn commit_part(&mut self, batch: Batch) -> Result<()> {
        self.commit()?;
        self.report.receipt = Some(batch.commit()?);
        Ok(())
    }

    /// Makes everything that was taken durable.
    pub(super) fn commit(&mut self) -> Result<()> {
        self.waiting.clear();
        self.bytes = 0;
        let receipts = Batch::commit_all(std::mem::take(&mut self.batches))?;
        if let Some(at) = self.given.take() {
            self.report.given = receipts.get(at).cloned();
        }
        self.report.receipt = receipts.into_iter().next_back().or(self.report.receipt.take());
        Ok(())
    }

    /// Notes a state to which no batch leads.
    pub(super) fn set_state(&mut self, state: &State) -> Result<()> {
        self.commit()?;
        let bytes = state.to_bytes()?;
        self.tenant.inner.catalog.write(|w| w.set_fact(&self.fact, &bytes))
    }
}
