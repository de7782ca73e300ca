//! Two versions beside each other, and what each version did to the fields of a document.

use std::collections::HashMap;

use maud::{Markup, html};

use crate::base::error::{Error, Result};
use crate::engine::compare::FieldStep;
use crate::engine::history::{Event, Version};
use crate::engine::store::Tenant;
use crate::face::http::{Answer, Ask};
use crate::model::field::{FieldChange, Path, Row, Value};
use crate::model::key::show_key;
use crate::model::moment::Moment;
use crate::model::text::{CONTEXT_LINES, Comparison, Fingerprint, Mark, TextDiff};

use super::document::{name, trail};
use super::moments::Sight;
use super::parts::{self, Scribe};
use super::{content, shell};

/// Rows of fields on one page.
const FIELDS_SHOWN: usize = 30;
/// Lines of a difference of texts on one page.
const LINES_SHOWN: usize = 80;
/// Steps between the two versions that are looked at to say who changed which field.
const BLAMED_MAX: usize = 40;
/// Steps of a history of fields on one page.
const STEPS_LOOKED_AT: usize = 7;
/// Fields of one step shown.
const STEP_FIELDS_SHOWN: usize = 6;

fn version(ask: &Ask, tenant: &Tenant, key: &[u8], field: &str, default: u64) -> Result<Version> {
    let number = match ask.query(field) {
        None => default,
        Some(text) => text
            .trim_start_matches('v')
            .parse()
            .map_err(|_| Error::usage("version.bad", format!("not the number of a version: {text}")).hint("write a number, for example 3"))?,
    };
    tenant.find_version(key, Some(&Moment::Version(number)))
}

/// `GET /compare`: by default the newest version with the one before.
pub(super) fn compare(ask: &Ask) -> Result<Answer> {
    let (key, scribe, tenant) = (ask.key()?, Scribe::of(ask), ask.tenant()?);
    let shown_key = show_key(&key);
    let last = tenant.now().last_version(&key)?.map_or(1, |v| v.number);
    let new = version(ask, &tenant, &key, "new", last)?;
    let old = version(ask, &tenant, &key, "old", new.number.saturating_sub(1).max(1))?;
    let all = ask.query("all").is_some();
    let from: usize = ask.query("from").and_then(|text| text.parse().ok()).unwrap_or(0);
    let link = |old: u64, new: u64| ask.here(&[("from", None), ("old", Some(&old.to_string())), ("new", Some(&new.to_string()))]);
    if let Some(forgotten) = [&old, &new].into_iter().find_map(|v| v.forgotten.as_ref()) {
        let body = html! {
            (trail(ask, &scribe, &key))
            h1 { (scribe.say("compare-title")) " " bdi { (name(&key)) } }
            div .card { (content::gone(&scribe, forgotten)) }
        };
        return shell::page(ask, &scribe.say_with("compare-of", &[("name", name(&key).into())]), &body);
    }
    let pair = tenant.diff(old, new)?;
    let comparison = pair.compare(all, CONTEXT_LINES);
    let (old, new) = (&pair.old, &pair.new);
    let pictures = content::is_picture(&tenant, old)? && content::is_picture(&tenant, new)?;
    let body = html! {
        (trail(ask, &scribe, &key))
        div .head {
            div {
                h1 { (scribe.say("compare-title")) " " bdi { (name(&key)) } }
                @if !pictures { ul .facts { (what_differs(&scribe, &comparison)) } }
            }
            p .acts {
                a .button.tight data-key="Escape" href=(ask.link_now("/document", &[("key", &shown_key)])) { (scribe.say("compare-document")) }
                a .button.tight href=(ask.link_now("/fields", &[("key", &shown_key)])) { (scribe.say("document-fields")) }
            }
        }
        form .card action="/compare" {
            (parts::kept(ask, &["old", "new", "from"]))
            div .form {
                (side(&scribe, "old", "compare-old", old, last))
                (side(&scribe, "new", "compare-new", new, last))
                div .acts {
                    button { (scribe.say("compare-button")) }
                    @if old.number != new.number { a .button.tight href=(link(new.number, old.number)) { (scribe.say("compare-swap")) } }
                }
            }
            div .acts {
                @if old.number > 1 && new.number > 1 { a .button.tight rel="prev" href=(link(old.number - 1, new.number - 1)) { "← " (scribe.say("compare-earlier")) } }
                @if old.number < last && new.number < last { a .button.tight rel="next" href=(link(old.number + 1, new.number + 1)) { (scribe.say("compare-later")) " →" } }
            }
        }
        @match &comparison {
            _ if pictures && old.digest != new.digest => (pictures_of(ask, &scribe, old, new)),
            Comparison::Same => div .card { (parts::empty(scribe.say("compare-same"), scribe.say("compare-same-words"))) },
            Comparison::Fields(fields) => {
                @let by = authors(&tenant, &key, old, new)?;
                section .card.flush {
                    @let columns = [("column-field", ""), ("column-old", ""), ("column-new", ""), ("column-who", ""), ("column-when", "")];
                    @let shown = fields.rows.iter().skip(from).take(FIELDS_SHOWN);
                    @let rows = html! { @for row in shown { (field_row(&scribe, row, by.get(&row.path))) } };
                    @if fields.rows.is_empty() { (parts::empty(scribe.say("compare-layout"), scribe.say("compare-layout-words"))) }
                    @else { (parts::table(&scribe, &scribe.say("compare-table"), false, true, &columns, &rows)) }
                    div .pager {
                        @if from > 0 { a .button.tight href=(ask.here(&[("from", None)])) { (scribe.say("compare-first")) } }
                        @let to = from + FIELDS_SHOWN;
                        @if fields.rows.len() > to {
                            a .button.tight href=(ask.here(&[("from", Some(&to.to_string()))])) { (scribe.count("compare-next", (fields.rows.len() - to) as u64)) }
                        }
                        @if all { a .button.tight href=(ask.here(&[("all", None), ("from", None)])) { (scribe.say("compare-changed-only")) } }
                        @else { a .button.tight href=(ask.here(&[("all", Some("1")), ("from", None)])) { (scribe.count("compare-all", fields.unchanged as u64)) } }
                    }
                }
            },
            Comparison::Text(text) => section .card.flush { (text_difference(&scribe, text)) },
            Comparison::Binary { old: a, new: b } => section .card.flush { (facts(&scribe, (old, a), (new, b))) },
        }
    };
    shell::page(ask, &scribe.say_with("compare-of", &[("name", name(&key).into())]), &body)
}

fn side(scribe: &Scribe, field: &str, message: &str, v: &Version, last: u64) -> Markup {
    html! {
        label .field {
            span { (scribe.say(message)) }
            input type="number" name=(field) min="1" max=(last) value=(v.number) required;
            small { (scribe.time(v.from.time)) " · " (scribe.who(&v.from.actor)) }
        }
    }
}

fn what_differs(scribe: &Scribe, comparison: &Comparison<'_>) -> Markup {
    html! {
        @match comparison {
            Comparison::Same => li { (scribe.say("compare-same")) },
            Comparison::Fields(fields) => {
                @let changed = fields.rows.iter().filter(|row| row.change != FieldChange::Same).count();
                li { strong { (scribe.count("compare-fields-changed", changed as u64)) } }
                li { (scribe.count("compare-fields-same", fields.unchanged as u64)) }
            },
            Comparison::Text(text) => {
                li { (scribe.count("compare-lines-added", text.added as u64)) }
                li { (scribe.count("compare-lines-removed", text.removed as u64)) }
            },
            Comparison::Binary { .. } => li { (scribe.say("compare-binary")) },
        }
    }
}

/// Who changed each field last between two versions. Empty where the two are far apart: then the history of fields tells.
fn authors(tenant: &Tenant, key: &[u8], old: &Version, new: &Version) -> Result<HashMap<Path, Event>> {
    let (first, last) = if old.from.seq <= new.from.seq { (old, new) } else { (new, old) };
    let mut by = HashMap::new();
    if last.number - first.number > BLAMED_MAX as u64 {
        return Ok(by);
    }
    let steps = tenant.fields_before(key, None, Some(last.from.seq + 1), BLAMED_MAX * 2)?;
    for step in steps.rows.into_iter().take_while(|step| step.event.seq > first.from.seq) {
        for row in step.rows.unwrap_or_default() {
            by.entry(row.path).or_insert_with(|| step.event.clone());
        }
    }
    Ok(by)
}

/// Old and new value of a field, told apart by words for who cannot see colours.
pub(super) fn values(scribe: &Scribe, row: &Row) -> (Markup, Markup) {
    let side = |value: &Option<Value>, other: bool, class: &str, word: &str| {
        let same = row.change == FieldChange::Same || other;
        html! {
            @match value {
                None => span .absent { (scribe.say("value-absent")) },
                Some(value) if same => span .same { (content::value(scribe, value)) },
                Some(value) => span .(class) { span .hidden-words { (scribe.say(word)) " " } (content::value(scribe, value)) },
            }
        }
    };
    (side(&row.old, false, "old", "value-was"), side(&row.new, false, "new", "value-is"))
}

fn field_row(scribe: &Scribe, row: &Row, by: Option<&Event>) -> Markup {
    let (old, new) = values(scribe, row);
    html! {
        tr {
            th scope="row" { (scribe.field(&row.path)) }
            td data-name=(scribe.say("column-old")) { (old) }
            td data-name=(scribe.say("column-new")) { (new) }
            td data-name=(scribe.say("column-who")) { @if row.change != FieldChange::Same { @if let Some(by) = by { (scribe.who(&by.actor)) } } }
            td data-name=(scribe.say("column-when")) { @if row.change != FieldChange::Same { @if let Some(by) = by { (scribe.time(by.time)) } } }
        }
    }
}

fn pictures_of(ask: &Ask, scribe: &Scribe, old: &Version, new: &Version) -> Markup {
    html! {
        div .pictures {
            @for (v, message) in [(old, "compare-old"), (new, "compare-new")] {
                figure .card {
                    figcaption { strong { (scribe.say(message)) ": v" (v.number) } " · " (scribe.time(v.from.time)) " · " (scribe.size(v.size)) }
                    (content::picture_of(ask, scribe, v))
                }
            }
        }
    }
}

fn text_difference(scribe: &Scribe, text: &TextDiff<'_>) -> Markup {
    let mut left = LINES_SHOWN;
    let total: usize = text.hunks.iter().map(|hunk| hunk.lines.len()).sum();
    let mut rows = Vec::new();
    for (i, hunk) in text.hunks.iter().enumerate() {
        let (mut old, mut new) = (hunk.old.start, hunk.new.start);
        if i > 0 && left > 0 {
            rows.push(html! { tr .skip-lines { th {} th {} td { "⋯" } } });
        }
        for line in hunk.lines.iter().take(left) {
            let (class, word) = match line.mark {
                Mark::Same => ("", ""),
                Mark::Removed => ("del", "value-was"),
                Mark::Added => ("ins", "value-is"),
            };
            old += usize::from(line.mark != Mark::Added);
            new += usize::from(line.mark != Mark::Removed);
            rows.push(html! {
                tr class=[(!class.is_empty()).then_some(class)] {
                    th scope="row" { @if line.mark != Mark::Added { (old) } }
                    th scope="row" { @if line.mark != Mark::Removed { (new) } }
                    td {
                        @if !word.is_empty() { span .hidden-words { (scribe.say(word)) " " } }
                        span aria-hidden="true" { (line.mark.sign()) " " } (content::cut(&line.text()))
                    }
                }
            });
        }
        left = left.saturating_sub(hunk.lines.len());
    }
    html! {
        div .lines tabindex="0" role="region" aria-label=(scribe.say("compare-text")) {
            table {
                caption .hidden-words { (scribe.say("compare-text")) }
                thead .hidden-words { tr { @for message in ["column-old-line", "column-new-line", "column-line"] { th scope="col" { (scribe.say(message)) } } } }
                tbody { @for row in &rows { (row) } }
            }
        }
        @if total > LINES_SHOWN { p .pad.quiet { (scribe.count("compare-more-lines", (total - LINES_SHOWN) as u64)) } }
    }
}

fn facts(scribe: &Scribe, old: (&Version, &Fingerprint), new: (&Version, &Fingerprint)) -> Markup {
    let row = |message: &str, old: Markup, new: Markup| {
        html! { tr { th scope="row" { (scribe.say(message)) } td data-name=(scribe.say("column-old")) { (old) } td data-name=(scribe.say("column-new")) { (new) } } }
    };
    let digest = |f: &Fingerprint| html! { code { (&f.digest.to_hex()[..16]) "…" } };
    let rows = html! {
        (row("meta-size", html! { (scribe.size(old.1.size)) }, html! { (scribe.size(new.1.size)) }))
        @if old.0.meta.media != new.0.meta.media { (row("meta-media", html! { bdi { (old.0.meta.media) } }, html! { bdi { (new.0.meta.media) } })) }
        (row("meta-digest", digest(old.1), digest(new.1)))
    };
    parts::table(scribe, &scribe.say("compare-binary"), true, true, &[("column-fact", ""), ("column-old", ""), ("column-new", "")], &rows)
}

/// `GET /fields`: what each version did to the fields of a document, newest first.
pub(super) fn fields(ask: &Ask) -> Result<Answer> {
    let (key, scribe, sight) = (ask.key()?, Scribe::of(ask), Sight::of(ask)?);
    let shown_key = show_key(&key);
    let filter = ask.query("field").map(str::parse::<Path>).transpose()?;
    let asked = ask.query("before").and_then(|text| text.parse().ok());
    let page = sight.tenant.fields_before(&key, filter, Some(asked.unwrap_or(sight.seq + 1)), STEPS_LOOKED_AT)?;
    let columns = [("column-field", ""), ("column-old", ""), ("column-new", ""), ("column-who", ""), ("column-when", ""), ("column-version", "")];
    let rows = html! { @for step in &page.rows { (step_rows(ask, &scribe, &shown_key, step)) } };
    let newer = asked.is_some().then(|| (ask.here(&[("before", None)]), scribe.say("versions-newest").into_owned()));
    let older = page.next.map(|next| (ask.here(&[("before", Some(&next.to_string()))]), scribe.say("versions-older").into_owned()));
    let body = html! {
        (trail(ask, &scribe, &key))
        div .head {
            div { h1 { (scribe.say("fields-title")) " " bdi { (name(&key)) } } }
            p .acts { a .button.tight data-key="Escape" href=(ask.link("/document", &[("key", &shown_key)])) { (scribe.say("compare-document")) } }
        }
        form .card action="/fields" {
            (parts::kept(ask, &["field", "before"]))
            div .form {
                label .field { span { (scribe.say("fields-only")) } input name="field" value=(ask.query("field").unwrap_or_default()) placeholder=(scribe.say("fields-hint")); }
                div .acts {
                    button { (scribe.say("fields-button")) }
                    @if ask.query("field").is_some() { a .button href=(ask.here(&[("field", None), ("before", None)])) { (scribe.say("fields-all")) } }
                }
            }
        }
        section .card.flush {
            @if rows.0.is_empty() { (parts::empty(scribe.say("fields-none"), scribe.say(if page.next.is_some() { "fields-none-here" } else { "fields-none-ever" }))) }
            @else { (parts::table(&scribe, &scribe.say("fields-table"), false, true, &columns, &rows)) }
            (parts::pager(&scribe, older, newer))
        }
    };
    shell::page(ask, &scribe.say_with("fields-of", &[("name", name(&key).into())]), &body)
}

fn step_rows(ask: &Ask, scribe: &Scribe, key: &str, step: &FieldStep) -> Markup {
    let at = format!("seq:{}", step.event.seq);
    let to = ask.link("/document", &[("key", key), ("at", &at)]);
    let when = |rows: usize| {
        html! {
            td rowspan=[(rows > 1).then_some(rows)] data-name=(scribe.say("column-who")) { (scribe.who(&step.event.actor)) }
            td rowspan=[(rows > 1).then_some(rows)] data-name=(scribe.say("column-when")) { (scribe.time(step.event.time)) }
            td rowspan=[(rows > 1).then_some(rows)] data-name=(scribe.say("column-version")) {
                a href=(to) { @if step.removed { (scribe.say("step-removed")) } @else { "v" (step.version) } }
            }
        }
    };
    html! {
        @match &step.rows {
            Err(_) => tr { th scope="row" { span .absent { (scribe.say("fields-passed-over")) } } td {} td {} (when(1)) },
            Ok(rows) => {
                @let more = rows.len().saturating_sub(STEP_FIELDS_SHOWN);
                @for (i, row) in rows.iter().take(STEP_FIELDS_SHOWN).enumerate() {
                    @let (old, new) = values(scribe, row);
                    tr {
                        th scope="row" {
                            a .row href=(ask.here(&[("field", Some(&row.path.to_string())), ("before", None)])) { (scribe.field(&row.path)) }
                        }
                        td data-name=(scribe.say("column-old")) { (old) }
                        td data-name=(scribe.say("column-new")) { (new) }
                        @if i == 0 { (when(rows.len() - more + usize::from(more > 0))) }
                    }
                }
                @if more > 0 { tr { td colspan="3" .quiet { (scribe.count("content-more-fields", more as u64)) } } }
            },
        }
    }
}
