//! Capture of a SQLite database that an application uses: each of its transactions becomes one batch, each row one document.
//!
//! The way from a commit to a batch: the frames of the write-ahead log are read and checked; the rows on the pages that a commit wrote are
//! compared with those on the same pages of the shadow image; what differs is recorded; the image moves on. What was not seen transaction by
//! transaction is found by comparing pages, and recorded as one batch: a merged interval. Whether the file went back in time is asked then.

mod state;
mod given;
mod document;
mod run;
mod watch;
mod rebuild;
mod open;
mod compare;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::monitor::Monitor;
use crate::engine::plans::By;
use crate::engine::record::Receipt;
use crate::engine::store::Tenant;

pub(super) use compare::compare;
pub(super) use open::open;
pub use rebuild::RestoredDatabase;
use run::Work;
pub(super) use state::{State, all};
pub use watch::SqliteFollower;

/// Brings the history of a captured database up to now.
pub(super) fn catch_up(tenant: &Tenant, state: &State, by: &By, monitor: &dyn Monitor) -> Result<()> {
    tenant.capture_sqlite(&open::capture_of(state), by, monitor).map(drop)
}

/// Which database to capture, and where to.
#[derive(Debug, Clone)]
pub struct SqliteCapture {
    file: PathBuf,
    prefix: Vec<u8>,
    tables: Vec<String>,
    image: bool,
}

impl SqliteCapture {
    /// All tables of the database `file`, as documents whose keys begin with `prefix`. A final `/` is added.
    pub fn new(file: impl AsRef<Path>, prefix: &[u8]) -> Self {
        let mut prefix = prefix.to_vec();
        if !prefix.ends_with(b"/") {
            prefix.push(b'/');
        }
        SqliteCapture { file: file.as_ref().to_owned(), prefix, tables: Vec::new(), image: false }
    }

    /// Only tables whose names match one of these patterns; all where there is none.
    pub fn tables(mut self, patterns: &[String]) -> Self {
        self.tables = patterns.to_vec();
        self
    }

    /// Also keeps the file as it is at the first capture, so that this moment comes back byte for byte.
    pub fn image(mut self, wanted: bool) -> Self {
        self.image = wanted;
        self
    }

    /// What the keys begin with.
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// Which file is there now, by its device and number; `None` where there is none, or one that nobody wrote to yet.
    pub fn identity(&self) -> Option<(u64, u64)> {
        let seen = std::fs::metadata(&self.file).ok().filter(|seen| seen.is_file() && seen.len() > 0)?;
        Some((seen.dev(), seen.ino()))
    }

    fn check(&self) -> Result<()> {
        if self.prefix == b"/" {
            return Err(Error::usage("prefix.empty", "the rows of a database need a prefix").hint("name one with --prefix, for example stock/"));
        }
        Ok(())
    }
}

/// What a capture of a database did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SqliteCaptured {
    /// The last batch; `None` where nothing changed.
    pub receipt: Option<Receipt>,
    /// Rows that were not there before.
    pub added: u64,
    /// Rows with other values.
    pub changed: u64,
    /// Rows that are gone.
    pub removed: u64,
    /// Rows that are as they were.
    pub unchanged: u64,
    /// Bytes read from the database and its log.
    pub bytes_read: u64,
    /// Bytes of the rows that were recorded.
    pub bytes_new: u64,
    /// Transactions of the application that were recorded, each as its own batch.
    pub transactions: u64,
    /// Batches that stand for several transactions, or for an unknown number of them.
    pub merged_intervals: u64,
    /// Worth knowing.
    pub notes: Vec<String>,
}

impl Tenant {
    /// Captures what a SQLite database committed since the last time; all of its rows the first time. Nothing is written to the database.
    ///
    /// # Errors
    /// [`Kind::Missing`](crate::base::error::Kind::Missing), [`Kind::Usage`](crate::base::error::Kind::Usage) or
    /// [`Kind::Locked`](crate::base::error::Kind::Locked) where it cannot be read; [`Kind::Refused`](crate::base::error::Kind::Refused), code
    /// `lineage.behind` or `lineage.forked`, where it went back in time. Nothing is recorded then.
    pub fn capture_sqlite(&self, what: &SqliteCapture, by: &By, monitor: &dyn Monitor) -> Result<SqliteCaptured> {
        what.check()?;
        let turn = state::capturing(self, &what.prefix);
        let _held = state::hold(&turn);
        Work::open(self, what, by, monitor)?.catch_up()
    }
}
