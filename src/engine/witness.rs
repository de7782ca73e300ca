//! Witnesses of where a store was, kept apart from what a restore of its directory brings back: which files these are, on which machine,
//! and a file elsewhere with the positions of the last seal. A store that went back in time, or that is a copy, is noticed offline.
//!
//! What is found is a [`Fence`]: recording goes on, on a line of history of its own, and nothing is sealed or shipped until a realignment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use crate::base::digest::Digest;
use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::id::{SiteId, TimelineId};
use crate::base::machine::Machine;
use crate::base::random::Random;
use crate::base::time::Timestamp;
use crate::format::wire::TimelinePrefix;
use crate::model::lineage::{self, Place, Side, Standing, Verdict};
use crate::model::moment;
use crate::model::timeline::Position;
use crate::storage::catalog::tenants::TenantRow;
use crate::storage::catalog::{self, Catalog, View, Writer};

/// Fact: where the store was when it was last known to be the site, as [`Remembered`].
const PLACE: &str = "place";
/// Bytes: the largest witness file that is read: some thousand tenants.
const FILE_BYTES_MAX: u64 = 16 << 20;
const SCHEMA: &str = "annals.witness/1";
/// Microseconds after which a remote is looked at again although nothing here speaks against being its last writer.
const LOOK_EVERY_MICROS: i64 = 24 * 3_600_000_000;

/// Why nothing is shipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// What the comparison said.
    pub verdict: Verdict,
    /// Who said so: a remote by name, or `the witness file`, or `this machine`.
    pub witness: String,
    /// The last batch here when it was found.
    pub ours: u64,
    /// Its time in microseconds.
    pub ours_time: i64,
    /// The last batch that the witness knows of.
    pub theirs: u64,
    /// Its time in microseconds, where it is known.
    pub theirs_time: Option<i64>,
    /// The last batch known to be the same on both sides.
    pub common: u64,
    /// Where the other side was written, where it is known.
    pub place: Option<Place>,
    /// When it was found, in microseconds.
    pub found: i64,
}

impl Fence {
    /// The refusal.
    pub fn refusal(&self, tenant: &str) -> Error {
        let when = |micros: i64| moment::rfc3339_utc(Timestamp(micros));
        let there = self.theirs_time.map_or_else(String::new, |t| format!(" of {}", when(t)));
        let seen = self.theirs_time.map_or_else(|| "at an unknown time".into(), |t| format!("at {}", when(t)));
        let by = self.place.as_ref().map_or_else(String::new, |p| format!(", written on {}", p.words()));
        let (ours, theirs) = (format!("seq {} of {}", self.ours, when(self.ours_time)), format!("seq {}{there}{by}", self.theirs));
        let text = match self.verdict {
            Verdict::Clone if self.witness == MACHINE => {
                let place = self.place.clone().unwrap_or_default();
                format!("this directory is a copy of the store on {}, which was last seen there {seen}; here seq {}", place.words(), self.ours)
            }
            Verdict::Clone | Verdict::Forked => {
                format!("{tenant} has parted from {}: here {ours}, there {theirs}, the same up to seq {}", self.witness, self.common)
            }
            Verdict::Foreign => format!("{} holds {tenant} of another site: there {theirs}", self.witness),
            _ => format!("{tenant} is older than {} knows it: here {ours}, there {theirs}", self.witness),
        };
        let hint = match self.verdict {
            Verdict::Clone if self.witness == MACHINE => {
                "if the other one is gone or goes on as another site: annals realign --claim; recording here goes on meanwhile, nothing is shipped"
            }
            Verdict::Foreign => "name the remote of this site; nothing was shipped",
            _ => "annals realign shows what is missing and brings both into line; recording goes on meanwhile, nothing is shipped",
        };
        Error::new(Kind::Refused, self.verdict.code(), text).hint(hint).at_seq(self.ours)
    }
}

/// The witness that is the machine itself.
pub(crate) const MACHINE: &str = "this machine";
/// The witness that is the file in the state directory.
pub(crate) const FILE: &str = "the witness file";

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Remembered {
    place: Place,
    at: i64,
}

/// What held when a remote was last looked at.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Look {
    at: i64,
    machine: String,
    boot: String,
    file: String,
}

/// The witness file.
#[derive(Debug, Serialize, Deserialize)]
struct Witnessed {
    schema: String,
    site: String,
    place: Place,
    at: i64,
    tenants: Vec<WitnessedTenant>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WitnessedTenant {
    id: String,
    timeline: String,
    /// Sequence numbers and digests, the last batch first; see [`lineage::rungs`].
    ladder: Vec<(u64, String)>,
}

/// Where an open store stands.
pub(crate) struct Witness {
    site: SiteId,
    machine: Machine,
    here: Place,
    /// Set where this is a copy whose original may go on.
    copy_of: Mutex<Option<Remembered>>,
    file: Option<PathBuf>,
    /// Whether some tenant's next batch begins a line of its own.
    branching: AtomicBool,
}

fn fence_fact(tenant: i64) -> String {
    format!("fence {tenant}")
}

fn branch_fact(tenant: i64) -> String {
    format!("branch {tenant}")
}

fn lines_fact(tenant: i64) -> String {
    format!("lines {tenant}")
}

fn look_fact(remote: &str, tenant: i64) -> String {
    format!("look {remote} {tenant}")
}

fn json<T: for<'a> Deserialize<'a>>(bytes: Option<Vec<u8>>) -> Option<T> {
    // A fact of another version is as good as none: it is evidence, not history.
    serde_json::from_slice(&bytes?).ok()
}

fn text(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|e| Error::new(Kind::Failed, "lineage.write", format!("a witness cannot be written: {e}")))
}

impl Witness {
    /// Which start of the machine this is; empty where the system does not tell.
    pub(crate) fn boot(&self) -> &str {
        &self.machine.boot
    }

    /// Compares the store in `dir` with its witnesses, and notes where it is.
    pub(crate) fn open(dir: &Path, site: SiteId, catalog: &Catalog, machine: Machine, state: Option<&Path>, now: Timestamp) -> Result<Self> {
        let directory = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned()).display().to_string();
        let file = disk::identity(&dir.join("catalog.db"));
        let here = Place { machine: machine.id.clone(), host: machine.name.clone(), directory, file };
        let remembered: Option<Remembered> = json(catalog.read(|rows| rows.fact(PLACE))?);
        let lives = |place: &Place| !place.file.is_empty() && disk::identity(&Path::new(&place.directory).join("catalog.db")) == place.file;
        let standing = remembered.as_ref().map_or(Standing::Moved, |r| lineage::standing(&r.place, &here, lives(&r.place)));
        let copy_of = remembered.filter(|_| standing == Standing::Copied);
        if matches!(standing, Standing::Moved | Standing::Replaced) {
            catalog.write(|w| w.set_fact(PLACE, &text(&Remembered { place: here.clone(), at: now.micros() })?))?;
        }
        let state_name = || format!("{}-{}.json", &site.to_hex()[..16], Digest::of(here.directory.as_bytes()).short(16));
        let witness = Witness {
            site,
            file: state.map(|dir| dir.join(state_name())),
            machine,
            here,
            copy_of: Mutex::new(copy_of),
            branching: AtomicBool::new(false),
        };
        let branching = catalog.read(|rows| {
            let marked = rows.tenants()?.iter().map(|t| rows.fact(&branch_fact(t.id))).collect::<Result<Vec<_>>>()?;
            Ok(marked.iter().any(Option::is_some))
        })?;
        witness.branching.store(branching, Ordering::Release);
        Ok(witness)
    }

    /// Compares the logs with the witness file. What it says is fenced.
    pub(crate) fn check(&self, catalog: &Catalog, random: &dyn Random, now: Timestamp) -> Result<()> {
        let Some(seen) = self.read() else { return Ok(()) };
        for (told, ladder) in seen.tenants.iter().filter_map(|t| Some((t, ladder_of(t)?))) {
            let Some(row) = catalog.read(|rows| rows.tenants())?.into_iter().find(|row| row.public.to_hex() == told.id) else { continue };
            let Some((last, digest)) = ladder.first().copied() else { continue };
            let common = catalog.read(|rows| {
                let known = |seq| rows.digest_of_batch(catalog::id(row.id, seq)).ok().flatten();
                Ok(lineage::common(row.position.seq, &ladder, known))
            })?;
            let timeline = TimelineId::from_hex(&told.timeline).unwrap_or(row.position.timeline);
            let theirs = Position { timeline, seq: last, digest };
            let ours = Side { site: self.site, position: row.position, place: self.here.clone() };
            let verdict = lineage::judge(&ours, &Side { site: self.site, position: theirs, place: seen.place.clone() }, common);
            let fenced = catalog.read(|rows| fence(rows, row.id))?.is_some();
            if !verdict.may_ship() && !fenced {
                let found = Fence {
                    verdict,
                    witness: FILE.into(),
                    ours: row.position.seq,
                    ours_time: if row.position.seq == 0 { now.micros() } else { row.time.micros() },
                    theirs: last,
                    theirs_time: Some(seen.at),
                    common,
                    place: Some(seen.place.clone()),
                    found: now.micros(),
                };
                catalog.write(|w| self.raise(w, &row, &found, random))?;
            }
        }
        Ok(())
    }

    fn read(&self) -> Option<Witnessed> {
        let bytes = disk::read_file(self.file.as_ref()?, FILE_BYTES_MAX).ok()?;
        let seen: Witnessed = serde_json::from_slice(&bytes).ok()?;
        // One that cannot be read, or speaks of another site, is no evidence against this one.
        (seen.schema == SCHEMA && seen.site == self.site.to_hex()).then_some(seen)
    }

    /// Writes down where the logs end, here and in the witness file. Called when something was sealed, shipped or brought into line.
    pub(crate) fn note(&self, catalog: &Catalog, now: Timestamp) -> Result<()> {
        if self.copied().is_some() {
            return Ok(());
        }
        let remembered = Remembered { place: self.here.clone(), at: now.micros() };
        let tenants = catalog.write(|w| {
            w.set_fact(PLACE, &text(&remembered)?)?;
            let live = w.tenants()?.into_iter().filter(|t| !t.is_side());
            live.map(|t| Ok((fence(w, t.id)?.is_none(), told(w, &t)?))).collect::<Result<Vec<_>>>()
        })?;
        let Some(file) = &self.file else { return Ok(()) };
        if tenants.iter().any(|(clear, _)| !clear) {
            return Ok(());
        }
        let tenants = tenants.into_iter().map(|(_, told)| told).collect();
        let seen = Witnessed { schema: SCHEMA.into(), site: self.site.to_hex(), place: self.here.clone(), at: now.micros(), tenants };
        let written = file.parent().map_or(Ok(()), disk::create_dirs).and_then(|()| disk::write_file(file, &text(&seen)?, 0o600));
        match written {
            // It is one witness of several: where it cannot be written, the others remain, and no work fails over it.
            Err(e) if matches!(e.kind(), Kind::Denied | Kind::Space | Kind::Failed) => Ok(()),
            other => other,
        }
    }

    /// The original, where this is a copy.
    fn copied(&self) -> Option<Remembered> {
        self.copy_of.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }

    /// Why nothing of this tenant may be sealed or shipped, where there is a reason.
    pub(crate) fn fence(&self, rows: &View<'_>, row: &TenantRow) -> Result<Option<Fence>> {
        if let Some(original) = self.copied() {
            let shipped = rows.sealed(row.id)?;
            return Ok(Some(Fence {
                verdict: Verdict::Clone,
                witness: MACHINE.into(),
                ours: row.position.seq,
                ours_time: row.time.micros(),
                theirs: shipped,
                theirs_time: Some(original.at),
                common: shipped.min(row.position.seq),
                place: Some(original.place),
                found: original.at,
            }));
        }
        fence(rows, row.id)
    }

    /// Refuses where a tenant is fenced.
    pub(crate) fn pass(&self, catalog: &Catalog, tenant: i64) -> Result<()> {
        let (found, name) = catalog.read(|rows| {
            let row = rows.tenant_by_id(tenant)?;
            Ok((self.fence(rows, &row)?, row.name))
        })?;
        found.map_or(Ok(()), |fence| Err(fence.refusal(&name)))
    }

    /// Fences a tenant. What was recorded here after the last common batch becomes a line of its own, and so will what is recorded from now on.
    pub(crate) fn raise(&self, w: &Writer<'_>, row: &TenantRow, found: &Fence, random: &dyn Random) -> Result<()> {
        let fact = fence_fact(row.id);
        let provisional = w.fact(&fact)?.is_some();
        w.set_fact(&fact, &text(found)?)?;
        if found.verdict == Verdict::Foreign || provisional {
            return Ok(());
        }
        if row.position.seq > found.common {
            return self.part(w, row, found.common, false, random);
        }
        self.branch(w, row.id)
    }

    /// Puts what was recorded after batch `common` on a line of its own; slices that reach beyond it are sealed anew when they may be. Where the
    /// line is `provisional`, because nothing of it was ever shipped, the new one branches off what it branched off.
    pub(crate) fn part(&self, w: &Writer<'_>, row: &TenantRow, common: u64, provisional: bool, random: &dyn Random) -> Result<()> {
        let digest = w.digest_of_batch(catalog::id(row.id, common))?;
        let timeline = match row.parent {
            Some(parent) if provisional || common <= parent.seq => parent.timeline,
            _ => row.position.timeline,
        };
        let parent = digest.map(|digest| Position { timeline, seq: common, digest });
        w.forget_slices_after(row.id, common)?;
        w.set_tenant_timeline(row.id, self.machine.new_line(random), parent.as_ref())
    }

    /// The next batch that is recorded begins a line of its own: others may go on from where the log ends now.
    pub(crate) fn branch(&self, w: &Writer<'_>, tenant: i64) -> Result<()> {
        w.set_fact(&branch_fact(tenant), b"")?;
        self.branching.store(true, Ordering::Release);
        Ok(())
    }

    /// Begins the line of its own, where the batch that is about to be recorded is to have one.
    pub(crate) fn begin_line(&self, w: &Writer<'_>, row: &mut TenantRow, random: &dyn Random) -> Result<()> {
        if !self.branching.load(Ordering::Acquire) || w.fact(&branch_fact(row.id))?.is_none() {
            return Ok(());
        }
        let parent = (row.position.seq > 0).then_some(row.position);
        let timeline = self.machine.new_line(random);
        w.set_tenant_timeline(row.id, timeline, parent.as_ref())?;
        w.remove_fact(&branch_fact(row.id))?;
        (row.position.timeline, row.parent) = (timeline, parent);
        Ok(())
    }

    /// Takes the fence of a tenant down.
    pub(crate) fn lower(&self, w: &Writer<'_>, tenant: i64) -> Result<()> {
        w.remove_fact(&fence_fact(tenant))
    }

    /// Takes the fence of a tenant down that was only behind and has caught up.
    pub(crate) fn caught_up(&self, w: &Writer<'_>, tenant: i64) -> Result<()> {
        let end = w.tenant_by_id(tenant)?.position.seq;
        match fence(w, tenant)? {
            Some(f) if matches!(f.verdict, Verdict::BehindClean | Verdict::Amnesia) && end >= f.theirs => self.lower(w, tenant),
            _ => Ok(()),
        }
    }

    /// Takes it that this copy is the site from now on: what it records next is a line of its own, and so is what no slice holds yet.
    pub(crate) fn claim(&self, catalog: &Catalog, random: &dyn Random, now: Timestamp) -> Result<()> {
        catalog.write(|w| {
            w.set_fact(PLACE, &text(&Remembered { place: self.here.clone(), at: now.micros() })?)?;
            for row in w.tenants()?.iter().filter(|t| !t.is_side()) {
                let sealed = w.sealed(row.id)?;
                if row.position.seq > sealed {
                    self.part(w, row, sealed, false, random)?;
                } else {
                    self.branch(w, row.id)?;
                }
            }
            Ok(())
        })?;
        *self.copy_of.lock().unwrap_or_else(|e| e.into_inner()) = None;
        Ok(())
    }

    /// Whether a remote must be looked at before something is shipped there: nothing here proves that we were its last writer.
    pub(crate) fn must_look(&self, rows: &View<'_>, remote: &str, tenant: i64, now: Timestamp) -> Result<bool> {
        let last: Option<Look> = json(rows.fact(&look_fact(remote, tenant))?);
        let doubtful = rows.fact(catalog::LOG_CUT)?.is_some() || !rows.remote_used(remote)?;
        Ok(doubtful
            || last.is_none_or(|look| {
                let age = now.micros() - look.at;
                let same = look == Look { at: look.at, ..self.look(now) };
                !same || self.machine.boot.is_empty() || !(0..LOOK_EVERY_MICROS).contains(&age)
            }))
    }

    fn look(&self, now: Timestamp) -> Look {
        Look { at: now.micros(), machine: self.machine.id.clone(), boot: self.machine.boot.clone(), file: self.here.file.clone() }
    }

    /// Notes that a remote was looked at and agrees.
    pub(crate) fn note_look(&self, w: &Writer<'_>, remote: &str, tenant: i64, now: Timestamp) -> Result<()> {
        w.set_fact(&look_fact(remote, tenant), &text(&self.look(now))?)
    }

    /// A fresh id for a line of history that begins here.
    pub(crate) fn new_line(&self, random: &dyn Random) -> TimelineId {
        self.machine.new_line(random)
    }

    /// The site, and where it is.
    pub(crate) fn side(&self, position: Position) -> Side {
        Side { site: self.site, position, place: self.here.clone() }
    }
}

/// The fence of a tenant that stands in the catalogue.
fn fence(rows: &View<'_>, tenant: i64) -> Result<Option<Fence>> {
    Ok(json(rows.fact(&fence_fact(tenant))?))
}

/// Other lines of history that remotes hold and that were left aside: the first half of their ids, and how far they reached then.
pub(crate) fn known_lines(rows: &View<'_>, tenant: i64) -> Result<BTreeMap<TimelinePrefix, u64>> {
    let bytes = rows.fact(&lines_fact(tenant))?.unwrap_or_default();
    let (entries, _) = bytes.as_chunks::<16>();
    let half = |entry: &[u8; 16], at: usize| entry[at..at + 8].try_into().unwrap_or_default();
    Ok(entries.iter().map(|entry| (half(entry, 0), u64::from_be_bytes(half(entry, 8)))).collect())
}

/// Notes lines that were left aside.
pub(crate) fn know_lines(w: &Writer<'_>, tenant: i64, lines: impl IntoIterator<Item = (TimelinePrefix, u64)>) -> Result<()> {
    let mut known = known_lines(w, tenant)?;
    for (line, last) in lines {
        let reach = known.entry(line).or_default();
        *reach = last.max(*reach);
    }
    let bytes: Vec<u8> = known.iter().flat_map(|(line, last)| [*line, last.to_be_bytes()].concat()).collect();
    w.set_fact(&lines_fact(tenant), &bytes)
}

fn told(rows: &View<'_>, row: &TenantRow) -> Result<WitnessedTenant> {
    let rung = |seq| Ok(rows.digest_of_batch(catalog::id(row.id, seq))?.map(|digest| (seq, digest.to_hex())));
    let ladder = lineage::rungs(row.position.seq).into_iter().map(rung).collect::<Result<Vec<_>>>()?;
    Ok(WitnessedTenant { id: row.public.to_hex(), timeline: row.position.timeline.to_hex(), ladder: ladder.into_iter().flatten().collect() })
}

fn ladder_of(told: &WitnessedTenant) -> Option<Vec<(u64, Digest)>> {
    told.ladder.iter().map(|(seq, digest)| Some((*seq, Digest::from_hex(digest).ok()?))).collect()
}
