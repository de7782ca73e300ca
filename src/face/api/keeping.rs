//! What is kept and what may go: the end of holds, and forgetting.

use std::io::Read;

use serde::Deserialize;

use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::Silent;
use crate::engine::forget::ForgetPlan;
use crate::engine::store::{Store, Tenant};
use crate::face::http::{Ask, Reply};
use crate::face::view;
use crate::model::job::Task;
use crate::model::key::{DEFAULT_TENANT, parse_key, show_key};
use crate::model::moment::parse_duration;
use crate::model::retention::{PERIODS_MAX, Rules};

use super::question::{JSON_BYTES_MAX, Rows, body, by, confirmed, counted, done, object, request, required};

pub(super) fn lift(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let name = ask.query("hold").ok_or_else(|| Error::usage("hold.none", "no hold is named").hint("name it with hold=...").at_field("hold"))?;
    let receipt = ask.tenant()?.lift(name, &by(ask))?;
    let mut value = view::receipt(&receipt);
    value["hold"] = name.into();
    object("annals.hold.lift/1", &value)
}

pub(super) fn brakes(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    counted(ask, "annals.brake.ls/1", ask.store()?.brakes()?.iter().map(view::brake))
}

pub(super) fn lift_brake(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let (brake, receipt) = ask.store()?.lift_brake_once(ask.query("tenant").unwrap_or(DEFAULT_TENANT), &by(ask), request(ask))?;
    let mut value = view::receipt(&receipt);
    value["brake"] = view::brake(&brake);
    object("annals.brake.lift/1", &value)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Erasing {
    subject: String,
    /// Where the log ended when it was planned; only to carry it out.
    seq: Option<u64>,
    /// The subject once more; only to carry it out.
    confirm: Option<String>,
}

pub(super) fn graves(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    counted(ask, "annals.erase.ls/1", ask.tenant()?.graves()?.iter().map(view::grave))
}

pub(super) fn plan_erase(ask: &Ask, sent: &mut dyn Read) -> Result<Reply> {
    let wanted: Erasing = body(sent, JSON_BYTES_MAX)?;
    let mut value = view::erase_plan(&ask.tenant()?.plan_erase(parse_key(&wanted.subject)).map_err(|e| e.at_field("subject"))?);
    value["applied"] = false.into();
    object("annals.erase/1", &value)
}

pub(super) fn erase(ask: &Ask, sent: &mut dyn Read) -> Result<Reply> {
    let wanted: Erasing = body(sent, JSON_BYTES_MAX)?;
    let (tenant, subject) = (ask.tenant()?, parse_key(&wanted.subject));
    let plan = tenant.plan_erase(&subject).map_err(|e| e.at_field("subject"))?;
    let done = match tenant.erased_before(&subject, request(ask), &Silent)? {
        Some(done) => done,
        None => {
            is_current(required(wanted.seq, "seq")?, plan.position.seq)?;
            confirmed(wanted.confirm.as_ref() == Some(&wanted.subject), &format!("this erases {} for good", show_key(&subject)), "the subject")?;
            tenant.erase_once(&plan, &by(ask), request(ask), &Silent)?
        }
    };
    // Remotes are to be rid of it with the next shipment.
    ask.agent()?.poke();
    let mut value = view::erase_plan(&plan);
    value["applied"] = true.into();
    value["outcome"] = view::erased(&done);
    object("annals.erase/1", &value)
}

/// Refuses what was planned when the log ended elsewhere.
fn is_current(seen: u64, now: u64) -> Result<()> {
    if seen == now {
        return Ok(());
    }
    let e = Error::new(Kind::Refused, "plan.stale", format!("it was planned at seq {seen}, the log is now at seq {now}"));
    Err(e.hint("plan it again and look at it again; nothing was changed").at_seq(now))
}

/// Rules that take the place of those of the configuration.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Keep {
    within: Option<String>,
    last: Option<u32>,
    daily: Option<u32>,
    weekly: Option<u32>,
    monthly: Option<u32>,
    yearly: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    prefix: String,
    keep: Option<Keep>,
    /// Where the log ended when it was planned; only to carry it out.
    seq: Option<u64>,
}

fn rules(store: &Store, keep: Option<&Keep>) -> Result<Rules> {
    let own = store.keep_rules();
    let Some(keep) = keep else { return Ok(own) };
    for (name, count) in [("daily", keep.daily), ("weekly", keep.weekly), ("monthly", keep.monthly), ("yearly", keep.yearly)] {
        if count.is_some_and(|n| n > PERIODS_MAX) {
            return Err(Error::usage("keep.many", format!("{name} is at most {PERIODS_MAX}")).at_field(format!("keep.{name}")));
        }
    }
    let within = keep.within.as_deref().map(parse_duration).transpose().map_err(|e| e.at_field("keep.within"))?;
    let named = Rules {
        floor_secs: own.floor_secs,
        within_secs: within,
        last: keep.last,
        daily: keep.daily,
        weekly: keep.weekly,
        monthly: keep.monthly,
        yearly: keep.yearly,
    };
    Ok(if named.keeps_everything() { own } else { named })
}

/// What is asked for: tenant, prefix, rules.
fn asked(ask: &Ask, wanted: &Wanted) -> Result<(Tenant, Vec<u8>, Rules)> {
    let (store, tenant, prefix) = (ask.store()?, ask.tenant()?, parse_key(&wanted.prefix));
    if !tenant.has_ever(&prefix)? {
        let message = format!("there never was a document under {}", show_key(&prefix));
        return Err(Error::missing("document.missing", message).at_field("prefix"));
    }
    let rules = rules(&store, wanted.keep.as_ref())?;
    Ok((tenant, prefix, rules))
}

pub(super) fn simulate(ask: &Ask, sent: &mut dyn Read) -> Result<Reply> {
    let wanted: Wanted = body(sent, JSON_BYTES_MAX)?;
    let (tenant, prefix, rules) = asked(ask, &wanted)?;
    let (mut rows, skip) = (Rows::new(ask)?, done(ask)?);
    let mut place = 0;
    tenant.simulate(&prefix, &rules, &Silent, &mut |judged| {
        place += 1;
        if place > skip && rows.left() > 0 {
            rows.add(&view::judged(&judged), None)?;
            if rows.left() == 0 {
                rows.go_on(place.to_string());
            }
        }
        Ok(())
    })?;
    if place <= skip.saturating_add(rows.len()) {
        rows.end();
    }
    rows.reply("annals.policy.simulate/1")
}

fn planned(ask: &Ask, wanted: &Wanted) -> Result<(Tenant, ForgetPlan)> {
    let (tenant, prefix, rules) = asked(ask, wanted)?;
    let plan = tenant.plan_forget(&prefix, &rules, &Silent)?;
    Ok((tenant, plan))
}

pub(super) fn plan(ask: &Ask, sent: &mut dyn Read) -> Result<Reply> {
    let (_, plan) = planned(ask, &body(sent, JSON_BYTES_MAX)?)?;
    let mut value = view::forget_plan(&plan);
    value["applied"] = false.into();
    object("annals.forget/1", &value)
}

pub(super) fn forget(ask: &Ask, sent: &mut dyn Read) -> Result<Reply> {
    let wanted: Wanted = body(sent, JSON_BYTES_MAX)?;
    let seen = required(wanted.seq, "seq")?;
    let (tenant, plan) = planned(ask, &wanted)?;
    is_current(seen, plan.position.seq)?;
    let mut value = view::forget_plan(&plan);
    let forgot = tenant.forget(&plan, &by(ask), &Silent)?;
    if forgot.contents > 0 {
        ask.store()?.add_job(&Task::Gc)?;
        ask.agent()?.poke();
    }
    value["applied"] = true.into();
    value["outcome"] = view::forgot(&forgot);
    object("annals.forget/1", &value)
}
