//! Tenants: adding, listing, dropping and bringing back.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::base::error::Result;
use crate::engine::status::TenantStatus;
use crate::engine::tenancy::{Dropped, LetGo};
use crate::face::view;
use crate::model::moment::{self, Zone, parse_duration};

use super::context::{Context, bytes, counted, grouped};
use super::table::Listed;

/// Tenants: each has its own documents, its own log and its own key
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals tenant add kommune-b\n  annals --tenant kommune-b put case/1 case.json\n  annals tenant ls\n  annals tenant drop kommune-b --reason 'contract ended'\n  annals tenant undrop kommune-b"
)]
pub(crate) struct Tenant {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Add(Add),
    Ls(Ls),
    Drop(DropIt),
    Undrop(Undrop),
}

impl Tenant {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        match self.what {
            What::Add(args) => args.run(context),
            What::Ls(args) => args.run(context),
            What::Drop(args) => args.run(context),
            What::Undrop(args) => args.run(context),
        }
    }
}

/// Add a tenant with a key and a log of its own
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  annals tenant add kommune-b")]
struct Add {
    /// What to call it
    name: String,
}

impl Add {
    fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let store = context.store()?;
        let tenant = store.add_tenant(&self.name)?;
        let id = tenant.public_id().to_hex();
        context.out.object("annals.tenant.add/1", json!({ "tenant": tenant.name(), "id": id, "position": view::position(&tenant.position()?) }))?;
        context.out.line(format!("New tenant {} ({id}); use it with --tenant {}", tenant.name(), tenant.name()))?;
        Ok(0)
    }
}

/// List the tenants
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  annals tenant ls\n  annals tenant ls --json=lines")]
struct Ls {}

impl Ls {
    fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        let (zone, dropped) = (context.zone(&store), store.dropped()?);
        let mut table = Listed::new(&context.out, "annals.tenant.ls/1", &["TENANT", "SEQ", "DOCUMENTS", "ONLY HERE", "ID", "STATE"]);
        for t in store.status()?.tenants {
            let cells = || {
                let waiting = counted(t.unshipped.batches, "batch");
                vec![t.name.clone(), grouped(t.position.seq), grouped(t.documents), waiting, t.public.to_hex(), state(&t, &dropped, &zone)]
            };
            table.row(cells, || view::tenant(&t))?;
        }
        table.finish()?;
        Ok(0)
    }
}

fn state(tenant: &TenantStatus, dropped: &[Dropped], zone: &Zone) -> String {
    let Some(dropped) = dropped.iter().find(|dropped| dropped.tenant == tenant.name) else { return "in use".to_owned() };
    match (&dropped.gone, &dropped.waits) {
        (Some(gone), _) => format!("dropped, gone since {}", moment::show_short(gone.time, zone)),
        (None, Some(why)) => format!("dropped, stays: {why}"),
        (None, None) => format!("dropped, gone on {}", moment::show_short(dropped.until, zone)),
    }
}

/// Drop a tenant: it can be brought back for a while, then its bytes are gone
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals tenant drop kommune-b --reason 'contract ended'\n  annals tenant drop kommune-b --keep 90d --reason 'contract ended'\n\nFrom now on nothing is recorded to it or read from it. It is kept for --keep (or after_tenant_drop in [keep] of annals.toml, or 30 days), never\nshorter than the floor, and annals tenant undrop brings it back as it was. After that its bytes go: by the agent, annals gc or annals forget.\nWhat is recorded of them stays: names, sizes, who and when. On remotes they lie until compaction takes them off, a week later or so; a rebuilt\nstore knows that the tenant was dropped. A tenant with a hold is not dropped (exit code 14)."
)]
struct DropIt {
    /// The tenant
    name: String,
    /// How long it can be brought back, like 30d
    #[arg(long, value_name = "TIME")]
    keep: Option<String>,
}

impl DropIt {
    fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let store = context.store()?;
        let keep = self.keep.as_deref().map(|text| parse_duration(text).map_err(|e| e.hint("write a time like 30d, 12h or 2w"))).transpose()?;
        let (receipt, until) = store.drop_tenant(&self.name, keep, &context.by())?;
        let remotes = store.remotes_holding(&self.name)?;
        context.out.object("annals.tenant.drop/1", view::tenant_dropped(&self.name, &receipt, until, &remotes))?;
        let gone = moment::show_short(until, &context.zone(&store));
        context.out.line(format!("{} is dropped, gone on {gone} · annals tenant undrop {} brings it back until then", self.name, self.name))?;
        if !remotes.is_empty() {
            let names = remotes.join(", ");
            context
                .out
                .note(format!("{names} must be shipped to, so that a rebuilt store knows; after that date compaction takes the bytes off there too"));
        }
        Ok(0)
    }
}

/// Bring a dropped tenant back as it was
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  annals tenant undrop kommune-b --reason 'they stay after all'")]
struct Undrop {
    /// The tenant
    name: String,
}

impl Undrop {
    fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let store = context.store()?;
        let receipt = store.undrop_tenant(&self.name, &context.by())?;
        let mut value = view::receipt(&receipt);
        value["tenant"] = self.name.as_str().into();
        context.out.object("annals.tenant.undrop/1", value)?;
        context.out.line(format!("{} is back as it was · B{}", self.name, receipt.position.seq))?;
        Ok(0)
    }
}

/// Says which tenants' time was over.
pub(super) fn tell_let_go(context: &Context, gone: &LetGo) -> Result<()> {
    for name in &gone.tenants {
        context.out.line(format!("{name} was dropped and its time is over: its bytes are given up"))?;
    }
    if gone.contents > 0 {
        context.out.line(format!(
            "{} of them, {}; annals compact takes them off the remotes",
            counted(gone.contents, "content"),
            bytes(gone.bytes)
        ))?;
    }
    for (name, why) in &gone.waiting {
        context.out.note(format!("{name} was dropped and its time is over, but it stays: {why}"));
    }
    Ok(())
}
