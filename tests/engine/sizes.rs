//! How large objects are that go over lines of different kinds.

use annals::Store;
use annals::base::monitor::Silent;
use annals::engine::compact::CompactOptions;
use annals::engine::offsite::OpenRemote;
use annals::storage::remote::{Memory, Remote};

use crate::forget::{forget, large, last, ship};
use crate::support::{Site, memory, rebuild, site};

/// Objects of a line that nothing is known of are no larger: what is lost with one when it is cut.
const PASSES_BYTES: u64 = 24 << 10;

/// The site with these lines in its configuration.
fn configured(s: Site, lines: &str) -> Site {
    let Site { store, clock, dir } = s;
    let at = store.dir().to_owned();
    drop(store);
    let path = at.join("annals.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    let own = text.split("[[remote]]").next().expect("a part");
    std::fs::write(&path, format!("{own}\n{lines}")).expect("written");
    let store = Store::builder().clock(clock.clone()).open(&at).expect("open");
    Site { store, clock, dir }
}

const DISK: &str = "[[remote]]\nname = \"disk\"\ndirectory = \"/nowhere/disk\"\n";
const LINE: &str = "[[remote]]\nname = \"line\"\nrclone = \"line:hist\"\n";

/// Sizes of what a remote has but for keys, by name.
fn sizes(memory: &Memory) -> Vec<(String, u64)> {
    let objects = memory.list("", &Silent).expect("list").into_iter().filter(|o| !o.name.contains("/key-"));
    objects.map(|o| (o.name, o.size)).collect()
}

fn rebuilds(s: &Site, from: &OpenRemote, into: &str) {
    let (again, report) = rebuild(s, std::slice::from_ref(from), into, None).expect("rebuild");
    assert!(report.gaps.is_empty() && report.bridged.is_empty(), "{report:?}");
    assert_eq!(again.position().expect("position"), s.store.position().expect("position"));
}

#[test]
fn what_is_sealed_for_a_disk_passes_the_line_that_is_shipped_to_later() {
    let put = |s: &Site| s.store.put("scan", &(0..8).flat_map(large).collect::<Vec<u8>>()[..]).expect("put").position.seq;
    // A disk alone gets all of it in one.
    let alone = configured(site(), DISK);
    assert_eq!(put(&alone), 1);
    let (kept, disk) = memory("disk");
    ship(&alone, &disk);
    assert!(sizes(&kept).len() == 1 && sizes(&kept)[0].1 > 480_000, "{:?}", sizes(&kept));
    let s = configured(site(), &format!("{DISK}{LINE}"));
    assert_eq!(put(&s), 1);
    let (kept, disk) = memory("disk");
    ship(&s, &disk);
    let first = sizes(&kept);
    assert!(first.len() >= 20 && first.iter().all(|(_, size)| *size <= PASSES_BYTES), "{first:?}");
    let bytes: u64 = first.iter().map(|(_, size)| size).sum();
    assert!(bytes < 480_000 * 101 / 100, "smaller objects cost {bytes} bytes");
    // The line gets the same objects: nothing is sealed again for it.
    let (memory, line) = memory("line");
    memory.move_far();
    ship(&s, &line);
    assert_eq!(sizes(&memory), first);
    rebuilds(&s, &line, "again");
}

#[test]
fn what_is_compacted_passes_the_line_too() {
    let s = configured(site(), DISK.replace("disk", "line").as_str());
    let mut batch = s.store.batch("scans");
    for (key, from, until) in [("gone", 0, 12), ("stays", 20, 28)] {
        batch.put(key, &(from..until).flat_map(large).collect::<Vec<u8>>()[..]).expect("put");
    }
    batch.commit().expect("commit");
    s.store.put("gone", &b"short"[..]).expect("put");
    let (kept, line) = memory("line");
    ship(&s, &line);
    assert!(sizes(&kept).iter().any(|(_, size)| *size > 1_000_000), "{:?}", sizes(&kept));
    // The place is reached over a line from now on.
    let s = configured(s, LINE);
    kept.move_far();
    assert_eq!(forget(&s.store, &last(1)), 1);
    ship(&s, &line);
    let before = sizes(&kept);
    let done = s.store.compact(&line, &CompactOptions { grace_secs: 0, ..CompactOptions::default() }, &Silent).expect("compact");
    let anew: Vec<(String, u64)> = sizes(&kept).into_iter().filter(|object| !before.contains(object)).collect();
    assert!(anew.len() >= 20 && anew.iter().all(|(_, size)| *size <= PASSES_BYTES), "{anew:?}");
    let bytes: u64 = anew.iter().map(|(_, size)| size).sum();
    assert!(done.bytes == bytes && bytes < 480_000 * 101 / 100, "{bytes} bytes: {done:?}");
    s.store.compact(&line, &CompactOptions { grace_secs: 0, ..CompactOptions::default() }, &Silent).expect("compact");
    assert!(sizes(&kept).iter().all(|(_, size)| *size <= PASSES_BYTES), "the large one is gone: {:?}", sizes(&kept));
    rebuilds(&s, &line, "again");
}
