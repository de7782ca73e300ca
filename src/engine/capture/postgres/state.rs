//! What a capture of a PostgreSQL database keeps between two visits, and what it concludes from what it finds.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Kind, Result};
use crate::engine::capture::behind::{Behind, CaptureStatus, Replayed};
use crate::engine::capture::lineage::Fork;
use crate::engine::capture::open::Credit;
use crate::engine::record::Batch;
use crate::engine::store::Tenant;
use crate::format::pgoutput::Lsn;
use crate::format::record::{cause_from, cause_parts};
use crate::model::key::show_key;
use crate::storage::catalog::View as Rows;
use crate::storage::source::postgres::{Identity, Server, Slot, Snapshot, WalStatus, without_password};

use super::PgCapture;

/// Facts of captures have names that begin so.
const FACT: &str = "capture.postgres.";

/// The fact that holds the state of the capture `name` of a tenant.
pub(super) fn fact_name(tenant: i64, name: &str) -> String {
    format!("{FACT}{tenant}.{name}")
}

/// Transactions that a scan saw already, so that the stream must not give them again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine::capture) struct Skip {
    snapshot: String,
    until: u64,
    /// Numbers of the tables that were scanned; empty: all.
    tables: Vec<i64>,
}

impl Skip {
    pub(super) fn new(snapshot: &Snapshot, tables: &[i64]) -> Self {
        Skip { snapshot: snapshot.text.clone(), until: snapshot.lsn.0, tables: tables.to_vec() }
    }

    /// Whether transactions from this place on can be among what was seen.
    pub(super) fn is_over(&self, commit: Lsn) -> bool {
        commit.0 >= self.until
    }

    /// Whether the scan saw the transaction `xid`, committed at `commit`.
    pub(super) fn saw(&self, xid: u32, commit: Lsn) -> Result<bool> {
        Ok(!self.is_over(commit) && sees(&self.snapshot, xid)?)
    }

    pub(super) fn covers(&self, table: i64) -> bool {
        self.tables.is_empty() || self.tables.contains(&table)
    }

    /// The tables that another scan must take along, because this one's transactions are still to come.
    pub(super) fn tables(&self) -> &[i64] {
        &self.tables
    }
}

/// Whether `pg_current_snapshot()` sees a committed transaction (`xmin:xmax:running,..`). Transaction numbers travel with 32 bits; the one that is
/// meant is the one nearest to the snapshot.
fn sees(snapshot: &str, xid: u32) -> Result<bool> {
    let parsed = (|| {
        let mut parts = snapshot.splitn(3, ':');
        let (_, next): (u64, u64) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let running = parts.next()?.split(',').filter(|t| !t.is_empty()).map(|t| t.parse().ok()).collect::<Option<Vec<u64>>>()?;
        Some((next, running))
    })();
    let (next, running) = parsed.ok_or_else(|| Error::damaged(format_args!("a snapshot of PostgreSQL: {snapshot:?}")))?;
    let distance = xid.wrapping_sub(next as u32) as i32;
    let full = next.wrapping_add_signed(i64::from(distance));
    Ok(full < next && !running.contains(&full))
}

/// A transaction of ours that will come in the stream: whose work it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine::capture) struct Given {
    /// Its number on the server.
    number: u64,
    actor: String,
    reason: String,
    /// As [`cause_parts`] gives it.
    cause: (u8, u64),
    /// The caller's id of the request; empty: none.
    #[serde(default)]
    request: String,
}

impl Given {
    pub(super) fn new(number: u64, credit: &Credit) -> Self {
        let Credit { by, cause, request, .. } = credit;
        Given { number, actor: by.actor.clone(), reason: by.reason.clone(), cause: cause_parts(*cause), request: request.clone() }
    }

    /// Whether it is the transaction that the stream numbers so.
    pub(super) fn is(&self, xid: u32) -> bool {
        self.number as u32 == xid
    }

    /// Makes a batch its work. Only the last of several is found by the request: before that, it is not done.
    pub(super) fn sign(&self, batch: Batch, is_last: bool) -> Result<Batch> {
        let batch = batch.actor(&self.actor).because(&self.reason).cause(cause_from(self.cause.0, self.cause.1)?);
        Ok(if is_last { batch.request_id(&self.request) } else { batch })
    }
}

/// How far a capture is. Kept as a fact that changes in the same transaction as the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine::capture) struct State {
    /// The tenant's number.
    #[serde(default)]
    pub tenant: i64,
    /// The name of the capture.
    #[serde(default)]
    pub name: String,
    /// The address without a password; empty where it was captured before addresses were kept.
    #[serde(default)]
    pub url: String,
    /// Patterns of tables; all where empty.
    #[serde(default)]
    pub tables: Vec<String>,
    /// The log ended here before the first batch of this capture.
    #[serde(default)]
    pub since: u64,
    /// Rows that exist.
    #[serde(default)]
    pub rows: u64,
    /// Tables that are wanted and cannot be followed, and why, for people.
    #[serde(default)]
    pub left_out: Vec<(String, String)>,
    /// The number that the server gave the database: another one is a database that was made anew.
    #[serde(default)]
    pub database: Option<i64>,
    /// Set while the server is no continuation of what was recorded.
    #[serde(default)]
    pub behind: Option<Behind>,
    /// The slot was made anew on a server that is no continuation: where it stands proves nothing.
    #[serde(default)]
    pub remade: bool,
    /// A transaction of ours that is not recorded yet.
    #[serde(default)]
    pub given: Option<Given>,
    /// Host and database, for people.
    pub place: String,
    /// The prefix, as [`crate::model::key::show_key`] writes it.
    pub prefix: String,
    /// The cluster.
    pub system: String,
    pub timeline: i64,
    /// End and number of the last transaction that was recorded.
    pub lsn: u64,
    pub xid: u32,
    /// When the server committed it, in microseconds since 1970; `None` where it was recorded before this was kept.
    #[serde(default)]
    pub committed: Option<i64>,
    /// The furthest place in the server's log that is known to have been durable there.
    pub high: u64,
    /// Tables that must be read whole before the stream is true for them; `Some` and empty: all.
    pub scan: Option<Vec<i64>>,
    pub skip: Option<Skip>,
    /// What was said of the server when it was looked at last, while it is no continuation.
    #[serde(default)]
    pub told: Option<Told>,
}

/// Which server was looked at, and what it had committed: where that is as it was, its rows are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine::capture) struct Standing {
    system: String,
    timeline: i64,
    database: i64,
    snapshot: String,
    lsn: u64,
}

/// A refusal that holds as long as the server stands where it stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine::capture) struct Told {
    /// `None` the first time: a server that goes on is not asked where it stands.
    standing: Option<Standing>,
    /// What had come from elsewhere then.
    replayed: Option<Replayed>,
    code: String,
    message: String,
    seq: Option<u64>,
}

impl Standing {
    /// Where a server stands now.
    pub(super) fn of(server: &mut Server) -> Result<Standing> {
        let (Identity { system, timeline, database, .. }, seen) = (server.identity()?, server.sees_now()?);
        Ok(Standing { system, timeline, database, snapshot: seen.text, lsn: seen.lsn.0 })
    }
}

impl Told {
    pub(super) fn new(standing: Option<Standing>, replayed: Option<Replayed>, said: &Error) -> Told {
        Told { standing, replayed, code: said.code().to_owned(), message: said.to_string(), seq: said.at().seq }
    }

    /// Whether nothing happened on either side since.
    pub(super) fn holds(&self, standing: &Option<Standing>, replayed: Option<Replayed>) -> bool {
        standing.is_some() && (&self.standing, self.replayed) == (standing, replayed)
    }

    /// The refusal once more.
    pub(super) fn again(&self) -> Error {
        let code = ["lineage.behind", "lineage.forked"].into_iter().find(|code| *code == self.code).unwrap_or("lineage.foreign");
        let said = apart(code, self.message.clone());
        match self.seq {
            Some(seq) => said.at_seq(seq),
            None => said,
        }
    }
}

impl State {
    /// The beginning of a capture.
    pub(super) fn new(tenant: &Tenant, what: &PgCapture, place: &str, identity: &Identity) -> Result<Self> {
        Ok(State {
            tenant: tenant.id,
            name: what.name.clone(),
            url: without_password(&what.url)?,
            tables: what.tables.clone(),
            since: 0,
            rows: 0,
            left_out: Vec::new(),
            database: Some(identity.database),
            behind: None,
            remade: false,
            given: None,
            place: place.to_owned(),
            prefix: show_key(&what.prefix),
            system: identity.system.clone(),
            timeline: identity.timeline,
            lsn: 0,
            xid: 0,
            committed: None,
            high: 0,
            scan: Some(Vec::new()),
            skip: None,
            told: None,
        })
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes).map_err(|e| Error::damaged("the state of a capture").caused_by(e))
    }

    /// Takes on how the capture is asked for now.
    pub(super) fn follow(&mut self, tenant: &Tenant, what: &PgCapture) -> Result<()> {
        self.tenant = tenant.id;
        self.told = None;
        self.name.clone_from(&what.name);
        self.url = without_password(&what.url)?;
        self.tables.clone_from(&what.tables);
        Ok(())
    }

    /// Keeps in mind that the server is no continuation, and gives the refusal. Where no transaction looks taken back, it is what the server
    /// has differently that keeps both apart.
    pub(super) fn stand_behind(&mut self, tenant: &Tenant, fork: Option<Fork>, differing: usize) -> Result<Error> {
        let head = tenant.position()?.seq;
        let fork = fork.unwrap_or(Fork { seq: head, transactions: 0, rows: 0, only_here: differing as u64 });
        let noticed = self.behind.as_ref().map_or_else(|| tenant.inner.clock().now().micros(), |behind| behind.noticed);
        let Fork { seq, transactions, rows, only_here } = fork;
        let behind = self.behind.insert(Behind { seq, head, transactions, rows, only_here, noticed });
        Ok(behind.refusal(self.prefix.trim_end_matches('/')))
    }

    /// The capture as whoever asks how the store is sees it.
    pub(in crate::engine::capture) fn status(&self) -> CaptureStatus {
        CaptureStatus {
            tenant: self.tenant,
            source: self.place.clone(),
            prefix: self.prefix.clone(),
            rows: self.rows,
            behind: self.behind.clone(),
            left_out: self.left_out.clone(),
            waits: None,
        }
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|e| Error::new(Kind::Failed, "capture.state", "the state of the capture cannot be written").caused_by(e))
    }

    /// Asks for a scan of these tables (empty: all), besides those that are asked for already.
    pub(super) fn ask_scan(&mut self, tables: &[i64]) {
        self.scan = Some(match self.scan.take() {
            Some(asked) if asked.is_empty() => asked,
            _ if tables.is_empty() => Vec::new(),
            Some(asked) => asked.into_iter().chain(tables.iter().copied()).collect(),
            None => tables.to_vec(),
        });
    }
}

/// All captures of databases of the store.
pub(in crate::engine::capture) fn all(rows: &Rows<'_>) -> Result<Vec<State>> {
    let states = rows.facts(FACT)?.into_iter().map(|(name, bytes)| {
        let state = State::read(&bytes)?;
        // One that was captured before tenant and name were kept in it has them in the name of the fact.
        let parts = name.strip_prefix(FACT).and_then(|rest| rest.split_once('.'));
        let (tenant, name) = parts.ok_or_else(|| Error::damaged("the state of a capture"))?;
        Ok(State { tenant: tenant.parse().map_err(|_| Error::damaged("the state of a capture"))?, name: name.to_owned(), ..state })
    });
    states.collect()
}

/// The state of the capture `name`.
pub(super) fn load(tenant: &Tenant, name: &str) -> Result<Option<State>> {
    tenant.inner.catalog.read(|rows| rows.fact(&fact_name(tenant.id, name)))?.map(|bytes| State::read(&bytes)).transpose()
}

/// Sets the state of the capture `name` without a batch.
pub(super) fn save(tenant: &Tenant, name: &str, state: &State) -> Result<()> {
    let bytes = state.to_bytes()?;
    tenant.inner.catalog.write(|w| w.set_fact(&fact_name(tenant.id, name), &bytes))
}

/// What the server turned out to be, compared with what was recorded of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// The stream goes on.
    GoesOn,
    /// The same server, but what happened since cannot be had one by one.
    Gap(&'static str),
    /// The server is not a continuation of what was recorded.
    Apart(&'static str, String),
}

/// Compares. Nothing is concluded from times.
pub(super) fn compare(state: &State, identity: &Identity, slot: Option<&Slot>) -> Finding {
    if state.system != identity.system {
        return Finding::Apart("lineage.foreign", format!("{} is another server than the one that was captured", state.place));
    }
    if identity.lsn.0 < state.high {
        let text = format!("{} went back in time: its log ends at {}, what was captured reaches to {}", state.place, identity.lsn, Lsn(state.high));
        return Finding::Apart("lineage.behind", text);
    }
    match slot {
        Some(slot) if slot.status != WalStatus::Lost && !state.remade => Finding::GoesOn,
        _ if identity.timeline != state.timeline => Finding::Apart(
            "lineage.forked",
            format!("{} was restored or promoted (timeline {}, captured was {}) and has no slot", state.place, identity.timeline, state.timeline),
        ),
        Some(_) if state.remade => Finding::Gap("the slot was made anew"),
        Some(_) => Finding::Gap("the slot lost its place, because the server kept no more log"),
        None => Finding::Gap("the slot is gone"),
    }
}

/// The refusal to record on top of another line of history.
pub(super) fn apart(code: &'static str, message: String) -> Error {
    Error::new(Kind::Refused, code, message).hint(
        "nothing was recorded. Put the right server back, or bring both together with annals realign; annals capture postgres .. --accept records its \
         rows as they are now, as a merged interval that can be undone, and goes on from there",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(identity: &Identity) -> State {
        let text = format!(
            r#"{{"place":"h/db","prefix":"p/","system":{:?},"timeline":{},"lsn":0,"xid":0,"high":0,"scan":[],"skip":null}}"#,
            identity.system, identity.timeline
        );
        State::read(text.as_bytes()).expect("a state as the first versions wrote it")
    }

    fn identity(system: &str, timeline: i64, lsn: u64) -> Identity {
        Identity { system: system.into(), timeline, lsn: Lsn(lsn), database: 5 }
    }

    fn slot(status: WalStatus) -> Slot {
        Slot { confirmed: Lsn(0), status, held_bytes: 0, safe_bytes: None, active: false }
    }

    #[test]
    fn a_snapshot_sees_what_was_committed_before_it() {
        let saw = |xid| sees("100:105:101,103", xid).expect("read");
        assert_eq!([99, 100, 101, 102, 103, 104, 105, 200].map(saw), [true, true, false, true, false, true, false, false]);
        // Beyond 32 bits, on both sides of the turn.
        let saw = |xid| sees("4294967290:4294967300:4294967297", xid).expect("read");
        assert_eq!([4_294_967_295, 0, 1, 3, 4, 5].map(saw), [true, true, false, true, false, false]);
        assert!(sees("1:2", 1).is_err() && sees("a:2:", 1).is_err());
    }

    #[test]
    fn only_the_same_server_further_on_is_continued() {
        let mut state = state(&identity("1", 1, 50));
        state.high = 40;
        let kept = slot(WalStatus::Kept);
        assert_eq!(compare(&state, &identity("1", 1, 50), Some(&kept)), Finding::GoesOn);
        assert_eq!(compare(&state, &identity("1", 2, 50), Some(&kept)), Finding::GoesOn);
        assert!(matches!(compare(&state, &identity("1", 1, 50), Some(&slot(WalStatus::Lost))), Finding::Gap(_)));
        assert!(matches!(compare(&state, &identity("1", 1, 50), None), Finding::Gap(_)));
        let remade = State { remade: true, ..state.clone() };
        assert!(matches!(compare(&remade, &identity("1", 1, 50), Some(&kept)), Finding::Gap(_)), "its place proves nothing");
        assert!(matches!(compare(&state, &identity("1", 2, 50), None), Finding::Apart("lineage.forked", _)));
        assert!(matches!(compare(&state, &identity("1", 1, 39), Some(&kept)), Finding::Apart("lineage.behind", _)));
        assert!(matches!(compare(&state, &identity("2", 1, 50), Some(&kept)), Finding::Apart("lineage.foreign", _)));
    }

    #[test]
    fn scans_that_are_asked_for_add_up() {
        let mut state = state(&identity("1", 1, 50));
        state.ask_scan(&[1]);
        assert_eq!(state.scan, Some(vec![]), "all stays all");
        state.scan = None;
        state.ask_scan(&[1]);
        state.ask_scan(&[2]);
        assert_eq!(state.scan, Some(vec![1, 2]));
        state.ask_scan(&[]);
        assert_eq!(state.scan, Some(vec![]));
        assert_eq!(State::read(&state.to_bytes().expect("bytes")).expect("read"), state);
    }
}
