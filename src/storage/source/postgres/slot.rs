//! Publication and replication slot: what the server keeps for us, and how it is looked at and let go.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use postgres::fallible_iterator::FallibleIterator;
use postgres::types::ToSql;
use postgres::{Client, Row};

use super::{Server, Table, failed, quoted, refused};
use crate::base::error::Result;
use crate::base::fault;
use crate::format::pgoutput::Lsn;

/// How long a slot may be read by somebody else, and how often that is looked at.
const ACTIVE_MAX: Duration = Duration::from_secs(5);
const ACTIVE_STEP: Duration = Duration::from_millis(20);

/// Transactions that began since the oldest that still runs, from which on that one counts as open for long.
const RUNNING_MAX: i64 = 100;
/// How long those that run may take to end.
const RUNNING_WAIT: &str = "200ms";

/// What the server says of the log that a slot needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalStatus {
    /// It is there.
    Kept,
    /// It is there, but at the next checkpoint it may go.
    AtRisk,
    /// Some of it is gone: the slot is of no use any more.
    Lost,
}

/// A replication slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Everything before is recorded, as the server knows it.
    pub confirmed: Lsn,
    /// Whether what follows is still there.
    pub status: WalStatus,
    /// Bytes of log that the server keeps because of it.
    pub held_bytes: u64,
    /// Bytes until it is lost; `None` where the server sets no limit (`max_slot_wal_keep_size`).
    pub safe_bytes: Option<u64>,
    /// Somebody reads it now.
    pub active: bool,
}

/// Asks for the slot `$1` of this database.
pub(super) const SLOT: &str = "SELECT coalesce(confirmed_flush_lsn, '0/0')::text, coalesce(wal_status, 'lost'), \
                               coalesce(pg_current_wal_lsn() - restart_lsn, 0)::int8, safe_wal_size::int8, active \
                               FROM pg_replication_slots WHERE slot_name = $1 AND database = current_database() AND plugin = 'pgoutput'";

impl Slot {
    /// The answer to [`SLOT`].
    pub(super) fn read(row: &Row) -> Result<Slot> {
        let status = match row.get::<_, &str>(1) {
            "reserved" | "extended" => WalStatus::Kept,
            "unreserved" => WalStatus::AtRisk,
            _ => WalStatus::Lost,
        };
        let (held, safe): (i64, Option<i64>) = (row.get(2), row.get(3));
        Ok(Slot {
            confirmed: Lsn::parse(row.get(0))?,
            status,
            held_bytes: held.max(0) as u64,
            safe_bytes: safe.map(|n| n.max(0) as u64),
            active: row.get(4),
        })
    }
}

/// The publication of the tables of which only what is inserted is published: PostgreSQL would refuse to update a row of theirs, where it could
/// not be told which one. No capture has a name with a dot.
fn beside(name: &str) -> String {
    format!("{name}.context")
}

/// The statements after which a publication that has the tables `known` has exactly `tables`.
fn change(publication: &str, known: &HashMap<i64, String>, tables: &[&Table]) -> Vec<String> {
    let gone: Vec<&str> = known.iter().filter(|(oid, _)| !tables.iter().any(|t| t.oid == **oid)).map(|(_, name)| name.as_str()).collect();
    let new: Vec<String> = tables.iter().filter(|t| !known.contains_key(&t.oid)).map(|t| t.sql_name()).collect();
    let step = |verb: &str, tables: String| (!tables.is_empty()).then(|| format!("ALTER PUBLICATION {} {verb} TABLE {tables}", quoted(publication)));
    [step("DROP", gone.join(", ")), step("ADD", new.join(", "))].into_iter().flatten().collect()
}

/// Whether the session may say what of it the server logs, and does not keep it down to this already, as a condition on `pg_roles`.
pub(super) fn may_hush(version: i32) -> &'static str {
    // Besides superusers, from 15 on, whoever was granted it.
    if version < 150_000 {
        "rolname = current_user AND rolsuper"
    } else {
        "rolname = current_user AND (rolsuper OR has_parameter_privilege('log_min_messages', 'SET'))"
    }
}

impl Server {
    /// The connection that reads the slot. Each time one begins to, the server logs where it begins and that it found a point to begin at, with
    /// the statement, and that is several times a second: where the session may, it is kept out of the log. What fails is told to people here.
    fn decoder(&mut self) -> Result<&mut Client> {
        let client = self.decoding.as_mut().unwrap_or(&mut self.client);
        if !self.hushed {
            let text = format!("SELECT set_config('log_min_messages', 'fatal', false) FROM pg_roles WHERE {}", may_hush(self.version));
            client.batch_execute(&text).map_err(|e| failed("set up the session that reads the slot", e))?;
            self.hushed = true;
        }
        Ok(client)
    }

    /// The slot called `name`, where this database has it.
    pub fn slot(&mut self, name: &str) -> Result<Option<Slot>> {
        let row = self.client.query_opt(SLOT, &[&name]).map_err(|e| failed("look at the replication slot", e))?;
        row.map(|row| Slot::read(&row)).transpose()
    }

    /// Makes a slot; what is committed after this will be given out. Waits for transactions that run now.
    pub fn make_slot(&mut self, name: &str) -> Result<()> {
        fault::point("postgres.make_slot")?;
        let text = "SELECT lsn::text FROM pg_create_logical_replication_slot($1, 'pgoutput')";
        self.client.query_one(text, &[&name]).map(drop).map_err(|e| failed("make the replication slot", e))
    }

    /// Has the server write to its log which transactions run: whoever reads a slot begins at the last such place before which all is confirmed, and
    /// of itself the server makes one every 15 seconds. It makes one for each slot, so a temporary one is made and removed, as
    /// `pg_log_standby_snapshot` (16 and later) is for superusers. Making a slot waits for the transactions that run, so where one is open for long
    /// it is left.
    pub fn note_running(&mut self, name: &str) -> Result<()> {
        let fail = |e| failed("have the server note what runs", e);
        let decoder = self.decoder()?;
        let text = "SELECT pg_snapshot_xmax(s)::text::int8 - pg_snapshot_xmin(s)::text::int8 FROM pg_current_snapshot() s";
        if decoder.query_one(text, &[]).map_err(fail)?.get::<_, i64>(0) > RUNNING_MAX {
            return Ok(());
        }
        // In one message, so that the limit holds for this alone. The name is one that no capture's slot has.
        let make = format!("pg_create_logical_replication_slot('begin_{name}', 'pgoutput', true)");
        let text = format!("SET LOCAL statement_timeout = '{RUNNING_WAIT}'; SELECT pg_drop_replication_slot(slot_name) FROM {make}");
        decoder.batch_execute(&text).map_err(fail)
    }

    /// Removes a slot; one that is not there is fine.
    pub fn drop_slot(&mut self, name: &str) -> Result<()> {
        let text = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1";
        self.client.query(text, &[&name]).map(drop).map_err(|e| failed("remove the replication slot", e))
    }

    /// Makes the publication `name` have exactly the tables `whole`, and the one beside it exactly `inserts`; whether one had to be made.
    pub fn publish(&mut self, name: &str, whole: &[&Table], inserts: &[&Table]) -> Result<bool> {
        let beside = beside(name);
        let (known, known_beside) = (self.published(name)?, self.published(&beside)?);
        // A slot shows nothing of the time before a publication, so one that may be wanted later is made with the first.
        let makes_beside = known_beside.is_none() && (known.is_none() || !inserts.is_empty());
        let mut steps = Vec::new();
        if known.is_none() {
            steps.push(format!("CREATE PUBLICATION {} WITH (publish_via_partition_root = true)", quoted(name)));
        }
        if makes_beside {
            let with = "publish = 'insert', publish_via_partition_root = true";
            steps.push(format!("CREATE PUBLICATION {} WITH ({with})", quoted(&beside)));
        }
        let is_made = known.is_none() || makes_beside;
        self.hears_inserts = known_beside.is_some() || makes_beside;
        steps.extend(change(name, &known.unwrap_or_default(), whole));
        steps.extend(change(&beside, &known_beside.unwrap_or_default(), inserts));
        if !steps.is_empty() {
            self.client.batch_execute(&steps.join("; ")).map_err(|e| failed("set up the publication", e))?;
        }
        Ok(is_made)
    }

    /// Whether the publications are as [`Server::publish`] would leave them.
    pub fn publishes(&mut self, name: &str, whole: &[&Table], inserts: &[&Table]) -> Result<bool> {
        let beside = beside(name);
        let (known, known_beside) = (self.published(name)?, self.published(&beside)?);
        self.hears_inserts = known_beside.is_some();
        let is = |known: &HashMap<i64, String>, tables: &[&Table]| known.len() == tables.len() && tables.iter().all(|t| known.contains_key(&t.oid));
        Ok(known.is_some_and(|known| is(&known, whole)) && is(&known_beside.unwrap_or_default(), inserts))
    }

    /// The tables of a publication, as SQL names them, by number; `None` where it does not exist.
    fn published(&mut self, publication: &str) -> Result<Option<HashMap<i64, String>>> {
        let text = "SELECT r.prrelid::int8, r.prrelid::regclass::text FROM pg_publication p \
                    LEFT JOIN pg_publication_rel r ON p.oid = r.prpubid WHERE p.pubname = $1";
        let rows = self.client.query(text, &[&publication]).map_err(|e| failed("look at the publication", e))?;
        let tables = rows.iter().filter_map(|row| Some((row.get::<_, Option<i64>>(0)?, row.get(1)))).collect();
        Ok((!rows.is_empty()).then_some(tables))
    }

    /// The publications of a slot, as its reader names them.
    pub(super) fn publications(&self, name: &str) -> String {
        match self.hears_inserts {
            true => format!("{},{}", quoted(name), quoted(&beside(name))),
            false => quoted(name),
        }
    }

    /// Waits until nobody reads the slot called `name`: who read it and was killed is noticed after a moment.
    ///
    /// # Errors
    /// `source.busy` where somebody goes on reading it.
    pub fn await_slot(&mut self, name: &str) -> Result<()> {
        let until = Instant::now() + ACTIVE_MAX;
        while self.slot(name)?.is_some_and(|slot| slot.active) {
            if Instant::now() > until {
                return Err(refused("read the replication slot", "55006", &format!("replication slot \"{name}\" is active")));
            }
            std::thread::sleep(ACTIVE_STEP);
        }
        Ok(())
    }

    /// Removes the publications; those that are not there are fine.
    pub fn unpublish(&mut self, name: &str) -> Result<()> {
        let text = format!("DROP PUBLICATION IF EXISTS {}, {}", quoted(name), quoted(&beside(name)));
        self.client.batch_execute(&text).map_err(|e| failed("remove the publication", e))
    }

    /// Calls `each` with the messages of what was committed and is not confirmed, at least `changes` of them where there are so many, always
    /// whole transactions in the order of their commits. The slot stays where it is.
    pub fn peek(&mut self, slot: &str, publication: &str, changes: i32, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let messages = if self.has_messages() { ", 'messages', 'true'" } else { "" };
        let text =
            format!("SELECT data FROM pg_logical_slot_peek_binary_changes($1, NULL, $2, 'proto_version', '1', 'publication_names', $3{messages})");
        let publications = self.publications(publication);
        let params: [&(dyn ToSql + Sync); 3] = [&slot, &changes, &publications];
        let mut rows = self.decoder()?.query_raw(&text, params).map_err(|e| failed("read the replication slot", e))?;
        while let Some(row) = rows.next().map_err(|e| failed("read the replication slot", e))? {
            each(row.get(0))?;
        }
        Ok(())
    }

    /// Tells the server that everything before `to` is recorded.
    pub fn advance(&mut self, slot: &str, to: Lsn) -> Result<()> {
        fault::point("postgres.advance")?;
        let text = "SELECT pg_replication_slot_advance($1, $2::text::pg_lsn)";
        self.decoder()?.query(text, &[&slot, &to.to_string()]).map(drop).map_err(|e| failed("move the replication slot", e))
    }
}
