//! Rebuild: an empty directory becomes the store that the remotes hold, digest for digest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::id::{SiteId, TenantId, TimelineId};
use crate::base::monitor::{Monitor, Silent};
use crate::base::time::Timestamp;
use crate::format::keyfile::{KeyFile, SiteSecret, Unlock, keyring};
use crate::format::segment::ObjectName;
use crate::model::key::DEFAULT_TENANT;
use crate::model::timeline::Position;
use crate::storage::catalog::tenants::TenantRow;

use super::offsite::{Fetch, FetchReport, Gap, OpenRemote};
use super::store::{MARKER, Options, REBUILDING, REBUILT_WITH_GAPS, Store, read_key_file};

/// What is rebuilt, and until when.
pub struct Rebuild<'a> {
    /// Places that hold the site; the first that has an object whole gives it.
    pub remotes: &'a [OpenRemote],
    /// The directory of the new store: absent, empty, or left by an interrupted rebuild.
    pub into: &'a Path,
    /// The key file of the site, and its secret.
    pub key_file: KeyFile,
    /// The secret that the key file opens to.
    pub secret: SiteSecret,
    /// What people call the place.
    pub site_name: &'a str,
    /// Only what was recorded until then. The new store starts a timeline of its own there.
    pub at: Option<Timestamp>,
}

/// Fact: what an unfinished rebuild was asked for.
const ASKED: &str = "rebuild asked";

/// A rebuild that did not come to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// Where it reads from.
    pub from: Vec<String>,
    /// Only what was recorded until then, microseconds since 1970.
    pub at: Option<i64>,
    /// Batches that are back.
    #[serde(skip)]
    pub batches: u64,
}

impl Unfinished {
    fn of(store: &Store) -> Result<Option<Self>> {
        let state = store.inner.catalog.read(|rows| rows.fact(REBUILDING))?;
        if state.is_none_or(|state| state == REBUILT_WITH_GAPS) {
            return Ok(None);
        }
        let asked = store.inner.catalog.read(|rows| rows.fact(ASKED))?;
        // Where it ended before it could say so, whoever goes on says it.
        let mut found: Unfinished = asked.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        for tenant in store.tenants()? {
            found.batches += tenant.position()?.seq;
        }
        Ok(Some(found))
    }

    /// The one that lies in a directory; `None` where there is no store, or a whole one.
    ///
    /// # Errors
    /// As [`Options::open`], but for the rebuild that did not end.
    pub fn look(options: Options, dir: &Path) -> Result<Option<Self>> {
        if !dir.join(MARKER).exists() {
            return Ok(None);
        }
        Self::of(&options.open_unfinished(dir)?)
    }

    /// Removes what was rebuilt in part. What it was rebuilt from stays.
    ///
    /// # Errors
    /// [`Kind::Refused`] where the store is whole; as [`Unfinished::look`].
    pub fn discard(options: Options, dir: &Path) -> Result<()> {
        let store = options.open_unfinished(dir)?;
        if Self::of(&store)?.is_none() {
            return Err(Error::new(Kind::Refused, "store.exists", format!("there is a whole store in {}", dir.display())).hint("nothing was removed"));
        }
        Options::discard(store)
    }
}

/// The key objects of a site on some remotes: each tenant with its sealed key.
fn tenants(
    remotes: &[OpenRemote],
    site: SiteId,
    secret: &SiteSecret,
    report: &mut FetchReport,
    monitor: &dyn Monitor,
) -> Result<Vec<(keyring::KeyringEntry, Vec<u8>)>> {
    let notes = &mut report.bridged;
    let mut folders: BTreeMap<TenantId, u64> = BTreeMap::new();
    let mut others: BTreeSet<TenantId> = BTreeSet::new();
    let mut found: Vec<(keyring::KeyringEntry, Vec<u8>)> = Vec::new();
    let mut failures = Vec::new();
    let mut denied = None;
    for remote in remotes {
        let objects = match remote.device().list("", monitor) {
            Ok(objects) => objects,
            Err(e) if e.kind() == Kind::Interrupted => return Err(e),
            Err(e) => {
                failures.push(e);
                continue;
            }
        };
        for object in objects {
            let Some((folder, name)) = object.name.split_once('/') else { continue };
            let Ok(tenant) = TenantId::from_hex(folder) else { continue };
            if let Some(segment) = ObjectName::parse(name) {
                let last = folders.entry(tenant).or_default();
                *last = segment.last.max(*last);
            }
            if !name.starts_with("key-") || found.iter().any(|(entry, _)| entry.tenant == tenant) {
                continue;
            }
            let bytes = match remote.device().read(&object.name, 0, object.size.min(keyring::OBJECT_BYTES as u64), monitor) {
                Ok(bytes) => {
                    report.objects += 1;
                    report.bytes += bytes.len() as u64;
                    bytes
                }
                Err(e) if e.kind() == Kind::Interrupted => return Err(e),
                Err(e) => {
                    notes.push(format!("{}: {}: {e}", remote.name, object.name));
                    denied = Some(e);
                    continue;
                }
            };
            // The name tells without any key whether the object is whole and in its place. One that is, and does not open, is another site's.
            let whole = keyring::object_name(tenant, &bytes) == name;
            match keyring::open(secret, &bytes) {
                Ok(entry) if whole && entry.site == site && entry.tenant == tenant => found.push((entry, bytes)),
                Ok(_) if whole => {
                    others.insert(tenant);
                    notes.push(format!("{}: {} belongs to another site", remote.name, object.name));
                }
                Ok(_) => notes.push(format!("{}: {} belongs to another tenant or site", remote.name, object.name)),
                Err(e) => {
                    if whole {
                        others.insert(tenant);
                    } else {
                        notes.push(format!("{}: {}: {e}", remote.name, object.name));
                    }
                    denied = Some(e);
                }
            }
        }
    }
    if failures.len() == remotes.len()
        && let Some(e) = failures.pop()
    {
        return Err(e);
    }
    if found.is_empty() {
        if !others.is_empty() {
            return Err(Error::new(Kind::Denied, "key.wrong", "nothing that was shipped there opens with this recovery sheet or key file")
                .hint("take the sheet or the key file of the site that shipped there, or check the address"));
        }
        return Err(denied.unwrap_or_else(|| {
            Error::missing("rebuild.nothing", "no remote holds anything of this site").hint("check the address; annals ship fills it")
        }));
    }
    for (tenant, last) in folders {
        if !others.contains(&tenant) && found.iter().all(|(entry, _)| entry.tenant != tenant) {
            let reasons = vec!["its sealed key is on no remote, or cannot be opened with this key file".to_owned()];
            report.gaps.push(Gap { tenant: tenant.to_hex(), first: 1, last, reasons, documents: Vec::new() });
        }
    }
    found.sort_by_key(|(entry, _)| (entry.tenant_name != DEFAULT_TENANT, entry.created.micros(), entry.tenant));
    Ok(found)
}

impl Store {
    /// Rebuilds in `into` (absent, empty, or left by an interrupted rebuild) what `remotes` hold of the site whose key file is `key_file`;
    /// all of it, or what was recorded until `at`. The site is called like the directory. [`Rebuild`] has every option.
    ///
    /// # Errors
    /// [`Kind::Denied`] for a wrong key; [`Kind::Remote`] where no remote can be reached. What is missing at reachable remotes is no error:
    /// it stands in the report.
    pub fn rebuild(
        remotes: &[OpenRemote],
        key_file: impl AsRef<Path>,
        into: impl AsRef<Path>,
        at: Option<Timestamp>,
    ) -> Result<(Store, FetchReport)> {
        let into = into.as_ref();
        let key_file = read_key_file(key_file.as_ref())?;
        let secret = key_file.open(&Unlock::default())?;
        let name = into.file_name().map_or_else(|| "site".into(), |name| name.to_string_lossy());
        Rebuild { remotes, into, key_file, secret, site_name: &name, at }.run(Options::new(), &Silent)
    }
}

impl Rebuild<'_> {
    /// Rebuilds, or goes on with an interrupted rebuild. The report says what was missing; everything before a gap is there.
    pub fn run(self, options: Options, monitor: &dyn Monitor) -> Result<(Store, FetchReport)> {
        let mut report = FetchReport::default();
        let store = if self.into.join(MARKER).exists() {
            let store = options.open_unfinished(self.into)?;
            if store.inner.catalog.read(|rows| rows.fact(REBUILDING))?.is_none() {
                return Err(Error::new(Kind::Refused, "store.exists", format!("there is a whole store already in {}", self.into.display()))
                    .hint("choose another directory with --into, or use annals fetch there"));
            }
            store
        } else {
            let site = self.key_file.site();
            let found = tenants(self.remotes, site, &self.secret, &mut report, monitor)?;
            let mut rows: Vec<TenantRow> = Vec::new();
            // The first tenant is the default one, also where nothing of it was ever shipped: its name must not lead to another's log.
            if found.first().is_none_or(|(entry, _)| entry.tenant_name != DEFAULT_TENANT) {
                rows.push(options.fresh_tenant(0, DEFAULT_TENANT, site, &self.secret)?);
            }
            for (entry, keyring) in &found {
                let mut row = empty_tenant(rows.len() as i64, entry, keyring);
                while rows.iter().any(|known| known.name == row.name) {
                    row.name.push('+');
                }
                rows.push(row);
            }
            let store = options.create(self.into, self.site_name, site, self.key_file, self.secret, rows, Some((REBUILDING, b"")))?;
            let from = self.remotes.iter().map(|remote| remote.name.clone()).collect();
            let asked = serde_json::to_vec(&Unfinished { from, at: self.at.map(Timestamp::micros), batches: 0 });
            let asked = asked.map_err(|e| Error::new(Kind::Failed, "rebuild.note", e.to_string()))?;
            store.inner.catalog.write(|w| w.set_fact(ASKED, &asked))?;
            store
        };
        for tenant in store.tenants()? {
            let before = (report.objects, report.gaps.len());
            Fetch { tenant: &tenant, remotes: self.remotes, until: self.at, onward: false, monitor }.run(&mut report)?;
            // A tenant's key is shipped only together with segments: a listing that shows none of them is no evidence that there are none.
            let untouched = tenant.position()? == nowhere();
            if untouched && before == (report.objects, report.gaps.len()) {
                report.gaps.push(Gap {
                    tenant: tenant.name().to_owned(),
                    first: 1,
                    last: 1,
                    reasons: vec!["the remotes hold the tenant's key but list none of its segments".to_owned()],
                    documents: Vec::new(),
                });
            }
        }
        let inner = &store.inner;
        inner.catalog.write(|w| {
            for tenant in w.tenants()? {
                let position = tenant.position;
                // What is recorded from here on is not what the old line of history has: it gets a line of its own.
                if self.at.is_some() || position.timeline == nowhere().timeline {
                    let parent = (position.timeline != nowhere().timeline).then_some(&position);
                    w.set_tenant_timeline(tenant.id, inner.witness.new_line(inner.random()), parent)?;
                } else {
                    // Nor is it sure that this is the only copy that goes on from here: its first batch begins a line.
                    inner.witness.branch(w, tenant.id)?;
                }
            }
            w.remove_fact(ASKED)?;
            // With a gap it has not ended: the same command goes on when it names a remote that has the rest.
            if report.gaps.is_empty() { w.remove_fact(REBUILDING) } else { w.set_fact(REBUILDING, REBUILT_WITH_GAPS) }
        })?;
        inner.witness.note(&inner.catalog, inner.clock().now())?;
        // Older segments have what was erased since.
        store.finish_erasures_or_later(monitor)?;
        Ok((store, report))
    }
}

/// Where the log of a tenant ends that is to be rebuilt.
fn nowhere() -> Position {
    Position { timeline: TimelineId::from_bytes([0; 16]), seq: 0, digest: Digest::ZERO }
}

fn empty_tenant(id: i64, entry: &keyring::KeyringEntry, keyring: &[u8]) -> TenantRow {
    TenantRow {
        id,
        public: entry.tenant,
        name: entry.tenant_name.clone(),
        keyring: keyring.to_vec(),
        position: nowhere(),
        parent: None,
        time: Timestamp(i64::MIN),
        documents: 0,
        contents: 0,
    }
}
