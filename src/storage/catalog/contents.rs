//! Contents: what versions consist of, once per tenant and digest.

use std::collections::{BTreeSet, VecDeque};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};

use rusqlite::{OptionalExtension, Row, Statement};

use super::{View, Writer, id, number, sql, tenant_of};
use crate::base::codec::{Reader, put_varint};
use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
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
    /// Nowhere: they were given up. The sequence number of the batch that says so, 0 where no batch of this log does: a segment came without them.
    Gone(u64),
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
/// Given up: the sequence number of the batch that says so, as a varint.
pub(super) const GONE: u8 = 3;

/// Contents of a transaction that are to be compressed together. Their rows are there already, the pack's comes when it is full.
#[derive(Default)]
pub(super) struct Packing {
    first: i64,
    count: usize,
    plain: Vec<u8>,
    /// How many packs were full so far.
    full: usize,
    press: Option<Press>,
}

/// Packs that a transaction compresses by itself before it takes a thread for it.
const PRESSED_FROM: usize = 4;
/// Packs that may be with the thread: 1 MiB with what comes back.
const PRESSED_MAX: usize = 32;

/// A thread that compresses packs while the transaction goes on. It ends when this is dropped.
struct Press {
    give: SyncSender<(i64, Vec<u8>)>,
    take: Receiver<(i64, Vec<u8>)>,
    /// Packs that it has and that were not taken back.
    out: usize,
}

impl Press {
    fn start() -> Self {
        let (give, given) = sync_channel::<(i64, Vec<u8>)>(PRESSED_MAX);
        let (done, take) = channel();
        std::thread::spawn(move || given.into_iter().try_for_each(|(pack, plain)| done.send((pack, block::compress_chunk(&plain)))));
        Press { give, take, out: 0 }
    }

    fn stopped() -> Error {
        Error::new(Kind::Failed, "catalog.failed", "the thread that compresses small contents stopped").hint("nothing was recorded; try again")
    }

    fn press(&mut self, pack: i64, plain: Vec<u8>) -> Result<()> {
        self.out += 1;
        self.give.send((pack, plain)).map_err(|_| Press::stopped())
    }

    /// A pack that is done: `None` where none is and fewer than `patient` are out.
    fn done(&mut self, patient: usize) -> Result<Option<(i64, Vec<u8>)>> {
        let done = match self.out {
            0 => None,
            out if out >= patient => Some(self.take.recv().map_err(|_| Press::stopped())?),
            _ => self.take.try_recv().ok(),
        };
        self.out -= usize::from(done.is_some());
        Ok(done)
    }
}

/// Packs that are kept unpacked: 1 MiB. Neighbours are read one after the other.
const PACKS_KEPT: usize = 64;

/// Packs that were read last, unpacked, the newest last. A pack that is written anew keeps its number, and a view of before must not leave what
/// it read for one of after: each view is of an age, and packs of another age are none of its business.
#[derive(Default)]
pub(super) struct Packs(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    age: u64,
    packs: VecDeque<(i64, Arc<[u8]>)>,
}

impl Packs {
    fn known(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    pub(super) fn age(&self) -> u64 {
        self.known().age
    }

    /// Packs are written anew: to be called before that is committed and after.
    pub(super) fn turn(&self) {
        let mut known = self.known();
        known.age += 1;
        known.packs.clear();
    }

    fn get(&self, age: u64, pack: i64) -> Option<Arc<[u8]>> {
        let known = self.known();
        known.packs.iter().rfind(|(id, _)| *id == pack && known.age == age).map(|(_, plain)| Arc::clone(plain))
    }

    fn keep(&self, age: u64, pack: i64, plain: &Arc<[u8]>) {
        let mut known = self.known();
        if known.age != age {
            return;
        }
        if known.packs.len() >= PACKS_KEPT {
            known.packs.pop_front();
        }
        known.packs.push_back((pack, Arc::clone(plain)));
    }

    fn forget(&self, pack: i64) {
        self.known().packs.retain(|(id, _)| *id != pack);
    }
}

const CONTENTS_CALLED: &str = "SELECT id, form = 3 FROM content WHERE substr(digest, 1, 8) = ? AND digest = ?";

/// The ids of the tenant's contents with `digest`, each with whether it was given up.
fn contents_called(s: &mut Statement<'_>, tenant: i64, digest: &Digest) -> Result<Vec<(i64, bool)>> {
    let mut rows = s.query((&digest.as_bytes()[..8], &digest.as_bytes()[..])).map_err(sql)?;
    let mut out = Vec::new();
    while let Some(r) = rows.next().map_err(sql)? {
        let id: i64 = r.get(0).map_err(sql)?;
        if tenant_of(id) == tenant {
            out.push((id, r.get(1).map_err(sql)?));
        }
    }
    Ok(out)
}

impl View<'_> {
    /// The id of the tenant's content with `digest`, unless its bytes were given up: the same bytes are a new content then, because nobody
    /// could read the old one.
    pub fn find_content(&self, tenant: i64, digest: &Digest) -> Result<Option<i64>> {
        Ok(self.contents_called(tenant, digest)?.into_iter().find(|(_, gone)| !gone).map(|(id, _)| id))
    }

    /// The id of the tenant's content with `digest`, the newest where it was given up and came again.
    pub fn find_content_ever(&self, tenant: i64, digest: &Digest) -> Result<Option<i64>> {
        Ok(self.contents_called(tenant, digest)?.into_iter().map(|(id, _)| id).max())
    }

    /// The ids of all of the tenant's contents with `digest` whose bytes are there: each subject has its own.
    pub fn contents_with(&self, tenant: i64, digest: &Digest) -> Result<Vec<i64>> {
        Ok(self.contents_called(tenant, digest)?.into_iter().filter(|(_, gone)| !gone).map(|(id, _)| id).collect())
    }

    /// The ids of the tenant's contents with `digest`, each with whether it was given up.
    fn contents_called(&self, tenant: i64, digest: &Digest) -> Result<Vec<(i64, bool)>> {
        let mut s = self.sql.prepare_cached(CONTENTS_CALLED).map_err(sql)?;
        contents_called(&mut s, tenant, digest)
    }

    /// A content whose columns come first in the row.
    pub(super) fn content_from(&self, r: &Row<'_>) -> Result<ContentRow> {
        let (id, size) = (r.get(0).map_err(sql)?, r.get::<_, i64>(2).map_err(sql)? as u64);
        let digest = Digest::from_slice(r.get_ref(1).and_then(|d| Ok(d.as_blob()?)).map_err(sql)?)?;
        let body = r.get_ref(4).and_then(|d| Ok(d.as_blob()?)).map_err(sql)?;
        let body = match r.get::<_, u8>(3).map_err(sql)? {
            INLINE => Body::Inline(body.to_vec()),
            LIST => Body::List(body.to_vec()),
            GONE => Body::Gone(gone_by(body)?),
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
        let plain = match self.packs.get(self.packs_age, pack) {
            Some(plain) => plain,
            None => {
                let mut s = self.sql.prepare_cached("SELECT body FROM pack WHERE id = ?").map_err(sql)?;
                let mut rows = s.query([pack]).map_err(sql)?;
                let Some(row) = rows.next().map_err(sql)? else { return Ok(None) };
                let stored = row.get_ref(0).and_then(|d| Ok(d.as_blob()?)).map_err(sql)?;
                let Ok(plain) = block::expand_chunk(stored, PACK_BYTES_MAX) else { return Ok(None) };
                let plain: Arc<[u8]> = plain.into();
                self.packs.keep(self.packs_age, pack, &plain);
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

    /// The content of `key` as it is now; `None` where nothing is. One statement, because this is what is asked most.
    pub fn current_content(&self, tenant: i64, key: &[u8]) -> Result<Option<ContentRow>> {
        let text = "SELECT id, digest, size, form, body FROM content \
                    WHERE id = (SELECT content FROM document WHERE tenant = ? AND key = ?)";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let mut rows = s.query((tenant, key)).map_err(sql)?;
        rows.next().map_err(sql)?.map(|row| self.content_from(row)).transpose()
    }

    /// The content that `key` had after batch `batch` (id); `None` where nothing was.
    pub fn content_at(&self, tenant: i64, key: &[u8], batch: i64) -> Result<Option<ContentRow>> {
        let text = "SELECT id, digest, size, form, body FROM content WHERE id = (SELECT content FROM version \
                    WHERE document = (SELECT id FROM document WHERE tenant = ? AND key = ?) AND batch <= ? ORDER BY batch DESC LIMIT 1)";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let mut rows = s.query((tenant, key, batch)).map_err(sql)?;
        rows.next().map_err(sql)?.map(|row| self.content_from(row)).transpose()
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

    /// Digest and size of a content, and where its bytes were given up the sequence number of the batch that says so (0: none does).
    pub fn content_state(&self, id: i64) -> Result<(Digest, u64, Option<u64>)> {
        let text = "SELECT digest, size, CASE WHEN form = 3 THEN body END FROM content WHERE id = ?";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let found = s.query_row([id], |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, i64>(1)? as u64, r.get::<_, Option<Vec<u8>>>(2)?)));
        let found = found.optional().map_err(sql)?;
        let (digest, size, gone) = found.ok_or_else(|| Error::damaged(format_args!("the catalogue names content {id}, which it does not have")))?;
        Ok((Digest::from_slice(&digest)?, size, gone.map(|body| gone_by(&body)).transpose()?))
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
            Body::Gone(seq) => {
                put_varint(&mut place, *seq);
                (GONE, &place[..])
            }
            Body::Plain(plain) => {
                if self.packing.borrow().plain.len() + plain.len() > PACK_BYTES {
                    self.next_pack()?;
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
        let text = "INSERT INTO content (id, digest, size, form, body) VALUES (?,?,?,?,?)";
        self.hot(&self.hot.add_content, text)?.execute((id, &digest.as_bytes()[..], size as i64, form, bytes)).map_err(sql)?;
        self.content_bytes.set(self.content_bytes.get() + size);
        self.firsts.1.note(tenant, ordinal, &digest.as_bytes()[..8]);
        Ok(id)
    }

    /// Bytes of the contents that were added in this transaction so far, plain.
    pub fn content_bytes_added(&self) -> u64 {
        self.content_bytes.get()
    }

    /// The id of the tenant's content with `digest`, as [`View::find_content`].
    ///
    /// Only one that belongs to `subject`, or to none: contents of several subjects are never one, so that one can go without the other.
    pub fn known_content(&self, tenant: i64, digest: &Digest, subject: Option<i64>) -> Result<Option<i64>> {
        if self.firsts.1.lack(tenant, &digest.as_bytes()[..8]) {
            return Ok(None);
        }
        let found = {
            let mut s = self.hot(&self.hot.content, CONTENTS_CALLED)?;
            contents_called(&mut s, tenant, digest)?
        };
        for (id, _) in found.into_iter().filter(|(_, gone)| !gone) {
            if self.is_content_of(id, subject)? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// Writes the pack that was begun, and those that are being compressed. One content alone needs none.
    pub(crate) fn finish_pack(&self) -> Result<()> {
        let packing = self.packing.take();
        match packing.count {
            0 => {}
            1 => {
                let stored = block::compress_chunk(&packing.plain);
                self.run("UPDATE content SET form = 0, body = ? WHERE id = ?", (stored, packing.first))?;
            }
            _ => self.add_pack(packing.first, block::compress_chunk(&packing.plain))?,
        }
        let Some(mut press) = packing.press else { return Ok(()) };
        while let Some((pack, stored)) = press.done(0)? {
            self.add_pack(pack, stored)?;
        }
        Ok(())
    }

    /// Ends a pack that is full. In a large transaction a thread compresses it.
    fn next_pack(&self) -> Result<()> {
        let mut packing = self.packing.borrow_mut();
        let Packing { first, count, full, .. } = *packing;
        if count < 2 || full < PRESSED_FROM {
            drop(packing);
            self.finish_pack()?;
            self.packing.borrow_mut().full = full + 1;
            return Ok(());
        }
        packing.count = 0;
        let plain = std::mem::take(&mut packing.plain);
        let press = packing.press.get_or_insert_with(Press::start);
        press.press(first, plain)?;
        while let Some((pack, stored)) = press.done(PRESSED_MAX)? {
            self.add_pack(pack, stored)?;
        }
        Ok(())
    }

    fn add_pack(&self, pack: i64, stored: Vec<u8>) -> Result<()> {
        self.run("INSERT OR REPLACE INTO pack (id, body) VALUES (?,?)", (pack, stored))
    }

    /// Forgets the pack that was begun, after the contents in it were taken back.
    pub(crate) fn drop_pack(&self) {
        self.packing.take();
        self.forget_subjects();
    }

    /// Gives up the bytes of contents (numbers within the tenant) because of batch `seq`. Packs of which at most half is left, or with
    /// `all` all in which one of them was, are written anew without them. Gives how many had bytes until now, and how many bytes.
    pub fn give_up(&self, tenant: i64, seq: u64, contents: &[u64], all: bool) -> Result<(u64, u64)> {
        // What is being packed is not in the table yet.
        self.finish_pack()?;
        let mut by = Vec::new();
        put_varint(&mut by, seq);
        let (mut packs, mut count, mut bytes) = (BTreeSet::new(), 0, 0);
        for ordinal in contents {
            let id = id(tenant, *ordinal);
            let found = {
                let mut s = self.sql.prepare_cached("SELECT form, body, size FROM content WHERE id = ?").map_err(sql)?;
                s.query_row([id], |r| Ok((r.get::<_, u8>(0)?, r.get::<_, Vec<u8>>(1)?, r.get::<_, i64>(2)? as u64))).optional().map_err(sql)?
            };
            let (form, body, size) =
                found.ok_or_else(|| Error::damaged(format_args!("a record that gives up content {ordinal}, which is not there")))?;
            if form == PACKED {
                packs.insert(id.wrapping_sub_unsigned(Reader::new(&body, "the place of a content in its pack").varint()?));
            }
            if form != GONE {
                count += 1;
                bytes += size;
            }
            self.run("UPDATE content SET form = 3, body = ? WHERE id = ?", (&by, id))?;
        }
        packs.into_iter().try_for_each(|pack| self.repack(tenant, pack, all))?;
        Ok((count, bytes))
    }

    /// Writes a pack anew without what was given up.
    fn repack(&self, tenant: i64, pack: i64, all: bool) -> Result<()> {
        let text = "SELECT coalesce(min(id), ?2) FROM pack WHERE id > ?1 AND id < ?2";
        let end: i64 = self.sql.prepare_cached(text).map_err(sql)?.query_row((pack, id(tenant + 1, 0)), |r| r.get(0)).map_err(sql)?;
        let mut left: Vec<(i64, u64, u64)> = Vec::new();
        {
            let mut s =
                self.sql.prepare_cached("SELECT id, size, body FROM content WHERE id >= ? AND id < ? AND form = 2 ORDER BY id").map_err(sql)?;
            let mut rows = s.query((pack, end)).map_err(sql)?;
            while let Some(row) = rows.next().map_err(sql)? {
                let id: i64 = row.get(0).map_err(sql)?;
                let place = row.get_ref(2).and_then(|d| Ok(d.as_blob()?)).map_err(sql)?;
                let mut reader = Reader::new(place, "the place of a content in its pack");
                if id.wrapping_sub_unsigned(reader.varint()?) == pack {
                    left.push((id, row.get::<_, i64>(1).map_err(sql)? as u64, reader.varint()?));
                }
            }
        }
        if left.is_empty() {
            self.turn_packs();
            return self.run("DELETE FROM pack WHERE id = ?", [pack]);
        }
        let stored: Option<Vec<u8>> = {
            let mut s = self.sql.prepare_cached("SELECT body FROM pack WHERE id = ?").map_err(sql)?;
            s.query_row([pack], |r| r.get(0)).optional().map_err(sql)?
        };
        // A pack that cannot be read stays: it is damage of what is left in it, and healing is to find it so.
        let Some(Ok(plain)) = stored.map(|stored| block::expand_chunk(&stored, PACK_BYTES_MAX)) else { return Ok(()) };
        let bytes: u64 = left.iter().map(|(_, size, _)| size).sum();
        if !all && bytes > plain.len() as u64 / 2 {
            return Ok(());
        }
        let mut anew = Vec::with_capacity(bytes as usize);
        let mut places = Vec::with_capacity(left.len());
        for (id, size, offset) in left {
            let found = usize::try_from(offset).ok().and_then(|from| plain.get(from..from.checked_add(usize::try_from(size).ok()?)?));
            let Some(part) = found else { return Ok(()) };
            places.push((id, anew.len() as u64));
            anew.extend_from_slice(part);
        }
        self.turn_packs();
        self.run("DELETE FROM pack WHERE id = ?", [pack])?;
        let first = places[0].0;
        if places.len() == 1 {
            return self.run("UPDATE content SET form = 0, body = ? WHERE id = ?", (block::compress_chunk(&anew), first));
        }
        for (id, offset) in places {
            let mut place = Vec::new();
            put_varint(&mut place, id.abs_diff(first));
            put_varint(&mut place, offset);
            self.run("UPDATE content SET form = 2, body = ? WHERE id = ?", (place, id))?;
        }
        self.run("INSERT INTO pack (id, body) VALUES (?,?)", (first, block::compress_chunk(&anew)))
    }

    fn turn_packs(&self) {
        self.packs.turn();
        self.repacked.set(true);
    }

    /// No batch of this log says any more that contents were given up; those that still do say it again.
    pub(super) fn unname_gone(&self, tenant: i64) -> Result<()> {
        self.run("UPDATE content SET body = x'00' WHERE id >= ? AND id < ? AND form = 3", (id(tenant, 0), id(tenant + 1, 0)))
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
        Body::Gone(seq) => {
            let mut by = Vec::new();
            put_varint(&mut by, *seq);
            (GONE, by)
        }
    }
}

/// The batch that gave a content up.
pub(super) fn gone_by(body: &[u8]) -> Result<u64> {
    let mut reader = Reader::new(body, "a content that was given up");
    let seq = reader.varint()?;
    reader.finish()?;
    Ok(seq)
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
            Body::List(_) | Body::Gone(_) => panic!("a small content"),
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
    fn what_is_given_up_leaves_its_pack_and_its_neighbours_stay() {
        let (_dir, catalog) = catalog();
        catalog.write(|w| (0..500).try_for_each(|n| add(w, n).map(drop))).expect("write");
        let before = catalog.read(|rows| Ok((packs(rows), rows.contents(0, 500, 500)?))).expect("read");
        // All but every ninth: every pack is mostly garbage.
        let gone: Vec<u64> = (0..500).filter(|n| n % 9 != 4).collect();
        let stale = catalog.read(|rows| {
            rows.content(4)?;
            let done = catalog.write(|w| w.give_up(0, 7, &gone, false))?;
            assert_eq!(done, (gone.len() as u64, gone.iter().map(|n| text(*n).len() as u64).sum()));
            // A view of before still reads what was there then, and leaves nothing behind.
            assert_eq!(bytes_of(&rows.content(5)?), text(5));
            rows.content(4).map(|row| bytes_of(&row))
        });
        assert_eq!(stale.expect("an old view"), text(4));
        catalog
            .read(|rows| {
                assert!(packs(rows) <= before.0);
                for n in 0..500 {
                    let row = rows.content(n)?;
                    match n % 9 {
                        4 => assert_eq!((bytes_of(&row), rows.find_content(0, &row.digest)?), (text(n as u64), Some(n))),
                        _ => {
                            assert_eq!((&row.body, row.size), (&Body::Gone(7), text(n as u64).len() as u64));
                            assert_eq!((rows.find_content(0, &row.digest)?, rows.find_content_ever(0, &row.digest)?), (None, Some(n)));
                            assert_eq!(rows.content_state(n)?.2, Some(7));
                        }
                    }
                }
                let stored: Vec<Vec<u8>> =
                    rows.sql.prepare("SELECT body FROM pack").and_then(|mut s| s.query_map([], |r| r.get(0))?.collect()).expect("packs");
                let plain: usize = stored.iter().map(|body| block::expand_chunk(body, PACK_BYTES_MAX).expect("expands").len()).sum();
                let live: usize = (0..500).filter(|n| n % 9 == 4).map(|n| text(n).len()).sum();
                assert!(plain <= live, "{plain} bytes in packs of {live} that are left");
                Ok(())
            })
            .expect("read");
        catalog.write(|w| w.give_up(0, 8, &(0..500).collect::<Vec<_>>(), true)).expect("the rest");
        assert_eq!(catalog.read(|rows| Ok(packs(rows))).expect("read"), 0);
        // The same bytes again are another content.
        catalog.write(|w| w.add_content(0, 500, &Digest::of(&text(3)), text(3).len() as u64, &Body::Plain(text(3).into()))).expect("again");
        assert_eq!(catalog.read(|rows| rows.find_content(0, &Digest::of(&text(3)))).expect("found"), Some(500));
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
