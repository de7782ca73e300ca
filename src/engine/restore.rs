//! Restoring: removed documents as current again, and documents as files outside the store.

use std::num::NonZero;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::base::digest::Digest;
use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::fault;
use crate::base::limits;
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::model::change::FileKind;
use crate::model::key::show_key;
use crate::model::moment::Moment;
use crate::model::plan::{Action, Item, Plan, Purpose};
use crate::storage::catalog::{self, documents::Standing};
use crate::storage::tree::{self, Place, TreeWriter, Written, WrittenFile};

use super::content::{ContentReader, ERASED, FORGOTTEN};
use super::history::{Version, View, no_document};
use super::store::Tenant;

/// Documents that could not be restored and are named in a report; further ones are counted.
const REFUSED_NAMED_MAX: usize = 10_000;

/// Documents that are read before they are written. With [`READ_AHEAD_BYTES_MAX`] at most 16 MiB.
const READ_AHEAD: usize = 128;
/// Documents fetched from the catalogue at a time.
const PAGE: usize = 256;
/// Small files from which on threads write them.
const WRITERS_FROM: u64 = 64;
/// Threads that write small files, with the one that hands them out.
const WRITERS_MAX: usize = 4;
/// Small files that wait for a writer. With [`READ_AHEAD_BYTES_MAX`] at most 8 MiB.
const WRITE_BEHIND: usize = 64;
/// Bytes: larger documents are read chunk by chunk while they are written.
const READ_AHEAD_BYTES_MAX: u64 = 128 << 10;

/// What a text that names documents means: `case/1` is a document if there ever was one, otherwise all below `case/1/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One document.
    Document(Vec<u8>),
    /// All documents below; ends in `/`, or is empty for everything.
    Prefix(Vec<u8>),
}

/// What was restored into a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// The last batch that it includes.
    pub seq: u64,
    /// What was written.
    pub written: Written,
    /// Documents that were not: the key and why. At most ten thousand are named.
    pub refused: Vec<(Vec<u8>, Refusal)>,
    /// How many documents were not restored.
    pub refused_count: u64,
}

/// Why one document was not restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code of the error: `restore.path` where the key cannot be a path.
    pub code: &'static str,
    /// The reason in words.
    pub message: String,
}

impl Tenant {
    /// What `key` names; an empty one is everything.
    pub fn scope(&self, key: &[u8]) -> Result<Scope> {
        if key.is_empty() || key.ends_with(b"/") {
            return Ok(Scope::Prefix(key.to_vec()));
        }
        self.inner.catalog.read(|rows| {
            if rows.document(self.id, key)?.is_some() {
                return Ok(Scope::Document(key.to_vec()));
            }
            let below = [key, b"/"].concat();
            match rows.documents(self.id, &below, None, 1)?.is_empty() {
                false => Ok(Scope::Prefix(below)),
                true => Err(no_document(rows, self.id, key)?),
            }
        })
    }

    /// Plans to bring back all removed documents under `prefix`, each as the version that was its last.
    ///
    /// # Errors
    /// [`Kind::Missing`] where there never was a document under the prefix.
    pub fn restore_removed(&self, prefix: impl AsRef<[u8]>) -> Result<Plan> {
        let prefix = prefix.as_ref();
        let position = self.position()?;
        let purpose = Purpose::Restore { prefix: show_key(prefix), at_seq: position.seq };
        let mut plan = Plan::new(self.name(), purpose, &position);
        for version in self.at(&Moment::Seq(position.seq))?.list_removed(prefix) {
            let version = version?;
            let ended = version.until.as_ref().map_or(0, |e| e.seq);
            plan.items.push(Item {
                key: show_key(&version.key),
                action: if version.forgotten.is_some() { Action::Lost } else { Action::Put },
                current: 0,
                version: version.number,
                undone: 0,
                size: version.size,
                conflicts: Vec::new(),
                choice: None,
            });
            self.inner.catalog.read(|rows| {
                let Some(document) = rows.document(self.id, &version.key)? else { return Ok(()) };
                for r in rows.references_of(document.id)? {
                    plan.touch(&version.key, &r.reference, crate::storage::catalog::number(r.batch) >= ended);
                }
                Ok(())
            })?;
        }
        if plan.items.is_empty() && !self.has_ever(prefix)? {
            return Err(self.inner.catalog.read(|rows| no_document(rows, self.id, prefix))?);
        }
        Ok(plan)
    }

    /// Writes one version to a file that must not exist (or is replaced where `replace` is set): bytes, mode and time of a file, the target of
    /// a link. Returns the bytes written.
    pub fn restore_file(&self, version: &Version, target: &Path, replace: bool) -> Result<u64> {
        match version.meta.kind {
            FileKind::File => {}
            FileKind::Link | FileKind::Directory => {
                let what = if version.meta.kind == FileKind::Link { "a symbolic link" } else { "a directory" };
                return Err(Error::usage("restore.kind", format!("{what} is not restored into a file: {}", show_key(&version.key)))
                    .hint("restore the folder that it is in: annals restore PREFIX/ --into DIR")
                    .at_key(&version.key));
            }
        }
        let mut reader = self.open(version)?;
        let mut file = tree::write_single(target, &version.meta, replace)?;
        loop {
            let run = reader.next_run()?;
            if run.is_empty() {
                return file.finish(version.digest);
            }
            file.append(run)?;
        }
    }

    /// Writes one version into a directory, which is made where it is missing, under the last part of its key. Returns the file's path.
    pub fn restore_file_into(&self, version: &Version, dir: &Path, replace: bool) -> Result<std::path::PathBuf> {
        let name = version.key.rsplit(|b| *b == b'/').find(|part| !part.is_empty()).unwrap_or_default();
        if matches!(name, b"" | b"." | b"..") {
            return Err(Error::usage("restore.path", format!("the key does not end in a name for a file: {}", show_key(&version.key)))
                .hint("name the file yourself with --out FILE")
                .at_key(&version.key));
        }
        disk::create_dirs(dir)?;
        let target = dir.join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name));
        self.restore_file(version, &target, replace)?;
        Ok(target)
    }
}

impl View {
    /// Writes the documents under `prefix` (empty, or ending in `/`) as they were at this moment into a directory, which must be absent or
    /// empty: contents, links, modes and times; the prefix itself is not repeated. Small documents are read ahead, large ones chunk by chunk.
    ///
    /// The tree is at `target` when this returns `Ok`, and nothing is there otherwise. A document whose key cannot be a path, or whose bytes
    /// are damaged or forgotten, is left out and named in the report.
    ///
    /// # Errors
    /// [`Kind::Missing`] where nothing existed under the prefix.
    pub fn restore_tree(&self, prefix: &[u8], target: &Path, monitor: &dyn Monitor) -> Result<Restored> {
        let seq = self.seq()?;
        let mut standing = StandingPages::new(self.tenant.clone(), prefix, seq).peekable();
        if standing.peek().is_none() {
            return Err(Error::missing("document.missing", format!("nothing existed under {} at that moment", shown_prefix(prefix)))
                .hint(format!("annals ls {} shows what is there now, annals log lists the batches", show_key(prefix))));
        }
        let mut tree = TreeWriter::begin(target)?;
        let mut work =
            Restoring { report: Restored { seq, ..Restored::default() }, progress: Progress { phase: "restoring", ..Progress::default() } };
        thread::scope(|scope| -> Result<()> {
            let (sender, ahead) = sync_channel(READ_AHEAD);
            let tenant = &self.tenant;
            // Ends when it has read everything, or at its next document after the receiver is gone.
            scope.spawn(move || standing.map(|document| tenant.read_ahead(document?)).all(|next| sender.send(next).is_ok()));
            let mut writers = Writers::new(scope);
            for next in ahead {
                check_stop(monitor)?;
                let (document, bytes) = next?;
                let done = self.restore_one(&mut tree, &mut writers, &document, bytes, prefix.len(), monitor, &mut work.progress);
                work.note(document.key, done)?;
                for (key, done) in writers.done() {
                    work.note(key, done.map(|file| tree.count(file)))?;
                }
                work.progress.items += 1;
                monitor.progress(&work.progress);
            }
            for (key, done) in writers.finish()? {
                work.note(key, done.map(|file| tree.count(file)))?;
            }
            Ok(())
        })?;
        let mut report = work.report;
        report.refused.sort_by(|a, b| a.0.cmp(&b.0));
        report.written = tree.commit()?;
        Ok(report)
    }

    #[expect(clippy::too_many_arguments, reason = "the loop above owns all of it")]
    fn restore_one(
        &self,
        tree: &mut TreeWriter,
        writers: &mut Writers<'_, '_>,
        document: &Standing,
        bytes: Option<Result<Vec<u8>>>,
        from: usize,
        monitor: &dyn Monitor,
        progress: &mut Progress,
    ) -> Result<()> {
        let path = &document.key[from..];
        let content = &document.content;
        let chunks = &self.tenant.inner.chunks;
        match document.meta.kind {
            // The top directory is the target itself.
            FileKind::Directory if path.is_empty() => Ok(()),
            FileKind::Directory => tree.directory(path, &document.meta),
            FileKind::Link => {
                let link = ContentReader::open(chunks, content)?.bytes(limits::META_BYTES_MAX)?;
                tree.link(path, &link, &document.meta)
            }
            FileKind::File => {
                if let Some(bytes) = bytes {
                    let bytes = bytes?;
                    progress.bytes += bytes.len() as u64;
                    let place = tree.place(path, &document.meta)?;
                    return match writers.write(WholeFile { key: document.key.clone(), place, bytes, digest: content.digest }) {
                        Some(done) => done.map(|file| tree.count(file)),
                        None => Ok(()),
                    };
                }
                let mut reader = ContentReader::open_unproven(chunks, content)?;
                let mut file = tree.file(path, &document.meta)?;
                loop {
                    let run = reader.next_run()?;
                    if run.is_empty() {
                        return file.finish(content.digest);
                    }
                    file.append(run)?;
                    progress.bytes += run.len() as u64;
                    monitor.progress(progress);
                    check_stop(monitor)?;
                }
            }
        }
    }
}

/// What became of a restore so far.
struct Restoring {
    report: Restored,
    progress: Progress,
}

impl Restoring {
    /// Notes a document that cannot be restored by itself; every other error ends the restore.
    fn note(&mut self, key: Vec<u8>, done: Result<()>) -> Result<()> {
        let Err(e) = done else { return Ok(()) };
        if !matches!(e.code(), "restore.path" | "restore.content" | "format.damaged" | FORGOTTEN | ERASED) {
            return Err(e);
        }
        self.report.refused_count += 1;
        if self.report.refused.len() < REFUSED_NAMED_MAX {
            self.report.refused.push((key, Refusal { code: e.code(), message: e.to_string() }));
        }
        Ok(())
    }
}

/// A small file with its place in the tree.
struct WholeFile {
    key: Vec<u8>,
    place: Place,
    bytes: Vec<u8>,
    digest: Digest,
}

impl WholeFile {
    fn write(self) -> FileDone {
        (self.key, self.place.write(&self.bytes, self.digest))
    }
}

type FileDone = (Vec<u8>, Result<WrittenFile>);

/// Threads that write small files: making a file takes far longer than finding its bytes. They start when there are many.
struct Writers<'scope, 'env> {
    scope: &'scope thread::Scope<'scope, 'env>,
    files: u64,
    give: Option<SyncSender<WholeFile>>,
    done: Option<Receiver<FileDone>>,
    out: usize,
}

impl<'scope, 'env> Writers<'scope, 'env> {
    fn new(scope: &'scope thread::Scope<'scope, 'env>) -> Self {
        Writers { scope, files: 0, give: None, done: None, out: 0 }
    }

    /// Gives the file to a thread, or writes it here where there are none or all are busy; then what came of it.
    fn write(&mut self, file: WholeFile) -> Option<Result<WrittenFile>> {
        self.files += 1;
        if self.files < WRITERS_FROM {
            return Some(file.write().1);
        }
        if self.give.is_none() {
            let (give, given) = sync_channel::<WholeFile>(WRITE_BEHIND);
            let given = Arc::new(Mutex::new(given));
            let (tell, done) = channel();
            let threads = thread::available_parallelism().map_or(1, NonZero::get).min(WRITERS_MAX) - 1;
            for _ in 0..threads {
                let (given, tell) = (Arc::clone(&given), tell.clone());
                self.scope.spawn(fault::carry(move || {
                    let next = || given.lock().unwrap_or_else(|e| e.into_inner()).recv();
                    while let Ok(file) = next() {
                        if tell.send(file.write()).is_err() {
                            break;
                        }
                    }
                }));
            }
            (self.give, self.done) = (Some(give), Some(done));
        }
        let Some(give) = &self.give else { return Some(file.write().1) };
        match give.try_send(file) {
            Err(TrySendError::Full(file) | TrySendError::Disconnected(file)) => Some(file.write().1),
            Ok(()) => {
                self.out += 1;
                None
            }
        }
    }

    /// The files that were written meanwhile.
    fn done(&mut self) -> Vec<FileDone> {
        let done: Vec<FileDone> = self.done.iter().flat_map(Receiver::try_iter).collect();
        self.out -= done.len();
        done
    }

    /// Waits for all files.
    fn finish(mut self) -> Result<Vec<FileDone>> {
        self.give = None;
        let done: Vec<FileDone> = self.done.iter().flatten().collect();
        match done.len() == self.out {
            true => Ok(done),
            false => Err(Error::new(Kind::Failed, "restore.panicked", "a thread that writes files panicked").hint("nothing was restored; try again")),
        }
    }
}

/// The documents under a prefix as they were after a batch, in order of key, without holding the catalogue.
struct StandingPages {
    tenant: Tenant,
    prefix: Vec<u8>,
    last: i64,
    after: Option<Vec<u8>>,
    page: std::vec::IntoIter<Standing>,
    ended: bool,
}

impl StandingPages {
    fn new(tenant: Tenant, prefix: &[u8], seq: u64) -> Self {
        let last = catalog::id(tenant.id, seq);
        StandingPages { tenant, prefix: prefix.to_vec(), last, after: None, page: Vec::new().into_iter(), ended: false }
    }
}

impl Iterator for StandingPages {
    type Item = Result<Standing>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.len() == 0 && !self.ended {
            let tenant = &self.tenant;
            let page = tenant.inner.catalog.read(|rows| rows.standing(tenant.id, &self.prefix, self.after.as_deref(), self.last, PAGE));
            match page {
                Ok(page) => {
                    self.ended = page.len() < PAGE;
                    self.after = page.last().map(|d| d.key.clone()).or(self.after.take());
                    self.page = page.into_iter();
                }
                Err(e) => {
                    self.ended = true;
                    return Some(Err(e));
                }
            }
        }
        self.page.next().map(Ok)
    }
}

impl Tenant {
    /// The bytes of a small file, which the writer of the tree proves, while the one before it is written. Damage is its own affair.
    fn read_ahead(&self, document: Standing) -> Result<(Standing, Option<Result<Vec<u8>>>)> {
        let size = document.content.size;
        if document.meta.kind != FileKind::File || size > READ_AHEAD_BYTES_MAX {
            return Ok((document, None));
        }
        let bytes = ContentReader::open_unproven(&self.inner.chunks, &document.content).and_then(|r| r.bytes(READ_AHEAD_BYTES_MAX as usize));
        Ok((document, Some(bytes)))
    }
}

fn shown_prefix(prefix: &[u8]) -> String {
    if prefix.is_empty() { "the whole store".into() } else { show_key(prefix) }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::base::error::Kind;
    use crate::base::monitor::Silent;
    use crate::engine::store::Store;
    use crate::model::change::Meta;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().expect("dir");
        let store = Store::init(dir.path().join("s"), "t").expect("init");
        (dir, store)
    }

    #[test]
    fn a_tree_as_it_was_without_what_cannot_be_a_path() {
        let (dir, store) = store();
        let mut batch = store.batch("");
        batch.put_with("p/a/f", &mut &b"one"[..], Meta { mode: Some(0o640), ..Meta::default() }).expect("put");
        batch.put_with("p/l", &mut &b"a/f"[..], Meta { kind: FileKind::Link, ..Meta::default() }).expect("put");
        batch.put_with("p/e/", &mut &b""[..], Meta { kind: FileKind::Directory, ..Meta::default() }).expect("put");
        batch.put("p/a/../x", &mut &b"no path"[..]).expect("put");
        batch.put("other", &mut &b"x"[..]).expect("put");
        let seq = batch.commit().expect("commit").position.seq;
        store.put("p/a/f", &b"two"[..]).expect("put");
        let target = dir.path().join("out");
        let report = store.at(&Moment::Seq(seq)).expect("at").restore_tree(b"p/", &target, &Silent).expect("restore");
        assert_eq!((report.written.files, report.written.links, report.written.directories, report.refused_count), (1, 1, 1, 1));
        assert_eq!((report.refused[0].0.as_slice(), report.refused[0].1.code), (&b"p/a/../x"[..], "restore.path"));
        assert_eq!(std::fs::read(target.join("l")).expect("through the link"), b"one");
        assert_eq!(store.now().restore_tree(b"q/", &dir.path().join("none"), &Silent).expect_err("nothing").kind(), Kind::Missing);
        assert!(!dir.path().join("none").exists());
        let late = store.at(&Moment::Seq(0)).expect("empty").restore_tree(b"", &dir.path().join("none"), &Silent);
        assert_eq!(late.expect_err("nothing yet").kind(), Kind::Missing);
    }

    struct StopAfter(AtomicU64);

    impl Monitor for StopAfter {
        fn progress(&self, _: &Progress) {}
        fn note(&self, _: &str) {}
        fn stopped(&self) -> bool {
            self.0.fetch_sub(1, Ordering::Relaxed) == 0
        }
    }

    #[test]
    fn stopped_anywhere_it_leaves_nothing() {
        let (dir, store) = store();
        for key in ["a", "b/c", "d", "e", "f", "g"] {
            store.put(key, &vec![7u8; 100_000][..]).expect("put");
        }
        let target = dir.path().join("out");
        for n in 0..100 {
            match store.now().restore_tree(b"", &target, &StopAfter(AtomicU64::new(n))) {
                Ok(_) => return assert!(n >= 4 && target.join("b/c").exists(), "{n} looks"),
                Err(e) => assert_eq!((e.kind(), target.exists(), dir.path().read_dir().expect("dir").count()), (Kind::Interrupted, false, 1)),
            }
        }
        panic!("it never ended");
    }

    #[test]
    fn scopes_and_removed_documents_that_come_back() {
        let (_dir, store) = store();
        for key in ["case/1", "case/10", "case/2/a"] {
            store.put(key, &b"x"[..]).expect("put");
        }
        let scope = |key: &str| store.scope(key.as_bytes());
        assert_eq!(scope("case/1").expect("document"), Scope::Document(b"case/1".to_vec()));
        assert_eq!(scope("case/2").expect("prefix"), Scope::Prefix(b"case/2/".to_vec()));
        assert_eq!(scope("").expect("all"), Scope::Prefix(Vec::new()));
        assert_eq!(scope("case/3").expect_err("neither").kind(), Kind::Missing);
        store.remove("case/1").expect("remove");
        store.remove("case/2/a").expect("remove");
        let plan = store.restore_removed(b"case/").expect("plan");
        assert_eq!(plan.items.iter().map(|i| i.key.as_str()).collect::<Vec<_>>(), ["case/1", "case/2/a"]);
        store.apply(&plan, Default::default(), &Default::default()).expect("apply");
        assert!(store.restore_removed(b"case/").expect("again").items.is_empty());
        assert_eq!(store.restore_removed(b"none/").expect_err("never").kind(), Kind::Missing);
    }
}
