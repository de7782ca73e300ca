//! Batches that are being collected over several commands: what is open, what is in it, and dropping it.

use crate::base::digest::Digest;
use crate::base::error::{Error, Result};
use crate::base::time::Timestamp;
use crate::model::change::Meta;

use super::store::Tenant;

/// A batch that was begun and neither committed nor dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBatch {
    /// Its number. Open batches are numbered apart from the batches of the log.
    pub number: i64,
    /// When it was begun.
    pub started: Timestamp,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// One change of an open batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenChange {
    /// The document.
    pub key: Vec<u8>,
    /// Digest and size in bytes of the new content; `None` for a removal.
    pub content: Option<(Digest, u64)>,
    /// What is kept beside it.
    pub meta: Meta,
}

impl Tenant {
    /// The open batches, oldest first.
    pub fn open_batches(&self) -> Result<Vec<OpenBatch>> {
        let rows = self.inner.catalog.read(|rows| rows.drafts(self.id))?;
        Ok(rows.into_iter().map(|d| OpenBatch { number: d.id, started: d.started, actor: d.actor, reason: d.reason }).collect())
    }

    /// One open batch of this tenant.
    ///
    /// # Errors
    /// [`Kind::Missing`](crate::base::error::Kind::Missing), with the numbers of those that are open.
    pub fn open_batch(&self, number: i64) -> Result<OpenBatch> {
        let mut open = self.open_batches()?;
        match open.iter().position(|b| b.number == number) {
            Some(at) => Ok(open.swap_remove(at)),
            None => {
                let names: Vec<String> = open.iter().map(|b| format!("D{}", b.number)).collect();
                let hint = match names.is_empty() {
                    true => "none is open; annals batch begin starts one".into(),
                    false => format!("open are {}; annals batch ls shows them", names.join(", ")),
                };
                Err(Error::missing("batch.missing", format!("there is no open batch D{number}")).hint(hint))
            }
        }
    }

    /// The changes of an open batch, in order of key.
    pub fn open_changes(&self, number: i64) -> Result<Vec<OpenChange>> {
        self.open_batch(number)?;
        let changes = self.inner.catalog.read(|rows| rows.draft_changes(number))?;
        let change =
            |(key, content, meta): (_, Option<(Digest, u64, _)>, _)| OpenChange { key, content: content.map(|(d, size, _)| (d, size)), meta };
        Ok(changes.into_iter().map(|c| change((c.key, c.content, c.meta))).collect())
    }

    /// Forgets an open batch; nothing of it was ever part of the log.
    pub fn drop_open_batch(&self, number: i64) -> Result<()> {
        self.open_batch(number)?;
        self.inner.catalog.write(|w| w.remove_draft(number))
    }
}
