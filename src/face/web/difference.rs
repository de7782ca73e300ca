//! Old and new beside each other in a list: fields with both values, lines with their signs.

use maud::{Markup, html};

use crate::engine::audit::Told;
use crate::model::field::{Row, Value};

use super::parts::Scribe;

/// Fields of one document that a list shows; the document's own page has all.
pub(super) const FIELDS_SHOWN: usize = 5;
/// Lines of one text that a list shows.
const LINES_SHOWN: usize = 8;
/// Characters of a value or a line that are shown.
const CHARS_SHOWN: usize = 120;

/// A text that may be long, for a list.
pub(super) fn cut(text: &str) -> String {
    let mut chars = text.chars();
    let mut out: String = chars.by_ref().take(CHARS_SHOWN).collect();
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

/// How a document differs; sizes (`None`: it does not exist) are told where nothing can be shown.
pub(super) fn inline(scribe: &Scribe, told: &Told, old: Option<u64>, new: Option<u64>) -> Markup {
    match told {
        Told::Same => html! { span .quiet { (scribe.say("inline-same")) } },
        Told::Fields(rows) if rows.is_empty() => html! { span .quiet { (scribe.say("inline-layout")) } },
        Told::Fields(rows) => html! {
            ul .fields {
                @for row in rows.iter().take(FIELDS_SHOWN) { (field(scribe, row)) }
                @if rows.len() > FIELDS_SHOWN { li .quiet { (scribe.count("inline-more-fields", (rows.len() - FIELDS_SHOWN) as u64)) } }
            }
        },
        Told::Text { added, removed, lines } => html! {
            p .small .quiet { (scribe.say_with("inline-lines", &[("added", scribe.number(*added as u64).into()), ("removed",
                scribe.number(*removed as u64).into())])) }
            div .lines {
                @for (sign, text) in lines.iter().take(LINES_SHOWN) {
                    @match sign {
                        '+' => ins { span aria-hidden="true" { "+ " } (cut(text)) },
                        '-' => del { span aria-hidden="true" { "− " } (cut(text)) },
                        _ => span .quiet { span aria-hidden="true" { "  " } (cut(text)) },
                    }
                }
                @if lines.len() > LINES_SHOWN { span .quiet { "…" } }
            }
        },
        Told::Unseen => html! { span .quiet { (sizes(scribe, old, new)) } },
    }
}

fn sizes(scribe: &Scribe, old: Option<u64>, new: Option<u64>) -> String {
    match (old, new) {
        (Some(old), Some(new)) => format!("{} → {}", scribe.size(old), scribe.size(new)),
        (None, Some(size)) | (Some(size), None) => scribe.size(size),
        (None, None) => String::new(),
    }
}

fn field(scribe: &Scribe, row: &Row) -> Markup {
    let path = row.path.to_string();
    html! {
        li {
            span .path { bdi { @if path.is_empty() { (scribe.say("inline-whole")) } @else { (path) } } }
            @if let Some(old) = &row.old { " " del { span .hidden-words { (scribe.say("inline-was")) " " } (value(scribe, old)) } }
            @if row.old.is_some() && row.new.is_some() { " " span .quiet aria-hidden="true" { "→" } }
            @if let Some(new) = &row.new { " " ins { span .hidden-words { (scribe.say("inline-is")) " " } (value(scribe, new)) } }
        }
    }
}

/// A value of a field; an empty text can be seen too.
pub(super) fn value(scribe: &Scribe, value: &Value) -> Markup {
    text(scribe, &value.plain())
}

/// A value as JSON, for people.
pub(super) fn json(scribe: &Scribe, raw: Option<&str>) -> Markup {
    match raw {
        None => html! { span .quiet { (scribe.say("inline-nothing")) } },
        Some(raw) => match serde_json::from_str::<String>(raw) {
            Ok(plain) => text(scribe, &plain),
            Err(_) => text(scribe, raw),
        },
    }
}

fn text(scribe: &Scribe, text: &str) -> Markup {
    html! { @if text.is_empty() { span .quiet { (scribe.say("inline-empty")) } } @else { bdi { (cut(text)) } } }
}
