//! The one JSON contract: how the engine's values look to programs. The command line, the HTTP API and the pages share it.
//!
//! Times are RFC 3339 in UTC, sizes are bytes, keys are text as `model::key::show_key` writes them. Within a schema number, fields are only
//! added.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::agent::daemon::{Upcoming, Work};
use crate::agent::doctor::Finding;
use crate::agent::health::RemoteHealth;
use crate::agent::order::Outcome;
use crate::agent::preflight::Cleared;
use crate::agent::proof::DrillNote;
use crate::base::error::{Error, Kind};
use crate::base::time::Timestamp;
use crate::engine::attest::Checked;
use crate::engine::audit::{AuditChange, AuditWhat, Told};
use crate::engine::brake::Brake;
#[cfg(feature = "postgres")]
use crate::engine::capture::postgres::PgCaptured;
use crate::engine::capture::sqlite::{RestoredDatabase, SqliteCaptured};
use crate::engine::capture::{CaptureStatus, Captured, DatabaseRealigned};
use crate::engine::card::Card;
use crate::engine::compact::CompactReport;
use crate::engine::draft::{OpenBatch, OpenChange};
use crate::engine::drill::DrillReport;
use crate::engine::erase::{ErasePlan, Erased, Grave};
use crate::engine::feed::{CursorInfo, FeedEvent, FeedKind};
use crate::engine::find::Member;
use crate::engine::forget::{Amount as Versions, ForgetPlan, Forgot, Judged};
use crate::engine::gc::GcReport;
use crate::engine::heal::HealReport;
use crate::engine::history::{BatchInfo, Event, Forgotten, Version};
use crate::engine::hold::Hold;
use crate::engine::keys::KeyInfo;
use crate::engine::lineage::Standing;
use crate::engine::plans::Applied;
use crate::engine::proof::Proof;
use crate::engine::realign::Realigned;
use crate::engine::record::Receipt;
use crate::engine::references::{self, Entry};
use crate::engine::remotes::RemoteCheck;
use crate::engine::residency::{ENCRYPTION, Forbidden, Placement, PolicyReport};
use crate::engine::restore::Restored;
use crate::engine::status::{RemoteState, RemoteStatus, Safety, Status, TenantStatus};
use crate::engine::tenancy::LetGo;
use crate::engine::verify::{Problem, VerifyReport};
use crate::engine::witness::Fence;
use crate::model::change::{Cause, Change, FileKind, Meta, Tenancy};
use crate::model::field;
use crate::model::job::{Job, Wish};
use crate::model::key::show_key;
use crate::model::lineage::Fate;
use crate::model::moment;
use crate::model::plan::{Plan, Summary};
use crate::model::realign::{Amount, DatabaseRealign, RealignPlan, TenantRealign};
use crate::model::reference::Reference;
use crate::model::retention::Rules;
use crate::model::text::{Comparison, Fingerprint, TextDiff};
use crate::model::timeline::Position;
use crate::storage::config::{Remote, TenantRules};
use crate::storage::remote::RemoteUrl;

/// The text of an object with its schema first: `annals.log/1`. `text` is the JSON of the rest; what is not an object stands under `value`.
pub fn tagged(schema: &str, text: &str) -> String {
    let schema = Value::from(schema);
    match text.strip_prefix('{') {
        Some("}") => format!("{{\"schema\":{schema}}}"),
        Some(members) => format!("{{\"schema\":{schema},{members}"),
        None => format!("{{\"schema\":{schema},\"value\":{text}}}"),
    }
}

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

/// What putting one document gives back: the commit, and the version that it made.
pub fn put(r: &Receipt, v: &Version) -> Value {
    let mut value = receipt(r);
    value["key"] = show_key(&v.key).into();
    value["version"] = v.number.into();
    value["size"] = v.size.into();
    value["digest"] = v.digest.to_hex().into();
    value
}

fn cause(c: Cause) -> Value {
    match c {
        Cause::Recorded => "recorded".into(),
        Cause::Undo(batch) => json!({ "undo": batch }),
        Cause::Rollback(seq) => json!({ "rollback": seq }),
        Cause::Restore => "restore".into(),
        Cause::Realign(seq) => json!({ "realign": seq }),
    }
}

/// When, who, why.
pub fn event(e: &Event) -> Value {
    json!({ "seq": e.seq, "time": time(e.time), "actor": e.actor, "reason": e.reason, "origin": e.origin, "cause": cause(e.cause) })
}

/// One event of the change feed. What does not apply to its kind is null.
pub fn feed_event(e: &FeedEvent) -> Value {
    let (version, content, reference, mark) = match &e.kind {
        FeedKind::Put { version, digest, size, .. } => (Some(*version), Some((digest, size)), None, None),
        FeedKind::Delete { version, .. } => (Some(*version), None, None, None),
        FeedKind::Reference { reference, .. } => (None, None, Some(self::reference(reference)), None),
        FeedKind::Mark { name } => (None, None, None, Some(name)),
        FeedKind::Hold { .. } | FeedKind::Lift { .. } | FeedKind::Forget { .. } => (None, None, None, None),
        FeedKind::Tenant { .. } | FeedKind::Erase { .. } => (None, None, None, None),
    };
    let (hold, prefix, rule, contents) = match &e.kind {
        FeedKind::Hold { name, prefix } => (Some(name), Some(show_key(prefix)), None, None),
        FeedKind::Lift { name } => (Some(name), None, None, None),
        FeedKind::Forget { rule, contents } => (None, None, Some(rule), Some(*contents)),
        FeedKind::Erase { contents } => (None, None, None, Some(*contents)),
        _ => (None, None, None, None),
    };
    json!({
        "position": position(&e.position),
        "seq": e.event.seq,
        "index": e.index,
        "changes": e.changes,
        "key": e.key().map(show_key),
        "kind": e.word(),
        "version": version,
        "size": content.map(|(_, size)| size),
        "digest": content.map(|(digest, _)| digest.to_hex()),
        "reference": reference,
        "mark": mark,
        "hold": hold,
        "prefix": prefix,
        "rule": rule,
        "contents": contents,
        "time": time(e.event.time),
        "actor": e.event.actor,
        "reason": e.event.reason,
        "origin": e.event.origin,
        "cause": cause(e.event.cause),
        "request_id": e.request,
    })
}

/// How far a consumer of the change feed is.
pub fn cursor(c: &CursorInfo) -> Value {
    json!({
        "name": c.name,
        "group": c.group,
        "partition": c.partition.0,
        "partitions": c.partition.1,
        "seq": c.seq,
        "within": c.within,
        "behind": c.behind,
        "member": c.lease.as_ref().map(|(member, _)| member),
        "lease_until": c.lease.as_ref().map(|(_, until)| time(*until)),
        "moved": time(c.moved),
    })
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
        "forgotten": v.forgotten.as_ref().map(forgotten),
    })
}

/// Why the bytes of a version are not there: since when and by whom (null where the log does not say it), by which rule; `erased` where they
/// went by law and nobody has them.
fn forgotten(f: &Forgotten) -> Value {
    let by = f.by.as_ref();
    json!({ "since": by.map(|e| time(e.time)), "seq": by.map(|e| e.seq), "actor": by.map(|e| &e.actor), "reason": by.map(|e| &e.reason), "rule": f.rule, "erased": f.erased })
}

/// A hold.
pub fn hold(h: &Hold) -> Value {
    json!({
        "name": h.name,
        "prefix": show_key(&h.prefix),
        "until": h.until.map(time),
        "in_force": h.in_force,
        "set": event(&h.set),
    })
}

/// What rules keep; null is no such rule.
pub fn rules(r: &Rules) -> Value {
    json!({
        "words": r.words(),
        "floor_secs": r.floor_secs,
        "within_secs": r.within_secs,
        "last": r.last,
        "daily": r.daily,
        "weekly": r.weekly,
        "monthly": r.monthly,
        "yearly": r.yearly,
    })
}

fn versions(v: &Versions) -> Value {
    json!({ "versions": v.versions, "bytes": v.bytes })
}

/// What the rules say of one version: `goes`, and where it stays the word for what keeps it (`current`, `hold`, `mark`, `floor`, `unshipped`,
/// `within`, `last`, `daily`, `weekly`, `monthly`, `yearly`, `shared`, `forgotten`, `empty`, `everything`) and why in words.
pub fn judged(j: &Judged<'_>) -> Value {
    let v = j.version;
    json!({
        "key": show_key(j.key),
        "version": v.number,
        "seq": v.seq,
        "size": v.size,
        "from": time(v.from),
        "until": v.until.map(|(_, at)| time(at)),
        "goes": j.keeps.is_none(),
        "kept_by": j.keeps.as_ref().map(|keeps| keeps.word()),
        "why": j.keeps.as_ref().map(|keeps| keeps.why()),
    })
}

/// What would be forgotten. `bytes` count each content once.
pub fn forget_plan(p: &ForgetPlan) -> Value {
    let kept: Map<String, Value> = p.kept.iter().map(|(word, amount)| ((*word).to_owned(), versions(amount))).collect();
    json!({
        "tenant": p.tenant,
        "prefix": show_key(&p.prefix),
        "rules": rules(&p.rules),
        "position": position(&p.position),
        "documents": p.documents,
        "versions": p.goes.versions,
        "contents": p.contents,
        "bytes": p.bytes,
        "kept": kept,
    })
}

/// Where data may lie and where they lie. `ok` where no rule is broken.
pub fn policy_report(r: &PolicyReport) -> Value {
    let micros = |at: i64| time(Timestamp(at));
    let remotes = r.remotes.iter().map(|place| {
        let here = r.tenants.iter().filter(|t| t.places.iter().any(|p| p.remote == place.name && p.objects > 0));
        json!({
            "name": place.name,
            "url": remote_url(place),
            "region": place.region,
            "operator_country": place.operator_country,
            "encryption": ENCRYPTION,
            "tenants": here.map(|t| t.name.as_str()).collect::<Vec<_>>(),
        })
    });
    let placement = |p: &Placement, rules: &TenantRules| {
        json!({
            "remote": p.remote,
            "allowed": p.forbidden.is_none(),
            "forbidden_by": p.forbidden.as_ref().map(Forbidden::word),
            "why": p.forbidden.as_ref().map(|forbidden| forbidden.why(rules)),
            "objects": p.objects,
            "bytes": p.bytes,
            "since": p.since.map(time),
            "refused": p.refusal.as_ref().map(|f| json!({ "times": f.times, "first": micros(f.first), "last": micros(f.last), "why": f.why })),
        })
    };
    let tenants = r.tenants.iter().map(|t| {
        json!({
            "tenant": t.name,
            "id": t.public.to_hex(),
            "regions": t.rules.regions,
            "remotes": t.rules.remotes,
            "copies_min": t.rules.copies_min,
            "places": t.places.iter().map(|p| placement(p, &t.rules)).collect::<Vec<_>>(),
            "ok": r.violations.iter().all(|v| v.tenant != t.name),
        })
    });
    let left = r.left.iter().map(|l| {
        let tenants = l.tenants.iter().map(|t| json!({ "tenant": t.tenant, "objects": t.objects })).collect::<Vec<_>>();
        json!({ "name": l.remote, "region": l.region, "time": micros(l.at), "tenants": tenants })
    });
    json!({
        "ok": r.violations.is_empty(),
        "time": time(r.at),
        "remotes": remotes.collect::<Vec<_>>(),
        "tenants": tenants.collect::<Vec<_>>(),
        "left": left.collect::<Vec<_>>(),
        "violations": r.violations.iter().map(|v| json!({ "tenant": v.tenant, "remote": v.remote, "said": v.said, "hint": v.hint })).collect::<Vec<_>>(),
    })
}

/// What compacting a remote did, or would do.
pub fn compaction(r: &CompactReport) -> Value {
    json!({
        "remote": r.remote,
        "slices": r.slices,
        "objects": r.objects,
        "bytes": r.bytes,
        "replaced_bytes": r.replaced_bytes,
        "removed": r.removed,
        "removed_bytes": r.removed_bytes,
        "waiting": r.waiting,
        "waiting_bytes": r.waiting_bytes,
        "waiting_until": r.waiting_until.map(time),
        "left": r.left,
        "beyond_allowance": r.beyond_allowance,
    })
}

/// What was forgotten.
pub fn forgot(f: &Forgot) -> Value {
    json!({ "contents": f.contents, "bytes": f.bytes, "batches": f.receipts.iter().map(receipt).collect::<Vec<_>>() })
}

/// What erasing a subject would do.
pub fn erase_plan(p: &ErasePlan) -> Value {
    json!({
        "tenant": p.tenant,
        "subject": show_key(&p.subject),
        "position": position(&p.position),
        "documents": p.documents,
        "existing": p.existing,
        "contents": p.contents,
        "bytes": p.bytes,
        "bare": p.bare,
        "shared": p.shared,
        "outside": p.outside,
        "open_changes": p.drafts,
        "remotes": p.remotes.iter().map(|(name, objects)| json!({ "remote": name, "bare_objects": objects })).collect::<Vec<_>>(),
        "sources": p.sources,
    })
}

/// What was erased. `left_here` says why something still lies around on this machine, null where nothing does.
pub fn erased(e: &Erased) -> Value {
    json!({ "batch": receipt(&e.receipt), "contents": e.contents, "bytes": e.bytes, "left_here": e.left_here })
}

/// What is left of a subject that was erased.
pub fn grave(g: &Grave) -> Value {
    let t = &g.tombstone;
    json!({
        "subject": t.subject.to_hex(), "time": time(t.time), "seq": t.seq, "actor": t.actor, "reason": t.reason,
        "bare": t.contents.len(), "pending": g.pending,
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

/// One change of a batch. `op` is `put`, `remove`, `refer`, `mark`, `hold`, `lift`, `forget`, `erase`, `drop`, `undrop` or `gone`.
pub fn change(c: &Change) -> Value {
    match c {
        Change::Put { key, content, size, meta: m } => {
            json!({ "op": "put", "key": show_key(key), "digest": content.to_hex(), "size": size, "meta": meta(m) })
        }
        Change::Remove { key } => json!({ "op": "remove", "key": show_key(key) }),
        Change::Refer { key, reference: r } => json!({ "op": "refer", "key": show_key(key), "reference": reference(r) }),
        Change::Mark { name } => json!({ "op": "mark", "name": name }),
        Change::Hold { name, prefix, until } => json!({ "op": "hold", "name": name, "prefix": show_key(prefix), "until": until.map(time) }),
        Change::Lift { name } => json!({ "op": "lift", "name": name }),
        Change::Forget { rule, contents } => json!({ "op": "forget", "rule": rule, "contents": contents.len() }),
        Change::MarkAt { name, seq } => json!({ "op": "mark", "name": name, "seq": seq }),
        Change::Tenant(Tenancy::Dropped { until }) => json!({ "op": "drop", "until": time(*until) }),
        Change::Tenant(Tenancy::Back) => json!({ "op": "undrop" }),
        Change::Tenant(Tenancy::Gone) => json!({ "op": "gone" }),
        Change::Erase { subject, contents, .. } => json!({ "op": "erase", "subject": subject.to_hex(), "contents": contents.len() }),
    }
}

/// One change as the audit has it, with its batch; `fields` where old and new were compared as fields.
pub fn audit_change(b: &BatchInfo, c: &AuditChange, told: &Told) -> Value {
    let fields = match told {
        Told::Fields(rows) => Some(rows.iter().map(|row| FieldRow::new(row, None)).collect::<Vec<_>>()),
        _ => None,
    };
    let state = |v: &Option<Version>| v.as_ref().map(|v| json!({ "version": v.number, "size": v.size, "digest": v.digest.to_hex() }));
    let (old, new, reference, mark) = match &c.what {
        AuditWhat::Document { old, new, .. } => (state(old), state(new), None, None),
        AuditWhat::Reference { reference: r, .. } => (None, None, Some(self::reference(r)), None),
        AuditWhat::Mark { name } | AuditWhat::Rule { name, .. } => (None, None, None, Some(name)),
    };
    json!({
        "seq": b.event.seq,
        "place": c.place,
        "time": time(b.event.time),
        "actor": b.event.actor,
        "reason": b.event.reason,
        "origin": b.event.origin,
        "cause": cause(b.event.cause),
        "change": c.word(),
        "key": c.key().map(show_key),
        "old": old,
        "new": new,
        "fields": fields,
        "reference": reference,
        "name": mark,
    })
}

/// One proof, or one that failed. `kind` is `verify`, `patrol`, `remote` or `drill`; `rto_secs` and `rpo_secs` are those of a drill.
pub fn proof(p: &Proof) -> Value {
    json!({
        "time": time(p.at),
        "kind": p.kind.word(),
        "remote": if p.subject.is_empty() { Value::Null } else { p.subject.as_str().into() },
        "full": p.deep,
        "ok": p.well,
        "items": p.items,
        "bytes": p.bytes,
        "rto_secs": p.rto_secs,
        "rpo_secs": p.rpo_secs,
        "said": p.said,
    })
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
    let pending: Vec<Value> = a.pending.iter().map(|(key, why)| json!({ "key": show_key(key), "reason": why })).collect();
    let earlier: Vec<u64> = a.earlier.iter().map(|r| r.position.seq).collect();
    json!({ "done": a.done, "earlier_batches": earlier, "skipped": skipped, "pending": pending, "batch": seq, "seq": seq, "receipt": a.receipt.as_ref().map(receipt) })
}

/// A database that was made again.
pub fn restored_database(r: &RestoredDatabase) -> Value {
    json!({ "seq": r.seq, "rows": r.rows, "exact": r.exact, "foreign_key_violations": r.orphans, "missing": r.missing })
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
    if let Some(field) = &e.at().field {
        at.insert("field".into(), field.as_str().into());
    }
    json!({ "error": { "code": e.code(), "exit": e.kind().exit(), "message": e.to_string(), "hint": e.what_next(), "at": at } })
}

/// The status of an answer over HTTP, by the kind of the error.
pub fn http_status(e: &Error) -> u16 {
    match (e.kind(), e.code()) {
        (_, "http.length") => 413,
        (_, "version.moved") => 412,
        (Kind::Usage, _) => 400,
        (Kind::Missing | Kind::NoStore, _) => 404,
        (Kind::Denied, _) => 403,
        (Kind::Refused, _) => 409,
        (Kind::Locked | Kind::Interrupted, _) => 503,
        (Kind::Remote, _) => 502,
        (Kind::Space, _) => 507,
        _ => 500,
    }
}

/// The address of a remote without the passwords that may stand in it.
pub fn remote_url(place: &Remote) -> String {
    RemoteUrl::parse(&place.url).map_or_else(|_| "(not an address)".to_owned(), |url| url.to_string())
}

/// A number with its thousands apart.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// Bytes for people: `812 B`, `3.1 MB` (powers of ten, as lines and disks are sold).
pub fn bytes(n: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{n} B") } else { format!("{value:.1} {}", units[unit]) }
}

/// `30 d, 412 changes, 3.1 MB waiting`; nothing where nothing waits.
pub fn waiting(s: &Status) -> Option<String> {
    let age = match s.unshipped_age_secs() {
        secs @ 0..120 => format!("{secs} s"),
        secs @ 120..7_200 => format!("{} min", secs / 60),
        secs @ 7_200..172_800 => format!("{} h", secs / 3_600),
        secs => format!("{} d", secs / 86_400),
    };
    let amount = || format!("{age}, {}, {} waiting", counted(s.unshipped.changes, "change"), bytes(s.unshipped.bytes));
    (s.unshipped.batches > 0).then(amount)
}

/// How a store is, and what its agent does about it.
pub fn status_and_work(s: &Status, tenant: &str, work: &Work) -> Value {
    let mut value = status(s, tenant, work);
    for (row, health) in value["remotes"].as_array_mut().into_iter().flatten().zip(&work.remotes) {
        row["health"] = remote_health(health);
    }
    for (row, drill) in value["remotes"].as_array_mut().into_iter().flatten().zip(&work.drills) {
        row["last_drill"] = drill.as_ref().map(last_drill).into();
    }
    value["waiting"] = waiting(s).into();
    value["agent"] = json!({ "running": work.runs, "next": planned(&work.next) });
    value["problems"] = work.problems.iter().map(|p| json!({ "problem": p.key, "said": p.said })).collect();
    value
}

/// A count with its noun: `1 batch`, `4,118 batches`. All text for people counts with this.
pub fn counted(n: impl TryInto<u64>, noun: &str) -> String {
    let n = n.try_into().unwrap_or(u64::MAX);
    let many = match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if noun.ends_with("ch") || noun.ends_with(['s', 'x']) => format!("{noun}es"),
        _ => format!("{noun}s"),
    };
    format!("{} {}", grouped(n), if n == 1 { noun } else { &many })
}

/// Whether what a store holds is safe, and the sentence that says so in English: never with a problem that people should know. The pages say
/// it in other languages.
pub fn verdict(s: &Status, work: &Work) -> (bool, String) {
    let (safe, mut sentence) = held(s);
    if let Some((first, more)) = work.problems.split_first().filter(|_| safe) {
        let more = if more.is_empty() { String::new() } else { format!(" (and {})", counted(more.len() as u64, "other problem")) };
        sentence = format!("{}{more}; {sentence}", first.said);
    }
    let paused: Vec<String> = work.remotes.iter().filter(|r| r.paused.is_some()).map(|r| r.name.clone()).collect();
    if !paused.is_empty() {
        sentence = format!("{sentence}; shipping to {} is paused", paused.join(", "));
    }
    (safe && work.problems.is_empty(), sentence)
}

/// Whether what is recorded is offsite as it should be, with the sentence.
fn held(s: &Status) -> (bool, String) {
    let waiting = s.unshipped;
    let amount = format!("{} in {}", counted(waiting.changes, "change"), counted(waiting.batches, "batch"));
    let (exist, wait) = if waiting.changes == 1 { ("exists", "waits") } else { ("exist", "wait") };
    let safety = s.safety();
    let sentence = match &safety {
        Safety::Damaged => "what was recorded is damaged; annals verify names the documents, annals verify --heal brings back what a copy has".into(),
        Safety::Fenced { tenant, fence } => {
            let text = fence.refusal(tenant);
            format!("{text}; annals realign{}", if text.what_next().is_some_and(|h| h.contains("--claim")) { " --claim" } else { "" })
        }
        Safety::Behind(captures) => {
            let behind: Vec<String> = captures.iter().filter_map(|c| c.trouble()).collect();
            format!("{}; nothing is recorded on top or shipped until annals realign", behind.join("; "))
        }
        Safety::OnlyCopy => "no remote is set up, so this is the only copy; annals remote add NAME dir:/path adds one".into(),
        Safety::Empty => "nothing is recorded yet".into(),
        Safety::Offsite { at, later } if later.is_empty() => format!("every change is offsite ({})", at.join(", ")),
        Safety::Offsite { later, .. } => format!("every change is offsite; {} will follow", later.join(", ")),
        Safety::Waiting(lag) | Safety::Late(lag) => {
            let (age, late) = (moment::age(lag.age_secs as i64), lag.remotes.join(", "));
            match lag.allowed_secs.map(moment::duration_text) {
                Some(limit) if safety.is_safe() => format!("{amount} {wait} for {late}, the oldest for {age}, within the {limit} allowed"),
                _ if late.is_empty() => format!("{amount} {exist} only here, the oldest for {age}; no remote may have them"),
                Some(limit) => format!("{amount} {exist} only here, the oldest for {age}, past the {limit} allowed; {late} should have them"),
                None => format!("{amount} {exist} only here, the oldest for {age}; {late} should have them"),
            }
        }
    };
    (safety.is_safe(), sentence)
}

/// How a store is. `position` is that of the tenant called `tenant`.
fn status(s: &Status, tenant: &str, work: &Work) -> Value {
    let (safe, summary) = verdict(s, work);
    let own = s.tenants.iter().find(|t| t.name == tenant);
    let tenants: Vec<Value> = s
        .tenants
        .iter()
        .map(|t| {
            json!({
                "tenant": t.name,
                "id": t.public.to_hex(),
                "position": position(&t.position),
                "documents": t.documents,
                "state": tenancy(t),
                "kept_until": t.dropped.map(|(until, _)| time(until)),
                "unshipped": { "batches": t.unshipped.batches, "changes": t.unshipped.changes, "bytes": t.unshipped.bytes, "oldest": t.unshipped.oldest.map(time) },
            })
        })
        .collect();
    json!({
        "site": s.site_name,
        "site_id": s.site.to_hex(),
        "safe": safe,
        "summary": summary,
        "stale": s.is_stale(),
        "damaged": s.damaged,
        "position": own.map(|t| position(&t.position)),
        "tenants": tenants,
        "documents": s.documents(),
        "unshipped": {
            "batches": s.unshipped.batches,
            "changes": s.unshipped.changes,
            "bytes": s.unshipped.bytes,
            "oldest": s.unshipped.oldest.map(time),
            "age_secs": s.unshipped_age_secs(),
        },
        "stale_after_secs": s.stale_after_secs,
        "remotes": s.remotes.iter().map(|r| remote_status(r, tenant)).collect::<Vec<_>>(),
        "lineage": s.lineage.iter().map(standing).collect::<Vec<_>>(),
        "captures": s.captures.iter().map(capture_status).collect::<Vec<_>>(),
        "open_batches": s.drafts,
        "would_free": s.would_free.as_ref().map(|w| json!({ "rules": w.rules, "versions": w.versions, "bytes": w.bytes, "time": time(Timestamp(w.at)) })),
        "brakes": s.brakes.iter().map(brake).collect::<Vec<_>>(),
        "erasure_left_here": s.erasure_left_here,
        "disk_bytes": s.disk_bytes,
        "quota_bytes": s.quota_bytes,
        "time": time(s.now),
    })
}

/// One tenant of a list.
pub fn tenant(t: &TenantStatus) -> Value {
    json!({
        "tenant": t.name, "id": t.public.to_hex(), "position": position(&t.position), "documents": t.documents,
        "unshipped_batches": t.unshipped.batches, "state": tenancy(t), "kept_until": t.dropped.map(|(until, _)| time(until)),
    })
}

/// Whether a tenant is in use.
fn tenancy(t: &TenantStatus) -> &'static str {
    match t.dropped {
        None => "in_use",
        Some((_, false)) => "dropped",
        Some((_, true)) => "gone",
    }
}

/// A mass change that was noticed.
pub fn brake(b: &Brake) -> Value {
    json!({
        "tenant": b.tenant,
        "time": time(Timestamp(b.at)),
        "before": b.before,
        "changed": b.changed,
        "documents": b.documents,
        "mark": b.mark,
        "said": b.said(),
    })
}

/// A tenant that was dropped, until when it can be brought back, and the remotes that must be told.
pub fn tenant_dropped(name: &str, r: &Receipt, until: Timestamp, remotes: &[String]) -> Value {
    let mut value = receipt(r);
    value["tenant"] = name.into();
    value["kept_until"] = time(until);
    value["remotes"] = remotes.into();
    value
}

/// What was let go because its time was over.
pub fn let_go(l: &LetGo) -> Value {
    let waiting = l.waiting.iter().map(|(tenant, why)| json!({ "tenant": tenant, "why": why }));
    json!({ "tenants": l.tenants, "contents": l.contents, "bytes": l.bytes, "waiting": waiting.collect::<Vec<_>>() })
}

/// How a tenant stands towards its witnesses. `verdict` is `well` where nothing speaks against it.
pub fn standing(s: &Standing) -> Value {
    json!({
        "tenant": s.tenant,
        "verdict": s.fence.as_ref().map_or("well", |f| f.verdict.word()),
        "code": s.fence.as_ref().map(|f| f.verdict.code()),
        "fence": s.fence.as_ref().map(|f| fence(f, &s.tenant)),
        "lines": s.lines,
    })
}

fn fence(f: &Fence, tenant: &str) -> Value {
    let place = f.place.as_ref().map(|p| json!({ "machine": p.machine, "host": p.host, "directory": p.directory }));
    json!({
        "message": f.refusal(tenant).to_string(),
        "witness": f.witness,
        "ours": f.ours,
        "ours_time": time(Timestamp(f.ours_time)),
        "theirs": f.theirs,
        "theirs_time": f.theirs_time.map(|t| time(Timestamp(t))),
        "common": f.common,
        "place": place,
        "found": time(Timestamp(f.found)),
    })
}

/// A plan of a realignment, and what was done of it.
pub fn realignment(plan: &RealignPlan, applied: bool, saved: Option<&Path>, done: &[Realigned], databases: &[DatabaseRealigned]) -> Value {
    json!({
        "applied": applied,
        "saved": saved.map(|path| path.display().to_string()),
        "tenants": plan.tenants.iter().map(realign).collect::<Vec<_>>(),
        "done": done.iter().map(realigned).collect::<Vec<_>>(),
        "databases": plan.databases.iter().map(realign_database).collect::<Vec<_>>(),
        "databases_done": databases.iter().map(realigned_database).collect::<Vec<_>>(),
    })
}

/// What a realignment would do with one tenant.
pub fn realign(t: &TenantRealign) -> Value {
    let amount = |a: &Amount| json!({ "batches": a.batches, "changes": a.changes, "documents": a.documents });
    json!({
        "tenant": t.tenant,
        "verdict": t.verdict.word(),
        "remote": t.remote,
        "keep": t.keep,
        "ours": { "seq": t.ours, "digest": t.ours_digest, "time": (t.ours > 0).then(|| time(Timestamp(t.ours_time))) },
        "theirs": { "seq": t.theirs, "readable": t.readable, "line": t.line, "time": t.theirs_time.map(|at| time(Timestamp(at))) },
        "common": t.common,
        "missing": amount(&t.missing),
        "only_here": amount(&t.only_here),
        "recovered": t.count(Fate::Recovered),
        "kept": t.count(Fate::Kept),
        "same": t.count(Fate::Same),
        "conflicts": t.count(Fate::Conflict),
        "resurrected": t.count(Fate::Resurrected),
        "items": t.items.iter().map(|i| json!({ "key": i.key, "fate": i.fate })).collect::<Vec<_>>(),
        "references": t.references,
        "bytes": t.bytes,
        "seconds": t.seconds,
    })
}

/// What a realignment would do with one captured database.
pub fn realign_database(d: &DatabaseRealign) -> Value {
    json!({
        "tenant": d.tenant,
        "prefix": d.prefix,
        "source": d.source,
        "verdict": d.verdict.word(),
        "keep": d.keep,
        "common": { "seq": d.common, "time": d.common_time.map(|at| time(Timestamp(at))) },
        "head": { "seq": d.head, "digest": d.head_digest, "time": d.head_time.map(|at| time(Timestamp(at))) },
        "transactions": d.transactions,
        "recovered": d.count(Fate::Recovered),
        "kept": d.count(Fate::Kept),
        "same": d.same,
        "conflicts": d.count(Fate::Conflict),
        "resurrected": d.count(Fate::Resurrected),
        "tables": d.tables.iter().map(|t| json!({ "table": t.table, "policy": t.policy.word(), "default": t.default, "rows": t.rows })).collect::<Vec<_>>(),
        "items": d.items,
        "renumbered": d.renumbered,
        "recomputed": d.recomputed,
        "invariants": d.invariants,
        "references": d.references,
        "forbidden": d.forbidden.iter().map(|(key, why)| json!({ "key": key, "why": why })).collect::<Vec<_>>(),
        "bytes": d.bytes,
    })
}

/// What a realignment did with one captured database.
pub fn realigned_database(d: &DatabaseRealigned) -> Value {
    json!({
        "prefix": d.prefix,
        "source": d.source,
        "keep": d.keep,
        "found": d.found,
        "undo": d.batch.map(|seq| format!("B{seq}")),
        "written": d.written,
        "recomputed": d.recomputed,
        "renumbered": d.renumbered,
        "open": d.open,
        "position": position(&d.position),
    })
}

/// What a realignment did with one tenant.
pub fn realigned(d: &Realigned) -> Value {
    json!({
        "tenant": d.tenant,
        "verdict": d.verdict.word(),
        "keep": d.keep,
        "common": d.common,
        "fetched": d.fetched,
        "again": d.again,
        "already": d.already,
        "conflicts": d.conflicts,
        "resurrected": d.resurrected,
        "references": d.references,
        "line": d.line,
        "undo": d.mark.as_ref().map(|mark| format!("mark:{mark}")),
        "bytes": d.bytes,
        "gaps": d.gaps.iter().map(|g| json!({ "first": g.first, "last": g.last, "reasons": g.reasons })).collect::<Vec<_>>(),
        "position": position(&d.position),
    })
}

fn capture_status(c: &CaptureStatus) -> Value {
    let behind = c.behind.as_ref().map(|b| {
        json!({ "seq": b.seq, "head": b.head, "transactions": b.transactions, "rows": b.rows, "only_here": b.only_here, "forked": b.is_forked() })
    });
    let left_out: Vec<Value> = c.left_out.iter().map(|(table, reason)| json!({ "table": table, "reason": reason })).collect();
    json!({ "source": c.source, "prefix": c.prefix, "rows": c.rows, "behind": behind, "left_out": left_out, "summary": c.trouble() })
}

/// A word for what is known of a remote.
pub fn remote_state(state: RemoteState) -> &'static str {
    match state {
        RemoteState::Current => "current",
        RemoteState::Behind => "behind",
        RemoteState::Unused => "unused",
    }
}

/// One remote and how far it is. `held_seq` is that of the tenant called `tenant`, null where its data may not go there.
pub fn remote_status(r: &RemoteStatus, tenant: &str) -> Value {
    json!({
        "name": r.place.name,
        "url": remote_url(&r.place),
        "region": r.place.region,
        "operator_country": r.place.operator_country,
        "state": remote_state(r.state),
        "held_seq": r.held.iter().find(|h| h.tenant == tenant).map(|h| h.seq),
        "behind_batches": r.behind(),
        "last_shipped": r.last_shipped.map(time),
        "objects": r.held.iter().map(|h| h.objects).sum::<u64>(),
        "erasure_pending": (!r.pending.is_none()).then(|| json!({ "keys": r.pending.keys, "objects": r.pending.objects })),
        "tenants": r.held.iter().map(|h| json!({ "tenant": h.tenant, "held_seq": h.seq, "behind_batches": h.behind })).collect::<Vec<_>>(),
    })
}

/// What a check of a remote found.
pub fn remote_check(name: &str, c: &RemoteCheck) -> Value {
    json!({
        "name": name,
        "url": c.place,
        "reachable": true,
        "objects": c.objects,
        "bytes": c.bytes,
        "written": c.written,
        "requests": c.requests,
    })
}

fn problem(p: &Problem) -> Value {
    json!({ "tenant": p.tenant, "what": p.what, "seq": p.seq, "documents": p.documents })
}

/// One job of the agent.
pub fn job(j: &Job) -> Value {
    let a = &j.advance;
    json!({
        "job": j.id,
        "kind": j.task.kind(),
        "subject": j.task.subject(),
        "state": j.state.word(),
        "wish": (j.wish != Wish::None).then(|| j.wish.word()),
        "attempts": j.attempts,
        "said": j.said,
        "code": if j.code.is_empty() { Value::Null } else { j.code.as_str().into() },
        "not_before": time(j.not_before),
        "created": time(j.created),
        "started": j.started.map(time),
        "ended": j.ended.map(time),
        "progress": {
            "phase": a.phase,
            "items": a.items,
            "items_total": a.items_total,
            "bytes": a.bytes,
            "bytes_total": a.bytes_total,
            "bytes_per_sec": a.bytes_per_sec,
            "moved": a.moved.map(time),
        },
    })
}

/// What came of what the agent carried out.
pub fn outcome(o: &Outcome) -> Value {
    match o {
        Outcome::Plan(done) => json!({
            "kind": "plan",
            "batch": done.batch,
            "done": done.done,
            "skipped": done.skipped,
            "skipped_keys": done.skipped_keys,
            "pending": done.pending.iter().map(|(key, why)| json!({ "key": key, "reason": why })).collect::<Vec<_>>(),
        }),
        Outcome::Realign { tenants, databases } => json!({ "kind": "realign", "tenants": tenants, "databases": databases }),
    }
}

/// What is done on schedule, each with its next runs.
pub fn planned(all: &[Upcoming]) -> Value {
    let one = |p: &Upcoming| json!({ "kind": p.task.kind(), "subject": p.task.subject(), "at": p.at.iter().map(|at| time(*at)).collect::<Vec<_>>() });
    all.iter().map(one).collect()
}

/// The gates of a preflight. `light` is `green`, `waived` or `red`; `marks` is empty where one is red.
pub fn cleared(c: &Cleared, mark: &str) -> Value {
    json!({
        "clear": c.is_clear(),
        "gates": c.gates.iter().map(|g| json!({ "gate": g.name, "light": g.light.word(), "said": g.said, "hint": g.hint })).collect::<Vec<_>>(),
        "mark": c.is_clear().then_some(mark),
        "marks": c.marks.iter().map(|(tenant, p)| json!({ "tenant": tenant, "position": position(p) })).collect::<Vec<_>>(),
    })
}

/// What the doctor found. `weight` is `wrong` or `advice`.
pub fn finding(f: &Finding) -> Value {
    json!({ "code": f.code, "weight": f.weight.word(), "what": f.what, "why": f.why, "mend": f.mend })
}

/// What a drill showed.
pub fn drill(r: &DrillReport) -> Value {
    json!({
        "remote": r.remote,
        "ok": r.problems.is_empty(),
        "sample": r.sample,
        "batches": r.batches,
        "objects": r.objects,
        "bytes": r.bytes,
        "rto_secs": r.rto_secs,
        "rpo_secs": r.rpo_secs,
        "problems": r.problems,
    })
}

/// What the last drill of a remote showed, and when.
pub fn last_drill(d: &DrillNote) -> Value {
    json!({
        "time": time(Timestamp(d.at)),
        "ok": d.well,
        "sample": d.sample,
        "rto_secs": d.rto_secs,
        "rpo_secs": d.rpo_secs,
        "problems": d.problems,
    })
}

/// How a remote is: `good`, `waiting`, `stale` or `broken`, and why.
pub fn remote_health(h: &RemoteHealth) -> Value {
    json!({ "health": h.health.word(), "said": h.said, "answered": h.contact.good.map(time), "trouble_since": h.contact.since.map(time), "paused_job": h.paused })
}

/// What verification saw.
pub fn verification(level: &str, r: &VerifyReport) -> Value {
    json!({
        "ok": r.problems.is_empty(),
        "level": level,
        "batches": r.batches,
        "contents": r.contents,
        "forgotten": r.forgotten,
        "bytes": r.bytes,
        "problems": r.problems.iter().map(problem).collect::<Vec<_>>(),
    })
}

/// What became of an attestation: what was said, and what of it cannot be proved now.
pub fn attestation_check(c: &Checked) -> Value {
    json!({ "proved": c.unprovable.is_empty(), "unprovable": c.unprovable, "statement": c.statement })
}

/// What healing found, did, and could not do.
pub fn healing(r: &HealReport) -> Value {
    let lost: BTreeSet<&str> = r.left.iter().flat_map(|p| &p.documents).map(String::as_str).collect();
    json!({
        "ok": r.left.is_empty(),
        "found": r.found.iter().map(problem).collect::<Vec<_>>(),
        "contents_damaged": r.damaged,
        "contents_healed": r.healed,
        "batches_healed": r.batches,
        "from": r.places.iter().map(|(place, objects)| json!({ "place": place, "objects": objects })).collect::<Vec<_>>(),
        "bytes_read": r.bytes,
        "unusable": r.reasons,
        "problems": r.left.iter().map(problem).collect::<Vec<_>>(),
        "lost": lost,
    })
}

/// What garbage collection did.
pub fn garbage(r: &GcReport) -> Value {
    json!({ "chunks": r.chunks, "orphans": r.orphans, "removed": r.removed, "bytes_before": r.bytes_before, "bytes_after": r.bytes_after })
}

/// A reference with its document.
pub fn ledger_entry(e: &Entry) -> Value {
    json!({
        "key": show_key(&e.key),
        "system": e.reference.system,
        "id": e.reference.id,
        "state": e.reference.state,
        "irrevocable": e.reference.irrevocable,
        "expires": e.reference.expires.map(time),
        "seq": e.seq,
    })
}

/// A difference between the ledger of references and a list from outside.
pub fn ledger_difference(d: &references::Difference) -> Value {
    let row = |what: &str, system: &str, id: &str, entry: Option<&Entry>, there: Option<&str>, line: Option<u64>| {
        json!({
            "difference": what,
            "system": system,
            "id": id,
            "key": entry.map(|e| show_key(&e.key)),
            "here": entry.map(|e| e.reference.state.as_str()),
            "there": there,
            "irrevocable": entry.map(|e| e.reference.irrevocable),
            "line": line,
        })
    };
    match d {
        references::Difference::MissingHere { system, id, state, line } => row("missing_here", system, id, None, state.as_deref(), Some(*line)),
        references::Difference::MissingThere(e) => row("missing_there", &e.reference.system, &e.reference.id, Some(e), None, None),
        references::Difference::StateDiffers { here, there, line } => {
            row("state_differs", &here.reference.system, &here.reference.id, Some(here), Some(there), Some(*line))
        }
    }
}

/// What a capture did. `batch` and `seq` are null where nothing changed.
pub fn captured(c: &Captured) -> Value {
    let seq = c.receipt.as_ref().map(|r| r.position.seq);
    json!({
        "batch": seq,
        "seq": seq,
        "added": c.added,
        "changed": c.changed,
        "removed": c.removed,
        "unchanged": c.unchanged,
        "bytes_read": c.bytes_read,
        "bytes_new": c.bytes_new,
        "skipped": c.skipped.iter().map(|(path, reason)| json!({ "path": path, "reason": reason })).collect::<Vec<_>>(),
    })
}

/// What a capture of a database did, whatever database it is.
pub struct CapturedDatabase<'c> {
    receipt: Option<&'c Receipt>,
    /// Rows added, changed, removed, unchanged; changes of rows.
    rows: [u64; 5],
    /// Bytes read, bytes of new rows.
    bytes: [u64; 2],
    transactions: u64,
    merged_intervals: u64,
    notes: &'c [String],
    /// What only a server has to say.
    server: Vec<(&'static str, Value)>,
}

impl<'c> From<&'c SqliteCaptured> for CapturedDatabase<'c> {
    fn from(c: &'c SqliteCaptured) -> Self {
        CapturedDatabase {
            receipt: c.receipt.as_ref(),
            rows: [c.added, c.changed, c.removed, c.unchanged, c.added + c.changed + c.removed],
            bytes: [c.bytes_read, c.bytes_new],
            transactions: c.transactions,
            merged_intervals: c.merged_intervals,
            notes: &c.notes,
            server: Vec::new(),
        }
    }
}

#[cfg(feature = "postgres")]
impl<'c> From<&'c PgCaptured> for CapturedDatabase<'c> {
    fn from(c: &'c PgCaptured) -> Self {
        let skipped = c.skipped.iter().map(|(table, reason)| json!({ "table": table, "reason": reason })).collect();
        CapturedDatabase {
            receipt: c.receipt.as_ref(),
            rows: [c.added, c.changed, c.removed, c.unchanged, c.rows],
            bytes: [c.bytes_read, c.bytes_new],
            transactions: c.transactions,
            merged_intervals: c.merged_intervals,
            notes: &c.notes,
            server: vec![
                ("lsn", c.lsn.to_string().into()),
                ("slot_bytes", c.slot_bytes.into()),
                ("slot_safe_bytes", c.slot_safe_bytes.into()),
                ("skipped", skipped),
            ],
        }
    }
}

/// What a capture of a database did. `batch` and `seq` are null where nothing changed.
pub fn captured_database<'c>(c: impl Into<CapturedDatabase<'c>>) -> Value {
    let c = c.into();
    let seq = c.receipt.map(|r| r.position.seq);
    let mut out = json!({
        "batch": seq,
        "seq": seq,
        "added": c.rows[0],
        "changed": c.rows[1],
        "removed": c.rows[2],
        "unchanged": c.rows[3],
        "bytes_read": c.bytes[0],
        "bytes_new": c.bytes[1],
        "transactions": c.transactions,
        "rows": c.rows[4],
        "merged_intervals": c.merged_intervals,
        "notes": c.notes,
    });
    c.server.into_iter().for_each(|(name, value)| out[name] = value);
    out
}

/// What can be told of a key file; never a secret.
pub fn key_info(k: &KeyInfo) -> Value {
    json!({
        "file": k.path.display().to_string(),
        "site_id": k.site.to_hex(),
        "fingerprint": key_fingerprint(&k.fingerprint),
        "plain": k.plain,
        "passphrase": k.passphrase,
        "recipients": k.recipients.iter().map(|r| r.to_text()).collect::<Vec<_>>(),
    })
}

/// The recovery card; `sheet` is null where the secret was not asked for, `file` where it was not written.
pub fn card(c: &Card, file: Option<&str>) -> Value {
    let copies = c.copies.iter().map(|p| json!({ "name": p.name, "address": p.address, "region": p.region, "domain": p.domain }));
    json!({
        "site": c.site,
        "site_id": c.site_id.to_hex(),
        "fingerprint": c.fingerprint_text(),
        "contact": c.contact,
        "copies": copies.collect::<Vec<_>>(),
        "steps": c.steps.iter().map(|s| json!({ "what": s.what, "commands": s.commands })).collect::<Vec<_>>(),
        "date": c.date,
        "sheet": c.sheet.as_ref().map(|sheet| sheet.as_str()),
        "file": file,
    })
}

/// A fingerprint as it stands on the recovery sheet: `1234 5678 9abc def0`.
pub fn key_fingerprint(bytes: &[u8; 8]) -> String {
    bytes.chunks(2).map(|pair| format!("{:02x}{:02x}", pair[0], pair[1])).collect::<Vec<_>>().join(" ")
}
