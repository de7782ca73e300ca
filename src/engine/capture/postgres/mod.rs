//! Capture of a PostgreSQL database: every committed transaction becomes one batch, in the order of the commits, with one document for each row.
//!
//! The server keeps what we have not recorded in a replication slot. Changes are looked at, recorded durably together with how far they reach, and
//! only then the slot is moved. So nothing is lost when either side dies, and what comes again is recognised by its place in the server's log.
//!
//! The first rows are read in one snapshot after the slot was made. The snapshot says which transactions it sees; those are skipped in the
//! stream. The same way bridges a gap: a slot that was lost, a table that is new or that means something else now.

mod schema;
mod row;
mod state;
mod recorder;
mod stream;
mod rows;
mod compare;
mod scan;
mod open;
mod follow;
pub mod dump;

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{MutexGuard, PoisonError};
use std::time::Instant;

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde_json::Value;

use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::limits;
use crate::base::monitor::{Monitor, check_stop};
use crate::engine::capture::behind::Replayed;
use crate::engine::capture::lineage::{self, Counter, Fork};
use crate::engine::capture::open::{SCHEMA, directory, id_of};
use crate::engine::capture::written::Written;
use crate::engine::plans::By;
use crate::engine::record::{Batch, Receipt};
use crate::engine::store::{Tenant, Turn};
use crate::format::pgoutput::{Lsn, Relation};
use crate::format::pgrow;
use crate::model::key::show_key;
use crate::storage::catalog::documents::DocumentRow;
use crate::storage::source::postgres::{Address, Glance, Server, Slot, Table, WalStatus};

use compare::{Compared, Differing, each_difference, gone};
pub use follow::PgFollower;
use follow::{Followed, Seen, Work};
pub(super) use open::{catch_up, compare_rows, open};
use recorder::Recorder;
use scan::Scan;
use state::{Finding, Standing, Told, apart, compare, fact_name};
pub(super) use state::{State, all};
use stream::{Stream, content_name};

/// Begins the reason of a batch that stands for several transactions.
const MERGED: &str = "merged interval";
/// Messages that are looked at together. A transaction is never cut.
const PEEK: i32 = 20_000;
/// Documents fetched from the catalogue at a time.
const PAGE: usize = 1024;
/// Bytes of log that the server may keep for us before we give the slot up, unless told otherwise: 1 GiB.
pub const SLOT_BYTES_MAX: u64 = 1 << 30;

/// What to capture and where to.
#[derive(Debug, Clone)]
pub struct PgCapture {
    /// The database: `postgresql://user@host/db`, or `host=.. dbname=..`.
    pub url: String,
    /// Name of the capture; publication and slot are called after it.
    pub name: String,
    /// Put before `TABLE/KEY` to make a document's key; ends in `/`.
    pub prefix: Vec<u8>,
    /// Which tables: patterns on `table` or `schema.table`; empty: all.
    pub tables: Vec<String>,
    /// Bytes of log that the server may keep for us; beyond, the slot is given up, and the gap bridged the next time.
    pub slot_bytes_max: u64,
    /// Take the rows as they are, although the server is no continuation of what was captured.
    pub accept: bool,
    /// A file that holds the password alone, where it stands neither in the address nor in what the store was opened with.
    pub password_file: Option<PathBuf>,
}

/// What a capture did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PgCaptured {
    /// The last batch; `None` where nothing changed.
    pub receipt: Option<Receipt>,
    /// Rows that were not there before.
    pub added: u64,
    /// Rows with other values.
    pub changed: u64,
    /// Rows that are gone.
    pub removed: u64,
    /// Rows that were read and are as recorded.
    pub unchanged: u64,
    /// Changes of rows that were recorded.
    pub rows: u64,
    /// Bytes of messages and rows read.
    pub bytes_read: u64,
    /// Bytes of the rows that were recorded.
    pub bytes_new: u64,
    /// Transactions of the application that were recorded, each as a batch.
    pub transactions: u64,
    /// Batches that stand for an unknown number of transactions.
    pub merged_intervals: u64,
    /// How far the server's log is recorded.
    pub lsn: Lsn,
    /// Bytes of log that the server keeps for the slot.
    pub slot_bytes: u64,
    /// Bytes until the slot is lost; `None` where the server sets no limit.
    pub slot_safe_bytes: Option<u64>,
    /// Tables that are not captured, with the reason.
    pub skipped: Vec<(String, String)>,
    /// Worth knowing.
    pub notes: Vec<String>,
    /// The batch that has what we wrote into the database ourselves.
    pub(crate) given: Option<Receipt>,
}

impl PgCaptured {
    /// Adds what went on after this.
    fn and_then(self, later: PgCaptured) -> PgCaptured {
        PgCaptured {
            receipt: later.receipt.or(self.receipt),
            added: self.added + later.added,
            changed: self.changed + later.changed,
            removed: self.removed + later.removed,
            unchanged: self.unchanged + later.unchanged,
            rows: self.rows + later.rows,
            bytes_read: self.bytes_read + later.bytes_read,
            bytes_new: self.bytes_new + later.bytes_new,
            transactions: self.transactions + later.transactions,
            merged_intervals: self.merged_intervals + later.merged_intervals,
            lsn: later.lsn,
            slot_bytes: later.slot_bytes,
            slot_safe_bytes: later.slot_safe_bytes,
            skipped: later.skipped,
            notes: self.notes.into_iter().chain(later.notes).collect(),
            given: later.given.or(self.given),
        }
    }
}

/// Where rows go.
struct Target<'a> {
    tenant: &'a Tenant,
    by: &'a By,
    prefix: Vec<u8>,
    origin: String,
}

impl Target<'_> {
    fn table_key(&self, table: &Table) -> Vec<u8> {
        [&self.prefix[..], table.text().as_bytes(), b"/"].concat()
    }

    fn row_key(&self, table: &Table, values: Vec<&[u8]>) -> Vec<u8> {
        let mut key = self.table_key(table);
        let text = pgrow::key_text(values, limits::KEY_BYTES_MAX.saturating_sub(key.len()));
        key.extend_from_slice(text.as_bytes());
        key
    }

    /// The `n`-th (from 1) of equal rows of a table without a key.
    fn content_key(&self, table: &Table, row: &[u8], n: u32) -> Vec<u8> {
        [self.table_key(table), content_name(row, n).into_bytes()].concat()
    }

    fn schema_key(&self) -> Vec<u8> {
        [&self.prefix[..], SCHEMA].concat()
    }

    fn merged(&self, reason: &str) -> Batch {
        self.tenant.batch(reason).actor(&self.by.actor).origin(&self.origin)
    }

    /// Calls `each` with the documents under a prefix that exist.
    fn each_document(&self, prefix: &[u8], each: &mut dyn FnMut(DocumentRow) -> Result<()>) -> Result<()> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.tenant.inner.catalog.read(|rows| rows.documents(self.tenant.id, prefix, after.as_deref(), PAGE))?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key.clone());
            page.into_iter().filter(|d| d.content.is_some()).try_for_each(&mut *each)?;
        }
    }

    fn schema(&self) -> Result<Value> {
        match self.tenant.get(self.schema_key()) {
            Ok(reader) => {
                serde_json::from_slice(&reader.bytes(limits::JSON_FIELDS_BYTES_MAX)?).map_err(|e| Error::damaged("a recorded schema").caused_by(e))
            }
            Err(e) if e.kind() == Kind::Missing => Ok(Value::Null),
            Err(e) => Err(e),
        }
    }
}

impl PgCapture {
    /// What publication and slot are called.
    pub fn slot_name(&self) -> String {
        format!("annals_{}", self.name)
    }

    fn check(&self) -> Result<GlobSet> {
        let fits =
            !self.name.is_empty() && self.name.len() <= 40 && self.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !fits {
            return Err(Error::usage("capture.name", format!("not a name for a capture: {:?}", self.name))
                .hint("1 to 40 of a-z, 0-9 and _, because the server's replication slot is called after it"));
        }
        if !self.prefix.ends_with(b"/") {
            return Err(Error::usage("prefix.slash", format!("the prefix {} does not end in /", show_key(&self.prefix))));
        }
        let mut globs = GlobSetBuilder::new();
        for pattern in &self.tables {
            globs.add(Glob::new(pattern).map_err(|e| Error::usage("capture.pattern", format!("not a pattern: {e}")))?);
        }
        globs.build().map_err(|e| Error::usage("capture.pattern", format!("not a pattern: {e}")))
    }

    fn address(&self, tenant: &Tenant) -> Address {
        Address { url: self.url.clone(), password_file: self.password_file.clone(), passwords: tenant.inner.passwords().clone() }
    }

    fn target<'a>(&self, tenant: &'a Tenant, by: &'a By, server: &Server) -> Target<'a> {
        Target { tenant, by, prefix: self.prefix.clone(), origin: format!("postgres:{}", server.place()) }
    }

    /// The tables whose rows are captured.
    fn chosen<'t>(&self, all: &'t [Table]) -> Result<Vec<&'t Table>> {
        let globs = self.check()?;
        Ok(all.iter().filter(|t| self.wants(&globs, t) && t.can_be_published() && !t.is_context()).collect())
    }

    /// The tables that the schema describes: those that are captured, and the one of who and why, which the application needs too.
    fn described<'t>(&self, all: &'t [Table]) -> Result<Vec<&'t Table>> {
        let globs = self.check()?;
        Ok(all.iter().filter(|t| self.wants(&globs, t) && (t.can_be_published() || t.is_context())).collect())
    }

    /// The tables that are followed: those that are published whole, and those of which only what is inserted is.
    fn followed<'t>(&self, all: &'t [Table]) -> Result<(Vec<&'t Table>, Vec<&'t Table>)> {
        let (keyed, keyless): (Vec<&Table>, Vec<&Table>) = all.iter().filter(|t| hears(t)).partition(|t| t.can_be_published());
        Ok((self.chosen(all)?.into_iter().chain(keyed).collect(), keyless))
    }

    /// Makes the server publish the tables that are followed; whether what it publishes had to be made.
    fn publish(&self, server: &mut Server, all: &[Table]) -> Result<bool> {
        let (whole, inserts) = self.followed(all)?;
        server.publish(&self.slot_name(), &whole, &inserts)
    }

    /// The tables that are wanted and cannot be followed, and why.
    fn skipped(&self, all: &[Table]) -> Result<Vec<(String, String)>> {
        let globs = self.check()?;
        let why = |t: &Table| match t.is_context() {
            true if hears(t) => None,
            true => Some(format!("who and why are not taken from it, because the role does not own it: ALTER TABLE {} OWNER TO ..", t.sql_name())),
            false if t.can_be_published() || !self.wants(&globs, t) => None,
            false => Some(format!(
                "it has no key by which its rows could be followed: ALTER TABLE {0} ADD PRIMARY KEY .., or ALTER TABLE {0} REPLICA IDENTITY FULL",
                t.sql_name()
            )),
        };
        Ok(all.iter().filter_map(|t| Some((format!("{}.{}", t.schema, t.name), why(t)?))).collect())
    }

    fn wants(&self, globs: &GlobSet, table: &Table) -> bool {
        self.tables.is_empty() || globs.is_match(&table.name) || globs.is_match(format!("{}.{}", table.schema, table.name))
    }
}

/// Whether who and why are taken from a table. Whatever tables are wanted: its rows are no documents.
fn hears(table: &Table) -> bool {
    table.is_context() && table.owned
}

impl Tenant {
    /// Captures what a PostgreSQL database committed since the last time; all of its rows the first time. In the database a publication and a
    /// replication slot are made; its tables are only read.
    ///
    /// # Errors
    /// `source.unreachable`, `source.denied`, `source.unfit`; [`Kind::Refused`] with `lineage.behind`, `lineage.forked` or `lineage.foreign` where
    /// the server is no continuation of what was captured.
    pub fn capture_postgres(&self, what: &PgCapture, by: &By, monitor: &dyn Monitor) -> Result<PgCaptured> {
        what.check()?;
        let turn = capturing(self, &what.name);
        let _held = hold(&turn);
        let mut server = Server::connect(&what.address(self))?;
        capture(self, what, by, &mut server, &mut None, monitor)
    }

    /// Ends a capture for good: its slot and its publication are removed, so that the server keeps nothing for it. What was recorded stays.
    pub fn end_postgres(&self, what: &PgCapture) -> Result<()> {
        what.check()?;
        let turn = capturing(self, &what.name);
        let _held = hold(&turn);
        let mut server = Server::connect(&what.address(self))?;
        server.drop_slot(&what.slot_name())?;
        server.unpublish(&what.slot_name())?;
        self.inner.catalog.write(|w| w.remove_fact(&fact_name(self.id, &what.name)))
    }
}

/// What is held while a capture is looked at: two that look at once would both record what they see.
fn capturing(tenant: &Tenant, name: &str) -> Turn {
    tenant.inner.capturing(&fact_name(tenant.id, name))
}

/// Holds [`capturing`], with what whoever follows the capture left open.
fn hold_open(turn: &Turn) -> MutexGuard<'_, Option<Box<dyn Any + Send>>> {
    turn.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Holds [`capturing`], and ends what was left open.
fn hold(turn: &Turn) -> impl Drop + use<'_> {
    let mut held = hold_open(turn);
    *held = None;
    held
}

/// One visit. What is no continuation is refused, or taken as a new beginning where that was accepted.
fn capture(tenant: &Tenant, what: &PgCapture, by: &By, server: &mut Server, seen: &mut Option<Seen>, monitor: &dyn Monitor) -> Result<PgCaptured> {
    match go_on(tenant, what, by, server, seen, monitor) {
        Err(e) if what.accept && e.code().starts_with("lineage.") => visit(tenant, what, by, server, seen, Some(e.to_string()), monitor),
        other => other,
    }
}

/// One visit of a server that has to be a continuation of what was recorded. Where its place in its own log says that it is none, its rows say
/// where it stands: where it has all that was recorded, it is gone on with.
fn go_on(tenant: &Tenant, what: &PgCapture, by: &By, server: &mut Server, seen: &mut Option<Seen>, monitor: &dyn Monitor) -> Result<PgCaptured> {
    let known = state::load(tenant, &what.name)?;
    let standing = match known.as_ref().is_some_and(|state| state.told.is_some()) {
        true => Some(Standing::of(server)?),
        false => None,
    };
    let replayed = match &known {
        Some(state) => tenant.inner.catalog.read(|rows| Replayed::find(rows, &state.status()))?,
        None => None,
    };
    if let Some(told) = known.and_then(|state| state.told).filter(|told| told.holds(&standing, replayed)) {
        // Its rows need not be read again to say the same.
        let_go(what, server)?;
        return Err(told.again());
    }
    let looked = replayed.map_or(Ok(()), |replayed| look_after_replay(tenant, what, by, server, replayed, monitor));
    let done = looked.and_then(|()| match visit(tenant, what, by, server, seen, None, monitor) {
        // One that names a batch is about rows, and is in the state already.
        Err(e) if e.code().starts_with("lineage.") && e.at().seq.is_none() => fence(tenant, what, by, server, e, monitor),
        other => other,
    });
    if let Err(e) = &done
        && e.code().starts_with("lineage.")
        && let Some(state) = state::load(tenant, &what.name)?
    {
        state::save(tenant, &what.name, &State { told: Some(Told::new(standing, replayed, e)), ..state })?;
    }
    done
}

/// The server must not keep its log for ever for a capture that stands still.
fn let_go(what: &PgCapture, server: &mut Server) -> Result<()> {
    let name = what.slot_name();
    match server.slot(&name)?.is_some_and(|slot| slot.held_bytes > what.slot_bytes_max) {
        true => server.drop_slot(&name),
        false => Ok(()),
    }
}

/// All rows in which a server and the history differ, seen in one snapshot.
fn all_differing(what: &PgCapture, target: &Target<'_>, server: &mut Server, all: &[Table], monitor: &dyn Monitor) -> Result<(Differing, Compared)> {
    let mut differing = Differing::new();
    let gone = gone(&target.schema()?, &what.described(all)?);
    let tables = what.chosen(all)?;
    server.begin_snapshot()?;
    let compared = each_difference(target, server, &tables, &gone, monitor, &mut |key, there| {
        differing.insert(key, there.as_deref().map(Digest::of));
        Ok(())
    })?;
    server.end_snapshot()?;
    Ok((differing, compared))
}

/// After batches came from a remote: whether the server has what they say, or went back together with the store.
fn look_after_replay(tenant: &Tenant, what: &PgCapture, by: &By, server: &mut Server, replayed: Replayed, monitor: &dyn Monitor) -> Result<()> {
    let Some(mut state) = state::load(tenant, &what.name)? else { return Ok(()) };
    let target = what.target(tenant, by, server);
    let all = server.tables()?;
    let (differing, _) = all_differing(what, &target, server, &all, monitor)?;
    if let Some(fork) = lineage::find_lack(tenant, &what.prefix, replayed, &differing)? {
        let refusal = state.stand_behind(tenant, Some(fork), differing.len())?;
        state::save(tenant, &what.name, &state)?;
        return Err(apart(refusal.code(), refusal.to_string()).at_seq(fork.seq));
    }
    // What the stream says next is about rows that may be recorded otherwise now.
    state.ask_scan(&[]);
    state::save(tenant, &what.name, &state)?;
    replayed.forget(&tenant.inner.catalog, &state.status())
}

/// What becomes of a server that is no continuation by its own log.
fn fence(tenant: &Tenant, what: &PgCapture, by: &By, server: &mut Server, e: Error, monitor: &dyn Monitor) -> Result<PgCaptured> {
    let Some(mut state) = state::load(tenant, &what.name)? else { return Err(e) };
    let target = what.target(tenant, by, server);
    let all = server.tables()?;
    let recorded = target.schema()?;
    let (differing, compared) = all_differing(what, &target, server, &all, monitor)?;
    let_go(what, server)?;
    // With the same rows a server that has another number may be any copy: only a person knows.
    if e.code() == "lineage.foreign" && differing.is_empty() {
        return Err(e);
    }
    if differing.is_empty() && schema::first_other(&recorded, &schema::value(&what.described(&all)?)?).is_none() {
        return visit(tenant, what, by, server, &mut None, Some("another server, with all that was recorded".into()), monitor);
    }
    // A wrong address, rather than a restored server.
    if e.code() == "lineage.foreign" && compared.same < differing.len() as u64 {
        return Err(e);
    }
    let fork = find_fork(tenant, what, &state, true, &differing)?;
    let refusal = state.stand_behind(tenant, fork, differing.len())?;
    state::save(tenant, &what.name, &state)?;
    let code = if e.code() == "lineage.foreign" { e.code() } else { refusal.code() };
    Err(apart(code, format!("{e}; {refusal}")).at_seq(state.behind.as_ref().map_or(0, |b| b.seq)))
}

/// Where server and history parted, from the rows in which they differ. `made_anew`: it is known that the server is not simply further on.
fn find_fork(tenant: &Tenant, what: &PgCapture, state: &State, made_anew: bool, differing: &Differing) -> Result<Option<Fork>> {
    let counter = if made_anew { Counter::Lower } else { Counter::Silent };
    let fork = lineage::find_fork(tenant, &what.prefix, state.since, counter, differing)?;
    // One row at least must be as it was before the transactions that would be taken back.
    Ok(fork.filter(|fork| fork.rows > 0))
}

/// Whether rows that were compared are those of an older state; where they are, that is kept in mind. `made_anew`: database or tables were.
fn judge(tenant: &Tenant, what: &PgCapture, made_anew: bool, state: &mut State, differing: &Differing) -> Result<()> {
    if differing.is_empty() {
        return Ok(());
    }
    let fork = find_fork(tenant, what, state, made_anew, differing)?;
    if fork.is_none() && state.behind.is_none() {
        return Ok(());
    }
    let refusal = state.stand_behind(tenant, fork, differing.len())?;
    state::save(tenant, &what.name, state)?;
    Err(apart(refusal.code(), refusal.to_string()).at_seq(state.behind.as_ref().map_or(0, |b| b.seq)))
}

/// One visit; with `anew` the server is captured as if for the first time, for that reason. `seen` is what the last visit over the same
/// connection found: what still holds is not asked again.
fn visit(
    tenant: &Tenant,
    what: &PgCapture,
    by: &By,
    server: &mut Server,
    seen: &mut Option<Seen>,
    anew: Option<String>,
    monitor: &dyn Monitor,
) -> Result<PgCaptured> {
    what.check()?;
    let mut report = PgCaptured::default();
    if anew.is_none()
        && let Some(trusted) = seen.as_ref().map_or(Ok(None), |seen| seen.trusted(server))?
    {
        let visit = Visit { tenant, what, by, server, monitor, report: &mut report };
        match visit.run(seen, None, Some(trusted)) {
            // What is not as it was is looked at, and so is what may come of that.
            Err(e) if e.code() == follow::OTHER || e.code().starts_with("lineage.") => {}
            done => return done.map(|()| report),
        }
    }
    Visit { tenant, what, by, server, monitor, report: &mut report }.run(seen, anew, None)?;
    Ok(report)
}

struct Visit<'v> {
    tenant: &'v Tenant,
    what: &'v PgCapture,
    by: &'v By,
    server: &'v mut Server,
    monitor: &'v dyn Monitor,
    report: &'v mut PgCaptured,
}

impl Visit<'_> {
    /// With `trusted` the catalogue is not looked at.
    fn run(self, seen: &mut Option<Seen>, anew: Option<String>, trusted: Option<Glance>) -> Result<()> {
        let Visit { tenant, what, by, server, monitor, report } = self;
        let name = what.slot_name();
        let fact = fact_name(tenant.id, &what.name);
        let target = what.target(tenant, by, server);

        let trusts = trusted.is_some();
        let mut glance = trusted.map_or_else(|| server.glance(&name), Ok)?;
        let mut known = state::load(tenant, &what.name)?;
        let dir = directory(&tenant.inner, &id_of(tenant, &what.prefix));
        if let Some(written) = Written::find(&dir)? {
            known = open::finish(tenant, what, by, server, &glance.identity, known, written)?;
            glance = server.glance(&name)?;
        }
        let accepted = anew.is_some();
        let Glance { identity, slot, rows, catalogue } = glance;
        if slot.as_ref().is_some_and(|slot| slot.active) {
            server.await_slot(&name)?;
        }
        let mut slot = slot.filter(|_| !accepted);
        let (mut state, mut why) = match known {
            known if accepted => {
                let rows = known.map_or(0, |state| state.rows);
                let text = anew.unwrap_or_default();
                (State { rows, ..State::new(tenant, what, server.place(), &identity)? }, format!("{text}; accepted"))
            }
            None => (State::new(tenant, what, server.place(), &identity)?, "the state of the capture was lost".to_owned()),
            Some(state) if state.prefix != show_key(&what.prefix) => {
                return Err(Error::usage("capture.prefix", format!("capture {} has the prefix {}", what.name, state.prefix))
                    .hint("use the same prefix, or another --name"));
            }
            Some(mut state) => match compare(&state, &identity, slot.as_ref()) {
                Finding::GoesOn => {
                    state.timeline = identity.timeline;
                    (state, "what could not be followed in the stream".to_owned())
                }
                Finding::Gap(why) => {
                    state.ask_scan(&[]);
                    slot = None;
                    (state, why.to_owned())
                }
                Finding::Apart(code, text) => return Err(apart(code, text)),
            },
        };
        state.follow(tenant, what)?;
        let seen_before = seen.take().filter(|seen| slot.is_some() && seen.catalogue == catalogue);
        let follows = slot.as_ref().zip(seen_before.as_ref()).map(|(slot, seen)| Followed::new(what, slot, &identity, seen, &state, trusts));
        let (all, enums, asked, mut relations) = match seen_before {
            Some(seen) => (seen.tables, seen.enums, if trusts { seen.asked } else { Instant::now() }, seen.relations),
            None => (server.tables()?, server.enums()?, Instant::now(), HashMap::new()),
        };
        let tables = what.chosen(&all)?;
        report.skipped = what.skipped(&all)?;
        if state.left_out != report.skipped {
            state.left_out.clone_from(&report.skipped);
            // Whether or not anything is recorded now; the first batch brings its state along.
            if let Some(stored) = state::load(tenant, &what.name)? {
                state::save(tenant, &what.name, &State { left_out: report.skipped.clone(), ..stored })?;
            }
        }

        let held_bytes = slot.as_ref().map_or(0, |slot| slot.held_bytes);
        // The publication comes before the slot: the slot shows the past as it was, and without a publication then there is nothing to show.
        let published = follows.is_none() && what.publish(server, &all)?;
        if slot.is_none() || published {
            state.ask_scan(&[]);
            let mut recorder = Recorder::new(tenant, fact.clone(), report);
            recorder.set_state(&state)?;
            server.drop_slot(&name)?;
            server.make_slot(&name)?;
        }

        let new = schema::document(&what.described(&all)?, &enums);
        let old_schema = target.schema()?;
        let new_schema: Value = serde_json::from_slice(&new).map_err(|e| Error::damaged("a schema").caused_by(e))?;
        let mut changes = schema::compare(&old_schema, &new_schema, &|oid| all.iter().any(|t| t.oid == oid));
        let mut schema = (old_schema != new_schema).then_some(new);
        let heard: Vec<&Table> = all.iter().filter(|t| hears(t)).collect();
        // What they say is about the transaction alone, whatever they said before.
        changes.scan.retain(|oid| tables.iter().any(|t| t.oid == *oid));
        let known_tables: HashSet<i64> = same_tables(&old_schema, &new_schema).into_iter().chain(heard.iter().map(|t| t.oid)).collect();
        // A table that is to be read whole is not followed until then; rows that come in between are seen by the scan.
        if !changes.scan.is_empty() {
            state.ask_scan(&changes.scan);
        }

        let by_number: HashMap<i64, Table> = tables.iter().chain(&heard).map(|t| (t.oid, (*t).clone())).collect();
        let mut recorder = Recorder::new(tenant, fact, report);
        let owes_last = slot.as_ref().is_some_and(|slot| slot.confirmed.0 < state.lsn) && !published;
        let drained = match &follows {
            Some(followed) if followed.stands_still => Ok(Drained { durable: identity.lsn, shown: None, moved: None }),
            _ => {
                let follows = follows.as_ref();
                let relations = &mut relations;
                drain(
                    &target,
                    &mut recorder,
                    &mut state,
                    server,
                    &name,
                    &by_number,
                    &known_tables,
                    &mut schema,
                    owes_last,
                    follows,
                    relations,
                    monitor,
                )
            }
        };
        let durable = match drained {
            // The publication was made anew by somebody else, for example by a restore: the past is not to be had with it.
            Err(e) if e.code() == "source.lost" => {
                why = "the publication was made anew".into();
                state.ask_scan(&[]);
                recorder.set_state(&state)?;
                server.drop_slot(&name)?;
                server.make_slot(&name)?;
                None
            }
            drained => Some(drained?),
        };
        let made_anew = state.database.is_some_and(|number| number != identity.database) || schema::was_made_anew(&old_schema, &new_schema);
        let mut asks = |state: &mut State, differing: &Differing| judge(tenant, what, made_anew, state, differing);
        let judges: Option<&mut scan::Judge<'_>> = if accepted || old_schema.is_null() { None } else { Some(&mut asks) };
        if let Some(asked) = state.scan.clone() {
            // Another scan replaces what an earlier one says of the stream, so it takes those tables along.
            let earlier = state.skip.as_ref().map(|skip| skip.tables().to_vec());
            let everything = asked.is_empty() || earlier.as_ref().is_some_and(Vec::is_empty);
            let asked: HashSet<i64> = asked.into_iter().chain(earlier.into_iter().flatten()).collect();
            let wanted: Vec<&Table> = tables.iter().copied().filter(|t| everything || asked.contains(&t.oid)).collect();
            if !changes.scan.is_empty() && old_schema.is_object() {
                why = "tables are new, or mean something else".into();
            }
            why = if old_schema.is_null() { format!("base of {}", server.place()) } else { format!("{MERGED}: {why}") };
            state.high = state.high.max(identity.lsn.0);
            state.timeline = identity.timeline;
            Scan::new(&target, &mut recorder, server, monitor, why).run(&wanted, everything, &changes.gone, schema, &mut state, judges)?;
        } else if schema.is_some() || !changes.gone.is_empty() || state.behind.is_some() {
            let why = "change of the schema".into();
            Scan::new(&target, &mut recorder, server, monitor, why).run(&[], false, &changes.gone, schema, &mut state, judges)?;
        }
        report.lsn = Lsn(state.lsn.max(state.high));
        // What the server keeps changes little within a look: one that is far from the limit is looked at again with the next.
        let slot = match slot.filter(|slot| follows.is_some() && slot.status == WalStatus::Kept && slot.held_bytes <= what.slot_bytes_max / 2) {
            Some(slot) => Some(Slot { confirmed: durable.as_ref().and_then(|drained| drained.moved).unwrap_or(slot.confirmed), ..slot }),
            None => server.slot(&name)?,
        };
        slot.as_ref().map_or(Ok(()), |slot| watch_slot(what, server, &name, slot, report))?;
        let settled = state.scan.is_none() && state.skip.is_none();
        *seen = durable.map(|Drained { durable, shown, .. }| {
            // Whatever is shown, the server reads all that it keeps for the slot.
            let work = Work { log_bytes: shown.map_or(0, |_| held_bytes), messages: shown.unwrap_or(0), rows };
            Seen { catalogue, asked, tables: all, enums, durable, settled, work, identity, slot, relations }
        });
        Ok(())
    }
}

/// Tables (numbers) of which both schemas say the same.
fn same_tables(old: &Value, new: &Value) -> HashSet<i64> {
    let tables = |schema: &Value| schema["tables"].as_array().cloned().unwrap_or_default();
    let old: HashMap<i64, Value> = tables(old).into_iter().filter_map(|t| Some((t["oid"].as_i64()?, t))).collect();
    tables(new).iter().filter_map(|t| t["oid"].as_i64().filter(|oid| old.get(oid) == Some(t))).collect()
}

/// What came of [`drain`].
struct Drained {
    /// All before this place in the log is recorded.
    durable: Lsn,
    /// How many messages the server showed, where it was asked.
    shown: Option<u64>,
    /// Where the slot was moved to.
    moved: Option<Lsn>,
}

/// Records everything that was committed, transaction by transaction. The state says afterwards which tables could not be followed, and
/// `relations` what the server said of tables.
#[expect(clippy::too_many_arguments, reason = "all of it is one visit, and it has one caller")]
fn drain(
    target: &Target<'_>,
    recorder: &mut Recorder<'_>,
    state: &mut State,
    server: &mut Server,
    name: &str,
    tables: &HashMap<i64, Table>,
    known_tables: &HashSet<i64>,
    schema: &mut Option<Vec<u8>>,
    owes_last: bool,
    follows: Option<&Followed>,
    relations: &mut HashMap<u32, Relation>,
    monitor: &dyn Monitor,
) -> Result<Drained> {
    let mut stream = Stream::new(target, recorder, state, tables, known_tables, schema, relations, owes_last);
    let (mut enough, mut first, mut moved) = (None, follows, None);
    loop {
        check_stop(monitor)?;
        // Everything that was durable before the look is part of what the look shows.
        let followed = first.take();
        let durable = match followed {
            Some(followed) => followed.durable,
            None => server.identity()?.lsn,
        };
        // What is committed meanwhile is for the next look: a writer that is faster than we are must not keep this one from ending.
        let enough = *enough.get_or_insert(durable);
        let before = stream.messages;
        server.peek(name, name, PEEK, &mut |message| {
            check_stop(monitor)?;
            follows.map_or(Ok(()), |followed| followed.check(message))?;
            stream.take(message)
        })?;
        let all = stream.messages - before < PEEK as u64;
        if all {
            stream.check_line()?;
        }
        stream.recorder.commit()?;
        let to = if all { durable.max(stream.read_to) } else { stream.read_to };
        if all && stream.state.skip.as_ref().is_some_and(|skip| skip.is_over(durable)) {
            stream.state.skip = None;
        }
        // What was left to a scan is gone from the stream once the slot has moved, so the wish for the scan must be as durable.
        if stream.state.scan.is_some() {
            stream.recorder.set_state(stream.state)?;
        }
        let waits = all && stream.state.scan.is_none() && followed.is_some_and(|followed| followed.may_wait(stream.messages - before, to));
        if to > Lsn(0) && !waits {
            server.advance(name, to)?;
            moved = Some(to);
        }
        if all || stream.read_to >= enough {
            return Ok(Drained { durable: if all { durable } else { stream.read_to }, shown: Some(stream.messages), moved });
        }
    }
}

/// Looks at what the server keeps for us, and gives the slot up before it keeps more than it may.
fn watch_slot(what: &PgCapture, server: &mut Server, name: &str, slot: &Slot, report: &mut PgCaptured) -> Result<()> {
    let Slot { held_bytes, safe_bytes, status, .. } = *slot;
    (report.slot_bytes, report.slot_safe_bytes) = (held_bytes, safe_bytes);
    if held_bytes > what.slot_bytes_max {
        server.drop_slot(name)?;
        report.slot_bytes = 0;
        report.notes.push(format!(
            "the server kept {held_bytes} bytes of log for the slot, more than the {} allowed; the slot was given up, and the next capture reads the tables whole. \
             A transaction that is open for long is the usual reason",
            what.slot_bytes_max
        ));
    } else if held_bytes > what.slot_bytes_max / 2 || status == WalStatus::AtRisk {
        report
            .notes
            .push(format!("the server keeps {held_bytes} bytes of log for the slot; a transaction that is open for long is the usual reason"));
    } else if safe_bytes.is_none() && report.transactions == 0 && report.merged_intervals == 0 && report.receipt.is_some() {
        report.notes.push(
            "the server sets no limit to what slots keep; max_slot_wal_keep_size would protect its disk if capture stood still for long".into(),
        );
    }
    Ok(())
}
