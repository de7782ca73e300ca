//! Orders: plans that somebody decided about and that the agent carries out, so that neither a closed browser nor an end of the program loses
//! one. An order is a file in the store's directory until its job is forgotten; what came of it stands beside it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::id::SiteId;
use crate::base::limits::PLAN_BYTES_MAX;
use crate::base::monitor::Monitor;
use crate::engine::capture::DatabaseRealigned;
use crate::engine::offsite::OpenRemote;
use crate::engine::plans::{Applied, By};
use crate::engine::realign::Realigned;
use crate::engine::store::Store;
use crate::model::job::Task;
use crate::model::key::show_key;
use crate::model::plan::{OnConflict, Plan, Purpose};
use crate::model::realign::{Keep, RealignPlan};

/// Documents of a plan, and how long it took to make or will take, up to which it is carried out while whoever asked waits. What is more is
/// work of the agent, which goes on when nobody waits any more.
pub const AT_ONCE_MAX: usize = 1_000;
/// See [`AT_ONCE_MAX`].
pub const AT_ONCE_WITHIN: Duration = Duration::from_secs(2);
/// Where orders lie, in the store's directory.
const ORDERS: &str = "orders";
/// Bytes: the longest first line of an order.
const HEAD_BYTES_MAX: u64 = 64 << 10;
/// Seconds for which an order may lie there before its job is added.
const YOUNG_SECS: i64 = 3_600;
/// Names of each kind that an outcome keeps; the log has all.
const NAMED_MAX: usize = 1_000;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum What {
    /// A plan for documents.
    Plan {
        /// The tenant by name.
        tenant: String,
        /// What the plan is for.
        purpose: Purpose,
        /// Carried out in the database that the rows were captured from.
        to_source: bool,
    },
    /// A plan that brings histories into line.
    Realign {
        /// Which side stays in effect.
        keep: Keep,
    },
}

/// The first line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What is to be done.
    #[serde(flatten)]
    pub what: What,
    /// Who decided.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// From where.
    pub origin: String,
    /// The caller's id of the request; empty where the order's own does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request: String,
}

/// The plan of an order.
#[derive(Debug)]
pub enum Content<'p> {
    /// For documents; as decided in it, and otherwise by skipping conflicts.
    Plan(&'p Plan),
    /// For histories.
    Realign(&'p RealignPlan),
}

/// What carrying out a plan for documents did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The new batch; `None` where there was nothing to do.
    pub batch: Option<u64>,
    /// Documents changed.
    pub done: u64,
    /// How many were left as they were.
    pub skipped: u64,
    /// The first of them.
    pub skipped_keys: Vec<String>,
    /// Rows that the database does not let be so, and why.
    pub pending: Vec<(String, String)>,
}

impl From<&Applied> for Carried {
    fn from(a: &Applied) -> Self {
        Carried {
            batch: a.receipt.as_ref().map(|r| r.position.seq),
            done: a.done,
            skipped: a.skipped.len() as u64,
            skipped_keys: a.skipped.iter().take(NAMED_MAX).map(|key| show_key(key)).collect(),
            pending: a.pending.iter().take(NAMED_MAX).map(|(key, why)| (show_key(key), why.clone())).collect(),
        }
    }
}

/// What realigning a tenant did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantDone {
    /// The tenant.
    pub tenant: String,
    /// Where its log ends now.
    pub seq: u64,
    /// Batches that were fetched.
    pub fetched: u64,
    /// Batches that were recorded again.
    pub again: u64,
    /// The first documents of which both states were kept.
    pub conflicts: Vec<String>,
    /// The first documents that exist again.
    pub resurrected: Vec<String>,
    /// First and last batch of each part that is nowhere whole.
    pub gaps: Vec<(u64, u64)>,
    /// Rolling back to this mark takes back what was recorded again.
    pub mark: Option<String>,
    /// The line that was left.
    pub line: Option<String>,
}

impl From<&Realigned> for TenantDone {
    fn from(d: &Realigned) -> Self {
        TenantDone {
            tenant: d.tenant.clone(),
            seq: d.position.seq,
            fetched: d.fetched,
            again: d.again,
            conflicts: d.conflicts.iter().take(NAMED_MAX).cloned().collect(),
            resurrected: d.resurrected.iter().take(NAMED_MAX).cloned().collect(),
            gaps: d.gaps.iter().map(|gap| (gap.first, gap.last)).collect(),
            mark: d.mark.clone(),
            line: d.line.clone(),
        }
    }
}

/// What realigning a database did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseDone {
    /// What the keys of its rows begin with.
    pub prefix: String,
    /// Where the log ends now.
    pub seq: u64,
    /// Rows written into it.
    pub written: u64,
    /// The first rows about which nobody decided.
    pub open: Vec<String>,
    /// The batch that has it as it was found.
    pub found: Option<u64>,
    /// The batch that realigned it.
    pub batch: Option<u64>,
}

impl From<&DatabaseRealigned> for DatabaseDone {
    fn from(d: &DatabaseRealigned) -> Self {
        DatabaseDone {
            prefix: d.prefix.clone(),
            seq: d.position.seq,
            written: d.written,
            open: d.open.iter().take(NAMED_MAX).cloned().collect(),
            found: d.found,
            batch: d.batch,
        }
    }
}

/// What came of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Of a plan for documents.
    Plan(Carried),
    /// Of a realignment, as far as it is done.
    Realign {
        /// Tenants.
        tenants: Vec<TenantDone>,
        /// Databases.
        databases: Vec<DatabaseDone>,
    },
}

fn folder(store: &Store) -> PathBuf {
    store.dir().join(ORDERS)
}

fn file(store: &Store, id: &str) -> PathBuf {
    folder(store).join(format!("{id}.order"))
}

fn outcome_file(store: &Store, id: &str) -> PathBuf {
    folder(store).join(format!("{id}.outcome"))
}

/// Ids name files: nothing else is one.
fn check(id: &str) -> Result<()> {
    if id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()) { Ok(()) } else { Err(gone()) }
}

fn gone() -> Error {
    Error::missing("order.gone", "what was asked for here is not kept any more").hint("the log has what came of it: annals log")
}

fn unwritable(e: &serde_json::Error) -> Error {
    Error::new(Kind::Failed, "order.write", format!("the order cannot be written: {e}"))
}

impl Store {
    /// Keeps an order and adds the job that carries it out; its number. From then on it is done once, whoever looks.
    ///
    /// # Errors
    /// Where it cannot be written; then there is no job either.
    pub fn order(&self, order: &Order, content: &Content<'_>) -> Result<i64> {
        let id = SiteId::new(self.inner.random()).to_hex();
        let mut text = serde_json::to_string(order).map_err(|e| unwritable(&e))?;
        text.push('\n');
        text.push_str(&match content {
            Content::Plan(plan) => plan.to_json()?,
            Content::Realign(plan) => plan.to_json()?,
        });
        disk::create_dirs(&folder(self))?;
        disk::write_file(&file(self, &id), text.as_bytes(), 0o600)?;
        self.add_job(&Task::Apply(id))
    }

    /// What the order with this id is about.
    ///
    /// # Errors
    /// [`Kind::Missing`] where it is not kept any more.
    pub fn ordered(&self, id: &str) -> Result<Order> {
        check(id)?;
        let open = fs::File::open(file(self, id)).map_err(|_| gone())?;
        let mut line = String::new();
        BufReader::new(open.take(HEAD_BYTES_MAX)).read_line(&mut line).map_err(|_| gone())?;
        serde_json::from_str(&line).map_err(|_| gone())
    }

    /// What came of it, so far.
    pub fn outcome(&self, id: &str) -> Result<Option<Outcome>> {
        check(id)?;
        let path = outcome_file(self, id);
        if !path.is_file() {
            return Ok(None);
        }
        serde_json::from_slice(&disk::read_file(&path, PLAN_BYTES_MAX)?)
            .map(Some)
            .map_err(|e| Error::damaged(format_args!("{}: {e}", path.display())))
    }
}

fn keep(store: &Store, id: &str, outcome: &Outcome) -> Result<()> {
    let text = serde_json::to_string(outcome).map_err(|e| unwritable(&e))?;
    disk::write_file(&outcome_file(store, id), text.as_bytes(), 0o600)
}

/// Carries an order out. `open` opens a remote by its name.
pub(super) fn carry_out(store: &Store, id: &str, monitor: &dyn Monitor, open: impl Fn(&str) -> Result<OpenRemote>) -> Result<Outcome> {
    sweep(store);
    let order = store.ordered(id)?;
    let before = store.outcome(id)?;
    let text = String::from_utf8(disk::read_file(&file(store, id), PLAN_BYTES_MAX)?).map_err(|_| gone())?;
    let plan = text.split_once('\n').map_or("", |(_, plan)| plan);
    let request = if order.request.is_empty() { format!("order {id}") } else { order.request };
    let by = By { actor: order.actor, reason: order.reason, origin: order.origin };
    match order.what {
        What::Plan { tenant, to_source, .. } => {
            if let Some(done) = before {
                return Ok(done);
            }
            let (tenant, plan) = (store.tenant(&tenant)?, Plan::from_json(plan)?);
            let applied = match to_source {
                true => tenant.apply_to_source_once(&plan, OnConflict::Skip, &by, &request, monitor)?,
                false => tenant.apply_once(&plan, OnConflict::Skip, &by, &request, monitor)?,
            };
            let outcome = Outcome::Plan(Carried::from(&applied));
            keep(store, id, &outcome)?;
            Ok(outcome)
        }
        What::Realign { .. } => realign(store, id, &RealignPlan::from_json(plan)?, before, &by, monitor, open),
    }
}

/// Tenant by tenant and database by database: what is done is kept before the next one, so an end in between begins nothing anew.
fn realign(
    store: &Store,
    id: &str,
    plan: &RealignPlan,
    before: Option<Outcome>,
    by: &By,
    monitor: &dyn Monitor,
    open: impl Fn(&str) -> Result<OpenRemote>,
) -> Result<Outcome> {
    let (mut tenants, mut databases) = match before {
        Some(Outcome::Realign { tenants, databases }) => (tenants, databases),
        _ => (Vec::new(), Vec::new()),
    };
    let mut names: Vec<&str> = plan.tenants.iter().map(|t| t.remote.as_str()).collect();
    names.dedup();
    let left: Vec<_> = plan.tenants.iter().filter(|t| !tenants.iter().any(|done| done.tenant == t.tenant)).collect();
    let remotes = if left.is_empty() { Vec::new() } else { names.into_iter().map(open).collect::<Result<Vec<_>>>()? };
    for one in left {
        let done = store.realign(&RealignPlan::new(vec![one.clone()]), &remotes, monitor)?;
        tenants.extend(done.iter().map(TenantDone::from));
        keep(store, id, &Outcome::Realign { tenants: tenants.clone(), databases: databases.clone() })?;
    }
    for one in &plan.databases {
        if databases.iter().any(|done| done.prefix == one.prefix) {
            continue;
        }
        let done = store.tenant(&one.tenant)?.realign_database_once(one, by, &format!("order {id} {}", one.prefix), monitor)?;
        databases.push(DatabaseDone::from(&done));
        keep(store, id, &Outcome::Realign { tenants: tenants.clone(), databases: databases.clone() })?;
    }
    Ok(Outcome::Realign { tenants, databases })
}

/// Removes orders whose jobs are not remembered any more. What cannot be removed now is removed another time.
fn sweep(store: &Store) {
    let Ok(jobs) = store.jobs(usize::MAX >> 1) else { return };
    let is_known = |id: &str| jobs.iter().any(|job| matches!(&job.task, Task::Apply(known) if known == id));
    let is_young = |path: &Path| {
        let written = path.metadata().and_then(|m| m.modified()).ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        written.is_none_or(|at| store.now_is().secs() - (at.as_secs() as i64) < YOUNG_SECS)
    };
    for entry in fs::read_dir(folder(store)).into_iter().flatten().flatten() {
        let path = entry.path();
        let id = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if !is_known(id) && !is_young(&path) {
            let _ = disk::remove_file(&path);
        }
    }
}
