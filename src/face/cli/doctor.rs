//! What is wrong with a set-up.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::agent::doctor::{Finding, Surroundings, Weight, examine, examine_closed};
use crate::agent::site::Opener;
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::Silent;
use crate::base::process::Command;
use crate::engine::store::Store;
use crate::face::{view, world};

use super::context::{Context, counted};
use super::table::clean;

/// Exit code of a check that found something.
const FOUND: u8 = 4;
/// How long a remote or a database may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the system may take to say whether its clock is kept right.
const CLOCK_PATIENCE: Duration = Duration::from_secs(5);

/// Find what is wrong with the set-up, and say how to mend it
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals doctor\n  annals doctor --json\n\nLooks at the disk, the key, the clock, the remotes (a small object is written, read back and removed), the schedule\nagainst what the line carries, the sources, the agent and its unit. Each finding says what it is, why it matters,\nand what mends it. Exit code 4 where something is wrong; advice alone is exit code 0."
)]
pub(crate) struct Doctor {
    /// Why the agent would not carry it out.
    #[arg(skip)]
    pub(super) refused: Option<String>,
}

impl Doctor {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let refused = self.refused.map(|text| {
            Error::new(Kind::Refused, "agent.refused", text).hint("annals agent stop with the old version, then annals agent run with the new one")
        });
        let opened = refused.map_or_else(|| context.store(), Err);
        let found = match opened {
            Ok(store) => {
                let opener: Opener = Arc::new(|store: &Store, name: &str, rate| store.remote(name, rate));
                let here = world::here();
                let troubles = here.agent().map(|agent| agent.troubles()).unwrap_or_default();
                examine(&store, &opener, &troubles, &surroundings(&store, here.agent().is_some()))?
            }
            // No store is no set-up that could be looked at.
            Err(e) if e.kind() == Kind::NoStore => return Err(e),
            Err(e) => examine_closed(&context.dir()?, &e),
        };
        let wrong = found.iter().filter(|f| f.weight == Weight::Wrong).count();
        context.out.object(
            "annals.doctor/1",
            json!({ "ok": wrong == 0, "wrong": wrong, "findings": found.iter().map(view::finding).collect::<Vec<_>>() }),
        )?;
        tell(context, &found)?;
        Ok(if wrong == 0 { 0 } else { FOUND })
    }
}

fn tell(context: &Context, found: &[Finding]) -> Result<()> {
    let out = &context.out;
    for f in found {
        let word = match f.weight {
            Weight::Wrong => out.paint("31", f.weight.word()),
            Weight::Advice => out.paint("33", f.weight.word()),
        };
        out.line(format!("{word}: {}", clean(&f.what)))?;
        out.line(format!("    why   {}", clean(&f.why)))?;
        out.line(format!("    mend  {}", clean(&f.mend)))?;
    }
    let wrong = found.iter().filter(|f| f.weight == Weight::Wrong).count() as u64;
    match (found.len() as u64, wrong) {
        (0, _) => out.line(format!("{}: nothing to mend", out.paint("32", "All is well"))),
        (_, 0) => out.line(format!("{}; the rest is advice", out.paint("32", "Nothing is wrong"))),
        (all, wrong) => out.line(format!("{} wrong, {} of advice", counted(wrong, "thing"), counted(all - wrong, "piece"))),
    }
}

fn surroundings(store: &Store, agent: bool) -> Surroundings {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let systemd = Path::new("/run/systemd/system").is_dir();
    let home =
        world::variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| world::variable("HOME").map(|home| PathBuf::from(home).join(".config")));
    let mut units = Vec::new();
    if systemd {
        units.push((PathBuf::from("/etc/systemd/system"), false));
        units.extend(home.map(|home| (home.join("systemd/user"), true)));
    }
    Surroundings {
        mounts: read("/proc/self/mountinfo"),
        clock_synced: systemd.then(clock_synced).flatten(),
        watches_max: read("/proc/sys/fs/inotify/max_user_watches").trim().parse().ok(),
        units,
        lingers: systemd.then(|| world::variable("USER").map(|user| Path::new("/var/lib/systemd/linger").join(user).exists())).flatten(),
        state_dir: store.state_dir().map(Path::to_owned),
        agent,
        patience: PATIENCE,
    }
}

fn clock_synced() -> Option<bool> {
    let asked = Command::new("timedatectl").args(["show", "-p", "NTPSynchronized", "--value"]).timeout(CLOCK_PATIENCE).run(&Silent);
    match asked.ok()?.stdout.as_slice() {
        b"yes\n" => Some(true),
        b"no\n" => Some(false),
        _ => None,
    }
}
