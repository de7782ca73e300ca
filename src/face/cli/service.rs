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
