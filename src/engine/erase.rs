//! Erasure by law: the key of a subject is destroyed, the bytes of its documents are given up everywhere, and a tombstone stays.
//!
//! Plan, show, apply. One transaction records the batch with the tombstone, gives up the contents, takes the documents away and destroys the
//! key; that is the commit point. What lies around afterwards (chunks that nothing names, pages of the catalogue, open batches, lines that were
//! left, sealed objects that wait) is a task that the same transaction notes, and that is done to its end by whoever comes next. The remotes get
//! new key objects at the next shipment; see `engine::boxes`.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::limits::PLAN_BYTES_MAX;
use crate::base::monitor::Monitor;
use crate::format::cipher::SecretKey;
use crate::format::keyfile::subjects::{Tombstone, key_id, subject_digest};
use crate::model::change::Change;
use crate::model::key::{parse_key, show_key};
use crate::model::subject;
use crate::model::timeline::Position;
use crate::storage::catalog::View as Rows;

use super::brake::check_brake;
use super::hold::Holds;
use super::plans::By;
use super::record::Receipt;
use super::remains::{going, objects_with, pending_at, swept};
use super::residency::allows;
use super::store::{Store, Tenant};

/// What erasing a subject would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasePlan {
    /// The tenant by name.
    pub tenant: String,
    /// The subject: the part of keys of documents that names it.
    pub subject: Vec<u8>,
    /// Where the log ended.
    pub position: Position,
    /// Documents that belong to it, also removed ones.
    pub documents: u64,
    /// Of them, those that exist now and will not any more.
    pub existing: u64,
    /// Contents whose bytes go.
    pub contents: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of them, those that were recorded before the prefix was declared erasable: segments hold them in no box of the subject, so destroying its
    /// key does not make them unreadable there. They leave the remotes with the next compaction.
    pub bare: u64,
    /// Contents that stay with documents outside, which have the same bytes; and the first of those documents.
    pub shared: u64,
    /// See `shared`.
    pub outside: Vec<String>,
    /// Changes of open batches that go.
    pub drafts: u64,
    /// Each remote with how many of its objects hold contents in no box.
    pub remotes: Vec<(String, u64)>,
    /// Captures of the configuration that would record the documents again if their source still has them.
    pub sources: Vec<String>,
    numbers: Vec<u64>,
    removed: Vec<Vec<u8>>,
}

/// The schema line of a saved plan.
const PLAN_SCHEMA: &str = "annals.erase.plan/1";

/// A plan as it is saved: it is made again from this when it is carried out, and refused where that would be another one.
#[derive(serde::Serialize, serde::Deserialize)]
struct Saved {
    schema: String,
    tenant: String,
    subject: String,
    timeline: String,
    seq: u64,
    digest: String,
}

impl ErasePlan {
    /// Saves the plan in a file that only its owner can read, to be looked at and carried out later, maybe by somebody else.
    pub fn save(&self, path: &Path) -> Result<()> {
        let (subject, at) = (show_key(&self.subject), self.position);
        let (timeline, digest) = (at.timeline.to_hex(), at.digest.to_hex());
        let saved = Saved { schema: PLAN_SCHEMA.to_owned(), tenant: self.tenant.clone(), subject, timeline, seq: at.seq, digest };
        let text = serde_json::to_vec_pretty(&saved).map_err(|e| Error::new(Kind::Failed, "plan.save", e.to_string()))?;
        disk::write_file(path, &text, 0o600)
    }
}

/// A plan that was saved, by the names of its tenant and its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedErasure {
    /// The tenant.
    pub tenant: String,
    subject: Vec<u8>,
    position: (String, u64, String),
}

impl SavedErasure {
    /// Reads a file that [`ErasePlan::save`] wrote; nothing where it is a plan of another kind, or none.
    pub fn load(path: &Path) -> Result<Option<Self>> {
        if !path.is_file() {
            return Ok(None);
        }
        let Ok(saved) = serde_json::from_slice::<Saved>(&disk::read_file(path, PLAN_BYTES_MAX)?) else { return Ok(None) };
        if saved.schema != PLAN_SCHEMA {
            return Ok(None);
        }
        let position = (saved.timeline, saved.seq, saved.digest);
        Ok(Some(SavedErasure { tenant: saved.tenant, subject: parse_key(&saved.subject), position }))
    }
}

/// What was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// The batch with the tombstone.
    pub receipt: Receipt,
    /// Contents whose bytes went.
    pub contents: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Why something of them still lies around on this machine, nothing where all of it is gone.
    pub left_here: Option<String>,
}

/// What is left of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grave {
    /// The tombstone.
    pub tombstone: Tombstone,
    /// Remotes that still have its key or contents in no box.
    pub pending: Vec<String>,
}

impl Tenant {
    /// Plans to erase a subject: everything that was ever recorded of its documents.
    ///
    /// # Errors
    /// [`Kind::Refused`] where a hold is over one of its documents (code `rule.held`), or where its prefix is not declared erasable.
    pub fn plan_erase(&self, name: impl AsRef<[u8]>) -> Result<ErasePlan> {
        let name = name.as_ref();
        let name = name.strip_suffix(b"/").unwrap_or(name);
        let inner = &*self.inner;
        inner.catalog.read(|rows| {
            if rows.tenant_by_id(self.id)?.is_side() {
                let text = format!("{} is a line of history that was left; it is only read", self.name());
                return Err(Error::new(Kind::Refused, "line.left", text).hint("erase in the tenant itself: what the line has of it goes too"));
            }
            self.check_subject(rows, name)?;
            let position = rows.tenant_by_id(self.id)?.position;
            let documents = rows.documents_of_subject(self.id, name)?;
            if documents.is_empty() {
                let text = format!("there never was a document of {}", show_key(name));
                return Err(Error::missing("document.missing", text).hint("annals ls shows the documents"));
            }
            let holds = Holds::read(rows, self.id, inner.clock().now())?;
            if let Some((key, hold)) = documents.iter().find_map(|(_, key)| Some((key, holds.over(key)?))) {
                let text = format!("{} is under the hold {hold}, so nothing of {} is erased", show_key(key), show_key(name));
                return Err(Error::new(Kind::Refused, "rule.held", text)
                    .hint(format!("holds win; annals hold lift '{hold}' ends it, when it may end"))
                    .at_key(key));
            }
            let found = going(rows, self.id, name, &documents)?;
            let mut plan = ErasePlan {
                tenant: self.name().to_owned(),
                subject: name.to_vec(),
                position,
                documents: documents.len() as u64,
                existing: 0,
                contents: found.numbers.len() as u64,
                bytes: found.bytes,
                bare: found.bare,
                shared: found.shared,
                outside: found.outside,
                drafts: draft_changes(rows, self.id, name)?,
                remotes: Vec::new(),
                sources: self.sources_over(name),
                numbers: found.numbers,
                removed: Vec::new(),
            };
            for (id, key) in documents {
                if rows.document_by_id(id)?.is_some_and(|document| document.content.is_some()) {
                    plan.removed.push(key);
                }
            }
            plan.existing = plan.removed.len() as u64;
            let bare: HashSet<u64> = plan.numbers.iter().copied().collect();
            for place in inner.config.remotes.iter().filter(|p| allows(&inner.config, self.name(), &p.name, p.region.as_deref())) {
                let objects = if plan.bare == 0 { 0 } else { objects_with(rows, self.id, &place.name, &|n| bare.contains(&n), false)? };
                plan.remotes.push((place.name.clone(), objects));
            }
            Ok(plan)
        })
    }

    /// The plan that was saved, where it still is the same.
    ///
    /// # Errors
    /// [`Kind::Refused`] (code `plan.stale`) where anything was recorded since.
    pub fn saved_erasure(&self, saved: &SavedErasure) -> Result<ErasePlan> {
        if saved.tenant != self.name() {
            return Err(Error::new(Kind::Refused, "plan.tenant", format!("the plan is for tenant {}, not {}", saved.tenant, self.name())));
        }
        let plan = self.plan_erase(&saved.subject)?;
        let at = plan.position;
        if (at.timeline.to_hex(), at.seq, at.digest.to_hex()) != saved.position {
            let text = format!("the plan was made at seq {}, the log is now at seq {}", saved.position.1, at.seq);
            return Err(Error::new(Kind::Refused, "plan.stale", text)
                .hint("make the plan again and look at it again; nothing was changed")
                .at_seq(at.seq));
        }
        Ok(plan)
    }

    /// Refuses what is no subject, saying what would be one.
    fn check_subject(&self, rows: &Rows<'_>, name: &[u8]) -> Result<()> {
        let erasable = &self.inner.config.erasable;
        match erasable.subject_of(name) {
            Some(subject) if subject == name => return Ok(()),
            Some(subject) => {
                let text = format!("{} is a part of {}, and a subject is erased as a whole", show_key(name), show_key(subject));
                return Err(Error::usage("erase.part", text).hint(format!("annals erase {}", show_key(subject))));
            }
            None => {}
        }
        // What was recorded while the prefix was declared can be erased also when it is not any more.
        if !name.is_empty() && rows.subject_called(self.id, name)?.is_some() {
            return Ok(());
        }
        let declared: Vec<String> = erasable.prefixes().map(show_key).collect();
        let text = match declared.is_empty() {
            true => "no prefix is declared erasable".to_owned(),
            false => format!("{} is not under a prefix that is declared erasable ({})", show_key(name), declared.join(", ")),
        };
        let folder = name.iter().rposition(|b| *b == b'/').and_then(|at| name.get(..=at)).map_or_else(|| "person/".to_owned(), show_key);
        Err(Error::new(Kind::Refused, "erase.undeclared", text).hint(format!(
            "write prefixes = [\"{folder}\"] under [erasable] in annals.toml: the part of a key after it is then a subject with a key of its own; \
             what was recorded before is erased too, but leaves the remotes only when annals compact has sealed it again"
        )))
    }

    /// Captures that record documents of a subject.
    fn sources_over(&self, name: &[u8]) -> Vec<String> {
        let below = [name, b"/"].concat();
        let over = |prefix: &str| name.starts_with(prefix.as_bytes()) || prefix.as_bytes().starts_with(&below);
        let captures = self.inner.config.captures.iter();
        captures.filter(|c| over(&c.prefix.clone().unwrap_or_else(|| format!("{}/", c.name)))).map(|c| c.name.clone()).collect()
    }

    /// Carries a plan out. When this returns, the subject's key and bytes are gone from the catalogue, durably; what lies around on this machine
    /// is removed too, and where that does not succeed at once the report says why, and the next [`Store::gc`] or shipment goes on with it.
    ///
    /// # Errors
    /// [`Kind::Refused`] where the log has moved since the plan was made (code `plan.stale`), or the brake is on (`brake.on`).
    pub fn erase(&self, plan: &ErasePlan, by: &By, monitor: &dyn Monitor) -> Result<Erased> {
        self.erase_once(plan, by, "", monitor)
    }

    /// What came of an erasure of `subject` that was asked for under this request id before. Nothing more goes by that but what was left.
    ///
    /// # Errors
    /// [`Kind::Refused`] where the id was used for something else.
    pub fn erased_before(&self, subject: impl AsRef<[u8]>, request: &str, monitor: &dyn Monitor) -> Result<Option<Erased>> {
        let subject = subject.as_ref();
        let digest = subject_digest(&self.key()?, subject.strip_suffix(b"/").unwrap_or(subject));
        let receipt = self.recorded(request, |change| matches!(change, Change::Erase { subject, .. } if *subject == digest))?;
        receipt.map(|receipt| Ok(Erased { receipt, contents: 0, bytes: 0, left_here: self.sweep_here(monitor)? })).transpose()
    }

    /// Removes what lies around on this machine of subjects that were erased; why that did not succeed, where it did not.
    fn sweep_here(&self, monitor: &dyn Monitor) -> Result<Option<String>> {
        match (Store { inner: self.inner.clone(), main: self.clone() }).finish_erasures(monitor) {
            Ok(_) => Ok(None),
            Err(e) if e.kind() == Kind::Interrupted => Err(e),
            Err(e) => Ok(Some(e.to_string())),
        }
    }

    /// Like [`Tenant::erase`], under a request id that [`Tenant::erased_before`] knows from then on.
    ///
    /// # Errors
    /// As [`Tenant::erase`].
    pub fn erase_once(&self, plan: &ErasePlan, by: &By, request: &str, monitor: &dyn Monitor) -> Result<Erased> {
        if plan.tenant != self.name() {
            return Err(Error::new(Kind::Refused, "plan.tenant", format!("the plan is for tenant {}, not {}", plan.tenant, self.name())));
        }
        let inner = &*self.inner;
        check_brake(inner)?;
        let receipt = {
            // What is being sealed now was looked at before: it must not lose its bytes on the way.
            let _sealing = inner.sealing.lock().unwrap_or_else(|e| e.into_inner());
            let digest = subject_digest(&self.key()?, &plan.subject);
            let subjects = inner.catalog.write(|w| w.subjects_to_erase(self.id, &plan.subject, || SecretKey::new(inner.random())))?;
            let reason = if by.reason.is_empty() { "erased" } else { &by.reason };
            let mut batch = self.batch(reason).actor(&by.actor).origin(&by.origin).request_id(request).expect(plan.position);
            let mut left: Vec<u64> = plan.numbers.clone();
            for (place, (subject, key)) in subjects.iter().enumerate() {
                let own: HashSet<u64> = inner.catalog.read(|rows| rows.contents_of_subject(self.id, *subject))?.into_iter().collect();
                // What belongs to no subject goes with the last.
                let (contents, others): (Vec<u64>, Vec<u64>) = match place + 1 == subjects.len() {
                    true => (std::mem::take(&mut left), Vec::new()),
                    false => left.iter().partition(|n| own.contains(n)),
                };
                left = others;
                batch.other(Change::Erase { subject: digest, key: key_id(key), contents })?;
            }
            plan.removed.iter().try_for_each(|key| batch.remove(key))?;
            batch.commit()?
        };
        Ok(Erased { receipt, contents: plan.contents, bytes: plan.bytes, left_here: self.sweep_here(monitor)? })
    }

    /// The subjects that were erased, oldest first.
    pub fn graves(&self) -> Result<Vec<Grave>> {
        let inner = &*self.inner;
        inner.catalog.read(|rows| {
            let mut pending = BTreeMap::new();
            for place in inner.config.remotes.iter().filter(|p| allows(&inner.config, self.name(), &p.name, p.region.as_deref())) {
                if !pending_at(rows, self.id, &place.name)?.is_none() {
                    pending.insert(place.name.clone(), rows.fact_number(&swept(&place.name, self.id))?);
                }
            }
            let mut all = rows.tombstones(self.id)?;
            all.sort_by_key(|t| (t.time, t.seq));
            let grave = |(at, tombstone): (usize, Tombstone)| {
                // Those that came after the last sweep, and those of which contents lie in no box.
                let waits = |swept: u64| at as u64 >= swept || !tombstone.contents.is_empty();
                let pending = pending.iter().filter(|(_, swept)| waits(**swept)).map(|(name, _)| name.clone()).collect();
                Grave { tombstone, pending }
            };
            Ok(all.into_iter().enumerate().map(grave).collect())
        })
    }
}

fn draft_changes(rows: &Rows<'_>, tenant: i64, name: &[u8]) -> Result<u64> {
    let mut count = 0;
    for draft in rows.drafts(tenant)? {
        count += rows.draft_changes(draft.id)?.iter().filter(|change| subject::is_of(name, &change.key)).count() as u64;
    }
    Ok(count)
}
