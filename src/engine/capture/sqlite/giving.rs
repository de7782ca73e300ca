//! Giving back: rows of the history written into the database that they were captured from, as one transaction.
//!
//! A plan is made against the log; and the log is the database, because both are brought together under the database's write lock before
//! anything is written. What is written is captured like any other transaction, with who did it and why, and so can be undone like it.

use std::collections::HashSet;

use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, check_stop};
use crate::engine::history::View;
use crate::engine::plans::{Applied, By, Fate, fate, made_up_reason};
use crate::engine::store::Tenant;
use crate::format::sqlite::row::{Key, Row};
use crate::format::sqlite::schema::{PrimaryKey, Table};
use crate::format::sqlite::value::Value;
use crate::model::key::{parse_key, show_key};
use crate::model::plan::{Item, OnConflict, Plan};
use crate::storage::source::sqlite::writer::{Outcome, Place, Writer};

use super::SqliteCapture;
use super::document::{IMAGE, SCHEMA};
use super::rebuild::{Recorded, rowid_name, written};
use super::run::{Credit, Work};
use super::state::{self, State};

/// One row on its way into the database.
pub(super) struct Gift {
    key: Vec<u8>,
    place: Place,
    /// `None`: it goes.
    columns: Option<Vec<(String, Value)>>,
}

impl Gift {
    /// The row `text` of `table` as `wanted`; `known` is what it was, for keys that are not text.
    pub(super) fn new(key: &[u8], table: &Table, text: &str, wanted: Option<&Row>, known: Option<&Row>) -> Result<Gift> {
        let place = place(table, text, wanted.or(known))?;
        let columns = match wanted {
            None => None,
            Some(row) => {
                let (columns, values) = written(table, text, row)?;
                Some(columns.into_iter().map(str::to_owned).zip(values).collect())
            }
        };
        Ok(Gift { key: key.to_vec(), place, columns })
    }
}

/// Rows that a rule of the database forbids, by key, with its words.
pub(super) type Forbidden = Vec<(Vec<u8>, String)>;

/// Writes rows. Gives the keys that are as they should be now, and those that a rule of the database forbids, with its words.
pub(super) fn give(writer: &Writer, mut gifts: Vec<Gift>) -> Result<(HashSet<Vec<u8>>, Forbidden)> {
    let mut keys = HashSet::new();
    // A row may need another one that comes later: as long as something succeeds, the rest is tried again.
    loop {
        let before = gifts.len();
        let mut left = Vec::new();
        for gift in gifts {
            let outcome = match &gift.columns {
                Some(columns) => writer.put(&gift.place, columns)?,
                None => writer.remove(&gift.place)?,
            };
            match outcome {
                Outcome::Done => drop(keys.insert(gift.key)),
                Outcome::Forbidden(why) => left.push((gift, why)),
            }
        }
        if left.is_empty() || left.len() == before {
            return Ok((keys, left.into_iter().map(|(gift, why)| (gift.key, why)).collect()));
        }
        gifts = left.into_iter().map(|(gift, _)| gift).collect();
    }
}

/// How the capture of a state is gone on with.
pub(super) fn capture_of(state: &State) -> SqliteCapture {
    SqliteCapture::new(&state.source, &parse_key(&state.prefix)).tables(&state.tables)
}

impl Tenant {
    fn captures(&self) -> Result<Vec<State>> {
        let all = self.inner.catalog.read(state::all)?;
        Ok(all.into_iter().filter(|s| s.tenant == self.id).collect())
    }

    /// Brings the history of all captured databases up to what is committed in them now.
    pub fn catch_up_databases(&self, by: &By, monitor: &dyn Monitor) -> Result<()> {
        self.captures()?.iter().try_for_each(|state| self.capture_sqlite(&capture_of(state), by, monitor).map(|_| ()))
    }

    /// Refuses to change the history of a database without the database.
    pub(crate) fn refuse_captured(&self, plan: &Plan) -> Result<()> {
        for state in self.captures()? {
            if let Some(item) = plan.items.iter().find(|item| item.key.starts_with(&state.prefix)) {
                return Err(Error::new(Kind::Refused, "capture.source", format!("{} is a row of a captured database: {}", item.key, state.source))
                    .hint("add --to-source to change the row in its database; its history follows")
                    .at_key(&item.key_bytes()));
            }
        }
        Ok(())
    }

    /// Applies a plan to the database that its rows were captured from: in one transaction, checked against what the rows are now. A row that
    /// a rule of the database forbids stays as it is and is named in [`Applied::pending`].
    ///
    /// # Errors
    /// [`Kind::Refused`] (code `plan.stale`) where something was recorded or committed since the plan was made; nothing is changed then.
    pub fn apply_to_source(&self, plan: &Plan, on_conflict: OnConflict, by: &By, monitor: &dyn Monitor) -> Result<Applied> {
        let state = self.database_of(plan)?;
        let what = capture_of(&state);
        // First, so that nobody else records what is written here, as if the application had done it.
        let turn = state::capturing(self, what.prefix());
        let _held = state::hold(&turn);
        let writer = Writer::begin(std::path::Path::new(&state.source))?;
        let mut work = Work::open(self, &what, by, monitor)?;
        // Nobody else can write now: what is recorded after this is what the database holds.
        work.catch_up()?;
        work.source.release();
        let now = self.position()?;
        if plan.position()? != now {
            return Err(Error::new(
                Kind::Refused,
                "plan.stale",
                format!("the plan was made at seq {}, the log is now at seq {}", plan.position()?.seq, now.seq),
            )
            .hint("make the plan again and look at it again; nothing was changed")
            .at_seq(now.seq));
        }
        let mut applied = Applied { receipt: None, earlier: Vec::new(), done: 0, skipped: Vec::new(), pending: Vec::new() };
        let gifts = self.gifts(plan, on_conflict, what.prefix(), &mut applied)?;
        let (keys, pending) = give(&writer, gifts)?;
        applied.pending.extend(pending);
        if keys.is_empty() {
            return Ok(applied);
        }
        if let Outcome::Forbidden(why) = writer.commit()? {
            return Err(Error::new(Kind::Refused, "source.forbidden", format!("the database refuses all of it together: {why}"))
                .hint("nothing was changed; give fewer rows back at once, or the ones that they need as well"));
        }
        applied.done = keys.len() as u64;
        let reason = if by.reason.is_empty() { made_up_reason(&plan.purpose) } else { by.reason.clone() };
        let by = By { reason, ..by.clone() };
        work.credit = Some(Credit { by, cause: plan.purpose.cause(), keys });
        applied.receipt = work.catch_up()?.receipt;
        work.source.release();
        Ok(applied)
    }

    /// As [`Tenant::apply_to_source`], in transactions of at most `rows_max` rows, each of them a batch that can be undone by itself. Rows that
    /// refer to each other had better be in one.
    ///
    /// # Errors
    /// As of [`Tenant::apply_to_source`]; where something was committed in between, with code `plan.stale` and what was done before.
    pub fn apply_to_source_in_batches(
        &self,
        plan: &Plan,
        rows_max: usize,
        on_conflict: OnConflict,
        by: &By,
        monitor: &dyn Monitor,
    ) -> Result<Applied> {
        if plan.items.len() <= rows_max {
            return self.apply_to_source(plan, on_conflict, by, monitor);
        }
        let mut all = Applied { receipt: None, earlier: Vec::new(), done: 0, skipped: Vec::new(), pending: Vec::new() };
        let mut position = plan.position()?;
        for items in plan.items.chunks(rows_max.max(1)) {
            check_stop(monitor)?;
            let applied = self.apply_to_source(&plan.part(items.to_vec(), &position), on_conflict, by, monitor).map_err(|e| match all.done {
                0 => e,
                done => Error::new(e.kind(), e.code(), format!("{done} rows are done, then: {e}"))
                    .hint("make the plan again: it holds what is left; each batch that was done can be undone"),
            })?;
            all.done += applied.done;
            all.skipped.extend(applied.skipped);
            all.pending.extend(applied.pending);
            if let Some(receipt) = applied.receipt {
                position = receipt.position;
                all.earlier.extend(all.receipt.replace(receipt));
            }
        }
        Ok(all)
    }

    /// The one captured database that a plan is about.
    /// The database that the documents of a plan are rows of; `None` where none of them is a row of a captured database.
    ///
    /// # Errors
    /// [`Kind::Usage`] where some are and others are not, or are rows of another one.
    pub fn database_for(&self, plan: &Plan) -> Result<Option<std::path::PathBuf>> {
        let captures = self.captures()?;
        if !plan.items.iter().any(|item| captures.iter().any(|state| item.key.starts_with(&state.prefix))) {
            return Ok(None);
        }
        Ok(Some(self.database_of(plan)?.source.into()))
    }

    fn database_of(&self, plan: &Plan) -> Result<State> {
        let captures = self.captures()?;
        let of = |item: &Item| captures.iter().find(|s| item.key.starts_with(&s.prefix));
        let Some(first) = plan.items.first() else {
            return Err(Error::usage("plan.empty", "there is nothing to do").hint("everything is already as it should be"));
        };
        let state = of(first).ok_or_else(|| {
            Error::usage("capture.none", format!("{} was not captured from a database", first.key))
                .hint("leave --to-source away to change the document")
        })?;
        if let Some(other) = plan.items.iter().find(|item| !item.key.starts_with(&state.prefix)) {
            return Err(Error::usage("capture.several", format!("{} and {} are not of one database", first.key, other.key))
                .hint("make one plan for each database"));
        }
        Ok(state.clone())
    }

    /// What a plan means in rows. What cannot be written is left pending.
    fn gifts(&self, plan: &Plan, on_conflict: OnConflict, prefix: &[u8], applied: &mut Applied) -> Result<Vec<Gift>> {
        let schema = self.get([prefix, SCHEMA].concat())?.bytes(crate::base::limits::JSON_FIELDS_BYTES_MAX)?;
        let tables = Recorded::parse(&schema)?.tables();
        let mut gifts = Vec::new();
        for item in &plan.items {
            let key = item.key_bytes();
            let name = &key[prefix.len()..];
            let fate = fate(item, on_conflict);
            match fate {
                Fate::Skip => {
                    applied.skipped.push(key);
                    continue;
                }
                Fate::Nothing => continue,
                Fate::Put | Fate::Remove | Fate::Merge => {}
            }
            if name == SCHEMA || name == IMAGE {
                applied.pending.push((key, "the schema is changed by the application alone".into()));
                continue;
            }
            let slash = name.iter().position(|b| *b == b'/').map_or(name.len(), |at| at + 1);
            let (table, row) = name.split_at(slash);
            let Some(table) = tables.get(table) else {
                applied.pending.push((key, "its table does not exist any more".into()));
                continue;
            };
            let wanted = match fate {
                Fate::Remove => None,
                _ => Some(Row::from_json(&self.content_for(item, fate)?)?),
            };
            let text = String::from_utf8_lossy(row).into_owned();
            let known = match &wanted {
                Some(_) => None,
                None => self.now().row(&key)?,
            };
            let gift = Gift::new(&key, table, &text, wanted.as_ref(), known.as_ref());
            match gift {
                Ok(gift) => gifts.push(gift),
                Err(e) => applied.pending.push((key, e.to_string())),
            }
        }
        Ok(gifts)
    }
}

impl View {
    fn row(&self, key: &[u8]) -> Result<Option<Row>> {
        match self.get(key) {
            Err(e) if e.kind() == Kind::Missing => Ok(None),
            reader => Row::from_json(&reader?.bytes(super::rebuild::ROW_BYTES_MAX)?).map(Some),
        }
    }
}

/// Where a row is in its table: by the text of its key, or by its own values where the key is too long to be text.
fn place(table: &Table, key: &str, row: Option<&Row>) -> Result<Place> {
    let missing = || Error::damaged(format_args!("the key of a row of {}: {}", table.name, show_key(key.as_bytes())));
    let columns: Vec<&str> = match &table.key {
        PrimaryKey::Rowid => Vec::new(),
        PrimaryKey::Alias(column) => vec![&*table.columns[*column].name],
        PrimaryKey::Columns(columns) => columns.iter().map(|c| &*table.columns[*c].name).collect(),
    };
    let values: Vec<Value> = match key.starts_with('#') {
        true => columns.iter().map(|c| row.and_then(|r| r.get(c)).cloned().ok_or_else(missing)).collect::<Result<_>>()?,
        false => match Key::parse(key, table)? {
            Key::Rowid(rowid) => {
                return Ok(Place { table: table.name.to_string(), key: vec![(rowid_name(table)?.to_owned(), Value::Integer(rowid))] });
            }
            Key::Columns(values) => values,
        },
    };
    Ok(Place { table: table.name.to_string(), key: columns.into_iter().map(str::to_owned).zip(values).collect() })
}
