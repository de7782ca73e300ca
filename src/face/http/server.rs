//! Listening and answering.

use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::agent::daemon::Handle;
use crate::base::error::{Error, Kind, Result};
use crate::face::view;
use crate::face::words::Language;
use crate::storage::config::Web;

use super::ask::{Answer, Ask, EXACT};
use super::body::{self, Download, Reply, Upload};
use super::desk::Desk;
use super::door::Session;
use super::listen::{GRACE, closed, listen};

/// Paths and what answers there.
pub(in crate::face) type Routes = Router<Arc<Desk>>;

/// The port where pages are served unless it is taken: then any other.
const WEB_PORT: u16 = 7717;
/// Bytes of a form: reasons and choices, never documents.
const FORM_BYTES_MAX: usize = 1 << 20;
/// How long a form may take to arrive.
const FORM_WITHIN: Duration = Duration::from_secs(30);
/// How long a body that is no stream may take: it has a turn meanwhile.
const BODY_WITHIN: Duration = Duration::from_secs(60);
/// Threads that read and write the store for requests, all told: turns, streams and some for events.
const THREADS_MAX: usize = 48;
/// How often a stream of events looks whether something happened.
const EVENTS_LOOK: Duration = Duration::from_millis(500);
/// Looks after which a stream says that it is alive, so that a reader who has gone is noticed.
const EVENTS_ALIVE: u32 = 30;
/// Streams of events at once.
const EVENTS_MAX: usize = 64;

static LISTENERS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(EVENTS_MAX);

/// What every answer says: nothing from elsewhere is loaded, nobody frames us, nothing is guessed, nothing is kept.
const ALWAYS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// A running server. Dropped, it ends: what is under way has a moment to come to its end.
pub(in crate::face) struct Server {
    desk: Arc<Desk>,
    runtime: Option<Runtime>,
    listening: Option<JoinHandle<()>>,
    /// Where the configuration wants it and it cannot listen, with why.
    pub(in crate::face) moved: Option<String>,
}

impl Server {
    /// Listens where the configuration wants it, or at any port of this machine where that is taken, and serves what `routes` has.
    pub(in crate::face) fn start(dir: &Path, agent: Option<Handle>, token: &str, web: &Web, routes: Routes) -> Result<Self> {
        let fail = |e| Error::io("listen for the pages", e);
        let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, WEB_PORT));
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let place = web.listen.unwrap_or(usual);
        let wanted = TcpListener::bind(place);
        let moved = wanted.as_ref().err().map(|e| match e.kind() {
            ErrorKind::AddrInUse => format!("another program listens at {place}"),
            _ => format!("{place} cannot be used: {e}"),
        });
        let listener = wanted.or_else(|_| TcpListener::bind(any)).map_err(fail)?;
        listener.set_nonblocking(true).map_err(fail)?;
        let at = listener.local_addr().map_err(fail)?;
        let desk = Arc::new(Desk::new(dir, agent, token, at, web));
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).max_blocking_threads(THREADS_MAX).thread_name("annals web").enable_all().build().map_err(fail)?;
        let guarded = routes.fallback(nothing).layer(from_fn_with_state(desk.clone(), guard)).route("/enter/{code}", get(enter));
        let app = guarded.layer(from_fn_with_state(desk.clone(), frame)).with_state(desk.clone());
        let closing = desk.closing.subscribe();
        let listening = runtime.spawn(async move {
            let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
            listen(listener, app, closing).await;
        });
        Ok(Server { desk, runtime: Some(runtime), listening: Some(listening), moved })
    }

    /// What its requests share.
    pub(in crate::face) fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.desk.closing.send_replace(true);
        if let (Some(runtime), Some(listening)) = (self.runtime.take(), self.listening.take()) {
            // It ends by itself within the grace.
            let _ = runtime.block_on(listening);
            runtime.shutdown_timeout(GRACE);
        }
    }
}

/// Refuses what does not mean this server, and gives every answer its headers.
async fn frame(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    // The name in the request line, where there is one, is what a proxy would go by.
    let named = request.uri().authority().map(|a| a.as_str().to_owned());
    let host = hosts.next().and_then(|host| host.to_str().ok()).filter(|_| hosts.next().is_none());
    let ours = host.is_some_and(|host| desk.door.is_host(host)) && named.is_none_or(|named| desk.door.is_host(&named));
    let mut response = if ours {
        next.run(request).await
    } else {
        plain(StatusCode::MISDIRECTED_REQUEST, "this server answers only to the name under which annals ui opened it")
    };
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, text).into_response()
}

/// An error of the interface for programs, outside of its handlers.
fn error(status: StatusCode, e: &Error) -> Response {
    body::respond(Reply::json(status.as_u16(), view::error(e).to_string()), ())
}

/// What is nowhere.
async fn nothing(request: Request) -> Response {
    let path = request.uri().path();
    match path.starts_with(API) {
        true => error(
            StatusCode::NOT_FOUND,
            &Error::missing("http.path", format!("there is nothing at {path}")).hint("GET /api/v1/openapi.json describes what there is"),
        ),
        false => {
            let session = request.extensions().get::<Session>().and_then(|session| session.language);
            note(StatusCode::NOT_FOUND, session.or(wanted(request.headers())).unwrap_or_default(), "note-nowhere")
        }
    }
}

/// Where the interface for programs is.
const API: &str = "/api/";

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Whether another site made a browser send this.
fn is_foreign(headers: &HeaderMap) -> bool {
    let site = text(headers, &HeaderName::from_static("sec-fetch-site")).is_some_and(|site| !["same-origin", "none"].contains(&site));
    let host = text(headers, &header::HOST).unwrap_or_default();
    let origin = headers.get(header::ORIGIN).is_some_and(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) != Some(host)
    });
    site || origin
}

/// Finds who asks. Programs show the token, people have a cookie; requests that other sites make a browser send have neither.
async fn guard(State(desk): State<Arc<Desk>>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    let bearer = text(headers, &header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let session = match bearer {
        Some(token) => desk.door.is_token(token).then(Session::program),
        None => cookie(headers, &desk.cookie_name()).and_then(|value| desk.door.session(value)),
    };
    let for_programs = bearer.is_some() || request.uri().path().starts_with(API) || request.uri().path() == "/metrics";
    let Some(session) = session else {
        let shown = bearer.is_some() || cookie(headers, &desk.cookie_name()).is_some();
        return strangers(&desk, shown, for_programs, headers);
    };
    if !session.is_program() && is_foreign(headers) && request.method() != Method::GET {
        let language = session.language.or(wanted(headers)).unwrap_or_default();
        return match for_programs {
            true => error(StatusCode::FORBIDDEN, &Error::new(Kind::Denied, "http.foreign", "another site asked for this")),
            false => note(StatusCode::FORBIDDEN, language, "note-foreign"),
        };
    }
    request.extensions_mut().insert(session);
    next.run(request).await
}

/// What strangers see.
fn strangers(desk: &Desk, showed_something: bool, for_programs: bool, headers: &HeaderMap) -> Response {
    if showed_something && desk.door.refuse() {
        let mut response = match for_programs {
            true => error(
                StatusCode::TOO_MANY_REQUESTS,
                &Error::new(Kind::Denied, "http.guesses", "too many wrong secrets of late").hint("wait a minute"),
            ),
            false => note(StatusCode::TOO_MANY_REQUESTS, wanted(headers).unwrap_or_default(), "note-many"),
        };
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        return response;
    }
    let mut response = if for_programs {
        let e = Error::new(Kind::Denied, "http.token", "the token of this store was not shown, or is another one")
            .hint("send the header Authorization: Bearer TOKEN; annals ui --token says where the token stands");
        error(StatusCode::UNAUTHORIZED, &e)
    } else {
        note(StatusCode::UNAUTHORIZED, wanted(headers).unwrap_or_default(), "stranger")
    };
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// A page of a title and a sentence, without what other pages have: for somebody who is not in, or where there is nothing to show.
fn note(status: StatusCode, lang: Language, message: &str) -> Response {
    let (title, sentence) = (lang.say(&format!("{message}-title")), lang.say(&format!("{message}-text")));
    let html = format!(
        "<!DOCTYPE html><html lang=\"{}\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <main><h1>{title}</h1><p>{sentence}</p></main>",
        lang.tag()
    );
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}

/// The language that a browser asks for.
fn wanted(headers: &HeaderMap) -> Option<Language> {
    text(headers, &header::ACCEPT_LANGUAGE).and_then(Language::wanted)
}

/// Lets whoever has a code in.
async fn enter(State(desk): State<Arc<Desk>>, axum::extract::Path(code): axum::extract::Path<String>, request: Request) -> Response {
    let headers = request.headers();
    // Whoever only looks what there might be does not use the code up: previews of links, browsers that load ahead.
    let ahead = ["purpose", "sec-purpose", "x-moz"].iter().any(|name| headers.get(*name).is_some_and(|v| v.as_bytes().starts_with(b"prefetch")));
    if request.method() == Method::HEAD || ahead {
        return StatusCode::NO_CONTENT.into_response();
    }
    let Some(value) = desk.door.enter(&code) else {
        if desk.door.refuse() {
            return note(StatusCode::TOO_MANY_REQUESTS, wanted(headers).unwrap_or_default(), "note-many");
        }
        return note(StatusCode::UNAUTHORIZED, wanted(headers).unwrap_or_default(), "code-used");
    };
    let encrypted = desk.has_proxy() && text(headers, &HeaderName::from_static("x-forwarded-proto")) == Some("https");
    let secure = if encrypted { "; Secure" } else { "" };
    let cookie = format!("{}={value}; HttpOnly; SameSite=Strict; Path=/{secure}", desk.cookie_name());
    // Our own page goes on to the first one: after a redirect from a letter or a chat the browser would hold the cookie back.
    let mut response = note(StatusCode::OK, wanted(headers).unwrap_or_default(), "welcome");
    let set = [(header::REFRESH, HeaderValue::from_static("0; url=/")), (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"))];
    response.headers_mut().extend(set);
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// The question of a request, without a form.
fn ask(desk: Arc<Desk>, parts: Parts) -> Option<Ask> {
    let session = parts.extensions.get::<Session>().cloned()?;
    let query = fields(parts.uri.query().unwrap_or_default());
    let language = session.language.or(wanted(&parts.headers)).unwrap_or_default();
    Some(Ask { desk, session, language, path: parts.uri.path().to_owned(), query, form: Vec::new(), headers: parts.headers, named: Vec::new() })
}

/// Answers a request for a page with code that blocks. `fail` says what an error looks like.
pub(in crate::face) async fn act(
    desk: Arc<Desk>,
    request: Request,
    work: impl FnOnce(&Ask) -> Result<Answer> + Send + 'static,
    fail: impl FnOnce(&Ask, &Error) -> Answer + Send + 'static,
) -> Response {
    let (parts, body) = request.into_parts();
    let posted = parts.method == Method::POST;
    let Some(mut ask) = ask(desk, parts) else { return StatusCode::UNAUTHORIZED.into_response() };
    if posted {
        let language = ask.language;
        let long = || note(StatusCode::PAYLOAD_TOO_LARGE, language, "note-long");
        // What says that it is too long need not be sent.
        if ask.header("content-length").and_then(|text| text.parse().ok()).is_some_and(|len: usize| len > FORM_BYTES_MAX) {
            return long();
        }
        let form = match tokio::time::timeout(FORM_WITHIN, to_bytes(body, FORM_BYTES_MAX)).await {
            Err(_) => return note(StatusCode::REQUEST_TIMEOUT, language, "note-slow"),
            Ok(Err(_)) => return long(),
            Ok(Ok(form)) => form,
        };
        ask.form = fields(&String::from_utf8_lossy(&form));
        let token = ask.form.iter().find(|(name, _)| name == "token").map(|(_, value)| value.as_str());
        // A program showed its token already.
        if !ask.session.is_program() && token != Some(&ask.session.token) {
            return note(StatusCode::FORBIDDEN, language, "note-form");
        }
    }
    let Ok(_turn) = ask.desk.turns.clone().acquire_owned().await else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let language = ask.language;
    let done = tokio::task::spawn_blocking(move || match work(&ask) {
        Ok(answer) => (StatusCode::OK, answer),
        Err(e) => (StatusCode::from_u16(view::http_status(&e)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), fail(&ask, &e)),
    });
    match done.await {
        Ok((status, answer)) => respond(status, answer),
        Err(_) => note(StatusCode::INTERNAL_SERVER_ERROR, language, "note-failed"),
    }
}

/// The fields of a query or a form, which are written alike (application/x-www-form-urlencoded). Those that were carried within another
/// one ([`super::ask::field`]) are as the others.
fn fields(query: &str) -> Vec<(String, String)> {
    let all = written(query).into_iter();
    all.flat_map(|(name, value)| if name == EXACT { written(&value) } else { vec![(name, value)] }).collect()
}

fn written(query: &str) -> Vec<(String, String)> {
    let uri = format!("/?{query}").parse();
    uri.ok().and_then(|uri| Query::<Vec<(String, String)>>::try_from_uri(&uri).ok()).map(|query| query.0).unwrap_or_default()
}

/// Answers a request of a program with code that blocks and may read what is sent. `named` are the parts of the path that have a name.
pub(in crate::face) async fn call(
    desk: Arc<Desk>,
    request: Request,
    named: Vec<(String, String)>,
    sends: bool,
    work: impl FnOnce(&Ask, &mut dyn Read) -> Result<Reply> + Send + 'static,
) -> Response {
    let (parts, body) = request.into_parts();
    let reads = parts.method == Method::GET || parts.method == Method::HEAD;
    let Some(mut ask) = ask(desk, parts) else { return StatusCode::UNAUTHORIZED.into_response() };
    ask.named = named;
    // Pages that ask by script have a cookie: what they change, they change with what only our own pages know.
    if !reads && !ask.session.is_program() && ask.header("annals-form") != Some(&ask.session.token) {
        let e =
            Error::new(Kind::Denied, "http.form", "this did not come from one of our pages").hint("send the header Annals-Form, or use the token");
        return error(StatusCode::FORBIDDEN, &e);
    }
    // Who sends a large body slowly keeps no page waiting.
    let places = if sends { &ask.desk.streams } else { &ask.desk.turns };
    let Ok(turn) = places.clone().acquire_owned().await else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let streams = ask.desk.streams.clone();
    let mut upload = Upload::of(body, (!sends).then_some(BODY_WITHIN));
    let done = tokio::task::spawn_blocking(move || {
        let failed = |e: &Error| Reply::json(view::http_status(e), view::error(e).to_string());
        work(&ask, &mut upload).unwrap_or_else(|e| failed(&upload.broken().unwrap_or(e)))
    });
    let Ok(reply) = done.await else {
        let e = Error::new(Kind::Failed, "http.panic", "the program failed at this; nothing was half-written");
        return error(StatusCode::INTERNAL_SERVER_ERROR, &e);
    };
    if !body::is_stream(&reply) {
        return body::respond(reply, turn);
    }
    drop(turn);
    let Ok(stream) = streams.acquire_owned().await else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    body::respond(reply, stream)
}

/// What happened since: the text to be sent, empty for nothing.
type Look = Box<dyn FnMut() -> Result<String> + Send>;

/// Answers with a stream of events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>). `work` gives what is asked again and
/// again for as long as somebody listens.
pub(in crate::face) async fn events(desk: Arc<Desk>, request: Request, work: impl FnOnce(&Ask) -> Result<Look> + Send + 'static) -> Response {
    let (parts, _) = request.into_parts();
    let Some(ask) = ask(desk.clone(), parts) else { return StatusCode::UNAUTHORIZED.into_response() };
    let Ok(place) = LISTENERS.try_acquire() else {
        let e = Error::new(Kind::Locked, "http.listeners", format!("{EVENTS_MAX} streams of events are open already"))
            .hint("ask GET /api/v1/news again and again instead");
        return error(StatusCode::SERVICE_UNAVAILABLE, &e);
    };
    let mut look = match tokio::task::spawn_blocking(move || work(&ask)).await {
        Ok(Ok(look)) => look,
        Ok(Err(e)) => return error(StatusCode::from_u16(view::http_status(&e)).unwrap_or(StatusCode::BAD_REQUEST), &e),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(1);
    let mut closing = desk.closing.subscribe();
    tokio::spawn(async move {
        let _place = place;
        // How long to wait before connecting again, in milliseconds.
        let mut said = "retry: 2000\n\n".to_owned();
        let mut quiet = 0;
        loop {
            if !said.is_empty() && sender.send(Ok(Bytes::from(std::mem::take(&mut said)))).await.is_err() {
                return;
            }
            let Ok(turn) = desk.turns.clone().acquire_owned().await else { return };
            let looked = tokio::task::spawn_blocking(move || {
                let said = look();
                (look, said)
            });
            let Ok((again, Ok(text))) = looked.await else { return };
            drop(turn);
            look = again;
            quiet = if text.is_empty() { quiet + 1 } else { 0 };
            said = text;
            if quiet == EVENTS_ALIVE {
                (said, quiet) = (": nothing new\n\n".to_owned(), 0);
            }
            tokio::select! {
                () = tokio::time::sleep(EVENTS_LOOK) => {}
                () = closed(&mut closing) => return,
                () = sender.closed() => return,
            }
        }
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (HeaderName::from_static("x-accel-buffering"), "no")];
    (headers, Body::new(Download(receiver))).into_response()
}

fn respond(status: StatusCode, answer: Answer) -> Response {
    let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    match answer {
        Answer::Page(page) => (status, html, page).into_response(),
        Answer::Json(value) => (status, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response(),
        Answer::See(to) => (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response(),
        Answer::File(media, name, bytes) => {
            let media = HeaderValue::from_str(&media).unwrap_or(HeaderValue::from_static("application/octet-stream"));
            let mut response = (status, Body::from(bytes)).into_response();
            response.headers_mut().insert(header::CONTENT_TYPE, media);
            // Whatever a document holds, it does nothing here.
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
            if let Ok(value) = HeaderValue::from_str(&super::ask::attachment(&name)) {
                response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
            }
            response
        }
    }
}
