//! What the agent remembers: bytes on the line, which remote answered when, what was proved, and which problems people were told of.

use rusqlite::{OptionalExtension, Row};

use super::{View, Writer, sql};
use crate::base::error::{Error, Result};
use crate::base::time::Timestamp;

/// Microseconds in a slot of the traffic table: a quarter of an hour, because the offsets of all zones are multiples of it.
const SLOT: i64 = 900 * 1_000_000;
/// Slots that are kept: a year and a month.
const SLOTS_KEPT: i64 = 400 * 96;

/// Proofs of one kind and subject that are kept: a daily one for a year and more.
const PROOFS_KEPT: i64 = 400;
/// Problems of one proof that are kept.
const PROBLEMS_KEPT: usize = 1_000;

/// What was proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProofKind {
    /// The local store was verified as a whole.
    Verify,
    /// A part of the local store was read back.
    Patrol,
    /// What a remote holds was verified.
    Remote,
    /// A remote was rebuilt from, or some of its objects read back.
    Drill,
}

impl ProofKind {
    /// All of them.
    pub const ALL: [ProofKind; 4] = [ProofKind::Verify, ProofKind::Patrol, ProofKind::Remote, ProofKind::Drill];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            ProofKind::Verify => "verify",
            ProofKind::Patrol => "patrol",
            ProofKind::Remote => "remote",
            ProofKind::Drill => "drill",
        }
    }

    fn from_word(word: &str) -> Result<Self> {
        ProofKind::ALL.into_iter().find(|kind| kind.word() == word).ok_or_else(|| Error::damaged(format_args!("a proof of an unknown kind: {word}")))
    }
}

/// One proof, or one that failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// Counts up.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// What was done.
    pub kind: ProofKind,
    /// The remote by name, empty for the local store.
    pub subject: String,
    /// Everything was read, not only looked at.
    pub deep: bool,
    /// Whether all was well.
    pub well: bool,
    /// Contents, objects or batches.
    pub items: u64,
    /// Bytes read back.
    pub bytes: u64,
    /// Of a drill, seconds until the rebuilt store could be used.
    pub rto_secs: Option<f64>,
    /// Of a drill, seconds of changes that would have been lost.
    pub rpo_secs: Option<u64>,
    /// What was wrong in short, empty where nothing was.
    pub said: String,
}

const PROOF: &str = "id, at, kind, subject, deep, well, items, bytes, rto, rpo, said";

fn proof(r: &Row<'_>) -> rusqlite::Result<Result<Proof>> {
    let kind: String = r.get(2)?;
    let of = |kind| -> rusqlite::Result<Proof> {
        Ok(Proof {
            id: r.get(0)?,
            at: Timestamp(r.get(1)?),
            kind,
            subject: r.get(3)?,
            deep: r.get(4)?,
            well: r.get(5)?,
            items: r.get::<_, i64>(6)? as u64,
            bytes: r.get::<_, i64>(7)? as u64,
            rto_secs: r.get(8)?,
            rpo_secs: r.get::<_, Option<i64>>(9)?.map(|secs| secs as u64),
            said: r.get(10)?,
        })
    };
    match ProofKind::from_word(&kind) {
        Ok(kind) => of(kind).map(Ok),
        Err(e) => Ok(Err(e)),
    }
}

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

impl View<'_> {
    /// Proofs before the one with number `before` (0: from the newest on), the newest first, at most `limit`.
    pub fn proofs(&self, before: i64, limit: usize) -> Result<Vec<Proof>> {
        let mut s = self.sql.prepare_cached(&format!("SELECT {PROOF} FROM proof WHERE ?1 = 0 OR id < ?1 ORDER BY id DESC LIMIT ?2")).map_err(sql)?;
        let rows = s.query_map((before, limit as i64), proof).map_err(sql)?;
        rows.map(|r| r.map_err(sql)?).collect()
    }

    /// The newest proof of a kind and subject.
    pub fn last_proof(&self, kind: ProofKind, subject: &str) -> Result<Option<Proof>> {
        let text = format!("SELECT {PROOF} FROM proof WHERE kind = ? AND subject = ? ORDER BY id DESC LIMIT 1");
        let mut s = self.sql.prepare_cached(&text).map_err(sql)?;
        s.query_row((kind.word(), subject), proof).optional().map_err(sql)?.transpose()
    }
}

impl View<'_> {
    /// What was wrong in a proof, as far as it is kept.
    pub fn proof_problems(&self, id: i64) -> Result<Vec<String>> {
        let mut s = self.sql.prepare_cached("SELECT said FROM proof_problem WHERE proof = ? ORDER BY n").map_err(sql)?;
        let rows = s.query_map([id], |r| r.get(0)).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }
}

impl Writer<'_> {
    /// Remembers a proof with what was wrong, and forgets the oldest ones of its kind and subject. Its number is given here.
    pub fn add_proof(&self, p: &Proof, problems: &[String]) -> Result<()> {
        let (rpo, items, bytes) = (p.rpo_secs.map(|secs| secs as i64), p.items as i64, p.bytes as i64);
        self.run(
            "INSERT INTO proof (at, kind, subject, deep, well, items, bytes, rto, rpo, said) VALUES (?,?,?,?,?,?,?,?,?,?)",
            (p.at.micros(), p.kind.word(), &p.subject, p.deep, p.well, items, bytes, p.rto_secs, rpo, &p.said),
        )?;
        let id = self.sql.last_insert_rowid();
        for (n, said) in problems.iter().take(PROBLEMS_KEPT).enumerate() {
            self.run("INSERT INTO proof_problem (proof, n, said) VALUES (?,?,?)", (id, n as i64, said))?;
        }
        let text = "DELETE FROM proof WHERE kind = ?1 AND subject = ?2 AND id NOT IN ( \
                    SELECT id FROM proof WHERE kind = ?1 AND subject = ?2 ORDER BY id DESC LIMIT ?3)";
        self.run(text, (p.kind.word(), &p.subject, PROOFS_KEPT))?;
        self.run("DELETE FROM proof_problem WHERE proof NOT IN (SELECT id FROM proof)", [])
    }

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
    fn proofs_are_kept_in_order_and_the_oldest_are_forgotten() {
        let dir = tempfile::tempdir().expect("dir");
        let catalog = Catalog::create(&dir.path().join("catalog.db")).expect("create");
        let of = |kind, subject: &str, at| Proof {
            id: 0,
            at: Timestamp(at),
            kind,
            subject: subject.into(),
            deep: true,
            well: at != 7,
            items: 3,
            bytes: 4,
            rto_secs: (kind == ProofKind::Drill).then_some(0.5),
            rpo_secs: (kind == ProofKind::Drill).then_some(9),
            said: String::new(),
        };
        catalog
            .write(|w| {
                w.add_proof(&of(ProofKind::Drill, "usb", 1), &[])?;
                (0..PROOFS_KEPT + 5).try_for_each(|n| w.add_proof(&of(ProofKind::Patrol, "", n + 10), &[format!("problem of {n}")]))?;
                w.add_proof(&of(ProofKind::Drill, "usb", 7), &["one".into(), "two".into()])
            })
            .expect("write");
        let (newest, all) = catalog.read(|v| Ok((v.proofs(0, 2)?, v.proofs(0, 10_000)?))).expect("read");
        assert_eq!(all.len() as i64, PROOFS_KEPT + 2, "one kind does not push another out");
        assert_eq!((newest[0].kind, newest[0].well, newest[0].rpo_secs, newest[1].kind), (ProofKind::Drill, false, Some(9), ProofKind::Patrol));
        assert_eq!(catalog.read(|v| v.proofs(newest[1].id, 1)).expect("read")[0].at, Timestamp(newest[1].at.0 - 1));
        assert_eq!(catalog.read(|v| v.last_proof(ProofKind::Drill, "usb")).expect("read"), Some(newest[0].clone()));
        assert_eq!(catalog.read(|v| v.last_proof(ProofKind::Remote, "usb")).expect("read"), None);
        let problems = |id| catalog.read(|v| v.proof_problems(id)).expect("read");
        assert_eq!(
            (problems(newest[0].id), problems(newest[1].id)),
            (vec!["one".into(), "two".into()], vec![format!("problem of {}", PROOFS_KEPT + 4)])
        );
        // Of a proof that was forgotten nothing is left.
        assert!(problems(2).is_empty() && problems(all[all.len() - 2].id).len() == 1);
    }

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
