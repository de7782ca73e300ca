//! The description of the interface for programs.

use clap::{Args, Subcommand};

use crate::base::error::Result;
use crate::face::api;

use super::context::Context;

/// The agent's interface for programs: JSON over HTTP
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals api openapi > annals.openapi.json\n  curl -H \"Authorization: Bearer $(cat /srv/annals/web.token)\" http://127.0.0.1:7717/api/v1/status\n\nannals ui --token says where the interface is and where its token stands."
)]
pub(crate) struct Api {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the OpenAPI document, which the agent also serves at /api/v1/openapi.json
    #[command(after_help = "Example:\n  annals api openapi > annals.openapi.json")]
    Openapi,
}

impl Api {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        match self.what {
            What::Openapi => context.out.bytes(format!("{:#}\n", api::document()).as_bytes())?,
        }
        Ok(0)
    }
}
