//! Staying with a server: look after look over the same connections, each as cheap for the server as it can be.
//!
//! The first look is a visit like any other. Where it leaves nothing owed, the server is asked to send the slot from then on: it decodes each change
//! once, when it is committed, and a look takes what came. Before that it asks whether the catalogue is as it was, and where the server describes a
//! table anew it asks again. Whatever is not as it was is left to another visit, for which the sending ends: what was not confirmed is shown again
//! then.
//!
//! A sender is woken for every commit of the server. Where there are so many that it would cost the server more than to be asked now and then, and
//! where a server does not send at all, for example because something stands between that passes on questions only, every look is a visit. To show
//! what is in a slot the server reads its log again from a place that it moves every 15 seconds or so, and forgets what it keeps of the catalogue;
//! to move the slot it reads it once more. So it is made to move that place sooner, where that costs it less than what it would read again. A visit
//! first asks how far the log is, and what the catalogue is in one planned question; the slot is
//! moved once for several visits, because a few transactions that come again, and are known by their place in the log, cost the server less; and the
//! rest after a visit is longer the more the server had to read and to show. What a visit found of the catalogue is trusted by the next ones for as
//! long as while the server sends, and no longer than tables are described as they were.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, check_stop};
use crate::engine::capture::behind::Replayed;
use crate::engine::capture::open::{directory, id_of};
use crate::engine::capture::written::Written;
use crate::engine::plans::By;
use crate::engine::store::Tenant;
use crate::format::pgoutput::{Lsn, Message, Relation, is_relation};
use crate::storage::source::postgres::{Glance, Identity, Sender, Server, Slot, Table, WalStatus};

use super::recorder::Recorder;
use super::state::{self, State, fact_name};
use super::stream::Stream;
use super::{PgCapture, PgCaptured, capture, capturing, hold_open, watch_slot};

/// Messages that may come again before the slot is moved. To show so many costs a server as much as half of moving it.
const AGAIN_MAX: u64 = 2000;
/// Bytes of log that the slot may be moved late by; at most this part of what the server may keep for it.
const LATE_BYTES_MAX: u64 = 1 << 20;
const LATE_PART: u64 = 16;
/// The longest that a log is trusted to say by standing still that there is nothing to see. A slot that was removed is not in it.
const STILL_MAX: Duration = Duration::from_secs(5);
/// The wait after a look that took what was sent or found the log standing still, and the shortest after any other.
const REST_MIN: Duration = Duration::from_millis(200);
/// The wait after a visit that cost the server as much as there is.
const REST_MAX: Duration = Duration::from_secs(1);
/// What a visit makes the next one wait for: for each MiB of log that is read, for each 1,000 messages that are shown, for each 1,000 rows of
/// the catalogue that are counted.
const REST_LOG: Duration = Duration::from_millis(80);
const REST_MESSAGES: Duration = Duration::from_millis(150);
const REST_CATALOGUE: Duration = Duration::from_millis(20);
/// Messages that come of a sender in a second, at most: it is woken for each commit, and beside about 60 of them a second, with five messages and
/// one or two about how far it is, that costs the server as much as being asked every 0.3 seconds.
const SENT_MAX: f64 = 400.0;
/// How long that is looked at before it is believed.
const SENT_FOR: Duration = Duration::from_secs(1);
/// Transactions in a second from which on a server that is asked goes on being asked. Fewer than make it so, because to find out that they are too
/// many costs a second of sending.
const ASKED_MIN: f64 = 40.0;
/// How long a server has to be less busy than that before it sends again, and how long one is asked that refused to send.
const ASKED_FOR: Duration = Duration::from_secs(10);
const REFUSED_FOR: Duration = Duration::from_secs(60);
/// MiB of log times seconds, since the server was last made to note where reading may begin, from which on it is again. To note it costs a server
/// 1.8 ms, to read a MiB of log 1.2 ms, and visits with what moves the slot read two or three times a second: for R MiB a second all of it is least
/// where that is done every sqrt(1.2 / R) seconds. A little more seldom costs hardly more, and syncs less.
const NOTED_AFTER: f64 = 2.0;
/// Bytes of log that are read for a visit, from which on that is worth it.
const NOTED_FROM_BYTES: u64 = 256 << 10;
/// How long the catalogue is left alone while the server sends, at least; longer where there is much of it, by [`REST_CATALOGUE`].
const CATALOGUE_MIN: Duration = Duration::from_secs(1);
/// How long what is sent is waited for at a time.
const SENT_WAIT: Duration = Duration::from_millis(50);
/// How long nothing at all may come of what is known to be committed, before the look ends: the server is busy with a large transaction.
const SILENCE_MAX: Duration = Duration::from_secs(2);
/// The same where the log ends in the middle of what is being written, as it can at the end of a page: there may be nothing to come.
const SILENCE_PAGE_MAX: Duration = Duration::from_millis(100);
/// How long nothing may come in the middle of a transaction, before the connection counts as lost.
const SILENCE_LOST: Duration = Duration::from_secs(120);
/// Bytes of a page of the log, and of the head that a page may begin with.
const PAGE_BYTES: u64 = 8192;
const PAGE_HEAD_BYTES: u64 = 40;
/// How long a watch waits for a server that is away, at most.
const AWAY_MAX: Duration = Duration::from_secs(30);

/// What a look found that holds for the next one.
pub(super) struct Seen {
    /// As [`crate::storage::source::postgres::Glance`] has it, and when it was asked.
    pub(super) catalogue: String,
    pub(super) asked: Instant,
    pub(super) tables: Vec<Table>,
    pub(super) enums: Vec<(String, Vec<String>)>,
    /// Everything before this place in the log is recorded.
    pub(super) durable: Lsn,
    /// Nothing is owed but what comes after that.
    pub(super) settled: bool,
    pub(super) work: Work,
    pub(super) identity: Identity,
    /// The slot as it stands; `None` where that is to be asked.
    pub(super) slot: Option<Slot>,
    /// What the server said of tables when it showed the slot last.
    pub(super) relations: HashMap<u32, Relation>,
}

impl Seen {
    /// Whether the catalogue should be looked at again.
    fn is_old(&self) -> bool {
        self.asked.elapsed() >= REST_CATALOGUE.mul_f64(self.work.rows as f64 / 1e3).clamp(CATALOGUE_MIN, STILL_MAX)
    }

    /// What the next visit may take for granted, until it is shown otherwise: where the log ends now is all that it asks.
    pub(super) fn trusted(&self, server: &mut Server) -> Result<Option<Glance>> {
        let is_kept = self.slot.as_ref().is_some_and(|slot| slot.status == WalStatus::Kept && !slot.active);
        if self.is_old() || !self.settled || !is_kept || self.relations.is_empty() {
            return Ok(None);
        }
        let identity = Identity { lsn: server.log_end()?, ..self.identity.clone() };
        Ok(Some(Glance { identity, slot: self.slot.clone(), rows: self.work.rows, catalogue: self.catalogue.clone() }))
    }

    /// Whether the catalogue says the same as before, and the slot is well. What is temporary may differ.
    fn holds(&mut self, what: &PgCapture, server: &mut Server) -> Result<Option<Slot>> {
        let name = what.slot_name();
        let glance = server.glance(&name)?;
        let Some(slot) = glance.slot.filter(|slot| slot.status != WalStatus::Lost && slot.held_bytes <= what.slot_bytes_max) else { return Ok(None) };
        if glance.catalogue != self.catalogue {
            let (whole, inserts) = what.followed(&self.tables)?;
            let is_same = server.tables()? == self.tables && server.enums()? == self.enums && server.publishes(&name, &whole, &inserts)?;
            if !is_same {
                return Ok(None);
            }
        }
        (self.catalogue, self.work.rows, self.asked) = (glance.catalogue, glance.rows, Instant::now());
        Ok(Some(slot))
    }
}

/// What a visit had the server do.
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

/// A visit that goes on where the last one over the same connection ended.
pub(super) struct Followed {
    /// How far the log was durable when the look began.
    pub(super) durable: Lsn,
    /// Nothing was committed since the last look.
    pub(super) stands_still: bool,
    confirmed: Lsn,
    late_bytes: u64,
    /// Where the catalogue was not looked at: what the server said of tables when it was.
    trusted: Option<HashMap<u32, Relation>>,
}

impl Followed {
    pub(super) fn new(what: &PgCapture, slot: &Slot, identity: &Identity, seen: &Seen, state: &State, trusts: bool) -> Self {
        // What a scan saw, or is to see, is told from what it did not see by where the slot stands.
        let scanned = state.scan.is_some() || state.skip.is_some();
        Followed {
            durable: identity.lsn,
            stands_still: seen.durable == identity.lsn && !scanned,
            confirmed: slot.confirmed,
            late_bytes: if scanned { 0 } else { LATE_BYTES_MAX.min(what.slot_bytes_max / LATE_PART) },
            trusted: trusts.then(|| seen.relations.clone()),
        }
    }

    /// Refuses a message that describes a table otherwise than it was when the catalogue was looked at, with the code [`OTHER`].
    pub(super) fn check(&self, message: &[u8]) -> Result<()> {
        let Some(trusted) = self.trusted.as_ref().filter(|_| is_relation(message)) else { return Ok(()) };
        match Message::parse(message)? {
            Message::Relation(relation) if trusted.get(&relation.id) != Some(&relation) => Err(other()),
            _ => Ok(()),
        }
    }

    /// Whether the slot may stay where it is, although everything before `to` is recorded and the look was shown so many messages.
    pub(super) fn may_wait(&self, shown: u64, to: Lsn) -> bool {
        shown < AGAIN_MAX && to.0.saturating_sub(self.confirmed.0) < self.late_bytes
    }
}

/// What is open between two looks.
struct Following {
    sender: Sender,
    /// What the server said of tables: it says so once.
    relations: HashMap<u32, Relation>,
    /// The slot as it was seen last.
    slot: Option<Slot>,
    pace: Pace,
}

/// How much comes of a sender.
struct Pace {
    since: Instant,
    frames: u64,
}

impl Pace {
    /// Whether so much came until now that the server is better asked; only the last second or so counts.
    fn is_too_much(&mut self, frames: u64, now: Instant) -> bool {
        let took = now.saturating_duration_since(self.since);
        if took < SENT_FOR {
            return false;
        }
        let came = frames.saturating_sub(self.frames);
        *self = Pace { since: now, frames };
        came as f64 > SENT_MAX * took.as_secs_f64()
    }
}

/// Until when a server is asked that was to be asked until `until`, after a visit that found so many transactions since the look before it.
fn asked_on(until: Instant, transactions: u64, since: Duration, now: Instant) -> Instant {
    if transactions as f64 > ASKED_MIN * since.as_secs_f64() { until.max(now + ASKED_FOR) } else { until }
}

/// Whether a server whose log was at a place, when it was last made to note where reading may begin, should note it again.
fn is_noted_again((when, then): (Instant, Lsn), log: Lsn, now: Instant) -> bool {
    let mib = log.0.saturating_sub(then.0) as f64 / f64::from(1 << 20);
    mib * now.saturating_duration_since(when).as_secs_f64() >= NOTED_AFTER
}

/// What came of taking what was sent.
struct Taken {
    captured: PgCaptured,
    /// Something is not as it was: a visit has to look.
    is_other: bool,
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
    /// Until when it is asked, rather than that it sends.
    asked: Option<Instant>,
    /// When one that is asked was last made to note where reading may begin, and how far its log was.
    marked: Option<(Instant, Lsn)>,
    /// It was said that the server does not send.
    noted: bool,
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
        let turn = capturing(self.tenant, &self.what.name);
        let mut held = hold_open(&turn);
        let mut following = held.take().and_then(|open| open.downcast::<Following>().ok());
        let mut server = match server {
            Some(server) => server,
            None => {
                following = None;
                Server::connect(&self.what.address(self.tenant))?
            }
        };
        let still = seen.as_ref().filter(|seen| seen.settled).map(|seen| seen.durable);
        if let (Some(durable), Some((when, found))) = (still, &looked)
            && when.elapsed() < STILL_MAX
            && server.log_end()? == durable
            && following.as_mut().is_none_or(|following| following.sender.confirm(durable).is_ok())
        {
            let PgCaptured { lsn, slot_bytes, slot_safe_bytes, skipped, .. } = found.clone();
            *held = following.map(|following| following as Box<dyn Any + Send>);
            (self.server, self.seen, self.looked, self.rest) = (Some(server), seen, looked, REST_MIN);
            return Ok(PgCaptured { lsn, slot_bytes, slot_safe_bytes, skipped, ..PgCaptured::default() });
        }
        let began = Instant::now();
        let taken = match (&mut following, &mut seen) {
            (Some(following), Some(seen)) if seen.settled => self.take(following, &mut server, seen),
            _ => Ok(Taken { captured: PgCaptured::default(), is_other: true }),
        };
        let Taken { mut captured, is_other } = taken?;
        let now = Instant::now();
        if is_other {
            drop(following.take());
            if self.asked.is_some() {
                server.read_slot_apart(&self.what.address(self.tenant))?;
            }
            captured = captured.and_then(capture(self.tenant, self.what, self.by, &mut server, &mut seen, self.monitor)?);
            if let (Some(until), Some((before, _))) = (&mut self.asked, &looked) {
                *until = asked_on(*until, captured.transactions, began - *before, now);
                self.mark(&mut server, &seen, now);
            }
            if self.asked.is_none_or(|until| now >= until) && seen.as_ref().is_some_and(|seen| seen.settled) {
                following = self.follow(&mut server).map(Box::new);
            }
        } else if following.as_mut().is_some_and(|following| following.pace.is_too_much(following.sender.frames(), now)) {
            following = None;
            self.asked = Some(now + ASKED_FOR);
        }
        self.rest = match (&following, &seen) {
            (None, Some(seen)) => seen.work.rest(),
            _ => REST_MIN,
        };
        *held = following.map(|following| following as Box<dyn Any + Send>);
        (self.server, self.seen, self.looked) = (Some(server), seen, Some((began, captured.clone())));
        Ok(captured)
    }

    /// Has the server send the slot, where it does.
    fn follow(&mut self, server: &mut Server) -> Option<Following> {
        let (name, now) = (self.what.slot_name(), Instant::now());
        match server.send(&self.what.address(self.tenant), &name, &name) {
            Ok(sender) => {
                self.asked = None;
                Some(Following { sender, relations: HashMap::new(), slot: None, pace: Pace { since: now, frames: 0 } })
            }
            Err(e) => {
                self.asked = Some(now + REFUSED_FOR);
                if !std::mem::replace(&mut self.noted, true) {
                    self.monitor.note(&format!("the server does not send what is committed, so it is asked for it: {e}"));
                }
                None
            }
        }
    }

    /// Has a server that is asked note where reading may begin, where that is worth it. It is never needed.
    fn mark(&mut self, server: &mut Server, seen: &Option<Seen>, now: Instant) {
        let Some((seen, slot)) = seen.as_ref().filter(|seen| seen.settled).and_then(|seen| Some((seen, seen.slot.as_ref()?))) else { return };
        let durable = seen.durable;
        let marked = *self.marked.get_or_insert((now, durable));
        if slot.held_bytes >= NOTED_FROM_BYTES && is_noted_again(marked, durable, now) {
            // Refused for example where it has no slot to spare.
            let rest = if server.note_running(&self.what.slot_name()).is_ok() { Duration::ZERO } else { REFUSED_FOR };
            self.marked = Some((now + rest, durable));
        }
    }

    /// Records what was sent, up to where the log is durable now.
    fn take(&self, following: &mut Following, server: &mut Server, seen: &mut Seen) -> Result<Taken> {
        let (tenant, what) = (self.tenant, self.what);
        let mut taken = Taken { captured: PgCaptured::default(), is_other: true };
        let Some(mut state) = state::load(tenant, &what.name)?.filter(is_plain) else { return Ok(taken) };
        let replayed = tenant.inner.catalog.read(|rows| Replayed::find(rows, &state.status()))?;
        if replayed.is_some() || Written::find(&directory(&tenant.inner, &id_of(tenant, &what.prefix)))?.is_some() {
            return Ok(taken);
        }
        // First, because what is committed by then is part of this look.
        let durable = server.log_end()?;
        // It moves while it is sent.
        seen.slot = None;
        if seen.is_old() {
            following.slot = seen.holds(what, server)?;
            let Some(slot) = &following.slot else { return Ok(taken) };
            watch_slot(what, server, &what.slot_name(), slot, &mut taken.captured)?;
        }
        let target = what.target(tenant, self.by, server);
        let (whole, inserts) = what.followed(&seen.tables)?;
        let tables: HashMap<i64, Table> = whole.into_iter().chain(inserts).map(|t| (t.oid, t.clone())).collect();
        let known: HashSet<i64> = tables.keys().copied().collect();
        let mut recorder = Recorder::new(tenant, fact_name(tenant.id, &what.name), &mut taken.captured);
        let Following { sender, relations, slot, .. } = following;
        let mut no_schema = None;
        let mut stream = Stream::new(&target, &mut recorder, &mut state, &tables, &known, &mut no_schema, relations, false);
        let mut heard = Instant::now();
        let silence = if durable.0 % PAGE_BYTES <= PAGE_HEAD_BYTES { SILENCE_PAGE_MAX } else { SILENCE_MAX };
        let mut is_other = sender.sent() < durable && sender.ask().is_err();
        while !is_other && (sender.sent().max(stream.read_to) < durable || stream.is_open()) {
            check_stop(self.monitor)?;
            let came = sender.read(SENT_WAIT, &mut |message| {
                check_stop(self.monitor)?;
                // The server describes a table before its first row, and when something about it may have changed.
                if is_relation(message) {
                    *slot = seen.holds(what, server)?;
                    is_other = slot.is_none();
                }
                if is_other { Err(other()) } else { stream.take(message) }
            });
            let silent = heard.elapsed();
            match came {
                Ok(true) => heard = Instant::now(),
                Ok(false) if !stream.is_open() && silent >= silence => break,
                Ok(false) if silent < SILENCE_LOST => {}
                // What was not recorded is shown to a visit, which also finds out whether the server is there.
                Err(e) if !IS_FOR_A_VISIT.contains(&e.code()) => return Err(e),
                Ok(false) | Err(_) => {
                    is_other = true;
                    break;
                }
            }
        }
        let read_to = stream.read_to;
        recorder.commit()?;
        // What is left to a scan is not sent again once it is confirmed, so the wish for the scan must be as durable.
        if state.scan.is_some() {
            recorder.set_state(&state)?;
        }
        seen.durable = sender.sent().max(read_to).max(seen.durable);
        seen.settled = is_plain(&state);
        match sender.confirm(seen.durable) {
            Err(e) if !IS_FOR_A_VISIT.contains(&e.code()) => return Err(e),
            confirmed => is_other |= confirmed.is_err() || !seen.settled,
        }
        let captured = &mut taken.captured;
        captured.lsn = Lsn(state.lsn.max(state.high));
        captured.skipped = what.skipped(&seen.tables)?;
        (captured.slot_bytes, captured.slot_safe_bytes) = slot.as_ref().map_or((0, None), |slot| (slot.held_bytes, slot.safe_bytes));
        taken.is_other = is_other;
        Ok(taken)
    }

    /// How long to wait for the next look.
    pub fn rest(&self) -> Duration {
        self.rest
    }
}

/// The code of what is passed through a reader of messages, and never seen.
pub(super) const OTHER: &str = "capture.other";

fn other() -> Error {
    Error::new(Kind::Failed, OTHER, "the catalogue changed")
}

/// What ends taking what is sent, and is no reason to say so.
const IS_FOR_A_VISIT: [&str; 3] = [OTHER, "source.unreachable", "source.lost"];

/// Whether nothing has to be done for a state but to go on.
fn is_plain(state: &State) -> bool {
    state.scan.is_none() && state.skip.is_none() && state.behind.is_none() && state.told.is_none()
}

impl Drop for PgFollower<'_> {
    fn drop(&mut self) {
        // The slot is free for whoever comes next.
        *hold_open(&capturing(self.tenant, &self.what.name)) = None;
    }
}

impl Tenant {
    /// Follows a PostgreSQL database; nobody is asked before the first look. Who waits between looks decides how long.
    ///
    /// # Errors
    /// [`Kind::Usage`] where name, prefix or patterns cannot be used.
    pub fn follow_postgres<'w>(&'w self, what: &'w PgCapture, by: &'w By, monitor: &'w dyn Monitor) -> Result<PgFollower<'w>> {
        what.check()?;
        Ok(PgFollower {
            tenant: self,
            what,
            by,
            monitor,
            server: None,
            seen: None,
            looked: None,
            asked: None,
            marked: None,
            noted: false,
            rest: REST_MIN,
        })
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
        // 200 transactions a second of five messages, the log read from eight seconds before.
        assert_eq!(millis(3 << 18, 500, 100), 337);
        // A few transactions a second.
        assert_eq!(millis(1 << 14, 20, 100), 206);
        assert_eq!(millis(0, 0, 40_000), 1000);
        assert_eq!(millis(u64::MAX, u64::MAX, u64::MAX), 1000, "as seldom as that, and not more seldom");
    }

    #[test]
    fn a_server_with_many_commits_is_better_asked() {
        let began = Instant::now();
        let mut pace = Pace { since: began, frames: 0 };
        let mut after = |millis, frames| pace.is_too_much(frames, began + Duration::from_millis(millis));
        assert!(!after(900, 50_000), "one large transaction may be over already");
        assert!(!after(200_000, 50_000) && !after(201_000, 50_300));
        assert!(after(202_000, 51_000), "only the last second counts");
        assert!(!after(203_000, 51_399));
    }

    #[test]
    fn where_reading_may_begin_is_noted_more_often_the_faster_the_log_grows() {
        let now = Instant::now();
        // How long after it was noted, at so many KiB of log a second.
        let after = |kib: u64| (1..).find(|s| is_noted_again((now, Lsn(5)), Lsn(5 + kib * 1024 * s), now + Duration::from_secs(*s)));
        assert_eq!([16384, 1024, 100, 10].map(|kib| after(kib).expect("at last")), [1, 2, 5, 15]);
        assert!(!is_noted_again((now, Lsn(5)), Lsn(5), now + Duration::from_secs(9999)), "nothing to read");
        assert!(!is_noted_again((now + REFUSED_FOR, Lsn(5)), Lsn(u64::MAX), now + REFUSED_FOR / 2), "it was refused");
    }

    #[test]
    fn a_busy_server_is_asked_on_without_trying_whether_it_still_is() {
        let now = Instant::now();
        let (until, third) = (now + Duration::from_secs(3), Duration::from_millis(333));
        assert_eq!(asked_on(until, 60, third, now), now + ASKED_FOR);
        assert_eq!(asked_on(until, 10, third, now), until, "quiet enough, but for how long");
        assert_eq!(asked_on(until, 60, Duration::from_secs(60), now), until, "a minute's");
        assert_eq!(asked_on(now + REFUSED_FOR, 60, third, now), now + REFUSED_FOR);
    }
}
