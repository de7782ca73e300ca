//! What cannot be reached through the public door: a log that lost its beginning, another line of history, stores without the tables.

use crate::base::error::Kind;
use crate::engine::store::{Store, turn_of};

use super::{Start, partition_of};

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().expect("dir");
    let store = Store::init(dir.path().join("store"), "test").expect("init");
    for n in 0..5u8 {
        store.put(format!("k{n}"), &[n][..]).expect("put");
    }
    (dir, store)
}

#[test]
fn a_cursor_older_than_what_is_kept_is_told_the_oldest() {
    let (_dir, store) = store();
    store.feed("late").expect("feed");
    store.feed_from("early", Start::Seq(4)).expect("feed");
    store
        .inner
        .catalog
        .write(|w| w.run("DELETE FROM version WHERE batch <= 3", ()).and_then(|()| w.run("DELETE FROM batch WHERE id <= 3", ())))
        .expect("cut");
    let e = store.feed("late").err().expect("expired");
    assert_eq!((e.kind().exit(), e.code(), e.at().seq), (5, "feed.expired", Some(4)));
    assert!(e.what_next().is_some_and(|hint| hint.contains("--from seq:4")));
    assert_eq!(store.feed("early").expect("just in time").count(), 2);
    assert_eq!(store.feed("new").expect("feed").count(), 2, "a new one begins with the oldest that is kept");
}

#[test]
fn another_line_of_history_and_lost_rows_are_no_silent_gaps() {
    let (_dir, store) = store();
    store.feed("x").expect("feed").ack(3).expect("ack");
    store.inner.catalog.write(|w| w.run("UPDATE batch SET digest = zeroblob(32) WHERE id = 3", ())).expect("write");
    let e = store.feed("x").err().expect("apart");
    assert_eq!((e.kind(), e.code()), (Kind::Refused, "feed.apart"));
    store.inner.catalog.write(|w| w.run("DELETE FROM version WHERE batch = 2", ())).expect("write");
    let mut feed = store.feed("y").expect("feed");
    let e = feed.next().expect("an answer").expect_err("a gap");
    assert_eq!((e.code(), e.at().seq), ("format.damaged", Some(2)));
    assert!(feed.next().is_none());
}

#[test]
fn a_store_of_an_earlier_program_gets_the_tables() {
    let (dir, store) = store();
    store.inner.catalog.write(|w| w.run("DROP TABLE cursor", ()).and_then(|()| w.run("DROP TABLE cursor_member", ()))).expect("drop");
    drop(store);
    let store = Store::open(dir.path().join("store")).expect("open");
    assert_eq!(store.feed("x").expect("feed").count(), 5);
}

#[test]
fn recording_is_counted_for_other_processes_and_acknowledging_is_not() {
    let (dir, store) = store();
    let path = dir.path().join("store");
    assert_eq!((store.turn(), turn_of(&path)), (5, Some(5)));
    store.feed("x").expect("feed").ack(5).expect("ack");
    drop(store);
    let store = Store::open(&path).expect("open");
    assert_eq!(store.turn(), 5);
    for n in 6..12 {
        store.put("a", n.to_string().as_bytes()).expect("put");
        assert_eq!(turn_of(&path), Some(n), "with one digit and with two");
    }
    drop(store);
    std::fs::write(path.join("lock"), "what somebody else wrote here").expect("write");
    let store = Store::open(&path).expect("open");
    assert_eq!(store.turn(), 0, "it counts anew");
    store.put("a", &b"1"[..]).expect("put");
    assert_eq!(turn_of(&path), Some(1));
}

#[test]
fn the_partition_of_a_key_is_what_is_documented() {
    // The first eight bytes of `b3sum` of the key, little-endian, modulo the number of partitions.
    assert_eq!(partition_of(Some(b""), 1000), (u64::from_le_bytes([0xaf, 0x13, 0x49, 0xb9, 0xf5, 0xf9, 0xa1, 0xa6]) % 1000) as u32);
    assert_eq!((partition_of(None, 8), partition_of(Some(b"x"), 1)), (0, 0));
}
