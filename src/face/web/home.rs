//! Home: are we safe?

use maud::html;

use crate::base::error::Result;
use crate::face::http::{Answer, Ask};
use crate::face::view;

use super::shell;

/// The verdict.
pub(super) fn home(ask: &Ask) -> Result<Answer> {
    let lang = ask.language;
    let status = ask.store()?.status()?;
    let (safe, sentence) = view::verdict(&status);
    let body = html! {
        div .verdict.safe[safe].unsafe[!safe] {
            div .sign aria-hidden="true" { svg viewBox="0 0 24 24" { path d=(if safe { "M5 12.5l4.5 4.5L19 7.5" } else { "M12 5v9M12 18.5v.5" }) {} } }
            h1 { (lang.say(if safe { "safe" } else { "not-safe" })) }
            p .lead { (sentence) }
        }
    };
    shell::page(ask, &lang.say("home-title"), &body)
}
