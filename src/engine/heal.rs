//! Damage of the local store: what is known of it, and bringing back from segments what was lost.
//!
//! Two kinds of damage are noticed when a store is opened, because nothing else would ever tell: the chunk store dropped the end of its
//! journal, or SQLite dropped the end of its write-ahead log. Both are noted in the catalogue and stay known until they are healed.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, Progress, Silent, check_stop};
use crate::model::key::show_key;
use crate::storage::catalog::batches::BatchRow;
use crate::storage::catalog::contents::Body;
use crate::storage::catalog::{self, LOG_CUT, number};
use crate::storage::remote::{self, RemoteUrl};

use super::content::Ingested;
use super::history::wanted_among;
use super::offsite::{Copies, Fetch, FetchReport, OpenRemote};
use super::store::{CHUNK_NUMBER, CHUNKS_CUT, INCOMING, OUTBOX, Store, Tenant};
use super::verify::{LOG_CUT_TOLD, Level, Problem, VerifyReport, all_there, content_damaged, read_whole};

/// Contents looked at in one view of the catalogue.
const PAGE: usize = 500;

/// What is wrong with the local store, as far as opening it told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damage {
    /// The catalogue's write-ahead log was damaged: the newest batches may be missing.
    pub log_cut: bool,
    /// Contents whose bytes the chunk store lost, each with the documents that have or had them.
    pub lost: Vec<Problem>,
}

impl Damage {
    /// Whether nothing is known to be wrong.
    pub fn is_none(&self) -> bool {
        !self.log_cut && self.lost.is_empty()
    }
}

/// What healing did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HealReport {
    /// What was damaged, with the documents concerned.
    pub found: Vec<Problem>,
    /// Batches that were missing and are there again.
    pub batches: u64,
    /// Contents that were damaged.
    pub damaged: u64,
    /// Contents that are whole again.
    pub healed: u64,
    /// Bytes read from the outbox and from remotes.
    pub bytes: u64,
    /// The places that gave what is whole again, each with how many objects were taken from it. The store's own is called `the outbox`.
    pub places: BTreeMap<String, u64>,
    /// Why copies could not be used.
    pub reasons: Vec<String>,
    /// What is still wrong, with the documents that are lost unless another copy turns up.
    pub left: Vec<Problem>,
}

/// A content that cannot be read: its number within the tenant, and why.
struct Bad {
    ordinal: u64,
    digest: Digest,
    reason: Error,
}

impl Store {
    /// What opening the store told of damage. Costs nothing where all is well; otherwise every chunk that the log names is looked up.
    pub fn damage(&self) -> Result<Damage> {
        let (log_cut, chunks_cut) = self.inner.catalog.read(|rows| Ok((rows.fact(LOG_CUT)?.is_some(), rows.fact(CHUNKS_CUT)?.is_some())))?;
        let mut damage = Damage { log_cut, lost: Vec::new() };
        if chunks_cut {
            for tenant in self.tenants()? {
                let bad = tenant.bad_contents(false, &Silent)?;
                damage.lost.extend(tenant.told(&bad)?);
            }
        }
        Ok(damage)
    }

    /// Reads everything, and takes what is missing or damaged from objects in the outbox and on `remotes`. May be repeated, with other remotes.
    ///
    /// # Errors
    /// [`Kind::Locked`] while garbage is collected. What no copy gives is no error: it stands in the report.
    pub fn heal(&self, remotes: &[OpenRemote], monitor: &dyn Monitor) -> Result<HealReport> {
        let _upkeep = self.inner.upkeep("heal.busy")?;
        let mut report = HealReport::default();
        let mut places = Vec::new();
        let outbox = self.inner.dir.join(OUTBOX);
        if outbox.is_dir() {
            let device = remote::open(&RemoteUrl::Directory(outbox), &remote::Options::default())?;
            places.push(OpenRemote::new("the outbox", device.into()));
        }
        places.extend_from_slice(remotes);
        let log_cut = self.inner.catalog.read(|rows| rows.fact(LOG_CUT))?.is_some();
        if log_cut {
            report.found.push(Problem { tenant: String::new(), what: LOG_CUT_TOLD.to_owned(), seq: None, documents: Vec::new() });
        }
        for tenant in self.tenants()? {
            let bad = tenant.bad_contents(true, monitor)?;
            report.damaged += bad.len() as u64;
            report.found.extend(tenant.told(&bad)?);
            if !bad.is_empty() && !places.is_empty() {
                tenant.heal_contents(&bad, &places, &mut report, monitor)?;
            }
            let left = if bad.is_empty() { Vec::new() } else { tenant.bad_contents(true, monitor)? };
            report.healed += bad.len().saturating_sub(left.len()) as u64;
            report.left.extend(tenant.told(&left)?);
        }
        let mut whole = false;
        if log_cut && !places.is_empty() {
            match self.fetch(&places, monitor) {
                Ok(fetched) => {
                    report.batches = fetched.batches;
                    report.took(&fetched);
                    whole = fetched.gaps.is_empty();
                    report.reasons.extend(fetched.gaps.into_iter().flat_map(|gap| gap.reasons));
                }
                // Others were recorded in the place of the batches that were lost, or no place can be reached. What was healed so far stays healed.
                Err(e) if matches!(e.kind(), Kind::Refused | Kind::Remote) => report.reasons.push(e.to_string()),
                Err(e) => return Err(e),
            }
        }
        self.inner.catalog.write(|w| {
            if whole {
                w.remove_fact(LOG_CUT)?;
            }
            if report.left.is_empty() { w.remove_fact(CHUNKS_CUT) } else { Ok(()) }
        })?;
        // Records are not healed, so that what a report leaves unsaid is sound.
        let mut log = VerifyReport::default();
        self.verify_log(Level::Full, &mut log, monitor)?;
        report.left.append(&mut log.problems);
        Ok(report)
    }
}

impl HealReport {
    fn took(&mut self, fetched: &FetchReport) {
        self.bytes += fetched.bytes;
        for (place, objects) in &fetched.places {
            *self.places.entry(place.clone()).or_default() += objects;
        }
    }
}

impl Tenant {
    /// Contents that cannot be read; those whose chunks are not all there, unless `deep`.
    fn bad_contents(&self, deep: bool, monitor: &dyn Monitor) -> Result<Vec<Bad>> {
        let inner = &*self.inner;
        let end = inner.catalog.read(|rows| rows.tenant_by_id(self.id))?.contents;
        let gone: HashSet<i64> = inner.catalog.read(|rows| rows.gone(self.id))?.into_iter().map(|n| catalog::id(self.id, n)).collect();
        let wanted = inner.catalog.read(|rows| wanted_among(rows, self.id, &gone))?;
        let mut known = HashSet::new();
        let mut bad = Vec::new();
        let mut next = 0;
        loop {
            let page = inner.catalog.read(|rows| rows.contents(catalog::id(self.id, next), catalog::id(self.id, end), PAGE))?;
            let Some(last) = page.last() else { return Ok(bad) };
            next = number(last.id) + 1;
            for content in &page {
                check_stop(monitor)?;
                // What was given up is not damaged, unless a document is that now: two lines that were united may disagree about it.
                if gone.contains(&content.id) && !wanted.contains(&content.id) {
                    continue;
                }
                let looked = if deep { read_whole(inner, content).map(drop) } else { all_there(inner, content, &mut known) };
                if let Err(reason) = looked {
                    bad.push(Bad { ordinal: number(content.id), digest: content.digest, reason });
                }
            }
            monitor.progress(&Progress { phase: "checking contents", items: next, items_total: end, ..Progress::default() });
        }
    }

    fn told(&self, bad: &[Bad]) -> Result<Vec<Problem>> {
        let told = |b: &Bad| {
            let documents = self.inner.catalog.read(|rows| rows.documents_with(catalog::id(self.id, b.ordinal)))?;
            let documents = documents.iter().map(|k| show_key(k)).collect();
            Ok(Problem { tenant: self.name().to_owned(), what: content_damaged(&b.digest, &b.reason), seq: None, documents })
        };
        bad.iter().map(told).collect()
    }

    /// Takes damaged contents in again, slice by slice from the oldest: a later one may be packed against an earlier one.
    fn heal_contents(&self, bad: &[Bad], places: &[OpenRemote], report: &mut HealReport, monitor: &dyn Monitor) -> Result<()> {
        let inner = &*self.inner;
        let mut notes = Vec::new();
        let copies = match Copies::list(places, &self.public.to_hex(), &mut notes, monitor) {
            Ok(copies) => copies,
            Err(e) if e.kind() == Kind::Interrupted => return Err(e),
            Err(e) => {
                report.reasons.push(e.to_string());
                return Ok(());
            }
        };
        // A key object that was nowhere when the store was rebuilt may have turned up.
        if !copies.keys.is_empty() {
            let fetch = Fetch { tenant: self, remotes: places, until: None, onward: true, monitor };
            fetch.subject_keys(&self.key()?, &copies, &mut FetchReport::default())?;
        }
        let scratch = inner.dir.join(INCOMING);
        let end = self.position()?.seq;
        let mut wanted: BTreeSet<u64> = bad.iter().map(|b| b.ordinal).collect();
        for tail in copies.tails().into_iter().filter(|tail| tail.first <= end) {
            let (before, after) = inner.catalog.read(|rows| {
                let numbered = |batch: Option<BatchRow>| batch.map_or(0, |b| b.numbered.1);
                let before = rows.batch(catalog::id(self.id, tail.first - 1))?;
                Ok((numbered(before), numbered(rows.batch(catalog::id(self.id, tail.last.min(end)))?)))
            })?;
            if wanted.range(before..after).next().is_none() {
                continue;
            }
            let _pass = inner.gate.enter();
            let mut fetched = FetchReport::default();
            let fetch = Fetch { tenant: self, remotes: places, until: None, onward: true, monitor };
            let taken = fetch.contents_again(&copies, &tail, before, &scratch, &mut fetched);
            let _ = std::fs::remove_dir_all(&scratch);
            match taken {
                Ok(fresh) => {
                    self.take_again(&mut wanted, before, &fresh)?;
                    report.took(&fetched);
                }
                Err(e) if matches!(e.kind(), Kind::Interrupted | Kind::Space) => return Err(e),
                Err(e) => notes.push(format!("{tail}: {e}")),
            }
        }
        report.reasons.append(&mut notes);
        Ok(())
    }

    /// Names the places of contents that were taken in again, `fresh` from number `before` on; they are no longer wanted.
    fn take_again(&self, wanted: &mut BTreeSet<u64>, before: u64, fresh: &[Ingested]) -> Result<()> {
        let inner = &*self.inner;
        let number = inner.chunks.sync()?;
        inner.catalog.write(|w| {
            w.raise_fact(CHUNK_NUMBER, number)?;
            for (ordinal, again) in (before..).zip(fresh) {
                let id = catalog::id(self.id, ordinal);
                if wanted.contains(&ordinal) && w.content_digest(id)?.0 == again.digest && !matches!(again.body, Body::Gone(_)) {
                    w.set_body(id, &again.body)?;
                    wanted.remove(&ordinal);
                }
            }
            Ok(())
        })?;
        inner.chunks.note_named(number);
        Ok(())
    }
}
