//! Erasure by law: what a subject's erasure would do, doing it, and what was erased.

use clap::{Args, Subcommand};

use crate::base::error::{Error, Result};
use crate::engine::erase::{ErasePlan, Erased, SavedErasure};
use crate::engine::store::{Store, Tenant};
use crate::face::view;
use crate::model::key::{parse_key, show_key};
use crate::model::moment;

use super::context::{Context, bytes, counted};
use super::table::{Listed, clean};

/// Erase everything of a person or other subject for good: its key is destroyed, here and on the remotes; a tombstone stays
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  annals erase person/38754 -n\n  annals erase person/38754 --as 806 --reason 'asked for it, case 17-2' -y\n  annals erase person/38754 --plan erase.json ; annals apply erase.json -y\n  annals erase ls\n\nSubjects are under the prefixes that [erasable] in annals.toml declares: with prefixes = [\"person/\"], person/38754 is one, with all\ndocuments below it. Their bytes go in every version; names of documents, who, when, why, sizes and digests stay in the history. What a hold\nis over is not erased (exit code 14). Each remote gets it with its next annals ship: annals status says where it is pending.\nErase at the source first: a capture records again what it still finds there."
)]
pub(crate) struct Erase {
    #[command(subcommand)]
    what: Option<EraseWhat>,
    /// The subject, like person/38754
    subject: Option<String>,
}

#[derive(Debug, Subcommand)]
enum EraseWhat {
    /// List what was erased: when, by whom and why, and where it is pending
    #[command(
        after_help = "Examples:\n  annals erase ls\n  annals erase ls --json=lines\n\nA subject is named by a keyed digest: its name may say who it was."
    )]
    Ls,
}

impl Erase {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        if let Some(EraseWhat::Ls) = self.what {
            context.refuse_dry_run()?;
            return list(context, &store, &tenant);
        }
        let Some(subject) = &self.subject else {
            return Err(Error::usage("erase.subject", "what is to be erased?")
                .hint("name the subject: annals erase person/38754; annals erase ls shows what was erased"));
        };
        let plan = tenant.plan_erase(parse_key(subject))?;
        let Some(file) = context.globals.plan.as_ref().filter(|_| !context.globals.dry_run) else { return settle(context, &tenant, &plan) };
        plan.save(file)?;
        let mut value = view::erase_plan(&plan);
        value["applied"] = false.into();
        context.out.object("annals.erase/1", value)?;
        show(context, &plan)?;
        context.out.note(format!("Saved; nothing is changed yet. To do it: annals apply {}", file.display()));
        Ok(0)
    }
}

/// Carries out a plan that was saved.
pub(crate) fn apply_saved(context: &Context, saved: &SavedErasure) -> Result<u8> {
    let store = context.store()?;
    let tenant = if context.globals.tenant.is_some() { context.tenant(&store)? } else { store.tenant(&saved.tenant)? };
    settle(context, &tenant, &tenant.saved_erasure(saved)?)
}

/// Shows a plan, asks, and carries it out.
fn settle(context: &Context, tenant: &Tenant, plan: &ErasePlan) -> Result<u8> {
    let mut value = view::erase_plan(plan);
    if context.globals.dry_run {
        value["applied"] = false.into();
        context.out.object("annals.erase/1", value)?;
        show(context, plan)?;
        context.out.note("Nothing was changed.");
        return Ok(0);
    }
    show(context, plan)?;
    if !context.globals.yes {
        if !context.can_ask() {
            let text = format!("this erases {} for good, and nobody is here to be asked", show_key(&plan.subject));
            return Err(Error::usage("plan.unconfirmed", text).hint("add -y to do it; -n shows what would go"));
        }
        if !context.confirm(&format!("Erase {} for good?", clean(&show_key(&plan.subject))))? {
            context.out.note("Nothing was changed.");
            return Ok(0);
        }
    }
    let done = tenant.erase(plan, &context.by(), &context.monitor())?;
    value["applied"] = true.into();
    value["outcome"] = view::erased(&done);
    context.out.object("annals.erase/1", value)?;
    tell(context, plan, &done)?;
    Ok(if done.left_here.is_some() { 3 } else { 0 })
}

fn tell(context: &Context, plan: &ErasePlan, done: &Erased) -> Result<()> {
    let out = &context.out;
    let what = format!("{} and {} of {} erased", counted(done.contents, "content"), bytes(done.bytes), clean(&show_key(&plan.subject)));
    out.line(format!("{what} · B{}", done.receipt.position.seq))?;
    if let Some(why) = &done.left_here {
        out.line(format!("Something of it still lies around on this machine: {why}; annals gc goes on with it"))?;
    }
    if plan.remotes.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = plan.remotes.iter().map(|(name, _)| name.as_str()).collect();
    out.line(format!("Pending on {} until the next annals ship; annals status says when it is done", names.join(", ")))?;
    if plan.bare > 0 {
        out.line("What was recorded before its prefix was declared erasable leaves the remotes with annals compact, after the grace period")?;
    }
    Ok(())
}

fn show(context: &Context, plan: &ErasePlan) -> Result<()> {
    let out = &context.out;
    if out.json().is_some() {
        return Ok(());
    }
    out.line(out.paint("1", &format!("Erase {}", clean(&show_key(&plan.subject)))))?;
    let (documents, existing) = (counted(plan.documents, "document"), counted(plan.existing, "document"));
    out.line(format!(
        "  goes       {} of {documents}, {} in every version; {existing} will not exist any more",
        counted(plan.contents, "content"),
        bytes(plan.bytes)
    ))?;
    if plan.drafts > 0 {
        out.line(format!("  goes       {} of open batches", counted(plan.drafts, "change")))?;
    }
    out.line("  stays      names of documents, who, when, why, sizes and digests: the history is proven with them")?;
    if plan.shared > 0 {
        out.line(format!("  stays      {} that other documents have too: {}", counted(plan.shared, "content"), clean(&plan.outside.join(", "))))?;
    }
    for (remote, objects) in &plan.remotes {
        let bare = match objects {
            0 => String::new(),
            n => format!("; {} from before the prefix was declared hold some of it until annals compact replaced them", counted(*n, "object")),
        };
        out.line(format!("  remote     {}: its key goes with the next annals ship{bare}", clean(remote)))?;
    }
    for source in &plan.sources {
        out.line(format!(
            "  {}    the capture {} records it again if its source still has it: erase it there first",
            out.paint("33", "beware"),
            clean(source)
        ))?;
    }
    Ok(())
}

fn list(context: &Context, store: &Store, tenant: &Tenant) -> Result<u8> {
    let zone = context.zone(store);
    let mut table = Listed::new(&context.out, "annals.erase.ls/1", &["ERASED", "BY", ">BATCH", "SUBJECT", "PENDING ON", "WHY"]);
    let graves = tenant.graves()?;
    for grave in &graves {
        let t = &grave.tombstone;
        let cells = || {
            let pending = if grave.pending.is_empty() { "nowhere".to_owned() } else { grave.pending.join(", ") };
            vec![moment::show_short(t.time, &zone), t.actor.clone(), format!("B{}", t.seq), t.subject.short(16), pending, t.reason.clone()]
        };
        table.row(cells, || view::grave(grave))?;
    }
    table.finish()?;
    if graves.is_empty() {
        context.out.note("Nothing was erased. annals erase SUBJECT -n shows what erasing one would do.");
    }
    Ok(0)
}
