//! `log`: every version of a document, or the batches of the log.

use clap::Args;
use serde_json::Value;

use crate::base::error::Result;
use crate::base::monitor::check_stop;
use crate::engine::history::{BatchInfo, Event, Version};
use crate::engine::store::{Store, Tenant};
use crate::face::cli::context::{Context, bytes, counted};
use crate::face::cli::table::{Table, clean, cut, pad};
use crate::face::view;
use crate::model::change::Cause;
use crate::model::moment;

/// Batches fetched at a time.
const PAGE: usize = 256;

/// Show every version of a document, or the batches of the log
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals log case/2018-163\n  annals log --limit 20\n  annals log case/ --since '1 week ago'\n  annals log case/2018-163 --json=lines\n\nKEY shows its versions, PREFIX/ the batches that changed something below it, nothing all batches. The newest comes first, also in JSON.\nWhere nothing is called what stands before an @, a document that is called all of it is meant; KEY\\x40v7 always means one called KEY@v7."
)]
pub(crate) struct Log {
    /// KEY (or KEY@WHEN: up to that moment), or PREFIX/
    address: Option<String>,
    /// Only what was recorded after that moment
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// At most this many rows
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl Log {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let since = self.since.as_deref().map(|text| context.seq_since(&store, &tenant, text)).transpose()?.unwrap_or(0);
        let limit = self.limit.unwrap_or(usize::MAX);
        match self.address.as_deref().filter(|text| !text.is_empty()) {
            Some(text) if !text.ends_with('/') => versions(context, &store, &tenant, text, since, limit),
            prefix => batches(context, &store, &tenant, prefix, since, limit),
        }
    }
}

fn versions(context: &Context, store: &Store, tenant: &Tenant, text: &str, since: u64, limit: usize) -> Result<u8> {
    let address = context.address(tenant, text)?;
    let view = context.view(store, tenant, address.when.as_deref())?;
    let all = view.history(&address.key)?;
    let shown = || all.iter().rev().filter(|v| v.from.seq > since).take(limit);
    if context.out.json().is_some() {
        let mut list = context.out.list("annals.log/1");
        for version in shown() {
            list.row(String::new, || view::version(version))?;
        }
        list.finish()?;
        return Ok(0);
    }
    let zone = context.zone(store);
    let mut table = Table::new(&[">VERSION", ">WHEN", "WHO", ">SIZE", ">BATCH", "WHY"]);
    let cells =
        |version: String, e: &Event, size: String| [version, moment::show_short(e.time, &zone), e.actor.clone(), size, format!("B{}", e.seq), why(e)];
    for version in shown() {
        if let Some(end) = removal(version) {
            table.painted(cells("removed".into(), end, String::new()).map(|cell| (cell, "31")));
        }
        let size = match &version.forgotten {
            Some(forgotten) if forgotten.erased => "erased".to_owned(),
            Some(_) => "forgotten".to_owned(),
            None => bytes(version.size),
        };
        table.row(cells(format!("v{}", version.number), &version.from, size));
    }
    for line in table.lines(&context.out) {
        context.out.line(line)?;
    }
    if shown().next().is_none() {
        context.out.note("No version was recorded in that time.");
    }
    Ok(0)
}

fn removal(version: &Version) -> Option<&Event> {
    version.until.as_ref().filter(|_| version.removed)
}

/// The reason, and for batches computed from older ones what they were.
fn why(e: &Event) -> String {
    let (cause, made_up) = match e.cause {
        Cause::Recorded => return e.reason.clone(),
        Cause::Undo(seq) => (format!("undo of B{seq}"), "undo of batch "),
        Cause::Rollback(seq) => (format!("rollback to seq {seq}"), "rollback of "),
        Cause::Restore => ("restore".into(), "restore of "),
        Cause::Realign(seq) => (format!("realigned, parted after seq {seq}"), "realigned"),
    };
    // The engine makes up a reason where nobody gave one; it says the same.
    if e.reason.is_empty() || e.reason.starts_with(made_up) {
        format!("[{}]", if e.reason.is_empty() { cause } else { e.reason.clone() })
    } else {
        format!("{} [{cause}]", e.reason)
    }
}

fn batches(context: &Context, store: &Store, tenant: &Tenant, prefix: Option<&str>, since: u64, limit: usize) -> Result<u8> {
    let (zone, monitor) = (context.zone(store), context.monitor());
    let mut list = context.out.list("annals.log/1");
    let mut rows = 0;
    let mut row = |batch: &BatchInfo, touched: Option<u64>| {
        check_stop(&monitor)?;
        rows += 1;
        let text = || {
            let e = &batch.event;
            let changes = touched.unwrap_or(batch.changes);
            let undone: Vec<String> = batch.undone_by.iter().map(|seq| format!("B{seq}")).collect();
            let undone = if undone.is_empty() { String::new() } else { context.out.paint("33", &format!("  [undone by {}]", undone.join(", "))) };
            let seq = pad(&format!("B{}", e.seq), 7, true);
            let when = pad(&moment::show_short(e.time, &zone), 25, true);
            let changes = pad(&counted(changes, "change"), 14, false);
            let line = format!("{seq}  {when}  {}  {changes}  {}{undone}", pad(&clean(&e.actor), 10, false), cut(&why(e)));
            line.trim_end().to_owned()
        };
        let value = || -> Value {
            let mut value = view::batch(batch);
            if let Some(touched) = touched {
                value["touched"] = touched.into();
            }
            value
        };
        list.row(text, value)
    };
    match prefix {
        Some(prefix) => {
            for (seq, touched) in
                tenant.batches_touching(&crate::model::key::parse_key(prefix))?.into_iter().take_while(|(seq, _)| *seq > since).take(limit)
            {
                row(&tenant.batch_at(seq)?, Some(touched))?;
            }
        }
        None => {
            let (mut before, mut left) = (0, limit);
            'pages: loop {
                let page = tenant.batches_before(before, PAGE.min(left))?;
                left -= page.len();
                let Some(last) = page.last() else { break };
                before = last.event.seq;
                for batch in &page {
                    if batch.event.seq <= since {
                        break 'pages;
                    }
                    row(batch, None)?;
                }
                if before <= 1 {
                    break;
                }
            }
        }
    }
    list.finish()?;
    if rows == 0 {
        context.out.note("No batches.");
    }
    Ok(0)
}
