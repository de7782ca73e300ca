//! Two of one store: copied directories, and two rebuilds from one remote.

use annals::model::lineage::Verdict;
use annals::model::realign::Keep;
use annals::{Kind, Silent};

use crate::support::{standing, texts, versions, world};

#[test]
fn the_copy_of_a_living_store_is_refused_with_machine_and_time() {
    for other_machine in [false, true] {
        let w = world();
        let (a, b) = (w.host("clinic-17"), w.host("clinic-99"));
        let store = w.init(&a, "s");
        w.put(&store, "x", "1");
        w.shipped(&store);
        drop(store);
        w.copy("s", "copy");
        let store = w.open(&a, "s");
        w.put(&store, "x", "2");
        w.shipped(&store);
        let asked = w.memory.calls().len();
        let copy = w.open(if other_machine { &b } else { &a }, "copy");
        w.put(&copy, "x", "2 of the copy");
        let refused = w.refused(&copy);
        assert_eq!((refused.kind(), refused.code()), (Kind::Refused, "lineage.clone"));
        let text = refused.to_string();
        assert!(text.contains("clinic-17") && text.contains("2026-11-18T16:"), "{text}");
        assert!(refused.what_next().expect("hint").contains("annals realign --claim"));
        assert_eq!(w.memory.calls().len(), asked, "no line is needed to tell");
        assert_eq!(standing(&copy).fence.expect("fence").verdict, Verdict::Clone);
        // The original goes on.
        w.put(&store, "x", "3");
        w.shipped(&store);
        // Claimed, the copy finds that the other went on, and is united with it on a line of its own.
        let options = annals::engine::realign::RealignOptions::default();
        let plain = copy.plan_realign(std::slice::from_ref(&w.remote), options, &Silent);
        assert_eq!(plain.expect_err("a person decides").code(), "lineage.clone");
        copy.claim().expect("claim");
        assert_eq!(w.refused(&copy).code(), "lineage.forked");
        let done = w.realign(&copy, Keep::Both);
        assert_eq!((done.common, done.fetched, done.again), (1, 2, 1));
        assert_eq!(versions(&copy, "x"), ["1", "2", "3", "2 of the copy"]);
        w.goes_on(&copy, "copy");
        // And now the original is the one that is behind, and is told at its next look.
        w.clock.advance(crate::support::DAY);
        assert_eq!(w.refused(&store).code(), "lineage.behind");
        w.realign(&store, Keep::Both);
        assert_eq!(texts(&store), texts(&copy));
    }
}

#[test]
fn a_store_that_was_only_moved_goes_on() {
    let w = world();
    let (a, b) = (w.host("a"), w.host("b"));
    let store = w.init(&a, "s");
    w.put(&store, "x", "1");
    w.shipped(&store);
    drop(store);
    // Renamed, and then its disk in another machine: the very same files.
    std::fs::rename(w.path("s"), w.path("moved")).expect("renamed");
    let store = w.open(&a, "moved");
    w.put(&store, "x", "2");
    w.shipped(&store);
    drop(store);
    let store = w.open(&b, "moved");
    w.put(&store, "x", "3");
    w.shipped(&store);
    drop(store);
    // Copied to a larger disk of the same machine, and the original removed.
    w.copy("moved", "larger");
    std::fs::remove_dir_all(w.path("moved")).expect("removed");
    let store = w.open(&b, "larger");
    w.put(&store, "x", "4");
    w.shipped(&store);
    w.goes_on(&store, "larger");
}

#[test]
fn two_rebuilds_from_one_remote_write_two_lines_and_the_second_is_refused() {
    let w = world();
    let store = w.init(&w.host("a"), "s");
    w.put(&store, "x", "1");
    w.shipped(&store);
    let (one, two) = (w.rebuild(&w.host("b"), "one", "s"), w.rebuild(&w.host("c"), "two", "s"));
    assert_eq!(one.position().expect("position"), two.position().expect("position"));
    w.put(&one, "x", "2 of one");
    w.put(&two, "x", "2 of two");
    w.put(&two, "y", "two");
    assert_ne!(one.position().expect("position").timeline, two.position().expect("position").timeline);
    w.shipped(&one);
    let refused = w.refused(&two);
    assert_eq!((refused.code(), refused.at().seq), ("lineage.forked", Some(3)));
    let text = refused.to_string();
    let machine = w.host("b").machine.id;
    assert!(text.contains("of 2026-11-18T16:") && text.contains(&format!("written on machine {machine}")), "{text}");
    let done = w.realign(&two, Keep::Both);
    assert_eq!((done.common, done.fetched, done.again), (1, 1, 2));
    assert_eq!(versions(&two, "x"), ["1", "2 of one", "2 of two"]);
    w.goes_on(&two, "two");
    // The machine that they replaced, when it comes back, is behind and not the site any more.
    w.clock.advance(crate::support::DAY);
    assert_eq!(w.refused(&store).code(), "lineage.behind");
    w.realign(&store, Keep::Both);
    assert_eq!(texts(&store), texts(&two));
    w.goes_on(&store, "s");
}

#[test]
fn whoever_realigns_two_lines_gets_the_same_log() {
    let w = world();
    let (a, b) = (w.host("a"), w.host("b"));
    let store = w.init(&a, "s");
    w.put(&store, "x", "1");
    w.put(&store, "gone", "1");
    w.shipped(&store);
    drop(store);
    w.copy("s", "late");
    let store = w.open(&a, "s");
    w.put(&store, "x", "2");
    w.minute();
    store.remove("gone").expect("remove");
    w.shipped(&store);
    let late = w.open(&b, "late");
    w.put(&late, "x", "2 late");
    w.put(&late, "gone", "changed");
    late.claim().expect("claim");
    drop(late);
    w.copy("late", "later");
    let mut digests = Vec::new();
    for (name, days) in [("late", 0), ("later", 30)] {
        w.clock.advance(days * crate::support::DAY);
        let store = w.open(&b, name);
        let _ = store.claim();
        let done = w.realign(&store, Keep::Both);
        assert_eq!((done.conflicts, done.resurrected), (vec!["x".to_owned()], vec!["gone".to_owned()]));
        assert_eq!(texts(&store)["gone"], "changed");
        digests.push((store.position().expect("position").seq, store.position().expect("position").digest));
    }
    assert_eq!(digests[0], digests[1]);
}
