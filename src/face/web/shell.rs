//! What every page has: its head, the pages to go to, which tenant and which moment is looked at, whether all is safe, and how it fails.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::agent::health;
use crate::base::error::{Error, Kind, Result};
use crate::face::http::{Answer, Ask};
use crate::face::words::{LANGUAGES, Language};
use crate::model::key::DEFAULT_TENANT;

use super::parts::{self, Scribe};

/// Tenants that the choice lists.
const TENANTS_LISTED_MAX: usize = 200;

/// A page of the menu: its path, its message, and the lines of its sign in a square of 24.
type Entry = (&'static str, &'static str, &'static str);

/// The menu, in groups: message of the heading, pages.
const MENU: [(&str, &[Entry]); 3] = [
    (
        "menu-documents",
        &[
            ("/", "nav-home", "M4 11l8-7 8 7v9h-5v-6H9v6H4z"),
            ("/find", "nav-find", "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5L21 21"),
            ("/browse", "nav-browse", "M3 12a9 9 0 1 0 3-6.7L3 8M3 3v5h5M12 7v5l3 2"),
            ("/deleted", "nav-deleted", "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v6M14 11v6"),
        ],
    ),
    (
        "menu-changes",
        &[
            ("/activity", "nav-activity", "M4 6h16M4 12h16M4 18h10"),
            ("/batches", "nav-batches", "M12 3l9 5-9 5-9-5zM3 13l9 5 9-5"),
            ("/plan", "nav-plan", "M9 14l-5-5 5-5M4 9h10a6 6 0 0 1 0 12h-3"),
            ("/references", "nav-references", "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1"),
        ],
    ),
    (
        "menu-safety",
        &[
            ("/copies", "nav-copies", "M8 8h12v12H8zM4 16V4h12"),
            ("/transfers", "nav-transfers", "M7 20V5M3 9l4-4 4 4M17 4v15M13 15l4 4 4-4"),
            ("/proof", "nav-proof", "M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6zM8.5 12l2.5 2.5 4.5-5"),
            (
                "/recover",
                "nav-recover",
                "M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18zM12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM5.6 5.6l3.5 3.5M14.9 14.9l3.5 3.5M18.4 5.6l-3.5 3.5M9.1 14.9l-3.5 3.5",
            ),
            ("/realign", "nav-realign", "M6 3v12M18 9a9 9 0 0 1-9 9M6 15a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM18 3a3 3 0 1 0 0 6 3 3 0 0 0 0-6z"),
            ("/settings", "nav-settings", "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4"),
        ],
    ),
];

/// Keys and what they do: message.
const KEYS: [(&str, &str); 10] = [
    ("/", "keys-search"),
    ("↑ ↓", "keys-rows"),
    ("Enter", "keys-enter"),
    ("← →", "keys-steps"),
    ("c", "keys-compare"),
    ("r", "keys-plan"),
    ("u", "keys-undo"),
    ("n", "keys-now"),
    ("?", "keys-help"),
    ("Esc", "keys-back"),
];

/// A page with its title.
pub(super) fn page(ask: &Ask, title: &str, body: &Markup) -> Result<Answer> {
    Ok(Answer::Page(whole(ask, title, body).into_string()))
}

fn whole(ask: &Ask, title: &str, body: &Markup) -> Markup {
    let scribe = Scribe::of(ask);
    let site = ask.store().ok().and_then(|store| store.config().store.site.clone());
    let site = site.as_deref().unwrap_or("Annals");
    html! {
        (DOCTYPE)
        html lang=(ask.language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · " (site) }
                link rel="icon" href="/favicon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/style.css";
                script src="/script.js" defer {}
            }
            body data-slow=(scribe.say("live-slow")) {
                a .skip href="#content" { (scribe.say("skip-to-content")) }
                (header(ask, &scribe, site))
                (menu(ask, &scribe))
                @if ask.store().is_ok() { (band(ask, &scribe)) }
                main #content tabindex="-1" { (body) }
                footer .under.no-print {
                    @if let Ok(seq) = ask.tenant().and_then(|tenant| tenant.position()).map(|p| p.seq) {
                        @let to = ask.link_now("/plan", &[("undo", &seq.to_string())]);
                        @if seq > 0 { a data-key="u" href=(to) { (scribe.say_with("undo-last", &[("n", scribe.number(seq).into())])) } " " }
                    }
                    button .plain.tight type="button" popovertarget="keys" { (scribe.say("keys-title")) }
                }
                (parts::toast(ask, &scribe))
                div #told .hidden-words role="status" {}
                (keys(&scribe))
            }
        }
    }
}

fn header(ask: &Ask, scribe: &Scribe, site: &str) -> Markup {
    html! {
        header .top {
            a .site href=(ask.link_now("/", &[])) { img src="/favicon.svg" alt="" width="24" height="24"; bdi { (site) } }
            @if ask.store().is_ok() { form .find role="search" action="/find" {
                @if ask.tenant_name() != DEFAULT_TENANT { input type="hidden" name="tenant" value=(ask.tenant_name()); }
                @if let Some(at) = ask.at() { input type="hidden" name="at" value=(at); }
                label .hidden-words for="search" { (scribe.say("search-label")) }
                input #search type="search" name="q" value=(ask.query("q").unwrap_or_default()) placeholder=(scribe.say("search-hint")) autocomplete="off";
                button { (scribe.say("search-button")) }
            } }
            div .end {
                (tenants(ask, scribe))
                (safety(ask, scribe))
                button .open-menu.tight type="button" popovertarget="menu" { (scribe.say("menu-open")) }
            }
        }
    }
}

/// Which tenant is looked at, and the way to others. Nothing where there is only one.
fn tenants(ask: &Ask, scribe: &Scribe) -> Markup {
    let mut all = ask.store().and_then(|store| store.tenants()).unwrap_or_default();
    let dropped = ask.store().and_then(|store| store.dropped()).unwrap_or_default();
    all.retain(|tenant| dropped.iter().all(|dropped| dropped.tenant != tenant.name()));
    if all.len() < 2 && ask.tenant_name() == DEFAULT_TENANT {
        return html! {};
    }
    html! {
        button .tight type="button" popovertarget="tenants" { span .hidden-words { (scribe.say("tenant-label")) ": " } bdi { (ask.tenant_name()) } " ▾" }
        nav #tenants .choice popover aria-label=(scribe.say("tenant-label")) {
            @for tenant in all.iter().take(TENANTS_LISTED_MAX) {
                @let to = ask.here_now(&[("tenant", Some(tenant.name())), ("key", None), ("done", None)]);
                a href=(to) aria-current=[(tenant.name() == ask.tenant_name()).then_some("true")] {
                    bdi { (tenant.name()) }
                }
            }
            @if all.len() > TENANTS_LISTED_MAX { p .quiet.small { (scribe.count("tenant-more", (all.len() - TENANTS_LISTED_MAX) as u64)) } }
        }
    }
}

/// Whether all is safe; the home page says more.
fn safety(ask: &Ask, scribe: &Scribe) -> Markup {
    let Ok(well) = ask.store().and_then(|store| health::is_well(&store, &ask.agent()?.troubles())) else { return html! {} };
    let (kind, message) = if well { ("good", "safe") } else { ("bad", "not-safe") };
    html! { a .badge.(kind) href=(ask.link_now("/", &[])) { (scribe.say(message)) } }
}

fn menu(ask: &Ask, scribe: &Scribe) -> Markup {
    html! {
        nav #menu .menu popover aria-label=(scribe.say("nav-label")) {
            // Before there is a store every page is the first one.
            @for (heading, entries) in MENU.into_iter().filter(|_| ask.store().is_ok()) {
                h2 { (scribe.say(heading)) }
                ul {
                    @for (path, message, lines) in entries {
                        li {
                            a href=(ask.link(path, &[])) aria-current=[(ask.path == *path).then_some("page")] {
                                svg viewBox="0 0 24 24" aria-hidden="true" { path d=(lines) {} }
                                (scribe.say(message))
                            }
                        }
                    }
                }
            }
            div .foot {
                @if !ask.session.actor.is_empty() { p { span .quiet { (scribe.say("you-are")) } " " strong { (scribe.who(&ask.session.actor)) } } }
                form .languages method="post" action="/language" aria-label=(scribe.say("language-label")) {
                    (parts::fields_of(ask, &[("back", &ask.here(&[("done", None)]))]))
                    @for other in LANGUAGES {
                        button name="language" value=(other.tag()) lang=(other.tag()) aria-pressed=(other == ask.language) { (other.name()) }
                    }
                }
                (parts::act(ask, "/leave", &[], "plain tight", scribe.say("leave")))
            }
        }
    }
}

/// Which moment is looked at, in words, and the way to another one.
fn band(ask: &Ask, scribe: &Scribe) -> Markup {
    let shown = ask.at().map(|text| {
        let time = ask.view().and_then(|view| view.position()).and_then(|p| Ok(ask.tenant()?.batch_at(p.seq)?.event.time));
        time.map_or_else(|_| text.to_owned(), |at| format!("{} {}", scribe.time_text(at), scribe.offset(at)))
    });
    let other = html! {
        details {
            summary { (scribe.say("moment-other")) }
            form {
                @for (name, value) in ask.query_fields().filter(|(name, _)| !["at", "done", "after", "v"].contains(name)) {
                    (parts::carried(name, value))
                }
                label .field { span { (scribe.say("moment-label")) } input name="at" required value=(ask.at().unwrap_or_default()) aria-describedby="moment-forms" autocomplete="off"; }
                button { (scribe.say("moment-go")) }
                small #moment-forms .quiet { (scribe.say("moment-forms")) }
            }
        }
    };
    html! {
        @match &shown {
            None => div .band.now { span { (scribe.say("moment-now")) } (other) },
            Some(when) => div .band.then role="note" {
                span { (PreEscaped("&#9719; ")) strong { (scribe.say_with("moment-then", &[("when", when.as_str().into())])) } " " (scribe.say("moment-calm")) }
                a .button.tight data-key="n" href=(ask.here_now(&[("done", None)])) { (scribe.say("back-to-now")) }
                (other)
            },
        }
    }
}

fn keys(scribe: &Scribe) -> Markup {
    html! {
        div #keys .keys popover role="dialog" aria-labelledby="keys-title" {
            h2 #keys-title { (scribe.say("keys-title")) }
            table {
                caption .hidden-words { (scribe.say("keys-title")) }
                tbody { @for (key, message) in KEYS { tr { th scope="row" { kbd { (key) } } td { (scribe.say(message)) } } } }
            }
            button .tight type="button" popovertarget="keys" popovertargetaction="hide" { (scribe.say("toast-close")) }
        }
    }
}

/// How a page fails: in the words of the language what it means and what helps, and exactly what happened as the program says it.
pub(super) fn error_page(ask: &Ask, error: &Error) -> Markup {
    let lang = ask.language;
    let title = lang.say("error-title");
    let code = error.code();
    let cause = lang.say_of_code("why", code).unwrap_or_else(|| lang.say(fail(error.kind())));
    let advice = lang.say_of_code("help", code).unwrap_or_else(|| lang.say("help-back"));
    let english = lang == Language::English;
    let body = html! {
        h1 { (title) }
        div .say.bad role="alert" {
            @if english {
                p { bdi { (error) } }
                p .quiet { strong { (lang.say("error-next")) ": " } bdi { (error.what_next().unwrap_or(&advice)) } }
            } @else {
                p { strong { (cause) } }
                p { strong { (lang.say("error-next")) ": " } (advice) }
                p .quiet.small { (lang.say("error-exactly")) ": " span lang="en" { bdi { (error) } @if let Some(hint) = error.what_next() { "; " bdi {
                    (hint) } } } }
            }
        }
        p .acts { a .button data-key="Escape" href=(ask.link_now("/", &[])) { (lang.say("error-home")) } }
    };
    whole(ask, &title, &body)
}

/// What a kind of failure is called where there are no words for the failure itself.
fn fail(kind: Kind) -> &'static str {
    match kind {
        Kind::Failed | Kind::Interrupted | Kind::Partial => "fail-failed",
        Kind::Usage => "fail-usage",
        Kind::Missing | Kind::NoStore => "fail-missing",
        Kind::Locked => "fail-locked",
        Kind::Denied => "fail-denied",
        Kind::Remote => "fail-remote",
        Kind::Refused => "fail-refused",
        Kind::Space => "fail-space",
        Kind::Newer => "fail-newer",
        Kind::Found => "fail-found",
    }
}
