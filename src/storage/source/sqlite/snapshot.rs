//! One state of the database, held still by a read transaction while it is read.
//!
//! While the transaction is open the log is not started again, unless all of it was in the file when the transaction began; and then the file
//! is not written. So "the frames of the log up to the last commit, and the file for all other pages" is one state, whichever commit was
//! the last one found, and a frame that turns out to be overwritten has its page in the file.

use std::borrow::Cow;
use std::collections::HashMap;

use rusqlite::OptionalExtension;

use crate::base::error::Result;
use crate::format::sqlite::header::Header;
use crate::format::sqlite::pages::{Pages, lock_page, no_such_page};
use crate::format::sqlite::wal::{Commits, FRAME_HEADER_BYTES, Source as LogSource, WalHeader, WalPosition};

use super::place::{Place, Stamp};
use super::tail::{Log, salts};
use super::{Source, sql};

/// A state of the database. As long as it is held, the application's writers go on, and only the log cannot be started again.
pub struct Snapshot<'s> {
    source: &'s Source,
    header: Header,
    stamp: Stamp,
    log: Option<(Log, WalHeader, WalPosition)>,
    newer: HashMap<u32, u64>,
    count: u32,
}

impl Source {
    /// Begins a read transaction that holds the log where it is. Until [`Source::release`].
    pub fn pin(&mut self) -> Result<()> {
        let path = self.path.clone();
        let connection = self.connection()?;
        let begun =
            connection.execute_batch("BEGIN").and_then(|()| connection.query_row("SELECT 1 FROM sqlite_schema LIMIT 1", [], |_| Ok(())).optional());
        if let Err(e) = begun {
            self.release();
            return Err(sql(&path, e));
        }
        Ok(())
    }

    /// Whether a read transaction holds the log.
    pub fn is_pinned(&self) -> bool {
        self.connection.as_ref().is_some_and(|c| !c.is_autocommit())
    }

    /// Ends the read transaction, if there is one.
    pub fn release(&mut self) {
        if let Some(connection) = &self.connection
            && !connection.is_autocommit()
            && connection.execute_batch("COMMIT").is_err()
        {
            // A connection that cannot end a read transaction is of no use any more.
            self.connection = None;
        }
    }

    /// The newest state. Ends when it is dropped; the transaction ends with [`Source::release`].
    pub fn snapshot(&mut self) -> Result<Snapshot<'_>> {
        if !self.is_pinned() {
            self.pin()?;
        }
        let stamp = self.stamp()?;
        let header = self.header()?;
        let mut snapshot = Snapshot { source: self, count: 0, header, stamp, log: None, newer: HashMap::new() };
        snapshot.count = u32::try_from(snapshot.stamp.bytes / u64::from(snapshot.header.page_size)).unwrap_or(u32::MAX);
        snapshot.read_log()?;
        // Page 1 of this state, which may be in the log.
        snapshot.header = Header::parse(&snapshot.page(1)?)?;
        Ok(snapshot)
    }
}

impl Snapshot<'_> {
    /// Finds the newest frame of each page.
    fn read_log(&mut self) -> Result<()> {
        loop {
            let Some(log) = Log::open(&self.source.path)? else { return Ok(()) };
            let Some(header) = WalHeader::read(&log)? else { return Ok(()) };
            let (newer, count, end) = newest(&log, &header, log.bytes()?)?;
            self.newer = newer;
            if WalHeader::read(&log)? != Some(header) {
                continue;
            }
            if let Some(count) = count {
                self.count = count;
                self.newer.retain(|page, _| *page <= count);
            }
            self.log = Some((log, header, end));
            return Ok(());
        }
    }

    /// What the header of this state says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The place of this state. Ask when all was read.
    pub fn place(&self) -> Result<Place> {
        let wal = match &self.log {
            None => None,
            Some((log, header, end)) => match WalHeader::read(log)? {
                Some(now) if now == *header => Some(*end),
                // Started again meanwhile: then all that was in it is in the file, and this state is the one before the first new frame.
                Some(now) => Some(now.start()),
                None => None,
            },
        };
        let h = &self.header;
        Ok(Place {
            wal,
            stamp: self.stamp,
            is_wal: h.is_wal(),
            change_counter: h.change_counter,
            schema_cookie: h.schema_cookie,
            page_count: self.count,
        })
    }
}

/// The newest frame of each page, the pages of the database, and the end of it all: as far as the log is `bytes` long. What is committed beyond that
/// is left, because a writer may be faster than whoever reads, and the log grows as long as it is held.
fn newest(log: &impl LogSource, header: &WalHeader, bytes: u64) -> Result<(HashMap<u32, u64>, Option<u32>, WalPosition)> {
    let mut commits = Commits::from(log, header.start());
    let (mut newer, mut count) = (HashMap::new(), None);
    while commits.position().offset < bytes
        && let Some(commit) = commits.next()?
    {
        newer.extend(commit.pages);
        count = Some(commit.page_count);
    }
    Ok((newer, count, commits.position()))
}

impl Pages for Snapshot<'_> {
    fn page(&self, number: u32) -> Result<Cow<'_, [u8]>> {
        if number == 0 || number > self.count {
            return Err(no_such_page(number));
        }
        let bytes = self.header.page_size as usize;
        if let (Some(at), Some((log, header, _))) = (self.newer.get(&number), &self.log) {
            let mut page = vec![0; bytes];
            let mut front = [0; FRAME_HEADER_BYTES as usize];
            // The frame's own header is written before its page: if it is still the old one afterwards, so was the page.
            let whole = log.read_at(*at, &mut page)? == bytes && log.read_at(at - FRAME_HEADER_BYTES, &mut front)? == front.len();
            if whole && salts(&front) == header.salts {
                return Ok(page.into());
            }
        }
        let (mut page, offset) = (vec![0; bytes], u64::from(number - 1) * bytes as u64);
        // The page at 1 GiB is never written, and so is in no log: until what lies behind it is in the file, the file may end before it.
        let is_never_written = number == lock_page(bytes) && self.log.is_some() && offset >= self.source.device.bytes()?;
        if !is_never_written {
            self.source.device.read_at(offset, &mut page)?;
        }
        Ok(page.into())
    }

    fn count(&self) -> u32 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_grows_while_it_is_read_is_read_as_far_as_it_was_when_that_began() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("app.db");
        let app = rusqlite::Connection::open(&path).expect("open");
        app.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)").expect("made");
        let log = Log::open(&path).expect("opened").expect("a log");
        let then = log.bytes().expect("size");
        app.execute_batch("INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)").expect("more");
        let header = WalHeader::read(&log).expect("read").expect("a header");
        let (_, _, end) = newest(&log, &header, then).expect("read");
        assert_eq!(end.offset, then);
        let (_, _, end) = newest(&log, &header, log.bytes().expect("size")).expect("read");
        assert_eq!(end.offset, log.bytes().expect("size"));
        // A commit that was half there is taken whole.
        let (newer, count, end) = newest(&log, &header, then + 1).expect("read");
        assert!(end.offset > then && count == Some(2) && newer.contains_key(&2), "{end:?}");
    }
}
