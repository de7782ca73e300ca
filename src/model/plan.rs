//! Plans: what a verb is going to change, bound to the position it was computed at. Shown, saved, applied later, refused when stale.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::base::digest::Digest;
use crate::base::error::{Error, Result};
use crate::base::id::TimelineId;

use super::change::Cause;
use super::field::{self, Side};
use super::key::{parse_key, show_key};
use super::timeline::Position;

/// The schema line of a saved plan.
pub const PLAN_SCHEMA: &str = "annals.plan/1";

/// What a plan is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verb")]
pub enum Purpose {
    /// Take back one batch.
    Undo {
        /// The batch.
        batch: u64,
    },
    /// Bring a prefix back to a moment: later documents go, removed ones return.
    Rollback {
        /// Keys that start with this.
        prefix: String,
        /// The last batch that stays in effect.
        to_seq: u64,
    },
    /// Put documents back as they were at a moment; documents that came later stay.
    Restore {
        /// Keys that start with this, or one key.
        prefix: String,
        /// The last batch that is looked at.
        at_seq: u64,
    },
}

impl Purpose {
    /// The cause of the batch that the plan becomes.
    pub fn cause(&self) -> Cause {
        match self {
            Purpose::Undo { batch } => Cause::Undo(*batch),
            Purpose::Rollback { to_seq, .. } => Cause::Rollback(*to_seq),
            Purpose::Restore { .. } => Cause::Restore,
        }
    }
}

/// What happens to one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It gets the content of version `version` again.
    Put,
    /// Its existence ends.
    Remove,
    /// It was changed since in other fields: only the fields of the batch are put back.
    Merge,
    /// It was changed since in a way that cannot be told apart: a person decides.
    Conflict,
    /// The bytes of the version to go back to were forgotten: it stays as it is.
    Lost,
}

/// One field (or a whole document, with an empty path) that two changes touched.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FieldConflict {
    /// The field.
    pub path: String,
    /// What it was before the batch; absent: there was none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<Box<RawValue>>,
    /// What the batch made of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<Box<RawValue>>,
    /// What it is now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub current: Option<Box<RawValue>>,
    /// What a person decided for a merge: `theirs` is what it was before the batch, `ours` what it is now. Undecided, it stays as it is now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub take: Option<Side>,
}

/// What the plan does with one document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Item {
    /// The document, as `show_key` writes it.
    pub key: String,
    /// What happens.
    pub action: Action,
    /// The version that exists now, 0 for none.
    pub current: u64,
    /// The version to go back to, 0 for none.
    pub version: u64,
    /// The version that the undone batch made, 0 for none or where it does not matter.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub undone: u64,
    /// Bytes of the content to go back to.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub size: u64,
    /// Why a person must decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<FieldConflict>,
    /// What a person decided about this document; undecided, what is said for all of them counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<OnConflict>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Item {
    /// Whether it can be merged field by field; otherwise only the whole document can be chosen.
    pub fn has_fields(&self) -> bool {
        self.conflicts.iter().any(|c| !c.path.is_empty())
    }

    /// What is taken of a field that two changes touched.
    pub fn take(&self, path: &field::Path) -> Side {
        let path = path.to_string();
        self.conflicts.iter().find(|c| c.path == path).and_then(|c| c.take).unwrap_or(Side::Ours)
    }

    /// The key as bytes.
    pub fn key_bytes(&self) -> Vec<u8> {
        parse_key(&self.key)
    }
}

/// A reference to an outside system that belongs to a document of the plan. It stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TouchedReference {
    /// The document.
    pub key: String,
    /// The outside system.
    pub system: String,
    /// The id there.
    pub id: String,
    /// Its state there.
    pub state: String,
    /// Whether it cannot be recalled.
    pub irrevocable: bool,
    /// Whether it was added after the moment that the plan goes back to.
    pub later: bool,
}

/// A plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    schema: String,
    /// The tenant by name.
    pub tenant: String,
    /// What it is for.
    #[serde(flatten)]
    pub purpose: Purpose,
    timeline: String,
    seq: u64,
    digest: String,
    /// What happens to each document, in order of key.
    pub items: Vec<Item>,
    /// What stays as it is outside.
    pub references: Vec<TouchedReference>,
    /// Documents of the batch that are already as the plan would make them.
    pub already: u64,
}

/// What to do with items in conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// Leave the document as it is; the report counts it as not done.
    #[default]
    Skip,
    /// Put the earlier state back, also over what was changed since.
    Override,
    /// Put back the fields that only the batch touched; fields that were changed since keep what they are now, unless somebody decided
    /// otherwise for one of them.
    Merge,
}

/// How many documents of a plan go which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Documents that get an earlier content.
    pub put: u64,
    /// Documents whose existence ends.
    pub remove: u64,
    /// Documents that are merged field by field.
    pub merge: u64,
    /// Documents that a person must decide on.
    pub conflicts: u64,
    /// Documents that stay as they are, because the bytes to go back to were forgotten.
    pub lost: u64,
    /// Documents that are already right.
    pub already: u64,
    /// References that stay although their document goes back.
    pub references: u64,
    /// Those of them that cannot be recalled.
    pub irrevocable: u64,
}

impl Plan {
    /// A plan made at `position`.
    pub fn new(tenant: &str, purpose: Purpose, position: &Position) -> Self {
        Plan {
            schema: PLAN_SCHEMA.into(),
            tenant: tenant.to_owned(),
            purpose,
            timeline: position.timeline.to_hex(),
            seq: position.seq,
            digest: position.digest.to_hex(),
            items: Vec::new(),
            references: Vec::new(),
            already: 0,
        }
    }

    /// Where the log ended when the plan was made.
    pub fn position(&self) -> Result<Position> {
        Ok(Position { timeline: TimelineId::from_hex(&self.timeline)?, seq: self.seq, digest: Digest::from_hex(&self.digest)? })
    }

    /// A part of the plan, for the log as it is at `position`: when the parts before it were carried out.
    pub fn part(&self, items: Vec<Item>, position: &Position) -> Plan {
        Plan { items, references: Vec::new(), already: 0, ..Plan::new(&self.tenant, self.purpose.clone(), position) }
    }

    /// Counts of what would happen.
    pub fn summary(&self) -> Summary {
        let count = |action| self.items.iter().filter(|i| i.action == action).count() as u64;
        Summary {
            put: count(Action::Put),
            remove: count(Action::Remove),
            merge: count(Action::Merge),
            conflicts: count(Action::Conflict),
            lost: count(Action::Lost),
            already: self.already,
            references: self.references.len() as u64,
            irrevocable: self.references.iter().filter(|r| r.irrevocable).count() as u64,
        }
    }

    /// The plan as JSON, to be saved.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string_pretty(self)
            .map_err(|e| Error::new(crate::base::error::Kind::Failed, "plan.write", format!("the plan cannot be written: {e}")))
    }

    /// Reads a saved plan.
    pub fn from_json(text: &str) -> Result<Plan> {
        let bad = |e: &dyn std::fmt::Display| {
            Error::usage("plan.bad", format!("not a plan: {e}")).hint("plans are written by --plan FILE of undo, rollback and restore")
        };
        let plan: Plan = serde_json::from_str(text).map_err(|e| bad(&e))?;
        if plan.schema != PLAN_SCHEMA {
            return Err(bad(&format_args!("schema {:?} instead of {PLAN_SCHEMA:?}", plan.schema)));
        }
        plan.position()?;
        Ok(plan)
    }

    /// Adds a reference that stays.
    pub fn touch(&mut self, key: &[u8], reference: &super::reference::Reference, later: bool) {
        self.references.push(TouchedReference {
            key: show_key(key),
            system: reference.system.clone(),
            id: reference.id.clone(),
            state: reference.state.clone(),
            irrevocable: reference.irrevocable,
            later,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SeededRandom;

    #[test]
    fn plans_survive_being_saved_and_strangers_are_refused() {
        let position = Position { timeline: TimelineId::new(&SeededRandom::new(1)), seq: 7, digest: Digest::of(b"x") };
        let mut plan = Plan::new("main", Purpose::Undo { batch: 3 }, &position);
        let conflict = FieldConflict {
            path: "a".into(),
            before: None,
            after: None,
            current: Some(RawValue::from_string("1.0".into()).expect("json")),
            take: Some(Side::Theirs),
        };
        plan.items.push(Item {
            key: "k\\xff".into(),
            action: Action::Conflict,
            current: 2,
            version: 1,
            undone: 2,
            size: 3,
            conflicts: vec![conflict],
            choice: Some(OnConflict::Merge),
        });
        let again = Plan::from_json(&plan.to_json().expect("json")).expect("plan");
        assert_eq!(again.position().expect("position"), position);
        assert_eq!(again.items[0].key_bytes(), b"k\xff");
        assert_eq!(again.items[0].conflicts[0].current.as_ref().expect("kept").get(), "1.0");
        assert_eq!((again.items[0].choice, again.items[0].conflicts[0].take), (Some(OnConflict::Merge), Some(Side::Theirs)));
        assert_eq!(again.summary().conflicts, 1);
        assert_eq!(Plan::from_json("{}").expect_err("stranger").code(), "plan.bad");
    }
}
