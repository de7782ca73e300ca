//! Before a planned event: may it begin? Every gate is looked at, and only where all are green there is a mark to come back to.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::Monitor;
use crate::base::process::Command;
use crate::base::time::Timestamp;
use crate::engine::plans::By;
use crate::engine::store::{Store, Tenant};
use crate::model::moment;
use crate::model::timeline::Position;
use crate::storage::config::Preflight as Check;

use super::health::{self, Health, Problem};
use super::patience::ask;
use super::proof::{age_secs, last_drill, last_verify};
use super::site::{Opener, Troubles};

/// Seconds: how old the oldest change that is not offsite may be, where `stale_after` does not say.
const FRESH_SECS: u64 = 3_600;
/// Seconds: how old the last verification may be. The agent does one a day.
const VERIFIED_SECS: u64 = 7 * 86_400;
/// Seconds: how old the last drill may be, where the schedule does not say; and the share of a scheduled step that it may be late.
const DRILLED_SECS: u64 = 180 * 86_400;
const DRILL_LATE: u64 = 4;
/// Bytes that must be free at least, and the share of the store that must be.
const FREE_BYTES: u64 = 256 << 20;
const FREE_SHARE: u64 = 10;
/// How long a remote may take to answer.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The gate that nothing waives.
const FRESHNESS: &str = "freshness";

/// What is wanted.
pub struct Wanted {
    /// Waives every gate but freshness; `by` says why.
    pub urgent: bool,
    /// The name of the mark.
    pub mark: String,
    /// Who asks, and why.
    pub by: By,
    /// How long a remote may take to answer.
    pub patience: Duration,
}

/// How a gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Light {
    /// It is well.
    Green,
    /// It is not, and somebody took that upon himself.
    Waived,
    /// It is not.
    Red,
}

impl Light {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Light::Green => "green",
            Light::Waived => "waived",
            Light::Red => "red",
        }
    }
}

/// One gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// A word, with a name behind it where there are several of its kind.
    pub name: String,
    /// How it stands.
    pub light: Light,
    /// A sentence about it.
    pub said: String,
    /// What mends it, empty where it is green.
    pub hint: String,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleared {
    /// Every gate that was looked at.
    pub gates: Vec<Gate>,
    /// The mark in each tenant, with the position that it names; empty where a gate is red.
    pub marks: Vec<(String, Position)>,
}

impl Cleared {
    /// Whether the event may begin.
    pub fn is_clear(&self) -> bool {
        self.gates.iter().all(|g| g.light != Light::Red)
    }
}

/// Looks at every gate, and sets the mark where none is red.
///
/// # Errors
/// Where the catalogue cannot be read or written, or the monitor wants to stop. A gate that cannot be looked at is red.
pub fn preflight(store: &Store, opener: &Opener, troubles: &Troubles, wanted: &Wanted, monitor: &dyn Monitor) -> Result<Cleared> {
    if wanted.urgent && wanted.by.reason.trim().is_empty() {
        return Err(Error::usage("preflight.reason", "what is urgent needs a reason, which stands in the history").hint("add --reason 'why now'"));
    }
    let problems = health::problems(store, troubles)?;
    let mut gates = vec![freshness(store)?, history(store, &problems)?, verified(store)?, drilled(store)?, key(store), copies(store)?, space(store)?];
    gates.extend(remotes(store, opener, wanted.patience)?);
    gates.extend(captures(store, &problems));
    gates.push(rest(&problems));
    for check in &store.config().preflight {
        gates.push(outside(store, check, monitor)?);
    }
    if wanted.urgent {
        for gate in gates.iter_mut().filter(|g| g.light == Light::Red && g.name != FRESHNESS) {
            gate.light = Light::Waived;
        }
    }
    let mut cleared = Cleared { gates, marks: Vec::new() };
    if cleared.is_clear() {
        cleared.marks = mark(store, wanted)?;
    }
    Ok(cleared)
}

fn gate(name: impl Into<String>, well: bool, said: impl Into<String>, hint: impl Into<String>) -> Gate {
    let hint = if well { String::new() } else { hint.into() };
    Gate { name: name.into(), light: if well { Light::Green } else { Light::Red }, said: said.into(), hint }
}

fn fresh_limit(store: &Store) -> u64 {
    store.config().alert.stale_after_secs.unwrap_or(FRESH_SECS)
}

fn age_of(at: Option<Timestamp>, now: Timestamp) -> u64 {
    at.map_or(0, |at| age_secs(at.0, now))
}

fn freshness(store: &Store) -> Result<Gate> {
    if store.config().remotes.is_empty() {
        return Ok(gate(FRESHNESS, false, "nothing is offsite: no remote is configured", "annals remote add NAME dir:/path"));
    }
    let (waiting, limit) = (store.unshipped()?, fresh_limit(store));
    let age = age_of(waiting.oldest, store.now_is());
    let allowed = moment::duration_text(limit);
    let said = match waiting.batches {
        0 => "everything is offsite".to_owned(),
        _ => format!("{}, the oldest for {}; {allowed} are allowed", health::only_here(waiting.changes), moment::age(age as i64)),
    };
    Ok(gate(FRESHNESS, age <= limit, said, "annals ship"))
}

fn history(store: &Store, problems: &[Problem]) -> Result<Gate> {
    let wrong: Vec<&str> = problems
        .iter()
        .filter(|p| p.key == "damage" || p.key.starts_with("lineage ") || p.key.starts_with("database "))
        .map(|p| p.said.as_str())
        .collect();
    let (seq, tenants) = (store.tenants()?.iter().map(|t| t.position()).collect::<Result<Vec<_>>>()?, store.tenants()?.len());
    let batches: u64 = seq.iter().map(|p| p.seq).sum();
    let said = if wrong.is_empty() { format!("no batch is doubted; batches: {batches}, tenants: {tenants}") } else { wrong.join("; ") };
    Ok(gate("history", wrong.is_empty(), said, "annals status names it; annals verify and annals realign show more"))
}

fn verified(store: &Store) -> Result<Gate> {
    let Some(note) = last_verify(store)? else {
        return Ok(gate("verify", false, "the store was never verified", "annals verify"));
    };
    let age = age_secs(note.at, store.now_is());
    let ago = moment::age(age as i64);
    let (well, said) = match note.problems {
        0 if age <= VERIFIED_SECS => (true, format!("verified {ago} ago ({})", note.depth.word())),
        0 => (false, format!("verified {ago} ago, longer than the {} allowed", moment::duration_text(VERIFIED_SECS))),
        n => (false, format!("the last verification, {ago} ago, found {n} problems: {}", note.first.unwrap_or_default())),
    };
    Ok(gate("verify", well, said, if note.problems == 0 { "annals verify" } else { "annals verify --heal" }))
}

/// Without its key nothing of what comes next would be offsite.
fn key(store: &Store) -> Gate {
    match store.key_info() {
        Ok(info) if info.site == store.site() => gate("key", true, format!("the key file is at {}", info.path.display()), ""),
        Ok(info) => {
            let said = format!("the key file belongs to another site: {}", info.path.display());
            gate("key", false, said, "annals doctor says what to do; nothing can be shipped until then")
        }
        Err(e) => gate("key", false, e.to_string(), e.what_next().unwrap_or("annals doctor says what to do")),
    }
}

fn drilled(store: &Store) -> Result<Gate> {
    let limit = store.config().schedule.drill_secs.map_or(DRILLED_SECS, |secs| secs.saturating_add(secs / DRILL_LATE));
    let now = store.now_is();
    let mut newest: Option<(u64, String)> = None;
    for remote in &store.config().remotes {
        let Some(note) = last_drill(store, &remote.name)? else { continue };
        let age = age_secs(note.at, now);
        if !note.well {
            let why = note.problems.first().map_or("", String::as_str);
            let said = format!("the last drill of {}, {} ago, failed: {why}", remote.name, moment::age(age as i64));
            return Ok(gate("drill", false, said, format!("annals verify --remote {} --full", remote.name)));
        }
        // A sample is no rebuild.
        if !note.sample && newest.as_ref().is_none_or(|(known, _)| age < *known) {
            newest = Some((age, format!("rebuilt from {} {} ago in {:.1} s", remote.name, moment::age(age as i64), note.rto_secs)));
        }
    }
    Ok(match newest {
        None => gate("drill", false, "a rebuild was never rehearsed", "annals drill"),
        Some((age, said)) if age <= limit => gate("drill", true, said, ""),
        Some((_, said)) => gate("drill", false, format!("{said}, longer than the {} allowed", moment::duration_text(limit)), "annals drill"),
    })
}

/// What fails together with a remote. The store's own disk is no domain of its own: what lies there is gone with it.
fn domain(store: &Store, remote: &crate::storage::config::Remote) -> Option<String> {
    if let Some(domain) = &remote.domain {
        return Some(domain.clone());
    }
    match remote.url.split_once(':') {
        Some(("dir", path)) => match (disk::device(path.as_ref()), disk::device(store.dir())) {
            (Some(there), Some(here)) if there == here => None,
            (Some(there), _) => Some(format!("disk {there}")),
            (None, _) => Some(format!("directory {path}")),
        },
        Some((_, path)) => Some(format!("rclone {}", path.split(':').next().unwrap_or(path))),
        None => None,
    }
}

/// Copies that are fresh enough, counted by what fails together.
fn copies(store: &Store) -> Result<Gate> {
    let (now, limit) = (store.now_is(), fresh_limit(store));
    let statuses = store.remote_statuses()?;
    let mut short = Vec::new();
    let mut least = usize::MAX;
    for tenant in store.tenants()? {
        if tenant.position()?.seq == 0 {
            continue;
        }
        let wanted = store.config().tenants.get(tenant.name()).and_then(|rules| rules.copies_min).unwrap_or(1) as usize;
        let mut domains = BTreeSet::new();
        for remote in &statuses {
            let Some(held) = remote.held.iter().find(|h| h.tenant == tenant.name()) else { continue };
            if held.objects > 0 && lag_secs(store, &tenant, held.seq, now)? <= limit {
                domains.extend(domain(store, &remote.place));
            }
        }
        least = least.min(domains.len());
        if domains.len() < wanted {
            short.push(format!("{} has {} of {wanted}", tenant.name(), domains.len()));
        }
    }
    Ok(match (short.is_empty(), least) {
        (true, usize::MAX) => gate("copies", true, "nothing is recorded yet", ""),
        (true, n) => gate("copies", true, format!("{n} fresh in places that fail apart from this disk and from each other"), ""),
        (false, _) => {
            let said = format!("fresh copies in places that fail apart: {}", short.join(", "));
            gate("copies", false, said, "annals ship; or add a remote elsewhere: annals remote add (domain = says what fails together)")
        }
    })
}

fn lag_secs(store: &Store, tenant: &Tenant, held: u64, now: Timestamp) -> Result<u64> {
    Ok(age_of(store.inner.catalog.read(|v| v.tail_after(tenant.id, held))?.oldest, now))
}

fn space(store: &Store) -> Result<Gate> {
    let (free, seen) = (disk::free_bytes(store.dir())?, store.status()?);
    let (used, quota) = (seen.disk_bytes, seen.quota_bytes);
    let needed = (used / FREE_SHARE).max(FREE_BYTES);
    let left = quota.map_or(free, |quota| quota.saturating_sub(used).min(free));
    let limit = if quota.is_some_and(|quota| quota.saturating_sub(used) < free) { "within the quota" } else { "on the disk" };
    let megabytes = |n: u64| n / 1_000_000;
    let said = format!("{} MB free {limit}, {} MB are wanted", megabytes(left), megabytes(needed));
    Ok(gate("space", left >= needed, said, "free some space, or raise quota in [store]"))
}

fn remotes(store: &Store, opener: &Opener, patience: Duration) -> Result<Vec<Gate>> {
    let healths = health::remotes(store)?;
    let questions = store.config().remotes.iter().map(|r| (store.clone(), opener.clone(), r.name.clone())).collect();
    let answers = ask(questions, patience, |(store, opener, name), monitor| reach(&store, &opener, &name, monitor));
    let mut gates = Vec::new();
    for (known, answer) in healths.iter().zip(answers) {
        let name = format!("remote {}", known.name);
        if let Some(answered) = &answer {
            health::note_answer(store, &known.name, answered.as_ref().err())?;
        }
        gates.push(match answer {
            None => gate(name, false, format!("no answer within {} s", patience.as_secs()), format!("annals remote check {}", known.name)),
            Some(Ok(said)) => gate(name, true, said, ""),
            // A disk that is connected once a week is not wanted here now; what it lacks the gates of freshness and copies count.
            Some(Err(e))
                if e.code() == "remote.absent" && health::remotes(store)?.iter().any(|r| r.name == known.name && r.health == Health::Waiting) =>
            {
                gate(name, true, "away, as it may be", "")
            }
            Some(Err(e)) => {
                gate(name, false, e.to_string(), e.what_next().map_or_else(|| format!("annals remote check {}", known.name), str::to_owned))
            }
        });
    }
    Ok(gates)
}

/// Asks a remote for an object that it holds: one request.
fn reach(store: &Store, opener: &Opener, name: &str, monitor: &dyn Monitor) -> Result<String> {
    let remote = opener(store, name, None)?;
    for tenant in store.tenants()? {
        let newest = store.inner.catalog.read(|v| v.newest_held(name, tenant.id))?;
        let Some((object, size)) = newest else { continue };
        let path = format!("{}/{object}", tenant.public.to_hex());
        return match remote.device().verify(&path, size, None, monitor)? {
            crate::storage::remote::Check::Right => Ok("answers, and holds what was shipped last".into()),
            _ => Err(Error::new(Kind::Remote, "remote.lost", format!("answers, but does not hold what was shipped last: {path}"))
                .hint(format!("annals verify --remote {name} says what is missing; the next annals ship sends it again"))),
        };
    }
    remote.device().list("", monitor).map(|_| "answers; nothing was shipped there yet".into())
}

fn captures(store: &Store, problems: &[Problem]) -> Vec<Gate> {
    let of = |name: &str| problems.iter().find(|p| p.key == format!("capture {name}"));
    let mut gates = Vec::new();
    for capture in &store.config().captures {
        let last = store.inner.catalog.read(|v| v.last_captured(&capture.name));
        let name = format!("capture {}", capture.name);
        gates.push(match (of(&capture.name), last) {
            (Some(problem), _) => gate(name, false, problem.said.clone(), "annals jobs ls"),
            (None, Err(e)) => gate(name, false, e.to_string(), "annals verify"),
            (None, Ok((_, Some(waits)))) => gate(name, false, waits, "annals jobs ls"),
            (None, Ok((None, None))) => gate(name, false, "was never captured", "annals agent run captures it"),
            (None, Ok((Some(at), None))) => {
                let age = age_secs(at.0, store.now_is());
                gate(name, true, format!("captured, last by a job {} ago", moment::age(age as i64)), "")
            }
        });
    }
    gates
}

/// Problems that no other gate tells of.
fn rest(problems: &[Problem]) -> Gate {
    let told = ["stale", "damage"];
    let groups = ["lineage ", "database ", "remote ", "capture ", "drill "];
    let left: Vec<&str> = problems
        .iter()
        .filter(|p| !told.contains(&p.key.as_str()) && !groups.iter().any(|g| p.key.starts_with(g)))
        .map(|p| p.said.as_str())
        .collect();
    gate("problems", left.is_empty(), if left.is_empty() { "none".to_owned() } else { left.join("; ") }, "annals status")
}

fn outside(store: &Store, check: &Check, monitor: &dyn Monitor) -> Result<Gate> {
    let name = format!("check {}", check.name);
    let Some((program, arguments)) = check.command.split_first() else { return Ok(gate(name, false, "has no command", "see annals.toml")) };
    let site = store.config().store.site.clone().unwrap_or_default();
    let run = Command::new(program)
        .args(arguments)
        .env("ANNALS_SITE", site)
        .env("ANNALS_STORE", store.dir())
        .timeout(Duration::from_secs(check.timeout_secs))
        .run(monitor);
    let hint = format!("run it by hand: {}", check.command.join(" "));
    Ok(match run {
        Ok(output) if output.exit.success() => gate(name, true, last_line(&output.stdout).unwrap_or_else(|| "well".into()), ""),
        Ok(output) => {
            let said = last_line(&output.stderr).or_else(|| last_line(&output.stdout));
            let code = output.exit.code.map_or_else(|| "ended by a signal".to_owned(), |code| format!("exit code {code}"));
            gate(name, false, said.map_or_else(|| code.clone(), |said| format!("{said} ({code})")), hint)
        }
        Err(e) if e.code() == "process.timeout" => gate(name, false, format!("no answer within {} s", check.timeout_secs), hint),
        Err(e) if e.kind() == Kind::Interrupted => return Err(e),
        Err(e) => gate(name, false, e.to_string(), hint),
    })
}

fn last_line(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    Some(line.chars().filter(|c| !c.is_control()).take(200).collect())
}

fn mark(store: &Store, wanted: &Wanted) -> Result<Vec<(String, Position)>> {
    let mut marks = Vec::new();
    for tenant in store.tenants()? {
        let before = tenant.position()?;
        let mut batch = tenant.batch(&wanted.by.reason).actor(&wanted.by.actor).origin(&wanted.by.origin);
        batch.mark(&wanted.mark)?;
        batch.commit()?;
        marks.push((tenant.name().to_owned(), before));
    }
    Ok(marks)
}
