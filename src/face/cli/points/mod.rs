//! The verbs that make and use points in history.

mod batch;

pub(crate) use batch::Batch;

use clap::Args;
use serde_json::json;

use crate::base::error::Result;
use crate::engine::restore::Scope;
use crate::face::view;
use crate::model::key::{parse_key, show_key};
use crate::model::moment::{self, Moment};

use super::context::{Context, grouped};
use super::plans::{self, Conflicts, Settling};
use super::table::{Table, clean};

/// Give the present moment a name, or list the names
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals mark release-7\n  annals mark\n  annals mark before-import --at '2026-11-19 08:00'\n  annals ls --at mark:release-7\n  annals rollback case/ --to mark:release-7\n\nThe same name again moves the mark."
)]
pub(crate) struct Mark {
    /// The name; without one the marks are listed
    name: Option<String>,
    /// An earlier moment instead of the present one
    #[arg(long, value_name = "WHEN", requires = "name")]
    at: Option<String>,
}

impl Mark {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let Some(name) = self.name else {
            let zone = context.zone(&store);
            let mut table = Table::new(&["MARK", ">SEQ", ">WHEN"]);
            let mut list = context.out.list("annals.mark/1");
            for (name, seq) in tenant.marks()? {
                let time = if seq == 0 { None } else { Some(tenant.batch_at(seq)?.event.time) };
                if context.out.json().is_some() {
                    list.row(String::new, || json!({ "mark": name, "seq": seq, "time": time.map(view::time) }))?;
                }
                table.row([name, grouped(seq), time.map_or("before the first batch".into(), |t| moment::show_short(t, &zone))]);
            }
            list.finish()?;
            let lines = table.lines(&context.out);
            if lines.is_empty() {
                context.out.note("No marks yet. annals mark NAME sets one.");
            }
            return lines.iter().try_for_each(|line| context.out.line(line)).map(|()| 0);
        };
        context.refuse_dry_run()?;
        let by = context.by();
        let mut batch = tenant.batch(&by.reason).actor(&by.actor).origin(&by.origin);
        let at = self.at.map(|text| tenant.resolve(&context.moment(&store, &text)?)).transpose()?;
        match at {
            Some(seq) => batch.mark_at(&name, seq)?,
            None => batch.mark(&name)?,
        }
        let receipt = batch.commit()?;
        let marked = at.unwrap_or(receipt.position.seq - 1);
        let mut value = view::receipt(&receipt);
        value["mark"] = name.as_str().into();
        value["marked_seq"] = marked.into();
        context.out.object("annals.mark/1", value)?;
        context.out.line(format!("mark:{} is seq {}", clean(&name), grouped(marked)))?;
        Ok(0)
    }
}

/// Bring a prefix, or everything, back to how it was at a moment, as new versions
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals rollback case/ --to '2026-11-19 08:00' --plan rb.json ; annals apply rb.json\n  annals --tenant kommune-b rollback --to mark:before-import -y\n\nDocuments that came later are removed, removed ones return, other tenants and prefixes are not touched. It is a batch like any other:\nannals undo takes it back. References to outside systems stay and are shown."
)]
pub(crate) struct Rollback {
    /// KEY or PREFIX/; nothing is everything of the tenant
    prefix: Option<String>,
    /// The moment to go back to
    #[arg(long, value_name = "WHEN")]
    to: String,
    /// Change the rows in the database that they were captured from
    #[arg(long)]
    to_source: bool,
}

impl Rollback {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let prepared = plans::prepare(context, &tenant, self.to_source);
        let prefix = parse_key(self.prefix.as_deref().unwrap_or_default());
        let to = context.moment(&store, &self.to)?;
        let seq = tenant.resolve(&to)?;
        context.echo(&store, &tenant, &to)?;
        let prefix = match tenant.scope(&prefix)? {
            Scope::Document(key) => key,
            // A misspelt prefix must not look like one that is fine already.
            Scope::Prefix(prefix) if prefix.is_empty() || tenant.has_ever(&prefix)? => prefix,
            Scope::Prefix(prefix) => return Err(tenant.restore_removed(&prefix).err().unwrap_or_else(|| no_such(&prefix))),
        };
        let plan = tenant.rollback(&prefix, &Moment::Seq(seq))?;
        let command = format!("annals rollback '{}' --to '{}'", show_key(&prefix), self.to);
        let how = Settling {
            schema: "annals.rollback/1",
            command: &command,
            on_conflict: Conflicts::Skip,
            seen: false,
            to_source: self.to_source,
            prepared: Some(&prepared),
            rows_max: None,
        };
        plans::settle(context, &tenant, &plan, &how)
    }
}

fn no_such(prefix: &[u8]) -> crate::Error {
    crate::Error::missing("document.missing", format!("there never was a document under {}", show_key(prefix))).hint("annals ls shows the documents")
}
