//! What was sealed, as which objects it travels, and which remote holds it.

use rusqlite::OptionalExtension;

use super::{View, Writer, id, number, sql};
use crate::base::digest::Digest;
use crate::base::error::Result;
use crate::base::time::Timestamp;

/// One object of a sealed slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRow {
    /// The slice it belongs to.
    pub slice: i64,
    /// Its place in the slice; the last one holds the records.
    pub part: u64,
    /// Name within the tenant's folder.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// BLAKE3 of the object.
    pub digest: Digest,
}

/// A sealed slice of a tenant's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceRow {
    /// Its number.
    pub id: i64,
    /// The tenant.
    pub tenant: i64,
    /// First sequence number.
    pub first: u64,
    /// Last sequence number.
    pub last: u64,
}

fn object(r: &rusqlite::Row<'_>) -> rusqlite::Result<(ObjectRow, Vec<u8>)> {
    let row =
        ObjectRow { slice: r.get(0)?, part: r.get::<_, i64>(1)? as u64, name: r.get(2)?, size: r.get::<_, i64>(3)? as u64, digest: Digest::ZERO };
    Ok((row, r.get(4)?))
}

fn slice(r: &rusqlite::Row<'_>) -> rusqlite::Result<SliceRow> {
    Ok(SliceRow { id: r.get(0)?, tenant: r.get(1)?, first: r.get::<_, i64>(2)? as u64, last: r.get::<_, i64>(3)? as u64 })
}

const OBJECT: &str = "o.slice, o.part, o.name, o.size, o.digest";

impl View<'_> {
    fn objects(&self, text: &str, params: impl rusqlite::Params) -> Result<Vec<ObjectRow>> {
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows = s.query_map(params, object).map_err(sql)?;
        rows.map(|r| {
            let (row, digest) = r.map_err(sql)?;
            Ok(ObjectRow { digest: Digest::from_slice(&digest)?, ..row })
        })
        .collect()
    }

    /// The last sealed sequence number of a tenant, 0 before the first seal.
    pub fn sealed(&self, tenant: i64) -> Result<u64> {
        let mut s = self.sql.prepare_cached("SELECT coalesce(max(last), 0) FROM slice WHERE tenant = ?").map_err(sql)?;
        s.query_row([tenant], |r| r.get::<_, i64>(0)).map(|n| n as u64).map_err(sql)
    }

    /// The sealed slices of a tenant in order.
    pub fn slices(&self, tenant: i64) -> Result<Vec<SliceRow>> {
        let mut s = self.sql.prepare_cached("SELECT id, tenant, first, last FROM slice WHERE tenant = ? ORDER BY first, id").map_err(sql)?;
        let rows = s.query_map([tenant], slice).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// The sealings of slices that begin at batch `first`, oldest first.
    pub fn slices_from(&self, tenant: i64, first: u64) -> Result<Vec<SliceRow>> {
        let mut s = self.sql.prepare_cached("SELECT id, tenant, first, last FROM slice WHERE tenant = ? AND first = ? ORDER BY id").map_err(sql)?;
        let rows = s.query_map((tenant, first as i64), slice).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// The sealed slices of a tenant in order, each with the name of its last object.
    pub fn slice_ends(&self, tenant: i64) -> Result<Vec<(SliceRow, Option<String>)>> {
        let text = "SELECT s.id, s.tenant, s.first, s.last, (SELECT o.name FROM object o WHERE o.slice = s.id ORDER BY o.part DESC LIMIT 1) \
                    FROM slice s WHERE s.tenant = ? ORDER BY s.first, s.id";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows = s.query_map([tenant], |r| Ok((slice(r)?, r.get(4)?))).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// The objects of a slice in order of part.
    pub fn objects_of(&self, slice: i64) -> Result<Vec<ObjectRow>> {
        self.objects(&format!("SELECT {OBJECT} FROM object o WHERE o.slice = ? ORDER BY o.part"), [slice])
    }

    /// Whether an object called `name` of the slice that starts at `first` is recorded.
    pub fn is_sealed(&self, tenant: i64, first: u64, name: &str) -> Result<bool> {
        let text = "SELECT 1 FROM slice s JOIN object o ON o.slice = s.id WHERE s.tenant = ? AND s.first = ? AND o.name = ?";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        s.exists((tenant, first as i64, name)).map_err(sql)
    }

    /// Slices of a tenant that a remote is not known to hold whole, in the order they must be shipped: of each the newest sealing.
    pub fn unshipped_slices(&self, tenant: i64, remote: &str) -> Result<Vec<SliceRow>> {
        let text = "SELECT max(s.id), s.tenant, s.first, s.last FROM slice s WHERE s.tenant = ?1 GROUP BY s.first HAVING NOT EXISTS ( \
                    SELECT 1 FROM slice v WHERE v.tenant = ?1 AND v.first = s.first AND NOT EXISTS ( \
                    SELECT 1 FROM object o WHERE o.slice = v.id AND NOT EXISTS ( \
                    SELECT 1 FROM held h WHERE h.remote = ?2 AND h.tenant = ?1 AND h.name = o.name))) ORDER BY s.first";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows = s.query_map((tenant, remote), slice).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// The objects of a tenant that a remote is not known to hold, in the order they must be shipped.
    pub fn unshipped(&self, tenant: i64, remote: &str) -> Result<Vec<ObjectRow>> {
        let mut out = Vec::new();
        for slice in self.unshipped_slices(tenant, remote)? {
            for object in self.objects_of(slice.id)? {
                if !self.is_held(remote, tenant, &object.name)? {
                    out.push(object);
                }
            }
        }
        Ok(out)
    }

    /// How far (sequence number) a remote is known to hold a tenant's log without a gap.
    pub fn held_to(&self, tenant: i64, remote: &str) -> Result<u64> {
        match self.unshipped_slices(tenant, remote)?.first() {
            Some(slice) => Ok(slice.first.saturating_sub(1)),
            None => self.sealed(tenant),
        }
    }

    /// Whether a remote is known to hold the object called `name`.
    pub fn is_held(&self, remote: &str, tenant: i64, name: &str) -> Result<bool> {
        let mut s = self.sql.prepare_cached("SELECT 1 FROM held WHERE remote = ? AND tenant = ? AND name = ?").map_err(sql)?;
        s.exists((remote, tenant, name)).map_err(sql)
    }

    /// The names that a remote is known to hold.
    pub fn held(&self, remote: &str, tenant: i64) -> Result<Vec<(String, Timestamp)>> {
        let mut s = self.sql.prepare_cached("SELECT name, at FROM held WHERE remote = ? AND tenant = ? ORDER BY name").map_err(sql)?;
        let rows = s.query_map((remote, tenant), |r| Ok((r.get(0)?, Timestamp(r.get(1)?)))).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// The last object of a tenant's log that a remote is known to hold, with its size.
    pub fn newest_held(&self, remote: &str, tenant: i64) -> Result<Option<(String, u64)>> {
        let text = "SELECT o.name, o.size FROM slice s JOIN object o ON o.slice = s.id WHERE s.tenant = ?1 AND EXISTS ( \
                    SELECT 1 FROM held h WHERE h.remote = ?2 AND h.tenant = ?1 AND h.name = o.name) ORDER BY s.first DESC, o.part DESC LIMIT 1";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        s.query_row((tenant, remote), |r| Ok((r.get(0)?, r.get::<_, i64>(1)? as u64))).optional().map_err(sql)
    }

    /// How many deltas lie below a content as it was sent; zero when sent whole.
    pub fn chain(&self, content: i64) -> Result<u32> {
        let mut s = self.sql.prepare_cached("SELECT depth FROM chain WHERE content = ?").map_err(sql)?;
        Ok(s.query_row([content], |r| r.get(0)).optional().map_err(sql)?.unwrap_or(0))
    }

    /// Contents of a tenant before number `before` that share a resemblance feature, newest first.
    pub fn resembling(&self, tenant: i64, feature: u64, before: u64, limit: usize) -> Result<Vec<u64>> {
        let text = "SELECT content FROM sketch WHERE tenant = ? AND feature = ? AND content < ? ORDER BY content DESC LIMIT ?";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows = s.query_map((tenant, feature as i64, id(tenant, before), limit as i64), |r| r.get(0)).map_err(sql)?;
        rows.map(|r| r.map(number).map_err(sql)).collect()
    }

    /// The measured rate of a remote's line in bytes per second.
    pub fn line_rate(&self, remote: &str) -> Result<Option<f64>> {
        let mut s = self.sql.prepare_cached("SELECT bytes_per_sec FROM line WHERE remote = ?").map_err(sql)?;
        s.query_row([remote], |r| r.get(0)).optional().map_err(sql)
    }

    /// What was noted about how steady the line to a remote is.
    pub fn line_note(&self, remote: &str) -> Result<Option<Vec<u8>>> {
        self.fact(&steady(remote))
    }
}

/// The fact about how steady a line is.
fn steady(remote: &str) -> String {
    format!("steady {remote}")
}

impl Writer<'_> {
    /// Records a sealed slice with its objects.
    pub fn add_slice(&self, tenant: i64, first: u64, last: u64, objects: &[ObjectRow]) -> Result<i64> {
        self.run("INSERT INTO slice (tenant, first, last) VALUES (?,?,?)", (tenant, first as i64, last as i64))?;
        let slice = self.sql.last_insert_rowid();
        for o in objects {
            self.run(
                "INSERT INTO object (slice, part, name, size, digest) VALUES (?,?,?,?,?)",
                (slice, o.part as i64, &o.name, o.size as i64, &o.digest.as_bytes()[..]),
            )?;
        }
        Ok(slice)
    }

    /// Records that a remote holds an object, after it was read back.
    pub fn add_held(&self, remote: &str, tenant: i64, name: &str, at: Timestamp) -> Result<()> {
        self.run("INSERT OR REPLACE INTO held (remote, tenant, name, at) VALUES (?,?,?,?)", (remote, tenant, name, at.micros()))
    }

    /// Records that a remote does not hold an object after all.
    pub fn remove_held(&self, remote: &str, tenant: i64, name: &str) -> Result<()> {
        self.run("DELETE FROM held WHERE remote = ? AND tenant = ? AND name = ?", (remote, tenant, name))
    }

    /// Forgets all that a remote holds.
    pub fn remove_remote(&self, remote: &str) -> Result<()> {
        self.run("DELETE FROM held WHERE remote = ?", [remote])?;
        self.run("DELETE FROM retired WHERE remote = ?", [remote])?;
        self.run("DELETE FROM key_held WHERE remote = ?", [remote])?;
        self.run("DELETE FROM line WHERE remote = ?", [remote])?;
        self.remove_fact(&steady(remote))
    }

    /// Records how many deltas lie below a content as it was sent.
    pub fn set_chain(&self, content: i64, depth: u32) -> Result<()> {
        if depth == 0 {
            return self.run("DELETE FROM chain WHERE content = ?", [content]);
        }
        self.run("INSERT OR REPLACE INTO chain (content, depth) VALUES (?,?)", (content, depth))
    }

    /// Records resemblance features of a content.
    pub fn add_sketch(&self, tenant: i64, content: u64, features: &[u64]) -> Result<()> {
        for feature in features {
            self.run("INSERT OR IGNORE INTO sketch (tenant, feature, content) VALUES (?,?,?)", (tenant, *feature as i64, id(tenant, content)))?;
        }
        Ok(())
    }

    /// Notes how steady the line to a remote is.
    pub fn set_line_note(&self, remote: &str, note: &[u8]) -> Result<()> {
        self.set_fact(&steady(remote), note)
    }

    /// Records a measured rate of a remote's line: the mean of what was known and what was seen.
    pub fn set_line_rate(&self, remote: &str, bytes_per_sec: f64, at: Timestamp) -> Result<()> {
        let rate = self.line_rate(remote)?.map_or(bytes_per_sec, |known| (known + bytes_per_sec) / 2.0);
        self.run("INSERT OR REPLACE INTO line (remote, bytes_per_sec, at) VALUES (?,?,?)", (remote, rate, at.micros()))
    }
}
