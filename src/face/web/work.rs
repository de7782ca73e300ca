//! What the agent carries out for somebody: how far it is, and what came of it. The page lives on while it is looked at; whoever closes it and
//! comes back, on another day or as another person, finds the same.

use maud::{Markup, html};

use crate::agent::order::{Carried, DatabaseDone, Outcome, TenantDone, What};
use crate::base::error::{Error, Result};
use crate::engine::store::{Store, Tenant};
use crate::face::http::{Answer, Ask, encode};
use crate::model::job::{Job, State, Task};
use crate::model::key::parse_key;
use crate::model::plan::Purpose;

use super::parts::{self, Scribe};
use super::{transfers, works};

/// Keys of one kind that are named.
const NAMED: usize = 20;

/// The heading of a plan.
pub(super) fn heading(scribe: &Scribe, tenant: &Tenant, purpose: &Purpose) -> String {
    let scope = |prefix: &str| if prefix.is_empty() { scribe.say("plan-everything").into_owned() } else { prefix.to_owned() };
    let when = |seq: u64| {
        tenant
            .batch_at(seq)
            .map_or_else(|_| format!("#{seq}"), |batch| format!("{} {}", scribe.time_text(batch.event.time), scribe.offset(batch.event.time)))
    };
    match purpose {
        Purpose::Undo { batch } => scribe.say_with("plan-undo", &[("batch", scribe.number(*batch).into())]).into_owned(),
        Purpose::Rollback { prefix, to_seq: 0 } => scribe.say_with("plan-rollback-start", &[("what", scope(prefix).into())]).into_owned(),
        Purpose::Rollback { prefix, to_seq } => {
            scribe.say_with("plan-rollback", &[("what", scope(prefix).into()), ("when", when(*to_seq).into())]).into_owned()
        }
        Purpose::Restore { prefix, .. } => scribe.say_with("plan-restore", &[("what", scope(prefix).into())]).into_owned(),
    }
}

/// Where work is looked at.
pub(super) fn address(ask: &Ask, job: i64) -> String {
    ask.link_now("/work", &[("job", &job.to_string())])
}

/// The page.
pub(super) fn work(ask: &Ask) -> Result<Answer> {
    let scribe = Scribe::of(ask);
    let store = ask.store()?;
    let number = ask.query("job").and_then(|text| text.parse().ok()).ok_or_else(|| Error::usage("job.none", "no job is named"))?;
    let job = store.job(number)?;
    let Task::Apply(id) = &job.task else {
        return Ok(Answer::See(ask.link_now("/transfers", &[("find", &job.task.to_string())])));
    };
    let order = store.ordered(id)?;
    let title = match &order.what {
        What::Plan { tenant, purpose, .. } => heading(&scribe, &store.tenant(tenant)?, purpose),
        What::Realign { .. } => scribe.say("realign-title").into_owned(),
    };
    let outcome = if job.state == State::Done { store.outcome(id)? } else { None };
    let body = html! {
        h1 { (title) }
        p .facts { span { (scribe.say("work-asked")) " " (scribe.who(&order.actor)) } span { (scribe.time(job.created)) }
            @if !order.reason.is_empty() { span { bdi { (order.reason) } } } }
        div #work data-live=[(!job.state.is_over()).then_some("1")] {
            @match &outcome {
                Some(outcome) => (came(ask, &scribe, &store, &order.what, outcome)),
                None => (going(ask, &scribe, &order.what, &job)),
            }
        }
    };
    works::page(ask, &title, &body)
}

fn going(ask: &Ask, scribe: &Scribe, what: &What, job: &Job) -> Markup {
    let a = &job.advance;
    let act = |verb: &str, class: &str, message: &str| {
        let this = format!("{verb} {}", job.id);
        parts::act(ask, "/transfers/job", &[("do", &this), ("back", &address(ask, job.id))], class, scribe.say(message))
    };
    let anew = match what {
        What::Plan { purpose: Purpose::Undo { batch }, .. } => ask.link_now("/plan", &[("undo", &batch.to_string())]),
        What::Plan { purpose: Purpose::Rollback { prefix, to_seq }, .. } => {
            ask.link_now("/plan", &[("prefix", prefix), ("to", &format!("seq:{to_seq}"))])
        }
        What::Plan { purpose: Purpose::Restore { prefix, at_seq }, .. } => {
            ask.link_now("/plan", &[("restore", prefix), ("when", &format!("seq:{at_seq}"))])
        }
        What::Realign { .. } => ask.link_now("/realign", &[]),
    };
    html! {
        @match job.state {
            State::Cancelled => {
                (parts::say("bad", html! { p { strong { (scribe.say("work-not-done")) } " " (scribe.say("work-nothing-changed")) } p {
                    (transfers::said(scribe, job)) } }))
                div .acts { a .button.main href=(anew) { (scribe.say("work-anew")) } }
            }
            State::Done => (parts::say("good", html! { p { (scribe.say("job-done")) ": " (transfers::said(scribe, job)) } })),
            _ => {
                section .card {
                    p data-announce { (transfers::state(scribe, job)) }
                    @if a.items_total > 0 {
                        progress .meter max=(a.items_total) value=(a.items.min(a.items_total)) aria-label=(scribe.say("transfer-done")) {}
                        p { (scribe.number(a.items)) " / " (scribe.number(a.items_total)) " · " (transfers::phase(scribe, &a.phase)) }
                    } @else if !a.phase.is_empty() {
                        p { (transfers::phase(scribe, &a.phase)) @if a.bytes > 0 { " · " (scribe.size(a.bytes)) } }
                    }
                    p .quiet { (scribe.say("work-goes-on")) }
                    div .acts {
                        @if matches!(job.state, State::Dead | State::Failed | State::Waiting) { (act("retry", "", "job-do-retry")) }
                        @if job.state == State::Paused { (act("resume", "main", "job-do-resume")) }
                        @if job.state != State::Dead { (act("cancel", "tight", "job-do-cancel")) }
                    }
                }
            }
        }
    }
}

fn came(ask: &Ask, scribe: &Scribe, store: &Store, what: &What, outcome: &Outcome) -> Markup {
    match (outcome, what) {
        (Outcome::Plan(done), What::Plan { tenant, .. }) => carried(ask, scribe, store.tenant(tenant).ok().as_ref(), done),
        (Outcome::Plan(done), What::Realign { .. }) => carried(ask, scribe, None, done),
        (Outcome::Realign { tenants, databases }, _) => html! {
            @for done in tenants { (tenant_done(scribe, done)) }
            @for done in databases { (database_done(ask, scribe, done)) }
            div .acts { a .button href=(ask.link_now("/realign", &[])) { (scribe.say("realign-again")) } }
        },
    }
}

/// What came of a plan.
pub(super) fn carried(ask: &Ask, scribe: &Scribe, tenant: Option<&Tenant>, done: &Carried) -> Markup {
    let of = tenant.map(|t| t.name().to_owned()).unwrap_or_default();
    let link = |path: &str, name: &'static str, value: &str| ask.link_now(path, &[("tenant", &of), (name, value)]);
    html! {
        @match done.batch {
            None => { (parts::say("", html! { p { (scribe.say("plan-done-nothing")) } })) }
            Some(seq) => {
                div .say.good role="status" {
                    p { strong { (scribe.count("plan-done", done.done)) } " " a href=(link("/batch", "seq", &seq.to_string())) {
                        (scribe.say_with("batch-number", &[("batch", scribe.number(seq).into())])) } }
                    p { (scribe.say("plan-done-what")) }
                    div .acts {
                        a .button data-key="u" href=(link("/plan", "undo", &seq.to_string())) { (scribe.say("plan-done-undo")) }
                        a .button.plain href=(link("/activity", "who", "")) { (scribe.say("plan-done-activity")) }
                    }
                }
            }
        }
        @if done.skipped > 0 {
            section .card {
                h2 { (scribe.count("plan-skipped", done.skipped)) }
                ul { @for key in done.skipped_keys.iter().take(NAMED) { li { a href=(link("/document", "key", key)) { (parts::key(&parse_key(key)))
                    } } } }
                (more(scribe, done.skipped as usize))
            }
        }
        @if !done.pending.is_empty() {
            section .card {
                h2 { (scribe.count("plan-pending", done.pending.len() as u64)) }
                ul { @for (key, why) in done.pending.iter().take(NAMED) { li { (parts::key(&parse_key(key))) ": " bdi { (why) } } } }
                (more(scribe, done.pending.len()))
            }
        }
        @if let Some(left) = tenant.and_then(|t| t.position().ok()) { p .quiet.small { (scribe.say_with("plan-position", &[("seq",
            scribe.number(left.seq).into())])) } }
    }
}

fn more(scribe: &Scribe, all: usize) -> Markup {
    html! { @if all > NAMED { p .quiet { (scribe.count("rows-more", (all - NAMED) as u64)) } } }
}

/// Keys of one kind, the first of them named.
pub(super) fn named(scribe: &Scribe, message: &str, keys: &[&str]) -> Markup {
    html! {
        @if !keys.is_empty() {
            details { summary { (scribe.say(message)) ": " (scribe.number(keys.len() as u64)) }
                ul { @for key in keys.iter().take(NAMED) { li { (parts::key(&parse_key(key))) } } }
                @if keys.len() > NAMED { p .quiet { (scribe.count("rows-more", (keys.len() - NAMED) as u64)) } }
            }
        }
    }
}

fn tenant_done(scribe: &Scribe, d: &TenantDone) -> Markup {
    html! {
        section .say.good role="status" {
            p { strong { (scribe.say_with("realign-done", &[("tenant", d.tenant.as_str().into()), ("seq", scribe.number(d.seq).into())])) } }
            p { (scribe.count("realign-done-fetched", d.fetched)) " " (scribe.count("realign-done-again", d.again)) }
            (named(scribe, "realign-both-kept", &d.conflicts.iter().map(String::as_str).collect::<Vec<_>>()))
            (named(scribe, "realign-resurrected", &d.resurrected.iter().map(String::as_str).collect::<Vec<_>>()))
            @for (first, last) in &d.gaps { p .grave { (scribe.say_with("realign-lost-what", &[("first", scribe.number(*first).into()), ("last",
                scribe.number(*last).into())])) } }
            div .acts {
                @if let Some(mark) = &d.mark { a .button href={ "/plan?to=" (encode(&format!("mark:{mark}"))) "&tenant=" (encode(&d.tenant)) } {
                    (scribe.say("realign-undo-again")) } }
                @if let Some(line) = &d.line { a .button href={ "/browse?tenant=" (encode(line)) } { (scribe.say("realign-see-line")) } }
            }
        }
    }
}

fn database_done(ask: &Ask, scribe: &Scribe, d: &DatabaseDone) -> Markup {
    let name = d.prefix.trim_end_matches('/');
    html! {
        section .say.good role="status" {
            p { strong { (scribe.say_with("realign-done", &[("tenant", name.into()), ("seq", scribe.number(d.seq).into())])) } }
            p { (scribe.count("realign-done-written", d.written)) }
            (named(scribe, "realign-open-left", &d.open.iter().map(String::as_str).collect::<Vec<_>>()))
            div .acts {
                @if let Some(seq) = d.batch { a .button href=(ask.link_now("/plan", &[("undo", &seq.to_string())])) {
                    (scribe.say("plan-done-undo")) } }
                @if let Some(seq) = d.found { a .button href=(ask.link_now("/browse", &[("prefix", &d.prefix), ("at",
                    &format!("seq:{seq}"))])) { (scribe.say("realign-as-found")) } }
            }
        }
    }
}
