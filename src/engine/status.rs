//! How the store is: what it holds, how much of that exists only here, and since when. Asks no remote, so it is quick and works offline.

use std::fs;
use std::path::Path;

use crate::base::error::{Error, Result};
use crate::base::id::{SiteId, TenantId};
use crate::base::time::Timestamp;
use crate::model::key::{DEFAULT_TENANT, parse_key, show_key};
use crate::model::timeline::Position;
use crate::storage::catalog::tenants::TenantRow;
use crate::storage::catalog::{self, View};
use crate::storage::config::{Capture, CaptureFrom, Remote as Place};

use super::brake::Brake;
use super::capture::{self, CaptureStatus};
use super::forget::WouldFree;
use super::lineage::Standing;
use super::remains::{Pending, pending_at};
use super::residency::allows;
use super::store::{Inner, Store};
use super::witness::Fence;

/// Changes that exist only here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unshipped {
    /// Batches.
    pub batches: u64,
    /// Changes in them.
    pub changes: u64,
    /// Bytes of new contents in them, before packing.
    pub bytes: u64,
    /// Time of the oldest.
    pub oldest: Option<Timestamp>,
}

impl Unshipped {
    fn add(&mut self, other: &Unshipped) {
        self.batches += other.batches;
        self.changes += other.changes;
        self.bytes += other.bytes;
        self.oldest = [self.oldest, other.oldest].into_iter().flatten().min();
    }
}

/// One tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantStatus {
    /// The name people use.
    pub name: String,
    /// The id that the outside sees.
    pub public: TenantId,
    /// Where its log ends.
    pub position: Position,
    /// Documents that exist now.
    pub documents: u64,
    /// What fewer remotes hold than its rules ask for (one where they are silent).
    pub unshipped: Unshipped,
    /// Where it was dropped: until when it can be brought back for sure, and whether its bytes are given up.
    pub dropped: Option<(Timestamp, bool)>,
}

/// How far one remote is with one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The tenant.
    pub tenant: String,
    /// The last batch up to which the remote holds everything.
    pub seq: u64,
    /// Batches after it.
    pub behind: u64,
    /// Objects that the remote is known to hold.
    pub objects: u64,
}

/// What is known of a remote without asking it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteState {
    /// It holds everything that may be shipped to it.
    Current,
    /// Something waits to be shipped to it.
    Behind,
    /// Nothing was ever shipped to it.
    Unused,
}

/// One remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteStatus {
    /// Its configuration.
    pub place: Place,
    /// See [`RemoteState`].
    pub state: RemoteState,
    /// Per tenant that may be shipped to it.
    pub held: Vec<Held>,
    /// When it last received something.
    pub last_shipped: Option<Timestamp>,
    /// What of erased subjects it still has.
    pub pending: Pending,
}

impl RemoteStatus {
    /// Batches that wait to be shipped to it, of all tenants.
    pub fn behind(&self) -> u64 {
        self.held.iter().map(|h| h.behind).sum()
    }
}

/// The one verdict: whether what a store holds is safe, and why. Each variant is a sentence, which the faces say in their own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Safety {
    /// What was recorded is damaged.
    Damaged,
    /// The history of a tenant went back in time or parted from a witness; nothing of it is shipped.
    Fenced {
        /// The tenant.
        tenant: String,
        /// What was found.
        fence: Fence,
    },
    /// Captured databases went back in time.
    Behind(Vec<CaptureStatus>),
    /// No remote is set up.
    OnlyCopy,
    /// Nothing is recorded yet.
    Empty,
    /// Every change is offsite as often as it must be.
    Offsite {
        /// Remotes that hold everything.
        at: Vec<String>,
        /// Remotes that do not yet.
        later: Vec<String>,
    },
    /// Changes wait to be shipped, not longer than they may.
    Waiting(Lag),
    /// Changes exist only here for longer than they may, or nobody said how long they may, or no remote may have them.
    Late(Lag),
}

/// What exists only here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// Batches.
    pub batches: u64,
    /// Seconds since the oldest of them; never negative.
    pub age_secs: u64,
    /// Seconds that it may be; `None` where nobody decided.
    pub allowed_secs: Option<u64>,
    /// Remotes that should have them; none where none may.
    pub remotes: Vec<String>,
}

impl Safety {
    /// Whether people can sleep.
    pub fn is_safe(&self) -> bool {
        matches!(self, Safety::Empty | Safety::Offsite { .. } | Safety::Waiting(_))
    }
}

/// What the verdict is made from.
struct Facts {
    damaged: bool,
    fence: Option<(String, Fence)>,
    captures: Vec<CaptureStatus>,
    /// Each remote with the batches it lacks.
    remotes: Vec<(String, u64)>,
    empty: bool,
    batches: u64,
    age_secs: u64,
    allowed_secs: Option<u64>,
}

impl Facts {
    fn judge(self) -> Safety {
        if self.damaged {
            return Safety::Damaged;
        }
        if let Some((tenant, fence)) = self.fence {
            return Safety::Fenced { tenant, fence };
        }
        if !self.captures.is_empty() {
            return Safety::Behind(self.captures);
        }
        if self.remotes.is_empty() {
            return Safety::OnlyCopy;
        }
        let (at, late): (Vec<_>, Vec<_>) = self.remotes.into_iter().partition(|(_, behind)| *behind == 0);
        let names = |of: Vec<(String, u64)>| of.into_iter().map(|(name, _)| name).collect::<Vec<String>>();
        let lag = |remotes| Lag { batches: self.batches, age_secs: self.age_secs, allowed_secs: self.allowed_secs, remotes };
        match self.batches {
            0 if self.empty => Safety::Empty,
            0 => Safety::Offsite { at: names(at), later: names(late) },
            // What no remote may have waits for none, however young it is.
            _ if !late.is_empty() && self.allowed_secs.is_some_and(|limit| self.age_secs <= limit) => Safety::Waiting(lag(names(late))),
            _ => Safety::Late(lag(names(late))),
        }
    }
}

fn age_secs(oldest: Option<Timestamp>, now: Timestamp) -> u64 {
    oldest.map_or(0, |at| now.secs().saturating_sub(at.secs()).max(0) as u64)
}

/// How the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The site.
    pub site: SiteId,
    /// What people call it.
    pub site_name: Option<String>,
    /// When this was seen.
    pub now: Timestamp,
    /// All tenants, the default one first.
    pub tenants: Vec<TenantStatus>,
    /// All remotes in the order of the configuration.
    pub remotes: Vec<RemoteStatus>,
    /// What exists only here, of all tenants.
    pub unshipped: Unshipped,
    /// Seconds that the oldest change may be unshipped; `None` where nobody decided.
    pub stale_after_secs: Option<u64>,
    /// Batches that are open over several commands.
    pub drafts: u64,
    /// Something of an erased subject still lies around on this machine.
    pub erasure_left_here: bool,
    /// Bytes of the store's directory.
    pub disk_bytes: u64,
    /// Bytes it may take.
    pub quota_bytes: Option<u64>,
    /// The chunk store came back shorter than the catalogue relies on: bytes that were acknowledged are gone.
    pub damaged: bool,
    /// How each tenant stands towards its witnesses.
    pub lineage: Vec<Standing>,
    /// Captured databases, and captures that never succeeded.
    pub captures: Vec<CaptureStatus>,
    /// What the rules would free, as it was seen last.
    pub would_free: Option<WouldFree>,
    /// Mass changes that were noticed and that nobody looked at yet.
    pub brakes: Vec<Brake>,
}

impl Status {
    /// Captured databases that went back in time.
    pub fn behind(&self) -> impl Iterator<Item = &CaptureStatus> {
        self.captures.iter().filter(|c| c.behind.is_some())
    }

    /// Seconds since the oldest change that exists only here; never negative.
    pub fn unshipped_age_secs(&self) -> u64 {
        age_secs(self.unshipped.oldest, self.now)
    }

    /// Whether the oldest unshipped change is older than the configuration allows.
    pub fn is_stale(&self) -> bool {
        self.stale_after_secs.is_some_and(|limit| self.unshipped_age_secs() > limit)
    }

    /// Tenants of which nothing is shipped, because they went back in time or parted from a remote.
    pub fn fenced(&self) -> impl Iterator<Item = (&str, &Fence)> {
        self.lineage.iter().filter_map(|s| Some((s.tenant.as_str(), s.fence.as_ref()?)))
    }

    /// The one verdict.
    pub fn safety(&self) -> Safety {
        let facts = Facts {
            damaged: self.damaged,
            fence: self.fenced().next().map(|(tenant, fence)| (tenant.to_owned(), fence.clone())),
            captures: self.behind().cloned().collect(),
            remotes: self.remotes.iter().map(|r| (r.place.name.clone(), r.behind())).collect(),
            empty: self.tenants.iter().all(|t| t.position.seq == 0),
            batches: self.unshipped.batches,
            age_secs: self.unshipped_age_secs(),
            allowed_secs: self.stale_after_secs,
        };
        facts.judge()
    }

    /// Documents that exist now, of all tenants.
    pub fn documents(&self) -> u64 {
        self.tenants.iter().map(|t| t.documents).sum()
    }
}

/// The tenants, without the lines of history that they left.
fn tenants_of(rows: &View<'_>) -> Result<Vec<TenantRow>> {
    Ok(rows.tenants()?.into_iter().filter(|t| !t.is_side()).collect())
}

impl Store {
    /// What exists only here, of all tenants: the part of [`Store::status`] that costs little however large the store is.
    pub fn unshipped(&self) -> Result<Unshipped> {
        let inner = &*self.inner;
        inner.catalog.read(|rows| {
            let mut all = Unshipped::default();
            for tenant in tenants_of(rows)? {
                all.add(&unshipped_of(inner, rows, &tenant)?);
            }
            Ok(all)
        })
    }

    /// The one verdict: what [`Status::safety`] says, at a cost that does not follow what the store holds.
    pub fn safety(&self) -> Result<Safety> {
        let inner = &*self.inner;
        let facts = inner.catalog.read(|rows| {
            let tenants = tenants_of(rows)?;
            let (mut batches, mut oldest): (u64, Option<Timestamp>) = (0, None);
            for tenant in &tenants {
                let safe = safe_to(inner, rows, tenant)?;
                batches += tenant.position.seq.saturating_sub(safe);
                let first = rows.batch(catalog::id(tenant.id, safe + 1))?;
                oldest = [oldest, first.map(|batch| batch.head.time)].into_iter().flatten().min();
            }
            let mut remotes = Vec::new();
            for place in &inner.config.remotes {
                let mut behind = 0;
                for tenant in tenants.iter().filter(|t| allows(&inner.config, &t.name, &place.name, place.region.as_deref())) {
                    behind += tenant.position.seq.saturating_sub(rows.held_to(tenant.id, &place.name)?);
                }
                remotes.push((place.name.clone(), behind));
            }
            Ok(Facts {
                damaged: false,
                fence: None,
                captures: capture::statuses(rows)?.into_iter().filter(|c| c.behind.is_some()).collect(),
                remotes,
                empty: tenants.iter().all(|t| t.position.seq == 0),
                batches,
                age_secs: age_secs(oldest, inner.clock().now()),
                allowed_secs: inner.config.alert.stale_after_secs,
            })
        })?;
        let fence = self.lineage()?.into_iter().find_map(|s| Some((s.tenant, s.fence?)));
        Ok(Facts { damaged: !self.damage()?.is_none(), fence, ..facts }.judge())
    }

    /// How far each remote is.
    pub fn remote_statuses(&self) -> Result<Vec<RemoteStatus>> {
        let inner = &*self.inner;
        inner.catalog.read(|rows| {
            let tenants = tenants_of(rows)?;
            inner.config.remotes.iter().map(|place| remote_status(inner, rows, &tenants, place)).collect()
        })
    }

    /// The databases that are captured, and whether one of them went back in time.
    pub fn captured_databases(&self) -> Result<Vec<CaptureStatus>> {
        self.inner.catalog.read(capture::statuses)
    }

    /// What is known of a capture of the configuration; nothing before it recorded anything.
    pub(crate) fn captured_as(&self, capture: &Capture) -> Result<Option<CaptureStatus>> {
        self.inner.catalog.read(|rows| {
            let Some(tenant) = tenant_of(rows, capture)? else { return Ok(None) };
            let prefix = prefix_of(capture);
            Ok(capture::statuses(rows)?.into_iter().find(|status| (status.tenant, &status.prefix) == (tenant.id, &prefix)))
        })
    }

    /// How the store is now.
    pub fn status(&self) -> Result<Status> {
        let inner = &*self.inner;
        let (tenants, remotes, drafts, captures) = inner.catalog.read(|rows| {
            let tenants = tenants_of(rows)?;
            let mut drafts = 0;
            for tenant in &tenants {
                drafts += rows.drafts(tenant.id)?.len() as u64;
            }
            let statuses = tenants.iter().map(|t| tenant_status(inner, rows, t)).collect::<Result<Vec<_>>>()?;
            let remotes = inner.config.remotes.iter().map(|place| remote_status(inner, rows, &tenants, place)).collect::<Result<Vec<_>>>()?;
            let mut captures = capture::statuses(rows)?;
            for configured in &inner.config.captures {
                captures.extend(never_captured(rows, configured, &captures)?);
            }
            Ok((statuses, remotes, drafts, captures))
        })?;
        let mut unshipped = Unshipped::default();
        for tenant in &tenants {
            unshipped.add(&tenant.unshipped);
        }
        Ok(Status {
            site: inner.site,
            site_name: inner.config.store.site.clone(),
            now: inner.clock().now(),
            tenants,
            remotes,
            unshipped,
            stale_after_secs: inner.config.alert.stale_after_secs,
            drafts,
            erasure_left_here: self.erasure_left_here()?,
            disk_bytes: bytes_below(&inner.dir)?,
            quota_bytes: inner.config.store.quota_bytes,
            damaged: !self.damage()?.is_none(),
            lineage: self.lineage()?,
            captures,
            would_free: self.would_free()?,
            brakes: self.brakes()?,
        })
    }
}

/// Whose documents a capture makes; nobody's, where the configuration names a tenant that does not exist.
fn tenant_of(rows: &View<'_>, capture: &Capture) -> Result<Option<TenantRow>> {
    rows.tenant(capture.tenant.as_deref().unwrap_or(DEFAULT_TENANT))
}

/// A capture of the configuration that failed and never recorded anything, where it is none of the databases that are known.
fn never_captured(rows: &View<'_>, capture: &Capture, known: &[CaptureStatus]) -> Result<Option<CaptureStatus>> {
    let (tenant, prefix) = (tenant_of(rows, capture)?.map_or(0, |tenant| tenant.id), prefix_of(capture));
    let (None, Some(why)) = rows.last_captured(&capture.name)? else { return Ok(None) };
    // Jobs are forgotten in time, what they recorded is not.
    let is_known = known.iter().any(|status| (status.tenant, &status.prefix) == (tenant, &prefix));
    if is_known || !rows.documents(tenant, &parse_key(&prefix), None, 1)?.is_empty() {
        return Ok(None);
    }
    let source = match &capture.from {
        CaptureFrom::Folder { path, .. } | CaptureFrom::Sqlite { path, .. } => path.display().to_string(),
        #[cfg(feature = "postgres")]
        CaptureFrom::Postgres { url, .. } => crate::storage::source::postgres::place_of(url)?,
        #[cfg(not(feature = "postgres"))]
        CaptureFrom::Postgres { .. } => "PostgreSQL".to_owned(),
    };
    Ok(Some(CaptureStatus { tenant, source, prefix, rows: 0, behind: None, left_out: Vec::new(), waits: Some(why) }))
}

/// What the keys of a capture begin with, as people write it.
fn prefix_of(capture: &Capture) -> String {
    let prefix = parse_key(capture.prefix.as_deref().unwrap_or(&capture.name));
    show_key(prefix.strip_suffix(b"/").unwrap_or(&prefix)) + "/"
}

/// The last batch up to which as many remotes hold everything as the rules of the tenant ask for.
fn safe_to(inner: &Inner, rows: &View<'_>, tenant: &TenantRow) -> Result<u64> {
    let mut held = Vec::new();
    for place in inner.config.remotes.iter().filter(|p| allows(&inner.config, &tenant.name, &p.name, p.region.as_deref())) {
        held.push(rows.held_to(tenant.id, &place.name)?);
    }
    held.sort_unstable_by(|a, b| b.cmp(a));
    let copies = inner.config.tenants.get(&tenant.name).and_then(|rules| rules.copies_min).unwrap_or(1);
    // What the n-th best remote holds is held by n remotes.
    Ok(held.get(copies as usize - 1).copied().unwrap_or(0))
}

fn unshipped_of(inner: &Inner, rows: &View<'_>, tenant: &TenantRow) -> Result<Unshipped> {
    let tail = rows.tail_after(tenant.id, safe_to(inner, rows, tenant)?)?;
    Ok(Unshipped { batches: tail.batches, changes: tail.changes, bytes: tail.bytes, oldest: tail.oldest })
}

fn tenant_status(inner: &Inner, rows: &View<'_>, tenant: &TenantRow) -> Result<TenantStatus> {
    Ok(TenantStatus {
        name: tenant.name.clone(),
        public: tenant.public,
        position: tenant.position,
        documents: rows.documents_existing(tenant.id)?,
        unshipped: unshipped_of(inner, rows, tenant)?,
        dropped: rows.dropped(tenant.id)?.map(|dropped| (dropped.until, dropped.gone.is_some())),
    })
}

fn remote_status(inner: &Inner, rows: &View<'_>, tenants: &[TenantRow], place: &Place) -> Result<RemoteStatus> {
    let (mut held, mut last_shipped, mut pending) = (Vec::new(), None, Pending::default());
    for tenant in tenants.iter().filter(|t| allows(&inner.config, &t.name, &place.name, place.region.as_deref())) {
        let seq = rows.held_to(tenant.id, &place.name)?;
        let holding = rows.holding(&place.name, tenant.id)?;
        last_shipped = last_shipped.max(holding.newest);
        let behind = tenant.position.seq.saturating_sub(seq);
        let left = pending_at(rows, tenant.id, &place.name)?;
        pending = Pending { keys: pending.keys | left.keys, objects: pending.objects + left.objects };
        held.push(Held { tenant: tenant.name.clone(), seq, behind, objects: holding.objects });
    }
    let state = match last_shipped {
        None => RemoteState::Unused,
        Some(_) if held.iter().any(|h| h.behind > 0) => RemoteState::Behind,
        Some(_) => RemoteState::Current,
    };
    Ok(RemoteStatus { place: place.clone(), state, held, last_shipped, pending })
}

/// Bytes of all files below a directory. What vanishes meanwhile (a log that is folded in) counts as nothing.
fn bytes_below(dir: &Path) -> Result<u64> {
    let mut total = 0;
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries.map_err(|e| Error::io(format_args!("read {}", folder.display()), e))?,
        };
        for entry in entries.flatten() {
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => folders.push(entry.path()),
                Ok(meta) if meta.is_file() => total += meta.len(),
                _ => {}
            }
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::base::digest::Digest;
    use crate::base::time::ManualClock;
    use crate::engine::residency::Unplaceable;
    use crate::storage::catalog::segments::ObjectRow;

    fn store(dir: &Path, rules: &str, clock: &Arc<ManualClock>) -> Store {
        let path = dir.join("store");
        drop(Store::init(&path, "test").expect("init"));
        let text = fs::read_to_string(path.join("annals.toml")).expect("read");
        fs::write(path.join("annals.toml"), text + rules).expect("write");
        Store::builder().clock(clock.clone()).open(&path).expect("open")
    }

    fn ship(store: &Store, remote: &str, first: u64, last: u64) {
        let object = ObjectRow { slice: 0, part: 0, name: format!("{first}-{last}"), size: 1, digest: Digest::of(b"x") };
        let add = |w: &crate::storage::catalog::Writer<'_>| {
            if w.sealed(0)? < last {
                w.add_slice(0, first, last, std::slice::from_ref(&object))?;
            }
            w.add_held(remote, 0, &object.name, Timestamp(5))
        };
        store.inner.catalog.write(add).expect("held");
    }

    #[test]
    fn what_a_remote_holds_is_safe_and_the_rest_grows_old() {
        let dir = tempfile::tempdir().expect("dir");
        let clock = Arc::new(ManualClock::new(Timestamp(1_000_000_000_000_000)));
        let rules = "[alert]\nstale_after = \"4h\"\n[[remote]]\nname = \"usb\"\ndirectory = \"/usb\"\n";
        let store = store(dir.path(), rules, &clock);
        let seen = store.status().expect("status");
        assert_eq!((seen.unshipped, seen.remotes[0].state, seen.is_stale()), (Unshipped::default(), RemoteState::Unused, false));
        store.put("a", &b"12345"[..]).expect("put");
        store.put("b", &b"123"[..]).expect("put");
        clock.advance(4 * 3_600_000_000);
        let seen = store.status().expect("status");
        assert_eq!((seen.unshipped.batches, seen.unshipped.changes, seen.unshipped.bytes), (2, 2, 8));
        let lag = Lag { batches: 2, age_secs: 4 * 3600, allowed_secs: Some(4 * 3600), remotes: vec!["usb".into()] };
        assert_eq!((store.safety().expect("safety"), seen.safety()), (Safety::Waiting(lag.clone()), Safety::Waiting(lag)));
        assert_eq!((seen.unshipped_age_secs(), seen.is_stale()), (4 * 3600, false), "at the limit");
        clock.advance(1_000_000);
        assert!(store.status().expect("status").is_stale());
        assert!(matches!(store.safety().expect("safety"), Safety::Late(lag) if lag.batches == 2));
        ship(&store, "usb", 1, 1);
        let seen = store.status().expect("status");
        assert_eq!((seen.remotes[0].state, seen.remotes[0].held[0].seq, seen.remotes[0].behind()), (RemoteState::Behind, 1, 1));
        assert_eq!((seen.unshipped.batches, seen.unshipped.bytes), (1, 3));
        ship(&store, "usb", 2, 2);
        let seen = store.status().expect("status");
        assert_eq!((seen.remotes[0].state, seen.unshipped, seen.documents()), (RemoteState::Current, Unshipped::default(), 2));
        assert_eq!(store.safety().expect("safety"), Safety::Offsite { at: vec!["usb".into()], later: vec![] });
        assert!(seen.disk_bytes > 0);
    }

    #[test]
    fn a_tenant_that_wants_two_copies_is_safe_with_two() {
        let dir = tempfile::tempdir().expect("dir");
        let clock = Arc::new(ManualClock::new(Timestamp(1_000_000_000_000_000)));
        let remotes = "[[remote]]\nname = \"a\"\ndirectory = \"/a\"\n[[remote]]\nname = \"b\"\ndirectory = \"/b\"\n[tenant.main]\ncopies_min = 2\n";
        let store = store(dir.path(), remotes, &clock);
        store.put("a", &b"1"[..]).expect("put");
        ship(&store, "a", 1, 1);
        assert_eq!(store.status().expect("status").unshipped.batches, 1);
        ship(&store, "b", 1, 1);
        assert_eq!(store.status().expect("status").unshipped.batches, 0);
    }

    #[test]
    fn what_no_remote_may_have_waits_for_none() {
        let dir = tempfile::tempdir().expect("dir");
        let clock = Arc::new(ManualClock::new(Timestamp(1_000_000_000_000_000)));
        let rules =
            "[alert]\nstale_after = \"4h\"\n[[remote]]\nname = \"a\"\ndirectory = \"/a\"\nregion = \"us\"\n[tenant.main]\nregions = [\"no\"]\n";
        let store = store(dir.path(), rules, &clock);
        assert_eq!((store.safety().expect("safety"), store.unplaceable().expect("tenants")), (Safety::Empty, vec![]));
        store.put("a", &b"1"[..]).expect("put");
        let lag = Lag { batches: 1, age_secs: 0, allowed_secs: Some(4 * 3600), remotes: vec![] };
        assert_eq!((store.safety().expect("safety"), store.status().expect("status").safety()), (Safety::Late(lag.clone()), Safety::Late(lag)));
        assert_eq!(store.unplaceable().expect("tenants"), [Unplaceable { tenant: "main".into(), copies: 1, remotes: 0 }]);
    }
}
