//! What a server is set up for, asked without changing anything.

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
}

/// Asks the server at `address` about itself and the slot called `slot`.
pub fn checkup(address: &Address, slot: &str) -> Result<Checkup> {
    let mut server = Server::connect(address)?;
    let text = "SELECT current_setting('wal_level'), pg_size_bytes(nullif(current_setting('max_slot_wal_keep_size'), '-1'))";
    let row = server.client.query_one(text, &[]).map_err(|e| failed("ask for the settings", e))?;
    let keeps: Option<i64> = row.get(1);
    Ok(Checkup { logical: row.get::<_, &str>(0) == "logical", keeps_bytes: keeps.map(|n| n.max(0) as u64), slot: server.slot(slot)? })
}
