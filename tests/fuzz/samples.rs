//! What real programs wrote: the golden remote, and a store and a remote of today.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annals::base::codec::{Reader, put_varint};
use annals::base::digest::Digest;
use annals::base::id::TenantId;
use annals::base::monitor::Silent;
use annals::base::random::SeededRandom;
use annals::base::time::{ManualClock, Timestamp};
use annals::engine::offsite::{OpenRemote, ShipOptions};
use annals::engine::seal::SealOptions;
use annals::engine::store::read_key_file;
use annals::format::block::{Effort, pack, unpack};
use annals::format::cipher::{NONCE_BYTES, SecretKey, SegmentCipher};
use annals::format::keyfile::{KeyFile, SiteSecret, Unlock, keyring};
use annals::format::segment::{FRONT_BYTES, MAGIC, ObjectName, ObjectRead, TRAILER_BYTES, Tail, key_id};
use annals::format::version;
use annals::format::wire::{Known, Slice, WireChange};
use annals::model::change::{FileKind, Meta};
use annals::model::reference::Reference;
use annals::storage::remote::Memory;
use annals::{Error, Result, Store};

use crate::round::Dice;

/// The box of a segment that holds its tail (FORMAT.md, "Segment objects").
const TAIL_BOX: u64 = u64::MAX;
/// Tail flag: the columns are a zstd frame.
const COLUMNS_PACKED: u8 = 1;
/// Tail flag: sizes and digests of parts are listed.
const HAS_PARTS: u8 = 1 << 2;

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The files of a fixture folder.
pub fn fixture_files(folder: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(fixtures().join(folder)).expect("fixtures").map(|e| e.expect("entry").path()).collect();
    paths.sort();
    paths.iter().filter(|path| path.is_file()).map(|path| fs::read(path).expect("read")).collect()
}

/// Objects in memory.
#[derive(Default, Clone)]
pub struct Objects(pub HashMap<ObjectName, Vec<u8>>);

impl ObjectRead for Objects {
    fn read(&self, object: &ObjectName, offset: u64, len: u64) -> Result<Vec<u8>> {
        let bytes = self.0.get(object).ok_or_else(|| Error::missing("object.missing", "no such object"))?;
        let end = offset.saturating_add(len).min(bytes.len() as u64);
        Ok(bytes.get(offset as usize..end as usize).unwrap_or_default().to_vec())
    }
}

/// A log as far as slices need it.
#[derive(Default, Clone)]
pub struct Log {
    documents: Vec<Option<(u64, Meta)>>,
    sizes: Vec<u64>,
}

impl Log {
    fn apply(&mut self, slice: &Slice) {
        self.documents.resize(self.documents.len() + slice.new_keys.len(), None);
        self.sizes.extend(slice.contents.iter().map(|c| c.size));
        for change in slice.batches.iter().flat_map(|b| &b.changes) {
            if let WireChange::Put { document, content, meta } = change {
                self.documents[*document as usize] = Some((*content, meta.clone()));
            }
        }
    }
}

impl Known for Log {
    fn content_of(&self, document: u64) -> Result<Option<u64>> {
        Ok(self.documents.get(document as usize).and_then(|d| d.as_ref()).map(|(content, _)| *content))
    }

    fn content_size(&self, content: u64) -> Result<u64> {
        self.sizes.get(content as usize).copied().ok_or_else(|| Error::damaged("an unknown content"))
    }

    fn meta_of(&self, document: u64) -> Result<Option<Meta>> {
        Ok(self.documents.get(document as usize).and_then(|d| d.as_ref()).map(|(_, meta)| meta.clone()))
    }
}

/// One slice with all that a reader has before it.
#[derive(Clone)]
pub struct Sealed {
    pub tenant: TenantId,
    pub key: SecretKey,
    /// The tail object.
    pub name: ObjectName,
    pub objects: Objects,
    pub before: Log,
    pub slice: Slice,
    pub frames: Vec<Vec<u8>>,
}

/// What stands in the tail box.
#[derive(Clone)]
pub struct TailPlain {
    pub flags: u8,
    pub noise: Vec<u8>,
    pub columns: Vec<u8>,
    /// Number of parts, and their sizes and digests as they stand there.
    pub parts: (usize, Vec<u8>),
    pub frames: Vec<u8>,
}

impl TailPlain {
    fn parse(plain: &[u8]) -> Result<TailPlain> {
        let mut r = Reader::new(plain, "a tail");
        let flags = r.byte()?;
        let (noise, columns) = (r.count()?, r.varint()? as usize);
        let packed = if flags & COLUMNS_PACKED != 0 { Some(r.count()?) } else { None };
        let count = if flags & HAS_PARTS != 0 { r.count()? } else { 0 };
        let before = r.clone();
        for _ in 0..count {
            r.varint()?;
            r.take(16)?;
        }
        let parts = before.clone().take(before.remaining() - r.remaining())?.to_vec();
        let noise = r.take(noise)?.to_vec();
        let columns = match packed {
            Some(len) => unpack(&[], r.take(len)?, columns)?,
            None => r.take(columns)?.to_vec(),
        };
        Ok(TailPlain { flags, noise, columns, parts: (count, parts), frames: r.take(r.remaining())?.to_vec() })
    }

    /// The bytes, with lengths that fit.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = vec![self.flags];
        put_varint(&mut out, self.noise.len() as u64);
        put_varint(&mut out, self.columns.len() as u64);
        let columns = if self.flags & COLUMNS_PACKED != 0 {
            let packed = pack(&[], &self.columns, Effort::Quick(1)).expect("pack");
            put_varint(&mut out, packed.len() as u64);
            packed
        } else {
            self.columns.clone()
        };
        if self.flags & HAS_PARTS != 0 {
            put_varint(&mut out, self.parts.0 as u64);
        }
        [&self.parts.1, &self.noise, &columns, &self.frames].into_iter().for_each(|bytes| out.extend_from_slice(bytes));
        out
    }
}

impl Sealed {
    /// The bytes of the tail object.
    pub fn tail(&self) -> &[u8] {
        &self.objects.0[&self.name]
    }

    fn cipher(&self) -> (SegmentCipher, Vec<u8>, std::ops::Range<usize>) {
        let object = self.tail();
        let trailer = object.len() - TRAILER_BYTES;
        let salt: [u8; NONCE_BYTES] = object[trailer + 4..trailer + 4 + NONCE_BYTES].try_into().expect("a salt");
        let len = u32::from_le_bytes(object[object.len() - 5..object.len() - 1].try_into().expect("four bytes")) as usize;
        let mut bound = MAGIC.to_vec();
        bound.push(version::SEGMENT);
        bound.extend_from_slice(&key_id(&self.key));
        bound.extend_from_slice(&salt);
        bound.extend_from_slice(self.tenant.as_bytes());
        bound.extend_from_slice(&self.name.timeline);
        (SegmentCipher::new(&self.key, &salt), bound, trailer - len..trailer)
    }

    /// What is in the tail box.
    pub fn plain(&self) -> Vec<u8> {
        let (cipher, bound, at) = self.cipher();
        cipher.open(TAIL_BOX, &bound, &self.tail()[at]).expect("the tail opens")
    }

    pub fn parsed(&self) -> TailPlain {
        TailPlain::parse(&self.plain()).expect("a tail")
    }

    /// The slice with another tail, sealed and named as its writer would do it.
    pub fn sealed_again(&self, plain: &[u8]) -> Sealed {
        let (cipher, bound, at) = self.cipher();
        let object = self.tail();
        let sealed = cipher.seal(TAIL_BOX, &bound, plain);
        let mut bytes = object[..at.start.max(FRONT_BYTES)].to_vec();
        bytes.extend_from_slice(&sealed);
        bytes.extend_from_slice(&object[at.end..at.end + 4 + NONCE_BYTES]);
        bytes.extend_from_slice(&(sealed.len() as u32).to_le_bytes());
        bytes.push(version::SEGMENT);
        let mut again = self.clone();
        again.objects.0.remove(&self.name);
        again.name = named(&self.name, &bytes);
        again.objects.0.insert(again.name, bytes);
        again
    }

    pub fn read(&self) -> Result<(Slice, Vec<Vec<u8>>)> {
        let reader = Tail::read(&self.key, self.tenant, &self.name, &self.objects)?.decode(self.tenant, &self.before)?;
        let frames = (0..reader.slice().blocks.len()).map(|i| reader.frame(i, &self.objects)).collect::<Result<_>>()?;
        Ok((reader.into_slice(), frames))
    }
}

/// The name that fits changed bytes.
pub fn named(name: &ObjectName, bytes: &[u8]) -> ObjectName {
    let digest = Digest::of(bytes).as_bytes()[..16].try_into().expect("half a digest");
    ObjectName { size: bytes.len() as u64, digest, ..*name }
}

/// A remote with the key to it.
pub struct Site {
    pub key_file: KeyFile,
    pub secret: SiteSecret,
    /// By name, key objects too.
    pub objects: BTreeMap<String, Vec<u8>>,
}

impl Site {
    /// The remote that is kept as a fixture.
    pub fn golden() -> Site {
        let top = fixtures().join("formats/v1");
        let mut objects = BTreeMap::new();
        for folder in fs::read_dir(top.join("remote")).expect("remote").map(|e| e.expect("entry").path()).filter(|p| p.is_dir()) {
            for path in fs::read_dir(&folder).expect("folder").map(|e| e.expect("entry").path()) {
                let name = path.strip_prefix(top.join("remote")).expect("below").to_string_lossy().into_owned();
                objects.insert(name, fs::read(&path).expect("object"));
            }
        }
        Site::with_key(&top.join("annals.key"), objects)
    }

    fn with_key(path: &Path, objects: BTreeMap<String, Vec<u8>>) -> Site {
        let key_file = read_key_file(path).expect("key file");
        let secret = key_file.open(&Unlock::default()).expect("plain");
        Site { key_file, secret, objects }
    }

    /// A store and its remote as today's code makes them.
    pub fn fresh(dir: &Path) -> Site {
        Self::made(dir, "")
    }

    /// The same, where contents are in boxes of subjects and one of these was erased.
    pub fn boxed(dir: &Path) -> Site {
        Self::made(dir, "[erasable]\nprefixes = [\"case/\"]\n")
    }

    fn made(dir: &Path, rules: &str) -> Site {
        let clock = Arc::new(ManualClock::new(Timestamp(1_772_366_400_000_000)));
        let options = || Store::builder().clock(clock.clone()).random(Arc::new(SeededRandom::new(5)));
        drop(options().init(dir, "fuzz").expect("init"));
        let config = dir.join("annals.toml");
        fs::write(&config, fs::read_to_string(&config).expect("read") + rules).expect("write");
        let store = options().open(dir).expect("open");
        let memory = Arc::new(Memory::new());
        let remote = OpenRemote::new("memory", memory.clone());
        let seal = SealOptions { object_bytes_max: 64 * 1024, effort: Effort::Quick(3), ..SealOptions::default() };
        for round in 0..4u64 {
            fill(&store, round);
            if !rules.is_empty() && round == 2 {
                let plan = store.plan_erase("case/11").expect("plan");
                store.erase(&plan, &annals::engine::plans::By::default(), &Silent).expect("erase");
            }
            clock.advance(3_600_000_000);
            store.ship(&remote, &ShipOptions { seal, ..ShipOptions::default() }, &Silent).expect("ship");
        }
        drop(store);
        let objects = memory.names().into_iter().map(|name| (name.clone(), memory.bytes(&name).expect("bytes"))).collect();
        Site::with_key(&dir.join("annals.key"), objects)
    }

    /// A remote in memory with these objects.
    pub fn remote(&self, change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> OpenRemote {
        let mut objects = self.objects.clone();
        change(&mut objects);
        let memory = Memory::new();
        objects.iter().for_each(|(name, bytes)| memory.put(name, bytes));
        OpenRemote::new("memory", Arc::new(memory))
    }

    /// All slices, each with the log before it.
    pub fn slices(&self) -> Vec<Sealed> {
        let mut out = Vec::new();
        let mut folders: Vec<&str> = self.objects.keys().filter_map(|name| Some(name.split_once('/')?.0)).collect();
        folders.dedup();
        for folder in folders {
            let within = |name: &str| name.strip_prefix(folder)?.strip_prefix('/').map(str::to_owned);
            let Ok(tenant) = TenantId::from_hex(folder) else { continue };
            let mut key = None;
            let mut objects = Objects::default();
            for (name, bytes) in &self.objects {
                match within(name).and_then(|name| ObjectName::parse(&name)) {
                    Some(name) => drop(objects.0.insert(name, bytes.clone())),
                    None if within(name).is_some() => key = key.or_else(|| keyring::open(&self.secret, bytes).ok().map(|entry| entry.key)),
                    None => {}
                }
            }
            let key = key.expect("a key object");
            let mut tails: Vec<ObjectName> = objects.0.keys().filter(|name| name.is_tail).copied().collect();
            tails.sort_by_key(|name| name.first);
            let mut log = Log::default();
            for name in tails {
                let own = objects.0.iter().filter(|(n, _)| n.first == name.first).map(|(n, b)| (*n, b.clone())).collect();
                let tail = Tail::read(&key, tenant, &name, &objects).expect("tail").decode(tenant, &log).expect("decode");
                let frames = (0..tail.slice().blocks.len()).map(|i| tail.frame(i, &objects).expect("frame")).collect();
                let slice = tail.into_slice();
                let before = log.clone();
                log.apply(&slice);
                out.push(Sealed { tenant, key: key.clone(), name, objects: Objects(own), before, slice, frames });
            }
        }
        out
    }
}

/// A little of everything that a log can hold.
pub fn fill(store: &Store, round: u64) {
    let mut batch = store.batch("filled").actor("806").origin("fuzz").request_id(&format!("r{round}"));
    for i in 0..20 {
        batch.put(format!("case/{i}"), &mut format!("{{\"id\": {i}, \"name\": \"number {i}\", \"round\": {round}}}\n").as_bytes()).expect("put");
    }
    let large = large(round);
    batch.put("large", &mut &large[..]).expect("put");
    let times = Meta { mode: Some(0o644), mtime_ns: Some(1_700_000_000_000_000_000 + round as i64), media: "text/plain".into(), ..Meta::default() };
    batch.put_with(format!("tree/{round}/file"), &mut &b"in a tree"[..], times).expect("put");
    batch.put_with(format!("tree/{round}/link"), &mut &b"file"[..], Meta { kind: FileKind::Link, ..Meta::default() }).expect("put");
    if round > 0 {
        batch.remove(format!("case/{round}")).expect("remove");
    }
    batch.add_ref("case/9", Reference::new("svarut", format!("{round}")).state("sent").irrevocable()).expect("refer");
    batch.mark(&format!("round {round}")).expect("mark");
    batch.commit().expect("commit");
    for file in fixture_files("sources").into_iter().take(3) {
        let mut container = file;
        if round > 1 {
            container.extend_from_slice(b"\0");
        }
        store.put("container", &container[..]).expect("put");
    }
}

/// A content that differs a little from round to round.
fn large(round: u64) -> Vec<u8> {
    let mut bytes = Dice::new(7).bytes(90_000);
    bytes[1000 * round as usize + 500..][..40].copy_from_slice(&Dice::new(round).bytes(40));
    bytes
}
