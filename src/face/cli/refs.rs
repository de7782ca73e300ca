//! The ledger of references to outside systems.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use crate::base::disk;
use crate::base::error::{Error, Result};
use crate::base::limits::REFERENCE_LIST_BYTES_MAX;
use crate::engine::references::{Difference, Entry};
use crate::face::{view, world};
use crate::model::key::{parse_key, show_key};
use crate::model::moment::{self, Moment, Zone};
use crate::model::reference::Reference;

use super::context::{Context, grouped};
use super::table::Listed;

/// Keep ids that outside systems gave to documents: deliveries, archive numbers
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals refs add letter/2024-117 svarut 9f2c --state delivered --irrevocable\n  annals refs find svarut 9f2c\n  annals refs check --against deliveries.csv\n\nReferences are never rolled back; every plan shows those it touches."
)]
pub(crate) struct Refs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Add(Add),
    Ls(Ls),
    Find(Find),
    Check(Check),
}

impl Refs {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        match self.what {
            What::Add(args) => args.run(context),
            What::Ls(args) => args.run(context),
            What::Find(args) => args.run(context),
            What::Check(args) => args.run(context),
        }
    }
}

/// Add a reference to a document, or change the state of one
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  annals refs add letter/2024-117 svarut 9f2c --state delivered --irrevocable")]
struct Add {
    /// The document
    key: String,
    /// The outside system
    system: String,
    /// The id that it gave
    id: String,
    /// The state there, in that system's words
    #[arg(long, value_name = "STATE", default_value = "")]
    state: String,
    /// It can no longer be recalled there
    #[arg(long)]
    irrevocable: bool,
    /// When it ceases to exist there
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// Several documents may carry this id
    #[arg(long)]
    shared: bool,
}

impl Add {
    fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let key = parse_key(&self.key);
        // A reference to a mistyped key would be found by nobody.
        tenant.refs(&key)?;
        let expires = match self.expires.as_deref().map(|text| context.moment(&store, text)).transpose()? {
            None => None,
            Some(Moment::Instant(at)) => Some(at),
            Some(_) => return Err(Error::usage("refs.expires", "a reference expires at a time").hint("write a date or a time: --expires 2027-01-31")),
        };
        let reference = Reference { system: self.system, id: self.id, state: self.state, irrevocable: self.irrevocable, expires };
        let by = context.by();
        let mut batch = tenant.batch(&by.reason).actor(&by.actor).origin(&by.origin);
        batch.add_ref_with(&key, reference.clone(), self.shared)?;
        let receipt = batch.commit()?;
        let entry = Entry { key, reference, seq: receipt.position.seq };
        context.out.object("annals.refs.add/1", view::ledger_entry(&entry))?;
        let line =
            format!("{} {} → {}{} · seq {}", entry.reference.system, entry.reference.id, show_key(&entry.key), said(&entry), grouped(entry.seq));
        context.out.line(line)?;
        Ok(0)
    }
}

/// The state in brackets, where something is known of it.
fn said(entry: &Entry) -> String {
    let irrevocable = if entry.reference.irrevocable { "irrevocable" } else { "" };
    let words: Vec<&str> = [entry.reference.state.as_str(), irrevocable].into_iter().filter(|w| !w.is_empty()).collect();
    if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) }
}

/// List references, of one document or of all
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  annals refs ls letter/2024-117\n  annals refs ls --json=lines")]
struct Ls {
    /// The document; all where left out
    key: Option<String>,
}

impl Ls {
    fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let key = self.key.as_deref().map(parse_key);
        list(context, &tenant.ledger(key.as_deref())?, &context.zone(&store))?;
        Ok(0)
    }
}

fn list(context: &Context, entries: &[Entry], zone: &Zone) -> Result<()> {
    let mut table = Listed::new(&context.out, "annals.refs/1", &["SYSTEM", "ID", "STATE", "DOCUMENT", "NOTE"]);
    for entry in entries {
        let r = &entry.reference;
        let cells = || {
            let irrevocable = r.irrevocable.then(|| "irrevocable".to_owned());
            let expires = r.expires.map(|at| format!("expires {}", moment::show_short(at, zone)));
            let note: Vec<String> = [irrevocable, expires].into_iter().flatten().collect();
            vec![r.system.clone(), r.id.clone(), r.state.clone(), show_key(&entry.key), note.join(", ")]
        };
        table.row(cells, || view::ledger_entry(entry))?;
    }
    table.finish()
}

/// Find the documents that carry an id
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  annals refs find svarut 9f2c")]
struct Find {
    /// The outside system
    system: String,
    /// The id that it gave
    id: String,
}

impl Find {
    fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let mut found = Vec::new();
        for key in tenant.find_ref(&self.system, &self.id)? {
            let own = tenant.ledger(Some(&key))?;
            found.extend(own.into_iter().filter(|e| e.reference.system == self.system && e.reference.id == self.id));
        }
        if found.is_empty() {
            return Err(Error::missing("reference.missing", format!("no document carries {} {}", self.system, self.id))
                .hint("annals refs ls shows what there is; systems and ids are told apart by capital letters too"));
        }
        list(context, &found, &context.zone(&store))?;
        Ok(0)
    }
}

/// Compare the references with a list from the outside system
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  annals refs check --against deliveries.csv --system svarut\n\nThe list is CSV with a header line naming the columns: id, and maybe system and state. Exit code 4 where\nsomething is missing here, missing there, or has another state; 2 for a malformed line, with its number."
)]
struct Check {
    /// The list, - for standard input
    #[arg(long, value_name = "FILE.csv")]
    against: PathBuf,
    /// Compare only this system; also what lines without a system column belong to
    #[arg(long, value_name = "SYSTEM")]
    system: Option<String>,
}

impl Check {
    fn run(self, context: &Context) -> Result<u8> {
        let bytes = read_list(&self.against)?;
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let check = tenant.check_ledger(&bytes, self.system.as_deref(), context.now())?;
        let rows: Vec<_> = check.differences.iter().map(view::ledger_difference).collect();
        let count = |word: &str| rows.iter().filter(|r| r["difference"] == word).count();
        let (here, there, state) = (count("missing_here"), count("missing_there"), count("state_differs"));
        let value = json!({
            "listed": check.listed, "same": check.same, "expired": check.expired,
            "missing_here": here, "missing_there": there, "state_differs": state, "differences": rows,
        });
        context.out.object("annals.refs.check/1", value)?;
        let differ = if rows.is_empty() {
            "no difference".to_owned()
        } else {
            format!("{here} missing here, {there} missing there, {state} in another state")
        };
        context.out.line(format!("{} listed, {} the same, {differ}", grouped(check.listed), grouped(check.same)))?;
        for difference in &check.differences {
            context.out.line(format!("  {}", sentence(difference)))?;
        }
        Ok(if rows.is_empty() { 0 } else { 4 })
    }
}

fn read_list(path: &Path) -> Result<Vec<u8>> {
    if path.as_os_str() != "-" {
        return disk::read_file(path, REFERENCE_LIST_BYTES_MAX)
            .map_err(|e| Error::usage("file.unreadable", format!("cannot read the list: {e}")).hint("name a CSV file, or - for standard input"));
    }
    let mut bytes = Vec::new();
    world::stdin().take(REFERENCE_LIST_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| Error::io("read standard input", e))?;
    Ok(bytes)
}

fn sentence(difference: &Difference) -> String {
    match difference {
        Difference::MissingHere { system, id, state, line } => {
            let state = state.as_deref().filter(|s| !s.is_empty()).map(|s| format!(" ({s} there)")).unwrap_or_default();
            format!("missing here: {system} {id}{state}, line {line}")
        }
        Difference::MissingThere(e) => format!("missing there: {} {}{}, document {}", e.reference.system, e.reference.id, said(e), show_key(&e.key)),
        Difference::StateDiffers { here, there, line } => {
            let r = &here.reference;
            format!("state differs: {} {}: {:?} here, {there:?} there (line {line}), document {}", r.system, r.id, r.state, show_key(&here.key))
        }
    }
}
