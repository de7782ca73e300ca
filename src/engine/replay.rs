//! Replay: a slice of a log, read from objects, becomes part of the local log again. Rebuild and fetch both go through here.
//!
//! Nothing is believed: contents are hashed while they are taken in, records are built anew from them, and only when the digest of the last
//! batch is the one that the slice names does one transaction add them. An interrupted replay leaves chunks that nothing names.

use std::collections::{BTreeSet, HashMap};
use std::io::Read;

use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::limits;
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::base::time::Timestamp;
use crate::format::block;
use crate::format::cipher::SecretKey;
use crate::format::container;
use crate::format::layout::{self, Layout};
use crate::format::record::RecordHasher;
use crate::format::segment::{ObjectRead, SliceReader};
use crate::format::wire::{Form, NewContent, Run, Slice, WireBatch, WireChange};
use crate::model::change::{BatchHead, KeyId};
use crate::model::key::show_key;
use crate::storage::catalog::contents::{Body, ContentRow};
use crate::storage::catalog::segments::ObjectRow;
use crate::storage::catalog::subjects::SubjectRow;
use crate::storage::catalog::tenants::TenantRow;
use crate::storage::catalog::{self, Writer};

use super::capture::note_replayed;
use super::content::{self, Ingested, Intake};
use super::queue::{Draft, Source};
use super::record::{Seen, change_of, write_batch};
use super::seal::{Before, piece_bytes, sealing_of};
use super::store::{CHUNK_NUMBER, Tenant};

/// Bytes of small contents that a replay holds in memory; further ones go to the chunk store.
const INLINE_HELD_BYTES_MAX: usize = 64 << 20;

/// The code of the error for a sealing that needs bytes which were given up since.
pub(crate) const LEANS: &str = "segment.leans";

/// What a replay added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Replayed {
    pub batches: u64,
    pub changes: u64,
    pub bytes: u64,
    /// Only the beginning of the slice was wanted.
    pub partly: bool,
    /// Contents in boxes of subjects whose keys are nowhere, and that were not erased either.
    pub locked: u64,
}

/// What a replay needs to know besides the slice.
pub(crate) struct Replay<'a> {
    pub tenant: &'a Tenant,
    pub reader: &'a SliceReader,
    pub source: &'a dyn ObjectRead,
    /// The objects of the slice, to be noted as sealed.
    pub objects: &'a [ObjectRow],
    /// Batches of later moments are left out.
    pub until: Option<Timestamp>,
    /// Chunks are written again although they are there.
    pub anew: bool,
    pub monitor: &'a dyn Monitor,
}

/// The contents of a slice, taken in one after the other, with the blocks they come from.
struct Taking<'a> {
    replay: &'a Replay<'a>,
    before: &'a Before<'a>,
    layout: Layout,
    fresh: Vec<Ingested>,
    intake: &'a Intake,
    /// The block being read: plain bytes and how many of them are used.
    block: Vec<u8>,
    used: usize,
    next_block: usize,
    /// Bytes of blocks that are passed over, because nobody can open them any more.
    passing: u64,
    /// The subjects in whose boxes contents are, by the id of their key.
    subjects: HashMap<KeyId, Option<SubjectRow>>,
    locked: u64,
}

impl Replay<'_> {
    /// Adds the slice to the end of the tenant's log.
    pub(crate) fn run(&self) -> Result<Replayed> {
        let inner = &*self.tenant.inner;
        let slice = self.reader.slice();
        let row = inner.catalog.read(|rows| rows.tenant_by_id(self.tenant.id))?;
        self.check_place(&row)?;
        let _pass = inner.gate.enter();
        let (fresh, bytes, locked) = self.taken()?;
        let drafts = self.drafts(slice, &fresh)?;
        self.prove(slice, &drafts, &row)?;
        let number = inner.chunks.sync()?;
        inner
            .catalog
            .write(|w| {
                w.raise_fact(CHUNK_NUMBER, number)?;
                self.write(w, row.clone(), slice, &drafts).map(|done| Replayed { bytes, locked, ..done })
            })
            .inspect(|_| inner.chunks.note_named(number))
            .inspect(|_| inner.count_turn())
    }

    /// Takes in the contents of the slice. Nothing names them yet; the caller holds the gate.
    pub(crate) fn contents(&self) -> Result<Vec<Ingested>> {
        Ok(self.taken()?.0)
    }

    /// The contents of the slice, their bytes together, and how many of them are locked.
    fn taken(&self) -> Result<(Vec<Ingested>, u64, u64)> {
        let slice = self.reader.slice();
        let before = Before { inner: &self.tenant.inner, tenant: self.tenant.id, first_seq: slice.first_seq, contents: slice.contents_before };
        let layout = Layout::of(slice, &before)?;
        let store = &self.tenant.inner.chunks;
        let intake = &if self.anew { Intake::new(&store.anew()) } else { Intake::new(store) };
        let mut taking = Taking {
            replay: self,
            before: &before,
            layout,
            fresh: Vec::new(),
            intake,
            block: Vec::new(),
            used: 0,
            next_block: 0,
            passing: 0,
            subjects: self.subjects()?,
            locked: 0,
        };
        let bytes = taking.all()?;
        intake.flush()?;
        Ok((taking.fresh, bytes, taking.locked))
    }

    /// The subjects in whose boxes contents of the slice are, as far as their keys or tombstones are known.
    fn subjects(&self) -> Result<HashMap<KeyId, Option<SubjectRow>>> {
        let keys: BTreeSet<KeyId> = self.reader.slice().contents.iter().filter_map(NewContent::key).collect();
        self.tenant.inner.catalog.read(|rows| {
            let home = rows.home_of(self.tenant.id)?;
            keys.into_iter().map(|key| Ok((key, rows.subject_with_key(home, &key)?))).collect()
        })
    }

    fn write(&self, w: &Writer<'_>, mut row: TenantRow, slice: &Slice, drafts: &[(BatchHead, Vec<Draft>)]) -> Result<Replayed> {
        let mut done = Replayed::default();
        let subjects = self.subjects()?;
        for (number, content) in (slice.contents_before..).zip(&slice.contents).filter(|(number, _)| *number >= row.contents) {
            if let Some(Some(subject)) = content.key().and_then(|key| subjects.get(&key)) {
                w.set_content_subject(catalog::id(row.id, number), subject.id)?;
            }
        }
        let before = row.position;
        for (head, drafts) in drafts.iter().filter(|(head, _)| head.seq > before.seq) {
            if self.until.is_some_and(|until| head.time > until) {
                done.partly = true;
                break;
            }
            let head = BatchHead { prev: row.position.digest, ..head.clone() };
            write_batch(w, &mut row, &head, drafts, &mut Seen::new())?;
            done.batches += 1;
            done.changes += drafts.len() as u64;
        }
        if row.position.timeline != slice.timeline {
            // A log that is built from nothing comes from no other line, unless the slice says so.
            let parent = slice.parent.or((before.seq > 0).then_some(before));
            w.set_tenant_timeline(row.id, slice.timeline, parent.as_ref())?;
        }
        w.set_tenant_end(&row)?;
        if done.batches > 0 {
            note_replayed(w, row.id, before.seq + 1, row.position.seq)?;
        }
        if done.partly {
            w.clear_content_subjects(row.id, row.contents)?;
            return Ok(done);
        }
        if row.position.digest != slice.head || row.contents != slice.contents_before + slice.contents.len() as u64 {
            return Err(Error::damaged("a slice whose numbering does not fit its contents"));
        }
        let added = w.add_slice(row.id, slice.first_seq, slice.last_seq(), self.objects)?;
        w.set_sealing(added, &sealing_of(slice))?;
        for (i, content) in slice.contents.iter().enumerate() {
            if let Some(base) = content.base {
                let depth = w.chain(catalog::id(row.id, base))? + 1;
                w.set_chain(catalog::id(row.id, slice.contents_before + i as u64), depth)?;
            }
        }
        Ok(done)
    }

    /// The changes of each batch as they were recorded.
    fn drafts(&self, slice: &Slice, fresh: &[Ingested]) -> Result<Vec<(BatchHead, Vec<Draft>)>> {
        let mut out = Vec::with_capacity(slice.batches.len());
        for (i, batch) in slice.batches.iter().enumerate() {
            let drafts = batch.changes.iter().map(|c| self.draft(slice, fresh, c)).collect::<Result<Vec<_>>>()?;
            out.push((head_of(slice, i, batch), drafts));
        }
        Ok(out)
    }

    fn key(&self, slice: &Slice, document: u64) -> Result<Vec<u8>> {
        match document.checked_sub(slice.documents_before) {
            Some(own) => slice.new_keys.get(own as usize).cloned().ok_or_else(|| Error::damaged("a slice that names an unknown document")),
            None => self.tenant.inner.catalog.read(|rows| super::history::key_of(rows, catalog::id(self.tenant.id, document))),
        }
    }

    fn draft(&self, slice: &Slice, fresh: &[Ingested], change: &WireChange) -> Result<Draft> {
        Ok(match change {
            WireChange::Put { document, content, meta } => {
                let source = match content.checked_sub(slice.contents_before) {
                    Some(own) => {
                        let ingested = fresh.get(own as usize).ok_or_else(|| Error::damaged("a slice that names an unknown content"))?;
                        Source::Numbered { number: *content, content: ingested.clone() }
                    }
                    None => {
                        let id = catalog::id(self.tenant.id, *content);
                        let (digest, size) = self.tenant.inner.catalog.read(|rows| rows.content_digest(id))?;
                        Source::Known { id, digest, size }
                    }
                };
                Draft::Put { key: self.key(slice, *document)?, source, meta: meta.clone(), if_version: None }
            }
            WireChange::Remove { document } => Draft::Remove { key: self.key(slice, *document)?, if_version: None },
            WireChange::Refer { document, reference } => {
                Draft::Refer { key: self.key(slice, *document)?, reference: reference.clone(), shared: true }
            }
            WireChange::Mark { name } => Draft::Mark { name: name.clone() },
            WireChange::Other(change) => Draft::Other(change.clone()),
        })
    }

    /// The slice must continue this log, or begin within it where the two are the same up to there.
    fn check_place(&self, row: &TenantRow) -> Result<()> {
        let slice = self.reader.slice();
        let before = self.tenant.inner.catalog.read(|rows| rows.batch(catalog::id(row.id, slice.first_seq - 1)))?;
        let (digest, numbered) = before.map_or((Digest::ZERO, (0, 0)), |b| (b.digest, b.numbered));
        let place = 1..=row.position.seq + 1;
        if place.contains(&slice.first_seq) && slice.prev == digest && (slice.documents_before, slice.contents_before) == numbered {
            return Ok(());
        }
        Err(apart(slice, row))
    }

    /// Recomputes the chain of digests over all batches of the slice and compares its end, and the batch at which this log ends.
    fn prove(&self, slice: &Slice, drafts: &[(BatchHead, Vec<Draft>)], row: &TenantRow) -> Result<()> {
        let mut prev = slice.prev;
        for (head, drafts) in drafts {
            let head = BatchHead { prev, ..head.clone() };
            let mut hasher = RecordHasher::new(&head, drafts.len() as u64);
            drafts.iter().for_each(|d| hasher.push(&change_of(d)));
            prev = hasher.finish();
            if head.seq == row.position.seq && prev != row.position.digest {
                return Err(apart(slice, row));
            }
        }
        if prev != slice.head {
            return Err(Error::new(
                Kind::Failed,
                "segment.damaged",
                format!("batches {} to {} do not add up to their digest", slice.first_seq, slice.last_seq()),
            )
            .hint("take the segment from another remote; the site that wrote it can ship it again")
            .at_seq(slice.first_seq));
        }
        Ok(())
    }
}

/// The keys of the documents that a slice changes, as far as they are known here.
pub(crate) fn documents(tenant: &Tenant, slice: &Slice) -> Vec<String> {
    let changed = slice.batches.iter().flat_map(|b| &b.changes).filter_map(|change| match change {
        WireChange::Put { document, .. } | WireChange::Remove { document } => Some(*document),
        WireChange::Refer { .. } | WireChange::Mark { .. } | WireChange::Other(_) => None,
    });
    let numbers: BTreeSet<u64> = changed.collect();
    let key = |n: u64| match n.checked_sub(slice.documents_before) {
        Some(own) => slice.new_keys.get(own as usize).cloned(),
        None => tenant.inner.catalog.read(|rows| super::history::key_of(rows, catalog::id(tenant.id, n))).ok(),
    };
    numbers.into_iter().filter_map(key).map(|k| show_key(&k)).collect()
}

fn head_of(slice: &Slice, i: usize, batch: &WireBatch) -> BatchHead {
    BatchHead {
        seq: slice.first_seq + i as u64,
        prev: Digest::ZERO,
        time: batch.time,
        clock_behind: batch.clock_behind,
        actor: batch.actor.clone(),
        reason: batch.reason.clone(),
        origin: batch.origin.clone(),
        request: batch.request.clone(),
        cause: batch.cause,
    }
}

fn apart(slice: &Slice, row: &TenantRow) -> Error {
    Error::new(
        Kind::Refused,
        "lineage.apart",
        format!("batches {} to {} do not continue this log, which ends at seq {}", slice.first_seq, slice.last_seq(), row.position.seq),
    )
    .hint("the remote and this store have different histories, nothing was changed; annals realign shows both sides")
    .at_seq(row.position.seq)
}

impl Taking<'_> {
    /// Takes in all contents and gives their bytes.
    fn all(&mut self) -> Result<u64> {
        let contents = &self.replay.reader.slice().contents;
        let total = contents.iter().map(|c| c.size).sum();
        let (mut bytes, mut inline_bytes) = (0, 0);
        let intake = self.intake;
        for (i, described) in contents.iter().enumerate() {
            check_stop(self.replay.monitor)?;
            let inline = inline_bytes < INLINE_HELD_BYTES_MAX;
            let closed = described.boxed.filter(|boxed| self.key(&boxed.key).is_none());
            let ingested = match described.form {
                _ if closed.is_some() => self.pass(described)?,
                Form::Container { form_len } => {
                    let mut form = Vec::new();
                    Data { taking: self, left: form_len }.read_to_end(&mut form).map_err(unwrap)?;
                    let whole = container::repack(&form)?;
                    intake.take(&mut &whole[..], Some(described.size), inline)?
                }
                // What is here already under that number is not given up because a segment lacks it.
                Form::Absent { digest } => Ingested { digest, size: described.size, body: Body::Gone(0) },
                Form::Plain if described.splice.is_empty() => {
                    intake.take(&mut Data { taking: self, left: described.size }, Some(described.size), inline).map_err(peel)?
                }
                Form::Plain => {
                    let base = self.base(described)?;
                    let mut reader = Spliced { taking: self, base, runs: described.splice.clone().into_iter(), run: None };
                    intake.take(&mut reader, Some(described.size), inline).map_err(peel)?
                }
            };
            if described.boxed.is_some_and(|boxed| boxed.digest != ingested.digest) {
                return Err(Error::damaged(format_args!("content {i} of a slice, which has other bytes than its digest says")));
            }
            if ingested.size != described.size {
                return Err(Error::damaged(format_args!("content {i} of a slice, which has another size than it says")));
            }
            if let Body::Plain(plain) = &ingested.body {
                inline_bytes += plain.len();
            }
            bytes += ingested.size;
            self.fresh.push(ingested);
            self.replay.monitor.progress(&Progress {
                phase: "rebuilding",
                items: i as u64 + 1,
                items_total: contents.len() as u64,
                bytes,
                bytes_total: total,
            });
        }
        Ok(bytes)
    }

    /// A content that others are packed against.
    fn row(&self, ordinal: u64) -> Result<ContentRow> {
        let row = self.known(ordinal)?;
        match row.body {
            Body::Gone(_) => Err(Error::new(Kind::Failed, LEANS, "the segment is packed against what was forgotten since")
                .hint("another sealing of the same batches does without; annals compact on the site that wrote it makes one")),
            _ => Ok(row),
        }
    }

    fn known(&self, ordinal: u64) -> Result<ContentRow> {
        let slice = self.replay.reader.slice();
        let id = catalog::id(self.replay.tenant.id, ordinal);
        match ordinal.checked_sub(slice.contents_before) {
            None => self.before.inner.catalog.read(|rows| rows.content(id)),
            Some(own) => {
                let known = self.fresh.get(own as usize).ok_or_else(|| Error::damaged("a slice that builds on what comes later"))?;
                self.intake.flush()?;
                Ok(ContentRow { id, digest: known.digest, size: known.size, body: known.body.clone() })
            }
        }
    }

    fn base(&self, described: &NewContent) -> Result<ContentRow> {
        self.row(described.base.ok_or_else(|| Error::damaged("a spliced content without a base"))?)
    }

    /// The key of a subject's box, unless it was destroyed or is nowhere.
    fn key(&self, key: &KeyId) -> Option<&SecretKey> {
        self.subjects.get(key)?.as_ref()?.key.as_ref()
    }

    /// Passes over the data of a content in a box that cannot be opened. It is known by its digest, like one that a slice comes without.
    fn pass(&mut self, described: &NewContent) -> Result<Ingested> {
        let boxed = described.boxed.ok_or_else(|| Error::damaged("a box that is none"))?;
        let mut left = described.data_len();
        while left > 0 {
            if self.passing == 0 {
                let entry = self.replay.reader.slice().blocks.get(self.next_block).ok_or_else(|| Error::damaged("a slice with too few blocks"))?;
                self.passing = entry.plain_len;
                self.next_block += 1;
            }
            let n = left.min(self.passing);
            self.passing -= n;
            left -= n;
        }
        let by = match self.subjects.get(&boxed.key) {
            Some(Some(SubjectRow { tombstone: Some(tombstone), .. })) => tombstone.seq,
            _ => {
                self.locked += 1;
                0
            }
        };
        Ok(Ingested { digest: boxed.digest, size: described.size, body: Body::Gone(by) })
    }

    /// Unpacks the next block.
    fn load(&mut self) -> Result<()> {
        let slice = self.replay.reader.slice();
        let i = self.next_block;
        let (Some(entry), Some(layout)) = (slice.blocks.get(i), self.layout.blocks.get(i)) else {
            return Err(Error::damaged("a slice with too few blocks"));
        };
        let inner = self.before.inner;
        let prefix = layout::assemble(&layout.prefix, |piece, room| piece_bytes(inner, &self.row(piece.content)?, piece, room))?;
        let frame = self.replay.reader.frame(i, self.replay.source)?;
        let frame = match layout.key {
            None => frame,
            Some(key) => {
                let key = self.key(&key).ok_or_else(|| Error::damaged("a block whose contents are in several boxes"))?;
                self.replay.reader.unbox(i, &frame, key)?
            }
        };
        let plain_len = usize::try_from(entry.plain_len).ok().filter(|l| *l <= limits::BLOCK_PLAIN_BYTES_MAX);
        let plain_len = plain_len.ok_or_else(|| Error::damaged("a block larger than any writer makes"))?;
        self.block = block::unpack(&prefix, &frame, plain_len)?;
        self.used = 0;
        self.next_block += 1;
        Ok(())
    }
}

/// Carries an error of ours through `std::io`.
fn wrap(e: Error) -> std::io::Error {
    std::io::Error::other(e)
}

fn unwrap(e: std::io::Error) -> Error {
    match e.downcast::<Error>() {
        Ok(ours) => ours,
        Err(other) => Error::io("read a segment", other),
    }
}

/// The error of ours that an ingest wrapped, where there is one.
fn peel(e: Error) -> Error {
    let ours = std::error::Error::source(&e).and_then(|s| s.downcast_ref::<std::io::Error>()).and_then(|io| io.get_ref()?.downcast_ref::<Error>());
    let again = ours.map(Error::again);
    again.unwrap_or(e)
}

/// The next bytes of the data of a slice.
struct Data<'t, 'a> {
    taking: &'t mut Taking<'a>,
    left: u64,
}

impl Read for Data<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 || buf.is_empty() {
            return Ok(0);
        }
        if self.taking.used == self.taking.block.len() {
            self.taking.load().map_err(wrap)?;
        }
        let ready = &self.taking.block[self.taking.used..];
        let n = ready.len().min(buf.len()).min(usize::try_from(self.left).unwrap_or(usize::MAX));
        buf[..n].copy_from_slice(&ready[..n]);
        self.taking.used += n;
        self.left -= n as u64;
        Ok(n)
    }
}

/// A large content: stretches of its base, and data.
struct Spliced<'t, 'a> {
    taking: &'t mut Taking<'a>,
    base: ContentRow,
    runs: std::vec::IntoIter<Run>,
    run: Option<Run>,
}

/// Bytes of a base read at once.
const COPY_BYTES: u64 = 1 << 20;

impl Read for Spliced<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        loop {
            match self.run.take().or_else(|| self.runs.next()) {
                None => return Ok(0),
                Some(Run::Copy { len: 0, .. } | Run::Data { len: 0 }) => {}
                Some(Run::Copy { at, len }) => {
                    let n = len.min(buf.len() as u64).min(COPY_BYTES);
                    let chunks = &self.taking.before.inner.chunks;
                    let bytes = content::range(chunks, &self.base, at, at + n).map_err(wrap)?;
                    buf[..bytes.len()].copy_from_slice(&bytes);
                    self.run = Some(Run::Copy { at: at + n, len: len - n });
                    return Ok(bytes.len());
                }
                Some(Run::Data { len }) => {
                    let mut data = Data { taking: self.taking, left: len };
                    let n = data.read(buf)?;
                    let left = data.left;
                    self.run = Some(Run::Data { len: left });
                    return Ok(n);
                }
            }
        }
    }
}
