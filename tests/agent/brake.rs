//! The brake: a mass change is noticed, what was before gets a mark, and nothing is taken away until a person has looked.

use annals::agent::daemon::Stepwise;
use annals::base::monitor::Silent;
use annals::engine::plans::By;
use annals::model::moment::Moment;
use annals::model::plan::OnConflict;
use annals::{Kind, Tenant};

use crate::support::{DAY, HOUR, MINUTE, Site, from_memory, memory, newest};

const RULES: &str = "[schedule]\nship = \"every 1h\"\n[keep]\nlast = 1\n[[remote]]\nname = \"a\"\nrclone = \"a:x\"\n";

fn agent(site: &Site) -> Stepwise {
    Stepwise::new(site.open(), Some(from_memory(vec![("a", memory())]))).expect("agent")
}

fn write(store: &Tenant, documents: std::ops::Range<u32>, text: &str) {
    let mut batch = store.batch("").actor("application");
    for n in documents {
        batch.put(format!("case/{n}"), format!("{text} {n}").as_bytes()).expect("put");
    }
    batch.commit().expect("commit");
}

fn turn(site: &Site, agent: &Stepwise, micros: i64) {
    site.clock.advance(micros);
    agent.tick().expect("tick");
    agent.run().expect("run");
}

#[test]
fn four_of_five_documents_rewritten_in_five_minutes_freeze_retention_until_a_person_lifts_it() {
    let site = Site::new(RULES);
    let agent = agent(&site);
    let store = agent.store();
    write(&store, 0..200, "first");
    turn(&site, &agent, MINUTE);
    assert!(store.brakes().expect("brakes").is_empty(), "a first import is no mass change");
    turn(&site, &agent, DAY);
    let before = store.position().expect("position").seq;
    for minute in 0..5 {
        write(&store, minute * 32..(minute + 1) * 32, "encrypted");
        turn(&site, &agent, MINUTE);
    }
    let brakes = store.brakes().expect("brakes");
    let [brake] = &brakes[..] else { panic!("{brakes:?}") };
    assert_eq!((brake.tenant.as_str(), brake.before, brake.documents), ("main", before, 200));
    assert!(brake.changed >= 100, "{brake:?}");
    // People are told, and so is everybody who asks how the store is.
    let problems = agent.problems().expect("problems");
    let told = problems.iter().find(|p| p.key == "brake main").expect("a problem");
    assert!(told.said.contains("of 200 documents of main") && told.said.contains(&brake.mark), "{}", told.said);
    assert_eq!(store.status().expect("status").brakes, brakes);
    // The state before has a name, and is there to go back to.
    assert_eq!(store.resolve(&Moment::Mark(brake.mark.clone())).expect("a mark"), before);
    // Nothing is taken away, by the agent or by hand.
    (0..3).for_each(|_| turn(&site, &agent, DAY));
    assert!(newest(&store, "forget").said.contains("held back by the brake"), "{}", newest(&store, "forget").said);
    assert!(store.history("case/1").expect("history")[0].forgotten.is_none());
    let plan = store.plan_forget(b"", &store.keep_rules(), &Silent).expect("plan");
    let refused = store.forget(&plan, &By::default(), &Silent).expect_err("the brake is on");
    assert_eq!((refused.kind(), refused.code()), (Kind::Refused, "brake.on"));
    // Recording and shipping go on; going back is no mass change.
    let back = store.rollback(b"", &Moment::Mark(brake.mark.clone())).expect("plan");
    assert_eq!(back.items.len(), 160);
    store.apply(&back, OnConflict::Skip, &By::default()).expect("apply");
    let by = |reason: &str| By { actor: "806".into(), reason: reason.into(), ..By::default() };
    assert_eq!(store.lift_brake("main", &By::default()).expect_err("why?").code(), "brake.reason");
    store.lift_brake("main", &by("ransomware, rolled back")).expect("lifted");
    assert_eq!(store.lift_brake("main", &by("again")).expect_err("it is off").code(), "brake.missing");
    turn(&site, &agent, HOUR);
    assert!(store.brakes().expect("brakes").is_empty(), "what was looked at is not found again");
    assert!(!agent.problems().expect("problems").iter().any(|p| p.key.starts_with("brake")));
    turn(&site, &agent, DAY);
    assert!(newest(&store, "forget").said.contains("forgotten"), "{}", newest(&store, "forget").said);
    // The mark keeps what was before the mass change.
    let versions = store.history("case/1").expect("history");
    assert!(versions[0].forgotten.is_none() && versions[1].forgotten.is_some(), "{versions:?}");
}

#[test]
fn half_of_the_documents_that_were_there_is_most_of_them() {
    let site = Site::new(RULES);
    let agent = agent(&site);
    let store = agent.store();
    write(&store, 0..203, "first");
    turn(&site, &agent, DAY);
    // New ones beside it are not among those that were there.
    write(&store, 300..340, "new");
    write(&store, 0..101, "encrypted");
    turn(&site, &agent, MINUTE);
    assert!(store.brakes().expect("brakes").is_empty(), "101 of 203");
    write(&store, 101..102, "encrypted");
    turn(&site, &agent, MINUTE);
    let brakes = store.brakes().expect("brakes");
    assert_eq!(brakes.iter().map(|b| (b.changed, b.documents)).collect::<Vec<_>>(), [(102, 203)]);
}

#[test]
fn what_people_do_every_day_is_no_mass_change() {
    let site = Site::new(RULES);
    let agent = agent(&site);
    let store = agent.store();
    write(&store, 0..300, "first");
    turn(&site, &agent, DAY);
    write(&store, 0..140, "a folder of many");
    turn(&site, &agent, MINUTE);
    assert!(store.brakes().expect("brakes").is_empty(), "less than half");
    turn(&site, &agent, HOUR);
    write(&store, 140..280, "the other folder");
    write(&store, 300..900, "and many new ones");
    turn(&site, &agent, MINUTE);
    assert!(store.brakes().expect("brakes").is_empty(), "an hour apart");
    let small = store.add_tenant("small").expect("tenant");
    write(&small, 0..90, "few");
    turn(&site, &agent, DAY);
    write(&small, 0..90, "all of few");
    turn(&site, &agent, MINUTE);
    assert!(store.brakes().expect("brakes").is_empty(), "fewer than a hundred");
}

#[test]
fn documents_that_go_and_come_back_under_other_names_are_a_mass_change() {
    let site = Site::new(RULES);
    let agent = agent(&site);
    let store = agent.store();
    write(&store, 0..150, "first");
    turn(&site, &agent, DAY);
    let mut batch = store.batch("").actor("application");
    for n in 0..120 {
        batch.remove(format!("case/{n}")).expect("remove");
        batch.put(format!("case/{n}.locked"), &b"?"[..]).expect("put");
    }
    batch.commit().expect("commit");
    turn(&site, &agent, MINUTE);
    let brakes = store.brakes().expect("brakes");
    assert_eq!((brakes[0].changed, brakes[0].documents), (120, 150));
}

#[test]
fn nobody_is_erased_while_it_is_not_known_what_happened() {
    let site = Site::new(&format!("{RULES}[erasable]\nprefixes = [\"person/\"]\n"));
    let agent = agent(&site);
    let store = agent.store();
    store.put("person/7", &b"a name"[..]).expect("put");
    write(&store, 0..150, "first");
    turn(&site, &agent, DAY);
    write(&store, 0..150, "encrypted");
    turn(&site, &agent, MINUTE);
    assert_eq!(store.brakes().expect("brakes").len(), 1);
    let plan = store.plan_erase("person/7").expect("plan");
    let refused = store.erase(&plan, &By::default(), &Silent).expect_err("the brake is on");
    assert_eq!((refused.kind(), refused.code()), (Kind::Refused, "brake.on"));
    store.lift_brake("main", &By { reason: "looked at".into(), ..By::default() }).expect("lifted");
    let plan = store.plan_erase("person/7").expect("plan");
    store.erase(&plan, &By::default(), &Silent).expect("erased");
}
