//! The power goes at every step of a realignment: the store is as it was or in line, and the same command again goes on.

use annals::base::fault::{self, Fault};
use annals::base::monitor::Silent;
use annals::engine::realign::RealignOptions;
use annals::model::realign::Keep;

use crate::support::{World, everything, sound, standing, texts, world};

/// A store that forked, closed, with the other side offsite.
fn forked(w: &World) {
    let a = w.host("a");
    let store = w.init(&a, "s");
    w.put(&store, "x", "1");
    w.shipped(&store);
    let other = w.rebuild(&w.host("b"), "other", "s");
    for n in 2..5 {
        w.put(&other, "x", &format!("{n} there"));
        w.shipped(&other);
    }
    w.put(&store, "x", "2 here");
    w.put(&store, "y", "here");
    w.refused(&store);
}

#[test]
fn a_realignment_is_cut_at_every_place() {
    let w = world();
    forked(&w);
    let a = w.host("a");
    let remotes = std::slice::from_ref(&w.remote);
    w.copy("s", "template");
    let act = |store: &annals::Store| {
        let plan = store.plan_realign(remotes, RealignOptions { keep: Keep::Both, claim: false }, &Silent)?;
        store.realign(&plan, remotes, &Silent).map(drop)
    };
    let places = {
        let store = w.open(&a, "s");
        let (done, places) = fault::count(|| act(&store));
        done.expect("without a cut");
        places
    };
    assert!(places.len() > 8, "{places:?}");
    let wanted = {
        let store = w.open(&a, "s");
        (everything(&store), store.position().expect("position").digest)
    };
    for (n, place) in places.iter().enumerate() {
        for fault in [Fault::Error, Fault::Full] {
            w.put_back("template", "s");
            let store = w.open(&a, "s");
            let before = (everything(&store), store.position().expect("position"));
            let done = fault::arm(n as u64, fault, || act(&store));
            drop(store);
            let store = w.open(&a, "s");
            sound(&store);
            let left = (everything(&store), store.position().expect("position"));
            let whole = left.0 == wanted.0 && left.1.digest == wanted.1;
            assert!(whole || left == before, "{fault:?} at place {n} ({place}): neither before nor after");
            assert!(done.is_err() || whole, "{fault:?} at place {n} ({place}): it was said to be done");
            assert_eq!(standing(&store).fence.is_none(), whole, "{fault:?} at place {n} ({place})");
            act(&store).unwrap_or_else(|e| panic!("{fault:?} at place {n} ({place}): again: {e:?}"));
            assert_eq!((everything(&store), store.position().expect("position").digest), wanted, "{fault:?} at place {n} ({place})");
            assert_eq!(store.lines().expect("lines").len(), 1);
            sound(&store);
            assert_eq!(texts(&store)["x"], "2 here");
        }
    }
}
