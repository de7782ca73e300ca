//! A store's directory in which an older copy was put back, a machine that was rolled back, a store that was lost.

use annals::base::machine::Machine;
use annals::base::time::Timestamp;
use annals::model::lineage::{Fate, Verdict};
use annals::model::realign::Keep;
use annals::{Kind, Store};

use crate::support::{BEGIN, DAY, World, everything, far, sound, standing, texts, versions, world};

/// A site with five batches offsite, a copy of the directory after the second, and the store closed.
fn older(w: &World, host: &crate::support::Host) {
    let store = w.init(host, "s");
    for n in 1..=2 {
        w.put(&store, "x", &format!("x {n}"));
    }
    w.shipped(&store);
    drop(store);
    w.copy("s", "backup");
    let store = w.open(host, "s");
    w.put(&store, "x", "x 3");
    w.put(&store, "y", "y 4");
    w.shipped(&store);
    w.put(&store, "z", "z 5");
    w.shipped(&store);
    drop(store);
    w.put_back("backup", "s");
}

#[test]
fn an_older_copy_is_noticed_offline_when_it_is_opened() {
    let w = world();
    let host = w.host("a");
    older(&w, &host);
    let asked = w.memory.calls().len();
    let store = w.open(&host, "s");
    let fence = standing(&store).fence.expect("noticed");
    assert_eq!((fence.verdict, fence.ours, fence.theirs, fence.witness.as_str()), (Verdict::BehindClean, 2, 5, "the witness file"));
    let refused = w.refused(&store);
    assert_eq!((refused.kind(), refused.code()), (Kind::Refused, "lineage.behind"));
    assert!(refused.to_string().contains("seq 2 of 2026-11-18") && refused.to_string().contains("seq 5"), "{refused}");
    assert!(refused.what_next().expect("a hint").starts_with("annals realign"));
    assert_eq!(w.memory.calls().len(), asked, "nothing was asked of the remote");
    let plan = w.plan(&store, Keep::Both);
    let t = &plan.tenants[0];
    assert_eq!((t.verdict, t.common, t.missing.batches, t.only_here.batches, t.count(Fate::Recovered)), (Verdict::BehindClean, 2, 3, 0, 3));
    let done = w.realign(&store, Keep::Both);
    assert_eq!((done.fetched, done.again, done.line), (3, 0, None));
    assert_eq!((texts(&store)["x"].as_str(), texts(&store)["z"].as_str()), ("x 3", "z 5"));
    w.goes_on(&store, "s");
}

#[test]
fn without_a_witness_file_the_first_shipment_notices() {
    let w = world();
    let host = w.bare("a");
    older(&w, &host);
    let store = w.open(&host, "s");
    assert_eq!(standing(&store).fence, None);
    let refused = w.refused(&store);
    assert_eq!(refused.code(), "lineage.behind");
    assert_eq!(standing(&store).fence.expect("kept").witness, "offsite");
    // Plain fetching catches up as well, and then it ships again.
    store.fetch(std::slice::from_ref(&w.remote), &annals::Silent).expect("fetch");
    assert_eq!(standing(&store).fence, None);
    w.goes_on(&store, "s");
}

#[test]
fn an_older_copy_with_new_batches_of_its_own_is_united_with_what_is_offsite() {
    for state in [true, false] {
        let w = world();
        let host = if state { w.host("a") } else { w.bare("a") };
        older(&w, &host);
        let store = w.open(&host, "s");
        w.put(&store, "x", "x own");
        w.put(&store, "only", "here");
        let refused = w.refused(&store);
        assert_eq!(refused.kind(), Kind::Refused, "{refused}");
        w.put(&store, "only", "recording goes on");
        let plan = w.plan(&store, Keep::Both);
        let t = &plan.tenants[0];
        assert_eq!((t.verdict, t.common, t.missing.batches, t.only_here.batches), (Verdict::Forked, 2, 3, 3));
        let fates: Vec<(&str, Fate)> = t.items.iter().map(|i| (i.key.as_str(), i.fate)).collect();
        assert_eq!(fates, [("only", Fate::Kept), ("x", Fate::Conflict), ("y", Fate::Recovered), ("z", Fate::Recovered)]);
        assert!(t.bytes > 0 && t.seconds > 0.0);
        let before = everything(&store);
        let done = w.realign(&store, Keep::Both);
        assert_eq!((done.fetched, done.again, &done.conflicts[..]), (3, 3, &["x".to_owned()][..]));
        assert_eq!(versions(&store, "x"), ["x 1", "x 2", "x 3", "x own"]);
        assert_eq!(versions(&store, "only"), ["here", "recording goes on"]);
        assert_eq!(texts(&store)["y"], "y 4");
        // Times, authors and old numbers stand in the record.
        let last = store.batches(0, 0, 100).expect("log").pop().expect("last");
        assert_eq!((last.event.actor.as_str(), last.event.origin.as_str()), ("806", "test; realigned from seq 5"));
        // The line that was left can be read.
        let line = store.tenant(done.line.as_deref().expect("a line")).expect("there");
        assert_eq!(line.position().expect("position").seq, 5);
        assert_eq!(line.history("x").expect("x").len(), 3);
        for (key, digests) in before {
            let now = store.history(key.as_bytes()).expect("history");
            assert!(digests.iter().all(|d| now.iter().any(|v| v.digest == *d)), "{key}");
        }
        assert_eq!(line.put("x", &b"no"[..]).expect_err("left").code(), "line.left");
        // What was recorded again can be taken back as one.
        let mark = done.mark.expect("a mark");
        let back = store.rollback("", &annals::Moment::Mark(mark)).expect("plan");
        store.apply(&back, annals::OnConflict::Skip, &annals::By::default()).expect("apply");
        assert_eq!((texts(&store)["x"].as_str(), texts(&store).contains_key("only")), ("x 3", false));
        w.goes_on(&store, "s");
        store.release_line(done.line.as_deref().expect("line")).expect("released");
        assert!(standing(&store).lines.is_empty());
        sound(&store);
    }
}

#[test]
fn one_side_alone_may_stay() {
    for keep in [Keep::Ours, Keep::Theirs] {
        let w = world();
        let host = w.host("a");
        older(&w, &host);
        let store = w.open(&host, "s");
        w.put(&store, "x", "x own");
        w.refused(&store);
        let done = w.realign(&store, keep);
        let now = texts(&store);
        if keep == Keep::Ours {
            assert_eq!((now["x"].as_str(), now.contains_key("z"), done.fetched, done.line.is_some()), ("x own", false, 0, false));
        } else {
            assert_eq!((now["x"].as_str(), now["z"].as_str(), done.fetched, done.again), ("x 3", "z 5", 3, 0));
            assert_eq!(store.tenant(&done.line.expect("kept")).expect("line").history("x").expect("x").len(), 3);
        }
        w.goes_on(&store, "s");
    }
}

#[test]
fn a_machine_that_was_rolled_back_is_noticed_by_the_remote() {
    let w = world();
    let host = w.host("vm");
    let store = w.init(&host, "s");
    w.put(&store, "x", "1");
    w.shipped(&store);
    drop(store);
    // A snapshot of the disk: the store and the state directory together.
    w.copy("s", "snapshot");
    w.copy("state of vm", "state snapshot");
    let store = w.open(&host, "s");
    w.put(&store, "x", "2");
    w.shipped(&store);
    drop(store);
    w.put_back("snapshot", "s");
    w.put_back("state snapshot", "state of vm");
    let rebooted = crate::support::Host { machine: Machine { boot: "second boot".into(), ..host.machine.clone() }, ..host };
    let store = w.open(&rebooted, "s");
    assert_eq!(standing(&store).fence, None, "here nothing speaks against it");
    w.put(&store, "y", "own");
    let refused = w.refused(&store);
    assert_eq!(refused.code(), "lineage.forked");
    let done = w.realign(&store, Keep::Both);
    assert_eq!((done.common, done.fetched, done.again), (1, 1, 1));
    assert_eq!(texts(&store)["x"], "2");
    w.goes_on(&store, "s");
}

#[test]
fn a_rollback_that_leaves_no_trace_here_is_noticed_within_a_day() {
    let w = far();
    let host = w.host("vm");
    let store = w.init(&host, "s");
    w.put(&store, "x", "1");
    w.shipped(&store);
    // What a machine that went back with all its memory wrote before: another store's batch 2 on the same line.
    w.copy("s", "twin");
    let twin = w.open(&crate::support::Host { state: None, machine: Machine::unknown() }, "twin");
    w.put(&twin, "x", "2 of the future");
    w.shipped(&twin);
    w.put(&store, "x", "2");
    let asked = w.lists();
    w.shipped(&store);
    assert_eq!(w.lists(), asked, "nothing here gave reason to ask");
    w.clock.advance(DAY);
    w.put(&store, "x", "3");
    let refused = w.refused(&store);
    assert_eq!(refused.code(), "lineage.forked");
    // Nothing was overwritten there, so both can be united.
    let done = w.realign(&store, Keep::Both);
    assert_eq!((done.common, done.fetched, done.again), (1, 1, 2));
    assert_eq!(versions(&store, "x"), ["1", "2 of the future", "2", "3"]);
    w.goes_on(&store, "s");
}

#[test]
fn shipping_asks_nothing_more_of_the_remote_in_the_normal_case() {
    let w = far();
    let host = w.host("a");
    let store = w.init(&host, "s");
    w.put(&store, "x", "1");
    w.shipped(&store);
    let asked = w.memory.calls().len();
    for n in 2..=6 {
        w.put(&store, "x", &n.to_string());
        w.shipped(&store);
    }
    // Opening anew is no reason to ask either.
    drop(store);
    let store = w.open(&host, "s");
    w.put(&store, "x", "7");
    w.shipped(&store);
    let calls = w.memory.calls().split_off(asked);
    assert_eq!(calls.len(), 6, "one object each, whose size the upload reads back: {calls:?}");
}

#[test]
fn a_lost_store_is_rebuilt_and_its_line_is_its_own() {
    let w = world();
    let host = w.host("a");
    let store = w.init(&host, "s");
    for n in 1..=3 {
        w.put(&store, "x", &n.to_string());
    }
    w.shipped(&store);
    w.put(&store, "x", "never shipped");
    let old = store.position().expect("position");
    drop(store);
    std::fs::create_dir_all(w.path("key")).expect("dir");
    std::fs::copy(w.path("s/annals.key"), w.path("key/annals.key")).expect("the key is kept elsewhere");
    std::fs::remove_dir_all(w.path("s")).expect("lost");
    let store = w.rebuild(&host, "s", "key");
    let at = store.position().expect("position");
    assert_eq!((at.seq, at.timeline), (3, old.timeline), "the same history");
    drop(store);
    let store = w.open(&host, "s");
    assert_eq!(standing(&store).fence, None);
    w.put(&store, "x", "4");
    assert_ne!(store.position().expect("position").timeline, old.timeline, "what it records is a line of its own");
    w.goes_on(&store, "s");
}

#[test]
fn an_empty_store_that_finds_its_history_is_told_so() {
    let w = world();
    let host = w.bare("a");
    let store = w.init(&host, "s");
    drop(store);
    w.copy("s", "empty");
    let store = w.open(&host, "s");
    w.put(&store, "x", "1");
    w.shipped(&store);
    drop(store);
    w.put_back("empty", "s");
    let store = w.open(&host, "s");
    let refused = w.refused(&store);
    assert_eq!((refused.code(), standing(&store).fence.expect("fence").verdict), ("lineage.behind", Verdict::Amnesia));
    assert_eq!(w.realign(&store, Keep::Both).fetched, 1);
    w.goes_on(&store, "s");
}

#[test]
fn a_clock_that_was_set_back_decides_nothing() {
    let w = world();
    let host = w.host("a");
    older(&w, &host);
    w.clock.set(Timestamp(BEGIN - 400 * DAY));
    let store = w.open(&host, "s");
    w.put(&store, "x", "long ago, it seems");
    assert_eq!(w.refused(&store).code(), "lineage.behind");
    let done = w.realign(&store, Keep::Both);
    assert_eq!((done.fetched, done.again), (3, 1));
    assert_eq!(texts(&store)["x"], "long ago, it seems", "the newest line is current, whatever clocks say");
    let log = store.batches(0, 0, 100).expect("log");
    assert!(log.windows(2).all(|pair| pair[0].event.time <= pair[1].event.time));
    assert!(log.last().expect("last").clock_behind < 0, "what the clock said is kept");
    w.goes_on(&store, "s");
    // And set back without any rollback, it stops nothing.
    let other = world();
    let store: Store = other.init(&host, "s");
    other.put(&store, "x", "1");
    other.shipped(&store);
    other.clock.set(Timestamp(BEGIN - 400 * DAY));
    other.put(&store, "x", "2");
    other.shipped(&store);
}

#[test]
fn what_was_never_shipped_and_is_gone_is_told() {
    let w = world();
    let host = w.host("a");
    let store = w.init(&host, "s");
    w.put(&store, "x", "1");
    w.shipped(&store);
    drop(store);
    w.copy("s", "backup");
    let store = w.open(&host, "s");
    w.put(&store, "x", "2");
    w.put(&store, "x", "3");
    store.seal(&crate::support::quick().seal, &annals::Silent).expect("sealed, and the line is down");
    drop(store);
    w.put_back("backup", "s");
    let store = w.open(&host, "s");
    assert_eq!(standing(&store).fence.expect("noticed").theirs, 3);
    let plan = w.plan(&store, Keep::Both);
    let t = &plan.tenants[0];
    assert_eq!((t.verdict, t.common, t.readable, t.theirs), (Verdict::Equal, 1, 1, 3), "two batches are nowhere");
    w.realign(&store, Keep::Both);
    // Their numbers are not given again on the line that had them.
    w.goes_on(&store, "s");
    drop(store);
    let store = w.open(&host, "s");
    assert_eq!(standing(&store).fence, None, "told once");
}

#[test]
fn a_witness_file_that_says_nothing_is_no_evidence() {
    let w = world();
    let host = w.host("a");
    older(&w, &host);
    let state = host.state.clone().expect("a state directory");
    let file = std::fs::read_dir(&state).expect("list").next().expect("one").expect("file").path();
    for text in ["", "{}", "{\"schema\": \"annals.witness/9\"}"] {
        std::fs::write(&file, text).expect("written");
        let store = w.open(&host, "s");
        assert_eq!(standing(&store).fence, None);
    }
    // The remote still is.
    let store = w.open(&host, "s");
    assert_eq!(w.refused(&store).code(), "lineage.behind");
    // A state directory that cannot be made stops nobody.
    let other = world();
    std::fs::write(other.path("a file"), "in the way").expect("written");
    let host = crate::support::Host { state: Some(other.path("a file")), ..other.bare("a") };
    let store = other.init(&host, "s");
    other.put(&store, "x", "1");
    other.shipped(&store);
}

#[test]
fn each_tenant_has_its_own_verdict() {
    let w = world();
    let host = w.host("a");
    let store = w.init(&host, "s");
    let b = store.add_tenant("b").expect("tenant");
    w.put(&store, "x", "1");
    b.put("x", &b"b 1"[..]).expect("put");
    w.shipped(&store);
    drop((store, b));
    w.copy("s", "backup");
    let store = w.open(&host, "s");
    store.tenant("b").expect("b").put("x", &b"b 2"[..]).expect("put");
    w.shipped(&store);
    drop(store);
    w.put_back("backup", "s");
    let store = w.open(&host, "s");
    let b = store.tenant("b").expect("b");
    b.put("y", &b"own"[..]).expect("put");
    let all = store.lineage().expect("lineage");
    assert_eq!((all[0].fence.is_none(), all[1].fence.as_ref().map(|f| f.verdict)), (true, Some(Verdict::BehindClean)));
    let plan = w.plan(&store, Keep::Both);
    assert_eq!(plan.tenants.iter().map(|t| (t.tenant.as_str(), t.verdict)).collect::<Vec<_>>(), [("b", Verdict::Forked)]);
    store.realign(&plan, std::slice::from_ref(&w.remote), &annals::Silent).expect("realigned");
    sound(&store);
    assert_eq!(b.history("x").expect("x").len(), 2);
    assert!(b.get("y").is_ok());
    w.goes_on(&store, "s");
}
