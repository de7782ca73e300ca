//! The frame of the pages about doing: what they load beside what every page does.

use maud::{Markup, html};

use crate::base::error::Result;
use crate::face::http::{Answer, Ask};

use super::shell;

/// A page with its title.
pub(super) fn page(ask: &Ask, title: &str, body: &Markup) -> Result<Answer> {
    let whole = html! {
        link rel="stylesheet" href="/works.css";
        (body)
        script src="/works.js" defer {}
    };
    shell::page(ask, title, &whole)
}
