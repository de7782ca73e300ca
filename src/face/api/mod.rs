//! The interface for programs: JSON over HTTP, the same views as `--json`. [`table`] has every route; the router here and the description in
//! [`openapi`] are made from it.

mod question;
mod documents;
mod log;
mod keeping;
mod plans;
mod realign;
mod feed;
mod places;
mod site;
mod table;
mod schema;
mod openapi;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use crate::base::error::{Error, Result};
use crate::face::view;

use super::http::{Ask, Desk, Reply, call, events};
use table::{PARAMETERS, Place, Route, Sent, Work};

pub(super) use openapi::document;

/// Every route for people to read: method, path, name, what it does.
pub(super) fn told() -> impl Iterator<Item = [&'static str; 4]> {
    table::routes().map(|route| [route.method, route.path, route.id, route.says])
}

/// All routes, and the metrics.
pub(super) fn routes() -> Router<Arc<Desk>> {
    let mut paths: BTreeMap<&str, Vec<&'static Route>> = BTreeMap::new();
    for route in table::routes() {
        paths.entry(route.path).or_default().push(route);
    }
    let mut router = Router::new();
    for (path, there) in paths {
        let there: Arc<[&'static Route]> = there.into();
        let handler = move |State(desk): State<Arc<Desk>>, named: RawPathParams, request: Request| answer(desk, there.clone(), named, request);
        router = router.route(path, any(handler));
    }
    router
}

async fn answer(desk: Arc<Desk>, there: Arc<[&'static Route]>, named: RawPathParams, request: Request) -> Response {
    let wanted = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    let Some(route) = there.iter().find(|route| route.method == wanted.as_str()).copied() else {
        return other_method(&there, request.method());
    };
    let named = named.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    match route.work {
        Work::Answer(work) => {
            let sends = matches!(route.sent, Sent::Bytes | Sent::Lines);
            call(desk, request, named, sends, move |ask, body| checked(ask, route).and_then(|()| work(ask, body))).await
        }
        Work::Watch => events(desk, request, move |ask| checked(ask, route).and_then(|()| site::watch(ask))).await,
        Work::Describe => {
            call(desk, request, named, false, move |ask, _| {
                checked(ask, route)?;
                Ok(Reply::json(200, document().to_string()))
            })
            .await
        }
    }
}

/// Refuses parameters that nobody would read: a slip in a name must not look like an answer.
fn checked(ask: &Ask, route: &Route) -> Result<()> {
    let known = || PARAMETERS.iter().filter(|p| p.place == Place::Query && route.takes.contains(&p.name)).map(|p| p.name);
    match ask.query_names().find(|name| !known().any(|known| known == *name)) {
        None => Ok(()),
        Some(name) => {
            let all: Vec<&str> = known().collect();
            let hint = if all.is_empty() { "it takes none".to_owned() } else { format!("it takes {}", all.join(", ")) };
            Err(Error::usage("http.parameter", format!("there is no parameter {name} here")).hint(hint).at_field(name))
        }
    }
}

/// What can be done there.
fn other_method(there: &[&Route], method: &Method) -> Response {
    let mut all: Vec<&str> = there.iter().map(|route| route.method).collect();
    if all.contains(&"GET") {
        all.push("HEAD");
    }
    all.push("OPTIONS");
    let allowed = all.join(", ");
    let mut response = if method == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        let e = Error::usage("http.method", format!("nothing can be done there with {method}")).hint(format!("what can be done: {allowed}"));
        (StatusCode::METHOD_NOT_ALLOWED, [(header::CONTENT_TYPE, "application/json")], view::error(&e).to_string()).into_response()
    };
    if let Ok(allowed) = HeaderValue::from_str(&allowed) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}
