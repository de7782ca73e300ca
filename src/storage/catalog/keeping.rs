//! What may be forgotten and what may not, and which sealed objects that leaves behind.

use std::collections::{HashMap, HashSet};

use rusqlite::OptionalExtension;

use super::contents::gone_by;
use super::documents::{DocumentRow, VersionRow, after_prefix, document, version};
use super::{View, Writer, id, number, sql};
use crate::base::codec::Reader;
use crate::base::error::Result;
use crate::base::time::Timestamp;
use crate::format::record::{put_ascending, read_ascending};

/// Each document that [`View::touched`] counts, at its last change: whether it is new, and whether it is gone.
const TOUCHED: &str = "SELECT EXISTS (SELECT 1 FROM version f WHERE f.document = v.document AND f.batch BETWEEN ?1 AND ?2 AND f.number = 1 \
            AND f.content IS NOT NULL), (SELECT d.content IS NULL FROM document d WHERE d.id = v.document) \
            FROM batch b CROSS JOIN version v ON v.batch = b.id WHERE b.id BETWEEN ?1 AND ?2 AND b.cause = 0 AND v.document < ?3 \
            AND NOT EXISTS (SELECT 1 FROM version w JOIN batch c ON c.id = w.batch \
            WHERE w.document = v.document AND w.batch > v.batch AND w.batch <= ?2 AND c.cause = 0)";

/// A hold that was not lifted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRow {
    /// Its name.
    pub name: String,
    /// The documents under it.
    pub prefix: Vec<u8>,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// The batch that set it.
    pub batch: i64,
}

/// What some batches did to documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Touched {
    /// Documents that were there before and were rewritten or removed.
    pub old: u64,
    /// Those of them that do not exist now.
    pub old_removed: u64,
    /// Documents that had a number before and no version, and exist now.
    pub new_existing: u64,
}

/// A tenant that was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DroppedRow {
    /// Until then nothing of it goes.
    pub until: Timestamp,
    /// The batch that dropped it.
    pub batch: i64,
    /// The batch from which on all of its bytes are given up.
    pub gone: Option<i64>,
}

/// What a sealing of a slice lacks and leans on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SealingRow {
    /// Contents of the slice that it was sealed without.
    pub absent: u64,
    /// Numbers of contents of earlier slices that contents of this one are packed against, ascending.
    pub bases: Vec<u64>,
}

/// An object at a remote that nobody needs any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetiredRow {
    /// Within the tenant's folder.
    pub name: String,
    /// Since when.
    pub since: Timestamp,
    /// Whether its removal was begun.
    pub going: bool,
}

/// A put or removal as the rules look at it.
#[derive(Debug, Clone)]
pub struct PastRow {
    /// The put or removal.
    pub version: VersionRow,
    /// The time of its batch.
    pub time: Timestamp,
    /// Bytes of its content.
    pub size: u64,
    /// Where they were given up, the batch that says so.
    pub gone: Option<u64>,
}

impl View<'_> {
    /// The holds of a tenant that were not lifted, by name; those that have ended by themselves are among them.
    pub fn holds(&self, tenant: i64) -> Result<Vec<HoldRow>> {
        let mut s = self.sql.prepare_cached("SELECT name, prefix, until, batch FROM hold WHERE tenant = ? ORDER BY name").map_err(sql)?;
        let rows = s.query_map([tenant], |r| {
            Ok(HoldRow { name: r.get(0)?, prefix: r.get(1)?, until: r.get::<_, Option<i64>>(2)?.map(Timestamp), batch: r.get(3)? })
        });
        rows.map_err(sql)?.map(|r| r.map_err(sql)).collect()
    }

    /// Changes that batches (ids) `first..=last` have.
    pub fn changes_recorded(&self, first: i64, last: i64) -> Result<u64> {
        let mut s = self.sql.prepare_cached("SELECT coalesce(sum(changes), 0) FROM batch WHERE id BETWEEN ? AND ?").map_err(sql)?;
        s.query_row((first, last), |r| r.get::<_, i64>(0)).map(|n| n as u64).map_err(sql)
    }

    /// What batches (ids) `first..=last` that were recorded, not computed from older ones, did to documents below `end` (an id): those that were
    /// numbered before. A document is counted at its last change. Nothing is sorted or kept, and of documents that came later only the index is
    /// read, because the agent asks this beside imports of any size.
    pub fn touched(&self, first: i64, last: i64, end: i64) -> Result<Touched> {
        let mut s = self.sql.prepare_cached(TOUCHED).map_err(sql)?;
        let mut rows = s.query((first, last, end)).map_err(sql)?;
        let mut touched = Touched::default();
        while let Some(row) = rows.next().map_err(sql)? {
            let (fresh, gone): (bool, bool) = (row.get(0).map_err(sql)?, row.get(1).map_err(sql)?);
            touched.old += u64::from(!fresh);
            touched.old_removed += u64::from(!fresh && gone);
            touched.new_existing += u64::from(fresh && !gone);
        }
        Ok(touched)
    }

    /// Whether a tenant was dropped and not brought back.
    pub fn dropped(&self, tenant: i64) -> Result<Option<DroppedRow>> {
        let mut s = self.sql.prepare_cached("SELECT until, batch, gone FROM dropped WHERE tenant = ?").map_err(sql)?;
        s.query_row([tenant], |r| Ok(DroppedRow { until: Timestamp(r.get(0)?), batch: r.get(1)?, gone: r.get(2)? })).optional().map_err(sql)
    }

    /// Numbers and sizes of the contents of a tenant whose bytes are there, in ascending order, from number `from` on, at most `limit`. Empty ones
    /// have no bytes.
    pub fn kept_contents(&self, tenant: i64, from: u64, limit: usize) -> Result<Vec<(u64, u64)>> {
        let text = "SELECT id, size FROM content WHERE id >= ? AND id < ? AND form <> 3 AND size > 0 ORDER BY id LIMIT ?";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows = s.query_map((id(tenant, from), id(tenant + 1, 0), limit as i64), |r| Ok((number(r.get(0)?), r.get::<_, i64>(1)? as u64)));
        rows.map_err(sql)?.map(|r| r.map_err(sql)).collect()
    }

    /// Documents under `prefix` after `after` that have versions besides a current one, in order of key, at most `limit`.
    pub fn documents_with_past(&self, tenant: i64, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<DocumentRow>> {
        let (from, compare) = (after.unwrap_or(prefix), if after.is_some() { ">" } else { ">=" });
        let end = after_prefix(prefix);
        let bound = if end.is_some() { "AND key < ?4" } else { "AND ?4 IS NULL" };
        let text = format!(
            "SELECT id, key, versions, latest, content, last_content FROM document WHERE tenant = ?1 AND key {compare} ?2 {bound} \
             AND versions > (content IS NOT NULL) ORDER BY key LIMIT ?3"
        );
        let mut s = self.sql.prepare_cached(&text).map_err(sql)?;
        let rows = s.query_map((tenant, from, limit as i64, end), document).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// The puts and removals of a document, oldest first.
    pub fn past(&self, document: i64) -> Result<Vec<PastRow>> {
        let text = "SELECT v.document, v.batch, v.place, v.number, v.content, v.meta, b.time, c.size, CASE WHEN c.form = 3 THEN c.body END \
                    FROM version v JOIN batch b ON b.id = v.batch LEFT JOIN content c ON c.id = v.content WHERE v.document = ? ORDER BY v.batch";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows = s.query_map([document], |r| {
            Ok((version(r)?, Timestamp(r.get(6)?), r.get::<_, Option<i64>>(7)?.unwrap_or(0) as u64, r.get::<_, Option<Vec<u8>>>(8)?))
        });
        let rows = rows.map_err(sql)?;
        rows.map(|row| {
            let (version, time, size, gone) = row.map_err(sql)?;
            Ok(PastRow { version: version?, time, size, gone: gone.map(|body| super::contents::gone_by(&body)).transpose()? })
        })
        .collect()
    }

    /// How many versions of the tenant have each of these contents (ids).
    pub fn count_uses(&self, tenant: i64, contents: &mut HashMap<i64, u64>) -> Result<()> {
        let text = "SELECT content FROM version WHERE document >= ? AND document < ? AND content IS NOT NULL";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let mut rows = s.query((id(tenant, 0), id(tenant + 1, 0))).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            if let Some(count) = contents.get_mut(&row.get::<_, i64>(0).map_err(sql)?) {
                *count += 1;
            }
        }
        Ok(())
    }

    /// The contents (ids) of current versions of a tenant that are among `contents`; none where all bytes of the tenant are given up.
    pub fn current_among(&self, tenant: i64, contents: &HashSet<i64>) -> Result<HashSet<i64>> {
        if self.dropped(tenant)?.is_some_and(|dropped| dropped.gone.is_some()) {
            return Ok(HashSet::new());
        }
        let text = "SELECT content FROM document WHERE id >= ? AND id < ? AND content IS NOT NULL";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let mut rows = s.query((id(tenant, 0), id(tenant + 1, 0))).map_err(sql)?;
        let mut out = HashSet::new();
        while let Some(row) = rows.next().map_err(sql)? {
            out.extend(Some(row.get(0).map_err(sql)?).filter(|content| contents.contains(content)));
        }
        Ok(out)
    }

    /// Numbers of the contents of a tenant that were given up, ascending.
    pub fn gone(&self, tenant: i64) -> Result<Vec<u64>> {
        let mut s = self.sql.prepare_cached("SELECT id FROM content WHERE id >= ? AND id < ? AND form = 3 ORDER BY id").map_err(sql)?;
        let rows = s.query_map((id(tenant, 0), id(tenant + 1, 0)), |r| r.get(0)).map_err(sql)?;
        rows.map(|r| r.map(number).map_err(sql)).collect()
    }

    /// The newest batch (sequence number) that says of contents of a tenant that they were given up; 0 where none does.
    pub fn last_forgetting(&self, tenant: i64) -> Result<u64> {
        let mut s = self.sql.prepare_cached("SELECT DISTINCT body FROM content WHERE id >= ? AND id < ? AND form = 3").map_err(sql)?;
        let mut rows = s.query((id(tenant, 0), id(tenant + 1, 0))).map_err(sql)?;
        let mut last = 0;
        while let Some(row) = rows.next().map_err(sql)? {
            last = last.max(gone_by(row.get_ref(0).and_then(|b| Ok(b.as_blob()?)).map_err(sql)?)?);
        }
        Ok(last)
    }

    /// Numbers and sizes of the contents of a tenant that were given up, ascending.
    pub fn gone_sizes(&self, tenant: i64) -> Result<Vec<(u64, u64)>> {
        let mut s = self.sql.prepare_cached("SELECT id, size FROM content WHERE id >= ? AND id < ? AND form = 3 ORDER BY id").map_err(sql)?;
        let rows = s.query_map((id(tenant, 0), id(tenant + 1, 0)), |r| Ok((number(r.get(0)?), r.get::<_, i64>(1)? as u64))).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// Whether the bytes of a content are there.
    pub fn has_bytes(&self, content: i64) -> Result<bool> {
        let mut s = self.sql.prepare_cached("SELECT 1 FROM content WHERE id = ? AND form <> 3").map_err(sql)?;
        s.exists([content]).map_err(sql)
    }

    /// What a sealing of a slice lacks and leans on, where it was noted.
    pub fn sealing(&self, slice: i64) -> Result<Option<SealingRow>> {
        let mut s = self.sql.prepare_cached("SELECT absent, bases FROM sealing WHERE slice = ?").map_err(sql)?;
        let found = s.query_row([slice], |r| Ok((r.get::<_, i64>(0)? as u64, r.get::<_, Vec<u8>>(1)?))).optional().map_err(sql)?;
        let Some((absent, bases)) = found else { return Ok(None) };
        let mut reader = Reader::new(&bases, "what a slice leans on");
        let bases = read_ascending(&mut reader)?;
        reader.finish()?;
        Ok(Some(SealingRow { absent, bases }))
    }

    /// The objects of a tenant at a remote that nobody needs any more.
    pub fn retired(&self, remote: &str, tenant: i64) -> Result<Vec<RetiredRow>> {
        let text = "SELECT name, since, going FROM retired WHERE remote = ? AND tenant = ? ORDER BY name";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows =
            s.query_map((remote, tenant), |r| Ok(RetiredRow { name: r.get(0)?, since: Timestamp(r.get(1)?), going: r.get(2)? })).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }
}

impl Writer<'_> {
    /// Notes what a sealing lacks and leans on.
    pub fn set_sealing(&self, slice: i64, sealing: &SealingRow) -> Result<()> {
        let mut bases = Vec::new();
        put_ascending(&sealing.bases, &mut bases);
        self.run("INSERT OR REPLACE INTO sealing (slice, absent, bases) VALUES (?,?,?)", (slice, sealing.absent as i64, bases))
    }

    /// Notes that nobody needs an object at a remote any more.
    pub fn retire(&self, remote: &str, tenant: i64, name: &str, since: Timestamp) -> Result<()> {
        let text = "INSERT OR IGNORE INTO retired (remote, tenant, name, since, going) VALUES (?,?,?,?,0)";
        self.run(text, (remote, tenant, name, since.micros()))
    }

    /// Notes that the removal of a retired object begins. From now on it counts as held no longer.
    pub fn begin_removal(&self, remote: &str, tenant: i64, name: &str) -> Result<()> {
        self.run("UPDATE retired SET going = 1 WHERE remote = ? AND tenant = ? AND name = ?", (remote, tenant, name))?;
        self.remove_held(remote, tenant, name)
    }

    /// Forgets a retired object: it is gone, or needed again.
    pub fn unretire(&self, remote: &str, tenant: i64, name: &str) -> Result<()> {
        self.run("DELETE FROM retired WHERE remote = ? AND tenant = ? AND name = ?", (remote, tenant, name))
    }

    /// Forgets a sealing of a slice of which no remote holds anything.
    pub fn drop_slice(&self, slice: i64) -> Result<()> {
        self.run("DELETE FROM object WHERE slice = ?", [slice])?;
        self.run("DELETE FROM sealing WHERE slice = ?", [slice])?;
        self.run("DELETE FROM slice WHERE id = ?", [slice])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::catalog::Catalog;

    #[test]
    fn what_an_import_added_is_neither_read_nor_sorted_to_see_what_was_touched() {
        let dir = tempfile::tempdir().expect("dir");
        let catalog = Catalog::create(&dir.path().join("catalog.db")).expect("catalog");
        let steps = catalog.read(|view| {
            let mut s = view.sql.prepare(&format!("EXPLAIN QUERY PLAN {TOUCHED}")).map_err(sql)?;
            let steps = s.query_map((1, 9, 5), |r| r.get::<_, String>(3)).map_err(sql)?;
            steps.map(|step| step.map_err(sql)).collect::<Result<Vec<_>>>()
        });
        let steps = steps.expect("a plan");
        assert!(steps.iter().any(|step| step == "SEARCH v USING COVERING INDEX version_batch (batch=?)"), "{steps:#?}");
        assert!(!steps.iter().any(|step| step.contains("TEMP") || step.contains("SCAN")), "{steps:#?}");
    }
}
