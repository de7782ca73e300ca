//! What all threads of an agent have together: the store as the configuration now sees it, the jobs that run, the lines that are open.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::base::error::{Error, Kind, Result};
use crate::base::id::SiteId;
use crate::base::time::{Clock, Timestamp};
use crate::engine::offsite::OpenRemote;
use crate::engine::store::{CONFIG, Store};
use crate::model::job::{Job, Task};
use crate::storage::config::Config;
use crate::storage::source::folder::{Dirty, PathSet};

pub use super::lines::Opener;
use super::lines::{Asked, Lines, asked, since, stamp};
use super::live::{Halt, Live};
use super::queue::{End, Queue};
use super::tally::Tally;

/// Troubles of the agent itself, kept in memory because the catalogue may be what fails.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Troubles {
    /// Since when there is no space: nothing is recorded until there is.
    pub full_since: Option<Timestamp>,
    /// Why the configuration in the file cannot be used; the last good one stays in force.
    pub config: Option<String>,
}

/// What changed where since the last capture of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    All,
    Paths(PathSet),
}

impl From<Dirty> for News {
    fn from(dirty: Dirty) -> Self {
        match dirty {
            Dirty::All => News::All,
            Dirty::Paths(paths) => News::Paths(paths),
        }
    }
}

struct Clockwork(Store);

impl Clock for Clockwork {
    fn now(&self) -> Timestamp {
        self.0.now_is()
    }
}

/// A running agent, as its threads see it.
pub(super) struct Site {
    store: Mutex<Store>,
    config_seen: Mutex<Option<(SystemTime, u64)>>,
    opener: Opener,
    holder: String,
    started: Instant,
    pub(super) stopping: Arc<AtomicBool>,
    pulse: (Mutex<u64>, Condvar),
    live: Mutex<BTreeMap<i64, Arc<Live>>>,
    lines: Lines,
    tally: Mutex<Tally>,
    news: Mutex<HashMap<String, News>>,
    troubles: Mutex<Troubles>,
    /// Ends of jobs that could not be written, by lane: the disk was full.
    unwritten: Mutex<Vec<(String, Job, End)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Site {
    pub(super) fn new(store: Store, opener: Opener) -> Self {
        // A name that no other process had, whatever its number.
        let id = SiteId::new(store.inner.random()).to_hex();
        let started = store.now_is();
        let holder = format!("agent {} {}", std::process::id(), &id[..8]);
        Site {
            store: Mutex::new(store),
            // The file may have changed since the store was opened: it is read once in any case.
            config_seen: Mutex::default(),
            opener,
            holder,
            started: Instant::now(),
            stopping: Arc::default(),
            pulse: Default::default(),
            live: Mutex::default(),
            lines: Lines::default(),
            tally: Mutex::new(Tally { started, ..Tally::default() }),
            news: Mutex::default(),
            troubles: Mutex::default(),
            unwritten: Mutex::default(),
        }
    }

    /// The store as the configuration now sees it.
    pub(super) fn store(&self) -> Store {
        lock(&self.store).clone()
    }

    /// Reads the configuration again where its file changed. Whether it did.
    pub(super) fn follow_config(&self) -> bool {
        let mut seen = lock(&self.config_seen);
        let now = stamp(&self.store().dir().join(CONFIG));
        if *seen == now {
            return false;
        }
        *seen = now;
        let reread = self.store().reread();
        lock(&self.troubles).config = reread.as_ref().err().map(ToString::to_string);
        match reread {
            Ok(store) => {
                *lock(&self.store) = store;
                true
            }
            Err(_) => false,
        }
    }

    /// The queue for the workers of this agent.
    pub(super) fn queue<'q>(&'q self, store: &'q Store) -> Queue<'q> {
        Queue::new(&store.inner.catalog, store.inner.clock(), store.inner.random(), &self.holder)
    }

    /// Time since the agent started; never steps.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The line to a remote, kept from the work before or opened; while it is in use, its rate follows the windows.
    pub(super) fn open_line(&self, store: &Store, name: &str, rate: Option<u64>) -> Result<OpenRemote> {
        self.lines.open(store, name, rate, &self.opener)
    }

    /// Opens a remote beside its line, for a drill.
    pub(super) fn open_beside(&self, store: &Store, name: &str, rate: Option<u64>) -> Result<OpenRemote> {
        (self.opener)(store, name, rate)
    }

    /// The work with a line is over; where it went `well`, the line is kept for the next for a while.
    pub(super) fn leave_line(&self, store: &Store, name: &str, well: bool) {
        if well { self.lines.rest(store, name, &self.tally) } else { self.lines.close(name, &self.tally) }
    }

    /// Closes lines that nobody has needed for a while.
    pub(super) fn close_rested_lines(&self) {
        self.lines.close_rested(&self.store());
    }

    /// Closes all lines.
    pub(super) fn close_lines(&self) {
        self.lines.close_all();
    }

    /// Counts what a remote was asked since `before`, which is its requests and retries then.
    pub(super) fn count_line(&self, name: &str, remote: &OpenRemote, before: Asked) {
        self.tally(|t| t.carry(name, since(asked(remote), before)));
    }

    /// Counts something.
    pub(super) fn tally(&self, count: impl FnOnce(&mut Tally)) {
        count(&mut lock(&self.tally));
    }

    /// What was done since the agent started, with what the open lines carried so far.
    pub(super) fn tallied(&self) -> Tally {
        self.lines.tallied(&self.tally)
    }

    /// Sets the rate of all lines in use.
    pub(super) fn limit_lines(&self, rate: Option<u64>) {
        self.lines.limit(rate);
    }

    pub(super) fn begin(&self, job: &Job) -> Arc<Live> {
        let live = Arc::new(Live::new(job.clone(), self.stopping.clone(), Arc::new(Clockwork(self.store()))));
        lock(&self.live).insert(job.id, live.clone());
        self.poke();
        live
    }

    pub(super) fn finish(&self, job: &Job) {
        lock(&self.live).remove(&job.id);
    }

    pub(super) fn live(&self) -> Vec<Arc<Live>> {
        lock(&self.live).values().cloned().collect()
    }

    /// Stops the shipments that run, because the window closed.
    pub(super) fn halt_lines(&self) {
        for live in self.live().iter().filter(|l| matches!(l.job.task, Task::Ship(_))) {
            live.stop(Halt::Closed);
        }
    }

    /// Adds to what a source's next capture has to look at.
    pub(super) fn add_news(&self, source: &str, more: News) {
        let mut all = lock(&self.news);
        let merged = match (all.remove(source), more) {
            (None, more) => more,
            (Some(News::Paths(known)), News::Paths(more)) => News::Paths(known.union(more)),
            _ => News::All,
        };
        all.insert(source.to_owned(), merged);
    }

    /// What a source's capture has to look at; everything where nobody watched.
    pub(super) fn take_news(&self, source: &str) -> News {
        lock(&self.news).remove(source).unwrap_or(News::All)
    }

    pub(super) fn troubles(&self) -> Troubles {
        lock(&self.troubles).clone()
    }

    /// Notes that there is no space, or that there is again.
    pub(super) fn note_space(&self, full: bool) {
        let now = self.store().now_is();
        let before = {
            let mut troubles = lock(&self.troubles);
            let before = troubles.full_since;
            troubles.full_since = full.then(|| before.unwrap_or(now));
            before
        };
        if before.is_some() == full {
            return;
        }
        if !full {
            self.catch_up(now);
        }
        self.poke();
    }

    /// There is space again: what waited for it is tried, and what could not be asked for is asked for.
    fn catch_up(&self, now: Timestamp) {
        let sources: Vec<String> = lock(&self.news).keys().cloned().collect();
        let asked = self.store().inner.catalog.write(|w| {
            w.hasten_full(now)?;
            sources.into_iter().try_for_each(|name| w.add_job(&Task::Capture(name), now, now).map(drop))
        });
        if let Err(e) = asked {
            self.note_error(&e);
        }
    }

    /// Notes what a piece of work says about the space on the disk.
    pub(super) fn note_error(&self, error: &Error) {
        if is_full_here(error) {
            self.note_space(true);
        }
    }

    pub(super) fn keep_unwritten(&self, lane: &str, job: Job, end: End) {
        lock(&self.unwritten).push((lane.to_owned(), job, end));
    }

    pub(super) fn take_unwritten(&self, lane: &str) -> Option<(Job, End)> {
        let mut all = lock(&self.unwritten);
        let at = all.iter().position(|(of, _, _)| of == lane)?;
        let (_, job, end) = all.swap_remove(at);
        Some((job, end))
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.poke();
    }

    /// Wakes everybody: something changed.
    pub(super) fn poke(&self) {
        *lock(&self.pulse.0) += 1;
        self.pulse.1.notify_all();
    }

    /// The number of the last poke: asked before one looks, so that nothing that happens meanwhile is missed.
    pub(super) fn pulse(&self) -> u64 {
        *lock(&self.pulse.0)
    }

    /// Lets so much time pass, unless the agent is to stop.
    pub(super) fn pause(&self, time: Duration) {
        let until = self.elapsed() + time;
        while self.elapsed() < until && !self.is_stopping() {
            self.wait(self.pulse(), until.saturating_sub(self.elapsed()));
        }
    }

    /// Waits for a poke after `seen`, at most so long.
    pub(super) fn wait(&self, seen: u64, at_most: Duration) {
        let pulse = lock(&self.pulse.0);
        drop(self.pulse.1.wait_timeout_while(pulse, at_most, |now| *now == seen && !self.is_stopping()));
    }
}

/// Whether a failure says that there is no space here. A remote that is full is the remote's trouble.
pub(super) fn is_full_here(error: &Error) -> bool {
    error.kind() == Kind::Space && !error.code().starts_with("remote.")
}

/// The section of the configuration about the capture called `name`.
pub(super) fn capture_of<'c>(config: &'c Config, name: &str) -> Option<&'c crate::storage::config::Capture> {
    config.captures.iter().find(|c| c.name == name)
}
