//! Compaction: what was forgotten leaves the remotes too.
//!
//! Slices of which much was forgotten are sealed again from the local store, without it, and stored under new names. An old object goes only after
//! the new ones were read back and a grace period has passed, object by object, and only what this catalogue says is ours. A reader may find both
//! sealings meanwhile and takes either.
//!
//! A slice may be packed against contents of earlier slices. Where such a one is sealed without them, the later slice is sealed again first: at
//! every moment each slice has a sealing whose bases are there. So slices are stored from the newest to the oldest.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::base::time::Timestamp;
use crate::format::segment::{ObjectName, Tail};
use crate::storage::catalog::keeping::{RetiredRow, SealingRow};
use crate::storage::catalog::segments::{ObjectRow, SliceRow};
use crate::storage::catalog::{self, View as Rows};
use crate::storage::remote::Check;

use super::brake::check_brake;
use super::forget::FORGOT;
use super::offsite::{OpenRemote, Ranged, ShipOptions, ShipReport, Shipment};
use super::remains::numbered;
use super::residency::allows;
use super::seal::{Before, SealOptions, sealing_of};
use super::store::{Store, Tenant};

/// Seconds between storing a new object and removing the old one: a reader that began before goes on, and a mistake can be noticed.
pub const GRACE_SECS: u64 = 7 * 86_400;
/// Bytes that a compaction must free for each object that it sends. An object costs a request, which is about as much.
const GAIN_PER_OBJECT_BYTES: u64 = 1024;

/// How to compact.
#[derive(Debug, Clone)]
pub struct CompactOptions {
    /// Only say what would be done.
    pub dry_run: bool,
    /// Bytes that may be sent; as many as needed where absent. What waited to be shipped and has to go first goes in any case.
    pub allowance_bytes: Option<u64>,
    /// Seconds that a replaced object stays.
    pub grace_secs: u64,
    /// Whatever holds forgotten bytes is sealed again, also where that costs more than it frees.
    pub all: bool,
    /// How to seal.
    pub seal: SealOptions,
}

impl Default for CompactOptions {
    fn default() -> Self {
        CompactOptions { dry_run: false, allowance_bytes: None, grace_secs: GRACE_SECS, all: false, seal: SealOptions::default() }
    }
}

/// What compacting a remote did, or in a dry run would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompactReport {
    /// The remote by name.
    pub remote: String,
    /// Slices of the log sealed again.
    pub slices: u64,
    /// Objects sent, with those of batches that had to go first. In a dry run unknown: 0.
    pub objects: u64,
    /// Their bytes; in a dry run about as many as would be sent.
    pub bytes: u64,
    /// Bytes of the objects that they take the place of.
    pub replaced_bytes: u64,
    /// Old objects removed, after their grace period.
    pub removed: u64,
    /// Their bytes.
    pub removed_bytes: u64,
    /// Old objects whose grace period has not passed.
    pub waiting: u64,
    /// Their bytes.
    pub waiting_bytes: u64,
    /// When the first of them may go.
    pub waiting_until: Option<Timestamp>,
    /// Slices that hold forgotten bytes and were left: sealing them again would cost more than it frees.
    pub left: u64,
    /// Slices that were left because the allowance was used up.
    pub beyond_allowance: u64,
}

/// One run of batches as a remote holds it.
#[derive(Debug)]
struct Run {
    slice: SliceRow,
    /// Whether the remote holds it; otherwise it waits to be shipped, and sending it is not the business of compaction.
    held: bool,
    /// Bytes of its objects.
    bytes: u64,
    /// Bytes of contents that it holds and that were forgotten, and of all that it holds.
    dead: u64,
    all: u64,
    /// Contents that were forgotten until now.
    gone: u64,
    sealing: SealingRow,
    /// Numbers of its contents.
    contents: std::ops::Range<u64>,
}

impl Run {
    /// About how many bytes of its objects are of what was forgotten.
    fn dead_bytes(&self) -> u64 {
        if !self.held || self.all == 0 { 0 } else { (u128::from(self.bytes) * u128::from(self.dead) / u128::from(self.all)) as u64 }
    }

    fn live_bytes(&self) -> u64 {
        if self.held { self.bytes - self.dead_bytes() } else { 0 }
    }
}

/// What there is to do for one tenant at one remote.
struct Work<'a> {
    tenant: &'a Tenant,
    remote: &'a OpenRemote,
    options: &'a CompactOptions,
    monitor: &'a dyn Monitor,
    /// By first batch.
    runs: BTreeMap<u64, Run>,
    /// Numbers of the contents that were forgotten.
    gone: HashSet<u64>,
    /// Those of them that went with a subject and are in no box of it: what holds them is sealed again whatever it costs.
    erased: HashSet<u64>,
    /// For each of them that went, the runs that are packed against it.
    leaners: BTreeMap<u64, Vec<u64>>,
}

impl Store {
    /// Takes what was forgotten off a remote, as far as it pays and the allowance reaches, and removes old objects whose grace period has passed.
    /// Cut at any place it goes on the next time.
    ///
    /// # Errors
    /// [`Kind::Remote`] where the remote cannot be reached. What was stored before an error is known and not sent again. [`Kind::Refused`] while a
    /// brake is on.
    pub fn compact(&self, remote: &OpenRemote, options: &CompactOptions, monitor: &dyn Monitor) -> Result<CompactReport> {
        if !options.dry_run {
            check_brake(&self.inner)?;
        }
        // What is sealed again in place of something goes to this remote alone.
        let options = &CompactOptions { seal: self.seal_for(remote, options.seal)?, ..options.clone() };
        let mut report = CompactReport { remote: remote.name.clone(), ..CompactReport::default() };
        for tenant in self.tenants()? {
            if !allows(self.config(), tenant.name(), &remote.name, remote.region.as_deref()) {
                continue;
            }
            if !options.dry_run {
                remove_retired(&tenant, remote, options, &mut report, monitor)?;
                self.ship_forgetting(&tenant, remote, options, &mut report, monitor)?;
            }
            let work = Work::read(&tenant, remote, options, monitor)?;
            work.run(&mut report)?;
            tell_waiting(&tenant, remote, options, &mut report)?;
        }
        if !options.dry_run && report.beyond_allowance == 0 {
            let up_to = self.inner.catalog.read(|rows| rows.fact(FORGOT))?;
            if let Some(up_to) = up_to {
                self.inner.catalog.write(|w| w.set_fact(&compacted(&remote.name), &up_to))?;
            }
        }
        Ok(report)
    }

    /// Ships what waits, where a batch that says what was forgotten is among it: whoever rebuilt from a remote that lacks the bytes and not yet
    /// says so would miss them, and nobody could tell why.
    fn ship_forgetting(
        &self,
        tenant: &Tenant,
        remote: &OpenRemote,
        options: &CompactOptions,
        report: &mut CompactReport,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let held_and_said = |rows: &Rows<'_>| Ok((rows.held_to(tenant.id, &remote.name)?, rows.last_forgetting(tenant.id)?));
        let (held, said) = self.inner.catalog.read(held_and_said)?;
        if held == 0 || said <= held {
            return Ok(());
        }
        let mut sent = ShipReport::to(remote);
        let done = self.ship_one(tenant, remote, &ShipOptions { seal: options.seal, ..ShipOptions::default() }, &mut sent, monitor);
        report.objects += sent.objects;
        report.bytes += sent.bytes;
        done
    }

    /// Whether compacting a remote may have something to do: something was forgotten since the last time, or old objects may go by now.
    /// Asks no remote.
    pub fn compaction_waits(&self, remote: &str, options: &CompactOptions) -> Result<bool> {
        let now = self.inner.clock().now();
        let tenants = self.tenants()?;
        self.inner.catalog.read(|rows| {
            if rows.fact_number(FORGOT)? > rows.fact_number(&compacted(remote))? {
                return Ok(true);
            }
            let over = |row: &RetiredRow| row.going || is_over(row, options, now);
            tenants.iter().try_fold(false, |any, tenant| Ok(any || rows.retired(remote, tenant.id)?.iter().any(over)))
        })
    }
}

/// Fact: what was forgotten until then a remote was compacted for.
fn compacted(remote: &str) -> String {
    format!("compacted {remote}")
}

impl<'a> Work<'a> {
    fn read(tenant: &'a Tenant, remote: &'a OpenRemote, options: &'a CompactOptions, monitor: &'a dyn Monitor) -> Result<Self> {
        let inner = &*tenant.inner;
        let mut work =
            Work { tenant, remote, options, monitor, runs: BTreeMap::new(), gone: HashSet::new(), erased: HashSet::new(), leaners: BTreeMap::new() };
        let sizes = inner.catalog.read(|rows| rows.gone_sizes(tenant.id))?;
        if sizes.is_empty() {
            return Ok(work);
        }
        work.erased = inner.catalog.read(|rows| rows.erased_bare(tenant.id))?.into_iter().collect();
        work.gone = sizes.iter().map(|(number, _)| *number).collect();
        for newest in inner.catalog.read(|rows| work.newest(rows))? {
            check_stop(monitor)?;
            let (slice, held) = newest;
            let (contents, all, objects) = inner.catalog.read(|rows| {
                let contents = numbered(rows, tenant.id, &slice)?;
                let all = rows.contents_bytes(catalog::id(tenant.id, contents.start), catalog::id(tenant.id, contents.end))?;
                Ok((contents, all, rows.objects_of(slice.id)?))
            })?;
            let own = sizes.partition_point(|(n, _)| *n < contents.start)..sizes.partition_point(|(n, _)| *n < contents.end);
            let (gone, gone_bytes) = (own.len() as u64, sizes[own].iter().map(|(_, size)| size).sum::<u64>());
            let sealing = work.sealing_of(&slice, &objects)?;
            // Which of them it was sealed without is not known, only how many; they count alike.
            let dead = gone_bytes.checked_div(gone).unwrap_or(0) * gone.saturating_sub(sealing.absent);
            let live = all.saturating_sub(gone_bytes);
            let bytes = objects.iter().map(|o| o.size).sum();
            for base in sealing.bases.iter().filter(|base| work.gone.contains(base)) {
                work.leaners.entry(*base).or_default().push(slice.first);
            }
            work.runs.insert(slice.first, Run { slice, held, bytes, dead, all: live + dead, gone, sealing, contents });
        }
        Ok(work)
    }

    /// Each run of batches in the newest sealing that the remote holds whole; one that it does not hold in the newest of all.
    fn newest(&self, rows: &Rows<'_>) -> Result<Vec<(SliceRow, bool)>> {
        let mut runs: BTreeMap<u64, (SliceRow, bool)> = BTreeMap::new();
        for slice in rows.slices(self.tenant.id)? {
            let objects = rows.objects_of(slice.id)?;
            let each = objects.iter().map(|o| rows.is_held(&self.remote.name, self.tenant.id, &o.name)).collect::<Result<Vec<_>>>()?;
            let held = !each.is_empty() && each.iter().all(|held| *held);
            // Slices come in the order of their numbers: the last one of those that the remote holds is the newest.
            match runs.get(&slice.first) {
                Some((_, true)) if !held => {}
                _ => drop(runs.insert(slice.first, (slice, held))),
            }
        }
        Ok(runs.into_values().collect())
    }

    /// What a sealing lacks and leans on: as it was noted, or as its tail says, which is read once.
    fn sealing_of(&self, slice: &SliceRow, objects: &[ObjectRow]) -> Result<SealingRow> {
        let inner = &*self.tenant.inner;
        if let Some(known) = inner.catalog.read(|rows| rows.sealing(slice.id))? {
            return Ok(known);
        }
        let name = objects.last().and_then(|o| ObjectName::parse(&o.name)).ok_or_else(|| Error::damaged("a slice without a tail"))?;
        let contents = inner.catalog.read(|rows| numbered(rows, self.tenant.id, slice))?.start;
        let before = Before { inner, tenant: self.tenant.id, first_seq: slice.first, contents };
        let ranged = Ranged { remote: self.remote, folder: self.tenant.public.to_hex(), monitor: self.monitor };
        let tail = Tail::read(&self.tenant.key()?, self.tenant.public, &name, &ranged)?;
        let sealing = sealing_of(tail.decode(self.tenant.public, &before)?.slice());
        inner.catalog.write(|w| w.set_sealing(slice.id, &sealing))?;
        Ok(sealing)
    }

    fn run(&self, report: &mut CompactReport) -> Result<()> {
        if !self.options.dry_run {
            self.retire()?;
        }
        let mut again: BTreeSet<u64> = BTreeSet::new();
        let mut closed = false;
        // From the newest: what leans on a slice comes later than it.
        let candidates: Vec<u64> = self.runs.iter().filter(|(_, run)| run.dead > 0 || self.is_broken(run)).map(|(first, _)| *first).rev().collect();
        for first in candidates {
            check_stop(self.monitor)?;
            if again.contains(&first) {
                continue;
            }
            let group: Vec<u64> = self.closure(first).difference(&again).copied().collect();
            let runs: Vec<&Run> = group.iter().filter_map(|first| self.runs.get(first)).collect();
            let (gain, cost) = (runs.iter().map(|r| r.dead_bytes()).sum::<u64>(), runs.iter().map(|r| r.live_bytes()).sum::<u64>());
            let objects = runs.iter().filter(|r| r.held).count() as u64;
            let must = self.options.all || runs.iter().any(|run| self.is_broken(run) || self.holds_erased(run));
            if !must && (gain < cost || gain < objects * GAIN_PER_OBJECT_BYTES) {
                report.left += 1;
                continue;
            }
            let left = self.options.allowance_bytes.map(|all| all.saturating_sub(report.bytes));
            if closed || left.is_some_and(|left| cost > left) {
                report.beyond_allowance += group.len() as u64;
                continue;
            }
            if self.options.dry_run {
                report.slices += group.len() as u64;
                report.bytes += cost;
                report.replaced_bytes += runs.iter().filter(|r| r.held).map(|r| r.bytes).sum::<u64>();
                again.extend(group);
                continue;
            }
            match self.replace(&runs, must, left, report)? {
                Replaced::Done => again.extend(group),
                Replaced::NotWorthIt => report.left += 1,
                // What comes after leans on less, but order is what keeps a reader whole.
                Replaced::TooLarge => {
                    report.beyond_allowance += group.len() as u64;
                    closed = true;
                }
            }
        }
        Ok(())
    }

    /// Whether a run is packed against what the remote has no sealing with any more. Nobody could read it there.
    fn is_broken(&self, run: &Run) -> bool {
        run.sealing.bases.iter().filter(|base| self.gone.contains(base)).any(|base| self.holder(*base).is_none_or(|run| run.sealing.absent > 0))
    }

    /// Whether a run may still hold what was erased.
    fn holds_erased(&self, run: &Run) -> bool {
        run.sealing.absent < run.gone && !self.erased.is_empty() && run.contents.clone().any(|n| self.erased.contains(&n))
    }

    /// The run that introduces a content.
    fn holder(&self, content: u64) -> Option<&Run> {
        // Asked only for bases that were forgotten.
        self.runs.values().find(|run| run.contents.contains(&content))
    }

    /// The run that begins at batch `first` and those that must be sealed again before it: they are packed against what it loses, or against what
    /// those lose.
    fn closure(&self, first: u64) -> BTreeSet<u64> {
        let mut out = BTreeSet::from([first]);
        let mut open = vec![first];
        while let Some(run) = open.pop().and_then(|first| self.runs.get(&first)) {
            for later in self.leaners.range(run.contents.clone()).flat_map(|(_, later)| later) {
                if out.insert(*later) {
                    open.push(*later);
                }
            }
        }
        out
    }

    /// Seals runs again, stores them from the newest on, and retires what they take the place of.
    fn replace(&self, runs: &[&Run], must: bool, left: Option<u64>, report: &mut CompactReport) -> Result<Replaced> {
        let inner = &*self.tenant.inner;
        let mut anew: Vec<(SliceRow, Vec<ObjectRow>)> = Vec::new();
        for run in runs {
            check_stop(self.monitor)?;
            let sealed = match self.at_hand(run)? {
                Some(slice) => slice,
                None => self.seal(run)?,
            };
            anew.push((sealed.clone(), inner.catalog.read(|rows| rows.objects_of(sealed.id))?));
            let progress = Progress { phase: "sealing again", items: anew.len() as u64, items_total: runs.len() as u64, ..Progress::default() };
            self.monitor.progress(&progress);
        }
        let held = |i: usize| runs[i].held;
        let new_bytes: u64 = anew.iter().enumerate().filter(|(i, _)| held(*i)).flat_map(|(_, (_, objects))| objects).map(|o| o.size).sum();
        let old_bytes: u64 = runs.iter().filter(|run| run.held).map(|run| run.bytes).sum();
        let beyond = left.is_some_and(|left| new_bytes > left);
        if beyond || !must && new_bytes + GAIN_PER_OBJECT_BYTES * runs.len() as u64 > old_bytes {
            for (i, (slice, objects)) in anew.iter().enumerate() {
                // One that waits to be shipped anyway goes as it is now.
                if held(i) {
                    inner.catalog.write(|w| w.drop_slice(slice.id))?;
                    objects.iter().try_for_each(|o| disk::remove_file(&self.tenant.outbox().join(&o.name)))?;
                }
            }
            return Ok(if beyond { Replaced::TooLarge } else { Replaced::NotWorthIt });
        }
        let mut sending: Vec<(usize, &Vec<ObjectRow>)> = anew.iter().enumerate().filter(|(i, _)| held(*i)).map(|(i, (_, o))| (i, o)).collect();
        sending.sort_by_key(|(i, _)| std::cmp::Reverse(runs[*i].slice.first));
        let mut waiting = Vec::new();
        for (_, objects) in sending {
            for object in objects {
                if !inner.catalog.read(|rows| rows.is_held(&self.remote.name, self.tenant.id, &object.name))? {
                    waiting.push(object.clone());
                }
            }
        }
        let mut sent = ShipReport::to(self.remote);
        let options = ShipOptions { seal: self.options.seal, ..ShipOptions::default() };
        // Whether an earlier attempt left something is not known: the remote looks before it writes.
        let shipment = Shipment { tenant: self.tenant, remote: self.remote, options: &options, tried_to: u64::MAX, monitor: self.monitor };
        let done = shipment.send(&waiting, &mut sent);
        report.objects += sent.objects;
        report.bytes += sent.bytes;
        done?;
        report.slices += runs.len() as u64;
        report.replaced_bytes += old_bytes;
        let stored: Vec<&(SliceRow, Vec<ObjectRow>)> = anew.iter().enumerate().filter(|(i, _)| held(*i)).map(|(_, new)| new).collect();
        self.retire_older(stored.into_iter().map(|(slice, objects)| (slice, objects.iter().map(|o| o.name.as_str()).collect())))?;
        // The outbox has what no remote waits for.
        shipment.clean_outbox()?;
        Ok(Replaced::Done)
    }

    /// A sealing of the same batches that is as good as a new one: an earlier compaction made it and was cut.
    fn at_hand(&self, run: &Run) -> Result<Option<SliceRow>> {
        let outbox = self.tenant.outbox();
        self.tenant.inner.catalog.read(|rows| {
            for slice in rows.slices_from(self.tenant.id, run.slice.first)?.into_iter().rev() {
                if slice.last != run.slice.last || slice.id <= run.slice.id {
                    continue;
                }
                let Some(sealing) = rows.sealing(slice.id)? else { continue };
                let clean = sealing.absent == run.gone && sealing.bases.iter().all(|base| !self.gone.contains(base));
                let objects = rows.objects_of(slice.id)?;
                if clean && !objects.is_empty() && objects.iter().all(|o| outbox.join(&o.name).exists()) {
                    return Ok(Some(slice));
                }
            }
            Ok(None)
        })
    }

    fn seal(&self, run: &Run) -> Result<SliceRow> {
        let mut options = self.options.seal;
        if !run.held {
            // It waits to be shipped, and maybe not only to this remote.
            let inner = &*self.tenant.inner;
            (options.object_bytes_max, options.line) = inner.over_all_lines(self.tenant.name(), options.object_bytes_max, options.line)?;
        }
        self.tenant.seal_again(&run.slice, &options, self.monitor)?;
        let newest = self.tenant.inner.catalog.read(|rows| rows.slices_from(self.tenant.id, run.slice.first))?;
        let mine = newest.into_iter().rfind(|slice| slice.last == run.slice.last);
        mine.ok_or_else(|| Error::damaged("a slice that was sealed and is not there"))
    }

    /// Retires the objects of older sealings that the remote holds beside a newer one that needs nothing that was forgotten.
    fn retire(&self) -> Result<()> {
        let clean = |run: &&Run| {
            let leans = run.sealing.bases.iter().any(|base| self.gone.contains(base));
            run.held && run.sealing.absent == run.gone && !leans && (run.gone > 0 || run.sealing.absent > 0)
        };
        let best = self.runs.values().filter(clean).map(|run| {
            let objects = self.tenant.inner.catalog.read(|rows| rows.objects_of(run.slice.id))?;
            Ok((run.slice.clone(), objects.into_iter().map(|o| o.name).collect::<Vec<_>>()))
        });
        let best = best.collect::<Result<Vec<_>>>()?;
        self.retire_older(best.iter().map(|(slice, names)| (slice, names.iter().map(String::as_str).collect())))
    }

    /// Retires what the remote holds of older sealings of the same batches, but for these objects.
    fn retire_older<'n>(&self, best: impl Iterator<Item = (&'n SliceRow, HashSet<&'n str>)>) -> Result<()> {
        let (inner, id) = (&*self.tenant.inner, self.tenant.id);
        let now = inner.clock().now();
        let mut superfluous = Vec::new();
        for (slice, needed) in best {
            inner.catalog.read(|rows| {
                for older in rows.slices_from(id, slice.first)?.into_iter().filter(|s| s.last == slice.last && s.id < slice.id) {
                    for object in rows.objects_of(older.id)?.into_iter().filter(|o| !needed.contains(o.name.as_str())) {
                        if rows.is_held(&self.remote.name, id, &object.name)? {
                            superfluous.push(object.name);
                        }
                    }
                }
                Ok(())
            })?;
        }
        if superfluous.is_empty() {
            return Ok(());
        }
        inner.catalog.write(|w| superfluous.iter().try_for_each(|name| w.retire(&self.remote.name, id, name, now)))
    }
}

/// What became of a group of runs.
enum Replaced {
    Done,
    NotWorthIt,
    TooLarge,
}

/// Removes what was retired long enough ago, tails first. Before that the new sealing is looked at once more.
fn remove_retired(tenant: &Tenant, remote: &OpenRemote, options: &CompactOptions, report: &mut CompactReport, monitor: &dyn Monitor) -> Result<()> {
    let inner = &*tenant.inner;
    let now = inner.clock().now();
    let mut retired = inner.catalog.read(|rows| rows.retired(&remote.name, tenant.id))?;
    retired.retain(|row| row.going || is_over(row, options, now));
    // Without its tail nobody looks for the parts.
    retired.sort_by_key(|row| !ObjectName::parse(&row.name).is_some_and(|name| name.is_tail));
    for row in retired {
        check_stop(monitor)?;
        let Some(name) = ObjectName::parse(&row.name) else { continue };
        if !row.going {
            let Some(other) = standing_in(tenant, remote, &name, &row.name)? else {
                // Nothing takes its place there any more: it is needed after all.
                inner.catalog.write(|w| w.unretire(&remote.name, tenant.id, &row.name))?;
                continue;
            };
            for object in &other {
                let full = format!("{}/{}", tenant.public.to_hex(), object.name);
                if remote.device().verify(&full, object.size, None, monitor)? != Check::Right {
                    inner.catalog.write(|w| w.remove_held(&remote.name, tenant.id, &object.name))?;
                    let text = format!("{} does not have {} whole any more, so the object that it took the place of stays", remote.name, object.name);
                    return Err(Error::new(Kind::Failed, "compact.lost", text).hint("run annals ship, then annals compact again"));
                }
            }
            inner.catalog.write(|w| w.begin_removal(&remote.name, tenant.id, &row.name))?;
        }
        remote.device().remove(&[format!("{}/{}", tenant.public.to_hex(), row.name)], monitor)?;
        inner.catalog.write(|w| w.unretire(&remote.name, tenant.id, &row.name))?;
        report.removed += 1;
        report.removed_bytes += name.size;
    }
    Ok(())
}

fn is_over(row: &RetiredRow, options: &CompactOptions, now: Timestamp) -> bool {
    let grace = i64::try_from(options.grace_secs).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    // A clock that was put back makes it young.
    now.micros().saturating_sub(row.since.micros()) >= grace
}

/// The objects of the newest sealing of the same batches that the remote holds whole; nothing where the retired object is part of it.
fn standing_in(tenant: &Tenant, remote: &OpenRemote, retired: &ObjectName, name: &str) -> Result<Option<Vec<ObjectRow>>> {
    tenant.inner.catalog.read(|rows| {
        for slice in rows.slices_from(tenant.id, retired.first)?.into_iter().rev().filter(|s| s.last == retired.last) {
            let objects = rows.objects_of(slice.id)?;
            let held = objects.iter().map(|o| rows.is_held(&remote.name, tenant.id, &o.name)).collect::<Result<Vec<_>>>()?;
            if !objects.is_empty() && held.iter().all(|held| *held) {
                return Ok((!objects.iter().any(|o| o.name == name)).then_some(objects));
            }
        }
        Ok(None)
    })
}

fn tell_waiting(tenant: &Tenant, remote: &OpenRemote, options: &CompactOptions, report: &mut CompactReport) -> Result<()> {
    let grace = i64::try_from(options.grace_secs).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    for row in tenant.inner.catalog.read(|rows| rows.retired(&remote.name, tenant.id))? {
        let until = Timestamp(row.since.micros().saturating_add(grace));
        report.waiting += 1;
        report.waiting_bytes += ObjectName::parse(&row.name).map_or(0, |name| name.size);
        report.waiting_until = Some(report.waiting_until.map_or(until, |first| first.min(until)));
    }
    Ok(())
}
