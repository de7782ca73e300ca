//! The chunk store: content-addressed bytes in one fjall keyspace. The only door to `fjall`.
//!
//! Values are compressed by us (`format::block`), so fjall's own compression is off; key-value separation is on, which halves what is
//! written twice. Chunks that were taken in one after the other are compressed together as a *group*: text takes a sixth less, and what is
//! read one after the other is fetched once. The value of a chunk is then its place in a group. Each sync has a number, which the catalogue
//! notes with what it names then; the next sync notes in return how far the catalogue is. So each of the two notices at open when the other
//! came back shorter than it was.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use fjall::config::{BlockSizePolicy, CompressionPolicy};
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode};

use crate::base::digest::{Digest, Hasher};
use crate::base::error::{Error, Kind, Result};
use crate::base::fault;
use crate::format::block;

/// Bytes of the block cache. Caps resident memory of an idle store; measured as enough for point reads. What it holds is of many lengths and
/// comes and goes while a large document is put, so it takes about twice that of the heap: with 32 MiB one of 10 GiB peaked at 136 MiB.
const CACHE_BYTES: u64 = 16 << 20;
/// Bytes of one memtable. Up to five exist at a time while writing.
const MEMTABLE_BYTES: u64 = 8 << 20;
/// Bytes of journals before fjall flushes.
const JOURNAL_BYTES_MAX: u64 = 128 << 20;
/// Bytes of one blob file.
const BLOB_FILE_BYTES: u64 = 64 << 20;
/// Bytes from which a value is kept apart from its key.
const SEPARATE_FROM_BYTES: u32 = 512;
/// Bytes: the longest plain chunk or list node that is accepted back.
const CHUNK_PLAIN_BYTES_MAX: usize = 256 << 10;
/// Bytes: the longest group, plain. One that is almost full may still take the longest chunk.
const GROUP_PLAIN_BYTES_MAX: usize = GROUP_BYTES + CHUNK_PLAIN_BYTES_MAX;
/// Groups kept unpacked for reading: as many as there are readers side by side, and a few.
const GROUPS_KEPT: usize = 12;
/// Bytes from which chunks become tables of their own at once. Through the journal they would lie on the disk twice until it is 64 MB long.
const TABLE_FROM_BYTES: usize = 1 << 20;
/// First byte of the key of a group; its name follows. Shorter than a digest, so it cannot be one.
const GROUP_KEY: u8 = b'g';
/// First byte of a value that is the place of a chunk in a group. Those of `format::block` are 0 and 1.
const IN_GROUP: u8 = 2;
/// Bytes of values that are written again at once.
const REWRITE_BYTES: usize = 8 << 20;
/// Bytes from which fjall takes a journal for full, and some more.
const JOURNAL_BYTES: usize = 66 << 20;
/// Key of what fills a journal. Shorter than a digest, so it cannot be one.
const FILLER_KEY: &[u8] = b"filler";
/// Key of the number of the last durable commit. Shorter than a digest, so it cannot be one.
const NUMBER_KEY: &[u8] = b"number";

/// Bytes of chunks, plain, from which a group is full. Larger ones compress a little better, and reading a single chunk costs a whole group.
pub const GROUP_BYTES: usize = 128 << 10;

/// The open chunk store of one directory. Cheap to clone.
#[derive(Clone)]
pub struct Chunks {
    db: Database,
    chunks: Keyspace,
    /// Held while syncing, so that numbers reach the disk in their order.
    numbers: Arc<Mutex<Numbers>>,
    /// Held while groups are written or moved: what was just written again must not be taken for garbage.
    moving: Arc<Mutex<()>>,
    /// Groups that were read last, unpacked, the newest last.
    kept: Arc<Mutex<Vec<KeptGroup>>>,
    /// No chunk counts as there, see [`Chunks::anew`].
    anew: bool,
    dir: PathBuf,
}

/// How many plain bytes a group has, and the first 12 bytes of the digest of the digests of its chunks.
type GroupName = [u8; 16];

/// A group, unpacked.
type KeptGroup = (GroupName, Arc<Vec<u8>>);

fn plain_len(name: &GroupName) -> u32 {
    name.first_chunk::<4>().map_or(0, |len| u32::from_be_bytes(*len))
}

/// Where a chunk lies.
struct Place {
    group: GroupName,
    offset: u32,
    len: u32,
}

impl Place {
    fn decode(value: &[u8]) -> Option<Self> {
        let (&IN_GROUP, rest) = value.split_first()? else { return None };
        let (group, rest) = rest.split_first_chunk::<16>()?;
        let (offset, len) = rest.split_first_chunk::<4>()?;
        Some(Place { group: *group, offset: u32::from_be_bytes(*offset), len: u32::from_be_bytes(len.try_into().ok()?) })
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(25);
        out.push(IN_GROUP);
        out.extend_from_slice(&self.group);
        out.extend_from_slice(&self.offset.to_be_bytes());
        out.extend_from_slice(&self.len.to_be_bytes());
        out
    }
}

fn group_key(name: &GroupName) -> [u8; 17] {
    let mut key = [GROUP_KEY; 17];
    key[1..].copy_from_slice(name);
    key
}

/// Bytes: with less free space than this, a write that the disk refused was refused for want of it. A memtable and a journal take so much.
const SPACE_BYTES_LEAST: u64 = 64 << 20;

/// How far the two stores are.
#[derive(Debug, Clone, Copy, Default)]
struct Numbers {
    /// Of the last sync.
    last: u64,
    /// Of the last sync that the catalogue names, as far as known.
    named: u64,
}

impl Numbers {
    fn decode(value: &[u8]) -> Option<Self> {
        let (last, named) = value.split_first_chunk::<8>()?;
        Some(Numbers { last: u64::from_be_bytes(*last), named: u64::from_be_bytes(named.try_into().ok()?) })
    }

    fn encode(self) -> [u8; 16] {
        let mut out = [0; 16];
        out[..8].copy_from_slice(&self.last.to_be_bytes());
        out[8..].copy_from_slice(&self.named.to_be_bytes());
        out
    }
}

const DAMAGED_HINT: &str = "annals verify tells what is damaged; a damaged chunk store is rebuilt with annals rebuild";

fn failure(what: &str, e: fjall::Error) -> Error {
    match e {
        fjall::Error::Io(io) | fjall::Error::Storage(fjall::LsmError::Io(io)) => {
            let error = Error::io(format_args!("{what} in the chunk store"), io);
            if error.what_next().is_some() { error } else { error.hint(DAMAGED_HINT) }
        }
        fjall::Error::Locked => {
            Error::new(Kind::Locked, "store.locked", "another process holds the chunk store").hint("wait for it to end, or stop it")
        }
        fjall::Error::Poisoned => {
            Error::new(Kind::Failed, "chunks.poisoned", format!("could not {what}: the disk refused an earlier write of the chunk store"))
                .hint("look at the disk's free space and health, then run the same command again")
        }
        other => Error::new(Kind::Failed, "chunks.failed", format!("could not {what} in the chunk store: {other}")).hint(DAMAGED_HINT),
    }
}

/// Chunks that are stored together.
#[derive(Default)]
pub struct Group {
    /// Digest and length of each.
    chunks: Vec<(Digest, u32)>,
    /// Their bytes, one after the other.
    plain: Vec<u8>,
}

impl Group {
    /// Adds a chunk.
    pub fn push(&mut self, digest: Digest, plain: &[u8]) {
        self.chunks.push((digest, plain.len() as u32));
        self.plain.extend_from_slice(plain);
    }

    /// Bytes of its chunks.
    pub fn len(&self) -> usize {
        self.plain.len()
    }

    /// Whether it holds no chunk.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Compresses it.
    pub fn pack(self) -> Packed {
        let stored = block::compress_chunk(&self.plain);
        if let [(digest, _)] = self.chunks[..] {
            return Packed { bytes: stored.len(), rows: vec![(digest.as_bytes().to_vec(), stored)] };
        }
        let mut names = Hasher::new();
        for (digest, _) in &self.chunks {
            names.update(digest.as_bytes());
        }
        let mut group = GroupName::default();
        group[..4].copy_from_slice(&(self.plain.len() as u32).to_be_bytes());
        group[4..].copy_from_slice(&names.finish().as_bytes()[..12]);
        let mut rows = Vec::with_capacity(self.chunks.len() + 1);
        let mut offset = 0;
        for (digest, len) in self.chunks {
            rows.push((digest.as_bytes().to_vec(), Place { group, offset, len }.encode()));
            offset += len;
        }
        let bytes = stored.len();
        rows.push((group_key(&group).to_vec(), stored));
        Packed { bytes, rows }
    }
}

/// Free space of the file system that holds `dir`, where it can be told.
fn free_bytes(dir: &Path) -> Option<u64> {
    let space = rustix::fs::statvfs(dir).ok()?;
    Some(space.f_bavail.saturating_mul(space.f_frsize))
}

/// A group ready to be stored.
pub struct Packed {
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    bytes: usize,
}

impl Packed {
    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Chunks {
    /// Opens the store in `dir`, creating it where there is none.
    pub fn open(dir: &Path) -> Result<Self> {
        let fail = |e| failure("open the store", e);
        let db = Database::builder(dir)
            .cache_size(CACHE_BYTES)
            .worker_threads(2)
            .journal_compression(CompressionType::None)
            .max_journaling_size(JOURNAL_BYTES_MAX)
            .open()
            .map_err(fail)?;
        let options = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(MEMTABLE_BYTES)
                .data_block_size_policy(BlockSizePolicy::all(4096))
                .data_block_compression_policy(CompressionPolicy::disabled())
                .with_kv_separation(Some(
                    KvSeparationOptions::default()
                        .compression(CompressionType::None)
                        .separation_threshold(SEPARATE_FROM_BYTES)
                        .file_target_size(BLOB_FILE_BYTES)
                        .staleness_threshold(0.2)
                        .age_cutoff(1.0),
                ))
        };
        let chunks = db.keyspace("chunks", options).map_err(fail)?;
        let number = chunks.get(NUMBER_KEY).map_err(|e| failure("read the number", e))?;
        let numbers = number.and_then(|v| Numbers::decode(&v)).unwrap_or_default();
        let numbers = Arc::new(Mutex::new(numbers));
        Ok(Chunks { db, chunks, numbers, moving: Arc::default(), kept: Arc::default(), anew: false, dir: dir.to_owned() })
    }

    /// fjall writes in the background as well. When the disk refuses that, the next call learns only that something was refused, not what.
    fn write_failure(&self, what: &str, e: fjall::Error) -> Error {
        if matches!(e, fjall::Error::Poisoned) && free_bytes(&self.dir).is_some_and(|free| free < SPACE_BYTES_LEAST) {
            return Error::io(format_args!("{what} in the chunk store"), std::io::ErrorKind::StorageFull.into());
        }
        failure(what, e)
    }

    /// The same store for a writer that takes no chunk for present: each is written again, over the damaged one that may be there.
    pub fn anew(&self) -> Self {
        Chunks { anew: true, ..self.clone() }
    }

    /// Whether the chunk is there.
    pub fn has(&self, digest: &Digest) -> Result<bool> {
        if self.anew {
            return Ok(false);
        }
        self.chunks.contains_key(digest.as_bytes()).map_err(|e| failure("look up a chunk", e))
    }

    /// The plain bytes of a chunk, checked against their digest. `None` where it is not there, [`Error::damaged`] where it does not match.
    pub fn get(&self, digest: &Digest) -> Result<Option<Vec<u8>>> {
        let plain = self.get_unproven(digest)?;
        if plain.as_ref().is_some_and(|plain| Digest::of(plain) != *digest) {
            return Err(Error::damaged(format_args!("chunk {}", digest.short(16))));
        }
        Ok(plain)
    }

    /// Like [`Chunks::get`] for who proves the bytes in another way.
    pub fn get_unproven(&self, digest: &Digest) -> Result<Option<Vec<u8>>> {
        let damaged = || Error::damaged(format_args!("chunk {}", digest.short(16)));
        // Twice: the group may be moved between the look at the chunk and the look at the group.
        for _ in 0..2 {
            let Some(stored) = self.chunks.get(digest.as_bytes()).map_err(|e| failure("read a chunk", e))? else {
                return Ok(None);
            };
            if stored.first() != Some(&IN_GROUP) {
                return block::expand_chunk(&stored, CHUNK_PLAIN_BYTES_MAX).map(Some);
            }
            let place = Place::decode(&stored).ok_or_else(damaged)?;
            if let Some(group) = self.group(&place.group)? {
                let from = place.offset as usize;
                return group.get(from..from + place.len as usize).map(|plain| Some(plain.to_vec())).ok_or_else(damaged);
            }
        }
        Err(damaged())
    }

    /// A group, unpacked.
    fn group(&self, name: &GroupName) -> Result<Option<Arc<Vec<u8>>>> {
        let kept = || self.kept.lock().unwrap_or_else(|e| e.into_inner());
        if let Some((_, plain)) = kept().iter().rfind(|(known, _)| known == name) {
            return Ok(Some(Arc::clone(plain)));
        }
        let Some(value) = self.chunks.get(group_key(name)).map_err(|e| failure("read a group of chunks", e))? else { return Ok(None) };
        let plain = block::expand_chunk(&value, GROUP_PLAIN_BYTES_MAX)?;
        if plain.len() != plain_len(name) as usize {
            return Err(Error::damaged("a group of chunks"));
        }
        let plain = Arc::new(plain);
        let mut kept = kept();
        if kept.len() >= GROUPS_KEPT {
            kept.remove(0);
        }
        kept.push((*name, Arc::clone(&plain)));
        Ok(Some(plain))
    }

    /// Writes chunks. They are durable after the next [`Chunks::sync`].
    pub fn put(&self, packed: &[Packed]) -> Result<()> {
        fault::point("chunks.put")?;
        let _moving = self.moving.lock().unwrap_or_else(|e| e.into_inner());
        self.kept.lock().unwrap_or_else(|e| e.into_inner()).clear();
        if packed.iter().map(Packed::bytes).sum::<usize>() < TABLE_FROM_BYTES {
            let mut batch = self.db.batch();
            for (key, value) in packed.iter().flat_map(|p| &p.rows) {
                batch.insert(&self.chunks, &key[..], &value[..]);
            }
            return batch.commit().map_err(|e| self.write_failure("write chunks", e));
        }
        // A table wants its keys in order and each once.
        let rows: BTreeMap<&[u8], &[u8]> = packed.iter().flat_map(|p| &p.rows).map(|(key, value)| (&key[..], &value[..])).collect();
        let fail = |e| self.write_failure("write chunks", e);
        let mut table = self.chunks.start_ingestion().map_err(fail)?;
        for (key, value) in rows {
            table.write(key, value).map_err(fail)?;
        }
        table.finish().map_err(fail)
    }

    /// Makes everything written so far durable, under the next number, which it gives.
    pub fn sync(&self) -> Result<u64> {
        fault::point("chunks.sync")?;
        let mut numbers = self.numbers();
        let next = Numbers { last: numbers.last + 1, ..*numbers };
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncData));
        batch.insert(&self.chunks, NUMBER_KEY, next.encode());
        batch.commit().map_err(|e| self.write_failure("sync", e))?;
        *numbers = next;
        Ok(next.last)
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// The number of the last durable [`Chunks::sync`], 0 before the first.
    pub fn number(&self) -> u64 {
        self.numbers().last
    }

    /// The number of the last sync that the catalogue was known to name at the time of the last sync of all.
    pub fn named(&self) -> u64 {
        self.numbers().named
    }

    /// The catalogue durably names sync `number`, and everything before it. The next sync notes that.
    pub fn note_named(&self, number: u64) {
        let mut numbers = self.numbers();
        numbers.named = number.max(numbers.named);
    }

    /// Numbers go on after `number`, which the catalogue names: what was lost must not be taken for what is written next.
    pub fn skip_to(&self, number: u64) {
        let mut numbers = self.numbers();
        *numbers = Numbers { last: number.max(numbers.last), named: number };
    }

    /// All digests in order.
    pub fn digests(&self) -> impl Iterator<Item = Result<Digest>> {
        self.chunks.iter().filter_map(|guard| match guard.key() {
            Ok(key) if key.len() == 32 => Some(Digest::from_slice(&key)),
            Ok(_) => None,
            Err(e) => Some(Err(failure("list chunks", e))),
        })
    }

    /// Forgets chunks. Space comes back with [`Chunks::compact`].
    pub fn remove(&self, digests: &[Digest]) -> Result<()> {
        fault::point("chunks.remove")?;
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncData));
        for digest in digests {
            batch.remove(&self.chunks, digest.as_bytes());
        }
        batch.commit().map_err(|e| self.write_failure("remove chunks", e))
    }

    /// Gives the space of removed chunks back to the disk. Needs as much free space as the touched files hold.
    ///
    /// The steps were measured: the first compaction finds the garbage, the second rewrites the files, and a further write lets go of the
    /// old ones.
    pub fn compact(&self) -> Result<()> {
        self.regroup(false)?;
        self.settle()
    }

    /// Like [`Chunks::compact`], and nothing of what was removed stays in any file: neither beside chunks that it was compressed with, nor in a
    /// file of values of which little is garbage, nor in the journal. Writes all chunks once more, and the journal full; needs as much free
    /// space as the store has.
    pub fn scrub(&self) -> Result<()> {
        self.regroup(true)?;
        self.rewrite()?;
        self.settle()?;
        self.turn_journal()?;
        self.settle()
    }

    /// Writes every value again, so that files which have values of removed chunks too hold nothing but garbage.
    fn rewrite(&self) -> Result<()> {
        let fail = |e| failure("rewrite chunks", e);
        let mut page: Vec<Vec<u8>> = Vec::new();
        let mut bytes = 0;
        for guard in self.chunks.iter() {
            let (key, value) = guard.into_inner().map_err(fail)?;
            if &key[..] == NUMBER_KEY {
                continue;
            }
            bytes += value.len();
            page.push(key.to_vec());
            if bytes >= REWRITE_BYTES {
                self.rewrite_page(&std::mem::take(&mut page))?;
                bytes = 0;
            }
        }
        self.rewrite_page(&page)
    }

    fn rewrite_page(&self, keys: &[Vec<u8>]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        fault::point("chunks.rewrite")?;
        let fail = |e| self.write_failure("rewrite chunks", e);
        // What was removed or moved since it was listed stays so.
        let _moving = self.moving.lock().unwrap_or_else(|e| e.into_inner());
        let mut table = self.chunks.start_ingestion().map_err(fail)?;
        for key in keys {
            if let Some(value) = self.chunks.get(key).map_err(fail)? {
                table.write(&key[..], &value[..]).map_err(fail)?;
            }
        }
        table.finish().map_err(fail)
    }

    /// fjall begins a new journal when the one that it writes is full, and removes the old one when everything in it lies in tables.
    fn turn_journal(&self) -> Result<()> {
        let fail = |e| self.write_failure("turn the journal", e);
        let filler = vec![0; 1 << 20];
        for _ in 0..JOURNAL_BYTES / filler.len() + 1 {
            self.chunks.insert(FILLER_KEY, &filler[..]).map_err(fail)?;
        }
        self.chunks.remove(FILLER_KEY).map_err(fail)
    }

    fn settle(&self) -> Result<()> {
        let fail = |e| failure("compact", e);
        fault::point("chunks.flush")?;
        self.chunks.rotate_memtable_and_wait().map_err(fail)?;
        for _ in 0..2 {
            fault::point("chunks.compact")?;
            self.chunks.major_compact().map_err(fail)?;
        }
        self.sync()?;
        fault::point("chunks.flush")?;
        self.chunks.rotate_memtable_and_wait().map_err(fail)
    }

    /// Removes groups that no chunk lies in, and moves the chunks of groups that are mostly garbage, or with `all` of those with any.
    fn regroup(&self, all: bool) -> Result<()> {
        let fail = |e| failure("regroup chunks", e);
        let _moving = self.moving.lock().unwrap_or_else(|e| e.into_inner());
        let mut used: HashMap<GroupName, u32> = HashMap::new();
        for guard in self.chunks.iter() {
            let (key, value) = guard.into_inner().map_err(fail)?;
            if let (32, Some(place)) = (key.len(), Place::decode(&value)) {
                *used.entry(place.group).or_default() += place.len;
            }
        }
        let mut sparse: HashMap<GroupName, Vec<(Digest, Place)>> = HashMap::new();
        for guard in self.chunks.prefix([GROUP_KEY]) {
            let key = guard.key().map_err(fail)?;
            let Some(name) = key.get(1..).and_then(|name| GroupName::try_from(name).ok()) else { continue };
            let most = if all { plain_len(&name).saturating_sub(1) } else { plain_len(&name) / 2 };
            if used.get(&name).copied().unwrap_or_default() <= most {
                sparse.insert(name, Vec::new());
            }
        }
        for guard in self.chunks.iter() {
            let (key, value) = guard.into_inner().map_err(fail)?;
            if let (32, Some(place)) = (key.len(), Place::decode(&value))
                && let Some(chunks) = sparse.get_mut(&place.group)
            {
                chunks.push((Digest::from_slice(&key)?, place));
            }
        }
        for (name, mut chunks) in sparse {
            fault::point("chunks.regroup")?;
            let mut batch = self.db.batch();
            chunks.sort_by_key(|(_, place)| place.offset);
            let mut moved = Group::default();
            if !chunks.is_empty() {
                // What cannot be read stays where it is: it is damage, and verification names it.
                let Ok(Some(plain)) = self.group(&name) else { continue };
                for (digest, place) in &chunks {
                    let Some(bytes) = plain.get(place.offset as usize..(place.offset + place.len) as usize) else { continue };
                    moved.push(*digest, bytes);
                }
            }
            if moved.chunks.len() != chunks.len() {
                continue;
            }
            if !moved.is_empty() {
                for (key, value) in moved.pack().rows {
                    batch.insert(&self.chunks, key, value);
                }
            }
            batch.remove(&self.chunks, &group_key(&name)[..]);
            batch.commit().map_err(fail)?;
        }
        Ok(())
    }

    /// Bytes on disk.
    pub fn disk_bytes(&self) -> Result<u64> {
        self.db.disk_space().map_err(|e| failure("measure", e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(texts: &[&str]) -> Packed {
        let mut group = Group::default();
        texts.iter().for_each(|text| group.push(Digest::of(text.as_bytes()), text.as_bytes()));
        group.pack()
    }

    fn read(chunks: &Chunks, text: &str) -> Option<String> {
        chunks.get(&Digest::of(text.as_bytes())).expect("get").map(|bytes| String::from_utf8(bytes).expect("text"))
    }

    #[test]
    fn chunks_survive_reopening_with_their_number() {
        let dir = tempfile::tempdir().expect("dir");
        {
            let chunks = Chunks::open(dir.path()).expect("open");
            chunks.put(&[group(&["a", "b"])]).expect("put");
            chunks.skip_to(6);
            assert_eq!(chunks.sync().expect("sync"), 7);
        }
        let chunks = Chunks::open(dir.path()).expect("reopen");
        assert_eq!(chunks.number(), 7);
        assert_eq!(read(&chunks, "a").as_deref(), Some("a"));
        chunks.remove(&[Digest::of(b"a")]).expect("remove");
        chunks.compact().expect("compact");
        assert_eq!(chunks.number(), 8, "numbers never go back");
        assert!(!chunks.has(&Digest::of(b"a")).expect("has"));
        let all: Vec<_> = chunks.digests().collect::<Result<_>>().expect("list");
        assert_eq!(all, [Digest::of(b"b")]);
    }

    #[test]
    fn groups_go_when_they_are_empty_and_move_when_they_are_mostly_garbage() {
        let dir = tempfile::tempdir().expect("dir");
        let chunks = Chunks::open(dir.path()).expect("open");
        let groups = || chunks.chunks.prefix([GROUP_KEY]).count();
        chunks.put(&[group(&["one", "two"]), group(&["three", "four", "five"]), group(&["six", "seven", "eight"])]).expect("put");
        assert_eq!(groups(), 3);
        chunks.remove(&["one", "two", "three", "four", "six"].map(|t| Digest::of(t.as_bytes()))).expect("remove");
        chunks.compact().expect("compact");
        assert_eq!(groups(), 1, "one is gone, of one a single chunk is left, one is still worth keeping");
        for text in ["five", "seven", "eight"] {
            assert_eq!(read(&chunks, text).as_deref(), Some(text));
        }
        chunks.put(&[group(&["one", "two"])]).expect("put again");
        assert_eq!((read(&chunks, "two").as_deref(), read(&chunks, "three")), (Some("two"), None));
    }

    #[test]
    fn many_bytes_become_a_table_of_their_own_and_repeated_chunks_do_no_harm() {
        let dir = tempfile::tempdir().expect("dir");
        let random = crate::base::random::SeededRandom::new(1);
        let noise: Vec<Vec<u8>> = (0..200)
            .map(|_| {
                let mut bytes = vec![0; 8000];
                crate::base::random::Random::fill(&random, &mut bytes);
                bytes
            })
            .collect();
        let packed: Vec<Packed> = [&noise[..40], &noise[20..60], &noise[60..100], &noise[100..140], &noise[140..180], &noise[180..]]
            .iter()
            .map(|part| {
                let mut group = Group::default();
                part.iter().for_each(|bytes| group.push(Digest::of(bytes), bytes));
                group.pack()
            })
            .collect();
        {
            let chunks = Chunks::open(dir.path()).expect("open");
            chunks.put(&packed).expect("put");
            chunks.sync().expect("sync");
        }
        let chunks = Chunks::open(dir.path()).expect("reopen");
        for bytes in &noise {
            assert_eq!(chunks.get(&Digest::of(bytes)).expect("get").as_ref(), Some(bytes));
        }
    }

    #[test]
    fn a_chunk_that_does_not_match_its_digest_is_damage() {
        let dir = tempfile::tempdir().expect("dir");
        let chunks = Chunks::open(dir.path()).expect("open");
        let mut group = Group::default();
        group.push(Digest::of(b"x"), b"y");
        group.push(Digest::of(b"z"), b"z");
        chunks.put(&[group.pack()]).expect("put");
        assert_eq!(chunks.get(&Digest::of(b"x")).expect_err("damage").code(), "format.damaged");
        assert_eq!(read(&chunks, "z").as_deref(), Some("z"));
    }
}
