//! The program itself.

use clap::Args;
use serde_json::json;

use crate::base::error::Result;
use crate::format::version;

use super::context::Context;

/// Show the version of the program and of its formats
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  annals version --json")]
pub(crate) struct Version {}

impl Version {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let program = env!("CARGO_PKG_VERSION");
        let office = cfg!(feature = "msoffice");
        context.out.object(
            "annals.version/1",
            json!({ "version": program, "store_format": version::STORE, "segment_format": version::SEGMENT, "msoffice": office }),
        )?;
        context.out.line(format!("annals {program} (store format {}, segment format {})", version::STORE, version::SEGMENT))?;
        Ok(0)
    }
}

/// Print what a shell needs to complete words of annals
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals completions bash > ~/.local/share/bash-completion/completions/annals\n  annals completions fish > ~/.config/fish/completions/annals.fish"
)]
pub(crate) struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

impl Completions {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::command(), "annals", &mut script);
        context.out.bytes(&script)?;
        Ok(0)
    }
}
