//! Listening and answering.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use crate::agent::daemon::Handle;
use crate::base::error::{Error, Result};
use crate::face::words::Language;

use super::ask::{Answer, Ask};
use super::desk::Desk;
use super::door::{self, Session};

/// The port where pages are served unless it is taken: then any other.
pub(in crate::face) const WEB_PORT: u16 = 7717;
/// Bytes of a form: reasons and choices, never documents.
const FORM_BYTES_MAX: usize = 1 << 20;
/// Requests that read or write the store at once; others wait.
const AT_ONCE_MAX: usize = 16;
/// How long requests may take to come to an end when the agent does.
const GRACE: Duration = Duration::from_secs(2);

static AT_ONCE: Semaphore = Semaphore::const_new(AT_ONCE_MAX);

/// What every answer says: nothing from elsewhere is loaded, nobody frames us, nothing is guessed, nothing is kept.
const ALWAYS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// A running server. Dropped, it is gone.
pub(in crate::face) struct Server {
    desk: Arc<Desk>,
    runtime: Option<Runtime>,
}

impl Server {
    /// Listens on the loopback interface at `port`, or at any port where that is taken, and serves what `routes` has.
    pub(in crate::face) fn start(dir: &Path, agent: Option<Handle>, token: &str, port: u16, routes: Router<Arc<Desk>>) -> Result<Self> {
        let fail = |e| Error::io("listen on the loopback interface", e);
        let bind = |port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let listener = bind(port).or_else(|_| bind(0)).map_err(fail)?;
        listener.set_nonblocking(true).map_err(fail)?;
        let port = listener.local_addr().map_err(fail)?.port();
        let desk = Arc::new(Desk::new(dir, agent, token, port));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("annals web").enable_all().build().map_err(fail)?;
        let guarded = routes.layer(from_fn_with_state(desk.clone(), guard)).route("/enter/{code}", get(enter));
        let app = guarded.layer(from_fn_with_state(desk.clone(), frame)).with_state(desk.clone());
        runtime.spawn(async move {
            let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
            // It ends with the runtime.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Server { desk, runtime: Some(runtime) })
    }

    /// What its requests share.
    pub(in crate::face) fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(GRACE);
        }
    }
}

/// Refuses what does not mean this server, and gives every answer its headers.
async fn frame(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let host = text(request.headers(), &header::HOST).unwrap_or_default();
    let mut response = if desk.door.is_host(host) {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "this server answers only to the name under which annals ui opened it").into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Finds who asks. Programs show the token, people have a cookie; requests that other sites make a browser send have neither.
async fn guard(State(desk): State<Arc<Desk>>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    let bearer = text(headers, &header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let session = match bearer {
        Some(token) => desk.door.is_token(token).then(door::program),
        None => cookie(headers, &desk.cookie_name()).and_then(|value| desk.door.session(value)),
    };
    let Some(session) = session else {
        let mut response =
            (StatusCode::UNAUTHORIZED, "come in with the address that annals ui prints, or with the header Authorization: Bearer TOKEN")
                .into_response();
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return response;
    };
    let foreign = text(headers, &HeaderName::from_static("sec-fetch-site")).is_some_and(|site| !["same-origin", "none"].contains(&site));
    if bearer.is_none() && foreign && request.method() != Method::GET {
        return (StatusCode::FORBIDDEN, "another site asked for this").into_response();
    }
    request.extensions_mut().insert(session);
    next.run(request).await
}

/// Lets whoever has a code in.
async fn enter(State(desk): State<Arc<Desk>>, axum::extract::Path(code): axum::extract::Path<String>) -> Response {
    let Some(value) = desk.door.enter(&code) else {
        return (StatusCode::UNAUTHORIZED, "this address was used already or is too old; annals ui prints a new one").into_response();
    };
    let cookie = format!("{}={value}; HttpOnly; SameSite=Strict; Path=/", desk.cookie_name());
    (StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie), (header::LOCATION, "/".to_owned())]).into_response()
}

/// Answers a request with code that blocks. `fail` says what an error looks like.
pub(in crate::face) async fn act(
    desk: Arc<Desk>,
    request: Request,
    work: impl FnOnce(&Ask) -> Result<Answer> + Send + 'static,
    fail: impl FnOnce(&Ask, &Error) -> Answer + Send + 'static,
) -> Response {
    let (parts, body) = request.into_parts();
    let Some(session) = parts.extensions.get::<Session>().cloned() else { return StatusCode::UNAUTHORIZED.into_response() };
    let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map(|query| query.0).unwrap_or_default();
    let mut form = Vec::new();
    if parts.method == Method::POST {
        let Ok(bytes) = to_bytes(body, FORM_BYTES_MAX).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
        form = form_fields(&bytes);
        let token = form.iter().find(|(name, _)| name == "token").map(|(_, value)| value.as_str());
        if !session.token.is_empty() && token != Some(&session.token) {
            return (StatusCode::FORBIDDEN, "this form is not one of ours, or too old; go back, load the page again and repeat it").into_response();
        }
    }
    let wanted = text(&parts.headers, &header::ACCEPT_LANGUAGE).and_then(Language::wanted);
    let language = session.language.or(wanted).unwrap_or_default();
    let ask = Ask { desk, session, language, path: parts.uri.path().to_owned(), query, form };
    let Ok(_turn) = AT_ONCE.acquire().await else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let done = tokio::task::spawn_blocking(move || match work(&ask) {
        Ok(answer) => (StatusCode::OK, answer),
        Err(e) => (status_of(&e), fail(&ask, &e)),
    });
    match done.await {
        Ok((status, answer)) => respond(status, answer),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the program failed at this; nothing was half-written").into_response(),
    }
}

fn form_fields(body: &[u8]) -> Vec<(String, String)> {
    // A form and a query are written alike (application/x-www-form-urlencoded).
    let uri = format!("/?{}", String::from_utf8_lossy(body)).parse();
    uri.ok().and_then(|uri| Query::<Vec<(String, String)>>::try_from_uri(&uri).ok()).map(|query| query.0).unwrap_or_default()
}

/// The status of an error, by its kind.
fn status_of(e: &Error) -> StatusCode {
    use crate::base::error::Kind;
    match e.kind() {
        Kind::Usage => StatusCode::BAD_REQUEST,
        Kind::Missing | Kind::NoStore => StatusCode::NOT_FOUND,
        Kind::Denied => StatusCode::FORBIDDEN,
        Kind::Refused => StatusCode::CONFLICT,
        Kind::Locked | Kind::Interrupted => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Remote => StatusCode::BAD_GATEWAY,
        Kind::Space => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn respond(status: StatusCode, answer: Answer) -> Response {
    let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    match answer {
        Answer::Page(page) => (status, html, page).into_response(),
        Answer::Json(value) => (status, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response(),
        Answer::See(to) => (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response(),
        Answer::File(media, name, bytes) => {
            let quoted: String = name.chars().map(|c| if c.is_ascii_graphic() && c != '"' && c != '\\' { c } else { '_' }).collect();
            let disposition = format!("attachment; filename=\"{quoted}\"; filename*=UTF-8''{}", super::ask::encode(&name).replace('/', "_"));
            let media = HeaderValue::from_str(&media).unwrap_or(HeaderValue::from_static("application/octet-stream"));
            let mut response = (status, Body::from(bytes)).into_response();
            response.headers_mut().insert(header::CONTENT_TYPE, media);
            if let Ok(value) = HeaderValue::from_str(&disposition) {
                response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
            }
            response
        }
    }
}
