//! Tenants: one row each, with the head of its log.

use rusqlite::{OptionalExtension, Row};

use super::{View, Writer, sql};
use crate::base::digest::Digest;
use crate::base::error::{Error, Result};
use crate::base::id::{TenantId, TimelineId};
use crate::base::time::Timestamp;
use crate::model::timeline::Position;

/// One tenant and the end of its log.
#[derive(Debug, Clone)]
pub struct TenantRow {
    /// Number within this store; part of every id.
    pub id: i64,
    /// The id that the outside sees.
    pub public: TenantId,
    /// The name people use.
    pub name: String,
    /// Its key, sealed under the site secret.
    pub keyring: Vec<u8>,
    /// Where its log ends.
    pub position: Position,
    /// Where its timeline started, if not at nothing.
    pub parent: Option<Position>,
    /// Time of the last batch.
    pub time: Timestamp,
    /// How many documents are numbered.
    pub documents: u64,
    /// How many contents are numbered.
    pub contents: u64,
}

/// A position as 56 bytes: timeline, sequence number (big endian), digest.
pub fn position_bytes(position: &Position) -> Vec<u8> {
    let mut out = position.timeline.as_bytes().to_vec();
    out.extend_from_slice(&position.seq.to_be_bytes());
    out.extend_from_slice(position.digest.as_bytes());
    out
}

/// The inverse of [`position_bytes`].
pub fn position_from(bytes: &[u8]) -> Result<Position> {
    let bad = || Error::damaged("a position");
    let (timeline, rest) = bytes.split_at_checked(16).ok_or_else(bad)?;
    let (seq, digest) = rest.split_first_chunk::<8>().ok_or_else(bad)?;
    Ok(Position { timeline: TimelineId::from_slice(timeline)?, seq: u64::from_be_bytes(*seq), digest: Digest::from_slice(digest)? })
}

const COLUMNS: &str = "id, public, name, keyring, timeline, parent, seq, digest, time, documents, contents";

fn row(r: &Row<'_>) -> rusqlite::Result<Result<TenantRow>> {
    let blob = |i: usize| r.get::<_, Vec<u8>>(i);
    let (public, timeline, parent, digest) = (blob(1)?, blob(4)?, r.get::<_, Option<Vec<u8>>>(5)?, blob(7)?);
    let (id, name, keyring, seq, time) = (r.get(0)?, r.get(2)?, blob(3)?, r.get::<_, i64>(6)? as u64, Timestamp(r.get(8)?));
    let (documents, contents) = (r.get::<_, i64>(9)? as u64, r.get::<_, i64>(10)? as u64);
    Ok((|| {
        let position = Position { timeline: TimelineId::from_slice(&timeline)?, seq, digest: Digest::from_slice(&digest)? };
        let parent = parent.as_deref().map(position_from).transpose()?;
        Ok(TenantRow { id, public: TenantId::from_slice(&public)?, name, keyring, position, parent, time, documents, contents })
    })())
}

impl View<'_> {
    /// The tenant called `name`.
    pub fn tenant(&self, name: &str) -> Result<Option<TenantRow>> {
        let mut s = self.sql.prepare_cached(&format!("SELECT {COLUMNS} FROM tenant WHERE name = ?")).map_err(sql)?;
        s.query_row([name], row).optional().map_err(sql)?.transpose()
    }

    /// The tenant with this number.
    pub fn tenant_by_id(&self, id: i64) -> Result<TenantRow> {
        let mut s = self.sql.prepare_cached(&format!("SELECT {COLUMNS} FROM tenant WHERE id = ?")).map_err(sql)?;
        s.query_row([id], row).optional().map_err(sql)?.transpose()?.ok_or_else(|| Error::damaged(format_args!("no tenant {id}")))
    }

    /// All tenants, oldest first.
    pub fn tenants(&self) -> Result<Vec<TenantRow>> {
        let mut s = self.sql.prepare_cached(&format!("SELECT {COLUMNS} FROM tenant ORDER BY id")).map_err(sql)?;
        let rows = s.query_map([], row).map_err(sql)?;
        rows.map(|r| r.map_err(sql)?).collect()
    }
}

impl Writer<'_> {
    /// Adds a tenant with an empty log; `id` must be free.
    pub fn add_tenant(&self, t: &TenantRow) -> Result<()> {
        self.run(
            "INSERT INTO tenant (id, public, name, keyring, timeline, parent, seq, digest, time, documents, contents) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            (
                t.id,
                &t.public.as_bytes()[..],
                &t.name,
                &t.keyring,
                &t.position.timeline.as_bytes()[..],
                t.parent.as_ref().map(position_bytes),
                t.position.seq as i64,
                &t.position.digest.as_bytes()[..],
                t.time.micros(),
                t.documents as i64,
                t.contents as i64,
            ),
        )
    }

    /// Moves the end of a tenant's log.
    pub fn set_tenant_end(&self, t: &TenantRow) -> Result<()> {
        self.run(
            "UPDATE tenant SET seq = ?, digest = ?, time = ?, documents = ?, contents = ? WHERE id = ?",
            (t.position.seq as i64, &t.position.digest.as_bytes()[..], t.time.micros(), t.documents as i64, t.contents as i64, t.id),
        )
    }

    /// Puts the log on another timeline, which branched off at `parent`.
    pub fn set_tenant_timeline(&self, tenant: i64, timeline: TimelineId, parent: Option<&Position>) -> Result<()> {
        self.run("UPDATE tenant SET timeline = ?, parent = ? WHERE id = ?", (&timeline.as_bytes()[..], parent.map(position_bytes), tenant))
    }
}
