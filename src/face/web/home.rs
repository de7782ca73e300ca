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
    let title = lang.say("home-title");
    let body = html! {
        h1 { (title) }
        p .verdict.safe[safe].unsafe[!safe] { strong { (lang.say(if safe { "safe" } else { "not-safe" })) } ": " (sentence) }
    };
    shell::page(ask, &title, &body)
}
