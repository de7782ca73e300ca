//! Counts and sums: what a status shows.

use rusqlite::OptionalExtension;

use super::{View, id, sql};
use crate::base::error::Result;
use crate::base::time::Timestamp;

/// What of a tenant's log lies after a sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tail {
    /// Batches.
    pub batches: u64,
    /// Changes in them.
    pub changes: u64,
    /// Bytes of the contents that they were the first to name, as the documents have them (not packed).
    pub bytes: u64,
    /// Time of the oldest batch.
    pub oldest: Option<Timestamp>,
}

/// What a remote is known to hold of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holding {
    /// Objects.
    pub objects: u64,
    /// When the newest of them was read back.
    pub newest: Option<Timestamp>,
}

impl View<'_> {
    /// How many documents of a tenant exist now. Walks all of its documents.
    pub fn documents_existing(&self, tenant: i64) -> Result<u64> {
        let text = "SELECT count(*) FROM document WHERE id >= ? AND id < ? AND content IS NOT NULL";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        s.query_row((id(tenant, 0), id(tenant + 1, 0)), |r| r.get::<_, i64>(0)).map(|n| n as u64).map_err(sql)
    }

    /// How many of the first `numbered` documents of a tenant exist now, counted no further than to `most`.
    pub fn documents_existing_to(&self, tenant: i64, numbered: u64, most: u64) -> Result<u64> {
        let text = "SELECT count(*) FROM (SELECT 1 FROM document WHERE id >= ? AND id < ? AND content IS NOT NULL LIMIT ?)";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        s.query_row((id(tenant, 0), id(tenant, numbered), most), |r| r.get::<_, i64>(0)).map(|n| n as u64).map_err(sql)
    }

    /// What lies after batch `seq` of a tenant. Cost follows what is found.
    pub fn tail_after(&self, tenant: i64, seq: u64) -> Result<Tail> {
        let end = id(tenant + 1, 0);
        let text = "SELECT count(*), coalesce(sum(changes), 0), min(time) FROM batch WHERE id > ? AND id < ?";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let mut tail = s
            .query_row((id(tenant, seq), end), |r| {
                Ok(Tail {
                    batches: r.get::<_, i64>(0)? as u64,
                    changes: r.get::<_, i64>(1)? as u64,
                    bytes: 0,
                    oldest: r.get::<_, Option<i64>>(2)?.map(Timestamp),
                })
            })
            .map_err(sql)?;
        let mut s = self.sql.prepare_cached("SELECT contents FROM batch WHERE id = ?").map_err(sql)?;
        let numbered: Option<i64> = s.query_row([id(tenant, seq)], |r| r.get(0)).optional().map_err(sql)?;
        let mut s = self.sql.prepare_cached("SELECT coalesce(sum(size), 0) FROM content WHERE id >= ? AND id < ?").map_err(sql)?;
        tail.bytes = s.query_row((id(tenant, numbered.unwrap_or(0) as u64), end), |r| r.get::<_, i64>(0)).map_err(sql)? as u64;
        Ok(tail)
    }

    /// What a remote is known to hold of a tenant.
    pub fn holding(&self, remote: &str, tenant: i64) -> Result<Holding> {
        let mut s = self.sql.prepare_cached("SELECT count(*), max(at) FROM held WHERE remote = ? AND tenant = ?").map_err(sql)?;
        s.query_row((remote, tenant), |r| Ok(Holding { objects: r.get::<_, i64>(0)? as u64, newest: r.get::<_, Option<i64>>(1)?.map(Timestamp) }))
            .map_err(sql)
    }

    /// Whether a remote was ever used: it is known to hold something of any tenant.
    pub fn remote_used(&self, remote: &str) -> Result<bool> {
        let mut s = self.sql.prepare_cached("SELECT 1 FROM held WHERE remote = ? LIMIT 1").map_err(sql)?;
        s.exists([remote]).map_err(sql)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::catalog::Catalog;

    #[test]
    fn nothing_recorded_is_nothing_waiting_and_a_held_object_is_seen() {
        let dir = tempfile::tempdir().expect("dir");
        let catalog = Catalog::create(&dir.path().join("catalog.db")).expect("open");
        assert_eq!(catalog.read(|v| v.tail_after(0, 0)).expect("tail"), Tail::default());
        assert_eq!(catalog.read(|v| v.documents_existing(0)).expect("count"), 0);
        let add = |n: u32| format!("INSERT INTO document (id, tenant, key, versions, content) VALUES ({n}, 0, 'k{n}', 1, nullif({n}, 3))");
        catalog.write(|w| (0..10).try_for_each(|n| w.run(&add(n), ()))).expect("ten documents, of which one was removed");
        let counted = |numbered, most| catalog.read(|v| v.documents_existing_to(0, numbered, most)).expect("count");
        assert_eq!([counted(10, 0), counted(10, 4), counted(10, 9), counted(10, u64::MAX)], [0, 4, 9, 9], "no further than asked");
        assert_eq!([counted(0, 9), counted(3, 9), counted(4, 9), counted(6, 9)], [0, 3, 3, 5], "of those that have a number by then");
        catalog.write(|w| w.add_held("usb", 3, "a", Timestamp(7))).expect("held");
        let seen = catalog.read(|v| Ok((v.holding("usb", 3)?, v.remote_used("usb")?, v.remote_used("other")?))).expect("read");
        assert_eq!(seen, (Holding { objects: 1, newest: Some(Timestamp(7)) }, true, false));
    }
}
