//! Is it safe: status, verification, garbage collection.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::agent::daemon::Work;
use crate::agent::health::Health;
use crate::agent::proof::{self, Depth};
use crate::base::disk;
use crate::base::error::{Error, Result};
use crate::base::time::Timestamp;
use crate::engine::attest;
use crate::engine::heal::HealReport;
use crate::engine::proof::ProofKind;
use crate::engine::status::Status as Seen;
use crate::engine::store::Store;
use crate::engine::tenancy::LetGo;
use crate::engine::verify::{Level, Problem as Unsound, VerifyReport};
use crate::face::{metrics, view, world};
use crate::format::keyfile::attestation::ATTESTATION_BYTES_MAX;
use crate::model::moment::{self, Zone};

use super::context::{Context, bytes, counted, grouped};
use super::table::clean;

/// Exit code of a check that found something.
const FOUND: u8 = 4;
/// Tables named that one capture leaves out, before the rest is counted.
const TABLES_SHOWN: usize = 10;
/// Documents named for one problem before the rest is counted.
const DOCUMENTS_SHOWN: usize = 10;

/// Show whether everything is offsite, and how old the oldest change is that is not
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals status\n  annals status --json\n\nAsks no remote, so it is quick and works offline. Exit code 4 where the oldest change that exists only\nhere is older than stale_after in [alert] of annals.toml, where damage or another problem is known, or where\nthe store or a captured database went back in time, or the store parted from a remote: then it never says\nSafe. It says Not safe with exit code 0 where nobody set a remote up or said how long a change may wait."
)]
pub(crate) struct Status {}

impl Status {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let seen = store.status()?;
        let here = world::here();
        let work = Work::of(&store, here.agent())?;
        let value = view::status_and_work(&seen, tenant.name(), &work);
        context.out.object("annals.status/1", value)?;
        print_status(context, &seen, &work, &context.zone(&store))?;
        Ok(if work.problems.is_empty() && !seen.is_stale() { 0 } else { FOUND })
    }
}

fn print_status(context: &Context, seen: &Seen, work: &Work, zone: &Zone) -> Result<()> {
    let out = &context.out;
    let (safe, sentence) = view::verdict(seen, work);
    let word = if safe { out.paint("32", "Safe") } else { out.paint("31", "Not safe") };
    out.line(format!("{word}: {sentence}"))?;
    let site = seen.site_name.as_deref().unwrap_or("(no name)");
    out.line(format!("  site       {site} ({})", &seen.site.to_hex()[..8]))?;
    for tenant in &seen.tenants {
        let p = &tenant.position;
        let documents = counted(tenant.documents, "document");
        let dropped = match tenant.dropped {
            None => String::new(),
            Some((until, false)) => format!("; dropped, gone on {}", moment::show_short(until, zone)),
            Some((_, true)) => "; dropped, gone".to_owned(),
        };
        out.line(format!("  tenant     {}: seq {}, {documents}, timeline {}{dropped}", tenant.name, grouped(p.seq), &p.timeline.to_hex()[..8]))?;
    }
    for standing in &seen.lineage {
        if let Some(fence) = &standing.fence {
            let word = out.paint("31", fence.verdict.word());
            out.line(format!("  lineage    {}: {word} since {}", standing.tenant, moment::show_short(Timestamp(fence.found), zone)))?;
        }
        for line in &standing.lines {
            out.line(format!("  line left  {line}"))?;
        }
    }
    if let (Some(oldest), Some(amount)) = (seen.unshipped.oldest, view::waiting(seen)) {
        let since = moment::show_short(oldest, zone);
        out.line(format!("  only here  {amount}; {} since {since}", counted(seen.unshipped.batches, "batch")))?;
    }
    for (remote, health) in seen.remotes.iter().zip(&work.remotes) {
        let last = match remote.last_shipped {
            Some(at) => format!("last shipped {}", moment::show_short(at, zone)),
            None => "nothing shipped yet".to_owned(),
        };
        let behind = if remote.behind() > 0 { format!(", {} behind", counted(remote.behind(), "batch")) } else { String::new() };
        let url = view::remote_url(&remote.place);
        // A remote that is good needs no word about it.
        let state = match health.health {
            Health::Good => String::new(),
            other => format!("; {}: {}", other.word(), health.said),
        };
        out.line(format!("  remote     {} ({url}): {last}{behind}{state}", remote.place.name))?;
    }
    for remote in seen.remotes.iter().filter(|remote| !remote.pending.is_none()) {
        let mut what = Vec::new();
        if remote.pending.keys {
            what.push("keys that were destroyed here may lie there until the next annals ship".to_owned());
        }
        if remote.pending.objects > 0 {
            let objects = counted(remote.pending.objects, "object");
            what.push(format!("{objects} with what was erased until annals compact has replaced them and the grace period is over"));
        }
        out.line(format!("  {}    pending on {}: {}", out.paint("33", "erasure"), remote.place.name, what.join("; ")))?;
    }
    if seen.erasure_left_here {
        out.line(format!("  {}    something still lies around on this machine; annals gc goes on with it", out.paint("33", "erasure")))?;
    }
    for (remote, drill) in seen.remotes.iter().zip(&work.drills) {
        let Some(drill) = drill else { continue };
        let verb = if drill.sample { "read back" } else { "rebuilt" };
        let result = match drill.problems.first() {
            Some(problem) => format!("{}: {}", out.paint("31", "failed"), clean(problem)),
            None if drill.rpo_secs == 0 => format!("{verb} in {:.1} s, would have lost nothing", drill.rto_secs),
            None => format!("{verb} in {:.1} s, would have lost changes of {}", drill.rto_secs, moment::age(drill.rpo_secs as i64)),
        };
        out.line(format!("  proof      {}: {result}; {}", remote.place.name, moment::show_short(Timestamp(drill.at), zone)))?;
    }
    for capture in &seen.captures {
        let state = capture.trouble().map(|text| clean(&text)).unwrap_or_else(|| format!("{} rows", grouped(capture.rows)));
        out.line(format!("  capture    {} ({}): {state}", capture.prefix, capture.source))?;
        for (table, reason) in capture.left_out.iter().take(TABLES_SHOWN) {
            out.line(format!("  {}   {} of {}: {}", out.paint("33", "left out"), clean(table), capture.prefix, clean(reason)))?;
        }
        if let Some(more) = capture.left_out.len().checked_sub(TABLES_SHOWN).filter(|more| *more > 0) {
            out.line(format!("  left out   {more} more of {}; annals doctor names them", capture.prefix))?;
        }
    }
    if let Some(free) = seen.would_free.as_ref().filter(|free| free.versions > 0) {
        let (what, when) = (counted(free.versions, "version"), moment::show_short(Timestamp(free.at), zone));
        out.line(format!("  rules      {} would free {what}, {}; annals forget (seen {when})", free.rules, bytes(free.bytes)))?;
    }
    if seen.drafts > 0 {
        out.line(format!("  open       {} not committed; annals batch ls shows them", counted(seen.drafts, "batch")))?;
    }
    if work.runs {
        let mut next: Vec<_> = work.next.iter().filter_map(|p| Some((*p.at.first()?, p.task.to_string()))).collect();
        next.sort();
        let next: Vec<String> = next.into_iter().take(3).map(|(at, task)| format!("{task} {}", moment::show_short(at, zone))).collect();
        out.line(if next.is_empty() { "  agent      runs".to_owned() } else { format!("  agent      runs; next {}", next.join(", ")) })?;
    }
    for problem in work.problems.iter().filter(|p| !["stale", "damage"].contains(&p.key.as_str())) {
        out.line(format!("  {}    {}", out.paint("31", "problem"), problem.said))?;
    }
    let quota = seen.quota_bytes.map(|q| format!(" of {}", bytes(q))).unwrap_or_default();
    out.line(format!("  disk       {}{quota}", bytes(seen.disk_bytes)))
}

/// Check that the history is what it was, and that the bytes it names are there
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals verify\n  annals verify --full --json\n  annals verify --remote offsite --full\n  annals verify --heal\n  annals verify --attest held.json\n  annals verify --check held.json\n\nChecks every record against the chain of digests, and that every named chunk is there; with --full also\nreads every byte. Exit code 4 where something is wrong; what is wrong is told in terms of documents. With --heal\neverything is read, and what is damaged is taken again from sealed objects in the store's outbox and on\nthe remotes; exit code 0 where all of it is whole again.\n\n--attest writes what the site holds, where its copies are and how old they are, signed with a key of the site's secret. --check says later\nwhat of that can be proved: the log against its digests, the copies by asking them (--full reads them back). Exit code 4 where not all\nof it can, or where the signature does not fit."
)]
pub(crate) struct Verify {
    /// Also read every byte and compare it with its digest
    #[arg(long)]
    full: bool,
    /// Look at what this remote holds instead of the local store; with --full, read all of it back
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
    /// Bring back what is damaged from the outbox and from the remotes
    #[arg(long, conflicts_with_all = ["remote", "full"])]
    heal: bool,
    /// Afterwards write a signed statement of what is held, where, and how old it is
    #[arg(long, value_name = "FILE", conflicts_with_all = ["remote", "heal", "check"])]
    attest: Option<PathBuf>,
    /// Check an earlier statement instead: what of it can be proved now; asks the remotes that it names
    #[arg(long, value_name = "FILE", conflicts_with_all = ["remote", "heal"])]
    check: Option<PathBuf>,
}

impl Verify {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        if self.heal {
            return heal(context, &store);
        }
        if let Some(name) = &self.remote {
            return self.run_remote(context, &store, name);
        }
        if let Some(file) = &self.check {
            return self.check(context, &store, file);
        }
        let (level, depth) = if self.full { (Level::Full, Depth::Full) } else { (Level::Quick, Depth::Quick) };
        let report = store.verify(level, &context.monitor())?;
        proof::note_verify(&store, depth, &report)?;
        let mut value = view::verification(depth.word(), &report);
        if let Some(file) = &self.attest {
            context.refuse_dry_run()?;
            disk::write_file(file, store.attest()?.as_bytes(), 0o644)?;
            value["attested"] = file.display().to_string().into();
        }
        context.out.object("annals.verify/1", value)?;
        print_verification(context, &report, self.full)?;
        if let Some(file) = &self.attest {
            context.out.line(format!("Signed and written to {}; later: annals verify --check {0}", file.display()))?;
        }
        Ok(if report.problems.is_empty() { 0 } else { FOUND })
    }
}

impl Verify {
    fn check(&self, context: &Context, store: &Store, file: &Path) -> Result<u8> {
        let text = String::from_utf8(disk::read_file(file, ATTESTATION_BYTES_MAX)?)
            .map_err(|_| Error::usage("attestation.bad", format!("not an attestation: {} is not text", file.display())))?;
        let checked = store.check_attestation(&text, self.full, |name| store.remote(name, None), &context.monitor())?;
        context.out.object("annals.attestation.check/1", view::attestation_check(&checked))?;
        let (said, age) = (&checked.statement, moment::age(attest::age_secs(&checked.statement, store.now_is()) as i64));
        let (tenants, copies) = (counted(said.tenants.len() as u64, "tenant"), counted(said.copies.len() as u64, "remote"));
        if checked.unprovable.is_empty() {
            context.out.line(format!("{}: said {age} ago of {tenants} and {copies}, all of it holds", context.out.paint("32", "Proved")))?;
            return Ok(0);
        }
        context.out.line(format!("{}: said {age} ago of {tenants} and {copies}", context.out.paint("31", "Not all of it can be proved")))?;
        for what in &checked.unprovable {
            context.out.line(format!("  {}", clean(what)))?;
        }
        Ok(FOUND)
    }

    fn run_remote(&self, context: &Context, store: &Store, name: &str) -> Result<u8> {
        let remote = store.remote(name, None)?;
        let report = store.verify_remote(&remote, self.full, &context.monitor())?;
        store.note_verification(ProofKind::Remote, name, self.full, &report)?;
        let mut value = view::verification(if self.full { "remote_full" } else { "remote" }, &report);
        value["remote"] = name.into();
        context.out.object("annals.verify/1", value)?;
        if report.problems.is_empty() {
            let read = if self.full { format!(", {} read back", bytes(report.bytes)) } else { String::new() };
            context.out.line(format!("{}: {name} holds {}{read}", context.out.paint("32", "All is well"), counted(report.contents, "object")))?;
            return Ok(0);
        }
        context.out.line(format!("{}: {name}", context.out.paint("31", "Not as shipped")))?;
        for problem in &report.problems {
            print_problem(context, problem)?;
        }
        context.out.line("The next annals ship sends again what is not whole there.")?;
        Ok(FOUND)
    }
}

fn heal(context: &Context, store: &Store) -> Result<u8> {
    context.refuse_dry_run()?;
    let (mut remotes, mut away) = (Vec::new(), Vec::new());
    for place in &store.config().remotes {
        // One that cannot be opened must not keep the others from giving what they have.
        match store.remote(&place.name, None) {
            Ok(remote) => remotes.push(remote),
            Err(e) => away.push(format!("{}: {e}", place.name)),
        }
    }
    let mut report = store.heal(&remotes, &context.monitor())?;
    report.reasons.splice(0..0, away);
    context.out.object("annals.verify.heal/1", view::healing(&report))?;
    print_healing(context, &report)?;
    Ok(if report.left.is_empty() { 0 } else { FOUND })
}

fn print_healing(context: &Context, report: &HealReport) -> Result<()> {
    let out = &context.out;
    if report.found.is_empty() && report.left.is_empty() {
        return out.line(format!("{}: everything was read, nothing needed healing", out.paint("32", "All is well")));
    }
    let places: Vec<String> = report.places.iter().map(|(place, objects)| format!("{place} ({})", counted(*objects, "object"))).collect();
    if report.healed > 0 || report.batches > 0 {
        let what = format!("{} and {} whole again", counted(report.healed, "content"), counted(report.batches, "batch"));
        out.line(format!("{}: {what}, from {}", out.paint("32", "Healed"), places.join(", ")))?;
        let healed = report.found.iter().filter(|found| !report.left.iter().any(|left| left.what == found.what));
        healed.into_iter().try_for_each(|problem| print_problem(context, problem))?;
    }
    if report.left.is_empty() {
        return Ok(());
    }
    out.line(format!("{}: {}", out.paint("31", "Not healed"), counted(report.left.len(), "problem")))?;
    report.left.iter().try_for_each(|problem| print_problem(context, problem))?;
    for reason in &report.reasons {
        out.line(format!("  not usable: {reason}"))?;
    }
    out.line("annals remote add names another copy, then run this again. Records that were changed come back with annals rebuild --into DIR.")
}

fn print_verification(context: &Context, report: &VerifyReport, full: bool) -> Result<()> {
    let out = &context.out;
    let looked = format!("{}, {}", counted(report.batches, "batch"), counted(report.contents, "content"));
    let read = if full { format!(", {} read", bytes(report.bytes)) } else { String::new() };
    if report.problems.is_empty() {
        return out.line(format!("{}: {looked}{read}", out.paint("32", "All is well")));
    }
    let problems = counted(report.problems.len() as u64, "problem");
    out.line(format!("{}: {problems} in {looked}{read}", out.paint("31", "Not as recorded")))?;
    for problem in &report.problems {
        print_problem(context, problem)?;
    }
    out.line("Nothing was changed. annals verify --heal brings back what the outbox and the remotes have.")
}

fn print_problem(context: &Context, problem: &Unsound) -> Result<()> {
    let tenant = if problem.tenant.is_empty() { String::new() } else { format!("{}: ", problem.tenant) };
    context.out.line(format!("  {tenant}{}", problem.what))?;
    for document in problem.documents.iter().take(DOCUMENTS_SHOWN) {
        context.out.line(format!("    {document}"))?;
    }
    match problem.documents.len().saturating_sub(DOCUMENTS_SHOWN) {
        0 => Ok(()),
        more => context.out.line(format!("    and {more} more; --json names them")),
    }
}

/// Remove chunks that nothing names, left by a crash or an abandoned batch
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals gc -n\n  annals gc\n\nEvery version of every document stays. Of tenants that were dropped and whose time is over the bytes go."
)]
pub(crate) struct Gc {}

impl Gc {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_plan()?;
        let store = context.store()?;
        let dry_run = context.globals.dry_run;
        let gone = if dry_run { LetGo::default() } else { store.let_go(&context.monitor())? };
        super::tenant::tell_let_go(context, &gone)?;
        let report = store.gc(dry_run, &context.monitor())?;
        let mut value = view::garbage(&report);
        value["dry_run"] = dry_run.into();
        value["let_go"] = view::let_go(&gone);
        context.out.object("annals.gc/1", value)?;
        let (orphans, chunks) = (grouped(report.orphans), counted(report.chunks, "chunk"));
        context.out.line(match (report.orphans, dry_run) {
            (0, _) => format!("Nothing to remove: all of {chunks} in use"),
            (_, true) => format!("{orphans} of {chunks} would be removed"),
            (_, false) => {
                format!("{orphans} of {chunks} removed, {} given back", bytes(report.bytes_before.saturating_sub(report.bytes_after)))
            }
        })?;
        Ok(0)
    }
}

/// Print the store and its agent as numbers for a monitoring system
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  annals metrics > /var/lib/node_exporter/annals.prom\n\nThe text format of Prometheus. Gauges are those of the store; with an agent there are also its counters, which begin\nanew when it starts."
)]
pub(crate) struct Metrics {}

impl Metrics {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let store = context.store()?;
        let page = metrics::text(&store, world::here().agent())?;
        context.out.object("annals.metrics/1", json!({ "type": metrics::CONTENT_TYPE, "text": page }))?;
        if context.out.json().is_none() {
            context.out.bytes(page.as_bytes())?;
        }
        Ok(0)
    }
}
