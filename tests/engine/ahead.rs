//! A remote far away with many small shipments: the ways there are waited for together, and nothing else changes.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use annals::base::monitor::{Monitor, Silent};
use annals::engine::offsite::{OpenRemote, ShipOptions};
use annals::storage::remote::{Check, Memory, Object, Outcome, Remote, Upload};
use annals::{Digest, Error, Kind, Result};

use crate::support::{Site, memory, rebuild, site};

/// Objects that must be on their way at once before any arrives.
const TOGETHER: u64 = 4;

/// Where a fetch ends only when others are on their way with it.
struct Far {
    memory: Arc<Memory>,
    /// Fetches begun, those under way, and the most of them.
    fetches: Mutex<(u64, u64, u64)>,
    changed: Condvar,
    /// Every other fetch fails.
    fails: AtomicBool,
    /// Somebody waited for the others in vain.
    alone: AtomicBool,
    small: u64,
}

impl Far {
    fn new(memory: Arc<Memory>) -> Arc<Self> {
        let small = memory.names().iter().filter(|name| name.ends_with(".seg")).count() as u64;
        let (fetches, changed) = (Mutex::default(), Condvar::new());
        Arc::new(Far { memory, fetches, changed, fails: AtomicBool::default(), alone: AtomicBool::default(), small })
    }
}

impl Remote for Far {
    fn list(&self, prefix: &str, monitor: &dyn Monitor) -> Result<Vec<Object>> {
        self.memory.list(prefix, monitor)
    }

    fn read(&self, name: &str, offset: u64, len: u64, monitor: &dyn Monitor) -> Result<Vec<u8>> {
        self.memory.read(name, offset, len, monitor)
    }

    fn fetch(&self, name: &str, into: &Path, size: u64, monitor: &dyn Monitor) -> Result<()> {
        let mut fetches = self.fetches.lock().expect("lock");
        let mine = fetches.0;
        fetches.0 += 1;
        fetches.1 += 1;
        fetches.2 = fetches.2.max(fetches.1);
        self.changed.notify_all();
        if mine < TOGETHER && !self.fails.load(Ordering::SeqCst) {
            let enough = |f: &mut (u64, u64, u64)| f.0 < TOGETHER;
            let (waited, late) = self.changed.wait_timeout_while(fetches, Duration::from_secs(60), enough).expect("wait");
            self.alone.fetch_or(late.timed_out(), Ordering::SeqCst);
            fetches = waited;
        }
        drop(fetches);
        let done = match self.fails.load(Ordering::SeqCst) && mine.is_multiple_of(2) {
            true => Err(Error::new(Kind::Remote, "remote.cut", "the line was cut")),
            false => self.memory.fetch(name, into, size, monitor),
        };
        self.fetches.lock().expect("lock").1 -= 1;
        done
    }

    fn store(&self, objects: &[Upload], monitor: &dyn Monitor) -> Result<Vec<Outcome>> {
        self.memory.store(objects, monitor)
    }

    fn verify(&self, name: &str, size: u64, digest: Option<Digest>, monitor: &dyn Monitor) -> Result<Check> {
        self.memory.verify(name, size, digest, monitor)
    }

    fn remove(&self, names: &[String], monitor: &dyn Monitor) -> Result<()> {
        self.memory.remove(names, monitor)
    }

    fn limit(&self, bytes_per_sec: Option<u64>) -> Result<()> {
        self.memory.limit(bytes_per_sec)
    }

    fn requests(&self) -> u64 {
        self.memory.requests()
    }

    fn is_far(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        "far away".into()
    }
}

/// A site that shipped `n` small batches one by one.
fn shipped(n: u64) -> (Site, Arc<Memory>) {
    let s = site();
    let (memory, near) = memory("a");
    for i in 0..n {
        s.store.put(format!("case/{}", i % 40), format!("state {i} of a small document").as_bytes()).expect("put");
        s.store.ship(&near, &ShipOptions::default(), &Silent).expect("ship");
        s.minute();
    }
    (s, memory)
}

#[test]
fn small_objects_of_a_far_remote_come_together_and_each_once() {
    let (s, memory) = shipped(60);
    let far = Far::new(memory.clone());
    let (again, report) = rebuild(&s, &[OpenRemote::new("a", far.clone())], "again", None).expect("rebuild");
    assert_eq!(again.position().expect("position"), s.store.position().expect("position"));
    assert!(report.gaps.is_empty() && report.bridged.is_empty(), "{report:?}");
    let (fetched, _, most) = *far.fetches.lock().expect("lock");
    assert_eq!((fetched, far.alone.load(Ordering::SeqCst)), (far.small, false));
    assert!((TOGETHER..=9).contains(&most), "{most} at once");
    assert!(!again.dir().join("incoming").exists());
}

#[test]
fn what_does_not_come_ahead_is_fetched_when_it_is_needed_and_damage_is_told() {
    let (s, memory) = shipped(20);
    let far = Far::new(memory.clone());
    far.fails.store(true, Ordering::SeqCst);
    let near = OpenRemote::new("b", memory.clone());
    // Each object comes ahead, by itself, or from the other remote; all of it is there.
    let (again, report) = rebuild(&s, &[OpenRemote::new("a", far), near], "again", None).expect("rebuild");
    assert_eq!(again.position().expect("position"), s.store.position().expect("position"));
    assert!(report.gaps.is_empty(), "{report:?}");
    let seventh = memory.names().into_iter().filter(|name| name.ends_with(".seg")).nth(7).expect("an object");
    assert!(memory.damage(&seventh, |bytes| bytes[9] ^= 1));
    let far = OpenRemote::new("a", Far::new(memory));
    let (short, report) = rebuild(&s, &[far], "short", None).expect("rebuild");
    assert_eq!(report.gaps.len(), 1, "{report:?}");
    assert_eq!(report.gaps[0].first, short.position().expect("position").seq + 1);
}
