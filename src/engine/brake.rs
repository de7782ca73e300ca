//! The brake: where most documents of a tenant are rewritten or removed within a short time, somebody may be destroying them. Then the state
//! before gets a mark, which retention keeps, and nothing is forgotten, compacted or let go until a person has looked and lifts the brake.
//!
//! Recording and shipping go on: history is append-only, so what was before is there, here and offsite.

use std::sync::PoisonError;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Kind, Result};
use crate::base::time::Timestamp;
use crate::model::change::Change;
use crate::model::moment;
use crate::storage::catalog::tenants::TenantRow;
use crate::storage::catalog::{self, View as Rows};

use super::plans::By;
use super::record::Receipt;
use super::store::{Inner, Store};

/// Seconds that are looked at together.
pub const WINDOW_SECS: u64 = 30 * 60;
/// Documents below which nothing is a mass change: people do change a folder at once.
pub const DOCUMENTS_MIN: u64 = 100;
/// Per cent of the documents that were there before.
pub const SHARE_PERCENT: u64 = 50;
/// What facts about brakes begin with; then comes the tenant's id.
const BRAKE: &str = "brake ";

/// A mass change that was noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brake {
    /// The tenant by name.
    pub tenant: String,
    /// When it was noticed, microseconds since 1970.
    pub at: i64,
    /// The last batch before it.
    pub before: u64,
    /// Documents that were there and were rewritten or removed.
    pub changed: u64,
    /// Documents that were there.
    pub documents: u64,
    /// The mark of the state before.
    pub mark: String,
}

impl Brake {
    /// What happened, in a sentence.
    pub fn said(&self) -> String {
        format!(
            "{} of {} documents of {} were rewritten or removed within {} minutes; nothing is forgotten or taken off remotes until a person lifts the \
             brake, and mark {} has the state before",
            self.changed,
            self.documents,
            self.tenant,
            WINDOW_SECS / 60,
            self.mark
        )
    }
}

#[derive(Serialize, Deserialize)]
struct Note {
    brake: Brake,
    /// Where a person lifted it: the last batch that was looked at.
    lifted: Option<u64>,
}

fn fact_of(row: &TenantRow) -> String {
    format!("{BRAKE}{}", row.public.to_hex())
}

fn read(bytes: &[u8]) -> Result<Note> {
    serde_json::from_slice(bytes).map_err(|_| Error::damaged("a note about a mass change"))
}

fn text(note: &Note) -> Result<Vec<u8>> {
    serde_json::to_vec(note).map_err(|e| Error::new(Kind::Failed, "brake.note", e.to_string()))
}

/// The brakes that are on.
pub(crate) fn brakes(rows: &Rows<'_>) -> Result<Vec<Brake>> {
    let notes = rows.facts(BRAKE)?.iter().map(|(_, bytes)| read(bytes)).collect::<Result<Vec<_>>>()?;
    Ok(notes.into_iter().filter(|note| note.lifted.is_none()).map(|note| note.brake).collect())
}

/// Refuses what takes something away while a brake is on.
///
/// # Errors
/// [`Kind::Refused`] (code `brake.on`).
pub(crate) fn check_brake(inner: &Inner) -> Result<()> {
    let Some(brake) = inner.catalog.read(brakes)?.into_iter().next() else { return Ok(()) };
    Err(Error::new(Kind::Refused, "brake.on", format!("the brake is on: {}", brake.said())).hint(format!(
        "look what happened; annals rollback brings back mark:{}, annals brake lift {} lets rules work again",
        brake.mark, brake.tenant
    )))
}

impl Store {
    /// The brakes that are on, by tenant.
    pub fn brakes(&self) -> Result<Vec<Brake>> {
        self.inner.catalog.read(brakes)
    }

    /// Looks whether most documents of a tenant were rewritten or removed a short time ago, and puts the brake on where they were. What was
    /// undone, rolled back or restored does not count. Gives what was noticed now.
    pub fn look_for_mass_change(&self) -> Result<Vec<Brake>> {
        let mut found = Vec::new();
        for tenant in self.tenants()? {
            if let Some(brake) = tenant.inner.catalog.read(|rows| mass_change(&tenant.inner, rows, tenant.id))? {
                let reason =
                    format!("{} of {} documents were rewritten or removed within {} minutes", brake.changed, brake.documents, WINDOW_SECS / 60);
                let row = tenant.inner.catalog.read(|rows| rows.tenant_by_id(tenant.id))?;
                let mut batch = tenant.batch(&reason).actor("annals agent").origin("annals agent");
                batch.mark_at(&brake.mark, brake.before)?;
                batch.fact(&fact_of(&row), text(&Note { brake: brake.clone(), lifted: None })?).commit()?;
                found.push(brake);
            }
        }
        Ok(found)
    }

    /// Lifts the brake of a tenant, with a reason. What happened until now is not looked at again.
    ///
    /// # Errors
    /// [`Kind::Usage`] without a reason; [`Kind::Missing`] where no brake is on.
    pub fn lift_brake(&self, tenant: &str, by: &By) -> Result<(Brake, Receipt)> {
        self.lift_brake_once(tenant, by, "")
    }

    /// Like [`Store::lift_brake`], under a request id: asked for again under the same one, it gives the receipt of the first time.
    ///
    /// # Errors
    /// As [`Store::lift_brake`]; [`Kind::Refused`] where the id was used for something else.
    pub fn lift_brake_once(&self, tenant: &str, by: &By, request: &str) -> Result<(Brake, Receipt)> {
        if by.reason.trim().is_empty() {
            return Err(Error::usage("brake.reason", "lifting the brake needs a reason").hint("say why: --reason \"the price import of Monday\""));
        }
        let tenant = self.tenant_or_dropped(tenant)?;
        let row = tenant.inner.catalog.read(|rows| rows.tenant_by_id(tenant.id))?;
        let note = tenant.inner.catalog.read(|rows| rows.fact(&fact_of(&row)))?.map(|bytes| read(&bytes)).transpose()?;
        if let Some(Note { brake, .. }) = &note
            && let Some(receipt) =
                tenant.recorded(request, |change| matches!(change, Change::MarkAt { name, .. } if name.starts_with("after-mass-change-")))?
        {
            return Ok((brake.clone(), receipt));
        }
        let Some(Note { brake, .. }) = note.filter(|note| note.lifted.is_none()) else {
            let text = format!("no brake is on for {}", tenant.name());
            return Err(Error::missing("brake.missing", text).hint("annals brake ls shows those that are on"));
        };
        let lifted = Note { brake: brake.clone(), lifted: Some(row.position.seq) };
        let mut batch = tenant.batch(&by.reason).actor(&by.actor).origin(&by.origin).request_id(request).expect(row.position);
        batch.mark_at(&mark_name("after", self.now_is()), row.position.seq)?;
        let receipt = batch.fact(&fact_of(&row), text(&lifted)?).commit()?;
        Ok((brake, receipt))
    }
}

/// `before-mass-change-2026-11-25T12-00`, in UTC.
fn mark_name(side: &str, now: Timestamp) -> String {
    let minute: String = moment::rfc3339_utc(now).chars().take(16).collect();
    format!("{side}-mass-change-{}", minute.replace(':', "-"))
}

fn mass_change(inner: &Inner, rows: &Rows<'_>, tenant: i64) -> Result<Option<Brake>> {
    let row = rows.tenant_by_id(tenant)?;
    // What lies further back only leaves the window: where nothing was recorded since, there is nothing new to see.
    let calm = || inner.calm.lock().unwrap_or_else(PoisonError::into_inner);
    if calm().get(&tenant) == Some(&row.position) {
        return Ok(None);
    }
    let position = row.position;
    let found = mass_change_until(inner, rows, tenant, row)?;
    if found.is_none() {
        calm().insert(tenant, position);
    }
    Ok(found)
}

fn mass_change_until(inner: &Inner, rows: &Rows<'_>, tenant: i64, row: TenantRow) -> Result<Option<Brake>> {
    let now = inner.clock().now();
    let window = i64::try_from(WINDOW_SECS).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    let note = rows.fact(&fact_of(&row))?.map(|bytes| read(&bytes)).transpose()?;
    let looked_at = match note {
        Some(Note { lifted: None, .. }) => return Ok(None),
        Some(Note { lifted: Some(seq), .. }) => seq,
        None => 0,
    };
    let before = rows.seq_at_time(tenant, Timestamp(now.micros().saturating_sub(window)))?.max(looked_at);
    let (first, last) = (catalog::id(tenant, before + 1), catalog::id(tenant, row.position.seq));
    if rows.changes_recorded(first, last)? < DOCUMENTS_MIN {
        return Ok(None);
    }
    let numbered = rows.batch(catalog::id(tenant, before))?.map_or(0, |batch| batch.numbered.0);
    let touched = rows.touched(first, last, catalog::id(tenant, numbered))?;
    if touched.old < DOCUMENTS_MIN {
        return Ok(None);
    }
    // This is asked at every turn of the agent: a large tenant is counted only as far as decides.
    let most = touched.old.saturating_mul(100) / SHARE_PERCENT;
    let existing_most = (most + touched.new_existing).saturating_sub(touched.old_removed);
    let existing = rows.documents_existing_to(tenant, numbered, existing_most + 1)?;
    if existing > existing_most {
        return Ok(None);
    }
    let documents = (existing + touched.old_removed).saturating_sub(touched.new_existing);
    let mark = mark_name("before", now);
    Ok(Some(Brake { tenant: row.name, at: now.micros(), before, changed: touched.old, documents: documents.max(touched.old), mark }))
}
