//! What all requests share: the store that the agent has, and who may come in.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::agent::daemon::Handle;
use crate::base::error::{Error, Kind, Result};

use super::door::{Door, Session};

/// The state of the server.
pub(in crate::face) struct Desk {
    dir: PathBuf,
    agent: Mutex<Option<Handle>>,
    pub(super) door: Door,
    port: u16,
}

impl Desk {
    /// `agent` is absent where there is no store in `dir` yet.
    pub(super) fn new(dir: &Path, agent: Option<Handle>, token: &str, port: u16) -> Self {
        Desk { dir: dir.to_owned(), agent: Mutex::new(agent), door: Door::new(token, port), port }
    }

    /// The store's directory.
    pub(in crate::face) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The agent that has the store.
    pub(in crate::face) fn agent(&self) -> Result<Handle> {
        self.agent.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(|| {
            Error::new(Kind::NoStore, "store.none", format!("no store here: {}", self.dir.display())).hint("make one, or rebuild it from a copy")
        })
    }

    /// From now on there is a store.
    pub(in crate::face) fn settle(&self, agent: Handle) {
        *self.agent.lock().unwrap_or_else(PoisonError::into_inner) = Some(agent);
    }

    /// The address with which one person may come in, once.
    pub(in crate::face) fn invitation(&self, actor: &str) -> String {
        format!("http://127.0.0.1:{}/enter/{}", self.port, self.door.code(actor))
    }

    /// Changes what is kept of the session with this form token.
    pub(in crate::face) fn change_session(&self, token: &str, change: impl FnOnce(&mut Session)) {
        self.door.change(token, change);
    }

    /// Cookies do not tell ports apart; two stores on one machine must not share one.
    pub(super) fn cookie_name(&self) -> String {
        format!("annals-{}", self.port)
    }
}
