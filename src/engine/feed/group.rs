//! Groups of consumers: the partitions of one feed are shared out among members, and those of a member that died are taken over.
//!
//! A member holds a lease on each of its partitions and on its place in the group. Reading renews them. Whoever finds a lease that has ended
//! takes the partition and goes on behind the last acknowledged event, so events come again rather than never; the member that lost it can
//! acknowledge nothing there any more. A partition is given up for a new member only when everything given out is acknowledged, so the order
//! of a key is kept across an orderly move.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::error::{Error, Result};
use crate::base::limits;
use crate::base::monitor::Monitor;
use crate::base::time::Timestamp;
use crate::engine::store::Tenant;
use crate::storage::catalog::Writer;
use crate::storage::catalog::cursors::{CursorKey, CursorRow};

use super::{Feed, FeedEvent, Start, check_line, check_name, check_partitions, other_partitions, wait_commit};

/// Who takes part in which group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The consumer.
    pub name: String,
    /// The group that shares its work. Groups know nothing of each other: each gets every event.
    pub group: String,
    /// This member: unique in the group. One that comes back under its name goes on with what it held.
    pub member: String,
    /// How many partitions the keys are shared out to; not more members than these have work.
    pub partitions: u32,
    /// Seconds without a sign of life after which the others take over.
    pub lease_secs: u64,
    /// Where a new group begins.
    pub start: Start,
}

/// The events of the partitions that one member holds. As an iterator it ends where the log ends now; [`GroupFeed::wait`] waits for more.
pub struct GroupFeed {
    tenant: Tenant,
    membership: Membership,
    held: BTreeMap<u32, Feed>,
    /// The partition that gave the last event: the next one comes first.
    turn: u32,
    renew_at: Timestamp,
    seen: u64,
    failed: bool,
}

impl Tenant {
    /// Takes part in a group of consumers.
    ///
    /// # Errors
    /// As [`Tenant::feed`]; [`crate::Kind::Usage`] for names and numbers out of range.
    pub fn join_feed(&self, membership: &Membership) -> Result<GroupFeed> {
        let m = membership;
        [("consumer", &m.name), ("group", &m.group), ("member", &m.member)].into_iter().try_for_each(|(what, name)| check_name(what, name))?;
        check_partitions(m.partitions)?;
        let (shortest, longest) = limits::LEASE_SECS;
        if !(shortest..=longest).contains(&m.lease_secs) {
            return Err(Error::usage("feed.lease", format!("a lease of {} s; {shortest} to {longest} are possible", m.lease_secs)));
        }
        let mut feed = GroupFeed {
            tenant: self.clone(),
            membership: membership.clone(),
            held: BTreeMap::new(),
            turn: 0,
            renew_at: Timestamp::default(),
            seen: 0,
            failed: false,
        };
        feed.renew()?;
        Ok(feed)
    }
}

impl GroupFeed {
    fn key(&self, partition: u32) -> CursorKey {
        CursorKey { tenant: self.tenant.id, name: self.membership.name.clone(), team: self.membership.group.clone(), partition }
    }

    /// The partitions that this member holds now.
    pub fn partitions(&self) -> Vec<u32> {
        self.held.keys().copied().collect()
    }

    /// Renews the leases, takes over what is free, and gives up what others should have. Reading does this by itself after a third of the
    /// lease; a member whose work on one event takes longer calls it in between.
    pub fn renew(&mut self) -> Result<()> {
        let catalog = &self.tenant.inner.catalog;
        let now = self.tenant.inner.clock().now();
        let lease = (self.membership.lease_secs * 1_000_000) as i64;
        let until = Timestamp(now.micros() + lease);
        let rows = catalog.write(|w| self.share_out(w, now, until))?;
        self.held.retain(|partition, _| rows.iter().any(|row| row.key.partition == *partition));
        for row in rows {
            self.held.entry(row.key.partition).or_insert_with(|| Feed::new(self.tenant.clone(), &row));
        }
        self.renew_at = Timestamp(now.micros() + lease / 3);
        Ok(())
    }

    /// The cursors that this member holds from now on.
    fn share_out(&self, w: &Writer<'_>, now: Timestamp, until: Timestamp) -> Result<Vec<CursorRow>> {
        let m = &self.membership;
        w.set_cursor_member(&self.key(0), &m.member, until, now)?;
        let mut rows = w.cursors_of(self.tenant.id, &m.name, &m.group)?;
        if rows.is_empty() {
            rows = self.tenant.add_cursors(w, &self.key(0), m.partitions, m.start)?;
        }
        if let Some(row) = rows.iter().find(|row| row.partitions != m.partitions) {
            return Err(other_partitions(&m.name, row.partitions, m.partitions));
        }
        let members = w.cursor_members(self.tenant.id, &m.name, &m.group, now)?;
        let place = members.iter().position(|name| *name == m.member).unwrap_or(0);
        let share = rows.len() / members.len().max(1) + usize::from(place < rows.len() % members.len().max(1));
        let (mut mine, others): (Vec<CursorRow>, Vec<CursorRow>) = rows.into_iter().partition(|row| row.member == m.member);
        // The last ones first, so that everybody's lists stay in one piece.
        for at in (0..mine.len()).rev() {
            let open = self.held.get(&mine[at].key.partition).is_some_and(Feed::has_open);
            if mine.len() > share && !open {
                let row = mine.remove(at);
                w.set_cursor(&CursorRow { member: String::new(), until: Timestamp::default(), ..row })?;
            }
        }
        let free = others.into_iter().filter(|row| row.member.is_empty() || row.until <= now);
        mine.extend(free.take(share.saturating_sub(mine.len())));
        for row in &mut mine {
            check_line(w, self.tenant.id, row)?;
            row.member.clone_from(&m.member);
            row.until = until;
            // Changes of other partitions that were read over need not be read again.
            if let Some(read) = self.held.get(&row.key.partition).and_then(Feed::idle_at).filter(|read| *read > row.place) {
                (row.place, row.digest) = (read, super::digest_at(w, self.tenant.id, read.seq)?);
            }
            w.set_cursor(row)?;
        }
        Ok(mine)
    }

    /// Everything of the event's partition up to and with this event is done. Durable when it returns.
    ///
    /// # Errors
    /// `feed.lease_lost` where the partition went to another member meanwhile, who gets the event again.
    pub fn ack(&mut self, event: &FeedEvent) -> Result<()> {
        let partition = super::partition_of(event.key(), self.membership.partitions);
        let Some(feed) = self.held.get_mut(&partition) else { return Err(super::lease_lost(&self.key(partition), "")) };
        let done = feed.ack_event(event);
        if done.as_ref().is_err_and(|e| e.code() == "feed.lease_lost") {
            self.held.remove(&partition);
        }
        done
    }

    /// Leaves the group in order: what this member holds is free at once.
    pub fn leave(self) -> Result<()> {
        let m = &self.membership;
        self.tenant.inner.catalog.write(|w| {
            w.remove_cursor_member(&self.key(0), &m.member)?;
            for row in w.cursors_of(self.tenant.id, &m.name, &m.group)?.into_iter().filter(|row| row.member == m.member) {
                w.set_cursor(&CursorRow { member: String::new(), until: Timestamp::default(), ..row })?;
            }
            Ok(())
        })
    }

    /// Waits until something may have been recorded or the leases want renewal, at most `patience`; whether there is a reason to read on.
    pub fn wait(&mut self, patience: Duration, monitor: &dyn Monitor) -> bool {
        let now = self.tenant.inner.clock().now();
        let left = Duration::from_micros((self.renew_at.micros() - now.micros()).max(0) as u64);
        wait_commit(&self.tenant.inner.catalog, self.seen, patience.min(left), monitor) || left <= patience
    }

    fn next_event(&mut self) -> Result<Option<FeedEvent>> {
        self.seen = self.tenant.inner.catalog.commits();
        let now = self.tenant.inner.clock().now();
        if now >= self.renew_at {
            self.renew()?;
            self.seen = self.tenant.inner.catalog.commits();
        }
        let order: Vec<u32> = self.held.range(self.turn + 1..).chain(self.held.range(..=self.turn)).map(|(partition, _)| *partition).collect();
        for partition in order {
            let Some(feed) = self.held.get_mut(&partition) else { continue };
            if let Some(event) = feed.next() {
                self.turn = partition;
                return event.map(Some);
            }
        }
        Ok(None)
    }
}

impl Iterator for GroupFeed {
    type Item = Result<FeedEvent>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let event = self.next_event();
        self.failed = event.is_err();
        event.transpose()
    }
}
