//! What was proved of the local store and of the remotes, remembered: a claim that a backup works is worth what its last proof is.

use crate::base::error::Result;
pub use crate::storage::catalog::ledger::{Proof, ProofKind};

use super::drill::DrillReport;
use super::store::Store;
use super::verify::VerifyReport;

/// Problems that are told with a proof.
const TOLD_MAX: usize = 5;

fn few(problems: impl ExactSizeIterator<Item = String>) -> String {
    let more = problems.len().saturating_sub(TOLD_MAX);
    let told = problems.take(TOLD_MAX).collect::<Vec<_>>().join("; ");
    if more > 0 { format!("{told}; and {more} more") } else { told }
}

impl Store {
    /// Remembers what a verification saw; `subject` is the remote, empty for the local store, `deep` whether everything was read.
    pub fn note_verification(&self, kind: ProofKind, subject: &str, deep: bool, report: &VerifyReport) -> Result<()> {
        let said = few(report.problems.iter().map(|p| if p.tenant.is_empty() { p.what.clone() } else { format!("{}: {}", p.tenant, p.what) }));
        let (well, items, bytes) = (report.problems.is_empty(), report.contents, report.bytes);
        let (at, subject) = (self.now_is(), subject.to_owned());
        let proof = Proof { id: 0, at, kind, subject, deep, well, items, bytes, rto_secs: None, rpo_secs: None, said };
        self.inner.catalog.write(|w| w.add_proof(&proof))
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
            said: few(report.problems.iter().cloned()),
        };
        self.inner.catalog.write(|w| w.add_proof(&proof))
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
