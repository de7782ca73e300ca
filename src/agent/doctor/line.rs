//! Remotes and schedules: does what has to travel get there?

use crate::engine::remotes::RemoteCheck;
use crate::engine::store::Store;
use crate::model::moment;
use crate::storage::config::{Period, Rate, Schedule, Ship};
use crate::storage::remote::RemoteUrl;

use super::super::patience::ask;
use super::super::schedule;
use super::super::site::Opener;
use super::{Finding, Surroundings, advice, failed, wrong};
use crate::base::disk;
use crate::base::error::{Error, Result};

/// Seconds of a day.
const DAY: u64 = 86_400;
/// Days of traffic that are looked at, and that there must be before anything is concluded.
const OBSERVED_DAYS: (u64, u64) = (30, 1);
/// Percent of what a line carries that may be needed.
const LINE_FULL: f64 = 80.0;
/// Days that what waits now may take.
const BACKLOG_DAYS: f64 = 7.0;
/// Days until the next run beyond which a schedule counts as one that never comes.
const NEVER_DAYS: i64 = 366;

pub(super) fn look(store: &Store, opener: &Opener, around: &Surroundings, found: &mut Vec<Finding>) -> Result<()> {
    let config = store.config();
    if config.remotes.is_empty() {
        let why = "everything is lost together with this disk";
        found.push(wrong("remote.none", "there is no remote: nothing is offsite", why, "annals remote add NAME rclone:REMOTE:PATH, or dir:/path"));
        return Ok(());
    }
    reach(store, opener, around, found);
    if config.schedule.ship.is_none() {
        let why = "changes go offsite only when somebody runs annals ship";
        found.push(wrong("schedule.none", "nothing is shipped by itself", why, "ship = \"every 2h\" in [schedule] of annals.toml"));
    }
    fires(store, found);
    for remote in &config.remotes {
        fits(store, &remote.name, found)?;
    }
    allowance(store, found)
}

fn reach(store: &Store, opener: &Opener, around: &Surroundings, found: &mut Vec<Finding>) {
    let remotes = &store.config().remotes;
    let questions = remotes.iter().map(|r| (store.clone(), opener.clone(), r.name.clone())).collect();
    let answers = ask(questions, around.patience, |(store, opener, name), monitor| {
        opener(&store, &name, None).and_then(|remote| store.check_device(remote.device(), true, monitor))
    });
    let mut told = Vec::new();
    for (remote, answer) in remotes.iter().zip(answers) {
        let name = &remote.name;
        let mend = format!("annals remote check {name} --write");
        match answer {
            None => {
                let what = format!("remote {name} gives no answer within {} s", around.patience.as_secs());
                found.push(wrong("remote.silent", what, "nothing is shipped there", mend));
            }
            Some(Err(e)) if e.code() == "remote.absent" && remote.expected_secs.is_some() => {}
            // One program that is missing is one finding, however many remotes need it.
            Some(Err(e)) if told.contains(&e.code()) => {}
            Some(Err(e)) => {
                let finding = unreached(name, &e, &mend);
                if !finding.code.starts_with("remote.") {
                    told.push(e.code());
                }
                found.push(finding);
            }
            Some(Ok(RemoteCheck { foreign, .. })) => {
                if let Some(first) = foreign.first() {
                    let what = format!("{} objects that are not ours lie in the folder of remote {name}, the first is {first}", foreign.len());
                    let why = "they cost nothing but room; somebody may take the folder for his own and tidy it";
                    found.push(advice("remote.foreign", what, why, "give the store a folder of its own"));
                }
            }
        }
        if let Ok(RemoteUrl::Directory(path)) = RemoteUrl::parse(&remote.url)
            && let (Some(there), Some(here)) = (disk::device(&path), disk::device(store.dir()))
            && there == here
        {
            let what = format!("remote {name} lies on the same disk as the store: {}", path.display());
            found.push(wrong(
                "remote.same_disk",
                what,
                "both are lost together",
                "annals remote add NAME dir:/path on another disk, or rclone:REMOTE:PATH",
            ));
        }
    }
}

/// Why a remote could not be tried; what is wrong here is not laid to it.
pub(super) fn unreached(name: &str, e: &Error, mend: &str) -> Finding {
    if e.code() == "disk.full" {
        let why = "nothing is recorded until there is space, and no remote can be tried: what is sent is made here first";
        return failed("space.none", e, why, "df -h; annals gc; then free some space");
    }
    let code = match e.code() {
        "remote.rclone_missing" => "rclone.missing",
        "remote.rclone_old" => "rclone.old",
        "remote.denied" | "remote.full" | "remote.probe" => "remote.unwritable",
        _ => "remote.unreachable",
    };
    let mut finding = failed(code, e, "nothing is shipped there", mend);
    finding.what = format!("remote {name}: {}", finding.what);
    finding
}

fn fires(store: &Store, found: &mut Vec<Finding>) {
    let (now, zone) = (store.now_is(), store.zone());
    let Some(Ship::Cron(cron)) = &store.config().schedule.ship else { return };
    let next = schedule::upcoming(&Ship::Cron(cron.clone()), Some(now), now, &zone, 1);
    let days = next.first().map_or(i64::MAX, |at| at.secs().saturating_sub(now.secs()) / DAY as i64);
    if days > NEVER_DAYS {
        let when = if days > 100 * 366 { "never comes".to_owned() } else { format!("comes next in {days} days") };
        let why = "until then nothing is shipped";
        found.push(wrong("schedule.never", format!("cron = \"{cron}\" {when}"), why, "cron = \"0 */4 * * *\" in [schedule] of annals.toml"));
    }
}

/// Bytes that the windows let through in a day at the rate of the line.
pub(super) fn day_bytes(rules: &Schedule, line: f64) -> f64 {
    if rules.windows.is_empty() {
        return line * DAY as f64;
    }
    let open = (0..1_440u16).filter_map(|minute| rules.windows.iter().find(|w| w.contains(minute)));
    let rate = |allowed: Rate| match allowed {
        Rate::Unlimited => line,
        Rate::BytesPerSec(most) => line.min(most as f64),
    };
    open.map(|window| rate(window.rate) * 60.0).sum()
}

/// Bytes a day that were shipped to a remote lately; `None` where that is not known yet.
fn daily(store: &Store, remote: &str) -> Result<Option<f64>> {
    let now = store.now_is();
    let from = crate::base::time::Timestamp(now.0 - (OBSERVED_DAYS.0 * DAY) as i64 * 1_000_000);
    let Some((first, bytes)) = store.inner.catalog.read(|v| v.traffic_of(remote, from))? else { return Ok(None) };
    let days = (now.secs() - first.secs()) as f64 / DAY as f64;
    Ok((days >= OBSERVED_DAYS.1 as f64).then(|| bytes as f64 / days))
}

fn fits(store: &Store, name: &str, found: &mut Vec<Finding>) -> Result<()> {
    let Some(line) = store.measured_rate(name)? else { return Ok(()) };
    let carries = day_bytes(&store.config().schedule, line);
    let mb = |n: f64| n / 1e6;
    let mend = "widen window in [schedule], or leave large sources out of [[capture]]";
    if let Some(needed) = daily(store, name)?.filter(|needed| *needed > carries * LINE_FULL / 100.0) {
        let what = format!("{:.1} MB a day go to {name}, where line and windows carry {:.1} MB", mb(needed), mb(carries));
        found.push(wrong("line.full", what, "after a quiet night all is well; after a busy day it never catches up", mend));
    }
    let waiting: u64 = store.waiting_for(name)?.iter().map(|(_, bytes)| bytes).sum();
    let days = waiting as f64 / carries.max(1.0);
    if days > BACKLOG_DAYS {
        let what = format!("what waits for {name} takes {} to ship", moment::age((days * DAY as f64) as i64));
        let why = "until then it exists only here";
        found.push(wrong("line.backlog", what, why, mend));
    }
    Ok(())
}

fn allowance(store: &Store, found: &mut Vec<Finding>) -> Result<()> {
    let Some(allowance) = &store.config().schedule.allowance else { return Ok(()) };
    let mut needed = 0.0;
    for remote in &store.config().remotes {
        needed += daily(store, &remote.name)?.unwrap_or(0.0);
    }
    let (days, word) = match allowance.per {
        Period::Day => (1.0, "day"),
        Period::Week => (7.0, "week"),
        Period::Month => (30.0, "month"),
    };
    let needed = needed * days;
    if needed > allowance.bytes as f64 {
        let what = format!("{:.1} MB a {word} are shipped, {:.1} MB are allowed", needed / 1e6, allowance.bytes as f64 / 1e6);
        let why = "what is over waits for the next one, and never catches up";
        found.push(wrong("allowance.short", what, why, "raise allowance in [schedule] of annals.toml, or leave large sources out"));
    }
    Ok(())
}
