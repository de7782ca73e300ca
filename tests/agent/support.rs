//! A site with a turned clock and remotes that can go away.

use std::path::PathBuf;
use std::sync::Arc;

use annals::agent::daemon::Stepwise;
use annals::agent::site::Opener;
use annals::base::time::ManualClock;
use annals::model::job::{Job, State};
use annals::storage::remote::{Memory, Recording};
use annals::{OpenRemote, Store, Timestamp};

pub const SECOND: i64 = 1_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

pub struct Site {
    dir: tempfile::TempDir,
    pub clock: Arc<ManualClock>,
}

impl Site {
    /// A store with this configuration, at noon UTC on 20 November 2026.
    pub fn new(config: &str) -> Self {
        let site = Site { dir: tempfile::tempdir().expect("dir"), clock: Arc::new(ManualClock::new(Timestamp(1_795_176_000 * SECOND))) };
        drop(Store::builder().clock(site.clock.clone()).init(&site.path("store"), "test").expect("init"));
        site.configure(config);
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn configure(&self, config: &str) {
        let text = format!("[store]\nsite = \"test\"\nzone = \"UTC\"\n{}", config.replace("DIR", &self.dir.path().display().to_string()));
        std::fs::write(self.path("store").join("annals.toml"), text).expect("written");
    }

    pub fn open(&self) -> Store {
        // A child that another test starts holds a copy of the lock until it is another program.
        let patient = Store::builder().clock(self.clock.clone()).lock_wait(std::time::Duration::from_secs(30));
        patient.open(&self.path("store")).expect("open")
    }

    pub fn clock_now(&self) -> i64 {
        annals::Clock::now(&*self.clock).0
    }

    pub fn stepwise(&self) -> Stepwise {
        Stepwise::new(self.open(), None).expect("agent")
    }
}

/// Lets remotes come from memory, by name.
pub fn from_memory(remotes: Vec<(&'static str, Arc<Recording<Arc<Memory>>>)>) -> Opener {
    Arc::new(move |_, name, _| {
        let (_, remote) = remotes.iter().find(|(known, _)| *known == name).expect("a remote of the test");
        Ok(OpenRemote::new(name, remote.clone()))
    })
}

pub fn memory() -> Arc<Recording<Arc<Memory>>> {
    Arc::new(Recording::new(Arc::new(Memory::new())))
}

/// The newest job of a kind.
pub fn newest(store: &Store, kind: &str) -> Job {
    store.jobs(1_000).expect("jobs").into_iter().filter(|j| j.task.kind() == kind).max_by_key(|j| j.id).expect("a job")
}

pub fn states(store: &Store, kind: &str) -> Vec<State> {
    let mut jobs: Vec<Job> = store.jobs(1_000).expect("jobs").into_iter().filter(|j| j.task.kind() == kind).collect();
    jobs.sort_by_key(|j| j.id);
    jobs.into_iter().map(|j| j.state).collect()
}
