//! Realignment of a database that went back in time: what its history has and it lacks comes back, what is only in it stays, and both are one
//! again. Nothing of either side is lost: the state in which the database was found is a batch of its own, before the one that realigns.
//!
//! Everything happens in one write transaction of the database. A file beside the image says what was written before that transaction is
//! committed; one commit of the log records both batches after it. Cut before the first, nothing happened; cut in between, the next look at the
//! database finds the rows that the file names, and records them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use crate::base::digest::{Digest, Hasher};
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, check_stop};
use crate::engine::plans::By;
use crate::engine::store::Tenant;
use crate::model::field::{self, Side};
use crate::model::key::{parse_key, show_key};
use crate::model::lineage::{Fate, Policy, Resolution, Verdict, classify};
use crate::model::moment::Moment;
use crate::model::plan::TouchedReference;
use crate::model::realign::{DatabaseRealign, InvariantRealign, Keep, Renumbered, RowConflict, RowRealign, TableRealign};
use crate::model::timeline::Position;
use crate::storage::catalog;
use crate::storage::config::{Capture, CaptureFrom, TableRule};

use super::behind::Behind;
use super::open::{ForeignKey, OpenDatabase, SCHEMA, TableFacts, Wish, forbidden, number_in, split, with_number};
use super::written::{RowDifference, Written, WrittenRow, content, requests_of};

/// What a table is where nobody says so.
const POLICY: Policy = Policy::Field;

/// What realigning a database did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseRealigned {
    /// What the keys of its rows begin with.
    pub prefix: String,
    /// The file.
    pub source: String,
    /// Which side stays in effect.
    pub keep: Keep,
    /// The batch that has the database as it was found; `None` where there was nothing to record.
    pub found: Option<u64>,
    /// The batch that realigned it, which can be undone; `None` where the database stays as it was found.
    pub batch: Option<u64>,
    /// Rows written into the database.
    pub written: u64,
    /// Rows that statements of the configuration changed.
    pub recomputed: u64,
    /// Numbers that two rows had.
    pub renumbered: Vec<Renumbered>,
    /// Rows about which nobody decided: what both sides changed is as in the history. The other state is in the batch `found`.
    pub open: Vec<String>,
    /// Where the log ends now.
    pub position: Position,
}

/// One row on both sides.
struct Both {
    key: Vec<u8>,
    /// The beginning of its key below the prefix, which names its table.
    table: Vec<u8>,
    base: Option<Vec<u8>>,
    there: Option<Vec<u8>>,
    recorded: Option<Vec<u8>>,
    fate: Fate,
    resolution: Resolution,
    fields: Vec<RowConflict>,
    /// What it becomes.
    wanted: Option<Vec<u8>>,
}

impl Both {
    /// Whether it came to be in the database after the fork.
    fn is_new_here(&self) -> bool {
        self.base.is_none() && self.there.is_some()
    }
}

/// The database and its history, under the write lock of the database.
struct Sides<'a> {
    tenant: &'a Tenant,
    /// Where the database is.
    source: String,
    behind: Behind,
    position: Position,
    keep: Keep,
    prefix: Vec<u8>,
    rules: Option<&'a Capture>,
    tables: HashMap<Vec<u8>, TableFacts>,
    rows: Vec<Both>,
    renumbered: Vec<Renumbered>,
    here_digest: Digest,
}

/// What carrying it out in the transaction came to.
struct Tried {
    written: u64,
    recomputed: u64,
    forbidden: Vec<(Vec<u8>, String)>,
    /// The answers to the invariants before and after.
    answers: Vec<(String, String)>,
}

impl Tenant {
    /// Compares the database that was captured under `prefix` with its history and plans what brings both into line; `None` where they are. The
    /// plan is tried out in the database and taken back: nobody else can write to it meanwhile. What the application committed since the last
    /// capture is recorded first, where the database is no older one.
    ///
    /// # Errors
    /// [`Kind::Missing`] where no database was captured there; [`Kind::Refused`] (code `realign.schema`) where its tables are defined otherwise
    /// than in its history; [`Kind::Usage`] for statements of `annals.toml` that cannot be run.
    pub fn plan_realign_database(&self, prefix: &[u8], keep: Keep, by: &By, monitor: &dyn Monitor) -> Result<Option<DatabaseRealign>> {
        let captured = self.captured_under(prefix)?;
        let source = captured.source();
        captured.open(self, by, monitor, |database| {
            let Some(sides) = Sides::of(self, source, prefix, database, keep, None, monitor)? else { return Ok(None) };
            let tried = sides.carry_out(database)?;
            sides.plan(tried).map(Some)
        })
    }

    /// Carries a plan out: in one transaction of the database, recorded as two batches. Interrupted at any place, the database is as it was or
    /// realigned, and the next capture records the latter.
    ///
    /// # Errors
    /// [`Kind::Refused`]: code `plan.stale` where either side moved since the plan was made, `realign.forbidden` where a rule of the database is
    /// violated, `invariant.broken` where an invariant would not hold. Nothing is changed then.
    pub fn realign_database(&self, plan: &DatabaseRealign, by: &By, monitor: &dyn Monitor) -> Result<DatabaseRealigned> {
        self.realign_database_once(plan, by, "", monitor)
    }

    /// Like [`Tenant::realign_database`], under a request id: whoever carries the same plan out again under the same id, because nobody knows
    /// whether it was done, is told what was done the first time.
    ///
    /// # Errors
    /// As [`Tenant::realign_database`].
    pub fn realign_database_once(&self, plan: &DatabaseRealign, by: &By, request: &str, monitor: &dyn Monitor) -> Result<DatabaseRealigned> {
        let prefix = parse_key(&plan.prefix);
        let captured = self.captured_under(&prefix)?;
        let source = captured.source();
        captured.open(self, by, monitor, |database| {
            let sides = Sides::of(self, source, &prefix, database, plan.keep, Some(plan), monitor)?;
            let bound = |s: &Sides<'_>| s.position.digest.to_hex() == plan.head_digest && s.here_digest.to_hex() == plan.here_digest;
            let Some(sides) = sides.filter(bound) else {
                if let Some(done) = self.realigned_before(plan, request)? {
                    return Ok(done);
                }
                return Err(Error::new(Kind::Refused, "plan.stale", format!("{} or its database moved since the plan was made", plan.prefix))
                    .hint(format!("make the plan again and look at it again: annals realign {}; nothing was changed", plan.prefix)));
            };
            let tried = sides.carry_out(database)?;
            sides.check(&tried)?;
            let batches = database.realign(sides.written(by, request), plan.keep != Keep::Ours)?;
            let open = sides.rows.iter().filter(|r| r.resolution == Resolution::Ask || !r.fields.is_empty()).map(|r| show_key(&r.key)).collect();
            Ok(DatabaseRealigned {
                prefix: plan.prefix.clone(),
                source: plan.source.clone(),
                keep: plan.keep,
                found: batches.found,
                batch: batches.made,
                written: tried.written,
                recomputed: tried.recomputed,
                renumbered: sides.renumbered,
                open,
                position: self.position()?,
            })
        })
    }
}

impl Tenant {
    /// What the batches of a request did.
    fn realigned_before(&self, plan: &DatabaseRealign, request: &str) -> Result<Option<DatabaseRealigned>> {
        let timeline = self.position()?.timeline;
        let [found, made] = requests_of(request);
        let (found, made) = self.inner.catalog.read(|rows| Ok((rows.batch_of_request(self.id, &found)?, rows.batch_of_request(self.id, &made)?)))?;
        let Some(last) = made.as_ref().or(found.as_ref()) else { return Ok(None) };
        let decided = |item: &&RowRealign| matches!(item.resolution, Resolution::Theirs | Resolution::Ours);
        Ok(Some(DatabaseRealigned {
            prefix: plan.prefix.clone(),
            source: plan.source.clone(),
            keep: plan.keep,
            found: found.as_ref().map(|batch| batch.head.seq),
            batch: made.as_ref().map(|batch| batch.head.seq),
            written: made.as_ref().map_or(0, |batch| batch.changes),
            recomputed: plan.recomputed,
            renumbered: plan.renumbered.clone(),
            open: plan.open().filter(|item| !decided(item)).map(|item| item.key.clone()).collect(),
            position: Position { timeline, seq: last.head.seq, digest: last.digest },
        }))
    }
}

impl<'a> Sides<'a> {
    /// Looks at both sides and decides about every row. `None` where they are in line, or what was left of an earlier realignment was recorded.
    fn of(
        tenant: &'a Tenant,
        source: String,
        prefix: &[u8],
        database: &mut dyn OpenDatabase,
        keep: Keep,
        decided: Option<&DatabaseRealign>,
        monitor: &dyn Monitor,
    ) -> Result<Option<Self>> {
        let Some(behind) = database.hold(decided.is_some())? else { return Ok(None) };
        let found = database.differences()?;
        database.refuse_other_schema(behind.seq)?;
        let position = tenant.position()?;
        let mut hasher = Hasher::new();
        for row in &found {
            hasher.update(Digest::of(&row.key).as_bytes());
            hasher.update(row.there.as_deref().map_or(Digest::ZERO, Digest::of).as_bytes());
        }
        let mut sides = Sides {
            tenant,
            rules: rules(tenant, &source, prefix),
            source,
            behind,
            position,
            keep,
            prefix: prefix.to_vec(),
            tables: database.tables()?.into_iter().map(|table| (table.key.clone(), table)).collect(),
            rows: Vec::with_capacity(found.len()),
            renumbered: Vec::new(),
            here_digest: hasher.finish(),
        };
        let then = tenant.at(&Moment::Seq(sides.behind.seq))?;
        for (i, row) in found.into_iter().enumerate() {
            if i % 1024 == 0 {
                check_stop(monitor)?;
            }
            let base = content(&then, &row.key)?;
            sides.add(row, base, keep)?;
        }
        if let Some(plan) = decided {
            sides.take_decisions(plan);
        }
        if keep == Keep::Both {
            sides.renumber(database)?;
        }
        Ok(Some(sides))
    }

    fn rule(&self, table: &[u8]) -> Option<&'a TableRule> {
        let name = &self.tables.get(table)?.name;
        self.rules?.rules.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, rule)| rule)
    }

    fn policy(&self, table: &[u8]) -> (Policy, bool) {
        match self.rule(table).and_then(|rule| rule.policy) {
            Some(policy) => (policy, false),
            None => (POLICY, true),
        }
    }

    fn add(&mut self, row: RowDifference, base: Option<Vec<u8>>, keep: Keep) -> Result<()> {
        let RowDifference { key, recorded, there } = row;
        let Some(fate) = classify(base.as_ref(), there.as_ref(), recorded.as_ref()) else { return Ok(()) };
        let table = split(&key[self.prefix.len()..]).0.to_vec();
        let resolution = match keep {
            Keep::Ours => Resolution::Ours,
            Keep::Theirs => Resolution::Theirs,
            Keep::Both => match self.policy(&table).0.resolve(fate) {
                // Only a number that two rows have is given anew; a row that both changed is merged.
                Resolution::Renumber if fate == Fate::Kept => Resolution::Ours,
                Resolution::Renumber if base.is_some() => Resolution::Merge,
                other => other,
            },
        };
        let mut both = Both { key, table, base, there, recorded, fate, resolution, fields: Vec::new(), wanted: None };
        decide(&mut both);
        self.rows.push(both);
        Ok(())
    }

    /// What a person wrote into a saved plan.
    fn take_decisions(&mut self, plan: &DatabaseRealign) {
        let wanted: HashMap<&str, Resolution> = plan.items.iter().map(|item| (item.key.as_str(), item.resolution)).collect();
        for row in &mut self.rows {
            if let Some(resolution @ (Resolution::Theirs | Resolution::Ours)) = wanted.get(show_key(&row.key).as_str())
                && *resolution != row.resolution
            {
                row.resolution = *resolution;
                row.fields.clear();
                decide(row);
            }
        }
    }

    /// Gives new numbers to rows of serial tables whose number the history gave to another row, and to what refers to them.
    fn renumber(&mut self, database: &mut dyn OpenDatabase) -> Result<()> {
        let names: Vec<Vec<u8>> = self.tables.keys().filter(|table| self.policy(table).0 == Policy::Serial).cloned().collect();
        let mut moved = Vec::new();
        for name in names {
            let Some(table) = self.tables.get(&name) else { continue };
            let counter = self.rule(&name).and_then(|rule| rule.counter.clone()).or_else(|| table.key_column.clone());
            let Some(column) = counter else {
                return Err(Error::usage("realign.counter", format!("{} is a serial table without a key of one column", table.name))
                    .hint("name its column of numbers in annals.toml: counter = \"COLUMN\""));
            };
            let number = |json: Option<&Vec<u8>>| json.and_then(|json| number_in(json, &column));
            let mut highest = database.highest(table, &column)?;
            let mut taken = HashSet::new();
            for row in self.rows.iter().filter(|row| row.table == name) {
                highest = highest.max(number(row.recorded.as_ref()).unwrap_or(0));
                taken.extend(number(row.recorded.as_ref()).filter(|_| row.base.is_none()));
            }
            let is_key = table.key_column.as_deref() == Some(column.as_str());
            for row in self.rows.iter_mut().filter(|row| row.table == name && row.is_new_here()) {
                let old = match number(row.there.as_ref()) {
                    // Without the number in its key, two rows of one key are one row that both made.
                    Some(old) if taken.contains(&old) && (is_key || row.recorded.is_none()) && is_ours(row.resolution) => old,
                    // Its number is its own.
                    _ if row.resolution == Resolution::Renumber => {
                        row.resolution = Resolution::Ask;
                        decide(row);
                        continue;
                    }
                    _ => continue,
                };
                highest += 1;
                row.resolution = Resolution::Renumber;
                self.renumbered.push(Renumbered { key: show_key(&row.key), table: table.name.clone(), column: column.clone(), old, new: highest });
                let Some(changed) = row.there.as_ref().map(|json| with_number(json, &column, highest)).transpose()? else { continue };
                if !is_key {
                    row.wanted = Some(changed);
                    continue;
                }
                row.wanted.clone_from(&row.recorded);
                moved.push(Both {
                    key: database.numbered_key(table, highest)?,
                    table: name.clone(),
                    base: None,
                    there: None,
                    recorded: None,
                    fate: Fate::Kept,
                    resolution: Resolution::Renumber,
                    fields: Vec::new(),
                    wanted: Some(changed),
                });
            }
        }
        self.follow(database)?;
        self.rows.extend(moved);
        Ok(())
    }

    /// Rows that are new in the database and name a renumbered one name it by its new number.
    fn follow(&mut self, database: &mut dyn OpenDatabase) -> Result<()> {
        if self.renumbered.is_empty() {
            return Ok(());
        }
        let mut names: HashMap<Vec<u8>, Vec<ForeignKey>> = HashMap::new();
        for row in &mut self.rows {
            if !row.is_new_here() || !matches!(row.resolution, Resolution::Ours | Resolution::Both) {
                continue;
            }
            let Some(table) = self.tables.get(&row.table) else { continue };
            if !names.contains_key(&row.table) {
                names.insert(row.table.clone(), database.foreign_keys(table)?);
            }
            for ForeignKey { column, parent, to } in names.get(&row.table).into_iter().flatten() {
                let Some(json) = &row.wanted else { continue };
                let value = number_in(json, column);
                let is = |r: &&Renumbered| r.table.eq_ignore_ascii_case(parent) && (to.is_empty() || r.column.eq_ignore_ascii_case(to));
                if let Some(found) = self.renumbered.iter().filter(is).find(|r| Some(r.old) == value) {
                    row.wanted = Some(with_number(json, column, found.new)?);
                }
            }
        }
        Ok(())
    }

    /// Writes the rows, computes what is derived, and asks the invariants, in the transaction of the database.
    fn carry_out(&self, database: &mut dyn OpenDatabase) -> Result<Tried> {
        let invariants = self.rules.map_or(&[][..], |rules| &rules.invariants[..]);
        let before = invariants.iter().map(|i| database.answer(&i.sql)).collect::<Result<Vec<_>>>()?;
        let wishes = self.rows.iter().filter(|row| row.wanted != row.there);
        let wishes = wishes.map(|row| Wish { key: row.key.clone(), wanted: row.wanted.clone(), known: row.there.clone() }).collect();
        let granted = database.give(wishes)?;
        let mut recomputed = 0;
        // One side alone is as it is; what is united has to be computed, also where the derived rows of both were the same.
        if self.keep == Keep::Both {
            for rule in self.rules.iter().flat_map(|rules| rules.rules.values()) {
                for statement in &rule.recompute {
                    recomputed += database.change(statement)?;
                }
            }
        }
        let after = invariants.iter().map(|i| database.answer(&i.sql)).collect::<Result<Vec<_>>>()?;
        let answers = before.into_iter().zip(after).collect();
        Ok(Tried { written: granted.done.len() as u64, recomputed, forbidden: granted.forbidden, answers })
    }

    /// Refuses what the database or an invariant does not allow. Where the database stays as it is, nothing can be broken by it.
    fn check(&self, tried: &Tried) -> Result<()> {
        if self.keep == Keep::Ours {
            return Ok(());
        }
        if let Some((key, why)) = tried.forbidden.first() {
            let more = if tried.forbidden.len() > 1 { format!(", and {} more rows", tried.forbidden.len() - 1) } else { String::new() };
            return Err(forbidden(&format!("{}: {why}{more}", show_key(key))));
        }
        for (invariant, (before, after)) in self.rules.iter().flat_map(|rules| &rules.invariants).zip(&tried.answers) {
            if *after != invariant.expect {
                let message = format!("{} would be {after} and must be {} (before it was {before})", invariant.name, invariant.expect);
                return Err(Error::new(Kind::Refused, "invariant.broken", message).hint(
                    "nothing was changed; look at the rows with annals realign --plan FILE, and at the policies of the tables in annals.toml",
                ));
            }
        }
        Ok(())
    }

    fn written(&self, by: &By, request: &str) -> Written {
        let rows = self.rows.iter().filter(|row| row.recorded != row.there);
        let rows = rows.map(|row| WrittenRow::new(&row.key, row.recorded.as_deref(), row.there.as_deref())).collect();
        let shown = show_key(&self.prefix);
        let name = shown.trim_end_matches('/');
        let reason = if by.reason.is_empty() { format!("{name} and its history in line again") } else { by.reason.clone() };
        let found = format!("{name} as it was found: back at seq {}", self.behind.seq);
        // What statements compute is only known in the database.
        let computed = |row: &&Both| row.resolution != Resolution::Recompute;
        let gives = self.rows.iter().filter(computed).filter(|row| row.wanted != row.there);
        let mut written = Written::new(&by.actor, &reason, &found, self.behind.seq, rows, gives.map(|row| (&row.key[..], row.wanted.as_deref())));
        request.clone_into(&mut written.request);
        written
    }

    fn plan(&self, tried: Tried) -> Result<DatabaseRealign> {
        let time = |seq: u64| if seq == 0 { Ok(None) } else { self.tenant.batch_at(seq).map(|batch| Some(batch.event.time.micros())) };
        let mut tables: BTreeMap<&[u8], u64> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| row.recorded != row.there) {
            *tables.entry(&row.table).or_default() += 1;
        }
        let tables = tables.into_iter().map(|(key, rows)| {
            let (policy, default) = self.policy(key);
            let table = self.tables.get(key).map_or_else(|| show_key(key), |t| t.name.clone());
            TableRealign { table, policy, default, rows }
        });
        let invariants = self.rules.iter().flat_map(|rules| &rules.invariants).zip(tried.answers).map(|(invariant, (now, then))| InvariantRealign {
            name: invariant.name.clone(),
            expect: invariant.expect.clone(),
            now,
            then,
        });
        let item = |row: &Both| RowRealign { key: show_key(&row.key), fate: row.fate, resolution: row.resolution, fields: row.fields.clone() };
        Ok(DatabaseRealign {
            tenant: self.tenant.name().to_owned(),
            prefix: show_key(&self.prefix),
            source: self.source.clone(),
            verdict: if self.behind.is_forked() { Verdict::Forked } else { Verdict::BehindClean },
            keep: self.keep,
            common: self.behind.seq,
            common_time: time(self.behind.seq)?,
            head: self.position.seq,
            head_digest: self.position.digest.to_hex(),
            head_time: time(self.position.seq)?,
            here_digest: self.here_digest.to_hex(),
            transactions: self.behind.transactions,
            same: self.same()?,
            tables: tables.collect(),
            items: self.rows.iter().filter(|row| row.recorded != row.there).map(item).collect(),
            renumbered: self.renumbered.clone(),
            recomputed: tried.recomputed,
            invariants: invariants.collect(),
            references: self.references()?,
            forbidden: tried.forbidden.into_iter().map(|(key, why)| (show_key(&key), why)).collect(),
            bytes: self.rows.iter().filter(|row| row.wanted != row.there).map(|row| row.wanted.as_ref().map_or(0, Vec::len) as u64).sum(),
        })
    }

    /// Rows that both sides changed after the fork, to the same.
    fn same(&self) -> Result<u64> {
        let differing: HashSet<&[u8]> = self.rows.iter().map(|row| &row.key[..]).collect();
        let id = self.tenant.id;
        self.tenant.inner.catalog.read(|rows| {
            let mut changed = HashSet::new();
            rows.versions_of_batches(catalog::id(id, self.behind.seq + 1), catalog::id(id, self.position.seq), |v| {
                changed.insert(v.document);
                Ok(())
            })?;
            let mut same = 0;
            for document in changed {
                let Some(row) = rows.document_by_id(document)? else { continue };
                if !row.key.starts_with(&self.prefix) || row.key.ends_with(SCHEMA) || differing.contains(&row.key[..]) {
                    continue;
                }
                let then = rows.version_at(document, catalog::id(id, self.behind.seq))?.and_then(|v| v.content);
                same += u64::from(then != row.content);
            }
            Ok(same)
        })
    }

    fn references(&self) -> Result<Vec<TouchedReference>> {
        let mut out = Vec::new();
        for row in self.rows.iter().filter(|row| row.base.is_some() || row.recorded.is_some()) {
            let references = match self.tenant.refs(&row.key) {
                Err(e) if e.kind() == Kind::Missing => continue,
                references => references?,
            };
            out.extend(references.into_iter().map(|r| TouchedReference {
                key: show_key(&row.key),
                system: r.system,
                id: r.id,
                state: r.state,
                irrevocable: r.irrevocable,
                later: row.base.is_none(),
            }));
        }
        Ok(out)
    }
}

fn is_ours(resolution: Resolution) -> bool {
    matches!(resolution, Resolution::Renumber | Resolution::Ours)
}

/// What a row becomes by its resolution.
fn decide(row: &mut Both) {
    row.wanted = match row.resolution {
        Resolution::Theirs => row.recorded.clone(),
        Resolution::Ours | Resolution::Both => row.there.clone().or_else(|| row.recorded.clone().filter(|_| row.resolution == Resolution::Both)),
        Resolution::Recompute | Resolution::Ask if row.fate != Fate::Kept => match row.fate {
            Fate::Recovered => row.recorded.clone(),
            _ => row.recorded.clone().or_else(|| row.there.clone()),
        },
        Resolution::Recompute | Resolution::Ask => row.there.clone(),
        // A number that two rows have: decided when all rows are known.
        Resolution::Renumber => row.recorded.clone(),
        Resolution::Merge => {
            let merged = match (&row.base, &row.there, &row.recorded) {
                (Some(base), Some(there), Some(recorded)) => field::merge(base, there, recorded, Side::Theirs).ok(),
                _ => None,
            };
            match merged {
                Some(merge) => {
                    let text = |v: &Option<field::Value>| v.as_ref().map(ToString::to_string);
                    let conflict = |c: &field::Conflict| RowConflict {
                        path: c.path.to_string(),
                        base: text(&c.base),
                        here: text(&c.ours),
                        recorded: text(&c.theirs),
                    };
                    row.fields = merge.conflicts.iter().map(conflict).collect();
                    Some(merge.merged)
                }
                None => {
                    row.resolution = Resolution::Ask;
                    row.recorded.clone().or_else(|| row.there.clone())
                }
            }
        }
    };
}

/// What the configuration says of the database: by its prefix, or by its file.
fn rules<'a>(tenant: &'a Tenant, source: &str, prefix: &[u8]) -> Option<&'a Capture> {
    let captures = &tenant.inner.config.captures;
    let below = |capture: &&Capture| {
        let name = capture.prefix.clone().unwrap_or_else(|| capture.name.clone());
        parse_key(name.trim_end_matches('/')) == prefix[..prefix.len().saturating_sub(1)]
    };
    let file = |capture: &&Capture| matches!(&capture.from, CaptureFrom::Sqlite { path, .. } if path == Path::new(source));
    captures.iter().find(below).or_else(|| captures.iter().find(file))
}
