//! Trying again: only what may succeed the next time, a bounded number of times, further and further apart.
//!
//! Waits are "equal jitter": half of an exponentially growing span, plus a random share of the other half, so that sites whose line came back
//! at the same moment do not knock at the same moment (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::contract::{self, Check, Object, Outcome, Remote, Upload};
use crate::base::digest::Digest;
use crate::base::error::{Error, Result};
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::base::random::Random;

/// Lets time pass. Comes in from outside, so that tests wait for nothing.
pub trait Sleeper: Send + Sync {
    /// Time since some moment in the past; never steps back.
    fn elapsed(&self) -> Duration;

    /// Returns when `time` has passed.
    fn sleep(&self, time: Duration);
}

/// Really waits.
#[derive(Debug, Clone, Copy)]
pub struct SystemSleeper(Instant);

impl Default for SystemSleeper {
    fn default() -> Self {
        SystemSleeper(Instant::now())
    }
}

impl Sleeper for SystemSleeper {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// Sleeps in pieces short enough for a person who wants to stop.
pub fn pause(sleeper: &dyn Sleeper, time: Duration, monitor: &dyn Monitor) -> Result<()> {
    const PIECE: Duration = Duration::from_millis(100);
    let mut left = time;
    while !left.is_zero() {
        check_stop(monitor)?;
        let piece = left.min(PIECE);
        sleeper.sleep(piece);
        left -= piece;
    }
    check_stop(monitor)
}

/// How often and how far apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// The span of the first wait.
    pub first: Duration,
    /// The longest span.
    pub longest: Duration,
}

impl Default for Policy {
    /// Five attempts over about fifteen seconds: enough for a hiccup. A line that is away for longer is the agent's business, not ours.
    fn default() -> Self {
        Policy { attempts: 5, first: Duration::from_secs(1), longest: Duration::from_secs(30) }
    }
}

impl Policy {
    /// One attempt only.
    pub const ONCE: Policy = Policy { attempts: 1, first: Duration::ZERO, longest: Duration::ZERO };

    /// The wait after `failures` failures in a row (1 or more).
    pub fn delay(&self, failures: u32, random: &dyn Random) -> Duration {
        let factor = 1u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let span = self.first.saturating_mul(factor).min(self.longest);
        let mut bytes = [0; 4];
        random.fill(&mut bytes);
        let share = f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX);
        span / 2 + (span / 2).mul_f64(share)
    }
}

/// Whether the same call may succeed if it is made again. Refusals, missing objects and full remotes stay what they are.
pub fn worth_retrying(error: &Error) -> bool {
    passes(error.code())
}

/// Whether what this code stands for passes by itself.
pub fn passes(code: &str) -> bool {
    matches!(
        code,
        "remote.unreachable"
            | "remote.name_lookup"
            | "remote.timeout"
            | "remote.busy"
            | "remote.cut"
            | "remote.failed"
            | "remote.rclone_died"
            | contract::UNSENT
    )
}

/// A verb that waited for longer than this in vain is not tried again here: that is no hiccup, and whoever asked should hear of it.
const HICCUP: Duration = Duration::from_secs(60);

/// A remote whose verbs are tried again as its [`Policy`] says.
pub struct Retrying<R> {
    inner: R,
    policy: Policy,
    random: Arc<dyn Random>,
    sleeper: Arc<dyn Sleeper>,
    retries: AtomicU64,
}

impl<R: Remote> Retrying<R> {
    /// Wraps `inner`.
    pub fn new(inner: R, policy: Policy, random: Arc<dyn Random>, sleeper: Arc<dyn Sleeper>) -> Self {
        Retrying { inner, policy, random, sleeper, retries: AtomicU64::new(0) }
    }

    fn again<T>(&self, monitor: &dyn Monitor, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
        let mut failures = 0;
        loop {
            let began = self.sleeper.elapsed();
            let error = match attempt() {
                Err(e) if worth_retrying(&e) => e,
                done => return done,
            };
            failures += 1;
            if failures >= self.policy.attempts || self.is_silence(&error, began) {
                return Err(error);
            }
            self.wait(failures, &error, monitor)?;
        }
    }

    /// Whether an attempt that began at `began` failed because the other side says nothing at all.
    fn is_silence(&self, error: &Error, began: Duration) -> bool {
        error.code() == "remote.timeout" && self.sleeper.elapsed().saturating_sub(began) > HICCUP
    }

    fn wait(&self, failures: u32, error: &Error, monitor: &dyn Monitor) -> Result<()> {
        self.retries.fetch_add(1, Ordering::Relaxed);
        let delay = self.policy.delay(failures, &*self.random);
        monitor.note(&format!("{error}; trying again in {:.1} s", delay.as_secs_f64()));
        pause(&*self.sleeper, delay, monitor)
    }
}

impl<R: Remote> Remote for Retrying<R> {
    fn list(&self, prefix: &str, monitor: &dyn Monitor) -> Result<Vec<Object>> {
        self.again(monitor, || self.inner.list(prefix, monitor))
    }

    fn read(&self, name: &str, offset: u64, len: u64, monitor: &dyn Monitor) -> Result<Vec<u8>> {
        self.again(monitor, || self.inner.read(name, offset, len, monitor))
    }

    fn fetch(&self, name: &str, into: &Path, size: u64, monitor: &dyn Monitor) -> Result<()> {
        self.again(monitor, || self.inner.fetch(name, into, size, monitor))
    }

    /// Only the objects that failed are tried again, and are looked for first unless nothing of them was sent. Attempts are counted from the last
    /// object that arrived: a line that drops again and again still carries everything in the end.
    fn store(&self, objects: &[Upload], monitor: &dyn Monitor) -> Result<Vec<Outcome>> {
        let mut began = self.sleeper.elapsed();
        let mut outcomes = self.again(monitor, || self.inner.store(objects, monitor))?;
        let mut arrived = outcomes.iter().any(Result::is_ok);
        let mut failures = 0;
        loop {
            failures += 1;
            if failures >= self.policy.attempts {
                break;
            }
            let failed: Vec<usize> = (0..outcomes.len()).filter(|&i| outcomes[i].as_ref().is_err_and(worth_retrying)).collect();
            let Some(Err(error)) = failed.first().map(|&i| &outcomes[i]) else { break };
            if (!arrived && self.is_silence(error, began)) || self.wait(failures, error, monitor).is_err() {
                break;
            }
            let unsent = |i: usize| outcomes[i].as_ref().is_err_and(|e| e.code() == contract::UNSENT);
            let rest: Vec<Upload> = failed.iter().map(|&i| if unsent(i) { objects[i].clone() } else { objects[i].clone().again() }).collect();
            let shifted = Shifted::new(objects, &rest, monitor);
            began = self.sleeper.elapsed();
            match self.inner.store(&rest, &shifted) {
                Ok(retried) => {
                    arrived = retried.iter().any(Result::is_ok);
                    if arrived {
                        failures = 0;
                    }
                    failed.into_iter().zip(retried).for_each(|(i, outcome)| outcomes[i] = outcome);
                }
                Err(e) if worth_retrying(&e) => outcomes[failed[0]] = Err(e),
                // What was stored before stays told; the rest keeps the reasons it has, and the first of it gets this one.
                Err(e) => {
                    outcomes[failed[0]] = Err(e);
                    break;
                }
            }
        }
        Ok(outcomes)
    }

    fn verify(&self, name: &str, size: u64, digest: Option<Digest>, monitor: &dyn Monitor) -> Result<Check> {
        self.again(monitor, || self.inner.verify(name, size, digest, monitor))
    }

    fn remove(&self, names: &[String], monitor: &dyn Monitor) -> Result<()> {
        self.again(monitor, || self.inner.remove(names, monitor))
    }

    fn limit(&self, bytes_per_sec: Option<u64>) -> Result<()> {
        self.inner.limit(bytes_per_sec)
    }

    fn requests(&self) -> u64 {
        self.inner.requests()
    }

    fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    fn is_far(&self) -> bool {
        self.inner.is_far()
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

/// Shows the progress of the rest as progress of the whole.
struct Shifted<'a> {
    items: u64,
    bytes: u64,
    items_total: u64,
    bytes_total: u64,
    monitor: &'a dyn Monitor,
}

impl<'a> Shifted<'a> {
    fn new(all: &[Upload], rest: &[Upload], monitor: &'a dyn Monitor) -> Self {
        let bytes = |uploads: &[Upload]| uploads.iter().map(|u| u.size).sum::<u64>();
        let (items_total, bytes_total) = (all.len() as u64, bytes(all));
        Shifted { items: items_total - rest.len() as u64, bytes: bytes_total - bytes(rest), items_total, bytes_total, monitor }
    }
}

impl Monitor for Shifted<'_> {
    fn progress(&self, p: &Progress) {
        let (items, bytes) = (self.items + p.items, self.bytes + p.bytes);
        self.monitor.progress(&Progress { phase: p.phase, items, items_total: self.items_total, bytes, bytes_total: self.bytes_total });
    }

    fn note(&self, message: &str) {
        self.monitor.note(message);
    }

    fn stopped(&self) -> bool {
        self.monitor.stopped()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::base::error::Kind;
    use crate::base::monitor::Silent;
    use crate::base::random::SeededRandom;
    use crate::storage::remote::contract::Stored;
    use crate::storage::remote::recording::{Fault, Memory, Recording, Verb};
    use std::sync::Mutex;

    /// Counts the time that would have passed.
    #[derive(Default)]
    pub struct Skipping(Mutex<Duration>);

    impl Sleeper for Skipping {
        fn elapsed(&self) -> Duration {
            *self.0.lock().expect("time")
        }

        fn sleep(&self, time: Duration) {
            *self.0.lock().expect("time") += time;
        }
    }

    type Setup = (Arc<Recording<Arc<Memory>>>, Arc<Skipping>, Retrying<Arc<Recording<Arc<Memory>>>>);

    fn setup() -> Setup {
        let inner = Arc::new(Recording::new(Arc::new(Memory::new())));
        let sleeper = Arc::new(Skipping::default());
        let retrying = Retrying::new(inner.clone(), Policy::default(), Arc::new(SeededRandom::new(7)), sleeper.clone());
        (inner, sleeper, retrying)
    }

    #[test]
    fn waits_grow_up_to_a_limit_and_differ() {
        let policy = Policy { attempts: 9, first: Duration::from_secs(2), longest: Duration::from_secs(10) };
        let random = SeededRandom::new(1);
        for (failures, span) in [(1, 2), (2, 4), (3, 8), (4, 10), (40, 10), (u32::MAX, 10)] {
            let span = Duration::from_secs(span);
            let delay = policy.delay(failures, &random);
            assert!(delay >= span / 2 && delay <= span, "{failures}: {delay:?}");
        }
        assert_ne!(policy.delay(1, &random), policy.delay(1, &random));
        assert_eq!(Policy::ONCE.delay(1, &random), Duration::ZERO);
    }

    #[test]
    fn a_dropped_line_is_tried_again_and_a_refusal_is_not() {
        let (inner, sleeper, remote) = setup();
        inner.inner().put("a", b"0123");
        inner.inject(Verb::Read, 0, 4, Fault::Drop);
        assert_eq!(remote.read("a", 1, 2, &Silent).expect("fifth attempt"), b"12");
        assert_eq!(inner.calls().len(), 5);
        assert!(sleeper.elapsed() >= Duration::from_secs(7) && sleeper.elapsed() <= Duration::from_secs(15));
        inner.inject(Verb::Read, 0, 5, Fault::Drop);
        assert_eq!(remote.read("a", 1, 2, &Silent).expect_err("five failures").kind(), Kind::Remote);
        assert_eq!(inner.calls().len(), 10);
        assert_eq!(remote.read("b", 0, 1, &Silent).expect_err("missing").code(), "remote.object_missing");
        assert_eq!(inner.calls().len(), 11);
    }

    #[test]
    fn a_remote_that_says_nothing_is_not_waited_for_again_and_again() {
        /// Lets so many seconds pass within each verb, and then fails as one that said nothing.
        struct Mute(Arc<Skipping>, u64, AtomicU64);
        impl Mute {
            fn fail<T>(&self) -> Result<T> {
                self.2.fetch_add(1, Ordering::Relaxed);
                self.0.sleep(Duration::from_secs(self.1));
                Err(Error::new(Kind::Remote, "remote.timeout", "took nothing in time"))
            }
        }
        impl Remote for Mute {
            fn list(&self, _: &str, _: &dyn Monitor) -> Result<Vec<Object>> {
                self.fail()
            }
            fn read(&self, _: &str, _: u64, _: u64, _: &dyn Monitor) -> Result<Vec<u8>> {
                self.fail()
            }
            fn fetch(&self, _: &str, _: &Path, _: u64, _: &dyn Monitor) -> Result<()> {
                self.fail()
            }
            fn store(&self, objects: &[Upload], _: &dyn Monitor) -> Result<Vec<Outcome>> {
                Ok(objects.iter().map(|_| self.fail()).collect())
            }
            fn verify(&self, _: &str, _: u64, _: Option<Digest>, _: &dyn Monitor) -> Result<Check> {
                self.fail()
            }
            fn remove(&self, _: &[String], _: &dyn Monitor) -> Result<()> {
                self.fail()
            }
            fn limit(&self, _: Option<u64>) -> Result<()> {
                Ok(())
            }
            fn requests(&self) -> u64 {
                self.2.load(Ordering::Relaxed)
            }
            fn describe(&self) -> String {
                "mute".into()
            }
        }
        for (secs, attempts) in [(20, 5), (300, 1)] {
            let sleeper = Arc::new(Skipping::default());
            let mute = Mute(sleeper.clone(), secs, AtomicU64::new(0));
            let remote = Retrying::new(mute, Policy::default(), Arc::new(SeededRandom::new(7)), sleeper);
            assert_eq!(remote.read("a", 0, 1, &Silent).expect_err("nothing").code(), "remote.timeout");
            assert_eq!(remote.requests(), attempts, "{secs}");
            let outcomes = remote.store(&[Upload::new("a", "/nowhere", 1)], &Silent).expect("outcomes");
            assert!(outcomes[0].is_err());
            assert_eq!(remote.requests(), 2 * attempts, "{secs}");
        }
    }

    #[test]
    fn only_what_failed_is_stored_again_and_a_cut_object_is_repaired() {
        let (inner, _, remote) = setup();
        let dir = tempfile::tempdir().expect("dir");
        let uploads: Vec<Upload> = ["a", "b", "c"]
            .map(|name| {
                let path = dir.path().join(name);
                std::fs::write(&path, format!("bytes of {name}")).expect("write");
                Upload::new(name, path, 10)
            })
            .into();
        inner.inject(Verb::Store, 1, 1, Fault::Truncate(4));
        let outcomes: Vec<_> = remote.store(&uploads, &Silent).expect("store").into_iter().map(|o| o.expect("stored")).collect();
        assert_eq!(outcomes, [Stored::Written, Stored::Repaired, Stored::Written]);
        assert_eq!(inner.inner().bytes("b").expect("b"), b"bytes of b");
        assert_eq!(inner.count(Verb::Store), 4);
    }

    #[test]
    fn a_line_that_drops_again_and_again_carries_everything() {
        let (inner, _, remote) = setup();
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("f");
        std::fs::write(&path, b"bytes").expect("write");
        let uploads: Vec<Upload> = (0..9).map(|i| Upload::new(format!("o{i}"), &path, 5)).collect();
        // Of each attempt the first arrives and the others do not: 9, 8, 7 ... objects are tried.
        let mut before = 0;
        for left in (2..=9).rev() {
            inner.inject(Verb::Store, before + 1, left - 1, Fault::Drop);
            before += left;
        }
        let outcomes = remote.store(&uploads, &Silent).expect("store");
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        assert_eq!(inner.count(Verb::Store), 45);
    }

    #[test]
    fn a_monitor_ends_the_waiting() {
        struct Impatient;
        impl Monitor for Impatient {
            fn progress(&self, _: &Progress) {}
            fn note(&self, _: &str) {}
            fn stopped(&self) -> bool {
                true
            }
        }
        let (inner, sleeper, remote) = setup();
        inner.inject(Verb::Fetch, 0, 1, Fault::Stall);
        let error = remote.fetch("a", Path::new("/nowhere/to/write"), 1, &Impatient).expect_err("stopped");
        assert_eq!((error.kind(), sleeper.elapsed()), (Kind::Interrupted, Duration::ZERO));
    }
}
