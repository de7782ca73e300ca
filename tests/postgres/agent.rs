//! The agent follows a server that comes and goes.

use std::time::{Duration, Instant};

use annals::Store;
use annals::agent::daemon::Agent;
use annals::agent::health;
use annals::model::job::State;

use crate::server::Server;

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
