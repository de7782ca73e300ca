//! Fetching ahead: over a line with long ways a rebuild of many small objects would wait for each of them. While one is replayed, the next ones
//! are on their way.
//!
//! Nothing depends on it. What was guessed wrong is not used, and what could not be fetched is fetched again by whoever needs it, who tells.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::base::disk;
use crate::base::error::Result;
use crate::base::monitor::{Monitor, Progress};
use crate::format::segment::ObjectName;
use crate::storage::remote::Remote;

/// Objects that are on their way at once.
const AT_ONCE: usize = 8;
/// Objects that are fetched or on their way and not used yet.
const AHEAD: usize = 32;
/// Bytes: larger objects take longer than the way, and fetching them ahead wins nothing.
const BYTES_MAX: u64 = 128 << 10;

/// What is fetched ahead of whom.
#[derive(Default)]
pub(crate) struct Ahead {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The objects in the order in which they will be wanted.
    list: Vec<ObjectName>,
    dir: PathBuf,
    /// The next one that nobody has begun with.
    next: usize,
    /// Those on their way (nothing), and those of which it is known whether they are there.
    begun: BTreeMap<usize, Option<bool>>,
    /// The place of the one that was wanted last, and one more.
    used: usize,
    ended: bool,
}

/// Stops what is on its way when nobody waits for it any more, and says nothing of it.
struct Quiet<'a>(&'a Ahead, &'a dyn Monitor);

impl Monitor for Quiet<'_> {
    fn progress(&self, _: &Progress) {}

    fn note(&self, _: &str) {}

    fn stopped(&self) -> bool {
        self.1.stopped() || self.0.lock().ended
    }
}

/// Ends it also where the work panics, so that nobody waits for ever.
struct Ending<'a>(&'a Ahead);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_all();
    }
}

impl Ahead {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work` while the objects of `list` in `folder` of `remote` are fetched into `dir`, in their order and never many more than were
    /// wanted. Near remotes answer at once, so there nothing is fetched ahead.
    pub(crate) fn during<T>(
        &self,
        mut list: Vec<ObjectName>,
        (remote, folder): (&dyn Remote, &str),
        dir: &Path,
        monitor: &dyn Monitor,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        list.retain(|name| name.size <= BYTES_MAX);
        if list.len() < 2 || !remote.is_far() {
            return work();
        }
        disk::create_dirs(dir)?;
        let lanes = AT_ONCE.min(list.len());
        *self.lock() = State { list, dir: dir.to_owned(), ..State::default() };
        let done = std::thread::scope(|scope| {
            for _ in 0..lanes {
                scope.spawn(|| self.fetch_on(remote, folder, monitor));
            }
            let _ending = Ending(self);
            work()
        });
        *self.lock() = State::default();
        // What cannot be removed now is removed when the store is opened next.
        let _ = std::fs::remove_dir_all(dir);
        done
    }

    fn fetch_on(&self, remote: &dyn Remote, folder: &str, monitor: &dyn Monitor) {
        loop {
            let (at, name, path) = {
                let waits = |state: &mut State| !state.ended && state.next < state.list.len() && state.next >= state.used + AHEAD;
                let mut state = self.changed.wait_while(self.lock(), waits).unwrap_or_else(PoisonError::into_inner);
                if state.ended || state.next >= state.list.len() || monitor.stopped() {
                    return;
                }
                let (at, name) = (state.next, state.list[state.next]);
                state.next += 1;
                state.begun.insert(at, None);
                (at, name, state.dir.join(name.to_string()))
            };
            let fetched = remote.fetch(&format!("{folder}/{name}"), &path, name.size, &Quiet(self, monitor)).is_ok();
            self.lock().begun.insert(at, Some(fetched));
            self.changed.notify_all();
        }
    }

    /// Puts an object at `into` where it was fetched ahead, waiting where it is on its way. Whether it is there.
    pub(crate) fn take(&self, name: &ObjectName, into: &Path) -> bool {
        let mut state = self.lock();
        let from = state.used;
        let Some(at) = state.list.iter().skip(from).position(|known| known == name).map(|at| at + from) else { return false };
        state.used = at + 1;
        // Nobody has begun with it: whoever asks does it now, and the others go on behind it.
        state.next = state.next.max(at + 1);
        self.changed.notify_all();
        let mut state = self.changed.wait_while(state, |state| state.begun.get(&at) == Some(&None)).unwrap_or_else(PoisonError::into_inner);
        let there = state.begun.remove(&at) == Some(Some(true));
        let path = state.dir.join(name.to_string());
        drop(state);
        there && std::fs::rename(path, into).is_ok()
    }
}
