//! Tenants that are dropped: nothing is recorded to them and nobody reads them, but until a date they can be brought back as they were. After it
//! their bytes are given up for good; what is recorded of them stays, as with everything that is forgotten.
//!
//! Dropping, bringing back and giving up are records of the log, so a rebuilt store knows of them too.

use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::base::time::Timestamp;
use crate::model::change::{Change, Tenancy};
use crate::model::key::DEFAULT_TENANT;
use crate::model::moment::{self, duration_text};
use crate::storage::catalog::View as Rows;
use crate::storage::catalog::keeping::DroppedRow;
use crate::storage::catalog::tenants::TenantRow;

use super::brake::check_brake;
use super::forget::{CONTENTS_PER_BATCH, FORGOT};
use super::history::{Event, event};
use super::hold::Holds;
use super::plans::By;
use super::record::Receipt;
use super::residency::allows;
use super::store::{Inner, Store, Tenant, dropped_error};

/// Seconds that a dropped tenant is kept where neither the command nor the configuration says how long.
pub const KEEP_SECS: u64 = 30 * 86_400;

/// A tenant that was dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The name people use.
    pub tenant: String,
    /// Until then it can be brought back for sure.
    pub until: Timestamp,
    /// Who dropped it, when and why.
    pub by: Event,
    /// Since when its bytes are given up.
    pub gone: Option<Event>,
    /// Why its bytes are still there although the time is over.
    pub waits: Option<String>,
}

/// What was let go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LetGo {
    /// Tenants whose bytes were given up.
    pub tenants: Vec<String>,
    /// Contents given up.
    pub contents: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Tenants whose time is over and that stay all the same, with the reason.
    pub waiting: Vec<(String, String)>,
}

impl Store {
    /// Drops a tenant: from now on nothing is recorded to it or read from it. For `keep_secs` (as long as the configuration says where absent)
    /// [`Store::undrop_tenant`] brings it back; then its bytes are given up by [`Store::let_go`].
    ///
    /// # Errors
    /// [`Kind::Refused`] for the default tenant, one into which something is captured, one with a hold, or where it would be kept for less than the
    /// floor; [`Kind::Usage`] without a reason.
    pub fn drop_tenant(&self, name: &str, keep_secs: Option<u64>, by: &By) -> Result<(Receipt, Timestamp)> {
        self.drop_tenant_once(name, keep_secs, by, "")
    }

    /// Like [`Store::drop_tenant`], under a request id: asked for again under the same one, it gives the receipt of the first time.
    ///
    /// # Errors
    /// As [`Store::drop_tenant`]; [`Kind::Refused`] where the id was used for something else.
    pub fn drop_tenant_once(&self, name: &str, keep_secs: Option<u64>, by: &By, request: &str) -> Result<(Receipt, Timestamp)> {
        let inner = &*self.inner;
        let tenant = self.tenant_or_dropped(name)?;
        if let Some(receipt) = tenant.recorded(request, |change| matches!(change, Change::Tenant(Tenancy::Dropped { .. })))? {
            let dropped = inner.catalog.read(|rows| rows.dropped(tenant.id))?;
            return Ok((receipt.clone(), dropped.map_or(receipt.time, |dropped| dropped.until)));
        }
        let tenant = self.tenant(name)?;
        if by.reason.trim().is_empty() {
            return Err(Error::usage("tenant.reason", "dropping a tenant needs a reason").hint("say why: --reason \"contract ended\""));
        }
        let refused = |code, text: String| Error::new(Kind::Refused, code, text);
        if name == DEFAULT_TENANT {
            return Err(
                refused("tenant.main", "the default tenant cannot be dropped".into()).hint("annals rm and annals forget work on its documents")
            );
        }
        if let Some(capture) = inner.config.captures.iter().find(|c| c.tenant.as_deref() == Some(name)) {
            return Err(refused("tenant.captured", format!("the capture {} records into {name}", capture.name))
                .hint("take it out of annals.toml first, or give it another tenant; nothing was changed"));
        }
        let floor = inner.config.keep.floor_secs.unwrap_or(0);
        if let Some(keep) = keep_secs.filter(|keep| *keep < floor) {
            return Err(refused("rule.floor", format!("keeping {} is below the floor of {}", duration_text(keep), duration_text(floor)))
                .hint("nothing was changed; the floor is floor in [keep] of annals.toml"));
        }
        let keep = keep_secs.or(inner.config.keep.after_tenant_drop_secs).unwrap_or(KEEP_SECS).max(floor);
        let (position, now) = (tenant.position()?, inner.clock().now());
        if let Some(hold) = inner.catalog.read(|rows| Holds::read(rows, tenant.id, now))?.any() {
            return Err(refused("rule.hold", format!("hold {hold} keeps documents of {name}"))
                .hint(format!("nothing was changed; annals --tenant {name} hold ls shows the holds, annals --tenant {name} hold lift ends one")));
        }
        let until = Timestamp(now.micros().saturating_add(i64::try_from(keep).unwrap_or(i64::MAX).saturating_mul(1_000_000)));
        let receipt = say(&tenant, Tenancy::Dropped { until }, by)?.request_id(request).expect(position).commit()?;
        Ok((receipt, until))
    }

    /// The remotes that are known to hold something of a tenant.
    pub fn remotes_holding(&self, name: &str) -> Result<Vec<String>> {
        let places = self.policy_report()?.tenants.into_iter().filter(|tenant| tenant.name == name).flat_map(|tenant| tenant.places);
        Ok(places.filter(|place| place.objects > 0).map(|place| place.remote).collect())
    }

    /// Brings a dropped tenant back as it was.
    ///
    /// # Errors
    /// [`Kind::Missing`] where it was not dropped, or its bytes are given up already.
    pub fn undrop_tenant(&self, name: &str, by: &By) -> Result<Receipt> {
        self.undrop_tenant_once(name, by, "")
    }

    /// Like [`Store::undrop_tenant`], under a request id: asked for again under the same one, it gives the receipt of the first time.
    ///
    /// # Errors
    /// As [`Store::undrop_tenant`]; [`Kind::Refused`] where the id was used for something else.
    pub fn undrop_tenant_once(&self, name: &str, by: &By, request: &str) -> Result<Receipt> {
        let tenant = self.tenant_or_dropped(name)?;
        if let Some(receipt) = tenant.recorded(request, |change| matches!(change, Change::Tenant(Tenancy::Back)))? {
            return Ok(receipt);
        }
        let inner = &*self.inner;
        let (row, dropped) = inner.catalog.read(|rows| Ok((rows.tenant_by_id(tenant.id)?, rows.dropped(tenant.id)?)))?;
        match dropped {
            None => Err(Error::missing("tenant.in_use", format!("{name} was not dropped")).hint("annals tenant ls shows which were")),
            Some(dropped) if dropped.gone.is_some() => inner.catalog.read(|rows| Err(dropped_error(rows, &row, &dropped, &self.zone())?)),
            Some(_) => say(&tenant, Tenancy::Back, by)?.request_id(request).expect(row.position).commit(),
        }
    }

    /// The tenants that were dropped and not brought back.
    pub fn dropped(&self) -> Result<Vec<Dropped>> {
        let (inner, now) = (&*self.inner, self.now_is());
        inner.catalog.read(|rows| {
            let mut found = Vec::new();
            for row in rows.tenants()?.into_iter().filter(|row| !row.is_side()) {
                let Some(dropped) = rows.dropped(row.id)? else { continue };
                let over = dropped.gone.is_none() && dropped.until <= now;
                found.push(Dropped {
                    until: dropped.until,
                    by: event(rows, dropped.batch)?,
                    gone: dropped.gone.map(|batch| event(rows, batch)).transpose()?,
                    waits: if over { stays(inner, rows, &row, now)? } else { None },
                    tenant: row.name,
                });
            }
            Ok(found)
        })
    }

    /// Gives up the bytes of tenants that were dropped and whose time is over. Their space is given back by [`Store::gc`], and remotes are rid of
    /// them by compaction. One that is held stays, and one of which a remote does not know yet that it was dropped.
    ///
    /// # Errors
    /// [`Kind::Refused`] while the brake is on.
    pub fn let_go(&self, monitor: &dyn Monitor) -> Result<LetGo> {
        let mut done = LetGo::default();
        let now = self.now_is();
        for tenant in self.tenants()? {
            let inner = &*tenant.inner;
            let Some(dropped) = inner.catalog.read(|rows| rows.dropped(tenant.id))?.filter(|dropped| dropped.until <= now) else { continue };
            // One whose giving up was cut is gone, and may have bytes left.
            if dropped.gone.is_some() && inner.catalog.read(|rows| rows.kept_contents(tenant.id, 0, 1))?.is_empty() {
                continue;
            }
            check_brake(inner)?;
            let row = inner.catalog.read(|rows| rows.tenant_by_id(tenant.id))?;
            let stays = if dropped.gone.is_some() { None } else { inner.catalog.read(|rows| stays(inner, rows, &row, now))? };
            match stays {
                Some(why) => done.waiting.push((row.name, why)),
                None => {
                    give_up(&tenant, row, &dropped, &mut done, monitor)?;
                    done.tenants.push(tenant.name().to_owned());
                }
            }
        }
        Ok(done)
    }
}

fn say(tenant: &Tenant, tenancy: Tenancy, by: &By) -> Result<super::record::Batch> {
    let mut batch = tenant.batch(&by.reason).actor(&by.actor).origin(&by.origin);
    batch.other(Change::Tenant(tenancy))?;
    Ok(batch)
}

/// Why a dropped tenant stays although its time is over.
fn stays(inner: &Inner, rows: &Rows<'_>, row: &TenantRow, now: Timestamp) -> Result<Option<String>> {
    if let Some(hold) = Holds::read(rows, row.id, now)?.any() {
        return Ok(Some(format!("hold {hold}")));
    }
    // It may have been raised since. What is youngest ended when the tenant was dropped, or was recorded then.
    let floor = inner.config.keep.floor_secs.unwrap_or(0);
    let age = now.secs().saturating_sub(row.time.secs());
    if u64::try_from(age).unwrap_or(0) < floor {
        return Ok(Some(format!("younger than the floor of {}", duration_text(floor))));
    }
    for place in inner.config.remotes.iter().filter(|r| allows(&inner.config, &row.name, &r.name, r.region.as_deref())) {
        // A rebuild from there would bring it back as one that is in use.
        if rows.holding(&place.name, row.id)?.objects > 0 && rows.held_to(row.id, &place.name)? < row.position.seq {
            return Ok(Some(format!("{} was not told yet that it was dropped", place.name)));
        }
    }
    Ok(None)
}

fn give_up(tenant: &Tenant, row: TenantRow, dropped: &DroppedRow, done: &mut LetGo, monitor: &dyn Monitor) -> Result<()> {
    let inner = &*tenant.inner;
    // What is being sealed now was looked at before: it must not lose its bytes on the way.
    let _sealing = inner.sealing.lock().unwrap_or_else(|e| e.into_inner());
    let rule = format!("the tenant was dropped and kept until {}", moment::rfc3339_utc(dropped.until));
    let (mut position, mut from, mut said) = (row.position, 0, dropped.gone.is_some());
    loop {
        check_stop(monitor)?;
        let page = inner.catalog.read(|rows| rows.kept_contents(tenant.id, from, CONTENTS_PER_BATCH))?;
        let last = page.len() < CONTENTS_PER_BATCH;
        let mut batch = tenant.batch(&rule).actor("annals").origin("annals").expect(position);
        // Said first: from then on nobody brings it back, whatever is cut.
        if !std::mem::replace(&mut said, true) {
            batch.other(Change::Tenant(Tenancy::Gone))?;
        }
        if !page.is_empty() {
            batch.other(Change::Forget { rule: rule.clone(), contents: page.iter().map(|(number, _)| *number).collect() })?;
        }
        if batch.is_empty() {
            break;
        }
        let now = u64::try_from(inner.clock().now().micros()).unwrap_or(0);
        position = batch.fact(FORGOT, now.to_be_bytes().to_vec()).commit()?.position;
        done.contents += page.len() as u64;
        done.bytes += page.iter().map(|(_, bytes)| bytes).sum::<u64>();
        monitor.progress(&Progress { phase: "letting go", items: done.contents, ..Progress::default() });
        if last {
            break;
        }
        from = page.last().map_or(from, |(number, _)| number + 1);
    }
    // Lines of its history that were left, and batches that were never committed, are copies nobody is to have.
    let beside = format!("{}/", tenant.name());
    inner.catalog.write(|w| {
        w.drafts(tenant.id)?.iter().try_for_each(|draft| w.remove_draft(draft.id))?;
        w.tenants()?.iter().filter(|side| side.name.starts_with(&beside)).try_for_each(|side| w.remove_log(side))
    })
}
