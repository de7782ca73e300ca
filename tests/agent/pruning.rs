//! Forgetting and compaction on schedule.

use annals::agent::daemon::Stepwise;
use annals::engine::plans::By;
use annals::model::job::State;
use annals::storage::remote::Verb;

use crate::support::{DAY, HOUR, Site, from_memory, memory, newest, states};

const RULES: &str = "[schedule]\nship = \"every 2h\"\n[keep]\nfloor = \"1d\"\nwithin = \"3d\"\n[[remote]]\nname = \"a\"\nrclone = \"a:x\"\n";

/// Bytes that do not compress and that no other day has.
fn noise(day: u8) -> Vec<u8> {
    let mut state = u64::from(day) * 77 + 0x9e37_79b9_7f4a_7c15;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..40_000).map(next).collect()
}

#[test]
fn what_the_rules_let_go_goes_by_itself_and_leaves_the_remote_after_a_week() {
    let site = Site::new(RULES);
    let a = memory();
    let agent = Stepwise::new(site.open(), Some(from_memory(vec![("a", a.clone())]))).expect("agent");
    let store = agent.store();
    let turn = |micros: i64| {
        site.clock.advance(micros);
        agent.tick().expect("tick");
        agent.run().expect("run");
    };
    for day in 0..5 {
        store.put("scan", &noise(day)[..]).expect("put");
        turn(DAY);
    }
    let forgotten = || store.history("scan").expect("history").iter().filter(|v| v.forgotten.is_some()).count();
    // The last versions are younger than three days: they are as old as the moment since when they are not current.
    assert!((1..4).contains(&forgotten()), "{}", forgotten());
    (0..4).for_each(|_| turn(DAY));
    assert_eq!(forgotten(), 4, "{}", newest(&store, "forget").said);
    let by = store.history("scan").expect("history")[0].forgotten.clone().expect("forgotten").by.expect("who");
    assert_eq!((by.actor.as_str(), by.reason.as_str()), ("annals agent", "forgotten by the rules: within 3d"));
    assert!(newest(&store, "compact").said.contains("sealed again"), "{}", newest(&store, "compact").said);
    (0..9).for_each(|_| turn(DAY));
    assert!(newest(&store, "compact").said.contains("removed"), "{}", newest(&store, "compact").said);
    let stored: u64 = a.inner().names().iter().filter_map(|name| a.inner().bytes(name)).map(|bytes| bytes.len() as u64).sum();
    assert!(stored < 2 * 45_000, "{stored} bytes of five versions");
    // Nothing to forget any more: no batch, no object, nobody is asked.
    let (seq, calls, jobs) = (store.position().expect("position").seq, a.calls().len(), states(&store, "compact").len());
    (0..3).for_each(|_| turn(DAY));
    assert_eq!((store.position().expect("position").seq, a.calls().len(), states(&store, "compact").len()), (seq, calls, jobs));
    assert!(newest(&store, "forget").said.starts_with("nothing to forget"));
    assert!(a.count(Verb::Remove) >= 3);
}

#[test]
fn a_clock_that_leaps_is_not_believed_at_once() {
    let site = Site::new(RULES);
    let a = memory();
    let agent = Stepwise::new(site.open(), Some(from_memory(vec![("a", a)]))).expect("agent");
    let store = agent.store();
    let turn = |micros: i64| {
        site.clock.advance(micros);
        agent.tick().expect("tick");
        agent.run().expect("run");
    };
    store.put("k", &b"one"[..]).expect("put");
    store.put("k", &b"two"[..]).expect("put");
    turn(HOUR);
    turn(70 * 365 * DAY);
    assert_eq!(newest(&store, "forget").state, State::Done);
    assert!(newest(&store, "forget").said.contains("days ahead"), "{}", newest(&store, "forget").said);
    assert!(store.history("k").expect("history")[0].forgotten.is_none());
    // Somebody puts it right: nothing was lost. Or nobody does, and a day later it is believed.
    turn(DAY + HOUR);
    assert!(store.history("k").expect("history")[0].forgotten.is_some(), "{}", newest(&store, "forget").said);
}

#[test]
fn a_dropped_tenant_goes_by_itself_after_its_day() {
    let site = Site::new("[schedule]\nship = \"every 2h\"\n[[remote]]\nname = \"a\"\nrclone = \"a:x\"\n");
    let a = memory();
    let agent = Stepwise::new(site.open(), Some(from_memory(vec![("a", a)]))).expect("agent");
    let store = agent.store();
    let turn = |micros: i64| {
        site.clock.advance(micros);
        agent.tick().expect("tick");
        agent.run().expect("run");
    };
    let b = store.add_tenant("kommune-b").expect("tenant");
    b.put("scan", &noise(1)[..]).expect("put");
    turn(HOUR);
    let by = By { actor: "806".into(), reason: "contract ended".into(), ..By::default() };
    store.drop_tenant("kommune-b", None, &by).expect("dropped");
    (0..29).for_each(|_| turn(DAY));
    assert!(b.history("scan").expect("history")[0].forgotten.is_none(), "day 29: {}", newest(&store, "forget").said);
    (0..2).for_each(|_| turn(DAY));
    assert!(b.history("scan").expect("history")[0].forgotten.is_some(), "day 31: {}", newest(&store, "forget").said);
    assert!(newest(&store, "forget").said.starts_with("kommune-b let go, 40000 bytes"), "{}", newest(&store, "forget").said);
    // It is gone from the remote too after a while, and then nothing happens any more.
    (0..9).for_each(|_| turn(DAY));
    assert!(newest(&store, "compact").said.contains("removed"), "{}", newest(&store, "compact").said);
    let jobs = states(&store, "forget").len();
    (0..3).for_each(|_| turn(DAY));
    assert_eq!(states(&store, "forget").len(), jobs);
}
