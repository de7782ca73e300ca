//! Lines to remotes that are far away: kept open between shipments while the next one is near, and for no other reason.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use annals::agent::daemon::Stepwise;
use annals::base::digest::Digest;
use annals::base::error::Result;
use annals::base::monitor::Monitor;
use annals::model::job::{State, Task};
use annals::storage::remote::{Check, Fault, Memory, Object, Outcome, Recording, Remote, Upload, Verb};
use annals::{OpenRemote, Store};

use crate::support::{DAY, MINUTE, Site, memory, newest};

/// A remote in memory that says that it is far away, and knows how many lines to it are open.
struct Far {
    inner: Arc<Recording<Arc<Memory>>>,
    _open: Arc<()>,
}

impl Remote for Far {
    fn list(&self, prefix: &str, monitor: &dyn Monitor) -> Result<Vec<Object>> {
        self.inner.list(prefix, monitor)
    }

    fn read(&self, name: &str, offset: u64, len: u64, monitor: &dyn Monitor) -> Result<Vec<u8>> {
        self.inner.read(name, offset, len, monitor)
    }

    fn fetch(&self, name: &str, into: &Path, size: u64, monitor: &dyn Monitor) -> Result<()> {
        self.inner.fetch(name, into, size, monitor)
    }

    fn store(&self, objects: &[Upload], monitor: &dyn Monitor) -> Result<Vec<Outcome>> {
        self.inner.store(objects, monitor)
    }

    fn verify(&self, name: &str, size: u64, digest: Option<Digest>, monitor: &dyn Monitor) -> Result<Check> {
        self.inner.verify(name, size, digest, monitor)
    }

    fn remove(&self, names: &[String], monitor: &dyn Monitor) -> Result<()> {
        self.inner.remove(names, monitor)
    }

    fn limit(&self, bytes_per_sec: Option<u64>) -> Result<()> {
        self.inner.limit(bytes_per_sec)
    }

    fn requests(&self) -> u64 {
        self.inner.requests()
    }

    fn is_far(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

/// An agent that ships to one remote far away, and what is seen of its lines.
struct Watched {
    site: Site,
    agent: Stepwise,
    place: Arc<Recording<Arc<Memory>>>,
    open: Arc<()>,
    opened: Arc<AtomicUsize>,
}

const REMOTE: &str = "[[remote]]\nname = \"a\"\nrclone = \"a:x\"\n";

impl Watched {
    fn new(schedule: &str) -> Self {
        let site = Site::new(&format!("{schedule}{REMOTE}"));
        let (place, open, opened) = (memory(), Arc::new(()), Arc::new(AtomicUsize::new(0)));
        let (inner, alive, count) = (place.clone(), open.clone(), opened.clone());
        let opener = Arc::new(move |_: &Store, name: &str, _: Option<u64>| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(OpenRemote::new(name, Arc::new(Far { inner: inner.clone(), _open: alive.clone() })))
        });
        let agent = Stepwise::new(site.open(), Some(opener)).expect("agent");
        Watched { site, agent, place, open, opened }
    }

    /// Records something, and ships it when the schedule says so.
    fn ship(&self, key: &str) {
        self.agent.store().put(key, format!("{key} has some content").as_bytes()).expect("put");
        self.site.clock.advance(MINUTE);
        self.agent.tick().expect("tick");
        self.agent.run().expect("run");
    }

    /// Lines that were opened so far, and lines that are open.
    fn lines(&self) -> (usize, usize) {
        // One is the opener's, one the test's.
        (self.opened.load(Ordering::SeqCst), Arc::strong_count(&self.open) - 2)
    }

    fn requests(&self) -> u64 {
        self.agent.handle().tally().carried.get("a").map_or(0, |c| c.requests)
    }
}

#[test]
fn a_line_serves_shipments_that_follow_each_other() {
    let watched = Watched::new("[schedule]\nship = \"every 1m\"\n");
    watched.ship("one");
    let first = watched.requests();
    assert_eq!((watched.lines(), first), ((1, 1), watched.place.requests()));
    for key in ["two", "three", "four"] {
        watched.ship(key);
        assert_eq!((watched.lines(), newest(&watched.agent.store(), "ship").state), ((1, 1), State::Done), "{key}");
    }
    assert_eq!(watched.requests(), watched.place.requests(), "each request is counted once");
    // Nothing changes, so nothing is shipped: it is kept for ten minutes, and not for eleven.
    watched.site.clock.advance(9 * MINUTE);
    watched.agent.tick().expect("tick");
    assert_eq!(watched.lines(), (1, 1));
    watched.site.clock.advance(2 * MINUTE);
    watched.agent.tick().expect("tick");
    assert_eq!(watched.lines(), (1, 0));
    watched.ship("five");
    assert_eq!((watched.lines(), watched.requests()), ((2, 1), watched.place.requests()));
    // A clock that is put back is no reason to keep anything.
    watched.site.clock.advance(-DAY);
    watched.agent.tick().expect("tick");
    assert_eq!(watched.lines(), (2, 0));
    watched.ship("six");
    let Watched { agent, open, .. } = watched;
    drop(agent);
    assert_eq!(Arc::strong_count(&open), 1, "an agent that ends leaves no line open");
}

#[test]
fn a_line_that_failed_or_leads_elsewhere_is_not_used_again() {
    let watched = Watched::new("[schedule]\nship = \"every 1m\"\n");
    watched.ship("one");
    watched.place.inject(Verb::Store, 0, 1, Fault::Drop);
    watched.ship("two");
    assert_eq!((watched.lines(), newest(&watched.agent.store(), "ship").state), ((1, 0), State::Waiting));
    watched.ship("three");
    assert_eq!((watched.lines(), newest(&watched.agent.store(), "ship").state), ((2, 1), State::Done));
    // What leads elsewhere is closed at the next look, before anything is shipped.
    watched.site.configure(&format!("[schedule]\nship = \"every 1m\"\n{REMOTE}region = \"se\"\n"));
    watched.agent.tick().expect("tick");
    assert_eq!(watched.lines(), (2, 0));
    watched.ship("four");
    assert_eq!(watched.lines(), (3, 1));
    watched.site.configure(&format!("[schedule]\nship = \"every 1m\"\n{REMOTE}region = \"no\"\n"));
    watched.ship("five");
    assert_eq!(watched.lines(), (4, 1));
    // So is one whose settings with rclone were changed.
    let conf = watched.site.path("rclone.conf");
    let with = format!("{REMOTE}rclone_config = \"{}\"\n", conf.display());
    watched.site.configure(&format!("[schedule]\nship = \"every 1m\"\n{with}"));
    std::fs::write(&conf, "[a]\ntype = local\n").expect("written");
    watched.ship("six");
    watched.ship("seven");
    assert_eq!(watched.lines(), (5, 1));
    std::fs::write(&conf, "[a]\ntype = webdav\n").expect("written");
    watched.ship("eight");
    assert_eq!(watched.lines(), (6, 1));
}

#[test]
fn where_the_next_shipment_is_far_off_a_line_is_closed_soon() {
    let watched = Watched::new("[schedule]\nship = \"every 2h\"\n");
    watched.ship("one");
    assert_eq!(watched.lines(), (1, 1));
    // Somebody ships by hand right after.
    watched.agent.store().put("two", &b"two has some content"[..]).expect("put");
    let store = watched.agent.store();
    store.add_job(&Task::Ship("a".into())).expect("job");
    watched.agent.run().expect("run");
    assert_eq!((watched.lines(), newest(&store, "ship").state), ((1, 1), State::Done));
    watched.site.clock.advance(MINUTE);
    watched.agent.tick().expect("tick");
    assert_eq!(watched.lines(), (1, 0));
}
