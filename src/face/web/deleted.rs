//! What is gone: who removed it, when and why, and the way back.

use maud::{Markup, html};

use crate::base::error::Result;
use crate::base::time::Timestamp;
use crate::engine::history::Version;
use crate::face::http::{Answer, Ask, encode, field};
use crate::model::key::{parse_key, show_key, type_key};
use crate::model::retention::Rules;

use super::moments::Sight;
use super::parts::{self, Scribe};
use super::shell;

/// Documents on one page.
const ROWS: usize = 25;

/// `GET /deleted`.
pub(super) fn deleted(ask: &Ask) -> Result<Answer> {
    let (scribe, sight) = (Scribe::of(ask), Sight::of(ask)?);
    let prefix = ask.query("prefix").unwrap_or_default();
    let before = ask.query("before").and_then(|text| text.split_once('.')).and_then(|(seq, place)| Some((seq.parse().ok()?, place.parse().ok()?)));
    let page = sight.tenant.removed_before(sight.seq, &parse_key(prefix), before, ROWS)?;
    let now = sight.is_now();
    let columns = &[("column-choose", ""), ("column-document", ""), ("column-removed", ""), ("column-left", ""), ("", "number")];
    let rules = ask.store()?.keep_rules();
    let rows = html! {
        @for v in &page.rows {
            @let (key, end) = (show_key(&v.key), v.until.as_ref().unwrap_or(&v.from));
            @let ((choose, chosen), (one, this)) = (field("restore", &key), field("one", &key));
            @let named = |message: &str| scribe.say_with(message, &[("name", key.as_str().into())]);
            tr .gone {
                td data-name=(scribe.say("column-choose")) { @if now { input type="checkbox" name=(choose) value=(chosen) aria-label=(named("deleted-choose")); } }
                th scope="row" { a .row href=(ask.link("/document", &[("key", &key)])) { del { (parts::key(&v.key)) } } }
                td data-name=(scribe.say("column-removed")) { (scribe.time(end.time)) (parts::who_why(&scribe, &end.actor, &end.reason, end.cause)) }
                td data-name=(scribe.say("column-left")) { (left(&scribe, &sight, &rules, v)?) }
                td .number {
                    @if now {
                        button .tight formaction="/bring-back" name=(one) value=(this) aria-label=(named("deleted-put-back-one")) { (scribe.say("document-put-back")) }
                    }
                }
            }
        }
    };
    let newest = before.is_some().then(|| (ask.here(&[("before", None)]), scribe.say("versions-newest").into_owned()));
    let older = page.next.map(|(seq, place)| (ask.here(&[("before", Some(&format!("{seq}.{place}")))]), scribe.say("deleted-older").into_owned()));
    let title = scribe.say("deleted-title");
    let body = html! {
        div .head { div { h1 { (title) } p .quiet { (scribe.say("deleted-words")) } } }
        form .card action="/deleted" {
            (parts::kept(ask, &["prefix", "before"]))
            div .form {
                label .field { span { (scribe.say("deleted-below")) } input name="prefix" value=(type_key(&parse_key(prefix))) placeholder="case/" autocomplete="off"; }
                div .acts {
                    button { (scribe.say("deleted-filter")) }
                    @if !prefix.is_empty() { a .button href=(ask.here(&[("prefix", None), ("before", None)])) { (scribe.say("deleted-all")) } }
                }
            }
        }
        form .card.flush method="post" action="/plan" {
            (parts::fields_of(ask, &[("back", &ask.here(&[("done", None)]))]))
            @if page.rows.is_empty() { (parts::empty(scribe.say("deleted-none"), scribe.say(if older.is_some() { "deleted-none-here" } else { "deleted-none-words" }))) }
            @else {
                // Before the rows: Enter in a form presses its first button.
                @if now {
                    div .pad.acts {
                        button .main data-key="r" { (scribe.say("deleted-plan")) }
                        label .check hidden { input type="checkbox" data-all; (scribe.say("deleted-choose-all")) }
                    }
                }
                (parts::table(&scribe, &title, false, true, columns, &rows))
            }
            (parts::pager(&scribe, newest, older))
        }
        @if now && before.is_none() { (tenants(ask, &scribe)?) }
    };
    shell::page(ask, &title, &body)
}

/// Tenants that were dropped: until when they can be brought back, and the way back.
fn tenants(ask: &Ask, scribe: &Scribe) -> Result<Markup> {
    let all = ask.store()?.dropped()?;
    if all.is_empty() {
        return Ok(html! {});
    }
    let columns = [("tenant-label", ""), ("column-removed", ""), ("column-who", ""), ("column-why", ""), ("column-left", ""), ("", "number")];
    let rows = html! {
        @for d in &all {
            tr .gone {
                th scope="row" { del { bdi { (d.tenant) } } }
                td data-name=(scribe.say("column-removed")) { (scribe.time(d.by.time)) }
                td data-name=(scribe.say("column-who")) { (scribe.who(&d.by.actor)) }
                td data-name=(scribe.say("column-why")) { (scribe.why(&d.by.reason, d.by.cause)) }
                td data-name=(scribe.say("column-left")) {
                    @if d.gone.is_some() { (parts::badge("bad", scribe.say("deleted-gone"))) } @else { (days(scribe, d.until)) }
                }
                td .number {
                    @if d.gone.is_none() { (parts::act(ask, "/undrop", &[("dropped", &d.tenant)], "tight", scribe.say_with("deleted-tenant-back",
                        &[("name", d.tenant.as_str().into())]))) }
                }
            }
        }
    };
    Ok(html! { section .card.flush { (parts::table(scribe, &scribe.say("deleted-tenants"), true, true, &columns, &rows)) } })
}

/// A dropped tenant is as it was.
pub(super) fn undrop(ask: &Ask) -> Result<Answer> {
    let name = ask.form("dropped").unwrap_or_default();
    ask.store()?.undrop_tenant(name, &ask.by())?;
    ask.agent()?.poke();
    Ok(Answer::See(format!("/browse?tenant={}", encode(name))))
}

/// How many days are left until then.
fn days(scribe: &Scribe, at: Timestamp) -> Markup {
    if at <= scribe.now {
        return parts::badge("wait", scribe.say("deleted-any-day"));
    }
    let days = u64::try_from((at.secs() - scribe.now.secs() + 86_399) / 86_400).unwrap_or(0);
    html! { (scribe.count("deleted-days", days)) " " span .small.quiet { (scribe.time(at)) } }
}

/// How long a removed document can still be put back, where that ends.
fn left(scribe: &Scribe, sight: &Sight, rules: &Rules, removed: &Version) -> Result<Markup> {
    let end = removed.until.as_ref().unwrap_or(&removed.from).time;
    Ok(if removed.forgotten.is_some() {
        parts::badge("bad", scribe.say("deleted-gone"))
    } else if let Some(hold) = sight.tenant.holds_over(&removed.key)?.first() {
        html! { (scribe.say("deleted-held")) " " bdi { (hold.name) } }
    } else {
        match rules.let_go(removed.from.time, end, &scribe.zone) {
            None => html! { span .quiet { (scribe.say("deleted-stays")) } },
            Some(at) => days(scribe, at),
        }
    })
}
