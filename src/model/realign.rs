//! The plan of a realignment: what two sides of one history have after they parted, what happens to each document, and what it costs. Bound to
//! the positions it was made at; shown, saved, applied later, refused when either side moved.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Kind, Result};

use super::lineage::{Fate, Policy, Resolution, Verdict};
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

/// A field that both sides changed, as JSON; absent values are `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowConflict {
    /// Which field.
    pub path: String,
    /// At the fork.
    pub base: Option<String>,
    /// In the database.
    pub here: Option<String>,
    /// In the history.
    pub recorded: Option<String>,
}

/// One row that a captured database and its history have differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowRealign {
    /// Its document, as `show_key` writes it.
    pub key: String,
    /// What became of it; the history is the other side.
    pub fate: Fate,
    /// What is done. In a saved plan a person may write `theirs` (as in the history) or `ours` (as in the database) here.
    pub resolution: Resolution,
    /// Fields that both changed differently. They become what they are in the history unless a person decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<RowConflict>,
}

/// A number that two rows had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renumbered {
    /// The row's document before.
    pub key: String,
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// The number that it had.
    pub old: i64,
    /// The number that it gets.
    pub new: i64,
}

/// What a table is taken for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRealign {
    /// The table.
    pub table: String,
    /// What decides about its rows.
    pub policy: Policy,
    /// Nobody said so: it is the default.
    pub default: bool,
    /// Rows that differ.
    pub rows: u64,
}

/// An invariant with its answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvariantRealign {
    /// Its name.
    pub name: String,
    /// The right answer.
    pub expect: String,
    /// The answer now.
    pub now: String,
    /// The answer after the realignment, which was tried out and taken back.
    pub then: String,
}

/// What happens to a captured database that went back in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseRealign {
    /// The tenant by name.
    pub tenant: String,
    /// What the keys of its rows begin with.
    pub prefix: String,
    /// The file.
    pub source: String,
    /// What the comparison said.
    pub verdict: Verdict,
    /// Which side stays in effect.
    pub keep: Keep,
    /// The last batch whose state the database has.
    pub common: u64,
    /// Its time, in microseconds.
    pub common_time: Option<i64>,
    /// Where the log ends.
    pub head: u64,
    /// Digest of that batch, in hexadecimal.
    pub head_digest: String,
    /// Its time, in microseconds.
    pub head_time: Option<i64>,
    /// Digest of the rows that the database has otherwise, in hexadecimal.
    pub here_digest: String,
    /// Transactions that the database lacks.
    pub transactions: u64,
    /// Rows changed to the same on both sides.
    pub same: u64,
    /// The tables whose rows differ.
    pub tables: Vec<TableRealign>,
    /// The rows, in the order of tables and keys.
    pub items: Vec<RowRealign>,
    /// Numbers that two rows have.
    pub renumbered: Vec<Renumbered>,
    /// Rows that statements of the configuration changed when it was tried out.
    pub recomputed: u64,
    /// What must be so.
    pub invariants: Vec<InvariantRealign>,
    /// References to outside systems of rows that differ.
    pub references: Vec<TouchedReference>,
    /// Rows that the database does not allow so, and why; with one of them nothing is done.
    pub forbidden: Vec<(String, String)>,
    /// Bytes of the rows that are written into the database. All of them are here.
    pub bytes: u64,
}

impl DatabaseRealign {
    /// How many rows have this fate.
    pub fn count(&self, fate: Fate) -> u64 {
        self.items.iter().filter(|i| i.fate == fate).count() as u64
    }

    /// Rows about which a person should decide: as a whole, or some of their fields.
    pub fn open(&self) -> impl Iterator<Item = &RowRealign> {
        self.items.iter().filter(|i| i.resolution == Resolution::Ask || !i.fields.is_empty())
    }

    /// Whether it can be carried out: all is allowed, and every invariant will hold.
    pub fn fits(&self) -> bool {
        self.forbidden.is_empty() && self.invariants.iter().all(|i| i.then == i.expect)
    }
}

/// A plan for all tenants that are out of line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RealignPlan {
    schema: String,
    /// In the order of the tenants; empty where all is in line.
    pub tenants: Vec<TenantRealign>,
    /// Captured databases that went back in time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<DatabaseRealign>,
}

impl RealignPlan {
    /// A plan for these tenants.
    pub fn new(tenants: Vec<TenantRealign>) -> Self {
        RealignPlan { schema: REALIGN_SCHEMA.into(), tenants, databases: Vec::new() }
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
