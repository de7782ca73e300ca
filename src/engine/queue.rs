//! What waits to become part of the log, and how callers that commit at the same time share one transaction and its sync.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};

use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::time::Timestamp;
use crate::model::change::{Cause, Change, Meta};
use crate::model::reference::Reference;
use crate::model::timeline::Position;

use super::content::Ingested;

/// Proof that a batch is durably part of the log. It exists only after the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The position of the log with this batch as its last.
    pub position: Position,
    /// The time it was recorded under.
    pub time: Timestamp,
    /// How many changes it holds.
    pub changes: u64,
    /// Bytes of contents that the tenant did not have before.
    pub bytes_new: u64,
    /// The request was recorded before; nothing was added now.
    pub repeated: bool,
}

/// What a new version consists of.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Bytes taken in by this batch.
    New(Ingested),
    /// A content that the tenant has already.
    Known { id: i64, digest: Digest, size: u64 },
    /// The content with this number within the tenant, as a segment has it: new where the log has not come that far.
    Numbered { number: u64, content: Ingested },
}

impl Source {
    /// Digest and size of the content.
    pub(crate) fn digest(&self) -> (Digest, u64) {
        match self {
            Source::New(new) | Source::Numbered { content: new, .. } => (new.digest, new.size),
            Source::Known { digest, size, .. } => (*digest, *size),
        }
    }
}

/// One change that is not yet part of the log.
#[derive(Debug, Clone)]
pub(crate) enum Draft {
    Put {
        key: Vec<u8>,
        source: Source,
        meta: Meta,
        if_version: Option<u64>,
    },
    Remove {
        key: Vec<u8>,
        if_version: Option<u64>,
    },
    Refer {
        key: Vec<u8>,
        reference: Reference,
        shared: bool,
    },
    Mark {
        name: String,
    },
    /// A hold, its end, or contents that are given up.
    Other(Change),
}

/// What the caller says of a batch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    pub actor: String,
    pub reason: String,
    pub origin: String,
    pub request: String,
    pub cause: Cause,
    /// What a plan was made of, or the commit is refused as stale.
    pub expected: Option<Expected>,
    /// Forgotten in the same transaction.
    pub draft: Option<i64>,
    /// What capture saw, noted in the same transaction.
    pub seen: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// A fact set in the same transaction: how far a capture has come.
    pub fact: Option<(String, Vec<u8>)>,
}

/// How the log must be for a plan still to hold.
#[derive(Debug, Clone)]
pub(crate) enum Expected {
    /// It ends here.
    At(Position),
    /// Nothing came after this that bears on giving up these contents (numbers, ascending): no version that has one of them, and nothing but
    /// versions, removals and references.
    Letting(Position, Arc<[u64]>),
}

/// A batch on its way into the log.
pub(crate) struct Request {
    pub tenant: i64,
    pub head: Head,
    pub drafts: Vec<Draft>,
    pub sync: bool,
}

impl Request {
    /// How much there is to record, in changes.
    fn weight(&self) -> usize {
        let of = |draft: &Draft| match draft {
            Draft::Other(Change::Forget { contents, .. }) => contents.len(),
            _ => 1,
        };
        self.drafts.iter().map(of).sum()
    }
}

/// Batches of one caller that become part of the log in this order and next to each other, or not at all.
pub(crate) type Series = Vec<Request>;

#[derive(Default)]
struct Queue {
    waiting: Vec<(u64, Series)>,
    done: HashMap<u64, Result<Vec<Receipt>>>,
    next: u64,
    leading: bool,
}

/// Changes from which on those of one caller are not recorded together with what others submitted before: it would wait for them.
/// As many as one batch of a forgetting gives up: a millisecond or so.
const HEAVY_CHANGES: usize = 250;

impl Queue {
    /// Takes those that are recorded next, in one transaction: who is light never waits for somebody heavy who came later.
    fn take(&mut self) -> Vec<(u64, Series)> {
        let is_heavy = |series: &Series| series.iter().map(Request::weight).sum::<usize>() >= HEAVY_CHANGES;
        let end = self.waiting.iter().skip(1).position(|(_, series)| is_heavy(series)).map_or(self.waiting.len(), |i| i + 1);
        self.waiting.drain(..end).collect()
    }
}

/// Callers that commit at the same time: the first one in leads, and commits for all that wait.
#[derive(Default)]
pub(crate) struct CommitQueue {
    state: Mutex<Queue>,
    finished: Condvar,
}

/// Whoever leads holds this. However leading ends, the others go on and everyone of the group hears something.
struct Leading<'q> {
    queue: &'q CommitQueue,
    own: u64,
    /// Those of the group that have no result yet.
    group: Vec<u64>,
}

impl Leading<'_> {
    fn end(&mut self, results: Vec<(u64, Result<Vec<Receipt>>)>) {
        let mut state = self.queue.state.lock().unwrap_or_else(|e| e.into_inner());
        state.done.extend(results);
        for ticket in std::mem::take(&mut self.group) {
            state.done.entry(ticket).or_insert_with(|| Err(without_end()));
        }
        state.leading = false;
        self.queue.finished.notify_all();
    }
}

impl Drop for Leading<'_> {
    /// Reached with a group only where the commit panicked: the leader's own result would wait for nobody, and what it submitted is not to be
    /// recorded by others later, where its turn had not come.
    fn drop(&mut self) {
        if !self.group.is_empty() {
            self.group.retain(|ticket| *ticket != self.own);
            self.queue.state.lock().unwrap_or_else(|e| e.into_inner()).waiting.retain(|(ticket, _)| *ticket != self.own);
            self.end(Vec::new());
        }
    }
}

/// What the others of a group hear whose commit panicked in the thread that led.
fn without_end() -> Error {
    Error::new(Kind::Failed, "commit.panicked", "the commit that this batch shared with others ended in a panic")
        .hint("look whether the log has it (annals log) before you record it again; with a request id it is safe to repeat")
}

impl CommitQueue {
    /// Commits `series`, alone or with others that wait; who leads may lead for others first. `commit` records a group in one transaction and
    /// gives a result for each ticket.
    pub(crate) fn submit(&self, series: Series, commit: impl Fn(Vec<(u64, Series)>) -> Vec<(u64, Result<Vec<Receipt>>)>) -> Result<Vec<Receipt>> {
        let mut state = self.state.lock().unwrap_or_else(|e| e.into_inner());
        let ticket = state.next;
        state.next += 1;
        state.waiting.push((ticket, series));
        loop {
            if let Some(result) = state.done.remove(&ticket) {
                return result;
            }
            if state.leading {
                state = self.finished.wait(state).unwrap_or_else(|e| e.into_inner());
                continue;
            }
            state.leading = true;
            let group = state.take();
            drop(state);
            let mut leading = Leading { queue: self, own: ticket, group: group.iter().map(|(ticket, _)| *ticket).collect() };
            let results = commit(group);
            leading.end(results);
            state = self.state.lock().unwrap_or_else(|e| e.into_inner());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::base::id::TimelineId;

    fn request() -> Series {
        vec![Request { tenant: 0, head: Head::default(), drafts: Vec::new(), sync: false }]
    }

    fn receipts(group: Vec<(u64, Series)>) -> Vec<(u64, Result<Vec<Receipt>>)> {
        let position = Position { timeline: TimelineId::from_bytes([0; 16]), seq: 1, digest: Digest::ZERO };
        group
            .into_iter()
            .map(|(ticket, _)| (ticket, Ok(vec![Receipt { position, time: Timestamp(0), changes: 0, bytes_new: 0, repeated: false }])))
            .collect()
    }

    #[test]
    fn what_a_leader_submitted_is_not_recorded_after_it_panicked_while_it_led_for_others() {
        let queue = CommitQueue::default();
        queue.state.lock().expect("state").waiting.push((100, request()));
        let heavy = vec![Request { drafts: vec![Draft::Mark { name: "m".into() }; HEAVY_CHANGES], ..request().remove(0) }];
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            queue.submit(heavy, |group| {
                assert_eq!(group.iter().map(|(ticket, _)| *ticket).collect::<Vec<_>>(), [100], "its own comes later");
                panic!("a bug while committing")
            })
        }));
        assert!(panicked.is_err());
        let state = queue.state.lock().expect("state");
        assert!(state.waiting.is_empty() && !state.leading, "nobody waits any more");
        assert_eq!(state.done.keys().collect::<Vec<_>>(), [&100], "who waited hears of it");
    }

    #[test]
    fn who_is_light_does_not_wait_for_somebody_heavy_who_came_later() {
        let of = |drafts| vec![Request { drafts, ..request().remove(0) }];
        let marks = |changes| of(vec![Draft::Mark { name: "m".into() }; changes]);
        let forgetting = of(vec![Draft::Other(Change::Forget { rule: String::new(), contents: (0..HEAVY_CHANGES as u64).collect() })]);
        let mut queue = Queue::default();
        let came = [marks(1), marks(HEAVY_CHANGES - 1), marks(HEAVY_CHANGES), marks(1), marks(2), forgetting];
        queue.waiting = came.into_iter().zip(0..).map(|(series, ticket)| (ticket, series)).collect();
        let mut tickets = || queue.take().into_iter().map(|(ticket, _)| ticket).collect::<Vec<u64>>();
        assert_eq!(tickets(), [0, 1]);
        assert_eq!(tickets(), [2, 3, 4], "who comes after somebody heavy waits in any case");
        assert_eq!(tickets(), [5]);
        assert!(tickets().is_empty());
    }

    fn wait_for(queue: &CommitQueue, waiting: usize) {
        while queue.state.lock().expect("state").waiting.len() < waiting {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_panic_of_the_leader_is_an_error_for_its_group_and_the_queue_goes_on() {
        let queue = CommitQueue::default();
        let (outcomes, panics) = std::thread::scope(|threads| {
            // The first one leads alone until two more wait. One of these leads for both, and panics.
            let first = threads.spawn(|| {
                queue.submit(request(), |group| {
                    wait_for(&queue, 2);
                    receipts(group)
                })
            });
            while !queue.state.lock().expect("state").leading {
                std::thread::yield_now();
            }
            let panicking = || catch_unwind(AssertUnwindSafe(|| queue.submit(request(), |_| panic!("a bug while committing"))));
            let others = [threads.spawn(panicking), threads.spawn(panicking)];
            first.join().expect("no panic").expect("its commit was well");
            let outcomes = others.map(|other| other.join().expect("caught"));
            let panics = outcomes.iter().filter(|outcome| outcome.is_err()).count();
            (outcomes, panics)
        });
        assert_eq!(panics, 1, "only the leader panics");
        let code = outcomes.into_iter().find_map(|outcome| outcome.ok()?.err()).expect("the other one has an error").code();
        assert_eq!(code, "commit.panicked");
        queue.submit(request(), receipts).expect("later commits do not hang");
        assert!(queue.state.lock().expect("state").done.is_empty(), "no result waits for nobody");
    }
}
