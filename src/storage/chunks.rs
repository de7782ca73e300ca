//! The chunk store: content-addressed bytes in one fjall keyspace. The only door to `fjall`.
//!
//! Values are compressed by us (`format::block`), so fjall's own compression is off; key-value separation is on, which halves what is
//! written twice. Each sync has a number, which the catalogue notes with what it names then; the next sync notes in return how far the
//! catalogue is. So each of the two notices at open when the other came back shorter than it was.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use fjall::config::{BlockSizePolicy, CompressionPolicy};
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode};

use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::fault;
use crate::format::block;

/// Bytes of the block cache. Caps resident memory of an idle store; measured as enough for point reads.
const CACHE_BYTES: u64 = 32 << 20;
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
/// Key of the number of the last durable commit. Shorter than a digest, so it cannot be one.
const NUMBER_KEY: &[u8] = b"number";

/// The open chunk store of one directory. Cheap to clone.
#[derive(Clone)]
pub struct Chunks {
    db: Database,
    chunks: Keyspace,
    /// Held while syncing, so that numbers reach the disk in their order.
    numbers: Arc<Mutex<Numbers>>,
    /// No chunk counts as there, see [`Chunks::anew`].
    anew: bool,
    dir: PathBuf,
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

/// Free space of the file system that holds `dir`, where it can be told.
fn free_bytes(dir: &Path) -> Option<u64> {
    let space = rustix::fs::statvfs(dir).ok()?;
    Some(space.f_bavail.saturating_mul(space.f_frsize))
}

/// Bytes ready to be stored: the digest of the plain bytes, and their compressed form.
pub struct Packed {
    /// Digest of the plain bytes.
    pub digest: Digest,
    /// What [`block::compress_chunk`] made of them.
    pub stored: Vec<u8>,
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
        Ok(Chunks { db, chunks, numbers: Arc::new(Mutex::new(numbers)), anew: false, dir: dir.to_owned() })
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
        let Some(stored) = self.chunks.get(digest.as_bytes()).map_err(|e| failure("read a chunk", e))? else {
            return Ok(None);
        };
        let plain = block::expand_chunk(&stored, CHUNK_PLAIN_BYTES_MAX)?;
        if Digest::of(&plain) != *digest {
            return Err(Error::damaged(format_args!("chunk {}", digest.short(16))));
        }
        Ok(Some(plain))
    }

    /// Writes chunks. They are durable after the next [`Chunks::sync`].
    pub fn put(&self, packed: &[Packed]) -> Result<()> {
        fault::point("chunks.put")?;
        let mut batch = self.db.batch();
        for chunk in packed {
            batch.insert(&self.chunks, chunk.digest.as_bytes(), &chunk.stored[..]);
        }
        batch.commit().map_err(|e| self.write_failure("write chunks", e))
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

    /// Bytes on disk.
    pub fn disk_bytes(&self) -> Result<u64> {
        self.db.disk_space().map_err(|e| failure("measure", e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(text: &str) -> Packed {
        Packed { digest: Digest::of(text.as_bytes()), stored: block::compress_chunk(text.as_bytes()) }
    }

    #[test]
    fn chunks_survive_reopening_with_their_number() {
        let dir = tempfile::tempdir().expect("dir");
        let (a, b) = (packed("a"), packed("b"));
        {
            let chunks = Chunks::open(dir.path()).expect("open");
            chunks.put(&[packed("a"), packed("b")]).expect("put");
            chunks.skip_to(6);
            assert_eq!(chunks.sync().expect("sync"), 7);
        }
        let chunks = Chunks::open(dir.path()).expect("reopen");
        assert_eq!(chunks.number(), 7);
        assert_eq!(chunks.get(&a.digest).expect("get").as_deref(), Some(&b"a"[..]));
        chunks.remove(&[a.digest]).expect("remove");
        chunks.compact().expect("compact");
        assert_eq!(chunks.number(), 8, "numbers never go back");
        assert!(!chunks.has(&a.digest).expect("has"));
        let all: Vec<_> = chunks.digests().collect::<Result<_>>().expect("list");
        assert_eq!(all, [b.digest]);
    }

    #[test]
    fn a_chunk_that_does_not_match_its_digest_is_damage() {
        let dir = tempfile::tempdir().expect("dir");
        let chunks = Chunks::open(dir.path()).expect("open");
        chunks.put(&[Packed { digest: Digest::of(b"x"), stored: block::compress_chunk(b"y") }]).expect("put");
        assert_eq!(chunks.get(&Digest::of(b"x")).expect_err("damage").code(), "format.damaged");
    }
}
