//! Forgetting: the bytes of versions that no rule keeps are given up. What is recorded of them stays: who, when, why, size and digest.
//!
//! Plan, show, apply. The plan is made in one view of the catalogue and holds while nothing that bears on it is recorded; applying it appends
//! batches that say which contents were given up, and by which rules. A content goes only when every version that has it may go. Its chunks are
//! garbage from then on.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::base::aside::aside;
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::model::change::Change;
use crate::model::moment::duration_text;
use crate::model::retention::{Judge, Keeps, Past, Rules};
use crate::model::timeline::Position;
use crate::storage::catalog::keeping::PastRow;
use crate::storage::catalog::{View as Rows, number};
use crate::storage::config::Keep;

use super::brake::check_brake;
use super::history::is_under;
use super::hold::Holds;
use super::plans::By;
use super::record::Receipt;
use super::residency::allows;
use super::store::{Inner, Store, Tenant};

/// Documents looked at in one page.
const PAGE: usize = 500;
/// Contents given up by one batch. A writer waits for one batch, not for all: a millisecond or so.
pub(super) const CONTENTS_PER_BATCH: usize = 250;
/// Fact: when something was forgotten last, microseconds since 1970. What was compacted before then is not up to date.
pub(crate) const FORGOT: &str = "forgot";
/// What facts about what the rules would free begin with; then comes the tenant's id.
const SEEN: &str = "forget seen ";

/// One version and what the rules say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged<'a> {
    /// The document.
    pub key: &'a [u8],
    /// The version.
    pub version: &'a Past,
    /// What keeps it; nothing where it may go.
    pub keeps: Option<Keeps>,
}

/// How many versions, and bytes of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Versions.
    pub versions: u64,
    /// Bytes of their contents; those that versions share count for each.
    pub bytes: u64,
}

/// What would be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgetPlan {
    /// The tenant by name.
    pub tenant: String,
    /// The documents that were looked at.
    pub prefix: Vec<u8>,
    /// The rules.
    pub rules: Rules,
    /// Where the log ended.
    pub position: Position,
    /// Documents with versions that may go.
    pub documents: u64,
    /// Versions that may go.
    pub goes: Amount,
    /// Contents of them, each once.
    pub contents: u64,
    /// Their bytes, each once: what is freed before compression.
    pub bytes: u64,
    /// What keeps the others, by [`Keeps::word`].
    pub kept: BTreeMap<&'static str, Amount>,
    /// Numbers of the contents, ascending.
    numbers: Arc<[u64]>,
}

/// What was forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgot {
    /// The batches that say so, none where there was nothing to forget.
    pub receipts: Vec<Receipt>,
    /// Contents given up.
    pub contents: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What the rules of the configuration would free, as a planner saw it last.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct WouldFree {
    /// The rules, in words.
    pub rules: String,
    /// When it looked, microseconds since 1970; of several tenants when the first one was looked at.
    pub at: i64,
    /// Versions that may go.
    pub versions: u64,
    /// Bytes of their contents.
    pub bytes: u64,
}

impl From<&Keep> for Rules {
    fn from(keep: &Keep) -> Self {
        Rules {
            floor_secs: keep.floor_secs.unwrap_or(0),
            within_secs: keep.within_secs,
            last: keep.last,
            daily: keep.daily,
            weekly: keep.weekly,
            monthly: keep.monthly,
            yearly: keep.yearly,
        }
    }
}

/// Refuses rules that would forget what is younger than the floor of the configuration.
pub fn check_floor(rules: &Rules, keep: &Keep) -> Result<()> {
    let floor = keep.floor_secs.unwrap_or(0);
    match rules.within_secs {
        Some(within) if within < floor => {
            let text = format!("keeping {} is below the floor of {}", duration_text(within), duration_text(floor));
            Err(Error::new(Kind::Refused, "rule.floor", text).hint("nothing was changed; the floor is floor in [keep] of annals.toml"))
        }
        _ => Ok(()),
    }
}

impl Store {
    /// The rules of the configuration.
    pub fn keep_rules(&self) -> Rules {
        Rules::from(&self.config().keep)
    }

    /// What the rules would free, of all tenants, as it was seen last: by a forgetting, or a simulation of a whole tenant. Nothing where nobody
    /// looked since the rules are these. Costs nothing, however large the store is.
    pub fn would_free(&self) -> Result<Option<WouldFree>> {
        let rules = self.keep_rules().words();
        let seen = self.inner.catalog.read(|rows| rows.facts(SEEN))?;
        let mut all: Option<WouldFree> = None;
        for (_, text) in seen {
            let seen: WouldFree = serde_json::from_slice(&text).map_err(|_| Error::damaged("the note of what the rules would free"))?;
            if seen.rules != rules {
                continue;
            }
            all = Some(match all {
                None => seen,
                Some(all) => {
                    WouldFree { at: all.at.min(seen.at), versions: all.versions + seen.versions, bytes: all.bytes + seen.bytes, rules: all.rules }
                }
            });
        }
        Ok(all)
    }
}

impl ForgetPlan {
    /// Whether it is of the whole tenant by the rules of the configuration.
    fn is_whole(&self, store: &Inner) -> bool {
        self.prefix.is_empty() && self.rules == Rules::from(&store.config.keep)
    }
}

impl Tenant {
    /// Remembers what a plan for the whole tenant by the rules of the configuration would free, where that is another amount than before;
    /// other plans say nothing about it. `left` counts what was not forgotten.
    pub fn note_would_free(&self, plan: &ForgetPlan, left: bool) -> Result<()> {
        let inner = &*self.inner;
        if !plan.is_whole(inner) {
            return Ok(());
        }
        let (versions, bytes) = if left { (plan.goes.versions, plan.bytes) } else { (0, 0) };
        let name = format!("{SEEN}{}", self.public.to_hex());
        let note = WouldFree { rules: plan.rules.words(), at: inner.clock().now().micros(), versions, bytes };
        let known = inner.catalog.read(|rows| rows.fact(&name))?.and_then(|text| serde_json::from_slice::<WouldFree>(&text).ok());
        if known.is_some_and(|known| (known.versions, known.bytes, &known.rules) == (versions, bytes, &note.rules)) {
            return Ok(());
        }
        let text = serde_json::to_vec(&note).map_err(|e| Error::new(Kind::Failed, "forget.note", e.to_string()))?;
        inner.catalog.write(|w| w.set_fact(&name, &text))
    }
}

/// The last batch that as many remotes are known to hold as the tenant's rules want before anything may be thinned: `copies_min`, at least one.
pub(crate) fn shipped_to(inner: &Inner, rows: &Rows<'_>, tenant: &Tenant) -> Result<u64> {
    let rules = inner.config.tenants.get(tenant.name());
    let copies = rules.and_then(|rules| rules.copies_min).unwrap_or(1).max(1) as usize;
    let may = inner.config.remotes.iter().filter(|r| allows(&inner.config, tenant.name(), &r.name, r.region.as_deref()));
    let mut held = may.map(|r| rows.held_to(tenant.id, &r.name)).collect::<Result<Vec<_>>>()?;
    held.sort_unstable_by(|a, b| b.cmp(a));
    Ok(held.get(copies - 1).copied().unwrap_or(0))
}

/// Sees a document's key, its versions, and what keeps each.
type EachDocument<'e> = &'e mut dyn FnMut(&[u8], &[Past], Vec<Option<Keeps>>) -> Result<()>;

/// The documents that a plan looks at, one after the other.
struct Looking<'a> {
    rows: &'a Rows<'a>,
    tenant: &'a Tenant,
    prefix: &'a [u8],
    judge: Judge,
    holds: Holds,
    monitor: &'a dyn Monitor,
}

impl Looking<'_> {
    /// Calls `each` with every document that has versions besides a current one, its versions and what keeps them but for what they share.
    fn each(&self, phase: &'static str, each: EachDocument<'_>) -> Result<()> {
        let mut after: Option<Vec<u8>> = None;
        let mut items = 0;
        loop {
            let page = self.rows.documents_with_past(self.tenant.id, self.prefix, after.as_deref(), PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key.clone());
            for document in page.iter().filter(|document| is_under(self.prefix, &document.key)) {
                check_stop(self.monitor)?;
                let versions = self.versions(document.id)?;
                let verdicts = self.judge.judge(self.holds.over(&document.key), &versions);
                each(&document.key, &versions, verdicts)?;
                items += 1;
            }
            self.monitor.progress(&Progress { phase, items, ..Progress::default() });
        }
    }

    fn versions(&self, document: i64) -> Result<Vec<Past>> {
        let mut out: Vec<Past> = Vec::new();
        for PastRow { version: row, time, size, gone } in self.rows.past(document)? {
            let seq = number(row.batch);
            if let Some(last) = out.last_mut().filter(|last| last.until.is_none()) {
                last.until = Some((seq, time));
            }
            if let Some(content) = row.content {
                out.push(Past { number: row.number, seq, from: time, until: None, size, forgotten: gone.is_some(), content });
            }
        }
        Ok(out)
    }
}

impl Tenant {
    /// Plans to forget the versions under `prefix` (as for [`Tenant::rollback`]) that neither `rules` nor the floor of the configuration keep.
    /// Nothing that is current, held, marked or not offsite goes, whatever the rules.
    ///
    /// # Errors
    /// [`Kind::Refused`] (code `rule.floor`) where the rules would keep less than the floor.
    pub fn plan_forget(&self, prefix: impl AsRef<[u8]>, rules: &Rules, monitor: &dyn Monitor) -> Result<ForgetPlan> {
        let prefix = prefix.as_ref();
        aside(|| self.simulate(prefix, rules, monitor, &mut |_| Ok(())))
    }

    /// Like [`Tenant::plan_forget`], calling `each` with every version of every document that has any besides a current one, in order of key and
    /// number, and with what keeps it.
    pub fn simulate(
        &self,
        prefix: impl AsRef<[u8]>,
        rules: &Rules,
        monitor: &dyn Monitor,
        each: &mut dyn FnMut(Judged<'_>) -> Result<()>,
    ) -> Result<ForgetPlan> {
        let (inner, prefix) = (&*self.inner, prefix.as_ref());
        check_floor(rules, &inner.config.keep)?;
        let rules = Rules { floor_secs: inner.config.keep.floor_secs.unwrap_or(0), ..rules.clone() };
        let (now, zone) = (inner.clock().now(), self.zone());
        inner.catalog.read(|rows| {
            let position = rows.tenant_by_id(self.id)?.position;
            let judge = Judge::new(&rules, now, &zone, rows.marks(self.id)?, shipped_to(inner, rows, self)?);
            let holds = Holds::read(rows, self.id, now)?;
            let looking = Looking { rows, tenant: self, prefix, judge, holds, monitor };
            // A content may go when all versions that have it may: how many of them may, and how many there are.
            let mut going: HashMap<i64, u64> = HashMap::new();
            looking.each("judging versions", &mut |_, versions, verdicts| {
                for (version, verdict) in versions.iter().zip(verdicts) {
                    if verdict.is_none() {
                        *going.entry(version.content).or_default() += 1;
                    }
                }
                Ok(())
            })?;
            let mut all: HashMap<i64, u64> = going.keys().map(|content| (*content, 0)).collect();
            if !all.is_empty() {
                rows.count_uses(self.id, &mut all)?;
            }
            going.retain(|content, count| all.get(content) == Some(count));
            let mut plan = ForgetPlan {
                tenant: self.name().to_owned(),
                prefix: prefix.to_vec(),
                rules: rules.clone(),
                position,
                documents: 0,
                goes: Amount::default(),
                contents: going.len() as u64,
                bytes: 0,
                kept: BTreeMap::new(),
                numbers: Arc::default(),
            };
            let mut numbers = Vec::with_capacity(going.len());
            looking.each("explaining", &mut |key, versions, verdicts| {
                let before = plan.goes.versions;
                for (version, verdict) in versions.iter().zip(verdicts) {
                    let keeps = verdict.or_else(|| (!going.contains_key(&version.content)).then_some(Keeps::Shared));
                    let amount = match &keeps {
                        Some(keeps) => plan.kept.entry(keeps.word()).or_default(),
                        None => {
                            // Counted with the first version that has it.
                            if let Some(left) = going.get_mut(&version.content).filter(|left| **left > 0) {
                                *left = 0;
                                plan.bytes += version.size;
                                numbers.push(number(version.content));
                            }
                            &mut plan.goes
                        }
                    };
                    amount.versions += 1;
                    amount.bytes += version.size;
                    each(Judged { key, version, keeps })?;
                }
                plan.documents += u64::from(plan.goes.versions > before);
                Ok(())
            })?;
            numbers.sort_unstable();
            plan.numbers = numbers.into();
            Ok(plan)
        })
    }

    /// Carries a plan out: the bytes are given up, durably and for good. Their space is given back by [`Store::gc`]. Others may go on recording
    /// versions, before it and meanwhile.
    ///
    /// # Errors
    /// [`Kind::Refused`] (code `plan.stale`) where something was recorded since the plan was made that bears on it: a version with bytes that would
    /// go, a mark, a hold, another forgetting. A part may be done then.
    pub fn forget(&self, plan: &ForgetPlan, by: &By, monitor: &dyn Monitor) -> Result<Forgot> {
        let mut done = Forgot { receipts: Vec::new(), contents: 0, bytes: 0 };
        if plan.tenant != self.name() {
            return Err(Error::new(Kind::Refused, "plan.tenant", format!("the plan is for tenant {}, not {}", plan.tenant, self.name())));
        }
        let inner = &*self.inner;
        check_brake(inner)?;
        // What is being sealed now was looked at before: it must not lose its bytes on the way.
        let _sealing = inner.sealing.lock().unwrap_or_else(|e| e.into_inner());
        let rule = plan.rules.words();
        let mut position = plan.position;
        for numbers in plan.numbers.chunks(CONTENTS_PER_BATCH) {
            check_stop(monitor)?;
            let reason = if by.reason.is_empty() { format!("forgotten by the rules: {rule}") } else { by.reason.clone() };
            let mut batch = self.batch(&reason).actor(&by.actor).origin(&by.origin).expect_letting(position, plan.numbers.clone());
            batch.other(Change::Forget { rule: rule.clone(), contents: numbers.to_vec() })?;
            let now = u64::try_from(inner.clock().now().micros()).unwrap_or(0);
            let receipt = batch.fact(FORGOT, now.to_be_bytes().to_vec()).commit().map_err(|e| match done.contents {
                some if some > 0 && e.code() == "plan.stale" => {
                    e.hint(format!("{some} of {} contents were forgotten before that; make the plan again for the others", plan.contents))
                }
                _ => e,
            })?;
            position = receipt.position;
            done.contents += numbers.len() as u64;
            done.receipts.push(receipt);
            monitor.progress(&Progress { phase: "forgetting", items: done.contents, items_total: plan.contents, ..Progress::default() });
        }
        done.bytes = plan.bytes;
        Ok(done)
    }

    fn zone(&self) -> crate::model::moment::Zone {
        self.inner.config.store.zone.clone().unwrap_or_else(crate::model::moment::Zone::system)
    }
}
