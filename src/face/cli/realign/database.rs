//! The part about captured databases.

use super::{Fate, Keep, SHOWN_MAX, Zone, at};
use crate::base::error::{Kind, Result};
use crate::engine::capture::DatabaseRealigned;
use crate::engine::store::{Store, Tenant};
use crate::face::cli::context::{Context, bytes, counted, grouped};
use crate::face::cli::table::{Table, clean, cut};
use crate::model::key::show_key;
use crate::model::lineage::{Policy, Resolution, Verdict};
use crate::model::realign::{DatabaseRealign, RowRealign};

/// Plans for the captured databases of a tenant; `only` names one of them.
pub(super) fn plans(context: &Context, tenant: &Tenant, only: Option<&[u8]>, keep: Keep) -> Result<Vec<DatabaseRealign>> {
    let prefixes = match only {
        Some(prefix) => vec![prefix.to_vec()],
        None => tenant.databases()?,
    };
    let mut out = Vec::new();
    for prefix in prefixes {
        match tenant.plan_realign_database(&prefix, keep, &context.by(), &context.monitor()) {
            // One that is not at hand does not keep the others from it.
            Err(e) if only.is_none() && e.kind() == Kind::Missing => context.out.note(format!("{}: {e}", clean(&show_key(&prefix)))),
            plan => out.extend(plan?),
        }
    }
    Ok(out)
}

/// Carries plans out, one after the other.
pub(super) fn apply(context: &Context, store: &Store, plans: &[DatabaseRealign]) -> Result<Vec<DatabaseRealigned>> {
    plans.iter().map(|plan| store.tenant(&plan.tenant)?.realign_database(plan, &context.by(), &context.monitor())).collect()
}

/// The one screen.
pub(super) fn show(context: &Context, d: &DatabaseRealign, zone: &Zone) -> Result<()> {
    let out = &context.out;
    let name = clean(d.prefix.trim_end_matches('/'));
    let also = if d.verdict == Verdict::Forked { ", and was written to since" } else { "" };
    out.line(out.paint("1", &format!("The database {name} is older than its history{also}: {}", clean(&d.source))))?;
    out.line(format!("  now           as at seq {}, {}", grouped(d.common), at(d.common_time, zone)))?;
    out.line(format!("  history       seq {}, {}", grouped(d.head), at(d.head_time, zone)))?;
    out.line(format!("  missing here  {}, {}", counted(d.transactions, "transaction"), counted(d.count(Fate::Recovered), "row")))?;
    out.line(format!("  only here     {}", counted(d.count(Fate::Kept), "row")))?;
    out.line(format!("  same          {}", counted(d.same, "row")))?;
    for (fate, what) in [(Fate::Conflict, "conflicts"), (Fate::Resurrected, "resurrected")] {
        let those: Vec<&RowRealign> = d.items.iter().filter(|i| i.fate == fate).collect();
        out.line(format!("  {what:<12}  {}", grouped(those.len() as u64)))?;
        for item in those.iter().take(SHOWN_MAX) {
            row(context, item)?;
        }
        more(context, those.len())?;
    }
    let recompute = d.items.iter().filter(|i| i.resolution == Resolution::Recompute).count() as u64;
    out.line(format!("  to recompute  {}, {} changed by it", counted(recompute, "row"), grouped(d.recomputed)))?;
    out.line(format!("  to renumber   {}", grouped(d.renumbered.len() as u64)))?;
    for r in d.renumbered.iter().take(SHOWN_MAX) {
        out.line(format!("    {} {}: {} becomes {}", clean(&r.table), clean(&r.column), r.old, r.new))?;
    }
    more(context, d.renumbered.len())?;
    out.line(format!("  outside       {} to outside systems at risk", counted(d.references.len() as u64, "reference")))?;
    for r in d.references.iter().take(SHOWN_MAX) {
        let recall = if r.irrevocable { ", cannot be recalled" } else { "" };
        out.line(format!("    {} {} of {}{recall}", clean(&r.system), clean(&r.id), clean(&r.key)))?;
    }
    out.line(format!("  download      nothing; {} are written into the database", bytes(d.bytes)))?;
    tables(context, d)?;
    for i in &d.invariants {
        let (word, code) = if i.then == i.expect { ("holds", "32") } else { ("is broken", "31") };
        let text = format!("  {:<12}  {} now, {} then, must be {}: {word}", cut(&clean(&i.name)), clean(&i.now), clean(&i.then), clean(&i.expect));
        out.line(out.paint(code, &text))?;
    }
    for (key, why) in d.forbidden.iter().take(SHOWN_MAX) {
        out.line(out.paint("31", &format!("  not allowed   {}: {}", clean(key), clean(why))))?;
    }
    more(context, d.forbidden.len())?;
    let what = match d.keep {
        Keep::Both => "bring back what is missing, keep what is new (--keep ours or theirs decides otherwise)",
        Keep::Ours => "this database is the truth; what it lacks stays in its history",
        Keep::Theirs => "drop what is only in the database; it stays in its history",
    };
    out.line(format!("  will          {what}"))
}

fn tables(context: &Context, d: &DatabaseRealign) -> Result<()> {
    if d.keep != Keep::Both || context.out.json().is_some() {
        return Ok(());
    }
    let mut table = Table::new(&["TABLE", ">ROWS", "POLICY", "MEANS"]);
    for t in &d.tables {
        let word = if t.default { format!("{} (default)", t.policy.word()) } else { t.policy.word().to_owned() };
        table.row([clean(&t.table), grouped(t.rows), word, meaning(t.policy).to_owned()]);
    }
    table.lines(&context.out).iter().try_for_each(|line| context.out.line(format!("    {line}")))
}

fn meaning(policy: Policy) -> &'static str {
    match policy {
        Policy::Append => "rows of both",
        Policy::Derived => "computed anew",
        Policy::TheirsDecide => "the history decides",
        Policy::OursDecide => "the database decides",
        Policy::Field => "merged by column",
        Policy::Serial => "new numbers for what is only here",
        Policy::External => "what is in the history really happened",
        Policy::Documents => "both are versions",
    }
}

fn row(context: &Context, item: &RowRealign) -> Result<()> {
    let what = match item.resolution {
        Resolution::Theirs => "as in the history",
        Resolution::Ours => "as in the database",
        Resolution::Both => "both are versions",
        Resolution::Merge if item.fields.is_empty() => "merged",
        Resolution::Merge | Resolution::Ask => "as in the history, unless a person decides",
        Resolution::Recompute => "computed anew",
        Resolution::Renumber => "both, under two numbers",
    };
    context.out.line(format!("    {}: {what}", clean(&item.key)))?;
    let side = |value: &Option<String>| value.as_deref().map_or("(absent)".to_owned(), cut);
    item.fields.iter().try_for_each(|f| {
        let text = format!("      {}: was {}, here {}, history {}", clean(&f.path), side(&f.base), side(&f.here), side(&f.recorded));
        context.out.line(text)
    })
}

fn more(context: &Context, all: usize) -> Result<()> {
    match all.checked_sub(SHOWN_MAX) {
        Some(rest) if rest > 0 => context.out.line(format!("    … and {} more", grouped(rest as u64))),
        _ => Ok(()),
    }
}

/// What was done.
pub(super) fn told(context: &Context, d: &DatabaseRealigned) -> Result<()> {
    let out = &context.out;
    let computed = if d.recomputed > 0 { format!(", {} computed", grouped(d.recomputed)) } else { String::new() };
    out.line(format!(
        "{}: in line at seq {} · {} written{computed}",
        clean(d.prefix.trim_end_matches('/')),
        grouped(d.position.seq),
        counted(d.written, "row")
    ))?;
    if let Some(seq) = d.batch {
        out.line(format!("  annals undo B{seq} --to-source takes it back"))?;
    }
    if let Some(seq) = d.found {
        out.line(format!("  the database as it was found: annals ls {} --at seq:{seq}", clean(&d.prefix)))?;
    }
    for r in d.renumbered.iter().take(SHOWN_MAX) {
        out.line(format!("  {} {}: {} is {} now", clean(&r.table), clean(&r.column), r.old, r.new))?;
    }
    more(context, d.renumbered.len())?;
    if d.open.is_empty() {
        return Ok(());
    }
    out.line(format!("{} nobody decided about, now as in the history:", counted(d.open.len() as u64, "row")))?;
    d.open.iter().take(SHOWN_MAX).try_for_each(|key| out.line(format!("  {}", clean(key))))?;
    more(context, d.open.len())
}
