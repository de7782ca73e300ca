//! The first run: a store is made, or built anew from a copy, and it does not end before whoever does it has shown that the recovery sheet lies
//! in their hands.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use maud::{Markup, html};

use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, Progress};
use crate::base::time::Timestamp;
use crate::engine::offsite::{FetchReport, OpenRemote};
use crate::engine::rebuild::{Rebuild, Unfinished};
use crate::engine::store::{CONFIG, KEY_FILE, Store, read_key_file};
use crate::face::http::{Answer, Ask, OPEN_FILE};
use crate::face::world;
use crate::format::keyfile::{KeyFile, SiteSecret, Unlock, sheet};
use crate::model::moment::{self, Zone};
use crate::storage::config::{Setting, set_values};
use crate::storage::remote::Options;

use super::parts::{self, Scribe};
use super::{transfers, works};

/// Fact: nobody has shown yet that the recovery sheet of this store is at hand.
const UNCONFIRMED: &str = "sheet unconfirmed";
/// Groups of the sheet that are asked for.
const ASKED: usize = 3;
/// Lines of the sheet with letters, and groups of each.
const SHEET: (usize, usize) = (6, 5);

/// A rebuild that runs, and how it ended.
struct Rebuilding {
    from: String,
    progress: Mutex<Progress>,
    ended: Mutex<Option<Result<FetchReport>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Monitor for Rebuilding {
    fn progress(&self, progress: &Progress) {
        *lock(&self.progress) = progress.clone();
    }

    fn note(&self, _: &str) {}

    fn stopped(&self) -> bool {
        false
    }
}

/// Whether the store was made and its sheet is not confirmed.
pub(super) fn is_unconfirmed(store: &Store) -> bool {
    store.inner.catalog.read(|v| v.fact(UNCONFIRMED)).is_ok_and(|fact| fact.is_some())
}

/// The page.
pub(super) fn first(ask: &Ask) -> Result<Answer> {
    let scribe = Scribe::of(ask);
    if let Some((_, rebuilding)) = ask.desk.shelf.all::<Rebuilding>(&ask.session.token).into_iter().next()
        && (lock(&rebuilding.ended).is_none() || ask.query("step") == Some("rebuild"))
    {
        return progress(ask, &scribe, &rebuilding);
    }
    match ask.store() {
        Err(_) => match Unfinished::look(options(), ask.desk.dir())? {
            Some(unfinished) => interrupted(ask, &scribe, &unfinished),
            None => choose(ask, &scribe),
        },
        Ok(store) if is_unconfirmed(&store) && ask.query("step") == Some("confirm") => confirming(ask, &scribe, false),
        Ok(store) if is_unconfirmed(&store) => keep(ask, &scribe, &store),
        Ok(_) => ready(ask, &scribe),
    }
}

fn steps(scribe: &Scribe, now: usize) -> Markup {
    html! {
        ol .steps.line aria-label=(scribe.say("first-steps")) {
            @for (at, message) in ["first-step-make", "first-step-sheet", "first-step-confirm", "first-step-ready"].into_iter().enumerate() {
                li .done[at < now] .now[at == now] aria-current=[(at == now).then_some("step")] { span { (scribe.say(message)) } }
            }
        }
    }
}

fn choose(ask: &Ask, scribe: &Scribe) -> Result<Answer> {
    let title = scribe.say("first-title");
    let body = html! {
        (steps(scribe, 0))
        h1 { (title) }
        p .lead { (scribe.say("first-lead")) " " bdi .mono { (ask.desk.dir().display()) } }
        div .cards {
            section .card aria-labelledby="make" {
                h2 #make { (scribe.say("first-make")) }
                p { (scribe.say("first-make-what")) }
                form .form method="post" action="/first/create" {
                    (parts::fields_of(ask, &[]))
                    label .field { span { (scribe.say("settings-site")) }
                        input name="site" required maxlength="64" placeholder="clinic-17" autocomplete="off"; small {
                        (scribe.say("settings-site-what")) } }
                    label .field { span { (scribe.say("settings-zone")) } input name="zone" value=(Zone::system().name()) autocomplete="off";
                        small { (scribe.say("settings-zone-what")) } }
                    div .acts { button .main { (scribe.say("first-make-do")) } }
                }
            }
            section .card aria-labelledby="again" {
                h2 #again { (scribe.say("first-rebuild")) }
                p { (scribe.say("first-rebuild-what")) }
                form .form method="post" action="/first/rebuild" {
                    (parts::fields_of(ask, &[]))
                    label .field.wide { span { (scribe.say("first-from")) }
                        input name="from" required placeholder="dir:/media/usb/annals" autocomplete="off"; small { (scribe.say("first-from-what")) } }
                    label .field.wide { span { (scribe.say("first-sheet")) }
                        textarea name="sheet" rows="7" required spellcheck="false" autocomplete="off" {} small { (scribe.say("first-sheet-what")) } }
                    label .field { span { (scribe.say("settings-site")) }
                        input name="site" required maxlength="64" placeholder="clinic-17" autocomplete="off"; }
                    label .field { span { (scribe.say("first-until")) } input name="until" autocomplete="off"; small {
                        (scribe.say("first-until-what")) } }
                    div .acts { button { (scribe.say("first-rebuild-do")) } }
                }
            }
        }
    };
    works::page(ask, &title, &body)
}

fn options() -> crate::engine::store::Options {
    Store::builder().state_dir(world::state_dir())
}

/// What a rebuild left that ended in the middle, with the program or the machine: it is gone on with, or begun anew.
fn interrupted(ask: &Ask, scribe: &Scribe, unfinished: &Unfinished) -> Result<Answer> {
    let title = scribe.say("first-interrupted");
    let from = unfinished.from.first().map_or("", String::as_str);
    let body = html! {
        h1 { (title) }
        (parts::say("wait", html! { p { (scribe.count("first-interrupted-what", unfinished.batches)) } }))
        p .lead { (scribe.say("first-interrupted-lost")) " " bdi .mono { (ask.desk.dir().display()) } }
        div .cards {
            section .card aria-labelledby="on" {
                h2 #on { (scribe.say("first-resume")) }
                p { (scribe.say("first-resume-what")) }
                form .form method="post" action="/first/resume" {
                    (parts::fields_of(ask, &[]))
                    label .field.wide { span { (scribe.say("first-from")) }
                        input name="from" required value=(from) autocomplete="off"; small { (scribe.say("first-from-what")) } }
                    div .acts { button .main { (scribe.say("first-resume-do")) } }
                }
            }
            section .card aria-labelledby="anew" {
                h2 #anew { (scribe.say("first-anew")) }
                p { (scribe.say("first-anew-what")) }
                form .form method="post" action="/first/anew" {
                    (parts::fields_of(ask, &[]))
                    label .check { input type="checkbox" name="sure" value="1" required; (scribe.say("first-anew-sure")) }
                    div .acts { button { (scribe.say("first-anew-do")) } }
                }
            }
        }
    };
    works::page(ask, &title, &body)
}

/// Goes on with it.
pub(super) fn resume(ask: &Ask) -> Result<Answer> {
    if ask.store().is_ok() || runs(ask) {
        return Ok(Answer::See("/first".into()));
    }
    let Some(unfinished) = Unfinished::look(options(), ask.desk.dir())? else { return Ok(Answer::See("/first".into())) };
    let key_file = read_key_file(&ask.desk.dir().join(KEY_FILE))?;
    let secret = key_file.open(&Unlock::default())?;
    let from = ask.form("from").unwrap_or_default().trim().to_owned();
    let remote = OpenRemote::at(&from, &Options::default())?;
    begin(ask, from, remote, (key_file, secret), String::new(), unfinished.at.map(Timestamp))
}

/// Removes what is there of it.
pub(super) fn anew(ask: &Ask) -> Result<Answer> {
    if ask.store().is_err() && !runs(ask) && ask.form("sure") == Some("1") {
        make_room(ask);
        Unfinished::discard(options(), ask.desk.dir())?;
    }
    Ok(Answer::See("/first".into()))
}

/// A store is made in an empty directory. What opened the browser is not needed any more.
fn make_room(ask: &Ask) {
    // What cannot be removed is named by whoever wants the directory to be empty.
    let _ = std::fs::remove_file(ask.desk.dir().join(OPEN_FILE));
}

/// Makes the store.
pub(super) fn create(ask: &Ask) -> Result<Answer> {
    if ask.store().is_ok() {
        return Ok(Answer::See("/first".into()));
    }
    let zone = ask.form("zone").map(Zone::parse).transpose()?;
    make_room(ask);
    // With the store itself: whoever closes the browser now, or loses the power, is asked again.
    let store = options().init_with(ask.desk.dir(), ask.form("site").unwrap_or("site").trim(), Some((UNCONFIRMED, b"1")))?;
    if let Some(zone) = zone {
        set_values(&store.dir().join(CONFIG), &[("store", "zone", Some(Setting::Text(zone.name())))])?;
    }
    ask.desk.found(store.reread()?)?;
    Ok(Answer::See("/first".into()))
}

fn keep(ask: &Ask, scribe: &Scribe, store: &Store) -> Result<Answer> {
    let title = scribe.say("first-keep");
    let text = store.recovery_sheet(&moment::show_short(store.now_is(), &store.zone()))?;
    let body = html! {
        (steps(scribe, 1))
        h1 { (title) }
        p .lead { (scribe.say("first-keep-what")) }
        pre .secret tabindex="0" aria-label=(scribe.say("card-sheet")) { (text.as_str()) }
        div .acts {
            button type="button" data-print hidden { (scribe.say("card-print")) }
            a .button.main href="/first?step=confirm" { (scribe.say("first-kept")) }
        }
        p .quiet.small { (scribe.say("first-keep-where")) }
    };
    works::page(ask, &title, &body)
}

/// Which groups are asked for: line and group, from 1. The same for as long as the session lasts.
fn asked(ask: &Ask, store: &Store) -> Vec<(usize, usize)> {
    let seed = Digest::of(format!("{} {}", store.site().to_hex(), ask.session.token).as_bytes());
    let mut places: Vec<(usize, usize)> = Vec::new();
    for byte in seed.as_bytes() {
        let at = usize::from(*byte) % (SHEET.0 * SHEET.1);
        let place = (at / SHEET.1 + 1, at % SHEET.1 + 1);
        // One from a line: whoever has only a part of the sheet finds out.
        if places.len() < ASKED && !places.iter().any(|(line, _)| *line == place.0) {
            places.push(place);
        }
    }
    places.sort_unstable();
    places
}

fn confirming(ask: &Ask, scribe: &Scribe, wrong: bool) -> Result<Answer> {
    let store = ask.store()?;
    let title = scribe.say("first-confirm");
    let body = html! {
        (steps(scribe, 2))
        h1 { (title) }
        p .lead { (scribe.say("first-confirm-what")) }
        @if wrong { (parts::say("bad", html! { p role="alert" { (scribe.say("first-confirm-wrong")) } })) }
        form .card.form method="post" action="/first/confirm" {
            (parts::fields_of(ask, &[]))
            @for (line, group) in asked(ask, &store) {
                label .field {
                    span { (scribe.say_with("first-group", &[("line", line.into()), ("group", group.into())])) }
                    input .mono name={ "g" (line) "." (group) }
                        required maxlength="8" autocomplete="off" autocapitalize="characters" spellcheck="false";
                }
            }
            div .acts.wide { button .main { (scribe.say("first-confirm-do")) } a .button.plain href="/first" { (scribe.say("first-again")) } }
        }
    };
    works::page(ask, &title, &body)
}

/// Letters that are read alike are the same.
fn plain(text: &str) -> String {
    let letters = text.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_uppercase());
    letters
        .map(|c| match c {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect()
}

/// The group of the sheet at a place.
fn group(sheet: &str, line: usize, group: usize) -> Option<&str> {
    let head = format!("line {line} ");
    let text = sheet.lines().find_map(|text| text.trim_start().strip_prefix(&head))?;
    text.trim().split('-').nth(group.checked_sub(1)?)
}

/// Ends the first run, where the groups are right.
pub(super) fn confirm(ask: &Ask) -> Result<Answer> {
    let store = ask.store()?;
    let text = store.recovery_sheet("")?;
    let right = asked(ask, &store).into_iter().all(|(line, at)| {
        let typed = ask.form(&format!("g{line}.{at}")).map(plain);
        typed.is_some() && typed.as_deref() == group(&text, line, at).map(plain).as_deref()
    });
    if !right {
        return confirming(ask, &Scribe::of(ask), true);
    }
    store.inner.catalog.write(|w| w.remove_fact(UNCONFIRMED))?;
    Ok(Answer::See("/first".into()))
}

fn ready(ask: &Ask, scribe: &Scribe) -> Result<Answer> {
    let title = scribe.say("first-ready");
    let body = html! {
        (steps(scribe, 4))
        h1 { (title) }
        p .lead { (scribe.say("first-ready-what")) }
        ol .steps {
            li { div { strong { (scribe.say("first-next-place")) } p { (scribe.say("first-next-place-what")) }
                a .button.main href=(format!("{}#places", ask.link_now("/settings", &[]))) { (scribe.say("copies-add")) } } }
            li { div { strong { (scribe.say("first-next-record")) } p { (scribe.say("first-next-record-what")) }
                a .button href=(ask.link_now("/settings", &[])) { (scribe.say("nav-settings")) } } }
            li { div { strong { (scribe.say("first-next-card")) } p { (scribe.say("first-next-card-what")) }
                a .button href=(ask.link_now("/recover/card", &[])) { (scribe.say("recover-card-show")) } } }
        }
        p { a href=(ask.link_now("/", &[])) { (scribe.say("error-home")) } }
    };
    works::page(ask, &title, &body)
}

/// Begins a rebuild, which goes on by itself; the page says how far it is.
pub(super) fn rebuild(ask: &Ask) -> Result<Answer> {
    if ask.store().is_ok() {
        return Ok(Answer::See("/first".into()));
    }
    // What an interrupted one left is asked about first.
    if runs(ask) || Unfinished::look(options(), ask.desk.dir())?.is_some() {
        return Ok(Answer::See("/first".into()));
    }
    let (site, secret) = sheet::parse(ask.form("sheet").unwrap_or_default())?;
    let from = ask.form("from").unwrap_or_default().trim().to_owned();
    let remote = OpenRemote::at(&from, &Options::default())?;
    let until = match ask.form("until").map(|text| moment::parse(&ask.moment_text(text), moment_now(), &Zone::system())).transpose()? {
        None => None,
        Some(moment::Moment::Instant(at)) => Some(at),
        Some(_) => return Err(Error::usage("rebuild.at", "only a time can be named here").hint("for example 2026-11-19 08:00")),
    };
    let name = ask.form("site").unwrap_or("site").trim().to_owned();
    begin(ask, from, remote, (KeyFile::holding(site, &secret), secret), name, until)
}

/// Whether one runs.
fn runs(ask: &Ask) -> bool {
    ask.desk.shelf.all::<Rebuilding>(&ask.session.token).iter().any(|(_, one)| lock(&one.ended).is_none())
}

/// Has a thread do it.
fn begin(ask: &Ask, from: String, remote: OpenRemote, key: (KeyFile, SiteSecret), name: String, until: Option<Timestamp>) -> Result<Answer> {
    let rebuilding = Arc::new(Rebuilding { from, progress: Mutex::default(), ended: Mutex::default() });
    ask.desk.shelf.put(&ask.session.token, 1, rebuilding.clone());
    make_room(ask);
    let (desk, options, (key_file, secret)) = (ask.desk.clone(), options(), key);
    let work = move || {
        let remotes = [remote];
        let plan = Rebuild { remotes: &remotes, into: desk.dir(), key_file, secret, site_name: &name, at: until };
        let done = plan.run(options, &*rebuilding).and_then(|(store, report)| desk.found(store).map(|()| report));
        *lock(&rebuilding.ended) = Some(done);
    };
    std::thread::Builder::new().name("annals rebuild".into()).spawn(work).map_err(|e| Error::io("start a thread", e))?;
    Ok(Answer::See("/first?step=rebuild".into()))
}

fn moment_now() -> Timestamp {
    crate::base::time::Clock::now(&crate::base::time::SystemClock)
}

fn progress(ask: &Ask, scribe: &Scribe, rebuilding: &Rebuilding) -> Result<Answer> {
    let title = scribe.say("first-rebuild");
    let ended = lock(&rebuilding.ended);
    let p = lock(&rebuilding.progress).clone();
    let body = html! {
        h1 { (title) }
        p .quiet { (scribe.say("first-from")) ": " bdi .mono { (rebuilding.from) } }
        div #rebuild data-live=[ended.is_none().then_some("2")] {
            @match &*ended {
                None => {
                    p data-announce { strong { (scribe.say("first-rebuilding")) } " " (transfers::phase(scribe, p.phase)) }
                    @if p.bytes_total > 0 { progress .meter max=(p.bytes_total) value=(p.bytes.min(p.bytes_total))
                        aria-label=(scribe.say("transfer-done")) {} p { (scribe.size(p.bytes)) " / " (scribe.size(p.bytes_total)) } }
                    @else { p { (scribe.number(p.items)) @if p.bytes > 0 { " · " (scribe.size(p.bytes)) } } }
                }
                Some(Ok(report)) => {
                    (parts::say("good", html! { p { strong { (scribe.count("first-rebuilt", report.batches)) } " " (scribe.size(report.bytes)) } }))
                    @for gap in &report.gaps { p .grave { bdi { (gap.tenant) } ": " (scribe.say_with("realign-lost-what", &[("first",
                        scribe.number(gap.first).into()), ("last", scribe.number(gap.last).into())])) } }
                    p { a .button.main href="/first" { (scribe.say("first-go-on")) } }
                }
                Some(Err(e)) => {
                    (parts::say("bad", html! { p lang="en" { bdi { (e) } } @if let Some(hint) = e.what_next() { p .quiet lang="en" { bdi { (hint)
                        } } } }))
                    p { a .button href="/first" { (scribe.say("first-try-again")) } }
                }
            }
        }
    };
    works::page(ask, &title, &body)
}

/// Where to go instead, when there is no store or its sheet is not confirmed.
pub(super) fn instead(ask: &Ask, error: &Error) -> Option<Answer> {
    (error.kind() == Kind::NoStore && ask.path != "/first").then(|| Answer::See("/first".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_the_sheet_are_found_and_read_as_people_type_them() {
        let text = "head\n\n    line 1    ABCD-EF0H-1JKM-NPQR-STVW\n    line 2    0000-1111-2222-3333-4444\n";
        assert_eq!(group(text, 1, 2), Some("EF0H"));
        assert_eq!(group(text, 2, 5), Some("4444"));
        assert_eq!((group(text, 3, 1), group(text, 1, 6)), (None, None));
        assert_eq!(plain(" efoh"), plain("EF0H"));
        assert_eq!(plain("ijk-l"), "1JK1");
    }
}
