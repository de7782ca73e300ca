//! Undo, rollback and restore as new versions: each computes a plan and one way applies them all.

use std::path::Path;

use crate::base::digest::Digest;
use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::limits;
use crate::base::limits::PLAN_BYTES_MAX;
use crate::base::monitor::{Monitor, Progress, Silent, check_stop};
use crate::model::change::{Cause, Meta};
use crate::model::field::{self, Side};
use crate::model::key::show_key;
use crate::model::moment::Moment;
use crate::model::plan::{Action, FieldConflict, Item, OnConflict, Plan, Purpose};
use crate::model::timeline::Position;
use crate::storage::catalog::batches::BatchRow;
use crate::storage::catalog::contents::Body;
use crate::storage::catalog::documents::VersionRow;
use crate::storage::catalog::{self, View as Rows};

use super::audit::{self, Told};
use super::content::ContentReader;
use super::find::FieldIs;
use super::history::{is_under, key_of, no_document};
use super::record::Receipt;
use super::store::Tenant;

/// Documents after which a plan that is carried out says how far it is.
const TELL_EVERY: u64 = 256;

/// What applying a plan did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The new batch; `None` where there was nothing to do.
    pub receipt: Option<Receipt>,
    /// The batches before it, where it was done in several.
    pub earlier: Vec<Receipt>,
    /// Documents changed.
    pub done: u64,
    /// Documents left as they were because of a conflict, or because the bytes to go back to were forgotten.
    pub skipped: Vec<Vec<u8>>,
    /// Rows that the database they belong to does not let be so, and why. Only where a plan is applied to a database.
    pub pending: Vec<(Vec<u8>, String)>,
}

/// What becomes of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is left alone: because of a conflict, or because its bytes are not there.
    Skip,
    /// It is so already.
    Nothing,
    /// Its existence ends.
    Remove,
    /// It gets an earlier content.
    Put,
    /// It is merged field by field.
    Merge,
}

/// What becomes of the document of an item; `on_conflict` counts where nobody decided about it.
pub(crate) fn fate(item: &Item, on_conflict: OnConflict) -> Fate {
    match (item.action, item.choice.unwrap_or(on_conflict)) {
        // Whoever decided about a document that is in nobody's way can only leave it alone.
        (_, OnConflict::Skip) if item.choice.is_some() => Fate::Skip,
        (Action::Conflict, OnConflict::Skip) | (Action::Lost, _) => Fate::Skip,
        // Nothing to merge by: the document as a whole was changed since, and keeps what it is now.
        (Action::Conflict, OnConflict::Merge) if !item.has_fields() => Fate::Skip,
        (Action::Conflict, OnConflict::Merge) | (Action::Merge, _) => Fate::Merge,
        (Action::Conflict, OnConflict::Override) if item.version == 0 => Fate::Remove,
        (Action::Conflict, OnConflict::Override) | (Action::Put, _) => Fate::Put,
        (Action::Remove, _) if item.current == 0 => Fate::Nothing,
        (Action::Remove, _) => Fate::Remove,
    }
}

/// Who applies a plan, and why.
#[derive(Debug, Clone, Default)]
pub struct By {
    /// Who.
    pub actor: String,
    /// Why; a sentence is made up where it is empty.
    pub reason: String,
    /// From where.
    pub origin: String,
}

impl Plan {
    /// Saves the plan in a file that only its owner can read, to be looked at and applied later.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        disk::write_file(path.as_ref(), self.to_json()?.as_bytes(), 0o600)
    }

    /// Reads a plan that [`Plan::save`] wrote.
    ///
    /// # Errors
    /// [`Kind::Usage`] where there is no such file, or it is not a plan.
    pub fn load(path: impl AsRef<Path>) -> Result<Plan> {
        let path = path.as_ref();
        if !path.is_file() {
            return Err(Error::usage("file.unreadable", format!("cannot read a plan from {}", path.display()))
                .hint("plans are written by --plan FILE of undo, rollback and restore"));
        }
        let text = String::from_utf8(disk::read_file(path, PLAN_BYTES_MAX)?);
        Plan::from_json(&text.map_err(|_| Error::usage("plan.bad", format!("not a plan: {} is not text", path.display())))?)
    }
}

impl Tenant {
    /// Plans to take back batch `seq`: clean where nothing happened since, merged per field for JSON documents, conflicts otherwise.
    ///
    /// # Errors
    /// [`Kind::Missing`] where there is no such batch.
    pub fn undo(&self, seq: u64) -> Result<Plan> {
        self.inner.catalog.read(|rows| {
            let position = rows.tenant_by_id(self.id)?.position;
            let batch = catalog::id(self.id, seq);
            let row = rows.batch(batch)?;
            row.ok_or_else(|| Error::missing("batch.missing", format!("there is no batch {seq}")).hint("annals log lists the batches"))?;
            let mut plan = Plan::new(&self.name, Purpose::Undo { batch: seq }, &position);
            let mut changed = Vec::new();
            rows.versions_of_batches(batch, batch, |v| {
                changed.push(v);
                Ok(())
            })?;
            for after in changed {
                self.plan_undo_of(rows, &mut plan, &after)?;
            }
            plan.items.sort_by(|a, b| a.key.cmp(&b.key));
            Ok(plan)
        })
    }

    fn plan_undo_of(&self, rows: &Rows<'_>, plan: &mut Plan, after: &VersionRow) -> Result<()> {
        let key = key_of(rows, after.document)?;
        let before = rows.version_at(after.document, after.batch - 1)?.filter(|v| v.content.is_some());
        let now = rows.version_at(after.document, i64::MAX)?.unwrap_or_else(|| after.clone());
        let untouched = now.batch == after.batch;
        if same_state(Some(&now), before.as_ref()) {
            plan.already += 1;
            return Ok(());
        }
        let mut item = go_back(rows, &key, &now, before.as_ref())?;
        item.undone = after.content.map_or(0, |_| after.number);
        if !untouched && item.action != Action::Lost && self.look_into_fields(rows, &mut item, before.as_ref(), after, &now)? {
            plan.already += 1;
            return Ok(());
        }
        for r in rows.references_of(after.document)? {
            plan.touch(&key, &r.reference, r.batch >= after.batch);
        }
        plan.items.push(item);
        Ok(())
    }

    /// A document that was changed since the batch: which fields did both touch? `true` where nothing of the batch is left in it.
    fn look_into_fields(&self, rows: &Rows<'_>, item: &mut Item, before: Option<&VersionRow>, after: &VersionRow, now: &VersionRow) -> Result<bool> {
        item.action = Action::Conflict;
        let texts = (|| Some((before?.content?, after.content?, now.content?)))();
        if let Some((before, after, now)) = texts {
            let texts = (self.small(rows, before)?, self.small(rows, after)?, self.small(rows, now)?);
            if let (Some(before), Some(after), Some(now)) = texts
                && let Ok(merge) = field::inverse(&before, &after, &now, Side::Ours)
            {
                if merge.conflicts.is_empty() {
                    item.action = Action::Merge;
                }
                let nothing_left = merge.conflicts.is_empty() && merge.merged == now;
                item.conflicts = merge.conflicts.into_iter().map(field_conflict).collect();
                return Ok(nothing_left);
            }
        }
        item.conflicts = vec![FieldConflict { path: String::new(), before: None, after: None, current: None, take: None }];
        Ok(false)
    }

    /// The bytes of a content that is small enough to be compared field by field.
    fn small(&self, rows: &Rows<'_>, content: i64) -> Result<Option<Vec<u8>>> {
        let row = rows.content(content)?;
        if row.size > limits::JSON_FIELDS_BYTES_MAX as u64 || matches!(row.body, Body::Gone(_)) {
            return Ok(None);
        }
        ContentReader::open(&self.inner.chunks, &row)?.bytes(limits::JSON_FIELDS_BYTES_MAX).map(Some)
    }

    /// The batch that [`Tenant::undo`] should take back to redo what was undone last.
    pub fn last_undo(&self) -> Result<u64> {
        self.inner.catalog.read(|rows| {
            let end = rows.tenant_by_id(self.id)?.position.seq;
            let mut last = end;
            while last > 0 {
                let first = last.saturating_sub(255).max(1);
                let page = rows.batches(catalog::id(self.id, first), catalog::id(self.id, last), 256)?;
                for batch in page.iter().rev() {
                    if is_undo(batch) && rows.undone_by(self.id, batch.head.seq)?.is_empty() {
                        return Ok(batch.head.seq);
                    }
                }
                last = first - 1;
            }
            Err(Error::missing("redo.none", "nothing was undone, so there is nothing to redo").hint("annals undo BATCH takes a batch back"))
        })
    }

    /// Plans to bring the documents under `prefix` (empty: all; without a final `/`: that document and all below it) back to how they were
    /// at `when`, as new versions: later documents go, removed ones return. Costs what changed since.
    ///
    /// # Errors
    /// As [`Tenant::resolve`].
    pub fn rollback(&self, prefix: impl AsRef<[u8]>, when: &Moment) -> Result<Plan> {
        let (prefix, to_seq) = (prefix.as_ref(), self.resolve(when)?);
        self.inner.catalog.read(|rows| {
            let position = rows.tenant_by_id(self.id)?.position;
            let purpose = Purpose::Rollback { prefix: show_key(prefix), to_seq };
            let mut plan = Plan::new(&self.name, purpose, &position);
            let (from, last) = (catalog::id(self.id, to_seq), catalog::id(self.id, position.seq));
            for document in rows.documents_changed(from, last)? {
                let key = key_of(rows, document)?;
                if !is_under(prefix, &key) {
                    continue;
                }
                let then = rows.version_at(document, from)?.filter(|v| v.content.is_some());
                let now = rows.version_at(document, last)?;
                if same_state(now.as_ref(), then.as_ref()) {
                    plan.already += 1;
                } else if let Some(now) = now {
                    plan.items.push(go_back(rows, &key, &now, then.as_ref())?);
                    for r in rows.references_of(document)? {
                        plan.touch(&key, &r.reference, r.batch > from);
                    }
                }
            }
            plan.items.sort_by(|a, b| a.key.cmp(&b.key));
            Ok(plan)
        })
    }

    /// Plans to put `key` back: as version `number` of it.
    ///
    /// # Errors
    /// [`Kind::Missing`] where there is no such document or version.
    pub fn restore(&self, key: impl AsRef<[u8]>, number: u64) -> Result<Plan> {
        let key = key.as_ref();
        self.inner.catalog.read(|rows| {
            let position = rows.tenant_by_id(self.id)?.position;
            let Some(document) = rows.document(self.id, key)? else { return Err(no_document(rows, self.id, key)?) };
            let all = rows.versions(document.id)?;
            let then = all.iter().find(|v| v.number == number && v.content.is_some());
            let then = then.ok_or_else(|| {
                Error::missing("version.missing", format!("{} has no v{number}, its newest is v{}", show_key(key), document.versions))
                    .at_key(key)
                    .hint(format!("annals log {} shows them", show_key(key)))
            })?;
            self.refuse_forgotten(rows, key, then)?;
            let purpose = Purpose::Restore { prefix: show_key(key), at_seq: catalog::number(then.batch) };
            let mut plan = Plan::new(&self.name, purpose, &position);
            self.plan_put_back(rows, &mut plan, key, all.last(), then)?;
            Ok(plan)
        })
    }

    /// Plans to put back, as they were at `when`, all documents that existed then under `prefix` (a whole key, or ending in `/`, or empty).
    /// Unlike [`Tenant::rollback`] it leaves documents that came later.
    ///
    /// # Errors
    /// [`Kind::Missing`] where nothing existed then; as [`Tenant::resolve`].
    pub fn restore_at(&self, prefix: impl AsRef<[u8]>, when: &Moment) -> Result<Plan> {
        let (prefix, at_seq) = (prefix.as_ref(), self.resolve(when)?);
        self.inner.catalog.read(|rows| {
            let position = rows.tenant_by_id(self.id)?.position;
            let mut plan = Plan::new(&self.name, Purpose::Restore { prefix: show_key(prefix), at_seq }, &position);
            let at = catalog::id(self.id, at_seq);
            let folder = prefix.is_empty() || prefix.ends_with(b"/");
            let mut existed = 0;
            if folder {
                for document in rows.documents_changed(at, catalog::id(self.id, position.seq))? {
                    let key = key_of(rows, document)?;
                    if key.starts_with(prefix)
                        && let Some(then) = rows.version_at(document, at)?.filter(|v| v.content.is_some())
                    {
                        existed += 1;
                        self.plan_put_back(rows, &mut plan, &key, rows.version_at(document, i64::MAX)?.as_ref(), &then)?;
                    }
                }
                existed += rows.documents(self.id, prefix, None, 1)?.len();
            } else if let Some(document) = rows.document(self.id, prefix)? {
                let then = rows.version_at(document.id, at)?.filter(|v| v.content.is_some());
                // "Bring it back" without a moment means its last version.
                let then = match then {
                    None if at_seq == position.seq => rows.versions(document.id)?.into_iter().rfind(|v| v.content.is_some()),
                    other => other,
                };
                if let Some(then) = then {
                    existed += 1;
                    self.refuse_forgotten(rows, prefix, &then)?;
                    self.plan_put_back(rows, &mut plan, prefix, rows.version_at(document.id, i64::MAX)?.as_ref(), &then)?;
                }
            }
            if existed == 0 {
                return Err(no_document(rows, self.id, prefix)?);
            }
            plan.items.sort_by(|a, b| a.key.cmp(&b.key));
            Ok(plan)
        })
    }

    /// Plans to put several documents back: each as its last version that existed. What exists as it was is already right.
    ///
    /// # Errors
    /// [`Kind::Missing`] where one of them never was.
    pub fn restore_all(&self, keys: &[Vec<u8>]) -> Result<Plan> {
        self.inner.catalog.read(|rows| {
            let position = rows.tenant_by_id(self.id)?.position;
            let mut plan = Plan::new(&self.name, Purpose::Restore { prefix: common_folder(keys), at_seq: position.seq }, &position);
            for key in keys {
                let Some(document) = rows.document(self.id, key)? else { return Err(no_document(rows, self.id, key)?) };
                let now = rows.version_at(document.id, i64::MAX)?;
                let then = rows.last_put(document.id, i64::MAX)?;
                if let Some(then) = then {
                    self.plan_put_back(rows, &mut plan, key, now.as_ref(), &then)?;
                }
            }
            plan.items.sort_by(|a, b| a.key.cmp(&b.key));
            plan.items.dedup_by(|a, b| a.key == b.key);
            Ok(plan)
        })
    }

    fn plan_put_back(&self, rows: &Rows<'_>, plan: &mut Plan, key: &[u8], now: Option<&VersionRow>, then: &VersionRow) -> Result<()> {
        if same_state(now, Some(then)) {
            plan.already += 1;
            return Ok(());
        }
        plan.items.push(go_back(rows, key, now.unwrap_or(then), Some(then))?);
        for r in rows.references_of(then.document)? {
            plan.touch(key, &r.reference, r.batch > then.batch);
        }
        Ok(())
    }

    /// The position that a plan was made at, where it can be applied: it is for this tenant, and the log is still there, or the request was
    /// carried out before.
    ///
    /// # Errors
    /// [`Kind::Refused`] (codes `plan.tenant`, `plan.stale`).
    pub fn check_plan(&self, plan: &Plan, request: &str) -> Result<Position> {
        if plan.tenant != *self.name {
            return Err(Error::new(Kind::Refused, "plan.tenant", format!("the plan is for tenant {}, not {}", plan.tenant, self.name))
                .hint(format!("annals --tenant {} apply ...", plan.tenant)));
        }
        let (position, now) = (plan.position()?, self.position()?);
        let was_done = || self.inner.catalog.read(|rows| rows.batch_of_request(self.id, request)).map(|known| known.is_some());
        if now != position && !was_done()? {
            let message = format!("the plan was made at seq {}, the log is now at seq {}", position.seq, now.seq);
            return Err(Error::new(Kind::Refused, "plan.stale", message)
                .hint("make the plan again and look at it again; nothing was changed")
                .at_seq(now.seq));
        }
        Ok(position)
    }

    /// Applies a plan as one batch. Nothing that was recorded is lost: what the plan replaces stays as earlier versions.
    ///
    /// # Errors
    /// [`Kind::Refused`] (code `plan.stale`) where the log moved since the plan was made; nothing is changed then.
    pub fn apply(&self, plan: &Plan, on_conflict: OnConflict, by: &By) -> Result<Applied> {
        self.apply_once(plan, on_conflict, by, "", &Silent)
    }

    /// Like [`Tenant::apply`], under a request id: whoever applies the same plan again under the same id, because nobody knows whether it was
    /// done, gets the receipt of the first time. Without an id as any other.
    ///
    /// # Errors
    /// As [`Tenant::apply`]; [`Kind::Interrupted`] where the monitor wants to stop before the commit.
    pub fn apply_once(&self, plan: &Plan, on_conflict: OnConflict, by: &By, request: &str, monitor: &dyn Monitor) -> Result<Applied> {
        let position = self.check_plan(plan, request)?;
        self.refuse_captured(plan)?;
        let reason = if by.reason.is_empty() { made_up_reason(&plan.purpose) } else { by.reason.clone() };
        let mut batch = self.batch(&reason).actor(&by.actor).origin(&by.origin).cause(plan.purpose.cause()).expect(position).request_id(request);
        let mut skipped = Vec::new();
        // In one look: a read of its own for each item would cost more than the item.
        let fates: Vec<Fate> = plan.items.iter().map(|item| fate(item, on_conflict)).collect();
        let contents = self.inner.catalog.read(|rows| {
            let wanted = plan.items.iter().zip(&fates);
            let found = wanted.map(|(item, fate)| match fate {
                Fate::Put => rows.put_numbered(self.id, &item.key_bytes(), item.version),
                _ => Ok(None),
            });
            found.collect::<Result<Vec<_>>>()
        })?;
        let mut told = Progress { phase: "applying", items_total: plan.items.len() as u64, ..Progress::default() };
        for ((item, fate), content) in plan.items.iter().zip(fates).zip(contents) {
            if told.items.is_multiple_of(TELL_EVERY) {
                check_stop(monitor)?;
                monitor.progress(&told);
            }
            told.items += 1;
            let key = item.key_bytes();
            match fate {
                Fate::Skip => skipped.push(key),
                Fate::Nothing => {}
                Fate::Remove => batch.remove(&key)?,
                Fate::Put => {
                    // Why it is not there is said by who looks for it again.
                    let (id, digest, size, meta) = content.map_or_else(|| self.content_of(&key, item.version), Ok)?;
                    batch.put_known(&key, id, digest, size, meta)?;
                }
                Fate::Merge => {
                    let (merged, meta) = self.merged(&key, item)?;
                    batch.put_with(&key, &mut &merged[..], meta)?;
                }
            }
        }
        monitor.progress(&told);
        let done = batch.len() as u64;
        let receipt = if batch.is_empty() { None } else { Some(batch.commit()?) };
        Ok(Applied { receipt, earlier: Vec::new(), done, skipped, pending: Vec::new() })
    }

    /// Leaves only those items of a plan whose document meets all conditions as the plan would make it; one that the plan removes, as it is now.
    pub fn narrow(&self, plan: &mut Plan, conditions: &[FieldIs]) -> Result<()> {
        if conditions.is_empty() {
            return Ok(());
        }
        let mut kept = Vec::new();
        for item in std::mem::take(&mut plan.items) {
            let version = if item.version > 0 { item.version } else { item.current };
            let (id, _, size, _) = self.content_of(&item.key_bytes(), version)?;
            if size > limits::JSON_FIELDS_BYTES_MAX as u64 {
                continue;
            }
            let row = self.inner.catalog.read(|rows| rows.content(id))?;
            if matches!(row.body, Body::Gone(_)) {
                continue;
            }
            let content = ContentReader::open(&self.inner.chunks, &row)?.bytes(limits::JSON_FIELDS_BYTES_MAX)?;
            if conditions.iter().all(|condition| condition.holds(&content)) {
                kept.push(item);
            }
        }
        plan.items = kept;
        let keys: std::collections::HashSet<&str> = plan.items.iter().map(|item| item.key.as_str()).collect();
        plan.references.retain(|reference| keys.contains(reference.key.as_str()));
        Ok(())
    }

    /// How a document would differ from what it is now, as far as it is worth showing in a list.
    pub fn effect(&self, item: &Item, on_conflict: OnConflict) -> Result<Told> {
        let version = |number| match number {
            0 => Ok(None),
            number => self.find_version(item.key_bytes(), Some(&Moment::Version(number))).map(Some),
        };
        let now = version(item.current)?;
        match fate(item, on_conflict) {
            Fate::Skip | Fate::Nothing => Ok(Told::Same),
            Fate::Remove => self.inline(now.as_ref(), None),
            Fate::Put => self.inline(now.as_ref(), version(item.version)?.as_ref()),
            Fate::Merge if now.as_ref().is_some_and(|v| v.size > limits::SHOWN_BYTES_MAX as u64) => Ok(Told::Unseen),
            Fate::Merge => {
                let current = now.map(|v| self.open(&v)?.bytes(limits::JSON_FIELDS_BYTES_MAX)).transpose()?;
                Ok(audit::told(current.as_deref(), Some(&self.merged(&item.key_bytes(), item)?.0)))
            }
        }
    }

    /// The bytes that a document gets by `fate`, which is a put or a merge.
    pub(crate) fn content_for(&self, item: &Item, fate: Fate) -> Result<Vec<u8>> {
        let key = item.key_bytes();
        if fate == Fate::Merge {
            return Ok(self.merged(&key, item)?.0);
        }
        let (id, ..) = self.content_of(&key, item.version)?;
        let row = self.inner.catalog.read(|rows| rows.content(id))?;
        ContentReader::open(&self.inner.chunks, &row)?.bytes(limits::JSON_FIELDS_BYTES_MAX)
    }

    fn content_of(&self, key: &[u8], number: u64) -> Result<(i64, Digest, u64, Meta)> {
        let version = self.find_version(key, Some(&Moment::Version(number)))?;
        Ok((version.content, version.digest, version.size, version.meta))
    }

    fn merged(&self, key: &[u8], item: &Item) -> Result<(Vec<u8>, Meta)> {
        let read = |number| -> Result<(Vec<u8>, Meta)> {
            let (id, _, _, meta) = self.content_of(key, number)?;
            let row = self.inner.catalog.read(|rows| rows.content(id))?;
            Ok((ContentReader::open(&self.inner.chunks, &row)?.bytes(limits::JSON_FIELDS_BYTES_MAX)?, meta))
        };
        let ((before, _), (after, _), (now, meta)) = (read(item.version)?, read(item.undone)?, read(item.current)?);
        let merge = field::inverse_by(&before, &after, &now, &|path| item.take(path))
            .map_err(|e| Error::new(Kind::Failed, "plan.merge", format!("{} cannot be merged: {e}", item.key)).at_key(key))?;
        Ok((merge.merged, Meta { mtime_ns: None, ..meta }))
    }
}

fn is_undo(batch: &BatchRow) -> bool {
    matches!(batch.head.cause, Cause::Undo(_))
}

pub(crate) fn made_up_reason(purpose: &Purpose) -> String {
    match purpose {
        Purpose::Undo { batch } => format!("undo of batch {batch}"),
        Purpose::Rollback { prefix, to_seq } => format!("rollback of {} to seq {to_seq}", if prefix.is_empty() { "everything" } else { prefix }),
        Purpose::Restore { prefix, at_seq } => format!("restore of {} from seq {at_seq}", if prefix.is_empty() { "everything" } else { prefix }),
    }
}

/// The folder that all keys lie in, as it is shown; the key itself where there is one.
fn common_folder(keys: &[Vec<u8>]) -> String {
    let Some((first, rest)) = keys.split_first() else { return String::new() };
    if rest.is_empty() {
        return show_key(first);
    }
    let common = rest.iter().fold(first.len(), |len, key| first.iter().zip(key).take(len).take_while(|(a, b)| a == b).count());
    let folder = first[..common].iter().rposition(|b| *b == b'/').map_or(0, |at| at + 1);
    show_key(&first[..folder])
}

fn same_state(now: Option<&VersionRow>, then: Option<&VersionRow>) -> bool {
    let state = |v: Option<&VersionRow>| v.and_then(|v| v.content.map(|c| (c, v.meta.clone())));
    state(now) == state(then)
}

/// The item that brings a document from `now` back to `then` (`None`: it did not exist).
fn go_back(rows: &Rows<'_>, key: &[u8], now: &VersionRow, then: Option<&VersionRow>) -> Result<Item> {
    let (size, gone) = match then.and_then(|t| t.content) {
        Some(content) => rows.content_state(content).map(|(_, size, gone)| (size, gone.is_some()))?,
        None => (0, false),
    };
    Ok(Item {
        key: show_key(key),
        action: match then {
            Some(_) if gone => Action::Lost,
            Some(_) => Action::Put,
            None => Action::Remove,
        },
        current: now.content.map_or(0, |_| now.number),
        version: then.map_or(0, |t| t.number),
        undone: 0,
        size,
        conflicts: Vec::new(),
        choice: None,
    })
}

fn field_conflict(c: field::Conflict) -> FieldConflict {
    let raw = |v: Option<field::Value>| v.and_then(|v| serde_json::value::RawValue::from_string(v.json().to_owned()).ok());
    // The merge runs from the batch's result (base) towards what was before it (theirs), on top of what is now (ours).
    FieldConflict { path: c.path.to_string(), before: raw(c.theirs), after: raw(c.base), current: raw(c.ours), take: None }
}
