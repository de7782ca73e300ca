//! Batches that are being collected over several commands. Not part of the log until they are committed.

use rusqlite::OptionalExtension;

use super::contents::{Body, stored};
use super::documents::{meta_bytes, meta_from};
use super::{View, Writer, sql};
use crate::base::digest::Digest;
use crate::base::error::{Error, Result};
use crate::base::time::Timestamp;
use crate::model::change::Meta;

/// A batch that was begun and not committed.
#[derive(Debug, Clone)]
pub struct DraftRow {
    /// Its number.
    pub id: i64,
    /// The tenant.
    pub tenant: i64,
    /// When it was begun.
    pub started: Timestamp,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// One change of a draft: `content` is `None` for a removal.
#[derive(Debug, Clone)]
pub struct DraftChange {
    /// The document.
    pub key: Vec<u8>,
    /// Digest, size and body of the content.
    pub content: Option<(Digest, u64, Body)>,
    /// What is kept beside it.
    pub meta: Meta,
}

impl View<'_> {
    /// All drafts of a tenant.
    pub fn drafts(&self, tenant: i64) -> Result<Vec<DraftRow>> {
        let mut s = self.sql.prepare_cached("SELECT id, tenant, started, actor, reason FROM draft WHERE tenant = ? ORDER BY id").map_err(sql)?;
        let rows = s
            .query_map([tenant], |r| {
                Ok(DraftRow { id: r.get(0)?, tenant: r.get(1)?, started: Timestamp(r.get(2)?), actor: r.get(3)?, reason: r.get(4)? })
            })
            .map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// The changes of a draft in order of key.
    pub fn draft_changes(&self, draft: i64) -> Result<Vec<DraftChange>> {
        let mut s =
            self.sql.prepare_cached("SELECT key, digest, size, form, body, meta FROM draft_change WHERE draft = ? ORDER BY key").map_err(sql)?;
        let mut rows = s.query([draft]).map_err(sql)?;
        let mut out = Vec::new();
        while let Some(r) = rows.next().map_err(sql)? {
            let digest: Option<Vec<u8>> = r.get(1).map_err(sql)?;
            let body: Vec<u8> = r.get(4).map_err(sql)?;
            let body = match r.get::<_, u8>(3).map_err(sql)? {
                0 => Body::Inline(body),
                1 => Body::List(body),
                _ => return Err(Error::damaged("a draft's content")),
            };
            let size = r.get::<_, i64>(2).map_err(sql)? as u64;
            let content = digest.map(|d| Digest::from_slice(&d)).transpose()?.map(|d| (d, size, body));
            let meta: Vec<u8> = r.get(5).map_err(sql)?;
            let meta = meta_from(if meta.is_empty() { None } else { Some(&meta) })?;
            out.push(DraftChange { key: r.get(0).map_err(sql)?, content, meta });
        }
        Ok(out)
    }

    /// The chunk lists that drafts name: their chunks are in use.
    pub fn draft_lists(&self) -> Result<Vec<Vec<u8>>> {
        let mut s = self.sql.prepare_cached("SELECT body FROM draft_change WHERE form = 1 AND digest IS NOT NULL").map_err(sql)?;
        let rows = s.query_map([], |r| r.get(0)).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }
}

impl Writer<'_> {
    /// Begins a draft and gives its number.
    pub fn add_draft(&self, tenant: i64, started: Timestamp, actor: &str, reason: &str) -> Result<i64> {
        self.run("INSERT INTO draft (tenant, started, actor, reason) VALUES (?,?,?,?)", (tenant, started.micros(), actor, reason))?;
        Ok(self.sql.last_insert_rowid())
    }

    /// Adds or replaces the change of one document.
    pub fn set_draft_change(&self, draft: i64, change: &DraftChange) -> Result<()> {
        let exists: Option<i64> =
            self.sql.prepare_cached("SELECT id FROM draft WHERE id = ?").map_err(sql)?.query_row([draft], |r| r.get(0)).optional().map_err(sql)?;
        if exists.is_none() {
            return Err(Error::missing("batch.missing", format!("no open batch {draft}")).hint("annals batch ls shows the open ones"));
        }
        let (digest, size, (form, body)) = match &change.content {
            None => (None, 0, (0, Vec::new())),
            Some((digest, size, body)) => (Some(digest), *size, stored(body)),
        };
        self.run(
            "INSERT OR REPLACE INTO draft_change (draft, key, digest, size, form, body, meta) VALUES (?,?,?,?,?,?,?)",
            (draft, &change.key, digest.map(|d| &d.as_bytes()[..]), size as i64, form, body, meta_bytes(&change.meta).unwrap_or_default()),
        )
    }

    /// Forgets a draft.
    pub fn remove_draft(&self, draft: i64) -> Result<()> {
        self.run("DELETE FROM draft_change WHERE draft = ?", [draft])?;
        self.run("DELETE FROM draft WHERE id = ?", [draft])
    }
}
