//! Lines of history: a store that went back in time and on from there, and stores that moved apart.

use annals::base::monitor::Silent;
use annals::base::time::Timestamp;
use annals::engine::offsite::{OpenRemote, ShipOptions};
use annals::{Kind, Store};

use crate::support::{Site, memory, read, rebuild, site};

fn ship(store: &Store, remote: &OpenRemote) {
    store.ship(remote, &ShipOptions::default(), &Silent).expect("ship");
}

/// Five versions of `x`, a minute apart, in slices of `group` batches. Gives the times.
fn fill(s: &Site, remote: &OpenRemote, group: usize) -> Vec<Timestamp> {
    let mut times = Vec::new();
    for i in 1..=5 {
        s.minute();
        times.push(s.store.put("x", format!("version {i}").as_bytes()).expect("put").time);
        if i % group == 0 || i == 5 {
            ship(&s.store, remote);
        }
    }
    times
}

#[test]
fn a_store_that_went_back_is_rebuilt_on_its_new_line() {
    // The fork lies between slices, or inside one.
    for group in [1, 5] {
        let s = site();
        let (_, remote) = memory("offsite");
        let times = fill(&s, &remote, group);
        let (then, _) = rebuild(&s, std::slice::from_ref(&remote), "then", Some(times[2])).expect("back to version 3");
        let report = then.fetch(std::slice::from_ref(&remote), &Silent).expect("fetch");
        assert_eq!((report.batches, report.gaps.len()), (0, 0), "what was left is not fetched again, and not missed");
        s.minute();
        then.put("x", &b"the other 4"[..]).expect("put");
        ship(&then, &remote);
        let end = then.position().expect("position");
        drop(then);
        let (again, report) = rebuild(&s, std::slice::from_ref(&remote), "again", None).expect("rebuild");
        assert!(report.gaps.is_empty(), "{report:?}");
        assert_eq!((report.other_lines.len(), report.other_lines[0].last), (1, 5));
        assert_eq!(again.position().expect("position"), end);
        assert_eq!(read(again.get("x").expect("x")), "the other 4");
        // It ships on from there, and a rebuilt store fetches that.
        s.minute();
        again.put("x", &b"the other 5"[..]).expect("put");
        ship(&again, &remote);
        let (third, _) = rebuild(&s, std::slice::from_ref(&remote), "third", None).expect("rebuild");
        assert_eq!(third.position().expect("position"), again.position().expect("position"));
        // At a moment before the new line began, the site had what the old one says.
        let (old, report) = rebuild(&s, &[remote], "old", Some(times[3])).expect("rebuild");
        assert!(report.gaps.is_empty(), "{report:?}");
        assert_eq!(read(old.get("x").expect("x")), "version 4");
    }
}

fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("dir");
    for entry in from.read_dir().expect("dir") {
        let path = entry.expect("entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_dir(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("copy");
        }
    }
}

#[test]
fn both_sides_moved_on_is_refused_and_an_older_copy_catches_up() {
    let Site { store, clock, dir } = site();
    let (_, remote) = memory("offsite");
    store.put("x", &b"1"[..]).expect("put");
    ship(&store, &remote);
    let home = store.dir().to_owned();
    drop(store);
    for name in ["behind", "apart", "apart and further"] {
        copy_dir(&home, &dir.path().join(name));
    }
    let open = |name: &str| Store::builder().clock(clock.clone()).open(&dir.path().join(name)).expect("open");
    let store = Store::builder().clock(clock.clone()).open(&home).expect("open");
    clock.advance(1_000_000);
    store.put("x", &b"2"[..]).expect("put");
    ship(&store, &remote);
    store.put("x", &b"3"[..]).expect("put");
    ship(&store, &remote);
    let behind = open("behind");
    assert_eq!(behind.fetch(std::slice::from_ref(&remote), &Silent).expect("fetch").batches, 2);
    assert_eq!(behind.position().expect("position"), store.position().expect("position"));
    for (name, more) in [("apart", 1), ("apart and further", 3)] {
        let apart = open(name);
        clock.advance(1_000_000);
        for i in 0..more {
            apart.put("y", format!("own {i}").as_bytes()).expect("put");
        }
        let before = apart.position().expect("position");
        let refused = apart.fetch(std::slice::from_ref(&remote), &Silent).expect_err("both moved on");
        assert_eq!((refused.kind(), refused.code(), refused.at().seq), (Kind::Refused, "lineage.apart", Some(2)), "{name}");
        assert_eq!(apart.position().expect("position"), before);
    }
}

#[test]
fn a_rebuild_with_a_gap_goes_on_with_another_remote() {
    let s = site();
    let (one, remote_one) = memory("one");
    let (_, remote_two) = memory("two");
    for text in ["1", "2", "3"] {
        s.minute();
        s.store.put("x", text.as_bytes()).expect("put");
        ship(&s.store, &remote_one);
        ship(&s.store, &remote_two);
    }
    let second = one.names().into_iter().filter(|n| n.ends_with(".seg")).nth(1).expect("a second segment");
    assert!(one.damage(&second, |bytes| bytes.truncate(40)));
    let (partly, report) = rebuild(&s, std::slice::from_ref(&remote_one), "into", None).expect("what is there");
    assert_eq!((report.gaps.len(), partly.position().expect("position").seq), (1, 1));
    drop(partly);
    let (whole, report) = rebuild(&s, &[remote_one.clone(), remote_two], "into", None).expect("the same command with another remote");
    assert!(report.gaps.is_empty(), "{report:?}");
    assert_eq!(whole.position().expect("position"), s.store.position().expect("position"));
    drop(whole);
    assert_eq!(rebuild(&s, &[remote_one], "into", None).err().expect("it is whole now").code(), "store.exists");
}

#[test]
fn a_remote_that_was_moved_in_the_configuration_is_not_taken_for_full() {
    let Site { store, clock, dir } = site();
    let home = store.dir().to_owned();
    let config = home.join("annals.toml");
    let text = std::fs::read_to_string(&config).expect("config");
    drop(store);
    let ship_to = |place: &str| {
        let place = dir.path().join(place);
        std::fs::create_dir_all(&place).expect("dir");
        std::fs::write(&config, format!("{text}[[remote]]\nname = \"usb\"\ndirectory = \"{}\"\n", place.display())).expect("config");
        let store = Store::builder().clock(clock.clone()).open(&home).expect("open");
        if store.position().expect("position").seq == 0 {
            store.put("x", &b"1"[..]).expect("put");
        }
        let remote = store.remote("usb", None).expect("remote");
        store.ship(&remote, &ShipOptions::default(), &Silent).expect("ship").objects
    };
    assert_eq!((ship_to("one"), ship_to("one"), ship_to("two"), ship_to("two")), (2, 0, 2, 0));
}

/// A site that shipped one batch more than an older copy of its store has.
fn behind(s: &Site) -> (std::sync::Arc<annals::storage::remote::Memory>, OpenRemote, Store) {
    let (memory, remote) = memory("offsite");
    s.store.put("x", &b"1"[..]).expect("put");
    ship(&s.store, &remote);
    let (old, _) = rebuild(s, std::slice::from_ref(&remote), "old", None).expect("rebuild");
    let big: Vec<u8> = (0..60_000u32).flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()).collect();
    s.store.put("x", &big[..]).expect("put");
    ship(&s.store, &remote);
    (memory, remote, old)
}

#[test]
fn an_object_of_a_newer_program_is_not_fetched_and_nothing_changes() {
    use annals::format::segment::ObjectName;
    use annals::storage::remote::Remote;
    let s = site();
    let (memory, remote, old) = behind(&s);
    let newest = memory.names().into_iter().rfind(|name| name.ends_with(".seg")).expect("a segment");
    let (folder, short) = newest.split_once('/').expect("a folder");
    let name = ObjectName::parse(short).expect("a name");
    let mut bytes = memory.bytes(&newest).expect("there");
    let end = bytes.len() - 1;
    (bytes[4], bytes[end]) = (bytes[4] + 1, bytes[end] + 1);
    let mut digest = [0; 16];
    digest.copy_from_slice(&annals::base::digest::Digest::of(&bytes).as_bytes()[..16]);
    memory.remove(std::slice::from_ref(&newest), &Silent).expect("removed");
    memory.put(&format!("{folder}/{}", ObjectName { digest, ..name }), &bytes);
    let before = old.position().expect("position");
    let error = old.fetch(&[remote], &Silent).expect_err("newer");
    assert_eq!((error.kind(), error.kind().exit()), (Kind::Newer, 16), "{error}");
    assert!(error.what_next().is_some());
    assert_eq!(old.position().expect("position"), before);
    assert_eq!(read(old.get("x").expect("x")), "1");
    assert!(!old.dir().join("incoming").exists(), "what was fetched is put away");
}

#[cfg(debug_assertions)]
#[test]
fn a_disk_that_fills_up_during_a_fetch_is_told_and_nothing_changes() {
    use annals::base::fault::{self, Fault};
    let s = site();
    let (_, remote, old) = behind(&s);
    let before = old.position().expect("position");
    let mut told = 0;
    for n in 0.. {
        match fault::arm(n, Fault::Full, || old.fetch(std::slice::from_ref(&remote), &Silent)) {
            Ok(report) => {
                assert_eq!((report.batches, report.gaps.len()), (1, 0));
                break;
            }
            Err(e) => {
                let at = old.position().expect("position");
                // After its commit point the slice is there; the error only says that not all ended well.
                if at == before {
                    assert_eq!((e.kind(), e.kind().exit()), (Kind::Space, 15), "place {n}: {e}");
                    assert!(e.what_next().is_some(), "place {n}");
                    told += 1;
                    continue;
                }
                break;
            }
        }
    }
    assert!(told >= 5, "{told} places");
    old.fetch(&[remote], &Silent).expect("with room again");
    assert_eq!(old.position().expect("position"), s.store.position().expect("position"));
}
