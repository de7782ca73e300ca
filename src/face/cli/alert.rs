//! Messages about problems.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::agent::telling;
use crate::base::error::{Error, Result};
use crate::face::view;

use super::context::Context;
use super::table::clean;

/// Exit code of a check that found something.
const FOUND: u8 = 4;

/// Messages about problems: try whether they arrive
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  annals alert test\n\nWho is told stands in [alert] of annals.toml: command, email, webhook. The agent tells of each problem once, and by mail\nand web hook once that it is over; never that all is well."
)]
pub(crate) struct Alert {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Send a message by hand over everything that is configured
    #[command(after_help = "Example:\n  annals alert test\n\nExit code 4 where one could not be delivered.")]
    Test,
}

impl Alert {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let Action::Test = self.action;
        let store = context.store_as_configured()?;
        let sent = telling::test(&store);
        if sent.is_empty() {
            return Err(Error::usage("alert.none", "nobody is told of problems").hint("write command, webhook or email into [alert] of annals.toml"));
        }
        let row = |(channel, done): &(telling::Channel, Result<()>)| {
            let error = done.as_ref().err().map(|e| view::error(e)["error"].clone());
            json!({ "channel": channel.word(), "delivered": done.is_ok(), "error": error })
        };
        let well = sent.iter().all(|(_, done)| done.is_ok());
        context.out.object("annals.alert.test/1", json!({ "ok": well, "channels": sent.iter().map(row).collect::<Vec<_>>() }))?;
        for (channel, done) in &sent {
            let said = match done {
                Ok(()) => "delivered".to_owned(),
                Err(e) => e.what_next().map_or_else(|| e.to_string(), |hint| format!("{e}; {hint}")),
            };
            context.out.line(format!("{:<8} {}", channel.word(), clean(&said)))?;
        }
        Ok(if well { 0 } else { FOUND })
    }
}
