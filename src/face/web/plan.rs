//! The page where every undo, redo, rollback and restore ends: what will change, what a person must decide, what stays as it is outside, and
//! one button.
//!
//! A plan is made by an address (`/plan?undo=42`), kept on the server for the session that made it, and looked at by its name. It is bound to
//! the position it was made at: when something was recorded since, the page says so and makes it anew, with the decisions that still fit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use maud::{Markup, html};

use crate::agent::order::{AT_ONCE_MAX, AT_ONCE_WITHIN, Carried, Content, Order, What};
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::Silent;
use crate::engine::plans::{By, Fate, fate};
use crate::engine::store::{Store, Tenant};
use crate::face::http::{Answer, Ask};
use crate::model::field::Side;
use crate::model::key::parse_key;
use crate::model::plan::{Action, FieldConflict, Item, OnConflict, Plan, Purpose};

use super::parts::{self, Scribe};
use super::{difference, work, works};

/// Documents up to which one button with counts is enough; above, the name of the site or tenant is typed.
const ONE_BUTTON_MAX: u64 = 100;
/// Documents of a plan on one page; each is read to show old and new.
const ITEMS_SHOWN: usize = 15;
/// Decisions on one page.
const CONFLICTS_SHOWN: usize = 20;
/// Fields of one document that can be decided one by one on the page.
const FIELDS_SHOWN: usize = 40;
/// References on one page.
const REFERENCES_SHOWN: usize = 50;

/// How a plan is made, and made again.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Making {
    Undo(u64),
    Redo,
    Rollback { prefix: String, to: String },
    Version { key: String, number: u64 },
    RestoreAt { prefix: String, when: String },
    BringBack { keys: Vec<String> },
}

/// A plan that somebody looks at.
struct Kept {
    making: Making,
    plan: Mutex<Plan>,
    /// The database that its rows are written into.
    database: Option<String>,
    /// How long it took to make: carrying it out reads the same again.
    took: Duration,
    done: Mutex<Option<Done>>,
}

/// What came of it.
enum Done {
    /// It is done.
    Now(Carried),
    /// The agent carries it out, as this job.
    Job(i64),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Making {
    /// What the address or the form asks for.
    fn of(ask: &Ask) -> Result<Option<Self>> {
        let field = |name: &str| ask.form(name).or_else(|| ask.query(name));
        let number = |name: &str, text: &str| {
            let text = text.trim_start_matches(['B', 'v', '#']);
            text.parse::<u64>().map_err(|_| Error::usage("plan.number", format!("not a number: {name} {text}")).hint("write a whole number, like 42"))
        };
        if let Some(text) = field("undo") {
            return Ok(Some(Making::Undo(number("undo", text)?)));
        }
        if field("redo").is_some() {
            return Ok(Some(Making::Redo));
        }
        if let Some(to) = field("to") {
            return Ok(Some(Making::Rollback { prefix: field("prefix").unwrap_or_default().to_owned(), to: ask.moment_text(to) }));
        }
        let mut keys: Vec<String> =
            ask.form_all("restore").chain(ask.query_all("restore")).filter(|key| !key.is_empty()).map(str::to_owned).collect();
        let Some(first) = keys.first().cloned() else { return Ok(None) };
        if let Some(text) = field("v").filter(|_| keys.len() == 1) {
            return Ok(Some(Making::Version { key: first, number: number("v", text)? }));
        }
        if let Some(when) = field("when").filter(|_| keys.len() == 1) {
            return Ok(Some(Making::RestoreAt { prefix: first, when: ask.moment_text(when) }));
        }
        keys.sort();
        keys.dedup();
        Ok(Some(Making::BringBack { keys }))
    }

    fn plan(&self, tenant: &Tenant) -> Result<Plan> {
        match self {
            Making::Undo(seq) => tenant.undo(*seq),
            Making::Redo => tenant.undo(tenant.last_undo()?),
            Making::Rollback { prefix, to } => tenant.rollback(parse_key(prefix), &tenant.moment(to)?),
            Making::Version { key, number } => tenant.restore(parse_key(key), *number),
            Making::RestoreAt { prefix, when } => tenant.restore_at(parse_key(prefix), &tenant.moment(when)?),
            Making::BringBack { keys } => match keys.as_slice() {
                [folder] if folder.ends_with('/') => tenant.restore_removed(parse_key(folder)),
                keys => tenant.restore_all(&keys.iter().map(|key| parse_key(key)).collect::<Vec<_>>()),
            },
        }
    }

    /// The same, for another day: moments that people wrote are fixed to what they meant when they were written.
    fn fixed(self, plan: &Plan) -> Self {
        match (self, &plan.purpose) {
            (Making::Rollback { prefix, .. }, Purpose::Rollback { to_seq, .. }) => Making::Rollback { prefix, to: format!("seq:{to_seq}") },
            (Making::RestoreAt { prefix, .. }, Purpose::Restore { at_seq, .. }) => Making::RestoreAt { prefix, when: format!("seq:{at_seq}") },
            (Making::Redo, Purpose::Undo { batch }) => Making::Undo(*batch),
            (making, _) => making,
        }
    }
}

/// Makes a plan and keeps it; the name under which it is kept.
fn make(ask: &Ask, making: Making, earlier: Option<&Plan>) -> Result<String> {
    let tenant = ask.tenant()?;
    let begun = Instant::now();
    let mut plan = making.plan(&tenant)?;
    let database = tenant.database_for(&plan)?;
    if database.is_some() {
        // What was committed in the database and is not recorded yet would make the plan stale at once.
        tenant.catch_up_databases(&ask.by(), &Silent)?;
        plan = making.plan(&tenant)?;
    }
    if let Some(earlier) = earlier {
        carry_over(earlier, &mut plan);
    }
    let weight = plan.items.len() + plan.references.len() + 1;
    let kept = Kept { making: making.fixed(&plan), plan: Mutex::new(plan), database, took: begun.elapsed(), done: Mutex::default() };
    Ok(ask.desk.shelf.put(&ask.session.token, weight, Arc::new(kept)))
}

/// Decisions about documents that are as they were when somebody decided.
fn carry_over(earlier: &Plan, plan: &mut Plan) {
    let known: std::collections::HashMap<&str, &Item> = earlier.items.iter().map(|item| (item.key.as_str(), item)).collect();
    for item in &mut plan.items {
        let Some(before) = known.get(item.key.as_str()).filter(|before| before.current == item.current && before.version == item.version) else {
            continue;
        };
        item.choice = before.choice;
        for conflict in &mut item.conflicts {
            conflict.take = before.conflicts.iter().find(|c| c.path == conflict.path).and_then(|c| c.take);
        }
    }
}

fn kept(ask: &Ask) -> Result<(String, Arc<Kept>)> {
    let id = ask.form("id").or_else(|| ask.query("id")).unwrap_or_default();
    let found = ask.desk.shelf.get::<Kept>(&ask.session.token, id);
    let found = found.ok_or_else(|| {
        Error::new(Kind::Missing, "plan.gone", ask.language.say("plan-gone").into_owned()).hint(ask.language.say("plan-gone-hint").into_owned())
    })?;
    Ok((id.to_owned(), found))
}

fn see(ask: &Ask, id: &str, more: &[(&str, &str)]) -> Answer {
    Answer::See(ask.link_now("/plan", &[&[("id", id)], more].concat()))
}

/// A plan, or where there is none yet how to make one.
pub(super) fn plan(ask: &Ask) -> Result<Answer> {
    if ask.query("id").is_some() {
        let (id, kept) = kept(ask)?;
        return show(ask, &id, &kept);
    }
    match Making::of(ask)? {
        Some(making) => Ok(see(ask, &make(ask, making, None)?, &[])),
        None => begin(ask),
    }
}

/// A form asks for a plan: as [`plan`], where an address would be too long.
pub(super) fn ask_for(ask: &Ask) -> Result<Answer> {
    match Making::of(ask)? {
        Some(making) => Ok(see(ask, &make(ask, making, None)?, &[])),
        None => Ok(Answer::See(ask.link_now("/plan", &[]))),
    }
}

/// Makes the plan anew, because something was recorded since.
pub(super) fn anew(ask: &Ask) -> Result<Answer> {
    let (id, kept) = kept(ask)?;
    let earlier = lock(&kept.plan).clone();
    let new = make(ask, kept.making.clone(), Some(&earlier))?;
    ask.desk.shelf.remove(&ask.session.token, &id);
    Ok(see(ask, &new, &[]))
}

/// Forgets a plan.
pub(super) fn forget(ask: &Ask) -> Result<Answer> {
    let (id, _) = kept(ask)?;
    ask.desk.shelf.remove(&ask.session.token, &id);
    Ok(Answer::See(ask.link_now("/plan", &[])))
}

/// The plan as a file, to be looked at by somebody else and applied by `annals apply`.
pub(super) fn file(ask: &Ask) -> Result<Answer> {
    let (_, kept) = kept(ask)?;
    let text = lock(&kept.plan).to_json()?;
    Ok(Answer::File("application/json".into(), "plan.json".into(), text.into_bytes()))
}

/// Takes what the form says about documents and fields into the plan.
fn take_decisions(ask: &Ask, plan: &mut Plan) {
    let choice = |word: &str| match word {
        "skip" => Some(OnConflict::Skip),
        "override" => Some(OnConflict::Override),
        "merge" => Some(OnConflict::Merge),
        _ => None,
    };
    if let Some(all) = ask.form("all").and_then(choice) {
        for item in plan.items.iter_mut().filter(|item| item.action == Action::Conflict) {
            // Where there are no fields to merge by, nothing of somebody else's work is put away.
            item.choice = Some(if all == OnConflict::Merge && !item.has_fields() { OnConflict::Skip } else { all });
        }
        return;
    }
    for place in ask.form_all("decides").filter_map(|text| text.parse::<usize>().ok()) {
        let Some(item) = plan.items.get_mut(place).filter(|item| item.action == Action::Conflict) else { continue };
        if let Some(choice) = ask.form(&format!("c{place}")).and_then(choice) {
            item.choice = Some(choice);
        }
        for (at, conflict) in item.conflicts.iter_mut().enumerate() {
            match ask.form(&format!("f{place}.{at}")) {
                Some("theirs") => conflict.take = Some(Side::Theirs),
                Some("ours") => conflict.take = Some(Side::Ours),
                _ => {}
            }
        }
    }
}

/// Remembers decisions.
pub(super) fn decide(ask: &Ask) -> Result<Answer> {
    let (id, kept) = kept(ask)?;
    take_decisions(ask, &mut lock(&kept.plan));
    Ok(see(ask, &id, &[("conflict", ask.form("conflict").unwrap_or_default()), ("item", ask.form("item").unwrap_or_default())]))
}

/// Carries the plan out.
pub(super) fn apply(ask: &Ask) -> Result<Answer> {
    let (id, kept) = kept(ask)?;
    // Held to the end: a second click waits here, and finds that it is done.
    let mut done = lock(&kept.done);
    match &*done {
        None => {}
        Some(Done::Job(job)) => return Ok(Answer::See(work::address(ask, *job))),
        Some(Done::Now(_)) => return Ok(see(ask, &id, &[])),
    }
    let mut plan = lock(&kept.plan);
    take_decisions(ask, &mut plan);
    let store = ask.store()?;
    let tenant = store.tenant(&plan.tenant)?;
    if tally(&plan).changes() > ONE_BUTTON_MAX {
        let wanted = name_to_type(&store, &tenant)?;
        if ask.form("confirm").map(str::trim) != Some(&wanted) {
            return Ok(see(ask, &id, &[("unconfirmed", "1")]));
        }
    }
    if kept.database.is_some() || plan.items.len() > AT_ONCE_MAX || kept.took > AT_ONCE_WITHIN {
        let By { actor, reason, origin } = ask.by();
        let what = What::Plan { tenant: plan.tenant.clone(), purpose: plan.purpose.clone(), to_source: kept.database.is_some() };
        let job = store.order(&Order { what, actor, reason, origin, request: String::new() }, &Content::Plan(&plan))?;
        *done = Some(Done::Job(job));
        ask.agent()?.poke();
        return Ok(Answer::See(work::address(ask, job)));
    }
    match tenant.apply(&plan, OnConflict::Skip, &ask.by()) {
        Err(e) if e.code() == "plan.stale" => {}
        Err(e) => return Err(e),
        Ok(applied) => *done = Some(Done::Now(Carried::from(&applied))),
    }
    Ok(see(ask, &id, &[]))
}

/// What is typed to confirm something large: the tenant where there are several, or the site.
fn name_to_type(store: &Store, tenant: &Tenant) -> Result<String> {
    let site = store.config().store.site.clone();
    Ok(if store.tenants()?.len() > 1 { tenant.name().to_owned() } else { site.unwrap_or_else(|| tenant.name().to_owned()) })
}

/// What becomes of the documents of a plan as it is decided now.
#[derive(Default)]
struct Tally {
    put: u64,
    back: u64,
    remove: u64,
    merge: u64,
    skip: u64,
    open: u64,
    bytes: u64,
}

impl Tally {
    fn changes(&self) -> u64 {
        self.put + self.back + self.remove + self.merge
    }
}

fn tally(plan: &Plan) -> Tally {
    let mut t = Tally::default();
    for item in &plan.items {
        if item.action == Action::Conflict && item.choice.is_none() {
            t.open += 1;
        }
        match fate(item, OnConflict::Skip) {
            Fate::Skip => t.skip += 1,
            Fate::Nothing => {}
            Fate::Remove => t.remove += 1,
            Fate::Put if item.current == 0 => (t.back, t.bytes) = (t.back + 1, t.bytes + item.size),
            Fate::Put => (t.put, t.bytes) = (t.put + 1, t.bytes + item.size),
            Fate::Merge => (t.merge, t.bytes) = (t.merge + 1, t.bytes + item.size),
        }
    }
    t
}

fn number(ask: &Ask, name: &str) -> usize {
    ask.query(name).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn show(ask: &Ask, id: &str, kept: &Kept) -> Result<Answer> {
    let scribe = Scribe::of(ask);
    let store = ask.store()?;
    let plan = lock(&kept.plan);
    let tenant = store.tenant(&plan.tenant)?;
    let title = work::heading(&scribe, &tenant, &plan.purpose);
    match &*lock(&kept.done) {
        None => {}
        Some(Done::Job(job)) => return Ok(Answer::See(work::address(ask, *job))),
        Some(Done::Now(done)) => {
            return works::page(ask, &title, &html! { h1 { (title) } (work::carried(ask, &scribe, Some(&tenant), done)) });
        }
    }
    let position = tenant.position()?;
    let stale = plan.position()? != position;
    let t = tally(&plan);
    let conflicts: Vec<usize> = (0..plan.items.len()).filter(|at| plan.items[*at].action == Action::Conflict).collect();
    let body = html! {
        div .head {
            div {
                h1 { (title) }
                p .facts { span { (scribe.say_with("plan-made", &[("seq", scribe.number(plan.position()?.seq).into())])) } }
            }
            div .acts { a .button.tight href=(ask.link_now("/plan/file", &[("id", id)])) download { (scribe.say("plan-file")) } (parts::act(ask,
                "/plan/forget", &[("id", id)], "tight", scribe.say("plan-forget"))) }
        }
        @if stale {
            div .say.wait role="alert" {
                p { strong { (scribe.say("plan-stale")) } " " (newest(&scribe, &tenant, position.seq)) }
                p { (scribe.say("plan-stale-what")) }
                div .acts { (parts::act(ask, "/plan/anew", &[("id", id)], "main", scribe.say("plan-anew"))) }
            }
        }
        @if let Some(database) = &kept.database {
            (parts::say("wait", html! { p { (scribe.say_with("plan-database", &[("file", database.clone().into())])) } }))
        }
        (counts(&scribe, &plan, &t, kept.took))
        @if plan.items.is_empty() {
            (parts::empty(scribe.say("plan-nothing"), scribe.say("plan-nothing-what")))
        } @else {
            form .plan method="post" action="/plan/apply" {
                (parts::fields_of(ask, &[("id", id), ("conflict", ask.query("conflict").unwrap_or_default()), ("item",
                    ask.query("item").unwrap_or_default())]))
                @if !conflicts.is_empty() { (decisions(ask, &scribe, &plan, &conflicts)) }
                (references(&scribe, &plan))
                (changes(ask, &scribe, &tenant, &plan)?)
                @if !stale { (confirm(ask, &scribe, &store, &tenant, &plan, &t)?) }
            }
        }
    };
    works::page(ask, &title, &body)
}

/// Who recorded what made the plan stale.
fn newest(scribe: &Scribe, tenant: &Tenant, seq: u64) -> Markup {
    let Ok(batch) = tenant.batch_at(seq) else { return html! {} };
    html! { (scribe.who(&batch.event.actor)) " · " (scribe.time(batch.event.time)) " · " (scribe.why(&batch.event.reason, batch.event.cause)) }
}

fn counts(scribe: &Scribe, plan: &Plan, t: &Tally, took: Duration) -> Markup {
    let summary = plan.summary();
    let tiles = [
        ("plan-count-put", t.put, ""),
        ("plan-count-back", t.back, ""),
        ("plan-count-remove", t.remove, ""),
        ("plan-count-merge", t.merge, ""),
        ("plan-count-open", t.open, "wait"),
        ("plan-count-skip", t.skip - t.open, ""),
        ("plan-count-already", summary.already, "quiet"),
        ("plan-count-outside", summary.references, if summary.irrevocable > 0 { "wait" } else { "" }),
    ];
    let secs = took.as_secs_f64().max(0.05);
    // What was read to make the plan is read again, and written: between as long and three times as long.
    let (least, most) = (secs.ceil() as i64, (secs * 3.0).ceil() as i64);
    let time =
        if most <= 2 { scribe.say("plan-time-moment").into_owned() } else { format!("{}–{}", scribe.number(least as u64), scribe.span(most)) };
    html! {
        ul .tiles {
            @for (message, n, class) in tiles { @if n > 0 {
                li class=(class) { strong { (scribe.number(n)) } " " span { (scribe.say_with(message, &[("n", n.into())])) } }
            } }
        }
        dl .pairs.card {
            dt { (scribe.say("plan-fetch")) } dd { (scribe.say("plan-fetch-nothing")) }
            dt { (scribe.say("plan-write")) } dd { (scribe.size(t.bytes)) }
            dt { (scribe.say("plan-time")) } dd { (time) }
            dt { (scribe.say("plan-history")) } dd { (scribe.say("plan-history-kept")) }
        }
    }
}

fn decisions(ask: &Ask, scribe: &Scribe, plan: &Plan, conflicts: &[usize]) -> Markup {
    let from = number(ask, "conflict").min(conflicts.len());
    let page = conflicts.iter().skip(from).take(CONFLICTS_SHOWN);
    let turn = |to: usize, message: &str| (ask.here(&[("conflict", Some(&to.to_string()))]), scribe.say(message).into_owned());
    let all = |word: &'static str, message: &str| {
        html! { button .tight name="all" value=(word) formaction="/plan/decide" formnovalidate {
        (scribe.say(message)) } }
    };
    html! {
        section .card.flush #decide aria-labelledby="decide-title" {
            h2 #decide-title { (scribe.count("plan-decide", conflicts.len() as u64)) }
            div .pad {
                p { (scribe.say("plan-decide-what")) }
                div .acts role="group" aria-label=(scribe.say("plan-all")) {
                    span .quiet { (scribe.say("plan-all")) }
                    (all("skip", "plan-all-skip")) (all("merge", "plan-all-merge")) (all("override", "plan-all-override"))
                }
            }
            @for place in page { (decision(ask, scribe, *place, &plan.items[*place])) }
            div .pad.acts { button formaction="/plan/decide" formnovalidate { (scribe.say("plan-decide-keep")) } span .quiet.small {
                (scribe.say("plan-decide-kept-too")) } }
            (parts::pager(
                scribe,
                (from > 0).then(|| turn(from.saturating_sub(CONFLICTS_SHOWN), "turn-before")),
                (from + CONFLICTS_SHOWN < conflicts.len()).then(|| turn(from + CONFLICTS_SHOWN, "turn-after")),
            ))
        }
    }
}

fn decision(ask: &Ask, scribe: &Scribe, place: usize, item: &Item) -> Markup {
    let fields: Vec<(usize, &FieldConflict)> = item.conflicts.iter().enumerate().filter(|(_, c)| !c.path.is_empty()).collect();
    let name = format!("c{place}");
    let choice = |word: &str, it: OnConflict, message: &str| {
        // Nothing is chosen where nobody chose: what is sent as a decision is one.
        let chosen = item.choice == Some(it);
        html! { label .check { input type="radio" name=(name) value=(word) checked[chosen]; span { (scribe.say(message)) } } }
    };
    html! {
        fieldset .decision {
            legend {
                a .row href=(ask.link_now("/document", &[("key", &item.key)])) { (parts::key(&item.key_bytes())) } " "
                @if item.choice.is_none() { (parts::badge("wait", scribe.say("plan-undecided"))) } @else { (parts::badge("good",
                    scribe.say("plan-decided"))) }
                @if item.current == 0 { " " (parts::badge("", scribe.say("plan-gone-since"))) }
            }
            input type="hidden" name="decides" value=(place);
            div .choices {
                (choice("skip", OnConflict::Skip, "plan-choice-skip"))
                @if item.has_fields() { (choice("merge", OnConflict::Merge, "plan-choice-merge")) }
                (choice("override", OnConflict::Override, if item.version == 0 { "plan-choice-remove" } else { "plan-choice-override" }))
            }
            @if !fields.is_empty() {
                table .stack.takes {
                    caption .hidden-words { (scribe.say_with("plan-fields-of", &[("key", item.key.as_str().into())])) }
                    thead { tr {
                        @for message in ["plan-field-name", "plan-field-before", "plan-field-after", "plan-field-now", "plan-field-take"] {
                            th scope="col" { (scribe.say(message)) } }
                    } }
                    tbody { @for (at, conflict) in fields.iter().take(FIELDS_SHOWN) { (take(scribe, place, *at, conflict)) } }
                }
                @if fields.len() > FIELDS_SHOWN { p .pad.quiet { (scribe.count("inline-more-fields", (fields.len() - FIELDS_SHOWN) as u64)) } }
            }
        }
    }
}

fn take(scribe: &Scribe, place: usize, at: usize, conflict: &FieldConflict) -> Markup {
    let name = format!("f{place}.{at}");
    let value = |v: &Option<Box<serde_json::value::RawValue>>| difference::json(scribe, v.as_ref().map(|v| v.get()));
    let theirs = conflict.take == Some(Side::Theirs);
    html! {
        tr {
            th scope="row" { bdi { (conflict.path) } }
            td data-name=(scribe.say("plan-field-before")) { (value(&conflict.before)) }
            td data-name=(scribe.say("plan-field-after")) { (value(&conflict.after)) }
            td data-name=(scribe.say("plan-field-now")) { (value(&conflict.current)) }
            td data-name=(scribe.say("plan-field-take")) {
                span .takes-of role="radiogroup" aria-label=(scribe.say_with("plan-take-of", &[("field", conflict.path.as_str().into())])) {
                    label .check { input type="radio" name=(name) value="ours" checked[!theirs] data-merge=(place); (scribe.say("plan-take-now")) }
                    label .check { input type="radio" name=(name) value="theirs" checked[theirs] data-merge=(place);
                        (scribe.say("plan-take-before")) }
                }
            }
        }
    }
}

/// What stays as it is outside.
fn references(scribe: &Scribe, plan: &Plan) -> Markup {
    if plan.references.is_empty() {
        return html! {};
    }
    let summary = plan.summary();
    html! {
        section .card.flush aria-labelledby="outside-title" {
            h2 #outside-title { (scribe.count("plan-outside", summary.references)) }
            p .pad {
                @if summary.irrevocable > 0 { strong { (scribe.count("plan-outside-stays", summary.irrevocable)) } " " }
                (scribe.say("plan-outside-what"))
            }
            @let rows = html! { @for r in plan.references.iter().take(REFERENCES_SHOWN) {
                tr {
                    th scope="row" { bdi { (r.system) } " " bdi .mono { (r.id) } }
                    td data-name=(scribe.say("col-state")) {
                        bdi { (r.state) } " "
                        @if r.irrevocable { (parts::badge("wait", scribe.say("plan-cannot-recall"))) }
                        @if r.later { " " (parts::badge("", scribe.say("plan-later"))) }
                    }
                    td data-name=(scribe.say("col-document")) { (parts::key(&parse_key(&r.key))) }
                }
            } };
            (parts::table(scribe, &scribe.say("plan-outside-table"), false, true, &[("col-reference", ""), ("col-state", ""), ("col-document",
                "")], &rows))
            @if plan.references.len() > REFERENCES_SHOWN { p .pad.quiet { (scribe.count("rows-more", (plan.references.len() - REFERENCES_SHOWN)
                as u64)) } }
        }
    }
}

fn changes(ask: &Ask, scribe: &Scribe, tenant: &Tenant, plan: &Plan) -> Result<Markup> {
    let from = number(ask, "item").min(plan.items.len());
    let turn = |to: usize, message: &str| (ask.here(&[("item", Some(&to.to_string()))]), scribe.say(message).into_owned());
    let mut rows = Vec::new();
    for item in plan.items.iter().skip(from).take(ITEMS_SHOWN) {
        let told = tenant.effect(item, OnConflict::Skip)?;
        let (word, kind) = match fate(item, OnConflict::Skip) {
            Fate::Skip if item.action == Action::Lost => ("plan-fate-lost", "wait"),
            Fate::Skip => ("plan-fate-skip", ""),
            Fate::Nothing => ("plan-fate-nothing", ""),
            Fate::Remove => ("plan-fate-remove", "bad"),
            Fate::Put if item.current == 0 => ("plan-fate-back", "good"),
            Fate::Put => ("plan-fate-put", "good"),
            Fate::Merge => ("plan-fate-merge", "good"),
        };
        let left = fate(item, OnConflict::Skip) == Fate::Skip;
        let version = |n: u64| if n == 0 { scribe.say("plan-none").into_owned() } else { format!("v{n}") };
        rows.push(html! {
            tr {
                th scope="row" { a .row href=(ask.link_now("/document", &[("key", &item.key)])) { (parts::key(&item.key_bytes())) } }
                td { (parts::badge(kind, scribe.say(word))) }
                td .nowrap data-name=(scribe.say("col-versions")) { @if !left { (version(item.current)) " → " (version(item.version)) } }
                td { @if !left { (difference::inline(scribe, &told, None, (item.size > 0).then_some(item.size))) } }
            }
        });
    }
    let columns = [("col-document", ""), ("plan-column-what", ""), ("col-versions", ""), ("plan-column-values", "")];
    Ok(html! {
        section .card.flush #changes {
            (parts::table(scribe, &scribe.count("plan-changes", plan.items.len() as u64), true, true, &columns, &html! { @for row in &rows { (row)
                } }))
            (parts::pager(
                scribe,
                (from > 0).then(|| turn(from.saturating_sub(ITEMS_SHOWN), "turn-before")),
                (from + ITEMS_SHOWN < plan.items.len()).then(|| turn(from + ITEMS_SHOWN, "turn-after")),
            ))
        }
    })
}

fn confirm(ask: &Ask, scribe: &Scribe, store: &Store, tenant: &Tenant, plan: &Plan, t: &Tally) -> Result<Markup> {
    let n = t.changes();
    let button = match &plan.purpose {
        Purpose::Undo { .. } => "plan-do-undo",
        Purpose::Rollback { .. } => "plan-do-rollback",
        Purpose::Restore { .. } => "plan-do-restore",
    };
    let wrong = ask.query("unconfirmed").is_some();
    let name = (n > ONE_BUTTON_MAX).then(|| name_to_type(store, tenant)).transpose()?;
    Ok(html! {
        section .card.confirm aria-labelledby="confirm-title" {
            h2 #confirm-title { (scribe.say("plan-confirm")) }
            label .field { span { (scribe.say("plan-reason-label")) } input name="reason" maxlength="400" autocomplete="off"; small {
                (scribe.say("plan-reason-what")) } }
            @if let Some(name) = &name {
                label .field {
                    span { (scribe.say_with("plan-confirm-type", &[("name", name.as_str().into())])) }
                    input name="confirm" autocomplete="off" required aria-invalid=[wrong.then_some("true")] aria-describedby="confirm-why";
                    small #confirm-why { @if wrong { strong .bad { (scribe.say("plan-confirm-wrong")) } " " } (scribe.say_with("plan-confirm-why",
                        &[("n", ONE_BUTTON_MAX.into())])) }
                }
            }
            div .acts {
                @if n > 0 { button .main data-key="r" { (scribe.count(button, n)) } }
                @else { p { (scribe.say("plan-nothing-decided")) } }
                @if t.open > 0 { span .quiet { (scribe.count("plan-open-left", t.open)) } }
            }
            p .quiet.small { (scribe.say("plan-can-undo")) }
        }
    })
}

/// No plan is looked at: how to make one, and those that are open.
fn begin(ask: &Ask) -> Result<Answer> {
    let scribe = Scribe::of(ask);
    let title = scribe.say("plan-title");
    let store = ask.store()?;
    let open = ask.desk.shelf.all::<Kept>(&ask.session.token);
    let redo = ask.tenant()?.last_undo().ok();
    let form = |fields: &Markup, message: &str| {
        html! { form .form action="/plan" { input type="hidden" name="tenant" value=(ask.tenant_name()); (fields) div .acts { button .main {
        (scribe.say(message)) } } } }
    };
    let body = html! {
        h1 { (title) }
        p .lead { (scribe.say("plan-lead")) }
        @if !open.is_empty() {
            section .card {
                h2 { (scribe.say("plan-open")) }
                ul .rows { @for (id, kept) in &open {
                    @let plan = lock(&kept.plan);
                    @let done = lock(&kept.done).is_some();
                    @if let Ok(tenant) = store.tenant(&plan.tenant) {
                        li {
                            a .row href=(ask.link_now("/plan", &[("id", id)])) { (work::heading(&scribe, &tenant, &plan.purpose)) } " "
                            @if done { (parts::badge("good", scribe.say("plan-open-done"))) } @else { (parts::badge("wait",
                                scribe.count("plan-open-waits", tally(&plan).changes()))) }
                        }
                    }
                } }
            }
        }
        div .cards {
            section .card {
                h2 { (scribe.say("plan-start-rollback")) }
                p { (scribe.say("plan-start-rollback-what")) }
                (form(&html! {
                    label .field { span { (scribe.say("plan-start-prefix")) } input name="prefix" placeholder="sak/" autocomplete="off"; small {
                        (scribe.say("plan-start-prefix-what")) } }
                    label .field { span { (scribe.say("moment-label")) } input name="to" required autocomplete="off"; small {
                        (scribe.say("moment-forms")) } }
                }, "plan-start-show"))
            }
            section .card {
                h2 { (scribe.say("plan-start-undo")) }
                p { (scribe.say("plan-start-undo-what")) }
                (form(&html! { label .field { span { (scribe.say("plan-start-number")) }
                    input name="undo" inputmode="numeric" required autocomplete="off"; } }, "plan-start-show"))
                p { a href=(ask.link_now("/batches", &[])) { (scribe.say("plan-start-batches")) } }
                @if let Some(seq) = redo { p { a .button href=(ask.link_now("/plan", &[("redo", "1")])) { (scribe.say_with("plan-start-redo",
                    &[("batch", scribe.number(seq).into())])) } } }
            }
            section .card {
                h2 { (scribe.say("plan-start-restore")) }
                p { (scribe.say("plan-start-restore-what")) }
                (form(&html! {
                    label .field { span { (scribe.say("plan-start-key")) }
                        input name="restore" required placeholder="sak/2018-163" autocomplete="off"; }
                    label .field { span { (scribe.say("plan-start-when")) } input name="when" autocomplete="off"; small {
                        (scribe.say("plan-start-when-what")) } }
                }, "plan-start-show"))
            }
        }
    };
    works::page(ask, &title, &body)
}
