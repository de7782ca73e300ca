//! What all requests share: the store that the agent has, and who may come in.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, watch};

use crate::agent::daemon::{Agent, Handle};
use crate::base::error::{Error, Kind, Result};
use crate::engine::store::Store;
use crate::storage::config::Web;

use super::door::{Door, Session};
use super::shelf::Shelf;

/// Requests that read or write the store at once; others wait.
const AT_ONCE_MAX: usize = 16;
/// Uploads and downloads at once, apart from the above: a slow line keeps no page waiting.
const STREAMS_MAX: usize = 16;

/// In the store's directory, a page that leads to the address with the code: programs that open addresses show them to everybody in the list of
/// processes.
pub(in crate::face) const OPEN_FILE: &str = "web.open.html";

/// The state of the server.
pub(in crate::face) struct Desk {
    dir: PathBuf,
    agent: Mutex<Option<Handle>>,
    founded: Mutex<Option<Agent>>,
    pub(super) door: Door,
    /// What people are in the middle of.
    pub(in crate::face) shelf: Shelf,
    at: SocketAddr,
    proxy: bool,
    outside: Option<String>,
    pub(super) turns: Arc<Semaphore>,
    pub(super) streams: Arc<Semaphore>,
    pub(super) closing: watch::Sender<bool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    /// `agent` is absent where there is no store in `dir` yet; `at` is where is listened.
    pub(super) fn new(dir: &Path, agent: Option<Handle>, token: &str, at: SocketAddr, web: &Web) -> Self {
        Desk {
            dir: dir.to_owned(),
            agent: Mutex::new(agent),
            founded: Mutex::default(),
            door: Door::new(token, at, &web.hosts),
            shelf: Shelf::default(),
            at,
            proxy: web.proxy,
            outside: web.hosts.first().map(|host| format!("https://{host}")),
            turns: Arc::new(Semaphore::new(AT_ONCE_MAX)),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            closing: watch::Sender::new(false),
        }
    }

    /// The store's directory.
    pub(in crate::face) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The agent that has the store.
    pub(in crate::face) fn agent(&self) -> Result<Handle> {
        lock(&self.agent).clone().ok_or_else(|| {
            Error::new(Kind::NoStore, "store.none", format!("no store here: {}", self.dir.display())).hint("make one, or rebuild it from a copy")
        })
    }

    /// A store was made or rebuilt in [`Desk::dir`]: from now on it has an agent, and pages show it.
    pub(in crate::face) fn found(&self, store: Store) -> Result<()> {
        let agent = Agent::start(store)?;
        *lock(&self.agent) = Some(agent.handle());
        *lock(&self.founded) = Some(agent);
        Ok(())
    }

    /// The agent of a store that was made since, for whoever keeps it from now on.
    pub(in crate::face) fn take_agent(&self) -> Option<Agent> {
        lock(&self.founded).take()
    }

    /// Where programs on this machine reach the server.
    pub(in crate::face) fn base(&self) -> String {
        let at = self.at;
        match at.ip().is_unspecified() {
            true => format!("http://127.0.0.1:{}", at.port()),
            false => format!("http://{at}"),
        }
    }

    /// Where the reverse proxy serves it, where there is one.
    pub(in crate::face) fn outside(&self) -> Option<&str> {
        self.outside.as_deref()
    }

    /// Whether a reverse proxy stands in front.
    pub(super) fn has_proxy(&self) -> bool {
        self.proxy
    }

    /// The address with which one person may come in, once.
    pub(in crate::face) fn invitation(&self, actor: &str) -> String {
        format!("{}/enter/{}", self.base(), self.door.code(actor))
    }

    /// Changes what is kept of the session with this form token.
    pub(in crate::face) fn change_session(&self, token: &str, change: impl FnOnce(&mut Session)) {
        self.door.change(token, change);
    }

    /// Ends the session with this form token; every session where there is none. How many.
    pub(in crate::face) fn end_sessions(&self, token: Option<&str>) -> usize {
        self.door.end(token)
    }

    /// Cookies do not tell ports apart; two stores on one machine must not share one.
    pub(super) fn cookie_name(&self) -> String {
        format!("annals-{}", self.at.port())
    }
}
