//! The stream of committed transactions: each becomes one batch, in the order of the commits.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::base::digest::Digest;
use crate::base::error::{Error, Result};
use crate::base::limits;
use crate::base::time::Timestamp;
use crate::engine::record::Batch;
use crate::format::pgoutput::{Before, Lsn, Message, Relation, Tuple, Value};
use crate::format::pgrow::{self, Cell};
use crate::model::moment;
use crate::storage::source::postgres::Table;

use super::Target;
use super::recorder::{Current, Recorder};
use super::state::{State, apart};

/// Prefix of the messages that are for us: `pg_logical_emit_message(true, 'annals', '{"actor":"806","reason":"new prices"}')`.
const MESSAGE_PREFIX: &str = "annals";

/// What an application may say about its transaction.
#[derive(Default, Deserialize)]
struct Said {
    #[serde(default)]
    actor: String,
    #[serde(default)]
    reason: String,
}

/// A transaction that is being read.
struct Transaction {
    commit: Lsn,
    time: Timestamp,
    xid: u32,
    /// It is recorded already: only looked at.
    known: bool,
    /// A scan saw it already, for these tables.
    seen: bool,
    /// What the application said of it in a message.
    said: Said,
    /// What it wrote into the table of who and why.
    context: Said,
    /// What the documents are at its end, and the order in which they came up.
    rows: HashMap<Vec<u8>, Option<Vec<u8>>>,
    order: Vec<Vec<u8>>,
    bytes: usize,
    part: u32,
}

/// Reads messages and records transactions.
pub(super) struct Stream<'a, 'r> {
    pub(super) target: &'a Target<'a>,
    pub(super) recorder: &'a mut Recorder<'r>,
    pub(super) state: &'a mut State,
    /// Tables by number.
    pub(super) tables: &'a HashMap<i64, Table>,
    /// Tables (numbers) of which the recorded schema says the same as the present one. Rows of others come with the new schema.
    pub(super) known_tables: &'a HashSet<i64>,
    /// The new schema, until a transaction took it along.
    pub(super) schema: &'a mut Option<Vec<u8>>,
    /// What the server said of tables, for as long as it says so once.
    relations: &'a mut HashMap<u32, Relation>,
    open: Option<Transaction>,
    /// End of the last transaction that was read; what the server may forget once everything is committed.
    pub(super) read_to: Lsn,
    pub(super) messages: u64,
    /// The slot stands before the last recorded transaction, so that one must come again before anything else is new.
    owes_last: bool,
}

impl<'a, 'r> Stream<'a, 'r> {
    #[expect(clippy::too_many_arguments, reason = "each is a part of it, and none belongs to another")]
    pub(super) fn new(
        target: &'a Target<'a>,
        recorder: &'a mut Recorder<'r>,
        state: &'a mut State,
        tables: &'a HashMap<i64, Table>,
        known_tables: &'a HashSet<i64>,
        schema: &'a mut Option<Vec<u8>>,
        relations: &'a mut HashMap<u32, Relation>,
        owes_last: bool,
    ) -> Self {
        Stream { target, recorder, state, tables, known_tables, schema, relations, open: None, read_to: Lsn(0), messages: 0, owes_last }
    }

    /// Takes one message.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.messages += 1;
        self.recorder.report.bytes_read += bytes.len() as u64;
        match Message::parse(bytes)? {
            Message::Begin { commit, time, xid } => self.begin(commit, time, xid),
            Message::Commit { end, .. } => self.end(end),
            Message::Relation(relation) => {
                self.relations.insert(relation.id, relation);
                Ok(())
            }
            Message::Insert { relation, row } => self.row(relation, None, Some(row)),
            Message::Update { relation, before, row } => self.row(relation, before, Some(row)),
            Message::Delete { relation, before } => self.row(relation, Some(before), None),
            Message::Truncate { relations } => relations.into_iter().try_for_each(|relation| self.truncate(relation)),
            Message::Logical { transactional: true, prefix, content } if prefix == MESSAGE_PREFIX => {
                self.said(&content);
                Ok(())
            }
            Message::Logical { .. } | Message::Type { .. } | Message::Origin { .. } => Ok(()),
        }
    }

    /// Whether the end of a transaction is still to come.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    fn open(&mut self) -> Result<&mut Transaction> {
        self.open.as_mut().ok_or_else(|| Error::damaged("a change of PostgreSQL outside of any transaction"))
    }

    fn begin(&mut self, commit: Lsn, time: Timestamp, xid: u32) -> Result<()> {
        if self.open.is_some() {
            return Err(Error::damaged("a transaction of PostgreSQL inside another"));
        }
        let known = commit.0 < self.state.lsn;
        if !known {
            self.check_line()?;
        }
        let seen = match &self.state.skip {
            Some(skip) => skip.saw(xid, commit)?,
            None => false,
        };
        if self.state.skip.as_ref().is_some_and(|skip| skip.is_over(commit)) {
            self.state.skip = None;
        }
        self.open = Some(Transaction {
            commit,
            time,
            xid,
            known,
            seen,
            said: Said::default(),
            context: Said::default(),
            rows: HashMap::new(),
            order: Vec::new(),
            bytes: 0,
            part: 0,
        });
        Ok(())
    }

    /// Where recorded transactions are to come again, the last recorded one must be among them: otherwise the server has another history now.
    pub(super) fn check_line(&self) -> Result<()> {
        if self.owes_last {
            let text = format!("{} has other transactions before {} than were captured", self.state.place, Lsn(self.state.lsn));
            return Err(apart("lineage.forked", text));
        }
        Ok(())
    }

    fn said(&mut self, content: &[u8]) {
        let Some(open) = &mut self.open else { return };
        let text = String::from_utf8_lossy(content);
        let said = serde_json::from_str(&text).unwrap_or_else(|_| Said { actor: String::new(), reason: text.into_owned() });
        open.said = Said { actor: short(&said.actor), reason: short(&said.reason) };
    }

    /// Takes who and why from a row of the table for that. What it leaves out stays as an earlier row of the transaction said it.
    fn hear(&mut self, relation: &Relation, row: &Tuple) -> Result<()> {
        let context = &mut self.open()?.context;
        for (column, value) in relation.columns.iter().zip(row) {
            let Value::Text(text) = value else { continue };
            match &column.name[..] {
                "actor" => context.actor = short(&String::from_utf8_lossy(text)),
                "reason" => context.reason = short(&String::from_utf8_lossy(text)),
                _ => {}
            }
        }
        Ok(())
    }

    /// The table of a relation, where its rows are wanted.
    fn table(&mut self, relation: u32) -> Result<Option<(&'a Table, Relation)>> {
        let (known, seen) = self.open().map(|t| (t.known, t.seen))?;
        let Some(description) = self.relations.get(&relation).cloned() else { return Err(Error::damaged("a row of an unknown table of PostgreSQL")) };
        let Some(table) = self.tables.get(&i64::from(relation)) else { return Ok(None) };
        let seen = seen && self.state.skip.as_ref().is_some_and(|skip| skip.covers(table.oid));
        // What will be read whole need not be followed until then.
        let waits = self.state.scan.as_ref().is_some_and(|scan| scan.is_empty() || scan.contains(&table.oid));
        Ok((!known && !seen && !waits).then_some((table, description)))
    }

    fn now(&self, key: &[u8]) -> Result<Current> {
        match self.open.as_ref().and_then(|open| open.rows.get(key)) {
            Some(Some(row)) => Ok(Current::Waiting(row.clone())),
            Some(None) => Ok(Current::Absent),
            None => self.recorder.current(key),
        }
    }

    fn set(&mut self, key: Vec<u8>, row: Option<Vec<u8>>) -> Result<()> {
        let open = self.open()?;
        open.bytes += key.len() + row.as_ref().map_or(0, Vec::len) + 64;
        if open.rows.insert(key.clone(), row).is_none() {
            open.order.push(key);
        }
        if open.bytes > limits::TRANSACTION_BYTES_MAX { self.part() } else { Ok(()) }
    }

    fn row(&mut self, relation: u32, before: Option<Before>, after: Option<Tuple>) -> Result<()> {
        let Some((table, relation)) = self.table(relation)? else { return Ok(()) };
        if table.is_context() {
            return after.map_or(Ok(()), |row| self.hear(&relation, &row));
        }
        if table.key.is_empty() {
            return self.keyless(table, &relation, before, after);
        }
        let old_key = match &before {
            Some(before) => Some(before.tuple()),
            None => after.as_ref(),
        };
        let Some(old_key) = old_key.and_then(|tuple| self.key(table, &relation, tuple)) else { return self.unresolved(table) };
        let Some(after) = after else { return self.set(old_key, None) };
        let Some(new_key) = self.key(table, &relation, &after) else { return self.unresolved(table) };
        let row = match self.whole(&relation, &old_key, before.as_ref(), &after)? {
            Some(row) => row,
            None => return self.unresolved(table),
        };
        if before.is_some() && new_key != old_key {
            self.set(old_key, None)?;
        }
        self.set(new_key, Some(row))
    }

    /// Notes that a table must be read whole, because what the stream says of it cannot be understood.
    fn unresolved(&mut self, table: &Table) -> Result<()> {
        self.state.ask_scan(&[table.oid]);
        Ok(())
    }

    fn key(&self, table: &Table, relation: &Relation, tuple: &Tuple) -> Option<Vec<u8>> {
        let value = |name: &String| {
            let at = relation.columns.iter().position(|c| c.name == *name)?;
            match tuple.get(at)? {
                Value::Text(text) => Some(&text[..]),
                Value::Null | Value::Unchanged => None,
            }
        };
        Some(self.target.row_key(table, table.key.iter().map(value).collect::<Option<Vec<_>>>()?))
    }

    /// The row with what the update left out filled in; `None` where nobody knows it.
    fn whole(&self, relation: &Relation, old_key: &[u8], before: Option<&Before>, row: &Tuple) -> Result<Option<Vec<u8>>> {
        if row.len() != relation.columns.len() {
            return Err(Error::damaged("a row of PostgreSQL with another number of columns than its table"));
        }
        if !row.contains(&Value::Unchanged) {
            return Ok(Some(json_of(relation, row, &HashMap::new(), None)));
        }
        let full = match before {
            Some(Before::Full(tuple)) => Some(tuple),
            _ => None,
        };
        let known = match full {
            Some(_) => None,
            None => self.recorder.json(&self.now(old_key)?)?,
        };
        let known: HashMap<String, Box<RawValue>> = match &known {
            Some(json) => serde_json::from_slice(json).map_err(|e| Error::damaged("a recorded row").caused_by(e))?,
            None => HashMap::new(),
        };
        let resolved = relation.columns.iter().zip(row).enumerate().all(|(i, (column, value))| match (value, full) {
            (Value::Unchanged, Some(full)) => full.get(i).is_some_and(|v| *v != Value::Unchanged),
            (Value::Unchanged, None) => known.contains_key(&column.name),
            _ => true,
        });
        Ok(resolved.then(|| json_of(relation, row, &known, full)))
    }

    /// A table whose rows have no key: a row is what it says, and equal rows are counted.
    fn keyless(&mut self, table: &Table, relation: &Relation, before: Option<Before>, after: Option<Tuple>) -> Result<()> {
        if let Some(before) = &before {
            let Before::Full(old) = before else { return self.unresolved(table) };
            let row = json_of(relation, old, &HashMap::new(), None);
            let mut last = None;
            for n in 1.. {
                let key = self.target.content_key(table, &row, n);
                if self.now(&key)?.is_absent() {
                    break;
                }
                last = Some(key);
            }
            match last {
                Some(key) => self.set(key, None)?,
                None => return self.unresolved(table),
            }
        }
        let Some(after) = after else { return Ok(()) };
        let full = before.as_ref().map(Before::tuple);
        if after.contains(&Value::Unchanged) && full.is_none() {
            return self.unresolved(table);
        }
        let row = json_of(relation, &after, &HashMap::new(), full);
        let mut n = 1;
        let key = loop {
            let key = self.target.content_key(table, &row, n);
            if self.now(&key)?.is_absent() {
                break key;
            }
            n += 1;
        };
        self.set(key, Some(row))
    }

    fn truncate(&mut self, relation: u32) -> Result<()> {
        let Some((table, _)) = self.table(relation)?.filter(|(table, _)| !table.is_context()) else { return Ok(()) };
        // What waits for its commit is among what exists then.
        self.recorder.commit()?;
        let prefix = self.target.table_key(table);
        let own: Vec<Vec<u8>> = self.open()?.order.iter().filter(|key| key.starts_with(&prefix)).cloned().collect();
        own.into_iter().try_for_each(|key| self.set(key, None))?;
        let target = self.target;
        target.each_document(&prefix, &mut |document| self.set(document.key, None))
    }

    fn end(&mut self, end: Lsn) -> Result<()> {
        let open = self.open()?;
        let (known, xid, time) = (open.known, open.xid, open.time.micros());
        if known {
            // On a server that went back, the next transaction has the number of the lost one and may be as long. But it was committed at another
            // time.
            let is_last = (end.0, xid) == (self.state.lsn, self.state.xid) && self.state.committed.is_none_or(|then| then == time);
            self.owes_last &= !is_last;
        } else {
            self.record(Some(end))?;
        }
        self.open = None;
        self.read_to = end;
        Ok(())
    }

    /// Records what there is of a transaction that is too large for one batch. If it does not come to its end, it is read again from the start,
    /// and what is recorded already is found to be the same.
    fn part(&mut self) -> Result<()> {
        self.open()?.part += 1;
        self.record(None)
    }

    fn record(&mut self, end: Option<Lsn>) -> Result<()> {
        let target = self.target;
        let Some(open) = &mut self.open else { return Ok(()) };
        let (mut rows, order) = (std::mem::take(&mut open.rows), std::mem::take(&mut open.order));
        open.bytes = 0;
        let (actor, said) = (first(&open.said.actor, &open.context.actor), first(&open.said.reason, &open.context.reason));
        let reason = match open.part {
            0 => first(said, &target.by.reason).to_owned(),
            part => format!("part {part} of a transaction: {said}"),
        };
        let actor = first(actor, &target.by.actor);
        let origin = format!("{} transaction {} at {}, committed {}", target.origin, open.xid, open.commit, moment::rfc3339_utc(open.time));
        let mut batch: Batch = target.tenant.batch(&reason).actor(actor).origin(&origin);
        let given = self.state.given.clone().filter(|given| given.is(open.xid));
        if let Some(given) = &given {
            batch = given.sign(batch, end.is_some())?;
        }
        let counts = (self.recorder.report.added, self.recorder.report.removed);
        for key in &order {
            let current = self.recorder.current(key)?;
            let row = rows.get(key).and_then(Option::as_deref);
            self.recorder.set(&mut batch, key, row, &current)?;
        }
        // The schema goes with the first rows that follow it.
        let new_table = self.relations.keys().any(|id| !self.known_tables.contains(&i64::from(*id)));
        if let Some(schema) = self.schema.take_if(|_| new_table && !batch.is_empty()) {
            batch.put(target.schema_key(), &schema[..])?;
        }
        let (added, removed) = (self.recorder.report.added - counts.0, self.recorder.report.removed - counts.1);
        self.state.rows = (self.state.rows + added).saturating_sub(removed);
        let Some(end) = end else {
            return if batch.is_empty() { Ok(()) } else { self.recorder.commit_part(batch) };
        };
        if batch.is_empty() {
            return Ok(());
        }
        self.recorder.report.transactions += 1;
        (self.state.lsn, self.state.xid, self.state.committed) = (end.0, open.xid, Some(open.time.micros()));
        self.state.high = self.state.high.max(end.0);
        if given.is_some() {
            self.state.given = None;
            self.recorder.next_is_given();
        }
        let rows = order.into_iter().map(|key| {
            let row = rows.remove(&key).flatten();
            (key, row)
        });
        self.recorder.take(batch, self.state, rows)
    }
}

/// A text of the application, not longer than a batch may carry.
fn short(text: &str) -> String {
    let end = text.char_indices().nth(limits::TEXT_BYTES_MAX / 8).map_or(text.len(), |(at, _)| at);
    text[..end].to_owned()
}

/// The first of two texts, unless it is empty.
fn first<'t>(text: &'t str, other: &'t str) -> &'t str {
    if text.is_empty() { other } else { text }
}

/// The JSON of a row. A value that the update left out is taken from the row before, or from the recorded one.
fn json_of(relation: &Relation, row: &Tuple, known: &HashMap<String, Box<RawValue>>, full: Option<&Tuple>) -> Vec<u8> {
    pgrow::row_json(relation.columns.iter().zip(row).enumerate().map(|(i, (column, value))| {
        let cell = match value {
            Value::Null => Cell::Null,
            Value::Text(text) => Cell::Text(text),
            Value::Unchanged => match (full.and_then(|full| full.get(i)), known.get(&column.name)) {
                (Some(Value::Text(text)), _) => Cell::Text(text),
                (_, Some(json)) => Cell::Json(json.get()),
                (_, None) => Cell::Null,
            },
        };
        (&column.name[..], column.type_oid, cell)
    }))
}

/// The digest by which a row without a key is known.
pub(super) fn content_name(row: &[u8], n: u32) -> String {
    let name = Digest::of(row).short(32);
    if n == 1 { format!("row:{name}") } else { format!("row:{name}.{n}") }
}
