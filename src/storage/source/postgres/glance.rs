//! What a visit wants to know first, in one question that the server has planned before.

use super::slot::SLOT;
use super::{Identity, Server, Slot, failed};
use crate::base::error::Result;
use crate::format::pgoutput::Lsn;

/// What was seen in one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// Which server, and how far its log is.
    pub identity: Identity,
    /// The slot, where this database has it.
    pub slot: Option<Slot>,
    /// Rows of the catalogue that were counted for it.
    pub rows: u64,
    /// Stands for what the catalogue says of tables, enumerations and publications: as long as it is the same, they are.
    pub catalogue: String,
}

/// Catalogues that tables, enumerations and publications are read from, and the number from which on an object is not PostgreSQL's own, by
/// which the rows are found without reading the rest.
const CATALOGUES: [(&str, &str); 10] = [
    ("pg_class", "oid >= 16384"),
    ("pg_attribute", "attrelid >= 16384"),
    ("pg_attrdef", "oid >= 16384"),
    ("pg_constraint", "oid >= 16384"),
    ("pg_index", "indexrelid >= 16384"),
    ("pg_type", "oid >= 16384"),
    ("pg_enum", "true"),
    ("pg_namespace", "true"),
    ("pg_publication", "true"),
    ("pg_publication_rel", "true"),
];

/// A row that is changed gets the number of the transaction that did so, which is higher than the one before. So with as many rows as before
/// the sum of these numbers is higher than before.
fn question() -> String {
    let sums = CATALOGUES
        .map(|(name, which)| format!("(SELECT count(*) || '.' || coalesce(sum(xmin::text::int8), 0) FROM pg_catalog.{name} WHERE {which})"));
    format!(
        "SELECT s.*, (SELECT system_identifier::text FROM pg_control_system()), (SELECT timeline_id::int8 FROM pg_control_checkpoint()), \
         pg_current_wal_flush_lsn()::text, {} FROM (SELECT) one LEFT JOIN ({SLOT}) s ON true",
        sums.join(" || ' ' || ")
    )
}

impl Server {
    /// How far the log is durable. As long as that is the same nobody committed anything.
    pub fn log_end(&mut self) -> Result<Lsn> {
        let fail = |e| failed("ask how far the log is", e);
        let statement = match &self.log_end {
            Some(statement) => statement.clone(),
            None => self.client.prepare("SELECT pg_current_wal_flush_lsn()::text").map_err(fail)?,
        };
        let row = self.client.query_one(&self.log_end.insert(statement).clone(), &[]).map_err(fail)?;
        Lsn::parse(row.get(0))
    }

    /// Who the server is, how far it is, what it keeps for the slot called `name`, and whether its catalogue changed.
    pub fn glance(&mut self, name: &str) -> Result<Glance> {
        let fail = |e| failed("look at the server", e);
        let statement = match &self.glance {
            Some(statement) => statement.clone(),
            None => self.client.prepare(&question()).map_err(fail)?,
        };
        let row = self.client.query_one(&self.glance.insert(statement).clone(), &[&name]).map_err(fail)?;
        let slot = match row.get::<_, Option<&str>>(0) {
            Some(_) => Some(Slot::read(&row)?),
            None => None,
        };
        let catalogue: String = row.get(8);
        Ok(Glance {
            rows: catalogue.split(' ').filter_map(|sum| sum.split('.').next()?.parse::<u64>().ok()).sum(),
            identity: Identity { system: row.get(5), timeline: row.get(6), lsn: Lsn::parse(row.get(7))?, database: self.number },
            slot,
            catalogue,
        })
    }
}
