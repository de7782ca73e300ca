//! The command line: words in, exit code out. The only place that prints.

mod out;
mod progress;
mod context;
mod table;
mod remote;
mod plans;
mod realign;
mod erase;
mod everyday;
mod offsite;
mod tenant;
mod safety;
mod refs;
mod capture;
mod feed;
mod key;
mod points;
mod policy;
mod rules;
mod brake;
mod jobs;
mod agent;
mod preflight;
mod doctor;
mod ui;
mod api;
mod alert;
mod service;
mod demo;
mod bench;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::builder::TypedValueParser;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::base::error::{Error, Kind, Result};
use crate::face::control::{self, Asked, Request, Session};
use crate::face::world;
use crate::model::moment::Zone;

use context::Context;
use out::Out;

/// What every command understands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Globals {
    /// The store's directory [default: the nearest .annals above, or .annals here]
    #[arg(short = 'C', long = "store", value_name = "DIR", global = true, env = "ANNALS_STORE")]
    store: Option<std::path::PathBuf>,
    /// The tenant; leave it out unless you have several
    #[arg(long, value_name = "TENANT", global = true, env = "ANNALS_TENANT")]
    tenant: Option<String>,
    /// Who does this; stands in the history
    #[arg(long = "as", value_name = "ACTOR", global = true)]
    actor: Option<String>,
    /// Why; stands in the history
    #[arg(long, value_name = "TEXT", global = true)]
    reason: Option<String>,
    /// Print JSON: one object, or with =lines one object a line
    #[arg(long, value_name = "FORM", global = true, num_args = 0..=1, require_equals = true, default_missing_value = "object")]
    json: Option<out::Json>,
    /// How to show progress
    #[arg(long, value_name = "HOW", global = true, default_value = "auto")]
    progress: progress::How,
    /// Save the plan to this file instead of applying it
    #[arg(long, value_name = "FILE", global = true)]
    plan: Option<std::path::PathBuf>,
    /// Show what would happen and change nothing
    #[arg(short = 'n', long, global = true)]
    dry_run: bool,
    /// Do not ask
    #[arg(short = 'y', long, global = true)]
    yes: bool,
    /// Read and show times in this zone, like Europe/Oslo
    #[arg(long, value_name = "ZONE", global = true)]
    tz: Option<String>,
    /// Language of field labels: en, nb, sv, it
    #[arg(long, value_name = "LANG", global = true, default_value = "en")]
    lang: String,
    /// At most this many bytes a second over the line, like 32KiB/s
    #[arg(long, value_name = "RATE", global = true)]
    limit_rate: Option<String>,
    /// The key file [default: annals.key in the store]
    #[arg(long = "key-file", value_name = "FILE", global = true, env = "ANNALS_KEYFILE")]
    key_file: Option<std::path::PathBuf>,
    /// Print only what was asked for
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Say more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

/// Keeps every version of documents, and ships them offsite in the fewest bytes.
#[derive(Debug, Parser)]
#[command(name = "annals", version, max_term_width = 100, arg_required_else_help = true, disable_help_subcommand = false)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(everyday::Init),
    Put(everyday::Put),
    Get(everyday::Get),
    Rm(everyday::Rm),
    Ls(everyday::Ls),
    Find(everyday::Find),
    Log(everyday::Log),
    Show(everyday::Show),
    Diff(everyday::Diff),
    Fields(everyday::Fields),
    Restore(everyday::Restore),
    Undo(everyday::Undo),
    Redo(everyday::Redo),
    Apply(everyday::Apply),
    Batch(points::Batch),
    Mark(points::Mark),
    Rollback(points::Rollback),
    Hold(rules::Hold),
    Forget(rules::Forget),
    Erase(erase::Erase),
    Compact(rules::Compact),
    Policy(rules::Policy),
    Brake(brake::Brake),
    Status(safety::Status),
    Metrics(safety::Metrics),
    Seal(offsite::Seal),
    Ship(offsite::Ship),
    Fetch(offsite::Fetch),
    #[command(visible_alias = "check")]
    Verify(safety::Verify),
    Rebuild(offsite::Rebuild),
    Realign(realign::Realign),
    Gc(safety::Gc),
    Refs(refs::Refs),
    Capture(capture::Capture),
    Feed(feed::Feed),
    Agent(agent::Agent),
    Ui(ui::Ui),
    Api(api::Api),
    Jobs(jobs::Jobs),
    Preflight(preflight::Preflight),
    Doctor(doctor::Doctor),
    Alert(alert::Alert),
    Drill(jobs::Drill),
    Remote(remote::Remote),
    Tenant(tenant::Tenant),
    Key(key::Key),
    Bench(bench::Bench),
    Demo(demo::Demo),
    Completions(service::Completions),
    Version(service::Version),
}

/// Verbs that can say what they would do: help shows `--dry-run` with these alone.
const WITH_DRY_RUN: [&str; 13] =
    ["apply", "batch", "compact", "erase", "forget", "gc", "realign", "redo", "restore", "rm", "rollback", "ship", "undo"];
/// Verbs that make a plan that can be saved: help shows `--plan` with these alone.
const WITH_PLAN: [&str; 6] = ["erase", "realign", "redo", "restore", "rollback", "undo"];

/// The command line as it is parsed and shown.
fn command() -> clap::Command {
    let command = Cli::command();
    let own = |name: &str| command.get_arguments().find(|arg| arg.get_id() == name).map(|arg| arg.clone().hide(true));
    // A verb that has a flag of its own, hidden, does not show the one that all have.
    let flags = [(own("dry_run"), &WITH_DRY_RUN[..]), (own("plan"), &WITH_PLAN[..])];
    let hide = |verb: clap::Command| {
        let name = verb.get_name().to_owned();
        verb.args(flags.iter().filter(|(_, with)| !with.contains(&&*name)).filter_map(|(flag, _)| flag.clone()))
    };
    command.mut_subcommands(|verb| hide(verb).mut_subcommands(hide))
}

impl Command {
    /// Whether the agent carries it out where one has the store: all but what works without the store, or is the agent itself.
    fn goes_to_agent(&self) -> bool {
        match self {
            Command::Api(_)
            | Command::Init(_)
            | Command::Rebuild(_)
            | Command::Bench(_)
            | Command::Demo(_)
            | Command::Completions(_)
            | Command::Version(_) => false,
            Command::Agent(args) => args.goes_to_agent(),
            _ => true,
        }
    }

    /// Lets the doctor know why the agent refuses. Whether it is the doctor, and refused.
    fn takes_refusal(&mut self, e: &Error) -> bool {
        match self {
            Command::Doctor(doctor) if e.code() == "agent.refused" => {
                doctor.refused = Some(e.to_string());
                true
            }
            _ => false,
        }
    }

    /// Whether it is there to record something.
    fn records(&self) -> bool {
        matches!(
            self,
            Command::Put(_)
                | Command::Rm(_)
                | Command::Restore(_)
                | Command::Undo(_)
                | Command::Redo(_)
                | Command::Apply(_)
                | Command::Batch(_)
                | Command::Rollback(_)
                | Command::Capture(_)
        )
    }

    /// Whether it may read or write much: the agent lets only some of these run at once.
    fn is_large(&self) -> bool {
        matches!(
            self,
            Command::Restore(_)
                | Command::Rollback(_)
                | Command::Forget(_)
                | Command::Erase(_)
                | Command::Compact(_)
                | Command::Policy(_)
                | Command::Ship(_)
                | Command::Fetch(_)
                | Command::Seal(_)
                | Command::Verify(_)
                | Command::Drill(_)
                | Command::Gc(_)
        )
    }

    /// Does it; the number is the exit code of work that came to its end.
    fn run(self, context: &Context) -> Result<u8> {
        match self {
            Command::Init(args) => args.run(context),
            Command::Put(args) => args.run(context),
            Command::Get(args) => args.run(context),
            Command::Rm(args) => args.run(context),
            Command::Ls(args) => args.run(context),
            Command::Find(args) => args.run(context),
            Command::Log(args) => args.run(context),
            Command::Show(args) => args.run(context),
            Command::Diff(args) => args.run(context),
            Command::Fields(args) => args.run(context),
            Command::Restore(args) => args.run(context),
            Command::Undo(args) => args.run(context),
            Command::Redo(args) => args.run(context),
            Command::Apply(args) => args.run(context),
            Command::Batch(args) => args.run(context),
            Command::Mark(args) => args.run(context),
            Command::Rollback(args) => args.run(context),
            Command::Hold(args) => args.run(context),
            Command::Forget(args) => args.run(context),
            Command::Erase(args) => args.run(context),
            Command::Compact(args) => args.run(context),
            Command::Policy(args) => args.run(context),
            Command::Brake(args) => args.run(context),
            Command::Status(args) => args.run(context),
            Command::Metrics(args) => args.run(context),
            Command::Seal(args) => args.run(context),
            Command::Ship(args) => args.run(context),
            Command::Fetch(args) => args.run(context),
            Command::Verify(args) => args.run(context),
            Command::Rebuild(args) => args.run(context),
            Command::Realign(args) => args.run(context),
            Command::Gc(args) => args.run(context),
            Command::Refs(args) => args.run(context),
            Command::Capture(args) => args.run(context),
            Command::Feed(args) => args.run(context),
            Command::Agent(args) => args.run(context),
            Command::Ui(args) => args.run(context),
            Command::Api(args) => args.run(context),
            Command::Jobs(args) => args.run(context),
            Command::Preflight(args) => args.run(context),
            Command::Doctor(args) => args.run(context),
            Command::Alert(args) => args.run(context),
            Command::Drill(args) => args.run(context),
            Command::Remote(args) => args.run(context),
            Command::Tenant(args) => args.run(context),
            Command::Key(args) => args.run(context),
            Command::Bench(args) => args.run(context),
            Command::Demo(args) => args.run(context),
            Command::Completions(args) => args.run(context),
            Command::Version(args) => args.run(context),
        }
    }
}

/// Runs the program with these words (the first is its name).
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    let parsed = command().try_get_matches_from(&words).and_then(|matches| Cli::from_arg_matches(&matches));
    let mut cli = match parsed {
        Ok(cli) => cli,
        Err(e) => {
            // clap prints help to stdout and mistakes to stderr, with colours on terminals only.
            let code = if e.use_stderr() { 2 } else { 0 };
            return if e.print().is_ok() { ExitCode::from(code) } else { ExitCode::from(1) };
        }
    };
    let out = Out::new(cli.globals.json, cli.globals.quiet);
    let asked = if cli.command.goes_to_agent() { ask_agent(&cli.globals, &out, &words) } else { Ok(Asked::Nobody) };
    ExitCode::from(match asked {
        // The doctor tells of it.
        Err(e) if cli.command.takes_refusal(&e) => carry_out(cli, &out, &words),
        Ok(Asked::Done(code)) => {
            if let (Command::Ui(args), 0) = (&cli.command, code)
                && args.opens()
            {
                opened(&cli.globals, &out);
            }
            code
        }
        Ok(Asked::Nobody) => carry_out(cli, &out, &words),
        Err(e) => fail(&out, &e),
    })
}

/// The agent prepared the pages; the browser is this person's.
fn opened(globals: &Globals, out: &Out) {
    if let Ok(dir) = Context::new(globals.clone(), out.clone()).and_then(|context| context.dir()) {
        ui::open(&dir);
    }
}

/// Lets the agent that has the store carry the command out, where there is one.
fn ask_agent(globals: &Globals, out: &Out, words: &[OsString]) -> Result<Asked> {
    let context = Context::new(globals.clone(), out.clone())?;
    let dir = context.dir()?;
    // Signals are passed on from here on.
    world::here().signal();
    let request = || -> Result<Request> { Ok(Request::new(words, &world::here().directory()?, globals.tenant.clone(), Zone::system().name())) };
    if control::is_served(&dir) { control::ask(&dir, request()?) } else { Ok(Asked::Nobody) }
}

/// Carries out a command in the world of this thread.
fn carry_out(cli: Cli, out: &Out, words: &[OsString]) -> u8 {
    let (globals, goes, records) = (cli.globals.clone(), cli.command.goes_to_agent(), cli.command.records());
    let done = Context::new(cli.globals, out.clone()).and_then(|context| cli.command.run(&context)).map_err(|e| match e.code() {
        // To read one is to look for something that is not there; to record to it is against a decision.
        "tenant.dropped" | "tenant.gone" if records => e.of_kind(Kind::Refused),
        _ => e,
    });
    match done.and_then(|code| out.flush().map(|()| code)) {
        Ok(code) => code,
        // An agent took the store while we waited for it.
        Err(e) if goes && e.code() == "agent.has_store" => match ask_agent(&globals, out, words) {
            Ok(Asked::Done(code)) => code,
            Ok(Asked::Nobody) => fail(out, &e),
            Err(e) => fail(out, &e),
        },
        Err(e) => fail(out, &e),
    }
}

/// Carries out the words of a client in the agent.
fn serve(words: Vec<OsString>, tenant: Option<String>, session: Arc<Session>) -> u8 {
    let typed = session.clone();
    world::within(session, || {
        // Relative paths mean the client's directory.
        let command = whole_paths(command(), &typed);
        let parsed = command.try_get_matches_from(&words).and_then(|matches| Cli::from_arg_matches(&matches));
        match parsed {
            Ok(mut cli) => {
                // The environment of the agent has no say in it; the client's had.
                (cli.globals.store, cli.globals.key_file, cli.globals.tenant) = (None, None, tenant);
                let out = Out::new(cli.globals.json, cli.globals.quiet);
                let turn = cli.command.is_large().then(|| typed.turn(cli.globals.quiet));
                if matches!(turn, Some(None)) {
                    return progress::exit_of_signal().unwrap_or(1);
                }
                carry_out(cli, &out, &words)
            }
            Err(e) => {
                world::say(e.to_string());
                2
            }
        }
    })
}

fn whole_paths(command: clap::Command, session: &Arc<Session>) -> clap::Command {
    let is_path = |arg: &clap::Arg| arg.get_value_parser().type_id() == clap::builder::ValueParser::path_buf().type_id();
    let of_args = session.clone();
    let command = command.mut_args(move |arg| {
        if !is_path(&arg) {
            return arg;
        }
        let session = of_args.clone();
        arg.value_parser(clap::builder::PathBufValueParser::new().map(move |path| session.whole(&path)))
    });
    command.mut_subcommands(|sub| whole_paths(sub, session))
}

fn fail(out: &Out, e: &Error) -> u8 {
    // Whoever reads our output has gone: there is nobody to tell.
    if e.code() == "out.closed" {
        return 0;
    }
    out.error(e);
    progress::exit_of_signal().unwrap_or(e.kind().exit())
}
