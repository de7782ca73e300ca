//! Where the copies are: each place with what is known of it, and for each tenant which of them hold it and whether its rules are kept.

use maud::{Markup, html};

use crate::agent::health::{self, Health, RemoteHealth};
use crate::base::error::Result;
use crate::engine::proof::{Proof, ProofKind};
use crate::engine::status::{Held, RemoteState, RemoteStatus};
use crate::engine::store::Store;
use crate::face::http::{Answer, Ask};
use crate::face::view;
use crate::storage::config::TenantRules;

use super::parts::{self, Scribe};
use super::works;

/// Tenants on one page.
const TENANTS_SHOWN: usize = 50;
/// Places beside each other in the table of tenants; more are named in their cards only.
const PLACES_WIDE: usize = 8;

/// The page.
pub(super) fn copies(ask: &Ask) -> Result<Answer> {
    let scribe = Scribe::of(ask);
    let store = ask.store()?;
    let title = scribe.say("copies-title");
    let statuses = store.remote_statuses()?;
    let healths = health::remotes(&store)?;
    let cards = statuses
        .iter()
        .map(|remote| place(ask, &scribe, &store, remote, healths.iter().find(|h| h.name == remote.place.name)))
        .collect::<Result<Vec<_>>>()?;
    let body = html! {
        div .head { div { h1 { (title) } p .quiet { (scribe.say("copies-lead")) } } div .acts { a .button href=(ask.link_now("/settings", &[])) {
            (scribe.say("copies-add")) } } }
        @if statuses.is_empty() {
            (parts::say("bad", html! { p { strong { (scribe.say("copies-none")) } } p { (scribe.say("copies-none-what")) } }))
        } @else {
            div .cards { @for card in &cards { (card) } }
            (tenants(ask, &scribe, &store, &statuses)?)
        }
    };
    works::page(ask, &title, &body)
}

/// How a place is, as a badge.
pub(super) fn health_badge(scribe: &Scribe, remote: &RemoteStatus, health: Option<&RemoteHealth>) -> Markup {
    match health.map(|h| h.health) {
        Some(Health::Broken) => parts::badge("bad", scribe.say("place-broken")),
        Some(Health::Stale) => parts::badge("bad", scribe.say("place-stale")),
        Some(Health::Waiting) => parts::badge("wait", scribe.say("place-waiting")),
        _ => match remote.state {
            RemoteState::Current => parts::badge("good", scribe.say("place-current")),
            RemoteState::Behind => parts::badge("wait", scribe.say("place-behind")),
            RemoteState::Unused => parts::badge("wait", scribe.say("place-unused")),
        },
    }
}

/// What the last proof of a kind was.
pub(super) fn last(scribe: &Scribe, proof: Option<&Proof>) -> Markup {
    match proof {
        None => html! { span .quiet { (scribe.say("proof-never")) } },
        Some(proof) => {
            html! { @if proof.well { (parts::badge("good", scribe.say("proof-well"))) } @else { (parts::badge("bad",
            scribe.say("proof-not-well"))) } " " (scribe.ago(proof.at)) }
        }
    }
}

fn place(ask: &Ask, scribe: &Scribe, store: &Store, remote: &RemoteStatus, health: Option<&RemoteHealth>) -> Result<Markup> {
    let place = &remote.place;
    let objects: u64 = remote.held.iter().map(|h| h.objects).sum();
    let verified = store.last_proof(ProofKind::Remote, &place.name)?;
    let drilled = store.last_proof(ProofKind::Drill, &place.name)?;
    let rate = store.inner.catalog.read(|v| v.line_rate(&place.name))?;
    Ok(html! {
        section .card {
            h2 { bdi { (place.name) } (health_badge(scribe, remote, health)) }
            @if let Some(said) = health.map(|h| h.said.as_str()).filter(|said| !said.is_empty()) { p .small lang="en" { bdi { (said) } } }
            dl .pairs {
                dt { (scribe.say("copies-address")) } dd { bdi .mono { (view::remote_url(place)) } }
                dt { (scribe.say("copies-region")) } dd { @match &place.region { Some(region) => bdi { (region) }, None => span .quiet {
                    (scribe.say("copies-not-said")) } } }
                @if let Some(country) = &place.operator_country { dt { (scribe.say("copies-operator")) } dd { bdi { (country.to_uppercase()) } } }
                dt { (scribe.say("copies-encryption")) } dd { (scribe.say("copies-encryption-what")) }
                dt { (scribe.say("copies-shipped")) } dd { @match remote.last_shipped { Some(at) => (scribe.ago(at)), None => span .quiet {
                    (scribe.say("copies-never")) } } }
                @if remote.behind() > 0 { dt { (scribe.say("copies-waits")) } dd { (scribe.count("count-of-changes", remote.behind())) } }
                dt { (scribe.say("copies-objects")) } dd { (scribe.number(objects)) }
                @if let Some(rate) = rate { dt { (scribe.say("copies-rate")) } dd { (scribe.say_with("rate", &[("rate",
                    scribe.size(rate as u64).into())])) } }
                dt { (scribe.say("copies-verified")) } dd { (last(scribe, verified.as_ref())) }
                dt { (scribe.say("copies-drilled")) } dd { (last(scribe, drilled.as_ref())) }
            }
            div .acts {
                (parts::act(ask, "/proof/do", &[("do", "drill"), ("remote", &place.name), ("back", "/copies")], "tight",
                    scribe.say("proof-do-drill")))
                (parts::act(ask, "/proof/do", &[("do", "ship"), ("remote", &place.name), ("back", "/transfers")], "tight", scribe.say("copies-ship")))
            }
        }
    })
}

fn tenants(ask: &Ask, scribe: &Scribe, store: &Store, statuses: &[RemoteStatus]) -> Result<Markup> {
    let all = store.tenants()?;
    let from = ask.query("from").and_then(|text| text.parse().ok()).unwrap_or(0usize).min(all.len());
    let shown = &statuses[..statuses.len().min(PLACES_WIDE)];
    let turn = |to: usize, message: &str| (ask.here(&[("from", Some(&to.to_string()))]), scribe.say(message).into_owned());
    let silent = TenantRules::default();
    let rows = html! { @for tenant in all.iter().skip(from).take(TENANTS_SHOWN) {
        @let rules = store.config().tenants.get(tenant.name()).unwrap_or(&silent);
        @let held: Vec<Option<&Held>> = statuses.iter().map(|r| r.held.iter().find(|h| h.tenant == tenant.name())).collect();
        tr {
            th scope="row" { bdi { (tenant.name()) } (rule(scribe, rules)) }
            @for (remote, held) in shown.iter().zip(&held) { td data-name=(remote.place.name) { (cell(scribe, *held)) } }
            td data-name=(scribe.say("copies-verdict")) { (verdict(scribe, rules, &held)) }
        }
    } };
    Ok(html! {
        section .card.flush {
            div .scroll tabindex="0" role="region" aria-label=(scribe.say("copies-tenants")) {
                table .stack {
                    caption { (scribe.say("copies-tenants")) }
                    thead { tr {
                        th scope="col" { (scribe.say("tenant-label")) }
                        @for remote in shown { th scope="col" { bdi { (remote.place.name) } } }
                        th scope="col" { (scribe.say("copies-verdict")) }
                    } }
                    tbody { (rows) }
                }
            }
            (parts::pager(
                scribe,
                (from > 0).then(|| turn(from.saturating_sub(TENANTS_SHOWN), "turn-before")),
                (from + TENANTS_SHOWN < all.len()).then(|| turn(from + TENANTS_SHOWN, "turn-after")),
            ))
        }
    })
}

fn rule(scribe: &Scribe, rules: &TenantRules) -> Markup {
    html! {
        @if !rules.regions.is_empty() { p .small.quiet { (scribe.say("copies-rule-regions")) " " bdi { (rules.regions.join(", ")) } } }
        @if let Some(n) = rules.copies_min { p .small.quiet { (scribe.count("copies-rule-min", u64::from(n))) } }
    }
}

fn cell(scribe: &Scribe, held: Option<&Held>) -> Markup {
    match held {
        None => parts::badge("", scribe.say("copies-not-allowed")),
        Some(held) if held.seq == 0 && held.behind == 0 => parts::badge("", scribe.say("copies-empty")),
        Some(held) if held.seq == 0 => parts::badge("wait", scribe.say("copies-nothing")),
        Some(held) if held.behind > 0 => parts::badge("wait", scribe.count("copies-behind", held.behind)),
        Some(_) => parts::badge("good", scribe.say("copies-all")),
    }
}

/// Whether a tenant's rules are kept by what the places are known to hold.
fn verdict(scribe: &Scribe, rules: &TenantRules, held: &[Option<&Held>]) -> Markup {
    let wanted = u64::from(rules.copies_min.unwrap_or(1));
    let allowed = held.iter().flatten().count() as u64;
    let whole = held.iter().flatten().filter(|h| h.behind == 0).count() as u64;
    if allowed < wanted {
        return parts::badge("bad", scribe.say_with("copies-too-few-places", &[("n", allowed.into()), ("wanted", wanted.into())]));
    }
    if held.iter().flatten().all(|h| h.seq == 0 && h.behind == 0) {
        return parts::badge("", scribe.say("copies-empty"));
    }
    if whole >= wanted {
        parts::badge("good", scribe.count("copies-kept", whole))
    } else {
        parts::badge("wait", scribe.say_with("copies-missing", &[("n", whole.into()), ("wanted", wanted.into())]))
    }
}
