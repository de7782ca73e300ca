//! `rm`: the end of a document's existence.

use clap::Args;

use crate::base::error::{Error, Result};
use crate::base::monitor::check_stop;
use crate::face::cli::context::{Context, counted};
use crate::face::cli::table::clean;
use crate::face::view;
use crate::model::key::{parse_key, show_key};

/// Keys that are named in the result.
const NAMED_MAX: usize = 1000;

/// Remove documents; every version stays readable
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals rm case/2018-163 --as 806 --reason 'entered twice'\n  annals rm -r drafts/ -y\n\nAll removals become one batch. Nothing is erased: annals restore KEY brings a document back, annals undo BATCH the whole batch."
)]
pub(crate) struct Rm {
    /// The documents
    #[arg(required = true)]
    keys: Vec<String>,
    /// All documents below each PREFIX/
    #[arg(short, long)]
    recursive: bool,
    /// Refuse unless the current version has this number
    #[arg(long, value_name = "N", conflicts_with = "recursive")]
    if_version: Option<u64>,
    /// An id of this request: sent again, it is recorded once
    #[arg(long, value_name = "ID", default_value = "")]
    request_id: String,
}

impl Rm {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_plan()?;
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let monitor = context.monitor();
        let mut keys: Vec<Vec<u8>> = Vec::new();
        for text in &self.keys {
            let key = parse_key(text);
            if !self.recursive {
                keys.push(self.existing(&tenant, key)?);
                continue;
            }
            let before = keys.len();
            for version in tenant.list(&key) {
                check_stop(&monitor)?;
                let found = version?.key;
                if key.ends_with(b"/") || found == key || found[key.len()..].starts_with(b"/") {
                    keys.push(found);
                }
            }
            if keys.len() == before {
                self.existing(&tenant, key)?;
            }
        }
        keys.sort();
        keys.dedup();
        let named: Vec<String> = keys.iter().take(NAMED_MAX).map(|key| show_key(key)).collect();
        if context.globals.dry_run {
            context.out.object("annals.rm/1", serde_json::json!({ "applied": false, "removed": keys.len(), "keys": named }))?;
            for key in &keys {
                context.out.line(clean(&show_key(key)))?;
            }
            context.out.note(format!("{} would be removed. Nothing was changed.", counted(keys.len() as u64, "document")));
            return Ok(0);
        }
        if self.recursive && keys.len() > 1 && !context.globals.yes {
            let documents = counted(keys.len() as u64, "document");
            if !context.can_ask() {
                return Err(Error::usage("plan.unconfirmed", format!("this removes {documents}, and nobody is here to be asked"))
                    .hint("add -y to do it, or -n to see them first"));
            }
            if !context.confirm(&format!("Remove {documents}?"))? {
                context.out.note("Nothing was changed.");
                return Ok(0);
            }
        }
        let by = context.by();
        let mut batch = tenant.batch(&by.reason).actor(&by.actor).origin(&by.origin).request_id(&self.request_id);
        for key in &keys {
            match self.if_version {
                Some(version) => batch.remove_if_version(key, version)?,
                None => batch.remove(key)?,
            }
        }
        let receipt = batch.commit()?;
        let seq = receipt.position.seq;
        let mut value = view::receipt(&receipt);
        value["applied"] = true.into();
        value["removed"] = keys.len().into();
        value["keys"] = named.into();
        context.out.object("annals.rm/1", value)?;
        let what = match keys.as_slice() {
            [key] => clean(&show_key(key)),
            many => counted(many.len() as u64, "document"),
        };
        context.out.line(format!("removed {what} · B{seq} · annals undo B{seq} brings it back"))?;
        Ok(0)
    }

    /// The key, if there is such a document now. A repeated request may find it gone.
    fn existing(&self, tenant: &crate::Tenant, key: Vec<u8>) -> Result<Vec<u8>> {
        let found = tenant.find_version(&key, None);
        match found {
            Err(_) if !self.request_id.is_empty() => Ok(key),
            Err(e)
                if e.code() == "document.missing"
                    && tenant.now().list([&key[..], if key.ends_with(b"/") { b"" } else { b"/" }].concat()).next().is_some() =>
            {
                Err(Error::usage("document.prefix", format!("{} is no document, but there are some below it", show_key(&key)))
                    .hint(format!("annals rm -r {} removes them all", show_key(&key)))
                    .at_key(&key))
            }
            Err(e) => Err(e),
            Ok(_) => Ok(key),
        }
    }
}
