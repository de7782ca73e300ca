//! Slots that are lost, servers that go back in time: noticed, and bridged or refused.

use annals::{Kind, Monitor, Progress};

use crate::server::{Server, Site};

const COUNTER: &str = "CREATE TABLE counter (id int PRIMARY KEY, n int); INSERT INTO counter SELECT g, 0 FROM generate_series(1, 20) g";

fn slot(server: &Server) -> Vec<String> {
    let rows = server.client("shop").query("SELECT slot_name::text FROM pg_replication_slots", &[]).expect("slots");
    rows.iter().map(|row| row.get(0)).collect()
}

#[test]
fn a_lost_slot_is_bridged_by_what_differs() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database(COUNTER);
    let site = Site::new(&server);
    site.capture();
    db.batch_execute("UPDATE counter SET n = 1 WHERE id = 1").expect("update");
    site.capture();
    db.batch_execute("SELECT pg_drop_replication_slot('annals_shop'); UPDATE counter SET n = 2 WHERE id = 2").expect("lost");
    db.batch_execute("DELETE FROM counter WHERE id = 3; INSERT INTO counter VALUES (100, 1)").expect("more");
    let done = site.capture();
    assert_eq!((done.merged_intervals, done.added, done.changed, done.removed, done.unchanged), (1, 1, 1, 1, 18));
    site.compare(&mut db, "public.counter", "counter", &["id"]);
    db.batch_execute("UPDATE counter SET n = 9").expect("update");
    let done = site.capture();
    assert_eq!((done.transactions, done.merged_intervals, done.changed), (1, 0, 20));
    // Without the publication the past cannot be read: the same.
    db.batch_execute("UPDATE counter SET n = 10 WHERE id = 1; DROP PUBLICATION annals_shop").expect("lost");
    assert_eq!(site.capture().merged_intervals, 1);
    site.compare(&mut db, "public.counter", "counter", &["id"]);
    assert_eq!(slot(&server), ["annals_shop"]);
}

#[test]
fn a_slot_that_holds_too_much_is_given_up_and_the_gap_bridged() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database(COUNTER);
    let mut site = Site::new(&server);
    site.capture();
    site.what.slot_bytes_max = 1 << 20;
    // A transaction that stays open keeps the server from forgetting anything.
    let mut idle = server.client("shop");
    idle.batch_execute("BEGIN; INSERT INTO counter VALUES (1000, 1)").expect("open");
    db.batch_execute("CREATE TABLE bulk (id int PRIMARY KEY, t text); INSERT INTO bulk SELECT g, repeat('x', 500) FROM generate_series(1, 6000) g")
        .expect("bulk");
    let done = site.capture();
    assert!(done.notes.iter().any(|note| note.contains("given up")), "{done:?}");
    assert!(slot(&server).is_empty());
    idle.batch_execute("COMMIT").expect("commit");
    drop(idle);
    let done = site.capture();
    assert_eq!((done.merged_intervals, done.added), (1, 1), "{done:?}");
    site.compare(&mut db, "public.counter", "counter", &["id"]);
    site.compare(&mut db, "public.bulk", "bulk", &["id"]);
}

#[test]
fn a_server_that_was_put_back_is_noticed_and_nothing_is_recorded_on_top() {
    let Some(mut server) = Server::start() else { return };
    let mut db = server.database(COUNTER);
    let mut site = Site::new(&server);
    site.capture();
    db.batch_execute("UPDATE counter SET n = 15 WHERE id = 1").expect("update");
    site.capture();
    drop(db);
    // A copy of the whole server, as a virtual machine's snapshot is one: the slot is in it.
    server.stop();
    server.copy("data", "older");
    server.run();
    let mut db = server.client("shop");
    for n in [13, 10] {
        db.batch_execute(&format!("UPDATE counter SET n = {n} WHERE id = 1")).expect("update");
    }
    site.capture();
    let position = site.store.position().expect("position");
    drop(db);
    server.stop();
    server.copy("older", "data");
    server.run();
    let e = site.try_capture().expect_err("older");
    assert_eq!((e.kind(), e.code()), (Kind::Refused, "lineage.behind"));
    assert!(e.what_next().is_some_and(|hint| hint.contains("--accept")));
    // It writes on, past the place where it was: other transactions stand there now.
    let mut db = server.client("shop");
    db.batch_execute("UPDATE counter SET n = 14 WHERE id = 1; CREATE TABLE other AS SELECT repeat('x', 1000) t FROM generate_series(1, 5000)")
        .expect("on");
    db.batch_execute("UPDATE counter SET n = 16 WHERE id = 2").expect("on");
    let e = site.try_capture().expect_err("another line");
    assert_eq!((e.kind(), e.code()), (Kind::Refused, "lineage.forked"));
    assert_eq!(site.store.position().expect("position"), position, "nothing was recorded");
    // Somebody decides that this is the truth.
    site.what.accept = true;
    let done = site.capture();
    assert_eq!((done.merged_intervals, done.changed), (1, 2));
    site.compare(&mut db, "public.counter", "counter", &["id"]);
    assert_eq!(site.store.history("shop/counter/1").expect("history").len(), 5, "0, 15, 13, 10 stay, and 14 is on top");
    site.what.accept = false;
    db.batch_execute("UPDATE counter SET n = 17 WHERE id = 2").expect("on");
    assert_eq!(site.capture().transactions, 1);
}

/// Stops everything that takes long enough to ask.
struct Impatient;

impl Monitor for Impatient {
    fn progress(&self, _: &Progress) {}
    fn note(&self, _: &str) {}
    fn stopped(&self) -> bool {
        true
    }
}

#[test]
fn a_server_that_stays_behind_is_read_once() {
    let Some(mut server) = Server::start() else { return };
    server.database(COUNTER);
    let site = Site::new(&server);
    site.capture();
    server.stop();
    server.copy("data", "older");
    server.run();
    server.client("shop").batch_execute("UPDATE counter SET n = 1 WHERE id = 1").expect("update");
    site.capture();
    server.stop();
    server.copy("older", "data");
    server.run();
    let first = site.try_capture().expect_err("older");
    let told = site.try_capture().expect_err("still older");
    assert_eq!((first.code(), first.to_string()), (told.code(), told.to_string()));
    // Nothing was written there since: the same is said without a look at a single row.
    let quick = || site.store.capture_postgres(&site.what, &Default::default(), &Impatient).expect_err("no");
    let again = quick();
    assert_eq!((again.code(), again.to_string(), again.at().seq), (told.code(), told.to_string(), told.at().seq));
    assert_eq!(again.what_next(), told.what_next());
    // Once something is, its rows are looked at.
    server.client("shop").batch_execute("UPDATE counter SET n = 7 WHERE id = 2").expect("update");
    assert_eq!(quick().kind(), Kind::Interrupted);
    assert_eq!(site.try_capture().expect_err("forked").code(), "lineage.forked");
    assert_eq!(quick().code(), "lineage.forked");
}

#[test]
fn another_server_is_refused() {
    let (Some(server), Some(other)) = (Server::start(), Server::start()) else { return };
    server.database(COUNTER);
    other.database(COUNTER);
    let mut site = Site::new(&server);
    site.capture();
    site.what.url = other.url("shop");
    let e = site.try_capture().expect_err("another");
    assert_eq!((e.kind().exit(), e.code()), (14, "lineage.foreign"));
}
