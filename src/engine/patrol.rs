//! Verification on a rolling budget: a part of the contents at a time, so that everything was read back once in a while without ever being
//! in the way.

use crate::base::aside::aside;
use crate::base::error::Result;
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::model::key::show_key;
use crate::storage::catalog::contents::Body;
use crate::storage::catalog::tenant_of;

use super::store::Store;
use super::verify::{VerifyReport, read_whole};

/// Fact: the content after the last one that was read back, of all tenants in the order of their numbers.
const CURSOR: &str = "patrol";
/// Contents looked at in one view of the catalogue.
const PAGE: usize = 200;
/// Contents and bytes after which the place is noted: each note is a sync, and what is read twice after a cut costs less than many of them.
const NOTE_EVERY: (u64, u64) = (10_000, 16 << 20);

/// What one patrol saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patrol {
    /// What was looked at and found.
    pub report: VerifyReport,
    /// Whether it came to the end; the next one begins anew.
    pub round_ended: bool,
}

impl Store {
    /// Reads contents back and compares them with their digests, from where the last patrol ended, until `budget_bytes` are read or
    /// everything was. Stopped by the monitor, it goes on there the next time. It gives way to whoever writes.
    pub fn patrol(&self, budget_bytes: u64, monitor: &dyn Monitor) -> Result<Patrol> {
        aside(|| self.read_back(budget_bytes, monitor))
    }

    fn read_back(&self, budget_bytes: u64, monitor: &dyn Monitor) -> Result<Patrol> {
        let inner = &*self.inner;
        let mut next = inner.catalog.read(|rows| rows.fact_number(CURSOR))? as i64;
        let note = |next: i64| inner.catalog.write(|w| w.set_fact(CURSOR, &(next as u64).to_be_bytes()));
        let (mut seen, mut noted) = (Patrol::default(), (0, 0));
        while seen.report.bytes < budget_bytes {
            let page = inner.catalog.read(|rows| rows.contents(next, i64::MAX, PAGE))?;
            for content in &page {
                if let Err(stopped) = check_stop(monitor) {
                    note(next)?;
                    return Err(stopped);
                }
                if matches!(content.body, Body::Gone(_)) {
                    next = content.id + 1;
                    continue;
                }
                match read_whole(inner, content) {
                    Ok(bytes) => seen.report.bytes += bytes,
                    Err(e) => {
                        let (documents, tenant) =
                            inner.catalog.read(|rows| Ok((rows.documents_with(content.id)?, rows.tenant_by_id(tenant_of(content.id))?.name)))?;
                        let documents = documents.iter().map(|k| show_key(k)).collect();
                        seen.report.problem(&tenant, format!("content {} is damaged: {e}", content.digest.short(16)), None, documents);
                    }
                }
                seen.report.contents += 1;
                next = content.id + 1;
                if seen.report.bytes >= budget_bytes {
                    break;
                }
            }
            if page.is_empty() {
                next = 0;
                seen.round_ended = true;
            }
            let (items, bytes) = (seen.report.contents, seen.report.bytes);
            if seen.round_ended || bytes >= budget_bytes || items - noted.0 >= NOTE_EVERY.0 || bytes - noted.1 >= NOTE_EVERY.1 {
                note(next)?;
                noted = (items, bytes);
            }
            monitor.progress(&Progress { phase: "reading back", items, items_total: 0, bytes, bytes_total: budget_bytes });
            if seen.round_ended {
                break;
            }
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::base::error::Kind;
    use crate::base::monitor::Silent;

    #[test]
    fn a_patrol_goes_on_where_the_last_one_ended_and_comes_round() {
        let dir = tempfile::tempdir().expect("dir");
        let store = Store::init(dir.path().join("store"), "test").expect("init");
        for n in 0..5u8 {
            store.put(format!("k{n}"), &vec![n; 1000][..]).expect("put");
        }
        let mut looked = 0;
        for part in [3, 2] {
            let seen = store.patrol(2_500, &Silent).expect("patrol");
            looked += seen.report.contents;
            assert_eq!((seen.report.contents, seen.report.problems.len()), (part, 0));
        }
        assert_eq!(looked, 5);
        assert!(store.patrol(2_500, &Silent).expect("patrol").report.contents == 3, "it begins anew");
        let stopped = store.patrol(2_500, &StopAfter(1.into())).expect_err("stopped");
        assert_eq!(stopped.kind(), Kind::Interrupted);
        assert_eq!(store.patrol(2_500, &Silent).expect("patrol").report.contents, 1, "one was read before the stop, the last one is left");
    }

    /// Stops after so many questions.
    struct StopAfter(AtomicUsize);

    impl Monitor for StopAfter {
        fn progress(&self, _: &Progress) {}

        fn note(&self, _: &str) {}

        fn stopped(&self) -> bool {
            self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err()
        }
    }

    #[test]
    fn a_patrol_of_many_small_contents_writes_its_place_seldom() {
        let dir = tempfile::tempdir().expect("dir");
        let store = Store::init(dir.path().join("store"), "test").expect("init");
        let mut batch = store.batch("many");
        for n in 0..2 * NOTE_EVERY.0 + 1 {
            batch.put(format!("k{n}"), n.to_string().as_bytes()).expect("put");
        }
        batch.commit().expect("commit");
        let before = store.inner.catalog.commits();
        let seen = store.patrol(u64::MAX, &Silent).expect("patrol");
        assert!(seen.round_ended && seen.report.contents > 2 * NOTE_EVERY.0, "{seen:?}");
        assert_eq!(store.inner.catalog.commits() - before, 3, "twice on the way and once at the end");
    }
}
