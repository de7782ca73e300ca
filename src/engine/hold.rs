//! Holds: nothing of the documents under one is forgotten, erased or dropped, whatever the rules say. They are records of the log, so a rebuilt
//! store has them too.

use crate::base::error::{Error, Result};
use crate::base::time::Timestamp;
use crate::model::change::Change;
use crate::model::key::{check_scope, check_text};
use crate::model::moment;
use crate::storage::catalog::View as Rows;
use crate::storage::catalog::keeping::HoldRow;

use super::history::{Event, event, is_under};
use super::record::{Batch, Receipt};
use super::store::Tenant;

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// By which it is lifted.
    pub name: String,
    /// Everything where it is empty, all below it where it ends in `/`, otherwise the one document of that name and what is below it.
    pub prefix: Vec<u8>,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// Who set it, when and why.
    pub set: Event,
    /// Whether it is in force: one that has ended by itself is listed until it is lifted.
    pub in_force: bool,
}

/// Holds that are in force, ready to be asked for many documents.
pub(crate) struct Holds(Vec<HoldRow>);

impl Holds {
    pub(crate) fn read(rows: &Rows<'_>, tenant: i64, now: Timestamp) -> Result<Self> {
        Ok(Holds(rows.holds(tenant)?.into_iter().filter(|hold| in_force(hold, now)).collect()))
    }

    /// One of them, where there is any.
    pub(crate) fn any(&self) -> Option<&str> {
        self.0.first().map(|hold| hold.name.as_str())
    }

    /// The hold that a document is under.
    pub(crate) fn over(&self, key: &[u8]) -> Option<&str> {
        self.0.iter().find(|hold| is_under(&hold.prefix, key)).map(|hold| hold.name.as_str())
    }
}

fn in_force(hold: &HoldRow, now: Timestamp) -> bool {
    hold.until.is_none_or(|until| now < until)
}

impl Batch {
    /// Adds a hold: from this batch on nothing of the documents in the scope `prefix` is forgotten, until `until` or until it is lifted. A hold of
    /// the same name is replaced.
    pub fn hold(&mut self, name: &str, prefix: impl AsRef<[u8]>, until: Option<Timestamp>) -> Result<()> {
        let prefix = prefix.as_ref();
        check_text("name of a hold", name)?;
        check_scope(prefix)?;
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(Error::usage("hold.bad", format!("not a name for a hold: {name:?}")).hint("use letters, digits and hyphens, like court-17"));
        }
        self.other(Change::Hold { name: name.to_owned(), prefix: prefix.to_vec(), until })
    }

    /// Adds the end of a hold.
    pub fn lift(&mut self, name: &str) -> Result<()> {
        self.other(Change::Lift { name: name.to_owned() })
    }
}

impl Tenant {
    /// Sets a hold with a reason, as a batch of its own.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::base::error::Kind::Usage) without a reason, or where it would end in the past.
    pub fn hold(&self, name: &str, prefix: impl AsRef<[u8]>, until: Option<Timestamp>, by: &super::plans::By) -> Result<Receipt> {
        if by.reason.trim().is_empty() {
            return Err(Error::usage("hold.reason", "a hold needs a reason").hint("say why: --reason \"case 17-2 before the court\""));
        }
        let now = self.inner.clock().now();
        if let Some(until) = until.filter(|until| *until <= now) {
            return Err(Error::usage("hold.past", format!("the hold would have ended already, at {}", moment::rfc3339_utc(until)))
                .hint("name a moment to come, or leave --until away: it then stays until it is lifted"));
        }
        let mut batch = self.batch(&by.reason).actor(&by.actor).origin(&by.origin);
        batch.hold(name, prefix, until)?;
        batch.commit()
    }

    /// Lifts a hold, as a batch of its own.
    ///
    /// # Errors
    /// [`Kind::Missing`](crate::base::error::Kind::Missing) where there is none of that name.
    pub fn lift(&self, name: &str, by: &super::plans::By) -> Result<Receipt> {
        let names: Vec<String> = self.inner.catalog.read(|rows| rows.holds(self.id))?.into_iter().map(|hold| hold.name).collect();
        if !names.iter().any(|known| known == name) {
            let hint = if names.is_empty() { "there are no holds".to_owned() } else { format!("there are: {}", names.join(", ")) };
            return Err(Error::missing("hold.missing", format!("there is no hold {name}")).hint(hint));
        }
        let mut batch = self.batch(&by.reason).actor(&by.actor).origin(&by.origin);
        batch.lift(name)?;
        batch.commit()
    }

    /// The holds in force that the document `key` is under.
    pub fn holds_over(&self, key: &[u8]) -> Result<Vec<Hold>> {
        Ok(self.holds()?.into_iter().filter(|hold| hold.in_force && is_under(&hold.prefix, key)).collect())
    }

    /// The holds that were not lifted, by name.
    pub fn holds(&self) -> Result<Vec<Hold>> {
        let now = self.inner.clock().now();
        self.inner.catalog.read(|rows| {
            let each = |hold: HoldRow| {
                let (set, in_force) = (event(rows, hold.batch)?, in_force(&hold, now));
                Ok(Hold { name: hold.name, prefix: hold.prefix, until: hold.until, set, in_force })
            };
            rows.holds(self.id)?.into_iter().map(each).collect()
        })
    }
}
