//! A store or a database that went back in time, or that parted from its remote: both sides, what each choice would do, and doing it.
//!
//! What is known without asking anybody is shown at once. Looking at both sides asks the remotes and makes a plan, which is kept for the
//! session like other plans.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use maud::{Markup, html};

use crate::agent::order::{Content, Order, What};
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::Silent;
use crate::base::time::Timestamp;
use crate::engine::capture::CaptureStatus;
use crate::engine::lineage::Standing;
use crate::engine::offsite::OpenRemote;
use crate::engine::plans::By;
use crate::engine::realign::RealignOptions;
use crate::engine::store::Store;
use crate::engine::witness::{Fence, MACHINE};
use crate::face::http::{Answer, Ask};
use crate::model::key::parse_key;
use crate::model::lineage::{Fate, Resolution, Verdict};
use crate::model::plan::TouchedReference;
use crate::model::realign::{Amount, DatabaseRealign, Keep, RealignPlan, RowRealign, TenantRealign};

use super::parts::{self, Scribe};
use super::{difference, work, works};

/// Documents or rows of one kind that are named; all of them are in the saved plan.
const NAMED: usize = 20;

/// A plan that somebody looks at.
struct Kept {
    plan: Mutex<RealignPlan>,
    keep: Keep,
    /// The job that carries it out.
    done: Mutex<Option<i64>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn word(keep: Keep) -> &'static str {
    match keep {
        Keep::Both => "both",
        Keep::Ours => "ours",
        Keep::Theirs => "theirs",
    }
}

fn keep_of(ask: &Ask) -> Keep {
    [Keep::Ours, Keep::Theirs].into_iter().find(|keep| ask.form("keep") == Some(word(*keep))).unwrap_or_default()
}

/// The page.
pub(super) fn realign(ask: &Ask) -> Result<Answer> {
    match ask.query("id") {
        Some(id) => {
            let kept = ask.desk.shelf.get::<Kept>(&ask.session.token, id);
            let kept = kept.ok_or_else(|| Error::new(Kind::Missing, "plan.gone", ask.language.say("plan-gone").into_owned()))?;
            show(ask, id, &kept)
        }
        None => known(ask),
    }
}

/// What is known here, without asking a remote.
fn known(ask: &Ask) -> Result<Answer> {
    let scribe = Scribe::of(ask);
    let store = ask.store()?;
    let title = scribe.say("realign-title");
    let standings = store.lineage()?;
    let fenced: Vec<(&Standing, &Fence)> = standings.iter().filter_map(|s| Some((s, s.fence.as_ref()?))).collect();
    let databases: Vec<CaptureStatus> = store.captured_databases()?.into_iter().filter(|c| c.behind.is_some()).collect();
    let lines: Vec<&String> = standings.iter().flat_map(|s| &s.lines).collect();
    let copy = fenced.iter().any(|(_, fence)| fence.verdict == Verdict::Clone && fence.witness == MACHINE);
    let well = fenced.is_empty() && databases.is_empty();
    let body = html! {
        h1 { (title) }
        p .lead { (scribe.say("realign-lead")) }
        @if well { (parts::say("good", html! { p { strong { (scribe.say("realign-well")) } } p { (scribe.say("realign-well-what")) } })) }
        @for (standing, fence) in &fenced { (fenced_card(&scribe, standing, fence)) }
        @for database in &databases { (database_card(&scribe, database)) }
        @if copy {
            section .card {
                h2 { (scribe.say("realign-claim")) }
                p { (scribe.say("realign-claim-what")) }
                form .form method="post" action="/realign/claim" {
                    (parts::fields_of(ask, &[]))
                    (typed(ask, &scribe, &store))
                    div .acts { button .grave { (scribe.say("realign-claim-do")) } }
                }
            }
        }
        form method="post" action="/realign/look" {
            (parts::fields_of(ask, &[("keep", "both")]))
            div .acts { button .main[!well] { (scribe.say(if well { "realign-look-anyway" } else { "realign-look" })) } span .quiet {
                (scribe.say("realign-look-what")) } }
        }
        @if !lines.is_empty() {
            section .card {
                h2 { (scribe.say("realign-lines")) }
                p { (scribe.say("realign-lines-what")) }
                ul .rows { @for line in lines { li { a .row href={ "/browse?tenant=" (crate::face::http::encode(line)) } { bdi { (line) } } } } }
            }
        }
    };
    works::page(ask, &title, &body)
}

fn typed(ask: &Ask, scribe: &Scribe, store: &Store) -> Markup {
    let wrong = ask.query("unconfirmed").is_some();
    html! {
        label .field {
            span { (scribe.say_with("plan-confirm-type", &[("name", site(store).into())])) }
            input name="confirm" autocomplete="off" required aria-invalid=[wrong.then_some("true")];
            @if wrong { small { strong .bad { (scribe.say("plan-confirm-wrong")) } } }
        }
    }
}

/// The name that is typed to confirm.
fn site(store: &Store) -> String {
    store.config().store.site.clone().unwrap_or_else(|| store.name().to_owned())
}

fn at(scribe: &Scribe, micros: Option<i64>) -> Markup {
    match micros {
        Some(micros) => scribe.time(Timestamp(micros)),
        None => html! { span .quiet { (scribe.say("realign-time-unknown")) } },
    }
}

fn verdict(scribe: &Scribe, verdict: Verdict, tenant: &str, other: &str) -> String {
    let id = match verdict {
        Verdict::BehindClean => "realign-behind",
        Verdict::Amnesia => "realign-amnesia",
        Verdict::Forked => "realign-forked",
        Verdict::Clone => "realign-clone",
        Verdict::Foreign => "realign-foreign",
        Verdict::Equal | Verdict::Ahead => "realign-equal",
    };
    scribe.say_with(id, &[("tenant", tenant.into()), ("other", other.into())]).into_owned()
}

fn fenced_card(scribe: &Scribe, standing: &Standing, fence: &Fence) -> Markup {
    let place = fence.place.as_ref().map(|place| format!("{} · {}", place.host, place.directory));
    html! {
        section .say.bad {
            p { strong { (verdict(scribe, fence.verdict, &standing.tenant, &witness(scribe, &fence.witness))) } }
            dl .pairs {
                dt { (scribe.say("realign-here")) } dd { (scribe.say_with("batch-number", &[("batch", scribe.number(fence.ours).into())]))
                    ", " (at(scribe, (fence.ours > 0).then_some(fence.ours_time))) }
                dt { (witness(scribe, &fence.witness)) } dd { (scribe.say_with("batch-number", &[("batch", scribe.number(fence.theirs).into())]))
                    ", " (at(scribe, fence.theirs_time)) }
                dt { (scribe.say("realign-common")) } dd { (scribe.say_with("batch-number", &[("batch", scribe.number(fence.common).into())])) }
                @if let Some(place) = place { dt { (scribe.say("realign-place")) } dd { bdi { (place) } } }
            }
            p { (scribe.say("realign-fenced")) }
        }
    }
}

fn witness(scribe: &Scribe, witness: &str) -> String {
    match witness {
        MACHINE => scribe.say("realign-witness-machine").into_owned(),
        crate::engine::witness::FILE => scribe.say("realign-witness-file").into_owned(),
        remote => remote.to_owned(),
    }
}

fn database_card(scribe: &Scribe, capture: &CaptureStatus) -> Markup {
    let Some(behind) = &capture.behind else { return html! {} };
    html! {
        section .say.bad {
            p { strong { (scribe.say_with(if behind.is_forked() { "realign-database-forked" } else { "realign-database" }, &[("name",
                capture.prefix.trim_end_matches('/').into())])) } }
            dl .pairs {
                dt { (scribe.say("realign-file")) } dd { bdi .mono { (capture.source) } }
                dt { (scribe.say("realign-missing")) } dd { (scribe.count("realign-transactions", behind.transactions))
                    ", " (scribe.count("realign-rows", behind.rows)) }
                @if behind.only_here > 0 { dt { (scribe.say("realign-only-here")) } dd { (scribe.count("realign-rows", behind.only_here)) } }
            }
            p { (scribe.say("realign-fenced")) }
        }
    }
}

/// Opens every remote that a plan speaks of.
fn open(store: &Store, names: impl Iterator<Item = String>) -> Result<Vec<OpenRemote>> {
    names.map(|name| store.remote(&name, None)).collect()
}

/// Looks at both sides and makes a plan.
pub(super) fn look(ask: &Ask) -> Result<Answer> {
    let store = ask.store()?;
    let keep = keep_of(ask);
    let remotes = open(&store, store.config().remotes.iter().map(|r| r.name.clone()))?;
    let mut plan = match remotes.is_empty() {
        true => RealignPlan::new(Vec::new()),
        false => store.plan_realign(&remotes, RealignOptions { keep, claim: false }, &Silent)?,
    };
    if plan.tenants.is_empty() {
        for tenant in store.tenants()? {
            for prefix in tenant.databases()? {
                match tenant.plan_realign_database(&prefix, keep, &ask.by(), &Silent) {
                    // One that is not at hand does not keep the others from it.
                    Err(e) if e.kind() == Kind::Missing => {}
                    found => plan.databases.extend(found?),
                }
            }
        }
    }
    let weight = 1 + plan.tenants.iter().map(|t| t.items.len()).sum::<usize>() + plan.databases.iter().map(|d| d.items.len()).sum::<usize>();
    if let Some(id) = ask.form("id") {
        ask.desk.shelf.remove(&ask.session.token, id);
    }
    let kept = Kept { plan: Mutex::new(plan), keep, done: Mutex::default() };
    let id = ask.desk.shelf.put(&ask.session.token, weight, Arc::new(kept));
    Ok(Answer::See(ask.link_now("/realign", &[("id", &id)])))
}

/// This copy is the site from now on.
pub(super) fn claim(ask: &Ask) -> Result<Answer> {
    let store = ask.store()?;
    if ask.form("confirm").map(str::trim) != Some(&site(&store)) {
        return Ok(Answer::See(ask.link_now("/realign", &[("unconfirmed", "1")])));
    }
    store.claim()?;
    Ok(Answer::See(ask.link_now("/realign", &[])))
}

/// Has the agent carry the plan out: remotes may be slow, and a closed browser must not leave half of it.
pub(super) fn apply(ask: &Ask) -> Result<Answer> {
    let store = ask.store()?;
    let id = ask.form("id").unwrap_or_default();
    let kept = ask.desk.shelf.get::<Kept>(&ask.session.token, id);
    let kept = kept.ok_or_else(|| Error::new(Kind::Missing, "plan.gone", ask.language.say("plan-gone").into_owned()))?;
    let mut done = lock(&kept.done);
    if let Some(job) = *done {
        return Ok(Answer::See(work::address(ask, job)));
    }
    if ask.form("confirm").map(str::trim) != Some(&site(&store)) {
        return Ok(Answer::See(ask.link_now("/realign", &[("id", id), ("unconfirmed", "1")])));
    }
    let mut plan = lock(&kept.plan);
    for (d, database) in plan.databases.iter_mut().enumerate() {
        for (at, item) in database.items.iter_mut().enumerate() {
            match ask.form(&format!("r{d}.{at}")) {
                Some("theirs") => item.resolution = Resolution::Theirs,
                Some("ours") => item.resolution = Resolution::Ours,
                _ => {}
            }
        }
    }
    let By { actor, reason, origin } = ask.by();
    let job =
        store.order(&Order { what: What::Realign { keep: kept.keep }, actor, reason, origin, request: String::new() }, &Content::Realign(&plan))?;
    *done = Some(job);
    ask.agent()?.poke();
    Ok(Answer::See(work::address(ask, job)))
}

fn show(ask: &Ask, id: &str, kept: &Kept) -> Result<Answer> {
    let scribe = Scribe::of(ask);
    let store = ask.store()?;
    let title = scribe.say("realign-title");
    if let Some(job) = *lock(&kept.done) {
        return Ok(Answer::See(work::address(ask, job)));
    }
    let plan = lock(&kept.plan);
    let empty = plan.tenants.is_empty() && plan.databases.is_empty();
    let fits = plan.databases.iter().all(DatabaseRealign::fits);
    let body = html! {
        div .head { h1 { (title) } div .acts { a .button.tight href=(ask.link_now("/realign/file", &[("id", id)])) download {
            (scribe.say("plan-file")) } } }
        @if empty {
            (parts::say("good", html! { p { strong { (scribe.say("realign-in-line")) } } }))
        } @else {
            (choices(ask, &scribe, id, kept.keep))
            form .plan method="post" action="/realign/apply" {
                (parts::fields_of(ask, &[("id", id)]))
                @for tenant in &plan.tenants { (tenant_card(&scribe, tenant)) }
                @for (d, database) in plan.databases.iter().enumerate() { (database_plan(&scribe, d, database)) }
                section .card.confirm aria-labelledby="confirm-title" {
                    h2 #confirm-title { (scribe.say(&format!("realign-keep-{}", word(kept.keep)))) }
                    @if fits {
                        (typed(ask, &scribe, &store))
                        div .acts { button .main { (scribe.say(&format!("realign-do-{}", word(kept.keep)))) } }
                        p .quiet.small { (scribe.say("realign-can-undo")) }
                    } @else { p .grave { (scribe.say("realign-does-not-fit")) } }
                }
            }
        }
    };
    works::page(ask, &title, &body)
}

/// The four ways.
fn choices(ask: &Ask, scribe: &Scribe, id: &str, chosen: Keep) -> Markup {
    html! {
        section .card aria-labelledby="ways" {
            h2 #ways { (scribe.say("realign-ways")) }
            ol .ways {
                @for keep in [Keep::Both, Keep::Ours, Keep::Theirs] {
                    li .chosen[keep == chosen] {
                        p { strong { (scribe.say(&format!("realign-keep-{}", word(keep)))) } @if keep == Keep::Both { " " (parts::badge("good",
                            scribe.say("realign-recommended"))) } }
                        p .quiet { (scribe.say(&format!("realign-keep-{}-what", word(keep)))) }
                        @if keep == chosen { (parts::badge("good", scribe.say("realign-shown"))) }
                        @else { (parts::act(ask, "/realign/look", &[("keep", word(keep)), ("id", id)], "tight", scribe.say("realign-show-this"))) }
                    }
                }
                li {
                    p { strong { (scribe.say("realign-keep-look")) } }
                    p .quiet { (scribe.say("realign-keep-look-what")) }
                    a .button.tight href=(ask.link_now("/browse", &[])) { (scribe.say("realign-browse")) }
                }
            }
        }
    }
}

fn amount(scribe: &Scribe, a: &Amount) -> String {
    format!("{}, {}", scribe.count("count-of-changes", a.changes), scribe.count("realign-documents", a.documents))
}

/// Time to fetch, as a range.
fn minutes(scribe: &Scribe, seconds: f64) -> String {
    match seconds.ceil() as i64 {
        0 => scribe.say("plan-time-moment").into_owned(),
        secs => format!("{} – {}", scribe.span(secs), scribe.span(secs * 3 / 2 + 1)),
    }
}

fn tenant_card(scribe: &Scribe, t: &TenantRealign) -> Markup {
    let seq = |n: u64| scribe.say_with("batch-number", &[("batch", scribe.number(n).into())]);
    html! {
        section .card {
            h2 { (verdict(scribe, t.verdict, &t.tenant, &t.remote)) }
            div .sides {
                div .card { h3 { (scribe.say("realign-here")) } p { (seq(t.ours)) } p { (at(scribe, (t.ours > 0).then_some(t.ours_time))) } p {
                    strong { (scribe.say("realign-only-here")) } ": " (amount(scribe, &t.only_here)) } }
                div .card { h3 { bdi { (t.remote) } } p { (seq(t.theirs)) } p { (at(scribe, t.theirs_time)) } p { strong {
                    (scribe.say("realign-missing")) } ": " (amount(scribe, &t.missing)) } }
            }
            dl .pairs {
                dt { (scribe.say("realign-common")) } dd { (seq(t.common)) }
                dt { (scribe.say("realign-conflicts")) } dd { (scribe.number(t.count(Fate::Conflict))) }
                dt { (scribe.say("realign-resurrected")) } dd { (scribe.number(t.count(Fate::Resurrected))) }
                dt { (scribe.say("plan-fetch")) } dd { (scribe.size(t.bytes)) ", " (minutes(scribe, t.seconds)) }
                @if t.readable < t.theirs { dt .grave { (scribe.say("realign-lost")) } dd { (scribe.say_with("realign-lost-what", &[("first",
                    scribe.number(t.readable.max(t.common) + 1).into()), ("last", scribe.number(t.theirs).into())])) } }
            }
            @for (fate, message) in [(Fate::Conflict, "realign-conflicts"), (Fate::Resurrected, "realign-resurrected")] {
                @let those: Vec<&str> = t.items.iter().filter(|i| i.fate == fate).map(|i| i.key.as_str()).collect();
                (work::named(scribe, message, &those))
            }
            (outside(scribe, &t.references))
        }
    }
}

fn outside(scribe: &Scribe, references: &[TouchedReference]) -> Markup {
    html! {
        @if !references.is_empty() {
            details { summary { (scribe.count("realign-outside", references.len() as u64)) }
                ul { @for r in references.iter().take(NAMED) { li { bdi { (r.system) } " " bdi .mono { (r.id) }
                    " · " (parts::key(&parse_key(&r.key))) @if r.irrevocable { " " (parts::badge("wait", scribe.say("plan-cannot-recall"))) } } } }
                @if references.len() > NAMED { p .quiet { (scribe.count("rows-more", (references.len() - NAMED) as u64)) } }
            }
        }
    }
}

fn database_plan(scribe: &Scribe, d: usize, plan: &DatabaseRealign) -> Markup {
    let name = plan.prefix.trim_end_matches('/');
    let seq = |n: u64| scribe.say_with("batch-number", &[("batch", scribe.number(n).into())]);
    let open: Vec<(usize, &RowRealign)> =
        plan.items.iter().enumerate().filter(|(_, i)| i.resolution == Resolution::Ask || !i.fields.is_empty()).collect();
    html! {
        section .card {
            h2 { (scribe.say_with(if plan.verdict == Verdict::Forked { "realign-database-forked" } else { "realign-database" }, &[("name",
                name.into())])) }
            div .sides {
                div .card { h3 { (scribe.say("realign-database-now")) } p { (seq(plan.common)) } p { (at(scribe, plan.common_time)) } p { strong {
                    (scribe.say("realign-only-here")) } ": " (scribe.count("realign-rows", plan.count(Fate::Kept))) } }
                div .card { h3 { (scribe.say("realign-history")) } p { (seq(plan.head)) } p { (at(scribe, plan.head_time)) } p { strong {
                    (scribe.say("realign-missing")) } ": " (scribe.count("realign-transactions", plan.transactions))
                    ", " (scribe.count("realign-rows", plan.count(Fate::Recovered))) } }
            }
            dl .pairs {
                dt { (scribe.say("realign-same")) } dd { (scribe.count("realign-rows", plan.same)) }
                dt { (scribe.say("realign-conflicts")) } dd { (scribe.number(plan.count(Fate::Conflict))) }
                dt { (scribe.say("realign-recompute")) } dd { (scribe.count("realign-rows", plan.recomputed)) }
                dt { (scribe.say("realign-renumber")) } dd { (scribe.number(plan.renumbered.len() as u64)) }
                dt { (scribe.say("plan-write")) } dd { (scribe.size(plan.bytes)) }
            }
            @if !plan.invariants.is_empty() {
                @let rows = html! { @for i in &plan.invariants { tr {
                    th scope="row" { bdi { (i.name) } }
                    td data-name=(scribe.say("realign-must")) { bdi { (i.expect) } }
                    td data-name=(scribe.say("realign-now")) { bdi { (i.now) } }
                    td data-name=(scribe.say("realign-then")) { bdi { (i.then) } }
                    td { @if i.then == i.expect { (parts::badge("good", scribe.say("realign-holds"))) } @else { (parts::badge("bad",
                        scribe.say("realign-broken"))) } }
                } } };
                (parts::table(scribe, &scribe.say("realign-invariants"), true, true, &[("realign-invariant", ""), ("realign-must", ""),
                    ("realign-now", ""), ("realign-then", ""), ("col-state", "")], &rows))
            }
            @if !plan.tables.is_empty() {
                @let rows = html! { @for t in &plan.tables { tr {
                    th scope="row" { bdi { (t.table) } }
                    td data-name=(scribe.say("realign-policy")) { (scribe.say(&format!("policy-{}", t.policy.word()))) @if t.default {
                        " " span .quiet { (scribe.say("realign-default")) } } }
                    td .number data-name=(scribe.say("realign-differ")) { (scribe.number(t.rows)) }
                } } };
                (parts::table(scribe, &scribe.say("realign-tables"), true, true, &[("realign-table", ""), ("realign-policy", ""),
                    ("realign-differ", "number")], &rows))
            }
            @if !open.is_empty() {
                h3 { (scribe.count("realign-open", open.len() as u64)) }
                @for (at, item) in open.iter().take(NAMED) { (open_row(scribe, d, *at, item)) }
                @if open.len() > NAMED { p .quiet { (scribe.count("rows-more", (open.len() - NAMED) as u64)) } }
            }
            @if !plan.forbidden.is_empty() {
                h3 .grave { (scribe.say("realign-forbidden")) }
                ul { @for (key, why) in plan.forbidden.iter().take(NAMED) { li { (parts::key(&parse_key(key))) ": " bdi { (why) } } } }
            }
            (outside(scribe, &plan.references))
        }
    }
}

fn open_row(scribe: &Scribe, d: usize, at: usize, item: &RowRealign) -> Markup {
    let name = format!("r{d}.{at}");
    html! {
        fieldset .decision {
            legend { (parts::key(&parse_key(&item.key))) }
            div .choices {
                label .check { input type="radio" name=(name) value="theirs" checked[item.resolution != Resolution::Ours];
                    (scribe.say("realign-take-history")) }
                label .check { input type="radio" name=(name) value="ours" checked[item.resolution == Resolution::Ours];
                    (scribe.say("realign-take-here")) }
            }
            @if !item.fields.is_empty() { ul .fields { @for f in &item.fields { li {
                span .path { bdi { (f.path) } } " " (difference::json(scribe, f.here.as_deref())) " · " (difference::json(scribe,
                    f.recorded.as_deref()))
            } } } }
        }
    }
}

/// The plan as a file.
pub(super) fn file(ask: &Ask) -> Result<Answer> {
    let id = ask.query("id").unwrap_or_default();
    let kept = ask.desk.shelf.get::<Kept>(&ask.session.token, id);
    let kept = kept.ok_or_else(|| Error::new(Kind::Missing, "plan.gone", ask.language.say("plan-gone").into_owned()))?;
    let text = lock(&kept.plan).to_json()?;
    Ok(Answer::File("application/json".into(), "realign.json".into(), text.into_bytes()))
}
