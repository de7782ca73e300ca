//! What every page has: its head, the pages to go to, which tenant and which moment is looked at, and how it fails.

use maud::{DOCTYPE, Markup, html};

use crate::base::error::{Error, Result};
use crate::face::http::{Answer, Ask};
use crate::face::words::LANGUAGES;
use crate::model::moment;

/// Pages of the menu: path and message.
const MENU: [(&str, &str); 1] = [("/", "nav-home")];

/// A page with its title.
pub(super) fn page(ask: &Ask, title: &str, body: &Markup) -> Result<Answer> {
    Ok(Answer::Page(whole(ask, title, body).into_string()))
}

fn whole(ask: &Ask, title: &str, body: &Markup) -> Markup {
    let lang = ask.language;
    let site = ask.store().ok().and_then(|store| store.config().store.site.clone());
    html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · " (site.as_deref().unwrap_or("Annals")) }
                link rel="stylesheet" href="/style.css";
                script src="/script.js" defer {}
            }
            body {
                a .skip href="#content" { (lang.say("skip-to-content")) }
                header .top {
                    a .site href=(ask.link("/", &[])) { bdi { (site.as_deref().unwrap_or("Annals")) } }
                    nav aria-label=(lang.say("nav-label")) {
                        ul {
                            @for (path, message) in MENU {
                                li { a href=(ask.link(path, &[])) aria-current=[(ask.path == path).then_some("page")] { (lang.say(message)) } }
                            }
                        }
                    }
                    (language(ask))
                }
                (band(ask))
                main #content tabindex="-1" { (body) }
            }
        }
    }
}

/// Which moment is looked at, in words.
fn band(ask: &Ask) -> Markup {
    let lang = ask.language;
    let Some(text) = ask.at() else { return html! { p .band.now { (lang.say("moment-now")) } } };
    let shown = ask.view().and_then(|view| view.position()).and_then(|p| {
        let batch = ask.tenant()?.batches(p.seq, p.seq, 1)?.into_iter().next();
        Ok(batch.map(|b| b.event.time))
    });
    let zone = ask.zone();
    let when = match (shown, zone) {
        (Ok(Some(at)), Ok(zone)) => moment::show(at, &zone),
        _ => text.to_owned(),
    };
    html! {
        p .band.then {
            (lang.say_with("moment-then", &[("when", when.into())])) " "
            a href=(ask.link_now(&ask.path, &[("key", ask.query("key").unwrap_or_default())])) { (lang.say("back-to-now")) }
        }
    }
}

fn language(ask: &Ask) -> Markup {
    let lang = ask.language;
    html! {
        form .language method="post" action="/language" {
            (token(ask))
            input type="hidden" name="back" value=(ask.link(&ask.path, &[("key", ask.query("key").unwrap_or_default())]));
            label { span .quiet { (lang.say("language-label")) } " "
                select name="language" {
                    @for other in LANGUAGES { option value=(other.tag()) lang=(other.tag()) selected[other == lang] { (other.name()) } }
                }
            }
            button { "OK" }
        }
    }
}

/// The field that every form needs.
pub(super) fn token(ask: &Ask) -> Markup {
    html! { input type="hidden" name="token" value=(ask.session.token); }
}

/// How a page fails.
pub(super) fn error_page(ask: &Ask, error: &Error) -> Markup {
    let lang = ask.language;
    let title = lang.say("error-title");
    let body = html! {
        h1 { (title) }
        p .error role="alert" { (error) }
        @if let Some(hint) = error.what_next() { p { strong { (lang.say("error-next")) ": " } (hint) } }
    };
    whole(ask, &title, &body)
}
