//! Tenants.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::base::error::Result;
use crate::face::view;

use super::context::{Context, counted, grouped};
use super::table::Listed;

/// Tenants: each has its own documents, its own log and its own key
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  annals tenant add kommune-b\n  annals --tenant kommune-b put case/1 case.json\n  annals tenant ls")]
pub(crate) struct Tenant {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Add(Add),
    Ls(Ls),
}

impl Tenant {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        match self.what {
            What::Add(args) => args.run(context),
            What::Ls(args) => args.run(context),
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
        let mut table = Listed::new(&context.out, "annals.tenant.ls/1", &["TENANT", "SEQ", "DOCUMENTS", "ONLY HERE", "ID"]);
        for t in store.status()?.tenants {
            let cells = || {
                let waiting = counted(t.unshipped.batches, "batch");
                vec![t.name.clone(), grouped(t.position.seq), grouped(t.documents), waiting, t.public.to_hex()]
            };
            table.row(cells, || view::tenant(&t))?;
        }
        table.finish()?;
        Ok(0)
    }
}
