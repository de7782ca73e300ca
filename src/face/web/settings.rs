//! What the store is told to do: when it ships, over which line, where to, whom it tells; and changing that without touching anything else in
//! the file.

use std::path::PathBuf;

use maud::{Markup, html};

use crate::agent::{daemon, worker};
use crate::base::error::{Error, Result};
use crate::base::monitor::Silent;
use crate::engine::store::{CONFIG, Store};
use crate::face::http::{Answer, Ask};
use crate::face::view;
use crate::face::words::LANGUAGES;
use crate::storage::config::{self, CaptureFrom, Remote as Place, Setting};
use crate::storage::remote::{Options, RemoteUrl};

use super::parts::{self, Scribe};
use super::{transfers, works};

/// Runs that are shown of each schedule.
const RUNS_SHOWN: usize = 5;

/// What can be changed here: the name of the field, section, key, whether it is a list (a line each).
const SETTINGS: [(&str, &str, &str, bool); 8] = [
    ("site", "store", "site", false),
    ("zone", "store", "zone", false),
    ("ship", "schedule", "ship", false),
    ("cron", "schedule", "cron", false),
    ("window", "schedule", "window", true),
    ("allowance", "schedule", "allowance", false),
    ("drill", "schedule", "drill", false),
    ("stale_after", "alert", "stale_after", false),
];

fn path(store: &Store) -> PathBuf {
    store.dir().join(CONFIG)
}

fn written(store: &Store, section: &str, key: &str) -> String {
    match config::setting(&path(store), section, key) {
        Ok(Some(Setting::Text(text))) => text,
        Ok(Some(Setting::Texts(all))) => all.join("\n"),
        _ => String::new(),
    }
}

/// The page.
pub(super) fn settings(ask: &Ask) -> Result<Answer> {
    let scribe = Scribe::of(ask);
    let store = ask.store()?;
    let title = scribe.say("settings-title");
    let body = html! {
        div .head { div { h1 { (title) } p .quiet { (scribe.say("settings-lead")) " " bdi .mono { (path(&store).display()) } } } }
        @if ask.query("saved").is_some() { (parts::say("good", html! { p { (scribe.say("settings-saved")) } })) }
        @if let Some(why) = ask.agent()?.troubles().config { (parts::say("bad", html! { p { strong { (scribe.say("settings-bad")) } }
            p lang="en" { bdi { (why) } } })) }
        (schedule(ask, &scribe, &store)?)
        (runs(&scribe, &store)?)
        (places(ask, &scribe, &store))
        (captures(&scribe, &store))
        (keeping(&scribe, &store))
        (people(ask, &scribe))
    };
    works::page(ask, &title, &body)
}

fn schedule(ask: &Ask, scribe: &Scribe, store: &Store) -> Result<Markup> {
    let left = worker::allowance_left(store)?;
    let field = |name: &str, example: &str| {
        let (_, section, key, list) = SETTINGS.into_iter().find(|(known, ..)| *known == name).unwrap_or(SETTINGS[0]);
        let value = written(store, section, key);
        let help = format!("settings-{}-what", name.replace('_', "-"));
        html! {
            label .field.wide[list] {
                span { (scribe.say(&format!("settings-{}", name.replace('_', "-")))) }
                @if list { textarea name=(name) rows="3" placeholder=(example) spellcheck="false" aria-describedby=(help) { (value) } }
                @else { input name=(name) value=(value) placeholder=(example) autocomplete="off" aria-describedby=(help); }
                small id=(help) { (scribe.say(&help)) }
            }
        }
    };
    Ok(html! {
        section .card aria-labelledby="when" {
            h2 #when { (scribe.say("settings-when")) }
            form .form method="post" action="/settings" {
                (parts::fields_of(ask, &[]))
                (field("site", "clinic-17")) (field("zone", "Europe/Oslo"))
                (field("ship", "every 2h")) (field("cron", "0 */4 * * *"))
                (field("window", "19:00-06:00 10 MiB/s"))
                (field("allowance", "5 GB / month")) (field("drill", "every 180d")) (field("stale_after", "4h"))
                @if let Some((left, until)) = left { p .wide.quiet { (scribe.say_with("line-left", &[("bytes", scribe.size(left).into())]))
                    " " (scribe.time(until)) } }
                div .acts.wide { button .main { (scribe.say("settings-save")) } span .quiet.small { (scribe.say("settings-save-what")) } }
            }
        }
    })
}

fn runs(scribe: &Scribe, store: &Store) -> Result<Markup> {
    let all = daemon::upcoming(store, RUNS_SHOWN)?;
    let rows = html! { @for up in &all { tr {
        th scope="row" { (transfers::what(scribe, &up.task)) }
        td { ol .runs { @for at in &up.at { li { (scribe.time(*at)) } } } }
    } } };
    Ok(html! { section .card.flush { (parts::table(scribe, &scribe.say("settings-runs"), true, true, &[("transfer-what", ""), ("settings-next",
    "")], &rows)) } })
}

fn places(ask: &Ask, scribe: &Scribe, store: &Store) -> Markup {
    let checked = ask.query("checked");
    html! {
        section .card.flush #places {
            @let rows = html! { @for place in &store.config().remotes { tr {
                th scope="row" { bdi { (place.name) } }
                td { bdi .mono { (view::remote_url(place)) } }
                td data-name=(scribe.say("copies-region")) { bdi { (place.region.as_deref().unwrap_or_default()) } }
                td {
                    div .acts {
                        (parts::act(ask, "/settings/remote", &[("do", "check"), ("name", &place.name)], "tight", scribe.say("settings-check")))
                        (parts::act(ask, "/settings/remote", &[("do", "remove"), ("name", &place.name)], "tight grave",
                            scribe.say("settings-remove")))
                    }
                    @if checked == Some(&place.name) { p role="status" { (parts::badge("good", scribe.say("settings-checked"))) } }
                }
            } } };
            @if store.config().remotes.is_empty() { h2 { (scribe.say("settings-places")) } (parts::empty(scribe.say("copies-none"),
                scribe.say("copies-none-what"))) }
            @else { (parts::table(scribe, &scribe.say("settings-places"), true, true, &[("settings-name", ""), ("copies-address", ""),
                ("copies-region", ""), ("", "")], &rows)) }
            details .pad open[store.config().remotes.is_empty()] {
                summary { (scribe.say("settings-add-place")) }
                form .form method="post" action="/settings/remote" {
                    (parts::fields_of(ask, &[("do", "add")]))
                    label .field { span { (scribe.say("settings-name")) } input name="name" required placeholder="usb" autocomplete="off"; small {
                        (scribe.say("settings-name-what")) } }
                    label .field { span { (scribe.say("copies-address")) }
                        input name="url" required placeholder="dir:/media/usb/annals" autocomplete="off"; small {
                        (scribe.say("settings-address-what")) } }
                    label .field { span { (scribe.say("copies-region")) } input name="region" placeholder="no" autocomplete="off"; small {
                        (scribe.say("settings-region-what")) } }
                    label .field { span { (scribe.say("copies-operator")) }
                        input name="country" maxlength="2" placeholder="no" autocomplete="off"; small { (scribe.say("settings-country-what")) } }
                    div .acts { button { (scribe.say("settings-add-do")) } }
                }
            }
        }
    }
}

fn captures(scribe: &Scribe, store: &Store) -> Markup {
    let captures = &store.config().captures;
    html! {
        section .card {
            h2 { (scribe.say("settings-captures")) }
            @if captures.is_empty() { p .quiet { (scribe.say("settings-captures-none")) } }
            @else { ul .rows { @for capture in captures { li {
                strong { bdi { (capture.name) } } " "
                @match &capture.from {
                    CaptureFrom::Folder { path, .. } | CaptureFrom::Sqlite { path, .. } => bdi .mono { (path.display()) },
                    CaptureFrom::Postgres { .. } => { "PostgreSQL" }
                }
            } } } }
            p .small.quiet { (scribe.say("settings-captures-how")) }
            pre .secret { "[[capture]]\nname = \"letters\"\nfolder = \"/srv/letters\"" }
        }
    }
}

fn keeping(scribe: &Scribe, store: &Store) -> Markup {
    let keep = &store.config().keep;
    let span = |secs: Option<u64>| secs.map(|secs| scribe.span(i64::try_from(secs).unwrap_or(i64::MAX)));
    let rules = [
        ("settings-keep-floor", span(keep.floor_secs)),
        ("settings-keep-within", span(keep.within_secs)),
        ("settings-keep-daily", keep.daily.map(|n| scribe.number(u64::from(n)))),
        ("settings-keep-monthly", keep.monthly.map(|n| scribe.number(u64::from(n)))),
        ("settings-keep-tenant", span(keep.after_tenant_drop_secs)),
    ];
    html! {
        section .card {
            h2 { (scribe.say("settings-keep")) }
            @if rules.iter().all(|(_, value)| value.is_none()) { p { (scribe.say("settings-keep-all")) } }
            @else { dl .pairs { @for (message, value) in &rules { @if let Some(value) = value { dt { (scribe.say(message)) } dd { (value) } } } } }
        }
    }
}

fn people(ask: &Ask, scribe: &Scribe) -> Markup {
    html! {
        section .card {
            h2 { (scribe.say("settings-you")) }
            dl .pairs {
                dt { (scribe.say("you-are")) } dd { (scribe.who(&ask.session.actor)) }
                dt { (scribe.say("settings-session")) } dd { (scribe.say("settings-session-what")) }
            }
            div .acts { (parts::act(ask, "/leave", &[], "tight", scribe.say("settings-leave"))) }
            form .languages method="post" action="/language" aria-label=(scribe.say("language-label")) {
                (parts::fields_of(ask, &[("back", "/settings")]))
                @for other in LANGUAGES { button name="language" value=(other.tag()) lang=(other.tag()) aria-pressed=(other == ask.language) {
                    (other.name()) } }
            }
        }
    }
}

/// Writes what the form says into the file; what is empty is taken away.
pub(super) fn save(ask: &Ask) -> Result<Answer> {
    let store = ask.store()?;
    let mut changes = Vec::new();
    for (name, section, key, list) in SETTINGS {
        let text = ask.form(name).unwrap_or_default().replace("\r\n", "\n");
        if text.trim() == written(&store, section, key).trim() {
            continue;
        }
        let value = match list {
            true => Setting::Texts(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()),
            false => Setting::Text(text.trim().to_owned()),
        };
        changes.push((section, key, (!text.trim().is_empty()).then_some(value)));
    }
    if !changes.is_empty() {
        config::set_values(&path(&store), &changes)?;
        ask.agent()?.poke();
    }
    Ok(Answer::See(ask.link_now("/settings", &[("saved", "1")])))
}

/// Adds a place, asks one whether it can be used, or takes one away.
pub(super) fn remote(ask: &Ask) -> Result<Answer> {
    let store = ask.store()?;
    let name = ask.form("name").unwrap_or_default();
    match ask.form("do") {
        Some("add") => {
            let place = Place {
                region: ask.form("region").map(|text| text.trim().to_lowercase()),
                operator_country: ask.form("country").map(|text| text.trim().to_lowercase()),
                ..Place::new(name.trim(), ask.form("url").unwrap_or_default().trim())?
            };
            store.add_remote(&place)?;
            // As the command does: only where its parent is there, or a disk that is not mounted would be made up.
            if let RemoteUrl::Directory(path) = RemoteUrl::parse(&place.url)?
                && !path.exists()
                && path.parent().is_some_and(|parent| parent.is_dir())
            {
                crate::base::disk::create_dirs(&path)?;
            }
            ask.agent()?.poke();
            Ok(Answer::See(ask.link_now("/settings", &[("saved", "1")])))
        }
        Some("check") => {
            let done = store.check_remote(name, true, Options::default(), &Silent);
            crate::agent::health::note_answer(&store, name, done.as_ref().err())?;
            done?;
            Ok(Answer::See(format!("{}#places", ask.link_now("/settings", &[("checked", name)]))))
        }
        Some("remove") => {
            store.remove_remote(name)?;
            ask.agent()?.poke();
            Ok(Answer::See(ask.link_now("/settings", &[("saved", "1")])))
        }
        other => Err(Error::usage("remote.verb", format!("nothing that can be done with a place: {}", other.unwrap_or_default()))),
    }
}
