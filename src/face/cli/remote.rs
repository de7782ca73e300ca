//! Places offsite.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::base::error::{Error, Result};
use crate::engine::store::Store;
use crate::face::{view, world};
use crate::model::key::DEFAULT_TENANT;
use crate::model::moment;
use crate::storage::config::{Rate, Remote as Place, parse_rate};
use crate::storage::remote::{Options, RemoteUrl};

use super::context::{Context, bytes, counted};
use super::table::Listed;

/// Places offsite that hold copies of the history
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals remote add usb dir:/media/backup/hist\n  annals remote add offsite-eu rclone:s3eu:hist/clinic-17 --region se --operator-country se\n  annals remote check offsite-eu"
)]
pub(crate) struct Remote {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Add(Add),
    Ls(Ls),
    Check(Check),
    Rm(Rm),
}

impl Remote {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        match self.what {
            What::Add(args) => args.run(context),
            What::Ls(args) => args.run(context),
            What::Check(args) => args.run(context),
            What::Rm(args) => args.run(context),
        }
    }
}

/// Add a remote
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals remote add usb dir:/media/backup/hist\n  annals remote add offsite-eu rclone:s3eu:hist/clinic-17 --region se --operator-country se\n\nIt is written to annals.toml in the store. Nothing is shipped yet: annals ship does that."
)]
struct Add {
    /// What to call it
    name: String,
    /// dir:/path or rclone:REMOTE:PATH
    url: String,
    /// rclone's configuration file [default: the one rclone uses for this user]
    #[arg(long, value_name = "FILE")]
    rclone_config: Option<PathBuf>,
    /// Where the bytes lie; tenants with regions are shipped only to remotes in one of them
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The country whose law the operator is under, two letters
    #[arg(long, value_name = "COUNTRY")]
    operator_country: Option<String>,
    /// How often it is there, like weekly: until then absence is waiting, not failure
    #[arg(long, value_name = "TIME")]
    expected: Option<String>,
}

impl Add {
    fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let absolute = |path: PathBuf| world::whole(&path);
        let place = Place {
            rclone_config: self.rclone_config.map(absolute).transpose()?,
            region: self.region,
            operator_country: self.operator_country,
            expected_secs: self.expected.as_deref().map(expected).transpose()?,
            ..place(&self.name, &self.url)?
        };
        let store = context.store()?;
        add(context, &store, &place)?;
        let url = view::remote_url(&place);
        context.out.object(
            "annals.remote.add/1",
            json!({ "name": place.name, "url": url, "region": place.region, "operator_country": place.operator_country }),
        )?;
        context.out.line(format!("Remote {} is {url}", place.name))?;
        Ok(0)
    }
}

fn expected(text: &str) -> Result<u64> {
    match text {
        "daily" => Ok(86_400),
        "weekly" => Ok(7 * 86_400),
        "monthly" => Ok(31 * 86_400),
        other => moment::parse_duration(other),
    }
}

/// A remote from words of the command line; the path of a directory is made absolute.
pub(super) fn place(name: &str, url: &str) -> Result<Place> {
    let url = match RemoteUrl::parse(url)? {
        RemoteUrl::Directory(path) => {
            let path = world::whole(&path)?;
            if path.to_str().is_none() {
                return Err(Error::usage("remote.url", format!("the path of a remote must be UTF-8 text: {}", path.display()))
                    .hint("give the directory another name, or a link with another name"));
            }
            RemoteUrl::Directory(path)
        }
        other => other,
    };
    Place::new(name, &url.reveal())
}

/// Adds a remote and says what a person should know of it.
pub(super) fn add(context: &Context, store: &Store, place: &Place) -> Result<()> {
    store.add_remote(place)?;
    let url = RemoteUrl::parse(&place.url)?;
    if !url.secrets().is_empty() {
        context.out.note(
            "the address holds parameters that may be passwords; they stand in annals.toml. A section of rclone's configuration keeps them out of it",
        );
    }
    let RemoteUrl::Directory(path) = url else { return Ok(()) };
    // Only where its parent is there: on a disk that is not mounted the parent is missing too, and must not be made up.
    if !path.exists() && path.parent().is_some_and(|parent| parent.is_dir()) {
        crate::base::disk::create_dirs(&path)?;
        context.out.note(format!("made the directory {}", path.display()));
    } else if !path.is_dir() {
        context.out.note(format!("{} is not there now; annals remote check {} looks again", path.display(), place.name));
    }
    Ok(())
}

/// List the remotes and how far each is
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  annals remote ls\n  annals remote ls --json=lines")]
struct Ls {}

impl Ls {
    fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        let tenant = context.globals.tenant.as_deref().unwrap_or(DEFAULT_TENANT);
        let zone = context.zone(&store);
        let mut table = Listed::new(&context.out, "annals.remote.ls/1", &["NAME", "ADDRESS", "REGION", "STATE", "LAST SHIPPED"]);
        for remote in store.status()?.remotes {
            let cells = || {
                let last = remote.last_shipped.map_or_else(|| "never".to_owned(), |at| moment::show_short(at, &zone));
                let region = remote.place.region.clone().unwrap_or_else(|| "-".to_owned());
                vec![remote.place.name.clone(), view::remote_url(&remote.place), region, view::remote_state(remote.state).to_owned(), last]
            };
            table.row(cells, || view::remote_status(&remote, tenant))?;
        }
        table.finish()?;
        Ok(0)
    }
}

/// Ask a remote whether it is there
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals remote check offsite-eu\n  annals remote check offsite-eu --write\n\nLists what lies there. With --write it also stores a small object, reads it back and removes it. Exit code\n13 where the remote cannot be reached."
)]
struct Check {
    /// The remote
    name: String,
    /// Also write a small object, read it back and remove it
    #[arg(long)]
    write: bool,
}

impl Check {
    fn run(self, context: &Context) -> Result<u8> {
        let store = context.store_as_configured()?;
        let found = store.check_remote(&self.name, self.write, options(context)?, &context.monitor())?;
        context.out.object("annals.remote.check/1", view::remote_check(&self.name, &found))?;
        let wrote = if self.write { ", writes and reads back what was written" } else { "" };
        context.out.line(format!(
            "{} answers: {} holds {}, {}{wrote}",
            self.name,
            found.place,
            counted(found.objects, "object"),
            bytes(found.bytes)
        ))?;
        Ok(0)
    }
}

/// How to speak to remotes, as far as the command line and the environment say.
pub(super) fn options(context: &Context) -> Result<Options> {
    let limit_rate = match context.globals.limit_rate.as_deref().map(parse_rate).transpose()? {
        Some(Rate::BytesPerSec(rate)) => Some(rate),
        Some(Rate::Unlimited) | None => None,
    };
    let rclone_config_password = world::variable("RCLONE_CONFIG_PASS");
    Ok(Options { limit_rate, rclone_config_password, ..Options::default() })
}

/// Take a remote out of the configuration; what lies there stays
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  annals remote rm usb")]
struct Rm {
    /// The remote
    name: String,
}

impl Rm {
    fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let store = context.store()?;
        store.remove_remote(&self.name)?;
        context.out.object("annals.remote.rm/1", json!({ "name": self.name }))?;
        context.out.line(format!("Remote {} is no longer used; what lies there was not touched", self.name))?;
        if store.config().remotes.iter().all(|r| r.name == self.name) {
            context.out.note("no remote is left: from now on this store is the only copy");
        }
        Ok(0)
    }
}
