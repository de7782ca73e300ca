//! Garbage collection: chunks that nothing names (left by a crash or an abandoned batch) go.
//!
//! Mark without hindering anybody, then remove in small slices. Each slice holds the gate alone, marks what was committed meanwhile, and
//! removes only what is still unmarked; see `engine::gate` for why that is safe.

use std::collections::HashSet;
use std::time::Duration;

use crate::base::aside::aside;
use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::storage::catalog::contents::Body;
use crate::storage::catalog::{self};

use super::content::Entries;
use super::store::{Inner, Store};

/// Chunks removed while writers wait.
const SLICE: usize = 2000;
/// Contents marked at a time.
const PAGE: usize = 1000;
/// How long a slice waits for writers to leave.
const PATIENCE: Duration = Duration::from_secs(10);

/// Fact: chunks were removed of which nothing may stay in any file, and files were not written anew yet.
pub(crate) const CHUNKS_UNCLEAN: &str = "chunks unclean";

/// What garbage collection found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GcReport {
    /// Chunks looked at.
    pub chunks: u64,
    /// Chunks that nothing names.
    pub orphans: u64,
    /// Whether they were removed.
    pub removed: bool,
    /// Bytes of the chunk store before and after.
    pub bytes_before: u64,
    /// See `bytes_before`.
    pub bytes_after: u64,
}

/// Marked chunks by the first 8 bytes of their digest. Two digests that share them keep each other: safe, and a tenth of the memory.
struct Marks {
    chunks: HashSet<u64>,
    /// Per tenant, how many contents are marked.
    tenants: Vec<(i64, u64)>,
}

fn short(digest: &Digest) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_bytes()[..8]);
    u64::from_be_bytes(first)
}

impl Marks {
    fn list(&mut self, inner: &Inner, root: &[u8]) -> Result<()> {
        let mut entries = Entries::new(&inner.chunks, root)?;
        let mut nodes = Vec::new();
        while let Some(entry) = entries.next_entry(&mut |node| nodes.push(short(node)))? {
            self.chunks.insert(short(&entry.digest));
        }
        self.chunks.extend(nodes);
        Ok(())
    }

    /// Marks everything committed until now that is not marked yet, and what open drafts name.
    fn catch_up(&mut self, inner: &Inner) -> Result<()> {
        for tenant in inner.catalog.read(|rows| rows.tenants())? {
            let place = match self.tenants.iter().position(|(id, _)| *id == tenant.id) {
                Some(place) => place,
                None => {
                    self.tenants.push((tenant.id, 0));
                    self.tenants.len() - 1
                }
            };
            while self.tenants[place].1 < tenant.contents {
                let from = catalog::id(tenant.id, self.tenants[place].1);
                let page = inner.catalog.read(|rows| rows.contents(from, catalog::id(tenant.id, tenant.contents), PAGE))?;
                let Some(last) = page.last() else { break };
                self.tenants[place].1 = catalog::number(last.id) + 1;
                for content in &page {
                    if let Body::List(root) = &content.body {
                        self.list(inner, root)?;
                    }
                }
            }
        }
        for root in inner.catalog.read(|rows| rows.draft_lists())? {
            self.list(inner, &root)?;
        }
        Ok(())
    }

    /// Fills `slice` with chunks that are not marked, and counts all it looks at; true at their end.
    fn unmarked(
        &self,
        digests: &mut (dyn Iterator<Item = Result<Digest>> + Send),
        slice: &mut Vec<Digest>,
        looked_at: &mut u64,
        monitor: &dyn Monitor,
    ) -> Result<bool> {
        while slice.len() < SLICE {
            check_stop(monitor)?;
            let Some(digest) = digests.next().transpose()? else { return Ok(true) };
            *looked_at += 1;
            if !self.chunks.contains(&short(&digest)) {
                slice.push(digest);
            }
            if looked_at.is_multiple_of(4096) {
                monitor.progress(&Progress { phase: "looking for garbage", items: *looked_at, ..Progress::default() });
            }
        }
        Ok(false)
    }
}

impl Store {
    /// Removes chunks that nothing names and gives their space back. With `dry_run` it only counts them.
    ///
    /// # Errors
    /// [`Kind::Locked`] while a batch stays open, or while the store is being healed.
    pub fn gc(&self, dry_run: bool, monitor: &dyn Monitor) -> Result<GcReport> {
        if !dry_run && let Some(report) = self.finish_erasures(monitor)? {
            return Ok(report);
        }
        self.collect(dry_run, false, monitor)
    }

    /// Collects garbage. With `thorough`, nothing of it stays in any file.
    pub(crate) fn collect(&self, dry_run: bool, thorough: bool, monitor: &dyn Monitor) -> Result<GcReport> {
        let inner = &*self.inner;
        let _upkeep = inner.upkeep("gc.busy")?;
        let mut report = GcReport { bytes_before: inner.chunks.disk_bytes()?, ..GcReport::default() };
        sweep_all(inner, (dry_run, thorough), &mut report, monitor)?;
        let unclean = thorough && inner.catalog.read(|rows| rows.fact(CHUNKS_UNCLEAN))?.is_some();
        if unclean {
            inner.chunks.scrub()?;
            inner.catalog.write(|w| w.remove_fact(CHUNKS_UNCLEAN))?;
        } else if report.orphans > 0 && !dry_run {
            inner.chunks.compact()?;
        }
        report.removed = report.orphans > 0 && !dry_run;
        report.bytes_after = inner.chunks.disk_bytes()?;
        Ok(report)
    }
}

/// Looks at every chunk and removes those that nothing names. What it reads the chunks from keeps their old files, so it has ended before anybody
/// gives space back.
fn sweep_all(inner: &Inner, how: (bool, bool), report: &mut GcReport, monitor: &dyn Monitor) -> Result<()> {
    let mut marks = Marks { chunks: HashSet::new(), tenants: Vec::new() };
    let mut digests = inner.chunks.digests();
    let mut slice = Vec::new();
    loop {
        // Looking at every chunk is long computing, and so is marking. Only what writers wait for is done here.
        let last = aside(|| {
            marks.catch_up(inner)?;
            marks.unmarked(&mut digests, &mut slice, &mut report.chunks, monitor)
        })?;
        report.orphans += sweep(inner, &mut marks, &mut slice, how)?;
        if last {
            return Ok(());
        }
    }
}

fn sweep(inner: &Inner, marks: &mut Marks, slice: &mut Vec<Digest>, (dry_run, thorough): (bool, bool)) -> Result<u64> {
    let candidates = std::mem::take(slice);
    if candidates.is_empty() {
        return Ok(0);
    }
    let _alone = inner.gate.enter_alone(PATIENCE).ok_or_else(|| {
        Error::new(Kind::Locked, "gc.busy", "a batch stays open, so nothing can be removed safely")
            .hint("commit or drop open batches, then run gc again")
    })?;
    marks.catch_up(inner)?;
    let orphans: Vec<Digest> = candidates.into_iter().filter(|d| !marks.chunks.contains(&short(d))).collect();
    if !dry_run && !orphans.is_empty() {
        if thorough {
            // Before they go: whoever comes after a cut could not tell any more that there were some.
            inner.catalog.write(|w| w.set_fact(CHUNKS_UNCLEAN, b""))?;
        }
        inner.chunks.remove(&orphans)?;
    }
    Ok(orphans.len() as u64)
}
