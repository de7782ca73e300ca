//! What is done at once, because it is small and can be taken back: forms come here, and a page with a way back follows.

use crate::base::error::{Error, Result};
use crate::engine::plans::Applied;
use crate::face::http::{Answer, Ask};
use crate::face::words::Language;
use crate::model::plan::OnConflict;

/// Documents that are changed without a plan being shown first.
const AT_ONCE_MAX: usize = 100;

/// A path of ours that a form names, never an address with a host; otherwise `/`.
pub(super) fn back(ask: &Ask) -> &str {
    ask.form("back")
        .filter(|path| path.starts_with('/') && !path.starts_with("//") && !path.contains(|c: char| c == '\\' || c.is_control()))
        .unwrap_or("/")
}

/// Back to the page where the form stood, which says what was done.
pub(super) fn done(ask: &Ask, applied: &Applied) -> Answer {
    let to = back(ask);
    match &applied.receipt {
        None => Answer::See(to.to_owned()),
        Some(receipt) => Answer::See(format!("{to}{}done={}", if to.contains('?') { '&' } else { '?' }, receipt.position.seq)),
    }
}

/// Takes a batch back, at once where that is clean and small; otherwise its plan is shown.
pub(super) fn undo(ask: &Ask) -> Result<Answer> {
    let text = ask.form("seq").unwrap_or_default();
    let seq = text
        .parse()
        .map_err(|_| Error::usage("batch.bad", format!("not the number of a change: {text}")).hint("go back and press the button again"))?;
    let tenant = ask.tenant()?;
    let plan = tenant.undo(seq)?;
    let summary = plan.summary();
    // What cannot be recalled outside stays as it is; of one document that needs no page of its own.
    let outside = summary.irrevocable > 0 && plan.items.len() > 1;
    if summary.conflicts > 0 || plan.items.len() > AT_ONCE_MAX || outside {
        return Ok(Answer::See(ask.link_now("/plan", &[("undo", text)])));
    }
    Ok(done(ask, &tenant.apply(&plan, OnConflict::Skip, &ask.by())?))
}

/// A mass change was meant: the rules work again.
pub(super) fn lift_brake(ask: &Ask) -> Result<Answer> {
    ask.store()?.lift_brake(ask.form("of").unwrap_or_default(), &ask.by())?;
    ask.agent()?.poke();
    Ok(Answer::See(ask.link_now("/", &[])))
}

/// The language of who asks, from now on.
pub(super) fn choose_language(ask: &Ask) -> Result<Answer> {
    let language = ask.form("language").and_then(Language::of);
    ask.desk.change_session(&ask.session.token, |session| session.language = language);
    Ok(Answer::See(back(ask).to_owned()))
}
