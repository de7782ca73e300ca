//! The agent follows a server that comes and goes.

use std::time::{Duration, Instant};

use annals::agent::daemon::{Agent, Stepwise};
use annals::agent::health;
use annals::agent::order::{Carried, Content, Order, Outcome, What};
use annals::base::fault::{self, Fault};
use annals::model::change::Cause;
use annals::model::job::{State, Task};
use annals::model::realign::{Keep, RealignPlan};
use annals::{By, Silent, Store};

use crate::server::{Server, Site};

/// How long something that is on its way may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(150);

fn until(agent: &Agent, what: &str, mut is: impl FnMut(&Store) -> bool) {
    let (start, handle) = (Instant::now(), agent.handle());
    while !is(&handle.store()) {
        assert!(start.elapsed() < PATIENCE, "{what}: {:?}", handle.store().jobs(10));
        handle.wait(Duration::from_millis(50));
    }
}

fn versions(store: &Store, key: &str) -> usize {
    store.history(key).map_or(0, |versions| versions.len())
}

#[test]
fn a_server_is_followed_and_waited_for_and_one_that_went_back_is_told() {
    let Some(mut server) = Server::start() else { return };
    let mut db = server.database("CREATE TABLE item (id text PRIMARY KEY, price int); INSERT INTO item VALUES ('a', 0)");
    let dir = tempfile::tempdir().expect("dir");
    let store = Store::init(dir.path().join("store"), "test").expect("init");
    drop(store);
    let config = format!("[[capture]]\nname = \"shop\"\npostgres = \"{}\"\ntables = [\"item\"]\n", server.url("shop"));
    std::fs::write(dir.path().join("store/annals.toml"), config).expect("config");
    let open = || Store::open(dir.path().join("store")).expect("open");
    let agent = Agent::start(open()).expect("agent");
    until(&agent, "the first rows", |store| versions(store, "shop/item/a") == 1);
    for price in 1..=3 {
        db.batch_execute(&format!("UPDATE item SET price = {price}")).expect("transaction");
    }
    until(&agent, "each transaction is a version", |store| versions(store, "shop/item/a") == 4);
    let captures = |store: &Store| store.jobs(10).expect("jobs").into_iter().filter(|job| job.task.kind() == "capture").collect::<Vec<_>>();
    assert_eq!(captures(&agent.store()).len(), 1, "without further jobs");
    agent.stop();
    // Started while the server is down: it waits, and that is no failure.
    drop(db);
    server.stop();
    server.copy("data", "old");
    let agent = Agent::start(open()).expect("agent");
    let waits = |store: &Store, code: &str| {
        let job = captures(store).remove(0);
        (job.state, job.attempts, job.code.as_str()) == (State::Waiting, 0, code)
    };
    until(&agent, "it waits", |store| waits(store, "source.unreachable"));
    server.run();
    server.client("shop").batch_execute("UPDATE item SET price = 4").expect("transaction");
    until(&agent, "it goes on", |store| versions(store, "shop/item/a") == 5);
    // An older copy of the server in its place.
    server.stop();
    server.copy("old", "data");
    server.run();
    let told = |agent: &Agent| health::problems(&agent.store(), &agent.handle().troubles()).expect("problems");
    until(&agent, "it is noticed", |store| waits(store, "lineage.behind"));
    assert!(told(&agent).iter().any(|p| p.key == "database shop/" && p.said.contains("behind its history by 1 transaction")), "{:?}", told(&agent));
    assert_eq!(versions(&agent.store(), "shop/item/a"), 5, "nothing is recorded on top");
    agent.stop();
}

/// Carries an order out, cut at the `n`-th place that is passed where one is given, and whatever is left of it afterwards. What came of it, and
/// the places that were passed.
fn carry_out(site: &Site, order: &dyn Fn() -> i64, cut: Option<u64>) -> (Outcome, Vec<&'static str>) {
    let job = order();
    let agent = || Stepwise::new(site.store.clone(), None).expect("agent");
    let seen = match cut {
        // What the agent says of a disk that went away is not the question.
        Some(n) => fault::arm(n, Fault::Error, || agent().run().ok().map(|_| Vec::new())).unwrap_or_default(),
        None => fault::count(|| agent().run().expect("run")).1,
    };
    let agent = agent();
    for _ in 0..5 {
        site.clock.advance(3_600_000_000);
        agent.run().expect("run");
    }
    let done = site.store.job(job).expect("job");
    assert_eq!(done.state, State::Done, "cut at {cut:?}: {done:?}");
    let Task::Apply(id) = done.task else { panic!("another job") };
    (site.store.outcome(&id).expect("readable").expect("an outcome"), seen)
}

/// The places at which an order is cut: from the commit in the database on.
fn places(seen: &[&str]) -> std::ops::Range<u64> {
    let commit = seen.iter().position(|place| *place == "source.commit").expect("a commit");
    assert!(seen.len() > commit + 4, "{seen:?}");
    commit as u64..seen.len() as u64
}

fn ordered(site: &Site, what: What, content: &Content<'_>) -> i64 {
    site.store
        .order(&Order { what, actor: "806".into(), reason: "feil".into(), origin: "web".into(), request: String::new() }, content)
        .expect("order")
}

#[test]
fn an_order_to_a_server_is_done_once_wherever_it_is_cut() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database("CREATE TABLE item (id text PRIMARY KEY, price int); INSERT INTO item VALUES ('a', 10), ('b', 10), ('c', 10)");
    let site = Site::new(&server);
    site.capture();
    let mistake = std::cell::Cell::new(0);
    let mut try_once = |cut: Option<u64>| {
        db.batch_execute(&format!("UPDATE item SET price = 1000 + {}", mistake.get())).expect("mistake");
        mistake.set(site.capture().receipt.expect("a batch").position.seq);
        let plan = site.store.undo(mistake.get()).expect("plan");
        let what = What::Plan { tenant: "main".into(), purpose: plan.purpose.clone(), to_source: true };
        let (outcome, seen) = carry_out(&site, &|| ordered(&site, what.clone(), &Content::Plan(&plan)), cut);
        let Outcome::Plan(Carried { batch: Some(batch), done: 3, .. }) = outcome else { panic!("cut at {cut:?}: {outcome:?}") };
        let head = site.store.position().expect("position").seq;
        let undone = site.store.batches(mistake.get() + 1, head, 10).expect("batches");
        let undone: Vec<_> =
            undone.iter().filter(|b| b.event.cause == Cause::Undo(mistake.get())).map(|b| (b.event.seq, b.event.actor.as_str())).collect();
        assert_eq!(undone, [(batch, "806")], "cut at {cut:?}");
        assert_eq!(db.query("SELECT 1 FROM item WHERE price = 10", &[]).expect("rows").len(), 3, "cut at {cut:?}");
        seen
    };
    let seen = try_once(None);
    places(&seen).for_each(|n| drop(try_once(Some(n))));
}

#[test]
fn an_order_to_realign_a_server_is_done_once_wherever_it_is_cut() {
    let Some(server) = Server::start() else { return };
    server.database("CREATE TABLE item (id text PRIMARY KEY, price int, note text); INSERT INTO item VALUES ('a', 10, ''), ('b', 10, '')");
    let site = Site::new(&server);
    site.capture();
    let mut price = 10;
    let mut try_once = |cut: Option<u64>| {
        price += 1;
        server.tool("pg_dump", "shop", &["-Fc", "-f", "older.dump"]);
        server.client("shop").batch_execute("UPDATE item SET price = price + 1").expect("lost");
        site.capture();
        server.tool("pg_restore", "shop", &["--clean", "--if-exists", "older.dump"]);
        server.client("shop").batch_execute("UPDATE item SET note = note || 'x' WHERE id = 'a'").expect("work");
        site.try_capture().expect_err("noticed");
        let mut all = RealignPlan::new(Vec::new());
        let plan = site.store.plan_realign_database(b"shop/", Keep::Both, &By::default(), &Silent).expect("plan").expect("out of line");
        all.databases.push(plan);
        let (outcome, seen) = carry_out(&site, &|| ordered(&site, What::Realign { keep: Keep::Both }, &Content::Realign(&all)), cut);
        let Outcome::Realign { databases, .. } = outcome else { panic!("cut at {cut:?}: {outcome:?}") };
        let (done, head) = (&databases[0], site.store.position().expect("position").seq);
        assert_eq!((done.found, done.batch, done.seq, done.written), (Some(head - 1), Some(head), head, 2), "cut at {cut:?}");
        let right = server.client("shop").query("SELECT 1 FROM item WHERE price = $1 AND (id <> 'a' OR length(note) = $1 - 10)", &[&price]);
        assert_eq!(right.expect("rows").len(), 2, "cut at {cut:?}");
        assert_eq!(site.capture().receipt, None, "in line, cut at {cut:?}");
        seen
    };
    let seen = try_once(None);
    places(&seen).for_each(|n| drop(try_once(Some(n))));
}
