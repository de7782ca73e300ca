//! Giving back: rows of the history written into the database that they were captured from, as one transaction.
//!
//! A plan is made against the log. Before anything is written, the log is brought up to what the database holds; what the plan is about must be
//! as it was then. What is written is captured like any other transaction, with who did it and why, and so can be undone like it.

use std::collections::{HashMap, HashSet};

use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, check_stop};
use crate::engine::plans::{Applied, By, Fate, fate, made_up_reason};
use crate::engine::record::Receipt;
use crate::engine::store::Tenant;
use crate::model::plan::{Item, OnConflict, Plan};
use crate::model::timeline::Position;
use crate::storage::catalog;

use super::databases::Database;
use super::open::{Credit, IMAGE, SCHEMA, Wish, is_so};
use super::written::content;

fn nothing() -> Applied {
    Applied { receipt: None, earlier: Vec::new(), done: 0, skipped: Vec::new(), pending: Vec::new() }
}

/// The number of the version that the document of an item has after a batch; 0 where it does not exist.
fn number_at(rows: &catalog::View<'_>, tenant: i64, item: &Item, batch: i64) -> Result<u64> {
    let document = rows.document(tenant, &item.key_bytes())?;
    let version = document.map(|d| rows.version_at(d.id, batch)).transpose()?.flatten();
    Ok(version.filter(|v| v.content.is_some()).map_or(0, |v| v.number))
}

impl Tenant {
    /// Brings the history of all captured databases up to what is committed in them now. One that fails does not keep the others from it.
    ///
    /// # Errors
    /// The first of those of the captures.
    pub fn catch_up_databases(&self, by: &By, monitor: &dyn Monitor) -> Result<()> {
        let done: Vec<Result<()>> = self.captured()?.iter().map(|captured| captured.catch_up(self, by, monitor)).collect();
        done.into_iter().collect()
    }

    /// Refuses to change the history of a database without the database.
    pub(crate) fn refuse_captured(&self, plan: &Plan) -> Result<()> {
        for captured in self.captured()? {
            let prefix = captured.prefix();
            if let Some(item) = plan.items.iter().find(|item| item.key_bytes().starts_with(&prefix)) {
                let message = format!("{} is a row of a captured database: {}", item.key, captured.source());
                return Err(Error::new(Kind::Refused, "capture.source", message)
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
    /// [`Kind::Refused`] (code `plan.stale`) where a row of the plan was changed since the plan was made; nothing is changed then.
    pub fn apply_to_source(&self, plan: &Plan, on_conflict: OnConflict, by: &By, monitor: &dyn Monitor) -> Result<Applied> {
        self.apply_to_source_once(plan, on_conflict, by, "", monitor)
    }

    /// Like [`Tenant::apply_to_source`], under a request id: whoever applies the same plan again under the same id, because nobody knows whether
    /// it was done, is told what was done the first time. Rows that are as wanted already, however that came about, are not written again.
    ///
    /// # Errors
    /// As [`Tenant::apply_to_source`].
    pub fn apply_to_source_once(&self, plan: &Plan, on_conflict: OnConflict, by: &By, request: &str, monitor: &dyn Monitor) -> Result<Applied> {
        let captured = self.database_of(plan)?;
        let prefix = captured.prefix();
        captured.open(self, by, monitor, |database| {
            // What was given before and cut off from its batch is recorded here, if it was not yet.
            database.catch_up()?;
            if let Some(done) = self.given_before(plan, on_conflict, request)? {
                return Ok(done);
            }
            let mut applied = nothing();
            let mut wishes = self.wishes(plan, on_conflict, &prefix, &mut applied)?;
            if !request.is_empty() {
                // Where it was recorded as one with what others did, the rows themselves say that it was done.
                let so = self.are_so(plan, &wishes)?;
                wishes.retain(|wish| !so.contains(&wish.key));
                applied.done = so.len() as u64;
                self.refuse_stale(plan, &so)?;
            } else {
                self.refuse_stale(plan, &HashSet::new())?;
            }
            let mut rows: HashMap<_, _> = wishes.iter().map(|wish| (wish.key.clone(), wish.wanted.clone())).collect();
            let granted = database.give(wishes)?;
            applied.pending.extend(granted.forbidden);
            if granted.done.is_empty() {
                return Ok(applied);
            }
            applied.done += granted.done.len() as u64;
            rows.retain(|key, _| granted.done.contains(key));
            let reason = if by.reason.is_empty() { made_up_reason(&plan.purpose) } else { by.reason.clone() };
            let credit = Credit { by: By { reason, ..by.clone() }, cause: plan.purpose.cause(), request: request.to_owned(), rows };
            applied.receipt = database.commit(credit)?.map_err(|why| {
                Error::new(Kind::Refused, "source.forbidden", format!("the database refuses all of it together: {why}"))
                    .hint("nothing was changed; give fewer rows back at once, or the ones that they need as well")
            })?;
            Ok(applied)
        })
    }

    /// As [`Tenant::apply_to_source`], in transactions of at most `rows_max` rows, each of them a batch that can be undone by itself. Rows that
    /// refer to each other had better be in one.
    ///
    /// # Errors
    /// As of [`Tenant::apply_to_source`]; where a row was changed in between, with code `plan.stale` and what was done before.
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
        let mut all = nothing();
        let position = plan.position()?;
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
                all.earlier.extend(all.receipt.replace(receipt));
            }
        }
        Ok(all)
    }

    /// Refuses a plan where the log is not a continuation of the one that it was made for, or where one of its documents is another now. What
    /// else was recorded since does not matter: a database whose application goes on working could never be given anything otherwise.
    /// Documents in `so` are as the plan wants them to be.
    fn refuse_stale(&self, plan: &Plan, so: &HashSet<Vec<u8>>) -> Result<()> {
        let (made, now) = (plan.position()?, self.position()?);
        if made == now {
            return Ok(());
        }
        let stale = |message: String| {
            Error::new(Kind::Refused, "plan.stale", message).hint("make the plan again and look at it again; nothing was changed").at_seq(now.seq)
        };
        self.inner.catalog.read(|rows| {
            let digest = rows.batch(catalog::id(self.id, made.seq))?.map(|batch| batch.digest);
            if made.timeline != now.timeline || made.seq > now.seq || (made.seq > 0 && digest != Some(made.digest)) {
                return Err(stale(format!("the plan was made at seq {} of another line, the log is now at seq {}", made.seq, now.seq)));
            }
            for item in plan.items.iter().filter(|item| !so.contains(&item.key_bytes())) {
                if number_at(rows, self.id, item, i64::MAX)? != item.current {
                    let message = format!("the plan was made at seq {}, the log is now at seq {}: {} was changed since", made.seq, now.seq, item.key);
                    return Err(stale(message));
                }
            }
            Ok(())
        })
    }

    /// What the batch of a request did: what was to be done and is not in it, the database did not let be so then.
    fn given_before(&self, plan: &Plan, on_conflict: OnConflict, request: &str) -> Result<Option<Applied>> {
        let timeline = self.position()?.timeline;
        self.inner.catalog.read(|rows| {
            let Some(batch) = rows.batch_of_request(self.id, request)? else { return Ok(None) };
            if batch.head.cause != plan.purpose.cause() || batch.head.seq <= plan.position()?.seq {
                return Err(Error::new(Kind::Refused, "request.differs", format!("request {request} was recorded before with other changes"))
                    .hint("use a new request id for a new request")
                    .at_seq(batch.head.seq));
            }
            let mut applied = nothing();
            for item in &plan.items {
                match fate(item, on_conflict) {
                    Fate::Skip => applied.skipped.push(item.key_bytes()),
                    Fate::Nothing => {}
                    _ if number_at(rows, self.id, item, batch.id)? != item.current => applied.done += 1,
                    _ => applied.pending.push((item.key_bytes(), "the database did not let it be so".into())),
                }
            }
            let position = Position { timeline, seq: batch.head.seq, digest: batch.digest };
            let (time, changes) = (batch.head.time, batch.changes);
            applied.receipt = Some(Receipt { position, time, changes, bytes_new: 0, repeated: true });
            Ok(Some(applied))
        })
    }

    /// The documents that changed since the plan was made and became what it wants.
    fn are_so(&self, plan: &Plan, wishes: &[Wish]) -> Result<HashSet<Vec<u8>>> {
        let wanted: HashMap<&[u8], &Wish> = wishes.iter().map(|wish| (&wish.key[..], wish)).collect();
        let now = self.now();
        let mut so = HashSet::new();
        for item in &plan.items {
            let key = item.key_bytes();
            let Some(wish) = wanted.get(&key[..]) else { continue };
            let number = self.inner.catalog.read(|rows| number_at(rows, self.id, item, i64::MAX))?;
            if number != item.current && is_so(content(&now, &key)?.as_deref(), wish.wanted.as_deref()) {
                so.insert(key);
            }
        }
        Ok(so)
    }

    /// The database that the documents of a plan are rows of: its file, or host and database; `None` where none of them is a row of a captured one.
    ///
    /// # Errors
    /// [`Kind::Usage`] where some are and others are not, or are rows of another one.
    pub fn database_for(&self, plan: &Plan) -> Result<Option<String>> {
        let captured = self.captured()?;
        if !plan.items.iter().any(|item| captured.iter().any(|database| item.key_bytes().starts_with(&database.prefix()))) {
            return Ok(None);
        }
        Ok(Some(self.database_of(plan)?.source()))
    }

    /// The one captured database that a plan is about.
    fn database_of(&self, plan: &Plan) -> Result<Database> {
        let Some(first) = plan.items.first() else {
            return Err(Error::usage("plan.empty", "there is nothing to do").hint("everything is already as it should be"));
        };
        let of = |item: &Item, captured: &Database| item.key_bytes().starts_with(&captured.prefix());
        let captured = self.captured()?.into_iter().find(|captured| of(first, captured)).ok_or_else(|| {
            Error::usage("capture.none", format!("{} was not captured from a database", first.key))
                .hint("leave --to-source away to change the document")
        })?;
        match plan.items.iter().find(|item| !of(item, &captured)) {
            Some(other) => Err(Error::usage("capture.several", format!("{} and {} are not of one database", first.key, other.key))
                .hint("make one plan for each database")),
            None => Ok(captured),
        }
    }

    /// What a plan means in rows. What cannot be written is left pending.
    fn wishes(&self, plan: &Plan, on_conflict: OnConflict, prefix: &[u8], applied: &mut Applied) -> Result<Vec<Wish>> {
        let now = self.now();
        let mut wishes = Vec::new();
        for item in &plan.items {
            let key = item.key_bytes();
            let fate = fate(item, on_conflict);
            match fate {
                Fate::Skip => {
                    applied.skipped.push(key);
                    continue;
                }
                Fate::Nothing => continue,
                Fate::Put | Fate::Remove | Fate::Merge => {}
            }
            if [SCHEMA, IMAGE].contains(&&key[prefix.len()..]) {
                applied.pending.push((key, "the schema is changed by the application alone".into()));
                continue;
            }
            let wanted = if fate == Fate::Remove { None } else { Some(self.content_for(item, fate)?) };
            let known = if item.current > 0 { content(&now, &key)? } else { None };
            wishes.push(Wish { key, wanted, known });
        }
        Ok(wishes)
    }
}
