//! Who did what, when: the log with filters, old and new inline, and as a file.

use std::fmt::Write as _;

use maud::{Markup, html};
use serde_json::json;

use crate::base::error::Result;
use crate::base::time::Timestamp;
use crate::engine::audit::{AuditChange, AuditEntry, AuditFilter, AuditKind, AuditWhat};
use crate::engine::store::Tenant;
use crate::face::http::{Answer, Ask};
use crate::face::view;
use crate::model::key::{parse_key, show_key, type_key};
use crate::model::moment::{self, Moment};

use super::parts::{self, Scribe};
use super::{batches, works};

/// Batches on one page.
const BATCHES_SHOWN: usize = 25;
/// Changes of one batch on the page; the batch has all.
const CHANGES_SHOWN: usize = 5;
/// Changes in one file. A file says where the next one goes on.
const EXPORTED_MAX: usize = 20_000;
/// Batches looked for at a time while a file is made.
const EXPORT_PAGE: usize = 200;
/// Bytes of one value in a file.
const EXPORT_BYTES_MAX: usize = 64 << 20;

fn filter(ask: &Ask, tenant: &Tenant) -> Result<AuditFilter> {
    let time = |name: &str| -> Result<Option<Timestamp>> {
        match ask.query(name).map(|text| tenant.moment(&ask.moment_text(text))).transpose()? {
            None => Ok(None),
            Some(Moment::Instant(at)) => Ok(Some(at)),
            // Marks and numbers mean the time of their batch.
            Some(other) => Ok(tenant.batch_at(tenant.resolve(&other)?).ok().map(|batch| batch.event.time)),
        }
    };
    Ok(AuditFilter {
        actor: ask.query("who").unwrap_or_default().to_owned(),
        kind: ask.query("kind").and_then(AuditKind::from_word),
        prefix: ask.query("prefix").map(parse_key).unwrap_or_default(),
        from: time("from")?,
        until: time("until")?,
        changes_min: 0,
    })
}

fn before(ask: &Ask) -> u64 {
    ask.query("before").and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The page.
pub(super) fn activity(ask: &Ask) -> Result<Answer> {
    let scribe = Scribe::of(ask);
    let tenant = ask.tenant()?;
    let title = scribe.say("activity-title");
    let page = tenant.audit(&filter(ask, &tenant)?, before(ask), BATCHES_SHOWN, CHANGES_SHOWN)?;
    let entries = page.entries.iter().map(|entry| one(ask, &scribe, &tenant, entry)).collect::<Result<Vec<_>>>()?;
    let older = page.next.map(|next| (ask.here(&[("before", Some(&next.to_string()))]), scribe.say("turn-older").into_owned()));
    let newer = (before(ask) > 0).then(|| (ask.here(&[("before", None)]), scribe.say("turn-newest").into_owned()));
    let export = |form: &str| format!("/activity/export?{}", ask.here(&[("form", Some(form))]).split_once('?').map_or("", |(_, query)| query));
    let body = html! {
        (parts::toast(ask, &scribe))
        div .head { div { h1 { (title) } } div .acts {
            a .button.tight href=(export("csv")) download { (scribe.say("activity-csv")) }
            a .button.tight href=(export("ndjson")) download { (scribe.say("activity-ndjson")) }
        } }
        (filters(ask, &scribe))
        section .card.flush aria-label=(title) {
            @if entries.is_empty() { (parts::empty(scribe.say("activity-none"), scribe.say(if page.next.is_some() { "look-further" } else {
                "activity-none-what" }))) }
            ol .stream { @for entry in &entries { (entry) } }
            (parts::pager(&scribe, newer, older))
        }
    };
    works::page(ask, &title, &body)
}

fn filters(ask: &Ask, scribe: &Scribe) -> Markup {
    let field = |name: &str, message: &str, example: &str| {
        let asked = ask.query(name).unwrap_or_default();
        let value = if name == "prefix" { type_key(&parse_key(asked)) } else { asked.to_owned() };
        html! { label .field { span { (scribe.say(message)) } input name=(name) value=(value) placeholder=(example) autocomplete="off"; } }
    };
    let any = ["who", "kind", "prefix", "from", "until"].iter().any(|name| ask.query(name).is_some());
    html! {
        form .card.form.filters action="/activity" {
            @if ask.query("tenant").is_some() { input type="hidden" name="tenant" value=(ask.tenant_name()); }
            (field("who", "activity-filter-who", ""))
            label .field { span { (scribe.say("activity-filter-kind")) } select name="kind" {
                option value="" { (scribe.say("activity-filter-any")) }
                @for kind in AuditKind::ALL { option value=(kind.word()) selected[ask.query("kind") == Some(kind.word())] {
                    (scribe.say(&format!("did-{}", kind.word()))) } }
            } }
            (field("prefix", "activity-filter-prefix", "sak/"))
            (field("from", "activity-filter-from", "2018-09-18"))
            (field("until", "activity-filter-until", "2018-09-18 14:00"))
            div .acts { button .main { (scribe.say("activity-filter-show")) } @if any { a .button.plain href=(ask.link_now("/activity", &[])) {
                (scribe.say("activity-filter-clear")) } } }
        }
    }
}

fn one(ask: &Ask, scribe: &Scribe, tenant: &Tenant, entry: &AuditEntry) -> Result<Markup> {
    let AuditEntry { batch, changes, more } = entry;
    let seq = batch.event.seq.to_string();
    let link = ask.link_now("/batch", &[("seq", &seq)]);
    let shown = changes.iter().map(|change| Ok((change, batches::values(scribe, tenant, change)?))).collect::<Result<Vec<_>>>()?;
    Ok(html! {
        li {
            div .line {
                span .who { (scribe.who(&batch.event.actor)) }
                span { (scribe.time(batch.event.time)) }
                a .row href=(link) { (scribe.say_with("batch-number", &[("batch", scribe.number(batch.event.seq).into())])) }
                span .quiet { (scribe.count("count-of-changes", batch.changes)) }
                @if !batch.undone_by.is_empty() { (batches::state(ask, scribe, batch)) }
            }
            p .reason { (scribe.why(&batch.event.reason, batch.event.cause)) }
            ul .changes { @for (change, values) in &shown {
                li {
                    div .what { (batches::kind(scribe, change)) " " @if let Some(key) = change.key() { a href=(ask.link_now("/document", &[("key",
                        &show_key(key))])) { (parts::key(key)) } } }
                    div { (values) }
                }
            } }
            @if *more { p { a .small href=(link) { (scribe.say("activity-rest")) } } }
        }
    })
}

/// The same as a file: every change of what the filter lets through, the newest first.
pub(super) fn export(ask: &Ask) -> Result<Answer> {
    let tenant = ask.tenant()?;
    let filter = filter(ask, &tenant)?;
    let lines = ask.query("form") == Some("ndjson");
    let (mut out, mut next, mut left) = (String::new(), before(ask), EXPORTED_MAX);
    if !lines {
        out.push_str("seq,time,actor,reason,origin,change,key,version,field,old,new\r\n");
    }
    loop {
        let page = tenant.audit(&filter, next, EXPORT_PAGE, left)?;
        for entry in &page.entries {
            for change in &entry.changes {
                left = left.saturating_sub(1);
                match lines {
                    true => ndjson(&mut out, &tenant, entry, change)?,
                    false => csv(&mut out, &tenant, entry, change)?,
                }
            }
            // A batch of which not all found room is read again by whoever reads on, unless the file holds nothing else.
            next = entry.batch.event.seq + u64::from(entry.more && left == 0 && entry.changes.len() < EXPORTED_MAX);
            if left == 0 || out.len() > EXPORT_BYTES_MAX {
                break;
            }
        }
        match page.next {
            Some(before) if left > 0 && out.len() <= EXPORT_BYTES_MAX => next = before,
            Some(_) => {
                // Whoever reads on does so before this one.
                let more =
                    format!("/activity/export?{}", ask.here(&[("before", Some(&next.to_string()))]).split_once('?').map_or("", |(_, query)| query));
                // Writing into a text cannot fail.
                let _ = match lines {
                    true => writeln!(out, "{}", json!({ "more": more })),
                    false => write!(out, "# more: {more}\r\n"),
                };
                break;
            }
            None => break,
        }
    }
    let (media, name) = if lines { ("application/x-ndjson", "activity.ndjson") } else { ("text/csv; charset=utf-8", "activity.csv") };
    Ok(Answer::File(media.into(), name.into(), out.into_bytes()))
}

fn ndjson(out: &mut String, tenant: &Tenant, entry: &AuditEntry, change: &AuditChange) -> Result<()> {
    let value = view::audit_change(&entry.batch, change, &told_of(tenant, change)?);
    // Writing into a text cannot fail.
    let _ = writeln!(out, "{value}");
    Ok(())
}

fn told_of(tenant: &Tenant, change: &AuditChange) -> Result<crate::engine::audit::Told> {
    match &change.what {
        AuditWhat::Document { old, new, .. } => tenant.inline(old.as_ref(), new.as_ref()),
        AuditWhat::Reference { .. } | AuditWhat::Mark { .. } | AuditWhat::Rule { .. } => Ok(crate::engine::audit::Told::Unseen),
    }
}

/// A field of CSV (RFC 4180). What a spreadsheet would take for a formula is made a text.
fn cell(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\r', '\n', ';']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

fn csv(out: &mut String, tenant: &Tenant, entry: &AuditEntry, change: &AuditChange) -> Result<()> {
    let event = &entry.batch.event;
    let key = change.key().map(show_key).unwrap_or_default();
    let version = match &change.what {
        AuditWhat::Document { new: Some(version), .. } | AuditWhat::Document { old: Some(version), .. } => version.number.to_string(),
        _ => String::new(),
    };
    let head = [
        event.seq.to_string(),
        moment::rfc3339_utc(event.time),
        cell(&event.actor),
        cell(&event.reason),
        cell(&event.origin),
        change.word().to_owned(),
        cell(&key),
        version,
    ];
    let head = head.join(",");
    let mut line = |field: &str, old: &str, new: &str| {
        let _ = write!(out, "{head},{},{},{}\r\n", cell(field), cell(old), cell(new));
    };
    match &change.what {
        AuditWhat::Reference { reference, .. } => line(&reference.system, &reference.id, &reference.state),
        AuditWhat::Mark { name } | AuditWhat::Rule { name, .. } => line("", "", name),
        AuditWhat::Document { .. } => match told_of(tenant, change)? {
            crate::engine::audit::Told::Fields(rows) if !rows.is_empty() => {
                let plain = |value: &Option<crate::model::field::Value>| value.as_ref().map(|v| v.plain().into_owned()).unwrap_or_default();
                rows.iter().for_each(|row| line(&row.path.to_string(), &plain(&row.old), &plain(&row.new)));
            }
            _ => line("", "", ""),
        },
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_one_cell_and_never_a_formula() {
        assert_eq!(cell("a"), "a");
        assert_eq!(cell("a,\"b\"\r\n"), "\"a,\"\"b\"\"\r\n\"");
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("-5,0"), "\"'-5,0\"");
    }
}
