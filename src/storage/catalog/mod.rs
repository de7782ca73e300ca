//! The catalogue: the log's records as rows, and everything that answers "versions of X" or "state at T" fast. The door to `rusqlite`.
//!
//! One connection writes, a small pool reads. A transaction of the writer is the commit point of a batch: either all rows of it are there
//! or none. `WAL` with `synchronous=FULL`, because `NORMAL` may lose the last commits when the power goes.

pub mod tenants;
pub mod contents;
pub mod documents;
pub mod batches;
pub mod drafts;
pub mod segments;
pub mod keeping;
pub mod subjects;
pub mod lines;
pub mod cursors;
pub mod jobs;
pub mod ledger;
pub mod summary;
mod firsts;
mod folding;
mod wal;

use std::cell::{Cell, RefCell, RefMut};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use parking_lot::FairMutex;
use rusqlite::config::DbConfig;
use rusqlite::{CachedStatement, Connection, OpenFlags, OptionalExtension, TransactionBehavior};

use crate::base::error::{Error, Kind, Result};
use crate::base::fault;
use crate::format::version;

use folding::Folding;

/// Bits of an id that number within the tenant.
const NUMBER_BITS: u32 = 40;
/// Readers kept open for reuse. More may exist while more threads read.
const READERS_KEPT: usize = 8;
/// Negative KiB of page cache, at most: of the writer, and of each reader. The inner pages of a million documents fit into a reader's, so that a
/// row costs one page from the disk or none.
const CACHE_KIB: (i32, i32) = (-32 * 1024, -12 * 1024);
/// Readers that keep their pages while nobody reads: with the writer's that is at most 56 MiB.
const READERS_WARM: usize = 2;
/// Rows of one transaction from which on the writer gives its pages back after it: most of them belong to what is written once.
const WRITER_SHRINKS_FROM: u64 = 10_000;

/// Fact: the write-ahead log was found damaged, and the newest changes were dropped.
pub const LOG_CUT: &str = "catalog_log_cut";
/// What to do when the catalogue cannot be used.
const LOST_HINT: &str = "move the store's folder aside and run annals rebuild from a remote; nothing there is lost";

/// Tables and indexes that stores made by earlier programs of this format lack.
const ADDED: &str = include_str!("added.sql");

fn lost(what: String) -> Error {
    Error::new(Kind::Failed, "catalog.damaged", what).hint(LOST_HINT)
}

/// Turns an error of SQLite into ours.
pub(crate) fn sql(e: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode;
    let code = e.sqlite_error_code();
    let fail = |kind, code, message: String, hint: &str| Error::new(kind, code, message).hint(hint);
    // The index of the write-ahead log is a file of 32 KiB that is made anew for each opening.
    let no_index = e.sqlite_error().is_some_and(|e| e.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE);
    match code {
        _ if no_index => fail(
            Kind::Space,
            "disk.full",
            "no space left for the catalogue: it cannot even be read".into(),
            "free 64 kB or more on the disk of the store, and run the same command again; nothing is lost",
        ),
        Some(ErrorCode::DiskFull) => fail(
            Kind::Space,
            "disk.full",
            "no space left for the catalogue".into(),
            "free some space and run the same command again; nothing was half-written",
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            fail(Kind::Locked, "store.locked", "another process holds the catalogue".into(), "wait for it to end, or stop it")
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            fail(Kind::Failed, "catalog.damaged", format!("the catalogue is damaged: {e}"), LOST_HINT)
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            fail(Kind::Denied, "disk.denied", format!("the catalogue cannot be opened for writing: {e}"), "check who owns the store's folder")
        }
        _ => fail(
            Kind::Failed,
            "catalog.failed",
            format!("the catalogue failed: {e}"),
            "annals verify --full tells what is damaged; a damaged catalogue is rebuilt with annals rebuild",
        )
        .caused_by(e),
    }
}

/// The id of number `number` within `tenant`.
pub fn id(tenant: i64, number: u64) -> i64 {
    tenant << NUMBER_BITS | number as i64
}

/// The number within its tenant.
pub fn number(id: i64) -> u64 {
    (id & ((1 << NUMBER_BITS) - 1)) as u64
}

/// The tenant of an id.
pub fn tenant_of(id: i64) -> i64 {
    id >> NUMBER_BITS
}

/// The open catalogue of one store.
pub struct Catalog {
    path: PathBuf,
    /// Ended before the connections are closed.
    folding: Folding,
    /// Closed before the writer: the last connection folds the write-ahead log into the file, and a reader cannot.
    readers: Mutex<Vec<Connection>>,
    /// In turn: who writes again and again does not keep others waiting for more than one transaction.
    writer: Arc<FairMutex<Connection>>,
    packs: contents::Packs,
    /// How many transactions were committed since it was opened, and the bell that rings for each.
    commits: (Mutex<u64>, Condvar),
}

/// A view of the catalogue that does not change while it is held. All queries live on it; inside [`Catalog::write`] they see what the
/// transaction wrote.
pub struct View<'c> {
    pub(crate) sql: &'c Connection,
    packs: &'c contents::Packs,
    /// The age of the packs that this view may share with others, see [`contents::Packs`].
    packs_age: u64,
}

/// The right to change rows, inside one transaction.
pub struct Writer<'c> {
    view: View<'c>,
    packing: RefCell<contents::Packing>,
    /// Packs were written anew in this transaction.
    repacked: Cell<bool>,
    scope: RefCell<subjects::Scope>,
    hot: Hot<'c>,
    /// Of documents by key, and of contents by digest.
    firsts: (firsts::Firsts, firsts::Firsts),
    /// How many puts and removals were added.
    versions: Cell<u64>,
    /// Bytes of the contents that were added, plain.
    content_bytes: Cell<u64>,
}

/// A statement that is looked up once for a whole transaction.
type Slot<'c> = RefCell<Option<CachedStatement<'c>>>;

/// The statements that each put runs. Looking them up by their text for every change would cost as much as some of them do.
#[derive(Default)]
struct Hot<'c> {
    document: Slot<'c>,
    content: Slot<'c>,
    add_content: Slot<'c>,
    add_document: Slot<'c>,
    add_version: Slot<'c>,
    move_document: Slot<'c>,
}

impl<'c> std::ops::Deref for Writer<'c> {
    type Target = View<'c>;

    fn deref(&self) -> &View<'c> {
        &self.view
    }
}

impl Catalog {
    /// Makes the catalogue of a new store at `path`.
    pub fn create(path: &Path) -> Result<Self> {
        fault::point("catalog.create")?;
        let writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        writer.pragma_update(None, "journal_mode", "WAL").map_err(sql)?;
        let schema = format!("BEGIN; {} {ADDED} PRAGMA user_version = {}; COMMIT;", include_str!("schema.sql"), version::STORE);
        writer.execute_batch(&schema).map_err(sql)?;
        Catalog::over(path, writer)
    }

    fn over(path: &Path, mut writer: Connection) -> Result<Self> {
        let folding = Folding::new(&mut writer)?;
        let (readers, writer) = (Mutex::default(), Arc::new(FairMutex::new(writer)));
        Ok(Catalog { path: path.to_owned(), folding, readers, writer, packs: Default::default(), commits: Default::default() })
    }

    /// Opens the catalogue at `path`. One that is not there or is empty is damage, never a reason to start anew.
    ///
    /// Looks at the write-ahead log first: SQLite drops what follows a damaged place in it without a word. Where a commit was lost so, the
    /// fact [`LOG_CUT`] is set.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.metadata().is_ok_and(|m| m.is_file() && m.len() > 0) {
            return Err(lost(format!("the catalogue is not there or empty: {}", path.display())));
        }
        // Asked of the file itself first: SQLite folds the write-ahead log in when it closes, and a newer store is not to be touched.
        let written = version_in(path)?;
        if written > version::STORE {
            version::check("the catalogue", written, version::STORE)?;
        }
        let cut = wal::is_cut(&wal::path_of(path))?;
        let writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let found: u32 = writer.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(sql)?;
        version::check("the catalogue", found, version::STORE)?;
        let catalog = Catalog::over(path, writer)?;
        if !catalog.read(|view| view.has_added())? {
            catalog.write(|w| w.sql.execute_batch(ADDED).map_err(sql))?;
        }
        if cut {
            catalog.write(|w| w.set_fact(LOG_CUT, b""))?;
        }
        Ok(catalog)
    }

    /// Runs `work` on an unchanging view.
    pub fn read<T>(&self, work: impl FnOnce(&View<'_>) -> Result<T>) -> Result<T> {
        let pooled = self.readers.lock().unwrap_or_else(|e| e.into_inner()).pop();
        let connection = match pooled {
            Some(c) => c,
            None => connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        };
        // Before the view is fixed: whoever writes packs anew after that is seen to have done so.
        let packs_age = self.packs.age();
        let begun = connection.prepare_cached("BEGIN").and_then(|mut s| s.execute([])).map_err(sql);
        let out = begun.and_then(|_| work(&View { sql: &connection, packs: &self.packs, packs_age }));
        let ended = connection.prepare_cached("COMMIT").and_then(|mut s| s.execute([])).is_ok();
        let readers = || self.readers.lock().unwrap_or_else(|e| e.into_inner());
        let waiting = readers().len();
        if ended && waiting < READERS_KEPT && (waiting < READERS_WARM || shrink(&connection).is_ok()) {
            readers().push(connection);
        }
        out
    }

    /// Runs `work` in one transaction and commits it durably; an error of `work` undoes all of it.
    pub fn write<T>(&self, work: impl FnOnce(&Writer<'_>) -> Result<T>) -> Result<T> {
        let mut connection = self.writer.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
        let view = View { sql: &transaction, packs: &self.packs, packs_age: self.packs.age() };
        let writer = Writer {
            view,
            packing: RefCell::default(),
            repacked: Cell::default(),
            scope: RefCell::default(),
            hot: Hot::default(),
            firsts: Default::default(),
            versions: Cell::default(),
            content_bytes: Cell::default(),
        };
        let out = work(&writer)?;
        writer.finish_pack()?;
        let repacked = writer.repacked.get();
        let many = writer.versions.get() >= WRITER_SHRINKS_FROM;
        drop(writer);
        fault::point("catalog.commit")?;
        transaction.commit().map_err(sql)?;
        if repacked {
            self.packs.turn();
        }
        if many {
            // It is committed; memory that is not given back is no failure.
            drop(shrink(&connection));
        }
        drop(connection);
        *self.commits.0.lock().unwrap_or_else(|e| e.into_inner()) += 1;
        self.commits.1.notify_all();
        self.folding.after_commit(&self.path, &self.writer);
        fault::point("catalog.committed")?;
        Ok(out)
    }

    /// Leaves nothing in the file of what was deleted: writes it anew, and empties the write-ahead log. Needs as much free space as the file has.
    ///
    /// # Errors
    /// [`Kind::Locked`] where somebody reads on for so long that the log cannot be emptied.
    pub fn scrub(&self) -> Result<()> {
        let _rest = self.folding.rest();
        let connection = self.writer.lock();
        // Readers at rest would keep pages, and the log, as they were.
        self.readers.lock().unwrap_or_else(|e| e.into_inner()).clear();
        self.packs.turn();
        fault::point("catalog.scrub")?;
        connection.execute_batch("VACUUM").map_err(sql)?;
        fault::point("catalog.scrub")?;
        let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0)).map_err(sql)?;
        if busy {
            return Err(Error::new(Kind::Locked, "erase.busy", "somebody reads the catalogue, so its write-ahead log could not be emptied")
                .hint("run annals gc when that has ended: it goes on with what is left of the erasure"));
        }
        Ok(())
    }

    /// How many transactions were committed since the catalogue was opened. Who waits asks before it reads, so that nothing falls between.
    pub fn commits(&self) -> u64 {
        *self.commits.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Waits at most `patience` until more than `seen` transactions were committed; whether they were.
    pub fn wait_commit(&self, seen: u64, patience: Duration) -> bool {
        let commits = self.commits.0.lock().unwrap_or_else(|e| e.into_inner());
        let (commits, _) = self.commits.1.wait_timeout_while(commits, patience, |n| *n <= seen).unwrap_or_else(|e| e.into_inner());
        *commits > seen
    }

    /// Asks SQLite whether its file is sound; the list of complaints is empty when it is. With `full`, also whether every index says what
    /// its table says.
    pub fn check(&self, full: bool) -> Result<Vec<String>> {
        self.read(|view| {
            let text = if full { "PRAGMA integrity_check(100)" } else { "PRAGMA quick_check(100)" };
            let mut statement = view.sql.prepare(text).map_err(sql)?;
            let rows = statement.query_map([], |r| r.get::<_, String>(0)).map_err(sql)?;
            let all: Vec<String> = rows.collect::<rusqlite::Result<_>>().map_err(sql)?;
            Ok(all.into_iter().filter(|line| line != "ok").collect())
        })
    }
}

/// The user version in the header of a SQLite file (<https://www.sqlite.org/fileformat2.html>), 0 where the file is too short for one.
fn version_in(path: &Path) -> Result<u32> {
    let fail = |e| Error::io(format_args!("read {}", path.display()), e);
    let mut header = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(64).read_to_end(&mut header)).map_err(fail)?;
    Ok(header.get(60..64).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes))
}

/// Gives back the pages that a connection keeps.
fn shrink(connection: &Connection) -> Result<()> {
    connection.execute_batch("PRAGMA shrink_memory").map_err(sql)
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection> {
    let read_only = access == OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(sql)?;
    connection.busy_timeout(Duration::from_secs(10)).map_err(sql)?;
    connection.set_prepared_statement_cache_capacity(96);
    // Otherwise SQLite prepares a statement anew whenever another value is bound to it, in case a plan made for that value were a better one.
    // Ours are right for all values, and preparing costs more than most of them do.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(sql)?;
    let set = |name: &str, value: &dyn rusqlite::ToSql| connection.pragma_update(None, name, value).map_err(sql);
    set("synchronous", &"FULL")?;
    set("temp_store", &"MEMORY")?;
    set("cache_size", if read_only { &CACHE_KIB.1 } else { &CACHE_KIB.0 })?;
    set("wal_autocheckpoint", &0)?;
    Ok(connection)
}

impl View<'_> {
    /// Whether the store has the tables and indexes that came later.
    fn has_added(&self) -> Result<bool> {
        let mut s = self.sql.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?").map_err(sql)?;
        let made =
            |line: &'static str| ["CREATE TABLE IF NOT EXISTS ", "CREATE INDEX IF NOT EXISTS "].iter().find_map(|words| line.strip_prefix(words));
        let mut names = ADDED.lines().filter_map(|line| made(line)?.split(' ').next());
        names.try_fold(true, |all, name| Ok(all && s.exists([name]).map_err(sql)?))
    }

    /// A named fact about the store.
    pub fn fact(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let mut s = self.sql.prepare_cached("SELECT value FROM fact WHERE name = ?").map_err(sql)?;
        s.query_row([name], |r| r.get(0)).optional().map_err(sql)
    }

    /// The facts whose names begin with `prefix`, by name.
    pub fn facts(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>> {
        let mut s = self.sql.prepare_cached("SELECT name, value FROM fact WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name").map_err(sql)?;
        let rows = s.query_map([prefix], |r| Ok((r.get(0)?, r.get(1)?))).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// Numbers stored as facts; 0 where absent.
    pub fn fact_number(&self, name: &str) -> Result<u64> {
        Ok(self.fact(name)?.and_then(|v| v.try_into().ok()).map_or(0, u64::from_be_bytes))
    }
}

impl<'c> Writer<'c> {
    /// The statement of a slot, ready to run.
    fn hot<'w>(&'w self, slot: &'w Slot<'c>, text: &'static str) -> Result<RefMut<'w, CachedStatement<'c>>> {
        let mut held = slot.borrow_mut();
        if held.is_none() {
            *held = Some(self.view.sql.prepare_cached(text).map_err(sql)?);
        }
        RefMut::filter_map(held, Option::as_mut).map_err(|_| Error::new(Kind::Failed, "catalog.failed", "a statement that was not prepared"))
    }
}

impl Writer<'_> {
    /// Sets a named fact.
    pub fn set_fact(&self, name: &str, value: &[u8]) -> Result<()> {
        self.run("INSERT INTO fact (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (name, value))
    }

    /// Sets a fact that is a number, unless it is as large already.
    pub fn raise_fact(&self, name: &str, number: u64) -> Result<()> {
        let text = "INSERT INTO fact (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)";
        self.run(text, (name, &number.to_be_bytes()[..]))
    }

    /// Removes a named fact.
    pub fn remove_fact(&self, name: &str) -> Result<()> {
        self.run("DELETE FROM fact WHERE name = ?", [name])
    }

    pub(crate) fn run(&self, text: &str, params: impl rusqlite::Params) -> Result<()> {
        self.sql.prepare_cached(text).and_then(|mut s| s.execute(params)).map(|_| ()).map_err(sql)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_their_tenant() {
        let some = id(3, 77);
        assert_eq!((tenant_of(some), number(some)), (3, 77));
        assert_eq!(id(0, 5), 5);
    }

    #[test]
    fn a_log_index_without_space_is_a_full_disk_and_no_damage() {
        use rusqlite::ffi;
        let of = |code| sql(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        assert_eq!((of(ffi::SQLITE_IOERR_SHMSIZE).kind(), of(ffi::SQLITE_IOERR_SHMSIZE).code()), (Kind::Space, "disk.full"));
        assert_eq!(of(ffi::SQLITE_IOERR_READ).code(), "catalog.failed");
    }

    #[test]
    fn a_failed_transaction_leaves_nothing_and_a_newer_catalogue_is_refused() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("catalog.db");
        let catalog = Catalog::create(&path).expect("create");
        let failed: Result<()> = catalog.write(|w| {
            w.set_fact("a", b"1")?;
            Err(Error::damaged("test"))
        });
        assert!(failed.is_err());
        assert_eq!(catalog.read(|v| v.fact("a")).expect("read"), None);
        catalog.write(|w| w.raise_fact("n", 256).and_then(|()| w.raise_fact("n", 255))).expect("write");
        assert_eq!(catalog.read(|v| v.fact_number("n")).expect("read"), 256);
        catalog.write(|w| w.run("PRAGMA user_version = 99", ())).expect("write");
        drop(catalog);
        assert_eq!(Catalog::open(&path).err().expect("newer").kind(), Kind::Newer);
    }

    #[test]
    fn a_catalogue_that_is_gone_is_not_started_anew() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("catalog.db");
        assert_eq!(Catalog::open(&path).err().expect("gone").code(), "catalog.damaged");
        std::fs::write(&path, b"").expect("write");
        assert_eq!(Catalog::open(&path).err().expect("empty").code(), "catalog.damaged");
        assert_eq!(std::fs::read(&path).expect("read"), b"", "it is left as it was");
    }
}
