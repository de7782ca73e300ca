//! The plan of a realignment: what two sides of one history have after they parted, what happens to each document, and what it costs. Bound to
//! the positions it was made at; shown, saved, applied later, refused when either side moved.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Kind, Result};

use super::lineage::{Fate, Verdict};
use super::plan::TouchedReference;

/// The schema line of a saved plan.
pub const REALIGN_SCHEMA: &str = "annals.realign_plan/1";

/// Which side's batches after the fork stay in effect. Nothing of the other is lost: it stays as a line of history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// Theirs, then ours recorded again after them; of a document in conflict both states are versions, and ours is the current one.
    #[default]
    Both,
    /// Ours. Theirs stay at the remote.
    Ours,
    /// Theirs. Ours stay here, to be read.
    Theirs,
}

/// How much one side has that the other lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Amount {
    /// Batches.
    pub batches: u64,
    /// Changes in them.
    pub changes: u64,
    /// Documents that they change.
    pub documents: u64,
}

/// One document that changed on either side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RealignItem {
    /// The document, as `show_key` writes it.
    pub key: String,
    /// What becomes of it.
    pub fate: Fate,
}

/// What happens to one tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TenantRealign {
    /// The tenant by name.
    pub tenant: String,
    /// What the comparison said.
    pub verdict: Verdict,
    /// The remote that was compared with.
    pub remote: String,
    /// Which side stays in effect.
    pub keep: Keep,
    /// Where our log ends.
    pub ours: u64,
    /// Digest of that batch, in hexadecimal.
    pub ours_digest: String,
    /// Its time, in microseconds.
    pub ours_time: i64,
    /// The last batch that the remote names.
    pub theirs: u64,
    /// Digest of the names that their side consists of: it changes when they go on.
    pub theirs_digest: String,
    /// The time of their last batch that can be read, in microseconds.
    pub theirs_time: Option<i64>,
    /// The last batch that both have.
    pub common: u64,
    /// The first half of the id of their line, as in the names of its objects.
    pub line: String,
    /// The last of their batches that can be read; what is named beyond it is nowhere whole.
    pub readable: u64,
    /// What is there only.
    pub missing: Amount,
    /// What is here only.
    pub only_here: Amount,
    /// Documents that changed, in order of key.
    pub items: Vec<RealignItem>,
    /// References to outside systems that belong to documents in conflict, or were added on our side.
    pub references: Vec<TouchedReference>,
    /// Bytes to fetch.
    pub bytes: u64,
    /// Seconds that this takes at the measured rate of the line.
    pub seconds: f64,
}

impl TenantRealign {
    /// How many documents have this fate.
    pub fn count(&self, fate: Fate) -> u64 {
        self.items.iter().filter(|i| i.fate == fate).count() as u64
    }
}

/// A plan for all tenants that are out of line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RealignPlan {
    schema: String,
    /// In the order of the tenants; empty where all is in line.
    pub tenants: Vec<TenantRealign>,
}

impl RealignPlan {
    /// A plan for these tenants.
    pub fn new(tenants: Vec<TenantRealign>) -> Self {
        RealignPlan { schema: REALIGN_SCHEMA.into(), tenants }
    }

    /// Whether a text is a saved plan of this kind, rather than of another.
    pub fn is_one(text: &str) -> bool {
        #[derive(Deserialize)]
        struct Schema {
            schema: String,
        }
        serde_json::from_str::<Schema>(text).is_ok_and(|s| s.schema == REALIGN_SCHEMA)
    }

    /// The plan as JSON, to be saved.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string_pretty(self).map_err(|e| Error::new(Kind::Failed, "plan.write", format!("the plan cannot be written: {e}")))
    }

    /// Reads a saved plan.
    pub fn from_json(text: &str) -> Result<Self> {
        let bad = |why: &dyn std::fmt::Display| {
            Error::usage("plan.bad", format!("not a plan of a realignment: {why}")).hint("annals realign --plan FILE writes one")
        };
        let plan: RealignPlan = serde_json::from_str(text).map_err(|e| bad(&e))?;
        if plan.schema == REALIGN_SCHEMA { Ok(plan) } else { Err(bad(&format_args!("schema {:?}", plan.schema))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_survive_being_saved_and_strangers_are_refused() {
        let tenant = TenantRealign {
            tenant: "main".into(),
            verdict: Verdict::Forked,
            remote: "offsite".into(),
            keep: Keep::Both,
            ours: 9,
            ours_digest: "00".into(),
            ours_time: -5,
            theirs: 12,
            theirs_digest: "11".into(),
            theirs_time: Some(7),
            common: 4,
            line: "0123456789abcdef".into(),
            readable: 11,
            missing: Amount { batches: 7, changes: 8, documents: 2 },
            only_here: Amount::default(),
            items: vec![RealignItem { key: "a\\xff".into(), fate: Fate::Conflict }, RealignItem { key: "b".into(), fate: Fate::Kept }],
            references: Vec::new(),
            bytes: 100,
            seconds: 0.25,
        };
        assert_eq!((tenant.count(Fate::Conflict), tenant.count(Fate::Same)), (1, 0));
        let plan = RealignPlan::new(vec![tenant]);
        let text = plan.to_json().expect("json");
        assert!(RealignPlan::is_one(&text) && !RealignPlan::is_one("{}"));
        assert_eq!(RealignPlan::from_json(&text).expect("plan"), plan);
        assert_eq!(RealignPlan::from_json(&text.replace("plan/1", "plan/2")).expect_err("newer").code(), "plan.bad");
    }
}
