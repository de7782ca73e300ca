//! Reading: what there is, what there was, and every version of one document.

use std::collections::{HashMap, HashSet};

use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::time::Timestamp;
use crate::model::change::{Cause, Change, Meta};
use crate::model::key::show_key;
use crate::model::moment::{self, Moment, Zone};
use crate::model::reference::Reference;
use crate::model::timeline::Position;
use crate::storage::catalog::batches::BatchRow;
use crate::storage::catalog::contents::Body;
use crate::storage::catalog::documents::{DocumentRow, VersionRow};
use crate::storage::catalog::{self, View as Rows, number};

use super::content::{ContentReader, ERASED, FORGOTTEN};
use super::store::Tenant;

/// Documents fetched from the catalogue at a time while listing.
const PAGE: usize = 512;
/// Keys compared when a name is not found and near ones are suggested.
const NEAR_KEYS_MAX: usize = 2000;

/// When, by whom and why something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Sequence number of the batch.
    pub seq: u64,
    /// Time of the batch.
    pub time: Timestamp,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// From where.
    pub origin: String,
    /// Whether the batch was computed from older ones.
    pub cause: Cause,
}

/// One version of a document with its existence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The document.
    pub key: Vec<u8>,
    /// Counted from 1.
    pub number: u64,
    /// Bytes.
    pub size: u64,
    /// BLAKE3 of the content.
    pub digest: Digest,
    /// What is kept beside it.
    pub meta: Meta,
    /// Its existence begins here.
    pub from: Event,
    /// Its existence ends here; `None` while it is current (as seen from the moment asked about).
    pub until: Option<Event>,
    /// It ended because the document was removed, not replaced.
    pub removed: bool,
    /// Its bytes were given up: everything else of it is still known.
    pub forgotten: Option<Forgotten>,
    pub(crate) content: i64,
}

/// Why the bytes of a version are not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// The batch that gave them up, with who and when; absent where the log does not say it (yet): a segment came without them.
    pub by: Option<Event>,
    /// The rules by which they went, empty where unknown.
    pub rule: String,
    /// They were erased by law: nobody has them any more.
    pub erased: bool,
}

/// One batch of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchInfo {
    /// When, who, why.
    pub event: Event,
    /// The caller's request id, empty where none.
    pub request: String,
    /// How many changes.
    pub changes: u64,
    /// Digest of the log with this batch as its last.
    pub digest: Digest,
    /// Microseconds that the clock was behind the log.
    pub clock_behind: i64,
    /// Batches that took it back.
    pub undone_by: Vec<u64>,
}

/// One tenant's documents as they were at one moment, or as they are now.
#[derive(Clone)]
pub struct View {
    pub(crate) tenant: Tenant,
    pub(crate) seq: Option<u64>,
}

impl From<BatchRow> for Event {
    fn from(row: BatchRow) -> Self {
        let h = row.head;
        Event { seq: h.seq, time: h.time, actor: h.actor, reason: h.reason, origin: h.origin, cause: h.cause }
    }
}

pub(crate) fn event(rows: &Rows<'_>, batch: i64) -> Result<Event> {
    rows.batch(batch)?
        .map(Event::from)
        .ok_or_else(|| Error::damaged(format_args!("the catalogue names batch {}, which it does not have", number(batch))))
}

/// What is known of bytes that batch `seq` of a tenant gave up; 0: no batch says so.
pub(crate) fn forgotten(rows: &Rows<'_>, tenant: i64, seq: u64) -> Result<Forgotten> {
    if seq == 0 {
        return Ok(Forgotten { by: None, rule: String::new(), erased: false });
    }
    let batch = catalog::id(tenant, seq);
    for (_, _, change) in rows.remarks(batch, batch)? {
        match change {
            Change::Forget { rule, .. } => return Ok(Forgotten { by: Some(event(rows, batch)?), rule, erased: false }),
            Change::Erase { .. } => return Ok(Forgotten { by: Some(event(rows, batch)?), rule: String::new(), erased: true }),
            _ => {}
        }
    }
    // This log ends before they were erased: the tombstone came with the keys.
    let buried = rows.tombstones(rows.home_of(tenant)?)?.into_iter().find(|tombstone| tombstone.seq == seq);
    let by = buried.map(|t| Event { seq, time: t.time, actor: t.actor, reason: t.reason, origin: String::new(), cause: Cause::Recorded });
    Ok(Forgotten { erased: by.is_some(), by, rule: String::new() })
}

/// Whether the bytes of a content (id) went with their subject.
pub(crate) fn is_erased(rows: &Rows<'_>, content: i64) -> Result<bool> {
    match rows.content_state(content)?.2 {
        None => Ok(false),
        Some(seq) => Ok(rows.is_of_erased(content)? || forgotten(rows, catalog::tenant_of(content), seq)?.erased),
    }
}

/// The contents (ids) of current versions of a log that are among `gone` and were not erased: those that should be there.
pub(crate) fn wanted_among(rows: &Rows<'_>, tenant: i64, gone: &HashSet<i64>) -> Result<HashSet<i64>> {
    let mut wanted = if gone.is_empty() { HashSet::new() } else { rows.current_among(tenant, gone)? };
    for content in wanted.clone() {
        if is_erased(rows, content)? {
            wanted.remove(&content);
        }
    }
    Ok(wanted)
}

/// The error for a document that is not there, with what would help.
pub(crate) fn no_document(rows: &Rows<'_>, tenant: i64, key: &[u8]) -> Result<Error> {
    let error = Error::missing("document.missing", format!("there is no document {}", show_key(key))).at_key(key);
    let folder = key.iter().rposition(|&b| b == b'/').map_or(&b""[..], |at| &key[..=at]);
    let mut near = rows.documents(tenant, folder, None, NEAR_KEYS_MAX)?;
    if near.is_empty() {
        near = rows.documents(tenant, b"", None, NEAR_KEYS_MAX)?;
    }
    let wanted = show_key(key);
    let mut names: Vec<String> = near.iter().map(|d| show_key(&d.key)).collect();
    names.sort_by_cached_key(|name| strsim::damerau_levenshtein(name, &wanted));
    names.truncate(3);
    Ok(match names.is_empty() {
        true => error.hint("the store is empty; annals put KEY FILE adds a document"),
        false => error.hint(format!("nearest names: {}", names.join(", "))),
    })
}

fn version(rows: &Rows<'_>, key: &[u8], put: &VersionRow, next: Option<&VersionRow>) -> Result<Version> {
    version_with(rows, key, put, next, &mut |batch| event(rows, batch))
}

/// A version whose batches are looked up by `event`: in a listing many versions share a few batches.
pub(crate) fn version_with(
    rows: &Rows<'_>,
    key: &[u8],
    put: &VersionRow,
    next: Option<&VersionRow>,
    event: &mut dyn FnMut(i64) -> Result<Event>,
) -> Result<Version> {
    let content = put.content.ok_or_else(|| Error::damaged("a version without content"))?;
    let (digest, size, gone) = rows.content_state(content)?;
    Ok(Version {
        key: key.to_vec(),
        number: put.number,
        size,
        digest,
        meta: put.meta.clone(),
        from: event(put.batch)?,
        until: next.map(|n| event(n.batch)).transpose()?,
        removed: next.is_some_and(|n| n.content.is_none()),
        forgotten: gone.map(|seq| forgotten(rows, catalog::tenant_of(content), seq)).transpose()?,
        content,
    })
}

impl Tenant {
    /// The documents as they are now.
    pub fn now(&self) -> View {
        View { tenant: self.clone(), seq: None }
    }

    /// The documents as they were at `when` (a time, a sequence number or a mark).
    ///
    /// # Errors
    /// [`Kind::Missing`] for a moment before the first record, after the last, or a mark that does not exist.
    pub fn at(&self, when: &Moment) -> Result<View> {
        Ok(View { tenant: self.clone(), seq: Some(self.resolve(when)?) })
    }

    /// Reads a time expression as people write it (`2018-09-18 14:02`, `2 days ago`, `mark:release-7`, `seq:812`), in the site's zone.
    ///
    /// # Errors
    /// [`Kind::Usage`] with the forms that would be understood.
    pub fn moment(&self, text: &str) -> Result<Moment> {
        let zone = self.inner.config.store.zone.clone().unwrap_or_else(Zone::system);
        moment::parse(text, self.inner.clock().now(), &zone)
    }

    /// The last batch (sequence number) that `when` includes.
    pub fn resolve(&self, when: &Moment) -> Result<u64> {
        self.inner.catalog.read(|rows| {
            let end = rows.tenant_by_id(self.id)?.position.seq;
            match when {
                Moment::Seq(seq) if *seq <= end => Ok(*seq),
                Moment::Seq(seq) => Err(Error::missing("moment.future", format!("the log ends at seq {end}, not {seq}")).at_seq(end)),
                Moment::Version(n) => Err(Error::usage("moment.version", format!("v{n} is a version of one document, not a moment of all"))
                    .hint("use a time, seq:N or mark:NAME")),
                Moment::Mark(name) => match rows.mark(self.id, name)? {
                    Some(seq) => Ok(seq),
                    None => {
                        let names: Vec<String> = rows.marks(self.id)?.into_iter().map(|(name, _)| name).collect();
                        let hint = if names.is_empty() { "there are no marks yet; annals mark NAME sets one".into() } else { names.join(", ") };
                        Err(Error::missing("mark.missing", format!("there is no mark {name}")).hint(hint))
                    }
                },
                Moment::Instant(time) => {
                    let seq = rows.seq_at_time(self.id, *time)?;
                    match rows.batch(catalog::id(self.id, 1))? {
                        Some(first) if seq == 0 => {
                            let earliest = moment::rfc3339_utc(first.head.time);
                            Err(Error::missing("moment.early", format!("nothing was recorded at that moment; the earliest record is of {earliest}"))
                                .hint(format!("ask for {earliest} or later")))
                        }
                        _ => Ok(seq),
                    }
                }
            }
        })
    }

    /// Reads the current version of `key`.
    ///
    /// # Errors
    /// [`Kind::Missing`]: never existed (with near names), or was removed (with when, by whom, and how to bring it back), or was
    /// erased with its subject (code `content.erased`).
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<ContentReader> {
        self.now().get(key)
    }

    /// Whether, and with which version, `key` exists now.
    pub fn find_version(&self, key: impl AsRef<[u8]>, when: Option<&Moment>) -> Result<Version> {
        match when {
            None => self.now().version(key.as_ref()),
            Some(Moment::Version(n)) => self.version_number(key.as_ref(), *n),
            Some(moment) => self.at(moment)?.version(key.as_ref()),
        }
    }

    fn version_number(&self, key: &[u8], wanted: u64) -> Result<Version> {
        self.inner.catalog.read(|rows| {
            let Some(document) = rows.document(self.id, key)? else { return Err(no_document(rows, self.id, key)?) };
            let found = rows.version_numbered(document.id, wanted)?.ok_or_else(|| {
                let hint = format!("annals log {} shows them", show_key(key));
                Error::missing("version.missing", format!("{} has no v{wanted}, its newest is v{}", show_key(key), document.versions))
                    .at_key(key)
                    .hint(hint)
            })?;
            version(rows, key, &found, rows.version_after(document.id, found.batch)?.as_ref())
        })
    }

    /// Opens the bytes of a version.
    ///
    /// # Errors
    /// [`Kind::Missing`] (code `content.forgotten`) where they were given up: since when, by which rule, and which versions are there.
    pub fn open(&self, version: &Version) -> Result<ContentReader> {
        if let Some(forgotten) = &version.forgotten {
            return Err(self.forgotten_error(version, forgotten)?);
        }
        let row = self.inner.catalog.read(|rows| rows.content(version.content))?;
        ContentReader::open(&self.inner.chunks, &row)
    }

    /// Refuses a version whose bytes were given up: one document is brought back as it was, or not at all.
    pub(crate) fn refuse_forgotten(&self, rows: &Rows<'_>, key: &[u8], row: &VersionRow) -> Result<()> {
        let version = version(rows, key, row, None)?;
        match &version.forgotten {
            Some(forgotten) => Err(self.forgotten_error(&version, forgotten)?),
            None => Ok(()),
        }
    }

    fn forgotten_error(&self, version: &Version, forgotten: &Forgotten) -> Result<Error> {
        let name = show_key(&version.key);
        if let (true, Some(by)) = (forgotten.erased, &forgotten.by) {
            return Ok(erased(&format!("{name} v{}", version.number), &version.key, by));
        }
        let how = match &forgotten.by {
            Some(by) if forgotten.rule.is_empty() => format!("at {} (seq {})", moment::rfc3339_utc(by.time), by.seq),
            Some(by) => format!("at {} (seq {}, {})", moment::rfc3339_utc(by.time), by.seq, forgotten.rule),
            None => "after this moment: the segments come without them".to_owned(),
        };
        let all = self.history(&version.key)?;
        let there: Vec<String> = all.iter().rev().filter(|v| v.forgotten.is_none()).map(|v| format!("v{}", v.number)).collect();
        let hint = match there.len() {
            0 => "who, when, size and digest are still known; no version's bytes are there".to_owned(),
            n => {
                format!("who, when, size and digest are still known; there are {}{}", there[..n.min(5)].join(", "), if n > 5 { ", ..." } else { "" })
            }
        };
        Ok(Error::missing(FORGOTTEN, format!("the bytes of {name} v{} were forgotten {how}", version.number)).hint(hint).at_key(&version.key))
    }

    /// Bytes `from..until` of a version, which must lie in it. Whoever wants much asks for some at a time: all of them are held in memory.
    pub fn read_part(&self, version: &Version, from: u64, until: u64) -> Result<Vec<u8>> {
        if from > until || until > version.size {
            let range = format!("{from}..{until}");
            return Err(Error::usage("content.range", format!("{} v{} has no bytes {range}", show_key(&version.key), version.number)));
        }
        if let Some(forgotten) = &version.forgotten {
            return Err(self.forgotten_error(version, forgotten)?);
        }
        let row = self.inner.catalog.read(|rows| rows.content(version.content))?;
        super::content::range(&self.inner.chunks, &row, from, until)
    }

    /// The current documents whose key starts with `prefix`, in order of key.
    pub fn list(&self, prefix: impl AsRef<[u8]>) -> Listing {
        self.now().list(prefix)
    }

    /// Every version of `key`, oldest first.
    pub fn history(&self, key: impl AsRef<[u8]>) -> Result<Vec<Version>> {
        self.now().history(key)
    }

    /// Batches `first..=last` of the log (`last` 0: to the end), oldest first, at most `limit`.
    pub fn batches(&self, first: u64, last: u64, limit: usize) -> Result<Vec<BatchInfo>> {
        self.inner.catalog.read(|rows| {
            let last = if last == 0 { rows.tenant_by_id(self.id)?.position.seq } else { last };
            let found = rows.batches(catalog::id(self.id, first.max(1)), catalog::id(self.id, last), limit)?;
            found.into_iter().map(|row| self.batch_info(rows, row)).collect()
        })
    }

    pub(crate) fn batch_info(&self, rows: &Rows<'_>, row: BatchRow) -> Result<BatchInfo> {
        let undone_by = rows.undone_by(self.id, row.head.seq)?;
        let (changes, digest, clock_behind, request) = (row.changes, row.digest, row.head.clock_behind, row.head.request.clone());
        Ok(BatchInfo { event: row.into(), request, changes, digest, clock_behind, undone_by })
    }

    /// Batch `seq` and its changes in order.
    pub fn batch_changes(&self, seq: u64) -> Result<(BatchInfo, Vec<Change>)> {
        self.inner.catalog.read(|rows| {
            let id = catalog::id(self.id, seq);
            let row = rows.batch(id)?;
            let row = row.ok_or_else(|| Error::missing("batch.missing", format!("there is no batch {seq}")).hint("annals log lists the batches"))?;
            let mut changes = Vec::new();
            each_change(rows, id, id, &mut |_, change| {
                changes.push(change);
                Ok(())
            })?;
            Ok((self.batch_info(rows, row)?, changes))
        })
    }

    /// The references of `key`.
    pub fn refs(&self, key: impl AsRef<[u8]>) -> Result<Vec<Reference>> {
        self.inner.catalog.read(|rows| {
            let Some(document) = rows.document(self.id, key.as_ref())? else { return Err(no_document(rows, self.id, key.as_ref())?) };
            Ok(rows.references_of(document.id)?.into_iter().map(|r| r.reference).collect())
        })
    }

    /// The keys of documents that carry the id `id` of `system`.
    pub fn find_ref(&self, system: &str, id: &str) -> Result<Vec<Vec<u8>>> {
        self.inner.catalog.read(|rows| {
            let found = rows.references_to(self.id, system, id)?;
            found.iter().map(|r| key_of(rows, r.document)).collect()
        })
    }

    /// All marks by name, with the last batch that each includes.
    pub fn marks(&self) -> Result<Vec<(String, u64)>> {
        self.inner.catalog.read(|rows| rows.marks(self.id))
    }
}

/// Whether `key` lies in the scope `prefix`: everything where it is empty, all below it where it ends in `/`, otherwise the one document of
/// that name and what is below it. `case/1` does not reach `case/10`.
pub(crate) fn is_under(prefix: &[u8], key: &[u8]) -> bool {
    let Some(rest) = key.strip_prefix(prefix) else { return false };
    prefix.is_empty() || prefix.ends_with(b"/") || rest.is_empty() || rest.starts_with(b"/")
}

pub(crate) fn key_of(rows: &Rows<'_>, document: i64) -> Result<Vec<u8>> {
    let row = rows.document_by_id(document)?;
    Ok(row.ok_or_else(|| Error::damaged(format_args!("the catalogue names document {}, which it does not have", number(document))))?.key)
}

/// Calls `each` with the changes of the batches `first..=last` (ids) as the log has them, in order.
pub(crate) fn each_change(rows: &Rows<'_>, first: i64, last: i64, each: &mut dyn FnMut(i64, Change) -> Result<()>) -> Result<()> {
    let mut remarks = rows.remarks(first, last)?.into_iter().peekable();
    rows.versions_of_batches(first, last, |v| {
        while let Some((batch, _, change)) = remarks.next_if(|(batch, place, _)| (*batch, *place) < (v.batch, v.place)) {
            each(batch, change)?;
        }
        let key = key_of(rows, v.document)?;
        let change = match v.content {
            None => Change::Remove { key },
            Some(content) => {
                let (content, size) = rows.content_digest(content)?;
                Change::Put { key, content, size, meta: v.meta }
            }
        };
        each(v.batch, change)
    })?;
    remarks.try_for_each(|(batch, _, change)| each(batch, change))
}

impl View {
    /// The sequence number of the last batch that this view includes.
    pub fn seq(&self) -> Result<u64> {
        match self.seq {
            Some(seq) => Ok(seq),
            None => Ok(self.tenant.position()?.seq),
        }
    }

    /// The position that this view shows.
    pub fn position(&self) -> Result<Position> {
        let end = self.tenant.position()?;
        let Some(seq) = self.seq else { return Ok(end) };
        let digest = self.tenant.inner.catalog.read(|rows| rows.digest_of_batch(catalog::id(self.tenant.id, seq)))?;
        Ok(Position { timeline: end.timeline, seq, digest: digest.unwrap_or(Digest::ZERO) })
    }

    fn last_batch(&self) -> i64 {
        catalog::id(self.tenant.id, self.seq.unwrap_or((1 << 40) - 1))
    }

    /// The version of `key` that exists at this moment.
    pub fn version(&self, key: &[u8]) -> Result<Version> {
        self.tenant.inner.catalog.read(|rows| {
            let Some(document) = rows.document(self.tenant.id, key)? else { return Err(no_document(rows, self.tenant.id, key)?) };
            let Some(row) = rows.version_at(document.id, self.last_batch())? else {
                let first = rows.version_after(document.id, self.last_batch())?;
                let error = Error::missing("document.not_yet", format!("{} did not exist yet at that moment", show_key(key))).at_key(key);
                return Err(match first {
                    Some(first) => error.hint(format!("it exists since {}", moment::rfc3339_utc(event(rows, first.batch)?.time))),
                    None => error.hint("it has references but never had a version"),
                });
            };
            if row.content.is_none() {
                return Err(removed(rows, key, document.id, &row)?);
            }
            version(rows, key, &row, self.next_of(rows, &row)?.as_ref())
        })
    }

    fn next_of(&self, rows: &Rows<'_>, row: &VersionRow) -> Result<Option<VersionRow>> {
        match self.seq {
            None => Ok(None),
            Some(_) => rows.version_after(row.document, row.batch),
        }
    }

    /// Reads `key` as it was at this moment.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<ContentReader> {
        let key = key.as_ref();
        let rows = &self.tenant.inner.catalog;
        // The common case in as few index walks as possible. Why nothing is there, or what was there is forgotten, is found out below.
        let content = rows.read(|rows| match self.seq {
            None => rows.current_content(self.tenant.id, key),
            Some(_) => rows.content_at(self.tenant.id, key, self.last_batch()),
        })?;
        match content {
            Some(content) if !matches!(content.body, Body::Gone(_)) => ContentReader::open(&self.tenant.inner.chunks, &content),
            _ => self.tenant.open(&self.version(key)?),
        }
    }

    /// Every version of `key` up to this moment, oldest first.
    pub fn history(&self, key: impl AsRef<[u8]>) -> Result<Vec<Version>> {
        let key = key.as_ref();
        self.tenant.inner.catalog.read(|rows| {
            let Some(document) = rows.document(self.tenant.id, key)? else { return Err(no_document(rows, self.tenant.id, key)?) };
            let mut all: Vec<Version> = Vec::new();
            let mut by: HashMap<u64, Forgotten> = HashMap::new();
            for row in rows.history(document.id, self.last_batch())? {
                let [actor, reason, origin] = row.who;
                let from = Event { seq: number(row.version.batch), time: row.time, actor, reason, origin, cause: row.cause };
                if let Some(last) = all.last_mut()
                    && last.until.is_none()
                {
                    last.until = Some(from.clone());
                    last.removed = row.version.content.is_none();
                }
                if let (Some(content), Some((digest, size, gone))) = (row.version.content, row.content) {
                    let (number, meta) = (row.version.number, row.version.meta);
                    let forgotten = match gone {
                        None => None,
                        Some(seq) => match by.get(&seq) {
                            Some(known) => Some(known.clone()),
                            None => Some(forgotten(rows, self.tenant.id, seq)?).inspect(|found| drop(by.insert(seq, found.clone()))),
                        },
                    };
                    all.push(Version { key: key.to_vec(), number, size, digest, meta, from, until: None, removed: false, forgotten, content });
                }
            }
            Ok(all)
        })
    }

    /// The documents that exist at this moment and whose key starts with `prefix`, in order of key.
    pub fn list(&self, prefix: impl AsRef<[u8]>) -> Listing {
        Listing::new(self.clone(), prefix.as_ref(), Which::Existing)
    }

    /// The documents that had been removed by this moment, each with the version that was its last.
    pub fn list_removed(&self, prefix: impl AsRef<[u8]>) -> Listing {
        Listing::new(self.clone(), prefix.as_ref(), Which::Removed)
    }

    /// What is shown of a document at this moment: the version that exists, or where it had been removed its last one.
    pub(crate) fn state(
        &self,
        rows: &Rows<'_>,
        document: &DocumentRow,
        which: Which,
        event: &mut dyn FnMut(i64) -> Result<Event>,
    ) -> Result<Option<Version>> {
        let Some(row) = rows.version_at(document.id, self.last_batch())? else { return Ok(None) };
        match row.content {
            Some(_) if which != Which::Removed => version_with(rows, &document.key, &row, self.next_of(rows, &row)?.as_ref(), event).map(Some),
            None if which != Which::Existing => {
                let Some(last) = rows.last_put(document.id, row.batch)? else { return Ok(None) };
                version_with(rows, &document.key, &last, Some(&row), event).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The version of a document that exists at this moment.
    pub(crate) fn state_of(&self, rows: &Rows<'_>, document: &DocumentRow) -> Result<Option<Version>> {
        self.state(rows, document, Which::Existing, &mut |batch| event(rows, batch))
    }

    /// Whether a document exists at this moment.
    pub(crate) fn exists(&self, rows: &Rows<'_>, document: &DocumentRow) -> Result<bool> {
        match self.seq {
            None => Ok(document.content.is_some()),
            Some(_) => Ok(rows.version_at(document.id, self.last_batch())?.is_some_and(|row| row.content.is_some())),
        }
    }
}

/// Which documents are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those that exist.
    Existing,
    /// Those that had been removed, as their last version.
    Removed,
    /// Both.
    Both,
}

/// The error for bytes that were erased with their subject; `what` names a document or a version of it.
fn erased(what: &str, key: &[u8], by: &Event) -> Error {
    let who = if by.actor.is_empty() { String::new() } else { format!(" by {}", by.actor) };
    let text = format!("{what} was erased on {}{who} (seq {}): {}", moment::rfc3339_utc(by.time), by.seq, by.reason);
    Error::missing(ERASED, text).hint("its bytes are gone for good; who, when, size and digest are still known").at_key(key)
}

/// The error for a document that does not exist any more. What cannot be brought back is not promised.
fn removed(rows: &Rows<'_>, key: &[u8], document: i64, row: &VersionRow) -> Result<Error> {
    let last = rows.version_numbered(document, row.number)?.map(|last| version(rows, key, &last, None)).transpose()?;
    let gone = last.as_ref().and_then(|last| last.forgotten.as_ref());
    if let Some(Forgotten { erased: true, by: Some(by), .. }) = gone {
        return Ok(erased(&show_key(key), key, by));
    }
    let end = event(rows, row.batch)?;
    let by = if end.actor.is_empty() { String::new() } else { format!(" by {}", end.actor) };
    let name = show_key(key);
    Ok(Error::new(Kind::Missing, "document.removed", format!("{name} was removed at {}{by} (seq {})", moment::rfc3339_utc(end.time), end.seq))
        .hint(match gone {
            None => format!("annals restore '{name}' brings it back; annals get '{name}@v{}' reads its last version", row.number),
            Some(_) => format!("the bytes of its last version were forgotten; annals log '{name}' shows which versions are there"),
        })
        .at_key(key)
        .at_seq(end.seq))
}

/// Walks documents in order of key without holding the catalogue.
pub struct Listing {
    view: View,
    prefix: Vec<u8>,
    which: Which,
    after: Option<Vec<u8>>,
    page: std::vec::IntoIter<Version>,
    ended: bool,
}

impl Listing {
    fn new(view: View, prefix: &[u8], which: Which) -> Self {
        Listing { view, prefix: prefix.to_vec(), which, after: None, page: Vec::new().into_iter(), ended: false }
    }

    /// Goes on after this key instead of at the beginning.
    pub fn after(mut self, key: Option<Vec<u8>>) -> Self {
        self.after = key;
        self
    }

    fn next_page(&mut self) -> Result<()> {
        let tenant = self.view.tenant.clone();
        tenant.inner.catalog.read(|rows| {
            let documents = rows.documents(tenant.id, &self.prefix, self.after.as_deref(), PAGE)?;
            self.ended = documents.len() < PAGE;
            self.after = documents.last().map(|d| d.key.clone()).or(self.after.take());
            let mut page = Vec::with_capacity(documents.len());
            let mut events: HashMap<i64, Event> = HashMap::new();
            let mut event = |batch| match events.get(&batch) {
                Some(known) => Ok(known.clone()),
                None => event(rows, batch).inspect(|found| drop(events.insert(batch, found.clone()))),
            };
            for document in &documents {
                page.extend(self.view.state(rows, document, self.which, &mut event)?);
            }
            self.page = page.into_iter();
            Ok(())
        })
    }
}

impl Iterator for Listing {
    type Item = Result<Version>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(version) = self.page.next() {
                return Some(Ok(version));
            }
            if self.ended {
                return None;
            }
            if let Err(e) = self.next_page() {
                self.ended = true;
                return Some(Err(e));
            }
        }
    }
}
