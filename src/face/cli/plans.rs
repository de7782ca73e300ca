//! Plans on the command line: shown, asked about, saved or applied. Shared by every verb that changes more than one document.

use std::cell::RefCell;

use crate::base::error::{Error, Result};
use crate::engine::plans::Applied;
use crate::engine::store::Tenant;
use crate::face::view::{self, Planned};
use crate::model::plan::{Action, FieldConflict, Item, OnConflict, Plan, Purpose, Summary};

use super::context::{Context, bytes, counted, grouped};
use super::table::{Table, clean, cut};

/// Items and conflicts of a plan that are shown; the saved plan has all.
const SHOWN_MAX: usize = 20;

/// What to do with documents that were changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Conflicts {
    /// Leave them as they are
    Skip,
    /// Put the earlier state back over what was changed since
    Override,
    /// Put back the fields that were not changed since
    Merge,
}

impl From<Conflicts> for OnConflict {
    fn from(choice: Conflicts) -> Self {
        match choice {
            Conflicts::Skip => OnConflict::Skip,
            Conflicts::Override => OnConflict::Override,
            Conflicts::Merge => OnConflict::Merge,
        }
    }
}

/// How a plan is carried out.
pub(crate) struct Settling<'a> {
    /// Of the JSON object: `annals.undo/1`.
    pub(crate) schema: &'static str,
    /// The command that makes the plan again, for when it is stale and for hints.
    pub(crate) command: &'a str,
    pub(crate) on_conflict: Conflicts,
    /// Somebody looked at it already: it was saved and is applied now.
    pub(crate) seen: bool,
    /// It is carried out in the database that the rows were captured from.
    pub(crate) to_source: bool,
    /// What came of bringing the history of that up to now first.
    pub(crate) prepared: Option<&'a Prepared<'a>>,
    /// There in transactions of at most so many rows; all in one where absent.
    pub(crate) rows_max: Option<usize>,
}

/// Reads how many rows a transaction may have.
pub(crate) fn rows_max(text: &str) -> std::result::Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("not a number of rows: {text}; write for example 100"))
}

/// Where a plan is about rows of a captured database: brings their history up to now first, so that the plan is about what the rows are. One that
/// is not at hand matters only if the plan is about it, and is asked again then.
pub(crate) fn prepare<'c>(context: &'c Context, tenant: &Tenant, to_source: bool) -> Prepared<'c> {
    let done = if to_source { tenant.catch_up_databases(&context.by(), &context.monitor()) } else { Ok(()) };
    Prepared { context, why_not: RefCell::new(done.err().map(|e| e.to_string())) }
}

/// The history of a captured database, brought up to now or not; why not is told when this goes, unless an error says it.
pub(crate) struct Prepared<'c> {
    context: &'c Context,
    why_not: RefCell<Option<String>>,
}

impl Prepared<'_> {
    fn is_told_by(&self, e: &Error) {
        let text = e.to_string();
        self.why_not.borrow_mut().take_if(|why| *why == text);
    }
}

impl Drop for Prepared<'_> {
    fn drop(&mut self) {
        if let Some(why) = self.why_not.take() {
            self.context.out.note(format!("not up to now: {why}"));
        }
    }
}

/// Shows a plan and, as the flags say, saves it, asks, or applies it. Gives the exit code.
pub(crate) fn settle(context: &Context, tenant: &Tenant, plan: &Plan, how: &Settling<'_>) -> Result<u8> {
    let globals = &context.globals;
    let summary = plan.summary();
    if let Some(path) = &globals.plan {
        show(context, plan, how.on_conflict, true)?;
        if !globals.dry_run {
            plan.save(path)?;
        }
        let saved = (!globals.dry_run).then(|| path.display().to_string());
        context.out.object(how.schema, Planned { summary, applied: false, saved, plan: None, outcome: None })?;
        if !globals.dry_run {
            context.out.note(format!("Saved; nothing is changed yet. To do it: annals apply {}", path.display()));
        }
        return Ok(0);
    }
    if globals.dry_run {
        show(context, plan, how.on_conflict, true)?;
        context.out.object(how.schema, Planned { summary, applied: false, saved: None, plan: Some(plan), outcome: None })?;
        context.out.note("Nothing was changed.");
        return Ok(0);
    }
    if plan.items.len() > 1 || summary.conflicts > 0 || summary.references > 0 {
        show(context, plan, how.on_conflict, !how.seen)?;
    }
    if plan.items.len() > 1 && !globals.yes && !how.seen {
        let documents = counted(plan.items.len() as u64, "document");
        if !context.can_ask() {
            return Err(Error::usage("plan.unconfirmed", format!("this changes {documents}, and nobody is here to be asked"))
                .hint(format!("add -y to do it, or save the plan and look at it: {} --plan FILE", how.command)));
        }
        if !context.confirm(&format!("Change {documents}?"))? {
            context.out.note("Nothing was changed.");
            return Ok(0);
        }
    }
    let done = match how.to_source {
        true if plan.items.is_empty() => Ok(Applied { receipt: None, earlier: Vec::new(), done: 0, skipped: Vec::new(), pending: Vec::new() }),
        true => {
            let rows_max = how.rows_max.unwrap_or(usize::MAX);
            tenant.apply_to_source_in_batches(plan, rows_max, how.on_conflict.into(), &context.by(), &context.monitor())
        }
        false => tenant.apply(plan, how.on_conflict.into(), &context.by()),
    };
    if let (Err(e), Some(prepared)) = (&done, how.prepared) {
        prepared.is_told_by(e);
    }
    let applied = done.map_err(|e| match e.code() {
        "plan.stale" => e.hint(format!("nothing was changed; make the plan again and look at it: {} --plan FILE", how.command)),
        _ => e,
    })?;
    context.out.object(how.schema, Planned { summary, applied: true, saved: None, plan: None, outcome: Some(view::applied(&applied)) })?;
    match &applied.receipt {
        None if applied.skipped.is_empty() && applied.pending.is_empty() => {
            context.out.line("Nothing to do: everything is already as it should be.")?
        }
        None => {}
        Some(receipt) => {
            let what = match plan.items.as_slice() {
                [item] => format!("{} {}", done_with(item), clean(&item.key)),
                _ => format!("{} changed", counted(applied.done, "document")),
            };
            let seq = receipt.position.seq;
            let source = if how.to_source { " --to-source" } else { "" };
            let all: Vec<String> = applied.earlier.iter().map(|r| format!("B{}", r.position.seq)).chain([format!("B{seq}")]).collect();
            let takes = if all.len() > 1 { "and so on takes them back" } else { "takes it back" };
            context.out.line(format!("{what} · {} · annals undo B{seq}{source} {takes}", all.join(" ")))?;
        }
    }
    if !applied.pending.is_empty() {
        context.out.line(format!("{} pending, because the database does not allow it:", counted(applied.pending.len() as u64, "row")))?;
        for (key, why) in applied.pending.iter().take(SHOWN_MAX) {
            context.out.line(format!("  {}: {}", clean(&crate::model::key::show_key(key)), clean(why)))?;
        }
        more(context, applied.pending.len())?;
    }
    if applied.skipped.is_empty() {
        return Ok(if applied.pending.is_empty() { 0 } else { 3 });
    }
    context.out.line(format!(
        "{} left alone because of a conflict, or because their bytes were forgotten:",
        counted(applied.skipped.len() as u64, "document")
    ))?;
    for key in applied.skipped.iter().take(SHOWN_MAX) {
        context.out.line(format!("  {}", clean(&crate::model::key::show_key(key))))?;
    }
    more(context, applied.skipped.len())?;
    Ok(3)
}

/// The command that would make a plan again.
pub(crate) fn command(plan: &Plan) -> String {
    match &plan.purpose {
        Purpose::Undo { batch } => format!("annals undo B{batch}"),
        Purpose::Rollback { prefix, to_seq } => format!("annals rollback '{prefix}' --to seq:{to_seq}"),
        Purpose::Restore { prefix, at_seq } => format!("annals restore '{prefix}' --at seq:{at_seq}"),
    }
}

fn heading(purpose: &Purpose) -> String {
    let scope = |prefix: &str| if prefix.is_empty() { "everything".to_owned() } else { clean(prefix) };
    match purpose {
        Purpose::Undo { batch } => format!("Undo of B{batch}"),
        Purpose::Rollback { prefix, to_seq } => format!("Rollback of {} to seq {}", scope(prefix), grouped(*to_seq)),
        Purpose::Restore { prefix, at_seq } => format!("Restore of {} from seq {}", scope(prefix), grouped(*at_seq)),
    }
}

fn counts(summary: &Summary) -> String {
    let some = [(summary.put, "put back"), (summary.remove, "removed"), (summary.merge, "merged field by field"), (summary.already, "already right")];
    let mut parts: Vec<String> = some.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", grouped(*n))).collect();
    if summary.conflicts > 0 {
        parts.push(counted(summary.conflicts, "conflict"));
    }
    if summary.lost > 0 {
        parts.push(format!("{} left alone because their bytes were forgotten", grouped(summary.lost)));
    }
    if parts.is_empty() { "nothing to do".into() } else { parts.join(", ") }
}

fn done_with(item: &Item) -> &'static str {
    match item.action {
        Action::Remove => "removed",
        Action::Put if item.current == 0 => "brought back",
        Action::Put | Action::Conflict => "put back",
        Action::Merge => "merged",
        Action::Lost => "left alone",
    }
}

fn more(context: &Context, all: usize) -> Result<()> {
    match all.checked_sub(SHOWN_MAX) {
        Some(rest) if rest > 0 => context.out.line(format!("  … and {} more", grouped(rest as u64))),
        _ => Ok(()),
    }
}

/// The plan for people: what it is, the first items (with `items`), every kind of trouble.
fn show(context: &Context, plan: &Plan, on_conflict: Conflicts, items: bool) -> Result<()> {
    let out = &context.out;
    if out.json().is_some() {
        return Ok(());
    }
    let summary = plan.summary();
    out.line(out.paint("1", &format!("{}: {}", heading(&plan.purpose), counts(&summary))))?;
    if items {
        changes(context, plan)?;
    }
    conflicts(context, plan, on_conflict)?;
    references(context, plan)
}

fn changes(context: &Context, plan: &Plan) -> Result<()> {
    let calm: Vec<&Item> = plan.items.iter().filter(|i| i.action != Action::Conflict).collect();
    let number = |n: u64| if n == 0 { "-".to_owned() } else { format!("v{n}") };
    let mut table = Table::new(&["ACTION", ">NOW", ">AS", ">SIZE", "KEY"]);
    for item in calm.iter().take(SHOWN_MAX) {
        let (action, code) = match item.action {
            Action::Put if item.current == 0 => ("bring back", "32"),
            Action::Put | Action::Conflict => ("put back", "32"),
            Action::Remove => ("remove", "31"),
            Action::Merge => ("merge", "36"),
            Action::Lost => ("forgotten", "33"),
        };
        let size = if item.action == Action::Remove { String::new() } else { bytes(item.size) };
        table.painted([(action.to_owned(), code), (number(item.current), ""), (number(item.version), ""), (size, ""), (item.key.clone(), "")]);
    }
    for line in table.lines(&context.out) {
        context.out.line(format!("  {line}"))?;
    }
    more(context, calm.len())
}

fn conflicts(context: &Context, plan: &Plan, on_conflict: Conflicts) -> Result<()> {
    let out = &context.out;
    let all: Vec<&Item> = plan.items.iter().filter(|i| i.action == Action::Conflict).collect();
    if all.is_empty() {
        return Ok(());
    }
    let fate = match on_conflict {
        Conflicts::Skip => "they are left as they are; --on-conflict override or merge decides otherwise",
        Conflicts::Override => "they are put back all the same",
        Conflicts::Merge => "only fields that nobody changed since are put back",
    };
    out.line(out.paint("33", &format!("Changed since in the same place: {} ({fate})", counted(all.len() as u64, "document"))))?;
    for item in all.iter().take(SHOWN_MAX) {
        out.line(format!("  {} (now {})", clean(&item.key), if item.current == 0 { "removed".to_owned() } else { format!("v{}", item.current) }))?;
        let mut table = Table::new(&["FIELD", "BEFORE", "BATCH", "NOW"]);
        for conflict in item.conflicts.iter().filter(|c| !c.path.is_empty()) {
            table.row(three(conflict));
        }
        for line in table.lines(out) {
            out.line(format!("    {line}"))?;
        }
    }
    more(context, all.len())
}

/// A field and its three values.
fn three(conflict: &FieldConflict) -> [String; 4] {
    let side = |v: &Option<Box<serde_json::value::RawValue>>| v.as_ref().map_or("(absent)".to_owned(), |v| cut(v.get()));
    [clean(&conflict.path), side(&conflict.before), side(&conflict.after), side(&conflict.current)]
}

/// What stays as it is outside: "1 item stays delivered, cannot be recalled".
fn references(context: &Context, plan: &Plan) -> Result<()> {
    let out = &context.out;
    let mut kinds: Vec<(&str, bool)> = plan.references.iter().map(|r| (r.state.as_str(), r.irrevocable)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for (state, irrevocable) in kinds {
        let those: Vec<_> = plan.references.iter().filter(|r| r.state == state && r.irrevocable == irrevocable).collect();
        let stays = if those.len() == 1 { "stays" } else { "stay" };
        let state = if state.is_empty() { "as before outside" } else { state };
        let recall = if irrevocable { ", cannot be recalled" } else { ", outside the store" };
        out.line(out.paint("33", &format!("{} {stays} {}{recall}", counted(those.len(), "item"), clean(state))))?;
        for r in those.iter().take(SHOWN_MAX) {
            let later = if r.later { ", added after that moment" } else { "" };
            out.line(format!("  {} {} of {}{later}", clean(&r.system), clean(&r.id), clean(&r.key)))?;
        }
        more(context, those.len())?;
    }
    Ok(())
}
