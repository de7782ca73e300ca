//! What was proven when: the last verification of what lies here, the last rehearsal with each remote; `engine/proof` keeps what was before.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Kind, Result};
use crate::base::time::Timestamp;
use crate::engine::drill::DrillReport;
use crate::engine::proof::ProofKind;
use crate::engine::store::Store;
use crate::engine::verify::VerifyReport;

/// Fact: what the last verification showed.
const VERIFIED: &str = "verified";

/// Fact: what the last drill of a remote showed.
fn drill_fact(remote: &str) -> String {
    format!("drill {remote}")
}

/// What the last drill of a remote showed, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrillNote {
    /// When, in microseconds since 1970.
    pub at: i64,
    /// Whether all was well.
    pub well: bool,
    /// Whether it was a sample.
    pub sample: bool,
    /// Seconds to restore.
    pub rto_secs: f64,
    /// Seconds of changes that would have been lost.
    pub rpo_secs: u64,
    /// What was wrong.
    pub problems: Vec<String>,
}

/// Remembers what a drill showed.
pub fn note_drill(store: &Store, report: &DrillReport) -> Result<()> {
    store.note_drill(report)?;
    let note = DrillNote {
        at: store.now_is().0,
        well: report.problems.is_empty(),
        sample: report.sample,
        rto_secs: report.rto_secs,
        rpo_secs: report.rpo_secs,
        problems: report.problems.clone(),
    };
    write(store, &drill_fact(&report.remote), &note)
}

/// What the last drill of a remote showed.
pub fn last_drill(store: &Store, remote: &str) -> Result<Option<DrillNote>> {
    read(store, &drill_fact(remote), "the note of a drill")
}

/// How deep a verification looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// The next part of the contents, as the agent does it day by day.
    Patrol,
    /// Every record, and that every chunk is there.
    Quick,
    /// Every byte.
    Full,
}

impl Depth {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Depth::Patrol => "patrol",
            Depth::Quick => "quick",
            Depth::Full => "full",
        }
    }
}

/// What the last verification of the local store showed, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyNote {
    /// When, in microseconds since 1970.
    pub at: i64,
    /// How deep it looked.
    pub depth: Depth,
    /// Contents looked at.
    pub contents: u64,
    /// Bytes read.
    pub bytes: u64,
    /// How many things were wrong.
    pub problems: u64,
    /// The first of them.
    pub first: Option<String>,
}

/// Remembers what a verification showed.
pub fn note_verify(store: &Store, depth: Depth, report: &VerifyReport) -> Result<()> {
    let kind = if depth == Depth::Patrol { ProofKind::Patrol } else { ProofKind::Verify };
    store.note_verification(kind, "", depth == Depth::Full, report)?;
    let note = VerifyNote {
        at: store.now_is().0,
        depth,
        contents: report.contents,
        bytes: report.bytes,
        problems: report.problems.len() as u64,
        first: report.problems.first().map(|p| p.what.clone()),
    };
    write(store, VERIFIED, &note)
}

/// What the last verification showed.
pub fn last_verify(store: &Store) -> Result<Option<VerifyNote>> {
    read(store, VERIFIED, "the note of a verification")
}

/// Seconds since a note was written; a clock that was put back makes none.
pub fn age_secs(at: i64, now: Timestamp) -> u64 {
    u64::try_from(now.secs() - Timestamp(at).secs()).unwrap_or(0)
}

fn write(store: &Store, fact: &str, note: &impl Serialize) -> Result<()> {
    let text = serde_json::to_vec(note).map_err(|e| Error::new(Kind::Failed, "proof.note", e.to_string()))?;
    store.inner.catalog.write(|w| w.set_fact(fact, &text))
}

fn read<T: for<'de> Deserialize<'de>>(store: &Store, fact: &str, what: &str) -> Result<Option<T>> {
    let text = store.inner.catalog.read(|v| v.fact(fact))?;
    text.map(|t| serde_json::from_slice(&t).map_err(|_| Error::damaged(what))).transpose()
}
