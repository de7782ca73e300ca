//! Shipping and fetching: sealed objects to remotes, and from remotes what this store lacks.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::base::digest::Digest;
use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::id::TimelineId;
use crate::base::limits;
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::base::time::Timestamp;
use crate::format::cipher::SecretKey;
use crate::format::keyfile::{keyring, subjects};
use crate::format::segment::{ObjectName, ObjectRead, SliceReader, Tail, check_object};
use crate::format::wire::{Slice, TimelinePrefix};
use crate::model::timeline::Position;
use crate::storage::catalog;
use crate::storage::catalog::segments::{ObjectRow, SliceRow};
use crate::storage::catalog::tenants::TenantRow;
use crate::storage::remote::{self, Check, Object, Remote, RemoteUrl, Upload};

use super::ahead::Ahead;
use super::content::Ingested;
use super::lineage::{before_shipment, look};
use super::remains::{drop_buried, pending_at};
use super::replay::{LEANS, Replay, documents};
use super::residency::{allows, forbidden, note_refusal, refuse};
use super::seal::{Before, SealOptions};
use super::steady::Steadiness;
use super::store::{INCOMING, Inner, Store, Tenant};
use super::verify::{VerifyReport, documents_between};
use super::witness::know_lines;

/// Bytes: objects up to this size are read back whole after the upload; of larger ones the size is read back.
const READ_BACK_BYTES_MAX: u64 = 1 << 20;
/// Objects handed to a remote in one go, so that progress is recorded often.
const GROUP: usize = 16;
/// Bytes a second assumed for a line that was never measured: 64 kbit/s, the thinnest we serve.
const LINE_RATE_UNKNOWN: f64 = 8_000.0;
/// Tenants for which the remote or the disk failed one after the other before the rest are not tried: a line that is down must not cost one
/// timeout for each tenant.
const LOST_IN_A_ROW_MAX: u32 = 2;
/// Bytes: about as many has a key object that takes the place of one with a destroyed key.
const KEY_OBJECT_BYTES: u64 = 4096;
/// Bytes: below this an upload says nothing about the line's rate.
const RATE_FROM_BYTES: u64 = 64 * 1024;

/// How to ship.
#[derive(Clone, Default)]
pub struct ShipOptions {
    /// Only seal, and say what would be shipped.
    pub dry_run: bool,
    /// Bytes a second at most.
    pub limit_rate: Option<u64>,
    /// How to seal what is not sealed yet.
    pub seal: SealOptions,
    /// Stop after about so many bytes of a tenant (at least one object), so that others get their turn; everything where absent.
    pub turn_bytes: Option<u64>,
}

/// The rate with which it was reckoned how long something takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LineRate {
    /// What the line was measured to carry, bytes in a second.
    Measured(f64),
    /// It was never measured; the thinnest line that we serve.
    Assumed(f64),
    /// No more than this may be used, and the line carries as much.
    Limit(f64),
}

impl LineRate {
    /// Bytes in a second.
    pub fn bytes_per_sec(self) -> f64 {
        match self {
            LineRate::Measured(rate) | LineRate::Assumed(rate) | LineRate::Limit(rate) => rate,
        }
    }

    fn within(self, limit: Option<u64>) -> Self {
        limit.map(|limit| limit as f64).filter(|limit| *limit < self.bytes_per_sec()).map_or(self, LineRate::Limit)
    }
}

/// What a shipment to one remote was.
#[derive(Debug, Clone, PartialEq)]
pub struct ShipReport {
    /// The remote by name.
    pub remote: String,
    /// Objects stored (or to be stored, in a dry run).
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Requests made on the line.
    pub requests: u64,
    /// Seconds that it took, or would take.
    pub seconds: f64,
    /// The rate at which it would take them, in a dry run.
    pub rate: Option<LineRate>,
    /// Per tenant by name, the position that the remote holds without a gap.
    pub positions: Vec<(String, Position)>,
    /// Tenants that a rule keeps away from this remote.
    pub kept_away: Vec<String>,
    /// Tenants whose shipment failed while that of another did not.
    pub failed: Vec<ShipFailure>,
}

impl ShipReport {
    /// A report of nothing yet.
    pub(crate) fn to(remote: &OpenRemote) -> Self {
        ShipReport {
            remote: remote.name.clone(),
            objects: 0,
            bytes: 0,
            requests: 0,
            seconds: 0.0,
            rate: None,
            positions: Vec::new(),
            kept_away: Vec::new(),
            failed: Vec::new(),
        }
    }

    /// The report, where no tenant failed.
    ///
    /// # Errors
    /// [`Kind::Partial`], naming the tenants that failed and why the first one did.
    pub fn whole(self) -> Result<Self> {
        let Some(first) = self.failed.first() else { return Ok(self) };
        let names: Vec<&str> = self.failed.iter().map(|f| f.tenant.as_str()).collect();
        let text = format!("not shipped to {}: {} ({})", self.remote, names.join(", "), first.message);
        Err(Error::new(Kind::Partial, "ship.partial", text).hint(first.hint.clone().unwrap_or_else(|| "run the same command again".to_owned())))
    }
}

/// Why the shipment of one tenant failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipFailure {
    /// The tenant by name.
    pub tenant: String,
    /// The stable word for it, see [`Error::code`].
    pub code: &'static str,
    /// What went wrong.
    pub message: String,
    /// What to do next, where we know it.
    pub hint: Option<String>,
}

impl ShipFailure {
    fn of(tenant: &Tenant, e: &Error) -> Self {
        ShipFailure { tenant: tenant.name().to_owned(), code: e.code(), message: e.to_string(), hint: e.what_next().map(str::to_owned) }
    }

    fn not_tried(tenant: &Tenant) -> Self {
        ShipFailure {
            tenant: tenant.name().to_owned(),
            code: "ship.not_tried",
            message: "not tried, because the remote failed for the tenants before".to_owned(),
            hint: Some("run the same command again".to_owned()),
        }
    }
}

/// A remote that was opened, for several operations over one connection.
#[derive(Clone)]
pub struct OpenRemote {
    /// Its name in the configuration, or its address.
    pub name: String,
    /// Where it is under the law, lower case; unknown where absent.
    pub region: Option<String>,
    pub(crate) remote: Arc<dyn Remote>,
}

impl OpenRemote {
    /// Any remote under a name, for tests and programs that bring their own.
    pub fn new(name: &str, remote: Arc<dyn Remote>) -> Self {
        OpenRemote { name: name.to_owned(), region: None, remote }
    }

    /// Opens a remote by its address (`dir:/path`, `rclone:REMOTE:PATH`), which is its name too.
    pub fn at(url: &str, options: &remote::Options) -> Result<Self> {
        Ok(OpenRemote { name: url.to_owned(), region: None, remote: Arc::from(remote::open(&RemoteUrl::parse(url)?, options)?) })
    }

    /// The remote itself.
    pub fn device(&self) -> &dyn Remote {
        &*self.remote
    }
}

impl Store {
    /// Opens a remote of the configuration by name.
    pub fn remote(&self, name: &str, limit_rate: Option<u64>) -> Result<OpenRemote> {
        let opened = self.open_remote(name, remote::Options { limit_rate, ..remote::Options::default() })?;
        let region = self.config().remote(name)?.region.clone();
        Ok(OpenRemote { name: name.to_owned(), region, remote: Arc::from(opened) })
    }

    /// Seals what is pending and ships to `remote` what it is not known to hold, tenant by tenant, oldest first.
    ///
    /// # Errors
    /// [`Kind::Refused`] where a rule keeps every tenant away; [`Kind::Remote`] where the remote cannot be reached. What arrived before an
    /// error is recorded and not sent again. Where one tenant fails and another does not, there is a report that names the failures;
    /// [`ShipReport::whole`] makes an error of it.
    pub fn ship(&self, remote: &OpenRemote, options: &ShipOptions, monitor: &dyn Monitor) -> Result<ShipReport> {
        if !options.dry_run {
            self.finish_erasures_or_later(monitor)?;
        }
        let started = Instant::now();
        let mut report = ShipReport::to(remote);
        let mut first_failure: Option<Error> = None;
        let mut lost_in_a_row = 0;
        let (mut kept_away, mut may_ship) = (0, false);
        let before = remote.remote.requests();
        let tenants = self.tenants()?;
        for tenant in &tenants {
            if lost_in_a_row >= LOST_IN_A_ROW_MAX {
                report.failed.push(ShipFailure::not_tried(tenant));
                continue;
            }
            if let Some(why) = forbidden(self.config(), tenant.name(), &remote.name, remote.region.as_deref()) {
                report.kept_away.push(tenant.name().to_owned());
                // Where nothing is recorded nothing was refused.
                if tenant.position()?.seq > 0 {
                    kept_away += 1;
                    if !options.dry_run {
                        note_refusal(tenant, &remote.name, &why)?;
                    }
                }
                continue;
            }
            may_ship |= tenant.position()?.seq > 0;
            match self.ship_one(tenant, remote, options, &mut report, monitor) {
                Ok(()) => lost_in_a_row = 0,
                Err(e) if e.kind() == Kind::Interrupted => return Err(e),
                Err(e) => {
                    lost_in_a_row = if matches!(e.kind(), Kind::Remote | Kind::Space) { lost_in_a_row + 1 } else { 0 };
                    report.failed.push(ShipFailure::of(tenant, &e));
                    first_failure = first_failure.or(Some(e));
                }
            }
        }
        if let Some(e) = first_failure
            && (report.positions.is_empty() || report.objects == 0)
        {
            return Err(e);
        }
        if report.kept_away.len() == tenants.len() || (kept_away > 0 && !may_ship) {
            return Err(Error::new(Kind::Refused, "rule.residency", format!("no tenant may be shipped to {}", remote.name))
                .hint("see [tenant] regions and remotes in annals.toml; nothing was sent. annals policy report shows where everything lies"));
        }
        if report.objects > 0 && !options.dry_run {
            self.inner.witness.note(&self.inner.catalog, self.inner.clock().now())?;
        }
        report.requests = remote.remote.requests() - before;
        report.seconds = started.elapsed().as_secs_f64();
        if options.dry_run {
            let rate = self.line_rate(&remote.name)?.within(options.limit_rate);
            (report.seconds, report.rate) = (report.bytes as f64 / rate.bytes_per_sec(), Some(rate));
        }
        Ok(report)
    }

    pub(crate) fn ship_one(
        &self,
        tenant: &Tenant,
        remote: &OpenRemote,
        options: &ShipOptions,
        report: &mut ShipReport,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        before_shipment(tenant, &remote.name, &*remote.remote, !options.dry_run, monitor)?;
        let seal = self.seal_for(remote, options.seal)?;
        let options = &ShipOptions { seal, ..options.clone() };
        let tried_to = self.inner.catalog.read(|rows| rows.sealed(tenant.id))?;
        tenant.seal(&seal, monitor)?;
        Shipment { tenant, remote, options, tried_to, monitor }.run(report)
    }

    /// How to seal what only this remote gets.
    pub(crate) fn seal_for(&self, remote: &OpenRemote, seal: SealOptions) -> Result<SealOptions> {
        let object_bytes_max = self.inner.line_minute(&remote.name)?.min(seal.object_bytes_max);
        Ok(SealOptions { object_bytes_max, line: self.inner.steadiness(&remote.name, remote.remote.is_far())?, ..seal })
    }

    /// Like [`Store::ship`], for one tenant. What a rule keeps away is refused.
    pub fn ship_tenant(&self, tenant: &Tenant, remote: &OpenRemote, options: &ShipOptions, monitor: &dyn Monitor) -> Result<ShipReport> {
        if let Some(why) = forbidden(self.config(), tenant.name(), &remote.name, remote.region.as_deref()) {
            return Err(refuse(tenant, &remote.name, &why)?);
        }
        let started = Instant::now();
        let mut report = ShipReport::to(remote);
        let before = remote.remote.requests();
        self.ship_one(tenant, remote, options, &mut report, monitor)?;
        report.requests = remote.remote.requests() - before;
        report.seconds = started.elapsed().as_secs_f64();
        Ok(report)
    }

    /// What waits to be shipped to a remote: tenants whose rules let them go there, each with about how many bytes, the fewest first. Asks no
    /// remote.
    pub fn waiting_for(&self, remote: &str) -> Result<Vec<(Tenant, u64)>> {
        let region = self.config().remote(remote)?.region.clone();
        let mut waiting = Vec::new();
        for tenant in self.tenants()?.into_iter().filter(|t| allows(self.config(), t.name(), remote, region.as_deref())) {
            let bytes = self.inner.catalog.read(|rows| {
                let objects: u64 = rows.unshipped(tenant.id, remote)?.iter().map(|o| o.size).sum();
                let tail = rows.tail_after(tenant.id, rows.sealed(tenant.id)?)?;
                let keys = if pending_at(rows, tenant.id, remote)?.keys { KEY_OBJECT_BYTES } else { 0 };
                // A batch without contents still has its record.
                Ok(objects + tail.bytes + 100 * tail.batches + keys)
            })?;
            if bytes > 0 {
                waiting.push((tenant, bytes));
            }
        }
        waiting.sort_by_key(|(_, bytes)| *bytes);
        Ok(waiting)
    }

    /// Bytes of about a minute of the line to a remote, as far as it was measured: the size of its objects.
    pub fn line_minute(&self, remote: &str) -> Result<u64> {
        self.inner.line_minute(remote)
    }

    /// Bytes in a second that the line to a remote was measured to carry.
    pub fn measured_rate(&self, remote: &str) -> Result<Option<f64>> {
        self.inner.catalog.read(|rows| rows.line_rate(remote))
    }

    pub(crate) fn line_rate(&self, remote: &str) -> Result<LineRate> {
        Ok(self.measured_rate(remote)?.map_or(LineRate::Assumed(LINE_RATE_UNKNOWN), LineRate::Measured))
    }
}

pub(crate) struct Shipment<'a> {
    pub tenant: &'a Tenant,
    pub remote: &'a OpenRemote,
    pub options: &'a ShipOptions,
    /// What was sealed up to this batch may have been on its way before: a cut upload may have left something.
    pub tried_to: u64,
    pub monitor: &'a dyn Monitor,
}

impl Shipment<'_> {
    fn run(&self, report: &mut ShipReport) -> Result<()> {
        let (inner, tenant) = (&*self.tenant.inner, self.tenant.id);
        if inner.catalog.read(|rows| rows.sealed(tenant))? > 0 {
            self.ship_key(report)?;
            self.ship_subject_keys(report)?;
        }
        if !self.options.dry_run {
            self.gather()?;
        }
        let mut waiting = inner.catalog.read(|rows| rows.unshipped(tenant, &self.remote.name))?;
        if let Some(turn) = self.options.turn_bytes {
            let mut sum = 0;
            let first_beyond = waiting.iter().skip(1).position(|o| {
                sum += o.size;
                sum + waiting[0].size > turn
            });
            waiting.truncate(first_beyond.map_or(waiting.len(), |beyond| beyond + 1));
        }
        if self.options.dry_run {
            report.objects += waiting.len() as u64;
            report.bytes += waiting.iter().map(|o| o.size).sum::<u64>();
        } else {
            self.send(&waiting, report)?;
            self.check_chain()?;
            self.clean_outbox()?;
        }
        let held = inner.catalog.read(|rows| rows.held_to(tenant, &self.remote.name))?;
        let digest = inner.catalog.read(|rows| rows.digest_of_batch(catalog::id(tenant, held)))?;
        let end = self.tenant.position()?;
        report.positions.push((self.tenant.name().to_owned(), Position { seq: held, digest: digest.unwrap_or(Digest::ZERO), ..end }));
        Ok(())
    }

    /// What was sealed must be one slice after the other, each with its last object. Otherwise something would be taken for shipped that the
    /// catalogue has lost sight of.
    fn check_chain(&self) -> Result<()> {
        let (sealed, slices) = self.tenant.inner.catalog.read(|rows| Ok((rows.sealed(self.tenant.id)?, rows.slice_ends(self.tenant.id)?)))?;
        let mut next = 1;
        for (slice, tail) in slices {
            let tail = tail.as_deref().and_then(ObjectName::parse);
            let whole = tail.is_some_and(|tail| tail.is_tail && (tail.first, tail.last) == (slice.first, slice.last));
            if whole && slice.first <= next {
                next = next.max(slice.last + 1);
            }
        }
        if next > sealed {
            return Ok(());
        }
        let text = format!("the catalogue does not know the segments of batch {next} of tenant {} any more", self.tenant.name());
        Err(Error::new(Kind::Failed, "ship.gap", text)
            .hint("annals verify --full tells what is damaged; annals verify --heal or annals rebuild brings it back from a remote")
            .at_seq(next))
    }

    pub(super) fn name_of(&self, object: &str) -> String {
        format!("{}/{object}", self.tenant.public.to_hex())
    }

    /// The upload of an object whose slice starts at batch `first`, where it is not known which were begun.
    fn upload(&self, object: &str, first: u64, from: &Path, size: u64) -> Upload {
        let upload = Upload::new(self.name_of(object), from, size);
        if first <= self.tried_to { upload.again() } else { upload }
    }

    fn is_held(&self, object: &str) -> Result<bool> {
        self.tenant.inner.catalog.read(|rows| rows.is_held(&self.remote.name, self.tenant.id, object))
    }

    fn note_held(&self, objects: &[&str]) -> Result<()> {
        let at = self.tenant.inner.clock().now();
        self.tenant.inner.catalog.write(|w| objects.iter().try_for_each(|name| w.add_held(&self.remote.name, self.tenant.id, name, at)))
    }

    /// The tenant's key, sealed under the site secret, goes first and once: without it nothing else can be read.
    fn ship_key(&self, report: &mut ShipReport) -> Result<()> {
        let keyring = self.tenant.inner.catalog.read(|rows| rows.tenant_by_id(self.tenant.id))?.keyring;
        let name = keyring::object_name(self.tenant.public, &keyring);
        if self.is_held(&name)? {
            return Ok(());
        }
        report.objects += 1;
        report.bytes += keyring.len() as u64;
        if self.options.dry_run {
            return Ok(());
        }
        let path = self.on_its_way(&name)?;
        disk::write_file(&path, &keyring, 0o600)?;
        let upload = self.upload(&name, 1, &path, keyring.len() as u64);
        for outcome in self.remote.remote.store(std::slice::from_ref(&upload), self.monitor)? {
            outcome?;
        }
        self.confirm(&upload.name, keyring.len() as u64, Digest::of(&keyring))?;
        self.note_held(&[&name])?;
        disk::remove_file(&path)
    }

    /// Where an object is written that is made for a shipment and is no part of a slice: for this remote alone, since others may be shipped to at
    /// the same time. What an end in between leaves goes when the store is opened next.
    pub(super) fn on_its_way(&self, name: &str) -> Result<PathBuf> {
        let outbox = self.tenant.outbox();
        disk::create_dirs(&outbox)?;
        // One that is in no configuration is called by its address.
        let remote = Digest::of(self.remote.name.as_bytes()).short(16);
        Ok(outbox.join(format!("{name}.{remote}.partial")))
    }

    /// Reads back what was stored: all of a small object nearby, the size of a large one; far away the size, which the upload did already.
    pub(super) fn confirm(&self, name: &str, size: u64, digest: Digest) -> Result<()> {
        if self.remote.remote.is_far() {
            return Ok(());
        }
        let digest = (size <= READ_BACK_BYTES_MAX).then_some(digest);
        let how = match self.remote.remote.verify(name, size, digest, self.monitor)? {
            Check::Right => return Ok(()),
            Check::Missing => "is not there".to_owned(),
            Check::Size(found) => format!("has {found} bytes instead of {size}"),
            Check::Bytes(_) => "has other bytes".to_owned(),
        };
        Err(Error::new(Kind::Failed, "remote.lied", format!("{} said it stored an object that {how}: {name}", self.remote.name))
            .hint("run the same command again; if it stays so, the remote loses data: use another one"))
    }

    pub(crate) fn send(&self, waiting: &[ObjectRow], report: &mut ShipReport) -> Result<()> {
        let outbox = self.tenant.outbox();
        let total: u64 = waiting.iter().map(|o| o.size).sum();
        let mut sent = 0;
        let mut line = self.tenant.inner.steadiness(&self.remote.name, self.remote.remote.is_far())?;
        let mut begun = self.begun()?;
        for group in waiting.chunks(GROUP) {
            check_stop(self.monitor)?;
            let started = Instant::now();
            // After an attempt whose end is not known, the remote looks before it writes: a right object is not sent twice.
            let doubtful = self.doubt()?;
            let upload = |object: &ObjectRow| {
                let path = outbox.join(&object.name);
                let upload = match &begun {
                    Some(begun) if begun.contains(&object.name) => Upload::new(self.name_of(&object.name), path, object.size).again(),
                    Some(_) => Upload::new(self.name_of(&object.name), path, object.size),
                    None => {
                        let first = ObjectName::parse(&object.name).map_or(0, |name| name.first);
                        let upload = self.upload(&object.name, first, &path, object.size);
                        if doubtful { upload.again() } else { upload }
                    }
                };
                if line.goes_alone(object.size) { upload.alone() } else { upload }
            };
            let just: Vec<Upload> = group.iter().map(upload).collect();
            let whole = Whole { done: sent, total, monitor: self.monitor, moved: AtomicU64::new(0) };
            let outcomes = self.remote.remote.store(&just, &whole)?;
            let mut failed = None;
            let mut group_bytes = 0;
            let mut unsure = match &begun {
                Some(begun) => begun.clone(),
                None if doubtful => group.iter().map(|object| object.name.clone()).collect(),
                None => BTreeSet::new(),
            };
            for ((object, upload), outcome) in group.iter().zip(&just).zip(outcomes) {
                let was_begun = !outcome.as_ref().is_err_and(|e| e.code() == remote::UNSENT);
                // Order matters to whoever rebuilds: after the first failure nothing later counts as held.
                match outcome.and_then(|_| self.confirm(&upload.name, object.size, object.digest)) {
                    Ok(()) if failed.is_none() => {
                        self.note_held(&[&object.name])?;
                        report.objects += 1;
                        report.bytes += object.size;
                        group_bytes += object.size;
                        line = line.and_carried(object.size);
                        unsure.remove(&object.name);
                    }
                    Ok(()) => drop(unsure.insert(object.name.clone())),
                    Err(e) => {
                        failed = failed.or(Some(e));
                        if was_begun {
                            unsure.insert(object.name.clone());
                        }
                    }
                }
            }
            sent += group_bytes;
            if let Some(e) = failed {
                // What had not moved was refused, and not cut.
                if whole.moved.into_inner() > group_bytes {
                    line = line.and_cut(sent > 0);
                }
                self.ended(line, &unsure)?;
                return Err(e);
            }
            self.ended(line, &unsure)?;
            begun = begun.map(|_| unsure);
            let seconds = started.elapsed().as_secs_f64();
            if group_bytes >= RATE_FROM_BYTES && seconds > 0.0 {
                let at = self.tenant.inner.clock().now();
                self.tenant.inner.catalog.write(|w| w.set_line_rate(&self.remote.name, group_bytes as f64 / seconds, at))?;
            }
            self.monitor.progress(&Progress { phase: "uploading", items: 0, items_total: 0, bytes: sent, bytes_total: total });
        }
        Ok(())
    }

    fn attempt(&self) -> String {
        format!("attempt {} {}", self.remote.name, self.tenant.id)
    }

    /// The objects that the last attempt began and did not bring to an end, where it failed and said so; absent where that is not known.
    fn begun(&self) -> Result<Option<BTreeSet<String>>> {
        let note = self.tenant.inner.catalog.read(|rows| rows.fact(&self.attempt()))?.filter(|note| !note.is_empty());
        Ok(note.map(|note| String::from_utf8_lossy(&note).lines().map(str::to_owned).collect()))
    }

    /// Notes durably that an attempt begins, and tells whether the one before it did not end well.
    fn doubt(&self) -> Result<bool> {
        let fact = self.attempt();
        self.tenant.inner.catalog.write(|w| {
            let before = w.fact(&fact)?.is_some();
            w.set_fact(&fact, b"").map(|()| before)
        })
    }

    /// Notes how an attempt ended: what it taught about the line, and which objects it began and did not bring to an end.
    fn ended(&self, line: Steadiness, unsure: &BTreeSet<String>) -> Result<()> {
        let fact = self.attempt();
        self.tenant.inner.catalog.write(|w| {
            if self.remote.remote.is_far() {
                w.set_line_note(&self.remote.name, &line.to_bytes())?;
            }
            if unsure.is_empty() {
                w.remove_fact(&fact)
            } else {
                w.set_fact(&fact, unsure.iter().map(String::as_str).collect::<Vec<_>>().join("\n").as_bytes())
            }
        })
    }

    /// Sees to it that everything to be shipped is in the outbox. What is not there any more the remote may have already (after a rebuild, or
    /// when a remote was added again under another name); otherwise its slice is sealed again.
    fn gather(&self) -> Result<()> {
        let outbox = self.tenant.outbox();
        let gone: HashSet<u64> = self.tenant.inner.catalog.read(|rows| rows.gone(self.tenant.id))?.into_iter().collect();
        let slices = self.tenant.inner.catalog.read(|rows| rows.unshipped_slices(self.tenant.id, &self.remote.name))?;
        for (turn, slice) in slices.into_iter().enumerate() {
            let mut lost = self.leans_on_forgotten(&slice, &gone)? || (turn == 0 && self.cannot_pass(&slice)?);
            for object in self.tenant.inner.catalog.read(|rows| rows.objects_of(slice.id))? {
                check_stop(self.monitor)?;
                if outbox.join(&object.name).exists() || self.is_held(&object.name)? {
                    continue;
                }
                let digest = (object.size <= READ_BACK_BYTES_MAX).then_some(object.digest);
                if self.remote.remote.verify(&self.name_of(&object.name), object.size, digest, self.monitor)? == Check::Right {
                    self.note_held(&[&object.name])?;
                } else {
                    lost = true;
                }
            }
            if lost {
                self.tenant.seal_again(&slice, &self.options.seal, self.monitor)?;
            }
        }
        Ok(())
    }

    /// Whether the next object of a slice was cut and smaller ones may pass. What is at the remote of the sealing before has no records there, and
    /// so no reader; where the object with the records did arrive after all, a reader takes either sealing.
    fn cannot_pass(&self, slice: &SliceRow) -> Result<bool> {
        let objects = self.tenant.inner.catalog.read(|rows| rows.objects_of(slice.id))?;
        for (turn, object) in objects.iter().enumerate() {
            if !self.is_held(&object.name)? {
                return Ok(self.options.seal.line.wants_smaller(object.size, turn > 0));
            }
        }
        Ok(false)
    }

    /// Whether a slice was sealed before something went that it is packed against: the remote may never see that.
    fn leans_on_forgotten(&self, slice: &SliceRow, gone: &HashSet<u64>) -> Result<bool> {
        if gone.is_empty() {
            return Ok(false);
        }
        let sealing = self.tenant.inner.catalog.read(|rows| rows.sealing(slice.id))?;
        Ok(sealing.is_none_or(|sealing| sealing.bases.iter().any(|base| gone.contains(base))))
    }

    /// Objects that no remote waits for leave the outbox: each remote holds their slice, in this sealing or in another.
    pub(crate) fn clean_outbox(&self) -> Result<()> {
        let (inner, tenant) = (&*self.tenant.inner, self.tenant.id);
        let known = inner.config.remotes.iter().filter(|r| allows(&inner.config, self.tenant.name(), &r.name, r.region.as_deref()));
        let mut remotes: BTreeSet<&str> = known.map(|r| r.name.as_str()).collect();
        remotes.insert(&self.remote.name);
        let mut awaited = HashSet::new();
        for remote in remotes {
            awaited.extend(inner.catalog.read(|rows| rows.unshipped(tenant, remote))?.into_iter().map(|object| object.name));
        }
        let Ok(entries) = self.tenant.outbox().read_dir() else { return Ok(()) };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            // What no row names yet is being sealed, or is the copy that heals lost rows.
            let Some(object) = ObjectName::parse(&name).filter(|_| !awaited.contains(&name)) else { continue };
            if inner.catalog.read(|rows| rows.is_sealed(tenant, object.first, &name))? {
                disk::remove_file(&entry.path())?;
            }
        }
        Ok(())
    }
}

/// Shows the progress of one group of uploads as progress of the shipment.
struct Whole<'a> {
    done: u64,
    total: u64,
    monitor: &'a dyn Monitor,
    /// Most bytes of the group that were seen to have moved.
    moved: AtomicU64,
}

impl Monitor for Whole<'_> {
    fn progress(&self, p: &Progress) {
        self.moved.fetch_max(p.bytes, Ordering::Relaxed);
        self.monitor.progress(&Progress { bytes: self.done + p.bytes, bytes_total: self.total, ..p.clone() });
    }

    fn note(&self, message: &str) {
        self.monitor.note(message);
    }

    fn stopped(&self) -> bool {
        self.monitor.stopped()
    }
}

/// What fetching from remotes gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FetchReport {
    /// Batches added.
    pub batches: u64,
    /// Changes in them.
    pub changes: u64,
    /// Objects read.
    pub objects: u64,
    /// Bytes read from remotes.
    pub bytes: u64,
    /// The remotes that gave objects, each with how many.
    pub places: BTreeMap<String, u64>,
    /// Damage that another remote or object made up for.
    pub bridged: Vec<String>,
    /// What is missing, empty when everything was there.
    pub gaps: Vec<Gap>,
    /// Other lines of history that the remotes hold and that were left aside.
    pub other_lines: Vec<OtherLine>,
}

/// A line of history that was not taken, because another one branched off it later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherLine {
    /// The tenant by name.
    pub tenant: String,
    /// The first 8 bytes of its timeline id in hexadecimal, as in the names of its objects.
    pub timeline: String,
    /// The first batch of the slice in which the lines part.
    pub first: u64,
    /// The last batch that its objects name.
    pub last: u64,
}

/// A part of a log that no remote could give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The tenant by name.
    pub tenant: String,
    /// The first batch that is missing.
    pub first: u64,
    /// The last batch that the remotes name.
    pub last: u64,
    /// Why each copy could not be used.
    pub reasons: Vec<String>,
    /// Documents that the missing batches changed, where their records can still be read.
    pub documents: Vec<String>,
}

/// Objects of one tenant on several remotes.
pub(crate) struct Copies {
    /// For each object, the remotes that list it.
    objects: BTreeMap<String, (ObjectName, Vec<OpenRemote>)>,
    /// Objects that a remote lists with another size than their name says, as they are named.
    cut: Vec<(ObjectName, String)>,
    /// What is on its way while something else is replayed.
    ahead: Ahead,
    /// Objects with the keys of subjects: their size, and the remotes that list them.
    pub(crate) keys: BTreeMap<String, (u64, Vec<OpenRemote>)>,
}

impl Copies {
    /// Reads listings. A remote that cannot be listed is noted and left out, unless none is left.
    pub(crate) fn list(remotes: &[OpenRemote], tenant: &str, notes: &mut Vec<String>, monitor: &dyn Monitor) -> Result<Self> {
        let mut objects: BTreeMap<String, (ObjectName, Vec<OpenRemote>)> = BTreeMap::new();
        let (mut failures, mut cut) = (Vec::new(), Vec::new());
        let mut keys: BTreeMap<String, (u64, Vec<OpenRemote>)> = BTreeMap::new();
        for remote in remotes {
            match remote.remote.list(&format!("{tenant}/"), monitor) {
                Ok(found) => {
                    for Object { name, size } in found {
                        let short = name.rsplit('/').next().unwrap_or(&name).to_owned();
                        if subjects::is_name(&short) {
                            keys.entry(short).or_insert_with(|| (size, Vec::new())).1.push(remote.clone());
                            continue;
                        }
                        let Some(parsed) = ObjectName::parse(&short) else { continue };
                        if parsed.size != size {
                            cut.push((parsed, format!("{}: {short} has {size} bytes, a cut upload", remote.name)));
                            continue;
                        }
                        objects.entry(short).or_insert_with(|| (parsed, Vec::new())).1.push(remote.clone());
                    }
                }
                Err(e) if e.kind() == Kind::Interrupted => return Err(e),
                Err(e) => failures.push(e),
            }
        }
        if failures.len() == remotes.len()
            && let Some(e) = failures.pop()
        {
            return Err(e);
        }
        notes.extend(failures.iter().map(ToString::to_string));
        notes.extend(cut.iter().map(|(_, note)| note.clone()));
        Ok(Copies { objects, cut, keys, ahead: Ahead::default() })
    }

    /// Leaves out the objects that `wanted` does not want.
    pub(crate) fn retain(&mut self, wanted: impl Fn(&ObjectName) -> bool) {
        self.objects.retain(|_, (name, _)| wanted(name));
        self.cut.retain(|(name, _)| wanted(name));
    }

    /// The lines of history that the names show, each with its last batch.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (TimelinePrefix, u64)> {
        self.objects.values().map(|(name, _)| name).chain(self.cut.iter().map(|(name, _)| name)).map(|name| (name.timeline, name.last))
    }

    /// Tail objects whose slice holds batch `seq`: those that start there first, and of equals those that reach furthest.
    pub(crate) fn holding(&self, seq: u64) -> Vec<ObjectName> {
        let holds = |n: &ObjectName| n.is_tail && (n.first..=n.last).contains(&seq);
        let mut found: Vec<_> = self.objects.values().map(|(name, _)| *name).filter(holds).collect();
        found.sort_by_key(|n| (std::cmp::Reverse(n.first), std::cmp::Reverse(n.last)));
        found
    }

    /// All tail objects in the order of the log; of those that start at the same batch, the ones that reach furthest first.
    pub(crate) fn tails(&self) -> Vec<ObjectName> {
        let mut found: Vec<_> = self.objects.values().map(|(name, _)| *name).filter(|n| n.is_tail).collect();
        found.sort_by_key(|n| (n.first, std::cmp::Reverse(n.last)));
        found
    }

    /// The tail objects that are probably wanted from batch `next` on, one slice after the other, and the remote to have them from. Where several
    /// lines are there, only reading tells.
    fn expected(&self, mut next: u64) -> Option<(Vec<ObjectName>, OpenRemote)> {
        let tails = self.tails();
        let first = tails.first()?;
        if tails.iter().any(|tail| tail.timeline != first.timeline) {
            return None;
        }
        let mut found = Vec::new();
        for tail in tails {
            if tail.first == next {
                next = tail.last + 1;
                found.push(tail);
            }
        }
        let remote = self.remotes(found.first()?).first()?.clone();
        found.retain(|tail| self.remotes(tail).first().is_some_and(|first| first.name == remote.name));
        Some((found, remote))
    }

    /// The furthest batch that any object, whole or cut, names of the timelines that `wanted` wants.
    fn last(&self, wanted: impl Fn(TimelinePrefix) -> bool) -> u64 {
        let names = self.objects.values().map(|(name, _)| name).chain(self.cut.iter().map(|(name, _)| name));
        names.filter(|name| wanted(name.timeline)).map(|name| name.last).max().unwrap_or(0)
    }

    /// Tail objects of a timeline whose slice starts at or before batch `seq`.
    fn tails_until(&self, timeline: TimelinePrefix, seq: u64) -> impl Iterator<Item = ObjectName> {
        self.objects.values().map(|(name, _)| *name).filter(move |n| n.is_tail && n.timeline == timeline && n.first <= seq)
    }

    pub(crate) fn remotes(&self, name: &ObjectName) -> &[OpenRemote] {
        self.objects.get(&name.to_string()).map_or(&[], |(_, remotes)| remotes)
    }
}

/// Objects fetched to a local directory, checked against their names, read from there.
struct Local<'a> {
    dir: &'a Path,
}

impl ObjectRead for Local<'_> {
    fn read(&self, object: &ObjectName, offset: u64, len: u64) -> Result<Vec<u8>> {
        use std::os::unix::fs::FileExt;
        let path = self.dir.join(object.to_string());
        let fail = |e| Error::io(format_args!("read {}", path.display()), e);
        let file = std::fs::File::open(&path).map_err(fail)?;
        let len = usize::try_from(len.min(limits::SEGMENT_BYTES_MAX)).map_err(|_| Error::damaged("a segment"))?;
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, offset).map_err(fail)?;
        Ok(bytes)
    }
}

/// Whether it is this machine's disk that failed: no remote is to blame, and no other one would do better.
fn is_local(e: &Error) -> bool {
    e.code().starts_with("disk.")
}

/// Fetching of one tenant's log.
pub(crate) struct Fetch<'a> {
    pub tenant: &'a Tenant,
    pub remotes: &'a [OpenRemote],
    /// Nothing later than this moment.
    pub until: Option<Timestamp>,
    /// Only what goes on from the line that the log is on. A rebuild finds its line itself.
    pub onward: bool,
    pub monitor: &'a dyn Monitor,
}

/// The timelines that were left aside at forks.
type Left = BTreeSet<TimelinePrefix>;

impl Fetch<'_> {
    /// Adds everything that continues the local log, slice by slice; each is committed, so an interrupted fetch goes on where it was. The lines
    /// that the remotes hold are known from then on.
    pub(crate) fn run(&self, report: &mut FetchReport) -> Result<()> {
        let copies = self.copies(report)?;
        self.take(&copies, report)?;
        self.tenant.inner.catalog.write(|w| know_lines(w, self.tenant.id, copies.lines()))
    }

    fn copies(&self, report: &mut FetchReport) -> Result<Copies> {
        Copies::list(self.remotes, &self.tenant.public.to_hex(), &mut report.bridged, self.monitor)
    }

    /// The same with the objects of `copies`.
    pub(crate) fn take(&self, copies: &Copies, report: &mut FetchReport) -> Result<()> {
        let (folder, incoming) = (self.tenant.public.to_hex(), self.tenant.inner.dir.join(INCOMING));
        let taken = match copies.expected(self.tenant.position()?.seq + 1) {
            None => self.take_each(copies, report),
            Some((expected, remote)) => {
                let from = (&*remote.remote, folder.as_str());
                copies.ahead.during(expected, from, &incoming.join("ahead"), self.monitor, || self.take_each(copies, report))
            }
        };
        // What cannot be removed now is removed when the store is opened next.
        let _ = std::fs::remove_dir_all(incoming);
        taken
    }

    fn take_each(&self, copies: &Copies, report: &mut FetchReport) -> Result<()> {
        let key = self.tenant.key()?;
        self.subject_keys(&key, copies, report)?;
        self.take_slices(&key, copies, report)?;
        drop_buried(self.tenant)
    }

    fn take_slices(&self, key: &SecretKey, copies: &Copies, report: &mut FetchReport) -> Result<()> {
        let scratch = self.tenant.inner.dir.join(INCOMING).join("now");
        let mut left = Left::new();
        loop {
            check_stop(self.monitor)?;
            let row = self.tenant.inner.catalog.read(|rows| rows.tenant_by_id(self.tenant.id))?;
            let next = row.position.seq + 1;
            let tails = self.tails(key, copies, &row, &mut left, report);
            let own = row.position.timeline.prefix();
            let wanted = |timeline| if self.onward { timeline == own } else { !left.contains(&timeline) };
            let last = copies.last(wanted);
            if next > last && tails.is_empty() {
                return Ok(());
            }
            let (mut reasons, mut leaning) = (Vec::new(), Vec::new());
            let mut added = None;
            for tail in tails {
                match self.slice(key, copies, &tail, &scratch, report) {
                    Ok(done) => {
                        added = Some(done);
                        break;
                    }
                    Err(e) if matches!(e.kind(), Kind::Interrupted | Kind::Space | Kind::Newer | Kind::Denied) || is_local(&e) => {
                        let _ = std::fs::remove_dir_all(&scratch);
                        return Err(e);
                    }
                    // Nothing is wrong with it: another sealing is there, which does without.
                    Err(e) if e.code() == LEANS => leaning.push(format!("{tail}: {e}")),
                    Err(e) => reasons.push(format!("{tail}: {e}")),
                }
            }
            let _ = std::fs::remove_dir_all(&scratch);
            match added {
                Some(partly) => {
                    report.bridged.append(&mut reasons);
                    if partly {
                        return Ok(());
                    }
                }
                None if next > last => return Ok(()),
                None => {
                    reasons.append(&mut leaning);
                    reasons.extend(copies.cut.iter().filter(|(name, _)| name.last >= next && wanted(name.timeline)).map(|(_, note)| note.clone()));
                    if reasons.is_empty() {
                        reasons.push(format!("no remote has an object that holds batch {next}"));
                    }
                    let documents = self.documents_named(key, copies, next);
                    report.gaps.push(Gap { tenant: self.tenant.name().to_owned(), first: next, last, reasons, documents });
                    return Ok(());
                }
            }
        }
    }

    /// The tail objects to try next, the best first. Where lines of history part, that is the one which branched off last: somebody went back
    /// to an older state and on from there. The lines that it left are left here too.
    fn tails(&self, key: &SecretKey, copies: &Copies, row: &TenantRow, left: &mut Left, report: &mut FetchReport) -> Vec<ObjectName> {
        let (next, own) = (row.position.seq + 1, row.position.timeline);
        let tails = self.by_reach(key, copies, copies.holding(next));
        let lines: BTreeSet<TimelinePrefix> = tails.iter().map(|tail| tail.timeline).collect();
        if lines.len() < 2 && (!self.onward || lines.iter().all(|line| *line == own.prefix())) {
            return tails;
        }
        let mut peeked: Vec<(ObjectName, Option<Slice>)> = Vec::new();
        for tail in tails {
            // What cannot be read says nothing about lines; it is tried, and told, where nothing else is there.
            let slice = self.peek(key, copies, &tail).map_err(|e| report.bridged.push(format!("{tail}: {e}"))).ok();
            peeked.push((tail, slice));
        }
        if self.onward {
            let goes_on = |slice: &Slice| slice.timeline == own || slice.parent.is_some_and(|p| p.timeline == own);
            peeked.retain(|(tail, slice)| tail.timeline == own.prefix() || slice.as_ref().is_some_and(goes_on));
        }
        // A line that was begun after the wanted moment says nothing about what was there then.
        let began = |slice: &Slice| slice.parent.and_then(|p| Some(slice.batches.get((p.seq + 1).checked_sub(slice.first_seq)? as usize)?.time));
        let late = |slice: &Slice| self.until.is_some_and(|until| began(slice).is_some_and(|time| time > until));
        let parents: Vec<TimelineId> = peeked.iter().filter_map(|(_, s)| s.as_ref().filter(|s| !late(s))?.parent).map(|p| p.timeline).collect();
        let rank = |slice: &Slice| {
            let forked = slice.parent.is_some() && !late(slice);
            let newest = slice.batches.last().map(|b| b.time);
            (!late(slice), !parents.contains(&slice.timeline), forked, newest, slice.last_seq())
        };
        let Some(best) = peeked.iter().filter_map(|(_, slice)| slice.clone()).max_by_key(rank) else {
            return peeked.into_iter().map(|(tail, _)| tail).collect();
        };
        for line in lines.into_iter().filter(|line| *line != best.timeline.prefix()) {
            let readable = peeked.iter().any(|(tail, slice)| tail.timeline == line && slice.is_some());
            if left.insert(line) && readable && !self.onward {
                report.other_lines.push(OtherLine {
                    tenant: self.tenant.name().to_owned(),
                    timeline: format!("{:016x}", u64::from_be_bytes(line)),
                    first: next,
                    last: copies.last(|timeline| timeline == line),
                });
            }
        }
        left.remove(&best.timeline.prefix());
        // Another line's slice will do where it holds the very same batches.
        let same = |slice: &Slice| slice.timeline == best.timeline || (slice.last_seq(), slice.head) == (best.last_seq(), best.head);
        peeked.retain(|(tail, slice)| slice.as_ref().map_or(tail.timeline == best.timeline.prefix(), same));
        peeked.sort_by_key(|(tail, _)| tail.timeline != best.timeline.prefix());
        peeked.into_iter().map(|(tail, _)| tail).collect()
    }

    /// Slices of one place and one line that hold different batches, because two copies of a store shipped both: those first that others go on
    /// from, the furthest before all. Other slices stay as they are.
    fn by_reach(&self, key: &SecretKey, copies: &Copies, mut tails: Vec<ObjectName>) -> Vec<ObjectName> {
        let one_line = |a: &ObjectName, b: &ObjectName| a.timeline == b.timeline && a.first == b.first;
        if !tails.iter().enumerate().any(|(i, a)| tails[..i].iter().any(|b| one_line(a, b))) {
            return tails;
        }
        let read = |tail: &ObjectName| {
            copies.remotes(tail).iter().find_map(|remote| {
                let ranged = Ranged { remote, folder: self.tenant.public.to_hex(), monitor: self.monitor };
                Tail::read(key, self.tenant.public, tail, &ranged).and_then(|t| t.links()).ok()
            })
        };
        let links: Vec<(ObjectName, Option<(Digest, Digest)>)> = tails.iter().map(|tail| (*tail, read(tail))).collect();
        let mut ends: Vec<(u64, Digest)> = links.iter().filter_map(|(tail, link)| Some((tail.last, (*link)?.1))).collect();
        ends.sort_unstable();
        ends.dedup();
        if ends.len() < 2 {
            return tails;
        }
        // How far one gets from each end, and whether another line goes on from there; ends are found from the furthest slice back.
        let first = tails.iter().map(|t| t.last).min().unwrap_or(0);
        let mut reach: BTreeMap<(u64, Digest), (bool, u64)> = BTreeMap::new();
        for tail in copies.tails().iter().rev().filter(|t| t.first > first) {
            let Some((prev, head)) = read(tail) else { continue };
            let beyond = reach.get(&(tail.last, head)).copied().unwrap_or((false, tail.last));
            let branched = beyond.0 || tails.iter().all(|t| t.timeline != tail.timeline);
            let known = reach.entry((tail.first - 1, prev)).or_default();
            *known = (branched, beyond.1).max(*known);
        }
        let rank = |tail: &ObjectName| {
            let link = links.iter().find(|(name, _)| name == tail).and_then(|(_, link)| *link);
            link.and_then(|(_, head)| reach.get(&(tail.last, head)).copied()).unwrap_or((false, tail.last))
        };
        tails.sort_by_cached_key(|tail| std::cmp::Reverse(rank(tail)));
        tails
    }

    /// The records of a slice, read in place from the first remote that gives them.
    fn peek(&self, key: &SecretKey, copies: &Copies, tail: &ObjectName) -> Result<Slice> {
        let inner = &*self.tenant.inner;
        let numbered = inner.catalog.read(|rows| rows.batch(catalog::id(self.tenant.id, tail.first - 1)))?.map_or(0, |b| b.numbered.1);
        let before = Before { inner, tenant: self.tenant.id, first_seq: tail.first, contents: numbered };
        let mut last = None;
        for remote in copies.remotes(tail) {
            let ranged = Ranged { remote, folder: self.tenant.public.to_hex(), monitor: self.monitor };
            match Tail::read(key, self.tenant.public, tail, &ranged).and_then(|t| t.decode(self.tenant.public, &before)) {
                Ok(reader) => return Ok(reader.into_slice()),
                Err(e) => last = Some(e),
            }
        }
        Err(last.unwrap_or_else(|| Error::damaged(format_args!("no remote has {tail}"))))
    }

    /// Refuses where a remote holds batches of this line that are not the ones recorded here under the same numbers.
    fn check_together(&self, copies: &Copies) -> Result<()> {
        let inner = &*self.tenant.inner;
        let row = inner.catalog.read(|rows| rows.tenant_by_id(self.tenant.id))?;
        let seq = row.position.seq;
        if seq == 0 {
            return Ok(());
        }
        for tail in copies.tails_until(row.position.timeline.prefix(), seq) {
            if inner.catalog.read(|rows| rows.is_sealed(self.tenant.id, tail.first, &tail.to_string()))? {
                continue;
            }
            let Ok(slice) = self.peek(&self.tenant.key()?, copies, &tail) else { continue };
            let here = inner.catalog.read(|rows| {
                let last = slice.last_seq().min(seq);
                rows.batches(catalog::id(self.tenant.id, slice.first_seq), catalog::id(self.tenant.id, last), slice.batches.len())
            })?;
            let apart = here.iter().zip(&slice.batches).find(|(ours, theirs)| {
                let head = &ours.head;
                (head.time, &head.actor, &head.reason, &head.request) != (theirs.time, &theirs.actor, &theirs.reason, &theirs.request)
                    || ours.changes != theirs.changes.len() as u64
            });
            let apart = apart.map(|(ours, _)| ours.head.seq);
            let head = here.last().filter(|b| b.head.seq == slice.last_seq()).is_none_or(|b| b.digest == slice.head);
            let prev = here.first().is_none_or(|b| b.head.prev == slice.prev);
            if apart.is_some() || !head || !prev {
                let at = apart.unwrap_or(slice.first_seq);
                let who = copies.remotes(&tail).first().map_or("a remote", |remote| &remote.name);
                let what = format!("both sides have moved on: {who} and this store have different batches from seq {at} on");
                return Err(Error::new(Kind::Refused, "lineage.apart", what)
                    .hint("nothing was changed; annals realign shows both sides and brings them into line")
                    .at_seq(at));
            }
        }
        Ok(())
    }

    /// Fetches and replays one slice. `true`: the wanted moment was reached.
    fn slice(&self, key: &SecretKey, copies: &Copies, tail: &ObjectName, scratch: &Path, report: &mut FetchReport) -> Result<bool> {
        let before = self.tenant.inner.catalog.read(|rows| rows.batch(catalog::id(self.tenant.id, tail.first - 1)))?;
        let local = Local { dir: scratch };
        let (reader, parts) = self.records(key, copies, tail, before.map_or(0, |b| b.numbered.1), &local, report)?;
        if self.until.is_some_and(|until| reader.slice().batches.first().is_some_and(|b| b.time > until)) {
            return Ok(true);
        }
        for part in &parts {
            self.object(copies, part, scratch, report)?;
        }
        let mut objects = Vec::new();
        for (i, name) in parts.iter().chain([tail]).enumerate() {
            let bytes = disk::read_file(&scratch.join(name.to_string()), limits::SEGMENT_BYTES_MAX)?;
            objects.push(ObjectRow { slice: 0, part: i as u64, name: name.to_string(), size: name.size, digest: Digest::of(&bytes) });
        }
        let replay =
            Replay { tenant: self.tenant, reader: &reader, source: &local, objects: &objects, until: self.until, anew: false, monitor: self.monitor };
        let done = replay.run()?;
        report.batches += done.batches;
        report.changes += done.changes;
        if done.locked > 0 {
            let reasons = vec![format!("the keys of {} contents are in no key object that could be read", done.locked)];
            let documents = documents(self.tenant, reader.slice());
            report.gaps.push(Gap { tenant: self.tenant.name().to_owned(), first: tail.first, last: tail.last, reasons, documents });
        }
        Ok(done.partly)
    }

    /// Fetches the tail object of a slice and reads its records; gives its other objects by name. `contents` are numbered before it.
    fn records(
        &self,
        key: &SecretKey,
        copies: &Copies,
        tail: &ObjectName,
        contents: u64,
        local: &Local<'_>,
        report: &mut FetchReport,
    ) -> Result<(SliceReader, Vec<ObjectName>)> {
        disk::create_dirs(local.dir)?;
        self.object(copies, tail, local.dir, report)?;
        let opened = Tail::read(key, self.tenant.public, tail, local)?;
        let parts = opened.parts().to_vec();
        let before = Before { inner: &self.tenant.inner, tenant: self.tenant.id, first_seq: tail.first, contents };
        Ok((opened.decode(self.tenant.public, &before)?, parts))
    }

    /// Takes the contents of a slice that the log has already in again, and gives them in their order. The caller holds the gate.
    pub(crate) fn contents_again(
        &self,
        copies: &Copies,
        tail: &ObjectName,
        contents: u64,
        scratch: &Path,
        report: &mut FetchReport,
    ) -> Result<Vec<Ingested>> {
        let local = Local { dir: scratch };
        let (reader, parts) = self.records(&self.tenant.key()?, copies, tail, contents, &local, report)?;
        for part in &parts {
            self.object(copies, part, scratch, report)?;
        }
        let replay = Replay { tenant: self.tenant, reader: &reader, source: &local, objects: &[], until: None, anew: true, monitor: self.monitor };
        replay.contents()
    }

    /// Fetches one object from the first remote that has it whole.
    fn object(&self, copies: &Copies, name: &ObjectName, scratch: &Path, report: &mut FetchReport) -> Result<()> {
        let path: PathBuf = scratch.join(name.to_string());
        let folder = self.tenant.public.to_hex();
        let mut last = None;
        for remote in copies.remotes(name) {
            let fetched = match copies.ahead.take(name, &path) {
                true => Ok(()),
                false => remote.remote.fetch(&format!("{folder}/{name}"), &path, name.size, self.monitor),
            };
            let checked = fetched.and_then(|()| check_object(name, &disk::read_file(&path, limits::SEGMENT_BYTES_MAX)?));
            report.bytes += name.size;
            match checked {
                Ok(()) => {
                    report.objects += 1;
                    *report.places.entry(remote.name.clone()).or_default() += 1;
                    if let Some(e) = last {
                        report.bridged.push(e);
                    }
                    return Ok(());
                }
                Err(e) if matches!(e.kind(), Kind::Interrupted | Kind::Space | Kind::Newer) || is_local(&e) => return Err(e),
                Err(e) => last = Some(format!("{}: {e}", remote.name)),
            }
        }
        let text = last.unwrap_or_else(|| format!("no remote has {name}"));
        Err(Error::new(Kind::Failed, "remote.no_copy", text).hint("name another remote that has a copy with a further --from"))
    }

    /// The documents that batches from `first` on changed, as far as the records can be read although their contents cannot.
    fn documents_named(&self, key: &SecretKey, copies: &Copies, first: u64) -> Vec<String> {
        let named = copies.holding(first).iter().find_map(|tail| self.peek(key, copies, tail).ok());
        named.map_or_else(Vec::new, |slice| documents(self.tenant, &slice))
    }
}

/// Objects read in place.
pub(crate) struct Ranged<'a> {
    pub remote: &'a OpenRemote,
    pub folder: String,
    pub monitor: &'a dyn Monitor,
}

impl ObjectRead for Ranged<'_> {
    fn read(&self, object: &ObjectName, offset: u64, len: u64) -> Result<Vec<u8>> {
        self.remote.remote.read(&format!("{}/{object}", self.folder), offset, len, self.monitor)
    }
}

impl Store {
    /// Adds from remotes what they have beyond the end of the local logs.
    ///
    /// # Errors
    /// [`Kind::Refused`] where both sides have moved on; nothing is changed then.
    pub fn fetch(&self, remotes: &[OpenRemote], monitor: &dyn Monitor) -> Result<FetchReport> {
        let mut report = FetchReport::default();
        let tenants = self.tenants()?;
        let fetch = |tenant| Fetch { tenant, remotes, until: None, onward: true, monitor };
        let copies = tenants.iter().map(|tenant| fetch(tenant).copies(&mut report)).collect::<Result<Vec<_>>>()?;
        let each = || tenants.iter().zip(&copies);
        each().try_for_each(|(tenant, copies)| fetch(tenant).check_together(copies))?;
        each().try_for_each(|(tenant, copies)| fetch(tenant).take(copies, &mut report))?;
        self.inner.catalog.write(|w| tenants.iter().try_for_each(|tenant| self.inner.witness.caught_up(w, tenant.id)))?;
        self.finish_erasures_or_later(monitor)?;
        Ok(report)
    }

    /// Compares what a remote holds with what it is known to hold: sizes from its listing, bytes too with `full`. Gives what is wrong.
    pub fn verify_remote(&self, remote: &OpenRemote, full: bool, monitor: &dyn Monitor) -> Result<VerifyReport> {
        let mut report = VerifyReport::default();
        for tenant in self.tenants()? {
            verify_tenant(&tenant, remote, full, &mut report, monitor)?;
        }
        Ok(report)
    }
}

fn verify_tenant(tenant: &Tenant, remote: &OpenRemote, full: bool, report: &mut VerifyReport, monitor: &dyn Monitor) -> Result<()> {
    let inner: &Inner = &tenant.inner;
    let looked = look(tenant, &*remote.remote, monitor)?;
    if let Some(fence) = looked.fence(tenant, &remote.name)? {
        report.problem(
            tenant.name(),
            format!("{}: {}; annals realign brings both into line", fence.verdict.word(), fence.refusal(tenant.name())),
            Some(fence.common),
            Vec::new(),
        );
    }
    let held: HashSet<String> = inner.catalog.read(|rows| rows.held(&remote.name, tenant.id))?.into_iter().map(|(name, _)| name).collect();
    if held.is_empty() {
        return Ok(());
    }
    let folder = tenant.public.to_hex();
    let listed: BTreeMap<String, u64> = remote.remote.list(&format!("{folder}/"), monitor)?.into_iter().map(|o| (o.name, o.size)).collect();
    let keyring = inner.catalog.read(|rows| rows.tenant_by_id(tenant.id))?.keyring;
    let key = keyring::object_name(tenant.public, &keyring);
    if held.contains(&key) {
        let name = format!("{folder}/{key}");
        let check = match (listed.get(&name) == Some(&(keyring.len() as u64)), full) {
            (true, false) => Check::Right,
            _ => remote.remote.verify(&name, keyring.len() as u64, Some(Digest::of(&keyring)), monitor)?,
        };
        if check != Check::Right {
            let what = format!("{} does not have the tenant's sealed key whole: {key}", remote.name);
            report.problem(tenant.name(), what, None, Vec::new());
            inner.catalog.write(|w| w.remove_held(&remote.name, tenant.id, &key))?;
        }
    }
    let there = inner.catalog.read(|rows| rows.key_objects_at(&remote.name, tenant.id))?;
    for row in inner.catalog.read(|rows| rows.key_objects(tenant.id))? {
        if !there.iter().any(|(name, stored)| *stored && *name == row.name) {
            continue;
        }
        let (name, size) = (format!("{folder}/{}", row.name), row.object.len() as u64);
        let listed = listed.get(&name) == Some(&size);
        if (full || !listed) && remote.remote.verify(&name, size, Some(Digest::of(&row.object)), monitor)? != Check::Right {
            let what = format!("{} does not have the keys of subjects whole: {}", remote.name, row.name);
            report.problem(tenant.name(), what, None, Vec::new());
            inner.catalog.write(|w| w.note_key_object(&remote.name, tenant.id, &row.name, false))?;
        }
    }
    for slice in inner.catalog.read(|rows| rows.slices(tenant.id))? {
        for object in inner.catalog.read(|rows| rows.objects_of(slice.id))? {
            check_stop(monitor)?;
            if !held.contains(&object.name) {
                continue;
            }
            let name = format!("{folder}/{}", object.name);
            // A listing may be stale: what it lacks or shows short is asked for by name before it counts as wrong.
            let check = match (listed.get(&name) == Some(&object.size), full) {
                (true, false) => Check::Right,
                (_, full) => remote.remote.verify(&name, object.size, full.then_some(object.digest), monitor)?,
            };
            report.contents += 1;
            if full {
                report.bytes += object.size;
            }
            let what = match check {
                Check::Right => continue,
                Check::Missing => format!("{} does not have {} any more", remote.name, object.name),
                Check::Size(found) => format!("{} has {found} of {} bytes of {}", remote.name, object.size, object.name),
                Check::Bytes(_) => format!("{} has other bytes for {}", remote.name, object.name),
            };
            let documents = documents_between(inner, tenant.id, slice.first, slice.last)?;
            report.problem(tenant.name(), what, Some(slice.first), documents);
            // It does not hold it: the next shipment sends it again.
            inner.catalog.write(|w| w.remove_held(&remote.name, tenant.id, &object.name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::monitor::Silent;
    use crate::base::random::SeededRandom;
    use crate::storage::remote::Memory;

    #[test]
    fn an_object_is_a_minute_of_the_line_as_it_was_measured() {
        let dir = tempfile::tempdir().expect("dir");
        let store = Store::init(dir.path().join("store"), "test").expect("init");
        let measured =
            |rate: f64| store.inner.catalog.write(|w| w.remove_remote("a").and_then(|()| w.set_line_rate("a", rate, Timestamp(1)))).expect("noted");
        assert_eq!(store.line_minute("a").expect("size"), 16 << 20, "a line that was never measured is taken for a good one");
        for (rate, bytes) in [(1.0, 256 << 10), (8_000.0, 480_000), (100_000.0, 6_000_000), (1e9, 16 << 20)] {
            measured(rate);
            assert_eq!(store.line_minute("a").expect("size"), bytes, "{rate}");
        }
        // What is sealed for it is cut accordingly; a block of what does not pack is four times as large, and never divided.
        let mut noise = vec![0; 3_000_000];
        crate::base::random::Random::fill(&SeededRandom::new(7), &mut noise);
        store.put("large", &noise[..]).expect("put");
        let objects = |name: &str| {
            let place = Arc::new(Memory::new());
            store.ship(&OpenRemote::new(name, place.clone()), &ShipOptions::default(), &Silent).expect("ship");
            let sizes: Vec<usize> = place.names().iter().map(|name| place.bytes(name).expect("bytes").len()).collect();
            (sizes.len(), sizes.into_iter().max().unwrap_or(0))
        };
        measured(8_000.0);
        let (count, largest) = objects("a");
        assert!(count > 2 && largest <= 4 * 480_000 + 64_000, "{count} objects, the largest of {largest}");
        store.put("other", &noise.iter().map(|b| b ^ 1).collect::<Vec<u8>>()[..]).expect("put");
        let (_, largest) = objects("b");
        assert!(largest > 1_900_000, "{largest}");
    }
}
