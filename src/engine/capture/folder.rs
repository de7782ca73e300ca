//! Capture of a folder: one batch makes a prefix equal to a directory.

use std::collections::VecDeque;
use std::io::Read;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SendError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::Scope;

use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::limits;
use crate::base::monitor::{Monitor, Progress};
use crate::base::time::Timestamp;
use crate::model::change::{FileKind, Meta};
use crate::model::key::{check_key, show_key};
use crate::storage::catalog::documents::DocumentRow;
use crate::storage::source::folder::{Entry, Folder, Found, PathSet, Rules, Skip, Stability};

use crate::engine::plans::By;
use crate::engine::record::{Batch, Receipt};
use crate::engine::store::Tenant;

/// How often a file that changes while it is read is read again.
const READS_MAX: usize = 4;
/// Documents fetched from the catalogue at a time.
const PAGE: usize = 1024;

/// What to capture and where to.
pub struct FolderCapture {
    /// The directory.
    pub folder: PathBuf,
    /// Put before each path to make its key; ends in `/` or is empty.
    pub prefix: Vec<u8>,
    /// What to leave out and let in.
    pub rules: Rules,
    /// Record it also where no document would be left, or hardly any, see [`Tenant::capture_folder`].
    pub allow_empty: bool,
}

/// What a capture did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// The batch; `None` where nothing changed.
    pub receipt: Option<Receipt>,
    /// Documents that were not there before.
    pub added: u64,
    /// Documents with another content or other metadata.
    pub changed: u64,
    /// Documents whose file is gone.
    pub removed: u64,
    /// Documents that are as they were.
    pub unchanged: u64,
    /// Bytes read from files.
    pub bytes_read: u64,
    /// Bytes of contents that the tenant did not have.
    pub bytes_new: u64,
    /// What could not be captured and was kept as it was, with the reason.
    pub skipped: Vec<(String, String)>,
    /// Worth knowing, but nothing is missing: sockets, pipes, rules that are not understood.
    pub notes: Vec<(String, String)>,
}

/// The documents under a prefix with what capture saw of them, in order of key.
struct Known<'t> {
    tenant: &'t Tenant,
    prefix: Vec<u8>,
    after: Option<Vec<u8>>,
    page: std::vec::IntoIter<(DocumentRow, Option<Vec<u8>>)>,
    ended: bool,
    /// How many were given.
    given: u64,
}

impl<'t> Known<'t> {
    fn under(tenant: &'t Tenant, prefix: &[u8]) -> Self {
        Known { tenant, prefix: prefix.to_vec(), after: None, page: Vec::new().into_iter(), ended: false, given: 0 }
    }

    fn next(&mut self) -> Result<Option<(DocumentRow, Option<Vec<u8>>)>> {
        loop {
            if let Some(row) = self.page.find(|(d, _)| d.content.is_some()) {
                self.given += 1;
                return Ok(Some(row));
            }
            if self.ended {
                return Ok(None);
            }
            let tenant = self.tenant;
            let page = tenant.inner.catalog.read(|rows| rows.documents_seen(tenant.id, &self.prefix, self.after.as_deref(), PAGE))?;
            self.ended = page.len() < PAGE;
            self.after = page.last().map(|(d, _)| d.key.clone()).or(self.after.take());
            self.page = page.into_iter();
        }
    }
}

/// Bytes: files up to this size are read by other threads, ahead of what is recorded.
const AHEAD_FILE_BYTES_MAX: u64 = 128 << 10;
/// Steps of the walk that are handed to another thread together, and bytes of their files. With [`HANDED_MAX`] at most 8 MiB are read ahead.
const HANDED_STEPS: usize = 128;
/// Bytes: see [`HANDED_STEPS`].
const HANDED_BYTES: u64 = 1 << 20;
/// How many times [`HANDED_STEPS`] are out at a time.
const HANDED_MAX: usize = 6;
/// Threads that read ahead, where there are so many processors.
const THREADS_MAX: usize = 4;

/// What the walk found to do, in order of key.
enum Step {
    Gone(Vec<u8>),
    Read(Box<Wanted>),
}

/// Something to be read and recorded where it differs.
struct Wanted {
    key: Vec<u8>,
    entry: Entry,
    /// The document as it is recorded.
    known: Option<DocumentRow>,
    /// Before it was read.
    read_at: Timestamp,
    /// Where it was read ahead: its bytes, and the digest of a small one.
    whole: Option<(Vec<u8>, Option<Digest>)>,
}

impl Wanted {
    fn is_read_ahead(&self) -> bool {
        self.entry.kind == FileKind::File && self.entry.size <= AHEAD_FILE_BYTES_MAX
    }

    fn read_ahead(&mut self, folder: &Folder) {
        if self.is_read_ahead()
            && let Some(bytes) = folder.read_unchanged(&self.entry)
        {
            let digest = (bytes.len() <= limits::INLINE_BYTES_MAX).then(|| Digest::of(&bytes));
            self.whole = Some((bytes, digest));
        }
    }
}

fn read_ahead(folder: &Folder, steps: &mut [Step]) {
    for step in steps {
        if let Step::Read(wanted) = step {
            wanted.read_ahead(folder);
        }
    }
}

/// Steps for another thread, and where it gives them back.
type Handed = (Vec<Step>, SyncSender<Vec<Step>>);

/// Reads small files on other threads, and gives the steps back in their order. Threads start when there is enough for them.
struct Ahead<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    folder: &'env Folder,
    gathered: Vec<Step>,
    bytes: u64,
    hand: Option<SyncSender<Handed>>,
    out: VecDeque<Receiver<Vec<Step>>>,
}

impl<'scope, 'env> Ahead<'scope, 'env> {
    fn new(scope: &'scope Scope<'scope, 'env>, folder: &'env Folder) -> Self {
        Ahead { scope, folder, gathered: Vec::new(), bytes: 0, hand: None, out: VecDeque::new() }
    }

    /// Adds a step; gives earlier ones that are ready where enough are out.
    fn push(&mut self, step: Step) -> Vec<Step> {
        if let Step::Read(wanted) = &step
            && wanted.is_read_ahead()
        {
            self.bytes += wanted.entry.size;
        }
        self.gathered.push(step);
        if self.gathered.len() < HANDED_STEPS && self.bytes < HANDED_BYTES {
            return Vec::new();
        }
        let (give, out) = sync_channel(1);
        let mut handed = (std::mem::take(&mut self.gathered), give);
        self.bytes = 0;
        let (scope, folder) = (self.scope, self.folder);
        let hand = self.hand.get_or_insert_with(|| start_readers(scope, folder));
        if let Err(SendError(back)) = hand.send(handed) {
            // No thread is left to read it. The bytes are read where they are recorded.
            handed = back;
            drop(handed.1.send(handed.0));
        }
        self.out.push_back(out);
        if self.out.len() < HANDED_MAX { Vec::new() } else { self.next() }
    }

    /// The next steps, none at the end.
    fn next(&mut self) -> Vec<Step> {
        if let Some(out) = self.out.pop_front() {
            // A thread that panicked ends the capture when it is joined.
            return out.recv().unwrap_or_default();
        }
        let mut rest = std::mem::take(&mut self.gathered);
        read_ahead(self.folder, &mut rest);
        rest
    }
}

fn start_readers<'scope>(scope: &'scope Scope<'scope, '_>, folder: &'scope Folder) -> SyncSender<Handed> {
    let (hand, handed) = sync_channel::<Handed>(HANDED_MAX);
    let handed = Arc::new(Mutex::new(handed));
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX);
    for _ in 0..threads {
        let handed = Arc::clone(&handed);
        scope.spawn(move || {
            let next = || handed.lock().unwrap_or_else(|e| e.into_inner()).recv();
            while let Ok((mut steps, give)) = next() {
                read_ahead(folder, &mut steps);
                // Who does not wait for it any more has stopped.
                drop(give.send(steps));
            }
        });
    }
    hand
}

/// What reading a file gave.
enum ReadFile {
    Content(Digest, u64, Box<Entry>),
    Gone,
    Restless,
}

struct Work<'w> {
    tenant: &'w Tenant,
    folder: &'w Folder,
    batch: Batch,
    report: Captured,
    /// Fingerprints of files whose content turned out to be the same: saved also where nothing changed.
    seen: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Below these paths nothing may be taken for gone.
    unreadable: Vec<Vec<u8>>,
    prefix: &'w [u8],
}

impl Tenant {
    /// Makes the documents under a prefix equal to a directory, as one batch (none where nothing changed). `only` limits it to some paths.
    ///
    /// # Errors
    /// [`Kind::Refused`] where the folder is not there although documents of it are, and, unless [`FolderCapture::allow_empty`], where it would
    /// leave none of them or remove more than [`limits::CAPTURE_REMOVED_PERCENT_MAX`]: so it looks when a disk is not mounted. [`Kind::Missing`]
    /// where there is no such folder and never was.
    pub fn capture_folder(&self, what: &FolderCapture, only: Option<&PathSet>, by: &By, monitor: &dyn Monitor) -> Result<Captured> {
        if !what.prefix.is_empty() && !what.prefix.ends_with(b"/") {
            return Err(Error::usage("prefix.slash", format!("the prefix {} does not end in /", show_key(&what.prefix)))
                .hint(format!("use --prefix {}/", show_key(&what.prefix))));
        }
        let folder = self.open_folder(what)?;
        let reason = if by.reason.is_empty() { format!("capture of {}", what.folder.display()) } else { by.reason.clone() };
        let mut work = Work {
            tenant: self,
            folder: &folder,
            batch: self.batch(&reason).actor(&by.actor).origin(&by.origin),
            report: Captured::default(),
            seen: Vec::new(),
            unreadable: Vec::new(),
            prefix: &what.prefix,
        };
        let known = work.walk(what, only, monitor)?;
        if !what.allow_empty {
            work.check_removals(what, known)?;
        }
        work.finish()
    }

    /// Opens the folder. Where it is missing although its documents are not, that is more than a wrong path.
    pub(crate) fn open_folder(&self, what: &FolderCapture) -> Result<Folder> {
        match Folder::open(&what.folder) {
            Err(e) if e.code() == MISSING && Known::under(self, &what.prefix).next()?.is_some() => {
                let text = format!("the folder {} is not there, and {} has documents of it", what.folder.display(), shown(&what.prefix));
                Err(Error::new(Kind::Refused, MISSING, text)
                    .hint("is the disk mounted? nothing was recorded; if the folder is gone for good, make an empty one and add --allow-empty"))
            }
            other => other,
        }
    }
}

/// Code of the error where a folder is missing.
pub(crate) const MISSING: &str = "source.missing";
/// Code of the refusal to remove every document.
pub(crate) const EMPTY: &str = "capture.empty";
/// Code of the refusal to remove most documents.
pub(crate) const MOST_REMOVED: &str = "capture.most_removed";

fn shown(prefix: &[u8]) -> String {
    if prefix.is_empty() { "the store".to_owned() } else { show_key(prefix) }
}

impl Work<'_> {
    /// Collects what is to be recorded; gives how many documents there were.
    fn walk(&mut self, what: &FolderCapture, only: Option<&PathSet>, monitor: &dyn Monitor) -> Result<u64> {
        let folder = self.folder;
        std::thread::scope(|scope| self.walk_ahead(what, only, monitor, Ahead::new(scope, folder)))
    }

    fn walk_ahead(&mut self, what: &FolderCapture, only: Option<&PathSet>, monitor: &dyn Monitor, mut ahead: Ahead<'_, '_>) -> Result<u64> {
        let mut known = Known::under(self.tenant, &what.prefix);
        let mut next = known.next()?;
        let scan = match only {
            Some(only) => self.folder.scan_only(only, &what.rules, monitor)?,
            None => self.folder.scan(&what.rules, monitor)?,
        };
        let in_scope = |prefix: &[u8], key: &[u8]| only.is_none_or(|set| set.covers(&key[prefix.len()..]));
        let mut items = 0;
        for found in scan {
            let entry = match found? {
                Found::Entry(entry) => entry,
                Found::Skipped(skipped) => {
                    let told = (show_key(&skipped.path), skipped.reason);
                    if skipped.skip == Skip::Unreadable {
                        self.unreadable.push(skipped.path);
                        self.report.skipped.push(told);
                    } else {
                        self.report.notes.push(told);
                    }
                    continue;
                }
            };
            let key = [self.prefix, &entry.path[..]].concat();
            while let Some((document, _)) = &next
                && document.key < key
            {
                if in_scope(self.prefix, &document.key) {
                    let gone = Step::Gone(document.key.clone());
                    self.take_steps(ahead.push(gone))?;
                }
                next = known.next()?;
            }
            let mut document = None;
            if next.as_ref().is_some_and(|(document, _)| document.key == key) {
                let (found, seen) = next.take().unzip();
                next = known.next()?;
                document = found;
                if seen.flatten().is_some_and(|bytes| *bytes == entry.fingerprint().to_bytes()[..]) {
                    self.report.unchanged += 1;
                    items += 1;
                    self.tell(items, monitor);
                    continue;
                }
            }
            let read_at = self.tenant.inner.clock().now();
            let wanted = Wanted { key, entry, known: document, read_at, whole: None };
            self.take_steps(ahead.push(Step::Read(Box::new(wanted))))?;
            items += 1;
            self.tell(items, monitor);
        }
        while let Some((document, _)) = next {
            if in_scope(self.prefix, &document.key) {
                self.take_steps(ahead.push(Step::Gone(document.key)))?;
            }
            next = known.next()?;
        }
        loop {
            let steps = ahead.next();
            if steps.is_empty() {
                return Ok(known.given);
            }
            self.take_steps(steps)?;
        }
    }

    fn tell(&self, items: u64, monitor: &dyn Monitor) {
        if items.is_multiple_of(256) {
            monitor.progress(&Progress { phase: "reading", items, bytes: self.report.bytes_read, ..Progress::default() });
        }
    }

    fn take_steps(&mut self, steps: Vec<Step>) -> Result<()> {
        for step in steps {
            match step {
                Step::Gone(key) => self.gone(&key)?,
                Step::Read(wanted) => {
                    let is_known = wanted.known.is_some();
                    match self.take(*wanted)? {
                        true if is_known => self.report.changed += 1,
                        true => self.report.added += 1,
                        false if is_known => self.report.unchanged += 1,
                        false => {}
                    }
                }
            }
        }
        Ok(())
    }

    fn check_removals(&self, what: &FolderCapture, known: u64) -> Result<()> {
        let removed = self.report.removed;
        let (folder, prefix) = (what.folder.display(), shown(&what.prefix));
        let (code, text) = if removed > 0 && removed == known && self.report.added == 0 {
            (EMPTY, format!("nothing of {prefix} is left in {folder}: the capture would remove every document, {removed} in all"))
        } else if known >= limits::CAPTURE_GUARDED_FROM && removed * 100 > known * limits::CAPTURE_REMOVED_PERCENT_MAX {
            (MOST_REMOVED, format!("most of {prefix} is not in {folder} any more: the capture would remove {removed} of {known} documents"))
        } else {
            return Ok(());
        };
        let hint = "is the disk mounted and the path right? nothing was recorded; --allow-empty records it all the same";
        Err(Error::new(Kind::Refused, code, text).hint(hint))
    }

    fn gone(&mut self, key: &[u8]) -> Result<()> {
        let path = &key[self.prefix.len()..];
        let hidden = self.unreadable.iter().any(|u| path == &u[..] || u.ends_with(b"/") && path.starts_with(u) || u.is_empty());
        if hidden {
            self.report.unchanged += 1;
            return Ok(());
        }
        self.batch.remove(key)?;
        self.batch.note_seen(key.to_vec(), None);
        self.report.removed += 1;
        Ok(())
    }

    /// Reads what is there and adds it to the batch where it differs from what is recorded.
    fn take(&mut self, wanted: Wanted) -> Result<bool> {
        let Wanted { key, entry, known, read_at, whole } = wanted;
        let (key, entry) = (&key[..], &entry);
        if let Err(e) = check_key(key) {
            self.report.skipped.push((show_key(key), e.to_string()));
            return Ok(false);
        }
        let current = match known.as_ref().and_then(|d| d.content) {
            Some(content) => {
                let id = known.as_ref().map_or(0, |d| d.id);
                let meta = self.tenant.inner.catalog.read(|rows| rows.version_at(id, i64::MAX))?.map(|v| v.meta);
                Some((self.tenant.inner.catalog.read(|rows| rows.content_digest(content))?.0, meta.unwrap_or_default()))
            }
            None => None,
        };
        let (digest, size, entry) = match entry.kind {
            FileKind::Link => (self.put(key, &mut &entry.target[..], entry)?, entry.target.len() as u64, entry.clone()),
            FileKind::Directory => (self.put(key, &mut &b""[..], entry)?, 0, entry.clone()),
            FileKind::File => match self.read_file(key, entry, whole)? {
                ReadFile::Content(digest, size, entry) => (digest, size, *entry),
                ReadFile::Gone => {
                    if known.is_some() {
                        self.gone(key)?;
                    }
                    return Ok(false);
                }
                ReadFile::Restless => return Ok(false),
            },
        };
        self.report.bytes_read += size;
        let fingerprint = entry.fingerprint();
        let trusted = (!fingerprint.is_racy(read_at)).then(|| fingerprint.to_bytes());
        if current.is_some_and(|(known, meta)| known == digest && meta == meta_of(&entry)) {
            self.batch.forget(key);
            self.seen.push((key.to_vec(), trusted));
            return Ok(false);
        }
        self.batch.note_seen(key.to_vec(), trusted);
        Ok(true)
    }

    fn put(&mut self, key: &[u8], reader: &mut dyn Read, entry: &Entry) -> Result<Digest> {
        Ok(self.batch.put_sized(key, reader, Some(entry.size), meta_of(entry))?.0)
    }

    fn read_file(&mut self, key: &[u8], entry: &Entry, whole: Option<(Vec<u8>, Option<Digest>)>) -> Result<ReadFile> {
        let Some((bytes, digest)) = whole else { return self.read_stable(key, entry) };
        let digest = self.batch.put_whole(key, bytes, digest, meta_of(entry))?;
        Ok(ReadFile::Content(digest, entry.size, Box::new(entry.clone())))
    }

    /// Reads a file until what was read is one state of it.
    fn read_stable(&mut self, key: &[u8], entry: &Entry) -> Result<ReadFile> {
        for _ in 0..READS_MAX {
            let mut file = match self.folder.read(entry) {
                Ok(file) => file,
                Err(e) if e.kind() == Kind::Missing => return Ok(ReadFile::Gone),
                Err(e) if e.kind() == Kind::Space => return Err(e),
                Err(e) => {
                    self.report.skipped.push((show_key(&entry.path), e.to_string()));
                    return Ok(ReadFile::Restless);
                }
            };
            let now = file.entry().clone();
            let digest = match self.put(key, &mut file, &now) {
                Ok(digest) => digest,
                Err(e) if e.kind() == Kind::Space => return Err(e),
                Err(e) => {
                    self.batch.forget(key);
                    self.report.skipped.push((show_key(&entry.path), e.to_string()));
                    return Ok(ReadFile::Restless);
                }
            };
            match file.finish()? {
                Stability::Unchanged => return Ok(ReadFile::Content(digest, now.size, Box::new(now))),
                Stability::Changed(_) => {}
                Stability::Gone => {
                    self.batch.forget(key);
                    return Ok(ReadFile::Gone);
                }
            }
        }
        self.batch.forget(key);
        let reason = format!("it changed during each of {READS_MAX} readings; its last recorded version is kept");
        self.report.skipped.push((show_key(&entry.path), reason));
        Ok(ReadFile::Restless)
    }

    fn finish(mut self) -> Result<Captured> {
        if self.batch.is_empty() {
            if !self.seen.is_empty() {
                let tenant = self.tenant;
                tenant.inner.catalog.write(|w| {
                    self.seen.iter().try_for_each(|(key, fingerprint)| match fingerprint {
                        Some(bytes) => w.set_seen(tenant.id, key, bytes),
                        None => w.clear_seen(tenant.id, key),
                    })
                })?;
            }
            return Ok(self.report);
        }
        for (key, fingerprint) in self.seen {
            self.batch.note_seen(key, fingerprint);
        }
        let receipt = self.batch.commit()?;
        self.report.bytes_new = receipt.bytes_new;
        self.report.receipt = Some(receipt);
        Ok(self.report)
    }
}

fn meta_of(entry: &Entry) -> Meta {
    let mtime_ns = (entry.kind != FileKind::Directory).then_some(entry.mtime_ns);
    let mode = (entry.kind != FileKind::Link).then_some(entry.mode);
    Meta { kind: entry.kind, mode, mtime_ns, ..Meta::default() }
}
