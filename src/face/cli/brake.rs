//! The brake: mass changes that were noticed, and lifting it.

use clap::{Args, Subcommand};

use crate::base::error::Result;
use crate::base::time::Timestamp;
use crate::face::view;
use crate::model::key::DEFAULT_TENANT;
use crate::model::moment;

use super::context::{Context, grouped};
use super::table::{Listed, clean};

/// Exit code of a check that found something.
const FOUND: u8 = 4;

/// Mass changes that the agent noticed: while the brake is on nothing is forgotten
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals brake ls\n  annals rollback --to mark:before-mass-change-2026-11-25T12-00\n  annals brake lift main --reason 'the price import of Monday'\n\nWhere at least 100 documents and half of those of a tenant are rewritten or removed within 30 minutes, the agent marks the state before, tells\nyou, and puts the brake on: forgetting, compaction and letting dropped tenants go wait (exit code 14) until a person lifts it. Recording and\nshipping go on. Undoing, rolling back and restoring do not count."
)]
pub(crate) struct Brake {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the brakes that are on; exit code 4 where there is one
    #[command(after_help = "Examples:\n  annals brake ls\n  annals brake ls --json")]
    Ls,
    /// Let the rules work again, after you have looked
    #[command(after_help = "Example:\n  annals brake lift main --reason 'the price import of Monday'")]
    Lift {
        /// The tenant
        #[arg(default_value = DEFAULT_TENANT)]
        tenant: String,
    },
}

impl Brake {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        match self.what {
            What::Ls => {
                let zone = context.zone(&store);
                let brakes = store.brakes()?;
                let mut table = Listed::new(&context.out, "annals.brake.ls/1", &["TENANT", "NOTICED", ">CHANGED", ">OF", "MARK BEFORE"]);
                for brake in &brakes {
                    let cells = || {
                        let at = moment::show_short(Timestamp(brake.at), &zone);
                        vec![brake.tenant.clone(), at, grouped(brake.changed), grouped(brake.documents), brake.mark.clone()]
                    };
                    table.row(cells, || view::brake(brake))?;
                }
                table.finish()?;
                if brakes.is_empty() {
                    context.out.note("No brake is on.");
                }
                Ok(if brakes.is_empty() { 0 } else { FOUND })
            }
            What::Lift { tenant } => {
                context.refuse_dry_run()?;
                let (brake, receipt) = store.lift_brake(&tenant, &context.by())?;
                let mut value = view::receipt(&receipt);
                value["brake"] = view::brake(&brake);
                context.out.object("annals.brake.lift/1", value)?;
                context.out.line(format!("The brake of {} is lifted · mark:{} stays", clean(&brake.tenant), clean(&brake.mark)))?;
                Ok(0)
            }
        }
    }
}
