//! Home: are we safe? One verdict, what it rests on, what runs now, and what a person should do.

use maud::{Markup, html};

use crate::agent::health::{self, Health, Problem, RemoteHealth};
use crate::agent::proof;
use crate::base::error::Result;
use crate::base::time::Timestamp;
use crate::engine::status::{Lag, RemoteStatus, Safety};
use crate::engine::store::Store;
use crate::face::http::{Answer, Ask};
use crate::face::view;
use crate::model::job::{Job, State};

use super::parts::{self, Scribe};
use super::{shell, transfers};

/// Changes shown.
const CHANGES_SHOWN: usize = 6;
/// Jobs shown.
const JOBS_SHOWN: usize = 6;
/// Problems shown.
const PROBLEMS_SHOWN: usize = 8;

/// `GET /`.
pub(super) fn home(ask: &Ask) -> Result<Answer> {
    let (scribe, store) = (Scribe::of(ask), ask.store()?);
    let (safety, remotes) = (store.safety()?, store.remote_statuses()?);
    let (all, health) = (health::problems(&store, &ask.agent()?.troubles())?, health::remotes(&store)?);
    let body = html! {
        div #verdict data-live="5" { (verdict(&scribe, &safety, &all, &health)) }
        div #problems data-live="5" { (problems(ask, &scribe, &all)) }
        div .cards {
            section .card #offsite data-live="5" { (offsite(ask, &scribe, &safety)) }
            section .card { (proven(ask, &scribe, &store, &remotes)?) }
            section .card #now data-live="2" { (now(ask, &scribe, &store.jobs_left()?)) }
        }
        div .two.even {
            section .card.flush #copies data-live="5" { (copies(ask, &scribe, &remotes, &health)) }
            section .card.flush #changes data-live="5" { (changes(ask, &scribe)?) }
        }
    };
    shell::page(ask, &scribe.say("home-title"), &body)
}

/// The verdict in one sentence.
fn sentence(scribe: &Scribe, safety: &Safety) -> String {
    let lag = |message: &str, lag: &Lag| {
        let with = [
            ("n", lag.batches.into()),
            ("count", scribe.number(lag.batches).into()),
            ("age", scribe.span(lag.age_secs as i64).into()),
            ("limit", lag.allowed_secs.map_or(String::new(), |secs| scribe.span(secs as i64)).into()),
            ("remotes", lag.remotes.join(", ").into()),
        ];
        scribe.say_with(message, &with)
    };
    match safety {
        Safety::Damaged => scribe.say("verdict-damaged"),
        Safety::Fenced { tenant, fence } => scribe.say_with(
            &format!("verdict-{}", fence.verdict.word()),
            &[("tenant", tenant.as_str().into()), ("witness", fence.witness.as_str().into())],
        ),
        Safety::Behind(captures) => {
            let names: Vec<&str> = captures.iter().map(|c| c.prefix.trim_end_matches('/')).collect();
            scribe.say_with("verdict-database", &[("names", names.join(", ").into())])
        }
        Safety::OnlyCopy => scribe.say("verdict-only-copy"),
        Safety::Empty => scribe.say("verdict-empty"),
        Safety::Offsite { at, later } if later.is_empty() => scribe.say_with("verdict-offsite", &[("remotes", at.join(", ").into())]),
        Safety::Offsite { later, .. } => scribe.say_with("verdict-offsite-later", &[("remotes", later.join(", ").into())]),
        Safety::Waiting(l) => lag("verdict-waiting", l),
        Safety::Late(l) if l.remotes.is_empty() => lag("verdict-late-nowhere", l),
        Safety::Late(l) if l.allowed_secs.is_none() => lag("verdict-late-unlimited", l),
        Safety::Late(l) => lag("verdict-late", l),
    }
    .into_owned()
}

/// Whether people can sleep: never with a problem that they should know.
fn verdict(scribe: &Scribe, safety: &Safety, problems: &[Problem], health: &[RemoteHealth]) -> Markup {
    let (held, safe) = (safety.is_safe(), safety.is_safe() && problems.is_empty());
    let paused: Vec<&str> = health.iter().filter(|h| h.paused.is_some()).map(|h| h.name.as_str()).collect();
    html! {
        div .verdict.safe[safe].risk[!safe] {
            div .sign aria-hidden="true" { svg viewBox="0 0 24 24" { path d=(if safe { "M5 12.5l4.5 4.5L19 7.5" } else { "M12 5v9M12 18.5v.5" }) {} } }
            div {
                p .quiet { (scribe.say("home-title")) }
                h1 data-announce { (scribe.say(if safe { "home-safe" } else { "home-not-safe" })) }
                p .lead {
                    @if held && !safe { (scribe.count("verdict-problems", problems.len() as u64)) " " }
                    (sentence(scribe, safety))
                    @if !paused.is_empty() { " " (scribe.say_with("verdict-paused", &[("remotes", paused.join(", ").into())])) }
                }
            }
        }
    }
}

/// What is wrong, each with what to do. Kinds that the agent has words for are said in the language of the page; what exactly happened, as the
/// program says it.
fn problems(ask: &Ask, scribe: &Scribe, all: &[Problem]) -> Markup {
    if all.is_empty() {
        return html! {};
    }
    html! {
        section .card.flush {
            h2 { (scribe.count("home-problems", all.len() as u64)) }
            ul .problems {
                @for problem in all.iter().take(PROBLEMS_SHOWN) {
                    @let (kind, about) = problem.key.split_once(' ').unwrap_or((&problem.key, ""));
                    li {
                        p { strong { (scribe.say_with(&format!("problem-{kind}"), &[("about", about.into())])) } }
                        p {
                            (scribe.say(&format!("problem-{kind}-do"))) " "
                            @if let Some((path, message)) = way(kind) { a href=(ask.link_now(path, &[])) { (scribe.say(message)) } }
                        }
                        @if kind == "brake" { (brake(ask, scribe, about)) }
                        details { summary .quiet.small { (scribe.say("problem-details")) } p .small { bdi lang="en" { (problem.said) } } }
                    }
                }
            }
        }
    }
}

/// What to do about a mass change: the way back to before it, or saying that it was meant.
fn brake(ask: &Ask, scribe: &Scribe, tenant: &str) -> Markup {
    let brakes = ask.store().and_then(|store| store.brakes()).unwrap_or_default();
    let Some(brake) = brakes.into_iter().find(|brake| brake.tenant == tenant) else { return html! {} };
    let back = ask.link_now("/plan", &[("tenant", tenant), ("to", &format!("mark:{}", brake.mark))]);
    html! {
        form .form method="post" action="/brake/lift" {
            (parts::fields_of(ask, &[("of", tenant)]))
            label .field { span { (scribe.say("brake-reason")) } input name="reason" required maxlength="400" autocomplete="off"; }
            div .acts { button { (scribe.say("brake-lift")) } a .button href=(back) { (scribe.say("brake-back")) } }
        }
    }
}

/// The page where something can be done about a problem.
fn way(kind: &str) -> Option<(&'static str, &'static str)> {
    match kind {
        "lineage" | "database" => Some(("/realign", "nav-realign")),
        "stale" | "job" | "capture" => Some(("/transfers", "nav-transfers")),
        "remote" | "policy" | "erasure" => Some(("/copies", "nav-copies")),
        "damage" | "drill" => Some(("/proof", "nav-proof")),
        "brake" => Some(("/batches", "nav-batches")),
        "config" => Some(("/settings", "nav-settings")),
        "nowhere" => Some(("/copies", "nav-copies")),
        _ => None,
    }
}

/// The age of the oldest change that is not offsite, against what is allowed.
fn offsite(ask: &Ask, scribe: &Scribe, safety: &Safety) -> Markup {
    html! {
        h2 { (scribe.say("home-offsite")) }
        @match safety {
            Safety::Waiting(lag) | Safety::Late(lag) => {
                p .figure { (scribe.span(lag.age_secs as i64)) }
                p { (scribe.say_with("home-waiting", &[("n", lag.batches.into()), ("count", scribe.number(lag.batches).into())])) }
                @match lag.allowed_secs {
                    Some(limit) => {
                        progress .meter max=(limit.max(1)) value=(lag.age_secs.min(limit)) aria-label=(scribe.say("home-meter")) {}
                        p .quiet { (scribe.say_with("home-allowed", &[("limit", scribe.span(limit as i64).into())])) }
                    },
                    None => p .quiet { a href=(ask.link_now("/settings", &[])) { (scribe.say("home-no-limit")) } },
                }
            },
            Safety::Offsite { .. } => { p .figure { (scribe.say("home-nothing-waits")) } p .quiet { (scribe.say("home-all-offsite")) } },
            Safety::Empty => { p .figure { (scribe.say("home-nothing-yet")) } },
            _ => { p .figure { (scribe.say("home-unknown")) } p .quiet { (scribe.say("home-see-above")) } },
        }
    }
}

/// The last time that a rebuild was rehearsed and was right.
fn proven(ask: &Ask, scribe: &Scribe, store: &Store, remotes: &[RemoteStatus]) -> Result<Markup> {
    let mut best: Option<(proof::DrillNote, &str)> = None;
    for remote in remotes {
        let right = proof::last_drill(store, &remote.place.name)?.filter(|note| note.well && !note.sample);
        if let Some(note) = right
            && best.as_ref().is_none_or(|(known, _)| known.at < note.at)
        {
            best = Some((note, &remote.place.name));
        }
    }
    Ok(html! {
        h2 { (scribe.say("home-proven")) }
        @match &best {
            Some((note, remote)) => {
                p .figure { (scribe.ago(Timestamp(note.at))) }
                p { (scribe.say_with("home-rebuilt", &[("remote", (*remote).into()), ("span", scribe.span(note.rto_secs.ceil() as i64).into())])) }
            },
            None => { p .figure { (scribe.say("home-never")) } p .quiet { (scribe.say("home-never-words")) } },
        }
        p { a href=(ask.link_now("/proof", &[])) { (scribe.say("home-proof")) } }
    })
}

/// What the agent does now.
fn now(ask: &Ask, scribe: &Scribe, jobs: &[Job]) -> Markup {
    let running: Vec<&Job> = jobs.iter().filter(|j| j.state == State::Running).collect();
    html! {
        h2 { (scribe.say("home-now")) }
        @if running.is_empty() { p .figure { (scribe.say("home-idle")) } }
        @for job in running.iter().take(JOBS_SHOWN) {
            div {
                p { strong { (scribe.say_with(&format!("doing-{}", job.task.kind()), &[("subject", job.task.subject().into())])) } }
                @if job.advance.bytes_total > 0 {
                    progress .meter max=(job.advance.bytes_total) value=(job.advance.bytes) aria-label=(scribe.say("home-progress")) {}
                    p .quiet.small { (scribe.size(job.advance.bytes)) " / " (scribe.size(job.advance.bytes_total)) }
                }
            }
        }
        @if running.len() > JOBS_SHOWN { p .quiet { (scribe.count("home-more-jobs", (running.len() - JOBS_SHOWN) as u64)) } }
        p .facts { (transfers::summary(scribe, jobs)) }
        p { a href=(ask.link_now("/transfers", &[])) { (scribe.say("home-transfers")) } }
    }
}

fn copies(ask: &Ask, scribe: &Scribe, remotes: &[RemoteStatus], health: &[RemoteHealth]) -> Markup {
    let columns = [("column-copy", ""), ("column-state", ""), ("column-received", ""), ("column-lacks", "number")];
    let rows = html! {
        @for remote in remotes {
            @let known = health.iter().find(|h| h.name == remote.place.name);
            @let how = known.map_or(Health::Good, |h| h.health);
            // What has not gone there yet is no trouble, and not good either.
            @let how = if how == Health::Good && remote.behind() > 0 { Health::Waiting } else { how };
            tr {
                th scope="row" { bdi { (remote.place.name) } div .small.quiet { bdi { (view::remote_url(&remote.place)) } } }
                td data-name=(scribe.say("column-state")) {
                    (health_badge(scribe, how))
                    @if known.is_some_and(|h| h.paused.is_some()) { " " a href=(ask.link_now("/transfers", &[("show", "waiting")])) {
                        (parts::badge("wait", scribe.say("job-paused"))) } }
                }
                td data-name=(scribe.say("column-received")) { @match remote.last_shipped { Some(at) => (scribe.ago(at)), None => span .absent { (scribe.say("copy-never")) } } }
                td .number data-name=(scribe.say("column-lacks")) { @if remote.behind() == 0 { (scribe.say("copy-nothing")) } @else { (scribe.count("copy-lacks", remote.behind())) } }
            }
        }
    };
    html! {
        @if remotes.is_empty() {
            h2 { (scribe.say("home-copies")) }
            (parts::empty(scribe.say("home-no-copies"), scribe.say("home-no-copies-words")))
        } @else { (parts::table(scribe, &scribe.say("home-copies"), true, true, &columns, &rows)) }
        p .pad { a href=(ask.link_now("/copies", &[])) { (scribe.say("home-all-copies")) } }
    }
}

/// How a remote is, with its sign.
pub(super) fn health_badge(scribe: &Scribe, how: Health) -> Markup {
    let kind = match how {
        Health::Good => "good",
        Health::Waiting => "wait",
        Health::Stale | Health::Broken => "bad",
    };
    parts::badge(kind, scribe.say(&format!("health-{}", how.word())))
}

/// The newest changes of the tenant.
fn changes(ask: &Ask, scribe: &Scribe) -> Result<Markup> {
    let batches = ask.tenant()?.batches_before(0, CHANGES_SHOWN)?;
    let columns = [("column-change", ""), ("column-when", ""), ("column-what", "")];
    let rows = html! {
        @for batch in &batches {
            @let event = &batch.event;
            tr {
                th scope="row" .nowrap { a .row href=(ask.link_now("/batch", &[("seq", &event.seq.to_string())])) { (scribe.number(event.seq)) } }
                td data-name=(scribe.say("column-when")) { (scribe.ago(event.time)) }
                td {
                    (scribe.who(&event.actor)) span .quiet { " · " (scribe.count("change-count", batch.changes)) }
                    @let why = scribe.why(&event.reason, event.cause);
                    @if !why.0.is_empty() { div .quiet { (why) } }
                }
            }
        }
    };
    Ok(html! {
        @if batches.is_empty() { h2 { (scribe.say("home-changes")) } (parts::empty(scribe.say("home-nothing-yet"), scribe.say("home-nothing-yet-words"))) }
        @else { (parts::table(scribe, &scribe.say("home-changes"), true, true, &columns, &rows)) }
        p .pad { a href=(ask.link_now("/activity", &[])) { (scribe.say("home-all-changes")) } }
    })
}

#[cfg(test)]
mod tests {
    use crate::face::words::LANGUAGES;

    #[test]
    fn every_kind_of_problem_has_words_in_every_language() {
        let source = include_str!("../../agent/health.rs");
        let kinds: Vec<&str> = source
            .split("add(")
            .skip(1)
            .filter_map(|call| call.trim_start().trim_start_matches("format!(").strip_prefix('"'))
            .map(|text| text.split([' ', '"']).next().unwrap_or_default())
            .collect();
        assert!(kinds.len() > 5 && kinds.contains(&"brake"), "{kinds:?}");
        for (kind, language) in kinds.iter().flat_map(|kind| LANGUAGES.map(|language| (kind, language))) {
            for id in [format!("problem-{kind}"), format!("problem-{kind}-do")] {
                assert_ne!(language.say(&id), id, "{}", language.tag());
            }
        }
    }
}
