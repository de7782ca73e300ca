//! A captured PostgreSQL database that is open for writing. Rows that are given back are held one by one; for a realignment all captured tables
//! are held, so that nobody writes while both sides are looked at. What is written comes back in the stream, where it is known by the number of
//! its transaction.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::Monitor;
use crate::engine::capture::behind::Behind;
use crate::engine::capture::open::{
    Credit, ForeignKey, Granted, OpenDatabase, RealignedBatches, TableFacts, Wish, directory, forbidden, gifts, id_of, other_schema, settle, split,
};
use crate::engine::capture::written::{RowDifference, Written};
use crate::engine::plans::By;
use crate::engine::record::{Batch, Receipt};
use crate::engine::store::Tenant;
use crate::format::pgoutput::Lsn;
use crate::model::change::Cause;
use crate::model::key::parse_key;
use crate::storage::config::CaptureFrom;
use crate::storage::source::outcome::Outcome;
use crate::storage::source::postgres::writer::{Gift, Writer};
use crate::storage::source::postgres::{Identity, Server, Snapshot, Table};

use super::compare::differences;
use super::recorder::meta;
use super::row::texts;
use super::state::{Given, Skip, State};
use super::{PgCapture, PgCaptured, SLOT_BYTES_MAX, Target, capturing, fact_name, go_on, hold, schema, state, visit};

/// How the capture of a state is gone on with: as the configuration says, where it knows it.
fn capture_of(tenant: &Tenant, state: &State) -> Result<PgCapture> {
    let prefix = parse_key(&state.prefix);
    let mut what = PgCapture {
        url: state.url.clone(),
        name: state.name.clone(),
        prefix,
        tables: state.tables.clone(),
        slot_bytes_max: SLOT_BYTES_MAX,
        accept: false,
        password_file: None,
    };
    let known = tenant.inner.config.captures.iter().find(|capture| capture.name == state.name);
    if let Some(CaptureFrom::Postgres { url, tables, password_file }) = known.map(|capture| &capture.from) {
        (what.url, what.tables, what.password_file) = (url.clone(), tables.clone(), password_file.clone());
    }
    if what.url.is_empty() {
        return Err(Error::new(Kind::Refused, "capture.address", format!("the address of {} is not known", state.prefix))
            .hint("capture it once more with annals capture postgres, or name it in annals.toml"));
    }
    Ok(what)
}

/// Brings the history of a captured database up to now.
pub(in crate::engine::capture) fn catch_up(tenant: &Tenant, state: &State, by: &By, monitor: &dyn Monitor) -> Result<()> {
    tenant.capture_postgres(&capture_of(tenant, state)?, by, monitor).map(drop)
}

/// In which rows a captured database differs from its history, by table and key.
pub(in crate::engine::capture) fn compare_rows(tenant: &Tenant, state: &State, monitor: &dyn Monitor) -> Result<Vec<RowDifference>> {
    let (what, by) = (capture_of(tenant, state)?, By::default());
    let turn = capturing(tenant, &what.name);
    let _held = hold(&turn);
    let mut server = Server::connect(&what.address(tenant))?;
    let all = server.tables()?;
    let (tables, described) = (what.chosen(&all)?, what.described(&all)?);
    let target = what.target(tenant, &by, &server);
    server.begin_snapshot()?;
    let found = differences(&target, &mut server, &tables, &described, monitor)?;
    server.end_snapshot()?;
    Ok(found)
}

/// Lets `act` write to the database.
pub(in crate::engine::capture) fn open<T>(
    tenant: &Tenant,
    state: &State,
    by: &By,
    monitor: &dyn Monitor,
    act: impl FnOnce(&mut dyn OpenDatabase) -> Result<T>,
) -> Result<T> {
    let what = capture_of(tenant, state)?;
    // First, so that nobody else records what is written here, as if the application had done it.
    let turn = capturing(tenant, &what.name);
    let _held = hold(&turn);
    let server = Server::connect(&what.address(tenant))?;
    act(&mut Open { tenant, what: &what, by, monitor, server, writer: None, tables: HashMap::new(), described: Vec::new(), held: None })
}

struct Open<'w> {
    tenant: &'w Tenant,
    what: &'w PgCapture,
    by: &'w By,
    monitor: &'w dyn Monitor,
    /// The connection over which the stream is read.
    server: Server,
    /// The transaction, over a connection of its own.
    writer: Option<Writer>,
    /// The captured tables, by the beginning of their rows' keys.
    tables: HashMap<Vec<u8>, Table>,
    /// Those that the schema describes.
    described: Vec<Table>,
    /// What is seen since nobody else can write.
    held: Option<Snapshot>,
}

/// What a realignment leaves for whoever goes on after a cut.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Mark {
    system: String,
    timeline: i64,
    /// The transaction.
    number: u64,
    /// What it saw before it wrote, so that the stream does not give that again.
    snapshot: String,
    until: u64,
}

impl Open<'_> {
    fn directory(&self) -> PathBuf {
        directory(&self.tenant.inner, &id_of(self.tenant, &self.what.prefix))
    }

    fn begin(&mut self) -> Result<()> {
        if self.writer.is_none() {
            let all = self.server.tables()?;
            let chosen = self.what.chosen(&all)?;
            self.described = self.what.described(&all)?.into_iter().cloned().collect();
            self.tables = chosen.iter().map(|table| ([table.text().as_bytes(), b"/"].concat(), (*table).clone())).collect();
            self.writer = Some(Writer::begin(Server::connect(&self.what.address(self.tenant))?)?);
        }
        Ok(())
    }

    fn writer(&mut self) -> Result<&mut Writer> {
        self.writer.as_mut().ok_or_else(closed)
    }

    fn table(&self, table: &TableFacts) -> Result<Table> {
        self.tables.get(&table.key).cloned().ok_or_else(|| Error::damaged("the schema of a captured database"))
    }

    /// The row of a wish as it is written; the reason where it cannot be.
    fn gift(&self, wish: &Wish) -> Result<std::result::Result<Gift, String>> {
        let (table, _) = split(&wish.key[self.what.prefix.len()..]);
        let Some(table) = self.tables.get(table) else { return Ok(Err("its table does not exist any more, or is not captured".into())) };
        let read = |json: &Option<Vec<u8>>| match json {
            None => Ok(Ok(None)),
            Some(json) => texts(table, json).map(|row| row.map(Some)),
        };
        let wanted = match read(&wish.wanted)? {
            Ok(row) => row,
            Err(why) => return Ok(Err(why)),
        };
        let known = match read(&wish.known)? {
            Ok(row) => row,
            Err(why) => return Ok(Err(why)),
        };
        Ok(Ok(Gift { table: table.clone(), wanted, known }))
    }

    fn load(&self) -> Result<State> {
        state::load(self.tenant, &self.what.name)?.ok_or_else(|| Error::damaged("the state of a capture"))
    }
}

fn closed() -> Error {
    Error::new(Kind::Failed, "source.closed", "the transaction in the database is over")
}

impl OpenDatabase for Open<'_> {
    fn catch_up(&mut self) -> Result<()> {
        go_on(self.tenant, self.what, self.by, &mut self.server, &mut None, self.monitor).map(drop)
    }

    fn give(&mut self, wishes: Vec<Wish>) -> Result<Granted> {
        self.begin()?;
        let (gifts, refused) = gifts(wishes, &mut |wish| self.gift(wish))?;
        let writer = self.writer()?;
        writer.mark()?;
        let mut granted = settle(gifts.clone(), &mut |gift: &Gift| writer.write(gift))?;
        // What is checked at the end may need all rows together. Where it is violated even so, each row has to answer for itself.
        if let Outcome::Forbidden(_) = writer.check()? {
            writer.back()?;
            granted = settle(gifts, &mut |gift: &Gift| writer.write(gift))?;
        }
        granted.forbidden.extend(refused);
        Ok(granted)
    }

    fn commit(&mut self, credit: Credit) -> Result<std::result::Result<Option<Receipt>, String>> {
        let number = self.writer()?.number()?;
        // Before the commit: from then on the stream has it, whoever reads it.
        let mut state = self.load()?;
        state.given = Some(Given::new(number, &credit));
        state::save(self.tenant, &self.what.name, &state)?;
        let writer = self.writer.take().ok_or_else(closed)?;
        if let Outcome::Forbidden(why) = writer.commit()? {
            state.given = None;
            state::save(self.tenant, &self.what.name, &state)?;
            return Ok(Err(why));
        }
        let PgCaptured { given, .. } = visit(self.tenant, self.what, self.by, &mut self.server, &mut None, None, self.monitor)?;
        Ok(Ok(given))
    }

    fn hold(&mut self, to_write: bool) -> Result<Option<Behind>> {
        match go_on(self.tenant, self.what, self.by, &mut self.server, &mut None, self.monitor) {
            Err(e) if e.code().starts_with("lineage.") && e.at().seq.is_some() => {}
            done => return done.map(|_| None),
        }
        let mut state = self.load()?;
        let Some(behind) = state.behind.clone() else { return Ok(None) };
        if to_write {
            // The slot comes first: it waits for transactions, and those might wait for us. What is committed after this is in the stream.
            state.remade = true;
            state::save(self.tenant, &self.what.name, &state)?;
            let all = self.server.tables()?;
            let name = self.what.slot_name();
            self.what.publish(&mut self.server, &all)?;
            self.server.drop_slot(&name)?;
            self.server.make_slot(&name)?;
        }
        self.begin()?;
        let tables: Vec<Table> = self.tables.values().cloned().collect();
        let mut tables: Vec<&Table> = tables.iter().collect();
        tables.sort_by_key(|table| table.oid);
        let writer = self.writer()?;
        writer.hold(&tables)?;
        self.held = Some(self.writer()?.snapshot()?);
        Ok(Some(behind))
    }

    fn differences(&mut self) -> Result<Vec<RowDifference>> {
        let tables: Vec<Table> = self.tables.values().cloned().collect();
        let tables: Vec<&Table> = tables.iter().collect();
        let described: Vec<&Table> = self.described.iter().collect();
        let target = self.what.target(self.tenant, self.by, &self.server);
        differences(&target, self.writer.as_mut().ok_or_else(closed)?.server(), &tables, &described, self.monitor)
    }

    fn refuse_other_schema(&mut self, fork: u64) -> Result<()> {
        let tables: Vec<&Table> = self.described.iter().collect();
        let recorded = self.what.target(self.tenant, self.by, &self.server).schema()?;
        match schema::first_other(&recorded, &schema::value(&tables)?) {
            None => Ok(()),
            Some(table) => Err(other_schema(fork, &format!(", for example table {table}"))),
        }
    }

    fn tables(&mut self) -> Result<Vec<TableFacts>> {
        let facts = |(key, table): (&Vec<u8>, &Table)| TableFacts {
            key: key.clone(),
            name: table.shown(),
            key_column: table.key.first().filter(|_| table.key.len() == 1).cloned(),
        };
        Ok(self.tables.iter().map(facts).collect())
    }

    fn highest(&mut self, table: &TableFacts, column: &str) -> Result<i64> {
        let table = self.table(table)?;
        self.writer()?.highest(&table, column)
    }

    fn foreign_keys(&mut self, table: &TableFacts) -> Result<Vec<ForeignKey>> {
        let table = self.table(table)?;
        let all = self.writer()?.foreign_keys(&table)?;
        let shown = |schema: String, name: String| if schema == "public" { name } else { format!("{schema}.{name}") };
        Ok(all.into_iter().map(|(column, schema, name, to)| ForeignKey { column, parent: shown(schema, name), to }).collect())
    }

    fn numbered_key(&mut self, table: &TableFacts, number: i64) -> Result<Vec<u8>> {
        let target = self.what.target(self.tenant, self.by, &self.server);
        Ok(target.row_key(&self.table(table)?, vec![number.to_string().as_bytes()]))
    }

    fn answer(&mut self, sql: &str) -> Result<String> {
        self.writer()?.answer(sql)
    }

    fn change(&mut self, sql: &str) -> Result<u64> {
        self.writer()?.change(sql)
    }

    fn realign(&mut self, mut written: Written, write: bool) -> Result<RealignedBatches> {
        // What statements computed is known in the database alone, and after the commit anybody may change it.
        written.became(&self.differences()?);
        let held = self.held.clone().ok_or_else(closed)?;
        let identity = self.server.identity()?;
        let number = self.writer()?.number()?;
        let mark = Mark { system: identity.system.clone(), timeline: identity.timeline, number, snapshot: held.text, until: held.lsn.0 };
        written.mark = serde_json::to_value(&mark).ok();
        let writer = self.writer.take().ok_or_else(closed)?;
        if write {
            written.keep(&self.directory())?;
            if let Outcome::Forbidden(why) = writer.commit()? {
                Written::forget(&self.directory())?;
                return Err(forbidden(&format!("all of it together: {why}")));
            }
        } else {
            drop(writer);
        }
        let target = self.what.target(self.tenant, self.by, &self.server);
        let identity = self.server.identity()?;
        let state = self.load()?;
        let batches = record(&target, self.what, &mut self.server, &identity, &state, &written, &mark)?;
        Written::forget(&self.directory())?;
        // What came after it, if anything, is recorded at the next visit too; but then the slot would stand still until then.
        visit(self.tenant, self.what, self.by, &mut self.server, &mut None, None, self.monitor)?;
        Ok(batches)
    }
}

/// Finishes a realignment that was cut between the commit in the database and the one in the log, or forgets one that was not committed.
pub(super) fn finish(
    tenant: &Tenant,
    what: &PgCapture,
    by: &By,
    server: &mut Server,
    identity: &Identity,
    known: Option<State>,
    written: Written,
) -> Result<Option<State>> {
    let dir = directory(&tenant.inner, &id_of(tenant, &what.prefix));
    let mark: Option<Mark> = written.mark.clone().and_then(|mark| serde_json::from_value(mark).ok());
    let committed = match (&mark, &known) {
        (Some(mark), Some(state)) if state.behind.is_some() && (&mark.system, mark.timeline) == (&identity.system, identity.timeline) => {
            server.became_of(mark.number)? == Some(true)
        }
        _ => false,
    };
    let known = match (committed, mark, known) {
        (true, Some(mark), Some(state)) => {
            record(&what.target(tenant, by, server), what, server, identity, &state, &written, &mark)?;
            state::load(tenant, &what.name)?
        }
        (_, _, known) => known,
    };
    Written::forget(&dir)?;
    Ok(known)
}

/// Records a realignment as two batches, and goes on with the server as it is now: one commit.
fn record(
    target: &Target<'_>,
    what: &PgCapture,
    server: &mut Server,
    identity: &Identity,
    state: &State,
    written: &Written,
    mark: &Mark,
) -> Result<RealignedBatches> {
    let all = server.tables()?;
    let document = schema::document(&what.described(&all)?, &server.enums()?);
    let mut next = State { since: state.since, rows: state.rows, scan: None, ..State::new(target.tenant, what, server.place(), identity)? };
    next.skip = Some(Skip::new(&Snapshot { text: mark.snapshot.clone(), lsn: Lsn(mark.until) }, &[]));
    next.high = identity.lsn.0;
    let [as_found, as_made] = written.steps(&target.tenant.now(), &written.made())?;
    let mut batches: Vec<Batch> = Vec::new();
    let (mut added, mut removed) = (0, 0);
    let which = [(as_found, &written.found_reason, " (as found)"), (as_made, &written.reason, "")];
    let mut made = [false; 2];
    for (i, ((steps, reason, note), request)) in which.into_iter().zip(written.requests()).enumerate() {
        let origin = format!("{}{note}", target.origin);
        let mut batch = target.tenant.batch(reason).actor(&written.actor).origin(&origin).cause(Cause::Realign(written.fork)).request_id(&request);
        for step in steps {
            match &step.is {
                Some(row) => batch.put_with(&step.key, &mut &row[..], meta())?,
                None => batch.remove(&step.key)?,
            }
            added += u64::from(step.was.is_none());
            removed += u64::from(step.is.is_none());
        }
        if i == 0 && serde_json::from_slice::<serde_json::Value>(&document).ok() != Some(target.schema()?) {
            batch.put(target.schema_key(), &document[..])?;
        }
        if !batch.is_empty() {
            made[i] = true;
            batches.push(batch);
        }
    }
    next.rows = (next.rows + added).saturating_sub(removed);
    let Some(last) = batches.pop() else {
        state::save(target.tenant, &what.name, &next)?;
        return Ok(RealignedBatches::default());
    };
    batches.push(last.fact(&fact_name(target.tenant.id, &what.name), next.to_bytes()?));
    let receipts = Batch::commit_all(batches)?;
    let mut seqs = receipts.iter().map(|receipt| receipt.position.seq);
    let found = if made[0] { seqs.next() } else { None };
    Ok(RealignedBatches { found, made: if made[1] { seqs.next() } else { None } })
}
