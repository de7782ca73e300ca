//! What would be done on the day when this machine is lost: which copies can be reached, which is the newest and why, what would be missing,
//! the steps, and a card to print.

use std::sync::Arc;

use maud::{Markup, html};

use crate::base::error::{Error, Result};
use crate::base::monitor::Silent;
use crate::base::time::Timestamp;
use crate::engine::proof::ProofKind;
use crate::engine::remotes::RemoteCheck;
use crate::engine::status::RemoteStatus;
use crate::engine::store::Store;
use crate::face::http::{Answer, Ask};
use crate::face::view;
use crate::model::moment;
use crate::storage::remote::Options;

use super::parts::{self, Scribe};
use super::{proof, works};

/// What the copies answered, when somebody asked them.
struct Asked {
    at: Timestamp,
    answers: Vec<(String, Result<RemoteCheck>)>,
}

/// A copy as it would be rebuilt from.
struct Copy {
    status: RemoteStatus,
    /// Batches that it lacks, which pages number as changes, and the time of the oldest.
    lacks: u64,
    oldest: Option<Timestamp>,
}

fn copies(store: &Store) -> Result<Vec<Copy>> {
    let mut out = Vec::new();
    for status in store.remote_statuses()? {
        let (mut lacks, mut oldest): (u64, Option<Timestamp>) = (0, None);
        // A tenant that may not go there is missing from it altogether.
        for tenant in store.tenants()? {
            let held = status.held.iter().find(|h| h.tenant == tenant.name()).map_or(0, |h| h.seq);
            let tail = store.inner.catalog.read(|v| v.tail_after(tenant.id, held))?;
            lacks += tail.batches;
            oldest = [oldest, tail.oldest].into_iter().flatten().min();
        }
        out.push(Copy { status, lacks, oldest });
    }
    // The one that lacks least is the newest; of equals the one that was shipped to last.
    out.sort_by_key(|copy| (copy.status.last_shipped.is_none(), copy.lacks, std::cmp::Reverse(copy.status.last_shipped)));
    Ok(out)
}

/// The page.
pub(super) fn recover(ask: &Ask) -> Result<Answer> {
    let scribe = Scribe::of(ask);
    let store = ask.store()?;
    let title = scribe.say("recover-title");
    let copies = copies(&store)?;
    let asked = ask.query("id").and_then(|id| ask.desk.shelf.get::<Asked>(&ask.session.token, id));
    let answer = |name: &str| asked.as_ref().and_then(|asked| asked.answers.iter().find(|(known, _)| known == name)).map(|(_, answer)| answer);
    let best = copies.iter().find(|c| c.status.last_shipped.is_some() && answer(&c.status.place.name).is_none_or(Result::is_ok));
    let body = html! {
        div .head { div { h1 { (title) } p .lead { (scribe.say("recover-lead")) } } div .acts { a .button href=(ask.link_now("/recover/card",
            &[])) { (scribe.say("recover-card-show")) } } }
        @match best {
            None => { (parts::say("bad", html! { p { strong { (scribe.say("recover-none")) } } p { (scribe.say("recover-none-what")) } })) }
            Some(best) => { (verdict(&scribe, best, answer(&best.status.place.name).is_some())) }
        }
        section .card.flush {
            div .pad.acts { (parts::act(ask, "/recover/check", &[], "main", scribe.say("recover-check"))) span .quiet { @match &asked {
                Some(asked) => { (scribe.say("recover-asked")) " " (scribe.time(asked.at)) }, None => (scribe.say("recover-check-what")) } } }
            @let rows = html! { @for copy in &copies { (row(&scribe, &store, copy, answer(&copy.status.place.name),
                best.is_some_and(|b| b.status.place.name == copy.status.place.name))) } };
            @if copies.is_empty() { (parts::empty(scribe.say("copies-none"), scribe.say("copies-none-what"))) }
            @else { (parts::table(&scribe, &scribe.say("recover-copies"), true, true, &[("recover-copy", ""), ("recover-reached", ""),
                ("recover-shipped", ""), ("recover-lost", ""), ("recover-proved", "")], &rows)) }
        }
        section .card aria-labelledby="steps" {
            h2 #steps { (scribe.say("recover-steps")) }
            (steps(&scribe, best.map(|copy| view::remote_url(&copy.status.place)).as_deref()))
        }
    };
    works::page(ask, &title, &body)
}

fn verdict(scribe: &Scribe, best: &Copy, reached: bool) -> Markup {
    let name = best.status.place.name.as_str();
    let kind = if best.lacks == 0 { "good" } else { "wait" };
    html! {
        div .say.(kind) {
            p { strong { (scribe.say_with("recover-best", &[("name", name.into())])) } " " (scribe.say(if best.lacks == 0 { "recover-best-all" }
                else { "recover-best-most" })) }
            p { @if best.lacks == 0 { (scribe.say("recover-nothing-lost")) } @else { (scribe.count("recover-would-lose", best.lacks))
                " " @if let Some(at) = best.oldest { (scribe.say("recover-since")) " " (scribe.time(at)) } } }
            @if !reached { p .quiet { (scribe.say("recover-not-asked")) } }
        }
    }
}

fn row(scribe: &Scribe, store: &Store, copy: &Copy, answer: Option<&Result<RemoteCheck>>, best: bool) -> Markup {
    let place = &copy.status.place;
    let drill = store.last_proof(ProofKind::Drill, &place.name).ok().flatten();
    html! {
        tr aria-current=[best.then_some("true")] {
            th scope="row" { bdi { (place.name) } @if best { " " (parts::badge("good", scribe.say("recover-newest"))) } p .small.quiet {
                bdi .mono { (view::remote_url(place)) } } }
            td data-name=(scribe.say("recover-reached")) {
                @match answer {
                    None => span .quiet { (scribe.say("recover-unknown")) },
                    Some(Ok(found)) => { (parts::badge("good", scribe.say("recover-answers"))) p .small.quiet { (scribe.number(found.objects))
                        " · " (scribe.size(found.bytes)) } }
                    Some(Err(e)) => { (parts::badge("bad", scribe.say("recover-silent"))) p .small lang="en" { bdi { (e) } } }
                }
            }
            td data-name=(scribe.say("recover-shipped")) { @match copy.status.last_shipped { Some(at) => (scribe.ago(at)), None => span .quiet {
                (scribe.say("copies-never")) } } }
            td data-name=(scribe.say("recover-lost")) { @if copy.lacks == 0 { (scribe.say("proof-nothing-lost")) } @else {
                (scribe.count("count-of-changes", copy.lacks)) @if let Some(at) = copy.oldest { p .small.quiet { (scribe.say("recover-since"))
                " " (scribe.time(at)) } } } }
            td data-name=(scribe.say("recover-proved")) {
                @match &drill { None => span .quiet { (scribe.say("proof-never")) }, Some(p) => { (super::copies::last(scribe, Some(p)))
                    @if let Some(rpo) = p.rpo_secs { p .small.quiet { (proof::lost(scribe, rpo)) } } } }
            }
        }
    }
}

fn steps(scribe: &Scribe, url: Option<&str>) -> Markup {
    let url = url.unwrap_or("dir:/…");
    html! {
        ol .steps {
            li { div { strong { (scribe.say("recover-step-machine")) } p { (scribe.say("recover-step-machine-what")) } } }
            li { div { strong { (scribe.say("recover-step-sheet")) } p { (scribe.say("recover-step-sheet-what")) } } }
            li { div { strong { (scribe.say("recover-step-browse")) } p { (scribe.say("recover-step-browse-what")) } pre .secret {
                "annals rebuild --from " (url) " --into look --sheet sheet.txt --at 'yesterday 18:00'\nannals -C look ls" } } }
            li { div { strong { (scribe.say("recover-step-full")) } p { (scribe.say("recover-step-full-what")) } pre .secret {
                "annals rebuild --from " (url) " --into store --sheet sheet.txt\nannals -C store verify --full" } } }
            li { div { strong { (scribe.say("recover-step-go-on")) } p { (scribe.say("recover-step-go-on-what")) } pre .secret {
                "annals -C store agent run" } } }
        }
    }
}

/// Asks all copies at once.
pub(super) fn check(ask: &Ask) -> Result<Answer> {
    let store = ask.store()?;
    let names: Vec<String> = store.config().remotes.iter().map(|r| r.name.clone()).collect();
    let answers = std::thread::scope(|threads| {
        let asked: Vec<_> = names
            .into_iter()
            .map(|name| {
                (
                    name.clone(),
                    threads.spawn({
                        let store = store.clone();
                        move || store.check_remote(&name, false, Options::default(), &Silent)
                    }),
                )
            })
            .collect();
        let lost = || Error::new(crate::base::error::Kind::Failed, "recover.check", "the program failed at this");
        asked.into_iter().map(|(name, answer)| (name, answer.join().unwrap_or_else(|_| Err(lost())))).collect()
    });
    let id = ask.desk.shelf.put(&ask.session.token, 1, Arc::new(Asked { at: store.now_is(), answers }));
    Ok(Answer::See(ask.link_now("/recover", &[("id", &id)])))
}

/// The card: what somebody needs who has nothing else. Without the secret.
pub(super) fn card(ask: &Ask) -> Result<Answer> {
    sheet(ask, None)
}

/// The card with the recovery sheet, for whoever typed the name of the site.
pub(super) fn secret(ask: &Ask) -> Result<Answer> {
    let store = ask.store()?;
    let name = site(&store);
    if ask.form("confirm").map(str::trim) != Some(&name) {
        return Ok(Answer::See(ask.link_now("/recover/card", &[("unconfirmed", "1")])));
    }
    let date = moment::show_short(store.now_is(), &store.zone());
    let text = store.recovery_sheet(&date)?;
    sheet(ask, Some(&text))
}

fn site(store: &Store) -> String {
    store.config().store.site.clone().unwrap_or_else(|| store.name().to_owned())
}

fn sheet(ask: &Ask, secret: Option<&str>) -> Result<Answer> {
    let scribe = Scribe::of(ask);
    let store = ask.store()?;
    let title = scribe.say("card-title");
    let copies = copies(&store)?;
    let key = store.key_info()?;
    let wrong = ask.query("unconfirmed").is_some();
    let body = html! {
        div .head.no-print { div { h1 { (title) } p .lead { (scribe.say("card-lead")) } } div .acts { button type="button" data-print hidden {
            (scribe.say("card-print")) } } }
        article .card.paper {
            h2 { (scribe.say_with("card-heading", &[("site", site(&store).into())])) }
            dl .pairs {
                dt { (scribe.say("card-site")) } dd { bdi { (site(&store)) } " · " span .mono { (store.site().to_hex()) } }
                dt { (scribe.say("card-fingerprint")) } dd .mono { (view::key_fingerprint(&key.fingerprint)) }
                dt { (scribe.say("card-date")) } dd { (scribe.time(scribe.now)) }
                dt { (scribe.say("card-key")) } dd { (scribe.say(if key.passphrase { "card-key-closed" } else { "card-key-plain" })) }
            }
            h3 { (scribe.say("card-copies")) }
            ol { @for copy in &copies {
                @let place = &copy.status.place;
                li { strong { bdi { (place.name) } } ": " bdi .mono { (view::remote_url(place)) } @if let Some(region) = &place.region {
                    " (" bdi { (region) } ")" } " · " @match copy.status.last_shipped { Some(at) => { (scribe.say("card-shipped"))
                    " " (scribe.time(at)) }, None => (scribe.say("place-unused")) } }
            } }
            @if copies.is_empty() { p .grave { (scribe.say("copies-none-what")) } }
            h3 { (scribe.say("recover-steps")) }
            (steps(&scribe, copies.first().map(|copy| view::remote_url(&copy.status.place)).as_deref()))
            h3 { (scribe.say("card-write")) }
            dl .pairs.blanks { @for message in ["card-sheet-lies", "card-passwords-lie", "card-call"] { dt { (scribe.say(message)) } dd {
                "\u{a0}" } } }
            @if let Some(secret) = secret { h3 { (scribe.say("card-sheet")) } pre .secret { (secret) } }
        }
        @if secret.is_none() {
            section .card.no-print {
                h2 { (scribe.say("card-with-sheet")) }
                p { (scribe.say("card-with-sheet-what")) }
                form .form method="post" action="/recover/card" {
                    (parts::fields_of(ask, &[]))
                    label .field {
                        span { (scribe.say_with("plan-confirm-type", &[("name", site(&store).into())])) }
                        input name="confirm" autocomplete="off" required aria-invalid=[wrong.then_some("true")];
                        @if wrong { small { strong .bad { (scribe.say("card-wrong")) } } }
                    }
                    div .acts { button .grave { (scribe.say("card-with-sheet-do")) } }
                }
            }
        } @else { p .no-print { strong { (scribe.say("card-secret-warning")) } } }
    };
    works::page(ask, &title, &body)
}
