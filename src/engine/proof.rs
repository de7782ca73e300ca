//! What was proved of the local store and of the remotes, remembered: a claim that a backup works is worth what its last proof is.

use crate::base::error::Result;
pub use crate::storage::catalog::ledger::{Proof, ProofKind};

use super::drill::DrillReport;
use super::store::Store;
use super::verify::{Problem, VerifyReport};

/// Problems that are told in short.
const TOLD_MAX: usize = 5;

fn few(problems: &[String]) -> String {
    let more = problems.len().saturating_sub(TOLD_MAX);
    let told = problems[..problems.len() - more].join("; ");
    if more > 0 { format!("{told}; and {more} more") } else { told }
}

impl Store {
    /// Remembers what a verification saw; `subject` is the remote, empty for the local store, `deep` whether everything was read.
    pub fn note_verification(&self, kind: ProofKind, subject: &str, deep: bool, report: &VerifyReport) -> Result<()> {
        let told = |p: &Problem| if p.tenant.is_empty() { p.what.clone() } else { format!("{}: {}", p.tenant, p.what) };
        let problems: Vec<String> = report.problems.iter().map(told).collect();
        let (well, items, bytes) = (problems.is_empty(), report.contents, report.bytes);
        let (at, subject, said) = (self.now_is(), subject.to_owned(), few(&problems));
        let proof = Proof { id: 0, at, kind, subject, deep, well, items, bytes, rto_secs: None, rpo_secs: None, said };
        self.inner.catalog.write(|w| w.add_proof(&proof, &problems))
    }

    /// Remembers what a drill showed.
    pub fn note_drill(&self, report: &DrillReport) -> Result<()> {
        let proof = Proof {
            id: 0,
            at: self.now_is(),
            kind: ProofKind::Drill,
            subject: report.remote.clone(),
            deep: !report.sample,
            well: report.problems.is_empty(),
            items: if report.sample { report.objects } else { report.batches },
            bytes: report.bytes,
            rto_secs: Some(report.rto_secs),
            rpo_secs: Some(report.rpo_secs),
            said: few(&report.problems),
        };
        self.inner.catalog.write(|w| w.add_proof(&proof, &report.problems))
    }

    /// What was wrong in a proof, each in a sentence, at most a thousand of them.
    pub fn proof_problems(&self, proof: &Proof) -> Result<Vec<String>> {
        let kept = self.inner.catalog.read(|v| v.proof_problems(proof.id))?;
        // A program that kept no list wrote this only.
        Ok(if kept.is_empty() && !proof.said.is_empty() { vec![proof.said.clone()] } else { kept })
    }

    /// Proofs before the one with number `before` (0: from the newest on), the newest first, at most `limit`.
    pub fn proofs(&self, before: i64, limit: usize) -> Result<Vec<Proof>> {
        self.inner.catalog.read(|v| v.proofs(before, limit))
    }

    /// The newest proof of a kind and of a remote (empty: of the local store).
    pub fn last_proof(&self, kind: ProofKind, subject: &str) -> Result<Option<Proof>> {
        self.inner.catalog.read(|v| v.last_proof(kind, subject))
    }
}
