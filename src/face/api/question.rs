//! What programs ask with: parameters, bodies, who acts; and answers in the JSON contract.

use std::io::Read;

use serde::Serialize;
use serde::de::DeserializeOwned;

use axum::http::header::LOCATION;

use crate::agent::order::{Content, Order};
use crate::base::error::{Error, Kind, Result};
use crate::engine::record::Batch;
use crate::engine::store::Tenant;
use crate::face::http::{Ask, Reply};
use crate::face::view;
use crate::model::key::parse_key;

/// Rows of one answer where none are asked for, and at most.
pub(super) const ROWS: (usize, usize) = (100, 1_000);
/// Bytes: the longest JSON body but for plans.
pub(super) const JSON_BYTES_MAX: u64 = 1 << 20;
/// What recorded changes say of where they come from.
const ORIGIN: &str = "annals api";

/// The JSON of a value, with its schema.
pub(super) fn text(schema: &str, value: &impl Serialize) -> Result<String> {
    Ok(view::tagged(schema, &plain(value)?))
}

pub(super) fn plain(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::new(Kind::Failed, "out.json", format!("the result cannot be written as JSON: {e}")))
}

/// An answer of one object.
pub(super) fn object(schema: &str, value: &impl Serialize) -> Result<Reply> {
    Ok(Reply::json(200, text(schema, value)?))
}

/// Rows of a list on their way into an answer: as many as were asked for, and how to ask for the next ones.
pub(super) struct Rows {
    limit: usize,
    rows: Vec<String>,
    next: Option<String>,
}

impl Rows {
    pub(super) fn new(ask: &Ask) -> Result<Self> {
        let limit = number(ask, "limit")?.map_or(ROWS.0, |n| usize::try_from(n).unwrap_or(usize::MAX));
        if limit == 0 || limit > ROWS.1 {
            return Err(bad("limit", &limit.to_string(), &format!("a number from 1 to {}", ROWS.1)));
        }
        Ok(Rows { limit, rows: Vec::new(), next: None })
    }

    /// Rows that still fit.
    pub(super) fn left(&self) -> usize {
        self.limit - self.rows.len()
    }

    /// Adds a row that stands at `place`. Where it does not fit any more, the place of the last one that did is where to go on after: false.
    pub(super) fn add(&mut self, row: &impl Serialize, last: Option<String>) -> Result<bool> {
        if self.left() == 0 {
            self.next = last;
            return Ok(false);
        }
        self.rows.push(plain(row)?);
        Ok(true)
    }

    /// Rows that there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// There is nothing more after all.
    pub(super) fn end(&mut self) {
        self.next = None;
    }

    /// There is more after this place.
    pub(super) fn go_on(&mut self, next: String) {
        self.next = Some(next);
    }

    pub(super) fn reply(self, schema: &str) -> Result<Reply> {
        let text = format!("{{\"rows\":[{}],\"next\":{}}}", self.rows.join(","), plain(&self.next)?);
        Ok(Reply::json(200, view::tagged(schema, &text)))
    }
}

/// The rows of a list that has no names to go on after: a place in it is how many came before.
pub(super) fn counted<T: Serialize>(ask: &Ask, schema: &str, all: impl IntoIterator<Item = T>) -> Result<Reply> {
    let mut rows = Rows::new(ask)?;
    for (place, row) in all.into_iter().enumerate().skip(done(ask)?) {
        if !rows.add(&row, Some(place.to_string()))? {
            break;
        }
    }
    rows.reply(schema)
}

/// How many rows of such a list came before.
pub(super) fn done(ask: &Ask) -> Result<usize> {
    Ok(number(ask, "after")?.map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX)))
}

/// Has the agent carry out what is too large for one request. The answer is the job, and where it is.
pub(super) fn ordered(ask: &Ask, order: &Order, content: &Content<'_>) -> Result<Reply> {
    let store = ask.store()?;
    let id = store.order(order, content)?;
    ask.agent()?.poke();
    let mut reply = Reply::json(202, text("annals.job/1", &view::job(&store.job(id)?))?);
    reply.headers.push((LOCATION, format!("/api/v1/jobs/{id}")));
    Ok(reply)
}

fn bad(name: &str, value: &str, expected: &str) -> Error {
    Error::usage("http.parameter", format!("{name} is {value:?}, not {expected}")).at_field(name)
}

/// A parameter that is a number.
pub(super) fn number(ask: &Ask, name: &str) -> Result<Option<u64>> {
    ask.query(name).map(|text| text.parse().map_err(|_| bad(name, text, "a whole number"))).transpose()
}

/// A parameter that is true or false.
pub(super) fn switch(ask: &Ask, name: &str) -> Result<bool> {
    match ask.query(name) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(text) => Err(bad(name, text, "true or false")),
    }
}

/// The number in the path.
pub(super) fn path_number<N: std::str::FromStr>(ask: &Ask, name: &str) -> Result<N> {
    let text = ask.named(name);
    text.strip_prefix('B').unwrap_or(text).parse().map_err(|_| bad(name, text, "a number"))
}

/// The prefix that is asked for; everything where there is none.
pub(super) fn prefix(ask: &Ask) -> Vec<u8> {
    ask.query("prefix").map(parse_key).unwrap_or_default()
}

/// Who acts: a person who came in is who came in; a program says it.
pub(super) fn by(ask: &Ask) -> crate::engine::plans::By {
    let actor = if ask.session.is_program() { ask.query("actor").unwrap_or_default().to_owned() } else { ask.session.actor.clone() };
    crate::engine::plans::By { actor, reason: ask.query("reason").unwrap_or_default().to_owned(), origin: ORIGIN.into() }
}

/// The id that whoever asks gave the request; empty where there is none.
pub(super) fn request(ask: &Ask) -> &str {
    ask.header("idempotency-key").unwrap_or_default()
}

/// Refuses what cannot be taken back at once unless it was confirmed: who asks says once more what it is about.
pub(super) fn confirmed(is: bool, what: &str, how: &str) -> Result<()> {
    if is {
        return Ok(());
    }
    let e = Error::usage("plan.unconfirmed", format!("{what}, and confirm does not say so"));
    Err(e.hint(format!("repeat {how} in confirm; nothing was changed")).at_field("confirm"))
}

/// A batch of who acts, for the reason that was given, recorded once under the id that was given.
pub(super) fn batch(ask: &Ask, tenant: &Tenant) -> Batch {
    let by = by(ask);
    tenant.batch(&by.reason).actor(&by.actor).origin(&by.origin).request_id(request(ask))
}

/// The body as JSON. What is wrong with it is told with the field where it is.
pub(super) fn body<T: DeserializeOwned>(body: &mut dyn Read, max: u64) -> Result<T> {
    let mut text = Vec::new();
    let read = body.take(max + 1).read_to_end(&mut text);
    read.map_err(|e| Error::io("read the body", e))?;
    if text.len() as u64 > max {
        return Err(Error::usage("http.length", format!("the body has more than {} MiB", max >> 20)));
    }
    let mut from = serde_json::Deserializer::from_slice(&text);
    let value = serde_path_to_error::deserialize(&mut from).map_err(|e| {
        let path = e.path().to_string();
        let error = unreadable(e.inner());
        if path == "." { error } else { error.at_field(path) }
    })?;
    from.end().map_err(|e| unreadable(&e))?;
    Ok(value)
}

fn unreadable(e: &serde_json::Error) -> Error {
    Error::usage("http.json", format!("the body is not the JSON that is expected here: {e}"))
        .hint("nothing was changed; GET /api/v1/openapi.json describes what is expected")
}

/// A required field of a body that may be absent for other uses of it.
pub(super) fn required<T>(value: Option<T>, field: &str) -> Result<T> {
    value.ok_or_else(|| Error::usage("http.json", format!("{field} is missing")).at_field(field))
}
