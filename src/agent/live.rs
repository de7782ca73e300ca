//! Jobs that run now: what they tell of themselves, and what is wanted of them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::base::monitor::{Monitor, Progress};
use crate::base::time::{Clock, Timestamp};
use crate::model::job::{Advance, Job, Task, Wish};

/// Over how long the rate is measured.
const RATE_OVER: Duration = Duration::from_secs(30);
/// A remote that took and gave nothing for so long is said to hold the work up. On a thin line a full send buffer can take longer to drain; that is
/// waiting too.
const SILENT_AFTER: Duration = Duration::from_secs(60);
/// What is said of it then.
const SILENT: &str = "no answer for more than a minute; it is waited for";
/// Samples kept for the rate: one a second.
const SAMPLES: usize = 32;

/// Why a running job should stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halt {
    /// It should not.
    No,
    /// A person wants it to wait.
    Pause,
    /// A person does not want it any more.
    Cancel,
    /// The window of the line closed.
    Closed,
    /// Another worker has it now.
    Lost,
}

#[derive(Default)]
struct Seen {
    progress: Progress,
    /// Bytes of earlier parts of the job, and of all parts; set where a job has parts.
    parts: Option<(u64, u64)>,
    moved: Option<Timestamp>,
    /// What was noted since it last got further.
    note: String,
    /// A number that grows with each step, and when the keeper saw it last change, on a clock that never steps.
    steps: u64,
    still: Option<(u64, Duration)>,
    samples: VecDeque<(Duration, u64)>,
    told: Advance,
}

/// A job that runs. The monitor of its work.
pub(super) struct Live {
    pub(super) job: Job,
    halt: AtomicU8,
    stopping: Arc<AtomicBool>,
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
}

impl Live {
    pub(super) fn new(job: Job, stopping: Arc<AtomicBool>, clock: Arc<dyn Clock>) -> Self {
        Live { job, halt: AtomicU8::new(0), stopping, clock, seen: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(|e| e.into_inner())
    }

    pub(super) fn stop(&self, why: Halt) {
        self.halt.store(why as u8, Ordering::SeqCst);
    }

    pub(super) fn halt(&self) -> Halt {
        match self.halt.load(Ordering::SeqCst) {
            1 => Halt::Pause,
            2 => Halt::Cancel,
            3 => Halt::Closed,
            4 => Halt::Lost,
            _ => Halt::No,
        }
    }

    /// What a person wished that made it stop.
    pub(super) fn wish(&self) -> Wish {
        match self.halt() {
            Halt::Pause => Wish::Pause,
            Halt::Cancel => Wish::Cancel,
            _ => Wish::None,
        }
    }

    /// From here on `done` bytes of `total` were done by earlier parts.
    pub(super) fn part(&self, done: u64, total: u64) {
        let mut seen = self.lock();
        seen.parts = Some((done, total));
        seen.progress = Progress::default();
    }

    /// Bytes of the present part.
    pub(super) fn part_bytes(&self) -> u64 {
        let seen = self.lock();
        if seen.progress.phase == "uploading" { seen.progress.bytes } else { 0 }
    }

    /// What [`Live::news`] told last.
    pub(super) fn last_told(&self) -> Advance {
        self.lock().told.clone()
    }

    /// How far it is, with the rate; `None` where nothing changed since this was asked last. `elapsed` never steps.
    pub(super) fn news(&self, elapsed: Duration) -> Option<Advance> {
        let mut seen = self.lock();
        let p = &seen.progress;
        let (before, total) = seen.parts.filter(|_| p.phase == "uploading").unwrap_or((0, p.bytes_total));
        let bytes = before + p.bytes;
        let mut now = Advance {
            phase: p.phase.to_owned(),
            items: p.items,
            items_total: p.items_total,
            bytes,
            bytes_total: total.max(if p.bytes_total > 0 { bytes } else { 0 }),
            bytes_per_sec: 0,
            moved: seen.moved,
            held_up: String::new(),
        };
        let (steps, since) = seen.still.unwrap_or((seen.steps, elapsed));
        let since = if steps == seen.steps { since } else { elapsed };
        seen.still = Some((seen.steps, since));
        let silent = waits_for_remote(&self.job.task, &now.phase) && elapsed.saturating_sub(since) >= SILENT_AFTER;
        now.held_up = if silent { SILENT.to_owned() } else { seen.note.clone() };
        if seen.samples.back().is_some_and(|(_, last)| *last > bytes) {
            seen.samples.clear();
        }
        seen.samples.push_back((elapsed, bytes));
        while seen.samples.len() > SAMPLES || seen.samples.front().is_some_and(|(at, _)| elapsed.saturating_sub(*at) > RATE_OVER) {
            seen.samples.pop_front();
        }
        if let Some((at, first)) = seen.samples.front() {
            let secs = elapsed.saturating_sub(*at).as_secs_f64();
            now.bytes_per_sec = if secs > 0.0 { ((bytes - first) as f64 / secs) as u64 } else { 0 };
        }
        if now == seen.told {
            return None;
        }
        seen.told = now.clone();
        Some(now)
    }
}

/// Whether it is the other side that a job waits for in this phase.
fn waits_for_remote(task: &Task, phase: &str) -> bool {
    matches!(task, Task::Ship(_) | Task::Compact(_) | Task::Drill(_)) && matches!(phase, "" | "uploading" | "fetching" | "reading back")
}

impl Monitor for Live {
    fn progress(&self, progress: &Progress) {
        let mut seen = self.lock();
        if seen.progress != *progress {
            seen.moved = Some(self.clock.now());
            seen.steps += 1;
            seen.note.clear();
            seen.progress = progress.clone();
        }
    }

    fn note(&self, message: &str) {
        let mut seen = self.lock();
        seen.steps += 1;
        message.clone_into(&mut seen.note);
    }

    fn stopped(&self) -> bool {
        self.halt() != Halt::No || self.stopping.load(Ordering::SeqCst)
    }
}

/// Stops when the agent does, or when it is told to.
pub(super) struct Leash {
    pub(super) stopping: Arc<AtomicBool>,
    pub(super) cut: Arc<AtomicBool>,
}

impl Monitor for Leash {
    fn progress(&self, _: &Progress) {}

    fn note(&self, _: &str) {}

    fn stopped(&self) -> bool {
        self.stopping.load(Ordering::SeqCst) || self.cut.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::ManualClock;
    use crate::model::job::State;

    fn ship() -> Live {
        let job = Job {
            id: 1,
            task: Task::Ship("a".into()),
            state: State::Running,
            not_before: Timestamp(0),
            created: Timestamp(0),
            started: None,
            ended: None,
            attempts: 0,
            holder: String::new(),
            beat: 0,
            wish: Wish::None,
            said: String::new(),
            code: String::new(),
            advance: Advance::default(),
        };
        Live::new(job, Arc::default(), Arc::new(ManualClock::new(Timestamp(7))))
    }

    #[test]
    fn a_remote_that_says_nothing_is_told_of() {
        let live = ship();
        let secs = Duration::from_secs;
        let held_up = |at: u64| live.news(secs(at)).unwrap_or_else(|| live.last_told()).held_up;
        assert_eq!((held_up(0), held_up(59)), (String::new(), String::new()));
        assert_eq!(held_up(60), SILENT);
        live.progress(&Progress { phase: "uploading", bytes: 1, ..Progress::default() });
        assert_eq!((held_up(61), held_up(120)), (String::new(), String::new()), "it got further");
        live.note("the line dropped; trying again in 1.0 s");
        assert_eq!((held_up(130).as_str(), held_up(190).as_str()), ("the line dropped; trying again in 1.0 s", SILENT));
        live.progress(&Progress { phase: "sealing", items: 1, ..Progress::default() });
        assert_eq!((held_up(191), held_up(900)), (String::new(), String::new()), "work of this machine takes what it takes");
    }

    #[test]
    fn parts_are_summed_and_the_rate_is_that_of_the_last_half_minute() {
        let live = ship();
        let up = |bytes| live.progress(&Progress { phase: "uploading", bytes, bytes_total: 1_000, ..Progress::default() });
        let secs = Duration::from_secs;
        live.part(500, 2_000);
        up(0);
        assert_eq!(live.news(secs(0)).expect("news").bytes, 500);
        for second in 1..=60 {
            up(second * 10);
            let news = live.news(secs(second)).expect("news");
            assert_eq!((news.bytes, news.bytes_total, news.bytes_per_sec), (500 + second * 10, 2_000, 10), "{second}");
        }
        assert_eq!(live.news(secs(90)).map(|n| n.bytes_per_sec), Some(0));
        assert!(live.news(secs(91)).is_none(), "nothing new");
        assert_eq!(live.part_bytes(), 600);
        assert!(!live.stopped());
        live.stop(Halt::Pause);
        assert_eq!((live.stopped(), live.wish()), (true, Wish::Pause));
    }
}
