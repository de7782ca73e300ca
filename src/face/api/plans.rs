//! Plans: computed, shown, carried out. A plan is bound to the history it was made for; a stale one changes nothing.

use std::io::Read;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::agent::order::{AT_ONCE_MAX, Content, Order, What};
use crate::base::error::{Error, Result};
use crate::base::monitor::Silent;
use crate::engine::find::FieldIs;
use crate::engine::restore::Scope;
use crate::engine::store::Tenant;
use crate::face::http::{Ask, Reply};
use crate::face::view::{self, Planned};
use crate::model::key::{parse_key, show_key};
use crate::model::moment::Moment;
use crate::model::plan::{Action, OnConflict, Plan};

use super::question::{JSON_BYTES_MAX, body, by, object, ordered, request, required};

/// Bytes: the largest plan that is sent: about a hundred thousand documents. Larger ones are carried out by the command line.
pub(super) const PLAN_BYTES_MAX: u64 = 64 << 20;

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Verb {
    Undo,
    Redo,
    Rollback,
    Restore,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    verb: Verb,
    batch: Option<u64>,
    prefix: Option<String>,
    to: Option<String>,
    at: Option<String>,
    #[serde(default, rename = "where")]
    conditions: Vec<String>,
}

pub(super) fn make(ask: &Ask, sent: &mut dyn Read) -> Result<Reply> {
    let wanted: Wanted = body(sent, JSON_BYTES_MAX)?;
    let tenant = ask.tenant()?;
    let (schema, plan) = match wanted.verb {
        Verb::Undo => ("annals.undo/1", tenant.undo(required(wanted.batch, "batch")?)?),
        Verb::Redo => ("annals.redo/1", tenant.undo(tenant.last_undo()?)?),
        Verb::Rollback => ("annals.rollback/1", rollback(&tenant, wanted.prefix.as_deref(), &required(wanted.to, "to")?)?),
        Verb::Restore => {
            let mut plan = restore(&tenant, &required(wanted.prefix, "prefix")?, wanted.at.as_deref())?;
            let conditions =
                wanted.conditions.iter().map(|text| FieldIs::parse(text)).collect::<Result<Vec<_>>>().map_err(|e| e.at_field("where"))?;
            tenant.narrow(&mut plan, &conditions)?;
            ("annals.restore/1", plan)
        }
    };
    object(schema, &Planned { summary: plan.summary(), applied: false, saved: None, plan: Some(&plan), outcome: None })
}

fn rollback(tenant: &Tenant, prefix: Option<&str>, to: &str) -> Result<Plan> {
    let seq = tenant.moment(to).and_then(|to| tenant.resolve(&to)).map_err(|e| e.at_field("to"))?;
    let prefix = match tenant.scope(&parse_key(prefix.unwrap_or_default()))? {
        Scope::Document(key) => key,
        // A misspelt prefix must not look like one that is fine already.
        Scope::Prefix(prefix) if prefix.is_empty() || tenant.has_ever(&prefix)? => prefix,
        Scope::Prefix(prefix) => return Err(tenant.restore_removed(&prefix).err().unwrap_or_else(|| no_such(&prefix))),
    };
    tenant.rollback(&prefix, &Moment::Seq(seq))
}

fn no_such(prefix: &[u8]) -> Error {
    Error::missing("document.missing", format!("there never was a document under {}", show_key(prefix))).at_field("prefix")
}

fn restore(tenant: &Tenant, prefix: &str, at: Option<&str>) -> Result<Plan> {
    let when = at.map(|text| tenant.moment(text)).transpose().map_err(|e| e.at_field("at"))?;
    match (tenant.scope(&parse_key(prefix))?, when) {
        (Scope::Document(key), None) => tenant.restore_at(&key, &Moment::Seq(tenant.position()?.seq)),
        (Scope::Document(key), Some(Moment::Version(number))) => tenant.restore(&key, number),
        (Scope::Document(key), Some(when)) => tenant.restore(&key, tenant.find_version(&key, Some(&when))?.number),
        (Scope::Prefix(prefix), None) => tenant.restore_removed(&prefix),
        (Scope::Prefix(prefix), Some(when)) => tenant.restore_at(&prefix, &Moment::Seq(tenant.resolve(&when)?)),
    }
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
enum Conflicts {
    #[default]
    Skip,
    Override,
    Merge,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Applying {
    plan: Box<RawValue>,
    #[serde(default)]
    on_conflict: Conflicts,
}

pub(super) fn apply(ask: &Ask, sent: &mut dyn Read) -> Result<Reply> {
    let wanted: Applying = body(sent, PLAN_BYTES_MAX)?;
    let mut plan = Plan::from_json(wanted.plan.get()).map_err(|e| e.at_field("plan"))?;
    let on_conflict = match wanted.on_conflict {
        Conflicts::Skip => OnConflict::Skip,
        Conflicts::Override => OnConflict::Override,
        Conflicts::Merge => OnConflict::Merge,
    };
    // The plan knows its tenant; another one that was named is refused when it is applied.
    let tenant = if ask.query("tenant").is_some() { ask.tenant()? } else { ask.store()?.tenant(&plan.tenant)? };
    let (by, request) = (by(ask), request(ask));
    let to_source = tenant.database_for(&plan)?.is_some();
    if to_source || plan.items.len() > AT_ONCE_MAX {
        tenant.check_plan(&plan, request)?;
        // An order leaves alone what nobody decided about.
        for item in plan.items.iter_mut().filter(|item| item.action == Action::Conflict) {
            item.choice.get_or_insert(on_conflict);
        }
        let what = What::Plan { tenant: plan.tenant.clone(), purpose: plan.purpose.clone(), to_source };
        let order = Order { what, actor: by.actor, reason: by.reason, origin: by.origin, request: request.to_owned() };
        return ordered(ask, &order, &Content::Plan(&plan));
    }
    let applied = tenant.apply_once(&plan, on_conflict, &by, request, &Silent)?;
    let outcome = Some(view::applied(&applied));
    object("annals.apply/1", &Planned { summary: plan.summary(), applied: true, saved: None, plan: None, outcome })
}
