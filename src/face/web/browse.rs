//! Back in time: a tenant as folders at any moment, and a person or case with everything attached, leafed from change to change.

use maud::{Markup, html};

use crate::base::error::Result;
use crate::engine::browse::{Entry, GROUP_MAX, Group};
use crate::engine::find::{FieldIs, Member, Pattern};
use crate::engine::history::Version;
use crate::face::http::{Answer, Ask};
use crate::model::field::Row;
use crate::model::key::{parse_key, show_key};
use crate::model::moment::Moment;
use crate::model::text::Comparison;

use super::compare;
use super::document::{name, trail};
use super::moments::Sight;
use super::parts::{self, Scribe};
use super::{find, shell};

/// Rows of a folder on one page.
const ROWS: usize = 30;
/// Members of a group shown.
const MEMBERS_SHOWN: usize = 30;
/// Members of which is shown what the last change did to their fields.
const CHANGED_SHOWN: usize = 4;
/// Fields of each of them.
const CHANGED_FIELDS_SHOWN: usize = 5;

/// `GET /browse`.
pub(super) fn browse(ask: &Ask) -> Result<Answer> {
    let (scribe, sight) = (Scribe::of(ask), Sight::of(ask)?);
    let prefix = ask.query("prefix").unwrap_or_default();
    let prefix = if prefix.is_empty() || prefix.ends_with('/') { prefix.to_owned() } else { format!("{prefix}/") };
    let key = parse_key(&prefix);
    let after = ask.query("after").map(parse_key);
    let page = sight.view.folder(&key, after.as_deref(), ROWS)?;
    let title = if prefix.is_empty() { scribe.say("browse-title").into_owned() } else { name(&key) };
    let columns = [("column-document", ""), ("column-when", ""), ("column-who", ""), ("column-version", "number"), ("column-size", "number")];
    let rows = html! {
        @for entry in &page.rows {
            @match entry {
                Entry::Folder(folder) => tr { th scope="row" colspan="5" {
                    a .row href=(ask.link("/browse", &[("prefix", &show_key(folder))])) {
                        span aria-hidden="true" { "▸ " } bdi { (name(folder)) "/" } span .hidden-words { " " (scribe.say("browse-folder")) }
                    }
                } },
                Entry::Document(v) => (find::row(ask, &scribe, &sight, v)),
            }
        }
    };
    let first = after.is_some().then(|| (ask.here(&[("after", None)]), scribe.say("find-first").into_owned()));
    let next = page.next.map(|key| (ask.here(&[("after", Some(&show_key(&key)))]), scribe.say("find-next").into_owned()));
    let body = html! {
        @if !prefix.is_empty() { (trail(ask, &scribe, &key)) }
        div .head {
            div { h1 { bdi { (title) } } @if prefix.is_empty() { p .quiet { (scribe.say("browse-words")) } } }
            p .acts {
                @if !prefix.is_empty() { a .button.tight href=(ask.link("/group", &[("key", &prefix)])) { (scribe.say("browse-group")) } }
                a .button.tight href=(ask.link("/deleted", &[("prefix", &prefix)])) { (scribe.say("browse-deleted")) }
                @if !sight.is_now() { (back_to(ask, &scribe, &sight, &prefix)) }
            }
        }
        (steps(ask, &scribe, &sight, sight.seq.checked_sub(1), (sight.seq < sight.end).then(|| sight.seq + 1), sight.seq)?)
        section .card.flush {
            @if page.rows.is_empty() { (parts::empty(scribe.say("browse-empty"), scribe.say(if sight.is_now() { "browse-empty-words" } else { "browse-empty-then" }))) }
            @else { (parts::table(&scribe, &title, false, true, &columns, &rows)) }
            // Left and right leaf through time here, so these links have no keys.
            @if first.is_some() || next.is_some() {
                nav .pager aria-label=(scribe.say("pager-label")) {
                    @match first { Some((to, words)) => a .button.tight href=(to) { (words) }, None => span {} }
                    @match next { Some((to, words)) => a .button.tight href=(to) { (words) }, None => span {} }
                }
            }
        }
    };
    shell::page(ask, &title, &body)
}

/// The way to the plan that puts everything below a prefix back to the moment that is looked at.
fn back_to(ask: &Ask, scribe: &Scribe, sight: &Sight, prefix: &str) -> Markup {
    let to = ask.link_now("/plan", &[("prefix", prefix), ("to", &format!("seq:{}", sight.seq))]);
    html! { a .button.tight data-key="r" href=(to) { (scribe.say("browse-back-to")) } }
}

/// The change that is seen last, and the ways to the one before and after it.
fn steps(ask: &Ask, scribe: &Scribe, sight: &Sight, earlier: Option<u64>, later: Option<u64>, shown: u64) -> Result<Markup> {
    let batch = if shown > 0 { Some(sight.tenant.batch_at(shown)?) } else { None };
    let to = |seq: u64| {
        if seq >= sight.end {
            ask.here_now(&[("after", None), ("done", None)])
        } else {
            ask.here(&[("at", Some(&format!("seq:{seq}"))), ("after", None), ("done", None)])
        }
    };
    Ok(html! {
        nav .time aria-label=(scribe.say("steps-label")) {
            div .steps {
                (parts::step(scribe, "prev", earlier.map(&to), "steps-earlier"))
                p {
                    @match &batch {
                        Some(b) => {
                            strong { (scribe.say_with("steps-change", &[("n", scribe.number(b.event.seq).into())])) } " · "
                            (scribe.time(b.event.time)) " · " (scribe.who(&b.event.actor))
                            @let why = scribe.why(&b.event.reason, b.event.cause);
                            @if !why.0.is_empty() { " · " span .quiet { (why) } }
                        },
                        None => strong { (scribe.say("steps-nothing")) },
                    }
                }
                (parts::step(scribe, "next", later.map(&to), "steps-later"))
            }
        }
    })
}

/// What belongs together: the document or folder itself, and what each line of `with` names.
fn patterns(key: &str, with: &str) -> Result<Vec<(Pattern, Vec<FieldIs>)>> {
    let own = show_key(&parse_key(key)).replace('*', "\\x2a").replace('?', "\\x3f");
    let mut all = vec![(Pattern::whole(&if own.ends_with('/') { format!("{own}**") } else { own.clone() }), Vec::new())];
    if !own.ends_with('/') {
        all.push((Pattern::whole(&format!("{own}/**")), Vec::new()));
    }
    for line in with.lines().map(str::trim).filter(|line| !line.is_empty()) {
        all.push(match line.rsplit_once('?').and_then(|(name, condition)| Some((name, FieldIs::parse(condition).ok()?))) {
            Some((name, condition)) => (Pattern::whole(name), vec![condition]),
            None => (Pattern::whole(line), Vec::new()),
        });
    }
    Ok(all)
}

/// `GET /group`: a person or case at one moment.
pub(super) fn group(ask: &Ask) -> Result<Answer> {
    let (scribe, sight) = (Scribe::of(ask), Sight::of(ask)?);
    let shown_key = show_key(&ask.key()?);
    let with = ask.query("with").unwrap_or_default();
    let group = sight.tenant.group(&patterns(&shown_key, with)?, sight.seq)?;
    let existing = group.members.iter().filter(|m| matches!(m, Member::Exists(_))).count();
    // One step back is how it was before the last change of any member.
    let earlier = group.last.map(|last| last - 1);
    let title = name(shown_key.as_bytes());
    let body = html! {
        (trail(ask, &scribe, shown_key.as_bytes()))
        div .head {
            div {
                h1 { bdi { (title) } " " span .quiet { (scribe.say("group-title")) } }
                ul .facts { li { (scribe.count("group-existing", existing as u64)) } li { (scribe.count("group-members", group.members.len() as u64)) } }
            }
            @if !sight.is_now() && shown_key.ends_with('/') {
                p .acts { (back_to(ask, &scribe, &sight, &shown_key)) }
            }
        }
        (steps(ask, &scribe, &sight, earlier, group.next, group.last.unwrap_or(0))?)
        @if group.members.is_empty() { div .card { (parts::empty(scribe.say("group-none"), scribe.say("group-none-words"))) } }
        @else if existing == 0 && group.last.is_none() { (parts::say("wait", html! { strong { (scribe.say("document-not-yet")) } p { (scribe.say("group-not-yet")) } })) }
        @if !group.members.is_empty() { (members(ask, &scribe, &group)) }
        @if let Some(last) = group.last { (changed(ask, &scribe, &sight, &group, last)?) }
        @if group.cut { (parts::say("wait", html! { p { (scribe.count("group-cut", GROUP_MAX as u64)) } })) }
        details .card open[!with.is_empty()] {
            summary { strong { (scribe.say("group-with")) } }
            form action="/group" .form {
                (parts::kept(ask, &["with"]))
                label .field.wide {
                    span { (scribe.say("group-with-label")) }
                    textarea name="with" rows="3" aria-describedby="hint-with" { (with) }
                    small #hint-with { (scribe.say("group-with-hint")) }
                }
                div .acts { button { (scribe.say("group-with-button")) } }
            }
        }
    };
    shell::page(ask, &title, &body)
}

fn members(ask: &Ask, scribe: &Scribe, group: &Group) -> Markup {
    let columns = [("column-document", ""), ("column-state", ""), ("column-since", ""), ("column-who", ""), ("column-why", "")];
    let rows = html! {
        @for member in group.members.iter().take(MEMBERS_SHOWN) {
            @let v = member.version();
            @let (kind, message, event) = match member {
                Member::Exists(v) => ("good", "state-exists", &v.from),
                Member::NotYet(v) => ("wait", "document-not-yet", &v.from),
                Member::Removed(v) => ("bad", "document-removed", v.until.as_ref().unwrap_or(&v.from)),
            };
            tr .gone[matches!(member, Member::Removed(_))] aria-current=[(group.last == Some(event.seq)).then_some("true")] {
                th scope="row" { a .row href=(ask.link("/document", &[("key", &show_key(&v.key))])) { (parts::key(&v.key)) } }
                td data-name=(scribe.say("column-state")) {
                    (parts::badge(kind, scribe.say(message)))
                    @if matches!(member, Member::Exists(_)) { " " span .quiet { "v" (v.number) } }
                }
                td data-name=(scribe.say("column-since")) { (scribe.time(event.time)) }
                td data-name=(scribe.say("column-who")) { (scribe.who(&event.actor)) }
                td data-name=(scribe.say("column-why")) { (scribe.why(&event.reason, event.cause)) }
            }
        }
    };
    html! {
        section .card.flush {
            (parts::table(scribe, &scribe.say("group-table"), false, true, &columns, &rows))
            @if group.members.len() > MEMBERS_SHOWN { p .pad.quiet { (scribe.count("group-more", (group.members.len() - MEMBERS_SHOWN) as u64)) } }
        }
    }
}

/// What the change that is seen last did to the fields of the members.
fn changed(ask: &Ask, scribe: &Scribe, sight: &Sight, group: &Group, last: u64) -> Result<Markup> {
    let mut rows: Vec<(&Version, Vec<Row>)> = Vec::new();
    for member in group.members.iter().filter(|m| matches!(m, Member::Exists(v) if v.from.seq == last)).take(CHANGED_SHOWN) {
        let v = member.version();
        if v.number == 1 {
            continue;
        }
        let old = sight.tenant.find_version(&v.key, Some(&Moment::Version(v.number - 1)))?;
        if let Comparison::Fields(fields) = sight.tenant.diff(old, v.clone())?.compare(false, 0) {
            rows.push((v, fields.rows));
        }
    }
    if rows.is_empty() {
        return Ok(html! {});
    }
    let columns = [("column-document", ""), ("column-field", ""), ("column-old", ""), ("column-new", "")];
    let rows = html! {
        @for (v, fields) in &rows {
            @for (i, row) in fields.iter().take(CHANGED_FIELDS_SHOWN).enumerate() {
                @let (old, new) = compare::values(scribe, row);
                @let (key, old_number, new_number) = (show_key(&v.key), (v.number - 1).to_string(), v.number.to_string());
                @let to = ask.link_now("/compare", &[("key", &key), ("old", &old_number), ("new", &new_number)]);
                tr {
                    th scope="row" { @if i == 0 { a href=(to) { (parts::key(&v.key)) } } }
                    td data-name=(scribe.say("column-field")) { (scribe.field(&row.path)) }
                    td data-name=(scribe.say("column-old")) { (old) }
                    td data-name=(scribe.say("column-new")) { (new) }
                }
            }
        }
    };
    Ok(html! { section .card.flush { (parts::table(scribe, &scribe.say("group-changed"), true, true, &columns, &rows)) } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_its_document_what_lies_below_and_what_is_named() {
        let all = patterns("person/7", "case/*?client=7\nletters/7/**\n").expect("patterns");
        let belongs = |key: &str| all.iter().position(|(pattern, _)| pattern.matches(key.as_bytes()));
        assert_eq!(belongs("person/7"), Some(0));
        assert_eq!(belongs("person/7/photo.png"), Some(1));
        assert_eq!(belongs("person/70"), None);
        assert_eq!(belongs("case/1"), Some(2));
        assert_eq!(belongs("letters/7/a/b"), Some(3));
        assert_eq!((all[2].1.len(), all[3].1.len()), (1, 0));
        assert!(patterns("a*b", "").expect("patterns")[0].0.matches(b"a*b"));
    }
}
