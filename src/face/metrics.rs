//! What a monitoring system asks for: the store and its agent as numbers, in the text format of Prometheus.
//!
//! Gauges come from the store, so they are right also without an agent; what only grows counts from the start of the agent.
//! The format: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::{Display, Write};

use crate::agent::daemon::Handle;
use crate::agent::health::{self, Health};
use crate::agent::site::Troubles;
use crate::agent::tally::{Tally, Tries};
use crate::agent::{proof, worker};
use crate::base::disk;
use crate::base::error::Result;
use crate::base::time::Timestamp;
use crate::engine::store::Store;
use crate::model::job::State;

/// The media type of [`text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How the store is, and what its agent did so far, where one runs.
///
/// # Errors
/// Where the catalogue cannot be read.
pub fn text(store: &Store, agent: Option<&Handle>) -> Result<String> {
    let mut page = Page::default();
    let troubles = agent.map(Handle::troubles).unwrap_or_default();
    holdings(&mut page, store)?;
    remotes(&mut page, store)?;
    work(&mut page, store)?;
    proofs(&mut page, store)?;
    trouble(&mut page, store, &troubles)?;
    page.gauge("annals_agent_up", "Whether an agent runs on the store.").add(&[], u8::from(agent.is_some()));
    if let Some(agent) = agent {
        counters(&mut page, &agent.tally());
    }
    Ok(page.0)
}

/// The page as it is written, one family of numbers after the other.
#[derive(Default)]
struct Page(String);

/// One family: a name, what it means, and its numbers.
struct Family<'p> {
    page: &'p mut String,
    name: &'static str,
}

impl Page {
    fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "gauge", help)
    }

    fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "counter", help)
    }

    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        // Writing to a text cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Family { page: &mut self.0, name }
    }
}

impl Family<'_> {
    fn add(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.add_part("", labels, value);
    }

    fn add_time(&mut self, labels: &[(&str, &str)], at: Timestamp) {
        self.add(labels, at.secs());
    }

    fn add_part(&mut self, part: &str, labels: &[(&str, &str)], value: impl Display) {
        let shown: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let shown = if shown.is_empty() { String::new() } else { format!("{{{}}}", shown.join(",")) };
        let _ = writeln!(self.page, "{}{part}{shown} {value}", self.name);
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn holdings(page: &mut Page, store: &Store) -> Result<()> {
    let seen = store.status()?;
    let site = seen.site_name.clone().unwrap_or_default();
    let id = seen.site.to_hex();
    let mut info = page.gauge("annals_info", "Which program and which site this is.");
    info.add(&[("version", env!("CARGO_PKG_VERSION")), ("site", &site), ("site_id", &id)], 1);
    let mut family = page.gauge("annals_position_seq", "The last batch of the tenant's log.");
    seen.tenants.iter().for_each(|t| family.add(&[("tenant", &t.name)], t.position.seq));
    let mut family = page.gauge("annals_documents", "Documents that exist now.");
    seen.tenants.iter().for_each(|t| family.add(&[("tenant", &t.name)], t.documents));
    let mut family = page.gauge("annals_unshipped_batches", "Batches that fewer remotes hold than the tenant's rules ask for.");
    seen.tenants.iter().for_each(|t| family.add(&[("tenant", &t.name)], t.unshipped.batches));
    let mut family = page.gauge("annals_unshipped_changes", "Changes in those batches.");
    seen.tenants.iter().for_each(|t| family.add(&[("tenant", &t.name)], t.unshipped.changes));
    let mut family = page.gauge("annals_unshipped_bytes", "Bytes of new contents in those batches, before packing.");
    seen.tenants.iter().for_each(|t| family.add(&[("tenant", &t.name)], t.unshipped.bytes));
    let mut family = page.gauge("annals_unshipped_age_seconds", "Age of the oldest of those batches; 0 where there is none.");
    for t in &seen.tenants {
        let age = t.unshipped.oldest.map_or(0, |at| (seen.now.secs() - at.secs()).max(0));
        family.add(&[("tenant", &t.name)], age);
    }
    let mut family =
        page.gauge("annals_lineage_fenced", "Whether nothing of the tenant is shipped, because its history went back in time or parted.");
    seen.lineage.iter().for_each(|s| family.add(&[("tenant", &s.tenant)], u8::from(s.fence.is_some())));
    let mut family = page.gauge("annals_brake", "Whether most of the tenant was changed at once and nobody has looked yet: nothing is forgotten.");
    seen.tenants.iter().for_each(|t| family.add(&[("tenant", &t.name)], u8::from(seen.brakes.iter().any(|brake| brake.tenant == t.name))));
    page.gauge("annals_damaged", "Whether bytes that were recorded are gone.").add(&[], u8::from(seen.damaged));
    page.gauge("annals_open_batches", "Batches that are collected over several commands and are not committed.").add(&[], seen.drafts);
    page.gauge("annals_store_bytes", "Bytes of the store's directory.").add(&[], seen.disk_bytes);
    page.gauge("annals_disk_free_bytes", "Bytes free on the store's disk.").add(&[], disk::free_bytes(store.dir())?);
    if let Some(quota) = seen.quota_bytes {
        page.gauge("annals_quota_bytes", "Bytes that the store may take.").add(&[], quota);
    }
    let mut family = page.gauge("annals_capture_behind", "Whether the captured database went back in time.");
    for capture in seen.captures.iter().filter(|capture| capture.waits.is_none()) {
        family.add(&[("prefix", &capture.prefix.to_string())], u8::from(capture.behind.is_some()));
    }
    Ok(())
}

fn remotes(page: &mut Page, store: &Store) -> Result<()> {
    let (healths, statuses) = (health::remotes(store)?, store.remote_statuses()?);
    let mut family = page.gauge("annals_remote_state", "1 for the state that the remote is in.");
    for remote in &healths {
        for state in [Health::Good, Health::Waiting, Health::Stale, Health::Broken] {
            family.add(&[("remote", &remote.name), ("state", state.word())], u8::from(remote.health == state));
        }
    }
    let mut family = page.gauge("annals_remote_last_success_timestamp_seconds", "When the remote last did what it was asked.");
    healths.iter().filter_map(|r| Some((r, r.contact.good?))).for_each(|(r, at)| family.add_time(&[("remote", &r.name)], at));
    let mut family = page.gauge("annals_remote_last_shipped_timestamp_seconds", "When an object last arrived there.");
    statuses.iter().filter_map(|r| Some((r, r.last_shipped?))).for_each(|(r, at)| family.add_time(&[("remote", &r.place.name)], at));
    let mut family = page.gauge("annals_remote_behind_batches", "Batches that wait to be shipped there.");
    statuses.iter().for_each(|r| family.add(&[("remote", &r.place.name)], r.behind()));
    let mut family = page.gauge("annals_remote_objects", "Objects that the remote is known to hold.");
    statuses.iter().for_each(|r| family.add(&[("remote", &r.place.name)], r.held.iter().map(|h| h.objects).sum::<u64>()));
    let mut family = page.gauge("annals_remote_line_bytes_per_second", "What the line to the remote was measured to carry.");
    for remote in &statuses {
        if let Some(rate) = store.measured_rate(&remote.place.name)? {
            family.add(&[("remote", &remote.place.name)], rate);
        }
    }
    if let (Some(allowance), Some((left, until))) = (&store.config().schedule.allowance, worker::allowance_left(store)?) {
        page.gauge("annals_allowance_bytes", "Bytes that may be shipped in a period.").add(&[], allowance.bytes);
        page.gauge("annals_allowance_left_bytes", "Bytes of it that are left.").add(&[], left);
        page.gauge("annals_allowance_until_timestamp_seconds", "When the next period begins.").add_time(&[], until);
    }
    Ok(())
}

fn work(page: &mut Page, store: &Store) -> Result<()> {
    let counted = store.inner.catalog.read(|v| v.count_jobs())?;
    let mut family = page.gauge("annals_jobs", "Jobs by kind and state; those that are over are remembered for a while.");
    for (kind, state, count) in &counted {
        family.add(&[("kind", kind), ("state", state)], count);
    }
    // Always there, so that an alarm on it has something to look at.
    if counted.iter().all(|(_, state, _)| state != State::Dead.word()) {
        family.add(&[("kind", ""), ("state", State::Dead.word())], 0);
    }
    Ok(())
}

fn proofs(page: &mut Page, store: &Store) -> Result<()> {
    if let Some(note) = proof::last_verify(store)? {
        let depth = [("depth", note.depth.word())];
        page.gauge("annals_verify_timestamp_seconds", "When the store was last verified, and how deep.").add_time(&depth, Timestamp(note.at));
        page.gauge("annals_verify_problems", "What that found to be wrong.").add(&[], note.problems);
        page.gauge("annals_verify_contents", "Contents that it looked at.").add(&[], note.contents);
        page.gauge("annals_verify_bytes", "Bytes that it read.").add(&[], note.bytes);
    }
    let mut drills = Vec::new();
    for remote in &store.config().remotes {
        drills.extend(proof::last_drill(store, &remote.name)?.map(|note| (&remote.name, note)));
    }
    let mut family = page.gauge("annals_drill_timestamp_seconds", "When a rebuild from the remote was last rehearsed.");
    drills.iter().for_each(|(name, note)| family.add_time(&[("remote", name)], Timestamp(note.at)));
    let mut family = page.gauge("annals_drill_ok", "Whether what was rebuilt is what is here.");
    drills.iter().for_each(|(name, note)| family.add(&[("remote", name)], u8::from(note.well)));
    let mut family = page.gauge("annals_drill_rto_seconds", "How long the rebuild took.");
    drills.iter().for_each(|(name, note)| family.add(&[("remote", name)], note.rto_secs));
    let mut family = page.gauge("annals_drill_rpo_seconds", "Age of the oldest change that would have been lost.");
    drills.iter().for_each(|(name, note)| family.add(&[("remote", name)], note.rpo_secs));
    Ok(())
}

fn trouble(page: &mut Page, store: &Store, troubles: &Troubles) -> Result<()> {
    let problems = health::problems(store, troubles)?;
    let well = store.safety()?.is_safe() && problems.is_empty();
    page.gauge("annals_safe", "Whether the verdict of annals status is Safe.").add(&[], u8::from(well));
    page.gauge("annals_problems", "Problems that people should know of.").add(&[], problems.len());
    let mut family = page.gauge("annals_problem", "1 for each of them.");
    problems.iter().for_each(|p| family.add(&[("problem", &p.key)], 1));
    page.gauge("annals_disk_full", "Whether nothing is recorded because there is no space.").add(&[], u8::from(troubles.full_since.is_some()));
    page.gauge("annals_config_error", "Whether annals.toml cannot be used.").add(&[], u8::from(troubles.config.is_some()));
    Ok(())
}

fn counters(page: &mut Page, tally: &Tally) {
    page.gauge("annals_agent_start_timestamp_seconds", "When the agent started.").add_time(&[], tally.started);
    let mut family = page.counter("annals_job_tries_total", "Tries of jobs by how they ended.");
    for (kind, tries) in &tally.tries {
        for (word, count) in Tries::WORDS.iter().zip(tries.ended) {
            family.add(&[("kind", kind), ("ended", word)], count);
        }
    }
    let mut family = page.counter("annals_job_retries_total", "Tries of jobs that had been tried before.");
    tally.tries.iter().for_each(|(kind, tries)| family.add(&[("kind", kind)], tries.again));
    let mut family = page.family("annals_job_seconds", "summary", "How long tries of jobs took.");
    for (kind, tries) in &tally.tries {
        family.add_part("_sum", &[("kind", kind)], tries.secs);
        family.add_part("_count", &[("kind", kind)], tries.ended.iter().sum::<u64>());
    }
    let mut family = page.counter("annals_shipped_bytes_total", "Bytes shipped.");
    tally.carried.iter().for_each(|(name, c)| family.add(&[("remote", name)], c.bytes));
    let mut family = page.counter("annals_shipped_objects_total", "Objects shipped.");
    tally.carried.iter().for_each(|(name, c)| family.add(&[("remote", name)], c.objects));
    let mut family = page.counter("annals_remote_requests_total", "Requests made on the line.");
    tally.carried.iter().for_each(|(name, c)| family.add(&[("remote", name)], c.requests));
    let mut family = page.counter("annals_remote_retries_total", "Requests that failed and were made again.");
    tally.carried.iter().for_each(|(name, c)| family.add(&[("remote", name)], c.retries));
    let mut family = page.counter("annals_capture_looks_total", "How often the source was recorded, or found to be recorded.");
    tally.captures.iter().for_each(|(name, c)| family.add(&[("capture", name)], c.looks));
    let mut family = page.gauge("annals_capture_last_success_timestamp_seconds", "When that was last.");
    tally.captures.iter().filter_map(|(name, c)| Some((name, c.last?))).for_each(|(name, at)| family.add_time(&[("capture", name)], at));
    let mut family = page.counter("annals_alerts_total", "Messages about problems, by whether they were delivered.");
    family.add(&[("result", "delivered")], tally.told.0);
    family.add(&[("result", "failed")], tally.told.1);
}
