//! The durable queue: who may take which job when, what a failure means, and what people may do with a job.
//!
//! A job belongs to its holder while the holder gives signs of life. Another worker takes it for dead when it saw no sign for [`LEASE`] on its
//! own monotonic clock, so a wall clock that jumps takes nobody's work away. Whoever lost a job cannot end it: each job is done once.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::base::error::{Error, Kind, Result};
use crate::base::random::Random;
use crate::base::time::{Clock, Timestamp};
use crate::engine::store::Store;
use crate::model::job::{Advance, Job, State, Task, Wish};
use crate::storage::catalog::Catalog;
use crate::storage::catalog::jobs::Verdict;
use crate::storage::remote::Policy;

/// How long a holder may give no sign of life.
pub const LEASE: Duration = Duration::from_secs(60);
/// How often a job is tried, and how far apart: ten seconds to fifteen minutes. After the last try it is dead, with its cause.
pub const TRIES: Policy = Policy { attempts: 6, first: Duration::from_secs(10), longest: Duration::from_secs(900) };
/// How long jobs that are over are remembered, in days, and how many of them.
const KEPT: (i64, usize) = (60, 2_000);
/// The code of a database server that does not answer, and how long it is left alone: its log grows until it is read.
const SERVER_AWAY: &str = "source.unreachable";
const SERVER_AWAY_WAIT: Duration = Duration::from_secs(30);
/// Microseconds of a day.
const DAY: i64 = 86_400 * 1_000_000;

/// How a try ended.
#[derive(Debug)]
pub enum End {
    /// It is done; the sentence says what was done.
    Done(String),
    /// It has to wait until then, for this reason. Does not count as a try.
    Wait(Timestamp, String),
    /// It was stopped, because a person wished it or the agent ends.
    Stopped(Wish),
    /// It failed.
    Failed(Error),
    /// It cannot be done as it was asked for, and would not another time either: nothing was changed.
    Refused(Error),
}

/// Whether a failure says nothing about the job: it waits for the outside to get better, however long that takes.
pub fn is_outside(error: &Error) -> bool {
    matches!(error.kind(), Kind::Remote | Kind::Space | Kind::Locked)
        || matches!(error.code(), "source.missing" | "source.empty" | SERVER_AWAY | "capture.empty" | "drill.nothing")
}

/// Whether a capture stands still because its source went back in time. That is for people to decide, and ends when they put it right.
pub(super) fn is_behind(task: &Task, code: &str) -> bool {
    matches!(task, Task::Capture(_)) && code.starts_with("lineage.")
}

/// The queue as one worker sees it.
pub struct Queue<'q> {
    catalog: &'q Catalog,
    clock: &'q dyn Clock,
    random: &'q dyn Random,
    holder: &'q str,
}

impl<'q> Queue<'q> {
    /// The queue in `catalog` for the worker called `holder`; no two workers have the same name.
    pub fn new(catalog: &'q Catalog, clock: &'q dyn Clock, random: &'q dyn Random, holder: &'q str) -> Self {
        Queue { catalog, clock, random, holder }
    }

    /// Adds a job, unless the same waits already. Its number.
    pub fn add(&self, task: &Task, not_before: Timestamp) -> Result<i64> {
        let now = self.clock.now();
        self.catalog.write(|w| w.add_job(task, not_before, now))
    }

    /// Takes the next job of a lane that may be done now; of any lane where the name is empty.
    pub fn claim(&self, lane: &str) -> Result<Option<Job>> {
        let now = self.clock.now();
        // Looked at first without the right to write: an idle worker writes nothing.
        if !lane.is_empty() && self.catalog.read(|v| v.lane_opens(lane))?.is_none_or(|at| at > now) {
            return Ok(None);
        }
        self.catalog.write(|w| w.claim_job(lane, self.holder, now))
    }

    /// Gives a sign of life. What a person wants; `None` where the job was taken away.
    pub fn beat(&self, job: &Job, at: &Advance) -> Result<Option<Wish>> {
        self.catalog.write(|w| w.beat_job(job.id, self.holder, at))
    }

    /// Gives signs of life for several jobs in one transaction, which costs one sync however many run. What a person wants of each, in order.
    pub fn beat_all(&self, all: &[(&Job, Advance)]) -> Result<Vec<Option<Wish>>> {
        self.catalog.write(|w| all.iter().map(|(job, at)| w.beat_job(job.id, self.holder, at)).collect())
    }

    /// Ends a try. `false` where the job was taken away meanwhile; then whoever has it now decides.
    pub fn end(&self, job: &Job, end: &End) -> Result<bool> {
        let verdict = self.verdict(job, end);
        let now = self.clock.now();
        self.catalog.write(|w| {
            let ended = w.end_job(job.id, self.holder, &verdict, now)?;
            if ended.is_some_and(State::is_over) {
                w.prune_jobs(Timestamp(now.0.saturating_sub(KEPT.0 * DAY)), KEPT.1)?;
            }
            Ok(ended.is_some())
        })
    }

    fn verdict(&self, job: &Job, end: &End) -> Verdict {
        let now = self.clock.now();
        let plain = |state, said: String| Verdict { state, not_before: now, counts: false, said, code: String::new() };
        match end {
            End::Done(said) => plain(State::Done, said.clone()),
            End::Wait(until, said) => Verdict { not_before: *until, ..plain(State::Waiting, said.clone()) },
            End::Stopped(Wish::Pause) => plain(State::Paused, "held back".into()),
            End::Stopped(Wish::Cancel) => plain(State::Cancelled, "cancelled".into()),
            End::Stopped(Wish::None) => plain(State::Waiting, "the agent was stopped; it goes on when it starts again".into()),
            End::Refused(e) => Verdict { code: e.code().to_owned(), ..plain(State::Cancelled, told(e)) },
            End::Failed(e) => {
                let outside = is_outside(e) || is_behind(&job.task, e.code());
                // How often in a row it failed decides how long it waits, also where that does not count.
                let failures = if outside { TRIES.attempts } else { job.attempts + 1 };
                let longest = if e.code() == SERVER_AWAY { SERVER_AWAY_WAIT } else { TRIES.longest };
                let wait = i64::try_from(TRIES.delay(failures, self.random).min(longest).as_micros()).unwrap_or(i64::MAX);
                let state = match outside {
                    true => State::Waiting,
                    false if failures >= TRIES.attempts => State::Dead,
                    false => State::Failed,
                };
                let not_before = Timestamp(now.0.saturating_add(wait));
                Verdict { state, not_before, counts: !outside, said: told(e), code: e.code().to_owned() }
            }
        }
    }
}

/// What is wrong, and what helps.
fn told(e: &Error) -> String {
    e.what_next().map_or_else(|| e.to_string(), |hint| format!("{e}; {hint}"))
}

/// What a worker saw of the holders of jobs: when the sign of life of each last changed, on its own clock.
#[derive(Default)]
pub struct Leases(Mutex<HashMap<i64, (i64, Duration)>>);

impl Leases {
    /// Takes jobs away from holders that gave no sign of life for [`LEASE`]. `elapsed` is a clock that never steps. How many.
    pub fn reclaim(&self, queue: &Queue<'_>, elapsed: Duration) -> Result<usize> {
        let running = queue.catalog.read(|v| v.running_jobs())?;
        let mut seen = self.0.lock().unwrap_or_else(|e| e.into_inner());
        seen.retain(|id, _| running.iter().any(|job| job.id == *id));
        let mut taken = 0;
        for job in running.iter().filter(|job| job.holder != queue.holder) {
            let entry = seen.entry(job.id).or_insert((job.beat, elapsed));
            if entry.0 != job.beat {
                *entry = (job.beat, elapsed);
            }
            if elapsed.saturating_sub(entry.1) >= LEASE {
                taken += usize::from(take_away(queue, job)?);
            }
        }
        Ok(taken)
    }
}

/// Takes all jobs away from other holders at once, for a worker that knows that it is alone. How many.
pub fn reclaim_all(queue: &Queue<'_>) -> Result<usize> {
    let running = queue.catalog.read(|v| v.running_jobs())?;
    running.iter().map(|job| Ok(usize::from(take_away(queue, job)?))).sum()
}

fn take_away(queue: &Queue<'_>, job: &Job) -> Result<bool> {
    let now = queue.clock.now();
    queue.catalog.write(|w| w.reclaim_job(job.id, job.beat, "whoever did it ended before it was done; it is done again", now))
}

impl Store {
    /// Jobs: those that are not over, by lane and priority, then the newest `ended` of those that are.
    pub fn jobs(&self, ended: usize) -> Result<Vec<Job>> {
        self.inner.catalog.read(|v| {
            let mut jobs = v.open_jobs()?;
            jobs.extend(v.ended_jobs(ended)?);
            Ok(jobs)
        })
    }

    /// All jobs that are not done: those that go on by themselves, and those that wait for somebody.
    pub fn jobs_left(&self) -> Result<Vec<Job>> {
        self.inner.catalog.read(|v| {
            let mut jobs = v.open_jobs()?;
            jobs.extend(v.dead_jobs()?);
            Ok(jobs)
        })
    }

    /// One job.
    ///
    /// # Errors
    /// [`Kind::Missing`].
    pub fn job(&self, id: i64) -> Result<Job> {
        self.inner.catalog.read(|v| v.job(id))?.ok_or_else(|| no_job(id))
    }

    /// Adds a job, unless the same waits already. Its number. The agent does it when it runs.
    pub fn add_job(&self, task: &Task) -> Result<i64> {
        let now = self.inner.clock().now();
        self.inner.catalog.write(|w| w.add_job(task, now, now))
    }

    /// Holds a job back; a running one stops at its next safe place.
    pub fn pause_job(&self, id: i64) -> Result<Job> {
        self.change_job(id, "pause", |job| !job.state.is_over(), |w, _| w.pause_job(id))
    }

    /// Lets a job that was held back go on.
    pub fn resume_job(&self, id: i64) -> Result<Job> {
        let held = |job: &Job| job.state == State::Paused || job.wish == Wish::Pause;
        self.change_job(id, "resume", held, |w, now| w.resume_job(id, now))
    }

    /// Holds back everything that is not over. How many jobs there were.
    pub fn pause_jobs(&self) -> Result<u64> {
        self.inner.catalog.write(|w| w.pause_jobs())
    }

    /// Lets everything that was held back go on. How many jobs there were.
    pub fn resume_jobs(&self) -> Result<u64> {
        let now = self.inner.clock().now();
        self.inner.catalog.write(|w| w.resume_jobs(now))
    }

    /// Gives a job up; a running one stops at its next safe place.
    pub fn cancel_job(&self, id: i64) -> Result<Job> {
        self.change_job(id, "cancel", |job| !job.state.is_over(), |w, now| w.cancel_job(id, now))
    }

    /// Lets a job that failed, died, was cancelled or waits be tried at once, as if for the first time.
    pub fn retry_job(&self, id: i64) -> Result<Job> {
        let idle = |job: &Job| matches!(job.state, State::Failed | State::Dead | State::Cancelled | State::Waiting);
        self.change_job(id, "retry", idle, |w, now| w.retry_job(id, now))
    }

    fn change_job(
        &self,
        id: i64,
        verb: &str,
        may: impl Fn(&Job) -> bool,
        change: impl Fn(&crate::storage::catalog::Writer<'_>, Timestamp) -> Result<()>,
    ) -> Result<Job> {
        let now = self.inner.clock().now();
        self.inner.catalog.write(|w| {
            let job = w.job(id)?.ok_or_else(|| no_job(id))?;
            if !may(&job) {
                let text = format!("job {id} is {}: there is nothing to {verb}", job.state.word());
                return Err(Error::new(Kind::Refused, "job.state", text).hint("annals jobs ls shows what can be changed"));
            }
            change(w, now)?;
            w.job(id)?.ok_or_else(|| no_job(id))
        })
    }
}

fn no_job(id: i64) -> Error {
    Error::missing("job.missing", format!("there is no job {id}")).hint("annals jobs ls shows them")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SeededRandom;
    use crate::base::time::ManualClock;

    struct World {
        _dir: tempfile::TempDir,
        catalog: Catalog,
        clock: ManualClock,
        random: SeededRandom,
    }

    fn world() -> World {
        let dir = tempfile::tempdir().expect("dir");
        let catalog = Catalog::create(&dir.path().join("catalog.db")).expect("create");
        World { _dir: dir, catalog, clock: ManualClock::new(Timestamp(1_000 * DAY)), random: SeededRandom::new(3) }
    }

    impl World {
        fn queue<'w>(&'w self, holder: &'w str) -> Queue<'w> {
            Queue::new(&self.catalog, &self.clock, &self.random, holder)
        }

        fn job(&self, id: i64) -> Job {
            self.catalog.read(|v| v.job(id)).expect("read").expect("job")
        }
    }

    #[test]
    fn a_poisoned_job_is_dead_after_six_tries_with_its_cause() {
        let world = world();
        let queue = world.queue("a");
        let id = queue.add(&Task::Seal, world.clock.now()).expect("add");
        assert_eq!(queue.add(&Task::Seal, world.clock.now()).expect("add"), id, "the same waits already");
        for attempt in 1..=6 {
            let job = queue.claim("local").expect("claim").expect("a job");
            assert!(queue.claim("local").expect("claim").is_none(), "nobody else gets it");
            let poison = Error::new(Kind::Failed, "test.poison", "it cannot be done");
            assert!(queue.end(&job, &End::Failed(poison)).expect("end"));
            let after = world.job(id);
            assert_eq!((after.attempts, after.said.as_str()), (attempt, "it cannot be done"));
            assert_eq!(after.state, if attempt < 6 { State::Failed } else { State::Dead });
            assert!(queue.claim("local").expect("claim").is_none(), "not before its time");
            world.clock.set(after.not_before);
        }
        assert!(queue.claim("local").expect("claim").is_none());
    }

    #[test]
    fn what_is_away_is_waited_for_without_end() {
        let world = world();
        let queue = world.queue("a");
        let id = queue.add(&Task::Ship("usb".into()), world.clock.now()).expect("add");
        for _ in 0..20 {
            let job = queue.claim("remote usb").expect("claim").expect("a job");
            queue.end(&job, &End::Failed(Error::new(Kind::Remote, "remote.absent", "away"))).expect("end");
            let after = world.job(id);
            assert_eq!((after.state, after.attempts), (State::Waiting, 0));
            let wait = after.not_before.0 - world.clock.now().0;
            assert!((1..=900_000_000).contains(&wait), "{wait}");
            world.clock.set(after.not_before);
        }
    }

    #[test]
    fn a_holder_that_is_silent_loses_its_job_whatever_the_wall_clock_does() {
        let world = world();
        let (one, two) = (world.queue("one"), world.queue("two"));
        let id = one.add(&Task::Gc, world.clock.now()).expect("add");
        let job = one.claim("").expect("claim").expect("a job");
        let leases = Leases::default();
        let secs = Duration::from_secs;
        assert_eq!(leases.reclaim(&two, secs(0)).expect("reclaim"), 0);
        world.clock.advance(365 * DAY);
        assert_eq!(leases.reclaim(&two, secs(59)).expect("reclaim"), 0, "a jump of the clock is no silence");
        assert_eq!(one.beat(&job, &Advance::default()).expect("beat"), Some(Wish::None));
        assert_eq!(leases.reclaim(&two, secs(61)).expect("reclaim"), 0, "it lives");
        assert_eq!(leases.reclaim(&two, secs(121)).expect("reclaim"), 1);
        let again = two.claim("").expect("claim").expect("a job");
        assert_eq!(again.id, id);
        assert!(!one.end(&job, &End::Done("late".into())).expect("end"), "who lost it cannot end it");
        assert_eq!(one.beat(&job, &Advance::default()).expect("beat"), None);
        assert_eq!(one.beat_all(&[(&job, Advance::default()), (&again, Advance::default())]).expect("beat"), [None, None]);
        assert_eq!(two.beat_all(&[(&again, Advance::default())]).expect("beat"), [Some(Wish::None)]);
        assert!(two.end(&again, &End::Done("done".into())).expect("end"));
        assert_eq!(world.job(id).said, "done");
    }

    #[test]
    fn people_hold_back_cancel_and_try_again() {
        let dir = tempfile::tempdir().expect("dir");
        let store = Store::init(dir.path().join("store"), "test").expect("init");
        let id = store.add_job(&Task::Verify).expect("add");
        assert_eq!(store.pause_job(id).expect("pause").state, State::Paused);
        assert_eq!(store.resume_job(id).expect("resume").state, State::Waiting);
        assert_eq!(store.pause_jobs().expect("pause all"), 1);
        assert_eq!((store.job(id).expect("job").state, store.pause_jobs().expect("again")), (State::Paused, 0));
        assert_eq!(store.resume_jobs().expect("resume all"), 1);
        assert_eq!(store.job(id).expect("job").state, State::Waiting);
        assert_eq!(store.resume_job(id).expect_err("not held back").code(), "job.state");
        assert_eq!(store.cancel_job(id).expect("cancel").state, State::Cancelled);
        assert_eq!(store.cancel_job(id).expect_err("over").kind(), Kind::Refused);
        assert_eq!(store.retry_job(id).expect("retry").state, State::Waiting);
        assert_eq!(store.pause_job(99).expect_err("none").kind(), Kind::Missing);
        let queue = Queue::new(&store.inner.catalog, store.inner.clock(), store.inner.random(), "a");
        let job = queue.claim("local").expect("claim").expect("a job");
        assert_eq!(store.pause_job(id).expect("pause").wish, Wish::Pause);
        assert_eq!(queue.beat(&job, &Advance::default()).expect("beat"), Some(Wish::Pause));
        queue.end(&job, &End::Stopped(Wish::Pause)).expect("end");
        assert_eq!(store.job(id).expect("job").state, State::Paused);
    }

    #[test]
    fn what_a_person_wished_of_a_running_job_holds_when_its_try_fails() {
        let world = world();
        let queue = world.queue("a");
        let try_with = |wish: Wish, end: End| {
            let id = queue.add(&Task::Ship("usb".into()), world.clock.now()).expect("add");
            let job = queue.claim("remote usb").expect("claim").expect("a job");
            let now = world.clock.now();
            world.catalog.write(|w| if wish == Wish::Pause { w.pause_job(id) } else { w.cancel_job(id, now) }).expect("wish");
            assert!(queue.end(&job, &end).expect("end"));
            let after = world.job(id);
            world.catalog.write(|w| w.cancel_job(id, now)).expect("cleared");
            assert_eq!((after.wish, after.ended.is_some()), (Wish::None, after.state.is_over()));
            after.state
        };
        let away = || End::Failed(Error::new(Kind::Remote, "remote.absent", "away"));
        let poison = || End::Failed(Error::usage("test.poison", "it cannot be done"));
        let later = || End::Wait(world.clock.now(), "the window is closed".into());
        for end in [away, poison] {
            assert_eq!(try_with(Wish::Pause, end()), State::Paused);
            assert_eq!(try_with(Wish::Cancel, end()), State::Cancelled);
        }
        assert_eq!((try_with(Wish::Pause, later()), try_with(Wish::Cancel, later())), (State::Paused, State::Cancelled));
        // What was done is done.
        assert_eq!(try_with(Wish::Pause, End::Done(String::new())), State::Done);
        assert_eq!(try_with(Wish::Cancel, End::Done(String::new())), State::Done);
        // And when its holder is gone, in its own words.
        let id = queue.add(&Task::Seal, world.clock.now()).expect("add");
        queue.claim("local").expect("claim").expect("a job");
        world.catalog.write(|w| w.pause_job(id)).expect("wish");
        assert_eq!(reclaim_all(&world.queue("b")).expect("reclaim"), 1);
        assert_eq!((world.job(id).state, world.job(id).said.as_str()), (State::Paused, "held back"));
        let now = world.clock.now();
        world.catalog.write(|w| w.resume_job(id, now)).expect("resume");
        assert_eq!((world.job(id).state, world.job(id).said.as_str()), (State::Waiting, ""));
    }

    #[test]
    fn what_was_asked_for_while_it_ran_is_not_done_twice_when_it_failed() {
        let world = world();
        let queue = world.queue("a");
        let capture = Task::Capture("shop".into());
        let first = queue.add(&capture, world.clock.now()).expect("add");
        let other = queue.add(&Task::Capture("else".into()), world.clock.now()).expect("add");
        let running = queue.claim(&capture.lane()).expect("claim").expect("a job");
        let second = queue.add(&capture, world.clock.now()).expect("add");
        assert_ne!(first, second, "what runs may have looked before");
        queue.end(&running, &End::Failed(Error::usage("test.poison", "no"))).expect("end");
        let mut open: Vec<_> = world.catalog.read(|v| v.open_jobs()).expect("jobs").iter().map(|job| (job.id, job.attempts)).collect();
        open.sort_unstable();
        assert_eq!(open, [(first, 1), (other, 0)]);
        // Who asked for it hears what became of it.
        assert_eq!((world.job(second).state, world.job(second).said), (State::Cancelled, format!("job {first} does the same")));
        // The same where its holder is gone.
        world.clock.set(world.job(first).not_before);
        queue.claim(&capture.lane()).expect("claim").expect("a job");
        queue.add(&capture, world.clock.now()).expect("add");
        assert_eq!(reclaim_all(&world.queue("b")).expect("reclaim"), 1);
        assert_eq!(world.catalog.read(|v| v.open_jobs()).expect("jobs").len(), 2);
        // What was done does not do what was asked for since.
        let running = queue.claim(&capture.lane()).expect("claim").expect("a job");
        let third = queue.add(&capture, world.clock.now()).expect("add");
        queue.end(&running, &End::Done(String::new())).expect("end");
        assert_eq!(world.job(third).state, State::Waiting);
    }

    #[test]
    fn a_dead_job_is_forgotten_when_the_same_was_done_since() {
        let world = world();
        let queue = world.queue("a");
        for (minutes, end) in [(0, State::Dead), (1, State::Done)] {
            world.clock.advance(minutes * 60_000_000);
            let id = queue.add(&Task::Seal, world.clock.now()).expect("add");
            let job = Job { attempts: 5, ..queue.claim("").expect("claim").expect("a job") };
            let done = if end == State::Dead { End::Failed(Error::usage("x", "bad")) } else { End::Done(String::new()) };
            queue.end(&job, &done).expect("end");
            assert_eq!(world.job(id).state, end);
        }
        assert!(world.catalog.read(|v| v.dead_jobs()).expect("read").is_empty());
    }
}
