//! The agent as a service: running it, asking it, installing it.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::agent::daemon::{self, Agent as Running};
use crate::base::disk;
use crate::base::error::{Error, Result};
use crate::engine::store::Store;
use crate::face::{api, control, http, view, web, world};
use crate::model::job::State;
use crate::model::moment::show_short;

use super::context::Context;

/// How often the main thread looks whether a signal arrived.
pub(super) const SIGNAL_POLL: Duration = Duration::from_millis(250);
/// Where the token of programs stands, in the store's directory.
pub(super) const TOKEN_FILE: &str = "web.token";
/// Exit code of a check that found something.
const FOUND: u8 = 4;
/// Runs shown of what is done on schedule.
const RUNS_SHOWN: usize = 5;

/// Run for years: capture, ship, verify and rehearse on schedule
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals agent run                    in the foreground; Ctrl-C ends it\n  annals agent install                write a systemd unit for this user\n  annals agent status\n\nWhat it does stands in [schedule], [[capture]], [[remote]] and [alert] of annals.toml. While it runs it has the\nstore; every other command is carried out by it and prints what it always prints."
)]
pub(crate) struct Agent {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run in the foreground until stopped; for systemd and other supervisors
    #[command(after_help = "Example:\n  annals -C /srv/annals agent run")]
    Run,
    /// Show whether an agent runs, and what it does next
    #[command(after_help = "Example:\n  annals agent status --json\n\nExit code 4 where none runs.")]
    Status,
    /// Ask the agent to stop at its next safe place
    #[command(after_help = "Example:\n  annals agent stop")]
    Stop,
    /// Write a systemd unit and say how to enable it
    #[command(after_help = "Examples:\n  annals agent install\n  annals agent install --print\n  sudo annals -C /srv/annals agent install --system")]
    Install {
        /// For the machine, not for this user
        #[arg(long)]
        system: bool,
        /// Print the unit instead of writing it
        #[arg(long)]
        print: bool,
    },
}

impl Agent {
    /// Whether a running agent answers it.
    pub(super) fn goes_to_agent(&self) -> bool {
        matches!(self.action, Action::Status | Action::Stop)
    }

    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        match self.action {
            Action::Run => run(context),
            Action::Status => status(context),
            Action::Stop => stop(context),
            Action::Install { system, print } => install(context, system, print),
        }
    }
}

fn run(context: &Context) -> Result<u8> {
    // Signals are taken over before anything is begun.
    world::here().signal();
    let store = context.store()?;
    let dir = std::path::absolute(store.dir()).map_err(|e| Error::io("find the store", e))?;
    let web = store.config().web.clone();
    let agent = Running::start(store)?;
    let pages = match web.enabled {
        true => Some(http::Server::start(&dir, Some(agent.handle()), &token(&dir)?, &web, routes())?),
        false => None,
    };
    serve(context, &dir, agent, pages, |_| Ok(()))
}

/// All that the server has.
pub(super) fn routes() -> http::Routes {
    web::routes().merge(api::routes())
}

/// Serves commands and pages until somebody wants it to stop. `ready` is called when it does.
pub(super) fn serve(
    context: &Context,
    dir: &Path,
    agent: Running,
    pages: Option<http::Server>,
    ready: impl FnOnce(Option<&http::Desk>) -> Result<()>,
) -> Result<u8> {
    let (here, handle) = (world::here(), agent.handle());
    let desk = pages.as_ref().map(|pages| pages.desk().clone());
    let server = control::Server::start(dir, handle.clone(), desk.clone(), Arc::new(super::serve))?;
    context.out.note(format!("agent runs on {}; Ctrl-C ends it", dir.display()));
    if let Some((at, why)) = pages.as_ref().and_then(|pages| Some((pages.desk().base(), pages.moved.as_ref()?))) {
        context.out.note(format!("the pages are at {at} this time, because {why}"));
        context.out.note("  end that program, or choose another place: listen = \"127.0.0.1:PORT\" in [web] of annals.toml");
    }
    ready(desk.as_deref())?;
    while here.signal() == 0 && !handle.is_stopping() {
        handle.wait(SIGNAL_POLL);
    }
    context.out.note("stopping at the next safe place");
    handle.stop();
    drop(server);
    drop(pages);
    agent.stop();
    Ok(0)
}

/// What programs show to be let in: made once, for the store's owner only.
pub(super) fn token(dir: &Path) -> Result<String> {
    let path = dir.join(TOKEN_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(Error::io(format_args!("read {}", path.display()), e)),
    }
    let token = http::secret();
    disk::write_file(&path, format!("{token}\n").as_bytes(), 0o600)?;
    Ok(token)
}

fn status(context: &Context) -> Result<u8> {
    let here = world::here();
    let Some(agent) = here.agent() else {
        // The directory must at least be a store.
        context.store()?;
        context.out.object("annals.agent/1", json!({ "running": false }))?;
        context.out.line("No agent runs on this store; annals agent run starts one, annals agent install writes a unit for systemd")?;
        return Ok(FOUND);
    };
    let store = agent.store();
    let zone = context.zone(&store);
    let planned = daemon::upcoming(&store, RUNS_SHOWN)?;
    let running: Vec<_> = store.jobs(0)?.into_iter().filter(|job| job.state == State::Running).collect();
    let troubles = agent.troubles();
    context.out.object(
        "annals.agent/1",
        json!({
            "running": true,
            "pid": std::process::id(),
            "version": env!("CARGO_PKG_VERSION"),
            "next": view::planned(&planned),
            "jobs": running.iter().map(view::job).collect::<Vec<_>>(),
            "no_space_since": troubles.full_since.map(view::time),
            "config_error": troubles.config,
        }),
    )?;
    context.out.line(format!("An agent runs (process {})", std::process::id()))?;
    for job in &running {
        context.out.line(format!("  now        {} (job {})", job.task, job.id))?;
    }
    for next in &planned {
        let runs: Vec<String> = next.at.iter().map(|at| show_short(*at, &zone)).collect();
        context.out.line(format!("  next       {}: {}", next.task, runs.join(", ")))?;
    }
    Ok(0)
}

fn stop(context: &Context) -> Result<u8> {
    let here = world::here();
    let stopped = here.agent().inspect(|agent| agent.stop()).is_some();
    if !stopped {
        context.store()?;
    }
    context.out.object("annals.agent.stop/1", json!({ "running": stopped }))?;
    context.out.line(if stopped { "The agent stops at its next safe place" } else { "No agent runs on this store" })?;
    Ok(0)
}

fn install(context: &Context, system: bool, print: bool) -> Result<u8> {
    let dir = world::whole(&context.dir()?)?;
    let site = site_of(&dir)?;
    let program = std::env::current_exe().map_err(|e| Error::io("find this program", e))?;
    let owner = dir.metadata().map_err(|e| Error::io(format_args!("look at {}", dir.display()), e))?.uid();
    let text = unit(&site, &program, &dir, system.then_some(owner));
    if print {
        context.out.bytes(text.as_bytes())?;
        return Ok(0);
    }
    let name = unit_name(&site);
    let folder = if system { PathBuf::from("/etc/systemd/system") } else { user_units()? };
    let path = folder.join(&name);
    disk::create_dirs(&folder)?;
    disk::write_file(&path, text.as_bytes(), 0o644)?;
    let ctl = if system { "systemctl" } else { "systemctl --user" };
    let commands = [format!("{ctl} daemon-reload"), format!("{ctl} enable --now {name}")];
    context.out.object("annals.agent.install/1", json!({ "unit": path.display().to_string(), "commands": commands }))?;
    context.out.line(format!("Wrote {}", path.display()))?;
    context.out.line("Enable it with")?;
    for command in &commands {
        context.out.line(format!("  {command}"))?;
    }
    if !system {
        context.out.note("to run also while nobody is logged in: loginctl enable-linger");
    }
    Ok(0)
}

/// What people call the store; the name of its directory where they do not. No lock is taken: an agent may run already.
fn site_of(dir: &Path) -> Result<String> {
    if !dir.join(crate::engine::store::MARKER).exists() {
        return Store::open(dir).map(|_| String::new());
    }
    let config = crate::storage::config::Config::load_if_present(&dir.join(crate::engine::store::CONFIG))?;
    Ok(config.store.site.unwrap_or_else(|| dir.file_name().map_or_else(|| "store".into(), |name| name.to_string_lossy().into_owned())))
}

fn user_units() -> Result<PathBuf> {
    let config = world::variable("XDG_CONFIG_HOME").map(PathBuf::from);
    let home = || world::variable("HOME").map(|home| PathBuf::from(home).join(".config"));
    let found = config.or_else(home).ok_or_else(|| {
        Error::usage("agent.home", "neither HOME nor XDG_CONFIG_HOME is set")
            .hint("annals agent install --print shows the unit; put it where systemd looks")
    })?;
    Ok(found.join("systemd/user"))
}

fn unit_name(site: &str) -> String {
    let safe: String = site.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' }).collect();
    format!("annals-{safe}.service")
}

/// One word of a command line as systemd reads it (systemd.service(5), "Command lines").
fn word(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    format!("\"{escaped}\"")
}

fn unit(site: &str, program: &Path, store: &Path, owner: Option<u32>) -> String {
    let user = owner.map(|uid| format!("User={uid}\n")).unwrap_or_default();
    let wanted = if owner.is_some() { "multi-user.target" } else { "default.target" };
    let clean: String = site.chars().filter(|c| !c.is_control()).collect();
    format!(
        "[Unit]\n\
         Description=Annals agent of {}\n\
         After=network-online.target local-fs.target\n\
         Wants=network-online.target\n\
         \n\
         [Service]\n\
         Type=exec\n\
         ExecStart={} -C {} agent run\n\
         {user}Restart=on-failure\n\
         RestartSec=10\n\
         TimeoutStopSec=60\n\
         Nice=5\n\
         NoNewPrivileges=yes\n\
         UMask=0077\n\
         \n\
         [Install]\n\
         WantedBy={wanted}\n",
        clean.replace('%', "%%"),
        word(&program.display().to_string()),
        word(&store.display().to_string()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_survives_strange_names() {
        let text = unit("50 % \"x\"\nExecStart=evil", Path::new("/opt/a b/annals"), Path::new("/srv/$x%h"), Some(1000));
        assert!(text.contains("Description=Annals agent of 50 %% \"x\"ExecStart=evil\n"), "{text}");
        assert!(text.contains("ExecStart=\"/opt/a b/annals\" -C \"/srv/$$x%%h\" agent run\nUser=1000\n"), "{text}");
        assert_eq!(unit_name("klinikk å/17"), "annals-klinikk---17.service");
        assert!(unit("a", Path::new("/a"), Path::new("/s"), None).contains("WantedBy=default.target"));
    }
}
