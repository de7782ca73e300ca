//! Recording: changes are collected in a batch and become part of the log at one commit point.
//!
//! Bytes first, names last: contents are in the chunk store and synced before one SQLite transaction names them. Callers that commit at the
//! same time share that transaction and its sync.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::Read;
use std::sync::Arc;

use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::limits;
use crate::format::keyfile::subjects::Tombstone;
use crate::format::record::RecordHasher;
use crate::model::change::{BatchHead, Cause, Change, KeyId, Meta};
use crate::model::key::{check_key, check_text, show_key};
use crate::model::moment::Zone;
use crate::model::reference::Reference;
use crate::model::timeline::Position;
use crate::storage::catalog::batches::BatchRow;
use crate::storage::catalog::contents::Body;
use crate::storage::catalog::documents::{DocumentRow, DocumentState, NewVersion};
use crate::storage::catalog::drafts::DraftChange;
use crate::storage::catalog::tenants::TenantRow;
use crate::storage::catalog::{self, View as Rows, Writer};

use super::content::{Ingested, Intake};
use super::gate::WriterPass;
pub use super::queue::Receipt;
use super::queue::{Draft, Expected, Head, Request, Series, Source};
use super::store::{CHUNK_NUMBER, Inner, Tenant, dropped_error};

/// Bytes of small contents that a batch holds in memory; further ones go to the chunk store.
const INLINE_HELD_BYTES_MAX: usize = 64 << 20;

/// Changes of a batch from which on a thread of its own computes its digest.
const HASHED_BESIDE_FROM: usize = 1000;

/// Changes that become one batch of the log together, or not at all. Dropped without [`Batch::commit`], nothing happened.
pub struct Batch {
    tenant: Tenant,
    drafts: Vec<Draft>,
    places: HashMap<Vec<u8>, usize>,
    inline_bytes: usize,
    intake: Intake,
    head: Head,
    pass: WriterPass,
}

impl Tenant {
    /// Starts a batch with a reason (which may be empty).
    pub fn batch(&self, reason: &str) -> Batch {
        Batch {
            tenant: self.clone(),
            drafts: Vec::new(),
            places: HashMap::new(),
            inline_bytes: 0,
            intake: Intake::new(&self.inner.chunks),
            head: Head { reason: reason.to_owned(), ..Head::default() },
            pass: self.inner.gate.enter(),
        }
    }

    /// Records the bytes of `reader` as a new version of `key`, as a batch of its own.
    pub fn put(&self, key: impl AsRef<[u8]>, mut reader: impl Read) -> Result<Receipt> {
        let mut batch = self.batch("");
        batch.put(key, &mut reader)?;
        batch.commit()
    }

    /// Records `value` as JSON (indented, so that a line diff reads well) as a new version of `key`.
    pub fn put_record(&self, key: impl AsRef<[u8]>, value: &impl serde::Serialize) -> Result<Receipt> {
        let mut text =
            serde_json::to_vec_pretty(value).map_err(|e| Error::usage("record.bad", format!("the record cannot be written as JSON: {e}")))?;
        text.push(b'\n');
        let mut batch = self.batch("");
        batch.put_with(key, &mut &text[..], Meta { media: "application/json".into(), ..Meta::default() })?;
        batch.commit()
    }

    /// Ends the existence of `key`; its versions stay.
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Result<Receipt> {
        let mut batch = self.batch("");
        batch.remove(key)?;
        batch.commit()
    }

    /// Adds a reference to a document, or changes its state.
    pub fn add_ref(&self, key: impl AsRef<[u8]>, reference: Reference) -> Result<Receipt> {
        let mut batch = self.batch("");
        batch.add_ref(key, reference)?;
        batch.commit()
    }

    /// Gives the present position a name.
    pub fn mark(&self, name: &str) -> Result<Receipt> {
        let mut batch = self.batch("");
        batch.mark(name)?;
        batch.commit()
    }
}

impl Batch {
    /// Who does this.
    pub fn actor(mut self, actor: &str) -> Self {
        actor.clone_into(&mut self.head.actor);
        self
    }

    /// From where: program, host, source.
    pub fn origin(mut self, origin: &str) -> Self {
        origin.clone_into(&mut self.head.origin);
        self
    }

    /// The caller's id of this request: the same id is recorded once, the same id with other changes is refused.
    pub fn request_id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.head.request);
        self
    }

    pub(crate) fn cause(mut self, cause: Cause) -> Self {
        self.head.cause = cause;
        self
    }

    /// Refuses the commit unless the log still ends at `position`.
    pub(crate) fn expect(mut self, position: Position) -> Self {
        self.head.expected = Some(Expected::At(position));
        self
    }

    /// Refuses the commit where something came after `position` that bears on giving up `contents` (numbers, ascending).
    pub(crate) fn expect_letting(mut self, position: Position, contents: Arc<[u64]>) -> Self {
        self.head.expected = Some(Expected::Letting(position, contents));
        self
    }

    pub(crate) fn note_seen(&mut self, key: Vec<u8>, fingerprint: Option<Vec<u8>>) {
        self.head.seen.push((key, fingerprint));
    }

    /// Takes back what was collected for `key`.
    pub(crate) fn forget(&mut self, key: &[u8]) {
        let Some(place) = self.places.remove(key) else { return };
        self.drafts.swap_remove(place);
        if let Some(Draft::Put { key, .. } | Draft::Remove { key, .. }) = self.drafts.get(place) {
            self.places.insert(key.clone(), place);
        }
    }

    /// How many changes are collected.
    pub fn len(&self) -> usize {
        self.drafts.len()
    }

    /// Whether nothing is collected.
    pub fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }

    fn add(&mut self, draft: Draft) -> Result<()> {
        if self.drafts.len() >= limits::BATCH_CHANGES_MAX {
            return Err(Error::usage("batch.large", format!("a batch holds at most {} changes", limits::BATCH_CHANGES_MAX))
                .hint("commit this batch and start another"));
        }
        let key = match &draft {
            Draft::Put { key, .. } | Draft::Remove { key, .. } => {
                check_key(key)?;
                key.clone()
            }
            Draft::Refer { key, .. } => {
                check_key(key)?;
                self.drafts.push(draft);
                return Ok(());
            }
            Draft::Mark { .. } | Draft::Other(_) => {
                self.drafts.push(draft);
                return Ok(());
            }
        };
        // A document changes at most once in a batch: the last word counts.
        match self.places.entry(key) {
            Entry::Occupied(place) => self.drafts[*place.get()] = draft,
            Entry::Vacant(place) => {
                place.insert(self.drafts.len());
                self.drafts.push(draft);
            }
        }
        Ok(())
    }

    /// Adds a new version of `key` with the bytes of `reader`, which is read to its end. All that was added is in the store after the commit.
    pub fn put(&mut self, key: impl AsRef<[u8]>, mut reader: impl Read) -> Result<()> {
        self.put_with(key, &mut reader, Meta::default())
    }

    /// Like [`Batch::put`], with metadata.
    pub fn put_with(&mut self, key: impl AsRef<[u8]>, reader: &mut dyn Read, meta: Meta) -> Result<()> {
        self.put_sized(key.as_ref(), reader, None, meta).map(|_| ())
    }

    /// Like [`Batch::put_with`], refused at the commit unless the document's current version has this number (0: it does not exist).
    pub fn put_if_version(&mut self, key: impl AsRef<[u8]>, reader: &mut dyn Read, meta: Meta, version: u64) -> Result<()> {
        check_key(key.as_ref())?;
        check_meta(&meta)?;
        let source = Source::New(self.take_in(reader, None)?);
        self.add(Draft::Put { key: key.as_ref().to_vec(), source, meta, if_version: Some(version) })
    }

    pub(crate) fn put_sized(&mut self, key: &[u8], reader: &mut dyn Read, size: Option<u64>, meta: Meta) -> Result<(Digest, u64)> {
        check_key(key)?;
        check_meta(&meta)?;
        let ingested = self.take_in(reader, size)?;
        let what = (ingested.digest, ingested.size);
        self.add(Draft::Put { key: key.to_vec(), source: Source::New(ingested), meta, if_version: None })?;
        Ok(what)
    }

    /// Adds a new version of `key` with bytes that are at hand, and whose digest may be known.
    pub(crate) fn put_whole(&mut self, key: &[u8], bytes: Vec<u8>, digest: Option<Digest>, meta: Meta) -> Result<Digest> {
        check_key(key)?;
        check_meta(&meta)?;
        let ingested = self.intake.take_whole(bytes, digest, self.takes_inline())?;
        let digest = ingested.digest;
        self.count_inline(&ingested);
        self.add(Draft::Put { key: key.to_vec(), source: Source::New(ingested), meta, if_version: None })?;
        Ok(digest)
    }

    fn take_in(&mut self, reader: &mut dyn Read, size: Option<u64>) -> Result<Ingested> {
        let ingested = self.intake.take(reader, size, self.takes_inline())?;
        self.count_inline(&ingested);
        Ok(ingested)
    }

    fn takes_inline(&self) -> bool {
        self.inline_bytes < INLINE_HELD_BYTES_MAX
    }

    fn count_inline(&mut self, ingested: &Ingested) {
        if let Body::Plain(bytes) = &ingested.body {
            self.inline_bytes += bytes.len();
        }
    }

    /// Adds a new version of `key` with a content that the tenant has.
    pub(crate) fn put_known(&mut self, key: &[u8], id: i64, digest: Digest, size: u64, meta: Meta) -> Result<()> {
        self.add(Draft::Put { key: key.to_vec(), source: Source::Known { id, digest, size }, meta, if_version: None })
    }

    /// Adds the end of a document's existence. At the commit it must exist.
    pub fn remove(&mut self, key: impl AsRef<[u8]>) -> Result<()> {
        self.add(Draft::Remove { key: key.as_ref().to_vec(), if_version: None })
    }

    /// Like [`Batch::remove`], refused at the commit unless the document's current version has this number.
    pub fn remove_if_version(&mut self, key: impl AsRef<[u8]>, version: u64) -> Result<()> {
        self.add(Draft::Remove { key: key.as_ref().to_vec(), if_version: Some(version) })
    }

    /// Adds a reference of a document to a thing in an outside system, or its new state. An id that another document carries is refused.
    pub fn add_ref(&mut self, key: impl AsRef<[u8]>, reference: Reference) -> Result<()> {
        self.add_ref_with(key.as_ref(), reference, false)
    }

    /// Like [`Batch::add_ref`], allowing (`shared`) that several documents carry the same id.
    pub fn add_ref_with(&mut self, key: &[u8], reference: Reference, shared: bool) -> Result<()> {
        for (what, text) in [("system", &reference.system), ("id", &reference.id)] {
            check_text(what, text)?;
            if text.is_empty() {
                return Err(Error::usage("reference.empty", format!("the {what} of a reference cannot be empty")));
            }
        }
        check_text("state", &reference.state)?;
        self.add(Draft::Refer { key: key.to_vec(), reference, shared })
    }

    /// Adds a mark: the position before this batch gets a name.
    pub fn mark(&mut self, name: &str) -> Result<()> {
        check_mark(name)?;
        self.add(Draft::Mark { name: name.to_owned() })
    }

    /// Adds a mark at an earlier position: the one after batch `seq`, 0 for before the first.
    ///
    /// # Errors
    /// At the commit, where `seq` is yet to come.
    pub fn mark_at(&mut self, name: &str, seq: u64) -> Result<()> {
        check_mark(name)?;
        self.other(Change::MarkAt { name: name.to_owned(), seq })
    }

    /// Adds a hold, its end, or contents that are given up; the caller has checked it.
    pub(crate) fn other(&mut self, change: Change) -> Result<()> {
        self.add(Draft::Other(change))
    }

    /// Makes the batch part of the log. When this returns, it survives power loss.
    ///
    /// # Errors
    /// [`Kind::Missing`] for the removal of a document that does not exist; [`Kind::Refused`] for a version or position that moved.
    pub fn commit(self) -> Result<Receipt> {
        let mut receipts = Batch::commit_all(vec![self])?;
        receipts.pop().ok_or_else(|| Error::new(Kind::Failed, "batch.lost", "a commit without a receipt"))
    }

    /// Makes several batches of one tenant part of the log, in this order and next to each other, with one sync for all: all of them or, where
    /// this fails, none. When this returns, they survive power loss.
    ///
    /// # Errors
    /// As [`Batch::commit`].
    pub fn commit_all(batches: Vec<Batch>) -> Result<Vec<Receipt>> {
        let Some(first) = batches.first() else { return Ok(Vec::new()) };
        let inner = first.tenant.inner.clone();
        let tenant = first.tenant.id;
        let mut series = Vec::with_capacity(batches.len());
        let mut passes = Vec::with_capacity(batches.len());
        for mut batch in batches {
            if batch.tenant.id != tenant {
                return Err(Error::usage("batch.tenant", "batches that are committed together belong to one tenant"));
            }
            series.push(batch.request()?);
            passes.push(batch.pass);
        }
        let receipts = inner.queue.submit(series, |group| commit_group(&inner, group));
        drop(passes);
        receipts
    }

    /// Gives the reason anew.
    pub(crate) fn because(mut self, reason: &str) -> Self {
        reason.clone_into(&mut self.head.reason);
        self
    }

    /// Sets the fact `name` in the same transaction.
    pub(crate) fn fact(mut self, name: &str, value: Vec<u8>) -> Self {
        self.head.fact = Some((name.to_owned(), value));
        self
    }

    /// What was collected, as it waits for its commit.
    fn request(&mut self) -> Result<Request> {
        if self.drafts.is_empty() {
            return Err(Error::usage("batch.empty", "the batch holds no change").hint("add at least one put or remove before the commit"));
        }
        for (what, text) in
            [("actor", &self.head.actor), ("reason", &self.head.reason), ("origin", &self.head.origin), ("request id", &self.head.request)]
        {
            check_text(what, text)?;
        }
        self.intake.flush()?;
        let sync = self.drafts.iter().any(|d| matches!(d, Draft::Put { source: Source::New(i), .. } if i.needs_sync()));
        Ok(Request { tenant: self.tenant.id, head: std::mem::take(&mut self.head), drafts: std::mem::take(&mut self.drafts), sync })
    }
}

impl Tenant {
    /// Begins a batch that is collected over several calls, also of several processes, and committed by [`Tenant::commit_draft`].
    pub fn begin_draft(&self, actor: &str, reason: &str) -> Result<i64> {
        check_text("actor", actor)?;
        check_text("reason", reason)?;
        self.inner.catalog.write(|w| w.add_draft(self.id, self.inner.clock().now(), actor, reason))
    }

    /// Adds a put (or with no reader a removal) to a draft; the bytes are durable when this returns.
    pub fn add_to_draft(&self, draft: i64, key: &[u8], content: Option<&mut dyn Read>, meta: Meta) -> Result<()> {
        check_key(key)?;
        check_meta(&meta)?;
        // A number of another tenant's must not be written to.
        self.open_batch(draft)?;
        let _pass = self.inner.gate.enter();
        let mut number = 0;
        let content = match content {
            None => None,
            Some(reader) => {
                let intake = Intake::new(&self.inner.chunks);
                let ingested = intake.take(reader, None, true)?;
                intake.flush()?;
                if ingested.needs_sync() {
                    number = self.inner.chunks.sync()?;
                }
                Some((ingested.digest, ingested.size, ingested.body))
            }
        };
        self.inner.catalog.write(|w| {
            w.raise_fact(CHUNK_NUMBER, number)?;
            w.set_draft_change(draft, &DraftChange { key: key.to_vec(), content, meta })
        })?;
        self.inner.chunks.note_named(number);
        Ok(())
    }

    /// The receipt of what was recorded under a request id before, where `is_it` finds in it what is asked for now.
    ///
    /// # Errors
    /// [`Kind::Refused`] (code `request.differs`) where something else was recorded under it.
    pub(crate) fn recorded(&self, request: &str, is_it: impl Fn(&Change) -> bool) -> Result<Option<Receipt>> {
        self.inner.catalog.read(|rows| {
            let Some(known) = rows.batch_of_request(self.id, request)? else { return Ok(None) };
            if !rows.remarks(known.id, known.id)?.iter().any(|(_, _, change)| is_it(change)) {
                return Err(other_request(&known));
            }
            Ok(Some(receipt_of(&rows.tenant_by_id(self.id)?.position, &known)))
        })
    }

    /// Makes a draft a batch of the log.
    pub fn commit_draft(&self, draft: i64, request_id: &str) -> Result<Receipt> {
        let pass = self.batch("");
        let (row, changes) = self.inner.catalog.read(|view| {
            let row = view.drafts(self.id)?.into_iter().find(|d| d.id == draft);
            let row =
                row.ok_or_else(|| Error::missing("batch.missing", format!("no open batch {draft}")).hint("annals batch ls shows the open ones"))?;
            Ok((row, view.draft_changes(draft)?))
        })?;
        let mut batch = pass.actor(&row.actor).request_id(request_id);
        batch.head.reason = row.reason;
        batch.head.draft = Some(draft);
        for change in changes {
            let DraftChange { key, content, meta } = change;
            batch.add(match content {
                None => Draft::Remove { key, if_version: None },
                Some((digest, size, body)) => Draft::Put { key, source: Source::New(Ingested { digest, size, body }), meta, if_version: None },
            })?;
        }
        batch.commit()
    }
}

fn check_mark(name: &str) -> Result<()> {
    check_text("mark", name)?;
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Error::usage("mark.bad", format!("not a name for a mark: {name:?}")).hint("use letters, digits and hyphens, like release-7"));
    }
    Ok(())
}

/// Refuses what a reader of the record would refuse later.
fn check_meta(meta: &Meta) -> Result<()> {
    check_text("media type", &meta.media)?;
    match meta.mode {
        Some(mode) if mode > 0o7777 => Err(Error::usage("meta.mode", format!("not permission bits: {mode:o}"))
            .hint("leave out the bits that say what kind of file it is: mode & 0o7777")),
        _ => Ok(()),
    }
}

fn commit_group(inner: &Inner, group: Vec<(u64, Series)>) -> Vec<(u64, Result<Vec<Receipt>>)> {
    let tickets: Vec<u64> = group.iter().map(|(ticket, _)| *ticket).collect();
    let committed = (|| {
        let sync = group.iter().any(|(_, series)| series.iter().any(|r| r.sync));
        let number = if sync { inner.chunks.sync()? } else { 0 };
        inner
            .catalog
            .write(|w| {
                if sync {
                    w.raise_fact(CHUNK_NUMBER, number)?;
                }
                let alone = group.len() == 1;
                group.iter().map(|(ticket, series)| Ok((*ticket, record_series(inner, w, series, alone)?))).collect::<Result<Vec<_>>>()
            })
            .inspect(|_| inner.chunks.note_named(number))
            .inspect(|_| inner.count_turn())
    })();
    match committed {
        Ok(results) => results,
        Err(e) => tickets.into_iter().map(|ticket| (ticket, Err(e.again()))).collect(),
    }
}

/// Records the batches of one caller; where others share the transaction, its own failure undoes only itself.
fn record_series(inner: &Inner, w: &Writer<'_>, series: &Series, alone: bool) -> Result<Result<Vec<Receipt>>> {
    let all = || series.iter().map(|request| record(inner, w, request)).collect::<Result<Vec<_>>>();
    if alone {
        return all().map(Ok);
    }
    w.run("SAVEPOINT request", ())?;
    // A pack is not shared with another caller, whose failure would take its contents back.
    let result = all().and_then(|receipts| w.finish_pack().map(|()| receipts));
    if result.is_err() {
        w.drop_pack();
        w.run("ROLLBACK TO request", ())?;
    }
    w.run("RELEASE request", ())?;
    Ok(result)
}

impl Expected {
    fn check(&self, rows: &Rows<'_>, tenant: &TenantRow) -> Result<()> {
        let (Expected::At(seen) | Expected::Letting(seen, _)) = self;
        let now = &tenant.position;
        if seen == now || self.is_let(rows, tenant)? {
            return Ok(());
        }
        Err(Error::new(Kind::Refused, "plan.stale", format!("the plan was made at seq {}, the log is now at seq {}", seen.seq, now.seq))
            .hint("make the plan again and look at it again; nothing was changed")
            .at_seq(now.seq))
    }

    /// Whether what came after the plan leaves it as it is.
    fn is_let(&self, rows: &Rows<'_>, tenant: &TenantRow) -> Result<bool> {
        let Expected::Letting(seen, contents) = self else { return Ok(false) };
        let here = rows.batch(catalog::id(tenant.id, seen.seq))?;
        if tenant.position.timeline != seen.timeline || here.is_none_or(|batch| batch.digest != seen.digest) {
            return Ok(false);
        }
        let (first, last) = (catalog::id(tenant.id, seen.seq + 1), catalog::id(tenant.id, tenant.position.seq));
        let mut apart = rows.remarks(first, last)?.iter().all(|(_, _, remark)| matches!(remark, Change::Refer { .. }));
        rows.versions_of_batches(first, last, |version| {
            apart &= version.content.is_none_or(|content| contents.binary_search(&catalog::number(content)).is_err());
            Ok(())
        })?;
        Ok(apart)
    }
}

fn record(inner: &Inner, w: &Writer<'_>, request: &Request) -> Result<Receipt> {
    let mut tenant = w.tenant_by_id(request.tenant)?;
    let head = &request.head;
    if let Some(known) = w.batch_of_request(tenant.id, &head.request)? {
        return repeated(w, &tenant.position, known, request);
    }
    if let Some(expected) = &head.expected {
        expected.check(w, &tenant)?;
    }
    if tenant.is_side() {
        return Err(Error::new(Kind::Refused, "line.left", format!("{} is a line of history that was left; it is only read", tenant.name))
            .hint("record into the tenant itself: the name before the slash"));
    }
    if let Some(dropped) = w.dropped(tenant.id)?
        && !request.drafts.iter().all(is_of_dropped)
    {
        let zone = inner.config.store.zone.clone().unwrap_or_else(Zone::system);
        return Err(dropped_error(w, &tenant, &dropped, &zone)?.of_kind(Kind::Refused));
    }
    inner.witness.begin_line(w, &mut tenant, inner.random())?;
    let now = inner.clock().now();
    let time = now.max(tenant.time);
    let batch_head = BatchHead {
        seq: tenant.position.seq + 1,
        prev: tenant.position.digest,
        time,
        clock_behind: now.micros() - time.micros(),
        actor: head.actor.clone(),
        reason: head.reason.clone(),
        origin: head.origin.clone(),
        request: head.request.clone(),
        cause: head.cause,
    };
    let changes = request.drafts.len() as u64;
    w.set_scope(&inner.config.erasable);
    let mut seen: Seen<'_> = head.seen.iter().map(|(key, fingerprint)| (&key[..], fingerprint.as_deref())).collect();
    let bytes_before = w.content_bytes_added();
    write_batch(w, &mut tenant, &batch_head, &request.drafts, &mut seen)?;
    w.set_tenant_end(&tenant)?;
    for (key, fingerprint) in seen {
        match fingerprint {
            Some(bytes) => w.set_seen(tenant.id, key, bytes)?,
            None => w.clear_seen(tenant.id, key)?,
        }
    }
    if let Some(draft) = head.draft {
        w.remove_draft(draft)?;
    }
    if let Some((name, value)) = &head.fact {
        w.set_fact(name, value)?;
    }
    let bytes_new = w.content_bytes_added() - bytes_before;
    Ok(Receipt { position: tenant.position, time, changes, bytes_new, repeated: false })
}

/// What may be recorded of a tenant that was dropped: what becomes of it, and what keeps it.
fn is_of_dropped(draft: &Draft) -> bool {
    matches!(draft, Draft::Other(Change::Tenant(_) | Change::Forget { .. } | Change::Hold { .. } | Change::Lift { .. } | Change::MarkAt { .. }))
}

/// Adds one batch to the end of the log and moves `tenant` with it. Also how the batches of segments come back.
///
/// What capture saw of the documents is noted with them and taken out of `seen`.
pub(crate) fn write_batch(w: &Writer<'_>, tenant: &mut TenantRow, head: &BatchHead, drafts: &[Draft], seen: &mut Seen<'_>) -> Result<()> {
    let batch = catalog::id(tenant.id, head.seq);
    let digest = std::thread::scope(|scope| {
        // The digest follows from the changes alone, so a large batch is hashed while its rows are written.
        let beside = (drafts.len() >= HASHED_BESIDE_FROM).then(|| scope.spawn(|| digest_of(head, drafts)));
        for (place, draft) in drafts.iter().enumerate() {
            apply(w, tenant, (batch, place as u64), draft, seen)?;
        }
        let panicked = |_| Error::new(Kind::Failed, "batch.panicked", "the thread that hashes the batch panicked");
        beside.map_or_else(|| Ok(digest_of(head, drafts)), |hashing| hashing.join().map_err(panicked))
    })?;
    w.add_batch(tenant, head, drafts.len() as u64, &digest)?;
    for draft in drafts {
        if let Draft::Other(Change::Erase { subject, key, contents }) = draft {
            bury(w, tenant.id, head, (*subject, *key, contents))?;
        }
    }
    tenant.position.seq = head.seq;
    tenant.position.digest = digest;
    tenant.time = head.time;
    Ok(())
}

/// What stays of a subject, in the place of its key.
fn bury(w: &Writer<'_>, tenant: i64, head: &BatchHead, (subject, key, contents): (Digest, KeyId, &[u64])) -> Result<()> {
    let mut bare = Vec::new();
    for number in contents {
        if w.subject_of_content(catalog::id(tenant, *number))?.is_none() {
            bare.push(*number);
        }
    }
    let (actor, reason) = (head.actor.clone(), head.reason.clone());
    let tombstone = Tombstone { subject, key, seq: head.seq, time: head.time, actor, reason, contents: bare };
    let home = w.home_of(tenant)?;
    // Also where the tombstone came before, with the keys: the bytes may have been taken in from older segments.
    w.bury(home, &tombstone)?;
    w.note_erasing(home, head.seq, b"")
}

fn digest_of(head: &BatchHead, drafts: &[Draft]) -> Digest {
    let mut hasher = RecordHasher::new(head, drafts.len() as u64);
    for draft in drafts {
        match draft {
            Draft::Put { key, source, meta, .. } => {
                let (content, size) = source.digest();
                hasher.push_put(key, &content, size, meta);
            }
            other => hasher.push(&change_of(other)),
        }
    }
    hasher.finish()
}

/// The same request again: the first receipt if it says the same, a refusal if not. What is kept beside a content may differ, because a
/// program that sends a file again may find another time on it.
fn repeated(w: &Writer<'_>, position: &Position, known: BatchRow, request: &Request) -> Result<Receipt> {
    let mut recorded = HashMap::new();
    w.versions_of_batches(known.id, known.id, |v| {
        let content = v.content.map(|content| w.content_digest(content)).transpose()?;
        recorded.insert(v.document, content.map(|(digest, _)| digest));
        Ok(())
    })?;
    let mut remarks = w.remarks(known.id, known.id)?.into_iter().map(|(_, _, change)| change);
    let mut same = request.drafts.len() as u64 == known.changes;
    for draft in &request.drafts {
        let (key, content) = match change_of(draft) {
            Change::Put { key, content, .. } => (key, Some(content)),
            Change::Remove { key } => (key, None),
            remark => {
                same &= remarks.next() == Some(remark);
                continue;
            }
        };
        let document = w.document(catalog::tenant_of(known.id), &key)?;
        same &= document.is_some_and(|d| recorded.get(&d.id) == Some(&content));
    }
    if !same {
        return Err(other_request(&known));
    }
    Ok(receipt_of(position, &known))
}

fn other_request(known: &BatchRow) -> Error {
    Error::new(Kind::Refused, "request.differs", format!("request {} was recorded before with other changes", known.head.request))
        .hint("use a new request id for a new request")
        .at_seq(known.head.seq)
}

fn receipt_of(end: &Position, known: &BatchRow) -> Receipt {
    let position = Position { timeline: end.timeline, seq: known.head.seq, digest: known.digest };
    Receipt { position, time: known.head.time, changes: known.changes, bytes_new: 0, repeated: true }
}

/// The change that a draft stands for.
pub(crate) fn change_of(draft: &Draft) -> Change {
    match draft {
        Draft::Put { key, source, meta, .. } => {
            let (content, size) = source.digest();
            Change::Put { key: key.clone(), content, size, meta: meta.clone() }
        }
        Draft::Remove { key, .. } => Change::Remove { key: key.clone() },
        Draft::Refer { key, reference, .. } => Change::Refer { key: key.clone(), reference: reference.clone() },
        Draft::Mark { name } => Change::Mark { name: name.clone() },
        Draft::Other(change) => change.clone(),
    }
}

/// What capture saw of documents, by key; nothing where it is not to be trusted.
pub(crate) type Seen<'s> = HashMap<&'s [u8], Option<&'s [u8]>>;

fn apply(w: &Writer<'_>, tenant: &mut TenantRow, (batch, place): (i64, u64), draft: &Draft, seen: &mut Seen<'_>) -> Result<()> {
    let mut seen_of = |key: &[u8]| if seen.is_empty() { None } else { seen.remove(key) };
    match draft {
        Draft::Put { key, source, meta, if_version } => {
            let document = w.document_state(tenant.id, key)?;
            check_version(key, document, *if_version)?;
            let subject = w.subject_for(tenant.id, key)?;
            let content = match source {
                Source::Known { id, .. } if w.is_in_scope(*id, subject)? => *id,
                // Bytes of one subject that become those of another, or of nobody, are a content of their own: each goes without the other.
                Source::Known { id, .. } => {
                    let known = w.content(*id)?;
                    let again = Ingested { digest: known.digest, size: known.size, body: known.body };
                    content_id(w, tenant, &again, subject)?
                }
                Source::New(new) => content_id(w, tenant, new, subject)?,
                Source::Numbered { number, content } => numbered(w, tenant, *number, content)?,
            };
            let (id, number) = document.map_or((catalog::id(tenant.id, tenant.documents), 1), |d| (d.id, d.versions + 1));
            let row = NewVersion { document: id, batch, place, number, content: Some(content), meta };
            match document {
                Some(_) => w.add_version(&row, seen_of(key)),
                None => {
                    w.add_document_with(tenant.id, tenant.documents, key, &row, seen_of(key).flatten())?;
                    tenant.documents += 1;
                    Ok(())
                }
            }
        }
        Draft::Remove { key, if_version } => {
            let document = w.document_state(tenant.id, key)?.filter(|d| d.exists);
            let document = document.ok_or_else(|| {
                Error::missing("document.missing", format!("there is no document {}", show_key(key)))
                    .hint("annals ls shows the documents")
                    .at_key(key)
            })?;
            check_version(key, Some(document), *if_version)?;
            let row = NewVersion { document: document.id, batch, place, number: document.versions, content: None, meta: &Meta::default() };
            w.add_version(&row, seen_of(key))
        }
        Draft::Refer { key, reference, shared } => {
            let document = find_or_add(w, tenant, key)?;
            if !shared {
                let others = w.references_to(tenant.id, &reference.system, &reference.id)?;
                if let Some(other) = others.iter().find(|r| r.document != document.id) {
                    let owner = w.document_by_id(other.document)?.map_or_else(String::new, |d| show_key(&d.key));
                    return Err(Error::new(
                        Kind::Refused,
                        "reference.taken",
                        format!("{} {} belongs to document {owner} already", reference.system, reference.id),
                    )
                    .hint("check the id; add --shared if both documents really carry it")
                    .at_key(key));
                }
            }
            w.add_remark(batch, place, Some(document.id), &change_of(draft))
        }
        Draft::Mark { .. } | Draft::Other(_) => w.add_remark(batch, place, None, &change_of(draft)),
    }
}

fn find_or_add(w: &Writer<'_>, tenant: &mut TenantRow, key: &[u8]) -> Result<DocumentRow> {
    if let Some(document) = w.document(tenant.id, key)? {
        return Ok(document);
    }
    let document = w.add_document(tenant.id, tenant.documents, key)?;
    tenant.documents += 1;
    Ok(document)
}

fn content_id(w: &Writer<'_>, tenant: &mut TenantRow, new: &Ingested, subject: Option<i64>) -> Result<i64> {
    if let Some(id) = w.known_content(tenant.id, &new.digest, subject)? {
        return Ok(id);
    }
    let id = w.add_content(tenant.id, tenant.contents, &new.digest, new.size, &new.body)?;
    if let Some(subject) = subject {
        w.set_content_subject(id, subject)?;
    }
    tenant.contents += 1;
    Ok(id)
}

/// A content of a segment under the number that it has there. What a writer numbered anew because the bytes were given up before is numbered
/// anew here too.
fn numbered(w: &Writer<'_>, tenant: &mut TenantRow, number: u64, content: &Ingested) -> Result<i64> {
    if number > tenant.contents {
        return Err(Error::damaged("a segment whose contents are out of order"));
    }
    if number == tenant.contents {
        w.add_content(tenant.id, number, &content.digest, content.size, &content.body)?;
        tenant.contents += 1;
    }
    Ok(catalog::id(tenant.id, number))
}

fn check_version(key: &[u8], document: Option<DocumentState>, wanted: Option<u64>) -> Result<()> {
    let current = document.filter(|d| d.exists).map_or(0, |d| d.versions);
    match wanted {
        Some(wanted) if wanted != current => {
            let now = if current == 0 { "does not exist".to_owned() } else { format!("is at v{current}") };
            Err(Error::new(Kind::Refused, "version.moved", format!("{} {now}, v{wanted} was expected", show_key(key)))
                .hint("read the document again, and repeat the change on what it says now")
                .at_key(key))
        }
        _ => Ok(()),
    }
}
