//! The pages, for people who are not programmers: HTML made on the server that reads well without script. Each page is a function from a
//! request to a page; what it shows comes from the engine, its words from `words`.

mod assets;
mod parts;
mod shell;
mod moments;
mod deeds;
mod content;
mod document;
mod compare;
mod find;
mod browse;
mod deleted;
mod works;
mod difference;
mod transfers;
mod home;
mod work;
mod plan;
mod batches;
mod activity;
mod realign;
mod copies;
mod proof;
mod recover;
mod references;
mod settings;
mod first;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get, post};
use maud::html;

use crate::base::error::{Error, Result};
use crate::face::http::{Answer, Ask, Desk, act, events};

/// All pages and what they load.
pub(super) fn routes() -> Router<Arc<Desk>> {
    Router::new()
        .route("/", page(begin))
        .route("/find", page(find::find))
        .route("/document", page(document::document))
        .route("/picture", page(content::serve_picture))
        .route("/compare", page(compare::compare))
        .route("/fields", page(compare::fields))
        .route("/browse", page(browse::browse))
        .route("/group", page(browse::group))
        .route("/deleted", page(deleted::deleted))
        .route("/put-back", deed(document::do_put_back))
        .route("/bring-back", deed(document::do_bring_back))
        .route("/undrop", deed(deleted::undrop))
        .route("/copy", deed(document::do_copy))
        .route("/language", deed(deeds::choose_language))
        .route("/undo", deed(deeds::undo))
        .route("/brake/lift", deed(deeds::lift_brake))
        .route("/leave", deed(leave))
        .route("/live", get(|State(desk): State<Arc<Desk>>, request: Request| events(desk, request, live)))
        .merge(works())
        .route("/style.css", asset("text/css; charset=utf-8", || &assets::STYLE))
        .route("/favicon.svg", asset("image/svg+xml", || assets::SIGN))
        .route("/script.js", asset("text/javascript; charset=utf-8", || &assets::SCRIPT))
}

/// Pages about what is done with documents and with the store: plans, the log, work, copies, proof, settings.
fn works() -> Router<Arc<Desk>> {
    Router::new()
        .route("/works.css", asset("text/css; charset=utf-8", || &assets::WORKS_STYLE))
        .route("/works.js", asset("text/javascript; charset=utf-8", || &assets::WORKS_SCRIPT))
        .route("/plan", page(plan::plan).merge(deed(plan::ask_for)))
        .route("/plan/anew", deed(plan::anew))
        .route("/plan/decide", deed(plan::decide))
        .route("/plan/apply", deed(plan::apply))
        .route("/plan/forget", deed(plan::forget))
        .route("/plan/file", page(plan::file))
        .route("/batches", page(batches::batches))
        .route("/batch", page(batches::batch))
        .route("/activity", page(activity::activity))
        .route("/activity/export", page(activity::export))
        .route("/transfers", page(transfers::transfers))
        .route("/transfers/rows", deed(transfers::rows))
        .route("/transfers/job", deed(transfers::job))
        .route("/transfers/all", deed(transfers::all))
        .route("/work", page(work::work))
        .route("/realign", page(realign::realign))
        .route("/realign/look", deed(realign::look))
        .route("/realign/claim", deed(realign::claim))
        .route("/realign/apply", deed(realign::apply))
        .route("/realign/file", page(realign::file))
        .route("/copies", page(copies::copies))
        .route("/proof", page(proof::proof))
        .route("/proof/do", deed(proof::act))
        .route("/proof/attestation", page(proof::attestation))
        .route("/references", page(references::references).merge(deed(references::compare)))
        .route("/recover", page(recover::recover))
        .route("/recover/check", deed(recover::check))
        .route("/recover/card", page(recover::card).merge(deed(recover::secret)))
        .route("/settings", page(settings::settings).merge(deed(settings::save)))
        .route("/settings/remote", deed(settings::remote))
        .route("/first", page(first::first))
        .route("/first/create", deed(first::create))
        .route("/first/rebuild", deed(first::rebuild))
        .route("/first/resume", deed(first::resume))
        .route("/first/anew", deed(first::anew))
        .route("/first/confirm", deed(first::confirm))
}

/// The first page; until the recovery sheet is confirmed, that of the first run.
fn begin(ask: &Ask) -> Result<Answer> {
    if first::is_unconfirmed(&ask.store()?) { Ok(Answer::See("/first".into())) } else { home::home(ask) }
}

/// A page: `GET`.
fn page(make: fn(&Ask) -> Result<Answer>) -> MethodRouter<Arc<Desk>> {
    get(move |State(desk): State<Arc<Desk>>, request: Request| act(desk, request, make, failed))
}

/// Something that a form does: `POST`.
fn deed(work: fn(&Ask) -> Result<Answer>) -> MethodRouter<Arc<Desk>> {
    post(move |State(desk): State<Arc<Desk>>, request: Request| act(desk, request, work, failed))
}

/// Tells pages that show what happens that something was written. What, they ask for themselves.
fn live(ask: &Ask) -> Result<Box<dyn FnMut() -> Result<String> + Send>> {
    let agent = ask.agent()?;
    let mut seen = agent.store().inner.catalog.commits();
    Ok(Box::new(move || {
        let now = agent.store().inner.catalog.commits();
        let before = std::mem::replace(&mut seen, now);
        Ok(if before == now { String::new() } else { "data: 1\n\n".to_owned() })
    }))
}

fn asset(media: &'static str, text: fn() -> &'static str) -> MethodRouter<Arc<Desk>> {
    get(move || async move { ([(header::CONTENT_TYPE, media), (header::CACHE_CONTROL, "max-age=3600")], text()).into_response() })
}

fn failed(ask: &Ask, error: &Error) -> Answer {
    first::instead(ask, error).unwrap_or_else(|| Answer::Page(shell::error_page(ask, error).into_string()))
}

fn leave(ask: &Ask) -> Result<Answer> {
    ask.desk.end_sessions(Some(&ask.session.token));
    let lang = ask.language;
    let body = html! {
        h1 { (lang.say("left-title")) }
        p { (lang.say("left-text")) }
    };
    shell::page(ask, &lang.say("left-title"), &body)
}
