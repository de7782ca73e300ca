//! Capture that goes on: each transaction soon after it was committed.

use std::time::{Duration, Instant};

use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, Progress};
use crate::engine::plans::By;
use crate::engine::store::Tenant;

use super::run::{BUSY_PAGES, Work};
use super::{SqliteCapture, SqliteCaptured, state};

/// The shortest wait between two looks.
const REST_MIN: Duration = Duration::from_millis(20);
/// How often waiting asks whether it should end. Whoever writes to the database feels each time that somebody wakes up beside it.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// A capture that goes on. It keeps in mind what the database looks like, so that a look at a database that nobody wrote to is a few small
/// reads, and it sees to it that the application's log stays when the application closes its last connection.
pub struct SqliteFollower<'w> {
    tenant: &'w Tenant,
    what: &'w SqliteCapture,
    by: &'w By,
    monitor: &'w dyn Monitor,
    work: Option<Work<'w>>,
    /// When the last look began, and how long after the one before it.
    looked: Option<(Instant, Duration)>,
}

impl SqliteFollower<'_> {
    /// Captures what was committed since the last look. Others may look at the same database meanwhile, one after the other.
    ///
    /// # Errors
    /// As [`Tenant::capture_sqlite`]. The next look begins anew then.
    pub fn look(&mut self) -> Result<SqliteCaptured> {
        let now = Instant::now();
        self.looked = Some((now, self.looked.map_or(Duration::ZERO, |(last, _)| now - last)));
        let turn = state::capturing(self.tenant, self.what.prefix());
        let _held = state::hold(&turn);
        let mut work = match self.work.take() {
            Some(work) if !work.is_stale()? => work,
            _ => {
                let mut work = Work::open(self.tenant, self.what, self.by, self.monitor)?;
                work.follows = true;
                // From now on the log stays when the application closes its last connection.
                work.source.pin()?;
                work.source.release();
                work
            }
        };
        let captured = work.catch_up()?;
        self.work = Some(work);
        Ok(captured)
    }

    /// How long to wait for the next look of one that comes every so often: the busier the database, the sooner.
    pub fn rest(&self, every: Duration) -> Duration {
        let pages = self.work.as_ref().map_or(0, |work| work.pages_seen);
        rest(every, self.looked.map_or(every, |(_, after)| after), pages)
    }
}

/// The wait after a look that found so many pages, written since a look so long before it: at most `every`, and where pages go on coming at this pace
/// so long that the next look finds about [`BUSY_PAGES`].
fn rest(every: Duration, since: Duration, pages: usize) -> Duration {
    let sooner = since.mul_f64(BUSY_PAGES as f64 / pages.max(1) as f64);
    every.min(sooner.max(REST_MIN))
}

impl Tenant {
    /// Follows a SQLite database; nothing is read before the first look. Who waits between looks decides how long.
    ///
    /// # Errors
    /// [`Kind::Usage`] where the capture has no prefix.
    pub fn follow_sqlite<'w>(&'w self, what: &'w SqliteCapture, by: &'w By, monitor: &'w dyn Monitor) -> Result<SqliteFollower<'w>> {
        what.check()?;
        Ok(SqliteFollower { tenant: self, what, by, monitor, work: None, looked: None })
    }

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
        let mut follower = self.follow_sqlite(what, by, monitor)?;
        let (mut first, mut waiting, mut total) = (true, false, Progress { phase: "watching", ..Progress::default() });
        loop {
            match follower.look() {
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
                }
                Err(e) => return Err(e),
            }
            let until = Instant::now() + follower.rest(every);
            while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                if monitor.stopped() {
                    return Ok(());
                }
                std::thread::sleep(left.min(ASK_EVERY));
            }
            if monitor.stopped() {
                return Ok(());
            }
        }
    }
}

/// Whether it is worth waiting for what is wrong to pass.
fn may_pass(e: &Error) -> bool {
    matches!(e.code(), "source.missing" | "source.locked" | "source.log_damaged" | "source.empty" | "source.denied")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_look_comes_before_the_log_is_folded_in() {
        let every = Duration::from_millis(400);
        let millis = |n| Duration::from_millis(n);
        // Nobody writes, or little: as seldom as was asked for.
        assert_eq!(rest(every, every, 0), every);
        assert_eq!(rest(every, every, BUSY_PAGES), every);
        // At eight times that pace: an eighth of it, and it stays so.
        assert_eq!(rest(every, every, 8 * BUSY_PAGES), millis(50));
        assert_eq!(rest(every, millis(50), BUSY_PAGES), millis(50));
        // The pace falls: twice as long.
        assert_eq!(rest(every, millis(50), BUSY_PAGES / 2), millis(100));
        assert_eq!(rest(every, millis(50), 1), every);
        // However busy, not without a rest.
        assert_eq!(rest(every, millis(20), 1_000_000), REST_MIN);
    }
}
