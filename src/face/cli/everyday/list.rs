//! `ls` and `find`: which documents there are.

use clap::Args;

use crate::base::error::{Error, Result};
use crate::base::monitor::check_stop;
use crate::engine::find::{FieldIs, Pattern, Query};
use crate::engine::history::Version;
use crate::engine::store::Tenant;
use crate::face::cli::context::{Context, bytes};
use crate::face::cli::table::{clean, pad};
use crate::face::view;
use crate::model::key::{parse_key, show_key};
use crate::model::moment::{self, Address, Zone};

/// List documents, now or as they were
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals ls case/\n  annals ls case/ --at 2018-09-18\n  annals ls --deleted --since '1 week ago'\n  annals ls --json=lines | jq -r .key\n\nThe prefix is the beginning of the keys: case/2018- is one too. Rows are in order of key."
)]
pub(crate) struct Ls {
    /// Only keys that begin with this; PREFIX@WHEN is the same as --at WHEN
    prefix: Option<String>,
    /// As it was at that moment
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
    /// Only documents that were removed, each with its last version
    #[arg(long)]
    deleted: bool,
    /// Only what was recorded (or with --deleted removed) after that moment
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// At most this many rows
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// A prefix and the moment it was named with: `case/`, `case/@yesterday`, or nothing; `--at` says the same.
pub(super) fn prefix_and_moment(context: &Context, tenant: &Tenant, prefix: Option<&str>, at: Option<&str>) -> Result<(Vec<u8>, Option<String>)> {
    let address = match prefix.filter(|text| !text.is_empty()) {
        None => Address { key: Vec::new(), when: None },
        // A final slash says that no moment was meant, whatever the folder is called.
        Some(text) if text.ends_with('/') => Address { key: parse_key(text), when: None },
        Some(text) => context.address(tenant, text)?,
    };
    match (address.when, at) {
        (Some(_), Some(at)) => Err(Error::usage("time.twice", format!("two moments: one after the @ and --at {at}")).hint("name one of them")),
        (when, at) => Ok((address.key, when.or(at.map(str::to_owned)))),
    }
}

/// A row for people: version, size, time, key; and for what was removed, when and by whom.
fn row(context: &Context, zone: &Zone, v: &Version, removed: bool) -> String {
    let number = format!("v{}", v.number);
    let key = clean(&show_key(&v.key));
    let event = if removed { v.until.as_ref().unwrap_or(&v.from) } else { &v.from };
    let when = moment::show_short(event.time, zone);
    let by = if event.actor.is_empty() { String::new() } else { format!(" by {}", clean(&event.actor)) };
    let left = format!("{}  {}  {}", pad(&number, 6, true), pad(&bytes(v.size), 8, true), pad(&when, 25, true));
    match removed {
        true => context.out.paint("31", &format!("{left}  {key}  (removed{by})")),
        false => format!("{left}  {key}"),
    }
}

impl Ls {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let (prefix, at) = prefix_and_moment(context, &tenant, self.prefix.as_deref(), self.at.as_deref())?;
        let since = self.since.as_deref().map(|text| context.seq_since(&store, &tenant, text)).transpose()?;
        let view = context.view(&store, &tenant, at.as_deref())?;
        let (zone, monitor) = (context.zone(&store), context.monitor());
        let listing = if self.deleted { view.list_removed(&prefix) } else { view.list(&prefix) };
        let seq_of = |v: &Version| if self.deleted { v.until.as_ref().map_or(0, |e| e.seq) } else { v.from.seq };
        let mut list = context.out.list("annals.ls/1");
        let mut rows = 0;
        for version in listing {
            check_stop(&monitor)?;
            let version = version?;
            if since.is_some_and(|since| seq_of(&version) <= since) {
                continue;
            }
            if self.limit.is_some_and(|limit| rows >= limit) {
                break;
            }
            rows += 1;
            list.row(|| row(context, &zone, &version, self.deleted), || view::version(&version))?;
        }
        if rows == 0 {
            let what = if self.deleted { "removed documents" } else { "documents" };
            let under = if prefix.is_empty() { String::new() } else { format!(" under {}", clean(&show_key(&prefix))) };
            let when = if since.is_some() { " since then" } else { "" };
            context.out.note(format!("No {what}{under}{when}."));
        }
        list.finish()?;
        Ok(0)
    }
}

/// Find documents by name, by a field, by a reference or by who recorded them
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals find rapport\n  annals find 'case/2018-*' --field status=open --field klient=38754\n  annals find --ref svarut:77\n  annals find --by 806 --at yesterday --deleted\n\nA name without * and ? is looked for anywhere in the key. * stands for anything but /, ** for anything, ? for one character;\na pattern without / is for the last part of the key.\nAll conditions must hold. A path without [n] means any element of an array: lines.qty=3."
)]
pub(crate) struct Find {
    /// A part of the name, or a pattern with * or ?
    name: Option<String>,
    /// A field of a JSON document that has this value; may be repeated
    #[arg(long = "field", value_name = "PATH=VALUE")]
    fields: Vec<String>,
    /// The id of a thing in an outside system
    #[arg(long = "ref", value_name = "SYSTEM:ID")]
    reference: Option<String>,
    /// Who recorded any version up to then, or removed it; the newest such version is shown
    #[arg(long, value_name = "ACTOR")]
    by: Option<String>,
    /// As it was at that moment
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
    /// Also documents that were removed
    #[arg(long)]
    deleted: bool,
    /// At most this many rows
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl Find {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        if self.name.is_none() && self.fields.is_empty() && self.reference.is_none() && self.by.is_none() {
            return Err(Error::usage("find.nothing", "nothing to look for").hint("give a name, --field, --ref or --by; annals ls lists everything"));
        }
        let reference = self.reference.as_deref().map(|text| match text.split_once(':') {
            Some((system, id)) if !system.is_empty() && !id.is_empty() => Ok((system.to_owned(), id.to_owned())),
            _ => Err(Error::usage("find.reference", format!("not a reference: {text}")).hint("write SYSTEM:ID, for example svarut:77")),
        });
        let query = Query {
            name: self.name.as_deref().map(Pattern::parse),
            fields: self.fields.iter().map(|text| FieldIs::parse(text)).collect::<Result<_>>()?,
            reference: reference.transpose()?,
            actor: self.by,
            removed: self.deleted,
        };
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let view = context.view(&store, &tenant, self.at.as_deref())?;
        let (zone, monitor, end) = (context.zone(&store), context.monitor(), view.seq()?);
        let mut list = context.out.list("annals.find/1");
        let mut rows = 0;
        for version in view.find(query)?.take(self.limit.unwrap_or(usize::MAX)) {
            check_stop(&monitor)?;
            let version = version?;
            rows += 1;
            let removed = version.removed && version.until.as_ref().is_some_and(|e| e.seq <= end);
            list.row(|| row(context, &zone, &version, removed), || view::version(&version))?;
        }
        if rows == 0 {
            context.out.note("Nothing found.");
        }
        list.finish()?;
        Ok(0)
    }
}
