//! Capture that goes on: each transaction soon after it was committed.

use std::time::{Duration, Instant};

use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, Progress};
use crate::engine::plans::By;
use crate::engine::store::Tenant;

use super::run::Work;
use super::{SqliteCapture, SqliteCaptured};

/// How often waiting looks whether it should end.
const NAP: Duration = Duration::from_millis(20);
impl Tenant {
    /// Captures a SQLite database, and again whenever something was committed, until the monitor stops it; that is its orderly end. `each` is
    /// told of the first capture and of each that made a batch.
    ///
    /// A database that goes away or is locked is waited for.
    ///
    /// # Errors
    /// As [`Tenant::capture_sqlite`]; also when the database goes back in time while it is watched.
    pub fn watch_sqlite(
        &self,
        what: &SqliteCapture,
        by: &By,
        every: Duration,
        monitor: &dyn Monitor,
        each: &mut dyn FnMut(&SqliteCaptured) -> Result<()>,
    ) -> Result<()> {
        what.check()?;
        let mut work = Work::open(self, what, by, monitor)?;
        work.follows = true;
        // From now on the log stays when the application closes its last connection.
        work.source.pin()?;
        work.source.release();
        let (mut first, mut waiting, mut total) = (true, false, Progress { phase: "watching", ..Progress::default() });
        loop {
            match work.catch_up() {
                Ok(captured) => {
                    waiting = false;
                    total.items += captured.transactions + captured.merged_intervals;
                    total.bytes += captured.bytes_new;
                    monitor.progress(&total);
                    if first || captured.receipt.is_some() {
                        each(&captured)?;
                    }
                    first = false;
                }
                Err(e) if e.kind() == Kind::Interrupted => return Ok(()),
                Err(e) if !first && may_pass(&e) => {
                    if !waiting {
                        monitor.note(&format!("{e}; waiting for it"));
                    }
                    waiting = true;
                    if let Ok(again) = Work::open(self, what, by, monitor) {
                        work = again;
                        work.follows = true;
                    }
                }
                Err(e) => return Err(e),
            }
            let until = Instant::now() + every;
            while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                if monitor.stopped() {
                    return Ok(());
                }
                std::thread::sleep(left.min(NAP));
            }
            if monitor.stopped() {
                return Ok(());
            }
        }
    }
}

/// Whether it is worth waiting for what is wrong to pass.
fn may_pass(e: &Error) -> bool {
    matches!(e.code(), "source.missing" | "source.locked" | "source.empty" | "source.denied")
}
