//! The ledger of references to outside systems: their states, what expires, what hangs in the air on either side.

use maud::{Markup, html};

use crate::base::error::Result;
use crate::engine::references::{Dangling, Difference, Entry, LedgerCheck, LedgerFilter};
use crate::face::http::{Answer, Ask};
use crate::model::key::{parse_key, show_key};

use super::parts::{self, Scribe};
use super::works;

/// References on one page.
const SHOWN: usize = 50;
/// Differences that a comparison shows.
const DIFFERENCES_SHOWN: usize = 200;
/// Microseconds of a day.
const DAY: i64 = 86_400 * 1_000_000;
/// Days before it expires from which a reference is marked.
const SOON_DAYS: i64 = 30;

/// What is shown.
const WHICH: [(&str, Option<Dangling>); 4] =
    [("all", None), ("removed", Some(Dangling::Removed)), ("expired", Some(Dangling::Expired)), ("irrevocable", Some(Dangling::Irrevocable))];

/// The page.
pub(super) fn references(ask: &Ask) -> Result<Answer> {
    page(ask, None)
}

fn page(ask: &Ask, check: Option<&LedgerCheck>) -> Result<Answer> {
    let scribe = Scribe::of(ask);
    let tenant = ask.tenant()?;
    let title = scribe.say("ledger-title");
    let which = ask.query("show").and_then(|word| WHICH.into_iter().find(|(known, _)| *known == word)).unwrap_or(WHICH[0]);
    let filter = LedgerFilter {
        system: ask.query("system").unwrap_or_default().to_owned(),
        id: ask.query("find").unwrap_or_default().to_owned(),
        only: which.1,
        now: scribe.now,
    };
    let after = ask.query("after").and_then(|text| serde_json::from_str::<(String, String, i64)>(text).ok());
    let found = tenant.ledger_page(&filter, after.as_ref(), SHOWN)?;
    let columns = [("references-system", ""), ("references-id", ""), ("col-state", ""), ("references-expires", ""), ("col-document", "")];
    let rows = html! { @for (entry, exists) in &found.entries { (row(ask, &scribe, entry, *exists)) } };
    let later = found.next.map(|next| (ask.here(&[("after", serde_json::to_string(&next).ok().as_deref())]), scribe.say("turn-after").into_owned()));
    let first = after.is_some().then(|| (ask.here(&[("after", None)]), scribe.say("turn-first").into_owned()));
    let body = html! {
        div .head { div { h1 { (title) } p .quiet { (scribe.say("references-lead")) } } }
        nav .tabs aria-label=(scribe.say("references-which")) {
            @for (word, only) in WHICH { a href=(ask.link_now("/references", &[("show", if only.is_some() { word } else { "" }), ("system",
                &filter.system)])) aria-current=[(only == which.1).then_some("true")] { (scribe.say(&format!("references-show-{word}"))) } }
            form .inline action="/references" {
                @if which.1.is_some() { input type="hidden" name="show" value=(which.0); }
                @if ask.query("tenant").is_some() { input type="hidden" name="tenant" value=(ask.tenant_name()); }
                label { span .hidden-words { (scribe.say("references-system")) } input .tight name="system" value=(filter.system)
                    placeholder=(scribe.say("references-system")) autocomplete="off"; }
                label { span .hidden-words { (scribe.say("references-id")) } input .tight type="search" name="find" value=(filter.id)
                    placeholder=(scribe.say("references-id")) autocomplete="off"; }
                button .tight { (scribe.say("activity-filter-show")) }
            }
        }
        section .card.flush {
            @if found.entries.is_empty() { (parts::empty(scribe.say("references-none"), scribe.say("references-none-what"))) }
            @else { (parts::table(&scribe, &title, false, true, &columns, &rows)) }
            (parts::pager(&scribe, first, later))
        }
        @if let Some(check) = check { (differences(ask, &scribe, check)) }
        section .card {
            h2 { (scribe.say("references-compare")) }
            p { (scribe.say("references-compare-what")) }
            form .form method="post" action="/references" {
                (parts::fields_of(ask, &[]))
                label .field { span { (scribe.say("references-system")) } input name="system" placeholder="svarut" autocomplete="off"; small {
                    (scribe.say("references-compare-system")) } }
                label .field hidden { span { (scribe.say("references-file")) } input type="file" accept=".csv,.tsv,.txt,text/csv" data-into="list"; }
                label .field.wide { span { (scribe.say("references-list")) }
                    textarea #list name="list" rows="6" required spellcheck="false" placeholder="id;state" {} }
                div .acts { button { (scribe.say("references-compare-do")) } }
            }
        }
    };
    works::page(ask, &title, &body)
}

fn row(ask: &Ask, scribe: &Scribe, entry: &Entry, exists: bool) -> Markup {
    let r = &entry.reference;
    html! {
        tr {
            th scope="row" { bdi { (r.system) } }
            td { bdi .mono { (r.id) } }
            td data-name=(scribe.say("col-state")) { bdi { (r.state) } @if r.irrevocable { " " (parts::badge("wait",
                scribe.say("plan-cannot-recall"))) } }
            td data-name=(scribe.say("references-expires")) {
                @if let Some(at) = r.expires {
                    @if at <= scribe.now { (parts::badge("", scribe.say("references-expired"))) " " }
                    @else if at.0 - scribe.now.0 < SOON_DAYS * DAY { (parts::badge("wait", scribe.say("references-soon"))) " " }
                    (scribe.time(at))
                }
            }
            td data-name=(scribe.say("col-document")) {
                a .row href=(ask.link_now("/document", &[("key", &show_key(&entry.key))])) { (parts::key(&entry.key)) }
                @if !exists { " " (parts::badge("bad", scribe.say("references-removed"))) }
            }
        }
    }
}

/// Compares the ledger with a list from outside.
pub(super) fn compare(ask: &Ask) -> Result<Answer> {
    let tenant = ask.tenant()?;
    let now = ask.store()?.now_is();
    let check = tenant.check_ledger(ask.form("list").unwrap_or_default().as_bytes(), ask.form("system"), now)?;
    page(ask, Some(&check))
}

fn differences(ask: &Ask, scribe: &Scribe, check: &LedgerCheck) -> Markup {
    let document = |key: &[u8]| html! { a href=(ask.link_now("/document", &[("key", &show_key(key))])) { (parts::key(&parse_key(&show_key(key)))) } };
    let rows = html! { @for one in check.differences.iter().take(DIFFERENCES_SHOWN) {
        tr {
            @match one {
                Difference::MissingHere { system, id, state, line } => {
                    th scope="row" { (parts::badge("bad", scribe.say("references-missing-here"))) }
                    td { bdi { (system) } " " bdi .mono { (id) } } td { span .quiet { "–" } } td { bdi { (state.as_deref().unwrap_or_default()) }
                        } td { (scribe.say_with("references-line", &[("line", scribe.number(*line).into())])) }
                }
                Difference::MissingThere(entry) => {
                    th scope="row" { (parts::badge("bad", scribe.say("references-missing-there"))) }
                    td { bdi { (entry.reference.system) } " " bdi .mono { (entry.reference.id) } } td { bdi { (entry.reference.state) } } td {
                        span .quiet { "–" } } td { (document(&entry.key)) }
                }
                Difference::StateDiffers { here, there, line } => {
                    th scope="row" { (parts::badge("wait", scribe.say("references-differs"))) }
                    td { bdi { (here.reference.system) } " " bdi .mono { (here.reference.id) } } td { bdi { (here.reference.state) } } td { bdi {
                        (there) } }
                    td { (document(&here.key)) " · " (scribe.say_with("references-line", &[("line", scribe.number(*line).into())])) }
                }
            }
        }
    } };
    html! {
        section .card.flush #compared role="status" {
            h2 { (scribe.count("references-compared", check.listed)) }
            p .pad { (scribe.count("references-same", check.same)) @if check.expired > 0 { " " (scribe.count("references-expired-too",
                check.expired)) } }
            @if check.differences.is_empty() { p .pad { (parts::badge("good", scribe.say("references-no-difference"))) } }
            @else {
                (parts::table(scribe, &scribe.say("references-differences"), true, true, &[("references-difference", ""), ("col-reference", ""),
                    ("realign-here", ""), ("references-there", ""), ("col-document", "")], &rows))
                @if check.differences.len() > DIFFERENCES_SHOWN { p .pad.quiet { (scribe.count("rows-more", (check.differences.len()
                    - DIFFERENCES_SHOWN) as u64)) } }
            }
        }
    }
}
