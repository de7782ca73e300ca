//! Forks: offline for a month, in the middle of a shipment, many documents in conflict, outside references.

use annals::Silent;
use annals::engine::offsite::ShipOptions;
use annals::model::lineage::{Fate, Verdict};
use annals::model::realign::Keep;
use annals::model::reference::Reference;
use annals::storage::remote::{Fault, Verb};

use crate::support::{DAY, quick, standing, texts, versions, world};

#[test]
fn thirty_days_offline_on_both_sides() {
    let w = world();
    let (a, b) = (w.host("a"), w.host("b"));
    let store = w.init(&a, "s");
    w.put(&store, "base", "0");
    w.shipped(&store);
    let other = w.rebuild(&b, "other", "s");
    for day in 0..30 {
        w.clock.advance(DAY);
        w.put(&store, &format!("here/{day}"), "here");
        w.put(&other, &format!("there/{day}"), "there");
        w.put(&other, "both", &format!("there {day}"));
        w.shipped(&other);
    }
    w.put(&store, "both", "here");
    let refused = w.refused(&store);
    assert_eq!(refused.code(), "lineage.forked");
    let plan = w.plan(&store, Keep::Both);
    let t = &plan.tenants[0];
    assert_eq!((t.common, t.missing.batches, t.only_here.batches, t.count(Fate::Conflict)), (1, 60, 31, 1));
    assert_eq!((t.count(Fate::Recovered), t.count(Fate::Kept)), (30, 30));
    let done = w.realign(&store, Keep::Both);
    assert_eq!((done.fetched, done.again, done.bytes), (60, 31, t.bytes));
    assert_eq!(versions(&store, "both").len(), 31);
    assert_eq!(texts(&store).len(), 62);
    w.goes_on(&store, "s");
}

#[test]
fn a_fork_in_the_middle_of_a_shipment() {
    let w = world();
    let a = w.bare("a");
    let store = w.init(&a, "s");
    w.put(&store, "x", "1");
    w.shipped(&store);
    drop(store);
    w.copy("s", "backup");
    // Many parts; the line breaks before the last object, and then the older copy is put back.
    let store = w.open(&a, "s");
    let mut noise = vec![0; 18_000_000];
    annals::base::random::Random::fill(&annals::base::random::SeededRandom::new(5), &mut noise);
    w.minute();
    store.put("large", &noise[..]).expect("put");
    let mut parts = quick();
    parts.seal.object_bytes_max = 100_000;
    w.memory.inject(Verb::Store, 3, 100, Fault::Drop);
    store.ship(&w.remote, &parts, &Silent).expect_err("the line broke");
    w.memory.heal();
    let there = w.memory.inner().names().len();
    assert!(there > 3, "{:?}", w.memory.inner().names());
    drop(store);
    w.put_back("backup", "s");
    let store = w.open(&a, "s");
    w.put(&store, "x", "own 2");
    let refused = w.refused(&store);
    assert_eq!(refused.code(), "lineage.forked", "{refused}");
    let plan = w.plan(&store, Keep::Both);
    let t = &plan.tenants[0];
    assert_eq!((t.common, t.readable, t.theirs, t.missing.batches), (1, 1, 2, 0), "named there, and nowhere whole");
    w.realign(&store, Keep::Both);
    assert_eq!(texts(&store)["x"], "own 2");
    w.goes_on(&store, "s");
}

#[test]
fn one_document_in_a_hundred_in_conflict() {
    let w = world();
    let (a, b) = (w.host("a"), w.host("b"));
    let store = w.init(&a, "s");
    let fill = |store: &annals::Store, from: usize, to: usize, text: &str| {
        w.minute();
        let mut batch = store.batch(text);
        (from..to).for_each(|i| batch.put(format!("d/{i:04}"), format!("{text} {i}").as_bytes()).expect("put"));
        batch.commit().expect("commit");
    };
    fill(&store, 0, 2000, "base");
    w.shipped(&store);
    let other = w.rebuild(&b, "other", "s");
    fill(&store, 0, 520, "here");
    fill(&other, 500, 1000, "there");
    w.shipped(&other);
    w.refused(&store);
    let plan = w.plan(&store, Keep::Both);
    let counts = [Fate::Conflict, Fate::Kept, Fate::Recovered].map(|fate| plan.tenants[0].count(fate));
    assert_eq!(counts, [20, 500, 480]);
    let done = w.realign(&store, Keep::Both);
    assert_eq!(done.conflicts.len(), 20);
    for i in 500..520 {
        let key = format!("d/{i:04}");
        assert_eq!(versions(&store, &key), [format!("base {i}"), format!("there {i}"), format!("here {i}")]);
    }
    assert_eq!((texts(&store)["d/0001"].as_str(), texts(&store)["d/0999"].as_str()), ("here 1", "there 999"));
    w.goes_on(&store, "s");
}

#[test]
fn references_requests_marks_and_removals_meet() {
    let w = world();
    let (a, b) = (w.host("a"), w.host("b"));
    let store = w.init(&a, "s");
    for key in ["sent", "removed here", "removed there", "same"] {
        w.put(&store, key, "base");
    }
    w.shipped(&store);
    let other = w.rebuild(&b, "other", "s");
    let both = [&store, &other];
    for site in both {
        w.minute();
        // A client that asked both sides the same.
        let mut batch = site.batch("asked").request_id("r-1");
        batch.put("same", &b"the same"[..]).expect("put");
        batch.commit().expect("commit");
    }
    let sent = |state: &str| Reference::new("svarut", "7").state(state).irrevocable();
    other.add_ref("sent", sent("delivered")).expect("ref");
    store.add_ref("sent", sent("queued")).expect("ref");
    store.add_ref("sent", Reference::new("archive", "9")).expect("ref");
    store.remove("removed here").expect("remove");
    w.put(&other, "removed here", "changed there");
    other.remove("removed there").expect("remove");
    w.put(&store, "removed there", "changed here");
    store.mark("release").expect("mark");
    w.shipped(&other);
    w.refused(&store);
    let done = w.realign(&store, Keep::Both);
    assert_eq!(done.resurrected, ["removed here", "removed there"]);
    assert_eq!((texts(&store)["removed here"].as_str(), texts(&store)["removed there"].as_str()), ("changed there", "changed here"));
    assert_eq!(versions(&store, "same"), ["base", "the same"], "recorded on both sides, kept once");
    assert!(done.already >= 1);
    let states: Vec<(String, String)> = store.refs("sent").expect("refs").into_iter().map(|r| (r.system, r.state)).collect();
    assert_eq!(states, [("archive".into(), String::new()), ("svarut".into(), "delivered".into())], "what really happened outside survives");
    assert_eq!((done.references.len(), done.references[0].state.as_str()), (1, "queued"));
    assert!(store.marks().expect("marks").iter().any(|(name, _)| name == "release"));
    w.goes_on(&store, "s");
}

#[test]
fn a_plan_is_refused_when_either_side_moved() {
    let w = world();
    let (a, b) = (w.host("a"), w.host("b"));
    let store = w.init(&a, "s");
    w.put(&store, "x", "1");
    w.shipped(&store);
    let other = w.rebuild(&b, "other", "s");
    w.put(&other, "x", "2");
    w.shipped(&other);
    w.put(&store, "x", "own");
    w.refused(&store);
    let remotes = std::slice::from_ref(&w.remote);
    let plan = w.plan(&store, Keep::Both);
    w.put(&store, "x", "own 2");
    assert_eq!(store.realign(&plan, remotes, &Silent).expect_err("we moved").code(), "plan.stale");
    let plan = w.plan(&store, Keep::Both);
    w.put(&other, "x", "3");
    w.shipped(&other);
    let before = store.position().expect("position");
    assert_eq!(store.realign(&plan, remotes, &Silent).expect_err("they moved").code(), "plan.stale");
    assert_eq!(store.position().expect("position"), before);
    w.realign(&store, Keep::Both);
    w.goes_on(&store, "s");
}

#[test]
fn verification_of_a_remote_tells_that_it_parted() {
    let w = world();
    let store = w.init(&w.host("a"), "s");
    w.put(&store, "x", "1");
    w.shipped(&store);
    let other = w.rebuild(&w.host("b"), "other", "s");
    w.put(&other, "x", "2");
    w.shipped(&other);
    let found = store.verify_remote(&w.remote, false, &Silent).expect("verify");
    assert!(found.problems.len() == 1 && found.problems[0].what.starts_with("behind: "), "{found:?}");
    assert!(other.verify_remote(&w.remote, false, &Silent).expect("verify").problems.is_empty());
    // A dry run asks nothing, and says so by shipping nothing.
    let calls = w.memory.calls().len();
    store.ship(&w.remote, &ShipOptions { dry_run: true, ..quick() }, &Silent).expect("dry run");
    assert_eq!((w.memory.calls().len(), standing(&store).fence), (calls, None));
    assert_eq!(Verdict::BehindClean.code(), w.plan(&store, Keep::Both).tenants[0].verdict.code());
}

#[test]
fn a_second_remote_that_holds_the_line_that_was_left_is_no_fork() {
    let w = world();
    let store = w.init(&w.host("a"), "s");
    w.put(&store, "x", "1");
    w.shipped(&store);
    let usb = annals::OpenRemote::new("usb", std::sync::Arc::new(annals::storage::remote::Memory::new()));
    let to_usb = || store.ship(&usb, &quick(), &Silent).expect("usb");
    to_usb();
    let other = w.rebuild(&w.host("b"), "other", "s");
    w.put(&other, "x", "2 there");
    w.shipped(&other);
    w.put(&store, "x", "2 here");
    to_usb();
    w.refused(&store);
    w.realign(&store, Keep::Both);
    w.goes_on(&store, "s");
    // The stick has what was left; what is true now goes there too, and it alone gives the site.
    to_usb();
    let key_file = annals::engine::store::read_key_file(&w.path("s/annals.key")).expect("key");
    let secret = key_file.open(&annals::format::keyfile::Unlock::default()).expect("open");
    let into = w.path("from the stick");
    let rebuild = annals::Rebuild { remotes: &[usb], into: &into, key_file, secret, site_name: "s", at: None };
    let (again, report) = rebuild.run(annals::Store::builder(), &Silent).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    assert_eq!((again.position().expect("position"), texts(&again)), (store.position().expect("position"), texts(&store)));
}
