//! Staying with a server: look after look over the same connections, each as cheap for the server as it can be.
//!
//! To show what is in a slot the server reads its log again from a place that it moves every 15 seconds or so, and forgets what it keeps of the
//! catalogue; to move the slot it reads it once more. So a look first asks how far the log is. Where that stands still there is nothing to show,
//! and the next look may come soon. Otherwise one planned question says what else there is to know: where the catalogue is as it was it is not read
//! again; and the slot is moved once for several looks, because a few transactions that come again, and are known by their place in the log, cost
//! the server less. After that there is a rest, which is longer the more the server had to read and to show.

use std::time::{Duration, Instant};

use crate::base::error::{Kind, Result};
use crate::base::monitor::Monitor;
use crate::engine::plans::By;
use crate::engine::store::Tenant;
use crate::format::pgoutput::Lsn;
use crate::storage::source::postgres::{Identity, Server, Slot, Table};

use super::state::State;
use super::{PgCapture, PgCaptured, capture};

/// Messages that may come again before the slot is moved. To show so many costs a server as much as half of moving it.
const AGAIN_MAX: u64 = 2000;
/// Bytes of log that the slot may be moved late by; at most this part of what the server may keep for it.
const LATE_BYTES_MAX: u64 = 1 << 20;
const LATE_PART: u64 = 16;
/// The longest that a log is trusted to say by standing still that there is nothing to see. A slot that was removed is not in it.
const STILL_MAX: Duration = Duration::from_secs(5);
/// The wait after a look that found the log standing still, and the shortest after any other.
const REST_MIN: Duration = Duration::from_millis(200);
/// The wait after a look that cost the server as much as there is.
const REST_MAX: Duration = Duration::from_secs(1);
/// What a look makes the next one wait for: for each MiB of log that is read, for each 1,000 messages that are shown, for each 1,000 rows of
/// the catalogue that are counted. Messages weigh most, so that a server with hundreds of transactions a second is asked once a second, which
/// costs it 4 % of what they do: twice as often would cost twice as much.
const REST_LOG: Duration = Duration::from_millis(80);
const REST_MESSAGES: Duration = Duration::from_millis(500);
const REST_CATALOGUE: Duration = Duration::from_millis(20);
/// How long a watch waits for a server that is away, at most.
const AWAY_MAX: Duration = Duration::from_secs(30);

/// What a look found that holds for the next one.
pub(super) struct Seen {
    /// As [`crate::storage::source::postgres::Glance`] has it.
    pub(super) catalogue: String,
    pub(super) tables: Vec<Table>,
    pub(super) enums: Vec<(String, Vec<String>)>,
    /// Everything before this place in the log is recorded.
    pub(super) durable: Lsn,
    /// Nothing is owed but what comes after that.
    pub(super) settled: bool,
    pub(super) work: Work,
}

/// What a look had the server do.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Work {
    /// Bytes of log that are read to show anything; none where nothing was shown.
    pub(super) log_bytes: u64,
    pub(super) messages: u64,
    /// Rows of the catalogue that were counted.
    pub(super) rows: u64,
}

impl Work {
    /// How long the server is left alone after it.
    fn rest(self) -> Duration {
        let part = |rest: Duration, of: u64, unit: f64| rest.mul_f64(of as f64 / unit);
        let parts = [part(REST_LOG, self.log_bytes, 1048576.0), part(REST_MESSAGES, self.messages, 1e3), part(REST_CATALOGUE, self.rows, 1e3)];
        REST_MAX.min(REST_MIN + parts.into_iter().map(|rest| rest.min(REST_MAX)).sum())
    }
}

/// A look that goes on where the last one over the same connection ended.
pub(super) struct Followed {
    /// How far the log was durable when the look began.
    pub(super) durable: Lsn,
    /// Nothing was committed since the last look.
    pub(super) stands_still: bool,
    confirmed: Lsn,
    late_bytes: u64,
}

impl Followed {
    pub(super) fn new(what: &PgCapture, slot: &Slot, identity: &Identity, seen: &Seen, state: &State) -> Self {
        // What a scan saw, or is to see, is told from what it did not see by where the slot stands.
        let scanned = state.scan.is_some() || state.skip.is_some();
        Followed {
            durable: identity.lsn,
            stands_still: seen.durable == identity.lsn && !scanned,
            confirmed: slot.confirmed,
            late_bytes: if scanned { 0 } else { LATE_BYTES_MAX.min(what.slot_bytes_max / LATE_PART) },
        }
    }

    /// Whether the slot may stay where it is, although everything before `to` is recorded and the look was shown so many messages.
    pub(super) fn may_wait(&self, shown: u64, to: Lsn) -> bool {
        shown < AGAIN_MAX && to.0.saturating_sub(self.confirmed.0) < self.late_bytes
    }
}

/// A capture that goes on over the same connections.
pub struct PgFollower<'w> {
    tenant: &'w Tenant,
    what: &'w PgCapture,
    by: &'w By,
    monitor: &'w dyn Monitor,
    server: Option<Server>,
    seen: Option<Seen>,
    /// When the server was last asked for more than how far its log is, and what that found.
    looked: Option<(Instant, PgCaptured)>,
    rest: Duration,
}

impl PgFollower<'_> {
    /// Captures what was committed since the last look.
    ///
    /// # Errors
    /// As [`Tenant::capture_postgres`]. The next look begins with a new connection then.
    pub fn look(&mut self) -> Result<PgCaptured> {
        // A session that failed may be in any state: it comes back only when all went well.
        let (server, mut seen, looked) = (self.server.take(), self.seen.take(), self.looked.take());
        self.rest = REST_MIN;
        let mut server = match server {
            Some(server) => server,
            None => {
                let address = self.what.address(self.tenant);
                let mut server = Server::connect(&address)?;
                server.read_slot_apart(&address)?;
                server
            }
        };
        let still = seen.as_ref().filter(|seen| seen.settled).map(|seen| seen.durable);
        if let (Some(durable), Some((when, found))) = (still, &looked)
            && when.elapsed() < STILL_MAX
            && server.log_end()? == durable
        {
            let PgCaptured { lsn, slot_bytes, slot_safe_bytes, skipped, .. } = found.clone();
            (self.server, self.seen, self.looked) = (Some(server), seen, looked);
            return Ok(PgCaptured { lsn, slot_bytes, slot_safe_bytes, skipped, ..PgCaptured::default() });
        }
        let began = Instant::now();
        let captured = capture(self.tenant, self.what, self.by, &mut server, &mut seen, self.monitor)?;
        self.rest = seen.as_ref().map_or(REST_MIN, |seen| seen.work.rest());
        (self.server, self.seen, self.looked) = (Some(server), seen, Some((began, captured.clone())));
        Ok(captured)
    }

    /// How long to wait for the next look: the more the last one cost the server, the longer.
    pub fn rest(&self) -> Duration {
        self.rest
    }
}

impl Tenant {
    /// Follows a PostgreSQL database; nobody is asked before the first look. Who waits between looks decides how long.
    ///
    /// # Errors
    /// [`Kind::Usage`] where name, prefix or patterns cannot be used.
    pub fn follow_postgres<'w>(&'w self, what: &'w PgCapture, by: &'w By, monitor: &'w dyn Monitor) -> Result<PgFollower<'w>> {
        what.check()?;
        Ok(PgFollower { tenant: self, what, by, monitor, server: None, seen: None, looked: None, rest: REST_MIN })
    }

    /// Captures, and again and again, until the monitor stops it; that is its orderly end. A server that is away is waited for.
    /// `each` is told of the first capture, and of each that recorded something.
    pub fn watch_postgres(&self, what: &PgCapture, by: &By, monitor: &dyn Monitor, each: &mut dyn FnMut(&PgCaptured) -> Result<()>) -> Result<()> {
        let mut follower = self.follow_postgres(what, by, monitor)?;
        let mut first = true;
        let mut away = REST_MAX;
        loop {
            let wait = match follower.look() {
                Ok(captured) => {
                    if first || captured.receipt.is_some() || !captured.notes.is_empty() {
                        each(&captured)?;
                    }
                    (first, away) = (false, REST_MAX);
                    follower.rest()
                }
                Err(e) if e.kind() == Kind::Interrupted => return Ok(()),
                Err(e) if !first && ["source.unreachable", "source.busy"].contains(&e.code()) => {
                    if away == REST_MAX {
                        monitor.note(&format!("{e}; waiting for it"));
                    }
                    away = (away * 2).min(AWAY_MAX);
                    away
                }
                Err(e) => return Err(e),
            };
            let until = Instant::now() + wait;
            while Instant::now() < until {
                if monitor.stopped() {
                    return Ok(());
                }
                std::thread::sleep(until.saturating_duration_since(Instant::now()).min(Duration::from_millis(100)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_longer_the_more_a_look_cost_the_server() {
        let millis = |log_bytes, messages, rows| Work { log_bytes, messages, rows }.rest().as_millis();
        assert_eq!(millis(0, 0, 0), 200);
        // 200 transactions a second of five messages, the log read from 15 seconds before.
        assert_eq!(millis(3 << 19, 1000, 100), 822);
        // A few transactions a second.
        assert_eq!(millis(1 << 14, 20, 100), 213);
        assert_eq!(millis(0, 0, 40_000), 1000);
        assert_eq!(millis(u64::MAX, u64::MAX, u64::MAX), 1000, "as seldom as that, and not more seldom");
    }
}
