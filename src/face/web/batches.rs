//! Changes that were recorded together: the list with what became of each, and one of them with everything in it.

use maud::{Markup, html};

use crate::base::error::{Error, Result};
use crate::engine::audit::{AuditChange, AuditEntry, AuditFilter, AuditWhat};
use crate::engine::history::BatchInfo;
use crate::engine::store::Tenant;
use crate::face::http::{Answer, Ask};
use crate::model::key::show_key;

use super::parts::{self, Scribe};
use super::{difference, works};

/// Batches on one page.
const BATCHES_SHOWN: usize = 50;
/// Changes of one batch on one page; each is read to show old and new.
const CHANGES_SHOWN: usize = 40;
/// Changes from which a batch counts as many at once.
const BULK: u64 = 10;

/// The list.
pub(super) fn batches(ask: &Ask) -> Result<Answer> {
    let scribe = Scribe::of(ask);
    let title = scribe.say("batches-title");
    let bulk = ask.query("all").is_none();
    let before = ask.query("before").and_then(|text| text.parse().ok()).unwrap_or(0);
    let filter = AuditFilter { changes_min: if bulk { BULK } else { 0 }, ..AuditFilter::default() };
    let page = ask.tenant()?.audit(&filter, before, BATCHES_SHOWN, 0)?;
    let columns =
        [("col-number", "number"), ("col-when", ""), ("col-who", ""), ("col-why", ""), ("col-changes", "number"), ("col-state", ""), ("", "")];
    let rows = html! { @for AuditEntry { batch, .. } in &page.entries { (row(ask, &scribe, batch)) } };
    let older = page.next.map(|next| (ask.here(&[("before", Some(&next.to_string()))]), scribe.say("turn-older").into_owned()));
    let newer = (before > 0).then(|| (ask.here(&[("before", None)]), scribe.say("turn-newest").into_owned()));
    let body = html! {
        (parts::toast(ask, &scribe))
        div .head {
            div { h1 { (title) } p .quiet { (scribe.say("batches-lead")) } }
            nav .tabs aria-label=(scribe.say("batches-which")) {
                a href=(ask.here(&[("all", None), ("before", None)])) aria-current=[bulk.then_some("true")] { (scribe.say_with("batches-bulk",
                    &[("n", BULK.into())])) }
                a href=(ask.here(&[("all", Some("1")), ("before", None)])) aria-current=[(!bulk).then_some("true")] { (scribe.say("batches-all")) }
            }
        }
        section .card.flush {
            @if page.entries.is_empty() { (parts::empty(scribe.say("batches-none"), scribe.say(if page.next.is_some() { "look-further" } else {
                "batches-none-what" }))) }
            @else { (parts::table(&scribe, &title, false, true, &columns, &rows)) }
            (parts::pager(&scribe, newer, older))
        }
    };
    works::page(ask, &title, &body)
}

fn row(ask: &Ask, scribe: &Scribe, batch: &BatchInfo) -> Markup {
    let seq = batch.event.seq.to_string();
    html! {
        tr {
            th scope="row" .number { a .row href=(ask.link_now("/batch", &[("seq", &seq)])) { span .hidden-words { (scribe.say("batch-word"))
                " " } (scribe.number(batch.event.seq)) } }
            td { (scribe.time(batch.event.time)) }
            td data-name=(scribe.say("col-who")) { (scribe.who(&batch.event.actor)) }
            td { (scribe.why(&batch.event.reason, batch.event.cause)) }
            td .number data-name=(scribe.say("col-changes")) { (scribe.number(batch.changes)) }
            td { (state(ask, scribe, batch)) }
            td { @if batch.changes > 0 && batch.undone_by.is_empty() { a .button.tight href=(ask.link_now("/plan", &[("undo", &seq)])) {
                (scribe.count("batch-undo", batch.changes)) } } }
        }
    }
}

/// Whether it is in effect, or by what it was taken back.
pub(super) fn state(ask: &Ask, scribe: &Scribe, batch: &BatchInfo) -> Markup {
    html! {
        @match batch.undone_by.last() {
            None => (parts::badge("good", scribe.say("batch-in-effect"))),
            Some(by) => {
                (parts::badge("", scribe.say("batch-undone"))) " "
                a .small href=(ask.link_now("/batch", &[("seq", &by.to_string())])) { (scribe.say_with("batch-undone-by", &[("batch",
                    scribe.number(*by).into())])) }
            }
        }
    }
}

/// One batch.
pub(super) fn batch(ask: &Ask) -> Result<Answer> {
    let scribe = Scribe::of(ask);
    let seq: u64 = ask
        .query("seq")
        .and_then(|text| text.trim_start_matches('B').parse().ok())
        .ok_or_else(|| Error::usage("batch.none", "no change is named").hint("go to the list of changes and choose one"))?;
    let tenant = ask.tenant()?;
    let batch = tenant.batch_at(seq)?;
    let from: u64 = ask.query("from").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut changes = tenant.changes(seq, from, CHANGES_SHOWN + 1)?;
    let more = changes.len() > CHANGES_SHOWN;
    changes.truncate(CHANGES_SHOWN);
    let end = tenant.position()?.seq;
    let title = scribe.say_with("batch-number", &[("batch", scribe.number(seq).into())]);
    let link = |seq: u64| ask.link_now("/batch", &[("seq", &seq.to_string())]);
    let later = more.then(|| {
        let next = changes.last().map_or(0, |change| change.place + 1);
        (ask.here(&[("from", Some(&next.to_string()))]), scribe.say("turn-after").into_owned())
    });
    let first = (from > 0).then(|| (ask.here(&[("from", None)]), scribe.say("turn-first").into_owned()));
    let columns = [("col-document", ""), ("plan-column-what", ""), ("col-versions", ""), ("col-old-new", "")];
    let rows = changes.iter().map(|change| change_row(ask, &scribe, &tenant, change)).collect::<Result<Vec<_>>>()?;
    let body = html! {
        (parts::toast(ask, &scribe))
        div .head {
            div {
                ol .trail { li { a href=(ask.link_now("/batches", &[])) { (scribe.say("nav-batches")) } } }
                h1 { (title) }
                ul .facts {
                    li { (scribe.time(batch.event.time)) }
                    li { (scribe.who(&batch.event.actor)) }
                    @if !batch.event.origin.is_empty() { li { (scribe.say("batch-origin")) " " bdi { (batch.event.origin) } } }
                    li { (scribe.count("count-of-changes", batch.changes)) }
                    @if batch.clock_behind != 0 { li { (scribe.say("batch-clock")) } }
                }
                p { (scribe.why(&batch.event.reason, batch.event.cause)) }
                p { (state(ask, &scribe, &batch)) }
            }
            div .acts {
                @if batch.changes > 0 {
                    a .button.main[batch.undone_by.is_empty()] data-key="r" href=(ask.link_now("/plan", &[("undo", &seq.to_string())])) {
                        (scribe.count("batch-undo", batch.changes)) }
                }
                a .button href=(ask.link_now("/plan", &[("to", &format!("seq:{}", seq.saturating_sub(1)))])) { (scribe.say("batch-before")) }
            }
        }
        section .card.flush {
            @if rows.is_empty() { (parts::empty(scribe.say("batch-empty"), "")) }
            @else { (parts::table(&scribe, &scribe.say("batch-changes"), true, true, &columns, &html! { @for row in &rows { (row) } })) }
            (parts::pager(&scribe, first, later))
        }
        nav .around aria-label=(scribe.say("batch-around")) {
            @if seq > 1 { a href=(link(seq - 1)) { "← " (scribe.say_with("batch-number", &[("batch", scribe.number(seq - 1).into())])) } }
            @if seq < end { a href=(link(seq + 1)) { (scribe.say_with("batch-number", &[("batch", scribe.number(seq + 1).into())])) " →" } }
        }
        details .small { summary { (scribe.say("batch-proof")) } dl .pairs {
            dt { (scribe.say("batch-digest")) } dd .mono { (batch.digest.to_hex()) }
            @if !batch.request.is_empty() { dt { (scribe.say("batch-request")) } dd { bdi .mono { (batch.request) } } }
        } }
    };
    works::page(ask, &title, &body)
}

/// The word for a change, as a badge.
pub(super) fn kind(scribe: &Scribe, change: &AuditChange) -> Markup {
    let word = change.word();
    let kind = match word {
        "added" | "returned" => "good",
        "removed" => "bad",
        _ => "",
    };
    parts::badge(kind, scribe.say(&format!("did-{word}")))
}

/// Old and new of a change.
pub(super) fn values(scribe: &Scribe, tenant: &Tenant, change: &AuditChange) -> Result<Markup> {
    Ok(match &change.what {
        AuditWhat::Document { old, new, .. } => {
            let told = tenant.inline(old.as_ref(), new.as_ref())?;
            difference::inline(scribe, &told, old.as_ref().map(|v| v.size), new.as_ref().map(|v| v.size))
        }
        AuditWhat::Reference { reference, .. } => html! {
            bdi { (reference.system) } " " bdi .mono { (reference.id) } " " bdi { (reference.state) }
            @if reference.irrevocable { " " (parts::badge("wait", scribe.say("plan-cannot-recall"))) }
        },
        AuditWhat::Mark { name } | AuditWhat::Rule { name, .. } => html! { bdi { (name) } },
    })
}

fn change_row(ask: &Ask, scribe: &Scribe, tenant: &Tenant, change: &AuditChange) -> Result<Markup> {
    let values = values(scribe, tenant, change)?;
    Ok(html! {
        tr {
            th scope="row" { @if let Some(key) = change.key() { a .row href=(ask.link_now("/document", &[("key", &show_key(key))])) {
                (parts::key(key)) } } }
            td { (kind(scribe, change)) }
            td .nowrap data-name=(scribe.say("col-versions")) {
                @if let AuditWhat::Document { old, new, .. } = &change.what {
                    @match (old, new) {
                        (Some(old), Some(new)) => { "v" (old.number) " → v" (new.number) }
                        (Some(one), None) | (None, Some(one)) => { "v" (one.number) }
                        (None, None) => {}
                    }
                }
            }
            td { (values) }
        }
    })
}
