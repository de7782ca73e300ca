//! Bytes into the store and out of it, in bounded memory whatever their size.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::base::digest::{Digest, Hasher};
use crate::base::error::{Error, Kind, Result};
use crate::base::fault;
use crate::base::limits;
use crate::format::block;
use crate::format::chunker::{Chunker, Cut};
use crate::format::list::{Entry, ListBuilder, Node};
use crate::storage::catalog::contents::{Body, ContentRow};
use crate::storage::catalog::{self, Catalog};
use crate::storage::chunks::{self, Chunks, Group, Packed};

/// The code of the error for bytes that were given up.
pub(crate) const FORGOTTEN: &str = "content.forgotten";
/// The code of the error for bytes that were erased with their subject.
pub(crate) const ERASED: &str = "content.erased";

/// A content whose bytes are in the store, but which nothing names yet.
#[derive(Debug, Clone)]
pub(crate) struct Ingested {
    pub digest: Digest,
    pub size: u64,
    pub body: Body,
}

impl Ingested {
    /// Whether its chunks must be synced before it may be named.
    pub(crate) fn needs_sync(&self) -> bool {
        matches!(self.body, Body::List(_))
    }
}

/// Contents on their way into the store. Chunks of several contents wait together, in bounded memory, until there are enough to be compressed
/// and written at once; [`Intake::flush`] writes what still waits. The caller holds the gate from the first content until all are named.
///
/// Where there is more than one group, a thread of the intake's own compresses and writes while the caller reads and hashes what comes next.
/// It ends at the flush, or when the intake is dropped, before the gate is let go.
pub(crate) struct Intake {
    chunks: Chunks,
    waiting: RefCell<Waiting>,
    /// The first bytes of a content, which decide where it goes.
    head: RefCell<Vec<u8>>,
}

#[derive(Default)]
struct Waiting {
    group: Group,
    /// Chunks that are on their way: those that the next writing takes, and those that the one before took.
    known: [HashSet<Digest>; 2],
    behind: Option<Behind>,
}

/// The thread that compresses and writes, and what is said to it.
struct Behind {
    groups: SyncSender<Group>,
    /// Raised by the thread with each writing.
    writings: Arc<AtomicU64>,
    seen: u64,
    thread: JoinHandle<Result<()>>,
}

/// Groups that wait for the thread: with the one in work half a MiB.
const GROUPS_AHEAD: usize = 3;

impl Behind {
    fn start(chunks: &Chunks) -> Self {
        let (groups, incoming) = sync_channel(GROUPS_AHEAD);
        let writings = Arc::new(AtomicU64::new(0));
        let (chunks, raised) = (chunks.clone(), Arc::clone(&writings));
        let thread = std::thread::spawn(fault::carry(move || write_groups(&chunks, incoming, &raised)));
        Behind { groups, writings, seen: 0, thread }
    }

    /// Waits for the thread to write all that it was given.
    fn finish(self) -> Result<()> {
        drop(self.groups);
        self.thread.join().unwrap_or_else(|_| Err(Error::new(Kind::Failed, "chunks.panicked", "the thread that writes chunks panicked")))
    }
}

fn write_groups(chunks: &Chunks, groups: Receiver<Group>, writings: &AtomicU64) -> Result<()> {
    let mut packed: Vec<Packed> = Vec::new();
    for group in groups {
        packed.push(group.pack());
        if packed.iter().map(Packed::bytes).sum::<usize>() >= limits::INGEST_BUFFER_BYTES {
            chunks.put(&packed)?;
            packed.clear();
            writings.fetch_add(1, Ordering::Release);
        }
    }
    if packed.is_empty() { Ok(()) } else { chunks.put(&packed) }
}

impl Intake {
    pub(crate) fn new(chunks: &Chunks) -> Self {
        Intake { chunks: chunks.clone(), waiting: RefCell::default(), head: RefCell::default() }
    }

    fn add(&self, digest: Digest, plain: &[u8]) -> Result<()> {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.known.iter().any(|known| known.contains(&digest)) || self.chunks.has(&digest)? {
            return Ok(());
        }
        waiting.known[0].insert(digest);
        waiting.group.push(digest, plain);
        if waiting.group.len() < chunks::GROUP_BYTES {
            return Ok(());
        }
        let group = std::mem::take(&mut waiting.group);
        let behind = waiting.behind.get_or_insert_with(|| Behind::start(&self.chunks));
        if behind.groups.send(group).is_err() {
            return waiting.behind.take().map_or(Ok(()), Behind::finish);
        }
        // What was on its way a writing ago can be found in the store by now.
        let writings = behind.writings.load(Ordering::Acquire);
        if writings > behind.seen {
            behind.seen = writings;
            waiting.known[1] = std::mem::take(&mut waiting.known[0]);
        }
        Ok(())
    }

    /// Writes the chunks that wait. They are durable after the next sync.
    pub(crate) fn flush(&self) -> Result<()> {
        let mut waiting = self.waiting.borrow_mut();
        let group = std::mem::take(&mut waiting.group);
        waiting.known = Default::default();
        match waiting.behind.take() {
            None if group.is_empty() => Ok(()),
            None => self.chunks.put(&[group.pack()]),
            Some(behind) => {
                // Where the thread has ended already, it says why.
                if !group.is_empty() {
                    drop(behind.groups.send(group));
                }
                behind.finish()
            }
        }
    }

    /// Reads `reader` to its end and takes in its bytes: small ones stay as they are, for the catalogue; others become chunks. `inline`
    /// allows the former.
    pub(crate) fn take(&self, reader: &mut dyn Read, size: Option<u64>, inline: bool) -> Result<Ingested> {
        let mut head = self.head.borrow_mut();
        head.resize(limits::INLINE_BYTES_MAX + 1, 0);
        let mut len = 0;
        while len < head.len() {
            match reader.read(&mut head[len..]) {
                Ok(0) => break,
                Ok(n) => len += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::io("read the content", e)),
            }
        }
        let head = &head[..len];
        if len <= limits::INLINE_BYTES_MAX && inline {
            return Ok(Ingested { digest: Digest::of(head), size: len as u64, body: Body::Plain(head.into()) });
        }
        let head = head.to_vec();
        self.cut_up(head, reader, size)
    }

    /// Like [`Intake::take`] for bytes that are at hand, with their digest where it is known.
    pub(crate) fn take_whole(&self, bytes: Vec<u8>, digest: Option<Digest>, inline: bool) -> Result<Ingested> {
        let size = bytes.len() as u64;
        if bytes.len() <= limits::INLINE_BYTES_MAX && inline {
            let digest = digest.unwrap_or_else(|| Digest::of(&bytes));
            return Ok(Ingested { digest, size, body: Body::Plain(bytes.into()) });
        }
        self.cut_up(bytes, &mut std::io::empty(), Some(size))
    }

    /// Takes in the bytes `head` and what `reader` gives after them as chunks.
    fn cut_up(&self, head: Vec<u8>, reader: &mut dyn Read, size: Option<u64>) -> Result<Ingested> {
        let read = |e| Error::io("read the content", e);
        let cut = Cut::choose(&head, size);
        let (mut all, mut size) = (Hasher::new(), 0);
        let mut list = ListBuilder::new();
        let mut nodes = Vec::new();
        let mut chunker = Chunker::new(reader, head, cut);
        let mut alone = None;
        while let Some((chunk, last)) = chunker.next_chunk().map_err(read)? {
            let digest = Digest::of(chunk);
            // The only chunk of a content has its digest.
            if last && size == 0 {
                alone = Some(digest);
            } else {
                all.update(chunk);
            }
            size += chunk.len() as u64;
            self.add(digest, chunk)?;
            list.push(Entry { digest, len: chunk.len() as u64 }, &mut |digest, bytes| {
                nodes.push((digest, bytes));
                Ok(())
            })?;
            for (digest, bytes) in nodes.drain(..) {
                self.add(digest, &bytes)?;
            }
        }
        let root = list.finish(&mut |digest, bytes| self.add(digest, &bytes))?;
        Ok(Ingested { digest: alone.unwrap_or_else(|| all.finish()), size, body: Body::List(root.encode()) })
    }
}

impl Drop for Intake {
    /// What was not flushed is named by nothing; its writing must have ended before the gate is let go.
    fn drop(&mut self) {
        if let Some(behind) = self.waiting.get_mut().behind.take() {
            drop(behind.finish());
        }
    }
}

/// The error for bytes that were given up, for who knows nothing but the content. Nothing is damaged.
pub(crate) fn forgotten(content: &ContentRow) -> Error {
    let by = match content.body {
        Body::Gone(seq) if seq > 0 => format!("by batch {seq}"),
        _ => "after this moment".to_owned(),
    };
    Error::missing(FORGOTTEN, format!("the content {} was forgotten {by}", content.digest.short(16)))
        .hint("its record stays: annals log KEY shows which versions are there")
}

fn chunk(chunks: &Chunks, digest: &Digest) -> Result<Vec<u8>> {
    chunks.get(digest)?.ok_or_else(|| no_chunk(digest))
}

fn no_chunk(digest: &Digest) -> Error {
    Error::damaged(format_args!("chunk {} is not in the store", digest.short(16)))
}

/// The chunks of a content in order, found while walking its list.
pub(crate) struct Entries<'c> {
    chunks: &'c Chunks,
    path: Vec<(u8, std::vec::IntoIter<Entry>)>,
}

impl<'c> Entries<'c> {
    pub(crate) fn new(chunks: &'c Chunks, root: &[u8]) -> Result<Self> {
        let root = Node::decode(root)?;
        Ok(Entries { chunks, path: vec![(root.level, root.entries.into_iter())] })
    }

    /// The next chunk; `nodes` sees the digests of list nodes that are passed.
    pub(crate) fn next_entry(&mut self, nodes: &mut dyn FnMut(&Digest)) -> Result<Option<Entry>> {
        while let Some((level, entries)) = self.path.last_mut() {
            let level = *level;
            match entries.next() {
                None => {
                    self.path.pop();
                }
                Some(entry) if level == 0 => return Ok(Some(entry)),
                Some(entry) => {
                    nodes(&entry.digest);
                    let node = Node::decode(&chunk(self.chunks, &entry.digest)?)?;
                    if node.level + 1 != level {
                        return Err(Error::damaged("a chunk list whose levels do not fit"));
                    }
                    self.path.push((node.level, node.entries.into_iter()));
                }
            }
        }
        Ok(None)
    }

    /// Skips whole chunks and nodes before `offset`; gives the next chunk and where it starts.
    fn seek(&mut self, offset: u64) -> Result<Option<(u64, Entry)>> {
        let mut at = 0;
        while let Some((level, entries)) = self.path.last_mut() {
            let level = *level;
            let Some(entry) = entries.next() else {
                self.path.pop();
                continue;
            };
            if at + entry.len <= offset {
                at += entry.len;
            } else if level == 0 {
                return Ok(Some((at, entry)));
            } else {
                let node = Node::decode(&chunk(self.chunks, &entry.digest)?)?;
                if node.level + 1 != level {
                    return Err(Error::damaged("a chunk list whose levels do not fit"));
                }
                self.path.push((node.level, node.entries.into_iter()));
            }
        }
        Ok(None)
    }
}

/// Rows of contents, fetched in pages: whoever walks through many contents needs neighbours, and memory for a few pages only.
pub(crate) struct Rows<'c> {
    catalog: &'c Catalog,
    tenant: i64,
    /// The newest last.
    pages: RefCell<Vec<(u64, Vec<ContentRow>)>>,
}

/// Contents in one page.
const PAGE: u64 = 128;
/// Pages that are kept. With contents of at most 4,096 bytes in their rows these are 16 MiB.
const PAGES_KEPT: usize = 32;

impl<'c> Rows<'c> {
    pub(crate) fn new(catalog: &'c Catalog, tenant: i64) -> Self {
        Rows { catalog, tenant, pages: RefCell::default() }
    }

    /// The content with this number.
    pub(crate) fn get(&self, ordinal: u64) -> Result<ContentRow> {
        let first = ordinal - ordinal % PAGE;
        let mut pages = self.pages.borrow_mut();
        match pages.iter().position(|(page, _)| *page == first) {
            Some(at) => pages[at..].rotate_left(1),
            None => {
                let id = |number| catalog::id(self.tenant, number);
                let rows = self.catalog.read(|rows| rows.contents(id(first), id(first + PAGE), PAGE as usize))?;
                if pages.len() >= PAGES_KEPT {
                    pages.remove(0);
                }
                pages.push((first, rows));
            }
        }
        let id = catalog::id(self.tenant, ordinal);
        let row = pages.last().and_then(|(_, rows)| rows.get(rows.binary_search_by_key(&id, |row| row.id).ok()?));
        row.cloned().ok_or_else(|| Error::damaged(format_args!("the catalogue names content {id}, which it does not have")))
    }
}

/// Reads a content from front to back, chunk by chunk. The whole is checked against its digest when the end is reached.
pub struct ContentReader {
    chunks: Chunks,
    path: Vec<(u8, std::vec::IntoIter<Entry>)>,
    now: Vec<u8>,
    at: usize,
    /// `now` holds inline bytes that were not hashed yet.
    fresh: bool,
    hasher: Hasher,
    /// Whoever reads proves the whole; only its length is looked at here.
    trusting: bool,
    left: u64,
    /// All bytes came, and they are the right ones.
    proven: bool,
    digest: Digest,
    size: u64,
}

impl ContentReader {
    /// Reads a content for somebody who compares the digest of all bytes by himself: each byte is hashed once, not three times.
    pub(crate) fn open_unproven(chunks: &Chunks, content: &ContentRow) -> Result<Self> {
        Ok(ContentReader { trusting: true, ..ContentReader::open(chunks, content)? })
    }

    pub(crate) fn open(chunks: &Chunks, content: &ContentRow) -> Result<Self> {
        let (path, now, fresh) = match &content.body {
            Body::Inline(stored) => (Vec::new(), block::expand_chunk(stored, limits::INLINE_BYTES_MAX)?, true),
            Body::Plain(plain) => (Vec::new(), plain.to_vec(), true),
            Body::List(root) => (Entries::new(chunks, root)?.path, Vec::new(), false),
            Body::Gone(_) => return Err(forgotten(content)),
        };
        let reader = ContentReader {
            chunks: chunks.clone(),
            path,
            at: now.len() * usize::from(fresh),
            now,
            fresh,
            hasher: Hasher::new(),
            trusting: false,
            left: content.size,
            proven: false,
            digest: content.digest,
            size: content.size,
        };
        Ok(reader)
    }

    /// Length of the whole content in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// BLAKE3 of the whole content.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Makes sure that unread bytes are at hand, unless the end is reached. Bytes are hashed once, when they come.
    fn load(&mut self) -> Result<()> {
        if self.at < self.now.len() {
            return Ok(());
        }
        self.at = 0;
        if self.fresh {
            self.fresh = false;
        } else if self.proven {
            self.now.clear();
            return Ok(());
        } else {
            let mut entries = Entries { chunks: &self.chunks, path: std::mem::take(&mut self.path) };
            let next = entries.next_entry(&mut |_| {})?;
            self.path = entries.path;
            self.now = match next {
                None => Vec::new(),
                Some(entry) if self.trusting => self.chunks.get_unproven(&entry.digest)?.ok_or_else(|| no_chunk(&entry.digest))?,
                Some(entry) => chunk(&self.chunks, &entry.digest)?,
            };
        }
        let damaged = || Error::damaged(format_args!("content {}", self.digest.short(16)));
        if !self.trusting {
            self.hasher.update(&self.now);
        }
        self.left = self.left.checked_sub(self.now.len() as u64).ok_or_else(damaged)?;
        // The last bytes are handed out only when the whole is right: who stops reading there has seen nothing wrong either.
        if self.left == 0 || self.now.is_empty() {
            if self.left != 0 || !self.trusting && self.hasher.finish() != self.digest {
                self.now.clear();
                return Err(damaged());
            }
            self.proven = true;
        }
        Ok(())
    }

    /// The next run of bytes, empty at the end.
    pub fn next_run(&mut self) -> Result<&[u8]> {
        self.load()?;
        let from = std::mem::replace(&mut self.at, self.now.len());
        Ok(&self.now[from..])
    }

    /// Copies everything to `out`.
    pub fn copy_to(&mut self, out: &mut dyn Write) -> Result<u64> {
        let mut total = 0;
        loop {
            let run = self.next_run()?;
            if run.is_empty() {
                return Ok(total);
            }
            out.write_all(run).map_err(|e| Error::io("write the content", e))?;
            total += run.len() as u64;
        }
    }

    /// All bytes, where there are at most `max` of them.
    pub fn bytes(mut self, max: usize) -> Result<Vec<u8>> {
        if self.size > max as u64 {
            return Err(Error::usage("content.large", format!("the content has {} bytes, at most {max} are read at once here", self.size))
                .hint("use --out FILE to write it to a file"));
        }
        let mut out = Vec::with_capacity(self.size as usize);
        self.copy_to(&mut out)?;
        Ok(out)
    }
}

impl Read for ContentReader {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.load().map_err(std::io::Error::other)?;
        let run = &self.now[self.at..];
        let n = run.len().min(buf.len());
        buf[..n].copy_from_slice(&run[..n]);
        self.at += n;
        Ok(n)
    }
}

/// Bytes `from..to` of a content. A small one is verified as a whole, of a large one each chunk by its own digest.
pub(crate) fn range(chunks: &Chunks, content: &ContentRow, from: u64, to: u64) -> Result<Vec<u8>> {
    let damaged = || Error::damaged(format_args!("content {}", content.digest.short(16)));
    let expanded;
    let small = match &content.body {
        Body::Inline(stored) => {
            expanded = block::expand_chunk(stored, limits::INLINE_BYTES_MAX)?;
            Ok(&expanded[..])
        }
        Body::Plain(plain) => Ok(&plain[..]),
        Body::List(root) => Err(root),
        Body::Gone(_) => return Err(forgotten(content)),
    };
    let root = match small {
        Ok(plain) if Digest::of(plain) != content.digest => return Err(damaged()),
        Ok(plain) => return plain.get(from as usize..to as usize).map(<[u8]>::to_vec).ok_or_else(damaged),
        Err(root) => root,
    };
    if Node::decode(root)?.entries.iter().map(|e| e.len).sum::<u64>() != content.size {
        return Err(damaged());
    }
    let mut out = Vec::with_capacity((to - from) as usize);
    if from == to {
        return Ok(out);
    }
    let mut entries = Entries::new(chunks, root)?;
    let Some((start, first)) = entries.seek(from)? else { return Err(damaged()) };
    out.extend_from_slice(chunk(chunks, &first.digest)?.get((from - start) as usize..).ok_or_else(damaged)?);
    while (out.len() as u64) < to - from {
        let entry = entries.next_entry(&mut |_| {})?.ok_or_else(damaged)?;
        out.extend_from_slice(&chunk(chunks, &entry.digest)?);
    }
    out.truncate((to - from) as usize);
    Ok(out)
}
