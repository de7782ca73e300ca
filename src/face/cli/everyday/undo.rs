//! `undo`, `redo` and `apply`: batches taken back, and saved plans carried out.

use std::path::PathBuf;

use clap::Args;

use crate::base::error::{Error, Result};
use crate::engine::erase::SavedErasure;
use crate::face::cli::context::Context;
use crate::face::cli::erase;
use crate::face::cli::plans::{self, Conflicts, Settling};
use crate::face::cli::realign;
use crate::model::plan::Plan;

/// Take back a batch, as a new batch
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals undo B42\n  annals undo B42 --plan undo-b42.json ; annals apply undo-b42.json\n  annals undo 42 -y --on-conflict merge\n\nWhat was changed since in other fields is merged; what was changed since in the same place is a conflict, shown with its three values\n(exit code 3 where some were left as they are). References to outside systems stay. annals log lists the batches."
)]
pub(crate) struct Undo {
    /// The batch: B42 or 42
    #[arg(value_name = "BATCH")]
    batch: String,
    /// What to do with documents that were changed since in the same place
    #[arg(long, value_name = "HOW", default_value = "skip")]
    on_conflict: Conflicts,
    /// Change the rows in the database that they were captured from
    #[arg(long)]
    to_source: bool,
}

/// The number of a batch of the log: `B42`, `42` or `seq:42`.
pub(crate) fn batch_number(text: &str) -> Result<u64> {
    let digits = text.strip_prefix(['B', 'b']).or_else(|| text.strip_prefix("seq:")).unwrap_or(text);
    match digits.parse() {
        Ok(seq) if digits.bytes().all(|b| b.is_ascii_digit()) => Ok(seq),
        _ => Err(Error::usage("batch.number", format!("not a batch: {text}")).hint("write B42 or 42; annals log lists the batches")),
    }
}

impl Undo {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let seq = batch_number(&self.batch)?;
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let prepared = plans::prepare(context, &tenant, self.to_source);
        let plan = tenant.undo(seq)?;
        let command = format!("annals undo B{seq}{}", if self.to_source { " --to-source" } else { "" });
        let (on_conflict, to_source) = (self.on_conflict, self.to_source);
        plans::settle(
            context,
            &tenant,
            &plan,
            &Settling { schema: "annals.undo/1", command: &command, on_conflict, seen: false, to_source, prepared: Some(&prepared), rows_max: None },
        )
    }
}

/// Take back the last undo
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals redo\n  annals redo --plan redo.json\n\nA redo is an undo of the undo, so it can be taken back in the same way."
)]
pub(crate) struct Redo {
    /// What to do with documents that were changed since in the same place
    #[arg(long, value_name = "HOW", default_value = "skip")]
    on_conflict: Conflicts,
    /// Change the rows in the database that they were captured from
    #[arg(long)]
    to_source: bool,
}

impl Redo {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let prepared = plans::prepare(context, &tenant, self.to_source);
        let seq = tenant.last_undo()?;
        let plan = tenant.undo(seq)?;
        let (on_conflict, to_source) = (self.on_conflict, self.to_source);
        plans::settle(
            context,
            &tenant,
            &plan,
            &Settling {
                schema: "annals.redo/1",
                command: "annals redo",
                on_conflict,
                seen: false,
                to_source,
                prepared: Some(&prepared),
                rows_max: None,
            },
        )
    }
}

/// Carry out a saved plan
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals rollback case/ --to '2026-11-19 08:00' --plan rb.json\n  annals apply rb.json\n  annals apply rb.json --on-conflict override --reason 'as agreed with 806'\n\nA plan is bound to the history it was made for: if anything was recorded since, it is refused (exit code 14) and nothing is changed."
)]
pub(crate) struct Apply {
    /// What --plan saved
    file: PathBuf,
    /// What to do with documents that were changed since in the same place
    #[arg(long, value_name = "HOW", default_value = "skip")]
    on_conflict: Conflicts,
    /// Change the rows in the database that they were captured from
    #[arg(long)]
    to_source: bool,
    /// With --to-source: in transactions of at most so many rows, each a batch of its own
    #[arg(long, value_name = "ROWS", requires = "to_source", value_parser = plans::rows_max)]
    batch: Option<usize>,
}

impl Apply {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        if context.globals.plan.is_some() {
            return Err(Error::usage("plan.twice", "apply carries a plan out, it does not save one").hint("use -n to see what the plan would do"));
        }
        if let Some(plan) = realign::saved(&self.file)? {
            return realign::apply_saved(context, &plan);
        }
        if let Some(saved) = SavedErasure::load(&self.file)? {
            return erase::apply_saved(context, &saved);
        }
        let plan = Plan::load(&self.file)?;
        let store = context.store()?;
        // The plan knows its tenant; another one that was named is refused when it is applied.
        let tenant = if context.globals.tenant.is_some() { context.tenant(&store)? } else { store.tenant(&plan.tenant)? };
        let command = plans::command(&plan);
        let (on_conflict, to_source) = (self.on_conflict, self.to_source);
        plans::settle(
            context,
            &tenant,
            &plan,
            &Settling { schema: "annals.apply/1", command: &command, on_conflict, seen: true, to_source, prepared: None, rows_max: self.batch },
        )
    }
}
