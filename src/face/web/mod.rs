//! The pages, for people who are not programmers: HTML made on the server that reads well without script. Each page is a function from a
//! request to a page; what it shows comes from the engine, its words from `words`.

mod parts;
mod shell;
mod moments;
mod deeds;
mod content;
mod home;
mod document;
mod compare;
mod find;
mod browse;
mod deleted;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get, post};
use maud::html;

use crate::base::error::{Error, Result};
use crate::face::http::{Answer, Ask, Desk, act};

/// All pages and what they load.
pub(super) fn routes() -> Router<Arc<Desk>> {
    Router::new()
        .route("/", page(home::home))
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
        .route("/copy", deed(document::do_copy))
        .route("/language", deed(deeds::choose_language))
        .route("/undo", deed(deeds::undo))
        .route("/leave", deed(leave))
        .route("/style.css", asset("text/css; charset=utf-8", include_str!("style.css")))
        .route("/favicon.svg", asset("image/svg+xml", include_str!("favicon.svg")))
        .route("/script.js", asset("text/javascript; charset=utf-8", include_str!("script.js")))
}

/// A page: `GET`.
fn page(make: fn(&Ask) -> Result<Answer>) -> MethodRouter<Arc<Desk>> {
    get(move |State(desk): State<Arc<Desk>>, request: Request| act(desk, request, make, failed))
}

/// Something that a form does: `POST`.
fn deed(work: fn(&Ask) -> Result<Answer>) -> MethodRouter<Arc<Desk>> {
    post(move |State(desk): State<Arc<Desk>>, request: Request| act(desk, request, work, failed))
}

fn asset(media: &'static str, text: &'static str) -> MethodRouter<Arc<Desk>> {
    get(move || async move { ([(header::CONTENT_TYPE, media), (header::CACHE_CONTROL, "max-age=3600")], text).into_response() })
}

fn failed(ask: &Ask, error: &Error) -> Answer {
    Answer::Page(shell::error_page(ask, error).into_string())
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
