//! What an agent did since it started, in numbers that only grow. Kept in memory: whoever draws curves knows that a restart begins anew.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::time::Timestamp;

/// Tries of jobs of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tries {
    /// By how they ended: done, waits for the outside or its time, stopped by a person or the end of the agent, failed.
    pub ended: [u64; 4],
    /// Tries of a job that had been tried before.
    pub again: u64,
    /// Seconds that all of them took.
    pub secs: f64,
}

/// What went over the line to one remote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carried {
    /// Objects that arrived.
    pub objects: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// Requests.
    pub requests: u64,
    /// Requests that failed and were made again.
    pub retries: u64,
}

/// Captures of one source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Captures {
    /// How often its state was recorded, or looked at and found to be recorded.
    pub looks: u64,
    /// When that was last.
    pub last: Option<Timestamp>,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// When the agent started.
    pub started: Timestamp,
    /// Tries of jobs, by the word for their kind.
    pub tries: BTreeMap<&'static str, Tries>,
    /// What was carried, by the name of the remote.
    pub carried: BTreeMap<String, Carried>,
    /// Captures, by the name of the source.
    pub captures: BTreeMap<String, Captures>,
    /// Messages about problems that were delivered, and attempts to deliver one that failed.
    pub told: (u64, u64),
}

impl Tries {
    /// The words for [`Tries::ended`].
    pub const WORDS: [&'static str; 4] = ["done", "waits", "stopped", "failed"];
}

impl Tally {
    pub(super) fn tried(&mut self, kind: &'static str, ended: usize, again: bool, took: Duration) {
        let tries = self.tries.entry(kind).or_default();
        tries.ended[ended] += 1;
        tries.again += u64::from(again);
        tries.secs += took.as_secs_f64();
    }

    pub(super) fn carry(&mut self, remote: &str, more: Carried) {
        let carried = self.carried.entry(remote.to_owned()).or_default();
        carried.objects += more.objects;
        carried.bytes += more.bytes;
        carried.requests += more.requests;
        carried.retries += more.retries;
    }

    pub(super) fn captured(&mut self, source: &str, at: Timestamp) {
        let captures = self.captures.entry(source.to_owned()).or_default();
        captures.looks += 1;
        captures.last = Some(at);
    }
}
