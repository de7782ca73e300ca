//! The agent: it owns the store for years, sees to it that what is due is done, and ends when it is asked to.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::base::error::{Error, Result};
use crate::base::time::Timestamp;
use crate::engine::compact::CompactOptions;
use crate::engine::store::Store;
use crate::model::job::{Task, Wish};
use crate::storage::config::{Capture, Rate, Ship};
use crate::storage::remote::RemoteUrl;

use super::health::{self, RemoteHealth};
use super::live::Halt;
use super::proof::{self, DrillNote};
use super::queue::reclaim_all;
use super::schedule;
use super::site::{Opener, Site, Troubles};
use super::tally::Tally;
use super::telling::{self, Telling};
use super::{watch, worker};

/// The longest sleep of the scheduler: clocks may be put, machines sleep.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The shortest time between two looks.
const TICK_LEAST: Duration = Duration::from_millis(500);
/// How often it is tried whether a full disk still is.
const SPACE_EVERY: Duration = Duration::from_secs(10);
/// How often running jobs say how far they are.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// How often they give a sign of life where they got no further, in beats.
const SIGN_BEATS: u32 = 15;
/// Seconds between two patrols of what the store holds, and between two looks for garbage.
const UPKEEP_SECS: (u64, u64) = (24 * 3_600, 7 * 24 * 3_600);

/// What an agent does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upcoming {
    /// What.
    pub task: Task,
    /// When, the next runs in order.
    pub at: Vec<Timestamp>,
}

/// A running agent. Dropped, it stops.
pub struct Agent {
    site: Arc<Site>,
    threads: Vec<JoinHandle<()>>,
}

/// An agent without threads, for programs and tests that say themselves when it is time to look and to work.
pub struct Stepwise {
    site: Arc<Site>,
    telling: Telling,
}

fn open(store: &Store, name: &str, rate: Option<u64>) -> Result<crate::engine::offsite::OpenRemote> {
    store.remote(name, rate)
}

impl Agent {
    /// Starts an agent on an open store. It has the store for itself.
    ///
    /// # Errors
    /// Where the catalogue cannot be read or written.
    pub fn start(store: Store) -> Result<Self> {
        Self::start_with(store, Arc::new(open))
    }

    /// Like [`Agent::start`], with remotes that come from `opener`.
    pub fn start_with(store: Store, opener: Opener) -> Result<Self> {
        let site = begin(store, opener)?;
        let mut threads = Vec::new();
        for (name, work) in [("scheduler", scheduler as fn(&Arc<Site>)), ("keeper", keeper), ("health", watch_health)] {
            let site = site.clone();
            threads.push(spawn(name, move || work(&site))?);
        }
        Ok(Agent { site, threads })
    }

    /// The store, as the configuration now sees it.
    pub fn store(&self) -> Store {
        self.site.follow_config();
        self.site.store()
    }

    /// Wakes the agent: a job was added, or the configuration changed.
    pub fn poke(&self) {
        self.site.poke();
    }

    /// A handle for threads that serve the agent.
    pub fn handle(&self) -> Handle {
        Handle { site: self.site.clone() }
    }

    /// Lets everything that runs come to its next safe place, and ends.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.site.stop();
        for thread in self.threads.drain(..) {
            // A panic was reported by the panic hook; the others have to end all the same.
            let _ = thread.join();
        }
        self.site.close_lines();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.end();
    }
}

/// An agent from outside: for those who serve people while it works.
#[derive(Clone)]
pub struct Handle {
    site: Arc<Site>,
}

impl Handle {
    /// The store, as the configuration now sees it.
    pub fn store(&self) -> Store {
        if self.site.follow_config() {
            self.site.poke();
        }
        self.site.store()
    }

    /// Wakes the agent.
    pub fn poke(&self) {
        self.site.poke();
    }

    /// Asks the agent to stop; who started it sees it in [`Handle::is_stopping`].
    pub fn stop(&self) {
        self.site.stop();
    }

    /// Whether the agent was asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.site.is_stopping()
    }

    /// Waits until something happens, at most so long.
    pub fn wait(&self, at_most: Duration) {
        self.site.wait(self.site.pulse(), at_most);
    }

    /// Troubles of the agent itself.
    pub fn troubles(&self) -> Troubles {
        self.site.troubles()
    }

    /// What the agent did since it started.
    pub fn tally(&self) -> Tally {
        self.site.tallied()
    }
}

impl Stepwise {
    /// An agent without threads on an open store.
    pub fn new(store: Store, opener: Option<Opener>) -> Result<Self> {
        Ok(Stepwise { site: begin(store, opener.unwrap_or_else(|| Arc::new(open)))?, telling: Telling::default() })
    }

    /// The store, as the configuration now sees it.
    pub fn store(&self) -> Store {
        self.site.follow_config();
        self.site.store()
    }

    /// A handle as those have it who serve people.
    pub fn handle(&self) -> Handle {
        Handle { site: self.site.clone() }
    }

    /// Asks for what is due now. When it wants to be asked again.
    pub fn tick(&self) -> Result<Timestamp> {
        self.site.follow_config();
        tick(&self.site).inspect_err(|e| self.site.note_error(e))
    }

    /// Does every job that may be done now. How many.
    pub fn run(&self) -> Result<usize> {
        let mut done = 0;
        for lane in lanes(&self.site.store()) {
            while worker::run_next(&self.site, &lane).inspect_err(|e| self.site.note_error(e))? {
                done += 1;
            }
        }
        Ok(done)
    }

    /// What people should know now.
    pub fn problems(&self) -> Result<Vec<health::Problem>> {
        health::problems(&self.site.store(), &self.site.troubles())
    }

    /// Tells people of what they should know. How many problems were told.
    pub fn tell(&self) -> Result<u64> {
        self.site.follow_config();
        tell(&self.site, &self.telling)
    }
}

fn begin(store: Store, opener: Opener) -> Result<Arc<Site>> {
    let site = Arc::new(Site::new(store, opener));
    site.follow_config();
    let store = site.store();
    // The lock says that nobody else works on this store: what is said to run was left by a process that is gone.
    reclaim_all(&site.queue(&store))?;
    Ok(site)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let builder = std::thread::Builder::new().name(format!("annals {name}"));
    builder.spawn(work).map_err(|e| Error::io(format_args!("start the thread {name}"), e))
}

/// All lanes that the configuration asks for, and those in which something waits that it knew of before: its turn comes, and it ends.
fn lanes(store: &Store) -> Vec<String> {
    let config = store.config();
    let mut lanes = vec![Task::Seal.lane(), Task::Drill(String::new()).lane(), Task::Apply(String::new()).lane()];
    lanes.extend(config.captures.iter().map(|c| Task::Capture(c.name.clone()).lane()));
    lanes.extend(config.remotes.iter().map(|r| Task::Ship(r.name.clone()).lane()));
    // A catalogue that cannot be read is a trouble that every lane tells of.
    let waiting = store.inner.catalog.read(|v| v.waiting_lanes()).unwrap_or_default();
    lanes.extend(waiting.into_iter().filter(|lane| !lanes.contains(lane)).collect::<Vec<_>>());
    lanes
}

/// What is done on schedule, with the name under which its last run is remembered.
fn scheduled(store: &Store) -> Vec<(Task, Ship)> {
    let schedule = &store.config().schedule;
    let mut all = vec![(Task::Verify, Ship::EverySecs(UPKEEP_SECS.0)), (Task::Gc, Ship::EverySecs(UPKEEP_SECS.1))];
    // A catalogue that cannot be read is a trouble that the job tells of.
    let dropped = store.dropped().map_or(true, |all| all.iter().any(|dropped| dropped.gone.is_none()));
    if dropped || !store.keep_rules().keeps_everything() {
        all.push((Task::Forget, Ship::EverySecs(UPKEEP_SECS.0)));
    }
    for remote in &store.config().remotes {
        if let Some(ship) = &schedule.ship {
            all.push((Task::Ship(remote.name.clone()), ship.clone()));
        }
        if schedule.ship.is_some() {
            all.push((Task::Compact(remote.name.clone()), Ship::EverySecs(UPKEEP_SECS.0)));
        }
        if let Some(secs) = schedule.drill_secs {
            all.push((Task::Drill(remote.name.clone()), Ship::EverySecs(secs)));
        }
    }
    all
}

fn ran_fact(task: &Task) -> String {
    format!("ran {task}")
}

fn last_run(store: &Store, task: &Task) -> Result<Option<Timestamp>> {
    let micros = store.inner.catalog.read(|v| v.fact_number(&ran_fact(task)))?;
    Ok(i64::try_from(micros).ok().filter(|m| *m > 0).map(Timestamp))
}

fn note_run(store: &Store, task: &Task, at: Timestamp) -> Result<()> {
    store.inner.catalog.write(|w| w.set_fact(&ran_fact(task), &u64::try_from(at.0).unwrap_or(0).to_be_bytes()))
}

/// Whether there is anything to do: a quiet site writes nothing.
fn is_needed(store: &Store, task: &Task) -> Result<bool> {
    Ok(match task {
        Task::Ship(name) => !store.waiting_for(name)?.is_empty(),
        Task::Drill(name) => store.remote_statuses()?.iter().any(|r| r.place.name == *name && r.last_shipped.is_some()),
        Task::Compact(name) => store.compaction_waits(name, &CompactOptions::default())?,
        Task::Verify | Task::Gc | Task::Forget => {
            store.tenants()?.iter().map(|t| t.position()).collect::<Result<Vec<_>>>()?.iter().any(|p| p.seq > 0)
        }
        Task::Capture(_) | Task::Seal | Task::Apply(_) => true,
    })
}

/// Adds the jobs that are due. When to look again.
fn tick(site: &Site) -> Result<Timestamp> {
    let store = site.store();
    let (now, zone) = (store.now_is(), store.zone());
    let mut next = Timestamp(now.0.saturating_add(LOOK_EVERY.as_micros() as i64));
    let mut added = follow_clock(&store, now)?;
    store.look_for_mass_change()?;
    for (task, when) in scheduled(&store) {
        let mut last = last_run(&store, &task)?;
        // The clock was put back: counted from now on, or the next run would be as far away as the step was wide.
        if last.is_some_and(|last| last > now) {
            note_run(&store, &task, now)?;
            last = Some(now);
        }
        // A time of day counts from when the agent first saw it: what lies before was not missed.
        if last.is_none() && matches!(when, Ship::Cron(_)) {
            note_run(&store, &task, now)?;
        }
        let due = schedule::due(&when, last, now, &zone);
        if due > now {
            next = next.min(due);
            continue;
        }
        if is_needed(&store, &task)? {
            site.queue(&store).add(&task, now)?;
            note_run(&store, &task, now)?;
            added = true;
        } else if matches!(when, Ship::Cron(_)) {
            note_run(&store, &task, now)?;
        }
    }
    added |= look_for_absent(&store, now)?;
    let rate = match schedule::rate_at(&store.config().schedule, now, &zone) {
        None => {
            site.halt_lines();
            None
        }
        Some(Rate::Unlimited) => None,
        Some(Rate::BytesPerSec(rate)) => Some(rate),
    };
    site.limit_lines(rate);
    site.close_rested_lines();
    if let Some(changes) = schedule::rate_changes(&store.config().schedule, now, &zone) {
        next = next.min(changes);
    }
    if added {
        site.poke();
    }
    Ok(next)
}

/// Where the clock was put back, what waits for a moment of the old time may be done now. Whether anything may.
fn follow_clock(store: &Store, now: Timestamp) -> Result<bool> {
    let ahead = store.inner.catalog.read(|v| v.jobs_ahead(now))?;
    if ahead {
        store.inner.catalog.write(|w| w.hasten_ahead(now))?;
    }
    Ok(ahead)
}

/// A disk that was plugged in is shipped to at once. Whether one was.
fn look_for_absent(store: &Store, now: Timestamp) -> Result<bool> {
    let mut back = false;
    for place in &store.config().remotes {
        let Ok(RemoteUrl::Directory(path)) = RemoteUrl::parse(&place.url) else { continue };
        let contact = store.inner.catalog.read(|v| v.contact(&place.name))?;
        let marked =
            path.join(crate::storage::remote::MARKER).exists() || (path.is_dir() && !store.inner.catalog.read(|v| v.remote_used(&place.name))?);
        let lane = Task::Ship(place.name.clone()).lane();
        let waits = contact.code == "remote.absent" && store.inner.catalog.read(|v| v.lane_opens(&lane))?.is_some_and(|at| at > now);
        if waits && marked {
            store.inner.catalog.write(|w| w.hasten_lane(&lane, now))?;
            back = true;
        }
    }
    Ok(back)
}

/// When what is done on schedule is done next, each with what comes of its next `count` runs: one that is due and has nothing to do does not
/// take place.
pub fn upcoming(store: &Store, count: usize) -> Result<Vec<Upcoming>> {
    let (now, zone) = (store.now_is(), store.zone());
    let mut all = Vec::new();
    for (task, when) in scheduled(store) {
        let mut at = schedule::upcoming(&when, last_run(store, &task)?, now, &zone, count);
        // Asked of what is due alone, as each look of the agent does.
        if at.first().is_some_and(|first| *first <= now) && !is_needed(store, &task)? {
            at.remove(0);
        }
        if !at.is_empty() {
            all.push(Upcoming { task, at });
        }
    }
    Ok(all)
}

/// What an agent knows of a store and does with it, beside how the store is.
pub struct Work {
    /// Whether an agent runs.
    pub runs: bool,
    /// Each remote, in the order of the configuration.
    pub remotes: Vec<RemoteHealth>,
    /// What the last drill of each remote showed.
    pub drills: Vec<Option<DrillNote>>,
    /// What people should know.
    pub problems: Vec<health::Problem>,
    /// What is done next.
    pub next: Vec<Upcoming>,
}

impl Work {
    /// As it is now; without an agent there are no troubles of one.
    ///
    /// # Errors
    /// Where the catalogue cannot be read.
    pub fn of(store: &Store, agent: Option<&Handle>) -> Result<Self> {
        let troubles = agent.map(Handle::troubles).unwrap_or_default();
        Ok(Work {
            runs: agent.is_some(),
            remotes: health::remotes(store)?,
            drills: store.config().remotes.iter().map(|r| proof::last_drill(store, &r.name)).collect::<Result<_>>()?,
            problems: health::problems(store, &troubles)?,
            next: upcoming(store, 1)?,
        })
    }
}

/// Keeps the lanes and watches that the configuration asks for, and asks for what is due.
fn scheduler(site: &Arc<Site>) {
    let mut lanes_on: HashMap<String, (Arc<AtomicBool>, JoinHandle<()>)> = HashMap::new();
    let mut watches: HashMap<String, (Capture, Arc<AtomicBool>, JoinHandle<()>)> = HashMap::new();
    while !site.is_stopping() {
        let seen = site.pulse();
        site.follow_config();
        let store = site.store();
        let wanted = lanes(&store);
        for (name, (cut, _)) in &lanes_on {
            if !wanted.contains(name) {
                cut.store(true, Ordering::SeqCst);
            }
        }
        lanes_on.retain(|_, (_, thread)| !thread.is_finished());
        for lane in wanted.iter().filter(|name| !lanes_on.contains_key(*name)).cloned().collect::<Vec<_>>() {
            let (cut, site, name) = (Arc::new(AtomicBool::new(false)), site.clone(), lane.clone());
            let own = cut.clone();
            if let Ok(thread) = spawn(&lane, move || worker::work(&site, &name, || !own.load(Ordering::SeqCst))) {
                lanes_on.insert(lane, (cut, thread));
            }
        }
        let captures = &store.config().captures;
        for (capture, cut, _) in watches.values() {
            if !captures.contains(capture) {
                cut.store(true, Ordering::SeqCst);
            }
        }
        watches.retain(|_, (_, _, thread)| !thread.is_finished());
        for capture in captures.iter().filter(|c| !watches.contains_key(&c.name)).cloned().collect::<Vec<_>>() {
            let (cut, site, own) = (Arc::new(AtomicBool::new(false)), site.clone(), capture.clone());
            let leash = cut.clone();
            if let Ok(thread) = spawn(&format!("watch {}", capture.name), move || watch::follow(&site, &own, &leash)) {
                watches.insert(capture.name.clone(), (capture, cut, thread));
            }
        }
        let wait = match tick(site) {
            Ok(next) => Duration::from_micros(u64::try_from(next.0.saturating_sub(store.now_is().0)).unwrap_or(0)),
            Err(e) => {
                site.note_error(&e);
                LOOK_EVERY
            }
        };
        drop(store);
        // A moment at least, however often it is poked.
        site.pause(TICK_LEAST);
        site.wait(seen, wait.min(LOOK_EVERY));
    }
    let threads = lanes_on.into_values().map(|(_, thread)| thread).chain(watches.into_values().map(|(_, _, thread)| thread));
    threads.for_each(|thread| drop(thread.join()));
}

/// Writes down how far running jobs are, and passes on what people want of them. Sleeps while none runs.
fn keeper(site: &Arc<Site>) {
    let mut beats = 0u32;
    loop {
        let seen = site.pulse();
        let live = site.live();
        if live.is_empty() {
            if site.is_stopping() {
                return;
            }
            site.wait(seen, LOOK_EVERY);
            continue;
        }
        beats = beats.wrapping_add(1);
        let store = site.store();
        let queue = site.queue(&store);
        // Read at once and written at once: two hundred running jobs cost one sync a second.
        let wishes = store.inner.catalog.read(|v| v.running_jobs()).unwrap_or_default();
        let mut beaten = Vec::new();
        for live in &live {
            let news = live.news(site.elapsed());
            let wished = wishes.iter().any(|job| job.id == live.job.id && job.wish != Wish::None);
            if news.is_some() || wished || beats.is_multiple_of(SIGN_BEATS) {
                beaten.push((live, news.unwrap_or_else(|| live.last_told())));
            }
        }
        let told: Vec<_> = beaten.iter().map(|(live, advance)| (&live.job, advance.clone())).collect();
        match if told.is_empty() { Ok(Vec::new()) } else { queue.beat_all(&told) } {
            Err(e) => site.note_error(&e),
            Ok(wanted) => {
                let running = site.live();
                for ((live, _), wish) in beaten.iter().zip(wanted) {
                    match wish {
                        Some(Wish::Pause) => live.stop(Halt::Pause),
                        Some(Wish::Cancel) => live.stop(Halt::Cancel),
                        None if running.iter().any(|l| l.job.id == live.job.id) => live.stop(Halt::Lost),
                        _ => {}
                    }
                }
            }
        }
        drop(store);
        let until = site.elapsed() + BEAT_EVERY;
        while site.elapsed() < until && !site.live().is_empty() {
            match site.is_stopping() {
                // Nobody pokes any more: jobs end one after the other.
                true => std::thread::sleep(Duration::from_millis(20)),
                false => site.wait(site.pulse(), until.saturating_sub(site.elapsed())),
            }
        }
    }
}

/// Tells people of problems. How many messages were delivered.
fn tell(site: &Site, telling: &Telling) -> Result<u64> {
    let store = site.store();
    let problems = health::problems(&store, &site.troubles())?;
    let (delivered, failed) = telling::tell(&store, &problems, telling)?;
    site.tally(|t| t.told = (t.told.0 + delivered, t.told.1 + failed));
    Ok(delivered)
}

/// Tells people of problems, and notices when there is space again.
fn watch_health(site: &Arc<Site>) {
    let telling = Telling::default();
    while !site.is_stopping() {
        let store = site.store();
        match tell(site, &telling) {
            Err(e) => site.note_error(&e),
            Ok(_) if site.troubles().full_since.is_some() => {
                // Whether there is space again only a write can tell.
                let now = store.now_is();
                let tried = store.inner.catalog.write(|w| w.set_fact("space looked at", &now.0.to_be_bytes()));
                if tried.is_ok() {
                    site.note_space(false);
                }
            }
            Ok(_) => {}
        }
        drop(store);
        // What changed about the space is told at once.
        let full = site.troubles().full_since;
        let until = site.elapsed() + if full.is_some() { SPACE_EVERY } else { LOOK_EVERY };
        while site.elapsed() < until && site.troubles().full_since == full && !site.is_stopping() {
            site.wait(site.pulse(), until.saturating_sub(site.elapsed()));
        }
    }
}
