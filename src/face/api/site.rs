//! The site: how it is, its tenants, its remotes, what its agent does, and what happens while somebody watches.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Read;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::agent::daemon::Work;
use crate::agent::health::{self, RemoteHealth};
use crate::agent::proof;
use crate::base::error::{Error, Result};
use crate::engine::status::RemoteStatus;
use crate::engine::store::{Store, Tenant};
use crate::face::http::{Ask, Content, Reply};
use crate::face::{metrics, view};
use crate::model::job::Task;
use crate::model::moment::parse_duration;

use super::question::{JSON_BYTES_MAX, Rows, body, by, confirmed, counted, number, object, path_number, plain, request, switch, text};

/// Jobs that are over and shown by default.
const ENDED_SHOWN: usize = 20;
/// Batches told at a time to somebody who watches.
const TOLD_MAX: usize = 100;

pub(super) fn status(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let store = ask.store()?;
    let value = view::status_and_work(&store.status()?, ask.tenant()?.name(), &Work::of(&store, Some(&ask.agent()?))?);
    object("annals.status/1", &value)
}

pub(super) fn metrics(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let agent = ask.agent()?;
    let text = metrics::text(&agent.store(), Some(&agent))?;
    Ok(Reply { status: 200, headers: Vec::new(), media: metrics::CONTENT_TYPE.into(), content: Content::Text(text) })
}

pub(super) fn tenants(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    counted(ask, "annals.tenant.ls/1", ask.store()?.status()?.tenants.iter().map(view::tenant))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TenantWanted {
    name: String,
}

pub(super) fn add_tenant(ask: &Ask, sent: &mut dyn Read) -> Result<Reply> {
    let wanted: TenantWanted = body(sent, JSON_BYTES_MAX)?;
    let tenant = ask.store()?.add_tenant(&wanted.name).map_err(|e| e.at_field("name"))?;
    let value = json!({ "tenant": tenant.name(), "id": tenant.public_id().to_hex(), "position": view::position(&tenant.position()?) });
    Ok(Reply::json(201, text("annals.tenant.add/1", &value)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DropWanted {
    /// The name once more.
    confirm: Option<String>,
    /// How long it can be brought back.
    keep: Option<String>,
}

pub(super) fn drop_tenant(ask: &Ask, sent: &mut dyn Read) -> Result<Reply> {
    let wanted: DropWanted = body(sent, JSON_BYTES_MAX)?;
    let (store, name) = (ask.store()?, ask.named("named"));
    let keep = wanted.keep.as_deref().map(parse_duration).transpose().map_err(|e| e.at_field("keep").hint("write a time like 30d, 12h or 2w"))?;
    store.tenant_or_dropped(name)?;
    confirmed(wanted.confirm.as_deref() == Some(name), &format!("this drops the tenant {name}"), "its name")?;
    let (receipt, until) = store.drop_tenant_once(name, keep, &by(ask), request(ask))?;
    let value = view::tenant_dropped(name, &receipt, until, &store.remotes_holding(name)?);
    object("annals.tenant.drop/1", &value)
}

pub(super) fn undrop_tenant(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let name = ask.named("named");
    let receipt = ask.store()?.undrop_tenant_once(name, &by(ask), request(ask))?;
    let mut value = view::receipt(&receipt);
    value["tenant"] = name.into();
    object("annals.tenant.undrop/1", &value)
}

pub(super) fn remotes(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let (store, tenant) = (ask.store()?, ask.tenant()?);
    let (remotes, healths) = (store.remote_statuses()?, health::remotes(&store)?);
    let row = |(remote, health): (&RemoteStatus, &RemoteHealth)| {
        let mut value = view::remote_status(remote, tenant.name());
        value["health"] = view::remote_health(health);
        value["last_drill"] = proof::last_drill(&store, &remote.place.name)?.as_ref().map(view::last_drill).into();
        Ok(value)
    };
    let rows: Vec<Value> = remotes.iter().zip(&healths).map(row).collect::<Result<_>>()?;
    counted(ask, "annals.remote.ls/1", rows)
}

pub(super) fn policy(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    object("annals.policy.report/1", &view::policy_report(&ask.store()?.policy_report()?))
}

pub(super) fn jobs(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let mut rows = Rows::new(ask)?;
    let ended = if switch(ask, "all")? { usize::MAX >> 1 } else { ENDED_SHOWN };
    let after = number(ask, "after")?;
    let all = ask.store()?.jobs(ended)?;
    let from = after.and_then(|after| all.iter().position(|job| u64::try_from(job.id) == Ok(after))).map_or(0, |at| at + 1);
    let mut last = None;
    for job in &all[from..] {
        if !rows.add(&view::job(job), last.take())? {
            break;
        }
        last = Some(job.id.to_string());
    }
    rows.reply("annals.jobs/1")
}

pub(super) fn job(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let store = ask.store()?;
    let job = store.job(path_number(ask, "job")?)?;
    let mut value = view::job(&job);
    value["outcome"] = match &job.task {
        Task::Apply(id) => store.outcome(id)?.as_ref().map(view::outcome).into(),
        _ => Value::Null,
    };
    object("annals.job/1", &value)
}

pub(super) fn steer(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let (store, id) = (ask.store()?, path_number(ask, "job")?);
    let job = match ask.named("what") {
        "pause" => store.pause_job(id)?,
        "resume" => store.resume_job(id)?,
        "cancel" => store.cancel_job(id)?,
        "retry" => store.retry_job(id)?,
        other => {
            let e = Error::missing("http.path", format!("nothing can be done with a job that is called {other}"));
            return Err(e.hint("pause, resume, cancel and retry"));
        }
    };
    ask.agent()?.poke();
    object("annals.job/1", &view::job(&job))
}

/// Asks the agent for something; the job that it became.
fn asked(ask: &Ask, task: &Task) -> Result<Reply> {
    let store = ask.store()?;
    let id = store.add_job(task)?;
    ask.agent()?.poke();
    Ok(Reply::json(202, text("annals.job/1", &view::job(&store.job(id)?))?))
}

pub(super) fn ship(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let name = ask.named("remote");
    ask.store()?.config().remote(name)?;
    asked(ask, &Task::Ship(name.to_owned()))
}

pub(super) fn drill(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let name = ask.named("remote");
    ask.store()?.config().remote(name)?;
    asked(ask, &Task::Drill(name.to_owned()))
}

pub(super) fn compact(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let name = ask.named("remote");
    ask.store()?.config().remote(name)?;
    asked(ask, &Task::Compact(name.to_owned()))
}

pub(super) fn gc(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    asked(ask, &Task::Gc)
}

pub(super) fn verify(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    asked(ask, &Task::Verify)
}

/// Batches with their numbers, oldest first, and jobs.
type News = (Vec<(u64, Value)>, Vec<Value>);

/// What somebody who watches was told already.
struct Told {
    seq: u64,
    jobs: HashMap<i64, String>,
}

impl Told {
    /// Batches since, oldest first, and the jobs that are not as they were told.
    fn news(&mut self, store: &Store, tenant: &Tenant) -> Result<News> {
        let batches: Vec<(u64, Value)> = tenant.batches(self.seq + 1, 0, TOLD_MAX)?.iter().map(|b| (b.event.seq, view::batch(b))).collect();
        self.seq = batches.last().map_or(self.seq, |(seq, _)| *seq);
        let mut jobs = Vec::new();
        let mut now = HashMap::new();
        for job in store.jobs(ENDED_SHOWN)? {
            let value = view::job(&job);
            let text = value.to_string();
            if self.jobs.get(&job.id) != Some(&text) {
                jobs.push(value);
            }
            now.insert(job.id, text);
        }
        self.jobs = now;
        Ok((batches, jobs))
    }
}

pub(super) fn news(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let (store, tenant) = (ask.store()?, ask.tenant()?);
    let seq = number(ask, "after")?.map_or_else(|| tenant.position().map(|p| p.seq), Ok)?;
    let mut told = Told { seq, jobs: HashMap::new() };
    let (batches, jobs) = told.news(&store, &tenant)?;
    let batches: Vec<Value> = batches.into_iter().map(|(_, value)| value).collect();
    object("annals.news/1", &json!({ "batches": batches, "jobs": jobs, "next": told.seq.to_string() }))
}

/// What is asked again and again for somebody who watches: the events since, as text.
pub(super) fn watch(ask: &Ask) -> Result<Box<dyn FnMut() -> Result<String> + Send>> {
    let (agent, tenant) = (ask.agent()?, ask.tenant()?);
    let after = match ask.header("last-event-id").filter(|text| !text.is_empty()) {
        Some(text) => Some(text.parse().map_err(|_| Error::usage("http.parameter", "Last-Event-ID is not one of ours").at_field("Last-Event-ID"))?),
        None => number(ask, "after")?,
    };
    let seq = after.map_or_else(|| tenant.position().map(|p| p.seq), Ok)?;
    let (mut told, mut seen) = (Told { seq, jobs: HashMap::new() }, None);
    Ok(Box::new(move || {
        let store = agent.store();
        // Where nothing was written there is nothing to tell.
        let commits = Some(store.inner.catalog.commits());
        if seen == commits {
            return Ok(String::new());
        }
        let (batches, jobs) = told.news(&store, &tenant)?;
        // A full answer leaves more to be told at once.
        seen = if batches.len() < TOLD_MAX { commits } else { None };
        let mut out = String::new();
        for (seq, batch) in batches {
            let _ = write!(out, "event: batch\nid: {seq}\ndata: {}\n\n", plain(&batch)?);
        }
        for job in jobs {
            let _ = write!(out, "event: job\ndata: {}\n\n", plain(&job)?);
        }
        Ok(out)
    }))
}
