//! The change feed: every change of a tenant's log in its order and without a gap, from a durable named cursor.
//!
//! A consumer reads events, does its work, and acknowledges. What was not acknowledged comes again: at least once, never less. Keys can be
//! shared out to partitions, each with a cursor of its own, and partitions among the members of a group (see [`group`]). The order of the
//! events of one key is kept, because a key always lies in the same partition.

pub mod event;
pub mod group;

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::limits;
use crate::base::monitor::Monitor;
use crate::base::time::Timestamp;
use crate::storage::catalog::batches::BatchRow;
use crate::storage::catalog::cursors::{ChangeRow, CursorKey, CursorRow, Place, gap};
use crate::storage::catalog::{self, Catalog, View as Rows, Writer, number};

use super::store::{Tenant, turn_of};

pub use event::{FeedEvent, FeedKind, partition_of};

/// Changes read from the catalogue at a time.
const PAGE: usize = 512;
/// How often a feed that waits looks whether it should stop.
const STOP_LOOK: Duration = Duration::from_millis(100);
/// How often the store of other processes is looked at: one read of a file of some bytes.
const TURN_LOOK: Duration = Duration::from_millis(200);

/// Where a new cursor begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// With the oldest change that is kept.
    #[default]
    Oldest,
    /// With what is recorded from now on.
    Now,
    /// With the batch of this sequence number.
    Seq(u64),
}

/// A cursor as `annals feed ls` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorInfo {
    /// The consumer.
    pub name: String,
    /// The group, empty where none.
    pub group: String,
    /// Which partition of how many; `(0, 1)` where the consumer has only one.
    pub partition: (u32, u32),
    /// The last batch that is done completely.
    pub seq: u64,
    /// How many changes of the next batch are done.
    pub within: u64,
    /// How many batches are not done.
    pub behind: u64,
    /// Who works on it and until when, where somebody does.
    pub lease: Option<(String, Timestamp)>,
    /// When it moved last.
    pub moved: Timestamp,
}

/// The events of one cursor. As an iterator it ends where the log ends now; [`Feed::wait`] waits for more, and it goes on.
pub struct Feed {
    tenant: Tenant,
    key: CursorKey,
    partitions: u32,
    /// The member of a group on whose behalf this reads; empty where there is no group.
    member: String,
    /// Read and not given out yet.
    page: VecDeque<FeedEvent>,
    /// Where reading goes on.
    read: Place,
    /// What was given out last, and what is acknowledged.
    given: Place,
    acked: Place,
    /// Transactions of the catalogue when it was read last.
    seen: u64,
    failed: bool,
}

fn check_name(what: &'static str, name: &str) -> Result<()> {
    if name.is_empty() || name.len() > limits::CONSUMER_BYTES_MAX || name.chars().any(|c| c.is_control()) {
        return Err(Error::usage("feed.name", format!("not a name for a {what}: {name:?}"))
            .hint(format!("1 to {} bytes without control characters", limits::CONSUMER_BYTES_MAX)));
    }
    Ok(())
}

fn check_partitions(partitions: u32) -> Result<()> {
    match partitions {
        1..=limits::PARTITIONS_MAX => Ok(()),
        _ => Err(Error::usage("feed.partitions", format!("{partitions} partitions; 1 to {} are possible", limits::PARTITIONS_MAX))),
    }
}

fn other_partitions(name: &str, has: u32, wanted: u32) -> Error {
    Error::new(Kind::Refused, "feed.partitions", format!("consumer {name} has {has} partitions, not {wanted}"))
        .hint("another number would break the order of its keys: let it finish, remove it with annals feed rm, and begin anew with --from seq:N")
}

/// The place that `start` means, and the digest of the batch before it.
fn begin(rows: &Rows<'_>, tenant: i64, start: Start) -> Result<(Place, Digest)> {
    let end = rows.tenant_by_id(tenant)?.position.seq;
    let oldest = rows.oldest_seq(tenant)?.unwrap_or(end + 1);
    let seq = match start {
        Start::Oldest => oldest - 1,
        Start::Now => end,
        Start::Seq(seq) if seq > end + 1 => {
            return Err(Error::missing("feed.future", format!("the log ends at seq {end}; it has no batch {seq}"))
                .hint("begin with --from now to see only what comes")
                .at_seq(end));
        }
        Start::Seq(seq) if seq < oldest => return Err(expired(seq, oldest)),
        Start::Seq(seq) => seq - 1,
    };
    Ok((Place { seq, within: 0 }, digest_at(rows, tenant, seq)?))
}

fn expired(seq: u64, oldest: u64) -> Error {
    Error::missing("feed.expired", format!("batch {seq} is not kept any more; the oldest that is kept is {oldest}"))
        .hint(format!("events were lost: read the documents as they are now, then begin anew with annals feed rm and --from seq:{oldest}"))
        .at_seq(oldest)
}

fn digest_at(rows: &Rows<'_>, tenant: i64, seq: u64) -> Result<Digest> {
    Ok(if seq == 0 { None } else { rows.digest_of_batch(catalog::id(tenant, seq))? }.unwrap_or(Digest::ZERO))
}

/// Whether the log still goes on from where a cursor stands.
fn check_line(rows: &Rows<'_>, tenant: i64, cursor: &CursorRow) -> Result<()> {
    let seq = cursor.place.seq;
    let end = rows.tenant_by_id(tenant)?.position.seq;
    let oldest = rows.oldest_seq(tenant)?.unwrap_or(end + 1);
    if seq + 1 < oldest {
        return Err(expired(seq + 1, oldest));
    }
    // The batch just before the oldest kept one has no digest to compare with.
    let comparable = seq >= oldest;
    if seq > end || comparable && digest_at(rows, tenant, seq)? != cursor.digest {
        return Err(Error::new(
            Kind::Refused,
            "feed.apart",
            format!("the log does not go on from where consumer {} stands (seq {seq}): it has another line of history", cursor.key.name),
        )
        .hint("see with annals log and annals status what happened; then annals feed rm, and begin anew with --from seq:N")
        .at_seq(seq));
    }
    Ok(())
}

impl Tenant {
    /// The events of consumer `name` from its cursor on; a consumer that is new begins with the oldest change.
    ///
    /// # Errors
    /// [`Kind::Missing`] where what the cursor needs is not kept any more, with the oldest that is; [`Kind::Refused`] where the log has
    /// another line of history than the one that the cursor was on, or where the consumer has partitions.
    pub fn feed(&self, name: &str) -> Result<Feed> {
        self.feed_from(name, Start::Oldest)
    }

    /// Like [`Tenant::feed`]; a consumer that is new begins at `start`, one that is known goes on where it was.
    pub fn feed_from(&self, name: &str, start: Start) -> Result<Feed> {
        self.open_feed(name, start, 0, 1)
    }

    /// The events of partition `partition` (from 0) of `partitions` of consumer `name`. Each partition has a cursor of its own. A key lies
    /// in the partition that [`partition_of`] says; marks, which have no key, lie in partition 0.
    pub fn feed_partition(&self, name: &str, start: Start, partition: u32, partitions: u32) -> Result<Feed> {
        self.open_feed(name, start, partition, partitions)
    }

    fn open_feed(&self, name: &str, start: Start, partition: u32, partitions: u32) -> Result<Feed> {
        check_name("consumer", name)?;
        check_partitions(partitions)?;
        if partition >= partitions {
            return Err(Error::usage("feed.partition", format!("there is no partition {partition} of {partitions}; they count from 0")));
        }
        let catalog = &self.inner.catalog;
        let key = CursorKey { tenant: self.id, name: name.to_owned(), team: String::new(), partition };
        let known = catalog.read(|rows| find(rows, &key, partitions))?;
        let row = match known {
            Some(row) => row,
            None => catalog.write(|w| match find(w, &key, partitions)? {
                Some(row) => Ok(row),
                None => {
                    let rows = self.add_cursors(w, &key, partitions, start)?;
                    rows.into_iter().find(|row| row.key.partition == partition).ok_or_else(|| Error::damaged("the cursors"))
                }
            })?,
        };
        Ok(Feed::new(self.clone(), &row))
    }

    /// Adds the cursors of all partitions at one place, so that none of them begins later than another.
    fn add_cursors(&self, w: &Writer<'_>, key: &CursorKey, partitions: u32, start: Start) -> Result<Vec<CursorRow>> {
        let (place, digest) = begin(w, self.id, start)?;
        let moved = self.inner.clock().now();
        let rows = (0..partitions).map(|partition| {
            let key = CursorKey { partition, ..key.clone() };
            let row = CursorRow { key, partitions, place, digest, member: String::new(), until: Timestamp::default(), moved };
            w.set_cursor(&row).map(|()| row)
        });
        rows.collect()
    }

    /// Everything up to and with batch `seq` is done, as far as consumer `name` is concerned. A cursor never moves back.
    ///
    /// # Errors
    /// [`Kind::Missing`] for a consumer that does not exist and a batch that the log does not have.
    pub fn ack(&self, name: &str, seq: u64) -> Result<()> {
        let rows = self.inner.catalog.read(|rows| rows.cursors_of(self.id, name, ""))?;
        let [cursor] = &rows[..] else {
            return Err(match rows.len() {
                0 => self.no_consumer(name)?,
                n => Error::usage("feed.ack", format!("consumer {name} has {n} partitions; each acknowledges for itself")),
            });
        };
        Feed::new(self.clone(), cursor).ack(seq)
    }

    /// All cursors, by consumer, group and partition.
    pub fn cursors(&self) -> Result<Vec<CursorInfo>> {
        let now = self.inner.clock().now();
        self.inner.catalog.read(|rows| {
            let end = rows.tenant_by_id(self.id)?.position.seq;
            let info = |c: CursorRow| CursorInfo {
                lease: (!c.member.is_empty() && c.until > now).then_some((c.member, c.until)),
                behind: end.saturating_sub(c.place.seq),
                seq: c.place.seq,
                within: c.place.within,
                partition: (c.key.partition, c.partitions),
                name: c.key.name,
                group: c.key.team,
                moved: c.moved,
            };
            Ok(rows.cursors(self.id)?.into_iter().map(info).collect())
        })
    }

    /// Forgets the cursors of a consumer: all of them, or those of one group.
    pub fn remove_consumer(&self, name: &str, group: Option<&str>) -> Result<()> {
        let removed = self.inner.catalog.write(|w| w.remove_cursors(self.id, name, group))?;
        if removed == 0 { Err(self.no_consumer(name)?) } else { Ok(()) }
    }

    fn no_consumer(&self, name: &str) -> Result<Error> {
        let mut names: Vec<String> = self.cursors()?.into_iter().map(|c| c.name).collect();
        names.dedup();
        names.sort_by_cached_key(|known| strsim::damerau_levenshtein(known, name));
        names.truncate(3);
        let hint = match names.is_empty() {
            true => format!("there are no consumers yet; annals feed {name} makes one"),
            false => format!("nearest names: {}", names.join(", ")),
        };
        Ok(Error::missing("feed.missing", format!("there is no consumer {name}")).hint(hint))
    }
}

/// The cursor, refused where the consumer has another number of partitions.
fn find(rows: &Rows<'_>, key: &CursorKey, partitions: u32) -> Result<Option<CursorRow>> {
    let Some(row) = rows.cursor(key)? else {
        return match rows.cursors_of(key.tenant, &key.name, &key.team)?.first() {
            Some(other) => Err(other_partitions(&key.name, other.partitions, partitions)),
            None => Ok(None),
        };
    };
    if row.partitions != partitions {
        return Err(other_partitions(&key.name, row.partitions, partitions));
    }
    check_line(rows, key.tenant, &row)?;
    Ok(Some(row))
}

impl Feed {
    fn new(tenant: Tenant, row: &CursorRow) -> Self {
        let (place, partitions) = (row.place, row.partitions);
        let (key, member) = (row.key.clone(), row.member.clone());
        Feed { tenant, key, partitions, member, page: VecDeque::new(), read: place, given: place, acked: place, seen: 0, failed: false }
    }

    /// Everything up to and with batch `seq` is done. A cursor never moves back. Durable when it returns.
    pub fn ack(&mut self, seq: u64) -> Result<()> {
        self.ack_place(Place { seq, within: 0 })
    }

    /// Everything up to and with this event is done. Durable when it returns.
    pub fn ack_event(&mut self, event: &FeedEvent) -> Result<()> {
        self.ack_place(event.after())
    }

    /// Goes on after an event that an earlier reader of the same cursor gave out, although it is not acknowledged.
    pub fn resume_after(&mut self, event: &FeedEvent) {
        if event.after() > self.read {
            self.page.clear();
            (self.read, self.given) = (event.after(), event.after());
        }
    }

    /// Whether events were given out that are not acknowledged.
    pub fn has_open(&self) -> bool {
        self.given > self.acked
    }

    /// How far it read, where nothing of that is left to give out or to acknowledge.
    fn idle_at(&self) -> Option<Place> {
        (self.page.is_empty() && !self.has_open()).then_some(self.read)
    }

    fn ack_place(&mut self, done: Place) -> Result<()> {
        // Where nothing more was read, the changes of other partitions in between are done too.
        let done = if done >= self.given && self.page.is_empty() { done.max(self.read) } else { done };
        if done <= self.acked {
            return Ok(());
        }
        let now = self.tenant.inner.clock().now();
        self.tenant.inner.catalog.write(|w| {
            let Some(row) = w.cursor(&self.key)? else { return Err(self.tenant.no_consumer(&self.key.name)?) };
            if row.member != self.member {
                return Err(lease_lost(&self.key, &row.member));
            }
            let end = w.tenant_by_id(self.key.tenant)?.position.seq;
            if done.seq > end {
                return Err(Error::missing("feed.future", format!("the log ends at seq {end}; batch {} cannot be done", done.seq)).at_seq(end));
            }
            if done > row.place {
                let digest = digest_at(w, self.key.tenant, done.seq)?;
                w.set_cursor(&CursorRow { place: done, digest, moved: now, ..row })?;
            }
            Ok(())
        })?;
        self.acked = done;
        Ok(())
    }

    /// Waits until something may have been recorded, at most `patience`; whether it was. Nothing is polled: a commit of this process wakes
    /// it. The monitor can end it.
    pub fn wait(&mut self, patience: Duration, monitor: &dyn Monitor) -> bool {
        wait_commit(&self.tenant.inner.catalog, self.seen, patience, monitor)
    }

    fn fill(&mut self) -> Result<()> {
        let (catalog, tenant) = (&self.tenant.inner.catalog, self.key.tenant);
        while self.page.is_empty() {
            self.seen = catalog.commits();
            let (read, page) = catalog.read(|rows| {
                let end = rows.tenant_by_id(tenant)?.position;
                let mut read = self.read;
                let mut batch: Option<BatchRow> = None;
                let mut page = VecDeque::new();
                for row in rows.changes_after(tenant, read, end.seq, PAGE)? {
                    if batch.as_ref().is_none_or(|b| b.id != row.batch) {
                        batch = rows.batch(row.batch)?;
                    }
                    let batch = batch.as_ref().ok_or_else(|| gap(number(row.batch), row.place))?;
                    read = next_place(read, &row, batch.changes)?;
                    let event = FeedEvent::new(end.timeline, batch, row)?;
                    if partition_of(event.key(), self.partitions) == self.key.partition {
                        page.push_back(event);
                    }
                }
                Ok((read, page))
            })?;
            if read == self.read {
                return Ok(());
            }
            (self.read, self.page) = (read, page);
        }
        Ok(())
    }
}

/// The place after `row`, which must be the very next change.
fn next_place(read: Place, row: &ChangeRow, changes: u64) -> Result<Place> {
    if (number(row.batch), row.place) != (read.seq + 1, read.within) {
        return Err(gap(read.seq + 1, read.within));
    }
    Ok(match row.place + 1 == changes {
        true => Place { seq: read.seq + 1, within: 0 },
        false => Place { within: read.within + 1, ..read },
    })
}

fn lease_lost(key: &CursorKey, by: &str) -> Error {
    let who = if by.is_empty() { "nobody".to_owned() } else { by.to_owned() };
    Error::new(Kind::Refused, "feed.lease_lost", format!("partition {} of {} is not held any more; {who} has it now", key.partition, key.name))
        .hint("what was not acknowledged in time comes again, to whoever holds the partition; use a longer lease where the work takes long")
}

fn wait_commit(catalog: &Catalog, seen: u64, patience: Duration, monitor: &dyn Monitor) -> bool {
    let until = Instant::now() + patience;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if catalog.wait_commit(seen, left.min(STOP_LOOK)) {
            return true;
        }
        if left.is_zero() || monitor.stopped() {
            return false;
        }
    }
}

/// Waits for other processes, while this one does not have the store in `dir` open: until something was recorded since `turn` (which
/// [`super::store::Store::turn`] gave), at most `patience`. Whether there is a reason to open the store and to read on: something new, or the
/// patience is over; not where the monitor wants to stop. Looks every 200 ms.
pub fn wait_for_turn(dir: &Path, turn: u64, patience: Duration, monitor: &dyn Monitor) -> bool {
    let until = Instant::now() + patience;
    loop {
        if monitor.stopped() {
            return false;
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || turn_of(dir).is_some_and(|now| now != turn) {
            return true;
        }
        std::thread::sleep(left.min(TURN_LOOK));
    }
}

impl Iterator for Feed {
    type Item = Result<FeedEvent>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        if let Err(e) = self.fill() {
            self.failed = true;
            return Some(Err(e));
        }
        let event = self.page.pop_front()?;
        self.given = event.after();
        Some(Ok(event))
    }
}

#[cfg(test)]
mod tests;
