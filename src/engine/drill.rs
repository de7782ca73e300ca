//! A drill: the site is rebuilt from one remote in a scratch directory and compared with what is here. A backup that was never restored is a
//! hope.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::base::aside::aside;
use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::base::time::Timestamp;
use crate::storage::catalog;
use crate::storage::remote::Check;

use super::offsite::OpenRemote;
use super::rebuild::Rebuild;
use super::residency::allows;
use super::store::{DRILL, Options, Store, Tenant};
use super::verify::Level;

/// Objects read back by a sample.
const SAMPLE_OBJECTS: usize = 16;
/// Bytes read back by a sample, at least one object.
const SAMPLE_BYTES: u64 = 8 << 20;

/// How a drill is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DrillOptions {
    /// Only read some objects back, chosen at random, and compare their digests: for thin lines.
    pub sample: bool,
}

/// What a drill showed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DrillReport {
    /// The remote by name.
    pub remote: String,
    /// Whether it was a sample.
    pub sample: bool,
    /// Batches that were rebuilt and are the same, digest for digest.
    pub batches: u64,
    /// Objects read.
    pub objects: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Seconds until the rebuilt store could be used: the time to restore (RTO) as measured here. Of a sample, seconds that it took.
    pub rto_secs: f64,
    /// Age in seconds of the oldest change that the rebuilt store lacks: what would have been lost (RPO). Zero where it lacks nothing.
    pub rpo_secs: u64,
    /// What is not as it should be, empty when all is well.
    pub problems: Vec<String>,
}

impl Store {
    /// Rebuilds from `remote` in a scratch directory inside the store, compares, and removes it again. Needs as much free space as the store
    /// takes. What is not as it should be stands in the report and is no error.
    pub fn drill(&self, remote: &OpenRemote, options: &DrillOptions, monitor: &dyn Monitor) -> Result<DrillReport> {
        let mut report = DrillReport { remote: remote.name.clone(), sample: options.sample, ..DrillReport::default() };
        let tenants: Vec<Tenant> =
            self.tenants()?.into_iter().filter(|t| allows(self.config(), t.name(), &remote.name, remote.region.as_deref())).collect();
        let held = tenants.iter().map(|t| self.inner.catalog.read(|rows| rows.held_to(t.id, &remote.name))).collect::<Result<Vec<_>>>()?;
        if held.iter().all(|seq| *seq == 0) {
            return Err(Error::missing("drill.nothing", format!("nothing was shipped to {} yet", remote.name))
                .hint(format!("annals ship --to {} ships; then there is something to rebuild", remote.name)));
        }
        let started = Instant::now();
        // A drill gives way to whoever writes: what it measures is at least what a rebuild in earnest takes.
        aside(|| {
            if options.sample {
                self.sample(remote, &tenants, &mut report, monitor)?;
                report.rto_secs = started.elapsed().as_secs_f64();
            } else {
                let scratch = Scratch::make(self.dir())?;
                self.rebuild_and_compare(remote, &tenants, &held, &scratch, &mut report, monitor)?;
            }
            Ok(())
        })?;
        let now = self.inner.clock().now();
        let mut oldest: Option<Timestamp> = None;
        for (tenant, held) in tenants.iter().zip(held) {
            let tail = self.inner.catalog.read(|rows| rows.tail_after(tenant.id, held))?;
            oldest = [oldest, tail.oldest].into_iter().flatten().min();
        }
        report.rpo_secs = oldest.map_or(0, |at| u64::try_from(now.secs() - at.secs()).unwrap_or(0));
        Ok(report)
    }

    fn rebuild_and_compare(
        &self,
        remote: &OpenRemote,
        tenants: &[Tenant],
        held: &[u64],
        scratch: &Scratch,
        report: &mut DrillReport,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let started = Instant::now();
        let secret = self.inner.secret()?;
        let key_file = self.inner.key_file()?;
        let remotes = std::slice::from_ref(remote);
        let rebuilding = Rebuild { remotes, into: &scratch.store, key_file, secret, site_name: "drill", at: None };
        let (rebuilt, fetched) = rebuilding.run(Options::new(), monitor)?;
        report.rto_secs = started.elapsed().as_secs_f64();
        (report.batches, report.objects, report.bytes) = (fetched.batches, fetched.objects, fetched.bytes);
        report.problems.extend(fetched.bridged);
        for gap in fetched.gaps {
            report.problems.push(format!("{}: batches {} to {} are missing: {}", gap.tenant, gap.first, gap.last, gap.reasons.join("; ")));
        }
        for (tenant, held) in tenants.iter().zip(held) {
            let found = match rebuilt.tenant(tenant.name()) {
                Ok(found) => found.position()?,
                Err(_) if *held == 0 => continue,
                Err(e) => {
                    report.problems.push(e.to_string());
                    continue;
                }
            };
            let ours = self.inner.catalog.read(|rows| rows.digest_of_batch(catalog::id(tenant.id, found.seq)))?;
            if found.seq < *held {
                report.problems.push(format!("{}: rebuilt up to batch {}, {} should hold {held}", tenant.name(), found.seq, remote.name));
            } else if found.seq > 0 && ours.unwrap_or(Digest::ZERO) != found.digest {
                report.problems.push(format!("{}: batch {} was rebuilt with another digest", tenant.name(), found.seq));
            }
        }
        let checked = rebuilt.verify(Level::Quick, monitor)?;
        report.problems.extend(checked.problems.into_iter().map(|p| format!("{}: {}", p.tenant, p.what)));
        Ok(())
    }

    fn sample(&self, remote: &OpenRemote, tenants: &[Tenant], report: &mut DrillReport, monitor: &dyn Monitor) -> Result<()> {
        let mut objects = Vec::new();
        for tenant in tenants {
            self.inner.catalog.read(|rows| {
                for slice in rows.slices(tenant.id)? {
                    for object in rows.objects_of(slice.id)? {
                        if rows.is_held(&remote.name, tenant.id, &object.name)? {
                            objects.push((format!("{}/{}", tenant.public.to_hex(), object.name), object));
                        }
                    }
                }
                Ok(())
            })?;
        }
        while !objects.is_empty() && (report.objects as usize) < SAMPLE_OBJECTS && (report.bytes < SAMPLE_BYTES || report.objects == 0) {
            check_stop(monitor)?;
            let mut random = [0; 8];
            self.inner.random().fill(&mut random);
            let (name, object) = objects.swap_remove((u64::from_le_bytes(random) % objects.len() as u64) as usize);
            match remote.remote.verify(&name, object.size, Some(object.digest), monitor)? {
                Check::Right => {}
                Check::Missing => report.problems.push(format!("{name} is not there")),
                Check::Size(found) => report.problems.push(format!("{name} has {found} bytes instead of {}", object.size)),
                Check::Bytes(_) => report.problems.push(format!("{name} has other bytes")),
            }
            report.objects += 1;
            report.bytes += object.size;
            monitor.progress(&Progress { phase: "reading back", items: report.objects, bytes: report.bytes, ..Progress::default() });
        }
        Ok(())
    }
}

/// The directory of a drill; gone when it is dropped, and what an earlier one left when the next one begins.
struct Scratch {
    root: PathBuf,
    store: PathBuf,
}

impl Scratch {
    fn make(store: &Path) -> Result<Self> {
        let root = store.join(DRILL);
        let fail = |e| Error::io(format_args!("make room in {}", root.display()), e);
        match std::fs::remove_dir_all(&root) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(fail(e)),
            _ => {}
        }
        std::fs::create_dir(&root).map_err(|e| match e.kind() {
            std::io::ErrorKind::AlreadyExists => Error::new(Kind::Locked, "drill.busy", "another drill is under way").hint("wait for it to end"),
            _ => fail(e),
        })?;
        Ok(Scratch { store: root.join("store"), root })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next drill.
        let _ = std::fs::remove_dir_all(&self.root);
    }
}
