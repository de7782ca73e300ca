//! What keeps a store whole while things go wrong: panics, healing beside garbage collection, sealing once more.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use annals::Store;
use annals::base::monitor::{Monitor, Progress, Silent};
use annals::base::time::{Clock, Timestamp};
use annals::engine::offsite::ShipOptions;
use annals::engine::verify::Level;
use annals::model::change::Meta;

use crate::support::{Site, memory, site};

/// A clock that breaks down once.
struct Broken(AtomicBool);

impl Clock for Broken {
    fn now(&self) -> Timestamp {
        assert!(!self.0.swap(false, Ordering::SeqCst), "the clock breaks down");
        Timestamp(crate::support::NOON)
    }
}

#[test]
fn a_panic_in_the_midst_of_a_commit_leaves_a_store_that_goes_on() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Arc::new(Broken(AtomicBool::new(false)));
    let store = Store::builder().clock(clock.clone()).init(&dir.path().join("store"), "test").expect("init");
    store.put("a", &b"1"[..]).expect("put");
    clock.0.store(true, Ordering::SeqCst);
    assert!(catch_unwind(AssertUnwindSafe(|| store.put("b", &b"2"[..]))).is_err(), "the clock is asked within the transaction");
    assert_eq!(store.put("c", &b"3"[..]).expect("the queue goes on").position.seq, 2, "nothing of the batch that panicked is there");
    assert!(store.get("b").is_err());
    assert!(store.verify(Level::Full, &Silent).expect("verify").problems.is_empty());
    store.gc(false, &Silent).expect("and no writer is thought to be inside");
}

/// Does something once, when the work in hand asks whether it should stop or says how far it is.
struct Meanwhile<'a>(Mutex<Option<Box<dyn FnOnce() + Send + 'a>>>);

impl<'a> Meanwhile<'a> {
    fn new(work: impl FnOnce() + Send + 'a) -> Self {
        Meanwhile(Mutex::new(Some(Box::new(work))))
    }

    fn is_done(&self) -> bool {
        self.0.lock().expect("work").is_none()
    }
}

impl Monitor for Meanwhile<'_> {
    fn progress(&self, _: &Progress) {
        self.stopped();
    }
    fn note(&self, _: &str) {}
    fn stopped(&self) -> bool {
        let work = self.0.lock().expect("work").take();
        if let Some(work) = work {
            work();
        }
        false
    }
}

/// Hears how far the thread gives way that works.
#[cfg(target_os = "linux")]
#[derive(Default)]
struct Niceness(Mutex<std::collections::BTreeSet<i32>>);

#[cfg(target_os = "linux")]
impl Monitor for Niceness {
    fn progress(&self, _: &Progress) {
        self.stopped();
    }
    fn note(&self, _: &str) {}
    fn stopped(&self) -> bool {
        self.0.lock().expect("heard").insert(rustix::process::getpriority_process(None).expect("niceness"));
        false
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_looks_long_gives_way_to_whoever_writes() {
    use annals::engine::drill::DrillOptions;
    use annals::model::retention::Rules;

    let s = site();
    for round in 0..2u8 {
        for n in 0..3u8 {
            s.store.put(format!("k{n}"), &vec![round << 4 | n; 100_000][..]).expect("put");
        }
    }
    let (_, remote) = memory("offsite");
    s.store.ship(&remote, &ShipOptions::default(), &Silent).expect("ship");
    let heard = |work: &dyn Fn(&Niceness)| {
        let niceness = Niceness::default();
        work(&niceness);
        niceness.0.into_inner().expect("heard").into_iter().collect::<Vec<_>>()
    };
    let plan = |m: &Niceness| drop(s.store.plan_forget("", &Rules { last: Some(1), ..Rules::default() }, m).expect("plan"));
    let gives_way = vec![(rustix::process::getpriority_process(None).expect("niceness") + 10).min(19)];
    assert_eq!(heard(&|m| assert_eq!(s.store.gc(false, m).expect("gc").orphans, 0)), gives_way);
    assert_eq!(heard(&plan), gives_way);
    assert_eq!(heard(&|m| drop(s.store.verify(Level::Full, m).expect("verify"))), gives_way);
    assert_eq!(heard(&|m| drop(s.store.patrol(u64::MAX, m).expect("patrol"))), gives_way);
    for sample in [true, false] {
        assert_eq!(heard(&|m| drop(s.store.drill(&remote, &DrillOptions { sample }, m).expect("drill"))), gives_way, "sample {sample}");
    }
}

/// A site that shipped a large document and then lost its chunks.
fn without_chunks() -> (Site, annals::engine::offsite::OpenRemote) {
    let Site { store, clock, dir } = site();
    let big: Vec<u8> = (0..200_000u32).flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()).collect();
    store.put("big", &big[..]).expect("put");
    let (_, remote) = memory("offsite");
    store.ship(&remote, &ShipOptions::default(), &Silent).expect("ship");
    let place = store.dir().to_owned();
    drop(store);
    std::fs::remove_dir_all(place.join("chunks")).expect("the chunk store is lost");
    let store = Store::builder().clock(clock.clone()).open(&place).expect("open");
    assert!(!store.damage().expect("damage").is_none());
    (Site { store, clock, dir }, remote)
}

#[test]
fn garbage_is_not_collected_while_the_store_is_healed() {
    let (s, remote) = without_chunks();
    let meanwhile = Meanwhile::new(|| assert_eq!(s.store.gc(false, &Silent).expect_err("healing is under way").code(), "gc.busy"));
    let report = s.store.heal(std::slice::from_ref(&remote), &meanwhile).expect("heal");
    assert!(meanwhile.is_done() && report.left.is_empty() && report.healed == 1, "{report:?}");
    assert_eq!(report.places.keys().collect::<Vec<_>>(), ["offsite"]);
    assert_eq!(report.found[0].documents, ["big"]);
    s.store.gc(false, &Silent).expect("gc");
    assert!(s.store.verify(Level::Full, &Silent).expect("verify").problems.is_empty());
}

/// Healing gives a content another list of chunks, after garbage collection has marked those of the list before.
#[test]
fn the_store_is_not_healed_while_garbage_is_collected() {
    let s = site();
    let mut refused = s.store.batch("");
    refused.put_if_version("never", &mut &vec![7; 100_000][..], Meta::default(), 7).expect("put");
    refused.commit().expect_err("there is no such version");
    let meanwhile = Meanwhile::new(|| assert_eq!(s.store.heal(&[], &Silent).expect_err("gc is under way").code(), "heal.busy"));
    assert!(s.store.gc(false, &meanwhile).expect("gc").removed && meanwhile.is_done());
    s.store.heal(&[], &Silent).expect("heal");
}

#[test]
fn what_was_sealed_again_leaves_the_outbox_when_every_remote_has_the_slice() {
    let s = site();
    let dirs = ["one", "two"].map(|name| {
        let place = s.dir.path().join(name);
        std::fs::create_dir(&place).expect("a place");
        format!("[[remote]]\nname = \"{name}\"\ndirectory = \"{}\"\n", place.display())
    });
    let (place, clock) = (s.store.dir().to_owned(), s.clock.clone());
    let toml = place.join("annals.toml");
    let before = std::fs::read_to_string(&toml).expect("configuration");
    let configured = |text: &str| {
        std::fs::write(&toml, format!("{before}{text}")).expect("configure");
        Store::builder().clock(clock.clone()).open(&place).expect("open")
    };
    s.store.put("a", &b"1"[..]).expect("put");
    let folder = place.join("outbox").join(s.store.public_id().to_hex());
    let Site { store, .. } = s;
    drop(store);
    let listed = || folder.read_dir().into_iter().flatten().flatten().count();
    let ship = |store: &Store, name: &str| {
        let remote = store.remote(name, None).expect("remote");
        store.ship(&remote, &ShipOptions::default(), &Silent).expect("ship")
    };
    let one = configured(&dirs[0]);
    ship(&one, "one");
    assert_eq!(listed(), 0, "the only remote has it");
    drop(one);
    // The second remote is added later. The object is gone from the outbox, so its slice is sealed again, and the first one needs no copy of
    // that.
    let both = configured(&dirs.concat());
    assert!(ship(&both, "two").objects > 0);
    assert_eq!(listed(), 0, "each remote has the slice in one of its sealings");
    both.put("b", &b"2"[..]).expect("put");
    ship(&both, "two");
    assert_eq!(listed(), 1, "the first remote waits for it");
    ship(&both, "one");
    assert_eq!(listed(), 0);
}

#[test]
fn a_report_with_failures_is_not_taken_for_a_whole_one() {
    let s = site();
    let other = s.store.add_tenant("b").expect("tenant");
    s.store.put("a", &b"1"[..]).expect("put");
    other.put("b", &b"2"[..]).expect("put");
    let catalog = rusqlite::Connection::open(s.store.dir().join("catalog.db")).expect("open");
    catalog.execute("UPDATE batch SET actor = 'somebody else' WHERE tenant = 0", []).expect("tamper");
    drop(catalog);
    let (_, remote) = memory("offsite");
    let report = s.store.ship(&remote, &ShipOptions::default(), &Silent).expect("the other tenant is shipped");
    assert_eq!(report.failed.iter().map(|f| (f.tenant.as_str(), f.code)).collect::<Vec<_>>(), [("main", "seal.damaged")]);
    let error = report.whole().expect_err("not whole");
    assert_eq!((error.kind(), error.code()), (annals::Kind::Partial, "ship.partial"));
    assert!(error.to_string().contains("main") && error.what_next().is_some(), "{error}");
}
