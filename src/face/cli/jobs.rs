//! What the agent has to do, does and did; and rehearsing a rebuild by hand.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::agent::{health, proof};
use crate::base::error::{Error, Kind, Result};
use crate::engine::drill::{DrillOptions, DrillReport};
use crate::engine::store::Store;
use crate::face::view;
use crate::model::job::{Job, State, Wish};
use crate::model::moment::{self, Zone, show_short};

use super::context::{Context, bytes, counted, grouped};
use super::offsite::rate;
use super::table::{Listed, clean};

/// Jobs that are over and shown by default.
const ENDED_SHOWN: usize = 20;
/// Exit code of a check that found something.
const FOUND: u8 = 4;

/// Show and steer what the agent does: captures, shipments, verification, drills
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals jobs ls\n  annals jobs show 12 --json\n  annals jobs pause 12 ; annals jobs resume 12\n  annals jobs retry 9\n\nA job that failed six times is dead and waits for you; one whose remote is away waits by itself."
)]
pub(crate) struct Jobs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List jobs: those that wait or run, and the last that are over
    #[command(after_help = "Examples:\n  annals jobs ls\n  annals jobs ls --all --json=lines")]
    Ls {
        /// All that are remembered
        #[arg(long)]
        all: bool,
    },
    /// Show one job
    #[command(after_help = "Example:\n  annals jobs show 12")]
    Show {
        /// Its number
        job: i64,
    },
    /// Hold a job back; one that runs stops at its next safe place
    #[command(after_help = "Example:\n  annals jobs pause 12")]
    Pause {
        /// Its number
        job: i64,
    },
    /// Let a job that was held back go on
    #[command(after_help = "Example:\n  annals jobs resume 12")]
    Resume {
        /// Its number
        job: i64,
    },
    /// Give a job up; one that runs stops at its next safe place
    #[command(after_help = "Example:\n  annals jobs cancel 12")]
    Cancel {
        /// Its number
        job: i64,
    },
    /// Try a job now, as if for the first time
    #[command(after_help = "Example:\n  annals jobs retry 9")]
    Retry {
        /// Its number
        job: i64,
    },
}

impl Jobs {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let store = context.store()?;
        let zone = context.zone(&store);
        let job = match self.action {
            Action::Ls { all } => return list(context, &store, &zone, all),
            Action::Show { job } => store.job(job)?,
            Action::Pause { job } => store.pause_job(job)?,
            Action::Resume { job } => store.resume_job(job)?,
            Action::Cancel { job } => store.cancel_job(job)?,
            Action::Retry { job } => store.retry_job(job)?,
        };
        context.out.object("annals.job/1", view::job(&job))?;
        for line in described(&job, &zone) {
            context.out.line(line)?;
        }
        Ok(0)
    }
}

fn list(context: &Context, store: &Store, zone: &Zone, all: bool) -> Result<u8> {
    let mut table = Listed::new(&context.out, "annals.jobs/1", &[">JOB", "WHAT", "STATE", ">TRIES", "PROGRESS", "WHEN", "SAID"]);
    for job in store.jobs(if all { usize::MAX >> 1 } else { ENDED_SHOWN })? {
        let cells = || {
            let when = job.ended.or(job.started).unwrap_or(job.not_before);
            let when = if job.state == State::Running { job.started.unwrap_or(when) } else { when };
            vec![
                job.id.to_string(),
                job.task.to_string(),
                job.state.word().to_owned(),
                job.attempts.to_string(),
                progress(&job),
                show_short(when, zone),
                clean(&job.said),
            ]
        };
        table.row(cells, || view::job(&job))?;
    }
    table.finish()?;
    Ok(0)
}

fn progress(job: &Job) -> String {
    let a = &job.advance;
    match (job.state, a.bytes_total, a.items) {
        (State::Done | State::Cancelled, _, _) | (_, 0, 0) => String::new(),
        (_, 0, items) => format!("{} {}", a.phase, grouped(items)),
        (_, total, _) => format!("{} of {}, {}/s", bytes(a.bytes), bytes(total), bytes(a.bytes_per_sec)),
    }
}

fn described(job: &Job, zone: &Zone) -> Vec<String> {
    let wished = match job.wish {
        Wish::None => "",
        Wish::Pause => "; it is to be held back, and stops at its next safe place",
        Wish::Cancel => "; it is to be given up, and stops at its next safe place",
    };
    let mut lines = vec![format!("job {}: {} is {}{wished}", job.id, job.task, job.state.word())];
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push(format!("  {name:<10} {value}"));
        }
    };
    let time = |at| show_short(at, zone);
    add("said", clean(&job.said));
    add("asked for", time(job.created));
    add("begun", job.started.map(time).unwrap_or_default());
    add("over", job.ended.map(time).unwrap_or_default());
    if matches!(job.state, State::Waiting | State::Failed) {
        add("not before", time(job.not_before));
    }
    if job.attempts > 0 {
        add("tries", job.attempts.to_string());
    }
    add("progress", progress(job));
    add("moved", job.advance.moved.map(time).unwrap_or_default());
    lines
}

/// Rehearse a rebuild: from a remote into a scratch directory, compared with what is here
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals drill\n  annals drill --remote offsite-eu\n  annals drill --remote offsite-eu --sample       reads some objects back, for thin lines\n\nMeasures the time to restore (RTO) and what would have been lost (RPO). Reads all that the remote holds and\nneeds as much free space as the store takes. Exit code 4 where something is not as it should be."
)]
pub(crate) struct Drill {
    /// Only from this remote [default: every one in the configuration]
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
    /// Only read some objects back, chosen at random, and compare their digests
    #[arg(long)]
    sample: bool,
}

impl Drill {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let store = context.store()?;
        let names: Vec<String> = match self.remote {
            Some(name) => vec![name],
            None => store.config().remotes.iter().map(|r| r.name.clone()).collect(),
        };
        if names.is_empty() {
            return Err(Error::new(Kind::Remote, "remote.none", "no remote is configured").hint("annals remote add usb dir:/media/usb/annals"));
        }
        let limit_rate = rate(context)?;
        let monitor = context.monitor();
        let mut reports = Vec::new();
        for name in &names {
            let done = store.remote(name, limit_rate).and_then(|remote| store.drill(&remote, &DrillOptions { sample: self.sample }, &monitor));
            health::note_answer(&store, name, done.as_ref().err())?;
            let report = done?;
            proof::note_drill(&store, &report)?;
            tell(context, &report)?;
            reports.push(report);
        }
        let well = reports.iter().all(|r| r.problems.is_empty());
        let rows: Vec<_> = reports.iter().map(view::drill).collect();
        context.out.object("annals.drill/1", json!({ "ok": well, "drills": rows }))?;
        Ok(if well { 0 } else { FOUND })
    }
}

fn tell(context: &Context, r: &DrillReport) -> Result<()> {
    let lost = if r.rpo_secs == 0 {
        "nothing would have been lost".to_owned()
    } else {
        format!("changes of {} would have been lost", moment::age(r.rpo_secs as i64))
    };
    let verb = if r.sample { "read back" } else { "rebuilt" };
    if r.problems.is_empty() {
        let amount = if r.sample { String::new() } else { format!("{}, ", counted(r.batches, "batch")) };
        let word = context.out.paint("32", "All is well");
        return context.out.line(format!(
            "{word}: {} {verb}: {amount}{}, {} in {:.1} s; {lost}",
            r.remote,
            counted(r.objects, "object"),
            bytes(r.bytes),
            r.rto_secs
        ));
    }
    context.out.line(format!("{}: {} {verb}", context.out.paint("31", "Not as shipped"), r.remote))?;
    r.problems.iter().try_for_each(|problem| context.out.line(format!("  {}", clean(problem))))
}
