//! Doing jobs: one lane after the other within a lane, lanes beside each other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::base::error::{Error, Kind, Result};
use crate::base::random::Random;
use crate::base::time::Timestamp;
use crate::engine::compact::CompactOptions;
use crate::engine::drill::DrillOptions;
use crate::engine::offsite::{OpenRemote, ShipOptions};
use crate::engine::plans::By;
use crate::engine::seal::SealOptions;
use crate::engine::store::{Store, Tenant};
use crate::model::job::{Job, Task};
use crate::model::moment::{self, show_short};
use crate::storage::catalog::ledger::Contact;
use crate::storage::config::{Period, Rate};
use crate::storage::remote::Policy;

use super::lines::asked;
use super::live::{Halt, Live};
use super::order::{self, Outcome};
use super::proof::{self, Depth};
use super::queue::{End, is_outside};
use super::schedule;
use super::site::{News, Site, capture_of, is_full_here};
use super::tally::Carried;
use super::watch;

/// The longest that a lane sleeps without looking at the clock, which may have been put or have stood still.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How long a worker waits where the catalogue cannot be read or written.
const UNWRITTEN: Duration = Duration::from_secs(5);
/// Minutes of the line that one tenant may take before others get their turn.
const TURN_MINUTES: u64 = 4;
/// How far apart tries to reach a remote are: five seconds at first, fifteen minutes when it has been away for long.
const REACH: Policy = Policy { attempts: 1, first: Duration::from_secs(5), longest: Duration::from_secs(900) };
/// Shares of an allowance: no object is larger, so that the last one does not overshoot by more.
const ALLOWANCE_SHARES: u64 = 64;
/// Bytes: the smallest object that an allowance is cut into.
const OBJECT_BYTES_MIN: u64 = 64 << 10;
/// Bytes read back by one patrol, at least; and the share of the store that it reads, so that a round takes about a month of daily ones.
const PATROL: (u64, u64) = (64 << 20, 30);
/// Fact: when the rules were last looked at, microseconds since 1970.
const FORGET_CLOCK: &str = "forget clock";
/// Microseconds: a clock that is further ahead of the last look may be wrong, and what is forgotten is gone. The next look, a day later on the same
/// clock, believes it: until then somebody may put it right.
const LEAP: i64 = 8 * 86_400 * SECOND;
/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// Does jobs of a lane until the agent stops or the configuration has no such lane any more.
pub(super) fn work(site: &Site, lane: &str, wanted: impl Fn() -> bool) {
    while !site.is_stopping() && wanted() {
        let seen = site.pulse();
        match run_next(site, lane) {
            Ok(true) => continue,
            Ok(false) => {}
            Err(e) => {
                site.note_error(&e);
                site.pause(UNWRITTEN);
            }
        }
        let store = site.store();
        let opens = store.inner.catalog.read(|v| v.lane_opens(lane)).ok().flatten();
        let wait = opens.map_or(LOOK_EVERY, |at| Duration::from_micros(u64::try_from(at.0.saturating_sub(store.now_is().0)).unwrap_or(0)));
        // A moment at least: where nothing can be claimed because the catalogue fails, nobody runs hot.
        site.wait(seen, wait.clamp(Duration::from_millis(200), LOOK_EVERY));
    }
}

/// Does the next job of a lane that may be done now; `false` where there is none.
pub(super) fn run_next(site: &Site, lane: &str) -> Result<bool> {
    let store = site.store();
    let queue = site.queue(&store);
    while let Some((job, end)) = site.take_unwritten(lane) {
        if let Err(e) = queue.end(&job, &end) {
            site.keep_unwritten(lane, job, end);
            return Err(e);
        }
    }
    let Some(job) = queue.claim(lane)? else { return Ok(false) };
    let live = site.begin(&job);
    let began = site.elapsed();
    let done = catch_unwind(AssertUnwindSafe(|| perform(site, &store, &job, &live)));
    let end = match done {
        Ok(Ok(_)) if live.halt() == Halt::Lost => End::Stopped(live.wish()),
        Ok(Ok(end)) => end,
        Ok(Err(e)) if e.kind() == Kind::Interrupted && live.halt() == Halt::Closed => {
            let until = schedule::opens(&store.config().schedule, store.now_is(), &store.zone()).unwrap_or(store.now_is());
            End::Wait(until, closed(&store, until))
        }
        Ok(Err(e)) if e.kind() == Kind::Interrupted => End::Stopped(live.wish()),
        Ok(Err(e)) if matches!(job.task, Task::Apply(_)) && is_final(&e) => End::Refused(e),
        Ok(Err(e)) => End::Failed(e),
        Err(_) => End::Failed(Error::new(Kind::Failed, "job.panic", "the program has a mistake here").hint("please report it")),
    };
    site.finish(&job);
    let ended = match &end {
        End::Done(_) => 0,
        End::Wait(..) => 1,
        End::Stopped(_) => 2,
        End::Failed(_) | End::Refused(_) => 3,
    };
    // A job that was just asked for may be done from then on; one that was tried, only later.
    let again = job.attempts > 0 || job.not_before > job.created;
    site.tally(|t| t.tried(job.task.kind(), ended, again, site.elapsed().saturating_sub(began)));
    if let End::Failed(e) = &end {
        site.note_error(e);
    }
    // What was done is done. That it was must be written before anything else of the lane is begun.
    if let Err(e) = queue.end(&job, &end) {
        site.keep_unwritten(lane, job, end);
        return Err(e);
    }
    if !matches!(end, End::Failed(_)) {
        site.note_space(false);
    }
    site.poke();
    Ok(true)
}

fn perform(site: &Site, store: &Store, job: &Job, live: &Live) -> Result<End> {
    match &job.task {
        Task::Capture(name) => capture(site, store, name, live),
        Task::Seal => {
            let done = store.seal(&SealOptions::default(), live)?;
            Ok(End::Done(format!("{} sealed into {}", many_batches(done.batches), many(done.objects, "object"))))
        }
        Task::Ship(name) => {
            let out = ship(site, store, name, live);
            site.leave_line(store, name, went_well(&out));
            out
        }
        Task::Verify => patrol(store, live),
        Task::Drill(name) => drill(site, store, name, live),
        Task::Forget => forget(store, live),
        Task::Compact(name) => {
            let out = compact(site, store, name, live);
            site.leave_line(store, name, went_well(&out));
            out
        }
        Task::Gc => {
            let done = store.gc(false, live)?;
            Ok(End::Done(format!("{} of {} removed", if done.removed { done.orphans } else { 0 }, many(done.chunks, "chunk"))))
        }
        Task::Apply(id) => apply(site, store, id, live),
    }
}

/// Whether what a person decided about cannot be done: the history moved on, or a rule forbids it.
fn is_final(e: &Error) -> bool {
    matches!(e.kind(), Kind::Refused | Kind::Usage | Kind::Missing | Kind::Found | Kind::Denied) && !is_outside(e)
}

/// Carries out what a person decided.
fn apply(site: &Site, store: &Store, id: &str, live: &Live) -> Result<End> {
    let outcome = order::carry_out(store, id, live, |name| site.open_beside(store, name, None))?;
    Ok(End::Done(match outcome {
        Outcome::Plan(done) => format!("{} changed", many(done.done, "document")),
        Outcome::Realign { tenants, databases } => format!("{} in line", many((tenants.len() + databases.len()) as u64, "log")),
    }))
}

/// Whether the line of this work may serve the next: it was used to the end, or somebody wanted the work to stop.
fn went_well(out: &Result<End>) -> bool {
    out.as_ref().map_or_else(|e| e.kind() == Kind::Interrupted, |end| matches!(end, End::Done(_)))
}

fn capture(site: &Site, store: &Store, name: &str, live: &Live) -> Result<End> {
    let Some(capture) = capture_of(store.config(), name) else { return Ok(End::Done("the configuration has no such capture any more".into())) };
    let news = site.take_news(name);
    let done =
        watch::source(store, capture).and_then(|source| source.capture(&watch::tenant(store, capture)?, &news, &watch::by(&*source, capture), live));
    match done {
        Ok(said) => {
            site.tally(|t| t.captured(name, store.now_is()));
            Ok(End::Done(said))
        }
        Err(e) => {
            // What this capture should have seen the next one must see.
            site.add_news(name, News::All);
            Err(e)
        }
    }
}

/// A count with its noun.
fn many(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

fn many_batches(n: u64) -> String {
    if n == 1 { "1 batch".to_owned() } else { format!("{n} batches") }
}

fn closed(store: &Store, until: Timestamp) -> String {
    format!("the window is closed until {}", show_short(until, &store.zone()))
}

/// Bytes left of the allowance, and until when it counts; `None` where there is none.
pub fn allowance_left(store: &Store) -> Result<Option<(u64, Timestamp)>> {
    let Some(allowance) = &store.config().schedule.allowance else { return Ok(None) };
    let (from, until) = schedule::period(allowance, store.now_is(), &store.zone());
    let spent = store.inner.catalog.read(|v| v.traffic_since(from))?;
    Ok(Some((allowance.bytes.saturating_sub(spent), until)))
}

/// Counts bytes that were shipped by hand against the allowance.
pub fn note_traffic(store: &Store, remote: &str, bytes: u64) -> Result<()> {
    let now = store.now_is();
    store.inner.catalog.write(|w| w.add_traffic(remote, bytes, now))
}

/// Ships in turns: the tenant with the fewest bytes first, so that a fresh small change does not wait behind a large load of another tenant.
fn ship(site: &Site, store: &Store, name: &str, live: &Live) -> Result<End> {
    if store.config().remote(name).is_err() {
        return Ok(End::Done("the configuration has no such remote any more".into()));
    }
    let (mut line, mut bytes, mut objects) = (None, 0, 0);
    let mut stuck: Vec<String> = Vec::new();
    let mut failed: Option<Error> = None;
    loop {
        let now = store.now_is();
        let Some(rate) = schedule::rate_at(&store.config().schedule, now, &store.zone()) else {
            let until = schedule::opens(&store.config().schedule, now, &store.zone()).unwrap_or(now);
            return Ok(End::Wait(until, closed(store, until)));
        };
        let rate = match rate {
            Rate::Unlimited => None,
            Rate::BytesPerSec(rate) => Some(rate),
        };
        let left = allowance_left(store)?;
        if let Some((0, until)) = left {
            return Ok(End::Wait(until, used_up(store, until)));
        }
        let waiting: Vec<(Tenant, u64)> =
            store.waiting_for(name)?.into_iter().filter(|(tenant, _)| !stuck.iter().any(|known| known == tenant.name())).collect();
        let Some((tenant, _)) = waiting.first() else { break };
        let line: &OpenRemote = match &mut line {
            Some(line) => line,
            none => match site.open_line(store, name, rate) {
                Ok(opened) => none.insert(opened),
                Err(e) => return trouble(store, name, e),
            },
        };
        live.part(bytes, bytes + waiting.iter().map(|(_, bytes)| bytes).sum::<u64>());
        let minute = store.line_minute(name)?;
        let share = store.config().schedule.allowance.map_or(u64::MAX, |a| (a.bytes / ALLOWANCE_SHARES).max(OBJECT_BYTES_MIN));
        let seal = SealOptions { object_bytes_max: SealOptions::default().object_bytes_max.min(share), ..SealOptions::default() };
        let turn = (minute * TURN_MINUTES).min(left.map_or(u64::MAX, |(left, _)| left));
        let options = ShipOptions { dry_run: false, limit_rate: rate, seal, turn_bytes: Some(turn) };
        let done = store.ship_tenant(tenant, line, &options, live);
        let sent = done.as_ref().map_or_else(|_| live.part_bytes(), |report| report.bytes);
        let at = store.now_is();
        let objects_sent = done.as_ref().map_or(0, |report| report.objects);
        site.tally(|t| t.carry(name, Carried { objects: objects_sent, bytes: sent, ..Carried::default() }));
        store.inner.catalog.write(|w| {
            if sent > 0 {
                w.add_traffic(name, sent, at)?;
            }
            if done.is_ok() { w.note_contact(name, at) } else { Ok(()) }
        })?;
        match done {
            Ok(report) => {
                if report.objects == 0 {
                    stuck.push(tenant.name().to_owned());
                }
                objects += report.objects;
                bytes += report.bytes;
            }
            Err(e) if e.kind() == Kind::Interrupted => return Err(e),
            Err(e) if is_outside(&e) => return trouble(store, name, e),
            // What is wrong with one tenant keeps no other from its copy.
            Err(e) => {
                stuck.push(tenant.name().to_owned());
                failed = failed.or(Some(e));
            }
        }
    }
    if let Some(e) = failed {
        return trouble(store, name, e);
    }
    Ok(End::Done(match objects {
        0 => "nothing to ship".to_owned(),
        _ => format!("{}, {}", many(objects, "object"), many(bytes, "byte")),
    }))
}

fn used_up(store: &Store, until: Timestamp) -> String {
    let per = match store.config().schedule.allowance.map(|a| a.per) {
        Some(Period::Day) => "the day's",
        Some(Period::Week) => "the week's",
        _ => "the month's",
    };
    format!("{per} allowance is used up until {}", show_short(until, &store.zone()))
}

/// Notes that a remote does not do as it should, and says when it is tried again.
fn trouble(store: &Store, name: &str, e: Error) -> Result<End> {
    // No space to seal in says nothing about the remote, and must be known as what it is.
    if is_full_here(&e) {
        return Err(e);
    }
    let now = store.now_is();
    let contact = store.inner.catalog.write(|w| {
        w.note_trouble(name, e.code(), &e.to_string(), now)?;
        w.contact(name)
    })?;
    if !is_outside(&e) {
        return Err(e);
    }
    let said = match e.code() {
        "remote.absent" => format!("{e}; it is shipped to when it is back"),
        _ => e.to_string(),
    };
    Ok(End::Wait(Timestamp(now.0.saturating_add(reach_again(&contact, now, store.inner.random()))), said))
}

/// Microseconds until a remote that is away is tried again: about as long as it has been away, within the bounds of [`REACH`].
fn reach_again(contact: &Contact, now: Timestamp, random: &dyn Random) -> i64 {
    let away = contact.since.map_or(0, |since| (now.0 - since.0).max(0) / SECOND) as u64;
    let doublings = (away / REACH.first.as_secs()).max(1).ilog2();
    i64::try_from(REACH.delay(doublings + 1, random).as_micros()).unwrap_or(i64::MAX)
}

fn patrol(store: &Store, live: &Live) -> Result<End> {
    let all = store.inner.catalog.read(|v| v.contents_bytes(0, i64::MAX))?;
    let seen = store.patrol((all / PATROL.1).max(PATROL.0), live)?;
    proof::note_verify(store, Depth::Patrol, &seen.report)?;
    if let Some(problem) = seen.report.problems.first() {
        let documents = problem.documents.join(", ");
        return Err(Error::new(Kind::Found, "verify.damage", format!("{}: {} ({documents})", problem.tenant, problem.what))
            .hint("annals verify --full names everything that is damaged"));
    }
    Ok(End::Done(format!("{}, {} read back, all as recorded", many(seen.report.contents, "content"), many(seen.report.bytes, "byte"))))
}

/// Forgets what no rule keeps any more, tenant by tenant.
fn forget(store: &Store, live: &Live) -> Result<End> {
    if let Some(held_back) = held_back(store)? {
        return Ok(held_back);
    }
    let now = store.now_is();
    let seen = store.inner.catalog.read(|v| v.fact_number(FORGET_CLOCK))?;
    let newest = store.inner.catalog.read(|v| v.tenants())?.iter().map(|t| t.time.0).max().unwrap_or(0);
    let last = i64::try_from(seen).unwrap_or(i64::MAX).max(newest);
    store.inner.catalog.write(|w| w.set_fact(FORGET_CLOCK, &u64::try_from(now.0).unwrap_or(0).to_be_bytes()))?;
    if now.0.saturating_sub(last) > LEAP {
        let days = (now.0 - last) / (86_400 * SECOND);
        return Ok(End::Done(format!("nothing forgotten: the clock is {days} days ahead of what was seen last; the next run believes it")));
    }
    let gone = store.let_go(live)?;
    let let_go = match gone.tenants.len() {
        0 => String::new(),
        _ => format!("{} let go, {}; ", gone.tenants.join(", "), many(gone.bytes, "byte")),
    };
    let rules = store.keep_rules();
    if rules.keeps_everything() {
        if gone.contents > 0 {
            store.gc(false, live)?;
        }
        return Ok(End::Done(format!("{let_go}no rule lets anything go")));
    }
    let by = By { actor: "annals agent".into(), reason: String::new(), origin: "annals agent".into() };
    let (mut versions, mut bytes, mut contents) = (0, 0, 0);
    let dropped = store.dropped()?;
    // One that was dropped stays as it was until its time is over.
    for tenant in store.tenants()?.into_iter().filter(|tenant| dropped.iter().all(|d| d.tenant != tenant.name())) {
        let plan = tenant.plan_forget(b"", &rules, live)?;
        tenant.note_would_free(&plan, true)?;
        if plan.contents == 0 {
            continue;
        }
        match tenant.forget(&plan, &by, live) {
            Ok(done) => {
                versions += plan.goes.versions;
                bytes += done.bytes;
                contents += done.contents;
                tenant.note_would_free(&plan, false)?;
            }
            // Somebody recorded meanwhile: what is left goes the next time.
            Err(e) if e.code() == "plan.stale" => {}
            Err(e) => return Err(e),
        }
    }
    if contents + gone.contents == 0 {
        return Ok(End::Done(format!("{let_go}nothing to forget ({})", rules.words())));
    }
    store.gc(false, live)?;
    Ok(End::Done(format!("{let_go}{} and {} forgotten ({})", many(versions, "version"), many(bytes, "byte"), rules.words())))
}

/// While the brake is on nothing is taken away: what a job that would says instead.
fn held_back(store: &Store) -> Result<Option<End>> {
    store.look_for_mass_change()?;
    Ok(store.brakes()?.first().map(|brake| End::Done(format!("held back by the brake: {}", brake.said()))))
}

/// Takes what was forgotten off a remote, within the windows and the allowance of the line.
fn compact(site: &Site, store: &Store, name: &str, live: &Live) -> Result<End> {
    if store.config().remote(name).is_err() {
        return Ok(End::Done("the configuration has no such remote any more".into()));
    }
    if let Some(held_back) = held_back(store)? {
        return Ok(held_back);
    }
    let now = store.now_is();
    let rate = match schedule::rate_at(&store.config().schedule, now, &store.zone()) {
        None => {
            let until = schedule::opens(&store.config().schedule, now, &store.zone()).unwrap_or(now);
            return Ok(End::Wait(until, closed(store, until)));
        }
        Some(Rate::Unlimited) => None,
        Some(Rate::BytesPerSec(rate)) => Some(rate),
    };
    let left = allowance_left(store)?;
    if let Some((0, until)) = left {
        return Ok(End::Wait(until, used_up(store, until)));
    }
    let line = match site.open_line(store, name, rate) {
        Ok(line) => line,
        Err(e) => return trouble(store, name, e),
    };
    let options = CompactOptions { allowance_bytes: left.map(|(left, _)| left), ..CompactOptions::default() };
    let done = match store.compact(&line, &options, live) {
        Ok(done) => done,
        Err(e) if is_outside(&e) => return trouble(store, name, e),
        Err(e) => return Err(e),
    };
    if done.bytes > 0 {
        store.inner.catalog.write(|w| w.add_traffic(name, done.bytes, store.now_is()))?;
    }
    if let Some((_, until)) = left.filter(|_| done.beyond_allowance > 0) {
        return Ok(End::Wait(until, used_up(store, until)));
    }
    Ok(End::Done(format!("{} sealed again, {} sent; {} removed", many(done.slices, "slice"), many(done.bytes, "byte"), many(done.removed, "object"))))
}

fn drill(site: &Site, store: &Store, name: &str, live: &Live) -> Result<End> {
    if store.config().remote(name).is_err() {
        return Ok(End::Done("the configuration has no such remote any more".into()));
    }
    let rate = match schedule::rate_at(&store.config().schedule, store.now_is(), &store.zone()) {
        Some(Rate::BytesPerSec(rate)) => Some(rate),
        _ => None,
    };
    let remote = site.open_beside(store, name, rate)?;
    let before = asked(&remote);
    let done = store.drill(&remote, &DrillOptions::default(), live);
    site.count_line(name, &remote, before);
    let report = done?;
    proof::note_drill(store, &report)?;
    match report.problems.first() {
        None => Ok(End::Done(format!(
            "{} rebuilt in {:.1} s, the same digest for digest; would have lost {}",
            many_batches(report.batches),
            report.rto_secs,
            if report.rpo_secs == 0 { "nothing".to_owned() } else { moment::age(report.rpo_secs as i64) }
        ))),
        Some(problem) => Err(Error::new(Kind::Found, "drill.failed", format!("what {name} holds does not rebuild: {problem}"))
            .hint(format!("annals verify --remote {name} --full names what is wrong; annals ship sends it again"))),
    }
}
