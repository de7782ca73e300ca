//! The verbs of what is kept and what may go: holds, forgetting, and what the rules say.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::base::error::{Error, Result};
use crate::engine::compact::CompactOptions;
use crate::engine::forget::ForgetPlan;
use crate::engine::store::{Store, Tenant};
use crate::face::view;
use crate::model::key::{DEFAULT_TENANT, parse_key, show_key};
use crate::model::moment::{self, Moment, parse_duration};
use crate::model::retention::{PERIODS_MAX, Rules};
use crate::storage::config::parse_size;

use super::context::{Context, bytes, counted, grouped};
use super::offsite::rate;
use super::policy;
use super::table::{Listed, clean};

/// Keep everything of some documents, whatever the rules say, until the hold is lifted
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  annals hold case/2018-163 --reason 'before the court, 17-2'\n  annals hold case/ --name audit --until 2027-06-30 --reason 'tax audit'\n  annals hold --all --reason 'merger'\n  annals hold ls\n  annals hold lift audit --reason 'audit closed'\n\nPREFIX/ is all below it, KEY that document and what is below it. A hold is a record of the history: rebuilt stores have it too.\nNothing under it is forgotten, erased or dropped (exit code 14)."
)]
pub(crate) struct Hold {
    #[command(subcommand)]
    what: Option<HoldWhat>,
    /// KEY or PREFIX/
    prefix: Option<String>,
    /// Everything of the tenant
    #[arg(long, conflicts_with = "prefix")]
    all: bool,
    /// What to call it; the prefix where left out
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// It ends by itself then
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
}

#[derive(Debug, Subcommand)]
enum HoldWhat {
    /// List the holds
    #[command(after_help = "Examples:\n  annals hold ls\n  annals hold ls --json=lines")]
    Ls,
    /// End a hold
    #[command(after_help = "Example:\n  annals hold lift audit --reason 'audit closed'")]
    Lift {
        /// Its name
        name: String,
    },
}

impl Hold {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        // A hold may come while a dropped tenant is still there, and keeps it.
        let tenant = store.tenant_or_dropped(context.globals.tenant.as_deref().unwrap_or(DEFAULT_TENANT))?;
        match self.what {
            Some(HoldWhat::Ls) => return list_holds(context, &store, &tenant),
            Some(HoldWhat::Lift { name }) => {
                context.refuse_dry_run()?;
                let receipt = tenant.lift(&name, &context.by())?;
                let mut value = view::receipt(&receipt);
                value["hold"] = name.as_str().into();
                context.out.object("annals.hold.lift/1", value)?;
                context.out.line(format!("The hold {} is lifted · B{}", clean(&name), receipt.position.seq))?;
                return Ok(0);
            }
            None => {}
        }
        context.refuse_dry_run()?;
        let prefix = match (&self.prefix, self.all) {
            (Some(prefix), false) => parse_key(prefix),
            (None, true) => Vec::new(),
            _ => {
                return Err(Error::usage("hold.scope", "what is to be held?")
                    .hint("name it: annals hold PREFIX/ or annals hold KEY, or everything with --all; annals hold ls shows the holds"));
            }
        };
        let name = self.name.unwrap_or_else(|| if prefix.is_empty() { "everything".into() } else { show_key(&prefix) });
        let until = match self.until.as_deref().map(|text| context.moment(&store, text)).transpose()? {
            None => None,
            Some(Moment::Instant(at)) => Some(at),
            Some(_) => return Err(Error::usage("hold.until", "a hold ends at a time").hint("write a day or a time: --until 2027-06-30")),
        };
        let receipt = tenant.hold(&name, &prefix, until, &context.by())?;
        let documents = tenant.list(&prefix).count();
        let mut value = view::receipt(&receipt);
        value["hold"] = json!({ "name": name, "prefix": show_key(&prefix), "until": until.map(view::time) });
        value["documents"] = documents.into();
        context.out.object("annals.hold/1", value)?;
        let end = until.map_or_else(|| "until it is lifted".to_owned(), |at| format!("until {}", moment::show_short(at, &context.zone(&store))));
        let what = if prefix.is_empty() { "everything".to_owned() } else { clean(&show_key(&prefix)) };
        context.out.line(format!(
            "Held {end}: {what} ({} now) · B{} · annals hold lift '{}' ends it",
            counted(documents as u64, "document"),
            receipt.position.seq,
            clean(&name)
        ))?;
        Ok(0)
    }
}

fn list_holds(context: &Context, store: &Store, tenant: &Tenant) -> Result<u8> {
    let zone = context.zone(store);
    let mut table = Listed::new(&context.out, "annals.hold.ls/1", &["HOLD", "PREFIX", "UNTIL", "SET", "BY", "WHY"]);
    let holds = tenant.holds()?;
    for hold in &holds {
        let cells = || {
            let until = match hold.until {
                None => "lifted".to_owned(),
                Some(at) if hold.in_force => moment::show_short(at, &zone),
                Some(at) => format!("ended {}", moment::show_short(at, &zone)),
            };
            let prefix = if hold.prefix.is_empty() { "(everything)".to_owned() } else { show_key(&hold.prefix) };
            vec![hold.name.clone(), prefix, until, moment::show_short(hold.set.time, &zone), hold.set.actor.clone(), hold.set.reason.clone()]
        };
        table.row(cells, || view::hold(hold))?;
    }
    table.finish()?;
    if holds.is_empty() {
        context.out.note("There are no holds. annals hold PREFIX/ --reason TEXT sets one.");
    }
    Ok(0)
}

/// Rules on the command line.
#[derive(Debug, Clone, Args)]
struct Keeping {
    /// Keep what was current within this time, like 90d; these options together take the place of [keep] in annals.toml
    #[arg(long, value_name = "TIME")]
    keep_within: Option<String>,
    /// Keep the last N versions of each document
    #[arg(long, value_name = "N")]
    keep_last: Option<u32>,
    /// Keep what was so at the end of each of the last N days
    #[arg(long, value_name = "N")]
    keep_daily: Option<u32>,
    /// Of each of the last N weeks
    #[arg(long, value_name = "N")]
    keep_weekly: Option<u32>,
    /// Of each of the last N months
    #[arg(long, value_name = "N")]
    keep_monthly: Option<u32>,
    /// Of each of the last N years
    #[arg(long, value_name = "N")]
    keep_yearly: Option<u32>,
}

impl Keeping {
    /// The rules that were named, or those of the configuration.
    fn rules(&self, store: &Store) -> Result<Rules> {
        let own = store.keep_rules();
        if self.keep_last == Some(0) {
            return Err(Error::usage("keep.none", "--keep-last is at least 1: the current version of a document never goes")
                .hint("write --keep-last 1 to keep nothing but the last version; annals erase is for what must go altogether"));
        }
        let within =
            self.keep_within.as_deref().map(|text| parse_duration(text).map_err(|e| e.hint("write a time like 90d, 12h or 2w"))).transpose()?;
        for (name, count) in [
            ("--keep-daily", self.keep_daily),
            ("--keep-weekly", self.keep_weekly),
            ("--keep-monthly", self.keep_monthly),
            ("--keep-yearly", self.keep_yearly),
        ] {
            if count == Some(0) {
                return Err(
                    Error::usage("keep.none", format!("{name} is at least 1")).hint(format!("leave {name} away where it should keep nothing"))
                );
            }
            if count.is_some_and(|n| n > PERIODS_MAX) {
                return Err(Error::usage("keep.many", format!("{name} is at most {PERIODS_MAX}")).hint("that is a hundred years of days"));
            }
        }
        let named = Rules {
            floor_secs: own.floor_secs,
            within_secs: within,
            last: self.keep_last,
            daily: self.keep_daily,
            weekly: self.keep_weekly,
            monthly: self.keep_monthly,
            yearly: self.keep_yearly,
        };
        Ok(if named.keeps_everything() { own } else { named })
    }
}

/// Give up the bytes of old versions that no rule keeps; who, when, why, size and digest stay
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals forget -n\n  annals forget case/ --keep-within 90d --keep-daily 30 --keep-monthly 12\n  annals forget -y\n\nWithout --keep options the rules are those of [keep] in annals.toml; without any rules nothing goes. A current version never goes,\nnor one that is younger than the floor, held, marked, or not on a remote. A version is as old as the moment since when it is not current.\nannals policy simulate explains every version; annals compact takes what was forgotten off the remotes too."
)]
pub(crate) struct Forget {
    /// KEY or PREFIX/; nothing is everything of the tenant
    prefix: Option<String>,
    #[command(flatten)]
    keeping: Keeping,
    /// Leave the freed space to a later annals gc
    #[arg(long)]
    no_gc: bool,
}

impl Forget {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_plan()?;
        let store = context.store_as_configured()?;
        let tenant = context.tenant(&store)?;
        if context.globals.yes && !context.globals.dry_run {
            super::tenant::tell_let_go(context, &store.let_go(&context.monitor())?)?;
        }
        let prefix = parse_key(self.prefix.as_deref().unwrap_or_default());
        if !tenant.has_ever(&prefix)? {
            return Err(Error::missing("document.missing", format!("there never was a document under {}", show_key(&prefix)))
                .hint("annals ls shows the documents"));
        }
        let rules = self.keeping.rules(&store)?;
        let plan = tenant.plan_forget(&prefix, &rules, &context.monitor())?;
        tenant.note_would_free(&plan, true)?;
        let mut value = view::forget_plan(&plan);
        if context.globals.dry_run || plan.contents == 0 {
            value["applied"] = false.into();
            context.out.object("annals.forget/1", value)?;
            show(context, &plan)?;
            if context.globals.dry_run {
                context.out.note("Nothing was changed.");
            }
            return Ok(0);
        }
        show(context, &plan)?;
        if !context.globals.yes {
            let what = counted(plan.goes.versions, "version");
            if !context.can_ask() {
                return Err(Error::usage("plan.unconfirmed", format!("this forgets {what} for good, and nobody is here to be asked"))
                    .hint("add -y to do it; -n shows what would go, annals policy simulate explains every version"));
            }
            if !context.confirm(&format!("Forget {what} for good?"))? {
                context.out.note("Nothing was changed.");
                return Ok(0);
            }
        }
        let done = tenant.forget(&plan, &context.by(), &context.monitor())?;
        tenant.note_would_free(&plan, false)?;
        let freed = if self.no_gc { None } else { Some(store.gc(false, &context.monitor())?) };
        value["applied"] = true.into();
        value["outcome"] = view::forgot(&done);
        value["gc"] = freed.as_ref().map(view::garbage).into();
        context.out.object("annals.forget/1", value)?;
        let batches: Vec<String> = done.receipts.iter().map(|r| format!("B{}", r.position.seq)).collect();
        let what = format!("{} and {} forgotten", counted(plan.goes.versions, "version"), bytes(done.bytes));
        context.out.line(format!("{what} · {} · annals compact takes them off the remotes", batches.join(" ")))?;
        Ok(0)
    }
}

fn show(context: &Context, plan: &ForgetPlan) -> Result<()> {
    let out = &context.out;
    if out.json().is_some() {
        return Ok(());
    }
    out.line(out.paint("1", &format!("Rules: {}", plan.rules.words())))?;
    let (versions, documents) = (counted(plan.goes.versions, "version"), counted(plan.documents, "document"));
    match plan.goes.versions {
        0 => out.line("  nothing may go")?,
        _ => out.line(format!("  may go     {versions} of {documents}, {} in {}", bytes(plan.bytes), counted(plan.contents, "content")))?,
    }
    for (word, amount) in &plan.kept {
        out.line(format!("  {word:<10} keeps {}, {}", counted(amount.versions, "version"), bytes(amount.bytes)))?;
    }
    Ok(())
}

/// What the rules say: of every version, and of where the data of each tenant lie
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  annals policy simulate case/ --json\n  annals policy report")]
pub(crate) struct Policy {
    #[command(subcommand)]
    what: PolicyWhat,
}

#[derive(Debug, Subcommand)]
enum PolicyWhat {
    Simulate(Simulate),
    Report(policy::Report),
}

impl Policy {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        match self.what {
            PolicyWhat::Simulate(args) => args.run(context),
            PolicyWhat::Report(args) => args.run(context),
        }
    }
}

/// Explain for every version what keeps it, or that it may go; changes nothing
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals policy simulate\n  annals policy simulate case/2018-163 --json\n  annals policy simulate --keep-within 90d --keep-daily 30 --keep-monthly 12 --json=lines\n\nOnly documents with versions besides the current one are listed."
)]
struct Simulate {
    /// KEY or PREFIX/; nothing is everything of the tenant
    prefix: Option<String>,
    #[command(flatten)]
    keeping: Keeping,
}

impl Simulate {
    fn run(self, context: &Context) -> Result<u8> {
        let store = context.store_as_configured()?;
        let tenant = context.tenant(&store)?;
        let prefix = parse_key(self.prefix.as_deref().unwrap_or_default());
        let rules = self.keeping.rules(&store)?;
        let zone = context.zone(&store);
        let mut table = Listed::new(&context.out, "annals.policy.simulate/1", &["KEY", ">VERSION", ">SIZE", ">UNTIL", "VERDICT", "WHY"]);
        let plan = tenant.simulate(&prefix, &rules, &context.monitor(), &mut |judged| {
            let cells = || {
                let until = judged.version.until.map_or_else(String::new, |(_, at)| moment::show_short(at, &zone));
                let (verdict, why) = match &judged.keeps {
                    Some(keeps) => ("stays", keeps.why()),
                    None => ("goes", "no rule keeps it".to_owned()),
                };
                vec![show_key(judged.key), format!("v{}", judged.version.number), bytes(judged.version.size), until, verdict.to_owned(), why]
            };
            table.row(cells, || view::judged(&judged))
        })?;
        table.finish()?;
        tenant.note_would_free(&plan, true)?;
        let versions = grouped(plan.goes.versions);
        context.out.note(format!("{}: {versions} versions may go, {}. Nothing was changed.", plan.rules.words(), bytes(plan.bytes)));
        Ok(0)
    }
}

/// Take what was forgotten off the remotes: seal it again without, and remove the old objects after a while
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals compact -n\n  annals compact --remote offsite --allowance 50MB\n  annals compact --grace 30d\n\nSlices of which much was forgotten are sealed again from the local store and sent under new names. An old object goes when the new ones\nwere read back and the grace period has passed: run the command again then, or let the agent do it. What costs more than it frees is left;\n--all takes that too."
)]
pub(crate) struct Compact {
    /// Only this remote; all of the configuration where left out
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
    /// Send at most so much to each remote, like 50MB
    #[arg(long, value_name = "SIZE")]
    allowance: Option<String>,
    /// How long an object that was replaced stays
    #[arg(long, value_name = "TIME", default_value = "7d")]
    grace: String,
    /// Also what costs more bytes than it frees
    #[arg(long)]
    all: bool,
}

impl Compact {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_plan()?;
        let store = context.store()?;
        let names: Vec<String> = match &self.remote {
            Some(name) => vec![store.config().remote(name)?.name.clone()],
            None => store.config().remotes.iter().map(|remote| remote.name.clone()).collect(),
        };
        if names.is_empty() {
            return Err(Error::usage("remote.none", "there are no remotes to compact").hint("annals remote add NAME dir:/path adds one"));
        }
        let options = CompactOptions {
            dry_run: context.globals.dry_run,
            allowance_bytes: self.allowance.as_deref().map(parse_size).transpose()?,
            grace_secs: parse_duration(&self.grace)?,
            all: self.all,
            ..CompactOptions::default()
        };
        let zone = context.zone(&store);
        let limit_rate = rate(context)?;
        let mut list = context.out.list("annals.compact/1");
        let mut left = false;
        for name in names {
            let remote = store.remote(&name, limit_rate)?;
            let report = store.compact(&remote, &options, &context.monitor())?;
            left |= report.beyond_allowance > 0;
            let text = || {
                let mut said = Vec::new();
                if report.slices > 0 {
                    let verb = if options.dry_run { "would be sealed again, about" } else { "sealed again," };
                    said.push(format!(
                        "{} {verb} {} instead of {}",
                        counted(report.slices, "slice"),
                        bytes(report.bytes),
                        bytes(report.replaced_bytes)
                    ));
                }
                if report.removed > 0 {
                    said.push(format!("{} removed, {}", counted(report.removed, "old object"), bytes(report.removed_bytes)));
                }
                if let Some(until) = report.waiting_until {
                    let when = moment::show_short(until, &zone);
                    said.push(format!("{} ({}) may go from {when} on", counted(report.waiting, "old object"), bytes(report.waiting_bytes)));
                }
                if report.left > 0 {
                    said.push(format!("{} left, because that costs more than it frees", counted(report.left, "slice")));
                }
                if report.beyond_allowance > 0 {
                    said.push(format!("{} left, because of the allowance", counted(report.beyond_allowance, "slice")));
                }
                let said = if said.is_empty() { "nothing that was forgotten lies there".to_owned() } else { said.join("; ") };
                format!("{name}: {said}")
            };
            list.row(text, || view::compaction(&report))?;
        }
        list.finish()?;
        Ok(if left && !options.dry_run { 3 } else { 0 })
    }
}
