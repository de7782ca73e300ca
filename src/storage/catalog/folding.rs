//! Folding the write-ahead log into the file beside the writer. SQLite lets the commit do it that finds the log long: that one would wait for
//! thousands of pages, and all that come after it.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use parking_lot::FairMutex;
use rusqlite::{Connection, OpenFlags};

use crate::base::error::Result;

use super::{connect, sql};

/// Pages in the log from which on it is folded whole, so that it begins anew: 16 MiB.
const FOLDED_FROM_PAGES: u32 = 4096;
/// Commits after which what is in the log is folded as far as it goes. They are mostly small, and then so is what has to reach the disk at once:
/// each commit waits there behind it. Large commits fill the log before there are so many.
const STEP_COMMITS: u32 = 64;
/// Pages that it grows by before it is tried again, where it could not begin anew because somebody read on.
const TRIED_AGAIN_PAGES: u32 = 1024;

/// When the log is folded next, and the thread that does it. Waits for it when dropped.
pub(super) struct Folding {
    /// Pages in the log after the last commit.
    pages: Arc<AtomicU32>,
    next: Mutex<Next>,
}

pub(super) struct Next {
    /// Pages in the log from which on it is to begin anew.
    at: u32,
    /// Since it was folded last.
    commits: u32,
    /// Gives back the connection that it folds with, where all went well.
    thread: Option<JoinHandle<Option<Connection>>>,
}

impl Folding {
    /// Takes the folding over from `writer`.
    pub(super) fn new(writer: &mut Connection) -> Result<Self> {
        let pages = Arc::new(AtomicU32::new(0));
        let told = pages.clone();
        let hook = move |_: &mut _, pages| {
            told.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        };
        writer.wal_hook(Some(hook)).map_err(sql)?;
        Ok(Folding { pages, next: Mutex::new(Next { at: FOLDED_FROM_PAGES, commits: 0, thread: None }) })
    }

    /// Begins to fold the log of `path` where it is long, or was not for a while. Called after a commit, by whoever does not hold `writer` any more.
    pub(super) fn after_commit(&self, path: &Path, writer: &Arc<FairMutex<Connection>>) {
        let pages = self.pages.load(Ordering::Relaxed);
        let mut next = self.next.lock().unwrap_or_else(|e| e.into_inner());
        if pages < FOLDED_FROM_PAGES {
            next.at = FOLDED_FROM_PAGES;
        }
        next.commits += 1;
        let begins_anew = pages >= next.at;
        let is_due = begins_anew || next.commits >= STEP_COMMITS;
        if !is_due || next.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        next.commits = 0;
        if begins_anew {
            next.at = pages + TRIED_AGAIN_PAGES;
        }
        let own = next.thread.take().and_then(|thread| thread.join().ok().flatten());
        let (path, writer) = (path.to_owned(), writer.clone());
        // Nothing is lost where this fails, as on a full disk: the log grows and it is tried again.
        let work = move || fold(own, &path, begins_anew.then_some(&writer)).ok();
        next.thread = std::thread::Builder::new().name("fold".into()).spawn(work).ok();
    }

    /// Waits until nobody folds, and keeps it so while what is returned is held: two cannot at once, and SQLite does not wait. Who commits meanwhile
    /// waits after its commit. Not to be called by whoever holds the writer.
    pub(super) fn rest(&self) -> MutexGuard<'_, Next> {
        let mut next = self.next.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(thread) = next.thread.take() {
            drop(thread.join());
        }
        next
    }
}

impl Drop for Folding {
    fn drop(&mut self) {
        drop(self.rest());
    }
}

/// Folds what is committed. For a log that is to begin anew then also, with the writer waiting, the little that was committed meanwhile: the next
/// commit writes at its beginning.
fn fold(own: Option<Connection>, path: &Path, anew: Option<&Arc<FairMutex<Connection>>>) -> Result<Connection> {
    let own = match own {
        Some(own) => own,
        None => connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?,
    };
    own.wal_checkpoint_v2(None::<&str>, Default::default()).map_err(sql)?;
    if let Some(writer) = anew {
        let _waiting = writer.lock();
        own.wal_checkpoint_v2(None::<&str>, Default::default()).map_err(sql)?;
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Catalog;
    use super::*;

    /// A commit of `pages` pages and more, which is folded where it should be. SQLite leaves pages alone that stay as they are.
    fn commit(catalog: &Catalog, pages: u32) {
        let other = catalog.commits() as u8;
        catalog.write(|w| w.set_fact("large", &vec![other; pages as usize * 4096])).expect("commit");
        if let Some(thread) = catalog.folding.next.lock().expect("next").thread.take() {
            thread.join().expect("no panic").expect("folded");
        }
    }

    fn pages(catalog: &Catalog) -> u32 {
        catalog.folding.pages.load(Ordering::Relaxed)
    }

    #[test]
    fn a_long_log_begins_anew_after_it_was_folded_beside_the_writer() {
        let dir = tempfile::tempdir().expect("a directory");
        let catalog = Catalog::create(&dir.path().join("catalog")).expect("catalogue");
        commit(&catalog, 3000);
        commit(&catalog, 3000);
        assert!(pages(&catalog) >= 6000, "nobody folds what is short: {} pages", pages(&catalog));
        commit(&catalog, 1);
        assert!(pages(&catalog) < 100, "{} pages", pages(&catalog));
    }

    #[test]
    fn small_commits_are_folded_before_there_are_many_of_them_and_the_log_goes_on() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("catalog");
        let catalog = Catalog::create(&path).expect("catalogue");
        let begun = pages(&catalog);
        // What the file holds by itself, without the log.
        let folded = || {
            let name = format!("file:{}?immutable=1", path.display());
            let alone = Connection::open_with_flags(name, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)?;
            alone.query_row("SELECT value FROM fact WHERE name = 'large'", [], |row| row.get::<_, Vec<u8>>(0)).map(|value| value[0])
        };
        for n in 1..STEP_COMMITS {
            commit(&catalog, 1);
            assert!(folded().is_err(), "after {n} commits");
        }
        commit(&catalog, 1);
        assert_eq!(folded().expect("the file by itself"), STEP_COMMITS as u8 - 1, "all of them");
        assert!(pages(&catalog) >= begun + STEP_COMMITS, "it begins anew when it is long: {} pages", pages(&catalog));
        for _ in 0..STEP_COMMITS {
            commit(&catalog, 1);
        }
        assert_eq!(folded().expect("the file by itself"), 2 * STEP_COMMITS as u8 - 1);
    }

    #[test]
    fn nobody_folds_while_the_log_is_emptied_though_others_commit() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("catalog");
        let catalog = Catalog::create(&path).expect("catalogue");
        let other = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("another connection");
        std::thread::scope(|scope| {
            for large in 1..=8u8 {
                let rest = catalog.folding.rest();
                let seen = catalog.commits();
                let catalog = &catalog;
                let commit = scope.spawn(move || catalog.write(|w| w.set_fact("large", &vec![large; 6000 * 4096])));
                assert!(catalog.wait_commit(seen, Duration::from_secs(60)));
                let busy: bool = other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).expect("checkpoint");
                assert!(!busy, "somebody folds");
                assert!(rest.thread.is_none() && !commit.is_finished(), "who committed waits before it has somebody fold");
                drop(rest);
                commit.join().expect("no panic").expect("commit");
            }
        });
        catalog.scrub().expect("nobody reads");
        assert_eq!(path.with_file_name("catalog-wal").metadata().expect("the log").len(), 0);
    }

    #[test]
    fn a_log_that_somebody_reads_is_folded_when_that_has_ended_and_is_not_tried_at_each_commit() {
        let dir = tempfile::tempdir().expect("a directory");
        let catalog = Catalog::create(&dir.path().join("catalog")).expect("catalogue");
        commit(&catalog, 1);
        catalog
            .read(|view| {
                assert_eq!(view.fact("large")?.map(|large| large.len()), Some(4096));
                commit(&catalog, 5000);
                let tried = catalog.folding.next.lock().expect("next").at;
                commit(&catalog, 1);
                assert_eq!(catalog.folding.next.lock().expect("next").at, tried);
                assert!(pages(&catalog) > 5000, "it is read");
                assert_eq!(view.fact("large")?.map(|large| large.len()), Some(4096), "a view does not change");
                Ok(())
            })
            .expect("read");
        commit(&catalog, TRIED_AGAIN_PAGES);
        commit(&catalog, 1);
        assert!(pages(&catalog) < 100, "{} pages", pages(&catalog));
        assert_eq!(catalog.read(|view| view.fact("large")).expect("read").map(|large| large.len()), Some(4096));
    }
}
