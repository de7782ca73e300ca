//! What a server is set up for, asked without changing anything.

use super::slot::may_hush;
use super::{Address, Server, Slot, failed};
use crate::base::error::Result;

/// How a server is set up for being followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkup {
    /// Whether `wal_level` is `logical`.
    pub logical: bool,
    /// Bytes of log that it keeps for a slot at most; `None` where it sets no limit.
    pub keeps_bytes: Option<u64>,
    /// The slot, where it has it.
    pub slot: Option<Slot>,
    /// The role whose reading of the slot the server logs each time; `None` where it does not.
    pub logs_reading_of: Option<String>,
}

/// Asks the server at `address` about itself and the slot called `slot`.
pub fn checkup(address: &Address, slot: &str) -> Result<Checkup> {
    let mut server = Server::connect(address)?;
    let text = "SELECT current_setting('wal_level'), pg_size_bytes(nullif(current_setting('max_slot_wal_keep_size'), '-1'))";
    let row = server.client.query_one(text, &[]).map_err(|e| failed("ask for the settings", e))?;
    let (level, keeps): (&str, Option<i64>) = (row.get(0), row.get(1));
    let text = format!(
        "SELECT current_user::text WHERE current_setting('log_min_messages') NOT IN ('fatal', 'panic') AND NOT EXISTS (SELECT FROM pg_roles WHERE {})",
        may_hush(server.version)
    );
    let role = server.client.query_opt(&text, &[]).map_err(|e| failed("ask what the server logs", e))?;
    Ok(Checkup {
        logical: level == "logical",
        keeps_bytes: keeps.map(|n| n.max(0) as u64),
        slot: server.slot(slot)?,
        logs_reading_of: role.map(|row| row.get(0)),
    })
}
