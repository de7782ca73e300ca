//! Reading tables whole: at the beginning, and where the stream has a gap. What is the same as recorded stays; what differs becomes one batch, a
//! merged interval.

use crate::base::digest::Digest;
use crate::base::error::Result;
use crate::base::monitor::Monitor;
use crate::engine::record::Batch;
use crate::storage::catalog::id;
use crate::storage::source::postgres::{Server, Table};

use super::compare::{Differing, each_difference};
use super::recorder::{Current, Recorder};
use super::rows::{Met, each_row};
use super::state::{Skip, State};
use super::{MERGED, Target};

/// Changes after which a batch is committed and another begun, so that memory stays bounded.
const PART_CHANGES: usize = 500_000;

/// Decides from the rows that differ whether they are those of an older state, before anything is recorded.
pub(super) type Judge<'j> = dyn FnMut(&mut State, &Differing) -> Result<()> + 'j;

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
    rows: u64,
}

impl<'a, 'r> Scan<'a, 'r> {
    pub(super) fn new(
        target: &'a Target<'a>,
        recorder: &'a mut Recorder<'r>,
        server: &'a mut Server,
        monitor: &'a dyn Monitor,
        reason: String,
    ) -> Self {
        Scan { target, recorder, server, monitor, reason, batch: None, met: Met::default(), before: i64::MAX, rows: 0 }
    }

    /// Makes the documents of `tables` equal to their rows and those of the tables `gone` removed, with the new schema where there is one. `all`
    /// says that these are all captured tables. The state that it leads to is that the stream goes on behind what the scan saw.
    ///
    /// `judge` is asked before anything is recorded whether the rows that differ are those of an older state; not where nothing was recorded before.
    pub(super) fn run(
        &mut self,
        tables: &[&Table],
        all: bool,
        gone: &[String],
        schema: Option<Vec<u8>>,
        state: &mut State,
        judge: Option<&mut Judge<'_>>,
    ) -> Result<()> {
        self.recorder.commit()?;
        let first = judge.is_none();
        self.before = id(self.target.tenant.id, self.target.tenant.position()?.seq);
        let counts = (self.recorder.report.added, self.recorder.report.removed);
        if !tables.is_empty() || all {
            let snapshot = self.server.begin_snapshot()?;
            let read = self.look_back(tables, gone, state, judge).and_then(|()| tables.iter().try_for_each(|table| self.table(table)));
            // A session whose statement failed ends the snapshot with the connection.
            read.and_then(|()| self.server.end_snapshot())?;
            let oids: Vec<i64> = if all { Vec::new() } else { tables.iter().map(|t| t.oid).collect() };
            state.skip = Some(Skip::new(&snapshot, &oids));
        }
        for name in gone {
            let prefix = [&self.target.prefix[..], name.as_bytes(), b"/"].concat();
            self.remove_unmet(&prefix)?;
        }
        state.scan = None;
        state.database = Some(self.server.number());
        state.remade = false;
        state.behind = None;
        state.rows = match all {
            true => self.rows,
            false => (state.rows + self.recorder.report.added - counts.0).saturating_sub(self.recorder.report.removed - counts.1),
        };
        if first && all {
            state.since = self.target.tenant.position()?.seq;
        }
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

    /// Whether the server went back in time, which only its rows can tell.
    fn look_back(&mut self, tables: &[&Table], gone: &[String], state: &mut State, judge: Option<&mut Judge<'_>>) -> Result<()> {
        let Some(judge) = judge else { return Ok(()) };
        let mut differing = Differing::new();
        each_difference(self.target, self.server, tables, gone, self.monitor, &mut |key, there| {
            differing.insert(key, there.as_deref().map(Digest::of));
            Ok(())
        })?;
        judge(state, &differing)
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
        // The server is read while the rows are recorded, so it cannot be borrowed with the rest.
        let (target, recorder, met) = (self.target, &mut *self.recorder, &mut self.met);
        let (mut held, reason, rows) = (self.batch.take(), &self.reason, &mut self.rows);
        each_row(target, self.server, table, self.monitor, &mut |key, row| {
            recorder.report.bytes_read += row.len() as u64;
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
            *rows += 1;
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
