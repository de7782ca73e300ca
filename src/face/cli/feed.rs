//! `feed`: every change in its order, from a durable cursor.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::Monitor;
use crate::engine::feed::group::{GroupFeed, Membership};
use crate::engine::feed::{self, FeedEvent, FeedKind, Start, partition_of};
use crate::engine::store::{Tenant, turn_of};
use crate::face::view;
use crate::model::change::Tenancy;
use crate::model::key::show_key;
use crate::model::moment::{self, Zone};

use super::context::{Context, bytes, counted, grouped};
use super::out::{Json, List};
use super::progress::exit_of_signal;
use super::table::{Listed, clean, pad};

/// Events that are acknowledged together: one durable write for so many.
const PAGE: usize = 512;
/// Events that one JSON object holds at most; lines have no end.
const OBJECT_MAX: u64 = 10_000;
/// How long one attempt waits for another process to let go of the store while following.
const FOLLOW_LOCK: Duration = Duration::from_secs(1);
/// The longest pause while following, whatever other processes counted.
const FOLLOW_PAUSE: Duration = Duration::from_secs(10);

/// Every change in its order, from a durable cursor on
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  annals feed search-index --json=lines               # what is new since the last time\n  annals feed search-index --follow --json=lines | index\n  annals feed mail --group senders --member a --partitions 8 --follow --json=lines\n\nEvents come at least once and in the order of the log; none is left out. With --ack auto an event is\nacknowledged when it was handed to the output, so put nothing behind it that can lose what it read.\nWith --ack manual it comes again until annals feed ack says that it is done."
)]
pub(crate) struct Feed {
    #[command(subcommand)]
    action: Option<Action>,
    /// The consumer: a name of your own; its cursor is kept in the store
    #[arg(required = true)]
    name: Option<String>,
    /// Where a new consumer begins: start, now, or seq:N (with batch N). A known one goes on where it was
    #[arg(long, value_name = "PLACE", default_value = "start")]
    from: String,
    /// Share the work with the other members of this group
    #[arg(long, value_name = "GROUP", requires = "member")]
    group: Option<String>,
    /// This member's name in the group
    #[arg(long, value_name = "MEMBER", requires = "group")]
    member: Option<String>,
    /// To how many partitions the keys of a group are shared out
    #[arg(long, value_name = "N", default_value_t = 8, requires = "group")]
    partitions: u32,
    /// How long a member may be silent before the others take over
    #[arg(long, value_name = "TIME", default_value = "30s", requires = "group")]
    lease: String,
    /// Go on with what is recorded next, until stopped
    #[arg(long)]
    follow: bool,
    /// End after so many events
    #[arg(long, value_name = "N")]
    max: Option<u64>,
    /// Who says that an event is done: auto when it was handed to the output, manual with annals feed ack
    #[arg(long, value_name = "HOW", default_value = "auto")]
    ack: Ack,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Ack {
    Auto,
    Manual,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the consumers and how far they are
    #[command(after_help = "Example:\n  annals feed ls")]
    Ls,
    /// Forget a consumer
    #[command(after_help = "Example:\n  annals feed rm search-index")]
    Rm {
        /// The consumer
        name: String,
        /// Only this group of it
        #[arg(long, value_name = "GROUP")]
        group: Option<String>,
    },
    /// Say that everything up to and with a batch is done
    #[command(after_help = "Example:\n  annals feed ack search-index 812")]
    Ack {
        /// The consumer
        name: String,
        /// The batch: 812
        seq: u64,
    },
}

/// The events of a consumer, alone or as a member of a group.
enum Source {
    Alone(feed::Feed),
    Group(GroupFeed),
}

impl Source {
    fn next(&mut self) -> Option<Result<FeedEvent>> {
        match self {
            Source::Alone(feed) => feed.next(),
            Source::Group(feed) => feed.next(),
        }
    }
}

impl Feed {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        match &self.action {
            Some(action) => action.run(context),
            None => self.read(context),
        }
    }

    fn start(&self) -> Result<Start> {
        match self.from.as_str() {
            "start" => Ok(Start::Oldest),
            "now" => Ok(Start::Now),
            text => match text.strip_prefix("seq:").and_then(|n| n.parse().ok()) {
                Some(seq) if seq > 0 => Ok(Start::Seq(seq)),
                _ => Err(Error::usage("feed.from", format!("not a place to begin: {text}")).hint("use --from start, --from now or --from seq:N")),
            },
        }
    }

    fn open(&self, tenant: &Tenant) -> Result<Source> {
        let (name, start) = (self.name.as_deref().unwrap_or_default(), self.start()?);
        let (Some(group), Some(member)) = (&self.group, &self.member) else { return Ok(Source::Alone(tenant.feed_from(name, start)?)) };
        let lease_secs = moment::parse_duration(&self.lease)?;
        let (name, group, member) = (name.to_owned(), group.clone(), member.clone());
        Ok(Source::Group(tenant.join_feed(&Membership { name, group, member, partitions: self.partitions, lease_secs, start })?))
    }

    fn read(&self, context: &Context) -> Result<u8> {
        let object = context.out.json() == Some(Json::Object);
        if object && self.follow {
            return Err(Error::usage("feed.json", "one JSON object cannot be followed").hint("use --json=lines"));
        }
        if self.group.is_some() && self.ack == Ack::Manual {
            return Err(
                Error::usage("feed.ack", "a member of a group acknowledges by itself").hint("leave --ack manual away; the library can do more")
            );
        }
        let mut store = context.store()?;
        let zone = context.zone(&store);
        let rows = context.out.list("annals.feed/1");
        let left = self.max.unwrap_or(u64::MAX).min(if object { OBJECT_MAX } else { u64::MAX });
        let mut reading = Reading { args: self, context, rows, zone, left, last: None, object };
        let monitor = context.monitor();
        let pause = match &self.group {
            Some(_) => FOLLOW_PAUSE.min(Duration::from_millis(moment::parse_duration(&self.lease)? * 1000 / 3)),
            None => FOLLOW_PAUSE,
        };
        loop {
            let mut source = reading.open(&context.tenant(&store)?)?;
            reading.show_all(&mut source, &monitor)?;
            if !self.follow || reading.left == 0 || monitor.stopped() {
                leave(source)?;
                break;
            }
            // Others may write while this waits: the store is theirs meanwhile.
            let (dir, mut turn) = (store.dir().to_owned(), store.turn());
            drop((source, store));
            store = loop {
                let go_on = feed::wait_for_turn(&dir, turn, pause, &monitor);
                match context.store_within(FOLLOW_LOCK) {
                    Ok(store) => break store,
                    // A member that cannot say goodbye is missed when its lease ends.
                    Err(_) if !go_on => return Ok(exit_of_signal().unwrap_or(0)),
                    Err(e) if e.kind() == Kind::Locked => turn = turn_of(&dir).unwrap_or(turn),
                    Err(e) => return Err(e),
                }
            };
        }
        let Reading { rows, .. } = reading;
        if !object {
            rows.finish()?;
        }
        Ok(exit_of_signal().unwrap_or(0))
    }
}

fn leave(source: Source) -> Result<()> {
    match source {
        Source::Alone(_) => Ok(()),
        Source::Group(feed) => feed.leave(),
    }
}

/// What one command has read so far.
struct Reading<'a> {
    args: &'a Feed,
    context: &'a Context,
    rows: List<'a>,
    zone: Zone,
    left: u64,
    /// The last event that was shown.
    last: Option<FeedEvent>,
    object: bool,
}

impl Reading<'_> {
    fn open(&self, tenant: &Tenant) -> Result<Source> {
        let mut source = self.args.open(tenant)?;
        if let (Source::Alone(feed), Some(last)) = (&mut source, &self.last) {
            feed.resume_after(last);
        }
        Ok(source)
    }

    /// Shows what there is, page by page; each is acknowledged when it was handed over.
    fn show_all(&mut self, source: &mut Source, monitor: &dyn Monitor) -> Result<()> {
        let mut done: BTreeMap<u32, FeedEvent> = BTreeMap::new();
        let mut ended = false;
        while !ended {
            let mut shown = 0;
            while self.left > 0 && (shown < PAGE || self.object) && !monitor.stopped() {
                let Some(event) = source.next().transpose()? else { break };
                self.rows.row(|| line(&event, &self.zone), || view::feed_event(&event))?;
                (shown, self.left) = (shown + 1, self.left - 1);
                self.last = Some(event.clone());
                done.insert(partition_of(event.key(), self.args.partitions), event);
            }
            ended = shown < PAGE || self.object;
            if self.object {
                std::mem::replace(&mut self.rows, self.context.out.list("annals.feed/1")).finish()?;
            }
            self.context.out.flush()?;
            self.acknowledge(source, std::mem::take(&mut done), monitor)?;
        }
        Ok(())
    }

    fn acknowledge(&self, source: &mut Source, done: BTreeMap<u32, FeedEvent>, monitor: &dyn Monitor) -> Result<()> {
        match source {
            _ if self.args.ack == Ack::Manual => Ok(()),
            Source::Alone(feed) => self.last.as_ref().map_or(Ok(()), |last| feed.ack_event(last)),
            Source::Group(feed) => done.values().try_for_each(|event| match feed.ack(event) {
                Err(e) if e.code() == "feed.lease_lost" => {
                    monitor.note(&e.to_string());
                    Ok(())
                }
                other => other,
            }),
        }
    }
}

/// `812.0  put     case/7 v3  33 B  20 Nov 2026 16:49 +01:00  806  new address`
fn line(e: &FeedEvent, zone: &Zone) -> String {
    let what = match &e.kind {
        FeedKind::Put { key, version, size, .. } => format!("{} v{version}  {}", show_key(key), bytes(*size)),
        FeedKind::Delete { key, version } => format!("{} v{version}", show_key(key)),
        FeedKind::Reference { key, reference } => format!("{}  {} {} {}", show_key(key), reference.system, reference.id, reference.state),
        FeedKind::Mark { name } | FeedKind::Lift { name } => name.clone(),
        FeedKind::Tenant { tenancy: Tenancy::Dropped { until } } => format!("until {}", moment::show_short(*until, zone)),
        FeedKind::Tenant { .. } => String::new(),
        FeedKind::Hold { name, prefix } => format!("{name}  {}", show_key(prefix)),
        FeedKind::Erase { contents } => counted(*contents, "content"),
        FeedKind::Forget { rule, contents } => format!("{}  {rule}", counted(*contents, "content")),
    };
    let place = format!("{}.{}", e.event.seq, e.index);
    let when = moment::show_short(e.event.time, zone);
    let why = [&e.event.actor, &e.event.reason].map(|text| clean(text)).join("  ");
    format!("{}  {}  {}  {when}  {}", pad(&place, 8, true), pad(e.word(), 9, false), clean(what.trim_end()), why.trim()).trim_end().to_owned()
}

impl Action {
    fn run(&self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let out = &context.out;
        match self {
            Action::Ls => {
                let zone = context.zone(&store);
                let cursors = tenant.cursors()?;
                let mut rows = Listed::new(out, "annals.feed/1", &["CONSUMER", "GROUP", "PART", ">SEQ", ">BEHIND", "MEMBER", ">MOVED"]);
                for c in &cursors {
                    let cells = || {
                        let part = if c.partition.1 == 1 { String::new() } else { format!("{} of {}", c.partition.0, c.partition.1) };
                        let member = c.lease.as_ref().map_or(String::new(), |(member, _)| member.clone());
                        let (seq, behind) = (grouped(c.seq), grouped(c.behind));
                        vec![c.name.clone(), c.group.clone(), part, seq, behind, member, moment::show_short(c.moved, &zone)]
                    };
                    rows.row(cells, || view::cursor(c))?;
                }
                rows.finish()?;
                if cursors.is_empty() {
                    out.note("There are no consumers yet; annals feed NAME makes one.");
                }
            }
            Action::Rm { name, group } => {
                tenant.remove_consumer(name, group.as_deref())?;
                out.object("annals.feed/1", json!({ "name": name, "group": group, "removed": true }))?;
                out.line(format!("{} is forgotten; annals feed {} begins anew", clean(name), clean(name)))?;
            }
            Action::Ack { name, seq } => {
                tenant.ack(name, *seq)?;
                out.object("annals.feed/1", json!({ "name": name, "seq": seq }))?;
                out.line(format!("{}: done up to B{seq}", clean(name)))?;
            }
        }
        Ok(0)
    }
}
