//! What is left of contents after their subject was erased: on this machine, where it is removed, and at remotes, as far as is known without
//! asking them.

use std::collections::{HashMap, HashSet};

use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::Monitor;
use crate::base::time::Timestamp;
use crate::format::keyfile::subjects::{Tombstone, subject_digest};
use crate::model::key::show_key;
use crate::model::subject;
use crate::storage::catalog::contents::Body;
use crate::storage::catalog::segments::{ObjectRow, SliceRow};
use crate::storage::catalog::subjects::ERASING;
use crate::storage::catalog::tenants::TenantRow;
use crate::storage::catalog::{self, View as Rows, number};

use super::forget::FORGOT;
use super::gc::GcReport;
use super::store::{Inner, OUTBOX, Store, Tenant};

/// Documents outside of a subject that are named.
const OUTSIDE_TOLD: usize = 20;

/// What of erasures a remote still has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pending {
    /// Key objects with destroyed keys may lie there: the next shipment replaces them.
    pub keys: bool,
    /// Objects with contents in no box that were erased: compaction replaces them.
    pub objects: u64,
}

impl Pending {
    /// Whether nothing is left there.
    pub fn is_none(&self) -> bool {
        !self.keys && self.objects == 0
    }
}

/// Since when something of erased subjects waits at a remote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PendingSince {
    /// For the next shipment, which replaces key objects.
    pub keys: Option<Timestamp>,
    /// For compaction, which replaces objects with contents in no box.
    pub objects: Option<Timestamp>,
}

/// Fact: for how many tombstones a remote was cleared of key objects.
pub(crate) fn swept(remote: &str, tenant: i64) -> String {
    format!("swept {tenant} {remote}")
}

/// Contents that go with a subject.
pub(crate) struct Going {
    pub numbers: Vec<u64>,
    pub bytes: u64,
    pub bare: u64,
    pub shared: u64,
    pub outside: Vec<String>,
}

/// What goes with a subject in one log: what belongs to it, and what its documents have or had that no other document has.
pub(crate) fn going(rows: &Rows<'_>, log: i64, name: &[u8], documents: &[(i64, Vec<u8>)]) -> Result<Going> {
    let home = rows.home_of(log)?;
    let own: HashSet<i64> = rows.subjects(home)?.into_iter().filter(|s| s.name.as_deref() == Some(name)).map(|s| s.id).collect();
    let (mut numbers, mut bare): (HashSet<u64>, HashSet<i64>) = Default::default();
    for subject in &own {
        numbers.extend(rows.contents_of_subject(log, *subject)?);
    }
    for (document, _) in documents {
        for content in rows.contents_of_document(*document)? {
            if rows.has_bytes(content)? && !numbers.contains(&number(content)) {
                bare.insert(content);
            }
        }
    }
    // What the subject has in boxes of its own, documents outside have apart from it.
    let mut looked = bare.clone();
    for n in &numbers {
        let (digest, _) = rows.content_digest(catalog::id(log, *n))?;
        looked.extend(rows.contents_with(log, &digest)?.into_iter().filter(|content| !numbers.contains(&number(*content))));
    }
    let mut found = Going { numbers: Vec::new(), bytes: 0, bare: 0, shared: 0, outside: Vec::new() };
    if !looked.is_empty() {
        let mut shared: HashSet<i64> = HashSet::new();
        rows.each_document_with(log, &looked, &mut |content, key| {
            if !subject::is_of(name, key) {
                shared.insert(content);
                if found.outside.len() < OUTSIDE_TOLD {
                    found.outside.push(show_key(key));
                }
            }
        })?;
        found.outside.sort_unstable();
        found.outside.dedup();
        found.shared = shared.len() as u64;
        bare.retain(|content| !shared.contains(content));
        found.bare = bare.len() as u64;
        numbers.extend(bare.into_iter().map(number));
    }
    found.numbers = numbers.into_iter().collect();
    found.numbers.sort_unstable();
    for n in &found.numbers {
        found.bytes += rows.content_digest(catalog::id(log, *n))?.1;
    }
    Ok(found)
}

/// The numbers of the contents that a slice introduces.
pub(crate) fn numbered(rows: &Rows<'_>, tenant: i64, slice: &SliceRow) -> Result<std::ops::Range<u64>> {
    let at = |seq: u64| Ok::<_, Error>(rows.batch(catalog::id(tenant, seq))?.map_or(0, |batch| batch.numbered.1));
    Ok(at(slice.first.saturating_sub(1))?..at(slice.last)?)
}

/// Slices of which a sealing still has contents of those numbers, with their objects. `gone` says that they were given up: a sealing that was made
/// afterwards does not have them then.
fn slices_with(rows: &Rows<'_>, tenant: i64, wanted: &dyn Fn(u64) -> bool, gone: bool) -> Result<Vec<(SliceRow, Vec<ObjectRow>)>> {
    let all_gone = rows.gone(tenant)?;
    let mut out = Vec::new();
    for slice in rows.slices(tenant)? {
        let contents = numbered(rows, tenant, &slice)?;
        if !contents.clone().any(wanted) {
            continue;
        }
        let range = all_gone.partition_point(|n| *n < contents.start)..all_gone.partition_point(|n| *n < contents.end);
        let without = rows.sealing(slice.id)?.map_or(0, |sealing| sealing.absent);
        // Which of them it was sealed without is not known, only how many.
        if !gone || without < range.len() as u64 {
            let objects = rows.objects_of(slice.id)?;
            out.push((slice, objects));
        }
    }
    Ok(out)
}

/// How many objects with contents of those numbers a remote is known to hold, or whose removal there has not ended.
pub(crate) fn objects_with(rows: &Rows<'_>, tenant: i64, remote: &str, wanted: &dyn Fn(u64) -> bool, gone: bool) -> Result<u64> {
    let going: HashSet<String> = rows.retired(remote, tenant)?.into_iter().map(|row| row.name).collect();
    let mut names: HashSet<String> = HashSet::new();
    for (_, objects) in slices_with(rows, tenant, wanted, gone)? {
        for object in objects {
            if going.contains(&object.name) || rows.is_held(remote, tenant, &object.name)? {
                names.insert(object.name);
            }
        }
    }
    Ok(names.len() as u64)
}

/// What of erasures a remote still has, as far as is known without asking it.
pub(crate) fn pending_at(rows: &Rows<'_>, tenant: i64, remote: &str) -> Result<Pending> {
    let buried = rows.tombstone_count(tenant)?;
    if buried == 0 {
        return Ok(Pending::default());
    }
    let there = rows.key_objects_at(remote, tenant)?;
    if there.is_empty() && rows.holding(remote, tenant)?.objects == 0 {
        return Ok(Pending::default());
    }
    let bare: HashSet<u64> = rows.erased_bare(tenant)?.into_iter().collect();
    let objects = if bare.is_empty() { 0 } else { objects_with(rows, tenant, remote, &|n| bare.contains(&n), true)? };
    Ok(Pending { keys: rows.fact_number(&swept(remote, tenant))? < buried, objects })
}

impl Store {
    /// Removes from this machine what erasures left lying around: chunks, pages of the catalogue, changes of open batches, lines of history that
    /// were left, and sealed objects that wait. Nothing where nothing was left.
    ///
    /// # Errors
    /// [`Kind::Locked`] while a batch stays open or somebody reads on; what is left stays known, and the next call goes on.
    pub fn finish_erasures(&self, monitor: &dyn Monitor) -> Result<Option<GcReport>> {
        let inner = &*self.inner;
        let left = inner.catalog.read(|rows| rows.facts(ERASING))?;
        if left.is_empty() {
            return Ok(None);
        }
        let mut names: HashMap<i64, Vec<(u64, Vec<u8>)>> = HashMap::new();
        for (fact, name) in &left {
            let at = fact[ERASING.len()..].split_once(' ').and_then(|(tenant, seq)| Some((tenant.parse().ok()?, seq.parse().ok()?)));
            let (tenant, seq) = at.ok_or_else(|| Error::damaged("the note of an erasure"))?;
            names.entry(tenant).or_default().push((seq, name.clone()));
        }
        for (tenant, names) in &names {
            clear_beside(inner, *tenant, names)?;
        }
        let report = self.collect(false, true, monitor)?;
        inner.catalog.scrub()?;
        inner.catalog.write(|w| left.iter().try_for_each(|(fact, _)| w.remove_fact(fact)))?;
        Ok(Some(report))
    }

    /// Like [`Store::finish_erasures`], for who has something else to do: what cannot be done now stays known.
    pub(crate) fn finish_erasures_or_later(&self, monitor: &dyn Monitor) -> Result<()> {
        match self.finish_erasures(monitor) {
            Err(e) if matches!(e.kind(), Kind::Locked | Kind::Space) => {
                monitor.note(&format!("something of what was erased still lies around here: {e}"));
                Ok(())
            }
            done => done.map(drop),
        }
    }

    /// What of erased subjects a remote still has, of all tenants, as far as is known without asking it.
    pub fn erasure_pending(&self, remote: &str) -> Result<Pending> {
        let tenants = self.tenants()?;
        self.inner.catalog.read(|rows| {
            tenants.iter().try_fold(Pending::default(), |sum, tenant| {
                let one = pending_at(rows, tenant.id, remote)?;
                Ok(Pending { keys: sum.keys | one.keys, objects: sum.objects + one.objects })
            })
        })
    }

    /// Since when something of erased subjects waits at a remote, of all tenants, as far as is known without asking it.
    pub fn erasure_pending_since(&self, remote: &str) -> Result<PendingSince> {
        let tenants = self.tenants()?;
        self.inner.catalog.read(|rows| {
            let mut since = PendingSince::default();
            for tenant in &tenants {
                let pending = pending_at(rows, tenant.id, remote)?;
                if pending.is_none() {
                    continue;
                }
                let mut buried = rows.tombstones(tenant.id)?;
                buried.sort_by_key(|t| (t.time, t.seq));
                if pending.keys {
                    let swept = usize::try_from(rows.fact_number(&swept(remote, tenant.id))?).unwrap_or(usize::MAX);
                    since.keys = since.keys.into_iter().chain(buried.get(swept).map(|t| t.time)).min();
                }
                for one in buried.iter().filter(|t| pending.objects > 0 && !t.contents.is_empty()) {
                    if objects_with(rows, tenant.id, remote, &|n| one.contents.contains(&n), true)? > 0 {
                        since.objects = since.objects.into_iter().chain([one.time]).min();
                        break;
                    }
                }
            }
            Ok(since)
        })
    }

    /// Whether something of an erasure may still lie around on this machine.
    pub fn erasure_left_here(&self) -> Result<bool> {
        Ok(!self.inner.catalog.read(|rows| rows.facts(ERASING))?.is_empty())
    }
}

/// What of subjects lies beside the log of a tenant.
fn clear_beside(inner: &Inner, tenant: i64, names: &[(u64, Vec<u8>)]) -> Result<()> {
    let home = inner.catalog.read(|rows| rows.tenant_by_id(tenant))?;
    let side = |row: &TenantRow| row.is_side() && row.name.split('/').next() == Some(&home.name);
    let sides: Vec<TenantRow> = inner.catalog.read(|rows| rows.tenants())?.into_iter().filter(side).collect();
    let now = u64::try_from(inner.clock().now().micros()).unwrap_or(0);
    inner.catalog.write(|w| {
        for (seq, name) in names.iter().filter(|(_, name)| !name.is_empty()) {
            w.drop_draft_changes(tenant, name)?;
            for log in &sides {
                let documents = w.documents_of_subject(log.id, name)?;
                let numbers = going(w, log.id, name, &documents)?.numbers;
                w.give_up(log.id, *seq, &numbers, true)?;
            }
        }
        // The boxes of those that went are closed for good, in lines that were left as well.
        for log in &sides {
            let numbers = w.contents_of_erased(log.id)?;
            w.give_up(log.id, 0, &numbers, true)?;
            w.drop_sketches_of_gone(log.id)?;
        }
        w.drop_sketches_of_gone(tenant)?;
        w.set_fact(FORGOT, &now.to_be_bytes())
    })?;
    // Objects that wait and hold the bytes in no box are made anew before they are shipped.
    let waiting = inner.catalog.read(|rows| {
        let bare: HashSet<u64> = rows.erased_bare(tenant)?.into_iter().collect();
        if bare.is_empty() { Ok(Vec::new()) } else { slices_with(rows, tenant, &|n| bare.contains(&n), true) }
    })?;
    let outbox = inner.dir.join(OUTBOX).join(home.public.to_hex());
    for object in waiting.iter().flat_map(|(_, objects)| objects) {
        disk::remove_file(&outbox.join(&object.name))?;
    }
    Ok(())
}

/// Gives up contents in no box that tombstones name, where the log itself does not say it: it ends before they were erased, or parted from the one
/// that does. Only what a document of that very subject has.
pub(crate) fn drop_buried(tenant: &Tenant) -> Result<()> {
    let inner = &*tenant.inner;
    let found: Vec<(Tombstone, HashSet<i64>)> = inner.catalog.read(|rows| {
        let end = rows.tenant_by_id(tenant.id)?.contents;
        let mut found = Vec::new();
        for tombstone in rows.tombstones(rows.home_of(tenant.id)?)? {
            let mut there = HashSet::new();
            for n in tombstone.contents.iter().filter(|n| **n < end) {
                let id = catalog::id(tenant.id, *n);
                if !matches!(rows.content(id)?.body, Body::Gone(_)) && rows.subject_of_content(id)?.is_none() {
                    there.insert(id);
                }
            }
            if !there.is_empty() {
                found.push((tombstone, there));
            }
        }
        Ok(found)
    })?;
    if found.is_empty() {
        return Ok(());
    }
    let key = tenant.key()?;
    for (tombstone, there) in found {
        let mut numbers: HashSet<u64> = HashSet::new();
        inner.catalog.read(|rows| {
            rows.each_document_with(tenant.id, &there, &mut |content, document| {
                if subject::possible(document).any(|name| subject_digest(&key, name) == tombstone.subject) {
                    numbers.insert(number(content));
                }
            })
        })?;
        let mut numbers: Vec<u64> = numbers.into_iter().collect();
        numbers.sort_unstable();
        inner.catalog.write(|w| {
            w.give_up(tenant.id, tombstone.seq, &numbers, true)?;
            w.note_erasing(w.home_of(tenant.id)?, tombstone.seq, b"")
        })?;
    }
    Ok(())
}
