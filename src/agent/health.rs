//! Is it well: the state of each remote, and what people should know.

use std::collections::HashMap;

use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::time::Timestamp;
use crate::engine::status::RemoteStatus;
use crate::engine::store::Store;
use crate::model::job::{Job, State, Task};
use crate::model::moment;
use crate::storage::catalog::ledger::Contact;
use crate::storage::remote::passes;

use super::proof::last_drill;
use super::queue::is_behind;
use super::site::{Troubles, capture_of};

/// Seconds that a remote or a source may be away before that is a problem, where neither `expected` nor `stale_after` say.
const AWAY_SECS: i64 = 24 * 3_600;

/// Bytes on the disk of the store below which it counts as full: a commit takes some, and what is sealed more.
const FULL_BYTES: u64 = 1 << 20;

/// How a remote is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It holds what it should, or is about to.
    Good,
    /// It is away as it may be, or the line is closed.
    Waiting,
    /// It lacks changes that are older than they may be.
    Stale,
    /// It does not do as it should, and waiting will not help.
    Broken,
}

impl Health {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Health::Good => "good",
            Health::Waiting => "waiting",
            Health::Stale => "stale",
            Health::Broken => "broken",
        }
    }
}

/// A remote, how it is and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteHealth {
    /// Its name.
    pub name: String,
    /// See [`Health`].
    pub health: Health,
    /// What is known from the last attempts to use it.
    pub contact: Contact,
    /// A sentence, empty where it is good.
    pub said: String,
    /// The job that ships to it, where something waits for it and a person paused it.
    pub paused: Option<i64>,
}

/// Seconds that an erased subject's key may lie at a remote: until a shipment, which is asked for often.
const KEYS_PENDING_SECS: i64 = 24 * 3_600;
/// Seconds that its objects may: compaction replaces them soon, and takes them off a week later. The law counts in months.
const OBJECTS_PENDING_SECS: i64 = 14 * 86_400;

/// Something that people should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The same words for the same problem.
    pub key: String,
    /// A sentence about it.
    pub said: String,
}

/// How many changes are nowhere else.
pub(super) fn only_here(changes: u64) -> String {
    if changes == 1 { "1 change exists only here".to_owned() } else { format!("{changes} changes exist only here") }
}

fn secs_since(at: Option<Timestamp>, now: Timestamp) -> i64 {
    at.map_or(0, |at| (now.secs() - at.secs()).max(0))
}

/// How each remote is, as far as is known without asking it.
pub fn remotes(store: &Store) -> Result<Vec<RemoteHealth>> {
    let now = store.now_is();
    let stale_after = store.config().alert.stale_after_secs.map_or(i64::MAX, |s| i64::try_from(s).unwrap_or(i64::MAX));
    let open = store.inner.catalog.read(|v| v.open_jobs())?;
    let paused: HashMap<&Task, i64> = open.iter().filter(|job| job.state == State::Paused).map(|job| (&job.task, job.id)).collect();
    let running: Vec<&Job> = open.iter().filter(|job| job.state == State::Running).collect();
    let held_back = |remote: &RemoteStatus| {
        let waits = remote.behind() > 0 || !remote.pending.is_none();
        paused.get(&Task::Ship(remote.place.name.clone())).copied().filter(|_| waits)
    };
    store.remote_statuses()?.iter().map(|remote| Ok(one(store, remote, &running, now, stale_after)?.paused_by(held_back(remote)))).collect()
}

impl RemoteHealth {
    /// The same where a person paused the job that ships to it.
    fn paused_by(self, job: Option<i64>) -> Self {
        let Some(id) = job else { return self };
        let paused = format!("shipping to it is paused, annals jobs resume {id} lets it go on");
        let said = if self.said.is_empty() { paused } else { format!("{}; {paused}", self.said) };
        let health = if self.health == Health::Good { Health::Waiting } else { self.health };
        RemoteHealth { health, said, paused: job, ..self }
    }
}

fn one(store: &Store, remote: &RemoteStatus, running: &[&Job], now: Timestamp, stale_after: i64) -> Result<RemoteHealth> {
    let name = remote.place.name.clone();
    let ships = Task::Ship(name.clone());
    let held_up = running.iter().find(|job| job.task == ships && !job.said.is_empty());
    let contact = store.inner.catalog.read(|v| v.contact(&name))?;
    let lacks = remote.behind() > 0;
    let mut oldest: Option<Timestamp> = None;
    for held in remote.held.iter().filter(|h| h.behind > 0) {
        let tenant = store.tenant_or_dropped(&held.tenant)?;
        oldest = [oldest, store.inner.catalog.read(|v| v.tail_after(tenant.id, held.seq))?.oldest].into_iter().flatten().min();
    }
    let lag = secs_since(oldest, now);
    let away = secs_since(contact.since, now);
    let absent = contact.code == "remote.absent";
    let expected = remote.place.expected_secs.map(|s| i64::try_from(s).unwrap_or(i64::MAX));
    // Away as it may be: since it was last here, less time has passed than between two visits.
    let unseen = secs_since(contact.good.or(contact.since), now);
    let may_be_away = absent && expected.is_some_and(|limit| unseen <= limit);
    let heals = absent || passes(&contact.code);
    let ago = |secs: i64| moment::age(secs);
    let (health, said) = match contact.since {
        Some(_) if may_be_away => (Health::Waiting, format!("away for {}, as it may be; it is shipped to when it is back", ago(away))),
        Some(_) if absent && expected.is_some() => (Health::Stale, format!("was expected back by now; last here {} ago", ago(unseen))),
        Some(_) if !heals || absent => (Health::Broken, contact.said.clone()),
        Some(_) if lacks && lag > stale_after => (Health::Stale, format!("lacks changes of {}: {}", ago(lag), contact.said)),
        Some(_) if away > AWAY_SECS => (Health::Stale, format!("does not answer for {}: {}", ago(away), contact.said)),
        Some(_) => (Health::Waiting, contact.said.clone()),
        None if lacks && lag > stale_after && expected.is_none() => (Health::Stale, format!("lacks changes of {}", ago(lag))),
        None => held_up.map_or((Health::Good, String::new()), |job| (Health::Waiting, job.said.clone())),
    };
    Ok(RemoteHealth { name, health, contact, said, paused: None })
}

/// Remotes that still have something of erased subjects after a time in which they should have been rid of it, with a sentence.
pub fn late_erasures(store: &Store) -> Result<Vec<(String, String)>> {
    let now = store.now_is();
    let mut found = Vec::new();
    for place in &store.config().remotes {
        let since = store.erasure_pending_since(&place.name)?;
        // One that is there once a week hears of it then.
        let visit = place.expected_secs.map_or(0, |s| i64::try_from(s).unwrap_or(i64::MAX));
        let is_late = |since: Option<Timestamp>, limit: i64| since.is_some() && secs_since(since, now) > limit.max(visit);
        let waits = if is_late(since.keys, KEYS_PENDING_SECS) {
            Some((since.keys, "annals ship destroys it there"))
        } else if is_late(since.objects, OBJECTS_PENDING_SECS) {
            Some((since.objects, "annals compact takes it off"))
        } else {
            None
        };
        found.extend(waits.map(|(since, what)| {
            let age = moment::age(secs_since(since, now));
            (place.name.clone(), format!("{} still has something of a subject that was erased {age} ago; {what}", place.name))
        }));
    }
    Ok(found)
}

/// Notes what an attempt to use a remote showed, for [`remotes`]. What was refused or stopped here says nothing about the remote.
pub fn note_answer(store: &Store, name: &str, error: Option<&Error>) -> Result<()> {
    let now = store.now_is();
    match error {
        None => store.inner.catalog.write(|w| w.note_contact(name, now)),
        Some(e) if e.kind() == Kind::Remote || e.code() == "remote.lied" => {
            store.inner.catalog.write(|w| w.note_trouble(name, e.code(), &e.to_string(), now))
        }
        Some(_) => Ok(()),
    }
}

/// The one verdict: whether what is recorded is offsite as it should be, and there is nothing that people should know.
pub fn is_well(store: &Store, troubles: &Troubles) -> Result<bool> {
    Ok(store.safety()?.is_safe() && problems(store, troubles)?.is_empty())
}

/// What people should know now.
pub fn problems(store: &Store, troubles: &Troubles) -> Result<Vec<Problem>> {
    let now = store.now_is();
    let mut found = Vec::new();
    let mut add = |key: String, said: String| found.push(Problem { key, said });
    if let Some(since) = troubles.full_since {
        add("space".into(), format!("no space left since {}: nothing is recorded until there is", moment::show_short(since, &store.zone())));
    } else if disk::free_bytes(store.dir()).is_ok_and(|free| free < FULL_BYTES) {
        add("space".into(), format!("no space left on the disk of {}: nothing is recorded until there is", store.dir().display()));
    }
    if let Some(why) = &troubles.config {
        add("config".into(), format!("annals.toml cannot be used, the last good one stays in force: {why}"));
    }
    if !store.damage()?.is_none() {
        add("damage".into(), "bytes that were recorded are gone; annals verify names the documents".into());
    }
    for standing in store.lineage()? {
        if let Some(fence) = &standing.fence {
            add(format!("lineage {}", standing.tenant), format!("{}; annals realign shows both sides", fence.refusal(&standing.tenant)));
        }
    }
    for (tenant, remote) in store.misplaced()? {
        add(format!("policy {tenant} {remote}"), format!("data of {tenant} lie at {remote}, where its rules do not allow it (annals policy report)"));
    }
    for rules in store.unplaceable()? {
        let (tenant, copies) = (rules.tenant, rules.copies);
        let asked = if copies == 1 { "a copy".to_owned() } else { format!("{copies} copies") };
        let said =
            format!("the rules of {tenant} ask for {asked} offsite and let {} of the remotes have its data (annals policy report)", rules.remotes);
        add(format!("nowhere {tenant}"), said);
    }
    for (remote, said) in late_erasures(store)? {
        add(format!("erasure {remote}"), said);
    }
    for brake in store.brakes()? {
        add(format!("brake {}", brake.tenant), format!("{} (annals brake lift {})", brake.said(), brake.tenant));
    }
    let mut said = Vec::new();
    for capture in store.captured_databases()? {
        if let Some(trouble) = capture.trouble() {
            let key = format!("database {}", capture.prefix);
            said.push(key.clone());
            add(key, trouble);
        }
    }
    if let Some(limit) = store.config().alert.stale_after_secs {
        let waiting = store.unshipped()?;
        let age = secs_since(waiting.oldest, now);
        if age > i64::try_from(limit).unwrap_or(i64::MAX) {
            let allowed = moment::duration_text(limit);
            add("stale".into(), format!("{}, the oldest for {}, past the {allowed} allowed", only_here(waiting.changes), moment::age(age)));
        }
    }
    for remote in remotes(store)? {
        if matches!(remote.health, Health::Stale | Health::Broken) {
            add(format!("remote {}", remote.name), format!("remote {} is {}: {}", remote.name, remote.health.word(), remote.said));
        }
        if let Some(drill) = last_drill(store, &remote.name)?.filter(|d| !d.well) {
            let why = drill.problems.first().cloned().unwrap_or_default();
            add(format!("drill {}", remote.name), format!("the last drill of {} failed: {why}", remote.name));
        }
    }
    for job in store.inner.catalog.read(|v| v.open_jobs())? {
        let Task::Capture(name) = &job.task else { continue };
        let away = secs_since(Some(job.created), now);
        if is_behind(&job.task, &job.code) {
            // Of most it was said above, with what is missing; not of a server that has nothing of what was captured.
            let prefix = capture_of(store.config(), name).map(|c| c.prefix.clone().unwrap_or_else(|| name.clone()));
            let key = format!("database {}/", prefix.as_deref().unwrap_or(name).trim_end_matches('/'));
            if !said.contains(&key) {
                add(format!("capture {name}"), format!("the capture {name} stands still: {}", job.said));
            }
        } else if job.state == State::Waiting && !job.code.is_empty() && away > AWAY_SECS {
            add(format!("capture {name}"), format!("the capture {name} waits for its source for {}: {}", moment::age(away), job.said));
        }
    }
    for job in store.inner.catalog.read(|v| v.dead_jobs())? {
        add(
            format!("job {}", job.task),
            format!("{} failed {} times and waits for you (annals jobs retry {}): {}", job.task, job.attempts, job.id, job.said),
        );
    }
    Ok(found)
}
