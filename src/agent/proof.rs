//! What was proven when: the last verification of what lies here, the last rehearsal with each remote.

use serde::Deserialize;

use crate::base::error::{Error, Result};
use crate::base::time::Timestamp;
use crate::engine::drill::DrillReport;
use crate::engine::proof::{Proof, ProofKind};
use crate::engine::store::Store;
use crate::engine::verify::VerifyReport;

/// Fact of programs that kept no list of proofs: what the last verification showed.
const VERIFIED: &str = "verified";

/// Fact of programs that kept no list of proofs: what the last drill of a remote showed.
fn drill_fact(remote: &str) -> String {
    format!("drill {remote}")
}

/// What the last drill of a remote showed, and when.
#[derive(Debug, Clone, PartialEq, Deserialize)]
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
    store.note_drill(report)
}

/// What the last drill of a remote showed.
pub fn last_drill(store: &Store, remote: &str) -> Result<Option<DrillNote>> {
    let Some(proof) = store.last_proof(ProofKind::Drill, remote)? else { return read(store, &drill_fact(remote), "the note of a drill") };
    Ok(Some(DrillNote {
        at: proof.at.0,
        well: proof.well,
        sample: !proof.deep,
        rto_secs: proof.rto_secs.unwrap_or_default(),
        rpo_secs: proof.rpo_secs.unwrap_or_default(),
        problems: store.proof_problems(&proof)?,
    }))
}

/// How deep a verification looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
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
    store.note_verification(kind, "", depth == Depth::Full, report)
}

/// What the last verification showed.
pub fn last_verify(store: &Store) -> Result<Option<VerifyNote>> {
    let newest = |a: Option<Proof>, b: Option<Proof>| if a.as_ref().map(|p| p.id) > b.as_ref().map(|p| p.id) { a } else { b };
    let Some(proof) = newest(store.last_proof(ProofKind::Verify, "")?, store.last_proof(ProofKind::Patrol, "")?) else {
        return read(store, VERIFIED, "the note of a verification");
    };
    let problems = store.proof_problems(&proof)?;
    let depth = match (proof.kind, proof.deep) {
        (ProofKind::Patrol, _) => Depth::Patrol,
        (_, true) => Depth::Full,
        (_, false) => Depth::Quick,
    };
    let (contents, bytes) = (proof.items, proof.bytes);
    Ok(Some(VerifyNote { at: proof.at.0, depth, contents, bytes, problems: problems.len() as u64, first: problems.into_iter().next() }))
}

/// Seconds since a note was written; a clock that was put back makes none.
pub fn age_secs(at: i64, now: Timestamp) -> u64 {
    u64::try_from(now.secs() - Timestamp(at).secs()).unwrap_or(0)
}

fn read<T: for<'de> Deserialize<'de>>(store: &Store, fact: &str, what: &str) -> Result<Option<T>> {
    let text = store.inner.catalog.read(|v| v.fact(fact))?;
    text.map(|t| serde_json::from_slice(&t).map_err(|_| Error::damaged(what))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::verify::Problem;

    #[test]
    fn notes_of_older_programs_count_until_there_is_a_proof() {
        let dir = tempfile::tempdir().expect("dir");
        let store = Store::init(dir.path().join("store"), "test").expect("init");
        assert_eq!((last_verify(&store).expect("read"), last_drill(&store, "usb").expect("read")), (None, None));
        let facts = [
            ("verified", r#"{"at":5,"depth":"quick","contents":3,"bytes":4,"problems":1,"first":"main: gone"}"#),
            ("drill usb", r#"{"at":6,"well":false,"sample":true,"rto_secs":1.5,"rpo_secs":2,"problems":["one","two"]}"#),
        ];
        store.inner.catalog.write(|w| facts.iter().try_for_each(|(name, text)| w.set_fact(name, text.as_bytes()))).expect("written");
        let note = last_verify(&store).expect("read").expect("a note");
        assert_eq!((note.at, note.depth, note.problems, note.first.as_deref()), (5, Depth::Quick, 1, Some("main: gone")));
        let drill = last_drill(&store, "usb").expect("read").expect("a note");
        assert_eq!((drill.at, drill.well, drill.sample, drill.problems.len()), (6, false, true, 2));
        // A proof of today says more than any note.
        let problem = |what: &str| Problem { tenant: "main".into(), what: what.into(), seq: None, documents: Vec::new() };
        let report = VerifyReport { problems: (0..7).map(|n| problem(&format!("content {n} is gone"))).collect(), ..VerifyReport::default() };
        note_verify(&store, Depth::Full, &report).expect("noted");
        note_verify(&store, Depth::Patrol, &report).expect("noted");
        let note = last_verify(&store).expect("read").expect("a note");
        assert_eq!((note.depth, note.problems, note.first.as_deref()), (Depth::Patrol, 7, Some("main: content 0 is gone")));
        assert_eq!(store.last_proof(ProofKind::Verify, "").expect("read").map(|p| p.said.ends_with("; and 2 more")), Some(true));
    }
}
