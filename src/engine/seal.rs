//! Sealing: the part of the log that no segment holds yet becomes sealed objects in the outbox.
//!
//! Each new content is packed against the one that resembles it most: the version it replaces, or for a new document a content that shares
//! resemblance features. Large contents are described as copies of their base and new runs. Deflate containers are opened first. Everything
//! is unpacked again and compared before an object gets its name.

use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::path::PathBuf;

use crate::base::aside::aside;
use crate::base::digest::Digest;
use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::limits;
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::format::block::{self, Effort};
use crate::format::cipher::SecretKey;
use crate::format::container;
use crate::format::keyfile::subjects::key_id;
use crate::format::layout::{self, Layout, Piece};
use crate::format::list::Entry;
use crate::format::segment::{ObjectName, SliceWriter};
use crate::format::sketch::Sketcher;
use crate::format::wire::{BlockEntry, Boxed, Form, Known, NewContent, Run, Slice, WireBatch, WireChange};
use crate::model::change::{Change, KeyId, Meta};
use crate::storage::catalog::batches::BatchRow;
use crate::storage::catalog::contents::{Body, ContentRow};
use crate::storage::catalog::documents::VersionRow;
use crate::storage::catalog::keeping::SealingRow;
use crate::storage::catalog::segments::{ObjectRow, SliceRow};
use crate::storage::catalog::tenants::TenantRow;
use crate::storage::catalog::{self, View as Rows, number};

use super::content::{self, ContentReader, Entries, Rows as ContentRows};
use super::line::OBJECT_BYTES_MAX;
use super::steady::{OBJECT_BYTES_FLOOR, Steadiness};
use super::store::{Inner, OUTBOX, Store, Tenant};

/// Batches in one slice. Bounds the memory of sealing where batches are tiny.
const SLICE_BATCHES_MAX: usize = 20_000;
/// Changes in one slice, unless a single batch has more.
const SLICE_CHANGES_MAX: u64 = 500_000;
/// Contents of which a depth or a sketch is noted in one transaction: a millisecond or less.
const NOTED_AT_ONCE: usize = 500;
/// Bytes: contents from this size on are described as copies of their base and new runs where both are chunked.
const SPLICE_FROM_BYTES: u64 = 4 << 20;
/// Bytes: contents below this are not looked up by resemblance; sharing a block with others does as well.
const RESEMBLE_FROM_BYTES: u64 = 4096;
/// Bytes: contents above this are not looked up by resemblance, because their base would have to be spliced.
const RESEMBLE_TO_BYTES: u64 = 4 << 20;
/// Candidates looked at for each resemblance feature.
const CANDIDATES: usize = 4;

/// What to do where the log is not what it was.
const DAMAGED_HINT: &str = "annals verify --full tells what is damaged; annals verify --heal or annals rebuild brings it back from a remote";

/// Plain bytes of a block of what packs for each byte that an object may have. A block is never divided between objects, so on a thin line it must
/// be small too; text becomes a quarter or less, and blocks of 1 MiB (for objects of 256 KiB) pack nearly as well as larger ones.
const PLAIN_PER_OBJECT_BYTE: u64 = 4;
/// Bytes: contents below this are not looked at for whether they pack; hundreds of them make a block.
const DENSE_FROM_BYTES: u64 = 4096;
/// Bytes of a content that are looked at for whether it packs, in its middle.
const DENSE_SAMPLE_BYTES: u64 = 16 << 10;
/// Bytes around a block of what does not pack in an object of its own: front, tag and heads of the frame.
const AROUND_BLOCK_BYTES: u64 = 64;

/// How to seal.
#[derive(Debug, Clone, Copy)]
pub struct SealOptions {
    /// Bytes of one object before another is started. About a minute of the line that will carry it.
    pub object_bytes_max: u64,
    /// How hard to search for fewer bytes.
    pub effort: Effort,
    /// How steady that line is: objects are smaller where it may be cut.
    pub line: Steadiness,
}

impl Default for SealOptions {
    fn default() -> Self {
        SealOptions { object_bytes_max: OBJECT_BYTES_MAX, effort: Effort::Best, line: Steadiness::SURE }
    }
}

/// What sealing made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SealReport {
    /// Slices of the log.
    pub slices: u64,
    /// Batches in them.
    pub batches: u64,
    /// Objects in the outbox.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of the contents that they carry.
    pub content_bytes: u64,
}

/// What both sides know before a slice starts: the log up to the batch before its first.
pub(crate) struct Before<'a> {
    pub(crate) inner: &'a Inner,
    pub(crate) tenant: i64,
    pub(crate) first_seq: u64,
    pub(crate) contents: u64,
}

impl Before<'_> {
    fn last_put(&self, document: u64) -> Result<Option<VersionRow>> {
        let before = catalog::id(self.tenant, self.first_seq) - 1;
        self.inner.catalog.read(|rows| rows.last_put(catalog::id(self.tenant, document), before))
    }
}

impl Known for Before<'_> {
    fn content_of(&self, document: u64) -> Result<Option<u64>> {
        Ok(self.last_put(document)?.and_then(|v| v.content).map(number))
    }

    fn content_size(&self, content: u64) -> Result<u64> {
        if content >= self.contents {
            return Err(Error::damaged("a slice that names an unknown content"));
        }
        Ok(self.inner.catalog.read(|rows| rows.content_digest(catalog::id(self.tenant, content)))?.1)
    }

    fn meta_of(&self, document: u64) -> Result<Option<Meta>> {
        Ok(self.last_put(document)?.map(|v| v.meta))
    }
}

impl Store {
    /// Seals what no segment holds yet, of all tenants. [`Store::ship`] does it by itself.
    pub fn seal(&self, options: &SealOptions, monitor: &dyn Monitor) -> Result<SealReport> {
        let mut report = SealReport::default();
        for tenant in self.tenants()? {
            let done = tenant.seal(options, monitor)?;
            report.slices += done.slices;
            report.batches += done.batches;
            report.objects += done.objects;
            report.bytes += done.bytes;
            report.content_bytes += done.content_bytes;
        }
        Ok(report)
    }
}

impl Tenant {
    /// Seals what no segment holds yet, so that it passes the slowest line that it goes over, and the one that is cut most.
    ///
    /// # Errors
    /// [`Kind::Refused`] while a captured database of this tenant is behind its history.
    pub fn seal(&self, options: &SealOptions, monitor: &dyn Monitor) -> Result<SealReport> {
        self.refuse_behind()?;
        let key = self.key()?;
        let inner = &*self.inner;
        let (object_bytes_max, line) = inner.over_all_lines(&self.name, options.object_bytes_max, options.line)?;
        let options = &SealOptions { object_bytes_max, line, ..*options };
        let _alone = inner.sealing.lock().unwrap_or_else(|e| e.into_inner());
        inner.witness.check(&inner.catalog, inner.random(), inner.clock().now())?;
        inner.witness.pass(&inner.catalog, self.id)?;
        let mut report = SealReport::default();
        loop {
            check_stop(monitor)?;
            let (row, sealed) = self.inner.catalog.read(|rows| Ok((rows.tenant_by_id(self.id)?, rows.sealed(self.id)?)))?;
            if sealed >= row.position.seq {
                if report.slices > 0 {
                    inner.witness.note(&inner.catalog, inner.clock().now())?;
                }
                return Ok(report);
            }
            let sealer = Sealing { tenant: self, row: &row, options, again: false, monitor };
            let batches = sealer.choose(sealed + 1)?;
            sealer.seal(&key, sealed + 1, &batches, &mut report)?;
        }
    }

    /// Seals the batches of a slice once more, for a remote that lacks it when its objects are no longer at hand.
    pub(crate) fn seal_again(&self, slice: &SliceRow, options: &SealOptions, monitor: &dyn Monitor) -> Result<()> {
        let row = self.inner.catalog.read(|rows| rows.tenant_by_id(self.id))?;
        let (first, last) = (catalog::id(self.id, slice.first), catalog::id(self.id, slice.last));
        let batches = self.inner.catalog.read(|rows| rows.batches(first, last, usize::MAX >> 1))?;
        if batches.last().is_none_or(|b| b.head.seq != slice.last) {
            return Err(Error::damaged(format_args!("the log of tenant {}, which lacks batches up to {}", row.name, slice.last)).hint(DAMAGED_HINT));
        }
        Sealing { tenant: self, row: &row, options, again: true, monitor }.seal(&self.key()?, slice.first, &batches, &mut SealReport::default())
    }

    /// The directory where this tenant's sealed objects wait.
    pub(crate) fn outbox(&self) -> PathBuf {
        self.inner.dir.join(OUTBOX).join(self.public.to_hex())
    }
}

struct Sealing<'a> {
    tenant: &'a Tenant,
    row: &'a TenantRow,
    options: &'a SealOptions,
    /// The slice was sealed before. Readers may take either sealing of it, and either of the slices around it. So what the catalogue has as the
    /// depth of a content bounds all its sealings: a later one may pack it against less, never against more.
    again: bool,
    monitor: &'a dyn Monitor,
}

/// A slice under construction, with what is needed to produce its data.
struct Draft<'a> {
    slice: Slice,
    /// Never all at once: a batch may introduce any number of contents.
    rows: ContentRows<'a>,
    depths: Vec<u32>,
    sketches: Vec<(u64, [u64; 3])>,
    /// The keys of subjects whose contents are among them.
    keys: HashMap<KeyId, SecretKey>,
}

/// What is recorded of a slice once its objects are in the outbox.
struct Made {
    /// Its first and its last batch.
    reach: (u64, u64),
    objects: Vec<ObjectRow>,
    sealing: SealingRow,
    contents_before: u64,
    content_bytes: u64,
    depths: Vec<u32>,
    sketches: Vec<(u64, [u64; 3])>,
}

impl Draft<'_> {
    /// The content that the slice describes at place `index`.
    fn own(&self, index: usize) -> Result<ContentRow> {
        self.rows.get(self.slice.contents_before + index as u64)
    }
}

impl Sealing<'_> {
    /// Seals these batches, which must be those from `first` on without a gap.
    fn seal(&self, key: &SecretKey, first: u64, batches: &[BatchRow], report: &mut SealReport) -> Result<()> {
        let inner = &*self.tenant.inner;
        if first == 0 || batches.is_empty() || batches.iter().zip(first..).any(|(batch, seq)| batch.head.seq != seq) {
            return Err(Error::damaged(format_args!("the log of tenant {} from batch {first} on, which has a gap", self.row.name)).hint(DAMAGED_HINT));
        }
        let before = Before { inner, tenant: self.tenant.id, first_seq: first, contents: self.numbered_before(first)?.1 };
        self.give_keys(before.contents, batches)?;
        let made = aside(|| self.make(key, batches, &before, report.bytes))?;
        self.note_contents(&made)?;
        let Made { reach, objects, sealing, content_bytes, .. } = made;
        report.slices += 1;
        report.batches += batches.len() as u64;
        report.objects += objects.len() as u64;
        report.bytes += objects.iter().map(|o| o.size).sum::<u64>();
        report.content_bytes += content_bytes;
        inner.catalog.write(|w| {
            let slice = w.add_slice(self.tenant.id, reach.0, reach.1, &objects)?;
            w.set_sealing(slice, &sealing)
        })
    }

    /// Notes how deep the contents of a slice lie and what they resemble, before the slice is recorded and a part at a time: no writer waits for
    /// more than a part. Until a slice is recorded nobody asks that of its contents, and who seals them next says it of all of them again.
    fn note_contents(&self, made: &Made) -> Result<()> {
        let (catalog, tenant) = (&self.tenant.inner.catalog, self.tenant.id);
        if !self.again {
            let depths: Vec<(u64, u32)> = (made.contents_before..).zip(made.depths.iter().copied()).collect();
            for part in depths.chunks(NOTED_AT_ONCE) {
                catalog.write(|w| part.iter().try_for_each(|(ordinal, depth)| w.set_chain(catalog::id(tenant, *ordinal), *depth)))?;
            }
        }
        for part in made.sketches.chunks(NOTED_AT_ONCE) {
            catalog.write(|w| part.iter().try_for_each(|(content, features)| w.add_sketch(tenant, *content, features)))?;
        }
        Ok(())
    }

    /// The objects of a slice, in the outbox. `sealed` bytes were sealed before, for the same line.
    fn make(&self, key: &SecretKey, batches: &[BatchRow], before: &Before<'_>, sealed: u64) -> Result<Made> {
        let mut draft = self.collect(batches, before)?;
        self.choose_bases(&mut draft, before)?;
        let outbox = self.tenant.outbox();
        disk::create_dirs(&outbox)?;
        let mut objects = Vec::new();
        let mut sink = |name: &ObjectName, bytes: &[u8]| {
            disk::write_file(&outbox.join(name.to_string()), bytes, 0o600)?;
            objects.push(ObjectRow { slice: 0, part: u64::from(name.part), name: name.to_string(), size: name.size, digest: Digest::of(bytes) });
            Ok(())
        };
        let Slice { timeline, first_seq, contents_before, .. } = draft.slice;
        let reach = (first_seq, draft.slice.last_seq());
        let random = self.tenant.inner.random();
        let mut writer = SliceWriter::new(key, self.tenant.public, timeline, reach, self.options.object_bytes_max, random, &mut sink);
        self.blocks(&mut draft, before, &mut writer, sealed)?;
        let content_bytes = draft.slice.contents.iter().map(|c| c.size).sum();
        let sealing = sealing_of(&draft.slice);
        writer.finish(draft.slice, before)?;
        Ok(Made { reach, objects, sealing, contents_before, content_bytes, depths: draft.depths, sketches: draft.sketches })
    }

    /// Sees to it that subjects have keys whose contents are sealed for the first time.
    fn give_keys(&self, contents: u64, batches: &[BatchRow]) -> Result<()> {
        let (inner, tenant) = (&*self.tenant.inner, self.tenant.id);
        let end = batches.last().map_or(contents, |batch| batch.numbered.1);
        let subjects = inner.catalog.read(|rows| rows.subjects_of_contents(catalog::id(tenant, contents), catalog::id(tenant, end)))?;
        let keyless: BTreeSet<i64> = subjects.values().filter(|s| s.key.is_none() && s.tombstone.is_none()).map(|s| s.id).collect();
        if keyless.is_empty() {
            return Ok(());
        }
        inner.catalog.write(|w| keyless.iter().try_for_each(|subject| w.give_key(tenant, *subject, &SecretKey::new(inner.random()))))
    }

    /// Documents and contents numbered before batch `first`.
    fn numbered_before(&self, first: u64) -> Result<(u64, u64)> {
        let batch = self.tenant.inner.catalog.read(|rows| rows.batch(catalog::id(self.tenant.id, first.saturating_sub(1))))?;
        Ok(batch.map_or((0, 0), |b| b.numbered))
    }

    /// The batches of the next slice: as many as keep it within bounds, at least one.
    fn choose(&self, first: u64) -> Result<Vec<BatchRow>> {
        let tenant = self.tenant.id;
        let mut start = self.numbered_before(first)?.1;
        let page = self
            .tenant
            .inner
            .catalog
            .read(|rows| rows.batches(catalog::id(tenant, first), catalog::id(tenant, self.row.position.seq), SLICE_BATCHES_MAX))?;
        let (mut bytes, mut changes) = (0, 0);
        let mut chosen = Vec::new();
        for batch in page {
            let end = batch.numbered.1;
            bytes += self.tenant.inner.catalog.read(|rows| rows.contents_bytes(catalog::id(tenant, start), catalog::id(tenant, end)))?;
            changes += batch.changes;
            start = end;
            if !chosen.is_empty() && (bytes > limits::SEGMENT_PLAIN_BYTES_MAX || changes > SLICE_CHANGES_MAX) {
                break;
            }
            chosen.push(batch);
        }
        Ok(chosen)
    }

    /// The records of the batches with ordinals, and the contents that they introduce, each with the content it replaces.
    fn collect(&self, batches: &[BatchRow], before: &Before<'_>) -> Result<Draft<'_>> {
        let (inner, tenant) = (&*self.tenant.inner, self.tenant.id);
        let (documents_before, contents_before) = self.numbered_before(before.first_seq)?;
        let (Some(first), Some(last)) = (batches.first(), batches.last()) else { return Err(Error::damaged("a log with a gap")) };
        let mut wire = Vec::with_capacity(batches.len());
        let mut replaced: HashMap<u64, u64> = HashMap::new();
        let mut bases: Vec<Option<u64>> = Vec::new();
        for batch in batches {
            // What does not match its digest here could not be rebuilt by anybody, nor could anything after it.
            if !inner.catalog.read(|rows| super::verify::is_as_recorded(rows, batch))? {
                let what = format!("batch {} does not match its digest, so it is not shipped", batch.head.seq);
                return Err(Error::new(Kind::Failed, "seal.damaged", what).hint(DAMAGED_HINT).at_seq(batch.head.seq));
            }
            let mut changes = Vec::with_capacity(batch.changes as usize);
            inner.catalog.read(|rows| {
                each_wire_change(rows, batch.id, &mut |change| {
                    if let WireChange::Put { document, content, .. } = &change {
                        if *content == contents_before + bases.len() as u64 {
                            bases.push(match replaced.get(document) {
                                Some(earlier) => Some(*earlier),
                                None if *document < documents_before => before.content_of(*document)?,
                                None => None,
                            });
                        }
                        replaced.insert(*document, *content);
                    }
                    changes.push(change);
                    Ok(())
                })
            })?;
            let h = &batch.head;
            wire.push(WireBatch {
                time: h.time,
                clock_behind: h.clock_behind,
                actor: h.actor.clone(),
                reason: h.reason.clone(),
                origin: h.origin.clone(),
                request: h.request.clone(),
                cause: h.cause,
                changes,
            });
        }
        let (documents, contents_after) = last.numbered;
        let (new_keys, sizes) = inner.catalog.read(|rows| {
            let keys = (documents_before..documents).map(|n| super::history::key_of(rows, catalog::id(tenant, n))).collect::<Result<Vec<_>>>()?;
            Ok((keys, rows.content_sizes(catalog::id(tenant, contents_before), catalog::id(tenant, contents_after))?))
        })?;
        if sizes.len() != bases.len() {
            return Err(Error::damaged("the numbering of contents in the catalogue").hint("run annals verify --full"));
        }
        let described = sizes.into_iter().zip(bases);
        let rows = ContentRows::new(&inner.catalog, tenant);
        let subjects = inner.catalog.read(|r| r.subjects_of_contents(catalog::id(tenant, contents_before), catalog::id(tenant, contents_after)))?;
        let mut keys = HashMap::new();
        let described = (contents_before..).zip(described).map(|(ordinal, (size, base))| {
            let row = rows.get(ordinal)?;
            // What was given up is sealed as a digest. Nothing is packed against it, because a reader may not have it.
            let subject = subjects.get(&row.id);
            let key = subject.and_then(|s| s.key.as_ref());
            if matches!(row.body, Body::Gone(_)) || subject.is_some() && key.is_none() {
                return Ok(NewContent { size, form: Form::Absent { digest: row.digest }, base: None, splice: Vec::new(), boxed: None });
            }
            let boxed = key.map(|key| {
                let id = key_id(key);
                keys.insert(id, key.clone());
                Boxed { key: id, digest: row.digest }
            });
            Ok(NewContent { size, form: Form::Plain, base, splice: Vec::new(), boxed })
        });
        let described = described.collect::<Result<Vec<_>>>()?;
        let depths = vec![0; described.len()];
        // A line that begins in the middle of a slice of its parent carries that slice's first batches itself: the fork lies inside its own.
        let parent = self.row.parent.filter(|p| first.head.seq <= p.seq + 1);
        let slice = Slice {
            tenant: self.tenant.public,
            timeline: self.row.position.timeline,
            parent,
            first_seq: first.head.seq,
            prev: first.head.prev,
            head: last.digest,
            documents_before,
            contents_before,
            new_keys,
            batches: wire,
            contents: described,
            blocks: Vec::new(),
        };
        Ok(Draft { slice, rows, depths, sketches: Vec::new(), keys })
    }

    /// Decides for each content what it is packed against and in which form.
    fn choose_bases(&self, draft: &mut Draft<'_>, before: &Before<'_>) -> Result<()> {
        let inner = &*self.tenant.inner;
        let mut own_features: HashMap<u64, u64> = HashMap::new();
        let data_bytes: u64 = draft.slice.contents.iter().map(|c| c.size).sum();
        for i in 0..draft.slice.contents.len() {
            check_stop(self.monitor)?;
            let row = draft.own(i)?;
            if matches!(draft.slice.contents[i].form, Form::Absent { .. }) {
                continue;
            }
            let ordinal = draft.slice.contents_before + i as u64;
            let mut base = draft.slice.contents[i].base;
            if (RESEMBLE_FROM_BYTES..RESEMBLE_TO_BYTES).contains(&row.size)
                && let Some(features) = sketch(inner, &row)?
            {
                if base.is_none() {
                    base = self.resembling(before, &features, row.id)?;
                }
                if base.is_none() && data_bytes > limits::BLOCK_PLAIN_BYTES_MAX as u64 {
                    base = features.iter().find_map(|f| own_features.get(f)).copied();
                }
                own_features.extend(features.map(|f| (f, ordinal)));
                draft.sketches.push((ordinal, features));
            }
            let Some(base) = self.admit(draft, base, &row)? else {
                draft.slice.contents[i].base = None;
                self.open_container(draft, i, None)?;
                continue;
            };
            let base_row = draft.rows.get(base)?;
            draft.slice.contents[i].base = Some(base);
            draft.depths[i] = self.depth(draft, base)? + 1;
            if row.size.max(base_row.size) >= SPLICE_FROM_BYTES {
                draft.slice.contents[i].splice = splice(inner, &row, &base_row)?;
                if draft.slice.contents[i].splice.is_empty() && base_row.size > limits::PREFIX_BYTES_MAX as u64 {
                    draft.slice.contents[i].base = None;
                    draft.depths[i] = 0;
                }
            } else {
                self.open_container(draft, i, Some(&base_row))?;
            }
        }
        Ok(())
    }

    /// The base, unless the chain below it is as long as a reader should have to follow.
    fn admit(&self, draft: &Draft<'_>, base: Option<u64>, row: &ContentRow) -> Result<Option<u64>> {
        let Some(base) = base.filter(|_| row.size > 0) else { return Ok(None) };
        let base_id = catalog::id(self.tenant.id, base);
        let fits = self.tenant.inner.catalog.read(|rows| Ok(rows.has_bytes(base_id)? && is_of_one_subject(rows, base_id, row.id)?))?;
        if !fits {
            return Ok(None);
        }
        let most = if self.again { self.tenant.inner.catalog.read(|rows| rows.chain(row.id))? } else { limits::BASE_CHAIN_MAX };
        Ok((self.depth(draft, base)? < most).then_some(base))
    }

    /// How many deltas may lie below a content, whichever sealing of it is read.
    fn depth(&self, draft: &Draft<'_>, ordinal: u64) -> Result<u32> {
        match ordinal.checked_sub(draft.slice.contents_before).filter(|_| !self.again) {
            Some(own) => Ok(draft.depths.get(own as usize).copied().unwrap_or(0)),
            None => self.tenant.inner.catalog.read(|rows| rows.chain(catalog::id(self.tenant.id, ordinal))),
        }
    }

    /// The earlier content that shares the most features, the newest of equals.
    fn resembling(&self, before: &Before<'_>, features: &[u64; 3], own: i64) -> Result<Option<u64>> {
        let mut votes: HashMap<u64, u32> = HashMap::new();
        self.tenant.inner.catalog.read(|rows| {
            for feature in features {
                for content in rows.resembling(self.tenant.id, *feature, before.contents, CANDIDATES)? {
                    let id = catalog::id(self.tenant.id, content);
                    if !rows.has_bytes(id)? || !is_of_one_subject(rows, id, own)? {
                        continue;
                    }
                    *votes.entry(content).or_default() += 1;
                }
            }
            Ok(votes.into_iter().max_by_key(|(content, votes)| (*votes, *content)).map(|(content, _)| content))
        })
    }

    /// Takes the inflated form of a deflate container where that can be turned back bit by bit.
    fn open_container(&self, draft: &mut Draft<'_>, i: usize, base: Option<&ContentRow>) -> Result<()> {
        if let Some(form) = self.form(&draft.own(i)?, base)? {
            draft.slice.contents[i].form = Form::Container { form_len: form.len() as u64 };
        }
        Ok(())
    }

    fn form(&self, row: &ContentRow, base: Option<&ContentRow>) -> Result<Option<Vec<u8>>> {
        let inner = &*self.tenant.inner;
        if row.size == 0 || row.size > limits::CONTAINER_BYTES_MAX as u64 {
            return Ok(None);
        }
        let head = content::range(&inner.chunks, row, 0, row.size.min(64))?;
        if !container::looks_like_container(&head) {
            return Ok(None);
        }
        let bytes = content::range(&inner.chunks, row, 0, row.size)?;
        let base = base.filter(|b| b.size <= limits::CONTAINER_BYTES_MAX as u64);
        let base = base.map(|b| content::range(&inner.chunks, b, 0, b.size)).transpose()?;
        let form = container::unpack(&bytes, base.as_deref());
        Ok(form.filter(|f| f.len() <= limits::BLOCK_PLAIN_BYTES_MAX))
    }

    /// Bytes that an object may have after `before` others of this sealing.
    fn object_bytes(&self, before: u64) -> u64 {
        self.options.line.object_bytes(before, self.options.object_bytes_max)
    }

    /// For each content, whether packing would save little: such blocks are as large as an object, and no larger.
    fn dense(&self, draft: &Draft<'_>) -> Result<Vec<bool>> {
        let total: u64 = draft.slice.contents.iter().map(NewContent::data_len).sum();
        let dense = |(index, content): (usize, &NewContent)| {
            let len = content.data_len();
            // A delta packs, and what is opened for packing does.
            let packs = content.base.is_some() && content.splice.is_empty() || !matches!(content.form, Form::Plain);
            if packs || len < DENSE_FROM_BYTES || total <= OBJECT_BYTES_FLOOR {
                return Ok(false);
            }
            let sampled = len.min(DENSE_SAMPLE_BYTES);
            let mut sample = Vec::with_capacity(sampled as usize);
            self.data(draft, index, (len - sampled) / 2, sampled, &mut sample)?;
            Ok(block::is_dense(&sample))
        };
        draft.slice.contents.iter().enumerate().map(dense).collect()
    }

    /// Cuts the data into blocks, packs each against its prefix and hands it to the writer. `sealed` bytes were sealed before, for the same line.
    fn blocks(&self, draft: &mut Draft<'_>, before: &Before<'_>, writer: &mut SliceWriter<'_>, sealed: u64) -> Result<()> {
        let size_of = |ordinal| draft.slice.content_size(ordinal, before);
        let packing = self.options.line.block_object_bytes(self.options.object_bytes_max).saturating_mul(PLAIN_PER_OBJECT_BYTE);
        let dense = self.dense(draft)?;
        let block_bytes = |index: usize, start: u64| {
            if !dense.get(index).copied().unwrap_or(false) {
                return packing;
            }
            let object = self.object_bytes(sealed + start);
            let block = object / object.div_ceil(limits::BLOCK_PLAIN_BYTES_MAX as u64);
            block.saturating_sub(AROUND_BLOCK_BYTES + block / (16 << 10))
        };
        let lens = layout::cut(&draft.slice.contents, block_bytes, size_of)?;
        draft.slice.blocks = lens.iter().map(|len| BlockEntry { part: 0, plain_len: *len, frame_len: 0 }).collect();
        let layout = Layout::of(&draft.slice, before)?;
        let total: u64 = lens.iter().sum();
        let (mut done, mut packed) = (0, 0);
        let mut opened: Option<(usize, Vec<u8>)> = None;
        for (block, len) in layout.blocks.iter().zip(&lens) {
            check_stop(self.monitor)?;
            let mut plain = Vec::with_capacity(*len as usize);
            for f in &block.fragments {
                if matches!(draft.slice.contents[f.index].form, Form::Container { .. }) {
                    if opened.as_ref().is_none_or(|(index, _)| *index != f.index) {
                        let base = draft.slice.contents[f.index].base.map(|b| draft.rows.get(b)).transpose()?;
                        let form = self.form(&draft.own(f.index)?, base.as_ref())?;
                        opened = Some((f.index, form.ok_or_else(|| Error::damaged("a container that opens only sometimes"))?));
                    }
                    let form = opened.as_ref().map_or(&[][..], |(_, form)| form);
                    let part = form.get(f.offset as usize..(f.offset + f.len) as usize);
                    plain.extend_from_slice(part.ok_or_else(|| Error::damaged("a container that opens differently"))?);
                } else {
                    self.data(draft, f.index, f.offset, f.len, &mut plain)?;
                }
            }
            let prefix =
                layout::assemble(&block.prefix, |piece, room| piece_bytes(&self.tenant.inner, &draft.rows.get(piece.content)?, piece, room))?;
            let frame = block::pack(&prefix, &plain, self.options.effort)?;
            writer.resize(self.object_bytes(sealed + packed));
            packed += frame.len() as u64;
            match block.key.and_then(|key| draft.keys.get(&key)) {
                Some(key) => writer.boxed_block(*len, &frame, key)?,
                None => writer.block(*len, &frame)?,
            }
            done += len;
            self.monitor.progress(&Progress { phase: "sealing", items: 0, items_total: 0, bytes: done, bytes_total: total });
        }
        Ok(())
    }

    /// Bytes `offset..offset + len` of a content's data.
    fn data(&self, draft: &Draft<'_>, index: usize, offset: u64, len: u64, out: &mut Vec<u8>) -> Result<()> {
        let chunks = &self.tenant.inner.chunks;
        let (row, described) = (&draft.own(index)?, &draft.slice.contents[index]);
        if described.splice.is_empty() {
            out.extend(content::range(chunks, row, offset, offset + len)?);
            return Ok(());
        }
        let (mut in_content, mut in_data) = (0, 0);
        for run in &described.splice {
            match *run {
                Run::Copy { len, .. } => in_content += len,
                Run::Data { len: run_len } => {
                    let (from, to) = (offset.max(in_data), (offset + len).min(in_data + run_len));
                    if from < to {
                        out.extend(content::range(chunks, row, in_content + from - in_data, in_content + to - in_data)?);
                    }
                    in_content += run_len;
                    in_data += run_len;
                }
            }
        }
        Ok(())
    }
}

/// Whether two contents belong to the same subject, or both to none: nothing in the box of a subject leans on what is outside of it, nor the other
/// way round.
fn is_of_one_subject(rows: &Rows<'_>, a: i64, b: i64) -> Result<bool> {
    Ok(rows.subject_of_content(a)? == rows.subject_of_content(b)?)
}

/// What a sealing of a slice lacks and leans on, as its records say.
pub(crate) fn sealing_of(slice: &Slice) -> SealingRow {
    let absent = slice.contents.iter().filter(|c| matches!(c.form, Form::Absent { .. })).count() as u64;
    let bases: BTreeSet<u64> = slice.contents.iter().filter_map(|c| c.base).filter(|base| *base < slice.contents_before).collect();
    SealingRow { absent, bases: bases.into_iter().collect() }
}

/// The bytes of a prefix piece: those of the content, then its inflated streams where the piece says so.
pub(crate) fn piece_bytes(inner: &Inner, row: &ContentRow, piece: &Piece, room: usize) -> Result<Vec<u8>> {
    let to = piece.to.min(piece.from.saturating_add(room as u64));
    let mut bytes = content::range(&inner.chunks, row, piece.from, to)?;
    if piece.with_plain && bytes.len() < room {
        let whole = if (piece.from, to) == (0, row.size) { None } else { Some(content::range(&inner.chunks, row, 0, row.size)?) };
        if let Some(plain) = container::plain_of(whole.as_deref().unwrap_or(&bytes)) {
            bytes.extend_from_slice(&plain);
        }
    }
    Ok(bytes)
}

/// The changes of one batch in their order, with ordinals.
fn each_wire_change(rows: &Rows<'_>, batch: i64, each: &mut dyn FnMut(WireChange) -> Result<()>) -> Result<()> {
    let mut remarks = rows.remarks(batch, batch)?.into_iter().peekable();
    let wire = |change: Change| match change {
        Change::Mark { name } => Ok(WireChange::Mark { name }),
        change @ (Change::Hold { .. } | Change::Lift { .. } | Change::Tenant(_) | Change::MarkAt { .. }) => Ok(WireChange::Other(change)),
        change @ (Change::Forget { .. } | Change::Erase { .. }) => Ok(WireChange::Other(change)),
        Change::Refer { key, reference } => {
            let document = rows.document(catalog::tenant_of(batch), &key)?.ok_or_else(|| Error::damaged("a reference of no document"))?;
            Ok(WireChange::Refer { document: number(document.id), reference })
        }
        Change::Put { .. } | Change::Remove { .. } => Err(Error::damaged("a remark that is none")),
    };
    rows.versions_of_batches(batch, batch, |v| {
        while let Some((_, _, change)) = remarks.next_if(|(_, place, _)| *place < v.place) {
            each(wire(change)?)?;
        }
        let document = number(v.document);
        each(match v.content {
            Some(content) => WireChange::Put { document, content: number(content), meta: v.meta },
            None => WireChange::Remove { document },
        })
    })?;
    remarks.try_for_each(|(_, _, change)| each(wire(change)?))
}

fn sketch(inner: &Inner, row: &ContentRow) -> Result<Option<[u64; 3]>> {
    let mut sketcher = Sketcher::new();
    let mut reader = ContentReader::open(&inner.chunks, row)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(sketcher.finish().map(|sketch| sketch.0)),
            Ok(n) => sketcher.update(&buffer[..n]),
            Err(e) => return Err(Error::new(Kind::Failed, "content.unreadable", format!("content {}: {e}", row.digest.short(16)))),
        }
    }
}

/// A large content as copies of its base and new runs, found by the chunks that both have. Empty where that says nothing.
fn splice(inner: &Inner, row: &ContentRow, base: &ContentRow) -> Result<Vec<Run>> {
    let (Body::List(root), Body::List(base_root)) = (&row.body, &base.body) else { return Ok(Vec::new()) };
    let mut places: HashMap<Digest, u64> = HashMap::new();
    let mut at = 0;
    let mut by_place: HashMap<u64, Digest> = HashMap::new();
    each_chunk(inner, base_root, |entry| {
        places.entry(entry.digest).or_insert(at);
        by_place.insert(at, entry.digest);
        at += entry.len;
    })?;
    let mut runs: Vec<Run> = Vec::new();
    let mut expected = 0;
    each_chunk(inner, root, |entry| {
        // A chunk that goes on where the copy before ended is worth more than its first place.
        let goes_on = by_place.get(&expected) == Some(&entry.digest);
        let found = if goes_on { Some(expected) } else { places.get(&entry.digest).copied() };
        match (found, runs.last_mut()) {
            (Some(from), Some(Run::Copy { at, len })) if *at + *len == from => *len += entry.len,
            (Some(from), _) => runs.push(Run::Copy { at: from, len: entry.len }),
            (None, Some(Run::Data { len })) => *len += entry.len,
            (None, _) => runs.push(Run::Data { len: entry.len }),
        }
        expected = match found {
            Some(from) => from + entry.len,
            None => expected + entry.len,
        };
    })?;
    Ok(if runs.iter().any(|r| matches!(r, Run::Copy { .. })) { runs } else { Vec::new() })
}

fn each_chunk(inner: &Inner, root: &[u8], mut each: impl FnMut(Entry)) -> Result<()> {
    let mut entries = Entries::new(&inner.chunks, root)?;
    while let Some(entry) = entries.next_entry(&mut |_| {})? {
        each(entry);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
