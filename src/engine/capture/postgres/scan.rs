//! Reading tables whole: at the beginning, and where the stream has a gap. What is the same as recorded stays; what differs becomes one batch, a
//! merged interval.

use std::collections::HashMap;

use crate::base::error::Result;
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::engine::record::Batch;
use crate::format::pgrow::{self, Cell};
use crate::storage::catalog::{id, number};
use crate::storage::source::postgres::{Server, Table};

use super::recorder::{Current, Recorder};
use super::state::{Skip, State};
use super::stream::content_name;
use super::{MERGED, Target};

/// Changes after which a batch is committed and another begun, so that memory stays bounded.
const PART_CHANGES: usize = 500_000;

/// Which documents were met: one bit for each that the tenant ever had.
#[derive(Default)]
struct Met(Vec<u64>);

impl Met {
    fn set(&mut self, document: i64) {
        let (word, bit) = (number(document) as usize / 64, number(document) % 64);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << bit;
    }

    fn has(&self, document: i64) -> bool {
        self.0.get(number(document) as usize / 64).is_some_and(|word| word & 1 << (number(document) % 64) != 0)
    }
}

pub(super) struct Scan<'a, 'r> {
    pub(super) target: &'a Target<'a>,
    pub(super) recorder: &'a mut Recorder<'r>,
    pub(super) server: &'a mut Server,
    pub(super) monitor: &'a dyn Monitor,
    /// Why, for the history.
    pub(super) reason: String,
    batch: Option<Batch>,
    met: Met,
    /// The last batch before the scan: what has a later version was written by the scan itself.
    before: i64,
    items: u64,
}

impl<'a, 'r> Scan<'a, 'r> {
    pub(super) fn new(
        target: &'a Target<'a>,
        recorder: &'a mut Recorder<'r>,
        server: &'a mut Server,
        monitor: &'a dyn Monitor,
        reason: String,
    ) -> Self {
        Scan { target, recorder, server, monitor, reason, batch: None, met: Met::default(), before: i64::MAX, items: 0 }
    }

    /// Makes the documents of `tables` equal to their rows and those of the tables `gone` removed, with the new schema where there is one. `all`
    /// says that these are all captured tables. The state that it leads to is that the stream goes on behind what the scan saw.
    pub(super) fn run(&mut self, tables: &[&Table], all: bool, gone: &[String], schema: Option<Vec<u8>>, state: &mut State) -> Result<()> {
        self.recorder.commit()?;
        self.before = id(self.target.tenant.id, self.target.tenant.position()?.seq);
        for name in gone {
            let prefix = [&self.target.prefix[..], name.as_bytes(), b"/"].concat();
            self.remove_unmet(&prefix)?;
        }
        if !tables.is_empty() || all {
            let snapshot = self.server.begin_snapshot()?;
            let read = tables.iter().try_for_each(|table| self.table(table));
            self.server.end_snapshot()?;
            read?;
            let oids: Vec<i64> = if all { Vec::new() } else { tables.iter().map(|t| t.oid).collect() };
            state.skip = Some(Skip::new(&snapshot, &oids));
        }
        state.scan = None;
        let mut batch = self.batch();
        if let Some(schema) = schema {
            batch.put(self.target.schema_key(), &schema[..])?;
        }
        if batch.is_empty() {
            return self.recorder.set_state(state);
        }
        self.recorder.report.merged_intervals += u64::from(self.reason.starts_with(MERGED));
        self.recorder.take(batch, state, [])?;
        self.recorder.commit()
    }

    fn batch(&mut self) -> Batch {
        self.batch.take().unwrap_or_else(|| self.target.merged(&self.reason))
    }

    /// Adds to the batch; where it got large it is committed as a part.
    fn add(&mut self, key: &[u8], row: Option<&[u8]>, current: &Current) -> Result<()> {
        let mut batch = self.batch();
        self.recorder.set(&mut batch, key, row, current)?;
        match batch.len() >= PART_CHANGES {
            true => self.recorder.commit_part(batch),
            false => {
                self.batch = Some(batch);
                Ok(())
            }
        }
    }

    fn table(&mut self, table: &Table) -> Result<()> {
        let columns: Vec<(&str, u32)> = table.stored().map(|c| (&c.name[..], c.type_oid)).collect();
        let key: Vec<usize> = table.key.iter().filter_map(|name| columns.iter().position(|(column, _)| column == name)).collect();
        let target = self.target;
        // Equal rows of a table without a key, by how many of them came so far.
        let mut equal: HashMap<String, u32> = HashMap::new();
        // The server is read while the rows are recorded, so it cannot be borrowed with the rest.
        let (recorder, monitor, met) = (&mut *self.recorder, self.monitor, &mut self.met);
        let (mut held, reason, items) = (self.batch.take(), &self.reason, &mut self.items);
        self.server.rows(table, &mut |values| {
            let cells = columns.iter().zip(&values).map(|((name, oid), value)| (*name, *oid, value.as_deref().map_or(Cell::Null, Cell::Text)));
            let row = pgrow::row_json(cells);
            recorder.report.bytes_read += row.len() as u64;
            let key = match key.is_empty() {
                true => {
                    let n = equal.entry(content_name(&row, 1)).and_modify(|n| *n += 1).or_insert(1);
                    target.content_key(table, &row, *n)
                }
                false => target.row_key(table, key.iter().map(|at| values.get(*at).and_then(Option::as_deref).unwrap_or_default()).collect()),
            };
            let current = recorder.current(&key)?;
            if let Current::Recorded { document, .. } = &current {
                met.set(*document);
            }
            let mut batch = held.take().unwrap_or_else(|| target.merged(reason));
            recorder.set(&mut batch, &key, Some(&row), &current)?;
            match batch.len() >= PART_CHANGES {
                true => recorder.commit_part(batch)?,
                false => held = Some(batch),
            }
            *items += 1;
            if items.is_multiple_of(1024) {
                check_stop(monitor)?;
                monitor.progress(&Progress { phase: "reading", items: *items, bytes: recorder.report.bytes_read, ..Progress::default() });
            }
            Ok(())
        })?;
        self.batch = held;
        self.remove_unmet(&target.table_key(table))
    }

    /// Removes the documents under `prefix` that were not met and are not new in this scan.
    fn remove_unmet(&mut self, prefix: &[u8]) -> Result<()> {
        let target = self.target;
        target.each_document(prefix, &mut |document| {
            if self.met.has(document.id) || document.latest.is_some_and(|batch| batch > self.before) {
                return Ok(());
            }
            let current = self.recorder.current(&document.key)?;
            self.add(&document.key, None, &current)
        })
    }
}
