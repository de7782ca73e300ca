//! Cursors of the change feed, and the changes of the log from a place on.

use rusqlite::{OptionalExtension, Row};

use super::{View, Writer, id, number, sql};
use crate::base::codec::Reader;
use crate::base::digest::Digest;
use crate::base::error::{Error, Result};
use crate::base::time::Timestamp;
use crate::format::record;
use crate::model::change::Change;

/// A place between two changes of a log. Ordered as the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// All batches up to this one lie before it.
    pub seq: u64,
    /// And so many changes of the next batch.
    pub within: u64,
}

/// Which cursor: a consumer, its group (empty where none) and the partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorKey {
    /// The tenant.
    pub tenant: i64,
    /// The consumer.
    pub name: String,
    /// The group that shares the consumer's work, empty where none.
    pub team: String,
    /// From 0.
    pub partition: u32,
}

/// How far a consumer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorRow {
    /// Which.
    pub key: CursorKey,
    /// How many partitions the consumer has.
    pub partitions: u32,
    /// What is done.
    pub place: Place,
    /// Digest of batch `place.seq`.
    pub digest: Digest,
    /// Who works on it, empty where nobody.
    pub member: String,
    /// Until when.
    pub until: Timestamp,
    /// When it moved last.
    pub moved: Timestamp,
}

/// One change of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    /// Id of its batch.
    pub batch: i64,
    /// Place within the batch, from 0.
    pub place: u64,
    /// What changed.
    pub change: ChangeKind,
}

/// What a change is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// A put (with digest and size of the content) or a removal.
    Version {
        /// The document.
        key: Vec<u8>,
        /// Number of the version; a removal carries the number it ends.
        number: u64,
        /// `None` for a removal.
        content: Option<(Digest, u64)>,
    },
    /// A reference or a mark.
    Remark(Change),
}

fn cursor(tenant: i64, r: &Row<'_>) -> rusqlite::Result<Result<CursorRow>> {
    let digest: Vec<u8> = r.get(5)?;
    let key = CursorKey { tenant, name: r.get(0)?, team: r.get(1)?, partition: r.get(2)? };
    let place = Place { seq: r.get::<_, i64>(4)? as u64, within: r.get::<_, i64>(6)? as u64 };
    let (partitions, member, until, moved) = (r.get(3)?, r.get(7)?, Timestamp(r.get(8)?), Timestamp(r.get(9)?));
    Ok(Digest::from_slice(&digest).map(|digest| CursorRow { key, partitions, place, digest, member, until, moved }))
}

const CURSOR: &str = "name, team, partition, partitions, seq, digest, within, member, until, moved";

impl View<'_> {
    /// The cursor, where it exists.
    pub fn cursor(&self, key: &CursorKey) -> Result<Option<CursorRow>> {
        let text = format!("SELECT {CURSOR} FROM cursor WHERE tenant = ? AND name = ? AND team = ? AND partition = ?");
        let mut s = self.sql.prepare_cached(&text).map_err(sql)?;
        s.query_row((key.tenant, &key.name, &key.team, key.partition), |r| cursor(key.tenant, r)).optional().map_err(sql)?.transpose()
    }

    /// All cursors of a tenant by consumer, group and partition.
    pub fn cursors(&self, tenant: i64) -> Result<Vec<CursorRow>> {
        let text = format!("SELECT {CURSOR} FROM cursor WHERE tenant = ? ORDER BY name, team, partition");
        let mut s = self.sql.prepare_cached(&text).map_err(sql)?;
        let rows = s.query_map([tenant], |r| cursor(tenant, r)).map_err(sql)?;
        rows.map(|r| r.map_err(sql)?).collect()
    }

    /// The cursors of one consumer and group by partition.
    pub fn cursors_of(&self, tenant: i64, name: &str, team: &str) -> Result<Vec<CursorRow>> {
        let text = format!("SELECT {CURSOR} FROM cursor WHERE tenant = ? AND name = ? AND team = ? ORDER BY partition");
        let mut s = self.sql.prepare_cached(&text).map_err(sql)?;
        let rows = s.query_map((tenant, name, team), |r| cursor(tenant, r)).map_err(sql)?;
        rows.map(|r| r.map_err(sql)?).collect()
    }

    /// The members of a group that are alive at `now`, by name.
    pub fn cursor_members(&self, tenant: i64, name: &str, team: &str, now: Timestamp) -> Result<Vec<String>> {
        let text = "SELECT member FROM cursor_member WHERE tenant = ? AND name = ? AND team = ? AND until > ? ORDER BY member";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows = s.query_map((tenant, name, team, now.micros()), |r| r.get(0)).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// The first batch of a tenant that is kept.
    pub fn oldest_seq(&self, tenant: i64) -> Result<Option<u64>> {
        let mut s = self.sql.prepare_cached("SELECT id FROM batch WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1").map_err(sql)?;
        s.query_row((id(tenant, 0), id(tenant + 1, 0) - 1), |r| r.get(0).map(number)).optional().map_err(sql)
    }

    /// The changes that follow `place`, up to batch `last`, in the order of the log; at most `limit`.
    pub fn changes_after(&self, tenant: i64, place: Place, last: u64, limit: usize) -> Result<Vec<ChangeRow>> {
        let bounds = (id(tenant, place.seq + 1), place.within as i64, id(tenant, last), limit as i64);
        let text = "SELECT v.batch, v.place, v.number, d.key, c.digest, c.size FROM version v JOIN document d ON d.id = v.document \
                    LEFT JOIN content c ON c.id = v.content \
                    WHERE (v.batch, v.place) >= (?1, ?2) AND v.batch <= ?3 ORDER BY v.batch, v.place LIMIT ?4";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let mut rows = s.query(bounds).map_err(sql)?;
        let mut out = Vec::new();
        while let Some(r) = rows.next().map_err(sql)? {
            let content = match r.get::<_, Option<Vec<u8>>>(4).map_err(sql)? {
                Some(digest) => Some((Digest::from_slice(&digest)?, r.get::<_, i64>(5).map_err(sql)? as u64)),
                None => None,
            };
            let change = ChangeKind::Version { key: r.get(3).map_err(sql)?, number: r.get::<_, i64>(2).map_err(sql)? as u64, content };
            out.push(ChangeRow { batch: r.get(0).map_err(sql)?, place: r.get::<_, i64>(1).map_err(sql)? as u64, change });
        }
        let text = "SELECT batch, place, body FROM remark WHERE (batch, place) >= (?1, ?2) AND batch <= ?3 ORDER BY batch, place LIMIT ?4";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let mut rows = s.query(bounds).map_err(sql)?;
        while let Some(r) = rows.next().map_err(sql)? {
            let body: Vec<u8> = r.get(2).map_err(sql)?;
            let mut reader = Reader::new(&body, "a remark");
            let change = ChangeKind::Remark(record::decode_change(&mut reader)?);
            reader.finish()?;
            out.push(ChangeRow { batch: r.get(0).map_err(sql)?, place: r.get::<_, i64>(1).map_err(sql)? as u64, change });
        }
        out.sort_by_key(|row| (row.batch, row.place));
        out.truncate(limit);
        Ok(out)
    }
}

impl Writer<'_> {
    /// Adds a cursor or replaces it.
    pub fn set_cursor(&self, c: &CursorRow) -> Result<()> {
        self.run(
            "INSERT OR REPLACE INTO cursor (tenant, name, team, partition, partitions, seq, digest, within, member, until, moved) \
             VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            (
                c.key.tenant,
                &c.key.name,
                &c.key.team,
                c.key.partition,
                c.partitions,
                c.place.seq as i64,
                &c.digest.as_bytes()[..],
                c.place.within as i64,
                &c.member,
                c.until.micros(),
                c.moved.micros(),
            ),
        )
    }

    /// Removes all cursors of a consumer, or (with a group) of that group only; how many there were.
    pub fn remove_cursors(&self, tenant: i64, name: &str, team: Option<&str>) -> Result<usize> {
        self.run("DELETE FROM cursor_member WHERE tenant = ?1 AND name = ?2 AND team = coalesce(?3, team)", (tenant, name, team))?;
        let mut s = self.sql.prepare_cached("DELETE FROM cursor WHERE tenant = ?1 AND name = ?2 AND team = coalesce(?3, team)").map_err(sql)?;
        s.execute((tenant, name, team)).map_err(sql)
    }

    /// Notes that a member of a group is alive until `until`, and forgets those that are gone at `now`.
    pub fn set_cursor_member(&self, key: &CursorKey, member: &str, until: Timestamp, now: Timestamp) -> Result<()> {
        let (tenant, name, team) = (key.tenant, &key.name, &key.team);
        self.run("DELETE FROM cursor_member WHERE tenant = ? AND name = ? AND team = ? AND until <= ?", (tenant, name, team, now.micros()))?;
        self.run(
            "INSERT OR REPLACE INTO cursor_member (tenant, name, team, member, until) VALUES (?,?,?,?,?)",
            (tenant, name, team, member, until.micros()),
        )
    }

    /// A member left its group.
    pub fn remove_cursor_member(&self, key: &CursorKey, member: &str) -> Result<()> {
        let text = "DELETE FROM cursor_member WHERE tenant = ? AND name = ? AND team = ? AND member = ?";
        self.run(text, (key.tenant, &key.name, &key.team, member))
    }
}

/// The error for a log that does not have the batches that it must have.
pub fn gap(seq: u64, place: u64) -> Error {
    Error::damaged(format_args!("the catalogue lacks change {place} of batch {seq}")).hint("annals verify --full tells what is damaged").at_seq(seq)
}
