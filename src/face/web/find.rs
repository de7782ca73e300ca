//! Finding documents: by name, by what a field says, by the id of an outside system, by who recorded them, as they were at any moment. What
//! was removed is found too, struck through and called so.

use maud::{Markup, html};

use crate::base::error::{Error, Result};
use crate::engine::find::{FieldIs, Found, Pattern, Query};
use crate::engine::history::Version;
use crate::face::http::{Answer, Ask};
use crate::model::key::{parse_key, show_key};

use super::moments::Sight;
use super::parts::{self, Scribe};
use super::shell;

/// Documents on one page.
const ROWS: usize = 30;
/// How much is looked at for one page: names; a document that is opened counts as fifty.
const EFFORT: usize = 40_000;

/// What is looked for.
struct Wanted<'a> {
    name: Option<&'a str>,
    /// The name stands anywhere in the key, not only at its beginning.
    anywhere: bool,
    field: Option<&'a str>,
    reference: Option<&'a str>,
    actor: Option<&'a str>,
    living: bool,
}

impl<'a> Wanted<'a> {
    fn of(ask: &'a Ask) -> Self {
        Wanted {
            name: ask.query("q").map(str::trim).filter(|q| !q.is_empty()),
            anywhere: ask.query("where").is_some(),
            field: ask.query("field"),
            reference: ask.query("ref"),
            actor: ask.query("by"),
            living: ask.query("living").is_some(),
        }
    }

    fn is_anything(&self) -> bool {
        self.name.is_some() || self.field.is_some() || self.reference.is_some() || self.actor.is_some()
    }

    fn query(&self, anywhere: bool) -> Result<Query> {
        let begins = |text: &str| Pattern::whole(&format!("{}**", show_key(&parse_key(text))));
        let name = self.name.map(|text| if anywhere || text.contains(['*', '?']) { Pattern::parse(text) } else { begins(text) });
        let reference = self.reference.map(|text| {
            let parts = text.split_once(':').map(|(system, id)| (system.trim().to_owned(), id.trim().to_owned()));
            parts.ok_or_else(|| Error::usage("find.ref", format!("not a reference: {text}")).hint("write SYSTEM:ID, for example svarut:77"))
        });
        Ok(Query {
            name,
            fields: self.field.map(FieldIs::parse).transpose()?.into_iter().collect(),
            reference: reference.transpose()?,
            actor: self.actor.map(str::to_owned),
            removed: !self.living,
        })
    }
}

/// `GET /find`.
pub(super) fn find(ask: &Ask) -> Result<Answer> {
    let (scribe, sight, wanted) = (Scribe::of(ask), Sight::of(ask)?, Wanted::of(ask));
    let after = ask.query("after").map(parse_key);
    let mut anywhere = wanted.anywhere;
    let mut found = Found { rows: Vec::new(), next: None };
    let mut referred = Vec::new();
    if wanted.is_anything() {
        let look = |anywhere: bool| sight.view.find_page(&wanted.query(anywhere)?, after.as_deref(), ROWS + 1, EFFORT);
        found = look(anywhere)?;
        if let Some((system, id)) = wanted.name.and_then(|name| name.split_once(':')).filter(|_| after.is_none()) {
            let query = Query { reference: Some((system.to_owned(), id.to_owned())), removed: true, ..Query::default() };
            referred = sight.view.find_page(&query, None, ROWS, EFFORT)?.rows;
        }
        // Nothing begins so: then it is looked for anywhere in the names.
        if found.rows.is_empty() && found.next.is_none() && referred.is_empty() && !anywhere && wanted.name.is_some() {
            anywhere = true;
            found = look(anywhere)?;
        }
    }
    if found.rows.len() > ROWS {
        found.rows.truncate(ROWS);
        found.next = found.rows.last().map(|v| v.key.clone());
    }
    let title = scribe.say("find-title");
    let next = found.next.as_ref().map(|key| ask.here(&[("after", Some(&show_key(key))), ("where", anywhere.then_some("any"))]));
    let body = html! {
        div .head { div { h1 { (title) } } }
        (form(ask, &scribe, &wanted))
        @if wanted.is_anything() {
            @if !referred.is_empty() { section .card.flush { (results(ask, &scribe, &sight, &scribe.say("find-by-reference"), true, &referred)) } }
            section .card.flush {
                @if found.rows.is_empty() {
                    (parts::empty(
                        scribe.say(if next.is_some() { "find-not-yet" } else { "find-none" }),
                        scribe.say(if next.is_some() { "find-not-yet-words" } else { "find-none-words" }),
                    ))
                } @else { (results(ask, &scribe, &sight, &scribe.say("find-results"), false, &found.rows)) }
                @if next.is_some() || after.is_some() {
                    (parts::pager(&scribe, after.is_some().then(|| (ask.here(&[("after", None)]), scribe.say("find-first").into_owned())),
                        next.map(|to| (to, scribe.say(if found.rows.len() < ROWS { "find-on" } else { "find-next" }).into_owned()))))
                }
            }
            @if let (Some(name), false) = (wanted.name, anywhere) {
                @let to = ask.here(&[("where", Some("any")), ("after", None)]);
                @if !name.contains(['*', '?']) { p { a href=(to) { (scribe.say_with("find-anywhere", &[("name", name.into())])) } } }
            }
        } @else {
            div .card { (parts::empty(scribe.say("find-empty"), scribe.say("find-empty-words"))) }
        }
    };
    shell::page(ask, &title, &body)
}

fn form(ask: &Ask, scribe: &Scribe, wanted: &Wanted<'_>) -> Markup {
    let text = |name: &str, message: &str, hint: &str, value: Option<&str>| {
        html! {
            label .field {
                span { (scribe.say(message)) }
                input name=(name) value=(value.unwrap_or_default()) aria-describedby={ "hint-" (name) } autocomplete="off";
                small id={ "hint-" (name) } { (scribe.say(hint)) }
            }
        }
    };
    html! {
        form .card action="/find" {
            @if let Some(tenant) = ask.query("tenant") { input type="hidden" name="tenant" value=(tenant); }
            div .form {
                (text("q", "find-name", "find-name-hint", wanted.name))
                (text("field", "find-field", "find-field-hint", wanted.field))
                (text("ref", "find-ref", "find-ref-hint", wanted.reference))
                (text("by", "find-by", "find-by-hint", wanted.actor))
                (text("at", "find-at", "find-at-hint", ask.at()))
                label .check { input type="checkbox" name="living" value="1" checked[wanted.living]; (scribe.say("find-living")) }
            }
            div .acts { button .main { (scribe.say("find-button")) } }
        }
    }
}

fn results(ask: &Ask, scribe: &Scribe, sight: &Sight, caption: &str, shown: bool, rows: &[Version]) -> Markup {
    let columns = [("column-document", ""), ("column-when", ""), ("column-who", ""), ("column-version", "number"), ("column-size", "number")];
    let rows = html! { @for v in rows { (row(ask, scribe, sight, v)) } };
    parts::table(scribe, caption, shown, true, &columns, &rows)
}

/// A document in a list, as it was at the moment that is looked at.
pub(super) fn row(ask: &Ask, scribe: &Scribe, sight: &Sight, v: &Version) -> Markup {
    let end = v.until.as_ref().filter(|end| v.removed && end.seq <= sight.seq);
    let event = end.unwrap_or(&v.from);
    html! {
        tr .gone[end.is_some()] {
            th scope="row" {
                a .row href=(ask.link("/document", &[("key", &show_key(&v.key))])) {
                    @if end.is_some() { del { (parts::key(&v.key)) } } @else { (parts::key(&v.key)) }
                }
                @if end.is_some() { " " (parts::badge("bad", scribe.say("document-removed"))) }
            }
            td data-name=(scribe.say("column-when")) { (scribe.time(event.time)) }
            td data-name=(scribe.say("column-who")) { (scribe.who(&event.actor)) }
            td .number data-name=(scribe.say("column-version")) { "v" (v.number) }
            td .number data-name=(scribe.say("column-size")) { (scribe.size(v.size)) }
        }
    }
}
