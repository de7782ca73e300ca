//! Staying with a server: look after look over the same connections, each as cheap for the server as it can be.
//!
//! To show what is in a slot the server reads its log again from a place that it moves every 15 seconds or so, and forgets what it keeps of the
//! catalogue; to move the slot it reads it once more. So a look first asks one planned question. Where the log stands still there is nothing to
//! show; where the catalogue is as it was it is not read again; and the slot is moved once for several looks, because a few transactions that
//! come again, and are known by their place in the log, cost the server less.

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
}

impl PgFollower<'_> {
    /// Captures what was committed since the last look.
    ///
    /// # Errors
    /// As [`Tenant::capture_postgres`]. The next look begins with a new connection then.
    pub fn look(&mut self) -> Result<PgCaptured> {
        // A session that failed may be in any state: it comes back only when all went well.
        let (server, mut seen) = (self.server.take(), self.seen.take());
        let mut server = match server {
            Some(server) => server,
            None => {
                let address = self.what.address(self.tenant);
                let mut server = Server::connect(&address)?;
                server.read_slot_apart(&address)?;
                server
            }
        };
        let captured = capture(self.tenant, self.what, self.by, &mut server, &mut seen, self.monitor)?;
        (self.server, self.seen) = (Some(server), seen);
        Ok(captured)
    }
}

impl Tenant {
    /// Follows a PostgreSQL database; nobody is asked before the first look. Who waits between looks decides how long.
    ///
    /// # Errors
    /// [`Kind::Usage`] where name, prefix or patterns cannot be used.
    pub fn follow_postgres<'w>(&'w self, what: &'w PgCapture, by: &'w By, monitor: &'w dyn Monitor) -> Result<PgFollower<'w>> {
        what.check()?;
        Ok(PgFollower { tenant: self, what, by, monitor, server: None, seen: None })
    }

    /// Captures, and again every `pause`, until the monitor stops it; that is its orderly end. A server that is away is waited for.
    /// `each` is told of the first capture, and of each that recorded something.
    pub fn watch_postgres(
        &self,
        what: &PgCapture,
        by: &By,
        pause: Duration,
        monitor: &dyn Monitor,
        each: &mut dyn FnMut(&PgCaptured) -> Result<()>,
    ) -> Result<()> {
        let mut follower = self.follow_postgres(what, by, monitor)?;
        let mut first = true;
        let mut away = pause;
        loop {
            let wait = match follower.look() {
                Ok(captured) => {
                    if first || captured.receipt.is_some() || !captured.notes.is_empty() {
                        each(&captured)?;
                    }
                    (first, away) = (false, pause);
                    pause
                }
                Err(e) if e.kind() == Kind::Interrupted => return Ok(()),
                Err(e) if !first && ["source.unreachable", "source.busy"].contains(&e.code()) => {
                    if away == pause {
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
