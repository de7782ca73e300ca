//! Before a planned event.

use std::sync::Arc;

use clap::Args;

use crate::agent::preflight::{Light, PATIENCE, Wanted, preflight};
use crate::agent::site::Opener;
use crate::base::error::Result;
use crate::engine::store::Store;
use crate::face::{view, world};
use crate::model::moment;

use super::context::{Context, grouped};
use super::table::clean;

/// Exit code of a check that found something.
const FOUND: u8 = 4;

/// Look at every gate before a planned event, and set a mark where all are green
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals preflight\n  annals preflight --mark before-upgrade-7 && ./upgrade\n  annals preflight --urgent --reason 'the disk is dying'\n\nFreshness, verification, drill, copies that fail apart from each other, free space, remotes, captures, and the\ncommands of [[preflight]] in annals.toml (red after their timeout). Exit code 4 where one is red: then nothing\nis marked. --urgent waives all but freshness, and needs --reason."
)]
pub(crate) struct Preflight {
    /// Waive every gate but freshness; needs --reason
    #[arg(long)]
    urgent: bool,
    /// The name of the mark [default: preflight and the time]
    #[arg(long, value_name = "NAME")]
    mark: Option<String>,
}

impl Preflight {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let store = context.store()?;
        let mark = self.mark.unwrap_or_else(|| format!("preflight-{}", moment::rfc3339_utc(context.now())));
        let wanted = Wanted { urgent: self.urgent, mark, by: context.by(), patience: PATIENCE };
        let troubles = world::here().agent().map(|agent| agent.troubles()).unwrap_or_default();
        let opener: Opener = Arc::new(|store: &Store, name: &str, rate| store.remote(name, rate));
        let cleared = preflight(&store, &opener, &troubles, &wanted, &context.monitor())?;
        context.out.object("annals.preflight/1", view::cleared(&cleared, &wanted.mark))?;
        let out = &context.out;
        for gate in &cleared.gates {
            let word = match gate.light {
                Light::Green => out.paint("32", gate.light.word()),
                Light::Waived => out.paint("33", gate.light.word()),
                Light::Red => out.paint("31", gate.light.word()),
            };
            let blanks = " ".repeat(7usize.saturating_sub(gate.light.word().len()));
            out.line(format!("{word}{blanks} {:<16} {}", gate.name, clean(&gate.said)))?;
            if !gate.hint.is_empty() {
                out.line(format!("{:25}{}", "", clean(&gate.hint)))?;
            }
        }
        if !cleared.is_clear() {
            out.line("Not clear: nothing was marked")?;
            return Ok(FOUND);
        }
        let seqs: Vec<String> = cleared.marks.iter().map(|(tenant, p)| format!("{tenant} seq {}", grouped(p.seq))).collect();
        out.line(format!("Clear: mark:{} is {}", clean(&wanted.mark), seqs.join(", ")))?;
        Ok(0)
    }
}
