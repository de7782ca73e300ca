//! Remotes that lie: they say stored and store nothing, they forget, they show old, short or empty listings, they give other bytes.
//!
//! What is asked of all of them: nothing is recorded as held that is not there, an empty listing removes nothing, nothing wrong is rebuilt.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use annals::Store;
use annals::base::digest::Digest;
use annals::base::error::{Kind, Result};
use annals::base::monitor::{Monitor, Silent};
use annals::engine::offsite::OpenRemote;
use annals::storage::remote::{Check, Fault, Memory, Object, Outcome, Recording, Remote, Stored, Upload, Verb};

use crate::support::{noise, options, quick, rebuild, shapes, sound};

struct Site {
    dir: tempfile::TempDir,
    store: Store,
    liar: Arc<Recording<Memory>>,
    remote: OpenRemote,
}

fn site() -> Site {
    let dir = tempfile::tempdir().expect("dir");
    crate::cases::filled(dir.path());
    let store = options().open(&dir.path().join("store")).expect("open");
    let liar = Arc::new(Recording::new(Memory::new()));
    let remote = OpenRemote::new("liar", liar.clone());
    Site { dir, store, liar, remote }
}

impl Site {
    fn ship(&self) -> Result<u64> {
        self.store.ship(&self.remote, &quick(), &Silent)?.whole().map(|r| r.objects)
    }

    fn put(&self, n: u64, len: usize) {
        self.store.put(format!("more/{n}"), &noise(n, len)[..]).expect("put");
    }

    /// Segments on the remote, in the order of the log.
    fn segments(&self) -> Vec<String> {
        self.liar.inner().names().into_iter().filter(|n| !n.contains("/key-")).collect()
    }

    fn rebuild(&self, name: &str) -> Result<(Store, annals::engine::offsite::FetchReport)> {
        rebuild(self.store.dir(), std::slice::from_ref(&self.remote), &self.dir.path().join(name))
    }

    /// With an honest remote again: nothing is recorded as held that is not there, and the rest can be shipped and rebuilt.
    fn honest_again(&self) {
        self.liar.heal();
        let report = self.store.verify_remote(&self.remote, true, &Silent).expect("verify");
        assert!(report.problems.is_empty(), "recorded as held, but not there: {:?}", report.problems);
        self.ship().expect("ship");
        assert_eq!(self.ship().expect("ship"), 0);
        let (again, report) = self.rebuild("honest again").expect("rebuild");
        assert!(report.gaps.is_empty(), "{report:?}");
        assert_eq!(shapes(&again), shapes(&self.store));
        sound(&again);
    }
}

#[test]
fn errors_of_every_kind_leave_nothing_recorded_that_is_not_there() {
    let faults = [Fault::Drop, Fault::DropAfter, Fault::Stall, Fault::Deny, Fault::Full, Fault::Truncate(10), Fault::TruncateSilently(10)];
    for fault in faults {
        for skip in 0..3 {
            let s = site();
            s.put(1, 2_500_000);
            s.liar.inject(Verb::Store, skip, 1, fault.clone());
            let first = s.ship();
            // The last of a few objects may not have been reached.
            assert!(first.is_err() || s.liar.count(Verb::Store) as u64 <= skip, "{fault:?} after {skip}");
            if let Err(e) = first {
                assert!(e.what_next().is_some() || e.message_is_injected(), "{e:?}");
            }
            s.honest_again();
        }
    }
}

/// Errors that the test makes up have no hint.
trait Injected {
    fn message_is_injected(&self) -> bool;
}

impl Injected for annals::Error {
    fn message_is_injected(&self) -> bool {
        self.to_string().contains("injected")
    }
}

/// Says that it stored something and did not; or shows listings backwards.
struct Forgetful {
    inner: Memory,
    forgets: AtomicBool,
}

impl Remote for Forgetful {
    fn list(&self, prefix: &str, monitor: &dyn Monitor) -> Result<Vec<Object>> {
        self.inner.list(prefix, monitor).map(|mut all| {
            all.reverse();
            all
        })
    }

    fn read(&self, name: &str, offset: u64, len: u64, monitor: &dyn Monitor) -> Result<Vec<u8>> {
        self.inner.read(name, offset, len, monitor)
    }

    fn fetch(&self, name: &str, into: &Path, size: u64, monitor: &dyn Monitor) -> Result<()> {
        self.inner.fetch(name, into, size, monitor)
    }

    fn store(&self, objects: &[Upload], monitor: &dyn Monitor) -> Result<Vec<Outcome>> {
        if self.forgets.load(Ordering::Relaxed) {
            return Ok(objects.iter().map(|_| Ok(Stored::Written)).collect());
        }
        self.inner.store(objects, monitor)
    }

    fn verify(&self, name: &str, size: u64, digest: Option<Digest>, monitor: &dyn Monitor) -> Result<Check> {
        self.inner.verify(name, size, digest, monitor)
    }

    fn remove(&self, names: &[String], monitor: &dyn Monitor) -> Result<()> {
        self.inner.remove(names, monitor)
    }

    fn limit(&self, rate: Option<u64>) -> Result<()> {
        self.inner.limit(rate)
    }

    fn requests(&self) -> u64 {
        self.inner.requests()
    }

    fn describe(&self) -> String {
        "forgetful".to_owned()
    }
}

#[test]
fn a_remote_that_stores_nothing_is_found_out_at_once() {
    let s = site();
    let device = Arc::new(Forgetful { inner: Memory::new(), forgets: AtomicBool::new(true) });
    let remote = OpenRemote::new("forgetful", device.clone());
    for len in [3000, 3_000_000] {
        s.put(len as u64, len);
        let e = s.store.ship(&remote, &quick(), &Silent).expect_err("found out");
        assert_eq!((e.code(), e.kind()), ("remote.lied", Kind::Failed));
        assert!(e.what_next().expect("a hint").contains("use another"));
    }
    device.forgets.store(false, Ordering::Relaxed);
    s.store.ship(&remote, &quick(), &Silent).expect("ship");
    // And large objects alone, after everything small is there.
    device.forgets.store(true, Ordering::Relaxed);
    s.put(1, 3_000_000);
    assert_eq!(s.store.ship(&remote, &quick(), &Silent).expect_err("found out").code(), "remote.lied");
    device.forgets.store(false, Ordering::Relaxed);
    s.store.ship(&remote, &quick(), &Silent).expect("ship");
    // Its listings run backwards, which changes nothing.
    let (again, report) = rebuild(s.store.dir(), &[remote], &s.dir.path().join("again")).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    assert_eq!(shapes(&again), shapes(&s.store));
}

#[test]
fn an_object_that_went_missing_or_bad_is_found_and_sent_again() {
    for harm in 0..4 {
        let s = site();
        s.ship().expect("ship");
        for n in 1..3 {
            s.put(n, 20_000);
            s.ship().expect("ship");
        }
        let name = s.segments()[1].clone();
        if harm == 0 {
            s.liar.inner().remove(std::slice::from_ref(&name), &Silent).expect("remove");
        } else {
            s.liar.inner().damage(&name, |bytes| match harm {
                1 => bytes.truncate(bytes.len() / 2),
                2 => bytes[20] ^= 1,
                _ => bytes.clear(),
            });
        }
        let full = s.store.verify_remote(&s.remote, true, &Silent).expect("verify");
        assert_eq!(full.problems.len(), 1, "harm {harm}");
        assert_eq!(full.problems[0].documents, ["more/1"]);
        let (again, report) = s.rebuild("damaged").expect("rebuild");
        assert!(!report.gaps.is_empty() && again.position().expect("end").seq < s.store.position().expect("end").seq);
        sound(&again);
        assert!(s.ship().expect("it is sent again") >= 1);
        s.honest_again();
    }
}

#[test]
fn listings_that_are_empty_or_old_remove_nothing() {
    let s = site();
    s.ship().expect("ship");
    let old = s.liar.inner().list("", &Silent).expect("list");
    s.put(1, 20_000);
    s.ship().expect("ship");
    let short = (0..old.len() + 1).map(Fault::ShortListing);
    for lie in [Fault::EmptyListing, Fault::Listing(old.clone()), Fault::Listing(Vec::new())].into_iter().chain(short) {
        s.liar.inject(Verb::List, 0, u64::MAX, lie.clone());
        for full in [false, true] {
            let report = s.store.verify_remote(&s.remote, full, &Silent).expect("verify");
            assert!(report.problems.is_empty(), "{lie:?}: {:?}", report.problems);
        }
        assert_eq!(s.ship().expect("ship"), 0, "{lie:?}: nothing is sent again");
        assert_eq!(s.store.fetch(std::slice::from_ref(&s.remote), &Silent).expect("fetch").batches, 0);
        s.liar.heal();
    }
    s.honest_again();
}

#[test]
fn a_rebuild_from_old_or_short_listings_is_a_true_beginning_or_says_what_is_missing() {
    let s = site();
    s.ship().expect("ship");
    let middle = s.store.position().expect("position");
    let old = s.liar.inner().list("", &Silent).expect("list");
    for n in 0..3 {
        s.put(n, 20_000);
        s.ship().expect("ship");
    }
    let all = s.liar.inner().list("", &Silent).expect("list").len();
    s.liar.inject(Verb::List, 0, u64::MAX, Fault::Listing(old));
    let (again, _) = s.rebuild("old").expect("rebuild");
    assert_eq!(again.position().expect("end"), middle);
    s.liar.heal();
    // Once the remote is honest, the rest comes.
    let fetched = again.fetch(std::slice::from_ref(&s.remote), &Silent).expect("fetch");
    assert_eq!((fetched.batches, again.position().expect("end")), (3, s.store.position().expect("end")));
    for n in 0..all {
        s.liar.inject(Verb::List, 0, u64::MAX, Fault::ShortListing(n));
        match s.rebuild(&format!("short {n}")) {
            Err(e) => assert_eq!(e.code(), "rebuild.nothing", "{n}"),
            Ok((again, report)) => {
                let end = again.position().expect("end");
                let ours = s.store.batches(end.seq, end.seq, 1).expect("batches");
                assert!(end.seq == 0 && !report.gaps.is_empty() || ours[0].digest == end.digest, "{n}: {report:?}");
                sound(&again);
            }
        }
        s.liar.heal();
    }
    // Only the tenant's folder seems empty: its key says that there must be something.
    s.liar.inject(Verb::List, 1, u64::MAX, Fault::EmptyListing);
    let (again, report) = s.rebuild("empty folder").expect("rebuild");
    assert!(again.position().expect("end").seq == 0 && report.gaps.len() == 1, "{report:?}");
    s.liar.heal();
}

#[test]
fn an_error_mistaken_for_absence_costs_a_look_and_nothing_else() {
    let s = site();
    s.ship().expect("ship");
    for verb in [Verb::List, Verb::Verify, Verb::Read, Verb::Fetch] {
        s.liar.inject(verb, 0, u64::MAX, Fault::Absent);
    }
    let report = s.store.verify_remote(&s.remote, false, &Silent).expect("verify");
    assert!(!report.problems.is_empty(), "it is asked by name and says that it has nothing");
    assert_eq!(s.rebuild("absent").err().expect("nothing there").code(), "rebuild.nothing");
    s.liar.heal();
    let before = s.liar.bytes(Verb::Store);
    s.ship().expect("ship");
    let again = s.liar.bytes(Verb::Store) - before;
    assert!(again <= 400, "{again} bytes were sent again, though all was there");
    s.honest_again();
}

#[test]
fn wrong_bytes_are_never_taken_in() {
    let s = site();
    s.ship().expect("ship");
    s.put(1, 20_000);
    s.ship().expect("ship");
    // The same objects on another remote.
    let copy = Memory::new();
    s.liar.inner().names().iter().for_each(|name| copy.put(name, &s.liar.inner().bytes(name).expect("bytes")));
    let honest = OpenRemote::new("honest", Arc::new(copy));
    s.liar.inject(Verb::Fetch, 0, u64::MAX, Fault::Flip);
    let (again, report) = s.rebuild("flipped").expect("rebuild");
    assert!(again.position().expect("end").seq == 0 && report.gaps.len() == 1, "{report:?}");
    assert!(!report.gaps[0].reasons.is_empty());
    // Another remote makes up for it, and that is told.
    let both = [s.remote.clone(), honest];
    let (again, report) = rebuild(s.store.dir(), &both, &s.dir.path().join("bridged")).expect("rebuild");
    assert!(report.gaps.is_empty() && !report.bridged.is_empty(), "{report:?}");
    assert_eq!(shapes(&again), shapes(&s.store));
    s.liar.heal();
    s.liar.inject(Verb::Read, 0, u64::MAX, Fault::Flip);
    assert!(s.rebuild("flipped key").is_err_and(|e| e.what_next().is_some()), "the key object cannot be opened");
    s.liar.heal();
    s.liar.inject(Verb::List, 0, u64::MAX, Fault::LyingSizes(1));
    let (again, report) = s.rebuild("sizes").expect("rebuild");
    assert!(again.position().expect("end").seq == 0 && !report.gaps.is_empty(), "{report:?}");
    s.liar.heal();
    s.honest_again();
}
