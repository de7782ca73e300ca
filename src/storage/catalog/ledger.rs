//! What the agent remembers: bytes on the line, which remote answered when, and which problems people were told of.

use rusqlite::OptionalExtension;

use super::{View, Writer, sql};
use crate::base::error::Result;
use crate::base::time::Timestamp;

/// Microseconds in a slot of the traffic table: a quarter of an hour, because the offsets of all zones are multiples of it.
const SLOT: i64 = 900 * 1_000_000;
/// Slots that are kept: a year and a month.
const SLOTS_KEPT: i64 = 400 * 96;

/// What is known of a remote from the last attempts to use it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// When it last answered.
    pub good: Option<Timestamp>,
    /// Since when it has not; `None` where the last attempt went well.
    pub since: Option<Timestamp>,
    /// The code of the error of the last attempt.
    pub code: String,
    /// The error of the last attempt.
    pub said: String,
}

/// A problem that people were told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What it is, the same words for the same problem.
    pub problem: String,
    /// When they were told.
    pub at: Timestamp,
    /// What they were told.
    pub said: String,
}

impl View<'_> {
    /// Bytes shipped to all remotes from `from` on.
    pub fn traffic_since(&self, from: Timestamp) -> Result<u64> {
        let mut s = self.sql.prepare_cached("SELECT coalesce(sum(bytes), 0) FROM traffic WHERE slot >= ?").map_err(sql)?;
        s.query_row([from.micros().div_euclid(SLOT)], |r| r.get::<_, i64>(0)).map(|n| n as u64).map_err(sql)
    }

    /// When something was first shipped to one remote from `from` on, and the bytes since; `None` where nothing was.
    pub fn traffic_of(&self, remote: &str, from: Timestamp) -> Result<Option<(Timestamp, u64)>> {
        let mut s = self.sql.prepare_cached("SELECT min(slot), coalesce(sum(bytes), 0) FROM traffic WHERE remote = ? AND slot >= ?").map_err(sql)?;
        let row = s.query_row((remote, from.micros().div_euclid(SLOT)), |r| Ok((r.get::<_, Option<i64>>(0)?, r.get::<_, i64>(1)?)));
        row.map(|(slot, bytes)| slot.map(|slot| (Timestamp(slot * SLOT), bytes as u64))).map_err(sql)
    }

    /// What is known of a remote.
    pub fn contact(&self, remote: &str) -> Result<Contact> {
        let mut s = self.sql.prepare_cached("SELECT good, since, code, said FROM contact WHERE remote = ?").map_err(sql)?;
        let time = |at: Option<i64>| at.map(Timestamp);
        let row = s.query_row([remote], |r| Ok(Contact { good: time(r.get(0)?), since: time(r.get(1)?), code: r.get(2)?, said: r.get(3)? }));
        Ok(row.optional().map_err(sql)?.unwrap_or_default())
    }

    /// Problems that people were told of and that are not solved.
    pub fn told(&self) -> Result<Vec<Told>> {
        let mut s = self.sql.prepare_cached("SELECT problem, at, said FROM told ORDER BY at, problem").map_err(sql)?;
        let rows = s.query_map([], |r| Ok(Told { problem: r.get(0)?, at: Timestamp(r.get(1)?), said: r.get(2)? })).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }
}

impl Writer<'_> {
    /// Counts bytes that were shipped.
    pub fn add_traffic(&self, remote: &str, bytes: u64, at: Timestamp) -> Result<()> {
        let slot = at.micros().div_euclid(SLOT);
        self.run("DELETE FROM traffic WHERE slot < ?", [slot - SLOTS_KEPT])?;
        let text = "INSERT INTO traffic (slot, remote, bytes) VALUES (?,?,?) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes";
        self.run(text, (slot, remote, bytes as i64))
    }

    /// Notes that a remote answered.
    pub fn note_contact(&self, remote: &str, at: Timestamp) -> Result<()> {
        self.run("INSERT OR REPLACE INTO contact (remote, good, since, code, said) VALUES (?,?,NULL,'','')", (remote, at.micros()))
    }

    /// Notes that a remote did not answer, or not as it should.
    pub fn note_trouble(&self, remote: &str, code: &str, said: &str, at: Timestamp) -> Result<()> {
        let text = "INSERT INTO contact (remote, good, since, code, said) VALUES (?1,NULL,?2,?3,?4) \
                    ON CONFLICT DO UPDATE SET since = coalesce(since, ?2), code = ?3, said = ?4";
        self.run(text, (remote, at.micros(), code, said))
    }

    /// Notes that people were told of a problem.
    pub fn add_told(&self, problem: &str, said: &str, at: Timestamp) -> Result<()> {
        self.run("INSERT OR REPLACE INTO told (problem, at, said) VALUES (?,?,?)", (problem, at.micros(), said))
    }

    /// A problem is solved: the next time it comes, people are told again.
    pub fn remove_told(&self, problem: &str) -> Result<()> {
        self.run("DELETE FROM told WHERE problem = ?", [problem])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::catalog::Catalog;

    #[test]
    fn traffic_is_summed_and_trouble_remembers_its_beginning() {
        let dir = tempfile::tempdir().expect("dir");
        let catalog = Catalog::create(&dir.path().join("catalog.db")).expect("create");
        let at = |minutes: i64| Timestamp(minutes * 60_000_000);
        catalog
            .write(|w| {
                w.add_traffic("a", 5, at(1))?;
                w.add_traffic("b", 6, at(2))?;
                w.add_traffic("a", 7, at(20))?;
                w.note_contact("a", at(1))?;
                w.note_trouble("a", "remote.absent", "away", at(2))?;
                w.note_trouble("a", "remote.timeout", "slow", at(3))
            })
            .expect("write");
        let sums = catalog.read(|v| Ok((v.traffic_since(at(0))?, v.traffic_since(at(15))?, v.traffic_since(at(30))?))).expect("read");
        assert_eq!(sums, (18, 7, 0));
        let known = catalog.read(|v| v.contact("a")).expect("read");
        assert_eq!(known, Contact { good: Some(at(1)), since: Some(at(2)), code: "remote.timeout".into(), said: "slow".into() });
        catalog.write(|w| w.note_contact("a", at(4))).expect("write");
        assert_eq!(catalog.read(|v| v.contact("a")).expect("read").since, None);
    }
}
