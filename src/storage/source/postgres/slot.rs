//! Publication and replication slot: what the server keeps for us, and how it is looked at and let go.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use postgres::Row;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::ToSql;

use super::{Server, Table, failed, quoted, refused};
use crate::base::error::Result;
use crate::base::fault;
use crate::format::pgoutput::Lsn;

/// How long a slot may be read by somebody else, and how often that is looked at.
const ACTIVE_MAX: Duration = Duration::from_secs(5);
const ACTIVE_STEP: Duration = Duration::from_millis(20);

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

impl Server {
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

    /// Removes a slot; one that is not there is fine.
    pub fn drop_slot(&mut self, name: &str) -> Result<()> {
        let text = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1";
        self.client.query(text, &[&name]).map(drop).map_err(|e| failed("remove the replication slot", e))
    }

    /// Makes the publication `name` have exactly these tables; whether it had to be made.
    pub fn publish(&mut self, name: &str, tables: &[&Table]) -> Result<bool> {
        let exists =
            self.client.query_opt("SELECT 1 FROM pg_publication WHERE pubname = $1", &[&name]).map_err(|e| failed("look at the publication", e))?;
        let list = |tables: &[&Table]| tables.iter().map(|t| t.sql_name()).collect::<Vec<_>>().join(", ");
        let run = |server: &mut Server, text: String| server.client.batch_execute(&text).map_err(|e| failed("set up the publication", e));
        if exists.is_none() {
            let tables = if tables.is_empty() { String::new() } else { format!("FOR TABLE {}", list(tables)) };
            run(self, format!("CREATE PUBLICATION {} {tables} WITH (publish_via_partition_root = true)", quoted(name)))?;
            return Ok(true);
        }
        if self.publishes(name, tables)? {
            return Ok(false);
        }
        match tables.is_empty() {
            true => run(self, format!("DROP PUBLICATION {0}; CREATE PUBLICATION {0} WITH (publish_via_partition_root = true)", quoted(name)))?,
            false => run(self, format!("ALTER PUBLICATION {} SET TABLE {}", quoted(name), list(tables)))?,
        }
        Ok(false)
    }

    /// Whether the publication `name` has exactly these tables.
    pub fn publishes(&mut self, name: &str, tables: &[&Table]) -> Result<bool> {
        let text = "SELECT r.prrelid::int8 FROM pg_publication p LEFT JOIN pg_publication_rel r ON p.oid = r.prpubid WHERE p.pubname = $1";
        let rows = self.client.query(text, &[&name]).map_err(|e| failed("look at the publication", e))?;
        let has: HashSet<i64> = rows.iter().filter_map(|row| row.get(0)).collect();
        Ok(!rows.is_empty() && has == tables.iter().map(|t| t.oid).collect())
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

    /// Removes the publication; one that is not there is fine.
    pub fn unpublish(&mut self, name: &str) -> Result<()> {
        let text = format!("DROP PUBLICATION IF EXISTS {}", quoted(name));
        self.client.batch_execute(&text).map_err(|e| failed("remove the publication", e))
    }

    /// Calls `each` with the messages of what was committed and is not confirmed, at least `changes` of them where there are so many, always
    /// whole transactions in the order of their commits. The slot stays where it is.
    pub fn peek(&mut self, slot: &str, publication: &str, changes: i32, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let messages = if self.has_messages() { ", 'messages', 'true'" } else { "" };
        let text =
            format!("SELECT data FROM pg_logical_slot_peek_binary_changes($1, NULL, $2, 'proto_version', '1', 'publication_names', $3{messages})");
        let params: [&(dyn ToSql + Sync); 3] = [&slot, &changes, &publication];
        let client = self.decoding.as_mut().unwrap_or(&mut self.client);
        let mut rows = client.query_raw(&text, params).map_err(|e| failed("read the replication slot", e))?;
        while let Some(row) = rows.next().map_err(|e| failed("read the replication slot", e))? {
            each(row.get(0))?;
        }
        Ok(())
    }

    /// Tells the server that everything before `to` is recorded.
    pub fn advance(&mut self, slot: &str, to: Lsn) -> Result<()> {
        fault::point("postgres.advance")?;
        let text = "SELECT pg_replication_slot_advance($1, $2::text::pg_lsn)";
        let client = self.decoding.as_mut().unwrap_or(&mut self.client);
        client.query(text, &[&slot, &to.to_string()]).map(drop).map_err(|e| failed("move the replication slot", e))
    }
}
