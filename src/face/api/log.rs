//! The log: batches, marks, holds, references.

use std::io::{BufReader, Read};

use serde::Deserialize;
use serde_json::json;

use crate::base::error::{Error, Kind, Result};
use crate::base::time::Timestamp;
use crate::engine::references::Entry;
use crate::engine::store::Tenant;
use crate::face::http::{Ask, Reply};
use crate::face::lines::{self, Content, Op};
use crate::face::view;
use crate::model::key::{check_key, parse_key};
use crate::model::moment::Moment;
use crate::model::reference::Reference;

use super::question::{JSON_BYTES_MAX, Rows, batch, body, by, counted, number, object, path_number, text};

pub(super) fn batches(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let (tenant, mut rows) = (ask.tenant()?, Rows::new(ask)?);
    let before = number(ask, "before")?.unwrap_or(0);
    match ask.query("prefix") {
        Some(prefix) => {
            let mut last: Option<u64> = None;
            for (seq, touched) in tenant.batches_touching(&parse_key(prefix))?.into_iter().filter(|(seq, _)| before == 0 || *seq < before) {
                if rows.left() == 0 {
                    rows.go_on(last.unwrap_or(seq).to_string());
                    break;
                }
                let mut value = view::batch(&tenant.batch_at(seq)?);
                value["touched"] = touched.into();
                rows.add(&value, None)?;
                last = Some(seq);
            }
        }
        None => {
            let page = tenant.batches_before(before, rows.left())?;
            for batch in &page {
                rows.add(&view::batch(batch), None)?;
            }
            if let Some(last) = page.last().filter(|last| rows.left() == 0 && last.event.seq > 1) {
                rows.go_on(last.event.seq.to_string());
            }
        }
    }
    rows.reply("annals.log/1")
}

pub(super) fn one(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    object("annals.batch/1", &view::batch(&ask.tenant()?.batch_at(path_number(ask, "batch")?)?))
}

pub(super) fn changes(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let (_, all) = ask.tenant()?.batch_changes(path_number(ask, "batch")?)?;
    counted(ask, "annals.batch.changes/1", all.iter().map(view::change))
}

pub(super) fn record(ask: &Ask, body: &mut dyn Read) -> Result<Reply> {
    let tenant = ask.tenant()?;
    let mut batch = batch(ask, &tenant);
    let mut reader = BufReader::with_capacity(64 * 1024, body);
    let (mut number, mut buffer) = (0, Vec::new());
    while lines::next_line(&mut reader, &mut buffer, number + 1)? {
        number += 1;
        let line = buffer.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let (key, op) = lines::parse(number, line)?;
        let taken = check_key(&key).and_then(|()| match op {
            Op::Remove => batch.remove(&key),
            Op::Put { content: Content::Bytes(bytes), meta } => batch.put_with(&key, &mut &bytes[..], meta),
            // A file of whoever asks is not a file of the agent, which may read what they may not.
            Op::Put { content: Content::File(_), .. } => Err(Error::usage("batch.file", "a file cannot be named over HTTP; send its content")),
        });
        taken.map_err(|e| if e.kind() == Kind::Usage { lines::refused(number, &e) } else { e })?;
    }
    if batch.is_empty() {
        return Err(Error::usage("batch.empty", "there is no change in the body")
            .hint("one JSON object a line: {\"op\":\"put\",\"key\":\"a\",\"text\":\"..\"}"));
    }
    let receipt = batch.commit()?;
    let status = if receipt.repeated { 200 } else { 201 };
    Ok(Reply::json(status, text("annals.batch/1", &view::receipt(&receipt))?))
}

pub(super) fn marks(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let (tenant, mut rows) = (ask.tenant()?, Rows::new(ask)?);
    let after = ask.query("after").unwrap_or_default();
    let mut last = None;
    for (name, seq) in tenant.marks()?.into_iter().filter(|(name, _)| name.as_str() > after) {
        let time = if seq == 0 { None } else { Some(view::time(tenant.batch_at(seq)?.event.time)) };
        if !rows.add(&json!({ "mark": name, "seq": seq, "time": time }), last.take())? {
            break;
        }
        last = Some(name);
    }
    rows.reply("annals.mark/1")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkWanted {
    name: String,
}

pub(super) fn mark(ask: &Ask, sent: &mut dyn Read) -> Result<Reply> {
    let wanted: MarkWanted = body(sent, JSON_BYTES_MAX)?;
    let mut batch = batch(ask, &ask.tenant()?);
    batch.mark(&wanted.name).map_err(|e| e.at_field("name"))?;
    let receipt = batch.commit()?;
    let mut value = view::receipt(&receipt);
    value["mark"] = wanted.name.into();
    value["marked_seq"] = (receipt.position.seq - 1).into();
    Ok(Reply::json(201, text("annals.mark/1", &value)?))
}

pub(super) fn holds(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    counted(ask, "annals.hold.ls/1", ask.tenant()?.holds()?.iter().map(view::hold))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldWanted {
    name: String,
    #[serde(default)]
    prefix: String,
    until: Option<String>,
}

pub(super) fn hold(ask: &Ask, sent: &mut dyn Read) -> Result<Reply> {
    let wanted: HoldWanted = body(sent, JSON_BYTES_MAX)?;
    let (tenant, prefix) = (ask.tenant()?, parse_key(&wanted.prefix));
    let until = instant(&tenant, wanted.until.as_deref(), "until")?;
    let receipt = tenant.hold(&wanted.name, &prefix, until, &by(ask))?;
    let mut value = view::receipt(&receipt);
    value["hold"] = json!({ "name": wanted.name, "prefix": wanted.prefix, "until": until.map(view::time) });
    Ok(Reply::json(201, text("annals.hold/1", &value)?))
}

/// A time in a field of a body.
fn instant(tenant: &Tenant, text: Option<&str>, field: &str) -> Result<Option<Timestamp>> {
    match text.map(|text| tenant.moment(text)).transpose().map_err(|e| e.at_field(field))? {
        None => Ok(None),
        Some(Moment::Instant(at)) => Ok(Some(at)),
        Some(_) => Err(Error::usage("time.not", format!("{field} is a time")).hint("write a date or a time: 2027-01-31").at_field(field)),
    }
}

pub(super) fn references(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let tenant = ask.tenant()?;
    let all: Vec<Entry> = match (ask.query("system"), ask.query("id")) {
        (Some(system), Some(id)) => {
            let mut found = Vec::new();
            for key in tenant.find_ref(system, id)? {
                found.extend(tenant.ledger(Some(&key))?.into_iter().filter(|e| e.reference.system == system && e.reference.id == id));
            }
            found
        }
        (None, Some(_)) => return Err(Error::usage("http.parameter", "an id alone means nothing").hint("give system as well").at_field("system")),
        (system, None) => {
            let key = ask.query("of").map(parse_key);
            tenant.ledger(key.as_deref())?.into_iter().filter(|e| system.is_none_or(|system| e.reference.system == system)).collect()
        }
    };
    counted(ask, "annals.refs/1", all.iter().map(view::ledger_entry))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReferenceWanted {
    key: String,
    system: String,
    id: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    irrevocable: bool,
    expires: Option<String>,
    #[serde(default)]
    shared: bool,
}

pub(super) fn refer(ask: &Ask, sent: &mut dyn Read) -> Result<Reply> {
    let wanted: ReferenceWanted = body(sent, JSON_BYTES_MAX)?;
    let (tenant, key) = (ask.tenant()?, parse_key(&wanted.key));
    // A reference to a mistyped key would be found by nobody.
    tenant.refs(&key)?;
    let expires = instant(&tenant, wanted.expires.as_deref(), "expires")?;
    let reference = Reference { system: wanted.system, id: wanted.id, state: wanted.state, irrevocable: wanted.irrevocable, expires };
    let mut batch = batch(ask, &tenant);
    batch.add_ref_with(&key, reference.clone(), wanted.shared)?;
    let receipt = batch.commit()?;
    Ok(Reply::json(201, text("annals.refs.add/1", &view::ledger_entry(&Entry { key, reference, seq: receipt.position.seq }))?))
}
