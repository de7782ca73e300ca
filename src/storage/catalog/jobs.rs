//! The durable queue of work. Each change of a job is one transaction; who is not the holder of a job any more cannot change it.

use rusqlite::{OptionalExtension, Row};

use super::{View, Writer, sql};
use crate::base::error::Result;
use crate::base::time::Timestamp;
use crate::model::job::{Advance, Job, State, Task, Wish};

const COLUMNS: &str = "id, kind, subject, state, not_before, created, started, ended, attempts, holder, beat, wish, said, code, \
                       phase, items, items_total, bytes, bytes_total, bytes_per_sec, moved";

/// Jobs that wait and are of a time that is still to come.
const AHEAD: &str = "state IN ('waiting','failed') AND (created > ?1 OR started > ?1)";

fn row(r: &Row<'_>) -> rusqlite::Result<Result<Job>> {
    let (kind, subject, state): (String, String, String) = (r.get(1)?, r.get(2)?, r.get(3)?);
    let number = |i: usize| r.get::<_, i64>(i).map(|n| n as u64);
    let advance = Advance {
        phase: r.get(14)?,
        items: number(15)?,
        items_total: number(16)?,
        bytes: number(17)?,
        bytes_total: number(18)?,
        bytes_per_sec: number(19)?,
        moved: r.get::<_, Option<i64>>(20)?.map(Timestamp),
        held_up: String::new(),
    };
    let job = Job {
        id: r.get(0)?,
        task: Task::Seal,
        state: State::Waiting,
        not_before: Timestamp(r.get(4)?),
        created: Timestamp(r.get(5)?),
        started: r.get::<_, Option<i64>>(6)?.map(Timestamp),
        ended: r.get::<_, Option<i64>>(7)?.map(Timestamp),
        attempts: r.get(8)?,
        holder: r.get(9)?,
        beat: r.get(10)?,
        wish: Wish::from_word(&r.get::<_, String>(11)?),
        said: r.get(12)?,
        code: r.get(13)?,
        advance,
    };
    Ok(Task::from_parts(&kind, &subject).and_then(|task| Ok(Job { task, state: State::from_word(&state)?, ..job })))
}

/// How a try of a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The new state.
    pub state: State,
    /// Not again before then.
    pub not_before: Timestamp,
    /// Whether the try counts.
    pub counts: bool,
    /// A sentence about it.
    pub said: String,
    /// The code of the error, empty where there was none.
    pub code: String,
}

impl View<'_> {
    fn jobs_where(&self, text: &str, params: impl rusqlite::Params) -> Result<Vec<Job>> {
        let mut s = self.sql.prepare_cached(&format!("SELECT {COLUMNS} FROM job {text}")).map_err(sql)?;
        let rows = s.query_map(params, row).map_err(sql)?;
        rows.map(|r| r.map_err(sql)?).collect()
    }

    /// Jobs that are not over, in the order of their lanes and priorities.
    pub fn open_jobs(&self) -> Result<Vec<Job>> {
        self.jobs_where("WHERE state IN ('waiting','running','paused','failed') ORDER BY lane, priority, id", [])
    }

    /// Jobs that are over, the newest first, at most `limit`.
    pub fn ended_jobs(&self, limit: usize) -> Result<Vec<Job>> {
        self.jobs_where("WHERE ended IS NOT NULL ORDER BY ended DESC, id DESC LIMIT ?", [limit as i64])
    }

    /// When a capture was last done by a job, and why it waits now, where it does.
    pub fn last_captured(&self, source: &str) -> Result<(Option<Timestamp>, Option<String>)> {
        let text = "SELECT max(ended) FROM job WHERE kind = 'capture' AND subject = ? AND state = 'done'";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let done = s.query_row([source], |r| r.get::<_, Option<i64>>(0)).map_err(sql)?;
        let text = "SELECT said FROM job WHERE kind = 'capture' AND subject = ? AND state IN ('waiting','failed','paused','dead') AND said <> '' \
                    ORDER BY id DESC LIMIT 1";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let waits = s.query_row([source], |r| r.get(0)).optional().map_err(sql)?;
        Ok((done.map(Timestamp), waits))
    }

    /// How many jobs of each kind are in each state, by their words.
    pub fn count_jobs(&self) -> Result<Vec<(String, String, u64)>> {
        let mut s = self.sql.prepare_cached("SELECT kind, state, count(*) FROM job GROUP BY kind, state ORDER BY kind, state").map_err(sql)?;
        let rows = s.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get::<_, i64>(2)? as u64))).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// Jobs that gave up, oldest first.
    pub fn dead_jobs(&self) -> Result<Vec<Job>> {
        self.jobs_where("WHERE state = 'dead' ORDER BY id", [])
    }

    /// One job.
    pub fn job(&self, id: i64) -> Result<Option<Job>> {
        Ok(self.jobs_where("WHERE id = ?", [id])?.pop())
    }

    /// Jobs that somebody is said to run.
    pub fn running_jobs(&self) -> Result<Vec<Job>> {
        self.jobs_where("WHERE state = 'running' ORDER BY id", [])
    }

    /// The lanes in which something waits.
    pub fn waiting_lanes(&self) -> Result<Vec<String>> {
        let mut s = self.sql.prepare_cached("SELECT DISTINCT lane FROM job WHERE state IN ('waiting','failed') ORDER BY lane").map_err(sql)?;
        let rows = s.query_map([], |r| r.get(0)).map_err(sql)?;
        rows.collect::<rusqlite::Result<_>>().map_err(sql)
    }

    /// Whether jobs wait that were asked for or begun after `now`: the clock was put back since.
    pub fn jobs_ahead(&self, now: Timestamp) -> Result<bool> {
        let mut s = self.sql.prepare_cached(&format!("SELECT 1 FROM job WHERE {AHEAD} LIMIT 1")).map_err(sql)?;
        s.exists([now.micros()]).map_err(sql)
    }

    /// The earliest moment at which a job of a lane may be done; `None` where none waits.
    pub fn lane_opens(&self, lane: &str) -> Result<Option<Timestamp>> {
        let mut s = self.sql.prepare_cached("SELECT min(not_before) FROM job WHERE lane = ? AND state IN ('waiting','failed')").map_err(sql)?;
        s.query_row([lane], |r| r.get::<_, Option<i64>>(0)).map(|at| at.map(Timestamp)).map_err(sql)
    }
}

impl Writer<'_> {
    /// Adds a job. Where the same is waiting already, that one is meant, and is done at the earlier of the two moments. Its number.
    pub fn add_job(&self, task: &Task, not_before: Timestamp, now: Timestamp) -> Result<i64> {
        let text = "SELECT id FROM job WHERE lane = ? AND kind = ? AND subject = ? AND state IN ('waiting','failed','paused') ORDER BY id LIMIT 1";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let known = s.query_row((task.lane(), task.kind(), task.subject()), |r| r.get::<_, i64>(0)).optional().map_err(sql)?;
        if let Some(id) = known {
            self.run("UPDATE job SET not_before = min(not_before, ?) WHERE id = ? AND state = 'waiting'", (not_before.micros(), id))?;
            return Ok(id);
        }
        self.run(
            "INSERT INTO job (kind, subject, lane, priority, state, not_before, created, attempts, holder, beat, wish, said, code, phase, items, \
             items_total, bytes, bytes_total, bytes_per_sec) VALUES (?,?,?,?,'waiting',?,?,0,'',0,'','','','',0,0,0,0,0)",
            (task.kind(), task.subject(), task.lane(), task.priority(), not_before.micros(), now.micros()),
        )?;
        Ok(self.sql.last_insert_rowid())
    }

    /// Takes the next job of a lane, any where `lane` is empty, that may be done at `now`.
    pub fn claim_job(&self, lane: &str, holder: &str, now: Timestamp) -> Result<Option<Job>> {
        let text = format!(
            "UPDATE job SET state = 'running', holder = ?1, beat = beat + 1, wish = '', started = ?2, said = '', code = '' WHERE id = ( \
             SELECT id FROM job WHERE (?3 = '' OR lane = ?3) AND state IN ('waiting','failed') AND not_before <= ?2 \
             ORDER BY priority, not_before, id LIMIT 1) RETURNING {COLUMNS}"
        );
        let mut s = self.sql.prepare_cached(&text).map_err(sql)?;
        s.query_row((holder, now.micros(), lane), row).optional().map_err(sql)?.transpose()
    }

    /// Says that the holder lives, and how far it is. What a person wants; `None` where the job is not the holder's any more.
    pub fn beat_job(&self, id: i64, holder: &str, at: &Advance) -> Result<Option<Wish>> {
        let text = "UPDATE job SET beat = beat + 1, phase = ?, items = ?, items_total = ?, bytes = ?, bytes_total = ?, bytes_per_sec = ?, moved = ?, said = ? \
                    WHERE id = ? AND holder = ? AND state = 'running' RETURNING wish";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let params = (
            &at.phase,
            at.items as i64,
            at.items_total as i64,
            at.bytes as i64,
            at.bytes_total as i64,
            at.bytes_per_sec as i64,
            at.moved.map(Timestamp::micros),
            &at.held_up,
            id,
            holder,
        );
        let wish = s.query_row(params, |r| r.get::<_, String>(0)).optional().map_err(sql)?;
        Ok(wish.map(|w| Wish::from_word(&w)))
    }

    /// Ends a try. What a person wished meanwhile holds of a job that would be tried again. The state that it has now; `None`, and nothing is
    /// changed, where the job was not the holder's any more.
    pub fn end_job(&self, id: i64, holder: &str, verdict: &Verdict, now: Timestamp) -> Result<Option<State>> {
        let wish = "SELECT wish FROM job WHERE id = ? AND holder = ? AND state = 'running'";
        let mut s = self.sql.prepare_cached(wish).map_err(sql)?;
        let Some(wish) = s.query_row((id, holder), |r| r.get::<_, String>(0)).optional().map_err(sql)? else { return Ok(None) };
        let state = match (Wish::from_word(&wish), verdict.state) {
            (Wish::Cancel, State::Waiting | State::Failed | State::Dead | State::Paused) => State::Cancelled,
            (Wish::Pause, State::Waiting | State::Failed) => State::Paused,
            (_, state) => state,
        };
        let text = "UPDATE job SET state = ?, not_before = ?, attempts = attempts + ?, said = ?, code = ?, wish = '', ended = ? WHERE id = ?";
        let ended = state.is_over().then_some(now.micros());
        self.run(text, (state.word(), verdict.not_before.micros(), verdict.counts, &verdict.said, &verdict.code, ended, id))?;
        self.end_doubles(id, now)?;
        Ok(Some(state))
    }

    /// Where a job waits again, what was asked for while it ran waits in vain: it does the same, and knows how often it was tried. Whoever asked
    /// has the other's number, so that one stays and says so.
    fn end_doubles(&self, id: i64, now: Timestamp) -> Result<()> {
        let text = "UPDATE job SET state = 'cancelled', ended = ?2, said = 'job ' || ?1 || ' does the same' \
                    WHERE id <> ?1 AND state IN ('waiting','failed') AND (lane, kind, subject) = \
                    (SELECT lane, kind, subject FROM job WHERE id = ?1 AND state IN ('waiting','failed'))";
        self.run(text, (id, now.micros()))
    }

    /// Takes a job away from a holder that gave no sign of life since `beat`; it waits again, from now on, unless a person wished otherwise.
    pub fn reclaim_job(&self, id: i64, beat: i64, said: &str, now: Timestamp) -> Result<bool> {
        let text = "UPDATE job SET state = CASE wish WHEN 'pause' THEN 'paused' WHEN 'cancel' THEN 'cancelled' ELSE 'waiting' END, \
                    ended = CASE wish WHEN 'cancel' THEN ?1 END, holder = '', not_before = ?1, \
                    said = CASE wish WHEN 'pause' THEN 'held back' WHEN 'cancel' THEN 'cancelled' ELSE ?2 END, wish = '' \
                    WHERE id = ?3 AND beat = ?4 AND state = 'running'";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let taken = s.execute((now.micros(), said, id, beat)).map(|n| n == 1).map_err(sql)?;
        self.end_doubles(id, now)?;
        Ok(taken)
    }

    /// Says why a job that waits does so, and until when.
    pub fn delay_job(&self, id: i64, until: Timestamp, said: &str) -> Result<()> {
        self.run("UPDATE job SET not_before = ?, said = ? WHERE id = ? AND state IN ('waiting','failed')", (until.micros(), said, id))
    }

    /// Lets jobs that [`View::jobs_ahead`] tells of be done at once.
    pub fn hasten_ahead(&self, now: Timestamp) -> Result<()> {
        let text = format!("UPDATE job SET not_before = min(not_before, ?1), created = min(created, ?1), started = min(started, ?1) WHERE {AHEAD}");
        self.run(&text, [now.micros()])
    }

    /// Lets everything that waits for a remote or a source be tried at once: it is back.
    pub fn hasten_lane(&self, lane: &str, now: Timestamp) -> Result<()> {
        self.run("UPDATE job SET not_before = min(not_before, ?) WHERE lane = ? AND state IN ('waiting','failed')", (now.micros(), lane))
    }

    /// Lets everything be tried at once that waits for space: there is some.
    pub fn hasten_full(&self, now: Timestamp) -> Result<()> {
        self.run("UPDATE job SET not_before = min(not_before, ?) WHERE code = 'disk.full' AND state IN ('waiting','failed')", [now.micros()])
    }

    /// Holds a job back; a running one when it next looks.
    pub fn pause_job(&self, id: i64) -> Result<()> {
        self.run("UPDATE job SET wish = 'pause' WHERE id = ? AND state = 'running'", [id])?;
        self.run("UPDATE job SET state = 'paused' WHERE id = ? AND state IN ('waiting','failed')", [id])
    }

    /// Holds back everything that is not over. How many jobs there were.
    pub fn pause_jobs(&self) -> Result<u64> {
        let running = "UPDATE job SET wish = 'pause' WHERE state = 'running' AND wish = ''";
        let waiting = "UPDATE job SET state = 'paused' WHERE state IN ('waiting','failed')";
        self.count(running).and_then(|n| Ok(n + self.count(waiting)?))
    }

    /// Lets everything that was held back go on. How many jobs there were.
    pub fn resume_jobs(&self, now: Timestamp) -> Result<u64> {
        let running = "UPDATE job SET wish = '' WHERE state = 'running' AND wish = 'pause'";
        let n = self.count(running)?;
        let mut s =
            self.sql.prepare_cached("UPDATE job SET state = 'waiting', not_before = ?, said = '', code = '' WHERE state = 'paused'").map_err(sql)?;
        s.execute([now.micros()]).map(|more| n + more as u64).map_err(sql)
    }

    fn count(&self, text: &str) -> Result<u64> {
        self.sql.prepare_cached(text).and_then(|mut s| s.execute([])).map(|n| n as u64).map_err(sql)
    }

    /// Lets a job that was held back go on.
    pub fn resume_job(&self, id: i64, now: Timestamp) -> Result<()> {
        self.run("UPDATE job SET wish = '' WHERE id = ? AND state = 'running' AND wish = 'pause'", [id])?;
        self.run("UPDATE job SET state = 'waiting', not_before = ?, said = '', code = '' WHERE id = ? AND state = 'paused'", (now.micros(), id))
    }

    /// Gives a job up; a running one when it next looks.
    pub fn cancel_job(&self, id: i64, now: Timestamp) -> Result<()> {
        self.run("UPDATE job SET wish = 'cancel' WHERE id = ? AND state = 'running'", [id])?;
        self.run("UPDATE job SET state = 'cancelled', ended = ? WHERE id = ? AND state IN ('waiting','failed','paused')", (now.micros(), id))
    }

    /// Lets a job that failed, died or was cancelled be tried again as if for the first time.
    pub fn retry_job(&self, id: i64, now: Timestamp) -> Result<()> {
        self.run(
            "UPDATE job SET state = 'waiting', attempts = 0, not_before = ?, ended = NULL, said = '', code = '' \
             WHERE id = ? AND state IN ('failed','dead','cancelled','waiting')",
            (now.micros(), id),
        )
    }

    /// Forgets jobs that were over before `before`, and all but the newest `keep` of them. Dead ones stay until a person looks after them, or
    /// the same was done since.
    pub fn prune_jobs(&self, before: Timestamp, keep: usize) -> Result<()> {
        self.run("DELETE FROM job WHERE ended < ? AND state <> 'dead'", [before.micros()])?;
        let text = "DELETE FROM job WHERE ended IS NOT NULL AND state <> 'dead' AND id NOT IN ( \
                    SELECT id FROM job WHERE ended IS NOT NULL ORDER BY ended DESC LIMIT ?)";
        self.run(text, [keep as i64])?;
        self.run(
            "DELETE FROM job WHERE state = 'dead' AND EXISTS ( \
             SELECT 1 FROM job j WHERE j.kind = job.kind AND j.subject = job.subject AND j.state = 'done' AND j.ended > job.ended)",
            [],
        )
    }
}
