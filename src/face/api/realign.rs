//! Histories that parted: both sides, and bringing them into line.

use std::io::Read;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::agent::order::{AT_ONCE_MAX, AT_ONCE_WITHIN, Content, Order, What};
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::Silent;
use crate::engine::plans::By;
use crate::engine::realign::RealignOptions;
use crate::face::http::{Ask, Reply};
use crate::face::view;
use crate::model::key::parse_key;
use crate::model::realign::{Keep, RealignPlan};

use super::plans::PLAN_BYTES_MAX;
use super::question::{JSON_BYTES_MAX, body, by, object, ordered};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    keep: Keep,
    /// Only this captured database.
    prefix: Option<String>,
}

pub(super) fn plan(ask: &Ask, sent: &mut dyn Read) -> Result<Reply> {
    let wanted: Wanted = body(sent, JSON_BYTES_MAX)?;
    let store = ask.store()?;
    let mut plan = RealignPlan::new(Vec::new());
    if wanted.prefix.is_none() {
        let remotes = store.config().remotes.iter().map(|r| store.remote(&r.name, None)).collect::<Result<Vec<_>>>()?;
        if !remotes.is_empty() {
            plan = store.plan_realign(&remotes, RealignOptions { keep: wanted.keep, claim: false }, &Silent)?;
        }
    }
    if plan.tenants.is_empty() {
        for tenant in store.tenants()? {
            for prefix in tenant.databases()? {
                let named = wanted.prefix.as_deref().map(|text| parse_key(text.trim_end_matches('/')));
                if named.is_some_and(|named| prefix.strip_suffix(b"/").unwrap_or(&prefix) != named) {
                    continue;
                }
                match tenant.plan_realign_database(&prefix, wanted.keep, &by(ask), &Silent) {
                    // One that is not at hand does not keep the others from it.
                    Err(e) if wanted.prefix.is_none() && e.kind() == Kind::Missing => {}
                    found => plan.databases.extend(found?),
                }
            }
        }
    }
    let mut value = view::realignment(&plan, false, None, &[], &[]);
    value["plan"] = serde_json::from_str(&plan.to_json()?).map_err(|e| Error::new(Kind::Failed, "plan.write", e.to_string()))?;
    object("annals.realign/1", &value)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Applying {
    plan: Box<RawValue>,
}

pub(super) fn apply(ask: &Ask, sent: &mut dyn Read) -> Result<Reply> {
    let wanted: Applying = body(sent, PLAN_BYTES_MAX)?;
    let plan = RealignPlan::from_json(wanted.plan.get()).map_err(|e| e.at_field("plan"))?;
    let store = ask.store()?;
    let items = plan.tenants.iter().map(|t| t.items.len()).sum::<usize>() + plan.databases.iter().map(|d| d.items.len()).sum::<usize>();
    let seconds: f64 = plan.tenants.iter().map(|t| t.seconds).sum();
    if items > AT_ONCE_MAX || seconds > AT_ONCE_WITHIN.as_secs_f64() {
        let sides = plan.tenants.iter().map(|t| t.keep).chain(plan.databases.iter().map(|d| d.keep));
        let (keep, By { actor, reason, origin }) = (sides.into_iter().next().unwrap_or_default(), by(ask));
        let order = Order { what: What::Realign { keep }, actor, reason, origin, request: String::new() };
        return ordered(ask, &order, &Content::Realign(&plan));
    }
    let mut names: Vec<&str> = plan.tenants.iter().map(|t| t.remote.as_str()).collect();
    names.dedup();
    let remotes = names.into_iter().map(|name| store.remote(name, None)).collect::<Result<Vec<_>>>()?;
    let done = store.realign(&plan, &remotes, &Silent)?;
    let databases = plan.databases.iter().map(|d| store.tenant(&d.tenant)?.realign_database(d, &by(ask), &Silent)).collect::<Result<Vec<_>>>()?;
    // What was held back goes on now.
    ask.agent()?.poke();
    object("annals.realign/1", &view::realignment(&plan, true, None, &done, &databases))
}
