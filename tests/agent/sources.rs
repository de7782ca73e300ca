//! Databases that the agent follows while other programs write to them.

use std::fs;
use std::time::{Duration, Instant};

use annals::agent::daemon::Agent;
use annals::engine::plans::By;
use annals::model::change::Cause;
use annals::model::job::{State, Task};
use annals::{OnConflict, Silent, Store};
use rusqlite::Connection;

use crate::support::{DAY, HOUR, Site, newest, states};

/// How long something that is on its way may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);
const STOCK: &str = "[[capture]]\nname = \"stock\"\nsqlite = \"DIR/stock.db\"\n";

/// Opens a database as an application does.
fn app(site: &Site, name: &str) -> Connection {
    let connection = Connection::open(site.path(name)).expect("open");
    let setup = "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; CREATE TABLE IF NOT EXISTS item (id TEXT PRIMARY KEY, price INT)";
    connection.execute_batch(setup).expect("tables");
    connection
}

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

fn problems(agent: &Agent) -> Vec<String> {
    annals::agent::health::problems(&agent.store(), &agent.handle().troubles()).expect("problems").into_iter().map(|p| p.key).collect()
}

#[test]
fn a_database_that_is_not_there_yet_is_waited_for_without_counting() {
    let site = Site::new(STOCK);
    let agent = site.stepwise();
    let store = agent.store();
    let id = store.add_job(&Task::Capture("stock".into())).expect("add");
    for _ in 0..20 {
        assert_eq!(agent.run().expect("run"), 1);
        let waits = store.job(id).expect("job");
        assert_eq!((waits.state, waits.attempts, waits.code.as_str()), (State::Waiting, 0, "source.missing"), "{waits:?}");
        site.clock.advance(HOUR);
    }
    assert_eq!(agent.problems().expect("problems").len(), 0, "for less than a day that is nothing");
    fs::write(site.path("stock.db"), b"").expect("empty");
    site.clock.advance(DAY);
    agent.run().expect("run");
    assert_eq!(store.job(id).expect("job").code, "source.empty", "nobody made a table yet");
    let told = agent.problems().expect("problems");
    assert!(told.len() == 1 && told[0].said.contains("the capture stock waits for its source for"), "{told:?}");
    app(&site, "stock.db").execute_batch("INSERT INTO item VALUES ('a', 10)").expect("row");
    site.clock.advance(HOUR);
    agent.run().expect("run");
    let done = store.job(id).expect("job");
    assert_eq!((done.state, versions(&store, "stock/item/a")), (State::Done, 1), "{done:?}");
    assert!(done.said.contains(": 1 added, 0 changed"), "{}", done.said);
    assert_eq!(agent.problems().expect("problems").len(), 0);
}

#[test]
fn a_capture_that_never_worked_stands_in_the_status_with_its_reason() {
    let letters = "[[capture]]\nname = \"letters\"\nprefix = \"post\"\nfolder = \"DIR/letters\"\n";
    let site = Site::new(&format!("{STOCK}{letters}"));
    fs::write(site.path("stock.db"), [7; 5000]).expect("bytes");
    let agent = site.stepwise();
    let store = agent.store();
    let shown = || -> Vec<_> { store.status().expect("status").captures.iter().map(|c| (c.prefix.clone(), c.source.clone(), c.trouble())).collect() };
    assert_eq!(shown(), [], "nobody tried");
    for name in ["stock", "letters"] {
        store.add_job(&Task::Capture(name.into())).expect("add");
    }
    agent.run().expect("run");
    let seen = shown();
    let place = |name: &str| site.path(name).display().to_string();
    assert_eq!((&seen[0].0[..], &seen[0].1, &seen[1].0[..], &seen[1].1), ("stock/", &place("stock.db"), "post/", &place("letters")));
    let why = |at: usize| seen[at].2.clone().unwrap_or_default();
    assert!(why(0).starts_with("nothing recorded yet: ") && why(0).contains("stock.db"), "{seen:?}");
    assert!(why(1).starts_with("nothing recorded yet: ") && why(1).contains("letters"), "{seen:?}");
    // Once something was recorded, a failure is no such news, however long ago.
    store.put("post/a", &b"x"[..]).expect("put");
    fs::remove_file(site.path("stock.db")).expect("removed");
    app(&site, "stock.db").execute_batch("INSERT INTO item VALUES ('a', 10)").expect("row");
    site.clock.advance(HOUR);
    agent.run().expect("run");
    assert_eq!(shown().iter().map(|(prefix, _, trouble)| (&prefix[..], trouble.is_none())).collect::<Vec<_>>(), [("stock/", true)]);
}

#[test]
fn tables_prefix_image_and_tenant_are_those_of_the_configuration() {
    let site = Site::new(
        "[[capture]]\nname = \"stock\"\nsqlite = \"DIR/stock.db\"\ntables = [\"it*\"]\nimage = true\nprefix = \"shop\"\ntenant = \"north\"\n",
    );
    let app = app(&site, "stock.db");
    app.execute_batch("CREATE TABLE secret (id INTEGER PRIMARY KEY); INSERT INTO secret VALUES (1); INSERT INTO item VALUES ('a', 1)").expect("rows");
    let agent = site.stepwise();
    let store = agent.store();
    let tenant = store.add_tenant("north").expect("tenant");
    let id = store.add_job(&Task::Capture("stock".into())).expect("add");
    agent.run().expect("run");
    assert_eq!(store.job(id).expect("job").state, State::Done, "{:?}", store.job(id));
    let keys: Vec<String> = tenant.list("").map(|v| String::from_utf8(v.expect("version").key).expect("text")).collect();
    assert!(keys.iter().all(|k| k.starts_with("shop/")) && keys.contains(&"shop/item/a".to_owned()), "{keys:?}");
    assert!(!keys.iter().any(|k| k.contains("secret")) && keys.iter().any(|k| k.contains("image")), "{keys:?}");
    assert_eq!(store.list("").count(), 0, "the other tenant has nothing");
    let batch = tenant.batches(1, 1, 1).expect("batch").remove(0);
    assert!(!batch.event.reason.contains("capture stock"), "{:?}", batch.event);
}

#[test]
fn transactions_of_another_program_are_followed_without_jobs() {
    let site = Site::new(STOCK);
    let agent = Agent::start(site.open()).expect("agent");
    until(&agent, "it waits", |store| store.jobs(10).expect("jobs").iter().any(|j| j.code == "source.missing"));
    // The file appears: that is noticed, although the clock stands still and the job has its time yet to wait.
    let app = app(&site, "stock.db");
    app.execute_batch("INSERT INTO item VALUES ('a', 0)").expect("row");
    until(&agent, "the first rows are there", |store| versions(store, "stock/item/a") == 1);
    for price in 1..=5 {
        app.execute_batch(&format!("UPDATE item SET price = {price} WHERE id = 'a'")).expect("transaction");
    }
    until(&agent, "each transaction is a version", |store| versions(store, "stock/item/a") == 6);
    assert_eq!(states(&agent.store(), "capture"), [State::Done], "one job brought it up to now");
    // A person takes a transaction back while the agent follows: it is recorded once, as what it is.
    let store = agent.store();
    let head = store.position().expect("position").seq;
    let by = By { actor: "806".into(), reason: String::new(), origin: "test".into() };
    let plan = store.undo(head).expect("plan");
    let applied = store.apply_to_source(&plan, OnConflict::Skip, &by, &Silent).expect("apply");
    assert_eq!((applied.done, applied.receipt.map(|r| r.position.seq)), (1, Some(head + 1)));
    app.execute_batch("INSERT INTO item VALUES ('b', 1)").expect("row");
    until(&agent, "it follows on", |store| versions(store, "stock/item/b") == 1);
    assert_eq!((versions(&store, "stock/item/a"), store.position().expect("position").seq), (7, head + 2));
    assert_eq!(store.batches(head + 1, head + 1, 1).expect("batch")[0].event.cause, Cause::Undo(head));
    let begun = Instant::now();
    drop(store);
    agent.stop();
    assert!(begun.elapsed() < PATIENCE / 4, "it ends when it is asked to: {:?}", begun.elapsed());
    // What is committed while nobody looks is there after the next start.
    app.execute_batch("UPDATE item SET price = 7 WHERE id = 'b'").expect("transaction");
    let agent = Agent::start(site.open()).expect("agent");
    until(&agent, "it went on where it was", |store| versions(store, "stock/item/b") == 2);
    site.configure("");
    agent.poke();
    until(&agent, "the section is gone", |store| store.config().captures.is_empty());
}

#[test]
fn a_database_that_went_back_stands_still_alone_and_goes_on_when_it_is_put_right() {
    let site = Site::new(&format!("{STOCK}[[capture]]\nname = \"other\"\nsqlite = \"DIR/other.db\"\n"));
    let (stock, other) = (app(&site, "stock.db"), app(&site, "other.db"));
    stock.execute_batch("INSERT INTO item VALUES ('a', 1)").expect("row");
    let agent = Agent::start(site.open()).expect("agent");
    until(&agent, "the first row", |store| versions(store, "stock/item/a") == 1);
    stock.execute_batch(&format!("VACUUM INTO '{}'", site.path("old.db").display())).expect("copy");
    stock.execute_batch("UPDATE item SET price = 2").expect("transaction");
    until(&agent, "the second version", |store| versions(store, "stock/item/a") == 2);
    stock.execute_batch(&format!("VACUUM INTO '{}'", site.path("new.db").display())).expect("copy");
    drop(stock);
    let put = |name: &str| {
        for end in ["-wal", "-shm"] {
            let _ = fs::remove_file(site.path(&format!("stock.db{end}")));
        }
        fs::rename(site.path(name), site.path("stock.db")).expect("in place");
    };
    put("old.db");
    until(&agent, "it is noticed", |_| problems(&agent) == ["database stock/"]);
    until(&agent, "the job waits", |store| newest(store, "capture").state == State::Waiting);
    let waits = newest(&agent.store(), "capture");
    assert_eq!((waits.attempts, waits.code.as_str(), waits.task.subject()), (0, "lineage.behind", "stock"), "{waits:?}");
    other.execute_batch("INSERT INTO item VALUES ('x', 1)").expect("row");
    until(&agent, "the others go on", |store| versions(store, "other/item/x") == 1);
    assert_eq!(versions(&agent.store(), "stock/item/a"), 2, "nothing is recorded on top");
    put("new.db");
    until(&agent, "it is in line again", |_| problems(&agent).is_empty());
    let app = app(&site, "stock.db");
    app.execute_batch("UPDATE item SET price = 3").expect("transaction");
    until(&agent, "it follows on", |store| versions(store, "stock/item/a") == 3);
}
