//! The one JSON contract: how the engine's values look to programs. The command line, the HTTP API and the pages share it.
//!
//! Times are RFC 3339 in UTC, sizes are bytes, keys are text as `model::key::show_key` writes them. Within a schema number, fields are only
//! added.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::base::error::Error;
use crate::base::time::Timestamp;
use crate::engine::draft::{OpenBatch, OpenChange};
use crate::engine::find::Member;
use crate::engine::history::{BatchInfo, Event, Version};
use crate::engine::plans::Applied;
use crate::engine::record::Receipt;
use crate::engine::restore::Restored;
use crate::model::change::{Cause, Change, FileKind, Meta};
use crate::model::field;
use crate::model::key::show_key;
use crate::model::moment;
use crate::model::plan::{Plan, Summary};
use crate::model::reference::Reference;
use crate::model::text::{Comparison, Fingerprint, TextDiff};
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

/// A reference to a thing in an outside system.
pub fn reference(r: &Reference) -> Value {
    json!({ "system": r.system, "id": r.id, "state": r.state, "irrevocable": r.irrevocable, "expires": r.expires.map(time) })
}

/// One change of a batch. `op` is `put`, `remove`, `refer` or `mark`.
pub fn change(c: &Change) -> Value {
    match c {
        Change::Put { key, content, size, meta: m } => {
            json!({ "op": "put", "key": show_key(key), "digest": content.to_hex(), "size": size, "meta": meta(m) })
        }
        Change::Remove { key } => json!({ "op": "remove", "key": show_key(key) }),
        Change::Refer { key, reference: r } => json!({ "op": "refer", "key": show_key(key), "reference": reference(r) }),
        Change::Mark { name } => json!({ "op": "mark", "name": name }),
    }
}

/// A batch that is being collected.
pub fn open_batch(b: &OpenBatch) -> Value {
    json!({ "open": format!("D{}", b.number), "number": b.number, "started": time(b.started), "actor": b.actor, "reason": b.reason })
}

/// One change of a batch that is being collected.
pub fn open_change(c: &OpenChange) -> Value {
    match &c.content {
        Some((digest, size)) => json!({ "op": "put", "key": show_key(&c.key), "digest": digest.to_hex(), "size": size, "meta": meta(&c.meta) }),
        None => json!({ "op": "remove", "key": show_key(&c.key) }),
    }
}

/// One document of a group: the version, and `state`, which is `exists`, `not_yet` or `removed`.
pub fn member(m: &Member) -> Value {
    let mut value = version(m.version());
    value["state"] = match m {
        Member::Exists(_) => "exists".into(),
        Member::NotYet(_) => "not_yet".into(),
        Member::Removed(_) => "removed".into(),
    };
    value
}

/// A field before and after. A side that is absent is left out: `null` is the value `null`. Numbers and strings are as the document has them.
#[derive(Debug, Serialize)]
pub struct FieldRow<'a> {
    /// Where it stands.
    pub path: String,
    /// What people call it, where a label file was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// `added`, `removed`, `changed` or `same`.
    pub change: field::FieldChange,
    /// Before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<&'a field::Value>,
    /// After.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<&'a field::Value>,
}

impl<'a> FieldRow<'a> {
    /// The row of a difference, with its label.
    pub fn new(row: &'a field::Row, label: Option<String>) -> Self {
        FieldRow { path: row.path.to_string(), label, change: row.change, old: row.old.as_ref(), new: row.new.as_ref() }
    }
}

/// How two versions differ: `kind` is `same`, `fields`, `text` or `binary`.
#[derive(Debug, Serialize)]
pub struct Difference<'a> {
    kind: &'static str,
    old: Value,
    new: Value,
    /// Empty where the two are not compared as fields, so that a script finds the list always.
    fields: Vec<FieldRow<'a>>,
    /// How many fields are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    unchanged: Option<usize>,
    /// Only white space, order of members or escapes differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    layout_only: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Value>,
    /// The text difference as `patch` reads it; bytes that are not UTF-8 are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    unified: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binary: Option<Value>,
}

/// How two versions differ; `label` names a field.
pub fn difference<'a>(
    old: &Version,
    new: &Version,
    names: (&str, &str),
    comparison: &'a Comparison<'_>,
    label: impl Fn(&field::Path) -> Option<String>,
) -> Difference<'a> {
    let (old, new) = (version(old), version(new));
    let mut out =
        Difference { kind: "same", old, new, fields: Vec::new(), unchanged: None, layout_only: None, text: None, unified: None, binary: None };
    match comparison {
        Comparison::Same => {}
        Comparison::Fields(fields) => {
            out.kind = "fields";
            out.fields = fields.rows.iter().map(|row| FieldRow::new(row, label(&row.path))).collect();
            (out.unchanged, out.layout_only) = (Some(fields.unchanged), Some(fields.layout_only));
        }
        Comparison::Text(text) => {
            out.kind = "text";
            out.text = Some(text_difference(text));
            out.unified = Some(String::from_utf8_lossy(&text.unified(names.0, names.1)).into_owned());
        }
        Comparison::Binary { old, new } => {
            out.kind = "binary";
            out.binary = Some(json!({ "old": fingerprint(old), "new": fingerprint(new) }));
        }
    }
    out
}

fn fingerprint(f: &Fingerprint) -> Value {
    json!({ "size": f.size, "digest": f.digest.to_hex() })
}

/// Lines are numbered from 1; `sign` is a blank, `-` or `+`.
fn text_difference(text: &TextDiff<'_>) -> Value {
    let line = |l: &crate::model::text::Line<'_>| json!({ "sign": l.mark.sign(), "text": l.text() });
    let hunk = |h: &crate::model::text::Hunk<'_>| {
        let lines: Vec<Value> = h.lines.iter().map(line).collect();
        json!({ "old_start": h.old.start + 1, "old_lines": h.old.len(), "new_start": h.new.start + 1, "new_lines": h.new.len(), "lines": lines })
    };
    json!({ "added": text.added, "removed": text.removed, "hunks": text.hunks.iter().map(hunk).collect::<Vec<Value>>() })
}

/// One change of one field by one version.
#[derive(Debug, Serialize)]
pub struct FieldChangeRow<'a> {
    /// The version that made the change; for a removal of the document the one that it ended.
    pub version: u64,
    /// The document was removed.
    pub removed: bool,
    /// The field before and after.
    #[serde(flatten)]
    pub field: FieldRow<'a>,
    /// When.
    pub time: Value,
    /// Who.
    pub actor: &'a str,
    /// Why.
    pub reason: &'a str,
    /// The batch.
    pub seq: u64,
}

/// A plan, its counts, and what was done with it.
#[derive(Debug, Serialize)]
pub struct Planned<'a> {
    /// The counts.
    pub summary: Summary,
    /// Whether it was applied.
    pub applied: bool,
    /// The file it was saved to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved: Option<String>,
    /// All of it, where it was only shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<&'a Plan>,
    /// What applying it did.
    #[serde(flatten)]
    pub outcome: Option<Value>,
}

/// What applying a plan did: `done` documents, the keys in `skipped`, and the `receipt` (`null` where there was nothing to do).
pub fn applied(a: &Applied) -> Value {
    let seq = a.receipt.as_ref().map(|r| r.position.seq);
    let skipped: Vec<String> = a.skipped.iter().map(|key| show_key(key)).collect();
    json!({ "done": a.done, "skipped": skipped, "batch": seq, "seq": seq, "receipt": a.receipt.as_ref().map(receipt) })
}

/// What was restored into a directory.
pub fn restored(r: &Restored) -> Value {
    let refused: Vec<Value> = r.refused.iter().map(|(key, why)| json!({ "key": show_key(key), "code": why.code, "message": why.message })).collect();
    let w = &r.written;
    json!({
        "seq": r.seq,
        "files": w.files,
        "links": w.links,
        "directories": w.directories,
        "bytes": w.bytes,
        "set_id_dropped": w.set_id_dropped,
        "not_restored": r.refused_count,
        "refused": refused,
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
