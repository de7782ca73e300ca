//! Everything that a store knows, in the words of `reader.py --list --versions --json`.

use std::collections::BTreeSet;

use annals::engine::history::Version;
use annals::model::change::{Cause, FileKind, Meta};
use annals::model::key::show_key;
use annals::{Store, Tenant};
use serde_json::{Map, Value, json};

/// One JSON object a fact, as text with sorted members, so that sets of them can be compared.
pub fn of_store(store: &Store) -> BTreeSet<String> {
    let dropped = store.dropped().expect("dropped").into_iter().map(|d| {
        let state = if d.gone.is_some() { "gone" } else { "dropped" };
        json!({"tenant": d.tenant, "dropped": [state, d.until.micros()]})
    });
    store.tenants().expect("tenants").iter().flat_map(of_tenant).chain(dropped).map(|fact| canonical(&fact)).collect()
}

/// The same from the reader's lines.
pub fn of_lines(lines: &str) -> BTreeSet<String> {
    lines.lines().map(|line| canonical(&serde_json::from_str(line).expect("a JSON object a line"))).collect()
}

fn canonical(value: &Value) -> String {
    let mut members: Vec<(&String, &Value)> = value.as_object().expect("an object").iter().collect();
    members.sort_by_key(|(name, _)| *name);
    let sorted: Map<String, Value> = members.into_iter().map(|(name, value)| (name.clone(), inner(value))).collect();
    Value::Object(sorted).to_string()
}

fn inner(value: &Value) -> Value {
    match value {
        Value::Object(_) => serde_json::from_str(&canonical(value)).expect("it was JSON"),
        other => other.clone(),
    }
}

fn of_tenant(tenant: &Tenant) -> Vec<Value> {
    let name = tenant.name();
    let position = tenant.position().expect("position");
    let mut out = vec![json!({
        "tenant": name,
        "position": {"timeline": position.timeline.to_hex(), "seq": position.seq, "digest": position.digest.to_hex()},
    })];
    for batch in tenant.batches(1, 0, usize::MAX >> 1).expect("batches") {
        let (cause, target) = match batch.event.cause {
            Cause::Recorded => ("recorded", 0),
            Cause::Undo(seq) => ("undo", seq),
            Cause::Rollback(seq) => ("rollback", seq),
            Cause::Restore => ("restore", 0),
            Cause::Realign(seq) => ("realign", seq),
        };
        out.push(json!({
            "tenant": name, "batch": batch.event.seq, "digest": batch.digest.to_hex(), "time": batch.event.time.micros(),
            "clock": batch.clock_behind, "actor": batch.event.actor, "reason": batch.event.reason, "origin": batch.event.origin,
            "request": batch.request, "cause": cause, "target": target,
        }));
    }
    let mut keys: BTreeSet<Vec<u8>> = BTreeSet::new();
    keys.extend(tenant.list("").map(|v| v.expect("row").key));
    keys.extend(tenant.now().list_removed("").map(|v| v.expect("row").key));
    for key in keys {
        out.extend(tenant.history(&key).expect("history").iter().map(|version| row(name, version)));
        for r in tenant.refs(&key).expect("refs") {
            let expires = r.expires.map(|at| at.micros());
            out.push(json!({"tenant": name, "reference": [show_key(&key), r.system, r.id, r.state, r.irrevocable, expires]}));
        }
    }
    out.extend(tenant.marks().expect("marks").into_iter().map(|(mark, seq)| json!({"tenant": name, "mark": [mark, seq]})));
    for hold in tenant.holds().expect("holds") {
        let until = hold.until.map(|at| at.micros());
        out.push(json!({"tenant": name, "hold": [hold.name, show_key(&hold.prefix), until]}));
    }
    out
}

fn row(tenant: &str, version: &Version) -> Value {
    let mut out = json!({
        "tenant": tenant, "key": show_key(&version.key), "version": version.number, "size": version.size,
        "digest": version.digest.to_hex(), "seq": version.from.seq, "from": version.from.time.micros(),
        "until": version.until.as_ref().map(|end| end.time.micros()), "removed": version.removed, "meta": meta(&version.meta),
    });
    if version.forgotten.is_some() {
        out["forgotten"] = true.into();
    }
    out
}

fn meta(meta: &Meta) -> Value {
    let mut out = Map::new();
    let kind = match meta.kind {
        FileKind::File => "file",
        FileKind::Link => "link",
        FileKind::Directory => "directory",
    };
    out.insert("kind".into(), kind.into());
    if !meta.media.is_empty() {
        out.insert("media".into(), meta.media.as_str().into());
    }
    let numbers = [
        ("mode", meta.mode.map(i64::from)),
        ("mtime_ns", meta.mtime_ns),
        ("valid_from", meta.valid_from.map(|at| at.micros())),
        ("valid_until", meta.valid_until.map(|at| at.micros())),
    ];
    out.extend(numbers.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))));
    Value::Object(out)
}
