//! `show`: everything about one version, or a group of documents at one moment.

use clap::Args;
use serde_json::{Value, json};

use crate::base::error::Result;
use crate::base::monitor::check_stop;
use crate::engine::find::{FieldIs, Member, Pattern};
use crate::engine::store::{Store, Tenant};
use crate::face::cli::context::{Context, bytes, counted, grouped};
use crate::face::cli::out::Json;
use crate::face::cli::table::{clean, pad};
use crate::face::view;
use crate::model::change::FileKind;
use crate::model::key::show_key;
use crate::model::moment::{self, Moment, Zone};

use super::list::prefix_and_moment;

/// Show everything about one version, or a group of documents as they were at one moment
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals show case/2018-163\n  annals show case/2018-163@v2 --json\n  annals show person/38754 --with 'sak/*?klient=38754' --at 2018-09-18\n  annals show person/ --at 'last friday'\n\nPREFIX/ or --with show a group: what existed then, what had been removed, and what did not exist yet.\nannals get prints the content; annals batch show B42 a batch."
)]
pub(crate) struct Show {
    /// KEY, KEY@WHEN, or PREFIX/
    address: String,
    /// As it was at that moment
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
    /// Also the documents whose key matches this pattern and, behind a ?, whose field has a value; may be repeated
    #[arg(long, value_name = "PATTERN[?PATH=VALUE]")]
    with: Vec<String>,
}

impl Show {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let (key, at) = prefix_and_moment(context, &tenant, Some(&self.address), self.at.as_deref())?;
        if key.is_empty() || key.ends_with(b"/") || !self.with.is_empty() {
            return group(context, &store, &tenant, &key, at.as_deref(), &self.with);
        }
        one(context, &store, &tenant, key, at)
    }
}

fn one(context: &Context, store: &Store, tenant: &Tenant, key: Vec<u8>, when: Option<String>) -> Result<u8> {
    let v = context.version(store, tenant, &moment::Address { key, when })?;
    let references = tenant.refs(&v.key)?;
    let batch = tenant.batch_at(v.from.seq)?;
    let latest = tenant.now().last_version(&v.key)?;
    let versions = latest.as_ref().map_or(v.number, |l| l.number);
    let mut value = view::version(&v);
    value["versions"] = versions.into();
    value["references"] = references.iter().map(view::reference).collect::<Vec<Value>>().into();
    value["batch"] = view::batch(&batch);
    context.out.object("annals.show/1", value)?;

    let zone = context.zone(store);
    let line = |name: &str, text: String| context.out.line(format!("{}  {text}", context.out.paint("2", &pad(name, 10, false))));
    let by = |actor: &str, seq: u64| format!("{}(B{seq})", if actor.is_empty() { String::new() } else { format!("by {} ", clean(actor)) });
    line("document", clean(&show_key(&v.key)))?;
    line("version", format!("v{} of {versions}", v.number))?;
    line("exists", format!("since {} {}", moment::show(v.from.time, &zone), by(&v.from.actor, v.from.seq)))?;
    // `v` may have been asked for as current: then its end, if any, is not part of that view.
    match &v.until {
        Some(end) => {
            let how = if v.removed { "removed" } else { "replaced" };
            line("", format!("until {} {how} {}", moment::show(end.time, &zone), by(&end.actor, end.seq)))?;
        }
        None => line("", "until now".into())?,
    }
    if !v.from.reason.is_empty() {
        line("why", clean(&v.from.reason))?;
    }
    if !v.from.origin.is_empty() {
        line("from", clean(&v.from.origin))?;
    }
    line("size", format!("{} ({} bytes)", bytes(v.size), grouped(v.size)))?;
    line("digest", format!("blake3 {}", v.digest.to_hex()))?;
    metadata(&v.meta, &zone, &line)?;
    for r in &references {
        let state = if r.state.is_empty() { String::new() } else { format!(", {}", clean(&r.state)) };
        let recall = if r.irrevocable { ", cannot be recalled" } else { "" };
        let expires = r.expires.map_or(String::new(), |at| format!(", expires {}", moment::show_short(at, &zone)));
        line("reference", format!("{} {}{state}{recall}{expires}", clean(&r.system), clean(&r.id)))?;
    }
    line("batch", format!("B{} with {}, digest {}", batch.event.seq, counted(batch.changes, "change"), batch.digest.to_hex()))?;
    for seq in &batch.undone_by {
        line("", format!("undone by B{seq}"))?;
    }
    Ok(0)
}

fn metadata(meta: &crate::model::change::Meta, zone: &Zone, line: &dyn Fn(&str, String) -> Result<()>) -> Result<()> {
    match meta.kind {
        FileKind::File => {}
        FileKind::Link => line("kind", "symbolic link".into())?,
        FileKind::Directory => line("kind", "directory".into())?,
    }
    if !meta.media.is_empty() {
        line("media", clean(&meta.media))?;
    }
    if let Some(mode) = meta.mode {
        line("mode", format!("{mode:04o}"))?;
    }
    if let Some(ns) = meta.mtime_ns {
        line("modified", moment::show(crate::base::time::Timestamp(ns.div_euclid(1000)), zone))?;
    }
    if meta.valid_from.is_some() || meta.valid_until.is_some() {
        let side = |at: Option<_>| at.map_or("…".to_owned(), |at| moment::show_short(at, zone));
        line("valid", format!("{} to {}", side(meta.valid_from), side(meta.valid_until)))?;
    }
    Ok(())
}

/// The batches around `seq` that changed a member: the last one at or before it, the first one after it.
#[derive(Default)]
struct Steps {
    last: Option<u64>,
    next: Option<u64>,
}

impl Steps {
    fn see(&mut self, seq: u64, at: u64) {
        if at <= seq {
            self.last = self.last.max(Some(at));
        } else {
            self.next = Some(self.next.map_or(at, |next| next.min(at)));
        }
    }
}

fn group(context: &Context, store: &Store, tenant: &Tenant, key: &[u8], at: Option<&str>, with: &[String]) -> Result<u8> {
    let (zone, monitor) = (context.zone(store), context.monitor());
    let seq = moment_of_group(context, store, tenant, at)?;
    let below = key.is_empty() || key.ends_with(b"/");
    let escaped = show_key(key).replace('*', "\\x2a").replace('?', "\\x3f");
    let mut patterns = vec![(Pattern::whole(&if below { format!("{escaped}**") } else { escaped }), Vec::new())];
    for text in with {
        let split = text.rsplit_once('?').and_then(|(name, condition)| Some((name, FieldIs::parse(condition).ok()?)));
        patterns.push(match split {
            Some((name, condition)) => (Pattern::whole(name), vec![condition]),
            None => (Pattern::whole(text), Vec::new()),
        });
    }
    let mut steps = Steps::default();
    let mut members: Vec<Value> = Vec::new();
    let mut list = context.out.list("annals.show/1");
    let collected = context.out.json() == Some(Json::Object);
    for (i, (pattern, fields)) in patterns.iter().enumerate() {
        tenant.each_member(pattern, fields, seq, &mut |member| {
            check_stop(&monitor)?;
            let v = member.version();
            for (before, fields) in &patterns[..i] {
                if before.matches(&v.key) && tenant.fields_hold(v, fields)? {
                    return Ok(());
                }
            }
            steps.see(seq, v.from.seq);
            v.until.iter().for_each(|end| steps.see(seq, end.seq));
            if matches!(member, Member::Removed(_)) {
                tenant.history(&v.key)?.iter().for_each(|again| steps.see(seq, again.from.seq));
            }
            if collected {
                members.push(view::member(&member));
                return Ok(());
            }
            list.row(|| member_line(context, &zone, &member), || view::member(&member))
        })?;
    }
    if steps.last.is_none() && steps.next.is_none() {
        return Err(tenant.scope(key).err().unwrap_or_else(|| {
            crate::Error::missing("document.missing", "no document belongs to this group").hint("annals ls shows the documents").at_key(key)
        }));
    }
    // One step back is the state before the last change of any member.
    let previous = steps.last.map(|last| last - 1);
    context.out.object("annals.show/1", json!({ "at_seq": seq, "members": members, "previous_seq": previous, "next_seq": steps.next }))?;
    let way = |name: &str, seq: Option<u64>| seq.map_or(String::new(), |seq| format!("{name}: --at seq:{seq}   "));
    context.out.note(format!("{}{}", way("one step back", previous), way("one step on", steps.next)).trim_end());
    Ok(0)
}

/// The last batch that the moment includes; before the first record it is 0, where nothing existed yet.
fn moment_of_group(context: &Context, store: &Store, tenant: &Tenant, at: Option<&str>) -> Result<u64> {
    let Some(text) = at else { return Ok(tenant.position()?.seq) };
    let when = context.moment(store, text)?;
    match tenant.resolve(&when) {
        Ok(seq) => {
            context.echo(store, tenant, &when)?;
            Ok(seq)
        }
        Err(e) if e.code() == "moment.early" => {
            if let Moment::Instant(at) = when {
                context.out.note(format!("as of {}, before the first record", moment::show(at, &context.zone(store))));
            }
            Ok(0)
        }
        Err(e) => Err(e),
    }
}

fn member_line(context: &Context, zone: &Zone, member: &Member) -> String {
    let v = member.version();
    let key = clean(&show_key(&v.key));
    let by = |actor: &str| if actor.is_empty() { String::new() } else { format!(" by {}", clean(actor)) };
    match member {
        Member::Exists(_) => {
            let since = moment::show_short(v.from.time, zone);
            format!("{key}  v{}  {}  since {since}{}", v.number, bytes(v.size), by(&v.from.actor))
        }
        Member::NotYet(_) => {
            let text = format!("{key}  did not exist yet (recorded {}{})", moment::show_short(v.from.time, zone), by(&v.from.actor));
            context.out.paint("2", &text)
        }
        Member::Removed(_) => {
            let end = v.until.as_ref().unwrap_or(&v.from);
            context.out.paint("31", &format!("{key}  removed {}{} (was v{})", moment::show_short(end.time, zone), by(&end.actor), v.number))
        }
    }
}
