//! Whether a database that differs from its history went back in time, and to where.
//!
//! Given are the rows in which the file differs from the head of the log. Going back through the log, each transaction is taken away in
//! thought: the keys that it changed should then hold, in the file, what they held before it. The place where most of them do is the fork. A
//! database that simply moved on while nobody looked has new values where the older ones would have to be, and no such place.

use std::collections::{HashMap, HashSet};

use crate::base::digest::Digest;
use crate::base::error::Result;
use crate::engine::store::Tenant;
use crate::storage::catalog::{self, View as Rows, number};

use super::behind::Replayed;

/// Row changes of the log that are looked back at. At 7 rows a transaction some 30,000 transactions.
const LOOKED_AT_MAX: usize = 200_000;
/// How far the evidence may fall below its best before the search ends.
const SLACK: i64 = 20_000;
/// Batches read at a time.
const PAGE: u64 = 128;

/// What the file's header says about its direction in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counter {
    /// It counts less than at the captured place: the file went back.
    Lower,
    /// It says nothing.
    Silent,
    /// It counts more, and counted every transaction: the file went on. It may have gone back before that.
    Higher,
}

/// Where the file and the log parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fork {
    /// The last batch whose state the file has.
    pub seq: u64,
    /// Batches of this database after it.
    pub transactions: u64,
    /// Rows that these changed and that the file has as they were before.
    pub rows: u64,
    /// Rows that are neither as they were at the fork nor as they are in the log.
    pub only_here: u64,
}

/// What the keys that were changed after some batch should hold if the file had been restored to it.
struct Expectation<'d> {
    /// Per document: what it says, where it says anything.
    keys: HashMap<i64, Option<bool>>,
    differing: &'d HashMap<Vec<u8>, Option<Digest>>,
    matches: i64,
    mismatches: i64,
}

impl Expectation<'_> {
    fn holds(&self, key: &[u8], head: Option<Digest>, expected: Option<Digest>) -> bool {
        match self.differing.get(key) {
            Some(there) => *there == expected,
            None => head == expected,
        }
    }

    fn expect(&mut self, document: i64, key: &[u8], head: Option<Digest>, expected: Option<Digest>) {
        // A row that is now as it was then says nothing about either: a change and what took it back are no sign of an older file.
        let says = (head != expected).then(|| self.holds(key, head, expected));
        for (told, by) in [(self.keys.insert(document, says).flatten(), -1), (says, 1)] {
            match told {
                Some(true) => self.matches += by,
                Some(false) => self.mismatches += by,
                None => {}
            }
        }
    }

    /// Matches less mismatches.
    fn score(&self) -> i64 {
        self.matches - self.mismatches
    }
}

/// Looks for the fork after batch `since`; `differing` has, per key, what the file holds where that is not what the log's head says.
pub(super) fn find_fork(
    tenant: &Tenant,
    prefix: &[u8],
    since: u64,
    counter: Counter,
    differing: &HashMap<Vec<u8>, Option<Digest>>,
) -> Result<Option<Fork>> {
    tenant.inner.catalog.read(|rows| {
        let head = rows.tenant_by_id(tenant.id)?.position.seq;
        let mut expectation = Expectation { keys: HashMap::new(), differing, matches: 0, mismatches: 0 };
        let (mut best, mut looked_at, mut transactions) = (None, 0, 0);
        let mut last = head;
        // The first batch of the capture is its beginning: there is no state before it.
        'search: while last > since + 1 {
            let first = last.saturating_sub(PAGE - 1).max(since + 2);
            let mut changes = Vec::new();
            rows.versions_of_batches(catalog::id(tenant.id, first), catalog::id(tenant.id, last), |v| {
                changes.push(v);
                Ok(())
            })?;
            changes.sort_by_key(|change| std::cmp::Reverse(change.batch));
            for batch in changes.chunk_by(|a, b| a.batch == b.batch) {
                let mut ours = false;
                for change in batch {
                    let Some(document) = rows.document_by_id(change.document)? else { continue };
                    if !document.key.starts_with(prefix) {
                        continue;
                    }
                    ours = true;
                    looked_at += 1;
                    let now = content(rows, document.content)?;
                    let before = content(rows, rows.version_at(document.id, change.batch - 1)?.and_then(|v| v.content))?;
                    expectation.expect(document.id, &document.key, now, before);
                }
                if !ours {
                    continue;
                }
                transactions += 1;
                let score = expectation.score();
                let matches = expectation.matches as u64;
                if best.as_ref().is_none_or(|(most, found): &(i64, Fork)| score > *most || score == *most && matches > found.rows) {
                    let found = Fork { seq: number(batch[0].batch) - 1, transactions, rows: matches, only_here: 0 };
                    best = Some((score, found));
                }
                let most = best.as_ref().map_or(0, |(most, _)| *most);
                if looked_at >= LOOKED_AT_MAX || most - score > SLACK {
                    break 'search;
                }
            }
            last = first - 1;
        }
        let Some((score, mut fork)) = best else { return Ok(None) };
        let certain = counter == Counter::Lower;
        // One transaction that looks taken back, in a file that counted on, is a correction by its users.
        let doubtful = counter == Counter::Higher && fork.transactions < 2;
        if !certain && (score <= 0 || doubtful) {
            return Ok(None);
        }
        fork.only_here = only_here(rows, tenant, fork.seq, differing)?;
        // An older copy that nobody wrote to counts less: this one was changed back by its own users.
        let changed_back = counter == Counter::Higher && fork.only_here == 0;
        Ok((!changed_back).then_some(fork))
    })
}

/// Whether a database lacks what batches say that came from elsewhere; `differing` as in [`find_fork`]. Rows that were recorded again after them
/// prove nothing, and neither do those that came to what they were before.
pub(super) fn find_lack(tenant: &Tenant, prefix: &[u8], replayed: Replayed, differing: &HashMap<Vec<u8>, Option<Digest>>) -> Result<Option<Fork>> {
    tenant.inner.catalog.read(|rows| {
        let (first, last) = (catalog::id(tenant.id, replayed.first), catalog::id(tenant.id, replayed.last));
        let (mut documents, mut batches) = (HashSet::new(), HashSet::new());
        rows.versions_of_batches(first, last, |version| {
            let document = rows.document_by_id(version.document)?;
            // Without a slash it is no row: the schema, or the base image.
            if document.is_some_and(|d| d.key.strip_prefix(prefix).is_some_and(|name| name.contains(&b'/'))) {
                documents.insert(version.document);
                batches.insert(version.batch);
            }
            Ok(())
        })?;
        let (mut has, mut lacks) = (0, 0);
        for id in documents {
            let Some(document) = rows.document_by_id(id)?.filter(|d| d.latest.is_none_or(|batch| batch <= last)) else { continue };
            let now = content(rows, document.content)?;
            let before = content(rows, rows.version_at(id, first - 1)?.and_then(|v| v.content))?;
            match differing.get(&document.key) {
                _ if now == before => {}
                None => has += 1,
                Some(there) if *there == before => lacks += 1,
                Some(_) => {}
            }
        }
        if lacks <= has {
            return Ok(None);
        }
        let seq = replayed.first - 1;
        let only_here = only_here(rows, tenant, seq, differing)?;
        Ok(Some(Fork { seq, transactions: batches.len() as u64, rows: lacks, only_here }))
    })
}

fn content(rows: &Rows<'_>, content: Option<i64>) -> Result<Option<Digest>> {
    Ok(match content {
        Some(id) => Some(rows.content_digest(id)?.0),
        None => None,
    })
}

/// How many of the differing rows are not as they were at the fork.
fn only_here(rows: &Rows<'_>, tenant: &Tenant, seq: u64, differing: &HashMap<Vec<u8>, Option<Digest>>) -> Result<u64> {
    let mut own = 0;
    for (key, there) in differing {
        let then = match rows.document(tenant.id, key)? {
            Some(document) => content(rows, rows.version_at(document.id, catalog::id(tenant.id, seq))?.and_then(|v| v.content))?,
            None => None,
        };
        own += u64::from(then != *there);
    }
    Ok(own)
}
