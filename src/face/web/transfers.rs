//! The queue of the agent as a live board: what runs, how far it is, what waits and for what, and what one can do about it.
//!
//! The page is whole without script. With it, rows that changed are taken anew: the browser says which state of each row it shows, and gets
//! those that are another now. A state is a digest of what the row says, so nothing is kept for a browser on the server.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::{Value, json};

use crate::agent::daemon;
use crate::agent::worker;
use crate::base::digest::Digest;
use crate::base::error::{Error, Result};
use crate::base::time::Timestamp;
use crate::engine::store::Store;
use crate::face::http::{Answer, Ask};
use crate::model::job::{Advance, Job, State, Task, Wish};
use crate::model::moment;
use crate::storage::config::Rate;

use super::deeds;
use super::parts::{self, Scribe};
use super::works;

/// Jobs on one page: with the style and the script, less than 60 kB.
const JOBS_SHOWN: usize = 16;
/// Jobs that are over and are looked through.
const ENDED_MAX: usize = 1_000;
/// Jobs that can be asked about at once.
const ASKED_MAX: usize = 200;
/// Next runs that are shown.
const NEXT_SHOWN: usize = 6;

/// Which jobs are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Open,
    Running,
    Waiting,
    Trouble,
    Over,
}

impl Which {
    const ALL: [(Which, &'static str); 5] =
        [(Which::Open, "open"), (Which::Running, "running"), (Which::Waiting, "waiting"), (Which::Trouble, "trouble"), (Which::Over, "over")];

    fn of(ask: &Ask) -> Self {
        Which::ALL.into_iter().find(|(_, word)| ask.query("show") == Some(word)).map_or(Which::Open, |(which, _)| which)
    }

    fn has(self, job: &Job) -> bool {
        match self {
            Which::Open => !job.state.is_over() || job.state == State::Dead,
            Which::Running => job.state == State::Running,
            Which::Waiting => matches!(job.state, State::Waiting | State::Paused),
            Which::Trouble => in_trouble(job),
            Which::Over => matches!(job.state, State::Done | State::Cancelled),
        }
    }
}

fn in_trouble(job: &Job) -> bool {
    matches!(job.state, State::Failed | State::Dead) || (job.state == State::Waiting && !job.code.is_empty())
}

/// Running first, then what needs somebody, then what waits in the order of its time, then what is over.
fn order(job: &Job) -> (u8, i64, i64) {
    match job.state {
        State::Running => (0, 0, job.id),
        State::Dead => (1, 0, job.id),
        State::Failed => (2, job.not_before.0, job.id),
        State::Paused => (3, 0, job.id),
        State::Waiting => (4, job.not_before.0, job.id),
        State::Done | State::Cancelled => (5, -job.ended.map_or(0, |at| at.0), job.id),
    }
}

fn matches(job: &Job, find: &str) -> bool {
    find.is_empty() || job.task.to_string().to_lowercase().contains(&find.to_lowercase())
}

/// The page.
pub(super) fn transfers(ask: &Ask) -> Result<Answer> {
    let scribe = Scribe::of(ask);
    let store = ask.store()?;
    let title = scribe.say("transfers-title");
    let which = Which::of(ask);
    let find = ask.query("find").unwrap_or_default();
    let mut jobs: Vec<Job> = store.jobs(ENDED_MAX)?;
    let left = store.jobs_left()?;
    let counts = count(&left);
    jobs.retain(|job| which.has(job) && matches(job, find));
    jobs.sort_by_key(order);
    let from = ask.query("from").and_then(|text| text.parse().ok()).unwrap_or(0usize).min(jobs.len());
    let page: Vec<&Job> = jobs.iter().skip(from).take(JOBS_SHOWN).collect();
    let turn = |to: usize, message: &str| (ask.here(&[("from", Some(&to.to_string()))]), scribe.say(message).into_owned());
    let columns = [("transfer-what", ""), ("transfer-done", ""), ("transfer-rate", "number"), ("transfer-left", ""), ("col-state", ""), ("", "")];
    let rows = html! { @for job in &page { (row(&scribe, job)) } };
    let body = html! {
        div .head {
            div { h1 { (title) } p #summary .facts aria-live="off" data-announce { (summary(&scribe, &left)) } }
            div #acts .acts { (acts_of_all(ask, &scribe, &counts)) }
        }
        (line(&scribe, &store)?)
        nav .tabs aria-label=(scribe.say("transfer-which")) {
            @for (it, word) in Which::ALL {
                a href=(ask.here(&[("show", (it != Which::Open).then_some(word)), ("from", None)]))
                    aria-current=[(it == which).then_some("true")] { (scribe.say(&format!("transfer-show-{word}"))) }
            }
            form .inline action="/transfers" {
                @if which != Which::Open { input type="hidden" name="show" value=(ask.query("show").unwrap_or_default()); }
                label { span .hidden-words { (scribe.say("transfer-find")) } input .tight name="find" type="search" value=(find)
                    placeholder=(scribe.say("transfer-find")); }
            }
        }
        section .card.flush {
            @if page.is_empty() { (parts::empty(scribe.say("transfer-none"), scribe.say("transfer-none-what"))) }
            @else { form #jobs method="post" action="/transfers/job" data-board="/transfers/rows" { (parts::fields_of(ask, &[("back",
                &ask.here(&[]))])) (parts::table(&scribe, &title, false, true, &columns, &rows)) } }
            (parts::pager(
                &scribe,
                (from > 0).then(|| turn(from.saturating_sub(JOBS_SHOWN), "turn-before")),
                (from + JOBS_SHOWN < jobs.len()).then(|| turn(from + JOBS_SHOWN, "turn-after")),
            ))
        }
        (next(&scribe, &store)?)
    };
    works::page(ask, &title, &body)
}

/// How many jobs are in which state.
fn count(jobs: &[Job]) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for job in jobs {
        *counts.entry(job.state.word()).or_default() += 1;
    }
    counts
}

/// How many of the jobs that are not done run, wait and so on, and how fast they are together.
pub(super) fn summary(scribe: &Scribe, jobs: &[Job]) -> Markup {
    let counts = count(jobs);
    let n = |word: &str| counts.get(word).copied().unwrap_or(0);
    let rate: u64 = jobs.iter().filter(|job| job.state == State::Running).map(|job| job.advance.bytes_per_sec).sum();
    html! {
        span { (scribe.count("transfer-n-running", n("running"))) }
        @if n("waiting") > 0 { span { (scribe.count("transfer-n-waiting", n("waiting"))) } }
        @if n("paused") > 0 { span { (scribe.count("transfer-n-paused", n("paused"))) } }
        @if n("failed") + n("dead") > 0 { span .bad { (scribe.count("transfer-n-trouble", n("failed") + n("dead"))) } }
        @if rate > 0 { span { (scribe.say_with("transfer-rate-all", &[("rate", scribe.size(rate).into())])) } }
    }
}

/// What the line may be used for now.
fn line(scribe: &Scribe, store: &Store) -> Result<Markup> {
    let (config, now, zone) = (store.config(), store.now_is(), store.zone());
    let rate = crate::agent::schedule::rate_at(&config.schedule, now, &zone);
    let changes = crate::agent::schedule::rate_changes(&config.schedule, now, &zone);
    let left = worker::allowance_left(store)?;
    Ok(html! {
        ul .facts {
            @match rate {
                None => li { (parts::badge("wait", scribe.say("line-closed"))) },
                Some(Rate::Unlimited) => {}
                Some(Rate::BytesPerSec(rate)) => li { (scribe.say_with("line-rate", &[("rate", scribe.size(rate).into())])) },
            }
            @if let Some(at) = changes { li { (scribe.say("line-changes")) " " (scribe.time(at)) } }
            @if let Some((left, until)) = left { li { (scribe.say_with("line-left", &[("bytes", scribe.size(left).into())]))
                " " (scribe.time(until)) } }
        }
    })
}

fn next(scribe: &Scribe, store: &Store) -> Result<Markup> {
    let mut runs: Vec<(Timestamp, Task)> = daemon::upcoming(store, 1)?.into_iter().filter_map(|up| Some((*up.at.first()?, up.task))).collect();
    runs.sort_by_key(|(at, _)| *at);
    Ok(html! {
        @if !runs.is_empty() {
            section .card {
                h2 { (scribe.say("transfer-next")) }
                ul .rows { @for (at, task) in runs.iter().take(NEXT_SHOWN) { li { (scribe.time(*at)) " " (what(scribe, task)) } } }
            }
        }
    })
}

/// What a job does, in words.
pub(super) fn what(scribe: &Scribe, task: &Task) -> Markup {
    let named = !task.subject().is_empty() && !matches!(task, Task::Apply(_));
    html! { (scribe.say(&format!("task-{}", task.kind()))) @if named { " " strong { bdi { (task.subject()) } } } }
}

/// The state of a row: what the browser shows is anew where this is another.
fn stamp(row: &str) -> String {
    Digest::of(row.as_bytes()).short(12)
}

fn row(scribe: &Scribe, job: &Job) -> Markup {
    let cells = cells(scribe, job);
    let stamp = stamp(&cells.0);
    html! { tr #{ "j" (job.id) } data-stamp=(stamp) { (cells) } }
}

fn cells(scribe: &Scribe, job: &Job) -> Markup {
    let a = &job.advance;
    let running = job.state == State::Running;
    html! {
        th scope="row" {
            @if let Task::Apply(_) = job.task { a href={ "/work?job=" (job.id) } { (what(scribe, &job.task)) } }
            @else { (what(scribe, &job.task)) } " " span .quiet.small { "#" (job.id) } }
        td data-name=(scribe.say("transfer-done")) { @if running || a.bytes > 0 { (done(scribe, a)) } }
        td .number data-name=(scribe.say("transfer-rate")) { @if running && a.bytes_per_sec > 0 { (scribe.say_with("rate", &[("rate",
            scribe.size(a.bytes_per_sec).into())])) } }
        td data-name=(scribe.say("transfer-left")) { @if running { (left(scribe, a)) } }
        td { (state(scribe, job)) }
        td { div .acts { (acts(scribe, job)) } }
    }
}

fn done(scribe: &Scribe, a: &Advance) -> Markup {
    html! {
        @if a.bytes_total > 0 {
            progress .meter max=(a.bytes_total) value=(a.bytes.min(a.bytes_total)) aria-label=(scribe.say("transfer-done")) {}
            span .small.nowrap { (scribe.size(a.bytes)) " / " (scribe.size(a.bytes_total)) }
        } @else if a.bytes > 0 {
            span .small.nowrap { (scribe.size(a.bytes)) }
        }
        @if a.items > 0 { " " span .small.quiet.nowrap { (scribe.number(a.items)) @if a.items_total > 0 { " / " (scribe.number(a.items_total)) } } }
        @if !a.phase.is_empty() && a.bytes == 0 { " " span .small.quiet { (phase(scribe, &a.phase)) } }
    }
}

/// What is being done now; what has no words of its own is told as the engine calls it.
pub(super) fn phase(scribe: &Scribe, phase: &str) -> String {
    let id = format!("phase-{}", phase.replace(' ', "-"));
    let said = scribe.say(&id);
    if said == id { phase.to_owned() } else { said.into_owned() }
}

/// Time left as a range: lines waver, and one number would be a promise.
fn left(scribe: &Scribe, a: &Advance) -> Markup {
    let rest = a.bytes_total.saturating_sub(a.bytes);
    if rest == 0 || a.bytes_per_sec == 0 {
        return html! {};
    }
    let secs = (rest as f64 / a.bytes_per_sec as f64).ceil() as i64;
    let (least, most) = (scribe.span(secs * 4 / 5), scribe.span(secs * 3 / 2));
    html! { span .nowrap { @if least == most { (least) } @else { (least) " – " (most) } } }
}

pub(super) fn state(scribe: &Scribe, job: &Job) -> Markup {
    let moved = job.advance.moved.or(job.started);
    let ago = |at: Timestamp| html! { time data-ago datetime=(moment::rfc3339_utc(at)) { (scribe.time_text(at)) } };
    let later = job.not_before > scribe.now;
    html! {
        @match (job.state, job.wish) {
            (State::Running, Wish::Pause) => (parts::badge("wait", scribe.say("job-pausing"))),
            (State::Running, Wish::Cancel) => (parts::badge("wait", scribe.say("job-cancelling"))),
            (State::Running, Wish::None) => {
                (parts::badge("good", scribe.say("job-running")))
                @if let Some(at) = moved { " " span .small.quiet { (scribe.say("job-moved")) " " (ago(at)) } }
            }
            (State::Waiting, _) if !job.code.is_empty() => (parts::badge("wait", scribe.say("job-outside"))),
            (State::Waiting, _) => (parts::badge("", scribe.say("job-waiting"))),
            (State::Paused, _) => (parts::badge("wait", scribe.say("job-paused"))),
            (State::Failed, _) => (parts::badge("bad", scribe.say_with("job-failed", &[("n", (u64::from(job.attempts) + 1).into()), ("of",
                u64::from(crate::agent::queue::TRIES.attempts).into())]))),
            (State::Dead, _) => (parts::badge("bad", scribe.say("job-dead"))),
            (State::Done, _) => (parts::badge("good", scribe.say("job-done"))),
            (State::Cancelled, _) => (parts::badge("", scribe.say("job-cancelled"))),
        }
        @if matches!(job.state, State::Waiting | State::Failed) && later { " " span .small { (scribe.say("job-next"))
            " " (scribe.time(job.not_before)) } }
        @if let Some(at) = job.ended { " " span .small.quiet { (scribe.time(at)) } }
        @if !job.said.is_empty() { p .small { (said(scribe, job)) } }
        @if let Some(advice) = advice(job) { p .small { strong { (scribe.say("job-advice")) } " " (scribe.say(advice)) } }
    }
}

/// Cause, in the language where there are words for its code, and as it was said.
pub(super) fn said(scribe: &Scribe, job: &Job) -> Markup {
    html! { @if let Some(known) = scribe.language.say_of_code("why", &job.code) { (known) " " } bdi .quiet lang="en" { (job.said) } }
}

/// One thing that helps.
fn advice(job: &Job) -> Option<&'static str> {
    if !in_trouble(job) {
        return None;
    }
    let code = job.code.as_str();
    Some(match code {
        "remote.absent" => "advice-plug-in",
        "remote.rclone_missing" | "remote.rclone_old" => "advice-rclone",
        _ if code.starts_with("lineage.") => "advice-realign",
        _ if code.starts_with("space") || code == "disk.full" => "advice-space",
        _ if code.starts_with("source.") => "advice-source",
        _ if code.starts_with("remote.") => "advice-remote",
        "drill.failed" | "verify.damage" => "advice-verify",
        _ if job.state == State::Dead => "advice-retry",
        _ => return None,
    })
}

/// What can be done with a job. All buttons are of the one form around the table: each says what, and with which job.
fn acts(scribe: &Scribe, job: &Job) -> Markup {
    let act = |word: &'static str| {
        let with = [("what", job.task.to_string().into()), ("id", job.id.to_string().into())];
        let name = scribe.say_with(&format!("job-do-{word}-this"), &with);
        html! { button .tight name="do" value={ (word) " " (job.id) } aria-label=(name) { (scribe.say(&format!("job-do-{word}"))) } }
    };
    html! {
        @match (job.state, job.wish) {
            (State::Running, Wish::Pause) | (State::Paused, _) => { (act("resume")) (act("cancel")) }
            (State::Running, Wish::Cancel) => {}
            (State::Running, Wish::None) => { (act("pause")) (act("cancel")) }
            (State::Waiting | State::Failed, _) => { (act("retry")) (act("pause")) (act("cancel")) }
            (State::Dead | State::Cancelled, _) => (act("retry")),
            (State::Done, _) => {}
        }
    }
}

/// Rows that are other than what the browser shows. `have` is `id:stamp` of each row, with blanks between them.
pub(super) fn rows(ask: &Ask) -> Result<Answer> {
    let scribe = Scribe::of(ask);
    let store = ask.store()?;
    let jobs = store.jobs(ENDED_MAX)?;
    let shown = ask.form("have").unwrap_or_default().split_whitespace().filter_map(|pair| pair.split_once(':')).take(ASKED_MAX);
    let known: BTreeMap<i64, &Job> = jobs.iter().map(|job| (job.id, job)).collect();
    let mut changed = serde_json::Map::new();
    let mut gone = 0;
    for (id, had) in shown {
        let Some(job) = id.parse().ok().and_then(|id: i64| known.get(&id)) else {
            gone += 1;
            continue;
        };
        let cells = cells(&scribe, job);
        let stamp = stamp(&cells.0);
        if stamp != had {
            changed.insert(format!("j{}", job.id), json!({ "stamp": stamp, "cells": cells.0 }));
        }
    }
    let left = store.jobs_left()?;
    // What begins or ends changes which rows there are: then the browser takes the page anew.
    let all: Vec<i64> = {
        let (which, find) = (Which::of_word(ask.form("show")), ask.form("find").unwrap_or_default());
        let mut all: Vec<&Job> = jobs.iter().filter(|job| which.has(job) && matches(job, find)).collect();
        all.sort_by_key(|job| order(job));
        let from = ask.form("from").and_then(|text| text.parse().ok()).unwrap_or(0usize);
        all.iter().skip(from).take(JOBS_SHOWN).map(|job| job.id).collect()
    };
    Ok(Answer::Json(json!({
        "summary": summary(&scribe, &left).0,
        "acts": acts_of_all(ask, &scribe, &count(&left)).0,
        "rows": Value::Object(changed),
        "order": all,
        "gone": gone,
    })))
}

/// What can be done about all jobs as they are now.
fn acts_of_all(ask: &Ask, scribe: &Scribe, counts: &BTreeMap<&'static str, u64>) -> Markup {
    let paused = counts.get("paused").copied().unwrap_or(0);
    let act = |what, class, message| parts::act(ask, "/transfers/all", &[("do", what)], class, scribe.say(message));
    html! {
        @if counts.values().sum::<u64>() > paused { (act("pause", "", "transfer-pause-all")) }
        @if paused > 0 { (act("resume", "main", "transfer-resume-all")) }
    }
}

impl Which {
    fn of_word(word: Option<&str>) -> Self {
        Which::ALL.into_iter().find(|(_, known)| word == Some(known)).map_or(Which::Open, |(which, _)| which)
    }
}

/// What a person wants of one job.
pub(super) fn job(ask: &Ask) -> Result<Answer> {
    let store = ask.store()?;
    let (verb, id) = ask.form("do").and_then(|text| text.split_once(' ')).unwrap_or_default();
    let id = id.parse().map_err(|_| Error::usage("job.none", "no job is named"))?;
    match Some(verb) {
        Some("pause") => drop(store.pause_job(id)?),
        Some("resume") => drop(store.resume_job(id)?),
        Some("cancel") => drop(store.cancel_job(id)?),
        Some("retry") => drop(store.retry_job(id)?),
        other => return Err(Error::usage("job.verb", format!("nothing that can be done with a job: {}", other.unwrap_or_default()))),
    }
    ask.agent()?.poke();
    Ok(Answer::See(deeds::back(ask).to_owned()))
}

/// What a person wants of all jobs.
pub(super) fn all(ask: &Ask) -> Result<Answer> {
    let store = ask.store()?;
    match ask.form("do") {
        Some("pause") => drop(store.pause_jobs()?),
        _ => drop(store.resume_jobs()?),
    }
    ask.agent()?.poke();
    Ok(Answer::See(ask.link_now("/transfers", &[])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::words::LANGUAGES;

    #[test]
    fn every_kind_of_work_has_a_name_in_every_language() {
        let name = || "x".to_owned();
        let named = [Task::Capture(name()), Task::Ship(name()), Task::Drill(name()), Task::Compact(name()), Task::Apply(name())];
        for task in named.into_iter().chain([Task::Seal, Task::Verify, Task::Gc, Task::Forget]) {
            let id = format!("task-{}", task.kind());
            for language in LANGUAGES {
                assert_ne!(language.say(&id), id, "{}", language.tag());
            }
        }
    }
}
