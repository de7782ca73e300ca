//! The change feed: what consumers have not acknowledged yet, alone or shared out among the members of a group. Nothing is remembered
//! between two requests but what the catalogue has, so a lost answer costs nothing.

use std::io::Read;

use serde::Deserialize;
use serde_json::json;

use crate::base::error::{Error, Kind, Result};
use crate::engine::feed::Start;
use crate::engine::feed::group::Membership;
use crate::face::http::{Ask, Reply};
use crate::face::view;
use crate::model::moment::parse_duration;

use super::question::{JSON_BYTES_MAX, Rows, body, counted, number, object, required};

/// Partitions and lease of a group where none are asked for, as on the command line.
const PARTITIONS: u32 = 8;
const LEASE: &str = "30s";

/// Where a consumer that is new begins.
fn start(ask: &Ask) -> Result<Start> {
    Ok(match ask.query("from") {
        None | Some("start") => Start::Oldest,
        Some("now") => Start::Now,
        Some(text) => match text.strip_prefix("seq:").and_then(|n| n.parse().ok()) {
            Some(seq) if seq > 0 => Start::Seq(seq),
            _ => {
                return Err(Error::usage("feed.from", format!("not a place to begin: {text}")).hint("use start, now or seq:N").at_field("from"));
            }
        },
    })
}

/// The member of a group that asks, where one does.
fn membership(ask: &Ask) -> Result<Option<Membership>> {
    let (group, member) = match (ask.query("group"), ask.query("member")) {
        (None, None) => return Ok(None),
        (Some(group), Some(member)) => (group.to_owned(), member.to_owned()),
        (group, _) => {
            let missing = if group.is_some() { "member" } else { "group" };
            return Err(Error::usage("feed.member", "a group has members with names of their own").hint("give group and member").at_field(missing));
        }
    };
    let partitions = match number(ask, "partitions")? {
        None => PARTITIONS,
        // What is too many is told by the engine.
        Some(n) => u32::try_from(n).unwrap_or(u32::MAX),
    };
    let lease_secs = parse_duration(ask.query("lease").unwrap_or(LEASE)).map_err(|e| e.at_field("lease"))?;
    Ok(Some(Membership { name: ask.named("consumer").to_owned(), group, member, partitions, lease_secs, start: start(ask)? }))
}

/// A member leaves its group.
pub(super) fn leave(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let consumer = ask.named("consumer");
    let membership = required(membership(ask)?, "member")?;
    let tenant = ask.tenant()?;
    if !tenant.cursors()?.iter().any(|c| c.name == consumer && c.group == membership.group) {
        return Err(
            Error::missing("feed.missing", format!("there is no group {} of {consumer}", membership.group)).hint("GET /api/v1/feed lists them")
        );
    }
    tenant.join_feed(&membership)?.leave()?;
    object("annals.feed/1", &json!({ "name": consumer, "group": membership.group, "removed": false }))
}

pub(super) fn consumers(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    counted(ask, "annals.feed/1", ask.tenant()?.cursors()?.iter().map(view::cursor))
}

/// `812.3`: the fourth change of batch 812.
fn place(text: &str) -> Result<(u64, u64)> {
    let parsed = text.split_once('.').and_then(|(seq, index)| Some((seq.parse().ok()?, index.parse().ok()?)));
    parsed.ok_or_else(|| Error::usage("http.parameter", format!("after is {text:?}, not a place like 812.0")).at_field("after"))
}

pub(super) fn read(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let mut rows = Rows::new(ask)?;
    let after = ask.query("after").map(place).transpose()?;
    if let Some(membership) = membership(ask)? {
        if after.is_some() {
            // The partitions of a group take turns: there is no place that all before it came before.
            return Err(Error::usage("http.parameter", "a member of a group goes on by acknowledging").hint("leave after out").at_field("after"));
        }
        for event in ask.tenant()?.join_feed(&membership)?.take(rows.left()) {
            rows.add(&view::feed_event(&event?), None)?;
        }
        return rows.reply("annals.feed/1");
    }
    let mut last = None;
    for event in ask.tenant()?.feed_from(ask.named("consumer"), start(ask)?)? {
        let event = event?;
        let here = (event.event.seq, event.index);
        if after.is_some_and(|after| here <= after) {
            continue;
        }
        if !rows.add(&view::feed_event(&event), last.take())? {
            break;
        }
        last = Some(format!("{}.{}", here.0, here.1));
    }
    rows.reply("annals.feed/1")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Acknowledged {
    seq: u64,
    /// Up to and with this change of the batch; the whole batch where absent.
    index: Option<u64>,
}

pub(super) fn acknowledge(ask: &Ask, sent: &mut dyn Read) -> Result<Reply> {
    let done: Acknowledged = body(sent, JSON_BYTES_MAX)?;
    let (tenant, consumer) = (ask.tenant()?, ask.named("consumer"));
    if let Some(membership) = membership(ask)? {
        let index = required(done.index, "index")?;
        let mut feed = tenant.join_feed(&membership)?;
        let event = feed.find(|event| event.as_ref().map_or(true, |event| (event.event.seq, event.index) == (done.seq, index)));
        let event = event.transpose()?.ok_or_else(|| {
            let text = format!("change {}.{index} is not in the hands of member {} of {}", done.seq, membership.member, membership.group);
            Error::new(Kind::Refused, "feed.lease_lost", text).hint("it was acknowledged already, or another member has it by now; read on")
        })?;
        feed.ack(&event)?;
        return object("annals.feed/1", &json!({ "name": consumer, "seq": done.seq, "group": membership.group }));
    }
    match done.index {
        None => tenant.ack(consumer, done.seq)?,
        Some(index) => {
            // Only a consumer that is known acknowledges: reading would make one.
            if !tenant.cursors()?.iter().any(|c| c.name == consumer) {
                tenant.ack(consumer, done.seq)?;
            }
            let mut feed = tenant.feed(consumer)?;
            while let Some(event) = feed.next().transpose()? {
                if (event.event.seq, event.index) >= (done.seq, index) {
                    feed.ack_event(&event)?;
                    break;
                }
            }
        }
    }
    object("annals.feed/1", &json!({ "name": consumer, "seq": done.seq }))
}

pub(super) fn forget(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let consumer = ask.named("consumer");
    ask.tenant()?.remove_consumer(consumer, ask.query("group"))?;
    object("annals.feed/1", &json!({ "name": consumer, "group": ask.query("group"), "removed": true }))
}
