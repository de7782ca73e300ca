//! Machines with a directory, a state directory and a clock each, around remotes in memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annals::base::digest::Digest;
use annals::base::machine::Machine;
use annals::base::monitor::Silent;
use annals::base::time::{ManualClock, Timestamp};
use annals::engine::lineage::Standing;
use annals::engine::offsite::{OpenRemote, ShipOptions, ShipReport};
use annals::engine::realign::{RealignOptions, Realigned};
use annals::engine::rebuild::Rebuild;
use annals::engine::seal::SealOptions;
use annals::engine::store::read_key_file;
use annals::engine::verify::Level;
use annals::format::block::Effort;
use annals::format::keyfile::Unlock;
use annals::model::realign::{Keep, RealignPlan};
use annals::storage::remote::{Memory, Recording, Verb};
use annals::{Error, Result, Store};

/// 2026-11-18T16:02:00Z.
pub const BEGIN: i64 = 1_795_017_720_000_000;
pub const DAY: i64 = 86_400_000_000;

/// A place with machines, and a remote that counts.
pub struct World {
    pub dir: tempfile::TempDir,
    pub clock: Arc<ManualClock>,
    pub remote: OpenRemote,
    pub memory: Arc<Recording<Memory>>,
}

/// One machine: its identity, and where it keeps state (`None`: nowhere).
#[derive(Clone)]
pub struct Host {
    pub machine: Machine,
    pub state: Option<PathBuf>,
}

pub fn world() -> World {
    let memory = Arc::new(Recording::new(Memory::new()));
    World {
        dir: tempfile::tempdir().expect("dir"),
        clock: Arc::new(ManualClock::new(Timestamp(BEGIN))),
        remote: OpenRemote::new("offsite", memory.clone()),
        memory,
    }
}

/// A place whose remote is behind a line.
pub fn far() -> World {
    let w = world();
    w.memory.inner().move_far();
    w
}

pub fn quick() -> ShipOptions {
    ShipOptions { seal: SealOptions { effort: Effort::Quick(1), ..SealOptions::default() }, ..ShipOptions::default() }
}

impl World {
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A machine with a state directory of its own.
    pub fn host(&self, name: &str) -> Host {
        Host { state: Some(self.path(&format!("state of {name}"))), ..self.bare(name) }
    }

    /// A machine that keeps no witness file.
    pub fn bare(&self, name: &str) -> Host {
        let machine = Machine { id: Digest::of(name.as_bytes()).short(12), boot: format!("first boot of {name}"), name: name.into() };
        Host { machine, state: None }
    }

    fn options(&self, host: &Host) -> annals::Options {
        Store::builder().clock(self.clock.clone()).machine(host.machine.clone()).state_dir(host.state.clone())
    }

    pub fn init(&self, host: &Host, name: &str) -> Store {
        self.options(host).init(&self.path(name), "clinic-17").expect("init")
    }

    pub fn open(&self, host: &Host, name: &str) -> Store {
        self.options(host).open(&self.path(name)).expect("open")
    }

    pub fn minute(&self) {
        self.clock.advance(60_000_000);
    }

    /// Records a document a minute later.
    pub fn put(&self, store: &Store, key: &str, text: &str) -> u64 {
        self.minute();
        let mut batch = store.batch("work").actor("806").origin("test");
        batch.put(key, text.as_bytes()).expect("put");
        batch.commit().expect("commit").position.seq
    }

    pub fn ship(&self, store: &Store) -> Result<ShipReport> {
        self.minute();
        store.ship(&self.remote, &quick(), &Silent)
    }

    pub fn shipped(&self, store: &Store) {
        self.ship(store).expect("ship");
    }

    pub fn refused(&self, store: &Store) -> Error {
        self.ship(store).expect_err("refused")
    }

    /// Takes a copy of a store's directory, as a backup of files does. The store is closed.
    pub fn copy(&self, from: &str, to: &str) {
        copy_dir(&self.path(from), &self.path(to));
    }

    /// Puts a copy in the place of a store, which is closed.
    pub fn put_back(&self, copy: &str, store: &str) {
        fs::remove_dir_all(self.path(store)).expect("removed");
        self.copy(copy, store);
    }

    pub fn plan(&self, store: &Store, keep: Keep) -> RealignPlan {
        store.plan_realign(std::slice::from_ref(&self.remote), RealignOptions { keep, claim: false }, &Silent).expect("a plan")
    }

    pub fn realign(&self, store: &Store, keep: Keep) -> Realigned {
        let plan = self.plan(store, keep);
        assert_eq!(plan.tenants.len(), 1, "{plan:?}");
        let done = store.realign(&plan, std::slice::from_ref(&self.remote), &Silent).expect("realigned");
        sound(store);
        assert_eq!(store.lineage().expect("lineage")[0].fence, None);
        done.into_iter().next().expect("one")
    }

    /// What a rebuild from the remote gives.
    pub fn rebuild(&self, host: &Host, into: &str, key_of: &str) -> Store {
        let key_file = read_key_file(&self.path(key_of).join("annals.key")).expect("key");
        let secret = key_file.open(&Unlock::default()).expect("open");
        let remotes = std::slice::from_ref(&self.remote);
        let rebuild = Rebuild { remotes, into: &self.path(into), key_file, secret, site_name: "clinic-17", at: None };
        let (store, report) = rebuild.run(self.options(host), &Silent).expect("rebuild");
        assert!(report.gaps.is_empty(), "{report:?}");
        store
    }

    /// Shipping on, a rebuild says exactly what the store says.
    pub fn goes_on(&self, store: &Store, name: &str) {
        self.put(store, "goes/on", name);
        self.shipped(store);
        let again = self.rebuild(&self.bare("elsewhere"), &format!("rebuilt {name}"), name);
        assert_eq!(again.position().expect("position"), store.position().expect("position"));
        assert_eq!(texts(&again), texts(store));
    }

    pub fn lists(&self) -> usize {
        self.memory.count(Verb::List)
    }
}

pub fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("dir");
    for entry in fs::read_dir(from).expect("list") {
        let path = entry.expect("entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() { copy_dir(&path, &target) } else { assert!(fs::copy(&path, &target).is_ok()) }
    }
}

/// Every document as it is now.
pub fn texts(store: &Store) -> BTreeMap<String, String> {
    let all = store.list("").map(|v| v.expect("row"));
    all.map(|v| (String::from_utf8(v.key.clone()).expect("text"), text(store, &v))).collect()
}

fn text(store: &Store, version: &annals::Version) -> String {
    String::from_utf8(store.open(version).expect("open").bytes(1 << 20).expect("bytes")).expect("text")
}

/// All versions of a document, oldest first.
pub fn versions(store: &Store, key: &str) -> Vec<String> {
    store.history(key).expect("history").iter().map(|v| text(store, v)).collect()
}

/// Everything that anybody ever recorded under any key, to see that nothing is lost.
pub fn everything(store: &Store) -> BTreeMap<String, Vec<Digest>> {
    let (now, gone) = (store.list(""), store.now().list_removed(""));
    let keys = now.chain(gone).map(|v| v.expect("row").key);
    keys.map(|k| (String::from_utf8_lossy(&k).into_owned(), store.history(&k).expect("history").iter().map(|v| v.digest).collect())).collect()
}

pub fn sound(store: &Store) {
    let report = store.verify(Level::Full, &Silent).expect("verify");
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

pub fn standing(store: &Store) -> Standing {
    store.lineage().expect("lineage").remove(0)
}
