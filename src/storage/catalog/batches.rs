//! Batches, and the changes that are neither put nor removal.

use rusqlite::{OptionalExtension, Row};

use super::contents::gone_by;
use super::documents::{VersionRow, version};
use super::tenants::TenantRow;
use super::{View, Writer, id, number, sql};
use crate::base::codec::Reader;
use crate::base::digest::Digest;
use crate::base::error::{Error, Result};
use crate::base::time::Timestamp;
use crate::format::record;
use crate::model::change::{BatchHead, Cause, Change, Tenancy};
use crate::model::reference::Reference;

/// One batch.
#[derive(Debug, Clone)]
pub struct BatchRow {
    /// Tenant and sequence number.
    pub id: i64,
    /// Everything but `prev`, which is the digest of the batch before and not stored twice.
    pub head: BatchHead,
    /// How many changes.
    pub changes: u64,
    /// Digest of the log up to and with this batch.
    pub digest: Digest,
    /// How many documents and contents of the tenant are numbered with this batch.
    pub numbered: (u64, u64),
}

/// One put or removal with what a history says of it.
#[derive(Debug, Clone)]
pub struct HistoryRow {
    /// The put or removal.
    pub version: VersionRow,
    /// Digest and size of its content, and where its bytes were given up the batch that says so (0: none does).
    pub content: Option<(Digest, u64, Option<u64>)>,
    /// When its batch was recorded.
    pub time: Timestamp,
    /// Who did it, why, and from where.
    pub who: [String; 3],
    /// Whether the batch was computed from older ones.
    pub cause: Cause,
}

/// The newest state of a reference.
#[derive(Debug, Clone)]
pub struct ReferenceRow {
    /// The document it belongs to.
    pub document: i64,
    /// What it says.
    pub reference: Reference,
    /// The batch that said so last.
    pub batch: i64,
}

fn batch(r: &Row<'_>) -> rusqlite::Result<Result<BatchRow>> {
    let id: i64 = r.get(0)?;
    let (cause, cause_seq, digest) = (r.get::<_, u8>(7)?, r.get::<_, i64>(8)? as u64, r.get::<_, Vec<u8>>(10)?);
    let head = BatchHead {
        seq: number(id),
        prev: Digest::ZERO,
        time: Timestamp(r.get(1)?),
        clock_behind: r.get(2)?,
        actor: r.get(3)?,
        reason: r.get(4)?,
        origin: r.get(5)?,
        request: r.get(6)?,
        cause: Cause::Recorded,
    };
    let changes = r.get::<_, i64>(9)? as u64;
    let numbered = (r.get::<_, i64>(11)? as u64, r.get::<_, i64>(12)? as u64);
    Ok((|| {
        let head = BatchHead { cause: record::cause_from(cause, cause_seq)?, ..head };
        Ok(BatchRow { id, head, changes, digest: Digest::from_slice(&digest)?, numbered })
    })())
}

fn history_row(r: &Row<'_>) -> rusqlite::Result<Result<HistoryRow>> {
    let content = match r.get_ref(6)?.as_blob_or_null()? {
        Some(digest) => Some((Digest::from_slice(digest), r.get::<_, i64>(7)? as u64, r.get_ref(14)?.as_blob_or_null()?.map(gone_by))),
        None => None,
    };
    let (time, who, cause) = (Timestamp(r.get(8)?), [r.get(9)?, r.get(10)?, r.get(11)?], (r.get(12)?, r.get::<_, i64>(13)? as u64));
    let version = version(r)?;
    Ok((|| {
        let content = match content {
            Some((digest, size, gone)) => Some((digest?, size, gone.transpose()?)),
            None => None,
        };
        Ok(HistoryRow { version: version?, content, time, who, cause: record::cause_from(cause.0, cause.1)? })
    })())
}

fn reference(r: &Row<'_>) -> rusqlite::Result<ReferenceRow> {
    Ok(ReferenceRow {
        document: r.get(2)?,
        reference: Reference {
            system: r.get(0)?,
            id: r.get(1)?,
            state: r.get(3)?,
            irrevocable: r.get(4)?,
            expires: r.get::<_, Option<i64>>(5)?.map(Timestamp),
        },
        batch: r.get(6)?,
    })
}

fn remark(body: &[u8]) -> Result<Change> {
    let mut reader = Reader::new(body, "a remark");
    let change = record::decode_change(&mut reader)?;
    reader.finish()?;
    Ok(change)
}

const BATCH: &str = "id, time, clock_behind, actor, reason, origin, request, cause, cause_seq, changes, digest, documents, contents";
const REFERENCE: &str = "system, external, document, state, irrevocable, expires, batch";

impl View<'_> {
    /// The batch with this id, its `prev` filled in.
    pub fn batch(&self, id: i64) -> Result<Option<BatchRow>> {
        let mut s = self.sql.prepare_cached(&format!("SELECT {BATCH} FROM batch WHERE id = ?")).map_err(sql)?;
        let Some(mut row) = s.query_row([id], batch).optional().map_err(sql)?.transpose()? else { return Ok(None) };
        row.head.prev = self.digest_of_batch(id - 1)?.unwrap_or(Digest::ZERO);
        Ok(Some(row))
    }

    /// All puts and removals of a document up to batch `last` (id), oldest first, each with digest and size of its content and with what its
    /// batch says. One walk, and nothing that a history does not show, because a document may have thousands of versions.
    pub fn history(&self, document: i64, last: i64) -> Result<Vec<HistoryRow>> {
        let text = "SELECT v.document, v.batch, v.place, v.number, v.content, v.meta, c.digest, c.size, b.time, b.actor, b.reason, b.origin, \
                    b.cause, b.cause_seq, CASE WHEN c.form = 3 THEN c.body END \
                    FROM version v JOIN batch b ON b.id = v.batch LEFT JOIN content c ON c.id = v.content \
                    WHERE v.document = ? AND v.batch <= ? ORDER BY v.batch";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let mut rows = s.query((document, last)).map_err(sql)?;
        let mut out = Vec::new();
        while let Some(r) = rows.next().map_err(sql)? {
            out.push(history_row(r).map_err(sql)??);
        }
        Ok(out)
    }

    /// The digest of a batch.
    pub fn digest_of_batch(&self, id: i64) -> Result<Option<Digest>> {
        let mut s = self.sql.prepare_cached("SELECT digest FROM batch WHERE id = ?").map_err(sql)?;
        let digest = s.query_row([id], |r| r.get::<_, Vec<u8>>(0)).optional().map_err(sql)?;
        digest.map(|d| Digest::from_slice(&d)).transpose()
    }

    /// Batches with ids `first..=last` in order, at most `limit`.
    pub fn batches(&self, first: i64, last: i64, limit: usize) -> Result<Vec<BatchRow>> {
        let mut prev = self.digest_of_batch(first - 1)?.unwrap_or(Digest::ZERO);
        let mut s = self.sql.prepare_cached(&format!("SELECT {BATCH} FROM batch WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?")).map_err(sql)?;
        let rows = s.query_map((first, last, limit as i64), batch).map_err(sql)?;
        let mut out = Vec::new();
        for row in rows {
            let mut row = row.map_err(sql)??;
            row.head.prev = std::mem::replace(&mut prev, row.digest);
            out.push(row);
        }
        Ok(out)
    }

    /// The last batch (sequence number) of a tenant at or before `time`; 0 where there is none.
    pub fn seq_at_time(&self, tenant: i64, time: Timestamp) -> Result<u64> {
        let text = "SELECT id FROM batch WHERE tenant = ? AND time <= ? ORDER BY time DESC, id DESC LIMIT 1";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        Ok(s.query_row((tenant, time.micros()), |r| r.get(0)).optional().map_err(sql)?.map_or(0, number))
    }

    /// The batch that a request id recorded.
    pub fn batch_of_request(&self, tenant: i64, request: &str) -> Result<Option<BatchRow>> {
        let mut s = self.sql.prepare_cached("SELECT id FROM batch WHERE tenant = ? AND request = ? AND request <> ''").map_err(sql)?;
        let found: Option<i64> = s.query_row((tenant, request), |r| r.get(0)).optional().map_err(sql)?;
        found.map_or(Ok(None), |id| self.batch(id))
    }

    /// The batches that took back batch `seq`, oldest first.
    pub fn undone_by(&self, tenant: i64, seq: u64) -> Result<Vec<u64>> {
        // The index has only rows for which the third condition is said.
        let text = "SELECT id FROM batch WHERE tenant = ? AND cause_seq = ? AND cause_seq <> 0 AND cause = 1 ORDER BY id";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows = s.query_map((tenant, seq as i64), |r| r.get(0)).map_err(sql)?;
        rows.map(|r| r.map(number).map_err(sql)).collect()
    }

    /// References and marks of the batches `first..=last` with batch id and place, in order.
    pub fn remarks(&self, first: i64, last: i64) -> Result<Vec<(i64, u64, Change)>> {
        let mut s =
            self.sql.prepare_cached("SELECT batch, place, body FROM remark WHERE batch BETWEEN ? AND ? ORDER BY batch, place").map_err(sql)?;
        let mut rows = s.query((first, last)).map_err(sql)?;
        let mut out = Vec::new();
        while let Some(r) = rows.next().map_err(sql)? {
            let change = remark(&r.get::<_, Vec<u8>>(2).map_err(sql)?)?;
            out.push((r.get(0).map_err(sql)?, r.get::<_, i64>(1).map_err(sql)? as u64, change));
        }
        Ok(out)
    }

    /// References and marks of one batch (id) from place `from` on, in order, at most `limit`.
    pub fn remarks_from(&self, batch: i64, from: u64, limit: usize) -> Result<Vec<(u64, Change)>> {
        let text = "SELECT place, body FROM remark WHERE batch = ? AND place >= ? ORDER BY place LIMIT ?";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows = s.query_map((batch, from as i64, limit as i64), |r| Ok((r.get::<_, i64>(0)? as u64, r.get::<_, Vec<u8>>(1)?))).map_err(sql)?;
        rows.map(|row| {
            let (place, body) = row.map_err(sql)?;
            Ok((place, remark(&body)?))
        })
        .collect()
    }

    /// Calls `each` with the batch (id) and the document of each reference that batches `first..=last` said something of.
    pub fn remarked(&self, first: i64, last: i64, mut each: impl FnMut(i64, i64)) -> Result<()> {
        let text = "SELECT batch, document FROM remark WHERE batch BETWEEN ? AND ? AND document IS NOT NULL";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let mut rows = s.query((first, last)).map_err(sql)?;
        while let Some(r) = rows.next().map_err(sql)? {
            each(r.get(0).map_err(sql)?, r.get(1).map_err(sql)?);
        }
        Ok(())
    }

    /// The batch (sequence number) that a mark includes last.
    pub fn mark(&self, tenant: i64, name: &str) -> Result<Option<u64>> {
        let mut s = self.sql.prepare_cached("SELECT seq FROM mark WHERE tenant = ? AND name = ?").map_err(sql)?;
        Ok(s.query_row((tenant, name), |r| r.get::<_, i64>(0)).optional().map_err(sql)?.map(|seq| seq as u64))
    }

    /// All marks of a tenant by name.
    pub fn marks(&self, tenant: i64) -> Result<Vec<(String, u64)>> {
        let mut s = self.sql.prepare_cached("SELECT name, seq FROM mark WHERE tenant = ? ORDER BY name").map_err(sql)?;
        let rows = s.query_map([tenant], |r| Ok((r.get(0)?, r.get::<_, i64>(1)? as u64))).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// The references of one document.
    pub fn references_of(&self, document: i64) -> Result<Vec<ReferenceRow>> {
        let mut s =
            self.sql.prepare_cached(&format!("SELECT {REFERENCE} FROM reference WHERE document = ? ORDER BY system, external")).map_err(sql)?;
        let rows = s.query_map([document], reference).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// The documents that carry the id `external` of `system`.
    pub fn references_to(&self, tenant: i64, system: &str, external: &str) -> Result<Vec<ReferenceRow>> {
        let text = format!("SELECT {REFERENCE} FROM reference WHERE tenant = ? AND system = ? AND external = ? ORDER BY document");
        let mut s = self.sql.prepare_cached(&text).map_err(sql)?;
        let rows = s.query_map((tenant, system, external), reference).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// References of a tenant behind `after` (system, outside id, document), in that order, at most `limit`, each with whether its document
    /// exists. `system` and a part of the id narrow them where they are not empty, `condition` is one of SQL.
    pub fn references_after(
        &self,
        tenant: i64,
        (system, part, condition): (&str, &str, &str),
        now: Timestamp,
        after: Option<&(String, String, i64)>,
        limit: usize,
    ) -> Result<Vec<(ReferenceRow, bool)>> {
        let from = after.map_or(("", "", i64::MIN), |(system, external, document)| (system.as_str(), external.as_str(), *document));
        let text = format!(
            "SELECT r.system, r.external, r.document, r.state, r.irrevocable, r.expires, r.batch, d.content IS NOT NULL \
             FROM reference r JOIN document d ON d.id = r.document \
             WHERE r.tenant = ?1 AND (r.system, r.external, r.document) > (?2, ?3, ?4) AND (?5 = '' OR r.system = ?5) \
             AND (?6 = '' OR instr(r.external, ?6) > 0) AND (?7 IS NOT NULL) AND {condition} ORDER BY r.system, r.external, r.document LIMIT ?8"
        );
        let mut s = self.sql.prepare_cached(&text).map_err(sql)?;
        let params = (tenant, from.0, from.1, from.2, system, part, now.micros(), limit as i64);
        let rows = s.query_map(params, |r| Ok((reference(r)?, r.get(7)?))).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// All references of a tenant.
    pub fn references(&self, tenant: i64) -> Result<Vec<ReferenceRow>> {
        let text = format!("SELECT {REFERENCE} FROM reference WHERE tenant = ? ORDER BY system, external, document");
        let mut s = self.sql.prepare_cached(&text).map_err(sql)?;
        let rows = s.query_map([tenant], reference).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }
}

impl Writer<'_> {
    /// Adds a batch; `tenant` as it is with the batch applied.
    pub fn add_batch(&self, tenant: &TenantRow, head: &BatchHead, changes: u64, digest: &Digest) -> Result<i64> {
        let id = id(tenant.id, head.seq);
        let (cause, cause_seq) = record::cause_parts(head.cause);
        self.run(
            "INSERT INTO batch (id, tenant, time, clock_behind, actor, reason, origin, request, cause, cause_seq, changes, digest, documents, contents) \
             VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                id,
                tenant.id,
                head.time.micros(),
                head.clock_behind,
                &head.actor,
                &head.reason,
                &head.origin,
                &head.request,
                cause,
                cause_seq as i64,
                changes as i64,
                &digest.as_bytes()[..],
                tenant.documents as i64,
                tenant.contents as i64,
            ),
        )?;
        Ok(id)
    }

    /// Adds a change that is neither put nor removal, with the rows derived from it. `document` is the one a reference belongs to.
    pub fn add_remark(&self, batch: i64, place: u64, document: Option<i64>, change: &Change) -> Result<()> {
        let mut body = Vec::new();
        record::encode_change(change, &mut body);
        self.run("INSERT INTO remark (batch, place, document, body) VALUES (?,?,?,?)", (batch, place as i64, document, body))?;
        self.derive(batch, document, change)
    }

    /// The rows that follow from a remark.
    pub(super) fn derive(&self, batch: i64, document: Option<i64>, change: &Change) -> Result<()> {
        let tenant = super::tenant_of(batch);
        match change {
            Change::Refer { reference: r, .. } => self.run(
                "INSERT OR REPLACE INTO reference (tenant, system, external, document, state, irrevocable, expires, batch) VALUES (?,?,?,?,?,?,?,?)",
                (tenant, &r.system, &r.id, document, &r.state, r.irrevocable, r.expires.map(|t| t.micros()), batch),
            ),
            Change::Mark { name } => {
                self.run("INSERT OR REPLACE INTO mark (tenant, name, seq) VALUES (?,?,?)", (tenant, name, number(batch) as i64 - 1))
            }
            Change::Hold { name, prefix, until } => self.run(
                "INSERT OR REPLACE INTO hold (tenant, name, prefix, until, batch) VALUES (?,?,?,?,?)",
                (tenant, name, prefix, until.map(|t| t.micros()), batch),
            ),
            Change::Lift { name } => self.run("DELETE FROM hold WHERE tenant = ? AND name = ?", (tenant, name)),
            Change::Forget { contents, .. } => self.give_up(tenant, number(batch), contents, false).map(|_| ()),
            Change::MarkAt { name, seq } if *seq < number(batch) => {
                self.run("INSERT OR REPLACE INTO mark (tenant, name, seq) VALUES (?,?,?)", (tenant, name, *seq as i64))
            }
            Change::MarkAt { .. } => Err(Error::damaged("a mark of a batch that is yet to come")),
            Change::Tenant(Tenancy::Dropped { until }) => {
                self.run("INSERT OR REPLACE INTO dropped (tenant, until, batch, gone) VALUES (?,?,?,NULL)", (tenant, until.micros(), batch))
            }
            Change::Tenant(Tenancy::Back) => self.run("DELETE FROM dropped WHERE tenant = ?", [tenant]),
            Change::Tenant(Tenancy::Gone) => self.run("UPDATE dropped SET gone = ? WHERE tenant = ?", (batch, tenant)),
            Change::Erase { contents, .. } => self.give_up(tenant, number(batch), contents, true).map(|_| ()),
            Change::Put { .. } | Change::Remove { .. } => Err(Error::damaged("a put or removal is not a remark")),
        }
    }
}
