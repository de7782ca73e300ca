//! `batch`: changes that become part of history together, and looking at batches.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::engine::record::Receipt;
use crate::engine::store::Tenant;
use crate::face::cli::context::{Context, bytes, counted};
use crate::face::cli::everyday::batch_number;
use crate::face::cli::table::{Table, clean, pad};
use crate::face::lines::{self, Content, Op};
use crate::face::{view, world};
use crate::model::change::{Change, Meta, Tenancy};
use crate::model::key::{check_key, parse_key, show_key};
use crate::model::moment;

/// Record many changes as one batch, or look at batches
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals batch --from prices.ndjson --reason 'new prices'\n  export-cases | annals batch --from - --as 806 --reason import --json\n\n  annals batch begin --reason 'spring cleaning'     # says D1\n  annals batch add D1 case/7 case-7.json\n  annals batch add D1 case/8 --remove\n  annals batch commit D1\n\nLines of --from: {\"op\":\"put\",\"key\":..,\"json\":..|\"text\":..|\"base64\":..|\"file\":..,\"media\":..,\"meta\":{..}} or {\"op\":\"remove\",\"key\":..}.\nOne bad line (exit code 2, with its number) and nothing is recorded. The last word on a key counts."
)]
pub(crate) struct Batch {
    #[command(subcommand)]
    action: Option<Action>,
    /// Read the changes from this file of JSON lines, - for standard input
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// An id of this request: sent again, it is recorded once
    #[arg(long, value_name = "ID", default_value = "")]
    request_id: String,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Open a batch that is filled over several commands
    #[command(after_help = "Example:\n  annals batch begin --as 806 --reason 'spring cleaning'")]
    Begin,
    /// Add a document, or its removal, to an open batch
    #[command(after_help = "Examples:\n  annals batch add D1 case/7 case-7.json\n  annals batch add D1 case/8 --remove")]
    Add {
        /// The open batch: D1
        batch: String,
        /// The document's name
        key: String,
        /// The file with its content, - for standard input
        #[arg(required_unless_present = "remove")]
        file: Option<PathBuf>,
        /// Remove the document
        #[arg(long, conflicts_with_all = ["file", "media"])]
        remove: bool,
        /// Media type, like application/json
        #[arg(long, value_name = "TYPE", default_value = "")]
        media: String,
    },
    /// Make an open batch part of history
    #[command(after_help = "Example:\n  annals batch commit D1")]
    Commit {
        /// The open batch: D1
        batch: String,
    },
    /// List the open batches; annals log lists the recorded ones
    #[command(after_help = "Example:\n  annals batch ls")]
    Ls,
    /// Show a batch and its changes
    #[command(after_help = "Examples:\n  annals batch show B42\n  annals batch show D1 --json")]
    Show {
        /// B42 for a recorded batch, D1 for an open one
        batch: String,
    },
    /// Forget an open batch
    #[command(after_help = "Example:\n  annals batch drop D1")]
    Drop {
        /// The open batch: D1
        batch: String,
    },
}

/// The number of an open batch: `D3` or `3`.
fn open_number(text: &str) -> Result<i64> {
    let digits = text.strip_prefix(['D', 'd']).unwrap_or(text);
    match digits.parse() {
        Ok(number) if digits.bytes().all(|b| b.is_ascii_digit()) => Ok(number),
        _ => Err(Error::usage("batch.number", format!("not an open batch: {text}")).hint("write D1; annals batch ls shows the open ones")),
    }
}

/// The file, or standard input for `-`.
fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufReader::with_capacity(1 << 20, world::stdin())));
    }
    let unreadable = |e| {
        Error::usage("file.unreadable", format!("cannot read {}: {e}", path.display()))
            .hint("check its name and who may read it; - is standard input")
    };
    Ok(Box::new(BufReader::with_capacity(1 << 20, File::open(path).map_err(unreadable)?)))
}

impl Batch {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        match (self.action, self.from) {
            (Some(action), None) => {
                let store = context.store()?;
                action.run(context, &context.tenant(&store)?, &context.zone(&store))
            }
            (None, Some(from)) => record(context, &from, &self.request_id),
            (Some(_), Some(_)) => {
                Err(Error::usage("batch.both", "--from is a batch of its own").hint("leave out begin, add, commit, ls, show and drop"))
            }
            (None, None) => Err(Error::usage("batch.what", "nothing to do was named")
                .hint("annals batch --from FILE records a file of changes; annals batch begin opens a batch; annals batch --help")),
        }
    }
}

/// What the lines held.
#[derive(Default)]
struct Counts {
    lines: u64,
    put: u64,
    removed: u64,
    bytes: u64,
}

fn record(context: &Context, from: &Path, request_id: &str) -> Result<u8> {
    context.refuse_plan()?;
    let store = context.store()?;
    let tenant = context.tenant(&store)?;
    let by = context.by();
    let mut reader = open(from)?;
    let mut batch = tenant.batch(&by.reason).actor(&by.actor).origin(&by.origin).request_id(request_id);
    let (monitor, mut counts, mut number, mut buffer) = (context.monitor(), Counts::default(), 0, Vec::new());
    while lines::next_line(&mut *reader, &mut buffer, number + 1)? {
        number += 1;
        let line = buffer.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if number % 256 == 0 {
            check_stop(&monitor)?;
            monitor.progress(&Progress { phase: "reading", items: number, bytes: counts.bytes, ..Progress::default() });
        }
        let (key, op) = lines::parse(number, line)?;
        counts.lines += 1;
        // What is wrong with a line is told with its number; what is wrong with the disk is told as it is.
        take(context, &mut batch, &mut counts, &key, op).map_err(|e| if e.kind() == Kind::Usage { lines::refused(number, &e) } else { e })?;
    }
    drop(monitor);
    let mut value = json!({ "lines": counts.lines, "put": counts.put, "removed": counts.removed, "bytes": counts.bytes });
    if context.globals.dry_run {
        context.out.object("annals.batch/1", value)?;
        context.out.line(format!("{}, well-formed; nothing was recorded", counted(counts.lines, "line")))?;
        return Ok(0);
    }
    if batch.is_empty() {
        return Err(Error::usage("batch.empty", "there is no change in the input")
            .hint("one JSON object a line: {\"op\":\"put\",\"key\":\"a\",\"text\":\"..\"}"));
    }
    let receipt = batch.commit()?;
    let counted = std::mem::take(&mut value);
    let mut value = view::receipt(&receipt);
    if let (Value::Object(to), Value::Object(more)) = (&mut value, counted) {
        to.extend(more);
    }
    context.out.object("annals.batch/1", value)?;
    context.out.line(committed(&receipt, counts.bytes))?;
    Ok(0)
}

fn take(context: &Context, batch: &mut crate::Batch, counts: &mut Counts, key: &[u8], op: Op<'_>) -> Result<()> {
    check_key(key)?;
    match op {
        Op::Remove => {
            counts.removed += 1;
            batch.remove(key)
        }
        Op::Put { content, meta } => {
            counts.put += 1;
            match content {
                Content::Bytes(content) => {
                    counts.bytes += content.len() as u64;
                    if context.globals.dry_run { Ok(()) } else { batch.put_with(key, &mut &content[..], meta) }
                }
                Content::File(path) => {
                    let path = world::whole(&path)?;
                    let unreadable = |e| Error::usage("file.unreadable", format!("cannot read {}: {e}", path.display()));
                    let mut file = File::open(&path).map_err(unreadable)?;
                    let about = file.metadata().map_err(unreadable)?;
                    if !about.is_file() {
                        return Err(Error::usage("file.unreadable", format!("not a file: {}", path.display())));
                    }
                    counts.bytes += about.len();
                    if context.globals.dry_run { Ok(()) } else { batch.put_with(key, &mut file, meta) }
                }
            }
        }
    }
}

fn committed(receipt: &Receipt, size: u64) -> String {
    let seq = receipt.position.seq;
    let again = if receipt.repeated { " (recorded before)" } else { "" };
    let size = if size > 0 { format!(" · {}", bytes(size)) } else { String::new() };
    format!("B{seq} · {}{size}{again} · annals undo B{seq} takes it back", counted(receipt.changes, "change"))
}

impl Action {
    fn run(self, context: &Context, tenant: &Tenant, zone: &moment::Zone) -> Result<u8> {
        let out = &context.out;
        if !matches!(self, Action::Ls | Action::Show { .. }) {
            context.refuse_dry_run()?;
        }
        match self {
            Action::Begin => {
                let by = context.by();
                let number = tenant.begin_draft(&by.actor, &by.reason)?;
                out.object("annals.batch/1", view::open_batch(&tenant.open_batch(number)?))?;
                out.line(format!("D{number}"))?;
                out.note(format!("Open. annals batch add D{number} KEY FILE fills it, annals batch commit D{number} records it."));
            }
            Action::Add { batch, key, file, remove, media } => {
                let (number, key) = (open_number(&batch)?, parse_key(&key));
                let meta = Meta { media, ..Meta::default() };
                match file.filter(|_| !remove) {
                    Some(path) => tenant.add_to_draft(number, &key, Some(&mut open(&path)?), meta)?,
                    None => tenant.add_to_draft(number, &key, None, meta)?,
                }
                out.object(
                    "annals.batch/1",
                    json!({ "open": format!("D{number}"), "key": show_key(&key), "op": if remove { "remove" } else { "put" } }),
                )?;
                out.line(format!("D{number} + {}{}", if remove { "removal of " } else { "" }, clean(&show_key(&key))))?;
            }
            Action::Commit { batch } => {
                let number = open_number(&batch)?;
                let receipt = tenant.commit_draft(number, "")?;
                out.object("annals.batch/1", view::receipt(&receipt))?;
                out.line(committed(&receipt, 0))?;
            }
            Action::Ls => list(context, tenant, zone)?,
            Action::Show { batch } if batch.starts_with(['D', 'd']) => show_open(context, tenant, zone, open_number(&batch)?)?,
            Action::Show { batch } => show(context, tenant, zone, batch_number(&batch)?)?,
            Action::Drop { batch } => {
                let number = open_number(&batch)?;
                tenant.drop_open_batch(number)?;
                out.object("annals.batch/1", json!({ "open": format!("D{number}"), "dropped": true }))?;
                out.line(format!("D{number} is forgotten; nothing of it was recorded"))?;
            }
        }
        Ok(0)
    }
}

fn list(context: &Context, tenant: &Tenant, zone: &moment::Zone) -> Result<()> {
    let open = tenant.open_batches()?;
    let mut rows = context.out.list("annals.batch/1");
    let mut table = Table::new(&["OPEN", ">SINCE", "WHO", "WHY"]);
    for batch in &open {
        if context.out.json().is_some() {
            rows.row(String::new, || view::open_batch(batch))?;
        }
        table.row([format!("D{}", batch.number), moment::show_short(batch.started, zone), batch.actor.clone(), batch.reason.clone()]);
    }
    rows.finish()?;
    if open.is_empty() {
        context.out.note("No batch is open. annals log lists the recorded ones.");
    }
    table.lines(&context.out).iter().try_for_each(|line| context.out.line(line))
}

fn show_open(context: &Context, tenant: &Tenant, zone: &moment::Zone, number: i64) -> Result<()> {
    let (batch, changes) = (tenant.open_batch(number)?, tenant.open_changes(number)?);
    let mut value = view::open_batch(&batch);
    value["changes"] = changes.iter().map(view::open_change).collect::<Vec<Value>>().into();
    context.out.object("annals.batch/1", value)?;
    let why = if batch.reason.is_empty() { String::new() } else { format!(" · {}", clean(&batch.reason)) };
    context.out.line(format!("D{number} · open since {} · {}{why}", moment::show_short(batch.started, zone), clean(&batch.actor)))?;
    for change in &changes {
        let (what, size) = change.content.map_or(("remove", String::new()), |(_, size)| ("put", bytes(size)));
        context.out.line(format!("  {}  {}  {}", pad(what, 6, false), pad(&size, 8, true), clean(&show_key(&change.key))))?;
    }
    Ok(())
}

fn show(context: &Context, tenant: &Tenant, zone: &moment::Zone, seq: u64) -> Result<()> {
    let out = &context.out;
    let (batch, changes) = tenant.batch_changes(seq)?;
    let mut value = view::batch(&batch);
    value["items"] = changes.iter().map(view::change).collect::<Vec<Value>>().into();
    out.object("annals.batch/1", value)?;
    let e = &batch.event;
    let why = if e.reason.is_empty() { String::new() } else { format!(" · {}", clean(&e.reason)) };
    out.line(format!("B{seq} · {} · {}{why}", moment::show(e.time, zone), clean(&e.actor)))?;
    out.line(format!("  {} · from {} · digest {}", counted(batch.changes, "change"), clean(&e.origin), batch.digest.to_hex()))?;
    for by in &batch.undone_by {
        out.line(out.paint("33", &format!("  undone by B{by}")))?;
    }
    for change in &changes {
        let (what, size, name) = match change {
            Change::Put { key, size, .. } => ("put", bytes(*size), show_key(key)),
            Change::Remove { key } => ("remove", String::new(), show_key(key)),
            Change::Refer { key, reference: r } => ("refer", String::new(), format!("{} {} {} {}", show_key(key), r.system, r.id, r.state)),
            Change::Mark { name } => ("mark", String::new(), name.clone()),
            Change::MarkAt { name, seq } => ("mark", String::new(), format!("{name} at B{seq}")),
            Change::Tenant(Tenancy::Dropped { until }) => ("drop", String::new(), format!("the tenant, until {}", moment::rfc3339_utc(*until))),
            Change::Tenant(Tenancy::Back) => ("undrop", String::new(), "the tenant".to_owned()),
            Change::Tenant(Tenancy::Gone) => ("gone", String::new(), "the tenant".to_owned()),
            Change::Hold { name, prefix, .. } => ("hold", String::new(), format!("{name} {}", show_key(prefix))),
            Change::Lift { name } => ("lift", String::new(), name.clone()),
            Change::Erase { contents, .. } => ("erase", String::new(), counted(contents.len() as u64, "content")),
            Change::Forget { rule, contents } => ("forget", String::new(), format!("{} ({rule})", counted(contents.len() as u64, "content"))),
        };
        out.line(format!("  {}  {}  {}", pad(what, 6, false), pad(&size, 8, true), clean(name.trim_end())))?;
    }
    Ok(())
}
