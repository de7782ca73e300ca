//! Sources of the configuration: how their state is recorded, and how the agent stays with them.
//!
//! A folder is watched, and each time it may have changed a job is asked for. A database is followed: one job brings its history up to now, and
//! from then on each transaction is recorded as it is committed, without a job, so that a busy database does not fill the queue and a quiet one
//! writes nothing. Whatever goes wrong ends the following; the next job tries again, says why, and counts or waits as jobs do.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::base::error::{Kind, Result};
use crate::base::monitor::Monitor;
#[cfg(feature = "postgres")]
use crate::engine::capture::postgres::{PgCapture, PgCaptured, SLOT_BYTES_MAX};
use crate::engine::capture::sqlite::{SqliteCapture, SqliteCaptured};
use crate::engine::capture::{Captured, FolderCapture};
use crate::engine::plans::By;
use crate::engine::store::{Store, Tenant};
use crate::engine::watch::Pace;
use crate::model::job::{State, Task};
use crate::model::key::{DEFAULT_TENANT, parse_key};
use crate::storage::config::{Capture, CaptureFrom};
use crate::storage::source::folder::{Rules, Wake, Watcher};

use super::live::Leash;
use super::queue::TRIES;
use super::site::{News, Site};

/// The longest that a source that cannot be watched is left alone before that is tried again.
const AWAY: Duration = Duration::from_secs(60);
/// How often a SQLite database is looked at while it is followed. A look at one that nobody wrote to is a few small reads.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// How often a file that is waited for is looked for.
const SEEK_EVERY: Duration = Duration::from_secs(2);

/// Which file it is: device and number.
type Identity = (u64, u64);

/// Application data whose state can be recorded, and that the agent can stay with.
pub(super) trait Source: Send {
    /// Records its state; `news` says where it may have changed. What was done, in a sentence.
    fn capture(&self, tenant: &Tenant, news: &News, by: &By, monitor: &dyn Monitor) -> Result<String>;

    /// Why a change was recorded, where its application does not say.
    fn reason(&self, name: &str) -> String;

    /// Stays with it until the watch is stopped. An error means that it cannot be watched now.
    fn follow(&mut self, watch: &Watch<'_>) -> Result<()>;
}

/// The source that a section of the configuration describes.
pub(super) fn source(store: &Store, capture: &Capture) -> Result<Box<dyn Source>> {
    let mut prefix = parse_key(capture.prefix.as_deref().unwrap_or(&capture.name));
    if !prefix.is_empty() && !prefix.ends_with(b"/") {
        prefix.push(b'/');
    }
    Ok(match &capture.from {
        CaptureFrom::Folder { path, include, exclude } => {
            let rules = Rules::new(exclude, include)?.leave_out(store.dir());
            Box::new(FolderCapture { folder: path.clone(), prefix, rules, allow_empty: false })
        }
        CaptureFrom::Sqlite { path, tables, image } => Box::new(SqliteCapture::new(path, &prefix).tables(tables).image(*image)),
        #[cfg(feature = "postgres")]
        CaptureFrom::Postgres { url, tables, password_file } => Box::new(PgCapture {
            url: url.clone(),
            name: capture.name.clone(),
            prefix,
            tables: tables.clone(),
            slot_bytes_max: SLOT_BYTES_MAX,
            accept: false,
            password_file: password_file.clone(),
        }),
        #[cfg(not(feature = "postgres"))]
        CaptureFrom::Postgres { .. } => {
            return Err(crate::base::error::Error::usage("capture.unsupported", "this program was built without PostgreSQL")
                .hint("take the section out of annals.toml, or use an annals with the feature postgres"));
        }
    })
}

/// The tenant whose documents a capture makes.
pub(super) fn tenant(store: &Store, capture: &Capture) -> Result<Tenant> {
    store.tenant(capture.tenant.as_deref().unwrap_or(DEFAULT_TENANT))
}

/// In whose name a source is captured.
pub(super) fn by(source: &dyn Source, capture: &Capture) -> By {
    By { actor: "annals agent".into(), reason: source.reason(&capture.name), origin: "annals agent".into() }
}

/// What a watch has: its section of the configuration, and the agent around it.
pub(super) struct Watch<'s> {
    site: &'s Site,
    capture: &'s Capture,
    leash: Leash,
}

impl Watch<'_> {
    /// Asks for a capture. The number of the job.
    fn ask(&self, news: News) -> Result<i64> {
        self.site.add_news(&self.capture.name, news);
        let id = self.site.store().add_job(&Task::Capture(self.capture.name.clone())).inspect_err(|e| self.site.note_error(e))?;
        self.site.poke();
        Ok(id)
    }

    /// Lets so much time pass; `false` when the watch was stopped.
    fn rest(&self, time: Duration) -> bool {
        let until = self.site.elapsed() + time;
        while self.site.elapsed() < until && !self.leash.stopped() {
            self.site.wait(self.site.pulse(), until.saturating_sub(self.site.elapsed()));
        }
        !self.leash.stopped()
    }

    /// Asks for a capture and waits until one was done, however often it has to be tried; `false` when the watch was stopped. Where `identity`
    /// says that the source came back or is another one now, it is tried at once.
    fn catch_up(&self, identity: &dyn Fn() -> Option<Identity>) -> Result<bool> {
        let mut seen = identity();
        let mut id = self.ask(News::All)?;
        loop {
            let store = self.site.store();
            let state = match store.job(id) {
                Ok(job) => job.state,
                // So old that it was forgotten.
                Err(e) if e.kind() == Kind::Missing => return Ok(true),
                Err(e) => return Err(e),
            };
            match state {
                State::Done => return Ok(true),
                State::Waiting | State::Failed => {
                    let now = identity();
                    if now.is_some() && now != seen {
                        let lane = Task::Capture(self.capture.name.clone()).lane();
                        store.inner.catalog.write(|w| w.hasten_lane(&lane, store.now_is()))?;
                        self.site.poke();
                    }
                    seen = now;
                }
                // Another may do the same in its stead.
                State::Cancelled => {
                    let task = Task::Capture(self.capture.name.clone());
                    id = store.jobs_left()?.iter().find(|job| job.task == task).map_or(id, |job| job.id);
                }
                // What runs may have looked before the source came back; the rest is up to people.
                State::Running | State::Paused | State::Dead => {}
            }
            if !self.rest(SEEK_EVERY) {
                return Ok(false);
            }
        }
    }

    /// Brings the history of a database up to now, and then looks once and again. What one look found is in the history; it says when the next
    /// one is due.
    fn follow(&self, identity: &dyn Fn() -> Option<Identity>, look: &mut dyn FnMut() -> Result<Duration>) -> Result<()> {
        if !self.catch_up(identity)? {
            return Ok(());
        }
        loop {
            let due = match look() {
                Err(e) if e.kind() == Kind::Interrupted && self.leash.stopped() => return Ok(()),
                due => due?,
            };
            self.site.tally(|t| t.captured(&self.capture.name, self.site.store().now_is()));
            if !self.rest(due) {
                return Ok(());
            }
        }
    }

    fn tenant(&self) -> Result<Tenant> {
        tenant(&self.site.store(), self.capture)
    }
}

impl Source for FolderCapture {
    fn capture(&self, tenant: &Tenant, news: &News, by: &By, monitor: &dyn Monitor) -> Result<String> {
        let only = match news {
            News::All => None,
            News::Paths(paths) => Some(paths),
        };
        let Captured { added, changed, removed, skipped, .. } = tenant.capture_folder(self, only, by, monitor)?;
        let skipped = if skipped.is_empty() { String::new() } else { format!(", {} skipped", skipped.len()) };
        Ok(format!("{added} added, {changed} changed, {removed} removed{skipped}"))
    }

    fn reason(&self, name: &str) -> String {
        format!("capture {name}")
    }

    fn follow(&mut self, watch: &Watch<'_>) -> Result<()> {
        let pace = Pace::default();
        // Watch first, capture afterwards: what changes in between is seen by one of the two.
        let mut watcher = Watcher::start(&self.folder, self.rules.clone(), &watch.leash)?;
        let mut news = News::All;
        loop {
            // What cannot be asked for now is noted, and asked for with the next news.
            let _ = watch.ask(news);
            news = match watcher.wait(pace.settle, pace.rescan_every, &watch.leash) {
                Wake::Stopped => return Ok(()),
                Wake::Dirty(dirty) => dirty.into(),
                Wake::Periodic => News::All,
            };
        }
    }
}

impl Source for SqliteCapture {
    fn capture(&self, tenant: &Tenant, _: &News, by: &By, monitor: &dyn Monitor) -> Result<String> {
        let SqliteCaptured { transactions, merged_intervals, added, changed, removed, .. } = tenant.capture_sqlite(self, by, monitor)?;
        Ok(rows(transactions, merged_intervals, added, changed, removed))
    }

    /// None: only the application knows, and words that say nothing would travel with each of its transactions.
    fn reason(&self, _: &str) -> String {
        String::new()
    }

    fn follow(&mut self, watch: &Watch<'_>) -> Result<()> {
        let (tenant, by) = (watch.tenant()?, by(self, watch.capture));
        let mut follower = tenant.follow_sqlite(self, &by, &watch.leash)?;
        watch.follow(&|| self.identity(), &mut || follower.look().map(|_| follower.rest(LOOK_EVERY)))
    }
}

#[cfg(feature = "postgres")]
impl Source for PgCapture {
    fn capture(&self, tenant: &Tenant, _: &News, by: &By, monitor: &dyn Monitor) -> Result<String> {
        let PgCaptured { transactions, merged_intervals, added, changed, removed, skipped, .. } = tenant.capture_postgres(self, by, monitor)?;
        let left_out: Vec<&str> = skipped.iter().map(|(table, _)| table.as_str()).collect();
        let left_out = if left_out.is_empty() { String::new() } else { format!("; left out: {}", left_out.join(", ")) };
        Ok(rows(transactions, merged_intervals, added, changed, removed) + &left_out)
    }

    /// None: only the application knows, and words that say nothing would travel with each of its transactions.
    fn reason(&self, _: &str) -> String {
        String::new()
    }

    fn follow(&mut self, watch: &Watch<'_>) -> Result<()> {
        let (tenant, by) = (watch.tenant()?, by(self, watch.capture));
        let mut follower = tenant.follow_postgres(self, &by, &watch.leash)?;
        watch.follow(&|| None, &mut || follower.look().map(|_| follower.rest()))
    }
}

/// What a capture of a database did.
fn rows(transactions: u64, merged: u64, added: u64, changed: u64, removed: u64) -> String {
    let merged = match merged {
        0 => String::new(),
        1 => ", 1 merged interval".to_owned(),
        n => format!(", {n} merged intervals"),
    };
    let plural = if transactions == 1 { "" } else { "s" };
    format!("{transactions} transaction{plural}{merged}: {added} added, {changed} changed, {removed} removed")
}

/// Stays with one source until the agent stops or `cut` is set, and comes back to it when that failed.
pub(super) fn follow(site: &Site, capture: &Capture, cut: &Arc<AtomicBool>) {
    let watch = Watch { site, capture, leash: Leash { stopping: site.stopping.clone(), cut: cut.clone() } };
    let (mut failures, mut asked) = (0u32, false);
    while !watch.leash.stopped() {
        let began = site.elapsed();
        let done = source(&site.store(), capture).and_then(|mut source| source.follow(&watch));
        let Err(e) = done else { return };
        site.note_error(&e);
        // A job says why. Once: where it was done in spite of that, it need not be done again.
        if !asked {
            asked = watch.ask(News::All).is_ok();
        }
        failures = if site.elapsed().saturating_sub(began) > TRIES.longest { 1 } else { failures.saturating_add(1) };
        watch.rest(TRIES.delay(failures, site.store().inner.random()).min(AWAY));
    }
}
