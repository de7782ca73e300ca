//! The verb that brings a store and a remote that parted into line again.

mod database;

use std::path::Path;

use clap::Args;
use serde_json::json;

use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::time::Timestamp;
use crate::engine::offsite::OpenRemote;
use crate::engine::realign::{RealignOptions, Realigned};
use crate::engine::store::Store;
use crate::face::view;
use crate::model::key::parse_key;
use crate::model::lineage::{Fate, Verdict};
use crate::model::moment::{self, Zone};
use crate::model::realign::{Keep, RealignPlan, TenantRealign};

use super::context::{Context, bytes, counted, grouped};
use super::table::clean;

/// Documents of one kind that are shown; the saved plan has all.
const SHOWN_MAX: usize = 20;
/// Bytes: the largest saved plan that is read.
const PLAN_BYTES_MAX: u64 = 512 << 20;

/// Which side stays in effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Side {
    /// Bring back what is missing, record what is only here after it
    Both,
    /// This copy is the truth; what is only there stays there as a line of its own
    Ours,
    /// Drop what is only here; it stays here as a line to be read
    Theirs,
}

impl From<Side> for Keep {
    fn from(side: Side) -> Self {
        match side {
            Side::Both => Keep::Both,
            Side::Ours => Keep::Ours,
            Side::Theirs => Keep::Theirs,
        }
    }
}

/// Bring a store or a captured database that went back in time, or that parted from its remote, into line
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals realign -n                     both sides, what would happen, what it costs\n  annals realign --plan r.json          save it; annals apply r.json does it\n  annals realign -y                     do it\n  annals realign --keep theirs -y       drop what is only here (it stays readable)\n  annals realign --claim                this copy is the site from now on\n  annals realign stock/ -n              a captured database whose older copy was put back\n\nUntil then recording goes on, and nothing is shipped. The line that is left is read with\n--tenant TENANT/LINE, as realign names it. Of a database, annals.toml says what its tables are: [capture.table.NAME] policy = \"append\"\n(derived, authority, site, field, serial, external, documents), and what must hold: [[capture.invariant]]."
)]
pub(crate) struct Realign {
    /// Only this captured database
    #[arg(value_name = "PREFIX", conflicts_with_all = ["from", "claim", "release"])]
    database: Option<String>,
    /// Only compare with this remote [default: every one in the configuration]
    #[arg(long, value_name = "NAME")]
    from: Option<String>,
    /// Which side stays in effect
    #[arg(long, value_name = "SIDE", default_value = "both")]
    keep: Side,
    /// This directory is a copy of a store: take it for the site from now on
    #[arg(long)]
    claim: bool,
    /// Remove a line that was left, for good
    #[arg(long, value_name = "TENANT/LINE", conflicts_with_all = ["claim", "from"])]
    release: Option<String>,
}

impl Realign {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        if let Some(line) = &self.release {
            context.refuse_dry_run()?;
            store.release_line(line)?;
            context.out.object("annals.realign/1", json!({ "released": line }))?;
            context.out.line(format!("{line} is gone"))?;
            return Ok(0);
        }
        if let Some(prefix) = &self.database {
            let mut prefix = parse_key(prefix);
            if !prefix.ends_with(b"/") {
                prefix.push(b'/');
            }
            let mut plan = RealignPlan::new(Vec::new());
            plan.databases = database::plans(context, &context.tenant(&store)?, Some(&prefix), self.keep.into())?;
            return settle(context, &store, &plan, &[], false);
        }
        let names: Vec<String> = match &self.from {
            Some(name) => vec![name.clone()],
            None => store.config().remotes.iter().map(|r| r.name.clone()).collect(),
        };
        let remotes = names.iter().map(|name| store.remote(name, None)).collect::<Result<Vec<_>>>()?;
        if self.claim {
            context.refuse_dry_run()?;
            store.claim()?;
            context.out.line("This copy is the site from now on; what it records next is a line of its own.")?;
        }
        if self.claim && remotes.is_empty() {
            context.out.object("annals.realign/1", json!({ "claimed": true, "applied": false, "tenants": [] }))?;
            return Ok(0);
        }
        let options = RealignOptions { keep: self.keep.into(), claim: self.claim };
        let databases = self.from.is_none() && store.status()?.captures.iter().any(|c| c.behind.is_some());
        let mut plan = match databases && remotes.is_empty() {
            true => RealignPlan::new(Vec::new()),
            false => store.plan_realign(&remotes, options, &context.monitor())?,
        };
        match (databases, plan.tenants.is_empty()) {
            (true, true) => {
                for tenant in store.tenants()? {
                    plan.databases.extend(database::plans(context, &tenant, None, self.keep.into())?);
                }
            }
            (true, false) => context.out.note("A captured database is behind as well: annals realign again when the store is in line."),
            (false, _) => {}
        }
        settle(context, &store, &plan, &remotes, false)
    }
}

/// The plan in this file, where it is one of a realignment.
pub(crate) fn saved(path: &Path) -> Result<Option<RealignPlan>> {
    if !path.is_file() {
        return Ok(None);
    }
    let Ok(text) = String::from_utf8(disk::read_file(path, PLAN_BYTES_MAX)?) else { return Ok(None) };
    if RealignPlan::is_one(&text) { RealignPlan::from_json(&text).map(Some) } else { Ok(None) }
}

/// Carries out a plan that was saved.
pub(crate) fn apply_saved(context: &Context, plan: &RealignPlan) -> Result<u8> {
    let store = context.store()?;
    let mut names: Vec<&str> = plan.tenants.iter().map(|t| t.remote.as_str()).collect();
    names.dedup();
    let remotes = names.into_iter().map(|name| store.remote(name, None)).collect::<Result<Vec<_>>>()?;
    settle(context, &store, plan, &remotes, true)
}

fn settle(context: &Context, store: &Store, plan: &RealignPlan, remotes: &[OpenRemote], seen: bool) -> Result<u8> {
    let globals = &context.globals;
    if plan.tenants.is_empty() && plan.databases.is_empty() {
        context.out.object("annals.realign/1", json!({ "applied": false, "tenants": [], "databases": [] }))?;
        context.out.line(match remotes {
            [] => "In line: the database has what its history has.",
            _ => "In line: every remote holds what is recorded here, or less of the same.",
        })?;
        return Ok(0);
    }
    let zone = context.zone(store);
    for tenant in &plan.tenants {
        show(context, tenant, &zone)?;
    }
    for d in &plan.databases {
        database::show(context, d, &zone)?;
    }
    if let (Some(path), false) = (&globals.plan, globals.dry_run) {
        disk::write_file(path, plan.to_json()?.as_bytes(), 0o600)?;
        context.out.object("annals.realign/1", view::realignment(plan, false, Some(path), &[], &[]))?;
        context.out.note(format!("Saved; nothing is changed yet. To do it: annals apply {}", path.display()));
        return Ok(0);
    }
    if globals.dry_run {
        context.out.object("annals.realign/1", view::realignment(plan, false, None, &[], &[]))?;
        context.out.note("Nothing was changed.");
        return Ok(0);
    }
    if !globals.yes && !seen {
        if context.out.json().is_some() {
            // Programs that ask how things stand get the plan; they do it with -y, or with a saved plan.
            context.out.object("annals.realign/1", view::realignment(plan, false, None, &[], &[]))?;
            return Ok(Kind::Found.exit());
        }
        if !context.can_ask() {
            return Err(Error::usage("plan.unconfirmed", "this changes the history of the store, and nobody is here to be asked")
                .hint("add -y to do it, or save the plan and look at it: annals realign --plan FILE"));
        }
        if !context.confirm("Bring this into line?")? {
            context.out.note("Nothing was changed.");
            return Ok(0);
        }
    }
    let done = store.realign(plan, remotes, &context.monitor())?;
    let databases = database::apply(context, store, &plan.databases)?;
    context.out.object("annals.realign/1", view::realignment(plan, true, None, &done, &databases))?;
    for tenant in &done {
        told(context, tenant)?;
    }
    for d in &databases {
        database::told(context, d)?;
    }
    let partial = done.iter().any(|d| !d.gaps.is_empty()) || databases.iter().any(|d| !d.open.is_empty());
    Ok(if partial { Kind::Partial.exit() } else { 0 })
}

fn at(micros: Option<i64>, zone: &Zone) -> String {
    micros.map_or_else(|| "(time unknown)".into(), |t| moment::show_short(Timestamp(t), zone))
}

/// The one screen.
fn show(context: &Context, t: &TenantRealign, zone: &Zone) -> Result<()> {
    let out = &context.out;
    let heading = match t.verdict {
        Verdict::BehindClean => format!("{} is older than what this site already sent to {}.", t.tenant, t.remote),
        Verdict::Amnesia => format!("{} is empty here, and {} holds its history.", t.tenant, t.remote),
        Verdict::Forked | Verdict::Clone => format!("{} and {} have parted: both went on after the last batch that they share.", t.tenant, t.remote),
        Verdict::Foreign => format!("{} holds {} of another site.", t.remote, t.tenant),
        Verdict::Equal | Verdict::Ahead => format!("{} is in line with {}; what stopped its shipments can be taken down.", t.tenant, t.remote),
    };
    out.line(out.paint("1", &heading))?;
    out.line(format!(
        "  now           seq {}, {}",
        grouped(t.ours),
        if t.ours == 0 { "nothing recorded".into() } else { at(Some(t.ours_time), zone) }
    ))?;
    out.line(format!("  offsite       seq {}, {}", grouped(t.theirs), at(t.theirs_time, zone)))?;
    out.line(format!("  parted at     seq {}", grouped(t.common)))?;
    let amount = |a: &crate::model::realign::Amount| {
        let batches = if a.batches == 1 { "1 batch".to_owned() } else { format!("{} batches", grouped(a.batches)) };
        format!("{batches}, {}, {}", counted(a.changes, "change"), counted(a.documents, "document"))
    };
    out.line(format!("  missing here  {}", amount(&t.missing)))?;
    out.line(format!("  only here     {}", amount(&t.only_here)))?;
    if t.readable < t.theirs {
        let text = format!(
            "  lost          batches {} to {} are known to have been, and are nowhere whole",
            grouped(t.readable.max(t.common) + 1),
            grouped(t.theirs)
        );
        out.line(out.paint("31", &text))?;
    }
    for (fate, what) in [(Fate::Conflict, "conflicts"), (Fate::Resurrected, "resurrected")] {
        let count = t.count(fate);
        out.line(format!("  {what:<12}  {}", grouped(count)))?;
        for item in t.items.iter().filter(|i| i.fate == fate).take(SHOWN_MAX) {
            out.line(format!("    {}", clean(&item.key)))?;
        }
        if count > SHOWN_MAX as u64 {
            out.line(format!("    … and {} more", grouped(count - SHOWN_MAX as u64)))?;
        }
    }
    out.line(format!("  outside       {} to outside systems at risk", counted(t.references.len() as u64, "reference")))?;
    for r in t.references.iter().take(SHOWN_MAX) {
        let recall = if r.irrevocable { ", cannot be recalled" } else { "" };
        out.line(format!("    {} {} of {}{recall}", clean(&r.system), clean(&r.id), clean(&r.key)))?;
    }
    out.line(format!("  download      {}, about {}", bytes(t.bytes), minutes(t.seconds)))?;
    let what = match t.keep {
        Keep::Both => "bring back what is missing, keep what is new (--keep ours or theirs decides otherwise)",
        Keep::Ours => "this copy is the truth; the rest stays at the remote as a line of its own",
        Keep::Theirs => "drop the new changes here; they stay here as a line to be read",
    };
    out.line(format!("  will          {what}"))
}

fn minutes(seconds: f64) -> String {
    if seconds < 60.0 { format!("{} s", seconds.ceil() as u64) } else { format!("{} min", (seconds / 60.0).ceil() as u64) }
}

fn told(context: &Context, d: &Realigned) -> Result<()> {
    let out = &context.out;
    out.line(format!(
        "{}: in line at seq {} · {} fetched ({}), {} of ours recorded again",
        d.tenant,
        grouped(d.position.seq),
        grouped(d.fetched),
        bytes(d.bytes),
        grouped(d.again)
    ))?;
    if let Some(mark) = &d.mark {
        out.line(format!("  annals rollback '' --to mark:{mark} takes what was recorded again back"))?;
    }
    if let Some(line) = &d.line {
        out.line(format!("  the line that was left: annals --tenant {line} log"))?;
    }
    for (what, keys) in [("both versions kept of", &d.conflicts), ("exists again:", &d.resurrected)] {
        for key in keys.iter().take(SHOWN_MAX) {
            out.line(format!("  {what} {}", clean(key)))?;
        }
        if keys.len() > SHOWN_MAX {
            out.line(format!("  … and {} more", grouped((keys.len() - SHOWN_MAX) as u64)))?;
        }
    }
    for r in &d.references {
        out.line(format!("  kept as the other side has it: {} {} of {}", clean(&r.system), clean(&r.id), clean(&r.key)))?;
    }
    for gap in &d.gaps {
        out.line(format!("  batches {} to {} are nowhere whole", grouped(gap.first), grouped(gap.last)))?;
    }
    Ok(())
}
