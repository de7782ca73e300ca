//! Whole logs: copied beside themselves, cut back to an earlier batch, and continued with the batches of another copy. Lines of history that
//! were left live on so, as side logs that can be read like any other.

use super::tenants::TenantRow;
use super::{View, Writer, id, number, sql};
use crate::base::codec::Reader;
use crate::base::digest::Digest;
use crate::base::error::{Error, Result};
use crate::base::time::Timestamp;
use crate::format::record;
use crate::model::timeline::Position;

use super::segments::SliceRow;

/// What a log has up to a batch: documents, contents, digest and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEnd {
    /// Digest of the batch, zeros before the first.
    pub digest: Digest,
    /// Its time.
    pub time: Timestamp,
    /// Documents numbered so far.
    pub documents: u64,
    /// Contents numbered so far.
    pub contents: u64,
}

impl TenantRow {
    /// Whether this is a side log and no tenant: names of tenants have no slash.
    pub fn is_side(&self) -> bool {
        self.name.contains('/')
    }
}

impl View<'_> {
    /// What a tenant's log has up to batch `seq`.
    pub fn log_end(&self, tenant: i64, seq: u64) -> Result<LogEnd> {
        if seq == 0 {
            return Ok(LogEnd { digest: Digest::ZERO, time: Timestamp(i64::MIN), documents: 0, contents: 0 });
        }
        let batch = self.batch(id(tenant, seq))?.ok_or_else(|| Error::damaged(format_args!("a log that lacks batch {seq}")))?;
        Ok(LogEnd { digest: batch.digest, time: batch.head.time, documents: batch.numbered.0, contents: batch.numbered.1 })
    }

    /// Numbers of the documents that batches after `seq` put or removed.
    pub fn documents_touched(&self, tenant: i64, seq: u64) -> Result<Vec<i64>> {
        let mut s = self.sql.prepare_cached("SELECT DISTINCT document FROM version WHERE batch > ? AND batch < ? ORDER BY document").map_err(sql)?;
        let rows = s.query_map((id(tenant, seq), id(tenant + 1, 0)), |r| r.get(0)).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }
}

impl Writer<'_> {
    /// Forgets slices that reach beyond batch `seq`: they were sealed on a line that is no longer this log's.
    pub fn forget_slices_after(&self, tenant: i64, seq: u64) -> Result<()> {
        let beyond = "SELECT id FROM slice WHERE tenant = ?1 AND last > ?2";
        let names = format!("SELECT name FROM object WHERE slice IN ({beyond})");
        self.run(&format!("DELETE FROM held WHERE tenant = ?1 AND name IN ({names})"), (tenant, seq as i64))?;
        self.run(&format!("DELETE FROM retired WHERE tenant = ?1 AND name IN ({names})"), (tenant, seq as i64))?;
        self.run(&format!("DELETE FROM object WHERE slice IN ({beyond})"), (tenant, seq as i64))?;
        self.run(&format!("DELETE FROM sealing WHERE slice IN ({beyond})"), (tenant, seq as i64))?;
        self.run("DELETE FROM slice WHERE tenant = ?1 AND last > ?2", (tenant, seq as i64))
    }

    /// Adds side log `to` with everything that the log of `from` has, but what it was sealed and shipped as.
    pub fn copy_log(&self, from: &TenantRow, to: &TenantRow) -> Result<()> {
        self.add_tenant(to)?;
        self.copy_batches(from.id, to.id, 0)?;
        self.copy_numbered(from.id, to.id, (0, 0))?;
        self.derive_remarks(to.id)
    }

    /// Continues the log of `onto`, which ends at batch `after`, with what the log of `from` has beyond it. Up to there the two are the same.
    pub fn graft_log(&self, from: &TenantRow, onto: i64, after: u64) -> Result<()> {
        let end = self.log_end(onto, after)?;
        self.copy_batches(from.id, onto, after)?;
        self.copy_numbered(from.id, onto, (end.documents, end.contents))?;
        let moved = delta(from.id, onto);
        // What documents that both have are now.
        let state = "SELECT f.versions, f.latest + ?1, f.content + ?1, f.last_content + ?1 FROM document f WHERE f.id = document.id - ?1";
        self.run(
            &format!(
                "UPDATE document SET (versions, latest, content, last_content) = ({state}) WHERE id IN \
                 (SELECT document FROM version WHERE batch > ?2 AND batch < ?3)"
            ),
            (moved, id(onto, after), id(onto + 1, 0)),
        )?;
        for SliceRow { id: slice, first, last, .. } in self.slices(from.id)?.into_iter().filter(|s| s.last > after) {
            let objects = self.objects_of(slice)?;
            let added = self.add_slice(onto, first, last, &objects)?;
            if let Some(sealing) = self.sealing(slice)? {
                self.set_sealing(added, &sealing)?;
            }
        }
        self.derive_remarks(onto)
    }

    fn copy_batches(&self, from: i64, to: i64, after: u64) -> Result<()> {
        let range = (delta(from, to), id(from, after), id(from + 1, 0), to);
        self.run(
            "INSERT INTO batch (id, tenant, time, clock_behind, actor, reason, origin, request, cause, cause_seq, changes, digest, documents, contents) \
             SELECT id + ?1, ?4, time, clock_behind, actor, reason, origin, request, cause, cause_seq, changes, digest, documents, contents \
             FROM batch WHERE id > ?2 AND id < ?3",
            range,
        )?;
        let range = (delta(from, to), id(from, after), id(from + 1, 0));
        self.run(
            "INSERT INTO version (document, batch, place, number, content, meta) \
             SELECT document + ?1, batch + ?1, place, number, content + ?1, meta FROM version WHERE batch > ?2 AND batch < ?3",
            range,
        )?;
        self.run(
            "INSERT INTO remark (batch, place, document, body) SELECT batch + ?1, place, document + ?1, body FROM remark WHERE batch > ?2 AND batch < ?3",
            range,
        )
    }

    /// Copies documents and contents from these numbers on.
    fn copy_numbered(&self, from: i64, to: i64, first: (u64, u64)) -> Result<()> {
        let end = id(from + 1, 0);
        let range = |first| (delta(from, to), id(from, first), end);
        let (moved, start, _) = range(first.0);
        self.firsts.0.forget();
        self.firsts.1.forget();
        self.run(
            "INSERT INTO document (id, tenant, key, versions, latest, content, last_content) \
             SELECT id + ?1, ?4, key, versions, latest + ?1, content + ?1, last_content + ?1 FROM document WHERE id >= ?2 AND id < ?3",
            (moved, start, end, to),
        )?;
        self.run(
            "INSERT INTO content (id, digest, size, form, body) SELECT id + ?1, digest, size, form, body FROM content WHERE id >= ?2 AND id < ?3",
            range(first.1),
        )?;
        self.run("INSERT OR REPLACE INTO pack (id, body) SELECT id + ?1, body FROM pack WHERE id >= ?2 AND id < ?3", range(first.1))?;
        self.leave_packs_before((from, to), first.1)?;
        self.run(
            "INSERT INTO content_subject (content, subject) SELECT content + ?1, subject FROM content_subject WHERE content >= ?2 AND content < ?3",
            range(first.1),
        )?;
        self.run("INSERT INTO chain (content, depth) SELECT content + ?1, depth FROM chain WHERE content >= ?2 AND content < ?3", range(first.1))
    }

    /// Gives the contents from number `first` on that lie in a pack of earlier ones a body of their own: the copy may have other packs there.
    fn leave_packs_before(&self, (from, to): (i64, i64), first: u64) -> Result<()> {
        let mut at = id(from, first);
        loop {
            let page = self.contents_in_packs_before(at, id(from, first), id(from + 1, 0))?;
            let Some(last) = page.last() else { return Ok(()) };
            at = last + 1;
            for content in page {
                self.set_body(content + delta(from, to), &self.content(content)?.body)?;
            }
        }
    }

    /// Cuts a log back to batch `seq`: as if nothing had been recorded since.
    pub fn cut_log(&self, row: &mut TenantRow, seq: u64) -> Result<()> {
        let end = self.log_end(row.id, seq)?;
        let touched = self.documents_touched(row.id, seq)?;
        let (last, beyond) = (id(row.id, seq), id(row.id + 1, 0));
        self.forget_slices_after(row.id, seq)?;
        for table in ["version WHERE batch", "remark WHERE batch", "batch WHERE id"] {
            self.run(&format!("DELETE FROM {table} > ?1 AND {} < ?2", table.rsplit(' ').next().unwrap_or("id")), (last, beyond))?;
        }
        self.run("DELETE FROM document WHERE id >= ? AND id < ?", (id(row.id, end.documents), beyond))?;
        for table in ["content WHERE id", "pack WHERE id", "chain WHERE content", "sketch WHERE content", "content_subject WHERE content"] {
            let column = table.rsplit(' ').next().unwrap_or("id");
            self.run(&format!("DELETE FROM {table} >= ?1 AND {column} < ?2"), (id(row.id, end.contents), beyond))?;
        }
        for document in touched.into_iter().filter(|d| number(*d) < end.documents) {
            let now = self.version_at(document, i64::MAX)?;
            let put = self.last_put(document, i64::MAX)?;
            let versions = now.as_ref().map_or(0, |v| v.number);
            let (latest, content) = now.map_or((None, None), |v| (Some(v.batch), v.content));
            self.run(
                "UPDATE document SET versions = ?, latest = ?, content = ?, last_content = ? WHERE id = ?",
                (versions as i64, latest, content, put.and_then(|v| v.content), document),
            )?;
        }
        self.derive_remarks(row.id)?;
        // What capture saw may be of batches that are gone: it looks again.
        self.run("UPDATE document SET seen = NULL WHERE id >= ? AND id < ? AND seen IS NOT NULL", (id(row.id, 0), beyond))?;
        row.position = Position { timeline: row.position.timeline, seq, digest: end.digest };
        (row.time, row.documents, row.contents) = (end.time, end.documents, end.contents);
        self.set_tenant_end(row)
    }

    /// Removes a side log and everything in it.
    pub fn remove_log(&self, row: &TenantRow) -> Result<()> {
        if !row.is_side() {
            return Err(Error::damaged(format_args!("{} is a tenant, and tenants are not removed", row.name)));
        }
        let mut empty = row.clone();
        self.cut_log(&mut empty, 0)?;
        self.run("DELETE FROM tenant WHERE id = ?", [row.id])
    }

    /// Makes references and marks of a tenant anew from its remarks.
    fn derive_remarks(&self, tenant: i64) -> Result<()> {
        self.run("DELETE FROM reference WHERE tenant = ?", [tenant])?;
        self.run("DELETE FROM mark WHERE tenant = ?", [tenant])?;
        self.run("DELETE FROM hold WHERE tenant = ?", [tenant])?;
        self.run("DELETE FROM dropped WHERE tenant = ?", [tenant])?;
        self.unname_gone(tenant)?;
        let mut s = self.sql.prepare("SELECT batch, document, body FROM remark WHERE batch >= ? AND batch < ? ORDER BY batch, place").map_err(sql)?;
        let mut rows = s.query((id(tenant, 0), id(tenant + 1, 0))).map_err(sql)?;
        while let Some(r) = rows.next().map_err(sql)? {
            let body: Vec<u8> = r.get(2).map_err(sql)?;
            let mut reader = Reader::new(&body, "a remark");
            let change = record::decode_change(&mut reader)?;
            reader.finish()?;
            self.derive(r.get(0).map_err(sql)?, r.get(1).map_err(sql)?, &change)?;
        }
        Ok(())
    }
}

/// What turns an id of one tenant into that of another.
fn delta(from: i64, to: i64) -> i64 {
    id(to, 0) - id(from, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{TenantId, TimelineId};
    use crate::format::block;
    use crate::storage::catalog::Catalog;
    use crate::storage::catalog::contents::Body;

    fn row(id: i64, name: &str) -> TenantRow {
        TenantRow {
            id,
            public: TenantId::from_bytes([id as u8; 16]),
            name: name.into(),
            keyring: vec![1],
            position: Position { timeline: TimelineId::from_bytes([9; 16]), seq: 0, digest: Digest::ZERO },
            parent: None,
            time: Timestamp(i64::MIN),
            documents: 0,
            contents: 0,
        }
    }

    #[test]
    fn tenants_are_never_removed_and_side_logs_are_told_apart() {
        let dir = tempfile::tempdir().expect("dir");
        let catalog = Catalog::create(&dir.path().join("catalog.db")).expect("create");
        let (main, side) = (row(0, "main"), row(1, "main/12345678"));
        assert!(!main.is_side() && side.is_side());
        catalog.write(|w| w.add_tenant(&main).and_then(|()| w.copy_log(&main, &side))).expect("copied");
        assert!(catalog.write(|w| w.remove_log(&main)).is_err());
        catalog.write(|w| w.remove_log(&side)).expect("removed");
        assert_eq!(catalog.read(|v| v.tenants()).expect("tenants").len(), 1);
        assert!(catalog.read(|v| v.log_end(0, 1)).is_err(), "there is no batch 1");
    }

    #[test]
    fn slices_beyond_a_batch_are_forgotten_with_what_holds_them() {
        let dir = tempfile::tempdir().expect("dir");
        let catalog = Catalog::create(&dir.path().join("catalog.db")).expect("create");
        let object = |name: &str| super::super::segments::ObjectRow { slice: 0, part: 0, name: name.into(), size: 1, digest: Digest::of(b"x") };
        catalog
            .write(|w| {
                w.add_slice(0, 1, 4, &[object("a")])?;
                w.add_slice(0, 5, 9, &[object("b")])?;
                w.add_held("usb", 0, "a", Timestamp(1))?;
                w.add_held("usb", 0, "b", Timestamp(1))?;
                w.forget_slices_after(0, 7)
            })
            .expect("forgotten");
        let left = catalog.read(|v| Ok((v.sealed(0)?, v.is_held("usb", 0, "a")?, v.is_held("usb", 0, "b")?))).expect("read");
        assert_eq!(left, (4, true, false));
    }

    #[test]
    fn contents_are_copied_out_of_packs_that_began_before() {
        let dir = tempfile::tempdir().expect("dir");
        let catalog = Catalog::create(&dir.path().join("catalog.db")).expect("create");
        let plain = |n: u64| format!("content {n} ").repeat(40).into_bytes();
        let add = |w: &Writer<'_>, tenant, n: u64, plain: Vec<u8>| {
            w.add_content(tenant, n, &Digest::of(&plain), plain.len() as u64, &Body::Plain(plain.into())).map(drop)
        };
        catalog.write(|w| (0..300).try_for_each(|n| add(w, 0, n, plain(n)))).expect("one log, several packs");
        catalog.write(|w| (0..7).try_for_each(|n| add(w, 1, n, plain(n)))).expect("the other, which has the first of them in a pack of its own");
        catalog.write(|w| w.copy_numbered(0, 1, (0, 7))).expect("copied");
        for n in 0..300 {
            let row = catalog.read(|v| v.content(id(1, n))).expect("content");
            let bytes = match row.body {
                Body::Plain(bytes) => bytes.to_vec(),
                Body::Inline(stored) => block::expand_chunk(&stored, 10_000).expect("expands"),
                Body::List(_) | Body::Gone(_) => panic!("a small content"),
            };
            assert_eq!(bytes, plain(n), "{n}");
        }
    }
}
