//! The everyday verbs.

mod list;
mod log;
mod show;
mod diff;
mod remove;
mod restore;
mod undo;

pub(crate) use diff::{Diff, Fields};
pub(crate) use list::{Find, Ls};
pub(crate) use log::Log;
pub(crate) use remove::Rm;
pub(crate) use restore::Restore;
pub(crate) use show::Show;
pub(crate) use undo::{Apply, Redo, Undo, batch_number};

use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::base::error::{Error, Result};
use crate::face::{view, world};
use crate::model::change::Meta;
use crate::model::key::show_key;
use crate::model::moment::Moment;

use super::context::{Context, bytes, grouped};
use super::remote;

/// Make a new store
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  annals init -C /srv/annals --site clinic-17\n\nMakes a key file (annals.key) in the store. Print `annals key show --sheet` and keep it elsewhere:\nwithout it nobody can read what is shipped offsite, not even you."
)]
pub(crate) struct Init {
    /// What people call this place
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
    /// Also add a remote called "offsite": dir:/path or rclone:REMOTE:PATH
    #[arg(long, value_name = "URL")]
    remote: Option<String>,
}

impl Init {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let dir = context.new_dir();
        let host = || world::variable("HOSTNAME").unwrap_or_else(|| "site".into());
        let site = self.site.unwrap_or_else(host);
        // A slip in the address must not leave a store without the remote that was asked for.
        let place = self.remote.as_deref().map(|url| remote::place("offsite", url)).transpose()?;
        let store = context.options().init(&dir, &site)?;
        if let Some(place) = &place {
            remote::add(context, &store, place)?;
        }
        context.out.object(
            "annals.init/1",
            json!({
                "store": dir.display().to_string(),
                "site": site,
                "site_id": store.site().to_hex(),
                "key_file": dir.join("annals.key").display().to_string(),
                "remotes": place.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(),
            }),
        )?;
        context.out.line(format!("New store for {site} in {}", dir.display()))?;
        context.out.line(format!("Its key is in {}. Print the recovery sheet and keep it elsewhere:", dir.join("annals.key").display()))?;
        context.out.line(format!("  annals -C {} key show --sheet", dir.display()))?;
        Ok(0)
    }
}

/// Record a new version of a document
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals put case/2018-163 case.json --as 806 --reason \"new referral\"\n  pg_dump app | annals put dumps/app.sql -"
)]
pub(crate) struct Put {
    /// The document's name
    key: String,
    /// The file with its content, - for standard input
    file: PathBuf,
    /// Media type, like application/json
    #[arg(long, value_name = "TYPE", default_value = "")]
    media: String,
    /// An id of this request: sent again, it is recorded once
    #[arg(long, value_name = "ID", default_value = "")]
    request_id: String,
    /// Refuse unless the current version has this number (0: the document must not exist)
    #[arg(long, value_name = "N")]
    if_version: Option<u64>,
}

impl Put {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let by = context.by();
        let key = crate::model::key::parse_key(&self.key);
        let mut batch = tenant.batch(&by.reason).actor(&by.actor).origin(&by.origin).request_id(&self.request_id);
        let mut reader: Box<dyn Read> = if self.file.as_os_str() == "-" {
            Box::new(world::stdin())
        } else {
            let unreadable = |e| Error::usage("file.unreadable", format!("cannot read {}: {e}", self.file.display()));
            if self.file.is_dir() {
                return Err(Error::usage("file.folder", format!("{} is a folder", self.file.display()))
                    .hint("annals capture folder DIR --prefix P/ records all of it"));
            }
            Box::new(std::fs::File::open(&self.file).map_err(unreadable)?)
        };
        let meta = Meta { media: self.media, ..Meta::default() };
        match self.if_version {
            Some(version) => batch.put_if_version(&key, &mut reader, meta, version)?,
            None => batch.put_with(&key, &mut reader, meta)?,
        }
        let receipt = batch.commit()?;
        // As this batch left it: where the request is repeated, the document may have changed or gone since.
        let version = tenant.find_version(&key, Some(&Moment::Seq(receipt.position.seq)))?;
        context.out.object("annals.put/1", view::put(&receipt, &version))?;
        context.out.line(format!("{} v{} · {} · seq {}", show_key(&key), version.number, bytes(version.size), grouped(receipt.position.seq)))?;
        Ok(0)
    }
}

/// Read a document, now or as it was
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals get case/2018-163\n  annals get 'report.docx@yesterday 14:00' --out report-old.docx\n  annals get case/2018-163@v7\n\nA document that is called KEY@v7 itself is KEY\\x40v7; without the escape where nothing is called KEY."
)]
pub(crate) struct Get {
    /// KEY, KEY@WHEN or KEY@v7
    address: String,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
}

impl Get {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let address = context.address(&tenant, &self.address)?;
        let version = context.version(&store, &tenant, &address)?;
        let mut reader = tenant.open(&version)?;
        match &self.out {
            None => loop {
                let run = reader.next_run()?;
                if run.is_empty() {
                    break;
                }
                context.out.bytes(run)?;
            },
            Some(path) => {
                let mut file = crate::storage::tree::write_single(path, &version.meta, self.force)?;
                loop {
                    let run = reader.next_run()?;
                    if run.is_empty() {
                        break;
                    }
                    file.append(run)?;
                }
                file.finish(version.digest)?;
                context.out.object("annals.get/1", view::version(&version))?;
                context.out.line(format!("{} v{} → {} ({})", show_key(&version.key), version.number, path.display(), bytes(version.size)))?;
            }
        }
        Ok(0)
    }
}
