//! A store in a temporary directory with a clock that the test turns.

use std::sync::Arc;

use annals::Store;
use annals::base::time::{ManualClock, Timestamp};

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
