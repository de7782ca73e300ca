//! A store in a temporary directory with a clock that the test turns.

use std::sync::Arc;

use annals::base::monitor::Silent;
use annals::base::time::{ManualClock, Timestamp};
use annals::engine::offsite::{FetchReport, OpenRemote};
use annals::engine::rebuild::Rebuild;
use annals::engine::store::read_key_file;
use annals::format::keyfile::Unlock;
use annals::storage::remote::Memory;
use annals::{Result, Store};

/// 2026-03-01T12:00:00Z.
pub const NOON: i64 = 1_772_366_400_000_000;

pub struct Site {
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub dir: tempfile::TempDir,
}

pub fn site() -> Site {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Arc::new(ManualClock::new(Timestamp(NOON)));
    let store = Store::builder().clock(clock.clone()).init(&dir.path().join("store"), "test").expect("init");
    Site { store, clock, dir }
}

impl Site {
    /// Lets a minute pass.
    pub fn minute(&self) {
        self.clock.advance(60_000_000);
    }

    pub fn text(&self, key: &str) -> String {
        read(self.store.get(key).expect("the document exists"))
    }
}

pub fn read(reader: annals::ContentReader) -> String {
    String::from_utf8(reader.bytes(1 << 20).expect("readable")).expect("text")
}

/// A remote in memory, and the same one opened.
pub fn memory(name: &str) -> (Arc<Memory>, OpenRemote) {
    let memory = Arc::new(Memory::new());
    (memory.clone(), OpenRemote::new(name, memory))
}

/// The site built anew beside its store.
pub fn rebuild(s: &Site, remotes: &[OpenRemote], into: &str, at: Option<Timestamp>) -> Result<(Store, FetchReport)> {
    let key_file = read_key_file(&s.store.dir().join("annals.key"))?;
    let secret = key_file.open(&Unlock::default())?;
    let into = s.dir.path().join(into);
    Rebuild { remotes, into: &into, key_file, secret, site_name: "test", at }.run(Store::builder().clock(s.clock.clone()), &Silent)
}
