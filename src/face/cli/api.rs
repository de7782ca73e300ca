//! The description of the interface for programs.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::base::error::Result;
use crate::face::api;

use super::context::Context;
use super::table::Listed;

/// The agent's interface for programs: JSON over HTTP
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals api routes\n  annals api openapi > annals.openapi.json\n  curl -H \"Authorization: Bearer $(cat /srv/annals/web.token)\" http://127.0.0.1:7717/api/v1/status\n\nannals ui --token says where the interface is and where its token stands."
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
    /// List the routes: method, path and what it does
    #[command(after_help = "Examples:\n  annals api routes\n  annals api routes --json=lines")]
    Routes,
}

impl Api {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        match self.what {
            What::Openapi => context.out.bytes(format!("{:#}\n", api::document()).as_bytes())?,
            What::Routes => {
                let mut table = Listed::new(&context.out, "annals.api.routes/1", &["METHOD", "PATH", "WHAT"]);
                for [method, path, id, says] in api::told() {
                    // Its first sentence; the document has the rest.
                    let first = says.split_inclusive(". ").next().unwrap_or(says).trim_end();
                    let cells = || vec![method.to_owned(), path.to_owned(), first.to_owned()];
                    table.row(cells, || json!({ "method": method, "path": path, "id": id, "says": says }))?;
                }
                table.finish()?;
            }
        }
        Ok(0)
    }
}
