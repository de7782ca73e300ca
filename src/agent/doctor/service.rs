//! Does somebody do it by himself, also after a restart, and does he tell when he cannot?

use std::path::Path;

use crate::base::error::Result;
use crate::engine::store::Store;
use crate::storage::notice::read_roots;

use super::super::site::Troubles;
use super::super::telling::{self, Undelivered};
use super::{Finding, Surroundings, advice, wrong};

pub(super) fn look(store: &Store, troubles: &Troubles, around: &Surroundings, found: &mut Vec<Finding>) -> Result<()> {
    let config = store.config();
    if let Some(why) = &troubles.config {
        let what = format!("the agent goes on with an older annals.toml: {why}");
        found.push(wrong("config.unused", what, "what was changed in it has no effect", "correct the line that is named"));
    }
    let work = config.schedule.ship.is_some() || config.schedule.drill_secs.is_some() || !config.captures.is_empty();
    if work && !around.agent {
        let why = "schedules and captures of annals.toml are carried out by the agent, and none runs";
        found.push(wrong("agent.none", "no agent runs on this store", why, "annals agent install, or annals agent run"));
    }
    if work {
        units(store.dir(), around, found);
    }
    if work && !config.alert.is_told() {
        let why = "problems are seen only by whoever runs annals status";
        found.push(advice(
            "alert.none",
            "nobody is told of problems",
            why,
            "command, webhook or email in [alert] of annals.toml; then annals alert test",
        ));
    }
    if config.alert.stale_after_secs.is_none() && !config.remotes.is_empty() {
        let why = "a line that has been down for weeks is no problem to anybody";
        found.push(advice(
            "alert.stale",
            "no limit says how long a change may exist only here",
            why,
            "stale_after = \"4h\" in [alert] of annals.toml",
        ));
    }
    if let Some(at) = config.web.listen.filter(|at| !at.ip().is_loopback()) {
        let what = format!("the agent's pages listen to more than this machine: {at}");
        let why = "whoever reaches that address around the reverse proxy speaks to the agent unencrypted";
        found.push(advice("web.wide", what, why, "listen = \"127.0.0.1:7717\" in [web] of annals.toml, where the proxy is on this machine"));
    }
    secrets(store, found);
    undelivered(store, found)?;
    Ok(())
}

/// The program that a unit starts, where it starts an agent on this store.
fn program_of(text: &str, dir: &Path) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix("ExecStart="))?;
    let words: Vec<&str> = line.split('"').filter(|word| !word.trim().is_empty()).collect();
    let ours = line.contains("agent run") && words.iter().any(|word| Path::new(word) == dir);
    ours.then(|| words.first().map(|word| (*word).to_owned())).flatten()
}

fn units(dir: &Path, around: &Surroundings, found: &mut Vec<Finding>) {
    if around.units.is_empty() {
        return;
    }
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let mut seen = false;
    for (folder, of_user) in &around.units {
        for entry in folder.read_dir().into_iter().flatten().flatten() {
            let path = entry.path();
            let is_unit = path.extension().is_some_and(|e| e == "service");
            let Some(program) = is_unit.then(|| std::fs::read_to_string(&path).ok()).flatten().and_then(|text| program_of(&text, &dir)) else {
                continue;
            };
            seen = true;
            if !Path::new(&program).exists() {
                let what = format!("the unit {} starts a program that is not there: {program}", path.display());
                found.push(wrong("unit.program", what, "the agent does not start", "annals agent install"));
            }
            if *of_user && around.lingers == Some(false) {
                let what = format!("the unit {} runs only while somebody is logged in", path.display());
                found.push(wrong("unit.linger", what, "after a restart nothing is captured or shipped until then", "loginctl enable-linger"));
            }
        }
    }
    if !seen {
        let why = "after a restart of the machine nothing is captured or shipped";
        found.push(advice("unit.none", "no unit of systemd starts the agent of this store", why, "annals agent install"));
    }
}

/// Messages that were not delivered: over that way nobody hears of it.
fn undelivered(store: &Store, found: &mut Vec<Finding>) -> Result<()> {
    for (channel, Undelivered { said, hint }) in telling::undelivered(store)? {
        let why = format!("nobody is told of problems over {} of [alert]; the agent tries again", channel.word());
        found.push(wrong("alert.undelivered", said, why, hint.unwrap_or_else(|| "annals alert test".into())));
    }
    Ok(())
}

/// Files with secrets that others can read, or that are not there.
fn secrets(store: &Store, found: &mut Vec<Finding>) {
    let alert = &store.config().alert;
    let files = [alert.webhook_secret_file.as_deref(), alert.email.as_ref().and_then(|email| email.password_file.as_deref())];
    for path in files.into_iter().flatten() {
        if let Err(e) = crate::base::disk::read_secret(path) {
            found.push(super::failed("alert.secret", &e, "nobody is told of problems", "chmod 600"));
        }
    }
    if let Some(path) = alert.email.as_ref().and_then(|email| email.ca_file.as_deref())
        && let Err(e) = read_roots(path)
    {
        found.push(super::failed("alert.ca", &e, "no mail server is trusted, so nobody is told of problems", "write PEM certificates into it"));
    }
    let token = store.dir().join("web.token");
    if token.exists()
        && let Err(e) = crate::base::disk::read_secret(&token)
    {
        found.push(super::failed("web.token", &e, "whoever reads it can do everything with this store", "chmod 600"));
    }
}
