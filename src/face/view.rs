//! The one JSON contract: how the engine's values look to programs. The command line, the HTTP API and the pages share it.
//!
//! Times are RFC 3339 in UTC, sizes are bytes, keys are text as `model::key::show_key` writes them. Within a schema number, fields are only
//! added.

use serde_json::{Map, Value, json};

use crate::base::error::Error;
use crate::base::time::Timestamp;
use crate::engine::history::{BatchInfo, Event, Version};
use crate::engine::record::Receipt;
use crate::model::change::{Cause, FileKind, Meta};
use crate::model::key::show_key;
use crate::model::moment;
use crate::model::timeline::Position;

/// A time.
pub fn time(at: Timestamp) -> Value {
    moment::rfc3339_utc(at).into()
}

/// A position of a log.
pub fn position(p: &Position) -> Value {
    json!({ "timeline": p.timeline.to_hex(), "seq": p.seq, "digest": p.digest.to_hex() })
}

/// What a commit gives back.
pub fn receipt(r: &Receipt) -> Value {
    json!({
        "batch": r.position.seq,
        "seq": r.position.seq,
        "position": position(&r.position),
        "time": time(r.time),
        "changes": r.changes,
        "repeated": r.repeated,
    })
}

fn cause(c: Cause) -> Value {
    match c {
        Cause::Recorded => "recorded".into(),
        Cause::Undo(batch) => json!({ "undo": batch }),
        Cause::Rollback(seq) => json!({ "rollback": seq }),
        Cause::Restore => "restore".into(),
    }
}

/// When, who, why.
pub fn event(e: &Event) -> Value {
    json!({ "seq": e.seq, "time": time(e.time), "actor": e.actor, "reason": e.reason, "origin": e.origin, "cause": cause(e.cause) })
}

/// Metadata of a version, only what is there.
pub fn meta(m: &Meta) -> Value {
    let mut out = Map::new();
    match m.kind {
        FileKind::File => {}
        FileKind::Link => drop(out.insert("kind".into(), "link".into())),
        FileKind::Directory => drop(out.insert("kind".into(), "directory".into())),
    }
    if !m.media.is_empty() {
        out.insert("media".into(), m.media.as_str().into());
    }
    if let Some(mode) = m.mode {
        out.insert("mode".into(), format!("{mode:04o}").into());
    }
    if let Some(ns) = m.mtime_ns {
        out.insert("mtime".into(), time(Timestamp(ns.div_euclid(1000))));
    }
    for (name, at) in [("valid_from", m.valid_from), ("valid_until", m.valid_until)] {
        if let Some(at) = at {
            out.insert(name.into(), time(at));
        }
    }
    out.into()
}

/// One version of a document. `from` and `until` are the times of its existence; `recorded` and `ended` say by whom and why.
pub fn version(v: &Version) -> Value {
    json!({
        "key": show_key(&v.key),
        "version": v.number,
        "size": v.size,
        "digest": v.digest.to_hex(),
        "from": time(v.from.time),
        "until": v.until.as_ref().map(|e| time(e.time)),
        "removed": v.removed,
        "actor": v.from.actor,
        "reason": v.from.reason,
        "seq": v.from.seq,
        "meta": meta(&v.meta),
        "recorded": event(&v.from),
        "ended": v.until.as_ref().map(event),
    })
}

/// One batch of the log.
pub fn batch(b: &BatchInfo) -> Value {
    json!({
        "batch": b.event.seq,
        "seq": b.event.seq,
        "time": time(b.event.time),
        "actor": b.event.actor,
        "reason": b.event.reason,
        "origin": b.event.origin,
        "cause": cause(b.event.cause),
        "request": b.request,
        "changes": b.changes,
        "digest": b.digest.to_hex(),
        "clock_behind_us": -b.clock_behind,
        "undone_by": b.undone_by,
    })
}

/// An error.
pub fn error(e: &Error) -> Value {
    let mut at = Map::new();
    if let Some(key) = &e.at().key {
        at.insert("key".into(), key.as_str().into());
    }
    if let Some(seq) = e.at().seq {
        at.insert("seq".into(), seq.into());
    }
    json!({ "error": { "code": e.code(), "exit": e.kind().exit(), "message": e.to_string(), "hint": e.what_next(), "at": at } })
}
