//! The open lines to remotes. What stands behind a line costs most when it is opened: a program is started, a connection is made and proven to be
//! the right one. So a line far away is kept between shipments while the next one is near.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::base::error::Result;
use crate::base::time::Timestamp;
use crate::engine::offsite::OpenRemote;
use crate::engine::store::Store;
use crate::storage::config::Remote as Place;
use crate::storage::remote::config_file;

use super::schedule;
use super::tally::{Carried, Tally};

/// How a remote is opened: by its name, with a limit in bytes a second.
pub type Opener = Arc<dyn Fn(&Store, &str, Option<u64>) -> Result<OpenRemote> + Send + Sync>;

/// How long a line is kept open that nobody uses: an rclone takes 50 to 70 MB.
const KEPT: Duration = Duration::from_secs(60);
/// How long where the schedule ships again within that time. Most servers close a silent connection before, a new one is made then.
const KEPT_FOR_NEXT: Duration = Duration::from_secs(600);
/// A line that was opened longer ago is not used again, so that a newer rclone is taken into use on a site that never rests.
const AGE_MAX: Duration = Duration::from_secs(6 * 3_600);

/// Requests and retries.
pub(super) type Asked = (u64, u64);

/// All of them, by the name of the remote.
#[derive(Default)]
pub(super) struct Lines(Mutex<HashMap<String, Line>>);

struct Line {
    remote: OpenRemote,
    /// What was asked over it when that was counted last.
    counted: Asked,
    place: Known,
    opened: Instant,
    /// From when until when it is kept although nobody uses it; `None` while it is in use.
    rests: Option<(Timestamp, Timestamp)>,
}

/// What a line was opened with: all that the configuration says, and the state of the file with rclone's part of it.
#[derive(PartialEq, Eq)]
struct Known(Place, Option<(SystemTime, u64)>);

impl Known {
    fn of(store: &Store, name: &str) -> Result<Self> {
        let place = store.config().remote(name)?.clone();
        let stamp = stamp(&config_file(place.rclone_config.as_deref()));
        Ok(Known(place, stamp))
    }
}

/// When a file was changed, and its length.
pub(super) fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let meta = path.metadata().ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

impl Line {
    fn is_good(&self, known: &Known, now: Timestamp) -> bool {
        // A clock that was put back says nothing about how long it rests.
        let rests = self.rests.is_some_and(|(from, until)| (from..until).contains(&now));
        rests && self.place == *known && self.opened.elapsed() < AGE_MAX
    }
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The line to a remote: the one that rests, or a new one.
    pub(super) fn open(&self, store: &Store, name: &str, rate: Option<u64>, opener: &Opener) -> Result<OpenRemote> {
        let known = Known::of(store, name)?;
        let rested = {
            let mut lines = self.lock();
            let good = lines.get_mut(name).filter(|line| line.is_good(&known, store.now_is()));
            good.map(|line| {
                line.rests = None;
                line.remote.clone()
            })
        };
        if let Some(remote) = rested
            && remote.device().limit(rate).is_ok()
        {
            return Ok(remote);
        }
        // The old one ends before the new one is begun.
        let old = self.lock().remove(name);
        drop(old);
        let remote = opener(store, name, rate)?;
        let line = Line { counted: asked(&remote), remote: remote.clone(), place: known, opened: Instant::now(), rests: None };
        self.lock().insert(name.to_owned(), line);
        Ok(remote)
    }

    /// The work with a line is over. It is kept for the next if that is worth it; `tally` gets what was asked over it.
    pub(super) fn rest(&self, store: &Store, name: &str, tally: &Mutex<Tally>) {
        let (now, ship) = (store.now_is(), store.config().schedule.ship.as_ref());
        let next = ship.map(|ship| schedule::due(ship, Some(now), now, &store.zone()));
        let within = |time: Duration| Timestamp(now.0.saturating_add(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)));
        let soon = next.is_some_and(|next| next <= within(KEPT_FOR_NEXT));
        let until = within(if soon { KEPT_FOR_NEXT } else { KEPT });
        let mut lines = self.lock();
        let Some(line) = lines.get_mut(name) else { return };
        if !line.remote.device().is_far() {
            drop(lines);
            return self.close(name, tally);
        }
        line.count(name, tally);
        line.rests = Some((now, until));
    }

    /// The work with a line is over, and not well: the next begins anew.
    pub(super) fn close(&self, name: &str, tally: &Mutex<Tally>) {
        // Counted before it is let go: a number that only grows must not dip. It ends without keeping others from theirs.
        let closed = {
            let mut lines = self.lock();
            let mut line = lines.remove(name);
            if let Some(line) = &mut line {
                line.count(name, tally);
            }
            line
        };
        drop(closed);
    }

    /// Closes the lines that have rested for long enough, or that the configuration does not know as they are any more.
    pub(super) fn close_rested(&self, store: &Store) {
        let mut over = Vec::new();
        self.lock().retain(|name, line| {
            let good = line.rests.is_none() || Known::of(store, name).is_ok_and(|known| line.is_good(&known, store.now_is()));
            if !good {
                over.push(line.remote.clone());
            }
            good
        });
        drop(over);
    }

    /// Closes all of them.
    pub(super) fn close_all(&self) {
        let all = std::mem::take(&mut *self.lock());
        drop(all);
    }

    /// Sets the rate of all lines in use.
    pub(super) fn limit(&self, rate: Option<u64>) {
        for line in self.lock().values().filter(|line| line.rests.is_none()) {
            // A line that cannot be slowed down is closed by its own failure; the next one is opened with the new rate.
            let _ = line.remote.device().limit(rate);
        }
    }

    /// What was counted, with what the lines in use carried since.
    pub(super) fn tallied(&self, tally: &Mutex<Tally>) -> Tally {
        let lines = self.lock();
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (name, line) in lines.iter().filter(|(_, line)| line.rests.is_none()) {
            tally.carry(name, since(asked(&line.remote), line.counted));
        }
        tally
    }
}

impl Line {
    fn count(&mut self, name: &str, tally: &Mutex<Tally>) {
        let now = asked(&self.remote);
        tally.lock().unwrap_or_else(PoisonError::into_inner).carry(name, since(now, self.counted));
        self.counted = now;
    }
}

/// What was asked of a remote so far.
pub(super) fn asked(remote: &OpenRemote) -> Asked {
    (remote.device().requests(), remote.device().retries())
}

/// What was asked between two moments.
pub(super) fn since(now: Asked, before: Asked) -> Carried {
    let (requests, retries) = (now.0.saturating_sub(before.0), now.1.saturating_sub(before.1));
    Carried { requests, retries, ..Carried::default() }
}
