//! The change feed: complete, in order, from cursors that survive, also where several share the work.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use annals::base::monitor::{Monitor, Progress, Silent};
use annals::engine::feed::group::Membership;
use annals::engine::feed::{FeedEvent, FeedKind, Start, partition_of};
use annals::{By, Kind, OnConflict, Reference, Result, Store};

use crate::support::{Site, site};

fn all(feed: impl Iterator<Item = Result<FeedEvent>>) -> Vec<FeedEvent> {
    feed.map(|event| event.expect("an event")).collect()
}

fn said(events: &[FeedEvent]) -> Vec<String> {
    let key = |e: &FeedEvent| e.key().map_or(String::new(), |key| String::from_utf8_lossy(key).into_owned());
    events.iter().map(|e| format!("{}.{} {} {}", e.position.seq, e.index, e.word(), key(e))).collect()
}

fn membership(member: &str) -> Membership {
    let text = |s: &str| s.to_owned();
    Membership { name: text("mail"), group: text("senders"), member: text(member), partitions: 8, lease_secs: 30, start: Start::Oldest }
}

#[test]
fn ten_thousand_writes_of_eight_threads_come_complete_and_in_order() {
    let s = site();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = s.store.clone();
            scope.spawn(move || {
                // 1,250 writes of a thread to 50 keys of its own, some of them as batches.
                let mut n = 0;
                while n < 1250 {
                    let mut batch = store.batch("");
                    for _ in 0..(1 + n % 9).min(1250 - n) {
                        batch.put(format!("t{thread}/{}", n % 50), n.to_string().as_bytes()).expect("put");
                        n += 1;
                    }
                    batch.commit().expect("commit");
                }
            });
        }
    });
    let events = all(s.store.feed("index").expect("feed"));
    assert_eq!(events.len(), 10_000);
    let end = s.store.position().expect("position");
    let (mut seq, mut index) = (1, 0);
    let mut versions: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for e in &events {
        assert_eq!((e.position.seq, e.index), (seq, index));
        (seq, index) = if e.ends_batch() { (seq + 1, 0) } else { (seq, index + 1) };
        let FeedKind::Put { key, version, .. } = &e.kind else { panic!("{e:?}") };
        let last = versions.entry(key.clone()).or_default();
        assert_eq!(*version, *last + 1, "the order of one key");
        *last = *version;
    }
    assert_eq!(events.last().map(|e| e.position), Some(end));
    // The partitions are the whole, each key in one of them.
    let parts: Vec<FeedEvent> = (0..3).flat_map(|p| all(s.store.feed_partition("parts", Start::Oldest, p, 3).expect("feed"))).collect();
    assert_eq!(parts.len(), events.len());
    assert!((0..3).all(|p| parts.iter().any(|e| partition_of(e.key(), 3) == p)));
}

#[test]
fn every_kind_of_change_is_an_event() {
    let s = site();
    let mut batch = s.store.batch("new").actor("806").request_id("r1");
    batch.put("a", &b"1"[..]).expect("put");
    batch.add_ref("a", Reference::new("post", "77")).expect("ref");
    batch.put("b", &b"2"[..]).expect("put");
    batch.commit().expect("commit");
    s.store.remove("b").expect("remove");
    s.store.mark("m").expect("mark");
    let plan = s.store.undo(2).expect("plan");
    s.store.apply(&plan, OnConflict::Skip, &By::default()).expect("apply");
    let events = all(s.store.feed("x").expect("feed"));
    assert_eq!(said(&events), ["1.0 put a", "1.1 reference a", "1.2 put b", "2.0 delete b", "3.0 mark ", "4.0 restore b"]);
    assert_eq!((events[0].event.actor.as_str(), events[0].event.reason.as_str(), events[0].request.as_str()), ("806", "new", "r1"));
    assert_eq!(events[0].changes, 3);
    assert!(matches!(&events[3].kind, FeedKind::Delete { version: 1, .. }));
    assert_eq!(events[5].position, s.store.position().expect("position"));
}

#[test]
fn a_consumer_that_dies_at_any_event_misses_nothing() {
    let s = site();
    for n in 0..12u32 {
        let mut batch = s.store.batch("");
        for k in 0..=n % 4 {
            batch.put(format!("{k}"), format!("{n}").as_bytes()).expect("put");
        }
        batch.commit().expect("commit");
    }
    let whole = all(s.store.feed("whole").expect("feed"));
    for dies_at in 0..whole.len() {
        let name = format!("c{dies_at}");
        let mut seen = Vec::new();
        let mut feed = s.store.feed(&name).expect("feed");
        for _ in 0..dies_at {
            let event = feed.next().expect("one more").expect("an event");
            feed.ack_event(&event).expect("ack");
            seen.push(event);
        }
        // It takes one more, and dies before it is done with it.
        let lost = feed.next().expect("one more").expect("an event");
        drop(feed);
        let rest = all(s.store.feed(&name).expect("feed again"));
        assert_eq!(rest.first(), Some(&lost), "what was not acknowledged comes again");
        seen.extend(rest);
        assert_eq!(seen, whole);
    }
}

#[test]
fn cursors_survive_the_store_being_closed_and_are_listed_and_removed() {
    let s = site();
    s.store.put("a", &b"1"[..]).expect("put");
    let mut feed = s.store.feed("one").expect("feed");
    let event = feed.next().expect("one").expect("event");
    feed.ack_event(&event).expect("ack");
    s.store.put("b", &b"2"[..]).expect("put");
    let Site { store, dir, .. } = s;
    drop((feed, store));
    let store = Store::open(dir.path().join("store")).expect("open");
    assert_eq!(said(&all(store.feed("one").expect("feed"))), ["2.0 put b"]);
    let listed = store.cursors().expect("cursors");
    assert_eq!((listed.len(), listed[0].name.as_str(), listed[0].seq, listed[0].behind), (1, "one", 1, 1));
    store.ack("one", 2).expect("ack");
    store.ack("one", 1).expect("a cursor does not move back");
    assert_eq!(store.cursors().expect("cursors")[0].seq, 2);
    assert_eq!(store.ack("one", 3).expect_err("future").code(), "feed.future");
    assert_eq!(store.ack("onr", 1).expect_err("unknown").what_next(), Some("nearest names: one"));
    store.remove_consumer("one", None).expect("removed");
    assert_eq!(store.remove_consumer("one", None).expect_err("gone").kind(), Kind::Missing);
    assert_eq!(store.feed_from("two", Start::Seq(9)).err().expect("future").kind(), Kind::Missing);
    assert_eq!(all(store.feed_from("two", Start::Now).expect("feed")), []);
    assert_eq!(store.feed_partition("two", Start::Now, 0, 2).err().expect("two").code(), "feed.partitions");
}

#[test]
fn partitions_that_others_had_nothing_to_do_with_move_on_too() {
    let s = site();
    let key = (0..).map(|n| format!("k{n}")).find(|k| partition_of(Some(k.as_bytes()), 2) == 0).expect("a key");
    for _ in 0..5 {
        s.store.put(&key, &b"x"[..]).expect("put");
    }
    let mut member = s.store.join_feed(&Membership { partitions: 2, ..membership("a") }).expect("join");
    let events = all(&mut member);
    assert_eq!(events.len(), 5);
    s.clock.advance(11_000_000);
    assert!(member.next().is_none(), "nothing new, but the leases are renewed");
    let seqs: Vec<(u32, u64)> = s.store.cursors().expect("cursors").iter().map(|c| (c.partition.0, c.seq)).collect();
    assert_eq!(seqs, [(0, 0), (1, 5)], "only what is not acknowledged waits");
}

/// Reads everything that a member has and acknowledges it.
fn work(member: &mut annals::engine::feed::group::GroupFeed, done: &mut Vec<FeedEvent>) {
    while let Some(event) = member.next() {
        let event = event.expect("an event");
        member.ack(&event).expect("ack");
        done.push(event);
    }
}

#[test]
fn the_keys_of_a_member_that_dies_move_when_its_lease_ends() {
    let s = site();
    let put = |n: u32| s.store.put(format!("k{}", n % 40), n.to_string().as_bytes()).map(drop).expect("put");
    let mut members: Vec<_> = ["a", "b", "c", "d"].map(|name| s.store.join_feed(&membership(name)).expect("join")).into();
    let mut done: Vec<FeedEvent> = Vec::new();
    // Everybody renews until the eight partitions are shared out.
    for _ in 0..3 {
        s.clock.advance(11_000_000);
        members.iter_mut().for_each(|m| work(m, &mut done));
    }
    assert_eq!(members.iter().map(|m| m.partitions().len()).collect::<Vec<_>>(), [2, 2, 2, 2]);
    (0..80).for_each(put);
    members.iter_mut().for_each(|m| work(m, &mut done));
    assert_eq!(done.len(), 80);
    (80..160).for_each(put);
    // One reads an event, does not acknowledge it, and is never heard of again.
    let mut dead = members.pop().expect("d");
    let its = dead.partitions();
    let unfinished = dead.next().expect("some").expect("event");
    members.iter_mut().for_each(|m| work(m, &mut done));
    assert!(done.iter().all(|e| *e != unfinished));
    for _ in 0..3 {
        s.clock.advance(11_000_000);
        members.iter_mut().for_each(|m| work(m, &mut done));
    }
    let held: BTreeSet<u32> = members.iter().flat_map(|m| m.partitions()).collect();
    assert_eq!(held.len(), 8, "the partitions {its:?} moved within a lease and a renewal");
    assert_eq!(done.len(), 160, "each event was acknowledged once");
    let mut last: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for e in &done {
        let FeedKind::Put { key, version, .. } = &e.kind else { panic!("{e:?}") };
        assert_eq!(last.insert(key.clone(), *version).unwrap_or(0) + 1, *version, "the order of a key is kept across the move");
    }
    // It was only slow, it seems: what it did late does not count.
    assert_eq!(dead.ack(&unfinished).expect_err("late").code(), "feed.lease_lost");
    // A member that leaves in order is not waited for.
    members.pop().expect("c").leave().expect("leave");
    members.iter_mut().for_each(|m| m.renew().expect("renew"));
    let held: usize = members.iter().map(|m| m.partitions().len()).sum();
    assert_eq!(held, 8);
    assert_eq!(s.store.join_feed(&Membership { partitions: 4, ..membership("e") }).err().expect("other").code(), "feed.partitions");
}

struct Stop(AtomicBool);

impl Monitor for Stop {
    fn progress(&self, _: &Progress) {}
    fn note(&self, _: &str) {}
    fn stopped(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[test]
fn a_commit_wakes_who_waits_and_a_stop_ends_it() {
    let s = site();
    let mut feed = s.store.feed("x").expect("feed");
    assert!(feed.next().is_none());
    let (send, receive) = std::sync::mpsc::channel();
    let store = s.store.clone();
    let waiter = std::thread::spawn(move || {
        send.send(()).expect("told");
        // Longer than any test: only the commit can end it.
        while feed.wait(Duration::from_secs(3600), &Silent) {
            if let Some(event) = feed.next() {
                return event.expect("event").position.seq;
            }
        }
        0
    });
    receive.recv().expect("it waits");
    store.put("a", &b"1"[..]).expect("put");
    assert_eq!(waiter.join().expect("woken"), 1);
    let mut feed = s.store.feed_from("y", Start::Now).expect("feed");
    assert!(feed.next().is_none());
    assert!(!feed.wait(Duration::from_secs(3600), &Stop(AtomicBool::new(true))));
    // What was recorded between the last look and the wait is not slept through.
    s.store.put("b", &b"1"[..]).expect("put");
    assert!(feed.wait(Duration::from_secs(3600), &Silent));
}
