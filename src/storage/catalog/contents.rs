//! Contents: what versions consist of, once per tenant and digest.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use rusqlite::{OptionalExtension, Row};

use super::{View, Writer, id, number, sql, tenant_of};
use crate::base::codec::{Reader, put_varint};
use crate::base::digest::Digest;
use crate::base::error::{Error, Result};
use crate::base::limits;
use crate::format::block;

/// Bytes: contents that are added together share packs of this size. Larger ones compress better, and cost more to read one document of;
/// with this one a get among a million documents takes 22 microseconds in all.
const PACK_BYTES: usize = 16 << 10;
/// Bytes: the longest pack, because a content is never cut.
const PACK_BYTES_MAX: usize = PACK_BYTES + limits::INLINE_BYTES_MAX;

/// Where the bytes of a content are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Here, as `format::block::compress_chunk` made them.
    Inline(Vec<u8>),
    /// Here, as they are. In the catalogue they lie in a pack, compressed together with their neighbours.
    Plain(Arc<[u8]>),
    /// In the chunk store; the encoded root node of the chunk list.
    List(Vec<u8>),
}

/// One content.
#[derive(Debug, Clone)]
pub struct ContentRow {
    /// Tenant and number.
    pub id: i64,
    /// BLAKE3 of all bytes.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// Where they are.
    pub body: Body,
}

/// Forms of a body in its row.
const INLINE: u8 = 0;
const LIST: u8 = 1;
/// In a pack: how many numbers before the content the pack has its own, and where in the pack the content begins, as varints.
const PACKED: u8 = 2;

/// Contents of a transaction that are to be compressed together. Their rows are there already, the pack's comes when it is full.
#[derive(Default)]
pub(super) struct Packing {
    first: i64,
    count: usize,
    plain: Vec<u8>,
}

/// Packs that are kept unpacked: 1 MiB. Neighbours are read one after the other.
const PACKS_KEPT: usize = 64;

/// Packs that were read last, unpacked, the newest last.
#[derive(Default)]
pub(super) struct Packs(Mutex<VecDeque<(i64, Arc<[u8]>)>>);

impl Packs {
    fn known(&self) -> MutexGuard<'_, VecDeque<(i64, Arc<[u8]>)>> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn get(&self, pack: i64) -> Option<Arc<[u8]>> {
        self.known().iter().rfind(|(id, _)| *id == pack).map(|(_, plain)| Arc::clone(plain))
    }

    fn keep(&self, pack: i64, plain: &Arc<[u8]>) {
        let mut known = self.known();
        if known.len() >= PACKS_KEPT {
            known.pop_front();
        }
        known.push_back((pack, Arc::clone(plain)));
    }

    fn forget(&self, pack: i64) {
        self.known().retain(|(id, _)| *id != pack);
    }
}

impl View<'_> {
    /// The id of the tenant's content with `digest`.
    pub fn find_content(&self, tenant: i64, digest: &Digest) -> Result<Option<i64>> {
        let mut s = self.sql.prepare_cached("SELECT id FROM content WHERE substr(digest, 1, 8) = ? AND digest = ?").map_err(sql)?;
        let mut rows = s.query((&digest.as_bytes()[..8], &digest.as_bytes()[..])).map_err(sql)?;
        while let Some(r) = rows.next().map_err(sql)? {
            let id: i64 = r.get(0).map_err(sql)?;
            if tenant_of(id) == tenant {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    fn content_from(&self, r: &Row<'_>) -> Result<ContentRow> {
        let (id, size) = (r.get(0).map_err(sql)?, r.get::<_, i64>(2).map_err(sql)? as u64);
        let digest = Digest::from_slice(r.get_ref(1).and_then(|d| Ok(d.as_blob()?)).map_err(sql)?)?;
        let body = r.get_ref(4).and_then(|d| Ok(d.as_blob()?)).map_err(sql)?;
        let body = match r.get::<_, u8>(3).map_err(sql)? {
            INLINE => Body::Inline(body.to_vec()),
            LIST => Body::List(body.to_vec()),
            PACKED => match self.packed(id, size, body)? {
                Some(plain) => Body::Plain(plain),
                // Nothing can be unpacked from this, so whoever reads the content finds the damage, and only in this content.
                None => Body::Inline(Vec::new()),
            },
            _ => return Err(Error::damaged("a content's form")),
        };
        Ok(ContentRow { id, digest, size, body })
    }

    /// The bytes of a content that lies in a pack; `None` where they cannot be had.
    fn packed(&self, id: i64, size: u64, place: &[u8]) -> Result<Option<Arc<[u8]>>> {
        let mut reader = Reader::new(place, "the place of a content in its pack");
        let (Ok(back), Ok(offset)) = (reader.varint(), reader.varint()) else { return Ok(None) };
        let pack = id.wrapping_sub_unsigned(back);
        let plain = match self.packs.get(pack) {
            Some(plain) => plain,
            None => {
                let mut s = self.sql.prepare_cached("SELECT body FROM pack WHERE id = ?").map_err(sql)?;
                let mut rows = s.query([pack]).map_err(sql)?;
                let Some(row) = rows.next().map_err(sql)? else { return Ok(None) };
                let stored = row.get_ref(0).and_then(|d| Ok(d.as_blob()?)).map_err(sql)?;
                let Ok(plain) = block::expand_chunk(stored, PACK_BYTES_MAX) else { return Ok(None) };
                let plain: Arc<[u8]> = plain.into();
                self.packs.keep(pack, &plain);
                plain
            }
        };
        let to = offset.checked_add(size);
        let found = to.and_then(|to| plain.get(usize::try_from(offset).ok()?..usize::try_from(to).ok()?));
        Ok(found.map(Arc::from))
    }

    /// The content with this id.
    pub fn content(&self, id: i64) -> Result<ContentRow> {
        let mut s = self.sql.prepare_cached("SELECT id, digest, size, form, body FROM content WHERE id = ?").map_err(sql)?;
        let mut rows = s.query([id]).map_err(sql)?;
        match rows.next().map_err(sql)? {
            Some(row) => self.content_from(row),
            None => Err(Error::damaged(format_args!("the catalogue names content {id}, which it does not have"))),
        }
    }

    /// Up to a hundred contents with ids `from..until` whose pack has an id below `pack`, in order of id.
    pub(super) fn contents_in_packs_before(&self, from: i64, pack: i64, until: i64) -> Result<Vec<i64>> {
        let mut s = self.sql.prepare_cached("SELECT id, body FROM content WHERE id >= ? AND id < ? AND form = 2 ORDER BY id").map_err(sql)?;
        let mut rows = s.query((from, until)).map_err(sql)?;
        let mut out = Vec::new();
        while let Some(row) = rows.next().map_err(sql)? {
            let id: i64 = row.get(0).map_err(sql)?;
            let place = row.get_ref(1).and_then(|d| Ok(d.as_blob()?)).map_err(sql)?;
            let back = Reader::new(place, "the place of a content in its pack").varint()?;
            // Packs are runs: the first content that begins its own is behind those that lie in an earlier one.
            if out.len() == 100 || id.wrapping_sub_unsigned(back) >= pack {
                break;
            }
            out.push(id);
        }
        Ok(out)
    }

    /// Digest and size of a content.
    pub fn content_digest(&self, id: i64) -> Result<(Digest, u64)> {
        let mut s = self.sql.prepare_cached("SELECT digest, size FROM content WHERE id = ?").map_err(sql)?;
        let found = s.query_row([id], |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, i64>(1)? as u64))).optional().map_err(sql)?;
        let (digest, size) = found.ok_or_else(|| Error::damaged(format_args!("the catalogue names content {id}, which it does not have")))?;
        Ok((Digest::from_slice(&digest)?, size))
    }

    /// Contents with ids `from..until`, at most `limit`, in order of id.
    pub fn contents(&self, from: i64, until: i64, limit: usize) -> Result<Vec<ContentRow>> {
        let text = "SELECT id, digest, size, form, body FROM content WHERE id >= ? AND id < ? ORDER BY id LIMIT ?";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let mut rows = s.query((from, until, limit as i64)).map_err(sql)?;
        let mut out = Vec::new();
        while let Some(row) = rows.next().map_err(sql)? {
            out.push(self.content_from(row)?);
        }
        Ok(out)
    }

    /// The sizes of the contents with ids `from..until`, which must all be there.
    pub fn content_sizes(&self, from: i64, until: i64) -> Result<Vec<u64>> {
        let mut s = self.sql.prepare_cached("SELECT id, size FROM content WHERE id >= ? AND id < ? ORDER BY id").map_err(sql)?;
        let mut rows = s.query((from, until)).map_err(sql)?;
        let mut out = Vec::new();
        while let Some(row) = rows.next().map_err(sql)? {
            if row.get::<_, i64>(0).map_err(sql)? != from + out.len() as i64 {
                break;
            }
            out.push(row.get::<_, i64>(1).map_err(sql)? as u64);
        }
        if out.len() as i64 == until - from { Ok(out) } else { Err(Error::damaged("the numbering of contents in the catalogue")) }
    }

    /// Bytes of the contents with ids `from..until` together.
    pub fn contents_bytes(&self, from: i64, until: i64) -> Result<u64> {
        let mut s = self.sql.prepare_cached("SELECT coalesce(sum(size), 0) FROM content WHERE id >= ? AND id < ?").map_err(sql)?;
        s.query_row((from, until), |r| r.get::<_, i64>(0)).map(|n| n as u64).map_err(sql)
    }

    /// The keys of documents that have or had this content. Looks at every version: for reports of damage only.
    pub fn documents_with(&self, content: i64) -> Result<Vec<Vec<u8>>> {
        let text = "SELECT DISTINCT d.key FROM version v JOIN document d ON d.id = v.document WHERE v.content = ? ORDER BY d.key";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows = s.query_map([content], |r| r.get(0)).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }
}

impl Writer<'_> {
    /// Adds a content as number `ordinal` of its tenant. Plain bytes are compressed together with those that are added next.
    pub fn add_content(&self, tenant: i64, ordinal: u64, digest: &Digest, size: u64, body: &Body) -> Result<i64> {
        let id = id(tenant, ordinal);
        debug_assert_eq!(number(id), ordinal);
        let mut place = Vec::new();
        let (form, bytes) = match body {
            Body::Inline(bytes) => (INLINE, &bytes[..]),
            Body::List(bytes) => (LIST, &bytes[..]),
            Body::Plain(plain) => {
                if self.packing.borrow().plain.len() + plain.len() > PACK_BYTES {
                    self.finish_pack()?;
                }
                let mut packing = self.packing.borrow_mut();
                if packing.count == 0 {
                    packing.first = id;
                    // One of that number may have been read in a transaction that was taken back.
                    self.packs.forget(id);
                }
                put_varint(&mut place, id.abs_diff(packing.first));
                put_varint(&mut place, packing.plain.len() as u64);
                packing.plain.extend_from_slice(plain);
                packing.count += 1;
                (PACKED, &place[..])
            }
        };
        self.run("INSERT INTO content (id, digest, size, form, body) VALUES (?,?,?,?,?)", (id, &digest.as_bytes()[..], size as i64, form, bytes))?;
        Ok(id)
    }

    /// Writes the pack that was begun. One content alone needs none.
    pub(crate) fn finish_pack(&self) -> Result<()> {
        let packing = self.packing.take();
        if packing.count == 0 {
            return Ok(());
        }
        let stored = block::compress_chunk(&packing.plain);
        match packing.count {
            1 => self.run("UPDATE content SET form = 0, body = ? WHERE id = ?", (stored, packing.first)),
            _ => self.run("INSERT OR REPLACE INTO pack (id, body) VALUES (?,?)", (packing.first, stored)),
        }
    }

    /// Forgets the pack that was begun, after the contents in it were taken back.
    pub(crate) fn drop_pack(&self) {
        self.packing.take();
    }

    /// Names other places for the bytes of a content, after they were taken in again.
    pub fn set_body(&self, id: i64, body: &Body) -> Result<()> {
        let (form, bytes) = stored(body);
        self.run("UPDATE content SET form = ?, body = ? WHERE id = ?", (form, bytes, id))
    }
}

/// A body by itself, with its form.
pub(super) fn stored(body: &Body) -> (u8, Vec<u8>) {
    match body {
        Body::Inline(bytes) => (INLINE, bytes.clone()),
        Body::Plain(plain) => (INLINE, block::compress_chunk(plain)),
        Body::List(bytes) => (LIST, bytes.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Catalog;
    use super::*;

    fn catalog() -> (tempfile::TempDir, Catalog) {
        let dir = tempfile::tempdir().expect("dir");
        let catalog = Catalog::create(&dir.path().join("catalog.db")).expect("create");
        (dir, catalog)
    }

    fn text(n: u64) -> Vec<u8> {
        format!("{{\"number\": {n}, \"name\": \"a document like the others\"}}").repeat(1 + n as usize % 7).into_bytes()
    }

    fn add(w: &Writer<'_>, n: u64) -> Result<i64> {
        let plain = text(n);
        w.add_content(0, n, &Digest::of(&plain), plain.len() as u64, &Body::Plain(plain.into()))
    }

    fn bytes_of(row: &ContentRow) -> Vec<u8> {
        match &row.body {
            Body::Inline(stored) => block::expand_chunk(stored, limits::INLINE_BYTES_MAX).expect("expand"),
            Body::Plain(plain) => plain.to_vec(),
            Body::List(_) => panic!("a small content"),
        }
    }

    fn packs(view: &View<'_>) -> i64 {
        view.sql.query_row("SELECT count(*) FROM pack", [], |r| r.get(0)).expect("count")
    }

    #[test]
    fn neighbours_share_packs_and_come_back_in_any_order() {
        let (_dir, catalog) = catalog();
        catalog.write(|w| (0..500).try_for_each(|n| add(w, n).map(drop))).expect("write");
        catalog
            .read(|rows| {
                assert!((2..100).contains(&packs(rows)));
                for n in (0..500).rev().chain(0..500) {
                    let row = rows.content(n)?;
                    assert_eq!((bytes_of(&row), row.size), (text(n as u64), text(n as u64).len() as u64));
                    assert_eq!(rows.find_content(0, &row.digest)?, Some(n));
                }
                assert_eq!(rows.contents(100, 200, 1000)?.len(), 100);
                assert_eq!(rows.content_sizes(0, 500)?.len(), 500);
                assert!(rows.content_sizes(0, 501).is_err());
                Ok(())
            })
            .expect("read");
    }

    #[test]
    fn one_content_alone_needs_no_pack_and_what_was_taken_back_is_in_none() {
        let (_dir, catalog) = catalog();
        catalog.write(|w| add(w, 0)).expect("one");
        catalog
            .write(|w| {
                w.run("SAVEPOINT request", ())?;
                (1..9).try_for_each(|n| add(w, n).map(drop))?;
                w.drop_pack();
                w.run("ROLLBACK TO request", ())?;
                w.run("RELEASE request", ())?;
                add(w, 1)
            })
            .expect("one more");
        catalog
            .read(|rows| {
                assert_eq!(packs(rows), 0);
                assert_eq!([bytes_of(&rows.content(0)?), bytes_of(&rows.content(1)?)], [text(0), text(1)]);
                assert!(rows.content(2).is_err());
                Ok(())
            })
            .expect("read");
    }

    #[test]
    fn a_damaged_pack_is_damage_of_its_contents_and_of_no_others() {
        let (_dir, catalog) = catalog();
        catalog.write(|w| (0..500).try_for_each(|n| add(w, n).map(drop))).expect("write");
        catalog.write(|w| w.run("UPDATE pack SET body = x'01ffff' WHERE id = 0", ())).expect("damage");
        catalog.packs.forget(0);
        let rows = catalog.read(|rows| rows.contents(0, 500, 500)).expect("the rows can be read");
        let bad = rows.iter().filter(|row| row.body == Body::Inline(Vec::new())).count();
        assert!((1..250).contains(&bad) && rows[..bad].iter().all(|row| row.body == Body::Inline(Vec::new())), "{bad}");
        catalog.write(|w| w.set_body(0, &Body::Plain(text(0).into()))).expect("heal");
        assert_eq!(bytes_of(&catalog.read(|rows| rows.content(0)).expect("read")), text(0));
    }
}
