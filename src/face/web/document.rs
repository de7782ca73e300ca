//! A document: its line of time, its versions, what one of them holds, and the way back to it.
//!
//! The moment that is looked at chooses the version: each stop of the line is the same page at another moment, so that the words at the top
//! of the page always say which time one sees.

use maud::{Markup, html};

use crate::base::error::{Error, Result};
use crate::engine::browse::{Step, Stop};
use crate::engine::history::Version;
use crate::face::http::{Answer, Ask};
use crate::model::key::{parse_key, show_key};
use crate::model::plan::OnConflict;
use crate::model::reference::Reference;

use super::moments::Sight;
use super::parts::{self, Scribe};
use super::{content, deeds, shell};

/// Stops on the line of time; more versions share stops.
const STOPS_MAX: usize = 30;
/// Versions on one page.
const VERSIONS_SHOWN: usize = 12;
/// Versions above the one that is shown, where the list begins with neither the newest nor a page that was asked for.
const ABOVE: usize = 4;
/// Holds shown.
const HOLDS_SHOWN: usize = 3;
/// References shown.
const REFERENCES_SHOWN: usize = 10;

/// The ways to the folders of a key.
pub(super) fn trail(ask: &Ask, scribe: &Scribe, key: &[u8]) -> Markup {
    let text = show_key(key);
    let folders: Vec<&str> = text.match_indices('/').map(|(at, _)| &text[..=at]).filter(|folder| folder.len() < text.len()).collect();
    html! {
        nav aria-label=(scribe.say("trail-label")) {
            ol .trail {
                li { a href=(ask.link("/browse", &[])) { (scribe.say("trail-all")) } }
                @for folder in &folders {
                    li { a href=(ask.link("/browse", &[("prefix", folder)])) { bdi { (folder.trim_end_matches('/').rsplit('/').next().unwrap_or(folder)) } } }
                }
            }
        }
    }
}

/// The last part of a key.
pub(super) fn name(key: &[u8]) -> String {
    let text = show_key(key);
    text.trim_end_matches('/').rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(&text).to_owned()
}

/// `GET /document`.
pub(super) fn document(ask: &Ask) -> Result<Answer> {
    let (key, scribe, sight) = (ask.key()?, Scribe::of(ask), Sight::of(ask)?);
    let shown_key = show_key(&key);
    let tenant = &sight.tenant;
    let line = tenant.line_of(&key, STOPS_MAX)?;
    let shown = tenant.steps_before(&key, Some(sight.seq + 1), 1)?.rows.pop();
    let at = shown.as_ref().map_or(0, |step| step.event().seq);
    let earlier = tenant.steps_before(&key, Some(at), 1)?.rows.pop();
    let later = tenant.step_after(&key, at.max(if shown.is_none() { sight.seq } else { 0 }))?;
    let (references, held) = (tenant.refs(&key)?, tenant.holds_over(&key)?);
    let link = |seq: u64| sight.link(ask, "/document", &[("key", &shown_key)], seq);
    // Behind the last thing that happened to the document is now.
    let newest = line.stops.last().map_or(0, |stop| stop.seq);
    let link_to = |seq: u64| if seq >= newest { link(u64::MAX) } else { link(seq) };
    let version = match &shown {
        Some(Step::Put(version)) => Some(version.as_ref()),
        _ => None,
    };
    let body = html! {
        (trail(ask, &scribe, &key))
        div .head {
            div {
                h1 { bdi { @if version.is_some() { (name(&key)) } @else { del { (name(&key)) } } } }
                ul .facts {
                    li { (scribe.count("document-versions", line.versions)) }
                    li { (scribe.count("document-references", references.len() as u64)) }
                    @for hold in held.iter().take(HOLDS_SHOWN) { li { (parts::badge("wait", html! { (scribe.say("document-hold")) " " bdi { (hold.name) } })) } }
                    @match &shown {
                        Some(Step::Put(v)) if v.until.is_none() || at == newest => li { (parts::badge("good", scribe.say("document-current"))) },
                        Some(Step::Put(v)) => {
                            @let with = [("n", scribe.number(v.number).into()), ("all", scribe.number(line.versions).into())];
                            li { (parts::badge("", scribe.say_with("document-version-of", &with))) }
                        },
                        Some(Step::Removed { .. }) => li { (parts::badge("bad", scribe.say("document-removed"))) },
                        None => li { (parts::badge("wait", scribe.say("document-not-yet"))) },
                    }
                }
            }
            p .acts {
                a .button.tight href=(ask.link_now("/fields", &[("key", &shown_key)])) { (scribe.say("document-fields")) }
                a .button.tight href=(ask.link("/group", &[("key", &shown_key)])) { (scribe.say("document-group")) }
            }
        }
        @if line.versions > 0 { (time_line(&scribe, &line.stops, at, &link_to, earlier.as_ref(), later.as_ref())) }
        div .two {
            (versions(ask, &scribe, &sight, &key, at, &link_to)?)
            div .card.flush {
                @match &shown {
                    Some(Step::Put(v)) => (holds(ask, &scribe, &sight, v, newest)?),
                    Some(Step::Removed { number, event }) => {
                        div .pad {
                            h2 { (scribe.say("document-removed")) }
                            p { (scribe.say("removed-when")) " " (scribe.time(event.time)) ", " (scribe.say("by")) " " (scribe.who(&event.actor)) "." }
                            @if !event.reason.is_empty() { p .quiet { (scribe.say("column-why")) ": " (scribe.why(&event.reason, event.cause)) } }
                            @if at == newest {
                                p { (scribe.say_with("removed-back", &[("n", scribe.number(*number).into())])) }
                                div .acts {
                                    (put_back(ask, &scribe, &key, *number, "main", "document-put-back"))
                                    (copy(ask, &scribe, &key, *number))
                                }
                            }
                        }
                    },
                    None => (parts::empty(scribe.say("document-not-yet"), html! {
                        @if let Some(first) = &later { (scribe.say("exists-since")) " " (scribe.time(first.event().time)) } @else { (scribe.say("document-never")) }
                    })),
                }
            }
        }
        @if !references.is_empty() { (refers(&scribe, &references)) }
    };
    shell::page(ask, &name(&key), &body)
}

/// The line of time: a dot for each stop, drawn where it lies in time as far as dots do not touch.
fn time_line(scribe: &Scribe, stops: &[Stop], at: u64, link: &dyn Fn(u64) -> String, earlier: Option<&Step>, later: Option<&Step>) -> Markup {
    let places = places(stops);
    // The stop that the shown version lies in.
    let chosen = stops.iter().position(|stop| stop.seq >= at).filter(|_| at > 0);
    let words = |stop: &Stop| {
        let when = scribe.time_text(stop.time);
        match (stop.removed, stop.last.checked_sub(stop.first)) {
            (true, _) => scribe.say_with("stop-removed", &[("when", when.into())]).into_owned(),
            (false, Some(0)) => scribe.say_with("stop-one", &[("n", scribe.number(stop.last).into()), ("when", when.into())]).into_owned(),
            (false, _) => scribe
                .say_with(
                    "stop-many",
                    &[("first", scribe.number(stop.first).into()), ("last", scribe.number(stop.last).into()), ("when", when.into())],
                )
                .into_owned(),
        }
    };
    html! {
        section .time aria-label=(scribe.say("time-label")) {
            div .rail data-stops=(scribe.say("time-label")) {
                svg {
                    line .wire x1="0%" x2="100%" y1="50%" y2="50%" {}
                    @for (from, until) in lives(stops, &places) { line .life x1={ (from) "%" } x2={ (until) "%" } y1="50%" y2="50%" {} }
                    @for (i, stop) in stops.iter().enumerate() {
                        @let current = (chosen == Some(i)).then_some("true");
                        a href=(link(stop.seq)) .many[stop.last > stop.first] .end[stop.removed] data-at=(places[i]) aria-current=[current] {
                            title { (words(stop)) }
                            circle cx={ (places[i]) "%" } cy="50%" r=(if stop.last > stop.first { 7 } else { 6 }) {}
                        }
                    }
                }
            }
            div .steps {
                (parts::step(scribe, "prev", earlier.map(|step| link(step.event().seq)), "time-earlier"))
                output { @match chosen.and_then(|i| stops.get(i)) { Some(stop) => (words(stop)), None => (scribe.say("document-not-yet")) } }
                (parts::step(scribe, "next", later.map(|step| link(step.event().seq)), "time-later"))
            }
        }
    }
}

/// From where to where on the line it exists: until it is removed, or up to the end.
fn lives(stops: &[Stop], places: &[f64]) -> Vec<(f64, f64)> {
    let mut lives: Vec<(f64, f64)> = Vec::new();
    let mut begun = None;
    for (stop, place) in stops.iter().zip(places) {
        match (stop.removed, begun) {
            (false, None) => begun = Some(*place),
            (true, Some(from)) => {
                lives.push((from, *place));
                begun = None;
            }
            _ => {}
        }
    }
    lives.extend(begun.map(|from| (from, 100.0)));
    lives
}

/// Where each stop lies on the line, in per cent with one digit: by its time, moved as little as keeps dots apart.
fn places(stops: &[Stop]) -> Vec<f64> {
    let (Some(first), Some(last)) = (stops.first(), stops.last()) else { return Vec::new() };
    let length = (last.time.0 - first.time.0).max(1) as f64;
    let gap = 100.0 / STOPS_MAX as f64 * 0.9;
    let mut places: Vec<f64> = stops.iter().map(|stop| (stop.time.0 - first.time.0) as f64 / length * 100.0).collect();
    for i in 1..places.len() {
        places[i] = places[i].max(places[i - 1] + gap);
    }
    let mut end = 100.0;
    for place in places.iter_mut().rev() {
        *place = place.min(end);
        end = *place - gap;
    }
    places.into_iter().map(|place| (place.max(0.0) * 10.0).round() / 10.0).collect()
}

fn versions(ask: &Ask, scribe: &Scribe, sight: &Sight, key: &[u8], at: u64, link: &dyn Fn(u64) -> String) -> Result<Markup> {
    let tenant = &sight.tenant;
    let asked: Option<u64> = ask.query("before").and_then(|text| text.parse().ok());
    let mut before = asked;
    let mut page = tenant.steps_before(key, before, VERSIONS_SHOWN)?;
    if asked.is_none() && at > 0 && !page.rows.iter().any(|step| step.event().seq == at) {
        // The page around the version that is shown.
        let mut top = at;
        for _ in 0..ABOVE {
            top = tenant.step_after(key, top)?.map_or(top, |step| step.event().seq);
        }
        before = Some(top + 1);
        page = tenant.steps_before(key, before, VERSIONS_SHOWN)?;
    }
    let columns = [("column-version", ""), ("column-when-who", "")];
    let rows = html! {
        @for step in &page.rows {
            @let event = step.event();
            tr aria-current=[(event.seq == at).then_some("true")] {
                th scope="row" .nowrap { a .row href=(link(event.seq)) {
                    @match step { Step::Put(v) => { "v" (v.number) }, Step::Removed { .. } => (scribe.say("step-removed")) }
                } }
                td {
                    (scribe.time(event.time)) (parts::who_why(scribe, &event.actor, &event.reason, event.cause))
                }
            }
        }
    };
    let newer = before.is_some().then(|| (ask.here(&[("before", None)]), scribe.say("versions-newest").into_owned()));
    let older = page.next.map(|next| (ask.here(&[("before", Some(&next.to_string()))]), scribe.say("versions-older").into_owned()));
    // Whoever sees only the newest version may not know how an older one comes back.
    let hint =
        before.is_none() && page.rows.len() > 1 && page.rows.first().is_some_and(|step| step.event().seq == at && matches!(step, Step::Put(_)));
    Ok(html! {
        section .card.flush {
            (parts::table(scribe, &scribe.say("versions-title"), true, true, &columns, &rows))
            @if hint { p .pad.small.quiet { (scribe.say("versions-hint")) } }
            @if newer.is_some() || older.is_some() {
                nav .pager aria-label=(scribe.say("pager-label")) {
                    @match newer { Some((to, words)) => a .button.tight href=(to) { "↑ " (words) }, None => span {} }
                    @match older { Some((to, words)) => a .button.tight href=(to) { (words) " ↓" }, None => span {} }
                }
            }
        }
    })
}

/// What the version that is shown holds, and what can be done with it.
fn holds(ask: &Ask, scribe: &Scribe, sight: &Sight, v: &Version, newest: u64) -> Result<Markup> {
    let (key, number) = (show_key(&v.key), v.number.to_string());
    let current = v.from.seq == newest;
    let before = (v.number - 1).to_string();
    let now = sight.tenant.now().last_version(&v.key)?.map_or(v.number, |last| last.number).to_string();
    Ok(html! {
        div .pad {
            h2 { "v" (number) " " span .quiet { "· " (scribe.time(v.from.time)) " · " (scribe.who(&v.from.actor)) } }
            @if v.forgotten.is_none() { div .acts {
                a .button.tight href=(content::download(ask, v)) { (scribe.say("document-open")) }
                @if current && v.number > 1 {
                    a .button.tight data-key="c" href=(ask.link_now("/compare", &[("key", &key), ("old", &before), ("new", &number)])) { (scribe.say("compare-before")) }
                } @else if !current {
                    a .button.tight data-key="c" href=(ask.link_now("/compare", &[("key", &key), ("old", &number), ("new", &now)])) { (scribe.say("compare-current")) }
                }
                @if !current {
                    (copy(ask, scribe, &v.key, v.number))
                    (put_back(ask, scribe, &v.key, v.number, "tight main", "put-back-current"))
                }
            } }
        }
        (content::preview(ask, scribe, &sight.tenant, v)?)
        details .pad { summary { (scribe.say("meta-title")) } (content::meta(scribe, v)) }
    })
}

/// The button that makes a version current again.
pub(super) fn put_back(ask: &Ask, scribe: &Scribe, key: &[u8], number: u64, class: &str, message: &str) -> Markup {
    let (key, number) = (show_key(key), number.to_string());
    let back = ask.link_now("/document", &[("key", &key)]);
    html! {
        form method="post" action="/put-back" {
            (parts::fields_of(ask, &[("key", &key), ("v", &number), ("back", &back)]))
            button class=(class) data-key=[class.contains("main").then_some("r")] { (scribe.say(message)) }
        }
    }
}

fn copy(ask: &Ask, scribe: &Scribe, key: &[u8], number: u64) -> Markup {
    parts::act(ask, "/copy", &[("key", &show_key(key)), ("v", &number.to_string())], "tight", scribe.say("put-back-copy"))
}

fn refers(scribe: &Scribe, references: &[Reference]) -> Markup {
    let columns = [("column-system", ""), ("column-id", ""), ("column-state", "")];
    let rows = html! {
        @for r in references.iter().take(REFERENCES_SHOWN) {
            tr {
                th scope="row" { bdi { (r.system) } }
                td data-name=(scribe.say("column-id")) { bdi { (r.id) } }
                td data-name=(scribe.say("column-state")) {
                    bdi { (r.state) }
                    @if r.irrevocable { " " (parts::badge("wait", scribe.say("reference-fixed"))) }
                    @if let Some(at) = r.expires { " " span .quiet { (scribe.say("reference-expires")) " " (scribe.time(at)) } }
                }
            }
        }
    };
    html! {
        section .card.flush {
            (parts::table(scribe, &scribe.say("references-title"), true, true, &columns, &rows))
            @if references.len() > REFERENCES_SHOWN { p .pad.quiet { (scribe.count("references-more", (references.len() - REFERENCES_SHOWN) as u64)) } }
        }
    }
}

fn number(ask: &Ask) -> Result<u64> {
    let text = ask.form("v").unwrap_or_default();
    text.parse().map_err(|_| Error::usage("version.bad", format!("not the number of a version: {text}")).hint("go back and press the button again"))
}

/// `POST /put-back`: one document is put back at once, as a new version.
pub(super) fn do_put_back(ask: &Ask) -> Result<Answer> {
    let tenant = ask.tenant()?;
    let plan = tenant.restore(ask.key()?, number(ask)?)?;
    Ok(deeds::done(ask, &tenant.apply(&plan, OnConflict::Skip, &ask.by())?))
}

/// `POST /bring-back`: one document that was removed is put back at once, as its last version.
pub(super) fn do_bring_back(ask: &Ask) -> Result<Answer> {
    let tenant = ask.tenant()?;
    let key = parse_key(ask.form("one").unwrap_or_default());
    let last = tenant.now().last_version(&key)?.map_or(0, |last| last.number);
    let plan = tenant.restore(&key, last)?;
    Ok(deeds::done(ask, &tenant.apply(&plan, OnConflict::Skip, &ask.by())?))
}

/// `POST /copy`: a version as a document of its own, beside the one it is of.
pub(super) fn do_copy(ask: &Ask) -> Result<Answer> {
    let (tenant, key, number) = (ask.tenant()?, ask.key()?, number(ask)?);
    let version = tenant.find_version(&key, Some(&crate::model::moment::Moment::Version(number)))?;
    let to = free_name(&show_key(&key), number, |name| Ok(tenant.now().last_version(&parse_key(name))?.is_none()))?;
    let by = ask.by();
    let reason = if by.reason.is_empty() { format!("copy of {} v{number}", show_key(&key)) } else { by.reason };
    let mut batch = tenant.batch(&reason).actor(&by.actor).origin(&by.origin);
    batch.put_if_version(parse_key(&to), &mut tenant.open(&version)?, version.meta.clone(), 0)?;
    let receipt = batch.commit()?;
    Ok(Answer::See(ask.link_now("/document", &[("key", &to), ("done", &receipt.position.seq.to_string())])))
}

/// A name beside `name` that no document has or had: `letter (v3).txt`, `letter (v3 2).txt`.
fn free_name(name: &str, number: u64, free: impl Fn(&str) -> Result<bool>) -> Result<String> {
    const TRIES_MAX: u32 = 100;
    let (folder, last) = name.rsplit_once('/').map_or(("", name), |(folder, last)| (&name[..=folder.len()], last));
    let (stem, ending) =
        last.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map_or((last, String::new()), |(stem, e)| (stem, format!(".{e}")));
    for i in 1..=TRIES_MAX {
        let again = if i == 1 { String::new() } else { format!(" {i}") };
        let candidate = format!("{folder}{stem} (v{number}{again}){ending}");
        if free(&candidate)? {
            return Ok(candidate);
        }
    }
    Err(Error::usage("copy.many", format!("there are {TRIES_MAX} copies of that version already")).hint("open one of them"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Timestamp;

    fn stop(time: i64) -> Stop {
        Stop { seq: 1, time: Timestamp(time), first: 1, last: 1, removed: false }
    }

    #[test]
    fn dots_lie_in_time_and_do_not_touch() {
        assert_eq!(places(&[stop(0)]), [0.0]);
        assert_eq!(places(&[stop(0), stop(50), stop(100)]), [0.0, 50.0, 100.0]);
        let close = places(&[stop(0), stop(98), stop(99), stop(100)]);
        assert_eq!((close[0], close[3]), (0.0, 100.0));
        assert!(close.windows(2).all(|w| w[1] - w[0] > 2.0), "{close:?}");
        let many: Vec<Stop> = (0..STOPS_MAX as i64).map(|_| stop(7)).collect();
        let places = places(&many);
        assert!(places.windows(2).all(|w| w[1] > w[0]) && places.iter().all(|p| (0.0..=100.0).contains(p)), "{places:?}");
    }

    #[test]
    fn it_exists_between_a_put_and_its_removal() {
        let ends = |removed: &[bool]| -> Vec<Stop> { removed.iter().map(|removed| Stop { removed: *removed, ..stop(0) }).collect() };
        assert_eq!(lives(&ends(&[false, false, true, false]), &[0.0, 10.0, 20.0, 50.0]), [(0.0, 20.0), (50.0, 100.0)]);
        assert_eq!(lives(&ends(&[false, true]), &[0.0, 100.0]), [(0.0, 100.0)]);
        assert!(lives(&[], &[]).is_empty());
    }

    #[test]
    fn copies_have_names_of_their_own_beside_the_original() {
        let taken = |known: &'static [&str]| move |name: &str| Ok(!known.contains(&name));
        assert_eq!(free_name("a/letter.txt", 3, taken(&[])).expect("name"), "a/letter (v3).txt");
        assert_eq!(free_name("a/letter.txt", 3, taken(&["a/letter (v3).txt"])).expect("name"), "a/letter (v3 2).txt");
        assert_eq!(free_name("case.d/7", 1, taken(&[])).expect("name"), "case.d/7 (v1)");
        assert_eq!(free_name(".env", 1, taken(&[])).expect("name"), ".env (v1)");
    }
}
