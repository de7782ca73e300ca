//! What the agent does by itself, under a clock that is turned.

use std::fs;

use annals::Store;
use annals::agent::daemon::{Stepwise, upcoming};
use annals::agent::health::{self, Health};
use annals::base::error::Kind;
use annals::model::job::{Job, State, Task};
use annals::storage::remote::{Fault, Verb};

use crate::support::{DAY, HOUR, MINUTE, SECOND, Site, from_memory, memory, newest, states};

const TWO: &str = "[[remote]]\nname = \"a\"\nrclone = \"a:x\"\n[[remote]]\nname = \"b\"\nrclone = \"b:x\"\n";

fn put(store: &Store, key: &str) {
    store.put(key, format!("{key} has some content").as_bytes()).expect("put");
}

#[test]
fn a_quiet_site_does_nothing_and_a_change_is_shipped_on_schedule_once() {
    let site = Site::new(&format!("[schedule]\nship = \"every 2h\"\n{TWO}"));
    let (a, b) = (memory(), memory());
    let agent = Stepwise::new(site.open(), Some(from_memory(vec![("a", a.clone()), ("b", b.clone())]))).expect("agent");
    let store = agent.store();
    agent.tick().expect("tick");
    assert_eq!((agent.run().expect("run"), a.calls().len()), (0, 0), "nothing is recorded: nothing is done, nobody is asked");
    put(&store, "one");
    let before = site.clock_now();
    assert!(agent.tick().expect("tick").0 - before <= MINUTE, "it looks again within a minute");
    agent.run().expect("run");
    assert_eq!(states(&store, "ship"), [State::Done, State::Done]);
    assert_eq!(store.unshipped().expect("unshipped").batches, 0);
    // Within two hours nothing more; then all that was missed in three days is one shipment.
    put(&store, "two");
    site.clock.advance(HOUR);
    agent.tick().expect("tick");
    agent.run().expect("run");
    assert_eq!(states(&store, "ship").len(), 2);
    site.clock.advance(3 * DAY);
    agent.tick().expect("tick");
    agent.tick().expect("tick");
    agent.run().expect("run");
    assert_eq!(states(&store, "ship"), [State::Done; 4]);
    assert_eq!(store.unshipped().expect("unshipped").batches, 0);
    // A clock that is put back by a year stops nothing: neither what is due nor what waits.
    b.inject(Verb::Store, 0, u64::MAX, Fault::Drop);
    put(&store, "three");
    site.clock.advance(2 * HOUR);
    agent.tick().expect("tick");
    agent.run().expect("run");
    assert_eq!(newest(&store, "ship").state, State::Waiting);
    b.heal();
    site.clock.advance(-365 * DAY);
    agent.tick().expect("tick");
    agent.run().expect("run");
    assert_eq!(newest(&store, "ship").state, State::Done);
    put(&store, "four");
    site.clock.advance(2 * HOUR + MINUTE);
    agent.tick().expect("tick");
    agent.run().expect("run");
    assert_eq!(store.unshipped().expect("unshipped").batches, 0);
}

#[test]
fn what_is_due_and_has_nothing_to_do_is_not_told_as_next() {
    let site = Site::new("[schedule]\nship = \"every 2h\"\n[keep]\nfloor = \"1d\"\nlast = 1\n[[remote]]\nname = \"a\"\nrclone = \"a:x\"\n");
    let agent = Stepwise::new(site.open(), Some(from_memory(vec![("a", memory())]))).expect("agent");
    let store = agent.store();
    let next = |count: usize| upcoming(&store, count).expect("next").into_iter().map(|up| (up.task.to_string(), up.at)).collect::<Vec<_>>();
    let at_of = |task: &str, count: usize| next(count).into_iter().find(|(known, _)| known == task).map(|(_, at)| at);
    assert_eq!(next(1), [], "nothing is recorded: nothing will be done");
    put(&store, "one");
    let now = annals::Timestamp(site.clock_now());
    assert_eq!(at_of("ship a", 1), Some(vec![now]), "what waits is shipped at once");
    agent.tick().expect("tick");
    agent.run().expect("run");
    let later = |micros: i64| annals::Timestamp(site.clock_now() + micros);
    assert_eq!((at_of("ship a", 1), at_of("compact a", 1)), (Some(vec![later(2 * HOUR)]), None), "nothing was forgotten");
    assert_eq!(at_of("compact a", 2), Some(vec![later(DAY)]), "the runs after that may have something to do");
    site.clock.advance(3 * HOUR);
    assert_eq!((at_of("ship a", 1), at_of("ship a", 2)), (None, Some(vec![later(2 * HOUR)])), "nothing waits");
    // What was forgotten is taken off the remote: now there is something to do.
    store.put("one", &b"again"[..]).expect("put");
    let forgotten = || store.history("one").expect("history").iter().any(|v| v.forgotten.is_some());
    for _ in 0..5 {
        site.clock.advance(DAY);
        agent.tick().expect("tick");
        agent.run().expect("run");
        if forgotten() {
            break;
        }
    }
    assert!(forgotten());
    assert_eq!(at_of("compact a", 1), Some(vec![later(0)]));
    site.clock.advance(3 * HOUR);
    agent.tick().expect("tick");
    agent.run().expect("run");
    assert_eq!(at_of("compact a", 1), Some(vec![later(DAY)]), "it ran");
}

#[test]
fn a_remote_that_is_away_keeps_nobody_waiting_and_gets_everything_later() {
    let site = Site::new(&format!("[schedule]\nship = \"every 2h\"\n[alert]\nstale_after = \"4h\"\n{TWO}"));
    let (a, b) = (memory(), memory());
    let agent = Stepwise::new(site.open(), Some(from_memory(vec![("a", a.clone()), ("b", b.clone())]))).expect("agent");
    let store = agent.store();
    a.inject(Verb::Store, 0, u64::MAX, Fault::Drop);
    put(&store, "one");
    let health = |name: &str| health::remotes(&store).expect("health").into_iter().find(|r| r.name == name).expect("remote").health;
    for _ in 0..30 {
        agent.tick().expect("tick");
        agent.run().expect("run");
        site.clock.advance(DAY);
        put(&store, "one");
    }
    let waits = newest(&store, "ship");
    assert!(store.jobs(100).expect("jobs").iter().all(|j| j.state != State::Dead), "what is away is waited for: {waits:?}");
    assert_eq!((health("a"), health("b")), (Health::Stale, Health::Good), "b has all but the change of this moment");
    let held = |name: &str| store.remote_statuses().expect("status").into_iter().find(|r| r.place.name == name).expect("remote").behind();
    assert!(held("b") <= 1 && held("a") == 31, "{} {}", held("a"), held("b"));
    a.heal();
    agent.tick().expect("tick");
    agent.run().expect("run");
    assert_eq!((held("a"), held("b"), health("a")), (0, 0, Health::Good));
}

#[test]
fn windows_and_allowances_hold_a_shipment_back_and_say_until_when() {
    let config = "[schedule]\nship = \"every 1h\"\nwindow = [\"19:00-06:00 10 MiB/s\"]\nallowance = \"100 kB / day\"\n[[remote]]\nname = \"a\"\nrclone = \"a:x\"\n";
    let site = Site::new(config);
    let a = memory();
    let agent = Stepwise::new(site.open(), Some(from_memory(vec![("a", a.clone())]))).expect("agent");
    let store = agent.store();
    put(&store, "one");
    agent.tick().expect("tick");
    agent.run().expect("run");
    let waits = newest(&store, "ship");
    assert_eq!((waits.state, waits.attempts, a.calls().len()), (State::Waiting, 0, 0));
    assert!(waits.said.contains("closed until 20 Nov 2026 19:00"), "{}", waits.said);
    site.clock.advance(7 * HOUR);
    agent.run().expect("run");
    assert_eq!(newest(&store, "ship").state, State::Done);
    // Random bytes do not pack: 150 kB are more than a day may have.
    let mut bytes = vec![0; 150_000];
    annals::base::random::Random::fill(&annals::base::random::SeededRandom::new(1), &mut bytes);
    store.put("large", &bytes[..]).expect("put");
    put(&store, "later");
    site.clock.advance(2 * HOUR);
    for _ in 0..3 {
        agent.tick().expect("tick");
        agent.run().expect("run");
        site.clock.advance(HOUR);
    }
    let waits = newest(&store, "ship");
    assert_eq!(waits.state, State::Waiting, "{waits:?}");
    assert!(waits.said.contains("the day's allowance is used up until 21 Nov 2026 00:00"), "{}", waits.said);
    site.clock.advance(DAY);
    agent.tick().expect("tick");
    agent.run().expect("run");
    assert_eq!(store.unshipped().expect("unshipped").batches, 0, "{:?}", newest(&store, "ship"));
}

#[test]
fn a_disk_that_is_unplugged_waits_and_is_shipped_to_when_it_is_back() {
    let site = Site::new("[schedule]\nship = \"every 1h\"\n[[remote]]\nname = \"usb\"\ndirectory = \"DIR/usb\"\nexpected = \"weekly\"\n");
    fs::create_dir(site.path("usb")).expect("dir");
    let agent = site.stepwise();
    let store = agent.store();
    let work = || {
        agent.tick().expect("tick");
        agent.run().expect("run")
    };
    put(&store, "one");
    work();
    assert_eq!(newest(&store, "ship").state, State::Done);
    fs::rename(site.path("usb"), site.path("away")).expect("unplugged");
    put(&store, "two");
    site.clock.advance(2 * HOUR);
    work();
    let health = || health::remotes(&store).expect("health").remove(0);
    assert_eq!((newest(&store, "ship").state, health().health), (State::Waiting, Health::Waiting), "{:?}", health());
    site.clock.advance(8 * DAY);
    work();
    assert_eq!(health().health, Health::Stale, "a week is over");
    fs::rename(site.path("away"), site.path("usb")).expect("plugged in");
    site.clock.advance(SECOND);
    work();
    assert_eq!((health().health, store.unshipped().expect("unshipped").batches), (Health::Good, 0));
}

#[test]
fn a_poisoned_capture_dies_after_six_tries_and_people_are_told_once() {
    let site = Site::new(
        "[[capture]]\nname = \"stock\"\nsqlite = \"DIR/stock.db\"\n[alert]\ncommand = [\"sh\", \"-c\", \"echo \\\"$ANNALS_PROBLEM: $1\\\" >> DIR/told\", \"sh\"]\n",
    );
    fs::write(site.path("stock.db"), "this is no database".repeat(100)).expect("write");
    let agent = site.stepwise();
    let store = agent.store();
    let id = store.add_job(&Task::Capture("stock".into())).expect("add");
    for _ in 0..6 {
        agent.run().expect("run");
        site.clock.advance(HOUR);
    }
    let dead = store.job(id).expect("job");
    assert_eq!((dead.state, dead.attempts), (State::Dead, 6));
    assert!(!dead.said.is_empty());
    assert_eq!((agent.tell().expect("tell"), agent.tell().expect("tell")), (1, 0), "once");
    store.retry_job(id).expect("retry");
    assert_eq!(agent.tell().expect("tell"), 0, "it is being tried: no problem now");
    for _ in 0..6 {
        agent.run().expect("run");
        site.clock.advance(HOUR);
    }
    assert_eq!(agent.tell().expect("tell"), 1, "it came again");
    let told = fs::read_to_string(site.path("told")).expect("told");
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(told.starts_with("job capture stock: test: capture stock failed 6 times"), "{told}");
}

#[test]
fn a_drill_proves_the_copy_and_finds_what_is_wrong_with_it() {
    let site = Site::new("[schedule]\nship = \"every 1h\"\ndrill = \"every 30d\"\n[[remote]]\nname = \"usb\"\ndirectory = \"DIR/usb\"\n");
    fs::create_dir(site.path("usb")).expect("dir");
    let agent = site.stepwise();
    let store = agent.store();
    for n in 0..20 {
        put(&store, &format!("k{n}"));
    }
    for _ in 0..2 {
        agent.tick().expect("tick");
        agent.run().expect("run");
    }
    let drill = newest(&store, "drill");
    assert_eq!(drill.state, State::Done, "{drill:?}");
    assert!(drill.said.contains("20 batches rebuilt"), "{}", drill.said);
    assert!(!site.path("store").join("drill").exists(), "nothing is left of it");
    let next = upcoming(&store, 2).expect("next").into_iter().find(|u| u.task == Task::Drill("usb".into())).expect("drill");
    assert!((next.at[0].0 - site.clock_now() - 30 * DAY).abs() < MINUTE);
    // A segment that lost bytes is found out.
    let folder = fs::read_dir(site.path("usb")).expect("usb").flatten().map(|e| e.path()).find(|p| p.is_dir()).expect("the tenant's folder");
    let object =
        fs::read_dir(folder).expect("folder").flatten().map(|e| e.path()).find(|p| !p.display().to_string().contains("key-")).expect("object");
    let mut bytes = fs::read(&object).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::set_permissions(&object, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("mode");
    fs::write(&object, bytes).expect("damaged");
    site.clock.advance(31 * DAY);
    agent.tick().expect("tick");
    agent.run().expect("run");
    let drill = newest(&store, "drill");
    assert_eq!((drill.state, drill.code.as_str()), (State::Failed, "drill.failed"), "{drill:?}");
    let problems = health::problems(&store, &Default::default()).expect("problems");
    assert!(problems.iter().any(|p| p.key == "drill usb"), "{problems:?}");
}

#[test]
fn the_configuration_is_followed_and_a_slip_in_it_stops_nothing() {
    let site = Site::new("");
    let agent = site.stepwise();
    put(&agent.store(), "one");
    agent.tick().expect("tick");
    agent.run().expect("run");
    site.configure("[schedule]\nship = \"every 1h\"\n[[remote]]\nname = \"usb\"\ndirectory = \"DIR/usb\"\n");
    fs::create_dir(site.path("usb")).expect("dir");
    agent.tick().expect("tick");
    agent.run().expect("run");
    assert_eq!(agent.store().unshipped().expect("unshipped").batches, 0);
    // A shipment that waits for a remote that is taken out of the file ends.
    agent.store().add_job(&Task::Ship("usb".into())).expect("asked");
    let with_remote = fs::read_to_string(site.path("store/annals.toml")).expect("read");
    site.configure("[schedule]\nship = \"every 1h\"\n");
    agent.tick().expect("tick");
    agent.run().expect("run");
    let last = newest(&agent.store(), "ship");
    assert_eq!((last.state, last.said.as_str()), (State::Done, "the configuration has no such remote any more"));
    fs::write(site.path("store/annals.toml"), with_remote).expect("written");
    agent.tick().expect("tick");
    site.configure("[schedule]\nshp = \"every 1h\" # a slip of the keyboard\n");
    agent.tick().expect("tick");
    assert_eq!(agent.store().config().remotes.len(), 1, "the last good one stays in force");
    assert!(agent.tell().is_ok());
}

#[test]
#[cfg(debug_assertions)]
fn a_full_disk_is_a_state_that_passes() {
    use annals::base::fault::{Fault as Cut, arm};
    let site = Site::new("[schedule]\nship = \"every 1h\"\n[[remote]]\nname = \"usb\"\ndirectory = \"DIR/usb\"\n");
    fs::create_dir(site.path("usb")).expect("dir");
    let agent = site.stepwise();
    let store = agent.store();
    put(&store, "one");
    let keys = || agent.problems().expect("problems").into_iter().map(|p| p.key).collect::<Vec<_>>();
    assert_eq!(arm(0, Cut::Full, || agent.tick()).expect_err("full").kind(), Kind::Space);
    assert_eq!(keys(), ["space"]);
    agent.tick().expect("tick");
    // Full again in the middle of the work, at each place in turn: never dead, never lost.
    for place in [0, 2, 5, 9, 14, 20, 27] {
        drop(arm(place, Cut::Full, || agent.run()));
        site.clock.advance(HOUR);
        agent.tick().expect("tick");
    }
    // What could not be written is written now, and what failed of it is tried again.
    for _ in 0..2 {
        site.clock.advance(HOUR);
        agent.run().expect("run");
    }
    assert_eq!((keys(), store.unshipped().expect("unshipped").batches), (vec![], 0));
    // What was asked for while the same was tried in vain was done with it.
    let well = |job: &Job| job.state == State::Done || (job.state == State::Cancelled && job.said.ends_with(" does the same"));
    assert!(store.jobs(100).expect("jobs").iter().all(well), "{:?}", store.jobs(100));
}

#[test]
#[cfg(debug_assertions)]
fn when_there_is_space_again_what_waited_for_it_is_done_at_once() {
    use annals::base::fault::{Fault as Cut, arm};
    let failed = (1..20).find_map(|place| {
        let site = Site::new("[[capture]]\nname = \"a\"\nfolder = \"DIR/a\"\n");
        fs::create_dir(site.path("a")).expect("dir");
        fs::write(site.path("a/x"), "1").expect("written");
        let agent = site.stepwise();
        agent.store().add_job(&Task::Capture("a".into())).expect("asked");
        drop(arm(place, Cut::Full, || agent.run()));
        // How it ended is written once that can be.
        agent.run().expect("run");
        let job = newest(&agent.store(), "capture");
        (job.code == "disk.full").then_some((site, agent))
    });
    let (site, agent) = failed.expect("a capture that found no space");
    let store = agent.store();
    assert!(newest(&store, "capture").not_before.0 > site.clock_now());
    assert_eq!(agent.problems().expect("problems").len(), 1, "it is known");
    // Something else can be done, so there is space.
    store.add_job(&Task::Gc).expect("asked");
    while agent.run().expect("run") > 0 {}
    assert_eq!(newest(&store, "capture").state, State::Done);
    assert_eq!(store.history("a/x").expect("history").len(), 1);
}

#[test]
fn what_a_killed_agent_left_is_done_by_the_next_one() {
    let site = Site::new("");
    let id = {
        let store = site.open();
        put(&store, "one");
        store.add_job(&Task::Verify).expect("add")
    };
    {
        let catalog = annals::storage::catalog::Catalog::open(&site.path("store").join("catalog.db")).expect("open");
        let now = annals::Timestamp(site.clock_now());
        let job = catalog.write(|w| w.claim_job("local", "an agent that was killed", now)).expect("claim").expect("a job");
        assert_eq!(job.id, id);
    }
    let agent = site.stepwise();
    agent.run().expect("run");
    assert_eq!(agent.store().job(id).expect("job").state, State::Done);
}

#[test]
fn what_a_rule_keeps_away_is_not_tried() {
    let site = Site::new("[schedule]\nship = \"every 1h\"\n[[remote]]\nname = \"a\"\nrclone = \"a:x\"\n[tenant.main]\nregions = [\"se\"]\n");
    let a = memory();
    let agent = Stepwise::new(site.open(), Some(from_memory(vec![("a", a.clone())]))).expect("agent");
    put(&agent.store(), "one");
    agent.tick().expect("tick");
    agent.run().expect("run");
    assert_eq!(a.calls().len(), 0, "what may not go there is not even tried");
    assert_eq!(agent.store().pause_job(77).expect_err("none").kind(), Kind::Missing);
}
