//! The description of the interface for programs: OpenAPI 3.1 (<https://spec.openapis.org/oas/v3.1.1>), made from the table of routes.

use serde_json::{Map, Value, json};

use super::schema;
use super::table::{Given, PARAMETERS, Place, Route, Sent, routes};

/// Statuses that every route may have: not let in, what was asked makes no sense, the program failed.
const ALWAYS_FAILS: [u16; 4] = [400, 401, 403, 500];

/// What people read of it first.
const ABOUT: &str = "The interface of an Annals agent for programs, on the machine where it runs. `annals ui --token` says where it is and where its \
token stands. Times are RFC 3339 in UTC, sizes are bytes, keys are text. Lists come in pages: where `next` is not null, ask again with it. \
Within a schema number fields are only added. Errors have a stable code and say what to do next.";

/// The whole document.
pub(in crate::face) fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes() {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Annals", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT, "license": { "name": "MIT OR Apache-2.0" } },
        "servers": [{ "url": "http://127.0.0.1:7717" }],
        "security": [{ "token": [] }],
        "tags": [
            { "name": "documents", "description": "Documents and their versions." },
            { "name": "log", "description": "Batches, marks, holds, what is forgotten, references." },
            { "name": "plans", "description": "Undo, redo, rollback, restore and realignment: computed, shown, carried out." },
            { "name": "feed", "description": "What changes, for programs that follow it." },
            { "name": "site", "description": "How the site is, and what its agent does." },
        ],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": schema::all(),
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut responses: Map<String, Value> = Map::new();
    responses.insert(route.status.to_string(), given(route.given));
    if route.status == 201 && route.takes.contains(&"Idempotency-Key") {
        responses.insert("200".into(), given(route.given));
    }
    if route.later {
        responses.insert("202".into(), given(Given::Object("annals.job/1", "Job")));
    }
    if let (Given::Bytes, "GET") = (route.given, route.method) {
        responses.insert("206".into(), given(Given::Bytes));
    }
    for status in ALWAYS_FAILS.iter().chain(route.fails) {
        responses.insert(status.to_string(), failure(*status));
    }
    let parameters: Vec<Value> = route.takes.iter().filter_map(|name| parameter(name, route)).collect();
    let mut operation = json!({
        "operationId": route.id, "tags": [route.group], "summary": route.says, "parameters": parameters, "responses": responses,
    });
    let body = |media: &str, schema: Value| json!({ "required": true, "content": { media: { "schema": schema } } });
    match route.sent {
        Sent::Nothing => {}
        Sent::Bytes => operation["requestBody"] = body("*/*", json!({})),
        Sent::Lines => operation["requestBody"] = body("application/x-ndjson", json!({ "type": "string" })),
        Sent::Json(name) => operation["requestBody"] = body("application/json", schema::of(name)),
    }
    operation
}

fn parameter(name: &str, route: &Route) -> Option<Value> {
    let p = PARAMETERS.iter().find(|p| p.name == name)?;
    // What a body has says its media type by itself in OpenAPI.
    if p.name == "Content-Type" {
        return None;
    }
    let place = match p.place {
        Place::Query => "query",
        Place::Path => "path",
        Place::Header => "header",
    };
    let repeated = p.name == "field" && route.id == "findDocuments";
    let one = json!({ "type": p.kind });
    let schema = if repeated { json!({ "type": "array", "items": one }) } else { one };
    Some(json!({ "name": p.name, "in": place, "required": p.required, "description": p.says, "schema": schema }))
}

fn given(given: Given) -> Value {
    let content = |media: &str, schema: Value| json!({ "description": "Done.", "content": { media: { "schema": schema } } });
    let word = |word: &str| json!({ "type": "string", "description": format!("{word} and so on: what the object is.") });
    match given {
        Given::Object(schema, name) => content(
            "application/json",
            json!({ "allOf": [{ "type": "object", "properties": { "schema": word(schema) }, "required": ["schema"] }, schema::of(name)] }),
        ),
        Given::Rows(schema, name) => content(
            "application/json",
            json!({
                "type": "object",
                "properties": {
                    "schema": word(schema),
                    "rows": { "type": "array", "items": schema::of(name) },
                    "next": { "type": ["string", "null"], "description": "Where to go on; null at the end." },
                },
                "required": ["schema", "rows", "next"],
            }),
        ),
        Given::Bytes => content("*/*", json!({})),
        Given::Events => content("text/event-stream", json!({ "type": "string" })),
        Given::Metrics => content("text/plain", json!({ "type": "string" })),
        Given::Description => content("application/json", json!({ "type": "object" })),
    }
}

fn failure(status: u16) -> Value {
    let says = match status {
        304 => "The version that is known is still the one that is meant.",
        400 => "What was asked makes no sense; error.at.field names the field. Nothing was changed.",
        401 => "The token was not shown, or is another one.",
        403 => "Not allowed.",
        404 => "No such document, version, batch, job or moment.",
        409 => "Refused by a rule: a plan that is stale, a request id with other changes, a fenced history. Nothing was changed.",
        412 => "Another version is current. Nothing was changed.",
        413 => "What was sent is too long.",
        416 => "The document has no such part.",
        502 => "A place offsite cannot be reached.",
        503 => "Too many at once.",
        507 => "No space is left.",
        _ => "It failed; nothing was half-written.",
    };
    match status {
        304 | 416 => json!({ "description": says }),
        _ => json!({ "description": says, "content": { "application/json": { "schema": schema::of("Error") } } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn references(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                into.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|v| references(v, into));
            }
            Value::Array(items) => items.iter().for_each(|v| references(v, into)),
            _ => {}
        }
    }

    #[test]
    fn it_has_every_route_and_no_other() {
        let document = document();
        let described: BTreeSet<(String, String, String)> = document["paths"]
            .as_object()
            .expect("paths")
            .iter()
            .flat_map(|(path, methods)| methods.as_object().expect("methods").iter().map(move |(method, operation)| (path, method, operation)))
            .map(|(path, method, operation)| (method.to_uppercase(), path.clone(), operation["operationId"].as_str().expect("an id").to_owned()))
            .collect();
        let served = routes().map(|route| (route.method.to_owned(), route.path.to_owned(), route.id.to_owned())).collect();
        assert_eq!(described, served);
        assert_eq!(described.len(), routes().count(), "two routes in one place: only the first would answer");
        // One for each verb of the agent that changes something for good.
        for id in ["erase", "dropTenant", "undropTenant", "liftBrake", "gc", "compact", "forget", "realign"] {
            assert!(described.iter().any(|(_, _, known)| known == id), "{id}");
        }
    }

    #[test]
    fn every_name_in_it_means_something() {
        let document = document();
        let mut named = BTreeSet::new();
        references(&document, &mut named);
        let shapes = document["components"]["schemas"].as_object().expect("shapes");
        let known: BTreeSet<String> = shapes.keys().map(|name| format!("#/components/schemas/{name}")).collect();
        assert_eq!(named, known, "shapes that are named, and those that there are");
        let mut ids = BTreeSet::new();
        for route in routes() {
            assert!(ids.insert(route.id) && !route.says.is_empty(), "{}", route.id);
            assert!(route.takes.iter().all(|name| PARAMETERS.iter().any(|p| p.name == *name)), "{}: {:?}", route.id, route.takes);
            let in_path: BTreeSet<&str> = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
            let taken = route.takes.iter().filter(|name| PARAMETERS.iter().any(|p| p.name == **name && p.place == Place::Path)).copied().collect();
            assert_eq!(in_path, taken, "{}", route.id);
        }
        let used = PARAMETERS.iter().filter(|p| routes().any(|route| route.takes.contains(&p.name))).count();
        assert_eq!(used, PARAMETERS.len(), "parameters that no route takes");
    }
}
