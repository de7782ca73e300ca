//! Documents: put, get, remove, list, find, history, fields, differences.

use std::io::Read;

use axum::http::header;

use crate::base::error::{Error, Result};
use crate::engine::find::{FieldIs, Pattern, Query};
use crate::engine::history::{Event, Version};
use crate::engine::store::Tenant;
use crate::face::http::{Ask, Content, Reply, attachment};
use crate::face::view::{self, FieldChangeRow, FieldRow};
use crate::model::change::Meta;
use crate::model::field;
use crate::model::key::{parse_key, show_key};
use crate::model::moment::{self, Address, Moment};
use crate::model::text::CONTEXT_LINES;

use super::question::{Rows, batch, done, number, object, prefix, switch, text};

/// Bytes of a document that are read at a time for a part of it.
const PART_BYTES: u64 = 1 << 20;
/// Work that one answer of a search may cost: names that are looked at, of which an opened document counts as fifty. An answer may have no
/// rows and go on all the same.
const EFFORT: usize = 100_000;

/// The version that is meant: now, or at the moment that is named; `at=v7` is version 7.
fn version(ask: &Ask, tenant: &Tenant) -> Result<Version> {
    tenant.find_version(ask.key()?, ask.moment()?.as_ref())
}

fn tag(version: &Version) -> String {
    format!("\"v{}\"", version.number)
}

pub(super) fn get(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let tenant = ask.tenant()?;
    let version = version(ask, &tenant)?;
    let etag = tag(&version);
    let name = show_key(&version.key);
    let media = if version.meta.media.is_empty() { "application/octet-stream".to_owned() } else { version.meta.media.clone() };
    let (status, content, range) = if ask.header("if-none-match").is_some_and(|known| known.split(',').any(|one| one.trim() == etag)) {
        (304, Content::Text(String::new()), None)
    } else {
        match range(ask, &version, &etag) {
            Range::Whole => {
                let mut reader = tenant.open(&version)?;
                (200, Content::Pieces(version.size, Box::new(move || reader.next_run().map(<[u8]>::to_vec))), None)
            }
            Range::Part(from, to) => {
                let (size, mut at) = (version.size, from);
                let part = version.clone();
                let next = move || {
                    let until = to.min(at + PART_BYTES);
                    let piece = if at < until { tenant.read_part(&part, at, until)? } else { Vec::new() };
                    at = until;
                    Ok(piece)
                };
                (206, Content::Pieces(to - from, Box::new(next)), Some(format!("bytes {from}-{}/{size}", to - 1)))
            }
            Range::Nowhere => (416, Content::Text(String::new()), Some(format!("bytes */{}", version.size))),
        }
    };
    let reply = Reply { status, headers: Vec::new(), media, content };
    let reply = reply
        .with(header::ETAG, etag)
        .with(header::ACCEPT_RANGES, "bytes")
        .with(header::CONTENT_DISPOSITION, attachment(&name))
        // Whatever a document holds, it does nothing in a browser.
        .with(header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox")
        .with(header::HeaderName::from_static("annals-digest"), version.digest.to_hex())
        .with(header::HeaderName::from_static("annals-seq"), version.from.seq.to_string());
    Ok(match range {
        Some(range) => reply.with(header::CONTENT_RANGE, range),
        None => reply,
    })
}

enum Range {
    Whole,
    Part(u64, u64),
    Nowhere,
}

/// The part that is asked for (RFC 9110, section 14): one range; anything else means the whole.
fn range(ask: &Ask, version: &Version, etag: &str) -> Range {
    let size = version.size;
    let Some(text) = ask.header("range").and_then(|text| text.strip_prefix("bytes=")) else { return Range::Whole };
    if ask.header("if-range").is_some_and(|known| known != etag) {
        return Range::Whole;
    }
    let Some((from, to)) = text.split_once('-') else { return Range::Whole };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    let (from, to) = match (digits(from), digits(to)) {
        (Some(from), Some(to)) if from <= to => (from, to.saturating_add(1).min(size)),
        (Some(from), None) if to.is_empty() => (from, size),
        (None, Some(last)) if from.is_empty() => (size.saturating_sub(last), size),
        _ => return Range::Whole,
    };
    if from < to { Range::Part(from, to) } else { Range::Nowhere }
}

/// The version that must be current, from `If-Match` or `If-None-Match`; 0 is none at all.
fn expected(ask: &Ask, tenant: &Tenant, key: &[u8]) -> Result<Option<u64>> {
    if let Some(text) = ask.header("if-none-match") {
        return match text.trim() {
            "*" => Ok(Some(0)),
            _ => Err(Error::usage("http.condition", "If-None-Match of a put can only be *: the document must not exist yet")),
        };
    }
    let Some(text) = ask.header("if-match").map(str::trim) else { return Ok(None) };
    if text == "*" {
        return Ok(Some(tenant.find_version(key, None)?.number));
    }
    let number = text.trim_matches('"').trim_start_matches('v').parse().ok().filter(|n| *n > 0);
    let wrong =
        || Error::usage("http.condition", format!("If-Match is {text:?}, not a version")).hint("write If-Match: \"v7\", as the ETag of GET has it");
    number.ok_or_else(wrong).map(Some)
}

pub(super) fn put(ask: &Ask, body: &mut dyn Read) -> Result<Reply> {
    let (tenant, key) = (ask.tenant()?, ask.key()?);
    let expected = expected(ask, &tenant, &key)?;
    // What curl says where nobody said anything is no media type of a document.
    let media = ask.header("content-type").filter(|media| *media != "application/x-www-form-urlencoded").unwrap_or_default();
    let meta = Meta { media: media.to_owned(), ..Meta::default() };
    let mut batch = batch(ask, &tenant);
    match expected {
        Some(number) => batch.put_if_version(&key, body, meta, number)?,
        None => batch.put_with(&key, body, meta)?,
    }
    let receipt = batch.commit()?;
    // As this batch left it: where the request is repeated, the document may have changed or gone since.
    let version = tenant.find_version(&key, Some(&Moment::Seq(receipt.position.seq)))?;
    let status = if receipt.repeated { 200 } else { 201 };
    Ok(Reply::json(status, text("annals.put/1", &view::put(&receipt, &version))?).with(header::ETAG, tag(&version)))
}

pub(super) fn remove(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let (tenant, key) = (ask.tenant()?, ask.key()?);
    let mut batch = batch(ask, &tenant);
    match expected(ask, &tenant, &key)? {
        Some(number) => batch.remove_if_version(&key, number)?,
        None => batch.remove(&key)?,
    }
    let receipt = batch.commit()?;
    let mut value = view::receipt(&receipt);
    value["removed"] = 1.into();
    value["keys"] = serde_json::json!([show_key(&key)]);
    object("annals.rm/1", &value)
}

pub(super) fn about(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let tenant = ask.tenant()?;
    let version = version(ask, &tenant)?;
    let versions = tenant.now().last_version(&version.key)?.map_or(version.number, |last| last.number);
    let mut value = view::version(&version);
    value["versions"] = versions.into();
    value["references"] = tenant.refs(&version.key)?.iter().map(view::reference).collect();
    value["batch"] = view::batch(&tenant.batch_at(version.from.seq)?);
    object("annals.show/1", &value)
}

pub(super) fn list(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let removed = switch(ask, "deleted")?;
    let mut rows = Rows::new(ask)?;
    let view = ask.view()?;
    let after = ask.query("after").map(parse_key);
    let since = number(ask, "since")?.unwrap_or(0);
    let prefix = prefix(ask);
    let listing = if removed { view.list_removed(&prefix) } else { view.list(&prefix) };
    let mut last = None;
    for version in listing.after(after) {
        let version = version?;
        let event = if removed { version.until.as_ref().unwrap_or(&version.from) } else { &version.from };
        if event.seq <= since {
            continue;
        }
        if !rows.add(&view::version(&version), last.take())? {
            break;
        }
        last = Some(show_key(&version.key));
    }
    rows.reply("annals.ls/1")
}

pub(super) fn find(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let reference = ask.query("ref").map(|text| match text.split_once(':') {
        Some((system, id)) if !system.is_empty() && !id.is_empty() => Ok((system.to_owned(), id.to_owned())),
        _ => Err(Error::usage("find.reference", format!("not a reference: {text}")).hint("write SYSTEM:ID, for example svarut:77").at_field("ref")),
    });
    let query = Query {
        name: ask.query("name").map(Pattern::parse),
        fields: ask.query_all("field").map(FieldIs::parse).collect::<Result<_>>()?,
        reference: reference.transpose()?,
        actor: ask.query("by").map(str::to_owned),
        removed: switch(ask, "deleted")?,
    };
    if query.name.is_none() && query.fields.is_empty() && query.reference.is_none() && query.actor.is_none() {
        return Err(Error::usage("find.nothing", "nothing to look for").hint("give name, field, ref or by; GET /api/v1/documents lists everything"));
    }
    let mut rows = Rows::new(ask)?;
    let after = ask.query("after").map(parse_key);
    let found = ask.view()?.find_page(&query, after.as_deref(), rows.left(), EFFORT)?;
    for version in &found.rows {
        rows.add(&view::version(version), None)?;
    }
    if let Some(next) = found.next {
        rows.go_on(show_key(&next));
    }
    rows.reply("annals.find/1")
}

pub(super) fn history(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let mut rows = Rows::new(ask)?;
    let before = number(ask, "before")?.unwrap_or(u64::MAX);
    let all = ask.view()?.history(ask.key()?)?;
    let mut last = None;
    for version in all.iter().rev().filter(|v| v.number < before) {
        if !rows.add(&view::version(version), last.take())? {
            break;
        }
        last = Some(version.number.to_string());
    }
    rows.reply("annals.log/1")
}

/// One end of a range: a version of the document, or a place in the log.
#[derive(Clone, Copy)]
enum End {
    Version(u64),
    Seq(u64),
}

pub(super) fn fields(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let (tenant, mut rows) = (ask.tenant()?, Rows::new(ask)?);
    let filter = ask.query("field").map(str::parse::<field::Path>).transpose()?;
    let end = |moment: Moment| match moment {
        Moment::Version(n) => Ok(End::Version(n)),
        other => match tenant.resolve(&other) {
            Err(e) if e.code() == "moment.early" => Ok(End::Seq(0)),
            seq => seq.map(End::Seq),
        },
    };
    let range = ask.query("range").map(|text| moment::parse_range(text, ask.store()?.now_is(), &ask.zone()?)).transpose()?;
    let (from, until) = match range {
        Some(range) => (range.from.map(end).transpose()?, range.until.map(end).transpose()?),
        None => (None, None),
    };
    let wanted = move |number: u64, event: &Event| {
        let after = |end: End| match end {
            End::Version(n) => number > n,
            End::Seq(seq) => event.seq > seq,
        };
        from.is_none_or(after) && until.is_none_or(|end| !after(end))
    };
    let (from_place, mut place) = (done(ask)?, 0);
    'steps: for step in tenant.fields(ask.key()?, filter)?.only(wanted) {
        let step = step?;
        // A version that cannot be seen as fields is passed over, as `annals fields` does.
        for row in step.rows.iter().flatten() {
            place += 1;
            if place <= from_place {
                continue;
            }
            let row = FieldChangeRow {
                version: step.version,
                removed: step.removed,
                field: FieldRow::new(row, None),
                time: view::time(step.event.time),
                actor: &step.event.actor,
                reason: &step.event.reason,
                seq: step.event.seq,
            };
            if !rows.add(&row, Some((place - 1).to_string()))? {
                break 'steps;
            }
        }
    }
    rows.reply("annals.fields/1")
}

pub(super) fn diff(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let tenant = ask.tenant()?;
    let key = ask.key()?;
    let at = |name: &str| ask.query(name).map(|text| tenant.moment(text)).transpose();
    let new = tenant.find_version(&key, at("new")?.as_ref())?;
    let old = match at("old")? {
        Some(when) => tenant.find_version(&key, Some(&when))?,
        None if new.number == 1 => {
            return Err(Error::missing("version.missing", format!("{} v1 is the first, nothing to compare it with", show_key(&key)))
                .hint("name another version with old=")
                .at_key(&key));
        }
        None => tenant.find_version(&key, Some(&Moment::Version(new.number - 1)))?,
    };
    let pair = tenant.diff(old, new)?;
    let comparison = pair.compare(switch(ask, "all")?, CONTEXT_LINES);
    let name = |v: &Version| Address::show(&v.key, Some(&format!("v{}", v.number)));
    let (old, new) = (name(&pair.old), name(&pair.new));
    object("annals.diff/1", &view::difference(&pair.old, &pair.new, (&old, &new), &comparison, |_| None))
}
