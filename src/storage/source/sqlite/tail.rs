//! The write-ahead log as it grows: commits that were not captured yet, without a lock.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Kind, Result};
use crate::format::sqlite::pages::{Pages, no_such_page};
use crate::format::sqlite::wal::{Commit, Commits, End, FRAME_HEADER_BYTES, Source as LogSource, WalHeader, WalPosition};

use super::Source;
use super::image::Image;
use super::place::Place;

/// Bytes of the log that are read at first, and the most that are looked at together, unless one transaction is longer.
const RUN_BYTES: (u64, u64) = (256 << 10, 16 << 20);

/// The log of a database, open. SQLite takes no locks on this file, so it may be closed.
pub struct Log {
    file: File,
    path: PathBuf,
    inode: (u64, u64),
}

impl Log {
    /// The log of the database at `path`; `None` where there is none.
    pub(super) fn open(path: &Path) -> Result<Option<Log>> {
        let mut name = path.as_os_str().to_owned();
        name.push("-wal");
        let path = PathBuf::from(name);
        let fail = |e| Error::io(format_args!("read {}", path.display()), e);
        let file = match File::open(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(fail)?,
        };
        let seen = file.metadata().map_err(fail)?;
        Ok(Some(Log { inode: (seen.dev(), seen.ino()), file, path }))
    }

    fn is_current(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|m| (m.dev(), m.ino()) == self.inode)
    }

    pub(super) fn bytes(&self) -> Result<u64> {
        Ok(self.file.metadata().map_err(|e| Error::io(format_args!("read {}", self.path.display()), e))?.len())
    }
}

impl LogSource for Log {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match self.file.read_at(&mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::io(format_args!("read {}", self.path.display()), e)),
            }
        }
        Ok(done)
    }
}

/// A stretch of the log as it was when it was read: what is checked and what is used are the same bytes.
struct Stretch {
    start: u64,
    bytes: Vec<u8>,
}

impl LogSource for Stretch {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        match offset.checked_sub(self.start) {
            Some(at) => self.bytes.as_slice().read_at(at, buffer),
            None => Ok(0),
        }
    }
}

/// Commits that follow each other, with their pages.
pub struct Run {
    stretch: Stretch,
    /// In the order in which they were made.
    pub commits: Vec<Commit>,
    /// Behind the last of them.
    pub end: WalPosition,
    /// They are all that the log had: it was neither cut at what a run holds at most nor has it been started again since.
    pub is_all: bool,
}

impl Run {
    /// The page that begins at this byte of the log.
    pub fn page(&self, at: u64) -> Result<Cow<'_, [u8]>> {
        let from = (at - self.stretch.start) as usize;
        let page = self.stretch.bytes.get(from..from + self.end.page_size as usize);
        page.map(Cow::Borrowed).ok_or_else(|| Error::damaged("a stretch of a write-ahead log"))
    }

    /// How many pages the commits wrote.
    pub fn pages(&self) -> usize {
        self.commits.iter().map(|commit| commit.pages.len()).sum()
    }

    /// Bytes of the log that were read.
    pub fn bytes(&self) -> u64 {
        self.stretch.bytes.len() as u64
    }
}

/// What follows a place.
pub enum Step {
    /// Nothing was committed.
    Nothing,
    /// These.
    Commits(Run),
    /// Commits may be missing: the pages have to be compared. Why, in words.
    Gap(&'static str),
    /// The log does not have what was captured from it any more, and did not come to its end in between: the database lost it.
    Lost,
}

impl Source {
    /// The log, opened anew where another file has taken its place.
    fn log(&mut self) -> Result<Option<&Log>> {
        if !self.log.as_ref().is_some_and(Log::is_current) {
            self.log = Log::open(&self.path)?;
        }
        Ok(self.log.as_ref())
    }

    /// Bytes of the log; 0 where there is none.
    pub fn log_bytes(&self) -> Result<u64> {
        self.log.as_ref().map_or(Ok(0), Log::bytes)
    }

    /// What was committed after `place`, in stretches: ask again until nothing is left.
    pub fn step(&mut self, place: &Place) -> Result<Step> {
        if !self.is_current() {
            return Ok(Step::Gap("the file was exchanged"));
        }
        let stamp = self.stamp()?;
        // Two writes within one tick of the clock leave the same time on a file; without a log, its header counts them.
        let same_file = stamp == place.stamp && (place.is_wal || self.header()?.change_counter == place.change_counter);
        let header = match self.log()? {
            Some(log) => WalHeader::read(log)?,
            None => None,
        };
        let (header, position) = match (header, place.wal) {
            (None, None) if same_file => return Ok(Step::Nothing),
            // The log begins; as the file is what it was, nothing can have been in an earlier one.
            (Some(header), None) if same_file => (header, header.start()),
            (_, None) => return Ok(Step::Gap(if place.is_wal { "the log was removed" } else { "there is no log of transactions" })),
            (None, Some(_)) => return Ok(Step::Gap("the log was removed")),
            (Some(header), Some(position)) => (header, position),
        };
        let proven = self.proven;
        let Some(log) = self.log()? else { return Ok(Step::Gap("the log was removed")) };
        let mut run = stretch(log, position)?;
        // The cycle that this position is in has ended if the header is a later one; what it had at its end was read after that.
        let current = header.salts == position.salts && header.checkpoint_seq == position.checkpoint_seq;
        if current {
            // Once all of it, in case the machine went down since: what was captured may be more than its application finds again.
            let stands = position.is_behind_its_frame(log)? && (proven || position.is_reached(log)?);
            // It may have been started again while it was looked at.
            if !stands && WalHeader::read(log)?.is_some_and(|now| now == header) {
                return Ok(Step::Lost);
            }
        } else if std::mem::take(&mut self.doubts) {
            return Ok(Step::Gap("the machine was started again, and the log since"));
        }
        (self.proven, self.doubts) = (true, false);
        let Some(log) = self.log()? else { return Ok(Step::Gap("the log was removed")) };
        if !run.commits.is_empty() {
            run.is_all &= current;
            return Ok(Step::Commits(run));
        }
        if current {
            return if is_damaged(log, position)? { Err(damaged(&self.path, position)) } else { Ok(Step::Nothing) };
        }
        // What reading stopped at says whether commits may be missing.
        let mut behind = Commits::from(log, position);
        if behind.next()?.is_some() {
            return Ok(Step::Commits(Run { is_all: false, ..stretch(log, position)? }));
        }
        match behind.end()? {
            End::Current | End::Torn => Ok(Step::Nothing),
            End::Reset(start) => {
                let run = stretch(log, start)?;
                if WalHeader::read(log)?.is_some_and(|now| now.start() == start) { Ok(Step::Commits(run)) } else { Ok(Step::Gap(TOO_FAST)) }
            }
            End::Overtaken => Ok(Step::Gap(TOO_FAST)),
        }
    }
}

/// Whether the log is damaged behind `position`: looked at twice, because what is being written just now looks like that too.
fn is_damaged(log: &Log, position: WalPosition) -> Result<bool> {
    if log.bytes()? <= position.offset || !is_of(log, position.offset, &position)? {
        return Ok(false);
    }
    for _ in 0..2 {
        let mut commits = Commits::from(log, position);
        if commits.next()?.is_some() || !commits.is_damaged()? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn damaged(path: &Path, position: WalPosition) -> Error {
    let message =
        format!("the write-ahead log is damaged behind byte {}, what was committed there cannot be read: {}", position.offset, path.display());
    Error::new(Kind::Failed, "source.log_damaged", message)
        .hint("let its application fold the log in (PRAGMA wal_checkpoint(TRUNCATE)) or start again; the next capture takes what is there then")
}

const TOO_FAST: &str = "the log was started again before it was read";

/// Reads a stretch from a position on: as far as the log goes, or as far as a run reaches, but at least one whole transaction.
fn stretch(log: &Log, position: WalPosition) -> Result<Run> {
    let frame = FRAME_HEADER_BYTES + u64::from(position.page_size);
    let mut most = RUN_BYTES.0;
    loop {
        let there = log.bytes()?.saturating_sub(position.offset) / frame * frame;
        let wanted = there.min(most / frame * frame);
        // What is left of earlier cycles is not read.
        let ours = wanted > 0 && is_of(log, position.offset, &position)?;
        let mut bytes = vec![0; if ours { usize::try_from(wanted).unwrap_or(usize::MAX) } else { 0 }];
        let n = log.read_at(position.offset, &mut bytes)?;
        bytes.truncate(n);
        let stretch = Stretch { start: position.offset, bytes };
        let mut reader = Commits::from(&stretch, position);
        let mut commits = Vec::new();
        while let Some(commit) = reader.next()? {
            commits.push(commit);
        }
        let end = reader.position();
        let goes_on = ours && there > wanted && is_of(log, position.offset + wanted, &position)?;
        if !goes_on || most >= RUN_BYTES.1 && !commits.is_empty() {
            return Ok(Run { stretch, commits, end, is_all: !goes_on });
        }
        most *= 4;
    }
}

/// Whether the frame at `offset` is of the cycle of `position`.
fn is_of(log: &Log, offset: u64, position: &WalPosition) -> Result<bool> {
    let mut front = [0; FRAME_HEADER_BYTES as usize];
    let whole = log.read_at(offset, &mut front)? == front.len();
    Ok(whole && salts(&front) == position.salts)
}

/// The salts in the header of a frame.
pub(super) fn salts(front: &[u8; FRAME_HEADER_BYTES as usize]) -> [u32; 2] {
    [u32::from_be_bytes([front[8], front[9], front[10], front[11]]), u32::from_be_bytes([front[12], front[13], front[14], front[15]])]
}

/// An image with the pages of commits above it: the state after some of the commits of a run.
pub struct Layers<'a> {
    image: &'a Image,
    run: &'a Run,
    settled: &'a HashMap<u32, u64>,
    newest: Option<&'a Commit>,
    count: u32,
}

impl<'a> Layers<'a> {
    /// The state of `image` with the pages of the run in `settled`, which has `count` pages.
    pub fn new(image: &'a Image, run: &'a Run, settled: &'a HashMap<u32, u64>, count: u32) -> Self {
        Layers { image, run, settled, newest: None, count }
    }

    /// The state after one more commit.
    pub fn with(&self, commit: &'a Commit) -> Self {
        Layers { newest: Some(commit), count: commit.page_count, ..*self }
    }
}

impl Pages for Layers<'_> {
    fn page(&self, number: u32) -> Result<Cow<'_, [u8]>> {
        if number == 0 || number > self.count {
            return Err(no_such_page(number));
        }
        let newest = self.newest.and_then(|c| c.pages.binary_search_by_key(&number, |(page, _)| *page).ok().map(|i| c.pages[i].1));
        match newest.or_else(|| self.settled.get(&number).copied()) {
            Some(at) => self.run.page(at),
            None => self.image.page(number),
        }
    }

    fn count(&self) -> u32 {
        self.count
    }
}
