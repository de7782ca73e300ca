//! Realignment: a store and a remote that both moved on, or a store that went back in time, become one history again. Nothing of either side
//! is lost: what is missing is fetched, what is only here is recorded again after it, and the line that is left stays to be read.
//!
//! Everything is fetched and proved beside the log, in a side log that an interrupted run goes on with. One transaction then keeps the old line
//! as a side log, cuts the log back to the last common batch, and continues it. Before that nothing has changed; after it everything has.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::base::digest::{Digest, Hasher};
use crate::base::error::{Error, Kind, Result};
use crate::base::id::TenantId;
use crate::base::limits::TEXT_BYTES_MAX;
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::base::time::Timestamp;
use crate::format::segment::{ObjectName, Tail};
use crate::format::wire::{Slice, TimelinePrefix, WireChange};
use crate::model::change::{BatchHead, Cause, Change, KeyId, Meta};
use crate::model::key::show_key;
use crate::model::lineage::{Fate, Verdict, classify};
use crate::model::plan::TouchedReference;
use crate::model::realign::{Amount, Keep, RealignItem, RealignPlan, TenantRealign};
use crate::model::timeline::Position;
use crate::storage::catalog::batches::BatchRow;
use crate::storage::catalog::tenants::TenantRow;
use crate::storage::catalog::{self, View as Rows, Writer};

use super::capture::note_replayed;
use super::content::Ingested;
use super::history::{each_change, key_of};
use super::lineage::{InPlace, Looked, Records, look};
use super::offsite::{Copies, Fetch, FetchReport, Gap, OpenRemote};
use super::queue::{Draft, Source};
use super::record::{Seen, write_batch};
use super::store::{SCRATCH, Store, Tenant};
use super::witness::{FILE, MACHINE, know_lines};

/// Batches read at a time.
const PAGE: usize = 256;

/// What realigning one tenant did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Realigned {
    /// The tenant.
    pub tenant: String,
    /// What the comparison had said.
    pub verdict: Verdict,
    /// Which side stays in effect.
    pub keep: Keep,
    /// The last batch that both had.
    pub common: u64,
    /// Batches that were fetched.
    pub fetched: u64,
    /// Our batches that were recorded again after them.
    pub again: u64,
    /// Our batches of which nothing was left to record: their changes are part of the other side already.
    pub already: u64,
    /// Documents that changed differently on both sides; both states are versions.
    pub conflicts: Vec<String>,
    /// Documents that one side had removed and the other changed; they exist.
    pub resurrected: Vec<String>,
    /// References of ours that were left out, because the other side has a state of its own for the same outside id.
    pub references: Vec<TouchedReference>,
    /// The side log with the line that was left, to be read like a tenant.
    pub line: Option<String>,
    /// The mark that names the state before ours was recorded again: rolling back to it takes that back.
    pub mark: Option<String>,
    /// Bytes read from remotes.
    pub bytes: u64,
    /// Batches that the remote names and nobody has whole.
    pub gaps: Vec<Gap>,
    /// Where the log ends now.
    pub position: Position,
}

/// How to realign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RealignOptions {
    /// Which side stays in effect.
    pub keep: Keep,
    /// Take this copy of a store for the site from now on.
    pub claim: bool,
}

/// Both sides of a tenant, with the objects that the other consists of.
struct Sides<'a> {
    tenant: Tenant,
    row: TenantRow,
    remote: &'a OpenRemote,
    looked: Looked,
    copies: Copies,
    /// The last batch that the witness file knows of, where it is more than what is here.
    witnessed: u64,
    monitor: &'a dyn Monitor,
}

/// The other side's records after the fork.
struct Theirs {
    amount: Amount,
    /// The last state of each document that they changed: a digest and what is kept beside it, or that it does not exist.
    documents: BTreeMap<Vec<u8>, Option<State>>,
    readable: u64,
    bytes: u64,
    time: Option<Timestamp>,
}

/// A state of a document, to be compared.
type State = (Digest, Meta);

impl Store {
    /// Compares every tenant with `remotes` and plans what brings both into line. Fetches records, no contents.
    ///
    /// # Errors
    /// [`Kind::Refused`] where this is a copy of a living store and `options` do not claim it, or where the remote belongs to another site.
    pub fn plan_realign(&self, remotes: &[OpenRemote], options: RealignOptions, monitor: &dyn Monitor) -> Result<RealignPlan> {
        let mut tenants = Vec::new();
        for tenant in self.tenants()? {
            check_stop(monitor)?;
            let fence = self.inner.catalog.read(|rows| self.inner.witness.fence(rows, &rows.tenant_by_id(tenant.id)?))?;
            let copied = fence.as_ref().is_some_and(|f| f.verdict == Verdict::Clone && f.witness == MACHINE);
            if copied && !options.claim {
                return Err(fence.map_or_else(|| Error::damaged("a fence"), |f| f.refusal(tenant.name())));
            }
            let sides = Sides::of(&tenant, remotes, monitor)?;
            if sides.looked.verdict == Verdict::Foreign {
                return Err(match sides.looked.fence(&tenant, &sides.remote.name)? {
                    Some(fence) => fence.refusal(tenant.name()),
                    None => Error::damaged("a fence"),
                });
            }
            if !sides.looked.verdict.may_ship() || fence.is_some() {
                tenants.push(sides.plan(options.keep, self.line_rate(&sides.remote.name)?.bytes_per_sec())?);
            }
        }
        Ok(RealignPlan::new(tenants))
    }

    /// Takes this copy of a store for the site from now on: it goes on along lines of its own. The other copy is noticed when it ships.
    pub fn claim(&self) -> Result<()> {
        let inner = &*self.inner;
        inner.witness.claim(&inner.catalog, inner.random(), inner.clock().now())?;
        inner.witness.note(&inner.catalog, inner.clock().now())
    }

    /// Removes a line of history that a realignment left. What was recorded again of it stays.
    ///
    /// # Errors
    /// [`Kind::Missing`] where there is no such line.
    pub fn release_line(&self, name: &str) -> Result<()> {
        self.inner.catalog.write(|w| match w.tenant(name)?.filter(TenantRow::is_side) {
            Some(line) => w.remove_log(&line),
            None => {
                let lines: Vec<String> = w.tenants()?.into_iter().filter(TenantRow::is_side).map(|t| t.name).collect();
                let hint = if lines.is_empty() { "no line was left".to_owned() } else { format!("there is {}", lines.join(", ")) };
                Err(Error::missing("line.missing", format!("there is no line of history called {name}")).hint(hint))
            }
        })
    }

    /// Carries out a plan. Interrupted at any place, each tenant is as it was or in line; the same command again goes on.
    ///
    /// # Errors
    /// [`Kind::Refused`] (code `plan.stale`) where either side moved since the plan was made.
    pub fn realign(&self, plan: &RealignPlan, remotes: &[OpenRemote], monitor: &dyn Monitor) -> Result<Vec<Realigned>> {
        let mut done = Vec::new();
        for wanted in &plan.tenants {
            check_stop(monitor)?;
            let tenant = self.tenant_or_dropped(&wanted.tenant)?;
            let sides = Sides::of(&tenant, remotes, monitor)?;
            let now = sides.plan(wanted.keep, self.line_rate(&sides.remote.name)?.bytes_per_sec())?;
            let same = |p: &TenantRealign| (p.ours, p.ours_digest.clone(), p.theirs, p.theirs_digest.clone(), p.common);
            if same(&now) != same(wanted) {
                return Err(Error::new(
                    Kind::Refused,
                    "plan.stale",
                    format!(
                        "{} moved since the plan was made: here seq {}, now {}; there seq {}, now {}",
                        wanted.tenant, wanted.ours, now.ours, wanted.theirs, now.theirs
                    ),
                )
                .hint("make the plan again and look at it again: annals realign; nothing of this tenant was changed")
                .at_seq(now.ours));
            }
            done.push(sides.apply(wanted, remotes, monitor)?);
        }
        self.inner.witness.note(&self.inner.catalog, self.inner.clock().now())?;
        self.finish_erasures_or_later(monitor)?;
        Ok(done)
    }
}

impl<'a> Sides<'a> {
    /// Looks at every remote; the one that has most of what we lack is the other side. One that cannot be asked is passed over unless all are so.
    fn of(tenant: &Tenant, remotes: &'a [OpenRemote], monitor: &'a dyn Monitor) -> Result<Self> {
        let mut best: Option<(&OpenRemote, Looked)> = None;
        let mut failed = None;
        for remote in remotes {
            match look(tenant, remote.device(), monitor) {
                Ok(looked) => {
                    let rank = |l: &Looked| (!l.verdict.may_ship(), l.line.is_some(), l.theirs);
                    if best.as_ref().is_none_or(|(_, known)| rank(&looked) > rank(known)) {
                        best = Some((remote, looked));
                    }
                }
                Err(e) if e.kind() == Kind::Interrupted => return Err(e),
                Err(e) => failed = Some(e),
            }
        }
        let Some((remote, looked)) = best else {
            return Err(failed.unwrap_or_else(|| {
                Error::new(Kind::Remote, "remote.none", "no remote is configured").hint("annals remote add usb dir:/media/usb/annals")
            }));
        };
        let mut copies = Copies::list(remotes, &tenant.public.to_hex(), &mut Vec::new(), monitor)?;
        copies.retain(|name| {
            let theirs = looked.line == Some(name.timeline) || !looked.aside.contains(&name.timeline);
            let text = name.to_string();
            theirs && looked.line.is_some() && name.last > looked.common && !looked.same.contains(&text) && !looked.own.contains(&text)
        });
        let (row, fence) = tenant.inner.catalog.read(|rows| {
            let row = rows.tenant_by_id(tenant.id)?;
            let fence = tenant.inner.witness.fence(rows, &row)?;
            Ok((row, fence))
        })?;
        let witnessed = fence.filter(|f| f.witness == FILE).map_or(0, |f| f.theirs);
        Ok(Sides { tenant: tenant.clone(), row, remote, looked, copies, witnessed, monitor })
    }

    /// Reads their records after the fork, slice by slice, as a rebuild would take them.
    fn theirs(&self) -> Result<Theirs> {
        let tenant = &self.tenant;
        let inner = &*tenant.inner;
        let common = self.looked.common;
        let mut theirs = Theirs { amount: Amount::default(), documents: BTreeMap::new(), readable: common, bytes: 0, time: None };
        let key = tenant.key()?;
        let mut records: Option<Records<'_>> = None;
        let mut prev = inner.catalog.read(|rows| rows.log_end(tenant.id, common))?.digest;
        let mut keys: Vec<Vec<u8>> = Vec::new();
        let mut known_documents = 0;
        loop {
            let next = theirs.readable + 1;
            let mut read = None;
            for tail in self.copies.holding(next) {
                if records.is_some() && tail.first != next {
                    continue;
                }
                let before = Records::from(tenant, tail.first.min(common + 1) - 1)?;
                for remote in self.copies.remotes(&tail) {
                    let source = InPlace { remote: remote.device(), folder: tenant.public.to_hex(), monitor: self.monitor };
                    let opened = Tail::read(&key, tenant.public, &tail, &source).and_then(|tail| {
                        let bytes = tail.parts().iter().map(|p| p.size).sum::<u64>();
                        Ok((bytes, tail.decode(tenant.public, records.as_ref().unwrap_or(&before))?.into_slice()))
                    });
                    match opened {
                        Ok((bytes, slice)) if records.is_none() || slice.prev == prev => {
                            read = Some((tail, bytes + tail.size, slice));
                            break;
                        }
                        Err(e) if matches!(e.kind(), Kind::Interrupted | Kind::Newer) => return Err(e),
                        _ => {}
                    }
                }
                if read.is_some() {
                    break;
                }
            }
            let Some((tail, bytes, slice)) = read else { return Ok(theirs) };
            if records.is_none() {
                records = Some(Records::from(tenant, tail.first - 1)?);
                known_documents = slice.documents_before;
            }
            keys.extend(slice.new_keys.iter().cloned());
            self.take(&slice, common, known_documents, &keys, &mut theirs)?;
            prev = slice.head;
            theirs.readable = slice.last_seq();
            theirs.bytes += bytes;
            if let Some(records) = &mut records {
                records.push(&slice);
            }
        }
    }

    fn take(&self, slice: &Slice, common: u64, known: u64, keys: &[Vec<u8>], theirs: &mut Theirs) -> Result<()> {
        let id = self.tenant.id;
        self.tenant.inner.catalog.read(|rows| {
            let shared = rows.log_end(id, common)?.contents;
            for (i, batch) in slice.batches.iter().enumerate().filter(|(i, _)| slice.first_seq + *i as u64 > common) {
                theirs.amount.batches += 1;
                theirs.amount.changes += batch.changes.len() as u64;
                theirs.time = Some(batch.time);
                for change in &batch.changes {
                    let (document, state) = match change {
                        WireChange::Put { document, content, meta } => {
                            let digest = match content {
                                old if *old < shared => rows.content_digest(catalog::id(id, *old))?.0,
                                // Its bytes are not here yet, so it is taken for different from everything.
                                new => Digest::of(format!("{} {i} {new}", slice.first_seq).as_bytes()),
                            };
                            (document, Some((digest, meta.clone())))
                        }
                        WireChange::Remove { document } => (document, None),
                        WireChange::Refer { .. } | WireChange::Mark { .. } | WireChange::Other(_) => continue,
                    };
                    let key = match document.checked_sub(known) {
                        None => key_of(rows, catalog::id(id, *document))?,
                        Some(own) => keys.get(own as usize).cloned().ok_or_else(|| Error::damaged("a slice that names an unknown document"))?,
                    };
                    theirs.documents.insert(key, state);
                }
            }
            Ok(())
        })
    }

    /// What the names of the other side add up to.
    fn fingerprint(&self) -> Digest {
        let mut hasher = Hasher::new();
        let mut names: Vec<String> = self.copies.tails().iter().map(ObjectName::to_string).collect();
        names.sort();
        names.iter().for_each(|name| {
            hasher.update(name.as_bytes());
        });
        hasher.finish()
    }

    fn plan(&self, keep: Keep, rate: f64) -> Result<TenantRealign> {
        let mut theirs = self.theirs()?;
        theirs.amount.documents = theirs.documents.len() as u64;
        let (common, id) = (self.looked.common, self.tenant.id);
        let fork = catalog::id(id, common);
        let (only_here, items, references) = self.tenant.inner.catalog.read(|rows| {
            let tail = rows.tail_after(id, common)?;
            let touched = rows.documents_touched(id, common)?;
            let only_here = Amount { batches: tail.batches, changes: tail.changes, documents: touched.len() as u64 };
            let keys = touched.iter().map(|document| key_of(rows, *document)).collect::<Result<Vec<_>>>()?;
            let all: BTreeSet<&Vec<u8>> = keys.iter().chain(theirs.documents.keys()).collect();
            let (mut items, mut references) = (Vec::new(), Vec::new());
            for key in all {
                let (base, ours) = states(rows, id, key, fork)?;
                let there = theirs.documents.get(key).cloned().unwrap_or_else(|| base.clone());
                let Some(fate) = classify(base.as_ref(), ours.as_ref(), there.as_ref()) else { continue };
                if let Some(document) = rows.document(id, key)? {
                    let risky = matches!(fate, Fate::Conflict | Fate::Resurrected);
                    for r in rows.references_of(document.id)?.into_iter().filter(|r| risky || r.batch > fork) {
                        references.push(touched_reference(key, &r.reference, r.batch > fork));
                    }
                }
                items.push(RealignItem { key: show_key(key), fate });
            }
            Ok((only_here, items, references))
        })?;
        let (bytes, line) = (theirs.bytes, self.looked.line.map_or_else(String::new, |line| format!("{:016x}", u64::from_be_bytes(line))));
        Ok(TenantRealign {
            tenant: self.tenant.name().to_owned(),
            verdict: self.looked.verdict,
            remote: self.remote.name.clone(),
            keep,
            ours: self.row.position.seq,
            ours_digest: self.row.position.digest.to_hex(),
            ours_time: if self.row.position.seq == 0 { 0 } else { self.row.time.micros() },
            theirs: self.looked.theirs.max(self.witnessed),
            theirs_digest: self.fingerprint().to_hex(),
            theirs_time: theirs.time.or(self.looked.theirs_time).map(Timestamp::micros),
            common,
            line,
            readable: theirs.readable,
            missing: theirs.amount,
            only_here,
            items,
            references,
            bytes,
            seconds: bytes as f64 / rate,
        })
    }

    fn apply(&self, plan: &TenantRealign, remotes: &[OpenRemote], monitor: &dyn Monitor) -> Result<Realigned> {
        let inner = &*self.tenant.inner;
        let mut done = Realigned {
            tenant: plan.tenant.clone(),
            verdict: plan.verdict,
            keep: plan.keep,
            common: plan.common,
            fetched: 0,
            again: 0,
            already: 0,
            conflicts: Vec::new(),
            resurrected: Vec::new(),
            references: Vec::new(),
            line: None,
            mark: None,
            bytes: 0,
            gaps: Vec::new(),
            position: self.row.position,
        };
        let own = plan.ours > plan.common;
        let ours_stays = plan.keep == Keep::Ours && own;
        if plan.verdict.may_ship() || plan.readable == plan.common || ours_stays {
            // There is nothing to take in: what is recorded here goes on along a line of its own.
            inner.catalog.write(|w| {
                let parted = self.row.parent.is_some_and(|p| p.seq == plan.common);
                if !plan.verdict.may_ship() && own && !parted {
                    let provisional = inner.witness.fence(w, &self.row)?.is_some();
                    inner.witness.part(w, &self.row, plan.common, provisional, inner.random())?;
                }
                if !own {
                    inner.witness.branch(w, self.tenant.id)?;
                }
                self.settle(w)
            })?;
        } else {
            let scratch = self.scratch(own)?;
            let fetch = Fetch { tenant: &scratch, remotes, until: None, onward: false, monitor };
            let mut fetched = FetchReport::default();
            fetch.take(&self.copies, &mut fetched)?;
            (done.fetched, done.bytes, done.gaps) = (fetched.batches, fetched.bytes, fetched.gaps);
            if own {
                monitor.progress(&Progress { phase: "realigning", items: 0, items_total: plan.only_here.batches, ..Progress::default() });
                inner.catalog.write(|w| self.join(w, plan, &scratch, &mut done))?;
            } else {
                inner.catalog.write(|w| {
                    inner.witness.branch(w, self.tenant.id)?;
                    self.settle(w)
                })?;
            }
        }
        done.position = self.tenant.position()?;
        Ok(done)
    }

    /// Ends the fence, and knows the lines that the remotes hold now. Of the line that was left there may be something at other remotes too.
    fn settle(&self, w: &Writer<'_>) -> Result<()> {
        know_lines(w, self.tenant.id, self.looked.lines.iter().map(|(line, last)| (*line, *last)))?;
        let end = self.row.position;
        let left = [Some(end.timeline), self.row.parent.map(|p| p.timeline)].into_iter().flatten();
        if self.looked.line.is_some() {
            know_lines(w, self.tenant.id, left.map(|line| (line.prefix(), end.seq)))?;
        }
        self.tenant.inner.witness.lower(w, self.tenant.id)
    }

    /// The log that the other side is fetched into: our own where nothing was recorded here since, else a copy of it up to the fork. One that an
    /// interrupted run left is gone on with.
    fn scratch(&self, own: bool) -> Result<Tenant> {
        if !own {
            return Ok(self.tenant.clone());
        }
        let inner = &*self.tenant.inner;
        let common = self.looked.common;
        let name = format!("{}{SCRATCH}", self.tenant.name());
        let fact = format!("realigning {}", self.tenant.id);
        let line: TimelinePrefix = self.looked.line.unwrap_or_default();
        let what = [&line[..], &common.to_be_bytes(), inner.catalog.read(|rows| rows.log_end(self.tenant.id, common))?.digest.as_bytes()].concat();
        let id = inner.catalog.write(|w| {
            if let Some(left) = w.tenant(&name)? {
                if w.fact(&fact)?.as_deref() == Some(&what) {
                    return Ok(left.id);
                }
                w.remove_log(&left)?;
            }
            let row = TenantRow { public: TenantId::new(inner.random()), name: name.clone(), id: free_id(w)?, ..self.row.clone() };
            w.copy_log(&self.row, &row)?;
            w.cut_log(&mut row.clone(), common)?;
            w.set_fact(&fact, &what)?;
            Ok(row.id)
        })?;
        // Offsite it is the tenant itself.
        Ok(Tenant { id, ..self.tenant.clone() })
    }

    /// The one step: keeps the line that is left, cuts the log back to the fork, continues it with theirs, and records ours again.
    fn join(&self, w: &Writer<'_>, plan: &TenantRealign, scratch: &Tenant, done: &mut Realigned) -> Result<()> {
        let inner = &*self.tenant.inner;
        let mut row = w.tenant_by_id(self.tenant.id)?;
        if row.position != self.row.position {
            return Err(Error::new(Kind::Refused, "plan.stale", format!("{} moved while it was realigned", self.tenant.name()))
                .hint("something was recorded meanwhile: run annals realign again")
                .at_seq(row.position.seq));
        }
        let theirs = w.tenant_by_id(scratch.id)?;
        let line = format!("{}/{}", self.tenant.name(), &row.position.timeline.to_hex()[..8]);
        let side = TenantRow { id: free_id(w)?, public: TenantId::new(inner.random()), name: line.clone(), ..row.clone() };
        w.copy_log(&row, &side)?;
        w.cut_log(&mut row, plan.common)?;
        w.graft_log(&theirs, row.id, plan.common)?;
        note_replayed(w, row.id, plan.common + 1, theirs.position.seq)?;
        row = TenantRow { id: row.id, public: row.public, name: row.name.clone(), ..theirs.clone() };
        w.set_tenant_end(&row)?;
        // Whoever wrote their line may go on with it: from here on it is a line of our own.
        let parent = row.position;
        row.position.timeline = inner.witness.new_line(inner.random());
        w.set_tenant_timeline(row.id, row.position.timeline, Some(&parent))?;
        if plan.keep == Keep::Both {
            Again { w, side: &side, common: plan.common, theirs_end: theirs.position.seq, mapped: HashMap::new() }.run(&mut row, done)?;
            w.set_tenant_end(&row)?;
        }
        w.remove_log(&theirs)?;
        w.remove_fact(&format!("realigning {}", row.id))?;
        done.line = Some(line);
        self.settle(w)
    }
}

/// The states of a document at the fork and now.
fn states(rows: &Rows<'_>, tenant: i64, key: &[u8], fork: i64) -> Result<(Option<State>, Option<State>)> {
    let Some(document) = rows.document(tenant, key)? else { return Ok((None, None)) };
    Ok((state_at(rows, document.id, fork)?, state_at(rows, document.id, i64::MAX)?))
}

fn state_at(rows: &Rows<'_>, document: i64, batch: i64) -> Result<Option<State>> {
    let Some(version) = rows.version_at(document, batch)? else { return Ok(None) };
    version.content.map(|content| Ok((rows.content_digest(content)?.0, version.meta))).transpose()
}

fn touched_reference(key: &[u8], r: &crate::model::reference::Reference, later: bool) -> TouchedReference {
    let (system, id, state) = (r.system.clone(), r.id.clone(), r.state.clone());
    TouchedReference { key: show_key(key), system, id, state, irrevocable: r.irrevocable, later }
}

fn free_id(rows: &Rows<'_>) -> Result<i64> {
    Ok(rows.tenants()?.last().map_or(0, |t| t.id + 1))
}

/// Recording the batches of a line again, after those of another.
struct Again<'a, 'w> {
    w: &'a Writer<'w>,
    side: &'a TenantRow,
    common: u64,
    theirs_end: u64,
    /// What became of our batches: old number, new number.
    mapped: HashMap<u64, u64>,
}

impl Again<'_, '_> {
    fn run(mut self, row: &mut TenantRow, done: &mut Realigned) -> Result<()> {
        let (w, fork) = (self.w, catalog::id(row.id, self.common));
        // What they changed decides what is in conflict; nothing is asked of the documents that only we changed.
        let changed = w.documents_touched(row.id, self.common)?.into_iter().map(|d| key_of(w, d)).collect::<Result<BTreeSet<_>>>()?;
        let referred: BTreeSet<(String, String)> = w
            .remarks(fork + 1, catalog::id(row.id, self.theirs_end))?
            .into_iter()
            .filter_map(|(_, _, change)| if let Change::Refer { reference: r, .. } = change { Some((r.system, r.id)) } else { None })
            .collect();
        for key in &changed {
            let (base, ours) = states(w, self.side.id, key, catalog::id(self.side.id, self.common))?;
            let (_, theirs) = states(w, row.id, key, fork)?;
            match classify(base.as_ref(), ours.as_ref(), theirs.as_ref()) {
                Some(Fate::Conflict) => done.conflicts.push(show_key(key)),
                Some(Fate::Resurrected) => done.resurrected.push(show_key(key)),
                _ => {}
            }
        }
        let mark = format!("before-realign-{}", self.theirs_end);
        let reason = format!("realigned: batches {} to {} of this site recorded again", self.common + 1, self.side.position.seq);
        // Everything is a function of the two lines, so that whoever realigns them gets the same log.
        let head = BatchHead {
            seq: row.position.seq + 1,
            prev: row.position.digest,
            time: row.time,
            clock_behind: 0,
            actor: String::new(),
            reason,
            origin: "realign".into(),
            request: String::new(),
            cause: Cause::Realign(self.common),
        };
        write_batch(w, row, &head, &[Draft::Mark { name: mark.clone() }], &mut Seen::new())?;
        done.mark = Some(mark);
        let mut next = self.common + 1;
        while next <= self.side.position.seq {
            let page = w.batches(catalog::id(self.side.id, next), catalog::id(self.side.id, self.side.position.seq), PAGE)?;
            let Some(last) = page.last().map(|b| b.head.seq) else { return Err(Error::damaged(format_args!("a log that lacks batch {next}"))) };
            for batch in &page {
                self.batch(row, batch, &changed, &referred, done)?;
            }
            next = last + 1;
        }
        Ok(())
    }

    fn batch(
        &mut self,
        row: &mut TenantRow,
        batch: &BatchRow,
        changed: &BTreeSet<Vec<u8>>,
        referred: &BTreeSet<(String, String)>,
        done: &mut Realigned,
    ) -> Result<()> {
        let w = self.w;
        let mut drafts = Vec::new();
        // Documents that go with an erased subject; the batch removes them as well.
        let mut erased = HashSet::new();
        each_change(w, batch.id, batch.id, &mut |_, change| {
            match change {
                Change::Put { key, content, meta, .. } => {
                    let is_so = || Ok::<_, Error>(states(w, row.id, &key, 0)?.1 == Some((content, meta.clone())));
                    if !(changed.contains(&key) && is_so()?) {
                        let id = w.find_content_ever(self.side.id, &content)?.ok_or_else(|| Error::damaged("a version whose content is unknown"))?;
                        let known = w.content(id)?;
                        let source = Source::New(Ingested { digest: known.digest, size: known.size, body: known.body });
                        drafts.push(Draft::Put { key, source, meta, if_version: None });
                    }
                }
                // What they changed is not removed because we removed what it was before: it exists, and the report says so.
                Change::Remove { key } => {
                    let dropped = erased.contains(&key);
                    if !dropped && !changed.contains(&key) && states(w, row.id, &key, 0)?.1.is_some() {
                        drafts.push(Draft::Remove { key, if_version: None });
                    }
                }
                Change::Refer { key, reference } => {
                    if referred.contains(&(reference.system.clone(), reference.id.clone())) {
                        done.references.push(touched_reference(&key, &reference, true));
                    } else {
                        drafts.push(Draft::Refer { key, reference, shared: true });
                    }
                }
                Change::Mark { name } => drafts.push(Draft::Mark { name }),
                Change::Forget { rule, contents } => {
                    let contents = self.forgotten(row, &contents)?;
                    if !contents.is_empty() {
                        drafts.push(Draft::Other(Change::Forget { rule, contents }));
                    }
                }
                Change::Erase { subject, key, contents } => self.erase_again(row, (subject, key, &contents), &mut drafts, &mut erased)?,
                change @ (Change::Hold { .. } | Change::Lift { .. } | Change::Tenant(_)) => drafts.push(Draft::Other(change)),
                // A position of the line that is left: the batch has another number here, or none.
                Change::MarkAt { name, seq } => {
                    let at = if seq <= self.common { Some(seq) } else { self.mapped.get(&seq).copied() };
                    drafts.push(match at {
                        Some(seq) => Draft::Other(Change::MarkAt { name, seq }),
                        None => Draft::Mark { name },
                    });
                }
            }
            Ok(())
        })?;
        if drafts.is_empty() {
            done.already += 1;
            return Ok(());
        }
        let old = &batch.head;
        let clock = Timestamp(old.time.micros().saturating_add(old.clock_behind));
        let time = old.time.max(row.time);
        let target = |seq: u64| if seq <= self.common { Some(seq) } else { self.mapped.get(&seq).copied() };
        let again = Cause::Realign(self.common);
        let cause = match old.cause {
            Cause::Undo(seq) => target(seq).map_or(again, Cause::Undo),
            Cause::Rollback(seq) => target(seq).map_or(again, Cause::Rollback),
            Cause::Restore => Cause::Restore,
            Cause::Recorded | Cause::Realign(_) => again,
        };
        let taken = !old.request.is_empty() && w.batch_of_request(row.id, &old.request)?.is_some();
        let head = BatchHead {
            seq: row.position.seq + 1,
            prev: row.position.digest,
            time,
            // What the clock said then is kept: the time itself may not go back.
            clock_behind: clock.micros().saturating_sub(time.micros()),
            actor: old.actor.clone(),
            reason: old.reason.clone(),
            origin: origin(&old.origin, old.seq),
            request: if taken { String::new() } else { old.request.clone() },
            cause,
        };
        write_batch(w, row, &head, &drafts, &mut Seen::new())?;
        self.mapped.insert(old.seq, head.seq);
        done.again += 1;
        Ok(())
    }
}

impl Again<'_, '_> {
    /// A subject that we erased stays erased: what they recorded of it since goes too, and its documents do not exist.
    fn erase_again(
        &self,
        row: &TenantRow,
        (subject, key, contents): (Digest, KeyId, &[u64]),
        drafts: &mut Vec<Draft>,
        erased: &mut HashSet<Vec<u8>>,
    ) -> Result<()> {
        let w = self.w;
        let mut now: HashSet<i64> = self.forgotten(row, contents)?.into_iter().map(|n| catalog::id(row.id, n)).collect();
        if let Some(buried) = w.subject_with_key(w.home_of(row.id)?, &key)? {
            now.extend(w.all_contents_of_subject(row.id, buried.id)?.into_iter().map(|n| catalog::id(row.id, n)));
        }
        let mut gone: BTreeSet<Vec<u8>> = BTreeSet::new();
        let current = w.current_among(row.id, &now)?;
        w.each_document_with(row.id, &current, &mut |_, key| {
            gone.insert(key.to_vec());
        })?;
        for key in gone {
            let is_one = w.document(row.id, &key)?.and_then(|document| document.content).is_some_and(|content| current.contains(&content));
            if is_one && erased.insert(key.clone()) {
                drafts.push(Draft::Remove { key, if_version: None });
            }
        }
        let mut contents: Vec<u64> = now.into_iter().map(catalog::number).collect();
        contents.sort_unstable();
        drafts.push(Draft::Other(Change::Erase { subject, key, contents }));
        Ok(())
    }

    /// What contents that we gave up are numbered now; those that a document is now stay.
    fn forgotten(&self, row: &TenantRow, contents: &[u64]) -> Result<Vec<u64>> {
        let mut now = HashSet::new();
        for content in contents {
            let (digest, _) = self.w.content_digest(catalog::id(self.side.id, *content))?;
            now.extend(self.w.find_content_ever(row.id, &digest)?);
        }
        let current = self.w.current_among(row.id, &now)?;
        let mut numbers: Vec<u64> = now.difference(&current).map(|id| catalog::number(*id)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// Where a batch came from, with the number that it had: `import on host-3; realigned from seq 8813`.
fn origin(old: &str, seq: u64) -> String {
    let note = format!("realigned from seq {seq}");
    if old.is_empty() {
        return note;
    }
    let mut room = TEXT_BYTES_MAX.saturating_sub(note.len() + 2).min(old.len());
    while !old.is_char_boundary(room) {
        room -= 1;
    }
    format!("{}; {note}", &old[..room])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_names_its_old_number_and_stays_within_its_limit() {
        assert_eq!(origin("", 7), "realigned from seq 7");
        assert_eq!(origin("import", 7), "import; realigned from seq 7");
        let long = "ø".repeat(TEXT_BYTES_MAX / 2);
        let cut = origin(&long, 7);
        assert!(cut.len() <= TEXT_BYTES_MAX && cut.ends_with("ø; realigned from seq 7"), "{}", cut.len());
    }
}
