//! What is wrong with a set-up, why that matters, and the command that mends it.
//!
//! What the doctor sees of the machine comes in as [`Surroundings`], so that every finding can be provoked by a test.

mod home;
mod line;
mod sources;
mod service;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::error::{Error, Result};
use crate::engine::store::Store;

use super::site::{Opener, Troubles};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Something does not work, or will fail on the day that counts.
    Wrong,
    /// It works, and could be better.
    Advice,
}

impl Weight {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Weight::Wrong => "wrong",
            Weight::Advice => "advice",
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A stable word for it.
    pub code: &'static str,
    /// How much it matters.
    pub weight: Weight,
    /// What it is.
    pub what: String,
    /// Why that matters.
    pub why: String,
    /// The command, or the line of annals.toml, that mends it.
    pub mend: String,
}

fn wrong(code: &'static str, what: impl Into<String>, why: impl Into<String>, mend: impl Into<String>) -> Finding {
    Finding { code, weight: Weight::Wrong, what: what.into(), why: why.into(), mend: mend.into() }
}

fn advice(code: &'static str, what: impl Into<String>, why: impl Into<String>, mend: impl Into<String>) -> Finding {
    Finding { weight: Weight::Advice, ..wrong(code, what, why, mend) }
}

/// An error as a finding.
fn failed(code: &'static str, e: &Error, why: &str, mend: &str) -> Finding {
    wrong(code, e.to_string(), why, e.what_next().unwrap_or(mend))
}

/// What the machine is like.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `/proc/self/mountinfo`; empty where the system has none.
    pub mounts: String,
    /// Whether the clock is kept right by a time service; unknown where nobody tells.
    pub clock_synced: Option<bool>,
    /// Folders that one user may watch.
    pub watches_max: Option<u64>,
    /// Where units of systemd lie, and whether they need somebody to be logged in.
    pub units: Vec<(PathBuf, bool)>,
    /// Whether services of this user run while nobody is logged in; unknown where there is no systemd.
    pub lingers: Option<bool>,
    /// Where witness files are kept; nowhere where absent.
    pub state_dir: Option<PathBuf>,
    /// Whether an agent carries this out.
    pub agent: bool,
    /// How long a remote or a database may take to answer.
    pub patience: Duration,
}

/// Looks at everything about an open store.
///
/// # Errors
/// Where the catalogue cannot be read. What can be named is a finding and no error.
pub fn examine(store: &Store, opener: &Opener, troubles: &Troubles, around: &Surroundings) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    home::look(store, around, &mut found)?;
    line::look(store, opener, around, &mut found)?;
    sources::look(store, around, &mut found)?;
    service::look(store, troubles, around, &mut found)?;
    found.sort_by_key(|f| f.weight);
    Ok(found)
}

/// What can be told about a store that cannot be opened, or whose agent refuses.
pub fn examine_closed(dir: &Path, error: &Error) -> Vec<Finding> {
    let why = match error.code() {
        "agent.refused" => "every command goes through the agent, so none works until both are of one version",
        code if code.starts_with("config.") => {
            "no command works with a configuration that cannot be read; an agent that runs keeps the last good one"
        }
        "store.locked" => "another process has the store, and it is no agent that would carry commands out",
        _ => "no command works until it can be opened",
    };
    let mut found = vec![failed("store.closed", error, why, "annals status")];
    home::look_at_files(dir, &mut found);
    found
}
